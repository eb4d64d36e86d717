"""Shell: the rows of a file of quotes, in the backtest's format and by its reader, for a replay.

Rows that a backtest would skip are skipped here too; what is wrong with the file is the reader's to say.
"""

from collections.abc import Iterator
from typing import Any

from arbcore.carry.calendar import read_expiry
from arbcore.errors import DataError
from arbcore.gateway.quote_source import RecordedRow, Row, recorded
from arbcore.quotes._csv import CsvReader
from arbcore.quotes.source import chunks_into, open_quotes

#: A recording has no sizes; these never leave an order of a sensible bot unfilled, as no backtest does.
ES_SIZE, SPY_SIZE = 5_000.0, 2_000_000.0
# What the reader advises a backtest besides correcting the row; nobody can pass it to a replay.
_NOT_HERE = " or pass --skip-bad"


def replay(
    source: Any, *, expiry_ns: int | None = None, es_size: float = ES_SIZE, spy_size: float = SPY_SIZE
) -> Iterator[Row]:
    """The rows of a path, ``-`` or an open file, read as they are asked for.

    Raises InputError where it cannot be opened and DataError at a bad row, when that is reached.
    """
    return recorded(_rows(source), expiry_ns=expiry_ns, es_size=es_size, spy_size=spy_size)


def _rows(source: Any) -> Iterator[RecordedRow]:
    with open_quotes(source) as (stream, name, _):
        reader = CsvReader(name, expiry_of=read_expiry)
        try:
            for _ in chunks_into(stream, reader):
                while rows := reader.take():
                    yield from rows
        except DataError as error:
            text = str(error).replace(_NOT_HERE, "")
            raise DataError(error.kind, text, line=error.line, column=error.column) from None
