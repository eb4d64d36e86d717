"""The wall of the CSV reader, for the backtest."""
cimport cython
from libc.stdint cimport int64_t

from arbcore.carry._rows cimport QuoteRow, RowSource


cdef struct Cell:
    const unsigned char* text
    Py_ssize_t length


@cython.final
cdef class CsvReader(RowSource):
    cdef readonly str name
    cdef bint skip_bad, ordered, fast, final, header_read, begun
    cdef object expiry_of, buffer
    cdef unsigned char* data
    cdef Py_ssize_t start, end
    cdef unsigned char* scratch
    cdef object scratch_owner
    cdef int64_t line, last_ns
    # The date that the last row had: its ten bytes and the instant it begins.
    cdef unsigned char[10] date
    cdef int64_t date_ns
    cdef int[64] role_of
    cdef object roles
    cdef int columns, needed
    cdef Cell[9] cells
    cdef bytes expiry_text
    cdef int64_t expiry_ns

    cdef Py_ssize_t fast_rows(self, QuoteRow* rows, Py_ssize_t n, Py_ssize_t capacity) noexcept nogil
    cdef bint fast_row(self, QuoteRow* row) noexcept nogil
    cdef int slow_record(self, QuoteRow* row) except -1
    cdef int scan_record(self, Py_ssize_t* next_start, int64_t* lines, int* fields) noexcept nogil
    cdef int slow_row(self, QuoteRow* row, int64_t line, int fields) except -1
    cdef int read_cells(self, QuoteRow* row, int64_t line, int fields) except -1
    cdef int read_prices(self, QuoteRow* row, int64_t line) except -1
    cdef int read_header(self, bytes text, int64_t line) except -1
    cdef int read_expiry(self, QuoteRow* row, int64_t line) except -1
