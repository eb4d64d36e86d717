"""The moment of decision: what is counted and believed, what goes at once, and which contract is next."""

import math

import pytest
from desk_player import CHEAP, DAY_NS, EXPIRY_NS, FAIR, RICH, T0_NS, Player

from arbcore.carry.money import PaidDividend
from arbcore.carry.pairs import ETF, FUT
from arbcore.desk import events as ev
from arbcore.desk.commands import Ask, AskContract, Seen
from arbcore.desk.decide import etf_view
from arbcore.desk.desk_session import DeskSession
from arbcore.desk.desk_settings import DeskSettings
from arbcore.desk.desk_terms import CarryTerms
from arbcore.desk.records import TradeRow

SECOND_NS = 10**9
HOUR_NS = 3_600 * SECOND_NS


def utc_ns(player: Player) -> int:
    return T0_NS - SECOND_NS + player.now_ns


def entered(player: Player) -> TradeRow:
    return player.store.trades[1]


def row(player: Player, fut: float) -> int:
    """A recorded row, in whole; its time."""
    player.quotes(fut)
    player.say(ev.RowComplete(utc_ns(player)))
    return utc_ns(player)


# --- what is seen -------------------------------------------------------------------------------


def test_the_etf_is_seen_less_the_dividends_that_are_still_to_come() -> None:
    schedule = (PaidDividend(T0_NS + DAY_NS, 1.5), PaidDividend(T0_NS + 2 * DAY_NS, 4.0, True))
    terms = CarryTerms(0.0, schedule)
    view = etf_view(terms, T0_NS, EXPIRY_NS, bid=600.0, ask=600.01, factor=8.0)
    assert view == pytest.approx((598.0, 598.01, 8.0))


def test_decisions_are_counted_and_so_is_each_reason_for_making_none() -> None:
    player = Player()
    assert (player.session.status()["decisions"], player.session.status()["skipped"]) == (0, {})
    player.quotes(FAIR)  # the ETF's quote comes first
    player.quotes(FAIR)
    player.say(ev.Halted(ETF, True))
    player.quotes(FAIR)
    assert player.session.status()["decisions"] == 3
    assert player.session.status()["skipped"] == {"ES stale": 1, "SPY halted": 2}


def test_of_two_doubts_the_one_that_is_shown_is_counted() -> None:
    player = Player()
    player.session._core.gate.doubts |= {"a second doubt", "the first doubt"}
    player.quotes(FAIR)
    status = player.session.status()
    assert status["skipped"] == {status["waiting"]: 2}


def test_a_signal_is_written_down_with_what_it_would_gain() -> None:
    player = Player(r=0.0, d=0.0)
    player.quotes(RICH)
    (seen,) = player.pick(Seen)
    assert (seen.ts_ns, seen.action, seen.refusal) == (utc_ns(player), "enter_cash_and_carry", "")
    assert seen.dev_bps == pytest.approx(1e4 * (6029.125 / 6000.05 - 1))
    assert seen.edge_cc_bps == pytest.approx(1e4 * (6029.0 / 6000.1 - 1))
    assert seen.edge_rev_bps == pytest.approx(1e4 * (1 - 6029.25 / 6000.0))


def test_a_pair_leaves_in_time_though_its_level_is_not_known() -> None:
    before = Player()
    before.hold()
    player = before.restart(factor="track:30m", max_hold_days=60.0 / 86_400.0)
    player.resolve()
    player.connect()
    player.answer_all()
    player.live()
    player.quotes(RICH, after_s=61.0)
    (seen,) = player.pick(Seen)
    assert (seen.action, seen.dev_bps, seen.edge_cc_bps, seen.edge_rev_bps) == ("max_hold", None, None, None)
    assert [order.role for order in player.orders] == ["exit", "exit"]


def test_quotes_are_believed_up_to_the_largest_deviation_and_no_further() -> None:
    player = Player()
    player.quotes(RICH)
    (seen,) = player.pick(Seen)
    assert seen.dev_bps is not None
    for most, refusal in ((seen.dev_bps, ""), (math.nextafter(seen.dev_bps, 0.0), "not believed")):
        other = Player(deviation_max_bps=most)
        other.quotes(RICH)
        assert [each.refusal for each in other.pick(Seen)] == [refusal]


# --- entering -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("lent", "refusal"), [(498, "no shares to borrow"), (499, "")])
def test_as_many_shares_are_sold_as_are_lent(lent: int, refusal: str) -> None:
    player = Player()
    player.say(ev.Shortable(lent))
    player.quotes(CHEAP)
    assert [each.refusal for each in player.pick(Seen)] == [refusal]
    assert [order.quantity for order in player.orders] == ([] if refusal else [1, 499])


