"""The values that a running desk shows on its status line and page, and why it waits.

It reads the desk's parts and changes nothing.
"""

from typing import TypedDict

from arbcore.carry.pairs import ETF, FUT
from arbcore.desk.day import Day
from arbcore.desk.decide import Decider
from arbcore.desk.desk_core import DeskCore
from arbcore.desk.desk_settings import seconds_ns
from arbcore.desk.leg_quotes import NEVER_NS
from arbcore.desk.pair import PairTrader
from arbcore.desk.records import SIDE_NAMES, OrderRow
from arbcore.desk.trade import Trade

#: How many of the last orders are shown.
SHOWN_ORDERS = 8


class PairStatus(TypedDict):
    """The open pair on a status line; ``naked``: one leg does not match the other."""

    trade_id: int
    side: str
    phase: str
    contracts: int
    naked: bool


class DeskStatus(TypedDict):
    """The values of a status line. Positions are by symbol; P&L is USD, None while a price is unknown."""

    state: str
    reasons: list[str]
    waiting: str
    positions: dict[str, int]
    pair: PairStatus | None
    day_pnl: float | None
    live_orders: int
    decisions: int
    skipped: dict[str, int]
    factor: float | None
    implied_financing: float | None


class PairDetails(TypedDict):
    """The open pair on a page: seconds since its entry, and its P&L in USD at the mids of both legs."""

    trade_id: int
    side: str
    phase: str
    since_s: float
    entry_dev_bps: float
    unrealised: float | None
    naked: bool


class LegDetails(TypedDict):
    """A leg's quote and its age in seconds; ``fault`` is empty if the quote may be used."""

    bid: float
    ask: float
    fault: str
    age_s: float | None


class DeskDetails(TypedDict):
    """Further values of a page; legs and limits are by symbol, the newest order is first."""

    pair: PairDetails | None
    legs: dict[str, LegDetails]
    expiry_ns: int
    roll_s: float | None
    limits: dict[str, int]
    orders: list[OrderRow]


def status_of(core: DeskCore, pairs: PairTrader, decider: Decider, *, day: Day) -> DeskStatus:
    """State, reasons, positions, the pair, the day's P&L, and counts of decisions and of skipped quotes."""
    trade = next(iter(pairs.open.values()), None)
    return {
        "state": core.risk_state.state,
        "reasons": list(core.risk_state.sentences),
        "waiting": waiting_for(core, decider),
        "positions": core.pair.by_symbol(core.positions),
        "pair": None if trade is None else {
            "trade_id": trade.trade_id, "side": SIDE_NAMES[trade.side], "phase": trade.phase,
            "contracts": abs(trade.position[FUT]), "naked": trade.residual != 0,
        },
        "day_pnl": day.pnl(),
        "live_orders": len(core.orders.live),
        "decisions": decider.decisions,
        "skipped": dict(decider.skipped),
        "factor": decider.level.shown(),
        "implied_financing": decider.level.implied_financing(),
    }  # fmt: skip


def details_of(core: DeskCore, pairs: PairTrader) -> DeskDetails:
    """Further values of a page: the pair's numbers, both legs, the contract, limits and orders.

    Times follow the desk's clock. ``unrealised`` is the open pair's P&L at the mids of both legs, less the
    known commissions; None if a price is not known.
    """
    now_ns, utc_ns = core.clock.now_ns, core.clock.utc_ns
    trade = next(iter(pairs.open.values()), None)
    roll_ns = core.fut.expiry_ns - seconds_ns(core.settings.roll_before_s)
    return {
        "pair": None if trade is None else {
            "trade_id": trade.trade_id, "side": SIDE_NAMES[trade.side], "phase": trade.phase,
            "since_s": (utc_ns - trade.entry_ns) / 1e9, "entry_dev_bps": trade.entry_dev_bps,
            "unrealised": _unrealised(core, trade), "naked": trade.residual != 0,
        },
        "legs": {
            leg.symbol: {
                "bid": leg.bid, "ask": leg.ask, "fault": str(leg.fault(now_ns, utc_ns) or ""),
                "age_s": None if leg.seen_ns == NEVER_NS else max(0, now_ns - leg.seen_ns) / 1e9,
            }
            for leg in core.legs.values()
        },
        "expiry_ns": core.fut.expiry_ns,
        "roll_s": (roll_ns - utc_ns) / 1e9 if core.fut.expiry_ns else None,
        "limits": core.pair.by_symbol(core.gate.limits),
        "orders": [order.row() for order in list(core.orders.all.values())[: -SHOWN_ORDERS - 1 : -1]],
    }  # fmt: skip


def _unrealised(core: DeskCore, trade: Trade) -> float | None:
    fut, etf = trade.position[FUT], trade.position[ETF]
    if (fut and not core.fut.mid) or (etf and not core.etf.mid):
        return None
    worth = fut * trade.multiplier * core.fut.mid + etf * core.etf.mid
    return trade.gross + worth - (trade.commission or 0.0)


def waiting_for(core: DeskCore, decider: Decider) -> str:
    """Why the desk does not decide, apart from the state's reasons; empty if the signal decides."""
    now_ns, utc_ns = core.clock.now_ns, core.clock.utc_ns
    if core.gate.doubts:
        return min(core.gate.doubts)
    for leg in core.legs.values():
        # Outside its hours a leg has no prices, so check the hours before faults.
        if leg.con_id and not leg.open_at(utc_ns):
            return leg.closed
    for leg in core.legs.values():
        if fault := leg.fault(now_ns, utc_ns):
            return str(fault)
    if waiting := decider.level.waiting():
        return waiting
    return "" if core.settings.trading_enabled else "trading is off"
