"""Contracts of a person's file: what it says, what is wrong in one, and that they are served like ES."""

import pytest
from tws import Bench, rows

from arbcore.errors import DataError
from arbcore.gateway.own_contracts import read_contracts

HEADER = "symbol,sec_type,price,exchange,tick,multiplier,expiry,local_symbol,con_id\n"
FILE = [
    HEADER, "AAPL,STK,250,SMART,0.01,,,,265598\n", "NQ,FUT,25000,CME,0.25,20,20261218,NQZ6,\n",
    "EUR,CASH,1.08,,,,,,\n", "MYM,fut,49000,CBOT,1,0.5,2026-12-18,MYMZ6,\n",
]  # fmt: skip


def asked(symbol, sec_type, con_id="0", expiry=""):
    return [con_id, symbol, sec_type, expiry, "0.0", "", "", "", "", "USD", "", ""]


@pytest.fixture
def bench():
    return Bench(rows(), contracts=read_contracts(FILE, "own.csv"), contracts_seed=3)


def details_of(client, contract):
    client.send(9, 8, 1, *contract, False, "", "", *([""] if client.version >= 176 else []))
    return client.messages(10)


def test_a_file_has_shares_futures_and_currencies():
    found = read_contracts(FILE, "own.csv")
    assert [(each.listing.symbol, each.listing.sec_type, each.price) for each in found] == [
        ("AAPL", "STK", 250.0), ("NQ", "FUT", 25_000.0), ("EUR", "CASH", 1.08), ("MYM", "FUT", 49_000.0),
    ]  # fmt: skip
    apple, nasdaq, euro, dow = (each.listing for each in found)
    assert apple.con_id == 265_598
    assert (nasdaq.multiplier, nasdaq.expiry_text, nasdaq.contract_month) == (20, "20261218", "202612")
    assert (euro.exchange, euro.tick, euro.local_symbol) == ("IDEALPRO", 0.00005, "EUR.USD")
    assert (dow.exchange, dow.expiry_text, dow.multiplier_text) == ("CBOT", "20261218", "0.5")


@pytest.mark.parametrize(
    ("symbol", "sec_type", "local"),
    [("AAPL", "STK", "AAPL"), ("NQ", "FUT", "NQZ6"), ("EUR", "CASH", "EUR.USD"), ("MYM", "FUT", "MYMZ6")],
)
def test_each_is_found_quoted_traded_and_remembered(bench, symbol, sec_type, local):
    client = bench.client()
    client.messages()
    (details,) = details_of(client, asked(symbol, sec_type))
    assert local in details
    client.shows_day = True
    client.subscribe(asked(symbol, sec_type))
    bench.pass_time(3.0)
    ticks = {(int(fields[0]), int(fields[3])): float(fields[4]) for fields in client.messages(1, 2)}
    bid, ask = ticks[1, 1], ticks[1, 2]
    assert 0.0 < bid < ask
    lot = 1.0 if sec_type == "FUT" else 100.0
    # A trade a row, of one contract or a hundred.
    assert ticks[2, 5] == lot
    assert ticks[2, 8] % lot == 0.0
    assert ticks[2, 8] <= 5 * lot
    order_id = client.order(asked(symbol, sec_type), quantity=2.0, tif="DAY")
    filled = next(fields for fields in client.messages(3) if fields[2] == "Filled")
    assert (int(filled[1]), float(filled[3])) == (order_id, 2.0)
    client.send(20, 7, *asked(symbol, sec_type), False, "", "1 secs", "60 S", True, "MIDPOINT", 2, False, "")
    (bars,) = client.messages(17)
    assert int(bars[4]) >= 3


def test_the_same_seed_is_the_same_market():
    def shown(seed):
        bench = Bench(rows(), contracts=read_contracts(FILE, "own.csv"), contracts_seed=seed)
        bench.client().subscribe()
        bench.pass_time(5.0)
        return [(touch.bid, touch.ask) for touch in bench.gateway.own.touches.values()]

    assert shown(3) == shown(3) != shown(4)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "lacks the column symbol"),
        (["symbol,price\n"], "lacks the column sec_type"),
        (["symbol,sec_type,price,colour\n"], "unknown column colour"),
        ([HEADER], "lists no contract"),
        ([HEADER, ",STK,1,,,,,,\n"], "line 2: the symbol is missing"),
        ([HEADER, "A,OPT,1,,,,,,\n"], "sec_type is 'OPT'; STK, FUT and CASH are served"),
        ([HEADER, "A,STK,,,,,,,\n"], "the price is missing"),
        ([HEADER, "A,STK,nan,,,,,,\n"], "price is 'nan'"),
        ([HEADER, "A,STK,1e999,,,,,,\n"], "price is '1e999'"),
        ([HEADER, "A,STK,1,,-1,,,,\n"], "tick is '-1'"),
        ([HEADER, "A,FUT,1,,,,,,\n"], "a FUT needs an expiry"),
        ([HEADER, "A,FUT,1,,,,20261350,,\n"], "a FUT needs an expiry"),
        ([HEADER, "A,STK,1,,,,20261218,,\n"], "a FUT needs an expiry"),
        ([HEADER, "A,STK,1,,,,,,1.5\n"], "con_id is '1.5', not a whole number"),
        ([HEADER, "A,STK,1,,,,,,5\n", "B,STK,1,,,,,,5\n"], "two contracts with the same con_id"),
        ([HEADER, "A,STK,1,,,,,,756733\n"], "con_id 756733 is SPY's"),
        (["symbol,sec_type,price,currency\n", "A,STK,1,EUR\n"], "the currency must be USD"),
    ],
)
def test_what_is_wrong_in_a_file_is_one_sentence(lines, said):
    with pytest.raises(DataError) as raised:
        read_contracts(lines, "own.csv")
    assert said in str(raised.value)
    assert "own.csv" in str(raised.value)


def test_a_contract_of_the_file_stands_in_the_place_of_the_gateways_own_of_its_name(bench):
    client = bench.client()
    assert [each.local_symbol for each in bench.gateway.listings() if each.symbol == "NQ"] == ["NQZ6"]
    assert len([each for each in bench.gateway.listings() if each.symbol == "MNQ"]) > 1
    assert len(details_of(client, asked("MNQ", "FUT"))) > 1
