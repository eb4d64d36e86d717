"""What the desk wants done. The shell carries the commands of one call out in their order.

A ``Save…`` row is written before anything that stands behind it is sent: the shell puts all rows up to and
including a ``SendOrder`` into one durable transaction, and sends only after its commit. An order exists
nowhere but in a ``SendOrder``, which is the intent: what is sent is read from the row that was stored.
"""

from dataclasses import dataclass

from arbcore.desk.records import (
    AdjustmentRow,
    CarriedRow,
    DayRow,
    ExecutionRow,
    OrderRow,
    StoredLevel,
    TradeRow,
)

OPEN_ORDERS, EXECUTIONS, POSITIONS, MARGIN = "open_orders", "executions", "positions", "margin"


@dataclass(frozen=True, slots=True)
class SendOrder:
    """Store these intents durably (one transaction), then send each order once, in this order."""

    orders: tuple[OrderRow, ...]


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel one order of ours. The shell knows its id of this connection by ``ref``, else by ``perm_id``."""

    ref: str
    perm_id: int


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to the broker, to be answered with its number.

    ``kind`` is open_orders, executions, positions, or margin: a whatIf of ``contracts`` futures on ``side``
    and ``shares`` of the ETF against them.
    """

    query: int
    kind: str
    side: int = 0
    contracts: int = 0
    shares: int = 0


@dataclass(frozen=True, slots=True)
class AskContract:
    """Resolve and subscribe a future that expires after this instant, or the one with ``con_id`` where
    that is not 0, then tell both legs as ``Contract``.
    """

    expires_after_ns: int
    con_id: int = 0


@dataclass(frozen=True, slots=True)
class Resubscribe:
    """Cancel and renew the market data of a leg."""

    leg: str


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Drop the connection and make a new one; the broker no longer answers."""

    reason: str


@dataclass(frozen=True, slots=True)
class SaveOrder:
    """What became of an order."""

    row: OrderRow


@dataclass(frozen=True, slots=True)
class SaveExecution:
    """An execution, new, corrected, or with its commission known."""

    row: ExecutionRow


@dataclass(frozen=True, slots=True)
class SaveAdjustment:
    """A position changed without an execution of ours."""

    row: AdjustmentRow


@dataclass(frozen=True, slots=True)
class SaveTrade:
    """A pair as it stands."""

    row: TradeRow


@dataclass(frozen=True, slots=True)
class SaveDay:
    """The New York date as it stands."""

    row: DayRow


@dataclass(frozen=True, slots=True)
class SaveCarried:
    """Financing and dividends of a pair on a date."""

    row: CarriedRow


@dataclass(frozen=True, slots=True)
class SaveLevel:
    """The level that was learnt, and of which contract."""

    row: StoredLevel


@dataclass(frozen=True, slots=True)
class Seen:
    """A signal, acted upon or not: ``refusal`` is empty or the reason (telemetry, need not be durable).

    The numbers are None where the level is not known.
    """

    ts_ns: int
    action: str
    refusal: str
    dev_bps: float | None
    edge_cc_bps: float | None
    edge_rev_bps: float | None


@dataclass(frozen=True, slots=True)
class StateShown:
    """The risk state changed: ACTIVE, REDUCING or HALTED, with the reasons that hold."""

    state: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Alarm:
    """To the log and the webhook. ``kind`` is stable: naked_leg, halted, mismatch, stale, late_fill, …"""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Note:
    """A line of the time line that nobody need be woken for."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class RaiseKillSwitch:
    """Write the kill switch's file with this reason, so that it holds until a person deletes it."""

    reason: str


Command = (
    SendOrder | Cancel | Ask | AskContract | Resubscribe | Reconnect | SaveOrder | SaveExecution
    | SaveAdjustment | SaveTrade | SaveDay | SaveCarried | SaveLevel | Seen | StateShown | Alarm | Note
    | RaiseKillSwitch
)  # fmt: skip
