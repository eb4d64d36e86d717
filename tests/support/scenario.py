"""Reads and plays send/expect scenarios: text that people can read and write without programming.

``tests/scenarios/README.md`` explains the language. A scenario is strict: a message of the bot or the
exchange that no line expects is a failure, so silence is checked too.
"""

import json
import re
from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from arbcore.trading.trading_settings import STRATEGY_SETTINGS, SessionSettings
from arbcore.wire.instruments import SYMBOLS

MILLISECOND_NS = 1_000_000
UNITS_NS = {"us": 1_000, "ms": MILLISECOND_NS, "s": 1_000 * MILLISECOND_NS}
#: The steps that only check the session's state.
CHECKS = ("position:", "cash:", "mode:", "count:", "live:", "pnl:", "needs resync", "stopped", "order ")
BOT_SETTINGS = {
    "cooldown_ms": ("order_cooldown_ns", MILLISECOND_NS),
    "ack_timeout_ms": ("ack_timeout_ns", MILLISECOND_NS),
    "reject_pause_ms": ("reject_pause_ns", MILLISECOND_NS),
    "stale_ms": ("stale_ns", MILLISECOND_NS),
}


@dataclass
class Scenario:
    """One file: its description, its settings, and its steps as (line number, text)."""

    path: Path
    title: str = ""
    over: str = "both"  # which encodings it runs over: json, text, or both
    strategies: dict[str, dict[str, int]] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    steps: list[tuple[int, str]] = field(default_factory=list)


def load(path: Path) -> Scenario:
    scenario = Scenario(path)
    for number, raw in enumerate(path.read_text().splitlines(), 1):
        line = raw.split("//")[0].strip()
        if not line:
            continue
        key, _, rest = line.partition(":")
        if key == "Title":
            scenario.title = rest.strip()
        elif key == "Over":
            scenario.over = rest.strip()
        elif key == "Strategies":
            for word in rest.split(";"):
                name, *options = word.split()
                scenario.strategies[name] = {k: int(v) for k, v in (option.split("=") for option in options)}
        elif key == "Settings":
            scenario.settings.update(word.split("=") for word in rest.split())
        else:
            scenario.steps.append((number, line))
    return scenario


def levels(text: str) -> list[list[int]]:
    """Converts ``5@999 10@998`` to the protocol's [[price, size], ...]."""
    return [[int(price), int(size)] for size, price in (word.split("@") for word in text.split())]


def raw(text: str) -> bytes:
    """Reads bytes in a scenario: ``\\n``, ``\\xff`` and similar escapes mean the same as in Python."""
    return text.encode().decode("unicode_escape").encode("latin-1")


