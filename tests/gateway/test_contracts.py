"""What is listed, how it is found, and when it trades."""

import itertools

import pytest
from tws import START_NS

from arbcore.carry.pairs import DEFAULT_PAIR, PAIRS
from arbcore.core.civil import NS_PER_DAY, NS_PER_HOUR
from arbcore.gateway import contract_table as contracts
from arbcore.gateway.contract_table import etf_listing, find, futures, is_liquid, liquid_hours, trading_hours
from arbcore.gateway.messages import ContractQuery

SPY = etf_listing(DEFAULT_PAIR)


def query(symbol="", sec_type="", last_trade="", *, con_id=0, exchange="", multiplier="", local=""):
    return ContractQuery(con_id, symbol, sec_type, last_trade, "", multiplier, exchange, "", "USD", local, "")


def names(asked, **options):
    return [listing.local_symbol for listing in find(asked, START_NS, **options)]


def test_several_expiries_are_listed_the_front_one_first():
    assert names(query("ES", "FUT", exchange="CME")) == ["ESZ6", "ESH7", "ESM7", "ESU7", "ESZ7"]
    assert names(query("MES", "FUT"))[:2] == ["MESZ6", "MESH7"]


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (query("ES", "FUT", "20261218"), "ESZ6"),
        (query("ES", "FUT", "202703"), "ESH7"),
        (query("ES", "CONTFUT", exchange="GLOBEX"), "ESZ6"),
        (query(local="ESM7"), "ESM7"),
        (query(con_id=756_733), "SPY"),
        (query("SPY", "STK", exchange="SMART"), "SPY"),
        (query("SPY", "STK", exchange="ARCA"), "SPY"),
        (query("CLOCK", "IND", exchange="ARBCORE"), "CLOCK"),
    ],
)
def test_a_full_query_finds_one(asked, name):
    assert names(asked) == [name]


@pytest.mark.parametrize(
    "asked",
    [
        query(), query("TLT", "STK"), query("ES", "FUT", "20261219"), query("ES", "FUT", "202603"),
        query("SPY", "STK", exchange="LSE"), query("ES", "FUT", multiplier="5"), query(con_id=1),
        query("TLT", con_id=756_733),
    ],
)  # fmt: skip
def test_what_is_not_listed_is_not_found(asked):
    assert find(asked, START_NS) == []


def test_expired_contracts_are_found_where_asked_for():
    assert names(query("ES", "FUT", "202603"), include_expired=True) == ["ESH6"]


def test_expiries_are_the_calendars():
    # Juneteenth is the third Friday of June 2026: the day before.
    (june,) = find(query("ES", "FUT", "202606"), START_NS, include_expired=True)
    assert june.expiry_text == "20260618"
    assert (june.multiplier, june.tick, june.contract_month) == (50, 0.25, "202606")


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_every_pair_is_listed_as_its_exchange_has_it(pair):
    front, *later = find(query(pair.future, "FUT", exchange=pair.exchange), START_NS)
    assert len(later) == 4
    assert (front.local_symbol, front.expiry_text) == (f"{pair.future}Z6", "20261218")
    assert (front.tick, front.multiplier, front.long_name) == (pair.tick, pair.multiplier, pair.title)
    (etf,) = find(query(pair.etf, "STK", exchange="SMART"), START_NS)
    assert (etf.con_id, etf.tick, etf.primary_exchange) == (
        pair.index.etf_con_id, 0.01, pair.index.etf_exchange,
    )  # fmt: skip
    (index,) = find(query(pair.index.symbol, "IND"), START_NS)
    assert (front.underlying_id, front.index) == (index.con_id, etf.index)


def test_the_smallest_multiplier_is_written_as_the_exchange_writes_it():
    texts = {each.symbol: each.multiplier_text for each in futures()}
    assert texts == {
        "ES": "50", "MES": "5", "NQ": "20", "MNQ": "2", "RTY": "50", "M2K": "5", "YM": "5", "MYM": "0.5",
    }  # fmt: skip


def test_ids_are_unique():
    listed = [*contracts._fixed(), *futures()]
    assert len({each.con_id for each in listed}) == len(listed)
    assert all(contracts.listing_of(each.con_id) is each for each in listed)


def test_always_open_has_no_gap_between_two_days():
    (es,) = find(query(local="ESZ6"), START_NS)
    for text in (trading_hours(es, START_NS, rule="always"), liquid_hours(SPY, START_NS, rule="always")):
        spans = [part.split("-") for part in text.split(";")]
        assert all(before[1] == after[0] for before, after in itertools.pairwise(spans))
        assert spans[1][0] == "20261120:0000"
    assert is_liquid(SPY, START_NS + 2 * NS_PER_DAY, rule="always")


def test_real_hours_follow_the_calendar_in_the_contracts_own_zone():
    (es,) = find(query(local="ESZ6"), START_NS)
    spy_days = liquid_hours(SPY, START_NS, rule="real").split(";")
    assert spy_days[1] == "20261120:0930-20261120:1600"
    assert spy_days[2:4] == ["20261121:CLOSED", "20261122:CLOSED"]
    assert spy_days[7] == "20261126:CLOSED"
    assert liquid_hours(es, START_NS, rule="real").split(";")[1] == "20261120:0830-20261120:1600"
    assert trading_hours(es, START_NS, rule="real").split(";")[1] == "20261119:1700-20261120:1600"
    assert trading_hours(SPY, START_NS, rule="real").split(";")[1] == "20261120:0400-20261120:2000"


@pytest.mark.parametrize(
    ("hours", "open_now"), [(0, True), (-0.5, True), (-0.51, False), (5.99, True), (6, False), (24, False)]
)
def test_liquid_hours_of_spy_by_the_clock(hours, open_now):
    assert is_liquid(SPY, START_NS + round(hours * NS_PER_HOUR), rule="real") is open_now
