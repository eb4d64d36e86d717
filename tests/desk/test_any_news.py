"""Whatever is told in whatever order: the desk never raises, miscounts, or sends what it may not."""

import math
import random

import pytest
from desk_player import ACCOUNT, CHEAP, FAIR, RICH, T0_NS, Player

from arbcore.carry.pairs import ETF, FUT, LEGS
from arbcore.desk import events as ev
from arbcore.desk.commands import SendOrder
from arbcore.desk.records import OrderRow

ODD_PRICES = (math.nan, math.inf, -math.inf, 0.0, -1.0, 1e-300, 1e300, 600.0, FAIR)
STATUSES = (
    "Submitted",
    "PreSubmitted",
    "Filled",
    "Cancelled",
    "ApiCancelled",
    "Inactive",
    "PendingSubmit",
    "",
)
CODES = (0, 103, 110, 161, 201, 202, 321, 399, 404, 10147, 10148, 10349, 99999)


def any_event(rng: random.Random, player: Player, orders: list[OrderRow]) -> ev.Event:
    """Something that a broker, a library or a person might say, true or not."""
    leg = rng.choice(LEGS)
    clock_ns = T0_NS - 10**9 + player.now_ns
    query = player.asked[-1].query if player.asked and rng.random() < 0.9 else rng.randrange(50)
    order = rng.choice(orders) if orders and rng.random() < 0.9 else None
    ref = order.ref if order else rng.choice(("", "strange", "t-0000999E"))
    number = rng.randrange(6)
    fills = tuple(player.executions[-number:]) if number else ()
    held = tuple(
        ev.PositionLine(each, 1 if each == FUT else 2, n) for each, n in player.session.positions().items()
    )
    if order is not None and rng.random() < 0.05:
        fill = ev.Execution(
            f"r.{rng.randrange(12)}.0{rng.randrange(3)}", ref, 0, rng.choice((order.leg, leg)),
            rng.choice((order.side, order.side, -order.side)), rng.choice((1, order.quantity, 0, -3)),
            rng.choice((order.limit or 600.0, *ODD_PRICES)), T0_NS + rng.randrange(-10**15, 10**12),
        )  # fmt: skip
        player.executions.append(fill)
        return fill
    return rng.choice(
        (
            ev.Quote(leg, rng.choice(ODD_PRICES), rng.choice(ODD_PRICES)),
            ev.Alive(leg), ev.DataType(leg, rng.choice((0, 1, 1, 1, 3))), ev.Halted(leg, rng.random() < 0.2),
            ev.Shortable(rng.randrange(2_000)), ev.Farm(rng.random() < 0.5, 2103), ev.Tick(), ev.Tick(),
            ev.Hello(ACCOUNT, rng.choice((None, clock_ns))), ev.LinkLost("test"), ev.DataType(leg, 1),
            ev.OrderStatus(ref, rng.randrange(3), rng.choice(STATUSES), rng.randrange(600), rng.randrange(9)),
            ev.OrderError(ref, rng.choice(CODES), "text"),
            ev.Commission(f"r.{number}.01", rng.choice(ODD_PRICES), rng.choice(("USD", "EUR"))),
            ev.OpenOrders(query, (ev.OpenOrder(ref, 0, leg, rng.choice(STATUSES)),) if number > 3 else ()),
            ev.OpenOrders(query, ()), ev.Executions(query, fills), ev.Positions(query, held),
            ev.Positions(query, ()),
            ev.Margin(query, rng.random() < 0.7, "text"), ev.QueryFailed(query, "text"),
            ev.BrokerClock(clock_ns + rng.choice((0, 0, 0, 10**13))), ev.Terms(r=0.04, d=0.01),
            ev.RowSeen(clock_ns),
            ev.RowComplete(T0_NS),
            *((ev.Stop("test", flatten=True), ev.Kill("test")) if rng.random() < 0.03 else ()),
        )
    )  # fmt: skip


def a_step(rng: random.Random, player: Player, orders: list[OrderRow]) -> None:
    """Mostly what a good broker says, so that there is something to break."""
    kind = rng.random()
    if kind < 0.35:
        player.quotes(rng.choice((RICH, FAIR, CHEAP)), after_s=rng.choice((0.001, 0.5, 3.0)))
    elif kind < 0.65 and player.asked:
        player.positions = player.session.positions()
        player.answer(player.asked[0])
    elif kind < 0.85 and orders:
        order = orders[-1 - rng.randrange(min(2, len(orders)))]
        state = player.store.orders[order.ref]
        left = order.quantity - state.filled
        if left > 0 and state.state in ("sent", "working", "unknown"):
            quantity = rng.choice((left, left, rng.randrange(left + 1)))
            if quantity:
                player.fill(order, quantity)
            if quantity < left:
                player.out(order, order.quantity - left + quantity)
    else:
        player.skew_ns = rng.choice((0,) * 30 + (10**13, -(10**13)))
        player.say(any_event(rng, player, orders), after_s=rng.choice((0.0, 0.01, 1.5)))
        player.skew_ns = 0


@pytest.mark.parametrize("seed", range(40))
def test_nothing_that_is_told_breaks_it(seed: int) -> None:
    rng = random.Random(seed)
    player = Player(contracts=1 + seed % 3, margin_check=seed % 2 == 0, daily_loss_usd=(250.0, 1e6)[seed % 2])
    orders: list[OrderRow] = []
    for _ in range(300):
        a_step(rng, player, orders)
        for row in player.orders:
            assert row.quantity > 0
            assert row.limit is None or 0.0 < row.limit < math.inf
            assert row.state == "sent"
        orders += player.orders
        session = player.session
        for leg in LEGS:
            for side in (1, -1):
                assert session.exposure()[leg][side] >= 0
        counted = dict.fromkeys(LEGS, 0)
        for execution in player.store.executions.values():
            counted[execution.leg] += execution.side * execution.quantity
        assert session.positions() == counted
        assert session.next_deadline_ns > player.now_ns
    refs = [row.ref for place in player.pick(SendOrder, player.all) for row in place.orders]
    assert len(refs) == len(set(refs))
    again = player.restart()
    assert again.session.positions() == player.session.positions()
    assert {ETF, FUT} == set(again.session.positions())
