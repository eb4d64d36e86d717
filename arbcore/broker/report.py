"""The report on the carry bot, from its store: a summary, the ledger, the time line.

A shell for reading the file; the rest is arithmetic on rows. It computes money from executions and
commissions, never from the desk's own sums. A sum with an unknown commission is unknown.
"""

import contextlib
import json
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from arbcore.broker.news import held_words
from arbcore.broker.store_check import check_rows
from arbcore.broker.store_file import is_owned, open_to_read, said_reading
from arbcore.carry.pairs import DEFAULT_PAIR, FUT, LEGS, Pair, pair_named
from arbcore.core.civil import NS_PER_S, iso_date, read_time, utc_to_new_york
from arbcore.core.ledger_columns import LEDGER_NAMES
from arbcore.core.text import plural, printable, whole_seconds
from arbcore.desk.limits import HALTED
from arbcore.errors import ArbcoreError, InputError
from arbcore.pages.report_page import report_page

SCHEMA = "arbcore.report/1"
#: Most rows of the time line in a report; the store has them all.
TIME_LINE_MAX = 1_000
#: Most characters of a line of the summary; the store has the broker's full texts.
LINE_MAX = 2_000
#: A run whose heartbeat, written every 5 s, is older than this is dead.
DEAD_AFTER_S = 15
# A desk's first state, before it has a connection.
BORN = "HALTED: not connected"
_DONE = ("closed", "void")
#: The source of each number: the broker, or the model with the settings.
SOURCES = {
    "gross_pnl": "broker", "commissions": "broker", "financing": "model", "dividends": "model",
    "net_pnl": "both", "unrealised_pnl": "model",
}  # fmt: skip
_COLUMNS = {
    "trades": (
        "trade_id, side, phase, expiry_ts, multiplier, entry_ts, entry_dev_bps, contracts, shares, "
        "fut_entry, fut_exit, etf_entry, etf_exit, exit_ts, exit_dev_bps, exit_reason, funding, financing, "
        "dividends"
    ),
    "orders": (
        "order_ref, trade_id, symbol, side, quantity, order_type, limit_price, role, created_ts, state, "
        "filled, reason"
    ),
    "executions": (
        "exec_key, exec_id, order_ref, trade_id, symbol, side, quantity, price, multiplier, ts, commission"
    ),
    "adjustments": "adjustment, trade_id, symbol, quantity, reason, ts",
    "signals": (
        "ts, action, refusal, fut_bid, fut_ask, etf_bid, etf_ask, dev_bps, edge_cc_bps, edge_rev_bps, "
        "implied_repo"
    ),
    "events": "ts, level, kind, text",
    "skipped": "date, reason, count",
    "heartbeat": (
        "since_ts, ts, ended_ts, ending, in_order, state, reasons, waiting, held, executed, day_pnl, quote"
    ),
}
_KEYS = {"trades": "trade_id", "orders": "created_ts", "executions": "ts", "adjustments": "adjustment",
         "signals": "signal_id", "events": "event_id", "skipped": "date, reason",
         "heartbeat": "one"}  # fmt: skip

Record = dict[str, Any]


@dataclass(frozen=True)
class StoreRows:
    """A store's rows by table, as dictionaries by column, each table in order of time."""

    path: Path
    meta: dict[str, str]
    trades: list[Record]
    orders: list[Record]
    executions: list[Record]
    adjustments: list[Record]
    signals: list[Record]
    events: list[Record]
    skipped: list[Record]
    heartbeat: list[Record]
    #: Whether a live process held the store's lock when it was read, and the time of reading.
    owned: bool
    read_ns: int

    @property
    def pair(self) -> Pair:
        """The future and the ETF that the store's bot trades."""
        return pair_named(self.meta.get("pair", DEFAULT_PAIR.name))

    @property
    def symbols(self) -> tuple[str, str]:
        """The symbols of the future and of the ETF."""
        return self.pair.future, self.pair.etf


