"""Plays scenarios of the exchange: the clients against the engine, in virtual time.

``tests/scenarios/README.md`` explains the language. Each client has two queues, for private and for public
messages, because the protocol guarantees no order between them; within each the order is checked.
"""

import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from scenario import MILLISECOND_NS, UNITS_NS, Player, Scenario, levels, raw

from arbcore.venue._engine import Engine
from arbcore.venue.venue_config import VenueConfig
from arbcore.wire.instruments import SYMBOLS

#: Words of scenarios for settings with another name, with the unit.
VENUE_SETTINGS = {
    "round_ms": ("round_ns", MILLISECOND_NS),
    "closed_ms": ("closed_ns", MILLISECOND_NS),
    "restart_ms": ("restart_ns", MILLISECOND_NS),
}
WORDS = {"true": True, "false": False}
PUBLIC = ("book", "trade")


@dataclass
class Client:
    """One connection, and the messages to it that no step has expected yet."""

    conn: int
    reads: bool = True
    private: deque[str] = field(default_factory=deque)
    public: deque[str] = field(default_factory=deque)


def venue_config(scenario: Scenario) -> VenueConfig:
    """Returns the scenario's settings, on top of an exchange that opens at once, never ends and is empty."""
    options: dict[str, Any] = {"mode": "empty", "closed_ns": 0}
    for name, value in scenario.settings.items():
        attribute, unit = VENUE_SETTINGS.get(name, (name, 1))
        number = value.lstrip("-").isdigit()
        options[attribute] = int(value) * unit if number else WORDS.get(value, value)
    return VenueConfig(**options)


def told(message: dict[str, Any]) -> str:
    """Returns a message of the exchange in the scenario's language."""
    kind = message["type"]
    if kind == "hello":
        names = [row["symbol"] for row in message["symbols"]]
        if names != sorted([*SYMBOLS, "USD"]):
            return f"hello with the symbols {names}"
        held = [f"{row['symbol']}={row['position']}" for row in message["symbols"] if row["position"]]
        return " ".join([kind, *held])
    if kind in ("open", "close"):
        whole = sorted(message["symbols"]) == sorted(SYMBOLS)
        return kind if whole else " ".join([kind, *message["symbols"]])
    if kind == "book":
        sides = (message["buy"], message["sell"])
        bids, asks = (" ".join(f"{size}@{price}" for price, size in side) for side in sides)
        return f"book {message['symbol']} {bids} | {asks}"
    words = {
        "error": lambda: f"error {message['error']}",
        "trade": lambda: f"trade {message['symbol']} {message['size']} at {message['price']}",
        "ack": lambda: f"ack {message['order_id']}",
        "out": lambda: f"out {message['order_id']}",
        "reject": lambda: f"reject {message['order_id']} {message['error']}",
        "fill": lambda: "fill {order_id} {dir} {size} {symbol} at {price}".format(**message),
    }
    return words[kind]() if kind in words else json.dumps(message)


def spoken(line: str) -> dict[str, Any]:
    """Converts a line of words to the equivalent JSON message."""
    kind, _, rest = line.partition(" ")
    message: dict[str, Any] = {"type": kind.lower()}
    if kind == "HELLO":
        pairs = [word.split(":") for word in rest.split()]
        return message | {"symbols": [{"symbol": name, "position": int(held)} for name, held in pairs]}
    if kind in ("OPEN", "CLOSE"):
        return message | {"symbols": rest.split()}
    if kind == "ERROR":
        return message | {"error": rest}
    if kind == "REJECT":
        order_id, _, why = rest.partition(" ")
        return message | {"order_id": int(order_id), "error": why}
    if kind == "BOOK":
        symbol, _, sides = rest.partition(" BUY")
        bought, _, sold = sides.partition(" SELL")
        buy, sell = ([[int(n) for n in word.split(":")] for word in side.split()] for side in (bought, sold))
        return message | {"symbol": symbol, "buy": buy, "sell": sell}
    keys = {
        "TRADE": ("symbol", "price", "size"),
        "FILL": ("order_id", "symbol", "dir", "price", "size"),
        "ACK": ("order_id",),
        "OUT": ("order_id",),
    }[kind]
    words = [int(word) if word.isdigit() else word for word in rest.split()]
    return message | dict(zip(keys, words, strict=True))


