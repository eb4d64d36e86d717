"""Faults of account, times and messages on the wire: foreign trades, forms of time, unreadable messages."""

import pytest
from tws import SPY, START_NS, Bench

from arbcore.gateway import replies
from arbcore.gateway.faults import parse


def bench_with(*faults, **config):
    """A bench on which the faults are already armed or have happened, and a client that has subscribed."""
    bench = Bench(**config)
    client = bench.client()
    client.send(61, 1)
    client.subscribe(SPY)
    client.messages()
    for name in faults:
        fault = parse(name + "@0")
        bench.gateway.inject(fault)
    return bench, client


def kinds(messages):
    return [f"status {f[2]}" if f[0] == "3" else f"error {f[3]}" if f[0] == "4" else f[0] for f in messages]


FILLED = ["5", "status Submitted", "11", "5", "status Filled", "59", "61"]


def test_a_link_may_be_back_without_a_word():
    _, client = bench_with("link_lost", "link_back_silent")
    assert kinds(client.messages()) == ["error 1100"]
    client.order(SPY, "BUY", 100.0, limit=681.0)
    assert kinds(client.messages()) == FILLED


@pytest.mark.parametrize("shares", [-502.0, 100.0])
def test_a_foreign_trade_is_sent_as_a_position_only(shares):
    bench, client = bench_with(f"foreign_trade={shares:g}")
    (told,) = client.messages()
    assert (told[0], float(told[-2])) == ("61", shares)
    assert {each.quantity for each in bench.gateway.account.positions.values()} == {shares}


@pytest.mark.parametrize(
    ("what", "number"), [("execution", "11"), ("order", "5"), ("status", "3"), ("position", "61")]
)
def test_an_unreadable_message_lacks_its_fields(what, number):
    _, client = bench_with(f"unreadable={what}")
    client.order(SPY, "BUY", 100.0, limit=681.0)
    lengths = [len(message) for message in client.messages() if message[0] == number]
    assert lengths[0] == 4
    assert 4 not in lengths[1:]


@pytest.mark.parametrize(
    ("form", "greeting", "execution"),
    [
        ("new_york", "20261120 10:00:00 US/Eastern", "20261120 10:00:00 US/Eastern"),
        ("utc", "20261120 15:00:00 UTC", "20261120 15:00:00 UTC"),
        ("utc_dash", "20261120-15:00:00", "20261120-15:00:00"),
        ("no_zone", "20261121  00:00:00 JST", "20261121  00:00:00"),
        ("unknown_zone", "20261121 00:00:00 Nowhere/Near", "20261121 00:00:00 Nowhere/Near"),
    ],
)
def test_times_are_written_in_every_form_that_was_seen(form, greeting, execution):
    assert bytes(replies.greeting(178, START_NS, form)[4:]).split(b"\0")[1].decode() == greeting
    _, client = bench_with(f"time_form={form}")
    client.order(SPY, "BUY", 100.0, limit=681.0)
    (done,) = [message for message in client.messages() if message[0] == "11"]
    assert done[15] == execution
