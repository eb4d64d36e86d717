"""Months of simulated markets, run through the backtest with the tracked level.

    python -m tools.simulate_markets                  the table: every kind of market, 20 months each
    python -m tools.simulate_markets --months 1000 --workers 2
    python -m tools.simulate_markets --kind jump --first 17 --months 1    one month again

In a market that is always fair there is nothing to trade, at an entry of 2 bps and of 3: at most one trade a
jump of the spread or an ex-date that nobody announced, and at most three a month where the spread
diffuses by 8 bps a night. Where a deviation is planted, the table says what the level earns of it and what a
constant does that knows the true level of the first row. Exit 1 where a month breaks a bound.
"""

import argparse
import statistics
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from reference.money import Backtest, Terms

from arbcore.carry.pairs import PAIRS, Pair, pair_named
from arbcore.carry.settlement import settlement_day_at
from tools.markets import Market, Month, front_expiry_ns, month_of

ENTRIES_BPS = (2.0, 3.0)


def spread_of(seed: int) -> float:
    """From 0 to 220 bps, all of them about as often."""
    return float(seed * 37 % 12 * 20)


# Each kind: the market of a seed, and how many trades its month may have at an entry.
Bound = Callable[[Month, float], int]


@dataclass(frozen=True)
class Kind:
    """A kind of market; ``planted`` has deviations that can be earned, ``scheduled`` announces dividends."""

    name: str
    market: Callable[[int], Market]
    bound: Bound | None
    scheduled: bool = False

    @property
    def planted(self) -> bool:
        return self.bound is None


def _none(_month: Month, _entry_bps: float) -> int:
    return 0


def _one_a_jump(month: Month, _entry_bps: float) -> int:
    return month.jumps + month.ex_dates


def _three(_month: Month, _entry_bps: float) -> int:
    return 3


def _planted(half_life: float) -> Callable[[int], Market]:
    return lambda seed: Market(spread_bps=spread_of(seed), deviation_bps=3.0, half_life_minutes=half_life)


KINDS = (
    Kind("fair", lambda seed: Market(spread_bps=spread_of(seed)), _none),
    Kind(
        "pairs",
        lambda seed: Market(
            pair=PAIRS[seed % len(PAIRS)], spread_bps=spread_of(seed), d=0.006 + 0.012 * (seed % 2)
        ),
        _none,
    ),
    Kind("sparse", lambda seed: Market(spread_bps=spread_of(seed), kept=(0.5, 0.2, 0.1)[seed % 3]), _none),
    Kind("quarter", lambda seed: Market(spread_bps=spread_of(seed), every_minutes=15), _none),
    Kind(
        "dividends",
        lambda seed: Market(pair=_payer(seed), spread_bps=60, ex_dates=True),
        _none,
        scheduled=True,
    ),
    Kind("unannounced", lambda seed: Market(pair=_payer(seed), spread_bps=60, ex_dates=True), _one_a_jump),
    Kind("jump", lambda seed: Market(spread_bps=spread_of(seed), jump_bps=60), _one_a_jump),
    Kind("diffusing", lambda seed: Market(spread_bps=spread_of(seed), spread_night_bps=8), _three),
    Kind("planted 2", _planted(2.0), None),
    Kind("planted 10", _planted(10.0), None),
    Kind("planted 60", _planted(60.0), None),
)


def _payer(seed: int) -> Pair:
    return pair_named(("nq-qqq", "ym-dia", "rty-iwm")[seed % 3])


def terms_of(kind: Kind, month: Month, entry_bps: float) -> Terms:
    """The settings of a run: the pair's default cost, an exit at a quarter of the entry."""
    market = month.market
    return Terms(
        front_expiry_ns=front_expiry_ns,
        settlement_day=settlement_day_at,
        rate=lambda _now_ns, _t: market.r,
        yield_of=lambda _expiry_ns: market.d,
        schedule=month.schedule if kind.scheduled else None,
        entry_bps=entry_bps,
        exit_bps=entry_bps / 4,
        cost_bps=market.pair.cost_bps,
        multiplier=market.pair.multiplier,
        fut_tick=market.pair.tick,
        etf_tick=market.pair.etf_tick,
    )


def run(month: Month, terms: Terms) -> Backtest:
    """One backtest over one month."""
    done = Backtest(terms)
    for row in month.rows:
        done.row(row)
    done.end()
    return done


@dataclass(frozen=True)
class Outcome:
    """One month: trades and total P&L by entry, the constant's P&L where something is planted, the bound."""

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
    trades, pnl, constant, allowed, largest = [], [], [], [], 0.0
    for entry_bps in ENTRIES_BPS:
        terms = terms_of(kind, month, entry_bps)
        done = run(month, terms)
        trades.append(len(done.trades) + (done.position is not None))
        pnl.append(done.closed_net + done.open_pnl)
        largest = max((edge for _, _, _, edge, *_ in done.decided), default=0.0)
        if kind.bound is not None:
            allowed.append(kind.bound(month, entry_bps))
        else:
            allowed.append(len(month.rows))
            known = run(month, replace(terms, mode="number", level=month.level))
            constant.append(known.closed_net + known.open_pnl)
    return Outcome(seed, tuple(trades), tuple(pnl), tuple(constant), tuple(allowed), largest)


def _outcome(task: tuple[str, int]) -> Outcome:
    return outcome_of(next(kind for kind in KINDS if kind.name == task[0]), task[1])


def line_of(kind: Kind, outcomes: list[Outcome]) -> str:
    """One line of the table."""
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
    """The command; 0 where no month breaks its bound."""
    parser = argparse.ArgumentParser(prog="simulate_markets", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--kind", choices=[kind.name for kind in KINDS], action="append")
    parser.add_argument("--months", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="the seed of the first month")
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args(argv)
    broken = 0
    with ProcessPoolExecutor(args.workers) as pool:
        for kind in KINDS:
            if args.kind and kind.name not in args.kind:
                continue
            tasks = [(kind.name, args.first + at) for at in range(args.months)]
            outcomes = list(pool.map(_outcome, tasks, chunksize=4))
            print(line_of(kind, outcomes), flush=True)
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
