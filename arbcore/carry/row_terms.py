"""The terms that rows are valued with, besides their prices: the level's rule, rates, yields and a schedule.

Owns the choice of the rate and the yield of a row. ``terms`` reads their formats; ``_values`` values the rows
with them.
"""

from dataclasses import dataclass, field

from arbcore.carry.level import LevelRule
from arbcore.carry.money import PaidDividend
from arbcore.carry.notes import EXPIRY_DAYS_MAX
from arbcore.carry.terms import Quoting, RateHistory, Yields
from arbcore.core.civil import NS_PER_DAY


@dataclass(frozen=True, slots=True)
class RowTerms:
    """The terms of rows. Rates are annual decimals, continuously compounded.

    ``rates`` replaces ``r``. ``schedule`` (in order of ex instants) replaces the yields, which are then 0.
    """

    level: LevelRule = field(default_factory=LevelRule)
    r: float = 0.0
    rates: RateHistory | None = None
    yields: Yields = field(default_factory=lambda: Yields(0.0, {}))
    schedule: tuple[PaidDividend, ...] | None = None
    financing_spread_bps: float = 0.0

    @property
    def simple_rates(self) -> bool:
        """Whether the rate of a row also depends on its time to expiry."""
        return self.rates is not None and self.rates.quoting is Quoting.SIMPLE

    @property
    def far_ns(self) -> int:
        """The longest time from a row to the expiry of a front contract."""
        return EXPIRY_DAYS_MAX * NS_PER_DAY

    def rate_at(self, now_ns: int) -> float:
        """The rate of a row without the financing spread; for a simple rate use ``quoted_rate``."""
        return self.r if self.rates is None else self.rates.at(now_ns, 0.0)

    def quoted_rate(self, now_ns: int) -> float:
        """The simple rate of a row's date, as quoted."""
        return self.r if self.rates is None else self.rates.known_at(now_ns)[1]

    def full_rate(self, now_ns: int, t: float) -> float:
        """The rate of a fair value at an instant, over ``t`` years to expiry, with the financing spread."""
        r = self.r if self.rates is None else self.rates.at(now_ns, t)
        return r + self.financing_spread_bps * 1e-4

    def yield_of(self, expiry_ns: int) -> float:
        """The dividend yield up to an expiry; 0 with a schedule."""
        return 0.0 if self.schedule is not None else self.yields.of(expiry_ns)
