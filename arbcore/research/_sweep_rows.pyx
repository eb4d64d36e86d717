"""Valid rows in memory, to run over them many times.

Owns their storage only: 56 bytes a row, in the reader's format. It must not know their use.
"""
cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from arbcore.carry._row_source cimport QuoteRow, RowSource

from arbcore.errors import BrokenInvariant

cdef enum:
    BATCH = 4096


@cython.final
cdef class SweepRows:
    """Rows in order of time, from a reader or one by one."""

    def __dealloc__(self):
        free(self.rows)

    cdef int reserve(self, Py_ssize_t more) except -1:
        """Makes room for ``more`` rows."""
        cdef Py_ssize_t capacity = self.capacity
        cdef QuoteRow* rows
        if self.count + more <= capacity:
            return 0
        capacity = max(self.count + more, capacity + capacity // 2)
        rows = <QuoteRow*>realloc(self.rows, capacity * sizeof(QuoteRow))
        if rows == NULL:
            raise MemoryError
        self.rows, self.capacity = rows, capacity
        return 0

    def feed(self, RowSource source not None) -> None:
        """Appends all rows of the source."""
        cdef Py_ssize_t count = BATCH
        while count == BATCH:
            self.reserve(BATCH)
            count = source.fill(self.rows + self.count, BATCH)
            self.has_expiry, self.has_factor = source.has_expiry, source.has_factor
            self.count += count

    def refill(self, RowSource source not None, Py_ssize_t limit) -> bool:
        """Replaces the rows with up to ``limit`` rows of the source; False if it had none."""
        if limit < 1:
            raise ValueError("a batch has at least one row")
        self.count = 0
        self.reserve(limit)
        self.count = source.fill(self.rows, limit)
        self.has_expiry, self.has_factor = source.has_expiry, source.has_factor
        return self.count > 0

    def feed_row(self, int64_t ts_ns, double es_bid, double es_ask, double spy_bid, double spy_ask, *,
                 factor=None, expiry_ns=None) -> None:
        """Appends one valid row, not earlier than the last one."""
        if self.count > 0 and ts_ns < self.rows[self.count - 1].ts_ns:
            raise BrokenInvariant("The rows of a sweep are in order of time.")
        self.reserve(1)
        self.rows[self.count] = QuoteRow(
            ts_ns, es_bid, es_ask, spy_bid, spy_ask, 0.0 if factor is None else factor,
            0 if expiry_ns is None else expiry_ns,
        )
        self.has_expiry, self.has_factor = expiry_ns is not None, factor is not None
        self.count += 1

    @property
    def size_bytes(self) -> int:
        """The memory of the rows in bytes."""
        return self.capacity * sizeof(QuoteRow)

    @property
    def first_ns(self) -> int | None:
        return self.rows[0].ts_ns if self.count else None

    @property
    def last_ns(self) -> int | None:
        return self.rows[self.count - 1].ts_ns if self.count else None

    cdef Py_ssize_t first_at(self, int64_t ts_ns) noexcept nogil:
        """The index of the first row at or after a time; ``count`` if there is none."""
        cdef Py_ssize_t low = 0, high = self.count, middle
        while low < high:
            middle = low + (high - low) // 2
            if self.rows[middle].ts_ns < ts_ns:
                low = middle + 1
            else:
                high = middle
        return low

    def ts_ns(self, Py_ssize_t at) -> int:
        """The time of a row; IndexError for an index out of range."""
        if not 0 <= at < self.count:
            raise IndexError(f"There are {self.count} rows and no number {at}.")
        return self.rows[at].ts_ns

    def factor(self, Py_ssize_t at) -> float:
        """The factor of a row in the data, 0 if the data has none; IndexError for an index out of range."""
        if not 0 <= at < self.count:
            raise IndexError(f"There are {self.count} rows and no number {at}.")
        return self.rows[at].factor

    def etf_mid(self, Py_ssize_t at) -> float:
        """The ETF's mid of a row in USD; IndexError for an index out of range."""
        if not 0 <= at < self.count:
            raise IndexError(f"There are {self.count} rows and no number {at}.")
        return (self.rows[at].spy_bid + self.rows[at].spy_ask) / 2

    def place_after(self, int64_t ts_ns) -> int:
        """The number of rows at or before a time."""
        return self.count if ts_ns == 0x7FFFFFFFFFFFFFFFLL else self.first_at(ts_ns + 1)

    def window(self, Py_ssize_t first, Py_ssize_t last) -> SweepRows:
        """A copy of the rows from ``first`` up to but not including ``last``, both within the rows."""
        cdef SweepRows window = SweepRows()
        if not 0 <= first <= last <= self.count:
            raise IndexError(f"There are {self.count} rows, not {first} to {last}.")
        window.reserve(last - first)
        # Without rows there is no memory, and memcpy from NULL is not allowed, even of 0 bytes.
        if first < last:
            memcpy(window.rows, self.rows + first, (last - first) * sizeof(QuoteRow))
        window.count, window.has_expiry, window.has_factor = last - first, self.has_expiry, self.has_factor
        return window

    def without(self, dropped) -> SweepRows:
        """A copy of the rows without the rows ``dropped``, whose indexes are in rising order."""
        cdef SweepRows kept = SweepRows()
        cdef Py_ssize_t at = 0, number
        kept.reserve(self.count)
        for number in [*dropped, self.count]:
            if not at <= number <= self.count:
                raise IndexError(f"There are {self.count} rows and no number {number} after {at - 1}.")
            if at < number:
                memcpy(kept.rows + kept.count, self.rows + at, (number - at) * sizeof(QuoteRow))
            kept.count += number - at
            at = number + 1
        kept.has_expiry, kept.has_factor = self.has_expiry, self.has_factor
        return kept

    def known_factors(self) -> int:
        """The number of rows with a known factor."""
        cdef Py_ssize_t at
        cdef int64_t known = 0
        for at in range(self.count):
            known += self.rows[at].factor == self.rows[at].factor
        return known

    def to_bytes(self) -> bytes:
        """The rows as in this machine's memory, for ``rows_from``."""
        return PyBytes_FromStringAndSize(<const char*>self.rows, self.count * sizeof(QuoteRow))

    def __reduce__(self):
        # Pickles for another process on the same type of machine.
        return rows_from, (self.to_bytes(), bool(self.has_expiry), bool(self.has_factor))


def rows_from(bytes data not None, bint has_expiry, bint has_factor) -> SweepRows:
    """The rows that another process pickled. ValueError if the bytes are not a whole number of rows."""
    cdef SweepRows rows = SweepRows()
    cdef Py_ssize_t count = len(data) // <Py_ssize_t>sizeof(QuoteRow)
    if count * <Py_ssize_t>sizeof(QuoteRow) != len(data):
        raise ValueError("the last row is cut short")
    rows.reserve(count)
    if count > 0:
        memcpy(rows.rows, PyBytes_AS_STRING(data), len(data))
    rows.count, rows.has_expiry, rows.has_factor = count, has_expiry, has_factor
    return rows
