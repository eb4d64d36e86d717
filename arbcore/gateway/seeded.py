"""The generated market of a seed: every index at once, each with its past.

Owns the choice of the quoted pairs. Each has its own generator, so that the quotes of one do not depend on
the others; ``quote_source`` and ``past`` make the quotes of a pair.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from arbcore.carry.pairs import DEFAULT_PAIR, PAIRS, Pair
from arbcore.gateway.history import PastStretch
from arbcore.gateway.past import generated_past
from arbcore.gateway.quote_source import Row, generated, market_of


class SeededMarket(NamedTuple):
    """The arguments of a ``Gateway``: rows of the pair, rows of other indexes, and the past of all."""

    rows: Iterator[Row]
    beside: Sequence[Iterator[Row]]
    past: Sequence[PastStretch]


def seeded_market(
    seed: int, start_ns: int, *, pair: Pair = DEFAULT_PAIR, **settings: float
) -> SeededMarket:
    """The market of a seed from an instant on; the same seed gives the same market.

    Args:
        seed: the seed of all generators.
        start_ns: the first row's time, UTC nanoseconds.
        pair: the main pair.
        settings: fields of its ``MarketSettings`` that differ from the pair's defaults.
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
