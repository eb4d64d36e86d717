"""The compiled session against its twin, and what a session promises whatever is thrown at it."""

from random import Random
from typing import Any

import pytest
from hostile import HostileExchange
from sessions import make_session
from states import difference

from arbcore.errors import UsageError
from arbcore.trading._session import Session, unique_names
from arbcore.trading.strategies import build
from arbcore.trading.trading_settings import (
    NEVER_NS,
    STRATEGY_SETTINGS,
    MarketMakingSettings,
    SessionSettings,
    ValeSettings,
)

MS = 1_000_000
ALL = {name: group() for name, group in STRATEGY_SETTINGS.items()}
BY_AVERAGES = ALL | {
    "vale": ValeSettings(averages=1, signal_ticks=3), "market_making": MarketMakingSettings(averages=1),
}  # fmt: skip
HELLO = b'{"type":"hello","symbols":[]}\n'
OPEN_ALL = b'{"type":"open","symbols":["BOND","GS","MS","VALBZ","VALE","WFC","XLF"]}\n'


def both(build_name: str, settings: SessionSettings | None = None) -> Any:
    return make_session(build_name, settings or SessionSettings(), ALL)


@pytest.fixture(params=["c", "py"])
def session(request: pytest.FixtureRequest) -> Any:
    return both(request.param)


def logged_in(session: Any, *, positions: str = "", now_ns: int = MS) -> Any:
    session.connected(now_ns)
    session.receive(b'{"type":"hello","symbols":[%s]}\n' % positions.encode() + OPEN_ALL, now_ns)
    return session


def position(symbol: str, shares: int) -> str:
    return f'{{"symbol":"{symbol}","position":{shares}}}'


# --- the twin -----------------------------------------------------------------------------------


