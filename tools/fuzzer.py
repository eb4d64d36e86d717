"""What the fuzzers have in common: one case after the other until time or number is up, and a command line.

Owns the loop, the arguments, and how a difference and the command that repeats it are shown. A case is known
by its seed and index alone; what it is, and what is compared, is the fuzzer's.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

#: Cases between two looks at the clock.
CASES_A_LOOK = 64
#: Of a seed and an index: how the case ended, and what differs, None where nothing does.
Examine = Callable[[int, int], tuple[str, str | None]]


@dataclass(frozen=True)
class Fuzzer:
    """``module`` is its name below ``tools``, ``unit`` what a case is called."""

    module: str
    what: str
    unit: str
    cases: int
    examine: Examine

    def run(
        self, seed: int, cases: int | None = None, *, seconds: float | None = None, first: int = 0
    ) -> tuple[int, Counter[str], str | None]:
        """(cases run, how they ended, None or the report of the first difference)."""
        outcomes: Counter[str] = Counter()
        deadline = None if seconds is None else time.monotonic() + seconds
        done = 0
        while cases is None or done < cases:
            if deadline is not None and done % CASES_A_LOOK == 0 and time.monotonic() > deadline:
                break
            outcome, difference = self.examine(seed, first + done)
            done += 1
            if difference is not None:
                again = f"python -m tools.{self.module} --seed {seed} --first {first + done - 1} --cases 1"
                return done, outcomes, f"{difference}\nrepeat with: {again}"
            outcomes[outcome] += 1
        return done, outcomes, None

    def main(self, arguments: list[str] | None = None) -> int:
        """The command line: 0 if all agree, 1 at the first difference."""
        parser = argparse.ArgumentParser(
            prog=f"python -m tools.{self.module}", description=f"Fuzz {self.what} against its twin."
        )
        parser.add_argument("--seconds", type=float, help="stop after this long")
        parser.add_argument(
            "--cases", type=int, help=f"stop after so many {self.unit} ({self.cases} if neither is given)"
        )
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--first", type=int, default=0, help="the index of the first case")
        options = parser.parse_args(arguments)
        cases = options.cases
        if cases is None and options.seconds is None:
            cases = self.cases
        done, outcomes, report = self.run(options.seed, cases, seconds=options.seconds, first=options.first)
        print(f"seed {options.seed}: {done} {self.unit}")
        for kind, count in sorted(outcomes.items()):
            print(f"  {count:9} {kind}")
        if report is not None:
            print(f"DIFFERENCE in\n{report}")
            return 1
        print("compiled and twin agree on every one")
        return 0
