"""Sharpe, Sortino and Calmar of daily equity. It knows nothing of trades and rows."""

import math
from collections.abc import Sequence

#: Fewer dates say nothing of a spread.
DATES_MIN = 20


def daily_statistics(closes: Sequence[float], drawdown: float) -> dict[str, float | None]:
    """From the changes of each UTC date's last equity, the first from 0.

    None where one is not defined, and below 20 dates.
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
