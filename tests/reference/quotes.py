"""Twin of ``carry/_csv``: from a CSV of quotes to valid rows, with the csv module and simple code."""

import csv
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from arbcore.core import civil
from arbcore.errors import ArbcoreError, DataError, UsageError
from arbcore.quotes.column_names import resolve

PRICES = ("es_bid", "es_ask", "spy_bid", "spy_ask")
PRICE_MIN, PRICE_MAX = 1e-9, 1e12
#: Most bytes of a record, and most columns among which the needed ones must be.
RECORD_BYTES_MAX = 1024 * 1024
COLUMNS_MAX = 64

NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
NO_NUMBER = re.compile(
    r"|null|na|n/a|none|<na>|#n/a|#na|#n/a n/a|[+-]?(nan|inf|infinity|1\.#ind|1\.#qnan)", re.IGNORECASE
)
#: Numbers that some programs write for a missing price.
UNDEFINED = (1.7976931348623157e308, 9223372036.854775807)
FRACTION = r"(?:[.,]([0-9]{1,9}))?"
CLOCK = rf"([0-9]{{2}}):([0-9]{{2}})(?::([0-9]{{2}}){FRACTION})?"
LOOSE_CLOCK = rf"([0-9]{{1,2}}):([0-9]{{2}})(?::([0-9]{{2}}){FRACTION})?"
COMPACT_CLOCK = rf"([0-9]{{2}})([0-9]{{2}})(?:([0-9]{{2}}){FRACTION})?"
HALF = r"(?: ?([AaPp][Mm]))?"
ZONE = (
    r"(?: ?(Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)|"
    r" (US/Eastern|America/New_York|US/Central|America/Chicago))?"
)
ISO_DATE = r"(?P<y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})"
BASIC_DATE = r"(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})"
YEAR_FIRST = r"(?P<y>[0-9]{4})/(?P<m>[0-9]{1,2})/(?P<d>[0-9]{1,2})"
YEAR_LAST = r"(?P<m>[0-9]{1,2})/(?P<d>[0-9]{1,2})/(?P<y>[0-9]{4})"
#: All spellings of a time that is not a number: a date, a separator, a clock, AM or PM, a zone.
TIMES = [
    re.compile(pattern, re.IGNORECASE)
    for date, clocks in (
        (ISO_DATE, (CLOCK,)), (BASIC_DATE, (CLOCK, COMPACT_CLOCK)), (YEAR_FIRST, (LOOSE_CLOCK,)),
        (YEAR_LAST, (LOOSE_CLOCK,)),
    )
    for clock in clocks
    for pattern in (
        rf"{date}", rf"{date}T{clock}(?P<half>){ZONE}", rf"{date} +{clock}{HALF}{ZONE}",
        *([rf"{date}(?P<fix>-){CLOCK}"] if date == BASIC_DATE else []),
    )
]  # fmt: skip
EPOCH = re.compile(r"([0-9]+)(?:\.([0-9]+))?")
EPOCH_FIRST_NS = 631_152_000 * 10**9
WINTER_HOURS = {"us/eastern": 5, "america/new_york": 5, "us/central": 6, "america/chicago": 6}
MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
SECOND_NS = 10**9


@dataclass
class Row:
    """One valid row. ``expiry_ns`` and ``factor`` are None if the file has no such column."""

    line: int
    ts_ns: int
    es_bid: float
    es_ask: float
    spy_bid: float
    spy_ask: float
    expiry_ns: int | None = None
    factor: float | None = None


def days_before(year: int, month: int, day: int) -> int | None:
    """Returns the days from 1970-01-01 to a date; None if the date does not exist."""

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


def parse_ts(text: str, *, tz: str | None = None, day_first: bool = False) -> int | None:
    """Returns nanoseconds since 1970 UTC; None if the text is not a time, or does not fit in 64 bits."""
    number = EPOCH.fullmatch(text)
    if number is not None:
        if len(text) == 8 and number[2] is None and 1678 <= int(text[:4]) <= 2261:
            days = days_before(int(text[:4]), int(text[4:6]), int(text[6:]))
            if days is not None:
                return _utc(days * 86_400, 0, tz)
        return _epoch(number[1], number[2] or "")
    for pattern in TIMES:
        match = pattern.fullmatch(text)
        if match is not None:
            return _time(match, tz, day_first)
    return None


def _epoch(whole: str, fraction: str) -> int | None:
    if len(whole.lstrip("0")) > 20:
        return None
    size = int(whole)
    unit = 10**9 if size < 10**11 else 10**6 if size < 10**14 else 10**3 if size < 10**17 else 1
    decimals = len(str(unit)) - 1
    if fraction[decimals:].strip("0"):
        return None
    found = _in_range(size * unit + int(fraction[:decimals].ljust(decimals, "0") or "0"))
    return found if found is not None and size * unit >= EPOCH_FIRST_NS else None


