"""The data that cells of a sweep share: contracts of the rows; deviations and bitmaps of a window of rows.

Owns the memory of one window. It is reused for every window and group, so it does not grow with the data. The
deviation of a row is computed once for all cells with the same settings for it, with the operations of
``_signal``. It must not know what a cell does with it.
"""
from array import array

cimport cython
from libc.math cimport NAN
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc

from arbcore.carry._values cimport RowValues, Value
from arbcore.research._sweep_bits cimport Bitmap, bits_at_most, bits_of_either, summary_of
from arbcore.research._sweep_cells cimport WINDOW_ROWS, WINDOW_WORDS, WORD, Segment
from arbcore.research._sweep_rows cimport SweepRows

from arbcore.carry._contracts import no_contract
from arbcore.carry.settlement import date_around, settlement_day

cdef enum:
    COLUMNS = 3

cdef int64_t DAY_NS = 86_400_000_000_000LL


@cython.final
cdef class SegmentTable:
    """The contracts of the rows, in the order of the rows; the arguments are those of ``Backtest``."""

    def __init__(self, SweepRows rows not None, *, expiries_ns, bint fixed):
        cdef Segment* only
        cdef Py_ssize_t at
        if rows.count == 0:
            return
        if rows.has_expiry:
            self.from_rows(rows)
        elif fixed:
            only = self.one_more()
            only.end = rows.count
            only.expiry_ns = expiries_ns[0]
            at = rows.first_at(only.expiry_ns)
            if at < rows.count:
                only.forced = at
        else:
            self.from_contracts(rows, expiries_ns)

    def __dealloc__(self):
        free(self.segments)

    @property
    def expiries_ns(self) -> list[int]:
        """The expiries of the rows, in the order of their first use."""
        cdef Py_ssize_t at
        return list(dict.fromkeys(self.segments[at].expiry_ns for at in range(self.count)))

    cdef Segment* one_more(self) except NULL:
        cdef Segment* segments
        if self.count == self.capacity:
            self.capacity = max(16, 2 * self.capacity)
            segments = <Segment*>realloc(self.segments, self.capacity * sizeof(Segment))
            if segments == NULL:
                raise MemoryError
            self.segments = segments
        self.count += 1
        segments = &self.segments[self.count - 1]
        segments.forced, segments.roll = -1, False
        return segments

    cdef int from_rows(self, SweepRows rows) except -1:
        """Makes segments from rows with their own contracts; a position rolls where the contract changes."""
        cdef Py_ssize_t at
        cdef Segment* segment = NULL
        for at in range(rows.count):
            if segment == NULL or rows.rows[at].expiry_ns != segment.expiry_ns:
                if segment != NULL and segment.forced < 0:
                    segment.forced, segment.roll = at, True
                segment = self.one_more()
                segment.expiry_ns = rows.rows[at].expiry_ns
            if segment.forced < 0 and rows.rows[at].ts_ns >= segment.expiry_ns:
                segment.forced = at
            segment.end = at + 1
        return 0

    cdef int from_contracts(self, SweepRows rows, expiries_ns) except -1:
        """Makes segments from the front contract of each row: the first one that expires after it."""
        cdef Py_ssize_t begin = 0, end
        cdef Segment* segment
        cdef int64_t first_ns = rows.rows[0].ts_ns
        if expiries_ns and first_ns < expiries_ns[0] - 100 * DAY_NS:
            raise no_contract(first_ns)
        for expiry_ns in expiries_ns:
            end = rows.first_at(expiry_ns)
            if end == begin:
                continue
            segment = self.one_more()
            segment.end, segment.expiry_ns = end, expiry_ns
            if end < rows.count:
                segment.forced = end
            begin = end
            if end == rows.count:
                return 0
        raise no_contract(rows.rows[begin].ts_ns)


@cython.final
cdef class SweepGroup:
    """Cells whose rows are valued with the same settings, and the thresholds of these cells."""

    def __init__(self, terms):
        self.values = RowValues(terms)
        self.wanted_places, self.leave_places = {}, {}

    cdef void seal(self):
        """Makes the arrays of thresholds, after every cell has added its own."""
        self.wanted = array("d", self.wanted_places)
        self.leave = array("d", self.leave_places)
        self.minus_leave = array("d", [-value for value in self.leave_places])


