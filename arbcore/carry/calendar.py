"""Trading days of the New York Stock Exchange and the quarterly expiries of ES.

Owns the holiday rules, the one-off closures, the early closes, and the contracts: when each one expires,
which is the front contract at an instant, and their codes (ESZ26). The rules hold from 1998, the first full
year of ES. Closures that the exchange has not announced yet are missing. Where a broker gives a contract's
expiry, that one is used instead of the rule.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache

from arbcore.core._cells import time_and_zone
from arbcore.core.civil import (
    FRIDAY,
    LAST_YEAR,
    MONDAY,
    NS_PER_HOUR,
    NS_PER_MINUTE,
    SATURDAY,
    SUNDAY,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    date_of,
    day_of,
    iso_date,
    new_york_to_utc,
    nth_weekday,
    read_date,
    read_time,
    utc_to_new_york,
    weekday,
)
from arbcore.core.text import printable
from arbcore.errors import InputError, UsageError

#: Nanoseconds after midnight in New York.
OPEN_CLOCK_NS = 9 * NS_PER_HOUR + 30 * NS_PER_MINUTE
CLOSE_CLOCK_NS = 16 * NS_PER_HOUR
EARLY_CLOSE_CLOCK_NS = 13 * NS_PER_HOUR

#: The first and the last year with known contracts; the first contract was listed for December 1997.
FIRST_CONTRACT_YEAR, LAST_CONTRACT_YEAR = 1997, LAST_YEAR
MONTH_CODES = {3: "H", 6: "M", 9: "U", 12: "Z"}

_CODE = re.compile(r"ES([HMUZ])([0-9]{2})")
# Closures by decision, not by rule: days of mourning, attacks, storms.
_ONE_OFF_CLOSURES = frozenset(
    day_of(*date)
    for date in (
        (2001, 9, 11), (2001, 9, 12), (2001, 9, 13), (2001, 9, 14), (2004, 6, 11), (2007, 1, 2),
        (2012, 10, 29), (2012, 10, 30), (2018, 12, 5), (2025, 1, 9),
    )
)  # fmt: skip
# The second one: the exchange's systems failed four minutes before the close.
_ONE_OFF_EARLY_CLOSES = {
    day_of(2003, 12, 26): EARLY_CLOSE_CLOCK_NS,
    day_of(2005, 6, 1): 15 * NS_PER_HOUR + 56 * NS_PER_MINUTE,
}


@dataclass(frozen=True, slots=True)
class Contract:
    """One quarterly ES contract. ``expiry_ns`` is 09:30 New York on ``expiry_day``, the opening auction."""

    code: str
    expiry_day: int
    expiry_ns: int


def good_friday(year: int) -> int:
    """The Friday before Easter Sunday, by the Gregorian computus (Meeus, Jones and Butcher)."""
    golden, century, years = year % 19, year // 100, year % 100
    leap, rest = divmod(century, 4)
    moon = (19 * golden + century - leap - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    week = (32 + 2 * rest + 2 * (years // 4) - moon - years % 4) % 7
    late = (golden + 11 * moon + 22 * week) // 451
    month, day = divmod(moon + week - 7 * late + 114, 31)
    return day_of(year, month, day + 1) - 2


@cache
def holidays(year: int) -> frozenset[int]:
    """The weekdays of a year on which the exchange is closed, with the one-off closures."""
    days = {
        nth_weekday(year, 1, which=MONDAY, n=3),  # Martin Luther King
        nth_weekday(year, 2, which=MONDAY, n=3),  # Washington
        good_friday(year),
        nth_weekday(year, 5, which=MONDAY, n=-1),  # Memorial
        _observed(day_of(year, 7, 4)),
        nth_weekday(year, 9, which=MONDAY, n=1),  # Labor
        nth_weekday(year, 11, which=THURSDAY, n=4),  # Thanksgiving
        _observed(day_of(year, 12, 25)),
    }
    new_year = day_of(year, 1, 1)
    # New Year's Day on a Saturday is not observed on the Friday before, which still belongs to the old year.
    if weekday(new_year) != SATURDAY:
        days.add(_observed(new_year))
    if year >= 2022:
        days.add(_observed(day_of(year, 6, 19)))
    return frozenset(days | {day for day in _ONE_OFF_CLOSURES if date_of(day)[0] == year})


def _observed(day: int) -> int:
    """The day on which a holiday is observed: Friday for a Saturday, Monday for a Sunday."""
    return day + {SATURDAY: -1, SUNDAY: 1}.get(weekday(day), 0)


def is_trading_day(day: int) -> bool:
    """Whether the exchange opens on a day."""
    return weekday(day) < SATURDAY and day not in holidays(date_of(day)[0])


def close_clock_ns(day: int) -> int | None:
    """The close of a day, in nanoseconds after midnight in New York; None if the exchange does not open."""
    if not is_trading_day(day):
        return None
    return EARLY_CLOSE_CLOCK_NS if _closes_early(day) else _ONE_OFF_EARLY_CLOSES.get(day, CLOSE_CLOCK_NS)


def _closes_early(day: int) -> bool:
    """Whether a day closes at 13:00: after Thanksgiving, Christmas Eve, or next to Independence Day."""
    year, month, day_of_month = date_of(day)
    which = weekday(day)
    if (month, day_of_month) == (12, 24):
        return True
    if month == 11:
        return day == nth_weekday(year, 11, which=THURSDAY, n=4) + 1
    # Before 2013, with the holiday on a Thursday, the Friday after it was short, not the Wednesday before.
    if (month, day_of_month) == (7, 3):
        return which in {MONDAY, TUESDAY, THURSDAY} or (which == WEDNESDAY and year >= 2013)
    return (month, day_of_month, which) == (7, 5, FRIDAY) and year < 2013


def expiry_instant(day: int) -> int:
    """UTC nanoseconds at 09:30 New York on a day: a future's settlement, or the start of an ex-date."""
    return new_york_to_utc(day, OPEN_CLOCK_NS)


