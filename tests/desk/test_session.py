"""Connection, questions, states, limits and the way back from the store; a person plays the broker."""

import math
from dataclasses import replace

import pytest
from desk_player import ACCOUNT, DAY_NS, EXPIRY_NS, FAIR, RICH, T0_NS, Player

from arbcore.carry.pairs import ETF, FUT
from arbcore.desk import events as ev
from arbcore.desk.commands import (
    Alarm,
    Ask,
    AskContract,
    Cancel,
    RaiseKillSwitch,
    Reconnect,
    Resubscribe,
    SaveDay,
    Seen,
    SendOrder,
    StateShown,
)
from arbcore.desk.desk_session import DeskSession
from arbcore.desk.desk_settings import DeskSettings
from arbcore.desk.records import Snapshot
from arbcore.errors import BrokenInvariant, ConfigError

# --- connection and questions -------------------------------------------------------------------


def test_nothing_is_traded_before_three_answers_in_their_order() -> None:
    player = Player(connect=False)
    player.resolve()
    assert player.session.state == "HALTED"
    player.connect()
    kinds = []
    while asks := player.pick(Ask):
        kinds.append(asks[0].kind)
        player.quotes(RICH)
        assert not player.orders
        player.answer(asks[0])
    assert kinds == ["open_orders", "executions", "positions"]
    assert player.session.state == "ACTIVE"
    assert player.pick(StateShown)[-1].state == "ACTIVE"


def test_a_failed_answer_is_not_an_empty_one() -> None:
    player = Player(connect=False)
    player.resolve()
    (ask,) = [each for each in player.connect() if isinstance(each, Ask)]
    player.say(ev.QueryFailed(ask.query, "no"))
    assert player.session.state == "HALTED"
    assert "unanswered" in player.alarms
    player.say(ev.Tick(), after_s=1.0)
    player.answer_all()
    assert player.session.state == "ACTIVE"


def test_questions_that_nobody_answers_end_in_a_new_connection() -> None:
    player = Player(connect=False, query_timeout_s=4.0, queries_max=3)
    player.resolve()
    player.connect()
    asked = 1
    for _ in range(30):
        player.say(ev.Tick(), after_s=1.0)
        asked += len(player.pick(Ask))
        if player.pick(Reconnect):
            break
    assert player.pick(Reconnect)
    assert asked == 3


def test_an_answer_to_an_earlier_question_is_nobodys() -> None:
    player = Player(connect=False)
    player.resolve()
    player.connect()
    old = player.pick(Ask)[0].query
    player.say(ev.LinkLost("gone"))
    player.connect()
    player.say(ev.OpenOrders(old, ()))
    assert not player.pick(Ask)


def test_positions_that_do_not_fit_halt_until_they_do() -> None:
    player = Player(connect=False)
    player.resolve()
    player.positions[ETF] = 7
    player.connect()
    player.answer_all()
    assert player.session.reasons == ("comparing with the broker", "mismatch")
    assert "7 SPY" in player.pick(Alarm, player.all)[-1].message
    player.positions[ETF] = 0
    player.say(ev.Tick(), after_s=1.0)
    player.answer_all()
    assert player.session.state == "ACTIVE"


def test_a_position_in_another_contract_does_not_fit() -> None:
    player = Player()
    player.hold()
    player.connect()
    for _ in range(2):
        player.answer(player.pick(Ask)[0])
    player.say(
        ev.Positions(player.pick(Ask)[0].query, (ev.PositionLine(FUT, 99, -1), ev.PositionLine(ETF, 2, 502)))
    )
    assert "mismatch" in player.session.reasons


def test_a_foreign_fill_is_looked_into() -> None:
    player = Player()
    player.positions[ETF] += 5
    player.say(ev.Execution("f.1.01", "", 0, ETF, 1, 5, 600.0, 0))
    assert player.alarms == ["foreign fill"]
    player.say(ev.Tick(), after_s=1.0)
    player.answer_all()
    assert player.session.state == "HALTED"


