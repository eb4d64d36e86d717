"""The carry bot on a gateway, for tests: its plan, a market, and the broker's books beside its store.

It imports no test framework, because a program that tests kill uses it too.
"""

import itertools
import time
from pathlib import Path
from typing import Any

from arbcore.broker.alerts import Alerts
from arbcore.broker.carry_settings import IbkrSettings
from arbcore.broker.plan import Plan
from arbcore.broker.store_file import open_to_read
from arbcore.carry.calendar import front_contract
from arbcore.carry.pairs import DEFAULT_PAIR, Pair
from arbcore.desk.desk_settings import DeskSettings
from arbcore.gateway.quote_source import Row
from arbcore.ibkr import Bot
from arbcore.system.kill_switch import KillSwitch

STORE = "bot.sqlite3"
ACCOUNT = "DUSIM000001"
#: All rates are 0, so fair value is ten times SPY, and only the signal's rules apply.
DESK = {
    "factor": 10.0, "funding_rate": 0.0,
    "trading_enabled": True, "entry_bps": 20.0, "exit_bps": 5.0, "cost_bps": 4.0, "stop_bps": 0.0,
    "max_hold_days": 0.0, "cooldown_s": 0.0, "r": 0.0, "d": 0.0, "roll_before_s": 0.0,
    "daily_loss_usd": 1e12, "margin_check": False,
}  # fmt: skip
SPY = 680.0
#: Deviations in bps: RICH and CHEAP lead to entries, FAIR to an exit.
RICH, FAIR, CHEAP = 40.0, 0.0, -40.0


def plan_of(port: int, directory: Path, *, library: str, rows: bool = False, **changes: Any) -> Plan:
    """Returns the plan of a paper run. ``changes`` are fields of the plan, its settings, or the desk's."""
    settings = {
        "host": "127.0.0.1", "port": port, "client_id": 17, "library": library, "connect_timeout_s": 10.0,
        "pair": DEFAULT_PAIR, "future_currency": "USD", "front_offset": 0,
        "expiry_ns": None, "fund_exchange": "SMART", "fund_currency": "USD",
        "fred_series": "DTB3", "fred_key": "", "receivers": (), "live_account": "", "account": "",
        "alert_kinds": frozenset({"alarm"}), "heartbeat_url": "",
        "store_path": directory / STORE, "log_path": directory / "log", "log_level": "INFO",
    }  # fmt: skip
    desk = DESK | {"decide_on": "row" if rows else "quote"}
    plan: dict[str, Any] = {
        "mode": "paper", "rows": rows, "clocked": rows, "accept_account": False, "flatten": False,
        "dividends": None, "rates": None, "record": None,
    }  # fmt: skip
    for name, value in changes.items():
        next(part for part in (plan, settings, desk) if name in part or part is desk)[name] = value
    desk["pair"] = settings["pair"]
    settings.setdefault("future_exchange", settings["pair"].exchange)
    return Plan(IbkrSettings(**settings), DeskSettings(**desk), **plan)  # type: ignore[arg-type]


def bot_of(plan: Plan, told: Any = None) -> Bot:
    switch = KillSwitch(plan.settings.store_path.parent, {})
    return Bot(plan, kill_switch=switch, alerts=Alerts(mode="test"), told=told or (lambda *_: None))


def quote_row(
    ts_ns: int, dev_bps: float, *, expiry_ns: int, cents: int = 0, size: float = 0.0,
    pair: Pair = DEFAULT_PAIR,
) -> Row:  # fmt: skip
    """Returns a row, both legs a tick wide: the future ``dev_bps`` from fair value, the ETF ``cents`` up."""
    etf = round(pair.index.etf_usd + 0.01 * cents, 2)
    factor = pair.points_per_usd
    fut = round(round(factor * (etf + 0.005) * (1.0 + dev_bps * 1e-4) / pair.tick - 0.5) * pair.tick, 2)
    prices = (fut, round(fut + pair.tick, 2), etf, round(etf + 0.01, 2))
    return Row(ts_ns, expiry_ns, *prices, 100.0 + size, 5_000.0 + size, factor, pair=pair)


def row_dev(ts_ns: int, dev_bps: float, cents: int = 0) -> Row:
    """Returns a row of the front contract."""
    return quote_row(ts_ns, dev_bps, expiry_ns=front_contract(ts_ns).expiry_ns, cents=cents)


