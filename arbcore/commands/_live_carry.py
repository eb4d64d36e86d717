"""The snapshot that a run of the carry bot publishes for its live page: plain values, never changed later."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from arbcore.carry.pairs import ETF, FUT
from arbcore.commands._live import latency_s
from arbcore.commands.status import NOT_WELL
from arbcore.core.civil import iso_date, iso_time
from arbcore.desk.limits import COMPARING, HALTED
from arbcore.ibkr import Bot

if TYPE_CHECKING:
    from arbcore.desk.shown import DeskStatus

_DAY_NS = 86_400 * 10**9
#: For each reason of the desk's state, what ends it.
LIFTED_BY = {
    "not connected": "the connection", COMPARING: "the broker's answers",
    "unanswered": "an answer of the broker", "mismatch": "a person", "account": "a person",
    "overfill": "a person", "unwind failed": "a person", "contract": "a person", "unknown order": "a person",
    "kill switch": "the kill switch to be lifted", "daily loss": "the next New York day",
    "stopping": "the end of the run", "clock": "a clock that is right",
    "entries refused": "a restart, once the cause is removed",
}  # fmt: skip


def next_words(status: "DeskStatus") -> str:
    """What the bot waits for: the end of its state's reasons, what it needs to decide, or a signal."""
    if status["reasons"]:
        return ", ".join(dict.fromkeys(LIFTED_BY[reason] for reason in status["reasons"]))
    return status["waiting"] or f"a signal to {'enter' if status['pair'] is None else 'leave'}"


def carry_snapshot(bot: Bot, running_s: float) -> dict[str, Any] | None:
    """Returns the carry bot's snapshot; None before its first connection."""
    session = bot.session
    if session is None:
        return None
    status, details = session.status(), session.details()
    pair = bot.plan.pair
    settings, event_log, tally = bot.plan.desk, bot.event_log, bot.tally
    fut, etf = bot.touch(FUT), bot.touch(ETF)
    edges = financing = None
    if fut is not None and etf is not None:
        edges, financing = session.deviation(fut, etf), session.implied_repo(fut, etf)
    loss_usd = status["day_pnl"]
    limits: list[dict[str, str | float | None]] = [
        {"name": f"{symbol} held", "used": status["positions"][symbol], "limit": limit,
         "unit": "contracts" if symbol == pair.future else "shares"}
        for symbol, limit in details["limits"].items()
    ]  # fmt: skip
    limits.append({
        "name": "loss of the day", "used": None if loss_usd is None else max(0.0, -loss_usd),
        "limit": settings.daily_loss_usd, "unit": "USD",
    })  # fmt: skip
    roll_s = details["roll_s"]
    return {
        "kind": "carry",
        "running_s": running_s,
        "health": _carry_health(status),
        "mode": bot.plan.mode,
        "account": bot.account,
        "state": status["state"],
        "reasons": status["reasons"],
        "waiting": status["waiting"],
        "next": next_words(status),
        "held": bot.heartbeat.account(),
        "executed": bot.heartbeat.ours(),
        "pair": details["pair"],
        "day_pnl": loss_usd,
        "deviation_bps": None if edges is None else edges[0],
        "edge_cc_bps": None if edges is None else edges[1],
        "edge_reverse_bps": None if edges is None else edges[2],
        "enter_at_bps": settings.entry_bps + settings.cost_bps,
        "exit_bps": settings.exit_bps,
        "implied_financing": financing,
        "factor": status["factor"],
        "legs": details["legs"],
        "expiry": iso_date(details["expiry_ns"] // _DAY_NS) if details["expiry_ns"] else "",
        "days_to_roll": None if roll_s is None else roll_s / 86_400,
        "limits": limits,
        "orders": [
            {"ts": iso_time(row.created_ns), "role": row.role, "side": row.side, "quantity": row.quantity,
             "symbol": pair.symbol(row.leg), "limit": row.limit, "state": row.state, "filled": row.filled,
             "reason": row.reason}
            for row in details["orders"]
        ],
        "alarms": [
            {"ts": iso_time(at_ns), "kind": kind, "text": text}
            for at_ns, kind, text in reversed(event_log.alarm_lines)
        ],
        "alarm_counts": dict(event_log.alarms),
        "skipped": status["skipped"],
        "counts": {
            "quotes": tally.quotes, "signals": event_log.signals, "decisions": status["decisions"],
            "orders": tally.orders, "cancels": tally.cancels, "connections": tally.connections,
        },
        "latency_s": latency_s(tally.latency),
    }  # fmt: skip


def _carry_health(status: Mapping[str, Any]) -> dict[str, Any]:
    doubts = NOT_WELL & set(status["reasons"])
    ok = status["state"] != HALTED and not doubts
    return {"ok": ok, "reason": "" if ok else f"{status['state']}: {'; '.join(status['reasons'])}"}
