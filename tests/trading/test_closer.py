"""How positions are taken to zero after a kill switch, over the session and its twin."""

import json
from typing import Any

import pytest
from sessions import make_session

from arbcore.trading.trading_settings import SessionSettings

MS = 1_000_000
SECOND = 1000 * MS


def line(**message: Any) -> bytes:
    return json.dumps(message).encode() + b"\n"


class Closing:
    """A session that holds GS and has been killed; every answer of the exchange is the test's own."""

    def __init__(self, build: str, held: int, **settings: Any) -> None:
        self.session = make_session(build, SessionSettings(**settings), {})
        self.now_ns = SECOND
        self.session.connected(self.now_ns)
        self.say(line(type="hello", symbols=[{"symbol": "GS", "position": held}], cash=0))
        self.say(line(type="open", symbols=["GS"]))

    def say(self, data: bytes) -> list[dict[str, Any]]:
        self.now_ns += MS
        return [json.loads(text) for text in self.session.receive(data, self.now_ns).splitlines()]

    def show(self, buy: list[list[int]], sell: list[list[int]]) -> list[dict[str, Any]]:
        return self.say(line(type="book", symbol="GS", buy=buy, sell=sell))

    def kill(self) -> list[dict[str, Any]]:
        self.now_ns += MS
        sent = self.session.kill(self.now_ns, "operator") + self.session.tick(self.now_ns)
        return [json.loads(text) for text in sent.splitlines()]

    def wait(self, span_ms: int) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []
        for _ in range(span_ms // 100):
            self.now_ns += 100 * MS
            sent += [json.loads(text) for text in self.session.tick(self.now_ns).splitlines()]
        return sent

    def closer(self) -> dict[str, Any]:
        """The one order that lives."""
        [order] = self.session.orders_snapshot()
        return {key: order[key] for key in ("symbol", "side", "price", "size")}


@pytest.fixture(params=["c", "py"])
def build(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize(("held", "side", "price"), [(7, "SELL", 7999), (-7, "BUY", 8001)])
def test_the_whole_position_goes_at_the_touch_that_it_hits(
    build: str, held: int, side: str, price: int
) -> None:
    closing = Closing(build, held)
    closing.show([[7999, 50], [7990, 50]], [[8001, 50], [8010, 50]])
    closing.kill()
    closing.wait(200)
    assert closing.closer() == {"symbol": "GS", "side": side, "price": price, "size": 7}


@pytest.mark.parametrize(("held", "step"), [(7, -1), (-7, 1)])
def test_each_attempt_that_is_not_filled_in_300_ms_goes_a_tick_further(
    build: str, held: int, step: int
) -> None:
    closing = Closing(build, held)
    closing.show([[7999, 50]], [[8001, 50]])
    closing.kill()
    closing.wait(100)
    first = closing.closer()["price"]
    for attempt in range(1, 25):
        [order] = closing.session.orders_snapshot()
        assert closing.wait(200) == []
        assert closing.wait(200) == [{"type": "cancel", "order_id": order["order_id"]}]
        closing.say(line(type="out", order_id=order["order_id"]))
        assert closing.closer()["price"] == first + step * min(attempt, 20)


@pytest.mark.parametrize("held", [7, -7])
def test_without_a_touch_the_last_trade_is_the_price(build: str, held: int) -> None:
    closing = Closing(build, held)
    closing.say(line(type="trade", symbol="GS", price=8000, size=1))
    closing.kill()
    closing.wait(200)
    assert closing.closer()["price"] == 8000


def test_nothing_is_sent_while_there_is_no_price(build: str) -> None:
    closing = Closing(build, 7)
    assert closing.kill() + closing.wait(3000) == []
    closing.show([[7999, 50]], [[8001, 50]])
    assert closing.closer()["price"] == 7999


def test_an_order_is_no_larger_than_the_cap_of_one(build: str) -> None:
    # The cap is twice the limit, and a hello may tell of more than that.
    closing = Closing(build, 50, position_limits={"GS": 10})
    closing.show([[7999, 50]], [[8001, 50]])
    closing.kill()
    closing.wait(200)
    [order] = closing.session.orders_snapshot()
    assert order["size"] == 20
    answer = line(type="fill", order_id=order["order_id"], symbol="GS", dir="SELL", price=7999, size=20)
    closing.say(answer + line(type="out", order_id=order["order_id"]))
    closing.wait(200)
    assert closing.closer()["size"] == 20
    assert closing.session.positions()["GS"] == 30


@pytest.mark.parametrize(("held", "far"), [(7, 4000), (-7, 12_000)])
def test_a_touch_beyond_the_collar_is_met_at_the_collar(build: str, held: int, far: int) -> None:
    closing = Closing(build, held)
    closing.show([[min(far, 7999), 50]], [[max(far, 8001), 50]])
    closing.kill()
    closing.wait(200)
    reference = (min(far, 7999) + max(far, 8001)) / 2
    [order] = closing.session.orders_snapshot()
    collar_bps = SessionSettings().collar_bps
    assert abs(order["price"] - reference) / reference * 10_000 <= collar_bps
    assert abs(order["price"] + (1 if order["price"] > reference else -1) - reference) > (
        collar_bps / 10_000 * reference
    )
