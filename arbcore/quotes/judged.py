"""Shell: single runs over rows in memory for what is judged of them: trades, totals, and one row later.

Owns what a sweep's winner and a walk-forward's tests hand to ``carry.evidence``. The runs are the kernel's.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from arbcore.carry.evidence import backtest_evidence
from arbcore.quotes.backtest_run import expiries_of, one_row_later
from arbcore.research._backtest import Backtest
from arbcore.research._sweep_rows import SweepRows
from arbcore.research.findings import MissingDividends
from arbcore.research.periods import period_ends
from arbcore.research.research_settings import BacktestSettings


@dataclass
class Judged:
    """Runs added up: the nets of their trades in USD, the totals, and the equity of every row where kept.

    ``outliers`` are rows that stand alone, ``missing`` the notes of trades over ex-dates that only a yield
    knows of.
    """

    nets: "array[float]" = field(default_factory=lambda: array("d"))
    total_pnl: float = 0.0
    delayed_pnl: float = 0.0
    outliers: int = 0
    missing: list[str] = field(default_factory=list)
    times_ns: "array[int]" = field(default_factory=lambda: array("q"))
    equity: "array[float]" = field(default_factory=lambda: array("d"))

    def add(
        self, rows: SweepRows, settings: BacktestSettings, *, expiry_ns: int | None, keep_equity: bool = False
    ) -> Backtest:
        """Runs settings over rows, and once more with every fill one row later; the first of both runs."""
        common: dict[str, Any] = {"expiries_ns": expiries_of(expiry_ns), "fixed": expiry_ns is not None}
        later = Backtest(one_row_later(settings), **common)
        kernel = Backtest(settings, keep_trades=True, keep_equity=keep_equity, beside=later, **common)
        kernel.feed_memory(rows)
        kernel.end()
        missing, found = MissingDividends(settings), kernel.summary()
        closed = kernel.take_trades()
        self.nets.extend(closed.nets())
        missing.take(closed)
        missing.add_open(kernel.open_position_document(), found["last_ns"])
        before = self.total_pnl
        self.total_pnl += found["total_pnl"]
        self.delayed_pnl += later.summary()["total_pnl"]
        self.outliers += kernel.values.outliers
        note = missing.note()
        self.missing += [] if note is None else [note]
        if keep_equity:
            times, equity = kernel.take_equity()
            self.times_ns.extend(times)
            self.equity.extend(before + each for each in equity)
        return kernel

    def evidence(self) -> dict[str, object]:
        """What a backtest of these runs one after the other says of the future."""
        return backtest_evidence(
            self.nets,
            self._periods(),
            total_pnl=self.total_pnl,
            delayed_pnl=self.delayed_pnl,
            outliers=self.outliers,
            missing_dividends=bool(self.missing),
        )

    def _periods(self) -> Sequence[float]:
        """P&L by UTC date or by block of rows; interest and dividends count where a trade ends."""
        ends = [self.equity[at] for at in period_ends(len(self.times_ns), self.times_ns.__getitem__)]
        return [after - before for before, after in zip([0.0, *ends], ends, strict=False)]
