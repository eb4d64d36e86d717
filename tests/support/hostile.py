"""A seeded exchange that sends a session all legal messages and many illegal ones.

``HostileExchange.next_event`` returns one call of the session's methods after another. It knows the session's
orders from the bytes sent, and responds to them correctly, late, twice, never or wrongly.
"""

import json
from random import Random
from typing import Any

from arbcore.wire.instruments import SYMBOLS

MILLISECOND_NS = 1_000_000
FAIR = {"BOND": 1000, "VALBZ": 4000, "VALE": 4000, "GS": 8400, "MS": 4100, "WFC": 5100, "XLF": 4330}
NAMES = [*sorted(SYMBOLS), "USD"]
GARBAGE = (
    b"", b"\r", b" ", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"type":5}', b'{"type":"dance"}', b"{}",
    b'{"type":"book"}', b'{"type":"ack"}', b'{"type":"ack","order_id":-1}', b'{"type":"ack","order_id":1.5}',
    b'{"type":"ack","order_id":1e400}', b'{"type":"trade","symbol":"AAPL","price":1,"size":1}',
    b'{"type":"trade","symbol":"XLF","price":0,"size":1}',
    b'{"type":"trade","symbol":"XLF","price":NaN,"size":1}',
    b'{"type":"book","symbol":"XLF","buy":[[10,1],[11,1]],"sell":[]}', b"[" * 100 + b"]" * 100, b"x" * 700,
    b'{"type":"fill","order_id":1,"symbol":"XLF","dir":"HOLD","price":1,"size":1}',
    b'{"type":"error","error":"\\u00e9\\ud800"}', b'{"type":"reject","order_id":3,"error":""}',
    b'{"type":"hello","symbols":[{"symbol":"USD","position":9223372036854775807}]}',
    b'{"type":"hello","symbols":[{"symbol":"GS","position":4294967295}]}',
)


def line_of(message: dict[str, Any], random: Random) -> bytes:
    """Encodes the message compactly, or sometimes in another legal spelling."""
    spelling = random.random()
    if spelling < 0.9:
        return json.dumps(message, separators=(",", ":")).encode()
    if spelling < 0.95:
        return json.dumps(dict(reversed(message.items()))).encode() + b"\r"
    return json.dumps({**message, "extra": [1, {"a": None}]}, indent=1).replace("\n", " ").encode()


