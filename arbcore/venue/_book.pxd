# C API of the order book of one symbol. Prices and sizes are integers; a price of 0 means that there is none.
from libc.stdint cimport int32_t, int64_t

from arbcore._fast cimport Level

# One resting order. `next` and `previous` are slots in the pool, in time order at one price; -1 marks the end
# of the queue.
cdef struct Resting:
    int64_t order_id
    int32_t account
    int32_t side
    int32_t price
    int32_t left
    int32_t previous
    int32_t next

# All orders at one price, oldest first. `size` is the sum of their remaining sizes.
cdef struct Queue:
    int64_t size
    int32_t price
    int32_t head
    int32_t tail
    int32_t orders

# One side: queues sorted by price, the best one LAST, because removing the last one is cheap.
cdef struct Ladder:
    Queue* queues
    int32_t count
    int32_t capacity

# What one match executed against one resting order. `left` is the order's remaining size; 0: it is gone.
cdef struct Execution:
    int64_t order_id
    int32_t account
    int32_t price
    int32_t size
    int32_t left

cdef class Book:
    cdef Resting* pool
    cdef Execution* executions        # executions of the last match() only, oldest first
    cdef int32_t n_executions
    cdef int32_t pool_capacity
    cdef int32_t pool_used
    cdef int32_t first_free
    cdef readonly int32_t orders      # number of resting orders, both sides
    cdef Ladder bids
    cdef Ladder asks
    # True if the visible 15 levels changed since the code that publishes the book last cleared it.
    cdef readonly bint changed

    # --- reading (participants may use all of these; none allocates) ---
    cdef int32_t best_bid(self) noexcept nogil              # price, 0 when the side is empty
    cdef int32_t best_ask(self) noexcept nogil
    cdef int32_t n_levels(self, int side) noexcept nogil    # side is BUY (bids) or SELL (asks)
    # depth 0 is the best. Beyond the last level: price 0, size 0.
    cdef Level level(self, int side, int32_t depth) noexcept nogil
    # Copies at most `most` levels, best first, sizes summed by price; returns how many.
    cdef int32_t copy_levels(self, int side, Level* levels, int32_t most) noexcept nogil

    # --- changing (only Floor calls these; all others go through Floor) ---
    # Reserves memory for one more resting order, so the calls after it cannot run out of memory.
    cdef int reserve(self) except -1
    # Executes `size` against orders of the other side that cross `price`, best price and oldest first.
    # Returns the remaining size. The executions are in self.executions until the next match.
    cdef int32_t match(self, int side, int32_t price, int32_t size) noexcept nogil
    # Rests an order that no longer crosses; returns its slot. Call reserve() first.
    cdef int32_t rest(self, int32_t account, int64_t order_id, int side, int32_t price,
                      int32_t size) noexcept nogil
    cdef void remove(self, int32_t slot) noexcept nogil
    cdef void clear(self) noexcept nogil
