"""What a person sees while a run lasts."""

import io
import os
import re
import threading

import pytest
from fake_session import FakeSession

from arbcore.commands._status import ExchangeConsole, order_text, plain_line, status_lines
from arbcore.exchange import ExchangeRun, RunOptions, Target
from arbcore.system.terminal import Console, Toned, rows_of, tone_of

SECOND_NS = 10**9
PATIENCE_S = 20.0


class Nobody:
    def event(self, text):
        pass

    def refresh(self, run, now_ns):
        pass


def make_run():
    target = Target("test:empty", "127.0.0.1", 25000, "ALPHA")
    return ExchangeRun(FakeSession(), target, RunOptions(), observer=Nobody(), clock=lambda: SECOND_NS)


def lines_of(run):
    return status_lines(run, run.session.summary(), rate=12.4, now_ns=66 * SECOND_NS)


def test_block_shows_positions_money_rate_latency_and_time():
    run = make_run()
    run.session.held["XLF"] = -30
    run.session.messages = 1234
    run.latency.record(2500)
    text = "\n".join(lines_of(run))
    assert "ALPHA on 127.0.0.1:25000 (test:empty)  round 1  01:05" in text
    assert "XLF -30" in text
    assert "messages 1,234 (12/s)" in text
    assert "p50 2.5 µs" in text


def test_block_shows_what_went_wrong_with_its_reasons():
    run = make_run()
    row = {"strategy": "bond", "symbol": "BOND", "side": "BUY", "reason": "size_cap", "seconds": 6}
    wrong = {"rejects": {"BAD_SIZE": 2}, "refusals": {"size_cap": 60}, "anomalies": {"overfill": 1}}
    summary = run.session.summary() | wrong | {"refused": [row]}
    text = "\n".join(status_lines(run, summary, rate=0.0, now_ns=66 * SECOND_NS))
    for part in ("rejects: BAD_SIZE 2", "gate: size_cap 60", "overfill 1", "larger than twice the position"):
        assert part in text
    plain = plain_line(run, summary, rate=0.0, now_ns=66 * SECOND_NS)
    assert "rejects=BAD_SIZE:2 refusals=size_cap:60 anomalies=overfill:1" in plain


def test_what_the_exchange_sent_cannot_steer_the_terminal():
    run = make_run()
    run.session.halted_reason = "\x1b[2J"
    run.session.faults["\x1b]0;title\x07"] = 1
    assert "\x1b" not in "".join(lines_of(run))


def test_order_is_told_in_one_line():
    order = {"order_id": 12, "kind": "add", "symbol": "XLF", "side": "BUY", "price": 4285, "size": 10,
             "remaining": 4, "state": "open", "strategy": "market_making"}  # fmt: skip
    assert " ".join(order_text(order).split()) == "12 BUY 10 XLF at 4285 open, 6 filled (market_making)"
    assert "conversion" in order_text(order | {"kind": "convert", "price": 0})


