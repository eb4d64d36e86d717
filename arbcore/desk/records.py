"""What a store keeps of the desk, as plain rows, and the snapshot that a restart begins with.

Every field is a whole number, a float, a string, a bool or None. A row replaces the one with the same key:
``ref`` of an order, ``key`` of an execution or adjustment, ``trade_id``, ``day``, ``expiry_ns`` of a level.
The store may hand back more rows than are needed (all of them, if it likes); it must not hand back fewer than
``Snapshot`` says. Nobody changes a row once it is built.
"""

from dataclasses import dataclass

from arbcore.carry.level import TrackState

CASH_AND_CARRY, REVERSE = -1, 1
SIDE_NAMES = {CASH_AND_CARRY: "cash_and_carry", REVERSE: "reverse"}

#: What an order of a new pair is for.
ENTRY = "entry"
#: Kinds and times in force as the broker spells them.
LIMIT, MARKET = "LMT", "MKT"
IOC, DAY = "IOC", "DAY"


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One order of ours: the intent (all fields down to ``created_ns``) and what became of it.

    ``ref`` is the broker's orderRef and is never used twice; ``side`` +1 buys, -1 sells; ``limit`` is None
    for a market order. ``approved`` is the number of the risk gate's pass. ``role`` is entry, exit, hedge,
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
    """One execution as it stands after corrections. ``key`` is the execId less its last segment.

    ``commission`` (USD) is None while unknown. ``ts_ns`` is the broker's time, UTC. ``multiplier`` is that of
    the leg, so that side · quantity · price · multiplier is its money.
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
    held, exiting, unwinding, closed or void (nothing filled). Prices are average fills and None before there
    is one; ``entry_ns`` and ``exit_ns`` are the times decided at, ``contracts`` and ``shares`` the most held.
    ``gross`` is the money of all executions, ``commission`` None while any of them is unknown.
    ``factor`` is the level of the entry; ``funding``, ``short`` and ``borrow`` are its rates (annual
    decimals), which the pair keeps, ``funding`` None in a pair of before they were booked. ``financing`` and
    ``dividends`` are what it paid or earned by them up to its exit.
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
    """What a pair paid or earned on a New York date beside its prices, by the model's rates, in USD.

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

    ``day`` is days since 1970. ``start_value`` is what the positions carried into the date were worth at the
    mids when it was first seen, so that the date's P&L is the money of its executions less commissions, plus
    what is held now, less this. ``margin_checked``: the broker said that an entry's margin is there.
    ``tripped``: the limit was hit.
    """

    day: int
    start_value: float
    margin_checked: bool = False
    tripped: bool = False


@dataclass(frozen=True, slots=True)
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
class StoredLevel:
    """The level learnt in a contract, as ``carry.level`` goes on with it.

    ``mode`` is track or auto; of auto only the factor and ``last_ns``, when it was stored, say anything.
    """

    expiry_ns: int
    mode: str
    factor: float
    known_s: float
    last_ns: int
    gap_s: float
    settlement_day: int

    def state(self) -> TrackState:
        """What ``Level.resume`` takes."""
        return TrackState(
            self.expiry_ns, self.factor, self.known_s, self.last_ns, self.gap_s, self.settlement_day
        )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a restart needs, at least: trades that are not over, and those of the last seven days; every order
    execution and adjustment of them; the last ``DayRow``; the last numbers used.

    ``last_number`` is the largest that ever stood in an orderRef, ``level`` the one learnt last or None.
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
