"""All rows of both legs in a file, usable or not, with the text of their prices.

Owns the reading for ``check`` and ``convert``, which need all rows, in blocks of columns. A row that is not a
plain quote is read by itself. A backtest's reader returns usable rows only and is faster.
"""

import csv
import enum
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat
from typing import Any, TypeVar

from arbcore.carry.calendar import read_expiry
from arbcore.carry.pairs import Pair, choose_pair, pair_named
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
from arbcore.quotes.column_names import CLOCK, OPTIONAL, REQUIRED, resolve
from arbcore.quotes.column_shapes import is_columns, shape
from arbcore.quotes.formats import Vendor, delimiter_of, fields_of, layout_of, plain
from arbcore.quotes.inputs import Meter
from arbcore.quotes.legs import Reading
from arbcore.quotes.quote_data import QuoteData
from arbcore.quotes.source import open_quotes
from arbcore.quotes.spellings import why_no_number, why_no_time

_UNDEFINED = (1.7976931348623157e308, 9223372036.854775807)
#: A price between PRICE_MIN and this is valid without further checks.
_PLAIN_MAX = 1e9
_CHUNK_BYTES = 32 * 1024
#: The most rows of a block.
BLOCK_ROWS = 8_192
Cell = TypeVar("Cell")


class RowState(enum.Enum):
    """Whether a row can be used; the value is the reason by which it is counted."""

    QUOTE = "quote"
    MISSING = "missing"
    CROSSED = "crossed"
    MALFORMED = "malformed"


@dataclass(slots=True)
class PairedBlock:
    """Successive rows as columns. Malformed rows are only counted, all after the rows of the block.

    A missing price is NaN. ``states`` is None if every row is a quote. ``spelled`` are the texts of the
    prices in the file; None if they were never text.
    """

    times: list[int]
    prices: list[list[float]]
    extras: list[list[str]]
    states: list[RowState] | None = None
    spelled: list[list[bytes]] | None = None
    malformed: int = 0

    def texts(self) -> list[list[bytes]]:
        """The texts of the four prices: those of the file, or the numbers as text."""
        if self.spelled is not None:
            return self.spelled
        return [[b"" if each != each else repr(each).encode() for each in column] for column in self.prices]

    def taken(self, places: Sequence[int]) -> "PairedBlock":
        """The rows at these places, in the order of the places."""
        return PairedBlock(
            _picked(self.times, places), [_picked(each, places) for each in self.prices],
            [_picked(each, places) for each in self.extras],
            None if self.states is None else _picked(self.states, places),
            None if self.spelled is None else [_picked(each, places) for each in self.spelled],
        )  # fmt: skip

    def cut(self, first: int, beyond: int) -> "PairedBlock":
        """The rows from ``first`` up to but not including ``beyond``."""
        if first == 0 and beyond == len(self.times):
            return self
        return PairedBlock(
            self.times[first:beyond], [each[first:beyond] for each in self.prices],
            [each[first:beyond] for each in self.extras],
            None if self.states is None else self.states[first:beyond],
            None if self.spelled is None else [each[first:beyond] for each in self.spelled],
        )  # fmt: skip


def _picked(column: Sequence[Cell], places: Sequence[int]) -> list[Cell]:
    return [column[at] for at in places]


def joined_blocks(blocks: Iterable[PairedBlock]) -> PairedBlock:
    """All rows of several blocks as one block."""
    held = list(blocks)
    spelled = [each.spelled for each in held if each.spelled is not None]
    whole = PairedBlock(
        list(chain.from_iterable(each.times for each in held)), _columns_of(each.prices for each in held),
        _columns_of(each.extras for each in held), malformed=sum(each.malformed for each in held),
    )  # fmt: skip
    if spelled:
        whole.spelled = _columns_of(spelled)
    if any(each.states is not None for each in held):
        whole.states = [
            state for each in held for state in each.states or repeat(RowState.QUOTE, len(each.times))
        ]
    return whole


def sorted_blocks(blocks: Iterable[PairedBlock]) -> Iterator[PairedBlock]:
    """All rows in order of time, at the same time in file order; malformed ones are counted at the end."""
    whole = joined_blocks(blocks)
    order = sorted(range(len(whole.times)), key=whole.times.__getitem__)
    for first in range(0, len(order), BLOCK_ROWS):
        yield whole.taken(order[first : first + BLOCK_ROWS])
    yield PairedBlock([], [], [], malformed=whole.malformed)


def _columns_of(blocks: Iterable[list[list[Cell]]]) -> list[list[Cell]]:
    return [list(chain.from_iterable(parts)) for parts in zip(*blocks, strict=True)]


