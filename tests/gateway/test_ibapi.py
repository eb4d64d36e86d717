"""The broker's own ``ibapi``, whichever version is installed: every request sent once, and a day's work."""

import inspect
import itertools
import queue
import re
import threading
import time

import pytest
from ib_libraries import Served
from tws import START_NS, rows

from arbcore.gateway.past import generated_past

ibapi_client = pytest.importorskip("ibapi.client")
ibapi_wrapper = pytest.importorskip("ibapi.wrapper")

ENDS_S = 3.0
REQ_ID = 900
FARMS = {2104, 2106, 2158}
CLIENT_IDS = itertools.count(1)
_TALKS = re.compile(
    r"(req|cancel|place|calculate|exercise|replace|request|query|subscribe|unsubscribe|update|verify|setServer)"
)
#: What answers each request; None where nobody waits for an answer. An error with its id answers too.
ANSWERS = {
    "placeOrder": "orderStatus", "queryDisplayGroups": "displayGroupList", "replaceFA": "replaceFAEnd",
    "reqAccountSummary": "accountSummaryEnd", "reqAccountUpdates": "accountDownloadEnd",
    "reqAccountUpdatesMulti": "accountUpdateMultiEnd", "reqAllOpenOrders": "openOrderEnd",
    "reqCompletedOrders": "completedOrdersEnd", "reqContractDetails": "contractDetailsEnd",
    "reqCurrentTime": "currentTime", "reqExecutions": "execDetailsEnd", "reqFamilyCodes": "familyCodes",
    "reqHeadTimeStamp": "headTimestamp", "reqHistoricalData": "historicalDataEnd",
    "reqHistoricalTicks": "historicalTicksBidAsk", "reqIds": "nextValidId",
    "reqManagedAccts": "managedAccounts", "reqMarketRule": "marketRule",
    "reqMatchingSymbols": "symbolSamples", "reqMktData": "tickPrice",
    "reqMktDepthExchanges": "mktDepthExchanges",
    "reqNewsProviders": "newsProviders", "reqOpenOrders": "openOrderEnd", "reqPnL": "pnl",
    "reqPnLSingle": "pnlSingle", "reqPositions": "positionEnd", "reqPositionsMulti": "positionMultiEnd",
    "reqRealTimeBars": "realtimeBar", "reqScannerParameters": "scannerParameters",
    "reqSecDefOptParams": "securityDefinitionOptionParameterEnd", "reqSmartComponents": "smartComponents",
    "reqSoftDollarTiers": "softDollarTiers", "reqTickByTickData": "tickByTickBidAsk",
    "reqUserInfo": "userInfo", "requestFA": "receiveFA", "subscribeToGroupEvents": "displayGroupUpdated",
    "verifyAndAuthMessage": "verifyAndAuthCompleted", "verifyMessage": "verifyCompleted",
}  # fmt: skip
#: These end in an error that the gateway sends with the request's id.
REFUSED = {
    "calculateImpliedVolatility", "calculateOptionPrice", "cancelOrder", "exerciseOptions",
    "reqFundamentalData", "reqHistogramData", "reqHistoricalNews", "reqMktDepth", "reqNewsArticle",
    "reqScannerSubscription", "reqWshEventData", "reqWshMetaData",
}  # fmt: skip
#: The client itself refuses these: they want a login of another kind, or a newer server.
REFUSED_BY_THE_CLIENT = {
    "verifyAndAuthRequest", "verifyRequest", "reqCurrentTimeInMillis", "cancelContractData",
    "cancelHistoricalTicks",
}  # fmt: skip


def talking():
    methods = inspect.getmembers(ibapi_client.EClient, inspect.isfunction)
    return [name for name, _ in methods if _TALKS.match(name) and not name.endswith("ProtoBuf")]


def recorder():
    """A wrapper that only notes which of its methods was called with what."""
    calls = queue.Queue()

    def noting(name):
        return lambda self, *words, **named: calls.put((name, words or tuple(named.values())))

    methods = inspect.getmembers(ibapi_wrapper.EWrapper, inspect.isfunction)
    names = [name for name, _ in methods if not name.startswith("__") and "ProtoBuf" not in name]
    made = type("Recorder", (ibapi_wrapper.EWrapper,), {name: noting(name) for name in names})()
    return made, calls


