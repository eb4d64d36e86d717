"""The bot is killed with SIGKILL and begun anew against the same gateway: a slice of ``tools.crash_bot``.

Whatever was stored, sent or heard at that moment, both books agree in the end, no orderRef was sent twice,
and no leg is left alone.
"""

import itertools
import os
import random

import pytest
from crash_runs import LIVE_ORDERS, Kill, Mortal, play, play_live
from ib_libraries import NAMES, load

pytestmark = pytest.mark.skipif(os.name != "posix", reason="forks and kills")

#: An undisturbed run has about a hundred boundaries; the tool takes all of them.
BOUNDARIES = range(4, 100, 11)


@pytest.fixture(scope="module", params=NAMES)
def mortal(request):
    with Mortal(load(request.param).__name__) as process:
        yield process


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_killed_between_storing_and_sending(boundary, mortal):
    outcome = play(mortal, [Kill(at=boundary)])
    assert (outcome.violations, len(outcome.endings)) == ([], 2)


def test_killed_twice_in_its_first_steps_and_while_it_recovers(mortal):
    outcome = play(mortal, [Kill(at=6), Kill(at=1), Kill(at=3)])
    assert (outcome.violations, len(outcome.endings)) == ([], 4)


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_random_moments(seed, mortal):
    rng = random.Random(seed)
    killed = 0
    while killed < 2:  # a life may be over before its moment comes
        outcome = play(mortal, [Kill(after_s=rng.uniform(0.0, 0.3)) for _ in range(2)])
        assert outcome.violations == []
        killed += len(outcome.endings) - 1


def test_killed_at_a_boundary_while_live_quotes_go_on(mortal):
    outcome = play_live(mortal, [Kill(at=7)], seed=7)
    assert (outcome.violations, len(outcome.endings)) == ([], 2)
    assert outcome.orders >= LIVE_ORDERS


def test_killed_at_random_moments_of_live_quotes(mortal):
    rng = random.Random(5)
    outcome = play_live(mortal, [Kill(after_s=rng.uniform(0.2, 3.0)) for _ in range(2)], seed=5)
    assert outcome.violations == []
    assert outcome.orders >= LIVE_ORDERS


def test_left_alone_it_finishes_by_itself(mortal):
    outcome = play(mortal, [])
    assert (outcome.violations, outcome.endings) == ([], ["in order"])
    assert outcome.boundaries > max(BOUNDARIES)


def test_a_bot_that_sends_before_it_stores_is_caught(mortal):
    """The canary: with this mistake planted, a kill around the first entry's orders must show it."""
    outcomes = (play(mortal, [Kill(at=boundary, hasty=True)]) for boundary in itertools.count(1))
    caught = next(outcome for outcome in outcomes if outcome.violations or len(outcome.endings) < 2)
    assert caught.endings == ["after place"]
    assert "was at the broker and not in the store" in caught.violations[0]
