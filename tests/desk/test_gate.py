"""Each condition of the gate by itself, at its edges: what table of orders, market and state allow."""

import math
from typing import Any

import pytest

from arbcore.carry.pairs import DEFAULT_PAIR, ETF, FUT, LEGS, pair_named
from arbcore.desk.desk_settings import DeskSettings
from arbcore.desk.events import ContractFound
from arbcore.desk.gate import DeskGate
from arbcore.desk.leg_quotes import LegQuotes
from arbcore.desk.limits import ENTRY_PAUSE, EXIT_PAUSE, RiskState
from arbcore.desk.market_clock import MarketClock
from arbcore.desk.order_table import OUT, Draft, OrderTable
from arbcore.desk.records import DAY, IOC, LIMIT, MARKET, OrderRow

SECOND_NS = 10**9
NOW_NS, UTC_NS = 100 * SECOND_NS, 10**18
ALWAYS = ((0, 2**62),)
NEVER = ((0, 1),)
BID, ASK = 600.0, 600.02
MID = 600.01


class Bench:
    """A gate with good prices in open markets, an empty table and no state against it."""

    def __init__(self, **settings: Any) -> None:
        self.settings = DeskSettings(**{"trading_enabled": True, **settings})
        self.orders = OrderTable()
        self.risk_state = RiskState()
        self.legs = {leg: LegQuotes(leg, self.settings) for leg in LEGS}
        for name, leg in self.legs.items():
            leg.resolve(ContractFound(name, 11 if name == FUT else 22, 0.01, ALWAYS, ALWAYS))
            leg.take_kind(1)
            leg.quote(BID, ASK, NOW_NS)
        self.gate = DeskGate(
            self.settings, self.orders, store_id="t", legs=self.legs, risk_state=self.risk_state
        )
        self.clock = MarketClock(slip_ns=SECOND_NS, replay=False)
        self.clock.advance(NOW_NS, UTC_NS)

    def check(self, *, position: int = 0, **changes: Any) -> str:
        wanted = draft(**changes)
        return self.gate.check(wanted, {FUT: 0, ETF: 0, "VIX": 0, wanted.leg: position}, self.clock)

    def working(self, leg: str, side: int, quantity: int) -> None:
        number = len(self.orders.all) + 1
        row = OrderRow(
            f"t-{number:07d}{leg[0]}", 1, leg, side, quantity, LIMIT, 600.0, IOC, "entry", number, 2, 0
        )
        self.orders.add(row, NOW_NS)


def draft(**changes: Any) -> Draft:
    usual = {
        "leg": ETF, "side": 1, "quantity": 100, "kind": LIMIT, "limit": ASK, "tif": IOC, "role": "entry",
        "held": 0, "reduces": False,
    }  # fmt: skip
    return Draft(**{**usual, **changes})


#: What gives back a hundred shares that are held.
BACK: dict[str, Any] = {"side": -1, "held": 100, "reduces": True, "limit": BID, "position": 100}


def test_nothing_speaks_against_an_ordinary_order() -> None:
    assert Bench().check() == ""
    assert Bench().check(**BACK) == ""


# --- trading off, states, doubts ------------------------------------------------------------------------


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("closing", [True, False])
@pytest.mark.parametrize("reduces", [True, False])
def test_with_trading_off_only_what_closes_leaves(enabled: bool, closing: bool, reduces: bool) -> None:
    bench = Bench(trading_enabled=enabled)
    assert bench.gate.closing is False
    bench.gate.closing = closing
    said = bench.check(**BACK) if reduces else bench.check()
    assert said == ("" if enabled or (closing and reduces) else "trading is off")


@pytest.mark.parametrize(
    ("reason", "adding", "reducing"),
    [("stopping", "REDUCING: stopping", ""), ("mismatch", "HALTED: mismatch", "HALTED: mismatch")],
)
def test_each_state_lets_what_it_lets(reason: str, adding: str, reducing: str) -> None:
    bench = Bench()
    bench.risk_state.add(reason, "why")
    assert (bench.check(), bench.check(**BACK)) == (adding, reducing)
    bench.risk_state.remove(reason)
    assert (bench.check(), bench.check(**BACK)) == ("", "")


