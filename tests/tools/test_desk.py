"""The carry desk against a model broker: 300 seeds over every storm, with the invariants after each event."""

import os
import subprocess
import sys

import pytest
from seeds import shifted

from arbcore.carry.pairs import FUT
from tools.desk_simulation.desk_broker import STORMS
from tools.desk_simulation.desk_world import (
    ES_ID,
    OCCASION_AFTER_NS,
    SETTLED_AFTER_NS,
    DeskPlan,
    DeskWorld,
    play_desk,
)
from tools.simulate_desk import again_command, plan_of

SLICES = 15
SEEDS = range(300)


@pytest.mark.parametrize("part", range(SLICES))
def test_no_invariant_breaks(part: int) -> None:
    for seed in shifted(SEEDS[part::SLICES]):
        plan = plan_of(seed)
        result = play_desk(plan)
        assert not result.violations, f"{result.violations[0]}\nagain: {again_command(plan)}"


@pytest.mark.parametrize("storm", STORMS)
def test_same_seed_same_trace(storm: str) -> None:
    plan = DeskPlan(5, storm=storm, ending="flatten")
    assert play_desk(plan).trace_hash == play_desk(plan).trace_hash, plan


TRACES = """
from tools.desk_simulation.desk_world import DeskPlan, play_desk
print(*(play_desk(DeskPlan(seed, "all", check=False)).trace_hash for seed in range(40, 60)))
"""


def test_the_order_of_sets_is_in_no_trace() -> None:
    told = [
        subprocess.run(
            [sys.executable, "-c", TRACES], check=True, capture_output=True, text=True, timeout=100,
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert told[0] == told[1]


def test_a_checked_run_has_the_trace_of_an_unchecked_one() -> None:
    assert play_desk(DeskPlan(6, "all")).trace_hash == play_desk(DeskPlan(6, "all", check=False)).trace_hash


def test_every_seed_has_its_own_trace() -> None:
    assert len({play_desk(DeskPlan(seed, check=False)).trace_hash for seed in range(6)}) == 6


def test_storms_are_felt_and_pairs_are_traded() -> None:
    calm = play_desk(DeskPlan(3, "none")).counts
    assert calm["pairs"] > 3
    thin = [play_desk(DeskPlan(seed, "thin")).counts for seed in range(3)]
    assert sum(each["hedges"] for each in thin) > 3
    crashes = [play_desk(DeskPlan(seed, "crashes")).counts for seed in range(3)]
    assert sum(each["crashes"] for each in crashes) > 3
    assert all(play_desk(DeskPlan(seed, "cuts")).counts["cuts"] > 1 for seed in range(3))
    hands = [play_desk(DeskPlan(seed, "hands")).counts for seed in range(6)]
    assert sum(each["hands"] for each in hands) > 1


@pytest.mark.parametrize("occasion", ["midnight", "roll", "expiry"])
def test_an_occasion_comes_in_the_middle_and_pairs_are_traded_after_it(occasion: str) -> None:
    world = DeskWorld(DeskPlan(1, occasion=occasion))
    result = world.run()
    assert result.violations == ()
    later_ns = world.start_ns + OCCASION_AFTER_NS + SETTLED_AFTER_NS
    entered = [row for row in world.store.orders.values() if row.role == "entry" and row.filled]
    after = {row.con_id for row in entered if row.created_ns > later_ns and row.leg == FUT}
    before = {row.con_id for row in entered if row.created_ns < world.start_ns + OCCASION_AFTER_NS}
    assert before & {ES_ID}
    assert after == ({ES_ID} if occasion == "midnight" else {ES_ID + 1})
