"""Quotes to trades, P&L and statistics: from a file, and from columns in memory."""

import re
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from tools.bench import backtest_engines, floors, quotes
from tools.bench.area_session import installed
from tools.bench.harness import FLOOR, GOAL, HELD, OURS, PEER, Options, Ratio, Row, Table, measure

CHUNK_BYTES = 1 << 20


def ours(data: Any, settings: Any = quotes.SETTINGS, **options: Any) -> Any:
    """Runs the whole backtest as a command does, with validation, ledger, statistics and evidence."""
    from arbcore.quotes.backtest_run import Sinks, run
    from arbcore.research._ledger import Ledger

    ledger = Ledger(quotes.SETTINGS.contracts)
    sinks = Sinks(trades=ledger.extend)
    run(data, vars(settings), expiry_ns=quotes.expiry_ns(), sinks=sinks, **options)
    return ledger


def as_trades(ledger: Iterable[Any]) -> list[quotes.Trade]:
    """Converts rows of our ledger to the trades that the benchmark compares."""
    return [
        (-1 if row.side == "cash_and_carry" else 1, row.entry_ts, row.exit_ts, row.net_pnl) for row in ledger
    ]


def milliseconds(run: Callable[[], Any]) -> Callable[[], float]:
    """Returns a function that runs ``run`` and returns its milliseconds."""

    def engine() -> float:
        start = time.perf_counter_ns()
        run()
        return (time.perf_counter_ns() - start) / 1e6

    return engine


def rate(run: Callable[[], Any], rows: int, *, times: int = 1) -> Callable[[], float]:
    """Returns a function that runs ``run`` and returns its rows per second."""

    def engine() -> float:
        start = time.perf_counter_ns()
        for _ in range(times):
            run()
        return rows * times * 1e9 / (time.perf_counter_ns() - start)

    return engine


def read_all(path: Path) -> None:
    with path.open("rb", buffering=0) as stream:
        room = bytearray(CHUNK_BYTES)
        while stream.readinto(room):
            pass


def floor_parse_ms(path: Path, floor: quotes.Floor) -> float:
    """The time of our floor's parser: the median of nine runs in a row, as in the study's program."""
    once = milliseconds(partial(floor.parse_only, path))
    return statistics.median(once() for _ in range(9))


def study_parse_ms(path: Path, baselines: Path) -> float:
    """The time of the parser alone in an earlier study's csvfloor.c."""
    program = floors.build_directory() / "csvfloor"
    if not program.exists():
        source = str(baselines / "csvfloor.c")
        compiler = floors.compiler()
        assert compiler is not None
        command = [*compiler, "-O3", "-march=native", "-w", "-o", str(program), source, "-lm", "-lpthread"]
        subprocess.run(command, check=True)
    done = subprocess.run([str(program), str(path)], check=True, capture_output=True, text=True)
    found = re.search(r"mmap\+parse all 5 cols 1T +([0-9.]+) ms", done.stdout)
    assert found is not None
    return float(found.group(1))


def polars_missing() -> str:
    """The reason why Polars cannot be compared; empty if it can."""
    return installed("polars") or installed("pyarrow") or floors.missing_reason()


def csv_table(options: Options) -> Table:
    """From a file to the complete result."""
    rows = options.sized(2_000_000, 20_000)
    path = quotes.quotes_file(rows, options.seed)
    expected = as_trades(ours(path))
    table_rows = [
        Row("arbcore", OURS),
        Row("scalar C floor", FLOOR, missing=floors.missing_reason()),
        Row("polars + compiled loop", PEER, missing=polars_missing()),
        Row("csv module loop", PEER), Row("wc -l", FLOOR), Row("read() alone", FLOOR),
    ]  # fmt: skip
    one, floor_row, polars_row, csv_row, *_ = table_rows
    runs: dict[str, Callable[[], Any]] = {
        one.name: milliseconds(partial(ours, path)),
        csv_row.name: milliseconds(lambda: quotes.loop_trades(quotes.csv_rows(path))),
        "wc -l": milliseconds(partial(subprocess.run, ["wc", "-l", path], capture_output=True, check=True)),
        "read() alone": milliseconds(partial(read_all, path)),
    }
    quotes.same_trades(csv_row.name, quotes.loop_trades(quotes.csv_rows(path)), expected)
    held: list[Ratio] = []
    if not floor_row.missing:
        floor = quotes.Floor()
        quotes.same_trades(floor_row.name, floor.trades(floor.csv(path)), expected)
        runs[floor_row.name] = milliseconds(partial(floor.csv, path))
        if not polars_row.missing:
            found = floor.trades(quotes.polars_trades(path, floor))
            quotes.same_trades(polars_row.name, found, expected)
            runs[polars_row.name] = milliseconds(partial(quotes.polars_trades, path, floor))
        if options.baselines is not None:
            mine, theirs = Row("C floor, parsing alone", FLOOR), Row("C of the study, parsing alone", HELD)
            table_rows += [mine, theirs]
            runs[mine.name] = partial(floor_parse_ms, path, floor)
            runs[theirs.name] = partial(study_parse_ms, path, options.baselines)
            held = [Ratio(f"{mine.name} against {theirs.name}", mine, theirs, at_most=1.1)]
    measure(table_rows, runs, options)
    ratios = [
        Ratio("arbcore against the scalar C floor", one, floor_row, at_most=1.5),
        Ratio("polars + compiled loop against arbcore", polars_row, one, at_least=2.5),
        Ratio("csv module loop against arbcore", csv_row, one, at_least=30),
        Ratio("arbcore against wc -l", one, table_rows[4]),
        *held,
    ]
    size = path.stat().st_size / 1e6
    notes = [
        f"{rows:,} rows, {size:,.0f} MB, ISO times; all make the same {len(expected):,} trades",
        "arbcore checks every row and keeps ledger, equity statistics and drawdown; the others only trade",
    ]
    return Table("backtest", "CSV to result", "ms", table_rows, ratios, notes)


