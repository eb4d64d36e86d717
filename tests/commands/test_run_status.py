"""``arbcore status`` and what a report says of a run: alive, not well, ended, or dead and since when."""

import contextlib
import itertools
import json
import os
import re
import sqlite3
import stat
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from bot_store import ended, fill, fill_store, pulse
from stores import NOW_NS, opened, trade

from arbcore.broker.report import document, read_store, summary_lines, to_html
from arbcore.broker.store import Store
from arbcore.broker.store_file import back_up
from arbcore.broker.store_schema import MIGRATIONS
from arbcore.carry.pairs import FUT
from arbcore.cli import main
from arbcore.commands.status import status_document
from arbcore.core.civil import iso_time
from arbcore.errors import InputError, RunError

SECOND_NS = 10**9
HELD = '{"ES": -1, "SPY": 502}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "arb_bot.sqlite3"


def ago(seconds: float) -> str:
    return iso_time(time.time_ns() - round(seconds * SECOND_NS))


#: (the row, whether a process has the store, running, well, exit code) of every way a run can be.
RUNS: dict[str, tuple[dict[str, Any] | None, bool, bool, bool, int]] = {
    "active": ({}, True, True, True, 0),
    "holding": ({"held": HELD}, True, True, True, 0),
    "stopping": ({"state": "REDUCING", "reasons": '["stopping"]'}, True, True, True, 0),
    "daily loss": ({"state": "REDUCING", "reasons": '["daily loss"]'}, True, True, True, 0),
    "kill switch": ({"state": "REDUCING", "reasons": '["kill switch"]'}, True, True, False, 1),
    "refused": ({"state": "REDUCING", "reasons": '["entries refused"]'}, True, True, False, 1),
    "halted": ({"state": "HALTED", "reasons": '["mismatch"]', "held": HELD}, True, True, False, 1),
    "no link": ({"state": "HALTED", "reasons": '["not connected"]', "held": None}, True, True, False, 1),
    "killed": ({}, False, False, False, 1),
    "killed holding": ({"held": HELD}, False, False, False, 1),
    "stuck": ({"ts": "old"}, True, False, False, 1),
    "a moment late": ({"ts": "late"}, True, True, True, 0),
    "ended flat": ({"ended": 1}, False, False, True, 0),
    "ended long ago": ({"ended": 1, "ts": "old"}, False, False, True, 0),
    "ended holding": ({"ended": 1, "held": HELD}, False, False, False, 1),
    "ended unknown": ({"ended": 1, "held": None, "executed": HELD, "in_order": False}, False, False, False,
                      1),
    "ended halted": ({"ended": 1, "state": "HALTED", "reasons": '["mismatch"]', "in_order": False}, False,
                     False, False, 1),
    "connecting": (None, True, True, False, 1),
    "never run": (None, False, False, False, 1),
}  # fmt: skip


def make(path: Path, name: str) -> Store:
    """A store whose run is so; it stays open, and locked, where a process has it."""
    row, owned, *_ = RUNS[name]
    store = opened(path)
    store.note_event(NOW_NS, level="info", kind="state", text="ACTIVE")
    store.note_event(NOW_NS, level="alarm", kind="mismatch", text="The broker says 0 and we say 1.")
    if row is not None:
        changes = dict(row)
        times = {"old": ago(16.0), "late": ago(9.0)}
        if "ts" in changes:
            changes["ts"] = times[changes["ts"]]
        store.note_pulse(ended(**changes) if changes.pop("ended", 0) else pulse(**changes))
    store.flush()
    if not owned:
        store.close()
    return store


