"""The compiled loops against plain Python: the same random numbers, resamples and variances."""

import math
import random
from array import array
from collections.abc import Iterator

import pytest

from arbcore.core._resampling import (
    column_summary,
    largest_means,
    long_run_variances,
    moved_columns,
    overfit_splits,
    resampled_means,
)
from arbcore.errors import BrokenInvariant

MASK = 2**64 - 1


def units(seed: int) -> Iterator[float]:
    """splitmix64 as numbers from 0 to 1."""
    state = seed
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        z ^= z >> 31
        yield (z >> 11) / 2**53


def test_the_generator_is_splitmix64() -> None:
    # The published first outputs for the seed 1234567.
    state = units(1234567)
    first = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [next(state) for _ in range(3)] == [(bits >> 11) / 2**53 for bits in first]


@pytest.mark.parametrize(("seed", "count"), [(0, 1), (1, 2), (2**64 - 1, 7), (12345, 100)])
def test_means_are_those_of_plain_drawings(seed: int, count: int) -> None:
    rng = random.Random(seed)
    values = [rng.gauss(0, 1) for _ in range(count)]
    draw = units(seed)
    expected = []
    for _ in range(50):
        total = 0.0
        for _ in range(count):
            total += values[int(next(draw) * count)]
        expected.append(total / count)
    assert list(resampled_means(array("d", values), resamples=50, seed=seed)) == sorted(expected)


@pytest.mark.parametrize(("periods", "cells"), [(1, 1), (2, 3), (48, 5), (31, 1)])
@pytest.mark.parametrize("block", [1.0, 2.0, 7.5])
def test_the_best_cells_are_those_of_a_plain_bootstrap(periods: int, cells: int, block: float) -> None:
    rng = random.Random(periods * cells)
    values = [[rng.randint(-50, 50) / 4 for _ in range(cells)] for _ in range(periods)]  # sums are exact
    draw = units(9)
    expected = []
    for _ in range(40):
        at = int(next(draw) * periods)
        drawn = [at]
        while len(drawn) < periods:
            at = int(next(draw) * periods) if next(draw) < 1 / block else (at + 1) % periods
            drawn.append(at)
        expected.append(max(sum(values[at][cell] for at in drawn) for cell in range(cells)) / periods)
    flat = array("d", [value for row in values for value in row])
    found = largest_means(flat, periods=periods, cells=cells, resamples=40, block=block, seed=9)
    assert list(found) == expected


@pytest.mark.parametrize("periods", [1, 2, 3, 48, 150])
@pytest.mark.parametrize("block", [1.0, 2.0, 10.0])
def test_long_run_variances(periods: int, block: float) -> None:
    rng = random.Random(periods)
    columns = []
    for keep in (0.0, 0.8, -0.8):
        value, column = 0.0, []
        for _ in range(periods):
            value = keep * value + rng.gauss(0, 1)
            column.append(value)
        mean = sum(column) / periods
        columns.append([value - mean for value in column])

    def covariance(column: list[float], lag: int) -> float:
        return sum(a * b for a, b in zip(column, column[lag:], strict=False)) / periods

    keep, expected = 1 - 1 / block, []
    for column in columns:
        total = covariance(column, 0)
        for lag in range(1, periods):
            weight = (1 - lag / periods) * keep**lag + lag / periods * keep ** (periods - lag)
            total += 2 * weight * covariance(column, lag)
        expected.append(max(total, covariance(column, 0)))
    flat = array("d", [value for row in zip(*columns, strict=True) for value in row])
    found = long_run_variances(flat, periods=periods, cells=3, block=block)
    assert list(found) == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_the_variance_of_the_bootstrap_is_the_long_run_one() -> None:
    # The resampled means themselves scatter by it.
    rng = random.Random(1)
    value, column = 0.0, []
    for _ in range(100):
        value = 0.6 * value + rng.gauss(0, 1)
        column.append(value)
    mean = sum(column) / 100
    flat = array("d", [value - mean for value in column])
    means = largest_means(flat, periods=100, cells=1, resamples=20_000, block=4.0, seed=0)
    spread = 100 * math.fsum(each * each for each in means) / len(means)
    assert spread == pytest.approx(long_run_variances(flat, periods=100, cells=1, block=4.0)[0], rel=0.03)


@pytest.mark.parametrize(("periods", "cells"), [(1, 1), (1, 4), (5, 1), (7, 3)])
def test_columns_are_summed_up_and_moved(periods: int, cells: int) -> None:
    rng = random.Random(periods)
    rows = [[rng.randint(-8, 8) / 4 for _ in range(cells)] for _ in range(periods)]
    flat = array("d", [value for row in rows for value in row])
    columns = list(zip(*rows, strict=True))
    means, lows, highs = column_summary(flat, periods=periods, cells=cells)
    assert list(means) == [sum(column) / periods for column in columns]
    assert (list(lows), list(highs)) == ([min(c) for c in columns], [max(c) for c in columns])
    chosen = [cells - 1, 0, cells - 1]
    found = moved_columns(
        flat, periods=periods, cells=cells, columns=chosen, shifts=[1, 0, 2], scales=[2, 1, 4]
    )
    expected = [[(row[-1] - 1) / 2, row[0], (row[-1] - 2) / 4] for row in rows]
    assert list(found) == [value for row in expected for value in row]


def test_splits_are_counted() -> None:
    flat = array("d", [1.0, 2.0, 2.0, 1.0, 5.0, 3.0, 4.0, 4.5])
    assert overfit_splits(flat, periods=4, cells=2, blocks=4, counts=[1, 1])[1] == 6
    assert overfit_splits(flat, periods=4, cells=2, blocks=2, counts=[1, 1])[1] == 2


def test_what_is_no_matrix_is_refused() -> None:
    flat = array("d", [1.0] * 6)
    for periods, cells in ((2, 2), (0, 6), (6, 0), (-2, -3), (2**62, 4)):
        with pytest.raises(BrokenInvariant):
            largest_means(flat, periods=periods, cells=cells, resamples=1, block=1.0, seed=0)
    for columns, shifts, scales in (
        ([3], [0], [1]),
        ([-1], [0], [1]),
        ([], [], []),
        ([0], [], [1]),
        ([0], [0], []),
    ):
        with pytest.raises(BrokenInvariant):
            moved_columns(flat, periods=2, cells=3, columns=columns, shifts=shifts, scales=scales)
    with pytest.raises(ZeroDivisionError):
        moved_columns(flat, periods=2, cells=3, columns=[0], shifts=[0], scales=[0])
    with pytest.raises(BrokenInvariant):
        column_summary(flat, periods=4, cells=2)
    with pytest.raises(BrokenInvariant):
        largest_means(flat, periods=2, cells=3, resamples=0, block=1.0, seed=0)
    with pytest.raises(BrokenInvariant):
        largest_means(flat, periods=2, cells=3, resamples=1, block=0.0, seed=0)
    with pytest.raises(BrokenInvariant):
        long_run_variances(flat, periods=2, cells=3, block=math.nan)
    with pytest.raises(BrokenInvariant):
        overfit_splits(flat, periods=2, cells=3, blocks=4, counts=[1, 1, 1])
    with pytest.raises(BrokenInvariant):
        overfit_splits(flat, periods=6, cells=1, blocks=3, counts=[1])
    with pytest.raises(BrokenInvariant):
        resampled_means(array("d"), resamples=5, seed=0)
