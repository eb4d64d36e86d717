"""C API of the cell parsers, for the readers of files."""
from libc.stdint cimport int64_t


cdef enum CellFault:
    CELL_OK = 0
    CELL_MISSING = 1     # empty, a word for a missing number, not finite, or not above 0
    CELL_BAD = 2         # not a number, not a time
    CELL_HARD = 3        # a number that needs hard_price
    CELL_SMALL = 4       # a number that is an epoch before 1990
    CELL_NO_HOUR = 5     # a local time that the zone's clock skipped when it went forward


# How to read a time whose text leaves its zone or its order of day and month open.
cdef struct TimeRules:
    int hours            # the zone's hours behind UTC in winter, for a time without a zone; 0: UTC
    bint day_first       # the day comes first in a date such as 03/02/2026


cdef int parse_price(const unsigned char* text, Py_ssize_t length, double* price) noexcept nogil
cdef int hard_price(const unsigned char* text, Py_ssize_t length, double* price) except -1
cdef bint is_undefined(double price) noexcept nogil
cdef int parse_ts(const unsigned char* text, Py_ssize_t length, const TimeRules* rules, int64_t* ts_ns,
                  bint* zoned) noexcept nogil
cdef int time_of_whole(int64_t value, const TimeRules* rules, int64_t* ts_ns, bint* zoned) noexcept nogil
cdef int utc_ns_of(int64_t wall_ns, int hours, int64_t* ts_ns) noexcept nogil
cdef int64_t parse_day(const unsigned char* text) noexcept nogil
cdef int hours_of(str tz) except -1
