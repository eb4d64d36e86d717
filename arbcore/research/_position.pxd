"""C API of a position, its open orders and their fills; inline, for the loops of backtest and sweep.

It carries out a decision leg by leg. ``reference.backtest`` is the specification, also for orders with
latency. ``_signal`` decides when to enter and exit, ``_money`` has the arithmetic, and the caller decides
what to store of a trade.
"""
from libc.stdint cimport int64_t

from arbcore.carry._values cimport Value
from arbcore.research._money cimport (
    Terms, cost_of, deviation_at, dividends_of, fees_of, fills_of, financing_of, gross_of, rates_of,
    shares_of, wanted_of, whole_cost,
)
from arbcore.carry._signal cimport (
    ENTER_CASH_AND_CARRY, LEAVE_EXPIRY, Quote, Rules, SignalState, signal_entered, signal_left,
)


cdef enum Phase:
    # The odd phases have an open order.
    FLAT = 0
    ENTERING = 1
    HOLDING = 2
    LEAVING = 3


cdef enum Reason:
    # The reason for an exit; the first four are those of ``_signal``, in the same order.
    EXPIRY = 0
    ROLL = 4
    END_OF_DATA = 5
    REASONS = 6


cdef struct Order:
    # Both legs of an entry or an exit; "wanted" are the prices on the row that decided.
    int es_side              # +1 buys ES and sells SPY
    int reason
    bint es_filled
    bint spy_filled
    int64_t waited_rows
    double es_wanted
    double spy_wanted
    double es
    double spy
    int64_t spy_ns
    int64_t spy_settled


cdef struct Position:
    int phase
    int side                 # -1 cash and carry, +1 reverse
    int64_t entry_ns
    int64_t expiry_ns
    double shares
    double dev_bps
    double c
    double factor            # the level at the entry
    double funding           # the rate that a long pays; below, the rate that a short earns
    double short
    double cost              # of the round trip; a broker's: twice the entry's until the exit's is known
    double fees
    Order entry
    Order leave


cdef struct Trade:
    int64_t entry_ns
    int64_t exit_ns
    double shares
    double es_entry
    double es_exit
    double spy_entry
    double spy_exit
    double entry_dev_bps
    double exit_dev_bps
    double gross
    double cost
    double financing
    double dividends
    double carry
    double slippage
    double fees
    int side
    int reason


cdef inline void order_begin(const Terms* terms, Order* order, int es_side, int reason,
                             const Quote* quote) noexcept nogil:
    order.es_side = es_side
    order.reason = reason
    order.es_filled = order.spy_filled = False
    order.waited_rows = 0
    wanted_of(terms, es_side, quote, &order.es_wanted, &order.spy_wanted)


cdef inline bint order_fill(const Terms* terms, Order* order, int64_t now_ns, const Quote* quote,
                            const Value* value, bint at_once) noexcept nogil:
    """Fills each leg whose latency has passed; returns whether both are filled."""
    cdef double es, spy
    fills_of(terms, order.es_side, quote, &es, &spy)
    if not order.es_filled and (at_once or order.waited_rows >= terms.es_latency_rows):
        order.es_filled = True
        order.es = es
    if not order.spy_filled and (at_once or order.waited_rows >= terms.spy_latency_rows):
        order.spy_filled = True
        order.spy = spy
        order.spy_ns = now_ns
        order.spy_settled = value.settled
    return order.es_filled and order.spy_filled


cdef inline bint position_held(const Position* p) noexcept nogil:
    """Whether at least one leg is held."""
    return p.phase != FLAT and (p.entry.es_filled or p.entry.spy_filled)


cdef inline void position_begin(const Terms* terms, Position* p, int side, int64_t expiry_ns,
                                const Quote* quote) noexcept nogil:
    """Sends an entry; its number of shares follows from the prices of both legs on this row."""
    cdef double es, spy
    order_begin(terms, &p.entry, side, -1, quote)
    fills_of(terms, side, quote, &es, &spy)
    p.phase = ENTERING
    p.side = side
    p.expiry_ns = expiry_ns
    p.shares = shares_of(terms, es, spy)
    p.cost = 0.0


cdef inline void position_enter(const Terms* terms, Position* p, SignalState* signal, int64_t now_ns,
                                const Quote* quote, const Value* value, bint at_once) noexcept nogil:
    """Fills the legs of an entry that are due; with both filled, the position is held."""
    cdef bint owned = p.entry.spy_filled
    cdef bint done = order_fill(terms, &p.entry, now_ns, quote, value, at_once)
    if not owned and p.entry.spy_filled:
        rates_of(terms, p.shares * p.entry.spy, value.r, &p.funding, &p.short)
    if not p.entry.es_filled and not p.entry.spy_filled:
        return
    p.entry_ns = now_ns
    p.c, p.factor = value.c, value.f
    p.dev_bps = deviation_at(quote, value)
    if not done:
        return
    p.phase = HOLDING
    p.fees = fees_of(terms, p.shares, p.entry.spy, p.side, now_ns)
    p.cost = cost_of(terms, p.entry.es) + p.fees
    signal_entered(signal, p.side, now_ns, p.expiry_ns, p.dev_bps)


