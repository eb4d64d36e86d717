"""A user's strategy: what it is told, what becomes of what it asks for, and what its mistakes do."""

import doctest
import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest

from arbcore.errors import BrokenInvariant, UsageError
from arbcore.trading import strategy as base
from arbcore.trading._plugin import HOOKS, Plugin, TraderDesk
from arbcore.trading._session import Session
from arbcore.trading.strategies import build
from arbcore.trading.strategy import Strategy
from arbcore.trading.trading_settings import BondSettings, SessionSettings

MS = 1_000_000


def line(**message: Any) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


HELLO = line(type="hello", symbols=[])
OPEN = line(type="open", symbols=["BOND", "GS", "MS", "VALBZ", "VALE", "WFC", "XLF"])


def book(symbol: str, bid: int, ask: int) -> bytes:
    return line(type="book", symbol=symbol, buy=[[bid, 10]], sell=[[ask, 20]])


def fill(order: dict[str, Any], size: int) -> bytes:
    return line(
        type="fill", order_id=order["order_id"], symbol=order["symbol"], dir=order["side"],
        price=order["price"], size=size,
    )


class Player:
    """Does in each hook what the test put there, and remembers what it was told."""

    def __init__(self, **hooks: Callable[..., Any]) -> None:
        self.hooks = hooks
        self.told: list[tuple[Any, ...]] = []

    def _told(self, what: str, desk: Any, *args: Any) -> None:
        self.told.append((what, *args))
        if what in self.hooks:
            self.hooks[what](desk, *args)

    def on_start(self, desk: Any) -> None:
        self._told("start", desk)

    def on_book(self, desk: Any, symbol: str) -> None:
        self._told("book", desk, symbol)

    def on_trade(self, desk: Any, symbol: str, price: int, size: int) -> None:
        self._told("trade", desk, symbol, price, size)

    def on_fill(self, desk: Any, symbol: str, side: str, price: int, size: int) -> None:
        self._told("fill", desk, symbol, side, price, size)

    def on_refused(self, desk: Any, ticket: int, reason: str) -> None:
        self._told("refused", desk, ticket, reason)

    def on_tick(self, desk: Any) -> None:
        self._told("tick", desk)


class Table:
    """A session in a round, and the time that passes with every call."""

    def __init__(self, *strategies: Any, **settings: Any) -> None:
        self.session = Session(SessionSettings(**settings), strategies)
        self.now_ns = 0
        self.login()

    def login(self) -> None:
        self.session.connected(self.now_ns)
        self.say(HELLO + OPEN)

    def say(self, data: bytes, after_ms: int = 1) -> list[dict[str, Any]]:
        self.now_ns += after_ms * MS
        return [json.loads(text) for text in self.session.receive(data, self.now_ns).splitlines()]

    def wait(self, ms: int) -> list[dict[str, Any]]:
        """Ticks when ticks are due, as a shell does."""
        end_ns, sent = self.now_ns + ms * MS, b""
        while (due_ns := max(self.now_ns, self.session.next_deadline_ns)) <= end_ns:
            self.now_ns = due_ns
            sent += self.session.tick(due_ns)
        self.now_ns = end_ns
        return [json.loads(text) for text in sent.splitlines()]

    @property
    def live(self) -> list[dict[str, Any]]:
        return self.session.orders_snapshot()

    @property
    def error(self) -> str:
        return "".join(self.session.summary()["strategy_errors"].values())


def at_first_book(action: Callable[[Any], Any]) -> Player:
    """A player that acts at its first book only."""
    done: list[bool] = []

    def act(desk: Any, symbol: str) -> None:
        if not done:
            done.append(True)
            action(desk)

    return Player(book=act)


# --- hooks --------------------------------------------------------------------------------------


def test_hooks_are_told_what_happened() -> None:
    player = Player(book=lambda desk, symbol: desk.buy("GS", price=99, size=4))
    table = Table(player)
    table.say(book("GS", 99, 101))
    table.say(line(type="trade", symbol="MS", price=55, size=6))
    table.say(fill(table.live[0], 3))
    assert player.told == [
        ("start",), ("book", "GS"), ("trade", "MS", 55, 6), ("fill", "GS", "BUY", 99, 3)
    ]


