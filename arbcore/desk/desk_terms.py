"""What carry costs at an instant: rate and dividends, made into the growth of the future over the ETF.

The fair future is factor · (P − paid) · growth with P the ETF's price: growth is e^((r − d)·t) and nothing is
paid under a yield; under a schedule it is e^(r·t), and paid today's value of the dividends up to expiry. The
rate of a fair value has the financing spread in it. The factor is the level's; no prices are known here.
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
    """Rate and dividends as last told; UsageError for a number that cannot be one.

    Args:
        rate: a number, continuously compounded, or rates by date.
        dividends: a yield, a yield an expiry, or a schedule.
        spread: what the market finances at above the rate.
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
        """A new rate or yield; None leaves one as it is. A schedule stands against a new yield."""
        if r is not None:
            self._rate = _checked(r, "rate")
        if d is not None:
            self._yields = Yields(_checked(d, "dividend yield"), {})

    def base_rate(self, utc_ns: int, expiry_ns: int) -> float:
        """The rate at an instant, without the financing spread.

        Rates by date that end, or have a hole, go on with the last one: a pair that is held cannot wait.
        InputError where there was none yet.
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
        """The rate of a fair value, the financing spread included."""
        return self.base_rate(utc_ns, expiry_ns) + self._spread

    def dividend_yield(self, expiry_ns: int) -> float:
        """The yield up to an expiry; 0 under a schedule."""
        return 0.0 if self.schedule is not None else self._yields.of(expiry_ns)

    def paid(self, utc_ns: int, expiry_ns: int) -> Paid:
        """What the dividends of a schedule with now < ex instant <= expiry are worth now."""
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
        """factor · growth for a contract; with a factor of 1 the growth itself."""
        return carry_factor(
            factor=factor, r=self.rate(utc_ns, expiry_ns), d=self.dividend_yield(expiry_ns),
            t=years_to_expiry(utc_ns, expiry_ns),
        )  # fmt: skip

    def implied_repo(
        self, utc_ns: int, expiry_ns: int, *, fut_price: float, etf_price: float, factor: float
    ) -> float | None:
        """The rate at which these prices are fair; None where no believable one makes them so."""
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
        """The rate that makes the model fit a level, given the true factor; None at expiry."""
        t = years_to_expiry(utc_ns, expiry_ns)
        return self.rate(utc_ns, expiry_ns) + math.log(level / true_factor) / t if t > 0.0 else None


def _checked(value: float, name: str) -> float:
    check_rate(value, name)
    return value
