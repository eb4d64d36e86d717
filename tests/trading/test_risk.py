"""The gate: every refusal in its order and both directions, the slots, and who wins them."""

from collections import Counter
from random import Random
from typing import Any

import pytest
from gates import ACTIVE, ADD, CLOSING, CONVERT, PITS, STOPPING, CompiledPit, TwinPit

from arbcore.errors import ConfigError
from arbcore.trading import _risk
from arbcore.trading.trading_settings import SECOND_NS, SessionSettings
from arbcore.wire.instruments import POSITION_LIMITS, PRICE_MAX, SIZE_MAX, SYMBOLS

MS = 1_000_000
SETTINGS = SessionSettings(message_cap=10, cancel_reserve=3, live_orders_max=3)


def ready(pit: Any) -> Any:
    """A gate through which a small order in any symbol passes at time 0."""
    pit.gate.ready = True
    for name in SYMBOLS:
        pit.open(name, True)
        pit.book(name, [(999, 50)], [(1001, 50)], 0)
    return pit


@pytest.fixture(params=["c", "py"])
def pit(request: pytest.FixtureRequest) -> Any:
    return ready(PITS[request.param](SETTINGS))


def ask(pit: Any, *, side: int, size: int = 5, price: int = 1000, name: str = "GS", now_ns: int = 0) -> str:
    return pit.refusal(name, side=side, price=price, size=size, now_ns=now_ns)


def convert(pit: Any, name: str, *, side: int, size: int) -> str:
    return pit.refusal(name, kind=CONVERT, side=side, price=0, size=size, now_ns=0)


both_sides = pytest.mark.parametrize("side", [1, -1])


# --- every refusal ------------------------------------------------------------------------------


@both_sides
def test_a_small_order_at_the_market_passes(pit: Any, side: int) -> None:
    assert ask(pit, side=side) == "pass"


@both_sides
def test_before_a_login_everything_is_halted(pit: Any, side: int) -> None:
    pit.gate.ready = False
    assert ask(pit, side=side) == "halted"


@both_sides
def test_after_a_stop_nothing_leaves_not_even_what_reduces(pit: Any, side: int) -> None:
    pit.hold("GS", -side * 20)
    pit.gate.mode = STOPPING
    assert ask(pit, side=side) == "halted"


@both_sides
def test_while_closing_only_what_takes_a_position_towards_zero_leaves(pit: Any, side: int) -> None:
    pit.hold("GS", -side * 20)
    pit.gate.mode = CLOSING
    assert ask(pit, side=side, size=20) == "pass"
    assert ask(pit, side=side, size=21) == "halted"
    assert ask(pit, side=-side, size=1) == "halted"
    pit.enter("GS", side=side, price=1000, size=6)
    assert ask(pit, side=side, size=14) == "pass"
    assert ask(pit, side=side, size=15) == "halted"


def test_while_closing_nothing_is_converted(pit: Any) -> None:
    pit.hold("VALE", 5)
    pit.gate.mode = CLOSING
    assert convert(pit, "VALE", side=-1, size=5) == "halted"


@both_sides
def test_a_closed_symbol_takes_no_order(pit: Any, side: int) -> None:
    pit.open("GS", False)
    assert ask(pit, side=side) == "symbol_closed"
    assert ask(pit, side=side, name="MS") == "pass"


@pytest.mark.parametrize(
    ("price", "size"), [(0, 5), (-1, 5), (10**6, 5), (1000, 0), (1000, -5), (1000, 10**6)]
)
def test_a_price_or_size_that_the_protocol_forbids_is_a_bad_order(pit: Any, price: int, size: int) -> None:
    assert ask(pit, side=1, price=price, size=size) == "bad_order"


@pytest.mark.parametrize(("name", "size"), [("GS", 10), ("BOND", 10), ("XLF", 15), ("XLF", 1)])
def test_what_cannot_be_converted_is_a_bad_order(pit: Any, name: str, size: int) -> None:
    assert convert(pit, name, side=1, size=size) == "bad_order"


@both_sides
def test_the_limit_counts_the_position_and_all_that_may_still_fill(pit: Any, side: int) -> None:
    pit.hold("GS", side * 60)
    pit.enter("GS", side=side, price=1000 - side, size=30)
    assert pit.room("GS", side) == 10
    assert ask(pit, side=side, size=10) == "pass"
    assert ask(pit, side=side, size=11) == "position_limit"
    assert pit.room("GS", -side) == 160


