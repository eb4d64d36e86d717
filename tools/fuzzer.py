"""The common part of the fuzzers: runs cases until a time or number is reached, and parses the command line.

Owns the loop, the arguments, and the report of a difference with the command that repeats it. A seed and an
index determine a case; each fuzzer defines its cases and what it compares.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

#: Cases between two readings of the clock.
CASES_A_LOOK = 64
#: From a seed and an index to how the case ended, and the difference, or None.
Examine = Callable[[int, int], tuple[str, str | None]]


@dataclass(frozen=True)
class Fuzzer:
    """One fuzzer; ``module`` is its name below ``tools``, ``unit`` the word for a case."""

    module: str
    what: str
    unit: str
    cases: int
    examine: Examine

    def run(
        self, seed: int, cases: int | None = None, *, seconds: float | None = None, first: int = 0
    ) -> tuple[int, Counter[str], str | None]:
        """Runs cases; returns (cases run, how they ended, the report of the first difference or None)."""
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
        """Runs the command line; returns 0 if all cases agree, 1 at the first difference."""
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
