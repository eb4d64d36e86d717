"""Other engines for the sweep of the benchmark: a plain loop in C, one in numba, and vectorbt.

Every engine computes trades, wins and net of each pair of thresholds from quotes in memory. All of them
compute the deviation once per row, except vectorbt, which receives it as input.
"""

import ctypes
import functools
import math
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from arbcore.research.grid import Grid
from tools.bench import floors
from tools.bench.harness import Disagreement

#: Trades, wins and net of one pair.
Pair = tuple[int, int, float]


@dataclass(frozen=True)
class Quotes:
    """Columns in memory."""

    ts: "array[int]"
    es_bid: "array[float]"
    es_ask: "array[float]"
    spy_bid: "array[float]"
    spy_ask: "array[float]"

    def prices(self) -> "tuple[array[float], ...]":
        return self.es_bid, self.es_ask, self.spy_bid, self.spy_ask

    def head(self, rows: int) -> "Quotes":
        return Quotes(self.ts[:rows], *(price[:rows] for price in self.prices()))


@dataclass(frozen=True)
class Work:
    """The work of every engine: these pairs of thresholds over these quotes."""

    quotes: Quotes
    grid: Grid
    expiry_ns: int

    @property
    def pairs(self) -> "tuple[array[float], array[float]]":
        """Returns the required edge (cost included) and the exit threshold of each cell."""
        columns = self.grid.columns()
        cost = self.grid.base.cost_bps
        return array("d", [entry + cost for entry in columns["entry_bps"]]), array("d", columns["exit_bps"])


def same_pairs(name: str, found: Sequence[Pair], expected: Sequence[Pair]) -> None:
    """Raises Disagreement unless trades and wins are equal and nets equal within rounding."""
    for at, (mine, theirs) in enumerate(zip(found, expected, strict=True)):
        if mine[:2] != theirs[:2] or not math.isclose(mine[2], theirs[2], rel_tol=1e-9, abs_tol=1e-6):
            raise Disagreement(f"{name}: pair {at} comes to {mine} where {theirs} is due; nothing was timed")


# --- a plain loop in C --------------------------------------------------------------------------------


class Parameters(ctypes.Structure):
    """``Params`` of sweep_loop.c."""

    _fields_ = (
        *((name, ctypes.c_double) for name in ("r_less_d", "factor", "notional", "cost_rate")),
        ("expiry_ns", ctypes.c_int64),
    )


class CPair(ctypes.Structure):
    """``Pair`` of sweep_loop.c."""

    _fields_ = (("trades", ctypes.c_int64), ("wins", ctypes.c_int64), ("net", ctypes.c_double))


def c_loop(work: Work, threads: int) -> Callable[[], list[Pair]]:
    """Returns a function that runs every pair over every row, in chunks of pairs over threads."""
    flags = ("-shared", "-fPIC", "-ffp-contract=off")
    library = ctypes.CDLL(str(floors.build("sweep_loop.c", output="sweep_loop.so", flags=flags)))
    base = work.grid.base
    params = Parameters(
        base.r - base.d, base.factor, base.contracts * base.multiplier, base.cost_bps * 1e-4, work.expiry_ns
    )
    rows, cells = len(work.quotes.ts), work.grid.cells
    wanted, leave = work.pairs
    out = (CPair * cells)()
    count, some = ctypes.c_int64, ctypes.byref(params)
    prices = [address(price) for price in work.quotes.prices()]
    derived = [(ctypes.c_double * rows)() for _ in range(3)]
    # Chunks are so small that no thread waits long for another.
    chunk = max(1, cells // (threads * 16))

    def pairs(first: int) -> None:
        library.pairs(*prices, count(rows), *derived, address(wanted), address(leave), some, count(first),
                      count(min(first + chunk, cells)), out)  # fmt: skip

    def run() -> list[Pair]:
        library.columns(address(work.quotes.ts), *prices, count(rows), some, *derived)
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(pairs, range(0, cells, chunk)))
        return [(pair.trades, pair.wins, pair.net) for pair in out]

    return run


def address(column: "array[Any]") -> ctypes.c_void_p:
    return ctypes.c_void_p(column.buffer_info()[0])


# --- numba --------------------------------------------------------------------------------------------


