# The market as the exchange last reported it; strategies and the gate read it, only the session writes it.
from libc.stdint cimport int32_t, int64_t, uint32_t

from arbcore._fast cimport Level, Ring
from arbcore.wire._types cimport MAX_LEVELS, N_SYMBOLS, Message

cdef struct SymbolState:
    Level bids[MAX_LEVELS]
    Level asks[MAX_LEVELS]
    int32_t n_bids
    int32_t n_asks
    int32_t last_price      # price of the last trade; 0 before the first
    bint open
    int64_t updated_ns
    int64_t books           # number since the connection began; readers compare it with the last one they saw
    int64_t trades          # the same for trades
    Ring prices             # prices of the last trades; ring.count and ring.total make the average

cdef class Market:
    cdef SymbolState symbols[N_SYMBOLS]
    cdef uint32_t open_bits             # bit set of the symbols that are open
    cdef int64_t stale_ns
    cdef int32_t min_prices             # least number of trades for an average
    cdef void clear(self) noexcept
    cdef void set_open(self, int32_t symbol, bint is_open) noexcept
    cdef void on_book(self, const Message* message, int64_t now_ns) noexcept
    cdef void on_trade(self, int32_t symbol, int32_t price, int64_t now_ns) noexcept
    # Twice the price that the collar compares an order with; 0 if there is none or it is too old.
    cdef int64_t doubled_reference(self, int32_t symbol, int64_t now_ns) noexcept
    # The middle of the touch, rounded down; else the last trade, else the one side that is quoted, else 0.
    cdef int64_t middle(self, int32_t symbol) noexcept
    # The price that values a position: the touch that would close it, else the last trade, else its average.
    cdef int64_t mark(self, int32_t symbol, int64_t position, int64_t average_price) noexcept
