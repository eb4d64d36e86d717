"""A store in memory for the simulated desk, with the guarantees of the real one: upserts by key, a snapshot.

A crash loses only the rows that were not written yet.
"""

from arbcore.desk.commands import (
    Command,
    SaveAdjustment,
    SaveCarried,
    SaveDay,
    SaveExecution,
    SaveLevel,
    SaveOrder,
    SaveTrade,
    SendOrder,
)
from arbcore.desk.desk_core import number_of
from arbcore.desk.records import (
    AdjustmentRow,
    CarriedRow,
    DayRow,
    ExecutionRow,
    OrderRow,
    Snapshot,
    StoredLevel,
    TradeRow,
)


class MemoryStore:
    """Rows by key."""

    def __init__(self, account: str) -> None:
        self.account = account
        self.orders: dict[str, OrderRow] = {}
        self.executions: dict[str, ExecutionRow] = {}
        self.adjustments: dict[str, AdjustmentRow] = {}
        self.trades: dict[int, TradeRow] = {}
        self.day: DayRow | None = None
        self.carried: dict[str, CarriedRow] = {}
        self.level: StoredLevel | None = None

    def write(self, command: Command) -> None:
        """Writes the row of a command, if it has one."""
        if isinstance(command, SendOrder):
            self.orders.update((row.ref, row) for row in command.orders)
        elif isinstance(command, SaveOrder):
            self.orders[command.row.ref] = command.row
        elif isinstance(command, SaveExecution):
            self.executions[command.row.key] = command.row
        elif isinstance(command, SaveAdjustment):
            self.adjustments[command.row.key] = command.row
        elif isinstance(command, SaveTrade):
            self.trades[command.row.trade_id] = command.row
        elif isinstance(command, SaveDay):
            self.day = command.row
        elif isinstance(command, SaveCarried):
            self.carried[command.row.key] = command.row
        elif isinstance(command, SaveLevel):
            self.level = command.row

    def snapshot(self) -> Snapshot:
        """Returns all rows."""
        return Snapshot(
            account=self.account,
            trades=tuple(self.trades.values()),
            orders=tuple(self.orders.values()),
            executions=tuple(self.executions.values()),
            adjustments=tuple(self.adjustments.values()),
            day=self.day,
            last_number=max(map(number_of, self.orders), default=0),
            last_trade_id=max(self.trades, default=0),
            level=self.level,
        )
