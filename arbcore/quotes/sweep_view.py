"""The page of a sweep: its parts besides the map and the best cells.

A shell only because it knows the version; it opens nothing.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arbcore._version import __version__
from arbcore.core.result_documents import (
    Cell,
    FileDocument,
    ImpliedFinancing,
    RegionDocument,
    SweepSummary,
)
from arbcore.core.text import plural
from arbcore.pages.markup import number
from arbcore.pages.page import signed
from arbcore.pages.sweep_page import Extra, sweep_page
from arbcore.pages.words import label_of, setting
from arbcore.research.grid import Grid
from arbcore.research.regions import neighbourhood


def page_of(
    summary: SweepSummary, *, grid: Grid, table: Mapping[str, Sequence[Cell]], notes: Sequence[str]
) -> str:
    """A self-contained HTML document."""
    files = summary["files"]
    robust: list[int] = []
    extras: list[Extra] = []
    if summary["robust"]:
        cell = summary["robust"][0]["cell"]
        middle = grid.cell_at([axis.values.index(cell[axis.name]) for axis in grid.axes])
        robust = neighbourhood(grid, middle)
        extras.append(_regions(summary["robust"], grid.names))
    if summary["walk_forward"] is not None:
        extras.append(_walk(summary["walk_forward"]))
    if len(files) > 1:
        extras.append(_files(files))
    shown: SweepSummary = {**summary, "params": _params(summary)}
    return sweep_page(
        shown,
        name=_name(files[0]["name"]) if len(files) == 1 else f"{len(files)} files",
        axes=[(axis.name, axis.values) for axis in grid.axes],
        columns=table,
        version=__version__,
        robust=robust,
        notes=notes,
        extras=extras,
    )


def _params(summary: SweepSummary) -> dict[str, Any]:
    """The settings as shown; the factor is replaced by the level that was used, and what it implies."""
    params = dict(summary["params"])
    found = summary["factor"]
    if found["first"] is not None and "factor" in params:
        ends = " to ".join(dict.fromkeys(f"{each:.6f}" for each in (found["first"], found["last"])))
        source = {"auto": ", measured on the first rows", "column": ", as the data has it"}
        params["factor"] = ends + source.get(found["mode"], "") + _financing(summary["implied_financing"])
    return params


def _financing(implied: ImpliedFinancing) -> str:
    """The rate that the level implies, if it is known."""
    known = [f"{each:.3%}" for each in (implied["first"], implied["last"]) if each is not None]
    return f", implied financing {' to '.join(known)}" if known else ""


def _name(file: str) -> str:
    """The name of a file without its folders."""
    return "standard input" if file == "-" else Path(file).name


def _money(worth: Cell) -> object:
    value = float(worth or 0.0)
    return signed(number(value, signed=True), value)


def _span(low: Cell, high: Cell) -> str:
    return setting(low) if low == high else f"{setting(low)} to {setting(high)}"


def _regions(regions: Sequence[RegionDocument], names: Sequence[str]) -> Extra:
    rows: list[list[object]] = []
    for region in regions:
        spans = [region["ranges"][name] for name in names]
        rows.append(
            [
                *(_span(low, high) for low, high in spans),
                _money(region["worst_total_pnl"]),
                _money(region["mean_total_pnl"]),
                _money(region["cell"]["total_pnl"]),
                f"{region['cell']['trades']:,}",
            ]
        )
    return Extra(
        "Robust regions",
        "A region is a cell with every cell within one step on every range, by the total P&L of the worst; "
        "none overlaps another, and no middle is on the border of the grid. The first is marked above.",
        [*map(label_of, names), "worst", "mean", "middle", "trades of the middle"],
        rows,
    )


def _walk(walked: Mapping[str, Any]) -> Extra:
    windows = walked["windows"]
    rows: list[list[object]] = []
    for window in windows:
        rows.append([f"{window['test_first_ts'][:16]} to {window['test_last_ts'][:16]}"])
        for name in ("best", "robust"):
            chosen = window[name]
            if chosen is None:
                rows[-1] += ["none: nothing was traded", "", ""]
                continue
            rows[-1] += [
                ", ".join(f"{label_of(key)} {setting(value)}" for key, value in chosen["params"].items()),
                _money(chosen["in_sample"]["total_pnl"]),
                _money(chosen["out_of_sample"]["total_pnl"]),
            ]
    rows.append(["all windows"])
    for name in ("best", "robust"):
        found = walked[name]
        won = f"{found['windows_won']:,} of {plural(len(windows), 'window')} won"
        rows[-1] += [won, _money(found["in_sample_net_pnl"]), _money(found["out_of_sample_net_pnl"])]
    said = ""
    if walked["evidence"] is not None:
        verdicts = {name: walked["evidence"][name]["verdict"] for name in ("best", "robust")}
        said = f" Out of sample, best cells: {verdicts['best']} Robust cells: {verdicts['robust']}"
    return Extra(
        "Walk-forward",
        "The best and the robust cell of each training window, run on the test that follows, which had no "
        f"part in the choice; net P&L in USD, every run flat at its start and closed at its end.{said}",
        ["tested", "best cell", "in sample", "out of sample", "robust cell", "in sample", "out of sample"],
        rows,
    )


def _files(files: Sequence[FileDocument]) -> Extra:
    return Extra(
        "Files",
        "Each is a run of its own; P&L and trades are their sums, a drawdown is the worst of any file.",
        ["file", "rows", "rows used", "from", "to"],
        [
            [
                _name(each["name"]),
                f"{each['rows']:,}",
                f"{each['rows_used']:,}",
                each["first_ts"],
                each["last_ts"],
            ]
            for each in files
        ],
    )
