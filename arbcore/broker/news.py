"""The messages about a run of the carry bot, and the formats that receivers take: plain values.

``alerts`` decides when a message is sent and sends it.
"""

import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from arbcore.core.civil import iso_time

SCHEMA = "arbcore.alert/1"
ALARM, START, STOP, TRADE, DAILY, HEARTBEAT = KINDS = (
    "alarm", "start", "stop", "trade", "daily", "heartbeat",
)  # fmt: skip
#: Kinds whose text has the positions already.
SAYS_HELD = frozenset({STOP, DAILY})
SLACK, DISCORD, TELEGRAM, NTFY, JSON = FORMATS = ("slack", "discord", "telegram", "ntfy", "json")
#: The format for an address's host if none is set; any other host gets JSON.
FORMAT_OF_HOST = {
    "hooks.slack.com": SLACK, "discord.com": DISCORD, "discordapp.com": DISCORD,
    "api.telegram.org": TELEGRAM, "ntfy.sh": NTFY,
}  # fmt: skip
#: Most characters that a receiver takes.
TEXT_MAX = {SLACK: 3_000, DISCORD: 1_900, TELEGRAM: 4_000, NTFY: 3_500, JSON: 10_000}


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver of messages: an http or https address and one of FORMATS."""

    url: str
    format: str


class AlertDocument(TypedDict):
    """The JSON form of a message; ``held`` is None while the positions are not known."""

    schema: str
    kind: str
    text: str
    account: str
    machine: str
    held: dict[str, int] | None
    ts: str


@dataclass(frozen=True, slots=True)
class News:
    """One message. ``held`` are the account's positions by symbol; None while they are not known."""

    kind: str
    text: str
    mode: str
    account: str
    machine: str
    held: Mapping[str, int] | None
    ts_ns: int

    def line(self) -> str:
        """The text with its sender and, if the text lacks them, the positions."""
        who = f"arbcore {self.mode} {self.account or 'without an account yet'} on {self.machine}"
        held = "" if self.kind in SAYS_HELD else f" Held: {held_words(self.held)}."
        return f"{who}: {self.text}{held}"

    def document(self) -> AlertDocument:
        """The JSON form."""
        return {
            "schema": SCHEMA,
            "kind": self.kind,
            "text": self.text,
            "account": self.account,
            "machine": self.machine,
            "held": None if self.held is None else dict(self.held),
            "ts": iso_time(self.ts_ns),
        }


def held_words(held: Mapping[str, int] | None) -> str:
    """Positions as text: ``ES -1, SPY +502``, ``nothing`` or ``unknown``."""
    if held is None:
        return "unknown"
    return ", ".join(f"{symbol} {count:+d}" for symbol, count in held.items() if count) or "nothing"


def format_of(url: str) -> str:
    """The format for an address, by its host."""
    host = urllib.parse.urlsplit(url).hostname or ""
    return FORMAT_OF_HOST.get(host, JSON)


def telegram_chat(url: str) -> str:
    """The ``chat_id`` in an address's query; empty if there is none."""
    return urllib.parse.parse_qs(urllib.parse.urlsplit(url).query).get("chat_id", [""])[0]


def body_of(news: News, receiver: Receiver) -> tuple[bytes, dict[str, str]]:
    """The body to post to a receiver, and its headers."""
    limit = TEXT_MAX[receiver.format]
    text = news.line()
    text = text if len(text) <= limit else f"{text[: limit - 1]}…"
    if receiver.format == NTFY:
        title = f"arbcore {news.mode} {news.kind}".encode("ascii", "replace").decode()
        priority = "high" if news.kind == ALARM else "default"
        return text.encode(), {"Content-Type": "text/plain; charset=utf-8", "Title": title,
                               "Priority": priority}  # fmt: skip
    found: Mapping[str, Any] = {"text": text}
    if receiver.format == DISCORD:
        # Text from the broker must not mention, and so notify, people in a channel.
        found = {"content": text, "allowed_mentions": {"parse": []}}
    elif receiver.format == TELEGRAM:
        found = {"chat_id": telegram_chat(receiver.url), "text": text}
    elif receiver.format == JSON:
        found = news.document()
    return json.dumps(found).encode(), {"Content-Type": "application/json"}
