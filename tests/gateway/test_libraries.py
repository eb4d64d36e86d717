"""The unmodified ib_insync and ib_async against the gateway, over TCP."""

import asyncio

import pytest
from ib_libraries import NAMES, Served, fast, load, play, quiet
from tws import SECOND, START_NS, row, rows


@pytest.fixture(params=NAMES)
def library(request):
    quiet(request.param)
    return load(request.param)


@pytest.fixture
def served():
    with Served(rows()) as gateway:
        yield gateway


# --- connecting ---------------------------------------------------------------------------------------


def test_connecting_gets_every_answer_that_the_library_waits_for(library, served):
    async def script(session):
        await session.connect()
        ib = session.ib
        assert ib.isConnected()
        assert ib.managedAccounts() == ["DUSIM000001"]
        values = {value.tag: value.value for value in ib.accountValues()}
        assert values["NetLiquidation"] == "10000000.00"
        assert (ib.positions(), ib.trades(), ib.fills()) == ([], [], [])
        return ib.client.serverVersion()

    version = play(library, served, script)
    assert version == {"ib_insync": 176, "ib_async": 178}[library.__name__]


def test_nothing_that_the_library_sends_is_an_error(library, served):
    async def script(session):
        await session.connect()
        summary = {value.tag: value.value for value in await session.ib.accountSummaryAsync()}
        assert summary["NetLiquidation"] == "10000000.00"
        await session.ib.reqAllOpenOrdersAsync()
        session.ib.reqGlobalCancel()
        await session.ib.reqCurrentTimeAsync()
        assert {code for _, code in session.errors} <= {2104, 2106, 2158}

    play(library, served, script)


def test_client_id_zero_and_several_accounts(library):
    with Served(rows(), accounts=("U1000001", "U1000002")) as served:

        async def script(session):
            await session.connect(0)
            assert session.ib.managedAccounts() == ["U1000001", "U1000002"]

        play(library, served, script)


def test_a_client_id_in_use_is_told_with_326_and_never_logged_in(library, served):
    async def script(session):
        await session.connect(5)
        second = type(session)(library, served)
        dialled = asyncio.ensure_future(
            second.ib.connectAsync("127.0.0.1", served.port, clientId=5, timeout=60)
        )
        await second.until(lambda: (-1, 326) in second.errors)
        assert not second.ib.isConnected()
        dialled.cancel()
        await asyncio.gather(dialled, return_exceptions=True)
        await second.close()

    play(library, served, script)


def test_two_clients_at_once(library, served):
    async def script(session):
        await session.connect(1)
        other = await type(session)(library, served).connect(2)
        _, spy = await session.contracts()
        trade = session.ib.placeOrder(spy, session.limit("BUY", 100, 681.0))
        await session.until(lambda: trade.fills)
        assert other.ib.trades() == []
        fills = await other.ib.reqExecutionsAsync()
        assert [fill.execution.clientId for fill in fills] == [1]
        await other.close()

    play(library, served, script)


def test_the_time_is_the_gateways(library, served):
    async def script(session):
        await session.connect()
        return await session.ib.reqCurrentTimeAsync()

    assert 0 <= play(library, served, script).timestamp() - START_NS // SECOND < 30


# --- contracts and quotes -----------------------------------------------------------------------------


def test_contracts_resolve_with_expiries_and_hours(library, served):
    async def script(session):
        await session.connect()
        ib = session.ib
        details = await ib.reqContractDetailsAsync(library.Future("ES", exchange="CME"))
        assert [each.realExpirationDate for each in details[:3]] == ["20261218", "20270319", "20270617"]
        first = details[0]
        assert (first.contract.multiplier, first.minTick, first.timeZoneId) == ("50", 0.25, "US/Central")
        assert first.contract.lastTradeDateOrContractMonth == "20261218"
        assert "20261120:0000-20261121:0000" in first.liquidHours.split(";")
        spy = library.Stock("SPY", "SMART", "USD")
        mes = library.Future("MES", "202612", "CME")
        await ib.qualifyContractsAsync(spy, mes)
        assert (spy.conId, spy.primaryExchange, mes.multiplier) == (756733, "ARCA", "5")
        assert await ib.reqContractDetailsAsync(library.Stock("TLT", "SMART", "USD")) == []

    play(library, served, script)


RIGHTS = [("live", 1, 1), ("frozen", 2, 2), ("delayed", 3, 3)]