def test_our_ref_on_an_order_that_the_store_does_not_know_halts_and_is_pulled() -> None:
    player = Player(connect=False)
    player.resolve()
    player.connect()
    player.answer(player.pick(Ask)[0], open_refs=("t-0000044E",))
    assert [cancel.ref for cancel in player.pick(Cancel)] == ["t-0000044E"]
    assert "unknown order" in player.session.reasons


def test_another_account_or_contract_halts() -> None:
    player = Player(Snapshot(account="DU2"), connect=False)
    player.resolve(multiplier=5.0)
    player.connect()
    player.answer_all()
    assert set(player.session.reasons) == {"account", "contract"}


def test_after_a_lost_link_an_order_still_counts_and_the_answer_settles_it() -> None:
    player = Player()
    fut, _ = player.enter()
    player.say(ev.LinkLost("1100"))
    assert player.session.exposure() == {FUT: {1: 0, -1: 1}, ETF: {1: 502, -1: 0}}
    player.executions.append(ev.Execution("m.1.01", fut.ref, 5, FUT, -1, 1, RICH, 0))
    player.positions[FUT] = -1
    player.connect()
    player.answer_all()
    # The other leg was never heard of: it may still be on its way, so it is looked for twice.
    assert player.session.exposure()[ETF][1] == 502
    player.say(ev.Tick(), after_s=1.0)
    player.answer_all()
    player.live()
    assert player.session.exposure()[ETF][1] == 0
    player.quotes(RICH)
    assert [(order.leg, order.quantity) for order in player.orders] == [(ETF, 502)]


def test_a_link_that_stays_away_is_said_aloud() -> None:
    player = Player(link_alarm_s=10.0)
    player.say(ev.LinkLost("reset"))
    assert not player.alarms
    player.say(ev.Tick(), after_s=(player.session.next_deadline_ns - player.now_ns) / 1e9)
    assert player.alarms == ["link lost"]
    player.connect()
    player.say(ev.Tick(), after_s=20.0)
    assert "link lost" not in player.alarms


def test_what_still_works_after_a_reconnect_is_pulled() -> None:
    player = Player()
    fut, _ = player.enter()
    player.say(ev.LinkLost("gone"))
    player.connect()
    player.answer(player.pick(Ask)[0], open_refs=(fut.ref,))
    assert [cancel.ref for cancel in player.pick(Cancel)] == [fut.ref]


def test_a_feed_that_dies_is_asked_for_again() -> None:
    player = Player(stale_s=5.0)
    player.quotes(FAIR)
    found = []
    for _ in range(20):
        player.say(ev.Quote(FUT, FAIR, FAIR + 0.25), after_s=1.0)
        found += player.pick(Resubscribe)
    assert {each.leg for each in found} == {ETF}
    player.say(ev.Farm(ok=True, code=2104))
    assert {each.leg for each in player.pick(Resubscribe)} == {FUT, ETF}


# --- prices -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (ev.DataType(FUT, 3), "ES not live"),
        (ev.DataType(ETF, 0), "SPY not live"),
        (ev.Halted(ETF, True), "SPY halted"),
        (ev.Quote(ETF, math.nan, 600.0), "SPY missing"),
        (ev.Quote(ETF, 600.0, math.inf), "SPY missing"),
        (ev.Quote(ETF, -1.0, 600.0), "SPY missing"),
        (ev.Quote(ETF, 600.02, 600.01), "SPY crossed"),
        (ev.Quote(ETF, 600.0, 600.0), "SPY crossed"),
        (ev.Farm(ok=False, code=2103), "SPY stale"),
    ],
    ids=str,
)
def test_a_price_that_is_not_good_decides_nothing(event: ev.Event, why: str) -> None:
    player = Player()
    player.quotes(FAIR)
    player.say(event)
    player.say(ev.Quote(FUT, RICH, RICH + 0.25))
    assert not player.orders
    assert player.session.status()["skipped"][why] > 0


