"""History, streams, linked orders and older versions, on the wire."""

from pathlib import Path

import pytest
from tws import ES, SECOND, SPY, START_NS, Bench, row, rows

from arbcore.gateway import unserved
from arbcore.gateway.history import stretch_of
from arbcore.gateway.messages import NEWEST_VERSION, OLDEST_VERSION

HOUR = 3_600 * SECOND


def bars_of(client, req_id, *, end="", size="5 secs", duration="1 D", what="BID_ASK"):
    version = client.version
    client.send(
        20, *([6] if version < 124 else []), req_id, *SPY, False, end, size, duration, True, what, 2,
        *([False] if version >= 124 else []), "",
    )  # fmt: skip
    return client.messages(17, 4, 106)


def test_bars_are_time_averages_of_both_sides_with_their_extremes():
    prices = [row(at, etf=680.0 + at) for at in range(10)]
    bench = Bench(prices, speed=1.0)
    client = bench.client()
    bench.pass_time(9.0)
    client.messages()
    (message,) = bars_of(client, 5)
    assert message[:2] == ["17", "5"]
    assert message[4] == "2"
    first = message[5:13]
    assert [float(value) for value in first[1:5]] == [682.0, 684.01, 680.0, 682.01]
    assert first[5:] == ["-1", "-1.0", "-1"]


def test_the_thirty_first_request_of_both_sides_in_ten_minutes_is_one_too_many():
    bench = Bench(rows())
    client = bench.client()
    bench.pass_time(20.0)
    codes = []
    for number in range(31):
        bench.now_ns += 3 * SECOND
        bench.gateway.advance(bench.now_ns)
        client.messages()
        (message,) = bars_of(client, 100 + number, duration=f"{10 + number} S")
        codes.append(message[0] if message[0] == "17" else (message[3], "pacing violation" in message[4]))
    assert codes[:30] == ["17"] * 30
    assert codes[30] == ("162", True)


def test_a_whole_file_is_history_before_any_of_it_is_shown():
    bench = Bench(rows(5), [stretch_of(lambda: rows(5))], waits=True)
    client = bench.client()
    client.messages()
    (message,) = bars_of(client, 7, size="1 secs", duration="60 S", what="MIDPOINT")
    assert message[4] == "5"


@pytest.mark.parametrize("duration", ["999999 Y", "999999 S", "999999 D", "1 W"])
@pytest.mark.parametrize("end", ["", "19700101-00:00:00", "00010101 00:00:00", "99991231 23:59:59 UTC"])
@pytest.mark.parametrize("what", ["MIDPOINT", "SCHEDULE", "TRADES"])
def test_spans_beyond_every_time_are_answered(duration, end, what):
    bench = Bench(rows(3), [stretch_of(lambda: rows(3))], waits=True)
    client = bench.client()
    client.messages()
    assert len(bars_of(client, 7, end=end, duration=duration, what=what)) == 1


def schedule_of(end, duration, contract=SPY, *, rth=True):
    client = Bench().client()
    client.messages()
    client.send(20, 7, *contract, False, end, "1 day", duration, rth, "SCHEDULE", 1, False, "")
    ((_, _, first, last, zone, count, *fields),) = client.messages(106)
    sessions = [tuple(fields[at : at + 3]) for at in range(0, len(fields), 3)]
    assert (len(sessions), sessions[0][0], sessions[-1][1]) == (int(count), first, last)
    return zone, sessions


def test_a_schedule_has_the_sessions_around_thanksgiving():
    # 2026-11-26 is Thanksgiving, the Friday after it closes at 13:00.
    zone, sessions = schedule_of("20261130-22:00:00", "3 D")
    assert zone == "US/Eastern"
    assert sessions == [
        ("20261125-09:30:00", "20261125-16:00:00", "20261125"),
        ("20261127-09:30:00", "20261127-13:00:00", "20261127"),
        ("20261130-09:30:00", "20261130-16:00:00", "20261130"),
    ]
    zone, sessions = schedule_of("20261124-22:00:00", "1 D", ES, rth=False)
    assert (zone, sessions) == ("US/Central", [("20261123-17:00:00", "20261124-16:00:00", "20261124")])


