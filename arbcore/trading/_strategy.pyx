"""What a strategy can see and do, and the base of the built-in ones.

A strategy reads the market, the orders and its own holding; it sends orders and cancels through the desk.
It never touches a socket, a clock or the order table. ``reference.strategy`` is the specification.
"""

cimport cython
from libc.stdint cimport INT32_MAX
from libc.string cimport memcpy

from arbcore.trading._market cimport SymbolState
from arbcore.trading._orders cimport ADD, CONVERT, OPEN, OUT, UNACKED

from arbcore.errors import BrokenInvariant, UsageError
from arbcore.trading.trading_settings import NEVER_NS


cdef class StrategyDesk:
    """Gives strategies the session's market, orders and gate, and takes their orders and cancels."""

    def __cinit__(self, Market market not None, Orders orders not None, Gate gate not None):
        self.market = market
        self.orders = orders
        self.gate = gate

    cdef void cancel(self, Order* order) noexcept:
        if order.state < OUT and order.kind == ADD and order.cancels == 0 and not order.wants_cancel:
            self.cancel_again(order)

    # Each live order is queued at most once, so the queue cannot pass its bound; the session checks that.
    cdef void cancel_again(self, Order* order) noexcept:
        order.wants_cancel = True
        if self.n_cancels < CANCELS_MAX:
            self.cancels[self.n_cancels] = order
            self.n_cancels += 1

    cdef int64_t loose_position(self, int32_t symbol) noexcept:
        cdef int64_t loose = self.orders.position[symbol]
        cdef int32_t index
        for index in range(self.n_hedged):
            loose -= self.orders.holdings[self.hedged_owners[index]].position[symbol]
        return loose

    cdef int64_t unowned_position(self, int32_t symbol) noexcept:
        return self.orders.holdings[self.orders.n_owners - 1].position[symbol]

    cdef int64_t others_size(self, int32_t symbol, int32_t side, const Level* level) noexcept:
        """Size of a level that an order of ``side`` would trade with, without our own orders."""
        cdef int64_t left = level.size
        cdef int32_t index
        cdef const Order* order
        for index in range(self.orders.n_live[symbol]):
            order = self.orders.live[symbol][index]
            if order.kind == ADD and order.side == -side and order.price == level.price:
                left -= order.remaining
        return left

    # Reads the levels in place, only up to the first that is not ours alone, because it runs at every book.
    @cython.boundscheck(False)
    cdef int64_t net_touch(self, int32_t symbol, int32_t side) noexcept:
        cdef SymbolState* state = &self.market.symbols[symbol]
        cdef const Level* shown = state.asks
        cdef int32_t n_shown = state.n_asks
        cdef int32_t level
        if side < 0:
            shown = state.bids
            n_shown = state.n_bids
        for level in range(n_shown):
            if self.others_size(symbol, side, &shown[level]) > 0:
                return shown[level].price
        return 0

    cdef int32_t net_levels(self, int32_t symbol, int32_t side, Level* levels) noexcept:
        cdef const Level* shown = self.market.symbols[symbol].asks
        cdef int32_t n_shown = self.market.symbols[symbol].n_asks
        cdef int32_t count = 0
        cdef int32_t level
        cdef int64_t left
        if side < 0:
            shown = self.market.symbols[symbol].bids
            n_shown = self.market.symbols[symbol].n_bids
        if self.orders.n_live[symbol] == 0:
            memcpy(levels, shown, <size_t>n_shown * sizeof(Level))
            return n_shown
        for level in range(n_shown):
            left = self.others_size(symbol, side, &shown[level])
            if left > 0:
                levels[count].price = shown[level].price
                levels[count].size = <int32_t>left
                count += 1
        return count


cdef inline int32_t clamped(int64_t number) noexcept nogil:
    # A number beyond 32 bits is not a legal price or size when clipped either: the gate refuses it.
    return INT32_MAX if number > INT32_MAX else -1 if number < 0 else <int32_t>number


