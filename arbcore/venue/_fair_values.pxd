# C API of the hidden values: advance to a time, then read the value now or some steps ago.
from libc.stdint cimport int32_t, int64_t

from arbcore.venue._random cimport Rng
from arbcore.wire._types cimport N_SYMBOLS

cdef enum:
    FAIR_HISTORY = 256  # number of steps kept
    N_WALKS = 4

# One stock's random walk. Values are hundredths of a tick in units of 2**-16.
cdef struct Walk:
    int32_t symbol
    Rng rng
    int64_t value
    int64_t low
    int64_t high
    int64_t step_deviation
    int64_t own_q16
    int64_t common_q16
    int64_t drift
    int64_t drift_hold_ns
    int64_t drift_until_ns
    int64_t jump_interval_ns
    int64_t jump_at_ns
    int64_t jump_low
    int64_t jump_high

cdef class FairValues:
    cdef readonly int64_t step_ns
    cdef int64_t start_ns
    cdef int64_t steps
    cdef Rng common
    cdef Walk walks[N_WALKS]
    cdef int64_t history[FAIR_HISTORY][N_SYMBOLS]

    cdef object begin(self, int place, int symbol, object process, int slowdown)
    cdef void record(self) noexcept nogil

    # Walks up to now_ns; an earlier time than before changes nothing.
    cdef void advance(self, int64_t now_ns) noexcept nogil
    # The value in thousandths of a tick, `steps_ago` < FAIR_HISTORY steps before the last advance.
    cdef int64_t look(self, int symbol, int64_t steps_ago) noexcept nogil
