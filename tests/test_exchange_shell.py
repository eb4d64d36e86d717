"""The client's shell against an exchange that misbehaves on purpose, over real sockets."""

import contextlib
import json
import threading
import time

import pytest
from fake_session import FakeSession
from scripted_exchange import BOOK, CLOSE, ScriptedExchange, hello, message

from arbcore import exchange, link
from arbcore._spin import can_spin
from arbcore.errors import ConnectError, JournalError, RunError, UsageError
from arbcore.exchange import ExchangeRun, RunOptions, Target, choose_target, result_document, split_address
from arbcore.journal_file import JournalWriter
from arbcore.journal_replay import replay
from arbcore.link import SocketLink


class Watcher:
    """Observer that remembers, and does what the test wants when it is called."""

    def __init__(self, on_refresh=None, on_event=None):
        self.events = []
        self._on_refresh = on_refresh
        self._on_event = on_event

    def event(self, text):
        self.events.append(text)
        if self._on_event is not None:
            self._on_event(text)

    def refresh(self, run, now_ns):
        if self._on_refresh is not None:
            self._on_refresh(run)

    def told(self, part):
        return any(part in text for text in self.events)


def make_run(
    port, session=None, watcher=None, *, kill=lambda: None, journal=None, there=lambda: None, **options
):
    options.setdefault("hello_timeout_s", 10.0)
    return ExchangeRun(
        session or FakeSession(),
        Target("address", "127.0.0.1", port, "TEST"),
        RunOptions(**options),
        observer=watcher or Watcher(),
        kill_reason=kill,
        journal=journal,
        still_there=there,
    )


def one_round(peer):
    peer.login()
    peer.send(BOOK)
    assert peer.line()["type"] == "add"
    peer.send(CLOSE)


def fail_to_start(script, **options):
    """The error of a run whose first connection is served by ``script``."""
    with ScriptedExchange(script) as venue, pytest.raises(ConnectError) as caught:
        make_run(venue.port, **options).play()
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(venue.port), "PORT")


# --- rounds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "busy_poll", [False, pytest.param(True, marks=pytest.mark.skipif(not can_spin(), reason="POSIX"))]
)
def test_round_is_played_and_counted(busy_poll):
    with ScriptedExchange(one_round) as venue:
        run = make_run(venue.port, rounds=1, busy_poll=busy_poll)
        ending = run.play()
    assert (run.rounds, run.connections) == (1, 1)
    assert (ending.interrupted, ending.kill_reason) == (False, None)
    assert run.latency.count == 1


def test_next_round_is_played_on_a_new_connection():
    with ScriptedExchange(one_round, one_round, one_round) as venue:
        session = FakeSession()
        run = make_run(venue.port, session, rounds=3)
        run.play()
    assert (run.rounds, run.connections) == (3, 3)
    assert session.calls.count("connected") == session.calls.count("disconnected") == 3


def test_connection_shut_without_hello_between_rounds_is_tried_again():
    with ScriptedExchange(one_round, lambda peer: peer.line(), one_round) as venue:
        run = make_run(venue.port, rounds=2)
        run.play()
    assert run.rounds == 2


def test_connection_lost_in_mid_line_is_no_round_and_is_dialled_again():
    def cut(peer):
        peer.login()
        peer.send(BOOK[:20])

    watcher = Watcher()
    with ScriptedExchange(cut, one_round) as venue:
        run = make_run(venue.port, watcher=watcher, rounds=1)
        run.play()
    assert (run.rounds, run.connections) == (1, 2)
    assert watcher.told("was lost; connecting again")


def test_reset_connection_is_dialled_again():
    def reset(peer):
        peer.login()
        peer.send(BOOK)
        peer.line()
        peer.reset()

    with ScriptedExchange(reset, one_round) as venue:
        run = make_run(venue.port, rounds=1)
        run.play()
    assert run.connections == 2


def test_garbage_in_mid_round_stops_nothing():
    def garbage(peer):
        peer.login()
        peer.send(b"\xff\x00 nonsense\n", b"[" * 500, b"\n", BOOK)
        assert peer.line()["type"] == "add"
        peer.send(CLOSE)

    with ScriptedExchange(garbage) as venue:
        run = make_run(venue.port, rounds=1)
        run.play()
    assert run.rounds == 1


def test_exchange_that_closes_the_market_but_not_the_connection_holds_up_nothing():
    def clinging(peer):
        one_round(peer)
        assert peer.until_gone() == []

    with ScriptedExchange(clinging) as venue:
        run = make_run(venue.port, rounds=1, stop_timeout_s=0.05)
        run.play()
    assert run.rounds == 1


