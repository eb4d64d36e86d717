"""The table of faults, its script and its plans; and each fault on the wire."""

import itertools
import math
from pathlib import Path

import pytest
from tws import CLOCK, ES, SPY, Bench, row, rows

from arbcore.errors import ConfigError
from arbcore.gateway.fault_injection import EVENTS
from arbcore.gateway.faults import ARMED, EVENT, FAULTS, Armed, parse, planned, random_plan
from arbcore.gateway.gateway import Gateway, GatewayConfig

# --- the script ---------------------------------------------------------------------------------------


def test_a_fault_is_read_as_it_is_written():
    fault = parse("held_short=3@10x2")
    assert (fault.fault.name, fault.arg, fault.at_s, fault.count) == ("held_short", 3.0, 10.0, 2)
    assert str(fault) == "held_short=3@10x2"
    assert parse("disconnect@0.5").at_s == 0.5
    assert parse("silent=executions@0").arg == "executions"


@pytest.mark.parametrize(
    "text",
    ["", "disconnect", "disconnect@", "disconnect@-1", "@5", "nothing_of_the_kind@1", "disconnect=1@1",
     "halt=TLT@1", "reject=many@1", "reject=nan@1", "reject=1e9@1", "silent=all@1"],
)  # fmt: skip
def test_what_is_no_fault_is_one_sentence(text):
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_written_and_read_back(name):
    plan = planned(name, at_s=3.0)
    assert parse(str(plan)) == plan


def test_every_event_is_done_by_somebody():
    assert {name for name, fault in FAULTS.items() if fault.kind == EVENT} == set(EVENTS)


def test_a_plan_is_its_seeds_and_in_time():
    plan = random_plan(7, horizon_s=600.0, per_minute=6.0)
    assert plan == random_plan(7, horizon_s=600.0, per_minute=6.0)
    assert plan != random_plan(8, horizon_s=600.0, per_minute=6.0)
    assert 30 < len(plan) < 90
    assert all(0.0 < before.at_s <= after.at_s < 600.0 for before, after in itertools.pairwise(plan))
    assert random_plan(7, horizon_s=600.0, per_minute=0.0) == ()


def test_an_armed_fault_is_used_up():
    armed = Armed()
    armed.arm(planned("reject", count=2))
    assert [armed.take("reject") for _ in range(3)] == [201.0, 201.0, None]
    armed.arm(planned("silent", "positions"))
    armed.arm(planned("silent", "executions"))
    assert armed.take("silent", "executions") == "executions"
    assert armed.take("silent", "account") is None
    assert armed.names() == ["silent", "silent"]


# --- on the wire --------------------------------------------------------------------------------------


def bench_with(*faults, **config):
    """A bench on which the faults are already armed or have happened, and a client that has subscribed."""
    bench = Bench(**config)
    client = bench.client()
    client.send(61, 1)
    client.subscribe(SPY)
    client.messages()
    for name in faults:
        fault = parse(name + "@0")
        bench.gateway.inject(fault)
    return bench, client


def kinds(messages):
    return [f"status {f[2]}" if f[0] == "3" else f"error {f[3]}" if f[0] == "4" else f[0] for f in messages]


FILLED = ["5", "status Submitted", "11", "5", "status Filled", "59", "61"]
ORDER_FAULTS = {
    "reject": ["error 201"],
    "reject=203": ["error 203"],
    "reject_inactive": ["error 201", "status Inactive"],
    "stray_error": ["5", "status Submitted", "error 10148", *FILLED[2:]],
    "order_lost": [],
    "ack_lost": FILLED[2:],
    "ack_twice": [*FILLED[:2], *FILLED],
    "fill_before_ack": ["11", "5", "status Filled", "59", "61", "5", "status Filled"],
    "no_status": ["5", "status Submitted", "11", "59", "61"],
    "silent_fill": ["5", "status Submitted"],
    "fill_twice": ["5", "status Submitted", "11", *FILLED[2:]],
    "burst=2": ["5", "status Submitted", "11", "status Submitted", "59", "61", *FILLED[2:]],
    "miss": ["5", "status Submitted", "status Cancelled", "error 202"],
    "no_commission": ["5", "status Submitted", "11", "5", "status Filled", "61"],
    "rate_limit": ["error 100"],
    "partial": [
        "5",
        "status Submitted",
        "11",
        "status Submitted",
        "59",
        "61",
        "status Cancelled",
        "error 202",
    ],
    "silent=orders": [],
    "preset_tif": FILLED,
    "reject_late": ["5", "status Submitted", "error 201", "status Inactive"],
    "read_only": ["error 321"],
}


