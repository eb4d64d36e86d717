"""Why an order waits, and how one order's end affects others: stops, orders for the close, brackets, groups.

Owns these rules. The touch triggers a stop. An order for the close waits for the calendar's close. A child
waits until its parent is filled, and a cancelled parent cancels its children. A fill of one child reduces the
other children, and a fill in an OCA group reduces or cancels the others of the group. It sends nothing.
"""

from collections.abc import Iterator

from arbcore.carry.calendar import close_clock_ns
from arbcore.core.civil import new_york_to_utc, utc_to_new_york
from arbcore.gateway.broker_book import BrokerBook, BrokerOrder, Touch
from arbcore.gateway.history_requests import instant_of
from arbcore.gateway.messages import PlaceOrder

STOPS = frozenset({"STP", "STP LMT"})
LIMITED = frozenset({"LMT", "STP LMT"})
#: The OCA type in which a fill of any size cancels the others; the other types reduce them by the fill.
CANCELS_ALL = 1
_DAYS_AHEAD_MAX = 12
_DATE_CHARACTERS = 8

Refusal = tuple[int, str]


def refusal(asked: PlaceOrder, book: BrokerBook, *, client_id: int, now_ns: int) -> Refusal | None:
    """Why an order is refused for its links, stop or end; None if they are right."""
    if asked.order_type in STOPS and (asked.aux is None or asked.aux <= 0.0):
        return 201, "Order rejected - reason: A stop order needs a stop price (auxPrice)."
    if asked.tif == "GTD":
        ends_ns = _end_of(asked.good_till)
        if ends_ns is None:
            return 391, f"The time in goodTillDate cannot be read: '{asked.good_till[:40]}'."
        if ends_ns <= now_ns:
            return 201, "Order rejected - reason: goodTillDate is in the past."
    if asked.parent_id:
        parent = book.get(client_id, asked.parent_id)
        if parent is None or (not parent.alive and parent.status != "Filled"):
            return 201, f"Order rejected - reason: There is no parent order {asked.parent_id}."
    if asked.oca_group and any(
        each.oca_group == asked.oca_group and each.filled > 0.0 for each in book.by_perm.values()
    ):
        return 201, f"Order rejected - reason: An order of the group '{asked.oca_group[:40]}' is filled."
    return None


def due_of(asked: PlaceOrder, now_ns: int) -> int:
    """When an order begins to work: an order for the close at the next close, any other at once (0)."""
    if asked.order_type != "MOC":
        return 0
    today = utc_to_new_york(now_ns)[0]
    for day in range(today, today + _DAYS_AHEAD_MAX):
        close_ns = close_clock_ns(day)
        if close_ns is not None and (due_ns := new_york_to_utc(day, close_ns)) > now_ns:
            return due_ns
    return 0


def ends_of(asked: PlaceOrder) -> int:
    """When a good-till-date order ends; 0 for any other."""
    return (_end_of(asked.good_till) or 0) if asked.tif == "GTD" else 0


def _end_of(text: str) -> int | None:
    """The instant of a ``goodTillDate``; a date alone means the end of that day in New York."""
    at_ns = instant_of(text)
    if at_ns is None or len(text.strip()) != _DATE_CHARACTERS:
        return at_ns
    return new_york_to_utc(utc_to_new_york(at_ns)[0] + 1, 0)


def waits(order: BrokerOrder, book: BrokerBook, now_ns: int) -> bool:
    """Whether an order waits for its parent, for the close, or to be transmitted."""
    if not order.transmitted or now_ns < order.due_ns:
        return True
    if not order.parent_id:
        return False
    parent = book.get(order.client_id, order.parent_id)
    return parent is not None and parent.status != "Filled"


def triggered(order: BrokerOrder, touch: Touch | None) -> bool:
    """Whether the touch has reached an order's stop, now or before; True for orders without one."""
    if order.order_type not in STOPS or order.triggered:
        return True
    if touch is None or not touch.two_sided or order.aux is None:
        return False
    order.triggered = touch.ask >= order.aux if order.action == "BUY" else touch.bid <= order.aux
    return order.triggered


def family(order: BrokerOrder, book: BrokerBook) -> Iterator[BrokerOrder]:
    """The parent of an order and the parent's other children, the parent first."""
    if not order.parent_id:
        return
    parent = book.get(order.client_id, order.parent_id)
    if parent is not None:
        yield parent
        yield from (each for each in children(parent, book) if each is not order)


def children(order: BrokerOrder, book: BrokerBook) -> list[BrokerOrder]:
    """The live children of an order."""
    return [
        each
        for each in book.working()
        if each.parent_id == order.order_id and each.client_id == order.client_id and each.alive
    ]


def rivals(order: BrokerOrder, book: BrokerBook) -> list[BrokerOrder]:
    """The live orders of its group and its bracket, which a fill of this one reduces or cancels."""
    return [
        each
        for each in book.working()
        if each is not order
        and each.alive
        and (
            (order.oca_group != "" and each.oca_group == order.oca_group)
            or (
                order.parent_id != 0
                and each.parent_id == order.parent_id
                and each.client_id == order.client_id
            )
        )
    ]


def reduce(order: BrokerOrder, filled: BrokerOrder, shares: float) -> bool:
    """Reduces an order by a rival's fill; returns whether nothing of it is left."""
    if filled.oca_type == CANCELS_ALL and filled.oca_group:
        return True
    order.quantity = max(order.filled, order.quantity - shares)
    return order.remaining <= 0.0 or not filled.alive
