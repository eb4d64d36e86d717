"""What a notebook shows of a result: a small table, everything in it escaped."""

from html_text import Page

import arbcore
from arbcore.pages.notebook import ENDS, ends_of, small_table
from arbcore.quotes.table import Table

SECOND_NS = 1_000_000_000
QUOTES = {
    "ts": [1_770_040_800 * SECOND_NS, 1_770_040_801 * SECOND_NS],
    "es_bid": [6_030.0, 6_000.0], "es_ask": [6_030.25, 6_000.25],
    "spy_bid": [600.0, 600.0], "spy_ask": [600.01, 600.01],
}  # fmt: skip
ASKED = {"expiry": "2026-03-20", "factor": 10.0, "r": 0.0, "d": 0.0}


def test_a_backtest_shows_its_main_numbers() -> None:
    result = arbcore.backtest(QUOTES, entry_bps=3, **ASKED)
    [rows] = Page(result._repr_html_()).tables
    shown = dict(tuple(row) for row in rows)
    # 50 USD a point · 29.75 points, less 502 shares' spread and half a basis point of 301,500 USD.
    assert shown["Net P&L"] == "1,467.41"
    assert (shown["Trades"], shown["Trades won"], shown["Sharpe"]) == ("1", "1", "none")
    assert shown["Evidence"].startswith("1 trade is too few to judge")


def test_a_sweep_shows_its_best_cells() -> None:
    found = arbcore.sweep(QUOTES, entry_bps="3:103:50", **ASKED)
    [rows] = Page(found._repr_html_()).tables
    assert rows[0][:3] == ["entry, bps", "total P&L", "trades"]
    assert rows[1][:3] == ["3.00", "1,467.41", "1"]


def test_a_simulation_shows_its_regimes() -> None:
    found = arbcore.simulate(rounds=2, round_s=1, workers=1)
    [rows] = Page(found._repr_html_()).tables
    assert [row[0] for row in rows] == ["regime", "all", "normal"]
    assert rows[1][1] == "2"


def test_a_long_table_shows_both_ends() -> None:
    count = 3 * ENDS
    columns = {"ts": [at * SECOND_NS for at in range(count)], "pnl": [float(at) for at in range(count)]}
    [rows] = Page(Table(columns)._repr_html_()).tables
    assert len(rows) == 1 + 2 * ENDS + 1
    assert rows[1] == ["1970-01-01T00:00:00Z", "0"]
    assert set(rows[1 + ENDS]) == {"\N{HORIZONTAL ELLIPSIS}"}
    assert rows[-1] == [f"1970-01-01T00:00:{count - 1:02}Z", f"{count - 1}"]
    [short] = Page(Table({"pnl": [None]})._repr_html_()).tables
    assert short[1] == ["none"]


def test_everything_is_escaped() -> None:
    hostile = "<script>alert(1)</script>"
    for text in (small_table(hostile, [hostile], [[hostile]]), ends_of({hostile: [hostile]}, 1, hostile)):
        assert "<script" not in text
        assert text.count("&lt;script&gt;") == 3
