"""Rates and dividends as users give them: a number, a file by date, a yield by contract, a schedule.

Every command and the bot read them here. Owns the formats and the choice of the value for a row; ``fair`` and
``level`` compute fair values from them. It gets lines of text, not files.
"""

import csv
import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from arbcore.carry._carry import years_to_expiry
from arbcore.carry.calendar import contract_of_code, expiry_instant, read_expiry, trading_date
from arbcore.carry.fair import Payment
from arbcore.carry.money import PaidDividend
from arbcore.carry.pairs import pair_of_future
from arbcore.carry.rates import from_bank_discount, from_simple
from arbcore.core.backtest_options import DEFAULT_YIELD, RATE_BOUNDS
from arbcore.core.civil import iso_date, iso_time, read_date
from arbcore.core.text import printable
from arbcore.errors import ArbcoreError, ConfigError, DataError, InputError

#: A rate dated more days than this before a row is too old for it.
RATE_DAYS_MAX = 7
#: A dividend above this fraction of the price has the wrong unit.
DIVIDEND_PART_MAX = 0.1

_CODE = re.compile(r"([A-Z0-9]+?)([HMUZ][0-9]{2})")


class Quoting(Enum):
    """How a file's rates are quoted."""

    CONTINUOUS = "rate"
    BANK_DISCOUNT = "dtb3"
    SIMPLE = "sofr"


# By the name of a file's second column: how its rates are quoted, and which number stands for a rate of 1.
_QUOTINGS = {
    "rate": (Quoting.CONTINUOUS, 1.0),
    "dtb3": (Quoting.BANK_DISCOUNT, 100.0),
    "sofr": (Quoting.SIMPLE, 100.0),
    "effr": (Quoting.SIMPLE, 100.0),
    "dff": (Quoting.SIMPLE, 100.0),
}
_DATE_COLUMNS = ("date", "observation_date")


@dataclass(frozen=True, slots=True)
class RateHistory:
    """Rates by date: ``days`` in rising order, ``values`` as decimals, as quoted."""

    name: str
    quoting: Quoting
    days: tuple[int, ...]
    values: tuple[float, ...]

    def at(self, now_ns: int, t: float) -> float:
        """The continuously compounded rate of a row: the last value dated before its New York date.

        Args:
            now_ns: the row's time, UTC nanoseconds.
            t: years to its expiry, needed to convert a simple rate.

        Raises:
            InputError: the rates begin after the row, or the last one before it is older than a week.
        """
        _, value = self.known_at(now_ns)
        if self.quoting is Quoting.BANK_DISCOUNT:
            return from_bank_discount(value)
        return from_simple(value, t=t) if self.quoting is Quoting.SIMPLE else value

    def known_at(self, now_ns: int) -> tuple[int, float]:
        """The date and the quoted value of the rate that ``at`` uses; raises InputError as ``at`` does."""
        day = trading_date(now_ns)
        at = bisect_left(self.days, day)
        if at == 0:
            raise InputError(
                f"{self.name} begins on {iso_date(self.days[0])}, and the row of {iso_time(now_ns)} needs a "
                "rate dated before it; give earlier rates."
            )
        if day - self.days[at - 1] > RATE_DAYS_MAX:
            raise InputError(
                f"{self.name} has no rate within {RATE_DAYS_MAX} days before the row of {iso_time(now_ns)}; "
                f"the last one is of {iso_date(self.days[at - 1])}."
            )
        return self.days[at - 1], self.values[at - 1]


