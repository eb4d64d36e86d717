"""Shell: the rows of a file of quotes, in the backtest's format and by its reader, for a replay.

Rows that a backtest would skip are skipped here too; what is wrong with the file is the reader's to say.
"""

from collections.abc import Iterator, Sequence

from arbcore.carry.calendar import read_expiry
from arbcore.carry.pairs import Pair, choose_pair, pair_named
from arbcore.errors import DataError
from arbcore.gateway.quote_source import RecordedRow, Row, recorded
from arbcore.quotes._csv import CsvReader
from arbcore.quotes.quote_data import QuoteData
from arbcore.quotes.source import ReadsInto, chunks_into, open_quotes

#: A recording has no sizes; these never leave an order of a sensible bot unfilled, as no backtest does.
FUT_SIZE, ETF_SIZE = 5_000.0, 2_000_000.0
# What the reader advises a backtest besides correcting the row; nobody can pass it to a replay.
_NOT_HERE = " or pass --skip-bad"


def replay(
    source: QuoteData, *, pair: str | None = None, expiry_ns: int | None = None, fut_size: float = FUT_SIZE,
    etf_size: float = ETF_SIZE,
) -> Iterator[Row]:
    """The rows of a path, ``-`` or an open file, read as they are asked for.

    Args:
        source: where they are.
        pair: whose quotes they are, where the columns do not say it; or the other size of the future.
        expiry_ns: whose the future's quotes are, where rows do not say it.
        fut_size: the size of the future's touch, in contracts.
        etf_size: the size of the ETF's, in shares.

    Raises:
        InputError: it cannot be opened.
        UsageError: nobody says the pair, or the columns say another.
        DataError: at a bad row, when that is reached.
    """
    with open_quotes(source) as (stream, name, _):
        reader = CsvReader(name, expiry_of=read_expiry)
        chosen: Pair | None = None
        for rows in _taken(stream, reader):
            if chosen is None:
                chosen = choose_pair(None if reader.pair is None else pair_named(reader.pair), pair)
            yield from recorded(
                rows, pair=chosen, expiry_ns=expiry_ns, fut_size=fut_size, etf_size=etf_size
            )


def _taken(stream: ReadsInto, reader: CsvReader) -> Iterator[Sequence[RecordedRow]]:
    try:
        for _ in chunks_into(stream, reader):
            while rows := reader.take():
                yield rows
    except DataError as error:
        text = str(error).replace(_NOT_HERE, "")
        raise DataError(error.kind, text, line=error.line, column=error.column) from None