def test_the_tick_comes_ten_times_a_second_while_connected() -> None:
    player = Player()
    table = Table(player)
    table.wait(1000)
    assert player.told.count(("tick",)) == 10
    table.session.disconnected(table.now_ns)
    table.wait(1000)
    assert player.told.count(("tick",)) == 10


def test_any_subset_of_hooks_will_do_and_names_are_the_classes_unless_given() -> None:
    class Quiet:
        def on_tick(self, desk: TraderDesk) -> None: ...

    class Named(Quiet):
        name = "mine"

    table = Table(Quiet(), Quiet(), Named())
    table.say(book("GS", 99, 101))
    table.wait(300)
    assert list(table.session.summary()["strategies"]) == ["Quiet", "Quiet#2", "mine", "unattributed"]


def test_symbols_narrow_what_is_told() -> None:
    player = Player()
    player.symbols = ("GS",)  # type: ignore[attr-defined]
    table = Table(player)
    table.say(book("GS", 99, 101) + book("MS", 99, 101) + line(type="trade", symbol="XLF", price=5, size=6))
    assert player.told == [("start",), ("book", "GS")]


def test_fills_of_others_are_not_told() -> None:
    player = Player()
    table = Table(build("bond", BondSettings(), SessionSettings()), player)
    table.say(fill(table.live[0], 3))
    assert player.told == [("start",)]


def test_it_sees_the_market_and_what_is_held() -> None:
    seen: list[Any] = []

    def look(desk: Any, symbol: str) -> None:
        seen.append((
            desk.bid("GS"), desk.ask("GS"), desk.book("GS"), desk.bid("MS"), desk.last_price("GS"),
            desk.average("GS"), desk.position("GS"), desk.own_position("GS"), desk.room("GS", "BUY"),
            desk.is_open("GS"), desk.trading, desk.now_ns,
        ))

    table = Table(Player(book=look))
    table.say(b"".join(line(type="trade", symbol="GS", price=price, size=1) for price in (10, 11, 11)))
    table.say(line(type="hello", symbols=[{"symbol": "GS", "position": 5}]))
    table.say(line(type="book", symbol="GS", buy=[[10, 1], [9, 2]], sell=[]))
    assert seen == [(
        (10, 1), None, ([(10, 1), (9, 2)], []), None, 11, pytest.approx(32 / 3), 5, 0, 95, True, True, 4 * MS
    )]


def test_no_average_before_three_prices() -> None:
    seen: list[Any] = []
    table = Table(Player(trade=lambda desk, symbol, *_: seen.append(desk.average(symbol))))
    for price in (10, 20, 30):
        table.say(line(type="trade", symbol="GS", price=price, size=1))
    assert seen == [None, None, 20.0]


# --- asking -------------------------------------------------------------------------------------


def test_what_is_asked_for_leaves_at_once_when_the_gate_lets_it() -> None:
    table = Table(at_first_book(lambda desk: desk.sell("GS", price=101, size=4)))
    assert table.say(book("GS", 99, 101)) == [
        {"type": "add", "order_id": 1, "symbol": "GS", "dir": "SELL", "price": 101, "size": 4}
    ]


def test_an_ask_waits_for_its_slot_and_then_leaves() -> None:
    def two(desk: Any) -> None:
        desk.buy("GS", price=99, size=1)
        desk.sell("GS", price=101, size=2)

    table = Table(at_first_book(two))
    sent = table.say(book("GS", 99, 101))
    assert [order["dir"] for order in sent] == ["SELL"]  # the larger is worth more
    assert table.wait(98) == []
    assert [order["dir"] for order in table.wait(2)] == ["BUY"]
    assert table.wait(1000) == []


def test_a_second_ask_replaces_one_that_waits() -> None:
    prices = iter([99, 98, 97])
    table = Table(Player(book=lambda desk, symbol: desk.buy("GS", price=next(prices), size=1)))
    assert len(table.say(book("GS", 99, 101))) == 1
    assert table.say(book("GS", 99, 101) + book("GS", 99, 101)) == []
    assert [order["price"] for order in table.wait(200)] == [97]


