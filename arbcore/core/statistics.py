"""Tests whether a result is chance: Sharpe ratios deflated for the search, overfitting, tests of an edge.

Plain numbers in, plain numbers out; it knows no trades, settings or files. A matrix of P&L has one row per
period and one column per cell (a combination of settings that was tried), as sequences or a NumPy array. A
number that cannot be computed (one cell, too few periods, no variance) is None, never a guess.
"""

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from arbcore.core._resampling import (
    column_summary,
    largest_means,
    long_run_variances,
    moved_columns,
    overfit_splits,
    resampled_means,
)
from arbcore.errors import UsageError

#: With fewer trades there is no bootstrap, with fewer dates no Sharpe ratio.
TRADES_MIN, DATES_MIN = 20, 20
#: The fewest periods for a test of the best cell.
PERIODS_MIN = 10
TRADE_RESAMPLES = 2_000
#: The name of the method for the number of cells in effect.
CELLS_METHOD = "mean correlation"

_EULER_GAMMA = 0.577215664901532860606512
_NORMAL = NormalDist()
_BLOCKS_MAX = 20


@dataclass(frozen=True, slots=True)
class MeanInterval:
    """The mean net P&L of a trade in USD with its 95% interval, and the number of trades needed to be sure.

    ``low`` and ``high`` are None below 20 trades. ``trades_needed`` is the smallest number of trades at which
    the interval would exclude 0 with the same mean and spread; None if no number is enough.

    >>> mean_interval([5.0, -1.0] * 15, seed=0).mean
    2.0
    """

    mean: float
    low: float | None
    high: float | None
    trades_needed: int | None
    resamples: int
    seed: int


def probabilistic_sharpe(
    sharpe: float, *, benchmark: float = 0.0, periods: int, skew: float, kurtosis: float
) -> float | None:
    """The probability that the true Sharpe ratio is above a benchmark.

    Φ((SR − SR*)·√(T − 1) / √(1 − γ₃·SR + (γ₄ − 1)/4·SR²): Bailey and López de Prado, The Sharpe Ratio
    Efficient Frontier, Journal of Risk 15(2), 2012.

    Args:
        sharpe: the measured Sharpe ratio, per period and not annualised.
        benchmark: the ratio to beat, per period.
        periods: T, the number of periods measured.
        skew: γ₃ of the periods' P&L, 0 for a normal distribution.
        kurtosis: γ₄, 3 for a normal distribution.

    Returns:
        A probability from 0 to 1; None below 2 periods, or if skew and kurtosis leave the ratio without a
        variance.

    Raises:
        UsageError: an argument is not a finite number.

    >>> round(probabilistic_sharpe(0.1, periods=250, skew=0.0, kurtosis=3.0), 4)
    0.9423
    """
    _check_finite(sharpe=sharpe, benchmark=benchmark, skew=skew, kurtosis=kurtosis)
    variance = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe
    if periods < 2 or variance <= 0.0:
        return None
    return _NORMAL.cdf((sharpe - benchmark) * math.sqrt(periods - 1) / math.sqrt(variance))


def expected_largest_sharpe(*, trials: float, trials_variance: float) -> float:
    """SR0, the expected Sharpe ratio of the best of ``trials`` cells without any edge.

    σ·((1 − γ)·Z⁻¹(1 − 1/N) + γ·Z⁻¹(1 − 1/(N·e))), γ Euler's constant: Bailey and López de Prado, The
    Deflated Sharpe Ratio, Journal of Portfolio Management 40(5), 2014.

    Args:
        trials: N, the cells in effect, 1 or more; it may be a fraction (see ``cells_in_effect``).
        trials_variance: σ², the variance of the cells' Sharpe ratios per period.

    Returns:
        A Sharpe ratio per period; 0 for one trial.

    Raises:
        UsageError: fewer than one trial, or a variance below 0.

    >>> round(expected_largest_sharpe(trials=100, trials_variance=0.5 / 250), 6)
    0.113172
    """
    _check_finite(trials=trials, trials_variance=trials_variance)
    if trials < 1.0:
        raise UsageError(f"trials is {trials:g}; there is at least one.")
    if trials_variance < 0.0:
        raise UsageError(f"trials_variance is {trials_variance:g}; a variance is not below 0.")
    if trials == 1.0:
        return 0.0
    # Just above one trial the first quantile goes to minus infinity; the expected ratio is at least 0.
    first = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    second = _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(trials_variance) * max(0.0, (1.0 - _EULER_GAMMA) * first + _EULER_GAMMA * second)


