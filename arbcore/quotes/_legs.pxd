"""Rows of one instrument, as a source hands them out."""
from libc.float cimport DBL_MAX
from libc.stdint cimport int32_t, int64_t


cdef enum LegState:
    LEG_QUOTE = 0        # a bid and an ask that can be used
    LEG_MISSING = 1      # a price is missing
    LEG_CROSSED = 2      # the bid is above the ask


cdef enum:
    # The longest price whose spelling is kept; its length stands in the last byte.
    PRICE_TEXT_MAX = 15


cdef struct LegRow:
    int64_t ts_ns
    double bid
    double ask
    unsigned char[16] bid_text       # as the price was read; length 0 where it is written from the number
    unsigned char[16] ask_text
    int32_t contract                 # a number of the source's own, 0 where it has no contracts
    int32_t state


cdef inline int state_of(double bid, double ask) noexcept nogil:
    return LEG_CROSSED if bid > ask else LEG_QUOTE


# The largest double, and 2^63 - 1 units of 1e-9: Databento's price that is not defined.
cdef inline bint is_undefined(double price) noexcept nogil:
    return price == DBL_MAX or price == 9223372036.854775807 or price == 9223372036854775807.0


cdef class LegSource:
    cdef readonly int64_t rows, malformed, others

    cdef Py_ssize_t fill(self, LegRow* rows, Py_ssize_t capacity) except -1
