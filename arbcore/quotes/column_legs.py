"""One instrument's quotes from columns: frames, mappings, Arrow, Parquet and Arrow files.

Owns the conversion from any library's column to the plain arrays that ``ColumnsLeg`` takes; ``column_shapes``
knows the formats of a single cell.
"""

from array import array
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from arbcore.core._cells import read_ts
from arbcore.core.civil import NS_PER_DAY, iso_time
from arbcore.core.text import printable
from arbcore.errors import DataError, InputError
from arbcore.quotes._legs import ColumnsLeg, LegSource, SortedLeg
from arbcore.quotes.column_shapes import BAD, MISSING, Shaped, shape
from arbcore.quotes.formats import NEEDS_QUOTES, Layout, Vendor, layout_of
from arbcore.quotes.input_contracts import Contracts
from arbcore.quotes.legs import Leg, Reading, averages_note, commonest, roll
from arbcore.quotes.source import is_file
from arbcore.quotes.spans import date_around
from arbcore.system.extras import library

#: Rows per batch in memory, besides the pages of a row group.
BATCH_ROWS = 65_536
_MAGICS = {b"PAR1": "Parquet", b"ARRO": "Arrow", b"\xff\xff\xff\xff": "Arrow"}
_NOT_A_TIME = -(2**63)
_LATEST_NS = 2**63 - 1
#: From this number on an integer in Databento's columns is in units of 1e-9.
_FIXED_MIN = 10_000_000

#: Times in ns, bids, asks, codes or None, volumes or None, marks (1 malformed, 2 missing) or None.
Batch = tuple[Any, Any, Any, list[str] | None, list[float] | None, bytes | None]


def kind_of_table(data: object) -> str | None:
    """``Parquet`` or ``Arrow`` if a path names such a file, else None."""
    if not is_file(data):
        return None
    try:
        with Path(data).open("rb") as file:
            return _MAGICS.get(file.read(4))
    except OSError:
        return None


def open_table(path: Any, kind: str) -> Callable[[], Iterator[Any]]:
    """A function that reads the record batches of a file from its beginning at every call."""
    name = printable(str(path))
    extra = kind.lower()
    pa = library("pyarrow", extra, f"{name} is a file of {kind}'s, which")
    library(
        "pyarrow.parquet" if kind == "Parquet" else "pyarrow.ipc",
        extra,
        f"{name} is a file of {kind}'s, which",
    )

    def batches() -> Iterator[Any]:
        try:
            with Path(path).open("rb") as stream:
                if kind == "Parquet":
                    yield from pa.parquet.ParquetFile(stream).iter_batches(batch_size=BATCH_ROWS)
                elif stream.read(4) == b"ARRO":
                    file = pa.ipc.open_file(stream)
                    yield from (file.get_batch(at) for at in range(file.num_record_batches))
                else:
                    stream.seek(0)
                    yield from pa.ipc.open_stream(stream)
        except (OSError, ValueError, KeyError, pa.ArrowException) as error:
            reason = printable(str(error).strip().partition("\n")[0].rstrip("."), 120)
            raise InputError(f"{name} is not a whole file of {kind}'s ({reason}); get it again.") from error

    return batches


def batches_of(data: Any) -> Callable[[], Iterator[Any]]:
    """A function like ``open_table``'s for columns in memory; a stream is first read into memory."""
    if isinstance(data, Mapping) or hasattr(data, "iloc") or not hasattr(data, "__arrow_c_stream__"):
        return lambda: iter((data,))
    if hasattr(data, "to_batches") and hasattr(data, "column_names"):
        return lambda: iter(data.to_batches(max_chunksize=BATCH_ROWS))
    if hasattr(data, "columns") and not hasattr(data, "read_all"):
        return lambda: iter((data,))
    pa = library("pyarrow", "arrow", "An Arrow stream")
    table = pa.RecordBatchReader.from_stream(data).read_all()
    return lambda: iter(table.to_batches(max_chunksize=BATCH_ROWS))


def columns_leg(batches: Callable[[], Iterator[Any]], name: str, *, leg: str, reading: Reading) -> Leg:
    """One instrument from batches of columns. Raises as ``open_leg``."""
    first = next(batches(), None)
    if first is None:
        raise InputError(f"{name} has no rows.")
    names = names_of(first)
    layout = layout_of(names, name, leg=leg, line=None)
    columns = ColumnRows(batches, name, names, layout, reading)
    contracts = None
    if "code" in layout.places:
        contracts = Contracts(name, leg=leg, day=columns.first_day() or 0)
    volumes: dict[tuple[int, int], float] = {}
    bar_ns = columns.survey(volumes, None if contracts is None else contracts.number)
    made = Leg(
        columns.source(bar_ns, None if contracts is None else contracts.number), name, layout.symbol,
        zoned=lambda: columns.zoned,
    )  # fmt: skip
    if bar_ns is not None:
        made.notes.append(averages_note(name, bar_ns))
    if contracts is not None:
        made.symbol = contracts.root
        roll(made, contracts, volumes=volumes, reading=reading)
    return made


