"""A pair's life: the entry, the residual and its ladder, the exits; a person plays the broker."""

from dataclasses import replace

import pytest
from desk_player import CHEAP, DAY_NS, EXPIRY_NS, FAIR, RICH, T0_NS, Player

from arbcore.carry.pairs import ETF, FUT, pair_named
from arbcore.desk import events as ev
from arbcore.desk.commands import Alarm, Ask, Cancel, SaveTrade, SendOrder


def test_both_legs_leave_at_once_at_the_touch_and_the_pair_is_stored_first() -> None:
    player = Player()
    fut, etf = player.enter()
    assert (fut.leg, fut.side, fut.quantity, fut.limit, fut.kind, fut.tif) == (FUT, -1, 1, RICH, "LMT", "IOC")
    # floor(50 · 6029 / 600.01 + 0.5)
    assert (etf.leg, etf.side, etf.quantity, etf.limit, etf.tif) == (ETF, 1, 502, 600.01, "IOC")
    kinds = [type(command) for command in player.found]
    assert kinds.index(SaveTrade) < kinds.index(SendOrder)
    assert fut.ref == "t-0000001E"
    assert etf.ref == "t-0000002S"


def test_the_reverse_buys_the_future_at_the_ask() -> None:
    player = Player()
    fut, etf = player.enter(CHEAP)
    assert (fut.side, fut.limit, etf.side, etf.limit) == (1, CHEAP + 0.25, -1, 600.0)


def test_micro_futures_take_a_tenth_of_the_shares() -> None:
    assert Player(pair=pair_named("mes-spy")).enter()[1].quantity == 50


def test_a_pair_is_held_and_closed_by_fills_only() -> None:
    player = Player()
    fut, etf = player.enter()
    player.out(fut, 1, "Filled")
    player.out(etf, 502, "Filled")
    assert player.pair["phase"] == "entering"
    player.fill(fut)
    player.fill(etf)
    assert player.pair["phase"] == "held"
    player.quotes(FAIR)
    fut, etf = player.orders
    assert {order.role for order in player.orders} == {"exit"}
    player.out(fut, 1, "Filled")
    player.out(etf, 502, "Filled")
    assert player.session.positions() == {FUT: -1, ETF: 502}
    player.fill(fut)
    player.fill(etf)
    assert player.pair is None
    row = player.store.trades[1]
    assert (row.phase, row.exit_reason, row.contracts, row.shares) == ("closed", "converged", 1, 502)
    assert row.gross == pytest.approx(50 * (RICH - FAIR - 0.25) + 502 * (600.0 - 600.01))


def test_an_entry_that_misses_holds_nothing_and_pauses() -> None:
    player = Player(cooldown_s=30.0)
    for order in player.enter():
        player.out(order)
    assert player.pair is None
    assert player.store.trades[1].phase == "void"
    player.quotes(RICH, after_s=29.0)
    assert not player.orders
    player.quotes(RICH, after_s=2.0)
    assert len(player.orders) == 2


def test_missing_shares_are_hedged_by_a_marketable_limit_then_the_market_then_reversed() -> None:
    player = Player()
    fut, etf = player.enter()
    player.fill(fut)
    player.fill(etf, 200)
    player.out(etf, 200)
    assert player.alarms == ["residual"]
    (hedge,) = player.orders
    assert (hedge.leg, hedge.side, hedge.quantity, hedge.kind, hedge.tif) == (ETF, 1, 302, "LMT", "IOC")
    assert hedge.limit == 600.61  # the ask and 10 bps, on the tick
    player.fill(hedge, 100)
    player.out(hedge, 100)
    (market,) = player.orders
    assert (market.quantity, market.kind, market.limit, market.tif) == (202, "MKT", None, "DAY")
    player.reject(market)
    reverse = {order.leg: (order.side, order.quantity, order.role) for order in player.orders}
    assert reverse == {FUT: (1, 1, "flatten"), ETF: (-1, 300, "flatten")}
    for order in player.orders:
        player.fill(order)
    assert player.session.positions() == {FUT: 0, ETF: 0}
    assert player.store.trades[1].exit_reason == "unhedged"


def test_a_missing_future_is_hedged_with_the_future() -> None:
    player = Player()
    fut, etf = player.enter()
    player.fill(etf)
    player.out(fut)
    (hedge,) = player.orders
    assert (hedge.leg, hedge.side, hedge.quantity) == (FUT, -1, 1)
    player.fill(hedge)
    assert player.pair["phase"] == "held"


