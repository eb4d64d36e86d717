"""The base of a user's strategy: every hook with its name and types; each does nothing.

A strategy need not inherit from it: a plain class with some of these methods works. With it an editor
completes the hooks and a type checker finds mistakes. ``arbcore.trading._plugin`` describes when each hook
is called.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arbcore.trading._plugin import TraderDesk


class Strategy:
    """A user's own strategy: override the hooks it needs. Prices are in ticks, sizes in shares.

    Keyword parameters of ``__init__`` can be set from the command line with ``--param NAME=VALUE``.

    Example: a bid of one share below BOND's fair value, kept in the book.

        >>> import arbcore
        >>> class Bidder(arbcore.Strategy):
        ...     def __init__(self, edge: int = 1) -> None:
        ...         self.edge = edge
        ...
        ...     def on_open(self, desk, symbol):
        ...         if symbol == "BOND":
        ...             desk.quote("BOND", "BUY", round(desk.fair("BOND")) - self.edge, 1)
        >>> session = arbcore.Session(arbcore.SessionSettings(), [Bidder(edge=2)])
        >>> session.connected(now_ns=0)
        b'{"type":"hello","team":"ARBCORE"}\\n'
        >>> session.receive(b'{"type":"hello","symbols":[]}\\n', now_ns=1)
        b''
        >>> session.receive(b'{"type":"open","symbols":["BOND"]}\\n', now_ns=2)
        b'{"type":"add","order_id":1,"symbol":"BOND","dir":"BUY","price":998,"size":1}\\n'
    """

    def on_start(self, desk: "TraderDesk") -> None:
        """Once, before any other hook."""

    def on_round_start(self, desk: "TraderDesk") -> None:
        """A round began: the exchange has reported positions. Symbols open later."""

    def on_round_end(self, desk: "TraderDesk") -> None:
        """Every symbol is closed."""

    def on_open(self, desk: "TraderDesk", symbol: str) -> None:
        """The exchange opened ``symbol``."""

    def on_close(self, desk: "TraderDesk", symbol: str) -> None:
        """The exchange closed ``symbol``."""

    def on_book(self, desk: "TraderDesk", symbol: str) -> None:
        """The book of ``symbol`` changed."""

    def on_trade(self, desk: "TraderDesk", symbol: str, price: int, size: int) -> None:
        """A trade of ``size`` shares at ``price`` happened, between any two participants."""

    def on_fill(self, desk: "TraderDesk", symbol: str, side: str, price: int, size: int) -> None:
        """An order of this strategy filled, in part or in full; ``side`` is "BUY" or "SELL"."""

    def on_refused(self, desk: "TraderDesk", ticket: int, reason: str) -> None:
        """The risk gate refused an order of ``buy``, ``sell`` or ``convert`` for good."""

    def on_reject(self, desk: "TraderDesk", ticket: int | None, reason: str) -> None:
        """The exchange rejected an order; ``reason`` is its text."""

    def on_out(self, desk: "TraderDesk", ticket: int | None) -> None:
        """An order ended before it had filled in full: it was cancelled."""

    def on_tick(self, desk: "TraderDesk") -> None:
        """Ten times a second while the exchange is connected."""
