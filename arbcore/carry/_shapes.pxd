"""The wall of the shapes, for the CSV reader."""
from libc.stdint cimport int64_t


cdef extern from *:
    """
    #ifndef ARB_ROW_CURSOR
    #define ARB_ROW_CURSOR
    typedef struct {
        const unsigned char *at, *end;
        int64_t date_ns, last_ns, seen, crossed;
        int ordered;
    } ArbRowCursor;
    #endif
    """
    # Where a run over rows stands, and what it counted.
    ctypedef struct RowCursor "ArbRowCursor":
        const unsigned char* at
        const unsigned char* end
        int64_t date_ns
        int64_t last_ns
        int64_t seen
        int64_t crossed
        int ordered


cdef void* new_shapes() noexcept nogil
cdef void free_shapes(void* table) noexcept nogil
cdef Py_ssize_t shaped_rows(
    void* table, RowCursor* cursor, void* rows, Py_ssize_t row_size, Py_ssize_t n, Py_ssize_t capacity
) noexcept nogil
cdef void learn_shape(
    void* table, const unsigned char* row, const unsigned char* row_end, int64_t date_ns
) noexcept nogil
