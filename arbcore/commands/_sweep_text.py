"""The text of ``arbcore sweep``: best cells, robust regions, the map, and the walk forward.

The map consists of coloured blocks on a terminal that supports them, else of digits and letters. No line is
wider than the given width.
"""

import os
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from arbcore.core.result_documents import SweepSummary
from arbcore.core.text import plural, printable
from arbcore.research.grid import Grid, shown

#: Background colours of the 256-colour palette, from the smallest gain to the largest. Gains are blue and
#: losses red, which nearly everybody can tell apart.
GAINS = (195, 159, 117, 75, 33, 26)
LOSSES = (224, 217, 210, 203, 197, 161)
#: A cell with neither gain nor loss is white; a cell without a trade is grey.
ZERO, IDLE = 231, 246
LETTERS = "abcdefghi"
#: Least width of a cell; cells are wider if the names of the columns are.
CELL_WIDTH_MIN = 4
ROWS_MAX = 30
WIDTH_PIPED = 80
#: Columns of the table of cells besides the varied settings: heading, name, digits.
NUMBERS = (
    ("total P&L", "total_pnl", 0), ("open", "open_pnl", 0), ("trades", "trades", 0), ("won", "wins", 0),
    ("profit factor", "profit_factor", 2), ("drawdown", "max_drawdown", 0), ("Sharpe", "sharpe", 2),
)  # fmt: skip


def summary_lines(
    result: SweepSummary, grid: Grid, worths: Sequence[float | None], *, width: int, colours: bool
) -> list[str]:
    """Returns the result as text; ``worths`` has each cell's total P&L, None for a cell without a trade."""
    summary: dict[str, Any] = dict(result)
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
    found = summary["factor"]
    if found["first"] is not None and "factor" not in grid.names:
        ends = " to ".join(f"{each:.6f}" for each in dict.fromkeys([found["first"], found["last"]]))
        implied = summary["implied_financing"]
        known = [f"{each:.3%}" for each in (implied["first"], implied["last"]) if each is not None]
        financing = f", financing {' to '.join(known)}" if known else ""
        lines.append(f"  {'level':<18}{ends} ({found['mode']}){financing}")
    made = sum(worth is not None and worth > 0 for worth in worths)
    idle = sum(worth is None for worth in worths)
    lines.append(f"  made money        {made:,} of {plural(grid.cells, 'cell')} ({made / grid.cells:.0%})"
                 + (f", {idle:,} did not trade" if idle else ""))  # fmt: skip
    if summary["best"] is None:
        lines += ["", "No cell traded, so there is no best one."]
    else:
        lines += [
            "",
            "Best cells, by total P&L: what is still open counts as if closed at the last quotes",
            *_cells(grid, summary["best_cells"]),
            "",
        ]
        if summary["robust"]:
            lines.append("Most robust regions: a cell and its neighbours one step away, by the worst of them")
            lines += [*_regions(grid, summary["robust"]), ""]
        lines += _map(summary, grid, worths, width=width, colours=colours)
    if summary["evidence"] is not None:
        lines += ["", *textwrap.wrap(summary["evidence"]["verdict"], max(40, min(width, 80)))]
    if summary["walk_forward"] is not None:
        lines += ["", *_walk(summary["walk_forward"], width=max(40, min(width, 80)))]
    return lines


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Aligns columns to the right."""
    wide = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return ["  " + "  ".join(cell.rjust(size) for cell, size in zip(row, wide, strict=True)) for row in rows]


def _cells(grid: Grid, cells: Sequence[dict[str, Any]]) -> list[str]:
    rows = [[*grid.names, *(title for title, _, _ in NUMBERS)]]
    for cell in cells:
        numbers = [_number(cell[name], digits, signed=name.endswith("_pnl")) for _, name, digits in NUMBERS]
        rows.append([*(shown(cell[name]) for name in grid.names), *numbers])
    return _aligned(rows)


def _regions(grid: Grid, regions: Sequence[dict[str, Any]]) -> list[str]:
    rows = [[*grid.names, "worst", "mean", "middle", "trades"]]
    for region in regions:
        spans = [region["ranges"][name] for name in grid.names]
        money = [region["worst_total_pnl"], region["mean_total_pnl"], region["cell"]["total_pnl"]]
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
    summary: dict[str, Any], grid: Grid, worths: Sequence[float | None], *, width: int, colours: bool
) -> list[str]:
    """The map of total P&L over the first two varied settings; the others have the best cell's values."""
    best = _place(grid, summary["best"])
    robust = _place(grid, summary["robust"][0]["cell"]) if summary["robust"] else best
    if len(grid.axes) == 1:
        labels = [shown(value) for value in grid.axes[0].values]
        # The best cell's mark comes first: if rows are left out, the row of the first mark stays.
        marks = {best[0]: "*"} | ({robust[0]: "o"} if robust != best else {})
        return [
            f"Total P&L in USD by {grid.names[0]}",
            *bars(labels, worths, marks=marks, width=width),
        ]
    down, across, *others = grid.axes
    rest = best[2:]
    at_best, at_robust = (best[0], best[1]), (robust[0], robust[1])
    places = {at_best: "*"}
    if robust[2:] == rest and robust != best:
        places[at_robust] = "o"
    picture = HeatPicture(
        rows=[shown(value) for value in down.values],
        columns=[shown(value) for value in across.values],
        values=[
            [worths[grid.cell_at((row, column, *rest))] for column in range(len(across.values))]
            for row in range(len(down.values))
        ],
        marks=places,
        row_name=down.name,
        column_name=across.name,
    )
    fixed = ", ".join(f"{axis.name} {shown(axis.values[at])}" for axis, at in zip(others, rest, strict=True))
    title = [f"Total P&L in USD, {down.name} down and {across.name} across"]
    title += [f"at {fixed}, as in the best cell"] if fixed else []
    return [*title, *heat_map(picture, width=width, colours=colours)]