def read_store(path: Path, *, brief: bool = False) -> StoreRows:
    """Reads all rows for a report as of one moment, also while a bot writes. Raises InputError for a file
    that is not a store.

    ``brief``: only the last signal, and only the last alarm of the time line.
    """
    ends = {"signals": "DESC LIMIT 1", "events": "DESC LIMIT 1"} if brief else {}
    only = {"events": "WHERE level = 'alarm'"} if brief else {}
    with contextlib.closing(open_to_read(path)) as connection, said_reading(path):
        # One transaction, so that all tables are of the same moment while a bot writes.
        connection.execute("BEGIN")
        meta = dict(connection.execute("SELECT key, value FROM meta"))
        tables = {}
        for name, columns in _COLUMNS.items():
            names = columns.split(", ")
            found = connection.execute(
                f"SELECT {columns} FROM {name} {only.get(name, '')} ORDER BY {_KEYS[name]} "
                f"{ends.get(name, '')}"
            )
            tables[name] = [dict(zip(names, values, strict=True)) for values in found]
        connection.execute("COMMIT")
    check_rows(path, meta, tables)
    try:
        for name, column in (("orders", "created_ts"), ("executions", "ts")):
            tables[name].sort(key=lambda row, column=column: read_time(row[column]))  # type: ignore[misc]
    except ArbcoreError as error:
        raise InputError(f"The store {path} has a time that cannot be read ({error})") from error
    return StoreRows(path, meta, **tables, owned=is_owned(path), read_ns=time.time_ns())


def document(rows: StoreRows) -> Record:
    """The report as one JSON document: totals, P&L by leg and by New York date, trades, alarms, states."""
    trades = [trade_document(trade, rows) for trade in rows.trades if trade["phase"] != "void"]
    repos = _entry_repos(rows.signals)
    for trade in trades:
        trade["entry_implied_repo"] = repos.get((f"enter_{trade['side']}", trade["entry_dev_bps"]))
    closed = [trade for trade in trades if trade["phase"] == "closed"]
    # The prices at which others closed a pair are not known, so such a pair is in no sum.
    known = [trade for trade in closed if not trade["adjusted"]]
    nets = [trade["net_pnl"] for trade in known]
    return {
        "schema": SCHEMA,
        "store": str(rows.path),
        "account": rows.meta.get("account"),
        "mode": rows.meta.get("mode"),
        "pair": rows.pair.name,
        "first_ts": _first(rows),
        "last_ts": _last(rows),
        "trades": len(closed),
        "wins": sum(net is not None and net > 0 for net in nets),
        "adjusted_trades": len(closed) - len(known),
        "gross_pnl": sum(trade["gross_pnl"] for trade in known),
        "commissions": _sum(trade["commission"] for trade in known),
        "financing": sum(trade["financing"] for trade in known),
        "dividends": sum(trade["dividends"] for trade in known),
        "sources": SOURCES,
        "net_pnl": _sum(nets),
        "unrealised_pnl": unrealised(rows),
        "slippage": _sum(trade["slippage"] for trade in known),
        "legs": {symbol: _leg_document(symbol, rows) for symbol in rows.symbols},
        "days": _days(rows, trades),
        "positions": _positions(rows),
        "adjustments": rows.adjustments,
        "open_trades": [trade for trade in trades if trade["phase"] not in _DONE],
        "orders": dict(Counter(order["state"] for order in rows.orders)),
        "orders_by_role": _by_role(rows.orders),
        "executions": len(rows.executions),
        "commissions_unknown": sum(one["commission"] is None for one in rows.executions),
        "signals": _signals(rows.signals),
        "not_decided": _skipped(rows.skipped),
        "alarms": dict(Counter(event["kind"] for event in rows.events if event["level"] == "alarm")),
        "run": (run := run_document(rows)) | {"words": whole_seconds(run_words(run))},
        "state": _state(rows),
        "last_alarm": last_alarm(rows),
        "states": states(rows),
        "closed_trades": closed,
        "time_line": rows.events[-TIME_LINE_MAX:],
    }


