"""The market as it was last shown: books, averages, the price an order is held against, marks."""

from random import Random
from typing import Any

import pytest
from gates import PITS, CompiledPit, TwinPit

from arbcore.trading.trading_settings import SessionSettings
from arbcore.wire.instruments import SYMBOLS

SETTINGS = SessionSettings(window=3, stale_ns=2_000_000)


@pytest.fixture(params=["c", "py"])
def pit(request: pytest.FixtureRequest) -> Any:
    return PITS[request.param](SETTINGS)


def test_nothing_is_known_at_first(pit: Any) -> None:
    assert pit.view("XLF") == {
        "buy": [], "sell": [], "prices": [], "last_price": 0, "open": False, "updated_ns": 0
    }


def test_a_book_replaces_the_one_before(pit: Any) -> None:
    pit.book("XLF", [(10, 1), (9, 2)], [(11, 3)], 5)
    pit.book("XLF", [(8, 4)], [], 6)
    assert (pit.view("XLF")["buy"], pit.view("XLF")["sell"]) == ([(8, 4)], [])
    assert pit.view("GS")["buy"] == []


def test_a_book_of_fifteen_levels_is_kept_whole(pit: Any) -> None:
    bids, asks = [(100 - n, n + 1) for n in range(15)], [(101 + n, n + 1) for n in range(15)]
    pit.book("GS", bids, asks, 5)
    assert (pit.view("GS")["buy"], pit.view("GS")["sell"]) == (bids, asks)


def test_the_last_trades_stay_and_older_ones_go(pit: Any) -> None:
    for price in (10, 20, 30, 40):
        pit.trade("GS", price, 5)
    assert pit.view("GS")["prices"] == [20, 30, 40]
    assert pit.view("GS")["last_price"] == 40


def test_the_reference_is_the_middle_else_the_last_trade_else_none(pit: Any) -> None:
    assert pit.reference("GS", 0) == 0
    pit.trade("GS", 40, 1)
    assert pit.reference("GS", 1) == 80
    pit.book("GS", [(50, 1)], [], 1)
    assert pit.reference("GS", 1) == 80
    pit.book("GS", [(50, 1)], [(53, 1)], 1)
    assert pit.reference("GS", 1) == 103


def test_an_old_market_is_no_reference_but_a_bond_is_worth_a_thousand(pit: Any) -> None:
    pit.book("GS", [(50, 1)], [(52, 1)], 10)
    assert pit.reference("GS", 2_000_010) == 102
    assert pit.reference("GS", 2_000_011) == 0
    assert pit.reference("BOND", 10**15) == 2000


@pytest.mark.parametrize(("position", "worth"), [(3, 50), (-3, 52), (0, 41)])
def test_a_position_is_worth_the_touch_it_would_hit(pit: Any, position: int, worth: int) -> None:
    pit.book("GS", [(50, 1)], [(52, 1)], 1)
    pit.trade("GS", 41, 1)
    assert pit.mark("GS", position, 7) == worth


def test_without_a_touch_it_is_worth_the_last_trade_else_what_it_cost(pit: Any) -> None:
    assert pit.mark("GS", 3, 7) == 7
    pit.trade("GS", 41, 1)
    pit.book("GS", [], [(52, 1)], 1)
    assert pit.mark("GS", 3, 7) == 41


def test_a_new_connection_forgets_everything(pit: Any) -> None:
    pit.book("GS", [(50, 1)], [(52, 1)], 1)
    pit.trade("GS", 41, 1)
    pit.open("GS", True)
    pit.clear()
    assert pit.view("GS") == PITS["py"](SETTINGS).view("GS")


def test_a_book_of_more_levels_than_the_protocol_allows_is_refused() -> None:
    with pytest.raises(ValueError, match="15"):
        CompiledPit(SETTINGS).book("GS", [(1, 1)] * 16, [], 0)


@pytest.mark.parametrize("seed", range(10))
def test_compiled_market_and_twin_show_the_same(seed: int) -> None:
    random, ours, theirs = Random(seed), CompiledPit(SETTINGS), TwinPit(SETTINGS)
    now_ns = 0
    for step in range(200):
        now_ns += random.randrange(1_500_000)
        name, draw = random.choice(SYMBOLS), random.random()
        best = random.randrange(20, 999_900)
        bids = [(best - level, 1 + level) for level in range(random.randrange(16))]
        asks = [(best + 1 + level, 1 + level) for level in range(random.randrange(16))]
        for pit in (ours, theirs):
            if draw < 0.5:
                pit.book(name, bids, asks, now_ns)
            elif draw < 0.9:
                pit.trade(name, best, now_ns)
            elif draw < 0.98:
                pit.open(name, draw < 0.95)
            else:
                pit.clear()
        later_ns = now_ns + random.choice([0, 1_999_999, 2_000_000, 2_000_001])
        position = random.choice([-5, 0, 5])
        for symbol in SYMBOLS:
            where = f"seed {seed} step {step} {symbol}"
            assert ours.view(symbol) == theirs.view(symbol), where
            assert ours.reference(symbol, later_ns) == theirs.reference(symbol, later_ns), where
            assert ours.mark(symbol, position, 7) == theirs.mark(symbol, position, 7), where