class Program:
    """A client of ``ibapi`` with its thread."""

    def __init__(self, port, client_id=None):
        wrapper, self.calls = recorder()
        self.client = ibapi_client.EClient(wrapper)
        self.client.connect("127.0.0.1", port, client_id or next(CLIENT_IDS))
        self._thread = threading.Thread(target=self.client.run)
        self._thread.start()

    def __enter__(self):
        self.wait_for("nextValidId")
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def wait_for(self, *names):
        """The first call of a method, or of ``error`` unless it is a note of the broker's farms."""
        deadline_s = time.monotonic() + ENDS_S
        while True:
            name, words = self.calls.get(timeout=max(0.001, deadline_s - time.monotonic()))
            if name in {"error", *names} and not any(code in words for code in FARMS):
                return name, words

    def ask(self, method, **values):
        """Sends a request, its arguments found by their names."""
        call = getattr(self.client, method)
        call(**{name: values.get(name, VALUES.get(name)) for name in inspect.signature(call).parameters})


def contract(sec_type="STK"):
    made = ibapi_client.Contract()
    made.symbol, made.secType, made.exchange, made.currency = "SPY", sec_type, "SMART", "USD"
    if sec_type == "OPT":
        made.lastTradeDateOrContractMonth, made.strike, made.right = "20261218", 680.0, "C"
    return made


def order():
    made = ibapi_client.Order()
    made.action, made.totalQuantity, made.orderType, made.tif = "BUY", 1, "MKT", "DAY"
    # Of 9.81.1, whose defaults no server takes any more.
    made.eTradeOnly = made.firmQuoteOnly = False
    return made


def scan():
    made = ibapi_client.ScannerSubscription()
    made.instrument, made.locationCode, made.scanCode = "STK", "STK.US", "TOP_PERC_GAIN"
    return made


VALUES = {
    "reqId": REQ_ID, "tickerId": REQ_ID, "orderId": REQ_ID, "contract": contract(), "order": order(),
    "optionPrice": 1.0, "underPrice": 680.0, "volatility": 0.2, "isSmartDepth": False, "exerciseAction": 1,
    "exerciseQuantity": 1, "account": "DUSIM000001", "acctCode": "DUSIM000001", "override": 0,
    "manualOrderTime": "", "customerAccount": "", "professionalCustomer": False, "faData": 1, "cxml": "<x/>",
    "groupName": "All", "tags": "NetLiquidation,$LEDGER:ALL", "subscribe": True, "modelCode": "",
    "ledgerAndNLV": False, "bAutoBind": True, "apiOnly": False,
    "execFilter": ibapi_client.ExecutionFilter(), "reportType": "ReportSnapshot", "whatToShow": "BID_ASK",
    "useRTH": 1, "useRth": 1, "formatDate": 1, "timePeriod": "1 day", "endDateTime": "20261119-21:00:00",
    "durationStr": "60 S", "barSizeSetting": "5 secs", "keepUpToDate": False, "conId": 756733,
    "providerCodes": "BZ", "startDateTime": "20261119-15:00:00", "totalResults": 10, "numberOfTicks": 10,
    "ignoreSize": False, "numIds": 1, "marketDataType": 1, "marketRuleId": 26, "pattern": "SPY",
    "genericTickList": "", "snapshot": False, "regulatorySnapshot": False, "numRows": 5, "providerCode": "BZ",
    "articleId": "BZ$1", "allMsgs": True, "conid": 756733, "barSize": 5, "subscription": scan(),
    "underlyingSymbol": "SPY", "futFopExchange": "", "underlyingSecType": "STK", "underlyingConId": 756733,
    "bboExchange": "a60001", "tickType": "BidAsk", "logLevel": 1, "groupId": 1,
    "contractInfo": "265598@SMART", "apiName": "app", "apiVersion": "1", "apiData": "data",
    "xyzResponse": "answer", "opaqueIsvKey": "key",
}  # fmt: skip
#: What is other for one method.
OWN_VALUES = {
    "reqHistoricalTicks": {"endDateTime": ""}, "reqHistoricalNews": {"startDateTime": "", "endDateTime": ""},
    "reqRealTimeBars": {"whatToShow": "MIDPOINT"}, "reqTickByTickData": {"numberOfTicks": 0},
    "exerciseOptions": {"contract": contract("OPT")}, "calculateOptionPrice": {"contract": contract("OPT")},
    "calculateImpliedVolatility": {"contract": contract("OPT")},
}  # fmt: skip


