"""The factor between SPY and the index, known in three ways and never from the future."""

import math

import pytest

from arbcore.carry.factor import (
    FactorSeries,
    calibrated_factor,
    check_factor,
    factor_of_future,
    factor_of_index,
)
from arbcore.errors import UsageError


def test_an_index_quote_gives_the_factor() -> None:
    assert factor_of_index(index=6821.5, spy_mid=680.0) == pytest.approx(10.0316, abs=1e-4)


def test_a_fair_future_gives_back_the_factor_it_was_made_with() -> None:
    es_mid = 680.0 * 10.03 * math.exp((0.045 - 0.014) * 0.2)
    assert factor_of_future(es_mid=es_mid, spy_mid=680.0, r=0.045, d=0.014, t=0.2) == pytest.approx(10.03)


def test_calibration_is_the_median() -> None:
    assert calibrated_factor([10.0, 99.0, 10.03]) == 10.03
    assert calibrated_factor([10.0, 10.02]) == 10.01


def test_a_series_knows_the_past_only() -> None:
    series = FactorSeries([(10, 10.0), (20, 10.1), (20, 10.2)])
    assert [series.at(now_ns) for now_ns in (10, 19, 20, 99)] == [10.0, 10.0, 10.2, 10.2]
    with pytest.raises(UsageError, match="begins after"):
        series.at(9)


@pytest.mark.parametrize("factor", [0.0, -1.0, math.nan, math.inf])
def test_a_factor_is_above_zero(factor: float) -> None:
    with pytest.raises(UsageError, match="above 0"):
        check_factor(factor)


def test_what_gives_no_factor_is_refused() -> None:
    with pytest.raises(UsageError):
        factor_of_index(index=1.0, spy_mid=0.0)
    with pytest.raises(UsageError):
        factor_of_future(es_mid=1.0, spy_mid=0.0, r=0.0, d=0.0, t=0.0)
    with pytest.raises(UsageError, match="no quotes"):
        calibrated_factor([])
    with pytest.raises(UsageError, match="sort it"):
        FactorSeries([(2, 10.0), (1, 10.0)])
