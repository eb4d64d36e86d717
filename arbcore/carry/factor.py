"""The factor that turns a SPY price into the index: constant, a series, or calibrated from quotes.

SPY times ten is not the index: dividends held in the fund and its fees move it, by more than an entry
threshold. Owns the three ways of knowing the factor; nothing here looks ahead of the instant it is asked for.
"""

import csv
import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from statistics import median

from arbcore.carry._carry import carry_factor
from arbcore.core._cells import read_ts
from arbcore.errors import InputError, UsageError

DEFAULT_FACTOR = 10.0


def check_factor(factor: float) -> float:
    """The factor itself; UsageError where it is not a positive number."""
    if not 0.0 < factor < math.inf:
        raise UsageError(f"The factor is a number above 0 such as 10.03, not {factor:g}.")
    return factor


def factor_of_index(*, index: float, spy_mid: float) -> float:
    """The factor that a quote of the index shows."""
    return check_factor(index / spy_mid if spy_mid else math.nan)


def factor_of_future(*, es_mid: float, spy_mid: float, r: float, d: float, t: float) -> float:
    """The factor at which the future would be fair: es_mid / (spy_mid · e^((r − d)·t))."""
    fair = carry_factor(factor=spy_mid, r=r, d=d, t=t)
    return check_factor(es_mid / fair if fair else math.nan)


def calibrated_factor(factors: Sequence[float]) -> float:
    """The median of the factors of a calibration window, whose rows must not be traded."""
    if not factors:
        raise UsageError("A factor cannot be calibrated from no quotes; give a window of one row or more.")
    return check_factor(median(factors))


def read_series(lines: Iterable[str], *, name: str) -> "FactorSeries":
    """A series from the lines of a CSV file with the columns ``ts`` and ``factor``, in order of time.

    Times are spelled as in a file of quotes. InputError names the file ``name`` and the line.
    """
    rows = csv.reader(lines)
    try:
        titles = [title.strip().lower() for title in next(rows, [])]
        if "ts" not in titles or "factor" not in titles:
            raise InputError(f"{name} line 1: the header needs the columns ts and factor.")
        points = [
            _point_of(dict(zip(titles, row, strict=False)), f"{name} line {rows.line_num}")
            for row in rows
            if any(cell.strip() for cell in row)
        ]
    except csv.Error as error:
        raise InputError(f"{name} line {rows.line_num}: {error}; it is no CSV file.") from None
    if [time_ns for time_ns, _ in points] != sorted(time_ns for time_ns, _ in points):
        raise InputError(f"{name}: its times go back; sort it.")
    return FactorSeries(points)


def _point_of(row: dict[str, str], where: str) -> tuple[int, float]:
    time_ns = read_ts(row["ts"].strip().encode())
    try:
        if time_ns is not None:
            return time_ns, check_factor(float(row.get("factor", "")))
    except (UsageError, ValueError):
        pass
    raise InputError(f"{where}: write a time and a factor above 0, such as 2026-03-02T14:30:00Z,10.03.")


class FactorSeries:
    """Factors as they became known: (instant in UTC nanoseconds, factor), times not decreasing."""

    def __init__(self, points: Iterable[tuple[int, float]]) -> None:
        self.points = tuple(points)
        self._times = [time_ns for time_ns, _ in self.points]
        if self._times != sorted(self._times):
            raise UsageError("A series of factors is in the order of its times; sort it.")
        for _, factor in self.points:
            check_factor(factor)

    def at(self, now_ns: int) -> float:
        """The last factor known at an instant; UsageError before the first one."""
        at = bisect_right(self._times, now_ns)
        if at == 0:
            raise UsageError("The series of factors begins after the first quote; add an earlier factor.")
        return self.points[at - 1][1]
