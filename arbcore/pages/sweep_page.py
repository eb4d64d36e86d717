"""The page of a sweep: every cell as a heat map or a curve, the best cells, and further sections.

From plain columns to text. It must not know how a sweep runs, nor what makes a region robust.
"""

import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arbcore.core.result_documents import AskedDocument
from arbcore.pages.chart import Chart, cell_class, heat_map, legend, swatch
from arbcore.pages.markup import Markup, datum, number, percent, tag
from arbcore.pages.page import bullets, facts, figure, heading, page, pair, section, signed, table
from arbcore.pages.scale import Scale
from arbcore.pages.words import data_rows, in_unit, label_of, parameters, period, sentence_case, setting

#: (setting, its values); the first setting varies slowest.
Axes = Sequence[tuple[str, Sequence[Any]]]
Columns = Mapping[str, Sequence[Any]]

#: How many cells the table of best cells shows.
SHOWN = 25
#: Most rows and columns of the map: more could not be distinguished and would make the page slow.
DRAWN = 100


@dataclass(frozen=True)
class Extra:
    """A further section: a heading, a sentence or two, and a table if there are columns."""

    title: str
    text: str
    head: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = ()


def sweep_page(
    summary: AskedDocument,
    *,
    name: str,
    axes: Axes,
    columns: Columns,
    version: str,
    robust: Sequence[int] = (),
    notes: Sequence[str] = (),
    extras: Sequence[Extra] = (),
) -> str:
    """Returns a self-contained HTML document of a sweep.

    ``summary`` is its JSON document (``rows``, ``rows_used``, ``rows_skipped``, ``first_ts``, ``last_ts``,
    ``params`` are shown), ``name`` names the data. ``axes`` are (setting, values) in the grid's order; the
    first setting varies slowest. ``columns`` have one item per cell in that order, None if undefined, and
    include ``total_pnl`` and ``class`` (``gain``, ``loss``, ``zero`` or ``idle``). ``robust`` are the cells
    with a dashed frame. All text is escaped here.
    """
    totals = columns["total_pnl"]
    traded = any(each != "idle" for each in columns["class"])
    best = max(range(len(totals)), key=totals.__getitem__) if traded else None
    parts: list[object] = [
        heading("arbcore \N{MIDDLE DOT} parameter sweep", name, lede=_lede(summary, axes, totals, best),
                detail=period(summary)),
    ]  # fmt: skip
    if best is not None:
        parts.append(_facts(columns, totals, best))
    if totals:
        parts.append(_picture(axes, columns, best, robust))
    if best is not None:
        parts.append(_best(axes, columns, robust))
    for at, extra in enumerate(extras):
        made = table(extra.text, extra.head, extra.rows) if extra.head else tag("p", extra.text)
        parts.append(section(f"extra-{at}", extra.title, made))
    if notes:
        parts.append(section("notes", "Notes", bullets(notes)))
    asked = pair(parameters(summary["params"]), data_rows(summary))
    parts.append(section("asked", "Settings and data", asked))
    parts.append(
        section("reading", "How to read it", bullets((
            "Every cell is one backtest of the same rows, and its numbers are those of that backtest alone.",
            "Total P&L is net P&L with what is still open at the end as if closed at the last quotes.",
            "The best of many cells is partly luck: the more there are, the better the best one looks.",
            "A cell whose neighbours do as well is better evidence than a peak, other data better than both.",
        )))
    )  # fmt: skip
    return page(*parts, title=f"Sweep: {name}", version=version)


def _lede(summary: AskedDocument, axes: Axes, totals: Sequence[float],
          best: int | None) -> str:  # fmt: skip
    ranges = " \N{MULTIPLICATION SIGN} ".join(f"{len(values)} {label_of(name)}" for name, values in axes)
    if not totals:
        return "No cell was run."
    run = f"{len(totals):,} backtests ({ranges}) over {summary['rows_used']:,} rows: "
    if best is None:
        return f"{run}none of them traded."
    won = sum(total > 0 for total in totals)
    return f"{run}{won:,} made money, and the best made {number(totals[best], signed=True)} USD."


