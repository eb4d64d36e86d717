"""Fills against the touch, and the table of orders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tws import START_NS

from arbcore.carry.pairs import DEFAULT_PAIR
from arbcore.gateway.broker_book import WORKING_MAX, BrokerBook, Touch
from arbcore.gateway.contract_table import etf_listing
from arbcore.gateway.messages import ContractQuery, PlaceOrder

SPY = etf_listing(DEFAULT_PAIR)

QUERY = ContractQuery(SPY.con_id, "", "", "", "", "", "", "", "", "", "")


def asked(order_id, action="BUY", quantity=100.0):
    return PlaceOrder(
        order_id, QUERY, action, quantity, "LMT", 680.0, None, "DAY", "", "", "ref", True, 0, False, False
    )


def add(book, order_id, client_id=1, **changes):
    return book.add(client_id, asked(order_id, **changes), listing=SPY, account="DU1")


SIZES = st.integers(0, 50).map(float)


ORDERS = st.tuples(
    st.sampled_from(["BUY", "SELL"]), st.integers(1, 30), st.sampled_from([None, 9.0, 10.0, 11.0])
)


@given(SIZES, SIZES, st.lists(ORDERS))
def test_the_touch_gives_no_more_than_it_has_at_no_worse_than_the_limit(bid_size, ask_size, orders):
    touch = Touch(10.0, 10.25, bid_size, ask_size)
    given_away = {"BUY": 0.0, "SELL": 0.0}
    for action, quantity, limit in orders:
        shares, price = touch.take(action, float(quantity), limit)
        assert 0.0 <= shares <= quantity
        given_away[action] += shares
        if shares:
            assert price == (10.25 if action == "BUY" else 10.0)
            assert limit is None or (price <= limit if action == "BUY" else price >= limit)
    assert given_away["BUY"] <= ask_size
    assert given_away["SELL"] <= bid_size


@pytest.mark.parametrize("touch", [Touch(), Touch(10.0, 9.0, 5.0, 5.0), Touch(-1.0, -1.0, 0.0, 0.0)])
def test_nothing_trades_where_there_is_no_market(touch):
    assert touch.take("BUY", 1.0, None) == (0.0, 0.0)


def test_permanent_ids_are_unique_and_order_ids_the_clients_own():
    book = BrokerBook()
    mine, other = add(book, 5), add(book, 5, client_id=2)
    assert mine.perm_id != other.perm_id
    assert (book.get(1, 5), book.get(2, 5)) == (mine, other)
    assert (book.next_order_id(1), book.next_order_id(3)) == (6, 1)
    assert book.placed == 2


def test_a_rollback_forgets_which_ids_were_used_and_no_living_order():
    book = BrokerBook()
    alive, over = add(book, 1), add(book, 2)
    over.end("Filled", START_NS, "Filled")
    book.roll_back()
    assert book.next_order_id(1) == 1
    assert (book.get(1, 1), book.get(1, 2)) == (alive, None)
    assert set(book.by_perm) == {alive.perm_id, over.perm_id}


def test_what_is_over_is_completed_and_forgotten_in_time():
    book = BrokerBook()
    alive, over = add(book, 1), add(book, 2)
    over.end("Cancelled", START_NS, "Cancelled")
    assert book.working() == [alive]
    assert list(book.completed(START_NS)) == [over]
    assert list(book.completed(START_NS + 1)) == []
    book.forget(START_NS + 1)
    assert set(book.by_perm) == {alive.perm_id}
    assert book.placed == 2


def test_a_side_is_crowded_by_its_own_orders_only():
    book = BrokerBook()
    for order_id in range(1, WORKING_MAX + 1):
        add(book, order_id)
    assert book.crowded(asked(99), SPY)
    assert not book.crowded(asked(99, "SELL"), SPY)
    book.working()[0].end("Filled", START_NS, "Filled")
    assert not book.crowded(asked(99), SPY)
