"""New York's date at an instant, which is the desk's day."""

from arbcore.carry.calendar import trading_date
from arbcore.carry.civil import new_york_to_utc


def day_of(utc_ns: int) -> tuple[int, int, int]:
    """New York's date at an instant, and the instants at which it begins and ends."""
    day = trading_date(utc_ns)
    return day, new_york_to_utc(day, 0), new_york_to_utc(day + 1, 0)
