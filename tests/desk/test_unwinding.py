"""The way out of a pair: rounds of orders, their kinds and pauses, what stops them, when a pair was left."""

from dataclasses import replace

import pytest
from desk_player import CHEAP, FAIR, RICH, T0_NS, Player

from arbcore.carry.pairs import ETF, FUT
from arbcore.desk import events as ev
from arbcore.desk.commands import Alarm, SendOrder

SECOND_NS = 10**9


def killed(**settings: float) -> Player:
    """A desk that holds a pair and whose exit by the kill switch traded nothing."""
    player = Player(**settings)
    player.hold()
    player.say(ev.Kill("test"))
    for order in player.orders:
        player.out(order)
    return player


def lose_round(player: Player) -> None:
    """Neither of the two orders of this round trades."""
    first, second = player.orders
    player.out(first)
    player.out(second)


def test_rounds_alternate_between_a_marketable_limit_and_a_market_order() -> None:
    player = killed()
    kinds = [player.orders[0].kind]
    for _ in range(5):
        lose_round(player)
        while not player.orders:
            player.quotes(RICH, after_s=0.5)
        kinds.append(player.orders[0].kind)
    assert kinds == ["LMT", "MKT", "LMT", "MKT", "LMT", "MKT"]


def test_the_third_round_comes_at_once_and_the_fourth_after_a_second() -> None:
    player = killed()
    lose_round(player)
    assert len(player.orders) == 2
    lose_round(player)
    assert len(player.orders) == 2
    placed_ns = player.now_ns
    lose_round(player)
    assert not player.orders
    due_ns = placed_ns + SECOND_NS
    assert player.session.next_deadline_ns == due_ns
    player.say(ev.Tick(), after_s=(due_ns - 1 - player.now_ns) / 1e9)
    assert not player.orders
    player.say(ev.Tick(), after_s=1e-9)
    assert len(player.orders) == 2


def test_pauses_between_rounds_double_up_to_half_a_minute() -> None:
    player = killed(unwind_tries_max=12, stale_s=1_000.0)
    pauses = []
    for _ in range(11):
        began_ns = player.now_ns
        lose_round(player)
        while not player.orders:
            player.say(ev.Tick(), after_s=(player.session.next_deadline_ns - player.now_ns) / 1e9)
            assert player.now_ns - began_ns < 40 * SECOND_NS
        pauses.append(round((player.now_ns - began_ns) / SECOND_NS))
    assert pauses == [0, 0, 1, 2, 4, 8, 16, 30, 30, 30, 30]


def test_the_leg_that_is_left_goes_alone_and_nothing_is_said_of_the_other() -> None:
    player = killed()
    fut, etf = player.orders
    player.fill(fut)
    player.out(etf)
    (rest,) = player.orders
    assert (rest.leg, rest.side, rest.quantity) == (ETF, -1, 502)
    assert "cannot close" not in player.alarms


def test_why_the_leg_that_is_left_cannot_go_is_said_and_nothing_of_the_other() -> None:
    player = killed()
    fut, etf = player.orders
    player.fill(fut)
    player.say(ev.Halted(ETF, True))
    player.out(etf)
    (alarm,) = player.pick(Alarm)
    assert alarm.message == "Pair 1 cannot be closed: SPY halted."


def test_a_naked_leg_goes_without_prices_at_its_time_out_and_not_before() -> None:
    player = killed(hedge_timeout_s=5.0, stale_s=0.4)
    fut, etf = player.orders
    player.fill(fut)
    since_ns = player.now_ns
    player.say(ev.Tick(), after_s=0.5)
    player.out(etf)
    for late_ns, kinds in ((-1, []), (0, ["MKT"])):
        due_ns = since_ns + 5 * SECOND_NS + late_ns
        player.say(ev.Tick(), after_s=(due_ns - player.now_ns) / SECOND_NS)
        assert [order.kind for order in player.orders] == kinds


def test_halted_nothing_is_tried_and_nothing_is_said_of_trying() -> None:
    player = killed()
    fut, etf = player.orders
    player.session._core.restrict("mismatch", "The broker says otherwise.")
    player.all.clear()
    for order in (fut, etf):
        player.out(order)
    player.quotes(RICH, after_s=2.0)
    assert not player.orders
    assert "cannot close" not in [each.kind for each in player.pick(Alarm, player.all)]


def test_a_pair_is_left_when_its_exit_was_decided_not_when_the_rest_of_it_went() -> None:
    player = Player()
    player.hold()
    player.quotes(FAIR)
    decided_ns = T0_NS - SECOND_NS + player.now_ns
    fut, etf = player.orders
    player.fill(fut)
    player.say(ev.Tick(), after_s=0.5)
    player.out(etf)
    (rest,) = player.orders
    player.fill(rest)
    row = player.store.trades[1]
    assert (row.exit_ns, row.exit_reason, row.phase) == (decided_ns, "converged", "closed")


