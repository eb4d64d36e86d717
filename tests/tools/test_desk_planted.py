"""The desk's harness proves itself: a session spoilt in one rule must be caught, by the right invariant."""

import pytest
from desk_planted import BUGS, Planted, healthy
from seeds import shifted

SEEDS = range(1, 13)


def plan_of(bug: Planted) -> tuple[str, str, str, int]:
    return bug.storm, bug.ending, bug.occasion, bug.off_s


@pytest.mark.parametrize("name", BUGS)
def test_planted_bug_is_caught(name: str) -> None:
    bug = BUGS[name]
    for seed in shifted(SEEDS):
        violations = bug.play(seed).violations
        if violations:
            break
    assert violations, f"{name} plays seeds {list(SEEDS)} without a violation"
    named = {int(violation.split()[1]) for violation in violations}
    assert named & set(bug.invariants), f"{name}, seed {seed}: {violations[:3]}"


@pytest.mark.parametrize("plan", sorted({plan_of(bug) for bug in BUGS.values()}))
def test_healthy_session_is_not_blamed_in_the_same_plan(plan: tuple[str, str, str, int]) -> None:
    bug = next(bug for bug in BUGS.values() if plan_of(bug) == plan)
    for seed in shifted(SEEDS):
        violations = healthy(bug).play(seed).violations
        assert not violations, f"seed {seed} of {plan}: {violations[:3]}"


def test_enough_bugs_are_planted() -> None:
    assert len(BUGS) >= 25
