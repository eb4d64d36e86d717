"""Shell: the index that stands beside some rows, in a file whose ``index`` column a run does not use.

A run with a level of its own reads no index, and yet the index tells the rate at which the market finances.
So the data is read once more for a few rows; only files with such a column pay for it.
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

#: What is known of a decided row, as ``RowValues.decided_ends`` has it.
Decided = Mapping[str, float]


def true_factors(
    data: QuoteData, rows: Sequence[Decided | None], *, read: Read, options: ReadOptions
) -> tuple[float | None, ...]:
    """The index over the ETF's mid at some rows, in points per USD; None where it is not known.

    Args:
        data: what was read; from a stream that cannot be read again nothing is known.
        rows: those asked for, None for one that is none.
        read: how the first reading went.
        options: of the first reading.

    Returns:
        One a row. All are None where the data has no ``index`` column or it only counts the rows.
    """
    unknown = (None,) * len(rows)
    if read.unused != "index" or not is_read_again(data) or not any(rows):
        return unknown
    wanted = _Wanted([(int(row["ts_ns"]), row["etf_mid"]) if row else None for row in rows])
    try:
        # A row whose index is not a number is passed over.
        read_into(wanted, data, options=replace(options, use_factor=True, skip_bad=True))
    except DataError:
        return unknown
    return tuple(wanted.found)


@dataclass
class _Row:
    """A row that is looked for."""

    ts_ns: int
    etf_mid: float


class _Wanted:
    """Takes rows as a backtest does and keeps the factor of a few."""

    def __init__(self, rows: Sequence[tuple[int, float] | None]) -> None:
        self._rows = [None if row is None else _Row(*row) for row in rows]
        self._batch = SweepRows()
        self.found: list[float | None] = [None] * len(rows)

    def feed(self, source: RowSource) -> None:
        """Looks through every row that the source has."""
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
        """Looks at one row of those that had to be sorted first."""
        for place, row in enumerate(self._rows):
            if row is not None and row == _Row(ts_ns, (etf_bid + etf_ask) / 2):
                self.found[place] = factor
