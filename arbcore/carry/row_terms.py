"""What rows are valued with, apart from their prices: the level's rule, rates, yields and a schedule.

Owns which rate and which yield a row takes. ``terms`` reads the formats they are given in; ``_values`` values
the rows with them.
"""

from dataclasses import dataclass, field

from arbcore.carry.level import LevelRule
from arbcore.carry.money import PaidDividend
from arbcore.carry.notes import EXPIRY_DAYS_MAX
from arbcore.carry.terms import Quoting, RateHistory, Yields
from arbcore.core.civil import NS_PER_DAY


@dataclass(frozen=True, slots=True)
class RowTerms:
    """The terms of rows; rates are annual decimals, continuously compounded.

    ``rates`` wins over ``r``; ``schedule`` (by ex instant) over the yields, which are then 0.
    """

    level: LevelRule = field(default_factory=LevelRule)
    r: float = 0.0
    rates: RateHistory | None = None
    yields: Yields = field(default_factory=lambda: Yields(0.0, {}))
    schedule: tuple[PaidDividend, ...] | None = None
    financing_spread_bps: float = 0.0

    @property
    def simple_rates(self) -> bool:
        """Whether a rate depends on the time to expiry too."""
        return self.rates is not None and self.rates.quoting is Quoting.SIMPLE

    @property
    def far_ns(self) -> int:
        """An expiry farther from its row than this is not a front contract's."""
        return EXPIRY_DAYS_MAX * NS_PER_DAY

    def rate_at(self, now_ns: int) -> float:
        """The rate of a row, without the financing spread; of a simple rate see ``quoted_rate``."""
        return self.r if self.rates is None else self.rates.at(now_ns, 0.0)

    def quoted_rate(self, now_ns: int) -> float:
        """The simple rate of a row's date as it is quoted."""
        return self.r if self.rates is None else self.rates.known_at(now_ns)[1]

    def full_rate(self, now_ns: int, t: float) -> float:
        """The rate of a moment's fair value: over ``t`` years to expiry, the financing spread included."""
        r = self.r if self.rates is None else self.rates.at(now_ns, t)
        return r + self.financing_spread_bps * 1e-4

    def yield_of(self, expiry_ns: int) -> float:
        """The dividend yield up to an expiry; 0 under a schedule."""
        return 0.0 if self.schedule is not None else self.yields.of(expiry_ns)
