"""The wall of a sweep's windows: contracts over the rows, and what cells share over some of them."""
cimport cython
from libc.stdint cimport uint64_t

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


# Cells that agree on what makes a deviation.
@cython.final
cdef class SweepGroup:
    cdef double r, d, factor
    cdef Py_ssize_t first_row         # what is before calibrates the factor
    cdef bint stops                   # whether a cell has a stop
    cdef Py_ssize_t first_cell, end_cell
    cdef dict wanted_places, leave_places
    cdef double[::1] wanted, leave, minus_leave

    cdef void seal(self)
    cdef int calibrate(self, SweepRows rows, SegmentTable table, Py_ssize_t count) except -1


@cython.final
cdef class SweepWindow:
    cdef Window window
    cdef SweepRows rows
    cdef SegmentTable table
    cdef int level
    cdef Py_ssize_t segment
    cdef double longest_years
    cdef double* columns              # years, carry, dev, cc, rev, then low and high a word
    cdef uint64_t* maps
    cdef uint64_t* summaries

    cdef int move(self, Py_ssize_t first, Py_ssize_t end) noexcept nogil
    cdef int derive(self, SweepGroup group) except -1
    cdef void derive_columns(self, double r, double d, double factor) noexcept nogil
    cdef void derive_words(self) noexcept nogil
    cdef void bitmap(self, Py_ssize_t number, Bitmap* map) noexcept nogil
