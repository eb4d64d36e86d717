"""Seeds of random tests, which must pass for any: ``--seeds-from N`` moves all of them by N."""

from collections.abc import Iterable

#: Set by the command line before any test module is imported.
FIRST = 0


def shifted(seeds: Iterable[int]) -> list[int]:
    """The seeds that a test is to run with, in the place of those that are written in it."""
    return [(FIRST + seed) % 2**64 for seed in seeds]
