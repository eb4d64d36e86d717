"""Refused orders: over at once, given back at once, counted, and what begins entries again."""

import pytest
from desk_player import FAIR, RICH, Player

from arbcore.carry.pairs import ETF, FUT
from arbcore.desk import events as ev
from arbcore.desk.commands import Cancel, SendOrder
from arbcore.desk.records import OrderRow


def refuse(player: Player, order: OrderRow, code: int = 451, words: str = "above the order limit") -> None:
    player.say(ev.OrderError(order.ref, code, words), after_s=0.001)


@pytest.mark.parametrize("refused", [FUT, ETF])
@pytest.mark.parametrize("filled_first", [True, False])
def test_the_other_leg_is_given_back_with_the_refusal(refused: str, filled_first: bool) -> None:
    player = Player()
    fut, etf = player.enter()
    bad, good = (fut, etf) if refused == FUT else (etf, fut)
    if filled_first:
        player.fill(good)
        refuse(player, bad)
    else:
        refuse(player, bad)
        assert [cancel.ref for cancel in player.pick(Cancel)] == [good.ref], "what works of it is pulled"
        player.fill(good)
    (back,) = player.orders
    assert (back.leg, back.side, back.quantity, back.role) == (good.leg, -good.side, good.quantity, "flatten")
    player.fill(back)
    assert player.pair is None
    row = player.store.orders[bad.ref]
    assert (row.state, row.reason) == ("rejected", "451 above the order limit")


def test_a_refused_hedge_is_not_tried_again() -> None:
    player = Player()
    fut, etf = player.enter()
    player.fill(fut)
    player.out(etf)
    (hedge,) = player.orders
    assert hedge.role == "hedge"
    refuse(player, hedge)
    (back,) = player.orders
    assert (back.leg, back.role) == (FUT, "flatten")


def test_an_acknowledged_order_is_asked_about_and_keeps_the_brokers_words() -> None:
    player = Player()
    fut, etf = player.enter()
    player.fill(fut)
    player.say(ev.OrderStatus(etf.ref, 901, "Submitted", 0, 502))
    refuse(player, etf, 201, "margin")
    assert not player.orders
    assert player.session.exposure()[ETF][1] == 502
    player.answer_all()
    (back,) = player.pick(SendOrder, player.all)[-1].orders
    assert (back.leg, back.role) == (FUT, "flatten")
    row = player.store.orders[etf.ref]
    assert (row.state, row.reason) == ("cancelled", "201 margin")


def refused_entry(player: Player, leg: str) -> None:
    player.say(ev.Tick(), after_s=1.0)
    for order in player.enter():
        if order.leg == leg:
            refuse(player, order)
        else:
            player.out(order)
    # The other leg's order was pulled by us, so its end is asked about.
    player.answer_all()
    assert player.pair is None


def test_three_refused_entries_in_a_row_on_a_leg_stop_entries() -> None:
    player = Player(cooldown_s=0.5)
    for count in (1, 2):
        refused_entry(player, ETF)
        assert player.session._news.refusals == {ETF: count}
        assert player.session.state == "ACTIVE"
    refused_entry(player, ETF)
    assert (player.session.state, player.session.reasons) == ("REDUCING", ("entries refused",))
    player.quotes(RICH, after_s=1.0)
    assert not player.orders
    player.say(ev.Kill("a person"))
    player.say(ev.KillLifted())
    assert (player.session.state, player.session._news.refusals) == ("ACTIVE", {})
    player.quotes(RICH, after_s=1.0)
    assert len(player.orders) == 2


def test_refusals_of_the_two_legs_are_counted_apart_and_an_entry_that_was_taken_ends_the_row() -> None:
    player = Player(cooldown_s=0.5)
    refused_entry(player, ETF)
    refused_entry(player, FUT)
    assert player.session._news.refusals == {FUT: 1}, "the entry in SPY between them was taken"
    refused_entry(player, ETF)
    refused_entry(player, ETF)
    assert player.session.state == "ACTIVE"
    assert player.session._news.refusals == {ETF: 2}


