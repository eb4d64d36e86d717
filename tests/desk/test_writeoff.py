"""What others did to a pair: closed by hand and accepted by a person, or settled at its expiry."""

import pytest
from desk_player import ACCOUNT, DAY_NS, EXPIRY_NS, FAIR, RICH, T0_NS, Player

from arbcore.carry.pairs import ETF, FUT
from arbcore.desk import events as ev
from arbcore.desk.commands import Alarm, SaveAdjustment, SaveDay, SaveTrade, SendOrder

TO_EXPIRY_S = (EXPIRY_NS - T0_NS) / 1e9


def begun_again(player, *, accept=True, answers=True):
    """Another start on the same store and account."""
    after = player.restart()
    if accept:
        after.say(ev.AcceptAccount())
    after.resolve()
    after.connect()
    if answers:
        three_rounds(after)
    after.live()
    return after


def three_rounds(player):
    """The broker answers until it has told the same positions often enough."""
    player.answer_all()
    for _ in range(2):
        player.say(ev.Tick(), after_s=1.0)
        player.answer_all()


def held():
    player = Player()
    player.hold()
    return player


def closed_by_hand(**positions):
    player = held()
    player.positions.update(positions)
    return player


def last_trade(player):
    return player.pick(SaveTrade, player.all)[-1].row


def test_without_a_word_the_bot_stays_halted_and_says_which_flag_helps():
    after = begun_again(closed_by_hand(fut=0, etf=0), accept=False)
    assert after.session.state == "HALTED"
    said = [alarm.message for alarm in after.pick(Alarm, after.all) if alarm.kind == "mismatch"]
    assert "somebody closed the pair by hand, start again with --accept-account" in said[0]
    assert after.pick(SaveAdjustment, after.all) == []


def test_an_accepted_account_ends_the_pair_and_the_bot_trades_on():
    after = begun_again(closed_by_hand(fut=0, etf=0))
    assert (after.session.state, after.session.positions()) == ("ACTIVE", {FUT: 0, ETF: 0})
    written = [(a.row.leg, a.row.quantity, a.row.reason) for a in after.pick(SaveAdjustment, after.all)]
    assert written == [(FUT, 1, "by_hand"), (ETF, -502, "by_hand")]
    row = last_trade(after)
    assert (row.phase, row.exit_reason, row.fut_exit, row.etf_exit) == ("closed", "by_hand", None, None)
    assert "accepted" in [alarm.kind for alarm in after.pick(Alarm, after.all)]
    after.quotes(FAIR, after_s=after.settings.cooldown_s)
    assert [order.role for order in after.enter()] == ["entry", "entry"]


@pytest.mark.parametrize("positions", [{FUT: 0, ETF: 0}, {FUT: 0}, {ETF: 0}], ids=str)
def test_what_was_accepted_holds_over_the_next_start(positions):
    after = begun_again(closed_by_hand(**positions))
    again = begun_again(after, accept=False)
    assert (again.session.state, again.session.positions()) == ("ACTIVE", {FUT: -1, ETF: 502, **positions})
    assert again.pick(SaveAdjustment, again.all) == []


def test_of_a_pair_of_which_one_leg_was_closed_by_hand_the_other_one_goes():
    after = begun_again(closed_by_hand(etf=0))
    assert after.session.positions() == {FUT: -1, ETF: 0}
    after.quotes(RICH)
    (order,) = after.orders
    assert (order.leg, order.side, order.quantity, order.role) == (FUT, 1, 1, "flatten")
    after.fill(order)
    assert (last_trade(after).phase, last_trade(after).exit_reason) == ("closed", "by_hand")


