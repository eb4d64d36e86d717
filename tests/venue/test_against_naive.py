"""A short slice of ``tools/fuzz_book.py``: everything the exchange says equals what its naive twin says."""

import random

import pytest
from reference.book import CONVERT_WITH_VALE, ONLY_TWO_CONVERT, NaiveExchange

from arbcore.wire.instruments import POSITION_LIMITS
from tools import fuzz_book


@pytest.mark.parametrize("seed", range(100, 106))
def test_random_commands_are_answered_as_the_twin_answers(seed):
    assert fuzz_book.run(commands=1200, seed=seed) > 20, f"seed {seed} hardly traded"


def test_one_command_a_batch_is_answered_as_the_twin_answers():
    fuzz_book.run(commands=1200, seed=7, batch=1)


def test_the_fuzzer_finds_a_planted_difference(monkeypatch):
    honest = NaiveExchange.fits
    monkeypatch.setattr(
        NaiveExchange, "fits", lambda self, team, symbol, change: honest(self, team, symbol, change + 1)
    )
    with pytest.raises(fuzz_book.Difference, match="seed 100"):
        fuzz_book.run(commands=5000, seed=100)


def test_the_fuzzer_reaches_rejects_conversions_and_self_trades():
    match = fuzz_book.Match(limit=30)
    rng = random.Random(5)
    seen = set()
    for _ in range(6000):
        team, request = fuzz_book.random_command(rng, tuple(POSITION_LIMITS))
        match.tell_naive(team, request)
        for message in match.naive.said[team]:
            seen.add((request["type"], message["type"], message.get("error")))
        fills = [m["dir"] for m in match.naive.said[team] if m["type"] == "fill"]
        if len(set(fills)) == 2:
            seen.add("self-trade")
        for said in match.naive.said.values():
            said.clear()
    for expected in (
        ("add", "reject", "LIMIT:POSITION"),
        ("add", "reject", "DUPLICATE_ORDER_ID"),
        ("add", "fill", None),
        ("convert", "ack", None),
        ("convert", "reject", "LIMIT:POSITION"),
        ("convert", "reject", "BAD_SIZE"),
        ("convert", "reject", CONVERT_WITH_VALE),
        ("convert", "reject", ONLY_TWO_CONVERT),
        "self-trade",
    ):
        assert expected in seen
