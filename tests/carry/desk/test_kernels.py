"""The desk's compiled kernels and their plain twins: the same answers, errors and state, whatever comes."""

import math
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from arbcore.carry.desk import _clock, _gate, _leg, _orders, _trade
from arbcore.carry.desk import orders as states
from arbcore.carry.desk._records import Draft
from arbcore.carry.desk.events import Contract
from arbcore.carry.desk.risk import BRAKES, Brakes
from arbcore.carry.desk.rows import ES, LEGS, SPY, AdjustmentRow, ExecutionRow, OrderRow, TradeRow
from arbcore.carry.desk.settings import DeskSettings
from arbcore.errors import BrokenInvariant
from arbcore.reference import desk as twin

SECOND_NS = 10**9
STALE_NS = 5 * SECOND_NS
UTC_NS = 1_795_000_000 * SECOND_NS
PRICES = (math.nan, math.inf, -math.inf, 0.0, -0.0, -1.0, 5e-324, 1e308, 600.0, 600.01, 599.99, 6000.25)
STATES = (states.SENT, states.SENT, *sorted(states.LIVE_STATES), *sorted(states.FINAL_STATES))
LEG_FACTS = (
    "name", "con_id", "tick", "multiplier", "expiry_ns", "liquid_hours", "trading_hours", "bid", "ask",
    "kind", "halted", "seen_ns", "mid",
)  # fmt: skip


def answer(of: Any, name: str, *given: Any, **named: Any) -> Any:
    """What a method answers, or the kind of its error."""
    try:
        return getattr(of, name)(*given, **named)
    except (ArithmeticError, ValueError, LookupError, BrokenInvariant) as error:
        return type(error)


def facts(of: Any, names: tuple[str, ...]) -> list[Any]:
    return [getattr(of, name) for name in names]


def hours(rng: Random) -> tuple[tuple[int, int], ...]:
    """Spans around now, some of them with an edge exactly there."""
    spans, at = [], UTC_NS + rng.choice((-20, -10, -3, 0, 1)) * SECOND_NS
    for _ in range(rng.randrange(4)):
        end = at + rng.choice((1, SECOND_NS, 10 * SECOND_NS))
        spans.append((at, end))
        at = end + rng.choice((0, 1, 5 * SECOND_NS))
    return tuple(spans)


def contract(rng: Random, name: str) -> Contract:
    open_hours = ((0, 2**62),) if rng.random() < 0.6 else hours(rng)
    return Contract(
        name, rng.choice((1, 1, 2, 2**40)), rng.choice((0.25, 0.01, 0.05, 0.0)), open_hours, hours(rng),
        rng.choice((None, 0, UTC_NS)),
    )  # fmt: skip


def touch_leg(rng: Random, name: str, now_ns: int) -> tuple[str, tuple[Any, ...]]:
    """Something that happens to a leg, mostly a quote that is good."""
    draw = rng.random()
    if draw < 0.4:
        return "quote", (600.0, 600.0 + rng.choice((0.01, 0.01, 0.0, 1.0, -0.01)), now_ns)
    if draw < 0.6:
        return "quote", (rng.choice(PRICES), rng.choice(PRICES), now_ns)
    if draw < 0.8:
        return "take_kind", (rng.choice((1, 1, 1, 0, 2, 3)),)
    return rng.choice((
        ("alive", (now_ns,)), ("silence", ()), ("forget", ()), ("take_halt", (rng.random() < 0.3,)),
        ("resolve", (contract(rng, name),)), ("resolve", (contract(rng, name),)),
    ))  # fmt: skip


