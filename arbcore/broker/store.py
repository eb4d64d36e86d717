"""The carry bot's store: writes the desk's rows to SQLite and reads them back.

A shell over one file (``store_file`` opens it). Owns the conversion between rows and columns, and durability:
``save`` returns only once its rows would survive a loss of power; ``note_…`` keeps telemetry in memory until
the next ``save`` or ``flush``. It decides nothing.
"""

import contextlib
import dataclasses
import math
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arbcore.broker.store_file import (
    Connect,
    StoreLock,
    StoreLocked,
    SymbolLocks,
    open_for_bot,
    put_meta,
    said,
    transaction,
)
from arbcore.carry.pairs import ETF, FUT, PAIRS, Pair, same_index
from arbcore.core.civil import (
    NS_PER_DAY,
    iso_date,
    iso_time,
    new_york_to_utc,
    read_date,
    read_time,
    utc_to_new_york,
)
from arbcore.core.text import printable
from arbcore.desk.events import Commission
from arbcore.desk.records import (
    AdjustmentRow,
    CarriedRow,
    DayRow,
    ExecutionRow,
    OrderRow,
    Snapshot,
    StoredLevel,
    TradeRow,
)
from arbcore.errors import ArbcoreError, BrokenInvariant, InputError

Row = OrderRow | ExecutionRow | AdjustmentRow | TradeRow | DayRow | CarriedRow | StoredLevel
#: Letters and digits of a store's id, with which every orderRef of the store begins.
STORE_ID_LENGTH = 8
STORE_ID_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
#: Days of closed trades in a restart's snapshot; the broker itself reports today's executions.
SNAPSHOT_DAYS = 7
#: Most rows of signals and of events; the oldest are deleted.
TELEMETRY_ROWS_MAX = 2_000_000
#: Most telemetry statements that wait; at this number they are written at once.
WAITING_MAX = 1_000

_SIDES = {1: "BUY", -1: "SELL"}
_PAIRS = {-1: "cash_and_carry", 1: "reverse"}


@dataclass(frozen=True, slots=True)
class _Coder:
    """Converts a field to a column's value and back."""

    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def _backwards(names: dict[int, str]) -> _Coder:
    numbers = {name: number for number, name in names.items()}
    return _Coder(names.__getitem__, numbers.__getitem__)


def _maybe(coder: _Coder) -> _Coder:
    return _Coder(
        lambda value: None if value is None else coder.encode(value),
        lambda value: None if value is None else coder.decode(value),
    )


_PLAIN = _Coder(_same, _same)
#: A leg is stored as its symbol in the store's pair.
_LEG = _Coder(_same, _same)
_NUMBER = _Coder(_same, float)
_TIME = _Coder(iso_time, read_time)
_DATE = _Coder(iso_date, read_date)
_FLAG = _Coder(int, bool)


@dataclass(frozen=True, slots=True)
class _Table:
    """The table of one kind of row, and (field, column, coder) of all its fields, the key first."""

    row: type
    name: str
    columns: tuple[tuple[str, str, _Coder], ...]

    def upsert(self) -> str:
        names = [column for _, column, _ in self.columns]
        changes = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
        marks = ", ".join("?" * len(names))
        return (
            f"INSERT INTO {self.name} ({', '.join(names)}) VALUES ({marks}) "
            f"ON CONFLICT ({names[0]}) DO UPDATE SET {changes}"
        )

    def values(self, row: Row, pair: Pair) -> tuple[Any, ...]:
        return tuple(
            pair.symbol(getattr(row, field)) if coder is _LEG else coder.encode(getattr(row, field))
            for field, _, coder in self.columns
        )

    def select(self, rest: str = "") -> str:
        return f"SELECT {', '.join(column for _, column, _ in self.columns)} FROM {self.name} {rest}"

    def read(self, values: Sequence[Any], pair: Pair) -> Any:
        """Makes a row of a table's values. Raises KeyError for a symbol of another index."""
        # A store of an older version may have traded both sizes of a future.
        leg_of = {each.future: FUT for each in PAIRS if same_index(each, pair)} | {pair.etf: ETF}
        return self.row(**{
            field: leg_of[value] if coder is _LEG else coder.decode(value)
            for (field, _, coder), value in zip(self.columns, values, strict=True)
        })  # fmt: skip


