"""Joins the quotes of two instruments as of each other, and writes the rows as text or as columns.

Owns the as-of rule, the reasons why an instant makes no row, and the format of a joined row. A ``LegSource``
reads the rows. ``tests/reference/quotes_join.py`` is the specification.
"""
from array import array

cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

from arbcore.quotes._legs cimport LEG_CROSSED, LEG_MISSING, LEG_QUOTE, PRICE_TEXT_MAX, LegRow, LegSource

from arbcore.core.civil import iso_date

cdef extern from "Python.h":
    char* PyOS_double_to_string(double value, char code, int precision, int flags, int* kind) except NULL
    void PyMem_Free(void* block)
    int Py_DTSF_ADD_DOT_0

#: Joined rows per block.
BLOCK_ROWS = 8_192

cdef enum:
    LEG_ROWS = 4096
    # The length of the longest row of text: a time, four prices, two ages, a date.
    ROW_BYTES_MAX = 256

cdef int64_t NEVER = 0x7FFFFFFFFFFFFFFFLL
cdef int64_t LONG_AGO = -0x7FFFFFFFFFFFFFFFLL


cdef struct JoinedRow:
    int64_t ts_ns
    LegRow fut
    LegRow etf


cdef class _Side:
    """One instrument: its rows to come, and its current quote."""

    cdef LegSource source
    cdef bytearray owner
    cdef LegRow* rows
    cdef Py_ssize_t at, count
    cdef bint over, quoted
    cdef LegRow quote
    cdef int64_t missing, crossed, first_ns, last_ns

    def __init__(self, LegSource source not None):
        self.source = source
        self.owner = bytearray(LEG_ROWS * sizeof(LegRow))
        self.rows = <LegRow*>PyByteArray_AS_STRING(self.owner)
        self.first_ns, self.last_ns = NEVER, LONG_AGO

    cdef inline int64_t next_ns(self) except? -1:
        """The time of the next row; NEVER, the last instant of 64 bits, if there is none before NEVER."""
        if self.at < self.count:
            return self.rows[self.at].ts_ns
        return self.refill()

    cdef int64_t refill(self) except? -1:
        if self.over:
            return NEVER
        self.count = self.source.fill(self.rows, LEG_ROWS)
        self.at = 0
        if self.count == 0:
            self.over = True
            return NEVER
        if self.first_ns == NEVER:
            self.first_ns = self.rows[0].ts_ns
        self.last_ns = self.rows[self.count - 1].ts_ns
        return self.rows[0].ts_ns

    cdef inline int take(self, int64_t ts_ns) except -1:
        """Takes all rows of an instant; the last one determines the current quote."""
        cdef int state = LEG_QUOTE
        while True:
            state = self.rows[self.at].state
            self.missing += state == LEG_MISSING
            self.crossed += state == LEG_CROSSED
            self.at += 1
            if self.at < self.count and self.rows[self.at].ts_ns == ts_ns:
                continue
            # The next refill overwrites the block, so the quote of its last row is copied now.
            self.quoted = state == LEG_QUOTE
            if self.quoted:
                self.quote = self.rows[self.at - 1]
            if self.at < self.count or self.next_ns() != ts_ns:
                return 0