@pytest.mark.parametrize("decide_on", ["quote", "row"])
@pytest.mark.parametrize("seed", range(20))
def test_a_leg_and_its_twin(seed: int, decide_on: str) -> None:
    rng = Random(seed)
    settings = DeskSettings(decide_on=decide_on, stale_s=5.0)
    name = rng.choice(LEGS)
    pair = _leg.Leg(name, settings), twin.Leg(name, settings)
    now_ns, faults = 0, set()
    for step in range(300):
        what, given = touch_leg(rng, name, now_ns)
        for leg in pair:
            getattr(leg, what)(*given)
        ages = (0, 1, -1, STALE_NS - 1, STALE_NS, STALE_NS + 1, SECOND_NS)
        now_ns += rng.choice((0, 0, 0, rng.choice(ages)))
        utc_ns = UTC_NS + rng.choice((0, 0, 1, -1, SECOND_NS, -20 * SECOND_NS, 2**61))
        where = f"seed {seed} step {step}: {what}{given}"
        asked = [
            ("fault", (now_ns, utc_ns)), ("open_at", (utc_ns,)), ("trades_at", (utc_ns,)),
            ("crossing", (rng.choice((1, -1)), rng.choice((0.0, 10.0, 0.5, 1000.0)))),
        ]  # fmt: skip
        for question, arguments in asked:
            found = [answer(leg, question, *arguments) for leg in pair]
            assert found[0] == found[1], f"{where}; {question}{arguments}"
            if question == "fault":
                faults.add(found[0].rpartition(" ")[2])
        assert facts(pair[0], LEG_FACTS) == facts(pair[1], LEG_FACTS), where
    assert {"", "stale", "live", "missing", "crossed"} <= faults


@pytest.mark.parametrize("now_ns", [-(2**62), 0, 2**62, 2**63 - 1])
def test_a_leg_that_was_never_seen_is_stale_at_any_time(now_ns: int) -> None:
    settings = DeskSettings()
    for leg in (_leg.Leg(ES, settings), twin.Leg(ES, settings)):
        assert leg.fault(now_ns, UTC_NS) == "ES stale"


# --- the clock ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_the_clock_and_its_twin(seed: int) -> None:
    rng = Random(seed)
    slip_ns, replay = rng.choice((1, SECOND_NS, 2**62, 2**70)), rng.random() < 0.3
    clocks = [kind(slip_ns=slip_ns, replay=replay) for kind in (_clock.MarketClock, twin.MarketClock)]
    now_ns, utc_ns = 0, rng.choice((0, UTC_NS))
    for step in range(100):
        elapsed_ns = rng.choice((0, 1, -1, SECOND_NS, -SECOND_NS, 3_600 * SECOND_NS))
        now_ns += elapsed_ns
        utc_ns += elapsed_ns + rng.choice((0, 0, 1, -1, SECOND_NS, -SECOND_NS, SECOND_NS + 1))
        ahead = []
        for clock in clocks:
            clock.advance(now_ns, utc_ns)
            ahead.append(clock.compare(utc_ns - SECOND_NS) if step % 7 == 3 else None)
        found = [facts(clock, ("now_ns", "utc_ns", "slipped", "pace_ns")) for clock in clocks]
        assert (found[0], ahead[0]) == (found[1], ahead[1]), f"seed {seed} step {step}"


@pytest.mark.parametrize("time_ns", [2**62, -(2**62), 2**63, -(2**63) - 1])
def test_a_time_two_centuries_away_is_refused(time_ns: int) -> None:
    clock = _clock.MarketClock(slip_ns=1, replay=False)
    for now_ns, utc_ns in ((time_ns, 0), (0, time_ns)):
        with pytest.raises(OverflowError):
            clock.advance(now_ns, utc_ns)
    with pytest.raises(OverflowError):
        clock.compare(time_ns)
    edge_ns = 2**62 - 1
    clock.advance(-edge_ns, edge_ns)
    with pytest.raises(OverflowError):
        clock.advance(edge_ns, edge_ns)


# --- a pair -------------------------------------------------------------------------------------

TRADE_FACTS = (
    "trade_id", "side", "con_id", "expiry_ns", "multiplier", "wanted_contracts", "wanted_shares", "entry_ns",
    "entry_dev_bps", "phase", "exit_ns", "exit_dev_bps", "exit_reason", "contracts", "shares", "tries",
    "gross", "position", "commissions", "averages", "commission", "second", "deadline_ns",
    "next_try_ns", "wake_ns", "naked_since_ns", "exit_from", "misses", "forced", "complete", "held",
    "residual", "adjustments", "expired", "awaits_settlement",
)  # fmt: skip


