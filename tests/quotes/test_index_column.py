"""The financing that a level implies, from the ``index`` column of a file whose level is learnt."""

import io
import math
from pathlib import Path
from typing import Any

import pytest
from fair_market import EXPIRY_NS, YEAR_NS, Market, fair_rows

import arbcore
from arbcore import cli
from arbcore.core.civil import iso_time
from arbcore.errors import DataError

FACTOR = 10.03
SETTINGS: dict[str, Any] = {"r": 0.0365, "d": 0.012, "expiry": "2026-03-20"}


@pytest.fixture(scope="module")
def market() -> Market:
    return fair_rows(spread_bps=120, seed=3, days=2)


def text_of(market: Market, *, index: Any = None, more: str = "index") -> str:
    """A file of the market; ``index`` gives the cell of a row by its number and its ETF mid."""
    lines = [f"ts,es_bid,es_ask,spy_bid,spy_ask,{more}"]
    for at, row in enumerate(market.rows):
        mid = (row.etf_bid + row.etf_ask) / 2
        cell = repr(FACTOR * mid) if index is None else index(at, mid)
        lines.append(
            f"{iso_time(row.ts_ns)},{row.fut_bid},{row.fut_ask},{row.etf_bid},{row.etf_ask},{cell}"
        )
    return "\n".join(lines) + "\n"


def implied_of(market: Market, at: int, level: float) -> float:
    """By hand: level = factor · e^((R − r)·t), so R = r + ln(level / factor) / t."""
    t = (EXPIRY_NS - market.rows[at].ts_ns) / YEAR_NS
    return 0.0365 + math.log(level / FACTOR) / t


