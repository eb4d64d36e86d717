"""The gateway without sockets: logins, subscriptions, orders, queries."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tws import CLOCK, DEC26, ES, SECOND, SPY, START_NS, Bench, WireClient, row, rows

from arbcore.errors import ConfigError
from arbcore.gateway.contract_table import listing_of
from arbcore.gateway.frames import GREETING
from arbcore.gateway.gateway import GatewayConfig

STATUS, ERROR, OPEN, EXEC, COMMISSION = 3, 4, 5, 11, 59


def statuses(messages):
    return [fields[2] for fields in messages if fields[0] == "3"]


# --- logging in ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("versions", "spoken"), [("v157..176", "176"), ("v157..178", "178")])
def test_login(versions, spoken):
    client = Bench().client(versions=versions)
    kinds = [fields[0] for fields in client.messages()]
    assert client.version == int(spoken)
    assert kinds[:3] == [spoken, "15", "9"]
    assert set(kinds[3:]) == {"4"}


def test_login_gives_the_accounts_and_an_order_id():
    client = Bench(accounts=("U123", "U124")).client()
    messages = client.messages(15, 9)
    assert messages == [["15", "1", "U123,U124"], ["9", "1", "1"]]


def test_a_client_of_an_old_version_is_let_go():
    client = Bench().client(versions="v38..99")
    greeting, error = client.messages()
    assert (greeting[0], error[:4]) == ("100", ["4", "2", "-1", "505"])
    assert client.closing


def test_a_client_id_in_use_is_refused_with_326():
    bench = Bench()
    bench.client(7)
    second = bench.client(7)
    assert second.errors() == [(-1, 326)]
    assert second.closing


def test_a_client_id_is_free_again_after_its_connection():
    bench = Bench()
    first = bench.client(7)
    bench.gateway.disconnect(first.conn, 0)
    assert not bench.client(7).closing


def test_a_client_id_is_free_while_its_old_connection_is_still_ending():
    bench = Bench()
    bench.client(7)
    bench.fault("disconnect")
    assert bench.client(7).messages(9)


def test_a_broken_request_is_an_error_and_the_connection_stays():
    client = Bench().client()
    client.messages()
    client.send(9999, 1)
    client.raw(b"\0\0\0\3abc")
    assert client.errors() == [(-1, 320), (-1, 320)]
    client.send(49, 1)
    assert client.messages(49)


def test_a_stream_out_of_step_is_closed():
    client = Bench().client()
    client.raw(b"\xff\xff\xff\xff")
    client.messages()
    assert client.closing


def test_requests_before_the_login_are_errors():
    bench = Bench()
    client = WireClient(bench)
    client.raw(GREETING + b"\0\0\0\x09v157..178")
    client.send(61, 1)
    assert client.errors() == [(-1, 320)]


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_any_bytes_after_the_login_harm_nobody_else(pieces):
    bench = Bench()
    hostile, polite = bench.client(1), bench.client(2)
    for piece in pieces:
        hostile.raw(piece)
    polite.messages()
    polite.send(49, 1)
    assert polite.messages(49)


FIELDS = st.sampled_from(
    ["", "0", "1", "-1", "2", "3", "11", "900", "100", "680.01", "1e9", "nan", "x", "BUY", "LMT", "IOC"]
) | st.text(max_size=4)
CONTRACTS = st.sampled_from([SPY, ES, CLOCK]) | st.lists(FIELDS, min_size=12, max_size=12)


@given(
    st.lists(
        st.tuples(
            st.integers(1, 104), st.lists(FIELDS, max_size=3), CONTRACTS, st.lists(FIELDS, max_size=90)
        ),
        max_size=10,
    )
)
def test_any_requests_in_any_order_are_answered_or_refused(requests):
    bench = Bench(rows(50), speed=10.0)
    client = bench.client()
    for number, head, contract, tail in requests:
        client.send(number, *head, *contract, *tail)
        bench.pass_time(0.1)
    client.messages()
    # Enough broken requests end the connection; nothing else does.
    client.send(49, 1)
    assert client.messages(49)


def test_a_client_that_reads_nothing_is_let_go():
    bench = Bench()
    client = bench.client()
    client.subscribe()
    waiting = bench.gateway.clients[client.conn]
    for _ in range(200):
        waiting.send(b"x" * 100_000)
    assert client.closing
    assert waiting.waiting == 0


# --- quotes -------------------------------------------------------------------------------------------


def test_a_subscription_hears_the_present_quotes_and_then_changes_only():
    moving = [row(0), row(1), row(2, etf=680.5), row(3, etf=680.5, etf_size=7.0)]
    bench = Bench(moving)
    client = bench.client()
    req_id = str(client.subscribe(SPY, "236"))
    heard = client.messages(1, 2, 45, 58, 81)
    assert ["58", "1", req_id, "1"] in heard
    assert ["1", "6", req_id, "1", "680.0", "5000.0", "0"] in heard
    assert ["45", "6", req_id, "46", "3.0"] in heard
    bench.pass_time(1)
    assert client.messages(1, 2) == []
    bench.pass_time(1)
    assert [fields[4] for fields in client.messages(1, 2)] == ["680.5", "680.51"]
    bench.pass_time(1)
    assert [fields[3:] for fields in client.messages(1, 2)] == [["0", "7.0"], ["3", "7.0"]]


def test_only_the_rows_contract_of_the_futures_has_quotes():
    bench = Bench()
    client = bench.client()
    client.subscribe(ES)
    assert len(client.messages(1)) == 2
    client.subscribe(["0", "ES", "FUT", "202703", "0.0", "", "", "CME", "", "USD", "", ""])
    assert client.messages(1) == []


@pytest.mark.parametrize(
    ("rights", "asked", "data_type", "code"),
    [
        ("live", 1, 1, None), ("live", 3, 1, None), ("frozen", 1, 2, None), ("delayed", 3, 3, 10167),
        ("delayed", 4, 4, 10167), ("delayed", 1, None, 10168), ("none", 3, None, 354),
    ],
)  # fmt: skip
def test_rights_decide_the_type_of_the_data(rights, asked, data_type, code):
    bench = Bench(rights=rights)
    client = bench.client()
    client.messages()
    client.send(59, 1, asked)
    req_id = client.subscribe()
    heard = client.messages()
    assert [int(f[3]) for f in heard if f[0] == "58"] == ([data_type] if data_type else [])
    assert [(int(f[2]), int(f[3])) for f in heard if f[0] == "4"] == ([(req_id, code)] if code else [])
    bids = {f[3] for f in heard if f[0] == "1"}
    assert bids == ({"66", "67"} if data_type in {3, 4} else {"1", "2"} if data_type else set())


def test_frozen_quotes_do_not_move():
    bench = Bench([row(0), row(1, etf=681.0)], rights="frozen")
    client = bench.client()
    client.subscribe()
    assert client.messages(1)
    bench.pass_time(2)
    assert client.messages(1) == []


def test_a_snapshot_ends_and_streams_nothing():
    bench = Bench([row(0), row(1, etf=681.0)])
    client = bench.client()
    client.subscribe(snapshot=True)
    assert [fields[0] for fields in client.messages(1, 57)] == ["1", "1", "57"]
    bench.pass_time(2)
    assert client.messages(1) == []


def test_an_unknown_contract_is_error_200_for_quotes_details_and_orders():
    client = Bench().client()
    client.messages()
    unknown = ["0", "TLT", "STK", *SPY[3:6], "", "SMART", "", "USD", "", ""]
    quotes = client.subscribe(unknown)
    client.send(9, 8, 50, *unknown, False, "", "", "")
    order = client.order(unknown, limit=1.0)
    assert client.errors() == [(quotes, 200), (50, 200), (order, 200)]


# --- orders -------------------------------------------------------------------------------------------


def test_an_ioc_within_the_touch_fills_at_the_touch():
    client = Bench().client()
    client.messages()
    order_id = str(client.order(SPY, "BUY", 500.0, limit=681.0, ref="mine"))
    messages = client.messages(STATUS, OPEN, EXEC, COMMISSION)
    assert [f[0] for f in messages] == ["5", "3", "11", "5", "3", "59"]
    assert statuses(messages) == ["Submitted", "Filled"]
    (execution,) = (f for f in messages if f[0] == "11")
    assert execution[2] == order_id
    assert execution[18:21] == ["BOT", "500.0", "680.01"]
    assert execution[15] == "20261120 10:00:00 US/Eastern"
    assert execution[26] == "mine"
    assert messages[-1][3] == "2.5"


def test_an_ioc_beyond_the_touch_misses_and_is_cancelled():
    client = Bench().client()
    client.messages()
    order_id = client.order(SPY, "SELL", 500.0, limit=680.01)
    messages = client.messages()
    assert statuses(messages) == ["Submitted", "Cancelled"]
    assert ["4", "2", str(order_id), "202", "Order Canceled - reason:", ""] in messages


def test_an_ioc_larger_than_the_touch_fills_in_part():
    client = Bench().client()
    client.messages()
    client.order(ES, "BUY", 150.0, limit=6_801.0)
    messages = client.messages()
    last = [f for f in messages if f[0] == "3"][-1]
    assert last[2:5] == ["Cancelled", "100.0", "50.0"]
    # The touch is used up until the next row.
    client.order(ES, "BUY", 1.0, limit=6_801.0)
    assert statuses(client.messages())[-1] == "Cancelled"
    client.bench.pass_time(1)
    client.order(ES, "BUY", 1.0, limit=6_801.0)
    assert statuses(client.messages())[-1] == "Filled"


def test_a_day_order_rests_and_fills_when_the_market_comes():
    bench = Bench([row(0), row(1, etf=679.0), row(2)])
    client = bench.client()
    client.messages()
    client.order(SPY, "BUY", 100.0, limit=679.5, tif="DAY")
    assert statuses(client.messages()) == ["Submitted"]
    bench.pass_time(1)
    (execution,) = client.messages(EXEC)
    assert execution[20] == "679.01"


def test_cancelling():
    client = Bench().client()
    client.messages()
    order_id = client.order(SPY, "BUY", 100.0, limit=600.0, tif="GTC")
    client.send(4, 1, order_id, "")
    messages = client.messages()
    assert statuses(messages) == ["Submitted", "Cancelled"]
    client.send(4, 1, order_id, "")
    client.send(4, 1, 999, "")
    assert client.errors() == [(order_id, 10148), (999, 10147)]


def test_a_change_keeps_the_order_and_can_fill_it():
    client = Bench().client()
    client.messages()
    order_id = client.order(SPY, "BUY", 100.0, limit=600.0, tif="DAY")
    perm_ids = {f[6] for f in client.messages(STATUS)}
    client.order(SPY, "BUY", 100.0, limit=680.05, tif="DAY", order_id=order_id)
    messages = client.messages()
    assert statuses(messages) == ["Submitted", "Filled"]
    assert {f[6] for f in messages if f[0] == "3"} == perm_ids


def test_an_order_that_is_not_transmitted_waits():
    client = Bench().client()
    client.messages()
    order_id = client.order(SPY, "BUY", 100.0, limit=681.0, transmit=False)
    assert client.messages() == []
    client.order(SPY, "BUY", 100.0, limit=681.0, order_id=order_id)
    assert statuses(client.messages()) == ["Submitted", "Filled"]


def test_a_preview_trades_nothing():
    bench = Bench()
    client = bench.client()
    client.messages()
    client.order(SPY, "BUY", 100.0, what_if=True)
    (shown,) = client.messages(OPEN)
    assert "34000.25" in shown
    assert bench.gateway.desk.book.working() == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"limit": 680.001}, 201),
        ({"limit": -1.0}, 201),
        ({"quantity": 0.0, "limit": 1.0}, 201),
        ({"quantity": 1.5, "limit": 1.0}, 201),
        ({"action": "SSHORT", "limit": 1.0}, 201),
        ({"tif": "OPG", "limit": 1.0}, 201),
        ({"kind": "TRAIL", "limit": 1.0}, 387),
        ({"account": "U999", "limit": 1.0}, 201),
        ({"parent": 7, "limit": 1.0}, 201),
        ({"kind": "STP"}, 201),
        ({"tif": "GTD", "limit": 1.0}, 391),
        ({"quantity": 9_000_000.0, "limit": 680.0}, 201),
        ({"contract": CLOCK, "limit": 1.0}, 200),
    ],
)
def test_orders_that_a_broker_would_not_take(changes, code):
    client = Bench().client()
    client.messages()
    order_id = client.order(**changes)
    assert client.errors() == [(order_id, code)]


def test_an_order_id_serves_once():
    client = Bench().client()
    client.messages()
    order_id = client.order(SPY, limit=681.0)
    client.messages()
    client.order(SPY, limit=681.0, order_id=order_id)
    assert client.errors() == [(order_id, 103)]


def test_twenty_orders_work_on_a_side_and_no_more():
    client = Bench().client()
    client.messages()
    placed = [client.order(SPY, limit=600.0, tif="DAY") for _ in range(21)]
    assert client.errors() == [(placed[-1], 201)]


def test_outside_real_hours_an_ioc_is_rejected_and_a_day_order_held():
    evening = [row(8 * 3600), row(8 * 3600 + 1)]
    client = Bench(evening, hours="real").client()
    client.messages()
    ioc = client.order(SPY, limit=681.0)
    assert client.errors() == [(ioc, 201)]
    day = client.order(SPY, limit=681.0, tif="DAY")
    messages = client.messages()
    assert statuses(messages) == ["PreSubmitted"]
    assert [f[3] for f in messages if f[0] == "4" and f[2] == str(day)] == ["399"]


def test_day_orders_end_with_their_day_and_others_live():
    bench = Bench([row(0), row(86_400)], speed=math.inf, waits=True)
    client = bench.client()
    client.send(1, 11, 900, *CLOCK, False, "", False, False, "")
    client.messages()
    day, gtc = (client.order(SPY, limit=600.0, tif=tif) for tif in ("DAY", "GTC"))
    for _ in range(2):
        client.send(69, 1, 0, "1")
    cancelled = [f[1] for f in client.messages(STATUS) if f[2] == "Cancelled"]
    assert cancelled == [str(day)]
    assert bench.gateway.desk.book.get(1, gtc).alive


def test_an_expired_future_is_quoted_once_more_and_then_settled_in_cash():
    before = row(0, expiry_ns=DEC26.expiry_ns)
    days = (DEC26.expiry_ns - START_NS) // SECOND
    after = row(days + 1, expiry_ns=DEC26.expiry_ns + 90 * 86_400 * SECOND, etf=690.0)
    bench = Bench([before, after], speed=math.inf, waits=True)
    client = bench.client()
    client.send(1, 11, 900, *CLOCK, False, "", False, False, "")
    client.send(61, 1)
    client.order(ES, "BUY", 1.0, limit=6_801.0)
    client.messages()
    for _ in range(2):
        client.send(69, 1, 0, "1")
    assert bench.gateway.market.quotes(listing_of(int(ES[0])))
    assert client.messages(61) == []
    client.send(69, 1, 0, "2")
    (position,) = client.messages(61)
    assert position[-2] == "0.0"
    # At the level at which it was quoted over the ETF, 6800.125 / 680.005, and not at ten.
    settled = 690.005 * 6_800.125 / 680.005
    assert bench.gateway.account.cash == pytest.approx(10_000_000 - 2.25 + 50 * (settled - 6_800.25))


# --- queries ------------------------------------------------------------------------------------------


def traded(bench):
    client = bench.client()
    client.order(SPY, "BUY", 100.0, limit=681.0, ref="one")
    client.order(ES, "SELL", 1.0, limit=6_799.0, ref="two")
    client.order(SPY, "BUY", 100.0, limit=600.0, tif="GTC", ref="rests")
    client.messages()
    return client


def test_executions_are_found_by_whoever_asks_with_their_commissions():
    bench = Bench()
    traded(bench)
    other = bench.client(2)
    other.messages()
    other.send(7, 3, 40, 0, "", "", "", "", "", "")
    assert [f[0] for f in other.messages()] == ["11", "59", "11", "59", "55"]
    other.send(7, 3, 41, 2, "", "", "", "", "", "")
    assert [f[0] for f in other.messages()] == ["55"]
    other.send(7, 3, 42, 0, "", "", "ES", "", "", "SELL")
    assert [f[4] for f in other.messages(EXEC)] == ["ES"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        # client, account, time, symbol, kind, exchange, side
        ((0, "", "", "", "", "", ""), ["SPY", "ES"]),
        ((1, "DUSIM000001", "20261120 00:00:00", "", "", "", ""), ["SPY", "ES"]),
        ((0, "DU7", "", "", "", "", ""), []),
        ((0, "", "20261120 10:00:03 US/Eastern", "", "", "", ""), ["ES"]),
        ((0, "", "20261120-15:00:03", "", "", "", ""), ["ES"]),
        ((0, "", "20261120 10:00:04", "", "", "", ""), []),
        ((0, "", "20261121", "", "", "", ""), []),
        ((0, "", "", "SPY", "", "", ""), ["SPY"]),
        ((0, "", "", "", "FUT", "", ""), ["ES"]),
        ((0, "", "", "", "OPT", "", ""), []),
        ((0, "", "", "", "", "CME", ""), ["ES"]),
        ((0, "", "", "", "", "GLOBEX", ""), ["ES"]),
        ((0, "", "", "", "", "ARCA", ""), ["SPY"]),
        ((0, "", "", "", "", "SMART", ""), ["SPY"]),
        ((0, "", "", "", "", "ISLAND", ""), []),
        ((0, "", "", "", "", "", "SELL"), ["ES"]),
        ((0, "", "", "", "", "", "BOT"), ["SPY"]),
        ((0, "", "", "ES", "STK", "", ""), []),
    ],
)
def test_a_filter_of_executions_leaves_out_what_it_does_not_name(fields, told):
    bench = Bench()
    client = bench.client()
    client.order(SPY, "BUY", 100.0, limit=681.0)
    bench.pass_time(3)
    client.order(ES, "SELL", 1.0, limit=6_790.0)
    client.messages()
    client.send(7, 3, 40, *fields)
    assert [f[4] if f[0] == "11" else f[0] for f in client.messages(EXEC, 55)] == [*told, "55"]


def test_a_filter_of_executions_whose_time_is_none_is_refused():
    client = Bench().client()
    client.messages()
    client.send(7, 3, 40, 0, "", "yesterday", "", "", "", "")
    assert client.errors() == [(40, 10314)]


def test_executions_of_another_day_are_not_told():
    bench = Bench([row(0), row(86_400)], speed=86_400.0)
    client = traded(bench)
    bench.pass_time(2)
    client.messages()
    client.send(7, 3, 40, 0, "", "", "", "", "", "")
    assert [f[0] for f in client.messages()] == ["55"]


def test_open_orders_are_the_clients_own_and_all_are_everybodys():
    bench = Bench()
    traded(bench)
    other = bench.client(2)
    other.messages()
    other.send(5, 1)
    assert [f[0] for f in other.messages()] == ["53"]
    other.send(16, 1)
    assert [f[0] for f in other.messages()] == ["5", "3", "53"]


def test_completed_orders_have_their_ends():
    bench = Bench()
    client = traded(bench)
    client.send(99, False)
    completed = client.messages(101, 102)
    assert [f[0] for f in completed] == ["101", "101", "102"]
    assert "one" in completed[0]
    assert "Filled" in completed[0]


def test_positions_are_told_and_kept_up():
    bench = Bench()
    client = traded(bench)
    client.send(61, 1)
    told = client.messages(61, 62)
    assert [(f[4], f[-2]) for f in told[:-1]] == [("SPY", "100.0"), ("ES", "-1.0")]
    client.order(SPY, "SELL", 100.0, limit=679.0)
    assert [f[-2] for f in client.messages(61)] == ["0.0"]


def test_account_values_portfolio_and_their_end():
    bench = Bench()
    client = traded(bench)
    client.send(6, 2, True, "DUSIM000001")
    kinds = [f[0] for f in client.messages()]
    assert kinds[-2:] == ["8", "54"]
    assert kinds.count("7") == 2
    client.send(76, 1, 60, "DUSIM000001", "", False)
    values = {f[5]: f[6] for f in client.messages(73)}
    assert float(values["NetLiquidation"]) == pytest.approx(10_000_000 - 1.0 - 2.25 - 0.5 - 6.25, abs=0.01)
    client.send(62, 1, 61, "All", "NetLiquidation")
    assert [f[0] for f in client.messages()] == ["63", "64"]


def test_what_is_not_served_says_so():
    client = Bench().client()
    client.messages()
    client.send(10, 5, 33, *SPY, 5, False, "")
    assert client.errors() == [(33, 10092)]


def test_orders_outlive_their_connection_and_ids_go_on():
    bench = Bench()
    first = traded(bench)
    bench.gateway.disconnect(first.conn, 0)
    again = bench.client()
    assert again.messages(9) == [["9", "1", "4"]]
    again.send(5, 1)
    assert [f[0] for f in again.messages(5, 3, 53)] == ["5", "3", "53"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"speed": 0.0}, {"speed": float("nan")}, {"rights": "all"}, {"hours": "sometimes"}, {"accounts": ()},
        {"accounts": ("DU 1",)}, {"cash": -1.0},
    ],
)  # fmt: skip
def test_nonsense_configuration_is_refused(wrong):
    with pytest.raises(ConfigError):
        GatewayConfig(**wrong)
