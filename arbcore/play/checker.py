"""Checks the invariants of the exchange bot from the bytes on the wire and the clock alone.

The checker computes its own positions from the bytes sent and received, shares no code with the session, and
compares the session's positions, cash and sums with its own. Each violation has the number of its invariant
in the list below, the time, and a sentence.

     1  position plus everything that may still fill is within the limit, per symbol and side
     2  cash and positions are the sum of fills, conversions and fees
     3  a conversion changes whole baskets, and charges its fee once
     4  each order on the wire equals the approved order in the session's order table
     5  an order id is never used twice in a run
     7  each fill counts once
     8  no order fills beyond its size, and an ended order stays ended
     9  after a time-out or a lost connection an order still counts in full, in the session's own sums
    11  every price is within the collar of a market that is known and fresh
    12  at most as many messages as the cap in any one second, over all connections, without the hello
    13  no order crosses a resting order of our own
    14  no order that adds exposure is sent while stopped or not logged in, or in a closed symbol;
        a symbol with a market, but without open or close for two seconds, counts as open
    15  the kill switch works
    16  once the session is ``stopped``, no order is live
    20  deadlines and time never go backwards
"""

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from arbcore.trading._session import Session
from arbcore.trading.trading_settings import SECOND_NS, SessionSettings
from arbcore.wire.instruments import BOND_FAIR_PRICE, CONVERSIONS, SYMBOLS

SIDE = {"BUY": 1, "SELL": -1}
#: Some exchanges send no open: a symbol with a market for so long after the hello counts as open.
OPEN_AFTER_NS = 2 * SECOND_NS


@dataclass
class Sent:
    """An order as it was sent, and the size that may still fill."""

    kind: str
    symbol: str
    side: int
    price: int
    size: int
    may_fill: int
    live: bool = True


@dataclass
class Violation:
    """One broken invariant."""

    invariant: int
    now_ns: int
    sentence: str

    def __str__(self) -> str:
        return f"invariant {self.invariant} at {self.now_ns / SECOND_NS:.6f} s: {self.sentence}"


@dataclass
class Books:
    """The market as the exchange last reported it to the bot."""

    touch: dict[str, tuple[int, int]] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    updated_ns: dict[str, int] = field(default_factory=dict)


