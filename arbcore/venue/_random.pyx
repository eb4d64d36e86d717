"""The exchange's own random numbers: small, seeded, and the same on every machine.

xoshiro256** (Blackman and Vigna, 2018) seeded through splitmix64. Every draw uses integer arithmetic only: a
normal or exponential computed with the C library's logarithm could differ in its last bit between machines
or compilers, and one bit can change a round. It is made for simulation, not for cryptography.

* normal: twelve uniforms of 16 bits, summed and centred (Irwin-Hall), in units of 2**-16. Mean 0, variance
  1 - 2**-32, excess kurtosis -0.1, never beyond six standard deviations: jumps give the fat tails.
* exponential: von Neumann's method of 1951, which only compares uniforms with one another, in units of
  2**-20 and cut off at 40.

This module must not know what the numbers are for.
"""

from libc.stdint cimport int64_t, uint64_t

cdef int64_t EXPONENTIAL_END = 40
cdef int64_t MEAN_NS_MAX = 100_000_000_000_000


cdef uint64_t splitmix(uint64_t* state) noexcept nogil:
    cdef uint64_t mixed
    state[0] += <uint64_t>0x9E3779B97F4A7C15
    mixed = state[0]
    mixed = (mixed ^ (mixed >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    mixed = (mixed ^ (mixed >> 27)) * <uint64_t>0x94D049BB133111EB
    return mixed ^ (mixed >> 31)


cdef void rng_seed(Rng* rng, uint64_t seed, uint64_t stream) noexcept nogil:
    # The seed is mixed before the stream number is added, which separates (1, 0) from (0, 1).
    cdef uint64_t state = seed
    state = splitmix(&state) + stream * <uint64_t>0xD1342543DE82EF95
    cdef int i
    for i in range(4):
        rng.s[i] = splitmix(&state)


cdef int64_t rng_normal_q16(Rng* rng) noexcept nogil:
    cdef int64_t total = 0
    cdef uint64_t word
    cdef int _i
    for _i in range(3):
        word = rng_next(rng)
        total += <int64_t>((word & 0xFFFF) + ((word >> 16) & 0xFFFF))
        total += <int64_t>(((word >> 32) & 0xFFFF) + (word >> 48))
    return total - 6 * 65535


cdef int64_t rng_exponential_q20(Rng* rng) noexcept nogil:
    # A run first > second > third ... of odd length keeps its first uniform as the fraction; a run of even
    # length adds a whole unit and draws again. The result has exactly the exponential distribution.
    cdef int64_t whole = 0
    cdef uint64_t first, previous, current
    cdef bint odd
    while whole < EXPONENTIAL_END - 1:
        first = rng_next(rng)
        previous = first
        odd = True
        while True:
            current = rng_next(rng)
            if current >= previous:
                break
            previous = current
            odd = not odd
        if odd:
            return (whole << 20) + <int64_t>(first >> 44)
        whole += 1
    return (whole << 20) + <int64_t>(rng_next(rng) >> 44)


cdef int64_t rng_wait_ns(Rng* rng, int64_t mean_ns) noexcept nogil:
    # In microseconds of 1024 ns, because a mean of a day times 40 must stay far below 2**63.
    return ((mean_ns >> 10) * rng_exponential_q20(rng)) >> 10


cdef class Random:
    """The same generator for Python: stream ``stream`` of ``seed``, both taken modulo 2**64."""

    cdef Rng rng

    def __init__(self, seed: int, stream: int = 0):
        rng_seed(&self.rng, <uint64_t>(seed & 0xFFFFFFFFFFFFFFFF), <uint64_t>(stream & 0xFFFFFFFFFFFFFFFF))

    def next(self) -> int:
        """Returns 64 uniform bits."""
        return rng_next(&self.rng)

    def below(self, end: int) -> int:
        """Uniform in [0, end). Raises ValueError unless 0 < end < 2**32."""
        if not 0 < end < 2**32:
            raise ValueError(f"end must lie in [1, 2**32), not {end}")
        return rng_below(&self.rng, end)

    def between(self, low: int, high: int) -> int:
        """Uniform in [low, high]. Raises ValueError unless the span is at least 1 and below 2**32."""
        if not 0 <= high - low < 2**32 - 1:
            raise ValueError(f"low and high must span fewer than 2**32 values, not {low} to {high}")
        return low + rng_below(&self.rng, high - low + 1)

    def normal_q16(self) -> int:
        """Standard normal, in units of 2**-16."""
        return rng_normal_q16(&self.rng)

    def exponential_q20(self) -> int:
        """Standard exponential, in units of 2**-20."""
        return rng_exponential_q20(&self.rng)

    def wait_ns(self, mean_ns: int) -> int:
        """Exponential waiting time of mean ``mean_ns``. Raises ValueError unless it is in [0, 10**14]."""
        if not 0 <= mean_ns <= MEAN_NS_MAX:
            raise ValueError(f"mean_ns must lie in [0, 10**14], not {mean_ns}")
        return rng_wait_ns(&self.rng, mean_ns)
