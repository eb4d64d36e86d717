# Bounded counts of texts and of bad lines; a text or fault seen before allocates no memory.
from libc.stdint cimport int32_t, int64_t

cdef enum:
    TEXTS_MAX = 64          # different texts; all others count as "other"
    FAULTS_KEPT = 8         # number of last bad lines kept
    FAULT_BYTES_KEPT = 120  # bytes kept of each of them
    N_FAULTS = 13           # arbcore.wire._types.Fault

cdef struct SeenText:
    char* raw               # the JSON string's content as it was spelled; owned here
    Py_ssize_t length
    int32_t counter

cdef class TextTally:
    cdef SeenText _seen[TEXTS_MAX]
    cdef int32_t _n_seen
    cdef int64_t _counts[TEXTS_MAX + 1]
    cdef list _texts
    cdef int count(self, const char* raw, Py_ssize_t length) except -1

cdef struct FaultLine:
    int32_t length
    char text[FAULT_BYTES_KEPT]

cdef class FaultLog:
    cdef int64_t counts[N_FAULTS]
    cdef FaultLine _lines[FAULTS_KEPT]
    cdef int64_t _n_lines
    cdef void add(self, int32_t fault, const char* line, Py_ssize_t length) noexcept
