"""Shell: reads rows of quotes, from wherever they are, into whoever takes them.

Owns the choice of source. How text becomes rows is the reader's, what is made of the rows the taker's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from arbcore.carry._backtest import Backtest
from arbcore.carry._columns import ColumnReader
from arbcore.carry._csv import CsvReader
from arbcore.carry._sweep_rows import SweepRows
from arbcore.carry.calendar import read_expiry
from arbcore.carry.columns import batches_into, is_columns
from arbcore.carry.source import chunks_into, open_quotes
from arbcore.carry.tables import open_table


@dataclass(frozen=True)
class Read:
    """How reading went: data rows in all, those skipped by reason, whether they had an expiry column."""

    rows: int
    skipped: dict[str, int]
    has_expiry: bool


def read_into(
    kernel: Backtest | SweepRows,
    data: Any,
    *,
    sort: bool,
    skip_bad: bool,
    after_chunk: Callable[[], None] | None = None,
    progress: Callable[[int, int | None, int], None] | None = None,
) -> Read:
    """Feeds all rows of the data to whoever takes them, in order of time."""
    if is_columns(data):
        return _read_columns(kernel, data, sort=sort, skip_bad=skip_bad, after_chunk=after_chunk)
    with open_table(data) as (table, name):
        if table is not None:
            return _read_columns(
                kernel, table, sort=sort, skip_bad=skip_bad, after_chunk=after_chunk, name=name
            )
    held: list[tuple[Any, ...]] = []
    with open_quotes(data) as (stream, name, size):
        reader = CsvReader(name, expiry_of=read_expiry, skip_bad=skip_bad, ordered=not sort)

        for done in chunks_into(stream, reader):
            if sort:
                held.extend(reader.take(2**62))
            else:
                kernel.feed(reader)
            if after_chunk is not None:
                after_chunk()
            if progress is not None:
                progress(done, size, reader.rows)
    _feed_sorted(kernel, held)
    return Read(reader.rows, reader.skipped, reader.has_expiry)


def _read_columns(
    kernel: Backtest | SweepRows,
    data: Any,
    *,
    sort: bool,
    skip_bad: bool,
    after_chunk: Callable[[], None] | None,
    name: str = "",
) -> Read:
    """Feeds columns, by the rules of the rows of a file."""
    reader = ColumnReader(name, expiry_of=read_expiry, skip_bad=skip_bad, ordered=not sort)
    held: list[tuple[Any, ...]] = []
    for _ in batches_into(data, reader, name or "the data"):
        if sort:
            held.extend(reader.take(2**62))
            continue
        kernel.feed(reader)
        if after_chunk is not None:
            after_chunk()
    _feed_sorted(kernel, held)
    return Read(reader.rows, reader.skipped, reader.has_expiry)


def _feed_sorted(kernel: Backtest | SweepRows, rows: list[tuple[Any, ...]]) -> None:
    for row in sorted(rows, key=lambda row: row[0]):
        kernel.feed_row(*row[:5], factor=row[5], expiry_ns=row[6])
