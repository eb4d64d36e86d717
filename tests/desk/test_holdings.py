"""What the account holds beside what our executions come to: when doubt begins, is explained, and halts."""

import pytest
from desk_player import FAIR, RICH, Player

from arbcore.carry.pairs import ETF, FUT
from arbcore.desk import events as ev
from arbcore.desk.commands import Alarm
from arbcore.desk.holdings import ASK_AFTER_NS, EXPLAIN_WITHIN_NS, IN_DOUBT, NEVER_NS, Holdings

ASK_S, EXPLAIN_S = ASK_AFTER_NS / 1e9, EXPLAIN_WITHIN_NS / 1e9
ES_ID, SPY_ID = 1, 2


def push(player: Player, leg: str, quantity: int, *, con_id: int = 0, after_s: float = 0.0) -> None:
    held = con_id or (ES_ID if leg == FUT else SPY_ID)
    player.say(ev.PositionChanged(ev.PositionLine(leg, held, quantity)), after_s=after_s)


def doubts(player: Player) -> set[str]:
    return player.session._core.gate.doubts


def holdings(player: Player) -> Holdings:
    return player.session._holdings


def test_it_is_halted_within_three_seconds() -> None:
    assert (ASK_S, EXPLAIN_S) == (0.25, 2.5)


def test_what_our_executions_explain_is_no_doubt() -> None:
    player = Player()
    for order in player.enter():
        player.fill(order)
        push(player, order.leg, player.positions[order.leg])
        assert doubts(player) == set()
    assert player.session.account_positions() == {FUT: -1, ETF: 502}


def test_a_push_that_outruns_its_execution_is_doubt_for_a_moment() -> None:
    player = Player()
    fut, etf = player.enter()
    push(player, FUT, -1)
    assert doubts(player) == {IN_DOUBT}
    assert player.session.account_positions() is None
    player.fill(fut)
    assert doubts(player) == set()
    push(player, ETF, 502)
    player.fill(etf)
    assert (doubts(player), player.session.state) == (set(), "ACTIVE")


def test_nothing_leaves_in_doubt_and_all_of_it_afterwards() -> None:
    player = Player()
    player.hold()
    push(player, FUT, -1)
    assert doubts(player) == {IN_DOUBT}, "the account holds no SPY yet, as far as it was told"
    player.quotes(FAIR)
    assert not player.orders
    assert player.session.status()["waiting"] == IN_DOUBT
    assert player.session.status()["skipped"][IN_DOUBT] == 2
    push(player, ETF, 502)
    player.quotes(FAIR, after_s=0.01)
    assert [order.role for order in player.orders] == ["exit", "exit"]


def test_executions_and_positions_are_asked_for_once_a_moment_later() -> None:
    player = Player()
    push(player, ETF, 100)
    assert player.session.next_deadline_ns == player.now_ns + ASK_AFTER_NS
    player.say(ev.Tick(), after_s=ASK_S - 0.001)
    assert not player.asked
    player.say(ev.Tick(), after_s=0.001)
    assert [ask.kind for ask in player.asked] == ["open_orders"]
    assert player.session.next_deadline_ns <= player.now_ns + EXPLAIN_WITHIN_NS - ASK_AFTER_NS
    player.say(ev.Tick(), after_s=0.1)
    assert len(player.asked) == 1


def test_an_answer_that_explains_nothing_yet_is_asked_for_again_a_second_later() -> None:
    player = Player()
    player.positions[ETF] = 5
    push(player, ETF, 5)
    player.say(ev.Tick(), after_s=ASK_S)
    player.answer_all()
    player.say(ev.Tick(), after_s=0.999)
    assert not player.asked
    player.say(ev.Tick(), after_s=0.001)
    assert [ask.kind for ask in player.asked] == ["open_orders"]
    assert player.session.state == "ACTIVE"


def test_a_change_that_nothing_explains_halts_in_words_with_both_numbers() -> None:
    player = Player()
    player.hold()
    push(player, FUT, -1)
    push(player, ETF, 502)
    push(player, ETF, 0)
    player.positions[ETF] = 0
    player.say(ev.Tick(), after_s=ASK_S)
    player.answer_all()
    assert player.session.state == "ACTIVE", "it may still be explained"
    player.say(ev.Tick(), after_s=EXPLAIN_S - ASK_S - 0.001)
    assert player.session.state == "ACTIVE"
    player.say(ev.Tick(), after_s=0.001)
    assert (player.session.state, player.session.reasons) == ("HALTED", ("mismatch",))
    (alarm,) = player.pick(Alarm)
    assert "The broker reports -1 ES and 0 SPY; our executions come to -1 ES and 502 SPY." in alarm.message
    assert player.session.account_positions() == {FUT: -1, ETF: 0}
    # It is asked again, and believed once it agrees.
    player.positions[ETF] = 502
    push(player, ETF, 502)
    player.say(ev.Tick(), after_s=1.0)
    player.answer_all()
    assert (player.session.state, doubts(player)) == ("ACTIVE", set())


