"""The desk's rows in the store, and the snapshot that a restart begins with.

Every field is a whole number, a float, a string, a bool or None. A row replaces the one with the same key:
``ref`` of an order, ``key`` of an execution or adjustment, ``trade_id``, ``day``, ``expiry_ns`` of a level.
The store may return more rows than ``Snapshot`` needs, even all of them, but never fewer. Rows are immutable.
"""

from dataclasses import dataclass

from arbcore.carry.level import TrackState

CASH_AND_CARRY, REVERSE = -1, 1
SIDE_NAMES = {CASH_AND_CARRY: "cash_and_carry", REVERSE: "reverse"}

#: The role of an order that enters a new pair.
ENTRY = "entry"
#: Order types and times in force, in the broker's spelling.
LIMIT, MARKET = "LMT", "MKT"
IOC, DAY = "IOC", "DAY"


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One of our orders: the intent (all fields down to ``created_ns``), then its state.

    ``ref`` is the broker's orderRef and is never used twice; ``side`` +1 buys, -1 sells; ``limit`` is None
    for a market order. ``approved`` is the number of the risk gate's check. ``role`` is entry, exit, hedge,
    reverse or flatten. ``created_ns`` is UTC.
    """

    ref: str
    trade_id: int
    leg: str
    side: int
    quantity: int
    kind: str
    limit: float | None
    tif: str
    role: str
    approved: int
    con_id: int
    created_ns: int
    state: str = "sent"
    filled: int = 0
    perm_id: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ExecutionRow:
    """One execution after its corrections. ``key`` is the execId without its last segment.

    ``commission`` (USD) is None while unknown. ``ts_ns`` is the broker's time, UTC. ``multiplier`` is the
    leg's, so that the execution's money is side · quantity · price · multiplier.
    """

    key: str
    exec_id: str
    revision: int
    ref: str
    perm_id: int
    trade_id: int
    leg: str
    side: int
    quantity: int
    price: float
    multiplier: float
    ts_ns: int
    commission: float | None = None


@dataclass(frozen=True, slots=True)
class TradeRow:
    """One pair, from its first order on.

    ``side`` is -1 for cash and carry (short the future) and +1 for reverse. ``phase`` is entering, hedging,
    held, exiting, unwinding, closed or void (nothing filled). Prices are average fills and None before the
    first fill. ``entry_ns`` and ``exit_ns`` are the times of the decisions, ``contracts`` and ``shares`` the
    largest positions. ``gross`` is the money of all executions; ``commission`` is None while one is unknown.
    ``factor`` is the level at the entry. ``funding``, ``short`` and ``borrow`` are the rates at the entry
    (annual decimals), which the pair keeps; ``funding`` is None in a pair of an older version without them.
    ``financing`` and ``dividends`` are the amounts paid or earned up to the exit.
    """

    trade_id: int
    side: int
    phase: str
    con_id: int
    expiry_ns: int
    multiplier: float
    wanted_contracts: int
    wanted_shares: int
    entry_ns: int
    entry_dev_bps: float
    contracts: int = 0
    shares: int = 0
    fut_entry: float | None = None
    fut_exit: float | None = None
    etf_entry: float | None = None
    etf_exit: float | None = None
    exit_ns: int | None = None
    exit_dev_bps: float | None = None
    exit_reason: str = ""
    tries: int = 0
    gross: float = 0.0
    commission: float | None = None
    factor: float | None = None
    funding: float | None = None
    short: float = 0.0
    borrow: float = 0.0
    financing: float = 0.0
    dividends: float = 0.0


@dataclass(frozen=True, slots=True)
class CarriedRow:
    """Financing and dividends that a pair paid or earned on a New York date by the model's rates, in USD.

    ``key`` is the date and the pair's number, such as ``2026-03-02 7``.
    """

    key: str
    day: int
    trade_id: int
    financing: float
    dividends: float


@dataclass(frozen=True, slots=True)
class DayRow:
    """One New York date, for the daily loss limit.

    ``day`` is days since 1970. ``start_value`` is the value, at the mids when the date began, of the
    positions carried into it. The date's P&L is the money of its executions less commissions, plus the value
    of the positions now, less ``start_value``. ``margin_checked``: the broker confirmed the margin for an
    entry. ``tripped``: the loss reached the limit.
    """

    day: int
    start_value: float
    margin_checked: bool = False
    tripped: bool = False


@dataclass(frozen=True, slots=True)
class AdjustmentRow:
    """A change of a pair's position that none of our executions made; ``quantity`` is signed.

    ``reason`` is settled (the exchange settled an expired future in cash) or by_hand (a person traded it
    elsewhere and confirmed that). There is no price, because the desk does not know it.
    """

    key: str
    trade_id: int
    leg: str
    quantity: int
    reason: str
    ts_ns: int


@dataclass(frozen=True, slots=True)
class StoredLevel:
    """The level learnt in a contract, with the state that ``carry.level`` needs to continue it.

    ``mode`` is track or auto. In mode auto only the factor and ``last_ns``, the time it was stored, are used.
    """

    expiry_ns: int
    mode: str
    factor: float
    known_s: float
    last_ns: int
    gap_s: float
    settlement_day: int

    def state(self) -> TrackState:
        """The state for ``Level.resume``."""
        return TrackState(
            self.expiry_ns, self.factor, self.known_s, self.last_ns, self.gap_s, self.settlement_day
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The least that a restart needs: trades that are not over and those of the last seven days, with all
    their orders, executions and adjustments; the last ``DayRow``; the last numbers used.

    ``last_number`` is the largest number in any orderRef, ``level`` the level learnt last, or None.
    """

    account: str = ""
    trades: tuple[TradeRow, ...] = ()
    orders: tuple[OrderRow, ...] = ()
    executions: tuple[ExecutionRow, ...] = ()
    adjustments: tuple[AdjustmentRow, ...] = ()
    day: DayRow | None = None
    last_number: int = 0
    last_trade_id: int = 0
    level: StoredLevel | None = None