@pytest.mark.parametrize("name", ORDER_FAULTS)
def test_what_is_heard_of_an_order(name):
    _, client = bench_with(name)
    client.order(SPY, "BUY", 100.0, limit=681.0)
    assert kinds(client.messages()) == ORDER_FAULTS[name]


def test_without_a_fault_all_is_heard():
    _, client = bench_with()
    client.order(SPY, "BUY", 100.0, limit=681.0)
    assert kinds(client.messages()) == FILLED


def test_an_order_without_a_tif_gets_10349_and_fills():
    _, client = bench_with("preset_tif")
    client.order(SPY, "BUY", 100.0, limit=681.0, tif="")
    assert kinds(client.messages()) == ["5", "status Submitted", "error 10349", *FILLED[2:]]


@pytest.mark.parametrize(
    ("name", "heard", "later"),
    [
        ("held_short=3", ["5", "status PreSubmitted", "error 404"], ["status Submitted", *FILLED[2:]]),
        ("held_message=3", ["5", "status PreSubmitted", "error 399"], ["status Submitted", *FILLED[2:]]),
        ("late_fill=3", ["5", "status Submitted"], FILLED[2:]),
        ("fill_after_cancel=3", ["5", "status Submitted", "status Cancelled", "error 202"], FILLED[2:]),
        ("slow_commission=3", ["5", "status Submitted", "11", "5", "status Filled", "61"], ["59"]),
    ],
)
def test_what_comes_later(name, heard, later):
    bench, client = bench_with(name)
    client.order(SPY, "SELL", 100.0, limit=679.0)
    assert kinds(client.messages()) == heard
    bench.pass_time(2)
    assert client.messages() == []
    bench.pass_time(2)
    assert kinds(client.messages()) == later


def test_only_short_sales_are_held_for_shares():
    _, client = bench_with("held_short")
    client.order(SPY, "BUY", 100.0, limit=681.0)
    client.order(SPY, "SELL", 100.0, limit=679.0)
    assert "error 404" not in kinds(client.messages())
    client.order(SPY, "SELL", 100.0, limit=679.0)
    assert "error 404" in kinds(client.messages())


@pytest.mark.parametrize(("name", "code"), [("cancel_refused", 10148), ("cancel_refused=161", 161)])
def test_a_refused_cancel_leaves_the_order_alive(name, code):
    _, client = bench_with(name)
    order_id = client.order(SPY, "BUY", 100.0, limit=600.0, tif="DAY")
    client.messages()
    client.send(4, 1, order_id, "")
    assert client.errors() == [(order_id, code)]
    client.send(5, 1)
    assert kinds(client.messages()) == ["5", "status Submitted", "53"]


def test_a_lost_cancel_is_never_heard_of():
    _, client = bench_with("cancel_lost")
    order_id = client.order(SPY, "BUY", 100.0, limit=600.0, tif="DAY")
    client.messages()
    client.send(4, 1, order_id, "")
    assert client.messages() == []


def test_the_broker_cancels_by_itself():
    bench, client = bench_with()
    client.order(SPY, "BUY", 100.0, limit=600.0, tif="DAY")
    client.messages()
    bench.fault("broker_cancel")
    assert kinds(client.messages()) == ["status Cancelled", "error 202"]