def test_in_doubt_nothing_leaves_that_reduces_either() -> None:
    bench = Bench()
    bench.gate.doubts.add("nobody knows")
    blind = {**BACK, "kind": MARKET, "limit": None, "blind": True}
    assert {bench.check(), bench.check(**BACK), bench.check(**blind)} == {"nobody knows"}
    # Of several the same one is always named.
    bench.gate.doubts.add("at all")
    assert bench.check() == "at all"
    bench.gate.doubts.clear()
    assert bench.check() == ""


# --- quantities, our own orders, limits -----------------------------------------------------------------


@pytest.mark.parametrize(("quantity", "why"), [(-1, "no quantity"), (0, "no quantity"), (1, "")])
def test_an_order_is_of_one_at_least(quantity: int, why: str) -> None:
    assert Bench().check(quantity=quantity) == why


def test_an_order_is_in_one_of_the_two_legs() -> None:
    assert Bench().check(leg="VIX") == "no quantity"


@pytest.mark.parametrize(
    ("leg", "side", "why"),
    [(ETF, -1, "meets our own order"), (ETF, 1, ""), (FUT, -1, ""), (FUT, 1, "")],
)
def test_an_order_may_not_meet_one_of_ours_in_its_leg(leg: str, side: int, why: str) -> None:
    bench = Bench()
    bench.working(leg, side, 5)
    assert bench.check() == why
    for order in list(bench.orders.live.values()):
        bench.orders.news(order, OUT)
    assert bench.check() == ""


@pytest.mark.parametrize(
    ("held", "working", "quantity", "why"),
    [
        (100, 0, 100, ""), (100, 0, 101, "more than is held"), (100, 1, 100, "more than is held"),
        (100, 1, 99, ""), (-100, 0, 1, "more than is held"), (0, 0, 1, "more than is held"),
    ],
)  # fmt: skip
def test_what_reduces_is_never_more_than_is_held_with_what_works(
    held: int, working: int, quantity: int, why: str
) -> None:
    bench = Bench()
    if working:
        bench.working(ETF, -1, working)
    assert bench.check(side=-1, held=held, reduces=True, limit=BID, quantity=quantity, position=held) == why


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(
    ("position", "working", "quantity", "fits"),
    [
        (0, 0, 525, True), (0, 0, 526, False), (25, 0, 500, True), (26, 0, 500, False), (0, 25, 500, True),
        (0, 26, 500, False), (-100, 0, 625, True), (-100, 0, 626, False), (525, 0, 1, False),
    ],
)  # fmt: skip
def test_the_limit_counts_what_is_held_and_what_works(
    side: int, position: int, working: int, quantity: int, fits: bool
) -> None:
    bench = Bench()
    assert bench.gate.limits == {FUT: 1, ETF: 525}
    if working:
        bench.working(ETF, side, working)
    limit = ASK if side > 0 else BID
    said = bench.check(side=side, quantity=quantity, limit=limit, position=side * position)
    assert said == ("" if fits else "SPY position limit")


@pytest.mark.parametrize(("quantity", "why"), [(1, ""), (2, "ES position limit")])
def test_the_future_has_a_limit_of_its_own(quantity: int, why: str) -> None:
    assert Bench().check(leg=FUT, quantity=quantity) == why


def test_the_limit_of_shares_is_rounded_up_and_follows_the_factor() -> None:
    bench = Bench(contracts=2, pair=pair_named("mes-spy"), etf_headroom=1.5)
    bench.gate.set_factor(10.03)
    assert (bench.gate.factor, bench.gate.limits) == (10.03, {FUT: 2, ETF: 151})
    bench.gate.set_factor(10.0)
    assert (bench.gate.factor, bench.gate.limits) == (10.0, {FUT: 2, ETF: 150})


