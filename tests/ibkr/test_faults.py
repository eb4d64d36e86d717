"""What a broker does to data, links, answers and orders, fault by fault, to a bot that trades meanwhile.

Each test shows that its fault really happened, that nothing was traded on what was not known, and that the
bot goes on by itself where it can.
"""

import asyncio
from pathlib import Path

import pytest
from bot_runs import Run
from carry_bots import FAIR, RICH, Market, stored

from arbcore.desk import events as ev
from arbcore.errors import ConnectError
from arbcore.gateway.faults import FAULTS

HELD = {"ES": -1, "SPY": 502}
FLAT = {"ES": 0, "SPY": 0}
#: A feed that says nothing for three times this long is asked for again.
QUICK = {"query_timeout_s": 0.5, "connect_timeout_s": 1.0, "stale_s": 0.2}


def test_each_fault_of_the_gateway_is_met_by_the_bot():
    texts = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")]
    assert [name for name in FAULTS if not any(f'"{name}' in text for text in texts)] == []


# --- rights to data ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [354, 10089, 10168])
def test_quotes_that_it_may_not_see_are_asked_for_until_it_may(code, play):
    async def script(run):
        said = [f"The market data of {leg} is not live ({code}: " for leg in ("ES", "SPY")]
        await run.until(lambda: all(map(run.heard, said)))
        await run.active()
        codes = run.listen()
        run.market.dev_bps = RICH
        await run.until(lambda: run.heard("No tick of ES for"))
        await run.until(lambda: code in codes)
        assert (run.sent, run.state) == (0, "ACTIVE")
        run.fault("heal")
        await run.held()
        assert run.bot.tally.connections == 1

    play(script, faults=(f"no_rights={code}@0x1000",), **QUICK)


@pytest.mark.parametrize("rights", ["delayed", "frozen", "none"])
def test_a_right_that_is_lost_meanwhile_and_comes_back(rights, play):
    """The pair stays as it is for as long as nobody knows what it is worth."""

    async def script(run):
        await run.enter(RICH)
        codes = run.listen()
        run.fault("data", rights)
        run.market.dev_bps = FAIR
        for leg in ("ES", "SPY"):
            await run.until(lambda leg=leg: run.heard(f"The market data of {leg} is not live"))
        assert set(codes) & {354, 10168} == {"delayed": {10168}, "frozen": set(), "none": {354}}[rights]
        await run.rows(20)
        assert (run.sent, run.phase, run.state) == (2, "held", "ACTIVE")
        run.fault("data", "live")
        await run.flat()
        assert (run.sent, run.bot.tally.connections) == (4, 1)

    play(script, **QUICK)


def test_a_pair_that_must_go_says_that_it_cannot_and_goes_with_the_first_live_price(play):
    async def script(run):
        await run.enter(RICH)
        run.fault("data", "frozen")
        await run.until(lambda: run.heard("The market data of SPY is not live"))
        run.bot.feed(ev.Kill("a person says so"))
        await run.until(lambda: run.heard("must be closed (kill) but cannot be: ES not live"))
        await run.rows(20)
        assert (run.sent, run.books["positions"]) == (2, HELD)
        run.fault("data", "live")
        await run.flat()
        assert run.books["positions"] == FLAT

    play(script, **QUICK)


# --- the link and its farms -------------------------------------------------------------------------------


def test_a_blip_of_the_brokers_link_is_waited_out(play):
    async def script(run):
        await run.enter(RICH)
        run.fault("link_blip", 0.3)
        await run.until(lambda: run.heard("TWS lost its connection to the broker (1100"))
        run.market.dev_bps = FAIR
        assert (run.state, run.sent) == ("HALTED", 2)
        await run.flat()
        assert run.heard("TWS is connected to the broker again (1102")
        assert (run.sent, run.bot.tally.connections) == (4, 1)

    play(script)


def test_orders_that_wait_for_a_blip_are_settled_once(play):
    """1100 comes between an order's leaving and its arrival: the gateway holds it until the link is back."""

    def blip_at_the_next_order(gateway):
        place = gateway.desk.place

        def late(*order):
            gateway.desk.place = place
            gateway.desk.link_up = False
            place(*order)

        gateway.desk.place = late

    async def script(run):
        await run.active()
        run.served.do(blip_at_the_next_order)
        run.market.dev_bps = RICH
        await run.until(lambda: run.sent == 2)
        run.fault("link_blip", 0.2)
        await run.until(lambda: run.heard("TWS is connected to the broker again (1102"))
        await run.held()
        assert run.books["positions"] == HELD

    play(script, **QUICK)