def test_a_correction_has_the_same_id_but_for_its_end():
    bench, client = bench_with()
    client.order(SPY, "BUY", 100.0, limit=681.0)
    (first,) = client.messages(11)
    bench.fault("correction", -1)
    (second,) = client.messages(11)
    assert (first[14][-6:], second[14][-6:]) == (".01.01", ".01.02")
    assert (first[20], second[20]) == ("680.01", "680.0")
    client.send(7, 3, 9, 0, "", "", "", "", "", "")
    assert [f[14][-2:] for f in client.messages(11)] == ["01", "02"]


def test_a_foreign_fill_has_our_number_and_not_our_ids():
    bench, client = bench_with()
    order_id = client.order(SPY, "BUY", 100.0, limit=681.0, ref="ours")
    (ours,) = client.messages(11)
    bench.fault("foreign_fill")
    (theirs,) = client.messages(11)
    assert theirs[2] == ours[2] == str(order_id)
    assert theirs[21] != ours[21]
    assert theirs[22] != ours[22]
    assert theirs[26] == "somebody-else"


def test_a_silent_fill_is_found_by_asking():
    _, client = bench_with("silent_fill")
    client.order(SPY, "BUY", 100.0, limit=681.0)
    client.messages()
    client.send(7, 3, 9, 0, "", "", "", "", "", "")
    assert kinds(client.messages()) == ["11", "59", "55"]


SILENT = {
    "positions": (61, 1), "open_orders": (5, 1), "completed_orders": (99, False),
    "executions": (7, 3, 9, 0, "", "", "", "", "", ""), "account": (6, 2, True, ""),
    "account_multi": (76, 1, 9, "", "", False), "account_summary": (62, 1, 9, "All", "NetLiquidation"),
    "contract_details": (9, 8, 9, *SPY, False, "", "", ""), "current_time": (49, 1), "ids": (8, 1, 1),
    "quotes": (1, 11, 9, *SPY, False, "", False, False, ""),
}  # fmt: skip


@pytest.mark.parametrize("request_name", SILENT)
def test_silence(request_name):
    bench, client = bench_with(f"silent={request_name}")
    client.send(*SILENT[request_name])
    assert client.messages() == []
    bench.fault("heal")
    client.send(*SILENT[request_name])
    assert client.messages() != []


def test_answers_about_positions_that_are_wrong():
    bench, client = bench_with()
    client.order(SPY, "BUY", 100.0, limit=681.0)
    client.order(ES, "SELL", 1.0, limit=6_799.0)
    client.messages()
    bench.fault("positions_partial")
    client.send(61, 1)
    assert [f[4] for f in client.messages(61)] == ["ES"]
    bench.fault("wrong_positions")
    client.send(61, 1)
    assert [f[-2] for f in client.messages(61)] == ["200.0", "-2.0"]
    client.send(61, 1)
    assert [f[-2] for f in client.messages(61)] == ["100.0", "-1.0"]


def test_an_unknown_contract():
    _, client = bench_with("unknown_contract")
    client.send(*SILENT["contract_details"])
    assert client.errors() == [(9, 200)]


# --- connections --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["disconnect", "disconnect_mid_frame", "reset", "port_changed"])
def test_connections_end(name):
    bench, client = bench_with(name)
    data = bench.gateway.take(client.conn)
    assert client.closing
    assert dict(bench.gateway.closings())[client.conn] is (name == "reset")
    if name == "disconnect_mid_frame":
        assert len(data) - 4 < int.from_bytes(data[:4], "big")


def test_new_connections_are_refused_for_a_while():
    bench, _ = bench_with("refuse=2")
    assert bench.client(2).closing
    bench.pass_time(2)
    assert not bench.client(3).closing


def test_a_refusal_from_the_start_counts_from_the_first_time_of_the_wall():
    """It is planned before anybody has said what time it is; a machine's clock does not begin at 0."""
    gateway = Gateway(GatewayConfig(faults=(parse("refuse=60@0"),)), rows())
    began_ns = 10**15
    gateway.advance(began_ns)
    assert gateway.clients[gateway.connect(began_ns + 59 * 10**9)].closing
    assert not gateway.clients[gateway.connect(began_ns + 60 * 10**9)].closing


