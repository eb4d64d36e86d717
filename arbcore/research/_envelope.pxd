"""C API of the envelope, for the backtest's loop."""
cimport cython
from libc.stdint cimport int64_t, uint64_t


cdef struct Bucket:
    uint64_t key             # the number of its interval of time, in units of the current width
    int64_t first_ns
    int64_t last_ns
    int64_t equity_rows
    int64_t basis_rows
    int64_t cc_entries
    int64_t reverse_entries
    int64_t exits
    double equity_min
    double equity_max
    double equity_last
    double drawdown_max
    double dev_min
    double dev_max
    double dev_last
    double upper_min
    double lower_max
    double cc_entry_dev
    double reverse_entry_dev
    double exit_dev


@cython.final
cdef class Envelope:
    cdef Bucket* buckets
    cdef readonly Py_ssize_t capacity, count
    cdef int shift
    cdef int64_t origin_ns, last_ns

    cdef Bucket* bucket_at(self, int64_t ts_ns) noexcept nogil
    cdef void halve(self) noexcept nogil
    cdef void add_equity(self, int64_t ts_ns, double equity, double drawdown) noexcept nogil
    cdef void add_basis(self, int64_t ts_ns, double dev, double upper, double lower) noexcept nogil
    cdef void add_entry(self, int64_t ts_ns, int side, double dev) noexcept nogil
    cdef void add_exit(self, int64_t ts_ns, double dev) noexcept nogil