@both_sides
def test_beyond_a_limit_there_is_no_room_and_no_negative_one(pit: Any, side: int) -> None:
    pit.hold("GS", side * 130)
    assert pit.room("GS", side) == 0
    assert ask(pit, side=side, size=1) == "position_limit"
    assert ask(pit, side=-side, size=200) == "pass"


@both_sides
def test_no_order_is_larger_than_twice_the_limit(pit: Any, side: int) -> None:
    pit.hold("GS", side * 5000)
    assert ask(pit, side=-side, size=201) == "size_cap"
    assert ask(pit, side=-side, size=200) == "pass"
    assert convert(pit, "XLF", side=side, size=210) == "size_cap"


@both_sides
def test_every_leg_of_a_conversion_has_its_limit(pit: Any, side: int) -> None:
    assert convert(pit, "XLF", side=side, size=100) == "pass"
    pit.hold("MS", -side * 71)
    assert convert(pit, "XLF", side=side, size=100) == "position_limit"
    assert convert(pit, "XLF", side=side, size=90) == "pass"
    assert convert(pit, "XLF", side=-side, size=100) == "pass"


@both_sides
def test_a_conversion_under_way_uses_up_the_room_of_its_legs(pit: Any, side: int) -> None:
    pit.enter("XLF", kind=CONVERT, side=side, price=0, size=100)
    assert pit.room("BOND", -side) == 70
    assert pit.room("XLF", side) == 0


def test_a_symbol_has_so_many_live_orders_and_no_more(pit: Any) -> None:
    for price in (990, 991, 992):
        pit.enter("GS", side=1, price=price, size=1)
    assert ask(pit, side=1) == "too_many_live"


@both_sides
def test_no_order_meets_one_of_our_own(pit: Any, side: int) -> None:
    pit.enter("GS", side=-side, price=1000, size=1)
    assert ask(pit, side=side, price=1000) == "self_cross"
    assert ask(pit, side=side, price=1000 + side) == "self_cross"
    assert ask(pit, side=side, price=1000 - side) == "pass"
    assert ask(pit, side=-side, price=1000) == "pass"


def test_a_conversion_crosses_nothing(pit: Any) -> None:
    pit.enter("VALE", side=-1, price=1000, size=1)
    assert convert(pit, "VALE", side=1, size=2) == "pass"


@both_sides
def test_without_a_market_or_with_an_old_one_there_is_no_reference(pit: Any, side: int) -> None:
    stale_ns = SETTINGS.stale_ns
    assert ask(pit, side=side, now_ns=stale_ns) == "pass"
    assert ask(pit, side=side, now_ns=stale_ns + 1) == "no_reference"
    assert ask(pit, side=side, name="BOND", now_ns=stale_ns + 1) == "pass"
    pit.book("GS", [(999, 5)], [], 0)
    assert ask(pit, side=side) == "no_reference"
    pit.trade("GS", 1000, 0)
    assert ask(pit, side=side) == "pass"


@both_sides
def test_the_collar_holds_at_its_edge_on_both_sides(pit: Any, side: int) -> None:
    # 500 basis points of 1000.
    assert ask(pit, side=side, price=950) == ask(pit, side=side, price=1050) == "pass"
    assert ask(pit, side=side, price=949) == ask(pit, side=side, price=1051) == "price_collar"


def test_the_collar_is_exact_between_two_ticks(pit: Any) -> None:
    # Around 1000.5 the edges are 950.475 and 1050.525.
    pit.book("GS", [(1000, 5)], [(1001, 5)], 0)
    assert ask(pit, side=1, price=951) == ask(pit, side=1, price=1050) == "pass"
    assert ask(pit, side=1, price=950) == ask(pit, side=1, price=1051) == "price_collar"


def test_a_slot_opens_a_hundred_milliseconds_after_an_order(pit: Any) -> None:
    pit.order_sent("GS", 0)
    assert ask(pit, side=1, now_ns=100 * MS - 1) == "cooldown"
    assert ask(pit, side=1, now_ns=100 * MS) == "pass"
    assert ask(pit, side=1, name="MS") == "pass"


def test_a_rejected_symbol_rests(pit: Any) -> None:
    pit.order_sent("GS", 0)
    pit.rejected("GS", 0)
    assert ask(pit, side=1, now_ns=500 * MS - 1) == "cooldown"
    assert ask(pit, side=1, now_ns=500 * MS) == "pass"