def test_a_pair_that_is_held_leaves_while_entries_are_stopped() -> None:
    player = Player()
    player.hold()
    player.session._core.restrict("entries refused", "thrice")
    player.quotes(FAIR)
    assert [order.role for order in player.orders] == ["exit", "exit"]


def test_a_kill_switch_that_is_lifted_leaves_a_stop_with_flatten_closing() -> None:
    player = Player()
    player.hold()
    player.say(ev.Stop("enough", flatten=True))
    player.say(ev.Kill("a person"))
    player.say(ev.KillLifted())
    assert player.session._core.gate.closing
    assert player.session.reasons == ("stopping",)


def test_an_order_that_never_left_is_over_and_no_refusal() -> None:
    player = Player()
    fut, etf = player.enter()
    for order in (fut, etf):
        player.say(ev.NotSent(order.ref, "the process was paused"))
    assert player.pair is None
    assert player.session._news.refusals == {}
    assert player.store.orders[fut.ref].reason == "not sent: the process was paused"
    player.say(ev.NotSent("t-0000099E", "nobody knows it"))
    assert player.session.state == "ACTIVE"


def test_an_order_that_was_refused_and_works_is_cancelled() -> None:
    player = Player()
    fut, _ = player.enter()
    refuse(player, fut, 77_777, "something that nobody listed")
    player.say(ev.OrderStatus(fut.ref, 901, "Submitted", 0, 1))
    assert [cancel.ref for cancel in player.pick(Cancel)] == [fut.ref]
    assert player.alarms == ["works all the same"]


# --- quotes that may be old -----------------------------------------------------------------------------

OLD = "quotes may be old until the broker answers"


def test_nothing_is_decided_on_what_arrives_before_the_answer() -> None:
    player = Player()
    player.say(ev.QuotesDoubted(1, "a pause"))
    player.quotes(RICH)
    assert not player.orders
    assert player.session.status()["waiting"] == OLD
    player.say(ev.BrokerClock(player.session._core.clock.utc_ns, 0))
    player.quotes(RICH)
    assert not player.orders, "it was asked before the pause"
    player.say(ev.BrokerClock(player.session._core.clock.utc_ns, 1))
    player.quotes(RICH)
    assert len(player.orders) == 2


def test_of_two_pauses_the_answer_to_the_later_one_counts() -> None:
    player = Player()
    player.say(ev.QuotesDoubted(1, "a pause"))
    player.say(ev.QuotesDoubted(2, "a subscription"))
    player.say(ev.BrokerClock(player.session._core.clock.utc_ns, 1))
    player.quotes(RICH)
    assert not player.orders
    player.say(ev.BrokerClock(player.session._core.clock.utc_ns, 2))
    player.quotes(RICH)
    assert len(player.orders) == 2


def test_a_leg_that_said_nothing_since_the_pause_is_stale() -> None:
    player = Player()
    player.quotes(FAIR)
    player.say(ev.QuotesDoubted(1, "a pause"))
    player.say(ev.BrokerClock(player.session._core.clock.utc_ns, 1))
    player.say(ev.Quote(FUT, RICH, RICH + 0.25))
    assert not player.orders
    assert player.session.status()["waiting"] == "SPY stale"


def test_a_residual_waits_for_the_answer_and_is_then_hedged() -> None:
    player = Player()
    fut, etf = player.enter()
    player.say(ev.QuotesDoubted(1, "a pause"))
    player.fill(fut)
    player.out(etf)
    assert not player.orders
    player.quotes(RICH)
    assert not player.orders
    player.say(ev.BrokerClock(player.session._core.clock.utc_ns, 1))
    (hedge,) = player.orders
    assert (hedge.leg, hedge.role) == (ETF, "hedge")
