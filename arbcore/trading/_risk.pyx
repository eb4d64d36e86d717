"""The gate that every order passes, and the ranking of the proposals for a slot.

A refusal is a value with a name, never an exception: refusing is the gate's ordinary work.
``reference.risk`` is its specification. Times lie in 0 to 2**62, so adding a setting cannot overflow.
"""

import cython
from libc.string cimport memset

from arbcore._fast cimport exposure_room, rate_free, rate_init, rate_room
from arbcore.trading._orders cimport (
    ADD,
    CHANGES_MAX,
    CONVERT,
    LIVE_MAX,
    Change,
    Order,
    conversion_changes,
    conversion_of,
)

from arbcore.trading.trading_settings import NEVER_NS
from arbcore.trading.trading_settings import SECOND_NS as _SECOND_NS
from arbcore.wire.instruments import PRICE_MAX as _PRICE_MAX
from arbcore.wire.instruments import SIZE_MAX as _SIZE_MAX
from arbcore.wire.instruments import SYMBOL_ID, SYMBOLS

REFUSAL_NAMES = (
    "pass", "halted", "symbol_closed", "bad_order", "size_cap", "position_limit", "too_many_live",
    "self_cross", "no_reference", "price_collar", "cooldown", "message_cap", "too_many_asked",
)
MODE_NAMES = ("active", "stopping", "closing")

cdef int64_t NEVER = NEVER_NS
cdef int64_t SECOND_NS = _SECOND_NS
# Runs of refusals of at least STREAK_NS are reported; after a gap of STREAK_GAP_NS a new run starts.
cdef int64_t STREAK_NS = 5 * _SECOND_NS
cdef int64_t STREAK_GAP_NS = 5 * _SECOND_NS // 2
cdef int32_t PRICE_MAX = _PRICE_MAX
cdef int32_t SIZE_MAX = _SIZE_MAX


# Strategies with LOSSES_MAX losses in a row go first, by losses; then the higher value, then the earlier.
cdef inline bint goes_before(const Proposal* one, const Proposal* other,
                             const int32_t* losses) noexcept nogil:
    cdef int32_t one_losses = losses[one.strategy]
    cdef int32_t other_losses = losses[other.strategy]
    if one_losses < LOSSES_MAX:
        one_losses = 0
    if other_losses < LOSSES_MAX:
        other_losses = 0
    if one_losses != other_losses:
        return one_losses > other_losses
    if one.value != other.value:
        return one.value > other.value
    return one.strategy < other.strategy