@cython.final
cdef class Joiner:
    """Rows of both instruments, as of each other.

    Args:
        fut, etf: rows of each instrument in order of time.
        max_age_ns: with an older quote an instant makes no row.
        every_ns: 0 for a row at every change, else the period of the clock's ticks.
        segment_at: returns for a time the first and the last instant of its part of the day, and whether
            that is within the session; None if every instant is.
        expiries: the day of expiry of each contract by its number, None if rows have no expiry.
    """

    cdef _Side fut, etf
    cdef int64_t max_age_ns, every_ns, tick_ns
    cdef int64_t segment_first_ns, segment_last_ns
    cdef bint segment_open, begun
    cdef object segment_at
    cdef list expiry_texts, expiry_days
    cdef bytearray block_owner, text_owner
    cdef JoinedRow* block
    cdef unsigned char* text_block
    cdef unsigned char[10] date
    cdef unsigned char[9] clock
    cdef int64_t day, second
    cdef readonly int64_t rows, closed, unpaired, stale

    def __init__(self, LegSource fut not None, LegSource etf not None, *, int64_t max_age_ns,
                 int64_t every_ns=0, segment_at=None, expiries=None):
        self.fut, self.etf = _Side(fut), _Side(etf)
        self.max_age_ns, self.every_ns, self.segment_at = max_age_ns, every_ns, segment_at
        self.segment_first_ns, self.segment_last_ns = 1, 0
        self.expiry_days = None if expiries is None else list(expiries)
        self.expiry_texts = None if expiries is None else [iso_date(day).encode() for day in expiries]
        self.block_owner = bytearray(BLOCK_ROWS * sizeof(JoinedRow))
        self.block = <JoinedRow*>PyByteArray_AS_STRING(self.block_owner)
        self.text_owner = bytearray(BLOCK_ROWS * ROW_BYTES_MAX)
        self.text_block = <unsigned char*>PyByteArray_AS_STRING(self.text_owner)
        self.day = self.second = LONG_AGO

    @property
    def skipped(self) -> dict[str, int]:
        """Counts, by reason, of the input rows (missing, crossed) and the instants that made no row."""
        return {
            "missing": self.fut.missing + self.etf.missing,
            "crossed": self.fut.crossed + self.etf.crossed,
            "closed": self.closed,
            "unpaired": self.unpaired,
            "stale": self.stale,
        }

    @property
    def spans(self) -> tuple:
        """The (first, last) time of each instrument so far; None for an instrument without a row."""
        return tuple(
            None if side.first_ns == NEVER else (side.first_ns, side.last_ns) for side in (self.fut, self.etf)
        )

    cdef Py_ssize_t run(self) except -1:
        """Fills the block and returns its number of rows, 0 only at the end."""
        cdef Py_ssize_t n = 0
        n = self.run_ticks() if self.every_ns else self.run_changes()
        self.rows += n
        return n

    cdef Py_ssize_t run_changes(self) except -1:
        cdef Py_ssize_t n = 0
        cdef int64_t fut_ns, etf_ns, now_ns
        while n < BLOCK_ROWS_C:
            fut_ns = self.fut.next_ns()
            etf_ns = self.etf.next_ns()
            now_ns = fut_ns if fut_ns < etf_ns else etf_ns
            if now_ns == NEVER:
                break
            if fut_ns == now_ns:
                self.fut.take(now_ns)
            if etf_ns == now_ns:
                self.etf.take(now_ns)
            n += self.moment(now_ns, &self.block[n])
        return n

    # The period is not 0.
    @cython.cdivision(True)
    cdef Py_ssize_t run_ticks(self) except -1:
        cdef Py_ssize_t n = 0
        cdef int64_t fut_ns, etf_ns, now_ns, last_ns, skipped
        while n < BLOCK_ROWS_C:
            fut_ns = self.fut.next_ns()
            etf_ns = self.etf.next_ns()
            now_ns = fut_ns if fut_ns < etf_ns else etf_ns
            if not self.begun:
                if now_ns == NEVER:
                    break
                self.begun = True
                self.tick_ns = now_ns // self.every_ns * self.every_ns
                if self.tick_ns < now_ns:
                    self.next_tick()
            # A tick includes the rows of its own instant, so it is made when the next row is after it. All
            # times are before NEVER, so the last tick is before it too.
            last_ns = now_ns - 1
            if now_ns == NEVER:
                last_ns = min(max(self.fut.last_ns, self.etf.last_ns), NEVER - 1)
            while self.tick_ns <= last_ns and n < BLOCK_ROWS_C:
                if self.moment(self.tick_ns, &self.block[n]):
                    n += 1
                elif self.segment_at is not None and not self.segment_open:
                    # All ticks up to the next opening are closed.
                    skipped = (min(self.segment_last_ns, last_ns) - self.tick_ns) // self.every_ns
                    self.closed += skipped
                    self.tick_ns += skipped * self.every_ns
                self.next_tick()
            if self.tick_ns <= last_ns:
                break
            if now_ns == NEVER:
                break
            if fut_ns == now_ns:
                self.fut.take(now_ns)
            if etf_ns == now_ns:
                self.etf.take(now_ns)
        return n

    cdef inline void next_tick(self) noexcept nogil:
        self.tick_ns = NEVER if self.tick_ns > NEVER - self.every_ns else self.tick_ns + self.every_ns

    cdef inline bint moment(self, int64_t now_ns, JoinedRow* row) except -1:
        """Makes the row of an instant and returns True, or counts the reason and returns False."""
        if self.segment_at is not None:
            if not self.segment_first_ns <= now_ns <= self.segment_last_ns:
                self.segment_first_ns, self.segment_last_ns, self.segment_open = self.segment_at(now_ns)
            if not self.segment_open:
                self.closed += 1
                return False
        if not (self.fut.quoted and self.etf.quoted):
            self.unpaired += 1
            return False
        # The difference of any two 64-bit times fits in 64 unsigned bits.
        if <uint64_t>now_ns - <uint64_t>min(
                self.fut.quote.ts_ns, self.etf.quote.ts_ns) > <uint64_t>self.max_age_ns:
            self.stale += 1
            return False
        row.ts_ns = now_ns
        row.fut = self.fut.quote
        row.etf = self.etf.quote
        return True

    def text(self) -> bytes:
        """The next rows as lines of CSV; empty at the end."""
        cdef Py_ssize_t n = self.run(), at
        cdef unsigned char* p = self.text_block
        for at in range(n):
            p = self.write_row(p, &self.block[at])
        return PyBytes_FromStringAndSize(<const char*>self.text_block, p - self.text_block)

    def columns(self) -> tuple:
        """The next rows as arrays: ts, fut_bid, fut_ask, etf_bid, etf_ask, both ages in ms, day of expiry."""
        cdef Py_ssize_t n = self.run(), at
        cdef JoinedRow* row
        cdef int64_t[:] ts, fut_age, etf_age
        cdef int[:] expiry
        cdef double[:] fut_bid, fut_ask, etf_bid, etf_ask
        whole = [array("q", bytes(8 * n)) for _ in range(3)]
        prices = [array("d", bytes(8 * n)) for _ in range(4)]
        days = array("i", bytes(4 * n))
        if n == 0:
            return (whole[0], *prices, *whole[1:], days)
        ts, fut_age, etf_age = whole
        fut_bid, fut_ask, etf_bid, etf_ask = prices
        expiry = days
        for at in range(n):
            row = &self.block[at]
            ts[at] = row.ts_ns
            fut_bid[at], fut_ask[at] = row.fut.bid, row.fut.ask
            etf_bid[at], etf_ask[at] = row.etf.bid, row.etf.ask
            fut_age[at] = age_ms(row.ts_ns, row.fut.ts_ns)
            etf_age[at] = age_ms(row.ts_ns, row.etf.ts_ns)
            if self.expiry_days is not None:
                expiry[at] = self.expiry_days[row.fut.contract]
        return (whole[0], *prices, *whole[1:], days)

    cdef unsigned char* write_row(self, unsigned char* p, const JoinedRow* row) except NULL:
        p = self.write_time(p, row.ts_ns)
        p = write_price(p, row.fut.bid, row.fut.bid_text)
        p = write_price(p, row.fut.ask, row.fut.ask_text)
        p = write_price(p, row.etf.bid, row.etf.bid_text)
        p = write_price(p, row.etf.ask, row.etf.ask_text)
        p = write_whole(p, age_ms(row.ts_ns, row.fut.ts_ns))
        p = write_whole(p, age_ms(row.ts_ns, row.etf.ts_ns))
        if self.expiry_texts is not None:
            p[0] = c","
            text = <bytes>self.expiry_texts[row.fut.contract]
            memcpy(p + 1, <const char*>text, 10)
            p += 11
        p[0] = c"\n"
        return p + 1

    # Divisors are constants; a negative time is rounded down explicitly.
    @cython.cdivision(True)
    cdef unsigned char* write_time(self, unsigned char* p, int64_t ts_ns) except NULL:
        cdef int64_t day = ts_ns // 86_400_000_000_000LL, rest, seconds
        cdef int hour, minute, second, at
        rest = ts_ns - day * 86_400_000_000_000LL
        if rest < 0:
            day -= 1
            rest += 86_400_000_000_000LL
        if day != self.day:
            text = <bytes>iso_date(day).encode()
            memcpy(self.date, <const char*>text, 10)
            self.day = day
        memcpy(p, self.date, 10)
        seconds = rest // 1_000_000_000LL
        rest -= seconds * 1_000_000_000LL
        if seconds != self.second:
            hour, minute, second = seconds // 3600, seconds // 60 % 60, seconds % 60
            self.clock[0] = c"T"
            self.clock[1], self.clock[2] = 48 + hour // 10, 48 + hour % 10
            self.clock[3] = c":"
            self.clock[4], self.clock[5] = 48 + minute // 10, 48 + minute % 10
            self.clock[6] = c":"
            self.clock[7], self.clock[8] = 48 + second // 10, 48 + second % 10
            self.second = seconds
        memcpy(p + 10, self.clock, 9)
        p += 19
        if rest:
            p[0] = c"."
            for at in range(9, 0, -1):
                p[at] = 48 + rest % 10
                rest //= 10
            p += 9
            while p[0] == c"0":
                p -= 1
            p += 1
        p[0] = c"Z"
        return p + 1


