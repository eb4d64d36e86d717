"""C API of a sweep's windows: the contracts of the rows, and the data of a window that cells share."""
cimport cython
from libc.stdint cimport int64_t, uint64_t

from arbcore.carry._values cimport RowValues, Value
from arbcore.research._sweep_bits cimport Bitmap
from arbcore.research._sweep_cells cimport Segment, Window
from arbcore.research._sweep_rows cimport SweepRows


@cython.final
cdef class SegmentTable:
    cdef Segment* segments
    cdef Py_ssize_t count, capacity

    cdef Segment* one_more(self) except NULL
    cdef int from_rows(self, SweepRows rows) except -1
    cdef int from_contracts(self, SweepRows rows, expiries_ns) except -1


# Cells with the same settings for a deviation.
@cython.final
cdef class SweepGroup:
    cdef RowValues values
    cdef bint stops                   # whether any cell has a stop
    cdef Py_ssize_t first_cell, end_cell
    cdef dict wanted_places, leave_places
    cdef double[::1] wanted, leave, minus_leave

    cdef void seal(self)


@cython.final
cdef class SweepWindow:
    cdef Window window
    cdef SweepRows rows
    cdef SegmentTable table
    cdef Py_ssize_t segment
    cdef int64_t* expiries_ns
    cdef int64_t* settled             # of all rows
    cdef Value* values
    cdef double* columns              # dev, cc, rev, then low and high of each word
    cdef uint64_t* maps
    cdef uint64_t* summaries

    cdef int move(self, Py_ssize_t first, Py_ssize_t end) noexcept nogil
    cdef int derive(self, SweepGroup group) except -1
    cdef int settle(self) except -1
    cdef void derive_words(self) noexcept nogil
    cdef void bitmap(self, Py_ssize_t number, Bitmap* map) noexcept nogil
