"""C API of the rows that a sweep keeps in memory."""
cimport cython
from libc.stdint cimport int64_t

from arbcore.carry._row_source cimport QuoteRow


@cython.final
cdef class SweepRows:
    cdef QuoteRow* rows
    cdef Py_ssize_t capacity
    cdef readonly Py_ssize_t count
    cdef readonly bint has_expiry, has_factor

    cdef int reserve(self, Py_ssize_t more) except -1
    cdef Py_ssize_t first_at(self, int64_t ts_ns) noexcept nogil
