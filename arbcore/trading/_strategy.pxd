# The desk of the built-in strategies and their base class. reference/strategy.py describes each call.
from libc.stdint cimport int32_t, int64_t, uint32_t

from arbcore._fast cimport Level
from arbcore.trading._market cimport Market
from arbcore.trading._orders cimport Holding, Order, Orders
from arbcore.trading._risk cimport Gate, Proposal, Slots, ask_again, slot_free
from arbcore.wire._types cimport Message

cdef enum:
    CANCELS_MAX = 512       # more than can be live at once: 7 symbols of 64

# The hook that runs now; `strategy` is NULL if none runs. The watchdog's thread reads it, so both strings
# live as long as the session.
cdef struct RunningHook:
    const char* strategy
    const char* hook

cdef class StrategyDesk:
    cdef RunningHook running
    cdef int64_t opened_ns              # when the first symbol of this round opened; 0 before
    cdef int64_t round_ns
    cdef object stopwatch               # returns nanoseconds, to time hooks with; None: hooks are not timed
    cdef bint signals_apart             # no signal becomes an exception: a KeyboardInterrupt is a hook's own
    cdef readonly Market market
    cdef readonly Orders orders
    cdef readonly Gate gate
    cdef int32_t hedged_owners[32]
    cdef int32_t n_hedged
    cdef Order* cancels[CANCELS_MAX]
    cdef int32_t n_cancels
    cdef void cancel(self, Order* order) noexcept
    # Puts an order in the queue of cancels, even if it was cancelled before: the exchange did not respond.
    cdef void cancel_again(self, Order* order) noexcept
    cdef int64_t loose_position(self, int32_t symbol) noexcept
    # The position that belongs to no strategy: found at a login, or filled under an id that is not ours.
    cdef int64_t unowned_position(self, int32_t symbol) noexcept
    # Size of a level that an order of `side` would trade with, without our own orders.
    cdef int64_t others_size(self, int32_t symbol, int32_t side, const Level* level) noexcept
    # net_touch: price of the first such level that is not ours alone, 0 if there is none.
    # net_levels: fills `levels` (room for MAX_LEVELS) with those levels; returns how many.
    cdef int64_t net_touch(self, int32_t symbol, int32_t side) noexcept
    cdef int32_t net_levels(self, int32_t symbol, int32_t side, Level* levels) noexcept

cdef class CompiledStrategy:
    cdef readonly str name
    cdef readonly str error             # why a user's strategy was switched off; empty while it is on
    cdef bint made                      # __init__ ran; without it the strategy has no settings
    cdef readonly bint hedged
    cdef readonly bint listens          # whether the session calls the `on_` functions below
    cdef readonly uint32_t book_bits
    cdef readonly uint32_t trade_bits
    cdef readonly uint32_t order_bits
    cdef readonly int64_t wake_ns
    cdef readonly int64_t stops         # how often it stopped quoting at its own loss limit
    cdef readonly int32_t owner
    cdef StrategyDesk desk
    cdef Holding* holding
    cdef Slots* slots
    cdef int attach(self, StrategyDesk desk, int32_t owner) except -1
    cdef void reset(self) noexcept
    cdef void converted(self) noexcept
    # Built-in strategies cannot raise; a user's strategy can, so the session checks for an exception.
    cdef int evaluate(self, uint32_t symbols, int64_t now_ns) except -1
    # These are called only if `listens`. on_message: a book, trade or own fill as the exchange sent it.
    # on_tick: ten times a second. on_answer: the order sent for a proposal; `order` is NULL if `refusal` is
    # its reason.
    cdef int on_message(self, const Message* message, int64_t now_ns) except -1
    # A round begins (after the hello) or ends (every symbol is closed).
    cdef int on_round(self, bint begins, int64_t now_ns) except -1
    cdef int on_tick(self, int64_t now_ns) except -1
    cdef int on_answer(self, const Proposal* proposal, int32_t refusal, Order* order) except -1
    cdef int64_t resting_size(self, int32_t symbol, int32_t side) noexcept  # shares that rest or will rest
    # A price or size beyond 32 bits is clipped to a value out of range, which the gate refuses.
    cdef void ask(self, int32_t symbol, int32_t side, int64_t price, int64_t size, int64_t value) noexcept
    cdef void ask_conversion(self, int32_t symbol, int32_t side, int64_t size, int64_t value) noexcept
    cdef void keep_quote(self, int32_t symbol, int32_t side, int64_t price, int64_t size,
                         int64_t value) noexcept
    cdef void pull_quotes(self, int32_t symbol) noexcept


# Whether the strategy has an own order in the symbol, in any live state.
cdef inline bint has_live(CompiledStrategy strategy, int32_t symbol) noexcept:
    return strategy.desk.orders.n_owned[symbol][strategy.owner] > 0

# Whether the symbol's slot is closed and no order is live; the session then runs the strategy again later.
cdef inline bint waits_for_slot(CompiledStrategy strategy, int32_t symbol) noexcept:
    if slot_free(strategy.slots, symbol) or has_live(strategy, symbol):
        return False
    ask_again(strategy.slots, symbol, strategy.slots.open_ns[symbol])
    return True
