"""The snapshots that the exchange bot and the embedded exchange publish for their live pages."""

import time
from collections.abc import Mapping
from typing import Any

from arbcore.commands._live import latency_s
from arbcore.exchange import ExchangeRun
from arbcore.venue.score_board import ScoreBoard
from arbcore.wire.instruments import SYMBOLS

#: Orders that the exchange bot's page shows.
SHOWN_ORDERS = 12
#: Levels of each side of a book, and trades, in the snapshot of an exchange.
SHOWN_LEVELS = 5
SHOWN_TRADES = 16


def exchange_snapshot(run: ExchangeRun, now_ns: int) -> dict[str, Any]:
    """Returns the exchange bot's snapshot."""
    session = run.session
    summary = session.summary()
    elapsed_s = (now_ns - run.started_ns) / 1e9
    duration_s = run.options.duration_s
    halted = summary["halted_reason"]
    own: dict[str, dict[str, dict[str, int]]] = {}
    for order in session.orders_snapshot():
        if order["kind"] == "add":
            sides = own.setdefault(order["symbol"], {"BUY": {}, "SELL": {}})
            level = sides[order["side"]]
            price = str(order["price"])
            level[price] = level.get(price, 0) + order["remaining"]
    kept = (
        "pnl", "cash", "positions", "strategies", "fills", "orders_sent", "cancels_sent", "converts_sent",
        "messages_in", "limit_breaches", "rejects", "refusals", "faults", "anomalies", "halted_reason",
    )  # fmt: skip
    return {
        "kind": "exchange",
        "running_s": elapsed_s,
        "health": {
            "ok": run.connected and not halted,
            "reason": halted or ("" if run.connected else "not connected"),
        },
        "team": run.target.team,
        "address": run.target.address,
        "mode": run.target.label,
        "round": run.rounds + 1,
        "left_s": None if duration_s is None else max(0.0, duration_s - elapsed_s),
        "connected": run.connected,
        "connections": run.connections,
        **{name: summary[name] for name in kept},
        "exposure": session.exposure(),
        "books": {name: _book(session.book(name)) for name in summary["positions"]},
        "own": own,
        "orders": session.recent_orders(SHOWN_ORDERS),
        "recent_fills": session.recent_fills(),
        "latency_s": latency_s(run.latency),
    }


def _book(view: Mapping[str, Any]) -> dict[str, Any]:
    buy, sell = (view[side][:SHOWN_LEVELS] for side in ("buy", "sell"))
    return {"buy": buy, "sell": sell, "last_price": view["last_price"]}


def serve_snapshot(
    server: Any, engine: Any, board: ScoreBoard, *, about: Mapping[str, str], began_s: float
) -> dict[str, Any]:
    """Returns an exchange's snapshot, without fair values; ``about`` has the facts that identify it."""
    now_s = time.monotonic()
    standings = server.standings()
    teams = standings["teams"]
    return {
        "kind": "serve",
        "running_s": now_s - began_s,
        "health": {"ok": True, "reason": ""},
        **about,
        "round": standings["round"],
        "phase": standings["phase"],
        "left_s": standings["left_s"],
        "teams": [
            {"team": team, "this": this, "total": total, "rounds": board.rounds.get(team, 0),
             "fills": teams[team]["fills"] if team in teams else 0,
             "connections": teams[team]["connections"] if team in teams else 0,
             "state": board.state(team, teams.get(team), now_s)}
            for team, this, total in board.ranking(standings)
        ],
        "books": {
            name: {"buy": book.depth(1)[:SHOWN_LEVELS], "sell": book.depth(-1)[:SHOWN_LEVELS]}
            for name, book in zip(SYMBOLS, engine.floor.books, strict=True)
        },
        "trades": engine.trades,
        "recent_trades": engine.recent_trades(SHOWN_TRADES),
        "messages_in": engine.messages_in,
    }  # fmt: skip
