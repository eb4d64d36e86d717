"""One client's connection: line splitting, the message cap and a bounded send queue.

Owns bytes and a rate, and must not know what a message means or what the floor does.
"""

from libc.stdint cimport int64_t
from libc.string cimport memcpy

from arbcore._fast cimport rate_free, rate_init
from arbcore.wire._encode cimport OutBuffer, put_error
from arbcore.wire._lines cimport LineSplitter

cdef enum:
    SECOND_NS = 1000000000
    # Room beyond the queue's bound: a response begun within the bound always fits (the longest is a login's,
    # with seven books), and so does the one line with the reason why a connection ends.
    SLACK_BYTES = 32 * 1024


cdef class Connection:
    """A connection, from when it is accepted until it ends."""

    def __cinit__(self, int64_t number, config, bint text=False):
        self.number = number
        self.text = text
        self.account = -1
        self.queue_max = config.queue_bytes_max
        self.out = OutBuffer(self.queue_max + SLACK_BYTES)
        self.lines = LineSplitter()
        self.capped = config.messages_per_second_max > 0
        if self.capped:
            rate_init(&self.rate, config.messages_per_second_max, SECOND_NS)

    def __dealloc__(self):
        if self.capped:
            rate_free(&self.rate)

    cdef bint writable(self) noexcept nogil:
        if self.out.length < self.queue_max:
            return not self.closing
        self.overflowed = True
        return False

    cdef int append(self, const char* data, Py_ssize_t length) except -1:
        if self.closing:
            return 0
        if self.out.length + length > self.queue_max:
            self.overflowed = True
            return 0
        self.out.reserve(length)
        memcpy(self.out.data + self.out.length, data, <size_t>length)
        self.out.length += length
        return 0

    cdef int error(self, bytes text) except -1:
        if self.writable():
            put_error(self.out, text, len(text))
        return 0

    def last_words(self, bytes text):
        """Queues the reason why the connection ends, even if the queue is full, and marks it for closing."""
        if not self.closing:
            put_error(self.out, text, len(text))
        self.closing = True
