# The kernels of both bots: plain structs and functions over them, without Python objects.
from libc.stdint cimport int32_t, int64_t

cdef enum:
    DEPTH_LEVELS_MAX = 15   # levels a side that the Python interface accepts
    QUANTITY_END = 1000000  # prices, sizes, units and fees are below this

cdef struct Level:
    int32_t price
    int32_t size


# The last `window` values and their exact sum. ring_init allocates `values`, ring_free frees it. `head` is
# the index of the next value; in a full ring that is also the index of the oldest.
cdef struct Ring:
    int64_t* values
    int32_t window
    int32_t count
    int32_t head
    int64_t total

cdef int ring_init(Ring* ring, int32_t window) except -1
cdef void ring_free(Ring* ring) noexcept nogil
cdef void ring_clear(Ring* ring) noexcept nogil
# The mean rounded down or up to whole ticks; the ring must not be empty.
cdef int64_t ring_mean_floor(const Ring* ring) noexcept nogil
cdef int64_t ring_mean_ceil(const Ring* ring) noexcept nogil

# The caller must ensure |value| <= (2**63 - 1) // window, as prices of the exchange always do.
cdef inline void ring_push(Ring* ring, int64_t value) noexcept nogil:
    if ring.count == ring.window:
        ring.total -= ring.values[ring.head]
    else:
        ring.count += 1
    ring.values[ring.head] = value
    ring.total += value
    ring.head += 1
    if ring.head == ring.window:
        ring.head = 0


# Times of the last `cap` messages: at most `cap` in any half-open span of `span_ns`. Times never go back: a
# `now_ns` before the last one is treated as the last one.
cdef struct RateWindow:
    int64_t* stamps_ns
    int32_t cap
    int32_t count
    int32_t head
    int64_t span_ns

cdef int rate_init(RateWindow* window, int32_t cap, int64_t span_ns) except -1
cdef void rate_free(RateWindow* window) noexcept nogil
cdef void rate_clear(RateWindow* window) noexcept nogil
cdef int32_t rate_room(const RateWindow* window, int64_t now_ns) noexcept nogil
cdef bint rate_take(RateWindow* window, int64_t now_ns) noexcept nogil
# The time at which the next message may be sent: `now_ns` if there is room, else the first time with room;
# 2**63 - 1 if that is beyond the largest time.
cdef int64_t rate_open_ns(const RateWindow* window, int64_t now_ns) noexcept nogil


# The time of the last mark of each slot (symbol). A slot is ready `cooldown_ns` after it, or if never marked.
# A time before the slot's last mark is treated as that mark.
cdef struct CooldownSlot:
    int64_t marked_ns
    bint marked

cdef struct CooldownTable:
    CooldownSlot* slots
    int32_t n_slots
    int64_t cooldown_ns

cdef int cooldown_init(CooldownTable* table, int32_t n_slots, int64_t cooldown_ns) except -1
cdef void cooldown_free(CooldownTable* table) noexcept nogil
cdef void cooldown_clear(CooldownTable* table) noexcept nogil
# The caller must ensure 0 <= slot < n_slots.
cdef bint cooldown_ready(const CooldownTable* table, int32_t slot, int64_t now_ns) noexcept nogil
cdef void cooldown_mark(CooldownTable* table, int32_t slot, int64_t now_ns) noexcept nogil
# The time from which the slot is ready: -2**63 if never marked, 2**63 - 1 if beyond the largest time.
cdef int64_t cooldown_open_ns(const CooldownTable* table, int32_t slot) noexcept nogil


