"""The page of a sweep: every cell is there, the best is marked, and names are harmless."""

from typing import Any

import pytest
from html_text import Page, references_of

from arbcore.pages.sweep_page import Extra, sweep_page

SUMMARY: dict[str, Any] = {
    "rows": 10, "rows_used": 9, "rows_skipped": {"missing": 1, "crossed": 0, "malformed": 0},
    "first_ts": "2026-03-02T14:31:00Z", "last_ts": "2026-03-03T21:00:00Z", "params": {"cost_bps": 0.5},
}  # fmt: skip
AXES = [("entry_bps", (1.0, 2.0)), ("exit_bps", (0.0, 1.0, 2.0)), ("stop_bps", (5.0, 6.0))]


def page_of(axes: list[Any], nets: list[float], **more: Any) -> Page:
    kinds = more.pop("kinds", None) or ["gain" if net > 0 else "loss" if net < 0 else "zero" for net in nets]
    columns = {
        "total_pnl": nets, "class": kinds, "trades": list(range(len(nets))),
        "profit_factor": [None] * len(nets),
    }  # fmt: skip
    page = Page(sweep_page(SUMMARY, name="<a>", axes=axes, columns=columns, version="1", **more))
    assert references_of(page) == []
    return page


def cells_of(page: Page) -> list[dict[str, str]]:
    heat = [found for name, found in page.elements if name == "rect" and "y" in found and found["y"] != "1"]
    return [found for found in heat if found.get("class") in {"gain", "loss", "zero", "idle"}]


def test_a_grid_is_a_heat_map_with_the_best_framed() -> None:
    page = page_of(AXES[:2], [1.0, -2.0, 3.0, 4.0, 0.0, -1.0], robust=[0, 3])
    assert len(cells_of(page)) == 6
    frames = [found["class"] for _, found in page.elements if found.get("class", "").startswith("frame")]
    assert sorted(frames) == ["frame", "frame-soft"]
    assert "entry 2, exit 0: +4.00 USD, 3 trades" in page.text
    assert page.data["best_total_pnl"] == "4.0"
    assert page.tables[0][1][:4] == ["1 *", "2", "0", "3"]
    assert [cell["class"] for cell in cells_of(page)] == ["gain", "loss", "gain", "gain", "zero", "loss"]
    depths = [cell.get("fill-opacity") for cell in cells_of(page)]
    assert depths == ["0.310", "1.000", "0.770", "1.000", None, "0.540"]
    assert {"Entry, bps \N{DOWNWARDS ARROW}", "Exit, bps \N{RIGHTWARDS ARROW}"} <= {*page.words}
    assert "The greens go from 0 to +4.00 USD. The reds go from 0 to \N{MINUS SIGN}2.00 USD." in page.text


@pytest.mark.parametrize(
    ("nets", "sentence"),
    [
        ([0.0, 0.0, 0.0, 0.0, 0.0, 5.0], "1 of 6 cells made more"),
        ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "half of the cells made more"),
        ([-1.0, -1.0, -1.0, 2.0, 2.0, 2.0], "half of the cells made more"),
        ([3.0] * 6, "0 of 6 cells made more"),
    ],
)
def test_how_many_made_more_than_the_median_is_counted(nets: list[float], sentence: str) -> None:
    assert f"USD, {sentence}" in page_of(AXES[:2], nets).text


def test_where_nothing_was_traded_none_is_best_and_every_cell_is_grey() -> None:
    page = page_of(AXES[:2], [0.0] * 6, kinds=["idle"] * 6)
    assert [cell["class"] for cell in cells_of(page)] == ["idle"] * 6
    assert not any("fill-opacity" in cell for cell in cells_of(page))
    assert "over 9 rows: none of them traded." in page.text
    assert "entry 1, exit 0: no trade" in page.text
    assert "The best cells" not in page.text
    assert not any(found.get("class", "").startswith("frame") for _, found in page.elements)


def test_further_axes_are_held_at_the_best() -> None:
    nets = [float(at) for at in range(12)]
    nets[4] = 99.0  # entry 1, exit 2, stop 5
    page = page_of(AXES, nets)
    assert len(cells_of(page)) == 6
    assert "stop held at 5" in page.text
    for entry in (1, 2):
        for leave in (0, 1, 2):
            assert f"entry {entry}, exit {leave}, stop 5: " in page.text
    assert "stop 6: " not in page.text


def test_one_axis_is_a_row_of_bars() -> None:
    page = page_of([("entry_bps", (1.0, 2.0, 3.0))], [1.0, -2.0, 3.0])
    styles = [found.get("class", "") for name, found in page.elements if name == "rect"]
    bars = [style for style in styles if style.startswith("bar")]
    assert bars == ["bar-gain", "bar-loss", "bar-gain"]


def test_extras_and_notes_are_shown_and_escaped() -> None:
    extras = [
        Extra("Walk <b>", "forward & back", ["part", "net"], [["1", "<i>"]]),
        Extra("Plain", "only text"),
    ]
    page = page_of(AXES[:1], [1.0, 2.0], extras=extras, notes=["<script>"])
    assert {"Walk <b>", "only text", "<script>"} <= {*page.words}
    assert ["1", "<i>"] in [row for table in page.tables for row in table]


@pytest.mark.parametrize("nets", [[], [0.0]])
def test_hardly_any_cell(nets: list[float]) -> None:
    page_of([("entry_bps", tuple(1.0 for _ in nets))], nets)


def test_a_large_grid_is_thinned_around_the_best_and_says_so() -> None:
    axes = [("entry_bps", range(250)), ("exit_bps", range(30))]
    nets = [float(-at % 7) for at in range(7_500)]
    nets[77 * 30 + 5] = 50.0
    page = page_of(axes, nets)
    assert len(cells_of(page)) == 83 * 30
    assert "Drawn are 83 of 250 rows and 30 of 30 columns." in page.text
    assert "entry 77, exit 5: +50.00 USD" in page.text
    assert any(found.get("class") == "frame" for _, found in page.elements)
