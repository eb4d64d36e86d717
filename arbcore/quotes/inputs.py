"""Opens the quotes of one instrument: a file, a folder of files, standard input, columns in memory.

Owns the choice of reader, the first pass over files that need one (contracts, bars), and the notes about an
input. ``formats`` reads headers, ``_legs`` reads the rows.
"""

import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from arbcore.core.civil import NS_PER_DAY, iso_date
from arbcore.core.text import printable
from arbcore.errors import DataError, InputError
from arbcore.quotes import dbn
from arbcore.quotes._csv_leg import CHUNK_BYTES, CsvLeg
from arbcore.quotes._legs import LegSource, MergedLeg, SortedLeg
from arbcore.quotes.column_legs import (
    ColumnRows,
    batches_of,
    columns_leg,
    contract_columns,
    kind_of_table,
    open_table,
)
from arbcore.quotes.column_shapes import is_columns
from arbcore.quotes.formats import NEEDS_QUOTES, Layout, Vendor, delimiter_of, fields_of, layout_of
from arbcore.quotes.input_contracts import Contracts
from arbcore.quotes.legs import Leg, Reading, averages_note, commonest, roll
from arbcore.quotes.quote_data import QuoteData
from arbcore.quotes.source import ReadsInto, is_file, open_quotes, read_some
from arbcore.quotes.spans import date_around
from arbcore.quotes.symbols import code_in_name

#: Called during the work with: bytes read, bytes in total if known, rows written.
ProgressHook = Callable[[int, int | None, int], None]

_HEADER_BYTES_MAX = 64 * 1024


class Meter:
    """Counts the bytes read over all inputs and passes; the total is None if it is not known.

    ``progress`` is called from time to time with (bytes read, total bytes or None, rows written).
    """

    def __init__(self, progress: ProgressHook | None = None) -> None:
        self._progress = progress
        self.done = 0
        self.total: int | None = 0
        #: Rows written so far; the writer sets it.
        self.rows = 0

    def expect(self, size: int | None) -> None:
        """Adds ``size`` bytes to the total."""
        self.total = None if size is None or self.total is None else self.total + size

    def read(self, stream: ReadsInto, room: memoryview, name: str) -> int:
        """Reads into ``room`` and counts the bytes."""
        count = read_some(stream, room, name)
        self.count(count)
        return count

    def count(self, size: int) -> None:
        """Counts ``size`` bytes as read."""
        self.done += size
        if self._progress is not None:
            self._progress(self.done, self.total, self.rows)


def open_leg(stack: ExitStack, data: QuoteData, *, leg: str, reading: Reading, meter: Meter) -> Leg:
    """Opens one input until ``stack`` is closed.

    Args:
        stack: closes the opened files.
        data: a path, a folder, ``-``, an open file, or columns.
        leg: ``fut`` or ``etf``.
        reading: how it is read.
        meter: counts the bytes read.

    Raises:
        InputError: the input is missing, unreadable, of trades, or of several products.
    """
    if is_columns(data):
        name = "the future's data" if leg == "fut" else "the ETF's data"
        return columns_leg(batches_of(data), name, leg=leg, reading=reading)
    if data != "-" and not hasattr(data, "read") and os.path.isdir(cast("str", data)):
        return _folder(stack, Path(cast("str", data)), leg=leg, reading=reading, meter=meter)
    kind = kind_of_table(data)
    if kind is not None:
        return columns_leg(open_table(data, kind), printable(str(data)), leg=leg, reading=reading)
    if dbn.is_dbn(data):
        meter.expect(Path(data).stat().st_size)
        return dbn.dbn_leg([Path(data)], printable(str(data)), leg=leg, reading=reading, counted=meter.count)
    return _csv(stack, _Source(data, meter), leg=leg, reading=reading)


