"""The sweep's face: data and ranges in, one row a cell out. A shell, for it opens files and starts threads.

Owns the choice of threads and the shape of a result. Ranges and cells are the grid's, the numbers the
kernel's. The valid rows are kept in memory, 56 bytes each, since every cell goes over them.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from arbcore.carry._sweep import SweepBlock, run_block
from arbcore.carry._sweep_rows import SweepRows
from arbcore.carry.backtest import expiry_instant_of, make_settings
from arbcore.carry.calendar import all_expiries_ns
from arbcore.carry.civil import iso_time
from arbcore.carry.grid import Grid, split_ranges
from arbcore.carry.reading import Read, read_into
from arbcore.carry.table import Table
from arbcore.errors import ConfigError

SCHEMA = "arbcore.sweep/1"

#: Called with the cells that are done and those in all.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SweepResult:
    """What a sweep came to: ``table`` has one row a cell, the settings that vary first."""

    grid: Grid
    table: Table
    summary: dict[str, Any]
    notes: tuple[str, ...]

    @property
    def best(self) -> dict[str, Any]:
        """The cell with the largest net P&L, the first of equals."""
        nets = self.table["net_pnl"]
        return self.cell(max(range(len(nets)), key=nets.__getitem__))

    def cell(self, at: int) -> dict[str, Any]:
        """One row of the table by the names of its columns."""
        return {name: column[at] for name, column in self.table.items()}


def sweep(
    data: Any,
    *,
    expiry: str | int | None = None,
    sort: bool = False,
    skip_bad: bool = False,
    workers: int | None = None,
    full: bool = False,
    progress: Progress | None = None,
    **settings: Any,
) -> SweepResult:
    """Runs every combination of the settings' ranges over the same quotes, each as ``backtest`` would.

    Settings are those of ``backtest``; a numeric one may be ``"LO:HI:STEP"`` (both ends included) or a
    sequence of numbers. The first named range varies slowest. ``data`` and ``expiry`` are those of
    ``backtest``, its rows are kept in memory. ``workers`` threads (one a core) share the cells. ``full``
    adds the drawdown marked to market and Sharpe, which need every row. P&L in USD. Raises ConfigError
    before anything is read where one cell would be refused, and what ``backtest`` raises.
    """
    fixed, axes = split_ranges(settings)
    grid = Grid(make_settings(fixed), axes)
    expiry_ns = expiry_instant_of(expiry)
    threads = check_workers(workers)
    rows = SweepRows()
    read = read_into(rows, data, sort=sort, skip_bad=skip_bad)
    block = run_threads(rows, grid, expiry_ns=expiry_ns, full=full, workers=threads, progress=progress)
    return result_of(grid, block, rows, read=read, expiry_ns=expiry_ns)


def check_workers(workers: int | None) -> int:
    """How many threads: those asked for, or one a core. ConfigError for less than one."""
    if workers is None:
        return os.cpu_count() or 1
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise ConfigError(f"workers is {workers!r}; it is how many threads work, 1 or more.")
    return workers


def run_threads(
    rows: SweepRows,
    grid: Grid,
    *,
    expiry_ns: int | None,
    full: bool,
    workers: int,
    progress: Progress | None = None,
) -> SweepBlock:
    """All cells over the rows, shared among threads; the result does not depend on how many."""
    expiries_ns = all_expiries_ns() if expiry_ns is None else (expiry_ns,)
    size = -(-grid.cells // (workers * 4))

    def run(first: int) -> SweepBlock:
        cells = grid.settings(first, min(first + size, grid.cells))
        return run_block(rows, cells, expiries_ns=expiries_ns, fixed=expiry_ns is not None, full=full)

    blocks = []
    done = 0
    with ThreadPoolExecutor(workers) as pool:
        for block in pool.map(run, range(0, grid.cells, size)):
            blocks.append(block)
            done += len(block)
            if progress is not None:
                progress(done, grid.cells)
    return SweepBlock.joined(blocks)


def result_of(
    grid: Grid, block: SweepBlock, rows: SweepRows, *, read: Read, expiry_ns: int | None
) -> SweepResult:
    """The cells' numbers as the result that a person gets, undefined numbers as None."""
    columns: dict[str, Any] = dict(grid.columns())
    for name, column in block.columns.items():
        # An undefined number is no number, which alone differs from itself.
        columns[name] = [None if value != value else value for value in column]
    first_ns, last_ns = rows.first_ns, rows.last_ns
    params = {"expiry": None if expiry_ns is None else iso_time(expiry_ns), **grid.base.document()}
    summary = {
        "schema": SCHEMA,
        "rows": read.rows,
        "rows_used": rows.count,
        "rows_skipped": read.skipped,
        "first_ts": None if first_ns is None else iso_time(first_ns),
        "last_ts": None if last_ns is None else iso_time(last_ns),
        "params": {name: value for name, value in params.items() if name not in grid.names},
        "ranges": {axis.name: list(axis.values) for axis in grid.axes},
        "cells": grid.cells,
    }
    notes = ("There is no usable row; nothing could be traded.",) if not rows.count else ()
    result = SweepResult(grid, Table(columns), summary, notes)
    summary["best"] = result.best
    return result
