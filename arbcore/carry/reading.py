"""Shell: reads rows of quotes, from wherever they are, into whoever takes them.

Owns the choice of source. How text becomes rows is the reader's, what is made of the rows the taker's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from arbcore.carry._backtest import Backtest
from arbcore.carry._cells import read_ts
from arbcore.carry._csv import PRICE_MAX, PRICE_MIN, REQUIRED, CsvReader
from arbcore.carry._sweep_rows import SweepRows
from arbcore.carry.ahead import AHEAD_AFTER_BYTES, rows_ahead
from arbcore.carry.calendar import read_expiry
from arbcore.carry.source import chunks_into, is_file, open_quotes
from arbcore.errors import DataError


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
    threads: int = 1,
    after_chunk: Callable[[], None] | None = None,
    progress: Callable[[int, int | None, int], None] | None = None,
) -> Read:
    """Feeds all rows of the data to whoever takes them, in order of time.

    With 2 ``threads`` a file named by its path is read ahead, where the taker is a backtest.
    """
    if isinstance(data, Mapping) or hasattr(data, "columns"):
        rows, skipped = _read_columns(kernel, data, sort=sort, skip_bad=skip_bad)
        return Read(rows, skipped, False)
    held: list[tuple[Any, ...]] = []
    with open_quotes(data) as (stream, name, size):
        reader = CsvReader(name, expiry_of=read_expiry, skip_bad=skip_bad, ordered=not sort)

        def taken(done: int) -> None:
            if after_chunk is not None:
                after_chunk()
            if progress is not None:
                progress(done, size, reader.rows)

        chunks = chunks_into(stream, reader)
        # Whoever waits in a pipe cannot be told to stop, so only files are read in a thread.
        ahead = threads > 1 and isinstance(kernel, Backtest) and not sort and is_file(data)
        for done in chunks:
            if sort:
                held.extend(reader.take(2**62))
            else:
                kernel.feed(reader)
            taken(done)
            if ahead and done >= AHEAD_AFTER_BYTES:
                break
        else:
            ahead = False
        if isinstance(kernel, Backtest) and ahead:
            for piece, done in rows_ahead(chunks, reader):
                kernel.feed_memory(piece)
                taken(done)
    for row in sorted(held, key=lambda row: row[0]):
        kernel.feed_row(*row[:5], factor=row[5], expiry_ns=row[6])
    return Read(reader.rows, reader.skipped, reader.has_expiry)


def _read_columns(
    kernel: Backtest | SweepRows, data: Any, *, sort: bool, skip_bad: bool
) -> tuple[int, dict[str, int]]:
    """Feeds columns, by the rules of the rows of a file."""
    names = {str(name).lower(): name for name in (data if isinstance(data, Mapping) else data.columns)}
    for name in REQUIRED:
        if name not in names:
            raise DataError(
                "missing_column", f"There is no column {name} in the data.", line=None, column=name
            )
    columns = [_plain_list(data[names[name]]) for name in REQUIRED]
    lengths = {len(column) for column in columns}
    if len(lengths) != 1:
        raise DataError("too_few", "The columns are not of one length.", line=None, column=None)
    skipped = {"missing": 0, "crossed": 0, "malformed": 0}
    rows: list[tuple[Any, ...]] = []
    last_ns = None
    for number, (ts, *cells) in enumerate(zip(*columns, strict=True), 1):
        try:
            ts_ns = _ts_of(ts, number)
            prices = [_price_of(cell, name, number) for cell, name in zip(cells, REQUIRED[1:], strict=True)]
        except DataError:
            if not skip_bad:
                raise
            skipped["malformed"] += 1
            continue
        if not sort and last_ns is not None and ts_ns < last_ns:
            raise DataError(
                "order", f"Row {number}: time goes back; pass sort=True.", line=number, column="ts"
            )
        last_ns = ts_ns
        if None in prices:
            skipped["missing"] += 1
        elif prices[0] > prices[1] or prices[2] > prices[3]:  # type: ignore[operator]
            skipped["crossed"] += 1
        else:
            rows.append((ts_ns, *prices))
    for row in sorted(rows, key=lambda row: row[0]) if sort else rows:
        kernel.feed_row(*row)
    return len(columns[0]), skipped


def _plain_list(column: Any) -> list[Any]:
    dtype = str(getattr(column, "dtype", ""))
    if dtype.startswith("datetime64"):
        array_of = getattr(column, "to_numpy", lambda: column)()
        return list(array_of.astype("datetime64[ns]").astype("int64").tolist())
    return list(column.tolist() if hasattr(column, "tolist") else column)


def _ts_of(ts: Any, number: int) -> int:
    text = ts if isinstance(ts, str) else ts.isoformat() if hasattr(ts, "isoformat") else str(ts)
    ts_ns = read_ts(text.strip().encode())
    if ts_ns is None:
        raise DataError(
            "not_a_time", f"Row {number}, column ts: {ts!r} is not a time.", line=number, column="ts"
        )
    return ts_ns


def _price_of(cell: Any, name: str, number: int) -> float | None:
    """None where it is missing."""
    if cell is None:
        return None
    try:
        price = float(cell)
    except (TypeError, ValueError) as error:
        sentence = f"Row {number}, column {name}: {cell!r} is not a number."
        raise DataError("not_a_number", sentence, line=number, column=name) from error
    if not 0 < price < float("inf"):
        return None
    if not PRICE_MIN <= price <= PRICE_MAX:
        sentence = f"Row {number}, column {name}: {cell!r} is no price."
        raise DataError("out_of_range", sentence, line=number, column=name)
    return price
