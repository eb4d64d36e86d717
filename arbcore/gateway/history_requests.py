"""Requests for history and streams: bars, ticks, head time, real-time bars, profit, price rules.

Owns their layouts from server version 100 on, and the parsing of end times, durations and bar sizes.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from arbcore.core.civil import (
    NS_PER_DAY,
    NS_PER_HOUR,
    NS_PER_MINUTE,
    NS_PER_S,
    day_of,
    is_date,
    new_york_to_utc,
)
from arbcore.core.text import printable
from arbcore.errors import WireError
from arbcore.gateway.messages import ContractQuery, Fields

SECOND, MINUTE, HOUR = NS_PER_S, NS_PER_MINUTE, NS_PER_HOUR
#: The broker's bar sizes that the gateway serves.
BAR_SIZES = {
    "1 secs": SECOND, "5 secs": 5 * SECOND, "10 secs": 10 * SECOND, "15 secs": 15 * SECOND,
    "30 secs": 30 * SECOND, "1 min": MINUTE, "2 mins": 2 * MINUTE, "3 mins": 3 * MINUTE,
    "5 mins": 5 * MINUTE, "10 mins": 10 * MINUTE, "15 mins": 15 * MINUTE, "20 mins": 20 * MINUTE,
    "30 mins": 30 * MINUTE, "1 hour": HOUR, "2 hours": 2 * HOUR, "3 hours": 3 * HOUR, "4 hours": 4 * HOUR,
    "8 hours": 8 * HOUR, "1 day": NS_PER_DAY,
}  # fmt: skip
_SPELLINGS = {"1 sec": "1 secs", "1 mins": "1 min", "1 hours": "1 hour", "1 days": "1 day", "1D": "1 day"}
_DURATION = re.compile(r"([0-9]{1,6}) *([SDWMY])")
_INSTANT = re.compile(
    r"([0-9]{4})([0-9]{2})([0-9]{2})(?:(-| {1,2})([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?)?(?: +([A-Za-z_/]+))?"
)
#: How far a zone's clock is behind New York's; None is UTC.
_ZONES: dict[str, int | None] = {
    "": 0, "US/Eastern": 0, "America/New_York": 0, "EST": 0, "EST5EDT": 0, "US/Central": HOUR,
    "America/Chicago": HOUR, "CST": HOUR, "UTC": None, "GMT": None, "Etc/UTC": None,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReqBars:
    """Historical bars, or the schedule of sessions.

    ``end`` and ``duration`` are the client's texts; ``epoch``: the client wants times as numbers.
    """

    req_id: int
    contract: ContractQuery
    include_expired: bool
    end: str
    bar_size: str
    duration: str
    rth: bool
    what: str
    epoch: bool
    keep_up: bool


@dataclass(frozen=True, slots=True)
class ReqPastTicks:
    req_id: int
    contract: ContractQuery
    start: str
    end: str
    count: int
    what: str
    rth: bool
    prices_only: bool


@dataclass(frozen=True, slots=True)
class ReqHead:
    req_id: int
    contract: ContractQuery
    what: str
    rth: bool
    epoch: bool


@dataclass(frozen=True, slots=True)
class ReqTickByTick:
    req_id: int
    contract: ContractQuery
    kind: str
    count: int
    prices_only: bool


@dataclass(frozen=True, slots=True)
class ReqLiveBars:
    """Real-time bars of five seconds."""

    req_id: int
    contract: ContractQuery
    what: str
    rth: bool


@dataclass(frozen=True, slots=True)
class ReqProfit:
    """The account's profit, or one contract's if ``con_id`` is set."""

    req_id: int
    account: str
    con_id: int


@dataclass(frozen=True, slots=True)
class EndStream:
    """Ends a stream."""

    req_id: int


@dataclass(frozen=True, slots=True)
class ReqPriceRule:
    rule: int


@dataclass(frozen=True, slots=True)
class ReqSymbols:
    req_id: int
    pattern: str


@dataclass(frozen=True, slots=True)
class ReqPositionsOf:
    req_id: int
    account: str


def _bars(f: Fields) -> ReqBars:
    if f.version < 124:
        f.skip(1)
    req_id, contract, expired = f.whole(), f.contract(), f.flag()
    end, size, duration, rth = f.text(), f.text(), f.text(), f.flag()
    what, form = f.text(), f.whole(1)
    if contract.sec_type == "BAG":
        raise WireError("combination", "Combinations have no history here; request each leg by itself.")
    keep_up = f.flag() if f.version >= 124 else False
    return ReqBars(req_id, contract, expired, end, size, duration, rth, what, form == 2, keep_up)


def _past_ticks(f: Fields) -> ReqPastTicks:
    req_id, contract = f.whole(), f.contract()
    f.skip(1)  # includeExpired
    start, end, count, what = f.text(), f.text(), f.whole(), f.text()
    return ReqPastTicks(req_id, contract, start, end, count, what, f.flag(), f.flag())


def _head(f: Fields) -> ReqHead:
    req_id, contract = f.whole(), f.contract()
    f.skip(1)  # includeExpired
    rth, what = f.flag(), f.text()
    return ReqHead(req_id, contract, what, rth, f.whole(1) == 2)


def _tick_by_tick(f: Fields) -> ReqTickByTick:
    req_id, contract, kind = f.whole(), f.contract(), f.text()
    if f.version < 140:
        return ReqTickByTick(req_id, contract, kind, 0, False)
    return ReqTickByTick(req_id, contract, kind, f.whole(), f.flag())


def _live_bars(f: Fields) -> ReqLiveBars:
    f.skip(1)
    req_id, contract = f.whole(), f.contract()
    f.skip(1)  # the size, which is always five seconds
    return ReqLiveBars(req_id, contract, f.text(), f.flag())


def _profit(f: Fields) -> ReqProfit:
    return ReqProfit(f.whole(), f.text(), 0)


def _single_profit(f: Fields) -> ReqProfit:
    req_id, account = f.whole(), f.text()
    f.skip(1)  # modelCode
    return ReqProfit(req_id, account, f.whole())


def _end(f: Fields) -> EndStream:
    return EndStream(f.whole())


def _end_numbered(f: Fields) -> EndStream:
    f.skip(1)
    return EndStream(f.whole())


def _positions_of(f: Fields) -> ReqPositionsOf:
    f.skip(1)
    return ReqPositionsOf(f.whole(), f.text())


READERS: dict[int, Callable[[Fields], object]] = {
    20: _bars, 25: _end_numbered, 50: _live_bars, 51: _end_numbered, 74: _positions_of,
    81: lambda f: ReqSymbols(f.whole(), f.text()), 87: _head, 91: lambda f: ReqPriceRule(f.whole()),
    92: _profit, 93: _end, 94: _single_profit, 95: _end, 96: _past_ticks, 97: _tick_by_tick, 98: _end,
}  # fmt: skip


# --- parsing texts --------------------------------------------------------------------------------------


def bar_size_of(text: str) -> int | None:
    """Nanoseconds of a bar size in the broker's spelling; None for one that is not served."""
    return BAR_SIZES.get(_SPELLINGS.get(text.strip(), text.strip()))


