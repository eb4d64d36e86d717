"""Shell: reads rows of quotes from a file, a stream or columns, and feeds them to an object that takes rows.

Owns the choice of source. The reader turns text into rows, and the taker decides what to do with them.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from arbcore.carry._row_source import RowSource
from arbcore.carry.calendar import read_expiry
from arbcore.core.text import printable
from arbcore.core.zones import check_order, check_zone
from arbcore.errors import ConfigError, DataError, UsageError
from arbcore.quotes._columns import ColumnReader
from arbcore.quotes._csv import CsvReader
from arbcore.quotes.column_shapes import Spelling, batches_into, is_columns
from arbcore.quotes.quote_data import QuoteData
from arbcore.quotes.source import chunks_into, is_read_again, open_quotes
from arbcore.quotes.tables import open_table


class Taker(Protocol):
    """An object that takes rows: from a source, or one by one."""

    def feed(self, source: RowSource) -> None: ...
    @property
    def feed_row(self) -> Callable[..., None]:
        """Takes a time, four prices, and by keyword ``factor`` and ``expiry_ns``."""


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How quotes are read.

    Attributes:
        sort: Sort the rows by time first, in memory; without it times that decrease are an error.
        skip_bad: Count malformed rows and continue; without it the first one is an error.
        tz: The zone of a time without one (a name of ``zones.ZONE_HOURS``); None is UTC.
        time_order: ``mdy`` or ``dmy``, the order of a date such as 03/02/2026.
        use_factor: Take each row's factor from the ``factor`` or ``index`` column.

    Raises ConfigError for an invalid value.
    """

    sort: bool = False
    skip_bad: bool = False
    tz: str | None = None
    time_order: str = "mdy"
    use_factor: bool = False

    def __post_init__(self) -> None:
        for name in ("sort", "skip_bad", "use_factor"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(
                    f"{name} is {printable(repr(getattr(self, name)))}; it may be True or False."
                )
        object.__setattr__(self, "tz", check_zone(self.tz))
        check_order(self.time_order)

    @property
    def spelling(self) -> Spelling:
        """How times in text are read."""
        return Spelling(self.tz, self.time_order == "dmy")


@dataclass(frozen=True)
class Read:
    """The result of reading: the number of data rows, those skipped by reason, and facts about the columns.

    ``pair`` is the pair of the columns' names, ``unused`` a factor or index column that the options do not
    use, ``notes`` are sentences for people about the reading.
    """

    rows: int
    skipped: dict[str, int]
    has_expiry: bool
    pair: str | None
    unused: str | None
    notes: tuple[str, ...]


def read_into(
    kernel: Taker,
    data: QuoteData,
    *,
    options: ReadOptions,
    after_chunk: Callable[[], None] | None = None,
    progress: Callable[[int, int | None, int], None] | None = None,
) -> Read:
    """Feeds all rows of the data to a taker, in order of time.

    Raises DataError for a bad row and for data without a row, InputError for data that cannot be read,
    UsageError for an object that is not data.
    """
    if is_columns(data):
        return _read_columns(kernel, data, options=options, after_chunk=after_chunk)
    if not isinstance(data, str | os.PathLike) and not hasattr(data, "read"):
        shown = printable(repr(data), 60)
        raise UsageError(f"The data is {shown}; give a path, an open binary file, or columns by name.")
    with open_table(data) as (table, name):
        if table is not None:
            return _read_columns(kernel, table, options=options, after_chunk=after_chunk, name=name)
    held: list[tuple[Any, ...]] = []
    with open_quotes(data) as (stream, name, size):
        reader = CsvReader(
            name,
            expiry_of=_expiry_of(options.spelling),
            skip_bad=options.skip_bad,
            ordered=not options.sort,
            tz=options.tz,
            day_first=options.spelling.day_first,
            use_factor=options.use_factor,
        )
        for done in chunks_into(stream, reader):
            if options.sort:
                held.extend(reader.take(2**62))
            else:
                kernel.feed(reader)
            if after_chunk is not None:
                after_chunk()
            if progress is not None:
                progress(done, size, reader.rows)
    _feed_sorted(kernel, held)
    return _read_of(reader, name, options, once=not is_read_again(data))


def _expiry_of(spelling: Spelling) -> Callable[[str], int]:
    return partial(read_expiry, tz=spelling.tz, day_first=spelling.day_first)


def _read_columns(
    kernel: Taker,
    data: Any,
    *,
    options: ReadOptions,
    after_chunk: Callable[[], None] | None,
    name: str = "",
) -> Read:
    """Feeds columns, with the row rules of a file."""
    reader = ColumnReader(
        name,
        expiry_of=_expiry_of(options.spelling),
        skip_bad=options.skip_bad,
        ordered=not options.sort,
        tz=options.tz,
        day_first=options.spelling.day_first,
    )
    held: list[tuple[Any, ...]] = []
    where = name or "the data"
    for _ in batches_into(data, reader, where, use_factor=options.use_factor, spelling=options.spelling):
        if options.sort:
            held.extend(reader.take(2**62))
            continue
        kernel.feed(reader)
        if after_chunk is not None:
            after_chunk()
    _feed_sorted(kernel, held)
    return _read_of(reader, name or "The data", options, once=False)


def _read_of(reader: RowSource, name: str, options: ReadOptions, *, once: bool) -> Read:
    """The result of reading; ``once`` marks a stream, which cannot be read again."""
    if reader.rows == 0:
        raise DataError("empty", f"{name} has no rows below its header.", line=None, column=None)
    notes = []
    if reader.unused is not None:
        notes.append(
            f"The column {reader.unused} was not used; --factor column takes each row's factor from it."
        )
    if once and reader.unused == "index":
        notes.append(
            "A stream is read once, so that its column index does not tell the financing that the level "
            "implies; name the file, or give --true-factor."
        )
    if not reader.zoned and options.tz is None:
        notes.append(
            "No time names its zone, and all were taken as UTC; say what they mean with --tz, such as "
            "--tz America/New_York."
        )
    return Read(
        reader.rows, reader.skipped, reader.has_expiry, reader.pair, reader.unused, tuple(notes)
    )


def _feed_sorted(kernel: Taker, rows: list[tuple[Any, ...]]) -> None:
    for row in sorted(rows, key=lambda row: row[0]):
        kernel.feed_row(*row[:5], factor=row[5], expiry_ns=row[6])
