"""The harness proves itself: a session spoilt in one rule must be caught, and by the right invariant."""

import pytest
from planted import BUGS
from seeds import shifted
from sessions import make_session

from arbcore.play.rounds import play

SEEDS = range(1, 5)


@pytest.mark.parametrize("name", BUGS)
def test_planted_bug_is_caught(name: str) -> None:
    bug = BUGS[name]
    for seed in shifted(SEEDS):
        violations = play(bug.round(seed), bug.make).violations
        if violations:
            break
    assert violations, f"{name} plays seeds {list(SEEDS)} without a violation"
    named = {int(violation.split()[1]) for violation in violations}
    assert named & set(bug.invariants), f"{name}, seed {seed}: {violations[:3]}"


@pytest.mark.parametrize("name", [name for name in BUGS if BUGS[name].plan or BUGS[name].settings])
def test_healthy_session_is_not_blamed_in_the_same_plan(name: str) -> None:
    violations = play(BUGS[name].round(1), lambda *given: make_session("c", *given)).violations
    assert not violations, f"seed 1 of the plan for {name}: {violations[:3]}"


def test_enough_bugs_are_planted() -> None:
    assert len(BUGS) >= 25
