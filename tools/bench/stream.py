"""The message stream of the session benchmark, made by playing a seeded exchange against a real session.

The stream has 60% books of five levels per side, 30% trades, 5% acks, 5% fills, and the outs that follow from
these. Acks, fills and outs respond to orders that the session really sent, so a session that receives the
recording sends the same orders again. A message comes every 2.5 ms of virtual time: if they came faster,
prices would move beyond their spreads, and market making would quote little.
"""

import json
from collections import Counter, deque
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from arbcore.wire.instruments import CONVERSIONS, SYMBOLS

START_NS = 1_000_000_000
MESSAGE_NS = 2_500_000
ACK_SHARE = 0.05
FILL_SHARE = 0.05
BOOK_SHARE = 2 / 3  # share of books among books and trades
ACK_WAIT_MESSAGES = 60
SPREAD_CHANGES = 0.1
FAIR_START = {"BOND": 1000, "VALBZ": 4000, "VALE": 4000, "GS": 8400, "MS": 4100, "WFC": 5100, "XLF": 0}


class SessionLike(Protocol):
    """The methods of a session that the benchmark uses; compiled session, twin and peers have them."""

    def connected(self, now_ns: int) -> bytes: ...

    def receive(self, data: bytes, now_ns: int) -> bytes: ...


@dataclass
class Recording:
    """Chunks as a socket would return them, each with its time, and the counts of their messages."""

    chunks: list[tuple[bytes, int]] = field(default_factory=list)
    orders: list[bytes] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    @property
    def messages(self) -> int:
        return self.kinds.total()

    @property
    def lines(self) -> bytes:
        """Returns every message except the hello, in one piece."""
        return b"".join(data for data, _ in self.chunks[1:])

    def describe(self) -> str:
        size = len(self.lines) / max(1, self.messages - 2)
        shares = ", ".join(f"{kind} {count / self.messages:.1%}" for kind, count in self.kinds.most_common(5))
        return f"{self.messages:,} messages in {len(self.chunks):,} chunks, {size:.0f} bytes a line; {shares}"

    def respelt(self) -> "Recording":
        """Returns the same messages in the spelling of ``json.dumps``, with spaces."""
        chunks = [
            (b"".join(json.dumps(json.loads(line)).encode() + b"\n" for line in data.splitlines()), now_ns)
            for data, now_ns in self.chunks
        ]
        return Recording(chunks, self.orders, self.kinds)


def drive(session: SessionLike, recording: Recording) -> list[bytes]:
    """Plays a recording to a session; returns what it sent after each chunk."""
    receive = session.receive
    sent = [session.connected(START_NS)]
    sent += [receive(data, now_ns) for data, now_ns in recording.chunks]
    return sent


def record(session: SessionLike, *, messages: int, chunk_bytes: int, seed: int) -> Recording:
    """Plays ``messages`` messages against ``session`` in chunks of about ``chunk_bytes``."""
    exchange = Counterparty(Random(seed))
    recording = Recording(kinds=exchange.kinds)
    now_ns = START_NS
    recording.orders.append(session.connected(now_ns))
    chunk = exchange.greeting()
    while True:
        now_ns = START_NS + exchange.kinds.total() * MESSAGE_NS
        recording.chunks.append((chunk, now_ns))
        sent = session.receive(chunk, now_ns)
        recording.orders.append(sent)
        for line in sent.splitlines():
            exchange.on_request(json.loads(line))
        if exchange.kinds.total() >= messages:
            return recording
        lines: list[bytes] = []
        size = 0
        while size < chunk_bytes and exchange.kinds.total() < messages:
            lines.append(exchange.next_line())
            size += len(lines[-1])
        chunk = b"".join(lines)


