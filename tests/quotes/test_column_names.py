"""Which columns of a header are the time and the prices, and which pair they name."""

import pytest

from arbcore.carry.pairs import PAIRS, Pair
from arbcore.errors import DataError
from arbcore.quotes.column_names import REQUIRED, Columns, resolve


def columns(*header: str) -> Columns:
    return resolve(header, where="q.csv, line 1", line=1, use_factor=False)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
@pytest.mark.parametrize("between", ["_", " ", "-", ""])
@pytest.mark.parametrize("case", [str.lower, str.upper, str.title])
def test_columns_choose_the_pair(pair: Pair, between: str, case: type) -> None:
    names = [f"{pair.etf}{between}ask", f"{pair.future}{between}bid", f"{pair.etf}{between}bid",
             f"{pair.future}{between}ask"]  # fmt: skip
    found = columns("ts", *map(case, names), "volume")
    assert found.pair == pair.name
    assert [found.places[role] for role in REQUIRED] == [0, 2, 4, 3, 1]


def test_plain_columns_choose_none() -> None:
    found = columns(" FUT bid ", "fut-ask", "ETFBid", "etf_ask", "ts")
    assert found.pair is None
    assert [found.places[role] for role in REQUIRED] == [4, 0, 1, 2, 3]


@pytest.mark.parametrize(
    ("header", "column"),
    [
        (["es_bid", "spy_bid", "spy_ask"], "es_ask"),
        (["es_bid", "spy_ask"], "es_ask"),
        (["qqq_bid"], "nq_bid"),
        (["bid", "es_bid_size"], "es_bid"),
        (["fut_bid", "fut_ask"], "etf_bid"),
    ],
)
def test_a_missing_column_is_named_by_the_pair(header: list[str], column: str) -> None:
    with pytest.raises(DataError, match=f"no column {column} ") as caught:
        columns("ts", *header)
    assert (caught.value.kind, caught.value.column) == ("missing_column", column)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (["es_bid", "fut_ask"], "one leg in two ways"),
        (["etf_bid", "spy_ask"], "one leg in two ways"),
        (["es_bid", "qqq_bid"], "ES and QQQ are no pair"),
        (["es_bid", "etf_bid"], "ES and ETF are no pair"),
        (["es_bid", "mes_bid", "spy_bid"], "one leg in two ways"),
        (["es_bid", "es_ask", "spy_bid", "spy_ask", "nq_bid", "qqq_bid"], "one leg in two ways"),
        (["es_bid", "es_ask", "spy_bid", "spy_ask", "ES Bid"], "ES Bid is there twice"),
        (["fut_bid", "fut_ask", "etf_bid", "etf_ask", "FUTBID"], "FUTBID is there twice"),
    ],
)
def test_columns_that_contradict_each_other(header: list[str], words: str) -> None:
    with pytest.raises(DataError, match=words):
        columns("ts", *header)