def _table(row: type[Row], name: str, **columns: tuple[str, _Coder]) -> _Table:
    """A table with the fields of ``row`` in order; ``columns`` gives other names and coders for some."""
    fields = [item.name for item in dataclasses.fields(row)]
    unknown = set(columns) - set(fields)
    if unknown:
        raise BrokenInvariant(f"{row.__name__} has no field {min(unknown)}.")
    return _Table(row, name, tuple((field, *columns.get(field, (field, _PLAIN))) for field in fields))


ORDERS = _table(
    OrderRow, "orders",
    ref=("order_ref", _PLAIN), leg=("symbol", _LEG), side=("side", _backwards(_SIDES)),
    kind=("order_type", _PLAIN), limit=("limit_price", _PLAIN), created_ns=("created_ts", _TIME),
)  # fmt: skip
EXECUTIONS = _table(
    ExecutionRow, "executions",
    key=("exec_key", _PLAIN), ref=("order_ref", _PLAIN), leg=("symbol", _LEG),
    side=("side", _backwards(_SIDES)), ts_ns=("ts", _TIME),
)  # fmt: skip
ADJUSTMENTS = _table(
    AdjustmentRow, "adjustments", key=("adjustment", _PLAIN), leg=("symbol", _LEG), ts_ns=("ts", _TIME)
)
TRADES = _table(
    TradeRow, "trades",
    side=("side", _backwards(_PAIRS)), expiry_ns=("expiry_ts", _TIME), entry_ns=("entry_ts", _TIME),
    exit_ns=("exit_ts", _maybe(_TIME)),
)  # fmt: skip
DAYS = _table(
    DayRow, "days", day=("date", _DATE), margin_checked=("margin_checked", _FLAG), tripped=("tripped", _FLAG)
)
CARRIED = _table(CarriedRow, "carried", key=("carried", _PLAIN), day=("date", _DATE))
LEVELS = _table(
    StoredLevel, "levels",
    expiry_ns=("expiry_ts", _TIME), factor=("factor", _NUMBER), known_s=("known_s", _NUMBER),
    last_ns=("last_ts", _TIME), gap_s=("gap_s", _NUMBER), settlement_day=("settlement_date", _DATE),
)  # fmt: skip
_TABLES: dict[type, _Table] = {
    table.row: table for table in (ORDERS, EXECUTIONS, ADJUSTMENTS, TRADES, DAYS, CARRIED, LEVELS)
}


@dataclass(frozen=True, slots=True)
class SignalRow:
    """One signal or sample; a value that is not known is None."""

    ts_ns: int
    action: str
    refusal: str = ""
    fut_bid: float | None = None
    fut_ask: float | None = None
    etf_bid: float | None = None
    etf_ask: float | None = None
    dev_bps: float | None = None
    edge_cc_bps: float | None = None
    edge_rev_bps: float | None = None
    implied_repo: float | None = None


@dataclass(frozen=True, slots=True)
class Pulse:
    """The heartbeat's row: a run's state and last sign of life; the schema explains its columns."""

    pid: int
    since_ts: str
    ts: str
    ended_ts: str | None
    ending: str
    in_order: bool
    state: str
    reasons: str
    waiting: str
    held: str | None
    executed: str
    day_pnl: float | None
    quote: str


_PULSE = tuple(item.name for item in dataclasses.fields(Pulse))


@dataclass(frozen=True, slots=True)
class DaySummary:
    """A New York date: closed pairs, and the largest edge in bps, before costs, of signals and samples."""

    trades: int
    largest_edge_bps: float | None


