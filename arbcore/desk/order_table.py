"""Our own orders: drafts, the states of an order as a table, and the table of the orders themselves.

An order is known by our ref, then by its permId; the broker's order ids are nobody's business here. It is
over only when executions fill it, the broker's own status or rejection says so and agrees with the
executions, or a whole answer to a question no longer shows it. UNKNOWN is a state like any other and counts
in full. It must not know why an order was sent.
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
#: What news makes of a state. What is not listed changes nothing: a state that is over stays.
NEXT = {
    (SENT, ACK): WORKING, (UNKNOWN, ACK): WORKING,
    (SENT, FULL): FILLED, (WORKING, FULL): FILLED, (UNKNOWN, FULL): FILLED,
    (SENT, OUT): CANCELLED, (WORKING, OUT): CANCELLED, (UNKNOWN, OUT): CANCELLED,
    (SENT, REJECT): REJECTED, (WORKING, REJECT): REJECTED, (UNKNOWN, REJECT): REJECTED,
    (SENT, DOUBT): UNKNOWN, (WORKING, DOUBT): UNKNOWN,
    (UNKNOWN, ABSENT): GONE, (SENT, ABSENT): GONE, (WORKING, ABSENT): CANCELLED,
}  # fmt: skip

#: Statuses by which the broker says that an order is over, and those by which it says that it lives.
OUT_STATUSES = frozenset({"Cancelled", "ApiCancelled", "Inactive"})
LIVE_STATUSES = frozenset({"PreSubmitted", "Submitted", "PendingCancel"})
#: OrderTable that ended longer ago than this are forgotten.
OLD_NS = 2 * DAY_NS


@dataclass(frozen=True, slots=True)
class Draft:
    """An order that somebody wants. ``held`` is what its pair holds of the leg, signed.

    ``reduces`` says that it makes that smaller; ``blind``, that a market order may go without a fresh price,
    because a naked leg in an open market is worse.
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
        #: The broker said something by which it must have arrived there.
        self.acked = row.perm_id != 0
        #: After an error, whose cancel a library makes up by itself.
        self.suspect = False
        #: The broker's code and words of an error that may have been the end of it.
        self.refused = ""
        #: What the broker's last word of its end gave as filled, or -1; and the most it ever gave.
        self.out_filled = -1
        self.told_filled = 0
        #: Rounds of answers in a row that did not show it.
        self.absent = 0
        self.dirty = False

    def row(self) -> OrderRow:
        """As it is stored."""
        return OrderRow(
            self.ref, self.trade_id, self.leg, self.side, self.quantity, self.kind, self.limit, self.tif,
            self.role, self.approved, self.con_id, self.created_ns, self.state, self.filled, self.perm_id,
            self.reason,
        )  # fmt: skip

    @property
    def live(self) -> bool:
        """Whether it may still fill."""
        return self.state in LIVE_STATES

    @property
    def open_quantity(self) -> int:
        """What may still fill: all that did not, until the order is known to be over."""
        return max(0, self.quantity - self.filled) if self.live else 0


class OrderTable:
    """Every order of the last days by ref, and the live ones apart.

    Before ``look_ns`` no live order has been silent for too long; 0 is to be looked at now.
    """

    def __init__(self) -> None:
        self.all: dict[str, Order] = {}
        self.live: dict[str, Order] = {}
        self.by_perm: dict[int, str] = {}
        self.dirty: list[Order] = []
        self.look_ns = 0

    def add(self, row: OrderRow, now_ns: int) -> Order:
        """A new order. BrokenInvariant where its ref was used before."""
        if row.ref in self.all:
            raise BrokenInvariant(f"The order ref {row.ref} was used before.")
        self.all[row.ref] = order = Order(row, now_ns)
        if order.live:
            self.live[row.ref] = order
        if row.perm_id:
            self.by_perm[row.perm_id] = row.ref
        return order

    def find(self, ref: str, perm_id: int) -> Order | None:
        """By ref, else by permId; None where it is not ours."""
        order = self.all.get(ref)
        if order is None and perm_id:
            order = self.all.get(self.by_perm.get(perm_id, ""))
        return order

    def identify(self, order: Order, perm_id: int) -> None:
        """The broker's permanent number of an order, which also says that it arrived there."""
        if not perm_id:
            return
        if order.perm_id != perm_id:
            order.perm_id = perm_id
            self.by_perm[perm_id] = order.ref
            self.mark(order)
        order.acked = True

    def news(self, order: Order, news: str, reason: str = "") -> bool:
        """Applies news to an order; whether its state changed."""
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
        """Executions of an order changed by so many."""
        order.filled += change
        self.mark(order)
        if order.filled >= order.quantity:
            self.news(order, FULL)
        elif order.told_filled <= order.out_filled == order.filled:
            self.news(order, OUT)

    def ended(self, order: Order, filled: int) -> bool:
        """The broker says that an order is over with so many filled; whether that settles it."""
        order.out_filled = filled
        return order.told_filled <= filled == order.filled and self.news(order, OUT)

    def working(self, leg: str, side: int) -> int:
        """Everything on one side of a leg that may still fill."""
        return sum(
            order.open_quantity for order in self.live.values() if order.side == side and order.leg == leg
        )

    def meets(self, leg: str, side: int) -> bool:
        """Whether an order on this side of a leg could trade with one of ours."""
        return any(order.leg == leg and order.side != side for order in self.live.values())

    def exposure(self) -> dict[str, dict[int, int]]:
        """What may still fill, by leg and side."""
        return {leg: {side: self.working(leg, side) for side in (1, -1)} for leg in LEGS}

    def mark(self, order: Order) -> None:
        """The order is to be saved."""
        if not order.dirty:
            order.dirty = True
            self.dirty.append(order)

    def prune(self, utc_ns: int, keep: set[int]) -> None:
        """Forgets orders that ended more than two days ago, but those of the trades to keep."""
        old = [
            order for order in self.all.values()
            if not order.live and order.created_ns < utc_ns - OLD_NS and order.trade_id not in keep
        ]  # fmt: skip
        for order in old:
            del self.all[order.ref]
            self.by_perm.pop(order.perm_id, None)
