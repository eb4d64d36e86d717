"""The gain from each compiled part: a whole call with the part, and with the same work in plain Python.

The second figure is the time of the call, minus that of the compiled part, plus that of its work in Python.
If all of the work would take minutes in Python, a share of it is measured. Before that, both results are
compared.
"""

import csv
import math
import random
import struct
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from functools import partial
from itertools import combinations, islice
from pathlib import Path
from typing import Any

import arbcore
import arbcore.quotes
from arbcore.carry._carry import exponential, years_to_expiry
from arbcore.carry.level import Level, LevelRow, factor_of
from arbcore.carry.settlement import settlement_day_at
from arbcore.core._resampling import largest_means, overfit_splits
from arbcore.core.civil import iso_time
from arbcore.quotes.backtest_run import expiries_of
from arbcore.research._backtest import Backtest
from arbcore.research._sweep import row_values, run_block
from arbcore.research._sweep_rows import SweepRows
from arbcore.research.grid import Grid, split_ranges
from arbcore.research.research_settings import BacktestSettings
from tools.bench import quotes
from tools.bench.harness import OURS, PEER, Disagreement, Options, Ratio, Row, Table, measure

#: The settings of the sweeps in this area.
SWEPT: dict[str, Any] = {**quotes.TRACKED_SETTINGS, "entry_bps": "1:13:0.5", "exit_bps": "-1:5:0.25"}
PERIODS, RESAMPLES, BLOCKS = 48, 1_000, 16
AGE_NS = 5 * 10**9
WORTH = 1.3

Quote = tuple[int, float, float]


def seconds(run: Callable[[], Any]) -> float:
    """Returns the processor time of a call in seconds."""
    start = time.process_time()
    run()
    return time.process_time() - start


def run(options: Options) -> list[Table]:
    """Returns the only table of this area."""
    path = quotes.quotes_file(options.sized(200_000, 5_000), options.seed)
    parts = [
        ("values of rows (carry/_values)", partial(values_part, path, options)),
        ("a sweep's windows and bitmaps (research/_sweep_*)", partial(sweep_part, path, options)),
        ("resampling (core/_resampling)", partial(resampling_part, path, options)),
        ("joining (quotes/_join, _legs, _csv_leg)", partial(join_part, path, options)),
    ]
    rows: list[Row] = []
    runs: dict[str, Callable[[], Any]] = {}
    ratios = []
    for name, part in parts:
        mine, plain = Row(f"{name}: with", OURS), Row(f"{name}: without", PEER)
        with_part, without_part = part()
        runs |= {mine.name: with_part, plain.name: without_part}
        rows += [mine, plain]
        ratios.append(Ratio(name, plain, mine, at_least=WORTH))
    measure(rows, runs, options)
    notes = ["library calls: a backtest and a sweep of 625 cells of one file, a join of two; one thread"]
    return [Table("parts", "what complexity buys", "s of processor time", rows, ratios, notes)]


Engines = tuple[Callable[[], float], Callable[[], float]]


def exchanged(call: Callable[[], Any], part: Callable[[], float], plain: Callable[[], float]) -> Engines:
    """Returns two engines: a call, and the call with one part's time replaced by that of plain Python."""
    return partial(seconds, call), lambda: seconds(call) - part() + plain()


# --- values of rows --------------------------------------------------------------------------------------


def values_part(path: Path, options: Options) -> Engines:
    rows, settings = rows_of(path), quotes.TRACKED
    some = rows.window(0, min(rows.count, options.sized(20_000, 5_000)))
    fixed: dict[str, Any] = {"expiries_ns": (quotes.expiry_ns(),), "fixed": True}
    found, expected = plain_values(some, settings), row_values(some, settings, **fixed).level_ends()[1]
    if found != expected:
        raise Disagreement(f"the last level is {found} in Python where {expected} is due; nothing was timed")
    call = partial(arbcore.backtest, str(path), expiry=quotes.EXPIRY, **quotes.TRACKED_SETTINGS)
    scale = rows.count / some.count
    return exchanged(
        call,
        lambda: seconds(lambda: row_values(rows, settings, **fixed)),
        lambda: seconds(lambda: plain_values(some, settings)) * scale,
    )


def rows_of(path: Path) -> SweepRows:
    """Reads a file's rows into memory."""
    rows = SweepRows()
    columns = quotes.columns_of(path)
    for ts_ns, *prices in zip(*columns.all(), strict=True):
        rows.feed_row(ts_ns, *prices)
    return rows


