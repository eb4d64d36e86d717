# The wall of the basket arithmetic: what a conversion gains over the depth of the books.
from libc.stdint cimport int32_t, int64_t

from arbcore._fast cimport Level

cdef enum:
    LEGS_MAX = 4  # constituents of a basket

# One conversion and the books that price it: `unit` shares of the ETF exchange for leg_quantity[i] shares
# of each of `legs` constituents. A conversion costs `fee` once and `lot_fee` for every lot (a lot is `unit`
# shares of the ETF). Levels are borrowed, best first; an empty side has n = 0 and may be NULL.
cdef struct ConversionBooks:
    const Level* etf_bids
    const Level* etf_asks
    int32_t n_etf_bids
    int32_t n_etf_asks
    const Level* leg_bids[LEGS_MAX]
    const Level* leg_asks[LEGS_MAX]
    int32_t n_leg_bids[LEGS_MAX]
    int32_t n_leg_asks[LEGS_MAX]
    int32_t leg_quantity[LEGS_MAX]
    int32_t legs
    int32_t unit
    int64_t fee
    int64_t lot_fee

# What `lots` baskets cost at the asks or fetch at the bids; -1 if the depth of a leg is short.
cdef int64_t basket_cost_at(const ConversionBooks* books, int32_t lots) noexcept nogil
cdef int64_t basket_proceeds_at(const ConversionBooks* books, int32_t lots) noexcept nogil
# Create: buy baskets at the asks, convert, sell the ETF at the bids. Redeem: buy the ETF at the asks,
# convert, sell baskets at the bids. False, and *edge untouched, where the depth is short.
cdef bint create_edge_at(const ConversionBooks* books, int32_t lots, int64_t* edge) noexcept nogil
cdef bint redeem_edge_at(const ConversionBooks* books, int32_t lots, int64_t* edge) noexcept nogil
# The number of lots in 1..max_lots with the largest edge, the fewest on a tie. The edge may be negative;
# *lots = 0 and *edge = 0 where the depth does not hold one lot.
cdef void best_create(const ConversionBooks* books, int32_t max_lots, int32_t* lots,
                      int64_t* edge) noexcept nogil
cdef void best_redeem(const ConversionBooks* books, int32_t max_lots, int32_t* lots,
                      int64_t* edge) noexcept nogil
