# C API of the field rules; each returns a Fault, and writes its result only if that is FAULT_NONE.
from libc.stdint cimport int32_t, int64_t

from arbcore.wire._scan cimport Value

cdef enum:
    CASH = 7   # result of read_name for USD: the number after the instruments

# Accepts any string; the result is an instrument's id, CASH, or -1 for another name.
cdef int read_name(const Value* value, int* symbol) noexcept nogil
# Accepts only one of the seven instruments.
cdef int read_symbol(const Value* value, int32_t* symbol) noexcept nogil
cdef int read_side(const Value* value, int32_t* side) noexcept nogil
# A price or a size.
cdef int read_amount(const Value* value, int32_t* amount) noexcept nogil
cdef int read_order_id(const Value* value, int64_t* order_id) noexcept nogil
# Accepts integers of low <= result <= high.
cdef int read_number(const Value* value, int64_t low, int64_t high, int64_t* result) noexcept nogil
# Accepts any string; the result is its undecoded inside, a pointer into the line.
cdef int read_text(const Value* value, const char** text, Py_ssize_t* length) noexcept nogil