# --- prices ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "near"),
    [
        (MID * 1.02 - 0.01, True), (MID * 1.02 + 0.01, False), (MID * 0.98 + 0.01, True),
        (MID * 0.98 - 0.01, False), (MID, True), (math.nan, False), (math.inf, False), (-math.inf, False),
        (0.0, False), (-MID, False), (None, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("side", [1, -1])
def test_a_limit_is_near_the_middle(side: int, limit: float | None, near: bool) -> None:
    assert Bench(collar_bps=200.0).check(side=side, limit=limit) == ("" if near else "SPY price collar")


def test_the_collars_edge_belongs_to_it() -> None:
    bench = Bench(collar_bps=100.0)
    bench.legs[ETF].quote(99.0, 101.0, NOW_NS)
    assert bench.check(limit=101.0) == bench.check(limit=99.0) == ""
    assert bench.check(limit=101.01) == "SPY price collar"


def test_a_market_order_has_no_price_to_be_near() -> None:
    assert Bench().check(kind=MARKET, limit=None, tif=DAY) == ""


@pytest.mark.parametrize("reduces", [True, False])
@pytest.mark.parametrize("leg", [FUT, ETF])
def test_a_leg_whose_price_is_not_good_refuses(leg: str, reduces: bool) -> None:
    bench = Bench()
    given = {"leg": leg, "quantity": 1} | ({**BACK, "held": 1, "position": 1} if reduces else {})
    given["quantity"] = 1
    bench.legs[leg].silence()
    assert bench.check(**given) == f"{DEFAULT_PAIR.symbol(leg)} stale"
    bench.legs[leg].quote(BID, ASK, NOW_NS)
    bench.legs[leg].take_halt(True)
    assert bench.check(**given) == f"{DEFAULT_PAIR.symbol(leg)} halted"


@pytest.mark.parametrize(
    ("changes", "excused"),
    [
        ({}, True), ({"blind": False}, False), ({"limit": BID, "kind": LIMIT}, False),
        ({"reduces": False}, False),
    ],
)  # fmt: skip
def test_only_a_blind_market_order_that_reduces_goes_without_a_fresh_price(
    changes: dict[str, Any], excused: bool
) -> None:
    bench = Bench()
    bench.legs[ETF].silence()
    blind = {**BACK, "kind": MARKET, "limit": None, "blind": True, **changes}
    assert bench.check(**blind) == ("" if excused else "SPY stale")


def test_a_blind_order_needs_an_open_market_that_trades() -> None:
    blind = {**BACK, "kind": MARKET, "limit": None, "blind": True}
    bench = Bench()
    bench.legs[ETF].take_halt(True)
    assert bench.check(**blind) == "SPY halted"
    bench = Bench()
    bench.legs[ETF].resolve(ContractFound(ETF, 22, 0.01, NEVER, ALWAYS))
    assert bench.check(**blind) == "SPY closed"


@pytest.mark.parametrize(
    ("leg", "reduces", "trading", "why"),
    [
        (FUT, True, ALWAYS, ""), (FUT, True, NEVER, "ES closed"), (FUT, False, ALWAYS, "ES closed"),
        (ETF, True, ALWAYS, "SPY closed"), (ETF, False, ALWAYS, "SPY closed"),
    ],
)  # fmt: skip
def test_outside_liquid_hours_only_a_future_is_given_back(
    leg: str, reduces: bool, trading: tuple[tuple[int, int], ...], why: str
) -> None:
    bench = Bench()
    bench.legs[leg].resolve(ContractFound(leg, bench.legs[leg].con_id, 0.01, NEVER, trading))
    given = {**BACK, "held": 1, "position": 1} if reduces else {}
    assert bench.check(**{**given, "leg": leg, "quantity": 1}) == why


# --- several together, pace, pauses ---------------------------------------------------------------------


def refusal(bench: Bench, *drafts: Draft) -> str:
    return bench.gate.refusal(drafts, {FUT: 0, ETF: 0}, bench.clock)


def test_of_several_orders_the_first_reason_counts() -> None:
    bench = Bench()
    fut = draft(leg=FUT, quantity=1)
    assert refusal(bench, fut, draft()) == ""
    assert refusal(bench, fut, draft(quantity=0)) == "no quantity"
    assert refusal(bench, draft(quantity=526), draft(quantity=0)) == "SPY position limit"


def test_orders_leave_what_cancels_and_questions_need() -> None:
    bench = Bench(message_cap=10, cancel_reserve=5)
    assert bench.gate.paced(5, NOW_NS)
    assert not bench.gate.paced(6, NOW_NS)
    for _ in range(4):
        bench.gate.passed(NOW_NS)
    assert refusal(bench, draft()) == ""
    assert refusal(bench, draft(leg=FUT, quantity=1), draft()) == "message rate"
    bench.gate.passed(NOW_NS)
    assert refusal(bench, draft()) == "message rate"
    bench.clock.advance(NOW_NS + SECOND_NS + 1, UTC_NS + SECOND_NS)
    for leg in bench.legs.values():
        leg.alive(bench.clock.now_ns)
    assert refusal(bench, draft()) == ""


@pytest.mark.parametrize(("slot", "pause_ns"), [(ENTRY_PAUSE, 7 * SECOND_NS), (EXIT_PAUSE, SECOND_NS)])
def test_each_pause_has_its_length_and_no_other_one_begins_with_it(slot: int, pause_ns: int) -> None:
    gate = Bench(cooldown_s=7.0).gate
    assert gate.ready(slot, NOW_NS)
    gate.pause(slot, NOW_NS)
    assert gate.ready(1 - slot, NOW_NS)
    assert not gate.ready(slot, NOW_NS + pause_ns - 1)
    assert gate.ready(slot, NOW_NS + pause_ns)


def test_orders_are_numbered_on_and_in_the_table() -> None:
    bench = Bench(order_timeout_s=2.0)
    gate = bench.gate
    assert (gate.number, gate.passes) == (0, 0)
    drafts = [draft(leg=FUT, quantity=1, side=-1, limit=BID), draft()]
    fut, etf = gate.let_out(drafts, trade_id=3, fut_con_id=77, clock=bench.clock)
    assert fut == OrderRow(
        "t-0000001E", 3, FUT, -1, 1, LIMIT, BID, IOC, "entry", 1, 77, UTC_NS, "sent", 0, 0, ""
    )
    assert etf == OrderRow(
        "t-0000002S", 3, ETF, 1, 100, LIMIT, ASK, IOC, "entry", 2, 22, UTC_NS, "sent", 0, 0, ""
    )
    assert list(bench.orders.live) == ["t-0000001E", "t-0000002S"]
    assert {order.sent_ns for order in bench.orders.live.values()} == {NOW_NS}
    assert bench.orders.look_ns == NOW_NS + 2 * SECOND_NS
    assert gate.window.room(NOW_NS) == bench.settings.message_cap - 2
    # What is looked at sooner for the sake of an older order stays so.
    bench.orders.look_ns = 5
    (third,) = gate.let_out([draft()], trade_id=3, fut_con_id=77, clock=bench.clock)
    assert (third.ref, third.approved, bench.orders.look_ns) == ("t-0000003S", 3, 5)


def test_no_quantity_wraps() -> None:
    bench = Bench()
    with pytest.raises(OverflowError):
        bench.check(quantity=2**63)
    with pytest.raises(OverflowError):
        bench.check(position=2**63)
    assert bench.check(position=2**63 - 1) == "SPY position limit"


@pytest.mark.parametrize("quantity", [2**63, 2**64 - 1, 2**80])
def test_what_works_beyond_64_bits_is_an_error_and_never_room(quantity: int) -> None:
    """Two orders that cannot be, or a sum of them, must not wrap into a number that lets more out."""
    bench = Bench()
    bench.working(ETF, 1, quantity)
    with pytest.raises(OverflowError):
        bench.check()
    bench = Bench()
    bench.working(ETF, 1, 2**62)
    bench.working(ETF, 1, 2**62)
    with pytest.raises(OverflowError):
        bench.check()
    assert bench.check(leg=FUT, quantity=1) == "", "the other leg is not concerned"


# --- what one changed line once let through unnoticed ---------------------------------------------------

SIDES = pytest.mark.parametrize("side", [1, -1])
BOTH_LEGS = pytest.mark.parametrize("leg", [FUT, ETF])


def blind(leg: str, side: int) -> dict[str, Any]:
    """A market order that gives back one of what is held, and may go without a fresh price."""
    return {
        "leg": leg, "side": side, "quantity": 1, "kind": MARKET, "limit": None, "held": -side,
        "position": -side, "reduces": True, "blind": True,
    }  # fmt: skip


@BOTH_LEGS
@SIDES
@pytest.mark.parametrize("fresh", [True, False])
def test_a_blind_order_never_leaves_for_a_closed_leg(leg: str, side: int, fresh: bool) -> None:
    bench = Bench()
    if not fresh:
        bench.legs[leg].silence()
    assert bench.check(**blind(leg, side)) == ""
    bench.legs[leg].resolve(ContractFound(leg, bench.legs[leg].con_id, 0.01, NEVER, NEVER))
    assert bench.check(**blind(leg, side)) == f"{DEFAULT_PAIR.symbol(leg)} {'closed' if fresh else 'stale'}"


@SIDES
def test_es_outside_all_its_hours_takes_no_order_of_any_kind(side: int) -> None:
    bench = Bench()
    closing = {"leg": FUT, "side": side, "quantity": 1, "held": -side, "position": -side, "reduces": True}
    limit = ASK if side > 0 else BID
    bench.legs[FUT].resolve(ContractFound(FUT, 11, 0.01, NEVER, ALWAYS))
    assert bench.check(**closing, limit=limit) == "", "it trades, though it is not liquid"
    assert bench.check(leg=FUT, side=side, quantity=1, limit=limit) == "ES closed"
    bench.legs[FUT].resolve(ContractFound(FUT, 11, 0.01, NEVER, NEVER))
    assert bench.check(**closing, limit=limit) == "ES closed"
    assert bench.check(**closing, limit=None, kind=MARKET) == "ES closed"
    assert bench.check(**blind(FUT, side)) == "ES closed"
    assert bench.check(leg=FUT, side=side, quantity=1, limit=limit) == "ES closed"


@BOTH_LEGS
@SIDES
def test_a_price_below_the_collar_is_refused_like_one_above_it(leg: str, side: int) -> None:
    bench = Bench(collar_bps=100.0)
    for limit, near in ((594.02, True), (606.0, True), (594.0, False), (606.02, False)):
        said = bench.check(leg=leg, side=side, quantity=1, limit=limit)
        assert said == ("" if near else f"{DEFAULT_PAIR.symbol(leg)} price collar"), limit


@BOTH_LEGS
@SIDES
def test_working_orders_count_against_the_limit_until_they_are_over(leg: str, side: int) -> None:
    bench = Bench()
    most, limit = bench.gate.limits[leg], ASK if side > 0 else BID
    assert bench.check(leg=leg, side=side, quantity=most, limit=limit) == ""
    bench.working(leg, side, most)
    refused = f"{DEFAULT_PAIR.symbol(leg)} position limit"
    assert bench.check(leg=leg, side=side, quantity=1, limit=limit) == refused
    (order,) = bench.orders.live.values()
    bench.orders.news(order, OUT)
    assert bench.check(leg=leg, side=side, quantity=most, limit=limit) == ""


@BOTH_LEGS
@SIDES
@pytest.mark.parametrize("closing", [True, False])
def test_what_is_called_closing_never_adds(leg: str, side: int, closing: bool) -> None:
    bench = Bench()
    bench.gate.closing = closing
    limit = ASK if side > 0 else BID
    order = {"leg": leg, "side": side, "quantity": 1, "limit": limit, "reduces": True}
    assert bench.check(**order, held=-side, position=-side) == ""
    # More of what is held, what nothing is held of, and more than there is: each makes a position larger.
    for held in (side, 0):
        assert bench.check(**order, held=held, position=held) == "more than is held"
    assert bench.check(**{**order, "quantity": 2}, held=-side, position=-side) == "more than is held"


@BOTH_LEGS
@SIDES
def test_a_position_reaches_its_limit_and_never_one_more(leg: str, side: int) -> None:
    bench = Bench()
    most, limit = bench.gate.limits[leg], ASK if side > 0 else BID
    for held in (0, -side * most, side * (most - 1)):
        room = most - side * held
        assert bench.check(leg=leg, side=side, quantity=room, limit=limit, position=held) == ""
        said = bench.check(leg=leg, side=side, quantity=room + 1, limit=limit, position=held)
        assert said == f"{DEFAULT_PAIR.symbol(leg)} position limit"


@SIDES
@pytest.mark.parametrize(("leg", "other"), [(FUT, ETF), (ETF, FUT)])
def test_orders_meet_in_their_own_leg_and_never_in_the_other_one(leg: str, other: str, side: int) -> None:
    bench = Bench()
    limit = ASK if side > 0 else BID
    bench.working(other, -side, 1)
    assert bench.check(leg=leg, side=side, quantity=1, limit=limit) == ""
    bench.working(leg, -side, 1)
    assert bench.check(leg=leg, side=side, quantity=1, limit=limit) == "meets our own order"