def a_trade_row(rng: Random) -> TradeRow:
    row = TradeRow(
        7, rng.choice((1, -1)), "entering", 1, UTC_NS, 50.0, rng.choice((1, 3)), rng.choice((1, 500, 1_499)),
        UTC_NS, 12.5,
    )  # fmt: skip
    if rng.random() < 0.3:
        row.phase, row.exit_ns, row.exit_dev_bps, row.exit_reason = "exiting", UTC_NS, 1.0, "converged"
        row.contracts, row.shares, row.tries, row.gross = 1, 500, 2, -3.5
    return row


def an_execution(rng: Random, number: int) -> ExecutionRow:
    return ExecutionRow(
        f"{number}.01", f"{number}.01.01", 1, "t-1E", 1, 7, rng.choice(LEGS), rng.choice((1, -1)),
        rng.choice((1, 2, 100, 500, 2**70)), rng.choice((600.0, 600.01, 6000.25, 0.1)),
        rng.choice((1.0, 50.0)), UTC_NS, rng.choice((None, 2.5, 0.01, -1.0)),
    )  # fmt: skip


def sums_of(trade: Any) -> dict[tuple[str, int], tuple[int, float]]:
    return {key: (side.quantity, side.value) for key, side in trade.sums.items()}


@pytest.mark.parametrize("seed", range(20))
def test_a_pair_and_its_twin(seed: int) -> None:
    rng = Random(seed)
    row = a_trade_row(rng)
    trades = _trade.Trade(row), twin.Trade(row)
    known: list[ExecutionRow] = []
    for step in range(30):
        execution, sign = an_execution(rng, step), 1
        if known and rng.random() < 0.3:
            execution, sign = known.pop(rng.randrange(len(known))), -1
        else:
            known.append(execution)
        contracts = rng.choice((0, 1, 2, -1, 3, 2**70))
        for trade in trades:
            trade.count(execution, sign)
            if step % 5 == 4:
                trade.know_commission(replace(execution, commission=1.5))
            if step % 7 == 6:
                trade.adjust(AdjustmentRow(f"7-{step}", 7, execution.leg, -contracts, "by_hand", UTC_NS))
            trade.expired = step % 3 == 2
        where = f"seed {seed} step {step}: {execution} {sign}"
        assert facts(trades[0], TRADE_FACTS) == facts(trades[1], TRADE_FACTS), where
        assert sums_of(trades[0]) == sums_of(trades[1]), where
        assert trades[0].row() == trades[1].row(), where
        assert trades[0].shares_of(contracts) == trades[1].shares_of(contracts), where


# --- orders -------------------------------------------------------------------------------------


def order_row(rng: Random, number: int, *, quantity: int = 0, **changes: Any) -> OrderRow:
    values = {
        "ref": f"t-{number:07d}E", "trade_id": rng.randrange(3), "leg": rng.choice(LEGS),
        "side": rng.choice((1, -1)), "quantity": quantity or rng.choice((1, 5, 500, 2**70)), "kind": "LMT",
        "limit": 600.0, "tif": "IOC", "role": "entry", "approved": number, "con_id": 1,
        "created_ns": UTC_NS - rng.choice((0, 3 * 86_400 * SECOND_NS)),
        "state": rng.choice(STATES),
        "perm_id": rng.choice((0, 0, number)),
    }  # fmt: skip
    return OrderRow(**{**values, **changes})


def shown(orders: Any) -> tuple[Any, ...]:
    """All that a table holds."""
    names = (
        "sent_ns", "pulled_ns", "pulls", "acked", "suspect", "out_filled", "told_filled", "absent", "dirty",
        "live", "open_quantity",
    )  # fmt: skip
    return (
        [(ref, order.row(), facts(order, names)) for ref, order in orders.all.items()], set(orders.live),
        dict(orders.by_perm), [order.ref for order in orders.dirty], orders.look_ns, orders.exposure(),
        [orders.meets(leg, side) for leg in LEGS for side in (1, -1)],
    )  # fmt: skip


