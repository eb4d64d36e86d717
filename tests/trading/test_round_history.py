"""What a session's records say: fates of orders, markouts of fills, positions and P&L, round by round."""

import random

import pytest

from arbcore.play.round_record import limits_of
from arbcore.play.rounds import RoundPlan, compiled_session, play
from arbcore.play.simulate import RECORDS
from arbcore.trading import journal
from arbcore.trading.round_history import NOBODY, SAMPLES_MAX, TRADES_HEADER, Fate, RoundHistory
from arbcore.wire import _encode as wire

SECOND_NS = 1_000_000_000


def started(positions=None, cash=0):
    """A history after login and open, at 10 s."""
    history = RoundHistory()
    history.take(journal.CONNECT, 9 * SECOND_NS)
    hear(history, 10.0, wire.hello_positions(positions or {}, cash), wire.opened(["BOND", "GS", "XLF"]))
    return history


def hear(history, at_s, *lines):
    history.take(journal.IN, round(at_s * SECOND_NS), b"".join(lines))


def say(history, at_s, *lines, strategy="mine"):
    for line in lines:
        history.own([{"order_id": int(line.split(b'"order_id":')[1].split(b",")[0]), "strategy": strategy}])
    history.take(journal.OUT, round(at_s * SECOND_NS), b"".join(lines))


def bid(order_id, *, price=100, size=4, symbol="GS"):
    return wire.add(order_id, symbol, "BUY", price=price, size=size)


def bought(order_id, *, price=100, size=4, symbol="GS"):
    return wire.fill(order_id, symbol, "BUY", price=price, size=size)


def middle(price, symbol="GS"):
    return wire.book(symbol, [[price - 1, 5]], [[price + 1, 5]])


def test_markouts_are_what_the_middle_did_after_the_fill():
    history = started()
    say(history, 11.0, bid(1))
    hear(history, 12.0, middle(101))
    hear(history, 13.0, bought(1))
    for at_s, price in ((13.9, 103), (14.1, 99), (17.9, 108), (18.1, 50), (43.5, 60)):
        hear(history, at_s, middle(price))
    (fill,) = history.fills
    assert (fill.round, fill.time_s, fill.position, fill.middle, fill.strategy) == (1, 3.0, 4, 101.0, "mine")
    assert fill.markouts == [3.0, 8.0, -50.0]
    (row,) = history.earnings()
    assert (row["spread"], row["moved"], row["markouts"]) == (4.0, -51.0 * 4, [3.0, 8.0, -50.0])
    header, line = TRADES_HEADER.split(","), next(history.trade_rows()).split(",")
    assert dict(zip(header, line, strict=True))["markout_30s"] == "-50"
    assert line[:9] == ["1", "3.000", "1", "mine", "GS", "BUY", "100", "4", "4"]


def test_a_sale_gains_where_the_price_falls():
    history = started()
    say(history, 11.0, wire.add(1, "GS", "SELL", price=100, size=2))
    hear(history, 12.0, middle(99), wire.fill(1, "GS", "SELL", price=100, size=2))
    hear(history, 13.5, middle(90))
    history.finish()
    assert history.fills[0].markouts == [1.0, None, None]
    assert history.fills[0].position == -2
    assert history.results[1] == {NOBODY: 0, "mine": 20.0}


@pytest.mark.parametrize("end", [wire.closed(["GS"]), wire.hello_positions({}, 0)], ids=["close", "hello"])
def test_no_markout_reaches_over_a_rounds_end(end):
    history = started()
    say(history, 11.0, bid(1))
    hear(history, 12.0, middle(100), bought(1))
    hear(history, 14.0, middle(105))
    hear(history, 15.0, end)
    hear(history, 16.0, wire.opened(["GS"]), middle(500))
    hear(history, 60.0, middle(500))
    assert history.fills[0].markouts == [0.0, None, None]


@pytest.mark.parametrize(
    ("lines", "fate", "filled"),
    [
        ((), Fate.LIVE, 0),
        ((wire.ack(1),), Fate.LIVE, 0),
        ((wire.ack(1), bought(1)), Fate.FILLED, 4),
        ((bought(1), wire.ack(1), wire.out(1)), Fate.FILLED, 4),
        ((wire.ack(1), bought(1, size=1), bought(1, size=3), wire.out(1)), Fate.FILLED, 4),
        ((wire.ack(1), bought(1, size=1)), Fate.LIVE, 1),
        ((wire.ack(1), bought(1, size=1), wire.out(1)), Fate.PART, 1),
        ((wire.ack(1), wire.out(1), wire.out(1)), Fate.OUT, 0),
        ((wire.reject(1, "LIMIT:PRICE_BAND"),), Fate.REJECTED, 0),
        ((wire.out(7), wire.ack(8), wire.ack(1)), Fate.LIVE, 0),
    ],
)
def test_the_fate_of_an_order(lines, fate, filled):
    history = started()
    say(history, 11.0, bid(1))
    hear(history, 12.0, *lines)
    (order,) = history.orders
    assert (order.fate, order.filled) == (fate, filled)
    assert history.fates() == {"mine": dict.fromkeys((other.value for other in Fate), 0) | {fate.value: 1}}
    assert history.rejects() == ({"LIMIT:PRICE_BAND": 1} if fate is Fate.REJECTED else {})
    history.take(journal.DISCONNECT, 13 * SECOND_NS)
    assert order.fate is (Fate.LOST if fate is Fate.LIVE else fate)