@pytest.mark.parametrize(("rights", "asked", "shown"), RIGHTS)
def test_quotes_of_each_type(library, rights, asked, shown):
    with Served(rows(), rights=rights) as served:

        async def script(session):
            await session.connect()
            es, spy = await session.contracts()
            session.ib.reqMarketDataType(asked)
            future, shares = session.ib.reqMktData(es), session.ib.reqMktData(spy, "236")
            await session.until(lambda: shares.ask == 680.01 and future.ask == 6_800.25)
            assert (future.bid, future.bidSize, shares.bid) == (6_800.0, 100.0, 680.0)
            assert {future.marketDataType, shares.marketDataType} == {shown}
            assert shares.shortableShares == 10_000_000
            assert (10167 in {code for _, code in session.errors}) is (rights == "delayed")

        play(library, served, script)


def test_no_rights_no_quotes(library):
    with Served(rows(), rights="none") as served:

        async def script(session):
            await session.connect()
            _, spy = await session.contracts()
            ticker = session.ib.reqMktData(spy)
            await session.until(lambda: 354 in {code for _, code in session.errors})
            assert ticker.bid != 680.0

        play(library, served, script)


def test_a_halt_arrives(library, served):
    async def script(session):
        await session.connect()
        _, spy = await session.contracts()
        ticker = session.ib.reqMktData(spy)
        await session.until(lambda: ticker.bid == 680.0)
        served.fault("halt", "SPY")
        await session.until(lambda: ticker.halted == 1.0)

    play(library, served, script)


def test_a_snapshot(library, served):
    async def script(session):
        await session.connect()
        _, spy = await session.contracts()
        (ticker,) = await session.ib.reqTickersAsync(spy)
        assert ticker.bid == 680.0

    play(library, served, script)


# --- orders -------------------------------------------------------------------------------------------


def test_an_order_fills_with_its_commission(library, served):
    async def script(session):
        await session.connect()
        es, _ = await session.contracts()
        trade = session.ib.placeOrder(es, session.limit("SELL", 2, 6_799.0, orderRef="mine"))
        await session.until(lambda: trade.fills and trade.fills[0].commissionReport.commission)
        (fill,) = trade.fills
        assert (fill.execution.shares, fill.execution.price) == (2.0, 6_800.0)
        assert fill.execution.orderRef == "mine"
        assert fill.execution.time.timestamp() >= START_NS // SECOND
        assert fill.commissionReport.commission == 4.5
        assert trade.orderStatus.status == "Filled"
        await session.until(session.ib.positions)
        (position,) = session.ib.positions()
        assert (position.contract.symbol, position.position) == ("ES", -2.0)

    play(library, served, script)


def test_a_large_order_fills_in_part_and_a_far_one_misses(library, served):
    async def script(session):
        await session.connect()
        es, spy = await session.contracts()
        large = session.ib.placeOrder(es, session.limit("BUY", 150, 6_801.0))
        far = session.ib.placeOrder(spy, session.limit("BUY", 100, 600.0))
        await session.until(lambda: large.isDone() and far.isDone())
        assert (large.orderStatus.status, large.filled(), large.remaining()) == ("Cancelled", 100.0, 50.0)
        assert (far.orderStatus.status, far.fills) == ("Cancelled", [])

    play(library, served, script)


def test_a_resting_order_is_seen_changed_and_cancelled(library, served):
    async def script(session):
        await session.connect()
        _, spy = await session.contracts()
        order = session.limit("BUY", 100, 600.0, tif="DAY")
        trade = session.ib.placeOrder(spy, order)
        await session.until(lambda: trade.orderStatus.status == "Submitted")
        order.lmtPrice = 601.0
        session.ib.placeOrder(spy, order)
        await session.until(lambda: trade.log[-1].message == "Modified")
        (open_trade,) = await session.ib.reqOpenOrdersAsync()
        assert open_trade.order.lmtPrice == 601.0
        session.ib.cancelOrder(order)
        await session.until(lambda: trade.orderStatus.status == "Cancelled")
        (completed,) = await session.ib.reqCompletedOrdersAsync(False)
        assert completed.order.permId == trade.order.permId

    play(library, served, script)


def test_a_bracket_and_a_stop(library, served):
    async def script(session):
        await session.connect()
        ib = session.ib
        _, spy = await session.contracts()
        trades = [ib.placeOrder(spy, each) for each in ib.bracketOrder("BUY", 100, 681.0, 700.0, 600.0)]
        await session.until(lambda: trades[0].orderStatus.status == "Filled")
        waiting = ["Submitted", "PreSubmitted"]
        await session.until(lambda: [each.orderStatus.status for each in trades[1:]] == waiting)
        # A stop of its own, which the touch has reached already.
        stop = ib.placeOrder(spy, library.StopOrder("SELL", 50, 690.0, tif="GTC"))
        await session.until(lambda: stop.orderStatus.status == "Filled")
        ib.cancelOrder(trades[1].order)
        await session.until(lambda: trades[1].orderStatus.status == "Cancelled")
        assert [each.position for each in await ib.reqPositionsAsync()] == [50.0]

    play(library, served, script)


