# The value of the positions, in total and by owner.
from libc.stdint cimport int32_t, int64_t

from arbcore.trading._market cimport Market
from arbcore.trading._orders cimport Orders

cdef class Worth:
    cdef Market market
    cdef Orders orders
    # Cash plus positions at the touch that would close them.
    cdef int64_t at_touch(self) noexcept
    # Cash plus positions at the middle of the touch, rounded down.
    cdef int64_t at_middle(self) noexcept
    # Cash plus positions of one owner in this round; the sum over all owners is `at_touch`.
    cdef int64_t of_owner(self, int32_t owner) noexcept
    # Whether every position has a price: after a login one may have none yet, and its value is not 0.
    cdef bint priced(self) noexcept
    cdef int64_t _mark(self, int32_t symbol) noexcept
