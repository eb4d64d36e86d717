"""The checker itself: what it must notice, and what it must not, told in bytes of a seat."""

import json
from typing import Any

import pytest

from arbcore.play.checker import Checker
from arbcore.trading._session import Session
from arbcore.trading.trading_settings import SECOND_NS, SessionSettings

SETTINGS = SessionSettings()


def line(**message: Any) -> bytes:
    return json.dumps(message).encode() + b"\n"


HELLO = line(type="hello", symbols=[{"symbol": "GS", "position": 0}])
BOOK = line(type="book", symbol="GS", buy=[[7999, 5]], sell=[[8001, 5]])
ORDER = line(type="add", order_id=1, symbol="GS", dir="BUY", price=7999, size=1)


def broken_by(order_after_ns: int, *told: bytes) -> set[str]:
    """What it says of invariant 14 where an order leaves so long after a hello that ``told`` followed."""
    checker = Checker(Session(SETTINGS, []), SETTINGS)
    checker.observe(SECOND_NS, "connect", b"")
    for data in (HELLO, *told):
        checker.observe(SECOND_NS, "in", data)
    checker.observe(SECOND_NS + order_after_ns, "out", ORDER)
    return {each.sentence for each in checker.violations if each.invariant == 14}


@pytest.mark.parametrize(
    ("told", "after_ns", "closed"),
    [
        ((line(type="open", symbols=["GS"]),), 0, False),
        ((line(type="open", symbols=["GS"]), line(type="close", symbols=["GS"])), 0, True),
        ((), 10 * SECOND_NS, True),
        ((BOOK,), 2 * SECOND_NS - 1, True),
        ((BOOK,), 2 * SECOND_NS, False),
        ((line(type="trade", symbol="GS", price=8000, size=1),), 2 * SECOND_NS, False),
        ((BOOK, line(type="close", symbols=["GS"])), 10 * SECOND_NS, True),
        ((BOOK, line(type="close", symbols=["MS"])), 10 * SECOND_NS, False),
    ],
)
def test_an_order_in_a_closed_symbol_is_noticed(told: tuple[bytes, ...], after_ns: int, closed: bool) -> None:
    assert broken_by(after_ns, *told) == ({"order 1 left while GS was closed"} if closed else set())
