"""The sweep, from quotes in memory to the results of every pair of thresholds, against C, numba, vectorbt."""

import importlib.util
import statistics
import time
from array import array
from collections.abc import Callable
from typing import Any

from arbcore.carry.calendar import read_expiry
from arbcore.core._cells import read_ts
from arbcore.quotes.sweep_workers import open_place, run_jobs
from arbcore.research._sweep_rows import SweepRows
from arbcore.research.grid import Grid, split_ranges
from arbcore.research.research_settings import BacktestSettings
from arbcore.research.shards import Job
from tools import make_sample
from tools.bench import floors, sweep_engines
from tools.bench.harness import OURS, PEER, Options, Ratio, Row, Table, measure
from tools.bench.sweep_engines import Pair, Quotes, Work, same_pairs

#: One quote per second; the data end before the contract expires.
FIRST_DAY, EXPIRY, EVERY_MS = "2026-03-02", "2026-03-20", 1000
RATES = {"r": make_sample.RATE, "d": make_sample.YIELD, "factor": make_sample.FACTOR, "funding_rate": 0.0}
#: 32 by 32 thresholds: over the range of the deviations, and so low that they always trade.
USUAL = {"entry_bps": "1:8.75:0.25", "exit_bps": "-2:1.875:0.125", "cost_bps": 0.5}
BUSY = {"entry_bps": "0:3.1:0.1", "exit_bps": "-1.55:1.55:0.1", "cost_bps": 0.0}
VECTORBT_ROWS = 20_000


def run(options: Options) -> list[Table]:
    """The area's tables."""
    quotes = quotes_of(options.sized(200_000, 20_000), options.seed)
    return [
        pairs_table("thresholds over the range of the deviations", USUAL, quotes, options, goals=True),
        pairs_table("low thresholds, many trades", BUSY, quotes, options, goals=False),
        vectorbt_table(quotes, options),
    ]


def quotes_of(rows: int, seed: int) -> Quotes:
    """Makes synthetic quotes with the generator of samples, as columns."""
    found = Quotes(array("q"), array("d"), array("d"), array("d"), array("d"))
    first_day = make_sample.read_date(FIRST_DAY)
    lines = make_sample.ticks(rows, seed=seed, first_day=first_day, every_ms=EVERY_MS)
    next(lines)
    for line in lines:
        ts, *prices = line.split(",")
        ts_ns = read_ts(ts.encode())
        assert ts_ns is not None
        found.ts.append(ts_ns)
        for column, price in zip(found.prices(), prices, strict=True):
            column.append(float(price))
    return found


def work_of(settings: dict[str, Any], quotes: Quotes, *, thinned: int = 1) -> Work:
    """Returns the pairs of thresholds of the ranges, or of every ``thinned``-th value of each."""
    fixed, axes = split_ranges({**RATES, **settings})
    few = [type(axis)(axis.name, axis.values[::thinned]) for axis in axes]
    return Work(quotes, Grid(BacktestSettings(**fixed), few), read_expiry(EXPIRY))


def rows_of(quotes: Quotes) -> SweepRows:
    rows = SweepRows()
    for ts_ns, *prices in zip(quotes.ts, *quotes.prices(), strict=True):
        rows.feed_row(ts_ns, *prices)
    return rows


def ours(work: Work, rows: SweepRows, threads: int, *, full: bool = False) -> Callable[[], list[Pair]]:
    """Returns the sweep as the library and the command run it; settings are created anew each time."""

    def run() -> list[Pair]:
        with open_place(workers=threads) as place:
            job = Job(rows, work.grid, expiry_ns=work.expiry_ns, full=full)
            block = run_jobs([job], place)[0]
        columns = block.columns
        return list(zip(columns["trades"], columns["wins"], columns["net_pnl"], strict=True))

    return run


def speed(work: Work, run: Callable[[], Any]) -> Callable[[], float]:
    """Returns a function that gives billions of row-parameters per second."""

    def engine() -> float:
        start = time.perf_counter_ns()
        run()
        return work.grid.cells * len(work.quotes.ts) / (time.perf_counter_ns() - start)

    return engine


