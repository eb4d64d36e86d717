"""Quotes for the backtests of the benchmark, and the trades that every engine must make on them."""

import atexit
import csv
import ctypes
import functools
import math
import shutil
import tempfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from arbcore.carry.level import LevelMode
from arbcore.carry.settlement import date_around, settlement_day
from arbcore.core.civil import new_york_to_utc, read_date
from arbcore.research.research_settings import BacktestSettings
from tools import make_sample
from tools.bench import floors
from tools.bench.harness import Disagreement

SETTINGS = BacktestSettings(
    r=0.043, d=0.0125, factor=10.03, entry_bps=3, exit_bps=0.5, cost_bps=0.5, funding_rate=0.0
)
#: The same settings with the tracked level.
TRACKED = replace(SETTINGS, factor="track")
TRACKED_SETTINGS = {
    name: getattr(TRACKED, name) for name in ("r", "d", "entry_bps", "exit_bps", "cost_bps", "funding_rate")
}
EXPIRY = "2026-03-20"
FIRST_DAY = "2026-03-02"
EVERY_MS = 100
YEAR_S = 365 * 86_400
#: Length of a time in the file, such as 2026-03-02T14:30:00.082383Z.
TIME_BYTES = 27
EPOCH = datetime(1970, 1, 1)
#: side (-1 sells ES), entry, exit (both ns), net in USD.
Trade = tuple[int, int, int, float]


@dataclass
class Columns:
    """A file's rows in memory: times in ns, and prices."""

    ts: "array[int]"
    es_bid: "array[float]"
    es_ask: "array[float]"
    spy_bid: "array[float]"
    spy_ask: "array[float]"

    def head(self, rows: int) -> "Columns":
        return Columns(*(column[:rows] for column in self.all()))

    def all(self) -> tuple[Any, ...]:
        return self.ts, self.es_bid, self.es_ask, self.spy_bid, self.spy_ask