def test_while_the_farms_are_broken_nothing_is_traded_and_their_return_is_enough(play):
    """With quotes of five seconds the dead feeds' own watch would take fifteen."""

    async def script(run):
        await run.enter(RICH)
        codes = run.listen()
        run.fault("farm_lost")
        await run.until(lambda: 2157 in codes)
        run.market.dev_bps = FAIR
        await run.rows(20)
        assert (run.sent, run.phase) == (2, "held")
        run.fault("farm_back")
        await run.flat()
        farms = [line for _, line in run.told if line.startswith("TWS says ")]
        assert [line[:14] for line in farms] == ["TWS says 2103:", "TWS says 2104:"]
        assert codes.index(2103) < codes.index(2105) < codes.index(2104) < codes.index(2158)
        assert (run.sent, run.bot.tally.connections) == (4, 1)

    play(script)


def test_a_farm_that_idles_stops_nothing(play):
    async def script(run):
        await run.enter(RICH)
        codes = run.listen()
        run.fault("farm_idle")
        await run.until(lambda: {2107, 2108} <= set(codes))
        run.market.dev_bps = FAIR
        await run.flat()
        assert (run.sent, run.state, run.bot.tally.connections) == (4, "ACTIVE", 1)

    play(script)


def test_after_a_broken_server_link_the_last_prices_count_no_more(play):
    """They are a moment old and may be wrong by now: even a kill waits for new ones."""

    async def script(run):
        await run.enter(RICH)
        codes = run.listen()
        run.fault("stale_quotes", 0.8)
        run.fault("server_link_broken")
        await run.until(lambda: 2110 in codes)
        assert run.heard("TWS lost its connection to the broker (2110: Connectivity between TWS and server")
        run.bot.feed(ev.Kill("a person says so"))
        assert (run.sent, run.books["positions"], run.state) == (2, HELD, "HALTED")
        await run.flat()
        assert run.books["positions"] == FLAT

    play(script)


def test_a_broken_server_link_that_mends_itself_stops_nothing(play):
    async def script(run):
        await run.active()
        codes = run.listen()
        run.fault("server_link_broken")
        await run.until(lambda: 2110 in codes)
        assert run.heard("TWS lost its connection to the broker (2110: Connectivity between TWS and server")
        await run.enter(RICH)
        assert run.heard("TWS is connected to the broker again (news arrives again")
        assert run.bot.tally.connections == 1

    play(script)


@pytest.mark.parametrize("code", [2100, 2161, 165, 321, 507])
def test_a_notice_about_nothing_of_ours_changes_nothing(code, play):
    async def script(run):
        await run.enter(RICH)
        codes, told = run.listen(), len(run.told)
        run.fault("notice", code)
        await run.until(lambda: code in codes)
        run.market.dev_bps = FAIR
        await run.flat()
        assert (run.sent, run.state, run.bot.tally.connections) == (4, "ACTIVE", 1)
        assert [level for level, _ in run.told[told:] if level != "info"] == []

    play(script)


@pytest.mark.parametrize("code", [502, 504])
def test_a_notice_that_nothing_is_connected_is_believed(code, play):
    async def script(run):
        await run.enter(RICH)
        run.fault("notice", code)
        await run.until(lambda: run.bot.tally.connections == 2)
        run.market.dev_bps = FAIR
        await run.flat()
        assert run.sent == 4

    play(script)


# --- the door ---------------------------------------------------------------------------------------------


def attempts(run):
    """How many connections the gateway ever saw."""
    return run.served.do(lambda gateway: gateway._connections)


def test_a_door_that_stays_shut_for_a_while_is_tried_again(play):
    async def script(run):
        await run.enter(RICH)
        run.fault("refuse", 0.4)
        run.fault("disconnect")
        await run.until(lambda: run.state == "HALTED")
        run.market.dev_bps = FAIR
        await run.flat()
        assert attempts(run) > run.bot.tally.connections == 2
        assert run.sent == 4

    play(script)


def test_a_door_that_is_shut_at_the_start_ends_the_run(play):
    async def script(run):
        with pytest.raises(ConnectError, match=r"The (connection|log-in) .* check IB_HOST, IB_PORT"):
            await run.task
        run.task = asyncio.ensure_future(asyncio.sleep(0))
        assert (attempts(run), run.sent) == (1, 0)

    play(script, faults=("refuse=60@0",), compare=False)


def test_a_client_id_that_is_still_taken_after_a_loss_is_asked_for_again(play):
    """TWS may not have noticed yet that the connection before is gone."""

    async def script(run):
        await run.enter(RICH)
        run.fault("client_id_in_use")
        run.fault("disconnect")
        await run.until(lambda: run.bot.tally.connections == 2)
        assert run.used("client_id_in_use")
        run.market.dev_bps = FAIR
        await run.flat()
        assert (attempts(run), run.sent) == (3, 4)

    play(script, **QUICK)


def test_ids_that_are_given_out_again_without_a_restart(play):
    async def script(run):
        await run.enter(RICH)
        run.fault("id_rollback")
        run.fault("disconnect")
        await run.until(lambda: run.bot.tally.connections == 2)
        await run.active()
        run.market.dev_bps = FAIR
        await run.flat()
        ids = run.served.do(lambda gateway: [each.order_id for each in gateway.desk.book.by_perm.values()])
        assert len(ids) == 4
        assert len(set(ids)) < 4, "the broker did not give an id out twice, so nothing was tested"

    play(script)


