"""Charts: where curves, bars and marks are put, and what is said to those who do not see them."""

import re

import pytest
from html_text import Page

from arbcore.pages.chart import Chart, heat_map, legend, swatch
from arbcore.pages.scale import Scale


def chart(**changes: object) -> Chart:
    known = {"key": "k", "title": "T & t", "description": "D", "y": Scale(0, 10), "height": 100, **changes}
    return Chart(**known)  # type: ignore[arg-type]


def paths(markup: str) -> list[str]:
    return [found["d"] for name, found in Page(markup).elements if name == "path" and "id" not in found]


def test_a_chart_says_what_it_is() -> None:
    page = Page(chart(unit="bps").markup())
    name, found = page.elements[0]
    assert (name, found["role"], found["aria-labelledby"]) == ("svg", "img", "k-t k-d")
    assert {"k-t", "k-d"} <= set(page.ids())
    assert "T & t" in page.text
    assert "bps" in page.text


def test_a_line_goes_through_its_points() -> None:
    drawn = chart()
    drawn.line([0.0, 0.5, 1.0], [0.0, 10.0, 5.0], style="line-curve")
    assert paths(drawn.markup()) == ["M0,2000L5000,0L10000,1000"]


def test_a_line_is_cut_where_values_are_missing_and_at_breaks() -> None:
    drawn = chart()
    drawn.line([0, 0.1, 0.2, 0.3, 0.4], [1.0, 1.0, None, 1.0, 1.0], style="s", breaks={4})
    assert [path.count("L") for path in paths(drawn.markup())] == [1, 1, 1]
    assert paths(drawn.markup())[1] == "M3000,1800L3000,1800"


def test_a_band_goes_there_and_back() -> None:
    drawn = chart()
    drawn.band([0.0, 1.0], [0.0, 0.0], [10.0, 5.0], style="s")
    assert paths(drawn.markup()) == ["M0,0L10000,1000L10000,2000L0,2000Z"]


def test_bars_stand_on_zero() -> None:
    drawn = chart(y=Scale(-10, 10))
    drawn.bars([(0, 0.5), (0.5, 1)], [10, -5], styles=["up", "down"], texts=["a", "b"])
    bars = [found for name, found in Page(drawn.markup()).elements if name == "rect"]
    assert [(bar["x"], bar["width"], bar["y"], bar["height"]) for bar in bars] == [
        ("0%", "50%", "0.00", "50.00"), ("50%", "50%", "50.00", "25.00")
    ]  # fmt: skip


def test_many_marks_become_strokes_at_the_edge() -> None:
    few, many = chart(), chart()
    few.marks([(0.25, 5.0)], symbol="down", style="mark-cc")
    many.marks([(at / 1000, 5.0) for at in range(1000)], symbol="down", style="mark-cc")
    (use,) = (found for name, found in Page(few.markup()).elements if name == "use")
    assert (use["href"], use["x"], use["y"]) == ("#k-down", "25%", "50.0")
    assert "k-down" in Page(few.markup()).ids()
    assert "<use" not in many.markup()
    assert many.markup().count("rug mark-cc") == 1000


def test_readouts_cover_the_chart_without_gaps() -> None:
    drawn = chart()
    drawn.readouts([at / 999 for at in range(1000)], [f"row {at}" for at in range(1000)], count=50)
    rects = [found for name, found in Page(drawn.markup()).elements if name == "rect"]
    assert len(rects) == 50
    spans = [(float(rect["x"][:-1]), float(rect["width"][:-1])) for rect in rects]
    assert spans[0][0] == 0
    ends = [left + width for left, width in spans]
    assert [left for left, _ in spans[1:]] == pytest.approx(ends[:-1], abs=0.0002)
    assert ends[-1] == pytest.approx(100, abs=0.0002)
    assert "row 0" in drawn.markup()
    assert "row 999" in drawn.markup()


def test_every_second_label_is_left_out_on_a_phone() -> None:
    page = Page(chart(labels=[(0.0, "a"), (0.5, "b"), (1.0, "c")]).markup())
    texts = [found for name, found in page.elements if name == "text" and found.get("y") == "118"]
    assert [(t["text-anchor"], t.get("class")) for t in texts] == [
        ("start", None), ("middle", "wide"), ("end", None)
    ]  # fmt: skip


@pytest.mark.parametrize(("count", "wide"), [(12, 0), (13, 8), (24, 16)])
def test_two_of_three_of_many_names_are_left_out_on_a_phone(count: int, wide: int) -> None:
    page = Page(chart(names=[((at + 0.5) / count, f"{at:02d}") for at in range(count)]).markup())
    texts = [found for name, found in page.elements if name == "text" and found.get("y") == "118"]
    assert len(texts) == count
    assert sum(found.get("class") == "wide" for found in texts) == wide


def test_a_heat_map_has_a_cell_a_value_and_marks_the_best() -> None:
    markup = heat_map(
        [[1.0, None, 2.0], [-8.0, 0.0, -4.0]], key="h", title="t", description="d", down="high",
        across="wide", rows=["a", "b"], columns=["x", "y", "z"], texts=[["p", "q", "."], ["r", "s", "."]],
        outlined=[(0, 0, "frame")],
    )  # fmt: skip
    cells = [found for name, found in Page(markup).elements if name == "rect"]
    assert [cell["class"] for cell in cells] == ["gain", "idle", "gain", "loss", "zero", "loss", "frame"]
    # Each sign has a scale of its own, from 0 to its largest.
    depths = [cell.get("fill-opacity") for cell in cells[:6]]
    assert depths == ["0.540", None, "1.000", "1.000", None, "0.540"]
    assert "high \N{DOWNWARDS ARROW}" in markup
    assert "wide \N{RIGHTWARDS ARROW}" in markup
    assert re.search("<title>r</title>", markup)


def test_an_empty_heat_map_is_still_a_picture() -> None:
    names = {"key": "h", "title": "t", "description": "d", "down": "u", "across": "v"}
    Page(heat_map([], **names, rows=[], columns=[], texts=[]))


def test_a_legend_names_its_swatches() -> None:
    page = Page(legend((swatch("fill-band"), "no trade"), (swatch("mark-cc", symbol="down"), "<in>")))
    assert page.text == "no trade <in>"