def test_an_ask_waits_for_the_message_cap() -> None:
    table = Table(Player(trade=lambda desk, symbol, *_: desk.buy(symbol, price=99, size=1)),
                  message_cap=10, cancel_reserve=8)
    for symbol in ("GS", "MS", "WFC"):
        table.say(book(symbol, 98, 100))
    sent = [table.say(line(type="trade", symbol=symbol, price=99, size=1)) for symbol in ("GS", "MS")]
    assert [len(orders) for orders in sent] == [1, 0]
    assert [order["symbol"] for order in table.wait(1000)] == ["MS"]


@pytest.mark.parametrize(("ask", "reason"), [
    (lambda desk: desk.buy("GS", price=99, size=101), "position_limit"),
    (lambda desk: desk.buy("GS", price=0, size=1), "bad_order"),
    (lambda desk: desk.buy("GS", price=10**30, size=1), "bad_order"),
    (lambda desk: desk.buy("GS", price=500, size=1), "price_collar"),
    (lambda desk: desk.buy("MS", price=99, size=1), "no_reference"),
    (lambda desk: desk.convert("GS", "BUY", size=1), "bad_order"),
    (lambda desk: desk.convert("XLF", "SELL", size=15), "bad_order"),
])
def test_a_final_refusal_is_told_once_and_the_ask_dropped(ask: Callable[[Any], Any], reason: str) -> None:
    player = at_first_book(ask)
    table = Table(player)
    assert table.say(book("GS", 99, 101)) == []
    table.wait(1000)
    assert [told for told in player.told if told[0] == "refused"] == [("refused", 1, reason)]
    assert table.session.summary()["refusals"] == {reason: 1}


def test_a_conversion_is_asked_for_like_an_order() -> None:
    player = at_first_book(lambda desk: desk.convert("VALE", "BUY", size=3))
    table = Table(player)
    assert table.say(book("GS", 99, 101)) == [
        {"type": "convert", "order_id": 1, "symbol": "VALE", "dir": "BUY", "size": 3}
    ]
    table.say(line(type="ack", order_id=1))
    assert (table.session.positions()["VALE"], table.session.positions()["VALBZ"]) == (3, -3)


def test_the_more_valuable_of_two_strategies_goes_first_and_the_other_after_it() -> None:
    one = at_first_book(lambda desk: desk.buy("GS", price=98, size=1, value=5))
    other = at_first_book(lambda desk: desk.buy("GS", price=99, size=1, value=6))
    table = Table(one, other)
    assert [order["price"] for order in table.say(book("GS", 99, 101))] == [99]
    assert [order["price"] for order in table.wait(100)] == [98]


def test_before_the_login_and_after_a_stop_nothing_is_taken() -> None:
    tickets: list[Any] = []
    player = Player(book=lambda desk, symbol: tickets.append(desk.buy("GS", price=99, size=1)))
    table = Table(player)
    table.session.connected(table.now_ns)
    assert table.say(book("GS", 99, 101)) == []
    table.say(HELLO + OPEN)
    assert len(table.say(book("GS", 99, 101))) == 1
    table.session.stop(table.now_ns, "enough")
    assert table.say(book("GS", 99, 101)) == []
    assert tickets == [None, 1, None]


# --- cancelling ---------------------------------------------------------------------------------


def test_a_ticket_takes_back_what_waits_and_what_rests() -> None:
    tickets: list[Any] = []
    player = Player(
        book=lambda desk, symbol: tickets.append(desk.buy("GS", price=99, size=1)),
        trade=lambda desk, *_: tickets.append([desk.cancel(ticket) for ticket in tickets]),
    )
    table = Table(player)
    table.say(book("GS", 99, 101))
    table.say(book("GS", 99, 101))
    assert table.say(line(type="trade", symbol="MS", price=5, size=1)) == [{"type": "cancel", "order_id": 1}]
    assert tickets == [1, 2, [True, True]]
    assert table.wait(500) == []


