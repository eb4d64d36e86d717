"""Statistics of the P&L of many rounds: its mean with an interval, its spread, and whether two bots differ.

Pure functions of numbers. Two kinds of interval, both of 95%:

* ``t_interval``: Student's t, for a number of rounds that was fixed in advance.
* ``always_valid_interval``: for a number of rounds that depends on the results so far. A 95% interval that is
  checked after every few rounds excludes the truth at some check far more often than in 5 of 100 cases. This
  one is an asymptotic confidence sequence, the Gaussian-mixture boundary of Waudby-Smith, Arbour, Sinha,
  Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences" (Annals of
  Statistics, 2024): over all checks together it excludes the truth in about 5 of 100 cases. It is wider.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache

CONFIDENCE = 0.95
#: Above so many degrees of freedom, Student's quantile is computed by an expansion of the normal quantile.
_EXACT_MAX = 100
#: The number of rounds at which the always-valid interval is narrowest, relative to the t interval.
TUNED_ROUNDS = 200

Interval = Callable[[Sequence[float]], tuple[float | None, float | None]]


@dataclass(frozen=True)
class Figures:
    """The P&L of ``rounds`` rounds, in ticks. ``low`` to ``high`` is the interval of the mean.

    Both are None if there are too few rounds, and ``sd`` is None for one round.
    """

    rounds: int
    mean: float
    low: float | None
    high: float | None
    sd: float | None
    p05: float
    p95: float
    worst: float
    losing: int

    def as_dict(self) -> dict[str, float | int | None]:
        return asdict(self)


def figures(values: Sequence[float], interval: Interval | None = None) -> Figures:
    """Figures of at least one round; the default of ``interval`` is ``t_interval``.

    >>> found = figures([1.0, 2.0, 6.0])
    >>> found.mean, found.worst, found.losing
    (3.0, 1.0, 0)
    """
    low, high = (interval or t_interval)(values)
    return Figures(
        rounds=len(values),
        mean=statistics.fmean(values),
        low=low,
        high=high,
        sd=deviation(values) if len(values) > 1 else None,
        p05=quantile(values, 0.05),
        p95=quantile(values, 0.95),
        worst=min(values),
        losing=sum(value < 0 for value in values),
    )


def deviation(values: Sequence[float]) -> float:
    """The sample standard deviation of two values or more.

    ``statistics.stdev`` calculates with fractions and takes a hundred times as long.
    """
    mean = statistics.fmean(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of all values lie, interpolated linearly between the two nearest.

    >>> quantile([0.0, 10.0], 0.25)
    2.5
    """
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    at = min(int(place), len(ordered) - 2) if len(ordered) > 1 else 0
    if len(ordered) == 1:
        return ordered[0]
    return ordered[at] + (place - at) * (ordered[at + 1] - ordered[at])


def t_interval(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Student's 95% interval of the mean; (None, None) for one value."""
    count = len(values)
    if count < 2:
        return None, None
    half = student_quantile(0.5 + CONFIDENCE / 2, count - 1) * deviation(values) / math.sqrt(count)
    mean = statistics.fmean(values)
    return mean - half, mean + half


def always_valid_interval(values: Sequence[float]) -> tuple[float | None, float | None]:
    """The 95% interval of the mean that may be checked after any number of values; see the module."""
    count = len(values)
    if count < 2:
        return None, None
    alpha = 1 - CONFIDENCE
    # The mixture's scale that makes the interval nearly narrowest at TUNED_ROUNDS, as the paper suggests.
    squared = (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / TUNED_ROUNDS
    grown = count * squared + 1
    half = deviation(values) * math.sqrt(
        2 * grown / (count * count * squared) * math.log(math.sqrt(grown) / alpha)
    )
    mean = statistics.fmean(values)
    return mean - half, mean + half


@cache
def student_quantile(share: float, freedom: int) -> float:
    """The quantile of Student's distribution with whole degrees of freedom, for a share of at least 0.5.

    >>> round(student_quantile(0.975, 4), 3)
    2.776
    """
    if freedom > _EXACT_MAX:
        # The Cornish-Fisher expansion, accurate to seven digits here.
        z = statistics.NormalDist().inv_cdf(share)
        return (
            z
            + (z**3 + z) / (4 * freedom)
            + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
            + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
        )  # fmt: skip
    low, high = 0.0, 1.0
    while _student_cdf(high, freedom) < share:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_cdf(middle, freedom) < share else (low, middle)
    return (low + high) / 2


def _student_cdf(t: float, freedom: int) -> float:
    """Student's distribution by its finite sum (Abramowitz and Stegun, 26.7.3 and 26.7.4), for t >= 0."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    first = 1 if freedom % 2 else 0
    term, total = (cosine, cosine) if first else (1.0, 1.0)
    for k in range(2 + first, freedom - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    if first:
        within = 2 / math.pi * (angle + (sine * total if freedom > 1 else 0.0))
    else:
        within = sine * total
    return 0.5 + within / 2


@dataclass(frozen=True)
class Comparison:
    """The first bot's P&L minus the second's, round by round on the same seeds."""

    rounds: int
    mean: float
    low: float | None
    high: float | None
    #: Whether the interval excludes 0.
    different: bool
    verdict: str

    def as_dict(self) -> dict[str, float | int | str | None]:
        return asdict(self)


def compare(
    first: Sequence[float], second: Sequence[float], interval: Interval | None = None
) -> Comparison:
    """Compares two bots that played the same rounds in the same order.

    >>> compare([3.0, 4.0, 5.5], [1.0, 2.0, 3.0]).different
    True
    """
    differences = [one - other for one, other in zip(first, second, strict=True)]
    low, high = (interval or t_interval)(differences)
    mean = statistics.fmean(differences)
    different = low is not None and high is not None and (low > 0 or high < 0)
    return Comparison(len(differences), mean, low, high, different, _verdict(differences, mean, low, high))


def _verdict(
    differences: Sequence[float], mean: float, low: float | None, high: float | None
) -> str:
    rounds = f"{len(differences):,} round{'s' if len(differences) != 1 else ''}"
    if not any(differences):
        return f"No difference in any of {rounds}."
    if low is None or high is None:
        return f"One round says nothing about a difference ({mean:+,.0f} ticks in this one); play more."
    if low > 0:
        return f"The first is better, by {low:,.0f} to {high:,.0f} ticks a round."
    if high < 0:
        return f"The second is better, by {-high:,.0f} to {-low:,.0f} ticks a round."
    wanted = rounds_to_tell(differences, mean)
    hint = f" About {wanted:,} rounds would tell." if wanted is not None else ""
    return (
        f"No difference was found in {rounds}: between {low:+,.0f} and {high:+,.0f} ticks a round.{hint}"
    )


def rounds_to_tell(differences: Sequence[float], mean: float) -> int | None:
    """Number of rounds that show a difference of this mean in four of five cases; None above a million."""
    if mean == 0:
        return None
    # 1.96 for the interval, plus 0.84 for excluding 0 in 80 of 100 cases.
    wanted = (2.8 * deviation(differences) / mean) ** 2
    if not wanted < 1e6:
        return None
    step: int = 10 ** max(0, len(str(int(wanted))) - 2)
    return max(len(differences) + 1, math.ceil(wanted / step) * step)
