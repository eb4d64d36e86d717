"""The exchange's trading rules again, with plain lists and sorting: the specification of the venue's floor.

``NaiveBook`` is one symbol's book, ``NaiveExchange`` seven of them with accounts, limits and conversions. It
responds with the messages that a client receives. It has no rounds, fair values, time or encoding.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from arbcore.wire.instruments import BOOK_LEVELS_MAX, CONVERSIONS, POSITION_LIMITS, SYMBOLS

BUY, SELL = 1, -1
DIRECTION = {BUY: "BUY", SELL: "SELL"}
Message = dict[str, object]


@dataclass
class Order:
    """A resting order; ``arrived`` orders by arrival."""

    owner: str
    order_id: int
    side: int
    price: int
    left: int
    arrived: int


@dataclass(frozen=True)
class Execution:
    """One trade between an incoming order and ``maker``, at the maker's price."""

    maker: Order
    price: int
    size: int
    maker_left: int

ONLY_TWO_CONVERT = "NOT_CONVERTIBLE: only VALE and XLF are converted"
CONVERT_WITH_VALE = "NOT_CONVERTIBLE: VALBZ and VALE are converted with the symbol VALE"


class NaiveBook:
    """A book with price-time priority: the best price first, at equal prices the earlier order."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.arrivals = 0

    def waiting(self, side: int) -> list[Order]:
        """Returns the orders of one side in the order in which they match."""
        mine = [order for order in self.orders if order.side == side]
        return sorted(mine, key=lambda order: (-side * order.price, order.arrived))

    def enter(self, owner: str, order_id: int, *, side: int, price: int, size: int) -> list[Execution]:
        """Matches the order as far as it crosses; the rest of it rests."""
        executions = []
        for maker in self.waiting(-side):
            if size == 0 or side * maker.price > side * price:
                break
            taken = min(size, maker.left)
            size -= taken
            maker.left -= taken
            executions.append(Execution(maker, maker.price, taken, maker.left))
        self.orders = [order for order in self.orders if order.left > 0]
        if size:
            self.arrivals += 1
            self.orders.append(Order(owner, order_id, side, price, size, self.arrivals))
        return executions

    def cancel(self, owner: str, order_id: int) -> None:
        """Removes an order, if it is in the book."""
        self.orders = [order for order in self.orders if (order.owner, order.order_id) != (owner, order_id)]

    def depth(self, side: int) -> list[tuple[int, int]]:
        """Returns all prices of one side with their total size, best first."""
        prices = sorted({order.price for order in self.orders if order.side == side}, reverse=side == BUY)
        return [
            (price, sum(order.left for order in self.orders if (order.side, order.price) == (side, price)))
            for price in prices
        ]

    def visible(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Returns the content of a ``book`` message: the best levels of both sides."""
        return self.depth(BUY)[:BOOK_LEVELS_MAX], self.depth(SELL)[:BOOK_LEVELS_MAX]


class NaiveExchange:
    """Seven books and the teams' accounts. Its messages are in ``said`` by team, and in ``trades``."""

    def __init__(self, teams: list[str], limits: Mapping[str, int] = POSITION_LIMITS) -> None:
        self.limits = limits
        self.books = {symbol: NaiveBook() for symbol in SYMBOLS}
        self.cash = dict.fromkeys(teams, 0)
        self.positions = {team: dict.fromkeys(SYMBOLS, 0) for team in teams}
        self.said: dict[str, list[Message]] = {team: [] for team in teams}
        self.trades: list[Message] = []

    def open_orders(self, team: str) -> dict[int, Order]:
        """Returns one team's resting orders by id."""
        return {
            order.order_id: order
            for book in self.books.values()
            for order in book.orders
            if order.owner == team
        }

    def fits(self, team: str, symbol: str, change: int) -> bool:
        """Whether the position may still change by ``change`` if every order of that side fills."""
        side = BUY if change > 0 else SELL
        working = sum(
            order.left for order in self.books[symbol].orders if (order.owner, order.side) == (team, side)
        )
        return side * self.positions[team][symbol] + working + abs(change) <= self.limits[symbol]

    def add(self, team: str, order_id: int, *, symbol: str, side: int, price: int, size: int) -> None:
        """Handles an order whose numbers are in the protocol's ranges."""
        if order_id in self.open_orders(team):
            self._reject(team, order_id, "DUPLICATE_ORDER_ID")
            return
        if not self.fits(team, symbol, side * size):
            self._reject(team, order_id, "LIMIT:POSITION")
            return
        self.said[team].append({"type": "ack", "order_id": order_id})
        left = size
        for execution in self.books[symbol].enter(team, order_id, side=side, price=price, size=size):
            maker = execution.maker
            left -= execution.size
            self.trades.append(
                {"type": "trade", "symbol": symbol, "price": execution.price, "size": execution.size}
            )
            self._fill(maker.owner, maker.order_id, symbol=symbol, side=-side, execution=execution)
            if execution.maker_left == 0:
                self.said[maker.owner].append({"type": "out", "order_id": maker.order_id})
            self._fill(team, order_id, symbol=symbol, side=side, execution=execution)
        if left == 0:
            self.said[team].append({"type": "out", "order_id": order_id})

    def cancel(self, team: str, order_id: int) -> None:
        """Handles a cancel, which never fails."""
        for book in self.books.values():
            book.cancel(team, order_id)
        self.said[team].append({"type": "out", "order_id": order_id})

    def convert(self, team: str, order_id: int, *, symbol: str, side: int, size: int) -> None:
        """Converts all or nothing, for one fee."""
        if order_id in self.open_orders(team):
            self._reject(team, order_id, "DUPLICATE_ORDER_ID")
            return
        if symbol not in CONVERSIONS:
            self._reject(team, order_id, CONVERT_WITH_VALE if symbol == "VALBZ" else ONLY_TWO_CONVERT)
            return
        rule = CONVERSIONS[symbol]
        if size % rule.unit:
            self._reject(team, order_id, "BAD_SIZE")
            return
        changes = {symbol: side * size}
        for leg, shares in rule.legs:
            changes[leg] = -side * shares * (size // rule.unit)
        if not all(self.fits(team, leg, change) for leg, change in changes.items()):
            self._reject(team, order_id, "LIMIT:POSITION")
            return
        for leg, change in changes.items():
            self.positions[team][leg] += change
        self.cash[team] -= rule.fee
        self.said[team].append({"type": "ack", "order_id": order_id})

    def _reject(self, team: str, order_id: int, error: str) -> None:
        self.said[team].append({"type": "reject", "order_id": order_id, "error": error})

    def _fill(self, team: str, order_id: int, *, symbol: str, side: int, execution: Execution) -> None:
        self.positions[team][symbol] += side * execution.size
        self.cash[team] -= side * execution.price * execution.size
        self.said[team].append(
            {"type": "fill", "order_id": order_id, "symbol": symbol, "dir": DIRECTION[side],
             "price": execution.price, "size": execution.size}
        )