def test_a_conversion_moves_shares_and_costs_its_fee_once_acknowledged():
    history = started()
    say(history, 11.0, wire.convert(1, "XLF", "BUY", size=20))
    hear(history, 11.5, middle(1000, "BOND"), middle(100), middle(330, "XLF"))
    history.finish()
    assert history.results[1] == {NOBODY: 0}
    hear(history, 12.0, wire.ack(1))
    history.finish()
    held = history.samples[-1].positions
    assert {name: shares for name, shares in held.items() if shares} == {
        "XLF": 20, "BOND": -6, "GS": -4, "MS": -6, "WFC": -4,
    }  # fmt: skip
    assert history.results[1]["mine"] == -100 + 20 * 330 - 6 * 1000 - 4 * 100
    assert history.orders[0].fate is Fate.CONVERTED


def test_a_new_round_begins_at_nothing_and_a_reconnect_keeps_what_is_held():
    history = started()
    say(history, 11.0, bid(1))
    hear(history, 12.0, middle(100), wire.ack(1), bought(1))
    history.take(journal.DISCONNECT, 13 * SECOND_NS)
    history.take(journal.CONNECT, 14 * SECOND_NS)
    hear(history, 15.0, wire.hello_positions({"GS": 4}, -400))
    assert (history.round, history.samples[-1].positions["GS"]) == (1, 4)
    hear(history, 16.0, wire.closed(["BOND", "GS", "XLF"]))
    hear(history, 20.0, wire.hello_positions({}, 0), wire.opened(["GS"]))
    hear(history, 21.5, middle(200))
    assert (history.round, history.samples[-1].positions["GS"]) == (2, 0)
    assert sum(history.samples[-1].pnl.values()) == 0
    assert list(history.opened_ns.values()) == [10 * SECOND_NS, 20 * SECOND_NS]


def test_what_the_exchange_knows_better_is_nobodys():
    history = started({"GS": 3}, -250)
    hear(history, 12.0, middle(100))
    history.finish()
    assert history.results[1] == {NOBODY: 50.0}
    hear(history, 13.0, bought(99, size=2))
    history.finish()
    assert (history.fills[0].strategy, history.fills[0].position) == (NOBODY, 5)


def test_garbage_is_counted_and_everything_else_is_read():
    history = started()
    hear(history, 11.0, b"not json\n", b'{"type":"fill"}\n', middle(100))
    history.take(journal.OUT, 11 * SECOND_NS, b"neither\n" + bid(1))
    assert (history.bad_lines, len(history.orders)) == (3, 1)
    assert history.orders[0].strategy == NOBODY


def test_a_long_session_has_a_bounded_number_of_samples_that_reach_its_end():
    history = started()
    for tenth in range(3 * SAMPLES_MAX):
        history.take(journal.TICK, (10 * SECOND_NS) + tenth * SECOND_NS // 10)
    history.finish()
    assert SAMPLES_MAX // 4 < len(history.samples) <= SAMPLES_MAX
    assert history.samples[-1].at_ns == history.last_ns


def test_nothing_at_all():
    history = RoundHistory()
    history.finish()
    document = history.document()
    assert [document[key] for key in ("orders", "fills", "samples", "seconds")] == [[], [], [], 0]
    assert list(history.trade_rows()) == []


def test_a_name_with_a_comma_stays_one_cell():
    history = started()
    say(history, 11.0, bid(1), strategy='a,"b"')
    hear(history, 12.0, bought(1))
    assert ',"a,""b""",GS,' in next(history.trade_rows())


@pytest.mark.parametrize("storm", ["none", "slices", "cuts"])
@pytest.mark.parametrize("seed", [3, 4])
def test_it_agrees_with_the_session_itself(seed, storm):
    """The session keeps its own books in another way: counts, positions and P&L must be the same."""
    history, held = RoundHistory(), []

    def make(settings, chosen):
        held.append(compiled_session(settings, chosen))
        return held[0]

    def observe(now_ns, what, data):
        if what == "out":
            history.own_sent(held[0], data)
        history.take(RECORDS[what], now_ns, data)

    summary = play(RoundPlan(seed, storm=storm, round_ns=20 * SECOND_NS), make, observer=observe).summary
    history.finish()
    assert len(history.fills) == summary["fills"] > 20
    assert len(history.orders) == summary["orders_sent"] + summary["converts_sent"]
    assert history.cancels == summary["cancels_sent"]
    assert history.samples[-1].positions == summary["positions"]
    # The session's own middle of each symbol is rounded down to a whole tick.
    rounding = sum(abs(shares) for shares in summary["positions"].values()) / 2
    assert abs(sum(history.results[1].values()) - held[0].pnl_at_middle()) <= rounding
    sent = {name: row["orders"] for name, row in summary["strategies"].items() if row["orders"]}
    assert {name: sum(row.values()) for name, row in history.fates().items()} == sent
    assert limits_of(held[0]) == history.limits


def test_it_does_not_matter_how_the_bytes_were_cut():
    lines = [middle(100), wire.ack(1), bought(1, size=1), middle(103), bought(1, size=3), wire.out(1)]
    found = []
    for seed in range(20):
        history = started()
        say(history, 11.0, bid(1))
        data, rng = b"".join(lines), random.Random(seed)
        while data:
            at = rng.randrange(1, len(data) + 1) if seed else len(data)
            history.take(journal.IN, 12 * SECOND_NS, data[:at])
            data = data[at:]
        history.finish()
        found.append(history.document())
    assert all(document == found[0] for document in found)
