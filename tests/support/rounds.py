"""Watches the embedded exchange as one silent team: what a round looks like from outside."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from arbcore.venue._engine import Engine
from arbcore.venue.config import VenueConfig
from arbcore.wire.instruments import SYMBOLS

SECOND_NS = 1_000_000_000
HELLO = b'{"type":"hello","team":"WATCHER"}\n'

Levels = list[list[int]]


@dataclass
class Sample:
    """The books and the hidden values at one moment."""

    bids: dict[str, Levels]
    asks: dict[str, Levels]
    fair: dict[str, float]

    def spread(self, symbol: str) -> int | None:
        if self.bids[symbol] and self.asks[symbol]:
            return self.asks[symbol][0][0] - self.bids[symbol][0][0]
        return None

    def off_fair(self, symbol: str) -> float | None:
        """How far the middle of the touch stands above the hidden value."""
        if self.bids[symbol] and self.asks[symbol]:
            return (self.asks[symbol][0][0] + self.bids[symbol][0][0]) / 2 - self.fair[symbol]
        return None


@dataclass
class Watched:
    """What was seen in some seconds of one round."""

    seconds: int
    messages: Counter[str] = field(default_factory=Counter)
    trades: Counter[str] = field(default_factory=Counter)
    shares: Counter[str] = field(default_factory=Counter)
    books: Counter[str] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)

    def spreads(self, symbol: str) -> list[int]:
        return sorted(spread for sample in self.samples if (spread := sample.spread(symbol)) is not None)

    def median_spread(self, symbol: str) -> int:
        spreads = self.spreads(symbol)
        return spreads[len(spreads) // 2]

    def one_sided(self, symbol: str) -> float:
        """Share of the samples in which a side of the book was empty."""
        return sum(sample.spread(symbol) is None for sample in self.samples) / len(self.samples)


def opened(config: VenueConfig, seed: int) -> tuple[Engine, int]:
    """An exchange at the very opening of its first round, and the watcher's connection."""
    engine = Engine(config, seed)
    engine.start(0)
    conn = engine.connect(0)
    engine.receive(conn, HELLO, 0)
    return engine, conn


def lines(engine: Engine, conn: int) -> Iterator[dict[str, object]]:
    for line in engine.take(conn).splitlines():
        yield json.loads(line)


def watch(
    *, regime: str = "normal", mode: str = "prod-like", seed: int, seconds: int = 300, warm_up_s: int = 2
) -> Watched:
    """Watches a round from its open, sampling books and hidden values every half second after the warm-up."""
    config = VenueConfig(mode=mode, regime=regime, closed_ns=0, round_ns=(seconds + 1) * SECOND_NS)
    engine, conn = opened(config, seed)
    seen = Watched(seconds)
    bids: dict[str, Levels] = {symbol: [] for symbol in SYMBOLS}
    asks: dict[str, Levels] = {symbol: [] for symbol in SYMBOLS}
    for half in range(2 * seconds + 1):
        engine.advance(half * SECOND_NS // 2)
        for message in lines(engine, conn):
            kind = message["type"]
            seen.messages[kind] += 1
            if kind == "book":
                seen.books[message["symbol"]] += 1
                bids[message["symbol"]], asks[message["symbol"]] = message["buy"], message["sell"]
            elif kind == "trade":
                seen.trades[message["symbol"]] += 1
                seen.shares[message["symbol"]] += message["size"]
        if half >= 2 * warm_up_s:
            seen.samples.append(Sample(dict(bids), dict(asks), engine.fair_values()))
    engine.check()
    return seen