class _Source:
    """Bytes that can be read again from the beginning: a path, or a copy of a stream."""

    def __init__(self, data: QuoteData, meter: Meter) -> None:
        self._data = data
        self._meter = meter
        self._spool: Any = None

    @property
    def can_reopen(self) -> bool:
        return is_file(self._data) or self._spool is not None

    def spool(self, stack: ExitStack) -> None:
        """Keeps a copy of a stream, on disk if it is large."""
        if self.can_reopen:
            return
        self._spool = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=2**24))  # noqa: SIM115
        with open_quotes(self._data) as (stream, self._name, _):
            room = memoryview(bytearray(CHUNK_BYTES))
            while count := read_some(stream, room, self._name):
                self._spool.write(room[:count])

    @contextmanager
    def opened(self) -> Any:
        """Returns (function that reads into a buffer, name)."""
        if self._spool is not None:
            self._spool.seek(0)
            yield partial(self._meter.read, _Readable(self._spool), name=self._name), self._name
            return
        with open_quotes(self._data) as (stream, name, size):
            self._meter.expect(size)
            yield partial(self._meter.read, stream, name=name), name


class _Readable:
    """A spooled file with ``readinto``; the standard one has it only from Python 3.11 on."""

    def __init__(self, spool: Any) -> None:
        self._spool = spool

    def readinto(self, room: memoryview) -> int:
        data = self._spool.read(len(room))
        room[: len(data)] = data
        return len(data)


@dataclass(frozen=True)
class _Header:
    layout: Layout
    delimiter: str
    rest: bytes
    line: int
    over: bool


def _header(read: Callable[[memoryview], int], name: str, leg: str) -> _Header:
    """Reads up to the end of the header line. Raises DataError if there is none."""
    data = b""
    room = memoryview(bytearray(CHUNK_BYTES))
    count, line = -1, 1
    while True:
        text = data.removeprefix(b"\xef\xbb\xbf")
        # Blank lines before the header count as lines.
        body = text.lstrip(b" \t\r\n")
        ends = [at for at in (body.find(b"\n"), body.find(b"\r")) if at >= 0]
        if (ends and len(data) >= 3) or count == 0 or len(data) > _HEADER_BYTES_MAX:
            break
        count = read(room)
        data += bytes(room[:count])
    if not body:
        raise DataError(
            "empty",
            f"{name} is empty: it must begin with a header such as ts,bid,ask.",
            line=None,
            column=None,
        )
    line += text[: len(text) - len(body)].count(b"\n")
    end = min(ends, default=len(body))
    shown = body[:end].decode("utf-8", "replace")
    if "\0" in shown:
        raise InputError(f"{name} is not text; name a CSV, Parquet, Arrow or DBN file of quotes.")
    rest = body[end:]
    rest = rest.removeprefix(b"\r\n") if rest.startswith(b"\r\n") else rest[1:]
    delimiter = delimiter_of(shown)
    layout = layout_of(fields_of(shown, delimiter), name, leg=leg, line=line)
    return _Header(layout, delimiter, rest, line + 1, count == 0)


def _reader(read: Callable[[memoryview], int], name: str, header: _Header, *, places: dict[str, int],
            reading: Reading, **more: Any) -> CsvLeg:  # fmt: skip
    return CsvLeg(
        read, name, head=header.rest, places=places, delimiter=header.delimiter, line=header.line,
        fixed=header.layout.vendor is Vendor.DATABENTO, ordered=not reading.sort, skip_bad=reading.skip_bad,
        final=header.over, tz=reading.tz, day_first=reading.spelling.day_first, **more,
    )  # fmt: skip


@dataclass
class _Survey:
    """The results of a first pass over a file."""

    contracts: Contracts | None
    volumes: dict[tuple[int, int], float]
    bar_ns: int | None = None


