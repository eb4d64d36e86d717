# C API of the client's decoder: takes one line from the exchange, gives one Message or one Fault.
from arbcore.wire._lines cimport LineSplitter
from arbcore.wire._types cimport Message

cdef enum:
    NO_LINE = -1    # a result of next_message that is not a fault

# Writes only the fields of the message's kind; after a fault the content of `out` is undefined.
# line[length] must be readable; its value does not matter.
cdef int decode_message(const char* line, Py_ssize_t length, Message* out) noexcept nogil

# Decodes the next line that is not empty; returns NO_LINE when the fed data are drained. `line` and `length`
# are written only with a fault.
cdef int next_message(LineSplitter lines, Message* out, const char** line, Py_ssize_t* length) noexcept nogil

# Decodes the inside of a JSON string (Message.text, Request.text) to Python text.
cpdef str text_of(const char* text, Py_ssize_t length)
