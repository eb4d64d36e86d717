"""Interest rates: converts quoted market rates to continuously compounded annual rates.

Everywhere in the carry desk a rate is a decimal (0.0425 for 4.25%), continuously compounded, per year of 365
days. Owns the conventions of Treasury bills (bank discount) and overnight rates (simple, actual/360). It
knows no dates: time is years from now.
"""

import math

from arbcore.errors import UsageError

#: A rate beyond ten thousand percent a year has the wrong unit.
RATE_MAX = 100.0
BILL_DAYS = 91


def from_bank_discount(discount_yield: float, *, days: int = BILL_DAYS) -> float:
    """The rate of a bill that pays 1 after ``days`` and costs 1 − yield · days/360: −ln(price) · 365/days.

    The yield is a decimal; 3.63% on 91 days is 3.697%. (Treasury bills: 31 CFR 356, appendix B.)
    """
    check_rate(discount_yield, "bank-discount yield")
    if not 1 <= days <= 366:
        raise UsageError(f"A bill runs for 1 to 366 days, not {days}.")
    price = 1.0 - discount_yield * days / 360
    if price <= 0.0:
        raise UsageError(f"A bank-discount yield of {discount_yield:g} leaves a bill no price; use decimals.")
    return -math.log(price) * 365 / days


def from_simple(simple: float, *, t: float) -> float:
    """The rate of a simple rate on actual/360 days over ``t`` years of 365 days: ln(1 + y·t·365/360)/t.

    At ``t`` = 0 it is the limit, y·365/360.
    """
    check_rate(simple, "simple rate")
    if not 0.0 <= t < math.inf:
        raise UsageError(f"A term is 0 years or more, not {t:g}.")
    earned = simple * t * 365 / 360
    if earned <= -1.0:
        raise UsageError(f"A simple rate of {simple:g} over {t:g} years loses more than the whole amount.")
    # For ``t`` below the smallest normal numbers the quotient would lose digits.
    return math.log1p(earned) / t if t > 1e-12 else simple * 365 / 360


def check_rate(rate: float, name: str) -> None:
    """Raises UsageError if a rate is not a finite decimal within bounds."""
    if not abs(rate) <= RATE_MAX:
        raise UsageError(f"The {name} is a decimal such as 0.045, not {rate:g}.")
