"""What a store keeps of the desk, as plain rows, and the snapshot that a restart begins with.

Every field is a whole number, a float, a string, a bool or None. A row replaces the one with the same key:
``ref`` of an order, ``key`` of an execution or adjustment, ``trade_id``, ``day``, ``con_id`` of a factor. The
store may hand back more rows than are needed (all of them, if it likes); it must not hand back fewer than
``Snapshot`` says. Nobody changes a row once it is built.
"""

from dataclasses import dataclass

from arbcore.carry.desk._records import DayRow, ExecutionRow, OrderRow, TradeRow

__all__ = (
    "CASH_AND_CARRY", "DAY", "ES", "IOC", "LEGS", "LIMIT", "MARKET", "REVERSE", "SIDE_NAMES", "SPY",
    "AdjustmentRow", "DayRow", "ExecutionRow", "FactorRow", "OrderRow", "Snapshot", "TradeRow",
)

ES, SPY = "ES", "SPY"
LEGS = (ES, SPY)
CASH_AND_CARRY, REVERSE = -1, 1
SIDE_NAMES = {CASH_AND_CARRY: "cash_and_carry", REVERSE: "reverse"}

#: Kinds and times in force as the broker spells them.
LIMIT, MARKET = "LMT", "MKT"
IOC, DAY = "IOC", "DAY"


@dataclass(slots=True)
class AdjustmentRow:
    """A change of a pair's position that no execution of ours made: ``quantity`` is signed.

    ``reason`` is settled (the exchange settled an expired future in cash) or by_hand (a person traded it
    elsewhere and said so). There is no price: nobody told the desk one.
    """

    key: str
    trade_id: int
    leg: str
    quantity: int
    reason: str
    ts_ns: int


@dataclass(frozen=True, slots=True)
class FactorRow:
    """The factor measured for a contract: when, and over how many decisions."""

    con_id: int
    factor: float
    measured_ns: int
    decisions: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a restart needs, at least: trades that are not over, and those of the last seven days; every order
    execution and adjustment of them; the last ``DayRow``; the last numbers used.

    ``last_number`` is the largest that ever stood in an orderRef, ``factor`` the last measured one or None.
    """

    account: str = ""
    trades: tuple[TradeRow, ...] = ()
    orders: tuple[OrderRow, ...] = ()
    executions: tuple[ExecutionRow, ...] = ()
    adjustments: tuple[AdjustmentRow, ...] = ()
    day: DayRow | None = None
    last_number: int = 0
    last_trade_id: int = 0
    factor: FactorRow | None = None
