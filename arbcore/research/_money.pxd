"""C API of the backtest's money: fills, shares, costs, the parts of a trade's net P&L, and sums over trades.

Inline: a single run and a sweep of thousands of cells do the same operations in the same order, so they agree
to the last bit. It knows prices and sides; ``_signal`` decides when to trade.
"""
cimport cython
from libc.stdint cimport int64_t

from arbcore.carry._carry cimport deviation_of
from arbcore.carry._signal cimport Quote
from arbcore.carry._values cimport Value

cdef enum:
    SALE_FEES_MAX = 8


cdef struct Dividend:
    int64_t ex_ns
    double amount            # USD a share, or index points
    bint points


# The fees on a sale of shares from an instant on.
cdef struct SaleFee:
    int64_t since_ns
    double sec_per_usd
    double taf_per_share
    double taf_max


cdef struct Terms:
    # The money settings of a run; they are the same for every trade.
    double notional          # USD per index point: contracts · multiplier
    double cost_rate
    double es_fees           # USD a side, for all contracts
    double spy_fee           # USD per share and side
    double spy_fee_min       # USD a side
    double es_slip           # index points
    double spy_slip          # USD
    bint funding_set         # False: a long pays the run's rate at its entry
    double funding_rate
    double short_rate
    double borrow_rate
    double spread            # the financing spread; a row's r includes it, interest does not
    bint broker              # a broker's fees and rates are charged
    double broker_future     # USD a side, for all contracts
    SaleFee[SALE_FEES_MAX] sale_fees
    int sale_fee_count
    int64_t es_latency_rows
    int64_t spy_latency_rows
    bint mid_fill
    const Dividend* dividends
    Py_ssize_t dividend_count


cdef struct Totals:
    # Sums over the closed trades, in order.
    int64_t trades
    int64_t wins
    int64_t hold_ns
    double gross
    double costs             # including fees
    double fees
    double financing
    double dividends
    double net
    double won
    double lost
    double peak              # the highest closed net P&L; it starts at 0
    double drawdown          # the largest fall of the closed net P&L below its peak


cdef inline void terms_of(Terms* terms, settings) except *:
    """Sets the terms from settings, without the dividends."""
    terms.notional = settings.contracts * settings.multiplier
    terms.cost_rate = settings.cost_bps * 1e-4
    terms.es_fees = settings.contracts * settings.es_fee
    terms.spy_fee = settings.spy_fee
    terms.spy_fee_min = settings.spy_fee_min
    terms.es_latency_rows = settings.es_latency_rows
    terms.spy_latency_rows = settings.spy_latency_rows
    if settings.es_slippage_ticks or settings.spy_slippage_ticks:
        pair = settings.the_pair
        terms.es_slip = settings.es_slippage_ticks * pair.tick
        terms.spy_slip = settings.spy_slippage_ticks * pair.etf_tick
    else:
        terms.es_slip = terms.spy_slip = 0.0
    terms.funding_set = settings.funding_rate is not None
    terms.funding_rate = settings.funding_rate or 0.0
    terms.short_rate = settings.short_rate
    terms.borrow_rate = settings.borrow_rate
    terms.spread = settings.financing_spread_bps * 1e-4
    terms.broker = settings.fees is not None
    terms.sale_fee_count = 0
    if terms.broker:
        broker_terms(terms, settings)
    terms.mid_fill = settings.fill == "mid"
    terms.dividends = NULL
    terms.dividend_count = 0


cdef inline void broker_terms(Terms* terms, settings) except *:
    """Sets a broker's fees: per contract, and by date on sales of shares."""
    from arbcore.carry.money import SALE_FEES, future_fee
    from arbcore.core.civil import new_york_to_utc

    terms.broker_future = future_fee(settings.the_pair.fee_class, settings.contracts)
    for row in SALE_FEES:
        terms.sale_fees[terms.sale_fee_count] = SaleFee(
            new_york_to_utc(row.since_day, 0), row.sec_per_million * 1e-6, row.taf_per_share, row.taf_max)
        terms.sale_fee_count += 1


cdef inline double deviation_at(const Quote* quote, const Value* value) noexcept nogil:
    """The deviation of a quote's mid, with the dividends to expiry taken off the ETF."""
    return deviation_of(quote.es_bid, quote.es_ask, quote.spy_bid - value.paid, quote.spy_ask - value.paid,
                        value.c)


cdef inline void wanted_of(const Terms* terms, int es_side, const Quote* quote, double* es,
                           double* spy) noexcept nogil:
    """The prices of both legs before slippage; ``es_side`` +1 buys ES and sells SPY."""
    if terms.mid_fill:
        es[0] = (quote.es_bid + quote.es_ask) / 2
        spy[0] = (quote.spy_bid + quote.spy_ask) / 2
    else:
        # An index chooses bid or ask without a branch, because no processor can predict the side.
        es[0] = (&quote.es_bid)[es_side > 0]
        spy[0] = (&quote.spy_bid)[es_side < 0]


cdef inline void fills_of(const Terms* terms, int es_side, const Quote* quote, double* es,
                          double* spy) noexcept nogil:
    """The fill prices of both legs: the prices before slippage, made worse by the ticks of slippage."""
    wanted_of(terms, es_side, quote, es, spy)
    es[0] += es_side * terms.es_slip
    spy[0] -= es_side * terms.spy_slip


