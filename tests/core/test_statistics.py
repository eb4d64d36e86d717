"""Sharpe ratios deflated, overfitting and tests of an edge: known values, edges, well-kept oracles."""

import math
import random
from array import array
from itertools import combinations

import pytest

import arbcore
from arbcore.core import statistics as honest
from arbcore.errors import UsageError

Matrix = list[list[float]]


def noise(seed: int, periods: int, cells: int, *, common: float = 0.0) -> Matrix:
    """Periods × cells without an edge; ``common`` is what all cells share of a period."""
    rng = random.Random(seed)
    rows = []
    for _ in range(periods):
        shared = rng.gauss(0, 1)
        rows.append([common * shared + rng.gauss(0, 1) for _ in range(cells)])
    return rows


def test_the_public_name_has_the_functions() -> None:
    assert arbcore.statistics.deflated_sharpe is honest.deflated_sharpe


def test_golden_values_of_the_deflated_sharpe_ratio() -> None:
    # Bailey and López de Prado 2014, the numerical example.
    assert honest.expected_largest_sharpe(trials=100, trials_variance=0.5 / 250) == pytest.approx(
        0.113172, abs=5e-7
    )
    assert honest.deflated_sharpe(
        2.5 / math.sqrt(250), trials=100, trials_variance=0.5 / 250, periods=1250, skew=-3, kurtosis=10
    ) == pytest.approx(0.900397, abs=5e-7)


def test_one_trial_deflates_nothing() -> None:
    assert honest.expected_largest_sharpe(trials=1, trials_variance=4.0) == 0.0
    same = {"periods": 100, "skew": 0.3, "kurtosis": 5.0}
    assert honest.deflated_sharpe(0.1, trials=1, trials_variance=4.0, **same) == honest.probabilistic_sharpe(
        0.1, **same
    )


@pytest.mark.parametrize("trials", [1.0001, 1.5, 2, 3.7, 1e6])
def test_more_trials_expect_more(trials: float) -> None:
    less = honest.expected_largest_sharpe(trials=trials, trials_variance=0.01)
    more = honest.expected_largest_sharpe(trials=2 * trials, trials_variance=0.01)
    assert 0.0 <= less <= more < 1.0


def test_the_probabilistic_sharpe_ratio_of_normal_periods() -> None:
    # Without skew and with kurtosis 3 the variance is 1 + SR²/2.
    z = 0.1 * math.sqrt(249) / math.sqrt(1 + 0.1**2 / 2)
    expected = 0.5 * math.erfc(-z / math.sqrt(2))
    assert honest.probabilistic_sharpe(0.1, periods=250, skew=0, kurtosis=3) == pytest.approx(expected)
    assert honest.probabilistic_sharpe(0.1, benchmark=0.1, periods=250, skew=0, kurtosis=3) == 0.5


def test_undefined_ratios_are_none() -> None:
    assert honest.probabilistic_sharpe(0.1, periods=1, skew=0, kurtosis=3) is None
    assert honest.probabilistic_sharpe(1.0, periods=50, skew=9, kurtosis=3) is None


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: honest.expected_largest_sharpe(trials=0, trials_variance=1), "trials"),
        (lambda: honest.expected_largest_sharpe(trials=2, trials_variance=-1), "below"),
        (lambda: honest.probabilistic_sharpe(math.nan, periods=9, skew=0, kurtosis=3), "sharpe"),
        (lambda: honest.superior_predictive_ability([[1.0, 2.0], [1.0]]), "length"),
        (lambda: honest.superior_predictive_ability([[1.0, math.nan]]), "finite"),
        (lambda: honest.superior_predictive_ability([1.0, 2.0]), "matrix"),  # type: ignore[list-item]
        (lambda: honest.superior_predictive_ability([[1.0, 2.0]], resamples=0), "resamples"),
        (lambda: honest.superior_predictive_ability([[1.0, 2.0]], block=0.5), "block"),
        (lambda: honest.superior_predictive_ability([[1.0, 2.0]], seed=-1), "seed"),
        (lambda: honest.probability_of_overfitting([[1.0, 2.0]], blocks=7), "blocks"),
        (lambda: honest.probability_of_overfitting([[1.0, 2.0]], blocks=0), "blocks"),
        (lambda: honest.mean_interval([1.0, math.inf]), "finite"),
        (lambda: honest.mean_interval([1.0], resamples=0), "resamples"),
    ],
)
def test_what_cannot_be_taken_is_said(call: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        call()  # type: ignore[operator]


# --- the test of the best cell ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pnl",
    [
        [],
        [[]] * 50,
        [[0.0, 0.0]] * 50,
        noise(1, 50, 1),
        [[row[0], 0.0, 0.0] for row in noise(1, 50, 1)],  # one cell that traded
        [[row[0], 5.0] for row in noise(1, 50, 1)],  # one cell that varies
        noise(1, 9, 5),
    ],
    ids=["nothing", "no cells", "no trades", "one cell", "one traded", "one varies", "few periods"],
)
def test_no_p_value_where_there_is_none(pnl: Matrix) -> None:
    assert honest.superior_predictive_ability(pnl) is None


