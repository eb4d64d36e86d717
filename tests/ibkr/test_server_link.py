"""TWS's own link to the broker: lost, back without a word, or never; and a connection that is dropped."""

import time

import pytest
from carry_bots import FAIR, RICH

from arbcore import ibkr
from arbcore.carry.pairs import ETF, FUT
from arbcore.desk import codes

HELD = {"ES": -1, "SPY": 502}


@pytest.mark.parametrize("code", sorted(codes.CONNECTION_DROPPED))
def test_a_connection_that_is_being_dropped_is_dropped_and_dialled_anew(code, play):
    """The gateway leaves it open: nothing may leave on it all the same."""

    async def script(run):
        await run.enter(RICH)
        first = run.served.do(clients)
        run.served.do(lambda gateway: watch_orders(gateway, first))
        run.fault("notice", code)
        run.market.dev_bps = FAIR
        await run.flat()
        assert run.bot.tally.connections == 2
        assert not run.heard("TWS is connected to the broker again")
        assert run.served.do(lambda gateway: gateway.late_orders) == []

    play(script)


def clients(gateway):
    return frozenset(gateway.clients)


def watch_orders(gateway, connections):
    """Orders of those connections from here on."""
    gateway.late_orders = []
    answer = gateway._answer

    def watched(client, request):
        if client.conn in connections and type(request).__name__ in ("PlaceOrder", "CancelOrder"):
            gateway.late_orders.append(request)
        answer(client, request)

    gateway._answer = watched


@pytest.mark.parametrize("code", sorted(codes.SERVER_LOST))
def test_a_lost_link_counts_as_lost_under_each_of_its_codes(code, play):
    async def script(run):
        await run.enter(RICH)
        run.fault("stale_quotes", 30.0)
        run.fault("notice", code)
        await run.until(lambda: run.state == "HALTED")
        assert run.bot.session.reasons == ("not connected",)
        assert run.bot.session.account_positions() is None

    play(script, compare=False)


@pytest.mark.parametrize("code", sorted(codes.FARM_IDLE | {2100, 2161, 165, 507, 77_777}))
def test_a_notice_of_no_other_kind_changes_nothing(code, play):
    async def script(run):
        await run.enter(RICH)
        heard = run.listen()
        run.fault("notice", code)
        await run.until(lambda: code in heard)
        run.market.dev_bps = FAIR
        await run.flat()
        assert (run.sent, run.state, run.bot.tally.connections) == (4, "ACTIVE", 1)

    play(script)


def test_quotes_that_arrive_again_say_that_the_link_is_back(play):
    """1100 and never 1101 or 1102, as after a nightly reset."""

    async def script(run):
        await run.enter(RICH)
        run.fault("link_lost")
        await run.until(lambda: run.state == "HALTED")
        run.market.dev_bps = FAIR
        began = time.monotonic()
        await run.until(lambda: time.monotonic() - began > ibkr.SERVER_ECHO_S)
        assert (run.state, run.sent) == ("HALTED", 2)
        run.fault("link_back_silent")
        await run.flat()
        assert run.heard("TWS is connected to the broker again (news arrives again)")
        assert (run.sent, run.bot.tally.connections) == (4, 1)

    play(script)


def test_a_link_of_which_nothing_is_said_is_asked_about_after_a_while(play, monkeypatch):
    """In the middle of a pair: both legs filled behind the lost link, and the bot finds it by asking."""
    monkeypatch.setattr(ibkr, "SERVER_PATIENCE_S", 1.0)

    async def script(run):
        await run.active()
        run.fault("silent_fill", count=2)
        run.market.dev_bps = RICH
        await run.until(lambda: len(run.books["executions"]) == 2)
        run.fault("stale_quotes", 60.0)
        run.fault("notice", 1100)
        await run.until(lambda: run.heard("no word about it for 1 s; everything is asked again"))
        await run.until(lambda: run.bot.heartbeat.ours() == HELD)
        await run.until(lambda: run.state == "ACTIVE")
        assert run.bot.tally.connections == 1

    play(script)


def test_after_the_third_question_without_an_answer_a_new_connection_is_made(play, monkeypatch):
    monkeypatch.setattr(ibkr, "SERVER_PATIENCE_S", 0.5)

    async def script(run):
        await run.enter(RICH)
        run.fault("stale_quotes", 60.0)
        run.fault("silent", "open_orders", count=3)
        run.fault("notice", 1100)
        await run.until(lambda: run.bot.tally.connections == 2)
        await run.until(lambda: run.state == "ACTIVE")
        assert run.bot.heartbeat.ours() == HELD

    play(script, query_timeout_s=0.3)


def test_a_leg_whose_fill_is_unknown_is_never_called_nothing(play):
    """The link is lost between an order and its fill: what is held is unknown until the broker says it."""

    async def script(run):
        await run.active()
        run.fault("silent_fill", count=2)
        run.market.dev_bps = RICH
        await run.until(lambda: len(run.books["executions"]) == 2)
        run.fault("link_lost")
        await run.until(lambda: run.state == "HALTED")
        assert run.bot.heartbeat.words().startswith("what the account holds is unknown")
        assert run.bot.session.account_positions() is None
        run.fault("link_back_1102")
        await run.held()
        assert run.bot.heartbeat.words() == "ES -1, SPY +502 is held"
        assert run.bot.session.account_positions() == {FUT: -1, ETF: 502}

    play(script)
