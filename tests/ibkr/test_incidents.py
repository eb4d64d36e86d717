"""What happened to others at a broker: each incident of theirs through the real library and the gateway."""

import contextlib
import functools
import importlib
import itertools
import time

from bot_runs import Run
from carry_bots import ACCOUNT, CHEAP, FAIR, RICH, SPY, STORE, stored
from ib_libraries import Session
from stores import opened, order, trade

from arbcore.carry.calendar import front_contract
from arbcore.core.civil import read_time
from arbcore.gateway.contract_table import futures
from arbcore.system.kill_switch import KillSwitch

QUICK = {"order_timeout_s": 0.4, "query_timeout_s": 0.5, "hedge_timeout_s": 3.0, "connect_timeout_s": 1.0}


def order_ids(gateway):
    return [order.order_id for order in gateway.desk.book.by_perm.values()]


def test_a_gateway_that_restarts_gives_ids_out_again(play):
    async def script(run):
        await run.enter(RICH)
        run.fault("restart", 0.2)
        await run.until(lambda: run.bot.tally.connections == 2)
        await run.active()
        run.market.dev_bps = FAIR
        await run.flat()
        ids = run.served.do(order_ids)
        assert len(ids) == 4
        assert len(set(ids)) < 4, "the broker did not give an id out twice, so nothing was tested"

    play(script)


def test_fills_while_the_link_was_lost_are_found(play):
    async def script(run):
        await run.active()
        run.fault("late_fill", 0.3, count=2)
        run.market.dev_bps = RICH
        await run.until(lambda: run.sent == 2)
        run.fault("link_lost")
        await run.until(lambda: len(run.books["executions"]) == 2)
        await run.until(lambda: run.state == "HALTED")
        assert run.bot.heartbeat.ours() == {"ES": 0, "SPY": 0}
        run.fault("link_back_1102")
        await run.held()
        assert run.bot.heartbeat.ours() == run.books["positions"] == {"ES": -1, "SPY": 502}
        assert run.state == "ACTIVE"

    play(script)


def test_fills_while_nobody_was_connected_are_found(play):
    async def script(run):
        await run.active()
        run.fault("late_fill", 0.3, count=2)
        run.market.dev_bps = RICH
        await run.until(lambda: run.sent == 2)
        run.fault("restart", 0.8)
        await run.until(lambda: run.state == "HALTED")
        await run.until(lambda: len(run.books["executions"]) == 2)
        assert run.bot.heartbeat.ours() == {"ES": 0, "SPY": 0}
        await run.held()
        assert (run.bot.heartbeat.ours(), run.sent) == (run.books["positions"], 2)

    play(script)


def test_the_bot_is_alive_after_the_weekly_restart(play):
    async def script(run):
        await run.active()
        run.fault("restart", 0.3)
        await run.until(lambda: run.state == "HALTED")
        await run.enter(RICH)

    play(script)


def test_a_storm_of_reconnects_is_survived(play):
    async def script(run):
        await run.enter(RICH)
        for number in range(2, 6):
            run.fault("disconnect")
            await run.until(lambda number=number: run.bot.tally.connections == number)
        await run.active()
        assert run.sent == 2
        run.market.dev_bps = FAIR
        await run.flat()

    play(script)


def test_a_fill_of_another_clients_order_is_not_ours(play):
    async def script(run):
        await run.enter(RICH)
        before = run.bot.heartbeat.ours()
        run.fault("foreign_fill")
        await run.until(lambda: run.heard("Another program traded"))
        await run.active()
        assert run.bot.heartbeat.ours() == before

    play(script)


def test_trades_of_another_program_are_asked_about_once(play, library):
    """They are in every later answer about executions too, and are no news there."""

    async def script(run):
        await run.active()
        other = Session(importlib.import_module(library), run.served)
        try:
            await other.connect(99)
            _, spy = await other.contracts()
            for action, price in (("BUY", SPY + 1.0), ("SELL", SPY - 1.0)):
                trade = other.ib.placeOrder(spy, other.limit(action, 100, price))
                await other.until(lambda trade=trade: trade.fills)
        finally:
            await other.close()
        run.fault("disconnect")
        await run.until(lambda: run.bot.tally.connections == 2)
        await run.active()
        asked = run.bot.session._core.query
        await run.decisions(80)
        assert run.bot.session._core.query == asked

    play(script, compare=False)