def test_a_planted_edge_is_found_and_its_absence_is_not() -> None:
    pnl = noise(3, 60, 40, common=1.0)
    p_value = honest.superior_predictive_ability(pnl)
    assert p_value is not None
    assert p_value > 0.05
    edge = [[*row[:7], row[7] + 1.2, *row[8:]] for row in pnl]
    found = honest.superior_predictive_ability(edge)
    assert found is not None
    assert found <= 0.01


def test_the_scale_of_a_cell_changes_nothing() -> None:
    # Studentised: a cell of one contract and one of a thousand are judged alike.
    pnl = noise(8, 50, 12)
    scaled = [[value * (1000.0 if cell == 3 else 0.01) for cell, value in enumerate(row)] for row in pnl]
    assert honest.superior_predictive_ability(scaled) == honest.superior_predictive_ability(pnl)


def test_amounts_too_small_to_square_are_none() -> None:
    tiny = [[value * 1e-170 for value in row] for row in noise(8, 50, 3)]
    assert honest.superior_predictive_ability(tiny) is None
    assert honest.cells_in_effect(tiny) == 1.0


def test_cells_that_never_traded_change_nothing() -> None:
    pnl = noise(8, 50, 12)
    idle = [[0.0, *row[:5], 0.0, *row[5:], 0.0] for row in pnl]
    assert honest.superior_predictive_ability(idle) == honest.superior_predictive_ability(pnl)


def test_a_hopeless_cell_hides_no_good_one() -> None:
    # The consistent p-value leaves it where it is instead of recentring it.
    pnl = noise(5, 60, 2)
    good = [[row[0] + 0.35, row[1]] for row in pnl]
    bad = [[value - 50.0 for value in row] for row in noise(6, 60, 200)]
    hopeless = [[*row, *extra] for row, extra in zip(good, bad, strict=True)]
    alone, among = honest.superior_predictive_ability(good), honest.superior_predictive_ability(hopeless)
    assert alone == among


def test_a_seed_gives_the_same_p_value_and_another_one_nearly() -> None:
    pnl = noise(3, 48, 30)
    first = honest.superior_predictive_ability(pnl, seed=1)
    assert first == honest.superior_predictive_ability(pnl, seed=1)
    others = {honest.superior_predictive_ability(pnl, seed=seed) for seed in range(2, 7)}
    assert first is not None
    assert all(other is not None and abs(other - first) < 0.1 for other in others)
    assert len(others) > 1


@pytest.mark.parametrize("seed", range(20))
def test_the_p_value_is_that_of_a_well_kept_package(seed: int) -> None:
    bootstrap = pytest.importorskip("arch.bootstrap")
    numpy = pytest.importorskip("numpy")
    rng = random.Random(seed)
    pnl = noise(100 + seed, rng.randint(40, 90), rng.randint(5, 25), common=rng.random())
    edge = rng.choice((-0.2, 0.0, 0.1, 0.3))
    pnl = [[row[0] + edge, *row[1:]] for row in pnl]
    matrix = numpy.array(pnl)
    # The package tests unscaled means; the columns are studentised beforehand with the same variances.
    centred = matrix - matrix.mean(axis=0)
    n = len(pnl)
    variances = (centred**2).mean(axis=0)
    long_run = variances.copy()
    for lag in range(1, n):
        weight = (1 - lag / n) * 0.5**lag + lag / n * 0.5 ** (n - lag)
        long_run += 2 * weight * (centred[:-lag] * centred[lag:]).sum(axis=0) / n
    floored = numpy.maximum(variances, long_run)
    # A cell between the two bounds of hopelessness, with the floor and without it, is another question.
    ratio = matrix.mean(axis=0) / numpy.sqrt(2 * math.log(math.log(n)) / n)
    same = (ratio >= -numpy.sqrt(floored)) == (ratio >= -numpy.sqrt(long_run))
    pnl = [[value for value, kept in zip(row, same, strict=True) if kept] for row in pnl]
    matrix = (matrix / numpy.sqrt(floored))[:, same]
    spa = bootstrap.SPA(numpy.zeros(n), -matrix, block_size=2, reps=1_000, bootstrap="stationary", seed=seed)
    spa.compute()
    expected = float(spa.pvalues["consistent"])
    found = honest.superior_predictive_ability(pnl, seed=seed)
    assert found is not None
    share = (found + expected) / 2
    error = math.sqrt(2 * max(share * (1 - share), 0.001) / 1_000)
    assert abs(found - expected) <= 3 * error


