# C API of the compact path.
from libc.stdint cimport int32_t

from arbcore.wire._types cimport Message, Request

# Where the legal message in compact spelling at `line` ends, and `out` is it; NULL if there is none. The byte
# before `end` is no digit.
cdef const char* compact_message(const char* line, const char* end, Message* out) noexcept nogil
# Whether the line is a legal request in compact spelling; but a hello is left to the scanner.
cdef bint compact_request(const char* line, Py_ssize_t length, Request* out) noexcept nogil
# The symbol whose name is at `at`, closed by a quote, as compact spelling has it; one past the quote, or
# NULL if it is none of the seven.
cdef const char* fast_symbol(const char* at, const char* end, int32_t* symbol) noexcept nogil
