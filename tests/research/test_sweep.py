"""The library's sweep: ranges in, a table out, each cell the single run's."""

import io
from pathlib import Path
from typing import Any

import pytest
from quotes import random_rows

import arbcore
from arbcore.core.civil import iso_time
from arbcore.errors import ConfigError, DataError, RunError, UsageError

ROWS = random_rows(11, 400)


def csv_of(expiry: str = "") -> io.BytesIO:
    lines = ["ts,es_bid,es_ask,spy_bid,spy_ask" + (",expiry" if expiry else "")]
    lines += [
        f"{iso_time(row.ts_ns)},{row.es_bid},{row.es_ask},{row.spy_bid},{row.spy_ask}"
        + (f",{expiry}" if expiry else "")
        for row in ROWS
    ]
    return io.BytesIO("\n".join(lines).encode())


def columns_of() -> dict[str, list[Any]]:
    names = ("es_bid", "es_ask", "spy_bid", "spy_ask")
    return {"ts": [row.ts_ns for row in ROWS]} | {
        name: [getattr(row, name) for row in ROWS] for name in names
    }


@pytest.mark.parametrize("full", [False, True])
def test_every_cell_is_the_single_run(full: bool) -> None:
    result = arbcore.sweep(csv_of(), entry_bps="2:8:3", exit_bps=[-4.0, 0.0], cost_bps=1, full=full)
    assert result.table.height == 6
    assert list(result.table)[:2] == ["entry_bps", "exit_bps"]
    for at in range(6):
        cell = result.cell(at)
        single = arbcore.backtest(
            csv_of(), entry_bps=cell["entry_bps"], exit_bps=cell["exit_bps"], cost_bps=1
        ).summary
        assert {name: single[name] for name in cell if name in single} == {
            name: value for name, value in cell.items() if name in single
        }
        assert set(cell) - set(single) == {"entry_bps", "exit_bps", "class"}
        assert ("sharpe" in cell) == full


def test_the_first_range_varies_slowest() -> None:
    result = arbcore.sweep(csv_of(), exit_bps="0:1:1", entry_bps="5:7:1")
    assert list(result.table["exit_bps"]) == [0, 0, 0, 1, 1, 1]
    assert list(result.table["entry_bps"]) == [5, 6, 7, 5, 6, 7]


@pytest.mark.parametrize("workers", [1, 2, 3, 16])
def test_the_number_of_threads_changes_nothing(workers: int) -> None:
    ranges = {"entry_bps": "0:9:1", "stop_bps": (0.0, 8.0)}
    one = arbcore.sweep(columns_of(), workers=1, **ranges)
    assert dict(arbcore.sweep(columns_of(), workers=workers, **ranges).table) == dict(one.table)


def test_columns_and_files_and_expiries_are_those_of_the_backtest() -> None:
    by_file = arbcore.sweep(csv_of(), entry_bps="0:9:1", expiry="2026-06-18")
    by_columns = arbcore.sweep(columns_of(), entry_bps="0:9:1", expiry="2026-06-18")
    by_rows = arbcore.sweep(csv_of("2026-06-18"), entry_bps="0:9:1")
    assert dict(by_file.table) == dict(by_columns.table) == dict(by_rows.table)
    assert by_file.summary["params"]["expiry"] == "2026-06-18T13:30:00Z"


def test_the_best_cell_and_the_document() -> None:
    result = arbcore.sweep(csv_of(), entry_bps="0:9:1", cost_bps=1)
    assert result.best["net_pnl"] == max(result.table["net_pnl"])
    summary = result.summary
    assert (summary["schema"], summary["rows"], summary["rows_used"]) == ("arbcore.sweep/2", 400, 400)
    assert summary["ranges"] == {"entry_bps": [float(at) for at in range(10)]}
    assert summary["params"]["cost_bps"] == 1.0
    assert "entry_bps" not in summary["params"]
    assert summary["best"] == result.best


