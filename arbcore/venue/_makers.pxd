# C API of one liquidity provider.
from libc.stdint cimport int32_t, int64_t

from arbcore.venue._participant cimport Participant

cdef enum:
    MAKER_LEVELS = 8
    MAKER_SLOTS = 16  # quotes of both sides

# One quote: its order in the book; left is 0 if it has none.
cdef struct Quote:
    int64_t order_id
    int32_t price
    int32_t left

cdef class Maker(Participant):
    cdef Quote quotes[MAKER_SLOTS]  # buys, then sells
    cdef int64_t half_milli
    cdef int64_t tolerance_milli
    cdef int64_t error_milli
    cdef int64_t skew_milli
    cdef int32_t gap
    cdef int32_t levels
    cdef int32_t size_low
    cdef int32_t size_high
    cdef int32_t limit
    cdef int64_t lag_steps
    cdef int64_t requote_ms
    cdef int64_t half_life_ns
    cdef int32_t withdraw_per_mille
    cdef int64_t withdraw_ms
    cdef int64_t inventory_q16      # shares that it still wants to unwind
    cdef int64_t error              # error of its view, thousandths of a tick
    cdef int64_t centre             # centre of its quotes, thousandths of a tick
    cdef int64_t seen_ns            # when the inventory was last reduced

    cdef int quote(self) except -1
    cdef void lay_off(self, int64_t now_ns) noexcept nogil
    cdef int64_t view(self) noexcept nogil
    cdef int32_t wanted(self, int side) noexcept nogil
    cdef int32_t rung(self, int side, int32_t best, int32_t price) noexcept nogil
    cdef int clear_side(self, int side, int32_t best) except -1
    cdef int fill_side(self, int side, int32_t best) except -1
    cdef int32_t room(self, int side) noexcept nogil
