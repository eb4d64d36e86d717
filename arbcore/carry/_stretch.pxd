"""The wall of the stretches: rows in columns, and what is kept of the equity over many rows."""
from libc.stdint cimport int64_t

from arbcore.carry._signal cimport Screen


cdef extern from *:
    """
    #ifndef ARB_STRETCH
    #define ARB_STRETCH
    #include <stdint.h>
    typedef struct { const int64_t *ts_ns; const double *es_bid, *es_ask, *spy_bid, *spy_ask; } ArbColumns;
    typedef struct { double net, es_entry, spy_entry, es_size, spy_size, half_cost; } ArbHeld;
    typedef struct { double peak, drawdown; int64_t peak_ns, under_water_ns; } ArbWater;

    /* Without a branch, for nobody can guess whether a row is the highest yet. */
    static inline void arb_note(ArbWater *water, int64_t ts_ns, double equity) {
        const double before = water->peak, peak = equity > before ? equity : before;
        const double fall = peak - equity, deepest = water->drawdown;
        const int64_t anew = -(int64_t)(equity >= before), longest_ns = water->under_water_ns;
        const int64_t peak_ns = (ts_ns & anew) | (water->peak_ns & ~anew), waited_ns = ts_ns - peak_ns;
        water->peak = peak;
        water->peak_ns = peak_ns;
        water->drawdown = fall > deepest ? fall : deepest;
        water->under_water_ns = waited_ns > longest_ns ? waited_ns : longest_ns;
    }
    #endif
    """
    # Valid rows in order of time, column by column.
    ctypedef struct QuoteColumns "ArbColumns":
        const int64_t* ts_ns
        const double* es_bid
        const double* es_ask
        const double* spy_bid
        const double* spy_ask
    # What the equity of a row is worked out from while both legs are held, whose sizes have the side's sign,
    # or while nothing is, and they are 0.
    ctypedef struct Held "ArbHeld":
        double net
        double es_entry
        double spy_entry
        double es_size
        double spy_size
        double half_cost
    # The highest equity so far, the deepest fall below it and the longest time since.
    ctypedef struct Water "ArbWater":
        double peak
        double drawdown
        int64_t peak_ns
        int64_t under_water_ns
    # Counts the equity of one row.
    void water_note "arb_note"(Water* water, int64_t ts_ns, double equity) noexcept nogil


cdef inline double held_equity(const Held* held, const QuoteColumns* rows, Py_ssize_t at) noexcept nogil:
    """The equity of a row, its position marked at mids and charged half of its cost."""
    cdef double es = (rows.es_bid[at] + rows.es_ask[at]) / 2
    cdef double spy = (rows.spy_bid[at] + rows.spy_ask[at]) / 2
    return held.net + (
        held.es_size * (es - held.es_entry) - held.spy_size * (spy - held.spy_entry) - held.half_cost)


cdef int stretch_level() noexcept nogil
cdef bint all_valid(int level, const QuoteColumns* rows, Py_ssize_t count, int64_t last_ns, double least,
                    double most) noexcept nogil
cdef void turn_rows(int level, const void* rows, Py_ssize_t row_size, Py_ssize_t count,
                    const QuoteColumns* columns) noexcept nogil
cdef Py_ssize_t passing_rows(int level, const QuoteColumns* rows, Py_ssize_t first, Py_ssize_t end,
                             const Screen* screen) noexcept nogil
cdef void hold_rows(int level, const QuoteColumns* rows, Py_ssize_t first, Py_ssize_t end, const Held* held,
                    Water* water) noexcept nogil