cdef enum:
    BLOCK_ROWS_C = 8192


# The divisor is a constant and an age is not negative.
@cython.cdivision(True)
cdef inline int64_t age_ms(int64_t now_ns, int64_t ts_ns) noexcept nogil:
    return (now_ns - ts_ns) // 1_000_000


cdef unsigned char* write_price(unsigned char* p, double price, const unsigned char* kept) except NULL:
    """Writes a comma and the price: the text as it was read if that is kept, else the shortest digits."""
    cdef char* text
    cdef Py_ssize_t length = kept[PRICE_TEXT_MAX]
    p[0] = c","
    if length > 0:
        # Copies all 16 bytes in one move; the next cell overwrites those after the price.
        memcpy(p + 1, kept, 16)
        return p + 1 + length
    text = PyOS_double_to_string(price, c"r", 0, Py_DTSF_ADD_DOT_0, NULL)
    length = 0
    while text[length] != 0:
        p[1 + length] = text[length]
        length += 1
    PyMem_Free(text)
    return p + 1 + length


# The divisor is a constant.
@cython.cdivision(True)
cdef inline unsigned char* write_whole(unsigned char* p, int64_t value) noexcept nogil:
    cdef unsigned char[20] digits
    cdef int count = 0
    p[0] = c","
    p += 1
    while True:
        digits[count] = 48 + value % 10
        value //= 10
        count += 1
        if value == 0:
            break
    while count > 0:
        count -= 1
        p[0] = digits[count]
        p += 1
    return p
