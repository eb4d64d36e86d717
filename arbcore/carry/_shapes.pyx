"""Rows of a shape that was seen before, many bytes at a time, where the processor can.

Owns the vector instructions of the CSV reader (AVX2, found at run time). On any other machine there are none,
and the reader's scalar path does it all, with the same bits. A shape is where a compact row has its digits
and what stands between them; the date is part of it. A row that differs in one byte that is no digit is left
where it is, and so is one that needs judging. It knows no header and no counts but its own.
"""

cdef extern from *:
    """
    #include <stdint.h>
    #include <stdlib.h>
    #include <string.h>

    #if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__)) && !defined(ARB_NO_VECTORS)
    #include <immintrin.h>
    #define ARB_SHAPES 128
    #define ARB_AVX2 __attribute__((target("avx2,bmi,lzcnt")))

    /* One shape. A byte of a row is right where (byte ^ expected) <= limit: limit is 9 at a digit, whose
       expected byte is '0', 0 at any other byte of the row, 255 behind it. */
    typedef struct {
        unsigned char expected[64], limit[64];
        unsigned char clock[16], fraction[16];      /* gather the digits of the time, in pairs */
        unsigned char bids[32], asks[32];           /* gather the digits of the prices, eight each */
        double divisors[4];
        uint64_t key;                               /* where it has no digit; 0: no shape */
        int length, price_at[4];
    } ArbShape;

    typedef struct {
        ArbShape shapes[ARB_SHAPES];
        ArbShape *last, none;                       /* `none` fits no row */
        unsigned char date[10];                     /* that of every expected row */
        int64_t date_ns;
    } ArbShapes;

    static const double arb_powers[10] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

    static int arb_can(void) {
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi");
    }

    static ArbShape *arb_slot(ArbShapes *table, uint64_t key) {
        return &table->shapes[(key * 0x9E3779B97F4A7C15ULL) >> 57];
    }

    /* Where a row has no digit, up to its newline; 0 where that is more than 64 bytes away. */
    ARB_AVX2 static uint64_t arb_key(const unsigned char *row) {
        const __m256i zero = _mm256_set1_epi8('0'), nine = _mm256_set1_epi8(9);
        const __m256i newline = _mm256_set1_epi8('\\n');
        __m256i low = _mm256_loadu_si256((const __m256i *)row);
        __m256i high = _mm256_loadu_si256((const __m256i *)(row + 32));
        uint64_t ends = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, newline))
            | (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, newline)) << 32;
        __m256i low_digit = _mm256_sub_epi8(low, zero), high_digit = _mm256_sub_epi8(high, zero);
        uint64_t digits = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(low_digit, nine),
                                                                            low_digit))
            | (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(high_digit, nine),
                                                                          high_digit)) << 32;
        return ends ? ~digits & (ends ^ (ends - 1)) : 0;
    }

    /* The shape of a row that the scalar path has just read: `end` is behind its newline. */
    ARB_AVX2 static void arb_learn(ArbShapes *table, const unsigned char *row, const unsigned char *end,
                                   int64_t date_ns) {
        int length = (int)(end - row), at = 19, digits = 0, price, whole;
        uint64_t key = length <= 64 ? arb_key(row) : 0;
        ArbShape *shape;
        ArbShape made;
        if (memcmp(table->date, row, 10)) {
            memcpy(table->date, row, 10);
            table->date_ns = date_ns;
            table->last = &table->none;
        }
        if (!key) return;
        shape = arb_slot(table, key);
        memset(&made, 0, sizeof made);
        memset(made.limit, 255, 64);
        memset(made.clock, 128, 16);
        memset(made.fraction, 128, 16);
        memset(made.bids, 128, 32);
        memset(made.asks, 128, 32);
        for (int i = 0; i < length; i++) {
            int digit = i >= 10 && row[i] >= '0' && row[i] <= '9';
            made.expected[i] = digit ? '0' : row[i];
            made.limit[i] = digit ? 9 : 0;
        }
        for (int i = 0; i < 3; i++) made.clock[2 * i] = 3 * i, made.clock[2 * i + 1] = 3 * i + 1;
        if (row[at] == '.')
            for (at++; row[at] >= '0' && row[at] <= '9'; at++, digits++)
                if (digits < 9) made.fraction[6 + digits] = digits;
        at += row[at] == 'Z';
        for (price = 0; price < 4; price++) {
            int point = -1, first = ++at, count;
            unsigned char *gather = price & 1 ? made.asks : made.bids;
            for (; (row[at] >= '0' && row[at] <= '9') || row[at] == '.'; at++)
                if (row[at] == '.') point = at;
            whole = at - first;
            count = whole - (point >= 0);
            if (whole > 16 || count > 8) return;
            made.price_at[price] = first;
            made.divisors[price] = arb_powers[point >= 0 ? at - point - 1 : 0];
            /* Right-aligned in the low or the high eight bytes of the leg's sixteen. */
            gather += (price >> 1) * 16 + (price & 1) * 8 + 8 - count;
            for (int i = first; i < at; i++)
                if (i != point) *gather++ = i - first;
        }
        made.length = length;
        made.key = key;
        *shape = made;
        table->last = shape;
    }

    ARB_AVX2 static int arb_fits(const ArbShape *shape, const unsigned char *row) {
        __m256i low = _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)row),
                                       _mm256_loadu_si256((const __m256i *)shape->expected));
        __m256i high = _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(row + 32)),
                                        _mm256_loadu_si256((const __m256i *)(shape->expected + 32)));
        __m256i over = _mm256_or_si256(
            _mm256_subs_epu8(low, _mm256_loadu_si256((const __m256i *)shape->limit)),
            _mm256_subs_epu8(high, _mm256_loadu_si256((const __m256i *)(shape->limit + 32))));
        return _mm256_testz_si256(over, over);
    }

    /* The last shape, or the one that the row's key leads to; NULL where none fits. */
    ARB_AVX2 static ArbShape *arb_shape_of(ArbShapes *table, const unsigned char *row) {
        uint64_t key = arb_key(row);
        ArbShape *shape = arb_slot(table, key);
        if (!key || shape->key != key) return NULL;
        memcpy(shape->expected, table->date, 10);
        return arb_fits(shape, row) ? table->last = shape : NULL;
    }

    /* Nanoseconds since midnight, or -1 where an hour, minute or second is none. */
    ARB_AVX2 static int64_t arb_clock(const ArbShape *shape, const unsigned char *row) {
        const __m128i tens = _mm_setr_epi8(10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 1, 0);
        const __m128i most = _mm_setr_epi16(23, 59, 59, 99, 99, 99, 99, 99);
        const __m128i weights = _mm_setr_epi16(3600, 60, 100, 1, 100, 1, 10, 1);
        __m128i digits = _mm_or_si128(
            _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(row + 11)),
                             _mm_loadu_si128((const __m128i *)shape->clock)),
            _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(row + 20)),
                             _mm_loadu_si128((const __m128i *)shape->fraction)));
        __m128i pairs = _mm_maddubs_epi16(_mm_and_si128(digits, _mm_set1_epi8(15)), tens);
        __m128i over = _mm_cmpgt_epi16(pairs, most), parts = _mm_madd_epi16(pairs, weights);
        uint64_t low = (uint64_t)_mm_cvtsi128_si64(parts), high = (uint64_t)_mm_extract_epi64(parts, 1);
        if (!_mm_testz_si128(over, over)) return -1;
        return (int64_t)((uint32_t)low * 1000000000ULL + (low >> 32) * 10000000ULL
                         + (uint32_t)high * 1000ULL + (high >> 32));
    }

    /* es_bid, es_ask, spy_bid, spy_ask. */
    ARB_AVX2 static __m256d arb_prices(const ArbShape *shape, const unsigned char *row) {
        const __m256i tens = _mm256_set1_epi16(0x010A), hundreds = _mm256_set1_epi32(0x00010064);
        const __m256i ten_thousands = _mm256_set1_epi32(0x00012710);
        __m256i bids = _mm256_set_m128i(_mm_loadu_si128((const __m128i *)(row + shape->price_at[2])),
                                        _mm_loadu_si128((const __m128i *)(row + shape->price_at[0])));
        __m256i asks = _mm256_set_m128i(_mm_loadu_si128((const __m128i *)(row + shape->price_at[3])),
                                        _mm_loadu_si128((const __m128i *)(row + shape->price_at[1])));
        __m256i digits = _mm256_and_si256(_mm256_set1_epi8(15), _mm256_or_si256(
            _mm256_shuffle_epi8(bids, _mm256_loadu_si256((const __m256i *)shape->bids)),
            _mm256_shuffle_epi8(asks, _mm256_loadu_si256((const __m256i *)shape->asks))));
        __m256i fours = _mm256_madd_epi16(_mm256_maddubs_epi16(digits, tens), hundreds);
        __m256i eights = _mm256_madd_epi16(_mm256_packus_epi32(fours, fours), ten_thousands);
        __m256d mantissas = _mm256_cvtepi32_pd(
            _mm_unpacklo_epi64(_mm256_castsi256_si128(eights), _mm256_extracti128_si256(eights, 1)));
        return _mm256_div_pd(mantissas, _mm256_loadu_pd(shape->divisors));
    }

    ARB_AVX2 static Py_ssize_t arb_rows(ArbShapes *table, ArbRowCursor *cursor, char *rows,
                                        Py_ssize_t row_size, Py_ssize_t n, Py_ssize_t capacity) {
        const unsigned char *at = cursor->at, *end = cursor->end;
        const int64_t date_ns = table->date_ns;
        int64_t last_ns = cursor->last_ns, seen = 0, crossed = 0;
        const int ordered = cursor->ordered;
        const __m256d least = _mm256_set1_pd(1e-6);
        ArbShape *shape = table->last;
        while (n < capacity && at < end) {
            int64_t ts_ns;
            __m256d prices;
            if (!arb_fits(shape, at) && !(shape = arb_shape_of(table, at))) break;
            ts_ns = arb_clock(shape, at);
            prices = arb_prices(shape, at);
            if (ts_ns < 0 || _mm256_movemask_pd(_mm256_cmp_pd(prices, least, _CMP_GE_OQ)) != 15) break;
            ts_ns += date_ns;
            if (ts_ns < last_ns && ordered) break;
            last_ns = ts_ns;
            memcpy(rows + n * row_size, &ts_ns, sizeof ts_ns);
            _mm256_storeu_pd((double *)(rows + n * row_size + sizeof ts_ns), prices);
            at += shape->length;
            seen++;
            if (_mm256_movemask_pd(_mm256_cmp_pd(prices, _mm256_permute_pd(prices, 5), _CMP_GT_OQ)) & 5)
                crossed++;
            else
                n++;
        }
        cursor->at = at;
        cursor->last_ns = last_ns;
        cursor->seen += seen;
        cursor->crossed += crossed;
        return n;
    }

    static void *arb_new(void) {
        ArbShapes *table = arb_can() ? calloc(1, sizeof(ArbShapes)) : NULL;
        if (table) {
            table->last = &table->none;
            /* A newline is no first byte of a row. */
            memset(table->none.expected, '\\n', 64);
        }
        return table;
    }
    #else
    typedef struct { char none; } ArbShapes;
    static int arb_can(void) { return 0; }
    static void *arb_new(void) { return NULL; }
    static void arb_learn(ArbShapes *table, const unsigned char *row, const unsigned char *end,
                          int64_t date_ns) {
        (void)table; (void)row; (void)end; (void)date_ns;
    }
    static Py_ssize_t arb_rows(ArbShapes *table, ArbRowCursor *cursor, char *rows, Py_ssize_t row_size,
                               Py_ssize_t n, Py_ssize_t capacity) {
        (void)table; (void)cursor; (void)rows; (void)row_size; (void)capacity;
        return n;
    }
    #endif
    """
    ctypedef struct ArbShapes:
        pass
    int arb_can() nogil
    void* arb_new() nogil
    void arb_learn(ArbShapes* table, const unsigned char* row, const unsigned char* end,
                   int64_t date_ns) nogil
    Py_ssize_t arb_rows(ArbShapes* table, RowCursor* cursor, char* rows, Py_ssize_t row_size, Py_ssize_t n,
                        Py_ssize_t capacity) nogil
    void c_free "free"(void* block) nogil


def available() -> bool:
    """Whether this processor has the instructions."""
    return bool(arb_can())


cdef void* new_shapes() noexcept nogil:
    """A table without a shape; NULL where there is no vector path, or no memory for it."""
    return arb_new()


cdef void free_shapes(void* table) noexcept nogil:
    c_free(table)


cdef Py_ssize_t shaped_rows(
    void* table, RowCursor* cursor, void* rows, Py_ssize_t row_size, Py_ssize_t n, Py_ssize_t capacity
) noexcept nogil:
    """Reads rows of known shapes and of the date learnt last from ``n`` on, up to ``capacity``.

    A row begins with its time in nanoseconds and its four prices. From ``cursor.at`` on 128 bytes are looked
    at, whatever they hold.
    """
    return arb_rows(<ArbShapes*>table, cursor, <char*>rows, row_size, n, capacity)


cdef void learn_shape(
    void* table, const unsigned char* row, const unsigned char* row_end, int64_t date_ns
) noexcept nogil:
    """Takes the shape and the date of a compact row that was read; ``row_end`` is behind its newline."""
    arb_learn(<ArbShapes*>table, row, row_end, date_ns)
