"""Every request of the public API of ib_insync and ib_async, sent once: data, an empty list or an error."""

import asyncio
import re

import pytest
from ib_libraries import NAMES, Served, load, play
from tws import START_NS, rows

from arbcore.gateway.past import generated_past

ENDS_S = 3.0
#: What a request ends in: something, nothing of its kind, an error with its id, or nobody waits for it.
DATA, EMPTY, ERROR, QUIET = "data", "empty", "error", "quiet"
_TALKS = re.compile(
    r"(req|cancel|place|calculate|exercise|replace|getWsh|whatIf|qualify|accountSummary|connect$)"
)
BAR = ("20261119-21:00:00", "60 S", "5 secs")


@pytest.fixture(params=NAMES)
def library(request):
    return load(request.param)


def wsh(library):
    return library.WshEventData(conId=756733)


def scan(library):
    return library.ScannerSubscription(instrument="STK", locationCode="STK.US", scanCode="TOP_PERC_GAIN")


def option(library):
    return library.Option("SPY", "20261218", 680, "C", "SMART")


#: (method of IB, by its ``…Async`` where it has one; how it ends; what it is called with).
OF_IB = [
    ("accountSummary", DATA, lambda *_: ()),
    ("calculateImpliedVolatility", EMPTY, lambda lib, *_: (option(lib), 1.0, 680.0)),
    ("calculateOptionPrice", EMPTY, lambda lib, *_: (option(lib), 0.2, 680.0)),
    ("exerciseOptions", ERROR, lambda lib, *_: (option(lib), 1, 1, "DUSIM000001", 0)),
    ("getWshEventData", EMPTY, lambda lib, *_: (wsh(lib),)),
    ("getWshMetaData", EMPTY, lambda *_: ()),
    ("placeOrder", DATA, lambda lib, es, spy: (spy, lib.MarketOrder("BUY", 1))),
    ("qualifyContracts", DATA, lambda lib, *_: (lib.Stock("SPY", "SMART", "USD"),)),
    ("replaceFA", QUIET, lambda *_: (1, "<x/>")),
    ("reqAccountSummary", EMPTY, lambda *_: ()),
    ("reqAccountUpdates", EMPTY, lambda *_: ("DUSIM000001",)),
    ("reqAccountUpdatesMulti", EMPTY, lambda *_: ("DUSIM000001",)),
    ("reqAllOpenOrders", EMPTY, lambda *_: ()),
    ("reqAutoOpenOrders", QUIET, lambda *_: (True,)),
    ("reqCompletedOrders", DATA, lambda *_: (False,)),
    ("reqContractDetails", DATA, lambda lib, es, spy: (spy,)),
    ("reqCurrentTime", DATA, lambda *_: ()),
    ("reqExecutions", DATA, lambda *_: ()),
    ("reqFundamentalData", EMPTY, lambda lib, es, spy: (spy, "ReportSnapshot")),
    ("reqGlobalCancel", QUIET, lambda *_: ()),
    ("reqHeadTimeStamp", DATA, lambda lib, es, spy: (spy, "TRADES", True, 2)),
    ("reqHistogramData", EMPTY, lambda lib, es, spy: (spy, True, "1 day")),
    ("reqHistoricalData", DATA, lambda lib, es, spy: (spy, *BAR, "BID_ASK", True)),
    ("reqHistoricalNews", EMPTY, lambda *_: (756733, "BZ", "", "", 10)),
    ("reqHistoricalSchedule", DATA, lambda lib, es, spy: (spy, 5)),
    ("reqHistoricalTicks", DATA, lambda lib, es, spy: (spy, "20261119-15:00:00", "", 10, "TRADES", True)),
    ("reqMarketDataType", QUIET, lambda *_: (1,)),
    ("reqMarketRule", DATA, lambda lib, es, spy: (26,)),
    ("reqMatchingSymbols", DATA, lambda *_: ("SPY",)),
    ("reqMktData", DATA, lambda lib, es, spy: (spy,)),
    ("reqMktDepth", ERROR, lambda lib, es, spy: (spy,)),
    ("reqMktDepthExchanges", EMPTY, lambda *_: ()),
    ("reqNewsArticle", EMPTY, lambda *_: ("BZ", "BZ$1")),
    ("reqNewsBulletins", QUIET, lambda *_: (True,)),
    ("reqNewsProviders", EMPTY, lambda *_: ()),
    ("reqOpenOrders", EMPTY, lambda *_: ()),
    ("reqPnL", DATA, lambda *_: ("DUSIM000001",)),
    ("reqPnLSingle", DATA, lambda *_: ("DUSIM000001", "", 756733)),
    ("reqPositions", DATA, lambda *_: ()),
    ("reqRealTimeBars", DATA, lambda lib, es, spy: (spy, 5, "MIDPOINT", True)),
    ("reqScannerData", EMPTY, lambda lib, *_: (scan(lib),)),
    ("reqScannerParameters", DATA, lambda *_: ()),
    ("reqScannerSubscription", ERROR, lambda lib, *_: (scan(lib),)),
    ("reqSecDefOptParams", EMPTY, lambda *_: ("SPY", "", "STK", 756733)),
    ("reqSmartComponents", EMPTY, lambda *_: ("a60001",)),
    ("reqTickByTickData", DATA, lambda lib, es, spy: (spy, "BidAsk")),
    ("reqTickers", DATA, lambda lib, es, spy: (es, spy)),
    ("reqUserInfo", EMPTY, lambda *_: ()),
    ("reqWshEventData", ERROR, lambda lib, *_: (wsh(lib),)),
    ("reqWshMetaData", ERROR, lambda *_: ()),
    ("requestFA", EMPTY, lambda *_: (1,)),
    ("whatIfOrder", DATA, lambda lib, es, spy: (spy, lib.MarketOrder("BUY", 1))),
    ("cancelHistoricalData", QUIET, lambda lib, *_: (bars(lib.BarDataList),)),
    ("cancelMktData", QUIET, lambda lib, es, spy: (spy,)),
    ("cancelMktDepth", QUIET, lambda lib, es, spy: (spy,)),
    ("cancelNewsBulletins", QUIET, lambda *_: ()),
    ("cancelOrder", ERROR, lambda lib, *_: (lib.MarketOrder("BUY", 1, orderId=900),)),
    ("cancelPnL", QUIET, lambda *_: ("DUSIM000001",)),
    ("cancelPnLSingle", QUIET, lambda *_: ("DUSIM000001", "", 756733)),
    ("cancelRealTimeBars", QUIET, lambda lib, *_: (bars(lib.RealTimeBarList),)),
    ("cancelScannerSubscription", QUIET, lambda lib, *_: (bars(lib.ScanDataList),)),
    ("cancelTickByTickData", QUIET, lambda lib, es, spy: (spy, "BidAsk")),
    ("cancelWshEventData", QUIET, lambda *_: ()),
    ("cancelWshMetaData", QUIET, lambda *_: ()),
]  # fmt: skip