def _facts(columns: Columns, totals: Sequence[float], best: int) -> Markup:
    middle = statistics.median(totals)
    more = sum(total > middle for total in totals)
    share = "half of the cells" if 2 * more == len(totals) else f"{more:,} of {len(totals):,} cells"
    items: list[tuple[str, object, object]] = [
        ("Best total P&L", _usd(totals[best], "best_total_pnl"), "USD, of all cells"),
        ("Median total P&L", _usd(middle, "median_total_pnl"), f"USD, {share} made more"),
        ("Cells that made money", percent(sum(total > 0 for total in totals) / len(totals)),
         f"of {len(totals):,}"),
    ]  # fmt: skip
    if "trades" in columns:
        items.append(("Trades of the best", f"{columns['trades'][best]:,}", ""))
    return facts(items)


def _picture(
    axes: Axes,
    columns: Columns,
    best: int | None,
    robust: Sequence[int],
) -> Markup:
    through = best or 0
    wide = [axis for axis in axes if len(axis[1]) > 1] or list(axes[:1])
    if len(wide) == 1:
        return _curve(axes, wide[0], columns, best)
    (down, ups), (across, acrosses) = wide[0], wide[1]
    fixed = {name: _value_at(axes, through, name) for name, _ in wide[2:]}
    places = dict(zip((name for name, _ in axes), _places(axes, through), strict=True))
    drawn_down, drawn_across = _drawn(len(ups), places[down]), _drawn(len(acrosses), places[across])
    cells = [
        [_cell_of(axes, through, {down: row, across: column}) for column in drawn_across]
        for row in drawn_down
    ]
    outlined = [
        (row, column, "frame" if cell == best else "frame-soft")
        for row, line in enumerate(cells)
        for column, cell in enumerate(line)
        if cell == best or cell in set(robust)
    ]
    texts = [[_says(axes, columns, cell) for cell in line] for line in cells]
    values = [[_worth(columns, cell) for cell in line] for line in cells]
    chart = heat_map(
        values,
        key="heat", title=f"Total P&L by {label_of(down)} and {label_of(across)}",
        description="No cell traded." if best is None else f"The best cell is {_says(axes, columns, best)}.",
        down=sentence_case(in_unit(down)), across=sentence_case(in_unit(across)),
        rows=[setting(ups[at]) for at in drawn_down], columns=[setting(acrosses[at]) for at in drawn_across],
        texts=texts, outlined=outlined,
    )  # fmt: skip
    held = "".join(f", {label_of(name)} held at {setting(value)}" for name, value in fixed.items())
    caption = (
        f"{sentence_case(label_of(down))} from top to bottom, {label_of(across)} from left to right{held}. "
        f"{_scales(values)}Point at a cell for its numbers."
    )
    if len(drawn_down) < len(ups) or len(drawn_across) < len(acrosses):
        caption += (
            f" Drawn are {len(drawn_down)} of {len(ups)} rows and {len(drawn_across)} of {len(acrosses)} "
            "columns."
        )
    return section(
        "cells", "Every cell", figure(chart, caption=caption, legend=_legend(values, {*outlined}))
    )


def _worth(columns: Columns, cell: int) -> float | None:
    """The total P&L of a cell; None if it did not trade."""
    total: float = columns["total_pnl"][cell]
    return None if columns["class"][cell] == "idle" else total


def _scales(values: Sequence[Sequence[float | None]]) -> str:
    """A sentence on the values of the darkest colours."""
    known = [value for line in values for value in line if value is not None]
    said = []
    if max(known, default=0.0) > 0:
        said.append(f"The greens go from 0 to {number(max(known), signed=True)} USD. ")
    if min(known, default=0.0) < 0:
        said.append(f"The reds go from 0 to {number(min(known), signed=True)} USD. ")
    return "".join(said)


def _legend(values: Sequence[Sequence[float | None]], outlined: Collection[tuple[int, int, str]]) -> Markup:
    classes = {cell_class(value) for line in values for value in line}
    frames = {style for *_, style in outlined}
    keys = [
        ("gain" in classes, swatch("fill-gain"), "gain"),
        ("loss" in classes, swatch("fill-losses"), "loss"),
        ("zero" in classes, swatch("fill-zero"), "neither"),
        ("idle" in classes, swatch("fill-idle"), "no trade"),
        ("frame" in frames, swatch("line-frame"), "best"),
        ("frame-soft" in frames, swatch("line-exit"), "robust region"),
    ]
    return legend(*((picture, text) for there, picture, text in keys if there))


