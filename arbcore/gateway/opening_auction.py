"""Where an index future settles: the index at the opening auction, computed from the market's quotes.

A replay has no index. This module learns the level of each contract over the ETF, as a backtest does. At the
expiry the cost of carry is 0, so that level times the ETF's price is the index. It knows no orders and no
positions.
"""

from arbcore.carry._carry import exponential, years_to_expiry
from arbcore.carry.level import Level, LevelRow, factor_of, parse_level
from arbcore.carry.settlement import settlement_day_at
from arbcore.gateway.carrying import Carrying
from arbcore.gateway.quote_source import Row

_RULE = parse_level("track:60m")


class OpeningAuction:
    """The levels of one market's contracts; call ``note`` with its rows in order of time."""

    def __init__(self, carrying: Carrying) -> None:
        self._carrying = carrying
        self._levels: dict[int, Level] = {}

    def note(self, row: Row) -> None:
        """Learns from a row of a contract that still trades; ignores a row whose index is known."""
        if row.names_factor or row.ts_ns >= row.expiry_ns:
            return
        self._levels.setdefault(row.expiry_ns, Level(_RULE)).decide(self._seen(row, row.expiry_ns))

    def index_at(self, row: Row, expiry_ns: int) -> float:
        """The settlement index of a contract; ``row`` is the first one at or after its expiry."""
        level = self._levels.get(expiry_ns)
        if row.names_factor or level is None or level.state is None:
            return row.index_level
        factor = level.at(self._seen(row, expiry_ns))
        etf = (row.etf_bid + row.etf_ask) / 2.0
        for each in self._carrying.schedule_of(row.pair.etf):
            # A dividend that went ex after the auction was still in the ETF's price at the auction.
            if expiry_ns < each.ex_ns <= row.ts_ns and not each.points:
                etf += each.amount
        return (level.state.factor if factor is None else factor) * etf

    def _seen(self, row: Row, expiry_ns: int) -> LevelRow:
        t, r = years_to_expiry(row.ts_ns, expiry_ns), self._carrying.funding
        usd = points = 0.0
        for each in self._carrying.schedule_of(row.pair.etf):
            if row.ts_ns < each.ex_ns <= expiry_ns:
                worth = each.amount * exponential(-r * years_to_expiry(row.ts_ns, each.ex_ns))
                usd, points = (usd, points + worth) if each.points else (usd + worth, points)
        x = factor_of(
            fut_mid=(row.fut_bid + row.fut_ask) / 2.0, etf_mid=(row.etf_bid + row.etf_ask) / 2.0,
            growth=exponential(r * t), paid_usd=usd, paid_points=points,
        )  # fmt: skip
        return LevelRow(row.ts_ns, expiry_ns, settlement_day_at(row.ts_ns), x=x, r=r, d=0.0)
