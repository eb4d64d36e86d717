"""A pair's own state: what it was meant to be, what its executions made of it, and the row that is stored.

Positions are signed, ``side`` +1 is long ES; ``arbcore.reference.desk`` is the specification. When a pair
acts is the business of ``pair``. Numbers are Python's own, of any size.
"""
from cython.dataclasses cimport dataclass

from arbcore.carry.desk._records cimport ExecutionRow, TradeRow

import math

from arbcore.carry.desk.executions import money_of
from arbcore.carry.desk.rows import ES, SPY


@dataclass
cdef class Side:
    """Sums of one direction in one leg."""

    cdef readonly object quantity
    cdef readonly object value


NOTHING = Side(0, 0.0)
cdef dict FLAT = {ES: 0, SPY: 0}
cdef dict NO_SUMS = {(ES, 1): NOTHING, (ES, -1): NOTHING, (SPY, 1): NOTHING, (SPY, -1): NOTHING}
cdef tuple NO_AVERAGES = (None, None, None, None)


cdef object average(Side side):
    # Prices have two decimals; what a sum of floats adds far behind them is not the market's.
    return round(side.value / side.quantity, 9) if side.quantity else None


cdef class Trade:
    """A pair, as its row says, with what is known of its executions."""

    def __init__(self, TradeRow row not None):
        self.trade_id, self.side, self.phase = row.trade_id, row.side, row.phase
        self.con_id, self.expiry_ns, self.multiplier = row.con_id, row.expiry_ns, row.multiplier
        self.wanted_contracts, self.wanted_shares = row.wanted_contracts, row.wanted_shares
        self.entry_ns, self.entry_dev_bps = row.entry_ns, row.entry_dev_bps
        self.exit_ns, self.exit_dev_bps, self.exit_reason = row.exit_ns, row.exit_dev_bps, row.exit_reason
        self.contracts, self.shares, self.tries = row.contracts, row.shares, row.tries
        self.gross = row.gross
        self.position, self.sums, self.commissions = FLAT.copy(), NO_SUMS.copy(), {}
        self.averages, self.commission = NO_AVERAGES, 0.0
        self.second = ""
        self.deadline_ns = self.next_try_ns = self.wake_ns = self.misses = 0
        self.forced, self.complete, self.expired = False, True, False
        self.adjustments = []

    def adjust(self, row) -> None:
        """A part of it changed without an execution of ours."""
        self.adjustments.append(row)
        self.position[row.leg] += row.quantity

    def count(self, ExecutionRow row not None, sign) -> None:
        """An execution comes in (+1) or is replaced (-1)."""
        self.position[row.leg] += sign * row.side * row.quantity
        before = <Side?>self.sums[row.leg, row.side]
        self.sums[row.leg, row.side] = Side(
            before.quantity + sign * row.quantity, before.value + sign * row.quantity * row.price
        )
        self.gross = self.gross + sign * money_of(row)
        self.averages = (
            average(self.sums[ES, self.side]), average(self.sums[ES, -self.side]),
            average(self.sums[SPY, -self.side]), average(self.sums[SPY, self.side]),
        )
        self.know_commission(row)
        self.contracts = max(self.contracts, abs(self.position[ES]))
        self.shares = max(self.shares, abs(self.position[SPY]))

    cpdef know_commission(self, ExecutionRow row):
        """The commission of one execution, or that it is not known."""
        self.commissions[row.key] = row.commission
        amounts = self.commissions.values()
        self.commission = None if None in amounts else math.fsum(amounts)

    @property
    def held(self) -> tuple:
        """Contracts and shares held in the pair's own direction; negative where it is the wrong one.

        A contract that has expired moves with nothing any more, and counts as none.
        """
        return 0 if self.expired else self.side * self.position[ES], -self.side * self.position[SPY]

    @property
    def awaits_settlement(self) -> bool:
        """Nothing is left of it to trade: the exchange settles its future."""
        return self.expired and not self.position[SPY]

    def shares_of(self, contracts) -> int:
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
        cdef TradeRow row = TradeRow.__new__(TradeRow)
        row.trade_id, row.side, row.phase = self.trade_id, self.side, self.phase
        row.con_id, row.expiry_ns, row.multiplier = self.con_id, self.expiry_ns, self.multiplier
        row.wanted_contracts, row.wanted_shares = self.wanted_contracts, self.wanted_shares
        row.entry_ns, row.entry_dev_bps = self.entry_ns, self.entry_dev_bps
        row.contracts, row.shares = self.contracts, self.shares
        row.es_entry, row.es_exit, row.spy_entry, row.spy_exit = self.averages
        row.exit_ns, row.exit_dev_bps, row.exit_reason = self.exit_ns, self.exit_dev_bps, self.exit_reason
        row.tries, row.gross, row.commission = self.tries, self.gross, self.commission
        return row
