"""C API of the rows of one instrument, as a source returns them."""
from libc.float cimport DBL_MAX
from libc.stdint cimport int32_t, int64_t


cdef enum LegState:
    LEG_QUOTE = 0        # a usable bid and ask
    LEG_MISSING = 1      # a price is missing
    LEG_CROSSED = 2      # the bid is above the ask


cdef enum:
    # The longest price text that is kept; its length is in the last byte.
    PRICE_TEXT_MAX = 15


cdef struct LegRow:
    int64_t ts_ns
    double bid
    double ask
    unsigned char[16] bid_text       # the price as it was read; length 0 if it is written from the number
    unsigned char[16] ask_text
    int32_t contract                 # the source's number of the contract, 0 if it has no contracts
    int32_t state


cdef inline int state_of(double bid, double ask) noexcept nogil:
    return LEG_CROSSED if bid > ask else LEG_QUOTE


# The largest double, and 2^63 - 1 units of 1e-9: Databento's undefined price.
cdef inline bint is_undefined(double price) noexcept nogil:
    return price == DBL_MAX or price == 9223372036.854775807 or price == 9223372036854775807.0


cdef class LegSource:
    cdef readonly int64_t rows, malformed, others

    cdef Py_ssize_t fill(self, LegRow* rows, Py_ssize_t capacity) except -1
