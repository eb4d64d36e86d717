"""C API of the signal, inline: the backtest's loop and the live session call no function for it."""
from libc.stdint cimport int64_t, uint64_t

from arbcore.carry._carry cimport deviation_of, edge_cc_of, edge_rev_of


cdef enum Action:
    STAY = 0
    ENTER_CASH_AND_CARRY = 1
    ENTER_REVERSE = 2
    LEAVE_EXPIRY = 3
    LEAVE_STOP_LOSS = 4
    LEAVE_MAX_HOLD = 5
    LEAVE_CONVERGED = 6


cdef struct Quote:
    double es_bid
    double es_ask
    double spy_bid
    double spy_ask


cdef struct Rules:
    double wanted_bps        # entry_bps + cost_bps
    double exit_bps
    double stop_bps          # 0: off
    int64_t max_hold_ns      # 0: off
    int64_t cooldown_ns


cdef struct SignalState:
    int side                 # -1 cash and carry, +1 reverse, 0 flat
    int64_t entry_ns
    double entry_x
    int64_t expiry_ns
    int64_t blocked_until_ns


cdef inline void signal_reset(SignalState* state) noexcept nogil:
    state.side = 0
    state.entry_ns = 0
    state.entry_x = 0.0
    state.expiry_ns = 0
    state.blocked_until_ns = (<int64_t>-0x7FFFFFFFFFFFFFFFLL) - 1


cdef inline int signal_choose(const Rules* rules, const SignalState* state, int64_t now_ns,
                              int64_t expiry_ns, double dev, double cc, double rev) noexcept nogil:
    # Without a position, expiry_ns, the deviation and both edges are those of the row; with one, those of the
    # position's contract.
    cdef double x
    if state.side == 0:
        if now_ns >= expiry_ns or now_ns < state.blocked_until_ns:
            return STAY
        if cc >= rules.wanted_bps:
            return ENTER_CASH_AND_CARRY
        if rev >= rules.wanted_bps:
            return ENTER_REVERSE
        return STAY
    if now_ns >= state.expiry_ns:
        return LEAVE_EXPIRY
    x = -state.side * dev
    if rules.stop_bps > 0.0 and x - state.entry_x >= rules.stop_bps:
        return LEAVE_STOP_LOSS
    # The difference of any two 64-bit times fits in 64 unsigned bits.
    if rules.max_hold_ns > 0 and (
            <uint64_t>now_ns - <uint64_t>state.entry_ns >= <uint64_t>rules.max_hold_ns):
        return LEAVE_MAX_HOLD
    if x <= rules.exit_bps:
        return LEAVE_CONVERGED
    return STAY


cdef inline int signal_decide(const Rules* rules, const SignalState* state, int64_t now_ns,
                              int64_t expiry_ns, const Quote* quote, double c) noexcept nogil:
    return signal_choose(
        rules, state, now_ns, expiry_ns,
        deviation_of(quote.es_bid, quote.es_ask, quote.spy_bid, quote.spy_ask, c),
        edge_cc_of(quote.es_bid, quote.spy_ask, c), edge_rev_of(quote.es_ask, quote.spy_bid, c))


cdef inline void signal_entered(SignalState* state, int side, int64_t now_ns, int64_t expiry_ns,
                                double dev_bps) noexcept nogil:
    state.side = side
    state.entry_ns = now_ns
    state.entry_x = -side * dev_bps
    state.expiry_ns = expiry_ns


cdef inline void signal_left(const Rules* rules, SignalState* state, int64_t now_ns) noexcept nogil:
    cdef int64_t latest = 0x7FFFFFFFFFFFFFFFLL
    state.side = 0
    state.blocked_until_ns = latest if now_ns > latest - rules.cooldown_ns else now_ns + rules.cooldown_ns


cdef class Signal:
    cdef Rules rules
    cdef SignalState state
