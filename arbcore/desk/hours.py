"""Reads a contract's trading hours, as the broker writes them, into instants.

The text is ``20261120:0830-20261120:1500;20261121:CLOSED;…`` in the contract's own zone; older gateways write
``20261120:0830-1500`` with several spans after commas. Owns the parser and the test whether an instant lies
in the hours. Chicago's clock follows the same daylight-saving rule as New York's, an hour behind.
"""

import re
from bisect import bisect_right

from arbcore.core.civil import NS_PER_HOUR, NS_PER_MINUTE, day_of, is_date, new_york_to_utc
from arbcore.core.text import printable
from arbcore.errors import InputError

#: (start, end) in UTC nanoseconds, in order, the end not included.
Intervals = tuple[tuple[int, int], ...]

DAYS_MAX = 400
_NEW_YORK, _CHICAGO = 0, NS_PER_HOUR
# The first word of each gateway's name for the two zones.
_BEHIND_NEW_YORK = {
    "America/New_York": _NEW_YORK, "US/Eastern": _NEW_YORK, "EST5EDT": _NEW_YORK, "EST": _NEW_YORK,
    "EDT": _NEW_YORK, "America/Chicago": _CHICAGO, "US/Central": _CHICAGO, "CST6CDT": _CHICAGO,
    "CST": _CHICAGO, "CDT": _CHICAGO,
}  # fmt: skip
_SPAN = re.compile(r"(?:(\d{8}):)?(\d{4})-(?:(\d{8}):)?(\d{4})", re.ASCII)


def read_hours(text: str, zone: str) -> Intervals:
    """The spans of ``text``, written in the time of ``zone``, in order of time; adjoining ones are joined.

    Raises InputError for an unknown zone or a malformed span.
    """
    behind_ns = behind_new_york_ns(zone)
    if behind_ns is None:
        raise InputError(
            f"Trading hours are in the zone '{printable(zone)}'; only New York's and Chicago's can be read."
        )
    days = [day.strip() for day in text.split(";") if day.strip()]
    if len(days) > DAYS_MAX:
        raise InputError(f"Trading hours have {len(days)} days; the most is {DAYS_MAX}.")
    spans: list[tuple[int, int]] = []
    for day in days:
        spans += _read_day(day, behind_ns)
    return _joined(sorted(spans))


def behind_new_york_ns(zone: str) -> int | None:
    """How far a zone's clock is behind New York's, all year round; None if the zone is not known."""
    return _BEHIND_NEW_YORK.get(zone.strip().split(" ")[0])


def within(intervals: Intervals, instant_ns: int) -> bool:
    """Whether an instant lies in one of the spans."""
    at = bisect_right(intervals, (instant_ns, 2**63)) - 1
    return at >= 0 and intervals[at][0] <= instant_ns < intervals[at][1]


def _read_day(text: str, behind_ns: int) -> list[tuple[int, int]]:
    date, _, rest = text.partition(":")
    if rest == "CLOSED":
        _day(date, text)
        return []
    found: list[tuple[int, int]] = []
    for part in text.split(","):
        match = _SPAN.fullmatch(part.strip())
        if match is None or (match[1] is None and not found):
            raise InputError(
                f"'{printable(text)}' is not a span of trading hours such as 20261120:0830-20261120:1500."
            )
        date = match[1] or date
        start = _instant(date, match[2], behind_ns)
        end = _instant(match[3] or date, match[4], behind_ns)
        if end <= start:
            raise InputError(f"The trading hours '{printable(text)}' end before they begin.")
        found.append((start, end))
    return found


def _day(digits: str, text: str) -> int:
    if len(digits) == 8 and digits.isascii() and digits.isdigit():
        date = int(digits[:4]), int(digits[4:6]), int(digits[6:])
        if is_date(*date) and date[0] >= 1967:
            return day_of(*date)
    raise InputError(f"The trading hours '{printable(text)}' name a day that does not exist.")


def _instant(date: str, clock: str, behind_ns: int) -> int:
    hour, minute = int(clock[:2]), int(clock[2:])
    if hour > 24 or minute > 59 or (hour == 24 and minute):
        raise InputError(f"'{clock}' in trading hours is not a time of day such as 0830.")
    return new_york_to_utc(_day(date, date), hour * NS_PER_HOUR + minute * NS_PER_MINUTE) + behind_ns


def _joined(spans: list[tuple[int, int]]) -> Intervals:
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