def test_a_restart_cuts_refuses_and_rolls_ids_back():
    bench, client = bench_with()
    for _ in range(3):
        client.order(SPY, "BUY", 100.0, limit=681.0)
    bench.fault("restart", 1.0)
    client.messages()
    assert client.closing
    bench.gateway.disconnect(client.conn, bench.now_ns)
    assert bench.client().closing
    bench.pass_time(1)
    again = bench.client(1)
    assert again.messages(9) == [["9", "1", "1"]]
    # An id that was used before serves again.
    again.order(SPY, "BUY", 100.0, limit=681.0, order_id=1)
    assert "status Filled" in kinds(again.messages())


def test_ids_can_roll_back_by_themselves():
    bench, client = bench_with("id_rollback")
    client.order(SPY, "BUY", 100.0, limit=681.0)
    bench.gateway.disconnect(client.conn, 0)
    assert bench.client(1).messages(9) == [["9", "1", "1"]]


def test_a_login_with_326():
    bench, _ = bench_with("client_id_in_use")
    refused = bench.client(5)
    assert refused.errors() == [(-1, 326)]
    assert refused.closing
    assert not bench.client(5).closing


def test_a_black_hole_keeps_everything_back_and_then_gives_it():
    bench, client = bench_with("black_hole=2")
    client.order(SPY, "BUY", 100.0, limit=681.0)
    bench.pass_time(1)
    assert client.messages() == []
    bench.pass_time(1)
    assert kinds(client.messages()) == FILLED


def test_bytes_that_leave_one_by_one():
    bench, client = bench_with("slow_bytes=3")
    client.send(49, 1)
    assert [len(bench.gateway.take(client.conn)) for _ in range(4)][:3] == [1, 1, 1]


def test_a_huge_frame_swallows_whatever_follows():
    _, client = bench_with("huge_frame")
    client.send(49, 1)
    assert client.messages() == []


def test_more_than_fifty_requests_in_a_second_are_refused():
    bench, client = bench_with("pacing")
    bench.pass_time(2)
    for _ in range(51):
        client.send(49, 1)
    assert [f[0] for f in client.messages(4, 49)] == ["49"] * 50 + ["4"]
    bench.pass_time(1)
    client.send(49, 1)
    assert [f[0] for f in client.messages(4, 49)] == ["49"]


def test_a_storm_of_disconnections_is_a_count():
    bench, client = bench_with()
    bench.gateway.inject(parse("disconnect@0x3"))
    cut = 0
    for _ in range(10):
        client.messages()
        if client.closing:
            cut += 1
            bench.gateway.disconnect(client.conn, bench.now_ns)
            client = bench.client()
        bench.pass_time(0.5)
    assert cut == 3


def test_garbage_is_well_framed():
    _, client = bench_with("garbage")
    assert len(client.messages()) == 4


def test_a_clock_that_is_off():
    bench, client = bench_with("clock_skew=-3600")
    client.send(49, 1)
    (told,) = client.messages(49)
    assert int(told[2]) == bench.gateway.clock_ns // 10**9 - 3600


# --- the link -----------------------------------------------------------------------------------------


def moving(count=60):
    return (row(number, etf=680.0 + number) for number in range(count))


def test_a_lost_link_has_no_quotes_and_no_news_and_orders_wait():
    bench, client = bench_with(source=moving())
    client.order(SPY, "BUY", 100.0, limit=600.0, tif="DAY", ref="before")
    client.messages()
    bench.fault("link_lost")
    assert kinds(client.messages()) == ["error 1100"]
    order_id = client.order(SPY, "BUY", 100.0, limit=900.0, ref="during")
    bench.pass_time(2)
    assert client.messages() == []
    bench.fault("link_back_1102")
    assert kinds(client.messages()) == ["error 1102", *FILLED]
    assert bench.gateway.desk.book.get(1, order_id).filled == 100.0
    bench.pass_time(1)
    assert client.messages(1)