def _place(grid: Grid, cell: dict[str, Any]) -> tuple[int, ...]:
    return tuple(axis.values.index(cell[axis.name]) for axis in grid.axes)


def _walk(walked: dict[str, Any], *, width: int) -> list[str]:
    """Lines for each window: the chosen cell and its P&L in the window after; then the verdict on all."""
    windows = walked["windows"]
    rows = [["tested from", "to", "best in sample", "out of sample", "robust in sample", "out of sample"]]
    for window in windows:
        money = [
            _number(window[name] and window[name][part]["total_pnl"], 0, signed=True)
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
        if walked["evidence"] is not None:
            verdict = f"out of sample: {walked['evidence'][name]['verdict']}"
            lines += textwrap.wrap(verdict, width, initial_indent=" " * 11, subsequent_indent=" " * 11)
    return lines


@dataclass(frozen=True)
class HeatPicture:
    """The content of a map: values by row and column (None without a trade), names, and marked cells."""

    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[float | None]]
    marks: Mapping[tuple[int, int], str]
    row_name: str
    column_name: str


def takes_colours(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether the stream is a terminal with 256 colours and NO_COLOR is not set."""
    if not stream.isatty() or environment.get("NO_COLOR"):
        return False
    return "256color" in environment.get("TERM", "") or "COLORTERM" in environment


def width_of(stream: TextIO) -> int:
    """Returns the width of a terminal; for a pipe a fixed number, so its output is always the same."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or WIDTH_PIPED
    except (OSError, ValueError):
        return WIDTH_PIPED


def heat_map(picture: HeatPicture, *, width: int, colours: bool) -> list[str]:
    """Returns the lines of the map and its legend, none wider than ``width``."""
    scale = HeatScale.of([value for row in picture.values for value in row])
    labels = max(len(picture.row_name), *map(len, picture.rows))
    labels = min(labels, max(width // 3, 1))
    room = max(width - labels - 3, 1)
    marked = next(iter(picture.marks), (0, 0))
    across = _every(len(picture.columns), room, marked[1])
    down = _every(len(picture.rows), ROWS_MAX, marked[0])
    name = max(len(picture.columns[at]) for at in across) + 1
    cell = max(min(room // len(across), max(name, CELL_WIDTH_MIN)), 1)
    lines = [f"{picture.row_name[:labels]:>{labels}}   {picture.column_name}"[:width]]
    lines.append(" " * (labels + 2) + _head([picture.columns[at] for at in across], cell, room))
    for row in down:
        shown = [
            scale.cell(picture.values[row][at], picture.marks.get((row, at), ""), width=cell, colours=colours)
            for at in across
        ]
        lines.append(f"{picture.rows[row][:labels]:>{labels}}  {''.join(shown)}".rstrip())
    lines += scale.legend(width=width, colours=colours)
    if cell > 1:
        lines += _mark_lines(picture.marks.values(), width)
    skipped = []
    if len(down) < len(picture.rows):
        skipped.append(f"{len(down)} of {len(picture.rows)} rows")
    if len(across) < len(picture.columns):
        skipped.append(f"{len(across)} of {len(picture.columns)} columns")
    if skipped:
        lines.append(f"shown: {' and '.join(skipped)}"[:width])
    return lines


def _every(count: int, room: int, through: int) -> range:
    """Evenly spaced indices below ``count``, at most about ``room`` of them, always including ``through``."""
    step = -(-count // room)
    return range(through % step, count, step)


def _head(names: Sequence[str], cell: int, room: int) -> str:
    """The names of the columns, each above its column; a name without room is left out."""
    line = ""
    for at, name in enumerate(names):
        start = at * cell
        if start >= len(line) + (1 if line else 0) and start + len(name) <= room:
            line = line.ljust(start) + name
    return line


@dataclass(frozen=True)
class HeatScale:
    """Maps a value to a step: gains on one scale and losses on another, each from 0 to its largest.

    On a common scale large losses would leave too few steps to tell good cells apart.
    """

    low: float
    high: float
    zero: bool = False
    idle: bool = False

    @classmethod
    def of(cls, values: Sequence[float | None]) -> "HeatScale":
        known = [value for value in values if value is not None]
        return cls(
            min(known, default=0.0), max(known, default=0.0), zero=0 in known, idle=len(known) < len(values)
        )

    def step(self, value: float, steps: int) -> int:
        """The step of a value: from -``steps`` (worst loss) to ``steps`` (best gain), 0 for exactly 0."""
        if value == 0:
            return 0
        share = value / (self.high if value > 0 else self.low)
        found = min(int(share * steps) + 1, steps)
        return found if value > 0 else -found

    def cell(self, value: float | None, mark: str, *, width: int, colours: bool) -> str:
        """One cell, ``width`` wide."""
        if colours:
            step = 0 if value is None else self.step(value, len(GAINS))
            colour = IDLE if value is None else ZERO
            if step:
                colour = GAINS[step - 1] if step > 0 else LOSSES[-step - 1]
            text = mark.center(width) if width > 1 else " "
            # Black on the light steps, white on the dark ones.
            ink = 16 if abs(step) < 4 else 231
            return f"\x1b[48;5;{colour};38;5;{ink}m{text}\x1b[0m"
        step = 0 if value is None else self.step(value, len(LETTERS))
        sign = "-" if value is None else "." if step == 0 else str(step) if step > 0 else LETTERS[-step - 1]
        return (sign + mark if width > 1 else sign).ljust(width)

    def legend(self, *, width: int, colours: bool) -> list[str]:
        """The lines that explain the steps."""
        digits = 0 if max(self.high, -self.low) >= 100 else 2
        rows = [
            (self.high > 0, GAINS, "1 to 9", f"gains, from 0 to {self.high:+,.{digits}f} USD"),
            (self.low < 0, LOSSES, "a to i", f"losses, from 0 to {self.low:+,.{digits}f} USD"),
            (self.zero, (ZERO,), ".", "neither gain nor loss"),
            (self.idle, (IDLE,), "-", "no trade"),
        ]
        lines = []
        for there, palette, letters, text in rows:
            if there and colours:
                swatches = "".join(f"\x1b[48;5;{colour}m \x1b[0m" for colour in palette)
                lines.append(swatches + f"  {text}"[: max(width - len(palette), 0)])
            elif there:
                lines.append(f"{letters}  {text}"[:width])
        return lines


def bars(
    labels: Sequence[str], values: Sequence[float | None], *, marks: Mapping[int, str], width: int
) -> list[str]:
    """Returns one line with a bar per value, for a sweep over one setting, where a map has only one row."""
    most = max(abs(value or 0.0) for value in values)
    words = ["no trade" if value is None else f"{value:+,.0f}" for value in values]
    wide, money = max(map(len, labels)), max(map(len, words))
    room = max(width - wide - money - 8, 1)
    shown_at = _every(len(values), ROWS_MAX, next(iter(marks), 0))
    lines = []
    for at in shown_at:
        value = values[at] or 0.0
        bar = ("+" if value > 0 else "-") * (round(abs(value) / most * room) if most else 0)
        lines.append(
            f"{labels[at]:>{wide}} {marks.get(at, ''):<1} {words[at]:>{money}}  {bar}"[:width].rstrip()
        )
    lines += _mark_lines(marks.values(), width)
    if len(shown_at) < len(values):
        lines.append(f"shown: {len(shown_at)} of {len(values)} values")
    return [line[:width] for line in lines]


def _mark_lines(marks: Iterable[str], width: int) -> list[str]:
    meaning = {"*": "best cell", "o": "middle of the most robust region"}
    return [f"{mark} {meaning[mark]}"[:width] for mark in marks]
