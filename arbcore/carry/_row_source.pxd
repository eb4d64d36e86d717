"""C API of a source of rows."""
from libc.stdint cimport int64_t


cdef struct QuoteRow:
    int64_t ts_ns
    double es_bid
    double es_ask
    double spy_bid
    double spy_ask
    double factor            # set only if the source has_factor
    int64_t expiry_ns        # set only if the source has_expiry


cdef class RowSource:
    cdef readonly int64_t rows, missing, crossed, malformed
    cdef readonly bint has_expiry, has_factor
    cdef readonly bint zoned           # at least one time has a zone
    cdef readonly object pair, unused  # the column names' pair; a factor column that is not used

    cdef Py_ssize_t fill(self, QuoteRow* rows, Py_ssize_t capacity) except -1