def quarterly_expiry(year: int, month: int) -> int:
    """The day on which the ES contract of March, June, September or December of a year expires.

    The third Friday, or the last trading day before it if that is a holiday. UsageError for other months.
    """
    if month not in MONTH_CODES:
        raise UsageError(f"ES has no quarterly contract of month {month}; take 3, 6, 9 or 12.")
    if not FIRST_CONTRACT_YEAR <= year <= LAST_CONTRACT_YEAR:
        raise UsageError(
            f"ES expiries are known from {FIRST_CONTRACT_YEAR} to {LAST_CONTRACT_YEAR}, not in {year}."
        )
    day = nth_weekday(year, month, which=FRIDAY, n=3)
    while not is_trading_day(day):
        day -= 1
    return day


def contract(year: int, month: int) -> Contract:
    """The ES contract of a quarter."""
    day = quarterly_expiry(year, month)
    return Contract(f"ES{MONTH_CODES[month]}{year % 100:02d}", day, expiry_instant(day))


@cache
def all_contracts() -> tuple[Contract, ...]:
    """All known quarterly contracts, in order of expiry."""
    years = range(FIRST_CONTRACT_YEAR, LAST_CONTRACT_YEAR + 1)
    return tuple(contract(year, month) for year in years for month in MONTH_CODES)


@cache
def all_expiries_ns() -> tuple[int, ...]:
    """The instants at which the contracts of ``all_contracts`` expire."""
    return tuple(each.expiry_ns for each in all_contracts())


def front_contract(now_ns: int, *, offset: int = 0) -> Contract:
    """The first contract that expires after an instant; with ``offset`` = 1 the one after it, and so on.

    Raises UsageError if the instant is before 1997, or the contract is after the last known one.
    """
    contracts = all_contracts()
    at = bisect_right(all_expiries_ns(), now_ns) + offset
    if now_ns < day_of(FIRST_CONTRACT_YEAR, 1, 1) * 24 * NS_PER_HOUR or not 0 <= at < len(contracts):
        raise UsageError(
            f"No front ES contract is known at that time: contracts run from {contracts[0].code} "
            f"({iso_date(contracts[0].expiry_day)}) to {iso_date(contracts[-1].expiry_day)}; name the expiry."
        )
    return contracts[at]


def contract_of_code(code: str) -> Contract:
    """The contract of a code such as ESZ26 (97 to 99 mean 1997 to 1999). InputError for an unknown code."""
    match = _CODE.fullmatch(code.strip().upper())
    if match is None:
        raise InputError(
            f"'{printable(code)}' is not a quarterly ES contract; write ES, then H, M, U or Z, then the year "
            "in two digits."
        )
    years = int(match[2])
    month = {letter: month for month, letter in MONTH_CODES.items()}[match[1]]
    return contract(years + (1900 if years >= FIRST_CONTRACT_YEAR % 100 else 2000), month)


def read_expiry(text: str, *, tz: str | None = None, day_first: bool = False) -> int:
    """The instant of an expiry given as a date (09:30 New York), a time, or a contract code.

    Dates and times have the formats of a quotes file; ``tz`` and ``day_first`` are those of ``read_ts``. A
    midnight without a zone is read as the date. InputError for any other text.
    """
    text = text.strip()
    if text[:2].upper() == "ES":
        return contract_of_code(text).expiry_ns
    wall = time_and_zone(text.encode(), day_first=day_first)
    if isinstance(wall, tuple):
        wall_ns, zoned = wall
        if zoned:
            return wall_ns
        if wall_ns % (24 * NS_PER_HOUR) == 0:
            return expiry_instant(wall_ns // (24 * NS_PER_HOUR))
        found = time_and_zone(text.encode(), tz=tz, day_first=day_first)
        if isinstance(found, tuple):
            return found[0]
        raise InputError(f"'{printable(text)}' does not exist: the clock of {tz} went forward over it.")
    return read_time(text) if len(text) > len("2026-12-18") else expiry_instant(read_date(text))


def read_open_expiry(text: str) -> int:
    """As ``read_expiry``; UsageError if the exchange does not open on that date."""
    expiry_ns = read_expiry(text)
    closed = why_no_expiry(expiry_ns)
    if closed is not None:
        raise UsageError(closed)
    return expiry_ns


def why_no_expiry(expiry_ns: int) -> str | None:
    """Why no contract expires at an opening, with the trading day before it; None if one can expire then."""
    # New York's clock is not known here for every year before 1970.
    day = trading_date(expiry_ns) if expiry_ns >= 0 else None
    if day is None or expiry_ns != expiry_instant(day) or is_trading_day(day):
        return None
    before = day
    while not is_trading_day(before):
        before -= 1
    kind = "a weekend" if weekday(day) >= SATURDAY else "a holiday of the exchange"
    return (
        f"{iso_date(day)} is {kind}, on which no contract expires; the trading day before is "
        f"{iso_date(before)}."
    )


def trading_date(instant_ns: int) -> int:
    """The date in New York at an instant."""
    return utc_to_new_york(instant_ns)[0]
