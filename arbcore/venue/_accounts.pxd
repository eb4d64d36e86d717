# C API of the accounts: positions and cash, working orders, and the room within limits.
from libc.stdint cimport int32_t, int64_t

from arbcore.wire._types cimport N_SYMBOLS

cdef enum:
    HOUSE = 0            # other side of conversions, fees and close-outs, which makes all sums zero
    FAIR_SCALE = 1000    # fair values are in thousandths of a tick

cdef struct Account:
    int64_t cash
    int64_t positions[N_SYMBOLS]
    int64_t working_buy[N_SYMBOLS]      # size of all of the account's resting orders of that side
    int64_t working_sell[N_SYMBOLS]
    # Cash by symbol, with conversions at fair value; a statistic in floating point, which cannot overflow.
    double flow[N_SYMBOLS]
    int64_t fees
    int64_t fills
    int64_t volume                      # shares filled
    int64_t conversions
    int64_t rejects
    int32_t open_orders
    bint limited                        # a team; participants and the house are not
    bint stopped                        # stopped by the loss stop, until the round ends

cdef class AccountTable:
    cdef Account* rows
    cdef int32_t count
    cdef int32_t capacity
    cdef readonly int32_t teams          # number of limited accounts
    cdef int64_t limits[N_SYMBOLS]
    cdef list names
    cdef dict by_name

    cdef int32_t open(self, str name, bint limited) except -1     # an existing name returns its account
    cdef void reset(self) noexcept nogil                          # a new round: zeroes all, keeps names
    cdef void clear_working(self) noexcept nogil                  # for when all orders are gone
    # Removes every account from the first team's on; participants and the house come before any team.
    cdef int forget_teams(self) except -1
    cdef bint allows(self, int32_t account, int symbol, int side, int64_t size) noexcept nogil
    # Adds `size`, which may be negative, to the working size.
    cdef void work(self, int32_t account, int symbol, int side, int64_t size) noexcept nogil
    cdef void trade(self, int32_t account, int symbol, int side, int64_t price,
                    int64_t size) noexcept nogil
    # Cash plus positions at fair value, rounded down to a whole tick.
    cdef int64_t worth(self, int32_t account, const int64_t* fair_milli) noexcept nogil
    # Adds `changes` to the positions; `symbol` is the converted one.
    cdef void convert(self, int32_t account, const int64_t* changes, int symbol, int64_t fee,
                      const int64_t* fair_milli) noexcept nogil
    cdef void close_out(self, int32_t account, const int64_t* fair_milli) noexcept nogil
