# Order lifecycle, positions, cash and holdings. Pointers to orders stay good until `new` reuses their slot.
from libc.stdint cimport int32_t, int64_t

from arbcore.wire._types cimport N_SYMBOLS

cdef enum:
    TABLE_SIZE = 4096       # a power of two: an id's slot is id & (TABLE_SIZE - 1)
    LIVE_MAX = 64           # a symbol's live orders
    OWNERS_MAX = 33         # 32 strategies and the owner of what none of them did

cdef enum OrderKind:
    ADD = 0
    CONVERT = 1

cdef enum OrderState:
    UNACKED = 0
    OPEN = 1
    CANCELLING = 2
    UNKNOWN = 3
    OUT = 4                 # from here on terminal
    REJECTED = 5

cdef struct Order:
    int64_t id
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

cdef class Orders:
    cdef Order* table
    cdef Order* live[N_SYMBOLS][LIVE_MAX]
    cdef int32_t n_live[N_SYMBOLS]
    cdef readonly int64_t next_id
    cdef int64_t position[N_SYMBOLS]
    cdef int64_t working_buy[N_SYMBOLS]
    cdef int64_t working_sell[N_SYMBOLS]
    cdef int64_t average_cost[N_SYMBOLS]
    cdef readonly int64_t cash
    cdef Holding holdings[OWNERS_MAX]
    cdef readonly int32_t n_owners
    cdef readonly int64_t fills
    cdef int64_t frozen_pnl
    # (The owner of this module adds the private fields and methods that only the session calls.)