class Store:
    """The store of one bot. Use ``Store.open``; close it at the end."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, locks: Sequence[StoreLock | SymbolLocks], *,
        pair: Pair,
    ) -> None:
        self.path = path
        self.pair = pair
        self._connection = connection
        self._locks = locks
        self._waiting: list[tuple[str, tuple[Any, ...]]] = []
        self.store_id = self._own_id()

    @classmethod
    def open(
        cls, path: Path, *, pair: Pair, account: str, mode: str, utc_ns: int,
        claim: str = "", connect: Connect = sqlite3.connect,
    ) -> "Store":
        """Locks and opens the store of ``account``; ``mode`` is simulated, paper or live.

        ``claim`` is the account in which no other bot may trade the pair's symbols meanwhile; empty if no
        other bot can.

        Raises InputError for a foreign, newer or unreadable file, ConfigError for the store of another pair,
        account or mode, RunError if another bot uses it or the disk fails.
        """
        path = path.resolve()
        locks: list[StoreLock | SymbolLocks] = [StoreLock(path)]
        try:
            if claim:
                symbols = (pair.future, pair.etf)
                locks.append(SymbolLocks(path, claim=claim, symbols=symbols, pair=pair.name))
            connection = open_for_bot(
                path, pair=pair.name, account=account, mode=mode, now_text=iso_time(utc_ns), connect=connect
            )
            try:
                return cls(path, connection, locks, pair=pair)
            except BaseException:
                connection.close()
                raise
        except BaseException:
            for lock in locks:
                lock.release()
            raise

    def close(self) -> None:
        """Writes waiting telemetry and closes; always releases the lock."""
        try:
            self.flush()
        finally:
            try:
                with said(self.path, "closing it"):
                    self._connection.close()
            finally:
                for lock in self._locks:
                    lock.release()

    def save(self, rows: Iterable[Row]) -> None:
        """Writes rows and all waiting telemetry in one transaction, durable on return."""
        with said(self.path, "saving orders and trades"), transaction(self._connection):
            for row in rows:
                table = _TABLES[type(row)]
                self._connection.execute(table.upsert(), table.values(row, self.pair))
            self._write_waiting()
        self._waiting.clear()

    def remember(self, facts: dict[str, str]) -> None:
        """Telemetry: facts about the present run, which replace the last run's."""
        for key, value in facts.items():
            self._note(
                "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET "
                "value = excluded.value",
                (key, value),
            )

    def note_signal(self, signal: SignalRow) -> None:
        """Telemetry: one signal or sample."""
        values = (
            iso_time(signal.ts_ns), signal.action, signal.refusal, signal.fut_bid, signal.fut_ask,
            signal.etf_bid, signal.etf_ask, signal.dev_bps, signal.edge_cc_bps, signal.edge_rev_bps,
            signal.implied_repo,
        )  # fmt: skip
        self._note(
            "INSERT INTO signals (ts, action, refusal, fut_bid, fut_ask, etf_bid, etf_ask, dev_bps, "
            "edge_cc_bps, edge_rev_bps, implied_repo) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        )

    def note_event(self, ts_ns: int, *, level: str, kind: str, text: str) -> None:
        """Telemetry: one line of the time line; ``level`` is info, warning or alarm."""
        self._note(
            "INSERT INTO events (ts, level, kind, text) VALUES (?, ?, ?, ?)",
            (iso_time(ts_ns), level, kind, text),
        )

    def note_skipped(self, ts_ns: int, *, reason: str, count: int) -> None:
        """Telemetry: adds ``count`` skipped decisions to the New York date of a time."""
        self._note(
            "INSERT INTO skipped (date, reason, count) VALUES (?, ?, ?) ON CONFLICT (date, reason) "
            "DO UPDATE SET count = count + excluded.count",
            (iso_date(utc_to_new_york(ts_ns)[0]), reason, count),
        )

    def note_pulse(self, pulse: Pulse) -> None:
        """Telemetry: the heartbeat's row, which replaces the one before."""
        marks = ", ".join("?" * (len(_PULSE) + 1))
        self._note(
            f"INSERT OR REPLACE INTO heartbeat (one, {', '.join(_PULSE)}) VALUES ({marks})",
            (1, *dataclasses.astuple(pulse)),
        )

    def day_summary(self, day: int) -> DaySummary:
        """The summary of a New York date (days since 1970) so far."""
        with contextlib.suppress(StoreLocked):
            self.flush()
        start_ns, end_ns = new_york_to_utc(day, 0), new_york_to_utc(day + 1, 0)
        # Times as text differ in their decimals: select by date as text, then compare as times.
        dates = (iso_date(start_ns // NS_PER_DAY), iso_date(end_ns // NS_PER_DAY + 1))
        with said(self.path, "reading it"):
            exits = self._connection.execute(
                "SELECT exit_ts FROM trades WHERE phase = 'closed' AND exit_ts BETWEEN ? AND ?", dates
            ).fetchall()
            seen = self._connection.execute(
                "SELECT ts, max(edge_cc_bps, edge_rev_bps) FROM signals WHERE ts BETWEEN ? AND ?", dates
            ).fetchall()
        edges = [edge for ts, edge in seen if edge is not None and start_ns <= read_time(ts) < end_ns]
        closed = sum(start_ns <= read_time(ts) < end_ns for (ts,) in exits)
        return DaySummary(closed, max(edges, default=None))

    def note_commission(self, report: Commission, *, ts_ns: int) -> None:
        """Telemetry: a commission report; ignores one whose amount is not set."""
        if not math.isfinite(report.amount) or abs(report.amount) > 1e300:
            return
        self._note(
            "INSERT INTO commissions (exec_id, commission, currency, ts) VALUES (?, ?, ?, ?) ON CONFLICT "
            "(exec_id) DO UPDATE SET commission = excluded.commission, currency = excluded.currency",
            (report.exec_id, report.amount, report.currency, iso_time(ts_ns)),
        )

    def _note(self, statement: str, values: tuple[Any, ...]) -> None:
        self._waiting.append((statement, values))
        if len(self._waiting) >= WAITING_MAX:
            # While another program locks the store, telemetry waits; ``flush`` reports the lock.
            with contextlib.suppress(StoreLocked):
                self.flush()

    def flush(self) -> None:
        """Writes the waiting telemetry; a loss of power may lose the last of it."""
        if not self._waiting:
            return
        with said(self.path, "writing what was seen"):
            self._connection.execute("PRAGMA synchronous = NORMAL")
            try:
                with transaction(self._connection):
                    self._write_waiting()
            finally:
                self._connection.execute("PRAGMA synchronous = FULL")
        self._waiting.clear()

    def _write_waiting(self) -> None:
        for statement, values in self._waiting:
            self._connection.execute(statement, values)
        for table, key in (("signals", "signal_id"), ("events", "event_id")):
            self._connection.execute(
                f"DELETE FROM {table} WHERE {key} <= (SELECT max({key}) FROM {table}) - ?",
                (TELEMETRY_ROWS_MAX,),
            )

    def snapshot(self, *, utc_ns: int) -> Snapshot:
        """The snapshot for a restart: all open trades, lately closed ones, and the last numbers.

        Raises InputError for a row that cannot be read, because another program changed the store.
        """
        with said(self.path, "reading it"):
            trades = list(self._rows(TRADES))
            orders = list(self._rows(ORDERS))
            executions = list(self._rows(EXECUTIONS))
            adjustments = list(self._rows(ADJUSTMENTS))
            days = list(self._rows(DAYS, "ORDER BY date DESC LIMIT 1"))
            levels = list(self._rows(LEVELS))
            meta = dict(self._connection.execute("SELECT key, value FROM meta"))
        since_ns = utc_ns - SNAPSHOT_DAYS * NS_PER_DAY
        closed = [trade for trade in trades if trade.phase in ("closed", "void")]
        kept = [trade for trade in trades if trade.phase not in ("closed", "void")] + closed[-1:]
        ids = {trade.trade_id for trade in kept}
        return Snapshot(
            account=meta["account"],
            trades=tuple(sorted(kept, key=lambda trade: trade.trade_id)),
            orders=tuple(row for row in orders if row.trade_id in ids or row.created_ns >= since_ns),
            executions=tuple(row for row in executions if row.trade_id in ids or row.ts_ns >= since_ns),
            adjustments=tuple(row for row in adjustments if row.trade_id in ids),
            day=days[0] if days else None,
            last_number=max((self._number_of(row.ref) for row in orders), default=0),
            last_trade_id=max((trade.trade_id for trade in trades), default=0),
            level=max(levels, key=lambda row: row.last_ns, default=None),
        )

    def _rows(self, table: _Table, rest: str = "") -> Iterator[Any]:
        shown = ""
        try:
            for values in self._connection.execute(table.select(rest)):
                shown = printable(str(values[0]))
                yield table.read(values, self.pair)
        except (ArbcoreError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"The store {self.path} has a row in {table.name} that cannot be read "
                f"({shown}: {printable(str(error))}); restore a copy of the store."
            ) from error

    def _number_of(self, ref: str) -> int:
        """The number in an orderRef of this store: ``STOREID-0000012E`` is 12."""
        digits = ref.removeprefix(f"{self.store_id}-")[:-1]
        if not (digits.isascii() and digits.isdigit()):
            raise InputError(
                f"The store {self.path} has the order {printable(ref)}, which none of its bots created; "
                "restore a copy of the store."
            )
        return int(digits)

    def _own_id(self) -> str:
        """The store's id, made once and at random, so that no two stores use the same orderRef."""
        with said(self.path, "reading it"):
            found = self._connection.execute("SELECT value FROM meta WHERE key = 'store_id'").fetchone()
            if found is not None:
                return str(found[0])
            made = "".join(secrets.choice(STORE_ID_LETTERS) for _ in range(STORE_ID_LENGTH))
            with transaction(self._connection):
                put_meta(self._connection, {"store_id": made})
            return made