def test_the_limit_of_shares_is_that_of_the_level_that_was_learnt() -> None:
    # About 12 points a dollar, where the pair's own number is 10 and its limit 525 shares.
    player = Player(factor="track:30s")
    for number in range(40):
        player.quotes(7_235.0 + number % 2, after_s=1.0)
        player.say(ev.RowSeen(utc_ns(player)))
    player.quotes(7_200.0)
    assert [(order.leg, order.quantity) for order in player.orders] == [(FUT, 1), (ETF, 600)]


@pytest.mark.parametrize(("early_ns", "rolls"), [(1, False), (0, True)])
def test_from_the_roll_on_nothing_is_entered_and_what_is_held_goes(early_ns: int, rolls: bool) -> None:
    roll_ns = T0_NS + 100 * SECOND_NS
    for held in (False, True):
        player = Player(roll_before_s=(EXPIRY_NS - roll_ns) / SECOND_NS)
        if held:
            player.hold()
        player.now_ns += roll_ns - early_ns - utc_ns(player)
        player.quotes(RICH, after_s=0.0)
        assert len(player.orders) == (2 if held == rolls else 0)
        assert [each.refusal for each in player.pick(Seen) if not held] == (
            [] if held else ["too near to expiry" if rolls else ""]
        )


# --- leaving whatever the signal says -----------------------------------------------------------


@pytest.mark.parametrize("reason", ["kill", "flatten", "roll"])
def test_a_pair_that_goes_is_sent_off_once_though_the_signal_would_close_it_too(reason: str) -> None:
    player = Player(roll_before_s=(EXPIRY_NS - T0_NS) / SECOND_NS - 30.0)
    player.hold()
    if reason != "roll":
        # Its quotes are old by then, so that it waits for the next ones.
        player.say(ev.Kill("enough") if reason == "kill" else ev.Stop("enough", flatten=True), after_s=10.0)
    player.quotes(FAIR, after_s=30.0)
    assert [order.role for order in player.orders] == ["exit", "exit"]
    assert not player.pick(Seen)
    for order in player.orders:
        player.fill(order)
    assert entered(player).exit_reason == reason


@pytest.mark.parametrize("recorded", [False, True])
def test_a_roll_leaves_at_the_touch(recorded: bool) -> None:
    if recorded:
        player = Player(decide_on="row")
        row(player, RICH)
    else:
        player = Player(roll_before_s=(EXPIRY_NS - T0_NS) / SECOND_NS - 30.0)
        player.quotes(RICH)
    for order in player.orders:
        player.fill(order)
    if recorded:
        player.say(ev.ContractEnds(row(player, RICH)))
        assert [(each.action, each.refusal) for each in player.pick(Seen)] == [("roll", "")]
    else:
        player.quotes(RICH, after_s=30.0)
    assert {order.leg: order.limit for order in player.orders} == {FUT: RICH + 0.25, ETF: 600.0}
    for order in player.orders:
        player.fill(order)
    assert entered(player).exit_reason == "roll"


def test_no_signal_closes_a_pair_while_a_late_fill_of_an_earlier_one_is_given_back() -> None:
    player = Player(cooldown_s=1.0)
    fut, etf = player.enter()
    player.out(fut)
    player.out(etf)
    player.quotes(RICH, after_s=2.0)
    for order in player.orders:
        player.fill(order)
    player.fill(etf, 100)
    (back,) = player.orders
    player.quotes(FAIR)
    assert not player.pick(Seen)
    player.fill(back)
    player.quotes(FAIR)
    assert [order.role for order in player.orders] == ["exit", "exit"]


# --- the margin ---------------------------------------------------------------------------------


def asking(**settings: object) -> tuple[Player, Ask]:
    """A desk that has seen an edge and asks whether the account carries the entry."""
    player = Player(margin_check=True, **settings)
    player.quotes(RICH)
    (ask,) = player.pick(Ask)
    return player, ask


def test_a_refused_margin_question_is_asked_again_after_its_time_out_and_not_at_the_next_quote() -> None:
    player, ask = asking(query_timeout_s=4.0)
    asked_ns = player.now_ns
    player.say(ev.QueryFailed(ask.query, "pacing violation"))
    times = []
    for _ in range(90):
        player.quotes(RICH)
        for again in player.pick(Ask):
            times.append((player.now_ns - asked_ns) / SECOND_NS)
            player.say(ev.QueryFailed(again.query, "pacing violation"))
    assert times == pytest.approx([4.0, 8.0])


