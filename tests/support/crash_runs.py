"""Kills bots and restarts them against one gateway, and checks invariants at the end."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from carry_bots import CHEAP, FAIR, RICH, books_of, differences, row_devs, stored
from ib_libraries import PATIENCE_S, Served, fast
from tws import START_NS

from arbcore.errors import InputError
from arbcore.gateway.faults import planned
from arbcore.gateway.quote_source import MarketSettings, generated

#: Two pairs are closed and a third one is open at the end. The second pair's first order does not fill, so
#: its other leg is naked and must be hedged.
DEVS = (FAIR, RICH, RICH, FAIR, FAIR, CHEAP, CHEAP, FAIR, FAIR, RICH, RICH, RICH, RICH)
MISS_AT_S = 4.0
#: Live quotes: they leave fair value several times in a life, and some orders fill partly or not at all.
LIVE_MARKET = MarketSettings(r=0.0, d=0.0, basis_bps=90.0, hold_s=0.4, step_s=0.01)
LIVE_ORDERS = 4
LIVE_FAULTS = (("miss", 0.5), ("partial", 1.5), ("miss", 3.0))
#: Shares match the future's notional at entry; this allows for the change of prices during a run.
NAKED_SHARES = 15


@dataclass(frozen=True, slots=True)
class Kill:
    """When a life ends: at a boundary, or seconds after it first connects. ``hasty`` sends before storing."""

    at: int | None = None
    after_s: float | None = None
    hasty: bool = False


@dataclass
class Outcome:
    """The result of a run of lives; ``violations`` is empty if there were none."""

    violations: list[str] = field(default_factory=list)
    #: How each life ended: "before save", "at a moment", or "in order".
    endings: list[str] = field(default_factory=list)
    boundaries: int = 0
    #: Orders that the broker received in all lives.
    orders: int = 0


class Mortal:
    """``with Mortal(library) as mortal:`` starts a process whose children are the lives."""

    def __init__(self, library: str) -> None:
        program = Path(__file__).with_name("crashing_bot.py")
        path = [str(program.parent), *filter(None, sys.path)]
        self._process = subprocess.Popen(
            [sys.executable, str(program), library], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        )  # fmt: skip

    def live(self, port: int, directory: Path, kill: Kill, live_orders: int | None) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        life = {
            "port": port, "directory": str(directory), "kill_at": kill.at, "kill_after_s": kill.after_s,
            "hasty": kill.hasty, "live_orders": live_orders,
        }  # fmt: skip
        stdin.write(json.dumps(life) + "\n")
        stdin.flush()
        return dict(json.loads(stdout.readline()))

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


def play(mortal: Mortal, kills: Sequence[Kill]) -> Outcome:
    """Plays a life per kill, then one to the end of the data; the gateway's rows wait for the bot."""
    faults = (planned("miss", at_s=MISS_AT_S),)
    with Served(row_devs(START_NS, DEVS), **fast(faults=faults)) as served:
        return _lives(mortal, kills, served, live_orders=None)


def play_live(mortal: Mortal, kills: Sequence[Kill], seed: int) -> Outcome:
    """Like ``play``, with quotes from a seed that also go on without a bot; the last life stops in order."""
    faults = tuple(planned(name, at_s=at_s) for name, at_s in LIVE_FAULTS)
    rows = generated(seed, time.time_ns(), settings=LIVE_MARKET)
    with Served(rows, faults=faults) as served:
        return _lives(mortal, kills, served, live_orders=LIVE_ORDERS)


def _lives(mortal: Mortal, kills: Sequence[Kill], served: Served, *, live_orders: int | None) -> Outcome:
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        last: dict[str, Any] = {}
        for kill in (*kills, Kill()):
            last = mortal.live(served.port, directory, kill, live_orders)
            outcome.endings.append(_ending(last))
            if not last["signal"]:
                break
            outcome.violations = _unknown_orders(served, directory)
            if outcome.violations:
                return outcome
        outcome.boundaries = last.get("boundaries", 0)
        books = served.do(books_of)
        outcome.orders = len(books["orders"])
        outcome.violations = _violations(last, directory, books)
        if not outcome.violations and live_orders is None and not any(books["positions"].values()):
            outcome.violations = ["the last pair was not entered"]
    return outcome


def _unknown_orders(served: Served, directory: Path) -> list[str]:
    """Returns orders that the broker has and the store lacks, at the moment after a kill."""
    deadline_s = time.monotonic() + PATIENCE_S
    # Once the gateway has seen the connection's end, it has handled everything that was sent before. It looks
    # for that end between any two of these calls.
    while served.do(lambda gateway: len(gateway.clients)):
        assert time.monotonic() < deadline_s
    known = set()
    # The bot may have died before it had a store.
    with contextlib.suppress(InputError):
        known = {ref for (ref,) in stored(directory, "SELECT order_ref FROM orders")}
    sent = [order["ref"] for order in served.do(books_of)["orders"]]
    return [f"{ref} was at the broker and not in the store" for ref in sent if ref not in known]


def _ending(known: dict[str, Any]) -> str:
    if not known["signal"]:
        return "in order"
    return str(known.get("killed", "at a moment"))


def _violations(last: dict[str, Any], directory: Path, books: dict[str, Any]) -> list[str]:
    if last["signal"]:
        return [f"the last life did not end by itself: {last}"]
    if "error" in last:
        return [last["error"]]
    found = differences(directory, books)
    if last["state"] == "HALTED":
        found.append(f"HALTED at the end: {last['reasons']}")
    if last["positions"] != books["positions"]:
        found.append(f"the bot holds {last['positions']} and the broker {books['positions']}")
    if abs(500 * books["positions"]["ES"] + books["positions"]["SPY"]) > NAKED_SHARES:
        found.append(f"a leg is alone at the broker: {books['positions']}")
    return found
