"""The wall of the equity: its peak and falls, and the last of each UTC date; inline, for the loop over rows.

Knows numbers and times. What a position is worth on a row is worked out by ``_stretch``, what counts of it
here.
"""
cimport cython
from libc.stdint cimport int64_t

from arbcore.carry._growing cimport Growing, one_more
from arbcore.carry._stretch cimport (
    Held, QuoteColumns, Water, held_equity, hold_rows, stretch_level, water_note,
)


cdef struct Equity:
    Water water
    Growing closes           # the last one of each date
    int64_t day_end_ns


# The divisor is no 0.
@cython.cdivision(True)
cdef inline bint equity_date(Equity* equity, int64_t ts_ns) noexcept nogil:
    """Begins the date of a row where it is a new one; False where memory is out."""
    cdef int64_t day_ns = 86_400_000_000_000LL, begun_ns
    if equity.closes.count > 0 and ts_ns < equity.day_end_ns:
        return True
    # C's remainder has the sign of the time; dates before 1970 need the floor.
    begun_ns = ts_ns - ts_ns % day_ns
    equity.day_end_ns = begun_ns if ts_ns < begun_ns else begun_ns + day_ns
    return one_more(&equity.closes, sizeof(double)) != NULL


cdef inline void equity_close(Equity* equity, double value) noexcept nogil:
    (<double*>equity.closes.data)[equity.closes.count - 1] = value


cdef inline bint equity_note(Equity* equity, int64_t ts_ns, double value) noexcept nogil:
    """Counts one row; False where memory is out."""
    water_note(&equity.water, ts_ns, value)
    if not equity_date(equity, ts_ns):
        return False
    equity_close(equity, value)
    return True


cdef inline bint equity_take(Equity* equity, const QuoteColumns* rows, Py_ssize_t first, Py_ssize_t end,
                             const Held* held) noexcept nogil:
    """Counts rows between which nothing happens; False where memory is out. All times are above 0."""
    cdef Py_ssize_t stop
    while first < end:
        if not equity_date(equity, rows.ts_ns[first]):
            return False
        stop = end
        if rows.ts_ns[end - 1] >= equity.day_end_ns:
            stop = first + 1
            while rows.ts_ns[stop] < equity.day_end_ns:
                stop += 1
        if held.es_size == 0.0:
            # The equity stands still, so that only the last row can matter.
            water_note(&equity.water, rows.ts_ns[stop - 1], held.net)
            equity_close(equity, held.net)
        else:
            hold_rows(stretch_level(), rows, first, stop, held, &equity.water)
            equity_close(equity, held_equity(held, rows, stop - 1))
        first = stop
    return True


cdef inline list equity_closes(const Equity* equity):
    """The last equity of each date, in order."""
    cdef Py_ssize_t at
    return [(<const double*>equity.closes.data)[at] for at in range(equity.closes.count)]