def test_an_old_price_decides_nothing_and_any_tick_keeps_it_alive() -> None:
    player = Player(stale_s=5.0)
    player.quotes(FAIR)
    player.say(ev.Alive(ETF), after_s=4.0)
    player.say(ev.Quote(FUT, RICH, RICH + 0.25), after_s=4.0)
    assert len(player.orders) == 2
    other = Player(stale_s=5.0)
    other.quotes(FAIR)
    other.say(ev.Quote(FUT, RICH, RICH + 0.25), after_s=5.1)
    assert not other.orders


def test_out_of_hours_decides_nothing() -> None:
    player = Player()
    player.skew_ns = 6 * 3_600 * 10**9
    player.say(ev.Hello(ACCOUNT))
    player.answer_all()
    player.live()
    player.quotes(RICH)
    assert not player.orders


def test_prices_that_nobody_would_believe_are_refused() -> None:
    player = Player(deviation_max_bps=500.0)
    player.quotes(7_000.0)
    assert not player.orders
    assert "not believed" in player.alarms


def test_a_price_far_from_the_mid_is_refused() -> None:
    player = Player(collar_bps=1.0)
    player.say(ev.Quote(ETF, 600.0, 601.0))
    player.say(ev.Quote(FUT, 6100.0, 6100.25))
    assert not player.orders
    assert player.pick(Seen)[0].refusal == "SPY price collar"


# --- states -------------------------------------------------------------------------------------


def test_a_signal_is_written_down_but_not_traded_where_trading_is_off() -> None:
    player = Player(trading_enabled=False)
    player.quotes(RICH)
    (seen,) = player.pick(Seen)
    assert (seen.action, seen.refusal) == ("enter_cash_and_carry", "trading is off")
    player.quotes(RICH)
    assert not player.pick(Seen)


def test_the_kill_switch_pulls_closes_and_holds() -> None:
    player = Player()
    player.hold()
    player.say(ev.Kill("enough"))
    assert [each.reason for each in player.pick(RaiseKillSwitch)] == ["enough"]
    assert {order.role for order in player.orders} == {"exit"}
    for order in player.orders:
        player.fill(order)
    assert player.store.trades[1].exit_reason == "kill"
    for _ in range(5):
        player.quotes(RICH, after_s=60.0)
        assert not player.orders
    assert player.session.state == "REDUCING"


def test_the_kill_switch_in_mid_entry_pulls_and_gives_back() -> None:
    player = Player()
    fut, etf = player.enter()
    player.fill(fut)
    player.say(ev.Kill("enough"))
    assert [cancel.ref for cancel in player.pick(Cancel)] == [etf.ref]
    player.out(etf)
    player.answer_all()
    (back,) = player.pick(SendOrder, player.all)[-1].orders
    assert (back.leg, back.side, back.role) == (FUT, 1, "flatten")


def test_a_stop_leaves_the_pair_and_a_flatten_does_not() -> None:
    player = Player()
    player.hold()
    player.say(ev.Stop("duration"))
    assert player.session.stopped
    assert player.session.positions()[FUT] == -1
    player.say(ev.Stop("flatten", flatten=True))
    assert not player.session.stopped
    for order in player.orders:
        player.fill(order)
    assert player.session.stopped
    assert player.store.trades[1].exit_reason == "flatten"


def test_a_stop_in_mid_entry_waits_for_the_legs() -> None:
    player = Player()
    fut, etf = player.enter()
    player.say(ev.Stop("sigterm"))
    assert len(player.pick(Cancel)) == 2
    assert not player.session.stopped
    for order in (fut, etf):
        player.out(order)
    player.answer_all()
    assert player.session.stopped


