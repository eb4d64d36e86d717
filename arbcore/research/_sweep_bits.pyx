"""Bitmaps of where values reach thresholds, 64 rows a word, with the fastest instructions of the machine.

Owns the instruction sets: the scalar one is portable, the others are found at run time, and all give the same
bits. It knows numbers only, not what they mean. A value that is not a number reaches no threshold.
"""
from libc.stdint cimport uint64_t

from arbcore.errors import BrokenInvariant


cdef extern from *:
    """
    #include <stddef.h>
    #include <stdint.h>

    #if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__)) && !defined(ARB_NO_VECTORS)
    #define ARB_VECTORS 1
    #include <immintrin.h>
    #else
    #define ARB_VECTORS 0
    #endif

    static int arb_best_level(void) {
    #if ARB_VECTORS
        __builtin_cpu_init();
        if (__builtin_cpu_supports("avx512f")) return 2;
        if (__builtin_cpu_supports("avx2")) return 1;
    #endif
        return 0;
    }

    /* One function for each comparison and instruction set. A word's 64 values stay in the first-level cache
       while every threshold goes over them. */
    #define ARB_SCALAR(name, parameters, hit)                                                              \\
        static void name parameters {                                                                      \\
            for (ptrdiff_t w = 0; w < words; w++, a += 64, b += 64)                                        \\
                for (ptrdiff_t k = 0; k < count; k++) {                                                    \\
                    const double t = thresholds[k];                                                        \\
                    uint64_t bits = 0;                                                                     \\
                    for (int i = 0; i < 64; i++) bits |= (uint64_t)(hit) << i;                             \\
                    out[k * stride + w] = bits;                                                            \\
                }                                                                                          \\
        }
    #define ARB_PARAMETERS                                                                                 \\
        (const double *a, const double *b, ptrdiff_t words, const double *thresholds, ptrdiff_t count,     \\
         uint64_t *out, ptrdiff_t stride)

    ARB_SCALAR(arb_either_scalar, ARB_PARAMETERS, (a[i] >= t) | (b[i] >= t))
    ARB_SCALAR(arb_most_scalar, ARB_PARAMETERS, a[i] <= t)
    ARB_SCALAR(arb_least_scalar, ARB_PARAMETERS, a[i] >= t)

    #if ARB_VECTORS
    #define ARB_AVX2(name, hit)                                                                            \\
        __attribute__((target("avx2"))) static void name ARB_PARAMETERS {                                  \\
            for (ptrdiff_t w = 0; w < words; w++, a += 64, b += 64)                                        \\
                for (ptrdiff_t k = 0; k < count; k++) {                                                    \\
                    const __m256d t = _mm256_set1_pd(thresholds[k]);                                       \\
                    uint64_t bits = 0;                                                                     \\
                    for (int i = 0; i < 64; i += 4)                                                        \\
                        bits |= (uint64_t)(unsigned)_mm256_movemask_pd(hit) << i;                          \\
                    out[k * stride + w] = bits;                                                            \\
                }                                                                                          \\
        }
    #define ARB_AVX512(name, hit)                                                                          \\
        __attribute__((target("avx512f"))) static void name ARB_PARAMETERS {                               \\
            for (ptrdiff_t w = 0; w < words; w++, a += 64, b += 64)                                        \\
                for (ptrdiff_t k = 0; k < count; k++) {                                                    \\
                    const __m512d t = _mm512_set1_pd(thresholds[k]);                                       \\
                    unsigned char *byte = (unsigned char *)(out + k * stride + w);                         \\
                    for (int i = 0; i < 8; i++) byte[i] = (unsigned char)(hit);                            \\
                }                                                                                          \\
        }
    #define ARB_4(p) _mm256_loadu_pd((p) + i)
    #define ARB_8(p) _mm512_loadu_pd((p) + 8 * i)

    ARB_AVX2(arb_either_avx2, _mm256_or_pd(_mm256_cmp_pd(ARB_4(a), t, _CMP_GE_OQ),
                                           _mm256_cmp_pd(ARB_4(b), t, _CMP_GE_OQ)))
    ARB_AVX2(arb_most_avx2, _mm256_cmp_pd(ARB_4(a), t, _CMP_LE_OQ))
    ARB_AVX2(arb_least_avx2, _mm256_cmp_pd(ARB_4(a), t, _CMP_GE_OQ))
    ARB_AVX512(arb_either_avx512, _mm512_cmp_pd_mask(ARB_8(a), t, _CMP_GE_OQ)
                                  | _mm512_cmp_pd_mask(ARB_8(b), t, _CMP_GE_OQ))
    ARB_AVX512(arb_most_avx512, _mm512_cmp_pd_mask(ARB_8(a), t, _CMP_LE_OQ))
    ARB_AVX512(arb_least_avx512, _mm512_cmp_pd_mask(ARB_8(a), t, _CMP_GE_OQ))
    #endif

    typedef void (*ArbBits)ARB_PARAMETERS;

    /* The comparison (0 either, 1 at most, 2 at least) at a level that the machine has. */
    static ArbBits arb_bits(int level, int comparison) {
    #if ARB_VECTORS
        static const ArbBits table[3][3] = {
            {arb_either_scalar, arb_most_scalar, arb_least_scalar},
            {arb_either_avx2, arb_most_avx2, arb_least_avx2},
            {arb_either_avx512, arb_most_avx512, arb_least_avx512}};
        return table[level][comparison];
    #else
        static const ArbBits table[3] = {arb_either_scalar, arb_most_scalar, arb_least_scalar};
        (void)level;
        return table[comparison];
    #endif
    }
    """
    ctypedef void (*Bits "ArbBits")(
        const double*, const double*, Py_ssize_t, const double*, Py_ssize_t, uint64_t*, Py_ssize_t
    ) noexcept nogil
    int arb_best_level() noexcept nogil
    Bits arb_bits(int level, int comparison) noexcept nogil


LEVELS = ("scalar", "avx2", "avx512")


def levels() -> tuple[str, ...]:
    """The instruction sets that this machine has, the fastest last."""
    return LEVELS[:best_level() + 1]


def level_of(name: str | None) -> int:
    """The number of a level by name, the fastest for None."""
    if name is None:
        return best_level()
    if name not in levels():
        raise BrokenInvariant(f"This machine has no instructions called {name!r}.")
    return LEVELS.index(name)


cdef int best_level() noexcept nogil:
    return arb_best_level()


cdef void bits_of_either(int level, const double* first, const double* second, Py_ssize_t words,
                         const double* thresholds, Py_ssize_t count, uint64_t* out,
                         Py_ssize_t stride) noexcept nogil:
    arb_bits(level, 0)(first, second, words, thresholds, count, out, stride)


cdef void bits_at_most(int level, const double* values, Py_ssize_t words, const double* thresholds,
                       Py_ssize_t count, uint64_t* out, Py_ssize_t stride) noexcept nogil:
    arb_bits(level, 1)(values, values, words, thresholds, count, out, stride)


cdef void bits_at_least(int level, const double* values, Py_ssize_t words, const double* thresholds,
                        Py_ssize_t count, uint64_t* out, Py_ssize_t stride) noexcept nogil:
    arb_bits(level, 2)(values, values, words, thresholds, count, out, stride)


cdef uint64_t summary_of(const uint64_t* words, Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t at
    cdef uint64_t bits = 0
    for at in range(count):
        bits |= <uint64_t>(words[at] != 0) << at
    return bits
