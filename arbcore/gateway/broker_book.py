"""Orders and their fills against the touch.

Owns the table of orders, their states, and the only fill rule: a marketable order takes the size shown at the
touch, at the touch price, and no more. It returns what happened; ``order_desk`` sends messages to clients.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from arbcore.gateway.contract_table import Listing
from arbcore.gateway.messages import PlaceOrder
from arbcore.gateway.replies import OrderView

FINAL = frozenset({"Filled", "Cancelled", "Inactive"})
ORDER_TYPES = frozenset({"LMT", "MKT", "STP", "STP LMT", "MOC"})
TIMES_IN_FORCE = frozenset({"DAY", "GTC", "IOC", "FOK", "GTD"})
WORKING_MAX = 20
FIRST_PERM_ID = 1_000_000_000


@dataclass(slots=True)
class Touch:
    """One contract's best prices and their remaining sizes."""

    bid: float = 0.0
    ask: float = 0.0
    bid_size: float = 0.0
    ask_size: float = 0.0

    @property
    def two_sided(self) -> bool:
        """Whether both sides have a price."""
        return 0.0 < self.bid <= self.ask

    def take(self, action: str, quantity: float, limit: float | None) -> tuple[float, float]:
        """(shares, price) that an order fills now; (0, 0) if nothing."""
        if not self.two_sided:
            return 0.0, 0.0
        buys = action == "BUY"
        price = self.ask if buys else self.bid
        if limit is not None and (price > limit if buys else price < limit):
            return 0.0, 0.0
        shares = min(quantity, self.ask_size if buys else self.bid_size)
        if shares <= 0.0:
            return 0.0, 0.0
        if buys:
            self.ask_size -= shares
        else:
            self.bid_size -= shares
        return shares, price


@dataclass(slots=True)
class BrokerOrder:
    """One order at the broker. ``held_until_ns`` keeps it from working."""

    client_id: int
    order_id: int
    perm_id: int
    listing: Listing
    action: str
    quantity: float
    order_type: str
    limit: float | None
    aux: float | None
    tif: str
    oca_group: str
    account: str
    order_ref: str
    parent_id: int
    outside_rth: bool
    status: str = "PendingSubmit"
    filled: float = 0.0
    paid: float = 0.0
    last_price: float = 0.0
    why_held: str = ""
    held_until_ns: int = 0
    ended_ns: int = 0
    ending: str = ""
    transmitted: bool = True
    #: Whether its stop was reached; when it begins to work (0: at once); when it ends by itself (0: never).
    triggered: bool = False
    due_ns: int = 0
    ends_ns: int = 0
    good_till: str = ""
    oca_type: int = 0
    #: Faults that apply to this order until it is over.
    quirks: dict[str, float] = field(default_factory=dict)

    @property
    def remaining(self) -> float:
        return self.quantity - self.filled

    @property
    def average(self) -> float:
        return self.paid / self.filled if self.filled else 0.0

    @property
    def alive(self) -> bool:
        return self.status not in FINAL

    @property
    def signed(self) -> float:
        """The whole quantity, negative for a sale."""
        return self.quantity if self.action == "BUY" else -self.quantity

    def view(self) -> OrderView:
        """The order's present values for messages."""
        return OrderView(
            self.listing, self.order_id, self.client_id, self.perm_id, self.account, self.action,
            self.quantity, self.order_type, self.limit, self.aux, self.tif, self.oca_group, self.order_ref,
            self.parent_id, self.outside_rth, self.status, self.filled, self.remaining, self.average,
            self.last_price, self.why_held, self.good_till, self.oca_type,
        )  # fmt: skip

    def end(self, status: str, now_ns: int, reason: str) -> None:
        """Ends the order with a final status."""
        self.status, self.ended_ns, self.ending = status, now_ns, reason


class BrokerBook:
    """Every order of the day, by client and order id and by permanent id."""

    def __init__(self) -> None:
        self.by_perm: dict[int, BrokerOrder] = {}
        self._by_id: dict[tuple[int, int], BrokerOrder] = {}
        self._working: dict[int, BrokerOrder] = {}
        self._next_perm = FIRST_PERM_ID
        self._last_id: dict[int, int] = {}

    def get(self, client_id: int, order_id: int) -> BrokerOrder | None:
        return self._by_id.get((client_id, order_id))

    def next_order_id(self, client_id: int) -> int:
        """The highest id that the client has used, plus one."""
        return self._last_id.get(client_id, 0) + 1

    def roll_back(self) -> None:
        """Forgets the used ids, as a restarted gateway does."""
        self._last_id.clear()
        self._by_id = {key: order for key, order in self._by_id.items() if order.alive}

    def add(self, client_id: int, asked: PlaceOrder, *, listing: Listing, account: str) -> BrokerOrder:
        """Adds a new order that does not work yet."""
        self._next_perm += 1
        order = BrokerOrder(
            client_id, asked.order_id, self._next_perm, listing, asked.action, asked.quantity or 0.0,
            asked.order_type, asked.limit, asked.aux, asked.tif or "DAY", asked.oca_group, account,
            asked.order_ref, asked.parent_id, asked.outside_rth, transmitted=asked.transmit,
            good_till=asked.good_till, oca_type=asked.oca_type,
        )  # fmt: skip
        self.by_perm[order.perm_id] = order
        self._by_id[client_id, order.order_id] = order
        self._working[order.perm_id] = order
        self.note_id(client_id, order.order_id)
        return order

    def note_id(self, client_id: int, order_id: int) -> None:
        """Notes an id used for an order or a preview."""
        self._last_id[client_id] = max(order_id, self._last_id.get(client_id, 0))

    def working(self) -> list[BrokerOrder]:
        """Every order that is not over, the oldest first."""
        over = [perm_id for perm_id, order in self._working.items() if not order.alive]
        for perm_id in over:
            del self._working[perm_id]
        return list(self._working.values())

    def has_working(self) -> bool:
        return bool(self._working)

    @property
    def placed(self) -> int:
        """The number of orders so far."""
        return self._next_perm - FIRST_PERM_ID

    def forget(self, before_ns: int) -> None:
        """Drops orders that ended before an instant."""
        for order in [
            order for order in self.by_perm.values() if not order.alive and order.ended_ns < before_ns
        ]:
            del self.by_perm[order.perm_id]
            if self._by_id.get((order.client_id, order.order_id)) is order:
                del self._by_id[order.client_id, order.order_id]

    def completed(self, since_ns: int) -> Iterator[BrokerOrder]:
        """Orders that ended at or after an instant."""
        return (order for order in self.by_perm.values() if not order.alive and order.ended_ns >= since_ns)

    def crowded(self, order: PlaceOrder, listing: Listing) -> bool:
        """Whether as many orders as the broker allows work on the order's side already."""
        count = sum(other.listing is listing and other.action == order.action for other in self.working())
        return count >= WORKING_MAX
