"""What carry costs at an instant: rate, dividends and factor, made into the signal's one number c.

c = factor · e^((r − d)·t), so that SPY times c is the fair future. The rate may be any ``rates.Rate``, the
dividends a yield, a yield an expiry, or a schedule of points, which is taken as the yield that is worth the
same at the present index; the factor a number or a series. It knows no prices but the last index.
"""

import math

from arbcore.carry._carry import carry_factor, years_to_expiry
from arbcore.carry.calendar import trading_date
from arbcore.carry.dividends import Schedule, YieldPerExpiry
from arbcore.carry.factor import FactorSeries, check_factor
from arbcore.carry.fair import implied_repo
from arbcore.carry.rates import RATE_MAX, ConstantRate, Rate, check_rate
from arbcore.errors import UsageError

#: A schedule's yield is worked out again after this long, or for another expiry.
_SCHEDULE_NS = 60 * 10**9


class CarryTerms:
    """Rate, dividends and factor as last told; UsageError for a number that cannot be one."""

    def __init__(
        self, rate: Rate, dividends: float | YieldPerExpiry | Schedule, factor: float | FactorSeries
    ) -> None:
        self._rate = rate
        self._constant = rate.r if isinstance(rate, ConstantRate) else None
        self._schedule = None if isinstance(dividends, int | float) else dividends
        self._yield = check_yield(dividends) if isinstance(dividends, int | float) else 0.0
        self._factor = factor
        #: The factor where it is one number.
        self._fixed = None if isinstance(factor, FactorSeries) else factor
        self._scheduled = (0, 0, 0.0)

    def tell(self, *, r: float | None, d: float | None, factor: float | None) -> None:
        """A new rate, yield or factor; None leaves one as it is."""
        if r is not None:
            self._rate, self._constant = ConstantRate(r), r
        if d is not None:
            self._schedule, self._yield = None, check_yield(d)
        if factor is not None:
            self._factor = self._fixed = check_factor(factor)

    def factor_at(self, utc_ns: int) -> float:
        """The factor at an instant."""
        return self._factor.at(utc_ns) if isinstance(self._factor, FactorSeries) else self._factor

    def carry(self, utc_ns: int, expiry_ns: int, *, spy_mid: float, factor: float | None = None) -> float:
        """c for a contract; ``factor`` in place of the known one."""
        t = years_to_expiry(utc_ns, expiry_ns)
        if factor is None:
            factor = self._fixed if self._fixed is not None else self.factor_at(utc_ns)
        r = self._constant if self._constant is not None else self._rate.at(t)
        d = self._yield
        if self._schedule is not None:
            d = self._yield_at(utc_ns, expiry_ns, index=spy_mid * factor)
        return carry_factor(factor=factor, r=r, d=d, t=t)

    def implied_repo(self, utc_ns: int, expiry_ns: int, *, es_price: float, spy_price: float) -> float | None:
        """The rate at which these prices are fair; None where no believable one makes them so."""
        t = years_to_expiry(utc_ns, expiry_ns)
        index = spy_price * self.factor_at(utc_ns)
        d = self._yield_at(utc_ns, expiry_ns, index=index)
        try:
            rate = implied_repo(future=es_price, spot=index, t=t, d=d)
        except UsageError:
            return None
        return rate if abs(rate) <= RATE_MAX else None

    def _yield_at(self, utc_ns: int, expiry_ns: int, *, index: float) -> float:
        if self._schedule is None:
            return self._yield
        if isinstance(self._schedule, Schedule):
            return self._yield_of(self._schedule, utc_ns, expiry_ns=expiry_ns, index=index)
        return self._schedule.of(trading_date(expiry_ns))

    def _yield_of(self, schedule: Schedule, utc_ns: int, *, expiry_ns: int, index: float) -> float:
        """The yield that is worth as much as the dividends up to an expiry."""
        since_ns, for_ns, known = self._scheduled
        if for_ns == expiry_ns and 0 <= utc_ns - since_ns < _SCHEDULE_NS:
            return known
        t = years_to_expiry(utc_ns, expiry_ns)
        payments = schedule.between(utc_ns, expiry_ns)
        paid = math.fsum(each.present_value(self._rate) for each in payments)
        known = -math.log(1.0 - paid / index) / t if t > 0.0 and paid < index else 0.0
        self._scheduled = (utc_ns, expiry_ns, known)
        return known


def check_yield(d: float) -> float:
    """The yield itself; UsageError where it is none."""
    check_rate(d, "dividend yield")
    return d
