"""Sources of one instrument's rows: the base class, and sources that select, sort or merge others' rows.

Owns the sources from columns, sorted, merged from several files, and rolled from contract to contract.
``_csv_leg`` reads rows of text.
"""
from array import array

cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.float cimport DBL_MAX
from libc.math cimport isnan
from libc.stdint cimport int32_t, int64_t

from arbcore.errors import BrokenInvariant, DataError
from arbcore.core.text import printable

#: A positive number outside these bounds is not a price.
PRICE_MIN = 1e-9
PRICE_MAX = 1e12

cdef enum:
    SORT_ROWS = 256

cdef Py_ssize_t ROW_BYTES = sizeof(LegRow)
cdef double LEAST = PRICE_MIN
cdef double MOST = PRICE_MAX


cdef class LegSource:
    """Returns rows of one instrument; ``rows`` counts all data rows, used or not.

    ``malformed`` counts rows that could not be read and were skipped, ``others`` counts rows of contracts
    that were not chosen.
    """

    cdef Py_ssize_t fill(self, LegRow* rows, Py_ssize_t capacity) except -1:
        """Writes rows and returns how many; 0 only at the end."""
        raise BrokenInvariant("A subclass must say how its rows are read.")

    def take(self, Py_ssize_t limit=1024) -> list:
        """Returns up to ``limit`` rows as (ts_ns, bid, ask, state, contract); fewer only at the end."""
        cdef LegRow row
        rows = []
        while len(rows) < limit and self.fill(&row, 1) == 1:
            rows.append((row.ts_ns, row.bid, row.ask, row.state, row.contract))
        return rows