def _time(match: re.Match[str], tz: str | None, day_first: bool) -> int | None:
    named = match.groupdict()
    year, month, day = int(named["y"]), int(named["m"]), int(named["d"])
    if day_first and match.re.pattern.startswith(YEAR_LAST):
        month, day = day, month
    days = days_before(year, month, day)
    if days is None or (match.re.pattern.startswith(BASIC_DATE) and not 1678 <= year <= 2261):
        return None
    cells = [cell for at, cell in enumerate(match.groups(), 1) if at not in match.re.groupindex.values()]
    if not cells:
        return _utc(days * 86_400, 0, tz)
    hour, minute, second, fraction, *rest = cells
    half: str | None
    offset: str | None
    zone: str | None
    if "fix" in named:
        half, offset, zone = None, "Z", None
    elif "half" in named:
        half = None
        offset, zone = rest
    else:
        half, offset, zone = rest
    hours = int(hour)
    if hours > 23 or int(minute) > 59 or int(second or 0) > 59:
        return None
    if half is not None:
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + (12 if half.lower() == "pm" else 0)
    seconds = ((days * 24 + hours) * 60 + int(minute)) * 60 + int(second or 0)
    fraction_ns = int((fraction or "").ljust(9, "0"))
    if zone is not None:
        return _utc(seconds, fraction_ns, zone)
    if offset is None:
        return _utc(seconds, fraction_ns, tz)
    if offset[0] in "+-":
        off_hours, off_minutes = int(offset[1:3]), int(offset[3:].lstrip(":") or 0)
        if off_hours > 23 or off_minutes > 59:
            return None
        shift = (off_hours * 60 + off_minutes) * 60
        seconds += shift if offset[0] == "-" else -shift
    return _in_range(seconds * SECOND_NS + fraction_ns)


def _utc(wall_s: int, fraction_ns: int, zone: str | None) -> int | None:
    """Returns the instant at which a zone's clock shows a time, the first of two; None if it never does."""
    winter = WINTER_HOURS.get((zone or "utc").lower(), 0)
    if winter == 0:
        return _in_range(wall_s * SECOND_NS + fraction_ns)
    for hours in (winter - 1, winter):
        seconds = wall_s + hours * 3_600
        # Chicago's clock is an hour behind New York's.
        eastern_ns = (seconds - (winter - 5) * 3_600) * SECOND_NS
        try:
            behind_s = -civil.new_york_offset_ns(eastern_ns) // SECOND_NS
        except UsageError:
            return None
        if behind_s // 3_600 + winter - 5 == hours:
            return _in_range(seconds * SECOND_NS + fraction_ns)
    return None


def _in_range(ns: int) -> int | None:
    return ns if -(2**63) < ns < 2**63 else None


def parse_price(text: str) -> float | None:
    """Returns the number; NaN if it is missing, not finite or not above 0; None if the text is not one."""
    if NO_NUMBER.fullmatch(text):
        return math.nan
    if NUMBER.fullmatch(text) is None:
        return None
    value = float(text)
    return value if 0 < value < math.inf and value not in UNDEFINED else math.nan


def text_of(cell: Any) -> str:
    """Returns a cell as a file would have it: a float without an exponent, a date or time in ISO 8601."""
    if isinstance(cell, float) and cell == cell and abs(cell) < 1e19 and cell == int(cell):
        return str(int(cell))
    text = cell if isinstance(cell, str) else cell.isoformat() if hasattr(cell, "isoformat") else str(cell)
    return text.strip(" \t")


def number_of(cell: Any) -> float | None:
    """Returns the number; NaN if it is missing; None if the cell is not a number."""
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
    return value if 0 < value < math.inf and value not in UNDEFINED else math.nan


