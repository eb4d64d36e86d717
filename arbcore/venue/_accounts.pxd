# C API of the accounts: who owns what, what is working, and what may still be added.
from libc.stdint cimport int32_t, int64_t

from arbcore.wire._types cimport N_SYMBOLS

cdef enum:
    HOUSE = 0            # other side of conversions, fees and close-outs, so that everything sums to zero
    FAIR_SCALE = 1000    # fair values are in thousandths of a tick

cdef struct Account:
    int64_t cash
    int64_t positions[N_SYMBOLS]
    int64_t working_buy[N_SYMBOLS]      # all of the account's resting size of that side
    int64_t working_sell[N_SYMBOLS]
    # What each symbol brought in cash, conversions at fair value; a statistic, which cannot wrap.
    double flow[N_SYMBOLS]
    int64_t fees
    int64_t fills
    int64_t volume                      # shares filled
    int64_t conversions
    int64_t rejects
    int32_t open_orders
    bint limited                        # a team; participants and the house are not
    bint stopped                        # by the loss stop, until the round ends

cdef class AccountTable:
    cdef Account* rows
    cdef int32_t count
    cdef int32_t capacity
    cdef readonly int32_t teams          # how many of the accounts are limited
    cdef int64_t limits[N_SYMBOLS]
    cdef list names
    cdef dict by_name

    cdef int32_t open(self, str name, bint limited) except -1     # an existing name gives its account again
    cdef void reset(self) noexcept nogil                          # a new round: everything zero, names kept
    cdef void clear_working(self) noexcept nogil                  # all orders are gone
    # Every account from the first team's on; participants and the house were opened before any team.
    cdef int forget_teams(self) except -1
    cdef bint allows(self, int32_t account, int symbol, int side, int64_t size) noexcept nogil
    # `size` may be negative.
    cdef void work(self, int32_t account, int symbol, int side, int64_t size) noexcept nogil
    cdef void trade(self, int32_t account, int symbol, int side, int64_t price,
                    int64_t size) noexcept nogil
    # Cash plus positions at fair value, rounded down to a whole tick.
    cdef int64_t worth(self, int32_t account, const int64_t* fair_milli) noexcept nogil
    # `changes` to every position; `symbol` is the one converted.
    cdef void convert(self, int32_t account, const int64_t* changes, int symbol, int64_t fee,
                      const int64_t* fair_milli) noexcept nogil
    cdef void close_out(self, int32_t account, const int64_t* fair_milli) noexcept nogil
