"""C API of the values of a row: its level, carry, dividends to expiry, rate and settlement day."""
cimport cython
from libc.stdint cimport int64_t

from arbcore.carry._growing cimport Growing
from arbcore.carry._row_source cimport QuoteRow

cdef enum:
    # Up to three rows may stand alone together; the fourth is the row after them.
    PENDING_ROWS = 4


cdef struct Value:
    double f                 # the level; NaN while it is not known, and then c and paid are NaN too
    double c                 # f · e^((r − d)·t)
    double paid              # today's value of the dividends up to expiry, USD a share
    double r                 # the rate of the fair value, with the financing spread
    int64_t settled          # the settlement day of a trade on this row


# The value of a row under the previous row's contract.
cdef struct Closing:
    Py_ssize_t at
    Value value


cdef struct Payout:
    int64_t ex_ns
    double amount
    bint points


# The values of a decided row, to compute the financing that its level implies.
cdef struct Decided:
    bint there
    int64_t ts_ns
    int64_t expiry_ns
    double f
    double etf_mid
    double t
    double r
    double d
    double paid


@cython.final
cdef class RowValues:
    cdef object terms, seen
    cdef int mode
    cdef double half_life_s, number, calibrated, spread, d, rate, date_value
    cdef Py_ssize_t auto_rows
    cdef bint simple, scheduled, keep_outliers
    cdef Growing payouts, closings, alone
    # The New York date of the last row.
    cdef int64_t day_begin_ns, day_end_ns, settled
    # The state of the current contract's level.
    cdef bint started
    cdef int64_t expiry_ns, last_ns, last_settled
    cdef double f, w, gap_s
    # Counts and extremes over all rows.
    cdef readonly int64_t rows, warming_up, outliers
    cdef Decided first, last
    cdef double largest_bps
    cdef int64_t largest_ns, outlier_ns, far_ns, far_expiry_ns
    cdef int64_t* bins
    cdef int64_t deviations
    # Rows that may stand alone, and the last row before them that does not.
    cdef double kept_x
    cdef double[PENDING_ROWS] pending_x
    cdef int64_t[PENDING_ROWS] pending_ns
    cdef Py_ssize_t pending, pending_first

    cdef int fill(self, const QuoteRow* rows, const int64_t* expiries_ns, Py_ssize_t count, Value* values,
                  double* dev, double* cc, double* rev) except -1 nogil
    cdef int stretch(self, const QuoteRow* rows, Py_ssize_t count, Value* values, double* dev, double* cc,
                     double* rev) except -1 nogil
    cdef void payouts_of(self, const QuoteRow* rows, Py_ssize_t count, const double* r, double* usd,
                         double* points) noexcept nogil
    cdef void say(self, const QuoteRow* rows, Py_ssize_t count, const Value* values, const double* t,
                  const double* dev, const double* cc, const double* rev) noexcept nogil
    cdef void decided(self, Decided* found, const QuoteRow* row, const Value* value, double t) noexcept nogil
    cdef int new_date(self, int64_t ts_ns) except -1
    cdef int new_contract(self, const QuoteRow* row, int64_t expiry_ns, Py_ssize_t at) except -1
    cdef double rate_of(self, double t) except? -12345.0
    cdef int simple_rates(self, const double* t, Py_ssize_t count, double* r) except -1
    cdef double moved(self, int64_t ts_ns, double r) noexcept nogil
    cdef void track(self, const QuoteRow* rows, Py_ssize_t count, const double* x, const double* r,
                    double* decided) noexcept nogil
    cdef double calibrate(self, double x) except? -12345.0
    cdef void note_all(self, const QuoteRow* rows, Py_ssize_t count, const double* x) noexcept nogil
    cdef void resolve(self, bint ended) noexcept nogil
    cdef const Closing* closing_of(self, Py_ssize_t at) noexcept nogil
