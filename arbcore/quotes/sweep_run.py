"""``arbcore.sweep``: data and ranges in, one row per cell out. A shell, because it opens files.

Owns the order of the work and the shape of a result. The grid has ranges and cells, the kernel computes the
numbers, the workers have threads and executors. The valid rows stay in memory, 56 bytes each, because every
cell reads them.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from arbcore.carry.evidence import Winner, sweep_evidence
from arbcore.carry.level import LevelMode
from arbcore.core.backtest_options import SweepKeywords
from arbcore.core.civil import iso_time
from arbcore.core.result_documents import (
    Cell,
    FileDocument,
    ImpliedFinancing,
    RegionDocument,
    SweepEvidence,
    SweepSummary,
)
from arbcore.core.text import printable
from arbcore.errors import ConfigError, UsageError
from arbcore.quotes.backtest_run import (
    check_schedule,
    closed_note,
    expiries_of,
    expiry_instant_of,
    front_note,
    make_settings,
    settled_pair,
    warming_note,
)
from arbcore.quotes.index_column import true_factors
from arbcore.quotes.judged import Judged
from arbcore.quotes.quote_data import QuoteData, spell_out
from arbcore.quotes.reading import Read, ReadOptions, read_into
from arbcore.quotes.sweep_workers import open_place, run_jobs
from arbcore.quotes.table import Table
from arbcore.quotes.terms_files import read_terms
from arbcore.quotes.walk_forward import Lengths, read_lengths, run_cells, walk, windows_of
from arbcore.research._backtest import Backtest
from arbcore.research._sweep import SweepBlock, row_values
from arbcore.research._sweep_rows import SweepRows
from arbcore.research.findings import edge_document, factor_document, implied_document, plausibility_notes
from arbcore.research.grid import Grid, shown, split_ranges
from arbcore.research.regions import Region, best_cells, on_border, robust_regions
from arbcore.research.research_settings import BacktestSettings
from arbcore.research.shards import Job
from arbcore.research.totals import cell_document, classes_of, merged, take_periods
from arbcore.system.output_file import OutputFile

if TYPE_CHECKING:
    from typing_extensions import Unpack

SCHEMA = "arbcore.sweep/2"
#: With more cells there is no matrix of P&L by period and cell, and therefore no evidence.
EVIDENCE_CELLS_MAX = 20_000

#: Called with the number of cells done and the number of all cells.
Progress = Callable[[int, int], None]
#: Called with the bytes read, the total bytes if known, and the rows so far.
Reading = Callable[[int, int | None, int], None]


@dataclass(frozen=True)
class SweepResult:
    """The result of a sweep, as ``arbcore.sweep`` returns it; a notebook shows its best cells.

    Attributes:
        grid: the settings that vary, and their values.
        table: one row per cell, first the settings that vary; money in USD.
        summary: the document of ``arbcore sweep --json`` without the table.
        notes: sentences for people to read.

    >>> import arbcore
    >>> second = 1_000_000_000
    >>> found = arbcore.sweep({
    ...     "ts": [1_770_040_800 * second, 1_770_040_801 * second],
    ...     "es_bid": [6_030.0, 6_000.0], "es_ask": [6_030.25, 6_000.25],
    ...     "spy_bid": [600.0, 600.0], "spy_ask": [600.01, 600.01],
    ... }, expiry="2026-03-20", factor=10.0, r=0.0, d=0.0, entry_bps="3:103:50")
    >>> found.best["entry_bps"], found.cell(2)["class"]
    (3.0, 'idle')
    """

    grid: Grid
    table: Table
    summary: SweepSummary
    notes: tuple[str, ...]

    @property
    def best(self) -> dict[str, Cell] | None:
        """The cell with the largest total P&L, the first of equal ones; None if nothing was traded."""
        return self.summary["best"]

    @property
    def robust(self) -> dict[str, Cell] | None:
        """The cell whose worst neighbour within one step is best; None if nothing was traded."""
        regions = self.summary["robust"]
        return regions[0]["cell"] if regions else None

    def _repr_html_(self) -> str:
        """The best cells as HTML, for a notebook."""
        from arbcore.pages.notebook import shown as as_text
        from arbcore.pages.notebook import small_table
        from arbcore.pages.words import in_unit, label_of

        numbers = ("total_pnl", "trades", "wins", "max_drawdown")
        head = [*map(in_unit, self.grid.names), *map(label_of, numbers)]
        rows = [
            [as_text(cell[name]) for name in (*self.grid.names, *numbers)]
            for cell in self.summary["best_cells"]
        ]
        caption = f"Best of {self.grid.cells:,} cells by total P&L, money in USD"
        return small_table(caption, head, rows)

    def cell(self, at: int) -> dict[str, Cell]:
        """One row of the table, by column name."""
        return {name: column[at] for name, column in self.table.items()}

    def to_html(self) -> str:
        """The result as one self-contained HTML page."""
        from arbcore.quotes.sweep_view import page_of

        evidence = self.summary["evidence"]
        notes = self.notes if evidence is None else (evidence["verdict"], *self.notes)
        return page_of(self.summary, grid=self.grid, table=self.table, notes=notes)

    def write_html(self, path: str | Path) -> None:
        """Writes the page to a file, completely or not at all. RunError if it cannot be written."""
        text = self.to_html()
        with OutputFile(Path(path)) as stream:
            stream.write(text)


@dataclass(frozen=True)
class Quotes:
    """The rows of one file, their source, and the result of reading them."""

    name: str
    rows: SweepRows
    read: Read
    source: Any
    options: ReadOptions


def sweep(
    data: QuoteData | Sequence[QuoteData],
    *,
    expiry: str | int | None = None,
    sort: bool = False,
    skip_bad: bool = False,
    tz: str | None = None,
    time_order: str = "mdy",
    workers: int | None = None,
    executor: Executor | None = None,
    dask: str | None = None,
    full: bool = False,
    walk_forward: str | None = None,
    drop_outliers: bool = False,
    progress: Progress | None = None,
    reading: Reading | None = None,
    **settings: "Unpack[SweepKeywords]",
) -> SweepResult:
    """Runs every combination of the settings' ranges over the same quotes, each as ``backtest`` would.

    Args:
        data: as for ``backtest``, or a list of such: each is swept by itself, and the table has their sums.
        expiry: as for ``backtest``, like ``sort``, ``skip_bad``, ``tz``, ``time_order``, ``drop_outliers``.
        workers: the number of threads that share the cells; one per processor if not given.
        executor: used instead of threads: any ``concurrent.futures.Executor`` whose workers have this
            arbcore.
        dask: used instead of threads: the address of a Dask scheduler. The result is the same to the last
            bit.
        full: add the drawdown marked to market and Sharpe, which need every row, to every cell; the best
            cells always have them.
        walk_forward: choose cells on each window and test them on the next: ``"20:5"`` in days with rows,
            ``"2000r:500r"`` in rows.
        progress: called with (cells done, cells in total) from time to time.
        reading: called with (bytes read, total bytes or None, rows) from time to time.
        **settings: those of ``backtest``; a number may be ``"LO:HI:STEP"`` (both ends included), a list such
            as ``"1,2,5"``, or a sequence of numbers. The first named range varies slowest.

    Returns:
        ``table`` (one row per cell), ``best`` and ``robust`` cells, ``summary``, ``notes``. Money in USD;
        cells are ranked by ``total_pnl``: ``net_pnl`` with the open position closed at the last row.

    Raises:
        ConfigError: a cell's settings are not valid; raised before any data is read.
        RunError: a shard is lost again and again.
        DataError, InputError, UsageError: as for ``backtest``.

    >>> import arbcore
    >>> second = 1_000_000_000
    >>> quotes = {
    ...     "ts": [1_770_040_800 * second, 1_770_040_801 * second],
    ...     "es_bid": [6_030.0, 6_000.0], "es_ask": [6_030.25, 6_000.25],
    ...     "spy_bid": [600.0, 600.0], "spy_ask": [600.01, 600.01],
    ... }
    >>> found = arbcore.sweep(quotes, expiry="2026-03-20", factor=10.0, r=0.0, d=0.0, entry_bps="3:103:50")
    >>> found.table["entry_bps"], found.table["trades"]
    ([3.0, 53.0, 103.0], [1, 0, 0])
    """
    fixed, axes = split_ranges(read_terms(settings))
    grid = Grid(make_settings(fixed), axes)
    if any(axis.name == "factor" and "column" in axis.values for axis in axes):
        raise ConfigError("factor column cannot be swept with others; leave the others out.")
    options = ReadOptions(
        sort=sort,
        skip_bad=skip_bad,
        tz=tz,
        time_order=time_order,
        use_factor=grid.base.level.mode is LevelMode.COLUMN,
    )
    _check_types({"full": full, "drop_outliers": drop_outliers}, bool, "; it may be True or False")
    _check_types({"walk_forward": walk_forward, "dask": dask}, str, "; it is a text")
    _check_types({"progress": progress, "reading": reading}, Callable, ", which cannot be called")
    expiry_ns = expiry_instant_of(expiry)
    lengths = None if walk_forward is None else read_lengths(walk_forward)
    sources = _sources(data, lengths)
    _check_places(workers, executor, dask)
    with open_place(workers=workers, executor=executor, dask=dask) as place:
        quotes = [_read(source, options, reading) for source in sources]
        grid = Grid(_settled_pair(quotes, fixed), axes)
        if drop_outliers:
            quotes = [_cleaned(each, grid.base, expiry_ns) for each in quotes]
        evidence = grid.base.fill != "mid" and grid.cells <= EVIDENCE_CELLS_MAX
        jobs = [Job(each.rows, grid, expiry_ns, full, evidence) for each in quotes]
        windows = [] if lengths is None else windows_of(jobs[0].rows, lengths)
        count = _counting(progress, grid.cells * (len(jobs) + len(windows)))
        blocks = run_jobs(jobs, place, count)
        walked = None if lengths is None else walk(jobs[0], windows, place, count=count)
    return _result(quotes, jobs, blocks, walked=walked)


spell_out(sweep, SweepKeywords)


def _counting(progress: Progress | None, total: int) -> Callable[[int], None]:
    """A function that takes the number of newly finished cells, and calls ``progress``."""
    done = 0

    def count(cells: int) -> None:
        nonlocal done
        done += cells
        if progress is not None:
            progress(done, total)

    return count


def _settled_pair(quotes: Sequence[Quotes], values: Mapping[str, object]) -> BacktestSettings:
    """The settings with the pair of the files, which must be the same. UsageError if they differ."""
    found = [settled_pair(values, each.read.pair) for each in quotes]
    if len({settings.pair for settings in found}) > 1:
        raise UsageError(
            f"The files are quotes of {' and '.join(dict.fromkeys(each.pair for each in found))}; sweep one "
            "pair at a time."
        )
    check_schedule(found[0], quotes[0].rows)
    return found[0]


def _cleaned(quotes: Quotes, settings: BacktestSettings, expiry_ns: int | None) -> Quotes:
    """The quotes without the rows that stand alone."""
    alone = row_values(
        quotes.rows, settings, expiries_ns=expiries_of(expiry_ns), fixed=expiry_ns is not None
    ).outlier_rows()
    skipped = quotes.read.skipped | ({"outlier": len(alone)} if alone else {})
    return replace(quotes, rows=quotes.rows.without(alone), read=replace(quotes.read, skipped=skipped))


def _sources(data: QuoteData | Sequence[QuoteData], lengths: Lengths | None) -> list[QuoteData]:
    """The sources as a list; ConfigError if one comes twice."""
    sources: list[Any] = list(data) if isinstance(data, list | tuple) else [data]
    if not sources:
        raise ConfigError("There is no file to sweep; name at least one.")
    seen: set[str] = set()
    for source in sources:
        path = _path_of(source)
        if path is None:
            continue
        real = path if path == "-" else os.path.realpath(path)
        if real in seen:
            raise ConfigError(f"{printable(path)} is named twice; name each file of quotes once.")
        seen.add(real)
    if lengths is not None and len(sources) > 1:
        raise ConfigError(f"A walk-forward run is over one file of quotes, and {len(sources)} were named.")
    return sources


def _check_places(workers: int | None, executor: Executor | None, dask: str | None) -> None:
    if executor is not None and not hasattr(executor, "submit"):
        raise ConfigError(f"executor is {printable(repr(executor), 60)}, which has no submit.")
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise ConfigError(f"workers is {workers!r}; it is how many threads work, 1 or more.")
    named = {"workers": workers, "executor": executor, "dask": dask}
    chosen = [name for name, value in named.items() if value is not None]
    if len(chosen) > 1:
        raise ConfigError(
            f"{' and '.join(chosen)} exclude each other; name one place where the cells are run."
        )


def _check_types(given: Mapping[str, object], kind: Any, says: str) -> None:
    """Raises ConfigError for an argument of a wrong type; None means that it was not given."""
    for name, value in given.items():
        if not isinstance(value, kind) and (value is not None or kind is bool):
            raise ConfigError(f"{name} is {printable(repr(value), 60)}{says}.")


def _read(source: QuoteData, options: ReadOptions, reading: Reading | None) -> Quotes:
    rows = SweepRows()
    read = read_into(rows, source, options=options, progress=reading)
    name = _path_of(source) or str(getattr(source, "name", "the data"))
    return Quotes(name, rows, read, source, options)


def _path_of(source: QuoteData) -> str | None:
    return str(source) if isinstance(source, str | Path) else None


def _result(
    quotes: Sequence[Quotes],
    jobs: Sequence[Job],
    blocks: Sequence[SweepBlock],
    *,
    walked: Mapping[str, object] | None,
) -> SweepResult:
    """The cells' numbers as the user's result; an undefined number is None."""
    grid = jobs[0].grid
    pnl = take_periods(blocks)
    block = merged(blocks, [job.rows.count for job in jobs])
    columns: dict[str, Any] = dict(grid.columns())
    for name, column in block.columns.items():
        # Only NaN, an undefined number, differs from itself.
        columns[name] = [None if value != value else value for value in column]
    columns["class"] = classes_of(block)
    idle = [each == "idle" for each in columns["class"]]
    totals = block.columns["total_pnl"]
    best = [] if all(idle) else best_cells(totals)
    regions = robust_regions(grid, totals, idle=idle)
    cells = _cell_documents(jobs, [*best, *(region.cell for region in regions)])
    shown_cell = best[0] if best else 0
    judged, used = _runs_of(jobs, shown_cell, judge=jobs[0].evidence and bool(best))
    implied = [
        _implied(each, kernel, grid.settings([shown_cell])[0])
        for each, kernel in zip(quotes, used, strict=True)
    ]
    summary = _summary(quotes, jobs, shown_cell, used)
    summary["implied_financing"] = {"first": implied[0]["first"], "last": implied[-1]["last"]}
    summary["best"] = cells[best[0]] if best else None
    summary["best_cells"] = [cells[cell] for cell in best]
    summary["robust"] = [_region_document(grid, region, cells[region.cell]) for region in regions]
    summary["walk_forward"] = walked
    winner = None if judged is None else _winner(best[0], judged)
    evidence = cast(SweepEvidence, sweep_evidence(pnl, winner)) if jobs[0].evidence else None
    summary["evidence"] = evidence
    notes = tuple(_notes(quotes, jobs, used, implied=[each["last"] for each in implied], idle=all(idle)))
    if summary["rows_used"]:
        notes += tuple(_ranking_notes(grid, columns["class"], best))
        notes += tuple(f"Best cell: {note}" for note in (() if judged is None else judged.missing))
        if grid.cells > EVIDENCE_CELLS_MAX and grid.base.fill != "mid":
            notes += (f"Above {EVIDENCE_CELLS_MAX:,} cells there is no evidence; take larger steps.",)
    summary["notes"] = list(notes)
    return SweepResult(grid, Table(columns), summary, notes)


def _runs_of(jobs: Sequence[Job], cell: int, *, judge: bool) -> tuple[Judged | None, list[Backtest]]:
    """The single runs of a cell over all files, for what they find besides the numbers; with ``judge`` they
    are also added up for the evidence.
    """
    settings = jobs[0].grid.settings([cell])[0]
    if judge:
        judged = Judged()
        return judged, [judged.add(job.rows, settings, expiry_ns=job.expiry_ns) for job in jobs]
    kernels = []
    for job in jobs:
        fixed = job.expiry_ns is not None
        kernel = Backtest(settings, expiries_ns=expiries_of(job.expiry_ns), fixed=fixed)
        kernel.feed_memory(job.rows)
        kernel.end()
        kernels.append(kernel)
    return None, kernels


def _winner(best: int, found: Judged) -> Winner:
    """The best cell in the form that the evidence needs."""
    return Winner(
        at=best,
        nets=found.nets,
        total_pnl=found.total_pnl,
        late=found.late,
        rows=found.rows,
        outliers=found.outliers,
        missing_dividends=bool(found.missing),
    )


def _cell_documents(jobs: Sequence[Job], cells: Sequence[int]) -> dict[int, dict[str, Cell]]:
    """A few cells with their settings and all their numbers; for the best cell over all files."""
    grid = jobs[0].grid
    wanted = list(dict.fromkeys(cells))
    singles = [run_cells(job.rows, grid, wanted, expiry_ns=job.expiry_ns) for job in jobs]
    block = merged(singles, [job.rows.count for job in jobs])
    return {
        cell: {**dict(zip(grid.names, grid.values_of(cell), strict=True)), **cell_document(block, at)}
        for at, cell in enumerate(wanted)
    }


def _region_document(grid: Grid, region: Region, cell: dict[str, Cell]) -> RegionDocument:
    values = [grid.values_of(near) for near in region.cells]
    return {
        "cell": cell,
        "worst_total_pnl": region.worst,
        "mean_total_pnl": region.mean,
        "cells": len(region.cells),
        "ranges": {
            name: [min(each[at] for each in values), max(each[at] for each in values)]
            for at, name in enumerate(grid.names)
        },
    }


def _summary(
    quotes: Sequence[Quotes], jobs: Sequence[Job], cell: int, used: Sequence[Backtest]
) -> SweepSummary:
    """The summary of data and settings; ``used`` are the single runs of a cell, the best if there is one."""
    job = jobs[0]
    level = job.grid.settings([cell])[0].level
    factors = [factor_document(kernel.values, level) for kernel in used]
    files: list[FileDocument] = [
        {
            "name": each.name,
            "rows": each.read.rows,
            "rows_used": each.rows.count,
            "rows_skipped": each.read.skipped,
            "first_ts": None if each.rows.first_ns is None else iso_time(each.rows.first_ns),
            "last_ts": None if each.rows.last_ns is None else iso_time(each.rows.last_ns),
            "factor": factor,
        }
        for each, factor in zip(quotes, factors, strict=True)
    ]
    grid = job.grid
    first = [each.rows.first_ns for each in quotes if each.rows.first_ns is not None]
    last = [each.rows.last_ns for each in quotes if each.rows.last_ns is not None]
    params = {"expiry": None if job.expiry_ns is None else iso_time(job.expiry_ns), **grid.base.document()}
    if grid.base.exit_bps is None and "entry_bps" in grid.names:
        # Each cell's exit is a quarter of its own entry.
        params["exit_bps"] = None
    return {
        "schema": SCHEMA,
        "pair": grid.base.pair,
        "files": files,
        "rows": sum(each.read.rows for each in quotes),
        "rows_used": sum(each.rows.count for each in quotes),
        "rows_skipped": {
            reason: count
            for reason in dict.fromkeys(reason for each in quotes for reason in each.read.skipped)
            if (count := sum(each.read.skipped.get(reason, 0) for each in quotes))
        },
        "first_ts": iso_time(min(first)) if first else None,
        "last_ts": iso_time(max(last)) if last else None,
        "params": {name: value for name, value in params.items() if name not in grid.names},
        "factor": {**factors[0], "last": factors[-1]["last"]},
        "implied_financing": {"first": None, "last": None},
        "warming_up": sum(kernel.values.warming_up for kernel in used),
        "largest_edge_bps": edge_document(used[0].values),
        "ranges": {axis.name: list(axis.values) for axis in grid.axes},
        "cells": grid.cells,
        "best": None,
        "best_cells": [],
        "robust": [],
        "walk_forward": None,
        "evidence": None,
        "notes": [],
    }


def _implied(quotes: Quotes, kernel: Backtest, settings: BacktestSettings) -> ImpliedFinancing:
    """The ``implied_financing`` of one file; its own index is used if no true factor is given."""
    known: Sequence[float | None] = (None, None)
    if settings.true_factor is None:
        ends = kernel.values.decided_ends()
        known = true_factors(quotes.source, ends, read=quotes.read, options=quotes.options)
    return implied_document(kernel.values, settings, known)


def _notes(
    quotes: Sequence[Quotes], jobs: Sequence[Job], used: Sequence[Backtest], *,
    implied: Sequence[float | None], idle: bool,
) -> Iterable[str]:  # fmt: skip
    """The notes on the data."""
    least = _least_wanted(jobs[0].grid)
    if not any(job.rows.count for job in jobs):
        yield "There is no usable row; nothing could be traded."
        return
    if len(quotes) > 1:
        yield (
            f"Each of the {len(quotes)} files is a run of its own; P&L and trades are their sums, a drawdown "
            "is the worst of any file, and Sharpe is left out."
        )
    if jobs[0].expiry_ns is None:
        fronts = [
            kernel.expiries_ns for kernel, each in zip(used, quotes, strict=True) if not each.read.has_expiry
        ]
        yield from front_note(sorted({expiry for found in fronts for expiry in found}))
    yield from closed_note(jobs[0].expiry_ns)
    for job, kernel, each, rate in zip(jobs, used, quotes, implied, strict=True):
        first_ns, expiries_ns = job.rows.first_ns, kernel.expiries_ns
        if first_ns is not None and expiries_ns and max(expiries_ns) <= first_ns:
            yield f"The expiry {iso_time(max(expiries_ns))} is before the rows of {printable(each.name)}."
        if job.rows.count and kernel.values.level_ends()[0] is None:
            yield warming_note(least.level)
        yield from plausibility_notes(kernel.values, least, implied=rate, dates=None, traded=not idle)
    yield from dict.fromkeys(note for each in quotes for note in each.read.notes)


def _least_wanted(grid: Grid) -> BacktestSettings:
    """The settings of the cell with the lowest entry threshold."""
    cells = grid.settings(range(grid.cells)) if grid.cells <= EVIDENCE_CELLS_MAX else [grid.settings([0])[0]]
    return min(cells, key=lambda each: each.entry_bps + (each.cost_bps or 0.0))


def _ranking_notes(grid: Grid, classes: Sequence[str], best: Sequence[int]) -> Iterable[str]:
    """The notes on the cells that are ranked best."""
    if not best:
        yield "No cell traded, so there is no best one; lower --entry-bps."
    elif "gain" not in classes:
        still = "; the best did not trade" if classes[best[0]] == "idle" else ""
        yield f"No cell made money{still}."
    elif on_border(grid, best[0]):
        cell = best[0]
        at_edge = [
            f"{axis.name} {shown(value)}"
            for axis, value, at in zip(grid.axes, grid.values_of(cell), grid.place_of(cell), strict=True)
            if len(axis.values) >= 3 and at in (0, len(axis.values) - 1)
        ]
        yield (
            f"The best cell lies on the border of the grid ({', '.join(at_edge)}); "
            "widen the range to see what lies beyond."
        )
