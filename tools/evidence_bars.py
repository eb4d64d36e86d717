"""How often the evidence calls the best of many cells significant, over data sets whose truth is known.

    python -m tools.evidence_bars                 every kind, 100 data sets each, with its bar
    python -m tools.evidence_bars --sets 1000 --workers 2
    python -m tools.evidence_bars --kind walk --first 12 --sets 1

A data set is 20 days of minutes with fills at the touch and a cost of 0.5 bps; the cells are 6 entries by 5
exits on one tracked level. Without an edge (a basis that walks or is fair to the tick) at most 5% may be
significant; with a basis that comes back (2 bps) with a half-life of 10 minutes at least 95%, of 60
minutes at least 80%; with bad prints (1 to 3 rows, 5 to 60 bps off) none. Exit 1 where a bar is missed.
"""

import argparse
import sys
from bisect import bisect_left
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from arbcore.carry._carry import (
    carry_factor,
    deviation_bps,
    edge_cash_and_carry_bps,
    edge_reverse_bps,
    years_to_expiry,
)
from arbcore.carry.evidence import Winner, sweep_evidence
from arbcore.carry.level import Level, LevelRow, LevelRule, factor_of
from arbcore.carry.notes import outliers
from arbcore.carry.settlement import settlement_day_at
from arbcore.core.civil import read_date
from tools.markets import Market, Month, front_expiry_ns, month_of

ENTRIES_BPS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)
EXITS_BPS = (-0.5, 0.0, 0.25, 0.5, 1.0)
COST_BPS, BLOCKS = 0.5, 48
# In the middle of a contract and without an ex-date, so that nothing but the basis is to be found.
FIRST_DAY = read_date("2026-01-05")


@dataclass
class Quotes:
    """The decided rows of a month: where they are among all rows, edges and deviation, all fills."""

    month: Month
    cash_and_carry: list[float] = field(default_factory=list)
    reverse: list[float] = field(default_factory=list)
    deviation: list[float] = field(default_factory=list)
    warming: int = 0
    seen: list[float] = field(default_factory=list)


def quotes_of(month: Month) -> Quotes:
    """Values every row with the tracked level."""
    market, level, found = month.market, Level(LevelRule()), Quotes(month)
    for row in month.rows:
        expiry_ns = front_expiry_ns(row.ts_ns)
        t = years_to_expiry(row.ts_ns, expiry_ns)
        growth = carry_factor(factor=1.0, r=market.r, d=market.d, t=t)
        x = factor_of(
            fut_mid=(row.fut_bid + row.fut_ask) / 2, etf_mid=(row.etf_bid + row.etf_ask) / 2, growth=growth
        )
        found.seen.append(x)
        f = level.decide(LevelRow(row.ts_ns, expiry_ns, settlement_day_at(row.ts_ns), x, market.r, market.d))
        if f is None:
            found.warming += 1
            continue
        c = f * growth
        found.cash_and_carry.append(edge_cash_and_carry_bps(es_bid=row.fut_bid, spy_ask=row.etf_ask, c=c))
        found.reverse.append(edge_reverse_bps(es_ask=row.fut_ask, spy_bid=row.etf_bid, c=c))
        found.deviation.append(
            deviation_bps(
                es_bid=row.fut_bid, es_ask=row.fut_ask, spy_bid=row.etf_bid, spy_ask=row.etf_ask, c=c
            )
        )
    return found


@dataclass
class Cell:
    """What one pair of entry and exit made: nets of closed trades, P&L by block, total with what is open."""

    nets: list[float]
    blocks: list[float]
    total_pnl: float


class Desk:
    """Runs cells over the decided rows, from one place where something is due to the next."""

    def __init__(self, quotes: Quotes) -> None:
        self.quotes = quotes
        self.rows = quotes.month.rows[quotes.warming :]
        self.places: dict[tuple[str, float], list[int]] = {}

    def cell(self, entry_bps: float, exit_bps: float, *, delay: int = 0) -> Cell:
        """One cell; every fill is ``delay`` rows late."""
        rows, nets = self.rows, []
        at, trades = 0, []
        while (found := self._entry(at, entry_bps)) is not None:
            decided, side = found
            filled = decided + delay
            if filled >= len(rows):
                break
            leave = self._exit(filled + 1, side, exit_bps)
            left = None if leave is None or leave + delay >= len(rows) else leave + delay
            trades.append((decided, filled, left, side))
            if left is None:
                break
            at = left + 1
        marks = [0.0] * BLOCKS
        ends = [
            (block + 1) * len(self.quotes.month.rows) // BLOCKS - 1 - self.quotes.warming
            for block in range(BLOCKS)
        ]
        for decided, filled, left, side in trades:
            shares = self._shares(decided, side)
            cost = COST_BPS * 1e-4 * 50.0 * self._fill(filled, side)[0]
            closing = len(rows) - 1 if left is None else left
            net = self._gross(filled, self._fill(closing, -side), side, shares) - cost
            if left is not None:
                nets.append(net)
            for block, end in enumerate(ends):
                if end >= closing:
                    marks[block] += net
                elif end >= filled:
                    marks[block] += self._gross(filled, self._mids(end), side, shares) - cost / 2
        blocks = [after - before for before, after in zip([0.0, *marks], marks, strict=False)]
        return Cell(nets, blocks, marks[-1])

    def _indexes(self, name: str, bound: float) -> list[int]:
        """The rows at which an edge reaches a bound, or the deviation entered has come down to it."""
        key = (name, bound)
        if key not in self.places:
            quotes = self.quotes
            self.places[key] = {
                "cc": lambda: [at for at, edge in enumerate(quotes.cash_and_carry) if edge >= bound],
                "reverse": lambda: [at for at, edge in enumerate(quotes.reverse) if edge >= bound],
                "leave cc": lambda: [at for at, dev in enumerate(quotes.deviation) if dev <= bound],
                "leave reverse": lambda: [at for at, dev in enumerate(quotes.deviation) if -dev <= bound],
            }[name]()
        return self.places[key]

    def _next(self, name: str, bound: float, at: int) -> int | None:
        places = self._indexes(name, bound)
        place = bisect_left(places, at)
        return places[place] if place < len(places) else None

    def _entry(self, at: int, entry_bps: float) -> tuple[int, int] | None:
        wanted = entry_bps + COST_BPS
        sides = [
            (place, side)
            for name, side in (("cc", -1), ("reverse", 1))
            if (place := self._next(name, wanted, at)) is not None
        ]
        return min(sides) if sides else None

    def _exit(self, at: int, side: int, exit_bps: float) -> int | None:
        return self._next("leave cc" if side < 0 else "leave reverse", exit_bps, at)

    def _fill(self, at: int, side: int) -> tuple[float, float]:
        row = self.rows[at]
        return (row.fut_ask, row.etf_bid) if side > 0 else (row.fut_bid, row.etf_ask)

    def _mids(self, at: int) -> tuple[float, float]:
        row = self.rows[at]
        return (row.fut_bid + row.fut_ask) / 2, (row.etf_bid + row.etf_ask) / 2

    def _shares(self, at: int, side: int) -> int:
        fut, etf = self._fill(at, side)
        return max(1, int(50.0 * fut / etf + 0.5))

    def _gross(self, filled: int, prices: tuple[float, float], side: int, shares: int) -> float:
        fut, etf = self._fill(filled, side)
        return side * 50.0 * (prices[0] - fut) - side * shares * (prices[1] - etf)


