# Closes every position.
from libc.stdint cimport int32_t, int64_t

from arbcore.trading._market cimport Market
from arbcore.trading._orders cimport Orders
from arbcore.trading._risk cimport Gate
from arbcore.trading._strategy cimport StrategyDesk
from arbcore.wire._types cimport N_SYMBOLS

cdef class Closer:
    cdef Market market
    cdef Orders orders
    cdef Gate gate
    cdef StrategyDesk desk
    cdef int32_t owner                  # owner number of its orders: the one after the last strategy
    cdef int32_t attempts[N_SYMBOLS]    # orders that were not filled in time
    cdef void begin(self) noexcept
    # Proposes, for each symbol, the order that closes the position; cancels its orders that took too long.
    cdef void close_positions(self, int64_t now_ns) noexcept
    cdef void _close_position(self, int32_t symbol, int64_t now_ns) noexcept