def duration_of(text: str) -> tuple[int, str] | None:
    """(count, unit S D W M or Y) of a duration; None for another text."""
    match = _DURATION.fullmatch(text.strip())
    return None if match is None or int(match[1]) == 0 else (int(match[1]), match[2])


def instant_of(text: str) -> int | None:
    """A client's time as UTC nanoseconds; without a zone it is New York's, but with ``-`` it is UTC."""
    match = _INSTANT.fullmatch(text.strip())
    if match is None or not is_date(int(match[1]), int(match[2]), int(match[3])):
        return None
    day = day_of(int(match[1]), int(match[2]), int(match[3]))
    clock_ns = int(match[5] or 0) * HOUR + int(match[6] or 0) * MINUTE + int(match[7] or 0) * SECOND
    zone = match[8] or ("UTC" if match[4] == "-" else "")
    if zone not in _ZONES or clock_ns >= NS_PER_DAY:
        return None
    behind = _ZONES[zone]
    return day * NS_PER_DAY + clock_ns if behind is None else new_york_to_utc(day, clock_ns) + behind


def not_an_instant(text: str) -> str:
    """The error text for a malformed time."""
    shown = printable(text, 40)
    return f"'{shown}' is not a time; write 20261120 16:00:00 US/Eastern or 20261120-21:00:00 (UTC)."
