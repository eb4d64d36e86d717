"""Rows of both legs as they stand in a file: every row, whether it can be used or not, with its spelling.

Owns the reading for those who look at all rows (``check``, ``convert``). A backtest's reader hands out usable
rows only and is many times faster.
"""

import csv
import enum
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from arbcore.carry.calendar import read_expiry
from arbcore.carry.pairs import PRICE_COLUMNS, Pair, choose_pair, quote_columns
from arbcore.core._cells import read_price, time_and_zone
from arbcore.core.text import printable
from arbcore.errors import ArbcoreError, DataError, InputError
from arbcore.quotes._legs import PRICE_MAX, PRICE_MIN
from arbcore.quotes.column_legs import (
    batches_of,
    column_of,
    instants,
    kind_of_table,
    listed,
    names_of,
    open_table,
)
from arbcore.quotes.column_shapes import is_columns, shape
from arbcore.quotes.formats import TIMES, Vendor, delimiter_of, fields_of, layout_of, plain
from arbcore.quotes.inputs import Meter
from arbcore.quotes.legs import Reading
from arbcore.quotes.quote_data import QuoteData
from arbcore.quotes.source import open_quotes
from arbcore.quotes.spellings import why_no_number, why_no_time

#: Further columns that mean something to a backtest.
EXTRAS = ("expiry", "factor", "index")
_UNDEFINED = (1.7976931348623157e308, 9223372036.854775807)
_CHUNK_BYTES = 256 * 1024


class RowState(enum.Enum):
    """What a row is good for; the value is the reason by which it is counted."""

    QUOTE = "quote"
    MISSING = "missing"
    CROSSED = "crossed"
    MALFORMED = "malformed"