def read_rates(lines: Iterable[str], *, name: str) -> RateHistory:
    """Reads rates from the lines of a CSV file with a date and a column rate, DTB3, SOFR, EFFR or DFF.

    ``rate`` is a decimal, continuously compounded; the others are percent, as in FRED's files. ``.`` or an
    empty cell is a day without a rate. Rows may be in any order.

    Args:
        lines: the lines of the file, header first.
        name: the file, for an error message.

    Raises:
        DataError: the header or a line cannot be read, or a date comes twice.
    """
    rows = csv.reader(line.lstrip("\ufeff") for line in lines)
    titles = [title.strip().lower() for title in next(rows, [])]
    dates = [title for title in titles if title in _DATE_COLUMNS]
    values = [title for title in titles if title in _QUOTINGS]
    if len(dates) != 1 or len(values) != 1:
        raise DataError(
            "missing_column",
            f"{name} line 1: the header must be date,rate (decimals) or observation_date and one of DTB3, "
            "SOFR and EFFR (percent).",
            line=1,
            column="rate",
        )
    quoting, unit = _QUOTINGS[values[0]]
    found: dict[int, float] = {}
    for cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        where = f"{name} line {rows.line_num}"
        try:
            text = cells[titles.index(values[0])].strip()
            day = read_date(cells[titles.index(dates[0])])
            if text in ("", "."):
                continue
            value = float(text) / unit
            _check_annual(value)
            if quoting is Quoting.BANK_DISCOUNT:
                from_bank_discount(value)
        except (ArbcoreError, ValueError, IndexError) as error:
            raise DataError(
                "not_a_number",
                f"{where}: {_said(error)}; write a date such as 2026-03-02 and a rate.",
                line=rows.line_num,
                column=values[0],
            ) from None
        if day in found:
            raise DataError(
                "order",
                f"{where}: {iso_date(day)} comes twice; leave one out.",
                line=rows.line_num,
                column=dates[0],
            )
        found[day] = value
    if not found:
        raise DataError("empty", f"{name} has no rate.", line=None, column=values[0])
    days = tuple(sorted(found))
    return RateHistory(name, quoting, days, tuple(found[day] for day in days))


def expiry_of_code(code: str) -> int | None:
    """The expiry instant of a contract code such as ESH26 or MNQZ26, in UTC nanoseconds; None if it is not
    the code of a quarterly contract of a future in the table of pairs.
    """
    match = _CODE.fullmatch(code.strip().upper())
    if match is None or pair_of_future(match[1]) is None:
        return None
    return contract_of_code(f"ES{match[2]}").expiry_ns


def expiry_named(text: str) -> int:
    """The instant of an expiry given as a contract code, or in a form that ``calendar.read_expiry`` reads."""
    expiry_ns = expiry_of_code(text)
    return read_expiry(text) if expiry_ns is None else expiry_ns


@dataclass(frozen=True, slots=True)
class Yields:
    """A dividend yield for each expiry that has its own, and ``default`` for all others."""

    default: float
    by_expiry_day: Mapping[int, float]

    def of(self, expiry_ns: int) -> float:
        """The yield up to an expiry, an instant in UTC nanoseconds."""
        if not self.by_expiry_day:
            return self.default
        return self.by_expiry_day.get(trading_date(expiry_ns), self.default)


def parse_yields(text: str | float, *, name: str = "d") -> Yields:
    """Reads one yield, or yields by contract: ``0.013``, ``0.013,ESH26:0.011``, ``ESH26:0.011,ESM26:0.012``.

    Contracts not named have the yield without a contract, or ``DEFAULT_YIELD`` if there is none.

    Raises:
        ConfigError: a part has none of these forms, or a contract comes twice.

    >>> parse_yields("0.013,ESH26:0.011").default
    0.013
    """
    default: float | None = None
    by_day: dict[int, float] = {}
    for part in str(text).split(","):
        code, colon, number = part.rpartition(":")
        try:
            value = float(number)
            _check_annual(value)
        except (ArbcoreError, ValueError):
            raise ConfigError(
                f"{name} is '{printable(str(text))}'; write a yield such as 0.013, then contracts' own such "
                "as ESH26:0.011."
            ) from None
        if not colon:
            if default is not None:
                raise ConfigError(
                    f"{name} is '{printable(str(text))}', which has two yields without a contract."
                )
            default = value
            continue
        expiry_ns = expiry_of_code(code)
        if expiry_ns is None:
            raise ConfigError(
                f"{name} has '{printable(code)}', which is no contract; write a future, H, M, U or Z, and "
                "the year in two digits, such as ESH26."
            )
        day = trading_date(expiry_ns)
        if day in by_day:
            raise ConfigError(f"{name} is '{printable(str(text))}', which has {printable(code)} twice.")
        by_day[day] = value
    return Yields(DEFAULT_YIELD if default is None else default, by_day)