class Market:
    """Endless rows at the machine's time; a test sets ``dev_bps``, ES's deviation from the next row on."""

    STEP_NS = 25_000_000

    def __init__(self, start_ns: int | None = None, *, pair: Pair = DEFAULT_PAIR) -> None:
        self.dev_bps = FAIR
        self.pair = pair
        self.start_ns = time.time_ns() if start_ns is None else start_ns
        #: Expiry of the quoted contract.
        self.expiry_ns = front_contract(self.start_ns).expiry_ns

    def __iter__(self) -> Any:
        for number in itertools.count():
            ts_ns = self.start_ns + number * self.STEP_NS
            # The size changes, so that every row causes a tick.
            size = float(number % 2)
            yield quote_row(ts_ns, self.dev_bps, expiry_ns=self.expiry_ns, size=size, pair=self.pair)


def row_devs(start_ns: int, devs: Any) -> list[Row]:
    """Returns one row per second, with the given deviations in bps."""
    return [row_dev(start_ns + at * 10**9, dev) for at, dev in enumerate(devs)]


# --- books ------------------------------------------------------------------------------------------------


def books_of(gateway: Any) -> dict[str, Any]:
    """Returns the broker's books: every order it received, every execution with corrections, positions."""
    orders = [
        {"ref": order.order_ref, "filled": int(order.filled), "quantity": int(order.quantity)}
        for order in gateway.desk.book.by_perm.values()
    ]  # fmt: skip
    executions = {}
    for exec_id, done in gateway.account.executions.items():
        view = done.view
        signed = int(view.shares) * (1 if view.side == "BOT" else -1)
        executions[exec_id.rpartition(".")[0]] = (view.order_ref, signed, view.price)
    pair = DEFAULT_PAIR if gateway.market.row is None else gateway.market.row.pair
    positions = {pair.future: 0, pair.etf: 0}
    for each in gateway.account.positions.values():
        positions[each.listing.symbol] += int(each.quantity)
    return {"orders": orders, "executions": executions, "positions": positions}


def stored(directory: Path, query: str) -> list[Any]:
    """Reads rows of the bot's store while the bot may run."""
    connection = open_to_read(directory / STORE)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def signed(side: str, quantity: int) -> int:
    return quantity if side == "BUY" else -quantity


def differences(directory: Path, books: dict[str, Any], *, held_is_whole: bool = True) -> list[str]:
    """Returns the differences between store and broker's books, and broken invariants; empty without any."""
    found = []
    orders = {
        ref: (state, filled)
        for ref, state, filled in stored(directory, "SELECT order_ref, state, filled FROM orders")
    }
    sent = [order["ref"] for order in books["orders"]]
    found += [f"{ref} was sent {sent.count(ref)} times" for ref in set(sent) if sent.count(ref) > 1]
    found += [f"{ref or 'an order'} is at the broker and not in the store" for ref in set(sent) - set(orders)]
    filled = {order["ref"]: order["filled"] for order in books["orders"]}
    for ref, (state, stored_filled) in orders.items():
        if state in {"sent", "working", "unknown"}:
            found.append(f"{ref} is {state} at the end")
        if stored_filled != filled.get(ref, 0):
            found.append(f"{ref} filled {filled.get(ref, 0)} and the store says {stored_filled}")
    rows = stored(
        directory, "SELECT exec_key, order_ref, side, quantity, price, trade_id, symbol FROM executions"
    )
    ours = {key: (ref, signed(side, n), price) for key, ref, side, n, price, _, _ in rows}
    if ours != books["executions"]:
        found.append(f"executions differ: store {ours}, broker {books['executions']}")
    nothing = dict.fromkeys(books["positions"], 0)
    positions = dict(nothing)
    by_trade: dict[int, dict[str, int]] = {}
    for _, _, side, quantity, _, trade_id, leg in rows:
        positions[leg] += signed(side, quantity)
        by_trade.setdefault(trade_id, dict(nothing))[leg] += signed(side, quantity)
    if positions != books["positions"]:
        found.append(f"the store comes to {positions} and the broker holds {books['positions']}")
    if held_is_whole:
        found += _naked(directory, by_trade, nothing)
    return found


def _naked(directory: Path, by_trade: dict[int, dict[str, int]], nothing: dict[str, int]) -> list[str]:
    """Returns the trades that are neither fully hedged nor over."""
    future, etf = nothing
    found = []
    columns = "trade_id, phase, side, wanted_contracts, wanted_shares"
    for trade_id, phase, side, contracts, shares in stored(directory, f"SELECT {columns} FROM trades"):
        held = by_trade.get(trade_id, nothing)
        sign = -1 if side == "cash_and_carry" else 1
        whole = {future: sign * contracts, etf: -sign * shares}
        expected = nothing if phase in {"closed", "void"} else whole
        if phase not in {"closed", "void", "held"} or held != expected:
            found.append(f"trade {trade_id} is {phase} and holds {held}")
    return found
