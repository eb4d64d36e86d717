"""Makes synthetic quotes of ES and SPY, of any length; the same seed gives the same quotes.

    python tools/make_sample.py --rows 780 --seed 7 > examples/es_spy_synthetic.csv
    python tools/make_sample.py --rows 2000000 --every-ms 100 > ticks.csv

The rows are one-minute closes of regular sessions, or with ``--every-ms`` quotes at uneven instants in whole
microseconds. SPY is a random walk, the index is a third of a percent above ten SPY, and the future's distance
from its fair value varies by a few basis points. The data come from no real market.
"""

import argparse
import math
import random
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))

from arbcore.carry.calendar import close_clock_ns, front_contract  # noqa: E402 -- after the path
from arbcore.core.civil import (  # noqa: E402
    NS_PER_DAY,
    NS_PER_HOUR,
    NS_PER_MINUTE,
    NS_PER_S,
    iso_date,
    iso_time,
    new_york_to_utc,
    read_date,
)

RATE, YIELD, FACTOR = 0.043, 0.0125, 10.03
#: Size of the deviation's change from one minute to the next, bps.
WANDER_BPS = 1.6
OPEN_CLOCK_NS = 9 * NS_PER_HOUR + 30 * NS_PER_MINUTE


def minutes(first_day: int) -> Iterator[int]:
    """Yields the ends of the minutes of every session from a day on."""
    day = first_day
    while True:
        close_ns = close_clock_ns(day)
        clock_ns = OPEN_CLOCK_NS
        while close_ns is not None and clock_ns < close_ns:
            clock_ns += NS_PER_MINUTE
            yield new_york_to_utc(day, clock_ns)
        day += 1


def quotes(rows: int, *, seed: int, first_day: int, wander_bps: float = WANDER_BPS) -> Iterator[str]:
    """Yields the lines of the file, the header first."""
    rng = random.Random(seed)
    yield "ts,es_bid,es_ask,spy_bid,spy_ask\n"
    cents, bps = 60_000, 0.0
    instants = minutes(first_day)
    for _ in range(rows):
        ts_ns = next(instants)
        cents = max(1_000, cents + round(rng.gauss(0, 14)))
        bps = 0.97 * bps + rng.gauss(0, wander_bps)
        spread = 1 + (rng.random() < 0.15)
        years = (front_contract(ts_ns).expiry_ns - ts_ns) / (365 * 86_400 * 1e9)
        fair = (cents + spread / 2) / 100 * FACTOR * math.exp((RATE - YIELD) * years)
        tick = math.floor(fair * (1 + bps * 1e-4) * 4) if wander_bps else round(fair * 4 - 0.5)
        width = 1 + (rng.random() < 0.1)
        yield (
            f"{iso_time(ts_ns)},{tick / 4:.2f},{(tick + width) / 4:.2f},"
            f"{cents / 100:.2f},{(cents + spread) / 100:.2f}\n"
        )


def ticks(rows: int, *, seed: int, first_day: int, every_ms: int) -> Iterator[str]:
    """Yields the lines of a stream with a quote about every ``every_ms`` milliseconds, the header first.

    A distance from fair value halves in about 140 quotes, independent of the time between them.
    """
    rng = random.Random(seed)
    draw, gauss = rng.random, rng.gauss
    yield "ts,es_bid,es_ask,spy_bid,spy_ask\n"
    cents, bps, day, made = 60_000, 0.0, first_day, 0
    step_ns = every_ms * 1_000_000
    while made < rows:
        close_ns = close_clock_ns(day)
        if close_ns is not None:
            ts_ns = new_york_to_utc(day, OPEN_CLOCK_NS)
            end_ns = new_york_to_utc(day, close_ns)
            date = iso_date(day)
            left_s = (front_contract(ts_ns).expiry_ns - ts_ns) / 1e9
            carry = math.exp((RATE - YIELD) * left_s / (365 * 86_400)) * FACTOR
            while made < rows:
                ts_ns += 1_000 * int(step_ns * (0.5 + draw()) / 1_000)
                if ts_ns >= end_ns:
                    break
                seconds, fraction_ns = divmod(ts_ns % NS_PER_DAY, NS_PER_S)
                cents = max(1_000, cents + int(draw() * 3) - 1)
                bps = 0.995 * bps + gauss(0, 0.4)
                tick = math.floor((cents + 0.5) / 100 * carry * (1 + bps * 1e-4) * 4)
                yield (
                    f"{date}T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}."
                    f"{fraction_ns // 1000:06d}Z,{tick / 4:.2f},{(tick + 1) / 4:.2f},"
                    f"{cents / 100:.2f},{(cents + 1) / 100:.2f}\n"
                )
                made += 1
        day += 1


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Synthetic quotes of ES and SPY, one-minute closes or a stream, as CSV on stdout."
    )
    parser.add_argument("--rows", type=int, default=780, help="how many (390 are a full session)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--from", dest="first", default="2026-03-02", metavar="DATE", help="the first day")
    parser.add_argument(
        "--every-ms", type=int, default=0, metavar="MS", help="a quote about so often, not one-minute closes"
    )
    parser.add_argument(
        "--fair", action="store_true", help="a market that is always fair, in which there is nothing to earn"
    )
    args = parser.parse_args()
    first_day = read_date(args.first)
    if args.every_ms > 0:
        lines = ticks(args.rows, seed=args.seed, first_day=first_day, every_ms=args.every_ms)
    else:
        lines = quotes(
            args.rows, seed=args.seed, first_day=first_day, wander_bps=0.0 if args.fair else WANDER_BPS
        )
    sys.stdout.writelines(lines)


if __name__ == "__main__":
    main()
