"""Our own orders: drafts, the table of an order's states, and the table of all orders.

An order is found by our ref, then by its permId; this module does not use the broker's order ids. An order is
over only in three cases: executions fill it; the broker's own status or rejection ends it and agrees with the
executions; or a complete response about open orders no longer has it. An UNKNOWN order counts as able to fill
in full. This module must not know why an order was sent.
"""

from dataclasses import dataclass

from arbcore.carry.pairs import LEGS
from arbcore.desk.desk_settings import DAY_NS
from arbcore.desk.records import OrderRow
from arbcore.errors import BrokenInvariant

SENT, WORKING, UNKNOWN = "sent", "working", "unknown"
FILLED, CANCELLED, REJECTED, GONE = "filled", "cancelled", "rejected", "gone"
LIVE_STATES = frozenset({SENT, WORKING, UNKNOWN})
FINAL_STATES = frozenset({FILLED, CANCELLED, REJECTED, GONE})

ACK, FULL, OUT, REJECT, DOUBT, ABSENT = "ack", "full", "out", "reject", "doubt", "absent"
#: The next state for each state and message. A combination that is not listed changes nothing: final states
#: stay.
NEXT = {
    (SENT, ACK): WORKING, (UNKNOWN, ACK): WORKING,
    (SENT, FULL): FILLED, (WORKING, FULL): FILLED, (UNKNOWN, FULL): FILLED,
    (SENT, OUT): CANCELLED, (WORKING, OUT): CANCELLED, (UNKNOWN, OUT): CANCELLED,
    (SENT, REJECT): REJECTED, (WORKING, REJECT): REJECTED, (UNKNOWN, REJECT): REJECTED,
    (SENT, DOUBT): UNKNOWN, (WORKING, DOUBT): UNKNOWN,
    (UNKNOWN, ABSENT): GONE, (SENT, ABSENT): GONE, (WORKING, ABSENT): CANCELLED,
}  # fmt: skip

#: The broker's statuses of orders that are over, and of orders that are alive.
OUT_STATUSES = frozenset({"Cancelled", "ApiCancelled", "Inactive"})
LIVE_STATUSES = frozenset({"PreSubmitted", "Submitted", "PendingCancel"})
#: Orders that ended longer ago than this are dropped.
OLD_NS = 2 * DAY_NS


@dataclass(frozen=True, slots=True)
class Draft:
    """An order before the gate's check. ``held`` is the pair's signed position in the leg.

    ``reduces``: the order makes that position smaller. ``blind``: a market order may be sent without a fresh
    price, because a naked leg in an open market is worse.
    """

    leg: str
    side: int
    quantity: int
    kind: str
    limit: float | None
    tif: str
    role: str
    held: int
    reduces: bool
    blind: bool = False


class Order:
    """One order; ``sent_ns`` and ``pulled_ns`` (when a cancel was sent, or 0) are monotonic."""

    __slots__ = (
        "absent", "acked", "approved", "con_id", "created_ns", "dirty", "filled", "kind", "leg", "limit",
        "out_filled", "perm_id", "pulled_ns", "pulls", "quantity", "reason", "ref", "refused", "role",
        "sent_ns", "side", "state", "suspect", "tif", "told_filled", "trade_id",
    )  # fmt: skip

    def __init__(self, row: OrderRow, now_ns: int) -> None:
        self.ref, self.trade_id, self.leg, self.side = row.ref, row.trade_id, row.leg, row.side
        self.quantity, self.kind, self.limit, self.tif = row.quantity, row.kind, row.limit, row.tif
        self.role, self.approved, self.con_id = row.role, row.approved, row.con_id
        self.created_ns, self.state, self.filled = row.created_ns, row.state, row.filled
        self.perm_id, self.reason = row.perm_id, row.reason
        self.sent_ns = now_ns
        self.pulled_ns = self.pulls = 0
        #: Whether a message of the broker shows that the order reached it.
        self.acked = row.perm_id != 0
        #: Whether an error named the order; the library may then invent a cancel.
        self.suspect = False
        #: The code and text of an error that may have ended the order.
        self.refused = ""
        #: The filled quantity in the broker's last final status, or -1; and the largest in any status.
        self.out_filled = -1
        self.told_filled = 0
        #: Rounds of responses in a row that did not have the order.
        self.absent = 0
        self.dirty = False

    def row(self) -> OrderRow:
        """The row to store."""
        return OrderRow(
            self.ref, self.trade_id, self.leg, self.side, self.quantity, self.kind, self.limit, self.tif,
            self.role, self.approved, self.con_id, self.created_ns, self.state, self.filled, self.perm_id,
            self.reason,
        )  # fmt: skip

    @property
    def live(self) -> bool:
        """Whether the order may still fill."""
        return self.state in LIVE_STATES

    @property
    def open_quantity(self) -> int:
        """The quantity that may still fill: the unfilled rest until the order is known to be over."""
        return max(0, self.quantity - self.filled) if self.live else 0