@pytest.mark.parametrize(
    "positions", [{FUT: 1}, {FUT: -2}, {ETF: 503}, {FUT: 0, ETF: -1}], ids=str
)
def test_what_is_no_part_of_the_pair_is_not_accepted(positions):
    after = begun_again(closed_by_hand(**positions))
    assert after.session.state == "HALTED"
    (said,) = [alarm.message for alarm in after.pick(Alarm, after.all) if alarm.kind == "not accepted"]
    assert "which is not a part of the bot's -1 and 502" in said
    assert after.pick(SaveAdjustment, after.all) == []


def test_nothing_is_accepted_while_an_answer_is_missing():
    after = begun_again(closed_by_hand(fut=0, etf=0), answers=False)
    after.say(ev.QueryFailed(after.asked.pop().query, "no"))
    assert "not accepted" in after.alarms
    three_rounds(after)
    assert after.session.state == "HALTED"
    assert after.pick(SaveAdjustment, after.all) == []


def test_an_answer_that_lags_behind_is_not_taken_for_the_account():
    player = closed_by_hand(fut=0, etf=0)
    after = begun_again(player, answers=False)
    for positions in ({FUT: 0, ETF: 502}, {FUT: 0, ETF: 0}, {FUT: 0, ETF: 0}):
        after.positions.update(positions)
        after.answer_all()
        after.say(ev.Tick(), after_s=1.0)
    assert (after.session.state, after.pick(SaveAdjustment, after.all)) == ("HALTED", [])
    after.answer_all()
    assert (after.session.state, after.session.positions()) == ("ACTIVE", {FUT: 0, ETF: 0})


def test_nor_while_somebody_elses_order_is_open():
    after = begun_again(closed_by_hand(fut=0, etf=0), answers=False)
    ask = after.asked.pop()
    after.say(ev.OpenOrders(ask.query, (ev.OpenOrder("", 5, ETF, "Submitted"),)))
    after.answer_all()
    assert after.session.state == "HALTED"
    assert "not accepted" in [alarm.kind for alarm in after.pick(Alarm, after.all)]


def test_an_answer_that_lacks_a_position_is_not_accepted():
    """One answer without it would leave a leg alone at the broker."""
    after = begun_again(closed_by_hand(fut=0), answers=False)
    after.answer_all()
    after.positions[FUT] = -1
    after.say(ev.Tick(), after_s=1.0)
    after.answer_all()
    assert (after.session.state, after.session.positions()) == ("ACTIVE", {FUT: -1, ETF: 502})
    assert after.pick(SaveAdjustment, after.all) == []


def test_a_word_said_once_is_not_kept_for_later():
    after = begun_again(held())
    assert after.session.state == "ACTIVE"
    after.positions.update(fut=0, etf=0)
    after.connect()
    three_rounds(after)
    assert after.session.state == "HALTED"
    assert after.pick(SaveAdjustment, after.all) == []


def test_the_days_loss_is_counted_from_the_adjustment():
    after = begun_again(closed_by_hand(fut=0, etf=0))
    assert after.session.status()["day_pnl"] == pytest.approx(0.0)
    assert after.pick(SaveDay, after.all)[-1].row.tripped is False


# --- expiry -------------------------------------------------------------------------------------------


def at_expiry(player, *, hours=((EXPIRY_NS, EXPIRY_NS + DAY_NS),)):
    """The morning of the last day: SPY opens, ES is no longer quoted."""
    player.now_ns += round(TO_EXPIRY_S * 1e9)
    player.say(ev.BrokerClock(T0_NS - 10**9 + player.now_ns))
    player.say(ev.ContractFound(ETF, 2, 0.01, hours, hours))
    player.answer_all()
    return player


def held_into_expiry(**changes):
    player = Player(roll_before_s=0.0, max_hold_days=0.0, **changes)
    player.hold()
    return at_expiry(player)


def test_a_pair_held_into_expiry_gives_its_shares_back_and_orders_no_dead_future():
    player = held_into_expiry()
    player.say(ev.Quote(ETF, 600.0, 600.01))
    (order,) = player.orders
    assert (order.leg, order.side, order.quantity, order.role) == (ETF, -1, 502, "flatten")
    assert any("has expired with the pair held" in alarm.message for alarm in player.pick(Alarm, player.all))
    player.fill(order)
    player.quotes(RICH, after_s=120.0)
    assert player.orders == []
    assert last_trade(player).phase == "unwinding"
    assert "naked_leg" not in player.alarms


