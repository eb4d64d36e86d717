"""Minutes of a market in which the future is always exactly fair: it is financed at a spread over the known
rate, from the settlement day of the shares on, while the ETF accrues its dividends.

The random numbers are drawn in the order of the published case, so the same seed makes the same market.
"""

import math
import random
from dataclasses import dataclass, replace

from arbcore.carry._carry import carry_factor, edge_cash_and_carry_bps, edge_reverse_bps, years_to_expiry
from arbcore.carry.calendar import is_trading_day
from arbcore.carry.level import LevelRow, factor_of
from arbcore.carry.settlement import settlement_day, settlement_day_at
from arbcore.core.civil import NS_PER_MINUTE, NS_PER_S, read_date, read_time

FIRST_DAY, EXPIRY_DAY = read_date("2026-01-05"), read_date("2026-03-20")
EXPIRY_NS = read_time("2026-03-20T13:30:00Z")
YEAR_NS = 365 * 86_400 * NS_PER_S


@dataclass
class FairRow:
    """One minute's quotes."""

    ts_ns: int
    fut_bid: float
    fut_ask: float
    etf_bid: float
    etf_ask: float

    def level_row(self, market: "Market") -> LevelRow:
        growth = carry_factor(factor=1.0, r=market.r, d=market.d, t=years_to_expiry(self.ts_ns, EXPIRY_NS))
        x = factor_of(
            fut_mid=(self.fut_bid + self.fut_ask) / 2,
            etf_mid=(self.etf_bid + self.etf_ask) / 2,
            growth=growth,
        )
        return LevelRow(self.ts_ns, EXPIRY_NS, settlement_day_at(self.ts_ns), x, market.r, market.d)

    def edge_bps(self, market: "Market", factor: float) -> float:
        """Returns the edge of the better direction, at the touch and before costs."""
        c = carry_factor(factor=factor, r=market.r, d=market.d, t=years_to_expiry(self.ts_ns, EXPIRY_NS))
        return max(
            edge_cash_and_carry_bps(es_bid=self.fut_bid, spy_ask=self.etf_ask, c=c),
            edge_reverse_bps(es_ask=self.fut_ask, spy_bid=self.etf_bid, c=c),
        )

    def off_by(self, bps: float) -> "FairRow":
        up = 1 + bps * 1e-4
        return replace(self, fut_bid=self.fut_bid * up, fut_ask=self.fut_ask * up)


@dataclass
class Market:
    """A market: its known parameters, and its rows."""

    r: float
    d: float
    rows: list[FairRow]


def fair_rows(*, spread_bps: float, seed: int, days: int = 20) -> Market:
    """Makes regular minutes from 2026-01-05 on, with ticks of 0.25 and 0.01 and both legs one tick wide."""
    r, d, factor, index = 0.0365, 0.012, 10.03, 6900.0
    rng = random.Random(seed)
    day, rows = FIRST_DAY, []
    first_ns = read_time("2026-01-05T14:31:00Z")
    while days:
        if is_trading_day(day):
            financed = (EXPIRY_DAY - settlement_day(day)) / 365
            for minute in range(390):
                now_ns = first_ns + (day - FIRST_DAY) * 86_400 * NS_PER_S + minute * NS_PER_MINUTE
                index *= math.exp(rng.gauss(0, 0.0004))
                deviation = rng.gauss(0, 0.0)
                left = (EXPIRY_NS - now_ns) / YEAR_NS
                future = index * math.exp((r + spread_bps * 1e-4) * financed - d * left + deviation * 1e-4)
                share = index / factor * (1 + d * (now_ns - first_ns) / YEAR_NS)
                fut, etf = math.floor(future * 4) / 4, math.floor(share * 100) / 100
                rows.append(FairRow(now_ns, fut, fut + 0.25, etf, round(etf + 0.01, 2)))
            days -= 1
        day += 1
    return Market(r, d, rows)
