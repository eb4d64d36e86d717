# C API of the trading floor: seven books, the accounts, order entry, cancels and conversions.
#
# HOW AN INTERNAL PARTICIPANT USES IT (no wire, no connection, no limits, no rate cap):
#
#     account = floor.open_account("maker", limited=False)    # once, when the marketplace is built
#     reason = floor.add(account, order_id, symbol, side, price, size)    # ACCEPTED or a Refusal
#     left = floor.working(account, order_id)    # what still rests; 0: filled, cancelled or unknown
#     gone = floor.cancel(account, order_id)     # never fails; size taken from the book, 0 if none
#     book = <Book>floor.books[symbol]           # read it: best_bid(), best_ask(), level(), ...
#     row = &floor.accounts.rows[account]        # its positions, cash, working_buy/_sell, fills
#
# Order ids are chosen by the participant, 0 <= id < 2**32, one name space per account; an id is free again
# once its order is out. add() matches at once: when it returns, working() gives the size that rests. Fills of
# its orders arrive in Marketplace.filled() (see below), which must only record them: entering or cancelling
# an order inside it would re-enter the matching loop and raises BrokenInvariant.
#
# A marketplace is a subclass of Marketplace. The engine calls begin_round() at the opening of every round
# (books empty, accounts zero, symbols open) and then step(now_ns) whenever next_event_ns <= now_ns, in time
# order with all events of the clients. step() runs everything due at next_event_ns and increases
# next_event_ns (to NEVER if nothing is left). It writes floor.fair_milli (thousandths of a tick) as the
# hidden values move; BOND is 1000 * FAIR_SCALE always. One step is one batch: every changed book is published
# once after it.
from libc.stdint cimport int32_t, int64_t, uint64_t

from arbcore.venue._accounts cimport AccountTable
from arbcore.venue._book cimport Book
from arbcore.venue._index cimport OrderIndex
from arbcore.wire._types cimport N_SYMBOLS

cdef enum:
    NEVER_NS = 0x7FFFFFFFFFFFFFFF

cdef enum Refusal:
    ACCEPTED = 0
    REFUSED_CLOSED = 1
    REFUSED_STOPPED = 2
    REFUSED_PRICE = 3
    REFUSED_SIZE = 4
    REFUSED_POSITION = 5
    REFUSED_DUPLICATE_ID = 6
    REFUSED_OPEN_ORDERS = 7
    REFUSED_NOT_CONVERTIBLE = 8
    REFUSED_BAD_REQUEST = 9
    REFUSED_CONVERT_WITH_VALE = 10

# Receives the events of the floor, after the state has changed. The engine is one.
cdef class Listener:
    cdef int on_ack(self, int32_t account, int64_t order_id) except -1
    # `left` is the order's remaining size after this fill; if it is 0, the order's out follows at once.
    cdef int on_fill(self, int32_t account, int64_t order_id, int symbol, int side, int32_t price,
                     int32_t size, int32_t left) except -1
    cdef int on_out(self, int32_t account, int64_t order_id) except -1
    cdef int on_trade(self, int symbol, int32_t price, int32_t size) except -1

cdef class Floor:
    cdef readonly list books                     # Book of each symbol, by symbol id
    cdef readonly AccountTable accounts
    cdef int64_t fair_milli[N_SYMBOLS]           # only the marketplace writes it
    cdef bint open                               # False: every add and convert is refused
    cdef int32_t open_orders_max                 # most open orders of one team; 0 for no cap
    cdef bint id_reuse
    cdef bint fee_per_share
    cdef OrderIndex index
    cdef Listener listener
    cdef bint matching                           # a match is being reported; no order may be entered
    cdef int64_t units[N_SYMBOLS]                # unit of a conversion; 0 for a symbol without one
    cdef int64_t fees[N_SYMBOLS]
    cdef int64_t deltas[N_SYMBOLS][N_SYMBOLS]    # change of each position when buying one unit of a symbol
    cdef set used_ids                            # (account, id), kept only if ids may not be reused

    cdef int32_t open_account(self, str name, bint limited) except -1
    cdef int add(self, int32_t account, int64_t order_id, int symbol, int side, int32_t price,
                 int32_t size) except -1
    # Does not call the listener: the caller sends the out.
    cdef int32_t cancel(self, int32_t account, int64_t order_id) except -1
    cdef int convert(self, int32_t account, int64_t order_id, int symbol, int side, int32_t size) except -1
    cdef int32_t working(self, int32_t account, int64_t order_id) noexcept
    cdef int cancel_all(self, int32_t account) except -1           # reports an out for each to the listener
    cdef int64_t worth(self, int32_t account) noexcept             # whole ticks, positions at fair value
    cdef int stop_out(self, int32_t account) except -1             # the loss stop: cancels all, closes out
    cdef int close(self) except -1                                 # removes all orders without events
    cdef int new_round(self) except -1                             # close(), then zeroes positions and cash
    cdef int refusal(self, int32_t account, int64_t order_id, int32_t size) except -1
    cdef int conversion_refusal(self, int32_t account, int symbol, int side, int32_t size) noexcept
    cdef void settle(self, Book book, int32_t account, int symbol, int side) noexcept
    cdef int tell(self, Book book, int32_t account, int64_t order_id, int symbol, int side,
                  int32_t size) except -1

# A marketplace without participants: constant fair values, no orders. Others subclass it.
cdef class Marketplace:
    cdef readonly Floor floor
    cdef readonly int64_t next_event_ns
    cdef int begin_round(self, int64_t now_ns, uint64_t seed) except -1
    cdef int step(self, int64_t now_ns) except -1
    # Called when one of the marketplace's own orders traded; may only record it.
    cdef int filled(self, int32_t account, int64_t order_id, int symbol, int side, int32_t price,
                    int32_t size, int32_t left) except -1
