"""The value of a run's positions: at the touch, at the middle of it, and by owner.

It reads the market and the order table and changes neither. ``reference.session`` is its specification.
Prices are ticks; a position of 10**9 shares at a price of 10**6 is far within 64 bits.
"""

from arbcore.trading._orders cimport Holding
from arbcore.wire._types cimport N_SYMBOLS


cdef class Worth:
    """Values the positions of ``orders`` at the prices of ``market``; ``Session`` makes one."""

    def __cinit__(self, Market market not None, Orders orders not None):
        self.market = market
        self.orders = orders

    cdef int64_t at_touch(self) noexcept:
        cdef int64_t worth = self.orders.cash
        cdef int32_t symbol
        for symbol in range(N_SYMBOLS):
            if self.orders.position[symbol]:
                worth += self.orders.position[symbol] * self._mark(symbol)
        return worth

    cdef int64_t at_middle(self) noexcept:
        cdef int64_t worth = self.orders.cash
        cdef int64_t middle
        cdef int32_t symbol
        for symbol in range(N_SYMBOLS):
            if self.orders.position[symbol]:
                middle = self.market.middle(symbol)
                worth += self.orders.position[symbol] * (
                    middle if middle else self.orders.average_price(symbol))
        return worth

    # The whole position sets one price for every owner, so the owners' values add up to the total.
    cdef int64_t of_owner(self, int32_t owner) noexcept:
        cdef Holding* holding = &self.orders.holdings[owner]
        cdef int64_t worth = holding.cash
        cdef int32_t symbol
        for symbol in range(N_SYMBOLS):
            if holding.position[symbol]:
                worth += holding.position[symbol] * (
                    self._mark(symbol) if self.orders.position[symbol] else self.market.middle(symbol))
        return worth

    cdef bint priced(self) noexcept:
        cdef int32_t symbol
        for symbol in range(N_SYMBOLS):
            if self.orders.position[symbol] and self._mark(symbol) <= 0:
                return False
        return True

    cdef int64_t _mark(self, int32_t symbol) noexcept:
        return self.market.mark(symbol, self.orders.position[symbol], self.orders.average_price(symbol))