def test_a_pair_closed_by_hand_is_written_off_when_a_person_says_so(play, library):
    async def script(run):
        await run.enter(RICH)
        await run.end()
        run.market.dev_bps = FAIR
        other = Session(importlib.import_module(library), run.served)
        try:
            await other.connect(99)
            es, spy = await other.contracts()
            for contract, action, quantity in ((es, "BUY", 1), (spy, "SELL", 502)):
                order = other.library.MarketOrder(action, quantity, tif="DAY")
                trade = other.ib.placeOrder(contract, order)
                await other.until(lambda trade=trade: trade.fills)
        finally:
            await other.close()
        begin = functools.partial(Run, run.served, run.market, directory=run.directory, library=library)
        halted = begin()
        await halted.until(lambda: halted.heard("start again with --accept-account"))
        assert (halted.state, halted.bot.heartbeat.ours()) == ("HALTED", {"ES": -1, "SPY": 502})
        await halted.end()
        accepted = begin(accept_account=True)
        await accepted.active()
        assert accepted.heard("The account was accepted as it is: 0 ES and 0 SPY")
        await accepted.enter(CHEAP)
        assert accepted.bot.heartbeat.ours() == accepted.books["positions"] == {"ES": 1, "SPY": -498}
        await accepted.end()

    run = play(script, compare=False)
    rows = stored(run.directory, "SELECT symbol, quantity, reason FROM adjustments ORDER BY symbol")
    assert rows == [("ES", 1, "by_hand"), ("SPY", -502, "by_hand")]


def test_an_order_in_another_future_is_no_business_of_the_bots(play, library):
    async def script(run):
        await run.enter(RICH)
        other = Session(importlib.import_module(library), run.served)
        try:
            await other.connect(99)
            ib = other.ib
            for symbol in ("MES", "ES"):
                details = await ib.reqContractDetailsAsync(other.library.Future(symbol, exchange="CME"))
                order = ib.placeOrder(details[0].contract, other.limit("BUY", 3, 10 * SPY - 500, tif="DAY"))
                await other.until(lambda order=order: order.orderStatus.status == "Submitted")
                run.fault("disconnect")
                # The second one is there to show that such an order would have been heard of.
                await run.until(lambda symbol=symbol: run.bot.tally.connections == 2 + (symbol == "ES"))
                await run.active()
                assert run.heard("Another program has an open order in ES") == (symbol == "ES")
                await other.close()
                await other.connect(99)
        finally:
            await other.close()
        assert run.bot.heartbeat.ours() == {"ES": -1, "SPY": 502}

    play(script, compare=False)


def test_a_position_query_without_an_answer_is_not_flat(play):
    async def script(run):
        run.market.dev_bps = RICH
        await run.until(lambda: run.heard("The broker was asked for its positions and"))
        assert (run.state, run.sent) == ("HALTED", 0)
        run.fault("heal")
        await run.held()

    play(script, faults=("silent=positions@0",), **QUICK)


def test_positions_that_are_not_ours_stop_everything(play):
    async def script(run):
        await run.enter(RICH)
        # The library asks once too, when it connects.
        run.fault("wrong_positions", count=2)
        run.fault("disconnect")
        run.market.dev_bps = FAIR
        await run.until(lambda: run.heard("close any ES or SPY position that is not the bot's"))
        assert run.sent == 2
        # The next answer is right again.
        await run.flat()

    play(script)


def test_an_order_that_outlives_an_outage_has_no_twin(play):
    async def script(run):
        await run.active()
        run.fault("held_message", 60.0, count=1)
        run.market.dev_bps = RICH
        await run.until(lambda: run.sent >= 2)
        run.fault("link_lost")
        await run.until(lambda: run.state == "HALTED")
        run.fault("link_back_1101")
        await run.held()
        filled = [order["filled"] for order in run.books["orders"] if order["ref"].endswith("E")]
        assert sum(filled) == 1

    play(script, **QUICK)


def test_restarts_send_nothing_twice(play):
    async def script(run):
        await run.enter(RICH)
        for number in range(2, 4):
            run.fault("restart", 0.05)
            await run.until(lambda number=number: run.bot.tally.connections == number)
            await run.active()
            assert (run.phase, run.sent) == ("held", 2)

    play(script)


def test_a_silent_fill_of_an_exit_does_not_open_the_opposite(play):
    async def script(run):
        await run.enter(RICH)
        run.fault("silent_fill", count=2)
        run.market.dev_bps = FAIR
        await run.flat()
        assert run.books["positions"] == {"ES": 0, "SPY": 0}
        assert run.sent == 4

    play(script, **QUICK)