def trade_document(trade: Record, rows: StoreRows) -> Record:
    """One pair with its money; the P&L is None for an open pair and for one that others changed.

    Gross is the money of its executions; slippage is measured from the prices at the signals.
    """
    mine = [one for one in rows.executions if one["trade_id"] == trade["trade_id"]]
    adjusted = trade["trade_id"] in _adjusted(rows)
    # The money of an open position, or of only a part of a pair's executions, is not P&L.
    gross = sum(_money(one) for one in mine) if trade["phase"] in _DONE and not adjusted else None
    commission = _sum(one["commission"] for one in mine)
    return {
        **trade,
        **_decided_prices(trade, rows),
        "adjusted": adjusted,
        "gross_pnl": gross,
        "commission": commission,
        "net_pnl": (
            None if commission is None or gross is None
            else gross - commission + trade["financing"] + trade["dividends"]
        ),
        "slippage": _slippage(trade, rows, mine),
    }


def _adjusted(rows: StoreRows) -> set[int]:
    """The pairs of which a part was closed without one of the bot's executions."""
    return {one["trade_id"] for one in rows.adjustments}


def _money(execution: Record) -> float:
    """USD received (positive) or paid (negative) for one execution."""
    sign = 1.0 if execution["side"] == "SELL" else -1.0
    return float(sign * execution["quantity"] * execution["price"] * execution["multiplier"])


def _decided(trade: Record, orders: Sequence[Record], *, symbol: str, buying: bool) -> float | None:
    """A leg's price at the decision to buy or sell it: the limit of the first entry or exit order.

    A worse price of a hedge or of a later try counts as slippage against it.
    """
    return next(
        (order["limit_price"] for order in orders
         if order["trade_id"] == trade["trade_id"] and order["symbol"] == symbol
         and order["role"] in ("entry", "exit") and (order["side"] == "BUY") == buying),
        None,
    )  # fmt: skip


def _decided_prices(trade: Record, rows: StoreRows) -> Record:
    """Both legs' prices at the signals: ``fut_entry_signal`` and so on; None if a decision had no price."""
    found = {}
    for leg in LEGS:
        symbol, bought = rows.pair.symbol(leg), (leg == FUT) == (trade["side"] == "reverse")
        found[f"{leg}_entry_signal"] = _decided(trade, rows.orders, symbol=symbol, buying=bought)
        found[f"{leg}_exit_signal"] = _decided(trade, rows.orders, symbol=symbol, buying=not bought)
    return found


def _slippage(trade: Record, rows: StoreRows, executions: Sequence[Record]) -> float | None:
    """USD lost (negative) against the prices at the decisions; None if a decision had no price."""
    total = 0.0
    for symbol in rows.symbols:
        for buying in (True, False):
            decided = _decided(trade, rows.orders, symbol=symbol, buying=buying)
            for one in executions:
                if one["symbol"] != symbol or (one["side"] == "BUY") != buying:
                    continue
                if decided is None:
                    return None
                better = (decided - one["price"]) if buying else (one["price"] - decided)
                total += better * one["quantity"] * one["multiplier"]
    return total


def _entry_repos(signals: Iterable[Record]) -> dict[tuple[str, float], float | None]:
    """Implied repo of the signals acted on, by time and deviation, which a pair shares with its signal."""
    return {(one["action"], one["dev_bps"]): one["implied_repo"] for one in signals if not one["refusal"]}


def _positions(rows: StoreRows) -> dict[str, int]:
    held = dict.fromkeys(rows.symbols, 0)
    for one in rows.adjustments:
        held[one["symbol"]] = held.get(one["symbol"], 0) + one["quantity"]
    for one in rows.executions:
        held[one["symbol"]] = held.get(one["symbol"], 0) + (
            one["quantity"] if one["side"] == "BUY" else -one["quantity"]
        )
    return held


def _leg_document(symbol: str, rows: StoreRows) -> Record:
    """A leg's P&L over closed trades."""
    closed = {trade["trade_id"] for trade in rows.trades if trade["phase"] == "closed"} - _adjusted(rows)
    mine = [one for one in rows.executions if one["symbol"] == symbol and one["trade_id"] in closed]
    return {
        "gross_pnl": sum(_money(one) for one in mine),
        "commissions": _sum(one["commission"] for one in mine),
        "quantity": sum(one["quantity"] for one in mine),
    }


