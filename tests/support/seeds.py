"""Seeds of random tests, which must pass for any seed: ``--seeds-from N`` shifts all of them by N."""

from collections.abc import Iterable

#: Set by the command line before any test module is imported.
FIRST = 0


def shifted(seeds: Iterable[int]) -> list[int]:
    """Returns the seeds to run a test with, in place of those written in it."""
    return [(FIRST + seed) % 2**64 for seed in seeds]
