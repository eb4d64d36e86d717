# The wall of the desk's clock.
from libc.stdint cimport int64_t


cdef class MarketClock:
    cdef readonly int64_t now_ns
    cdef readonly int64_t utc_ns
    cdef readonly bint slipped
    cdef bint replay
    cdef int64_t slip_ns
    cdef int64_t machine_ns

    cpdef advance(self, int64_t now_ns, int64_t utc_ns)
    cdef int64_t pace(self) noexcept
