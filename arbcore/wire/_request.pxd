# C API of the exchange's decoder: takes one line from a client, gives one Request or one Fault.
from arbcore.wire._types cimport Request

# Always writes, also with a fault, `kind` (0 if the type is not known) and `order_id` (-1 if there is no
# legal one), because they tie a fault to its order. Every other field of the kind is 0 until it is read.
# Fields are read in their documented order, so the first one that is 0 is the faulty one.
cdef int decode_request(const char* line, Py_ssize_t length, Request* out) noexcept nogil
