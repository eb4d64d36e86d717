"""Walk-forward: windows by days and rows, a choice made on the past alone, the result of what follows."""

import html
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from quotes import random_rows
from reference.quotes import Row

import arbcore
from arbcore import cli
from arbcore.core.statistics import mean_interval
from arbcore.errors import ConfigError
from arbcore.quotes.walk_forward import Window, read_lengths, windows_of
from arbcore.research._sweep_rows import SweepRows
from arbcore.research.research_settings import DAY_NS
from tools.evidence_bars import FIRST_DAY
from tools.markets import Market, month_of

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


def test_the_tests_of_all_windows_are_judged_together() -> None:
    rows = random_rows(4, 500)
    found = walked(rows, "150r:100r", factor=10.0)
    for name in ("best", "robust"):
        nets: list[float] = []
        total = delayed = 0.0
        for at, window in enumerate(found["windows"]):
            test = columns_of(rows[at * 100 + 150 : at * 100 + 250])
            settings = SETTINGS | window[name]["params"] | {"factor": 10.0, "close_at_end": True}
            single = arbcore.backtest(test, **settings)
            nets += single.trades["net_pnl"]
            total += single.summary["total_pnl"]
            late = arbcore.backtest(test, **settings, es_latency_rows=1, spy_latency_rows=1)
            assert single.summary["evidence"]["delayed"]["total_pnl"] == late.summary["total_pnl"]
            delayed += late.summary["total_pnl"]
        evidence = found["evidence"][name]
        interval = mean_interval(nets)
        assert interval is not None
        assert len(nets) > 20
        assert evidence["trades"] == {
            "mean_net": interval.mean, "low": interval.low, "high": interval.high, "resamples": 2_000,
            "seed": 0,
        }  # fmt: skip
        assert evidence["delayed"]["total_pnl"] == pytest.approx(delayed)
        assert evidence["trades_needed"] == interval.trades_needed
        assert evidence["significant"] is (interval.low > 0.0 and delayed > 0.0)
        assert 0.0 < evidence["probabilistic_sharpe"] < 1.0
        assert total == pytest.approx(found[name]["out_of_sample_net_pnl"])


def test_where_nothing_was_chosen_nothing_is_judged() -> None:
    found = walked(random_rows(4, 400), "150r:100r", factor=10.0, entry_bps="1000:1001:1")
    assert found["evidence"]["best"]["verdict"] == "Nothing was closed, so there is nothing to judge."
    assert found["evidence"]["best"]["significant"] is None
    assert walked(random_rows(4, 400), "150r:100r", factor=10.0, fill="mid")["evidence"] is None


@pytest.mark.parametrize("half_life", [10, None])
def test_a_walk_over_a_planted_edge_and_over_a_fair_market(half_life: int | None) -> None:
    planted = {} if half_life is None else {"deviation_bps": 2.0, "half_life_minutes": float(half_life)}
    month = month_of(Market(days=12, first_day=FIRST_DAY, spread_bps=100, **planted), 3)
    summary = arbcore.sweep(
        month.columns, pair="es-spy", walk_forward="4:2", entry_bps="0.5:3:0.5", exit_bps="0,0.5",
        r=0.0365, d=0.012,
    ).summary  # fmt: skip
    evidence = summary["walk_forward"]["evidence"]["best"]
    assert evidence["significant"] is (True if half_life else None)


def test_text_and_page_say_what_the_tests_came_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, page = tmp_path / "q.csv", tmp_path / "page.html"
    lines = ["ts,es_bid,es_ask,spy_bid,spy_ask"]
    lines += [
        f"{row.ts_ns},{row.es_bid},{row.es_ask},{row.spy_bid},{row.spy_ask}" for row in random_rows(4, 400)
    ]
    data.write_text("\n".join(lines), encoding="utf-8")
    words = ["sweep", str(data), "--factor", "10", "--entry-bps", "0:6:1", "--walk-forward", "150r:100r"]
    assert cli.main([*words, "--html", str(page), "--json"]) == 0
    verdict = json.loads(capsys.readouterr().out)["walk_forward"]["evidence"]["best"]["verdict"]
    assert verdict.startswith("A trade made ")
    assert cli.main(words) == 0
    assert f"out of sample: {verdict}" in " ".join(capsys.readouterr().out.split())
    assert f"Out of sample, best cells: {verdict}" in html.unescape(page.read_text(encoding="utf-8"))