class Checker:
    """Observer of one bot's seat in a ``World``; call ``hold`` after every event."""

    def __init__(self, session: Session, settings: SessionSettings) -> None:
        self.session = session
        self.settings = settings
        self.violations: list[Violation] = []
        self.sent: dict[int, Sent] = {}
        self.live: dict[int, Sent] = {}
        self.position = dict.fromkeys(SYMBOLS, 0)
        self.cash = 0
        self.books = Books()
        self.passed: dict[str, list[int]] = {}  # earlier references in the last received bytes
        self.open: set[str] = set()
        self.seen: set[str] = set()  # symbols with a book or trade on this connection
        self.spoken: set[str] = set()  # symbols opened or closed on this connection
        self.hello_ns = 0
        self.stamps: deque[int] = deque()
        self.now_ns = 0
        self.partial = b""
        self.logged_in = False
        self.connected = False
        self.killed = False
        self.stopping = False
        self.orders = 0

    # --- events ---------------------------------------------------------------------------------

    def observe(self, now_ns: int, what: str, data: bytes) -> None:
        """Takes one event of the seat, before the session handles it ("in") or after it responded ("out")."""
        self._expect(20, now_ns >= self.now_ns, "time went backwards")
        self.now_ns = max(now_ns, self.now_ns)
        if what == "connect":
            self.connected, self.logged_in, self.partial, self.books = True, False, b"", Books()
            self.open, self.seen, self.spoken = set(), set(), set()
        elif what == "disconnect":
            self.connected = self.logged_in = False
        elif what == "tick":
            self.passed = {}
        elif what == "in":
            self.passed = {}
            self._told(data)
        elif what == "out":
            for line in data.splitlines():
                self._said(json.loads(line))

    def stop(self) -> None:
        self.stopping = True

    def kill(self) -> None:
        self.killed = True

    def hold(self, now_ns: int) -> None:
        """Compares the session's positions, cash and state with the checker's."""
        session = self.session
        self._expect(
            2,
            session.positions() == self.position,
            f"it believes {session.positions()}, told {self.position}",
        )
        self._expect(2, session.cash == self.cash, f"it believes cash {session.cash}, told {self.cash}")
        self._expect(16, not (session.stopped and self.live), f"stopped with {len(self.live)} live orders")
        self._expect(15, not self.killed or session.mode != "active", "killed, and active again")
        working = self._working()
        exposure = session.exposure()
        for symbol in SYMBOLS:
            position, limit = self.position[symbol], self.settings.limit(symbol)
            for side, name in ((1, "working_buy"), (-1, "working_sell")):
                may_fill = working[symbol, side]
                held = side * position + may_fill
                ok = held <= max(limit, side * position)
                self._expect(1, ok, f"{symbol}: {held} shares of side {side:+d} may come to be held")
                counted = exposure[symbol][name]
                sentence = (
                    f"{symbol}: {may_fill} shares of side {side:+d} may still fill, it counts {counted}"
                )
                self._expect(9, counted >= may_fill, sentence)

    def _working(self) -> dict[tuple[str, int], int]:
        """Size that may still fill, by symbol and side, including the changes of live conversions."""
        total = {(symbol, side): 0 for symbol in SYMBOLS for side in (1, -1)}
        for order in self.live.values():
            if order.kind == "add":
                total[order.symbol, order.side] += order.may_fill
                continue
            for symbol, change in self._conversion(order).items():
                total[symbol, 1 if change > 0 else -1] += abs(change)
        return total

    @staticmethod
    def _conversion(order: Sent) -> dict[str, int]:
        conversion = CONVERSIONS[order.symbol]
        lots = order.size // conversion.unit
        changes = {leg: -order.side * lots * quantity for leg, quantity in conversion.legs}
        changes[order.symbol] = order.side * order.size
        return changes

    # --- messages of the bot --------------------------------------------------------------------

    def _said(self, message: dict[str, Any]) -> None:
        if message["type"] == "hello":
            return  # every connection sends one; the shell decides how often it connects
        self.stamps.append(self.now_ns)
        while self.now_ns - self.stamps[0] >= SECOND_NS:
            self.stamps.popleft()
        self._expect(
            12, len(self.stamps) <= self.settings.message_cap, f"{len(self.stamps)} messages in a second"
        )
        kind = message["type"]
        if kind in ("add", "convert"):
            self._ordered(kind, message)

    def _ordered(self, kind: str, message: dict[str, Any]) -> None:
        self.orders += 1
        order_id = message["order_id"]
        order = Sent(
            kind,
            message["symbol"],
            SIDE[message["dir"]],
            message.get("price", 0),
            message["size"],
            message["size"],
        )
        self._expect(5, order_id not in self.sent, f"order id {order_id} was used before")
        self._expect(14, self.logged_in, f"order {order_id} left before the exchange's hello")
        self._expect(14, not self.stopping, f"order {order_id} left after the stop")
        is_open = self._is_open(order.symbol)
        self._expect(14, is_open, f"order {order_id} left while {order.symbol} was closed")
        if self.killed or self.session.mode == "closing":
            working = self._working()[order.symbol, order.side]
            reduces = order.size + working <= -order.side * self.position[order.symbol]
            self._expect(15, kind == "add" and reduces, f"order {order_id} adds exposure while closing")
        if kind == "add":
            self._check_price(order_id, order)
            for other_id, other in self.live.items():
                crosses = other.kind == "add" and other.symbol == order.symbol and other.side == -order.side
                crosses = crosses and order.side * (order.price - other.price) >= 0
                self._expect(13, not crosses, f"order {order_id} crosses our own order {other_id}")
        else:
            unit = CONVERSIONS[order.symbol].unit
            self._expect(
                3, order.size % unit == 0,
                f"conversion {order_id} of {order.size} is not a multiple of {unit}",
            )
        record = next((row for row in self.session.recent_orders(64) if row["order_id"] == order_id), None)
        told = record and (record["symbol"], record["side"], record["price"], record["size"])
        wanted = (order.symbol, message["dir"], order.price, order.size)
        self._expect(
            4, told == wanted, f"order {order_id} on the wire is {wanted}, in the order table {told}"
        )
        self.sent[order_id] = self.live[order_id] = order

    def _is_open(self, symbol: str) -> bool:
        """Whether the symbol was opened, or has had a market for long enough without open or close."""
        inferred = symbol in self.seen - self.spoken and self.now_ns - self.hello_ns >= OPEN_AFTER_NS
        return symbol in self.open or inferred

    def _check_price(self, order_id: int, order: Sent) -> None:
        # The session decides after each message; the checker has already read all messages of the same bytes.
        references = [self._reference(order.symbol), *self.passed.get(order.symbol, [])]
        ok = any(
            abs(2 * order.price - reference) * 10_000 <= self.settings.collar_bps * reference
            for reference in references
            if reference > 0
        )
        self._expect(11, ok, f"order {order_id} at {order.price} against a market of {references[0] / 2}")

    def _reference(self, symbol: str) -> int:
        """Twice the price that the collar compares an order with; 0 if there is none or it is too old."""
        if symbol == "BOND":
            return 2 * BOND_FAIR_PRICE
        if self.now_ns - self.books.updated_ns.get(symbol, -(2**62)) > self.settings.stale_ns:
            return 0
        bid, ask = self.books.touch.get(symbol, (0, 0))
        return bid + ask if bid and ask else 2 * self.books.last.get(symbol, 0)

    def _market_moves(self, symbol: str) -> None:
        self.passed.setdefault(symbol, []).append(self._reference(symbol))

    # --- messages of the exchange ---------------------------------------------------------------

    def _told(self, data: bytes) -> None:
        *lines, self.partial = (self.partial + data).split(b"\n")
        for line in lines:
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if isinstance(message, dict) and isinstance(message.get("type"), str):
                handler = getattr(self, "_told_" + message["type"], None)
                if handler is not None:
                    handler(message)

    def _told_hello(self, message: dict[str, Any]) -> None:
        if self.logged_in:
            return
        self.logged_in = True
        self.hello_ns = self.now_ns
        told = {row["symbol"]: row["position"] for row in message["symbols"]}
        self.cash = told.get("USD", 0)
        self.position = {symbol: told.get(symbol, 0) for symbol in SYMBOLS}
        self.live.clear()

    def _told_open(self, message: dict[str, Any]) -> None:
        self.open |= self._symbols(message)
        self.spoken |= self._symbols(message)

    def _told_close(self, message: dict[str, Any]) -> None:
        self.open -= self._symbols(message)
        self.spoken |= self._symbols(message)

    @staticmethod
    def _symbols(message: dict[str, Any]) -> set[str]:
        """The symbols of an open or a close; none if a network fault has damaged the list."""
        names = message.get("symbols")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return set()
        return set(names)

    def _told_book(self, message: dict[str, Any]) -> None:
        if not self._legal_book(message):
            return
        self._market_moves(message["symbol"])
        self.seen.add(message["symbol"])
        bids, asks = message["buy"], message["sell"]
        self.books.touch[message["symbol"]] = (bids[0][0] if bids else 0, asks[0][0] if asks else 0)
        self.books.updated_ns[message["symbol"]] = self.now_ns

    @staticmethod
    def _legal_book(message: dict[str, Any]) -> bool:
        """Whether a book is legal; a network fault may have damaged it and left it JSON."""
        if message.get("symbol") not in SYMBOLS:
            return False
        for name, sign in (("buy", -1), ("sell", 1)):
            levels = message.get(name)
            if not isinstance(levels, list) or len(levels) > 15:
                return False
            for level in levels:
                if not (isinstance(level, list) and len(level) == 2):
                    return False
                if not all(type(number) is int and 0 < number < 1_000_000 for number in level):
                    return False
            prices = [sign * level[0] for level in levels]
            if prices != sorted(prices):
                return False
        return True

    def _told_trade(self, message: dict[str, Any]) -> None:
        price, size = message.get("price"), message.get("size")
        numbers = all(type(number) is int and 0 < number < 1_000_000 for number in (price, size))
        if message.get("symbol") in SYMBOLS and numbers:
            self._market_moves(message["symbol"])
            self.seen.add(message["symbol"])
            self.books.last[message["symbol"]] = message["price"]
            self.books.updated_ns[message["symbol"]] = self.now_ns

    def _told_ack(self, message: dict[str, Any]) -> None:
        order = self.live.get(message["order_id"]) if self.logged_in else None
        if order is not None and order.kind == "convert":
            for symbol, change in self._conversion(order).items():
                self.position[symbol] += change
            self.cash -= CONVERSIONS[order.symbol].fee
            self._end(message["order_id"])

    def _told_reject(self, message: dict[str, Any]) -> None:
        if self.logged_in:
            self._end(message["order_id"])

    def _told_out(self, message: dict[str, Any]) -> None:
        order = self.live.get(message["order_id"])
        if self.logged_in and order is not None and order.kind == "add":
            self._end(message["order_id"])

    def _told_fill(self, message: dict[str, Any]) -> None:
        if not self.logged_in:
            return
        order = self.sent.get(message["order_id"])
        side, size, price = SIDE[message["dir"]], message["size"], message["price"]
        if order is not None:
            self._expect(8, size <= order.may_fill, f"order {message['order_id']} filled beyond its size")
            size = min(size, order.may_fill)
            order.may_fill -= size
            if order.may_fill == 0:
                self._end(message["order_id"])
        self.position[message["symbol"]] += side * size
        self.cash -= side * size * price

    def _end(self, order_id: int) -> None:
        order = self.live.pop(order_id, None)
        if order is not None:
            order.live = False

    def _expect(self, invariant: int, holds: bool, sentence: str) -> None:
        if not holds and len(self.violations) < 100:
            self.violations.append(Violation(invariant, self.now_ns, sentence))
