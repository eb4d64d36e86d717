"""The page of a backtest: its numbers are the document's, it is well formed, and hostile names do nothing."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from html_text import Page, references_of
from market_data import data_file
from quotes import random_rows

import arbcore
from arbcore.errors import RunError, UsageError
from arbcore.pages.backtest_page import backtest_page

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "es_spy_synthetic.csv"
SETTINGS: dict[str, Any] = {"r": 0.043, "d": 0.0125, "factor": 10.03, "exit_bps": 0.5, "cost_bps": 0.5}
HOSTILE = '"><img src=x onerror=alert(1)><script>&amp;\N{RIGHT-TO-LEFT OVERRIDE}.csv'


def result_of(data: Any = SAMPLE, **changes: Any) -> arbcore.BacktestResult:
    return arbcore.backtest(data, report=True, **{"entry_bps": 3, **SETTINGS, **changes})


def columns_of(rows: list[Any]) -> dict[str, list[Any]]:
    names = ("ts", "es_bid", "es_ask", "spy_bid", "spy_ask")
    values = [(row.ts_ns, row.es_bid, row.es_ask, row.spy_bid, row.spy_ask) for row in rows]
    return {name: [value[at] for value in values] for at, name in enumerate(names)}


def checked(text: str) -> Page:
    page = Page(text)
    assert references_of(page) == []
    ids = page.ids()
    assert len(ids) == len(set(ids))
    for _, found in page.elements:
        for name in (found.get("aria-labelledby") or "").split():
            assert name in ids
        if found.get("href", "").startswith("#"):
            assert found["href"][1:] in ids
    return page


def assert_numbers(page: Page, summary: dict[str, Any]) -> None:
    """Every number of the document is on the page, in full."""
    expected = {
        **summary,
        **{f"skipped_{reason}": count for reason, count in summary["rows_skipped"].items()},
        **{f"left_{reason}": count for reason, count in summary["exit_reasons"].items()},
    }
    for key, shown in page.data.items():
        assert shown == ("" if expected[key] is None else repr(expected[key])), key
    numbers = {key for key, value in expected.items() if isinstance(value, int | float) or value is None}
    assert numbers - set(page.data) <= {"first_ts", "last_ts", "open_position"}


def test_the_numbers_are_those_of_the_document() -> None:
    result = result_of()
    page = checked(result.to_html())
    assert_numbers(page, result.summary)
    assert result.summary["trades"] > 5
    assert "es_spy_synthetic.csv" in page.text
    assert str(SAMPLE.parent) not in page.text


@pytest.mark.parametrize(
    "name",
    ["ES_Z13_SPY_1min_quotes_20131007-11_rth.csv", "ES_Z13_SPY_1min_quotes_20131007-11_exthours_raw.csv"],
)
def test_real_quotes_make_a_page(name: str) -> None:
    settings = {"r": 0.0005, "d": 0.02, "factor": 10.01, "entry_bps": 0.5, "exit_bps": 0, "cost_bps": 0.3}
    result = result_of(data_file(name), **settings)
    page = checked(result.to_html())
    assert_numbers(page, result.summary)
    assert "Still open" in page.text


def test_the_ledger_is_there_trade_by_trade() -> None:
    result = result_of()
    assert result.trades is not None
    ledger = checked(result.to_html()).tables[-1]
    assert [row[0] for row in ledger[1:]] == [str(number) for number in result.trades["trade_id"]]
    nets = [row[-2].replace("\N{MINUS SIGN}", "-") for row in ledger[1:]]
    assert nets == [f"{net:+,.2f}" for net in result.trades["net_pnl"]]


def test_a_long_ledger_shows_both_ends_and_says_what_is_left_out() -> None:
    rows = random_rows(3, 6_000, step_s=600)
    result = result_of(columns_of(rows), entry_bps=1, factor=10.02)
    count = result.summary["trades"]
    assert count > 200
    page = checked(result.to_html())
    numbers = [row[0] for row in page.tables[-1][1:]]
    assert numbers[:50] == [str(number) for number in range(1, 51)]
    assert numbers[50] == f"{count - 100:,} trades left out here; --trades FILE writes all of them."
    assert numbers[51:] == [f"{number:,}" for number in range(count - 49, count + 1)]
    assert_numbers(page, result.summary)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"entry_bps": 1_000}, "No trade was opened and closed."),
        ({"factor": "auto:780"}, "every row went into calibrating"),
        ({"entry_bps": 12}, "of them won, made"),
        ({"stop_bps": 1, "funding_rate": 0.05, "fill": "mid", "es_latency_rows": 2}, "Fills at the mid"),
        ({"close_at_end": True, "expiry": "2026-03-02"}, "No trade was opened and closed."),
    ],
)
def test_every_kind_of_result_makes_a_page(changes: dict[str, Any], sentence: str) -> None:
    result = result_of(**changes)
    page = checked(result.to_html())
    assert sentence.lower() in page.text.lower()
    assert_numbers(page, result.summary)


def test_one_trade_is_one_sentence_and_no_trade_has_no_equity() -> None:
    rows = random_rows(1, 3)
    for row, es in zip(rows, (6_100.0, 6_020.0, 6_020.0), strict=True):
        row.es_bid, row.es_ask, row.spy_bid, row.spy_ask = es, es + 0.25, 600.0, 600.01
    page = checked(result_of(columns_of(rows), entry_bps=40).to_html())
    assert "One trade made " in page.text
    assert "equity-drawdown" in page.ids()
    assert "equity-drawdown" not in checked(result_of(entry_bps=1_000).to_html()).ids()


@pytest.mark.parametrize("count", [1, 2])
def test_hardly_any_row_makes_a_page(count: int) -> None:
    rows = random_rows(1, max(1, count))
    if count == 0:
        rows[0].es_bid = 2 * rows[0].es_ask  # crossed
    result = result_of(columns_of(rows), entry_bps=-100)
    page = checked(result.to_html())
    assert_numbers(page, result.summary)


def test_hostile_names_and_notes_do_nothing(tmp_path: Path) -> None:
    path = tmp_path / HOSTILE
    shutil.copy(SAMPLE, path)
    result = result_of(path)
    page = checked(result.to_html())
    assert '"><img src=x onerror=alert(1)><script>&amp;\\u202e.csv' in page.text
    assert result.picture is not None
    summary = {**result.summary, "params": {**result.summary["params"], HOSTILE: HOSTILE}, HOSTILE: HOSTILE}
    made = backtest_page(
        summary, name=HOSTILE, notes=[HOSTILE], envelope=result.picture.envelope.columns(),
        ledger=result.picture.ledger, closes=result.picture.closes, version=HOSTILE,
    )  # fmt: skip
    checked(made)


def test_the_same_run_gives_the_same_bytes() -> None:
    assert result_of().to_html() == result_of().to_html()


def test_charts_tell_their_extremes_to_who_does_not_see_them() -> None:
    result = result_of()
    assert result.equity is not None
    text = checked(result.to_html()).text
    lowest, highest = min(result.equity["equity"]), max(result.equity["equity"])
    assert f"lowest {lowest:,.2f}, highest {highest:,.2f}".replace("-", "\N{MINUS SIGN}") in text


def test_a_result_without_a_picture_says_how_to_get_one() -> None:
    result = arbcore.backtest(SAMPLE, **SETTINGS)
    with pytest.raises(UsageError, match="report=True"):
        result.to_html()


def test_a_page_is_written_to_a_file(tmp_path: Path) -> None:
    result = result_of()
    result.write_html(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == result.to_html()
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(RunError, match="cannot be written"):
        result.write_html(tmp_path / "nowhere" / "report.html")
