"""C API of the column reader, for modules with columns in memory."""
cimport cython
from libc.stdint cimport int64_t, uint8_t

from arbcore.core._cells cimport TimeRules
from arbcore.carry._row_source cimport QuoteRow, RowSource


cdef enum Kind:
    ABSENT = 0
    NOTHING = 1              # a null in every row
    F64 = 2
    F32 = 3
    I8 = 4
    I16 = 5
    I32 = 6
    I64 = 7
    U8 = 8
    U16 = 9
    U32 = 10
    U64 = 11
    TEXT = 12                # offsets of 32 bits
    LARGE_TEXT = 13          # offsets of 64 bits
    TEXT_VIEW = 14


cdef struct Column:
    int kind
    const char* data         # the values; for text the bytes, for views the views
    const char* offsets      # for text
    const void** buffers     # for views: the buffers, by number
    const uint8_t* valid     # a bit per row, or NULL
    const uint8_t* faults    # a CellFault per row, or NULL
    int64_t first            # the index of this batch's first row
    int64_t unit_ns          # of a time; 0: found from its size, as in a file
    bint wall                # for a time with a unit: its zone is not known


@cython.final
cdef class ColumnReader(RowSource):
    cdef str name
    cdef object expiry_of, owners, cells, row_numbers
    cdef bytes expiry_text
    cdef str tz
    cdef dict names
    cdef TimeRules rules
    cdef bint skip_bad, ordered, plain
    cdef Column[9] columns
    cdef Py_ssize_t at, length
    cdef int64_t before, last_ns, expiry_ns

    cdef int set_column(self, int role, Column column, object owner) except -1
    cdef Py_ssize_t plain_rows(self, QuoteRow* rows, Py_ssize_t n, Py_ssize_t capacity) noexcept nogil
    cdef int any_row(self, QuoteRow* row) except -1
    cdef int read_cells(self, QuoteRow* row) except -1
    cdef int read_expiry(self, QuoteRow* row) except -1
    cdef int number_at(self, int role, double* value) except -1
    cdef int time_at(self, int role, int64_t* ts_ns) except -1
    cdef int joined_time(self, int64_t* ts_ns) except -1
    cdef str part_of(self, int role)
