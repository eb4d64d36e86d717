"""The order table: its lifecycle state by state and event by event, and the compiled one against the twin."""

from random import Random
from typing import Any

import pytest
from reference import orders as reference
from states import orders_state

from arbcore.errors import BrokenInvariant, UsageError
from arbcore.trading import _orders as compiled
from arbcore.wire.instruments import SYMBOL_ID, SYMBOLS

GS, VALE, XLF, BOND = (SYMBOL_ID[name] for name in ("GS", "VALE", "XLF", "BOND"))
ADD, CONVERT = 0, 1
STATES = ("unacknowledged", "open", "cancel_pending", "unknown")


class TwinOrders:
    """The twin behind the compiled table's face, where orders go by their ids."""

    def __init__(self, strategies: int) -> None:
        self.orders = reference.Orders(strategies)

    def new(self, *args: Any, **kwargs: Any) -> int:
        return self.orders.new(*args, **kwargs).id

    def cancel_sent(self, order_id: int, now_ns: int) -> None:
        self.orders.cancel_sent(self._known(order_id), now_ns)

    def timed_out(self, order_id: int) -> None:
        self.orders.timed_out(self._known(order_id))

    def _known(self, order_id: int) -> reference.Order:
        order = self.orders.get(order_id)
        if order is None:
            raise KeyError(order_id)
        return order

    def on_ack(self, order_id: int) -> bool:
        return self.orders.on_ack(order_id) is not None

    def on_reject(self, order_id: int) -> bool:
        return self.orders.on_reject(order_id) is not None

    def on_out(self, order_id: int) -> bool:
        return self.orders.on_out(order_id) is not None

    def on_fill(self, order_id: int, symbol: int, **kwargs: int) -> bool:
        return self.orders.on_fill(order_id, symbol, **kwargs) is not None

    def lost(self) -> None:
        self.orders.lost()

    def resync(self, told: list[int], cash: int, *, worth: list[int]) -> bool:
        return self.orders.resync(told, cash, worth=worth)

    def state(self) -> dict[str, Any]:
        return orders_state(self.orders)

    def live_orders(self) -> list[dict[str, Any]]:
        return [show(order) for orders in self.orders.live for order in orders]

    def recent(self, count: int) -> list[dict[str, Any]]:
        last = self.orders.next_id - 1
        found = [self.orders.get(order_id) for order_id in range(last, max(0, last - 4096), -1)]
        return [show(order) for order in found if order is not None][:count]


def show(order: reference.Order) -> dict[str, Any]:
    return {
        "order_id": order.id,
        "kind": "add" if order.kind == ADD else "convert",
        "symbol": SYMBOLS[order.symbol],
        "side": "BUY" if order.side > 0 else "SELL",
        "price": order.price,
        "size": order.size,
        "remaining": order.remaining,
        "state": reference.STATE_NAMES[order.state],
        "strategy": order.strategy,
        "sent_ns": order.sent_ns,
        "cancel_ns": order.cancel_ns,
        "cancels": order.cancels,
        "wants_cancel": order.wants_cancel,
    }


@pytest.fixture(params=[compiled.Orders, TwinOrders], ids=["c", "py"])
def table(request: pytest.FixtureRequest) -> Any:
    return request.param(2)


def add(table: Any, *, side: int = 1, size: int = 10, price: int = 100, symbol: int = GS) -> int:
    return table.new(ADD, symbol, side=side, price=price, size=size, strategy=0, now_ns=0)


def fill(table: Any, order_id: int, size: int, *, side: int = 1, price: int = 100, symbol: int = GS) -> bool:
    return table.on_fill(order_id, symbol, side=side, price=price, size=size)


def bring_to(table: Any, state: str) -> int:
    order_id = add(table)
    if state == "open":
        table.on_ack(order_id)
    elif state == "cancel_pending":
        table.cancel_sent(order_id, 1)
    elif state == "unknown":
        table.timed_out(order_id)
    elif state == "out":
        table.on_out(order_id)
    elif state == "rejected":
        table.on_reject(order_id)
    return order_id


