"""The client's shell against an exchange that misbehaves on purpose, over real sockets."""

import contextlib
import threading
import time

import pytest
from fake_session import FakeSession
from scripted_exchange import BOOK, CLOSE, ScriptedExchange, message
from shell_runs import Watcher, make_run, one_round

from arbcore import exchange
from arbcore.errors import ConnectError, RunError
from arbcore.exchange import ExchangeRun, RunOptions, Target
from arbcore.play import exchange_link as link
from arbcore.play._spin import can_spin
from arbcore.play.exchange_link import SocketLink


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
    assert watcher.told("logging in again to learn the positions")


def test_doubts_one_after_the_other_wait_longer_and_are_counted_by_reason():
    session = FakeSession()

    def puzzling(peer):
        peer.login()
        session.doubt = "overfill"
        session.needs_resync = True
        peer.send(BOOK)
        peer.until_gone()

    watcher = Watcher()
    with ScriptedExchange(puzzling, puzzling, puzzling, one_round) as venue:
        run = make_run(venue.port, session, watcher, rounds=1)
        waited = []
        run._pause = waited.append
        run._jitter.uniform = lambda low, high: high
        run.play()
    assert run.relogins == {"overfill": 3}
    assert waited[:3] == [0.2, 0.4, 0.8]
    assert watcher.told("The exchange filled more than was ordered; logging in again")


def test_every_round_is_reported_with_both_marks():
    watcher = Watcher()
    with ScriptedExchange(one_round, one_round) as venue:
        run = make_run(venue.port, watcher=watcher, rounds=2)
        run.play()
    assert [(row.number, row.pnl_touch, row.pnl_middle) for row in run.round_results] == [
        (1, 12, 15), (2, 12, 15),
    ]  # fmt: skip
    for number in (1, 2):
        assert f"Round {number} is over: P&L +12 at the touch, +15 at the middle." in watcher.events


def test_round_that_a_hello_ends_on_a_standing_connection_is_reported():
    session = FakeSession()

    def reset(peer):
        peer.login()
        peer.send(BOOK)
        peer.line()
        session.rounds_reset = [(-7, -5)]
        peer.until_gone()

    watcher = Watcher()
    with ScriptedExchange(reset) as venue:
        run = make_run(venue.port, session, watcher, rounds=1)
        run.play()
    assert watcher.told("Round 1 is over: P&L -7 at the touch, -5 at the middle.")


def test_who_is_refused_for_long_is_told_once_with_the_reason():
    session = FakeSession()
    session.refused = [
        {"strategy": "bond", "symbol": "BOND", "side": "BUY", "reason": "price_collar", "seconds": 5}
    ]
    watcher = Watcher()
    with ScriptedExchange(one_round) as venue:
        run = make_run(venue.port, session, watcher, rounds=1)
        run._next_kill_ns = 0
        run.play()
    [told] = [text for text in watcher.events if "refused" in text]
    assert told.startswith("The risk gate has refused every BUY order of bond in BOND for 5 s: ")
    assert told.endswith("too far from the market (price_collar).")


def test_the_first_order_that_the_gate_refuses_a_strategy_is_told_at_once():
    session = FakeSession()
    session.first_refusals = [("Mine", "size_cap", "BUY 500 BOND at 999")]
    watcher = Watcher()
    with ScriptedExchange(one_round) as venue:
        run = make_run(venue.port, session, watcher, rounds=1)
        run._next_kill_ns = 0
        run.play()
    [told] = [text for text in watcher.events if "refused" in text]
    assert told == (
        "The risk gate refused BUY 500 BOND at 999 of Mine: larger than twice the position limit (size_cap); "
        "the next ones of this kind are counted."
    )


def test_after_a_pause_all_that_waits_is_read_before_anything_new():
    session = FakeSession()
    paused, shown = threading.Event(), threading.Event()
    behind_ns = [0]

    def waiting(peer):
        peer.login()
        peer.send(BOOK)
        assert paused.wait(20)
        peer.send(BOOK * 40)
        shown.set()
        peer.send(CLOSE)
        peer.until_gone()

    def pause(text):
        if "Connected" in text:
            session.calls.clear()

    watcher = Watcher(on_event=pause)
    with ScriptedExchange(waiting) as venue:
        run = make_run(venue.port, session, watcher, rounds=1, stop_timeout_s=0.0)
        run._clock = lambda: time.monotonic_ns() + behind_ns[0]
        receive = session.receive

        def pausing(data, now_ns):
            if session.orders == 0:
                out = receive(data, now_ns)
                if session.orders:
                    paused.set()
                    assert shown.wait(20)
                    behind_ns[0] = 15 * 10**9  # The process stood still.
                return out
            session.calls.append("receive")
            return receive(data, now_ns)

        session.receive = pausing
        run.play()
    calls = [call for call in session.calls if call in ("hold", "receive", "resume")]
    assert calls[0] == "hold"
    assert calls.index("resume") > calls.index("receive")
    assert watcher.told("The process was paused for 15.")


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


# --- news -----------------------------------------------------------------------------------------


def test_what_a_person_should_know_is_told_once():
    session = FakeSession()
    session.errors["STOPPED \x1b[2J"] = 3
    session.faults["not_json"] = 7
    session.strategy_errors["mine"] = "ZeroDivisionError: division by zero"
    session.strategy_stops["market_making"] = 1
    session.halted_reason = "loss limit"

    def endless(peer):
        peer.login()
        peer.until_gone()

    watcher = Watcher()
    with ScriptedExchange(endless) as venue:
        make_run(venue.port, session, watcher, duration_s=1.2).play()
    for part in (
        'The exchange says: "STOPPED \\x1b[2J".',
        "bad line (not_json)",
        "Strategy mine failed and is switched off: ZeroDivisionError",
        "Strategy market_making reached its own loss limit",
        "Trading is halted: loss limit.",
    ):
        assert sum(part in text for text in watcher.events) == 1, part
