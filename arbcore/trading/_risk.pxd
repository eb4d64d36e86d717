# The gate: limits, collar, cooldown, message cap, and the proposals that wait for a slot.
from libc.stdint cimport int32_t, int64_t

from arbcore.trading._market cimport Market
from arbcore.trading._orders cimport Orders
from arbcore.wire._types cimport N_SYMBOLS

cdef enum:
    PROPOSALS_MAX = 16

cdef struct Proposal:
    int32_t kind
    int32_t symbol
    int32_t side
    int32_t price
    int32_t size
    int32_t strategy
    int64_t value

cdef class Gate:
    cdef Market market
    cdef Orders orders
    cdef Proposal proposals[N_SYMBOLS][PROPOSALS_MAX]
    cdef int32_t n_proposals[N_SYMBOLS]
    cdef int32_t symbols_asked          # bit set of the symbols with proposals
    cdef int64_t room(self, int32_t symbol, int32_t side) noexcept
    cdef void propose(self, const Proposal* proposal) noexcept
