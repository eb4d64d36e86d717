"""The records of the desk: what a store keeps of it, and the draft of an order.

They are plain values without a rule of their own, compiled because several of them are built between a quote
and its orders. They are dataclasses all the same: equal by value, shown by name, known to ``dataclasses``.
"""
cimport cython
from cython.dataclasses cimport dataclass


@dataclass
cdef class OrderRow:
    """One order of ours: the intent (all fields down to ``created_ns``) and what became of it.

    ``ref`` is the broker's orderRef and is never used twice; ``side`` +1 buys, -1 sells; ``limit`` is None
    for a market order. ``approved`` is the number of the risk gate's pass. ``role`` is entry, exit, hedge,
    reverse or flatten. ``created_ns`` is UTC.
    """

    ref: str
    trade_id: object
    leg: str
    side: object
    quantity: object
    kind: str
    limit: object
    tif: str
    role: str
    approved: object
    con_id: object
    created_ns: object
    state: str = "sent"
    filled: object = 0
    perm_id: object = 0
    reason: str = ""


@dataclass
cdef class ExecutionRow:
    """One execution as it stands after corrections. ``key`` is the execId less its last segment.

    ``commission`` (USD) is None while unknown. ``ts_ns`` is the broker's time, UTC. ``multiplier`` is that of
    the leg, so that side · quantity · price · multiplier is its money.
    """

    key: str
    exec_id: str
    revision: object
    ref: str
    perm_id: object
    trade_id: object
    leg: str
    side: object
    quantity: object
    price: object
    multiplier: object
    ts_ns: object
    commission: object = None


@dataclass
cdef class TradeRow:
    """One pair, from its first order on.

    ``side`` is -1 for cash and carry (short ES) and +1 for reverse. ``phase`` is entering, hedging, held,
    exiting, unwinding, closed or void (nothing filled). Prices are average fills and None before there is
    one; ``entry_ns`` and ``exit_ns`` are the times decided at, ``contracts`` and ``shares`` the most held.
    ``gross`` is the money of all executions, ``commission`` None while any of them is unknown.
    """

    trade_id: object
    side: object
    phase: str
    con_id: object
    expiry_ns: object
    multiplier: object
    wanted_contracts: object
    wanted_shares: object
    entry_ns: object
    entry_dev_bps: object
    contracts: object = 0
    shares: object = 0
    es_entry: object = None
    es_exit: object = None
    spy_entry: object = None
    spy_exit: object = None
    exit_ns: object = None
    exit_dev_bps: object = None
    exit_reason: str = ""
    tries: object = 0
    gross: object = 0.0
    commission: object = None


@dataclass
cdef class DayRow:
    """One New York date, for the daily loss limit.

    ``day`` is days since 1970. ``start_value`` is what the positions carried into the date were worth at the
    mids when it was first seen, so that the date's P&L is the money of its executions less commissions, plus
    what is held now, less this. ``margin_checked``: the broker said that an entry's margin is there.
    ``tripped``: the limit was hit.
    """

    day: object
    start_value: object
    margin_checked: cython.bint = False
    tripped: cython.bint = False


@dataclass
cdef class Draft:
    """An order that somebody wants. ``held`` is what its pair holds of the leg, signed.

    ``reduces`` says that it makes that smaller; ``blind``, that a market order may go without a fresh price,
    because a naked leg in an open market is worse. OverflowError for a quantity beyond 64 bits.
    """

    leg: str
    side: cython.int
    quantity: cython.longlong
    kind: str
    limit: object
    tif: str
    role: str
    held: cython.longlong
    reduces: cython.bint
    blind: cython.bint = False
