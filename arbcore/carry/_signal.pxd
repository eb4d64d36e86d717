"""The wall of the signal: inline, so that the backtest's loop and the live session pay no call for it."""
from libc.math cimport INFINITY
from libc.stdint cimport int64_t

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


cdef struct Screen:
    # The decision on a row strictly within these is surely to stay: when flat the first two, else the others.
    bint flat
    double es_bid_below      # times spy_ask
    double es_ask_above      # times spy_bid
    double es_sum_above      # times the sum of spy_bid and spy_ask
    double es_sum_below


cdef inline void signal_reset(SignalState* state) noexcept nogil:
    state.side = 0
    state.entry_ns = 0
    state.entry_x = 0.0
    state.expiry_ns = 0
    state.blocked_until_ns = (<int64_t>-0x7FFFFFFFFFFFFFFFLL) - 1


cdef inline int signal_decide(const Rules* rules, const SignalState* state, int64_t now_ns,
                              int64_t expiry_ns, const Quote* quote, double c) noexcept nogil:
    # expiry_ns and c are the row's when flat and the position's own while it is held.
    cdef double x
    if state.side == 0:
        if now_ns >= expiry_ns or now_ns < state.blocked_until_ns:
            return STAY
        if edge_cc_of(quote.es_bid, quote.spy_ask, c) >= rules.wanted_bps:
            return ENTER_CASH_AND_CARRY
        if edge_rev_of(quote.es_ask, quote.spy_bid, c) >= rules.wanted_bps:
            return ENTER_REVERSE
        return STAY
    if now_ns >= state.expiry_ns:
        return LEAVE_EXPIRY
    x = -state.side * deviation_of(quote.es_bid, quote.es_ask, quote.spy_bid, quote.spy_ask, c)
    if rules.stop_bps > 0.0 and x - state.entry_x >= rules.stop_bps:
        return LEAVE_STOP_LOSS
    if rules.max_hold_ns > 0 and now_ns - state.entry_ns >= rules.max_hold_ns:
        return LEAVE_MAX_HOLD
    if x <= rules.exit_bps:
        return LEAVE_CONVERGED
    return STAY


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


cdef inline bint signal_screen(const Rules* rules, const SignalState* state, double c_low, double c_high,
                               Screen* screen) noexcept nogil:
    """Bounds that need no exponential and no division, for rows whose c is from ``c_low`` to ``c_high``.

    They are narrower by a part in 10^9, a million times what rounding can move a decision; outside of them
    nothing is said. Expiry, cooldown and longest hold are the caller's to look at. False: no bounds.
    """
    cdef double wanted = rules.wanted_bps * 1e-4, leave = rules.exit_bps * 1e-4, stop
    screen.flat = state.side == 0
    screen.es_sum_below = INFINITY
    screen.es_sum_above = -INFINITY
    if state.side == 0:
        if not -0.99 < wanted < 0.99:
            return False
        screen.es_bid_below = c_low * (1.0 + wanted) * (1.0 - 1e-9)
        screen.es_ask_above = c_high * (1.0 - wanted) * (1.0 + 1e-9)
        return True
    stop = (rules.stop_bps + state.entry_x) * 1e-4 if rules.stop_bps > 0.0 else 0.0
    if not (-0.99 < leave < 0.99 and -0.99 < stop < 0.99):
        return False
    if state.side < 0:
        screen.es_sum_above = c_high * (1.0 + leave) * (1.0 + 1e-9)
        if rules.stop_bps > 0.0:
            screen.es_sum_below = c_low * (1.0 + stop) * (1.0 - 1e-9)
    else:
        screen.es_sum_below = c_low * (1.0 - leave) * (1.0 - 1e-9)
        if rules.stop_bps > 0.0:
            screen.es_sum_above = c_high * (1.0 - stop) * (1.0 + 1e-9)
    return True


cdef inline bint screen_passes(const Screen* screen, double es_bid, double es_ask, double spy_bid,
                               double spy_ask) noexcept nogil:
    """Whether a row is within the bounds."""
    cdef double es_sum, spy_sum
    if screen.flat:
        return (es_bid < screen.es_bid_below * spy_ask) & (es_ask > screen.es_ask_above * spy_bid)
    es_sum, spy_sum = es_bid + es_ask, spy_bid + spy_ask
    return (es_sum > screen.es_sum_above * spy_sum) & (es_sum < screen.es_sum_below * spy_sum)


cdef class Signal:
    cdef Rules rules
    cdef SignalState state