def _days(rows: StoreRows, trades: Sequence[Record]) -> list[Record]:
    """By New York date: the P&L of the pairs closed on it, by leg, and the number of executions."""
    gross_of: dict[int, dict[str, float]] = {}
    for one in rows.executions:
        legs = gross_of.setdefault(one["trade_id"], dict.fromkeys(rows.symbols, 0.0))
        legs[one["symbol"]] = legs.get(one["symbol"], 0.0) + _money(one)
    days: dict[str, Record] = {}

    def of(ts: str) -> Record:
        date = exchange_date(ts)
        blank = {
            "date": date, "trades": 0, "executions": 0, "gross_pnl": 0.0,
            "legs": dict.fromkeys(rows.symbols, 0.0), "commissions": 0.0, "financing": 0.0, "dividends": 0.0,
            "net_pnl": 0.0,
        }  # fmt: skip
        return days.setdefault(date, blank)

    for one in rows.executions:
        of(one["ts"])["executions"] += 1
    for trade in trades:
        if trade["phase"] == "closed":
            day = of(trade["exit_ts"])
            day["trades"] += 1
            if trade["adjusted"]:
                continue
            day["gross_pnl"] += trade["gross_pnl"]
            for symbol in rows.symbols:
                day["legs"][symbol] += gross_of.get(trade["trade_id"], {}).get(symbol, 0.0)
            day["commissions"] = _sum((day["commissions"], trade["commission"]))
            day["financing"] += trade["financing"]
            day["dividends"] += trade["dividends"]
            day["net_pnl"] = _sum((day["net_pnl"], trade["net_pnl"]))
    return [days[date] for date in sorted(days)]


def exchange_date(ts: str) -> str:
    """The New York date of a time: the date of the exchange and of the daily loss limit."""
    return iso_date(utc_to_new_york(read_time(ts))[0])


def states(rows: StoreRows) -> list[Record]:
    """The risk states with their begin and end; there is none between two runs."""
    spans: list[Record] = []
    last_ts = _last(rows)
    connected: str | None = None
    for event in rows.events:
        if event["kind"] == "connected":
            connected = event["ts"]
        elif event["kind"] == "state":
            if spans and spans[-1]["to_ts"] is None:
                # A new desk has no connection: this state right after a connection means a new run.
                born = connected is not None and event["text"] == BORN
                spans[-1]["to_ts"] = _quiet_since(rows, connected) if born else event["ts"]
            name, _, reasons = event["text"].partition(": ")
            spans.append({"state": name, "reasons": reasons, "from_ts": event["ts"], "to_ts": None})
            connected = None
    if spans:
        spans[-1]["to_ts"] = last_ts
    return spans


def _quiet_since(rows: StoreRows, ts: str | None) -> str | None:
    """The time of the last row before a time."""
    if ts is None:
        return None
    before_ns = read_time(ts)
    found = []
    for group in (rows.events, rows.signals, rows.executions):
        count = bisect_left(group, before_ns, key=lambda row: read_time(row["ts"]))
        if count:
            found.append(group[count - 1]["ts"])
    return max(found, key=read_time, default=None)


def _by_role(orders: Iterable[Record]) -> dict[str, dict[str, int]]:
    """The number of orders by role and state."""
    found: dict[str, Counter[str]] = {}
    for order in orders:
        found.setdefault(order["role"], Counter())[order["state"]] += 1
    return {role: dict(counts) for role, counts in found.items()}


def _signals(signals: Sequence[Record]) -> Record:
    real = [one for one in signals if one["action"] != "sample"]
    return {
        "acted_on": dict(Counter(one["action"] for one in real if not one["refusal"])),
        "refused": dict(Counter(one["refusal"] for one in real if one["refusal"])),
        "samples": len(signals) - len(real),
    }


def _skipped(rows: Iterable[Record]) -> dict[str, int]:
    """The number of skipped decisions by reason, over all days."""
    found: Counter[str] = Counter()
    for row in rows:
        found[row["reason"]] += row["count"]
    return dict(found)


