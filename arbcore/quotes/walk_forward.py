"""Shell: walk-forward runs: settings are chosen on one part of the data and tested on the next.

Owns the division into windows and the report on them. Each window is its own run: it starts flat and closes
an open position at its end, so no P&L stays hidden in an open position. A window's result depends on no later
row. Training and test are measured in the same way. All tests of one way to choose are judged together,
because the tests had no part in the choice.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from arbcore.carry.calendar import all_expiries_ns
from arbcore.core.backtest_options import BACKTEST_OPTIONS
from arbcore.core.civil import iso_time
from arbcore.core.text import plural
from arbcore.errors import ConfigError
from arbcore.quotes.judged import Judged
from arbcore.quotes.sweep_workers import Place, run_jobs
from arbcore.research._sweep import SweepBlock, leveled, run_block
from arbcore.research._sweep_rows import SweepRows
from arbcore.research.grid import Grid
from arbcore.research.regions import best_cells, robust_regions
from arbcore.research.research_settings import DAY_NS
from arbcore.research.shards import Job
from arbcore.research.totals import cell_document, classes_of

#: The most windows: each one sweeps the whole grid, so more are a mistake.
WINDOWS_MAX = 1_000
#: The ways to choose a cell on a training window.
WAYS = ("best", "robust")

#: If one of these varies, each cell has its own level.
LEARNT_WITH = {item.name for item in BACKTEST_OPTIONS.values() if item.varies and item.values_rows}

_LENGTHS = re.compile(r"([1-9][0-9]{0,8})([dr]?):([1-9][0-9]{0,8})([dr]?)")


@dataclass(frozen=True)
class Lengths:
    """The lengths of the windows, in days that have rows or in rows."""

    train: int
    test: int
    in_rows: bool


@dataclass(frozen=True)
class Window:
    """Row numbers: training is from ``first`` to before ``split``, the test from there to before ``last``."""

    first: int
    split: int
    last: int


def read_lengths(text: str) -> Lengths:
    """Reads ``20:5`` or ``20d:5d`` in days, ``2000r:500r`` in rows. Raises ConfigError."""
    found = _LENGTHS.fullmatch(text)
    if found is None or (found[2] or "d") != (found[4] or "d"):
        raise ConfigError(
            f"The walk-forward windows are {text!r}; they may be TRAIN:TEST in days with rows, such as 20:5, "
            "or in rows, such as 2000r:500r."
        )
    return Lengths(int(found[1]), int(found[3]), in_rows=found[2] == "r")


def windows_of(rows: SweepRows, lengths: Lengths) -> list[Window]:
    """All windows of the rows; each begins one test later than the previous, and the last test may be short.

    Raises ConfigError if there are too few rows for one window, or too many windows.
    """
    edges = _edges(rows, lengths)
    units = len(edges) - 1
    name = "row" if lengths.in_rows else "day"
    if units <= lengths.train:
        raise ConfigError(
            f"The data has {plural(units, name)}, too few to train on {lengths.train:,} and test on what "
            "follows; take shorter windows."
        )
    windows_all = -(-(units - lengths.train) // lengths.test)
    if windows_all > WINDOWS_MAX:
        raise ConfigError(
            f"The windows would be {windows_all:,}, and a walk-forward run has at most {WINDOWS_MAX:,}; "
            "take a longer test."
        )
    windows = []
    for at in range(0, units - lengths.train, lengths.test):
        split = at + lengths.train
        last = min(split + lengths.test, units)
        windows.append(Window(edges[at], edges[split], edges[last]))
    return windows


def _edges(rows: SweepRows, lengths: Lengths) -> Sequence[int]:
    """The first row of each unit, and the end of the last one."""
    if lengths.in_rows:
        return range(rows.count + 1)
    edges = []
    at = 0
    while at < rows.count:
        edges.append(at)
        at = _first_at(rows, (rows.ts_ns(at) // DAY_NS + 1) * DAY_NS, at)
    return [*edges, rows.count]


def _first_at(rows: SweepRows, ts_ns: int, low: int) -> int:
    """The first row at or after a time, not before ``low``."""
    high = rows.count
    while low < high:
        middle = (low + high) // 2
        if rows.ts_ns(middle) < ts_ns:
            low = middle + 1
        else:
            high = middle
    return low


def walk(
    job: Job, windows: Sequence[Window], place: Place, *, count: Callable[[int], None]
) -> dict[str, object]:
    """Chooses the best and the robust cell of each training window, and tests both on the rows after it.

    Both are measured in the same way: each run starts flat and closes an open position at its end. One level
    goes through the whole file, learnt from the rows before, in whichever window they are. If a setting of
    the level varies, each window learns its own level anew. If nothing was traded in training, no cell is
    chosen. ``count`` is called with the number of cells done.
    """
    grid = Grid(replace(job.grid.base, close_at_end=True), job.grid.axes)
    if not set(grid.names) & LEARNT_WITH:
        expiries_ns = all_expiries_ns() if job.expiry_ns is None else (job.expiry_ns,)
        rows = leveled(job.rows, grid.base, expiries_ns=expiries_ns, fixed=job.expiry_ns is not None)
        grid = Grid(replace(grid.base, factor="column"), grid.axes)
        job = replace(job, rows=rows, grid=grid)
    documents = []
    judged = {name: Judged() for name in WAYS}
    for window in windows:
        train = _part(job, window.first, window.split)
        test = _part(job, window.split, window.last)
        (block,) = run_jobs([Job(train.rows, grid, job.expiry_ns, full=False)], place, count)
        totals = block.columns["total_pnl"]
        idle = [each == "idle" for each in classes_of(block)]
        chosen = {} if all(idle) else {"best": best_cells(totals, 1)[0]}
        for region in robust_regions(grid, totals, 1, idle=idle):
            chosen["robust"] = region.cell
        cells = list(chosen.values())
        trained = run_cells(train.rows, grid, cells, expiry_ns=job.expiry_ns)
        tested = run_cells(test.rows, grid, cells, expiry_ns=job.expiry_ns)
        document: dict[str, Any] = _window_document(job.rows, window)
        document |= {"train_rows_traded": train.traded, "test_rows_traded": test.traded}
        document |= dict.fromkeys(WAYS)
        for at, (name, cell) in enumerate(chosen.items()):
            document[name] = {
                "params": dict(zip(grid.names, grid.values_of(cell), strict=True)),
                "in_sample": cell_document(trained, at),
                "out_of_sample": cell_document(tested, at),
            }
            if grid.base.fill != "mid":
                settings = grid.settings([cell])[0]
                judged[name].add(test.rows, settings, expiry_ns=job.expiry_ns, keep_equity=True)
        documents.append(document)
    ways = {name: _totals(documents, name) for name in WAYS}
    evidence = None if grid.base.fill == "mid" else {name: judged[name].evidence() for name in WAYS}
    return {"windows": documents, **ways, "evidence": evidence}


@dataclass(frozen=True)
class _Part:
    """The rows of a run, and the number of rows it may trade on: those with a known level."""

    rows: SweepRows
    traded: int


def _part(job: Job, first: int, last: int) -> _Part:
    """The rows of a run, from ``first`` to before ``last``."""
    rows = job.rows.window(first, last)
    return _Part(rows, rows.known_factors() if rows.has_factor else last - first)


def run_cells(rows: SweepRows, grid: Grid, cells: Sequence[int], *, expiry_ns: int | None) -> SweepBlock:
    """The numbers of a few cells, including those that need every row."""
    expiries_ns = all_expiries_ns() if expiry_ns is None else (expiry_ns,)
    return run_block(
        rows, grid.settings(cells), expiries_ns=expiries_ns, fixed=expiry_ns is not None, full=True
    )


def _window_document(rows: SweepRows, window: Window) -> dict[str, Any]:
    return {
        "train_rows": window.split - window.first,
        "train_first_ts": iso_time(rows.ts_ns(window.first)),
        "train_last_ts": iso_time(rows.ts_ns(window.split - 1)),
        "test_rows": window.last - window.split,
        "test_first_ts": iso_time(rows.ts_ns(window.split)),
        "test_last_ts": iso_time(rows.ts_ns(window.last - 1)),
    }


def _totals(documents: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    """The sums over all windows of one way to choose; ``efficiency`` is P&L per row out of sample over that
    in sample."""
    chosen = [each[name] for each in documents if each[name] is not None]
    inside = sum(each["in_sample"]["total_pnl"] for each in chosen)
    outside = sum(each["out_of_sample"]["total_pnl"] for each in chosen)
    rows_inside = sum(each["train_rows_traded"] for each in documents)
    rows_outside = sum(each["test_rows_traded"] for each in documents)
    known = inside > 0 and rows_outside > 0
    return {
        "in_sample_net_pnl": inside,
        "out_of_sample_net_pnl": outside,
        "out_of_sample_trades": sum(each["out_of_sample"]["trades"] for each in chosen),
        "windows_won": sum(each["out_of_sample"]["total_pnl"] > 0 for each in chosen),
        "efficiency": (outside / rows_outside) / (inside / rows_inside) if known else None,
    }