def test_few_shares_without_a_future_are_given_back() -> None:
    player = Player()
    fut, etf = player.enter()
    player.fill(etf, 200)
    player.out(etf, 200)
    player.out(fut)
    (back,) = player.orders
    assert (back.leg, back.side, back.quantity, back.role) == (ETF, -1, 200, "reverse")
    player.fill(back)
    assert player.pair is None
    given_back_ns = T0_NS - 10**9 + player.now_ns
    row = player.store.trades[1]
    assert (row.phase, row.exit_ns, row.exit_reason) == ("closed", given_back_ns, "unhedged")


def test_a_part_of_several_contracts_is_made_whole() -> None:
    player = Player(contracts=3)
    fut, etf = player.enter()
    assert (fut.quantity, etf.quantity) == (3, 1507)
    player.fill(fut, 2)
    player.out(fut, 2)
    player.fill(etf)
    (hedge,) = player.orders
    assert (hedge.leg, hedge.quantity) == (FUT, 1)
    player.out(hedge)
    (again,) = player.orders
    assert (again.leg, again.kind) == (FUT, "MKT")


def test_silence_is_a_cancel_then_doubt_then_a_question_and_never_flat() -> None:
    player = Player()
    fut, etf = player.enter()
    player.fill(fut)
    player.say(ev.Tick(), after_s=1.0)
    assert [cancel.ref for cancel in player.pick(Cancel)] == [etf.ref]
    player.say(ev.Tick(), after_s=1.0)
    assert [ask.kind for ask in player.pick(Ask)] == ["open_orders"]
    assert player.session.exposure()[ETF][1] == 502
    assert not player.orders
    # It was filled all along; only the answer says so.
    held = player.session.positions()
    player.executions.append(ev.Execution("x.1.01", etf.ref, 9, ETF, 1, 502, 600.01, 0))
    player.positions[ETF] += 502
    player.answer_all()
    assert player.session.positions() == {FUT: held[FUT], ETF: 502}
    assert player.pair["phase"] == "held"


@pytest.mark.parametrize("code", [10349, 399, 161, 10148])
def test_a_cancel_that_only_a_library_believes_settles_nothing(code: int) -> None:
    player = Player()
    fut, etf = player.enter()
    player.fill(fut)
    player.say(ev.OrderError(etf.ref, code, "An error that a library takes for the end"))
    player.out(etf)
    assert not player.orders
    assert player.session.exposure()[ETF][1] == 502
    player.fill(etf)
    assert player.pair["phase"] == "held"


def test_after_our_own_cancel_the_brokers_word_is_checked() -> None:
    player = Player()
    fut, etf = player.enter()
    player.fill(fut)
    player.say(ev.Tick(), after_s=1.0)
    player.out(etf)
    assert [ask.kind for ask in player.pick(Ask)] == ["open_orders"]
    assert not player.orders


def test_a_status_that_knows_of_more_fills_waits_for_them() -> None:
    player = Player()
    fut, etf = player.enter()
    player.fill(fut)
    player.out(etf, 300)
    assert not player.orders
    player.fill(etf, 300)
    (hedge,) = player.orders
    assert hedge.quantity == 202


def test_a_naked_leg_is_said_aloud_and_reversed_when_time_is_up() -> None:
    player = Player(hedge_timeout_s=3.0)
    fut, etf = player.enter()
    player.fill(fut)
    player.say(ev.Halted(ETF, True))
    player.out(etf)
    assert not player.orders
    player.say(ev.Quote(FUT, RICH, RICH + 0.25), after_s=2.9)
    assert "naked_leg" not in player.alarms
    player.say(ev.Quote(FUT, RICH, RICH + 0.25), after_s=0.2)
    assert "naked_leg" in player.alarms
    (back,) = player.orders
    assert (back.leg, back.side, back.role) == (FUT, 1, "flatten")
    player.fill(back)
    assert player.pair is None


def test_with_no_prices_at_all_a_naked_leg_goes_at_the_market() -> None:
    player = Player(hedge_timeout_s=2.0, stale_s=0.5)
    fut, etf = player.enter()
    player.fill(fut)
    player.say(ev.Tick(), after_s=0.6)
    player.out(etf)
    assert not player.orders
    player.say(ev.Tick(), after_s=1.0)
    assert not player.orders
    player.say(ev.Tick(), after_s=1.0)
    assert [(order.kind, order.leg, order.side) for order in player.orders] == [("MKT", FUT, 1)]


