"""What the desk wants done, as plain compiled values; ``commands`` says what becomes of them.

Several are made between a quote and its orders, where a named tuple of Python's takes several times as long.
They are dataclasses all the same: equal by value, shown by name.
"""
from cython.dataclasses cimport dataclass


@dataclass
cdef class Place:
    """Store these intents durably (one transaction), then send each order once, in this order."""

    cdef readonly tuple orders


@dataclass
cdef class Cancel:
    """Cancel one order of ours. The shell knows its id of this connection by ``ref``, else by ``perm_id``."""

    cdef readonly str ref
    cdef readonly object perm_id


@dataclass
cdef class Ask:
    """A question to the broker, to be answered with its number.

    ``kind`` is open_orders, executions, positions, or margin: a whatIf of ``contracts`` ES on ``side`` and
    ``shares`` SPY against it.
    """

    cdef readonly object query
    cdef readonly str kind
    cdef readonly object side
    side = 0
    cdef readonly object contracts
    contracts = 0
    cdef readonly object shares
    shares = 0


@dataclass
cdef class AskContract:
    """Resolve and subscribe an ES contract that expires after this instant, or the one with ``con_id`` where
    that is not 0, then tell both legs as ``Contract``.
    """

    cdef readonly object expires_after_ns
    cdef readonly object con_id
    con_id = 0


@dataclass
cdef class Resubscribe:
    """Cancel and renew the market data of a leg."""

    cdef readonly str leg


@dataclass
cdef class Reconnect:
    """Drop the connection and make a new one; the broker no longer answers."""

    cdef readonly str reason


@dataclass
cdef class SaveOrder:
    """What became of an order."""

    cdef readonly object row


@dataclass
cdef class SaveExecution:
    """An execution, new, corrected, or with its commission known."""

    cdef readonly object row


@dataclass
cdef class SaveAdjustment:
    """A position changed without an execution of ours."""

    cdef readonly object row


@dataclass
cdef class SaveTrade:
    """A pair as it stands."""

    cdef readonly object row


@dataclass
cdef class SaveDay:
    """The New York date as it stands."""

    cdef readonly object row


@dataclass
cdef class SaveFactor:
    """The factor that the calibration found, and for which contract."""

    cdef readonly object row


@dataclass
cdef class Seen:
    """A signal, acted upon or not: ``refusal`` is empty or the reason (telemetry, need not be durable)."""

    cdef readonly object ts_ns
    cdef readonly str action
    cdef readonly str refusal
    cdef readonly object dev_bps
    cdef readonly object edge_cc_bps
    cdef readonly object edge_rev_bps


@dataclass
cdef class State:
    """The risk state changed: ACTIVE, REDUCING or HALTED, with the reasons that hold."""

    cdef readonly str state
    cdef readonly tuple reasons


@dataclass
cdef class Alarm:
    """To the log and the webhook. ``kind`` is stable: naked_leg, halted, mismatch, stale, late_fill, …"""

    cdef readonly str kind
    cdef readonly str message


@dataclass
cdef class Note:
    """A line of the time line that nobody need be woken for."""

    cdef readonly str kind
    cdef readonly str message


@dataclass
cdef class RaiseKillSwitch:
    """Write the kill switch's file with this reason, so that it holds until a person deletes it."""

    cdef readonly str reason
