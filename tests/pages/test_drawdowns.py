"""The deepest falls of an equity, held against a plain search over every pair of rows."""

import random
from itertools import pairwise

import pytest

from arbcore.pages.drawdowns import Fall, drawdown_table, falls_of


def envelope(equities):
    """One bucket a row."""
    peak, falls = 0.0, []
    for equity in equities:
        peak = max(peak, equity)
        falls.append(peak - equity)
    times = [at * 10**9 for at in range(len(equities))]
    return {"first_ns": times, "last_ns": times, "equity_max": equities, "drawdown_max": falls}


@pytest.mark.parametrize(("equities", "found"), [
    ([], []),
    ([0.0], []),
    ([0.0, 1.0, 2.0], []),
    ([0.0, -3.0], [(0, 1, None, 3.0)]),
    ([0.0, 5.0, 2.0, 4.0, 5.0, 9.0], [(1, 2, 4, 3.0)]),
    ([0.0, 5.0, 2.0, 6.0, 1.0, 3.0], [(3, 4, None, 5.0), (1, 2, 3, 3.0)]),
    ([0.0, 5.0, 2.0, 5.0, 2.0, 5.0], [(1, 2, 3, 3.0), (3, 4, 5, 3.0)]),
    ([-1.0, -2.0, 0.0, 0.0], [(0, 1, 2, 2.0)]),
])  # fmt: skip
def test_falls(equities, found):
    shown = [(fall.peak_ns, fall.low_ns, fall.back_ns, fall.depth) for fall in falls_of(envelope(equities))]
    seconds = [
        (peak * 10**9, low * 10**9, None if back is None else back * 10**9, depth)
        for peak, low, back, depth in found
    ]
    assert shown == seconds


@pytest.mark.parametrize("seed", range(20))
def test_the_deepest_is_the_largest_drawdown(seed):
    rng = random.Random(seed)
    equities = [0.0]
    for _ in range(300):
        equities.append(equities[-1] + rng.choice((-1.0, 0.0, 1.0)))
    falls = falls_of(envelope(equities), 1_000)
    largest = max(high - low for at, high in enumerate(equities) for low in equities[at:])
    assert falls[0].depth == largest
    assert [fall.depth for fall in falls] == sorted((fall.depth for fall in falls), reverse=True)
    spans = sorted((fall.peak_ns, fall.back_ns or fall.last_ns) for fall in falls)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))


def test_what_is_not_over_says_so():
    text = drawdown_table([Fall(0, 10**9, None, 3 * 10**9, 12.5)])
    assert "not yet" in text
    assert "12.50" in text
    assert "3.0 s" in text
