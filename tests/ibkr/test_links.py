"""Connections, data and doors: what breaks between bot and broker, and what must not be traded through."""

import asyncio
import sqlite3
from dataclasses import replace

import pytest
from bot_runs import Run
from carry_bots import FAIR, RICH, STORE, Market

from arbcore.broker.store import Store
from arbcore.broker.store_file import said
from arbcore.carry.calendar import front_contract
from arbcore.carry.pairs import DEFAULT_PAIR, FUT
from arbcore.desk.commands import AskContract
from arbcore.desk.records import OrderRow
from arbcore.errors import ConfigError, ConnectError, RunError
from arbcore.gateway import replies

QUICK = {"query_timeout_s": 0.5, "connect_timeout_s": 1.0, "stale_s": 0.5}


# --- the connection ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    ["disconnect", "disconnect_mid_frame", "reset", "port_changed", "restart", "huge_frame", "garbage",
     "slow_bytes", "black_hole"],
)  # fmt: skip
def test_a_connection_that_breaks_is_begun_anew_and_trades(fault, play):
    async def script(run):
        await run.enter(RICH)
        run.fault(fault)
        run.market.dev_bps = FAIR
        await run.flat()
        assert run.sent == 4

    play(script, **QUICK)


@pytest.mark.parametrize(
    "question", ["current_time", "contract_details", "executions", "open_orders", "positions", "account"]
)
def test_a_question_that_is_not_answered_at_a_reconnect_ends_nothing(question, play):
    async def script(run):
        await run.active()
        run.fault("silent", question, count=2)
        run.fault("disconnect")
        await run.until(lambda: run.bot.tally.connections == 2)
        await run.enter(RICH)

    play(script, **QUICK)


def test_a_loss_that_lasts_is_one_alarm_and_repeated(play):
    """The desk's: with the same patience whether TWS is gone or its own link."""

    async def script(run):
        await run.active()
        run.fault("restart", 4.0)
        alarms = run.bot.event_log.alarms
        await run.until(lambda: alarms["link lost"] == 2)
        assert dict(alarms) == {"link lost": 2}
        assert run.heard("s. The link to the broker is gone: the connection to TWS was closed")
        await run.active()

    play(script, link_alarm_s=0.2, alarm_repeat_s=1.0)


@pytest.mark.parametrize("back", ["link_back_1101", "link_back_1102"])
def test_the_brokers_link_is_lost_and_back(back, play):
    async def script(run):
        await run.enter(RICH)
        run.fault("link_lost")
        await run.until(lambda: run.state == "HALTED")
        run.market.dev_bps = FAIR
        run.fault(back)
        await run.flat()
        assert run.sent == 4

    play(script)


def test_a_client_id_in_use_is_said(play):
    async def script(run):
        await run.active()
        second = Run(run.served, run.market, directory=run.directory / "second", library=run.library)
        with pytest.raises(ConnectError, match=r"client id 17 is already in use .* IB_CLIENT_ID"):
            await second.task

    play(script)


# --- data -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["farm_blip", "competing_session", "stale_quotes"])
def test_a_feed_that_falls_silent_is_asked_for_again(fault, play):
    async def script(run):
        await run.active()
        run.fault(fault, None if fault == "competing_session" else 0.5)
        run.market.dev_bps = RICH
        await run.held()

    play(script, **QUICK)


@pytest.mark.parametrize("rights", ["delayed", "frozen", "none"])
def test_only_live_data_is_traded_on(rights, play):
    async def script(run):
        run.market.dev_bps = RICH
        why = {"delayed": "10168: ", "frozen": "frozen)", "none": "354: "}[rights]
        await run.until(lambda: run.heard(f"The market data of SPY is not live ({why}"))
        await run.active()
        assert run.sent == 0

    play(script, gateway={"rights": rights}, compare=False)


def test_delayed_data_instead_of_live_stops_trading(play):
    """10167 comes with the number of the subscription, and quotes go on."""

    def delay(gateway):
        for client in gateway.clients.values():
            for number in client.subscriptions:
                client.send(replies.error(number, 10167, "Displaying delayed market data."))

    async def script(run):
        await run.active()
        run.served.do(delay)
        await run.until(lambda: run.heard("not live"))
        run.market.dev_bps = RICH
        await run.decisions()
        assert run.sent == 0

    play(script)


@pytest.mark.parametrize(
    ("fault", "arg"), [("nan_quote", None), ("crossed", 0.5), ("no_quote", 0.5), ("spike", 600)]
)
def test_quotes_that_are_nonsense_are_not_traded_on(fault, arg, play):
    async def script(run):
        await run.active()
        run.fault(fault, arg)
        await run.decisions(30)
        assert run.sent == 0
        await run.enter(RICH)

    play(script)


