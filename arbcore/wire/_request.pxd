# C API of the exchange's decoder: one line from a client in, one Request or one Fault out.
from arbcore.wire._types cimport Request

# Always written, also with a fault: `kind` (0 if the type is not known) and `order_id` (-1 if it has none
# that is legal), so that a fault can be tied to its order. Every other field that the kind has is 0 until
# it was read; fields are read in their documented order, so the first that is 0 is the one at fault.
cdef int decode_request(const char* line, Py_ssize_t length, Request* out) noexcept nogil