def test_progress_ends_with_every_cell() -> None:
    seen: list[tuple[int, int]] = []
    arbcore.sweep(csv_of(), entry_bps="0:9:1", workers=2, progress=lambda *counts: seen.append(counts))
    assert seen == sorted(seen)
    assert seen[-1] == (10, 10)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "Nothing varies"),
        ({"entry_bps": "1:2:1", "cost_bps": -1}, "cost_bps is -1"),
        ({"entry_bps": "1:2:1", "cost_bps": "0:20000:10000"}, "cost_bps is 20000"),
        ({"entry_bps": "1:2"}, "LO:HI:STEP"),
        ({"entry_bps": "1:2:1", "leverage": 3}, "no backtest setting 'leverage'"),
        ({"entry_bps": "1:2:1", "workers": 0}, "workers is 0"),
        ({"entry_bps": "1:2:1", "workers": True}, "workers is True"),
    ],
)
def test_what_cannot_be_run_is_refused_before_the_data_is_read(
    settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        arbcore.sweep("no such file", **settings)


def test_bad_data_and_a_bad_expiry_are_the_errors_of_the_backtest() -> None:
    with pytest.raises(DataError, match="line 2"):
        arbcore.sweep(io.BytesIO(b"ts,es_bid,es_ask,spy_bid,spy_ask\nnoon,1,1,1,1\n"), entry_bps="1:2:1")
    with pytest.raises(UsageError, match="expiry"):
        arbcore.sweep(csv_of(), entry_bps="1:2:1", expiry="soon")


def test_no_usable_row_is_said() -> None:
    data = b"ts,es_bid,es_ask,spy_bid,spy_ask\n2026-03-02T14:30:00Z,,2,1,2\n"
    result = arbcore.sweep(io.BytesIO(data), entry_bps="1:2:1")
    assert result.notes == ("There is no usable row; nothing could be traded.",)
    assert list(result.table["exposure"]) == [None, None]


def test_the_best_cells_have_the_numbers_of_every_row_and_regions_their_bounds() -> None:
    result = arbcore.sweep(columns_of(), entry_bps="0:9:1", exit_bps="-4:4:1", cost_bps=1)
    nets = result.table["total_pnl"]
    shown = result.summary["best_cells"]
    assert [cell["total_pnl"] for cell in shown] == sorted(nets, reverse=True)[:3]
    for cell in (*shown, result.robust):
        single = arbcore.backtest(
            columns_of(), entry_bps=cell["entry_bps"], exit_bps=cell["exit_bps"], cost_bps=1
        ).summary
        assert (cell["sharpe"], cell["max_drawdown"]) == (single["sharpe"], single["max_drawdown"])
    region = result.summary["robust"][0]
    inside = [
        net
        for entry, leave, net in zip(result.table["entry_bps"], result.table["exit_bps"], nets, strict=True)
        if region["ranges"]["entry_bps"][0] <= entry <= region["ranges"]["entry_bps"][1]
        and region["ranges"]["exit_bps"][0] <= leave <= region["ranges"]["exit_bps"][1]
    ]
    assert (region["cells"], region["worst_total_pnl"]) == (9, min(inside))
    assert result.robust is not None
    assert result.robust["total_pnl"] in inside


def test_several_files_are_summed_where_sums_are_honest() -> None:
    halves = [
        {name: column[part] for name, column in columns_of().items()}
        for part in (slice(0, 230), slice(230, 400))
    ]
    ranges: dict[str, Any] = {"entry_bps": "0:90:9", "exit_bps": 5.0, "cost_bps": 1.0, "factor": 10.0}
    both = arbcore.sweep(halves, full=True, **ranges)
    single = [arbcore.sweep(half, full=True, **ranges) for half in halves]
    for at in range(both.table.height):
        cell, (one, other) = both.cell(at), (each.cell(at) for each in single)
        for name in ("trades", "wins", "gross_pnl", "costs", "net_pnl", "winning_pnl", "losing_pnl"):
            assert cell[name] == one[name] + other[name]
        for name in ("max_drawdown_closed", "max_drawdown"):
            assert cell[name] == max(one[name], other[name])
        assert cell["sharpe"] is None
        lost = cell["losing_pnl"]
        assert cell["profit_factor"] == (cell["winning_pnl"] / -lost if lost else None)
        assert cell["exposure"] == pytest.approx((one["exposure"] * 230 + other["exposure"] * 170) / 400)
        held = sum((each["average_hold_s"] or 0) * each["trades"] for each in (one, other))
        assert cell["average_hold_s"] == (pytest.approx(held / cell["trades"]) if cell["trades"] else None)
    assert any(cell is None for cell in both.table["average_hold_s"])
    assert [each["rows"] for each in both.summary["files"]] == [230, 170]
    assert both.summary["rows_used"] == 400
    assert any("2 files is a run of its own" in note for note in both.notes)


def test_a_file_is_named_once_and_there_is_one() -> None:
    with pytest.raises(ConfigError, match=r"b\.csv is named twice"):
        arbcore.sweep(["b.csv", "a.csv", "./b.csv"], entry_bps="1:2:1")
    with pytest.raises(ConfigError, match="There is no file to sweep"):
        arbcore.sweep([], entry_bps="1:2:1")


def test_one_place_is_named_for_the_cells() -> None:
    with pytest.raises(ConfigError, match="workers and dask exclude each other"):
        arbcore.sweep("none.csv", entry_bps="1:2:1", workers=2, dask="127.0.0.1:8786")


def test_what_a_person_should_know_is_said() -> None:
    edge = arbcore.sweep(columns_of(), entry_bps="20:29:1", cost_bps=1, factor=10.02)
    assert any("border of the grid (entry_bps 20)" in note for note in edge.notes)
    assert any("front quarterly contract's was used: 2026-03-20" in note for note in edge.notes)
    assert any("No cell traded" in n for n in arbcore.sweep(columns_of(), entry_bps="900:902:1").notes)
    early = arbcore.sweep(columns_of(), entry_bps="0:9:1", expiry="2026-02-02")
    assert any("is before the rows of the data" in note for note in early.notes)
    few = arbcore.sweep(columns_of(), entry_bps="0:9:1", factor="auto:9999")
    assert any("Fewer than 10000 rows are too few to calibrate" in note for note in few.notes)


def test_the_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    result = arbcore.sweep(columns_of(), entry_bps="0:9:1", cost_bps=1)
    result.write_html(tmp_path / "cells.html")
    assert (tmp_path / "cells.html").read_text(encoding="utf-8") == result.to_html()
    with pytest.raises(RunError, match="cannot be written"):
        result.write_html(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["cells.html"]


def test_the_level_that_was_used_is_given_and_shown_with_six_digits() -> None:
    odd = 10.031234567890123
    number = arbcore.sweep(columns_of(), entry_bps="0:9:3", factor=odd)
    assert number.summary["factor"] == {"mode": "number", "half_life_s": None, "first": odd, "last": odd}
    auto = arbcore.sweep(columns_of(), entry_bps="0:9:3", factor="auto:30")
    measured = arbcore.backtest(columns_of(), factor="auto:30").summary["factor"]["first"]
    assert (auto.summary["factor"]["mode"], auto.summary["factor"]["first"]) == ("auto", measured)
    rows = columns_of() | {"factor": [10.0 + at / 3e4 for at in range(400)]}
    column = arbcore.sweep(rows, entry_bps="0:9:3", factor="column")
    assert column.summary["factor"] == {
        "mode": "column", "half_life_s": None, "first": 10.0, "last": 10.0 + 399 / 3e4
    }  # fmt: skip
    for result, digits in ((number, [odd]), (auto, [measured]), (column, [10.0, 10.0 + 399 / 3e4])):
        page = result.to_html()
        assert all(f"{each:.6f}" in page for each in digits)
    few = arbcore.sweep(columns_of(), entry_bps="0:9:3", factor="auto:999").summary["factor"]
    assert (few["mode"], few["first"], few["last"]) == ("auto", None, None)


def test_an_expiry_on_a_day_without_trading_is_said() -> None:
    sentence = "The expiry 2026-04-03 is a holiday of the exchange, on which no contract expires; the trading"
    for expiry, said in (("2026-04-03", True), ("2026-04-02", False), ("2026-04-03T20:00Z", False)):
        swept = arbcore.sweep(columns_of(), entry_bps="0:9:3", expiry=expiry).notes
        single = arbcore.backtest(columns_of(), expiry=expiry).notes
        for notes in (swept, single):
            assert any(note.startswith(sentence) for note in notes) == said
