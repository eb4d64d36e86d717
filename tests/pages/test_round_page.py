"""The page of a round: every order and fill is in it, it says what happened, and it stays small."""

import re

import pytest
from html_text import Page, references_of

from arbcore.pages.round_page import round_page
from arbcore.play.exchange_settings import exchange_settings
from arbcore.play.rounds import TEAM
from arbcore.play.simulate import Entrant, seen_round
from arbcore.system.configuration import load
from arbcore.trading import journal
from arbcore.trading.round_history import RoundHistory
from arbcore.wire import _encode as wire

FIVE_MINUTES_BYTES_MAX = 3_000_000


def default_values(folder):
    return load(exchange_settings(), folder, {}, flags={}).values()


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A short round of the built-in strategies."""
    values = default_values(tmp_path_factory.mktemp("nothing"))
    return seen_round(Entrant("built-in", values), seed=5, round_s=15.0)


def shown(history, **more):
    return round_page(history.document(), title=TEAM, source="a test", version="1", **more)


def test_every_order_and_every_fill_is_in_it(played):
    history, report = played
    text = shown(history, fair_pnl=report.fair_pnl)
    page = Page(text)
    assert references_of(page) == []
    fills, orders = (
        next(rows for rows in page.tables if rows[0][:3] == ["round", "s", "order"] and last in rows[0])
        for last in ("position", "fate")
    )
    assert [int(row[2]) for row in orders[1:]] == [order.order_id for order in history.orders]
    assert [(int(row[2]), int(row[6]), int(row[7])) for row in fills[1:]] == [
        (fill.order_id, fill.price, fill.size) for fill in history.fills
    ]
    assert len(history.orders) > 100
    assert len(history.fills) > 20
    assert float(page.data["pnl"]) == sum(history.results[1].values())
    assert (int(page.data["orders"]), int(page.data["fills"])) == (len(history.orders), len(history.fills))
    assert int(page.data["fair_pnl"]) == report.fair_pnl


def test_every_order_is_drawn_where_it_stood_and_every_fill_where_it_happened(played):
    history, _ = played
    text = shown(history)
    for style, count in (
        ("line-bid", sum(order.dir == "BUY" and not order.converts for order in history.orders)),
        ("line-offer", sum(order.dir == "SELL" and not order.converts for order in history.orders)),
        ("dot-bought", sum(fill.dir == "BUY" for fill in history.fills)),
        ("dot-sold", sum(fill.dir == "SELL" for fill in history.fills)),
    ):
        paths = re.findall(rf'<path d="([^"]*)" class="{style}"', text)
        assert sum(path.count("M") for path in paths) == count


def test_what_the_price_did_after_half_a_minute_is_unknown_in_a_shorter_round(played):
    history, _ = played
    (rows,) = (rows for rows in Page(shown(history)).tables if "30 s after" in rows[0])
    at = rows[0].index("30 s after")
    assert len(rows) > 3
    assert {row[at] for row in rows[1:]} == {"\N{EN DASH}"}


def test_a_round_of_five_minutes_is_below_three_megabytes(played):
    history, _ = played
    document = history.document()
    # A busy round has some 7,000 orders and 2,000 fills.
    for key, count in (("orders", 9_000), ("fills", 3_000)):
        document[key] = (document[key] * (count // len(document[key]) + 1))[:count]
    document["samples"] = (document["samples"] * 40)[:4_000]
    assert len(round_page(document, title="T", source="s", version="1").encode()) < FIVE_MINUTES_BYTES_MAX


def test_texts_of_strangers_are_harmless():
    history = RoundHistory()
    history.take(journal.IN, 0, wire.hello_positions({}, 0) + wire.opened(["GS"]))
    history.own([{"order_id": 1, "strategy": "<b>mine</b>"}])
    history.take(journal.OUT, 1, wire.add(1, "GS", "BUY", price=100, size=1))
    history.take(journal.IN, 2, wire.reject(1, "<script>alert(1)</script>"))
    history.finish()
    text = shown(history, notes=["<i>"])
    assert "<script>" not in text
    assert "<b>mine" not in text
    page = Page(text)
    assert "<script>alert(1)</script>" in page.text
    assert "<b>mine</b>" in page.text


def test_nothing_happened():
    history = RoundHistory()
    history.finish()
    page = Page(shown(history))
    assert "Nothing was traded." in page.text
    assert "0 fills of 0 orders" in page.text


def test_latency_is_shown_where_it_was_measured(played):
    history, _ = played
    without = Page(shown(history)).text
    found = Page(shown(history, latency_us={"p50": 12.5, "p99": 80.0, "p999": None, "max": 1234.0})).text
    assert "from bytes read to bytes written" not in without
    assert "from bytes read to bytes written 12.5 80.0" in found
