# The wall of a leg's market. Times are 64-bit nanoseconds: OverflowError for what is not.
from libc.stdint cimport int64_t


cdef class Leg:
    cdef readonly str name
    cdef readonly object con_id
    cdef readonly double tick
    cdef readonly double multiplier
    cdef readonly int64_t expiry_ns
    cdef readonly tuple liquid_hours
    cdef readonly tuple trading_hours
    cdef readonly double bid
    cdef readonly double ask
    cdef readonly object kind
    cdef readonly bint halted
    cdef readonly int64_t seen_ns
    cdef bint live
    cdef bint strict
    cdef int64_t stale_ns
    # The spans of liquid and trading hours that were found last.
    cdef int64_t liquid_from_ns
    cdef int64_t liquid_until_ns
    cdef int64_t trading_from_ns
    cdef int64_t trading_until_ns
    cdef str stale
    cdef str not_live
    cdef str missing
    cdef str crossed
    cdef str stopped
    cdef str closed

    cdef void forget_spans(self) noexcept
    cpdef str fault(self, int64_t now_ns, int64_t utc_ns)
    cpdef bint open_at(self, int64_t utc_ns) except? -1
    cpdef bint trades_at(self, int64_t utc_ns) except? -1
    cpdef object crossing(self, int side, double offset_bps)
