"""The order book of one symbol: price-time priority over integer prices, without a Python object per order.

Owns the resting orders, their queues and the matching of one incoming order. Accounts are only numbers to it,
and it must not know limits, cash, the wire or time.

Each side is a small array of queues sorted by price with the best at its end. Books of this exchange hold
tens of prices, for which a binary search and a short memmove are faster than any tree, and reading the
touch is one load.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memmove

from arbcore._fast cimport Level
from arbcore.wire._types cimport BUY, MAX_LEVELS, PRICE_END, SELL

from arbcore.errors import BrokenInvariant, UsageError

cdef enum:
    FIRST_CAPACITY = 64
    # The floor packs a slot and a symbol id into 32 bits.
    ORDERS_MAX = 1 << 27


cdef int32_t ladder_place(const Ladder* ladder, int side, int32_t price) noexcept nogil:
    """Index of the first queue whose price is not worse than `price`; count if there is none."""
    cdef int32_t low = 0
    cdef int32_t high = ladder.count
    cdef int32_t middle
    while low < high:
        middle = (low + high) >> 1
        if side * ladder.queues[middle].price < side * price:
            low = middle + 1
        else:
            high = middle
    return low


cdef int ladder_reserve(Ladder* ladder) except -1:
    cdef int32_t capacity
    cdef Queue* grown
    if ladder.count < ladder.capacity:
        return 0
    capacity = ladder.capacity * 2 if ladder.capacity else FIRST_CAPACITY
    grown = <Queue*>realloc(ladder.queues, <size_t>capacity * sizeof(Queue))
    if grown == NULL:
        raise MemoryError()
    ladder.queues = grown
    ladder.capacity = capacity
    return 0


cdef class Book:
    """Resting orders of one symbol. ``side`` is 1 for buy and -1 for sell; prices are whole ticks above 0."""

    def __cinit__(self):
        self.first_free = -1
        self.reserve()

    def __dealloc__(self):
        free(self.pool)
        free(self.executions)
        free(self.bids.queues)
        free(self.asks.queues)

    cdef int32_t best_bid(self) noexcept nogil:
        return self.bids.queues[self.bids.count - 1].price if self.bids.count else 0

    cdef int32_t best_ask(self) noexcept nogil:
        return self.asks.queues[self.asks.count - 1].price if self.asks.count else 0

    cdef int32_t n_levels(self, int side) noexcept nogil:
        return self.bids.count if side == BUY else self.asks.count

    cdef Level level(self, int side, int32_t depth) noexcept nogil:
        cdef Level found
        cdef const Ladder* ladder = &self.bids if side == BUY else &self.asks
        cdef const Queue* queue
        found.price = 0
        found.size = 0
        if 0 <= depth < ladder.count:
            queue = &ladder.queues[ladder.count - 1 - depth]
            found.price = queue.price
            # The wire allows no larger size; only a very large number of huge orders at one price exceeds it.
            found.size = <int32_t>queue.size if queue.size < PRICE_END else PRICE_END - 1
        return found

    cdef int32_t copy_levels(self, int side, Level* levels, int32_t most) noexcept nogil:
        cdef int32_t count = self.n_levels(side)
        cdef int32_t depth
        if count > most:
            count = most
        for depth in range(count):
            levels[depth] = self.level(side, depth)
        return count

    cdef int reserve(self) except -1:
        cdef int32_t capacity
        cdef Resting* pool
        cdef Execution* executions
        ladder_reserve(&self.bids)
        ladder_reserve(&self.asks)
        if self.first_free >= 0 or self.pool_used < self.pool_capacity:
            return 0
        if self.pool_capacity >= ORDERS_MAX:
            raise MemoryError("One book holds as many orders as it can; cancel some.")
        capacity = self.pool_capacity * 2 if self.pool_capacity else FIRST_CAPACITY
        pool = <Resting*>realloc(self.pool, <size_t>capacity * sizeof(Resting))
        if pool == NULL:
            raise MemoryError()
        self.pool = pool
        # One match executes each resting order at most once, so this many executions are enough.
        executions = <Execution*>realloc(self.executions, <size_t>capacity * sizeof(Execution))
        if executions == NULL:
            raise MemoryError()
        self.executions = executions
        self.pool_capacity = capacity
        return 0

    cdef int32_t match(self, int side, int32_t price, int32_t size) noexcept nogil:
        cdef Ladder* ladder = &self.asks if side == BUY else &self.bids
        cdef Queue* queue
        cdef Resting* maker
        cdef Execution* execution
        cdef int32_t slot, taken
        self.n_executions = 0
        while size > 0 and ladder.count > 0:
            queue = &ladder.queues[ladder.count - 1]
            if side * queue.price > side * price:
                break
            self.changed = True
            while size > 0 and queue.head >= 0:
                slot = queue.head
                maker = &self.pool[slot]
                taken = size if size < maker.left else maker.left
                size -= taken
                maker.left -= taken
                queue.size -= taken
                execution = &self.executions[self.n_executions]
                self.n_executions += 1
                execution.order_id = maker.order_id
                execution.account = maker.account
                execution.price = queue.price
                execution.size = taken
                execution.left = maker.left
                if maker.left == 0:
                    queue.head = maker.next
                    queue.orders -= 1
                    if maker.next >= 0:
                        self.pool[maker.next].previous = -1
                    maker.next = self.first_free
                    self.first_free = slot
                    self.orders -= 1
            if queue.head < 0:
                ladder.count -= 1
        return size

    cdef int32_t rest(self, int32_t account, int64_t order_id, int side, int32_t price,
                      int32_t size) noexcept nogil:
        cdef Ladder* ladder = &self.bids if side == BUY else &self.asks
        cdef int32_t place = ladder_place(ladder, side, price)
        cdef int32_t slot = self.first_free
        cdef Queue* queue = &ladder.queues[place]
        cdef Resting* order
        if slot >= 0:
            self.first_free = self.pool[slot].next
        else:
            slot = self.pool_used
            self.pool_used += 1
        if place == ladder.count or queue.price != price:
            memmove(queue + 1, queue, <size_t>(ladder.count - place) * sizeof(Queue))
            ladder.count += 1
            queue.price = price
            queue.size = 0
            queue.orders = 0
            queue.head = -1
            queue.tail = -1
        order = &self.pool[slot]
        order.order_id = order_id
        order.account = account
        order.side = side
        order.price = price
        order.left = size
        order.next = -1
        order.previous = queue.tail
        if queue.head < 0:
            queue.head = slot
            order.previous = -1
        else:
            self.pool[queue.tail].next = slot
        queue.tail = slot
        queue.size += size
        queue.orders += 1
        self.orders += 1
        if ladder.count - place <= MAX_LEVELS:
            self.changed = True
        return slot

    cdef void remove(self, int32_t slot) noexcept nogil:
        cdef Resting* order = &self.pool[slot]
        cdef Ladder* ladder = &self.bids if order.side == BUY else &self.asks
        cdef int32_t place = ladder_place(ladder, order.side, order.price)
        cdef Queue* queue = &ladder.queues[place]
        if ladder.count - place <= MAX_LEVELS:
            self.changed = True
        if order.previous >= 0:
            self.pool[order.previous].next = order.next
        else:
            queue.head = order.next
        if order.next >= 0:
            self.pool[order.next].previous = order.previous
        else:
            queue.tail = order.previous
        queue.size -= order.left
        queue.orders -= 1
        if queue.orders == 0:
            ladder.count -= 1
            memmove(queue, queue + 1, <size_t>(ladder.count - place) * sizeof(Queue))
        order.left = 0
        order.next = self.first_free
        self.first_free = slot
        self.orders -= 1

    cdef void clear(self) noexcept nogil:
        self.bids.count = 0
        self.asks.count = 0
        self.pool_used = 0
        self.first_free = -1
        self.orders = 0
        self.n_executions = 0
        self.changed = True

    def enter(self, int account, int64_t order_id, *, int side, int price, int size):
        """Matches an order and rests its remaining size.

        Returns (slot or -1, executions), each execution as (account, order id, price, size, left).
        Raises UsageError for a side, price or size outside the protocol's range.
        """
        cdef int32_t slot = -1
        cdef int32_t left, at
        if side not in (BUY, SELL) or not 0 < price < PRICE_END or not 0 < size < PRICE_END:
            raise UsageError(f"Side {side}, price {price}, size {size} is no order; see the ranges.")
        self.reserve()
        left = self.match(side, price, size)
        executions = [
            (self.executions[at].account, self.executions[at].order_id, self.executions[at].price,
             self.executions[at].size, self.executions[at].left)
            for at in range(self.n_executions)
        ]
        if left:
            slot = self.rest(account, order_id, side, price, left)
        return slot, executions

    def withdraw(self, int slot):
        """Removes a resting order by its slot and returns its remaining size."""
        if not 0 <= slot < self.pool_used or self.pool[slot].left <= 0:
            raise UsageError(f"No order rests in slot {slot}.")
        cdef int32_t left = self.pool[slot].left
        self.remove(slot)
        return left

    def depth(self, int side):
        """All levels of one side as (price, size), best first, sizes summed by price."""
        cdef const Ladder* ladder = &self.bids if side == BUY else &self.asks
        cdef int32_t place
        return [(ladder.queues[place].price, ladder.queues[place].size)
                for place in range(ladder.count - 1, -1, -1)]

    def queue(self, int side, int price):
        """The orders at one price as (account, order id, remaining size), oldest first."""
        cdef const Ladder* ladder = &self.bids if side == BUY else &self.asks
        cdef int32_t place = ladder_place(ladder, side, price)
        cdef int32_t slot
        found = []
        if place < ladder.count and ladder.queues[place].price == price:
            slot = ladder.queues[place].head
            while slot >= 0:
                found.append((self.pool[slot].account, self.pool[slot].order_id, self.pool[slot].left))
                slot = self.pool[slot].next
        return found

    def published(self):
        """Clears ``changed``: the book has been sent as it is now."""
        self.changed = False

    def check(self):
        """Raises BrokenInvariant unless queues, sums and counts agree and the book is not crossed."""
        cdef int32_t orders = 0
        for side in (BUY, SELL):
            levels = self.depth(side)
            prices = [price for price, _ in levels]
            if prices != sorted(set(prices), reverse=side == BUY):
                raise BrokenInvariant(f"Levels are out of order: {levels}.")
            for price, size in levels:
                waiting = self.queue(side, price)
                orders += len(waiting)
                if not waiting or size != sum(left for _, _, left in waiting):
                    raise BrokenInvariant(f"Level {price} sums to {size}, its orders are {waiting}.")
                if min(left for _, _, left in waiting) <= 0:
                    raise BrokenInvariant(f"An order with nothing left rests at {price}.")
        if orders != self.orders:
            raise BrokenInvariant(f"The book counts {self.orders} orders and holds {orders}.")
        if self.best_bid() and self.best_ask() and self.best_bid() >= self.best_ask():
            raise BrokenInvariant(f"The book is crossed: {self.best_bid()} bid, {self.best_ask()} asked.")