def test_a_rejection(library, served):
    async def script(session):
        await session.connect()
        _, spy = await session.contracts()
        served.fault("reject")
        trade = session.ib.placeOrder(spy, session.limit("BUY", 100, 681.0))
        await session.until(trade.isDone)
        assert (trade.order.orderId, 201) in session.errors

    play(library, served, script)


def test_a_preview_has_its_numbers(library, served):
    async def script(session):
        await session.connect()
        es, _ = await session.contracts()
        state = await session.ib.whatIfOrderAsync(es, library.MarketOrder("BUY", 1))
        assert float(state.initMarginChange) == pytest.approx(6_800.125 * 50 * 0.06, abs=0.01)
        assert state.commission == 2.25
        assert served.gateway.account.positions == {}

    play(library, served, script)


# --- coming back --------------------------------------------------------------------------------------


def test_after_a_reconnection_orders_positions_and_executions_are_there(library, served):
    async def script(session):
        await session.connect()
        _, spy = await session.contracts()
        session.ib.placeOrder(spy, session.limit("BUY", 100, 600.0, tif="GTC", orderRef="rests"))
        filled = session.ib.placeOrder(spy, session.limit("BUY", 100, 681.0, orderRef="filled"))
        await session.until(lambda: filled.orderStatus.status == "Filled")
        served.fault("disconnect")
        await session.until(lambda: not session.ib.isConnected())
        again = await type(session)(library, served).connect()
        assert [trade.order.orderRef for trade in again.ib.openTrades()] == ["rests"]
        assert [fill.execution.orderRef for fill in again.ib.fills()] == ["filled"]
        assert [position.position for position in again.ib.positions()] == [100.0]
        assert again.ib.client.getReqId() > filled.order.orderId
        await again.close()

    play(library, served, script)


def test_fills_while_away_are_found_on_coming_back(library, served):
    async def script(session):
        await session.connect()
        _, spy = await session.contracts()
        served.fault("late_fill", 0.5)
        trade = session.ib.placeOrder(spy, session.limit("BUY", 100, 681.0, orderRef="late"))
        await session.until(lambda: trade.orderStatus.status == "Submitted")
        session.ib.disconnect()
        await session.until(lambda: served.do(lambda gateway: len(gateway.account.executions)))
        again = await type(session)(library, served).connect()
        assert [fill.execution.orderRef for fill in again.ib.fills()] == ["late"]
        await again.close()

    play(library, served, script)


def test_a_restart_reissues_order_ids(library, served):
    async def script(session):
        await session.connect()
        _, spy = await session.contracts()
        first = session.ib.placeOrder(spy, session.limit("BUY", 100, 681.0))
        await session.until(lambda: first.orderStatus.status == "Filled")
        served.fault("restart", 0.0)
        await session.until(lambda: not session.ib.isConnected())
        again = await type(session)(library, served).connect()
        assert again.ib.client.getReqId() < first.order.orderId
        await again.close()

    play(library, served, script)


# --- the traps ----------------------------------------------------------------------------------------


def test_an_order_without_a_tif_looks_cancelled_and_fills(library, served):
    async def script(session):
        await session.connect()
        _, spy = await session.contracts()
        served.fault("preset_tif")
        seen = []
        session.ib.orderStatusEvent += lambda trade: seen.append(trade.orderStatus.status)
        trade = session.ib.placeOrder(spy, session.limit("BUY", 100, 681.0, tif=""))
        await session.until(lambda: trade.fills)
        assert "Cancelled" in seen

    play(library, served, script)


@pytest.mark.parametrize("code", [10148, 161, 10147])
def test_a_stray_error_marks_a_live_order_cancelled(library, served, code):
    async def script(session):
        await session.connect()
        _, spy = await session.contracts()
        served.fault("stray_error", code)
        order = session.limit("BUY", 100, 600.0, tif="DAY")
        trade = session.ib.placeOrder(spy, order)
        await session.until(trade.isDone)
        assert served.do(lambda gateway: len(gateway.desk.book.working())) == 1

    play(library, served, script)


def test_a_fill_without_any_status(library, served):
    async def script(session):
        await session.connect()
        _, spy = await session.contracts()
        served.fault("no_status")
        trade = session.ib.placeOrder(spy, session.limit("BUY", 100, 681.0))
        await session.until(lambda: trade.fills and trade.fills[0].commissionReport.commission)
        assert trade.orderStatus.status == "Submitted"

    play(library, served, script)


def test_a_correction_is_a_second_fill_to_the_library(library, served):
    async def script(session):
        await session.connect()
        _, spy = await session.contracts()
        trade = session.ib.placeOrder(spy, session.limit("BUY", 100, 681.0))
        await session.until(lambda: trade.fills)
        served.fault("correction", 1)
        await session.until(lambda: len(trade.fills) == 2)
        first, second = (fill.execution.execId for fill in trade.fills)
        assert first[:-2] == second[:-2]
        assert (first[-2:], second[-2:]) == ("01", "02")

    play(library, served, script)


