# C API of the index of open orders: (account, order id) -> place, without a Python object per order.
from libc.stdint cimport int32_t, int64_t, uint64_t

cdef struct Entry:
    uint64_t key
    int32_t value       # -1: the cell is empty

cdef class OrderIndex:
    cdef Entry* cells
    cdef uint64_t mask
    cdef readonly int64_t count

    cdef int reserve(self) except -1     # makes room for one more
    # find() and take() return -1 if absent; call reserve() before put(); take() removes the entry.
    cdef int32_t find(self, int32_t account, int64_t order_id) noexcept nogil
    cdef void put(self, int32_t account, int64_t order_id, int32_t value) noexcept nogil
    cdef int32_t take(self, int32_t account, int64_t order_id) noexcept nogil
    cdef void clear(self) noexcept nogil