EVENTS = {
    "ack": lambda table, order_id: table.on_ack(order_id),
    "reject": lambda table, order_id: table.on_reject(order_id),
    "partial": lambda table, order_id: fill(table, order_id, 4),
    "filled": lambda table, order_id: fill(table, order_id, 10),
    "out": lambda table, order_id: table.on_out(order_id),
    "cancel": lambda table, order_id: table.cancel_sent(order_id, 5),
    "timeout": lambda table, order_id: table.timed_out(order_id),
    "lost": lambda table, _: table.lost(),
    "resync": lambda table, _: table.resync([0] * 7, 0, worth=[0] * 3),
}

#: What becomes of an order in each state (down) at each event (across), as a trader would say it.
LIFECYCLE = """
               ack            reject   partial        filled   out      cancel         timeout  lost     resync
unacknowledged open           rejected open           out      out      cancel_pending unknown  unknown  out
open           open           unknown  open           out      out      cancel_pending open     unknown  out
cancel_pending cancel_pending rejected cancel_pending out      out      cancel_pending unknown  unknown  out
unknown        unknown        rejected unknown        out      out      unknown        unknown  unknown  out
out            out            out      out            out      out      out            out      out      out
rejected       rejected       rejected rejected       rejected rejected rejected       rejected rejected rejected
"""  # noqa: E501 -- a table is read across


def cases() -> list[tuple[str, str, str]]:
    head, *rows = (line.split() for line in LIFECYCLE.strip().splitlines())
    return [(row[0], event, after) for row in rows for event, after in zip(head, row[1:], strict=True)]


@pytest.mark.parametrize(("before", "event", "after"), cases())
def test_lifecycle(table: Any, before: str, event: str, after: str) -> None:
    order_id = bring_to(table, before)
    assert table.recent(1)[0]["state"] == before
    EVENTS[event](table, order_id)
    assert table.recent(1)[0]["state"] == after
    assert [order["order_id"] for order in table.live_orders()] == ([order_id] if after in STATES else [])
    working = table.state()["working_buy"][GS]
    assert working == (table.recent(1)[0]["remaining"] if after in STATES else 0)


def test_both_tables_are_written_down_the_same() -> None:
    assert compiled.LIFECYCLE == reference.LIFECYCLE
    assert compiled.STATE_NAMES == reference.STATE_NAMES


# --- fills --------------------------------------------------------------------------------------


def test_a_fill_before_its_ack_counts(table: Any) -> None:
    order_id = add(table)
    assert fill(table, order_id, 4)
    table.on_ack(order_id)
    state = table.state()
    assert (state["position"][GS], state["cash"], state["working_buy"][GS]) == (4, -400, 6)


def test_a_late_fill_after_the_out_counts_as_far_as_the_order_went(table: Any) -> None:
    order_id = add(table)
    table.on_out(order_id)
    fill(table, order_id, 10)
    fill(table, order_id, 1)
    state = table.state()
    assert state["position"][GS] == 10
    assert state["working_buy"][GS] == 0
    assert state["anomalies"] == {"fill_after_end": 2, "overfill": 1}
    assert state["doubts"] == 3


def test_what_is_more_than_ordered_is_not_believed(table: Any) -> None:
    order_id = add(table, size=10)
    fill(table, order_id, 13)
    state = table.state()
    assert (state["position"][GS], state["doubts"], state["fills"]) == (10, 1, 1)


@pytest.mark.parametrize(("symbol", "side"), [(BOND, 1), (GS, -1)])
def test_a_fill_that_does_not_fit_its_order_belongs_to_none(table: Any, symbol: int, side: int) -> None:
    order_id = add(table)
    assert not fill(table, order_id, 3, symbol=symbol, side=side)
    state = table.state()
    assert state["holdings"][2]["position"][symbol] == 3 * side
    assert state["holdings"][0]["position"] == [0] * 7
    assert state["working_buy"][GS] == 10


def test_duplicate_and_unsolicited_outs_change_nothing(table: Any) -> None:
    order_id = add(table)
    assert table.on_out(order_id)
    before = table.state()
    assert not table.on_out(order_id)
    assert not table.on_out(0)
    assert not table.on_out(2**32 - 1)
    assert table.state() == before


