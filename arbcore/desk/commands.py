"""The commands that the desk returns. The shell carries out the commands of one call in their order.

A ``Save…`` row is stored before anything after it is sent: the shell writes all rows up to and including a
``SendOrder`` in one durable transaction, and sends only after the commit. Only ``SendOrder`` sends orders.
Its rows are the intent: the shell sends exactly what it stored.
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
    """Cancel one of our orders. The shell finds its order id on this connection by ``ref`` or ``perm_id``."""

    ref: str
    perm_id: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Send a request to the broker; the response event carries the same number ``query``.

    ``kind`` is open_orders, executions, positions or margin. Margin is a whatIf order: ``contracts`` futures
    on ``side``, and ``shares`` of the ETF on the other side.
    """

    query: int
    kind: str
    side: int = 0
    contracts: int = 0
    shares: int = 0


@dataclass(frozen=True, slots=True)
class AskContract:
    """Resolve and subscribe the future that expires after this instant, or the one with ``con_id`` if that is
    not 0; then report both legs as ``ContractFound`` events.
    """

    expires_after_ns: int
    con_id: int = 0


@dataclass(frozen=True, slots=True)
class Resubscribe:
    """Cancel and renew the market data of a leg."""

    leg: str


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Drop the connection and make a new one, because the broker no longer responds."""

    reason: str


@dataclass(frozen=True, slots=True)
class SaveOrder:
    """Store an order's present state."""

    row: OrderRow


@dataclass(frozen=True, slots=True)
class SaveExecution:
    """Store an execution that is new, was corrected, or whose commission became known."""

    row: ExecutionRow


@dataclass(frozen=True, slots=True)
class SaveAdjustment:
    """Store a change of a position that none of our executions made."""

    row: AdjustmentRow


@dataclass(frozen=True, slots=True)
class SaveTrade:
    """Store a pair's present state."""

    row: TradeRow


@dataclass(frozen=True, slots=True)
class SaveDay:
    """Store the New York date's present state."""

    row: DayRow


@dataclass(frozen=True, slots=True)
class SaveCarried:
    """Store the financing and dividends of a pair on a date."""

    row: CarriedRow


@dataclass(frozen=True, slots=True)
class SaveLevel:
    """Store the learnt level and its contract."""

    row: StoredLevel


@dataclass(frozen=True, slots=True)
class Seen:
    """Record a signal; ``refusal`` says why it was not acted upon, or is empty (need not be durable).

    The numbers are None while the level is not known.
    """

    ts_ns: int
    action: str
    refusal: str
    dev_bps: float | None
    edge_cc_bps: float | None
    edge_rev_bps: float | None


@dataclass(frozen=True, slots=True)
class StateShown:
    """Show that the risk state changed to ACTIVE, REDUCING or HALTED, with all its present reasons."""

    state: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Alarm:
    """Send an alarm to the log and the webhook. ``kind`` is stable: naked_leg, mismatch, late_fill, …"""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Note:
    """Write a line to the log that needs no alarm."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class RaiseKillSwitch:
    """Write the kill switch's file with this reason; the switch stays on until a person deletes the file."""

    reason: str


Command = (
    SendOrder | Cancel | Ask | AskContract | Resubscribe | Reconnect | SaveOrder | SaveExecution
    | SaveAdjustment | SaveTrade | SaveDay | SaveCarried | SaveLevel | Seen | StateShown | Alarm | Note
    | RaiseKillSwitch
)  # fmt: skip