cdef inline void trade_of(const Terms* terms, const Position* p, int64_t now_ns, const Quote* quote,
                          const Value* value, Trade* trade) noexcept nogil:
    """Makes the trade of a position whose last leg was filled on this row."""
    cdef const Order* entry = &p.entry
    cdef const Order* leave = &p.leave
    cdef double spy_mid = (quote.spy_bid + quote.spy_ask) / 2, es_missed, spy_missed
    cdef int side = p.side
    trade.side = side
    trade.reason = leave.reason
    trade.entry_ns, trade.exit_ns = p.entry_ns, now_ns
    trade.shares = p.shares
    trade.es_entry, trade.spy_entry = entry.es, entry.spy
    trade.es_exit, trade.spy_exit = leave.es, leave.spy
    trade.entry_dev_bps = p.dev_bps
    trade.exit_dev_bps = deviation_at(quote, value)
    trade.gross = gross_of(terms, side, p.shares, leave.es - entry.es, leave.spy - entry.spy)
    trade.cost = whole_cost(terms, p.cost, p.shares, leave.spy, side, now_ns)
    trade.fees = trade.cost if terms.broker else p.fees
    trade.financing = financing_of(
        terms, side, p.shares * entry.spy, p.funding, p.short, leave.spy_settled - entry.spy_settled)
    trade.dividends = dividends_of(terms, side, p.shares, p.factor, entry.spy_ns, leave.spy_ns)
    trade.carry = side * terms.notional * spy_mid * (value.c - p.c)
    es_missed = (leave.es - leave.es_wanted) - (entry.es - entry.es_wanted)
    spy_missed = (leave.spy - leave.spy_wanted) - (entry.spy - entry.spy_wanted)
    trade.slippage = gross_of(terms, side, p.shares, es_missed, spy_missed)


cdef inline bint position_leave(const Terms* terms, const Rules* rules, Position* p, SignalState* signal,
                                int64_t now_ns, const Quote* quote, const Value* value, bint at_once,
                                Trade* trade) noexcept nogil:
    """Fills the legs of an exit that are due. Returns whether this closed the position into ``trade``."""
    if not order_fill(terms, &p.leave, now_ns, quote, value, at_once):
        return False
    trade_of(terms, p, now_ns, quote, value, trade)
    p.phase = FLAT
    signal_left(rules, signal, now_ns)
    return True


cdef inline bint position_settle(const Terms* terms, const Rules* rules, Position* p, SignalState* signal,
                                 int64_t now_ns, const Quote* quote, const Value* value, int reason,
                                 Trade* trade) noexcept nogil:
    """Fills open orders and closes on this row. Returns False if neither leg of the entry was filled."""
    if p.phase == ENTERING:
        if not position_held(p):
            p.phase = FLAT
            return False
        position_enter(terms, p, signal, now_ns, quote, value, True)
    if p.phase == HOLDING:
        order_begin(terms, &p.leave, -p.side, reason, quote)
        p.phase = LEAVING
    return position_leave(terms, rules, p, signal, now_ns, quote, value, True, trade)


cdef inline bint position_act(const Terms* terms, const Rules* rules, Position* p, SignalState* signal,
                              int action, int64_t now_ns, int64_t expiry_ns, const Quote* quote,
                              const Value* value,
                              Trade* trade) noexcept nogil:
    """Enters or exits by the signal's action. Returns whether this closed the position."""
    if action == LEAVE_EXPIRY:
        return position_settle(terms, rules, p, signal, now_ns, quote, value, EXPIRY, trade)
    if action > LEAVE_EXPIRY:
        order_begin(terms, &p.leave, -p.side, action - LEAVE_EXPIRY, quote)
        p.phase = LEAVING
        return position_leave(terms, rules, p, signal, now_ns, quote, value, False, trade)
    position_begin(terms, p, -1 if action == ENTER_CASH_AND_CARRY else 1, expiry_ns, quote)
    position_enter(terms, p, signal, now_ns, quote, value, False)
    return False


cdef inline bint position_wait(const Terms* terms, const Rules* rules, Position* p, SignalState* signal,
                               int64_t now_ns, const Quote* quote, const Value* value,
                               Trade* trade) noexcept nogil:
    """Processes a row while an order is open. Returns whether this closed the position."""
    if now_ns >= p.expiry_ns:
        return position_settle(terms, rules, p, signal, now_ns, quote, value, EXPIRY, trade)
    if p.phase == ENTERING:
        p.entry.waited_rows += 1
        position_enter(terms, p, signal, now_ns, quote, value, False)
        return False
    p.leave.waited_rows += 1
    return position_leave(terms, rules, p, signal, now_ns, quote, value, False, trade)


cdef inline double position_unrealised(const Terms* terms, const Position* p,
                                       const Quote* quote) noexcept nogil:
    """Each filled leg marked at mid (or at its exit), less half of the cost, charged at the entry."""
    cdef double es = (quote.es_bid + quote.es_ask) / 2, spy = (quote.spy_bid + quote.spy_ask) / 2
    cdef double es_leg = 0.0, spy_leg = 0.0
    if p.phase == FLAT:
        return 0.0
    if p.phase == LEAVING:
        if p.leave.es_filled:
            es = p.leave.es
        if p.leave.spy_filled:
            spy = p.leave.spy
    if p.entry.es_filled:
        es_leg = p.side * terms.notional * (es - p.entry.es)
    if p.entry.spy_filled:
        spy_leg = p.side * p.shares * (spy - p.entry.spy)
    return es_leg - spy_leg - 0.5 * p.cost


cdef inline double position_accrued(const Terms* terms, const Position* p, int64_t now_ns,
                                    int64_t settled) noexcept nogil:
    """Interest and dividends of the position up to a row."""
    if p.phase == FLAT or not p.entry.spy_filled:
        return 0.0
    return financing_of(
        terms, p.side, p.shares * p.entry.spy, p.funding, p.short, settled - p.entry.spy_settled,
    ) + dividends_of(terms, p.side, p.shares, p.factor, p.entry.spy_ns, now_ns)
