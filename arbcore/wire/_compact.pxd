# C API of the compact path.
from libc.stdint cimport int32_t

from arbcore.wire._types cimport Message, Request

# Decodes the legal message in compact spelling at `line` into `out`; returns the message's end, or NULL if
# there is none. The byte before `end` must not be a digit.
cdef const char* compact_message(const char* line, const char* end, Message* out) noexcept nogil
# Decodes a legal request in compact spelling; returns False for all other lines and for every hello.
cdef bint compact_request(const char* line, Py_ssize_t length, Request* out) noexcept nogil
# Decodes the symbol name at `at` with its closing quote, in compact spelling; returns one past the quote, or
# NULL if the name is not one of the seven.
cdef const char* fast_symbol(const char* at, const char* end, int32_t* symbol) noexcept nogil
