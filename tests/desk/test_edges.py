"""The desk where things meet: restarts in mid-step, corrections, strangers, days begun with a position."""

import pytest
from desk_player import DAY_NS, FAIR, RICH, T0_NS, Player

from arbcore.carry.pairs import ETF, FUT
from arbcore.desk import events as ev
from arbcore.desk.commands import Alarm, Ask, Cancel, SaveExecution, SaveTrade


def restarted(player: Player, **settings: object) -> Player:
    """Another desk on the same store and broker, connected, looked at twice, live."""
    after = player.restart(**settings)
    after.resolve()
    after.connect()
    after.answer_all()
    after.say(ev.Tick(), after_s=1.0)
    after.answer_all()
    after.live()
    return after


# --- restarts in every phase --------------------------------------------------------------------


def test_a_hedge_goes_on_after_a_restart() -> None:
    player = Player()
    fut, etf = player.enter()
    player.fill(fut)
    player.out(etf)
    assert player.pair["phase"] == "hedging"
    after = restarted(player)
    after.quotes(RICH)
    (hedge,) = after.orders
    assert (hedge.leg, hedge.quantity, hedge.role) == (ETF, 502, "hedge")


def test_a_pair_that_was_leaving_and_is_whole_waits_for_the_signal() -> None:
    player = Player()
    player.hold()
    player.quotes(FAIR)
    after = restarted(player)
    assert after.pair["phase"] == "held"
    after.quotes(FAIR, after_s=1.1)
    assert {order.role for order in after.orders} == {"exit"}


def test_a_pair_that_was_leaving_by_halves_is_closed() -> None:
    player = Player()
    player.hold()
    player.quotes(FAIR)
    fut, _ = player.orders
    player.fill(fut)
    after = restarted(player)
    after.quotes(FAIR)
    (rest,) = after.orders
    assert (rest.leg, rest.side, rest.role) == (ETF, -1, "flatten")


def test_an_execution_stored_before_its_order_still_ends_the_order() -> None:
    player = Player()
    fut, etf = player.enter()
    before = dict(player.store.orders)
    player.fill(fut)
    player.fill(etf)
    player.store.orders = before
    after = player.restart()
    assert not any(sum(sides.values()) for sides in after.session.exposure().values())
    assert after.session.positions() == {FUT: -1, ETF: 502}


def test_a_commission_of_a_pair_that_is_over_is_added_after_a_restart() -> None:
    player = Player()
    player.hold()
    player.quotes(FAIR)
    for order in player.orders:
        player.fill(order)
    after = restarted(player)
    for number in range(1, 5):
        after.say(ev.Commission(f"e.{number}.01", 1.0))
    assert after.pick(SaveTrade)[-1].row.commission == pytest.approx(4.0)
    assert after.store.trades[1].fut_exit == FAIR + 0.25


def test_a_fill_of_a_pair_that_the_snapshot_left_out_halts() -> None:
    player = Player()
    fut, etf = player.enter()
    player.out(fut)
    player.out(etf)
    player.store.trades.clear()
    after = restarted(player)
    after.fill(etf)
    assert "mismatch" in after.session.reasons


# --- corrections --------------------------------------------------------------------------------


def test_a_correction_of_the_price_moves_the_money_only() -> None:
    player = Player()
    player.hold()
    first = player.executions[0]
    player.say(ev.Execution("e.1.02", first.ref, first.perm_id, FUT, -1, 1, RICH + 1, first.ts_ns))
    assert player.pair["phase"] == "held"
    assert player.pick(SaveExecution)[0].row.revision == 2
    assert player.store.executions["e.1"].price == RICH + 1
    player.quotes(FAIR)
    for order in player.orders:
        player.fill(order)
    assert player.store.trades[1].fut_entry == RICH + 1
    # And of a pair that is over.
    player.say(ev.Execution("e.1.03", first.ref, first.perm_id, FUT, -1, 1, RICH + 2, first.ts_ns))
    assert player.store.trades[1].fut_entry == RICH + 2


def test_a_correction_of_the_quantity_breaks_the_pair_and_it_is_mended() -> None:
    player = Player()
    player.hold()
    first = player.executions[1]
    player.say(ev.Execution("e.2.02", first.ref, first.perm_id, ETF, 1, 402, 600.01, first.ts_ns))
    (hedge,) = player.orders
    assert (hedge.leg, hedge.side, hedge.quantity, hedge.role) == (ETF, 1, 100, "hedge")


