"""Records of one size that grow in number: the ledger, the equity, the contracts that were met.

It knows no record; whoever owns one frees ``data``.
"""
from libc.stdlib cimport realloc


cdef struct Growing:
    # Records of one size, as many as there are.
    char* data
    Py_ssize_t count
    Py_ssize_t capacity


cdef inline void* one_more(Growing* records, Py_ssize_t size) noexcept nogil:
    """Room for one more record; NULL where memory is out."""
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
