"""Walk-forward: windows by days and rows, a choice made on the past alone, the result of what follows."""

from dataclasses import replace
from typing import Any

import pytest
from quotes import random_rows
from reference.quotes import Row

import arbcore
from arbcore.errors import ConfigError
from arbcore.quotes.walk_forward import Window, read_lengths, windows_of
from arbcore.research._sweep_rows import SweepRows
from arbcore.research.research_settings import DAY_NS

RANGES: dict[str, Any] = {"entry_bps": "0:6:1", "exit_bps": "-4:4:2"}
SETTINGS: dict[str, Any] = {"cost_bps": 0.5, "r": 0.04}


def rows_of(times_ns: list[int]) -> SweepRows:
    rows = SweepRows()
    for ts_ns in times_ns:
        rows.feed_row(ts_ns, 6000.0, 6000.25, 600.0, 600.01)
    return rows


def columns_of(rows: list[Row]) -> dict[str, list[Any]]:
    names = ("es_bid", "es_ask", "spy_bid", "spy_ask")
    return {"ts": [row.ts_ns for row in rows]} | {
        name: [getattr(row, name) for row in rows] for name in names
    }


def walked(rows: list[Row], lengths: str, **settings: Any) -> dict[str, Any]:
    found: dict[str, Any] = arbcore.sweep(
        columns_of(rows), walk_forward=lengths, **(SETTINGS | RANGES | settings)
    ).summary["walk_forward"]
    return found


@pytest.mark.parametrize("text", ["", "5", "0:5", "5:0", "20:5:1", "20d:5r", "20r:5", "-1:2", "a:b", "1.5:2"])
def test_what_is_no_pair_of_lengths_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="TRAIN:TEST in days with rows"):
        read_lengths(text)


def test_windows_by_rows_follow_each_other_and_the_last_may_be_short() -> None:
    rows = rows_of(list(range(10)))
    assert windows_of(rows, read_lengths("4r:3r")) == [Window(0, 4, 7), Window(3, 7, 10)]
    assert windows_of(rows, read_lengths("4r:4r")) == [Window(0, 4, 8), Window(4, 8, 10)]
    with pytest.raises(ConfigError, match="The data has 10 rows, too few to train on 10"):
        windows_of(rows, read_lengths("10r:1r"))
    with pytest.raises(ConfigError, match="at most 1,000; take a longer test"):
        windows_of(rows_of(list(range(1_002))), read_lengths("1r:1r"))


def test_windows_by_days_count_the_days_that_have_rows() -> None:
    days = [0, 0, 0, 1, 4, 4, 9]
    rows = rows_of([day * DAY_NS + at for at, day in enumerate(days)])
    assert windows_of(rows, read_lengths("2:1")) == [Window(0, 4, 6), Window(3, 6, 7)]
    assert windows_of(rows, read_lengths("1d:2d")) == [Window(0, 3, 6), Window(4, 6, 7)]
    with pytest.raises(ConfigError, match="The data has 4 days"):
        windows_of(rows, read_lengths("4:1"))
    with pytest.raises(ConfigError, match="The data has 0 days"):
        windows_of(SweepRows(), read_lengths("1:1"))


@pytest.mark.parametrize("seed", [1, 2])
def test_each_window_is_the_sweep_and_the_backtest_of_its_rows(seed: int) -> None:
    rows = random_rows(seed, 400)
    found = walked(rows, "150r:100r", factor=10.0)
    assert [window["test_rows"] for window in found["windows"]] == [100, 100, 50]
    for at, window in enumerate(found["windows"]):
        train, test = rows[at * 100 : at * 100 + 150], rows[at * 100 + 150 : at * 100 + 250]
        whole = arbcore.sweep(columns_of(train), close_at_end=True, factor=10.0, **RANGES, **SETTINGS)
        for name, cell in (("best", whole.best), ("robust", whole.robust)):
            params = window[name]["params"]
            assert params == {key: cell[key] for key in RANGES}
            for part, some in (("in_sample", train), ("out_of_sample", test)):
                single = arbcore.backtest(
                    columns_of(some), close_at_end=True, factor=10.0, **params, **SETTINGS
                ).summary
                result = window[name][part]
                assert result == {key: single[key] for key in result}
    for name in ("best", "robust"):
        total = sum(window[name]["out_of_sample"]["net_pnl"] for window in found["windows"])
        assert found[name]["out_of_sample_net_pnl"] == total
    assert found["best"]["out_of_sample_trades"] > 0


@pytest.mark.parametrize("factor", [10.0, "auto:30"])
def test_rows_after_a_window_change_nothing_before(factor: Any) -> None:
    rows = random_rows(5, 400)
    other = rows[:250] + [replace(row, es_bid=row.es_bid + 50, es_ask=row.es_ask + 50) for row in rows[250:]]
    plain, changed = (walked(each, "150r:50r", factor=factor)["windows"] for each in (rows, other))
    assert plain[:2] == changed[:2]
    # The third is tested on changed rows but chosen on none.
    assert plain[2]["best"]["params"] == changed[2]["best"]["params"]
    assert plain[2]["best"]["in_sample"] == changed[2]["best"]["in_sample"]
    assert plain[2]["best"]["out_of_sample"] != changed[2]["best"]["out_of_sample"]
    assert plain[3]["best"]["in_sample"] != changed[3]["best"]["in_sample"]


@pytest.mark.parametrize("factor", ["auto:30", "track:2h"])
def test_one_level_runs_through_the_file(factor: str) -> None:
    rows = random_rows(9, 500)
    found = walked(rows, "150r:100r", factor=factor)
    assert [window["test_rows_traded"] for window in found["windows"]] == [100, 100, 100, 50]
    assert found["windows"][0]["train_rows_traded"] < 150
    assert [window["train_rows_traded"] for window in found["windows"][1:]] == [150, 150, 150]
    if factor == "auto:30":
        level = arbcore.backtest(columns_of(rows), factor=factor, **SETTINGS).summary["factor"]["first"]
        for at, window in enumerate(found["windows"][1:], 1):
            test = rows[at * 100 + 150 : at * 100 + 250]
            for name in ("best", "robust"):
                single = arbcore.backtest(
                    columns_of(test), factor=level, close_at_end=True, **window[name]["params"], **SETTINGS
                ).summary
                result = window[name]["out_of_sample"]
                assert result == {key: single[key] for key in result}


def test_a_factor_of_the_data_needs_no_rows_before() -> None:
    rows = [replace(row, factor=10.0) for row in random_rows(9, 300)]
    columns = columns_of(rows) | {"factor": [10.0] * 300}
    column, number = (
        arbcore.sweep(columns, walk_forward="150r:100r", factor=factor, **SETTINGS, **RANGES).summary[
            "walk_forward"
        ]
        for factor in ("column", 10.0)
    )
    assert column == number
    assert {window["train_rows_traded"] for window in column["windows"]} == {150}


def test_a_walk_is_over_one_file() -> None:
    with pytest.raises(ConfigError, match="over one file of quotes, and 2 were named"):
        arbcore.sweep(["a.csv", "b.csv"], walk_forward="2:1", entry_bps="1:2:1")
