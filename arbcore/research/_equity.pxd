"""C API of the equity, inline for the loop over rows: peak, drawdown, and the last value of each UTC date.

It knows numbers and times, and values a position at a row's mids.
"""
cimport cython
from libc.stdint cimport int64_t

from arbcore.carry._growing cimport Growing, one_more
from arbcore.carry._row_source cimport QuoteRow


# The inputs of a row's equity. With both legs held, their sizes have the sign of the side; without a position
# the sizes are 0.
cdef struct Held:
    double net
    double es_entry
    double spy_entry
    double es_size
    double spy_size
    double half_cost


# The highest equity so far, the deepest fall below it, and the longest time below it.
cdef struct Water:
    double peak
    double drawdown
    int64_t peak_ns
    int64_t under_water_ns


cdef struct Close:
    int64_t end_ns           # the end of a date
    double equity            # its last equity


cdef struct Equity:
    Water water
    Growing closes           # a Close for each date
    int64_t day_end_ns


cdef inline double held_equity(const Held* held, const QuoteRow* row) noexcept nogil:
    """The equity of a row: the position is marked at mids, and half of its cost is charged."""
    cdef double es = (row.es_bid + row.es_ask) / 2
    cdef double spy = (row.spy_bid + row.spy_ask) / 2
    return held.net + (
        held.es_size * (es - held.es_entry) - held.spy_size * (spy - held.spy_entry) - held.half_cost)


cdef inline void water_note(Water* water, int64_t ts_ns, double equity) noexcept nogil:
    """Updates peak and drawdown with the equity of one row."""
    if equity >= water.peak:
        water.peak = equity
        water.peak_ns = ts_ns
    if water.peak - equity > water.drawdown:
        water.drawdown = water.peak - equity
    if ts_ns - water.peak_ns > water.under_water_ns:
        water.under_water_ns = ts_ns - water.peak_ns


cdef inline void water_through(Water* water, const QuoteRow* rows, const double* equity,
                               Py_ssize_t count) noexcept nogil:
    """Updates peak and drawdown with the equity of several rows."""
    cdef Water now = water[0]
    cdef Py_ssize_t at
    for at in range(count):
        water_note(&now, rows[at].ts_ns, equity[at])
    water[0] = now


# The divisor is a constant other than 0.
@cython.cdivision(True)
cdef inline bint equity_date(Equity* equity, int64_t ts_ns) noexcept nogil:
    """Begins a new date if the row is on one; False if memory runs out."""
    cdef int64_t day_ns = 86_400_000_000_000LL, latest_ns = 0x7FFFFFFFFFFFFFFFLL, begun_ns
    if equity.closes.count > 0 and ts_ns < equity.day_end_ns:
        return True
    # C's remainder has the sign of the time; for dates before 1970 it must be rounded down.
    begun_ns = ts_ns - ts_ns % day_ns
    if ts_ns < begun_ns:
        equity.day_end_ns = begun_ns
    else:
        # The last date ends beyond 64 bits, so its end is the largest integer.
        equity.day_end_ns = latest_ns if begun_ns > latest_ns - day_ns else begun_ns + day_ns
    if one_more(&equity.closes, sizeof(Close)) == NULL:
        return False
    (<Close*>equity.closes.data)[equity.closes.count - 1].end_ns = equity.day_end_ns
    return True


cdef inline void equity_close(Equity* equity, double value) noexcept nogil:
    (<Close*>equity.closes.data)[equity.closes.count - 1].equity = value


cdef inline bint equity_note(Equity* equity, int64_t ts_ns, double value) noexcept nogil:
    """Counts the equity of one row; False if memory runs out."""
    water_note(&equity.water, ts_ns, value)
    if not equity_date(equity, ts_ns):
        return False
    equity_close(equity, value)
    return True


cdef inline bint equity_take(Equity* equity, const QuoteRow* rows, Py_ssize_t first, Py_ssize_t end,
                             const Held* held) noexcept nogil:
    """Counts rows between which nothing happens; False if memory runs out. All times are above 0.

    If ``first`` is ``end`` it counts nothing. The search for the first row of a later date always stops,
    because the last row is then on a later date.
    """
    cdef Py_ssize_t stop
    cdef double value = 0.0
    while first < end:
        if not equity_date(equity, rows[first].ts_ns):
            return False
        stop = end
        if rows[end - 1].ts_ns >= equity.day_end_ns:
            stop = first + 1
            while rows[stop].ts_ns < equity.day_end_ns:
                stop += 1
        if held.es_size == 0.0:
            # The equity does not change, so only the last row matters.
            water_note(&equity.water, rows[stop - 1].ts_ns, held.net)
            equity_close(equity, held.net)
        else:
            while first < stop:
                value = held_equity(held, &rows[first])
                water_note(&equity.water, rows[first].ts_ns, value)
                first += 1
            equity_close(equity, value)
        first = stop
    return True


cdef inline list equity_closes(const Equity* equity):
    """The last equity of each date, in order."""
    cdef Py_ssize_t at
    return [(<const Close*>equity.closes.data)[at].equity for at in range(equity.closes.count)]


cdef inline list equity_dates(const Equity* equity):
    """The end of each date in nanoseconds, in order."""
    cdef Py_ssize_t at
    return [(<const Close*>equity.closes.data)[at].end_ns for at in range(equity.closes.count)]
