# Order lifecycle, positions, cash and holdings. A pointer to an order is valid until `enter` reuses its slot.
from libc.stdint cimport int32_t, int64_t, uint32_t

from arbcore.wire._types cimport N_SYMBOLS

cdef enum:
    TABLE_SIZE = 4096       # a power of two: an id's slot is id & (TABLE_SIZE - 1)
    FILLS_KEPT = 16         # a power of two
    LIVE_MAX = 64           # live orders in one symbol
    OWNERS_MAX = 33         # 32 strategies, and one owner for positions and fills that belong to no strategy
    CHANGES_MAX = 5         # symbols that one conversion changes

cdef enum OrderKind:
    ADD = 0
    CONVERT = 1

cdef enum OrderState:
    UNACKED = 0
    OPEN = 1
    CANCELLING = 2
    UNKNOWN = 3
    OUT = 4                 # this state and those after it are terminal
    REJECTED = 5

cdef enum OrderEvent:
    ON_ACK = 0
    ON_REJECT = 1
    ON_PARTIAL = 2
    ON_FILLED = 3
    ON_OUT = 4
    ON_CANCEL = 5
    ON_TIMEOUT = 6
    ON_LOST = 7
    ON_RESYNC = 8

# Messages of the exchange that do not fit our state or the protocol. _orders.pyx names them in ANOMALY_NAMES.
cdef enum:
    UNKNOWN_ACK = 0
    UNKNOWN_REJECT = 1
    ACK_AFTER_END = 2
    REJECT_AFTER_ACK = 3
    OUT_OF_CONVERSION = 4
    FOREIGN_FILL = 5
    FILL_AFTER_END = 6
    OVERFILL = 7
    BEYOND_BELIEF = 8
    BEFORE_HELLO = 9
    REPEATED_HELLO = 10
    DEEP_BOOK = 11
    N_ANOMALIES = 12

cdef struct Order:
    int64_t id              # 0 in a slot that was never used
    int32_t kind
    int32_t symbol
    int32_t side
    int32_t price
    int32_t size
    int32_t remaining
    int32_t strategy
    int32_t state
    int32_t cancels
    bint wants_cancel
    int64_t sent_ns
    int64_t cancel_ns

cdef struct Holding:
    int64_t position[N_SYMBOLS]
    int64_t cash
    int64_t carried_pnl
    int64_t orders
    int64_t fills

# One of our fills; the last FILLS_KEPT are kept for display.
cdef struct Fill:
    int64_t order_id
    int32_t symbol
    int32_t side
    int32_t price
    int32_t size
    int32_t strategy

cdef struct Change:
    int32_t symbol
    int64_t shares          # signed

# Facts of wire.instruments.CONVERSIONS; `unit` is 0 for a symbol that does not convert.
cdef struct ConversionRule:
    int32_t unit
    int32_t fee
    int32_t n_legs
    int32_t legs[CHANGES_MAX]
    int32_t quantities[CHANGES_MAX]

cdef const ConversionRule* conversion_of(int32_t symbol) noexcept nogil
# Writes a conversion's symbols and signed shares to `changes`, the ETF first; returns how many it wrote.
cdef int32_t conversion_changes(int32_t symbol, int32_t side, int64_t size, Change* changes) noexcept nogil
cdef int64_t bounded(int64_t money) noexcept nogil

# The builtin abs makes a Python object of a 64-bit number.
cdef inline int64_t magnitude(int64_t value) noexcept nogil:
    return -value if value < 0 else value

cdef class Orders:
    cdef Order* table
    cdef Order* live[N_SYMBOLS][LIVE_MAX]
    cdef int32_t n_live[N_SYMBOLS]
    cdef int32_t n_owned[N_SYMBOLS][OWNERS_MAX]  # live orders by owner; read at every book
    cdef uint32_t live_bits             # bit set of the symbols with live orders
    cdef readonly int64_t next_id
    cdef int64_t position[N_SYMBOLS]
    cdef int64_t working_buy[N_SYMBOLS]
    cdef int64_t working_sell[N_SYMBOLS]
    cdef int64_t average_cost[N_SYMBOLS]
    cdef readonly int64_t cash
    cdef Holding holdings[OWNERS_MAX]
    cdef readonly int32_t n_owners
    cdef readonly int64_t fills
    cdef Fill last_fills[FILLS_KEPT]    # fill number n is at n & (FILLS_KEPT - 1)
    cdef readonly int64_t doubts        # how often a message proved that the exchange and we disagree
    cdef int32_t last_doubt             # the anomaly of the last such message
    cdef int64_t frozen_pnl
    cdef int64_t anomaly_counts[N_ANOMALIES]

    # Calls of the session. An Order* result is NULL if the id is not ours or nothing changed.
    cdef Order* enter(self, int32_t kind, int32_t symbol, int32_t side, int32_t price, int32_t size,
                      int32_t strategy, int64_t now_ns) except NULL
    cdef void mark_cancel(self, Order* order, int64_t now_ns) noexcept
    cdef Order* take_ack(self, int64_t order_id) noexcept
    cdef Order* take_reject(self, int64_t order_id) noexcept
    cdef Order* take_out(self, int64_t order_id) noexcept
    cdef Order* take_fill(self, int64_t order_id, int32_t symbol, int32_t side, int32_t price,
                          int32_t size) noexcept
    cdef void lose_all(self) noexcept
    cdef bint take_positions(self, const int64_t* told, int64_t cash, const int64_t* worth) noexcept
    cdef void time_out(self, Order* order) noexcept
    cdef Order* find(self, int64_t order_id) noexcept
    cdef int64_t average_price(self, int32_t symbol) noexcept
    cdef int _check_owner(self, int32_t owner) except -1
    cdef dict show(self, const Order* order)

    cdef void _doubt(self, int32_t anomaly) noexcept
    cdef Order* _known(self, int64_t order_id) except NULL
    cdef void _move(self, Order* order, int32_t event) noexcept
    cdef void _work(self, const Order* order, int64_t size) noexcept
    cdef void _convert(self, Order* order) noexcept
    cdef bint _believable(self, int32_t owner, int32_t symbol, int64_t change, int64_t cost) noexcept
    cdef void _book(self, int32_t owner, int32_t symbol, int64_t change, int64_t cost) noexcept