def values_of(method):
    own = dict(OWN_VALUES.get(method, {}))
    if hasattr(ibapi_client, "OrderCancel"):
        own["orderCancel"] = ibapi_client.OrderCancel()
    if method == "reqWshEventData":
        own["wshEventData"] = ibapi_client.WshEventData()
        own["wshEventData"].conId = 756733
    return own


@pytest.fixture(scope="module")
def served():
    with Served(rows(), generated_past(1, START_NS), speed=5.0) as gateway:
        yield gateway


@pytest.mark.parametrize("method", talking())
def test_a_request_is_answered_or_refused(served, method):
    with Program(served.port) as program:
        program.ask(method, **values_of(method))
        if method in REFUSED | REFUSED_BY_THE_CLIENT:
            name, words = program.wait_for("error")
            assert name == "error"
            assert words[0] == REQ_ID or method in REFUSED_BY_THE_CLIENT
        elif method in ANSWERS:
            assert program.wait_for(ANSWERS[method])[0] == ANSWERS[method]
        # Whatever it was, the connection goes on.
        program.client.reqCurrentTime()
        assert program.wait_for("currentTime")[0] == "currentTime"


def test_every_request_is_in_a_table():
    quiet = {name for name in talking() if name.startswith(("cancel", "unsubscribe"))}
    quiet |= {
        "reqAutoOpenOrders", "reqGlobalCancel", "reqMarketDataType", "reqNewsBulletins", "setServerLogLevel",
        "updateDisplayGroup",
    }  # fmt: skip
    assert set(talking()) <= set(ANSWERS) | REFUSED | REFUSED_BY_THE_CLIENT | quiet


# --- a day's work -------------------------------------------------------------------------------------


def priced(action, kind, price, *, parent=0, transmit=True, tif="GTC"):
    made = order()
    made.action, made.orderType, made.totalQuantity, made.tif = action, kind, 100, tif
    made.parentId, made.transmit = parent, transmit
    setattr(made, "auxPrice" if kind == "STP" else "lmtPrice", price)
    return made


def statuses(program, wanted):
    """Waits until every order of ``wanted`` has had its status."""
    seen = {}
    while seen != wanted:
        _, words = program.wait_for("orderStatus")
        seen |= {words[0]: words[1]} if words[0] in wanted else {}


def test_a_bracket_a_stop_and_a_connection_again(served):
    spy = contract()
    with Program(served.port) as program:
        client_id = program.client.clientId
        for number, made in enumerate((
            priced("BUY", "LMT", 690.0, transmit=False),
            priced("SELL", "LMT", 720.0, parent=1, transmit=False), priced("SELL", "STP", 600.0, parent=1),
        ), 1):  # fmt: skip
            program.client.placeOrder(number, spy, made)
        statuses(program, {1: "Filled", 2: "Submitted", 3: "PreSubmitted"})
        # A stop of its own, which the touch has reached already.
        program.client.placeOrder(4, spy, priced("SELL", "STP", 690.0))
        statuses(program, {4: "Filled"})
    # The socket of ``ibapi`` is closed when its reading thread has woken up.
    deadline_s = time.monotonic() + ENDS_S
    while served.do(lambda gateway: gateway.of_client_id(client_id) is not None):
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    with Program(served.port, client_id) as program:
        program.ask("reqOpenOrders")
        assert sorted(program.wait_for("openOrder")[1][0] for _ in range(2)) == [2, 3]
        program.wait_for("openOrderEnd")
        execs = ibapi_client.ExecutionFilter()
        execs.clientId = client_id
        program.ask("reqExecutions", execFilter=execs)
        done = [program.wait_for("execDetails")[1][2] for _ in range(2)]
        assert [(each.orderId, each.side, float(each.shares)) for each in done] == [
            (1, "BOT", 100.0), (4, "SLD", 100.0),
        ]  # fmt: skip
        program.ask("cancelOrder", **values_of("cancelOrder") | {"orderId": 2})
        statuses(program, {2: "Cancelled"})
