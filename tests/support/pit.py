"""An exchange with named clients for tests: they send JSON and receive dicts."""

import json
from typing import Any

from arbcore.venue._engine import Engine
from arbcore.venue._floor import Marketplace
from arbcore.venue.venue_config import VenueConfig

SECOND_NS = 1_000_000_000
OPEN_NS = 10 * SECOND_NS
ROUND_NS = 300 * SECOND_NS
RESTART_NS = 5 * SECOND_NS


class Pit:
    """One engine with a marketplace that does nothing by itself, so only the test's messages have effects."""

    def __init__(self, *, opened: bool = True, **settings: Any) -> None:
        defaults: dict[str, Any] = {"closed_ns": OPEN_NS, "round_ns": ROUND_NS, "restart_ns": RESTART_NS}
        self.config = VenueConfig(**{**defaults, **settings})
        self.engine = Engine(self.config, 1, Marketplace)
        self.engine.start(0)
        self.now_ns = 0
        self.conns: dict[str, int] = {}
        if opened:
            self.to(OPEN_NS)

    def to(self, now_ns: int) -> None:
        """Advances time to ``now_ns``."""
        self.now_ns = now_ns
        self.engine.advance(now_ns)

    def connect(self, name: str) -> int:
        """Opens a connection with a name for the test, without sending anything."""
        self.conns[name] = self.engine.connect(self.now_ns)
        return self.conns[name]

    def join(self, *teams: str) -> None:
        """Connects and logs in teams, and drops the messages that they received."""
        for team in teams:
            self.connect(team)
            self.say(team, {"type": "hello", "team": team})
        for team in teams:
            self.hear(team)

    def raw(self, name: str, data: bytes) -> None:
        self.engine.receive(self.conns[name], data, self.now_ns)

    def say(self, name: str, *messages: dict[str, Any]) -> None:
        """Sends all messages in one batch, in the spelling of most clients."""
        self.raw(name, "".join(json.dumps(message) + "\n" for message in messages).encode())

    def hear(self, name: str, *types: str) -> list[dict[str, Any]]:
        """Returns the messages to this client since the last call, of the given types or of all."""
        lines = self.engine.take(self.conns[name]).decode().splitlines()
        heard = [json.loads(line) for line in lines]
        return [message for message in heard if not types or message["type"] in types]

    def private(self, name: str) -> list[dict[str, Any]]:
        """Returns the messages that only this client received."""
        return [message for message in self.hear(name) if message["type"] not in ("book", "trade")]

    def buy(self, team: str, order_id: int, symbol: str, *, price: int, size: int) -> None:
        self.say(team, add(order_id, symbol, "BUY", price=price, size=size))

    def sell(self, team: str, order_id: int, symbol: str, *, price: int, size: int) -> None:
        self.say(team, add(order_id, symbol, "SELL", price=price, size=size))

    def cancel(self, team: str, order_id: int) -> None:
        self.say(team, {"type": "cancel", "order_id": order_id})

    def convert(self, team: str, order_id: int, symbol: str, direction: str, *, size: int) -> None:
        self.say(team, {"type": "convert", "order_id": order_id, "symbol": symbol, "dir": direction,
                        "size": size})

    def leave(self, name: str) -> None:
        self.engine.disconnect(self.conns.pop(name), self.now_ns)

    def position(self, team: str, symbol: str) -> int:
        return self.engine.score(team)["positions"][symbol]

    def cash(self, team: str) -> int:
        return self.engine.score(team)["cash"]


def add(order_id: int, symbol: str, direction: str, *, price: int, size: int) -> dict[str, Any]:
    return {"type": "add", "order_id": order_id, "symbol": symbol, "dir": direction, "price": price,
            "size": size}


def ack(order_id: int) -> dict[str, Any]:
    return {"type": "ack", "order_id": order_id}


def out(order_id: int) -> dict[str, Any]:
    return {"type": "out", "order_id": order_id}


def reject(order_id: int, error: str) -> dict[str, Any]:
    return {"type": "reject", "order_id": order_id, "error": error}


def fill(order_id: int, symbol: str, direction: str, *, price: int, size: int) -> dict[str, Any]:
    return {"type": "fill", "order_id": order_id, "symbol": symbol, "dir": direction, "price": price,
            "size": size}


def book(symbol: str, buy: list[list[int]], sell: list[list[int]]) -> dict[str, Any]:
    return {"type": "book", "symbol": symbol, "buy": buy, "sell": sell}
