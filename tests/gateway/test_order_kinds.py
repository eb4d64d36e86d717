"""Kinds of orders on the wire: for the close, until a time, a stop with a limit; and the ticks of a day."""

import pytest
from tws import SECOND, SPY, START_NS, Bench, row, rows

#: START_NS is 10:00 in New York.
CLOSE_S = 6 * 3600


def at(seconds, etf=680.0, **changes):
    """A row so many seconds after the start."""
    return row(0, etf=etf, **changes)._replace(ts_ns=START_NS + round(seconds * SECOND))


def histories(client):
    """Every status of each order, in order, without repeats."""
    found = {}
    for fields in client.messages(3):
        seen = found.setdefault(int(fields[1]), [])
        if not seen or seen[-1] != fields[2]:
            seen.append(fields[2])
    return found


def played(source, *orders, **config):
    """The statuses of each order, and (price, seconds after the start) of each fill."""
    bench = Bench(source, speed=1e6, **config)
    client = bench.client()
    for words in orders:
        client.order(SPY, words.pop("action", "BUY"), **words)
    bench.pass_time(0.2, step=0.0001)
    return histories(client), [(view.price, (view.time_ns - START_NS) / SECOND) for view in fills(bench)]


def fills(bench):
    return [done.view for done in bench.gateway.account.executions.values()]


# --- at the close -------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", ["always", "real"])
def test_an_order_for_the_close_waits_for_it_and_takes_the_price_there(hours):
    source = [at(0), at(60, 670.0), at(CLOSE_S - 1, 690.0), at(CLOSE_S, 700.0), at(CLOSE_S + 1, 710.0)]
    statuses, done = played(source, {"kind": "MOC", "tif": "DAY"}, hours=hours)
    assert statuses == {1: ["PreSubmitted", "Filled"]}
    assert done == [(700.01, CLOSE_S)]


def test_an_order_for_the_close_takes_the_first_quote_after_it_where_there_is_none_at_it():
    source = [at(0), at(CLOSE_S - 1, 690.0), at(CLOSE_S + 30, 710.0)]
    statuses, done = played(source, {"kind": "MOC", "tif": "DAY", "action": "SELL"})
    assert statuses == {1: ["PreSubmitted", "Filled"]}
    assert done == [(710.0, CLOSE_S + 30)]


def test_an_order_for_the_close_can_be_cancelled_before_it():
    bench = Bench(rows())
    client = bench.client()
    order_id = client.order(SPY, kind="MOC", tif="DAY")
    client.send(4, 1, order_id, "")
    assert histories(client) == {order_id: ["PreSubmitted", "Cancelled"]}
    assert not fills(bench)


# --- until a time -------------------------------------------------------------------------------------


def until(text, source, **words):
    return played(source, {"limit": 670.0, "tif": "GTD", "good_till": text, **words})


@pytest.mark.parametrize(
    "text",
    [
        "20261120 10:00:10 US/Eastern", "20261120-15:00:10", "20261120 10:00:10",
        "20261120 09:00:10 US/Central",
    ],
)  # fmt: skip
def test_an_order_until_a_time_ends_at_it(text):
    statuses, done = until(text, [at(0), at(9), at(10), at(11, 660.0)])
    assert statuses == {1: ["Submitted", "Cancelled"]}
    assert not done


def test_an_order_until_a_time_fills_before_it():
    statuses, done = until("20261120 10:00:10 US/Eastern", [at(0), at(9, 660.0), at(11)])
    assert statuses == {1: ["Submitted", "Filled"]}
    assert done == [(660.01, 9.0)]


def test_a_date_alone_is_the_whole_of_that_day():
    night = 13 * 3600 + 1_800
    statuses, _ = until("20261120", [at(0), at(night)])
    assert statuses == {1: ["Submitted"]}
    statuses, _ = until("20261120", [at(0), at(14 * 3600)])
    assert statuses == {1: ["Submitted", "Cancelled"]}


