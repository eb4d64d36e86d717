"""Plays random commands on the embedded exchange and on its naive twin and compares all their messages.

    python -m tools.fuzz_book [--commands 100000] [--seed 1] [--batch 8]

After every batch the private messages of every team, the trades, the books, positions and cash must be equal,
and the exchange's own invariants must hold. At the first difference it prints the command that repeats it and
exits with 1.
"""

import argparse
import json
import random
import sys
from typing import Any

from reference.book import NaiveExchange

from arbcore.venue._engine import Engine
from arbcore.venue._floor import Marketplace
from arbcore.venue.venue_config import VenueConfig
from arbcore.wire.instruments import CONVERSIONS, SYMBOLS

TEAMS = ("ALPHA", "BRAVO", "CHARLIE")
SIDES = {"BUY": 1, "SELL": -1}
Command = tuple[str, dict[str, Any]]


class Difference(Exception):
    """Raised if the exchange and its twin disagree."""


def random_command(rng: random.Random, symbols: tuple[str, ...]) -> Command:
    """Returns one team's request: mostly adds around one price, so books are deep and cross often."""
    team = rng.choice(TEAMS)
    order_id = rng.randrange(60)
    kind = rng.choices(("add", "cancel", "convert"), (70, 22, 8))[0]
    if kind == "cancel":
        return team, {"type": "cancel", "order_id": order_id}
    direction = rng.choice(("BUY", "SELL"))
    if kind == "convert":
        symbol = rng.choice((*CONVERSIONS, rng.choice(SYMBOLS)))
        return team, {"type": "convert", "order_id": order_id, "symbol": symbol, "dir": direction,
                      "size": rng.choice((1, 2, 5, 10, 10, 10, 20))}
    price = 1000 + SIDES[direction] * rng.choice((-12, -8, -5, -3, -2, -1, -1, 0, 0, 1, 2, 6))
    size = rng.choice((1, 1, 2, 3, 5, 8, 13, 40))
    return team, {"type": "add", "order_id": order_id, "symbol": rng.choice(symbols), "dir": direction,
                  "price": price + rng.randrange(-3, 4), "size": size}


class Match:
    """The exchange and its twin side by side."""

    def __init__(self, limit: int) -> None:
        limits = dict.fromkeys(SYMBOLS, limit)
        config = VenueConfig(closed_ns=0, round_ns=2**60, messages_per_second_max=0, position_limits=limits,
                             loss_stop=-(2**60))
        self.engine = Engine(config, 1, Marketplace)
        self.engine.start(0)
        self.engine.advance(0)
        self.naive = NaiveExchange(list(TEAMS), limits)
        self.conns = {}
        for team in TEAMS:
            self.conns[team] = self.engine.connect(0)
            self.engine.receive(self.conns[team], f'{{"type":"hello","team":"{team}"}}\n'.encode(), 0)
        for team in TEAMS:
            self.engine.take(self.conns[team])

    def play(self, team: str, requests: list[dict[str, Any]]) -> None:
        """Plays one batch of one team's requests. Raises Difference."""
        before = {symbol: book.visible() for symbol, book in self.naive.books.items()}
        data = "".join(json.dumps(request, separators=(",", ":")) + "\n" for request in requests)
        self.engine.receive(self.conns[team], data.encode(), 0)
        for request in requests:
            self.tell_naive(team, request)
        for name in TEAMS:
            lines = self.engine.take(self.conns[name]).splitlines()
            self.compare_messages(name, [json.loads(line) for line in lines], before)
            self.naive.said[name].clear()
        self.naive.trades.clear()
        self.compare_state()
        self.engine.check()

    def tell_naive(self, team: str, request: dict[str, Any]) -> None:
        if request["type"] == "cancel":
            self.naive.cancel(team, request["order_id"])
            return
        side = SIDES[request["dir"]]
        order = {"symbol": request["symbol"], "side": side, "size": request["size"]}
        if request["type"] == "convert":
            self.naive.convert(team, request["order_id"], **order)
        else:
            self.naive.add(team, request["order_id"], price=request["price"], **order)

    def compare_messages(self, name: str, heard: list[dict[str, Any]], before: dict[str, Any]) -> None:
        private = [message for message in heard if message["type"] not in ("book", "trade")]
        trades = [message for message in heard if message["type"] == "trade"]
        books = [message for message in heard if message["type"] == "book"]
        same(f"what {name} was told", private, self.naive.said[name])
        same("trades", trades, self.naive.trades)
        sent = [message["symbol"] for message in books]
        same("books sent more than once", sorted(set(sent)), sorted(sent))
        for symbol, twin in self.naive.books.items():
            if twin.visible() != before[symbol] and symbol not in sent:
                raise Difference(f"The book of {symbol} changed and was not sent.")
        for message in books:
            shown = tuple([tuple(level) for level in message[side]] for side in ("buy", "sell"))
            same(f"the book of {message['symbol']}", shown, self.naive.books[message["symbol"]].visible())

    def compare_state(self) -> None:
        for at, symbol in enumerate(SYMBOLS):
            for side in SIDES.values():
                depth = self.engine.floor.books[at].depth(side)
                same(f"depth of {symbol}", depth, self.naive.books[symbol].depth(side))
        for team in TEAMS:
            score = self.engine.score(team)
            same(f"positions of {team}", score["positions"], self.naive.positions[team])
            same(f"cash of {team}", score["cash"], self.naive.cash[team])


def same(what: str, venue: object, naive: object) -> None:
    """Raises Difference unless both values are equal."""
    if venue != naive:
        raise Difference(f"{what}: the exchange says {venue}, the twin {naive}.")


def run(*, commands: int, seed: int, batch: int = 8) -> int:
    """Plays ``commands`` commands; returns the number of trades. Raises Difference, which names the seed."""
    rng = random.Random(seed)
    match = Match(limit=rng.choice((30, 100, 1000)))
    # With few symbols books are deep and fills many; with all seven, conversions can succeed.
    symbols = SYMBOLS if rng.random() < 0.5 else tuple(rng.sample(SYMBOLS, 2))
    done = 0
    while done < commands:
        team, first = random_command(rng, symbols)
        requests = [first]
        requests += [random_command(rng, symbols)[1] for _ in range(rng.randrange(batch))]
        try:
            match.play(team, requests)
        except Exception as error:
            error.args = (f"seed {seed}, after {done} commands, {team} sends {requests}: {error}",)
            raise
        done += len(requests)
    return match.engine.trades


def main() -> int:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--commands", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, default=8)
    options = parser.parse_args()
    try:
        trades = run(commands=options.commands, seed=options.seed, batch=options.batch)
    except Difference as error:
        print(f"difference: {error}")
        return 1
    print(f"{options.commands:,} commands, {trades:,} trades, seed {options.seed}: equal")
    return 0


if __name__ == "__main__":
    sys.exit(main())