def test_a_ticket_of_something_ended_takes_back_nothing() -> None:
    answers: list[Any] = []
    player = Player(
        book=lambda desk, symbol: desk.buy("GS", price=99, size=1),
        trade=lambda desk, *_: answers.append([desk.cancel(ticket) for ticket in (1, 99, 0, None)]),
    )
    table = Table(player)
    table.say(book("GS", 99, 101) + line(type="out", order_id=1))
    table.say(line(type="trade", symbol="MS", price=5, size=1))
    assert answers == [[False, False, False, False]]


def test_own_orders_are_listed_with_their_tickets() -> None:
    lists: list[Any] = []

    def act(desk: Any, symbol: str) -> None:
        desk.buy("GS", price=99, size=4)
        lists.append(desk.orders())

    table = Table(build("bond", BondSettings(), SessionSettings()), Player(book=act))
    table.say(book("GS", 99, 101))
    table.say(book("GS", 99, 101))
    common = {"kind": "add", "symbol": "GS", "side": "BUY", "price": 99, "size": 4, "remaining": 4}
    assert lists[0] == [{"ticket": 1, **common, "state": "waiting"}]
    assert lists[1] == [
        {"ticket": 1, **common, "state": "unacknowledged"}, {"ticket": 2, **common, "state": "waiting"}
    ]


# --- quotes -------------------------------------------------------------------------------------


def quoter(*quotes: tuple[int, int]) -> Player:
    """Quotes a bid in GS: at each book the next (price, size)."""
    left = iter(quotes)

    def act(desk: Any, symbol: str) -> None:
        for price, size in left:
            desk.quote("GS", "BUY", price, size)
            return

    return Player(book=act)


def test_a_quote_rests_and_is_sent_once() -> None:
    table = Table(quoter((99, 5)))
    assert len(table.say(book("GS", 99, 101))) == 1
    table.say(line(type="ack", order_id=1))
    assert table.say(book("GS", 99, 101)) == []
    assert table.wait(1000) == []


def test_a_quote_that_moves_is_cancelled_and_sent_anew_after_its_out() -> None:
    table = Table(quoter((99, 5), (98, 5)))
    table.say(book("GS", 99, 101))
    assert table.say(book("GS", 99, 101)) == [{"type": "cancel", "order_id": 1}]
    assert table.say(line(type="out", order_id=1), after_ms=200)[0]["price"] == 98


def test_a_filled_quote_is_sent_again() -> None:
    table = Table(quoter((99, 5)))
    table.say(book("GS", 99, 101))
    assert table.say(fill(table.live[0], 2), after_ms=200) == []
    assert [order["size"] for order in table.say(fill(table.live[0], 3), after_ms=200)] == [5]


def test_a_quote_is_pulled_with_a_size_of_nothing() -> None:
    table = Table(quoter((99, 5), (99, 0)))
    table.say(book("GS", 99, 101))
    assert table.say(book("GS", 99, 101)) == [{"type": "cancel", "order_id": 1}]
    assert table.say(line(type="out", order_id=1), after_ms=200) == []
    assert table.wait(1000) == []


def test_a_refused_quote_is_tried_again_ten_times_a_second_at_most() -> None:
    table = Table(quoter((99, 101)))
    table.say(book("GS", 99, 101))
    for _ in range(50):
        table.say(book("MS", 99, 101), after_ms=10)
    assert 4 <= table.session.summary()["refusals"]["position_limit"] <= 6


def test_quotes_leave_other_orders_alone() -> None:
    def act(desk: Any) -> None:
        desk.buy("GS", price=97, size=9)
        desk.quote("GS", "BUY", 99, 5)

    table = Table(at_first_book(act))
    table.say(book("GS", 99, 101))
    table.wait(500)
    assert [(order["price"], order["state"]) for order in table.live] == [
        (97, "unacknowledged"), (99, "unacknowledged")
    ]


def test_quotes_and_asks_end_with_the_connection() -> None:
    table = Table(quoter((99, 5)))
    table.say(book("GS", 99, 101))
    table.session.disconnected(table.now_ns)
    table.login()
    assert table.say(book("GS", 99, 101), after_ms=500) == []


