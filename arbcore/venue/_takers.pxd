# C API of the participants that take liquidity.
from libc.stdint cimport int32_t, int64_t

from arbcore.venue._book cimport Book
from arbcore.venue._participant cimport Participant

cdef enum:
    LEGS_MAX = 4

cdef class NoiseTaker(Participant):
    cdef int64_t interval_ms
    cdef int64_t size_mean_milli
    cdef int32_t size_high
    cdef int32_t reach

cdef class ProgrammeTrader(Participant):
    cdef int64_t interval_ms
    cdef int64_t spacing_ms
    cdef int32_t shares_low
    cdef int32_t shares_high
    cdef int32_t slice_low
    cdef int32_t slice_high
    cdef int32_t reach
    cdef int32_t left
    cdef int side

cdef class InformedTaker(Participant):
    cdef int64_t interval_ms
    cdef int64_t lag_steps
    cdef int64_t error_milli
    cdef int64_t edge_milli
    cdef int32_t size_high

cdef class Follower(Participant):
    cdef int64_t interval_ms
    cdef int64_t lag_steps
    cdef int64_t window_steps
    cdef int64_t move_milli
    cdef int64_t edge_milli
    cdef int64_t memory_visits
    cdef int32_t size_high
    cdef int64_t usual_milli      # usual distance of the middle of the touch above the value

cdef class ImpatientTrader(Participant):
    cdef int64_t interval_ms
    cdef int64_t stay_ms
    cdef int32_t beyond_high
    cdef int32_t size_low
    cdef int32_t size_high
    cdef int64_t standing         # id of the order that may still be in the book, or -1

cdef class Arbitrageur(Participant):
    cdef int64_t interval_ms
    cdef int64_t edge
    cdef int64_t fee
    cdef int32_t units_high
    cdef int32_t unit
    cdef int32_t reach
    cdef int32_t n_legs
    cdef int leg_symbols[LEGS_MAX]
    cdef int32_t leg_shares[LEGS_MAX]
    cdef int64_t held             # shares of the ETF or ADR bought and not yet converted

    cdef int64_t basket(self, int side) noexcept
    cdef int unwind(self) except -1
