"""Equal (config, seed, inputs) give equal bytes, with the whole marketplace at work."""

import hashlib
import json
import random

import pytest

from arbcore.venue._engine import Engine
from arbcore.venue.venue_config import VenueConfig
from arbcore.wire.instruments import SYMBOLS

SECOND_NS = 1_000_000_000


def trace(*, seed: int, step_ns: int) -> str:
    """A digest of everything one client hears in ten seconds of a prod-like market in which it trades."""
    engine = Engine(VenueConfig(closed_ns=0, round_ns=10 * SECOND_NS), seed)
    engine.start(0)
    conn = engine.connect(0)
    engine.receive(conn, b'{"type":"hello","team":"A"}\n', 0)
    rng = random.Random(seed)
    heard = hashlib.sha256()
    orders = [(at, n) for n, at in enumerate(range(SECOND_NS, 10 * SECOND_NS, SECOND_NS // 4))]
    for now_ns in range(0, 10 * SECOND_NS, step_ns):
        while orders and orders[0][0] <= now_ns:
            at, n = orders.pop(0)
            request = {"type": "add", "order_id": n, "symbol": rng.choice(SYMBOLS), "size": 1,
                       "dir": rng.choice(("BUY", "SELL")), "price": rng.choice((1000, 4000, 8000))}
            engine.receive(conn, json.dumps(request).encode() + b"\n", at)
        engine.advance(now_ns)
        heard.update(engine.take(conn))
    engine.advance(10 * SECOND_NS - 1)
    heard.update(engine.take(conn))
    engine.check()
    return heard.hexdigest() + json.dumps(engine.score("A")) + json.dumps(engine.fair_values())


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_inputs_give_the_same_bytes(seed):
    assert trace(seed=seed, step_ns=SECOND_NS // 4) == trace(seed=seed, step_ns=SECOND_NS // 4)


def test_how_often_the_clock_is_looked_at_does_not_matter():
    assert trace(seed=3, step_ns=SECOND_NS // 4) == trace(seed=3, step_ns=SECOND_NS // 100)


def test_another_seed_is_another_market():
    assert trace(seed=1, step_ns=SECOND_NS) != trace(seed=2, step_ns=SECOND_NS)


def test_each_round_of_one_seed_is_another_market():
    engine = Engine(VenueConfig(closed_ns=0, round_ns=SECOND_NS, restart_ns=0), 1)
    engine.start(0)
    engine.advance(3 * SECOND_NS)
    values = [tuple(result["fair_values"].values()) for result in engine.results]
    assert len(set(values)) == len(values) >= 3


def test_money_and_shares_are_conserved_through_a_market_at_work():
    engine = Engine(VenueConfig(closed_ns=0, round_ns=30 * SECOND_NS), 11)
    engine.start(0)
    for now_ns in range(0, 30 * SECOND_NS, SECOND_NS):
        engine.advance(now_ns)
        engine.check()
    assert engine.trades > 0