def _csv(stack: ExitStack, source: _Source, *, leg: str, reading: Reading) -> Leg:
    """A CSV of one instrument."""
    if not source.can_reopen:
        source.spool(stack)
    with source.opened() as (read, name):
        header = _header(read, name, leg)
    layout = header.layout
    survey = _survey(source, layout, leg=leg, reading=reading)
    places = {role: place for role, place in layout.places.items() if role != "volume"}
    read, name = stack.enter_context(source.opened())
    header = _header(read, name, leg)
    contracts = survey.contracts
    csv = _reader(
        read, name, header, places=places, reading=reading, shift_ns=survey.bar_ns or 0,
        contract_of=None if contracts is None else contracts.number,
    )  # fmt: skip
    made = Leg(
        SortedLeg(csv) if reading.sort else csv, printable(name), layout.symbol,
        zoned=lambda: csv.zoned or reading.tz is not None,
    )  # fmt: skip
    if contracts is not None:
        made.symbol = contracts.root
        roll(made, contracts, volumes=survey.volumes, reading=reading)
    if survey.bar_ns is not None:
        made.notes.append(averages_note(made.name, survey.bar_ns))
    return made


def _survey(source: _Source, layout: Layout, *, leg: str, reading: Reading) -> _Survey:
    """Reads a file once if something must be known before its first row is joined."""
    bars = layout.vendor is Vendor.IB_BARS
    if "code" not in layout.places and not bars:
        return _Survey(None, {})
    with source.opened() as (read, name):
        first = _reader(
            read, name, _header(read, name, leg), places=layout.places, reading=reading,
            contract_of=lambda _: 0,
        ).take(1)  # fmt: skip
    shown = printable(name)
    contracts = None
    if "code" in layout.places:
        contracts = Contracts(shown, leg=leg, day=first[0][0] // NS_PER_DAY if first else 0)
    volumes: dict[tuple[int, int], float] = {}
    steps: dict[int, int] = {}
    with source.opened() as (read, name):
        bad_line = _reader(
            read, name, _header(read, name, leg), places=layout.places, reading=reading,
            contract_of=None if contracts is None else contracts.number,
        ).survey(volumes, steps, bars=bars, date_of=date_around)  # fmt: skip
    _refuse_trades(name, bad_line)
    return _Survey(contracts, volumes, _bar_ns(steps, shown, reading) if bars else None)


def _bar_ns(steps: dict[int, int], name: str, reading: Reading) -> int:
    return commonest(steps, name) if reading.bar_ns is None else reading.bar_ns


def _folder(stack: ExitStack, folder: Path, *, leg: str, reading: Reading, meter: Meter) -> Leg:
    """A folder of files: each of one contract, whose code is in the file's name, or DBN files."""
    paths = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    shown = printable(str(folder))
    if not paths:
        raise InputError(f"{shown} is an empty folder; name one with files of quotes, such as ESH26.csv.")
    binary = [path for path in paths if dbn.is_dbn(path)]
    if binary:
        # A Databento download has files with information beside the data.
        meter.expect(sum(path.stat().st_size for path in binary))
        return dbn.dbn_leg(binary, shown, leg=leg, reading=reading, counted=meter.count)
    contracts: Contracts | None = None
    volumes: dict[tuple[int, int], float] = {}
    sources: list[LegSource] = []
    files: list[_ContractFile | ColumnRows] = []
    without: list[str] = []
    notes: list[str] = []
    for path in paths:
        name = printable(str(path))
        file = _contract_file(stack, path, leg=leg, reading=reading, meter=meter)
        day = None if file is None else file.first_day()
        if file is None or day is None:
            notes.append(f"{name} has no rows.")
            continue
        code = code_in_name(path.stem, day=day)
        if code is None:
            raise InputError(
                f"{name} carries no contract's code in its name, such as ESH26; rename it or take it out of "
                "the folder."
            )
        contracts = contracts or Contracts(shown, leg=leg, day=day)
        number_of = _always(contracts.number(f"{code.root}{_code_ending(code.expiry_day)}"))
        bar_ns = file.survey(volumes, number_of)
        if bar_ns is not None and not notes:
            notes.append(averages_note(shown, bar_ns))
        if not file.has_volumes:
            without.append(name)
        files.append(file)
        sources.append(file.source(bar_ns, number_of))
    if contracts is None:
        raise InputError(f"The files of {shown} have no rows; name a folder with quotes.")
    if 0 < len(without) < len(files):
        notes.append(f"{without[0]} has no volumes, so the contracts are rolled by days before the expiry.")
        volumes = {}
    made = Leg(
        MergedLeg(sources), shown, contracts.root, notes=notes,
        zoned=lambda: all(file.zoned for file in files),
    )  # fmt: skip
    roll(made, contracts, volumes=volumes, reading=reading)
    return made


def _always(number: int) -> Callable[[str], int]:
    """Returns the number of a file's only contract for every code."""
    return lambda _: number


def _contract_file(
    stack: ExitStack, path: Path, *, leg: str, reading: Reading, meter: Meter
) -> "_ContractFile | ColumnRows | None":
    kind = kind_of_table(path)
    if kind is None:
        return _ContractFile(stack, _Source(path, meter), leg=leg, reading=reading)
    return contract_columns(open_table(path, kind), printable(str(path)), leg=leg, reading=reading)


class _ContractFile:
    """A CSV of one contract, with the methods of ``ColumnRows``."""

    def __init__(self, stack: ExitStack, source: _Source, *, leg: str, reading: Reading) -> None:
        self._stack, self._source, self._leg, self._reading = stack, source, leg, reading
        with source.opened() as (read, name):
            self._layout = _header(read, name, leg).layout
        self._layout.places.pop("code", None)
        self._rows: CsvLeg | None = None

    @property
    def has_volumes(self) -> bool:
        return "volume" in self._layout.places

    @property
    def zoned(self) -> bool:
        return self._reading.tz is not None or (self._rows is not None and self._rows.zoned)

    def _reader(self, read: Callable[[memoryview], int], name: str, **more: Any) -> CsvLeg:
        header = _header(read, name, self._leg)
        return _reader(read, name, header, reading=self._reading, **more)

    def first_day(self) -> int | None:
        with self._source.opened() as (read, name):
            first = self._reader(read, name, places=self._layout.places).take(1)
        return first[0][0] // NS_PER_DAY if first else None

    def survey(self, volumes: dict[tuple[int, int], float], number_of: Callable[[str], int]) -> int | None:
        bars = self._layout.vendor is Vendor.IB_BARS
        if not self.has_volumes and not bars:
            return None
        steps: dict[int, int] = {}
        with self._source.opened() as (read, name):
            bad_line = self._reader(
                read, name, places=self._layout.places, contract=number_of("")
            ).survey(volumes, steps, bars=bars, date_of=date_around)  # fmt: skip
        _refuse_trades(name, bad_line)
        return _bar_ns(steps, printable(name), self._reading) if bars else None

    def source(self, bar_ns: int | None, number_of: Callable[[str], int]) -> LegSource:
        places = {role: place for role, place in self._layout.places.items() if role != "volume"}
        read, name = self._stack.enter_context(self._source.opened())
        self._rows = self._reader(read, name, places=places, contract=number_of(""), shift_ns=bar_ns or 0)
        return SortedLeg(self._rows) if self._reading.sort else self._rows


def _code_ending(expiry_day: int | None) -> str:
    """``H2026`` for a day of expiry; with a full year it can be read without the date of a row."""
    if expiry_day is None:
        return ""
    year, month = iso_date(expiry_day).split("-")[:2]
    return f"{ {'03': 'H', '06': 'M', '09': 'U', '12': 'Z'}[month] }{year}"


def _refuse_trades(name: str, bad_line: int | None) -> None:
    if bad_line is not None:
        raise InputError(
            f"{printable(name)}, line {bad_line}: these are bars of trades (a volume, or an open above the "
            f"close); {NEEDS_QUOTES}, such as BID_ASK bars."
        )
