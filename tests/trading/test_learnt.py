"""What exchanges were seen to do beside the handout: one body of tests over the session and its twin."""

import json
from typing import Any

import pytest
from sessions import make_session

from arbcore.trading.trading_settings import BondSettings, MarketMakingSettings, SessionSettings

MS = 1_000_000
SECOND = 1000 * MS
SYMBOLS = ("BOND", "VALBZ", "VALE", "GS", "MS", "WFC", "XLF")


def line(**message: Any) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def hello(**positions: int) -> bytes:
    rows = [{"symbol": name, "position": held} for name, held in positions.items()]
    return line(type="hello", symbols=rows)


def fill(order_id: int, side: str, size: int) -> bytes:
    return line(type="fill", order_id=order_id, symbol="BOND", dir=side, price=1000, size=size)


BOOK = line(type="book", symbol="BOND", buy=[[999, 5]], sell=[[1001, 5]])
OPEN = line(type="open", symbols=list(SYMBOLS))
GS_BOOK = line(type="book", symbol="GS", buy=[[7999, 5]], sell=[[8001, 5]])


class Table:
    """A session with the bond strategy, logged in, and the clock."""

    def __init__(self, build: str, *positions: bytes, **settings: Any) -> None:
        self.session = make_session(build, SessionSettings(**settings), {"bond": BondSettings()})
        self.now_ns = SECOND
        self.session.connected(self.now_ns)
        self.sent = self.say(positions[0] if positions else hello())

    def say(self, data: bytes, wait_ms: int = 1) -> list[dict[str, Any]]:
        self.now_ns += wait_ms * MS
        return [json.loads(text) for text in self.session.receive(data, self.now_ns).splitlines()]

    def wait(self, span_ms: int) -> list[dict[str, Any]]:
        """Passes time in steps of 100 ms."""
        sent: list[dict[str, Any]] = []
        for _ in range(span_ms // 100):
            self.now_ns += 100 * MS
            sent += [json.loads(text) for text in self.session.tick(self.now_ns).splitlines()]
        return sent

    def found(self, key: str) -> Any:
        return self.session.summary()[key]


@pytest.fixture(params=["c", "py"])
def table(request: pytest.FixtureRequest) -> Table:
    return Table(request.param)


@pytest.fixture(params=["c", "py"])
def build(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# --- open, close --------------------------------------------------------------------------------


def test_a_symbol_with_a_market_and_no_word_for_two_seconds_is_open(table: Table) -> None:
    assert table.say(BOOK) == []
    assert table.wait(1800) == []
    assert table.found("open_inferred") == []
    sent = table.wait(400)
    assert {order["symbol"] for order in sent} == {"BOND"}
    assert table.found("open_inferred") == ["BOND"]


def test_a_trade_counts_as_a_market_too(table: Table) -> None:
    table.say(line(type="trade", symbol="GS", price=8000, size=1))
    table.wait(2200)
    assert table.found("open_inferred") == ["GS"]


def test_a_symbol_that_was_closed_is_not_taken_for_open(table: Table) -> None:
    table.say(OPEN)
    table.say(line(type="close"))
    assert table.session.round_closed
    table.say(BOOK)
    table.wait(3000)
    assert table.found("open_inferred") == []
    assert table.session.round_closed


def test_a_symbol_without_a_market_stays_closed(table: Table) -> None:
    assert table.wait(5000) == []
    assert table.found("open_inferred") == []


# --- a second hello -----------------------------------------------------------------------------


def test_a_second_hello_cancels_our_orders_and_tells_positions(table: Table) -> None:
    orders = table.say(OPEN)
    assert [order["type"] for order in orders] == ["add"]
    sent = table.say(hello(BOND=7, USD=-7000))
    assert sent == [{"type": "cancel", "order_id": orders[0]["order_id"]}]
    assert table.session.positions()["BOND"] == 7
    assert table.session.orders_snapshot() == []
    assert table.found("anomalies") == {"repeated_hello": 1}
    assert table.wait(200)[0]["type"] == "add"  # It is no new round: symbols stay open.


def test_a_flat_second_hello_is_a_new_round(table: Table) -> None:
    order = table.say(OPEN)[0]
    table.say(BOOK + line(type="fill", order_id=order["order_id"], symbol="BOND", dir=order["dir"], price=999,
                          size=10))
    assert table.found("pnl") == 0
    table.say(line(type="trade", symbol="BOND", price=1000, size=1))
    before = table.found("pnl")
    table.say(hello())
    assert table.session.positions()["BOND"] == 0
    assert table.found("pnl") == before
    assert sum(row["pnl"] for row in table.found("strategies").values()) == before
    assert not table.session.round_closed
    assert table.say(OPEN, 200)[0]["type"] == "add"


def test_a_second_hello_that_agrees_changes_nothing(table: Table) -> None:
    table.say(OPEN)
    live = table.session.orders_snapshot()
    assert table.say(hello()) == []
    assert table.session.orders_snapshot() == live


# --- proof of doubt -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "doubt"),
    [
        (lambda order: fill(order["order_id"], order["dir"], order["size"] + 1), "overfill"),
        (lambda order: fill(4000, "BUY", 12_003), "foreign_fill"),
        (
            lambda order: line(type="out", order_id=order["order_id"]) + fill(order["order_id"], "BUY", 1),
            "fill_after_end",
        ),
    ],
)
def test_what_cannot_be_is_reason_to_log_in_anew(table: Table, answers: Any, doubt: str) -> None:
    order = table.say(OPEN)[0]
    assert not table.session.needs_resync
    table.say(answers(order))
    assert table.session.needs_resync
    assert table.session.doubt == doubt
    assert table.found("anomalies")[doubt] == 1
    assert table.wait(1000) == []  # Nothing new leaves until then.


# --- refusals, marks ----------------------------------------------------------------------------


def refused_closer(build: str, held: int = 5, **settings: Any) -> Table:
    """A session that closes a position in a symbol that the exchange keeps closed."""
    table = Table(build, hello(GS=held), **settings)
    table.say(line(type="close") + GS_BOOK)
    table.session.kill(table.now_ns, "operator")
    return table


#: Where the closer asks, in milliseconds, and for how long it is then said to be refused; 0 for nothing said.
STREAKS = [
    ([0, 100], 0),
    ([0, 2500, 4999], 0),
    ([0, 2500, 5000], 5),
    ([0, 2501, 5002], 0),
    ([0, 2000, 4000, 6000, 7000], 7),
    ([0, 2000, 4000, 6000, 7000, 10_000, 12_000, 14_000, 16_000], 7),
    ([0, 2000, 4000, 5000, 8000, 10_000, 12_000, 14_000], 6),
]


@pytest.mark.parametrize(("held", "side"), [(5, "SELL"), (-5, "BUY")])
@pytest.mark.parametrize(("asks_ms", "seconds"), STREAKS)
def test_who_is_refused_for_five_seconds_is_told_with_the_reason(
    build: str, held: int, side: str, asks_ms: list[int], seconds: int
) -> None:
    table = refused_closer(build, held)
    began_ns = table.now_ns + 100 * MS
    for at_ms in asks_ms:
        table.now_ns = began_ns + at_ms * MS
        assert table.session.tick(table.now_ns) == b""
    assert table.found("refusals") == {"symbol_closed": len(asks_ms)}
    refused = {"strategy": "unattributed", "symbol": "GS", "side": side, "reason": "symbol_closed"}
    assert table.found("refused") == ([{**refused, "seconds": seconds}] if seconds else [])


@pytest.mark.parametrize("held", [5, -5])
def test_an_order_that_is_let_through_ends_the_row_of_refusals(build: str, held: int) -> None:
    table = refused_closer(build, held)
    table.wait(4000)
    [order] = table.say(OPEN + GS_BOOK) or table.wait(100)
    table.say(line(type="close") + line(type="out", order_id=order["order_id"]))
    table.wait(4000)
    assert table.found("refused") == []
    table.wait(2000)
    assert [row["seconds"] for row in table.found("refused")] == [5]


def test_who_waits_for_the_message_cap_is_not_told(build: str) -> None:
    # One message a second takes all that the reserve leaves; a login is one that no cap holds back.
    table = refused_closer(build, message_cap=10, cancel_reserve=9)
    for _ in range(8):
        table.session.disconnected(table.now_ns)
        table.session.connected(table.now_ns)
        assert table.say(hello(GS=5) + OPEN + GS_BOOK) + table.wait(900) == []
    assert table.found("refusals")["message_cap"] > 8
    assert table.found("refused") == []


def test_the_rows_of_the_strategies_add_up_after_positions_were_closed(table: Table) -> None:
    order = table.say(OPEN)[0]
    table.say(BOOK)
    side = order["dir"]
    table.say(fill(order["order_id"], side, 10))
    table.session.kill(table.now_ns, "operator")
    for live in table.session.orders_snapshot():
        table.say(line(type="out", order_id=live["order_id"]))
    closer: list[dict[str, Any]] = []
    for _ in range(5):
        closer += [sent for sent in table.say(BOOK, 100) if sent["type"] == "add"]
    assert closer[0]["dir"] != side
    table.say(line(type="fill", order_id=closer[0]["order_id"], symbol="BOND", dir=closer[0]["dir"],
                   price=closer[0]["price"], size=10))
    assert table.session.positions()["BOND"] == 0
    rows = table.found("strategies")
    assert rows["bond"]["fills"] == rows["unattributed"]["fills"] == 1
    assert sum(row["pnl"] for row in rows.values()) == table.found("pnl") != 0


# --- after a pause ------------------------------------------------------------------------------


def test_while_held_nothing_new_leaves_and_no_time_out_runs(build: str) -> None:
    table = Table(build, ack_timeout_ns=SECOND)
    [order] = table.say(OPEN)
    table.now_ns += 15 * SECOND
    assert table.session.hold(table.now_ns) == b""
    assert table.say(BOOK) == []
    assert table.say(line(type="ack", order_id=order["order_id"])) == []
    assert table.wait(3000) == []
    [live] = table.session.orders_snapshot()
    assert live["state"] == "open"
    sent = [json.loads(text) for text in table.session.resume(table.now_ns).splitlines()]
    assert [one["type"] for one in sent] == ["add"]
    assert sent[0]["dir"] != order["dir"]


def test_cancels_leave_while_held(build: str) -> None:
    settings = MarketMakingSettings(averages=1)
    session = make_session(build, SessionSettings(order_cooldown_ns=0), {"market_making": settings})
    session.connected(SECOND)
    trades = b"".join(line(type="trade", symbol="GS", price=8000, size=1) for _ in range(5))
    book = line(type="book", symbol="GS", buy=[[7990, 5]], sell=[[8010, 5]])
    sent = session.receive(hello() + OPEN + book + trades, 2 * SECOND)
    assert b'"add"' in sent
    session.hold(20 * SECOND)
    old = line(type="book", symbol="GS", buy=[[7890, 5]], sell=[[7910, 5]])
    trades = b"".join(line(type="trade", symbol="GS", price=7900, size=1) for _ in range(5))
    sent = session.receive(old + trades, 20 * SECOND + MS)
    assert b'"cancel"' in sent
    assert b'"add"' not in sent


def test_a_hold_ends_with_its_connection(build: str) -> None:
    table = Table(build)
    table.session.hold(table.now_ns)
    table.session.disconnected(table.now_ns)
    table.session.connected(table.now_ns)
    assert table.say(hello() + OPEN)[0]["type"] == "add"