def test_piped_output_is_plain_lines_now_and_then():
    stream = io.StringIO()
    console = ExchangeConsole(quiet=False, stream=stream)
    run = make_run()
    console.event("Connected.")
    for tenth in range(1, 120):
        console.refresh(run, tenth * SECOND_NS // 10)
    console.close()
    said = stream.getvalue().splitlines()
    assert said[0].endswith(" Connected.")
    assert len(said) == 3
    assert "flat" in said[1]
    assert "\x1b" not in stream.getvalue()


def test_quiet_console_says_nothing():
    stream = io.StringIO()
    console = ExchangeConsole(quiet=True, stream=stream)
    console.event("Connected.")
    console.refresh(make_run(), SECOND_NS)
    console.close()
    assert stream.getvalue() == ""


class Stuck(io.StringIO):
    """A terminal that is paused until the test says otherwise."""

    def __init__(self):
        super().__init__()
        self.go_on = threading.Event()

    def write(self, text):
        assert self.go_on.wait(PATIENCE_S)
        return super().write(text)


def test_paused_terminal_does_not_hold_up_the_run():
    stream = Stuck()
    console = ExchangeConsole(quiet=False, stream=stream)
    for number in range(10_000):
        console.event(f"event {number}")
    stream.go_on.set()
    console.close()
    assert stream.getvalue().count("\n") < 1000


def test_closed_stream_does_not_end_the_run():
    stream = io.StringIO()
    console = ExchangeConsole(quiet=False, stream=stream)
    stream.close()
    console.event("one")
    console.close()
    console.event("two")


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals need POSIX")
def test_block_on_a_terminal_is_redrawn_in_place_and_taken_away_at_the_end(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "20")
    monkeypatch.setenv("NO_COLOR", "1")
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as stream:
        console = ExchangeConsole(quiet=False, stream=stream)
        run = make_run()
        console.refresh(run, SECOND_NS)
        console.refresh(run, 2 * SECOND_NS)
        console.event("Round 1 is over.")
        console.close()
        seen = os.read(ours, 65536).decode()
    os.close(ours)
    block, *rest = re.split("\x1b\\[([0-9]+)F\x1b\\[J", seen)
    assert rest[0] == rest[2] == str(len(block.splitlines()))
    assert len(rest) == 4
    assert max(len(line) for line in block.splitlines()) < 60
    assert rest[-1].strip().endswith("Round 1 is over.")


def test_panel_has_limits_and_the_strategies_pnl_and_fits_a_small_terminal():
    run = make_run()
    run.session.held.update(dict.fromkeys(run.session.held, -80))
    strategies = {f"strategy_{at}": {"orders": 5, "fills": 2, "pnl": 100 - at * 50} for at in range(7)}
    wrong = {"rejects": {"BAD_SIZE": 2}, "refusals": {"size_cap": 60}, "anomalies": {"overfill": 1}}
    summary = run.session.summary() | wrong | {"strategies": strategies}
    lines = status_lines(run, summary, rate=0.0, now_ns=66 * SECOND_NS)
    text = "\n".join(lines)
    assert "XLF -80/100" in text
    assert "strategy_6 -200" in text
    assert len(lines) <= 22
    assert max(map(len, lines[3:8])) <= 79


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals need POSIX")
@pytest.mark.parametrize(("no_colour", "coloured"), [("", True), ("1", False)])
def test_colour_means_something_and_can_be_refused(monkeypatch, no_colour, coloured):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", no_colour)
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as stream:
        console = Console(quiet=False, stream=stream)
        lines = [Toned("P&L ", ("+5", tone_of(5)), " ", ("-5", tone_of(-5)), (" \x1b[5m", "doubt"))]
        console.show(SECOND_NS, block=lambda: lines, line=str)
        console.close()
        seen = os.read(ours, 65536).decode()
    os.close(ours)
    assert ("\x1b[32m+5\x1b[0m \x1b[31m-5\x1b[0m" in seen) == coloured
    assert "\x1b[5m" not in seen
    assert ("\x1b[32m" in seen) == coloured


def test_a_line_too_long_for_the_terminal_is_broken_and_what_is_missing_is_marked():
    line = Toned("connected  ", ("ALPHA", "good"), " on 127.0.0.1:25000  round 1  01:05, 09:49 left")
    rows = rows_of([line, "short"], 40, 10)
    assert rows == ["connected  ALPHA on 127.0.0.1:25000", "  round 1  01:05, 09:49 left", "short"]
    assert ("ALPHA", "good") in rows[0].parts
    rows = rows_of(["word " * 100, "x" * 100], 20, 10)
    assert all(len(row) <= 20 for row in rows)
    assert rows[2].endswith("...")
    assert rows[3:] == ["x" * 20, "  " + "x" * 18, "  " + "x" * 15 + "..."]
    assert rows_of(["one", "two", "three"], 20, 2) == ["one", "..."]
    assert rows_of(["", "  ES  1"], 20, 2) == ["", "  ES  1"]
    assert all(len(row) <= 6 for row in rows_of(["many words of a line"], 1, 10))


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals need POSIX")
def test_a_terminal_that_becomes_narrow_keeps_nothing_of_the_block(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "w") as stream:
        console = Console(quiet=False, stream=stream)
        console.show(SECOND_NS, block=lambda: ["x" * 79, "y" * 40, ""], line=str)
        # The first line is broken into four, the second into two.
        monkeypatch.setenv("COLUMNS", "20")
        console.event("Round 1 is over.")
        console.close()
        seen = os.read(ours, 65536).decode()
    os.close(ours)
    assert "\x1b[7F\x1b[J" in seen
