"""Snapshots for live pages, one of each kind of run, with everything that a page can show."""

import copy
import math
from typing import Any

_STRATEGIES = ("xlf_arbitrage", "vale", "bond", "market_making", "mine:Quoter", "other:Quoter", "rest")
_SYMBOLS = {"BOND": 1000, "VALBZ": 4334, "VALE": 4337, "GS": 8095, "MS": 4006, "WFC": 5823, "XLF": 4284}
_HEALTH = {"ok": True, "reason": ""}

CARRY: dict[str, Any] = {
    "kind": "carry", "running_s": 90_000.0, "health": _HEALTH, "mode": "paper", "account": "DU1234567",
    "state": "ACTIVE", "reasons": [], "waiting": "SPY stale",
    "next": "SPY stale", "held": {"ES": -1, "SPY": 502},
    "executed": {"ES": -1, "SPY": 502},
    "pair": {"trade_id": 7, "side": "cash_and_carry", "phase": "held", "since_s": 5_400.0,
             "entry_dev_bps": 4.1, "unrealised": -12.5, "naked": False},
    "day_pnl": 81.25, "deviation_bps": 1.5, "edge_cc_bps": 0.9, "edge_reverse_bps": -2.1,
    "enter_at_bps": 3.5, "exit_bps": 0.75, "implied_financing": 0.0471, "factor": 10.034512,
    "legs": {
        "ES": {"bid": 6793.0, "ask": 6793.25, "fault": "", "age_s": 0.2},
        "SPY": {"bid": 680.12, "ask": 680.15, "fault": "SPY stale", "age_s": 12.4},
    },
    "expiry": "2026-12-18", "days_to_roll": 8.4,
    "limits": [
        {"name": "ES held", "used": -1, "limit": 1, "unit": "contracts"},
        {"name": "SPY held", "used": 502, "limit": 525, "unit": "shares"},
        {"name": "loss of the day", "used": 0.0, "limit": 250.0, "unit": "USD"},
    ],
    "orders": [
        {"ts": "2026-12-01T15:24:24.749993647Z", "role": "entry", "side": -1, "quantity": 1, "symbol": "ES",
         "limit": 6791.5, "state": "filled", "filled": 1, "reason": ""},
        {"ts": "2026-12-01T15:24:24.275561829Z", "role": "entry", "side": 1, "quantity": 502, "symbol": "SPY",
         "limit": None, "state": "rejected", "filled": 0, "reason": "201: <b>Order</b> rejected"},
    ],
    "alarms": [{"ts": "2026-12-01T05:24:24.750340717Z", "kind": "mismatch",
                "text": "The broker holds 2 ES and the store 1; nothing is sent before a person looked."}],
    "alarm_counts": {"mismatch": 1}, "skipped": {"SPY stale": 12},
    "counts": {"quotes": 123_456, "signals": 3, "decisions": 99, "orders": 2, "cancels": 0, "connections": 2},
    "latency_s": {"0.5": 0.0008, "0.99": 0.0021, "0.999": 0.004, "1": 0.006},
}  # fmt: skip
EXCHANGE: dict[str, Any] = {
    "kind": "exchange", "running_s": 12.0, "health": _HEALTH, "team": "ALPHA", "address": "127.0.0.1:25000",
    "mode": "test:prod-like", "round": 2, "left_s": 251.0, "connected": True, "connections": 1, "pnl": 1_215,
    "cash": 30_377, "positions": {name: at - 3 for at, name in enumerate(_SYMBOLS)},
    "exposure": {name: {"position": (at - 3) * 30, "working_buy": 0, "working_sell": 1,
                        "limit": 10 if name in ("VALE", "VALBZ") else 100}
                 for at, name in enumerate(_SYMBOLS)},
    "strategies": {name: {"orders": 21, "fills": 8, "pnl": 5 * at} for at, name in enumerate(_STRATEGIES)},
    "fills": 34, "orders_sent": 116, "cancels_sent": 80, "converts_sent": 2, "messages_in": 748,
    "limit_breaches": 0, "rejects": {"<i>no</i>": 2}, "refusals": {"position_limit": 3},
    "faults": {"not_json": 1}, "anomalies": {"unknown_ack": 1}, "halted_reason": "",
    "books": {name: {"buy": [[price - 1, 10], [price - 2, 4]], "sell": [[price + 1, 3]], "last_price": price}
              for name, price in _SYMBOLS.items()},
    "own": {"BOND": {"BUY": {"999": 10}, "SELL": {}}},
    "orders": [{"order_id": 117, "symbol": "BOND", "side": "BUY", "kind": "add", "price": 999, "size": 10,
                "remaining": 4, "state": "open", "strategy": "bond"},
               {"order_id": 116, "symbol": "XLF", "side": "SELL", "kind": "convert", "price": 0, "size": 10,
                "remaining": 10, "state": "acked", "strategy": "mine:Quoter"}],
    "recent_fills": [{"order_id": 117, "symbol": "BOND", "side": "BUY", "price": 999, "size": 6,
                      "strategy": "bond"}],
    "latency_s": {"0.5": 49e-6, "0.99": 96e-6, "0.999": 117e-6, "1": 117e-6},
}  # fmt: skip
SERVE: dict[str, Any] = {
    "kind": "serve", "running_s": 12.0, "health": _HEALTH, "mode": "prod-like", "regime": "normal",
    "address": "127.0.0.1:25000", "text_address": "plain text on 20000", "round": 3, "phase": "open",
    "left_s": 200.5,
    "teams": [{"team": name, "this": 100 * at, "total": 1_000 - 300 * at, "rounds": 2, "fills": 50,
               "connections": at % 2, "state": "playing" if at % 2 else "gone"}
              for at, name in enumerate(("ALPHA", "<b>BETA</b>", "A_TEAM_WITH_A_RATHER_LONG_NAME", "DELTA"))],
    "books": {name: {"buy": [[price - 1, 5], [price - 4, 2]], "sell": [[price + 1, 7]]}
              for name, price in _SYMBOLS.items()},
    "recent_trades": [{"symbol": "XLF", "price": 4301, "size": 3, "ago_s": 0.25}],
    "trades": 120, "messages_in": 900,
}  # fmt: skip
SNAPSHOTS = {"carry": CARRY, "exchange": EXCHANGE, "serve": SERVE}


def moved(kind: str, step: int, every_s: float = 4.0) -> dict[str, Any]:
    """Returns the snapshot after ``step`` steps of a run: numbers change, rows are added and removed."""
    told = copy.deepcopy(SNAPSHOTS[kind])
    told["running_s"] += every_s * step
    wave = math.sin(step / 9)
    if kind == "carry":
        told["deviation_bps"] = 4.2 * wave
        told["day_pnl"] += step
        told["orders"] = told["orders"][: step % 3]
        told["alarms"] = told["alarms"] * (step % 4)
    elif kind == "exchange":
        told["pnl"] += step
        told["recent_fills"] = told["recent_fills"] * (step % 4)
        told["orders"] = told["orders"][: step % 3]
        for at, row in enumerate(told["strategies"].values()):
            row["pnl"] += int(40 * wave * at)
    else:
        told["trades"] += step
        told["teams"] = told["teams"][: 2 + step % 3]
        for at, row in enumerate(told["teams"]):
            row["total"] += int(300 * wave * at)
    return told
