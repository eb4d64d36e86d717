"""Rows of one instrument from a CSV as it streams by: time, bid, ask, contract.

Owns how the text is split and read, and the errors that name file, line and column. It opens no file: the
caller passes a stream that fills a buffer. The caller also gives the role of each column (``formats``).
"""
cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.math cimport isnan
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memmove, memset

from arbcore.core._cells cimport (
    CELL_BAD, CELL_HARD, CELL_MISSING, CELL_OK, TimeRules, hard_price, hours_of, parse_day, parse_price,
    parse_ts,
)
from arbcore.quotes._legs cimport (
    LEG_CROSSED, LEG_MISSING, LEG_QUOTE, PRICE_TEXT_MAX, LegRow, LegSource, is_undefined, state_of,
)

from arbcore.quotes.spellings import why_no_number, why_no_time
from arbcore.quotes._legs import PRICE_MAX, PRICE_MIN

from arbcore.errors import BrokenInvariant, DataError
from arbcore.core.text import printable

#: The roles of a column of one instrument. ``date`` and ``clock`` together make one time.
ROLES = ("time", "clock", "bid", "ask", "code", "volume")
CHUNK_BYTES = 256 * 1024
RECORD_BYTES_MAX = 1024 * 1024

cdef enum:
    TIME = 0
    CLOCK = 1
    BID = 2
    ASK = 3
    CODE = 4
    VOLUME = 5
    ROLE_COUNT = 6
    COLUMNS_MAX = 256
    PADDING = 64
    # More bytes than any plain row has.
    ROW_BYTES_MAX = 96
    # From this number on a Databento price without a point is an integer in units of 1e-9.
    FIXED_MIN = 10_000_000

cdef Py_ssize_t CHUNK = CHUNK_BYTES
cdef Py_ssize_t RECORD_MAX = RECORD_BYTES_MAX
cdef double LEAST = PRICE_MIN
cdef double MOST = PRICE_MAX

cdef int64_t LATEST_NS = 0x7FFFFFFFFFFFFFFFLL

cdef double[16] POWERS_OF_TEN
cdef int64_t[10] FRACTION_UNITS
for _power in range(16):
    POWERS_OF_TEN[_power] = float(10 ** _power)
for _power in range(10):
    FRACTION_UNITS[_power] = 10 ** (9 - _power)


cdef struct Cell:
    const unsigned char* text
    Py_ssize_t length


cdef inline unsigned int digit_of(unsigned char character) noexcept nogil:
    return <unsigned int>character - 48u


cdef inline void strip(Cell* cell) noexcept nogil:
    while cell.length > 0 and (cell.text[0] == c" " or cell.text[0] == c"\t"):
        cell.text += 1
        cell.length -= 1
    while cell.length > 0 and (cell.text[cell.length - 1] == c" " or cell.text[cell.length - 1] == c"\t"):
        cell.length -= 1


# The divisor is a power of ten; at most 16 bytes are read and copied.
@cython.cdivision(True)
cdef inline const unsigned char* plain_price_at(
    const unsigned char* p, double* price, unsigned char* kept
) noexcept nogil:
    """The end of a price of digits with at most one point; NULL for another format or a longer one."""
    cdef uint64_t mantissa = 0
    cdef const unsigned char* first = p
    cdef const unsigned char* point
    cdef unsigned int digit = digit_of(p[0])
    memcpy(kept, p, 16)
    while digit <= 9:
        mantissa = mantissa * 10 + digit
        p += 1
        if p - first > PRICE_TEXT_MAX:
            return NULL
        digit = digit_of(p[0])
    price[0] = <double>mantissa
    if p[0] == c".":
        p += 1
        point = p
        digit = digit_of(p[0])
        while digit <= 9:
            mantissa = mantissa * 10 + digit
            p += 1
            if p - first > PRICE_TEXT_MAX:
                return NULL
            digit = digit_of(p[0])
        price[0] = <double>mantissa / POWERS_OF_TEN[p - point]
    if p - first > PRICE_TEXT_MAX:
        return NULL
    kept[PRICE_TEXT_MAX] = <unsigned char>(p - first)
    return p