@dataclass(frozen=True)
class Paired:
    """A file of both legs: its columns, and its rows, which can be read once.

    ``pair`` is what the columns name, None for fut_… and etf_…; ``extras`` are those of ``OPTIONAL`` that
    there are, in the order of the blocks' last texts.
    """

    name: str
    pair: Pair | None
    extras: tuple[str, ...]
    blocks: Iterator[PairedBlock]
    #: Whether times had a zone, or the settings gave one; known after the first row.
    zoned: Callable[[], bool]

    @property
    def columns(self) -> list[str]:
        """The column names of a file of the same rows."""
        future, etf = ("fut", "etf") if self.pair is None else (self.pair.future, self.pair.etf)
        prices = [f"{future}_bid", f"{future}_ask", f"{etf}_bid", f"{etf}_ask"]
        return ["ts", *(name.lower() for name in prices), *self.extras]


@contextmanager
def open_paired(data: QuoteData, *, pair: str | None, reading: Reading, meter: Meter) -> Iterator[Paired]:
    """Opens a file of both legs.

    Args:
        data: a path, ``-``, an open file, or columns.
        pair: the pair of fut_… and etf_…; for columns with symbols it may name the other size.
        reading: gives the meaning of times, and whether rows that cannot be read are returned as
            ``MALFORMED`` instead of raising an error.
        meter: counts the bytes read.

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
        blocks = _table_blocks(batches, places, reading)
        yield Paired(name, places.pair, tuple(places.extras), blocks, places.is_zoned(reading))
        return
    with open_quotes(data) as (stream, name, size):
        meter.expect(size)
        shown = printable(name)
        read = partial(meter.read, stream, name=name)
        pieces = _pieces(read)
        count, header, rest = _header_of(pieces)
        if not header:
            raise DataError(
                "empty", f"{shown} is empty: it must begin with a header such as "
                "ts,es_bid,es_ask,spy_bid,spy_ask.",
                line=None, column=None,
            )  # fmt: skip
        delimiter = delimiter_of(header)
        places = _Places(fields_of(header, delimiter), shown, pair, line=count)
        records = _records(chain((rest,), pieces), delimiter, count + 1, shown)
        blocks = (block for each in records for block in _block_of(*each, places, reading))
        yield Paired(shown, places.pair, tuple(places.extras), blocks, places.is_zoned(reading))


def _pieces(read: Callable[[memoryview], int]) -> Iterator[bytes]:
    """Reads a stream of bytes in pieces of whole lines."""
    room, rest, over = memoryview(bytearray(_CHUNK_BYTES)), b"", False
    while not over:
        count = read(room)
        data = rest + bytes(room[:count])
        over = count == 0
        cut = len(data) if over else data.rfind(b"\n") + 1
        rest = data[cut:]
        if cut:
            yield data[:cut]


def _header_of(pieces: Iterator[bytes]) -> tuple[int, str, bytes]:
    """(its line number, the first line that is not blank, the rest of its piece)."""
    line = 0
    for piece in pieces:
        lines = piece.splitlines(keepends=True)
        for at, each in enumerate(lines):
            line += 1
            header = each.decode("utf-8", "replace").lstrip("\ufeff").rstrip("\r\n")
            if header.strip():
                return line, header, b"".join(lines[at + 1 :])
    return line, "", b""


def _records(
    pieces: Iterator[bytes], delimiter: str, line: int, name: str
) -> Iterator[tuple[list[list[bytes]], Sequence[int]]]:
    """The cells of each record and the line it begins on, one piece of the stream at a time.

    Until the first quotation mark a record is a line, and its cells are the texts between the delimiters.
    From the first mark on the ``csv`` module reads, which takes three times as long.
    """
    mark = delimiter.encode()
    for piece in pieces:
        if b'"' in piece:
            yield from _quoted_records(chain((piece,), pieces), delimiter, line, name)
            return
        lines = piece.splitlines()
        numbers: Sequence[int] = range(line, line + len(lines))
        line += len(lines)
        if not all(map(bytes.strip, lines)):
            numbers = [number for number, each in zip(numbers, lines, strict=True) if each.strip()]
            lines = [each for each in lines if each.strip()]
        if lines:
            yield [each.split(mark) for each in lines], numbers


def _quoted_records(
    pieces: Iterator[bytes], delimiter: str, line: int, name: str
) -> Iterator[tuple[list[list[bytes]], Sequence[int]]]:
    texts = (piece.decode("utf-8", "replace").splitlines(keepends=True) for piece in pieces)
    reader = csv.reader(chain.from_iterable(texts), delimiter=delimiter)
    before = line
    records: list[list[bytes]] = []
    numbers: list[int] = []
    try:
        for record in reader:
            if len(record) > 1 or (record and record[0].strip()):
                records.append(list(map(str.encode, record)))
                numbers.append(line)
                if len(records) == BLOCK_ROWS:
                    yield records, numbers
                    records, numbers = [], []
            line = before + reader.line_num
    except csv.Error as error:
        raise DataError(
            "too_long", f"{name}, line {line}: the row cannot be read ({error}); a quote that is opened "
            "there is never closed.",
            line=line, column=None,
        ) from error  # fmt: skip
    if records:
        yield records, numbers


class _Places:
    """The places of the columns. Raises DataError if one is missing or comes twice."""

    def __init__(
        self, header: Sequence[str], name: str, pair: str | None, *, line: int | None = None
    ) -> None:
        where = name if line is None else f"{name}, line {line}"
        try:
            found = resolve(header, where=where, line=line, use_factor=False)
        except DataError as error:
            if error.kind == "missing_column":
                self._refuse_one_leg(header, name, line)
            raise
        self.name, self.line = name, line
        #: Whether any time had a zone.
        self.zoned = False
        self.prices = [found.places[role] for role in REQUIRED[1:]]
        self.time, self.clock = found.places["ts"], found.places.get(CLOCK)
        names = [plain(each) for each in header]
        self.extras = {each: names.index(each) for each in OPTIONAL if each in names}
        self.pair = _pair(None if found.pair is None else pair_named(found.pair), pair)
        self.header = list(header)
        #: The file's names of the time and the prices, for errors.
        self.titles = [printable(header[place].strip(), 40) for place in (self.time, *self.prices)]
        self.width = 1 + max(self.time, self.clock or 0, *self.prices, *self.extras.values())

    def is_zoned(self, reading: Reading) -> Callable[[], bool]:
        """A function that returns whether times had a zone."""
        return lambda: self.zoned or reading.tz is not None

    @staticmethod
    def _refuse_one_leg(header: Sequence[str], name: str, line: int | None) -> None:
        """Raises another error than a missing column for a file of one instrument or of trades."""
        try:
            layout = layout_of(header, name, leg="fut", line=line)
        except DataError:
            return
        if layout.vendor is Vendor.IB_BARS:
            raise InputError(
                f"{name} has bars of one instrument; bars of BID_ASK are joined with the other one's "
                "(arbcore quotes join FUT ETF -o OUT), and bars of trades have no quotes."
            )
        if layout.vendor is not Vendor.RECORDED:
            raise InputError(
                f"{name} has the quotes of one instrument ({layout.vendor.value}); join it with the other "
                "one's: arbcore quotes join FUT ETF -o OUT."
            )


def _pair(columns: Pair | None, wanted: str | None) -> Pair | None:
    """The pair of the columns' names; for fut_… and etf_… the named pair, if any."""
    if wanted is None:
        return columns
    named = choose_pair(columns, wanted)
    return named if columns is None else columns