def tell(rng: Random, orders: Any, what: str, number: int) -> Any:
    """One thing that happens to the table; the draws are the same for both."""
    if what == "add":
        orders.look_ns = 77
        return answer(orders, "add", order_row(rng, number), number) is BrokenInvariant
    if what == "prune":
        return orders.prune(UTC_NS, {1})
    order = orders.find(f"t-{rng.randrange(number + 1):07d}E", rng.randrange(number + 1))
    if order is None:
        return None
    if what == "news":
        words = (states.ACK, states.FULL, states.OUT, states.REJECT, states.DOUBT, states.ABSENT, "gossip")
        return orders.news(order, rng.choice(words), rng.choice(("", "why")))
    if what == "fill":
        return orders.fill(order, rng.choice((1, -1, 4, 500, 2**69)))
    if what == "ended":
        order.told_filled = rng.choice((0, order.filled, 5))
        return orders.ended(order, rng.choice((0, order.filled, 5)))
    return orders.identify(order, rng.choice((0, number, order.perm_id)))


@pytest.mark.parametrize("seed", range(20))
def test_the_table_of_orders_and_its_twin(seed: int) -> None:
    rng = Random(seed)
    tables = _orders.Orders(), twin.Orders()
    happenings = ("add", "add", "news", "news", "fill", "ended", "identify", "prune")
    for step in range(120):
        what, draws = rng.choice(happenings), rng.randrange(2**32)
        said = [tell(Random(draws), table, what, step) for table in tables]
        where = f"seed {seed} step {step}: {what}"
        assert said[0] == said[1], where
        assert shown(tables[0]) == shown(tables[1]), where
        if rng.random() < 0.2:
            for table in tables:
                for order in table.dirty:
                    order.dirty = False
                table.dirty.clear()


# --- the gate -----------------------------------------------------------------------------------


class Pit:
    """A gate, the kernels' or the twins', with all that it asks."""

    def __init__(self, kinds: Any, settings: DeskSettings) -> None:
        leg_kind, orders_kind, gate_kind = kinds
        self.legs = {leg: leg_kind(leg, settings) for leg in LEGS}
        self.orders = orders_kind()
        self.brakes = Brakes()
        self.gate = gate_kind(
            settings, self.orders, store_id="t", legs=self.legs, brakes=self.brakes
        )
        self.gate.number = 9_999_990
        self.heal(0)

    def heal(self, now_ns: int) -> None:
        """Good prices in open markets, and no brake."""
        self.brakes.lift(*BRAKES)
        for leg in self.legs.values():
            leg.resolve(Contract(leg.name, 1, 0.01, ((0, 2**62),), ((0, 2**62),)))
            leg.take_kind(1)
            leg.take_halt(False)
            leg.quote(600.0, 600.01, now_ns)


KINDS = ((_leg.Leg, _orders.Orders, _gate.Gate), (twin.Leg, twin.Orders, twin.Gate))
COLLAR_EDGE = 600.005 * 0.02


def a_draft(rng: Random) -> Draft:
    limits = (
        None, math.nan, math.inf, -math.inf, 0.0, -600.0, 600.005 + COLLAR_EDGE, 600.005 - COLLAR_EDGE,
        math.nextafter(600.005 + COLLAR_EDGE, 1e9), math.nextafter(600.005 - COLLAR_EDGE, 0.0), 600.01, 600,
    )  # fmt: skip
    return Draft(
        rng.choice((ES, SPY, SPY, SPY, "VIX")), rng.choice((1, -1)),
        rng.choice((1, 2, 100, 500, 524, 525, 526, 0, -1, 2**63 - 1)), rng.choice(("LMT", "LMT", "MKT")),
        rng.choice((600.0, 600.01, 600.01, rng.choice(limits))), "IOC", "entry",
        rng.choice((0, 100, -100, 500, -500, -(2**63), 2**63 - 1)), rng.random() < 0.5, rng.random() < 0.3,
    )  # fmt: skip


