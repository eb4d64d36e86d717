"""The carry bot's store: what is durable when, what comes back, and whose files it refuses."""

import os
import sqlite3
import stat
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from stores import DAY_NS, NOW_NS, execution, opened, order, trade

from arbcore.broker.store import ADJUSTMENTS, DAYS, EXECUTIONS, LEVELS, ORDERS, TRADES, SignalRow
from arbcore.broker.store_file import clear_simulated, open_to_read
from arbcore.broker.store_schema import APPLICATION_ID, MIGRATIONS, VERSION
from arbcore.carry.pairs import ETF, FUT, pair_named
from arbcore.core.civil import read_date, read_time
from arbcore.desk.events import Commission
from arbcore.desk.records import DayRow, Snapshot, StoredLevel
from arbcore.errors import ArbcoreError, ConfigError, InputError, RunError

LEVEL = StoredLevel(
    read_time("2026-03-20T13:30:00Z"), "track", 10.0321, 5_400.5, NOW_NS, 1.25, read_date("2026-03-03")
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "arb_bot.sqlite3"


def looked_at(path: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_a_new_store_is_empty_private_and_says_what_it_is(path: Path) -> None:
    store = opened(path)
    assert store.snapshot(utc_ns=NOW_NS) == Snapshot(account="DU1234567")
    store.close()
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert looked_at(path, "PRAGMA application_id") == [(APPLICATION_ID,)]
    meta = dict(looked_at(path, "SELECT key, value FROM meta"))
    assert meta["format"] == "arbcore.broker.store"
    assert meta["made_by"].startswith("arbcore ")


def test_rows_come_back_as_they_were(path: Path) -> None:
    store = opened(path)
    rows = (
        order(store, state="filled", filled=1, perm_id=99, reason="done"),
        order(store, 2, leg=ETF, side=1, kind="MKT", limit=None),
        execution(store, commission=2.25),
        execution(store, key="0002.01", exec_id="0002.01.02", revision=2, leg=ETF, side=1, quantity=497),
        trade(phase="held", contracts=1, shares=500, fut_entry=6800.25, etf_entry=680.01),
        DayRow(20_770, start_value=-12.5, margin_checked=True),
        LEVEL,
    )
    store.save(rows)
    store.close()

    back = opened(path)
    snapshot = back.snapshot(utc_ns=NOW_NS)
    assert snapshot.orders == rows[:2]
    assert snapshot.executions == rows[2:4]
    assert snapshot.trades == (rows[4],)
    assert snapshot.day == rows[5]
    assert (snapshot.last_number, snapshot.last_trade_id, snapshot.level) == (2, 1, rows[6])
    back.close()


def test_a_row_replaces_the_one_with_its_key(path: Path) -> None:
    store = opened(path)
    store.save([order(store), execution(store)])
    store.save([order(store, state="filled", filled=1), execution(store, exec_id="0001.01.02", price=6800.0)])
    snapshot = store.snapshot(utc_ns=NOW_NS)
    assert [row.filled for row in snapshot.orders] == [1]
    assert [(row.exec_id, row.price) for row in snapshot.executions] == [("0001.01.02", 6800.0)]
    store.close()


def test_every_field_of_every_row_has_a_column() -> None:
    for table in (ORDERS, EXECUTIONS, ADJUSTMENTS, TRADES, DAYS, LEVELS):
        assert [field for field, _, _ in table.columns] == list(table.row.__dataclass_fields__)


def test_a_restart_is_told_of_open_business_and_of_the_last_week(path: Path) -> None:
    store = opened(path)
    old_ns = NOW_NS - 30 * DAY_NS
    store.save(
        [
            *(trade(trade_id=n, phase="closed", entry_ns=old_ns, exit_ns=old_ns) for n in (1, 2)),
            trade(trade_id=3, phase="held", entry_ns=old_ns),
            *(order(store, n, trade_id=n, created_ns=old_ns) for n in (1, 2, 3)),
            order(store, 4, trade_id=0),
        ]
    )
    snapshot = store.snapshot(utc_ns=NOW_NS)
    # The last closed one too: its exit is what the cooldown counts from.
    assert [row.trade_id for row in snapshot.trades] == [2, 3]
    assert [row.trade_id for row in snapshot.orders] == [2, 3, 0]
    assert snapshot.last_number == 4
    store.close()


def test_two_stores_never_give_out_the_same_name(tmp_path: Path) -> None:
    stores = [opened(tmp_path / f"{n}.sqlite3") for n in range(4)]
    names = {store.store_id for store in stores}
    assert len(names) == 4
    for store in stores:
        store.close()
    again = opened(tmp_path / "0.sqlite3")
    assert again.store_id == stores[0].store_id
    again.close()


def test_an_intent_survives_a_kill_that_follows_its_save(path: Path) -> None:
    # The process ends the hard way: nothing is flushed, closed or rolled back.
    script = textwrap.dedent(f"""
        import os, sys
        from pathlib import Path
        sys.path[:0] = {sys.path!r}
        from stores import opened, order
        store = opened(Path({str(path)!r}))
        store.note_event({NOW_NS}, level="info", kind="state", text="lost")
        store.save([order(store)])
        store.note_event({NOW_NS}, level="info", kind="state", text="still in memory")
        os._exit(9)
    """)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "support")}
    assert subprocess.run([sys.executable, "-c", script], env=environment).returncode == 9
    store = opened(path)
    assert [row.state for row in store.snapshot(utc_ns=NOW_NS).orders] == ["sent"]
    store.close()
    assert looked_at(path, "SELECT text FROM events") == [("lost",)]


