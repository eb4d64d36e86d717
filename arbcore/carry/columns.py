"""Columns of whatever library, put before the column reader as they lie, or cell by cell where need be.

Owns the shapes that columns come in. It imports none of the libraries, and knows no rule beyond what a single
Python object means.
"""

import re
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from arbcore.carry._arrow import ArrowColumns
from arbcore.carry._cells import read_price, read_ts
from arbcore.carry._columns import ColumnReader, places_of
from arbcore.carry.calendar import read_expiry
from arbcore.errors import ArbcoreError, InputError

# Of a cell, as the reader counts them.
GOOD, MISSING, BAD = 0, 1, 2
_DATETIME64 = re.compile(r"[<>=|]M8\[(\w+)\]")
_UNITS_NS = {
    "D": 86_400 * 10**9, "h": 3_600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1,
}  # fmt: skip
_FORMATS = frozenset("dfbhilqBHILQ")
_TIMES = ("ts", "expiry")


@dataclass(frozen=True)
class Shaped:
    """A column as the reader takes it."""

    values: Any
    unit_ns: int = 0
    faults: bytes | None = None
    cells: list[Any] | None = None


def is_columns(data: Any) -> bool:
    """Whether it is columns in memory, not something to open."""
    return isinstance(data, Mapping) or hasattr(data, "__arrow_c_stream__") or hasattr(data, "columns")


def batches_into(data: Any, reader: ColumnReader, where: str = "the data") -> Iterator[None]:
    """Puts batch after batch before the reader, and yields for its rows to be taken.

    Mappings and pandas frames are one batch; all else comes through Arrow's stream interface. Raises
    DataError where a column lacks or is of another length, InputError where a type is none that is read here.
    """
    if not isinstance(data, Mapping) and not hasattr(data, "iloc") and hasattr(data, "__arrow_c_stream__"):
        source = ArrowColumns(data, where)
        places = places_of(source.names, where)
        while source.next_into(reader, places, where):
            yield
        return
    names = list(data if isinstance(data, Mapping) else data.columns)
    found = {name: data[names[place]] for name, place in places_of(names, where).items()}
    reader.begin(len(found["ts"]))
    for name, values in found.items():
        shaped = shape(values, name)
        reader.column(
            name, shaped.values, unit_ns=shaped.unit_ns, faults=shaped.faults, cells=shaped.cells
        )
    yield


def shape(values: Any, name: str) -> Shaped:
    """A column of any kind for its role; what is a buffer of numbers already stays where it is."""
    values = _array_of(values, name)
    dtype = getattr(values, "dtype", None)
    if dtype is not None and hasattr(values, "astype") and not hasattr(values, "mask"):
        if dtype.kind == "M":
            return _instants(values, name)
        if dtype.kind in "fiu" and values.ndim == 1:
            native = dtype.isnative and memoryview(values).format in _FORMATS
            # A copy in one piece where it has gaps, and of doubles where C has no such number.
            return Shaped(values if native and values.flags.c_contiguous else _packed(values, native))
        return _listed(values.tolist(), name)
    try:
        view = memoryview(values)
    except TypeError:
        return _listed(list(values), name)
    if view.ndim == 1 and view.contiguous and view.format in _FORMATS:
        return Shaped(view)
    return _listed(view.tolist(), name)


def _packed(values: Any, native: bool) -> Any:
    return values.copy() if native else values.astype("f8" if values.dtype.kind == "f" else "i8")


def _array_of(values: Any, name: str) -> Any:
    """The NumPy array behind a column of pandas, Polars or pyarrow; itself where there is none."""
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
        # Of pyarrow: nulls, which cannot be had without a copy.
        return values.to_numpy(zero_copy_only=False)
    return found


def _instants(values: Any, name: str) -> Shaped:
    match = _DATETIME64.fullmatch(values.dtype.str)
    unit = match[1] if match is not None else ""
    if unit not in _UNITS_NS:
        raise InputError(
            f"Column {name} has NumPy's type {values.dtype}; cast it to datetime64[ns] or a coarser unit."
        )
    if name not in _TIMES:
        raise InputError(f"Column {name} holds times ({values.dtype}); it must hold numbers.")
    whole = values if values.dtype.isnative and values.flags.c_contiguous else values.astype(f"=M8[{unit}]")
    return Shaped(whole.view("i8"), unit_ns=_UNITS_NS[unit])


def _listed(cells: list[Any], name: str) -> Shaped:
    """Python objects, one by one where they are not all numbers of one kind."""
    kind = "q" if name in _TIMES else "d"
    try:
        return Shaped(array(kind, cells))
    except (TypeError, OverflowError):
        pass
    numbers = array(kind, bytes(8 * len(cells)))
    faults = bytearray(len(cells))
    read: Callable[[Any], tuple[Any, int]]
    read = {"ts": _time_of, "expiry": _expiry_of}.get(name, _price_of)
    for at, cell in enumerate(cells):
        number, faults[at] = read(cell)
        numbers[at] = number
    return Shaped(numbers, unit_ns=1 if name in _TIMES else 0, faults=bytes(faults), cells=cells)


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


def _time_of(cell: Any) -> tuple[int, int]:
    text = cell if isinstance(cell, str) else cell.isoformat() if hasattr(cell, "isoformat") else str(cell)
    ts_ns = read_ts(text.strip(" \t").encode())
    return (0, BAD) if ts_ns is None else (ts_ns, GOOD)


def _expiry_of(cell: Any) -> tuple[int, int]:
    if isinstance(cell, int):
        return _time_of(cell)
    text = cell.isoformat() if hasattr(cell, "isoformat") else str(cell)
    try:
        return read_expiry(text), GOOD
    except ArbcoreError:
        return 0, BAD
