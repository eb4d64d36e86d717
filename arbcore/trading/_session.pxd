# The session of one run. reference/session.py describes each call.
from libc.stdint cimport int32_t, int64_t, uint32_t

from arbcore.trading._audit cimport Audit
from arbcore.trading._closer cimport Closer
from arbcore.trading._market cimport Market
from arbcore.trading._orders cimport OWNERS_MAX, Order, Orders
from arbcore.trading._risk cimport Gate, Proposal
from arbcore.trading._strategy cimport CompiledStrategy, StrategyDesk
from arbcore.trading._tally cimport FaultLog, TextTally
from arbcore.trading._worth cimport Worth
from arbcore.wire._encode cimport OutBuffer
from arbcore.wire._lines cimport LineSplitter
from arbcore.wire._types cimport N_SYMBOLS, Message

# Kinds of news that strategies can subscribe to: the first index of Session.interested.
cdef enum:
    BOOKS = 0
    TRADES = 1
    ORDER_NEWS = 2
    N_NEWS = 3

cdef class Session:
    cdef readonly object settings
    cdef readonly tuple strategies
    cdef readonly list names            # names of the strategies, made unique
    cdef readonly Market market
    cdef readonly Orders orders
    cdef readonly Gate gate
    cdef readonly Audit audit
    cdef Worth marks
    cdef Closer closer
    cdef StrategyDesk desk
    cdef LineSplitter splitter
    cdef OutBuffer out
    cdef readonly TextTally rejects
    cdef readonly TextTally errors
    cdef readonly FaultLog fault_log
    cdef bytes team
    cdef str reason

    cdef int32_t n_strategies
    cdef uint32_t listeners                         # bit set of the strategies with `listens`
    # The strategies that run on news of a symbol, in order, up to a NULL. `strategies` keeps them alive.
    cdef void* interested[N_NEWS][N_SYMBOLS][OWNERS_MAX]
    cdef readonly int64_t now_ns
    cdef int64_t house_ns
    cdef int64_t worth[OWNERS_MAX]                  # each owner's P&L of the round as last noted
    cdef int64_t round_pnl
    cdef readonly int64_t carried_pnl               # P&L of the rounds before this one

    cdef bint linked                                # there is a connection
    cdef bint awaiting_hello
    cdef bint resync_due
    cdef bint was_open
    cdef bint was_killed
    cdef bint in_round                              # strategies know that a round began, and it has not ended
    cdef bint holding                               # only cancels are sent: the bytes to be read are old
    cdef bint busy                                  # an event is being processed
    cdef str resync_reason                          # the reason of `resync_due`, in one word
    cdef int64_t hello_ns                           # time of the last hello
    cdef uint32_t seen_bits                         # symbols with a book or trade on this connection
    cdef uint32_t spoken_bits                       # symbols with an open or close message on this connection
    cdef uint32_t inferred_bits                     # symbols taken as open without an open message
    cdef list reset_rounds                          # P&L of rounds that a second hello ended

    cdef int64_t ack_timeout_ns
    cdef int32_t resync_after
    cdef int32_t cancel_reserve
    cdef int64_t loss_limit

    cdef readonly int64_t messages_in
    cdef readonly int64_t orders_sent
    cdef readonly int64_t cancels_sent
    cdef readonly int64_t converts_sent

    cdef void _note_interest(self, CompiledStrategy strategy) noexcept
    cdef void _ask_about(self, int32_t news, uint32_t symbols, CompiledStrategy strategy) noexcept
    cdef int _enter(self, object now_ns) except -1
    cdef int _clock(self, object now_ns) except -1
    cdef int _timers(self) except -1
    cdef int _housekeeping(self) except -1
    cdef void _check_silence(self, Order* order) noexcept
    cdef int _infer_open(self) except -1
    cdef void _demand_resync(self, str reason) noexcept
    cdef void _demand_resync_of_doubt(self) noexcept
    cdef int _on_second_hello(self, const Message* message) except -1
    cdef void _note_worth(self) noexcept
    cdef void _unlink(self) noexcept
    cdef int _take_in(self, const char* data, Py_ssize_t length) except -1
    cdef int _on_hello(self, const Message* message) except -1
    cdef bint _take_hello(self, const Message* message) except -1
    cdef void _new_round(self) noexcept
    cdef void _set_open(self, uint32_t symbols, bint is_open) noexcept
    cdef int _on_order_news(self, const Message* message) except -1
    cdef int _converted(self, Order* order) except -1
    cdef int _react_to_one(self, int32_t news, int32_t symbol) except -1
    cdef int _react(self, uint32_t symbols) except -1
    cdef int _ask(self, CompiledStrategy strategy, uint32_t symbols) except -1
    cdef int _settle(self) except -1
    cdef int _fill_slot(self, int32_t symbol) except -1
    cdef int _answer(self, const Proposal* proposal, int32_t refusal, Order* order) except -1
    cdef bint _make_way(self, const Proposal* proposal) noexcept
    cdef Order* _send_order(self, const Proposal* proposal) except NULL
    cdef int _send_cancels(self) except -1
    cdef int _cancel_all(self) except -1
    cdef int _close_down(self, str reason) except -1
    cdef int _tell(self, const Message* message) except -1
    cdef int _tell_owner(self, int32_t owner, const Message* message) except -1
    cdef int _tell_open(self, uint32_t symbols, bint is_open) except -1
    cdef int _tell_round(self, bint begins) except -1
    cdef int _tell_tick(self) except -1
