"""Measures how often comparisons of `arbcore simulate` are wrong, and how often they find a difference.

    python -m tools.check_comparison                 200 ranges of 200 rounds
    python -m tools.check_comparison --ranges 8 --rounds 50 --round-s 10

It makes three comparisons over ranges of seeds:

* alike: the bot against itself on the seeds of the next range. Only luck differs, so at most 5% of the ranges
  may be called different. (On the same seeds both results would be equal to the tick, which proves nothing.)
* apart: the bot against one that stops trading after 93% of every round, on the same seeds, in the first half
  of the ranges. At least 95% of them must be called different, in favour of the first bot.
* looked at often: as alike, but the always-valid interval is checked every 25 rounds from the 50th on. If one
  of these checks calls the two different, the range counts as different. Again at most 5% of the ranges may.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

from arbcore.play.round_statistics import always_valid_interval, compare
from arbcore.play.rounds import RoundPlan, play
from arbcore.play.simulate import AUTO_FIRST, AUTO_STEP
from arbcore.trading.trading_settings import SECOND_NS

#: The worse bot trades for this share of a round.
SHARE = 0.93
FIRST_SEED = 500_000


def pnl_of(plan: RoundPlan) -> float:
    return float(play(plan).fair_pnl)


def plans(ranges: int, rounds: int, round_s: float) -> list[RoundPlan]:
    return [RoundPlan(FIRST_SEED + at, round_ns=round(round_s * SECOND_NS)) for at in range(ranges * rounds)]


def stopped_early(plan: RoundPlan) -> RoundPlan:
    """Returns the plan of the same round for the worse bot."""
    closed_ns = SECOND_NS
    return replace(plan, ending="stop", ending_ns=closed_ns + round(plan.round_ns * SHARE))


def called_at_any_look(first: Sequence[float], second: Sequence[float]) -> bool:
    """Whether the always-valid interval calls the two bots different at any check."""
    looks = [*range(min(AUTO_FIRST, len(first)), len(first), AUTO_STEP), len(first)]
    return any(compare(first[:look], second[:look], always_valid_interval).different for look in looks)


def check(scores: Sequence[float], worse: Sequence[float], rounds: int) -> dict[str, float]:
    """Counts results over ranges of ``rounds`` scores; ``worse`` has the worse bot's, on the first seeds."""
    parts = [scores[at : at + rounds] for at in range(0, len(scores), rounds)]
    worse_parts = [worse[at : at + rounds] for at in range(0, len(worse), rounds)]
    neighbours = [*parts[1:], parts[0]]
    found = [compare(bot, early) for bot, early in zip(parts, worse_parts, strict=False)]
    planted = 1 - sum(worse) / sum(scores[: len(worse)])
    return {
        "ranges": len(parts), "rounds": rounds,
        "alike_called_different": sum(map(called_different, parts, neighbours)),
        "alike_called_different_at_any_look": sum(map(called_at_any_look, parts, neighbours)),
        "apart": len(found), "apart_found": sum(each.different and each.mean > 0 for each in found),
        "mean": round(sum(scores) / len(scores), 1), "planted_difference": round(planted, 4),
    }  # fmt: skip


def called_different(first: Sequence[float], second: Sequence[float]) -> bool:
    return compare(first, second).different


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.check_comparison", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--ranges", type=int, default=200, metavar="N", help="ranges of seeds (200)")
    parser.add_argument("--rounds", type=int, default=200, metavar="N", help="rounds of each (200)")
    parser.add_argument("--round-s", type=float, default=30.0, metavar="S", help="length of a round (30)")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes (2)")
    args = parser.parse_args(argv)
    played = plans(args.ranges, args.rounds, args.round_s)
    halted = [stopped_early(plan) for plan in played[: (args.ranges + 1) // 2 * args.rounds]]
    with ProcessPoolExecutor(args.workers) as pool:
        scores = list(pool.map(pnl_of, played, chunksize=20))
        worse = list(pool.map(pnl_of, halted, chunksize=20))
    found = check(scores, worse, args.rounds)
    print(json.dumps(found))
    wrong = max(found["alike_called_different"], found["alike_called_different_at_any_look"])
    # At a true rate of 5%, 97 of 100 runs have fewer than 15 wrong ranges out of 200.
    allowed = 0.05 * args.ranges + 1.9 * (0.05 * 0.95 * args.ranges) ** 0.5
    return 0 if wrong <= allowed and found["apart_found"] >= 0.95 * found["apart"] else 1


if __name__ == "__main__":
    sys.exit(main())
