"""Whole rounds of bot and exchange under every storm, with the invariants held after every event."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from sessions import make_session

from arbcore.play.rounds import ENDINGS, RoundPlan, play
from arbcore.play.simulated_link import STORMS
from arbcore.play.world import World
from arbcore.trading.trading_settings import SECOND_NS, MarketMakingSettings, SessionSettings
from arbcore.venue._engine import Engine
from arbcore.venue.regimes import REGIMES
from arbcore.venue.venue_config import VenueConfig

SEEDS = range(1, 4)


def plan_of(seed: int, storm: str, ending: str = "") -> RoundPlan:
    """Two short rounds with the restart between them, in a regime that goes with the seed."""
    regime = list(REGIMES)[seed % len(REGIMES)]
    return RoundPlan(
        seed=seed, storm=storm, regime=regime, round_ns=3 * SECOND_NS, rounds=2, check=True,
        ending=ending, ending_ns=3 * SECOND_NS,
    )  # fmt: skip


@pytest.mark.parametrize("storm", STORMS)
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("seed", SEEDS)
def test_no_invariant_breaks(storm: str, ending: str, seed: int) -> None:
    plan = plan_of(seed, storm, ending)
    result = play(plan)
    assert not result.violations, f"{plan}: {result.violations[0]}"
    assert result.summary["limit_breaches"] == 0, plan


@pytest.mark.parametrize("storm", ["none", "hail"])
def test_the_twin_breaks_none_either(storm: str) -> None:
    plan = plan_of(9, storm)
    result = play(plan, lambda *given: make_session("py", *given))
    assert not result.violations, f"{plan}: {result.violations[0]}"


@pytest.mark.parametrize("storm", STORMS)
def test_the_compiled_session_and_its_twin_say_the_same_bytes(storm: str) -> None:
    plan = replace(plan_of(5, storm), check=False)
    compiled = play(plan)
    twin = play(plan, lambda *given: make_session("py", *given))
    assert compiled.trace_hash == twin.trace_hash, plan
    assert compiled.summary == twin.summary, plan


@pytest.mark.parametrize("seed", SEEDS)
def test_market_making_that_stops_says_the_same_bytes_in_both(seed: int) -> None:
    chosen: dict[str, Any] = {"market_making": MarketMakingSettings(loss_limit=20)}
    plan = RoundPlan(seed, regime="jumps", round_ns=20 * SECOND_NS, strategies=chosen)
    compiled = play(plan)
    twin = play(plan, lambda *given: make_session("py", *given))
    never = play(replace(plan, strategies={"market_making": MarketMakingSettings(loss_limit=10**9)}))
    assert compiled.trace_hash == twin.trace_hash, plan
    assert compiled.trace_hash != never.trace_hash, "it did not stop, so nothing was tested"


@pytest.mark.parametrize("storm", STORMS)
def test_same_seed_same_trace(storm: str) -> None:
    plan = replace(plan_of(3, storm), check=False)
    assert play(plan).trace_hash == play(plan).trace_hash, plan


def test_every_seed_has_its_own_trace() -> None:
    traces = {
        play(replace(plan_of(seed, "none"), regime="normal", check=False)).trace_hash for seed in range(8)
    }
    assert len(traces) == 8


def test_a_checked_run_has_the_trace_of_an_unchecked_one() -> None:
    plan = plan_of(4, "all")
    assert play(plan).trace_hash == play(replace(plan, check=False)).trace_hash, plan


@pytest.mark.parametrize("ending", ["stop", "kill"])
@pytest.mark.parametrize("seed", SEEDS)
def test_no_order_is_left_behind_after_an_ending(ending: str, seed: int) -> None:
    plan = replace(plan_of(seed, "none", ending), rounds=1, round_ns=6 * SECOND_NS, ending_ns=2 * SECOND_NS)
    sessions = []

    def make(*given):
        sessions.append(make_session("c", *given))
        return sessions[0]

    result = play(plan, make)
    assert not result.violations, f"{plan}: {result.violations[0]}"
    assert sessions[0].orders_snapshot() == [], plan
    assert sessions[0].stopped == (ending == "stop"), plan


def test_hail_is_felt() -> None:
    result = play(replace(plan_of(1, "hail"), round_ns=20 * SECOND_NS, rounds=1))
    assert result.connections > 1
    assert sum(result.summary["faults"].values()) > 0
    assert not result.violations, result.violations[0]


def test_what_is_kept_of_faults_is_bounded() -> None:
    summary = play(replace(plan_of(2, "hail"), round_ns=20 * SECOND_NS, rounds=1)).summary
    assert sum(summary["faults"].values()) > 8
    assert len(summary["last_faults"]) <= 8


@pytest.mark.parametrize(
    "venue",
    [
        {"open_orders_max": 1},
        {"login_policy": "refuse"},
        {"loss_stop": -1},
        {"id_reuse": False},
        {"messages_per_second_max": 5},
        {"batch_books": False},
    ],
    ids="-".join,
)
def test_an_exchange_with_rules_of_its_own_breaks_no_invariant(venue: dict[str, Any]) -> None:
    plan = replace(plan_of(6, "hail"), venue=venue)
    result = play(plan)
    assert not result.violations, f"{plan}: {result.violations[0]}"


def test_rejects_do_not_come_in_storms() -> None:
    plan = replace(plan_of(6, "none"), round_ns=10 * SECOND_NS, rounds=1, venue={"open_orders_max": 1})
    rejects = sum(play(plan).summary["rejects"].values())
    assert 0 < rejects <= 7 * (1 + 10 * SECOND_NS // plan.settings.reject_pause_ns), plan


@pytest.mark.parametrize("seed", SEEDS)
def test_a_clock_that_jumps_back_breaks_nothing(seed: int) -> None:
    plan = plan_of(seed, "hail")
    random = Random(seed)

    def make(*given):
        session = make_session("c", *given)

        class Jumping:
            def __getattr__(self, name):
                return getattr(session, name)

            def receive(self, data, now_ns):
                return session.receive(data, now_ns - random.choice((0, 0, SECOND_NS, 3600 * SECOND_NS)))

        return Jumping()

    result = play(plan, make)
    assert result.summary["orders_sent"] > 0
    assert not result.violations, f"{plan}: {result.violations[0]}"


def test_a_dial_between_two_rounds_is_refused_and_the_bot_hears_nothing_of_it() -> None:
    engine = Engine(VenueConfig(closed_ns=0, round_ns=SECOND_NS, restart_ns=SECOND_NS), 1)
    world = World(engine, seed=1)
    seat = world.seat(make_session("c", SessionSettings(team="ALPHA"), {}))
    world.run(SECOND_NS * 3 // 2)
    assert not engine.listening
    assert seat.connections == 1
    world.run(3 * SECOND_NS - 1)
    assert engine.round_number == 2
    assert seat.connections == 2
