"""Shell: reads the index on a few rows, from a file whose ``index`` column a run does not use.

A run with its own level does not read the index, but the index gives the rate at which the market finances.
So the data is read a second time for a few rows; this costs time only for files with such a column.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from arbcore.carry._row_source import RowSource
from arbcore.errors import DataError
from arbcore.quotes.quote_data import QuoteData
from arbcore.quotes.reading import Read, ReadOptions, read_into
from arbcore.quotes.source import is_read_again
from arbcore.research._sweep_rows import SweepRows

_BATCH_ROWS = 16_384

#: The values of a decided row, from ``RowValues.decided_ends``.
Decided = Mapping[str, float]


def true_factors(
    data: QuoteData, rows: Sequence[Decided | None], *, read: Read, options: ReadOptions
) -> tuple[float | None, ...]:
    """The index over the ETF's mid on some rows, in points per USD; None if it is not known.

    Args:
        data: the data of the run; a stream that cannot be read again gives None.
        rows: the rows to find; None for a row that does not exist.
        read: the result of the first reading.
        options: the options of the first reading.

    Returns:
        One value per row. All are None if the data has no ``index`` column or it only counts the rows.
    """
    unknown = (None,) * len(rows)
    if read.unused != "index" or not is_read_again(data) or not any(rows):
        return unknown
    wanted = _Wanted([(int(row["ts_ns"]), row["etf_mid"]) if row else None for row in rows])
    try:
        # A row whose index is not a number is skipped.
        read_into(wanted, data, options=replace(options, use_factor=True, skip_bad=True))
    except DataError:
        return unknown
    return tuple(wanted.found)


@dataclass
class _Row:
    """A row to find."""

    ts_ns: int
    etf_mid: float


class _Wanted:
    """Takes rows as a backtest does, and stores the factor of a few."""

    def __init__(self, rows: Sequence[tuple[int, float] | None]) -> None:
        self._rows = [None if row is None else _Row(*row) for row in rows]
        self._batch = SweepRows()
        self.found: list[float | None] = [None] * len(rows)

    def feed(self, source: RowSource) -> None:
        """Searches all rows of the source."""
        batch = self._batch
        while batch.refill(source, _BATCH_ROWS):
            for place, row in enumerate(self._rows):
                if row is None or self.found[place] is not None:
                    continue
                for at in range(batch.place_after(row.ts_ns - 1), batch.place_after(row.ts_ns)):
                    if batch.etf_mid(at) == row.etf_mid:
                        self.found[place] = batch.factor(at)

    def feed_row(
        self, ts_ns: int, _fut_bid: float, _fut_ask: float, etf_bid: float, etf_ask: float, *,
        factor: float | None, expiry_ns: int | None,
    ) -> None:  # fmt: skip
        """Checks one row, for data that is sorted first."""
        for place, row in enumerate(self._rows):
            if row is not None and row == _Row(ts_ns, (etf_bid + etf_ask) / 2):
                self.found[place] = factor