def test_when_the_broker_shows_the_future_gone_the_pair_is_over():
    player = held_into_expiry()
    player.say(ev.Quote(ETF, 600.0, 600.01))
    player.fill(player.orders[0])
    player.positions[FUT] = 0
    player.connect()
    three_rounds(player)
    assert (player.session.state, player.session.positions()) == ("ACTIVE", {FUT: 0, ETF: 0})
    (adjustment,) = player.pick(SaveAdjustment, player.all)
    assert (adjustment.row.leg, adjustment.row.quantity, adjustment.row.reason) == (FUT, 1, "settled")
    assert (last_trade(player).phase, last_trade(player).exit_reason) == ("closed", "expiry")


def test_nothing_leaves_before_it_is_certain_that_the_future_is_gone():
    player = held_into_expiry(audit_s=2.0)
    player.positions[FUT] = 0
    player.say(ev.Tick(), after_s=player.settings.audit_s)
    player.answer_all()
    assert (player.session.state, player.session.reasons) == ("HALTED", ("comparing with the broker",))
    player.say(ev.Quote(ETF, 600.0, 600.01))
    assert player.orders == []
    for _ in range(2):
        player.say(ev.Tick(), after_s=1.0)
        player.answer_all()
    assert (player.session.state, player.session.positions()[FUT]) == ("ACTIVE", 0)
    (order,) = player.pick(SendOrder, player.all)[-1].orders
    assert (order.leg, order.role) == (ETF, "flatten")


def test_a_start_with_a_clock_that_is_ahead_closes_nothing():
    after = held().restart()
    after.skew_ns = round(TO_EXPIRY_S * 1e9) + DAY_NS
    after.resolve()
    after.say(ev.Hello(ACCOUNT, T0_NS - 10**9 + after.now_ns))
    three_rounds(after)
    assert after.pair is not None
    assert after.pair["phase"] == "held"
    assert "expiry" not in after.alarms


def test_a_bot_that_was_away_over_the_expiry_closes_the_shares_that_are_left():
    player = held()
    player.positions[FUT] = 0
    player.now_ns += round((TO_EXPIRY_S + 600) * 1e9)
    after = begun_again(player, accept=False)
    hours = ((EXPIRY_NS, EXPIRY_NS + DAY_NS),)
    after.say(ev.ContractFound(ETF, 2, 0.01, hours, hours))
    assert (after.session.state, after.session.positions()) == ("ACTIVE", {FUT: 0, ETF: 502})
    after.say(ev.Quote(ETF, 600.0, 600.01))
    (order,) = after.orders
    assert (order.leg, order.side, order.quantity) == (ETF, -1, 502)
    after.fill(order)
    assert last_trade(after).phase == "closed"


def test_a_future_that_is_gone_before_it_expires_is_a_mismatch():
    player = held()
    player.positions[FUT] = 0
    player.connect()
    player.answer_all()
    assert player.session.state == "HALTED"


def test_a_clock_that_jumps_to_the_expiry_closes_nothing():
    player = Player(roll_before_s=0.0, max_hold_days=0.0)
    player.hold()
    player.skew_ns = round(TO_EXPIRY_S * 1e9)
    player.quotes(RICH)
    assert player.orders == []
    assert player.pair is not None
    assert player.pair["phase"] == "held"


def test_a_stop_does_not_wait_for_the_exchange_to_settle():
    player = held_into_expiry()
    player.say(ev.Stop("done", flatten=True))
    assert not player.session.stopped
    player.say(ev.Quote(ETF, 600.0, 600.01))
    player.fill(player.orders[0])
    assert player.session.stopped
