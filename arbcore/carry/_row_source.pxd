"""C API of the rows that a source hands out."""
from libc.stdint cimport int64_t


cdef struct QuoteRow:
    int64_t ts_ns
    double es_bid
    double es_ask
    double spy_bid
    double spy_ask
    double factor            # only where the source has_factor
    int64_t expiry_ns        # only where the source has_expiry


cdef class RowSource:
    cdef readonly int64_t rows, missing, crossed, malformed
    cdef readonly bint has_expiry, has_factor
    cdef readonly bint zoned           # a time said its zone
    cdef readonly object pair, unused  # the pair that the names tell, a factor column that was not asked for

    cdef Py_ssize_t fill(self, QuoteRow* rows, Py_ssize_t capacity) except -1
