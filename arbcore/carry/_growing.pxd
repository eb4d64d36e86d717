"""A growing array of records of one size, for the ledger, the equity and the contracts used.

It does not know what a record holds. The owner of an array frees ``data``.
"""
from libc.stdlib cimport realloc


cdef struct Growing:
    # ``count`` records of one size, with room for ``capacity``.
    char* data
    Py_ssize_t count
    Py_ssize_t capacity


cdef inline void* one_more(Growing* records, Py_ssize_t size) noexcept nogil:
    """Adds a record and returns its address; NULL if memory runs out."""
    cdef Py_ssize_t capacity
    cdef char* data
    if records.count == records.capacity:
        capacity = 64 if records.capacity == 0 else records.capacity * 2
        data = <char*>realloc(records.data, capacity * size)
        if data == NULL:
            return NULL
        records.data = data
        records.capacity = capacity
    records.count += 1
    return records.data + (records.count - 1) * size
