# cython: nonecheck=True
"""The table of our own orders: who they are, what may still fill, and what news makes of them.

``arbcore.reference.desk`` is the specification, ``orders`` has the states and what leads from one to
the next. It must not know why an order was sent.
"""
from libc.stdint cimport int64_t

from arbcore.carry.desk._records cimport OrderRow

from arbcore.carry.desk.orders import ACK, FINAL_STATES, FULL, LIVE_STATES, NEXT, OUT
from arbcore.carry.desk.rows import LEGS
from arbcore.errors import BrokenInvariant

cdef int64_t OLD_NS = 2 * 86_400 * 10**9


cdef class Order:
    """One order; ``sent_ns`` and ``pulled_ns`` (when a cancel was sent, or 0) are monotonic."""

    def __init__(self, OrderRow row not None, int64_t now_ns):
        order_init(self, row, now_ns)

    cpdef OrderRow row(self):
        """As it is stored."""
        cdef OrderRow row = OrderRow.__new__(OrderRow)
        row.ref, row.trade_id, row.leg, row.side = self.ref, self.trade_id, self.leg, self.side
        row.quantity, row.kind, row.limit, row.tif = self.quantity, self.kind, self.limit, self.tif
        row.role, row.approved, row.con_id = self.role, self.approved, self.con_id
        row.created_ns, row.state, row.filled = self.created_ns, self.state, self.filled
        row.perm_id, row.reason = self.perm_id, self.reason
        return row

    @property
    def live(self) -> bool:
        return self.state in LIVE_STATES

    @property
    def open_quantity(self) -> int:
        """What may still fill: all that did not, until the order is known to be over."""
        return open_quantity_of(self)


cdef int order_init(Order self, OrderRow row, int64_t now_ns) except -1:
    self.ref, self.trade_id, self.leg, self.side = row.ref, row.trade_id, row.leg, row.side
    self.quantity, self.kind, self.limit, self.tif = row.quantity, row.kind, row.limit, row.tif
    self.role, self.approved, self.con_id = row.role, row.approved, row.con_id
    self.created_ns, self.state, self.filled = row.created_ns, row.state, row.filled
    self.perm_id, self.reason = row.perm_id, row.reason
    self.sent_ns = now_ns
    self.acked = row.perm_id != 0
    self.pulled_ns = 0
    self.pulls = self.absent = self.told_filled = 0
    self.out_filled = -1
    self.suspect = self.dirty = False
    return 0


cdef object open_quantity_of(Order order):
    return max(0, order.quantity - order.filled) if order.state in LIVE_STATES else 0


cdef class Orders:
    """Every order of the last days by ref, and the live ones apart.

    Before ``look_ns`` no live order has been silent for too long; 0 is to be looked at now.
    """

    def __init__(self):
        self.all, self.live, self.by_perm, self.dirty = {}, {}, {}, []
        self.look_ns = 0

    cpdef Order add(self, OrderRow row, int64_t now_ns):
        """A new order. BrokenInvariant where its ref was used before."""
        cdef Order order = Order.__new__(Order)
        if row.ref in self.all:
            raise BrokenInvariant(f"The order ref {row.ref} was used before.")
        order_init(order, row, now_ns)
        self.all[row.ref] = order
        if order.state in LIVE_STATES:
            self.live[row.ref] = order
        if row.perm_id:
            self.by_perm[row.perm_id] = row.ref
        return order

    def find(self, str ref not None, perm_id):
        """By ref, else by permId; None where it is not ours."""
        order = self.all.get(ref)
        if order is None and perm_id:
            order = self.all.get(self.by_perm.get(perm_id, ""))
        return order

    def identify(self, Order order not None, perm_id) -> None:
        """The broker's permanent number of an order, which also says that it arrived there."""
        if perm_id and order.perm_id != perm_id:
            order.perm_id = perm_id
            self.by_perm[perm_id] = order.ref
            self.mark(order)
        order.acked = order.acked or perm_id != 0

    cpdef bint news(self, Order order, str news, str reason="") except -1:
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

    def fill(self, Order order not None, change) -> None:
        """Executions of an order changed by so many."""
        order.filled = order.filled + change
        self.mark(order)
        if order.filled >= order.quantity:
            self.news(order, FULL)
        elif order.told_filled <= order.out_filled == order.filled:
            self.news(order, OUT)

    def ended(self, Order order not None, filled) -> bool:
        """The broker says that an order is over with so many filled; whether that settles it."""
        order.out_filled = filled
        return order.told_filled <= filled == order.filled and self.news(order, OUT)

    cpdef object working(self, str leg, int side):
        """Everything on one side of a leg that may still fill."""
        cdef Order order
        total = 0
        for order in self.live.values():
            if order.side == side and order.leg == leg:
                total = total + open_quantity_of(order)
        return total

    cpdef bint meets(self, str leg, int side) except -1:
        """Whether an order on this side of a leg could trade with one of ours."""
        cdef Order order
        for order in self.live.values():
            if order.side != side and order.leg == leg:
                return True
        return False

    def exposure(self) -> dict:
        """What may still fill, by leg and side."""
        return {leg: {side: self.working(leg, side) for side in (1, -1)} for leg in LEGS}

    cpdef mark(self, Order order):
        """The order is to be saved."""
        if not order.dirty:
            order.dirty = True
            self.dirty.append(order)

    def prune(self, int64_t utc_ns, set keep not None) -> None:
        """Forgets orders that ended more than two days ago, but those of the trades to keep."""
        old = [
            order for order in self.all.values()
            if order.state in FINAL_STATES and order.created_ns < utc_ns - OLD_NS
            and order.trade_id not in keep
        ]
        for order in old:
            del self.all[order.ref]
            self.by_perm.pop(order.perm_id, None)