cdef class _Block:
    """A source and a block of its rows that are not used yet."""

    cdef LegSource source
    cdef bytearray owner
    cdef LegRow* rows
    cdef Py_ssize_t at, count
    cdef bint over

    def __init__(self, LegSource source not None, Py_ssize_t capacity=256):
        self.source = source
        self.owner = bytearray(capacity * ROW_BYTES)
        self.rows = <LegRow*>PyByteArray_AS_STRING(self.owner)

    cdef LegRow* head(self) except? NULL:
        """The next row; NULL after the last row."""
        if self.at == self.count and not self.over:
            self.count = self.source.fill(self.rows, len(self.owner) // ROW_BYTES)
            self.at = 0
            self.over = self.count == 0
        return NULL if self.at == self.count else &self.rows[self.at]


@cython.final
cdef class MergedLeg(LegSource):
    """Rows of several ordered sources in order of time; at the same time in the order of the sources."""

    cdef list blocks

    def __init__(self, sources not None):
        self.blocks = [_Block(source) for source in sources]

    cdef Py_ssize_t fill(self, LegRow* rows, Py_ssize_t capacity) except -1:
        cdef Py_ssize_t n = 0
        cdef _Block block, chosen
        cdef LegRow* head
        cdef LegRow* least
        while n < capacity:
            chosen, least = None, NULL
            for block in self.blocks:
                head = block.head()
                if head != NULL and (least == NULL or head.ts_ns < least.ts_ns):
                    chosen, least = block, head
            if chosen is None:
                break
            rows[n] = least[0]
            chosen.at += 1
            n += 1
        self.rows = self.malformed = self.others = 0
        for block in self.blocks:
            self.rows += block.source.rows
            self.malformed += block.source.malformed
            self.others += block.source.others
        return n


@cython.final
cdef class SortedLeg(LegSource):
    """All rows of a source, held in memory and sorted by time; rows of the same time keep their order."""

    cdef LegSource source
    cdef bytearray held
    cdef object order
    cdef Py_ssize_t at

    def __init__(self, LegSource source not None):
        self.source = source
        self.order = None

    cdef int read_all(self) except -1:
        cdef LegRow[SORT_ROWS] block
        cdef Py_ssize_t count = -1, at
        cdef LegRow* rows
        self.held = bytearray()
        while count != 0:
            count = self.source.fill(block, SORT_ROWS)
            self.held += PyBytes_FromStringAndSize(<const char*>block, count * ROW_BYTES)
        self.rows, self.malformed, self.others = self.source.rows, self.source.malformed, self.source.others
        count = len(self.held) // ROW_BYTES
        rows = <LegRow*>PyByteArray_AS_STRING(self.held)
        times = array("q", bytes(8 * count))
        for at in range(count):
            times[at] = rows[at].ts_ns
        self.order = array("q", sorted(range(count), key=times.__getitem__))
        return 0

    cdef Py_ssize_t fill(self, LegRow* rows, Py_ssize_t capacity) except -1:
        cdef Py_ssize_t n = 0
        cdef LegRow* held
        cdef const int64_t[:] order
        if self.order is None:
            self.read_all()
        held = <LegRow*>PyByteArray_AS_STRING(self.held)
        if len(self.order) == 0:
            return 0
        order = self.order
        while n < capacity and self.at < order.shape[0]:
            rows[n] = held[order[self.at]]
            self.at += 1
            n += 1
        return n


@cython.final
cdef class RolledLeg(LegSource):
    """The rows of the contract chosen for each date; rows of other contracts are counted.

    ``chosen_at`` returns for a time the first and the last instant of its date and the contract's number.
    """

    cdef LegSource source
    cdef object chosen_at
    cdef int64_t first_ns, last_ns, passed
    cdef int32_t chosen

    def __init__(self, LegSource source not None, chosen_at not None):
        self.source, self.chosen_at = source, chosen_at
        self.first_ns, self.last_ns = 1, 0

    cdef Py_ssize_t fill(self, LegRow* rows, Py_ssize_t capacity) except -1:
        cdef Py_ssize_t n = 0, count, at
        while n == 0:
            count = self.source.fill(rows, capacity)
            if count == 0:
                break
            for at in range(count):
                if not self.first_ns <= rows[at].ts_ns <= self.last_ns:
                    self.first_ns, self.last_ns, self.chosen = self.chosen_at(rows[at].ts_ns)
                if rows[at].contract == self.chosen:
                    rows[n] = rows[at]
                    n += 1
                else:
                    self.passed += 1
        self.rows, self.malformed = self.source.rows, self.source.malformed
        self.others = self.source.others + self.passed
        return n


@cython.final
cdef class ColumnsLeg(LegSource):
    """Rows of columns, batch after batch.

    ``batches`` yields (times in ns as ``q``, bids as ``d``, asks as ``d``, contracts as ``i`` or None, marks
    or None). ``marks`` has one byte per row: 1 for a malformed row, which is skipped, 2 for a row with a
    missing price.
    """

    cdef object batches
    cdef str name
    cdef const int64_t[:] times
    cdef const double[:] bids, asks
    cdef const int32_t[:] contracts
    cdef const unsigned char[:] marks
    cdef Py_ssize_t at, count
    cdef bint ordered, has_contracts, has_marks
    cdef int64_t last_ns

    def __init__(self, batches not None, str name not None, *, bint ordered=True):
        self.batches, self.name, self.ordered = iter(batches), printable(name), ordered
        self.last_ns = -0x7FFFFFFFFFFFFFFFLL

    cdef bint next_batch(self) except -1:
        batch = next(self.batches, None)
        if batch is None:
            return False
        times, bids, asks, contracts, marks = batch
        self.at, self.count = 0, len(times)
        if self.count == 0:
            return True
        self.times, self.bids, self.asks = times, bids, asks
        self.has_contracts, self.has_marks = contracts is not None, marks is not None
        if self.has_contracts:
            self.contracts = contracts
        if self.has_marks:
            self.marks = marks
        return True

    cdef Py_ssize_t fill(self, LegRow* rows, Py_ssize_t capacity) except -1:
        cdef Py_ssize_t n = 0
        cdef int64_t at
        while n < capacity:
            if self.at == self.count:
                if not self.next_batch():
                    break
                continue
            at = self.at
            self.at += 1
            self.rows += 1
            if self.has_marks and self.marks[at] == 1:
                self.malformed += 1
                continue
            if self.has_contracts and self.contracts[at] < 0:
                self.others += 1
                continue
            if self.times[at] < self.last_ns and self.ordered:
                raise DataError(
                    "order", f"{self.name}, row {self.rows}: time goes back; sort the data or pass --sort "
                    "(sort=True).", line=self.rows, column="ts",
                )
            self.last_ns = self.times[at]
            rows[n].ts_ns = self.times[at]
            rows[n].contract = self.contracts[at] if self.has_contracts else 0
            rows[n].bid, rows[n].ask = self.bids[at], self.asks[at]
            rows[n].bid_text[PRICE_TEXT_MAX] = rows[n].ask_text[PRICE_TEXT_MAX] = 0
            rows[n].state = LEG_MISSING
            if not (self.has_marks and self.marks[at] == 2):
                if self.is_price(rows[n].bid, "bid") and self.is_price(rows[n].ask, "ask"):
                    rows[n].state = state_of(rows[n].bid, rows[n].ask)
            n += 1
        return n

    cdef bint is_price(self, double price, str column) except -1:
        """Whether there is a price; raises for a number outside the bounds of a price."""
        if LEAST <= price <= MOST and not is_undefined(price):
            return True
        if isnan(price) or price <= 0 or price > DBL_MAX or is_undefined(price):
            return False
        raise DataError(
            "out_of_range",
            f"{self.name}, row {self.rows}, column {column}: {price!r} is not between {PRICE_MIN:g} and "
            f"{PRICE_MAX:g}; correct it.", line=self.rows, column=column,
        )