# --- overfitting -----------------------------------------------------------------------------------------


def obvious_pbo(pnl: Matrix, blocks: int) -> float:
    n, cells = len(pnl), len(pnl[0])
    cut = [i * n // blocks for i in range(blocks + 1)]

    def sharpes(chosen: tuple[int, ...]) -> list[float]:
        rows = [pnl[at] for block in chosen for at in range(cut[block], cut[block + 1])]
        found = []
        for cell in range(cells):
            values = [row[cell] for row in rows]
            mean = math.fsum(values) / len(values)
            spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
            if spread > 1e-9 * max(map(abs, values)):
                found.append(mean / spread)
            else:
                found.append(math.copysign(math.inf, mean) if mean else 0.0)
        return found

    overfit = splits = 0
    for chosen in combinations(range(blocks), blocks // 2):
        inside = sharpes(chosen)
        outside = sharpes(tuple(sorted(set(range(blocks)) - set(chosen))))
        own = outside[inside.index(max(inside))]
        rank = sum(other < own for other in outside) + (sum(other == own for other in outside) + 1) / 2
        share = rank / (cells + 1)
        overfit += math.log(share / (1 - share)) <= 0
        splits += 1
    return overfit / splits


@pytest.mark.parametrize("seed", range(12))
def test_overfitting_is_that_of_an_obvious_cscv(seed: int) -> None:
    rng = random.Random(seed)
    blocks = rng.choice((4, 6, 8))
    pnl = noise(seed, rng.randint(blocks, 60), rng.randint(2, 9), common=rng.random())
    if seed % 3 == 0:  # a cell with an edge, one that never traded, and two that are the same
        pnl = [[*row, row[0] + 0.6, 0.0, row[-1]] for row in pnl]
    assert honest.probability_of_overfitting(pnl, blocks=blocks) == obvious_pbo(pnl, blocks)


def test_overfitting_with_sixteen_blocks_is_that_of_an_obvious_cscv() -> None:
    pnl = noise(5, 19, 2)
    assert honest.probability_of_overfitting(pnl) == obvious_pbo(pnl, 16)


def test_overfitting_of_an_edge_and_of_noise() -> None:
    pnl = noise(2, 64, 30)
    found = honest.probability_of_overfitting(pnl)
    edge = honest.probability_of_overfitting([[row[0] + 2.0, *row[1:]] for row in pnl])
    assert found is not None
    assert edge == 0.0
    assert found > 0.2


@pytest.mark.parametrize(
    "pnl",
    [[], [[]] * 20, noise(1, 40, 1), noise(1, 15, 5), [[0.0, 0.0, 0.0]] * 40, [[1.0, 2.0]] * 40],
    ids=["nothing", "no cells", "one cell", "few periods", "no trades", "no variance"],
)
def test_no_overfitting_where_there_is_none(pnl: Matrix) -> None:
    assert honest.probability_of_overfitting(pnl) is None


def test_arrays_and_tables_are_taken() -> None:
    numpy = pytest.importorskip("numpy")
    pandas = pytest.importorskip("pandas")
    pnl = noise(4, 48, 6)
    whole = [[round(100 * value) for value in row] for row in pnl]
    arrays = [array("q", row) for row in whole]
    assert honest.cells_in_effect(arrays) == honest.cells_in_effect(whole)
    for data in (numpy.array(pnl), pandas.DataFrame(pnl), tuple(map(tuple, pnl)), iter(pnl)):
        assert honest.superior_predictive_ability(data) == honest.superior_predictive_ability(pnl)


# --- cells in effect -------------------------------------------------------------------------------------


def test_equal_cells_are_one_and_independent_ones_as_many_as_they_are() -> None:
    one = noise(1, 400, 1)
    assert honest.cells_in_effect([[row[0]] * 50 for row in one]) == pytest.approx(1.0)
    assert honest.cells_in_effect([[row[0], 3 * row[0] + 1] for row in one]) == pytest.approx(1.0)
    assert honest.cells_in_effect(noise(2, 400, 50)) == pytest.approx(50, rel=0.01)


def test_cells_in_effect_follow_the_mean_correlation() -> None:
    # Half of each cell's variance is shared, so any two correlate by a half.
    pnl = noise(7, 3_000, 40, common=1.0)
    assert honest.cells_in_effect(pnl) == pytest.approx(0.5 + 0.5 * 40, rel=0.05)


@pytest.mark.parametrize("pnl", [[], [[0.0] * 5] * 30, noise(1, 30, 1), [[1.0, 2.0]] * 30])
def test_without_two_cells_that_vary_one_is_in_effect(pnl: Matrix) -> None:
    assert honest.cells_in_effect(pnl) == 1.0


def test_cells_against_each_other_are_counted_once_each() -> None:
    pnl = [[row[0], -row[0]] for row in noise(1, 100, 1)]
    assert honest.cells_in_effect(pnl) == pytest.approx(2.0)


# --- the mean of a trade ---------------------------------------------------------------------------------


def test_the_interval_of_many_trades_is_the_normal_one() -> None:
    rng = random.Random(1)
    nets = [rng.gauss(2.0, 10.0) for _ in range(2_000)]
    found = honest.mean_interval(nets)
    assert found is not None
    assert (found.resamples, found.seed) == (2_000, 0)
    mean = sum(nets) / len(nets)
    spread = math.sqrt(sum((net - mean) ** 2 for net in nets) / len(nets))
    assert found.mean == pytest.approx(mean)
    assert found.low == pytest.approx(mean - 1.96 * spread / math.sqrt(2_000), abs=0.05)
    assert found.high == pytest.approx(mean + 1.96 * spread / math.sqrt(2_000), abs=0.05)
    assert found.trades_needed == pytest.approx((1.96 * spread / mean) ** 2, rel=0.1)


@pytest.mark.parametrize("seed", range(30))
def test_trades_needed_and_the_interval_agree(seed: int) -> None:
    rng = random.Random(seed)
    count = rng.randint(20, 60)
    found = honest.mean_interval([rng.gauss(rng.choice((-4, 0, 4)), 10) for _ in range(count)], seed=seed)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.trades_needed is not None
    excludes = found.low > 0 or found.high < 0
    assert excludes == (found.trades_needed <= count)


@pytest.mark.parametrize("count", [1, 2, 19])
def test_few_trades_have_no_interval(count: int) -> None:
    found = honest.mean_interval([float(n) for n in range(1, count + 1)])
    assert found is not None
    assert (found.low, found.high) == (None, None)
    assert (found.trades_needed is None) == (count == 1)


def test_few_scattered_trades_say_how_many_are_needed() -> None:
    found = honest.mean_interval([11.0, -9.0] * 5)
    assert found is not None
    assert found.mean == 1.0
    assert found.trades_needed == math.floor((1.959963984540054 * math.sqrt(1000 / 9)) ** 2) + 1


def test_trades_without_a_mean_or_without_spread() -> None:
    assert honest.mean_interval([]) is None
    nothing = honest.mean_interval([1.0, -1.0] * 20)
    assert nothing is not None
    assert nothing.trades_needed is None
    sure = honest.mean_interval([3.0] * 25)
    assert sure is not None
    assert (sure.low, sure.high, sure.trades_needed) == (3.0, 3.0, 20)


# --- one column ------------------------------------------------------------------------------------------


def test_sharpe_skew_and_kurtosis_of_a_column() -> None:
    values = [1.0, 2.0, 3.0, 10.0]
    assert honest.sharpe_of(values) == pytest.approx(4.0 / math.sqrt(50 / 3))
    skew, kurtosis = honest.skew_and_kurtosis(values) or (0.0, 0.0)
    assert skew == pytest.approx((-27 - 8 - 1 + 216) / 4 / 12.5**1.5)
    assert kurtosis == pytest.approx((81 + 16 + 1 + 1296) / 4 / 12.5**2)


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0, 2.0], [0.1] * 50])
def test_a_column_without_variance_has_none(values: list[float]) -> None:
    assert honest.sharpe_of(values) is None
    assert honest.skew_and_kurtosis(values) is None


def test_the_ratios_of_all_cells_are_each_ones_own() -> None:
    rng = random.Random(4)
    rows = [[rng.gauss(cell / 9, 3.0) for cell in range(6)] + [2.0] for _ in range(48)]
    own = [honest.sharpe_of([row[cell] for row in rows]) for cell in range(6)]
    assert honest.sharpe_ratios(rows) == pytest.approx(own, rel=1e-12)
    assert honest.sharpe_ratios([]) == honest.sharpe_ratios([[1.0, 2.0]]) == []


def test_a_matrix_that_was_read_once_gives_the_same() -> None:
    rng = random.Random(5)
    rows = [[rng.gauss(0.2, 1.0) for _ in range(9)] for _ in range(48)]
    read = honest.read_once(rows)
    assert [list(row) for row in read] == rows
    for function in (
        honest.superior_predictive_ability, honest.cells_in_effect, honest.probability_of_overfitting,
        honest.sharpe_ratios,
    ):  # fmt: skip
        assert function(read) == function(rows)
    with pytest.raises(UsageError, match="differ in length"):
        honest.read_once([[1.0], [1.0, 2.0]])
