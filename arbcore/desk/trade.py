"""A pair's own state: its intended size, its executions and positions, and its row in the store.

Positions are signed; ``side`` +1 is long the future. ``pair`` decides when a pair acts.
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
    """The sum of the executions in one direction of one leg."""

    quantity: int
    value: float


class Carried(NamedTuple):
    """Financing and dividends of a pair in USD; negative if paid."""

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
    """The average price of a direction; None without an execution."""
    # Prices have two decimals; rounding removes the error of the float sums.
    return round(side.value / side.quantity, 9) if side.quantity else None


class Trade:
    """A pair: the values of its row, and the sums of its known executions."""

    def __init__(self, row: TradeRow, schedule: Sequence[PaidDividend] = ()) -> None:
        self.trade_id, self.side, self.phase = row.trade_id, row.side, row.phase
        self.con_id, self.expiry_ns, self.multiplier = row.con_id, row.expiry_ns, row.multiplier
        self.wanted_contracts, self.wanted_shares = row.wanted_contracts, row.wanted_shares
        self.entry_ns, self.entry_dev_bps = row.entry_ns, row.entry_dev_bps
        self.exit_ns, self.exit_dev_bps, self.exit_reason = row.exit_ns, row.exit_dev_bps, row.exit_reason
        self.contracts, self.shares, self.tries = row.contracts, row.shares, row.tries
        self.gross = row.gross
        self.factor = row.factor
        #: The rates at the entry; None for a pair of an older version that stored none.
        self.rates = None if row.funding is None else Rates(row.funding, row.short, row.borrow)
        self.schedule = schedule
        self.commissions: dict[str, float | None] = {}
        self.position = {FUT: 0, ETF: 0}
        self.sums = {(FUT, 1): NOTHING, (FUT, -1): NOTHING, (ETF, 1): NOTHING, (ETF, -1): NOTHING}
        #: The leg whose entry order waits for the other leg's fill; empty if none waits.
        self.second = ""
        #: The deadline of a hedge, the earliest next round of orders, and the next check without an event.
        self.deadline_ns = self.next_try_ns = self.wake_ns = 0
        self.naked_since_ns: int | None = None
        self.exit_from: tuple[int, int] | None = None
        self.misses = 0
        #: Legs on which the broker refused an order of this pair.
        self.refused_legs: set[str] = set()
        self.forced = False
        #: Average prices: entry and exit of the future, entry and exit of the ETF; None if unknown.
        self.averages: tuple[float | None, float | None, float | None, float | None] = (None,) * 4
        self.commission: float | None = 0.0
        #: Whether all executions are known; the store may have only some of an old pair's.
        self.complete = True
        #: Changes of its position that none of our executions made.
        self.adjustments: list[AdjustmentRow] = []
        #: Whether its future has expired: the exchange settles it, and only the shares can be traded.
        self.expired = False

    def adjust(self, row: AdjustmentRow) -> None:
        """Applies a change of the position that none of our executions made."""
        self.adjustments.append(row)
        self.position[row.leg] += row.quantity

    def count(self, row: ExecutionRow, sign: int) -> None:
        """Adds an execution (``sign`` +1), or removes one that a correction replaces (-1)."""
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
        """Takes the commission of one execution; None while it is not known."""
        self.commissions[row.key] = row.commission
        known = [amount for amount in self.commissions.values() if amount is not None]
        self.commission = math.fsum(known) if len(known) == len(self.commissions) else None

    def carried(self, utc_ns: int) -> Carried:
        """Financing and dividends from the entry to an instant, or to the exit if that was earlier."""
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
        """Contracts and shares held in the pair's own direction; negative if held in the wrong one.

        An expired contract hedges nothing any more, so it counts as 0.
        """
        contracts = 0 if self.expired else self.side * self.position[FUT]
        return contracts, -self.side * self.position[ETF]

    @property
    def awaits_settlement(self) -> bool:
        """Whether nothing is left to trade: the exchange settles the future, and no shares are held."""
        return self.expired and not self.position[ETF]

    def shares_of(self, contracts: int) -> int:
        """Shares that hedge ``contracts``, in the proportion fixed at the entry."""
        if contracts == self.wanted_contracts:
            return self.wanted_shares
        return math.floor(contracts * self.wanted_shares / self.wanted_contracts + 0.5)

    @property
    def residual(self) -> int:
        """Shares held in excess of those that hedge the contracts held; 0 if the pair is whole.

        With a part of the contracts the share number is rounded, so a residual of one share counts as 0.
        """
        contracts, shares = self.held
        residual = shares - self.shares_of(contracts)
        if abs(residual) <= 1 and 0 < contracts < self.wanted_contracts:
            return 0
        return residual

    def row(self) -> TradeRow:
        """The row to store."""
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
