"""The compiled decider and its plain twin, each in a session: the same commands, whatever is told."""

from dataclasses import replace
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from desk_player import ACCOUNT, EXPIRY_NS, HOURS, T0_NS
from desk_replay import Replay
from quotes import START_NS, random_rows

from arbcore.carry.desk import events as ev
from arbcore.carry.desk import session as desk_session
from arbcore.carry.desk.commands import Ask, Place, Seen
from arbcore.carry.desk.rows import ES, LEGS, SPY
from arbcore.carry.desk.session import Session
from arbcore.carry.desk.settings import DeskSettings
from arbcore.reference.decide import Decider
from arbcore.simulation.desk_broker import STORMS
from arbcore.simulation.desk_world import SETTINGS, DeskPlan, DeskWorld

DAY_S = 86_400.0
#: What the decider reads of the settings, one by one.
VARIANTS = (
    {}, {"margin_check": False}, {"calibration_rows": 40}, {"entry_order": "es_first"},
    {"entry_order": "spy_first"}, {"roll_before_s": 30 * DAY_S}, {"deviation_max_bps": 20.0},
    {"trading_enabled": False}, {"contracts": 3, "multiplier": 50.0}, {"daily_loss_usd": 300.0},
)  # fmt: skip
PRICES = (0.0, 5e-324, 1e-300, 0.01, 600.0, 600.01, 6_000.0, 6_100.25, 1e17, 1e300, 1e308)


def with_twin(*given: Any) -> Session:
    with patch.object(desk_session, "Decider", Decider):
        session = Session(*given)
    assert type(session._decider) is Decider
    return session


@pytest.mark.parametrize("storm", STORMS)
@pytest.mark.parametrize("variant", range(len(VARIANTS)))
def test_a_run_with_the_twin_is_the_same_run(variant: int, storm: str) -> None:
    endings = ("", "stop", "flatten", "kill")
    settings = replace(SETTINGS, **VARIANTS[variant])
    plan = DeskPlan(100 + variant, storm, endings[variant % 4], check=False, settings=settings)
    assert DeskWorld(plan).run() == DeskWorld(plan, with_twin).run(), plan


@pytest.mark.parametrize("seed", range(4))
def test_a_replay_with_the_twin_is_the_same_replay(seed: int) -> None:
    settings = DeskSettings(
        trading_enabled=True, decide_on="row", daily_loss_usd=1e12, roll_before_s=(seed % 2) * DAY_S,
        collar_bps=10_000.0, deviation_max_bps=1e6, spy_headroom=2.0, entry_bps=4.0, cost_bps=1.0,
        exit_bps=-2.0, stop_bps=10.0, max_hold_days=0.01, cooldown_s=30.0, calibration_rows=(seed // 2) * 25,
    )  # fmt: skip
    rows = random_rows(seed, 400)
    runs = []
    for make in (Session, with_twin):
        with patch("desk_replay.Session", make):
            replay = Replay(settings).start(rows[0].ts_ns, START_NS + 2 * int(DAY_S) * 10**9)
        for row in rows:
            replay.row(row.ts_ns, (row.es_bid, row.es_ask, row.spy_bid, row.spy_ask))
        runs.append((replay.commands, replay.session.status()))
    assert runs[0] == runs[1], f"seed {seed}"
    assert any(isinstance(command, Place) for command in runs[0][0])


def wild_event(rng: Random, query: int) -> ev.Event:
    """Mostly a quote, of any price that a number can be."""
    draw = rng.random()
    if draw < 0.7:
        fair = (6_009.0 + rng.choice((0, 25, -25)), 600.0)
        leg = rng.choice(LEGS)
        bid, ask = (fair[leg == SPY], fair[leg == SPY] + 0.01)
        if rng.random() < 0.3:
            bid, ask = rng.choice(PRICES), rng.choice(PRICES)
        return ev.Quote(leg, bid, ask)
    return rng.choice((
        ev.Shortable(rng.choice((0, 100, 10**6))), ev.Margin(query, rng.random() < 0.7, "so it is"),
        ev.QueryFailed(query, "no"), ev.Terms(r=rng.choice((0.045, -0.5, 0.9))), ev.Tick(),
        ev.Terms(factor=rng.choice((10.0, 10.0, 1e-6, 1e6))), ev.DataType(rng.choice(LEGS), 1),
        ev.Contract(ES, 1, 0.25, HOURS, HOURS, EXPIRY_NS - rng.choice((0, 0, 10**16)), 50.0),
    ))  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_wild_prices_are_decided_upon_alike(seed: int) -> None:
    rng = Random(seed)
    settings = DeskSettings(
        trading_enabled=True, roll_before_s=rng.choice((0.0, DAY_S)), stale_s=1e4, collar_bps=10_000.0,
        deviation_max_bps=1e6, margin_check=seed % 2 == 0,
    )  # fmt: skip
    sessions = Session(settings, "t"), with_twin(settings, "t")
    told: list[ev.Event] = [
        ev.Contract(ES, 1, 0.25, HOURS, HOURS, EXPIRY_NS, 50.0), ev.Contract(SPY, 2, 0.01, HOURS, HOURS),
        ev.Hello(ACCOUNT), ev.OpenOrders(1, ()), ev.Executions(2, ()), ev.Positions(3, ()),
        ev.DataType(ES, 1), ev.DataType(SPY, 1),
    ]  # fmt: skip
    query, seen = 3, set()
    for step in range(400):
        event = told[step] if step < len(told) else wild_event(rng, query)
        answers: list[Any] = []
        for session in sessions:
            try:
                answers.append(session.handle(event, now_ns=step, utc_ns=T0_NS + step))
            except (ArithmeticError, ValueError) as error:
                answers.append(type(error))
            answers.append(session.status())
        assert answers[:2] == answers[2:], f"seed {seed} step {step}: {event}"
        if isinstance(answers[0], list):
            query = max([query, *(each.query for each in answers[0] if isinstance(each, Ask))])
            seen |= {each.action for each in answers[0] if isinstance(each, Seen)}
    assert seen & {"enter_cash_and_carry", "enter_reverse"}
