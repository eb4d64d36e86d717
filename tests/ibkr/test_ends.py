"""How a run ends: what its last sentence and its numbers say, and what receivers of news were told of it."""

import argparse
import json
import time

import pytest
from bot_runs import Run
from carry_bots import CHEAP, FAIR, RICH, STORE
from web_servers import fine, serving

from arbcore.broker import heartbeat
from arbcore.broker.alerts import Alerts
from arbcore.broker.news import JSON, KINDS, Receiver, held_words
from arbcore.broker.report import document, read_store
from arbcore.commands.ibkr import _Play, failure_words, summary_lines
from arbcore.commands.status import status_document
from arbcore.core.settings import Config


def play_of(run: Run) -> _Play:
    """The command around a run."""
    return _Play(argparse.Namespace(simulate=None), Config({}, ()))


def ended(run: Run) -> tuple[int, dict, str]:
    """Exit code, document and summary of a run that is over."""
    play = play_of(run)
    found = play._document(run.bot.plan, run.bot, 1.0)
    json.dumps(found, allow_nan=False)
    return play._exit_code(run.bot), found, "\n".join(summary_lines(found))


@pytest.mark.parametrize("dev_bps", [FAIR, RICH, CHEAP])
def test_in_order_with_what_is_held(dev_bps, play):
    async def script(run):
        await run.active()
        if dev_bps:
            await run.enter(dev_bps)
        await run.end()
        code, found, text = ended(run)
        assert code == 0
        held = held_words(run.books["positions"])
        last = f"{held} is held and no bot watches it." if dev_bps else "Nothing is held."
        assert found["ending"] == last
        assert text.endswith(last)
        assert run.heard(f"Stopped. {last}")
        assert found["position"] == found["positions"]
        assert ("unrealised" in text) == bool(dev_bps)
        status = status_document(run.directory / STORE)
        assert (status["running"], status["well"], status["held"]) == (False, not dev_bps, found["position"])

    play(script)


def test_after_somebody_sold_the_shares_both_numbers_are_shown(play):
    """What our executions come to is not what the account holds: exit 1, and the broker's own number."""

    async def script(run):
        await run.enter(RICH)
        run.fault("wrong_positions", count=1_000)
        run.fault("disconnect")
        await run.until(lambda: run.bot.event_log.alarms["mismatch"])
        await run.until(lambda: run.bot.heartbeat.account() == {"ES": -2, "SPY": 1004})
        # While it lasts, another shell sees it.
        path = run.directory / STORE
        await run.until(lambda: status_document(path)["held"] == {"ES": -2, "SPY": 1004})
        status = status_document(path)
        assert (status["state"], status["well"], status["executed"]) == (
            "HALTED", False, {"ES": -1, "SPY": 502},
        )  # fmt: skip
        assert "our executions come to" in status["last_alarm"]["text"]
        run.bot.stop("interrupted")
        await run.task
        code, found, text = ended(run)
        assert code == 1
        if found["state"] == "HALTED":
            assert found["position"] in ({"ES": -2, "SPY": 1004}, None)
            assert "no bot watches it: check the account." in found["ending"]
            assert "check the account" in failure_words(found)
            assert "last alarm" in text

    play(script, compare=False)


def test_a_link_that_is_gone_makes_what_is_held_unknown(play):
    async def script(run):
        await run.enter(RICH)
        run.fault("restart", 30.0)
        await run.until(lambda: run.state == "HALTED")
        assert run.bot.heartbeat.account() is None
        run.bot.stop("interrupted")
        await run.until(lambda: run.bot.session.stopped)
        await run.task
        code, found, text = ended(run)
        assert code == 1
        assert found["position"] is None
        assert "positions       unknown at the broker, ES -1, SPY +502 by our executions" in text
        assert found["ending"].startswith("What the account holds is unknown")

    play(script, compare=False)


def test_a_link_that_is_gone_and_nothing_was_held_is_in_order(play):
    async def script(run):
        await run.active()
        run.fault("restart", 30.0)
        await run.until(lambda: run.state == "HALTED")
        await run.end()
        code, found, _ = ended(run)
        assert (code, found["position"]) == (0, None)

    play(script, compare=False)