def test_a_save_is_all_or_nothing(path: Path) -> None:
    store = opened(path)
    with pytest.raises(RunError, match="CHECK constraint failed"):
        store.save([order(store), order(store, 2, quantity=0)])
    assert store.snapshot(utc_ns=NOW_NS).orders == ()
    store.save([order(store)])
    assert len(store.snapshot(utc_ns=NOW_NS).orders) == 1
    store.close()


def test_telemetry_is_kept_and_readable_while_the_bot_runs(path: Path) -> None:
    store = opened(path)
    store.note_signal(SignalRow(NOW_NS, "enter", dev_bps=25.0, fut_bid=6800.0))
    store.note_commission(Commission("0001.01.01", 2.25), ts_ns=NOW_NS)
    store.note_commission(Commission("0002.01.01", 1.7976931348623157e308), ts_ns=NOW_NS)
    store.flush()
    reader = open_to_read(path)
    signals = reader.execute("SELECT action, dev_bps, etf_bid FROM signals").fetchall()
    assert signals == [("enter", 25.0, None)]
    # An unset amount is unknown, never a number.
    assert reader.execute("SELECT exec_id, commission FROM commissions").fetchall() == [("0001.01.01", 2.25)]
    reader.close()
    store.close()


def test_telemetry_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arbcore.broker.store.TELEMETRY_ROWS_MAX", 10)
    store = opened(path)
    for number in range(25):
        store.note_event(NOW_NS + number, level="info", kind="n", text=str(number))
    store.close()
    assert looked_at(path, "SELECT text FROM events") == [(str(n),) for n in range(15, 25)]


def test_a_second_bot_is_refused_until_the_first_is_gone(path: Path) -> None:
    store = opened(path)
    with pytest.raises(RunError, match="in use by another bot"):
        opened(path)
    store.close()
    opened(path).close()


