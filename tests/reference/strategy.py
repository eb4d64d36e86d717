"""Twin of ``trading._strategy``: what a built-in strategy sees and may ask for.

A strategy reads the market, the orders and its own holding; it asks for orders and cancels through the
desk. It never touches a socket, a clock or the order table.
"""

from arbcore.errors import BrokenInvariant
from arbcore.trading.trading_settings import NEVER_NS
from reference.market import Market
from reference.orders import ADD, CONVERT, OPEN, UNACKED, Holding, Order, Orders
from reference.risk import Gate, Proposal


def bits(symbols: frozenset[int]) -> int:
    """The bit set of some symbols."""
    return sum(1 << symbol for symbol in symbols)


class Desk:
    """The strategies' window on the session: market, orders, gate, and the two things they may ask for."""

    def __init__(self, market: Market, orders: Orders, gate: Gate) -> None:
        self.market = market
        self.orders = orders
        self.gate = gate
        self.hedged_owners: list[int] = []
        self.cancels: list[Order] = []

    def cancel(self, order: Order) -> None:
        """Ask for a cancel; asking again while one is under way changes nothing."""
        if order.live and order.kind == ADD and order.cancels == 0 and not order.wants_cancel:
            order.wants_cancel = True
            self.cancels.append(order)

    def loose_position(self, symbol: int) -> int:
        """The position less what the hedging strategies hold: what a quoting strategy has to work off."""
        hedged = sum(self.orders.holdings[owner].position[symbol] for owner in self.hedged_owners)
        return self.orders.position[symbol] - hedged

    def unowned_position(self, symbol: int) -> int:
        """What no strategy did: found at a login, or filled under an id that is not ours."""
        return self.orders.holdings[-1].position[symbol]

    def net_touch(self, symbol: int, side: int) -> int:
        """The best price that an order of ``side`` would meet, beside our own; 0 where there is none."""
        levels = self.net_levels(symbol, side)
        return levels[0][0] if levels else 0

    def net_levels(self, symbol: int, side: int) -> list[tuple[int, int]]:
        """The levels that an order of ``side`` would meet, without our own orders among them."""
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
    #: Symbols whose books, trades and own-order news make it look again.
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
        """A conversion of this strategy was acknowledged; its holding has changed already."""

    def reset(self) -> None:
        """The positions are no longer what this strategy made them: start from nothing."""

    def evaluate(self, symbols: int, now_ns: int) -> None:
        """Look at the desk and ask for what is wanted now; ``symbols`` is the bit set of those with news.

        Must ask the same for the same state. ``wake_ns`` says when to be asked again without news.
        """
        raise BrokenInvariant(f"{type(self).__name__} does not say what it wants")

    # --- for the subclasses ---------------------------------------------------------------------

    def own_live(self, symbol: int) -> list[Order]:
        return [order for order in self.desk.orders.live[symbol] if order.strategy == self.owner]

    def waits_for_slot(self, symbol: int, now_ns: int) -> bool:
        """Whether nothing can be done in a symbol before its slot opens, as no order of ours lives there."""
        if self.desk.gate.slot_free(symbol, now_ns) or self.own_live(symbol):
            return False
        self.desk.gate.wait(symbol)
        return True

    def resting(self, symbol: int, side: int) -> list[Order]:
        """Own orders that stand or will stand in the book and are not being cancelled."""
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
        """One order at ``price`` and none elsewhere; no order at all for a size of 0 or less."""
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
