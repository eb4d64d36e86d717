"""Twin of ``trading._audit``: positions computed from the exchange's messages alone, checked against limits.

It shares nothing with the order table or the gate, so it detects a mistake in either.
"""

from arbcore.trading.trading_settings import SessionSettings
from arbcore.wire.instruments import SYMBOLS
from reference.orders import Order, conversion_changes


class Audit:
    """``breaches`` counts the messages after which some symbol's position exceeded its limit."""

    def __init__(self, settings: SessionSettings) -> None:
        self.limits = [settings.limit(symbol) for symbol in SYMBOLS]
        self.position = [0] * len(SYMBOLS)
        self.breaches = 0

    def on_hello(self, positions: list[int]) -> None:
        self.position = list(positions)
        self._count()

    def on_fill(self, symbol: int, signed_size: int) -> None:
        self.position[symbol] += signed_size
        self._count()

    def on_conversion(self, order: Order) -> None:
        for symbol, change in conversion_changes(order.symbol, order.side, order.size):
            self.position[symbol] += change
        self._count()

    def _count(self) -> None:
        beyond = (abs(held) > limit for held, limit in zip(self.position, self.limits, strict=True))
        self.breaches += any(beyond)
