# What a built-in strategy sees and may ask for. See reference/strategy.py for what each does.
from libc.stdint cimport int32_t, int64_t, uint32_t

from arbcore._fast cimport Level
from arbcore.trading._market cimport Market
from arbcore.trading._orders cimport Holding, Order, Orders
from arbcore.trading._risk cimport Gate, Proposal, Slots, ask_again, slot_free
from arbcore.wire._types cimport Message

cdef enum:
    CANCELS_MAX = 512       # more than can be live at once: 7 symbols of 64

# The hook that runs now: `strategy` is NULL while none does. A watchdog's thread reads it, so what both point
# to lives as long as the session.
cdef struct RunningHook:
    const char* strategy
    const char* hook

cdef class StrategyDesk:
    cdef RunningHook running
    cdef int64_t opened_ns              # when the first symbol of this round opened; 0 before
    cdef int64_t round_ns
    cdef object stopwatch               # gives nanoseconds, to time hooks with; None times nothing
    cdef bint signals_apart             # no signal becomes an exception: a KeyboardInterrupt is a hook's own
    cdef readonly Market market
    cdef readonly Orders orders
    cdef readonly Gate gate
    cdef int32_t hedged_owners[32]
    cdef int32_t n_hedged
    cdef Order* cancels[CANCELS_MAX]
    cdef int32_t n_cancels
    cdef void cancel(self, Order* order) noexcept
    # Puts an order in the queue of cancels, whatever was asked before: for cancels that nobody answered.
    cdef void cancel_again(self, Order* order) noexcept
    cdef int64_t loose_position(self, int32_t symbol) noexcept
    # What no strategy did: found at a login, or filled under an id that is not ours.
    cdef int64_t unowned_position(self, int32_t symbol) noexcept
    # Fills `levels` (room for MAX_LEVELS) with what an order of `side` would meet that is not our own.
    cdef int64_t others_size(self, int32_t symbol, int32_t side, const Level* level) noexcept
    # Best price such an order would meet that is not ours alone; 0 where there is none.
    cdef int64_t net_touch(self, int32_t symbol, int32_t side) noexcept
    cdef int32_t net_levels(self, int32_t symbol, int32_t side, Level* levels) noexcept

cdef class CompiledStrategy:
    cdef readonly str name
    cdef readonly str error             # why a user's strategy was switched off; empty while it is on
    cdef bint made                      # its own __init__ ran; without that it has no settings
    cdef readonly bint hedged
    cdef readonly bint listens          # whether the session calls the three `on_` functions below
    cdef readonly uint32_t book_bits
    cdef readonly uint32_t trade_bits
    cdef readonly uint32_t order_bits
    cdef readonly int64_t wake_ns
    cdef readonly int64_t stops         # how often it gave up quoting at its own loss limit
    cdef readonly int32_t owner
    cdef StrategyDesk desk
    cdef Holding* holding
    cdef Slots* slots
    cdef int attach(self, StrategyDesk desk, int32_t owner) except -1
    cdef void reset(self) noexcept
    cdef void converted(self) noexcept
    # Built-in strategies cannot raise; a user's strategy can, so the session checks for an exception.
    cdef int evaluate(self, uint32_t symbols, int64_t now_ns) except -1
    # Only for those that listen: a book, trade or own fill, as it was told; ten times a second; and what
    # became of a proposal (`order` is NULL and `refusal` says why, or the order that was sent).
    cdef int on_message(self, const Message* message, int64_t now_ns) except -1
    # A round begins (after the hello) or is over (every symbol is closed).
    cdef int on_round(self, bint begins, int64_t now_ns) except -1
    cdef int on_tick(self, int64_t now_ns) except -1
    cdef int on_answer(self, const Proposal* proposal, int32_t refusal, Order* order) except -1
    cdef int64_t resting_size(self, int32_t symbol, int32_t side) noexcept  # sum over reference `resting`
    # Prices and sizes beyond 32 bits are asked for as out of range, so that the gate refuses them.
    cdef void ask(self, int32_t symbol, int32_t side, int64_t price, int64_t size, int64_t value) noexcept
    cdef void ask_conversion(self, int32_t symbol, int32_t side, int64_t size, int64_t value) noexcept
    cdef void keep_quote(self, int32_t symbol, int32_t side, int64_t price, int64_t size,
                         int64_t value) noexcept
    cdef void pull_quotes(self, int32_t symbol) noexcept


# Any own order, in any live state.
cdef inline bint has_live(CompiledStrategy strategy, int32_t symbol) noexcept:
    return strategy.desk.orders.n_owned[symbol][strategy.owner] > 0

# Whether nothing can be done in a symbol before its slot opens; the session then asks again.
cdef inline bint waits_for_slot(CompiledStrategy strategy, int32_t symbol) noexcept:
    if slot_free(strategy.slots, symbol) or has_live(strategy, symbol):
        return False
    ask_again(strategy.slots, symbol, strategy.slots.open_ns[symbol])
    return True
