"""Stretches of rows that cause nothing, several at a time where the processor can.

Owns the vector instructions of the backtest (AVX2, found at run time): whether rows are valid, how many stay
within a screen, and peak and fall of the equity while a position is held. Everywhere else one row after the
other does the same operations in the same order, so that all machines give the same bits. What a screen is
belongs to the signal, what a position comes to is the money's.
"""
from libc.stdint cimport int64_t

from arbcore.carry._signal cimport Screen, screen_passes


cdef extern from *:
    """
    #include <stddef.h>
    #include <string.h>
    #if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__)) && !defined(ARB_NO_VECTORS)
    #include <immintrin.h>
    #define ARB_AVX2 __attribute__((target("avx2")))
    #define ARB_4(p) _mm256_loadu_pd((p) + at)
    /* The processor's own reading ahead ends with each page. Rows are fetched a batch ahead, and not all by
       the first who goes over them, so that memory is at work while the others are. */
    #define ARB_FETCH(p) _mm_prefetch((const char *)((p) + at + 512), _MM_HINT_T0)

    static int arb_stretch_level(void) {
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx2") ? 1 : 0;
    }

    /* Each of these takes four rows at a time, and leaves where it stopped to the scalar loops. */

    ARB_AVX2 static ptrdiff_t arb_valid(const ArbColumns *rows, ptrdiff_t at, ptrdiff_t end, double least,
                                        double most) {
        __m256d lowest = _mm256_set1_pd(most), highest = _mm256_set1_pd(least);
        __m256d good = _mm256_cmp_pd(lowest, lowest, _CMP_EQ_OQ);
        __m256i back = _mm256_setzero_si256();
        const ptrdiff_t begun = at;
        for (; at + 4 <= end; at += 4) {
            const __m256d es_bid = ARB_4(rows->es_bid), es_ask = ARB_4(rows->es_ask);
            const __m256d spy_bid = ARB_4(rows->spy_bid), spy_ask = ARB_4(rows->spy_ask);
            /* Whatever the least and the largest make of what is no number, these two refuse it. */
            good = _mm256_and_pd(good, _mm256_and_pd(_mm256_cmp_pd(es_bid, es_ask, _CMP_LE_OQ),
                                                     _mm256_cmp_pd(spy_bid, spy_ask, _CMP_LE_OQ)));
            lowest = _mm256_min_pd(lowest, _mm256_min_pd(es_bid, spy_bid));
            highest = _mm256_max_pd(highest, _mm256_max_pd(es_ask, spy_ask));
            ARB_FETCH(rows->ts_ns);
            ARB_FETCH(rows->es_bid);
            ARB_FETCH(rows->es_ask);
            back = _mm256_or_si256(back, _mm256_cmpgt_epi64(
                _mm256_loadu_si256((const __m256i *)(rows->ts_ns + at - 1)),
                _mm256_loadu_si256((const __m256i *)(rows->ts_ns + at))));
        }
        good = _mm256_and_pd(good, _mm256_cmp_pd(lowest, _mm256_set1_pd(least), _CMP_GE_OQ));
        good = _mm256_and_pd(good, _mm256_cmp_pd(highest, _mm256_set1_pd(most), _CMP_LE_OQ));
        return _mm256_movemask_pd(good) == 15 && _mm256_testz_si256(back, back) ? at : begun;
    }

    /* Four rows are a square of prices, turned over its diagonal. */
    ARB_AVX2 static ptrdiff_t arb_turn_4(const char *rows, ptrdiff_t size, ptrdiff_t count,
                                         const ArbColumns *columns) {
        ptrdiff_t at = 0;
        for (; at + 4 <= count; at += 4, rows += 4 * size) {
            const __m256d a = _mm256_loadu_pd((const double *)(rows + 8));
            const __m256d b = _mm256_loadu_pd((const double *)(rows + size + 8));
            const __m256d c = _mm256_loadu_pd((const double *)(rows + 2 * size + 8));
            const __m256d d = _mm256_loadu_pd((const double *)(rows + 3 * size + 8));
            const __m256d ab_low = _mm256_unpacklo_pd(a, b), ab_high = _mm256_unpackhi_pd(a, b);
            const __m256d cd_low = _mm256_unpacklo_pd(c, d), cd_high = _mm256_unpackhi_pd(c, d);
            for (int i = 0; i < 4; i++) memcpy((int64_t *)columns->ts_ns + at + i, rows + i * size, 8);
            _mm256_storeu_pd((double *)columns->es_bid + at, _mm256_permute2f128_pd(ab_low, cd_low, 0x20));
            _mm256_storeu_pd((double *)columns->es_ask + at, _mm256_permute2f128_pd(ab_high, cd_high, 0x20));
            _mm256_storeu_pd((double *)columns->spy_bid + at,
                             _mm256_permute2f128_pd(ab_low, cd_low, 0x31));
            _mm256_storeu_pd((double *)columns->spy_ask + at,
                             _mm256_permute2f128_pd(ab_high, cd_high, 0x31));
        }
        return at;
    }

    ARB_AVX2 static ptrdiff_t arb_flat(const ArbColumns *rows, ptrdiff_t at, ptrdiff_t end, double below,
                                       double above) {
        const __m256d low = _mm256_set1_pd(below), high = _mm256_set1_pd(above);
        for (; at + 4 <= end; at += 4) {
            ARB_FETCH(rows->spy_bid);
            ARB_FETCH(rows->spy_ask);
            const __m256d bid = _mm256_cmp_pd(ARB_4(rows->es_bid), _mm256_mul_pd(low, ARB_4(rows->spy_ask)),
                                              _CMP_LT_OQ);
            const __m256d ask = _mm256_cmp_pd(ARB_4(rows->es_ask), _mm256_mul_pd(high, ARB_4(rows->spy_bid)),
                                              _CMP_GT_OQ);
            const int in = _mm256_movemask_pd(_mm256_and_pd(bid, ask));
            if (in != 15) return at + __builtin_ctz(~in);
        }
        return at;
    }

    ARB_AVX2 static ptrdiff_t arb_held(const ArbColumns *rows, ptrdiff_t at, ptrdiff_t end, double below,
                                       double above) {
        const __m256d high = _mm256_set1_pd(below), low = _mm256_set1_pd(above);
        for (; at + 4 <= end; at += 4) {
            ARB_FETCH(rows->spy_bid);
            ARB_FETCH(rows->spy_ask);
            const __m256d es = _mm256_add_pd(ARB_4(rows->es_bid), ARB_4(rows->es_ask));
            const __m256d spy = _mm256_add_pd(ARB_4(rows->spy_bid), ARB_4(rows->spy_ask));
            const int in = _mm256_movemask_pd(
                _mm256_and_pd(_mm256_cmp_pd(es, _mm256_mul_pd(low, spy), _CMP_GT_OQ),
                              _mm256_cmp_pd(es, _mm256_mul_pd(high, spy), _CMP_LT_OQ)));
            if (in != 15) return at + __builtin_ctz(~in);
        }
        return at;
    }

    ARB_AVX2 static inline __m256d arb_equity(const ArbColumns *rows, ptrdiff_t at, const ArbHeld *held) {
        const __m256d half = _mm256_set1_pd(0.5);
        const __m256d es = _mm256_mul_pd(_mm256_add_pd(ARB_4(rows->es_bid), ARB_4(rows->es_ask)), half);
        const __m256d spy = _mm256_mul_pd(_mm256_add_pd(ARB_4(rows->spy_bid), ARB_4(rows->spy_ask)), half);
        const __m256d es_leg = _mm256_mul_pd(
            _mm256_set1_pd(held->es_size), _mm256_sub_pd(es, _mm256_set1_pd(held->es_entry)));
        const __m256d spy_leg = _mm256_mul_pd(
            _mm256_set1_pd(held->spy_size), _mm256_sub_pd(spy, _mm256_set1_pd(held->spy_entry)));
        return _mm256_add_pd(_mm256_set1_pd(held->net), _mm256_sub_pd(
            _mm256_sub_pd(es_leg, spy_leg), _mm256_set1_pd(held->half_cost)));
    }

    /* Four equities, their times ``apart`` of one another. */
    ARB_AVX2 static inline void arb_note_4(ArbWater *water, const int64_t *ts_ns, int apart, __m256d equity) {
        double four[4];
        _mm256_storeu_pd(four, equity);
        for (int i = 0; i < 4; i++) arb_note(water, ts_ns[i * apart], four[i]);
    }

    /* Of the rows since the peak changed only the lowest, which fell furthest, and the last, which waited
       longest, are counted; rows among which there is a new peak, or no number, one by one. */
    ARB_AVX2 static ptrdiff_t arb_hold(const ArbColumns *rows, ptrdiff_t at, ptrdiff_t end,
                                       const ArbHeld *held, ArbWater *water) {
        __m256d peak = _mm256_set1_pd(water->peak), lowest = peak;
        ptrdiff_t counted = at;
        for (; at + 4 <= end; at += 4) {
            const __m256d equity = arb_equity(rows, at, held);
            if (_mm256_movemask_pd(_mm256_cmp_pd(equity, peak, _CMP_LT_OQ)) == 15) {
                lowest = _mm256_min_pd(lowest, equity);
                continue;
            }
            if (counted < at) arb_note_4(water, rows->ts_ns + at - 1, 0, lowest);
            arb_note_4(water, rows->ts_ns + at, 1, equity);
            counted = at + 4;
            lowest = peak = _mm256_set1_pd(water->peak);
        }
        if (counted < at) arb_note_4(water, rows->ts_ns + at - 1, 0, lowest);
        return at;
    }
    #else
    static int arb_stretch_level(void) { return 0; }
    static ptrdiff_t arb_turn_4(const char *rows, ptrdiff_t size, ptrdiff_t count,
                                const ArbColumns *columns) {
        (void)rows; (void)size; (void)count; (void)columns;
        return 0;
    }
    static ptrdiff_t arb_valid(const ArbColumns *rows, ptrdiff_t at, ptrdiff_t end, double least,
                               double most) {
        (void)rows; (void)end; (void)least; (void)most;
        return at;
    }
    static ptrdiff_t arb_flat(const ArbColumns *rows, ptrdiff_t at, ptrdiff_t end, double below,
                              double above) {
        (void)rows; (void)end; (void)below; (void)above;
        return at;
    }
    static ptrdiff_t arb_held(const ArbColumns *rows, ptrdiff_t at, ptrdiff_t end, double below,
                              double above) {
        (void)rows; (void)end; (void)below; (void)above;
        return at;
    }
    static ptrdiff_t arb_hold(const ArbColumns *rows, ptrdiff_t at, ptrdiff_t end, const ArbHeld *held,
                              ArbWater *water) {
        (void)rows; (void)end; (void)held; (void)water;
        return at;
    }
    #endif

    static void arb_turn(int level, const char *rows, ptrdiff_t size, ptrdiff_t count,
                         const ArbColumns *columns) {
        for (ptrdiff_t at = level ? arb_turn_4(rows, size, count, columns) : 0; at < count; at++) {
            const char *row = rows + at * size;
            memcpy((int64_t *)columns->ts_ns + at, row, 8);
            memcpy((double *)columns->es_bid + at, row + 8, 8);
            memcpy((double *)columns->es_ask + at, row + 16, 8);
            memcpy((double *)columns->spy_bid + at, row + 24, 8);
            memcpy((double *)columns->spy_ask + at, row + 32, 8);
        }
    }
    """
    int arb_stretch_level() noexcept nogil
    Py_ssize_t arb_valid(const QuoteColumns*, Py_ssize_t, Py_ssize_t, double, double) noexcept nogil
    void arb_turn(int level, const char*, Py_ssize_t, Py_ssize_t, const QuoteColumns*) noexcept nogil
    Py_ssize_t arb_flat(const QuoteColumns*, Py_ssize_t, Py_ssize_t, double, double) noexcept nogil
    Py_ssize_t arb_held(const QuoteColumns*, Py_ssize_t, Py_ssize_t, double, double) noexcept nogil
    Py_ssize_t arb_hold(const QuoteColumns*, Py_ssize_t, Py_ssize_t, const Held*, Water*) noexcept nogil


