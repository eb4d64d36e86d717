# C API of the order book of one symbol. Prices and sizes are integers; a price of 0 means "none".
from libc.stdint cimport int32_t, int64_t

from arbcore._fast cimport Level

# One resting order. `next` and `previous` are slots in the pool, in time order at one price; -1 ends the
# queue.
cdef struct Resting:
    int64_t order_id
    int32_t account
    int32_t side
    int32_t price
    int32_t left
    int32_t previous
    int32_t next

# All orders at one price, oldest first. `size` is the sum of what they have left.
cdef struct Queue:
    int64_t size
    int32_t price
    int32_t head
    int32_t tail
    int32_t orders

# One side: queues sorted by price with the best one LAST, so that the touch is cheap to take away.
cdef struct Ladder:
    Queue* queues
    int32_t count
    int32_t capacity

# What one match took from one resting order. `left` is what that order still has; 0 means it is gone.
cdef struct Execution:
    int64_t order_id
    int32_t account
    int32_t price
    int32_t size
    int32_t left

cdef class Book:
    cdef Resting* pool
    cdef Execution* executions        # of the last match() alone, in the order they happened
    cdef int32_t n_executions
    cdef int32_t pool_capacity
    cdef int32_t pool_used
    cdef int32_t first_free
    cdef readonly int32_t orders      # resting now, both sides
    cdef Ladder bids
    cdef Ladder asks
    # True since anything in the visible 15 levels changed; whoever publishes the book clears it.
    cdef readonly bint changed

    # --- to read (participants may use all of these; none allocates) ---
    cdef int32_t best_bid(self) noexcept nogil              # price, 0 when the side is empty
    cdef int32_t best_ask(self) noexcept nogil
    cdef int32_t n_levels(self, int side) noexcept nogil    # side is BUY (bids) or SELL (asks)
    # depth 0 is the best. Beyond the last level: price 0, size 0.
    cdef Level level(self, int side, int32_t depth) noexcept nogil
    # Copies up to `most` levels, best first, sizes summed by price; returns how many.
    cdef int32_t copy_levels(self, int side, Level* levels, int32_t most) noexcept nogil

    # --- to change (the floor alone uses these; everybody else goes through Floor) ---
    # Makes room for one more resting order, so that nothing after it can run out of memory half way.
    cdef int reserve(self) except -1
    # Takes what crosses `price` from the other side, best price and oldest first; returns what is left of
    # `size`. The executions are in self.executions until the next match.
    cdef int32_t match(self, int side, int32_t price, int32_t size) noexcept nogil
    # Rests an order that no longer crosses; returns its slot. Needs reserve() before.
    cdef int32_t rest(self, int32_t account, int64_t order_id, int side, int32_t price,
                      int32_t size) noexcept nogil
    cdef void remove(self, int32_t slot) noexcept nogil
    cdef void clear(self) noexcept nogil
