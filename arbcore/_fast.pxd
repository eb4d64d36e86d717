# The kernels of both bots: plain structs and functions over them, no Python objects.
from libc.stdint cimport int32_t, int64_t

cdef enum:
    DEPTH_LEVELS_MAX = 15   # levels a side, as the Python interface accepts them
    QUANTITY_END = 1000000  # prices, sizes, units and fees stay below

cdef struct Level:
    int32_t price
    int32_t size


# The last `window` values and their exact sum. `values` is owned: ring_init allocates, ring_free frees.
# `head` is where the next value goes; once full that is also the oldest.
cdef struct Ring:
    int64_t* values
    int32_t window
    int32_t count
    int32_t head
    int64_t total

cdef int ring_init(Ring* ring, int32_t window) except -1
cdef void ring_free(Ring* ring) noexcept nogil
cdef void ring_clear(Ring* ring) noexcept nogil
# The mean rounded down and up to whole ticks; the ring must hold a value.
cdef int64_t ring_mean_floor(const Ring* ring) noexcept nogil
cdef int64_t ring_mean_ceil(const Ring* ring) noexcept nogil

# The caller guarantees |value| <= (2**63 - 1) // window; prices of the exchange always satisfy it.
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


# Stamps of the last `cap` messages: at most `cap` in any half-open span of `span_ns`. Stamps never go
# back: a `now_ns` before the last stamp is treated as that stamp.
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
# When the next message may go: `now_ns` itself if there is room, else the first instant at which there
# will be; 2**63 - 1 if that lies beyond the end of time.
cdef int64_t rate_open_ns(const RateWindow* window, int64_t now_ns) noexcept nogil


# Per slot (symbol) the time of the last mark; a slot is ready `cooldown_ns` after it, or if never marked.
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
# The caller guarantees 0 <= slot < n_slots.
cdef bint cooldown_ready(const CooldownTable* table, int32_t slot, int64_t now_ns) noexcept nogil
cdef void cooldown_mark(CooldownTable* table, int32_t slot, int64_t now_ns) noexcept nogil
# From when the slot is ready: -2**63 if never marked, 2**63 - 1 if that lies beyond the end of time.
cdef int64_t cooldown_open_ns(const CooldownTable* table, int32_t slot) noexcept nogil


# Shares of this side (+1 buy, -1 sell) that may still be added: limit - side*position - working, never
# below 0, never above 2**63 - 1, exact between them for all inputs. `working` is all of the same side that
# may still fill. The sum of three 64-bit numbers is taken in two halves of 32 bits, so nothing overflows.
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

# Whether an order of `size` shares more keeps within the limit. No size below 1 is an order.
cdef inline bint exposure_allows(int64_t position, int64_t working, int side, int64_t size,
                                 int64_t limit) noexcept nogil:
    return 0 < size <= exposure_room(position, working, side, limit)


# What `quantity` shares cost (asks) or fetch (bids) walking the depth from the best level; -1 if the
# levels hold fewer. Exact: prices and sizes are bounded by the protocol; `quantity` >= 0.
cdef int64_t depth_value(const Level* levels, int32_t count, int64_t quantity) noexcept nogil


# For Python callers: arguments checked, levels copied from Python. `within` raises TypeError for anything but
# an integer, and ValueError outside low..high. `direction` is 1 for asks (prices may not fall), -1 for bids
# (may not rise), 0 for either; levels are (price, size) pairs, each number in 1..QUANTITY_END - 1.
cdef struct Side:
    Level levels[DEPTH_LEVELS_MAX]
    int32_t count

cdef int64_t within(object value, str name, int64_t low, int64_t high) except? -1
cdef int read_side(Side* side, object levels, int direction) except -1


# --- baskets: what a conversion gains over the depth of the books ---

cdef enum:
    LEGS_MAX = 4  # constituents of a basket

# One conversion and the books that price it: `unit` shares of the ETF exchange for leg_quantity[i] shares
# of each of `legs` constituents. A conversion costs `fee` once and `lot_fee` for every lot (a lot is `unit`
# shares of the ETF). Levels are borrowed, best first; an empty side has n = 0 and may be NULL.
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

# What `lots` baskets cost at the asks or fetch at the bids; -1 if the depth of a leg is short.
cdef int64_t basket_cost_at(const ConversionBooks* books, int32_t lots) noexcept nogil
cdef int64_t basket_proceeds_at(const ConversionBooks* books, int32_t lots) noexcept nogil
# Create: buy baskets at the asks, convert, sell the ETF at the bids. Redeem: buy the ETF at the asks,
# convert, sell baskets at the bids. False, and *edge untouched, where the depth is short.
cdef bint create_edge_at(const ConversionBooks* books, int32_t lots, int64_t* edge) noexcept nogil
cdef bint redeem_edge_at(const ConversionBooks* books, int32_t lots, int64_t* edge) noexcept nogil
# The number of lots in 1..max_lots with the largest edge, the fewest on a tie. The edge may be negative;
# *lots = 0 and *edge = 0 where the depth does not hold one lot.
cdef void best_create(const ConversionBooks* books, int32_t max_lots, int32_t* lots,
                      int64_t* edge) noexcept nogil
cdef void best_redeem(const ConversionBooks* books, int32_t max_lots, int32_t* lots,
                      int64_t* edge) noexcept nogil