def test_an_index_column_tells_the_financing(market: Market, tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_text(text_of(market), encoding="utf-8")
    found = arbcore.backtest(str(path), **SETTINGS).summary
    first, last = found["factor"]["first"], found["factor"]["last"]
    wanted = {
        "first": implied_of(market, found["warming_up"], first),
        "last": implied_of(market, len(market.rows) - 1, last),
    }
    assert found["implied_financing"] == pytest.approx(wanted, abs=1e-12)
    # The market was made with 120 bps over r, from settlement day to expiry date.
    assert found["implied_financing"]["last"] == pytest.approx(0.0365 + 0.012, abs=0.002)
    swept = arbcore.sweep(str(path), entry_bps="2:3:1", **SETTINGS).summary
    assert swept["implied_financing"] == found["implied_financing"]
    columns = {
        name: [getattr(row, name.replace("ts", "ts_ns")) for row in market.rows]
        for name in ("ts", "fut_bid", "fut_ask", "etf_bid", "etf_ask")
    }
    columns["index"] = [FACTOR * (bid + ask) / 2 for bid, ask in zip(
        columns["etf_bid"], columns["etf_ask"], strict=True
    )]  # fmt: skip
    from_columns = arbcore.backtest(columns, pair="es-spy", **SETTINGS).summary
    assert from_columns["implied_financing"] == pytest.approx(wanted, abs=1e-12)
    # What is set wins over the file.
    assert arbcore.backtest(str(path), true_factor=first, **SETTINGS).summary["implied_financing"][
        "first"
    ] == pytest.approx(0.0365, abs=1e-12)


def test_sorting_and_bad_rows_change_nothing(market: Market, tmp_path: Path) -> None:
    straight, turned = tmp_path / "q.csv", tmp_path / "r.csv"
    straight.write_text(text_of(market), encoding="utf-8")
    head, *rows = text_of(market, index=lambda at, mid: "-" if at == 7 else repr(FACTOR * mid)).splitlines()
    turned.write_text("\n".join([head, *reversed(rows)]) + "\n", encoding="utf-8")
    plain = arbcore.backtest(str(straight), **SETTINGS).summary
    other = arbcore.backtest(str(turned), sort=True, **SETTINGS).summary
    assert other["implied_financing"] == plain["implied_financing"]


@pytest.mark.parametrize(
    ("index", "more", "settings"),
    [
        (lambda at, mid: str(at), "index", {}),  # a row number
        (lambda at, mid: "", "index", {}),
        (lambda at, mid: repr(FACTOR * mid), "other", {}),
        (lambda at, mid: repr(FACTOR), "factor", {}),  # a level of somebody's, and no index
        (None, "index", {"factor": "track:90h"}),  # nothing was decided
    ],
)
def test_where_no_index_is_known_nothing_is_implied(
    market: Market, tmp_path: Path, index: Any, more: str, settings: dict[str, Any]
) -> None:
    path = tmp_path / "q.csv"
    path.write_text(text_of(market, index=index, more=more), encoding="utf-8")
    found = arbcore.backtest(str(path), **SETTINGS, **settings).summary
    assert found["implied_financing"] == {"first": None, "last": None}


ROW = "2026-03-02T14:3{}:00Z,6838.25,6838.50,680.10,680.12,{}\n"


@pytest.mark.parametrize(
    "cells",
    [
        [3, 1, 4, 2, 5],  # rows that were shuffled
        [8, 7, 6, 5, 4],  # or turned round
        [13, 25, 77, 120, 201],  # or drawn
        [6821.5, 6821.5, 6821.5, 6821.5, 3],
        [682.15] * 5,  # a tenth of it
        [13676.6] * 5,
    ],
)
def test_an_index_that_is_far_from_its_future_is_none(cells: list[float], tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    rows = "".join(ROW.format(at, cell) for at, cell in enumerate(cells))
    path.write_text(f"ts,es_bid,es_ask,spy_bid,spy_ask,index\n{rows}", encoding="utf-8")
    names = ("ts", "es_bid", "es_ask", "spy_bid", "spy_ask", "index")
    by_column = zip(*(row.split(",") for row in rows.split()), strict=True)
    columns = {name: list(column) for name, column in zip(names, by_column, strict=True)}
    far = sum(not 6838.25 / 2 < cell < 6838.25 * 2 for cell in cells)
    for data, line in ((str(path), 7 - far), (columns, 6 - far)):
        with pytest.raises(DataError, match=r"is no index beside a future at 6838\.25") as caught:
            arbcore.backtest(data, factor="column", **SETTINGS)
        assert (caught.value.kind, caught.value.line, caught.value.column) == ("not_an_index", line, "index")
        if far < len(cells):
            found = arbcore.backtest(data, factor="column", skip_bad=True, **SETTINGS).summary
            assert found["rows_skipped"]["malformed"] == far


def test_a_stream_is_read_once_and_says_so(market: Market, tmp_path: Path) -> None:
    sentence = (
        "A stream is read once, so that its column index does not tell the financing that the level implies; "
        "name the file, or give --true-factor."
    )
    text = text_of(market).encode()
    for found in (
        arbcore.backtest(io.BytesIO(text), **SETTINGS).summary,
        arbcore.sweep(io.BytesIO(text), entry_bps="2:3:1", **SETTINGS).summary,
    ):
        assert found["implied_financing"] == {"first": None, "last": None}
        assert sentence in found["notes"]
    (tmp_path / "q.csv").write_bytes(text)
    of_others = (
        arbcore.backtest(str(tmp_path / "q.csv"), **SETTINGS),
        arbcore.backtest(io.BytesIO(text), factor="column", **SETTINGS),
        arbcore.backtest(io.BytesIO(text_of(market, more="factor").encode()), **SETTINGS),
    )
    assert not any(sentence in found.notes for found in of_others)


def test_a_financing_that_is_no_markets_is_noted(market: Market, tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_text(text_of(market, index=lambda _at, mid: repr(9.9 * mid)), encoding="utf-8")
    notes = arbcore.backtest(str(path), **SETTINGS).summary["notes"]
    assert any(note.startswith("The level implies financing at ") for note in notes)


@pytest.mark.parametrize("command", [["backtest"], ["sweep", "--entry-bps", "2:3:1"]])
def test_text_and_page_show_it(
    market: Market, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    path, page = tmp_path / "q.csv", tmp_path / "page.html"
    path.write_text(text_of(market), encoding="utf-8")
    words = [command[0], str(path), "--r", "0.0365", "--d", "0.012", "--expiry", "2026-03-20", *command[1:]]
    assert cli.main([*words, "--html", str(page)]) == 0
    implied = arbcore.backtest(str(path), **SETTINGS).summary["implied_financing"]
    shown = f"{implied['first']:.3%} to {implied['last']:.3%}"
    assert f"financing {shown}" in capsys.readouterr().out
    text = page.read_text(encoding="utf-8")
    assert f"{implied['first']:.3%}" in text
    assert f"{implied['last']:.3%}" in text