def test_a_lost_order_still_counts_in_full(table: Any) -> None:
    add(table, size=7)
    add(table, size=5, side=-1)
    table.lost()
    state = table.state()
    assert (state["working_buy"][GS], state["working_sell"][GS]) == (7, 5)


# --- conversions --------------------------------------------------------------------------------


def test_a_conversion_works_on_every_leg_until_its_ack_books_it_whole(table: Any) -> None:
    order_id = table.new(CONVERT, XLF, side=1, price=0, size=20, strategy=1, now_ns=0)
    legs = {"BOND": 6, "GS": 4, "MS": 6, "WFC": 4}
    state = table.state()
    assert state["working_buy"][XLF] == 20
    assert {name: state["working_sell"][SYMBOL_ID[name]] for name in legs} == legs
    assert table.on_ack(order_id)
    state = table.state()
    assert state["cash"] == -100
    assert state["position"][XLF] == 20
    assert {name: -state["position"][SYMBOL_ID[name]] for name in legs} == legs
    assert state["working_buy"] == state["working_sell"] == [0] * 7
    assert state["holdings"][1]["position"] == state["position"]


def test_a_second_ack_of_a_conversion_books_nothing(table: Any) -> None:
    order_id = table.new(CONVERT, VALE, side=-1, price=0, size=3, strategy=0, now_ns=0)
    table.on_ack(order_id)
    before = {**table.state(), "anomalies": None}
    assert not table.on_ack(order_id)
    assert {**table.state(), "anomalies": None} == before


def test_an_out_of_a_conversion_is_no_end(table: Any) -> None:
    order_id = table.new(CONVERT, VALE, side=1, price=0, size=3, strategy=0, now_ns=0)
    assert not table.on_out(order_id)
    assert table.on_ack(order_id)
    assert table.state()["position"][VALE] == 3


# --- ids ----------------------------------------------------------------------------------------


def test_ids_are_never_used_again_and_a_live_order_keeps_its_slot(table: Any) -> None:
    keeper = add(table)
    ids = [keeper]
    for _ in range(3 * 4096):
        ids.append(add(table, symbol=BOND))
        table.on_out(ids[-1])
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids)
    assert not {keeper + 4096, keeper + 2 * 4096} & set(ids)
    assert fill(table, keeper, 10)


def test_an_id_whose_slot_was_taken_is_nobodys(table: Any) -> None:
    first = add(table)
    table.on_out(first)
    for _ in range(4096):
        table.on_out(add(table))
    assert not fill(table, first, 5)
    assert table.state()["anomalies"] == {"foreign_fill": 1}


def test_more_live_orders_than_a_symbol_holds_are_a_broken_invariant(table: Any) -> None:
    for _ in range(64):
        add(table)
    with pytest.raises(BrokenInvariant, match="GS"):
        add(table)


@pytest.mark.parametrize("kind", [compiled.Orders, reference.Orders])
def test_owners_are_bounded(kind: Any) -> None:
    kind(32)
    with pytest.raises(UsageError):
        kind(33)


# --- logins -------------------------------------------------------------------------------------


def test_a_login_that_tells_what_was_believed_keeps_every_owner(table: Any) -> None:
    fill(table, add(table), 10)
    state = table.state()
    assert not table.resync(state["position"], state["cash"], worth=[5, 6, 7])
    assert table.state()["holdings"] == state["holdings"]
    assert table.live_orders() == []


def test_a_login_that_tells_something_else_starts_the_owners_from_nothing(table: Any) -> None:
    fill(table, add(table), 10)
    assert table.resync([1, 0, 0, 0, 0, 0, 0], -300, worth=[50, 60, 70])
    state = table.state()
    assert [holding["carried_pnl"] for holding in state["holdings"]] == [50, 60, 0]
    assert state["holdings"][2]["cash"] == -300 - 110
    assert state["holdings"][2]["position"][0] == 1
    assert sum(holding["cash"] + holding["carried_pnl"] for holding in state["holdings"]) == -300


# --- bounds -------------------------------------------------------------------------------------


