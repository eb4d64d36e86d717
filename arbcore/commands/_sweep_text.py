"""What a sweep came to, for a person: the best cells, the robust regions, the map, and the walk forward."""

from collections.abc import Sequence
from typing import Any

from arbcore.carry.grid import Grid, shown
from arbcore.commands._heat import Picture, bars, heat_map
from arbcore.text import plural, printable

#: Columns of the table of cells besides the settings that vary: heading, name, digits.
NUMBERS = (
    ("net P&L", "net_pnl", 0), ("trades", "trades", 0), ("won", "wins", 0),
    ("profit factor", "profit_factor", 2), ("drawdown", "max_drawdown", 0), ("Sharpe", "sharpe", 2),
)  # fmt: skip


def summary_lines(
    summary: dict[str, Any], grid: Grid, nets: Sequence[float], *, width: int, colours: bool
) -> list[str]:
    """The result for a person; ``nets`` is the net P&L of every cell."""
    skipped = ", ".join(f"{count:,} {reason}" for reason, count in summary["rows_skipped"].items() if count)
    files = summary["files"]
    where = printable(files[0]["name"]) if len(files) == 1 else f"{len(files)} files"
    lines = [
        f"{plural(grid.cells, 'cell')} over {plural(summary['rows_used'], 'row')} used of {summary['rows']:,}"
        + (f" ({skipped} skipped)" if skipped else "")
        + f" of {where}.",
    ]
    if summary["first_ts"]:
        lines.append(f"  {'from':<18}{summary['first_ts']} to {summary['last_ts']}")
    for axis in grid.axes:
        count = plural(len(axis.values), "value")
        lines.append(f"  {axis.name:<18}{shown(axis.values[0])} to {shown(axis.values[-1])}, {count}")
    made = sum(net > 0 for net in nets)
    lines += [
        f"  made money        {made:,} of {plural(grid.cells, 'cell')} ({made / grid.cells:.0%})",
        "",
        "Best cells",
        *_cells(grid, summary["best_cells"]),
        "",
        "Most robust regions: a cell with its neighbours one step away, by the worst of them",
        *_regions(grid, summary["robust"]),
        "",
        *_map(summary, grid, nets, width=width, colours=colours),
    ]
    if summary["walk_forward"] is not None:
        lines += ["", *_walk(summary["walk_forward"])]
    return lines


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns aligned at their right ends."""
    wide = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return ["  " + "  ".join(cell.rjust(size) for cell, size in zip(row, wide, strict=True)) for row in rows]


def _cells(grid: Grid, cells: Sequence[dict[str, Any]]) -> list[str]:
    rows = [[*grid.names, *(title for title, _, _ in NUMBERS)]]
    for cell in cells:
        numbers = [_number(cell[name], digits, signed=name == "net_pnl") for _, name, digits in NUMBERS]
        rows.append([*(shown(cell[name]) for name in grid.names), *numbers])
    return _aligned(rows)


def _regions(grid: Grid, regions: Sequence[dict[str, Any]]) -> list[str]:
    rows = [[*grid.names, "worst", "mean", "middle", "trades"]]
    for region in regions:
        spans = [region["ranges"][name] for name in grid.names]
        money = [region["worst_net_pnl"], region["mean_net_pnl"], region["cell"]["net_pnl"]]
        rows.append(
            [
                *(_span(low, high) for low, high in spans),
                *(_number(each, 0, signed=True) for each in money),
                f"{region['cell']['trades']:,}",
            ]
        )
    return _aligned(rows)


def _span(low: float, high: float) -> str:
    return shown(low) if low == high else f"{shown(low)} to {shown(high)}"


def _number(value: float | None, digits: int, *, signed: bool = False) -> str:
    if value is None:
        return "-"
    return f"{value:+,.{digits}f}" if signed else f"{value:,.{digits}f}"


def _map(
    summary: dict[str, Any], grid: Grid, nets: Sequence[float], *, width: int, colours: bool
) -> list[str]:
    """Net P&L over the first two settings that vary, through the best cell."""
    best = _place(grid, summary["best"])
    robust = _place(grid, summary["robust"][0]["cell"])
    if len(grid.axes) == 1:
        labels = [shown(value) for value in grid.axes[0].values]
        # The best cell's mark goes first: the map is thinned around it.
        marks = {best[0]: "*"} | ({robust[0]: "o"} if robust != best else {})
        return [
            f"Net P&L in USD by {grid.names[0]}",
            *bars(labels, nets, marks=marks, width=width),
        ]
    down, across, *others = grid.axes
    rest = best[2:]
    at_best, at_robust = (best[0], best[1]), (robust[0], robust[1])
    places = {at_best: "*"}
    if robust[2:] == rest and robust != best:
        places[at_robust] = "o"
    picture = Picture(
        rows=[shown(value) for value in down.values],
        columns=[shown(value) for value in across.values],
        values=[
            [nets[grid.cell_at((row, column, *rest))] for column in range(len(across.values))]
            for row in range(len(down.values))
        ],
        marks=places,
        row_name=down.name,
        column_name=across.name,
    )
    fixed = ", ".join(f"{axis.name} {shown(axis.values[at])}" for axis, at in zip(others, rest, strict=True))
    title = "Net P&L" + (f" at {fixed}, as in the best cell" if fixed else "")
    return [title, *heat_map(picture, width=width, colours=colours)]


def _place(grid: Grid, cell: dict[str, Any]) -> tuple[int, ...]:
    return tuple(axis.values.index(cell[axis.name]) for axis in grid.axes)


def _walk(walked: dict[str, Any]) -> list[str]:
    """Each window's choice and what it made afterwards."""
    windows = walked["windows"]
    rows = [["tested from", "to", "best in sample", "out of sample", "robust in sample", "out of sample"]]
    for window in windows:
        money = [
            _number(window[name][part]["net_pnl"], 0, signed=True)
            for name in ("best", "robust")
            for part in ("in_sample", "out_of_sample")
        ]
        rows.append([window["test_first_ts"][:16], window["test_last_ts"][:16], *money])
    count = plural(len(windows), "window")
    lines = [
        f"Walk-forward over {count}: chosen on the past, tried on what followed; net P&L in USD",
        *_aligned(rows),
    ]
    for name in ("best", "robust"):
        found = walked[name]
        per_row = "-" if found["efficiency"] is None else f"{found['efficiency']:.0%}"
        lines.append(
            f"  {name:<8} in sample {found['in_sample_net_pnl']:+,.0f}, out of sample "
            f"{found['out_of_sample_net_pnl']:+,.0f} in {plural(found['out_of_sample_trades'], 'trade')}, "
            f"{found['windows_won']} of {count} won, {per_row} of the P&L a row in sample"
        )
    return lines