cdef class Gate:
    """Checks limits, collar, cooldown and message cap over the orders and the market of one session."""

    def __cinit__(self, settings, Market market not None, Orders orders not None):
        self.market = market
        self.orders = orders
        for symbol, name in enumerate(SYMBOLS):
            self.limits[symbol] = settings.limit(name)
            self.size_caps[symbol] = settings.size_cap(name)
            self.slots.retry_ns[symbol] = NEVER
        self.order_cooldown_ns = settings.order_cooldown_ns
        self.reject_pause_ns = settings.reject_pause_ns
        self.cancel_reserve = settings.cancel_reserve
        self.collar_bps = settings.collar_bps
        self.live_orders_max = settings.live_orders_max
        rate_init(&self.sent, settings.message_cap, SECOND_NS)

    def __dealloc__(self):
        rate_free(&self.sent)

    # The divisor, a unit, is not 0, and the size is above 0.
    @cython.cdivision(True)
    cdef int32_t check(self, const Proposal* order, int64_t now_ns) noexcept:
        cdef int64_t doubled, distance
        cdef int32_t unit, most
        if not self.ready or self.mode == STOPPING or (self.mode == CLOSING and not self._reduces(order)):
            return HALTED
        if not self.market.symbols[order.symbol].open:
            return CLOSED
        if not 0 < order.size <= SIZE_MAX or (order.kind == ADD and not 0 < order.price <= PRICE_MAX):
            return BAD_ORDER
        if order.kind == CONVERT:
            unit = conversion_of(order.symbol).unit
            if unit == 0 or order.size % unit:
                return BAD_ORDER
        if order.size > self.size_caps[order.symbol]:
            return SIZE_CAP
        if not self._within_limits(order):
            return LIMIT
        most = LIVE_MAX if order.value >= HEDGE_VALUE else self.live_orders_max
        if self.orders.n_live[order.symbol] >= most:
            return TOO_MANY_LIVE
        if order.kind == ADD:
            if self._crosses_own(order):
                return SELF_CROSS
            doubled = self.market.doubled_reference(order.symbol, now_ns)
            if doubled == 0:
                return NO_REFERENCE
            distance = 2 * <int64_t>order.price - doubled
            if (distance if distance > 0 else -distance) * 10_000 > self.collar_bps * doubled:
                return COLLAR
        if now_ns < self.slots.open_ns[order.symbol]:
            return COOLDOWN
        if self.message_room(now_ns) <= self.cancel_reserve:
            return MESSAGE_CAP
        return PASS

    # No divisor is negative: the collar is at most 100% of the reference.
    @cython.cdivision(True)
    cdef int32_t within_collar(self, int32_t symbol, int32_t price, int64_t now_ns) noexcept:
        cdef int64_t doubled = self.market.doubled_reference(symbol, now_ns)
        cdef int64_t distance = self.collar_bps * doubled / 10_000
        cdef int64_t nearest = min(<int64_t>price, (doubled + distance) / 2)
        if doubled == 0:
            return price
        return <int32_t>max(nearest, (doubled - distance + 1) / 2)

    cdef bint _within_limits(self, const Proposal* order) noexcept:
        cdef Change changes[CHANGES_MAX]
        cdef int32_t index, count
        if order.kind == ADD:
            return order.size <= self.room(order.symbol, order.side)
        count = conversion_changes(order.symbol, order.side, order.size, changes)
        for index in range(count):
            if changes[index].shares > 0:
                if changes[index].shares > self.room(changes[index].symbol, 1):
                    return False
            elif -changes[index].shares > self.room(changes[index].symbol, -1):
                return False
        return True

    # Shares of this side that can still be ordered; everything live counts as filled.
    cdef int64_t room(self, int32_t symbol, int32_t side) noexcept:
        cdef int64_t working = (
            self.orders.working_buy[symbol] if side > 0 else self.orders.working_sell[symbol])
        return exposure_room(self.orders.position[symbol], working, side, self.limits[symbol])

    # Whether this order would trade with a live order of our own.
    cdef bint _crosses_own(self, const Proposal* order) noexcept:
        cdef int32_t index
        cdef const Order* other
        for index in range(self.orders.n_live[order.symbol]):
            other = self.orders.live[order.symbol][index]
            if (other.kind == ADD and other.side == -order.side
                    and order.side * (order.price - other.price) >= 0):
                return True
        return False

    # Whether the order only reduces the position, even if everything live fills.
    cdef bint _reduces(self, const Proposal* order) noexcept:
        if order.kind == CONVERT:
            return False
        if order.side > 0:
            return order.size + self.orders.working_buy[order.symbol] <= -self.orders.position[order.symbol]
        return order.size + self.orders.working_sell[order.symbol] <= self.orders.position[order.symbol]

    # --- messages -------------------------------------------------------------------------------

    cdef int32_t message_room(self, int64_t now_ns) noexcept:
        return rate_room(&self.sent, now_ns)

    # A message sent although the cap was reached (a login) overwrites the oldest time.
    cdef void message_sent(self, int64_t now_ns) noexcept:
        self.sent.stamps_ns[self.sent.head] = now_ns
        self.sent.head += 1
        if self.sent.head == self.sent.cap:
            self.sent.head = 0
        if self.sent.count < self.sent.cap:
            self.sent.count += 1

    # The time at which more than `room` messages may be sent; now if they may already. The settings keep
    # `room` below the cap, so the time looked up is among those that still count.
    cdef int64_t room_after_ns(self, int32_t room, int64_t now_ns) noexcept:
        cdef int32_t free_now = rate_room(&self.sent, now_ns)
        cdef int32_t expired, place
        if free_now > room:
            return now_ns
        expired = self.sent.count - (self.sent.cap - free_now)
        place = self.sent.head - self.sent.count + expired + room - free_now
        return self.sent.stamps_ns[place + self.sent.cap if place < 0 else place] + SECOND_NS

    # --- slots ----------------------------------------------------------------------------------

    cdef void take_slot(self, int32_t symbol, int64_t now_ns) noexcept:
        self.slots.open_ns[symbol] = now_ns + self.order_cooldown_ns

    # After a reject the symbol sends nothing for a while, so that rejects do not come in storms.
    cdef void pause(self, int32_t symbol, int64_t now_ns) noexcept:
        if self.slots.open_ns[symbol] < now_ns + self.reject_pause_ns:
            self.slots.open_ns[symbol] = now_ns + self.reject_pause_ns

    cdef void propose(self, const Proposal* proposal) noexcept:
        cdef int32_t symbol = proposal.symbol
        # While the slot is closed, only note that the symbol's strategies must run again when it opens.
        if not slot_free(&self.slots, symbol):
            ask_again(&self.slots, symbol, self.slots.open_ns[symbol])
            return
        self.symbols_asked |= 1u << symbol
        if self.n_proposals[symbol] < PROPOSALS_MAX:
            self.proposals[symbol][self.n_proposals[symbol]] = proposal[0]
            self.n_proposals[symbol] += 1
        else:
            self.refusal_counts[TOO_MANY_ASKED] += 1

    cdef void drop_proposals(self, int32_t symbol) noexcept:
        self.n_proposals[symbol] = 0
        self.symbols_asked &= ~(1u << symbol)

    cdef void rank(self, int32_t symbol, int32_t* places) noexcept:
        cdef int32_t index, at
        cdef const Proposal* proposals = self.proposals[symbol]
        # Insertion keeps proposals that tie in the order in which they came.
        for index in range(self.n_proposals[symbol]):
            at = index
            while at > 0 and goes_before(&proposals[index], &proposals[places[at - 1]], self.losses[symbol]):
                places[at] = places[at - 1]
                at -= 1
            places[at] = index

    cdef void slot_won(self, const Proposal* winner) noexcept:
        cdef int32_t index, strategy
        cdef int32_t symbol = winner.symbol
        cdef uint32_t low_seen = 0
        cdef bint last_seen = False
        self.streaks[winner.strategy][symbol][winner.side > 0].until_ns = 0
        # The 32 strategies fit a bit set; the owner after them has its own flag.
        for index in range(self.n_proposals[symbol]):
            strategy = self.proposals[symbol][index].strategy
            if strategy < 32:
                if low_seen >> strategy & 1:
                    continue
                low_seen |= 1u << strategy
            elif last_seen:
                continue
            else:
                last_seen = True
            if strategy == winner.strategy:
                self.losses[symbol][strategy] = 0
            else:
                self.losses[symbol][strategy] += 1

    # Counts a refusal and its run: a strategy refused for long sends nothing, and the user must see why.
    cdef void note_refusal(self, const Proposal* proposal, int32_t refusal, int64_t now_ns) noexcept:
        cdef Streak* streak = &self.streaks[proposal.strategy][proposal.symbol][proposal.side > 0]
        self.refusal_counts[refusal] += 1
        if refusal == MESSAGE_CAP:
            return
        if now_ns > streak.until_ns:
            streak.since_ns = now_ns
        streak.until_ns = now_ns + STREAK_GAP_NS
        if now_ns - streak.since_ns >= max(STREAK_NS, streak.longest_ns):
            streak.longest_ns = now_ns - streak.since_ns
            streak.reason = refusal

    # --- the Python interface ------------------------------------------------------------------------

    @property
    def refusals(self):
        """How often each reason was given, by name; only reasons that occurred."""
        cdef int32_t index
        counted = {}
        for index in range(N_REFUSALS):
            if self.refusal_counts[index]:
                counted[REFUSAL_NAMES[index]] = self.refusal_counts[index]
        return counted

    def refused(self, owners) -> list:
        """Runs of refusals of five seconds or more without an order let through, with the owners' names."""
        cdef int32_t owner, symbol, buys
        cdef const Streak* streak
        rows = []
        for owner in range(self.orders.n_owners):
            for symbol in range(N_SYMBOLS):
                for buys in range(2):
                    streak = &self.streaks[owner][symbol][buys]
                    if streak.longest_ns:
                        rows.append({
                            "strategy": owners[owner],
                            "symbol": SYMBOLS[symbol],
                            "side": "BUY" if buys else "SELL",
                            "reason": REFUSAL_NAMES[streak.reason],
                            "seconds": streak.longest_ns // 1_000_000_000,
                        })
        return rows

    def exposure(self) -> dict:
        """Per symbol: position, shares that live orders may still buy and sell, and the limit."""
        return {
            name: {
                "position": self.orders.position[symbol],
                "working_buy": self.orders.working_buy[symbol],
                "working_sell": self.orders.working_sell[symbol],
                "limit": self.limits[symbol],
            }
            for symbol, name in enumerate(SYMBOLS)
        }

    def room_for(self, str name, int32_t side):
        """Shares of this side (+1 buy, -1 sell) that can still be ordered."""
        return self.room(SYMBOL_ID[name], side)

    # For tests and tools; the session calls the C functions above.

    def refusal(self, str name, *, int32_t kind, int32_t side, int32_t price, int32_t size, int64_t now_ns):
        """The name of the gate's result for this order now (kind 0 an add, 1 a conversion)."""
        cdef Proposal proposal = proposal_of(SYMBOL_ID[name], kind, side, price, size)
        return REFUSAL_NAMES[self.check(&proposal, now_ns)]

    def note_message(self, int64_t now_ns):
        """Counts one message that was sent."""
        self.message_sent(now_ns)

    def note_order(self, str name, int64_t now_ns):
        """Records that an order took the symbol's slot."""
        self.take_slot(SYMBOL_ID[name], now_ns)

    def note_reject(self, str name, int64_t now_ns):
        """Records that the exchange rejected an order in the symbol."""
        self.pause(SYMBOL_ID[name], now_ns)

    def room_time(self, int32_t room, int64_t now_ns):
        """When more than ``room`` messages may be sent; ValueError if the cap never allows that."""
        if room >= self.sent.cap:
            raise ValueError(f"room for more than {room} messages under a cap of {self.sent.cap}")
        return self.room_after_ns(room, now_ns)

    def ranking(self, str name, asked):
        """The indices of ``asked``, (strategy, value) pairs in the order in which they came, as the gate
        tries them. The first wins the slot; each of the others counts a loss."""
        cdef int32_t symbol = SYMBOL_ID[name]
        cdef int32_t places[PROPOSALS_MAX]
        cdef int32_t index
        cdef Proposal proposal
        for strategy, value in asked:
            if strategy not in range(OWNERS_MAX):
                raise ValueError(f"strategy {strategy} of {OWNERS_MAX}")
            proposal = proposal_of(symbol, ADD, 1, 1, 1)
            proposal.strategy = strategy
            proposal.value = value
            self.propose(&proposal)
        self.rank(symbol, places)
        found = [places[index] for index in range(self.n_proposals[symbol])]
        if found:
            self.slot_won(&self.proposals[symbol][places[0]])
        self.drop_proposals(symbol)
        return found


cdef Proposal proposal_of(int32_t symbol, int32_t kind, int32_t side, int32_t price, int32_t size) noexcept:
    cdef Proposal proposal
    memset(&proposal, 0, sizeof(proposal))
    proposal.kind = CONVERT if kind else ADD
    proposal.symbol = symbol
    proposal.side = 1 if side > 0 else -1
    proposal.price = price
    proposal.size = size
    return proposal
