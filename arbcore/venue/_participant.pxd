# C API of one participant of the marketplace: it wakes, acts on the floor, and says when it wakes next.
from libc.stdint cimport int32_t, int64_t, uint64_t

from arbcore.venue._book cimport Book
from arbcore.venue._fair_values cimport FairValues
from arbcore.venue._floor cimport Floor
from arbcore.venue._random cimport Rng

cdef class Participant:
    cdef Floor floor
    cdef Book book              # of its own symbol
    cdef FairValues fair
    cdef readonly str role      # maker, noise, programme, informed, follower, impatient, arbitrageur
    cdef readonly int symbol
    cdef readonly int32_t account
    cdef Rng rng
    cdef int64_t next_id
    cdef int64_t wake_ns        # when act() is to be called; act() moves it on, strictly
    cdef int64_t slowdown

    # A new round: the books are empty, nothing is owned. Sets wake_ns, later than now_ns.
    cdef int begin(self, FairValues fair, uint64_t seed, int64_t now_ns) except -1
    # The market opens: what it has in the book before the first book is published.
    cdef int open_market(self) except -1
    cdef int act(self, int64_t now_ns) except -1
    # One of its orders traded; notes only.
    cdef int noted(self, int64_t order_id, int symbol, int side, int32_t size, int32_t left) except -1

    # --- for the participants themselves ---
    cdef int64_t fresh_id(self) noexcept nogil
    # Takes up to `size` at `price` or better and leaves nothing in the book.
    cdef int take(self, int symbol, int side, int64_t price, int32_t size) except -1
    # Sleeps an exponential time of this mean, already stretched by the mode.
    cdef void sleep(self, int64_t now_ns, int64_t mean_ms) noexcept nogil
    cdef int64_t steps_of(self, int64_t lag_ms) noexcept nogil