def test_fills_while_the_link_is_lost_are_only_found_by_asking():
    bench, client = bench_with("late_fill=1", source=moving())
    client.order(SPY, "BUY", 100.0, limit=900.0)
    client.messages()
    bench.fault("link_blip", 3)
    bench.pass_time(4)
    assert kinds(client.messages(3, 4, 11)) == ["error 1100", "error 1102"]
    client.send(7, 3, 9, 0, "", "", "", "", "", "")
    assert kinds(client.messages(11, 59, 55)) == ["11", "59", "55"]


@pytest.mark.parametrize(
    ("names", "codes"),
    [
        (["link_lost", "link_back_1101"], [1100, 1101]),
        (["farm_blip=1"], [2103, 2104]),
        (["farm_lost"], [2103, 2105, 2157]),
        (["competing_session"], [10197]),
    ],
)
def test_feeds_that_die_until_subscribed_anew(names, codes):
    bench, client = bench_with(*names, source=moving())
    bench.pass_time(3)
    messages = client.messages(1, 4)
    assert [int(f[3]) for f in messages if f[0] == "4"] == codes
    assert [f for f in messages if f[0] == "1"] == []
    client.subscribe(SPY)
    client.messages()
    bench.pass_time(1)
    assert client.messages(1)


@pytest.mark.parametrize(
    ("name", "codes"),
    [("farm_back", [2104, 2106, 2158]), ("farm_idle", [2107, 2108]), ("server_link_broken", [2110]),
     ("notice=2161", [2161])],
)  # fmt: skip
def test_mere_messages(name, codes):
    bench, client = bench_with(name, source=moving())
    assert [code for _, code in client.errors()] == codes
    bench.pass_time(1)
    assert client.messages(1)


# --- quotes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rights", "heard"), [("delayed", [10168]), ("none", [354]), ("frozen", [])])
def test_rights_that_change(rights, heard):
    bench, client = bench_with(f"data={rights}", source=moving())
    messages = client.messages(4, 58)
    assert [int(f[3]) for f in messages if f[0] == "4"] == heard
    assert [f[3] for f in messages if f[0] == "58"] == (["2"] if rights == "frozen" else [])
    bench.pass_time(2)
    assert client.messages(1) == []


@pytest.mark.parametrize(("name", "code"), [("no_rights", 10089), ("no_rights=354", 354)])
def test_a_subscription_that_is_refused(name, code):
    bench, client = bench_with(name, source=moving())
    req_id = client.subscribe(ES)
    assert client.errors() == [(req_id, code)]
    bench.pass_time(1)
    assert str(req_id) not in {f[2] for f in client.messages(1)}


def test_quotes_go_stale_without_a_word_and_come_back():
    bench, client = bench_with("stale_quotes=3", source=moving())
    bench.pass_time(2)
    assert client.messages() == []
    bench.pass_time(2)
    assert client.messages(1)


def prices(client):
    return [float(f[4]) for f in client.messages(1)]


def test_quotes_that_are_none_crossed_or_far_off():
    bench, client = bench_with("no_quote=2", source=moving())
    bench.pass_time(1)
    assert prices(client) == [-1.0, -1.0]
    client.order(SPY, "BUY", 100.0)
    assert "status Cancelled" in kinds(client.messages())
    bench.pass_time(1)
    assert prices(client) == [682.0, 682.01]
    bench.fault("crossed", 2)
    bench.pass_time(1)
    bid, ask = prices(client)
    assert bid > ask
    bench.pass_time(1)
    client.messages()
    bench.fault("spike", 500)
    bench.pass_time(1)
    assert prices(client)[0] == pytest.approx(685.0 * 1.05)


def test_prices_that_are_no_numbers_come_once_and_true_ones_after_them():
    bench, client = bench_with("nan_quote")
    assert [f[4] for f in client.messages(1)] == ["nan", "inf"]
    bench.pass_time(1)
    assert prices(client) == [680.0, 680.01]