@dataclass(frozen=True)
class Kind:
    """A kind of data and its bar: at least or at most so many of the sets significant."""

    name: str
    market: Callable[[int], Market]
    least: float = 0.0
    most: float = 1.0


def _market(**changes: Any) -> Callable[[int], Market]:
    return lambda seed: Market(days=20, first_day=FIRST_DAY, spread_bps=seed * 37 % 12 * 20.0, **changes)


KINDS = (
    Kind("walk", _market(walk_bps=0.15), most=0.05),
    Kind("fast walk", _market(walk_bps=1.0), most=0.05),
    Kind("fair", _market(), most=0.05),
    Kind("bad prints", _market(bad_prints=40), most=0.0),
    Kind("planted 10", _market(deviation_bps=2.0, half_life_minutes=10.0), least=0.95),
    Kind("planted 60", _market(deviation_bps=2.0, half_life_minutes=60.0), least=0.80),
)


@dataclass(frozen=True)
class Verdict:
    """What the evidence said of one data set."""

    seed: int
    significant: bool
    p_value: float | None
    total_pnl: float
    delayed_pnl: float


def verdict_of(kind: Kind, seed: int) -> Verdict:
    """Sweeps one data set and judges its best cell."""
    desk = Desk(quotes_of(month_of(kind.market(seed), seed)))
    grid = [(entry, leave) for entry in ENTRIES_BPS for leave in EXITS_BPS]
    cells = [desk.cell(entry, leave) for entry, leave in grid]
    best = max(range(len(cells)), key=lambda at: cells[at].total_pnl)
    if not any(any(cell.blocks) for cell in cells):
        return Verdict(seed, False, None, 0.0, 0.0)
    late = desk.cell(*grid[best], delay=1)
    alone = set(outliers(desk.quotes.seen))
    clean_pnl = None
    if alone:
        month = desk.quotes.month
        kept = [row for at, row in enumerate(month.rows) if at not in alone]
        clean_pnl = Desk(quotes_of(replace(month, rows=kept))).cell(*grid[best]).total_pnl
    winner = Winner(best, cells[best].nets, cells[best].total_pnl, late.total_pnl, clean_pnl)
    found: Any = sweep_evidence(list(zip(*(cell.blocks for cell in cells), strict=True)), winner)
    return Verdict(
        seed, found["best"]["significant"] is True, found["best"]["p_value"], winner.total_pnl, late.total_pnl
    )


def _verdict(task: tuple[str, int]) -> Verdict:
    return verdict_of(next(kind for kind in KINDS if kind.name == task[0]), task[1])


def main(argv: list[str] | None = None) -> int:
    """The command; 0 where every bar holds."""
    parser = argparse.ArgumentParser(
        prog="evidence_bars", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kind", choices=[kind.name for kind in KINDS], action="append")
    parser.add_argument("--sets", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="the seed of the first data set")
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args(argv)
    missed = 0
    with ProcessPoolExecutor(args.workers) as pool:
        for kind in KINDS:
            if args.kind and kind.name not in args.kind:
                continue
            tasks = [(kind.name, args.first + at) for at in range(args.sets)]
            found = list(pool.map(_verdict, tasks, chunksize=4))
            share = sum(each.significant for each in found) / len(found)
            above = sum(each.total_pnl > 0 for each in found) / len(found)
            low = sum(each.p_value is not None and each.p_value <= 0.05 for each in found) / len(found)
            bar = f"at least {kind.least:.0%}" if kind.least else f"at most {kind.most:.0%}"
            good = kind.least <= share <= kind.most
            missed += not good
            print(
                f"{kind.name:<12}{len(found):>6} sets: {share:6.1%} significant ({bar}), p <= 0.05 in "
                f"{low:.1%}, best cell above 0 in {above:.1%}{'' if good else '   MISSED'}",
                flush=True,
            )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