cdef int best = arb_stretch_level()


def use_vectors(bint wanted) -> bool:
    """Whether the vector instructions are used from now on; for tests, which compare both."""
    global best
    best = arb_stretch_level() if wanted else 0
    return best > 0


cdef int stretch_level() noexcept nogil:
    """1 where there are vector instructions, else 0."""
    return best


cdef bint all_valid(int level, const QuoteColumns* rows, Py_ssize_t count, int64_t last_ns, double least,
                    double most) noexcept nogil:
    """Whether every row's prices are in bounds and not crossed, and no time goes back."""
    cdef Py_ssize_t at = 0
    while at < count:
        # A bid that is high enough and not above an ask that is low enough: the other bounds follow.
        if not ((rows.es_bid[at] >= least) & (rows.es_bid[at] <= rows.es_ask[at]) & (rows.es_ask[at] <= most)
                & (rows.spy_bid[at] >= least) & (rows.spy_bid[at] <= rows.spy_ask[at])
                & (rows.spy_ask[at] <= most) & (rows.ts_ns[at] >= last_ns)):
            return False
        at += 1
        # The vectors look at the row before each, so that the first is none of theirs.
        if at == 1 and level > 0:
            at = arb_valid(rows, at, count, least, most)
        last_ns = rows.ts_ns[at - 1]
    return True


