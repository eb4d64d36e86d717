"""Measures how often the evidence calls the best of many cells significant, on data sets with a known truth.

    python -m tools.evidence_bars                 every kind, 100 data sets each, with its bar
    python -m tools.evidence_bars --sets 1000 --workers 2
    python -m tools.evidence_bars --kind walk --first 12 --sets 1

A data set is 20 days of minutes, swept by ``arbcore.sweep`` itself: fills at the touch, a cost of 0.5 bps,
the default level, 6 entries by 5 exits. Long and short positions have the rate r, so a fair carry nets 0.

Without an edge (the basis is a random walk, or fair to the tick) at most 5% of the sets may be significant.
With a mean-reverting basis of 2 bps, at least 95% must be at a half-life of 10 minutes, and at least 80% at
60 minutes. With any number of bad prints (1 to 3 rows each, 5 to 60 bps off) none may be. The command exits
with 1 if a bar is missed.
"""

import argparse
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import arbcore
from arbcore.core.civil import read_date
from tools.markets import Market, month_of

ENTRIES_BPS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)
EXITS_BPS = (-0.5, 0.0, 0.25, 0.5, 1.0)
COST_BPS = 0.5
# In the middle of a contract and without an ex-date, so the basis is the only possible edge.
FIRST_DAY = read_date("2026-01-05")


@dataclass(frozen=True)
class Kind:
    """A kind of data and its bar: the least or the greatest share of sets that may be significant."""

    name: str
    market: Callable[[int], Market]
    least: float = 0.0
    most: float = 1.0

    @property
    def bar(self) -> str:
        """Describes the bar in words."""
        return f"at least {self.least:.0%}" if self.least else f"at most {self.most:.0%}"


def _market(seed: int, **changes: Any) -> Market:
    return Market(days=20, first_day=FIRST_DAY, spread_bps=seed * 37 % 12 * 20.0, **changes)


KINDS = (
    Kind("walk", lambda seed: _market(seed, walk_bps=0.15), most=0.05),
    Kind("fast walk", lambda seed: _market(seed, walk_bps=1.0), most=0.05),
    Kind("fair", _market, most=0.05),
    Kind("bad print", lambda seed: _market(seed, bad_prints=1), most=0.0),
    Kind("2 to 20 prints", lambda seed: _market(seed, bad_prints=2 + seed % 19), most=0.0),
    Kind("40 prints", lambda seed: _market(seed, bad_prints=40), most=0.0),
    Kind("small prints", lambda seed: _market(seed, bad_prints=40, print_bps=(5.0, 10.0)), most=0.0),
    Kind("planted 10", lambda seed: _market(seed, deviation_bps=2.0, half_life_minutes=10.0), least=0.95),
    Kind("planted 60", lambda seed: _market(seed, deviation_bps=2.0, half_life_minutes=60.0), least=0.80),
)


@dataclass(frozen=True)
class Verdict:
    """The evidence about one data set."""

    seed: int
    significant: bool
    p_value: float | None
    total_pnl: float
    delayed_pnl: float


def swept(market: Market, seed: int) -> dict[str, Any]:
    """Sweeps one data set and returns the summary."""
    result = arbcore.sweep(
        month_of(market, seed).columns,
        pair=market.pair.name,
        r=market.r,
        d=market.d,
        short_rate=market.r,
        cost_bps=COST_BPS,
        entry_bps=ENTRIES_BPS,
        exit_bps=EXITS_BPS,
        workers=1,
    )
    return result.summary


def verdict_of(kind: Kind, seed: int) -> Verdict:
    """Sweeps one data set and judges its best cell."""
    summary = swept(kind.market(seed), seed)
    evidence, best = summary["evidence"], summary["best"]
    return Verdict(
        seed=seed,
        significant=evidence["best"]["significant"] is True,
        p_value=evidence["best"]["p_value"],
        total_pnl=0.0 if best is None else best["total_pnl"],
        delayed_pnl=evidence["delayed"]["total_pnl"] or 0.0,
    )


def _verdict(task: tuple[str, int]) -> Verdict:
    return verdict_of(next(kind for kind in KINDS if kind.name == task[0]), task[1])


def main(argv: list[str] | None = None) -> int:
    """Runs the command; returns 0 if every bar holds."""
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
            found = list(pool.map(_verdict, tasks, chunksize=8))
            share = sum(each.significant for each in found) / len(found)
            above = sum(each.total_pnl > 0 for each in found) / len(found)
            late = sum(each.delayed_pnl > 0 for each in found) / len(found)
            low = sum(each.p_value is not None and each.p_value <= 0.05 for each in found) / len(found)
            good = kind.least <= share <= kind.most
            missed += not good
            print(
                f"{kind.name:<15}{len(found):>6} sets: {share:6.1%} significant ({kind.bar}), p <= 0.05 in "
                f"{low:.1%}, above 0 in {above:.1%}, one row later in {late:.1%}"
                f"{'' if good else '   MISSED'}",
                flush=True,
            )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