cdef inline bint rests(const Order* order, int32_t owner, int32_t side) noexcept nogil:
    # Whether an own order rests or will rest in the book and is not being cancelled.
    return (order.strategy == owner and order.kind == ADD and order.side == side
            and (order.state == UNACKED or order.state == OPEN) and not order.wants_cancel)


cdef class CompiledStrategy:
    """Base of the built-in strategies. The session sets desk, owner and holding.

    ``book_bits``, ``trade_bits`` and ``order_bits`` are the symbols whose books, trades and own-order news
    run it; ``wake_ns`` is the time at which it runs without news.
    """

    def __cinit__(self, *args, **kwargs):
        self.name = ""
        self.error = ""
        self.wake_ns = NEVER_NS

    cdef int attach(self, StrategyDesk desk, int32_t owner) except -1:
        if not self.made:
            raise UsageError(f"{type(self).__name__} was never made; call super().__init__ in its __init__")
        if self.desk is not None:
            raise UsageError(f"strategy {self.name!r} belongs to a session already; build another one")
        self.desk = desk
        self.owner = owner
        self.holding = &desk.orders.holdings[owner]
        self.slots = &desk.gate.slots
        return 0

    cdef void converted(self) noexcept:
        pass

    cdef void reset(self) noexcept:
        pass

    cdef int evaluate(self, uint32_t symbols, int64_t now_ns) except -1:
        raise BrokenInvariant(f"{type(self).__name__} does not say what it wants")

    cdef int on_message(self, const Message* message, int64_t now_ns) except -1:
        return 0

    cdef int on_round(self, bint begins, int64_t now_ns) except -1:
        return 0

    cdef int on_tick(self, int64_t now_ns) except -1:
        return 0

    cdef int on_answer(self, const Proposal* proposal, int32_t refusal, Order* order) except -1:
        return 0

    # --- for the subclasses ---------------------------------------------------------------------

    cdef int64_t resting_size(self, int32_t symbol, int32_t side) noexcept:
        cdef int32_t index
        cdef int64_t size = 0
        cdef const Order* order
        for index in range(self.desk.orders.n_live[symbol]):
            order = self.desk.orders.live[symbol][index]
            if rests(order, self.owner, side):
                size += order.remaining
        return size

    cdef void ask(self, int32_t symbol, int32_t side, int64_t price, int64_t size, int64_t value) noexcept:
        cdef Proposal proposal
        # The gate would only do the same: most orders are proposed while the slot is closed.
        if not slot_free(self.slots, symbol):
            ask_again(self.slots, symbol, self.slots.open_ns[symbol])
            return
        proposal.kind = ADD
        proposal.symbol = symbol
        proposal.side = side
        proposal.price = clamped(price)
        proposal.size = clamped(size)
        proposal.strategy = self.owner
        proposal.value = value
        proposal.tag = 0
        self.desk.gate.propose(&proposal)

    cdef void ask_conversion(self, int32_t symbol, int32_t side, int64_t size, int64_t value) noexcept:
        cdef Proposal proposal
        proposal.kind = CONVERT
        proposal.symbol = symbol
        proposal.side = side
        proposal.price = 0
        proposal.size = clamped(size)
        proposal.strategy = self.owner
        proposal.value = value
        proposal.tag = 0
        self.desk.gate.propose(&proposal)

    # Keeps one order at `price` and none at other prices; no order at all for a size of 0 or less.
    cdef void keep_quote(self, int32_t symbol, int32_t side, int64_t price, int64_t size,
                         int64_t value) noexcept:
        cdef bint kept = False
        cdef int32_t index
        cdef Order* order
        for index in range(self.desk.orders.n_live[symbol]):
            order = self.desk.orders.live[symbol][index]
            if not rests(order, self.owner, side):
                continue
            if size > 0 and order.price == price and not kept:
                kept = True
            else:
                self.desk.cancel(order)
        if size > 0 and not kept:
            self.ask(symbol, side, price, size, value)

    cdef void pull_quotes(self, int32_t symbol) noexcept:
        self.keep_quote(symbol, 1, 0, 0, 0)
        self.keep_quote(symbol, -1, 0, 0, 0)
