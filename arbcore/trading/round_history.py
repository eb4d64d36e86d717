"""The history of a session, from its journal's records: orders with their fates, fills with markouts, P&L.

A live run, a replayed journal and a simulated round all feed it the records of the journal. It must not know
a file, a clock, or how anything is displayed.

Prices are in ticks, times in nanoseconds of the session's clock. The price of a symbol is the middle of its
touch, which includes our own quotes, else its last trade.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from arbcore.core.latency import LatencyHistogram
from arbcore.errors import WireError
from arbcore.trading import journal
from arbcore.trading.session_documents import OrderDocument
from arbcore.wire import _decode, _request
from arbcore.wire._lines import LineSplitter
from arbcore.wire.instruments import CONVERSIONS, POSITION_LIMITS, SYMBOLS

SECOND_NS = 1_000_000_000
#: Seconds after a fill at which its markout is taken.
MARKOUT_SECONDS = (1, 5, 30)
#: Time between two samples of P&L, positions and prices; it doubles whenever there are too many samples.
STEP_NS = 100_000_000
SAMPLES_MAX = 4_096
#: The strategy's name for what belongs to no strategy.
NOBODY = "unattributed"
TRADES_HEADER = (
    "round,time_s,order_id,strategy,symbol,dir,price,size,position,markout_1s,markout_5s,markout_30s"
)


class Fate(Enum):
    """How an order ended."""

    LIVE = "live at the end"
    FILLED = "filled"
    PART = "partly filled, then out"
    OUT = "out without a fill"
    REJECTED = "rejected"
    CONVERTED = "converted"
    LOST = "lost with the connection"


@dataclass
class PlacedOrder:
    """An add or a conversion that was sent. ``price`` is 0 for a conversion."""

    order_id: int
    round: int
    sent_ns: int
    strategy: str
    symbol: str
    dir: str
    price: int
    size: int
    converts: bool = False
    fate: Fate = Fate.LIVE
    filled: int = 0
    acked_ns: int | None = None
    ended_ns: int | None = None
    reason: str = ""


@dataclass
class OwnFill:
    """A fill. ``middle`` is the price just before it; ``markouts`` how far it then moved in our favour.

    ``time_s`` counts from the round's first open, ``position`` is the session's after the fill, and a markout
    is None if the symbol's round ended before it was due.
    """

    round: int
    at_ns: int
    time_s: float
    order_id: int
    strategy: str
    symbol: str
    dir: str
    price: int
    size: int
    position: int
    middle: float | None
    markouts: list[float | None] = field(default_factory=lambda: [None] * len(MARKOUT_SECONDS))

    @property
    def side(self) -> int:
        """1 for a buy, -1 for a sell."""
        return 1 if self.dir == "BUY" else -1


@dataclass(frozen=True)
class Sample:
    """One instant: P&L by strategy, positions, and (bid, ask) by symbol, 0 if there is none."""

    at_ns: int
    round: int
    pnl: dict[str, float]
    positions: dict[str, int]
    touch: dict[str, tuple[int, int]]


@dataclass
class _Books:
    """Cash and shares of one strategy in this round."""

    cash: int = 0
    shares: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SYMBOLS, 0))


class KnowsOrders(Protocol):
    """The part of a session that lists the orders it sent."""

    def recent_orders(self, count: int) -> list[OrderDocument]: ...


class RoundHistory:
    """Takes a session's records in order, and its orders' strategies by id.

    >>> from arbcore.trading import journal
    >>> history = RoundHistory()
    >>> history.take(journal.CONNECT, 0)
    >>> history.take(journal.IN, 1, b'{"type":"hello","symbols":[]}\\n{"type":"open","symbols":["BOND"]}\\n')
    >>> line = b'{"type":"add","order_id":1,"symbol":"BOND","dir":"BUY","price":999,"size":5}\\n'
    >>> history.take(journal.OUT, 1, line)
    >>> filled = b'{"type":"fill","order_id":1,"symbol":"BOND","dir":"BUY","price":999,"size":5}\\n'
    >>> history.take(journal.IN, 500_000_001, filled)
    >>> [(fill.time_s, fill.price, fill.position) for fill in history.fills]
    [(0.5, 999, 5)]
    """

    def __init__(self, limits: Mapping[str, int] = POSITION_LIMITS) -> None:
        self.limits = {symbol: limits.get(symbol, POSITION_LIMITS[symbol]) for symbol in SYMBOLS}
        self.orders: list[PlacedOrder] = []
        self.fills: list[OwnFill] = []
        self.samples: list[Sample] = []
        self.cancels = 0
        #: Lines of either direction that are not a legal message.
        self.bad_lines = 0
        #: Times from an order's sending to its acknowledgement.
        self.answers = LatencyHistogram()
        self.round = 0
        self.first_ns: int | None = None
        self.last_ns = 0
        #: When each round opened, and its last P&L by strategy, by the round's number.
        self.opened_ns: dict[int, int] = {}
        self.results: dict[int, dict[str, float]] = {}
        self._owners: dict[int, str] = {}
        self._known: dict[int, PlacedOrder] = {}
        self._live: dict[int, PlacedOrder] = {}
        self._books: dict[str, _Books] = {}
        self._touch: dict[str, tuple[int, int]] = {}
        self._marks: dict[str, float] = {}
        self._open: set[str] = set()
        self._round_over = False
        self._due: list[deque[OwnFill]] = [deque() for _ in MARKOUT_SECONDS]
        self._lines = LineSplitter()
        self._step_ns = STEP_NS
        self._next_sample_ns = 0

    def own(self, orders: Iterable[OrderDocument]) -> None:
        """Names the orders' strategies, before the orders' record: rows of ``Session.recent_orders``."""
        for order in orders:
            self._owners[order["order_id"]] = order["strategy"]

    def own_sent(self, session: KnowsOrders, sent: bytes) -> None:
        """Calls ``own`` with the orders that a session has just sent."""
        count = sent.count(b'"add"') + sent.count(b'"convert"')
        if count:
            self.own(session.recent_orders(count))

    def take(self, kind: int, time_ns: int, payload: bytes = b"") -> None:
        """Takes one record of the journal; its time is never before the last record's."""
        if self.first_ns is None:
            self.first_ns = self._next_sample_ns = time_ns
        self.last_ns = max(self.last_ns, time_ns)
        # Both use the state before the record, so they do not depend on how bytes were cut into records.
        self._take_markouts(time_ns)
        if time_ns >= self._next_sample_ns:
            self._sample(time_ns)
        if kind == journal.IN:
            for line in self._lines.split(payload):
                self._hear(line, time_ns)
        elif kind == journal.OUT:
            for line in payload.splitlines():
                self._say(line, time_ns)
        elif kind in (journal.CONNECT, journal.DISCONNECT):
            self._lines.forget()
            self._end_live(Fate.LOST, time_ns)

    def finish(self) -> None:
        """Ends the records: a pending markout stays None."""
        if self.samples and self.samples[-1].at_ns == self.last_ns:
            self.samples.pop()
        if self.first_ns is not None:
            self._sample(self.last_ns)
        for due in self._due:
            due.clear()

    # --- what was sent ----------------------------------------------------------------------------------

    def _say(self, line: bytes, now_ns: int) -> None:
        try:
            sent = _request.decode(line)
        except WireError:
            self.bad_lines += 1
            return
        if sent["type"] == "cancel":
            self.cancels += 1
        elif sent["type"] in ("add", "convert"):
            order = PlacedOrder(
                sent["order_id"], self.round, now_ns, self._owners.pop(sent["order_id"], NOBODY),
                sent["symbol"], sent["dir"], sent.get("price", 0), sent["size"], sent["type"] == "convert",
            )  # fmt: skip
            self.orders.append(order)
            self._known[order.order_id] = self._live[order.order_id] = order

    # --- what was received ------------------------------------------------------------------------------

    def _hear(self, line: bytes, now_ns: int) -> None:
        try:
            message = _decode.decode(line)
        except WireError:
            self.bad_lines += bool(line.strip())
            return
        kind = message["type"]
        if kind == "book":
            bids, asks = message["buy"], message["sell"]
            self._show(message["symbol"], bids[0][0] if bids else 0, asks[0][0] if asks else 0)
        elif kind == "trade":
            if not all(self._touch.get(message["symbol"], (0, 0))):
                self._marks[message["symbol"]] = float(message["price"])
        elif kind == "hello":
            self._begin(message["positions"], message["cash"], now_ns)
        elif kind == "open":
            self._open |= set(message["symbols"])
            self.opened_ns.setdefault(self.round, now_ns)
        elif kind == "close":
            self._close(message["symbols"])
        elif kind in ("ack", "reject", "fill", "out"):
            self._note(message, now_ns)

    def _show(self, symbol: str, bid: int, ask: int) -> None:
        self._touch[symbol] = (bid, ask)
        if bid and ask:
            self._marks[symbol] = (bid + ask) / 2

    def _begin(self, positions: Mapping[str, int], cash: int, now_ns: int) -> None:
        """Takes a hello: a new round, or the positions in the present one."""
        flat = cash == 0 and not any(positions.values())
        held = {symbol: sum(books.shares[symbol] for books in self._books.values()) for symbol in SYMBOLS}
        had = sum(books.cash for books in self._books.values())
        same = had == cash and all(held[symbol] == positions.get(symbol, 0) for symbol in SYMBOLS)
        self._end_live(Fate.LOST, now_ns)
        self._open.clear()
        if self.round == 0 or (flat and (self._round_over or not same)):
            if self.round:
                self._sample(now_ns)
            self.round += 1
            self._books.clear()
            self._touch.clear()
            self._marks.clear()
            self._forget_markouts(SYMBOLS)
            held, had = dict.fromkeys(SYMBOLS, 0), 0
        self._round_over = False
        # A difference between the exchange's positions and ours belongs to no strategy.
        nobody = self._of(NOBODY)
        nobody.cash += cash - had
        for symbol in SYMBOLS:
            nobody.shares[symbol] += positions.get(symbol, 0) - held[symbol]

    def _close(self, symbols: Sequence[str]) -> None:
        self._open -= set(symbols)
        self._forget_markouts(symbols)
        self._round_over = not self._open

    def _note(self, message: Mapping[str, Any], now_ns: int) -> None:
        order = self._known.get(message["order_id"])
        kind = message["type"]
        if kind == "fill":
            self._fill(message, order, now_ns)
        if order is None:
            return
        if kind == "ack" and order.acked_ns is None:
            order.acked_ns = now_ns
            self.answers.record(now_ns - order.sent_ns)
            if order.converts and order.fate is Fate.LIVE:
                self._convert(order)
                self._end(order, Fate.CONVERTED, now_ns)
        elif kind == "reject" and order.fate is Fate.LIVE:
            order.reason = message["error"]
            self._end(order, Fate.REJECTED, now_ns)
        elif kind == "out" and order.fate is Fate.LIVE:
            self._end(order, Fate.PART if order.filled else Fate.OUT, now_ns)

    def _fill(self, message: Mapping[str, Any], order: PlacedOrder | None, now_ns: int) -> None:
        symbol, size = message["symbol"], message["size"]
        strategy = order.strategy if order is not None else NOBODY
        side = 1 if message["dir"] == "BUY" else -1
        books = self._of(strategy)
        books.cash -= side * size * message["price"]
        books.shares[symbol] += side * size
        start_ns = self.opened_ns.get(self.round, now_ns)
        fill = OwnFill(
            self.round, now_ns, (now_ns - start_ns) / SECOND_NS, message["order_id"], strategy, symbol,
            message["dir"], message["price"], size, self._held(symbol), self._marks.get(symbol),
        )  # fmt: skip
        self._marks.setdefault(symbol, float(message["price"]))
        self.fills.append(fill)
        for due in self._due:
            due.append(fill)
        if order is not None:
            order.filled += size
            if order.filled >= order.size:
                self._end(order, Fate.FILLED, now_ns)

    def _convert(self, order: PlacedOrder) -> None:
        rule = CONVERSIONS.get(order.symbol)
        if rule is None:
            return
        books = self._of(order.strategy)
        side = 1 if order.dir == "BUY" else -1
        books.cash -= rule.fee
        books.shares[order.symbol] += side * order.size
        for leg, shares in rule.legs:
            books.shares[leg] -= side * shares * (order.size // rule.unit)

    # --- inside -----------------------------------------------------------------------------------------

    def _of(self, strategy: str) -> _Books:
        return self._books.setdefault(strategy, _Books())

    def _held(self, symbol: str) -> int:
        return sum(books.shares[symbol] for books in self._books.values())

    def _end(self, order: PlacedOrder, fate: Fate, now_ns: int) -> None:
        order.fate = fate
        order.ended_ns = now_ns
        self._live.pop(order.order_id, None)

    def _end_live(self, fate: Fate, now_ns: int) -> None:
        for order in list(self._live.values()):
            self._end(order, fate, now_ns)

    def _take_markouts(self, now_ns: int) -> None:
        for index, seconds in enumerate(MARKOUT_SECONDS):
            due = self._due[index]
            while due and due[0].at_ns + seconds * SECOND_NS <= now_ns:
                fill = due.popleft()
                price = self._marks.get(fill.symbol)
                if price is not None:
                    fill.markouts[index] = fill.side * (price - fill.price)

    def _forget_markouts(self, symbols: Sequence[str]) -> None:
        gone = set(symbols)
        self._due = [deque(fill for fill in due if fill.symbol not in gone) for due in self._due]

    def _sample(self, now_ns: int) -> None:
        pnl = {
            name: books.cash + sum(
                shares * self._marks.get(symbol, 0.0) for symbol, shares in books.shares.items()
            )
            for name, books in self._books.items()
        }  # fmt: skip
        held = {symbol: self._held(symbol) for symbol in SYMBOLS}
        self.results[self.round] = pnl
        self.samples.append(Sample(now_ns, self.round, pnl, held, dict(self._touch)))
        if len(self.samples) >= SAMPLES_MAX:
            del self.samples[1::2]
            self._step_ns *= 2
        self._next_sample_ns = now_ns + self._step_ns

    # --- results ----------------------------------------------------------------------------------------

    def trade_rows(self) -> Iterator[str]:
        """Every fill as a line of CSV under ``TRADES_HEADER``, oldest first."""
        for fill in self.fills:
            after = ",".join("" if value is None else f"{value:g}" for value in fill.markouts)
            name = fill.strategy
            if any(mark in name for mark in ',"\n\r'):
                name = '"' + name.replace('"', '""') + '"'
            yield (
                f"{fill.round},{fill.time_s:.3f},{fill.order_id},{name},{fill.symbol},{fill.dir},"
                f"{fill.price},{fill.size},{fill.position},{after}"
            )

    def strategies(self) -> list[str]:
        """Every strategy that sent or held something, in the order of their first order; "nobody" last."""
        names = dict.fromkeys(order.strategy for order in self.orders)
        names |= dict.fromkeys(fill.strategy for fill in self.fills)
        names |= dict.fromkeys(name for sample in self.samples for name, pnl in sample.pnl.items() if pnl)
        return sorted(names, key=lambda name: name == NOBODY)

    def fates(self) -> dict[str, dict[str, int]]:
        """How many orders ended with each fate: strategy -> fate -> count."""
        found: dict[str, dict[str, int]] = {}
        for order in self.orders:
            row = found.setdefault(order.strategy, dict.fromkeys((fate.value for fate in Fate), 0))
            row[order.fate.value] += 1
        return found

    def rejects(self) -> dict[str, int]:
        """How many orders the exchange rejected, by its text."""
        found: dict[str, int] = {}
        for order in self.orders:
            if order.fate is Fate.REJECTED:
                found[order.reason] = found.get(order.reason, 0) + 1
        return found

    def earnings(self) -> list[dict[str, object]]:
        """The value of each strategy's fills in each symbol, in ticks times shares.

        ``spread`` is how much better a fill was than the middle before it (below 0 if it paid the spread);
        ``moved`` is how far the price moved in our favour from that middle until 30 seconds later (below 0 is
        adverse selection), over the fills whose markout is known; ``markouts`` are means a share.
        """
        groups: dict[tuple[str, str], list[OwnFill]] = {}
        for fill in self.fills:
            groups.setdefault((fill.strategy, fill.symbol), []).append(fill)
        names = {name: at for at, name in enumerate(self.strategies())}
        keys = sorted(groups, key=lambda key: (names[key[0]], SYMBOLS.index(key[1])))
        return [_earned(*key, groups[key]) for key in keys]

    def document(self) -> dict[str, object]:
        """Everything as plain data for the page of a round. Times are seconds from the first record."""
        start_ns = self.first_ns or 0

        def seconds(at_ns: int | None) -> float | None:
            return None if at_ns is None else (at_ns - start_ns) / SECOND_NS

        return {
            "seconds": seconds(self.last_ns) if self.first_ns is not None else 0.0,
            "strategies": self.strategies(),
            "symbols": list(SYMBOLS),
            "limits": dict(self.limits),
            "results": {number: pnl for number, pnl in self.results.items() if number},
            "opened": [[number, seconds(at_ns)] for number, at_ns in self.opened_ns.items() if number],
            "samples": [
                {
                    "s": seconds(sample.at_ns), "round": sample.round, "pnl": sample.pnl,
                    "positions": sample.positions, "touch": sample.touch,
                }
                for sample in self.samples
            ],
            "orders": [
                {
                    "order_id": order.order_id, "round": order.round, "s": seconds(order.sent_ns),
                    "end_s": seconds(order.ended_ns), "strategy": order.strategy, "symbol": order.symbol,
                    "dir": order.dir, "price": order.price, "size": order.size, "filled": order.filled,
                    "converts": order.converts, "fate": order.fate.value, "reason": order.reason,
                }
                for order in self.orders
            ],
            "fills": [
                {
                    "round": fill.round, "s": seconds(fill.at_ns), "time_s": fill.time_s,
                    "order_id": fill.order_id, "strategy": fill.strategy, "symbol": fill.symbol,
                    "dir": fill.dir, "price": fill.price, "size": fill.size, "position": fill.position,
                    "markouts": fill.markouts,
                }
                for fill in self.fills
            ],
            "fates": self.fates(),
            "fate_names": [fate.value for fate in Fate],
            "rejects": self.rejects(),
            "earnings": self.earnings(),
            "cancels": self.cancels,
            "bad_lines": self.bad_lines,
            "answers_us": self.answers.summary_us(),
            "markout_seconds": list(MARKOUT_SECONDS),
        }  # fmt: skip


def _earned(strategy: str, symbol: str, fills: Sequence[OwnFill]) -> dict[str, object]:
    marked = [fill for fill in fills if fill.middle is not None]
    late = [fill for fill in marked if fill.markouts[-1] is not None]
    markouts: list[float | None] = []
    for index in range(len(MARKOUT_SECONDS)):
        known = [(fill.size, value) for fill in fills if (value := fill.markouts[index]) is not None]
        shares = sum(size for size, _ in known)
        markouts.append(sum(size * value for size, value in known) / shares if shares else None)
    return {
        "strategy": strategy,
        "symbol": symbol,
        "fills": len(fills),
        "shares": sum(fill.size for fill in fills),
        "spread": sum(fill.side * ((fill.middle or 0.0) - fill.price) * fill.size for fill in marked),
        "moved": sum(
            ((fill.markouts[-1] or 0.0) - fill.side * ((fill.middle or 0.0) - fill.price)) * fill.size
            for fill in late
        ),
        "markouts": markouts,
    }