cdef void turn_rows(int level, const void* rows, Py_ssize_t row_size, Py_ssize_t count,
                    const QuoteColumns* columns) noexcept nogil:
    """Writes rows, each of which begins with its time and its four prices, into columns."""
    arb_turn(level, <const char*>rows, row_size, count, columns)


cdef Py_ssize_t passing_rows(int level, const QuoteColumns* rows, Py_ssize_t first, Py_ssize_t end,
                             const Screen* screen) noexcept nogil:
    """The first row that is not within the screen's bounds, or ``end``."""
    cdef Py_ssize_t at = first
    if level > 0 and screen.flat:
        at = arb_flat(rows, first, end, screen.es_bid_below, screen.es_ask_above)
    elif level > 0:
        at = arb_held(rows, first, end, screen.es_sum_below, screen.es_sum_above)
    while at < end and screen_passes(screen, rows.es_bid[at], rows.es_ask[at], rows.spy_bid[at],
                                     rows.spy_ask[at]):
        at += 1
    return at


cdef void hold_rows(int level, const QuoteColumns* rows, Py_ssize_t first, Py_ssize_t end, const Held* held,
                    Water* water) noexcept nogil:
    """Counts the equity of rows on which both legs are held; times are in order and fit in 63 bits."""
    cdef Py_ssize_t at = arb_hold(rows, first, end, held, water) if level > 0 else first
    while at < end:
        water_note(water, rows.ts_ns[at], held_equity(held, rows, at))
        at += 1