@pytest.mark.parametrize(
    ("order", "first", "second"), [("fut_first", FUT, ETF), ("etf_first", ETF, FUT)], ids=["fut", "etf"]
)
def test_one_leg_first_and_the_other_for_what_it_filled(order: str, first: str, second: str) -> None:
    player = Player(entry_order=order, contracts=2)
    player.quotes(RICH)
    (one,) = player.orders
    assert one.leg == first
    half = one.quantity // 2
    player.fill(one, half)
    player.out(one, half)
    (other,) = player.orders
    assert (other.leg, other.role) == (second, "entry")
    # 1005 shares for two contracts: half of one more or less is no residual.
    assert other.quantity == (503 if second == ETF else 1)
    player.fill(other)
    assert player.pair["phase"] == "held"
    assert player.pair["contracts"] == 1


def test_a_leg_first_that_misses_sends_nothing_else() -> None:
    player = Player(entry_order="fut_first")
    player.quotes(RICH)
    player.out(player.orders[0])
    assert not player.orders
    assert player.pair is None


def test_a_late_fill_of_a_pair_that_is_over_is_closed_and_said_aloud() -> None:
    player = Player()
    fut, etf = player.enter()
    player.out(fut)
    player.out(etf)
    assert player.pair is None
    player.fill(etf)
    assert player.alarms == ["late_fill", "late_fill"] or "late_fill" in player.alarms
    (back,) = player.orders
    assert (back.leg, back.side, back.quantity) == (ETF, -1, 502)


def test_an_exit_that_misses_waits_for_the_next_signal_and_then_insists() -> None:
    player = Player()
    player.hold()
    for _ in range(3):
        player.quotes(FAIR, after_s=1.1)
        assert {order.role for order in player.orders} == {"exit"}
        for order in player.orders:
            player.out(order)
        assert player.pair["phase"] == "held"
    player.quotes(FAIR, after_s=1.1)
    last = player.orders
    for order in last:
        player.out(order)
    assert {order.role for order in player.orders} == {"flatten"}


def test_a_half_exit_is_finished() -> None:
    player = Player()
    player.hold()
    player.quotes(FAIR)
    fut, etf = player.orders
    player.fill(fut)
    player.fill(etf, 100)
    player.out(etf, 100)
    (rest,) = player.orders
    assert (rest.leg, rest.side, rest.quantity, rest.role) == (ETF, -1, 402, "flatten")


def test_closing_gives_up_after_so_many_rounds_and_halts() -> None:
    player = Player(unwind_tries_max=4)
    player.hold()
    player.say(ev.Kill("test"))
    placed = 0
    for _ in range(30):
        waiting = list(player.orders)
        while waiting:
            placed += 1
            player.reject(waiting.pop(0))
            waiting += player.orders
        player.quotes(RICH, after_s=1.0)
    assert placed == 2 * (1 + 4)
    assert player.session.reasons == ("kill switch", "unwind failed")
    assert player.session.state == "HALTED"
    assert player.session.positions() == {FUT: -1, ETF: 502}


def test_of_a_whole_pair_no_leg_is_closed_alone() -> None:
    player = Player()
    player.hold()
    player.say(ev.Kill("test"))
    for order in player.orders:
        player.out(order)
    assert len(player.orders) == 2
    player.say(ev.Halted(ETF, True))
    first, second = player.pick(SendOrder, player.all)[-1].orders
    player.out(first)
    player.out(second)
    assert not player.orders
    assert "cannot close" in player.alarms
    player.say(ev.Halted(ETF, False))
    assert len(player.orders) == 2


def test_of_a_broken_pair_the_leg_that_can_go_goes_if_that_helps() -> None:
    player = Player()
    player.hold()
    player.quotes(FAIR)
    fut, etf = player.orders
    player.fill(etf)
    player.say(ev.Halted(ETF, True))
    player.out(fut)
    (rest,) = player.orders
    assert (rest.leg, rest.quantity) == (FUT, 1)


def test_an_order_that_fills_more_than_it_asked_halts() -> None:
    player = Player()
    fut, _ = player.enter()
    player.fill(fut)
    player.fill(fut)
    assert player.session.state == "HALTED"
    assert "overfill" in player.session.reasons


@pytest.mark.parametrize(
    ("fut", "settings", "reason", "after_s"),
    [
        (RICH + 30, {"stop_bps": 40.0}, "stop_loss", 1.0),
        (RICH, {"max_hold_days": 60 / 86_400}, "max_hold", 61.0),
        (FAIR, {}, "converged", 1.0),
    ],
    ids=["stop", "max hold", "converged"],
)
def test_the_signal_says_why_a_pair_goes(fut: float, settings: dict, reason: str, after_s: float) -> None:
    player = Player(**settings)
    player.hold()
    player.quotes(fut, after_s=after_s)
    for order in player.orders:
        player.fill(order)
    assert player.store.trades[1].exit_reason == reason