def bars(kind):
    made = kind()
    made.reqId = 901
    return made


#: (method of the client below IB, its arguments, the method that hears the answer).
OF_CLIENT = [
    ("reqIds", (1,), "nextValidId"),
    ("reqManagedAccts", (), "managedAccounts"),
    ("setServerLogLevel", (1,), None),
    ("queryDisplayGroups", (910,), "displayGroupList"),
    ("subscribeToGroupEvents", (911, 1), "displayGroupUpdated"),
    ("updateDisplayGroup", (911, "265598@SMART"), None),
    ("unsubscribeFromGroupEvents", (911,), None),
    ("verifyRequest", ("app", "1"), "verifyCompleted"),
    ("verifyMessage", ("data",), "verifyCompleted"),
    ("verifyAndAuthRequest", ("app", "1", "key"), "verifyAndAuthCompleted"),
    ("verifyAndAuthMessage", ("data", "answer"), "verifyAndAuthCompleted"),
    ("reqPositionsMulti", (912, "DUSIM000001", ""), "positionMultiEnd"),
    ("cancelPositionsMulti", (912,), None),
    ("reqSoftDollarTiers", (913,), "softDollarTiers"),
    ("reqFamilyCodes", (), "familyCodes"),
    ("replaceFA", (914, 1, "<x/>"), "replaceFAEnd"),
    ("cancelPositions", (), None),
    ("cancelAccountSummary", (915,), None),
    ("cancelAccountUpdatesMulti", (916,), None),
    ("cancelCalculateImpliedVolatility", (917,), None),
    ("cancelCalculateOptionPrice", (918,), None),
    ("cancelFundamentalData", (919,), None),
    ("cancelHeadTimeStamp", (920,), None),
    ("cancelHistogramData", (921,), None),
]


def talking(kind):
    """The public methods that send something; one name for a method and its ``…Async``."""
    return {name.removesuffix("Async") for name in dir(kind) if _TALKS.match(name)} - {"connect"}


