"""Verdicts and the keys of the evidence, for every way that a result may turn out."""

import random
from typing import Any

import pytest

from arbcore.carry.evidence import Late, Winner, backtest_evidence, sweep_evidence, usd

BACKTEST_KEYS = {"trades", "delayed", "probabilistic_sharpe", "trades_needed", "significant", "verdict"}
SWEEP_KEYS = {
    "best", "delayed", "deflated_sharpe", "cells_in_effect", "cells_method", "pbo", "periods", "verdict",
}  # fmt: skip


def nets(seed: int, count: int, mean: float, spread: float = 10.0) -> list[float]:
    rng = random.Random(seed)
    return [rng.gauss(mean, spread) for _ in range(count)]


def backtest(values: list[float], **changes: Any) -> dict[str, Any]:
    total = sum(values)
    late = Late(total * 0.8, total * 0.6, [value * 0.6 for value in values])
    given: dict[str, Any] = {"total_pnl": total, "late": late, "rows": 8_000, **changes}
    return backtest_evidence(values, nets(9, 48, 1.0), **given)


@pytest.mark.parametrize(
    ("values", "changes", "significant", "words"),
    [
        ([], {}, None, "Nothing was closed"),
        ([5.0], {}, None, "1 trade is too few to judge (20 at least)."),
        (nets(1, 19, 1.0), {}, None, "19 trades are too few to judge (20 at least); at this mean"),
        (nets(1, 40, 0.2), {}, False, "which may be chance; about "),
        ([1.0, -1.0] * 20, {}, False, "+0.00 USD on average"),
        (nets(1, 200, -8.0), {}, False, "it loses, and not by chance"),
        (nets(1, 200, 8.0), {}, True, "and filled one row later the run still made +"),
        (
            nets(1, 200, 8.0),
            {"late": Late(-3.0, 1.0, [1.0])},
            False,
            "gone when filled one row later: late or bad quotes",
        ),
        (nets(1, 200, 8.0), {"late": Late(0.0, 1.0, [1.0])}, False, "gone when filled one row later"),
        (
            nets(1, 200, 8.0),
            {"late": Late(900.0, -20.0, [-0.1]), "outliers": 7},
            False,
            "but filled 3 rows later, when a bad print is over, it comes to -20.00 USD; 7 rows stand alone",
        ),
        (
            nets(1, 200, 8.0),
            {"late": Late(900.0, 700.0, [-1.0, -1.0, 702.0])},
            False,
            "but filled 3 rows later, when a bad print is over, most of its trades lose.",
        ),
        # A trade in every 15 rows is no bad print's.
        (nets(1, 200, 8.0), {"late": Late(900.0, -20.0, [-0.1]), "rows": 3_000}, True, "filled one row"),
        # What is still open three rows later has no trade to ask.
        (nets(1, 200, 8.0), {"late": Late(900.0, 700.0, [])}, True, "filled one row later"),
        (nets(1, 200, 8.0), {"outliers": 1}, True, "; 1 row stands alone, so look at it with"),
        (nets(1, 200, 8.0), {"outliers": 40}, True, "; 40 rows stand alone"),
        (nets(1, 200, 8.0), {"missing_dividends": True}, False, "dividends are missing"),
    ],
)
def test_a_backtests_verdict(
    values: list[float], changes: dict[str, Any], significant: bool | None, words: str
) -> None:
    found = backtest(values, **changes)
    assert set(found) == BACKTEST_KEYS
    assert found["significant"] is significant
    assert words in found["verdict"]
    assert found["verdict"].endswith(".")
    assert "\n" not in found["verdict"]
    assert set(found["trades"]) == {"mean_net", "low", "high", "resamples", "seed"}
    assert (found["trades"]["low"] is None) == (len(values) < 20)
    assert (found["trades"]["mean_net"] is None) == (not values)
    assert 0.0 < found["probabilistic_sharpe"] < 1.0


def test_without_periods_there_is_no_sharpe() -> None:
    values = nets(1, 30, 5.0)
    found = backtest_evidence(values, [], total_pnl=1.0, late=Late(1.0, 1.0, [1.0]), rows=100)
    assert found["probabilistic_sharpe"] is None


