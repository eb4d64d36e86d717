"""Merges neighbouring buckets of an envelope until it is coarse enough to draw; all extremes are kept.

Columns, and the rules for merging two buckets, are those of ``arbcore.research._envelope``.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from arbcore.pages.scale import TimeAxis

Envelope = Mapping[str, Sequence[Any]]

#: Places of a chart: about one for every two pixels of its width.
PLACES_MAX = 480


def _last(values: Sequence[Any]) -> Any:
    return values[-1]


_JOIN: dict[str, Callable[[Sequence[Any]], Any]] = {
    "first_ns": lambda values: values[0], "last_ns": _last, "equity_min": min, "equity_max": max,
    "equity_last": _last, "drawdown_max": max, "dev_min": min, "dev_max": max, "dev_last": _last,
    "upper_min": min, "lower_max": max, "cc_entries": sum, "cc_entry_dev": max, "reverse_entries": sum,
    "reverse_entry_dev": min, "exits": sum, "exit_dev": _last,
}  # fmt: skip


def coarsened(envelope: Envelope, at_most: int = PLACES_MAX) -> dict[str, list[Any]]:
    """Returns the envelope in about ``at_most`` buckets; no bucket spans a gap without rows."""
    count = len(envelope["first_ns"])
    size = -(-count // at_most)
    edges = [0, *sorted(TimeAxis(envelope["first_ns"]).breaks()), count]
    runs = list(pairwise(edges))
    # If rows are so sparse that there are more gaps than places, buckets may span gaps.
    if len(runs) > at_most:
        runs = [(0, count)]
    groups = [(first, min(first + size, end)) for start, end in runs for first in range(start, end, size)]
    return {
        name: [_joined(join, envelope[name][first:end]) for first, end in groups]
        for name, join in _JOIN.items()
    }


def _joined(join: Callable[[Sequence[Any]], Any], values: Iterable[Any]) -> Any:
    present = [value for value in values if value is not None]
    return join(present) if present else None