def _block_of(
    records: list[list[bytes]], lines: Sequence[int], places: _Places, reading: Reading
) -> Iterator[PairedBlock]:
    """Converts records to columns; records that are not plain quotes are read one by one."""
    whole = records
    if min(map(len, records)) < places.width:
        short = [b""] * places.width
        whole = [record if len(record) >= places.width else short for record in records]
    cells = list(zip(*whole, strict=False))  # as many columns as the shortest record has
    time = list(map(bytes.strip, cells[places.time]))
    if places.clock is not None:
        time = list(map(b"%b %b".__mod__, zip(time, map(bytes.strip, cells[places.clock]), strict=True)))
    read = time_and_zone
    if reading.tz is not None or reading.spelling.day_first:
        read = partial(time_and_zone, tz=reading.tz, day_first=reading.spelling.day_first)
    found = list(map(read, time))
    spelled = [list(map(bytes.strip, cells[place])) for place in places.prices]
    extras = [[_text_of(cell) for cell in cells[place]] for place in places.extras.values()]
    prices: list[list[Any]] = [list(map(read_price, column)) for column in spelled]
    odd = [
        at
        for at, (moment, fut_bid, fut_ask, etf_bid, etf_ask) in enumerate(zip(found, *prices, strict=True))
        if moment.__class__ is str
        or fut_bid is None or fut_ask is None or etf_bid is None or etf_ask is None
        or not PRICE_MIN <= fut_bid <= fut_ask < _PLAIN_MAX
        or not PRICE_MIN <= etf_bid <= etf_ask < _PLAIN_MAX
    ]  # fmt: skip
    states: list[RowState] | None = None
    dropped: list[int] = []
    if odd:
        states = [RowState.QUOTE] * len(records)
        for at in odd:
            try:
                found[at], states[at], row = _row_of(records[at], places, lines[at], reading)
            except DataError:
                if not reading.skip_bad:
                    raise
                found[at], row = (0, False), [0.0] * 4
                dropped.append(at)
            for column, price in zip(prices, row, strict=True):
                column[at] = price
    times, zones = (list(each) for each in zip(*found, strict=True))
    places.zoned |= any(zones)
    yield from _without(PairedBlock(times, prices, extras, states, spelled), dropped)