def deflated_sharpe(
    sharpe: float, *, trials: float, trials_variance: float, periods: int, skew: float, kurtosis: float
) -> float | None:
    """The probability that a Sharpe ratio chosen as the best of many is above the one that chance would give.

    The probabilistic Sharpe ratio against SR0 of ``expected_largest_sharpe`` (Bailey and López de Prado
    2014).

    Args:
        sharpe: the best cell's Sharpe ratio, per period.
        trials: the cells in effect, 1 or more.
        trials_variance: the variance of the cells' Sharpe ratios per period.
        periods: the number of periods.
        skew: the skew of the best cell's P&L.
        kurtosis: the kurtosis of the best cell's P&L, 3 for a normal distribution.

    Returns:
        A probability from 0 to 1; None in the cases of ``probabilistic_sharpe``.

    Raises:
        UsageError: an argument is out of range.

    >>> round(deflated_sharpe(2.5 / 250**0.5, trials=100, trials_variance=0.5 / 250, periods=1250,
    ...                       skew=-3.0, kurtosis=10.0), 6)
    0.900397
    """
    benchmark = expected_largest_sharpe(trials=trials, trials_variance=trials_variance)
    return probabilistic_sharpe(sharpe, benchmark=benchmark, periods=periods, skew=skew, kurtosis=kurtosis)


def sharpe_of(values: Sequence[float]) -> float | None:
    """Mean over standard deviation (ddof 1) of one cell's P&L by period; None without variance."""
    found = _mean_and_variance(values)
    if found is None:
        return None
    mean, variance = found
    return mean / math.sqrt(variance * len(values) / (len(values) - 1))


def sharpe_ratios(pnl: Iterable[Iterable[float]]) -> list[float]:
    """``sharpe_of`` for every cell whose P&L varies, in their order.

    Args:
        pnl: periods × cells, in USD.

    Raises:
        UsageError: ``pnl`` is not a matrix of finite numbers.
    """
    matrix = _matrix_of(pnl).varying()
    if not matrix.cells or matrix.periods < 2:
        return []
    centred = matrix.moved(matrix.means, [1.0] * matrix.cells)
    # With a block of one period the long-run variance is the plain variance.
    ddof = matrix.periods / (matrix.periods - 1)
    variances = centred.long_run_variances(1.0)
    return [mean / math.sqrt(each * ddof) for mean, each in zip(matrix.means, variances, strict=True)]


def read_once(pnl: Iterable[Iterable[float]]) -> Iterable[Iterable[float]]:
    """The matrix, read and checked once, for use by several functions of this module; raises UsageError."""
    return _matrix_of(pnl)


def skew_and_kurtosis(values: Sequence[float]) -> tuple[float, float] | None:
    """γ₃ and γ₄ (3 for a normal distribution) of one cell's P&L by period; None without variance."""
    moments = _moments(values)
    return None if moments is None else moments[2:]


def cells_in_effect(pnl: Iterable[Iterable[float]]) -> float:
    """The number of independent cells that the cells of a sweep amount to: ρ + (1 − ρ)·N.

    ρ is their mean correlation; below 0 it counts as 0. Two thousand cells that trade almost alike amount to
    very few. Cells without variance are not counted. (Bailey and López de Prado 2014, appendix 3.)

    Args:
        pnl: periods × cells, in USD.

    Returns:
        From 1 to the number of cells; 1 if fewer than two cells vary.

    Raises:
        UsageError: ``pnl`` is not a matrix of finite numbers.

    >>> round(cells_in_effect([[1.0, 2.0], [-1.0, -2.0], [3.0, 6.0]]), 6)  # the second is twice the first
    1.0
    """
    matrix = _matrix_of(pnl).varying()
    if matrix.cells < 2:
        return 1.0
    centred = matrix.moved(matrix.means, [1.0] * matrix.cells)
    # With a block of one period the long-run variance is the plain variance.
    sizes = [math.sqrt(variance * matrix.periods) for variance in centred.long_run_variances(1.0)]
    standard = centred.moved([0.0] * matrix.cells, sizes)
    # The sum of all correlations is the square of the sum of the standardised columns.
    total = math.fsum(sum(row) ** 2 for row in standard.rows())
    correlation = (total - matrix.cells) / (matrix.cells * (matrix.cells - 1))
    correlation = min(1.0, max(0.0, correlation))
    return correlation + (1.0 - correlation) * matrix.cells


