"""What the desk wants done. The shell carries the commands of one call out in their order.

A ``Save…`` row is written before anything that stands behind it is sent: the shell puts all rows up to and
including a ``Place`` into one durable transaction, and sends only after its commit. An order exists nowhere
but in a ``Place``, and a ``Place`` is the intent: what is sent is read from the row that was stored.
"""

from arbcore.carry.desk._commands import (
    Alarm,
    Ask,
    AskContract,
    Cancel,
    Note,
    Place,
    RaiseKillSwitch,
    Reconnect,
    Resubscribe,
    SaveAdjustment,
    SaveDay,
    SaveExecution,
    SaveFactor,
    SaveOrder,
    SaveTrade,
    Seen,
    State,
)

__all__ = (
    "EXECUTIONS", "MARGIN", "OPEN_ORDERS", "POSITIONS", "Alarm", "Ask", "AskContract", "Cancel", "Command",
    "Note", "Place", "RaiseKillSwitch", "Reconnect", "Resubscribe", "SaveAdjustment", "SaveDay",
    "SaveExecution", "SaveFactor", "SaveOrder", "SaveTrade", "Seen", "State",
)

OPEN_ORDERS, EXECUTIONS, POSITIONS, MARGIN = "open_orders", "executions", "positions", "margin"

Command = (
    Place | Cancel | Ask | AskContract | Resubscribe | Reconnect | SaveOrder | SaveExecution
    | SaveAdjustment | SaveTrade | SaveDay | SaveFactor | Seen | State | Alarm | Note | RaiseKillSwitch
)  # fmt: skip
