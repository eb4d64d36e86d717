"""Comparing with the broker: when it is asked, how long an answer may take, and what the answers resolve."""

import pytest
from desk_player import FAIR, RICH, Player, perm_of

from arbcore.carry.pairs import ETF, FUT
from arbcore.desk import events as ev
from arbcore.desk.commands import Ask, Cancel, Reconnect

SECOND_NS = 10**9


def tick_to(player: Player, now_ns: int) -> None:
    player.say(ev.Tick(), after_s=(now_ns - player.now_ns) / 1e9)


def wait_for_question(player: Player, within_s: float) -> float:
    """Ticks whenever the desk wants it until it asks; the seconds that passed."""
    began_ns = player.now_ns
    while player.now_ns - began_ns <= within_s * SECOND_NS:
        tick_to(player, player.session.next_deadline_ns)
        if player.pick(Ask):
            return (player.now_ns - began_ns) / SECOND_NS
    raise AssertionError(f"no question within {within_s} s")


def connected(**settings: float) -> Player:
    """A desk whose connection was lost and is back, so that it asks for the open orders."""
    player = Player(**settings)
    player.say(ev.LinkLost("the router"))
    player.connect()
    return player


def test_a_mismatch_is_looked_at_again_at_longer_and_longer_pauses_of_a_minute_at_most() -> None:
    player = connected()
    player.positions[ETF] = 100
    pauses = []
    for _ in range(9):
        player.answer_all()
        pauses.append(wait_for_question(player, 61.0))
    assert player.session.reasons == ("comparing with the broker", "mismatch")
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_new_connection_begins_with_the_short_pause() -> None:
    player = connected()
    player.positions[ETF] = 100
    for _ in range(6):
        player.answer_all()
        wait_for_question(player, 61.0)
    player.say(ev.LinkLost("the router"))
    player.connect()
    player.answer_all()
    assert wait_for_question(player, 61.0) <= 1.0


def test_an_answer_is_late_at_its_time_out_and_not_before() -> None:
    player = connected(query_timeout_s=4.0)
    due_ns = player.now_ns + 4 * SECOND_NS
    assert player.session.next_deadline_ns == due_ns
    tick_to(player, due_ns - 1)
    assert player.session.reasons == ("comparing with the broker",)
    tick_to(player, due_ns)
    assert player.session.reasons == ("comparing with the broker", "unanswered")
    assert wait_for_question(player, 2.0) == 1.0


def test_a_new_connection_is_wanted_after_so_many_unanswered_questions() -> None:
    player = connected(queries_max=3)
    found = []
    while not found:
        tick_to(player, player.session.next_deadline_ns)
        found = player.pick(Reconnect)
    assert found == [Reconnect("3 questions went unanswered.")]
    # Each took its 4 s, and a second passed before the next one.
    assert player.now_ns - 10**9 >= 14 * SECOND_NS


@pytest.mark.parametrize("query", [0, 99])
def test_the_refusal_of_another_question_changes_nothing(query: int) -> None:
    player = connected()
    player.say(ev.QueryFailed(query, "of somebody else"))
    assert player.session.reasons == ("comparing with the broker",)
    player.answer_all()
    assert player.session.state == "ACTIVE"


@pytest.mark.parametrize("kind", ["open_orders", "executions", "positions"])
def test_an_answer_to_an_earlier_question_is_not_taken_for_this_one(kind: str) -> None:
    player = connected()
    while player.asked[0].kind != kind:
        player.answer(player.asked[0])
    (asked,) = player.asked
    late = {
        "open_orders": ev.OpenOrders(asked.query - 1, ()),
        "executions": ev.Executions(asked.query - 1, ()),
        "positions": ev.Positions(asked.query - 1, ()),
    }[kind]  # fmt: skip
    player.say(late)
    assert not player.pick(Ask)
    assert player.session.state == "HALTED"
    player.answer_all()
    assert player.session.state == "ACTIVE"


def test_an_answer_of_another_kind_is_not_taken_for_this_one() -> None:
    player = connected()
    (asked,) = player.asked
    player.say(ev.Executions(asked.query, ()))
    player.say(ev.Positions(asked.query, ()))
    assert player.session.state == "HALTED"
    assert not player.pick(Ask)