def test_inactive_is_not_done_in_ib_insync(library, served):
    async def script(session):
        await session.connect()
        _, spy = await session.contracts()
        served.fault("reject_inactive")
        trade = session.ib.placeOrder(spy, session.limit("BUY", 100, 681.0))
        await session.until(lambda: trade.orderStatus.status == "Inactive")
        assert trade.isDone() is (library.__name__ == "ib_async")

    play(library, served, script)


def test_a_held_short_sale_says_why_and_fills_later(library, served):
    async def script(session):
        await session.connect()
        _, spy = await session.contracts()
        served.fault("held_short", 0.3)
        held = []
        session.ib.orderStatusEvent += lambda trade: held.append(trade.orderStatus.whyHeld)
        trade = session.ib.placeOrder(spy, session.limit("SELL", 100, 679.0))
        await session.until(lambda: trade.fills)
        assert "locate" in held
        assert 404 in {code for _, code in session.errors}

    play(library, served, script)


def test_a_silent_query_is_a_timeout_and_not_an_empty_answer(library, served):
    async def script(session):
        await session.connect()
        served.fault("silent", "positions")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(session.ib.reqPositionsAsync(), 0.2)

    play(library, served, script)


def test_messages_of_the_link_arrive_in_their_order(library, served):
    async def script(session):
        await session.connect()
        session.errors.clear()
        served.fault("link_blip", 0.0)
        served.fault("farm_blip", 0.0)
        await session.until(lambda: len(session.errors) == 4)
        assert sorted(code for _, code in session.errors) == [1100, 1102, 2103, 2104]

    play(library, served, script)


def test_garbage_does_not_end_the_connection(library, served):
    async def script(session):
        await session.connect()
        served.fault("garbage")
        await session.ib.reqCurrentTimeAsync()
        assert session.ib.isConnected()

    play(library, served, script)


def test_bytes_one_by_one_make_the_same_messages(library, served):
    async def script(session):
        await session.connect()
        _, spy = await session.contracts()
        served.fault("slow_bytes", 2000)
        trade = session.ib.placeOrder(spy, session.limit("BUY", 100, 681.0))
        await session.until(lambda: trade.orderStatus.status == "Filled")
        assert len(trade.fills) == 1

    play(library, served, script)


@pytest.mark.parametrize("name", ["disconnect_mid_frame", "reset"])
def test_a_connection_cut_short_is_a_disconnection(library, served, name):
    async def script(session):
        await session.connect()
        gone = []
        session.ib.disconnectedEvent += lambda: gone.append(True)
        served.fault(name)
        await session.until(lambda: gone)

    play(library, served, script)


# --- rows ---------------------------------------------------------------------------------------------


def test_rows_pass_through_the_library_and_orders_fill_at_the_row_they_were_decided_on(library):
    # Each row trades once, sells on the very same row after the fill, and only then goes on.
    count = 60
    source = [row(number, etf=680.0 + 0.01 * (number // 3)) for number in range(count)]
    with Served(source, **fast()) as served:

        async def script(session):
            await session.connect()
            session.ib.client.MaxRequests = 0
            _, spy = await session.contracts()
            shares = session.ib.reqMktData(spy)
            clock = await session.clock()
            over, seen, bought, sold = asyncio.Event(), [], {}, {}

            def arrived(tickers):
                if clock not in tickers:
                    return
                if clock.halted == 1.0:
                    over.set()
                    return
                number = int(clock.volume)
                if len(seen) < number:
                    seen.append(int(clock.last) * SECOND + int(clock.lastSize))
                    bought[number] = session.ib.placeOrder(spy, session.limit("BUY", 100, shares.ask))
                elif bought[number].fills and number not in sold:
                    sold[number] = session.ib.placeOrder(spy, session.limit("SELL", 100, shares.bid))
                session.ib.client.updateDisplayGroup(0, str(number))

            session.ib.pendingTickersEvent += arrived
            arrived({clock} if clock.volume == 1.0 else set())
            await asyncio.wait_for(over.wait(), 20)
            assert seen == [each.ts_ns for each in source]
            assert [trade.fills[0].execution.price for trade in bought.values()] == [
                each.etf_ask for each in source
            ]
            assert [trade.fills[0].execution.price for trade in sold.values()] == [
                each.etf_bid for each in source
            ]
            times = [int(trade.fills[0].execution.time.timestamp()) for trade in sold.values()]
            assert times == [each.ts_ns // SECOND for each in source]

        play(library, served, script)
