"""Twin of ``carry/_csv``: a CSV of quotes to valid rows, with the csv module and nothing clever."""

import csv
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from arbcore.errors import ArbcoreError, DataError

PRICES = ("es_bid", "es_ask", "spy_bid", "spy_ask")
REQUIRED = ("ts", *PRICES)
OPTIONAL = ("expiry", "factor", "index")
PRICE_MIN, PRICE_MAX = 1e-9, 1e12
#: Bytes of the longest record, and the last column that may be needed.
RECORD_BYTES_MAX = 1024 * 1024
COLUMNS_MAX = 64

NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
NO_NUMBER = re.compile(r"|nan|null|na|n/a|[+-]?(nan|inf|infinity)", re.IGNORECASE)
TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[ Tt]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
    r"(?: ?(?:[Zz]|([+-])([0-9]{2})(?::?([0-9]{2}))?))?)?"
)
EPOCH = re.compile(r"[+-]?[0-9]+")
MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
SECOND_NS = 10**9


@dataclass
class Row:
    """One valid row. ``expiry_ns`` and ``factor`` are None where the file has no such column."""

    line: int
    ts_ns: int
    es_bid: float
    es_ask: float
    spy_bid: float
    spy_ask: float
    expiry_ns: int | None = None
    factor: float | None = None


def days_before(year: int, month: int, day: int) -> int | None:
    """Days from 1970-01-01 to a date; None where there is no such date."""

    def leap(y: int) -> bool:
        return y % 4 == 0 and (y % 100 != 0 or y % 400 == 0)

    if year < 1 or not 1 <= month <= 12:
        return None
    if not 1 <= day <= MONTH_DAYS[month - 1] + (month == 2 and leap(year)):
        return None
    last = year - 1
    days = last * 365 + last // 4 - last // 100 + last // 400
    days += sum(MONTH_DAYS[: month - 1]) + (month > 2 and leap(year)) + day - 1
    return days - 719_162


def parse_ts(text: str) -> int | None:
    """Nanoseconds since 1970 UTC; None where the text is no time, or one that 64 bits do not hold."""
    if EPOCH.fullmatch(text):
        digits = text.lstrip("+-0")
        if len(digits) > 20:
            return None
        size = int(digits or "0")
        value = -size if text.startswith("-") else size
        unit = 10**9 if size < 10**11 else 10**6 if size < 10**14 else 10**3 if size < 10**17 else 1
        return _in_range(value * unit)
    match = TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, off_hour, off_minute = match.groups("0")
    days = days_before(int(year), int(month), int(day))
    if days is None or int(hour) > 23 or int(minute) > 59 or int(second) > 59:
        return None
    if int(off_hour) > 23 or int(off_minute) > 59:
        return None
    total = ((days * 24 + int(hour)) * 60 + int(minute)) * 60 + int(second)
    offset = (int(off_hour) * 60 + int(off_minute)) * 60
    total -= -offset if sign == "-" else offset
    return _in_range(total * SECOND_NS + int(fraction.ljust(9, "0")))


def _in_range(ns: int) -> int | None:
    return ns if -(2**63) < ns < 2**63 else None


def parse_price(text: str) -> float | None:
    """The number; NaN where it is missing, not finite or not above 0; None where the text is no number."""
    if NO_NUMBER.fullmatch(text):
        return math.nan
    if NUMBER.fullmatch(text) is None:
        return None
    value = float(text)
    return value if 0 < value < math.inf else math.nan


def time_of(cell: Any) -> int | None:
    """Nanoseconds since 1970 UTC; None where a cell, a text or whatever a column holds, is no time."""
    text = cell if isinstance(cell, str) else cell.isoformat() if hasattr(cell, "isoformat") else str(cell)
    return parse_ts(text.strip(" \t"))


def number_of(cell: Any) -> float | None:
    """The number; NaN where it is missing; None where a cell is no number."""
    if cell is None:
        return math.nan
    if isinstance(cell, str):
        return parse_price(cell.strip(" \t"))
    try:
        value = float(cell)
    except OverflowError:
        return math.nan
    except (TypeError, ValueError):
        return None
    return value if 0 < value < math.inf else math.nan


