"""C API of the ledger."""
cimport cython
from libc.stdint cimport int64_t

from arbcore.carry._growing cimport Growing
from arbcore.research._position cimport Trade


cdef struct Record:
    # One trade of the ledger.
    Trade trade
    double net


@cython.final
cdef class Ledger:
    cdef Growing records
    cdef readonly int64_t first_id
    cdef readonly object contracts

    cdef bint keep(self, const Trade* trade, double net) noexcept nogil
    cdef object row(self, Py_ssize_t at)
