"""Reads a CSV of quotes as a stream: bytes in, valid rows out, in constant memory.

Owns the CSV syntax (that of Python's csv module), the header, the row rules and their counts, and the
errors that name file, line and column. It opens no file: the caller fills ``room()``. Compact rows in the
canonical order take a fast path; all others take the general path, with the same result.
"""
import re

cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcmp, memcpy, memmove, memset

from arbcore.core._cells cimport (
    CELL_BAD, CELL_HARD, CELL_MISSING, CELL_OK, TimeRules, hard_price, hours_of, parse_day, parse_price,
    parse_ts,
)
from arbcore.carry._row_source cimport QuoteRow, RowSource

from arbcore.quotes.column_names import CLOCK, REQUIRED, ROWS_LOOKED_AT, RowNumbers, resolve
from arbcore.quotes.column_names import ROLES as ROLE_NAMES
from arbcore.quotes.spellings import why_no_number, why_no_time
from arbcore.errors import ArbcoreError, DataError
from arbcore.core.text import printable

#: Bytes per read: they stay in the second-level cache.
CHUNK_BYTES = 256 * 1024
# A field is quoted only if it begins with a quotation mark; text after the closing mark belongs to it too.
cdef dict FIELD_BY = {
    mark: re.compile(r'(?:"([^"]*(?:""[^"]*)*)(?:"|\Z))?([^MARK]*)(MARK?)'.replace("MARK", mark))
    for mark in ",;\t"
}
#: The longest record, so a quotation mark that is never closed does not fill the memory.
RECORD_BYTES_MAX = 1024 * 1024
#: A positive number outside these bounds is not a price, and could overflow a result computed from it.
PRICE_MIN = 1e-9
PRICE_MAX = 1e12
cdef double PRICE_LEAST = PRICE_MIN
cdef double PRICE_MOST = PRICE_MAX

cdef enum:
    # Zeros after the data stop the fast paths; they read at most this many bytes ahead.
    PADDING = 128
    # Columns after these have no role; they are only counted.
    COLUMNS_MAX = 64
    TS = 0
    ES_BID = 1
    SPY_BID = 3
    SPY_ASK = 4
    EXPIRY = 5
    FACTOR = 6
    INDEX = 7
    DAY_CLOCK = 8        # the time of day, if the date has a column of its own
    ROLES = 9
    FIRST = 9            # the place of the record's first field, whatever its role
    # The result of reading a record.
    NEEDS_MORE = -2
    SKIPPED = 0
    VALID = 1

cdef Py_ssize_t RECORD_MAX = RECORD_BYTES_MAX
cdef int64_t LOOKED_AT = ROWS_LOOKED_AT

cdef double[16] POWERS_OF_TEN
cdef int64_t[10] FRACTION_UNITS
for _power in range(16):
    POWERS_OF_TEN[_power] = float(10 ** _power)
for _power in range(10):
    FRACTION_UNITS[_power] = 10 ** (9 - _power)


cdef inline bint is_blank(unsigned char character) noexcept nogil:
    return character == c" " or character == c"\t"


cdef inline void strip(Cell* cell) noexcept nogil:
    while cell.length > 0 and is_blank(cell.text[0]):
        cell.text += 1
        cell.length -= 1
    while cell.length > 0 and is_blank(cell.text[cell.length - 1]):
        cell.length -= 1


cdef inline unsigned int digit_of(unsigned char character) noexcept nogil:
    return <unsigned int>character - 48u


cdef inline bint is_plain(double price) noexcept nogil:
    return (price >= 1e-6) & (price <= 1e9)


