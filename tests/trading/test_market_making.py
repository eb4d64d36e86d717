"""Where market making quotes and when it does not: one body of tests over the compiled one and its twin.

The numbers are worked out by hand in the comments.
"""

import json
from typing import Any

import pytest
from sessions import make_session

from arbcore.trading.profiles import PROFILES
from arbcore.trading.trading_settings import MarketMakingSettings, SessionSettings

MS = 1_000_000
SECOND = 1000 * MS
SYMBOLS = ("BOND", "VALBZ", "VALE", "GS", "MS", "WFC", "XLF")


def line(**message: Any) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def book(symbol: str, bid: int, ask: int, size: int = 100) -> bytes:
    return line(type="book", symbol=symbol, buy=[[bid, size]], sell=[[ask, size]])


def trade(symbol: str, price: int) -> bytes:
    return line(type="trade", symbol=symbol, price=price, size=1)


class Table:
    """A session with market making alone, quoting 8 shares, logged in; its orders are acknowledged."""

    def __init__(self, build: str, **settings: Any) -> None:
        chosen = {"market_making": MarketMakingSettings(**{"size": 8} | settings)}
        self.session = make_session(build, SessionSettings(order_cooldown_ns=0), chosen)
        self.now_ns = SECOND
        self.session.connected(self.now_ns)
        self.say(line(type="hello", symbols=[]), line(type="open", symbols=list(SYMBOLS)))

    def say(self, *lines: bytes, wait_ms: int = 1) -> list[dict[str, Any]]:
        self.now_ns += wait_ms * MS
        sent: list[dict[str, Any]] = []
        data = b"".join(lines)
        for _ in range(10):
            # A symbol's second order leaves at the next look.
            said = self.session.receive(data, self.now_ns) + self.session.tick(self.now_ns + 1)
            self.now_ns += 1
            new = [json.loads(one) for one in said.splitlines()]
            sent += new
            answers = {"add": "ack", "cancel": "out"}
            data = b"".join(line(type=answers[one["type"]], order_id=one["order_id"]) for one in new)
        return sent

    def measured(self, symbol: str, middle: int, *, half: int, change: int = 0) -> "Table":
        """Ten seconds of books ``half`` ticks either side of a middle that goes ``change`` up and down, and
        three trades. It ends at ``middle``."""
        self.say(book(symbol, middle - half, middle + half))
        for second in range(1, 11):
            at = middle + (change if second % 2 else 0)
            self.say(book(symbol, at - half, at + half), wait_ms=1000)
        self.say(trade(symbol, middle), trade(symbol, middle), trade(symbol, middle + 1))
        self.say(book(symbol, middle - half, middle + half), wait_ms=800)
        return self

    def fill(self, symbol: str, side: str, size: int) -> list[dict[str, Any]]:
        [order] = [one for one in self.orders(symbol) if one["side"] == side]
        told = {"order_id": order["order_id"], "dir": side, "price": order["price"], "size": size}
        return self.say(line(type="fill", symbol=symbol, **told))

    def orders(self, symbol: str) -> list[dict[str, Any]]:
        return [one for one in self.session.orders_snapshot() if one["symbol"] == symbol]

    def quotes(self, symbol: str) -> dict[str, tuple[int, int]]:
        """Side -> (price, size) of what stands."""
        return {one["side"]: (one["price"], one["remaining"]) for one in self.orders(symbol)}