class HostileExchange:
    """``malice`` is from 0 (only what the protocol allows, in order) to 1 (mostly violations)."""

    def __init__(self, seed: int, *, malice: float) -> None:
        self.random = Random(seed)
        self.malice = malice
        self.eager = seed % 2 == 1  # fills most orders in full as soon as they come
        self.now_ns = 0
        self.linked = False
        self.live: dict[int, dict[str, Any]] = {}
        self.dead: list[int] = [7]
        self.answers: list[dict[str, Any]] = []
        self.rest = b""
        self.fair = dict(FAIR)

    def next_event(self, sent: bytes) -> tuple[str, tuple[Any, ...]]:
        """Returns (method name, arguments) of the next call, given what the last one returned."""
        for line in sent.splitlines():
            self._on_request(json.loads(line))
        draw = self.random.random()
        now_ns = self._clock()
        if not self.linked:
            if draw < 0.1:
                return "tick", (now_ns,)
            self.linked = True
            self.rest = b""
            self.live.clear()
            self.answers.clear()
            return "connected", (now_ns,)
        if draw < 0.004:
            self.linked = False
            return "disconnected", (now_ns,)
        if draw < 0.004 + 0.004 * self.malice:
            return self.random.choice(["stop", "kill"]), (now_ns, self.random.choice(["why", "so"]))
        if draw < 0.15:
            return "tick", (now_ns,)
        return "receive", (self._bytes(), now_ns)

    def _clock(self) -> int:
        step = self.random.choice([0, 0, 1, 5, 20, 101])
        if self.random.random() < 0.01:
            step = self.random.choice([700, 2100, 40_000])
        self.now_ns += step * MILLISECOND_NS + self.random.randrange(3)
        if self.random.random() < 0.1 * self.malice:
            return self.now_ns - self.random.randrange(10**10)
        return self.now_ns

    def _bytes(self) -> bytes:
        lines = [self._line() for _ in range(self.random.randrange(1, 6))]
        data = self.rest + b"".join(line + b"\n" for line in lines)
        cut = len(data) - self.random.choice([0, 0, 0, self.random.randrange(len(data) + 1)])
        self.rest = data[cut:]
        return data[:cut]

    def _line(self) -> bytes:
        if self.random.random() < 0.1 * self.malice:
            return self.random.choice(GARBAGE)
        return line_of(self._message(), self.random)

    def _message(self) -> dict[str, Any]:
        if self.answers and self.random.random() < 0.4:
            at = self.random.randrange(len(self.answers)) if self.random.random() < self.malice else 0
            return self.answers.pop(at)
        if self.random.random() < 0.3 * self.malice:
            return self._rogue()
        draw = self.random.random()
        if draw < 0.02:
            names = [name for name in SYMBOLS if self.random.random() < 0.9]
            closing = self.random.random() < 0.1
            return {"type": "close" if closing else "open", "symbols": names}
        symbol = self.random.choice(SYMBOLS)
        self.fair[symbol] = max(20, self.fair[symbol] + self.random.choice([-2, -1, 0, 0, 1, 2]))
        if draw < 0.25 and self.live:
            fill, *out = self._fill_of(self.random.choice(list(self.live)))
            self.answers += out
            return fill
        if draw < 0.5:
            price = self.fair[symbol] + self.random.randrange(-3, 4)
            return {"type": "trade", "symbol": symbol, "price": price, "size": self.random.randrange(1, 20)}
        return self._book(symbol)

    def _book(self, symbol: str) -> dict[str, Any]:
        fair = self.fair[symbol] + self.random.choice([0, 0, 0, -40, 40])
        sides: dict[str, list[list[int]]] = {}
        for key, way in (("buy", -1), ("sell", 1)):
            price = fair
            sides[key] = []
            for _ in range(self.random.choice([0, 1, 2, 5, 15])):
                price = max(1, price + way * self.random.randrange(1, 4))
                if sides[key] and sides[key][-1][0] == price:
                    break
                sides[key].append([price, self.random.randrange(1, 60)])
        return {"type": "book", "symbol": symbol, **sides}

    def _rogue(self) -> dict[str, Any]:
        order_id = self.random.choice([*self.live, *self.dead[-20:], self.random.randrange(2**32)])
        kind = self.random.choice(["ack", "reject", "fill", "fill", "out", "out", "hello"])
        if kind == "reject":
            return {"type": kind, "order_id": order_id, "error": f"NO {self.random.randrange(90)}"}
        if kind == "fill":
            symbol = self.random.choice(SYMBOLS)
            known = self.live.get(order_id)
            if known is not None and self.random.random() < 0.5:
                symbol = known["symbol"]
            return {
                "type": kind, "order_id": order_id, "symbol": symbol,
                "dir": self.random.choice(["BUY", "SELL"]),
                "price": self.random.choice([1, self.fair[symbol], 999_999]),
                "size": self.random.choice([1, 3, 10, 120, 999_999]),
            }
        if kind == "hello":
            return self._hello()
        return {"type": kind, "order_id": order_id}

    def _hello(self) -> dict[str, Any]:
        flat = self.random.random() < 0.5
        rows = [
            {"symbol": name, "position": 0 if flat else self.random.randrange(-12, 13)}
            for name in NAMES
            if self.random.random() < 0.95
        ]
        return {"type": "hello", "symbols": rows}

    def _fill_of(self, order_id: int, *, in_full: bool = False) -> list[dict[str, Any]]:
        """Returns the fill, and the out if it was the last fill."""
        order = self.live[order_id]
        size = order["left"] if in_full else self.random.randrange(1, order["left"] + 1)
        order["left"] -= size
        fill = {
            "type": "fill", "order_id": order_id, "symbol": order["symbol"], "dir": order["dir"],
            "price": order["price"], "size": size,
        }
        if order["left"] > 0:
            return [fill]
        self._end(order_id)
        return [fill, {"type": "out", "order_id": order_id}]

    def _end(self, order_id: int) -> None:
        del self.live[order_id]
        self.dead.append(order_id)

    def _on_request(self, request: dict[str, Any]) -> None:
        order_id = request.get("order_id")
        if request["type"] == "hello":
            if self.random.random() < 0.95:
                self.answers.append(self._hello())
                self.answers.append({"type": "open", "symbols": list(SYMBOLS)})
            return
        if self.random.random() < 0.1 * self.malice:
            return  # the message is lost
        if request["type"] == "cancel":
            if order_id in self.live:
                self._end(order_id)
            self.answers.append({"type": "out", "order_id": order_id})
        elif self.random.random() < 0.05:
            self.answers.append({"type": "reject", "order_id": order_id, "error": "LIMIT:PRICE_BAND"})
        else:
            self.answers.append({"type": "ack", "order_id": order_id})
            if request["type"] == "add":
                self.live[order_id] = {**request, "left": request["size"]}
                if self.eager and self.random.random() < 0.9:
                    self.answers += self._fill_of(order_id, in_full=True)