class Player:
    """The base of both players: fails with the file and the line."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.line = 0
        self.now_ns = 0

    def fail(self, text: str) -> None:
        raise AssertionError(f"{self.scenario.path.name}:{self.line}: {text} [{self.scenario.title}]")

    def play(self) -> None:
        for number, text in self.scenario.steps:
            self.line = number
            self.step(text)
        self.finish()

    def step(self, text: str) -> None:
        raise AssertionError(f"{type(self).__name__} does not play {text}")

    def finish(self) -> None:
        pass


class BotPlayer(Player):
    """Plays the exchange against a session, which ``make(settings, strategies)`` builds."""

    def __init__(self, scenario: Scenario, make: Any) -> None:
        super().__init__(scenario)
        settings = SessionSettings(team="ARBCORE")
        for name, value in scenario.settings.items():
            attribute, unit = BOT_SETTINGS.get(name, (name, 1))
            settings = replace(settings, **{attribute: int(value) * unit})
        chosen = {name: STRATEGY_SETTINGS[name](**options) for name, options in scenario.strategies.items()}
        self.session = make(settings, chosen)
        self.said: deque[dict[str, Any]] = deque()
        self.ids: dict[str, int] = {}

    def step(self, text: str) -> None:
        if text.startswith("bot:"):
            self._expect(text[4:].strip())
            return
        if text.startswith(CHECKS):
            self._check(text)
            return
        self._silent()
        if text.startswith("exchange:"):
            self._hear(self.session.receive(self._encode(text[9:].strip()), self.now_ns))
        elif text.startswith("raw:"):
            self._hear(self.session.receive(raw(text[4:].strip()), self.now_ns))
        elif match := re.fullmatch(r"wait (\d+) (us|ms|s)", text):
            self._wait(int(match[1]) * UNITS_NS[match[2]])
        elif text == "connect":
            self._hear(self.session.connected(self.now_ns))
        elif text == "disconnect":
            self.session.disconnected(self.now_ns)
        elif text.startswith("stop "):
            self._hear(self.session.stop(self.now_ns, text[5:]))
        elif text.startswith("kill "):
            self._hear(self.session.kill(self.now_ns, text[5:]))
        else:
            self.fail(f"no such step: {text}")

    def finish(self) -> None:
        self._silent()

    def _hear(self, data: bytes) -> None:
        self.said.extend(json.loads(line) for line in data.splitlines())

    def _wait(self, span_ns: int) -> None:
        """Advances time with a tick at every deadline, as the shell does."""
        end_ns = self.now_ns + span_ns
        while self.session.next_deadline_ns <= end_ns:
            self.now_ns = max(self.now_ns, self.session.next_deadline_ns)
            self._hear(self.session.tick(self.now_ns))
        self.now_ns = end_ns

    def _silent(self) -> None:
        if self.said:
            self.fail(f"the bot also said {json.dumps(self.said[0])}")

    def _expect(self, text: str) -> None:
        if text == "nothing":
            self._silent()
            return
        if not self.said:
            self.fail(f"the bot says nothing, where it should say: {text}")
        message = self.said.popleft()
        told = self._describe(message, text)
        if told != text:
            self.fail(f"the bot says: {told}; it should say: {text}")

    def _describe(self, message: dict[str, Any], wanted: str) -> str:
        """Returns a message of the bot in the scenario's language; a new order gets the expected label."""
        kind = message["type"]
        if kind == "hello":
            return f"hello {message['team']}"
        order_id = message["order_id"]
        label = next((label for label, known in self.ids.items() if known == order_id), None)
        if label is None:
            match = re.match(r"\w+ (#\w+)", wanted)
            label = match[1] if match and match[1] not in self.ids else f"(order {order_id})"
            self.ids[label] = order_id
        if kind == "cancel":
            return f"cancel {label}"
        words = f"{kind} {label} {message['dir']} {message['size']} {message['symbol']}"
        return f"{words} at {message['price']}" if kind == "add" else words

    def _id(self, label: str) -> int:
        if label.startswith("#") and label in self.ids:
            return self.ids[label]
        if label.isdigit():
            return int(label)
        self.fail(f"no order is called {label}")
        return 0

    def _encode(self, text: str) -> bytes:
        kind, _, rest = text.partition(" ")
        message: dict[str, Any] = {"type": kind}
        if kind == "hello":
            told = {name: int(value) for name, value in (word.split("=") for word in rest.split())}
            names = [*sorted(SYMBOLS), "USD"]
            message["symbols"] = [{"symbol": name, "position": told.get(name, 0)} for name in names]
        elif kind in ("open", "close"):
            message["symbols"] = list(SYMBOLS) if rest in ("", "all") else rest.split()
        elif kind == "error":
            message["error"] = rest
        elif kind == "book":
            symbol, _, sides = rest.partition(" ")
            bids, _, asks = sides.partition("|")
            message |= {"symbol": symbol, "buy": levels(bids), "sell": levels(asks)}
        elif match := re.fullmatch(r"trade (\w+) (\d+) at (\d+)", text):
            message |= {"symbol": match[1], "price": int(match[3]), "size": int(match[2])}
        elif kind in ("ack", "out"):
            message["order_id"] = self._id(rest)
        elif match := re.fullmatch(r"reject (\S+) (.+)", text):
            message |= {"order_id": self._id(match[1]), "error": match[2]}
        elif match := re.fullmatch(r"fill (\S+) (BUY|SELL) (\d+) (\w+) at (\d+)", text):
            message |= {
                "order_id": self._id(match[1]), "symbol": match[4], "dir": match[2],
                "price": int(match[5]), "size": int(match[3]),
            }  # fmt: skip
        else:
            self.fail(f"the exchange cannot say: {text}")
        return json.dumps(message, separators=(",", ":")).encode() + b"\n"

    def _check(self, text: str) -> None:
        session, words = self.session, text.split()
        if words[0] == "position:":
            for name, value in zip(words[1::2], words[2::2], strict=True):
                self._same(f"position of {name}", session.positions()[name], int(value))
        elif words[0] == "cash:":
            self._same("cash", session.cash, int(words[1]))
        elif words[0] == "pnl:":
            self._same("pnl", session.summary()["pnl"], int(words[1]))
        elif words[0] == "mode:":
            self._same("mode", session.mode, words[1])
        elif words[0] == "live:":
            self._same("live orders", len(session.orders_snapshot()), int(words[1]))
        elif words[0] == "count:":
            *path, value = words[1:]
            self._same(" ".join(path), self._count(session.summary(), path), int(value))
        elif words[0] == "order":
            states = {row["order_id"]: row["state"] for row in session.recent_orders(1000)}
            self._same(f"state of {words[1]}", states[self._id(words[1])], " ".join(words[3:]))
        elif text == "needs resync":
            self._same("needs_resync", session.needs_resync, True)
        elif text == "stopped":
            self._same("stopped", session.stopped, True)

    @staticmethod
    def _count(found: Any, path: list[str]) -> Any:
        """Returns the summary's value under these words; a key may itself have several words."""
        while path and isinstance(found, dict):
            width = next((width for width in range(len(path), 0, -1) if " ".join(path[:width]) in found), 0)
            if width == 0:
                return 0
            found, path = found[" ".join(path[:width])], path[width:]
        return found

    def _same(self, what: str, found: Any, wanted: Any) -> None:
        if found != wanted:
            self.fail(f"{what} is {found}, and should be {wanted}")