def test_session_that_asks_for_it_gets_a_new_connection():
    session = FakeSession()

    def puzzling(peer):
        peer.login()
        session.needs_resync = True
        peer.send(BOOK)
        peer.until_gone()

    watcher = Watcher()
    with ScriptedExchange(puzzling, one_round) as venue:
        run = make_run(venue.port, session, watcher, rounds=1)
        run.play()
    assert run.connections == 2
    assert watcher.told("connecting again to learn the positions")


def test_exchange_that_never_reads_is_given_up(monkeypatch):
    monkeypatch.setattr(link, "UNSENT_BYTES_MAX", 100_000)
    given_up = threading.Event()

    def deaf(peer):
        peer.login()
        peer.send(BOOK * 200)
        assert given_up.wait(20)

    watcher = Watcher(on_event=lambda text: given_up.set() if "it has stopped reading" in text else None)
    session = FakeSession(salt="x" * 200_000)
    with ScriptedExchange(deaf, lambda peer: (peer.login(), peer.send(CLOSE))) as venue:
        run = make_run(venue.port, session, watcher, rounds=1)
        run.play()
    assert given_up.is_set()
    assert run.connections == 2


def forgiving_round(peer):
    """A round for a client whose connection may break at any moment."""
    with contextlib.suppress(OSError, TypeError):
        one_round(peer)


class FailingLink(SocketLink):
    """Loses the connection at one chosen call, counted over all connections of a run."""

    calls = 0
    fail_at = 0
    failed = False

    @classmethod
    def reset(cls, fail_at):
        cls.calls, cls.fail_at, cls.failed = 0, fail_at, False

    def _fails(self):
        FailingLink.calls += 1
        FailingLink.failed |= self.calls == self.fail_at
        return self.calls == self.fail_at

    def recv(self, timeout_ns):
        return b"" if self._fails() else super().recv(timeout_ns)

    def send(self, data):
        if self._fails():
            self._fail("a test wants it")
        else:
            super().send(data)


def test_run_completes_wherever_the_connection_is_lost(monkeypatch):
    monkeypatch.setattr(exchange, "SocketLink", FailingLink)
    fail_at = 0
    while True:
        fail_at += 1
        FailingLink.reset(fail_at)
        with ScriptedExchange(forgiving_round, forgiving_round, forgiving_round) as venue:
            run = make_run(venue.port, rounds=1, wait_s=20.0)
            run.play()
        assert run.rounds == 1, f"call {fail_at}"
        if not FailingLink.failed:
            break
    assert fail_at > 5


def test_timer_of_the_session_runs_when_nothing_arrives():
    session = FakeSession()

    def quiet(peer):
        peer.login()
        assert peer.line()["type"] == "tock"
        peer.send(CLOSE)

    def tick(now_ns):
        assert now_ns >= session.next_deadline_ns
        session.next_deadline_ns = 2**63 - 1
        return b'{"type":"tock"}\n'

    session.tick = tick
    session.next_deadline_ns = time.monotonic_ns() + 20_000_000
    with ScriptedExchange(quiet) as venue:
        make_run(venue.port, session, rounds=1).play()


# --- the first connection -------------------------------------------------------------------------


def test_refused_connection_is_one_sentence():
    with ScriptedExchange(listen=False) as venue, pytest.raises(ConnectError, match="refused the connection"):
        make_run(venue.port).play()


def test_unknown_host_is_one_sentence():
    run = ExchangeRun(
        FakeSession(), Target("address", "no.such.host.invalid", 1, "T"), RunOptions(), observer=Watcher()
    )
    with pytest.raises(ConnectError, match=r"no\.such\.host\.invalid was not found"):
        run.play()


def test_host_name_that_is_no_name_is_one_sentence():
    run = ExchangeRun(
        FakeSession(), Target("address", "a" * 70 + ".b", 1, "T"), RunOptions(), observer=Watcher()
    )
    with pytest.raises(ConnectError, match="was not found"):
        run.play()


def test_wait_gives_the_exchange_time_to_come_up():
    with ScriptedExchange(one_round, listen=False) as venue:
        watcher = Watcher(on_event=lambda text: venue.open())
        run = make_run(venue.port, watcher=watcher, rounds=1, wait_s=20.0)
        run.play()
    assert watcher.told("Waiting up to 20 s")
    assert run.rounds == 1


def test_wait_comes_to_an_end():
    with ScriptedExchange(listen=False) as venue, pytest.raises(ConnectError, match="refused"):
        make_run(venue.port, wait_s=0.1).play()


