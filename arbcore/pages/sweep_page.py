"""The page of a sweep: net P&L of every cell as a heat map or a curve, the best cells, and what else is said.

Plain columns in, text out. It must not know how a sweep is run, nor what makes a region robust.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arbcore.pages.chart import Chart, heat_map, legend, swatch
from arbcore.pages.markup import Markup, datum, number, percent, tag
from arbcore.pages.page import bullets, facts, figure, heading, page, pair, section, signed, table
from arbcore.pages.scale import Scale
from arbcore.pages.words import data_rows, label_of, parameters, period, sentence_case, setting

#: (setting, its values), the first varying slowest.
Axes = Sequence[tuple[str, Sequence[Any]]]

#: Cells of the table of the best.
SHOWN = 25
#: Rows and columns of the map: more cannot be told apart, and would only make the page slow.
DRAWN = 100


@dataclass(frozen=True)
class Extra:
    """A further section: a heading, a sentence or two, and a table where there are columns."""

    title: str
    text: str
    head: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = ()


def sweep_page(
    summary: Mapping[str, Any],
    *,
    name: str,
    axes: Axes,
    columns: Mapping[str, Sequence[Any]],
    version: str,
    robust: Sequence[int] = (),
    notes: Sequence[str] = (),
    extras: Sequence[Extra] = (),
) -> str:
    """A self-contained HTML document of a sweep.

    ``summary`` is its JSON document (``rows``, ``rows_used``, ``rows_skipped``, ``first_ts``, ``last_ts``,
    ``params`` are shown), ``name`` what was read. ``axes`` are (setting, values) in the grid's order, the
    first varying slowest; ``columns`` have one item a cell in that order, ``net_pnl`` among them, None where
    undefined. ``robust`` are the cells to draw a broken line around. All text is escaped here.
    """
    nets = columns["net_pnl"]
    best = max(range(len(nets)), key=nets.__getitem__) if nets else None
    parts: list[object] = [
        heading("arbcore \N{MIDDLE DOT} parameter sweep", name, lede=_lede(summary, axes, nets, best),
                detail=period(summary)),
    ]  # fmt: skip
    if best is not None:
        parts.append(_facts(columns, nets, best))
        parts.append(_picture(axes, columns, best, robust))
        parts.append(_best(axes, columns, robust))
    for at, extra in enumerate(extras):
        made = table(extra.text, extra.head, extra.rows) if extra.head else tag("p", extra.text)
        parts.append(section(f"extra-{at}", extra.title, made))
    if notes:
        parts.append(section("notes", "Notes", bullets(notes)))
    asked = pair(parameters(summary["params"]), data_rows(summary))
    parts.append(section("asked", "What was asked, of what data", asked))
    parts.append(
        section("reading", "How to read it", bullets((
            "Every cell is one backtest of the same rows, and its numbers are those of that backtest alone.",
            "The best of many cells is partly luck: the more there are, the better the best one looks.",
            "A cell whose neighbours do as well says more than a peak, and other data more than both.",
        )))
    )  # fmt: skip
    return page(*parts, title=f"Sweep: {name}", version=version)


def _lede(summary: Mapping[str, Any], axes: Axes, nets: Sequence[float],
          best: int | None) -> str:  # fmt: skip
    ranges = " \N{MULTIPLICATION SIGN} ".join(f"{len(values)} {label_of(name)}" for name, values in axes)
    if best is None:
        return "No cell was run."
    won = sum(net > 0 for net in nets)
    return (
        f"{len(nets):,} backtests ({ranges}) over {summary['rows_used']:,} rows: {won:,} made money, and the "
        f"best made {number(nets[best], signed=True)} USD."
    )


def _facts(columns: Mapping[str, Sequence[Any]], nets: Sequence[float], best: int) -> Markup:
    middle = sorted(nets)[len(nets) // 2]
    items: list[tuple[str, object, object]] = [
        ("Best net P&L", _usd(nets[best], "best_net_pnl"), "USD, of all cells"),
        ("Median net P&L", _usd(middle, "median_net_pnl"), "USD, half of the cells made more"),
        ("Cells that made money", percent(sum(net > 0 for net in nets) / len(nets)), f"of {len(nets):,}"),
    ]
    if "trades" in columns:
        items.append(("Trades of the best", f"{columns['trades'][best]:,}", ""))
    return facts(items)


def _picture(
    axes: Axes,
    columns: Mapping[str, Sequence[Any]],
    best: int,
    robust: Sequence[int],
) -> Markup:
    wide = [axis for axis in axes if len(axis[1]) > 1] or list(axes[:1])
    if len(wide) == 1:
        return _curve(axes, wide[0], columns["net_pnl"], best)
    (down, ups), (across, acrosses) = wide[0], wide[1]
    fixed = {name: _value_at(axes, best, name) for name, _ in wide[2:]}
    places = dict(zip((name for name, _ in axes), _places(axes, best), strict=True))
    drawn_down, drawn_across = _drawn(len(ups), places[down]), _drawn(len(acrosses), places[across])
    cells = [
        [_cell_of(axes, best, {down: row, across: column}) for column in drawn_across] for row in drawn_down
    ]
    nets = columns["net_pnl"]
    outlined = [
        (row, column, "frame" if cell == best else "frame-soft")
        for row, line in enumerate(cells)
        for column, cell in enumerate(line)
        if cell == best or cell in set(robust)
    ]
    texts = [[_says(axes, columns, cell) for cell in line] for line in cells]
    chart = heat_map(
        [[nets[cell] for cell in line] for line in cells],
        key="heat", title=f"Net P&L by {label_of(down)} and {label_of(across)}",
        description=f"The best cell is {_says(axes, columns, best)}.",
        rows=[setting(ups[at]) for at in drawn_down], columns=[setting(acrosses[at]) for at in drawn_across],
        texts=texts, outlined=outlined,
    )  # fmt: skip
    held = "".join(f", {label_of(name)} held at {setting(value)}" for name, value in fixed.items())
    caption = (
        f"{sentence_case(label_of(down))} from top to bottom, {label_of(across)} from left to right{held}. "
        "The deeper the colour, the larger the gain (green) or the loss (red). Point at a cell for its "
        "numbers."
    )
    if len(drawn_down) < len(ups) or len(drawn_across) < len(acrosses):
        caption += (
            f" Drawn are {len(drawn_down)} of {len(ups)} rows and {len(drawn_across)} of {len(acrosses)} "
            "columns."
        )
    keys = [
        (swatch("fill-gain"), "net gain"), (swatch("fill-losses"), "net loss"),
        (swatch("line-frame"), "best"),
    ]  # fmt: skip
    if any(style == "frame-soft" for *_, style in outlined):
        keys.append((swatch("line-exit"), "robust region"))
    return section("cells", "Every cell", figure(chart, caption=caption, legend=legend(*keys)))


def _drawn(count: int, through: int) -> range:
    """Which of so many values are drawn, evenly spaced, ``through`` among them."""
    step = -(-count // DRAWN)
    return range(through % step, count, step)


def _curve(axes: Axes, axis: tuple[str, Sequence[Any]], nets: Sequence[float], best: int) -> Markup:
    name, values = axis
    order = [_cell_of(axes, best, {name: at}) for at in range(len(values))]
    heights = [nets[cell] for cell in order]
    places = [(at + 0.5) / len(values) for at in range(len(values))]
    every = -(-len(values) // 8)
    chart = Chart(
        key="cells-curve", title=f"Net P&L by {label_of(name)}", unit="USD", y=Scale.around([0.0, *heights]),
        description=f"{len(values)} values; the best is {setting(_value_at(axes, best, name))}.",
        labels=[(places[at], setting(values[at])) for at in range(0, len(values), every)],
    )  # fmt: skip
    edges = [((at + 0.1) / len(values), (at + 0.9) / len(values)) for at in range(len(values))]
    chart.bars(
        edges, heights, styles=["bar-gain" if net >= 0 else "bar-loss" for net in heights],
        texts=[f"{setting(value)}: {number(net, signed=True)} USD"
               for value, net in zip(values, heights, strict=True)],
    )  # fmt: skip
    chart.rule(0.0, style="line-zero")
    caption = f"Net P&L in USD of every value of {label_of(name)}."
    return section("cells", "Every cell", figure(chart.markup(), caption=caption))


def _best(
    axes: Axes, columns: Mapping[str, Sequence[Any]], robust: Sequence[int]
) -> Markup:
    nets = columns["net_pnl"]
    order = sorted(range(len(nets)), key=lambda cell: -nets[cell])[:SHOWN]
    varied = [name for name, values in axes if len(values) > 1] or [axes[0][0]]
    known = (
        "trades", "wins", "costs", "net_pnl", "profit_factor", "exposure", "max_drawdown_closed",
        "max_drawdown", "sharpe",
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
    caption = f"The {len(rows)} best of {len(nets):,} cells, P&L in USD"
    caption += "; * is in the robust region." if set(order) & set(robust) else "."
    head = ["rank", *(label_of(name) for name in varied), *(label_of(name) for name in rest)]
    return section(
        "best", "The best cells", table(caption, head, rows, numbers=range(1, len(head)), dense=True)
    )


def _cell_of(axes: Axes, cell: int, moved: Mapping[str, int]) -> int:
    """The cell that differs from another in some axes only."""
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


def _says(axes: Axes, columns: Mapping[str, Sequence[Any]], cell: int) -> str:
    parts = [f"{label_of(name)} {setting(_value_at(axes, cell, name))}" for name, _ in axes]
    trades = f", {columns['trades'][cell]:,} trades" if "trades" in columns else ""
    return f"{', '.join(parts)}: {number(columns['net_pnl'][cell], signed=True)} USD{trades}"


def _number(name: str, value: Any) -> object:
    if name == "net_pnl":
        return signed(number(value, signed=True), value)
    if name == "exposure":
        return percent(value)
    return f"{value:,}" if isinstance(value, int) else number(value)


def _usd(value: float, key: str) -> Markup:
    return signed(datum(value, number(value, signed=True), key=key), value)
