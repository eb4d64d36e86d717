# C API of the populated marketplace: participants in a heap by wake-up time.
from libc.stdint cimport int32_t, int64_t

from arbcore.venue._fair_values cimport FairValues
from arbcore.venue._floor cimport Marketplace
from arbcore.venue._participant cimport Participant

cdef enum:
    PARTICIPANTS_MAX = 256

cdef class PopulatedMarketplace(Marketplace):
    cdef readonly list participants
    cdef FairValues fair
    cdef object regime
    cdef int64_t slowdown
    cdef int64_t refresh_ns
    cdef int32_t first_account
    cdef int32_t count
    cdef int32_t heap[PARTICIPANTS_MAX]           # participants by number, the next to wake first
    cdef int64_t wakes_ns[PARTICIPANTS_MAX]

    cdef object enrol(self, object kind, str role, str symbol, object arguments)
    cdef object populate(self)
    cdef bint sooner(self, int32_t one, int32_t other) noexcept nogil
    cdef void sink(self, int32_t place) noexcept nogil
    cdef void publish(self) noexcept nogil