def test_a_foreign_fill_is_a_reason_to_look(play):
    async def script(run):
        await run.enter(RICH)
        run.fault("foreign_fill")
        await run.until(lambda: run.heard("Another program traded"))
        await run.end()
        assert ended(run)[0] == 1

    play(script, compare=False)


# --- news -------------------------------------------------------------------------------------------------


def test_each_kind_of_news_of_a_run(play, monkeypatch):
    """Started, entered, left, stopped; and a pulse from when the bot is ready, but none while it halts."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(heartbeat, "BEAT_S", 0.2)

    with serving(fine) as server, serving(fine) as pulse:
        receivers = (Receiver(server.url, JSON),)

        async def script(run):
            run.bot.alerts = run.bot.event_log._alerts = Alerts(
                receivers, mode="paper", kinds=frozenset(KINDS), heartbeat_url=pulse.url
            )
            await run.until(lambda: server.requests)
            await run.enter(RICH)
            await run.until(lambda: not run.bot.alerts._waiting)
            run.market.dev_bps = FAIR
            await run.flat()
            await run.until(lambda: not run.bot.alerts._waiting)
            await run.until(lambda: len(pulse.requests) >= 3)
            run.fault("restart", 60.0)
            await run.until(lambda: run.state == "HALTED")
            await run.until(lambda: not run.bot.alerts._pulse._waiting)
            beats = len(pulse.requests)
            until_s = time.monotonic() + 1.0
            await run.until(lambda: time.monotonic() >= until_s)
            assert len(pulse.requests) <= beats + 1
            await run.end()
            run.bot.alerts.close(patience_s=20.0)

        play(script, compare=False)
        told = [json.loads(each.partition(b"\r\n\r\n")[2]) for each in server.requests]
    kinds = [each["kind"] for each in told]
    assert [kind for kind in kinds if kind != "alarm"] == ["start", "trade", "trade", "stop"]
    entered, left = (each for each in told if each["kind"] == "trade")
    assert entered["text"].startswith("Entered pair 1, cash_and_carry at +")
    assert "ES -1, SPY +502" in entered["text"]
    assert left["text"].startswith("Closed pair 1, cash_and_carry (converged): net ")
    assert {each["account"] for each in told} == {"DUSIM000001"}
    assert (entered["held"], left["held"]) == ({"ES": -1, "SPY": 502}, {"ES": 0, "SPY": 0})
    assert told[0]["held"] == {"ES": 0, "SPY": 0}
    ends = ("Stopped. What the account holds is unknown", "Stopped. Nothing is held")
    assert told[-1]["text"].startswith(ends)


def test_the_kill_switch_is_an_alarm(play, monkeypatch):
    told = []
    monkeypatch.setattr(Alerts, "alarm", lambda _, name, text: told.append(name))

    async def script(run):
        await run.active()
        (run.directory / "KILL_SWITCH").write_text("x\n")
        await run.until(lambda: "kill switch" in told)

    play(script)


def test_the_day_is_told_once_after_it_ended(play, monkeypatch):
    told = []
    monkeypatch.setattr(Alerts, "news", lambda _, kind, text: told.append((kind, text)))

    async def script(run):
        await run.active()
        day = heartbeat.utc_to_new_york(time.time_ns())[0]
        # The evening of the next weekday.
        day += next(step for step in range(1, 5) if (day + step + 3) % 7 < 5)
        monkeypatch.setattr(heartbeat, "utc_to_new_york", lambda _: (day, 18 * 3_600 * 10**9))
        await run.until(lambda: any(kind == "daily" for kind, _ in told))
        await run.rows(20)
        (text,) = [text for kind, text in told if kind == "daily"]
        assert "0 closed, net " in text
        assert "nothing held" in text
        assert "quotes seen by this run" in text

    play(script)


def test_a_report_of_a_run_that_lives_says_so(play):
    async def script(run):
        await run.enter(RICH)
        await run.until(lambda: status_document(run.directory / STORE)["held"] == {"ES": -1, "SPY": 502})
        found = document(read_store(run.directory / STORE))
        assert found["run"]["running"]
        assert found["run"]["words"].endswith(": ACTIVE")
        assert found["unrealised_pnl"] is not None
        status = status_document(run.directory / STORE)
        assert (status["running"], status["well"], status["state"]) == (True, True, "ACTIVE")
        assert status["last_quote"]["ES"]["bid"] > 0
        assert status["last_order"]["role"] == "entry"

    play(script)
