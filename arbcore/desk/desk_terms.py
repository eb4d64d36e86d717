"""The cost of carry at an instant: the rate and the dividends, and the growth of the future over the ETF.

The fair future is factor · (P − paid) · growth, with P the ETF's price. With a dividend yield d, growth is
e^((r − d)·t) and paid is 0. With a schedule, growth is e^(r·t) and paid is today's value of the dividends up
to expiry. The rate r includes the financing spread. The factor is the level; this module knows no prices.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from arbcore.carry._carry import carry_factor, exponential, years_to_expiry
from arbcore.carry.fair import implied_repo
from arbcore.carry.money import PaidDividend
from arbcore.carry.rates import RATE_MAX, check_rate
from arbcore.carry.terms import RateHistory, Yields
from arbcore.errors import InputError, UsageError


class Paid(NamedTuple):
    """Today's value of the scheduled dividends up to an expiry: USD a share, and index points."""

    usd: float
    points: float


NOTHING_PAID = Paid(0.0, 0.0)


class CarryTerms:
    """The present rate and dividends. Raises UsageError for a number out of range.

    Args:
        rate: a number, continuously compounded, or rates by date.
        dividends: a yield, a yield for each expiry, or a schedule.
        spread: the market's financing rate less ``rate``.
    """

    def __init__(
        self,
        rate: float | RateHistory,
        dividends: float | Yields | Sequence[PaidDividend],
        *,
        spread: float = 0.0,
    ) -> None:
        self._rate = rate if isinstance(rate, RateHistory) else _checked(rate, "rate")
        self._last_rate: float | None = None
        self._spread = spread
        self._yields = Yields(0.0, {})
        self.schedule: tuple[PaidDividend, ...] | None = None
        if isinstance(dividends, Yields):
            self._yields = dividends
        elif isinstance(dividends, int | float):
            self._yields = Yields(_checked(dividends, "dividend yield"), {})
        else:
            self.schedule = tuple(dividends)

    def tell(self, *, r: float | None, d: float | None) -> None:
        """Sets a new rate or yield; None keeps the old one. With a schedule, a new yield has no effect."""
        if r is not None:
            self._rate = _checked(r, "rate")
        if d is not None:
            self._yields = Yields(_checked(d, "dividend yield"), {})

    def base_rate(self, utc_ns: int, expiry_ns: int) -> float:
        """The rate at an instant, without the financing spread.

        If the rates by date have none for the instant, the last one found is used: a held pair cannot wait.
        Raises InputError if none was found before.
        """
        rate = self._rate
        if not isinstance(rate, RateHistory):
            return rate
        try:
            self._last_rate = rate.at(utc_ns, years_to_expiry(utc_ns, expiry_ns))
        except InputError:
            if self._last_rate is None:
                raise
        return self._last_rate

    def rate(self, utc_ns: int, expiry_ns: int) -> float:
        """The rate of a fair value, including the financing spread."""
        return self.base_rate(utc_ns, expiry_ns) + self._spread

    def dividend_yield(self, expiry_ns: int) -> float:
        """The yield up to an expiry; 0 under a schedule."""
        return 0.0 if self.schedule is not None else self._yields.of(expiry_ns)

    def paid(self, utc_ns: int, expiry_ns: int) -> Paid:
        """Today's value of the schedule's dividends with now < ex instant <= expiry."""
        if self.schedule is None:
            return NOTHING_PAID
        r = self.rate(utc_ns, expiry_ns)
        usd = points = 0.0
        for each in self.schedule:
            if utc_ns < each.ex_ns <= expiry_ns:
                worth = each.amount * exponential(-r * years_to_expiry(utc_ns, each.ex_ns))
                if each.points:
                    points += worth
                else:
                    usd += worth
        return Paid(usd, points)

    def carry(self, utc_ns: int, expiry_ns: int, *, factor: float = 1.0) -> float:
        """factor · growth for a contract; with a factor of 1, the growth."""
        return carry_factor(
            factor=factor, r=self.rate(utc_ns, expiry_ns), d=self.dividend_yield(expiry_ns),
            t=years_to_expiry(utc_ns, expiry_ns),
        )  # fmt: skip

    def implied_repo(
        self, utc_ns: int, expiry_ns: int, *, fut_price: float, etf_price: float, factor: float
    ) -> float | None:
        """The rate at which these prices are fair; None if it is above RATE_MAX or does not exist."""
        t = years_to_expiry(utc_ns, expiry_ns)
        paid = self.paid(utc_ns, expiry_ns)
        spot = factor * (etf_price - paid.usd) - paid.points
        try:
            rate = implied_repo(future=fut_price, spot=spot, t=t, d=self.dividend_yield(expiry_ns))
        except UsageError:
            return None
        return rate if abs(rate) <= RATE_MAX else None

    def implied_financing(
        self, utc_ns: int, expiry_ns: int, *, level: float, true_factor: float
    ) -> float | None:
        """The rate that explains a level, given the true factor; None at expiry."""
        t = years_to_expiry(utc_ns, expiry_ns)
        return self.rate(utc_ns, expiry_ns) + math.log(level / true_factor) / t if t > 0.0 else None


def _checked(value: float, name: str) -> float:
    check_rate(value, name)
    return value
