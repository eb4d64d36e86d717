"""The notebook of the examples runs from its first cell to its last, with nothing but arbcore."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).resolve().parents[1] / "examples" / "backtest.ipynb"


def cells() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return found


def run(source: str, space: dict[str, Any]) -> Any:
    """Runs a cell; what its last line is worth, as a notebook shows it."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, NOTEBOOK.name, "exec"), space)
    return eval(compile(ast.Expression(last.value), NOTEBOOK.name, "eval"), space) if last else None


@pytest.mark.parametrize("directory", [NOTEBOOK.parents[1], NOTEBOOK.parent], ids=["checkout", "examples"])
def test_every_cell_runs_in_order(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(directory)
    space: dict[str, Any] = {}
    shown = [run("".join(cell["source"]), space) for cell in cells() if cell["cell_type"] == "code"]
    assert shown[0]["rows_used"] == 780
    assert shown[0]["trades"] > 0
    assert shown[1][0] >= shown[1][1]
    assert capsys.readouterr().out.count(" trades, net ") == 5


def test_the_notebook_is_kept_without_results() -> None:
    for cell in cells():
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