def test_near_expiry_the_next_contract_takes_over_alone(play):
    """The old contract's feed ends: two of them would be one leg with the prices of both."""
    market = Market()
    later_ns = front_contract(market.expiry_ns).expiry_ns
    assert later_ns > market.expiry_ns

    def subscribed(gateway):
        return [
            [sub.listing.expiry_ns for sub in client.subscriptions.values() if sub.listing.leg == FUT]
            for client in gateway.clients.values()
        ]

    def held_expiries(gateway):
        held = [each for each in gateway.account.positions.values() if each.quantity]
        return {each.listing.expiry_ns for each in held} - {None}

    async def script(run):
        await run.active()
        assert run.served.do(subscribed) == [[market.expiry_ns]]
        # As the desk does where an entry would be too near to expiry.
        run.bot.executor.do(AskContract(market.expiry_ns))
        await run.until(lambda: run.served.do(subscribed) == [[later_ns]])
        market.expiry_ns = later_ns
        await run.enter(RICH)
        assert run.served.do(held_expiries) == {later_ns}

    play(script, market=market)


def test_nothing_is_entered_while_a_leg_is_halted(play):
    async def script(run):
        await run.active()
        run.fault("halt", "SPY")
        await run.until(lambda: run.bot.session.status()["skipped"].get("SPY halted"))
        run.market.dev_bps = RICH
        await run.decisions()
        assert run.sent == 0
        run.fault("resume", "SPY")
        await run.held()

    play(script)


def test_a_clock_an_hour_off_enters_nothing(play):
    async def script(run):
        run.market.dev_bps = RICH
        await run.until(lambda: run.heard("The machine's clock jumped"))
        await run.until(lambda: run.quiet)
        await run.decisions()
        assert (run.state, run.sent) == ("REDUCING", 0)

    play(script, faults=("clock_skew=3600@0",), compare=False)


# --- doors ------------------------------------------------------------------------------------------------


def refused(play, error, match, **changes):
    """The run ends at once with one sentence, and nothing was sent."""

    async def script(run):
        with pytest.raises(error, match=match):
            await run.task
        run.task = asyncio.ensure_future(asyncio.sleep(0))
        assert run.sent == 0

    play(script, compare=False, **changes)


def test_a_live_account_under_paper(play):
    refused(play, ConfigError, "U1234567 is not a paper account", gateway={"accounts": ("U1234567",)})


def test_a_paper_account_under_live(play):
    refused(
        play, ConfigError, "DUSIM000001 is a paper account; use --paper",
        mode="live", live_account="DUSIM000001",
    )  # fmt: skip


def test_live_trades_the_named_account_only(play):
    refused(
        play, ConfigError, "ARBCORE_LIVE_ACCOUNT=U7654321 only, and the login has U1234567",
        mode="live", live_account="U7654321", gateway={"accounts": ("U1234567",)},
    )  # fmt: skip


def test_another_account_after_a_reconnect_ends_the_run(play):
    def become(gateway):
        gateway.account.ids = ("DU7777777",)

    async def script(run):
        await run.active()
        run.served.do(become)
        run.fault("disconnect")
        with pytest.raises(ConfigError, match="now logged in to DU7777777 and was logged in to DUSIM000001"):
            await run.task
        run.task = asyncio.ensure_future(asyncio.sleep(0))

    play(script, compare=False)


def test_a_contract_that_the_broker_does_not_know(play):
    refused(play, RunError, "broker (knows no contract for|does not know) the future ES",
            faults=("unknown_contract@0",))  # fmt: skip


def test_a_fund_that_the_broker_does_not_know(play):
    refused(play, RunError, "the fund SPYY", pair=replace(DEFAULT_PAIR, etf="SPYY"))


def test_a_store_that_another_bot_has(play, tmp_path):
    other = Store.open(
        tmp_path / STORE, pair=DEFAULT_PAIR, account="DUSIM000001", mode="paper", utc_ns=Market().start_ns
    )
    try:
        refused(play, RunError, "is in use by another bot; stop that one")
    finally:
        other.close()


def test_a_full_disk_sends_nothing(play, monkeypatch):
    save = Store.save

    def full(store, rows, **named):
        rows = list(rows)
        if any(isinstance(row, OrderRow) for row in rows):
            with said(store.path, "saving orders and trades"):
                raise sqlite3.OperationalError("database or disk is full")
        save(store, rows, **named)

    monkeypatch.setattr(Store, "save", full)

    async def script(run):
        await run.active()
        run.market.dev_bps = RICH
        with pytest.raises(RunError, match=r"could not be written while saving orders .* the disk is full"):
            await run.task
        run.task = asyncio.ensure_future(asyncio.sleep(0))
        assert run.sent == 0

    play(script, compare=False)
