"""The periods of a run's P&L: dates, or equal blocks of rows if there are few dates."""

from bisect import bisect_right
from collections.abc import Callable

#: With at least this many UTC dates a period is a date; else it is one of this many blocks.
DATES_MIN, BLOCKS = 40, 48
DAY_NS = 86_400 * 10**9


def period_ends(count: int, ts_ns: Callable[[int], int]) -> list[int]:
    """The last row of each of a run's periods; ``ts_ns`` returns the time of a row. Empty below 48 rows.

    >>> period_ends(96, lambda at: at)[:2]
    [1, 3]
    """
    if count == 0:
        return []
    ends, at = [], 0
    while at < count:
        begun = ts_ns(at) // DAY_NS
        # Finds the first row of a later date by bisection.
        after = bisect_right(range(at, count), begun, key=lambda row: ts_ns(row) // DAY_NS) + at
        ends.append(after - 1)
        at = after
    if len(ends) >= DATES_MIN:
        return ends
    return [(block + 1) * count // BLOCKS - 1 for block in range(BLOCKS)] if count >= BLOCKS else []