def test_a_pair_is_rolled_before_its_contract_expires_and_no_other_is_entered() -> None:
    player = Player(roll_before_s=(EXPIRY_NS - T0_NS) / 1e9 - 600.0)
    player.hold()
    for _ in range(20):
        player.quotes(RICH, after_s=60.0)
        for order in player.orders:
            player.fill(order)
    assert player.store.trades[1].exit_reason == "roll"
    assert len(player.store.trades) == 1


@pytest.mark.parametrize(
    ("order", "second", "limit"), [("fut_first", ETF, 600.01), ("etf_first", FUT, RICH)], ids=["fut", "etf"]
)
def test_the_leg_that_waited_goes_at_the_touch_and_is_no_hedge(order: str, second: str, limit: float) -> None:
    player = Player(entry_order=order)
    player.quotes(RICH)
    player.fill(player.orders[0])
    (other,) = player.orders
    assert (other.leg, other.limit, other.kind, other.tif) == (second, limit, "LMT", "IOC")
    assert player.pair["phase"] == "entering"
    assert player.alarms == []


def test_a_leg_that_waited_and_may_not_leave_is_hedged_at_once() -> None:
    player = Player(entry_order="fut_first")
    player.quotes(RICH)
    (fut,) = player.orders
    player.say(ev.Halted(ETF, True))
    player.fill(fut)
    assert not player.orders
    assert player.pair["phase"] == "hedging"
    assert "residual" in player.alarms


def test_after_two_hedges_that_miss_the_filled_leg_is_reversed() -> None:
    player = Player()
    fut, etf = player.enter()
    player.fill(fut)
    player.out(etf)
    (limit,) = player.orders
    player.out(limit)
    (market,) = player.orders
    assert [(each.kind, each.role) for each in (limit, market)] == [("LMT", "hedge"), ("MKT", "hedge")]
    player.out(market)
    (back,) = player.orders
    assert (back.leg, back.side, back.quantity, back.role) == (FUT, 1, 1, "flatten")


def test_a_pair_expires_with_its_own_future_and_no_sooner() -> None:
    player = Player()
    player.hold()
    pairs = player.session._pairs
    (trade,) = pairs.open.values()
    assert pairs.expiry_ns == EXPIRY_NS
    pairs.expire(EXPIRY_NS - 1)
    assert (trade.expired, trade.phase, pairs.expiry_ns) == (False, "held", EXPIRY_NS)
    pairs.expire(EXPIRY_NS)
    assert (trade.expired, trade.phase, trade.exit_reason) == (True, "unwinding", "expiry")
    assert pairs.expiry_ns == 2**62, "no other one is to come"
    said = len(pairs.core.out)
    pairs.expire(EXPIRY_NS + 1)
    assert len(pairs.core.out) == said, "it is said once"


