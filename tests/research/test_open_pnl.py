"""What is open at the end counts as if it were closed at the last quotes, wherever results are ranked."""

from typing import Any

import pytest
from quotes import START_NS, random_rows
from reference.quotes import Row

import arbcore
from arbcore.research.research_settings import DAY_NS

EAGER: dict[str, Any] = {
    "entry_bps": 4.0, "exit_bps": -3.0, "cost_bps": 1.0, "factor": 10.0
}  # fmt: skip
OPTIONS: list[dict[str, Any]] = [
    {},
    {"fill": "mid"},
    {"es_slippage_ticks": 1.0, "spy_slippage_ticks": 2.0},
    {"es_latency_rows": 3},
    {"spy_latency_rows": 5, "es_latency_rows": 1},
    {"es_fee": 2.25, "spy_fee": 0.005, "spy_fee_min": 1.0, "cost_bps": 0.0},
    {"funding_rate": 0.05, "borrow_rate": 0.01},
    {"dividends": tuple((START_NS + day * DAY_NS, 0.3) for day in range(1, 30))},
    {"stop_bps": 6.0, "max_hold_days": 0.5, "contracts": 3},
    {"factor": "auto:20"},
]


def columns_of(rows: list[Row]) -> dict[str, list[Any]]:
    names = ("es_bid", "es_ask", "spy_bid", "spy_ask")
    return {"ts": [row.ts_ns for row in rows]} | {
        name: [getattr(row, name) for row in rows] for name in names
    }


@pytest.mark.parametrize("changes", OPTIONS, ids=lambda changes: "+".join(changes) or "plain")
def test_the_total_is_the_net_of_the_run_that_closes_at_its_end(changes: dict[str, Any]) -> None:
    rows = random_rows(4, 300)
    held = 0
    for count in (1, 2, *range(150, 300, 7)):
        columns = columns_of(rows[:count])
        left = arbcore.backtest(columns, **(EAGER | changes)).summary
        closed = arbcore.backtest(columns, close_at_end=True, **(EAGER | changes)).summary
        assert left["total_pnl"] == closed["net_pnl"]
        assert (closed["open_pnl"], closed["total_pnl"]) == (0.0, closed["net_pnl"])
        if left["open_position"] is None:
            assert left["open_pnl"] == 0.0
        else:
            held += 1
            assert left["total_pnl"] == left["net_pnl"] + left["open_pnl"]
            # Half of the cost is still to come, and the spread to be crossed.
            assert changes.get("fill") == "mid" or left["open_pnl"] != left["unrealised_pnl"]
        cell = arbcore.sweep(columns, **(EAGER | changes | {"entry_bps": [4.0]})).cell(0)
        assert {name: cell[name] for name in ("open_pnl", "total_pnl")} == {
            name: left[name] for name in ("open_pnl", "total_pnl")
        }
    assert held > 3


def quotes_with(deviations: list[float]) -> dict[str, list[float]]:
    """A minute a row; ES is so many bps from what the model with no carry says of SPY at 600."""
    columns: dict[str, list[float]] = {name: [] for name in ("ts", "es_bid", "es_ask", "spy_bid", "spy_ask")}
    for at, dev in enumerate(deviations):
        es = round(6000.0 * (1 + dev * 1e-4) * 4) / 4
        row = (START_NS + at * 60 * 10**9, es - 0.125, es + 0.125, 599.995, 600.005)
        for name, value in zip(columns, row, strict=True):
            columns[name].append(value)
    return columns


FLAT: dict[str, Any] = {"r": 0.0, "d": 0.0, "factor": 10.0, "exit_bps": 0.0, "cost_bps": 0.5}
#: Eight deviations that close, and one that runs away and is still open at the end.
RUNAWAY = [0.0, 12.0, 0.0, 0.0] * 8 + [12.0, 20.0, 60.0, 150.0]


def test_a_cell_that_hides_an_open_loss_is_ranked_by_what_it_is_worth() -> None:
    ranges = {"entry_bps": [4.0, 8.0], "stop_bps": [0.0, 20.0, 40.0]}
    result = arbcore.sweep(quotes_with(RUNAWAY), cooldown_s=120.0, **FLAT, **ranges)
    cells = [result.cell(at) for at in range(6)]
    by_net = max(cells, key=lambda cell: cell["net_pnl"])
    assert (by_net["stop_bps"], by_net["wins"], by_net["trades"]) == (0.0, 8, 8)
    assert by_net["net_pnl"] > 0 > by_net["total_pnl"]
    assert by_net["class"] == "loss"
    assert result.best is not None
    assert result.best["total_pnl"] == max(cell["total_pnl"] for cell in cells) > by_net["total_pnl"]
    assert result.best["stop_bps"] > 0.0
    ranked = [cell["total_pnl"] for cell in result.summary["best_cells"]]
    assert ranked == sorted((cell["total_pnl"] for cell in cells), reverse=True)[:3]
    region = result.summary["robust"][0]
    assert region["worst_total_pnl"] == min(cell["total_pnl"] for cell in cells)


def test_every_cell_has_a_class_and_one_that_only_holds_is_not_idle() -> None:
    result = arbcore.sweep(quotes_with([0.0, 12.0, 11.0, 30.0]), entry_bps=[5.0, 25.0, 90.0], **FLAT)
    assert list(result.table["trades"]) == [0, 0, 0]
    assert list(result.table["class"]) == ["loss", "loss", "idle"]
    assert list(result.table["total_pnl"]) == list(result.table["open_pnl"])
    # The cell that did not trade is worth more than the others, and it is said what it is.
    assert result.best is not None
    assert result.best["entry_bps"] == 90.0
    assert "No cell made money; the best did not trade." in result.notes


def test_where_nothing_was_traded_none_is_best() -> None:
    ranges = {"entry_bps": "5:9:1", "exit_bps": "0:2:1"}
    result = arbcore.sweep(quotes_with([0.0] * 30), walk_forward="10r:5r", **(FLAT | ranges))
    assert set(result.table["class"]) == {"idle"}
    assert (result.best, result.robust) == (None, None)
    assert (result.summary["best_cells"], result.summary["robust"]) == ([], [])
    assert any("No cell traded, so there is no best one" in note for note in result.notes)
    walked = result.summary["walk_forward"]
    assert [window["best"] for window in walked["windows"]] == [None] * 4
    assert walked["best"]["efficiency"] is None
    assert "none: nothing was traded" in result.to_html()


def test_a_region_in_which_nothing_was_traded_is_none() -> None:
    entries = [5.0, 6.0, 7.0, 90.0, 91.0, 92.0, 93.0, 94.0, 95.0]
    ranges = {"entry_bps": entries, "exit_bps": [-1.0, 0.0, 1.0]}
    result = arbcore.sweep(quotes_with(RUNAWAY[:-1]), stop_bps=20.0, cooldown_s=120.0, **(FLAT | ranges))
    assert result.summary["robust"]
    for region in result.summary["robust"]:
        assert region["ranges"]["entry_bps"][0] <= 7.0