def read_dividends(lines: Iterable[str], *, name: str) -> tuple[PaidDividend, ...]:
    """Reads a schedule from a CSV file's lines ``ex_date,amount[,unit]``: ``usd`` (default) or ``points``.

    Args:
        lines: the lines of the file, header first; rows in any order, other columns are ignored.
        name: the file, for an error message.

    Returns:
        The dividends in order of their ex instants, 09:30 New York.

    Raises:
        DataError: the header or a line cannot be read, an amount is below 0, or a date comes twice.
    """
    rows = csv.reader(line.lstrip("\ufeff") for line in lines)
    titles = [title.strip().lower() for title in next(rows, [])]
    if titles.count("ex_date") != 1 or titles.count("amount") != 1 or titles.count("unit") > 1:
        raise DataError(
            "missing_column", f"{name} line 1: the header must be ex_date,amount or ex_date,amount,unit.",
            line=1, column="ex_date",
        )  # fmt: skip
    found: dict[int, PaidDividend] = {}
    for cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        where, line = f"{name} line {rows.line_num}", rows.line_num
        try:
            day = read_date(cells[titles.index("ex_date")])
            amount = float(cells[titles.index("amount")])
            unit = cells[titles.index("unit")].strip().lower() if "unit" in titles else "usd"
            if not 0.0 <= amount < math.inf:
                raise ValueError(f"{amount:g} is no amount")
            if unit not in ("", "usd", "points"):
                raise ValueError(f"'{printable(unit)}' is not a unit")
        except (ArbcoreError, ValueError, IndexError) as error:
            raise DataError(
                "not_a_number",
                f"{where}: {_said(error)}; write a date, an amount of 0 or more, and usd or points.",
                line=line,
                column=None,
            ) from None
        if day in found:
            raise DataError(
                "order",
                f"{where}: {iso_date(day)} comes twice; add the amounts up.",
                line=line,
                column="ex_date",
            )
        found[day] = PaidDividend(expiry_instant(day), amount, unit == "points", line)
    if not found:
        raise DataError("empty", f"{name} has no dividend.", line=None, column="amount")
    return tuple(found[day] for day in sorted(found))


def check_dividends(
    schedule: Sequence[PaidDividend], *, name: str, first_ns: int, etf_price: float, index: float
) -> None:
    """Checks a schedule against the first valid row.

    Args:
        schedule: the dividends, in order of ex instants.
        name: the file, for an error message.
        first_ns: the row's time.
        etf_price: the ETF's mid in USD.
        index: the approximate index, in points.

    Raises:
        InputError: an amount is above a tenth of the price, or every ex-date is before the data.
    """
    for each in schedule:
        price, unit = (index, "points") if each.points else (etf_price, "USD")
        if each.amount > DIVIDEND_PART_MAX * price:
            where = f"{name} line {each.line}" if each.line else name
            raise InputError(
                f"{where}: the dividend of {iso_date(trading_date(each.ex_ns))} is {each.amount:g} {unit} at "
                f"a price of {price:,.2f}; correct its amount or its unit."
            )
    check_reaches(schedule, name=name, first_ns=first_ns)


def check_reaches(schedule: Sequence[PaidDividend], *, name: str, first_ns: int) -> None:
    """Raises InputError if every ex-date of a schedule is before the first row at ``first_ns``."""
    if schedule and schedule[-1].ex_ns < first_ns:
        raise InputError(
            f"{name} ends on {iso_date(trading_date(schedule[-1].ex_ns))}, before the data; add the "
            "dividends to come, or give a yield."
        )


def payments_between(
    schedule: Iterable[PaidDividend], now_ns: int, expiry_ns: int, *, factor: float
) -> tuple[Payment, ...]:
    """The dividends of a schedule with now < ex instant <= expiry, in points of the index.

    A dividend on the expiry date counts: the opening auction that settles the future is already ex.

    Args:
        schedule: the dividends, in any order.
        now_ns: UTC nanoseconds.
        expiry_ns: the expiry of the future.
        factor: index points per USD of the ETF, which converts USD a share to points.
    """
    return tuple(
        Payment(
            trading_date(each.ex_ns),
            each.amount if each.points else each.amount * factor,
            years_to_expiry(now_ns, each.ex_ns),
        )
        for each in schedule
        if now_ns < each.ex_ns <= expiry_ns
    )


def _check_annual(value: float) -> None:
    """Raises ValueError if a rate or a yield is outside the bounds of the settings ``r`` and ``d``."""
    low, high = RATE_BOUNDS
    if not low <= value <= high:
        raise ValueError(f"{value:g} is no decimal from {low:g} to {high:g}")


def _said(error: Exception) -> str:
    """What is wrong with a line, as a part of a sentence."""
    if isinstance(error, IndexError):
        return "the row has too few fields"
    return str(error).rstrip(".").replace("could not convert string to float: ", "no number: ")