# The divisor is a power of ten.
@cython.cdivision(True)
cdef inline const unsigned char* fast_price(const unsigned char* p, double* price) noexcept nogil:
    # Reads at most 15 digits with at most one point; the price is 0 if the text is something else.
    cdef uint64_t mantissa = 0
    cdef const unsigned char* first = p
    cdef const unsigned char* point
    cdef unsigned int digit = digit_of(p[0])
    price[0] = 0.0
    if digit > 9:
        return p
    while digit <= 9:
        mantissa = mantissa * 10 + digit
        p += 1
        digit = digit_of(p[0])
    if p[0] != c".":
        if p - first <= 15:
            price[0] = <double>mantissa
        return p
    p += 1
    point = p
    digit = digit_of(p[0])
    while digit <= 9:
        mantissa = mantissa * 10 + digit
        p += 1
        digit = digit_of(p[0])
    if p - first <= 16:
        price[0] = <double>mantissa / POWERS_OF_TEN[p - point]
    return p


cdef list fields_of(str record, str separator):
    """The fields of one record with its line end, as the csv module splits them, for any length."""
    at, comma, fields = 0, separator, []
    expression = FIELD_BY[separator]
    while comma:
        found = expression.match(record, at)
        quoted, plain, comma = found.groups("")
        at = found.end()
        # A line end outside quotation marks is the end of the record.
        fields.append(quoted.replace('""', '"') + plain.rstrip("\r\n"))
    return fields


