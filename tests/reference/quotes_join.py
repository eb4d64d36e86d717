"""The as-of join of two instruments' quotes, in simple code: the specification of ``arbcore.quotes.join``.

It searches all rows for every moment, and must not know any file or vendor.
"""

from dataclasses import dataclass
from datetime import datetime, time, timezone
from zoneinfo import ZoneInfo

#: (time in ns, bid, ask); a price is None where it is missing.
Row = tuple[int, float | None, float | None]

NEW_YORK = ZoneInfo("America/New_York")
OPEN, CLOSE, EARLY_CLOSE = time(9, 30), time(16), time(13)


@dataclass(frozen=True)
class Answer:
    """Rows (ts, fut_bid, fut_ask, etf_bid, etf_ask, fut_age_ms, etf_age_ms), and counts of skipped ones."""

    rows: list[tuple]
    skipped: dict[str, int]


def in_session(ts_ns: int, early_closes: frozenset = frozenset(), holidays: frozenset = frozenset()) -> bool:
    """Whether a moment is within regular hours: after the open, up to and including the close."""
    whole, rest = divmod(ts_ns, 10**9)
    local = datetime.fromtimestamp(whole, timezone.utc).astimezone(NEW_YORK)
    if local.weekday() >= 5 or local.date() in holidays:
        return False
    close = EARLY_CLOSE if local.date() in early_closes else CLOSE
    clock = (local.time(), rest)
    return (OPEN, 0) < clock <= (close, 0)


def quote_at(rows: list[Row], moment: int) -> Row | None:
    """Returns the last row at or before a moment; None if it is not usable."""
    before = [row for row in rows if row[0] <= moment]
    if not before:
        return None
    _, bid, ask = before[-1]
    return None if bid is None or ask is None or bid > ask else before[-1]


def moments_of(fut: list[Row], etf: list[Row], every_ns: int | None) -> list[int]:
    times = sorted({row[0] for row in fut + etf})
    if every_ns is None or not times:
        return times
    first = -(-times[0] // every_ns) * every_ns
    return list(range(first, times[-1] + 1, every_ns))


def join(fut: list[Row], etf: list[Row], *, max_age_ns: int, every_ns: int | None = None, rth: bool = False,
         early_closes: frozenset = frozenset(), holidays: frozenset = frozenset()) -> Answer:  # fmt: skip
    skipped = dict.fromkeys(("missing", "crossed", "closed", "unpaired", "stale"), 0)
    for _, bid, ask in fut + etf:
        if bid is None or ask is None:
            skipped["missing"] += 1
        elif bid > ask:
            skipped["crossed"] += 1
    rows = []
    for moment in moments_of(fut, etf, every_ns):
        sides = [quote_at(fut, moment), quote_at(etf, moment)]
        if rth and not in_session(moment, early_closes, holidays):
            skipped["closed"] += 1
        elif None in sides:
            skipped["unpaired"] += 1
        elif any(moment - side[0] > max_age_ns for side in sides):
            skipped["stale"] += 1
        else:
            ages = [(moment - side[0]) // 10**6 for side in sides]
            rows.append((moment, *sides[0][1:], *sides[1][1:], *ages))
    return Answer(rows, skipped)
