"""Comparing with the broker: when it is asked, how long an answer may take, and what the answers resolve."""

import pytest
from desk_player import FAIR, Player, perm_of

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


def test_an_order_that_is_shown_in_between_has_two_rounds_again() -> None:
    player = Player()
    fut, etf = player.enter()
    player.say(ev.LinkLost("the router"))
    player.connect()
    player.answer_all()
    wait_for_question(player, 5.0)
    player.answer_all(open_refs=(fut.ref, etf.ref))
    assert player.session.status()["live_orders"] == 2


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
