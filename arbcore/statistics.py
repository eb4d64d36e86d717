"""Honest statistics for a notebook: the public names of ``arbcore.core.statistics``."""

from arbcore.core.statistics import (
    MeanInterval,
    cells_in_effect,
    deflated_sharpe,
    expected_largest_sharpe,
    mean_interval,
    probabilistic_sharpe,
    probability_of_overfitting,
    superior_predictive_ability,
)

__all__ = [
    "MeanInterval",
    "cells_in_effect",
    "deflated_sharpe",
    "expected_largest_sharpe",
    "mean_interval",
    "probabilistic_sharpe",
    "probability_of_overfitting",
    "superior_predictive_ability",
]
