"""The wall of the cell parsers, for the CSV reader."""
from libc.stdint cimport int64_t


cdef enum CellFault:
    CELL_OK = 0
    CELL_MISSING = 1     # empty, a word for nothing, not finite, or not above 0
    CELL_BAD = 2         # not a number, not a time
    CELL_HARD = 3        # a number that needs hard_price


cdef int parse_price(const unsigned char* text, Py_ssize_t length, double* price) noexcept nogil
cdef int hard_price(const unsigned char* text, Py_ssize_t length, double* price) except -1
cdef int parse_ts(const unsigned char* text, Py_ssize_t length, int64_t* ts_ns) noexcept nogil
cdef int64_t parse_day(const unsigned char* text) noexcept nogil