def test_a_position_beyond_the_protocol_is_not_booked(table: Any) -> None:
    table.resync([2**32 - 1] + [0] * 6, 0, worth=[0] * 3)
    fill(table, 77, 1, symbol=BOND)
    state = table.state()
    assert state["position"][BOND] == 2**32 - 1
    assert (state["doubts"], state["anomalies"]) == (2, {"foreign_fill": 1, "beyond_belief": 1})


def test_cash_that_cannot_be_is_not_booked(table: Any) -> None:
    table.resync([0] * 7, 10**15 - 10, worth=[0] * 3)
    fill(table, 77, 11, side=-1, price=1)
    state = table.state()
    assert (state["cash"], state["doubts"]) == (10**15 - 10, 2)


def test_carried_profit_stays_within_what_can_be(table: Any) -> None:
    for round_number in range(5):
        table.resync([0] * 7, 10**15, worth=[10**15] * 3)
        table.resync([0] * 7, 0, worth=[10**15] * 3)
        assert table.state()["holdings"][0]["carried_pnl"] == 10**15, round_number


@pytest.mark.parametrize("call", [
    {"kind": 2}, {"symbol": 7}, {"symbol": -1}, {"side": 0}, {"size": 0}, {"size": 10**6}, {"price": -1},
    {"strategy": 3}, {"kind": 1},
])
def test_the_compiled_face_refuses_what_is_no_order(call: dict[str, int]) -> None:
    legal = {"kind": 0, "symbol": GS, "side": 1, "price": 5, "size": 5, "strategy": 0, "now_ns": 0} | call
    with pytest.raises(ValueError, match=r"no order|owner|convert"):
        compiled.Orders(2).new(legal.pop("kind"), legal.pop("symbol"), **legal)


# --- the twin -----------------------------------------------------------------------------------


def random_event(random: Random, table: Any) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    last = table.state()["next_id"]
    order_id = random.choice([*range(max(0, last - 12), last + 2), 2**32 - 1])
    symbol, side = random.randrange(7), random.choice([1, -1])
    size = random.choice([1, 2, 5, 10, 30, 999_990])
    price = random.choice([1, 7, 1000, 999_999])
    name = random.choice(
        ["new"] * 4 + ["on_fill"] * 5 + ["on_ack", "on_reject", "on_out", "on_out", "cancel_sent"]
        + ["timed_out"] + ["lost", "resync"] * (random.random() < 0.1)
    )
    if name == "new":
        kind = CONVERT if symbol in (VALE, XLF) and random.random() < 0.3 else ADD
        owner = random.randrange(3)
        return name, (kind, symbol), {
            "side": side, "price": price, "size": size, "strategy": owner, "now_ns": random.randrange(10**12)
        }
    if name == "on_fill":
        known = [order for order in table.recent(12) if order["order_id"] == order_id]
        if known and random.random() < 0.8:
            symbol, side = SYMBOL_ID[known[0]["symbol"]], 1 if known[0]["side"] == "BUY" else -1
        return name, (order_id, symbol), {"side": side, "price": price, "size": size}
    if name == "resync":
        told = [random.choice([0, 0, 3, -50, 2**32 - 1]) for _ in range(7)]
        worth = [random.choice([0, -5, 10**15]) for _ in range(3)]
        return name, (told, random.choice([0, 77, -(10**15)])), {"worth": worth}
    arguments: dict[str, tuple[Any, ...]] = {"cancel_sent": (order_id, 9), "lost": ()}
    return name, arguments.get(name, (order_id,)), {}


def called(table: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        return getattr(table, name)(*args, **kwargs)
    except (KeyError, BrokenInvariant) as error:
        return type(error)


@pytest.mark.parametrize("seed", range(40))
def test_compiled_table_and_twin_hold_the_same_after_every_event(seed: int) -> None:
    random, ours, theirs = Random(seed), compiled.Orders(2), TwinOrders(2)
    for step in range(250):
        name, args, kwargs = random_event(random, theirs)
        where = f"seed {seed} step {step}: {name}{args}{kwargs}"
        assert called(ours, name, args, kwargs) == called(theirs, name, args, kwargs), where
        assert ours.state() == theirs.state(), where
        assert ours.live_orders() == theirs.live_orders(), where
    assert ours.recent(100) == theirs.recent(100)