def probability_of_overfitting(pnl: Iterable[Iterable[float]], *, blocks: int = 16) -> float | None:
    """PBO by CSCV: how often the best cell of one half of the periods is in the lower half of the other.

    The periods are cut at floor(i·n/blocks); each choice of half of the blocks is a split. Cells are ranked
    by their Sharpe ratios over the periods of the blocks. Equal cells share the mean of their ranks; of equal
    best cells the first is taken. With ω = rank/(N + 1), a split counts if the logit of ω is 0 or below.
    (Bailey, Borwein, López de Prado and Zhu, The Probability of Backtest Overfitting, Journal of
    Computational Finance 20(4).)

    Args:
        pnl: periods × cells, in USD.
        blocks: S, even, from 2 to 20.

    Returns:
        From 0 to 1; None with one cell, fewer periods than blocks (or than 4), or if no cell varies.

    Raises:
        UsageError: ``pnl`` is not a matrix of finite numbers, or ``blocks`` is out of range.

    >>> probability_of_overfitting([[1.0, -1.0], [2.0, -2.0]] * 8, blocks=4)  # the first is always best
    0.0
    """
    if not 2 <= blocks <= _BLOCKS_MAX or blocks % 2:
        raise UsageError(f"blocks is {blocks}; it may be an even number from 2 to {_BLOCKS_MAX}.")
    matrix = _matrix_of(pnl)
    if matrix.cells < 2 or matrix.periods < max(4, blocks) or not matrix.varying().cells:
        return None
    distinct, counts = matrix.distinct()
    overfit, splits = overfit_splits(
        distinct.values, periods=matrix.periods, cells=distinct.cells, blocks=blocks, counts=counts
    )
    return overfit / splits


def superior_predictive_ability(
    pnl: Iterable[Iterable[float]], *, resamples: int = 1_000, block: float = 2.0, seed: int = 0
) -> float | None:
    """The p-value of "the best of all cells has no edge": how often chance alone gives as good a best cell.

    Hansen's test for superior predictive ability, studentised, with the consistent p-value. A cell whose mean
    is below −√(ω²/n·2·ln ln n) is not recentred, so hopeless cells do not hide a good one. ω² is the long-run
    variance that the stationary bootstrap implies, but at least the one for independent periods. (Hansen, A
    Test for Superior Predictive Ability, Journal of Business & Economic Statistics 23(4), 2005.)

    Args:
        pnl: periods × cells, in USD. Cells whose P&L never varies are left out.
        resamples: the number of bootstraps.
        block: the mean number of consecutive periods in a draw, 1 or more.
        seed: seeds the bootstrap, from 0 to 2^64 − 1; a seed gives the same p-value on every machine.

    Returns:
        From 0 to 1; None if fewer than two cells vary or there are fewer than 10 periods.

    Raises:
        UsageError: ``pnl`` is not a matrix of finite numbers, or an argument is out of range.

    >>> superior_predictive_ability([[3.0, 1.0], [2.0, -1.0]] * 20)  # the first never lost
    0.0
    """
    if resamples < 1:
        raise UsageError(f"resamples is {resamples}; it must be 1 or more.")
    if not 1.0 <= block < math.inf:
        raise UsageError(f"block is {block:g}; a mean block is 1 period or more.")
    _check_seed(seed)
    matrix = _matrix_of(pnl).varying()
    if matrix.cells < 2 or matrix.periods < PERIODS_MIN:
        return None
    # A cell equal to another one has the same means, so one of them is enough for the maximum.
    matrix = matrix.distinct()[0]
    centred = matrix.moved(matrix.means, [1.0] * matrix.cells)
    deviations = [math.sqrt(variance) for variance in centred.long_run_variances(block)]
    ratios = [mean / deviation for mean, deviation in zip(matrix.means, deviations, strict=True)]
    hopeless = -math.sqrt(2.0 * math.log(math.log(matrix.periods)) / matrix.periods)
    shifts = [mean if ratio >= hopeless else 0.0 for mean, ratio in zip(matrix.means, ratios, strict=True)]
    drawn = largest_means(
        matrix.moved(shifts, deviations).values,
        periods=matrix.periods,
        cells=matrix.cells,
        resamples=resamples,
        block=block,
        seed=seed,
    )
    largest = max(ratios)
    return sum(value > largest for value in drawn) / resamples