def matrix(seed: int, edge: float) -> list[list[float]]:
    rng = random.Random(seed)
    return [[rng.gauss(edge if cell == 3 else 0.0, 1.0) for cell in range(20)] for _ in range(48)]


def winner(**changes: Any) -> Winner:
    given: dict[str, Any] = {
        "at": 3, "nets": nets(1, 40, 5.0), "total_pnl": 873.2, "rows": 8_000,
        "late": Late(560.0, 410.0, nets(1, 40, 3.0)),
    }  # fmt: skip
    return Winner(**{**given, **changes})


def test_a_sweep_without_an_edge() -> None:
    found = sweep_evidence(matrix(2, 0.0), winner())
    assert set(found) == SWEEP_KEYS
    best: Any = found["best"]
    assert set(best) == {"p_value", "significant", "mean_net", "low", "high"}
    assert best["p_value"] > 0.05
    assert best["significant"] is False
    cases = f"{best['p_value'] * 100:.0f}"
    assert found["verdict"] == (
        "The best of 20 cells made +873 USD; without any edge the best of as many makes that in "
        f"{cases} of 100 cases."
    )
    assert found["periods"] == 48
    assert 15 < float(str(found["cells_in_effect"])) <= 20
    assert found["pbo"] is not None


def test_a_sweep_with_an_edge() -> None:
    found = sweep_evidence(matrix(2, 1.5), winner())
    best: Any = found["best"]
    assert best["significant"] is True
    assert best["p_value"] == 0.0
    assert "in fewer than 1 of 1,000 cases, and filled one row later it still made +560 USD." in str(
        found["verdict"]
    )
    assert found["pbo"] == 0.0
    assert float(str(found["deflated_sharpe"])) > 0.9


def test_an_edge_of_bad_prints() -> None:
    found = sweep_evidence(matrix(2, 1.5), winner(late=Late(-2_764.0, -2_900.0, [-70.0])))
    best: Any = found["best"]
    assert best["significant"] is False
    assert "but it is gone when filled one row later: late or bad quotes (-2,764 USD)." in str(
        found["verdict"]
    )


@pytest.mark.parametrize(
    ("changes", "significant", "words"),
    [
        # Prints of two rows and three are still there one row later.
        ({"late": Late(560.0, -90.0, [-9.0])}, False, "when a bad print is over, it comes to -90.00 USD."),
        ({"outliers": 3}, True, "made +560 USD; 3 rows stand alone, so look at it with --drop-outliers too."),
        ({"missing_dividends": True}, False, "but dividends are missing from it"),
        ({"missing_dividends": True, "late": Late(-1.0, -1.0, [])}, False, "gone when filled one row later"),
    ],
)
def test_what_else_is_said_of_an_edge(changes: dict[str, Any], significant: bool, words: str) -> None:
    found = sweep_evidence(matrix(2, 1.5), winner(**changes))
    best: Any = found["best"]
    assert best["significant"] is significant
    assert words in str(found["verdict"])


@pytest.mark.parametrize(
    ("pnl", "chosen", "words"),
    [
        (matrix(1, 0.0), None, "No cell traded"),
        ([], winner(), "too short"),
        ([[row[3]] for row in matrix(1, 0.0)], winner(at=0), "Fewer than two cells traded"),
        ([[row[3], 0.0] for row in matrix(1, 0.0)], winner(at=0), "Fewer than two cells traded"),
    ],
)
def test_a_sweep_that_cannot_be_judged(pnl: list[list[float]], chosen: Winner | None, words: str) -> None:
    found = sweep_evidence(pnl, chosen)
    assert set(found) == SWEEP_KEYS
    assert words in str(found["verdict"])
    best: Any = found["best"]
    assert set(best) == {"p_value", "significant", "mean_net", "low", "high"}
    assert (best["p_value"], best["significant"]) == (None, None)


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0.0, "+0.00 USD"), (-0.001, "+0.00 USD"), (99.994, "+99.99 USD"), (99.996, "+100 USD"),
     (-1_234_567.8, "-1,234,568 USD")],
)  # fmt: skip
def test_amounts(amount: float, text: str) -> None:
    assert usd(amount) == text
