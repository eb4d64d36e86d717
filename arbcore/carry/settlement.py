"""Settlement days: the days on which bought or sold shares are paid, as integers.

A share is paid some settlement days after its trade, so a position is financed from the settlement day of its
entry to that of its exit, not between the trades themselves. Owns the number of settlement days by date, and
the two days on which the exchange trades and banks do not settle. ``calendar`` has the trading days.
"""

from functools import cache

from arbcore.carry.calendar import is_trading_day, trading_date
from arbcore.core.civil import (
    MONDAY,
    NS_PER_DAY,
    SUNDAY,
    date_of,
    day_of,
    new_york_to_utc,
    nth_weekday,
    weekday,
)

# By first trading day: the number of settlement days from a trade to its payment (SEC rule 15c6-1, amended).
_LAGS = ((day_of(2024, 5, 28), 1), (day_of(2017, 9, 5), 2))
_LAG_BEFORE = 3
_EASTERN_NS = 5 * 3_600 * 10**9
_LATEST_NS = 2**63 - 1
#: 1970-01-01 in New York.
_CLOCK_KNOWN_NS = _EASTERN_NS


def is_settlement_day(day: int) -> bool:
    """Whether share trades are paid on a day: every trading day except Columbus Day and Veterans Day.

    Args:
        day: days since 1970-01-01.

    >>> is_settlement_day(day_of(2026, 10, 12)), is_settlement_day(day_of(2026, 10, 13))
    (False, True)
    """
    return is_trading_day(day) and day not in _bank_holidays(date_of(day)[0])


@cache
def settlement_day(day: int) -> int:
    """The day on which a trade on a date is paid.

    It is the k-th settlement day after the date, or after the next trading day if the exchange is closed on
    the date; k is 1 for trades from 2024-05-28, 2 from 2017-09-05, 3 before.

    Args:
        day: the New York date, in days since 1970-01-01.

    Returns:
        Days since 1970-01-01.

    >>> settlement_day(day_of(2026, 3, 5)) - day_of(2026, 3, 5)  # a Thursday
    1
    >>> settlement_day(day_of(2026, 3, 6)) - day_of(2026, 3, 6)  # a Friday
    3
    """
    while not is_trading_day(day):
        day += 1
    left = next((lag for since, lag in _LAGS if day >= since), _LAG_BEFORE)
    while left:
        day += 1
        left -= is_settlement_day(day)
    return day


def settlement_day_at(instant_ns: int) -> int:
    """The day on which a trade at an instant (UTC nanoseconds) is paid, in days since 1970-01-01."""
    return settlement_day(date_around(instant_ns)[0])


def date_around(instant_ns: int) -> tuple[int, int, int]:
    """The New York date of an instant, and the instants at which it begins and ends.

    Before 1970 the changes of New York's clock are not known here, and a date begins at 05:00 UTC. The
    first and the last date are cut at the limits of 64-bit nanoseconds.

    Args:
        instant_ns: UTC nanoseconds.

    Returns:
        Days since 1970-01-01, and UTC nanoseconds.
    """
    if instant_ns < _CLOCK_KNOWN_NS:
        day = (instant_ns - _EASTERN_NS) // NS_PER_DAY
        begun_ns = max(day * NS_PER_DAY + _EASTERN_NS, -_LATEST_NS)
        return day, begun_ns, min((day + 1) * NS_PER_DAY + _EASTERN_NS, _CLOCK_KNOWN_NS)
    day = trading_date(instant_ns)
    return day, new_york_to_utc(day, 0), min(new_york_to_utc(day + 1, 0), _LATEST_NS)


@cache
def _bank_holidays(year: int) -> frozenset[int]:
    """Columbus Day, and Veterans Day, observed on Monday if it is a Sunday."""
    veterans = day_of(year, 11, 11)
    if weekday(veterans) == SUNDAY:
        veterans += 1
    return frozenset((nth_weekday(year, 10, which=MONDAY, n=2), veterans))