def installed(module: str) -> str:
    """Returns an empty text if a module can be imported, else the reason to show in a table."""
    return "" if importlib.util.find_spec(module) else f"{module} is not installed"


def pairs_table(
    title: str, settings: dict[str, Any], quotes: Quotes, options: Options, *, goals: bool
) -> Table:
    """All pairs over all rows, on one thread and on two."""
    work = work_of(settings, quotes, thinned=options.sized(1, 4))
    rows = rows_of(quotes)
    numba, compiler = installed("numba"), floors.missing_reason()
    table = [
        Row("arbcore, 1 thread", OURS), Row("arbcore, 2 threads", OURS),
        Row("arbcore, full, 2 threads", OURS, note="each row marked to market: drawdown, Sharpe"),
        Row("numba, 1 thread", PEER, missing=numba), Row("numba prange, 2 threads", PEER, missing=numba),
        Row("C loop, 1 thread", PEER, missing=compiler), Row("C loop, 2 threads", PEER, missing=compiler),
    ]  # fmt: skip
    makers: list[Callable[[], Callable[[], list[Pair]]]] = [
        lambda: ours(work, rows, 1),
        lambda: ours(work, rows, 2),
        lambda: ours(work, rows, 2, full=True),
        lambda: sweep_engines.numba_prange(work, 1),
        lambda: sweep_engines.numba_prange(work, 2),
        lambda: sweep_engines.c_loop(work, 1),
        lambda: sweep_engines.c_loop(work, 2),
    ]
    expected = ours(work, rows, 1)()
    runs = {}
    for row, make in zip(table, makers, strict=True):
        if not row.missing:
            engine = make()
            same_pairs(row.name, engine(), expected)
            runs[row.name] = speed(work, engine)
    measure(table, runs, options)
    one, two, full, numba_one, numba_two, c_one, c_two = table
    ratios = [
        Ratio("arbcore against numba prange, 2 threads", two, numba_two, at_least=3 if goals else None),
        Ratio("arbcore against numba, 1 thread", one, numba_one),
        Ratio("arbcore against the C loop, 2 threads", two, c_two),
        Ratio("arbcore against the C loop, 1 thread", one, c_one),
        Ratio("two threads against one", two, one),
        Ratio("arbcore, full, against numba prange, 2 threads", full, numba_two),
    ]
    trades = [pair[0] for pair in expected]
    spread = f"{min(trades):,} to {max(trades):,} a pair, median {statistics.median(trades):,.0f}"
    notes = [
        f"{work.grid.cells:,} pairs, {len(quotes.ts):,} rows, {sum(trades):,} trades ({spread})",
        "every engine makes the same trades, wins and net of each pair; arbcore has every other number too",
    ]
    return Table("sweep", title, "billion row-parameters a second", table, ratios, notes)


def vectorbt_table(quotes: Quotes, options: Options) -> Table:
    """vectorbt on a small part of the work, because it keeps every signal of every pair in memory."""
    part = quotes.head(options.sized(VECTORBT_ROWS, 2_000))
    work = work_of(USUAL, part, thinned=4)
    rows = rows_of(part)
    missing = installed("vectorbt") or installed("numba")
    table = [
        Row("arbcore, 1 thread", OURS),
        Row("vectorbt", PEER, missing=missing, note="trades the ES leg alone; given the deviations"),
    ]
    mine = ours(work, rows, 1)
    runs = {"arbcore, 1 thread": speed(work, mine)}
    if not missing:
        theirs = sweep_engines.vectorbt_signals(work)
        counts = [(pair[0], 0, 0.0) for pair in mine()]
        same_pairs("vectorbt", theirs(), counts)
        runs["vectorbt"] = speed(work, theirs)
    measure(table, runs, options)
    notes = [f"{work.grid.cells} pairs, {len(part.ts):,} rows; the number of trades of each pair is the same"]
    ratios = [Ratio("arbcore against vectorbt", *table)]
    return Table("sweep", "a small one", "billion row-parameters a second", table, ratios, notes)
