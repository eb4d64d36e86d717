"""A pair's own state: what it was meant to be, what its executions made of it, and the row that is stored.

Positions are signed, ``side`` +1 is long the future. When a pair acts is the business of ``pair``.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from arbcore.carry.money import PaidDividend, Rates, broker_rates, dividends_of, financing_of
from arbcore.carry.pairs import ETF, FUT
from arbcore.carry.settlement import settlement_day_at
from arbcore.desk.desk_settings import DeskSettings
from arbcore.desk.executions import money_of
from arbcore.desk.records import AdjustmentRow, ExecutionRow, TradeRow


class Side(NamedTuple):
    """What was done in one direction of one leg."""

    quantity: int
    value: float


class Carried(NamedTuple):
    """What a pair paid (negative) or earned beside its prices, in USD."""

    financing: float
    dividends: float


NOTHING = Side(0, 0.0)
NOTHING_CARRIED = Carried(0.0, 0.0)


def entry_rates(settings: DeskSettings, r: float, proceeds: float) -> Rates:
    """What the ETF leg of a pair that is entered now pays and earns until it is closed.

    Args:
        settings: of the desk.
        r: the rate, without the financing spread.
        proceeds: shares × price of the ETF leg, in USD.
    """
    if settings.broker_rates:
        return broker_rates(r, proceeds, borrow=settings.borrow_rate)
    funding = r if settings.funding_rate is None else settings.funding_rate
    return Rates(funding, settings.short_rate, settings.borrow_rate)


def average(side: Side) -> float | None:
    """The average price of a direction; None where nothing was done in it."""
    # Prices have two decimals; what a sum of floats adds far behind them is not the market's.
    return round(side.value / side.quantity, 9) if side.quantity else None


class Trade:
    """A pair, as its row says, with what is known of its executions."""

    def __init__(self, row: TradeRow, schedule: Sequence[PaidDividend] = ()) -> None:
        self.trade_id, self.side, self.phase = row.trade_id, row.side, row.phase
        self.con_id, self.expiry_ns, self.multiplier = row.con_id, row.expiry_ns, row.multiplier
        self.wanted_contracts, self.wanted_shares = row.wanted_contracts, row.wanted_shares
        self.entry_ns, self.entry_dev_bps = row.entry_ns, row.entry_dev_bps
        self.exit_ns, self.exit_dev_bps, self.exit_reason = row.exit_ns, row.exit_dev_bps, row.exit_reason
        self.contracts, self.shares, self.tries = row.contracts, row.shares, row.tries
        self.gross = row.gross
        self.factor = row.factor
        #: Its rates, kept from the entry; None for a pair of before they were booked.
        self.rates = None if row.funding is None else Rates(row.funding, row.short, row.borrow)
        self.schedule = schedule
        self.commissions: dict[str, float | None] = {}
        self.position = {FUT: 0, ETF: 0}
        self.sums = {(FUT, 1): NOTHING, (FUT, -1): NOTHING, (ETF, 1): NOTHING, (ETF, -1): NOTHING}
        #: The leg whose entry waits for the other one.
        self.second = ""
        #: When a hedge must be done, when a next round of orders may go, when to be looked at without news.
        self.deadline_ns = self.next_try_ns = self.wake_ns = 0
        self.naked_since_ns: int | None = None
        self.exit_from: tuple[int, int] | None = None
        self.misses = 0
        #: Legs on which the broker refused an order of it.
        self.refused_legs: set[str] = set()
        self.forced = False
        #: Average prices of the future in and out and of the ETF in and out, and what all of it cost; None
        #: where unknown.
        self.averages: tuple[float | None, float | None, float | None, float | None] = (None,) * 4
        self.commission: float | None = 0.0
        #: Whether all executions are known; of an old pair only some may have been stored.
        self.complete = True
        #: What changed of it without an execution of ours.
        self.adjustments: list[AdjustmentRow] = []
        #: Its future trades no more: the exchange settles it, and only the shares can be given back.
        self.expired = False

    def adjust(self, row: AdjustmentRow) -> None:
        """A part of it changed without an execution of ours."""
        self.adjustments.append(row)
        self.position[row.leg] += row.quantity

    def count(self, row: ExecutionRow, sign: int) -> None:
        """An execution comes in (+1) or is replaced (-1)."""
        self.position[row.leg] += sign * row.side * row.quantity
        before = self.sums[row.leg, row.side]
        self.sums[row.leg, row.side] = Side(
            before.quantity + sign * row.quantity, before.value + sign * row.quantity * row.price
        )
        self.gross += sign * money_of(row)
        self.averages = (
            average(self.sums[FUT, self.side]), average(self.sums[FUT, -self.side]),
            average(self.sums[ETF, -self.side]), average(self.sums[ETF, self.side]),
        )  # fmt: skip
        self.know_commission(row)
        self.contracts = max(self.contracts, abs(self.position[FUT]))
        self.shares = max(self.shares, abs(self.position[ETF]))

    def know_commission(self, row: ExecutionRow) -> None:
        """The commission of one execution, or that it is not known."""
        self.commissions[row.key] = row.commission
        known = [amount for amount in self.commissions.values() if amount is not None]
        self.commission = math.fsum(known) if len(known) == len(self.commissions) else None

    def carried(self, utc_ns: int) -> Carried:
        """Financing and dividends from its entry to an instant, or to its exit where that was before."""
        etf_entry = self.averages[2]
        if self.rates is None or etf_entry is None:
            return NOTHING_CARRIED
        end_ns = utc_ns if self.exit_ns is None else min(utc_ns, self.exit_ns)
        if end_ns <= self.entry_ns:
            return NOTHING_CARRIED
        days = settlement_day_at(end_ns) - settlement_day_at(self.entry_ns)
        return Carried(
            financing_of(self.side, self.shares * etf_entry, days=days, rates=self.rates),
            dividends_of(
                self.side, self.shares, self.schedule, entry_ns=self.entry_ns, exit_ns=end_ns,
                factor=self.factor or math.nan,
            ),
        )  # fmt: skip

    @property
    def held(self) -> tuple[int, int]:
        """Contracts and shares held in the pair's own direction; negative where it is the wrong one.

        A contract that has expired moves with nothing any more, and counts as none.
        """
        contracts = 0 if self.expired else self.side * self.position[FUT]
        return contracts, -self.side * self.position[ETF]

    @property
    def awaits_settlement(self) -> bool:
        """Nothing is left of it to trade: the exchange settles its future."""
        return self.expired and not self.position[ETF]

    def shares_of(self, contracts: int) -> int:
        """Shares that hedge so many contracts, in the proportion fixed at entry."""
        if contracts == self.wanted_contracts:
            return self.wanted_shares
        return math.floor(contracts * self.wanted_shares / self.wanted_contracts + 0.5)

    @property
    def residual(self) -> int:
        """Shares held beyond those that hedge the contracts held; 0 where the pair is whole.

        For a part of the contracts the number is rounded, and one share either way is whole.
        """
        contracts, shares = self.held
        residual = shares - self.shares_of(contracts)
        if abs(residual) <= 1 and 0 < contracts < self.wanted_contracts:
            return 0
        return residual

    def row(self) -> TradeRow:
        """As it is stored."""
        fut_entry, fut_exit, etf_entry, etf_exit = self.averages
        rates = self.rates
        carried = NOTHING_CARRIED if self.exit_ns is None else self.carried(self.exit_ns)
        return TradeRow(
            self.trade_id, self.side, self.phase, self.con_id, self.expiry_ns, self.multiplier,
            self.wanted_contracts, self.wanted_shares, self.entry_ns, self.entry_dev_bps, self.contracts,
            self.shares, fut_entry, fut_exit, etf_entry, etf_exit, self.exit_ns, self.exit_dev_bps,
            self.exit_reason, self.tries, self.gross, self.commission, self.factor,
            None if rates is None else rates.funding, 0.0 if rates is None else rates.short,
            0.0 if rates is None else rates.borrow, carried.financing, carried.dividends,
        )  # fmt: skip
