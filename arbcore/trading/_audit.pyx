"""Computes positions from the exchange's messages alone and checks them against the limits.

It shares only the facts of a conversion with the order table and the gate, so a mistake in either of them
shows here. ``reference.audit`` is its specification. A fill moves a position by less than 10**6, so 64 bits
hold the sum of 9 * 10**12 fills of one side.
"""

from libc.string cimport memcpy

from arbcore.trading._orders cimport CHANGES_MAX, Change, conversion_changes

from arbcore.wire.instruments import SYMBOLS


cdef class Audit:
    """Counts in ``breaches`` the messages after which some symbol's position was beyond its limit."""

    def __cinit__(self, settings):
        for symbol, name in enumerate(SYMBOLS):
            self.limits[symbol] = settings.limit(name)

    cdef void on_hello(self, const int64_t* positions) noexcept:
        memcpy(self.position, positions, sizeof(self.position))
        self._count()

    cdef void on_fill(self, int32_t symbol, int64_t signed_size) noexcept:
        self.position[symbol] += signed_size
        self._count()

    cdef void on_conversion(self, const Order* order) noexcept:
        cdef Change changes[CHANGES_MAX]
        cdef int32_t index
        cdef int32_t count = conversion_changes(order.symbol, order.side, order.size, changes)
        for index in range(count):
            self.position[changes[index].symbol] += changes[index].shares
        self._count()

    cdef void _count(self) noexcept:
        cdef int32_t symbol
        for symbol in range(N_SYMBOLS):
            if self.position[symbol] > self.limits[symbol] or -self.position[symbol] > self.limits[symbol]:
                self.breaches += 1
                return

    def positions(self) -> dict:
        """The positions by symbol, computed from the exchange's messages."""
        return {name: self.position[symbol] for symbol, name in enumerate(SYMBOLS)}
