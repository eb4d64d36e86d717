"""The ends of a run: told to stop at any moment, and by a failure of its own."""

import asyncio
import dataclasses
import itertools
import socket

import pytest
from bot_runs import Run
from carry_bots import CHEAP, FAIR, RICH, bot_of, plan_of

from arbcore import ibkr
from arbcore.broker.alerts import Alerts
from arbcore.broker.store import Store
from arbcore.errors import RunError
from arbcore.system.kill_switch import KillSwitch

#: Questions of the first connection, in the order in which they are asked.
AT_THE_START = ("positions", "current_time", "contract_details")
#: What a stop may take that waits for nobody.
AT_ONCE_S = 2.0


async def over(run: Run) -> None:
    """The run ends without an error, long before any answer is given up."""
    await asyncio.wait_for(asyncio.shield(run.task), AT_ONCE_S)


@pytest.mark.parametrize("question", AT_THE_START)
@pytest.mark.parametrize("times", [1, 2])
def test_a_stop_before_the_first_connection_is_made_ends_the_run(question, times, play):
    """TWS is slow to answer; what it answers later finds nobody."""

    async def script(run):
        run.market.dev_bps = RICH
        # Armed before the bot has begun.
        run.fault("silent", question, count=1)
        await run.until(lambda: not run.served.do(lambda gateway: gateway.armed.names()))
        for _ in range(times):
            run.bot.stop("interrupted")
        await over(run)
        assert run.heard("Stopped before there was a connection; this run has sent nothing.")
        assert (run.sent, run.bot.tally.orders, run.bot.tally.connections) == (0, 0, 0)

    play(script, compare=False, connect_timeout_s=60.0)


def test_a_stop_before_the_first_connection_says_what_is_held(play):
    async def held(run):
        await run.enter(RICH)

    async def script(run):
        run.fault("silent", "contract_details", count=1)
        await run.until(lambda: not run.served.do(lambda gateway: gateway.armed.names()))
        run.bot.stop("interrupted")
        await over(run)
        assert run.heard("this run has sent nothing. ES -1, SPY +502 is held as before, and no bot watches")

    play(held)
    play(script, compare=False, connect_timeout_s=60.0)


def test_a_stop_while_nothing_answers_at_all(library, tmp_path):
    async def main(port):
        told = []
        plan = plan_of(port, tmp_path, library=library, connect_timeout_s=60.0)
        bot = bot_of(plan, told=lambda _, text: told.append(text))
        task = asyncio.ensure_future(bot.run())
        await asyncio.sleep(0)
        bot.stop("interrupted")
        await asyncio.wait_for(task, AT_ONCE_S)
        assert bot.session is None
        assert told[-1] == "Stopped before there was a connection; this run has sent nothing."

    with socket.create_server(("127.0.0.1", 0)) as listening:
        asyncio.run(main(listening.getsockname()[1]))


@pytest.mark.parametrize("dev_bps", [FAIR, RICH])
def test_a_stop_while_connecting_again(dev_bps, play):
    """A pair that is held and nothing that may still fill: no need to wait for TWS to come back."""

    async def script(run):
        await run.active()
        run.market.dev_bps = dev_bps
        if dev_bps:
            await run.held()
        run.fault("restart", 30.0)
        await run.until(lambda: run.state == "HALTED")
        sent = run.sent
        run.bot.stop("interrupted")
        await over(run)
        assert (run.sent, run.bot.tally.connections) == (sent, 1)

    play(script)


def test_a_stop_while_orders_are_in_doubt_waits_for_the_connection(play):
    """Only the broker can say what became of them."""

    async def script(run):
        await run.active()
        run.fault("late_fill", 0.5, count=2)
        run.market.dev_bps = RICH
        await run.until(lambda: run.sent == 2)
        run.fault("restart", 1.0)
        await run.until(lambda: run.state == "HALTED")
        run.bot.stop("interrupted")
        assert run.heard("There is no connection and 2 orders may still fill")
        await run.task
        assert run.bot.tally.connections == 2
        assert run.bot.heartbeat.ours() == run.books["positions"] == {"ES": -1, "SPY": 502}
        assert run.sent == 2

    play(script, compare=False)


def test_a_stop_that_does_not_end_says_what_is_held(play, monkeypatch):
    monkeypatch.setattr(ibkr, "STOP_PATIENCE_S", 0.3)

    async def script(run):
        await run.enter(RICH)
        run.fault("restart", 30.0)
        await run.until(lambda: run.state == "HALTED")
        run.bot.stop("interrupted")
        with pytest.raises(RunError, match=r"our executions come to ES -1, SPY \+502\); no bot"):
            await run.task
        run.task = asyncio.ensure_future(asyncio.sleep(0))

    play(script, flatten=True, compare=False)


@pytest.mark.parametrize("times", [1, 2])
def test_a_stop_with_a_flatten_closes_and_sends_nothing_else(times, play):
    async def script(run):
        await run.enter(RICH)
        run.market.dev_bps = CHEAP
        for _ in range(times):
            run.bot.stop("interrupted")
        await run.task
        assert run.books["positions"] == {"ES": 0, "SPY": 0}
        assert run.sent == 4

    play(script, flatten=True)


def statuses(gateway):
    return [order.status for order in gateway.desk.book.by_perm.values()]