def test_an_execution_that_does_not_fit_its_order_halts() -> None:
    player = Player()
    fut, _ = player.enter()
    player.say(ev.Execution("e.1.01", fut.ref, 1, FUT, 1, 1, RICH, 0))
    assert "mismatch" in player.session.reasons
    assert player.session.positions() == {FUT: 0, ETF: 0}


@pytest.mark.parametrize(("quantity", "price"), [(0, RICH), (-1, RICH), (1, float("nan")), (1, 0.0)])
def test_an_execution_that_is_none_halts(quantity: int, price: float) -> None:
    player = Player()
    fut, _ = player.enter()
    player.say(ev.Execution("e.1.01", fut.ref, 1, FUT, -1, quantity, price, 0))
    assert "mismatch" in player.session.reasons


# --- strangers ----------------------------------------------------------------------------------


def test_news_of_orders_that_are_not_ours_change_nothing() -> None:
    player = Player()
    player.say(ev.OrderStatus("theirs", 4, "Cancelled", 0, 1))
    player.say(ev.OrderError("theirs", 201, "no"))
    player.say(ev.QueryFailed(999, "no"))
    player.say(ev.Positions(999, (ev.PositionLine(FUT, 1, 5),)))
    player.say(ev.Executions(999, ()))
    player.say(ev.Margin(999, False, "no"))
    assert not player.found
    assert player.session.state == "ACTIVE"


def test_a_trade_under_our_ref_that_the_store_does_not_know_halts() -> None:
    player = Player()
    player.say(ev.Execution("x.1.01", "t-0000077E", 3, FUT, 1, 1, RICH, 0))
    assert "unknown order" in player.session.reasons


@pytest.mark.parametrize("status", ["Filled", "Cancelled", "Inactive"])
def test_an_order_that_is_told_among_the_open_ones_but_is_over_is_over(status: str) -> None:
    player = Player()
    fut, etf = player.enter()
    player.say(ev.LinkLost("gone"))
    player.connect()
    ask = player.asked.pop()
    lines = tuple(ev.OpenOrder(order.ref, 900 + n, order.leg, status) for n, order in enumerate((fut, etf)))
    player.say(ev.OpenOrders(ask.query, lines))
    assert not player.pick(Cancel)
    player.answer_all()
    assert player.pair is None
    assert player.session.state == "ACTIVE"


def test_another_programs_open_order_is_said() -> None:
    player = Player(connect=False)
    player.resolve()
    player.connect()
    ask = player.asked.pop()
    player.say(ev.OpenOrders(ask.query, (ev.OpenOrder("", 5, ETF, "Submitted"),)))
    assert "foreign order" in player.alarms


# --- days ---------------------------------------------------------------------------------------


def test_a_date_begins_with_what_is_held_at_its_last_worth() -> None:
    player = Player(daily_loss_usd=250.0, stop_bps=0.0, max_hold_days=30.0)
    player.hold()
    player.quotes(RICH + 3)
    before = player.session.status()["day_pnl"]
    player.skew_ns = DAY_NS
    player.say(ev.Hello("DU1", T0_NS - 10**9 + player.now_ns + DAY_NS))
    player.answer_all()
    assert before < -100
    assert player.session.status()["day_pnl"] == pytest.approx(0.0)


def test_a_restart_on_another_date_takes_the_first_prices_for_it() -> None:
    player = Player(daily_loss_usd=250.0, stop_bps=0.0, max_hold_days=30.0)
    player.hold()
    after = player.restart(daily_loss_usd=250.0, stop_bps=0.0, max_hold_days=30.0)
    after.skew_ns = DAY_NS
    after.resolve()
    assert after.session.status()["day_pnl"] is None
    after.connect()
    after.answer_all()
    after.live()
    after.quotes(RICH + 40)
    assert after.session.status()["day_pnl"] == pytest.approx(0.0)
    assert after.session.state == "ACTIVE"
    after.quotes(RICH + 46)
    assert "daily loss" in after.session.reasons


def test_closing_for_the_days_loss_climbs_the_ladder_when_it_is_rejected() -> None:
    player = Player(daily_loss_usd=250.0, stop_bps=0.0)
    player.hold()
    player.quotes(RICH + 10)
    kinds = []
    for _ in range(3):
        first, second = player.orders
        kinds.append((first.role, first.kind))
        player.reject(first)
        player.reject(second)
    assert kinds == [("exit", "LMT"), ("flatten", "LMT"), ("flatten", "MKT")]
    assert player.session.positions() == {FUT: -1, ETF: 502}


