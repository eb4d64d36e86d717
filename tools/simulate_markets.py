"""Runs the compiled backtest with the tracked level over months of simulated markets.

    python -m tools.simulate_markets                  the table: every kind of market, 100 months each
    python -m tools.simulate_markets --months 1000 --workers 2
    python -m tools.simulate_markets --kind jump --first 17 --months 1    one month again

An always fair market must give almost no trades at entries of 2 bps and of 3 bps: at most one trade per jump
of the spread or unannounced ex-date, and at most three a month on average if the spread diffuses by 8 bps a
night. (There, about one night a month moves the basis by more than an entry by chance, so single months have
more than three.) If a deviation is planted, the table shows the P&L with the tracked level, and the P&L with
a constant equal to the true level of the first row. The command exits with 1 if a bound is broken.
"""

import argparse
import statistics
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from arbcore.carry.calendar import all_expiries_ns
from arbcore.carry.pairs import PAIRS, Pair, pair_named
from arbcore.research._backtest import Backtest
from arbcore.research._sweep_rows import SweepRows
from arbcore.research.research_settings import BacktestSettings
from tools.markets import Market, Month, month_of

ENTRIES_BPS = (2.0, 3.0)


def spread_of(seed: int) -> float:
    """Returns a spread from 0 to 220 bps, about uniformly distributed over the seeds."""
    return float(seed * 37 % 12 * 20)


def spread_within(seed: int) -> float:
    """Returns a spread from 60 to 160 bps, so that it stays within 0 to 220 after a jump of 60."""
    return float(60 + seed * 37 % 6 * 20)


# From a month to the most trades it may have.
Bound = Callable[[Month], int]


@dataclass(frozen=True)
class Kind:
    """A kind of market. ``bound`` limits the trades of each month, ``mean`` the mean of all months. With
    ``planted`` a deviation can be traded; with ``scheduled`` dividends are announced.
    """

    name: str
    market: Callable[[int], Market]
    bound: Bound | None = None
    mean: float | None = None
    planted: bool = False
    scheduled: bool = False


def _none(_month: Month) -> int:
    return 0


def _one_a_jump(month: Month) -> int:
    return month.jumps + month.ex_dates


def _planted(half_life: float) -> Kind:
    def market(seed: int) -> Market:
        return Market(spread_bps=spread_of(seed), deviation_bps=3.0, half_life_minutes=half_life)

    return Kind(f"planted {half_life:g}", market, planted=True)


def _payer(seed: int) -> Pair:
    return pair_named(("nq-qqq", "ym-dia", "rty-iwm")[seed % 3])


def _paying(seed: int) -> Market:
    return Market(pair=_payer(seed), spread_bps=60, ex_dates=True)


def _of_any_pair(seed: int) -> Market:
    return Market(pair=PAIRS[seed % len(PAIRS)], spread_bps=spread_of(seed), d=0.006 + 0.012 * (seed % 2))


KINDS = (
    Kind("fair", lambda seed: Market(spread_bps=spread_of(seed)), _none),
    Kind("pairs", _of_any_pair, _none),
    Kind("sparse", lambda seed: Market(spread_bps=spread_of(seed), kept=(0.5, 0.2, 0.1)[seed % 3]), _none),
    Kind("quarter", lambda seed: Market(spread_bps=spread_of(seed), every_minutes=15), _none),
    Kind("dividends", _paying, _none, scheduled=True),
    Kind("unannounced", _paying, _one_a_jump),
    Kind("jump", lambda seed: Market(spread_bps=spread_within(seed), jump_bps=60), _one_a_jump),
    Kind("diffusing", lambda seed: Market(spread_bps=spread_of(seed), spread_night_bps=8), mean=3.0),
    _planted(2.0),
    _planted(10.0),
    _planted(60.0),
)


def settings_of(kind: Kind, month: Month, entry_bps: float) -> BacktestSettings:
    """Returns the settings of a run: defaults, except the entry and the known facts of the market."""
    market = month.market
    return BacktestSettings(
        pair=market.pair.name,
        r=market.r,
        d=market.d,
        entry_bps=entry_bps,
        dividends=month.schedule if kind.scheduled else (),
    )


