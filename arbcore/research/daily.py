"""Sharpe, Sortino and Calmar of daily equity. It knows nothing of trades and rows."""

import math
from collections.abc import Sequence

#: The fewest dates for these statistics; with fewer, a standard deviation means little.
DATES_MIN = 20


def daily_statistics(closes: Sequence[float], drawdown: float) -> dict[str, float | None]:
    """Sharpe, Sortino and Calmar of the daily changes of equity, with the last value of each date.

    The first date's change is from 0. A ratio that is not defined is None; below 20 dates all are None.
    """
    changes = [after - before for before, after in zip([0.0, *closes], closes, strict=False)]
    found: dict[str, float | None] = {"sharpe": None, "sortino": None, "calmar": None}
    if len(changes) < DATES_MIN:
        return found
    mean = math.fsum(changes) / len(changes)
    spread = math.sqrt(math.fsum([(x - mean) * (x - mean) for x in changes]) / (len(changes) - 1))
    falls = [x for x in changes if x < 0]
    if spread > 0:
        found["sharpe"] = mean / spread * math.sqrt(252)
    if falls:
        fallen = math.sqrt(math.fsum([x * x for x in falls]) / len(falls))
        found["sortino"] = mean / fallen * math.sqrt(252)
    if drawdown > 0:
        found["calmar"] = mean * 252 / drawdown
    return found