class RunLiveness(TypedDict):
    """Whether a run is alive, and its risk state. Times are ISO 8601 UTC."""

    copied: str | None
    running: bool
    since: str | None
    ended: str | None
    dead_since: str | None
    in_order: bool | None
    state: str | None
    reasons: list[str]


class RunDocument(RunLiveness):
    """The present run, or the last one. Positions are by symbol."""

    waiting: str
    held: dict[str, int] | None
    executed: dict[str, int]
    ending: str
    heartbeat: str | None
    quote: Mapping[str, str | int | Mapping[str, float]] | None
    day_pnl: float | None


class TodayDocument(TypedDict):
    """A New York date so far; ``net_pnl`` is USD, None while it is unknown."""

    date: str
    trades: int
    executions: int
    net_pnl: float | None


class AlarmDocument(TypedDict):
    """An alarm: its time, kind and text."""

    ts: str
    kind: str
    text: str


class LastOrder(TypedDict):
    """The last order sent, in the store's columns."""

    created_ts: str
    order_ref: str
    symbol: str
    side: str
    quantity: int
    limit_price: float | None
    role: str
    state: str
    filled: int
    reason: str


class StatusDocument(RunLiveness):
    """The document of ``arbcore status --json``."""

    schema: str
    store: str
    well: bool
    waiting: str
    account: str | None
    mode: str | None
    held: dict[str, int] | None
    executed: dict[str, int]
    today: TodayDocument
    last_quote: Mapping[str, str | int | Mapping[str, float]] | None
    last_order: LastOrder | None
    last_alarm: AlarmDocument | None
    ending: str
    heartbeat: str | None


def run_document(rows: StoreRows) -> RunDocument:
    """The present run, or the last one: whether it is alive, and if not, since when.

    A run is dead if it did not write its end and either its process is gone or its heartbeat is older than
    DEAD_AFTER_S. ``held`` are the account's positions; None while they are unknown.
    """
    pulse = rows.heartbeat[0] if rows.heartbeat else None
    copied = rows.meta.get("copy_ts")
    if pulse is None:
        return {
            "copied": copied, "running": rows.owned and copied is None, "since": None, "ended": None,
            "dead_since": None, "in_order": None, "state": None, "reasons": [], "waiting": "", "held": None,
            "executed": _positions(rows), "ending": "", "heartbeat": None, "quote": None, "day_pnl": None,
        }  # fmt: skip
    late = rows.read_ns - read_time(pulse["ts"]) > DEAD_AFTER_S * NS_PER_S
    ended = pulse["ended_ts"]
    dead = ended is None and copied is None and (late or not rows.owned)
    return {
        "copied": copied,
        "running": ended is None and copied is None and not dead,
        "since": pulse["since_ts"],
        "ended": ended,
        "dead_since": pulse["ts"] if dead else None,
        "in_order": bool(pulse["in_order"]),
        # A dead run has no present state.
        "state": None if dead else pulse["state"],
        "reasons": [] if dead else json.loads(pulse["reasons"]),
        "waiting": "" if dead else pulse["waiting"],
        "held": None if dead or pulse["held"] is None else json.loads(pulse["held"]),
        "executed": _positions(rows),
        "ending": pulse["ending"],
        "heartbeat": pulse["ts"],
        "quote": json.loads(pulse["quote"]),
        "day_pnl": None if dead else pulse["day_pnl"],
    }


def run_words(run: RunLiveness) -> str:
    """A text that says whether the run is alive."""
    if run["dead_since"]:
        gone = "its process is gone or stands still, and no bot watches the account's positions"
        return f"dead since {run['dead_since']}: {gone}"
    reasons = f": {'; '.join(run['reasons'])}" if run["reasons"] else ""
    if run["copied"]:
        return f"a copy of a store, made at {run['copied']}"
    if run["ended"]:
        how = "stopped in order" if run["in_order"] else f"ended {run['state']}{reasons}"
        return f"{how} at {run['ended']}"
    if run["running"]:
        since = f" since {run['since']}" if run["since"] else ""
        return f"running{since}: {run['state'] or 'connecting'}{reasons}"
    return "not running"