@pytest.mark.parametrize(
    ("text", "code"), [("", 391), ("tomorrow", 391), ("20261120 09:59:59 US/Eastern", 201), ("20261119", 201)]
)
def test_an_end_that_is_none_or_over_is_refused(text, code):
    bench = Bench(rows())
    client = bench.client()
    client.messages()
    order_id = client.order(SPY, limit=600.0, tif="GTD", good_till=text)
    assert client.errors() == [(order_id, code)]


# --- a stop with a limit ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "history", "done"),
    [
        ([680.0, 684.99, 684.98], ["PreSubmitted"], []),
        # The touch jumps over the limit: it works, and fills when the price comes back to it.
        ([680.0, 690.0, 690.0], ["PreSubmitted", "Submitted"], []),
        ([680.0, 690.0, 685.5], ["PreSubmitted", "Submitted", "Filled"], [(685.51, 2.0)]),
        ([680.0, 685.5, 600.0], ["PreSubmitted", "Filled"], [(685.51, 1.0)]),
    ],
)
def test_a_stop_with_a_limit_buys_above_its_stop_and_not_above_its_limit(path, history, done):
    words = {"kind": "STP LMT", "aux": 685.01, "limit": 686.0, "tif": "GTC"}
    statuses, found = played([at(number, price) for number, price in enumerate(path)], words)
    assert (statuses, found) == ({1: history}, done)


@pytest.mark.parametrize("missing", ["aux", "limit"])
def test_a_stop_with_a_limit_needs_both_prices(missing):
    client = Bench(rows()).client()
    client.messages()
    words = {"aux": 685.0, "limit": 686.0} | {missing: None}
    order_id = client.order(SPY, kind="STP LMT", tif="GTC", **words)
    assert client.errors() == [(order_id, 201)]


def test_a_child_says_that_it_works_when_its_parent_is_filled():
    bench = Bench([at(0), at(1), at(2, 660.0), at(3, 660.0)], speed=1.0)
    client = bench.client()
    parent = client.order(SPY, limit=670.0, tif="DAY", transmit=False)
    child = client.order(SPY, "SELL", limit=720.0, tif="DAY", parent=parent)
    bench.pass_time(3.0)
    assert histories(client) == {parent: ["Submitted", "Filled"], child: ["PreSubmitted", "Submitted"]}


# --- the day's ticks ----------------------------------------------------------------------------------


def test_the_days_ticks_follow_the_trades():
    # By the gateway's rule each row is a trade at its bid or ask; with a touch of no width they are the same.
    prices = [680.0, 690.0, 670.0, 685.0]
    source = [at(number, price)._replace(etf_ask=price) for number, price in enumerate(prices)]
    bench = Bench(source, speed=1.0)
    client = bench.client()
    client.shows_day = True
    client.subscribe()
    bench.pass_time(4.0)
    last = {}
    for fields in client.messages(1, 2):
        last[(int(fields[0]), int(fields[3]))] = float(fields[4])
    assert last[1, 4] == 685.0  # last
    assert (last[1, 14], last[1, 6], last[1, 7]) == (680.0, 690.0, 670.0)  # open, high, low
    assert (last[2, 5], last[2, 8]) == (100.0, 400.0)  # 100 shares a row


def test_a_new_day_begins_its_ticks_anew_and_closes_the_old_one():
    day_s = 24 * 3600
    source = [at(0, 680.0), at(1, 684.0), at(3 * day_s, 690.0)]
    source = [each._replace(etf_ask=each.etf_bid) for each in source]
    bench = Bench(source, speed=1e6)
    client = bench.client()
    client.shows_day = True
    client.subscribe()
    bench.pass_time(0.5, step=0.01)
    last = {}
    for fields in client.messages(1, 2):
        last[(int(fields[0]), int(fields[3]))] = float(fields[4])
    assert (last[1, 9], last[1, 14], last[2, 8]) == (684.0, 690.0, 100.0)  # close, open, volume
