"""Twin of ``trading._risk``: the gate that every order passes, and the choice between proposals for a slot.

A refusal is a named value, never an exception, because refusals are normal.
"""

from collections import Counter, deque
from dataclasses import dataclass

from arbcore.trading.trading_settings import NEVER_NS, SECOND_NS, SessionSettings
from arbcore.wire.instruments import PRICE_MAX, SIZE_MAX, SYMBOLS
from reference.market import Market
from reference.orders import ADD, CONVERSION_OF, CONVERT, LIVE_MAX, Orders, conversion_changes

#: The reasons in the order of the checks; the first that applies is returned.
(
    PASS, HALTED, CLOSED, BAD_ORDER, SIZE_CAP, LIMIT, TOO_MANY_LIVE,
    SELF_CROSS, NO_REFERENCE, COLLAR, COOLDOWN, MESSAGE_CAP,
) = range(12)
REFUSAL_NAMES = (
    "pass", "halted", "symbol_closed", "bad_order", "size_cap", "position_limit", "too_many_live",
    "self_cross", "no_reference", "price_collar", "cooldown", "message_cap", "too_many_asked",
)

ACTIVE, STOPPING, CLOSING = range(3)
MODE_NAMES = ("active", "stopping", "closing")

#: Value of an order that hedges a position: it comes before all orders that only gain, and is exempt from the
#: bound on live orders, which is meant for quotes.
HEDGE_VALUE = 2**31 - 1

#: A strategy that lost a symbol's slot this many times in a row comes before all others, for any value.
LOSSES_MAX = 4
PROPOSALS_MAX = 16


@dataclass(slots=True)
class Proposal:
    """An order that a strategy proposes; ``value`` is its expected gain, in ticks times shares."""

    kind: int
    symbol: int
    side: int
    price: int
    size: int
    value: int
    strategy: int