def test_the_days_loss_closes_and_ends_the_day_in_new_york() -> None:
    player = Player(daily_loss_usd=250.0, stop_bps=0.0)
    player.hold()
    player.quotes(RICH + 4)  # 200 dollars of the future, and what touch and commissions took
    assert player.session.state == "ACTIVE"
    player.quotes(RICH + 6)
    assert "daily loss" in player.alarms
    assert player.pick(SaveDay)[-1].row.tripped
    for order in player.orders:
        player.fill(order)
    assert player.store.trades[1].exit_reason == "daily_loss"
    player.quotes(RICH, after_s=3_600.0)
    assert not player.orders
    assert player.restart(daily_loss_usd=250.0).session.state == "HALTED"
    player.skew_ns = DAY_NS - 3_600 * 10**9
    player.say(ev.Hello(ACCOUNT, T0_NS - 10**9 + player.now_ns + player.skew_ns))
    player.answer_all()
    player.live()
    assert player.session.state == "ACTIVE"
    player.quotes(RICH)
    assert len(player.orders) == 2


def test_a_tripped_day_is_remembered_over_a_restart() -> None:
    player = Player(daily_loss_usd=250.0, stop_bps=0.0)
    player.hold()
    player.quotes(RICH + 10)
    after = player.restart(daily_loss_usd=250.0)
    after.resolve()
    after.connect()
    assert "daily loss" in after.session.reasons


def test_an_unknown_commission_is_never_nothing() -> None:
    player = Player(commission_fut_usd=2.5, commission_etf_usd=0.01)
    player.hold()
    marked = 50 * (RICH - (RICH + 0.125)) + 502 * (600.005 - 600.01)
    assert player.session.status()["day_pnl"] == pytest.approx(marked - 2.5 - 5.02)
    assert player.store.trades[1].commission is None
    player.say(ev.Commission("e.1.01", 1.25))
    player.say(ev.Commission("e.2.01", 1.7976931348623157e308))
    assert player.session.status()["day_pnl"] == pytest.approx(marked - 1.25 - 5.02)
    player.say(ev.Commission("e.2.01", 2.0, "EUR"))
    player.say(ev.Commission("e.2.01", 2.0))
    assert player.session.status()["day_pnl"] == pytest.approx(marked - 1.25 - 2.0)


def test_a_clock_that_jumps_enters_nothing_until_it_is_right_again() -> None:
    player = Player(max_hold_days=0.01)
    player.hold()
    player.skew_ns = 3_600 * 10**9
    player.quotes(RICH)
    assert not player.orders
    assert player.session.reasons == ("clock",)
    player.skew_ns = 0
    player.quotes(RICH)
    assert player.session.state == "ACTIVE"


def test_a_clock_that_the_broker_disagrees_with_enters_nothing() -> None:
    player = Player(connect=False)
    player.resolve()
    player.say(ev.Hello(ACCOUNT, T0_NS - 3_600 * 10**9))
    player.answer_all()
    player.live()
    player.quotes(RICH)
    assert "clock" in player.session.reasons
    assert not player.orders


def test_the_margin_is_asked_before_the_first_entry_of_a_day() -> None:
    player = Player(margin_check=True)
    player.quotes(RICH)
    (ask,) = player.pick(Ask)
    assert (ask.kind, ask.side, ask.contracts, ask.shares) == ("margin", -1, 1, 502)
    player.quotes(RICH)
    assert not player.orders
    assert not player.pick(Ask)
    player.say(ev.Margin(ask.query, True, "fine"))
    assert len(player.orders) == 2
    assert player.store.day.margin_checked


def test_an_account_without_the_margin_enters_nothing() -> None:
    player = Player(margin_check=True)
    player.quotes(RICH)
    player.say(ev.Margin(player.pick(Ask)[0].query, False, "21,000 of 5,000 USD"))
    assert not player.orders
    assert "margin" in player.alarms
    player.quotes(RICH)
    assert not player.orders


def test_shares_that_nobody_lends_are_not_sold() -> None:
    player = Player()
    player.say(ev.Shortable(100))
    player.quotes(5_989.0)
    assert player.pick(Seen)[0].refusal == "no shares to borrow"
    player.say(ev.Shortable(1_000))
    player.quotes(5_989.0)
    assert len(player.orders) == 2


