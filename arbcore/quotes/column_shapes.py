"""Converts columns of any library for the column reader: unchanged if possible, else cell by cell.

Owns the shapes of columns. It imports none of the libraries, and knows no rule except the meaning of a single
Python object.
"""

import re
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from arbcore.carry.calendar import read_expiry
from arbcore.core._cells import read_price, read_ts, time_and_zone
from arbcore.errors import ArbcoreError, DataError, InputError
from arbcore.quotes._arrow import ArrowColumns
from arbcore.quotes._columns import ColumnReader
from arbcore.quotes.column_names import CLOCK, resolve

# The fault codes of a cell, as the reader counts them.
GOOD, MISSING, BAD = 0, 1, 2
_DATETIME64 = re.compile(r"[<>=|]M8\[(\w+)\]")
_UNITS_NS = {
    "D": 86_400 * 10**9, "h": 3_600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1,
}  # fmt: skip
_FORMATS = frozenset("dfbhilqBHILQ")
_TIMES = ("ts", "expiry")


@dataclass(frozen=True)
class Shaped:
    """A column in the form that the reader takes."""

    values: Any
    unit_ns: int = 0
    wall: bool = False
    faults: bytes | None = None
    cells: list[Any] | None = None


@dataclass(frozen=True)
class Spelling:
    """How times and expiries in text are read: the zone of those without one, the order of day and month."""

    tz: str | None = None
    day_first: bool = False


def is_columns(data: object) -> bool:
    """Whether data is columns in memory, not something to open."""
    return isinstance(data, Mapping) or hasattr(data, "__arrow_c_stream__") or hasattr(data, "columns")


def batches_into(
    data: Any,
    reader: ColumnReader,
    where: str = "the data",
    *,
    use_factor: bool = False,
    spelling: Spelling = Spelling(),
) -> Iterator[None]:
    """Passes batch after batch to the reader; yields after each, so the caller can take its rows.

    Mappings and pandas frames are one batch; all other data comes through Arrow's stream interface. With
    ``use_factor`` each row's factor comes from a column. Raises DataError if a column is missing or has
    another length, InputError for a type that is not read here.
    """
    place = where[0].upper() + where[1:]
    if not isinstance(data, Mapping) and not hasattr(data, "iloc") and hasattr(data, "__arrow_c_stream__"):
        source = ArrowColumns(data, where)
        columns = resolve(source.names, where=place, line=None, use_factor=use_factor)
        reader.called(columns.names, columns.pair, columns.unused)
        while source.next_into(reader, columns.places, where):
            yield
        return
    if not isinstance(data, Mapping) and not hasattr(data, "columns"):
        raise InputError(f"In {where} is one column, not a table; name its columns.")
    names = list(data if isinstance(data, Mapping) else data.columns)
    columns = resolve(names, where=place, line=None, use_factor=use_factor)
    reader.called(columns.names, columns.pair, columns.unused)
    found = {role: data[names[at]] for role, at in columns.places.items()}
    for role, values in found.items():
        if not hasattr(values, "__len__") or isinstance(values, str | bytes | Mapping):
            raise InputError(f"Column {columns.names[role]} is not a row of values; give a list or an array.")
    if CLOCK in found:
        found["ts"] = _joined(found["ts"], found.pop(CLOCK))
    reader.begin(len(found["ts"]))
    for role, values in found.items():
        shaped = shape(values, role, spelling)
        reader.column(
            role,
            shaped.values,
            unit_ns=shaped.unit_ns,
            wall=shaped.wall,
            faults=shaped.faults,
            cells=shaped.cells,
        )
    yield


def _joined(dates: Any, clocks: Any) -> list[str]:
    """Joins dates and times of day to the texts of one column."""
    days = [_text_of(cell).partition("T")[0] for cell in _cells_of(dates)]
    times = [_text_of(cell) for cell in _cells_of(clocks)]
    if len(days) != len(times):
        raise DataError(
            "too_few", "The columns are not of one length; complete them.", line=None, column="time"
        )
    return [f"{day} {time}" for day, time in zip(days, times, strict=True)]


def _cells_of(values: Any) -> list[Any]:
    return list(values.tolist() if hasattr(values, "tolist") and not hasattr(values, "iloc") else values)


def _text_of(cell: Any) -> str:
    text = cell if isinstance(cell, str) else cell.isoformat() if hasattr(cell, "isoformat") else str(cell)
    return text.strip(" \t")


def shape(values: Any, name: str, spelling: Spelling = Spelling()) -> Shaped:
    """Shapes a column of any kind for its role; a buffer of numbers is not copied."""
    zone_known = _has_zone(values)
    values = _array_of(values, name)
    dtype = getattr(values, "dtype", None)
    if dtype is not None and getattr(values, "ndim", 1) != 1:
        raise InputError(f"Column {name} has {values.ndim} dimensions; give one row of values.")
    if hasattr(values, "mask") and hasattr(values, "filled"):
        return _unmasked(values, name, spelling)
    if dtype is not None and hasattr(values, "astype"):
        if dtype.kind == "m":
            raise InputError(f"Column {name} holds spans of time ({dtype}); it must hold times or numbers.")
        if dtype.kind == "M":
            return _instants(values, name, wall=not zone_known)
        if dtype.kind in "fiu" and values.ndim == 1:
            native = dtype.isnative and memoryview(values).format in _FORMATS
            # Copies it into contiguous memory if it has gaps, and to doubles if C has no such type.
            return Shaped(values if native and values.flags.c_contiguous else _packed(values, native))
        return _listed(values.tolist(), name, spelling)
    try:
        view = memoryview(values)
    except TypeError:
        return _listed(list(values), name, spelling)
    if view.ndim == 1 and view.contiguous and view.format in _FORMATS:
        return Shaped(view)
    return _listed(view.tolist(), name, spelling)


