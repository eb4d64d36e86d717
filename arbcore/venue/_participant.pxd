# C API of one participant of the marketplace: it wakes, acts on the floor, and sets its next wake-up time.
from libc.stdint cimport int32_t, int64_t, uint64_t

from arbcore.venue._book cimport Book
from arbcore.venue._fair_values cimport FairValues
from arbcore.venue._floor cimport Floor
from arbcore.venue._random cimport Rng

cdef class Participant:
    cdef Floor floor
    cdef Book book              # the book of its own symbol
    cdef FairValues fair
    cdef readonly str role      # maker, noise, programme, informed, follower, impatient, arbitrageur
    cdef readonly int symbol
    cdef readonly int32_t account
    cdef Rng rng
    cdef int64_t next_id
    cdef int64_t wake_ns        # when act() is to be called; act() must increase it
    cdef int64_t slowdown

    # Starts a round: books are empty, positions zero. Sets wake_ns to a time after now_ns.
    cdef int begin(self, FairValues fair, uint64_t seed, int64_t now_ns) except -1
    # Enters the orders that are in the book when the market opens, before the first book is published.
    cdef int open_market(self) except -1
    cdef int act(self, int64_t now_ns) except -1
    # Called when one of its orders traded; may only record it.
    cdef int noted(self, int64_t order_id, int symbol, int side, int32_t size, int32_t left) except -1

    # --- for the subclasses ---
    cdef int64_t fresh_id(self) noexcept nogil
    # Buys or sells up to `size` at `price` or better and leaves no order in the book.
    cdef int take(self, int symbol, int side, int64_t price, int32_t size) except -1
    # Sleeps for an exponential time with this mean; the mode's slowdown is applied already.
    cdef void sleep(self, int64_t now_ns, int64_t mean_ms) noexcept nogil
    cdef int64_t steps_of(self, int64_t lag_ms) noexcept nogil