@pytest.fixture(params=["c", "py"])
def build(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_quote_betters_everybody_else_by_one_tick_at_most(build: str) -> None:
    table = Table(build).measured("GS", 8000, half=10)
    assert table.quotes("GS") == {"BUY": (7991, 8), "SELL": (8009, 8)}


def test_a_quote_keeps_a_tick_from_what_a_share_is_worth(build: str) -> None:
    # The price has not moved, so a sigma is 0; a tick from 8000 is the others' touch.
    table = Table(build).measured("MS", 4000, half=1)
    assert table.quotes("MS") == {"BUY": (3999, 8), "SELL": (4001, 8)}


def test_the_middle_is_that_of_the_whole_book_and_not_of_the_touch(build: str) -> None:
    # Bids 7998 and 7990, ten and thirty shares: 7992 in the mean. Offers 8002 and 8010 alike at 8002: 8005 in
    # the mean of 25 and 15. The middle is 7998.5, a tick either side of it 7997.5 and 7999.5, and quotes are
    # rounded away from it. The bid stands at 7997; the offer goes no further than a tick inside the others'.
    table = Table(build).measured("MS", 8000, half=2)
    table.say(
        line(type="book", symbol="MS", buy=[[7998, 10], [7990, 30]], sell=[[8002, 25], [8010, 15]]),
        wait_ms=50,
    )
    assert table.quotes("MS") == {"BUY": (7997, 8), "SELL": (8001, 8)}


def test_own_orders_are_no_news(build: str) -> None:
    table = Table(build).measured("GS", 8000, half=10)
    assert table.quotes("GS")["BUY"] == (7991, 8)
    ours_on_top = line(type="book", symbol="GS", buy=[[7991, 8], [7990, 100]], sell=[[8010, 100]])
    assert table.say(ours_on_top, wait_ms=50) == []


def test_nothing_is_quoted_before_three_changes_and_three_trades_were_seen(build: str) -> None:
    table = Table(build)
    for _ in range(10):
        assert table.say(book("GS", 7990, 8010), wait_ms=1000) == []
    assert table.say(trade("GS", 8000), trade("GS", 8000)) == []
    assert [one["type"] for one in table.say(trade("GS", 8000))] == ["add", "add"]
    table = Table(build)
    table.say(book("GS", 7990, 8010), trade("GS", 8000), trade("GS", 8000), trade("GS", 8000))
    assert table.say(book("GS", 7990, 8010), wait_ms=1000) == []
    assert table.say(book("GS", 7990, 8010), wait_ms=1000) == []
    assert len(table.say(book("GS", 7990, 8010), wait_ms=1000)) == 2


def moving(build: str, *, width_percent: int = 60, **settings: Any) -> Table:
    """MS at 4000 between 3996 and 4004 of others', where a sigma is 4 ticks."""
    return Table(build, width_percent=width_percent, **settings).measured("MS", 4000, half=4, change=4)


def test_the_more_the_price_moves_the_wider_it_quotes(build: str) -> None:
    # 1 tick and 60% of 4: 3.4 from 4000, rounded outwards.
    assert moving(build).quotes("MS") == {"BUY": (3996, 8), "SELL": (4004, 8)}
    # 1 tick and 35% of 4: 2.4.
    assert moving(build, width_percent=35).quotes("MS") == {"BUY": (3997, 8), "SELL": (4003, 8)}


def test_a_trade_moves_the_quotes_its_way_for_a_moment(build: str) -> None:
    # A buyer: 20% of 4 up, so 4000.8 - 3.4 and 4000.8 + 3.4, rounded outwards; in 800 ms it has passed.
    table = moving(build)
    table.say(trade("MS", 4004))
    assert table.quotes("MS") == {"BUY": (3997, 8), "SELL": (4005, 8)}
    table.say(book("MS", 3996, 4004), wait_ms=800)
    assert table.quotes("MS") == {"BUY": (3996, 8), "SELL": (4004, 8)}
    # A seller: 3999.2 - 3.4 and 3999.2 + 3.4.
    table.say(trade("MS", 3996))
    assert table.quotes("MS") == {"BUY": (3995, 8), "SELL": (4003, 8)}


def test_what_is_held_moves_both_quotes_against_it(build: str) -> None:
    # 8 bought at 15% of 4 a share: 4.8 down, to 3995.2 - 3.4; the offer is a tick inside, no nearer.
    table = moving(build, skew_percent=15)
    table.fill("MS", "BUY", 8)
    assert table.quotes("MS") == {"BUY": (3991, 8), "SELL": (4003, 8)}


def test_no_more_is_held_than_the_cap(build: str) -> None:
    table = moving(build, skew_percent=0, inventory_cap=10)
    table.fill("MS", "BUY", 8)
    assert table.quotes("MS") == {"BUY": (3996, 2), "SELL": (4004, 8)}
    table.fill("MS", "BUY", 2)
    assert table.quotes("MS") == {"SELL": (4004, 8)}


def test_xlf_is_worth_half_its_own_book_and_half_its_basket(build: str) -> None:
    # (3 * 1000 + 2 * 8000 + 3 * 4100 + 2 * 5800) / 10 = 4290; halfway from 4300 is 4295. A tick below it is
    # the bid; the offer stays within a tick of the others'.
    table = Table(build)
    for symbol, middle in (("GS", 8000), ("MS", 4100), ("WFC", 5800)):
        table.say(book(symbol, middle - 5, middle + 5))
    table.measured("XLF", 4300, half=1)
    assert table.quotes("XLF") == {"BUY": (4294, 8), "SELL": (4300, 8)}


def test_xlf_is_not_quoted_while_its_basket_has_no_price(build: str) -> None:
    table = Table(build)
    table.say(book("GS", 7995, 8005), book("MS", 4095, 4105))
    table.measured("XLF", 4300, half=1)
    assert table.quotes("XLF") == {}


def test_a_side_is_pulled_while_trades_run_against_it(build: str) -> None:
    table = moving(build)
    table.say(trade("MS", 4004))
    assert set(table.quotes("MS")) == {"BUY", "SELL"}
    # Of the first trade 799 of 800 are left: less than two in all. The third makes three less a little.
    table.say(trade("MS", 4004))
    assert set(table.quotes("MS")) == {"BUY", "SELL"}
    table.say(trade("MS", 4004))
    assert set(table.quotes("MS")) == {"BUY"}
    # 2.99 of flow have faded to less than 2 in a third of 800 ms.
    table.say(book("MS", 3996, 4004), wait_ms=270)
    assert set(table.quotes("MS")) == {"BUY", "SELL"}


def test_trades_to_and_fro_are_no_run(build: str) -> None:
    table = moving(build)
    for price in (4004, 3996) * 5:
        table.say(trade("MS", price))
    assert set(table.quotes("MS")) == {"BUY", "SELL"}


def test_nothing_stands_while_nobody_else_does(build: str) -> None:
    table = moving(build)
    table.say(line(type="book", symbol="MS", buy=[[3996, 8]], sell=[[4004, 8]]), wait_ms=50)
    assert table.quotes("MS") == {}
    table.say(line(type="book", symbol="MS", buy=[], sell=[[4004, 100]]), wait_ms=50)
    assert table.quotes("MS") == {}


def toxic(build: str) -> Table:
    """MS moves 4 ticks a second between quotes 2 apart from the middle: 200% of half the spread."""
    return Table(build, width_percent=60).measured("MS", 4000, half=2, change=4)


def test_in_a_market_that_outruns_its_spreads_quotes_are_half_the_size(build: str) -> None:
    assert toxic(build).quotes("MS") == {"BUY": (3996, 4), "SELL": (4004, 4)}


def test_there_the_side_that_traded_is_pulled_for_half_a_second(build: str) -> None:
    table = toxic(build)
    table.say(trade("MS", 4002))
    assert set(table.quotes("MS")) == {"BUY"}
    table.say(book("MS", 3998, 4002), wait_ms=499)
    assert set(table.quotes("MS")) == {"BUY"}
    table.say(book("MS", 3998, 4002), wait_ms=1)
    assert set(table.quotes("MS")) == {"BUY", "SELL"}
    table.say(trade("MS", 3998))
    assert set(table.quotes("MS")) == {"SELL"}


def test_but_never_the_side_that_works_off_what_is_held(build: str) -> None:
    table = toxic(build)
    table.fill("MS", "BUY", 1)
    table.say(trade("MS", 4002))
    assert table.quotes("MS")["SELL"][1] == 1


def test_valbz_alone_can_show_that_the_market_is_toxic(build: str) -> None:
    table = Table(build)
    table.measured("VALBZ", 4000, half=1, change=20)
    table.measured("MS", 4000, half=4)
    assert table.quotes("MS")["BUY"][1] == 4


def test_a_new_connection_begins_to_measure_anew(build: str) -> None:
    table = moving(build)
    table.session.disconnected(table.now_ns)
    table.session.connected(table.now_ns)
    table.say(line(type="hello", symbols=[]), line(type="open", symbols=list(SYMBOLS)))
    table.say(*(trade("MS", 4000) for _ in range(3)), book("MS", 3996, 4004))
    assert table.quotes("MS") == {}


def test_after_its_loss_it_only_works_off_what_it_holds(build: str) -> None:
    table = moving(build, loss_limit=100)
    table.fill("MS", "BUY", 8)
    # Bought at 3996 and worth 3980: 128 lost.
    table.say(book("MS", 3980, 3988), wait_ms=50)
    assert {side: size for side, (_, size) in table.quotes("MS").items()} == {"SELL": 8}
    table.fill("MS", "SELL", 8)
    table.say(book("MS", 3980, 3988), wait_ms=1000)
    assert table.quotes("MS") == {}


# --- as first described -----------------------------------------------------------------------------


def classic(build: str) -> Table:
    prefix = "ARBCORE_MARKET_MAKING_"
    profile = PROFILES["classic"]
    settings = {
        name.removeprefix(prefix).lower(): int(value)
        for name, value in profile.items()
        if name.startswith(prefix)
    }
    return Table(build, **settings)


def test_classic_quotes_around_five_trade_averages_and_nothing_else(build: str) -> None:
    table = classic(build)
    table.say(book("GS", 7990, 8010), book("XLF", 4290, 4310))
    prices = (7000, 7998, 7999, 8000, 8001, 8002)  # The last five make 8000.
    table.say(*(trade("GS", price) for price in prices), *(trade("XLF", 4300) for _ in range(3)))
    assert table.quotes("GS") == {"BUY": (7999, 3), "SELL": (8001, 3)}
    assert table.quotes("XLF") == {"BUY": (4297, 3), "SELL": (4303, 3)}
    # What is held moves nothing.
    table.fill("GS", "BUY", 3)
    assert table.quotes("GS") == {"BUY": (7999, 3), "SELL": (8001, 3)}


def test_classic_does_not_cross_the_others(build: str) -> None:
    table = classic(build)
    table.say(book("GS", 8004, 8010), *(trade("GS", 8000) for _ in range(3)))
    assert table.quotes("GS") == {"BUY": (7999, 3), "SELL": (8005, 3)}


def test_classic_waits_for_three_trades(build: str) -> None:
    table = classic(build)
    assert table.say(book("GS", 7990, 8010), trade("GS", 8000), trade("GS", 8000)) == []
