# The wall of the client's decoder: one line from the exchange in, one Message or one Fault out.
from arbcore.wire._types cimport Message

# Only the fields that the message's kind has are written; after a fault nothing in `out` means anything.
# line[length] must be readable, whatever it is.
cdef int decode_message(const char* line, Py_ssize_t length, Message* out) noexcept nogil

# The inside of a JSON string (Message.text, Request.text) as Python text.
cpdef str text_of(const char* text, Py_ssize_t length)