class OrderTable:
    """All orders of the last days by ref, and the live ones.

    No live order can time out before ``look_ns``; 0 means check the time-outs now.
    """

    def __init__(self) -> None:
        self.all: dict[str, Order] = {}
        self.live: dict[str, Order] = {}
        self.by_perm: dict[int, str] = {}
        self.dirty: list[Order] = []
        self.look_ns = 0

    def add(self, row: OrderRow, now_ns: int) -> Order:
        """Adds a new order. Raises BrokenInvariant if its ref was used before."""
        if row.ref in self.all:
            raise BrokenInvariant(f"The order ref {row.ref} was used before.")
        self.all[row.ref] = order = Order(row, now_ns)
        if order.live:
            self.live[row.ref] = order
        if row.perm_id:
            self.by_perm[row.perm_id] = row.ref
        return order

    def find(self, ref: str, perm_id: int) -> Order | None:
        """Finds an order by ref, else by permId; None if it is not ours."""
        order = self.all.get(ref)
        if order is None and perm_id:
            order = self.all.get(self.by_perm.get(perm_id, ""))
        return order

    def identify(self, order: Order, perm_id: int) -> None:
        """Takes an order's permId, which also shows that the order reached the broker."""
        if not perm_id:
            return
        if order.perm_id != perm_id:
            order.perm_id = perm_id
            self.by_perm[perm_id] = order.ref
            self.mark(order)
        order.acked = True

    def news(self, order: Order, news: str, reason: str = "") -> bool:
        """Applies a message to an order; returns whether its state changed."""
        state = NEXT.get((order.state, news))
        if state is None:
            return False
        order.state = state
        self.look_ns = 0
        if news in (ACK, OUT, FULL):
            order.acked = True
        if reason:
            order.reason = reason
        if state in FINAL_STATES:
            self.live.pop(order.ref, None)
        self.mark(order)
        return True

    def fill(self, order: Order, change: int) -> None:
        """Adds ``change`` to an order's filled quantity; negative for a correction."""
        order.filled += change
        self.mark(order)
        if order.filled >= order.quantity:
            self.news(order, FULL)
        elif order.told_filled <= order.out_filled == order.filled:
            self.news(order, OUT)

    def ended(self, order: Order, filled: int) -> bool:
        """Takes the broker's final status with its filled quantity; returns whether it ends the order."""
        order.out_filled = filled
        return order.told_filled <= filled == order.filled and self.news(order, OUT)

    def working(self, leg: str, side: int) -> int:
        """The quantity on one side of a leg that may still fill."""
        return sum(
            order.open_quantity for order in self.live.values() if order.side == side and order.leg == leg
        )

    def meets(self, leg: str, side: int) -> bool:
        """Whether an order on this side of a leg could trade with one of ours."""
        return any(order.leg == leg and order.side != side for order in self.live.values())

    def exposure(self) -> dict[str, dict[int, int]]:
        """The quantity that may still fill, by leg and side."""
        return {leg: {side: self.working(leg, side) for side in (1, -1)} for leg in LEGS}

    def mark(self, order: Order) -> None:
        """Marks the order to be stored."""
        if not order.dirty:
            order.dirty = True
            self.dirty.append(order)

    def prune(self, utc_ns: int, keep: set[int]) -> None:
        """Drops orders that ended more than two days ago, except those of the trades in ``keep``."""
        old = [
            order for order in self.all.values()
            if not order.live and order.created_ns < utc_ns - OLD_NS and order.trade_id not in keep
        ]  # fmt: skip
        for order in old:
            del self.all[order.ref]
            self.by_perm.pop(order.perm_id, None)
