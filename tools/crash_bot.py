"""Kills the carry bot with SIGKILL, starts it again, and compares its store with the broker's books.

python -m tools.crash_bot                           at every boundary between storing and sending
python -m tools.crash_bot --random 200 --seed 1     at random moments, up to three times in a row
python -m tools.crash_bot --live --random 100       on live quotes, which go on while the bot is dead
python -m tools.crash_bot --at 17 --at 3            one run again, with the flags that a failing run prints

The bot uses the library's real TCP connection to our own gateway. The gateway's rows wait while no bot is
connected, except with --live.
Run from the checkout; needs the extras ibkr and test.
"""

import argparse
import importlib.util
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from crash_runs import Kill, Mortal, Outcome, play, play_live

from arbcore.broker.carry_settings import LIBRARIES

#: Most kills in a random run; the life after them runs to the end.
KILLS_MAX = 3
#: About how long an undisturbed life lasts after its first connection, on a quiet machine.
LIFE_S = 0.3
#: The same for a life on live quotes, which has to wait for its prices.
LIVE_LIFE_S = 3.0


Play = Callable[[Mortal, tuple[Kill, ...]], Outcome]


def installed() -> str:
    """Returns the installed library, or the first one if neither is installed."""
    return next((name for name in LIBRARIES if importlib.util.find_spec(name)), LIBRARIES[0])


def again_command(kills: tuple[Kill, ...], library: str, live: bool) -> str:
    flags = ["--live"] if live else []
    flags += [f"--at {kill.at}" if kill.at is not None else f"--after {kill.after_s:.4f}" for kill in kills]
    return f"python -m tools.crash_bot --library {library} {' '.join(flags)}"


def every_boundary(mortal: Mortal, play: Play) -> Iterator[tuple[tuple[Kill, ...], Outcome]]:
    """Kills at the first boundary, the second one, ..., until a run completes untouched."""
    number = 0
    while True:
        number += 1
        kills = (Kill(at=number),)
        outcome = play(mortal, kills)
        yield kills, outcome
        if len(outcome.endings) == 1:
            return


def at_random(
    mortal: Mortal, play: Play, *, count: int, seed: int, life_s: float
) -> Iterator[tuple[tuple[Kill, ...], Outcome]]:
    """Yields runs with ``count`` kills at random moments, without lives that ended before their moment."""
    rng = random.Random(seed)
    killed = 0
    while killed < count:
        kills = tuple(Kill(after_s=rng.uniform(0.0, life_s)) for _ in range(rng.randint(1, KILLS_MAX)))
        outcome = play(mortal, kills)
        killed += len(outcome.endings) - 1
        yield kills, outcome


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.crash_bot", description=__doc__.split("\n")[0])
    parser.add_argument("--library", default=installed(), choices=LIBRARIES, help="default: %(default)s")
    parser.add_argument("--random", type=int, metavar="N", help="N kills at random moments")
    parser.add_argument("--seed", type=int, default=1, help="seed of those moments and of live quotes")
    parser.add_argument("--live", action="store_true", help="live quotes from --seed instead of rows")
    parser.add_argument("--at", type=int, action="append", metavar="K", help="kill once, at boundary K")
    parser.add_argument("--after", type=float, action="append", metavar="S", help="kill S s after connecting")
    args = parser.parse_args(argv)
    named = tuple(Kill(at=at) for at in args.at or ()) + tuple(Kill(after_s=s) for s in args.after or ())
    kind: Play = play if not args.live else lambda mortal, kills: play_live(mortal, kills, args.seed)
    began_s = time.monotonic()
    endings: Counter[str] = Counter()
    runs = failed = orders = 0
    with Mortal(args.library) as mortal:
        if named:
            played: Iterator[tuple[tuple[Kill, ...], Outcome]] = iter([(named, kind(mortal, named))])
        elif args.random:
            life_s = LIVE_LIFE_S if args.live else LIFE_S
            played = at_random(mortal, kind, count=args.random, seed=args.seed, life_s=life_s)
        else:
            played = every_boundary(mortal, kind)
        for kills, outcome in played:
            runs += 1
            orders += outcome.orders
            endings.update(outcome.endings)
            if outcome.violations:
                failed += 1
                lines = "\n  ".join(outcome.violations)
                print(f"killed {outcome.endings[:-1]}:\n  {lines}")
                print(f"  again: {again_command(kills, args.library, args.live)}", flush=True)
            if runs % 25 == 0:
                print(f"{runs} runs, {failed} failed, {time.monotonic() - began_s:.0f} s", flush=True)
    counted = ", ".join(f"{count} {ending}" for ending, count in sorted(endings.items()))
    print(f"{runs} runs, {failed} failed, {orders} orders; lives ended: {counted}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