@cython.final
cdef class CsvReader(RowSource):
    """Rows of a stream. Write into ``room()``, then call ``filled`` with the byte count; 0 ends the stream.

    ``ordered`` refuses times that decrease; ``skip_bad`` counts malformed rows and continues. ``expiry_of``
    converts the text of an ``expiry`` cell to an instant in ns, or raises ArbcoreError. ``tz`` and
    ``day_first`` are those of ``read_ts``; ``use_factor`` takes each row's factor from a column. ``name`` is
    the data's name in errors.
    """

    def __init__(self, str name not None, *, expiry_of, bint skip_bad=False, bint ordered=True,
                 str tz=None, bint day_first=False, bint use_factor=False):
        self.name = printable(name)
        self.expiry_of = expiry_of
        self.skip_bad = skip_bad
        self.ordered = ordered
        # Room for an unfinished record that is not too long yet, a chunk, and the zeros after it.
        self.buffer = bytearray(RECORD_BYTES_MAX + CHUNK_BYTES + PADDING)
        self.data = <unsigned char*>PyByteArray_AS_STRING(self.buffer)
        self.scratch_owner = bytearray(RECORD_BYTES_MAX)
        self.scratch = <unsigned char*>PyByteArray_AS_STRING(self.scratch_owner)
        self.line = 1
        self.separator = c","
        self.tz, self.use_factor = tz, use_factor
        self.rules = TimeRules(hours_of(tz), day_first)
        self.row_numbers = RowNumbers()
        self.last_ns = -0x7FFFFFFFFFFFFFFFLL
        memcpy(self.date, <const char*>b"1970-01-01", 10)
        self.expiry_text, self.expiry_length = None, -1

    def room(self) -> memoryview:
        """The memory for the next bytes; every complete row must have been taken before."""
        if self.start > 0:
            memmove(self.data, self.data + self.start, self.end - self.start)
            self.end -= self.start
            self.start = 0
        return memoryview(self.buffer)[self.end:self.end + CHUNK_BYTES]

    def filled(self, Py_ssize_t count) -> None:
        """Reports that ``count`` bytes of ``room()`` hold data; 0 is the end of the stream."""
        if count < 0 or count > CHUNK_BYTES or self.end + count + PADDING > len(self.buffer):
            raise ValueError("more bytes than there was room for")
        self.end += count
        self.final = count == 0
        memset(self.data + self.end, 0, PADDING)
        if not self.begun and (self.final or self.end - self.start >= 3):
            self.begun = True
            if self.end - self.start >= 3 and memcmp(self.data + self.start, b"\xef\xbb\xbf", 3) == 0:
                self.start += 3

    def finish(self) -> None:
        """Checks the end of the stream: raises DataError if there was no header."""
        if not self.header_read:
            raise DataError(
                "empty", f"{self.name} is empty: it must begin with {','.join(REQUIRED)}.",
                line=None, column=None,
            )

    cdef Py_ssize_t fill(self, QuoteRow* rows, Py_ssize_t capacity) except -1:
        cdef Py_ssize_t n = 0
        cdef int outcome
        if not self.begun:
            return 0
        while n < capacity:
            if self.header_read and not self.has_clock:
                with nogil:
                    n = self.fast_rows(rows, n, capacity)
                if n == capacity:
                    break
            outcome = self.slow_record(&rows[n])
            if outcome == NEEDS_MORE:
                break
            n += outcome
        return n

    cdef Py_ssize_t fast_rows(self, QuoteRow* rows, Py_ssize_t n, Py_ssize_t capacity) noexcept nogil:
        """Reads rows in the plain format; stops before the first row that is not."""
        while n < capacity and self.start < self.end:
            if not (self.fast_row(&rows[n]) if self.canonical else self.wide_row(&rows[n])):
                break
            if (rows[n].es_bid > rows[n].es_ask) | (rows[n].spy_bid > rows[n].spy_ask):
                self.crossed += 1
            else:
                n += 1
        return n

    # All reads end within the padding: 19 bytes from a place before ``end``, then digits up to the tenth. Any
    # other loop of the fast paths stops at a zero byte, and the padding is full of them.
    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef inline const unsigned char* fast_time(self, const unsigned char* p, int64_t* ts_ns) noexcept nogil:
        """Reads ``YYYY-MM-DD[T ]HH:MM:SS[.fraction][Z]``; returns the place after it, NULL for other text."""
        cdef const unsigned char* first
        cdef unsigned int bad, hour, minute, second, digit
        cdef int64_t day, clock, fraction
        if memcmp(p, self.date, 10) != 0:
            day = parse_day(p)
            # The general path reads the first and the last year of 64-bit nanoseconds.
            if day < -106_000 or day > 106_000:
                return NULL
            memcpy(self.date, p, 10)
            self.date_ns = day * 86_400_000_000_000LL
        hour = digit_of(p[11]) * 10 + digit_of(p[12])
        minute = digit_of(p[14]) * 10 + digit_of(p[15])
        second = digit_of(p[17]) * 10 + digit_of(p[18])
        bad = (digit_of(p[11]) > 9) | (digit_of(p[12]) > 9)
        bad |= (digit_of(p[14]) > 9) | (digit_of(p[15]) > 9)
        bad |= (digit_of(p[17]) > 9) | (digit_of(p[18]) > 9) | (hour > 23) | (minute > 59) | (second > 59)
        bad |= (p[13] != c":") | (p[16] != c":") | ((p[10] != c"T") & (p[10] != c" "))
        if bad:
            return NULL
        clock = (hour * 60 + minute) * 60 + second
        ts_ns[0] = self.date_ns + clock * 1_000_000_000LL
        p += 19
        if p[0] == c".":
            p += 1
            first = p
            fraction = 0
            digit = digit_of(p[0])
            while digit <= 9:
                # A tenth digit is less than a nanosecond; the general path decides about it.
                if p - first == 9:
                    return NULL
                fraction = fraction * 10 + digit
                p += 1
                digit = digit_of(p[0])
            if p == first:
                return NULL
            ts_ns[0] += fraction * FRACTION_UNITS[p - first]
        if p[0] == c"Z":
            self.zoned = True
            return p + 1
        # Here a time without a zone must be UTC; the general path reads every other one.
        return p if self.rules.hours == 0 else NULL

    # Each field begins before ``end`` or at the zeros after it, which are not a comma.
    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef inline bint fast_row(self, QuoteRow* row) noexcept nogil:
        """Takes one row in the canonical order; returns False and leaves it if it is not plain."""
        cdef const unsigned char* p = self.fast_time(self.data + self.start, &row.ts_ns)
        if p == NULL or p[0] != c",":
            return False
        p = fast_price(p + 1, &row.es_bid)
        if p[0] != c",":
            return False
        p = fast_price(p + 1, &row.es_ask)
        if p[0] != c",":
            return False
        p = fast_price(p + 1, &row.spy_bid)
        if p[0] != c",":
            return False
        p = fast_price(p + 1, &row.spy_ask)
        return self.take_row(row, p)

    # ``p`` is at most ``end``; the zero there does not end a row.
    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef inline bint take_row(self, QuoteRow* row, const unsigned char* p) noexcept nogil:
        """Takes a row whose last field ends at ``p``; returns False if the general path must check it."""
        if p[0] == c"\r":
            p += 1
        if p[0] != c"\n":
            return False
        # The general path decides about missing or absurd prices and times that decrease.
        if not (is_plain(row.es_bid) & is_plain(row.es_ask) & is_plain(row.spy_bid) & is_plain(row.spy_ask)):
            return False
        if row.ts_ns < self.last_ns and self.ordered:
            return False
        self.last_ns = row.ts_ns
        self.start = p + 1 - self.data
        self.rows += 1
        self.line += 1
        return True

    # As ``fast_row``. Without a separate column for the time of day no role is above INDEX, the last element
    # of ``price``.
    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef bint wide_row(self, QuoteRow* row) noexcept nogil:
        """Takes one row with its columns in any order; returns False and leaves it if it is not plain."""
        cdef const unsigned char* p = self.data + self.start
        cdef const unsigned char* end
        cdef unsigned char separator = self.separator
        cdef int column, role
        cdef bint zoned = False
        cdef double[8] price
        # The first rows show whether an index column only counts the rows.
        if self.has_index and self.rows < LOOKED_AT:
            return False
        for column in range(self.columns):
            if column > 0:
                if p[0] != separator:
                    return False
                p += 1
            role = self.role_of[column]
            if role > EXPIRY or (TS < role < EXPIRY):
                p = fast_price(p, &price[role])
                continue
            if role == TS:
                end = self.fast_time(p, &row.ts_ns)
                if end != NULL and end[0] == separator:
                    p = end
                    continue
            end = p
            while end[0] != separator and end[0] > c"\r" and end[0] != c'"':
                end += 1
            if end[0] == c'"':
                return False
            if role == TS:
                if parse_ts(p, end - p, &self.rules, &row.ts_ns, &zoned) != CELL_OK:
                    return False
                self.zoned |= zoned
            elif role == EXPIRY:
                if end - p != self.expiry_length or memcmp(p, self.expiry_chars, end - p) != 0:
                    return False
                row.expiry_ns = self.expiry_ns
            p = end
        if p[0] != separator and (p[0] > c"\r" or p[0] == c"\t"):
            return False
        # The columns after this have no role.
        while p[0] > c"\r" or p[0] == c"\t":
            if p[0] == c'"':
                return False
            p += 1
        if p + 2 - (self.data + self.start) > RECORD_MAX:
            return False
        row.es_bid, row.es_ask = price[ES_BID], price[ES_BID + 1]
        row.spy_bid, row.spy_ask = price[SPY_BID], price[SPY_ASK]
        if self.has_factor:
            row.factor = price[INDEX] if self.has_index else price[FACTOR]
            if not is_plain(row.factor):
                return False
            if self.has_index:
                if not row.es_bid / 2 < row.factor < row.es_bid * 2:
                    return False
                row.factor /= (row.spy_bid + row.spy_ask) / 2
        return self.take_row(row, p)

    cdef int slow_record(self, QuoteRow* row) except -1:
        """Reads one record in any format: VALID, SKIPPED (blank, header or unused row) or NEEDS_MORE."""
        cdef Py_ssize_t next_start = 0, at, size
        cdef int64_t lines = 0, line = self.line
        cdef int fields = 0
        cdef bint blank
        if self.start == self.end:
            return NEEDS_MORE
        if not self.header_read:
            self.learn_separator()
        if not self.scan_record(&next_start, &lines, &fields):
            if self.end - self.start > RECORD_MAX:
                raise self.too_long(line)
            return NEEDS_MORE
        size = next_start - self.start
        if size > RECORD_MAX:
            raise self.too_long(line)
        strip(&self.cells[FIRST])
        blank = fields == 1 and self.cells[FIRST].length == 0
        at = self.start
        self.start = next_start
        self.line += lines
        if blank:
            return SKIPPED
        if not self.header_read:
            self.read_header(PyBytes_FromStringAndSize(<const char*>self.data + at, size), line)
            return SKIPPED
        return self.slow_row(row, line, fields)

    cdef void learn_separator(self) noexcept nogil:
        """Chooses comma, semicolon or tab: the one that is most frequent in the header's first line."""
        cdef Py_ssize_t at = self.start
        cdef int commas = 0, semicolons = 0, tabs = 0
        cdef bint blank = True
        while at < self.end and self.data[at] != c"\n" and self.data[at] != c"\r":
            commas += self.data[at] == c","
            semicolons += self.data[at] == c";"
            tabs += self.data[at] == c"\t"
            blank &= is_blank(self.data[at])
            at += 1
        # An incomplete line is read again later.
        if blank or (at == self.end and not self.final):
            return
        self.separator = c"," if commas >= max(semicolons, tabs) else c";" if semicolons >= tabs else c"\t"

    def too_long(self, int64_t line) -> DataError:
        """The error about a record without an end."""
        return DataError(
            "too_long",
            f"{self.name}, line {line}: the row is longer than {RECORD_BYTES_MAX:,} bytes; is a quotation "
            "mark not closed, or is this no CSV?",
            line=line, column=None,
        )

    # Places go from `start` to `end`; the scratch memory holds as many bytes as the longest record.
    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef int scan_record(self, Py_ssize_t* next_start, int64_t* lines, int* fields) noexcept nogil:
        """Splits the record at ``start`` into the cells of the columns with a role.

        Returns False if the record is not complete. The states are those of the csv module, which accepts
        quotation marks out of place.
        """
        cdef Py_ssize_t at = self.start, end = self.end, used = 0, begun = at, copied = 0
        cdef unsigned char character
        cdef unsigned char separator = self.separator
        cdef bint quoted = False, copying = False
        cdef int column = 0
        lines[0] = 0
        if end - at > RECORD_MAX:
            end = at + RECORD_MAX
        while True:
            # At the first character of a field.
            begun = at
            copying = at < end and self.data[at] == b'"'
            copied = used
            quoted = copying
            if copying:
                at += 1
            while True:
                if at == end:
                    if not self.final or end != self.end:
                        return False
                    break
                character = self.data[at]
                if quoted:
                    if character == b'"':
                        if at + 1 == end and (not self.final or end != self.end):
                            return False
                        if at + 1 < end and self.data[at + 1] == b'"':
                            at += 1
                        else:
                            quoted = False
                            at += 1
                            continue
                    elif character == c"\n":
                        lines[0] += 1
                    elif character == c"\r":
                        if at + 1 == end and (not self.final or end != self.end):
                            return False
                        if not (at + 1 < end and self.data[at + 1] == c"\n"):
                            lines[0] += 1
                elif character == separator or character == c"\n" or character == c"\r":
                    break
                if copying:
                    self.scratch[used] = self.data[at]
                    used += 1
                at += 1
            if column < self.columns and self.role_of[column] >= 0:
                if copying:
                    self.cells[self.role_of[column]] = Cell(self.scratch + copied, used - copied)
                else:
                    self.cells[self.role_of[column]] = Cell(self.data + begun, at - begun)
            if column == 0:
                if copying:
                    self.cells[FIRST] = Cell(self.scratch + copied, used - copied)
                else:
                    self.cells[FIRST] = Cell(self.data + begun, at - begun)
            column += 1
            if at == end or self.data[at] != separator:
                break
            at += 1
        if at < end:
            lines[0] += 1
            if self.data[at] == c"\r":
                if at + 1 == end and (not self.final or end != self.end):
                    return False
                if at + 1 < end and self.data[at + 1] == c"\n":
                    at += 1
            at += 1
        next_start[0] = at
        fields[0] = column
        return True

    cdef int read_header(self, bytes text, int64_t line) except -1:
        cdef int column
        # Decoding as latin-1 keeps the bytes; every name with a meaning is ASCII.
        header = fields_of(text.decode("latin-1"), chr(self.separator))
        found = resolve(header, where=f"{self.name}, line {line}", line=line, use_factor=self.use_factor)
        places = found.places
        self.columns = max(places.values()) + 1
        if self.columns > COLUMNS_MAX:
            raise DataError(
                "missing_column",
                f"{self.name}, line {line}: a column beyond number {COLUMNS_MAX} is needed; reorder them.",
                line=line, column=None,
            )
        for column in range(COLUMNS_MAX):
            self.role_of[column] = -1
        for role, name in enumerate(ROLE_NAMES):
            if name in places:
                self.role_of[places[name]] = role
        self.places, self.names = places, found.names
        self.pair, self.unused = found.pair, found.unused
        self.has_expiry, self.has_clock = "expiry" in places, CLOCK in places
        if self.has_clock:
            self.joined_owner = bytearray(RECORD_BYTES_MAX)
            self.joined = <unsigned char*>PyByteArray_AS_STRING(self.joined_owner)
        self.has_index = "index" in places
        self.has_factor = self.has_index or "factor" in places
        self.canonical = (
            self.separator == c"," and len(header) == len(REQUIRED)
            and [places.get(name) for name in REQUIRED] == list(range(len(REQUIRED)))
        )
        self.header_read = True
        return 0

    cdef int slow_row(self, QuoteRow* row, int64_t line, int fields) except -1:
        """Reads and counts a record that is not compact: VALID or SKIPPED."""
        cdef bint missing
        self.rows += 1
        try:
            missing = self.read_cells(row, line, fields)
        except DataError as error:
            if not self.skip_bad or error.kind == "row_number":
                raise
            self.malformed += 1
            return SKIPPED
        if row.ts_ns < self.last_ns and self.ordered:
            name = self.names["ts"]
            raise DataError(
                "order",
                f"{self.name}, line {line}, column {name}: time goes back; sort the file or pass --sort.",
                line=line, column=name,
            )
        self.last_ns = row.ts_ns
        if missing:
            self.missing += 1
            return SKIPPED
        if row.es_bid > row.es_ask or row.spy_bid > row.spy_ask:
            self.crossed += 1
            return SKIPPED
        return VALID

    cdef int read_cells(self, QuoteRow* row, int64_t line, int fields) except -1:
        """Reads the cells of a row; returns whether a price is missing. Raises for an invalid cell."""
        cdef int role
        cdef bint missing, zoned = False
        if fields < self.columns:
            place, role_name = min((place, name) for name, place in self.places.items() if place >= fields)
            name = self.names[role_name]
            raise DataError(
                "too_few",
                f"{self.name}, line {line}, column {name}: the row has {fields} of the {place + 1} fields "
                "needed; complete it or pass --skip-bad.",
                line=line, column=name,
            )
        for role in range(ROLES):
            strip(&self.cells[role])
        if self.has_clock:
            self.join_clock()
        if parse_ts(self.cells[TS].text, self.cells[TS].length, &self.rules, &row.ts_ns, &zoned) != CELL_OK:
            raise self.bad_cell("not_a_time", TS, line)
        self.zoned |= zoned
        missing = self.read_prices(row, line)
        if self.has_expiry:
            self.read_expiry(row, line)
        return missing

    cdef void join_clock(self) noexcept nogil:
        """Sets the time to the date, a blank and the time of day.

        Both come from one record with a separator between them, so the text is not longer than the record.
        """
        cdef Cell day = self.cells[TS], clock = self.cells[DAY_CLOCK]
        memcpy(self.joined, day.text, day.length)
        self.joined[day.length] = c" "
        memcpy(self.joined + day.length + 1, clock.text, clock.length)
        self.cells[TS].text = self.joined
        self.cells[TS].length = day.length + 1 + clock.length

    cdef int read_prices(self, QuoteRow* row, int64_t line) except -1:
        cdef double[8] price
        cdef bint missing = False
        cdef int role, fault
        for role in range(ES_BID, INDEX + 1):
            if role == EXPIRY or (role == FACTOR and not (self.has_factor and not self.has_index)) or (
                    role == INDEX and not self.has_index):
                continue
            fault = parse_price(self.cells[role].text, self.cells[role].length, &price[role])
            if fault == CELL_HARD:
                fault = hard_price(self.cells[role].text, self.cells[role].length, &price[role])
            if role == INDEX and self.rows <= LOOKED_AT and fault != CELL_BAD:
                self.row_numbers.saw(
                    price[INDEX] if fault == CELL_OK else 0.0, price[ES_BID],
                    where=f"{self.name}, line {line}", line=line)
            if fault == CELL_BAD:
                raise self.bad_cell("not_a_number", role, line)
            if fault == CELL_OK and not PRICE_LEAST <= price[role] <= PRICE_MOST:
                raise self.bad_cell("out_of_range", role, line)
            if fault == CELL_MISSING:
                missing = True
                price[role] = 0.0
        if missing:
            return True
        row.es_bid, row.es_ask = price[ES_BID], price[ES_BID + 1]
        row.spy_bid, row.spy_ask = price[SPY_BID], price[SPY_ASK]
        if self.has_index:
            if not row.es_bid / 2 < price[INDEX] < row.es_bid * 2:
                raise self.bad_cell("not_an_index", INDEX, line)
            row.factor = price[INDEX] / ((row.spy_bid + row.spy_ask) / 2)
        elif self.has_factor:
            row.factor = price[FACTOR]
        return False

    cdef int read_expiry(self, QuoteRow* row, int64_t line) except -1:
        cdef Cell cell = self.cells[EXPIRY]
        # The expiry of a contract is the same for thousands of rows, so it is cached.
        if cell.length != self.expiry_length or memcmp(cell.text, self.expiry_chars, cell.length) != 0:
            text = PyBytes_FromStringAndSize(<const char*>cell.text, cell.length)
            try:
                self.expiry_ns = self.expiry_of(text.decode("latin-1"))
            except ArbcoreError as error:
                raise self.bad_cell("not_a_time", EXPIRY, line) from error
            self.expiry_text = text
            self.expiry_chars, self.expiry_length = PyBytes_AS_STRING(text), cell.length
        row.expiry_ns = self.expiry_ns
        return 0

    def bad_cell(self, str kind, int role, int64_t line) -> DataError:
        """The error about one cell; the message says what the cell must be."""
        cdef Cell cell = self.cells[role]
        text = PyBytes_FromStringAndSize(<const char*>cell.text, min(cell.length, 400))
        name = self.names[ROLE_NAMES[role]]
        if role == TS and self.has_clock:
            name = f"{name} with {self.names[CLOCK]}"
        if kind == "not_a_time" and role == EXPIRY:
            wanted = "is not a date or time"
        elif kind == "not_a_time":
            wanted = why_no_time(text.decode("latin-1"), tz=self.tz, day_first=self.rules.day_first)
        elif kind == "not_a_number":
            wanted = why_no_number(text.decode("latin-1"))
        elif kind == "not_an_index":
            cell = self.cells[ES_BID]
            future = PyBytes_FromStringAndSize(<const char*>cell.text, min(cell.length, 400))
            wanted = f"is no index beside a future at {printable(future, 60)}"
        else:
            wanted = f"is not between {PRICE_MIN:g} and {PRICE_MAX:g}"
        return DataError(
            kind,
            f"{self.name}, line {line}, column {name}: {printable(text, 60)!r} {wanted}; correct it or pass "
            "--skip-bad.",
            line=line, column=self.names[ROLE_NAMES[role]],
        )
