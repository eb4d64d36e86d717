"""Refusals: at once, in the broker's words, given back at once, and not for ever."""

import asyncio

import pytest
from carry_bots import RICH, stored

from arbcore.broker import pauses
from arbcore.errors import ReadOnlyError
from arbcore.gateway.faults import planned

#: Codes that are known to refuse orders, and some that nobody has listed.
REFUSALS = (
    103, 109, 110, 200, 201, 203, 321, 382, 383, 387, 388, 403, 434, 435, 451, 460, 463, 10052, 10268, 10311,
    10318, 133, 10999, 77_777,
)  # fmt: skip
#: Longer than any test waits: what happens meanwhile waits for no time-out.
SLOW = {"order_timeout_s": 60.0, "hedge_timeout_s": 60.0, "cooldown_s": 3_600.0}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """A machine that is busy for a second is no pause of the process here."""
    monkeypatch.setattr(pauses, "LATE_S", 3_600.0)


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refused_leg_is_over_at_once_and_the_other_is_given_back(code, play):
    async def script(run):
        await run.active()
        reasons_to_send = run.reasons_to_send()
        run.served.do(refuse("SPY", code))
        run.market.dev_bps = RICH
        words = f"{code} Order rejected - reason: The gateway was told to reject it."
        await run.until(lambda: run.heard(f"to buy 502 SPY: {words}"))
        await run.until(lambda: run.books["executions"] and not any(run.books["positions"].values()))
        await run.flat()
        assert "Tick" not in reasons_to_send, "it is given back with the news, and not after a while"
        assert ("rejected", words) in stored(run.directory, "SELECT state, reason FROM orders")

    play(script, **SLOW)


@pytest.mark.parametrize("leg", ["ES", "SPY"])
def test_a_leg_whose_refusal_comes_behind_its_acknowledgement_is_asked_about_and_over(leg, play):
    """The broker showed the order alive, so only its answer ends it: at once, and with its first words."""

    async def script(run):
        await run.active()
        reasons_to_send = run.reasons_to_send()
        run.served.do(refuse(leg, 201, late=True))
        run.market.dev_bps = RICH
        await run.until(lambda: run.heard("The broker refused order"))
        await run.until(lambda: run.books["executions"] and not any(run.books["positions"].values()))
        await run.flat()
        assert "Tick" not in reasons_to_send
        reasons = [reason for (reason,) in stored(run.directory, "SELECT reason FROM orders")]
        assert any(reason.startswith("201 Order rejected") for reason in reasons)

    play(script, **SLOW)


def refuse(leg, code, *, late=False, count=1):
    """Has the gateway refuse the first orders of one leg, before or behind their acknowledgement."""

    def arm(gateway):
        place, left = gateway.desk.place, [None] * count

        def placed(client_id, asked):
            if asked.contract.symbol == leg and left:
                left.pop()
                gateway.inject(planned("reject_late" if late else "reject", code, count=1))
            place(client_id, asked)

        gateway.desk.place = placed

    return arm


def test_three_entries_refused_on_one_leg_name_it_and_stop_entries(play):
    async def script(run):
        await run.active()
        run.served.do(refuse("SPY", 451, count=3))
        run.market.dev_bps = RICH
        await run.until(lambda: alarms(run) == 3)
        await run.flat()
        assert (run.state, run.bot.session.reasons) == ("REDUCING", ("entries refused",))
        assert run.heard("3 entries in a row were refused on SPY, the last with '451 Order rejected")
        sent = run.bot.tally.orders
        await run.decisions(50)
        assert run.bot.tally.orders == sent

    play(script, cooldown_s=0.1)


def alarms(run):
    return run.bot.event_log.alarms["rejected SPY"]


def test_an_entry_that_is_taken_between_two_refused_ones_begins_the_count_anew(play):
    async def script(run):
        await run.active()
        run.served.do(refuse("SPY", 451, count=2))
        run.market.dev_bps = RICH
        await run.until(lambda: alarms(run) == 2)
        await run.held()
        assert run.state == "ACTIVE"
        assert run.bot.session._news.refusals == {}

    play(script, cooldown_s=0.1)


def test_an_order_that_was_refused_and_works_all_the_same_is_cancelled(play):
    """An error that nobody has listed, before the acknowledgement of an order that lives."""

    def early_error(gateway):
        acknowledge = gateway.desk._acknowledge

        def acknowledged(order, **given):
            gateway.desk._acknowledge = acknowledge
            gateway.desk._error(order.client_id, order.order_id, 77_777, "Something that nobody listed.")
            acknowledge(order, **given)

        gateway.desk._acknowledge = acknowledged

    async def script(run):
        await run.active()
        run.fault("held_message", 30.0, count=1)
        run.served.do(early_error)
        run.market.dev_bps = RICH
        await run.until(lambda: run.heard("was refused but is working at the broker; it is being cancelled"))
        await run.until(lambda: run.bot.tally.cancels)
        await run.flat()
        assert not any(run.books["positions"].values())

    play(script, compare=False, **SLOW)


# --- Read-Only API --------------------------------------------------------------------------------------

SENTENCE = "untick Read-Only API under Global Configuration, API, Settings"


def test_a_read_only_api_is_one_sentence_from_the_start(play):
    async def script(run):
        with pytest.raises(ReadOnlyError, match=SENTENCE):
            await run.task
        run.task = asyncio.ensure_future(asyncio.sleep(0))
        assert run.bot.tally.connections == 0

    play(script, compare=False, faults=("read_only@0",))


def test_an_api_that_turns_read_only_meanwhile_ends_the_run_with_what_is_held(play):
    async def script(run):
        await run.enter(RICH)
        run.fault("read_only")
        run.market.dev_bps = 0.0
        with pytest.raises(ReadOnlyError, match=SENTENCE):
            await run.task
        run.task = asyncio.ensure_future(asyncio.sleep(0))
        assert run.books["positions"] == {"ES": -1, "SPY": 502}

    play(script, compare=False)


def test_a_reconnect_to_a_read_only_api_is_not_tried_for_ever(play):
    async def script(run):
        await run.active()
        run.fault("read_only")
        run.fault("disconnect")
        with pytest.raises(ReadOnlyError, match=SENTENCE):
            await run.task
        run.task = asyncio.ensure_future(asyncio.sleep(0))

    play(script, compare=False)