@cython.final
cdef class SweepWindow:
    """The memory of one window and of up to ``maps`` bitmaps."""

    def __init__(self, SweepRows rows not None, SegmentTable table not None, *, Py_ssize_t maps):
        self.rows, self.table = rows, table
        self.columns = <double*>malloc((COLUMNS * WINDOW_ROWS + 2 * WINDOW_WORDS) * sizeof(double))
        self.maps = <uint64_t*>calloc(maps * WINDOW_WORDS + 1, sizeof(uint64_t))
        self.summaries = <uint64_t*>calloc(maps + 1, sizeof(uint64_t))
        self.expiries_ns = <int64_t*>malloc(WINDOW_ROWS * sizeof(int64_t))
        self.values = <Value*>malloc(WINDOW_ROWS * sizeof(Value))
        self.settled = <int64_t*>malloc((rows.count + 1) * sizeof(int64_t))
        if self.expiries_ns == NULL or self.values == NULL or self.settled == NULL:
            raise MemoryError
        if self.columns == NULL or self.maps == NULL or self.summaries == NULL:
            raise MemoryError
        self.window.rows, self.window.count = rows.rows, rows.count
        self.window.segments = table.segments
        self.window.dev_bps = self.columns
        self.window.cc_bps = self.columns + WINDOW_ROWS
        self.window.rev_bps = self.columns + 2 * WINDOW_ROWS
        self.window.values, self.window.settled = self.values, self.settled
        self.window.word_low = self.columns + COLUMNS * WINDOW_ROWS
        self.window.word_high = self.window.word_low + WINDOW_WORDS
        self.settle()

    def __dealloc__(self):
        free(self.columns)
        free(self.expiries_ns)
        free(self.values)
        free(self.settled)
        free(self.maps)
        free(self.summaries)

    cdef int settle(self) except -1:
        """Computes for each row the settlement day of a trade on it."""
        cdef Py_ssize_t at
        cdef int64_t ts_ns, begin_ns = 1, end_ns = 0, settled = 0
        for at in range(self.rows.count):
            ts_ns = self.rows.rows[at].ts_ns
            if not begin_ns <= ts_ns < end_ns:
                day, begin_ns, end_ns = date_around(ts_ns)
                settled = settlement_day(day)
            self.settled[at] = settled
        return 0

    cdef int move(self, Py_ssize_t first, Py_ssize_t end) noexcept nogil:
        """Moves to the next window: the rows after those of the last one, and their contracts."""
        cdef Py_ssize_t at
        cdef const Segment* segments = self.table.segments
        self.window.first, self.window.end = first, end
        for at in range(first, end):
            while segments[self.segment].end <= at:
                self.segment += 1
            self.expiries_ns[at - first] = segments[self.segment].expiry_ns
        return 0

    cdef int derive(self, SweepGroup group) except -1:
        """Computes the columns and bitmaps of a group over the window."""
        cdef Py_ssize_t enter = group.wanted.shape[0], leave = group.leave.shape[0], number
        cdef Py_ssize_t count = self.window.end - self.window.first
        cdef Py_ssize_t words = (count + WORD - 1) // WORD
        with nogil:
            group.values.fill(
                self.rows.rows + self.window.first, self.expiries_ns, count, self.values,
                self.columns, self.columns + WINDOW_ROWS, self.columns + 2 * WINDOW_ROWS)
            while count % WORD != 0:
                for number in range(COLUMNS):
                    self.columns[number * WINDOW_ROWS + count] = NAN
                count += 1
            if group.stops:
                self.derive_words()
            bits_of_either(self.window.cc_bps, self.window.rev_bps, words, &group.wanted[0], enter, self.maps,
                           WINDOW_WORDS)
            bits_at_most(self.window.dev_bps, words, &group.leave[0], leave,
                         self.maps + enter * WINDOW_WORDS, WINDOW_WORDS)
            # The same values are passed twice, because here there is only one kind.
            bits_of_either(self.window.dev_bps, self.window.dev_bps, words, &group.minus_leave[0], leave,
                           self.maps + (enter + leave) * WINDOW_WORDS, WINDOW_WORDS)
            for number in range(enter + 2 * leave):
                self.summaries[number] = summary_of(self.maps + number * WINDOW_WORDS, words)
        return 0

    cdef void derive_words(self) noexcept nogil:
        """Computes the lowest and the highest deviation of each word."""
        cdef Py_ssize_t at, word, words = (self.window.end - self.window.first + WORD - 1) // WORD
        cdef const double* dev
        cdef double low, high
        for word in range(words):
            dev = self.window.dev_bps + word * WORD
            low = high = dev[0]
            for at in range(1, WORD):
                # NaN is skipped: it reaches no stop.
                low = dev[at] if dev[at] < low or low != low else low
                high = dev[at] if dev[at] > high or high != high else high
            (<double*>self.window.word_low)[word] = low
            (<double*>self.window.word_high)[word] = high

    cdef void bitmap(self, Py_ssize_t number, Bitmap* map) noexcept nogil:
        map.words = self.maps + number * WINDOW_WORDS
        map.summary = self.summaries[number]