class Quotes(ABC):
    """The rules of a row, for any source of cells.

    While it is iterated it counts ``rows``, and ``skipped`` by reason.
    """

    def __init__(
        self,
        data: Any,
        *,
        expiry_of: Callable[[str], int],
        skip_bad: bool = False,
        ordered: bool = True,
        tz: str | None = None,
        day_first: bool = False,
        use_factor: bool = False,
    ) -> None:
        self._data = data
        self._expiry_of = expiry_of
        self._skip_bad = skip_bad
        self._ordered = ordered
        self._tz = tz
        self._day_first = day_first
        self._use_factor = use_factor
        self._names: dict[str, str] = {}
        self._indexes: list[float] = []
        self.rows = 0
        self.skipped = {"missing": 0, "crossed": 0, "malformed": 0}

    @abstractmethod
    def _records(self) -> Iterator[tuple[int, Any]]:
        """Yields every data row with the line or number that an error names."""

    @abstractmethod
    def _cells(self, line: int, record: Any) -> dict[str, Any]:
        """Returns a record's cells by their role."""

    def __iter__(self) -> Iterator[Row]:
        last_ns: int | None = None
        for line, record in self._records():
            self.rows += 1
            try:
                row = self._row(line, self._cells(line, record))
            except DataError as error:
                if not self._skip_bad or error.kind == "row_number":
                    raise
                self.skipped["malformed"] += 1
                continue
            if self._ordered and last_ns is not None and row.ts_ns < last_ns:
                raise DataError("order", "time goes back", line=line, column=self._name("ts"))
            last_ns = row.ts_ns
            prices = [row.es_bid, row.es_ask, row.spy_bid, row.spy_ask]
            if any(map(math.isnan, prices)) or (row.factor is not None and math.isnan(row.factor)):
                self.skipped["missing"] += 1
            elif row.es_bid > row.es_ask or row.spy_bid > row.spy_ask:
                self.skipped["crossed"] += 1
            else:
                yield row

    def _name(self, role: str) -> str:
        return self._names.get(role, role)

    def _row(self, line: int, cells: dict[str, Any]) -> Row:
        text = text_of(cells["ts"])
        if "clock" in cells:
            text = f"{text} {text_of(cells['clock'])}"
        ts_ns = parse_ts(text, tz=self._tz, day_first=self._day_first)
        if ts_ns is None:
            raise DataError("not_a_time", f"{text!r} is not a time", line=line, column=self._name("ts"))
        numbers: dict[str, float] = {}
        for name in (*PRICES, "factor", "index"):
            if name not in cells:
                continue
            value = number_of(cells[name])
            if name == "index" and self.rows <= 3 and value is not None:
                self._index(line, 0.0 if math.isnan(value) else value, numbers["es_bid"])
            if value is None:
                raise DataError(
                    "not_a_number", f"{cells[name]!r} is not a number", line=line, column=self._name(name)
                )
            if not (math.isnan(value) or PRICE_MIN <= value <= PRICE_MAX):
                raise DataError(
                    "out_of_range", f"{cells[name]!r} is absurd", line=line, column=self._name(name)
                )
            numbers[name] = value
        es_bid, es_ask, spy_bid, spy_ask = (numbers[name] for name in PRICES)
        row = Row(line, ts_ns, es_bid, es_ask, spy_bid, spy_ask)
        if "index" in numbers and "factor" not in numbers and not any(map(math.isnan, numbers.values())):
            self._near(line, numbers["index"], es_bid)
        if "expiry" in cells:
            row.expiry_ns = self._expiry(line, cells["expiry"])
        if "factor" in numbers:
            row.factor = numbers["factor"]
        elif "index" in numbers:
            row.factor = numbers["index"] / ((row.spy_bid + row.spy_ask) / 2)
        return row

    def _near(self, line: int, index: float, es_bid: float) -> None:
        """Raises if an index is below half or above twice its future: the column then is not the index."""
        if not es_bid / 2 < index < es_bid * 2:
            raise DataError(
                "not_an_index", "it is far from its future", line=line, column=self._name("index")
            )

    def _index(self, line: int, value: float, es_bid: float) -> None:
        """Raises if the column of the index counts the rows instead."""
        self._indexes.append(value)
        first = self._indexes[0]
        counts = first == int(first) and self._indexes == [first + at for at in range(len(self._indexes))]
        far = not es_bid / 2 < value < es_bid * 2
        if counts and (first in (0, 1) or (len(self._indexes) == 3 and far)):
            raise DataError("row_number", "the index counts the rows", line=line, column="index")

    def _expiry(self, line: int, cell: Any) -> int:
        """Reads an expiry from a text, a number, a date or a time, by the calendar."""
        try:
            return self._expiry_of(text_of(cell))
        except ArbcoreError:
            raise DataError(
                "not_a_time", f"{cell!r} is no expiry", line=line, column=self._name("expiry")
            ) from None


class QuoteReader(Quotes):
    """The rows of a file, given as bytes."""

    _places: dict[str, int]

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        lines = self._lines()
        line, header = next(lines, (1, None))
        if header is None:
            raise DataError("empty", "there is no header", line=None, column=None)
        found = resolve(header, where="the file", line=line, use_factor=self._use_factor)
        if max(found.places.values()) >= COLUMNS_MAX:
            raise DataError("missing_column", "a column is too far out", line=line, column=None)
        self._places, self._names = found.places, found.names
        yield from lines

    def _cells(self, line: int, record: list[str]) -> dict[str, str]:
        cells = {}
        # The error names the first missing column.
        for name, place in sorted(self._places.items(), key=lambda item: item[1]):
            if place >= len(record):
                name = self._name(name)
                raise DataError("too_few", f"there is no field for {name}", line=line, column=name)
            cells[name] = record[place].strip(" \t")
        return cells

    def _lines(self) -> Iterator[tuple[int, list[str]]]:
        text = self._data.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
        # The csv module of 3.10 refuses a NUL, so another byte that no legal field contains replaces it.
        text = text.replace("\0", "\1")
        lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)
        # Only the length of records is limited, not that of fields.
        csv.field_size_limit(len(text) + 1)
        first = next((each.rstrip("\r\n") for each in lines if each.strip(" \t\r\n")), "")
        # If several occur equally often, the first of these counts.
        separator = max(",;\t", key=first.count)
        reader = csv.reader(lines, delimiter=separator)
        line = 1
        for fields in reader:
            if sum(map(len, lines[line - 1 : reader.line_num])) > RECORD_BYTES_MAX:
                raise DataError("too_long", "the record is too long", line=line, column=None)
            if any(field.strip(" \t") for field in fields) or len(fields) > 1:
                yield line, fields
            line = reader.line_num + 1
