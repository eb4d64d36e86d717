"""The market that a seed makes: every index at once, each with its past.

Owns which pairs it quotes and that each has a generator of its own, so that the quotes of one do not depend
on the others. What the quotes of a pair are is for ``quote_source`` and ``past``.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from arbcore.carry.pairs import DEFAULT_PAIR, PAIRS, Pair
from arbcore.gateway.history import PastStretch
from arbcore.gateway.past import generated_past
from arbcore.gateway.quote_source import Row, generated, market_of


class SeededMarket(NamedTuple):
    """What a ``Gateway`` takes: rows of the pair, those of other indexes beside them, and the past of all."""

    rows: Iterator[Row]
    beside: Sequence[Iterator[Row]]
    past: Sequence[PastStretch]


def seeded_market(
    seed: int, start_ns: int, *, pair: Pair = DEFAULT_PAIR, **settings: float
) -> SeededMarket:
    """The market of a seed from an instant on; the same seed gives the same one.

    Args:
        seed: of the generators.
        start_ns: the first row's time, UTC nanoseconds.
        pair: whose rows the others stand beside.
        settings: those of its ``MarketSettings`` that are not the pair's usual ones.
    """
    others = {each.index: each for each in reversed(PAIRS) if each.index != pair.index}
    markets = [market_of(pair, **settings), *(market_of(each) for each in others.values())]
    rows, *beside = (
        generated(seed + place, start_ns, settings=market) for place, market in enumerate(markets)
    )
    past = [
        stretch for place, market in enumerate(markets)
        for stretch in generated_past(seed + place, start_ns, settings=market)
    ]  # fmt: skip
    return SeededMarket(rows, beside, past)