def test_the_tables_have_every_request(library):
    mine = {name for name, _, _ in OF_IB}
    assert talking(library.IB) == mine
    # The client's are those of IB under the same names, and these.
    below = {name for name in talking(library.client.Client) if name not in mine}
    assert below | {"replaceFA"} | {name for name, _, _ in OF_CLIENT if not _TALKS.match(name)} == {
        name for name, _, _ in OF_CLIENT
    }


@pytest.mark.parametrize(("method", "ending", "words"), OF_IB, ids=[name for name, _, _ in OF_IB])
def test_a_request_ends_in_data_an_empty_answer_or_an_error(library, caplog, method, ending, words):
    with Served(rows(), generated_past(1, START_NS), speed=5.0) as served:

        async def script(session):
            await session.connect()
            es, spy = await session.contracts()
            await _prepare(session, method, spy)
            session.errors.clear()
            call = getattr(session.ib, f"{method}Async", None) or getattr(session.ib, method)
            result = call(*words(library, es, spy))
            if asyncio.isfuture(result) or asyncio.iscoroutine(result):
                result = await asyncio.wait_for(result, ENDS_S)
            elif ending != QUIET:
                await asyncio.wait_for(session.until(lambda: _ended(session, result)), ENDS_S)
            # Whatever it was, the connection goes on.
            await asyncio.wait_for(session.ib.reqCurrentTimeAsync(), ENDS_S)
            failed = any(req_id >= 0 for req_id, _ in session.errors)
            assert failed == (ending == ERROR or method in ENDED_BY_AN_ERROR), session.errors
            if ending == DATA:
                assert _ended(session, result)
            elif ending == EMPTY:
                assert not result

        play(library, served, script)
    assert not [line for line in caplog.messages if "Error handling" in line or "Error for" in line]


#: The libraries make an empty answer of these requests' errors.
ENDED_BY_AN_ERROR = frozenset({
    "calculateImpliedVolatility", "calculateOptionPrice", "getWshEventData", "getWshMetaData",
    "reqFundamentalData", "reqHistogramData", "reqHistoricalNews", "reqNewsArticle", "reqScannerData",
})  # fmt: skip


async def _prepare(session, method, spy):
    """What has to be there so that a request has something to answer, or to cancel."""
    ib = session.ib
    if method in {"reqCompletedOrders", "reqExecutions", "reqPositions", "reqPnLSingle"}:
        trade = ib.placeOrder(spy, session.limit("BUY", 100, 681.0))
        await session.until(lambda: trade.orderStatus.status == "Filled")
    if method == "reqPositions":
        await session.until(ib.positions)
    subscribe = {
        "cancelMktData": lambda: ib.reqMktData(spy),
        "cancelMktDepth": lambda: ib.reqMktDepth(spy),
        "cancelPnL": lambda: ib.reqPnL("DUSIM000001"),
        "cancelPnLSingle": lambda: ib.reqPnLSingle("DUSIM000001", "", 756733),
        "cancelTickByTickData": lambda: ib.reqTickByTickData(spy, "BidAsk"),
        "cancelWshEventData": lambda: ib.reqWshEventData(wsh(session.library)),
        "cancelWshMetaData": ib.reqWshMetaData,
    }.get(method)
    if subscribe is not None:
        subscribe()
        await ib.reqCurrentTimeAsync()


def _ended(session, result):
    """Whether something has come of a request, or an error."""
    if any(req_id >= 0 for req_id, _ in session.errors):
        return True
    kind = type(result).__name__
    if kind == "Ticker":
        return result.bid == result.bid and result.bid > 0.0
    if kind in {"PnL", "PnLSingle"}:
        return result.dailyPnL == result.dailyPnL
    if kind == "Trade":
        return bool(result.fills)
    return bool(result)


@pytest.mark.parametrize(("method", "words", "heard"), OF_CLIENT, ids=[each[0] for each in OF_CLIENT])
def test_a_request_below_ib_is_answered_where_it_has_an_answer(library, caplog, method, words, heard):
    with Served(rows()) as served:

        async def script(session):
            await session.connect()
            answers = []
            if heard is not None:
                setattr(session.ib.wrapper, heard, lambda *fields: answers.append(fields))
            getattr(session.ib.client, method)(*words)
            if heard is not None:
                await asyncio.wait_for(session.until(lambda: answers), ENDS_S)
            await asyncio.wait_for(session.ib.reqCurrentTimeAsync(), ENDS_S)
            assert not [code for req_id, code in session.errors if code not in {2104, 2106, 2158}]

        play(library, served, script)
    assert not [line for line in caplog.messages if "Error handling" in line or "Error for" in line]

