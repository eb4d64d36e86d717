# The wall of the compact path.
from libc.stdint cimport int32_t

from arbcore.wire._types cimport Message, Request

# Whether the line is a legal message in compact spelling; then `out` is it.
cdef bint compact_message(const char* line, Py_ssize_t length, Message* out) noexcept nogil
# The same of a request; but a hello is left to the scanner.
cdef bint compact_request(const char* line, Py_ssize_t length, Request* out) noexcept nogil
# The symbol whose name is at `at`, closed by a quote, as compact spelling has it; one past the quote, or
# NULL if it is none of the seven.
cdef const char* fast_symbol(const char* at, const char* end, int32_t* symbol) noexcept nogil