@pytest.mark.parametrize("phase", ["entering", "exiting"])
def test_what_is_under_way_at_the_expiry_ends_in_giving_the_shares_back(phase: str) -> None:
    player = Player(connect=False, roll_before_s=0.0)
    player.resolve(expiry_ns=T0_NS + 10**9 // 2)
    player.connect()
    player.answer_all()
    player.live()
    if phase == "entering":
        fut, etf = player.enter()
        player.fill(fut)
        player.fill(etf, 300)
    else:
        player.hold()
        player.quotes(6_000.0)
        fut, etf = player.orders
        player.out(fut)
    assert player.pair["phase"] == phase
    player.say(ev.Tick(), after_s=0.4)
    assert not player.orders
    shares = player.session.positions()[ETF]
    player.out(etf, 300 if phase == "entering" else 0)
    (back,) = player.orders
    assert (back.leg, back.side, back.quantity, back.role) == (ETF, -1, shares, "flatten")


@pytest.mark.parametrize("again", [False, True])
def test_a_pair_that_was_void_gives_back_what_a_late_fill_brought_also_after_a_restart(again: bool) -> None:
    player = Player()
    fut, etf = player.enter()
    player.out(fut)
    player.out(etf)
    if again:
        player = player.restart()
        player.resolve()
        player.connect()
        player.answer_all()
        player.live()
    player.quotes(FAIR)
    player.fill(etf, 100)
    assert "late_fill" in player.alarms
    (back,) = player.orders
    assert (back.leg, back.side, back.quantity) == (ETF, -1, 100)


def test_a_pair_of_which_only_some_executions_are_stored_keeps_its_row() -> None:
    player = Player()
    player.hold()
    player.quotes(FAIR)
    for order in player.orders:
        player.fill(order)
    for kept in (4, 3):
        player.store.executions = dict(list(player.store.executions.items())[:kept])
        after = player.restart()
        after.say(ev.Commission("e.1.01", float(kept)))
        assert len(after.pick(SaveTrade)) == (1 if kept == 4 else 0)


def test_an_ordinary_entry_is_stored_as_entering_and_held_and_alarms_nobody() -> None:
    player = Player()
    player.hold()
    assert [save.row.phase for save in player.pick(SaveTrade, player.all)] == ["entering", "held"]
    assert not player.pick(Alarm, player.all)
    assert player.session._pairs.calm


def test_an_exit_that_may_not_leave_is_tried_again_a_second_later() -> None:
    player = Player()
    player.hold()
    player.say(ev.Halted(ETF, True))
    player.say(ev.Kill("test"))
    assert not player.orders
    (trade,) = player.session._pairs.open.values()
    assert trade.wake_ns == player.now_ns + 10**9


def test_a_refusal_pulls_no_order_a_second_time() -> None:
    player = Player()
    fut, etf = player.enter()
    player.say(ev.Tick(), after_s=1.0)
    assert {cancel.ref for cancel in player.pick(Cancel)} == {fut.ref, etf.ref}
    player.reject(fut)
    assert not player.pick(Cancel)


@pytest.mark.parametrize(
    ("tries", "pause_s"),
    [(0, 0), (1, 0), (2, 0), (3, 1), (4, 2), (5, 4), (6, 8), (7, 16), (8, 30), (9, 30), (60, 30)],
)
def test_rounds_of_closing_come_at_once_and_then_slower_and_slower(tries: int, pause_s: int) -> None:
    assert Player().session._pairs._backoff_ns(tries) == pause_s * 10**9


def test_a_late_fill_of_an_earlier_pair_is_given_back_beside_the_pair_that_is_held() -> None:
    soon_ns = T0_NS + 100 * 10**9
    player = Player(connect=False, cooldown_s=1.0, roll_before_s=0.0)
    player.resolve(expiry_ns=soon_ns)
    player.connect()
    player.answer_all()
    player.live()
    fut, etf = player.enter()
    player.out(fut)
    player.out(etf)
    player.resolve(con_id=7)
    player.quotes(RICH, after_s=2.0)
    for order in player.orders:
        player.fill(order)
    assert player.session._pairs.expiry_ns == EXPIRY_NS
    player.fill(etf, 100)
    assert player.session._pairs.expiry_ns == soon_ns
    # What is missed is tried again, though the other pair is whole and wants nothing.
    for kind in ("LMT", "MKT"):
        (back,) = player.orders
        assert (back.leg, back.side, back.quantity, back.kind) == (ETF, -1, 100, kind)
        player.out(back)


@pytest.mark.parametrize("wrong", [FUT, ETF])
def test_a_leg_held_the_wrong_way_round_is_no_residual_to_hedge_and_all_of_it_goes(wrong: str) -> None:
    player = Player()
    player.hold()
    for key, row in player.store.executions.items():
        if row.leg == wrong:
            player.store.executions[key] = replace(row, side=-row.side)
    player.positions[wrong] *= -1
    after = player.restart()
    after.resolve()
    after.connect()
    after.live()
    after.quotes(RICH)
    after.answer_all()
    assert {order.leg: order.side * order.quantity for order in after.orders} == {
        leg: -held for leg, held in player.positions.items()
    }
    assert [order.role for order in after.orders] == ["flatten", "flatten"]


def test_a_pair_that_is_over_is_remembered_for_two_days() -> None:
    player = Player()
    for order in player.enter():
        player.out(order)
    player.quotes(RICH, after_s=61.0)
    for order in player.orders:
        player.fill(order)
    player.quotes(FAIR)
    for order in player.orders:
        player.fill(order)
    pairs = player.session._pairs
    void, closed = pairs.over.values()
    assert pairs.expiry_ns == 2**62, "neither of them expires any more"
    assert closed.exit_ns is not None
    for over_ns, left in ((void.entry_ns, [1, 2]), (closed.exit_ns, [2])):
        pairs.prune(over_ns + 2 * DAY_NS)
        assert list(pairs.over) == left
        pairs.prune(over_ns + 2 * DAY_NS + 1)
        assert list(pairs.over) == left[1:]