def test_a_halt_stops_fills_and_says_so():
    bench, client = bench_with("halt=SPY")
    assert [f[3:] for f in client.messages(45)] == [["49", "1.0"]]
    client.order(SPY, "BUY", 100.0, limit=681.0, tif="DAY")
    client.order(SPY, "BUY", 100.0, limit=681.0, tif="IOC")
    assert kinds(client.messages()) == [*FILLED[:2], *FILLED[:2], "status Cancelled", "error 202"]
    bench.fault("resume", "SPY")
    assert kinds(client.messages(45, 3)) == ["45", "status Filled"]


def test_shares_become_hard_to_borrow():
    bench = Bench()
    client = bench.client()
    client.subscribe(SPY, "236")
    client.messages()
    bench.fault("hard_to_borrow")
    assert [f[3:] for f in client.messages(45, 2)] == [["46", "1.0"], ["89", "0.0"]]
    bench.fault("heal")
    assert [f[3:] for f in client.messages(45, 2)] == [["46", "3.0"], ["89", "10000000.0"]]


# --- plans --------------------------------------------------------------------------------------------


def test_a_planned_fault_happens_at_its_time_of_the_gateways_clock():
    bench = Bench(faults=(parse("notice=2161@3"), parse("client_id_in_use@0")), speed=10.0)
    assert bench.client().errors() == [(-1, 326)]
    client = bench.client()
    client.messages()
    bench.pass_time(0.2, step=0.05)
    assert client.errors() == []
    bench.pass_time(0.2, step=0.05)
    assert client.errors() == [(-1, 2161)]


@pytest.mark.parametrize("speed", [1.0, math.inf])
def test_what_is_planned_for_after_the_data_does_not_happen_at_its_end(speed):
    bench = Bench(rows(2), faults=(parse("notice=2161@60"),), speed=speed, waits=True)
    client = bench.client()
    client.subscribe(SPY)
    client.send(1, 11, 900, *CLOCK, False, "", False, False, "")
    client.messages()
    for number in (1, 2):
        bench.pass_time(2)
        client.send(69, 1, 0, str(number))
    assert bench.gateway.finished
    assert client.errors() == []


@pytest.mark.parametrize("seed", range(20))
def test_no_plan_breaks_the_gateway_or_its_books(seed):
    # Every event and armed fault that a seed draws, while a client trades and comes back when it is cut.
    plan = random_plan(seed, horizon_s=120.0, per_minute=60.0)
    bench = Bench(moving(200), faults=plan)
    client, quantity = bench.client(), 0
    for number in range(240):
        if client.closing:
            bench.gateway.disconnect(client.conn, bench.now_ns)
            client = bench.client()
            client.send(61, 1)
        elif not client.closing and bench.gateway.clients[client.conn].ready:
            order_id = bench.gateway.desk.book.next_order_id(1)
            client.order(SPY, "BUY" if number % 2 else "SELL", 100.0, order_id=order_id)
        bench.pass_time(0.5)
        while client.conn in bench.gateway.pending():
            client.messages()
    account = bench.gateway.account
    for done in account.executions.values():
        if done.view.exec_id.endswith(".01.01"):
            quantity += done.view.shares * (1 if done.view.side == "BOT" else -1)
    held = {each.listing.symbol: each.quantity for each in account.positions.values()}
    assert held.get("SPY", 0.0) == quantity, f"seed {seed}"
    assert len(account.executions) > 10, f"seed {seed}"


def test_each_fault_has_a_test_of_its_own():
    own = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*faults.py"))
    unnamed = [name for name in FAULTS if f'"{name}' not in own]
    assert unnamed == []


def test_the_table_is_of_two_kinds_and_its_defaults_fit():
    assert {fault.kind for fault in FAULTS.values()} == {ARMED, EVENT}
    assert math.isfinite(GatewayConfig().cash)
    assert next(rows()) == row(0)
