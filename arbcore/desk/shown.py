"""What a desk shows of itself while it runs: plain values for a status line, and why it does nothing.

It reads the rooms and changes nothing.
"""

from typing import Any

from arbcore.desk.day import Day
from arbcore.desk.decide import Decider
from arbcore.desk.desk_core import DeskCore
from arbcore.desk.pair import PairTrader
from arbcore.desk.records import ES, SIDE_NAMES


def status_of(core: DeskCore, pairs: PairTrader, decider: Decider, *, day: Day) -> dict[str, Any]:
    """State, reasons, positions, the pair, the day's P&L, and counts of what was decided and what was not."""
    trade = next(iter(pairs.open.values()), None)
    return {
        "state": core.brakes.state,
        "reasons": list(core.brakes.sentences),
        "waiting": waiting_for(core, decider),
        "positions": dict(core.positions),
        "pair": None if trade is None else {
            "trade_id": trade.trade_id, "side": SIDE_NAMES[trade.side], "phase": trade.phase,
            "contracts": abs(trade.position[ES]), "naked": trade.residual != 0,
        },
        "day_pnl": day.pnl(),
        "live_orders": len(core.orders.live),
        "decisions": decider.decisions,
        "skipped": dict(decider.skipped),
        "factor": core.gate.factor,
    }  # fmt: skip


def waiting_for(core: DeskCore, decider: Decider) -> str:
    """Why nothing is decided or ordered, apart from the state's reasons; empty where the signal decides."""
    now_ns, utc_ns = core.clock.now_ns, core.clock.utc_ns
    if core.gate.doubts:
        return min(core.gate.doubts)
    for leg in core.legs.values():
        # A leg without prices outside its hours is no fault, so the hours come first.
        if leg.con_id and not leg.open_at(utc_ns):
            return f"{leg.name} closed"
    for leg in core.legs.values():
        if fault := leg.fault(now_ns, utc_ns):
            return str(fault)
    if decider.calibrating:
        decisions = core.settings.calibration_rows
        return f"calibrating, {decisions - decider.to_measure:,} of {decisions:,}"
    return "" if core.settings.trading_enabled else "trading is off"