def test_the_message_cap_keeps_a_reserve_for_cancels(pit: Any) -> None:
    for number in range(6):
        pit.message(number)
    assert ask(pit, side=1, now_ns=6) == "pass"
    pit.message(6)
    assert ask(pit, side=1, now_ns=6) == "message_cap"
    assert ask(pit, side=1, now_ns=SECOND_NS - 1) == "message_cap"
    assert ask(pit, side=1, now_ns=SECOND_NS) == "pass"


def test_room_comes_back_when_enough_messages_have_expired(pit: Any) -> None:
    for number in range(10):
        pit.message(number)
    assert pit.room_time(0, 10) == SECOND_NS
    assert pit.room_time(3, 10) == SECOND_NS + 3
    assert pit.room_time(3, SECOND_NS + 5) == SECOND_NS + 5


# --- what one changed line once let through unnoticed ---------------------------------------------------


@both_sides
def test_a_closed_symbol_takes_no_order_that_closes_a_position_either(pit: Any, side: int) -> None:
    pit.hold("GS", -side * 20)
    for mode in (ACTIVE, CLOSING):
        pit.gate.mode = mode
        pit.open("GS", True)
        assert ask(pit, side=side, size=20) == "pass"
        pit.open("GS", False)
        assert ask(pit, side=side, size=20) == "symbol_closed"


@both_sides
def test_a_price_below_the_collar_is_refused_like_one_above_it(pit: Any, side: int) -> None:
    for price, said in ((949, "price_collar"), (950, "pass"), (1050, "pass"), (1051, "price_collar")):
        assert ask(pit, side=side, price=price) == said


def test_the_narrowest_collar_leaves_no_room_for_half_a_tick() -> None:
    for build in PITS.values():
        pit = ready(build(SessionSettings(collar_bps=1)))
        assert ask(pit, side=1, price=1000) == "pass"
        # The middle is 1000.5, and a ten-thousandth of it is far less than half a tick.
        pit.book("GS", [(1000, 5)], [(1001, 5)], 0)
        assert ask(pit, side=1, price=1000) == ask(pit, side=1, price=1001) == "price_collar"


@pytest.mark.parametrize("name", SYMBOLS)
@both_sides
def test_a_position_reaches_its_limit_and_never_one_more(pit: Any, side: int, name: str) -> None:
    most = POSITION_LIMITS[name]
    for held in (0, -side * most, side * (most - 1)):
        pit = ready(type(pit)(SETTINGS))
        if held:
            pit.hold(name, held)
        room = most - side * held
        assert pit.room(name, side) == room
        assert ask(pit, side=side, size=room, name=name) == "pass"
        said = "size_cap" if room == 2 * most else "position_limit"
        assert ask(pit, side=side, size=room + 1, name=name) == said


@both_sides
def test_orders_meet_in_their_own_symbol_and_never_in_another(pit: Any, side: int) -> None:
    pit.enter("MS", side=-side, price=1000, size=1)
    assert ask(pit, side=side, price=1000, name="GS") == "pass"
    assert ask(pit, side=side, price=1000, name="MS") == "self_cross"


@both_sides
def test_a_conversion_under_way_meets_no_order(pit: Any, side: int) -> None:
    pit.enter("VALE", kind=CONVERT, side=-side, price=0, size=1)
    assert ask(pit, side=side, price=1000, size=1, name="VALE") == "pass"


@both_sides
def test_each_leg_of_a_conversion_reaches_its_limit_and_never_one_more(pit: Any, side: int) -> None:
    pit.hold("MS", -side * 70)
    assert convert(pit, "XLF", side=side, size=100) == "pass"
    pit.hold("MS", -side)
    assert convert(pit, "XLF", side=side, size=100) == "position_limit"


@both_sides
def test_a_conversion_of_one_share_keeps_within_the_limits_too(pit: Any, side: int) -> None:
    pit.hold("VALE", side * 9)
    assert convert(pit, "VALE", side=side, size=1) == "pass"
    pit.hold("VALE", side)
    assert convert(pit, "VALE", side=side, size=1) == "position_limit"
    assert convert(pit, "VALE", side=-side, size=1) == "pass"
    pit.hold("VALBZ", side * 10)
    assert convert(pit, "VALE", side=-side, size=1) == "position_limit"


def test_the_protocols_largest_numbers_are_no_bad_orders(pit: Any) -> None:
    assert ask(pit, side=1, price=1, size=1) == ask(pit, side=1, price=PRICE_MAX, size=1) == "price_collar"
    assert ask(pit, side=1, size=SIZE_MAX) == "size_cap"