class Gate:
    """Checks limits, collar, cooldown and message cap, using the orders and the market."""

    def __init__(self, settings: SessionSettings, market: Market, orders: Orders) -> None:
        self.settings = settings
        self.market = market
        self.orders = orders
        self.limits = [settings.limit(symbol) for symbol in SYMBOLS]
        self.mode = ACTIVE
        self.ready = False  # a hello came on this connection and no resync is due
        self.slot_open_ns = [0] * len(SYMBOLS)
        self.sent_ns: deque[int] = deque(maxlen=settings.message_cap)
        self.waiting: set[int] = set()
        self.proposals: list[list[Proposal]] = [[] for _ in SYMBOLS]
        self.losses: dict[tuple[int, int], int] = {}
        self.refusals: Counter[str] = Counter()

    def check(self, order: Proposal, now_ns: int) -> int:
        """Returns PASS or the first reason to refuse."""
        if not self.ready or self.mode == STOPPING or (self.mode == CLOSING and not self._reduces(order)):
            return HALTED
        if not self.market.symbols[order.symbol].open:
            return CLOSED
        if not 0 < order.size <= SIZE_MAX or (order.kind == ADD and not 0 < order.price <= PRICE_MAX):
            return BAD_ORDER
        if order.kind == CONVERT and (
            order.symbol not in CONVERSION_OF or order.size % CONVERSION_OF[order.symbol].unit
        ):
            return BAD_ORDER
        if order.size > self.settings.size_cap(SYMBOLS[order.symbol]):
            return SIZE_CAP
        if not self._within_limits(order):
            return LIMIT
        live_max = LIVE_MAX if order.value >= HEDGE_VALUE else self.settings.live_orders_max
        if len(self.orders.live[order.symbol]) >= live_max:
            return TOO_MANY_LIVE
        if order.kind == ADD:
            if self.crosses_own(order):
                return SELF_CROSS
            doubled = self.market.doubled_reference(order.symbol, now_ns)
            if doubled == 0:
                return NO_REFERENCE
            if abs(2 * order.price - doubled) * 10_000 > self.settings.collar_bps * doubled:
                return COLLAR
        if now_ns < self.slot_open_ns[order.symbol]:
            return COOLDOWN
        if self.message_room(now_ns) <= self.settings.cancel_reserve:
            return MESSAGE_CAP
        return PASS

    def within_collar(self, symbol: int, price: int, now_ns: int) -> int:
        """Returns the price nearest to ``price`` within the collar."""
        doubled = self.market.doubled_reference(symbol, now_ns)
        distance = self.settings.collar_bps * doubled // 10_000
        if doubled == 0:
            return price
        return max((doubled - distance + 1) // 2, min((doubled + distance) // 2, price))

    def _within_limits(self, order: Proposal) -> bool:
        changes = [(order.symbol, order.side * order.size)]
        if order.kind == CONVERT:
            changes = conversion_changes(order.symbol, order.side, order.size)
        return all(abs(change) <= self.room(symbol, 1 if change > 0 else -1) for symbol, change in changes)

    def room(self, symbol: int, side: int) -> int:
        """Returns the shares of this side that may still be ordered, counting all that may still fill."""
        used = side * self.orders.position[symbol] + self.orders.working[side][symbol]
        return max(0, self.limits[symbol] - used)

    def crosses_own(self, order: Proposal) -> bool:
        """Whether this add would match an order of our own that may still rest in the book."""
        return any(
            other.kind == ADD and other.side == -order.side and order.side * (order.price - other.price) >= 0
            for other in self.orders.live[order.symbol]
        )

    def _reduces(self, order: Proposal) -> bool:
        """Whether the order only moves a position towards zero, counting all that may still fill."""
        if order.kind == CONVERT:
            return False
        held = -order.side * self.orders.position[order.symbol]
        return order.size + self.orders.working[order.side][order.symbol] <= held

    # --- messages -------------------------------------------------------------------------------

    def message_room(self, now_ns: int) -> int:
        """Returns how many messages may be sent now without exceeding the cap in any second."""
        while self.sent_ns and now_ns - self.sent_ns[0] >= SECOND_NS:
            self.sent_ns.popleft()
        return self.settings.message_cap - len(self.sent_ns)

    def message_sent(self, now_ns: int) -> None:
        self.sent_ns.append(now_ns)

    def room_after_ns(self, room: int, now_ns: int) -> int:
        """Returns the time when more than ``room`` messages may be sent; now if they already may."""
        missing = room + 1 - self.message_room(now_ns)
        return now_ns if missing <= 0 else self.sent_ns[missing - 1] + SECOND_NS

    # --- slots ----------------------------------------------------------------------------------

    def slot_free(self, symbol: int, now_ns: int) -> bool:
        return now_ns >= self.slot_open_ns[symbol]

    def take_slot(self, symbol: int, now_ns: int) -> None:
        self.slot_open_ns[symbol] = min(now_ns + self.settings.order_cooldown_ns, NEVER_NS)

    def pause(self, symbol: int, now_ns: int) -> None:
        """Pauses a symbol after the exchange rejected an order in it, to avoid bursts of rejects."""
        self.slot_open_ns[symbol] = max(self.slot_open_ns[symbol], now_ns + self.settings.reject_pause_ns)

    def wait(self, symbol: int) -> None:
        """Proposes nothing now, and requests another evaluation when the symbol's slot opens."""
        self.waiting.add(symbol)

    def propose(self, proposal: Proposal) -> None:
        """Stores a strategy's proposal until the symbol's slot is decided."""
        self.proposals[proposal.symbol].append(proposal)

    def ranked(self, symbol: int) -> list[Proposal]:
        """Returns the proposals for a slot in the order in which they are tried. If there are more than
        PROPOSALS_MAX, the first ones are kept and the others refused.

        First come strategies that lost LOSSES_MAX times in a row, most losses first; then the highest value;
        then the earlier strategy; then the earlier proposal.
        """
        def rank(proposal: Proposal) -> tuple[int, int, int]:
            losses = self.losses.get((symbol, proposal.strategy), 0)
            return (-losses if losses >= LOSSES_MAX else 0, -proposal.value, proposal.strategy)

        asked = self.proposals[symbol]
        if len(asked) > PROPOSALS_MAX:
            self.refusals["too_many_asked"] += len(asked) - PROPOSALS_MAX
            del asked[PROPOSALS_MAX:]
        return sorted(asked, key=rank)

    def slot_won(self, symbol: int, winner: Proposal) -> None:
        """Counts a loss for every other strategy with a proposal."""
        for strategy in {proposal.strategy for proposal in self.proposals[symbol]}:
            self.losses[symbol, strategy] = (
                0 if strategy == winner.strategy else self.losses.get((symbol, strategy), 0) + 1
            )
