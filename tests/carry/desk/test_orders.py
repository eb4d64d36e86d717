"""Orders as a table of states: what is over stays, what is in doubt counts in full."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbcore.carry.desk import orders as o
from arbcore.carry.desk.orders import Orders
from arbcore.carry.desk.rows import ES, SPY, OrderRow
from arbcore.errors import BrokenInvariant

NEWS = (o.ACK, o.FULL, o.OUT, o.REJECT, o.DOUBT, o.ABSENT)
STATES = (*sorted(o.LIVE_STATES), *sorted(o.FINAL_STATES))


def row(ref: str = "t-0000001E", *, quantity: int = 5, **changes: object) -> OrderRow:
    values = {
        "ref": ref, "trade_id": 1, "leg": SPY, "side": 1, "quantity": quantity, "kind": "LMT", "limit": 600.0,
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
    orders = Orders()
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
        assert orders.exposure() == {ES: {1: 0, -1: 0}, SPY: {1: may, -1: 0}}
        if order.state == o.CANCELLED:
            assert order.acked
        if filled >= 5 and not over:
            pytest.fail("filled, and still live")


def test_a_ref_is_used_once() -> None:
    orders = Orders()
    orders.add(row(), 0)
    with pytest.raises(BrokenInvariant, match="was used before"):
        orders.add(row(), 0)


def test_an_order_is_found_by_its_permanent_number_where_the_ref_is_missing() -> None:
    orders = Orders()
    order = orders.add(row(), 0)
    orders.identify(order, 77)
    assert orders.find("", 77) is order
    assert orders.find("nobody", 78) is None
    assert orders.find("", 0) is None


def test_a_cancel_that_knows_of_fewer_fills_than_were_told_is_not_believed() -> None:
    orders = Orders()
    order = orders.add(row(), 0)
    order.told_filled = 5
    assert not orders.ended(order, 0)
    assert order.state == o.SENT


def test_only_old_orders_that_are_over_are_forgotten() -> None:
    orders = Orders()
    for number, state in enumerate(STATES):
        orders.add(row(f"t-{number:07d}E", state=state, perm_id=number + 1), 0)
    kept = orders.add(row("t-0000099E", state=o.FILLED, trade_id=9), 0)
    orders.prune(3 * 86_400 * 10**9, {9})
    assert {order.state for order in orders.all.values() if order is not kept} == o.LIVE_STATES
    assert kept.ref in orders.all
