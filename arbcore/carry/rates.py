"""Interest rates: what the market quotes, turned into continuously compounded annual rates.

Everywhere in the carry desk a rate is a decimal (0.0425 for 4.25%), continuously compounded, per year of 365
days. Owns the conventions of Treasury bills (bank discount) and overnight rates (simple, actual/360), and a
curve read at the exact expiry. It knows no dates: time is years from now.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from arbcore.errors import UsageError

#: Beyond ten thousand percent a year it is a mistake of units, not a rate.
RATE_MAX = 100.0
BILL_DAYS = 91


class Rate(Protocol):
    """Anything that knows the continuously compounded annual rate for a term of ``t`` years."""

    def at(self, t: float) -> float: ...


@dataclass(frozen=True, slots=True)
class ConstantRate:
    """The same continuously compounded rate for every term."""

    r: float

    def __post_init__(self) -> None:
        check_rate(self.r, "rate")

    def at(self, t: float) -> float:
        """The rate, whatever the term."""
        return self.r


@dataclass(frozen=True, slots=True)
class BillRate:
    """A Treasury bill's bank-discount yield (DTB3: 91 days), held for every term."""

    discount_yield: float
    days: int = BILL_DAYS

    def __post_init__(self) -> None:
        from_bank_discount(self.discount_yield, days=self.days)

    def at(self, t: float) -> float:
        """The bill's continuously compounded rate, whatever the term."""
        return from_bank_discount(self.discount_yield, days=self.days)


@dataclass(frozen=True, slots=True)
class SimpleRate:
    """A simple rate, actual/360 (SOFR, EFFR, a deposit), quoted for the very term it is used for."""

    simple: float

    def __post_init__(self) -> None:
        check_rate(self.simple, "simple rate")

    def at(self, t: float) -> float:
        """The continuously compounded rate that pays the same over ``t`` years."""
        return from_simple(self.simple, t=t)


class Curve:
    """Continuously compounded zero rates at some terms, read at any term.

    Between two terms r·t is interpolated linearly, which is a constant forward rate; before the first and
    after the last term the rate is that term's. ("Raw" interpolation: Hagan and West, Interpolation Methods
    for Curve Construction, Applied Mathematical Finance 13(2), 2006, section 3.)
    """

    def __init__(self, points: Iterable[tuple[float, float]]) -> None:
        self.points = tuple(sorted((float(t), float(r)) for t, r in points))
        if not self.points:
            raise UsageError("A curve needs at least one point (years, rate).")
        self._terms = [t for t, _ in self.points]
        for t, r in self.points:
            check_rate(r, "rate of a curve")
            if not 0 < t < math.inf:
                raise UsageError(f"A curve's terms are years above 0, not {t:g}.")
        if len(set(self._terms)) != len(self._terms):
            raise UsageError("A curve has two rates for one term; leave one out.")

    def at(self, t: float) -> float:
        """The rate for a term of ``t`` years."""
        after = bisect_left(self._terms, t)
        if after == 0:
            return self.points[0][1]
        if after == len(self.points):
            return self.points[-1][1]
        (t_0, r_0), (t_1, r_1) = self.points[after - 1], self.points[after]
        weight = (t - t_0) / (t_1 - t_0)
        return (r_0 * t_0 * (1.0 - weight) + r_1 * t_1 * weight) / t


def from_bank_discount(discount_yield: float, *, days: int = BILL_DAYS) -> float:
    """Of a bill that pays 1 after ``days`` and costs 1 − yield · days/360: −ln(price) · 365/days.

    The yield is a decimal; 3.63% on 91 days is 3.697%. (Treasury bills: 31 CFR 356, appendix B.)
    """
    check_rate(discount_yield, "bank-discount yield")
    if not 1 <= days <= 366:
        raise UsageError(f"A bill runs for 1 to 366 days, not {days}.")
    price = 1.0 - discount_yield * days / 360
    if price <= 0.0:
        raise UsageError(f"A bank-discount yield of {discount_yield:g} makes the bill free; give a decimal.")
    return -math.log(price) * 365 / days


def from_simple(simple: float, *, t: float) -> float:
    """Of a simple rate on actual/360 days over ``t`` years of 365 days: ln(1 + y·t·365/360)/t.

    At ``t`` = 0 its limit, y·365/360.
    """
    check_rate(simple, "simple rate")
    if not 0.0 <= t < math.inf:
        raise UsageError(f"A term is 0 years or more, not {t:g}.")
    earned = simple * t * 365 / 360
    if earned <= -1.0:
        raise UsageError(f"A simple rate of {simple:g} over {t:g} years would lose more than all.")
    # Below the smallest normal numbers the quotient would lose its digits.
    return math.log1p(earned) / t if t > 1e-12 else simple * 365 / 360


def check_rate(rate: float, name: str) -> None:
    """UsageError where a rate is no finite decimal of a believable size."""
    if not abs(rate) <= RATE_MAX:
        raise UsageError(f"The {name} is a decimal such as 0.045, not {rate:g}.")
