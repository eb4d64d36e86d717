"""Twin of ``trading._orders``: the order lifecycle as a table, positions, cash, and each strategy's holding.

It must not know market prices, limits or time-outs; the caller reports events to it.
"""

from collections import Counter
from dataclasses import dataclass

from arbcore.errors import BrokenInvariant, UsageError
from arbcore.wire.instruments import CONVERSIONS, ORDER_ID_MAX, POSITION_MAX, SYMBOL_ID, SYMBOLS

ADD, CONVERT = 0, 1

UNACKED, OPEN, CANCELLING, UNKNOWN, OUT, REJECTED = range(6)
STATE_NAMES = ("unacknowledged", "open", "cancel_pending", "unknown", "out", "rejected")

ON_ACK, ON_REJECT, ON_PARTIAL, ON_FILLED, ON_OUT, ON_CANCEL, ON_TIMEOUT, ON_LOST, ON_RESYNC = range(9)

#: LIFECYCLE[state][event] is the next state. A terminal state is final. A reject of an order that is known to
#: rest contradicts the exchange's own ack, so its state is UNKNOWN.
LIFECYCLE = (
    # ack       reject    partial     filled  out       cancel      timeout  lost     resync
    (OPEN,      REJECTED, OPEN,       OUT,    OUT,      CANCELLING, UNKNOWN, UNKNOWN, OUT),  # UNACKED
    (OPEN,      UNKNOWN,  OPEN,       OUT,    OUT,      CANCELLING, OPEN,    UNKNOWN, OUT),  # OPEN
    (CANCELLING, REJECTED, CANCELLING, OUT,   OUT,      CANCELLING, UNKNOWN, UNKNOWN, OUT),  # CANCELLING
    (UNKNOWN,   REJECTED, UNKNOWN,    OUT,    OUT,      UNKNOWN,    UNKNOWN, UNKNOWN, OUT),  # UNKNOWN
    (OUT,) * 9,
    (REJECTED,) * 9,
)

#: An order has the slot ``id % TABLE_SIZE`` until a later id takes it. An id is skipped while its slot has a
#: live order. A symbol has at most LIVE_MAX live orders.
TABLE_SIZE = 4096
#: How many of the last fills are kept for display.
FILLS_KEPT = 16
LIVE_MAX = 64
OWNERS_MAX = 33

#: Cash beyond this, or a position beyond the protocol's range, is not booked, so sums fit in 64 bits.
MONEY_MAX = 10**15

CONVERSION_OF = {SYMBOL_ID[name]: conversion for name, conversion in CONVERSIONS.items()}


@dataclass(slots=True)
class Order:
    """One add or convert as it was sent, and its present state. ``side`` is +1 to buy, -1 to sell."""

    id: int
    kind: int
    symbol: int
    side: int
    price: int
    size: int
    strategy: int
    sent_ns: int
    remaining: int
    state: int = UNACKED
    cancel_ns: int = 0
    cancels: int = 0
    wants_cancel: bool = False

    @property
    def live(self) -> bool:
        return self.state < OUT


@dataclass(slots=True)
class Holding:
    """The positions, cash and counts of one strategy."""

    position: list[int]
    cash: int = 0
    carried_pnl: int = 0
    orders: int = 0
    fills: int = 0


def bounded(money: int) -> int:
    """Limits an amount to MONEY_MAX; only wrong messages of an exchange lead beyond it."""
    return max(-MONEY_MAX, min(MONEY_MAX, money))


def conversion_changes(symbol: int, side: int, size: int) -> list[tuple[int, int]]:
    """Returns (symbol, signed shares) of a conversion: +1 receives the ETF and gives the constituents."""
    conversion = CONVERSION_OF[symbol]
    lots = size // conversion.unit
    changes = [(symbol, side * size)]
    changes += [(SYMBOL_ID[leg], -side * lots * quantity) for leg, quantity in conversion.legs]
    return changes


