"""The digest of a run's trades for a page, in memory that does not grow with their number.

Owns the first and the last trades, the sums of every month, and the distribution of P&L per trade. It must
not know how they are shown.
"""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from arbcore.core.civil import NS_PER_DAY, date_of
from arbcore.core.ledger_columns import LedgerRow

#: How many trades are kept at the beginning, and how many at the end.
KEPT = 50
_BINS_MAX = 4096
_ROUND = (1, 2, 5)


@dataclass
class Month:
    """The trades that were closed in one month (UTC), in USD."""

    trades: int = 0
    wins: int = 0
    gross_pnl: float = 0.0
    cost: float = 0.0
    financing: float = 0.0
    dividends: float = 0.0
    net_pnl: float = 0.0


class Distribution:
    """A histogram with bins of one width; the width grows tenfold when there are too many bins."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._cents = 1

    def add(self, value: float) -> None:
        """Counts one value in USD."""
        at = math.floor(value * 100.0) // self._cents
        self._counts[at] = self._counts.get(at, 0) + 1
        while len(self._counts) > _BINS_MAX:
            self._cents *= 10
            coarser: dict[int, int] = {}
            for fine, count in self._counts.items():
                coarser[fine // 10] = coarser.get(fine // 10, 0) + count
            self._counts = coarser

    def bins(self) -> list[tuple[float, float, int]]:
        """Returns (from, to, count) of bins of one round width, with an edge at 0; empty without values.

        The number of bins is about twice the square root of the number of values, from 8 to 36.
        """
        if not self._counts:
            return []
        at_most = max(8, min(36, round(2 * math.sqrt(sum(self._counts.values())))))
        low, high = min(self._counts), max(self._counts)
        width = 1
        while high // width - low // width >= at_most:
            # Widths of 1, 2, 5, 10, 20, 50, ... finest bins.
            leading = int(str(width)[0])
            width = width // leading * (_ROUND[_ROUND.index(leading) + 1] if leading < 5 else 10)
        counts = [0] * (high // width - low // width + 1)
        for fine, count in self._counts.items():
            counts[fine // width - low // width] += count
        usd = width * self._cents / 100
        first = low // width
        return [((first + at) * usd, (first + at + 1) * usd, count) for at, count in enumerate(counts)]


class LedgerDigest:
    """The digest of a ledger's rows, which it takes in order."""

    def __init__(self, kept: int = KEPT) -> None:
        self.kept = kept
        self.count = 0
        self.first: list[LedgerRow] = []
        self._last: deque[LedgerRow] = deque(maxlen=kept)
        self.months: dict[tuple[int, int], Month] = {}
        self.nets = Distribution()
        self.best = -math.inf
        self.worst = math.inf

    @property
    def last(self) -> list[LedgerRow]:
        """Returns the last trades, without those that are also among the first."""
        return list(self._last)

    @property
    def left_out(self) -> int:
        """The number of trades that are neither among the first nor the last."""
        return self.count - len(self.first) - len(self._last)

    def take(self, rows: Iterable[LedgerRow]) -> None:
        """Adds further trades."""
        for row in rows:
            self.count += 1
            (self.first if len(self.first) < self.kept else self._last).append(row)
            net = row.net_pnl
            year, month, _ = date_of(row.exit_ts // NS_PER_DAY)
            sums = self.months.get((year, month))
            if sums is None:
                sums = self.months[year, month] = Month()
            sums.trades += 1
            sums.wins += net > 0
            sums.gross_pnl += row.gross_pnl
            sums.cost += row.cost
            sums.financing += row.financing
            sums.dividends += row.dividends
            sums.net_pnl += net
            self.nets.add(net)
            self.best = max(self.best, net)
            self.worst = min(self.worst, net)