def plain(text: str) -> str:
    """Returns an expectation with spaces and book levels in the spelling of ``told``."""
    if text.startswith("book "):
        symbol, _, sides = text[5:].strip().partition(" ")
        bids, _, asks = sides.partition("|")
        return told({"type": "book", "symbol": symbol, "buy": levels(bids), "sell": levels(asks)})
    return " ".join(text.split())


class VenuePlayer(Player):
    """Plays any number of clients against one engine; the engine's books are audited after every step.

    With ``text`` every client sends and receives words instead of JSON.
    """

    def __init__(self, scenario: Scenario, *, text: bool = False) -> None:
        super().__init__(scenario)
        self.text = text
        self.engine = Engine(venue_config(scenario), 1)
        self.engine.start(0)
        self.engine.advance(0)
        self.clients: dict[str, Client] = {}
        self.watches_public = True

    def step(self, text: str) -> None:
        times = 1
        if match := re.fullmatch(r"(\d+) times (.+)", text):
            times, text = int(match[1]), match[2]
        if match := re.fullmatch(r"to (\w+): (.+)", text):
            for _ in range(times):
                self._expect(self._client(match[1]), match[2].strip())
            return
        self._silent()
        for _ in range(times):
            self._do(text)
        self.engine.check()

    def finish(self) -> None:
        self._silent()

    def _do(self, text: str) -> None:
        if text in ("ignore public", "watch public"):
            self.watches_public = text.startswith("watch")
        elif match := re.fullmatch(r"wait (\d+) (us|ms|s)", text):
            self._wait(int(match[1]) * UNITS_NS[match[2]])
        elif match := re.fullmatch(r"(\w+) (connects|logs in|disconnects|is shut|is refused)", text):
            {"connects": self._connect, "logs in": self._log_in, "disconnects": self._disconnect,
             "is shut": self._is_shut, "is refused": self._is_refused}[match[2]](match[1])  # fmt: skip
        elif match := re.fullmatch(r"(\w+) raw: ?(.*)", text):
            self._say(match[1], raw(match[2]))
        elif match := re.fullmatch(r"(\w+): (.+)", text):
            self._say(match[1], self._encode(match[1], match[2]))
        elif match := re.fullmatch(r"(\w+) holds(.*)", text):
            self._holds(match[1], match[2].split())
        elif match := re.fullmatch(r"(\w+) is worth (-?\d+)", text):
            self._same(f"worth of {match[1]}", self.engine.score(match[1])["fair_pnl"], int(match[2]))
        elif match := re.fullmatch(r"(\w+) (stops reading|reads again)", text):
            self._client(match[1]).reads = match[2] == "reads again"
            self._collect()
        elif match := re.fullmatch(r"round (\d+)", text):
            self._same("round", self.engine.round_number, int(match[1]))
        else:
            self.fail(f"no such step: {text}")

    # --- the clients ----------------------------------------------------------------------------

    def _client(self, name: str) -> Client:
        if name not in self.clients:
            self.fail(f"nobody is called {name}")
        return self.clients[name]

    def _connect(self, name: str) -> None:
        self._same(f"anybody listens to {name}", self.engine.listening, True)
        self.clients[name] = Client(self.engine.connect(self.now_ns, text=self.text))
        self._collect()

    def _log_in(self, name: str) -> None:
        """Does an ordinary login to an open, empty exchange, for scenarios about other things."""
        self._connect(name)
        self._say(name, self._encode(name, "hello"))
        client = self.clients[name]
        if list(client.private) != ["hello", "open"]:
            self.fail(f"{name} was greeted with {list(client.private)}")
        if client.public and self.watches_public:
            self.fail(f"{name} was shown {list(client.public)}")
        client.private.clear()
        client.public.clear()

    def _disconnect(self, name: str) -> None:
        self.engine.disconnect(self._client(name).conn, self.now_ns)
        del self.clients[name]
        self._collect()

    def _is_shut(self, name: str) -> None:
        self._same(f"{name} is shut", self.engine.closing(self._client(name).conn), True)
        self._disconnect(name)

    def _is_refused(self, name: str) -> None:
        self._same(f"anybody listens to {name}", self.engine.listening, False)

    def _say(self, name: str, data: bytes) -> None:
        self.engine.receive(self._client(name).conn, data, self.now_ns)
        self._collect()

    def _wait(self, span_ns: int) -> None:
        end_ns = self.now_ns + span_ns
        while self.engine.next_event_ns <= end_ns:
            self.now_ns = max(self.now_ns, self.engine.next_event_ns)
            self.engine.advance(self.now_ns)
        self.now_ns = end_ns
        self.engine.advance(end_ns)
        self._collect()

    def _encode(self, name: str, text: str) -> bytes:
        """Encodes a request as most clients do: in words, or by ``json.dumps`` with its spaces."""
        words = text.split()
        message: dict[str, Any] = {"type": words[0]}
        if words[0] == "hello":
            message["team"] = words[1] if len(words) > 1 else name
        elif match := re.fullmatch(r"add (\d+) (BUY|SELL) (-?\d+) (\w+) at (-?\d+)", text):
            message |= {"order_id": int(match[1]), "symbol": match[4], "dir": match[2]}
            message |= {"price": int(match[5]), "size": int(match[3])}
        elif match := re.fullmatch(r"convert (\d+) (BUY|SELL) (-?\d+) (\w+)", text):
            message |= {"order_id": int(match[1]), "symbol": match[4], "dir": match[2], "size": int(match[3])}
        elif match := re.fullmatch(r"cancel (\d+)", text):
            message["order_id"] = int(match[1])
        else:
            self.fail(f"a client cannot say: {text}")
        if self.text:
            return " ".join([message.pop("type").upper(), *map(str, message.values())]).encode() + b"\n"
        return json.dumps(message).encode() + b"\n"

    # --- the exchange ---------------------------------------------------------------------------

    def _collect(self) -> None:
        for client in self.clients.values():
            if not client.reads:
                continue
            for line in self.engine.take(client.conn).splitlines():
                message = spoken(line.decode()) if self.text else json.loads(line)
                queue = client.public if message["type"] in PUBLIC else client.private
                queue.append(told(message))

    def _expect(self, client: Client, text: str) -> None:
        if text == "nothing":
            self._silent()
            return
        queue = client.public if text.split(maxsplit=1)[0] in PUBLIC else client.private
        if not queue:
            self.fail(f"it is told nothing more, and should be told: {text}")
        said = queue.popleft()
        if said != plain(text):
            self.fail(f"it is told: {said}; it should be told: {text}")

    def _silent(self) -> None:
        for name, client in self.clients.items():
            if not self.watches_public:
                client.public.clear()
            for queue in (client.private, client.public):
                if queue:
                    self.fail(f"{name} was also told: {queue[0]}")

    def _holds(self, team: str, words: list[str]) -> None:
        wanted = dict.fromkeys([*SYMBOLS, "USD"], 0)
        wanted |= {name: int(value) for name, value in (word.split("=") for word in words)}
        score = self.engine.score(team)
        self._same(f"account of {team}", {**score["positions"], "USD": score["cash"]}, wanted)

    def _same(self, what: str, found: Any, wanted: Any) -> None:
        if found != wanted:
            self.fail(f"{what} is {found}, and should be {wanted}")