def mean_interval(
    values: Sequence[float], *, resamples: int = TRADE_RESAMPLES, seed: int = 0
) -> MeanInterval | None:
    """The mean net P&L of a trade with its 95% interval by a bootstrap of the trades.

    The interval goes from the 2.5th to the 97.5th percentile of the resampled means (Efron 1979). Its width
    falls with the root of the number of trades, which gives ``trades_needed``. Below 20 trades there is no
    interval, and 1.96 standard deviations are used instead; ``trades_needed`` is then at least 20.

    Args:
        values: the net P&L of each trade in USD.
        resamples: the number of bootstraps.
        seed: seeds the bootstrap, from 0 to 2^64 − 1.

    Returns:
        The mean, its interval and the trades needed; None without trades.

    Raises:
        UsageError: a value is not a finite number, or an argument is out of range.

    >>> found = mean_interval([5.0, -1.0] * 15)
    >>> found.low, found.mean, found.high
    (1.0, 2.0, 3.0)
    """
    if resamples < 1:
        raise UsageError(f"resamples is {resamples}; it must be 1 or more.")
    _check_seed(seed)
    numbers = array("d", values)
    if not all(map(math.isfinite, numbers)):
        raise UsageError("The net of a trade is not a finite number; correct the values.")
    count = len(numbers)
    if count == 0:
        return None
    mean = math.fsum(numbers) / count
    if count < TRADES_MIN:
        spread = math.sqrt(math.fsum((each - mean) ** 2 for each in numbers) / max(1, count - 1))
        needed = _trades_needed(mean, 1.959963984540054 * spread) if count > 1 else None
        return MeanInterval(mean, None, None, needed, resamples, seed)
    means = resampled_means(numbers, resamples=resamples, seed=seed)
    low, high = _quantile(means, 0.025), _quantile(means, 0.975)
    # The distance from the mean to the interval's end next to 0, scaled to one trade.
    reach = (mean - low if mean > 0.0 else high - mean) * math.sqrt(count)
    return MeanInterval(mean, low, high, _trades_needed(mean, reach), resamples, seed)


def _trades_needed(mean: float, reach: float) -> int | None:
    """The smallest n with |mean| > reach/√n, at least 20; None if there is none."""
    if mean == 0.0 or not math.isfinite(wanted := (reach / mean) ** 2):
        return None
    return max(TRADES_MIN, math.floor(wanted) + 1)


def _quantile(ordered: Sequence[float], share: float) -> float:
    """A quantile of values in rising order, interpolated linearly between two of them."""
    place = share * (len(ordered) - 1)
    at = math.floor(place)
    if at + 1 >= len(ordered):
        return ordered[-1]
    return ordered[at] + (place - at) * (ordered[at + 1] - ordered[at])


def _mean_and_variance(values: Sequence[float]) -> tuple[float, float] | None:
    """Mean and variance (ddof 0); None with fewer than two values or without variance."""
    count = len(values)
    if count < 2 or not _varies(values):
        return None
    mean = math.fsum(values) / count
    second = math.fsum([(value - mean) ** 2 for value in values]) / count
    # Skew and kurtosis divide by its square, so the square must be above 0 and finite.
    if not second > 0.0 or second * second == 0.0 or not math.isfinite(second * second):
        return None
    return mean, second


def _moments(values: Sequence[float]) -> tuple[float, float, float, float] | None:
    """Mean, variance (ddof 0), skew and kurtosis; None with fewer than two values or without variance."""
    found = _mean_and_variance(values)
    if found is None:
        return None
    mean, second = found
    count = len(values)
    third = math.fsum((value - mean) ** 3 for value in values) / count
    fourth = math.fsum((value - mean) ** 4 for value in values) / count
    if not second > 0.0 or not math.isfinite(fourth) or second * second == 0.0:
        return None
    return mean, second, third / second**1.5, fourth / (second * second)


