# C API of the client's decoder: one line from the exchange in, one Message or one Fault out.
from arbcore.wire._lines cimport LineSplitter
from arbcore.wire._types cimport Message

cdef enum:
    NO_LINE = -1    # a result besides the faults

# Only the fields that the message's kind has are written; after a fault nothing in `out` means anything.
# line[length] must be readable, whatever it is.
cdef int decode_message(const char* line, Py_ssize_t length, Message* out) noexcept nogil

# The next line that is not empty, decoded; NO_LINE when what was fed is drained. `line` and `length` are
# written only with a fault.
cdef int next_message(LineSplitter lines, Message* out, const char** line, Py_ssize_t* length) noexcept nogil

# The inside of a JSON string (Message.text, Request.text) as Python text.
cpdef str text_of(const char* text, Py_ssize_t length)