# A price is never 0; a division of doubles by 0 would give infinity, not a crash.
@cython.cdivision(True)
cdef inline double shares_of(const Terms* terms, double es, double spy) noexcept nogil:
    """The number of shares, rounded to an integer, at least 1."""
    cdef double shares = terms.notional * es / spy + 0.5
    # The cast rounds down; from 2^53 on every double is an integer already.
    if 1.0 < shares < 9007199254740992.0:
        return <double><int64_t>shares
    return shares if shares > 1.0 else 1.0


cdef inline double cost_of(const Terms* terms, double es_entry) noexcept nogil:
    """The cost of the round trip without fees."""
    return 0.0 if terms.broker else terms.cost_rate * terms.notional * es_entry


cdef inline double broker_fee(const Terms* terms, double shares, double price, bint sale,
                              int64_t now_ns) noexcept nogil:
    """A broker's fees for one side of both legs; ``carry.money.share_fee`` is the specification."""
    cdef double value = shares * price, fee = 0.005 * shares, taf
    cdef int at
    cdef const SaleFee* row = &terms.sale_fees[0]
    if fee < 1.0:
        fee = 1.0
    if 0.01 * value < fee:
        fee = 0.01 * value
    if sale:
        for at in range(terms.sale_fee_count):
            if now_ns >= terms.sale_fees[at].since_ns:
                row = &terms.sale_fees[at]
        taf = row.taf_per_share * shares
        fee += row.sec_per_usd * value + (row.taf_max if row.taf_max < taf else taf)
    return terms.broker_future + fee


cdef inline double fees_of(const Terms* terms, double shares, double spy_entry, int side,
                           int64_t now_ns) noexcept nogil:
    """The fees of the round trip: per contract and side, and per share and side with a minimum.

    With a broker's fees it is twice the fee of the entry; half of it is charged at the entry.
    """
    cdef double spy_fees = shares * terms.spy_fee
    if terms.broker:
        # The reverse sells the ETF at entry.
        return 2.0 * broker_fee(terms, shares, spy_entry, side > 0, now_ns)
    return 2.0 * (terms.es_fees + (spy_fees if spy_fees > terms.spy_fee_min else terms.spy_fee_min))


cdef inline double whole_cost(const Terms* terms, double cost, double shares, double spy_exit, int side,
                              int64_t now_ns) noexcept nogil:
    """The cost of both sides, known at the exit; a broker's fee depends on the exit's price and date."""
    if not terms.broker:
        return cost
    return 0.5 * cost + broker_fee(terms, shares, spy_exit, side < 0, now_ns)


# The proceeds are above 0.
@cython.cdivision(True)
cdef inline void rates_of(const Terms* terms, double proceeds, double row_r, double* funding,
                          double* short) noexcept nogil:
    """The rates of the ETF leg, fixed at its fill; for a broker's rates see ``carry.money.broker_rates``."""
    cdef double r = row_r - terms.spread, paid = 0.0
    funding[0], short[0] = r, terms.short_rate
    if terms.broker:
        funding[0] = r + 0.015
        paid += tier_of(proceeds, 100_000.0, 1_000_000.0, r - 0.0125)
        paid += tier_of(proceeds, 1_000_000.0, 3_000_000.0, r - 0.005)
        paid += tier_of(proceeds, 3_000_000.0, 1e300, r - 0.0025)
        short[0] = paid / proceeds
    if terms.funding_set:
        funding[0] = terms.funding_rate


cdef inline double tier_of(double proceeds, double low, double high, double rate) noexcept nogil:
    """The interest of one tier of a short's proceeds, in USD a year."""
    cdef double part = (proceeds if proceeds < high else high) - low
    return part * rate if part > 0.0 and rate > 0.0 else 0.0


cdef inline double gross_of(const Terms* terms, int side, double shares, double es_change,
                            double spy_change) noexcept nogil:
    return side * terms.notional * es_change - side * shares * spy_change


@cython.cdivision(True)
cdef inline double financing_of(const Terms* terms, int side, double value, double funding, double short,
                                int64_t days) noexcept nogil:
    """Interest on the ETF leg's entry value between settlement days: a long pays, a short receives."""
    cdef double rate = -funding if side < 0 else short - terms.borrow_rate
    # Adding 0.0 turns -0.0 into 0.0.
    return rate * value * (<double>days / 365.0) + 0.0


# The level is above 0.
@cython.cdivision(True)
cdef inline double dividends_of(const Terms* terms, int side, double shares, double factor, int64_t entry_ns,
                                int64_t exit_ns) noexcept nogil:
    cdef double total = 0.0, amount
    cdef Py_ssize_t at
    for at in range(terms.dividend_count):
        if entry_ns < terms.dividends[at].ex_ns <= exit_ns:
            amount = terms.dividends[at].amount
            total += -side * shares * (amount / factor if terms.dividends[at].points else amount)
    return total


cdef inline double totals_add(Totals* totals, double gross, double cost, double fees, double financing,
                              double dividends, int64_t hold_ns) noexcept nogil:
    """Adds a closed trade, whose fees are part of its cost; returns its net P&L."""
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
