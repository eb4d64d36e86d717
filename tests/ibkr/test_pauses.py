"""Any pause of the process: nothing is decided on what waited in the socket until the broker answers anew."""

import os
import signal
import subprocess
import sys
import time

import pytest
from carry_bots import FAIR, RICH, Market
from ib_libraries import LOOK_S, LOOKS_MAX, PATIENCE_S, Served

from arbcore.broker.store import Store
from arbcore.gateway import messages as m

LATE_S = 1.6


def watch(gateway):
    """The kinds of requests as they come: ``login``, ``time``, ``order``."""
    seen = []
    note = gateway._note_request

    def watched(client, request):
        if isinstance(request, m.StartApi):
            seen.append("login")
        elif isinstance(request, m.ReqCurrentTime):
            seen.append("time")
        elif isinstance(request, m.PlaceOrder):
            seen.append("order")
        note(client, request)

    gateway._note_request = watched
    return seen


def stand_still():
    """The loop does not turn, while the gateway, which is in a thread of its own, goes on quoting."""
    time.sleep(LATE_S)


def test_after_a_late_turn_nothing_leaves_before_the_broker_said_what_time_it_is(play):
    async def script(run):
        await run.enter(RICH)
        seen = run.served.do(watch)
        # The exit is due with the first quote out of the backlog.
        run.market.dev_bps = FAIR
        stand_still()
        await run.flat()
        assert seen.index("time") < seen.index("order")
        assert run.heard("The process was paused for")

    play(script, market=Slow())


class Slow(Market):
    """A row in two hundred milliseconds, so that the exit's quote falls into the pause."""

    STEP_NS = 200_000_000


def test_a_broker_that_does_not_answer_after_a_pause_is_dialled_anew_and_nothing_leaves(play):
    async def script(run):
        await run.active()
        seen = run.served.do(watch)
        run.fault("silent", "current_time", count=1)
        stand_still()
        run.market.dev_bps = RICH
        await run.held()
        assert run.bot.tally.connections == 2
        assert "order" not in seen[: seen.index("login")]

    play(script, query_timeout_s=0.5)


@pytest.mark.parametrize("how", ["farm_blip", "link_blip", "disconnect"])
def test_a_subscription_that_begins_anew_is_the_same_doubt(how, play):
    async def script(run):
        await run.active()
        seen = run.served.do(watch)
        run.fault(how, None if how == "disconnect" else 0.2)
        run.market.dev_bps = RICH
        await run.held()
        assert "time" in seen[: seen.index("order")]

    play(script)


def test_a_disk_that_hangs_over_an_intent_lets_no_order_leave(play, monkeypatch):
    """The intent is stored, and the price is as old as the disk was slow: it is over and said, never sent."""
    save = Store.save
    slow = []

    def hang(store, rows):
        save(store, rows)
        if slow:
            slow.clear()
            time.sleep(LATE_S)

    monkeypatch.setattr(Store, "save", hang)

    async def script(run):
        await run.active()
        slow.append(True)
        run.market.dev_bps = RICH
        await run.until(lambda: run.heard("was not sent: the process was paused for"))
        assert run.sent == 0
        await run.held()
        assert run.sent == 2

    play(script)


def test_a_stopped_process_sends_nothing_on_waking_that_the_market_has_left(library, tmp_path):
    """The whole command under SIGSTOP: the entry that it would have made is gone when it wakes."""
    market = Market()
    with Served(market) as served:
        seen = served.do(watch)
        command = [
            sys.executable, "-m", "arbcore", "ibkr", "--paper", "--port", str(served.port), "--quiet",
            "--set", "ARBCORE_DESK_MARGIN_CHECK=0", "--set", "COOLDOWN_SECONDS=0", "--set",
            "RISK_FREE_RATE_ANNUAL=0", "--set", "DIVIDEND_YIELD_ANNUAL=0",
        ]  # fmt: skip
        environ = os.environ | {"TRADING_ENABLED": "1", "ARBCORE_IB_LIBRARY": library}
        with (tmp_path / "log").open("wb") as log:
            bot = subprocess.Popen(command, cwd=tmp_path, env=environ, stderr=log, stdout=log)
        try:
            until(lambda: "time" in seen)
            rows = served.do(lambda gateway: gateway.row_number)
            until(lambda: served.do(lambda gateway: gateway.row_number) > rows + 40)
            del seen[:]
            bot.send_signal(signal.SIGSTOP)
            market.dev_bps = RICH
            rows = served.do(lambda gateway: gateway.row_number)
            until(lambda: served.do(lambda gateway: gateway.row_number) > rows + 40)
            market.dev_bps = FAIR
            until(lambda: served.do(lambda gateway: gateway.row_number) > rows + 60)
            bot.send_signal(signal.SIGCONT)
            until(lambda: "time" in seen)
            until(lambda: served.do(lambda gateway: gateway.row_number) > rows + 100)
            assert "order" not in seen
        finally:
            bot.send_signal(signal.SIGCONT)
            bot.send_signal(signal.SIGINT)
            assert bot.wait(PATIENCE_S) == 130
    assert "The process was paused for" in (tmp_path / "logs" / "arb_bot.log").read_text()


def until(condition):
    for _ in range(LOOKS_MAX):
        if condition():
            return
        time.sleep(LOOK_S)
    raise AssertionError("it did not come to be")
