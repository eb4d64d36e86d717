"""Interleaved repetitions, ratios within a run, and their output as a table or JSON.

It must not know any area. An area is a module with ``run(options) -> list[Table]``.
"""

import gc
import os
import platform
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCHEMA = "arbcore.bench/1"
OURS, PEER, FLOOR, HELD, GOAL = "ours", "peer", "floor", "held", "goal"


class Disagreement(Exception):
    """Raised if two engines that should do the same work do not; their times cannot be compared."""


@dataclass(frozen=True)
class Options:
    """The options of the command line."""

    quick: bool = False
    repetitions: int = 5
    baselines: Path | None = None
    seed: int = 7

    def sized(self, full: int, quick: int) -> int:
        return quick if self.quick else full


@dataclass
class Row:
    """One engine's values, one per repetition; ``missing`` is the reason if there are none."""

    name: str
    role: str
    samples: list[float] = field(default_factory=list)
    note: str = ""
    missing: str = ""
    extra: dict[str, list[float]] = field(default_factory=dict)


@dataclass
class Ratio:
    """The ratio of ``top`` to ``under`` in each repetition, and its goal."""

    label: str
    top: Row
    under: Row
    at_least: float | None = None
    at_most: float | None = None

    def samples(self) -> list[float]:
        """Returns one ratio per repetition; none if a row has no samples."""
        return [a / b for a, b in zip(self.top.samples, self.under.samples, strict=False) if b]

    def met(self) -> bool | None:
        """Whether the median meets the goal; None without a goal or if a row is missing."""
        values = self.samples()
        if not values or (self.at_least is None and self.at_most is None):
            return None
        median = statistics.median(values)
        if self.at_least is not None:
            return median >= self.at_least
        return self.at_most is None or median <= self.at_most

    def goal(self) -> str:
        if self.at_least is not None:
            return f"at least {self.at_least:g}"
        return f"at most {self.at_most:g}" if self.at_most is not None else ""


@dataclass
class Table:
    """One comparison: rows in one unit, the claimed ratios, and notes for the reader."""

    area: str
    title: str
    unit: str
    rows: list[Row]
    ratios: list[Ratio] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def measure(rows: list[Row], engines: dict[str, Callable[[], Any]], options: Options) -> None:
    """Runs every engine once per repetition, in rotating order, and stores the values that they return.

    An engine returns its value, or a dict with "value" and further columns. The first round is discarded.
    """
    by_name = {row.name: row for row in rows}
    names = list(engines)
    for repetition in range(-1, options.repetitions):
        turn = repetition % len(names)
        for name in names[turn:] + names[:turn]:
            gc.collect()
            result = engines[name]()
            if repetition < 0:
                continue
            row = by_name[name]
            columns = dict(result) if isinstance(result, dict) else {"value": result}
            row.samples.append(columns.pop("value"))
            for column, value in columns.items():
                row.extra.setdefault(column, []).append(value)


def spread(samples: list[float]) -> tuple[float, float, float]:
    """Returns (min, median, max)."""
    return min(samples), statistics.median(samples), max(samples)


def number(value: float) -> str:
    """Formats a number with three significant digits, or as a whole number if it has more."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


# --- output -----------------------------------------------------------------------------------------


def render(table: Table) -> str:
    """Returns the table as text, with ratios and notes below it."""
    extras = list(dict.fromkeys(column for row in table.rows for column in row.extra))
    header = ["", "", "min", "median", "max", *extras]
    body = []
    for row in table.rows:
        if row.missing:
            body.append([row.name, row.role, row.missing])
            continue
        middles = {column: number(statistics.median(values)) for column, values in row.extra.items()}
        cells = [number(value) for value in spread(row.samples)]
        cells += [middles.get(column, "") for column in extras]
        body.append([row.name, row.role, *cells])
    full = [cells for cells in [header, *body] if len(cells) == len(header)]
    widths = [max(len(cells[i]) for cells in full) for i in range(len(header))]
    widths[0] = max(len(cells[0]) for cells in [header, *body])
    widths[1] = max(len(cells[1]) for cells in [header, *body])
    lines = [f"{table.area}: {table.title} ({table.unit})"]
    for cells in [header, *body]:
        text = [cells[0].ljust(widths[0]), cells[1].ljust(widths[1])]
        if len(cells) == len(header):
            text += [cell.rjust(width) for cell, width in zip(cells[2:], widths[2:], strict=True)]
        else:
            text += cells[2:]
        lines.append(("  " + "  ".join(text)).rstrip())
    lines += ["  " + line for line in map(render_ratio, table.ratios)]
    lines += [f"  note: {row.name}: {row.note}" for row in table.rows if row.note]
    lines += [f"  note: {note}" for note in table.notes]
    return "\n".join(lines)


def render_ratio(ratio: Ratio) -> str:
    """Returns one line: the median, the spread, and whether the goal is met."""
    values = ratio.samples()
    if not values:
        return f"{ratio.label}: not measured" + (f" (goal: {ratio.goal()})" if ratio.goal() else "")
    low, median, high = spread(values)
    text = f"{ratio.label}: {number(median)}x  ({number(low)} to {number(high)})"
    if ratio.goal():
        text += f"  goal: {ratio.goal()}: {'met' if ratio.met() else 'MISSED'}"
    return text


def table_json(table: Table) -> dict[str, Any]:
    """Returns the table with every sample."""
    def summary(samples: list[float]) -> dict[str, Any]:
        if not samples:
            return {"samples": []}
        low, median, high = spread(samples)
        return {"min": low, "median": median, "max": high, "samples": samples}

    return {
        "schema": SCHEMA,
        "area": table.area,
        "title": table.title,
        "unit": table.unit,
        "rows": [
            {
                "name": row.name, "role": row.role, "missing": row.missing or None, "note": row.note or None,
                **summary(row.samples),
                "extra": {column: summary(values) for column, values in row.extra.items()},
            }
            for row in table.rows
        ],
        "ratios": [
            {
                "label": ratio.label, "goal": ratio.goal() or None, "met": ratio.met(),
                **summary(ratio.samples()),
            }
            for ratio in table.ratios
        ],
        "notes": table.notes,
    }


def machine() -> dict[str, Any]:
    """Describes the machine on which the numbers were measured."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return {
        "cpu": model, "cores": os.cpu_count(), "python": platform.python_version(), "platform": sys.platform,
        "load": round(load, 2),
    }