def test_server_that_never_says_hello():
    said = fail_to_start(lambda peer: peer.until_gone(), hello_timeout_s=0.1)
    assert said.startswith("127.0.0.1:PORT accepted the connection but sent no hello within 0.1 s;")


def test_server_that_closes_at_once():
    assert "closed the connection without a hello" in fail_to_start(lambda peer: peer.line())


@pytest.mark.parametrize(
    ("greeting", "name"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "a web server"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "a TLS server"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "an SSH server"),
        (b"220 mail ESMTP\r\n", "a mail or file server"),
    ],
)
def test_other_kinds_of_server_are_recognised_at_once(greeting, name):
    def stranger(peer):
        peer.send(greeting)
        peer.until_gone()

    assert fail_to_start(stranger) == f"127.0.0.1:PORT is {name} and not an exchange; check host and port."


def test_server_that_speaks_something_else():
    said = fail_to_start(lambda peer: (peer.line(), peer.send(b"\x1b[31mREADY\n")))
    assert "does not speak the exchange's protocol" in said
    assert "\\x1b[31mREADY" in said


def test_refused_login_shows_the_exchanges_words_made_safe():
    def refuse(peer):
        peer.line()
        peer.send(message(type="error", error="unknown team \x1b[2J\u202e"))

    said = fail_to_start(refuse)
    assert 'refused the login of TEST: "unknown team \\x1b[2J\\u202e"' in said


# --- endings --------------------------------------------------------------------------------------


def interrupt_once_trading(session):
    """An observer that interrupts a run once, as soon as an order is live."""
    done = []

    def on_refresh(run):
        if session.live and not done:
            done.append(True)
            run.interrupt()

    return Watcher(on_refresh)


def test_interrupt_cancels_everything_and_waits_for_the_outs():
    session = FakeSession()

    def orderly(peer):
        peer.login()
        peer.send(BOOK)
        number = peer.line()["order_id"]
        assert peer.line() == {"type": "cancel", "order_id": number}
        peer.send(message(type="out", order_id=number))
        assert peer.line() is None

    watcher = interrupt_once_trading(session)
    with ScriptedExchange(orderly) as venue:
        ending = make_run(venue.port, session, watcher).play()
    assert ending.interrupted
    assert session.stopped
    assert not watcher.told("Not every order")


def test_exchange_that_confirms_no_out_does_not_hold_up_the_end():
    session = FakeSession()

    def stubborn(peer):
        peer.login()
        peer.send(BOOK)
        peer.until_gone()

    watcher = interrupt_once_trading(session)
    with ScriptedExchange(stubborn) as venue:
        ending = make_run(venue.port, session, watcher, stop_timeout_s=0.1).play()
    assert ending.interrupted
    assert watcher.told("Not every order was confirmed out in time")


def test_second_interrupt_ends_at_once():
    session = FakeSession()

    def stubborn(peer):
        peer.login()
        peer.send(BOOK)
        peer.until_gone()

    watcher = Watcher(lambda run: run.interrupt() if session.live else None)
    with ScriptedExchange(stubborn) as venue:
        ending = make_run(venue.port, session, watcher, stop_timeout_s=3600.0).play()
    assert ending.interrupted


def test_interrupt_while_waiting_for_the_first_connection():
    with ScriptedExchange(listen=False) as venue:
        ending = make_run(venue.port, watcher=Watcher(lambda run: run.interrupt()), wait_s=3600.0).play()
    assert ending.interrupted


def test_duration_ends_the_run_in_order():
    session = FakeSession()

    def endless(peer):
        peer.login()
        assert peer.until_gone() == []

    with ScriptedExchange(endless) as venue:
        ending = make_run(venue.port, session, duration_s=0.2).play()
    assert not ending.interrupted
    assert "stop: the duration is over" in session.calls


def test_duration_ends_a_run_whose_exchange_never_comes_back():
    with ScriptedExchange(lambda peer: peer.login()) as venue:
        run = make_run(venue.port, duration_s=0.3)
        ending = run.play()
    assert not ending.interrupted


def test_kill_switch_closes_positions_before_the_end():
    session = FakeSession()

    def closing(peer):
        peer.login(GS=5)
        assert peer.line() == {"type": "add", "order_id": 999}
        session.held["GS"] = 0
        assert peer.until_gone() == []

    with ScriptedExchange(closing) as venue:
        ending = make_run(
            venue.port, session, kill=lambda: "a test wants it" if session.hello_seen else None
        ).play()
    assert ending.kill_reason == "a test wants it"
    assert [call for call in session.calls if call.startswith("kill")] == ["kill: a test wants it"]
    assert "stop: a test wants it" in session.calls


