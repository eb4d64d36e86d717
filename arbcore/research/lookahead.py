"""Checks that a backtest does not look ahead: cutting the data must change nothing before the cut.

Owns where the data is cut and what is compared: ledger, equity and the first level. Two runs of the same
backtest go over the same rows. The first takes them batch by batch; the second stops at each cut and has seen
nothing after it. Up to the cut both must have the same results, although the first has seen more. The check
takes the time of two runs and the memory of one batch, for data of any length.

The equity of the last row before a cut is not compared: it becomes final with the next row, because a roll
closes there.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from arbcore.carry._row_source import RowSource
from arbcore.carry._values import RowValues
from arbcore.core.civil import iso_time
from arbcore.core.ledger_columns import LEDGER_NAMES, LedgerRow
from arbcore.core.result_documents import LookaheadDocument
from arbcore.research._ledger import Ledger
from arbcore.research._sweep_rows import SweepRows

#: The most rows that the first run may be ahead of the second.
BATCH_ROWS = 16_384
#: The data is cut after each of this many first rows.
EVERY_ROW_BELOW = 200
#: Cuts per batch: at random rows, and around entries and exits.
RANDOM_CUTS, TRADE_CUTS = 4, 8


class CutRun(Protocol):
    """A run over rows that returns its trades and equity since the last call, as ``Backtest`` does."""

    @property
    def values(self) -> RowValues: ...
    def feed_memory(self, rows: SweepRows) -> None: ...
    def take_trades(self) -> Ledger: ...
    def take_equity(self) -> "tuple[array[int], array[float]]": ...


@dataclass(frozen=True)
class Verdict:
    """The number of cuts tried, and the first difference as a part of a sentence."""

    cuts: int
    difference: str | None

    @property
    def document(self) -> LookaheadDocument:
        return {"cuts": self.cuts, "ok": self.difference is None, "difference": self.difference}

    @property
    def sentence(self) -> str:
        if self.difference is not None:
            return f"Lookahead: {self.difference}."
        return f"Lookahead check: cutting the data at {self.cuts:,} places changed nothing before them."


class LookaheadCheck:
    """Feeds the same rows to two runs of a backtest: ``whole``, whose results count, and ``cut``.

    Both must store their trades and equity; this object returns them. Single rows wait for ``flush``.
    """

    def __init__(self, whole: CutRun, cut: CutRun, *, contracts: int, seed: int = 1) -> None:
        self._whole, self._cut = whole, cut
        self._random = Random(seed)
        self._batch = SweepRows()
        self._contracts = contracts
        self._done = self._cuts = 0
        self._difference: str | None = None
        # Results of the first run that are not compared with the second yet.
        self._trades: list[LedgerRow] = []
        self._times, self._equity = array("q"), array("d")
        self._agreed_trades = self._agreed_rows = 0
        self._taken = Ledger(contracts)
        self._taken_times, self._taken_equity = array("q"), array("d")

    def feed(self, source: RowSource) -> None:
        """Runs over all rows of the source."""
        while self._batch.refill(source, BATCH_ROWS):
            self._go(self._batch)

    def feed_memory(self, rows: SweepRows) -> None:
        """Runs over rows in memory, batch by batch."""
        for first in range(0, rows.count, BATCH_ROWS):
            self._go(rows.window(first, min(first + BATCH_ROWS, rows.count)))

    def feed_row(
        self,
        ts_ns: int,
        *prices: float,
        factor: float | None,
        expiry_ns: int | None,
    ) -> None:
        """Adds one row with its four prices, not earlier than the last one."""
        es_bid, es_ask, spy_bid, spy_ask = prices
        self._batch.feed_row(ts_ns, es_bid, es_ask, spy_bid, spy_ask, factor=factor, expiry_ns=expiry_ns)
        if self._batch.count == BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Runs over the rows that were added one by one."""
        if self._batch.count:
            self._go(self._batch)
        self._batch = SweepRows()

    def take_trades(self) -> Ledger:
        """Returns the trades of the whole run since the last call."""
        taken = self._taken
        self._taken = Ledger(self._contracts, taken.first_id + len(taken))
        return taken

    def take_equity(self) -> "tuple[array[int], array[float]]":
        """Returns the equity of the whole run since the last call, as ``Backtest.take_equity``."""
        taken = self._taken_times, self._taken_equity
        self._taken_times, self._taken_equity = array("q"), array("d")
        return taken

    def collect(self) -> Ledger:
        """Takes the whole run's results since its last call; returns the trades."""
        closed = self._whole.take_trades()
        self._taken.extend(closed)
        times, values = self._whole.take_equity()
        self._taken_times.extend(times)
        self._taken_equity.extend(values)
        self._times.extend(times)
        self._equity.extend(values)
        return closed

    def verdict(self) -> Verdict:
        """Returns the number of cuts tried, up to the first difference."""
        return Verdict(self._cuts, self._difference)

    def _go(self, rows: SweepRows) -> None:
        self._whole.feed_memory(rows)
        closed = list(self.collect())
        self._trades += closed
        first = 0
        for cut in [*self._places(rows, closed), rows.count] if self._difference is None else []:
            self._cut.feed_memory(rows.window(first, cut))
            self._cuts += self._difference is None and cut < rows.count
            self._difference = self._difference or self._compare(rows, cut)
            first = cut
        self._done += rows.count
        # Equal results are no longer needed; after a difference none are.
        if self._difference is not None:
            self._agreed_trades, self._agreed_rows = len(self._trades), len(self._equity)
        del self._trades[: self._agreed_trades]
        del self._times[: self._agreed_rows]
        del self._equity[: self._agreed_rows]
        self._agreed_trades = self._agreed_rows = 0

    def _places(self, rows: SweepRows, closed: Sequence[LedgerRow]) -> list[int]:
        """The number of rows of a batch before each cut, in order."""
        count = rows.count
        cuts = set(range(1, max(0, min(count, EVERY_ROW_BELOW - self._done))))
        if count > 1:
            cuts |= {self._random.randrange(1, count) for _ in range(RANDOM_CUTS)}
        step = max(1, 2 * len(closed) // TRADE_CUTS)
        for instant_ns in [each for trade in closed for each in (trade.entry_ts, trade.exit_ts)][::step]:
            after = rows.place_after(instant_ns)
            cuts |= {after - 1, after}
        return sorted(cut for cut in cuts if 0 < cut < count)

    def _compare(self, rows: SweepRows, cut: int) -> str | None:
        """The difference of the run up to a cut, as a part of a sentence; None if there is none."""
        where = f"with the data cut after usable row {self._done + cut:,} ({iso_time(rows.ts_ns(cut - 1))})"
        factor, other = self._cut.values.level_ends()[0], self._whole.values.level_ends()[0]
        if factor is not None and factor != other:
            return f"{where}, the first level is {factor!r} and not {other!r}"
        for trade in self._cut.take_trades():
            if self._agreed_trades == len(self._trades):
                return f"{where}, there is a trade {trade.trade_id:,} that the whole data does not make"
            expected = self._trades[self._agreed_trades]
            if trade != expected:
                entered, what = iso_time(trade.entry_ts), different(trade, expected)
                return f"{where}, trade {trade.trade_id:,}, entered {entered}, has {what}"
            self._agreed_trades += 1
        # The cut run may lack a trade only if a row after the cut closed it.
        if self._agreed_trades < len(self._trades):
            missing = self._trades[self._agreed_trades]
            if missing.exit_ts < rows.ts_ns(cut - 1):
                return f"{where}, trade {missing.trade_id:,}, closed {iso_time(missing.exit_ts)}, is missing"
        return self._compare_equity(where)

    def _compare_equity(self, where: str) -> str | None:
        times, mine = self._cut.take_equity()
        agreed = self._agreed_rows
        self._agreed_rows += len(mine)
        expected = self._equity[agreed : self._agreed_rows]
        if mine.tobytes() == expected.tobytes() and times == self._times[agreed : self._agreed_rows]:
            return None
        at = next(
            (at for at in range(len(mine)) if mine[at : at + 1].tobytes() != expected[at : at + 1].tobytes()),
            0,
        )
        row = (
            f"an earlier row ({iso_time(self._times[agreed + at])})"
            if agreed + at < len(self._times)
            else "a row"
        )
        shown = repr(expected[at]) if at < len(expected) else "missing"
        return f"{where}, the equity of {row} is {mine[at]!r} and not {shown}"


def different(trade: LedgerRow, expected: LedgerRow) -> str:
    """The columns in which two trades differ, in words."""
    pairs = [(name, getattr(trade, name), getattr(expected, name)) for name in LEDGER_NAMES]
    return ", ".join(f"{name} {found!r} and not {due!r}" for name, found, due in pairs if found != due)
