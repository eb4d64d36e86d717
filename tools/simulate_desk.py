"""Plays the carry desk against a model broker in virtual time, from seeds, and checks its invariants.

python -m tools.simulate --desk --seeds 10000       every storm in turn, every way of ending
python -m tools.simulate --desk --seed 17           one again, as a failing seed says
"""

import argparse
import json
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

from arbcore.desk.desk_settings import ENTRY_ORDERS
from tools.desk_simulation.desk_broker import STORMS
from tools.desk_simulation.desk_world import ENDINGS, OCCASIONS, SETTINGS, DeskPlan, play_desk


def plan_of(seed: int) -> DeskPlan:
    """Returns the plan of a seed: every storm in turn, each with every ending, sizes and kinds of entry vary.

    In every seventh turn trading is off from some time on.
    """
    storms = list(STORMS)
    turn = seed // len(storms)
    settings = replace(
        SETTINGS,
        contracts=1 + turn // len(ENDINGS) % 3,
        entry_order=ENTRY_ORDERS[turn % len(ENTRY_ORDERS)],
        daily_loss_usd=300.0 if turn % 5 == 0 else SETTINGS.daily_loss_usd,
    )
    occasion = list(OCCASIONS)[turn // len(ENDINGS) % len(OCCASIONS)]
    # With trading off a pair stays open, also at its roll and at its expiry.
    off_s = 12 if turn % 7 == 2 and occasion in ("", "midnight") else 0
    return DeskPlan(
        seed,
        storm=storms[seed % len(storms)],
        ending=ENDINGS[turn % len(ENDINGS)],
        occasion=occasion,
        off_s=off_s,
        settings=settings,
    )


def again_command(plan: DeskPlan) -> str:
    return f"python -m tools.simulate --desk --seed {plan.seed}"


def run_seeds(seeds: range, jobs: int) -> int:
    """Plays the seeds; prints for each that fails the command that repeats it."""
    plans = [plan_of(seed) for seed in seeds]
    failed = 0
    total: Counter[str] = Counter()
    with ProcessPoolExecutor(jobs) as pool:
        for plan, result in zip(plans, pool.map(play_desk, plans, chunksize=16), strict=True):
            total.update(result.counts)
            if result.violations:
                failed += 1
                print(f"seed {plan.seed}: {result.violations[0]}\n  again: {again_command(plan)}", flush=True)
    counted = ", ".join(f"{count} {name}" for name, count in total.items())
    print(f"{len(plans)} seeds, {failed} with violations; {counted}")
    return 1 if failed else 0


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.simulate --desk", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--seeds", type=int, default=1_000, help="check invariants over this many seeds")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seed", type=int, help="play one run")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args(argv)
    if args.seed is None:
        return run_seeds(range(args.first_seed, args.first_seed + args.seeds), args.jobs)
    result = play_desk(plan_of(args.seed))
    print(json.dumps(result.as_dict(), indent=2))
    return 1 if result.violations else 0


if __name__ == "__main__":
    sys.exit(main())