# --- mistakes -----------------------------------------------------------------------------------


def fail(*_: Any) -> None:
    raise RuntimeError("oh no")


@pytest.mark.parametrize("hook", ["start", "book", "trade", "fill", "tick", "refused"])
def test_an_exception_in_any_hook_switches_only_that_strategy_off(hook: str) -> None:
    def ask(desk: Any, symbol: str) -> None:
        desk.buy("GS", price=99, size=4)
        desk.sell("MS", price=500, size=4)

    hooks: dict[str, Callable[..., Any]] = {"book": ask}
    bad, good = Player(**{**hooks, hook: fail}), Player(book=lambda desk, _: desk.buy("GS", price=98, size=1))
    table = Table(bad, good)
    table.say(book("GS", 99, 101) + line(type="trade", symbol="GS", price=100, size=1))
    for order in table.live:
        table.say(fill(order, 1))
    table.wait(200)
    assert table.error.startswith(f"RuntimeError in on_{'start' if hook == 'start' else hook}: oh no") or (
        hook == "start" and "oh no" in table.error
    )
    calls = len(bad.told)
    table.say(book("GS", 99, 101), after_ms=200)
    table.wait(200)
    assert len(bad.told) == calls
    assert good.told[-1] == ("tick",)
    assert all(order["strategy"] != "Player" or order["cancels"] for order in table.live)


def test_a_switched_off_strategys_orders_are_cancelled_and_its_asks_dropped() -> None:
    def ask_and_fail(desk: Any, symbol: str) -> None:
        if desk.orders():
            desk.sell("GS", price=101, size=4)
            fail()
        desk.buy("GS", price=99, size=4)

    table = Table(Player(book=ask_and_fail))
    table.say(book("GS", 99, 101))
    assert table.say(book("GS", 99, 101)) == [{"type": "cancel", "order_id": 1}]
    assert table.wait(1000) == []
    assert "oh no" in table.error
    assert __file__ in table.error


def test_what_it_proposed_before_it_failed_in_the_same_turn_does_not_leave() -> None:
    def ask(desk: Any) -> None:
        desk.buy("GS", price=99, size=101)  # refused first: its symbol comes before the other's
        desk.buy("XLF", price=99, size=1)

    player = at_first_book(ask)
    player.hooks["refused"] = fail
    table = Table(player)
    assert table.say(book("XLF", 99, 101) + book("GS", 99, 101)) == []
    assert table.live == []


@pytest.mark.parametrize("mistake", [
    lambda desk: desk.bid("AAPL"),
    lambda desk: desk.buy("GS", price=99.5, size=1),
    lambda desk: desk.buy("GS", price=99, size="1"),
    lambda desk: desk.quote("GS", "HOLD", 99, 1),
    lambda desk: desk.convert("GS", 1, size=1),
])
def test_nonsense_is_refused_with_a_sentence(mistake: Callable[[Any], Any]) -> None:
    table = Table(at_first_book(mistake))
    table.say(book("GS", 99, 101))
    assert table.error.startswith("UsageError in on_book: ")


@pytest.mark.parametrize("kind", [BrokenInvariant, SystemExit, GeneratorExit, BaseException])
def test_no_kind_of_exception_leaves_the_hook(kind: type[BaseException]) -> None:
    def broken(*_: Any) -> None:
        raise kind("of its own")

    table = Table(Player(book=broken))
    table.say(book("GS", 99, 101))
    assert table.error.startswith(f"{kind.__name__} in on_book: of its own")


def test_keyboard_interrupt_is_the_users_unless_signals_are_kept_apart() -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Table(Player(book=interrupted)).say(book("GS", 99, 101))
    table = Table(Player(book=interrupted))
    table.session.watch_hooks(None, signals_apart=True)
    table.say(book("GS", 99, 101))
    assert table.error.startswith("KeyboardInterrupt in on_book")


