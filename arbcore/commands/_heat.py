"""A heat map on a terminal: coloured blocks where it takes them, digits and letters elsewhere.

Owns the scale, the legend and that no line is wider than it may be. It must not know where the values come
from.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

#: Background colours of the 256-colour palette, from next to nothing to the most; blue and red are told apart
#: by nearly everybody.
GAINS = (195, 159, 117, 75, 33, 26)
LOSSES = (224, 217, 210, 203, 197, 161)
NOTHING = 252
LETTERS = "abcdefghi"
#: Where there is room; wider where the names of the columns are.
CELL_WIDTH_MIN = 4
ROWS_MAX = 30
WIDTH_PIPED = 80


@dataclass(frozen=True)
class Picture:
    """What is drawn: values by row and column, the names of both, and the places that are marked."""

    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[float]]
    marks: Mapping[tuple[int, int], str]
    row_name: str
    column_name: str


def takes_colours(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether blocks of the 256-colour palette may be written; NO_COLOR says that they are not wanted."""
    if not stream.isatty() or environment.get("NO_COLOR"):
        return False
    return "256color" in environment.get("TERM", "") or "COLORTERM" in environment


def width_of(stream: TextIO) -> int:
    """The columns of a terminal; a fixed number elsewhere, so that what is piped is always the same."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or WIDTH_PIPED
    except (OSError, ValueError):
        return WIDTH_PIPED


def heat_map(picture: Picture, *, width: int, colours: bool) -> list[str]:
    """The lines of the map with its legend, none wider than ``width``."""
    scale = Scale.of([value for row in picture.values for value in row])
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
    """Numbers below ``count``, as many as there is room for, evenly spaced, ``through`` among them."""
    step = -(-count // room)
    return range(through % step, count, step)


def _head(names: Sequence[str], cell: int, room: int) -> str:
    """The names of the columns, each above its column, those left out for which there is no room."""
    line = ""
    for at, name in enumerate(names):
        start = at * cell
        if start >= len(line) + (1 if line else 0) and start + len(name) <= room:
            line = line.ljust(start) + name
    return line


@dataclass(frozen=True)
class Scale:
    """From a value to a step, gains and losses each from the smallest to the largest.

    Each has a scale of its own: large losses at one end would leave no steps to tell good cells apart.
    """

    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Scale":
        return cls(min(values), max(values))

    def step(self, value: float, steps: int) -> int:
        """From -``steps`` (the worst loss) to ``steps`` (the best gain); 0 is no P&L."""
        if value == 0:
            return 0
        gain = value > 0
        near, far = (max(self.low, 0.0), self.high) if gain else (min(self.high, 0.0), self.low)
        share = (value - near) / (far - near) if far != near else 1.0
        found = min(int(share * steps) + 1, steps)
        return found if gain else -found

    def cell(self, value: float, mark: str, *, width: int, colours: bool) -> str:
        """One cell, ``width`` wide."""
        if colours:
            step = self.step(value, len(GAINS))
            colour = NOTHING if step == 0 else GAINS[step - 1] if step > 0 else LOSSES[-step - 1]
            text = mark.center(width) if width > 1 else " "
            # Black on the light steps, white on the dark ones.
            ink = 16 if abs(step) < 4 else 231
            return f"\x1b[48;5;{colour};38;5;{ink}m{text}\x1b[0m"
        step = self.step(value, len(LETTERS))
        sign = "." if step == 0 else str(step) if step > 0 else LETTERS[-step - 1]
        return (sign + mark if width > 1 else sign).ljust(width)

    def legend(self, *, width: int, colours: bool) -> list[str]:
        """What the steps mean."""
        rows: list[tuple[Sequence[int], str, str]] = []
        if self.high > 0:
            rows.append((GAINS, "1 to 9", f"{max(self.low, 0.0):+,.0f} to {self.high:+,.0f} USD"))
        if self.low < 0:
            rows.append((LOSSES, "a to i", f"{min(self.high, 0.0):+,.0f} to {self.low:+,.0f} USD"))
        if self.low <= 0 <= self.high:
            rows.append(((NOTHING,), ".", "neither gain nor loss"))
        lines = []
        for palette, letters, text in rows:
            if colours:
                swatches = "".join(f"\x1b[48;5;{colour}m \x1b[0m" for colour in palette)
                lines.append(swatches + f"  {text}"[: max(width - len(palette), 0)])
            else:
                lines.append(f"{letters}  {text}"[:width])
        return lines


def bars(
    labels: Sequence[str], values: Sequence[float], *, marks: Mapping[int, str], width: int
) -> list[str]:
    """One line a value with a bar of it: what a map of one row would not show."""
    most = max(abs(value) for value in values)
    wide = max(map(len, labels))
    money = max(len(f"{value:+,.0f}") for value in values)
    room = max(width - wide - money - 8, 1)
    shown = _every(len(values), ROWS_MAX, next(iter(marks), 0))
    lines = []
    for at in shown:
        value = values[at]
        length = round(abs(value) / most * room) if most else 0
        bar = ("+" if value > 0 else "-") * length
        lines.append(
            f"{labels[at]:>{wide}} {marks.get(at, ''):<1} {value:>+{money},.0f}  {bar}"[:width].rstrip()
        )
    lines += _mark_lines(marks.values(), width)
    if len(shown) < len(values):
        lines.append(f"shown: {len(shown)} of {len(values)} values")
    return [line[:width] for line in lines]


def _mark_lines(marks: Iterable[str], width: int) -> list[str]:
    meaning = {"*": "best cell", "o": "middle of the most robust region"}
    return [f"{mark} {meaning[mark]}"[:width] for mark in marks]
