# The wall of the shared kernels: plain structs and functions over them, no Python objects.
from libc.stdint cimport int32_t, int64_t

cdef struct Level:
    int32_t price
    int32_t size

# The last `window` values and their exact sum. `values` is owned: ring_init allocates, ring_free frees.
cdef struct Ring:
    int64_t* values
    int32_t window
    int32_t count
    int32_t head
    int64_t total

cdef int ring_init(Ring* ring, int32_t window) except -1
cdef void ring_free(Ring* ring) noexcept nogil
cdef void ring_clear(Ring* ring) noexcept nogil
# The caller guarantees |value| <= (2**63 - 1) // window; prices of the exchange always satisfy it.
cdef void ring_push(Ring* ring, int64_t value) noexcept nogil

# Stamps of the last `cap` messages: at most `cap` in any half-open span of `span_ns`.
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
# When the next message may go: `now_ns` or earlier if there is room already.
cdef int64_t rate_open_ns(const RateWindow* window, int64_t now_ns) noexcept nogil

# Shares of this side (+1 buy, -1 sell) that may still be added: limit - side*position - working, never
# below 0, never overflowing. `working` is all of the same side that may still fill.
cdef int64_t exposure_room(int64_t position, int64_t working, int side, int64_t limit) noexcept nogil
cdef bint exposure_allows(int64_t position, int64_t working, int side, int64_t size,
                          int64_t limit) noexcept nogil

# What `quantity` shares cost (asks) or fetch (bids) walking the depth from the best level; -1 if the
# levels hold fewer. Exact: quantity and prices are bounded by the protocol.
cdef int64_t depth_value(const Level* levels, int32_t count, int64_t quantity) noexcept nogil
