"""The compiled book held against the naive one, and its own edges."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.book import NaiveBook

from arbcore.errors import UsageError
from arbcore.venue._book import Book

BUY, SELL = 1, -1

entries = st.tuples(
    st.just("enter"),
    st.integers(1, 3),
    st.sampled_from((BUY, SELL)),
    st.one_of(st.integers(995, 1005), st.sampled_from((1, 999_999)), st.integers(1, 999_999)),
    st.one_of(st.integers(1, 20), st.just(999_999)),
)
withdrawals = st.tuples(st.just("withdraw"), st.integers(0, 200))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(entries, entries, withdrawals), max_size=80))
def test_any_sequence_of_orders_and_cancels_equals_the_naive_book(commands):
    book, naive = Book(), NaiveBook()
    slots = {}
    for order_id, command in enumerate(commands):
        if command[0] == "enter":
            _, owner, side, price, size = command
            slot, executions = book.enter(owner, order_id, side=side, price=price, size=size)
            expected = naive.enter(str(owner), order_id, side=side, price=price, size=size)
            assert executions == [
                (int(e.maker.owner), e.maker.order_id, e.price, e.size, e.maker_left) for e in expected
            ]
            if slot >= 0:
                slots[order_id] = slot
        else:
            resting = sorted(order.order_id for order in naive.orders)
            if resting:
                order = resting[command[1] % len(resting)]
                owner = next(each.owner for each in naive.orders if each.order_id == order)
                left = next(each.left for each in naive.orders if each.order_id == order)
                assert book.withdraw(slots[order]) == left
                naive.cancel(owner, order)
        for side in (BUY, SELL):
            assert book.depth(side) == naive.depth(side)
            for price, _ in naive.depth(side):
                assert book.queue(side, price) == [
                    (int(order.owner), order.order_id, order.left)
                    for order in naive.waiting(side)
                    if order.price == price
                ]
        book.check()


def test_a_trade_happens_at_the_resting_price():
    book = Book()
    book.enter(1, 1, side=SELL, price=1000, size=5)
    _, executions = book.enter(2, 2, side=BUY, price=1010, size=5)
    assert executions == [(1, 1, 1000, 5, 0)]


def test_the_better_price_goes_before_the_older_order():
    book = Book()
    book.enter(1, 1, side=BUY, price=999, size=5)
    book.enter(2, 2, side=BUY, price=1000, size=5)
    _, executions = book.enter(3, 3, side=SELL, price=990, size=7)
    assert executions == [(2, 2, 1000, 5, 0), (1, 1, 999, 2, 3)]


def test_at_one_price_the_older_order_goes_first_and_keeps_its_place_after_a_part():
    book = Book()
    book.enter(1, 1, side=BUY, price=1000, size=5)
    book.enter(2, 2, side=BUY, price=1000, size=5)
    book.enter(3, 3, side=SELL, price=1000, size=2)
    _, executions = book.enter(3, 4, side=SELL, price=1000, size=4)
    assert executions == [(1, 1, 1000, 3, 0), (2, 2, 1000, 1, 4)]


def test_thousands_of_orders_and_prices_grow_the_book_and_leave_nothing_behind():
    book = Book()
    slots = [book.enter(1, n, side=BUY, price=1 + n % 700, size=1 + n % 9)[0] for n in range(3000)]
    book.check()
    assert book.orders == 3000
    for slot in slots:
        book.withdraw(slot)
    book.check()
    assert book.orders == 0
    assert book.depth(BUY) == []


def test_one_order_may_sweep_the_whole_book():
    book = Book()
    for n in range(500):
        book.enter(1, n, side=SELL, price=1000 + n, size=2)
    slot, executions = book.enter(2, 1000, side=BUY, price=999_999, size=1001)
    assert [e[2] for e in executions] == list(range(1000, 1500))
    assert slot >= 0
    assert book.depth(BUY) == [(999_999, 1)]
    assert book.depth(SELL) == []


@pytest.mark.parametrize(
    ("depth", "seen"), [(0, True), (13, True), (14, True), (15, False), (40, False)]
)
def test_only_a_change_within_fifteen_levels_counts_as_a_change(depth, seen):
    book = Book()
    for n in range(50):
        if n != depth:
            book.enter(1, n, side=BUY, price=1000 - n, size=1)
    book.published()
    slot, _ = book.enter(1, 100, side=BUY, price=1000 - depth, size=1)
    assert book.changed is seen
    book.published()
    book.withdraw(slot)
    assert book.changed is seen


@pytest.mark.parametrize(
    ("side", "price", "size"),
    [(0, 1, 1), (2, 1, 1), (1, 0, 1), (1, 1_000_000, 1), (1, 1, 0), (1, 1, 1_000_000), (1, -5, 1)],
)
def test_an_order_outside_the_ranges_is_refused(side, price, size):
    book = Book()
    with pytest.raises(UsageError):
        book.enter(1, 1, side=side, price=price, size=size)
    assert book.orders == 0


def test_a_slot_without_an_order_cannot_be_withdrawn():
    book = Book()
    slot, _ = book.enter(1, 1, side=BUY, price=5, size=1)
    book.withdraw(slot)
    for bad in (slot, slot + 1, -1, 10**6):
        with pytest.raises(UsageError):
            book.withdraw(bad)
