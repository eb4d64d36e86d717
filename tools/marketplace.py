"""Measures the rounds of the embedded exchange as a team sees them that sends no orders.

``python -m tools.marketplace`` prints, for every regime, rates, spreads and depths by symbol, and the P&L of
each role of participants; the tests take their statistics from the same ``watch``. It shows the effect of the
marketplace's parameters, and nothing about any bot.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field

from arbcore.venue._engine import Engine
from arbcore.venue.regimes import REGIMES, parameters_digest
from arbcore.venue.venue_config import VenueConfig
from arbcore.wire.instruments import SYMBOLS

SECOND_NS = 1_000_000_000
HELLO = b'{"type":"hello","team":"WATCHER"}\n'

Levels = list[list[int]]


@dataclass
class Sample:
    """The books and the hidden fair values at one moment."""

    bids: dict[str, Levels]
    asks: dict[str, Levels]
    fair: dict[str, float]

    def spread(self, symbol: str) -> int | None:
        if self.bids[symbol] and self.asks[symbol]:
            return self.asks[symbol][0][0] - self.bids[symbol][0][0]
        return None

    def off_fair(self, symbol: str) -> float | None:
        """Returns how far the middle of the touch is above the hidden fair value."""
        if self.bids[symbol] and self.asks[symbol]:
            return (self.asks[symbol][0][0] + self.bids[symbol][0][0]) / 2 - self.fair[symbol]
        return None


@dataclass
class Watched:
    """The observations from some seconds of one round."""

    seconds: int
    messages: Counter[str] = field(default_factory=Counter)
    trades: Counter[str] = field(default_factory=Counter)
    shares: Counter[str] = field(default_factory=Counter)
    books: Counter[str] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)
    worth: dict[str, float] = field(default_factory=dict)  # of all participants' accounts at the end, by role

    def spreads(self, symbol: str) -> list[int]:
        return sorted(spread for sample in self.samples if (spread := sample.spread(symbol)) is not None)

    def median_spread(self, symbol: str) -> int:
        spreads = self.spreads(symbol)
        return spreads[len(spreads) // 2]

    def one_sided(self, symbol: str) -> float:
        """Returns the share of samples in which a side of the book was empty."""
        return sum(sample.spread(symbol) is None for sample in self.samples) / len(self.samples)


def opened(config: VenueConfig, seed: int) -> tuple[Engine, int]:
    """Returns an exchange at the opening of its first round, and the watcher's connection."""
    engine = Engine(config, seed)
    engine.start(0)
    conn = engine.connect(0)
    engine.receive(conn, HELLO, 0)
    return engine, conn


def lines(engine: Engine, conn: int) -> Iterator[dict[str, object]]:
    """Yields the messages that wait for a connection, decoded."""
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
    seen.worth = worth_by_role(engine)
    return seen


def worth_by_role(engine: Engine) -> dict[str, float]:
    """Returns cash plus positions at hidden fair value, in ticks, for each role of participants."""
    fair = engine.fair_values()
    sums: Counter[str] = Counter()
    for participant in engine.marketplace.participants:
        view = engine.floor.accounts.view(participant.account)
        held = sum(shares * fair[symbol] for symbol, shares in view["positions"].items())
        sums[participant.role] += view["cash"] + held
    return dict(sums)


@dataclass
class Row:
    """One symbol in one regime, over all rounds watched."""

    symbol: str
    trades_per_s: float
    shares_per_trade: float
    books_per_s: float
    spread_p10: int
    spread_p50: int
    spread_p90: int
    touch_shares: float
    levels: float
    off_fair_p50: float
    off_fair_p90: float
    one_sided_percent: float