#: New York's minutes of Friday 2026-11-20 and of the short one after Thanksgiving, a quote each.
FRIDAY_NS, SHORT_DAY_NS = START_NS - 10 * HOUR, START_NS - 10 * HOUR + 7 * 86_400 * SECOND


def of_a_long_day(midnight_ns, *, first=4 * 60, beyond=20 * 60):
    """Rows at every fifth minute of a date, such as a replay of extended hours has."""
    return [
        row(etf=600.0 + minute / 100)._replace(ts_ns=midnight_ns + minute * 60 * SECOND)
        for minute in range(first, beyond, 5)
    ]


def replay_of(days, **config):
    found = [each for day in days for each in of_a_long_day(day)]
    bench = Bench(found, [stretch_of(lambda: found)], waits=True, **config)
    return bench, bench.client()


def clock_of(midnight_ns, seconds):
    minutes = (int(seconds) * SECOND - midnight_ns) // (60 * SECOND)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def asked_bars(client, contract=SPY, *, size="5 mins", duration="1 D", what="TRADES", rth=True, end=""):
    client.messages()
    client.send(20, 5, *contract, False, end, size, duration, rth, what, 2, False, "")
    ((kind, _, *fields),) = client.messages(17, 4)
    assert kind == "17", fields
    return [fields[3 + at : 3 + at + 8] for at in range(0, len(fields) - 3, 8)]


@pytest.mark.parametrize(
    ("contract", "day_ns", "first", "last", "count"),
    [
        (SPY, FRIDAY_NS, "09:30", "15:55", 78),
        (SPY, SHORT_DAY_NS, "09:30", "12:55", 42),
        # The broker's liquid hours of the future: 08:30 to 16:00 Chicago.
        (ES, FRIDAY_NS, "09:30", "16:55", 90),
        (ES, SHORT_DAY_NS, "09:30", "13:10", 45),
    ],
)
@pytest.mark.parametrize("hours", ["always", "real"])
def test_bars_of_regular_hours_are_those_of_the_contract(contract, day_ns, first, last, count, hours):
    _, client = replay_of([day_ns], hours=hours)
    found = asked_bars(client, contract)
    assert [clock_of(day_ns, found[0][0]), clock_of(day_ns, found[-1][0])] == [first, last]
    assert len(found) == count
    assert len(asked_bars(client, contract, rth=False, duration="2 D")) == 16 * 12


def test_the_first_hour_of_regular_hours_begins_with_them():
    _, client = replay_of([FRIDAY_NS])
    found = asked_bars(client, size="1 hour")
    assert [clock_of(FRIDAY_NS, bar[0]) for bar in found] == [
        "09:30", "10:00", "11:00", "12:00", "13:00", "14:00", "15:00",
    ]  # fmt: skip
    assert [int(bar[7]) for bar in found] == [6, *[12] * 6]


def test_a_day_of_regular_hours_has_their_prices_only():
    _, client = replay_of([FRIDAY_NS])
    ((_, opens, high, low, close, *_),) = asked_bars(client, size="1 day", what="MIDPOINT")
    assert [float(each) for each in (opens, high, low, close)] == [605.705, 609.555, 605.705, 609.555]


def of_a_night(midnight_ns):
    """Rows at every fifth minute from the evening before a date to its 16:55, as a future trades."""
    return of_a_long_day(midnight_ns, first=-6 * 60, beyond=17 * 60)


@pytest.mark.parametrize(
    ("contract", "dates", "opens"),
    [
        # A future's day begins at 18:00 the evening before, and is named by the date that it ends on.
        (ES, ["20261119", "20261120"], -6 * 60),
        (SPY, ["20261118", "20261119", "20261120"], 0),
    ],
)
def test_bars_of_a_day_with_its_night_are_those_of_the_trading_day(contract, dates, opens):
    found = [each for day in (-1, 0) for each in of_a_night(FRIDAY_NS + day * 86_400 * SECOND)]
    client = Bench(found, [stretch_of(lambda: found)], waits=True).client()
    bars = asked_bars(client, contract, size="1 day", what="MIDPOINT", rth=False, duration="5 D")
    assert [bar[0] for bar in bars] == dates
    begins = FRIDAY_NS + opens * 60 * SECOND
    (first,) = (each for each in found if each.ts_ns == begins)
    bid, ask = (first.fut_bid, first.fut_ask) if contract is ES else (first.etf_bid, first.etf_ask)
    assert float(bars[-1][1]) == pytest.approx((bid + ask) / 2)
    # A day of a duration is such a day too.
    hours = asked_bars(client, contract, size="1 hour", what="MIDPOINT", rth=False, duration="1 D")
    assert int(hours[0][0]) * SECOND == begins