def disturb(rng: Random, pit: Pit, now_ns: int, step: int) -> None:
    """What may change between two orders; the draws are the same for both pits."""
    draw = rng.random()
    name = rng.choice(LEGS)
    if draw < 0.3:
        what, given = touch_leg(rng, name, now_ns)
        getattr(pit.legs[name], what)(*given)
    elif draw < 0.6:
        pit.heal(now_ns)
    elif draw < 0.7:
        pit.orders.add(order_row(rng, step, quantity=rng.choice((1, 20, 500)), state="sent"), now_ns)
    elif draw < 0.8:
        for order in list(pit.orders.live.values()):
            pit.orders.news(order, states.OUT)
    elif draw < 0.9:
        pit.brakes.put(rng.choice(sorted(BRAKES)), "a sentence")
    elif draw < 0.95:
        pit.gate.set_factor(rng.choice((10.0, 9.9, 10.05)))
    else:
        pit.gate.closing = rng.random() < 0.5


@pytest.mark.parametrize("seed", range(30))
def test_the_gate_and_its_twin(seed: int) -> None:
    rng = Random(seed)
    settings = DeskSettings(
        trading_enabled=rng.random() < 0.7, cooldown_s=1.0, decide_on=rng.choice(("quote", "row"))
    )
    pits = [Pit(kinds, settings) for kinds in KINDS]
    clock = _clock.MarketClock(slip_ns=SECOND_NS, replay=False)
    now_ns, reasons, sent = 0, set(), 0
    for step in range(200):
        now_ns += rng.choice((0, 1, SECOND_NS // 50, SECOND_NS, STALE_NS, STALE_NS + 1))
        clock.advance(now_ns, UTC_NS + now_ns)
        drafts = [a_draft(rng) for _ in range(rng.choice((1, 1, 2)))]
        held = rng.choice((0, 0, 100, -100, 500, -500, 2**63 - 1))
        positions = {ES: rng.choice((0, 1, -1)), SPY: held, "VIX": 0}
        slot, draws = rng.choice((0, 1)), rng.randrange(2**32)
        answers = []
        for pit in pits:
            gate = pit.gate
            reason = gate.refusal(drafts, positions, clock)
            found = [reason, *(answer(gate, "check", draft, positions, clock) for draft in drafts)]
            found += [gate.paced(20, clock.pace_ns), gate.ready(slot, now_ns)]
            if reason == "":
                found.append(gate.let_out(drafts, trade_id=step, es_con_id=77, clock=clock))
                gate.pause(slot, now_ns)
            found += [gate.passes, gate.number, dict(gate.limits), gate.factor, shown(pit.orders)]
            answers.append(found)
            disturb(Random(draws), pit, now_ns, 2 * step)
        assert answers[0] == answers[1], f"seed {seed} step {step}: {drafts} {positions}"
        reasons.add(answers[0][0])
        sent += not answers[0][0]
    assert sent > 0 or not settings.trading_enabled
    assert len(reasons) > 5 or not settings.trading_enabled


def test_no_quantity_wraps() -> None:
    with pytest.raises(OverflowError):
        Draft(SPY, 1, 2**63, "LMT", 600.0, "IOC", "entry", 0, False)
    pit = Pit(KINDS[0], DeskSettings(trading_enabled=True))
    clock = _clock.MarketClock(slip_ns=1, replay=False)
    clock.advance(0, UTC_NS)
    wanted = Draft(SPY, 1, 1, "LMT", 600.0, "IOC", "entry", 0, False)
    with pytest.raises(OverflowError):
        pit.gate.check(wanted, {SPY: 2**63}, clock)
    pit.orders.add(order_row(Random(1), 1, quantity=2**70, leg=SPY, side=1, state="sent"), 0)
    assert pit.orders.working(SPY, 1) == 2**70
    with pytest.raises(OverflowError):
        pit.gate.check(wanted, {SPY: 0}, clock)
    pit.orders.fill(pit.orders.all["t-0000001E"], 2**70 - 1)
    assert pit.orders.working(SPY, 1) == 1
    assert pit.gate.check(wanted, {SPY: 2**63 - 1}, clock) == "SPY position limit"
