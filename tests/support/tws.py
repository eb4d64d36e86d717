"""A gateway without sockets, and clients that send and receive lists of fields, for tests of the protocol."""

import itertools
import struct

from arbcore.carry.calendar import contract
from arbcore.gateway.faults import planned
from arbcore.gateway.frames import GREETING, fields_of, frame
from arbcore.gateway.gateway import Gateway, GatewayConfig
from arbcore.gateway.quote_source import Row

SECOND = 10**9
#: By message type: the tick types for trades and for the day's values, live and delayed.
DAY_TICKS = {
    "1": {"4", "6", "7", "9", "14", "68", "72", "73", "75", "76"}, "2": {"5", "8", "71", "74"},
    "46": {"45", "88"},
}  # fmt: skip
#: A Friday at 10:00 in New York.
START_NS = 1_795_186_800 * SECOND
DEC26 = contract(2026, 12)
ES = ["600202612", "ES", "FUT", "20261218", "0.0", "", "50", "CME", "", "USD", "ESZ6", "ES"]
SPY = ["756733", "SPY", "STK", "", "0.0", "", "", "SMART", "ARCA", "USD", "SPY", "SPY"]
CLOCK = ["0", "CLOCK", "IND", "", "0.0", "", "", "ARBCORE", "", "USD", "", ""]


def row(number=0, *, fut=6_800.0, etf=680.0, fut_size=100.0, etf_size=5_000.0, expiry_ns=DEC26.expiry_ns):
    """Returns a row one tick wide, a second after the row before it."""
    return Row(
        START_NS + number * SECOND, expiry_ns, fut, fut + 0.25, etf, round(etf + 0.01, 2), fut_size, etf_size
    )


def rows(count=None, **changes):
    """Yields rows that differ only in their time."""
    numbers = itertools.count() if count is None else range(count)
    return (row(number, **changes) for number in numbers)


class Bench:
    """A gateway: ``bench = Bench(rows(3))``; ``bench.client()`` returns a logged-in client."""

    def __init__(self, source=None, whole=(), **config):
        shown = rows() if source is None else iter(source)
        self.gateway = Gateway(GatewayConfig(**config), shown, past=whole, past_is_whole=bool(whole))
        self.now_ns = 0
        self.gateway.advance(0)

    def client(self, client_id=1, versions="v157..178"):
        client = WireClient(self)
        client.login(client_id, versions)
        return client

    def pass_time(self, seconds, step=0.5):
        until_ns = self.now_ns + round(seconds * SECOND)
        while self.now_ns < until_ns:
            self.now_ns = min(until_ns, self.now_ns + round(step * SECOND))
            self.gateway.advance(self.now_ns)

    def fault(self, name, arg=None, count=0):
        self.gateway.inject(planned(name, arg, count=count))


class WireClient:
    """A client that sends and receives fields, like a client library."""

    def __init__(self, bench):
        self.bench = bench
        self.conn = bench.gateway.connect(bench.now_ns)
        self.numbers = itertools.count(1)
        self._buffer = b""
        self.shows_day = False

    def raw(self, data):
        self.bench.gateway.receive(self.conn, data, self.bench.now_ns)

    def send(self, *fields):
        self.raw(frame(*fields))

    def login(self, client_id=1, versions="v157..178"):
        text = versions.encode()
        self.raw(GREETING + struct.pack(">I", len(text)) + text)
        self.send(71, 2, client_id, "")

    @property
    def closing(self):
        return self.conn not in self.bench.gateway.clients or self.conn in dict(self.bench.gateway.closings())

    def messages(self, *kinds):
        """Returns the messages since the last call, of the named kinds or of all."""
        self._buffer += self.bench.gateway.take(self.conn)
        found = []
        while len(self._buffer) >= 4:
            (length,) = struct.unpack(">I", self._buffer[:4])
            if len(self._buffer) < 4 + length:
                break
            found.append(fields_of(self._buffer[4 : 4 + length]))
            self._buffer = self._buffer[4 + length :]
        return [
            fields
            for fields in found
            if (not kinds or int(fields[0]) in kinds) and (self.shows_day or not self._is_of_the_day(fields))
        ]

    def _is_of_the_day(self, fields):
        """Whether fields are a tick of trades or of the day, which most tests ignore; the clock's are not."""
        client = self.bench.gateway.clients.get(self.conn)
        kind = fields[3] if len(fields) > 3 else ""
        if kind not in DAY_TICKS.get(fields[0], ()):
            return False
        return client is None or fields[2] != str(client.clock_req_id)

    def errors(self):
        """Returns (id, code) of the errors that have arrived."""
        return [(int(fields[2]), int(fields[3])) for fields in self.messages(4)]

    def subscribe(self, contract=SPY, generic="", snapshot=False):
        req_id = next(self.numbers)
        self.send(1, 11, req_id, *contract, False, generic, snapshot, False, "")
        return req_id

    def order(self, contract=SPY, action="BUY", quantity=100.0, *, limit=None, tif="IOC", **more):
        """Places an order, returns its id; ``more``: ``order_id``, ``what_if``, ``transmit``, ``account``."""
        order_id = more.get("order_id") or next(self.numbers)
        kind = "LMT" if limit is not None else "MKT"
        kind = more.get("kind", kind)
        self.send(
            3, order_id, *contract, "", "", action, quantity, kind, limit, more.get("aux"), tif,
            more.get("group", ""), more.get("account", ""), "", 0, more.get("ref", ""),
            more.get("transmit", True), more.get("parent", 0), False, False,
            0, 0, False, False, *[""] * 3, more.get("good_till", ""), *[""] * 3,
            *([] if self.version >= 177 else [""]), *[""] * 22, "", "",
            *[""] * 6, "", "", "", "", "", *[""] * 4, False, "", "", more.get("what_if", False), "",
        )  # fmt: skip
        return order_id

    @property
    def version(self):
        return self.bench.gateway.clients[self.conn].version
