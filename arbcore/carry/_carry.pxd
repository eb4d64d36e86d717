"""C API of the carry arithmetic, inline: a loop of another module calls no function for each row."""
cimport cython
from libc.math cimport INFINITY
from libc.stdint cimport int64_t, uint64_t


# One double and its bits.
cdef union Bits:
    double value
    uint64_t bits


# e^x = 2^k · e^r with k an integer and |r| <= ln 2 / 2. e^r is its Taylor series to r^13; the first term left
# out is below 2^-57. Sums and products run in a fixed order, so every machine with IEEE doubles gives the
# same bits, if the compiler fuses no operations (setup.py forbids it).
cdef inline double exp_reduced(double x, Bits* shifted) noexcept nogil:
    cdef double k, r, square, even, odd
    # Adding 1.5·2^52 leaves the integer nearest to x / ln 2 in the low bits.
    shifted.value = x * 1.4426950408889634 + 6755399441055744.0
    k = shifted.value - 6755399441055744.0
    # ln 2 in two parts. The last 32 bits of the first part are 0, so k times it is exact.
    r = (x - k * 0.6931471803691238) - k * 1.9082149292705877e-10
    square = r * r
    even = 0.5 + square * (1.0 / 24.0 + square * (1.0 / 720.0 + square * (
        1.0 / 40320.0 + square * (1.0 / 3628800.0 + square * (1.0 / 479001600.0)))))
    odd = 1.0 / 6.0 + square * (1.0 / 120.0 + square * (1.0 / 5040.0 + square * (
        1.0 / 362880.0 + square * (1.0 / 39916800.0 + square * (1.0 / 6227020800.0)))))
    return 1.0 + (r + square * (even + r * odd))


# The exponential for |x| <= 700, where 2^k is exact. It has no branch, so a loop over rows can be vectorised.
cdef inline double exp_middle(double x) noexcept nogil:
    cdef Bits shifted, scale
    cdef double mantissa = exp_reduced(x, &shifted)
    scale.bits = (shifted.bits - 0x4338000000000000ULL + 1023) << 52
    return mantissa * scale.value


cdef inline double exp_of(double x) noexcept nogil:
    cdef Bits shifted, low, high
    cdef double mantissa
    cdef int64_t exponent, half
    if -700.0 <= x <= 700.0:
        return exp_middle(x)
    if x != x:
        return x
    if x > 709.782712893384:
        return INFINITY
    if x < -745.1332191019411:
        return 0.0
    # 2^k in two steps. The first product is exact, so a result below the normal range is rounded only once.
    mantissa = exp_reduced(x, &shifted)
    exponent = <int64_t>(shifted.bits - 0x4338000000000000ULL)
    half = exponent >> 1
    low.bits = <uint64_t>(1023 + half) << 52
    high.bits = <uint64_t>(1023 + exponent - half) << 52
    return mantissa * low.value * high.value


@cython.cdivision(True)
cdef inline double years_between(int64_t now_ns, int64_t expiry_ns) noexcept nogil:
    # The difference of any two 64-bit times fits in 64 unsigned bits. The divisor is 365 days in nanoseconds,
    # which a double holds exactly.
    if expiry_ns <= now_ns:
        return 0.0
    return <double>(<uint64_t>expiry_ns - <uint64_t>now_ns) / 31_536_000_000_000_000.0


cdef inline double carry_of(double factor, double r, double d, double t) noexcept nogil:
    return factor * exp_of((r - d) * t)


# A division by zero below follows IEEE. It does not happen: the row rules refuse a price of 0 before this.
@cython.cdivision(True)
cdef inline double deviation_of(double es_bid, double es_ask, double spy_bid, double spy_ask,
                                double c) noexcept nogil:
    cdef double fair = (spy_bid + spy_ask) * 0.5 * c
    return 1e4 * ((es_bid + es_ask) * 0.5 - fair) / fair


@cython.cdivision(True)
cdef inline double edge_cc_of(double es_bid, double spy_ask, double c) noexcept nogil:
    cdef double fair = spy_ask * c
    return 1e4 * (es_bid - fair) / fair


@cython.cdivision(True)
cdef inline double edge_rev_of(double es_ask, double spy_bid, double c) noexcept nogil:
    cdef double fair = spy_bid * c
    return 1e4 * (fair - es_ask) / fair
