"""Twin of ``carry/_columns``: lists of Python objects to valid rows, one row after the other.

A text means what it means in a file; a number is itself; an integer time tells its unit by its size; whatever
has ``isoformat`` is a time.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from arbcore.errors import ArbcoreError, DataError
from arbcore.reference.quotes import PRICE_MAX, PRICE_MIN, PRICES, Row, parse_price, parse_ts


def time_of(cell: Any) -> int | None:
    """Nanoseconds since 1970 UTC; None where a cell is no time."""
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


class ColumnQuotes:
    """Counts while it is iterated: ``rows``, and ``skipped`` by reason."""

    def __init__(
        self,
        columns: Mapping[str, Sequence[Any]],
        *,
        expiry_of: Callable[[str], int],
        skip_bad: bool = False,
        ordered: bool = True,
    ) -> None:
        self._columns = columns
        self._expiry_of = expiry_of
        self._skip_bad = skip_bad
        self._ordered = ordered
        self.rows = 0
        self.skipped = {"missing": 0, "crossed": 0, "malformed": 0}

    def __iter__(self) -> Iterator[Row]:
        last_ns: int | None = None
        for number in range(1, len(self._columns["ts"]) + 1):
            self.rows += 1
            try:
                row, missing = self._row(number)
            except DataError:
                if not self._skip_bad:
                    raise
                self.skipped["malformed"] += 1
                continue
            if self._ordered and last_ns is not None and row.ts_ns < last_ns:
                raise DataError("order", "time goes back", line=number, column="ts")
            last_ns = row.ts_ns
            if missing:
                self.skipped["missing"] += 1
            elif row.es_bid > row.es_ask or row.spy_bid > row.spy_ask:
                self.skipped["crossed"] += 1
            else:
                yield row

    def _row(self, number: int) -> tuple[Row, bool]:
        cells = {name: column[number - 1] for name, column in self._columns.items()}
        ts_ns = time_of(cells["ts"])
        if ts_ns is None:
            raise DataError("not_a_time", "no time", line=number, column="ts")
        numbers: dict[str, float] = {}
        for name in (*PRICES, "factor", "index"):
            if name not in cells:
                continue
            value = number_of(cells[name])
            if value is None:
                raise DataError("not_a_number", "no number", line=number, column=name)
            if not (math.isnan(value) or PRICE_MIN <= value <= PRICE_MAX):
                raise DataError("out_of_range", "absurd", line=number, column=name)
            numbers[name] = value
        es_bid, es_ask, spy_bid, spy_ask = (numbers[name] for name in PRICES)
        row = Row(number, ts_ns, es_bid, es_ask, spy_bid, spy_ask)
        needed = [*PRICES, "factor"] if "factor" in numbers else list(numbers)
        if "factor" in numbers:
            row.factor = numbers["factor"]
        elif "index" in numbers:
            row.factor = numbers["index"] / ((row.spy_bid + row.spy_ask) / 2)
        if "expiry" in cells:
            row.expiry_ns = self._expiry(cells["expiry"], number)
        return row, any(math.isnan(numbers[name]) for name in needed)

    def _expiry(self, cell: Any, number: int) -> int:
        if isinstance(cell, int):
            found = time_of(cell)
            if found is not None:
                return found
        else:
            try:
                return self._expiry_of(cell.isoformat() if hasattr(cell, "isoformat") else str(cell))
            except ArbcoreError:
                pass
        raise DataError("not_a_time", "no time", line=number, column="expiry")
