"""Counts the exchange's reasons by text and its bad lines by kind, in bounded memory.

A storm of rejects or garbage must not make a Python object per message. It must not know what a text means.
"""

from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy

from arbcore.wire._decode cimport text_of

from arbcore.wire._decode import FAULT_NAMES


cdef class TextTally:
    """How often each text came. After 64 different ones, a new text counts as ``other``."""

    def __cinit__(self):
        self._texts = []

    def __dealloc__(self):
        cdef int32_t index
        for index in range(self._n_seen):
            free(self._seen[index].raw)

    cdef int count(self, const char* raw, Py_ssize_t length) except -1:
        cdef int32_t index, counter
        cdef SeenText* seen
        for index in range(self._n_seen):
            seen = &self._seen[index]
            if seen.length == length and memcmp(seen.raw, raw, <size_t>length) == 0:
                self._counts[seen.counter] += 1
                return 0
        text = text_of(raw, length)
        if text in self._texts:
            counter = self._texts.index(text)
        elif len(self._texts) < TEXTS_MAX:
            counter = len(self._texts)
            self._texts.append(text)
        else:
            if "other" not in self._texts:
                self._texts.append("other")
            counter = self._texts.index("other")
            self._counts[counter] += 1
            return 0
        self._counts[counter] += 1
        if self._n_seen < TEXTS_MAX:
            seen = &self._seen[self._n_seen]
            # At least one byte, because malloc(0) may return NULL.
            seen.raw = <char*>malloc(<size_t>length + 1)
            if seen.raw == NULL:
                raise MemoryError("no memory to remember a text of the exchange")
            memcpy(seen.raw, raw, <size_t>length)
            seen.length = length
            seen.counter = counter
            self._n_seen += 1
        return 0

    def as_dict(self) -> dict:
        """Counts by text, in the order in which the texts first came."""
        return {text: self._counts[index] for index, text in enumerate(self._texts)}


cdef class FaultLog:
    """Bad lines counted by kind, and the beginning of the last few."""

    cdef void add(self, int32_t fault, const char* line, Py_ssize_t length) noexcept:
        cdef FaultLine* kept = &self._lines[self._n_lines % FAULTS_KEPT]
        self.counts[fault] += 1
        kept.length = <int32_t>(length if length < FAULT_BYTES_KEPT else FAULT_BYTES_KEPT)
        memcpy(kept.text, line, <size_t>kept.length)
        self._n_lines += 1

    def as_dict(self) -> dict:
        """Counts by the fault's name; only those that happened."""
        cdef int32_t fault
        counted = {}
        for fault in range(N_FAULTS):
            if self.counts[fault]:
                counted[FAULT_NAMES[fault]] = self.counts[fault]
        return counted

    def last(self) -> list:
        """The first 120 bytes of each of the last eight bad lines, oldest first."""
        cdef int64_t number
        cdef FaultLine* kept
        lines = []
        for number in range(max(0, self._n_lines - FAULTS_KEPT), self._n_lines):
            kept = &self._lines[number % FAULTS_KEPT]
            lines.append(kept.text[:kept.length])
        return lines