def test_without_an_answer_it_halts_all_the_same() -> None:
    player = Player(query_timeout_s=30.0)
    push(player, ETF, 7)
    player.say(ev.Tick(), after_s=ASK_S)
    player.say(ev.Tick(), after_s=EXPLAIN_S - ASK_S)
    assert player.session.reasons == ("mismatch",)


def test_an_answer_that_differs_long_after_the_change_is_a_mismatch_at_once() -> None:
    player = Player(audit_s=60.0)
    player.positions[ETF] = 9
    player.say(ev.Tick(), after_s=60.0)
    player.answer_all()
    assert player.session.reasons == ("mismatch",)


def test_a_second_change_that_puts_it_right_ends_the_doubt() -> None:
    player = Player()
    push(player, ETF, 100)
    push(player, ETF, 0, after_s=1.0)
    assert doubts(player) == set()
    # A third one begins its own time.
    push(player, ETF, 100, after_s=1.0)
    player.say(ev.Tick(), after_s=ASK_S)
    player.positions[ETF] = 100
    player.answer_all()
    player.say(ev.Tick(), after_s=EXPLAIN_S - ASK_S - 0.01)
    assert player.session.state == "ACTIVE"


@pytest.mark.parametrize(("con_id", "strange"), [(ES_ID, False), (99, True)])
def test_another_future_is_somebody_elses_even_where_the_sum_is_ours(con_id: int, strange: bool) -> None:
    player = Player()
    player.hold()
    push(player, ETF, 502)
    push(player, FUT, 0)
    push(player, FUT, -1, con_id=con_id)
    assert holdings(player).strange == strange
    assert (IN_DOUBT in doubts(player)) == strange
    # One that is closed again is nothing.
    push(player, FUT, 0, con_id=99)
    push(player, FUT, -1)
    assert not holdings(player).strange
    assert doubts(player) == set()


def test_other_instruments_are_nothing_of_ours() -> None:
    player = Player()
    push(player, "QQQ", 5, con_id=7)
    assert doubts(player) == set()
    assert player.session.account_positions() == {FUT: 0, ETF: 0}


def test_before_the_first_whole_answer_a_push_says_nothing() -> None:
    player = Player(connect=False)
    player.resolve()
    player.connect()
    push(player, ETF, 100)
    assert (doubts(player), player.session.account_positions()) == (set(), None)
    player.answer_all()
    assert player.session.account_positions() == {FUT: 0, ETF: 0}


def test_a_lost_link_knows_no_positions_and_doubts_none() -> None:
    player = Player()
    push(player, ETF, 100)
    player.say(ev.LinkLost("1100"))
    assert (doubts(player), player.session.account_positions()) == (set(), None)
    assert holdings(player).deadline_ns() == NEVER_NS


def test_what_still_works_makes_the_account_uncertain() -> None:
    player = Player()
    fut, etf = player.enter(RICH)
    assert player.session.in_doubt
    assert player.session.account_positions() is None
    for order in (fut, etf):
        player.fill(order)
    assert not player.session.in_doubt


def test_an_unread_message_is_asked_about() -> None:
    player = Player()
    player.say(ev.Undecoded("an execution"))
    assert player.alarms == ["undecoded"]
    assert [ask.kind for ask in player.asked] == ["open_orders"]
    # In the middle of a round the round begins again, and until then nothing is certain.
    player.say(ev.Undecoded("a position"))
    assert player.session.reasons == ("unanswered",)
    player.asked.clear()
    player.say(ev.Tick(), after_s=1.0)
    player.answer_all()
    assert player.session.state == "ACTIVE"


# --- the comparison by itself, without the questions that the desk asks meanwhile -----------------------


def alone(player: Player) -> Holdings:
    return Holdings(player.session._core, lambda: frozenset({ES_ID}))


def held(quantity: int) -> list[ev.PositionLine]:
    return [ev.PositionLine(ETF, SPY_ID, quantity)]


def test_a_first_answer_that_differs_is_asked_about_like_any_other() -> None:
    player = Player()
    compared = alone(player)
    compared.replace(held(5))
    assert not compared.doubted
    compared.compare()
    assert compared.doubted
    assert not compared.should_ask()
    player.say(ev.Tick(), after_s=ASK_S)
    assert compared.should_ask()
    assert not compared.should_ask(), "once"


def test_doubt_ends_with_the_connection_at_once() -> None:
    player = Player()
    compared = alone(player)
    compared.replace([])
    compared.change(*held(5))
    assert (compared.doubted, doubts(player)) == (True, {IN_DOUBT})
    compared.forget()
    assert (compared.doubted, doubts(player), compared.by_leg) == (False, set(), None)


def test_doubt_ends_with_a_whole_answer_that_agrees_and_with_no_other() -> None:
    player = Player()
    compared = alone(player)
    compared.replace([])
    compared.change(*held(5))
    compared.replace(held(7))
    assert (compared.doubted, doubts(player)) == (True, {IN_DOUBT})
    compared.replace([])
    assert (compared.doubted, doubts(player)) == (False, set())
