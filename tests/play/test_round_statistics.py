"""The figures of many rounds: tabulated quantiles, coverage by simulation, and what the verdict says."""

import math
import statistics
from random import Random

import pytest

from arbcore.play.round_statistics import (
    always_valid_interval,
    compare,
    figures,
    quantile,
    rounds_to_tell,
    student_quantile,
    t_interval,
)


@pytest.mark.parametrize(
    ("freedom", "tabulated"),
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (5, 2.5706), (10, 2.2281), (29, 2.0452),
     (30, 2.0423), (60, 2.0003), (99, 1.9842), (100, 1.9840), (101, 1.9837), (120, 1.9799), (199, 1.9720),
     (999, 1.9623), (10**6, 1.9600)],
)  # fmt: skip
def test_students_quantile_is_the_tabulated_one(freedom, tabulated):
    assert student_quantile(0.975, freedom) == pytest.approx(tabulated, abs=6e-5)


def test_figures_of_a_small_sample_by_hand():
    found = figures([1.0, 2.0, 3.0, 4.0, -10.0])
    sd = statistics.stdev([1, 2, 3, 4, -10])
    assert (found.rounds, found.mean, found.worst, found.losing) == (5, 0.0, -10.0, 1)
    assert found.sd == pytest.approx(sd)
    assert found.high == pytest.approx(2.7764 * sd / math.sqrt(5), rel=1e-4)
    assert found.low == -found.high
    assert (found.p05, found.p95) == (pytest.approx(-10 + 0.2 * 11), pytest.approx(3.8))


def test_one_round_has_a_mean_and_no_interval():
    assert figures([7.0]).as_dict() == {
        "rounds": 1, "mean": 7.0, "low": None, "high": None, "sd": None, "p05": 7.0, "p95": 7.0,
        "worst": 7.0, "losing": 0,
    }  # fmt: skip
    assert always_valid_interval([7.0]) == (None, None)


@pytest.mark.parametrize(("share", "value"), [(0.0, 1.0), (0.5, 2.5), (1.0, 9.0)])
def test_a_quantile_lies_straight_between_neighbours(share, value):
    assert quantile([9.0, 1.0, 2.0, 3.0], share) == value


def test_rounds_that_are_all_alike_have_an_interval_of_no_width():
    assert t_interval([5.0] * 10) == (5.0, 5.0)
    assert always_valid_interval([5.0] * 10) == (5.0, 5.0)


def misses(interval, *, looks, runs, rng):
    """In how many runs the interval of values around 0 excludes 0 at any look."""
    missed = 0
    for _ in range(runs):
        values = []
        for look in looks:
            while len(values) < look:
                # A skewed P&L: mostly small gains, now and then a large loss.
                values.append(rng.gauss(0, 1) + (0.25 if rng.random() < 0.9 else -2.25))
            low, high = interval(values)
            if low > 0 or high < 0:
                missed += 1
                break
    return missed


def test_students_interval_misses_once_in_twenty_when_looked_at_once():
    assert 20 <= misses(t_interval, looks=[200], runs=1000, rng=Random(1)) <= 80


def test_looking_often_breaks_students_interval_and_not_the_always_valid_one():
    looks = range(50, 501, 25)
    often = misses(t_interval, looks=looks, runs=150, rng=Random(2))
    valid = misses(always_valid_interval, looks=looks, runs=150, rng=Random(2))
    assert often > 20
    assert valid <= 12


def test_the_always_valid_interval_is_wider_but_not_by_much_where_it_was_tuned():
    rng = Random(3)
    values = [rng.gauss(0, 1) for _ in range(200)]
    found = [interval(values) for interval in (t_interval, always_valid_interval)]
    narrow, wide = (high - low for low, high in found)
    assert 1.3 < wide / narrow < 1.7


def test_a_difference_is_found_and_said():
    rng = Random(4)
    second = [rng.gauss(1000, 300) for _ in range(200)]
    first = [value + rng.gauss(100, 200) for value in second]
    found = compare(first, second)
    assert found.different
    assert found.low < 100 < found.high
    assert found.verdict.startswith("The first is better, by ")
    other = compare(second, first)
    assert (other.mean, other.low) == (-found.mean, -found.high)
    assert other.verdict.startswith("The second is better, by ")
    assert compare(first, second, always_valid_interval).low < found.low


def test_no_difference_is_said_with_its_bounds_and_what_would_tell():
    found = compare([1.0, -2.0, 3.0, -1.0], [0.0] * 4)
    assert not found.different
    assert "No difference was found in 4 rounds: between " in found.verdict
    assert found.verdict.endswith("rounds would tell.")
    assert compare([1.0, 2.0], [1.0, 2.0]).verdict == "No difference in any of 2 rounds."
    assert "One round says nothing" in compare([5.0], [1.0]).verdict


def test_the_rounds_that_would_tell_do_tell():
    rng = Random(5)
    wanted = rounds_to_tell([rng.gauss(10, 100) for _ in range(300)], 10.0)
    told = sum(
        compare([rng.gauss(10, 100) for _ in range(wanted)], [0.0] * wanted).different for _ in range(200)
    )
    assert 0.7 < told / 200 < 0.92