def settings_for(seed: int) -> SessionSettings:
    """Small bounds, so that every one of them is met."""
    return SessionSettings(
        line_bytes_max=400,
        window=(5, 3)[seed % 2],
        message_cap=(500, 30, 11)[seed // 2 % 3],
        loss_limit=(20_000, 2_000)[seed // 3 % 2],
        live_orders_max=(32, 2)[seed // 5 % 2],
    )


@pytest.mark.parametrize("seed", range(24))
def test_compiled_session_and_twin_say_and_hold_the_same(seed: int) -> None:
    settings = settings_for(seed)
    chosen = BY_AVERAGES if seed % 4 == 3 else ALL
    compiled, twin = make_session("c", settings, chosen), make_session("py", settings, chosen)
    exchange = HostileExchange(seed, malice=(0, 0.2, 1)[seed % 3])
    sent = b""
    for step in range(250):
        call, args = exchange.next_event(sent)
        ours, theirs = getattr(compiled, call)(*args), getattr(twin, call)(*args)
        assert ours == theirs, f"seed {seed} step {step}: {call}{args}"
        if step % 10 == 9:
            assert difference(compiled, twin) == "", f"seed {seed} step {step}: {call}{args}"
        sent = ours or b""
        if compiled.needs_resync and exchange.linked:
            exchange.linked = False
            compiled.disconnected(exchange.now_ns)
            twin.disconnected(exchange.now_ns)
    assert difference(compiled, twin) == "", f"seed {seed} at the end"


def recorded(seed: int, malice: float) -> list[tuple[str, tuple[Any, ...]]]:
    session, exchange, events, sent = both("c"), HostileExchange(seed, malice=malice), [], b""
    for _ in range(300):
        call, args = exchange.next_event(sent)
        events.append((call, args))
        sent = getattr(session, call)(*args) or b""
    return events


@pytest.mark.parametrize("seed", range(8))
def test_how_the_bytes_are_cut_changes_nothing(seed: int) -> None:
    events, random = recorded(seed, malice=0.2), Random(seed)
    whole, cut = both("c"), both("c")
    for call, args in events:
        expected = getattr(whole, call)(*args)
        if call != "receive":
            assert getattr(cut, call)(*args) == expected, f"seed {seed}"
            continue
        data, now_ns = args
        got = cut.receive(b"", now_ns)
        while data:
            size = random.choice([1, 1, 2, 7, len(data)])
            got += cut.receive(data[:size], now_ns)
            data = data[size:]
        assert got == expected, f"seed {seed}"
    assert whole.summary() == cut.summary(), f"seed {seed}"
    assert whole.orders.state() == cut.orders.state(), f"seed {seed}"


def test_the_same_calls_give_the_same_bytes() -> None:
    events = recorded(3, malice=0.2)
    first, second = both("c"), both("c")
    for call, args in events:
        assert getattr(first, call)(*args) == getattr(second, call)(*args)


def test_any_bytes_like_object_is_taken() -> None:
    line = HELLO + OPEN_ALL
    summaries = []
    for data in (line, bytearray(line), memoryview(line)):
        session = both("c")
        session.connected(0)
        session.receive(data, 0)
        summaries.append(session.summary())
    assert summaries[0] == summaries[1] == summaries[2]
    assert summaries[0]["messages_in"] == 2


# --- invariants under fire ----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_nothing_that_may_fill_passes_a_limit_and_no_id_comes_twice(seed: int) -> None:
    session, exchange, sent, ids = both("c"), HostileExchange(seed, malice=0.0), b"", set()
    for _ in range(400):
        call, args = exchange.next_event(sent)
        sent = getattr(session, call)(*args) or b""
        for order in session.recent_orders(sent.count(b'"add"') + sent.count(b'"convert"')):
            assert order["order_id"] not in ids, f"seed {seed}"
            ids.add(order["order_id"])
            held = session.exposure()[order["symbol"]]
            worst = held["position"] + held["working_buy"]
            if order["side"] == "SELL":
                worst = held["working_sell"] - held["position"]
            assert worst <= held["limit"], f"seed {seed}: {order} {held}"


@pytest.mark.parametrize("seed", range(6))
def test_cash_and_positions_are_the_sum_of_what_the_owners_hold(seed: int) -> None:
    session, exchange, sent = both("c"), HostileExchange(seed, malice=0.2), b""
    for _ in range(300):
        call, args = exchange.next_event(sent)
        sent = getattr(session, call)(*args) or b""
        state = session.orders.state()
        holdings = state["holdings"]
        assert state["cash"] - state["frozen_pnl"] == sum(holding["cash"] for holding in holdings)
        for symbol, held in enumerate(state["position"]):
            assert held == sum(holding["position"][symbol] for holding in holdings)


@pytest.mark.parametrize("seed", range(6))
def test_no_second_holds_more_messages_than_the_cap(seed: int) -> None:
    settings = SessionSettings(message_cap=12, order_cooldown_ns=0)
    session = make_session("c", settings, ALL)
    exchange, sent, stamps = HostileExchange(seed, malice=0.0), b"", []
    for _ in range(500):
        call, args = exchange.next_event(sent)
        sent = getattr(session, call)(*args) or b""
        if call == "connected":
            continue  # a login goes out whatever the cap says
        stamps += [session.now_ns] * sent.count(b"\n")
        assert sum(stamp > session.now_ns - 10**9 for stamp in stamps) <= 12, f"seed {seed}"


# --- login, time-outs, ends ---------------------------------------------------------------------


def test_nothing_is_sent_but_the_login_before_the_exchange_has_said_hello(session: Any) -> None:
    assert session.connected(0) == b'{"type":"hello","team":"ARBCORE"}\n'
    assert not session.hello_seen
    assert session.receive(OPEN_ALL, MS) == b""
    assert session.receive(HELLO, 2 * MS) == b""
    assert session.hello_seen
    assert b'"BOND"' in session.receive(OPEN_ALL, 3 * MS)


def test_positions_are_what_the_hello_says(session: Any) -> None:
    logged_in(session, positions=position("XLF", 7) + "," + position("USD", -900))
    assert session.positions()["XLF"] == 7
    assert session.summary()["cash"] == -900
    assert session.summary()["strategies"]["unattributed"]["pnl"] == -900


def test_an_impossible_hello_is_not_believed(session: Any) -> None:
    session.connected(0)
    session.receive(b'{"type":"hello","symbols":[%s]}\n' % position("USD", 10**15 + 1).encode(), MS)
    assert session.needs_resync
    assert not session.hello_seen
    assert session.summary()["anomalies"] == {"beyond_belief": 1}


def bond_ids(session: Any) -> list[int]:
    return [order["order_id"] for order in session.orders_snapshot() if order["symbol"] == "BOND"]


def test_an_order_nobody_acknowledges_becomes_unknown_counts_in_full_and_is_cancelled(session: Any) -> None:
    logged_in(session)
    order_id = bond_ids(session)[0]
    held = session.exposure()["BOND"]["working_buy"]
    sent = session.tick(session.now_ns + 2100 * MS)
    assert b'{"type":"cancel","order_id":%d}' % order_id in sent
    assert session.exposure()["BOND"]["working_buy"] == held
    assert not session.needs_resync


def test_cancels_that_nobody_answers_end_in_a_resync(session: Any) -> None:
    logged_in(session)
    now_ns = session.now_ns
    for _ in range(200):
        now_ns = max(now_ns + 1, session.next_deadline_ns)
        session.tick(now_ns)
        if session.needs_resync:
            break
    assert session.needs_resync
    assert all(order["cancels"] <= 3 for order in session.orders_snapshot())
    session.disconnected(now_ns)
    session.connected(now_ns)
    session.receive(HELLO, now_ns)
    assert session.orders_snapshot() == []
    assert not session.needs_resync


def test_an_order_that_is_rejected_after_its_ack_is_unknown_and_gets_cancelled(session: Any) -> None:
    logged_in(session)
    order_id = bond_ids(session)[0]
    session.receive(b'{"type":"ack","order_id":%d}\n' % order_id, 2 * MS)
    session.receive(b'{"type":"reject","order_id":%d,"error":"?"}\n' % order_id, 3 * MS)
    assert session.orders_snapshot()[0]["state"] == "unknown"
    assert b'{"type":"cancel","order_id":%d}' % order_id in session.tick(150 * MS)


def test_more_filled_than_ordered_asks_for_a_new_login(session: Any) -> None:
    logged_in(session)
    order = session.orders_snapshot()[0]
    fill = b'{"type":"fill","order_id":%d,"symbol":"BOND","dir":"%s","price":999,"size":%d}\n'
    session.receive(fill % (order["order_id"], order["side"].encode(), order["size"] + 1), 2 * MS)
    assert session.needs_resync
    assert abs(session.positions()["BOND"]) == order["size"]


def test_a_stop_cancels_everything_sends_nothing_new_and_ends_with_the_last_out(session: Any) -> None:
    logged_in(session)
    ids = bond_ids(session)
    sent = session.stop(2 * MS, "enough")
    assert sent == b"".join(b'{"type":"cancel","order_id":%d}\n' % order_id for order_id in ids)
    assert not session.stopped
    for order_id in ids:
        assert session.receive(b'{"type":"out","order_id":%d}\n' % order_id, 3 * MS) == b""
    assert session.stopped
    assert (session.mode, session.halted_reason) == ("stopping", "enough")


def test_a_kill_closes_positions_and_is_sticky_over_rounds(session: Any) -> None:
    logged_in(session, positions=position("GS", 20))
    ids = [order["order_id"] for order in session.orders_snapshot()]
    session.kill(2 * MS, "switch")
    session.receive(b"".join(b'{"type":"out","order_id":%d}\n' % order_id for order_id in ids), 3 * MS)
    book = b'{"type":"book","symbol":"GS","buy":[[8390,50]],"sell":[[8410,50]]}\n'
    sent = session.receive(book, 200 * MS)
    assert b'"symbol":"GS","dir":"SELL","price":8390,"size":20' in sent
    session.disconnected(300 * MS)
    session.connected(400 * MS)
    assert session.receive(HELLO + OPEN_ALL, 400 * MS) == b""
    assert session.killed
    assert session.mode == "closing"


def test_the_loss_limit_closes_down_for_the_round_only(session: Any) -> None:
    logged_in(session, positions=position("USD", -20_000))
    session.tick(200 * MS)
    assert (session.mode, session.halted_reason) == ("closing", "loss limit")
    session.disconnected(300 * MS)
    session.connected(400 * MS)
    session.receive(HELLO, 400 * MS)
    assert session.mode == "active"
    assert session.summary()["pnl"] == -20_000


def test_what_halted_trading_stays_the_reason_when_the_run_ends(session: Any) -> None:
    logged_in(session, positions=position("USD", -20_000))
    session.tick(200 * MS)
    session.stop(300 * MS, "the duration is over")
    assert (session.mode, session.halted_reason) == ("stopping", "loss limit")


def test_no_cancel_leaves_without_a_connection(session: Any) -> None:
    logged_in(session)
    session.disconnected(2 * MS)
    assert session.stop(3 * MS, "enough") == b""
    assert session.tick(10**10) == b""
    assert session.next_deadline_ns == NEVER_NS


# --- time ---------------------------------------------------------------------------------------


def test_a_clock_that_goes_back_stands_still(session: Any) -> None:
    logged_in(session, now_ns=10**9)
    deadline = session.next_deadline_ns
    assert session.tick(5) == b""
    assert session.now_ns == 10**9
    assert session.next_deadline_ns == deadline


@pytest.mark.parametrize("now_ns", [2**62, 2**63, 2**80, 10**30])
def test_a_clock_beyond_all_bounds_overflows_nothing(session: Any, now_ns: int) -> None:
    logged_in(session)
    session.tick(now_ns)
    assert session.now_ns == 2**62
    assert session.next_deadline_ns > 2**62


def test_a_time_that_is_no_whole_number_is_refused() -> None:
    with pytest.raises(TypeError):
        both("c").tick(1.5)  # type: ignore[arg-type]


def test_the_deadline_is_that_of_the_housekeeping_or_of_a_slot(session: Any) -> None:
    assert session.next_deadline_ns == NEVER_NS
    logged_in(session)
    assert session.next_deadline_ns == 101 * MS


# --- what comes in ------------------------------------------------------------------------------


def test_bad_lines_are_counted_by_kind_and_the_last_eight_kept(session: Any) -> None:
    logged_in(session)
    bad = b"".join(b"bad %d\n" % number for number in range(20))
    session.receive(bad + b'{"type":"dance"}\n' + b"x" * 70_000 + b"\n" + b"y" * 200 + b"\n", 2 * MS)
    summary = session.summary()
    assert summary["faults"] == {"not_json": 21, "unknown_type": 1, "oversized": 1}
    assert summary["last_faults"][-3:] == ["bad 19", '{"type":"dance"}', "y" * 120]
    assert len(summary["last_faults"]) == 8


def test_reasons_are_counted_by_text_and_the_65th_is_other(session: Any) -> None:
    logged_in(session)
    for number in range(70):
        session.receive(b'{"type":"error","error":"E%d"}\n' % number, 2 * MS)
    session.receive(b'{"type":"error","error":"E\\u0031"}\n', 2 * MS)
    errors = session.summary()["errors"]
    assert errors["E1"] == 2
    assert errors["other"] == 6
    assert len(errors) == 65


def test_a_reconnect_starts_at_the_beginning_of_a_line(session: Any) -> None:
    logged_in(session)
    session.receive(b'{"type":"ou', 2 * MS)
    session.disconnected(3 * MS)
    session.connected(4 * MS)
    session.receive(HELLO, 5 * MS)
    assert session.hello_seen
    assert session.summary()["faults"] == {}


# --- putting one together -----------------------------------------------------------------------


def test_strategies_of_one_name_are_told_apart() -> None:
    assert unique_names(["a", "b", "a", "a"]) == ["a", "b", "a#2", "a#3"]


def test_a_strategy_belongs_to_one_session() -> None:
    bond = build("bond", ALL["bond"], SessionSettings())
    Session(SessionSettings(), [bond])
    with pytest.raises(UsageError, match="another"):
        Session(SessionSettings(), [bond])


def test_thirty_two_strategies_are_the_most() -> None:
    settings = SessionSettings()
    Session(settings, [build("bond", ALL["bond"], settings) for _ in range(32)])
    with pytest.raises(UsageError, match="32"):
        Session(settings, [build("bond", ALL["bond"], settings) for _ in range(33)])


def test_a_round_trip_of_reconnects_carries_the_profit_of_each_round(session: Any) -> None:
    logged_in(session)
    for number in range(1, 4):
        now_ns = number * 10**9
        session.receive(
            b'{"type":"fill","order_id":4000000000,"symbol":"GS","dir":"SELL","price":100,"size":1}\n'
            b'{"type":"fill","order_id":4000000000,"symbol":"GS","dir":"BUY","price":40,"size":1}\n', now_ns
        )
        session.disconnected(now_ns)
        session.connected(now_ns)
        session.receive(HELLO, now_ns)
        assert session.summary()["pnl"] == 60 * number
        assert session.summary()["cash"] == 0