# --- time and patience --------------------------------------------------------------------------


def test_a_pair_that_must_go_and_cannot_is_said_aloud() -> None:
    player = Player()
    player.hold()
    player.say(ev.Halted(ETF, True))
    player.say(ev.Kill("test"))
    assert "cannot close" in player.alarms
    assert not player.orders


def test_an_exit_pauses_after_a_miss() -> None:
    player = Player()
    player.hold()
    player.quotes(FAIR)
    for order in player.orders:
        player.out(order)
    player.quotes(FAIR, after_s=0.2)
    assert not player.orders


def test_an_order_that_no_cancel_ends_is_said_aloud() -> None:
    player = Player(hedge_timeout_s=60.0)
    fut, etf = player.enter()
    player.fill(fut)
    said = []
    for _ in range(40):
        player.say(ev.Tick(), after_s=0.5)
        said += player.alarms
        while player.asked:
            player.answer(player.asked[0], open_refs=(etf.ref,))
    assert "stuck order" in said
    assert len(player.pick(Cancel, player.all)) < 40
    assert player.session.exposure()[ETF][1] == 502


def test_a_margin_question_that_nobody_answers_is_asked_again() -> None:
    player = Player(margin_check=True, query_timeout_s=4.0)
    player.quotes(RICH)
    first = player.pick(Ask)[0].query
    assert not player.session.settled
    player.say(ev.Tick(), after_s=4.0)
    assert player.session.settled
    player.quotes(RICH)
    assert player.pick(Ask)[0].query > first


def test_a_hedge_beyond_the_limit_is_given_back() -> None:
    player = Player(etf_headroom=1.01, contracts=2)
    fut, etf = player.enter()
    player.fill(fut)
    player.fill(etf, 500)
    player.session._core.gate.set_factor(5.0)
    player.out(etf, 500)
    assert {(order.leg, order.role) for order in player.orders} == {(FUT, "flatten"), (ETF, "flatten")}


def test_two_orders_that_do_not_both_fit_the_pace_wait_together() -> None:
    player = Player(message_cap=10, cancel_reserve=5)
    player.now_ns += 10**9
    player.hold()  # two messages
    player.say(ev.Kill("test"))  # two more
    for order in player.orders:
        player.out(order)
    assert not player.orders
    player.say(ev.Tick(), after_s=1.0)
    assert len(player.orders) == 2


def test_two_orders_of_a_broken_pair_that_do_not_both_fit_the_pace_wait_together_too() -> None:
    player = Player(message_cap=10, cancel_reserve=6)
    player.now_ns += 10**9
    fut, etf = player.enter()  # two messages
    player.fill(fut)
    player.fill(etf, 100)
    player.out(etf, 100)
    (hedge,) = player.orders  # a third one
    player.reject(hedge)
    assert not player.orders
    player.say(ev.Tick(), after_s=1.0)
    assert [(order.leg, order.quantity) for order in player.orders] == [(FUT, 1), (ETF, 100)]


def test_old_pairs_are_forgotten() -> None:
    player = Player()
    player.hold()
    player.quotes(FAIR)
    for order in player.orders:
        player.fill(order)
    player.skew_ns = 3 * DAY_NS
    player.say(ev.Hello("DU1", T0_NS - 10**9 + player.now_ns + 3 * DAY_NS))
    player.say(ev.Tick(), after_s=1.0)
    core = player.session._core
    assert not core.orders.all
    assert not core.ledger.rows
    assert not player.session._pairs.over


def test_deadlines_are_in_the_future_and_ticks_are_few() -> None:
    player = Player()
    player.enter()
    ticks = 0
    until_ns = player.now_ns + 10 * 10**9
    while player.session.next_deadline_ns <= until_ns:
        assert player.session.next_deadline_ns > player.now_ns
        player.now_ns = player.session.next_deadline_ns
        player.say(ev.Tick())
        ticks += 1
        player.asked.clear()
    assert ticks < 25


def test_alarms_are_repeated_but_not_at_every_turn() -> None:
    player = Player(alarm_repeat_s=60.0)
    player.say(ev.DataType(FUT, 3))
    for _ in range(100):
        player.say(ev.DataType(FUT, 3), after_s=1.0)
    assert len([a for a in player.pick(Alarm, player.all) if a.kind == "data ES"]) == 2