def test_the_kill_switch_closes_and_stays(play):
    async def script(run):
        await run.enter(RICH)
        (run.directory / "KILL_SWITCH").write_text("a person says so\n")
        await run.flat()
        assert run.state == "REDUCING"
        sent = run.sent
        (run.directory / "KILL_SWITCH").unlink()
        await run.decisions()
        assert (run.sent, run.books["positions"]) == (sent, {"ES": 0, "SPY": 0})

    run = play(script)
    assert stored(run.directory, "SELECT exit_reason FROM trades") == [("kill",)]


def test_a_kill_switch_that_cannot_be_written_down_holds_all_the_same(play):
    async def script(run):
        await run.enter(RICH)
        run.bot.kill_switch = KillSwitch(run.directory / "gone", {"KILL_SWITCH": "1"})
        await run.flat()
        assert run.heard("could not be written")
        sent = run.sent
        await run.decisions()
        assert (run.sent, run.books["positions"]) == (sent, {"ES": 0, "SPY": 0})

    play(script)


def test_nothing_is_sent_after_the_stop(play):
    async def script(run):
        await run.enter(RICH)
        run.bot.stop("enough")
        run.market.dev_bps = FAIR
        await run.task
        assert (run.sent, run.books["positions"]) == (2, {"ES": -1, "SPY": 502})

    play(script)


def test_a_record_that_was_never_sent_does_not_stop_a_start(play, tmp_path):
    """The same stale record twice: resolved at the first start, no news at the second."""
    with contextlib.closing(opened(tmp_path / STORE, account=ACCOUNT)) as store:
        con_id = next(
            each.con_id for each in futures() if each.expiry_ns == front_contract(time.time_ns()).expiry_ns
            and each.symbol == "ES"
        )  # fmt: skip
        store.save([trade(con_id=con_id), order(store, con_id=con_id)])

    async def script(run):
        await run.active()
        await run.flat()

    def seen():
        return stored(tmp_path, "SELECT order_ref, state, filled FROM orders"), stored(
            tmp_path, "SELECT trade_id, phase FROM trades"
        )

    play(script)
    once = seen()
    assert (once[0][0][1], once[1]) == ("gone", [(1, "void")])
    play(script)
    assert seen() == once


def test_three_refused_entries_in_a_row_stop_entries_until_a_kill_switch_is_deleted(play, tmp_path):
    """However long the broker refuses and however many quotes say enter; and then it trades."""
    switch = tmp_path / "KILL_SWITCH"

    async def script(run):
        await run.active()
        run.fault("reject", 201.0, count=1_000_000)
        run.market.dev_bps = RICH
        await run.until(lambda: run.state == "REDUCING")
        assert run.heard("3 entries in a row were refused on ES, the last with '201 Order rejected - reason:")
        run.fault("heal")
        await run.decisions(100)
        assert (run.bot.tally.orders, run.sent) == (6, 0)
        switch.write_text("a person looks into it")
        await run.until(lambda: "kill switch" in run.bot.session.reasons)
        switch.unlink()
        await run.held()

    run = play(script, cooldown_s=0.3)
    attempts = stored(run.directory, "SELECT min(created_ts), count(*) FROM orders GROUP BY trade_id")
    assert [orders for _, orders in attempts] == [2, 2, 2, 2]
    # The market's clock may be set a little meanwhile; the pause is of another one.
    times_ns = [read_time(text) for text, _ in attempts]
    assert all(later - before > 0.2e9 for before, later in itertools.pairwise(times_ns))


def test_a_refused_flatten_at_the_loss_limit_is_tried_again_by_the_ladder(play):
    async def script(run):
        await run.enter(RICH)
        run.fault("reject", 201.0, count=2)
        # ES goes further out: 40 bps of 6,800 points of 50 dollars are 1,360 dollars.
        run.market.dev_bps = RICH + 40.0
        await run.flat()
        assert run.books["positions"] == {"ES": 0, "SPY": 0}
        assert run.bot.session.reasons == ("daily loss",)
        sent = run.sent
        await run.decisions()
        assert run.sent == sent

    run = play(script, daily_loss_usd=1_000.0, **QUICK)
    assert stored(run.directory, "SELECT exit_reason FROM trades") == [("daily_loss",)]


def test_both_directions_in_turn(play):
    async def script(run):
        await run.enter(RICH)
        run.market.dev_bps = FAIR
        await run.flat()
        await run.enter(CHEAP)
        assert run.books["positions"] == {"ES": 1, "SPY": -498}
        run.market.dev_bps = FAIR
        await run.flat()

    play(script)
