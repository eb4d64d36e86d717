"""What the desk wants done. The shell carries the commands of one call out in their order.

A ``Save…`` row is written before anything that stands behind it is sent: the shell puts all rows up to and
including a ``Place`` into one durable transaction, and sends only after its commit. An order exists nowhere
but in a ``Place``, and a ``Place`` is the intent: what is sent is read from the row that was stored.
"""

from typing import NamedTuple

from arbcore.carry.desk.rows import (
    AdjustmentRow,
    DayRow,
    ExecutionRow,
    FactorRow,
    OrderRow,
    TradeRow,
)

OPEN_ORDERS, EXECUTIONS, POSITIONS, MARGIN = "open_orders", "executions", "positions", "margin"


class Place(NamedTuple):
    """Store these intents durably (one transaction), then send each order once, in this order."""

    orders: tuple[OrderRow, ...]


class Cancel(NamedTuple):
    """Cancel one order of ours. The shell knows its id of this connection by ``ref``, else by ``perm_id``."""

    ref: str
    perm_id: int


class Ask(NamedTuple):
    """A question to the broker, to be answered with its number.

    ``kind`` is open_orders, executions, positions, or margin: a whatIf of ``contracts`` ES on ``side`` and
    ``shares`` SPY against it.
    """

    query: int
    kind: str
    side: int = 0
    contracts: int = 0
    shares: int = 0


class AskContract(NamedTuple):
    """Resolve and subscribe an ES contract that expires after this instant, or the one with ``con_id`` where
    that is not 0, then tell both legs as ``Contract``.
    """

    expires_after_ns: int
    con_id: int = 0


class Resubscribe(NamedTuple):
    """Cancel and renew the market data of a leg."""

    leg: str


class Reconnect(NamedTuple):
    """Drop the connection and make a new one; the broker no longer answers."""

    reason: str


class SaveOrder(NamedTuple):
    """What became of an order."""

    row: OrderRow


class SaveExecution(NamedTuple):
    """An execution, new, corrected, or with its commission known."""

    row: ExecutionRow


class SaveAdjustment(NamedTuple):
    """A position changed without an execution of ours."""

    row: AdjustmentRow


class SaveTrade(NamedTuple):
    """A pair as it stands."""

    row: TradeRow


class SaveDay(NamedTuple):
    """The New York date as it stands."""

    row: DayRow


class SaveFactor(NamedTuple):
    """The factor that the calibration found, and for which contract."""

    row: FactorRow


class Seen(NamedTuple):
    """A signal, acted upon or not: ``refusal`` is empty or the reason (telemetry, need not be durable)."""

    ts_ns: int
    action: str
    refusal: str
    dev_bps: float
    edge_cc_bps: float
    edge_rev_bps: float


class State(NamedTuple):
    """The risk state changed: ACTIVE, REDUCING or HALTED, with the reasons that hold."""

    state: str
    reasons: tuple[str, ...]


class Alarm(NamedTuple):
    """To the log and the webhook. ``kind`` is stable: naked_leg, halted, mismatch, stale, late_fill, …"""

    kind: str
    message: str


class Note(NamedTuple):
    """A line of the time line that nobody need be woken for."""

    kind: str
    message: str


class RaiseKillSwitch(NamedTuple):
    """Write the kill switch's file with this reason, so that it holds until a person deletes it."""

    reason: str


Command = (
    Place | Cancel | Ask | AskContract | Resubscribe | Reconnect | SaveOrder | SaveExecution
    | SaveAdjustment | SaveTrade | SaveDay | SaveFactor | Seen | State | Alarm | Note | RaiseKillSwitch
)  # fmt: skip
