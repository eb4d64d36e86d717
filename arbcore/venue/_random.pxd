# C API of the exchange's own random numbers: a plain struct that its user embeds, seeded from integers.
from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef struct Rng:
    uint64_t s[4]

# One seed gives independent streams by number: (seed, stream) determines every later draw.
cdef void rng_seed(Rng* rng, uint64_t seed, uint64_t stream) noexcept nogil


cdef inline uint64_t rng_next(Rng* rng) noexcept nogil:
    cdef uint64_t* s = rng.s
    cdef uint64_t product = s[1] * 5
    cdef uint64_t result = ((product << 7) | (product >> 57)) * 9
    cdef uint64_t shifted = s[1] << 17
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= shifted
    s[3] = (s[3] << 45) | (s[3] >> 19)
    return result


# Uniform in [0, end), exactly, for 0 < end < 2**32.
cdef inline uint32_t rng_below(Rng* rng, uint32_t end) noexcept nogil:
    cdef uint64_t product = (rng_next(rng) >> 32) * end
    cdef uint32_t low = <uint32_t>product
    cdef uint32_t threshold
    if low < end:
        threshold = (<uint32_t>(0 - end)) % end
        while low < threshold:
            product = (rng_next(rng) >> 32) * end
            low = <uint32_t>product
    return <uint32_t>(product >> 32)


# Uniform in [low, high], both ends included; high - low < 2**32 - 1.
cdef inline int64_t rng_between(Rng* rng, int64_t low, int64_t high) noexcept nogil:
    return low + rng_below(rng, <uint32_t>(high - low + 1))


# A standard normal in units of 2**-16.
cdef int64_t rng_normal_q16(Rng* rng) noexcept nogil
# A standard exponential in units of 2**-20, below 40.
cdef int64_t rng_exponential_q20(Rng* rng) noexcept nogil
# An exponential waiting time of this mean (cut to 1024 ns), for 0 <= mean_ns <= 10**14.
cdef int64_t rng_wait_ns(Rng* rng, int64_t mean_ns) noexcept nogil