class PairedRow(NamedTuple):
    """One row. A price that is missing is NaN; ``texts`` are the prices and then the extras as they stood."""

    ts_ns: int
    state: RowState
    prices: tuple[float, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Paired:
    """A file of both legs: its columns, and its rows to be read once.

    ``pair`` is what the columns name, None for fut_… and etf_…; ``extras`` are those of ``EXTRAS`` that there
    are, in the order of the rows' last texts.
    """

    name: str
    pair: Pair | None
    extras: tuple[str, ...]
    rows: Iterator[PairedRow]
    #: Whether times named their zone, or were told it, as soon as there was a row.
    zoned: Callable[[], bool]

    @property
    def columns(self) -> list[str]:
        """What a file of the same rows calls its columns."""
        future, etf = ("fut", "etf") if self.pair is None else (self.pair.future, self.pair.etf)
        prices = [f"{future}_bid", f"{future}_ask", f"{etf}_bid", f"{etf}_ask"]
        return ["ts", *(name.lower() for name in prices), *self.extras]


@contextmanager
def open_paired(data: QuoteData, *, pair: str | None, reading: Reading, meter: Meter) -> Iterator[Paired]:
    """Opens a file of both legs.

    Args:
        data: a path, ``-``, an open file, or columns.
        pair: what fut_… and etf_… are; of named columns it may name the other size.
        reading: of it what times mean, and whether rows that cannot be read are handed out as
            ``MALFORMED`` instead of raised.
        meter: counts what is read.

    Raises:
        InputError: it cannot be opened, or is not a file of both legs.
        UsageError: the pair contradicts the columns.
    """
    kind = None if is_columns(data) else kind_of_table(data)
    if kind is not None or is_columns(data):
        name = "the data" if kind is None else printable(str(data))
        batches = batches_of(data) if kind is None else open_table(data, kind)
        first = next(batches(), None)
        if first is None:
            raise InputError(f"{name} has no rows; name a file with quotes.")
        places = _Places(names_of(first), name, pair)
        rows = _table_rows(batches, places, reading)
        yield Paired(name, places.pair, tuple(places.extras), rows, places.is_zoned(reading))
        return
    with open_quotes(data) as (stream, name, size):
        meter.expect(size)
        shown = printable(name)
        read = partial(meter.read, stream, name=name)
        lines = _Lines(read)
        header = next(lines, "")
        while header and not header.strip("\ufeff \t\r\n"):
            header = next(lines, "")
        if not header:
            raise DataError(
                "empty", f"{shown} is empty: it must begin with a header such as "
                "ts,es_bid,es_ask,spy_bid,spy_ask.",
                line=None, column=None,
            )  # fmt: skip
        header = header.lstrip("\ufeff").rstrip("\r\n")
        delimiter = delimiter_of(header)
        places = _Places(fields_of(header, delimiter), shown, pair, line=lines.count)
        rows = _text_rows(lines, places, delimiter, reading)
        yield Paired(shown, places.pair, tuple(places.extras), rows, places.is_zoned(reading))


class _Lines:
    """The lines of a stream of bytes, with their ends, and how many there were."""

    def __init__(self, read: Callable[[memoryview], int]) -> None:
        self._read = read
        self._room = memoryview(bytearray(_CHUNK_BYTES))
        self._lines: Iterator[str] = iter(())
        self._rest = b""
        self._over = False
        self.count = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        while True:
            line = next(self._lines, None)
            if line is not None:
                self.count += 1
                return line
            if self._over:
                raise StopIteration
            count = self._read(self._room)
            data = self._rest + bytes(self._room[:count])
            self._over = count == 0
            cut = len(data) if self._over else data.rfind(b"\n") + 1
            self._rest = data[cut:]
            self._lines = iter(data[:cut].decode("utf-8", "replace").splitlines(keepends=True))


class _Places:
    """Where the columns are. Raises DataError where one lacks or is twice there."""

    def __init__(
        self, header: Sequence[str], name: str, pair: str | None, *, line: int | None = None
    ) -> None:
        found = quote_columns(header, name=name)
        names = [plain(each) for each in header]
        where = name if line is None else f"{name}, line {line}"
        lacking = [column for column, place in zip(found.names, found.places, strict=True) if place is None]
        if lacking:
            self._refuse_one_leg(header, name, line)
            shown = ", ".join(printable(each, 40) for each in header[:12])
            raise DataError(
                "missing_column",
                f"{where}: there is no column {lacking[0]} in the header ({shown}); a time and both legs' "
                "bid and ask are needed.",
                line=line, column=lacking[0],
            )  # fmt: skip
        self.name, self.line = name, line
        #: Whether a time has named its zone.
        self.zoned = False
        self.prices = [place for place in found.places if place is not None]
        self.clock = None
        times = [each for each in TIMES if each in names]
        if not times:
            raise DataError("missing_column", f"{where}: there is no column ts.", line=line, column="ts")
        self.time = names.index(times[0])
        if "date" in names and "time" in names and times[0] == "time":
            self.time, self.clock = names.index("date"), names.index("time")
        self.extras = {each: names.index(each) for each in EXTRAS if each in names}
        self.pair = _pair(found.pair, pair)
        self.header = list(header)
        self.width = 1 + max(self.time, self.clock or 0, *self.prices, *self.extras.values())

    def is_zoned(self, reading: Reading) -> Callable[[], bool]:
        """What tells whether times had a zone."""
        return lambda: self.zoned or reading.tz is not None

    @staticmethod
    def _refuse_one_leg(header: Sequence[str], name: str, line: int | None) -> None:
        """A file of one instrument, or of trades, is another fault than a missing column."""
        try:
            layout = layout_of(header, name, leg="fut", line=line)
        except DataError:
            return
        if layout.vendor is not Vendor.RECORDED:
            raise InputError(
                f"{name} has the quotes of one instrument ({layout.vendor.value}); join it with the other "
                "one's: arbcore quotes join FUT ETF -o OUT."
            )


def _pair(columns: Pair | None, wanted: str | None) -> Pair | None:
    """The pair of the columns' own names; of fut_… and etf_… the one that was named, if any."""
    if wanted is None:
        return columns
    named = choose_pair(columns, wanted)
    return named if columns is None else columns


def _text_rows(lines: _Lines, places: _Places, delimiter: str, reading: Reading) -> Iterator[PairedRow]:
    first_line = lines.count + 1
    for record in csv.reader(lines, delimiter=delimiter):
        line, first_line = first_line, lines.count + 1
        if not record or (len(record) == 1 and not record[0].strip()):
            continue
        try:
            yield _row_of(record, places, line, reading)
        except DataError:
            if not reading.skip_bad:
                raise
            yield PairedRow(0, RowState.MALFORMED, (), ())


def _row_of(record: Sequence[str], places: _Places, line: int, reading: Reading) -> PairedRow:
    if len(record) < places.width:
        raise DataError(
            "too_few",
            f"{places.name}, line {line}: the row has {len(record)} of the {places.width} fields needed; "
            "complete it or pass --skip-bad.", line=line, column=None,
        )  # fmt: skip
    time = record[places.time].strip()
    if places.clock is not None:
        time = f"{time} {record[places.clock].strip()}"
    day_first = reading.spelling.day_first
    found = time_and_zone(time.encode(), tz=reading.tz, day_first=day_first)
    if isinstance(found, str):
        why = why_no_time(time, tz=reading.tz, day_first=day_first)
        raise _bad_cell("not_a_time", why, time, name=places.name, line=line, column="ts")
    ts_ns, zoned = found
    places.zoned |= zoned
    texts = [record[place].strip() for place in places.prices]
    prices = [
        _price(text, places.name, line, column) for text, column in zip(texts, PRICE_COLUMNS, strict=True)
    ]
    extras = [record[place].strip() for place in places.extras.values()]
    return PairedRow(ts_ns, _state(prices), tuple(prices), (*texts, *extras))


def _price(text: str, name: str, line: int, column: str) -> float:
    value = read_price(text.encode())
    if value is None:
        raise _bad_cell("not_a_number", why_no_number(text), text, name=name, line=line, column=column)
    if value in _UNDEFINED:
        return float("nan")
    if value == value and not PRICE_MIN <= value <= PRICE_MAX:
        wanted = f"is not between {PRICE_MIN:g} and {PRICE_MAX:g}"
        raise _bad_cell("out_of_range", wanted, text, name=name, line=line, column=column)
    return float(value)


def _bad_cell(kind: str, wanted: str, text: str, *, name: str, line: int, column: str) -> DataError:
    return DataError(
        kind,
        f"{name}, line {line}, column {column}: {printable(text, 60)!r} {wanted}; correct it or pass "
        "--skip-bad.",
        line=line, column=column,
    )  # fmt: skip


def _state(prices: Sequence[float]) -> RowState:
    if any(price != price for price in prices):
        return RowState.MISSING
    return RowState.CROSSED if prices[0] > prices[1] or prices[2] > prices[3] else RowState.QUOTE


def _table_rows(
    batches: Callable[[], Iterator[Any]], places: _Places, reading: Reading
) -> Iterator[PairedRow]:
    before = 0
    for batch in batches():
        times = shape(column_of(batch, places.header[places.time], places.time), "ts", reading.spelling)
        moments = instants(times, reading.tz)
        places.zoned |= not times.wall
        prices = [shape(column_of(batch, places.header[place], place), "bid") for place in places.prices]
        extras = [
            [_cell_text(cell) for cell in listed(column_of(batch, places.header[place], place))]
            for place in places.extras.values()
        ]
        values = [
            each.values if memoryview(each.values).format == "d" else array("d", each.values)
            for each in prices
        ]
        for at, ts_ns in enumerate(moments):
            bad = [each.faults is not None and each.faults[at] == 2 for each in (times, *prices)]
            if any(bad) or ts_ns is None:
                column = ("ts", *PRICE_COLUMNS)[bad.index(True)] if any(bad) else "ts"
                if not reading.skip_bad:
                    raise DataError(
                        "malformed", f"{places.name}, row {before + at + 1}, column {column}: the cell "
                        "cannot be read; correct it or pass --skip-bad.", line=before + at + 1, column=column,
                    )  # fmt: skip
                yield PairedRow(0, RowState.MALFORMED, (), ())
                continue
            row = tuple(
                _number(own[at], each.faults is not None and each.faults[at] == 1)
                for own, each in zip(values, prices, strict=True)
            )
            texts = tuple("" if price != price else repr(price) for price in row)
            yield PairedRow(ts_ns, _state(row), row, (*texts, *(each[at] for each in extras)))
        before += len(moments)


def _number(value: float, missing: bool) -> float:
    if missing or not 0 < value <= PRICE_MAX or value in _UNDEFINED:
        return float("nan")
    return float(value)


def _cell_text(cell: Any) -> str:
    if cell is None or cell != cell:
        return ""
    return str(cell.isoformat()) if hasattr(cell, "isoformat") else str(cell)


class Expiries:
    """The instants of an ``expiry`` column's cells, each spelling read once."""

    def __init__(self) -> None:
        self._found: dict[str, int | None] = {}

    def __call__(self, text: str) -> int | None:
        """None where it is not a date, time or contract."""
        if text not in self._found:
            try:
                self._found[text] = read_expiry(text)
            except ArbcoreError:
                self._found[text] = None
        return self._found[text]