def test_what_is_no_strategy_is_refused() -> None:
    with pytest.raises(UsageError, match="on_book"):
        Plugin(object())
    with pytest.raises(UsageError, match="is a class"):
        Plugin(Player)
    player = Player()
    player.symbols = ("AAPL",)  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="AAPL"):
        Plugin(player)


def test_a_desk_without_a_session_answers_with_an_error_and_no_crash() -> None:
    desk = TraderDesk(Plugin(Player()))
    for call in (
        lambda: desk.bid("GS"), lambda: desk.position("GS"), lambda: desk.own_position("GS"), desk.orders,
        lambda: desk.room("GS", "BUY"), lambda: desk.trading, lambda: desk.cancel(5),
        lambda: desk.quote("GS", "BUY", 1, 1),
    ):
        with pytest.raises(AttributeError):
            call()
    with pytest.raises(AttributeError):
        desk.buy("GS", price=1, size=1)


# --- rounds, answers, and what else the desk says -----------------------------------------------


class Listener(Strategy):
    """Remembers every hook but the frequent ones."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def on_round_start(self, desk: TraderDesk) -> None:
        self.told.append("round start")

    def on_round_end(self, desk: TraderDesk) -> None:
        self.told.append("round end")

    def on_open(self, desk: TraderDesk, symbol: str) -> None:
        self.told.append(("open", symbol))

    def on_close(self, desk: TraderDesk, symbol: str) -> None:
        self.told.append(("close", symbol))

    def on_reject(self, desk: TraderDesk, ticket: int | None, reason: str) -> None:
        self.told.append(("reject", ticket, reason))

    def on_out(self, desk: TraderDesk, ticket: int | None) -> None:
        self.told.append(("out", ticket))


def bare(strategy: Any) -> Session:
    session = Session(SessionSettings(order_cooldown_ns=0, reject_pause_ns=0), [strategy])
    session.connected(0)
    return session


def test_rounds_opens_and_closes_are_told() -> None:
    listener = Listener()
    session = bare(listener)
    session.receive(HELLO, MS)
    session.receive(line(type="open", symbols=["GS", "MS"]), 2 * MS)
    session.receive(line(type="close", symbols=["GS"]), 3 * MS)
    assert listener.told == ["round start", ("open", "GS"), ("open", "MS"), ("close", "GS")]
    session.receive(line(type="close", symbols=["MS"]), 4 * MS)
    assert listener.told[4:] == [("close", "MS"), "round end"]
    session.disconnected(5 * MS)
    session.connected(6 * MS)
    session.receive(HELLO, 7 * MS)
    assert listener.told[6:] == ["round start"]
    session.disconnected(8 * MS)
    session.connected(9 * MS)
    session.receive(HELLO, 10 * MS)
    assert listener.told[6:] == ["round start"]  # The same round, on another connection.


def test_rejects_and_outs_are_told_with_the_ticket_and_the_exchanges_words() -> None:
    listener = Listener()
    tickets: list[Any] = []
    listener.on_trade = lambda desk, symbol, *_: tickets.append(  # type: ignore[method-assign]
        desk.buy("GS", price=100, size=1)
    )
    session = bare(listener)
    session.receive(HELLO + OPEN + book("GS", 99, 101), MS)
    del listener.told[:]
    for now_ms in (2, 3):
        session.receive(line(type="trade", symbol="GS", price=100, size=1), now_ms * MS)
    first, second = (order["order_id"] for order in reversed(session.recent_orders(2)))
    session.receive(line(type="reject", order_id=first, error="BAD_SIZE"), 4 * MS)
    session.receive(line(type="ack", order_id=second) + line(type="out", order_id=second), 5 * MS)
    assert listener.told == [("reject", tickets[0], "BAD_SIZE"), ("out", tickets[1])]


def test_the_desk_tells_money_limits_time_trades_and_fair_values() -> None:
    seen: dict[str, Any] = {}

    def look(desk: TraderDesk, symbol: str) -> None:
        seen.update(
            cash=desk.cash, pnl=desk.pnl, own=desk.own_pnl, limit=desk.limit("VALE"), left=desk.time_left_s,
            trades=desk.trades("GS", 2), average=desk.average("GS", 3), too_long=desk.average("GS", 4),
            bond=desk.fair("BOND"), vale=desk.fair("VALE"), xlf=desk.fair("XLF"), gs=desk.fair("GS"),
            basket=desk.basket("XLF"), none=desk.basket("GS"),
        )

    session = bare(Player(book=look))
    session.receive(line(type="hello", symbols=[{"symbol": "GS", "position": 2},
                                                {"symbol": "USD", "position": -150}]), MS)
    session.receive(OPEN, 10 * MS)
    for price in (90, 100, 110):
        session.receive(line(type="trade", symbol="GS", price=price, size=5), 20 * MS)
    session.receive(book("VALBZ", 4000, 4003), 30 * MS)
    assert (seen["vale"], seen["xlf"]) == (4001.5, None)
    for symbol, bid in (("MS", 200), ("WFC", 300), ("GS", 99)):
        session.receive(book(symbol, bid, bid + 2), 1010 * MS)
    assert seen["bond"] == 1000.0
    assert seen["xlf"] == (3 * 1000 + 2 * 100 + 3 * 201 + 2 * 301) / 10
    assert (seen["cash"], seen["pnl"], seen["own"], seen["limit"]) == (-150, -150 + 2 * 99, 0, 10)
    assert seen["trades"] == [(100, 5, 20 * MS), (110, 5, 20 * MS)]
    assert (seen["average"], seen["too_long"]) == (100.0, None)
    assert seen["left"] == pytest.approx(299.0)
    assert (seen["basket"], seen["none"]) == ({"BOND": 3, "GS": 2, "MS": 3, "WFC": 2}, {})


def test_markouts_say_how_far_the_market_went_our_way() -> None:
    found: list[Any] = []

    def note(desk: TraderDesk) -> None:
        found.append((desk.markouts(), desk.markouts("GS"), desk.markouts("MS")))

    player = Player(trade=lambda desk, *_: desk.buy("GS", price=101, size=4), tick=note)
    session = bare(player)
    session.receive(HELLO + OPEN + book("GS", 99, 101), MS)
    session.receive(line(type="trade", symbol="GS", price=100, size=1), 2 * MS)
    [order] = session.recent_orders(1)
    session.receive(fill({**order, "price": 101}, 4), 3 * MS)
    session.receive(book("GS", 95, 97), 4 * MS)
    for tenth in range(1, 62):
        session.tick(tenth * 100 * MS)
    nothing = {1: None, 5: None, 30: None}
    assert found[0] == (nothing, nothing, nothing)
    assert found[-1] == ({1: -5.0, 5: -5.0, 30: None}, {1: -5.0, 5: -5.0, 30: None}, nothing)


def test_hooks_of_the_base_are_not_called() -> None:
    class Nothing(Strategy):
        pass

    with pytest.raises(UsageError, match="is not a strategy"):
        Plugin(Nothing())


def test_the_base_has_every_hook_with_its_arguments() -> None:
    hooks = {name: tuple(inspect.signature(getattr(Strategy, name)).parameters)[1:] for name in HOOKS}
    assert hooks == HOOKS
    assert {name for name in vars(Strategy) if name.startswith("on_")} == set(HOOKS)


def test_examples_of_the_base_run() -> None:
    assert doctest.testmod(base).failed == 0
    assert doctest.testmod(base).attempted > 5


def test_the_first_refusal_of_each_reason_is_kept_in_words() -> None:
    def ask(desk: Any, symbol: str) -> None:
        desk.buy("GS", price=99, size=500)
        desk.sell("GS", price=300, size=1)
        desk.convert("XLF", "BUY", size=5)

    table = Table(Player(book=ask), order_cooldown_ns=0)
    table.say(book("GS", 99, 101))
    table.say(book("GS", 98, 101), after_ms=1000)
    assert table.session.first_refusals == [
        ("Player", "size_cap", "BUY 500 GS at 99"),
        ("Player", "price_collar", "SELL 1 GS at 300"),
        ("Player", "bad_order", "the conversion BUY 5 XLF"),
    ]
