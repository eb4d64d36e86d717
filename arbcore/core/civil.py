"""Dates, times and New York's clock as integer arithmetic, without a time-zone database.

A day is the number of days since 1970-01-01 in the Gregorian calendar; an instant is UTC nanoseconds since
1970. Owns the rule of daylight saving in New York from 1967 (the Uniform Time Act), and reads and writes
dates and ISO 8601 times. It knows no holidays and no contracts.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from arbcore.core.text import printable
from arbcore.errors import InputError, UsageError

NS_PER_S = 10**9
NS_PER_MINUTE = 60 * NS_PER_S
NS_PER_HOUR = 3_600 * NS_PER_S
NS_PER_DAY = 86_400 * NS_PER_S

#: The years that lie fully within 64-bit nanoseconds.
FIRST_YEAR, LAST_YEAR = 1678, 2261
#: Before this year New York's clock followed city rules, which this module does not have.
FIRST_NEW_YORK_YEAR = 1967

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = range(7)

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
    r"(?: ?(Z|[+-][0-9]{2}(?::?[0-9]{2})?))?",
    re.IGNORECASE,
)
# Days before each month, in a year that begins in March: a leap day is then the last day of the year.
_MARCH_DAYS = (0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 306, 337)


def day_of(year: int, month: int, day_of_month: int) -> int:
    """The number of a date; the date must exist (see ``is_date``)."""
    years = year - (month < 3)
    return (
        365 * years + years // 4 - years // 100 + years // 400
        + _MARCH_DAYS[(month - 3) % 12] + day_of_month - 719_469
    )  # fmt: skip


def is_date(year: int, month: int, day_of_month: int) -> bool:
    """Whether the date exists and is within the years of this module."""
    return (
        FIRST_YEAR <= year <= LAST_YEAR
        and 1 <= month <= 12
        and 1 <= day_of_month <= 31
        and date_of(day_of(year, month, day_of_month)) == (year, month, day_of_month)
    )


def date_of(day: int) -> tuple[int, int, int]:
    """Year, month and day of the month of a day's number."""
    since = day + 719_468  # days since 0000-03-01
    century_4, rest = divmod(since, 146_097)
    year = (rest - rest // 1_460 + rest // 36_524 - rest // 146_096) // 365
    rest -= 365 * year + year // 4 - year // 100
    month = (5 * rest + 2) // 153
    return (
        400 * century_4 + year + (month >= 10),
        month + 3 if month < 10 else month - 9,
        rest - (153 * month + 2) // 5 + 1,
    )


def weekday(day: int) -> int:
    """0 for Monday to 6 for Sunday."""
    return (day + THURSDAY) % 7


def nth_weekday(year: int, month: int, *, which: int, n: int) -> int:
    """The day of the ``n``-th weekday ``which`` of a month; ``n`` = -1 is the last one."""
    if n < 0:
        last = day_of(year + month // 12, month % 12 + 1, 1) - 1
        return last - (weekday(last) - which) % 7
    first = day_of(year, month, 1)
    return first + (which - weekday(first)) % 7 + 7 * (n - 1)


def iso_date(day: int) -> str:
    """A date such as ``2026-12-18``."""
    year, month, day_of_month = date_of(day)
    return f"{year:04d}-{month:02d}-{day_of_month:02d}"


def iso_time(instant_ns: int) -> str:
    """A time such as ``2026-12-18T14:30:00Z``, with a fraction if it is not a whole second."""
    day, rest = divmod(instant_ns, NS_PER_DAY)
    seconds, fraction = divmod(rest, NS_PER_S)
    decimals = f".{fraction:09d}".rstrip("0") if fraction else ""
    return f"{iso_date(day)}T{_clock(seconds)}{decimals}Z"


def iso_times(instants_ns: Iterable[int]) -> list[bytes]:
    """``iso_time`` as bytes, for many instants on few dates."""
    found: list[bytes] = []
    first_ns, date = 0, b""
    for instant_ns in instants_ns:
        seconds, fraction = divmod(instant_ns - first_ns, NS_PER_S)
        if not date or not 0 <= seconds < 86_400:
            day = instant_ns // NS_PER_DAY
            first_ns, date = day * NS_PER_DAY, f"{iso_date(day)}T".encode()
            seconds, fraction = divmod(instant_ns - first_ns, NS_PER_S)
        if fraction:
            found.append(iso_time(instant_ns).encode())
        else:
            found.append(date + _clock_with_z(seconds))
    return found


@lru_cache(maxsize=86_400)
def _clock_with_z(seconds: int) -> bytes:
    return f"{_clock(seconds)}Z".encode()


def _clock(seconds: int) -> str:
    return f"{seconds // 3_600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def read_date(text: str) -> int:
    """The day of ``YYYY-MM-DD``; InputError if it is not a date of the years 1678 to 2261."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        raise InputError(f"'{printable(text)}' is not a date; write it as YYYY-MM-DD.")
    year, month, day_of_month = (int(part) for part in match.groups())
    if not is_date(year, month, day_of_month):
        raise InputError(
            f"There is no date {match[0]} between {FIRST_YEAR}-01-01 and {LAST_YEAR}-12-31; correct it."
        )
    return day_of(year, month, day_of_month)


def read_time(text: str) -> int:
    """The instant of an ISO 8601 date and time, UTC without an offset. InputError for any other text."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise InputError(
            f"'{printable(text)}' is not a time; write it as YYYY-MM-DDTHH:MM:SS with Z or an offset."
        )
    day, hour, minute, second = read_date(match[1]), int(match[2]), int(match[3]), int(match[4] or 0)
    offset = match[6] or "Z"
    shift_minutes = 0 if offset in "Zz" else int(offset[1:3]) * 60 + int(offset[3:].lstrip(":") or 0)
    if hour > 23 or minute > 59 or second > 59 or shift_minutes >= 24 * 60:
        raise InputError(f"'{printable(text)}' has an hour, minute, second or offset that no clock shows.")
    if offset[0] == "-":
        shift_minutes = -shift_minutes
    fraction_ns = int((match[5] or "").ljust(9, "0"))
    minutes = hour * 60 + minute - shift_minutes
    return day * NS_PER_DAY + minutes * NS_PER_MINUTE + second * NS_PER_S + fraction_ns


def daylight_saving_days(year: int) -> tuple[int, int]:
    """The days on which New York's clocks go forward and back, both at 02:00 of the clock before the change.

    By the Uniform Time Act from 1967, the energy crisis of 1974 and 1975, the change of 1987 and the Energy
    Policy Act from 2007. UsageError for earlier years.
    """
    if year < FIRST_NEW_YORK_YEAR:
        raise UsageError(
            f"New York's clock is known from {FIRST_NEW_YORK_YEAR} on, not in {year}; give times in UTC of "
            "later years."
        )
    if year >= 2007:
        return (nth_weekday(year, 3, which=SUNDAY, n=2), nth_weekday(year, 11, which=SUNDAY, n=1))
    back = nth_weekday(year, 10, which=SUNDAY, n=-1)
    if year >= 1987:
        return nth_weekday(year, 4, which=SUNDAY, n=1), back
    if year == 1974:
        return day_of(1974, 1, 6), back
    if year == 1975:
        return day_of(1975, 2, 23), back
    return nth_weekday(year, 4, which=SUNDAY, n=-1), back


def new_york_to_utc(day: int, clock_ns: int, *, fold: int = 0) -> int:
    """The instant at which New York's clock shows ``clock_ns`` nanoseconds after midnight of ``day``.

    In the hour that the clock shows twice, ``fold`` = 0 is the first one and 1 the second. In the hour that
    the clock skips, ``fold`` = 0 reads it as not yet put forward and 1 as already put forward (PEP 495).
    """
    forward, back = daylight_saving_days(date_of(day)[0])
    wall = day * NS_PER_DAY + clock_ns
    begins = forward * NS_PER_DAY + (2 if fold else 3) * NS_PER_HOUR
    ends = back * NS_PER_DAY + (1 if fold else 2) * NS_PER_HOUR
    return wall + (4 if begins <= wall < ends else 5) * NS_PER_HOUR


def new_york_offset_ns(instant_ns: int) -> int:
    """New York's offset from UTC at an instant: minus five or minus four hours."""
    standard = instant_ns - 5 * NS_PER_HOUR
    forward, back = daylight_saving_days(date_of(standard // NS_PER_DAY)[0])
    begins = forward * NS_PER_DAY + 2 * NS_PER_HOUR
    ends = back * NS_PER_DAY + NS_PER_HOUR
    return -(4 if begins <= standard < ends else 5) * NS_PER_HOUR


def utc_to_new_york(instant_ns: int) -> tuple[int, int]:
    """The (day, nanoseconds after midnight) of New York's clock at an instant."""
    return divmod(instant_ns + new_york_offset_ns(instant_ns), NS_PER_DAY)
