"""Shell: reads the rows of a file of quotes for a replay, with the backtest's format and reader.

It skips the rows that a backtest skips; the reader reports errors in the file.
"""

from collections.abc import Iterator, Sequence

from arbcore.carry.calendar import read_expiry
from arbcore.carry.pairs import Pair, choose_pair, pair_named
from arbcore.errors import DataError
from arbcore.gateway.quote_source import RecordedRow, Row, recorded
from arbcore.quotes._csv import CsvReader
from arbcore.quotes.quote_data import QuoteData
from arbcore.quotes.source import ReadsInto, chunks_into, open_quotes

#: A recording has no sizes; these fill every order of a sensible bot, as a backtest does.
FUT_SIZE, ETF_SIZE = 5_000.0, 2_000_000.0
# A part of the reader's advice that applies to a backtest only; a replay has no such option.
_NOT_HERE = " or pass --skip-bad"


def replay(
    source: QuoteData, *, pair: str | None = None, expiry_ns: int | None = None, fut_size: float = FUT_SIZE,
    etf_size: float = ETF_SIZE,
) -> Iterator[Row]:
    """The rows of a path, ``-`` or an open file, read one after the other on demand.

    Args:
        source: a path, ``-`` or an open file.
        pair: the quoted pair, if the columns do not name it; or the pair with the other size of the future.
        expiry_ns: the expiry of the quoted future, if rows do not have it.
        fut_size: the size of the future's touch, in contracts.
        etf_size: the size of the ETF's touch, in shares.

    Raises:
        InputError: the file cannot be opened.
        UsageError: neither ``pair`` nor the columns name the pair, or the columns name another.
        DataError: at a bad row, when it is reached.
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