@functools.cache
def numba_kernels() -> tuple[Any, Any]:
    """Returns the functions for columns and for pairs, compiled by numba; pairs run in parallel."""
    import numba
    import numpy as np

    @numba.njit(error_model="numpy")  # type: ignore[misc]
    def columns(ts, es_bid, es_ask, spy_bid, spy_ask, r_less_d, factor, expiry_ns):  # type: ignore[no-untyped-def]
        dev, cc, rev = np.empty(ts.size), np.empty(ts.size), np.empty(ts.size)
        for i in range(ts.size):
            c = factor * math.exp(r_less_d * ((expiry_ns - ts[i]) / 31536e12))
            mid, dear, cheap = (spy_bid[i] + spy_ask[i]) * 0.5 * c, spy_ask[i] * c, spy_bid[i] * c
            dev[i] = 1e4 * ((es_bid[i] + es_ask[i]) * 0.5 - mid) / mid
            cc[i] = 1e4 * (es_bid[i] - dear) / dear
            rev[i] = 1e4 * (cheap - es_ask[i]) / cheap
        return dev, cc, rev

    @numba.njit(parallel=True, error_model="numpy")  # type: ignore[misc]
    def pairs(es_bid, es_ask, spy_bid, spy_ask, dev, cc, rev, wanted, leave, notional, cost_rate):  # type: ignore[no-untyped-def]
        trades, wins = np.zeros(wanted.size, np.int64), np.zeros(wanted.size, np.int64)
        nets = np.zeros(wanted.size)
        for k in numba.prange(wanted.size):
            want, exit_at = wanted[k], leave[k]
            count, won, total = 0, 0, 0.0
            side, es_in, spy_in, shares = 0.0, 0.0, 0.0, 0.0
            for i in range(dev.size):
                if side == 0.0:
                    if cc[i] >= want:
                        side, es_in, spy_in = -1.0, es_bid[i], spy_ask[i]
                    elif rev[i] >= want:
                        side, es_in, spy_in = 1.0, es_ask[i], spy_bid[i]
                    else:
                        continue
                    shares = max(1.0, math.floor(notional * es_in / spy_in + 0.5))
                elif -side * dev[i] <= exit_at:
                    if side < 0.0:
                        es, spy = es_ask[i], spy_bid[i]
                    else:
                        es, spy = es_bid[i], spy_ask[i]
                    gross = side * notional * (es - es_in) - side * shares * (spy - spy_in)
                    net = gross - cost_rate * notional * es_in
                    count += 1
                    won += net > 0.0
                    total += net
                    side = 0.0
            trades[k], wins[k], nets[k] = count, won, total
        return trades, wins, nets

    return columns, pairs


def numba_prange(work: Work, threads: int) -> Callable[[], list[Pair]]:
    """Returns the same function in numba, with pairs in parallel."""
    import numba
    import numpy as np

    columns, pairs = numba_kernels()
    base = work.grid.base
    ts = np.frombuffer(work.quotes.ts, dtype=np.int64)
    prices = [np.frombuffer(price) for price in work.quotes.prices()]
    wanted, leave = (np.frombuffer(each) for each in work.pairs)

    def run() -> list[Pair]:
        numba.set_num_threads(threads)
        derived = columns(ts, *prices, base.r - base.d, base.factor, work.expiry_ns)
        found = pairs(
            *prices, *derived, wanted, leave, base.contracts * base.multiplier, base.cost_bps * 1e-4
        )
        return list(zip(*(each.tolist() for each in found), strict=True))

    return run


# --- vectorbt -----------------------------------------------------------------------------------------


def vectorbt_signals(work: Work) -> Callable[[], list[Pair]]:
    """Returns a function in which vectorbt trades the ES leg by every pair's signals; no wins, no nets."""
    import numpy as np
    import vectorbt

    columns, _ = numba_kernels()
    base = work.grid.base
    ts = np.frombuffer(work.quotes.ts, dtype=np.int64)
    prices = [np.frombuffer(price) for price in work.quotes.prices()]
    dev, cc, rev = columns(ts, *prices, base.r - base.d, base.factor, work.expiry_ns)
    wanted, leave = (np.frombuffer(each) for each in work.pairs)
    close = ((prices[0] + prices[1]) / 2)[:, None]

    def run() -> list[Pair]:
        sell = cc[:, None] >= wanted
        portfolio = vectorbt.Portfolio.from_signals(
            close, entries=(rev[:, None] >= wanted) & ~sell, exits=-dev[:, None] <= leave, short_entries=sell,
            short_exits=dev[:, None] <= leave, size=1.0, init_cash=1e9, upon_opposite_entry="ignore",
        )  # fmt: skip
        return [(int(count), 0, 0.0) for count in portfolio.trades.closed.count().tolist()]

    return run
