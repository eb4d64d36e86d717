"""Counts each execution once: a correction replaces it, a repeat is ignored, its commission may come late.

Owns the identity of an execution (its id without the last segment, which is the revision) and the money of a
New York date. It must not know what an execution means for a pair.
"""

import math
from collections.abc import Iterator

from arbcore.carry.pairs import FUT
from arbcore.desk.events import Commission, Execution
from arbcore.desk.records import ExecutionRow

COMMISSION_MAX = 1e9
PENDING_MAX = 1_024
_OLD_NS = 2 * 86_400 * 10**9


def split_id(exec_id: str) -> tuple[str, int]:
    """(key, revision) of an execution's id: ``0000e0d5.6a1b.01.02`` is revision 2 of ``0000e0d5.6a1b.01``."""
    key, dot, last = exec_id.rpartition(".")
    if dot and last.isascii() and last.isdigit() and len(last) <= 9:
        return key, int(last)
    return exec_id, 0


class ExecutionLedger:
    """Executions by key. ``day_money`` is the money of those since ``day_start_ns``, without commissions."""

    def __init__(self, *, assumed_fut_usd: float, assumed_etf_usd: float) -> None:
        self.rows: dict[str, ExecutionRow] = {}
        self.day_start_ns = -(2**63)
        self.day_money = 0.0
        self.day_commission = 0.0
        self._assumed_fut_usd, self._assumed_etf_usd = assumed_fut_usd, assumed_etf_usd
        self._pending: dict[str, float] = {}

    def take(
        self, event: Execution, *, trade_id: int, ref: str, multiplier: float
    ) -> tuple[ExecutionRow, ExecutionRow | None] | None:
        """Counts an execution: returns (its row, the row that it replaces), or None for a known revision."""
        key, revision = split_id(event.exec_id)
        before = self.rows.get(key)
        if before is not None and revision <= before.revision:
            return None
        commission = self._pending.pop(key, None)
        if commission is None and before is not None:
            commission = before.commission
        row = ExecutionRow(
            key, event.exec_id, revision, ref, event.perm_id, trade_id, event.leg, event.side,
            event.quantity, event.price, multiplier, event.ts_ns, commission,
        )  # fmt: skip
        self._put(row, before)
        return row, before

    def restore(self, row: ExecutionRow) -> bool:
        """Takes a stored row; returns whether its revision was new."""
        before = self.rows.get(row.key)
        if before is not None and before.revision >= row.revision:
            return False
        self._put(row, before)
        return True

    def commission(self, event: Commission) -> ExecutionRow | None:
        """Takes a commission; returns the changed row, or None if nothing changed."""
        known = event.currency == "USD" and math.isfinite(event.amount) and abs(event.amount) < COMMISSION_MAX
        if not known:
            return None
        key, _ = split_id(event.exec_id)
        before = self.rows.get(key)
        if before is None:
            # The commission came before its execution, or belongs to another program's order.
            if len(self._pending) >= PENDING_MAX:
                del self._pending[next(iter(self._pending))]
            self._pending[key] = event.amount
            return None
        if before.commission == event.amount:
            return None
        row = ExecutionRow(
            before.key, before.exec_id, before.revision, before.ref, before.perm_id, before.trade_id,
            before.leg, before.side, before.quantity, before.price, before.multiplier, before.ts_ns,
            event.amount,
        )  # fmt: skip
        self._put(row, before)
        return row

    def begin_day(self, start_ns: int) -> None:
        """Starts the date's sums again, with the executions since an instant."""
        self.day_start_ns = start_ns
        today = [row for row in self.rows.values() if row.ts_ns >= start_ns]
        self.day_money = math.fsum(money_of(row) for row in today)
        self.day_commission = math.fsum(self.commission_of(row) for row in today)

    def commission_of(self, row: ExecutionRow) -> float:
        """The commission, or the assumed one while it is not known; never 0 because none has come."""
        if row.commission is not None:
            return row.commission
        return row.quantity * (self._assumed_fut_usd if row.leg == FUT else self._assumed_etf_usd)

    def of_trade(self, trade_id: int) -> Iterator[ExecutionRow]:
        """The executions of one pair in the order of arrival."""
        return (row for row in self.rows.values() if row.trade_id == trade_id)

    def prune(self, utc_ns: int, keep: set[int]) -> None:
        """Drops executions more than two days old, except those of the trades in ``keep``."""
        old = [
            key for key, row in self.rows.items()
            if row.ts_ns < utc_ns - _OLD_NS and row.trade_id not in keep
        ]  # fmt: skip
        for key in old:
            del self.rows[key]

    def _put(self, row: ExecutionRow, before: ExecutionRow | None) -> None:
        self.rows[row.key] = row
        for each, sign in ((before, -1), (row, 1)):
            if each is not None and each.ts_ns >= self.day_start_ns:
                self.day_money += sign * money_of(each)
                self.day_commission += sign * self.commission_of(each)


def money_of(row: ExecutionRow) -> float:
    """The money of an execution in dollars: positive if it sold, negative if it bought."""
    return -row.side * row.quantity * row.price * row.multiplier
