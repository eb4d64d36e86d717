"""A run is recorded, and replayed from what was recorded."""

import pytest
from fake_session import FakeSession
from scripted_exchange import BOOK, CLOSE, ScriptedExchange
from shell_runs import make_run

from arbcore.errors import JournalError
from arbcore.journal_file import JournalWriter
from arbcore.journal_replay import replay


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
