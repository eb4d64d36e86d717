"""A run is recorded, and replayed from what was recorded."""

import sys
import tracemalloc

import pytest
from fake_session import FakeSession
from scripted_exchange import BOOK, CLOSE, ScriptedExchange
from shell_runs import make_run

from arbcore.errors import JournalError, UsageError
from arbcore.play.exchange_settings import exchange_settings
from arbcore.play.journal_file import JournalWriter
from arbcore.play.journal_replay import replay
from arbcore.trading import journal as records


@pytest.fixture
def recorded(tmp_path):
    """The journal of one round."""
    path = tmp_path / "run.journal"
    journal = JournalWriter(path, {"team": "TEST"})

    def chatty(peer):
        peer.login()
        peer.send(BOOK)
        assert peer.line()["type"] == "add"
        peer.send(BOOK[:10])
        peer.send(BOOK[10:])
        assert peer.line()["type"] == "add"
        peer.send(CLOSE)

    with ScriptedExchange(chatty) as venue:
        make_run(venue.port, rounds=1, journal=journal).play()
    journal.close()
    return path


def test_recorded_session_replays_to_the_same_bytes(recorded, tmp_path):
    result = replay(recorded, tmp_path, make=lambda *_: FakeSession())
    assert result.difference is None
    assert result.complete
    assert result.summary["orders_sent"] == 2
    assert result.bytes_out > 0


def test_replay_names_the_first_record_and_line_that_differ(recorded, tmp_path):
    result = replay(recorded, tmp_path, make=lambda *_: FakeSession(salt="changed"))
    assert result.difference.recorded == b'{"type":"add","order_id":1,"note":""}'
    assert result.difference.replayed == b'{"type":"add","order_id":1,"note":"changed"}'
    data = recorded.read_bytes()
    assert data.count(result.difference.recorded) == 1


def test_replay_sees_output_that_is_missing_altogether(recorded, tmp_path):
    silent = FakeSession()
    silent.connected = lambda now_ns: b""
    result = replay(recorded, tmp_path, make=lambda *_: silent)
    assert (result.difference.record, result.difference.replayed) == (2, b"")


def test_torn_journal_replays_as_far_as_it_goes_at_every_byte(recorded, tmp_path):
    data = recorded.read_bytes()
    start = data.index(b"\n", data.index(b"\n") + 1) + 1
    torn = tmp_path / "torn.journal"
    for end in range(start, len(data)):
        torn.write_bytes(data[:end])
        result = replay(torn, tmp_path, make=lambda *_: FakeSession())
        assert result.difference is None, f"cut at byte {end}"
        assert result.complete == (not result.notes)


def test_what_follows_the_end_of_a_journal_is_said(recorded, tmp_path):
    longer = tmp_path / "longer.journal"
    longer.write_bytes(recorded.read_bytes() + b"more")
    result = replay(longer, tmp_path, make=lambda *_: FakeSession())
    assert result.difference is None
    assert result.complete
    assert result.notes == [f"{longer} goes on after its end; 4 bytes there were not replayed."]


def test_damaged_journal_is_bad_input(recorded, tmp_path):
    data = bytearray(recorded.read_bytes())
    at = data.index(b'"note"')
    data[at] ^= 1
    recorded.write_bytes(data)
    with pytest.raises(JournalError, match=r"run\.journal: record \d+ at byte \d+ is damaged"):
        replay(recorded, tmp_path, make=lambda *_: FakeSession())


# --- what a journal says of itself --------------------------------------------------------------

DEFAULTS = {item.name: item.default for item in exchange_settings()}
GOOD = {"values": {}, "strategies": [], "team": "TEST", "builtin": False}


def replay_of(tmp_path, settings, **options):
    path = tmp_path / "said.journal"
    path.write_bytes(records.header("arbcore/9", settings))
    return replay(path, tmp_path, **options)


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("wrong", [None, 5, 1.5, "x", [5], [[]], {"a": 1}, True, "gone"])
def test_header_of_wrong_types_is_bad_input_in_one_sentence(name, wrong, tmp_path):
    settings = {**GOOD, name: wrong}
    if wrong == "gone":
        del settings[name]
    with pytest.raises(JournalError) as caught:
        replay_of(tmp_path, settings)
    assert "settings do not describe a session" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "value", [None, "x", [], {}, -1, 10**30, 1.5, {"GS": "many"}, {"GS": 1.5}, {"\x1b": 1}]
)
@pytest.mark.parametrize(
    "name", ["ARBCORE_POSITION_LIMITS", "ARBCORE_MESSAGE_CAP", "ARBCORE_BOND_EDGE_TICKS"]
)
def test_setting_of_a_wrong_type_is_bad_input(name, value, tmp_path):
    if name == "ARBCORE_POSITION_LIMITS" and value in ([], {}):
        pytest.skip("no limit of one's own is legal")
    with pytest.raises(JournalError) as caught:
        replay_of(tmp_path, {**GOOD, "builtin": True, "values": {**DEFAULTS, name: value}})
    assert "\x1b" not in str(caught.value)


def test_version_of_a_journal_cannot_steer_the_terminal(tmp_path):
    path = tmp_path / "said.journal"
    path.write_bytes(records.header("arbcore/9", {"version": "\x1b[31m\nforged"}))
    [note, _] = sorted(replay(path, tmp_path, make=lambda *_: FakeSession()).notes, key=len, reverse=True)
    assert "\x1b" not in note
    assert "\n" not in note


def test_code_from_elsewhere_is_not_imported_unless_it_is_allowed(tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "code_of_elsewhere.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.setattr(sys, "path", [str(elsewhere), *sys.path])
    for spec in ("code_of_elsewhere:Bad", "code_of_elsewhere.inner:Bad", "os:getcwd", "sys:exit"):
        with pytest.raises(UsageError, match="--allow-code"):
            replay_of(tmp_path, {**GOOD, "strategies": [spec]})
    assert "code_of_elsewhere" not in sys.modules
    with pytest.raises(UsageError, match="importing code_of_elsewhere failed with SystemExit: imported"):
        replay_of(
            tmp_path, {**GOOD, "values": DEFAULTS, "strategies": ["code_of_elsewhere:Bad"]}, allow_code=True
        )


def test_replay_holds_a_piece_of_the_journal_and_not_all_of_it(tmp_path):
    path = tmp_path / "big.journal"
    writer = JournalWriter(path, {})
    writer.write(records.CONNECT, 0)
    for number in range(400):
        writer.write(records.IN, number, b"\n" * 50_000)
    writer.close()
    session = FakeSession()
    session.connected = lambda now_ns: b""
    session.receive = lambda data, now_ns: b""
    tracemalloc.start()
    try:
        replay(path, tmp_path, make=lambda *_: session)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 20_000_000
    assert peak < 6_000_000