class Orders:
    """The run's orders that may still matter, its positions and cash. ``strategies`` is the number of owners;
    one more owner after them has what no strategy traded: positions found at login and foreign fills."""

    def __init__(self, strategies: int) -> None:
        if not 0 <= strategies < OWNERS_MAX:
            raise UsageError(f"{strategies} strategies in one session; give at most {OWNERS_MAX - 1}")
        self.slots: dict[int, Order] = {}
        self.live: list[list[Order]] = [[] for _ in SYMBOLS]
        self.next_id = 1
        self.position = [0] * len(SYMBOLS)
        self.working = {+1: [0] * len(SYMBOLS), -1: [0] * len(SYMBOLS)}
        self.average_cost = [0] * len(SYMBOLS)  # total cost of the present position, never negative
        self.cash = 0
        self.holdings = [Holding([0] * len(SYMBOLS)) for _ in range(strategies + 1)]
        self.anomalies: Counter[str] = Counter()
        self.fills = 0
        #: (order, price, size) of every fill, oldest first.
        self.filled: list[tuple[Order, int, int]] = []
        self.last_doubt = ""
        self.doubts = 0  # impossible messages of the exchange: the caller must request a new login
        self.frozen_pnl = 0  # carried P&L of strategies from the present round, after a resync within it

    # --- what we send ---------------------------------------------------------------------------

    def new(
        self, kind: int, symbol: int, *, side: int, price: int, size: int, strategy: int, now_ns: int
    ) -> Order:
        """Adds an order that passed the gate. From now on it counts in full against the limits."""
        while (held := self.slots.get(self.next_id % TABLE_SIZE)) is not None and held.live:
            self.next_id += 1
        if self.next_id > ORDER_ID_MAX:
            raise BrokenInvariant("order ids are used up: 2**32 orders in one run")
        if len(self.live[symbol]) >= LIVE_MAX:
            raise BrokenInvariant(
                f"{LIVE_MAX} live orders in {SYMBOLS[symbol]} and one more: the gate let it pass"
            )
        order = Order(self.next_id, kind, symbol, side, price, size, strategy, now_ns, size)
        self.next_id += 1
        self.slots[order.id % TABLE_SIZE] = order
        self.live[symbol].append(order)
        self._work(order, size)
        self.holdings[strategy].orders += 1
        return order

    def cancel_sent(self, order: Order, now_ns: int) -> None:
        order.cancel_ns = now_ns
        order.cancels += 1
        order.wants_cancel = False
        self._move(order, ON_CANCEL)

    # --- what the exchange reports --------------------------------------------------------------

    def on_ack(self, order_id: int) -> Order | None:
        order = self._find(order_id, "ack")
        if order is None:
            return None
        if not order.live:
            self.anomalies["ack_after_end"] += 1
            return None
        if order.kind == CONVERT:
            self._convert(order)
        else:
            self._move(order, ON_ACK)
        return order

    def on_reject(self, order_id: int) -> Order | None:
        order = self._find(order_id, "reject")
        if order is None:
            return None
        if not order.live or order.state == OPEN:
            self.anomalies["reject_after_ack"] += 1
        self._move(order, ON_REJECT)
        return order

    def on_out(self, order_id: int) -> Order | None:
        """Handles an out: ends the order. An out for an ended order, or for none of ours, is no error."""
        order = self.get(order_id)
        if order is None or not order.live:
            return None
        if order.kind == CONVERT:
            self.anomalies["out_of_conversion"] += 1
            return None
        self._move(order, ON_OUT)
        return order

    def on_fill(self, order_id: int, symbol: int, *, side: int, price: int, size: int) -> Order | None:
        """Books a fill, at most the order's remaining size; after a larger one the caller must resync."""
        order = self.get(order_id)
        if order is None or order.kind == CONVERT or order.symbol != symbol or order.side != side:
            self._doubt("foreign_fill")
            if self._believable(len(self.holdings) - 1, symbol, side * size, side * size * price):
                self._book(len(self.holdings) - 1, symbol, side * size, side * size * price)
            return None
        if not order.live:
            self._doubt("fill_after_end")
        if size > order.remaining:
            self._doubt("overfill")
            size = order.remaining
            if size == 0:
                return order
        if not self._believable(order.strategy, symbol, side * size, side * size * price):
            return order
        self._book(order.strategy, symbol, side * size, side * size * price)
        self.holdings[order.strategy].fills += 1
        self.fills += 1
        self.filled.append((order, price, size))
        if order.live:
            self._work(order, -size)
        order.remaining -= size
        self._move(order, ON_FILLED if order.remaining == 0 else ON_PARTIAL)
        return order

    def lost(self) -> None:
        """Handles a lost connection: the state of all live orders is unknown."""
        for order in self._all_live():
            self._move(order, ON_LOST)

    def resync(self, told: list[int], cash: int, *, worth: list[int]) -> bool:
        """Handles a hello on a new connection: every order has ended; positions and cash are taken from it.

        Returns True if they differ from our own. The strategies then start from zero, and the positions
        belong to none of them. ``worth`` is each owner's cash and positions at their last marks; it becomes
        its carried P&L. If all is zero, a new round has begun. Otherwise the round goes on, and the
        strategies' carried P&L is subtracted from the last owner's cash, so that nothing counts twice.
        """
        for order in self._all_live():
            self._move(order, ON_RESYNC)
        if told == self.position and cash == self.cash:
            return False
        new_round = cash == 0 and not any(told)
        for owner, holding in enumerate(self.holdings):
            if new_round or owner < len(self.holdings) - 1:
                holding.carried_pnl = bounded(holding.carried_pnl + worth[owner])
            holding.position = [0] * len(SYMBOLS)
            holding.cash = 0
        self.frozen_pnl = 0 if new_round else bounded(self.frozen_pnl + sum(worth[:-1]))
        self.holdings[-1].position = list(told)
        self.holdings[-1].cash = bounded(cash - self.frozen_pnl)
        self.position = list(told)
        self.average_cost = [0] * len(SYMBOLS)
        self.cash = cash
        return True

    def timed_out(self, order: Order) -> None:
        self._move(order, ON_TIMEOUT)

    # --- inside ---------------------------------------------------------------------------------

    def _doubt(self, anomaly: str) -> None:
        """Counts a contradiction between the exchange and us; only a new login gives the true positions."""
        self.anomalies[anomaly] += 1
        self.doubts += 1
        self.last_doubt = anomaly

    def get(self, order_id: int) -> Order | None:
        order = self.slots.get(order_id % TABLE_SIZE)
        return order if order is not None and order.id == order_id else None

    def _find(self, order_id: int, what: str) -> Order | None:
        order = self.get(order_id)
        if order is None:
            self.anomalies[f"unknown_{what}"] += 1
        return order

    def _all_live(self) -> list[Order]:
        return [order for orders in self.live for order in orders]

    def _move(self, order: Order, event: int) -> None:
        was_live = order.live
        order.state = LIFECYCLE[order.state][event]
        if was_live and not order.live:
            self.live[order.symbol].remove(order)
            self._work(order, -order.remaining)

    def _work(self, order: Order, size: int) -> None:
        """Adds to the quantity that may still fill. A conversion may change all its symbols at any time."""
        if order.kind == ADD:
            self.working[order.side][order.symbol] += size
            return
        for symbol, change in conversion_changes(order.symbol, order.side, abs(size)):
            side = 1 if change > 0 else -1
            self.working[side][symbol] += abs(change) if size > 0 else -abs(change)

    def _convert(self, order: Order) -> None:
        self._move(order, ON_FILLED)
        fee = CONVERSION_OF[order.symbol].fee
        changes = conversion_changes(order.symbol, order.side, order.size)
        if not all(self._believable(order.strategy, symbol, change, fee) for symbol, change in changes):
            return
        for symbol, change in changes:
            self._book(order.strategy, symbol, change, 0)
        self.cash -= fee
        self.holdings[order.strategy].cash -= fee
        order.remaining = 0

    def _believable(self, owner: int, symbol: int, change: int, cost: int) -> bool:
        """Whether positions and cash stay within their possible ranges; if not, nothing is booked."""
        holding = self.holdings[owner]
        if (
            max(abs(self.position[symbol] + change), abs(holding.position[symbol] + change)) > POSITION_MAX
            or max(abs(self.cash - cost), abs(holding.cash - cost)) > MONEY_MAX
        ):
            self._doubt("beyond_belief")
            return False
        return True

    def _book(self, owner: int, symbol: int, change: int, cost: int) -> None:
        held = self.position[symbol]
        if held * change >= 0:
            self.average_cost[symbol] += abs(cost)
        elif abs(change) <= abs(held):
            self.average_cost[symbol] -= self.average_cost[symbol] * abs(change) // abs(held)
        else:
            self.average_cost[symbol] = abs(cost) * (abs(change) - abs(held)) // abs(change)
        self.position[symbol] += change
        self.cash -= cost
        self.holdings[owner].position[symbol] += change
        self.holdings[owner].cash -= cost

    def average_price(self, symbol: int) -> int:
        """Returns the average cost of a share of the position, rounded down; 0 when flat or unknown."""
        held = abs(self.position[symbol])
        return self.average_cost[symbol] // held if held else 0
