"""Twin of ``trading._strategy``: the data of a built-in strategy, and its proposals.

A strategy reads the market, the orders and its own holding; it proposes orders and cancels through the desk.
It never uses a socket, a clock or the order table directly.
"""

from arbcore.errors import BrokenInvariant
from arbcore.trading.trading_settings import NEVER_NS
from reference.market import Market
from reference.orders import ADD, CONVERT, OPEN, UNACKED, Holding, Order, Orders
from reference.risk import Gate, Proposal


def bits(symbols: frozenset[int]) -> int:
    """Returns the bit set of some symbols."""
    return sum(1 << symbol for symbol in symbols)


class Desk:
    """The strategies' view of the session: market, orders, gate, and the methods to propose and to cancel."""

    def __init__(self, market: Market, orders: Orders, gate: Gate) -> None:
        self.market = market
        self.orders = orders
        self.gate = gate
        self.hedged_owners: list[int] = []
        self.cancels: list[Order] = []

    def cancel(self, order: Order) -> None:
        """Requests a cancel; a further request while one is under way has no effect."""
        if order.live and order.kind == ADD and order.cancels == 0 and not order.wants_cancel:
            order.wants_cancel = True
            self.cancels.append(order)

    def loose_position(self, symbol: int) -> int:
        """Returns the position that quoting strategies must reduce: all but that of hedging strategies."""
        hedged = sum(self.orders.holdings[owner].position[symbol] for owner in self.hedged_owners)
        return self.orders.position[symbol] - hedged

    def unowned_position(self, symbol: int) -> int:
        """Returns the position that no strategy traded: found at a login, or filled under a foreign id."""
        return self.orders.holdings[-1].position[symbol]

    def net_touch(self, symbol: int, side: int) -> int:
        """Returns the best price that an order of ``side`` would meet, without our own orders; 0 if none."""
        levels = self.net_levels(symbol, side)
        return levels[0][0] if levels else 0

    def net_levels(self, symbol: int, side: int) -> list[tuple[int, int]]:
        """Returns the levels that an order of ``side`` would meet, without our own orders."""
        state = self.market.symbols[symbol]
        levels = []
        for price, size in state.asks if side > 0 else state.bids:
            own = sum(
                order.remaining
                for order in self.orders.live[symbol]
                if order.kind == ADD and order.side == -side and order.price == price
            )
            if size > own:
                levels.append((price, size - own))
        return levels


class Strategy:
    """Base of the built-in strategies. The session sets ``desk``, ``owner`` and ``holding``."""

    name = ""
    hedged = False
    #: Symbols whose books, trades and order messages cause another evaluation.
    book_symbols: frozenset[int] = frozenset()
    trade_symbols: frozenset[int] = frozenset()
    order_symbols: frozenset[int] = frozenset()

    def __init__(self) -> None:
        self.wake_ns = NEVER_NS
        self.stops = 0
        self.desk: Desk
        self.holding: Holding
        self.owner = 0

    def attach(self, desk: Desk, owner: int) -> None:
        self.desk = desk
        self.owner = owner
        self.holding = desk.orders.holdings[owner]
        self.book_bits = bits(self.book_symbols)
        self.trade_bits = bits(self.trade_symbols)
        self.order_bits = bits(self.order_symbols)

    def converted(self) -> None:
        """Called after a conversion of this strategy was acknowledged and its holding has changed."""

    def reset(self) -> None:
        """Starts from zero, because the positions are no longer those that this strategy traded."""

    def evaluate(self, symbols: int, now_ns: int) -> None:
        """Proposes the orders wanted now; ``symbols`` is the bit set of the symbols that changed.

        The same state must give the same proposals. ``wake_ns`` is when to call again without a change.
        """
        raise BrokenInvariant(f"{type(self).__name__} does not say what it wants")

    # --- for the subclasses ---------------------------------------------------------------------

    def own_live(self, symbol: int) -> list[Order]:
        return [order for order in self.desk.orders.live[symbol] if order.strategy == self.owner]

    def waits_for_slot(self, symbol: int, now_ns: int) -> bool:
        """Whether the strategy must wait for a symbol's slot, having no live order there."""
        if self.desk.gate.slot_free(symbol, now_ns) or self.own_live(symbol):
            return False
        self.desk.gate.wait(symbol)
        return True

    def resting(self, symbol: int, side: int) -> list[Order]:
        """Returns own orders that rest or will rest in the book and are not being cancelled."""
        return [
            order
            for order in self.own_live(symbol)
            if order.kind == ADD and order.side == side
            and order.state in (UNACKED, OPEN) and not order.wants_cancel
        ]

    def ask(self, symbol: int, *, side: int, price: int, size: int, value: int) -> None:
        self.desk.gate.propose(Proposal(ADD, symbol, side, price, size, value, self.owner))

    def ask_conversion(self, symbol: int, *, side: int, size: int, value: int) -> None:
        self.desk.gate.propose(Proposal(CONVERT, symbol, side, 0, size, value, self.owner))

    def keep_quote(self, symbol: int, *, side: int, price: int, size: int, value: int) -> None:
        """Keeps one order at ``price`` and none elsewhere; no order at all for a size of 0 or less."""
        kept = False
        for order in self.resting(symbol, side):
            if size > 0 and order.price == price and not kept:
                kept = True
            else:
                self.desk.cancel(order)
        if size > 0 and not kept:
            self.ask(symbol, side=side, price=price, size=size, value=value)

    def pull_quotes(self, symbol: int) -> None:
        for side in (+1, -1):
            self.keep_quote(symbol, side=side, price=0, size=0, value=0)