def _text_of(cell: bytes) -> str:
    return cell.decode("utf-8", "replace").strip()


def _without(block: PairedBlock, dropped: Sequence[int]) -> Iterator[PairedBlock]:
    """Yields a block in pieces; each malformed row is counted after the rows before it."""
    first = 0
    for at in dropped:
        piece = block.cut(first, at)
        piece.malformed += 1
        yield piece
        first = at + 1
    if first < len(block.times):
        yield block.cut(first, len(block.times))


def _row_of(
    record: Sequence[bytes], places: _Places, line: int, reading: Reading
) -> tuple[tuple[int, bool], RowState, list[float]]:
    """((time, whether it has a zone), state, prices) of one record. Raises DataError."""
    if len(record) < places.width:
        raise DataError(
            "too_few",
            f"{places.name}, line {line}: the row has {len(record)} of the {places.width} fields needed; "
            "complete it or pass --skip-bad.", line=line, column=None,
        )  # fmt: skip
    time = _text_of(record[places.time])
    if places.clock is not None:
        time = f"{time} {_text_of(record[places.clock])}"
    day_first = reading.spelling.day_first
    found = time_and_zone(time.encode(), tz=reading.tz, day_first=day_first)
    if isinstance(found, str):
        why = why_no_time(time, tz=reading.tz, day_first=day_first)
        raise _bad_cell("not_a_time", why, time, name=places.name, line=line, column=places.titles[0])
    prices = [
        _price(_text_of(record[place]), places.name, line, column)
        for place, column in zip(places.prices, places.titles[1:], strict=True)
    ]
    return found, _state(prices), prices


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


def _table_blocks(
    batches: Callable[[], Iterator[Any]], places: _Places, reading: Reading
) -> Iterator[PairedBlock]:
    before = 0
    for batch in batches():
        times = shape(column_of(batch, places.header[places.time], places.time), "ts", reading.spelling)
        moments = instants(times, reading.tz)
        places.zoned |= not times.wall
        shaped = [shape(column_of(batch, places.header[place], place), "bid") for place in places.prices]
        extras = [
            [_cell_text(cell) for cell in listed(column_of(batch, places.header[place], place))]
            for place in places.extras.values()
        ]
        prices = [_floats(each) for each in shaped]
        bad = sorted({
            *(at for at, ts_ns in enumerate(moments) if ts_ns is None),
            *(at for each in (times, *shaped) for at, fault in enumerate(each.faults or b"") if fault == 2),
        })  # fmt: skip
        if bad and not reading.skip_bad:
            at = bad[0]
            faults = [each.faults is not None and each.faults[at] == 2 for each in (times, *shaped)]
            column = places.titles[faults.index(True) if any(faults) else 0]
            raise DataError(
                "malformed", f"{places.name}, row {before + at + 1}, column {column}: the cell cannot be "
                "read; correct it or pass --skip-bad.", line=before + at + 1, column=column,
            )  # fmt: skip
        for first in range(0, len(moments), BLOCK_ROWS):
            beyond = min(first + BLOCK_ROWS, len(moments))
            own = [column[first:beyond] for column in prices]
            states = [_state(row) for row in zip(*own, strict=True)]
            block = PairedBlock(
                [0 if ts_ns is None else ts_ns for ts_ns in moments[first:beyond]], own,
                [column[first:beyond] for column in extras],
                None if states.count(RowState.QUOTE) == len(states) else states,
            )  # fmt: skip
            yield from _without(block, [at - first for at in bad if first <= at < beyond])
        before += len(moments)


def _floats(column: Any) -> list[float]:
    """The prices of a shaped column; NaN for a cell that is not a price."""
    values = column.values if memoryview(column.values).format == "d" else array("d", column.values)
    if column.faults is None:
        return [_number(value, False) for value in values]
    return [_number(value, fault == 1) for value, fault in zip(values, column.faults, strict=True)]


def _number(value: float, missing: bool) -> float:
    if missing or not 0 < value <= PRICE_MAX or value in _UNDEFINED:
        return float("nan")
    return float(value)


def _cell_text(cell: Any) -> str:
    if cell is None or cell != cell:
        return ""
    return str(cell.isoformat()) if hasattr(cell, "isoformat") else str(cell)


class Expiries:
    """The instants of an ``expiry`` column's cells; each text is read only once."""

    def __init__(self) -> None:
        self._found: dict[str, int | None] = {}

    def __call__(self, text: str) -> int | None:
        """The instant; None if the text is not a date, a time or a contract."""
        if text not in self._found:
            try:
                self._found[text] = read_expiry(text)
            except ArbcoreError:
                self._found[text] = None
        return self._found[text]