# --- the message cap over many seconds ------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 13, 20, 27])
def test_room_comes_back_with_the_end_of_the_second_of_each_message(pit: Any, count: int) -> None:
    sent = [40 * MS * number for number in range(count)]
    for stamp in sent:
        pit.message(stamp)
    # One that went although the cap was reached takes the place of the oldest.
    kept = sent[-SETTINGS.message_cap :]
    last = sent[-1] if sent else 0
    for now_ns in (last, last + 500 * MS, kept[0] + SECOND_NS if kept else SECOND_NS, last + SECOND_NS):
        for room in range(SETTINGS.message_cap):
            times = [now_ns, *(stamp + SECOND_NS for stamp in kept if stamp + SECOND_NS > now_ns)]
            first = next(time for time in times if room_at(kept, time) > room)
            assert pit.room_time(room, now_ns) == first, (now_ns, room)
        said = "pass" if room_at(kept, now_ns) > SETTINGS.cancel_reserve else "message_cap"
        assert ask(pit, side=1, name="BOND", now_ns=now_ns) == said


def room_at(kept: list[int], now_ns: int) -> int:
    """How many messages may go when these are those that count."""
    return SETTINGS.message_cap - sum(now_ns - stamp < SECOND_NS for stamp in kept)


def test_no_more_than_the_cap_is_ever_to_be_had() -> None:
    pit = ready(CompiledPit(SETTINGS))
    assert pit.room_time(9, 5) == 5
    with pytest.raises(ValueError, match="room for more than 10 messages under a cap of 10"):
        pit.room_time(10, 5)


def test_a_reject_never_shortens_the_wait_after_an_order() -> None:
    for build in PITS.values():
        pit = ready(build(SessionSettings(order_cooldown_ns=1000 * MS, reject_pause_ns=10 * MS)))
        pit.order_sent("GS", 0)
        pit.rejected("GS", 0)
        assert ask(pit, side=1, now_ns=1000 * MS - 1) == "cooldown"
        assert ask(pit, side=1, now_ns=1000 * MS) == "pass"


#: What the order below does wrong, from the first that is looked at to the last.
WRONGS = (
    ("halted", lambda pit: setattr(pit.gate, "ready", False)),
    ("symbol_closed", lambda pit: pit.open("GS", False)),
    ("position_limit", lambda pit: pit.hold("GS", 98)),
    ("too_many_live", lambda pit: [pit.enter("GS", side=1, price=1, size=1) for _ in range(3)]),
    ("self_cross", lambda pit: pit.enter("GS", side=-1, price=900, size=1)),
    ("price_collar", lambda pit: pit.book("GS", [(400, 1)], [(402, 1)], 0)),
    ("cooldown", lambda pit: pit.order_sent("GS", 0)),
    ("message_cap", lambda pit: [pit.message(0) for _ in range(10)]),
)


@pytest.mark.parametrize("first", range(len(WRONGS)))
def test_of_several_reasons_the_first_in_the_order_is_given(pit: Any, first: int) -> None:
    for _, wrong in WRONGS[first:]:
        wrong(pit)
    assert ask(pit, side=1) == WRONGS[first][0]


def test_names_of_refusals_are_the_twins() -> None:
    from reference import risk

    assert _risk.REFUSAL_NAMES == risk.REFUSAL_NAMES
    assert _risk.MODE_NAMES == risk.MODE_NAMES


def test_a_reserve_as_large_as_the_cap_is_no_setting() -> None:
    with pytest.raises(ConfigError, match="cancel_reserve"):
        SessionSettings(message_cap=10, cancel_reserve=10)


def test_an_average_that_would_never_count_is_refused() -> None:
    with pytest.raises(ConfigError, match="min_prices"):
        SessionSettings(window=5, min_prices=6)


# --- slots --------------------------------------------------------------------------------------


def test_the_most_valuable_goes_first_then_the_earlier_strategy_then_the_earlier_ask(pit: Any) -> None:
    assert pit.ranking("GS", [(2, 10), (1, 30), (0, 30), (3, 50)]) == [3, 2, 1, 0]
    assert pit.ranking("MS", [(1, 7), (1, 7), (0, 7)]) == [2, 0, 1]