@functools.cache
def directory() -> Path:
    """Returns the directory for files; it is removed when the program ends."""
    made = Path(tempfile.mkdtemp(prefix="arbcore-quotes-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


@functools.cache
def quotes_file(rows: int, seed: int) -> Path:
    """Writes a CSV of ``rows`` synthetic quotes, 58 bytes each."""
    path = directory() / f"quotes-{rows}.csv"
    first_day = make_sample.read_date(FIRST_DAY)
    with path.open("w", encoding="ascii", newline="") as stream:
        stream.writelines(make_sample.ticks(rows, seed=seed, first_day=first_day, every_ms=EVERY_MS))
    return path


def expiry_ns() -> int:
    from arbcore.quotes.backtest_run import expiry_instant_of

    found = expiry_instant_of(EXPIRY)
    assert found is not None
    return found


def columns_of(path: Path) -> Columns:
    """Reads a file's columns with the csv module."""
    found = Columns(array("q"), array("d"), array("d"), array("d"), array("d"))
    with path.open(newline="") as stream:
        rows = csv.reader(stream)
        next(rows)
        for ts, *prices in rows:
            found.ts.append(nanoseconds(ts))
            for column, price in zip(found.all()[1:], prices, strict=True):
                column.append(float(price))
    return found


def nanoseconds(text: str) -> int:
    return (datetime.fromisoformat(text[:-1]) - EPOCH) // timedelta(microseconds=1) * 1000


def same_trades(name: str, found: list[Trade], expected: list[Trade], *, tolerance: float = 1e-9) -> None:
    """Raises Disagreement unless sides and times are equal and nets equal within ``tolerance``."""
    for number, (mine, theirs) in enumerate(zip(found, expected, strict=False), 1):
        if mine[:3] != theirs[:3] or not math.isclose(mine[3], theirs[3], rel_tol=tolerance, abs_tol=1e-6):
            raise Disagreement(f"{name}: trade {number} is {mine} where {theirs} is due; nothing was timed")
    if len(found) != len(expected):
        raise Disagreement(f"{name} makes {len(found)} trades where {len(expected)} are due")


# --- the floor in C, and loops with Polars and the csv module --------------------------------------------


class Parameters(ctypes.Structure):
    """``Params`` of backtest_floor.c."""

    _fields_ = (
        *((name, ctypes.c_double) for name in ("r", "d", "factor", "wanted_bps", "exit_bps", "cost_bps")),
        ("notional", ctypes.c_double),
        ("expiry_ns", ctypes.c_int64),
        ("half_life_s", ctypes.c_double),
        ("dates", ctypes.c_void_p),
    )


class FloorDate(ctypes.Structure):
    """``Date`` of backtest_floor.c."""

    _fields_ = (("end_ns", ctypes.c_int64), ("settled", ctypes.c_int64))


class FloorTrade(ctypes.Structure):
    """``Trade`` of backtest_floor.c."""

    _fields_ = (
        ("entry_ns", ctypes.c_int64), ("exit_ns", ctypes.c_int64), ("side", ctypes.c_double),
        ("net", ctypes.c_double),
    )  # fmt: skip


def floor_dates() -> Any:
    """Returns the dates up to the expiry."""
    found, instant_ns = [], new_york_to_utc(read_date(FIRST_DAY), 0)
    while instant_ns <= expiry_ns():
        day, _, instant_ns = date_around(instant_ns)
        found.append(FloorDate(instant_ns, settlement_day(day)))
    return (FloorDate * len(found))(*found)


class Floor:
    """The C floor over a file or columns."""

    def __init__(self, settings: BacktestSettings = SETTINGS) -> None:
        flags = ("-shared", "-fPIC", "-ffp-contract=off")
        self._library = ctypes.CDLL(str(floors.build("backtest_floor.c", output="backtest.so", flags=flags)))
        self._library.floor_csv.restype = self._library.floor_columns.restype = ctypes.c_int64
        s, level = settings, settings.level
        self._dates = floor_dates()
        self._params = Parameters(
            s.r, s.d, level.factor, s.entry_bps + s.cost_bps, s.exit_bps, s.cost_bps,
            s.contracts * s.multiplier, expiry_ns(),
            level.half_life_s if level.mode is LevelMode.TRACK else 0.0, ctypes.addressof(self._dates),
        )  # fmt: skip
        self._room = 1_000_000
        self._out = (FloorTrade * self._room)()

    def csv(self, path: Path) -> int:
        """Runs over a file; returns the number of trades."""
        return int(self._library.floor_csv(
            str(path).encode(), ctypes.byref(self._params), self._out, ctypes.c_int64(self._room), 0
        ))  # fmt: skip

    def parse_only(self, path: Path) -> None:
        self._library.floor_csv(
            str(path).encode(), ctypes.byref(self._params), self._out, ctypes.c_int64(0), 1
        )

    def columns(self, addresses: list[int], rows: int, stride: int) -> int:
        """Runs over columns, given by their addresses; times are texts of one length."""
        return int(self._library.floor_columns(
            *map(ctypes.c_void_p, addresses), ctypes.c_int64(rows), ctypes.c_int64(stride),
            ctypes.byref(self._params), self._out, ctypes.c_int64(self._room),
        ))  # fmt: skip

    def trades(self, count: int) -> list[Trade]:
        """Returns the trades of the last run."""
        return [(int(t.side), t.entry_ns, t.exit_ns, t.net) for t in self._out[:count]]


def polars_trades(path: Path, floor: Floor) -> int:
    """Polars reads the file, times as text; the floor's loop parses these and runs over the columns."""
    import polars as pl

    frame = pl.read_csv(path, schema_overrides={"ts": pl.String})
    times = frame["ts"].to_arrow(compat_level=pl.CompatLevel.oldest())
    text = times.buffers()[2].address + TIME_BYTES * times.offset
    prices = [frame[name].to_numpy() for name in ("es_bid", "es_ask", "spy_bid", "spy_ask")]
    return floor.columns([text, *(column.ctypes.data for column in prices)], len(times), TIME_BYTES)


def csv_rows(path: Path) -> Iterator[tuple[float, float, float, float, float]]:
    """Reads a file with the csv module; yields (seconds to expiry, four prices)."""
    expiry = EPOCH + timedelta(microseconds=expiry_ns() // 1000)
    read = datetime.fromisoformat
    with path.open(newline="") as stream:
        rows = csv.reader(stream)
        next(rows)
        for ts, es_bid, es_ask, spy_bid, spy_ask in rows:
            left_s = (expiry - read(ts[:-1])).total_seconds()
            yield left_s, float(es_bid), float(es_ask), float(spy_bid), float(spy_ask)


def loop_trades(rows: Iterator[tuple[float, float, float, float, float]]) -> list[Trade]:
    """Computes signal and P&L in a plain loop over (seconds to expiry, four prices)."""
    s = SETTINGS
    exp, rate, factor, leave = math.exp, (s.r - s.d) / YEAR_S, s.factor, s.exit_bps
    wanted, notional, cost_rate = s.entry_bps + s.cost_bps, s.contracts * s.multiplier, s.cost_bps * 1e-4
    end_ns, found, side = expiry_ns(), [], 0
    entry_s = es_entry = spy_entry = shares = 0.0
    for left_s, es_bid, es_ask, spy_bid, spy_ask in rows:
        c = factor * exp(rate * left_s) if left_s > 0 else factor
        if side == 0:
            if left_s <= 0:
                continue
            dear, cheap = spy_ask * c, spy_bid * c
            if 1e4 * (es_bid - dear) / dear >= wanted:
                side, es_entry, spy_entry = -1, es_bid, spy_ask
            elif 1e4 * (cheap - es_ask) / cheap >= wanted:
                side, es_entry, spy_entry = 1, es_ask, spy_bid
            else:
                continue
            entry_s = left_s
            shares = max(1.0, math.floor(notional * es_entry / spy_entry + 0.5))
            continue
        fair = (spy_bid + spy_ask) * 0.5 * c
        if left_s > 0 and -side * (1e4 * ((es_bid + es_ask) * 0.5 - fair) / fair) > leave:
            continue
        es, spy = (es_ask, spy_bid) if side < 0 else (es_bid, spy_ask)
        gross = side * notional * (es - es_entry) - side * shares * (spy - spy_entry)
        net = gross - cost_rate * notional * es_entry
        found.append((side, end_ns - round(entry_s * 1e6) * 1000, end_ns - round(left_s * 1e6) * 1000, net))
        side = 0
    return found


def column_rows(columns: Columns) -> list[tuple[float, float, float, float, float]]:
    """Prepares the input of the plain loop."""
    end_ns = expiry_ns()
    left_s = [(end_ns - ts) / 1e9 for ts in columns.ts]
    return list(zip(left_s, *columns.all()[1:], strict=True))