def tracked_table(options: Options) -> Table:
    """From a file to the complete result with the tracked level, the default."""
    rows = options.sized(2_000_000, 20_000)
    path = quotes.quotes_file(rows, options.seed)
    one, floor_row = Row("arbcore", OURS), Row("scalar C floor", FLOOR, missing=floors.missing_reason())
    runs: dict[str, Callable[[], Any]] = {one.name: milliseconds(partial(ours, path, quotes.TRACKED))}
    expected = as_trades(ours(path, quotes.TRACKED))
    if not floor_row.missing:
        floor = quotes.Floor(quotes.TRACKED)
        quotes.same_trades(floor_row.name, floor.trades(floor.csv(path)), expected)
        runs[floor_row.name] = milliseconds(partial(floor.csv, path))
    measure([one, floor_row], runs, options)
    return Table(
        "backtest",
        "CSV to result, tracked level",
        "ms",
        [one, floor_row],
        [Ratio("arbcore against the scalar C floor", one, floor_row, at_most=1.5)],
        [f"{rows:,} rows; both make the same {len(expected):,} trades, arbcore a late run and evidence too"],
    )


def tracked_memory_table(options: Options) -> Table:
    """From columns to the result of the public call, with every row's equity and the tracked level."""
    import arbcore

    path = quotes.quotes_file(options.sized(2_000_000, 20_000), options.seed)
    columns = quotes.columns_of(path)
    data = dict(zip(("ts", "es_bid", "es_ask", "spy_bid", "spy_ask"), columns.all(), strict=True))
    busy, quiet, goal = Row("arbcore, many trades", OURS), Row("arbcore, no trades", OURS), Row("goal", GOAL)

    def public(entry_bps: float) -> Callable[[], float]:
        settings = {**quotes.TRACKED_SETTINGS, "entry_bps": entry_bps}
        call = partial(arbcore.backtest, data, expiry=quotes.EXPIRY, **settings)
        return rate(call, len(columns.ts))

    runs = {busy.name: public(quotes.TRACKED.entry_bps), quiet.name: public(30.0), goal.name: lambda: 50e6}
    measure([busy, quiet, goal], runs, options)
    ratios = [Ratio(f"{row.name} against the goal", row, goal, at_least=1.0) for row in (busy, quiet)]
    return Table(
        "backtest",
        "columns in memory to result, tracked level, public call",
        "rows a second",
        [busy, quiet, goal],
        ratios,
        [f"{len(columns.ts):,} rows, every row's equity kept"],
    )


def memory_table(options: Options) -> Table:
    """From columns to the result; slow engines get fewer rows."""
    path = quotes.quotes_file(options.sized(2_000_000, 20_000), options.seed)
    columns = quotes.columns_of(path)
    mine = Row("arbcore", OURS)
    rows, runs, ratios = [mine], {}, []
    names = ("ts", "es_bid", "es_ask", "spy_bid", "spy_ask")
    data = dict(zip(names, columns.all(), strict=True))
    expected = as_trades(ours(data))
    runs[mine.name] = rate(partial(ours, data), len(columns.ts), times=options.sized(5, 1))
    loop_row = Row("plain Python loop", PEER)
    loop_input = quotes.column_rows(columns)
    quotes.same_trades(loop_row.name, quotes.loop_trades(iter(loop_input)), expected)
    runs[loop_row.name] = rate(lambda: quotes.loop_trades(iter(loop_input)), len(loop_input))
    rows.append(loop_row)
    ratios.append(Ratio("arbcore against the plain Python loop", mine, loop_row))
    for engine in backtest_engines.ENGINES:
        row = Row(engine.name, PEER, missing=installed(engine.module), note=engine.note)
        rows.append(row)
        ratios.append(Ratio(f"arbcore against {engine.name}", mine, row, at_least=engine.at_least))
        if row.missing:
            continue
        part = columns.head(min(len(columns.ts), options.sized(engine.rows, 2_000)))
        prepared = engine.prepare(part)
        due = [trade for trade in expected if trade[2] <= part.ts[-1]]
        quotes.same_trades(engine.name, engine.run(prepared), due)
        runs[row.name] = rate(partial(engine.run, prepared), len(part.ts))
        row.note = f"{len(part.ts):,} rows; {engine.note}"
    measure(rows, runs, options)
    notes = [
        f"{len(columns.ts):,} rows for arbcore and the loop; all make the same trades",
        "arbcore's ledger is whole, but in C; its rows are made when they are read, off the clock",
    ]
    return Table("backtest", "columns in memory to result", "rows a second", rows, ratios, notes)


def run(options: Options) -> list[Table]:
    """The tables of this area."""
    return [
        csv_table(options),
        tracked_table(options),
        memory_table(options),
        tracked_memory_table(options),
    ]
