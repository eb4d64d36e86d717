"""Shell: single runs over rows in memory, to judge them: trades, totals, and the P&L with later fills.

Owns the numbers of a sweep's winner and of a walk-forward's tests for ``carry.evidence``; ``Backtest`` runs.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from arbcore.carry.evidence import PRINT_ROWS_MAX, Late, backtest_evidence
from arbcore.quotes.backtest_run import expiries_of, later
from arbcore.research._backtest import Backtest
from arbcore.research._sweep_rows import SweepRows
from arbcore.research.findings import MissingDividends
from arbcore.research.periods import period_ends
from arbcore.research.research_settings import BacktestSettings


@dataclass
class Judged:
    """The sum of several runs: the nets of their trades in USD, the totals, and each row's equity if kept.

    ``rows`` counts the usable rows, ``outliers`` those that stand alone. ``missing`` are the notes about
    trades over ex-dates whose dividends are known only from a yield.
    """

    nets: "array[float]" = field(default_factory=lambda: array("d"))
    total_pnl: float = 0.0
    rows: int = 0
    outliers: int = 0
    missing: list[str] = field(default_factory=list)
    times_ns: "array[int]" = field(default_factory=lambda: array("q"))
    equity: "array[float]" = field(default_factory=lambda: array("d"))
    _delayed_pnl: float = 0.0
    _after_print_pnl: float = 0.0
    _after_print_nets: "array[float]" = field(default_factory=lambda: array("d"))

    def add(
        self, rows: SweepRows, settings: BacktestSettings, *, expiry_ns: int | None, keep_equity: bool = False
    ) -> Backtest:
        """Runs the settings over the rows, and again with later fills; returns the first of these runs."""
        common: dict[str, Any] = {"expiries_ns": expiries_of(expiry_ns), "fixed": expiry_ns is not None}
        after_print = Backtest(later(settings, PRINT_ROWS_MAX), keep_trades=True, **common)
        delayed = Backtest(later(settings, 1), beside=after_print, **common)
        kernel = Backtest(settings, keep_trades=True, keep_equity=keep_equity, beside=delayed, **common)
        kernel.feed_memory(rows)
        kernel.end()
        missing, found = MissingDividends(settings), kernel.summary()
        closed = kernel.take_trades()
        self.nets.extend(closed.nets())
        missing.take(closed)
        missing.add_open(kernel.open_position_document(), found["last_ns"])
        before = self.total_pnl
        self.total_pnl += found["total_pnl"]
        self._delayed_pnl += delayed.summary()["total_pnl"]
        self._after_print_pnl += after_print.summary()["total_pnl"]
        self._after_print_nets.extend(after_print.take_trades().nets())
        self.rows += rows.count
        self.outliers += kernel.values.outliers
        note = missing.note()
        self.missing += [] if note is None else [note]
        if keep_equity:
            times, equity = kernel.take_equity()
            self.times_ns.extend(times)
            self.equity.extend(before + each for each in equity)
        return kernel

    @property
    def late(self) -> Late:
        """The results of the runs with every fill later."""
        return Late(self._delayed_pnl, self._after_print_pnl, self._after_print_nets)

    def evidence(self) -> dict[str, object]:
        """The evidence of a backtest that consists of these runs one after the other."""
        return backtest_evidence(
            self.nets,
            self._periods(),
            total_pnl=self.total_pnl,
            late=self.late,
            rows=self.rows,
            outliers=self.outliers,
            missing_dividends=bool(self.missing),
        )

    def _periods(self) -> Sequence[float]:
        """P&L by UTC date or by block of rows; interest and dividends count at the end of a trade."""
        ends = [self.equity[at] for at in period_ends(len(self.times_ns), self.times_ns.__getitem__)]
        return [after - before for before, after in zip([0.0, *ends], ends, strict=False)]
