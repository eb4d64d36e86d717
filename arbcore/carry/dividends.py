"""Dividends between now and expiry: as a yield, a yield per expiry, or a schedule of ex-dates and points.

Owns which dividends of a schedule count, what they are worth today and at expiry, and how a schedule is
written as CSV. A share goes ex at 09:30 New York on its ex-date; a dividend counts where now < ex <= expiry,
so that one on the expiry date is in: the opening auction that settles the future is already ex. Index points
are the index's own units; amounts in dollars a SPY share become points by the factor.
"""

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from arbcore.carry._carry import exponential, years_to_expiry
from arbcore.carry.calendar import expiry_instant
from arbcore.carry.rates import Rate, check_rate
from arbcore.core.civil import iso_date, read_date
from arbcore.core.text import printable
from arbcore.errors import InputError, UsageError


@dataclass(frozen=True, slots=True)
class Dividend:
    """One dividend of the index: ``points`` at the opening of ``ex_day`` (days since 1970)."""

    ex_day: int
    points: float

    @property
    def ex_ns(self) -> int:
        """The instant from which a buyer no longer receives it."""
        return expiry_instant(self.ex_day)


@dataclass(frozen=True, slots=True)
class YieldPerExpiry:
    """A continuously compounded dividend yield for each expiry, with one for all others."""

    yields: Mapping[int, float]
    default: float = 0.0

    def __post_init__(self) -> None:
        for each in (*self.yields.values(), self.default):
            check_rate(each, "dividend yield")

    def of(self, expiry_day: int) -> float:
        """The yield up to the contract that expires on a day."""
        return self.yields.get(expiry_day, self.default)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Dividends in the order of their ex-dates."""

    dividends: tuple[Dividend, ...]

    def __post_init__(self) -> None:
        for each in self.dividends:
            if not 0.0 <= each.points < math.inf:
                raise UsageError(f"A dividend is 0 points or more, not {each.points:g}.")
        for one, after in pairwise(self.dividends):
            if one.ex_day == after.ex_day:
                raise UsageError(
                    f"A schedule has two dividends on {iso_date(one.ex_day)}; give one, or their sum."
                )
            if one.ex_day > after.ex_day:
                raise UsageError("A schedule of dividends is in the order of its ex-dates; sort it.")

    def between(self, now_ns: int, expiry_ns: int) -> tuple["Payment", ...]:
        """The dividends with now < ex instant <= expiry, each with its time from now."""
        return tuple(
            Payment(each.ex_day, each.points, years_to_expiry(now_ns, each.ex_ns))
            for each in self.dividends
            if now_ns < each.ex_ns <= expiry_ns
        )


@dataclass(frozen=True, slots=True)
class Payment:
    """A dividend that counts: its points, and ``t`` years from now to its ex instant."""

    ex_day: int
    points: float
    t: float

    def present_value(self, rate: Rate) -> float:
        """What it is worth now: points · e^(−r·t) with the rate of its own term."""
        return self.points * exponential(-rate.at(self.t) * self.t)


#: Names of the column that holds a dividend, and whether it is index points (else dollars a SPY share).
AMOUNT_COLUMNS = {"points": True, "amount": False}
#: A dividend of more than this share of a price is a mistake of units.
SHARE_MAX = 0.1


def read_schedule(
    lines: Iterable[str], *, name: str, factor: float | None, index: float = math.inf
) -> Schedule:
    """A schedule from the lines of a CSV file with the columns ``ex_date`` and ``points`` or ``amount``.

    ``points`` are index points; ``amount`` is dollars a SPY share and is multiplied by ``factor``; without a
    factor amounts stay dollars and points are refused. Other columns are ignored, rows may be in any order.
    InputError names the file ``name`` and the line where a row cannot be read, a date comes twice, or a
    dividend is more than a tenth of the ``index``.
    """
    rows = csv.reader(line.lstrip("\ufeff") for line in lines)
    found: dict[int, tuple[Dividend, int]] = {}
    try:
        header = next((row for row in rows if any(cell.strip() for cell in row)), None)
        if header is None:
            raise InputError(f"{name} is empty; it needs the columns ex_date and points (or amount).")
        titles = [title.strip().lower() for title in header]
        amounts = [title for title in titles if title in AMOUNT_COLUMNS]
        if titles.count("ex_date") != 1 or len(amounts) != 1:
            raise InputError(
                f"{name} line {rows.line_num}: the header needs the column ex_date once and one of points "
                "(index points) and amount (USD a SPY share)."
            )
        places = titles.index("ex_date"), titles.index(amounts[0])
        if factor is None and AMOUNT_COLUMNS[amounts[0]]:
            raise InputError(
                f"{name} line {rows.line_num}: points are of the index, and dividends are paid on SPY here; "
                "give USD a share in a column amount."
            )
        unit = 1.0 if factor is None or AMOUNT_COLUMNS[amounts[0]] else factor
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            where = f"{name} line {rows.line_num}"
            dividend = _read_dividend(row, places, unit=unit, where=where)
            if dividend.points > SHARE_MAX * index:
                raise InputError(
                    f"{where}: a dividend of {row[places[1]].strip()} is more than a tenth of the price; "
                    "give index points in a column points, or USD a SPY share in a column amount."
                )
            _, before = found.setdefault(dividend.ex_day, (dividend, rows.line_num))
            if before != rows.line_num:
                raise InputError(
                    f"{where}: {iso_date(dividend.ex_day)} was in line {before} already; give one dividend a "
                    "date, or their sum."
                )
    except csv.Error as error:
        raise InputError(f"{name} line {rows.line_num}: {error}; it is no CSV file.") from None
    return Schedule(tuple(found[ex_day][0] for ex_day in sorted(found)))


def _read_dividend(row: list[str], columns: tuple[int, int], *, unit: float, where: str) -> Dividend:
    date_at, amount_at = columns
    if len(row) <= max(date_at, amount_at):
        raise InputError(f"{where}: the row has too few fields.")
    try:
        ex_day = read_date(row[date_at])
    except InputError as error:
        raise InputError(f"{where}, column ex_date: {error}") from None
    text = row[amount_at].strip()
    try:
        amount = float(text)
    except ValueError:
        amount = math.nan
    if not 0.0 <= amount < math.inf:
        raise InputError(f"{where}: '{printable(text)}' is not a dividend; write a number of 0 or more.")
    return Dividend(ex_day, amount * unit)