def run(rows: SweepRows, settings: BacktestSettings) -> Backtest:
    """Runs one backtest over one month."""
    done = Backtest(settings, expiries_ns=all_expiries_ns(), fixed=False, keep_trades=True)
    done.feed_memory(rows)
    done.end()
    return done


@dataclass(frozen=True)
class Outcome:
    """One month: trades and total P&L by entry, the constant's P&L if a deviation is planted, the bound."""

    seed: int
    trades: tuple[int, ...]
    pnl: tuple[float, ...]
    constant: tuple[float, ...]
    allowed: tuple[int, ...]
    largest_bps: float

    @property
    def broken(self) -> bool:
        return any(made > most for made, most in zip(self.trades, self.allowed, strict=True))


def outcome_of(kind: Kind, seed: int) -> Outcome:
    """Runs one month at every entry."""
    month = month_of(kind.market(seed), seed)
    rows = month.rows()
    trades, pnl, constant, allowed, largest = [], [], [], [], 0.0
    for entry_bps in ENTRIES_BPS:
        settings = settings_of(kind, month, entry_bps)
        done = run(rows, settings)
        found = done.summary()
        trades.append(found["trades"] + (done.open_position_document() is not None))
        pnl.append(found["total_pnl"])
        largest = (done.values.largest_edge() or (0.0, 0))[0]
        allowed.append(rows.count if kind.bound is None else kind.bound(month))
        if kind.planted:
            constant.append(run(rows, replace(settings, factor=month.level)).summary()["total_pnl"])
    return Outcome(seed, tuple(trades), tuple(pnl), tuple(constant), tuple(allowed), largest)


def _outcome(task: tuple[str, int]) -> Outcome:
    return outcome_of(next(kind for kind in KINDS if kind.name == task[0]), task[1])


def means_of(outcomes: list[Outcome]) -> list[float]:
    """Returns the mean trades per month at each entry."""
    return [statistics.fmean(each.trades[at] for each in outcomes) for at in range(len(ENTRIES_BPS))]


def line_of(kind: Kind, outcomes: list[Outcome]) -> str:
    """Returns one line of the table."""
    parts = [f"{kind.name:<12}{len(outcomes):>6}"]
    for at, entry_bps in enumerate(ENTRIES_BPS):
        made = [outcome.trades[at] for outcome in outcomes]
        pnl = statistics.fmean(outcome.pnl[at] for outcome in outcomes)
        parts.append(f"   entry {entry_bps:g}: {statistics.fmean(made):7.2f} a month, most {max(made):4d}")
        if kind.planted:
            known = statistics.fmean(outcome.constant[at] for outcome in outcomes)
            ahead = sum(outcome.pnl[at] > outcome.constant[at] for outcome in outcomes)
            parts.append(f", {pnl:+9,.0f} USD, a constant {known:+9,.0f}, ahead of it in {ahead}")
        else:
            parts.append(f", {pnl:+7.0f} USD")
    parts.append(f"   largest edge {max(outcome.largest_bps for outcome in outcomes):.2f} bps")
    return "".join(parts)


def main(argv: list[str] | None = None) -> int:
    """Runs the command; returns 0 if no bound is broken."""
    parser = argparse.ArgumentParser(prog="simulate_markets", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--kind", choices=[kind.name for kind in KINDS], action="append")
    parser.add_argument("--months", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="the seed of the first month")
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args(argv)
    broken = 0
    with ProcessPoolExecutor(args.workers) as pool:
        for kind in KINDS:
            if args.kind and kind.name not in args.kind:
                continue
            tasks = [(kind.name, args.first + at) for at in range(args.months)]
            outcomes = list(pool.map(_outcome, tasks, chunksize=8))
            print(line_of(kind, outcomes), flush=True)
            if kind.mean is not None and any(each > kind.mean for each in means_of(outcomes)):
                broken += 1
                print(f"  more than {kind.mean:g} trades a month")
            for outcome in outcomes:
                if outcome.broken:
                    broken += 1
                    print(
                        f"  month {outcome.seed}: {outcome.trades} trades, {outcome.allowed} allowed; repeat "
                        f"with --kind '{kind.name}' --first {outcome.seed} --months 1"
                    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
