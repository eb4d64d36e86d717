# The gate: limits, collar, cooldown, message cap, and the proposals that wait for a slot.
from libc.stdint cimport int32_t, int64_t, uint32_t

from arbcore._fast cimport RateWindow
from arbcore.trading._market cimport Market
from arbcore.trading._orders cimport OWNERS_MAX, Orders
from arbcore.wire._types cimport N_SYMBOLS

cdef enum:
    PROPOSALS_MAX = 16
    # Value of an order that hedges a position: it goes before orders that only earn, and the bound on live
    # orders, which is meant for quotes, does not apply to it.
    HEDGE_VALUE = 0x7FFFFFFF
    LOSSES_MAX = 4          # a strategy that loses a symbol's slot this often in a row goes first

# Checked in this order; the first that applies is the result. REFUSAL_NAMES in _risk.pyx has their names.
cdef enum:
    PASS = 0
    HALTED = 1
    CLOSED = 2
    BAD_ORDER = 3
    SIZE_CAP = 4            # more than twice the symbol's limit, a size that no strategy needs
    LIMIT = 5
    TOO_MANY_LIVE = 6
    SELF_CROSS = 7
    NO_REFERENCE = 8
    COLLAR = 9
    COOLDOWN = 10
    MESSAGE_CAP = 11
    TOO_MANY_ASKED = 12     # not a result of `check`: more than PROPOSALS_MAX for one slot
    N_REFUSALS = 13

cdef enum GateMode:
    ACTIVE = 0
    STOPPING = 1
    CLOSING = 2

cdef struct Proposal:
    int32_t kind
    int32_t symbol
    int32_t side
    int32_t price
    int32_t size
    int32_t strategy
    int64_t value
    int64_t tag             # lets a user's strategy recognise its order; 0 from the built-in ones

# The time at which each symbol can send its next order, and the time at which its strategies run again.
cdef struct Slots:
    int64_t now_ns                  # the session's time, kept by the session
    int64_t open_ns[N_SYMBOLS]
    int64_t retry_ns[N_SYMBOLS]     # NEVER if they are not due to run again

cdef inline bint slot_free(const Slots* slots, int32_t symbol) noexcept nogil:
    return slots.now_ns >= slots.open_ns[symbol]

cdef inline void ask_again(Slots* slots, int32_t symbol, int64_t at_ns) noexcept nogil:
    if at_ns <= slots.now_ns:
        at_ns = slots.now_ns + 1
    if at_ns < slots.retry_ns[symbol]:
        slots.retry_ns[symbol] = at_ns

# A run of refusals of one owner in one symbol and side, without an order let through between them.
cdef struct Streak:
    int64_t since_ns
    int64_t until_ns        # a refusal after this time starts a new run; 0 if there is none
    int64_t longest_ns      # length of the longest run that is long enough to be reported; 0 for none
    int32_t reason          # reason of the last refusal in that run

cdef class Gate:
    cdef Market market
    cdef Orders orders
    cdef Proposal proposals[N_SYMBOLS][PROPOSALS_MAX]
    cdef int32_t n_proposals[N_SYMBOLS]
    cdef uint32_t symbols_asked         # bit set of the symbols with proposals
    cdef Slots slots
    cdef int64_t limits[N_SYMBOLS]
    cdef int64_t size_caps[N_SYMBOLS]   # most shares of one order; above 0, so any position can be closed
    cdef int32_t losses[N_SYMBOLS][OWNERS_MAX]
    cdef int64_t refusal_counts[N_REFUSALS]
    cdef Streak streaks[OWNERS_MAX][N_SYMBOLS][2]
    cdef RateWindow sent
    cdef public int32_t mode
    cdef public bint ready               # a hello came on this connection and no resync is due
    cdef int64_t order_cooldown_ns
    cdef int64_t reject_pause_ns
    cdef int32_t cancel_reserve
    cdef int32_t collar_bps
    cdef int32_t live_orders_max

    cdef int64_t room(self, int32_t symbol, int32_t side) noexcept
    cdef void propose(self, const Proposal* proposal) noexcept
    cdef void drop_proposals(self, int32_t symbol) noexcept
    cdef int32_t check(self, const Proposal* order, int64_t now_ns) noexcept
    # The price nearest to `price` that the collar allows.
    cdef int32_t within_collar(self, int32_t symbol, int32_t price, int64_t now_ns) noexcept
    cdef int32_t message_room(self, int64_t now_ns) noexcept
    cdef void message_sent(self, int64_t now_ns) noexcept
    cdef int64_t room_after_ns(self, int32_t room, int64_t now_ns) noexcept
    cdef void take_slot(self, int32_t symbol, int64_t now_ns) noexcept
    cdef void pause(self, int32_t symbol, int64_t now_ns) noexcept
    # Writes to `places` the indices of the symbol's proposals in the order in which they are tried.
    cdef void rank(self, int32_t symbol, int32_t* places) noexcept
    cdef void slot_won(self, const Proposal* winner) noexcept
    cdef void note_refusal(self, const Proposal* proposal, int32_t refusal, int64_t now_ns) noexcept
    cdef bint _reduces(self, const Proposal* order) noexcept
    cdef bint _within_limits(self, const Proposal* order) noexcept
    cdef bint _crosses_own(self, const Proposal* order) noexcept