@pytest.mark.parametrize("other", [ev.Margin(99, True, "of another pair"), ev.QueryFailed(99, "another")])
def test_the_answer_to_another_question_settles_nothing(other: ev.Event) -> None:
    player, ask = asking()
    player.say(other)
    assert not player.orders
    assert not player.session.settled
    player.say(ev.Margin(ask.query, True, "enough"))
    assert len(player.orders) == 2
    for order in player.orders:
        player.fill(order)
    assert player.session.settled


def test_without_the_margin_the_next_question_waits_like_a_missed_entry() -> None:
    player, ask = asking(cooldown_s=30.0)
    player.say(ev.Margin(ask.query, False, "too little"))
    began_ns = player.now_ns
    while not player.quotes(RICH) or not player.pick(Ask):
        assert player.now_ns - began_ns < 31 * SECOND_NS
    assert (player.now_ns - began_ns) / SECOND_NS == pytest.approx(30.0)


def test_the_entry_is_of_the_quotes_at_the_answer_and_in_a_replay_of_the_row_that_asked() -> None:
    player, ask = asking()
    player.say(ev.Margin(ask.query, True, "enough"), after_s=2.0)
    assert entered(player).entry_ns == utc_ns(player)
    player = Player(margin_check=True, decide_on="row")
    row_ns = row(player, RICH)
    player.say(ev.Margin(player.pick(Ask)[0].query, True, "enough"), after_s=2.0)
    assert entered(player).entry_ns == row_ns


def test_a_desk_that_was_told_nothing_wants_no_tick() -> None:
    assert DeskSession(DeskSettings(), "t").next_deadline_ns == 2**62


# --- contracts ----------------------------------------------------------------------------------

#: When the desk looks after its contracts first, and how often: after three times the age of a stale quote.
LOOK_S = 15
LOOK_NS = T0_NS + LOOK_S * SECOND_NS
FAR = 9 * DAY_NS


def watched(
    *, fut_hours: int = FAR, etf_hours: int = FAR, expires: int = FAR, held: bool = False, slips: bool = False
) -> list[AskContract]:
    """What is asked at the first look, from which on hours and contract last so long."""
    player = Player(connect=False, roll_before_s=86_400.0)
    for leg, con_id, last in ((FUT, 1, fut_hours), (ETF, 2, etf_hours)):
        hours = ((T0_NS - HOUR_NS, T0_NS + HOUR_NS), (LOOK_NS + last - HOUR_NS, LOOK_NS + last))
        player.say(
            ev.ContractFound(leg, con_id, 0.25, hours, hours, LOOK_NS + expires if leg == FUT else None, 50.0)
        )
    player.connect()
    player.answer_all()
    player.live()
    if held:
        player.hold()
    player.skew_ns = HOUR_NS if slips else 0
    player.say(ev.Tick(), after_s=(LOOK_NS - utc_ns(player)) / SECOND_NS)
    return player.pick(AskContract)


SAME, NEXT = AskContract(LOOK_NS, 1), AskContract(LOOK_NS + DAY_NS)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({}, []),
        ({"fut_hours": DAY_NS, "etf_hours": DAY_NS}, []),
        ({"fut_hours": DAY_NS - 1}, [SAME]),
        ({"etf_hours": DAY_NS - 1}, [SAME]),
        ({"etf_hours": DAY_NS - 1, "held": True}, [SAME]),
        ({"etf_hours": DAY_NS - 1, "slips": True}, []),
        ({"expires": DAY_NS + 1}, []),
        ({"expires": DAY_NS}, [NEXT]),
        ({"expires": -DAY_NS}, [AskContract(LOOK_NS)]),
        ({"expires": DAY_NS, "held": True}, []),
        ({"expires": DAY_NS, "slips": True}, []),
        ({"expires": DAY_NS, "etf_hours": DAY_NS - 1}, [NEXT]),
    ],
    ids=str,
)
def test_the_next_contract_is_asked_for_in_time_and_new_hours_before_the_known_ones_end(
    given: dict[str, int], asked: list[AskContract]
) -> None:
    assert watched(**given) == asked


def test_contracts_are_asked_for_every_ten_minutes_until_they_are_told() -> None:
    player = Player(connect=False, audit_s=0.0)
    player.say(ev.ContractFound(FUT, 1, 0.25, (), (), EXPIRY_NS, 50.0))
    player.connect()
    player.answer_all()
    times = []
    for _ in range(100):
        player.say(ev.Tick(), after_s=float(LOOK_S))
        times += [(utc_ns(player) - LOOK_NS) / SECOND_NS for _ in player.pick(AskContract)]
    assert times == [0.0, 600.0, 1200.0]


def test_no_contract_is_asked_for_before_the_first_one_is_known() -> None:
    player = Player(connect=False)
    player.connect()
    player.answer_all()
    player.say(ev.Tick(), after_s=60.0)
    assert not player.pick(AskContract)
