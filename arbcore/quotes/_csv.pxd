"""C API of the CSV reader, for the backtest."""
cimport cython
from libc.stdint cimport int64_t

from arbcore.core._cells cimport TimeRules
from arbcore.carry._row_source cimport QuoteRow, RowSource


cdef struct Cell:
    const unsigned char* text
    Py_ssize_t length


@cython.final
cdef class CsvReader(RowSource):
    cdef readonly str name
    cdef bint skip_bad, ordered, canonical, final, header_read, begun, use_factor, has_index, has_clock
    cdef object expiry_of, buffer, row_numbers
    cdef unsigned char* data
    cdef Py_ssize_t start, end
    cdef unsigned char* scratch
    cdef object scratch_owner, joined_owner
    cdef int64_t line, last_ns
    cdef unsigned char separator
    cdef str tz
    cdef TimeRules rules
    # The date of the last row (at first 1970-01-01): its ten bytes, and the instant at which it begins.
    cdef unsigned char[10] date
    cdef int64_t date_ns
    cdef int[64] role_of
    cdef dict places, names
    cdef int columns
    cdef Cell[10] cells
    # A buffer for a date joined with a time of day; as long as a record, if the data has both columns.
    cdef unsigned char* joined
    # The last expiry that was read; ``expiry_chars`` are those of ``expiry_text``. A length of -1: none yet.
    cdef bytes expiry_text
    cdef const char* expiry_chars
    cdef Py_ssize_t expiry_length
    cdef int64_t expiry_ns

    cdef Py_ssize_t fast_rows(self, QuoteRow* rows, Py_ssize_t n, Py_ssize_t capacity) noexcept nogil
    cdef const unsigned char* fast_time(self, const unsigned char* p, int64_t* ts_ns) noexcept nogil
    cdef bint fast_row(self, QuoteRow* row) noexcept nogil
    cdef bint take_row(self, QuoteRow* row, const unsigned char* p) noexcept nogil
    cdef bint wide_row(self, QuoteRow* row) noexcept nogil
    cdef int slow_record(self, QuoteRow* row) except -1
    cdef void learn_separator(self) noexcept nogil
    cdef int scan_record(self, Py_ssize_t* next_start, int64_t* lines, int* fields) noexcept nogil
    cdef int slow_row(self, QuoteRow* row, int64_t line, int fields) except -1
    cdef int read_cells(self, QuoteRow* row, int64_t line, int fields) except -1
    cdef void join_clock(self) noexcept nogil
    cdef int read_prices(self, QuoteRow* row, int64_t line) except -1
    cdef int read_header(self, bytes text, int64_t line) except -1
    cdef int read_expiry(self, QuoteRow* row, int64_t line) except -1