def test_positions_that_change_during_the_question_are_asked_for_again_soon() -> None:
    player = Player()
    fut, etf = player.enter()
    player.say(ev.LinkLost("the router"))
    player.connect()
    player.fill(fut)
    player.fill(etf)
    while player.asked[0].kind != "positions":
        player.answer(player.asked[0])
    (asked,) = player.asked
    # One share of the ETF is sold by a fill that comes between the question and its answer.
    player.say(
        ev.Execution("e.9.01", etf.ref, perm_of(etf), ETF, 1, 1, 600.0, player.executions[0].ts_ns)
    )
    player.positions[ETF] += 1
    began_ns = player.now_ns
    player.answer(asked)
    assert player.session.state == "HALTED"
    due_ns = min(player.session.next_deadline_ns, began_ns + SECOND_NS)
    tick_to(player, due_ns)
    assert player.pick(Ask)
    assert due_ns - began_ns == SECOND_NS // 10


def test_a_trade_of_another_program_is_asked_about_a_second_later() -> None:
    player = Player()
    player.say(ev.Execution("f.1.01", "", 0, ETF, 1, 5, 600.0, 0))
    assert not player.pick(Ask)
    assert wait_for_question(player, 5.0) == 1.0


def test_an_order_that_the_broker_never_showed_is_given_up_after_two_rounds() -> None:
    player = Player()
    fut, _ = player.enter()
    player.say(ev.LinkLost("the router"))
    player.connect()
    rounds = 0
    while player.session.status()["live_orders"]:
        player.answer_all()
        rounds += 1
        if player.session.status()["live_orders"]:
            wait_for_question(player, 5.0)
    assert rounds == 2
    assert player.store.orders[fut.ref].reason == "never arrived at the broker"


def test_an_order_that_is_shown_in_between_did_arrive_and_is_over_when_it_is_shown_no_more() -> None:
    player = Player()
    fut, etf = player.enter()
    player.say(ev.LinkLost("the router"))
    player.connect()
    player.answer_all()
    wait_for_question(player, 5.0)
    player.answer_all(open_refs=(fut.ref, etf.ref))
    assert player.session.status()["live_orders"] == 2
    wait_for_question(player, 5.0)
    player.answer_all()
    assert player.session.status()["live_orders"] == 0
    assert player.store.orders[fut.ref].reason == "no longer at the broker"


def test_the_end_of_an_order_that_the_broker_showed_after_an_error_needs_no_question() -> None:
    player = Player(order_timeout_s=60.0)
    fut, etf = player.enter()
    player.fill(fut)
    player.say(ev.OrderError(etf.ref, 399, "held until the open"))
    player.say(ev.Undecoded("an execution"))
    player.answer_all(open_refs=(etf.ref,))
    player.out(etf)
    (hedge,) = player.orders
    assert (hedge.leg, hedge.quantity, hedge.role) == (ETF, 502, "hedge")


def test_an_execution_without_a_ref_is_found_by_the_number_that_the_open_orders_told() -> None:
    player = Player()
    fut, _ = player.enter()
    player.say(ev.LinkLost("the router"))
    player.connect()
    asked = player.asked.pop()
    player.say(ev.OpenOrders(asked.query, (ev.OpenOrder(fut.ref, 77, FUT, "Submitted"),)))
    player.say(ev.Execution("e.1.01", "", 77, FUT, -1, 1, RICH, fut.created_ns))
    assert player.session.positions()[FUT] == -1
    assert not player.alarms


def test_what_still_works_after_a_lost_line_is_cancelled() -> None:
    player = Player()
    fut, etf = player.enter()
    player.say(ev.LinkLost("the router"))
    player.connect()
    player.answer(player.asked[0], open_refs=(fut.ref, etf.ref))
    assert sorted(each.ref for each in player.pick(Cancel)) == sorted([fut.ref, etf.ref])
    player.answer_all(open_refs=(fut.ref, etf.ref))
    player.quotes(FAIR)
    assert not player.orders


def test_the_audit_asks_after_its_pause_and_finds_what_is_held() -> None:
    player = Player(audit_s=600.0)
    player.hold()
    began_ns = player.now_ns
    assert wait_for_question(player, 700.0) <= 600.0
    assert player.now_ns - began_ns > 590 * SECOND_NS
    player.answer_all()
    assert player.session.state == "ACTIVE"
    assert player.session.positions() == {FUT: -1, ETF: 502}