@pytest.mark.parametrize("name", RUNS)
def test_each_way_a_run_can_be(name: str, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, owned, running, well, code = RUNS[name]
    store = make(path, name)
    try:
        found = status_document(path)
        assert (found["schema"], found["running"], found["well"]) == ("arbcore.status/1", running, well)
        assert main(["status", "--db", str(path)]) == code
        text = capsys.readouterr().out
        assert main(["status", "--db", str(path), "--json"]) == code
        assert json.loads(capsys.readouterr().out) | {"today": 0} == found | {"today": 0}
        report = "\n".join(summary_lines(document(read_store(path))))
        if not running:
            # Nobody reads of a process that is gone what it was.
            assert "ACTIVE" not in text + report + json.dumps(found)
        if name.startswith(("killed", "stuck")):
            assert found["dead_since"] == found["heartbeat"]
            assert "dead since 20" in text
            assert "gone or stands still" in text
            assert "dead since 20" in report
            words = document(read_store(path))["run"]["words"]
            assert re.match(r"dead since [0-9-]+T[0-9:]{8}Z: ", words)
            assert (found["state"], found["held"]) == (None, None)
        else:
            assert found["dead_since"] is None
        assert (found["ended"] is not None) == name.startswith("ended")
        assert found["last_alarm"]["text"] == "The broker says 0 and we say 1."
    finally:
        if owned:
            store.close()


def test_the_fields_are_all_there(path: Path) -> None:
    make(path, "ended flat")
    assert set(status_document(path)) >= {
        "schema", "running", "well", "since", "ended", "dead_since", "state", "reasons", "account", "held",
        "today", "last_quote", "last_order", "last_alarm", "heartbeat",
    }  # fmt: skip


def test_last_quote_last_order_and_today(path: Path) -> None:
    store = opened(path)
    fill_store(store)
    quote = {"ts": ago(1), "ES": {"bid": 6800.0, "ask": 6800.25}, "SPY": {"bid": 680.0, "ask": 680.01}}
    store.note_pulse(pulse(quote=json.dumps(quote), day_pnl=-12.5))
    store.flush()
    found = status_document(path)
    store.close()
    assert found["last_quote"] == quote
    assert (found["last_order"]["role"], found["last_order"]["state"]) == ("exit", "filled")
    assert found["today"]["net_pnl"] == -12.5


def test_no_store_is_exit_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--db", str(tmp_path / "none.sqlite3")]) == 3
    assert capsys.readouterr().err.startswith("arbcore: There is no store ")


def test_halted_shows_the_brokers_numbers_beside_ours_and_the_alarm(path: Path) -> None:
    store = opened(path)
    store.save([*fill(store, 1, FUT, -1, limit=6800.25, role="entry"), trade(phase="held", contracts=1)])
    store.note_event(NOW_NS, level="alarm", kind="mismatch", text="The broker says 0 ES and 0 SPY.")
    store.note_pulse(pulse(state="HALTED", reasons='["mismatch"]', held='{"ES": 0, "SPY": -502}'))
    store.flush()
    text = "\n".join(summary_lines(document(read_store(path))))
    store.close()
    assert "HALTED: mismatch" in text
    assert "the broker    SPY -502; our executions come to ES -1" in text
    assert "The broker says 0 ES and 0 SPY." in text


@pytest.mark.parametrize(
    ("side", "quote", "expected"),
    [
        # Sold at 6,800.25 for 2.25: bought back at the ask.
        (-1, {"bid": 6800.0, "ask": 6801.25}, -50.0 - 2.25),
        (1, {"bid": 6801.25, "ask": 6802.0}, 50.0 - 2.25),
        (-1, None, None),
    ],
)  # fmt: skip
def test_an_open_pair_has_its_unrealised_profit(
    side: int, quote: dict[str, float] | None, expected: float | None, path: Path
) -> None:
    store = opened(path)
    rows = fill(store, 1, FUT, side, limit=6800.25, role="entry")
    store.save([*rows, trade(phase="held", contracts=1)])
    told = None if quote is None else {"ts": ago(1), "ES": quote, "SPY": {"bid": 680.0, "ask": 680.01}}
    store.note_pulse(pulse(quote=json.dumps(told)))
    store.close()
    found = document(read_store(path))
    assert found["unrealised_pnl"] == (None if expected is None else pytest.approx(expected))
    shown = "unknown" if expected is None else f"{expected:+,.2f} USD"
    assert f"  unrealised      {shown}" in summary_lines(found)


def test_flat_has_no_unrealised_profit(path: Path) -> None:
    store = opened(path)
    fill_store(store)
    store.close()
    found = document(read_store(path))
    assert found["unrealised_pnl"] == 0.0
    assert not any(line.startswith("  unrealised") for line in summary_lines(found))


# --- a store of another shape -------------------------------------------------------------------------------

TABLES = ("trades", "orders", "executions", "adjustments", "signals", "events", "skipped", "heartbeat")
VALUES = (b"\x00\xff", "x\x1b[31m", "2026-02-31T00:00:00Z", float("inf"), 2**62, None, -1.5)


def columns() -> list[tuple[str, str]]:
    """Every column of every table."""
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        for statement in itertools.chain.from_iterable(MIGRATIONS):
            database.execute(statement)
        return [
            (table, row[1]) for table in TABLES for row in database.execute(f"PRAGMA table_info({table})")
        ]


def filled(path: Path) -> None:
    store = opened(path)
    fill_store(store)
    store.save([*fill(store, 9, FUT, -1, limit=6800.25, role="entry"), trade(trade_id=2, phase="held")])
    store.note_skipped(NOW_NS, reason="ES stale", count=1)
    store.note_pulse(pulse())
    store.flush()
    store._connection.execute(
        "INSERT INTO adjustments VALUES ('2-ES-1', 2, 'ES', 1, 'by_hand', '2026-11-20T00:00:00Z')"
    )
    store.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A store with a row of everything."""
    path = tmp_path_factory.mktemp("stores") / "whole.sqlite3"
    filled(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    return path.read_bytes()


@pytest.mark.parametrize(("table", "column"), columns())
def test_any_value_in_any_column_is_a_report_or_one_sentence(
    table: str, column: str, path: Path, whole: bytes
) -> None:
    for value in VALUES:
        path.write_bytes(whole)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            connection.execute("PRAGMA synchronous = OFF")
            with contextlib.suppress(sqlite3.IntegrityError):
                connection.execute(f"UPDATE {table} SET {column} = ?", (value,))
        try:
            rows = read_store(path)
            found = document(rows)
            text = "\n".join(summary_lines(found)) + to_html(found, rows)
            json.dumps([found, status_document(path)], allow_nan=False)
        except InputError as error:
            text = str(error)
            assert table in text
            assert "\n" not in text
        assert "\x1b" not in text


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_a_store_that_was_cut_short_is_one_sentence(share: float, path: Path, whole: bytes) -> None:
    path.write_bytes(whole[: round(share * len(whole))])
    for run in (lambda: document(read_store(path)), lambda: status_document(path)):
        with pytest.raises(InputError) as caught:
            run()
        assert "\n" not in str(caught.value)


def test_a_store_without_a_table_or_a_column_is_one_sentence(path: Path) -> None:
    filled(path)
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE trades RENAME COLUMN exit_reason TO why")
    connection.close()
    with pytest.raises(InputError, match="exit_reason"):
        read_store(path)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE trades")
    connection.close()
    with pytest.raises(InputError, match="trades"):
        read_store(path)


def test_what_others_said_steers_no_terminal(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    foreign = "x\x1b[31m\nstate ACTIVE\r\u202e"
    store = opened(path, account=f"DU{foreign}")
    store.note_event(NOW_NS, level="alarm", kind=foreign, text=foreign)
    store.note_event(NOW_NS, level="info", kind="state", text=foreign)
    store.note_skipped(NOW_NS, reason=foreign, count=1)
    store.note_pulse(pulse(state="HALTED", reasons=json.dumps([foreign]), waiting=foreign, ending=foreign))
    store.flush()
    for words in (["report"], ["status"], ["report", "--json"], ["status", "--json"]):
        main([*words, "--db", str(path)])
        out, err = capsys.readouterr()
        assert all(line.isprintable() for line in (out + err).splitlines())
        assert not any(line.startswith("state ACTIVE") for line in out.splitlines())
    store.close()


def test_a_store_that_another_program_has_to_itself_is_one_sentence(
    path: Path, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arbcore.broker.store_file.BUSY_TIMEOUT_S", 0.05)
    path.write_bytes(whole)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(InputError, match="was kept locked by another program"):
            read_store(path)


# --- a copy -----------------------------------------------------------------------------------------------


def test_a_copy_is_whole_private_and_read_as_a_store(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = opened(path)
    fill_store(store)
    store.note_pulse(pulse())
    store.flush()
    # What the bot has written is in the write-ahead log only.
    copy = tmp_path / "copy.sqlite3"
    assert main(["report", "--db", str(path), "--backup", str(copy), "--json"]) == 0
    live = json.loads(capsys.readouterr().out)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert main(["report", "--db", str(copy), "--json"]) == 0
    copied = json.loads(capsys.readouterr().out)
    same = ("trades", "net_pnl", "executions", "closed_trades", "time_line", "account")
    assert {name: copied[name] for name in same} == {name: live[name] for name in same}
    assert "a copy of a store, made at 20" in copied["run"]["words"]
    # The bot goes on, and so does the copy as a store of its own.
    fill_store_again(store)
    store.close()
    opened(copy).close()
    assert "copy_ts" not in read_store(copy).meta
    assert sorted(each.name for each in tmp_path.iterdir() if "part" in each.name) == []


def fill_store_again(store: Store) -> None:
    store.save(fill(store, 5, FUT, -1, limit=6800.25, role="entry"))


@pytest.mark.parametrize("before", [None, "an older copy", "notes", "the store"])
def test_a_copy_replaces_copies_only(before: str | None, path: Path, tmp_path: Path) -> None:
    opened(path).close()
    copy = tmp_path / "copy.sqlite3"
    if before == "an older copy":
        back_up(path, copy, now_text=ago(100))
    elif before == "notes":
        copy.write_text("my notes")
    elif before == "the store":
        assert main(["report", "--db", str(path), "--backup", str(path)]) == 2
        return
    if before == "notes":
        with pytest.raises(InputError, match="is not a store of arbcore"):
            back_up(path, copy, now_text=ago(0))
        assert copy.read_text() == "my notes"
    else:
        back_up(path, copy, now_text=ago(0))
        assert read_store(copy).meta["copy_ts"]


def test_a_copy_that_cannot_be_written_is_one_sentence(path: Path, tmp_path: Path) -> None:
    opened(path).close()
    with pytest.raises(RunError, match=r"cannot be written \(No such file or directory\)"):
        back_up(path, tmp_path / "none" / "copy.sqlite3", now_text=ago(0))


@pytest.mark.skipif(os.name != "posix", reason="kills as Unix has them")
def test_a_bot_that_was_killed_is_dead_at_once(path: Path) -> None:
    script = f"""
import sys, time
sys.path[:0] = {sys.path!r}
from pathlib import Path
from bot_store import pulse
from stores import opened
store = opened(Path({str(path)!r}))
store.note_pulse(pulse())
store.flush()
print("ready", flush=True)
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"ready\n"
        assert status_document(path)["running"]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    found = status_document(path)
    assert (found["running"], found["dead_since"]) == (False, found["heartbeat"])


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals need POSIX")
def test_watching_leaves_nothing_behind_when_the_terminal_becomes_narrow(path: Path) -> None:
    import fcntl
    import termios

    make(path, "ended flat")
    ours, theirs = os.openpty()

    def resize(columns: int) -> None:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))

    def read_until(part: str, count: int) -> str:
        seen = ""
        while seen.count(part) < count:
            seen += os.read(ours, 4_096).decode()
        return seen

    resize(200)
    process = subprocess.Popen(
        [sys.executable, "-m", "arbcore", "status", "--watch", "--db", str(path)], stdout=theirs,
        env=os.environ | {"TERM": "xterm", "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    try:
        rows = read_until("heartbeat", 1).splitlines()
        resize(40)
        erased = [int(lines) for lines in re.findall("\x1b\\[([0-9]+)F", read_until("F\x1b[J", 3))]
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)
    assert max(map(len, rows)) > 40
    assert max(erased) >= sum(-(-len(row) // 40) for row in rows)
