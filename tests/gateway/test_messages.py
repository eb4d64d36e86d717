"""Requests: the layouts of both versions, and that any fields give a record or a typed error."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tws import Bench

from arbcore.errors import WireError
from arbcore.gateway import messages as m
from arbcore.gateway.messages import agreed_version, decode

SPY = ["756733", "SPY", "STK", "", "0.0", "", "", "SMART", "ARCA", "USD", "SPY", "SPY"]


def order_fields(version, **changes):
    """A plain limit order as ib_insync (176) and ib_async (178) write it: the whole list of fields."""
    given_fields = {"what_if": "0", "dn": "", "scale": "", "hedge": [""], "algo": [""]} | changes
    dn = [given_fields["dn"], ""] + (["0"] * 8 if given_fields["dn"] else [])
    scale = ["", "", given_fields["scale"]] + (["0"] * 7 if given_fields["scale"] else [])
    return [
        "3", "12", *SPY, "", "", "BUY", "100", "LMT", "680.25", "", "IOC", "oca", "DU1", "", "0", "my-ref",
        "1", "7", "0", "0", "0", "0", "1", "0", "", "0.0", "", "", "", "", "",
        *([""] if version < 177 else []), "", "0", "", "-1", "0", "", "", "0", "", "", "0", "0", "", "0", "",
        "", "", "", "", "0", "", "", *dn, "0", "", "", "", *scale, "", "", "", *given_fields["hedge"], "0",
        "", "", "0", "0", *given_fields["algo"], "", given_fields["what_if"], "", "0", "0", "0", "0", "", "",
        "", "", "", "", "0", "", "", "", "", "", "", "", "", "0", "0", "", "0", "", "", "0", "", "",
    ]  # fmt: skip


def test_a_plain_order_has_the_number_of_fields_that_the_clients_send():
    assert len(order_fields(176)) == 115
    assert len(order_fields(178)) == 114


@pytest.mark.parametrize("version", [176, 178])
@pytest.mark.parametrize(
    "changes",
    [{}, {"dn": "MKT"}, {"scale": "0.25"}, {"hedge": ["D", "1"]}, {"algo": ["Adaptive", "1", "p", "Urgent"]}],
    ids=["plain", "delta-neutral", "scale", "hedge", "algo"],
)
@pytest.mark.parametrize("what_if", ["0", "1"])
def test_an_order_is_read_past_all_that_may_stand_in_it(version, changes, what_if):
    order = decode(order_fields(version, what_if=what_if, **changes), version)
    assert isinstance(order, m.PlaceOrder)
    assert (order.order_id, order.contract.con_id, order.contract.primary_exchange) == (12, 756733, "ARCA")
    assert (order.action, order.quantity, order.order_type, order.limit) == ("BUY", 100.0, "LMT", 680.25)
    assert (order.tif, order.oca_group, order.account, order.order_ref) == ("IOC", "oca", "DU1", "my-ref")
    assert (order.transmit, order.parent_id, order.outside_rth) == (True, 7, True)
    assert order.what_if is (what_if == "1")


AFTER_WHAT_IF = order_fields(176, what_if="here").index("here")


@pytest.mark.parametrize(
    ("place", "value", "unserved"),
    [
        (36, "0.05", "discretionaryAmt"), (37, "20261120 15:00:00", "goodAfterTime"), (50, "1", "allOrNone"),
        (51, "100", "minQty"), (AFTER_WHAT_IF + 5, "1", "conditions"), (36, "0", ""), (51, "", ""),
    ],
)  # fmt: skip
def test_what_an_order_asks_for_and_cannot_have_is_named(place, value, unserved):
    fields = order_fields(176)
    fields[place] = value
    assert decode(fields, 176).unserved == unserved


@pytest.mark.parametrize(
    ("changes", "unserved"),
    [
        ({"dn": "MKT"}, "deltaNeutralOrderType"), ({"scale": "0.25"}, "scalePriceIncrement"),
        ({"hedge": ["D", "1"]}, "hedgeType"), ({"algo": ["Adaptive", "1", "p", "Urgent"]}, "algoStrategy"),
    ],
)  # fmt: skip
def test_kinds_of_orders_that_cannot_be_had_are_named(changes, unserved):
    assert decode(order_fields(178, **changes), 178).unserved == unserved


def test_an_order_that_would_trade_otherwise_than_it_says_is_rejected():
    client = Bench().client(versions="v157..176")
    client.messages()
    fields = order_fields(176, algo=["Adaptive", "1", "p", "Urgent"])
    fields[23], fields[28] = "", "0"  # of the gateway's account, and without a parent
    client.send(*fields)
    ((_, _, order_id, code, text, _),) = client.messages(4)
    assert (order_id, code, "does not serve algoStrategy" in text) == ("12", "201", True)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (["71", "2", "5", ""], m.StartApi(5)),
        (["2", "2", "9"], m.CancelQuotes(9)),
        (["4", "1", "12", ""], m.CancelOrder(12)),
        (["5", "1"], m.ReqOpenOrders()),
        (["16", "1"], m.ReqAllOpenOrders()),
        (["99", "0"], m.ReqCompletedOrders()),
        (["6", "2", "1", "DU1"], m.ReqAccountUpdates(True, "DU1")),
        (["76", "1", "4", "DU1", "", "0"], m.ReqAccountMulti(4, "DU1")),
        (["62", "1", "4", "All", "NetLiquidation,Cushion"], m.ReqAccountSummary(4, "NetLiquidation,Cushion")),
        (["61", "1"], m.ReqPositions()),
        (["7", "3", "8", "0", "DU1", "", "ES", "FUT", "", "BUY"],
         m.ReqExecutions(8, 0, "DU1", "", "ES", "FUT", "", "BUY")),
        (["49", "1"], m.ReqCurrentTime()),
        (["59", "1", "3"], m.SetMarketDataType(3)),
        (["69", "1", "0", "17"], m.RowDone(17)),
        (["14", "1", "5"], m.Ignored("setServerLogLevel")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_requests(fields, expected):
    assert decode(fields, 176) == expected


def test_a_subscription_and_a_contract_query():
    sub = decode(["1", "11", "3", *SPY, "0", "236", "1", "0", ""], 176)
    assert (sub.req_id, sub.contract.symbol, sub.generic_ticks, sub.snapshot) == (3, "SPY", "236", True)
    query = decode(["9", "8", "4", *SPY, "1", "", "", ""], 176)
    assert (query.req_id, query.contract.symbol, query.include_expired) == (4, "SPY", True)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        (["9999"], "unknown"),
        (["x"], "field"),
        (["71", "2"], "too_few"),
        (["71", "2", "1e5", ""], "field"),
        (["71", "2", "٣", ""], "field"),
        (["71", "2", "99999999999999999999", ""], "field"),
        (["6", "2", "yes", ""], "field"),
        (["76", "1", "1", "x" * 5000, "", ""], "too_long"),
        (["3", "1", "0", "X", "BAG", *SPY[3:]], "combination"),
    ],
)
def test_broken_requests_are_typed_errors(fields, kind):
    with pytest.raises(WireError) as caught:
        decode(fields, 176)
    assert caught.value.kind == kind


@pytest.mark.parametrize("number", ["nan", "inf", "Infinite", "1e300", "1_0", "٣"])
def test_no_number_of_an_order_is_other_than_finite(number):
    fields = order_fields(176)
    fields[19] = number
    with contextlib.suppress(WireError):
        assert decode(fields, 176).limit is None


@given(st.integers(-1, 110), st.lists(st.text(max_size=8), max_size=40), st.sampled_from([176, 178]))
def test_any_fields_are_a_request_or_a_typed_error(number, fields, version):
    with contextlib.suppress(WireError):
        decode([str(number), *fields], version)


@given(st.data())
def test_an_order_with_any_field_replaced_is_an_order_or_a_typed_error(data):
    fields = order_fields(176)
    at = data.draw(st.integers(1, len(fields) - 1))
    fields[at] = data.draw(st.text(max_size=8) | st.sampled_from(["nan", "-1", "1e999", "100000", "1.5"]))
    with contextlib.suppress(WireError):
        assert isinstance(decode(fields, 176), m.PlaceOrder)


@pytest.mark.parametrize(
    ("client", "version"),
    [
        ((157, 176), 176), ((157, 178), 178), ((157, 177), 177), ((157, 210), 178), ((100, 157), 157),
        ((100, 100), 100),
    ],
)
def test_the_newest_version_of_both_is_spoken(client, version):
    assert agreed_version(*client) == version


@pytest.mark.parametrize("client", [(38, 99), (179, 220)])
def test_clients_of_other_versions_are_refused(client):
    assert agreed_version(*client) is None
