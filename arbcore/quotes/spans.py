"""Time spans as text (``5s``, ``250ms``, ``1m``, ``8d``), and the parts of a trading day.

Owns both; it has no clock.
"""

import re
from collections.abc import Callable

from arbcore.carry.calendar import OPEN_CLOCK_NS, close_clock_ns, trading_date
from arbcore.core.civil import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S, new_york_to_utc
from arbcore.core.text import printable
from arbcore.errors import UsageError

UNITS_NS = {
    "ms": 10**6, "s": NS_PER_S, "m": NS_PER_MINUTE, "min": NS_PER_MINUTE, "h": NS_PER_HOUR, "d": NS_PER_DAY,
}  # fmt: skip
_SPAN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(ms|s|min|m|h|d)")
LONGEST_NS = 3_660 * NS_PER_DAY

#: (first, last, whether it is in the session): the first and last instant of a part of a day.
Segment = tuple[int, int, bool]


def read_span(text: str, what: str, *, smallest_ns: int) -> int:
    """Converts ``5s``, ``1m``, ``250ms``, ``2h`` or ``8d`` to nanoseconds. UsageError names ``what``."""
    match = _SPAN.fullmatch(text.strip().lower())
    if match is None:
        raise UsageError(
            f"{what} {printable(text)!r} is not a span of time; write it as 500ms, 5s, 1m, 2h or 8d."
        )
    whole, _, decimals = match[1].partition(".")
    unit = UNITS_NS[match[2]]
    span_ns = int(whole) * unit + int((decimals or "0").ljust(9, "0")) * unit // 10**9
    if not smallest_ns <= span_ns <= LONGEST_NS:
        raise UsageError(
            f"{what} {printable(text)} is out of range: from {smallest_ns // 10**6} ms to ten years."
        )
    return span_ns


def span_text(span_ns: int) -> str:
    """A span as ``5s`` or ``1m``, in the largest unit that gives an integer."""
    for unit in ("d", "h", "m", "s", "ms"):
        if span_ns % UNITS_NS[unit] == 0:
            return f"{span_ns // UNITS_NS[unit]}{unit}"
    return f"{span_ns / 10**6:g}ms"


def date_around(ts_ns: int) -> tuple[int, int, int]:
    """(first instant, last instant, day) of the New York date of a time."""
    day = trading_date(ts_ns)
    return new_york_to_utc(day, 0), new_york_to_utc(day + 1, 0) - 1, day


def regular_segment(ts_ns: int) -> Segment:
    """The part of the New York date around a time: before the open, the session, after it, or no session.

    The session begins after 09:30:00 and includes 16:00:00, or 13:00:00 on early closes.
    """
    first, last, day = date_around(ts_ns)
    close = close_clock_ns(day)
    if close is None:
        return first, last, False
    opened, closed = new_york_to_utc(day, OPEN_CLOCK_NS), new_york_to_utc(day, close)
    if ts_ns <= opened:
        return first, opened, False
    return (opened + 1, closed, True) if ts_ns <= closed else (closed + 1, last, False)


def segments_of(session: str) -> Callable[[int], Segment] | None:
    """``regular_segment`` for the session ``rth``, None for ``all``. UsageError for any other name."""
    if session not in ("rth", "all"):
        raise UsageError(f"--session {printable(session)!r} is not a session; it may be rth or all.")
    return regular_segment if session == "rth" else None