def _has_zone(values: Any) -> bool:
    """Whether a column of pandas, Polars or Arrow has times that name their zone."""
    dtype = getattr(values, "dtype", None)
    if getattr(dtype, "time_zone", None) or getattr(getattr(values, "type", None), "tz", None):
        return True
    kind = str(dtype)
    return kind.startswith("datetime64[") and "," in kind


def _unmasked(values: Any, name: str, spelling: Spelling) -> Shaped:
    """A masked array of NumPy: a masked cell is missing, whatever its value is."""
    mask = values.mask
    if getattr(mask, "ndim", 0) == 0:
        mask = [bool(mask)] * len(values)
    if values.dtype.kind == "M":
        texts = values.data.astype("M8[ns]").astype(str).tolist()
        return _listed(
            [None if hidden else text for text, hidden in zip(texts, mask, strict=True)], name, spelling
        )
    cells = values.data.tolist()
    return _listed(
        [None if hidden else cell for cell, hidden in zip(cells, mask, strict=True)], name, spelling
    )


def _packed(values: Any, native: bool) -> Any:
    return values.copy() if native else values.astype("f8" if values.dtype.kind == "f" else "i8")


def _array_of(values: Any, name: str) -> Any:
    """The NumPy array of a column of pandas, Polars or pyarrow; the column itself if there is none."""
    if not hasattr(values, "to_numpy"):
        return values
    kind = str(getattr(values, "dtype", ""))
    try:
        if kind.startswith("datetime64["):
            return values.to_numpy(dtype=f"datetime64[{kind[11:].partition(',')[0].rstrip(']')}]")
        found = values.to_numpy()
        if getattr(found.dtype, "kind", "") == "O" and name not in _TIMES and kind in ("Float64", "Float32"):
            return values.to_numpy(dtype="float64", na_value=float("nan"))
    except ImportError:
        return values.to_list()
    except ValueError:
        # A pyarrow column with nulls: it cannot become an array without a copy.
        return values.to_numpy(zero_copy_only=False)
    return found


def _instants(values: Any, name: str, *, wall: bool) -> Shaped:
    match = _DATETIME64.fullmatch(values.dtype.str)
    unit = match[1] if match is not None else ""
    if unit not in _UNITS_NS:
        raise InputError(
            f"Column {name} has NumPy's type {values.dtype}; cast it to datetime64[ns] or a coarser unit."
        )
    if name not in _TIMES:
        raise InputError(f"Column {name} holds times ({values.dtype}); it must hold numbers.")
    whole = values if values.dtype.isnative and values.flags.c_contiguous else values.astype(f"=M8[{unit}]")
    return Shaped(whole.view("i8"), unit_ns=_UNITS_NS[unit], wall=wall)


def _listed(cells: list[Any], name: str, spelling: Spelling) -> Shaped:
    """Python objects; they are read one by one unless all are numbers of one kind."""
    kind = "q" if name in _TIMES else "d"
    try:
        return Shaped(array(kind, cells))
    except (TypeError, OverflowError):
        pass
    numbers = array(kind, bytes(8 * len(cells)))
    faults = bytearray(len(cells))
    read: Callable[[Any], tuple[Any, int]]
    read = {"ts": partial(_time_of, spelling), "expiry": partial(_expiry_of, spelling)}.get(name, _price_of)
    zoned = False
    for at, cell in enumerate(cells):
        number, faults[at] = read(cell)
        zoned = zoned or (name == "ts" and faults[at] == GOOD and _names_zone(spelling, cell))
        numbers[at] = number
    # The times are instants now. UTC times without a zone stay wall times, which means the same.
    wall = name == "ts" and not zoned and spelling.tz is None
    return Shaped(numbers, unit_ns=1 if name in _TIMES else 0, wall=wall, faults=bytes(faults), cells=cells)


def _price_of(cell: Any) -> tuple[float, int]:
    if cell is None:
        return 0.0, MISSING
    if isinstance(cell, str):
        price = read_price(cell.strip(" \t").encode())
    else:
        try:
            price = float(cell)
        except OverflowError:
            return 0.0, MISSING
        except (TypeError, ValueError):
            price = None
    if price is None:
        return 0.0, BAD
    return (price, GOOD) if 0 < price < float("inf") else (0.0, MISSING)


def _time_of(spelling: Spelling, cell: Any) -> tuple[int, int]:
    ts_ns = read_ts(
        _number_text(cell).encode("utf-8", "replace"), tz=spelling.tz, day_first=spelling.day_first
    )
    return (0, BAD) if ts_ns is None else (ts_ns, GOOD)


def _names_zone(spelling: Spelling, cell: Any) -> bool:
    found = time_and_zone(_number_text(cell).encode(), tz=spelling.tz, day_first=spelling.day_first)
    return isinstance(found, tuple) and found[1]


def _number_text(cell: Any) -> str:
    """A cell's text; for a float the shortest digits without an exponent, as in a file."""
    if isinstance(cell, float) and cell == cell and abs(cell) < 1e19 and cell == int(cell):
        return str(int(cell))
    return _text_of(cell)


def _expiry_of(spelling: Spelling, cell: Any) -> tuple[int, int]:
    try:
        return read_expiry(_number_text(cell), tz=spelling.tz, day_first=spelling.day_first), GOOD
    except ArbcoreError:
        return 0, BAD