def _state(rows: StoreRows) -> str | None:
    """The last state of a run that is alive or wrote its end; None for a dead run."""
    run = run_document(rows)
    if run["dead_since"] or not (run["running"] or run["ended"]):
        return None
    return next((e["text"] for e in reversed(rows.events) if e["kind"] == "state"), None)


def today(rows: StoreRows, run: RunDocument) -> TodayDocument:
    """The New York date at the time of reading: closed trades, executions, and the P&L if known.

    While the bot runs, the P&L is its own, with open pairs at the mids; otherwise it is that of closed pairs.
    """
    date = iso_date(utc_to_new_york(rows.read_ns)[0])
    trades = [trade_document(trade, rows) for trade in rows.trades if trade["phase"] != "void"]
    day = next((day for day in _days(rows, trades) if day["date"] == date), None)
    closed = 0.0 if day is None else day["net_pnl"]
    return {
        "date": date,
        "trades": 0 if day is None else day["trades"],
        "executions": 0 if day is None else day["executions"],
        "net_pnl": run["day_pnl"] if run["running"] else closed,
    }


def last_alarm(rows: StoreRows) -> AlarmDocument | None:
    """The last alarm; None if there was none."""
    found = next((one for one in reversed(rows.events) if one["level"] == "alarm"), None)
    return None if found is None else {"ts": found["ts"], "kind": found["kind"], "text": found["text"]}


def unrealised(rows: StoreRows) -> float | None:
    """The P&L of the open pairs in USD if closed at the last touch, less known commissions.

    0 if none is open; None if a price is not known, or others closed a part of a pair.
    """
    open_ids = {trade["trade_id"] for trade in rows.trades if trade["phase"] not in _DONE}
    mine = [one for one in rows.executions if one["trade_id"] in open_ids]
    if not mine:
        return 0.0
    if open_ids & _adjusted(rows):
        return None
    quote = _last_touch(rows)
    held: dict[str, int] = {}
    worth: dict[str, float] = {}
    for one in mine:
        size = one["quantity"] if one["side"] == "BUY" else -one["quantity"]
        held[one["symbol"]] = held.get(one["symbol"], 0) + size
        worth[one["symbol"]] = one["multiplier"]
    total = sum(_money(one) for one in mine)
    for symbol, size in held.items():
        price = quote.get((symbol, "bid" if size > 0 else "ask"))
        if size and price is None:
            return None
        total += size * worth[symbol] * (price or 0.0)
    commission = _sum(one["commission"] for one in mine)
    return None if commission is None else total - commission


def _last_touch(rows: StoreRows) -> dict[tuple[str, str], float]:
    """The last prices by symbol and side: the heartbeat's, else those of the last signal or sample."""
    pulse = json.loads(rows.heartbeat[0]["quote"]) if rows.heartbeat else None
    if pulse is not None:
        return {(symbol, side): pulse[symbol][side] for symbol in rows.symbols for side in ("bid", "ask")}
    for one in reversed(rows.signals):
        found = {
            (rows.pair.symbol(leg), side): one[f"{leg}_{side}"] for leg in LEGS for side in ("bid", "ask")
        }
        if None not in found.values():
            return found
    return {}


def _sum(values: Iterable[float | None]) -> float | None:
    """The sum; None if any part is unknown."""
    total = 0.0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def _first(rows: StoreRows) -> str | None:
    return next((group[0]["ts"] for group in (rows.events, rows.signals, rows.executions) if group), None)


def _last(rows: StoreRows) -> str | None:
    found = [group[-1]["ts"] for group in (rows.events, rows.signals, rows.executions) if group]
    return max(found, key=read_time) if found else None


def to_html(found: Record, rows: StoreRows) -> str:
    """The report as one page; ``found`` is its document."""
    from arbcore._version import __version__

    return report_page(
        found, name=rows.path.name, signals=rows.signals, events=rows.events, orders=rows.orders,
        executions=rows.executions, version=__version__,
    )  # fmt: skip