class Quotes(ABC):
    """The rules of a row, whatever its cells come in.

    Counts while it is iterated: ``rows``, and ``skipped`` by reason.
    """

    def __init__(
        self,
        data: Any,
        *,
        expiry_of: Callable[[str], int],
        skip_bad: bool = False,
        ordered: bool = True,
    ) -> None:
        self._data = data
        self._expiry_of = expiry_of
        self._skip_bad = skip_bad
        self._ordered = ordered
        self.rows = 0
        self.skipped = {"missing": 0, "crossed": 0, "malformed": 0}

    @abstractmethod
    def _records(self) -> Iterator[tuple[int, Any]]:
        """Every data row, by the line or number that an error names."""

    @abstractmethod
    def _cells(self, line: int, record: Any) -> dict[str, Any]:
        """A record's cells by their role."""

    def __iter__(self) -> Iterator[Row]:
        last_ns: int | None = None
        for line, record in self._records():
            self.rows += 1
            try:
                row = self._row(line, self._cells(line, record))
            except DataError:
                if not self._skip_bad:
                    raise
                self.skipped["malformed"] += 1
                continue
            if self._ordered and last_ns is not None and row.ts_ns < last_ns:
                raise DataError("order", "time goes back", line=line, column="ts")
            last_ns = row.ts_ns
            prices = [row.es_bid, row.es_ask, row.spy_bid, row.spy_ask]
            if any(map(math.isnan, prices)) or (row.factor is not None and math.isnan(row.factor)):
                self.skipped["missing"] += 1
            elif row.es_bid > row.es_ask or row.spy_bid > row.spy_ask:
                self.skipped["crossed"] += 1
            else:
                yield row

    def _row(self, line: int, cells: dict[str, Any]) -> Row:
        ts_ns = time_of(cells["ts"])
        if ts_ns is None:
            raise DataError("not_a_time", f"{cells['ts']!r} is not a time", line=line, column="ts")
        numbers = {}
        for name in (*PRICES, "factor", "index"):
            if name not in cells:
                continue
            value = number_of(cells[name])
            if value is None:
                raise DataError("not_a_number", f"{cells[name]!r} is not a number", line=line, column=name)
            if not (math.isnan(value) or PRICE_MIN <= value <= PRICE_MAX):
                raise DataError("out_of_range", f"{cells[name]!r} is absurd", line=line, column=name)
            numbers[name] = value
        es_bid, es_ask, spy_bid, spy_ask = (numbers[name] for name in PRICES)
        row = Row(line, ts_ns, es_bid, es_ask, spy_bid, spy_ask)
        if "expiry" in cells:
            row.expiry_ns = self._expiry(line, cells["expiry"])
        # The factor wins over the index, which is then read and judged, but not used.
        if "factor" in numbers:
            row.factor = numbers["factor"]
        elif "index" in numbers:
            row.factor = numbers["index"] / ((row.spy_bid + row.spy_ask) / 2)
        return row

    def _expiry(self, line: int, cell: Any) -> int:
        """A number is a time; a text, a date or a time is what the calendar makes of it."""
        if isinstance(cell, int):
            found = time_of(cell)
            if found is not None:
                return found
        else:
            try:
                return self._expiry_of(cell.isoformat() if hasattr(cell, "isoformat") else str(cell))
            except ArbcoreError:
                pass
        raise DataError("not_a_time", f"{cell!r} is no expiry", line=line, column="expiry")


class QuoteReader(Quotes):
    """The rows of a file, which is bytes."""

    _places: dict[str, int]

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        lines = self._lines()
        line, header = next(lines, (1, None))
        if header is None:
            raise DataError("empty", "there is no header", line=None, column=None)
        self._places = _places_of(line, header)
        yield from lines

    def _cells(self, line: int, record: list[str]) -> dict[str, str]:
        cells = {}
        # The first column that is not there is the one to name.
        for name, place in sorted(self._places.items(), key=lambda item: item[1]):
            if place >= len(record):
                raise DataError("too_few", f"there is no field for {name}", line=line, column=name)
            cells[name] = record[place].strip(" \t")
        return cells

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        text = self._data.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
        # The csv module of 3.10 refuses a NUL; any other byte that no legal field holds means the same.
        text = text.replace("\0", "\1")
        lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)
        # Fields are as long as they like; records are not.
        csv.field_size_limit(len(text) + 1)
        reader = csv.reader(lines)
        line = 1
        for fields in reader:
            if sum(map(len, lines[line - 1 : reader.line_num])) > RECORD_BYTES_MAX:
                raise DataError("too_long", "the record is too long", line=line, column=None)
            if any(field.strip(" \t") for field in fields) or len(fields) > 1:
                yield line, fields
            line = reader.line_num + 1


def _places_of(line: int, header: list[str]) -> dict[str, int]:
    names = [name.strip(" \t").lower() for name in header]
    for name in REQUIRED:
        if name not in names:
            raise DataError("missing_column", f"there is no column {name}", line=line, column=name)
    for name in (*REQUIRED, *OPTIONAL):
        if names.count(name) > 1:
            raise DataError("duplicate_column", f"column {name} is there twice", line=line, column=name)
    places = {name: names.index(name) for name in (*REQUIRED, *OPTIONAL) if name in names}
    if max(places.values()) >= COLUMNS_MAX:
        raise DataError("missing_column", "a column is too far out", line=line, column=None)
    return places