def test_a_pair_that_no_signal_left_was_left_when_it_was_given_up() -> None:
    player = Player(hedge_timeout_s=3.0)
    fut, etf = player.enter()
    player.fill(fut)
    player.say(ev.Halted(ETF, True))
    player.out(etf)
    player.say(ev.Quote(FUT, RICH, RICH + 0.25), after_s=3.1)
    given_up_ns = T0_NS - SECOND_NS + player.now_ns
    (back,) = player.orders
    player.say(ev.Tick(), after_s=0.3)
    player.fill(back)
    row = player.store.trades[1]
    assert (row.exit_ns, row.exit_reason, row.phase) == (given_up_ns, "unhedged", "closed")


def test_while_a_limit_holds_a_residual_is_not_hedged_but_given_back() -> None:
    player = Player()
    fut, etf = player.enter()
    player.fill(fut)
    player.say(ev.Kill("test"))
    player.out(etf)
    while not player.orders:
        player.answer(player.asked[0])
    (back,) = player.orders
    assert (back.leg, back.side, back.role) == (FUT, 1, "flatten")


def test_a_held_pair_wants_no_look_of_its_own_and_a_residual_wants_one_at_its_time_out() -> None:
    held = Player(hedge_timeout_s=5.0, stale_s=100.0)
    fut, etf = held.enter(CHEAP)
    held.fill(fut)
    held.fill(etf)
    assert held.session.next_deadline_ns > held.now_ns + 11 * SECOND_NS
    naked = Player(hedge_timeout_s=5.0, stale_s=100.0)
    fut, etf = naked.enter()
    naked.fill(fut)
    since_ns = naked.now_ns
    naked.say(ev.Halted(ETF, True))
    naked.out(etf)
    assert naked.session.next_deadline_ns == since_ns + 5 * SECOND_NS
    naked.say(ev.Tick(), after_s=(since_ns + 5 * SECOND_NS - naked.now_ns) / 1e9)
    assert naked.session._pairs.deadline_ns() > naked.now_ns
    assert naked.alarms == ["naked_leg"]
    # The hedge began a millisecond later. After its time the leg that has a price goes at the market.
    naked.say(ev.Tick(), after_s=0.001)
    assert [(order.leg, order.kind) for order in naked.orders] == [(FUT, "MKT")]


def test_a_stored_pair_without_any_execution_holds_nothing_and_is_void() -> None:
    player = Player()
    player.hold()
    snapshot = replace(player.store.snapshot(), executions=())
    after = Player(snapshot, connect=False)
    after.resolve()
    after.connect()
    after.answer_all()
    assert after.pair is None
    row = after.store.trades[1]
    assert (row.phase, row.exit_ns, row.exit_reason) == ("void", None, "")
    assert not after.pick(SendOrder, after.all)


@pytest.mark.parametrize(
    ("shares", "halted", "goes"),
    [
        # Of 502 shares that one contract takes, 402 are missing; either leg alone leaves this many unhedged:
        (100, ETF, [FUT]),  # 100
        (100, FUT, []),  # 502
        (400, ETF, []),  # 400, where 102 are missing
        (251, ETF, []),  # 251, as many as are missing
    ],
)
def test_one_leg_of_a_broken_pair_goes_where_that_leaves_less_unhedged(
    shares: int, halted: str, goes: list[str]
) -> None:
    player = Player(hedge_timeout_s=60.0)
    player.hold()
    player.quotes(FAIR)
    fut, etf = player.orders
    player.fill(etf, 502 - shares)
    player.say(ev.Halted(halted, True))
    player.out(etf, 502 - shares)
    player.out(fut)
    assert [order.leg for order in player.orders] == goes
    if not goes:
        assert "cannot close" in player.alarms
        assert player.session.next_deadline_ns == player.now_ns + SECOND_NS


def test_after_a_restart_a_pair_makes_what_its_executions_made() -> None:
    player = Player()
    player.hold()
    after = player.restart()
    after.resolve()
    after.connect()
    after.answer_all()
    after.live()
    after.quotes(FAIR)
    fut, etf = after.orders
    after.fill(fut)
    after.fill(etf)
    row = after.store.trades[1]
    assert (row.phase, row.exit_reason) == ("closed", "converged")
    assert row.gross == pytest.approx(50 * (RICH - FAIR - 0.25) + 502 * (600.0 - 600.01))


def test_a_reverse_pair_is_closed_by_selling_its_future_and_buying_its_shares_back() -> None:
    player = Player()
    for order in player.enter(CHEAP):
        player.fill(order)
    player.say(ev.Kill("test"))
    assert [(order.leg, order.side, order.quantity) for order in player.orders] == [
        (FUT, -1, 1), (ETF, 1, 499),
    ]  # fmt: skip
