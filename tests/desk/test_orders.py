"""Orders as a table of states: what is over stays, what is in doubt counts in full."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbcore.carry.pairs import ETF, FUT
from arbcore.desk import order_table as o
from arbcore.desk.order_table import OrderTable
from arbcore.desk.records import OrderRow
from arbcore.errors import BrokenInvariant

NEWS = (o.ACK, o.FULL, o.OUT, o.REJECT, o.DOUBT, o.ABSENT)
STATES = (*sorted(o.LIVE_STATES), *sorted(o.FINAL_STATES))


def row(ref: str = "t-0000001E", *, quantity: int = 5, **changes: object) -> OrderRow:
    values = {
        "ref": ref, "trade_id": 1, "leg": ETF, "side": 1, "quantity": quantity, "kind": "LMT", "limit": 600.0,
        "tif": "IOC", "role": "entry", "approved": 1, "con_id": 2, "created_ns": 0,
    }  # fmt: skip
    return OrderRow(**{**values, **changes})


@pytest.mark.parametrize("state", sorted(o.FINAL_STATES))
@pytest.mark.parametrize("news", NEWS)
def test_no_news_wakes_an_order_that_is_over(state: str, news: str) -> None:
    assert (state, news) not in o.NEXT


@pytest.mark.parametrize("state", sorted(o.LIVE_STATES))
def test_every_live_state_can_end_each_way(state: str) -> None:
    assert {o.NEXT[state, news] for news in (o.FULL, o.OUT, o.REJECT, o.ABSENT)} <= o.FINAL_STATES
    assert o.NEXT.get((state, o.DOUBT), o.UNKNOWN) == o.UNKNOWN


steps = st.lists(
    st.one_of(
        st.tuples(st.just("fill"), st.integers(1, 3)),
        st.tuples(st.just("news"), st.sampled_from((o.ACK, o.REJECT, o.DOUBT, o.ABSENT))),
        st.tuples(st.just("ended"), st.integers(0, 6)),
    ),
    max_size=12,
)


@given(steps)
def test_the_books_hold_whatever_comes(told: list[tuple[str, object]]) -> None:
    orders = OrderTable()
    order = orders.add(row(), 0)
    filled, over = 0, ""
    for what, value in told:
        if what == "fill":
            orders.fill(order, value)
            filled += value
        elif what == "news":
            orders.news(order, value)
        else:
            orders.ended(order, value)
        assert order.filled == filled
        assert over in ("", order.state), "a state that was over changed"
        over = order.state if order.state in o.FINAL_STATES else ""
        assert (order.ref in orders.live) == (order.state in o.LIVE_STATES)
        may = max(0, 5 - filled) if not over else 0
        assert orders.exposure() == {FUT: {1: 0, -1: 0}, ETF: {1: may, -1: 0}}
        if order.state == o.CANCELLED:
            assert order.acked
        if filled >= 5 and not over:
            pytest.fail("filled, and still live")


def test_a_ref_is_used_once() -> None:
    orders = OrderTable()
    orders.add(row(), 0)
    with pytest.raises(BrokenInvariant, match="was used before"):
        orders.add(row(), 0)


def test_an_order_is_found_by_its_permanent_number_where_the_ref_is_missing() -> None:
    orders = OrderTable()
    order = orders.add(row(), 0)
    orders.identify(order, 77)
    assert orders.find("", 77) is order
    assert orders.find("nobody", 78) is None
    other = orders.add(row("t-0000002E"), 0)
    assert orders.find(other.ref, 77) is other, "our own ref comes first"
    assert orders.find("", 0) is None


def test_a_cancel_that_knows_of_fewer_fills_than_were_told_is_not_believed() -> None:
    orders = OrderTable()
    order = orders.add(row(), 0)
    order.told_filled = 5
    assert not orders.ended(order, 0)
    assert order.state == o.SENT


def test_only_old_orders_that_are_over_are_forgotten() -> None:
    orders = OrderTable()
    for number, state in enumerate(STATES):
        orders.add(row(f"t-{number:07d}E", state=state, perm_id=number + 1), 0)
    kept = orders.add(row("t-0000099E", state=o.FILLED, trade_id=9), 0)
    orders.prune(3 * 86_400 * 10**9, {9})
    assert {order.state for order in orders.all.values() if order is not kept} == o.LIVE_STATES
    assert kept.ref in orders.all


#: What news makes of each state; what is not here changes nothing.
EXPECTED = {
    (o.SENT, o.ACK): o.WORKING, (o.UNKNOWN, o.ACK): o.WORKING,
    (o.SENT, o.FULL): o.FILLED, (o.WORKING, o.FULL): o.FILLED, (o.UNKNOWN, o.FULL): o.FILLED,
    (o.SENT, o.OUT): o.CANCELLED, (o.WORKING, o.OUT): o.CANCELLED, (o.UNKNOWN, o.OUT): o.CANCELLED,
    (o.SENT, o.REJECT): o.REJECTED, (o.WORKING, o.REJECT): o.REJECTED, (o.UNKNOWN, o.REJECT): o.REJECTED,
    (o.SENT, o.DOUBT): o.UNKNOWN, (o.WORKING, o.DOUBT): o.UNKNOWN,
    (o.SENT, o.ABSENT): o.GONE, (o.UNKNOWN, o.ABSENT): o.GONE, (o.WORKING, o.ABSENT): o.CANCELLED,
}  # fmt: skip


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("news", NEWS)
def test_each_news_makes_of_each_state_what_it_should(state: str, news: str) -> None:
    orders = OrderTable()
    order = orders.add(row(state=state, reason="before"), 0)
    orders.look_ns = 7
    after = EXPECTED.get((state, news))
    assert orders.news(order, news, "why") == (after is not None)
    assert order.state == (after or state)
    assert order.live == (order.state in o.LIVE_STATES) == (order.ref in orders.live)
    assert order.reason == ("before" if after is None else "why")
    assert orders.look_ns == (7 if after is None else 0)
    assert orders.dirty == ([] if after is None else [order])
    assert order.acked == (after is not None and news in (o.ACK, o.OUT, o.FULL))


def test_news_without_a_reason_keeps_the_one_before() -> None:
    orders = OrderTable()
    order = orders.add(row(reason="before"), 0)
    orders.news(order, o.ACK)
    assert order.reason == "before"


def test_an_order_begins_with_nothing_known_of_it() -> None:
    orders = OrderTable()
    assert orders.look_ns == 0
    order = orders.add(row(), 5)
    assert (order.sent_ns, order.pulled_ns, order.pulls, order.absent) == (5, 0, 0, 0)
    assert (order.told_filled, order.out_filled, order.filled) == (0, -1, 0)
    assert (order.acked, order.suspect, order.dirty, order.refused) == (False, False, False, "")
    assert order.row() == row()
    known = orders.add(row("t-0000002E", perm_id=7, state=o.FILLED), 5)
    assert known.acked
    assert orders.find("", 7) is known
    assert list(orders.live) == [order.ref]


@pytest.mark.parametrize(
    ("filled", "state", "open_quantity"),
    [(0, o.WORKING, 5), (4, o.UNKNOWN, 1), (5, o.WORKING, 0), (6, o.SENT, 0), (2, o.CANCELLED, 0)],
)
def test_what_may_still_fill_is_what_did_not_while_it_lives(
    filled: int, state: str, open_quantity: int
) -> None:
    orders = OrderTable()
    order = orders.add(row(state=state, filled=filled), 0)
    assert order.open_quantity == orders.working(ETF, 1) == open_quantity
    assert orders.working(ETF, -1) == orders.working(FUT, 1) == 0


def test_what_works_is_added_up_by_leg_and_side() -> None:
    orders = OrderTable()
    for number, (leg, side, quantity) in enumerate([(ETF, 1, 5), (ETF, 1, 7), (ETF, -1, 11), (FUT, -1, 2)]):
        orders.add(row(f"t-{number:07d}E", leg=leg, side=side, quantity=quantity), 0)
    assert orders.exposure() == {FUT: {1: 0, -1: 2}, ETF: {1: 12, -1: 11}}
    assert [orders.meets(leg, side) for leg in (FUT, ETF) for side in (1, -1)] == [True, False, True, True]


@pytest.mark.parametrize(
    ("told", "out", "filled", "over"),
    [(0, 3, 3, True), (3, 3, 3, True), (4, 3, 3, False), (0, 3, 2, False), (0, 2, 3, False)],
)
def test_an_end_counts_where_it_agrees_with_the_executions(
    told: int, out: int, filled: int, over: bool
) -> None:
    orders = OrderTable()
    order = orders.add(row(), 0)
    order.told_filled = told
    orders.fill(order, filled)
    assert orders.ended(order, out) == over
    assert order.state == (o.CANCELLED if over else o.SENT)
    assert order.out_filled == out


@pytest.mark.parametrize("told", [0, 2, 3])
def test_the_last_fill_ends_an_order_whose_end_was_told_before(told: int) -> None:
    orders = OrderTable()
    order = orders.add(row(), 0)
    order.told_filled = told
    orders.ended(order, 3)
    orders.fill(order, 2)
    assert order.live
    orders.fill(order, 1)
    assert order.state == o.CANCELLED


def test_an_end_with_fewer_fills_than_were_told_before_does_not_count() -> None:
    orders = OrderTable()
    order = orders.add(row(), 0)
    order.told_filled = 4
    orders.ended(order, 3)
    orders.fill(order, 3)
    assert order.live


@pytest.mark.parametrize(("change", "state"), [(4, o.SENT), (5, o.FILLED), (6, o.FILLED)])
def test_an_order_is_filled_by_all_of_it(change: int, state: str) -> None:
    orders = OrderTable()
    order = orders.add(row(), 0)
    orders.fill(order, change)
    assert (order.state, order.filled, orders.dirty) == (state, change, [order])


def test_a_permanent_number_says_that_an_order_arrived() -> None:
    orders = OrderTable()
    order = orders.add(row(), 0)
    orders.identify(order, 0)
    assert (order.acked, order.perm_id, orders.dirty) == (False, 0, [])
    orders.identify(order, 7)
    assert (order.acked, order.perm_id, orders.dirty) == (True, 7, [order])
    order.acked = False
    orders.dirty.clear()
    order.dirty = False
    orders.identify(order, 7)
    assert (order.acked, orders.dirty) == (True, [])


def test_an_order_is_saved_once_however_often_it_changes() -> None:
    orders = OrderTable()
    order = orders.add(row(), 0)
    orders.mark(order)
    orders.mark(order)
    assert orders.dirty == [order]


TWO_DAYS_NS = 2 * 86_400 * 10**9


@pytest.mark.parametrize(
    ("age_ns", "state", "trade_id", "kept"),
    [
        (TWO_DAYS_NS + 1, o.FILLED, 1, False), (TWO_DAYS_NS, o.FILLED, 1, True),
        (TWO_DAYS_NS + 1, o.UNKNOWN, 1, True), (TWO_DAYS_NS + 1, o.FILLED, 9, True),
    ],
)  # fmt: skip
def test_what_is_over_for_two_days_is_forgotten(age_ns: int, state: str, trade_id: int, kept: bool) -> None:
    orders = OrderTable()
    orders.add(row(state=state, trade_id=trade_id, perm_id=7), 0)
    orders.prune(age_ns, {9})
    assert bool(orders.all) == bool(orders.by_perm) == kept


def test_the_statuses_that_end_and_those_that_live_are_these() -> None:
    assert sorted(o.OUT_STATUSES) == ["ApiCancelled", "Cancelled", "Inactive"]
    assert sorted(o.LIVE_STATUSES) == ["PendingCancel", "PreSubmitted", "Submitted"]


def test_a_draft_goes_with_a_fresh_price_unless_it_says_so() -> None:
    assert o.Draft(ETF, 1, 1, "LMT", 1.0, "IOC", "entry", 0, False).blind is False