def _varies(column: Sequence[float]) -> bool:
    return _apart(min(column), max(column))


def _apart(low: float, high: float) -> bool:
    """Whether two values differ by more than rounding, and enough that their squares do not underflow."""
    return high - low > 1e-12 * max(abs(low), abs(high), 1e-138)


class _Matrix(Iterable[Iterable[float]]):
    """Periods × cells as one buffer, row after row."""

    def __init__(self, values: "array[float]", periods: int, cells: int) -> None:
        self.values = values
        self.periods = periods
        self.cells = cells
        empty: array[float] = array("d")
        summary = (empty, empty, empty)
        self.means, self._lows, self._highs = (
            column_summary(values, periods=periods, cells=cells) if values else summary
        )

    def __iter__(self) -> Iterator[Iterable[float]]:
        return iter(self.rows())

    def varying(self) -> "_Matrix":
        """The cells whose P&L varies, in their order."""
        kept = [at for at in range(self.cells) if _apart(self._lows[at], self._highs[at])]
        if len(kept) == self.cells:
            return self
        if not kept:
            return _Matrix(array("d"), self.periods, 0)
        return self._of(kept, [0.0] * len(kept), [1.0] * len(kept))

    def distinct(self) -> "tuple[_Matrix, list[int]]":
        """The first cell of each distinct P&L, in their order, and how many cells have it.

        Many cells of a sweep are equal: they never traded, or no quote makes them differ.
        """
        counts: dict[bytes, int] = {}
        firsts = []
        for at in range(self.cells):
            column = self.values[at :: self.cells].tobytes()
            if column not in counts:
                firsts.append(at)
            counts[column] = counts.get(column, 0) + 1
        if len(firsts) == self.cells:
            return self, [1] * self.cells
        return self._of(firsts, [0.0] * len(firsts), [1.0] * len(firsts)), list(counts.values())

    def moved(self, shifts: Iterable[float], scales: Iterable[float]) -> "_Matrix":
        """Every cell less its shift, divided by its scale."""
        return self._of(range(self.cells), shifts, scales)

    def long_run_variances(self, block: float) -> "array[float]":
        """The long-run variance of each cell; the means of the cells must be 0."""
        return long_run_variances(self.values, periods=self.periods, cells=self.cells, block=block)

    def rows(self) -> Iterable["array[float]"]:
        """The cells of each period."""
        return (self.values[at * self.cells : (at + 1) * self.cells] for at in range(self.periods))

    def _of(self, columns: Sequence[int], shifts: Iterable[float], scales: Iterable[float]) -> "_Matrix":
        values = moved_columns(
            self.values, periods=self.periods, cells=self.cells, columns=columns, shifts=shifts, scales=scales
        )
        return _Matrix(values, self.periods, len(columns))


def _matrix_of(pnl: Iterable[Iterable[float]]) -> _Matrix:
    """The numbers of ``pnl`` as a matrix; a table's rows are those of its ``to_numpy``."""
    if isinstance(pnl, _Matrix):
        return pnl
    rows_of = getattr(pnl, "to_numpy", None)
    values: array[float] = array("d")
    periods = cells = 0
    try:
        for row in pnl if rows_of is None else rows_of():
            before = len(values)
            values.extend(array("d", row))
            if periods and len(values) - before != cells:
                raise UsageError("pnl is not a matrix: its rows, one a period, differ in length.")
            periods, cells = periods + 1, len(values) - before
    except (TypeError, ValueError) as error:
        raise UsageError(f"pnl is not a matrix of periods by cells: {error}.") from None
    # A sum is not finite if one of its terms is not finite.
    if not math.isfinite(sum(values)) and not all(map(math.isfinite, values)):
        raise UsageError("pnl has a value that is not a finite number; every cell needs one in every period.")
    return _Matrix(values, periods, cells)


def _check_seed(seed: int) -> None:
    if not 0 <= seed < 2**64:
        raise UsageError(f"seed is {seed}; it may be from 0 to 2^64 - 1.")


def _check_finite(**values: float) -> None:
    for name, value in values.items():
        if not math.isfinite(value):
            raise UsageError(f"{name} is {value!r}; it must be a finite number.")