def line_of(message: dict[str, Any]) -> bytes:
    """Encodes a message in the exchange's compact spelling."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


class Counterparty:
    """An exchange that fills orders at their price, as often as its share of fills in the mix requires."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.kinds: Counter[str] = Counter()
        self.fair = dict(FAIR_START)
        self.half_spread = dict.fromkeys(SYMBOLS, 2)
        self.touch: dict[str, tuple[int, int]] = {}
        self.xlf_premium = 0.0
        self.vale_premium = 0.0
        self.unacked: deque[tuple[int, dict[str, Any]]] = deque()  # (messages sent when it came, request)
        self.resting: dict[int, dict[str, Any]] = {}
        self.endings: deque[dict[str, Any]] = deque()  # outs after cancels and after last fills

    def greeting(self) -> bytes:
        self.kinds.update(("hello", "open"))
        names = sorted([*SYMBOLS, "USD"])
        hello = {"type": "hello", "symbols": [{"symbol": name, "position": 0} for name in names]}
        return line_of(hello) + line_of({"type": "open", "symbols": sorted(SYMBOLS)})

    def on_request(self, request: dict[str, Any]) -> None:
        if request["type"] in ("add", "convert"):
            self.unacked.append((self.kinds.total(), request))
        elif request["type"] == "cancel":
            order_id = request["order_id"]
            for entry in self.unacked:
                if entry[1]["order_id"] == order_id:
                    self.unacked.remove(entry)
                    self.endings.append({"type": "ack", "order_id": order_id})
                    break
            self.resting.pop(order_id, None)
            self.endings.append({"type": "out", "order_id": order_id})

    def next_line(self) -> bytes:
        message = self._order_news() or self._market_news()
        self.kinds[message["type"]] += 1
        return line_of(message)

    # --- order news -----------------------------------------------------------------------------

    def _order_news(self) -> dict[str, Any] | None:
        told = self.kinds.total()
        if self.endings:
            return self.endings.popleft()
        if self.unacked and (
            self.kinds["ack"] < ACK_SHARE * told or told - self.unacked[0][0] > ACK_WAIT_MESSAGES
        ):
            request = self.unacked.popleft()[1]
            if request["type"] == "add":
                self.resting[request["order_id"]] = request
            return {"type": "ack", "order_id": request["order_id"]}
        if self.resting and self.kinds["fill"] < FILL_SHARE * told:
            return self._fill()
        return None

    def _fill(self) -> dict[str, Any]:
        """Fills an order that meets the other side's touch in full, else a part of any resting order."""
        random = self.random
        meeting = [order_id for order_id, order in self.resting.items() if self._meets(order)]
        order_id = random.choice(meeting or list(self.resting))
        order = self.resting[order_id]
        size = order["size"] if meeting else random.randint(1, min(order["size"], 4))
        order["size"] -= size
        if order["size"] == 0:
            del self.resting[order_id]
            self.endings.append({"type": "out", "order_id": order_id})
        return {
            "type": "fill", "order_id": order_id, "symbol": order["symbol"], "dir": order["dir"],
            "price": order["price"], "size": size,
        }

    def _meets(self, order: dict[str, Any]) -> bool:
        bid, ask = self.touch.get(order["symbol"], (0, 10**6))
        return bool(order["price"] >= ask if order["dir"] == "BUY" else order["price"] <= bid)

    # --- market news ----------------------------------------------------------------------------

    def _market_news(self) -> dict[str, Any]:
        random = self.random
        symbol = random.choice(SYMBOLS)
        middle = self._move(symbol)
        if random.random() >= BOOK_SHARE:
            price = middle + random.choice((-2, -1, -1, 0, 1, 1, 2))
            return {"type": "trade", "symbol": symbol, "price": price, "size": random.randint(1, 20)}
        if random.random() < SPREAD_CHANGES:
            self.half_spread[symbol] = random.randint(1, 3)
        bids, asks = (self._side(middle + way * self.half_spread[symbol], way) for way in (-1, +1))
        self.touch[symbol] = bids[0][0], asks[0][0]
        return {"type": "book", "symbol": symbol, "buy": bids, "sell": asks}

    def _side(self, price: int, direction: int) -> list[list[int]]:
        """Returns five levels from the touch outwards."""
        levels = []
        for _ in range(5):
            levels.append([price, self.random.randint(1, 30)])
            price += direction * self.random.randint(1, 3)
        return levels

    def _move(self, symbol: str) -> int:
        """Returns a symbol's next price: a mean-reverting random walk with occasional jumps."""
        random, fair = self.random, self.fair
        if symbol == "BOND":
            return 1000 + random.choice((-2, 0, 0, 0, 0, 0, 0, 0, 0, 2))
        if symbol == "XLF":
            legs = CONVERSIONS["XLF"].legs
            self.xlf_premium += random.gauss(0, 1.2) - 0.05 * self.xlf_premium
            return round(sum(fair[leg] * quantity for leg, quantity in legs) / 10 + self.xlf_premium)
        if symbol == "VALE":
            self.vale_premium += random.gauss(0, 3) - 0.03 * self.vale_premium
            return round(fair["VALBZ"] + self.vale_premium)
        pull = (FAIR_START[symbol] - fair[symbol]) / 2000
        fair[symbol] += random.choice((-1, 0, 1)) + (random.random() < abs(pull)) * (1 if pull > 0 else -1)
        return fair[symbol]