def test_beyond_sixteen_proposals_the_first_come_stay_and_the_others_are_refused(pit: Any) -> None:
    assert pit.ranking("GS", [(0, value) for value in range(20)]) == list(range(15, -1, -1))
    assert pit.gate.refusals == {"too_many_asked": 4}


def test_whoever_lost_four_times_running_goes_before_any_value(pit: Any) -> None:
    winners = [pit.ranking("GS", [(0, 100), (1, 1)])[0] for _ in range(10)]
    assert winners == [0, 0, 0, 0, 1, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("strategies", [2, 3, 4])
@pytest.mark.parametrize("seed", range(5))
def test_nobody_starves(strategies: int, seed: int) -> None:
    random, pit = Random(seed), ready(CompiledPit(SETTINGS))
    lost: Counter[int] = Counter()
    for _ in range(400):
        asked = [(strategy, random.choice([1, 10, 10**6])) for strategy in range(strategies)]
        winner = asked[pit.ranking("GS", asked)[0]][0]
        for strategy in range(strategies):
            lost[strategy] = 0 if strategy == winner else lost[strategy] + 1
            # Several that waited four times take turns.
            assert lost[strategy] <= 4 + strategies - 2, f"seed {seed}"


def test_losses_in_one_symbol_say_nothing_in_another(pit: Any) -> None:
    for _ in range(4):
        pit.ranking("GS", [(0, 100), (1, 1)])
    assert pit.ranking("MS", [(0, 100), (1, 1)]) == [0, 1]


#: The one that always offers less, and the one that always offers more, among them the first strategy, the
#: last that a bit set of 32 holds, and the owner after it.
PAIRS = [(0, 1), (1, 0), (30, 31), (31, 30), (0, 32), (32, 0), (31, 32), (32, 31)]


@pytest.mark.parametrize(("poor", "rich"), PAIRS)
@pytest.mark.parametrize("asked_by", ["one each", "the poor twice", "the rich twice"])
def test_each_strategy_waits_four_times_however_often_it_asks(
    pit: Any, poor: int, rich: int, asked_by: str
) -> None:
    asked = [(rich, 100), (poor, 1)]
    if asked_by == "the poor twice":
        asked = [(poor, 2), *asked]
    elif asked_by == "the rich twice":
        asked = [(rich, 90), *asked]
    winners = [asked[pit.ranking("GS", asked)[0]][0] for _ in range(10)]
    assert winners == [rich] * 4 + [poor] + [rich] * 4 + [poor]


def test_the_number_of_a_strategy_is_one_that_there_can_be() -> None:
    pit = ready(CompiledPit(SETTINGS))
    assert pit.ranking("GS", [(0, 1), (32, 2)]) == [1, 0]
    for strategy in (-1, 33):
        with pytest.raises(ValueError, match=f"strategy {strategy} of 33"):
            pit.ranking("GS", [(strategy, 1)])


# --- the twin -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(30))
def test_compiled_gate_and_twin_answer_the_same(seed: int) -> None:
    random = Random(seed)
    pits = [ready(CompiledPit(SETTINGS)), ready(TwinPit(SETTINGS))]
    now_ns = 0
    for step in range(150):
        now_ns += random.choice([0, 1, 50 * MS, 101 * MS, 990 * MS])
        name, side = random.choice(SYMBOLS), random.choice([1, -1])
        price, size = random.randrange(985, 1016), random.choice([1, 5, 10, 30, 100])
        kind = CONVERT if random.random() < 0.2 else ADD
        draw = random.random()
        answers: list[Any] = []
        for pit in pits:
            said = pit.refusal(name, kind=kind, side=side, price=price, size=size, now_ns=now_ns)
            answers.append((said, pit.room(name, 1), pit.room(name, -1), pit.room_time(3, now_ns)))
            if said == "pass":
                pit.enter(name, kind=kind, side=side, price=price, size=size)
                pit.order_sent(name, now_ns)
                pit.message(now_ns)
            if draw < 0.1:
                pit.hold(name, side * size)
            elif draw < 0.2:
                pit.book(name, [(price - 1, 5)], [(price + 1, 5)] * (draw < 0.15), now_ns)
            elif draw < 0.25:
                pit.rejected(name, now_ns)
            elif draw < 0.3:
                pit.gate.mode = CLOSING if draw < 0.27 else ACTIVE
            elif draw < 0.4:
                pit.orders.on_out(step // 2)
        assert answers[0] == answers[1], f"seed {seed} step {step}: {name} {kind} {side} {price} {size}"