def contract_columns(
    batches: Callable[[], Iterator[Any]], name: str, *, leg: str, reading: Reading
) -> "ColumnRows | None":
    """The columns of one contract, which need not have its code; None if there are no batches."""
    first = next(batches(), None)
    if first is None:
        return None
    names = names_of(first)
    layout = layout_of(names, name, leg=leg, line=None)
    layout.places.pop("code", None)
    return ColumnRows(batches, name, names, layout, reading)


def names_of(batch: Any) -> list[str]:
    """The names of a batch's columns."""
    if isinstance(batch, Mapping):
        return [str(name) for name in batch]
    if hasattr(batch, "schema") and hasattr(batch.schema, "names") and not hasattr(batch, "iloc"):
        names = batch.schema.names
        return [str(name) for name in (names() if callable(names) else names)]
    return [str(name) for name in batch.columns]


class ColumnRows:
    """Batches as plain arrays, which can be read several times."""

    def __init__(
        self,
        batches: Callable[[], Iterator[Any]],
        name: str,
        names: list[str],
        layout: Layout,
        reading: Reading,
    ) -> None:
        self._batches = batches
        self._name = name
        self._names = names
        self._layout = layout
        self._reading = reading
        #: Whether times had a zone, or the settings gave one.
        self.zoned = True

    @property
    def has_volumes(self) -> bool:
        """Whether there is a column of volumes."""
        return "volume" in self._layout.places

    def first_day(self) -> int | None:
        """The UTC date of the first row; None without rows."""
        return next((int(times[0]) // NS_PER_DAY for times, *_ in self._plain() if len(times)), None)

    def survey(
        self, volumes: dict[tuple[int, int], float], number_of: Callable[[str], int] | None
    ) -> int | None:
        """Adds up {(day, contract): volume}; returns the length of bars, None if the rows are not bars.

        ``number_of`` returns a contract's number for its code, and for "" if a row has no code. Raises
        InputError for bars of trades.
        """
        bars = self._layout.vendor is Vendor.IB_BARS
        if number_of is None and not bars:
            return None
        steps: dict[int, int] = {}
        before: int | None = None
        around = (1, 0, 0)
        row = 0
        for times, bids, asks, codes, traded, _ in self._plain():
            for at, ts_ns in enumerate(times):
                row += 1
                volume = traded[at] if traded is not None else -1.0
                if bars and (volume >= 0 or bids[at] > asks[at]):
                    raise InputError(
                        f"{self._name}, row {row}: these are bars of trades (a volume, or an open above "
                        f"the close); {NEEDS_QUOTES}, such as BID_ASK bars."
                    )
                if number_of is not None:
                    if not around[0] <= ts_ns <= around[1]:
                        around = date_around(ts_ns)
                    key = (around[2], number_of("" if codes is None else codes[at]))
                    volumes[key] = volumes.get(key, 0.0) + max(volume, 0.0)
                if before is not None and ts_ns > before:
                    steps[ts_ns - before] = steps.get(ts_ns - before, 0) + 1
                before = ts_ns
        if not bars:
            return None
        return commonest(steps, self._name) if self._reading.bar_ns is None else self._reading.bar_ns

    def source(self, bar_ns: int | None, number_of: Callable[[str], int] | None) -> LegSource:
        """The rows, dated by the ends of bars of this length, with the numbers of their contracts."""
        rows = ColumnsLeg(self._rows(bar_ns or 0, number_of), self._name, ordered=not self._reading.sort)
        return SortedLeg(rows) if self._reading.sort else rows

    def _rows(self, shift_ns: int, number_of: Callable[[str], int] | None) -> Iterator[tuple[Any, ...]]:
        """Batches as ``ColumnsLeg`` takes them."""
        numbers: dict[str, int] = {}
        for times, bids, asks, codes, _, marks in self._plain():
            if shift_ns:
                times = array("q", [self._shifted(ts_ns, shift_ns) for ts_ns in times])
            found = None
            if number_of is not None:
                for code in set(codes or [""]) - numbers.keys():
                    numbers[code] = number_of(code)
                found = array("i", [numbers[code] for code in codes or [""] * len(times)])
            yield times, bids, asks, found, marks

    def _shifted(self, ts_ns: int, shift_ns: int) -> int:
        """The end of a bar whose time is its start."""
        if ts_ns > _LATEST_NS - shift_ns:
            raise DataError(
                "not_a_time",
                f"{self._name}, column ts: a bar that begins at {iso_time(ts_ns)} ends after all times that "
                "are read; correct it.",
                line=None,
                column="ts",
            )
        return ts_ns + shift_ns

    def _plain(self) -> Iterator[Batch]:
        places = self._layout.places
        before = 0
        for batch in self._batches():
            columns = {role: column_of(batch, self._names[place], place) for role, place in places.items()}
            if "clock" in columns:
                columns["time"] = [
                    f"{_text(date)} {_text(clock)}"
                    for date, clock in zip(listed(columns["time"]), listed(columns["clock"]), strict=True)
                ]
            length = len(columns["time"])
            marks = bytearray(length)
            times = self._times(columns["time"], marks, before)
            bids = self._prices(columns["bid"], "bid", marks, before)
            asks = self._prices(columns["ask"], "ask", marks, before)
            codes = [_text(cell) for cell in listed(columns["code"])] if "code" in columns else None
            traded = [_number(cell) for cell in listed(columns["volume"])] if "volume" in columns else None
            yield times, bids, asks, codes, traded, bytes(marks) if any(marks) else None
            before += length

    def _times(self, values: Any, marks: bytearray, before: int) -> Any:
        shaped = shape(values, "ts", self._reading.spelling)
        self._judge(shaped.faults, "ts", marks, before, shaped.cells)
        if shaped.wall and self._reading.tz is None:
            self.zoned = False
        plain = shaped.unit_ns == 1 and memoryview(shaped.values).format == "q"
        if plain and not (shaped.wall and self._reading.tz):
            times = shaped.values
        else:
            found = instants(shaped, self._reading.tz)
            times = array("q", [_NOT_A_TIME if ts_ns is None else ts_ns for ts_ns in found])
        faults = (
            bytes(BAD if value == _NOT_A_TIME else 0 for value in times) if _NOT_A_TIME in times else None
        )
        self._judge(faults, "ts", marks, before, None)
        return times

    def _prices(self, values: Any, column: str, marks: bytearray, before: int) -> Any:
        shaped = shape(values, column)
        self._judge(shaped.faults, column, marks, before, shaped.cells)
        kind = memoryview(shaped.values).format
        if self._layout.vendor is Vendor.DATABENTO and kind not in ("d", "f"):
            return array("d", [
                float("nan") if value >= 2**63 - 1 else value / 1e9 if value >= _FIXED_MIN else float(value)
                for value in shaped.values
            ])  # fmt: skip
        return shaped.values if kind == "d" else array("d", shaped.values)

    def _judge(
        self, faults: bytes | None, column: str, marks: bytearray, before: int, cells: list[Any] | None
    ) -> None:
        """Marks missing and malformed cells. Raises DataError for a malformed one unless it is skipped."""
        if faults is None or not any(faults):
            return
        for at, fault in enumerate(faults):
            if fault == MISSING and not marks[at]:
                marks[at] = 2
            if fault != BAD:
                continue
            if not self._reading.skip_bad:
                shown = "an empty cell" if cells is None else repr(printable(str(cells[at]), 60))
                kind = "not_a_time" if column == "ts" else "not_a_number"
                what = "no time" if column == "ts" else "not a number"
                raise DataError(
                    kind, f"{self._name}, row {before + at + 1}, column {column}: {shown} is {what}; "
                    "correct it or skip such rows (--skip-bad, skip_bad=True).",
                    line=before + at + 1, column=column,
                )  # fmt: skip
            marks[at] = 1


def instants(shaped: Shaped, tz: str | None) -> list[int | None]:
    """The times of a shaped column in ns; None for a missing one. ``tz`` is the zone of wall times."""
    found = [None if value == _NOT_A_TIME else _instant(value, shaped.unit_ns) for value in shaped.values]
    if not shaped.wall or tz is None:
        return found
    return [
        None if wall_ns is None else read_ts(iso_time(wall_ns).removesuffix("Z").encode(), tz=tz)
        for wall_ns in found
    ]


def column_of(batch: Any, name: str, place: int) -> Any:
    """A column of a batch of any library."""
    if hasattr(batch, "column") and not isinstance(batch, Mapping) and not hasattr(batch, "iloc"):
        return batch.column(place)
    return batch[name]


def listed(values: Any) -> list[Any]:
    """The cells of a column as Python objects."""
    for method in ("to_pylist", "to_list", "tolist"):
        if hasattr(values, method):
            return list(getattr(values, method)())
    return list(values)


def _text(cell: Any) -> str:
    return cell if isinstance(cell, str) else "" if cell is None else str(cell)


def _number(cell: Any) -> float:
    try:
        number = float(cell)
    except (TypeError, ValueError):
        return -1.0
    return number if number == number else -1.0


def _instant(value: float, unit_ns: int) -> int:
    """Converts a number of units to nanoseconds; with a unit of 0 the size of the number tells the unit."""
    if value == _NOT_A_TIME:
        return _NOT_A_TIME
    if unit_ns == 0:
        size = abs(value)
        unit_ns = 10**9 if size < 1e11 else 10**6 if size < 1e14 else 10**3 if size < 1e17 else 1
    return int(value) * unit_ns + round((value - int(value)) * unit_ns) if unit_ns > 1 else int(value)
