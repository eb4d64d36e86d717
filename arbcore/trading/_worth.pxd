# What the positions are worth, in all and by owner.
from libc.stdint cimport int32_t, int64_t

from arbcore.trading._market cimport Market
from arbcore.trading._orders cimport Orders

cdef class Worth:
    cdef Market market
    cdef Orders orders
    # Cash and positions at the touch that they would hit.
    cdef int64_t at_touch(self) noexcept
    # Cash and positions at the middle of the touch, rounded down.
    cdef int64_t at_middle(self) noexcept
    # Cash and positions of one owner in this round; over all owners they add up to `at_touch`.
    cdef int64_t of_owner(self, int32_t owner) noexcept
    # Whether every position has a price: after a login there may be none yet, and 0 is not its worth.
    cdef bint priced(self) noexcept
    cdef int64_t _mark(self, int32_t symbol) noexcept