def ledger(rows: StoreRows) -> Iterable[list[object]]:
    """The closed trades in the ledger's columns; a cost that is partly unknown is None, as is the net."""
    for number, trade in enumerate((one for one in rows.trades if one["phase"] == "closed"), 1):
        found = trade_document(trade, rows)
        cells = {**found, "trade_id": number, "cost": found["commission"]}
        yield [cells[name] for name in LEDGER_NAMES]


def summary_lines(found: Record) -> list[str]:
    """The report as lines of text."""
    lines = [
        f"Store {found['store']}: {found['mode']} account {found['account']}, "
        + (f"{found['first_ts']} to {found['last_ts']}." if found["first_ts"] else "nothing happened yet."),
        f"  run             {run_words(found['run'])}",
        *_halted_lines(found),
        f"  closed trades   {found['trades']:,}   ({found['wins']:,} won)",
        *_adjusted_lines(found),
        f"  net P&L         {usd(found['net_pnl'])}",
        *(f"    {symbol:<13} {usd(leg['gross_pnl'])}" for symbol, leg in found["legs"].items()),
        f"    commissions   {usd(None if found['commissions'] is None else 0.0 - found['commissions'])}",
        f"    financing     {usd(found['financing'])}   (the model's, by the rates of each entry)",
        f"    dividends     {usd(found['dividends'])}   (the model's, by the schedule)",
        *([f"  unrealised      {usd(found['unrealised_pnl'])}"] if found["open_trades"] else []),
        f"  slippage        {usd(found['slippage'])}   (against the prices at the signals)",
        f"  executions      {found['executions']:,}   ({found['commissions_unknown']:,} without commission)",
        "  positions       " + ", ".join(f"{symbol} {n:+d}" for symbol, n in found["positions"].items()),
        f"  signals         {counted(found['signals']['acted_on'])}",
    ]
    if found["signals"]["refused"]:
        lines.append(f"    refused       {counted(found['signals']['refused'])}")
    if found["not_decided"]:
        lines.append(f"  not decided     {counted(found['not_decided'])}")
    if found["alarms"]:
        lines.append(f"  alarms          {counted(found['alarms'])}")
    lines += [
        f"  {day['date']}      {usd(day['net_pnl'])}   "
        f"({plural(day['trades'], 'trade')}, {plural(day['executions'], 'execution')})"
        for day in found["days"]
    ]
    future, etf = found["legs"]
    lines += [
        f"  open            {trade['side']} {trade['phase']} since {trade['entry_ts']}: {future} "
        f"{trade['contracts']}, {etf} {trade['shares']}"
        for trade in found["open_trades"]
    ]
    return [printable(line, LINE_MAX) for line in lines]


def _halted_lines(found: Record) -> list[str]:
    """The broker's positions and our executions' sum if they differ, and the last alarm's text."""
    run, alarm = found["run"], found["last_alarm"]
    lines = []
    if run["heartbeat"] and not run["dead_since"] and run["held"] != run["executed"]:
        ours = held_words(run["executed"])
        lines.append(f"    the broker    {held_words(run['held'])}; our executions come to {ours}")
    if alarm is not None and (run["dead_since"] or run["state"] == HALTED):
        lines.append(f"    last alarm    {alarm['ts']} {alarm['kind']}: {alarm['text']}")
    return lines


def _adjusted_lines(found: Record) -> list[str]:
    """The parts of pairs that others closed, which are in no sum of money."""
    if not found["adjustments"]:
        return []
    words = {"settled": "settled at expiry", "by_hand": "closed by hand"}
    count = plural(found["adjusted_trades"], "trade")
    lines = [f"    adjusted      {count} at prices that are not known, in no sum below"]
    lines += [
        f"    {one['ts'][:10]}    pair {one['trade_id']}: {one['quantity']:+d} {one['symbol']}, "
        f"{words[one['reason']]}"
        for one in found["adjustments"]
    ]
    return lines


def usd(value: float | None) -> str:
    """An amount such as ``+12.50 USD``, or ``unknown``."""
    return "unknown" if value is None else f"{value:+,.2f} USD"


def counted(counts: dict[str, int]) -> str:
    """Counts such as ``3 ACTIVE, 1 HALTED``, or ``none``."""
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) or "none"
