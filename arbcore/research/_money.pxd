"""The wall of the backtest's money: fills, shares, costs, the parts of a trade's net, and sums over trades.

Inline, so that one run and a sweep of thousands do the same operations in the same order and agree to the
last bit. It knows prices and sides; when a trade is made is the signal's.
"""
cimport cython
from libc.stdint cimport int64_t, uint64_t

from arbcore.carry._signal cimport Quote


cdef struct Dividend:
    int64_t ex_ns
    double amount            # USD a share


cdef struct Terms:
    # What the settings say about money; the same for every trade of a run.
    double notional          # contracts · multiplier
    double cost_rate
    double es_fees           # USD a side, all contracts
    double spy_fee           # USD a share and side
    double spy_fee_min       # USD a side
    double es_slip           # index points
    double spy_slip          # USD
    double funding_rate
    double borrow_rate
    int64_t es_latency_rows
    int64_t spy_latency_rows
    bint mid_fill
    const Dividend* dividends
    Py_ssize_t dividend_count


cdef struct Totals:
    # Sums over the closed trades, in their order.
    int64_t trades
    int64_t wins
    int64_t hold_ns
    double gross
    double costs             # fees included
    double fees
    double financing
    double dividends
    double net
    double won
    double lost
    double peak              # of the closed net, which starts at 0
    double drawdown          # the closed net's largest fall below its peak


cdef inline void terms_of(Terms* terms, settings) except *:
    """The terms of some settings, dividends left out."""
    terms.notional = settings.contracts * settings.multiplier
    terms.cost_rate = settings.cost_bps * 1e-4
    terms.es_fees = settings.contracts * settings.es_fee
    terms.spy_fee = settings.spy_fee
    terms.spy_fee_min = settings.spy_fee_min
    terms.es_latency_rows = settings.es_latency_rows
    terms.spy_latency_rows = settings.spy_latency_rows
    terms.es_slip = settings.es_slippage_ticks * 0.25
    terms.spy_slip = settings.spy_slippage_ticks * 0.01
    terms.funding_rate = settings.funding_rate
    terms.borrow_rate = settings.borrow_rate
    terms.mid_fill = settings.fill == "mid"
    terms.dividends = NULL
    terms.dividend_count = 0


cdef inline void wanted_of(const Terms* terms, int es_side, const Quote* quote, double* es,
                           double* spy) noexcept nogil:
    """What both legs would get before slippage; ``es_side`` +1 buys ES and sells SPY."""
    if terms.mid_fill:
        es[0] = (quote.es_bid + quote.es_ask) / 2
        spy[0] = (quote.spy_bid + quote.spy_ask) / 2
    else:
        # By number: which side it is nobody can guess, a branch least of all.
        es[0] = (&quote.es_bid)[es_side > 0]
        spy[0] = (&quote.spy_bid)[es_side < 0]


cdef inline void fills_of(const Terms* terms, int es_side, const Quote* quote, double* es,
                          double* spy) noexcept nogil:
    """What both legs get: the prices wanted, less the ticks of slippage."""
    wanted_of(terms, es_side, quote, es, spy)
    es[0] += es_side * terms.es_slip
    spy[0] -= es_side * terms.spy_slip


# A price is never 0, whatever it is divided into; at worst the division is IEEE's.
@cython.cdivision(True)
cdef inline double shares_of(const Terms* terms, double es, double spy) noexcept nogil:
    """The nearest whole number, at least one."""
    cdef double shares = terms.notional * es / spy + 0.5
    # The floor of what is above 1 and below 2^53, beyond which every double is whole.
    if 1.0 < shares < 9007199254740992.0:
        return <double><int64_t>shares
    return shares if shares > 1.0 else 1.0


cdef inline double cost_of(const Terms* terms, double es_entry) noexcept nogil:
    """Of the round trip, fees left out."""
    return terms.cost_rate * terms.notional * es_entry


cdef inline double fees_of(const Terms* terms, double shares) noexcept nogil:
    """Of the round trip: a fee a contract and side, and a fee a share with its minimum a side."""
    cdef double spy_fees = shares * terms.spy_fee
    return 2.0 * (terms.es_fees + (spy_fees if spy_fees > terms.spy_fee_min else terms.spy_fee_min))


cdef inline double gross_of(const Terms* terms, int side, double shares, double es_change,
                            double spy_change) noexcept nogil:
    return side * terms.notional * es_change - side * shares * spy_change


@cython.cdivision(True)
cdef inline double financing_of(const Terms* terms, int side, double shares, double spy_entry,
                                int64_t entry_ns, int64_t exit_ns) noexcept nogil:
    """Paid on the SPY leg's entry value when long SPY; received, less the borrow fee, when short."""
    cdef double rate = -terms.funding_rate if side < 0 else terms.funding_rate - terms.borrow_rate
    # The divisor is a year of 365 days in nanoseconds; the sum takes the sign off a zero.
    return rate * (shares * spy_entry) * (
        <double>(<uint64_t>exit_ns - <uint64_t>entry_ns) / 31_536_000_000_000_000.0) + 0.0


cdef inline double dividends_of(const Terms* terms, int side, double shares, int64_t entry_ns,
                                int64_t exit_ns) noexcept nogil:
    cdef double total = 0.0
    cdef Py_ssize_t at
    for at in range(terms.dividend_count):
        if entry_ns < terms.dividends[at].ex_ns <= exit_ns:
            total += -side * shares * terms.dividends[at].amount
    return total


cdef inline double totals_add(Totals* totals, double gross, double cost, double fees, double financing,
                              double dividends, int64_t hold_ns) noexcept nogil:
    """Counts a closed trade, whose fees are part of its cost; returns its net."""
    cdef double net = gross - cost + financing + dividends
    totals.trades += 1
    totals.gross += gross
    totals.costs += cost
    totals.fees += fees
    totals.financing += financing
    totals.dividends += dividends
    totals.net += net
    totals.hold_ns += hold_ns
    if net > 0:
        totals.wins += 1
        totals.won += net
    elif net < 0:
        totals.lost += net
    if totals.net > totals.peak:
        totals.peak = totals.net
    elif totals.peak - totals.net > totals.drawdown:
        totals.drawdown = totals.peak - totals.net
    return net
