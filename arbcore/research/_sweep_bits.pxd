"""Bitmaps of the rows at which a value reaches a threshold, 64 rows per word, and the search for a bit.

Inline, for the sweep's window and its cells. They know numbers only; NaN reaches no threshold. Each threshold
has a bitmap; bitmaps are ``stride`` words apart. A bitmap has ``words`` words for 64 values each, and all
values of the last word must be readable.
"""
from libc.stdint cimport uint64_t


cdef extern from *:
    """
    #ifndef ARB_FIRST_BIT
    #define ARB_FIRST_BIT
    #include <stdint.h>
    #if defined(__GNUC__) || defined(__clang__)
    #define arb_first_bit(bits) __builtin_ctzll(bits)
    #else
    /* The lowest bit alone, times a de Bruijn number, has a place of its own in the top six bits. */
    static int arb_first_bit(uint64_t bits) {
        static const unsigned char places[64] = {
            0, 1, 2, 53, 3, 7, 54, 27, 4, 38, 41, 8, 34, 55, 48, 28, 62, 5, 39, 46, 44, 42, 22, 9, 24, 35,
            59, 56, 49, 18, 29, 11, 63, 52, 6, 26, 37, 40, 33, 47, 61, 45, 43, 21, 23, 58, 17, 10, 51, 25,
            36, 32, 60, 20, 57, 16, 50, 31, 19, 15, 30, 14, 13, 12};
        return places[((bits & (0 - bits)) * 0x022FDD63CC95386DULL) >> 58];
    }
    #endif
    #endif
    """
    int first_bit "arb_first_bit"(uint64_t bits) noexcept nogil


cdef struct Bitmap:
    const uint64_t* words    # one bit per row; the word after the last one must be readable too
    uint64_t summary         # one bit per word: whether that word has a bit set


cdef inline Py_ssize_t next_bit(const Bitmap* map, Py_ssize_t at, Py_ssize_t limit) noexcept nogil:
    """The index of the first set bit from ``at`` on; ``limit`` (at least ``at``) if none is before it."""
    cdef Py_ssize_t word = at >> 6, found
    # The next 64 bits, combined from two words; in most cases one of them is set.
    cdef uint64_t bits = map.words[word] >> (at & 63) | map.words[word + 1] << 1 << (~at & 63)
    if bits != 0:
        found = at + first_bit(bits)
    else:
        bits = map.summary >> word >> 1 << word << 1
        if bits == 0:
            return limit
        word = first_bit(bits)
        found = (word << 6) + first_bit(map.words[word])
    return found if found < limit else limit


cdef inline void bits_of_either(const double* first, const double* second, Py_ssize_t words,
                                const double* thresholds, Py_ssize_t count, uint64_t* out,
                                Py_ssize_t stride) noexcept nogil:
    """Sets the bits where either value is at least the threshold, for each threshold."""
    cdef Py_ssize_t word, number, at
    cdef uint64_t bits
    cdef double least
    for word in range(words):
        for number in range(count):
            bits, least = 0, thresholds[number]
            for at in range(64):
                bits |= <uint64_t>((first[at] >= least) | (second[at] >= least)) << at
            out[number * stride + word] = bits
        first += 64
        second += 64


cdef inline void bits_at_most(const double* values, Py_ssize_t words, const double* thresholds,
                              Py_ssize_t count, uint64_t* out, Py_ssize_t stride) noexcept nogil:
    """Sets the bits where the value is at most the threshold, for each threshold."""
    cdef Py_ssize_t word, number, at
    cdef uint64_t bits
    cdef double most
    for word in range(words):
        for number in range(count):
            bits, most = 0, thresholds[number]
            for at in range(64):
                bits |= <uint64_t>(values[at] <= most) << at
            out[number * stride + word] = bits
        values += 64


cdef inline uint64_t summary_of(const uint64_t* words, Py_ssize_t count) noexcept nogil:
    """A word with one bit for each of up to 64 words: whether that word has a bit set."""
    cdef Py_ssize_t at
    cdef uint64_t bits = 0
    for at in range(count):
        bits |= <uint64_t>(words[at] != 0) << at
    return bits