def test_a_future_is_quoted_over_midnight_and_not_over_its_pause():
    thursday, friday = (of_a_night(FRIDAY_NS + day * 86_400 * SECOND) for day in (-1, 0))
    client = Bench(thursday + friday, [stretch_of(lambda: thursday + friday)], waits=True).client()
    end = "20261120-05:03:00"  # 00:03 in New York
    bars = asked_bars(client, ES, size="1 min", what="MIDPOINT", rth=False, duration="300 S", end=end)
    assert [clock_of(FRIDAY_NS, bar[0]) for bar in bars] == ["-1:58", "-1:59", "00:00", "00:01", "00:02"]
    end = "20261119-23:03:00"  # 18:03 the evening before
    bars = asked_bars(client, ES, size="1 min", what="MIDPOINT", rth=False, duration="600 S", end=end)
    assert clock_of(FRIDAY_NS, bars[0][0]) == "-6:00"


def test_spans_that_follow_each_other_have_the_bars_of_one():
    found = [row(at * 7, etf=600.0 + at) for at in range(30)]
    client = Bench(found, [stretch_of(lambda: found)], waits=True).client()

    def bars(seconds, end):
        clock = f"20261120-15:{end // 60:02d}:{end % 60:02d}"
        return asked_bars(client, size="5 secs", what="BID_ASK", duration=f"{seconds} S", end=clock)

    whole = bars(120, 120)
    assert len(whole) == 24
    # The bar before the cut has no quote of its own.
    assert bars(20, 20) + bars(100, 120) == whole


def test_a_bar_of_a_day_that_goes_on_is_the_whole_day():
    begins = FRIDAY_NS - 6 * HOUR
    ahead = [row(at)._replace(ts_ns=begins + 2 * HOUR + at * SECOND) for at in range(12)]
    past = [row(etf=500.0)._replace(ts_ns=begins)]
    bench = Bench(ahead, [stretch_of(lambda: past)], speed=1.0, hours="always")
    client = bench.client()
    client.subscribe()
    bench.pass_time(3.0)
    client.send(20, 5, *ES, False, "", "1 day", "2 D", False, "MIDPOINT", 1, True, "")
    client.messages()
    bench.pass_time(3.0)
    told = client.messages(90)
    assert {fields[3] for fields in told} == {"20261120"}
    assert len({fields[4] for fields in told}) == 1


def test_a_day_that_was_over_is_the_last_one_with_regular_hours():
    saturday = FRIDAY_NS + 86_400 * SECOND
    _, client = replay_of([FRIDAY_NS, saturday])
    found = asked_bars(client)
    assert (clock_of(FRIDAY_NS, found[0][0]), len(found)) == ("09:30", 78)
    night = of_a_long_day(FRIDAY_NS + 3 * 86_400 * SECOND, beyond=8 * 60)
    bench = Bench([*of_a_long_day(FRIDAY_NS), *night], [stretch_of(lambda: of_a_long_day(FRIDAY_NS) + night)])
    found = asked_bars(bench.client())
    assert (clock_of(FRIDAY_NS, found[0][0]), len(found)) == ("09:30", 78)


def test_ticks_and_the_first_time_are_of_regular_hours_where_that_is_asked():
    _, client = replay_of([FRIDAY_NS])
    client.messages()
    for rth, ends in ((True, ["09:30", "15:55"]), (False, ["04:00", "19:55"])):
        client.send(87, 1, *SPY, False, rth, "TRADES", 2)
        ((_, _, head),) = client.messages(88)
        assert clock_of(FRIDAY_NS, head) == ends[0]
        client.send(96, 2, *SPY, False, "", "20261123-00:00:00", 1000, "MIDPOINT", rth, False, "")
        ((_, _, count, *fields),) = client.messages(96)
        times = fields[0 : 4 * int(count) : 4]
        assert [clock_of(FRIDAY_NS, times[0]), clock_of(FRIDAY_NS, times[-1])] == ends


