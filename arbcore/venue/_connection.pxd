# C API of one client's connection: its received bytes, its bounded send queue, its message rate.
from libc.stdint cimport int32_t, int64_t

from arbcore._fast cimport RateWindow
from arbcore.wire._encode cimport OutBuffer
from arbcore.wire._lines cimport LineSplitter

cdef class Connection:
    cdef readonly int64_t number
    cdef int32_t account              # -1 before its hello
    cdef OutBuffer out
    cdef LineSplitter lines
    cdef RateWindow rate
    cdef bint capped
    cdef readonly bint text           # uses plain text; its queue is JSON until `take`
    cdef int64_t heard_ns             # when the client last sent anything
    cdef readonly bint closing        # closes once its output is flushed
    cdef readonly bint overflowed     # the client did not read, and its queue passed the bound
    cdef int64_t oversized_told
    cdef Py_ssize_t queue_max

    # Whether one more private line may be queued; marks the connection as overflowed if not.
    cdef bint writable(self) noexcept nogil
    cdef int append(self, const char* data, Py_ssize_t length) except -1
    cdef int error(self, bytes text) except -1
