"""Where a run plays, and the document that it ends with."""

import json

import pytest
from scripted_exchange import hello
from shell_runs import make_run

from arbcore.errors import UsageError
from arbcore.exchange import RunEnding, choose_target, result_document, split_address


def target(**fields):
    base = {"test": None, "production": False, "address": None, "team": "", "host": "", "port": None}
    found = choose_target(**(base | fields))
    return found.host, found.port, found.team, found.embedded


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"test": "prod-like"}, ("127.0.0.1", 0, "ARBCORE", True)),
        ({"test": "prod-like", "team": "ALPHA"}, ("test-exch-alpha", 25000, "ALPHA", False)),
        ({"test": "slower", "team": "ALPHA"}, ("test-exch-alpha", 25001, "ALPHA", False)),
        ({"test": "empty", "team": "ALPHA"}, ("test-exch-alpha", 25002, "ALPHA", False)),
        ({"test": "empty", "team": "ALPHA", "port": 22002}, ("test-exch-alpha", 22002, "ALPHA", False)),
        ({"test": "slower", "team": "ALPHA", "host": "box"}, ("box", 25001, "ALPHA", False)),
        ({"production": True, "team": "ALPHA"}, ("production", 25000, "ALPHA", False)),
        ({"production": True, "team": "ALPHA", "host": "box", "port": 7}, ("box", 7, "ALPHA", False)),
        ({"address": "box:7", "team": "ALPHA"}, ("box", 7, "ALPHA", False)),
        ({"address": "[::1]:7"}, ("::1", 7, "ARBCORE", False)),
    ],
)
def test_host_and_port_rules(fields, expected):
    assert target(**fields) == expected


@pytest.mark.parametrize("fields", [{"production": True}, {"test": "empty", "host": "box"}, {}])
def test_unclear_target_is_wrong_usage(fields):
    with pytest.raises(UsageError):
        target(**fields)


@pytest.mark.parametrize(
    "text", ["box", "box:", ":7", "box:0", "box:65536", "box:x", "::1:7", "box:-1", "box:٣"]
)
def test_malformed_address_is_wrong_usage(text):
    with pytest.raises(UsageError, match="HOST:PORT"):
        split_address(text)


def test_result_has_every_field_of_the_contract():
    run = make_run(1)
    document = result_document(run, scores=[{"fair_pnl": 5}, {"fair_pnl": -2}], seed=3, ending=RunEnding())
    assert document["schema"] == "arbcore.exchange/1"
    assert document["fair_pnl"] == 3
    assert {
        *(
            "mode",
            "address",
            "rounds",
            "messages_in",
            "orders_sent",
            "cancels_sent",
            "converts_sent",
            "fills",
        ),
        *("rejects", "positions", "cash", "pnl", "strategies", "latency_us", "limit_breaches"),
    } <= document.keys()
    assert set(document["latency_us"]) == {"p50", "p99", "p999", "max"}
    json.dumps(document)


def test_hello_of_the_fixture_is_the_protocols():
    assert [row["symbol"] for row in json.loads(hello())["symbols"]] == sorted(
        ["BOND", "VALBZ", "VALE", "GS", "MS", "WFC", "XLF", "USD"]
    )
