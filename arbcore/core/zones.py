"""The time zones of quotes: UTC, and those of the exchanges in New York and Chicago.

Owns their names and their hours behind UTC in winter. Summer time follows New York's rule (``civil``);
Chicago changes its clock on the same days at the same local hour.
"""

from arbcore.core.text import printable
from arbcore.errors import ConfigError

#: Hours behind UTC in winter, by name.
ZONE_HOURS = {
    "UTC": 0,
    "GMT": 0,
    "US/Eastern": 5,
    "America/New_York": 5,
    "US/Central": 6,
    "America/Chicago": 6,
}
#: The accepted orders of day and month in a date such as 03/02/2026.
TIME_ORDERS = ("mdy", "dmy")


def check_zone(name: object) -> str | None:
    """The zone with a name in any case; None for None. ConfigError for an unknown name."""
    if name is None:
        return None
    for known in ZONE_HOURS:
        if isinstance(name, str) and name.lower() == known.lower():
            return known
    shown = printable(name if isinstance(name, str) else repr(name))
    raise ConfigError(f"tz is {shown}; it may be {', '.join(ZONE_HOURS)}.")


def check_order(order: object) -> str:
    """Returns the order of day and month. ConfigError if it is neither of the two."""
    if isinstance(order, str) and order in TIME_ORDERS:
        return order
    shown = printable(order if isinstance(order, str) else repr(order))
    raise ConfigError(f"time_order is {shown}; it may be {' or '.join(TIME_ORDERS)}.")