def plain_values(rows: SweepRows, settings: BacktestSettings) -> float | None:
    """Computes the level, the deviation and both edges of each row in Python; returns the last level."""
    level, expiry_ns, largest = Level(settings.level), quotes.expiry_ns(), -math.inf
    r, d = float(settings.r), float(settings.d)
    for ts_ns, es_bid, es_ask, spy_bid, spy_ask, _, _ in rows_in(rows):
        growth = exponential((r - d) * years_to_expiry(ts_ns, expiry_ns))
        x = factor_of(fut_mid=(es_bid + es_ask) / 2, etf_mid=(spy_bid + spy_ask) / 2, growth=growth)
        factor = level.decide(LevelRow(ts_ns, expiry_ns, settlement_day_at(ts_ns), x, r, d))
        if factor is None:
            continue
        c = factor * growth
        fair, dear, cheap = (spy_bid + spy_ask) * 0.5 * c, spy_ask * c, spy_bid * c
        dev = 1e4 * ((es_bid + es_ask) * 0.5 - fair) / fair
        largest = max(largest, dev, 1e4 * (es_bid - dear) / dear, 1e4 * (cheap - es_ask) / cheap)
    return level.last


def rows_in(rows: SweepRows) -> Iterator[tuple[Any, ...]]:
    """Yields the rows as tuples, unpacked from their bytes."""
    return struct.iter_unpack("qdddddq", rows.to_bytes())


# --- a sweep's cells -------------------------------------------------------------------------------------


def sweep_part(path: Path, options: Options) -> Engines:
    rows = rows_of(path)
    fixed, axes = split_ranges(SWEPT)
    grid = Grid(BacktestSettings(**fixed), axes)
    cells = grid.settings(range(grid.cells))
    common: dict[str, Any] = {"expiries_ns": expiries_of(quotes.expiry_ns()), "fixed": True}
    few = cells[:: options.sized(40, 200)]

    def singly() -> None:
        for settings in few:
            kernel = Backtest(settings, keep_marks=True, **common)
            kernel.feed_memory(rows)
            kernel.end()

    call = partial(arbcore.sweep, str(path), expiry=quotes.EXPIRY, workers=1, **SWEPT)
    return exchanged(
        call,
        lambda: seconds(lambda: run_block(rows, cells, evidence=True, **common)),
        lambda: seconds(singly) * len(cells) / len(few),
    )


# --- resampling ------------------------------------------------------------------------------------------