# --- answers ----------------------------------------------------------------------------------------------


def test_an_answer_that_lacks_a_position_holds_everything_until_a_whole_one(play):
    async def script(run):
        await run.enter(RICH)
        run.fault("positions_partial")
        await run.until(lambda: run.heard("The bot sends no orders until they agree"))
        run.market.dev_bps = FAIR
        assert run.used("positions_partial")
        assert (run.state, run.sent) == ("HALTED", 2)
        await run.flat()
        assert (run.sent, run.bot.tally.connections) == (4, 1)

    play(script, audit_s=0.2)


def test_an_answer_that_lacks_a_position_is_not_accepted_as_the_account(play, library):
    """Not even with --accept-account: a leg would be closed at once, and the other one stand alone."""

    async def script(run):
        await run.enter(RICH)
        await run.end()
        # The library asks once too, when it connects.
        run.fault("positions_partial", count=2)
        again = Run(
            run.served, run.market, directory=run.directory, library=library, accept_account=True, audit_s=0.2
        )
        await again.active()
        assert again.used("positions_partial")
        await again.decisions()
        assert (again.bot.heartbeat.ours(), again.sent) == (HELD, 2)
        assert not again.heard("The account was accepted")
        await again.end()

    run = play(script)
    assert stored(run.directory, "SELECT * FROM adjustments") == []


# --- orders -----------------------------------------------------------------------------------------------

IMPATIENT = {"order_timeout_s": 0.2, "query_timeout_s": 0.5, "hedge_timeout_s": 3.0}


def test_a_cancel_that_is_lost_is_sent_again(play):
    async def script(run):
        await run.active()
        run.fault("held_message", 60.0)
        run.fault("cancel_lost")
        run.market.dev_bps = RICH
        await run.held()
        assert run.used("cancel_lost")
        assert run.bot.tally.cancels >= 2
        assert run.books["positions"] == HELD
        assert run.books["orders"][0]["filled"] == 0

    play(script, **IMPATIENT)


def test_cancels_that_are_lost_again_and_again_are_told_and_the_leg_waits(play):
    """The order may fill at any time: another one in its place could be a second."""

    async def script(run):
        await run.active()
        run.fault("held_message", 60.0)
        run.fault("cancel_lost", count=1_000)
        run.market.dev_bps = RICH
        await run.until(lambda: run.heard("E is still open after 3 cancels"))
        await run.until(lambda: run.heard("has been unhedged for"))
        assert (run.sent, run.books["positions"]) == (2, FLAT | {"SPY": 502})
        run.fault("heal")
        await run.until(lambda: run.quiet)
        assert run.books["positions"] in (HELD, FLAT)

    play(script, **IMPATIENT | {"hedge_timeout_s": 0.5})


def test_an_order_that_the_broker_cancels_by_itself_leaves_no_leg_alone(play):
    async def script(run):
        await run.active()
        run.fault("held_message", 60.0)
        run.market.dev_bps = RICH
        await run.until(lambda: len(run.books["executions"]) == 1)
        run.fault("broker_cancel")
        await run.held()
        assert run.bot.tally.cancels == 0
        assert run.heard("holds 0 contracts and 502 shares; it is being hedged")
        assert (run.sent, run.books["positions"]) == (3, HELD)
        assert run.books["orders"][0]["filled"] == 0

    run = play(script, order_timeout_s=30.0)
    assert stored(run.directory, "SELECT state FROM orders ORDER BY order_ref LIMIT 1") == [("cancelled",)]


class Busy(Market):
    """More quotes a second than a broker takes messages."""

    STEP_NS = 4_000_000


@pytest.mark.parametrize("cap", [45, 1_000])
def test_a_storm_of_orders_stays_below_the_brokers_pace(cap, play):
    """No order finds anything, and there is no cooldown; a cap beyond the broker's is told so by it."""

    async def script(run):
        await run.active()
        # The library has a limit of its own; it is the desk's that is tested.
        run.bot.link.unthrottled()
        codes = run.listen()
        run.fault("pacing")
        run.fault("miss", count=10_000)
        run.market.dev_bps = RICH
        if cap > 50:
            await run.until(lambda: 100 in codes)
        else:
            await run.until(lambda: run.bot.tally.orders > 60)
            assert 100 not in codes
        run.market.dev_bps = FAIR
        await run.flat()
        assert run.books["positions"] == FLAT

    run = play(script, market=Busy(), message_cap=cap, **IMPATIENT)
    refusals = {reason for (reason,) in stored(run.directory, "SELECT refusal FROM signals")}
    assert ("message rate" in refusals) == (cap < 50)