@cython.final
cdef class CsvLeg(LegSource):
    """Rows of a CSV stream after its header.

    ``head`` are the bytes already read, ``places`` the column of each role, ``width`` the fewest fields of a
    row. ``contract_of`` converts the text of a code to a number, -1 for a row to leave out; without codes all
    rows are of ``contract``. ``shift_ns`` is added to each time (for a bar dated by its start). ``fixed``
    prices may be integers in units of 1e-9. ``ordered`` refuses times that decrease.
    """

    cdef object stream, contract_of, own_buffer
    cdef readonly str name
    cdef readonly dict places
    cdef unsigned char* data
    cdef Py_ssize_t begun, start, end, room
    cdef bint final, ordered, skip_bad, fixed, has_code, plain
    cdef unsigned char delimiter
    cdef int width
    cdef int[COLUMNS_MAX] role_of
    cdef Cell[ROLE_COUNT] cells
    cdef bytearray scratch_owner
    cdef unsigned char* scratch
    cdef readonly int64_t line
    cdef int64_t record_line, last_ns, shift_ns, date_ns
    cdef unsigned char[10] date
    cdef unsigned char[32] code
    cdef Py_ssize_t code_length
    cdef int32_t contract
    cdef TimeRules rules
    cdef str tz
    #: Whether any time had a zone.
    cdef readonly bint zoned

    def __init__(self, stream, str name not None, *, bytes head, dict places not None, str delimiter not None,
                 int64_t line, contract_of=None, int32_t contract=0, int64_t shift_ns=0, bint fixed=False,
                 bint ordered=True, bint skip_bad=False, bint final=False, str tz=None, bint day_first=False):
        cdef int column
        if not {"time", "bid", "ask"} <= set(places):
            raise BrokenInvariant(f"A row has a time, a bid and an ask, not {', '.join(places)}.")
        self.stream, self.name, self.contract_of = stream, printable(name), contract_of
        self.places = places
        self.room = max(RECORD_MAX, len(head)) + CHUNK
        self.own_buffer = bytearray(self.room + PADDING)
        self.data = <unsigned char*>PyByteArray_AS_STRING(self.own_buffer)
        memcpy(self.data, <const char*>head, len(head))
        self.end, self.final = len(head), final
        self.scratch_owner = bytearray(RECORD_MAX + PADDING)
        self.scratch = <unsigned char*>PyByteArray_AS_STRING(self.scratch_owner)
        self.delimiter = ord(delimiter)
        self.line, self.last_ns, self.shift_ns = line, -0x7FFFFFFFFFFFFFFFLL, shift_ns
        self.fixed, self.ordered, self.skip_bad = fixed, ordered, skip_bad
        self.tz = tz
        self.rules = TimeRules(hours_of(tz), day_first)
        self.code_length, self.contract = -1, contract
        self.has_code = "code" in places
        memcpy(self.date, <const char*>b"1970-01-01", 10)
        memset(self.cells, 0, sizeof(self.cells))
        self.width = max(places.values()) + 1
        if self.width > COLUMNS_MAX:
            raise DataError(
                "missing_column", f"{self.name}: a column beyond number {COLUMNS_MAX} is needed; reorder "
                "them.",
                line=None, column=None,
            )
        self.plain = places == {"time": 0, "bid": 1, "ask": 2} and delimiter == "," and not fixed
        for column in range(COLUMNS_MAX):
            self.role_of[column] = -1
        for role, place in places.items():
            self.role_of[place] = ROLES.index(role)

    cdef Py_ssize_t fill(self, LegRow* rows, Py_ssize_t capacity) except -1:
        cdef Py_ssize_t n = 0
        while n < capacity:
            if self.plain:
                n = self.plain_rows(rows, n, capacity)
                if n == capacity:
                    break
            if not self.next_record():
                break
            n += self.read_row(&rows[n])
        return n

    # Reads at most ROW_BYTES_MAX bytes of a row, which are in the buffer. If they are not, as at the end of a
    # chunk, the general path takes the row. `n` stays below `capacity`.
    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef Py_ssize_t plain_rows(self, LegRow* rows, Py_ssize_t n, Py_ssize_t capacity) noexcept nogil:
        """Reads rows of a time, a bid and an ask in common formats; stops before the first other row."""
        cdef const unsigned char* p
        cdef const unsigned char* end = self.data + self.end
        cdef LegRow* row
        cdef int64_t ts_ns = 0
        while n < capacity:
            p = self.data + self.start
            if end - p < ROW_BYTES_MAX:
                break
            row = &rows[n]
            p = self.plain_time(p, &ts_ns)
            if p == NULL or (ts_ns + self.shift_ns < self.last_ns and self.ordered):
                break
            p = plain_price_at(p + 1, &row.bid, row.bid_text)
            if p == NULL or p[0] != c",":
                break
            p = plain_price_at(p + 1, &row.ask, row.ask_text)
            if p == NULL:
                break
            p += p[0] == c"\r"
            if p[0] != c"\n" or not (LEAST <= row.bid <= MOST and LEAST <= row.ask <= MOST):
                break
            row.ts_ns = self.last_ns = ts_ns + self.shift_ns
            self.zoned = True
            row.contract = self.contract
            row.state = state_of(row.bid, row.ask)
            self.start = p + 1 - self.data
            self.rows += 1
            self.line += 1
            n += 1
        return n

    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef inline const unsigned char* plain_time(self, const unsigned char* p, int64_t* ts_ns) noexcept nogil:
        """The end of ``YYYY-MM-DDTHH:MM:SS[.fraction]Z`` before a comma; NULL for any other text."""
        cdef int64_t fraction = 0
        cdef Py_ssize_t digits = 0
        if not self.clock_at(p, ts_ns):
            return NULL
        p += 19
        if p[0] == c".":
            p += 1
            while digit_of(p[0]) <= 9 and digits < 10:
                fraction = fraction * 10 + digit_of(p[0])
                digits += 1
                p += 1
            if digits == 0 or digits > 9:
                return NULL
            ts_ns[0] += fraction * FRACTION_UNITS[digits]
        if p[0] != c"Z" or p[1] != c",":
            return NULL
        return p + 1

    # Reads 19 bytes.
    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef inline bint clock_at(self, const unsigned char* p, int64_t* ts_ns) noexcept nogil:
        """Reads ``YYYY-MM-DDTHH:MM:SS`` (or with a blank for the T); returns whether it is one."""
        cdef unsigned int hour, minute, second, bad
        cdef int64_t day
        if memcmp(p, self.date, 10) != 0:
            day = parse_day(p)
            if day < 0 or day > 100_000:
                return False
            memcpy(self.date, p, 10)
            self.date_ns = day * 86_400_000_000_000LL
        hour = digit_of(p[11]) * 10 + digit_of(p[12])
        minute = digit_of(p[14]) * 10 + digit_of(p[15])
        second = digit_of(p[17]) * 10 + digit_of(p[18])
        bad = (digit_of(p[11]) > 9) | (digit_of(p[12]) > 9) | (digit_of(p[14]) > 9) | (digit_of(p[15]) > 9)
        bad |= (digit_of(p[17]) > 9) | (digit_of(p[18]) > 9) | (hour > 23) | (minute > 59) | (second > 59)
        bad |= (p[13] != c":") | (p[16] != c":") | ((p[10] != c"T") & (p[10] != c" "))
        ts_ns[0] = self.date_ns + ((hour * 60 + minute) * 60 + second) * 1_000_000_000LL
        return not bad

    cdef bint next_record(self) except -1:
        """Splits the next record into ``cells``, without blank lines; returns False if there is none."""
        cdef int fields = 0, lines = 0
        while True:
            self.begun = self.start
            if self.start < self.end and self.scan(&fields, &lines):
                # The buffer may hold more than the longest record; the limit must not depend on the chunks.
                if self.start - self.begun > RECORD_MAX:
                    raise self.too_long()
                self.record_line = self.line
                self.line += lines
                if fields == 1 and self.is_blank():
                    continue
                self.rows += 1
                if fields >= self.width:
                    return True
                if not self.skip_bad:
                    raise self.too_few(fields, self.record_line)
                self.malformed += 1
                continue
            if self.start == self.end and self.final:
                return False
            self.read_more()

    cdef bint is_blank(self) noexcept nogil:
        """Whether the last record, from ``begun`` to ``start``, has blanks only."""
        cdef Py_ssize_t at
        for at in range(self.begun, self.start):
            if self.data[at] > 32:
                return False
        return True

    cdef int read_more(self) except -1:
        cdef Py_ssize_t count
        if self.final:
            raise BrokenInvariant("The last record ends with the stream.")
        if self.end - self.start > RECORD_MAX:
            raise self.too_long()
        memmove(self.data, self.data + self.start, self.end - self.start)
        self.end -= self.start
        self.start = 0
        count = self.stream(memoryview(self.own_buffer)[self.end:self.end + CHUNK])
        if not 0 <= count <= CHUNK:
            raise BrokenInvariant(f"A stream cannot have read {count} bytes into {CHUNK}.")
        self.end += count
        self.final = count == 0
        return 0

    cdef object too_long(self):
        return DataError(
            "too_long",
            f"{self.name}, line {self.line}: the row is longer than {RECORD_BYTES_MAX:,} bytes; is a "
            "quotation mark not closed, or is this no CSV?",
            line=self.line, column=None,
        )

    # Places go from `start` to `end`; a newline is put there, in the padding, so a cell that is not quoted
    # ends there at the latest. The scratch memory holds the longest record, and no more is copied.
    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef bint scan(self, int* fields, int* lines) noexcept nogil:
        """Splits the record at ``start``; returns False if it is not complete."""
        cdef unsigned char* p = self.data + self.start
        cdef unsigned char* end = self.data + self.end
        cdef unsigned char* begun
        cdef unsigned char* found
        cdef unsigned char delimiter = self.delimiter
        cdef Py_ssize_t used = 0, copied
        cdef int column = 0, role
        cdef Cell cell
        end[0] = c"\n"
        lines[0] = 1
        while True:
            if p < end and p[0] == c'"':
                p += 1
                copied = used
                while True:
                    # Within quotation marks: a doubled mark is one mark; text after the closing mark belongs
                    # to the cell too.
                    if p >= end:
                        if not self.final:
                            return False
                        break
                    if p[0] == c'"':
                        if p + 1 >= end and not self.final:
                            return False
                        if p + 1 < end and p[1] == c'"':
                            p += 1
                        else:
                            p += 1
                            break
                    elif p[0] == c"\n":
                        lines[0] += 1
                    if used < RECORD_MAX:
                        self.scratch[used] = p[0]
                        used += 1
                    p += 1
                while p < end and p[0] != delimiter and p[0] != c"\n" and p[0] != c"\r":
                    if used < RECORD_MAX:
                        self.scratch[used] = p[0]
                        used += 1
                    p += 1
                cell = Cell(self.scratch + copied, used - copied)
            else:
                begun = p
                while p[0] != delimiter and p[0] != c"\n" and p[0] != c"\r":
                    p += 1
                cell = Cell(begun, p - begun)
            if p >= end and not self.final:
                return False
            if column < self.width:
                role = self.role_of[column]
                if role >= 0:
                    self.cells[role] = cell
            column += 1
            if p >= end or p[0] != delimiter:
                break
            p += 1
            if column == self.width:
                # The other cells are skipped, but quoted text is read, because it may have a newline.
                found = <unsigned char*>memchr(p, c"\n", end - p + 1)
                if memchr(p, c'"', found - p) == NULL and memchr(p, c"\r", found - p) == NULL:
                    p = found
                    if p >= end and not self.final:
                        return False
                    break
        if p < end and p[0] == c"\r":
            if p + 1 >= end and not self.final:
                return False
            if p + 1 < end and p[1] == c"\n":
                p += 1
        if p < end:
            p += 1
        self.start = p - self.data
        fields[0] = column
        return True

    cdef int read_row(self, LegRow* row) except -1:
        """Reads the current record; returns 1 for a row to use, 0 for a row that was skipped."""
        cdef int64_t line = self.record_line
        cdef int32_t contract = self.contract
        try:
            if self.has_code:
                contract = self.contract_at()
                if contract < 0:
                    self.others += 1
                    return 0
            self.read_time(row, line)
            row.contract = contract
            row.state = LEG_QUOTE
            if self.read_price(BID, &row.bid, row.bid_text, line):
                row.state = LEG_MISSING
            if self.read_price(ASK, &row.ask, row.ask_text, line):
                row.state = LEG_MISSING
        except DataError:
            if not self.skip_bad:
                raise
            self.malformed += 1
            return 0
        if row.ts_ns < self.last_ns and self.ordered:
            raise DataError(
                "order",
                f"{self.name}, line {line}, column {self.column_of(TIME)}: time goes back; sort the file or "
                "pass --sort.",
                line=line, column=self.column_of(TIME),
            )
        self.last_ns = row.ts_ns
        if row.state == LEG_QUOTE:
            row.state = state_of(row.bid, row.ask)
        return 1

    cdef int32_t contract_at(self) except -2:
        cdef Cell* cell = &self.cells[CODE]
        strip(cell)
        if cell.length == self.code_length and memcmp(cell.text, self.code, cell.length) == 0:
            return self.contract
        text = PyBytes_FromStringAndSize(<const char*>cell.text, cell.length)
        self.contract = self.contract_of(text.decode("utf-8", "replace"))
        self.code_length = -1
        if cell.length <= 32:
            self.code_length = cell.length
            memcpy(self.code, cell.text, cell.length)
        return self.contract

    cdef int read_time(self, LegRow* row, int64_t line) except -1:
        cdef Cell* cell = &self.cells[TIME]
        cdef Cell joined
        cdef bint zoned = False
        strip(cell)
        if self.cells[CLOCK].text != NULL:
            strip(&self.cells[CLOCK])
            text = self.text_of(TIME) + b" " + self.text_of(CLOCK)
            joined = Cell(<const unsigned char*><const char*>text, len(text))
            cell = &joined
        if self.iso_time(cell, &row.ts_ns):
            zoned = True
        elif parse_ts(cell.text, cell.length, &self.rules, &row.ts_ns, &zoned) != CELL_OK:
            raise self.bad_cell("not_a_time", TIME, line)
        # The end of a bar may be beyond 64-bit nanoseconds.
        if self.shift_ns > 0 and row.ts_ns > LATEST_NS - self.shift_ns:
            raise self.bad_cell("not_a_time", TIME, line)
        self.zoned |= zoned
        row.ts_ns += self.shift_ns
        return 0

    # The first 20 characters are read only if the cell has 20 or more.
    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef inline bint iso_time(self, const Cell* cell, int64_t* ts_ns) noexcept nogil:
        """Reads ``YYYY-MM-DDTHH:MM:SS[.fraction]Z``, the common format; returns False for any other."""
        cdef const unsigned char* p = cell.text
        cdef int64_t fraction = 0
        cdef Py_ssize_t at = 20, digits
        if cell.length < 20 or p[cell.length - 1] != c"Z" or not self.clock_at(p, ts_ns):
            return False
        if cell.length > 20:
            digits = cell.length - 21
            if p[19] != c"." or digits < 1 or digits > 9:
                return False
            for at in range(20, cell.length - 1):
                if digit_of(p[at]) > 9:
                    return False
                fraction = fraction * 10 + digit_of(p[at])
            ts_ns[0] += fraction * FRACTION_UNITS[digits]
        return True

    cdef bint read_price(self, int role, double* price, unsigned char* kept, int64_t line) except -1:
        """Reads a price; returns whether it is missing."""
        cdef Cell* cell = &self.cells[role]
        cdef int fault
        strip(cell)
        # The bytes read after the cell are its own record's or padding.
        if plain_price_at(cell.text, price, kept) != cell.text + cell.length or not price[0] > 0:
            kept[PRICE_TEXT_MAX] = 0
            fault = parse_price(cell.text, cell.length, price)
            if fault == CELL_HARD:
                fault = hard_price(cell.text, cell.length, price)
            if fault == CELL_BAD:
                raise self.bad_cell("not_a_number", role, line)
            if fault == CELL_MISSING:
                return True
        if self.fixed and price[0] >= FIXED_MIN and memchr(cell.text, c".", cell.length) == NULL:
            if is_undefined(price[0]):
                return True
            price[0] /= 1e9
            kept[PRICE_TEXT_MAX] = 0
        if not LEAST <= price[0] <= MOST or is_undefined(price[0]):
            if is_undefined(price[0]):
                return True
            raise self.bad_cell("out_of_range", role, line)
        return False

    cdef bytes text_of(self, int role):
        return PyBytes_FromStringAndSize(<const char*>self.cells[role].text, self.cells[role].length)

    cdef str column_of(self, int role):
        """The name of a column in messages: the usual name of its role."""
        return {TIME: "ts", CLOCK: "time", CODE: "symbol"}.get(role, ROLES[role])

    cdef object too_few(self, int fields, int64_t line):
        role = min((place, role) for role, place in self.places.items() if place >= fields)[1]
        name = self.column_of(ROLES.index(role))
        return DataError(
            "too_few",
            f"{self.name}, line {line}, column {name}: the row has {fields} of the {self.width} fields "
            "needed; complete it or pass --skip-bad.",
            line=line, column=name,
        )

    cdef object bad_cell(self, str kind, int role, int64_t line):
        text = printable(self.text_of(role)[:400].decode("utf-8", "replace"), 60)
        name = self.column_of(role)
        wanted = f"is not between {PRICE_MIN:g} and {PRICE_MAX:g}"
        if kind == "not_a_number":
            wanted = why_no_number(text)
        elif kind == "not_a_time":
            wanted = why_no_time(text, tz=self.tz, day_first=self.rules.day_first)
        return DataError(
            kind, f"{self.name}, line {line}, column {name}: {text!r} {wanted}; correct it or pass "
            "--skip-bad.",
            line=line, column=name,
        )

    def survey(self, dict volumes not None, dict steps not None, *, bint bars=False, date_of=None) -> object:
        """Reads all rows to collect what must be known before the first row is used.

        Adds up ``volumes`` {(day, contract): volume}; ``date_of`` returns the first and the last instant of a
        time's date, and the day. Counts the ``steps`` {difference of times: how often}. With ``bars`` it
        returns the line of the first row that cannot be a bid and ask, None if there is none.
        """
        cdef LegRow row
        cdef int64_t before_ns = -0x7FFFFFFFFFFFFFFFLL, first_ns = 1, last_ns = 0
        cdef double volume = 0.0
        cdef bint missing, has_volume = "volume" in self.places
        day = 0
        while self.next_record():
            if not self.read_row(&row):
                continue
            volume = 0.0
            if has_volume:
                strip(&self.cells[VOLUME])
                missing = self.survey_number(VOLUME, &volume)
                if bars and not missing and volume >= 0:
                    return self.record_line
            if bars and row.state == LEG_CROSSED:
                return self.record_line
            if date_of is not None:
                if not first_ns <= row.ts_ns <= last_ns:
                    first_ns, last_ns, day = date_of(row.ts_ns)
                volumes[day, row.contract] = volumes.get((day, row.contract), 0.0) + max(volume, 0.0)
            if row.ts_ns > before_ns and before_ns != -0x7FFFFFFFFFFFFFFFLL:
                # Unsigned, because the difference of two times may exceed a signed 64-bit integer.
                step_ns = <uint64_t>row.ts_ns - <uint64_t>before_ns
                steps[step_ns] = steps.get(step_ns, 0) + 1
            before_ns = row.ts_ns
        return None

    cdef bint survey_number(self, int role, double* value) except -1:
        try:
            value[0] = float(self.text_of(role))
        except ValueError:
            return True
        return isnan(value[0])
