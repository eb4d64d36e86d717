"""Cuts a byte stream into lines, however it was sliced, in bounded memory.

A line inside one slice is not copied; only a line that spans slices is joined in a buffer of fixed size. It
does not know what a line means.
"""

from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memcpy

from arbcore.errors import UsageError
from arbcore.wire._types cimport LINE_BYTES_DEFAULT


cdef class LineSplitter:
    """Splits a stream into lines of at most ``max_bytes`` bytes each; a longer one is counted and skipped.

    The length counts the line without its newline but with a carriage return before it.
    """

    def __cinit__(self, Py_ssize_t max_bytes=LINE_BYTES_DEFAULT):
        if max_bytes < 1:
            raise UsageError(f"max_bytes is {max_bytes}; a line must be allowed at least 1 byte")
        self.max_bytes = max_bytes
        self.oversized = 0
        self._kept = <char*>malloc(max_bytes + 1)
        if self._kept == NULL:
            raise MemoryError()
        self.reset()

    def __dealloc__(self):
        free(self._kept)

    cdef void feed(self, const char* data, Py_ssize_t length) noexcept nogil:
        self._at = data
        self._end = data + length
        self._whole_end = self._end
        while self._whole_end > data and self._whole_end[-1] != c"\n":
            self._whole_end -= 1

    cdef bint next(self, const char** line, Py_ssize_t* length) noexcept nogil:
        cdef const char* start
        cdef const char* newline
        cdef Py_ssize_t size
        while self._at < self._end:
            start = self._at
            newline = <const char*>memchr(start, c"\n", self._end - start)
            if newline == NULL:
                self._keep(start, self._end - start)
                self._at = self._end
                return False
            self._at = newline + 1
            size = newline - start
            if self._skipping:
                self._skipping = False
                continue
            if self._kept_length + size > self.max_bytes:
                self._kept_length = 0
                self.oversized += 1
                continue
            if self._kept_length > 0:
                # The newline is copied too, because line[length] must be readable here as well.
                memcpy(self._kept + self._kept_length, start, size + 1)
                start = self._kept
                size += self._kept_length
                self._kept_length = 0
            if size > 0 and start[size - 1] == c"\r":
                size -= 1
            line[0] = start
            length[0] = size
            return True
        return False

    cdef void _keep(self, const char* start, Py_ssize_t size) noexcept nogil:
        if self._skipping:
            return
        if self._kept_length + size > self.max_bytes:
            self._kept_length = 0
            self._skipping = True
            self.oversized += 1
            return
        memcpy(self._kept + self._kept_length, start, size)
        self._kept_length += size

    cdef void reset(self) noexcept nogil:
        self._kept_length = 0
        self._skipping = False
        self._at = NULL
        self._end = NULL
        self._whole_end = NULL

    @property
    def partial_bytes(self):
        """Number of bytes kept of a line whose newline has not come yet."""
        return self._kept_length

    def split(self, const unsigned char[::1] data not None):
        """Returns the whole lines that ``data`` completes, as a list of bytes without their newlines."""
        cdef const char* line
        cdef Py_ssize_t length
        lines = []
        if data.shape[0] == 0:
            return lines
        self.feed(<const char*>&data[0], data.shape[0])
        while self.next(&line, &length):
            lines.append(line[:length])
        return lines

    def forget(self):
        """Drops a partial line: a new connection starts at the beginning of a line."""
        self.reset()