def test_what_is_cut_off_cancels_what_works(play):
    """A second Ctrl-C ends everything at once; the broker is asked to cancel all the same."""

    async def script(run):
        await run.active()
        run.fault("held_message", 60.0, count=2)
        run.market.dev_bps = RICH
        await run.until(lambda: run.served.do(statuses) == ["PreSubmitted"] * 2)
        run.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run.task
        assert run.heard("our executions come to nothing), 2 orders may still fill, and no bot watches it")
        run.task = asyncio.ensure_future(asyncio.sleep(0))
        await run.until(lambda: run.served.do(statuses) == ["Cancelled"] * 2)

    play(script, compare=False, order_timeout_s=60.0)


# --- failures -------------------------------------------------------------------------------------------


def failing(*_):
    raise RunError("The disk is full.")


def breaking(*_):
    raise ZeroDivisionError("by nothing")


@pytest.mark.parametrize(
    ("where", "fails", "words"),
    [
        ("flush", failing, "The disk is full."),
        ("rate", failing, "The disk is full."),
        ("kill switch", breaking, r"Unexpected failure inside arbcore \(ZeroDivisionError: by nothing\)"),
        ("sample", breaking, r"Unexpected failure inside arbcore \(ZeroDivisionError: by nothing\)"),
    ],
)
def test_whatever_fails_in_the_loop_cancels_and_is_heard(where, fails, words, play, monkeypatch):
    """One leg has filled and the other is held at the broker when it happens."""
    posted = []
    monkeypatch.setattr(Alerts, "alarm", lambda _, kind, text: posted.append((kind, text)))

    async def script(run):
        await run.active()
        run.fault("held_message", 60.0, count=1)
        run.market.dev_bps = RICH
        await run.until(lambda: run.bot.heartbeat.ours() == {"ES": 0, "SPY": 502})
        assert "PreSubmitted" in run.served.do(statuses)
        if where == "flush":
            monkeypatch.setattr(Store, "flush", fails)
        elif where == "rate":
            run.bot.plan = dataclasses.replace(run.bot.plan, rate=fails)
        elif where == "kill switch":
            monkeypatch.setattr(KillSwitch, "reason", fails)
        else:
            monkeypatch.setattr(run.bot, "sample", fails)
        with pytest.raises(RunError, match=words) as caught:
            await run.task
        monkeypatch.undo()
        assert posted[-1] == ("failed", str(caught.value))
        told = "(our executions come to SPY +502), 1 order may still fill, and no bot watches it"
        assert told in str(caught.value)
        run.task = asyncio.ensure_future(asyncio.sleep(0))
        await run.until(lambda: "PreSubmitted" not in run.served.do(statuses))
        assert run.sent == 2

    play(script, compare=False, order_timeout_s=60.0)


def test_of_several_failures_the_first_is_told(play, monkeypatch):
    count = itertools.count(1)

    def fail(_):
        raise RunError(f"Failure {next(count)}.")

    async def script(run):
        await run.active()
        monkeypatch.setattr(Store, "flush", fail)
        with pytest.raises(RunError, match=r"Failure 1\."):
            await run.task
        assert next(count) > 2
        run.task = asyncio.ensure_future(asyncio.sleep(0))

    play(script, compare=False)


def test_a_start_that_fails_is_heard_too(play, monkeypatch):
    posted = []
    monkeypatch.setattr(Alerts, "alarm", lambda _, kind, text: posted.append((kind, text)))

    async def script(run):
        with pytest.raises(RunError):
            await run.task
        run.task = asyncio.ensure_future(asyncio.sleep(0))
        ((kind, text),) = posted
        assert kind == "failed"
        told = "The bot has stopped. What the account holds is unknown (our executions come to nothing)"
        assert told in text

    play(script, compare=False, faults=("unknown_contract@0",))


# --- a pair that is open while trading is off -----------------------------------------------------------


def again(run: Run, **changes: object) -> Run:
    """Another run of the bot at the same broker, over the same store."""
    return Run(run.served, run.market, directory=run.directory, library=run.library, **changes)


@pytest.mark.parametrize("how", ["kill switch", "flatten"])
def test_with_trading_off_an_open_pair_waits_for_kill_switch_or_flatten(how, play):
    async def script(run):
        await run.enter(RICH)
        await run.end()
        off = again(run, trading_enabled=False, flatten=how == "flatten")
        await off.active()
        said = "Trading is off and pair 1 is open (-1 ES and 502 SPY): no stop, roll or hedge; only"
        assert off.heard(said)
        run.market.dev_bps = FAIR
        await off.decisions()
        assert (off.sent, off.phase) == (2, "held")
        if how == "kill switch":
            (run.directory / "KILL_SWITCH").write_text("a person says so")
            await off.flat()
        await off.end()
        assert (off.sent, off.books["positions"]) == (4, {"ES": 0, "SPY": 0})

    play(script)


def test_with_trading_off_a_stop_leaves_an_open_pair_and_ends(play):
    async def script(run):
        await run.enter(RICH)
        await run.end()
        off = again(run, trading_enabled=False)
        await off.active()
        run.market.dev_bps = FAIR
        off.bot.stop("enough")
        await over(off)
        assert (off.sent, off.books["positions"]) == (2, {"ES": -1, "SPY": 502})

    play(script)


def test_the_kill_switch_is_said_once_and_counted_under_one_name(play, tmp_path):
    async def script(run):
        await run.enter(RICH)
        run.told.clear()
        (tmp_path / "KILL_SWITCH").write_text("a person says so\n")
        await run.flat()
        said = [line for _, line in run.told if "ill switch is on" in line]
        assert len(said) == 1
        assert dict(run.bot.event_log.alarms) == {"kill switch": 1}

    play(script)
