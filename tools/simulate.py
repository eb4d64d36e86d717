"""Plays rounds of bot and embedded exchange in one process, in virtual time, from seeds.

    python -m tools.simulate                      the table: all strategies, each alone, every regime twice
    python -m tools.simulate --seeds 1000         invariants checked after every event, under fault storms
    python -m tools.simulate --seed 17 --storm cuts --check    one round again, as a failing seed says
    python -m tools.simulate --desk --seeds 1000  the carry desk against a model broker (tools.simulate_desk)

Figures of the table are fair P&L a round in ticks: mean, 95% interval of the mean, worst and best round.
Seeds from 100000 up were never used to choose a default; the table uses those.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import Any

from arbcore.play.round_statistics import figures
from arbcore.play.rounds import ENDINGS, RoundPlan, RoundReport, play
from arbcore.play.simulated_link import STORMS
from arbcore.trading.trading_settings import SECOND_NS, STRATEGY_SETTINGS
from arbcore.venue.regimes import REGIMES
from tools import simulate_desk

REPORT_SEED = 100_000
STORM_NAMES = [name for name in STORMS if name != "none"]


def table_plans(args: argparse.Namespace) -> Iterator[tuple[str, RoundPlan]]:
    """Yields every row of the table with the plan of its first round."""
    base = RoundPlan(
        seed=0, mode=args.mode, round_ns=args.round_s * SECOND_NS, latency_ns=args.latency_us * 1000
    )
    yield "all strategies", base
    for name, kind in STRATEGY_SETTINGS.items():
        yield f"{name} alone", replace(base, strategies={name: kind()})
    making = replace(base, strategies={"market_making": STRATEGY_SETTINGS["market_making"]()})
    for regime in REGIMES:
        if regime != base.regime:
            yield f"regime {regime}", replace(base, regime=regime)
            yield f"market_making in {regime}", replace(making, regime=regime)


def row(name: str, results: list[RoundReport]) -> dict[str, Any]:
    pnl = [float(result.fair_pnl) for result in results]
    return {
        "row": name, **figures(pnl).as_dict(), "best": max(pnl),
        "orders": statistics.fmean(result.summary["orders_sent"] for result in results),
        "fills": statistics.fmean(result.summary["fills"] for result in results),
        "limit_breaches": sum(result.summary["limit_breaches"] for result in results),
        "limit_rejects": sum(result.limit_rejects for result in results),
        "by_strategy": {
            name: statistics.fmean(result.strategies[name] for result in results)
            for name in results[0].strategies
        },
    }  # fmt: skip


def print_row(line: dict[str, Any]) -> None:
    interval = "" if line["low"] is None else f"[{line['low']:>7.0f}, {line['high']:>7.0f}]"
    print(
        f"{line['row']:<26}{line['mean']:>9.0f}  {interval:<18}{line['worst']:>8.0f}{line['best']:>8.0f}"
        f"{line['losing']:>8}{line['orders']:>8.0f}{line['fills']:>7.0f}"
        f"{line['limit_breaches']:>9}{line['limit_rejects']:>9}",
        flush=True,
    )


def run_table(args: argparse.Namespace, pool: ProcessPoolExecutor) -> int:
    lines = []
    if not args.json:
        print(f"{args.rounds} rounds of {args.round_s} s a row, {args.mode}, seeds from {args.first_seed}")
        print(
            f"{'':<26}{'mean':>9}  {'95% of the mean':<18}{'worst':>8}{'best':>8}{'losing':>8}{'orders':>8}"
            f"{'fills':>7}{'breaches':>9}{'rejects':>9}"
        )
    for name, plan in table_plans(args):
        if args.rows and not any(word in name for word in args.rows):
            continue
        plans = [replace(plan, seed=args.first_seed + index) for index in range(args.rounds)]
        lines.append(row(name, list(pool.map(play, plans, chunksize=4))))
        if not args.json:
            print_row(lines[-1])
    again = RoundPlan(seed=args.first_seed, mode=args.mode, round_ns=args.round_s * SECOND_NS)
    same = play(again).trace_hash == play(again).trace_hash
    if args.json:
        found = {"schema": "arbcore.play-table/1", "rows": lines, "same_seed_same_trace": same}
        print(json.dumps(found))
    else:
        print(f"same seed, same trace hash: {'yes' if same else 'NO'}")
    bad = sum(line["limit_breaches"] + line["limit_rejects"] for line in lines)
    return 0 if same and not bad else 1


def run_seeds(args: argparse.Namespace, pool: ProcessPoolExecutor) -> int:
    """Plays checked rounds under every storm in turn; prints the command that repeats a failing one."""
    plans = [checked_plan(args, index) for index in range(args.seeds)]
    failed = 0
    for plan, result in zip(plans, pool.map(play, plans, chunksize=4), strict=True):
        if result.violations:
            failed += 1
            print(f"seed {plan.seed}: {len(result.violations)} violations, the first: {result.violations[0]}")
            print(f"  again: {again_command(plan)}", flush=True)
    print(f"{len(plans)} seeds, {failed} with violations")
    return 1 if failed else 0


def checked_plan(args: argparse.Namespace, index: int) -> RoundPlan:
    """Returns the plan of a round: every storm in turn, each with every regime; half of the bots are stopped
    or killed during the round.
    """
    storms = len(STORM_NAMES)
    return RoundPlan(
        seed=args.first_seed + index, mode=args.mode, storm=STORM_NAMES[index % storms],
        regime=list(REGIMES)[index // storms % len(REGIMES)], round_ns=args.round_s * SECOND_NS,
        rounds=args.rounds_a_seed, latency_ns=args.latency_us * 1000, check=True,
        ending=("", "stop", "", "kill")[index // storms % 4], ending_ns=args.round_s * SECOND_NS // 2,
    )  # fmt: skip


def again_command(plan: RoundPlan) -> str:
    ending = f" --ending {plan.ending}" if plan.ending else ""
    return (
        f"python -m tools.simulate --seed {plan.seed} --storm {plan.storm} --regime {plan.regime} "
        f"--mode {plan.mode} --round-s {plan.round_ns // SECOND_NS} --rounds-a-seed {plan.rounds} "
        f"--latency-us {plan.latency_ns // 1000}{ending} --check"
    )


def run_one(args: argparse.Namespace) -> int:
    plan = RoundPlan(
        seed=args.seed,
        mode=args.mode,
        regime=args.regime,
        storm=args.storm,
        round_ns=args.round_s * SECOND_NS,
        rounds=args.rounds_a_seed,
        latency_ns=args.latency_us * 1000,
        check=args.check,
        ending=args.ending,
        ending_ns=args.round_s * SECOND_NS // 2,
    )
    result = play(plan)
    print(json.dumps(result.as_dict(), indent=2))
    return 1 if result.violations else 0


def main(argv: list[str] | None = None) -> int:
    given = sys.argv[1:] if argv is None else argv
    if "--desk" in given:
        return simulate_desk.main([word for word in given if word != "--desk"])
    parser = argparse.ArgumentParser(prog="python -m tools.simulate", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=200, help="rounds a row of the table")
    parser.add_argument("--rows", nargs="*", help="only rows whose name holds one of these words")
    parser.add_argument("--seeds", type=int, help="check invariants over this many seeds instead")
    parser.add_argument("--seed", type=int, help="play one round")
    parser.add_argument("--first-seed", type=int, default=REPORT_SEED)
    parser.add_argument("--round-s", type=int, default=300)
    parser.add_argument("--latency-us", type=int, default=200, help="one way, in microseconds")
    parser.add_argument("--mode", choices=("prod-like", "slower", "empty"), default="prod-like")
    parser.add_argument("--regime", choices=list(REGIMES), default="normal")
    parser.add_argument("--storm", choices=list(STORMS), default="none")
    parser.add_argument("--rounds-a-seed", type=int, default=1, help="rounds of one run, over restarts")
    parser.add_argument("--ending", choices=ENDINGS, default="", help="tell the bot this in mid-round")
    parser.add_argument("--check", action="store_true", help="hold the invariants after every event")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(given)
    if args.seed is not None:
        return run_one(args)
    with ProcessPoolExecutor(args.jobs) as pool:
        return run_seeds(args, pool) if args.seeds else run_table(args, pool)


if __name__ == "__main__":
    sys.exit(main())