def test_a_link_to_the_store_is_the_same_store(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.sqlite3"
    store = opened(path)
    link.symlink_to(path)
    with pytest.raises(RunError, match="in use by another bot"):
        opened(link)
    store.close()


@pytest.mark.parametrize("other", [{"account": "DU7654321"}, {"mode": "simulated"}, {"mode": "live"}])
def test_another_account_or_mode_is_refused(path: Path, other: dict[str, str]) -> None:
    opened(path).close()
    with pytest.raises(ConfigError, match="belongs to the paper account DU1234567"):
        opened(path, **other)
    opened(path).close()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"ts,es_bid,es_ask,spy_bid,spy_ask\n", "is not a store of arbcore"),
        (b"SQLite format 3\x00" + b"\xff" * 4096, "is damaged|is no store"),
        (b"SQLite", "is not a store of arbcore"),
    ],
)
def test_a_file_that_is_no_store_is_refused_and_left_alone(path: Path, content: bytes, sentence: str) -> None:
    path.write_bytes(content)
    with pytest.raises(ArbcoreError, match=sentence):
        opened(path)
    assert path.read_bytes() == content


def test_another_programs_database_is_refused_and_left_alone(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE notes (text)")
    connection.commit()
    connection.close()
    with pytest.raises(InputError, match="database of another program"):
        opened(path)
    assert looked_at(path, "SELECT name FROM sqlite_master") == [("notes",)]


def test_a_newer_store_is_refused_by_both_doors(path: Path) -> None:
    opened(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    for door in (opened, open_to_read):
        with pytest.raises(InputError, match=f"version {VERSION + 1} .* supports {VERSION}; upgrade arbcore"):
            door(path)


def test_an_older_store_is_brought_up_to_date_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened(path)
    store.save([order(store)])
    store.close()
    newer = (*MIGRATIONS, ("ALTER TABLE events ADD COLUMN extra TEXT", "CREATE TABLE more (a)"))
    monkeypatch.setattr("arbcore.broker.store_file.MIGRATIONS", newer)
    monkeypatch.setattr("arbcore.broker.store_file.VERSION", len(newer))
    with pytest.raises(InputError, match="run the bot on it once"):
        open_to_read(path)
    store = opened(path)
    assert len(store.snapshot(utc_ns=NOW_NS).orders) == 1
    store.close()
    assert looked_at(path, "PRAGMA user_version") == [(len(newer),)]
    assert looked_at(path, "SELECT count(*) FROM more") == [(0,)]


def test_a_migration_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(path).close()
    broken = (*MIGRATIONS, ("CREATE TABLE more (a)", "CREATE TABLE events (a)"))
    monkeypatch.setattr("arbcore.broker.store_file.MIGRATIONS", broken)
    monkeypatch.setattr("arbcore.broker.store_file.VERSION", len(broken))
    with pytest.raises(RunError, match="already exists"):
        opened(path)
    assert looked_at(path, "PRAGMA user_version") == [(VERSION,)]
    assert looked_at(path, "SELECT count(*) FROM sqlite_master WHERE name = 'more'") == [(0,)]


def test_a_factor_without_a_contract_and_a_date_is_forgotten(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("arbcore.broker.store_file.MIGRATIONS", MIGRATIONS[:1])
        patch.setattr("arbcore.broker.store_file.VERSION", 1)
        opened(path).close()
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO meta VALUES ('factor', '10.0321')")
    connection.commit()
    connection.close()
    store = opened(path)
    assert store.snapshot(utc_ns=NOW_NS).level is None
    store.close()
    assert looked_at(path, "SELECT count(*) FROM meta WHERE key = 'factor'") == [(0,)]


@pytest.mark.parametrize(
    ("multiplier", "pair", "symbols"), [(5, "mes-spy", ["MES", "SPY"]), (50, "es-spy", ["ES", "SPY"])]
)
def test_a_store_of_before_the_pairs_is_that_of_what_it_traded(
    path: Path, monkeypatch: pytest.MonkeyPatch, multiplier: int, pair: str, symbols: list[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("arbcore.broker.store_file.MIGRATIONS", MIGRATIONS[:7])
        patch.setattr("arbcore.broker.store_file.VERSION", 7)
        store = opened(path)
        store.save([LEVEL, trade(multiplier=float(multiplier)), order(store), order(store, 2, leg=ETF)])
        store.save([execution(store, multiplier=float(multiplier)), execution(store, key="2", leg=ETF)])
        store.close()
    connection = sqlite3.connect(path)
    # So they were written: one name for both sizes of the future, and no pair.
    connection.execute("DELETE FROM meta WHERE key = 'pair'")
    connection.commit()
    connection.close()
    with pytest.raises(ConfigError, match=f"belongs to the pair {pair} and this bot trades nq-qqq"):
        opened(path, pair=pair_named("nq-qqq"))
    store = opened(path, pair=pair_named(pair))
    assert {row.leg for row in store.snapshot(utc_ns=NOW_NS).executions} == {FUT, ETF}
    assert store.snapshot(utc_ns=NOW_NS).level == LEVEL
    store.close()
    for table in ("orders", "executions"):
        assert sorted(row[0] for row in looked_at(path, f"SELECT symbol FROM {table}")) == symbols


def test_a_level_without_trades_may_be_another_pairs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("arbcore.broker.store_file.MIGRATIONS", MIGRATIONS[:7])
        patch.setattr("arbcore.broker.store_file.VERSION", 7)
        store = opened(path)
        store.save([LEVEL])
        store.close()
    store = opened(path)
    assert store.snapshot(utc_ns=NOW_NS).level is None
    store.close()


def test_the_level_learnt_last_is_the_one_that_is_told(path: Path) -> None:
    store = opened(path)
    rows = [
        replace(LEVEL, expiry_ns=NOW_NS + number, last_ns=NOW_NS - abs(number - 2)) for number in (1, 2, 3)
    ]
    store.save(rows)
    assert store.snapshot(utc_ns=NOW_NS).level == rows[1]
    store.close()


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE orders SET created_ts = 'yesterday'", "a row in orders that cannot be read"),
        ("UPDATE orders SET order_ref = 'mine'", "the order mine, which none of its bots created"),
        (
            "INSERT INTO levels SELECT '2026-03-20', 'track', 'ten', 1, '2026-03-02', 1, '2026-03-03'",
            "a row in levels that cannot be read",
        ),
    ],
)
def test_rows_that_somebody_else_wrote_are_said(path: Path, statement: str, sentence: str) -> None:
    store = opened(path)
    store.save([order(store)])
    store.close()
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()
    store = opened(path)
    with pytest.raises(InputError, match=sentence):
        store.snapshot(utc_ns=NOW_NS)
    store.close()


@pytest.mark.parametrize("remove", [False, True])
def test_nothing_is_left_beside_a_file_that_is_no_store(tmp_path: Path, remove: bool) -> None:
    (tmp_path / "notes.txt").write_text("my notes\n")
    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE mine (a)")
    connection.commit()
    connection.close()
    for name, sentence in (("notes.txt", "is not a store of arbcore"), ("other.db", "of another program")):
        with pytest.raises(InputError, match=sentence):
            clear_simulated(tmp_path / name) if remove else opened(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "other.db"]


def test_a_folder_a_missing_folder_and_a_missing_store(tmp_path: Path) -> None:
    with pytest.raises(ArbcoreError, match="cannot be a store: it is a folder; name the store's file"):
        opened(tmp_path)
    with pytest.raises(RunError, match=r"lock .* cannot be opened \(No such file or directory\)"):
        opened(tmp_path / "nowhere" / "store.sqlite3")
    with pytest.raises(InputError, match="There is no store"):
        open_to_read(tmp_path / "none.sqlite3")


class Failing:
    """A connection whose ``k``-th statement fails as a full disk does; it counts them all."""

    def __init__(self, connection: sqlite3.Connection, k: int) -> None:
        self._connection = connection
        self.calls = 0
        self.k = k

    def execute(self, *arguments: Any) -> Any:
        self._count()
        return self._connection.execute(*arguments)

    def executemany(self, *arguments: Any) -> Any:
        self._count()
        return self._connection.executemany(*arguments)

    def _count(self) -> None:
        self.calls += 1
        if self.calls == self.k:
            raise sqlite3.OperationalError("database or disk is full")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def test_whichever_statement_fails_nothing_is_lost_that_was_said_to_be_saved(tmp_path: Path) -> None:
    # A whole run with its k-th statement failing, for every k until one runs through.
    for k in range(1, 200):
        path = tmp_path / f"{k}.sqlite3"
        made: list[Failing] = []

        def connect(*arguments: Any, made: list[Failing] = made, k: int = k, **named: Any) -> Any:
            made.append(Failing(sqlite3.connect(*arguments, **named), k))
            return made[-1]

        saved = 0

        def run(path: Path = path, connect: Any = connect) -> None:
            nonlocal saved
            store = opened(path, connect=connect)
            try:
                for number in (1, 2):
                    store.note_event(NOW_NS, level="info", kind="state", text="ACTIVE")
                    store.save([order(store, number)])
                    saved = number
            finally:
                store.close()

        try:
            run()
        except RunError as error:
            failure = str(error)
        else:
            assert k > 20, "the failures did not reach the statements of a run"
            assert made[0].calls < k, f"statement {k} failed and nobody said so"
            return
        assert "the disk is full; free some space" in failure
        survivor = opened(path)
        found = survivor.snapshot(utc_ns=NOW_NS).last_number
        survivor.close()
        assert found >= saved, f"statement {k}"
    pytest.fail("a run of 200 statements should have ended")


def test_a_torn_write_ahead_log_loses_no_transaction_before_the_tear(tmp_path: Path) -> None:
    path = tmp_path / "whole.sqlite3"
    store = opened(path)
    wal = path.with_name(path.name + "-wal")
    ends = []
    for number in range(1, 4):
        store.save([order(store, number)])
        ends.append(wal.stat().st_size)
    database, log = path.read_bytes(), wal.read_bytes()
    store.close()
    # Every byte of the last frame's head and a spread of the rest; a page is 4 KiB.
    cuts = [*range(ends[1] - 64, ends[1] + 64), *range(0, len(log), 997), len(log) - 1, len(log)]
    torn = tmp_path / "torn.sqlite3"
    for cut in cuts:
        for leftover in tmp_path.glob("torn*"):
            leftover.unlink()
        torn.write_bytes(database)
        torn.with_name(torn.name + "-wal").write_bytes(log[:cut])
        whole = sum(end <= cut for end in ends)
        if whole == 0:
            continue
        survivor = opened(torn)
        assert survivor.snapshot(utc_ns=NOW_NS).last_number == whole, f"cut at byte {cut}"
        survivor.close()


@pytest.mark.skipif(os.name != "posix", reason="limits as Unix has them")
def test_a_file_that_may_not_grow_is_one_sentence_with_advice(path: Path) -> None:
    script = textwrap.dedent(f"""
        import resource, signal, sys
        from pathlib import Path
        sys.path[:0] = {sys.path!r}
        from stores import opened, order
        store = opened(Path({str(path)!r}))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (131072, 131072))
        try:
            for number in range(1, 1000):
                store.save([order(store, number)])
        except Exception as error:
            print(type(error).__name__, error)
    """)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "support")}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.stdout.startswith("RunError The store "), done.stderr
    assert "free some space" in done.stdout or "check the disk, its space and its quota" in done.stdout
    survivor = opened(path)
    assert survivor.snapshot(utc_ns=NOW_NS).last_number >= 1
    survivor.close()


def test_symbols_are_locked_beside_the_store_as_long_as_it_is_open(path: Path) -> None:
    store = opened(path, claim="DU/1")
    assert sorted(each.name for each in path.parent.glob(".*.lock")) == [".DU_1.ES.lock", ".DU_1.SPY.lock"]
    other = path.with_name("other.sqlite3")
    with pytest.raises(RunError, match=r"Another bot trades SPY in this account already \(es-spy, store "):
        opened(other, claim="DU/1", pair=pair_named("mes-spy"))
    opened(other, claim="DU/1", pair=pair_named("nq-qqq")).close()
    store.close()
    opened(path.with_name("third.sqlite3"), claim="DU/1", pair=pair_named("mes-spy")).close()
