# Computes positions from the exchange's messages alone and checks them against the limits.
from libc.stdint cimport int32_t, int64_t

from arbcore.trading._orders cimport Order
from arbcore.wire._types cimport N_SYMBOLS

cdef class Audit:
    cdef int64_t limits[N_SYMBOLS]
    cdef int64_t position[N_SYMBOLS]
    cdef readonly int64_t breaches
    cdef void on_hello(self, const int64_t* positions) noexcept
    cdef void on_fill(self, int32_t symbol, int64_t signed_size) noexcept
    cdef void on_conversion(self, const Order* order) noexcept
    cdef void _count(self) noexcept
