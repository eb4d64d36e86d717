import random

import pytest

from arbcore.core.latency import LatencyHistogram


def filled(values):
    histogram = LatencyHistogram()
    for value in values:
        histogram.record(value)
    return histogram


def test_nothing_measured_is_said_as_such():
    assert LatencyHistogram().summary_us() == {"p50": None, "p99": None, "p999": None, "max": None}
    assert LatencyHistogram().quantile_ns(0.5) == 0


def test_small_values_are_exact():
    histogram = filled(range(64))
    assert [histogram.quantile_ns(fraction) for fraction in (0.5, 0.25, 1.0)] == [31, 15, 63]


@pytest.mark.parametrize("seed", range(5))
def test_quantiles_are_within_a_bucket_of_the_sorted_values(seed):
    generator = random.Random(seed)
    values = [int(10 ** generator.uniform(0, 11)) for _ in range(2000)]
    histogram = filled(values)
    values.sort()
    for fraction in (0.01, 0.5, 0.9, 0.99, 0.999, 1.0):
        exact = values[max(1, -int(-fraction * len(values) // 1)) - 1]
        found = histogram.quantile_ns(fraction)
        assert exact <= found <= exact * 33 / 32 + 1, f"seed {seed}, fraction {fraction}"


@pytest.mark.parametrize("value", [2**power + offset for power in range(5, 43) for offset in (-1, 0, 1)])
def test_no_value_falls_between_buckets(value):
    histogram = filled([value, 2**60])
    assert value <= histogram.quantile_ns(0.5) <= value * 33 // 32


def test_extremes_fit_without_growing():
    histogram = filled([-5, 0, 2**63])
    assert histogram.count == 3
    assert histogram.quantile_ns(0.3) == 0
    assert histogram.max_ns == 2**63


def test_summary_is_in_microseconds():
    assert filled([2000] * 999 + [8000]).summary_us() == {
        "p50": 2.015,
        "p99": 2.015,
        "p999": 2.015,
        "max": 8.0,
    }