def at_rank(values: Sequence[float], share: float) -> float:
    """Returns the quantile: the value that a share of all values is below."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def row(symbol: str, rounds: Sequence[Watched]) -> Row:
    """Returns a symbol's row of the table."""
    seconds = sum(one.seconds for one in rounds)
    samples = [sample for one in rounds for sample in one.samples]
    quoted = [sample for sample in samples if sample.spread(symbol) is not None]
    spreads = [sample.asks[symbol][0][0] - sample.bids[symbol][0][0] for sample in quoted]
    off = [abs(sample.off_fair(symbol) or 0) for sample in quoted]
    trades = sum(one.trades[symbol] for one in rounds)
    return Row(
        symbol,
        trades_per_s=trades / seconds,
        shares_per_trade=sum(one.shares[symbol] for one in rounds) / max(trades, 1),
        books_per_s=sum(one.books[symbol] for one in rounds) / seconds,
        spread_p10=int(at_rank(spreads, 0.1)),
        spread_p50=int(at_rank(spreads, 0.5)),
        spread_p90=int(at_rank(spreads, 0.9)),
        touch_shares=sum(sample.bids[symbol][0][1] for sample in quoted) / len(quoted),
        levels=sum(len(sample.bids[symbol]) for sample in quoted) / len(quoted),
        off_fair_p50=at_rank(off, 0.5),
        off_fair_p90=at_rank(off, 0.9),
        one_sided_percent=100 * (1 - len(quoted) / len(samples)),
    )


def bare_round_ms(regime: str, seed: int) -> float:
    """Measures the CPU time of a five-minute round without clients."""
    engine = Engine(VenueConfig(regime=regime, closed_ns=0), seed)
    engine.start(0)
    began = time.process_time()
    engine.advance(299 * SECOND_NS)
    return (time.process_time() - began) * 1000


def report(regime: str, seeds: Sequence[int]) -> dict[str, object]:
    """Plays a five-minute round of one regime for each seed and returns their statistics."""
    rounds = [watch(regime=regime, seed=seed) for seed in seeds]
    seconds = sum(one.seconds for one in rounds)
    return {
        "schema": "arbcore.marketplace/1",
        "regime": regime,
        "meaning": REGIMES[regime].meaning,
        "digest": parameters_digest(),
        "rounds": len(rounds),
        "seeds": list(seeds),
        "trades_per_s": sum(one.messages["trade"] for one in rounds) / seconds,
        "messages_per_s": sum(sum(one.messages.values()) for one in rounds) / seconds,
        "cpu_ms": sorted(bare_round_ms(regime, seed) for seed in seeds)[len(seeds) // 2],
        "symbols": [asdict(row(symbol, rounds)) for symbol in SYMBOLS],
        "worth": {role: sum(one.worth[role] for one in rounds) / len(rounds) for role in rounds[0].worth},
    }


def render(found: dict[str, object]) -> str:
    """Returns a report as text."""
    title = f"{found['regime']}: {found['meaning']}"
    rates = (
        f"  {found['trades_per_s']:.1f} trades/s, {found['messages_per_s']:.1f} messages/s, "
        f"{found['cpu_ms']:.0f} ms CPU a round with nobody connected"
    )
    head = "  symbol trades/s shares books/s  spread p10 p50 p90  touch levels  off fair p50  p90 one-sided"
    body = [
        f"  {line['symbol']:6} {line['trades_per_s']:8.2f} {line['shares_per_trade']:6.1f} "
        f"{line['books_per_s']:7.1f}  {line['spread_p10']:10} {line['spread_p50']:3} {line['spread_p90']:3}  "
        f"{line['touch_shares']:5.1f} {line['levels']:6.1f}  {line['off_fair_p50']:12.1f} "
        f"{line['off_fair_p90']:4.1f} {line['one_sided_percent']:8.2f}%"
        for line in found["symbols"]
    ]
    won = ", ".join(f"{role} {worth:+,.0f}" for role, worth in found["worth"].items())
    return "\n".join([title, rates, head, *body, f"  worth at hidden value, mean of a round: {won}"])


def main(argv: list[str] | None = None) -> int:
    """Prints the table of every chosen regime."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.marketplace", description="Show what the marketplace's regimes amount to."
    )
    parser.add_argument("regimes", nargs="*", metavar="REGIME", help="regimes to watch; all without")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="five-minute rounds of each (5)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the first round (1)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    arguments = parser.parse_args(argv)
    for name in arguments.regimes:
        if name not in REGIMES:
            parser.error(f"no regime is called {name!r}; choose from {', '.join(REGIMES)}")
    if arguments.rounds < 1:
        parser.error("--rounds must be 1 or more")
    for name in arguments.regimes or REGIMES:
        found = report(name, range(arguments.seed, arguments.seed + arguments.rounds))
        print(json.dumps(found) if arguments.json else render(found) + "\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
