# C API of the encoder: compact JSON lines in a growing buffer. A writer that raises leaves the buffer as it
# was. Numbers are not checked: the caller must check them.
from libc.stdint cimport int32_t, int64_t, uint32_t

from arbcore._fast cimport Level

cdef class OutBuffer:
    cdef char* data
    cdef Py_ssize_t length
    cdef Py_ssize_t _capacity
    cdef readonly Py_ssize_t max_bytes

    # Reserves `more` bytes after `length`. Raises RunError beyond max_bytes, MemoryError without memory.
    cdef int reserve(self, Py_ssize_t more) except -1
    cdef void clear(self) noexcept nogil
    # Returns the content as bytes and empties the buffer.
    cpdef bytes take(self)

# Client to exchange. `side` is BUY or SELL of _types.
cdef int put_hello(OutBuffer out, const char* team, Py_ssize_t n) except -1
cdef int put_add(OutBuffer out, int64_t order_id, int symbol, int side, int32_t price, int32_t size) except -1
cdef int put_convert(OutBuffer out, int64_t order_id, int symbol, int side, int32_t size) except -1
cdef int put_cancel(OutBuffer out, int64_t order_id) except -1

# Exchange to client. Texts are UTF-8; invalid bytes become U+FFFD.
cdef int put_hello_positions(OutBuffer out, const int64_t* positions, int64_t cash) except -1
cdef int put_open(OutBuffer out, uint32_t symbol_mask) except -1
cdef int put_close(OutBuffer out, uint32_t symbol_mask) except -1
cdef int put_error(OutBuffer out, const char* text, Py_ssize_t n) except -1
cdef int put_book(OutBuffer out, int symbol, const Level* bids,
                  int n_bids, const Level* asks, int n_asks) except -1
cdef int put_trade(OutBuffer out, int symbol, int32_t price, int32_t size) except -1
cdef int put_ack(OutBuffer out, int64_t order_id) except -1
cdef int put_reject(OutBuffer out, int64_t order_id, const char* text, Py_ssize_t n) except -1
cdef int put_fill(OutBuffer out, int64_t order_id, int symbol, int side,
                  int32_t price, int32_t size) except -1
cdef int put_out(OutBuffer out, int64_t order_id) except -1
