"""The common parts of every participant: an account, a stream of random numbers and a wake-up time.

A participant enters real orders on the floor under its own account; they match by price and time like all
others. It sees the hidden value, the books and its own fills. It must not know the teams.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t

from arbcore.venue._book cimport Book
from arbcore.venue._fair_values cimport FairValues
from arbcore.venue._floor cimport ACCEPTED, Floor
from arbcore.venue._random cimport rng_seed, rng_wait_ns
from arbcore.wire._types cimport PRICE_END

from arbcore.errors import BrokenInvariant
from arbcore.venue._fair_values import STEP_MS

cdef int64_t FAIR_STEP_MS = STEP_MS
cdef int64_t ID_END = 1 << 32
# Streams below this one belong to the hidden values.
cdef int64_t FIRST_STREAM = 16


cdef class Participant:
    """One trader of the marketplace. Subclasses implement what it does when it wakes."""

    def __cinit__(self, Floor floor, str name, str role, int symbol, int slowdown, *_rest):
        self.floor = floor
        self.book = <Book?>floor.books[symbol]
        self.role = role
        self.symbol = symbol
        self.slowdown = slowdown
        self.account = floor.open_account(name, False)

    cdef int begin(self, FairValues fair, uint64_t seed, int64_t now_ns) except -1:
        self.fair = fair
        self.next_id = 0
        rng_seed(&self.rng, seed, FIRST_STREAM + self.account)
        self.wake_ns = now_ns + 1
        return 0

    cdef int open_market(self) except -1:
        return 0

    cdef int act(self, int64_t now_ns) except -1:
        raise BrokenInvariant(f"participant {self.account} ({self.role}) does not say what it does.")

    cdef int noted(self, int64_t order_id, int symbol, int side, int32_t size, int32_t left) except -1:
        return 0

    cdef int64_t fresh_id(self) noexcept nogil:
        cdef int64_t order_id = self.next_id
        self.next_id = (self.next_id + 1) & (ID_END - 1)
        return order_id

    cdef int take(self, int symbol, int side, int64_t price, int32_t size) except -1:
        cdef int64_t order_id = self.fresh_id()
        cdef int32_t bounded = <int32_t>min(max(price, <int64_t>1), <int64_t>(PRICE_END - 1))
        cdef int refusal = self.floor.add(self.account, order_id, symbol, side, bounded, size)
        if refusal != ACCEPTED:
            raise BrokenInvariant(f"the floor refused an order of its own {self.role} with reason {refusal}.")
        self.floor.cancel(self.account, order_id)
        return 0

    cdef void sleep(self, int64_t now_ns, int64_t mean_ms) noexcept nogil:
        self.wake_ns = now_ns + 1 + rng_wait_ns(&self.rng, mean_ms * 1_000_000 * self.slowdown)

    cdef int64_t steps_of(self, int64_t lag_ms) noexcept nogil:
        return lag_ms // FAIR_STEP_MS
