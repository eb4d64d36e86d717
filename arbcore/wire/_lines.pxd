# C API of the line splitter: takes bytes in any slices and returns whole lines, in bounded memory.
from libc.stdint cimport int64_t

cdef class LineSplitter:
    cdef readonly int64_t oversized     # lines dropped because they were longer than max_bytes
    cdef readonly Py_ssize_t max_bytes
    cdef char* _kept                    # the partial line carried over, max_bytes + 1 bytes
    cdef Py_ssize_t _kept_length
    cdef bint _skipping                 # inside an oversized line, up to its newline
    cdef const char* _at                # the undrained rest of the data last fed
    cdef const char* _end
    cdef const char* _whole_end         # one past the last newline of that data; its start if there is none

    # `data` must stay valid during the drain: call `next` until it returns False before the next feed.
    cdef void feed(self, const char* data, Py_ssize_t length) noexcept nogil
    # Gives a whole line without its '\n' (and without a '\r' before it). The byte at line[length] is
    # readable. The line is valid until the next call.
    cdef bint next(self, const char** line, Py_ssize_t* length) noexcept nogil
    cdef void reset(self) noexcept nogil  # drops a partial line, for a new connection
    cdef void _keep(self, const char* start, Py_ssize_t size) noexcept nogil


# For a decoder that finds the end of a line itself: returns the start of the next line if the whole line is
# in the data last fed, else NULL. The byte before `end` is a newline.
cdef inline const char* line_ahead(LineSplitter lines, const char** end) noexcept nogil:
    end[0] = lines._whole_end
    if lines._at >= lines._whole_end or lines._kept_length > 0 or lines._skipping:
        return NULL
    return lines._at

# Consumes that line, which ends at `newline`; returns False if it is longer than allowed.
cdef inline bint pass_line(LineSplitter lines, const char* newline) noexcept nogil:
    if newline - lines._at > lines.max_bytes:
        return False
    lines._at = newline + 1
    return True
