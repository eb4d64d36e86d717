"""Scales, round ticks, and a time axis that leaves out the nights."""

import itertools
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from arbcore.core.civil import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S, read_time
from arbcore.pages.scale import Scale, TimeAxis, clock_text, decimals_of, moment, round_step, ticks, unit_of

NUMBERS = st.floats(-1e12, 1e12)


@pytest.mark.parametrize(
    ("span", "count", "step"),
    [(10, 5, 2), (10, 4, 5), (0.3, 3, 0.1), (1, 3, 0.5), (7_000, 5, 2_000), (0, 5, 1), (math.nan, 5, 1)],
)
def test_steps_are_round(span: float, count: int, step: float) -> None:
    assert round_step(span, count) == pytest.approx(step)


def test_ticks_by_hand() -> None:
    assert ticks(-1.2, 2.1, 4) == [-1, 0, 1, 2]
    assert ticks(0, 1, 5) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert (decimals_of(0.25), decimals_of(0.05), decimals_of(1), decimals_of(2_000)) == (1, 2, 0, 0)


@example(-400_000_000_902.0, 400_000_000_401.0, 2)
@given(NUMBERS, st.floats(1e-6, 1e12), st.integers(2, 12))
def test_ticks_lie_inside_evenly_and_are_not_too_many(low: float, span: float, count: int) -> None:
    high = low + span
    found = ticks(low, high, count)
    if high - low < 1e-7 * max(abs(low), abs(high)):
        assert found == [low]
        return
    step = round_step(high - low, count)
    assert 2 <= len(found) <= count + 2
    assert all(low - 1e-6 * step <= tick <= high + 1e-6 * step for tick in found)


@given(st.lists(st.one_of(NUMBERS, st.sampled_from((math.nan, math.inf))), max_size=20))
def test_every_value_has_a_place(values: list[float]) -> None:
    scale = Scale.around(values)
    finite = [value for value in values if math.isfinite(value)]
    assert all(0 <= scale(value) <= 1 for value in finite)
    assert scale.low < scale.high
    for one, other in itertools.pairwise(sorted(finite)):
        assert scale(one) <= scale(other)
    assert scale.labels()


def test_labels_have_the_decimals_of_their_step() -> None:
    assert [text for _, text in Scale(-0.6, 0.6).labels(3)] == ["\N{MINUS SIGN}0.5", "0", "0.5"]
    assert [text for _, text in Scale(0, 10_000).labels(2)] == ["0", "5,000", "10,000"]
    # One label does not say how large anything is.
    assert [text for _, text in Scale(-9.0, 9.0).labels(3)] == ["\N{MINUS SIGN}5", "0", "5"]
    assert [text for _, text in Scale(-0.9, 0.9).labels(3)] == ["\N{MINUS SIGN}0.5", "0", "0.5"]


def session(day: str, minutes: int) -> list[int]:
    first = read_time(f"{day}T13:31:00Z")
    return [first + at * NS_PER_MINUTE for at in range(minutes)]


def test_large_numbers_have_short_labels() -> None:
    assert [text for _, text in Scale(-2e6, 2e6).labels(2)] == ["\N{MINUS SIGN}2 M", "0", "2 M"]
    assert Scale(0, 3.5e9).labels(4)[1][1] == "1 bn"
    assert unit_of(999_999) == (1.0, "")


def test_a_night_is_drawn_no_longer_than_two_rows() -> None:
    times = session("2013-10-07", 390) + session("2013-10-08", 390)
    axis = TimeAxis(times)
    assert (axis.places[0], axis.places[-1]) == (0.0, 1.0)
    step = axis.places[1] - axis.places[0]
    assert axis.places[390] - axis.places[389] == pytest.approx(2 * step)
    assert axis.breaks() == {390}
    assert all(one < other for one, other in itertools.pairwise(axis.places))


def test_days_are_marked_where_they_begin() -> None:
    days = [f"2013-10-{day:02d}" for day in range(7, 12)]
    times = [time for day in days for time in session(day, 390)]
    axis = TimeAxis(times)
    labels = axis.labels()
    assert [text for _, text in labels] == ["7 Oct", "8 Oct", "9 Oct", "10 Oct", "11 Oct"]
    assert [place for place, _ in labels] == [axis.places[390 * at] for at in range(5)]


def test_a_day_has_clock_times_and_its_date() -> None:
    texts = [text for _, text in TimeAxis(session("2013-10-07", 390)).labels()]
    # 14:00 is left out: it would touch the date.
    assert texts == ["7 Oct", "15:00", "16:00", "17:00", "18:00", "19:00", "20:00"]


@pytest.mark.parametrize(
    ("step_ns", "expected"),
    [(NS_PER_S, "7 Oct 13:31"), (30 * NS_PER_DAY, "Oct 2013"), (3_000 * NS_PER_DAY, "Oct 2013")],
)
def test_long_and_short_runs_have_fitting_labels(step_ns: int, expected: str) -> None:
    first = read_time("2013-10-07T13:31:00Z")
    labels = TimeAxis([first + at * step_ns for at in range(28)]).labels()
    assert 2 <= len(labels) <= 9
    assert labels[0][1] == expected


@given(st.lists(st.integers(0, 400 * NS_PER_DAY), min_size=1, max_size=60), st.integers(-(2**61), 2**61))
def test_any_times_make_an_axis(steps: list[int], first: int) -> None:
    times = [first + sum(steps[:at]) for at in range(len(steps))]
    axis = TimeAxis(times)
    assert all(0 <= place <= 1 for place in axis.places)
    assert all(one <= other for one, other in itertools.pairwise(axis.places))
    labels = axis.labels()
    assert 1 <= len(labels) <= 14
    assert all(other - one > 0.08 for (one, _), (other, _) in itertools.pairwise(labels))


def test_no_times_and_one() -> None:
    assert TimeAxis([]).labels() == []
    assert TimeAxis([0]).places == [0.5]
    assert TimeAxis([0]).labels() == [(0.5, "1 Jan 1970 00:00")]


def test_moments_show_seconds_where_there_are_some() -> None:
    assert clock_text(14 * NS_PER_HOUR) == "14:00"
    assert clock_text(14 * NS_PER_HOUR + 5 * NS_PER_S) == "14:00:05"
    assert moment(read_time("2013-10-07T13:31:00Z")) == "7 Oct 2013 13:31"