def test_quotes_whose_sizes_alone_change_are_left_out_where_that_is_asked():
    found = [row(at, etf=680.0 + at // 2, etf_size=100.0 + at) for at in range(6)]
    bench = Bench(found, [stretch_of(lambda: found)], speed=1.0)
    client = bench.client()
    client.messages()
    for ignored, count in ((True, 3), (False, 6)):
        client.send(96, 2, *SPY, False, "", "20261123-00:00:00", 10, "BID_ASK", False, ignored, "")
        ((_, _, got, *_),) = client.messages(97)
        assert int(got) == count
    client.send(97, 10, *SPY, "BidAsk", 0, False)
    client.send(97, 11, *SPY, "BidAsk", 0, True)
    bench.pass_time(10.0)
    told = client.messages(99)
    assert [sum(fields[1] == req_id for fields in told) for req_id in ("11", "10")] == [3, 6]


def test_ticks_one_by_one_begin_with_as_many_past_ones_as_are_asked_for():
    bench = Bench(speed=1.0)
    client = bench.client()
    client.subscribe()
    bench.pass_time(10.0)
    client.messages()
    client.send(97, 9, *SPY, "MidPoint", 4, False)
    (past, *_) = client.messages()
    assert past[:3] == ["96", "9", "4"]


def test_bars_that_go_on_stop_with_the_regular_hours():
    close = FRIDAY_NS + 16 * HOUR
    ahead = [row(at)._replace(ts_ns=close + (at - 6) * SECOND) for at in range(12)]
    for hours, beyond in (("real", False), ("always", True)):
        bench = Bench(ahead, hours=hours, speed=1.0)
        client = bench.client()
        client.send(20, 5, *SPY, False, "", "1 secs", "60 S", True, "MIDPOINT", 2, True, "")
        client.send(50, 3, 6, *SPY, 5, "MIDPOINT", True, "")
        client.subscribe()
        bench.pass_time(15.0)
        told = client.messages(90, 50)
        kept_up = {int(fields[3]) * SECOND >= close for fields in told if fields[0] == "90"}
        live = {int(fields[3]) * SECOND >= close for fields in told if fields[0] == "50"}
        assert kept_up == live == ({False, True} if beyond else {False})


@pytest.mark.parametrize("version", [100, 101, 103, 111, 124, 131, 136, 145, 150, 157, 163, 166, 176, 178])
def test_every_version_gets_an_order_and_its_fill(version):
    client = Bench().client(versions=f"v{version}..{version}")
    assert client.version == version
    client.messages()
    plain = [
        3, *([45] if version < 145 else []), 1, *SPY, "", "", "BUY", 100, "MKT", "", "", "DAY", "", "", "", 0,
        "", True, 0, False, False, 0, 0, False, False, "", 0, "", "", "", "", "",
        *([""] if version < 177 else []), *([""] if version >= 103 else []), 0, "", -1, 0, *[""] * 17, "", "",
        *[""] * 6, "", "", "", "", "", *[""] * 4, False, "", "", False, "",
    ]  # fmt: skip
    client.send(*plain)
    told = client.messages()
    kinds = [fields[0] for fields in told]
    assert {"3", "5", "11"} <= set(kinds)
    assert "4" not in kinds
    status = next(fields for fields in told if fields[0] == "3" and "Filled" in fields)
    assert len(status) == 12
    assert (status[1] == "6") == (version < 131)


@pytest.mark.parametrize("number", sorted(set(unserved.ERRORS)))
def test_what_is_not_served_ends_in_an_error_that_is_no_warning(number):
    client = Bench().client()
    client.messages()
    fields = ["9"] * 30
    client.send(number, *fields)
    ((req_id, code),) = client.errors()
    assert req_id == 9
    assert code not in unserved.TAKEN_FOR_WARNINGS


@pytest.mark.parametrize("number", sorted({*unserved.EMPTY, 19}))
def test_what_waits_for_a_list_gets_an_empty_one(number):
    client = Bench().client()
    client.messages()
    client.send(number, *["9"] * 8)
    (message,) = client.messages()
    assert message[0] != "4"


def test_the_page_of_the_gateway_names_whatever_is_not_served():
    page = (Path(__file__).parents[2] / "docs" / "gateway.md").read_text(encoding="utf-8")
    names = {name for name, _ in (*unserved.ERRORS.values(), *unserved.EMPTY.values())}
    assert [name for name in sorted(names | {"replaceFA"}) if f"`{name}`" not in page] == []


@pytest.mark.parametrize(("versions", "newest"), [("v201..225", NEWEST_VERSION), ("v38..99", OLDEST_VERSION)])
def test_a_greeting_that_cannot_be_spoken_is_answered_and_logged(versions, newest):
    bench = Bench()
    client = bench.client(versions=versions)
    greeting, error = client.messages()
    assert greeting[0] == str(newest)
    assert error[3] in {"503", "505"}
    assert "server versions 100 to 178" in bench.gateway.log[-1]


# --- linked orders ------------------------------------------------------------------------------------


def statuses(client):
    return {int(fields[1]): fields[2] for fields in client.messages(3)}


def bracket(client):
    parent = client.order(SPY, limit=600.0, tif="DAY", transmit=False)
    target = client.order(SPY, "SELL", limit=690.0, tif="GTC", parent=parent, transmit=False)
    stop = client.order(SPY, "SELL", kind="STP", tif="GTC", parent=parent, aux=650.0)
    return parent, target, stop


def test_nothing_of_a_bracket_works_before_its_last_order_is_sent():
    client = Bench().client()
    client.messages()
    parent = client.order(SPY, limit=600.0, tif="DAY", transmit=False)
    assert statuses(client) == {}
    child = client.order(SPY, "SELL", limit=690.0, tif="DAY", parent=parent)
    assert statuses(client) == {parent: "Submitted", child: "PreSubmitted"}


def test_a_parents_cancel_takes_the_children():
    client = Bench().client()
    client.messages()
    ids = bracket(client)
    client.messages()
    client.send(4, 1, ids[0], "")
    assert statuses(client) == dict.fromkeys(ids, "Cancelled")


def test_a_filled_child_cancels_its_sibling():
    bench = Bench([row(0), row(1, etf=599.0), row(2, etf=649.0), row(3, etf=649.0)])
    client = bench.client()
    ids = bracket(client)
    bench.pass_time(4.0)
    assert statuses(client) == dict(zip(ids, ("Filled", "Cancelled", "Filled"), strict=True))


@pytest.mark.parametrize(
    ("action", "stop", "path", "filled"),
    [
        ("SELL", 670.0, [680.0, 675.0, 669.0], True), ("SELL", 670.0, [680.0, 675.0, 671.0], False),
        ("BUY", 690.0, [680.0, 685.0, 691.0], True), ("BUY", 690.0, [680.0, 685.0, 689.0], False),
    ],
)  # fmt: skip
def test_a_stop_waits_for_its_price(action, stop, path, filled):
    bench = Bench([row(at, etf=price) for at, price in enumerate(path)])
    client = bench.client()
    order_id = client.order(SPY, action, kind="STP", aux=stop, tif="DAY")
    bench.pass_time(4.0)
    assert (statuses(client)[order_id] == "Filled") == filled


def test_a_fill_in_a_group_ends_the_others():
    bench = Bench([row(0), row(1, etf=650.0), row(2, etf=650.0)])
    client = bench.client()
    one = client.order(SPY, limit=660.0, tif="DAY", group="either")
    other = client.order(ES, limit=6_000.0, quantity=1.0, tif="DAY", group="either")
    bench.pass_time(3.0)
    assert statuses(client) == {one: "Filled", other: "Cancelled"}


def test_fill_or_kill_takes_all_or_nothing():
    client = Bench(rows(etf_size=500.0)).client()
    client.messages()
    whole = client.order(SPY, quantity=500.0, limit=681.0, tif="FOK")
    assert statuses(client)[whole] == "Filled"
    bench = Bench(rows(etf_size=500.0))
    client = bench.client()
    more = client.order(SPY, quantity=501.0, limit=681.0, tif="FOK")
    assert statuses(client)[more] == "Cancelled"
