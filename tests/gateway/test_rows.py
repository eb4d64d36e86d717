"""Rows of quotes and their flow control: when a row ends, what a client is told, when the next one comes."""

import math

from tws import CLOCK, DEC26, ES, SECOND, SPY, START_NS, Bench, row, rows

from arbcore.carry.calendar import contract

EXEC = 11


def reader(bench):
    client = bench.client()
    client.subscribe(SPY)
    client.send(1, 11, 900, *CLOCK, False, "", False, False, "")
    return client


def ends(client):
    """Numbers of the rows that have ended, by the clock's last tick."""
    return [float(f[4]) for f in client.messages(2) if f[2] == "900"]


def test_a_row_ends_behind_its_ticks_with_its_time_and_number():
    bench = Bench([row(0), row(1, etf=681.0)], speed=math.inf, waits=True)
    client = reader(bench)
    last = client.messages(1, 2)
    assert [f[2] for f in last[-2:]] == ["900", "900"]
    assert last[-2][3:6] == ["4", repr(START_NS / SECOND), "0.0"]
    assert last[-1][3:] == ["8", "1.0"]
    client.send(69, 1, 0, "1")
    assert [f[2] for f in client.messages(1, 2)] == ["1", "1", "900", "900"]


def test_nanoseconds_survive():
    odd = row(0)._replace(ts_ns=START_NS + 123_456_789)
    client = reader(Bench([odd], speed=math.inf, waits=True))
    *_, price, _ = (f for f in client.messages(1, 2) if f[2] == "900")
    assert int(float(price[4])) * SECOND + int(float(price[5])) == odd.ts_ns


def test_whose_quotes_a_row_has_is_said_when_it_changes_and_ahead_where_the_data_says_so():
    mar27 = contract(2027, 3).expiry_ns
    own = [row(n, expiry_ns=e)._replace(names_expiry=True) for n, e in enumerate((DEC26.expiry_ns, mar27))]
    client = reader(Bench([*own, row(2, expiry_ns=mar27)], speed=math.inf, waits=True))

    def told():
        return [(f[3], round(float(f[4]))) for f in client.messages(1) if f[2] == "900" and f[3] != "4"]

    now, ahead = "1", "2"
    dec26, mar27 = DEC26.expiry_ns // SECOND, mar27 // SECOND
    assert told() == [(now, dec26), (ahead, mar27)]
    client.send(69, 1, 0, "1")
    assert told() == [(now, mar27)]
    client.send(69, 1, 0, "2")
    assert told() == []


def test_a_row_ends_again_behind_the_quotes_of_a_new_subscription():
    bench = Bench(rows(2), speed=math.inf, waits=True)
    client = reader(bench)
    client.messages()
    client.subscribe(ES)
    client.send(69, 1, 0, "1")
    assert ends(client) == [1.0]
    client.send(69, 1, 0, "1")
    assert ends(client) == [2.0]


def test_the_next_row_waits_for_the_clients_word():
    bench = Bench(rows(3), speed=math.inf, waits=True)
    client = reader(bench)
    assert ends(client) == [1.0]
    bench.pass_time(60)
    client.send(69, 1, 0, "7")
    client.send(69, 1, 0, "0")
    assert ends(client) == []
    client.send(69, 1, 0, "1")
    client.send(69, 1, 0, "1")  # said twice, counted once
    assert ends(client) == [2.0]


def test_a_row_ends_again_after_news_of_orders_so_that_fills_can_be_acted_on():
    bench = Bench([row(0), row(1, etf=700.0)], speed=math.inf, waits=True)
    client = reader(bench)
    client.messages()
    client.order(SPY, "BUY", 100.0, limit=681.0)
    client.send(69, 1, 0, "1")
    assert ends(client) == [1.0]
    # What it does now is still done at the row's quotes.
    client.order(SPY, "SELL", 100.0, limit=679.0)
    client.send(69, 1, 0, "1")
    messages = client.messages()
    assert [f[20] for f in messages if f[0] == "11"] == ["680.0"]
    client.send(69, 1, 0, "1")
    assert ends(client) == [2.0]


def test_the_data_ends_with_a_halted_clock_and_what_was_put_off():
    bench = Bench(rows(1), speed=math.inf, waits=True)
    bench.fault("late_fill", 60.0)
    client = reader(bench)
    client.messages()
    client.order(SPY, "BUY", 100.0, limit=681.0)
    client.send(69, 1, 0, "1")
    client.send(69, 1, 0, "1")
    messages = client.messages(EXEC, 45)
    assert [f[0] for f in messages] == ["11", "45"]
    assert messages[-1][2:] == ["900", "49", "1.0"]
    assert bench.gateway.finished


def test_every_reader_must_have_said_so_and_a_lost_one_holds_nothing_up():
    bench = Bench(rows(3), speed=math.inf, waits=True)
    one, two = reader(bench), None
    one.messages()
    two = bench.client(2)
    two.send(1, 11, 900, *CLOCK, False, "", False, False, "")
    assert ends(two) == [1.0]
    one.send(69, 1, 0, "1")
    assert ends(one) == []
    bench.gateway.disconnect(two.conn, 0)
    assert ends(one) == [2.0]


def test_a_reader_that_comes_back_gets_the_row_it_had_not_finished():
    bench = Bench(rows(3), speed=math.inf, waits=True)
    first = reader(bench)
    first.send(69, 1, 0, "1")
    bench.gateway.disconnect(first.conn, 0)
    again = reader(bench)
    assert ends(again) == [2.0]


def test_at_a_finite_speed_rows_come_when_due_and_readers_still_hold_them_up():
    bench = Bench(rows(100), speed=10.0, waits=True)
    client = bench.client()
    bench.pass_time(5)
    client.subscribe(SPY)
    bench.pass_time(1, step=0.05)
    assert bench.gateway.row_number == 11
    client.send(1, 11, 900, *CLOCK, False, "", False, False, "")
    bench.pass_time(1)
    assert bench.gateway.row_number == 11
    client.send(69, 1, 0, "11")
    bench.pass_time(0.2)
    assert bench.gateway.row_number == 12


def test_current_time_is_the_rows():
    bench = Bench(rows(5))
    client = bench.client()
    client.messages()
    bench.pass_time(3)
    client.send(49, 1)
    assert client.messages(49) == [["49", "1", str(START_NS // SECOND + 3)]]