# Shares of this side (+1 buy, -1 sell) that can still be added: limit - side*position - working, at least 0,
# at most 2**63 - 1, exact between them for all inputs. `working` is the size of all orders of the same side
# that may still fill. The sum of three 64-bit numbers is computed in two 32-bit halves and cannot overflow.
cdef inline int64_t exposure_room(int64_t position, int64_t working, int side, int64_t limit) noexcept nogil:
    cdef int64_t low_mask = 0xFFFFFFFF
    cdef int64_t sign = 1 if side > 0 else -1
    cdef int64_t low = (limit & low_mask) - sign * (position & low_mask) - (working & low_mask)
    cdef int64_t high = (limit >> 32) - sign * (position >> 32) - (working >> 32) + (low >> 32)
    if high < 0:
        return 0
    if high > 0x7FFFFFFF:
        return 0x7FFFFFFFFFFFFFFF
    return (high << 32) | (low & low_mask)

# Whether `size` more shares stay within the limit. An order has a size of at least 1.
cdef inline bint exposure_allows(int64_t position, int64_t working, int side, int64_t size,
                                 int64_t limit) noexcept nogil:
    return 0 < size <= exposure_room(position, working, side, limit)


# The cost (asks) or proceeds (bids) of `quantity` shares, level by level from the best; -1 if the levels hold
# fewer. Exact, because the protocol bounds prices and sizes; `quantity` >= 0.
cdef int64_t depth_value(const Level* levels, int32_t count, int64_t quantity) noexcept nogil


# For Python callers: they check arguments and copy levels. `within` raises TypeError for anything but an
# integer, and ValueError outside low..high. `direction` is 1 for asks (prices may not fall), -1 for bids (may
# not rise), 0 for either; levels are (price, size) pairs, each number in 1..QUANTITY_END - 1.
cdef struct Side:
    Level levels[DEPTH_LEVELS_MAX]
    int32_t count

cdef int64_t within(object value, str name, int64_t low, int64_t high) except? -1
cdef int read_side(Side* side, object levels, int direction) except -1


# --- baskets: gain of a conversion over the depth of the books ---

cdef enum:
    LEGS_MAX = 4  # constituents of a basket

# One conversion and the books that price it: `unit` shares of the ETF exchange for leg_quantity[i] shares
# of each of `legs` constituents. A conversion costs `fee` once and `lot_fee` for every lot (a lot is `unit`
# shares of the ETF). The struct does not own the levels. They are best first; an empty side has n = 0 and
# may be NULL.
cdef struct ConversionBooks:
    const Level* etf_bids
    const Level* etf_asks
    int32_t n_etf_bids
    int32_t n_etf_asks
    const Level* leg_bids[LEGS_MAX]
    const Level* leg_asks[LEGS_MAX]
    int32_t n_leg_bids[LEGS_MAX]
    int32_t n_leg_asks[LEGS_MAX]
    int32_t leg_quantity[LEGS_MAX]
    int32_t legs
    int32_t unit
    int64_t fee
    int64_t lot_fee

# The cost of `lots` baskets at the asks, or their proceeds at the bids; -1 if a leg has too little depth.
cdef int64_t basket_cost_at(const ConversionBooks* books, int32_t lots) noexcept nogil
cdef int64_t basket_proceeds_at(const ConversionBooks* books, int32_t lots) noexcept nogil
# Create: buy baskets at the asks, convert, sell the ETF at the bids. Redeem: buy the ETF at the asks,
# convert, sell baskets at the bids. Both return False and leave *edge as it was if the depth is too small.
cdef bint create_edge_at(const ConversionBooks* books, int32_t lots, int64_t* edge) noexcept nogil
cdef bint redeem_edge_at(const ConversionBooks* books, int32_t lots, int64_t* edge) noexcept nogil
# The number of lots in 1..max_lots with the largest edge, the fewest on a tie. The edge may be negative;
# *lots = 0 and *edge = 0 if the depth does not hold one lot.
cdef void best_create(const ConversionBooks* books, int32_t max_lots, int32_t* lots,
                      int64_t* edge) noexcept nogil
cdef void best_redeem(const ConversionBooks* books, int32_t max_lots, int32_t* lots,
                      int64_t* edge) noexcept nogil