def test_near_expiry_the_next_contract_is_asked_for() -> None:
    player = Player(roll_before_s=30 * 86_400.0)
    player.quotes(RICH)
    assert [each.expires_after_ns for each in player.pick(AskContract)] == [EXPIRY_NS]
    player.resolve(con_id=7, expiry_ns=EXPIRY_NS + 91 * DAY_NS)
    player.quotes(6_080.0)
    assert player.orders[0].con_id == 7


def test_a_contract_is_not_changed_under_a_pair() -> None:
    player = Player()
    player.hold()
    assert player.session.held_con_id == 1
    player.resolve(con_id=7, expiry_ns=EXPIRY_NS + 91 * DAY_NS)
    assert "contract" in player.pick(Alarm, player.all)[-1].kind
    player.quotes(FAIR)
    assert player.orders[0].con_id == 1


def test_new_terms_move_fair_value() -> None:
    player = Player()
    player.quotes(FAIR)
    assert not player.orders
    player.say(ev.Terms(d=0.2))
    player.quotes(FAIR)
    assert len(player.orders) == 2


# --- coming back --------------------------------------------------------------------------------


def test_a_restart_believes_the_store_and_sends_nothing_twice() -> None:
    player = Player()
    player.hold()
    again = [player.restart() for _ in range(2)]
    assert [each.session.positions() for each in again] == [{FUT: -1, ETF: 502}] * 2
    after = again[0]
    after.resolve()
    after.connect()
    after.answer_all()
    after.live()
    assert after.session.state == "ACTIVE"
    assert not after.pick(Ask)
    before = dict(after.store.orders)
    after.connect()
    after.answer_all()
    assert after.store.orders == before
    after.live()
    after.quotes(FAIR)
    assert {order.role for order in after.orders} == {"exit"}
    assert min(order.ref for order in after.orders) > max(before)


def test_an_intent_that_never_left_is_gone_after_two_looks() -> None:
    player = Player()
    player.enter()
    after = player.restart()
    after.resolve()
    after.connect()
    after.answer_all()
    assert after.session.exposure()[ETF][1] == 502
    after.say(ev.Tick(), after_s=1.0)
    after.answer_all()
    assert {row.state for row in after.store.orders.values()} == {"gone"}
    assert after.store.trades[1].phase == "void"
    assert after.session.state == "ACTIVE"


def test_the_cooldown_is_kept_over_a_restart() -> None:
    player = Player(cooldown_s=60.0)
    player.hold()
    player.quotes(FAIR)
    for order in player.orders:
        player.fill(order)
    after = player.restart(cooldown_s=60.0)
    after.resolve()
    after.connect()
    after.answer_all()
    after.live()
    after.quotes(RICH, after_s=30.0)
    assert not after.orders
    after.quotes(RICH, after_s=31.0)
    assert len(after.orders) == 2


@pytest.mark.parametrize("store_id", ["", "a-b", "x" * 13, "ä"])
def test_a_store_id_is_letters_and_digits(store_id: str) -> None:
    with pytest.raises(ConfigError, match="store's id"):
        DeskSession(DeskSettings(), store_id)


def test_a_store_with_a_ref_that_no_desk_wrote_is_refused() -> None:
    player = Player()
    fut, _ = player.enter()
    with pytest.raises(BrokenInvariant, match="no desk ever wrote"):
        Player(Snapshot(orders=(replace(fut, ref="nonsense"),)), connect=False)


def test_messages_keep_to_the_cap_and_the_reserve_is_for_cancels() -> None:
    player = Player(message_cap=20, cancel_reserve=18)
    player.quotes(RICH)  # three questions went just before
    assert not player.orders
    assert player.pick(Seen)[0].refusal == "message rate"
    player.quotes(RICH, after_s=1.0)
    assert len(player.orders) == 2
    player.say(ev.Kill("test"))
    assert len(player.pick(Cancel)) == 2