def _drawn(count: int, through: int) -> range:
    """The indices of the values to draw: evenly spaced, always including ``through``."""
    step = -(-count // DRAWN)
    return range(through % step, count, step)


def _curve(
    axes: Axes, axis: tuple[str, Sequence[Any]], columns: Columns, best: int | None
) -> Markup:
    name, values = axis
    order = [_cell_of(axes, best or 0, {name: at}) for at in range(len(values))]
    heights = [columns["total_pnl"][cell] for cell in order]
    places = [(at + 0.5) / len(values) for at in range(len(values))]
    every = -(-len(values) // 8)
    said = "no cell traded" if best is None else f"the best is {setting(_value_at(axes, best, name))}"
    chart = Chart(
        key="cells-curve", title=f"Total P&L by {label_of(name)}", unit="USD",
        y=Scale.around([0.0, *heights]), description=f"{len(values)} values; {said}.",
        labels=[(places[at], setting(values[at])) for at in range(0, len(values), every)],
    )  # fmt: skip
    edges = [((at + 0.1) / len(values), (at + 0.9) / len(values)) for at in range(len(values))]
    chart.bars(
        edges, heights, styles=["bar-gain" if total >= 0 else "bar-loss" for total in heights],
        texts=[_says([axis], columns, cell, at) for at, cell in enumerate(order)],
    )  # fmt: skip
    chart.rule(0.0, style="line-zero")
    caption = f"Total P&L in USD of every value of {in_unit(name)}."
    return section("cells", "Every cell", figure(chart.markup(), caption=caption))


def _best(
    axes: Axes, columns: Columns, robust: Sequence[int]
) -> Markup:
    totals = columns["total_pnl"]
    order = sorted(range(len(totals)), key=lambda cell: -totals[cell])[:SHOWN]
    varied = [name for name, values in axes if len(values) > 1] or [axes[0][0]]
    known = (
        "trades", "wins", "costs", "net_pnl", "open_pnl", "total_pnl", "profit_factor", "exposure",
        "max_drawdown_closed", "max_drawdown", "sharpe",
    )  # fmt: skip
    rest = [name for name in known if name in columns]
    rows = [
        [
            tag("span", f"{place}{' *' if cell in set(robust) else ''}", class_="w"),
            *(setting(_value_at(axes, cell, name)) for name in varied),
            *(_number(name, columns[name][cell]) for name in rest),
        ]
        for place, cell in enumerate(order, 1)
    ]
    caption = f"The {len(rows)} best of {len(totals):,} cells by total P&L, in USD"
    caption += "; * is in the robust region." if set(order) & set(robust) else "."
    names = {"open_pnl": "open P&L"}
    head = ["rank", *(label_of(name) for name in varied), *(names.get(name, label_of(name)) for name in rest)]
    return section(
        "best", "The best cells", table(caption, head, rows, numbers=range(1, len(head)), dense=True)
    )


def _cell_of(axes: Axes, cell: int, moved: Mapping[str, int]) -> int:
    """The cell at the same place as ``cell``, except on the axes in ``moved``."""
    found = 0
    for (name, values), place in zip(axes, _places(axes, cell), strict=True):
        found = found * len(values) + moved.get(name, place)
    return found


def _places(axes: Axes, cell: int) -> list[int]:
    places = []
    for _, values in reversed(axes):
        cell, place = divmod(cell, len(values))
        places.append(place)
    return places[::-1]


def _value_at(axes: Axes, cell: int, name: str) -> Any:
    return next(values[place] for (axis, values), place in zip(axes, _places(axes, cell), strict=True)
                if axis == name)  # fmt: skip


def _says(
    axes: Axes, columns: Columns, cell: int, place: int | None = None
) -> str:
    """A cell in words; ``place`` is its number on these axes if they are not all of the grid's axes."""
    at = cell if place is None else place
    parts = ", ".join(f"{label_of(name)} {setting(_value_at(axes, at, name))}" for name, _ in axes)
    if columns["class"][cell] == "idle":
        return f"{parts}: no trade"
    trades = f", {columns['trades'][cell]:,} trades" if "trades" in columns else ""
    return f"{parts}: {number(columns['total_pnl'][cell], signed=True)} USD{trades}"


def _number(name: str, value: Any) -> object:
    if name.endswith("_pnl"):
        return signed(number(value, signed=True), value)
    if name == "exposure":
        return percent(value)
    return f"{value:,}" if isinstance(value, int) else number(value)


def _usd(value: float, key: str) -> Markup:
    return signed(datum(value, number(value, signed=True), key=key), value)
