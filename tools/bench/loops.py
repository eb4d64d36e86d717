"""A beginner's bot with one trivial decision, over json, orjson and msgspec.

The decision is that of ``c/floor.h``: buy at the ask when it is a tick below the five-trade average, and
trade against the last trade if it left that average. All loops send the same orders.
"""

import io
import json
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

WINDOW = 5
LIMIT = 100


class Sink:
    """Replaces the socket's file: counts the bytes that are written, or stores them."""

    __slots__ = ("kept", "written")

    def __init__(self, keep: bool) -> None:
        self.kept: list[Any] | None = [] if keep else None
        self.written = 0

    def write(self, data: Any) -> None:
        self.written += len(data)
        if self.kept is not None:
            self.kept.append(data)

    def flush(self) -> None:
        pass


def dict_loop(source: Any, loads: Callable[[Any], Any], dumps: Callable[[Any], Any], sink: Sink) -> None:
    """The loop for json and orjson: readline, parse into a dict, decide, dump a dict."""
    prices: dict[str, deque[int]] = defaultdict(lambda: deque(maxlen=WINDOW))
    sums: dict[str, int] = defaultdict(int)
    positions: dict[str, int] = defaultdict(int)
    books = {}
    order_id = 0
    write, flush = sink.write, sink.flush

    def add(symbol: str, side: str, price: int) -> None:
        nonlocal order_id
        order_id += 1
        order = {"type": "add", "order_id": order_id, "symbol": symbol, "dir": side, "price": price}
        order["size"] = 1
        write(dumps(order))
        flush()

    for line in iter(source.readline, source.read(0)):
        message = loads(line)
        kind = message["type"]
        if kind == "book":
            symbol, asks = message["symbol"], message["sell"]
            books[symbol] = message["buy"], asks
            if (
                len(prices[symbol]) == WINDOW and asks and asks[0][0] * WINDOW < sums[symbol] - WINDOW
                and positions[symbol] < LIMIT
            ):
                add(symbol, "BUY", asks[0][0])
        elif kind == "trade":
            symbol, price = message["symbol"], message["price"]
            window = prices[symbol]
            sums[symbol] += price - (window[0] if len(window) == WINDOW else 0)
            window.append(price)
            if len(window) == WINDOW:
                above = price * WINDOW - sums[symbol]
                if above < 0 and positions[symbol] < LIMIT:
                    add(symbol, "BUY", price)
                elif above > 0 and positions[symbol] > -LIMIT:
                    add(symbol, "SELL", price)
        elif kind == "fill":
            size = message["size"]
            positions[message["symbol"]] += size if message["dir"] == "BUY" else -size


def json_loop(data: bytes, sink: Sink) -> None:
    """The loop with the standard library's json, over text lines."""
    dict_loop(io.StringIO(data.decode()), json.loads, lambda order: json.dumps(order) + "\n", sink)


def orjson_loop(data: bytes, sink: Sink) -> None:
    """The same loop with orjson, over bytes."""
    import orjson

    newline, dumps = orjson.OPT_APPEND_NEWLINE, orjson.dumps
    dict_loop(io.BytesIO(data), orjson.loads, lambda order: dumps(order, option=newline), sink)


def msgspec_loop(data: bytes, sink: Sink) -> None:
    """A tuned loop with msgspec: one typed decoder, slots, and orders made by formatting bytes."""
    from tools.bench.structs import Book, Fill, Trade, message_decoder

    prices: dict[str, deque[int]] = defaultdict(lambda: deque(maxlen=WINDOW))
    positions: dict[str, int] = defaultdict(int)
    books = {}
    order_id = 0
    write, flush, decode = sink.write, sink.flush, message_decoder(checked=False).decode
    buy = b'{"type":"add","order_id":%d,"symbol":"%s","dir":"BUY","price":%d,"size":1}\n'
    sell = b'{"type":"add","order_id":%d,"symbol":"%s","dir":"SELL","price":%d,"size":1}\n'
    for line in io.BytesIO(data):
        message = decode(line)
        kind = type(message)
        if kind is Book:
            symbol = message.symbol
            books[symbol] = message
            window, asks = prices[symbol], message.sell
            if (
                len(window) == WINDOW and asks and asks[0][0] * 5 < sum(window) - 5
                and positions[symbol] < LIMIT
            ):
                order_id += 1
                write(buy % (order_id, symbol.encode(), asks[0][0]))
                flush()
        elif kind is Trade:
            symbol, price = message.symbol, message.price
            window = prices[symbol]
            window.append(price)
            if len(window) == WINDOW:
                above = price * 5 - sum(window)
                if above < 0 and positions[symbol] < LIMIT:
                    order_id += 1
                    write(buy % (order_id, symbol.encode(), price))
                    flush()
                elif above > 0 and positions[symbol] > -LIMIT:
                    order_id += 1
                    write(sell % (order_id, symbol.encode(), price))
                    flush()
        elif kind is Fill:
            positions[message.symbol] += message.size if message.dir == "BUY" else -message.size
