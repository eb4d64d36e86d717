"""The notebooks of the examples run from their first cell to their last, with nothing but arbcore."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
NOTEBOOKS = sorted(path.stem for path in EXAMPLES.glob("*.ipynb"))


def cells(name: str) -> list[dict[str, Any]]:
    text = (EXAMPLES / f"{name}.ipynb").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = json.loads(text)["cells"]
    return found


def run(source: str, space: dict[str, Any]) -> Any:
    """Runs a cell; what its last line is worth, as a notebook shows it."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), space)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), space) if last else None


def run_all(name: str) -> tuple[list[Any], dict[str, Any]]:
    """What each code cell shows, and the names that it leaves."""
    space: dict[str, Any] = {"__name__": "notebook"}
    code = ["".join(cell["source"]) for cell in cells(name) if cell["cell_type"] == "code"]
    return [run(source, space) for source in code], space


@pytest.fixture(params=["checkout", "examples"], autouse=True)
def directory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES if request.param == "examples" else EXAMPLES.parent)


def test_a_backtest_and_its_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    shown, space = run_all("backtest")
    assert shown[0]["rows_used"] == 780
    assert shown[0]["trades"] > 0
    assert shown[1]["low"] > 0, "the planted deviation earns"
    assert space["result"].summary["evidence"]["delayed"]["total_pnl"] > 0
    assert shown[2] == 0, "nothing is traded where there is nothing to earn"
    assert shown[3][0] >= shown[3][1]
    assert shown[5] is True
    printed = capsys.readouterr().out
    assert "Nothing was traded: the largest edge" in printed
    assert printed.count(" trades, total ") == 5


def test_a_sweep(capsys: pytest.CaptureFixture[str]) -> None:
    shown, space = run_all("sweep")
    assert shown[0]["total_pnl"] > 0
    assert space["swept"].summary["evidence"]["best"]["p_value"] <= 0.05
    without = [found["evidence"]["best"]["p_value"] for found in space["best_of"]]
    earned = [found["best"]["total_pnl"] > 0 for found in space["best_of"]]
    assert sum(earned) > len(earned) / 2, "the text says that most best cells earned"
    assert sum(value <= 0.05 for value in without) <= 1, "and that they are luck"
    assert "without any edge the best of as many" in capsys.readouterr().out


def test_simulating_a_strategy(capsys: pytest.CaptureFixture[str]) -> None:
    shown, space = run_all("simulate")
    assert shown[0]["rounds"] == 12
    assert shown[0]["low"] > 0
    worst, scores = shown[1]
    assert worst["fair_pnl"] == min(scores)
    assert space["wider"].summary["paired"]["different"]
    assert len(space["everywhere"].summary["regimes"]) > 5
    assert shown[4]["Broken"]["rounds"] == 2
    assert "is better, by" in capsys.readouterr().out


def test_fair_value_over_a_year_of_rates(capsys: pytest.CaptureFixture[str]) -> None:
    shown, space = run_all("fair_value")
    assert len(space["quoted"]) == 250
    # By hand: a bill at 4.21% costs 1 - 0.0421 x 91/360 = 0.98935806, so r = 0.0429135; over 90 days
    # 6,000 x (e^((0.0429135 - 0.0125) x 90/365) - 1) = 45.16.
    assert space["basis"][0][1] == pytest.approx(45.16, abs=0.005)
    assert 10 < shown[3] < 20
    assert shown[4][1] == 0
    assert "points above the index" in capsys.readouterr().out


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_kept_without_results(name: str) -> None:
    for cell in cells(name):
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


def test_every_notebook_has_a_test() -> None:
    assert NOTEBOOKS == ["backtest", "fair_value", "simulate", "sweep"]