def resampling_part(path: Path, options: Options) -> Engines:
    rng = random.Random(options.seed)
    cells = 625
    pnl = array("d", [rng.gauss(0.0, 1.0) for _ in range(PERIODS * cells)])
    columns = [list(pnl[cell::cells]) for cell in range(cells)]
    shape, alone = {"periods": PERIODS, "cells": cells}, [1] * cells
    few, splits = 3, options.sized(60, 10)
    drawn = largest_means(pnl, **shape, resamples=few, block=2.0, seed=1)
    if list(drawn) != plain_largest_means(pnl, cells, resamples=few, seed=1):
        raise Disagreement("the resamples in Python are others; nothing was timed")
    if overfit_splits(pnl, **shape, blocks=4, counts=alone) != plain_overfit(columns, blocks=4, limit=None):
        raise Disagreement("the overfit splits in Python are others; nothing was timed")

    def part() -> float:
        return seconds(lambda: largest_means(pnl, **shape, resamples=RESAMPLES, block=2.0, seed=1)) + seconds(
            lambda: overfit_splits(pnl, **shape, blocks=BLOCKS, counts=alone)
        )

    def plain() -> float:
        means = seconds(lambda: plain_largest_means(pnl, cells, resamples=few, seed=1)) * RESAMPLES / few
        halves = math.comb(BLOCKS, BLOCKS // 2)
        return means + seconds(lambda: plain_overfit(columns, blocks=BLOCKS, limit=splits)) * halves / splits

    call = partial(arbcore.sweep, str(path), expiry=quotes.EXPIRY, workers=1, **SWEPT)
    return exchanged(call, part, plain)


def plain_largest_means(pnl: Sequence[float], cells: int, *, resamples: int, seed: int) -> list[float]:
    """``largest_means`` in Python, with a mean block length of two periods."""
    mask, state = 2**64 - 1, seed

    def unit() -> float:
        nonlocal state
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return ((z ^ (z >> 31)) >> 11) / 2**53

    found = []
    for _ in range(resamples):
        times = [0] * PERIODS
        at = int(unit() * PERIODS)
        for row in range(PERIODS):
            if row:
                at = int(unit() * PERIODS) if unit() < 0.5 else (at + 1) % PERIODS
            times[at] += 1
        totals = [0.0] * cells
        for row, count in enumerate(times):
            if count:
                values = pnl[row * cells : (row + 1) * cells]
                totals = [total + count * value for total, value in zip(totals, values, strict=True)]
        found.append(max(totals) / PERIODS)
    return found


def plain_overfit(columns: list[list[float]], *, blocks: int, limit: int | None) -> tuple[int, int]:
    """``overfit_splits`` in Python, or its first splits, from the sums of each block."""
    ends = [(block + 1) * PERIODS // blocks for block in range(blocks)]
    spans = list(zip([0, *ends], ends, strict=False))
    sums = [[(sum(column[a:b]), sum(x * x for x in column[a:b])) for a, b in spans] for column in columns]

    def scores(chosen: tuple[int, ...]) -> list[float]:
        periods = sum(spans[block][1] - spans[block][0] for block in chosen)
        found = []
        for column in sums:
            total = sum(column[block][0] for block in chosen)
            square = sum(column[block][1] for block in chosen)
            found.append(total * abs(total) / (square - total * total / periods))
        return found

    overfit = splits = 0
    for inside in islice(combinations(range(blocks), blocks // 2), limit):
        outside = scores(tuple(block for block in range(blocks) if block not in inside))
        within = scores(inside)
        own = outside[within.index(max(within))]
        below, equal = sum(each < own for each in outside), sum(each == own for each in outside)
        overfit += 2 * below + equal + 1 <= len(columns) + 1
        splits += 1
    return overfit, splits


# --- joining ---------------------------------------------------------------------------------------------


def join_part(path: Path, _options: Options) -> Engines:
    fut, etf, out = (quotes.directory() / name for name in ("fut.csv", "etf.csv", "joined.csv"))
    columns = quotes.columns_of(path)
    write_leg(fut, columns.ts, columns.es_bid, columns.es_ask)
    write_leg(etf, [ts_ns + 30_000_000 for ts_ns in columns.ts], columns.spy_bid, columns.spy_ask)
    call = partial(arbcore.quotes.join, fut, etf, out, max_age="5s", session="all")
    rows = call().summary["rows"]
    if (found := plain_join(fut, etf, out)) != rows:
        raise Disagreement(f"the join in Python has {found} rows where {rows} are due; nothing was timed")
    return partial(seconds, call), partial(seconds, partial(plain_join, fut, etf, out))


def write_leg(path: Path, times: Sequence[int], bids: Sequence[float], asks: Sequence[float]) -> None:
    with path.open("w", encoding="ascii") as stream:
        stream.write("ts,bid,ask\n")
        stream.writelines(
            f"{iso_time(ts_ns)},{bid!r},{ask!r}\n" for ts_ns, bid, ask in zip(times, bids, asks, strict=True)
        )


def leg_of(path: Path) -> Iterator[Quote]:
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    with path.open(newline="", encoding="ascii") as stream:
        lines = csv.reader(stream)
        next(lines)
        for ts, bid, ask in lines:
            since = datetime.fromisoformat(ts.replace("Z", "+00:00")) - epoch
            ts_ns = (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1_000
            yield ts_ns, float(bid), float(ask)


def plain_join(fut: Path, etf: Path, out: Path) -> int:
    """Writes a row at every change of either quote, if both are present and at most five seconds old."""
    legs = [leg_of(fut), leg_of(etf)]
    heads: list[Quote | None] = [next(leg, None) for leg in legs]
    held: list[Quote | None] = [None, None]
    count = 0
    with out.open("w", newline="", encoding="ascii") as stream:
        lines = csv.writer(stream)
        while any(head is not None for head in heads):
            now_ns = min(head[0] for head in heads if head is not None)
            for at in (0, 1):
                while (head := heads[at]) is not None and head[0] == now_ns:
                    held[at], heads[at] = head, next(legs[at], None)
            one, two = held
            if one is None or two is None or now_ns - min(one[0], two[0]) > AGE_NS:
                continue
            ages = [(now_ns - one[0]) // 1_000_000, (now_ns - two[0]) // 1_000_000]
            lines.writerow([iso_time(now_ns), *one[1:], *two[1:], *ages])
            count += 1
    return count