def test_kill_switch_waits_while_a_position_is_open():
    session = FakeSession()

    def stuck(peer):
        peer.login(GS=5)
        peer.line()
        peer.send(CLOSE)

    with ScriptedExchange(stuck) as venue:
        ending = make_run(venue.port, session, kill=lambda: "a test wants it").play()
    # The round ended with the position open: there is nothing left to close.
    assert ending.kill_reason
    assert not any(call.startswith("stop") for call in session.calls)


def test_exchange_of_our_own_that_died_fails_the_run():
    with (
        ScriptedExchange(lambda peer: (peer.login(), peer.until_gone())) as venue,
        pytest.raises(RunError, match="gone"),
    ):
        make_run(venue.port, there=lambda: "It is gone.").play()


def test_back_off_grows_is_bounded_and_never_in_step():
    run = make_run(1)
    assert all(0 < run._backoff_s(0) <= 0.1 for _ in range(50))
    assert all(2.5 <= run._backoff_s(100) <= 5.0 for _ in range(50))
    assert len({run._backoff_s(3) for _ in range(50)}) > 10


# --- journal --------------------------------------------------------------------------------------


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


def test_damaged_journal_is_bad_input(recorded, tmp_path):
    data = bytearray(recorded.read_bytes())
    at = data.index(b'"note"')
    data[at] ^= 1
    recorded.write_bytes(data)
    with pytest.raises(JournalError, match=r"run\.journal: record \d+ at byte \d+ is damaged"):
        replay(recorded, tmp_path, make=lambda *_: FakeSession())


# --- where to play --------------------------------------------------------------------------------


def target(**fields):
    base = {"test": None, "production": False, "address": None, "team": "", "host": "", "port": None}
    found = choose_target(**(base | fields))
    return found.host, found.port, found.team, found.embedded


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"test": "prod-like"}, ("127.0.0.1", 0, "ARBCORE", True)),
        ({"test": "prod-like", "team": "ALPHA"}, ("test-exch-alpha", 25000, "ALPHA", False)),
        ({"test": "slower", "team": "ALPHA"}, ("test-exch-alpha", 25001, "ALPHA", False)),
        ({"test": "empty", "team": "ALPHA"}, ("test-exch-alpha", 25002, "ALPHA", False)),
        ({"test": "empty", "team": "ALPHA", "port": 22002}, ("test-exch-alpha", 22002, "ALPHA", False)),
        ({"test": "slower", "team": "ALPHA", "host": "box"}, ("box", 25001, "ALPHA", False)),
        ({"production": True, "team": "ALPHA"}, ("production", 25000, "ALPHA", False)),
        ({"production": True, "team": "ALPHA", "host": "box", "port": 7}, ("box", 7, "ALPHA", False)),
        ({"address": "box:7", "team": "ALPHA"}, ("box", 7, "ALPHA", False)),
        ({"address": "[::1]:7"}, ("::1", 7, "ARBCORE", False)),
    ],
)
def test_host_and_port_rules(fields, expected):
    assert target(**fields) == expected


@pytest.mark.parametrize("fields", [{"production": True}, {"test": "empty", "host": "box"}, {}])
def test_unclear_target_is_wrong_usage(fields):
    with pytest.raises(UsageError):
        target(**fields)


@pytest.mark.parametrize(
    "text", ["box", "box:", ":7", "box:0", "box:65536", "box:x", "::1:7", "box:-1", "box:٣"]
)
def test_malformed_address_is_wrong_usage(text):
    with pytest.raises(UsageError, match="HOST:PORT"):
        split_address(text)


def test_result_has_every_field_of_the_contract():
    run = make_run(1)
    document = result_document(
        run, scores=[{"fair_pnl": 5}, {"fair_pnl": -2}], seed=3, ending=exchange.Ending()
    )
    assert document["schema"] == "arbcore.exchange/1"
    assert document["fair_pnl"] == 3
    assert {
        *(
            "mode",
            "address",
            "rounds",
            "messages_in",
            "orders_sent",
            "cancels_sent",
            "converts_sent",
            "fills",
        ),
        *("rejects", "positions", "cash", "pnl", "strategies", "latency_us", "limit_breaches"),
    } <= document.keys()
    assert set(document["latency_us"]) == {"p50", "p99", "p999", "max"}
    json.dumps(document)


def test_hello_of_the_fixture_is_the_protocols():
    assert [row["symbol"] for row in json.loads(hello())["symbols"]] == sorted(
        ["BOND", "VALBZ", "VALE", "GS", "MS", "WFC", "XLF", "USD"]
    )
