"""Reads columns of quotes in memory (NumPy, Arrow, any buffer) without copying them.

Owns the rules for rows of columns, which are those of a file, and their counts and errors. It knows no
library: a column is a pointer with a kind. ``reference.columns`` is the specification.
"""
cimport cython
from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.math cimport fabs
from libc.stdint cimport (
    int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t,
)
from libc.string cimport memcmp, memcpy, memset

from arbcore.core._cells cimport (
    CELL_BAD, CELL_HARD, CELL_MISSING, CELL_OK, TimeRules, hard_price, hours_of, is_undefined, parse_price,
    parse_ts, time_of_whole, utc_ns_of,
)
from arbcore.carry._row_source cimport QuoteRow, RowSource

from arbcore.quotes._csv import PRICE_MAX, PRICE_MIN
from arbcore.core.civil import iso_time
from arbcore.quotes.column_names import ROLES, ROWS_LOOKED_AT, RowNumbers
from arbcore.quotes.spellings import why_no_number, why_no_time

from arbcore.errors import ArbcoreError, BrokenInvariant, DataError
from arbcore.core.text import printable

cdef enum:
    TS = 0
    ES_BID = 1
    SPY_ASK = 4
    EXPIRY = 5
    FACTOR = 6
    INDEX = 7
    DAY_CLOCK = 8
    # The result of reading a row.
    SKIPPED = 0
    VALID = 1

# The smallest number that is read as nanoseconds by its size; it is in 1990.
cdef int64_t EPOCH_LEAST = 631_152_000LL * 1_000_000_000LL
cdef int64_t LOOKED_AT = ROWS_LOOKED_AT
cdef double LEAST = PRICE_MIN
cdef double MOST = PRICE_MAX
# A price above this takes the general path: it may be a constant for a missing price.
cdef double PLAIN_MOST = 1e9
cdef dict KIND_OF_FORMAT = {
    "d": F64, "f": F32, "b": I8, "h": I16, "i": I32, "q": I64, "B": U8, "H": U16, "I": U32, "Q": U64,
    # A C long has eight bytes, unless it has the size of an int.
    "l": I64 if sizeof(long) == 8 else I32, "L": U64 if sizeof(long) == 8 else U32,
}
cdef dict BYTES_OF_KIND = {F64: 8, F32: 4, I8: 1, I16: 2, I32: 4, I64: 8, U8: 1, U16: 2, U32: 4, U64: 8}


cdef class _Buffer:
    """Keeps a buffer while its column is read."""

    cdef Py_buffer view
    cdef bint held
    cdef bytes copy          # a copy of values that are not aligned
    cdef const char* data

    def __cinit__(self, values):
        PyObject_GetBuffer(values, &self.view, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS)
        self.held = True
        self.data = <const char*>self.view.buf
        if self.view.itemsize > 0 and <uintptr_t>self.data % <uintptr_t>self.view.itemsize != 0:
            self.copy = PyBytes_FromStringAndSize(self.data, self.view.len)
            self.data = PyBytes_AS_STRING(self.copy)

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.view)


# In the functions below, ``row`` is an index in the batch; all columns have the length of the batch.
cdef inline bint is_valid(const Column* column, int64_t row) noexcept nogil:
    row += column.first
    return column.valid == NULL or (column.valid[row >> 3] >> (row & 7)) & 1


cdef const char* text_at(const Column* column, int64_t row, Py_ssize_t* length) noexcept nogil:
    """The text of a cell, by Arrow's layouts, without blanks at both ends."""
    cdef const int32_t* offsets
    cdef const int64_t* large
    cdef const char* view
    cdef int32_t[4] parts
    cdef const char* text
    row += column.first
    if column.kind == TEXT:
        offsets = <const int32_t*>column.offsets
        length[0] = offsets[row + 1] - offsets[row]
        text = column.data + offsets[row]
    elif column.kind == LARGE_TEXT:
        large = <const int64_t*>column.offsets
        length[0] = large[row + 1] - large[row]
        text = column.data + large[row]
    else:
        # A view: the length, then either the bytes, or their first four, a buffer's number and an offset.
        view = column.data + 16 * row
        memcpy(parts, view, 16)
        length[0] = parts[0]
        text = view + 4 if parts[0] <= 12 else <const char*>column.buffers[parts[2]] + parts[3]
    while length[0] > 0 and (text[0] == c" " or text[0] == c"\t"):
        text += 1
        length[0] -= 1
    while length[0] > 0 and (text[length[0] - 1] == c" " or text[length[0] - 1] == c"\t"):
        length[0] -= 1
    return text


cdef double number_of(const Column* column, int64_t row) noexcept nogil:
    """A number of any kind, as a double."""
    row += column.first
    if column.kind == F64:
        return (<const double*>column.data)[row]
    if column.kind == F32:
        return (<const float*>column.data)[row]
    if column.kind == U64:
        return <double>(<const uint64_t*>column.data)[row]
    return <double>whole_of(column, row - column.first)


cdef int64_t whole_of(const Column* column, int64_t row) noexcept nogil:
    """An integer of any kind except U64."""
    row += column.first
    if column.kind == I64:
        return (<const int64_t*>column.data)[row]
    if column.kind == I32:
        return (<const int32_t*>column.data)[row]
    if column.kind == I16:
        return (<const int16_t*>column.data)[row]
    if column.kind == I8:
        return (<const int8_t*>column.data)[row]
    if column.kind == U32:
        return (<const uint32_t*>column.data)[row]
    if column.kind == U16:
        return (<const uint16_t*>column.data)[row]
    return (<const uint8_t*>column.data)[row]


# The unit is not 0.
@cython.cdivision(True)
cdef inline bint scale_time(int64_t value, int64_t unit_ns, int64_t* ts_ns) noexcept nogil:
    """Converts a time to nanoseconds; False if it does not fit in 64 bits or is NumPy's NaT."""
    cdef int64_t largest = 0x7FFFFFFFFFFFFFFFLL
    if value < -largest:
        return False
    if unit_ns != 1 and (value > largest // unit_ns or value < -(largest // unit_ns)):
        return False
    ts_ns[0] = value * unit_ns
    return True


cdef inline bint is_price(double value) noexcept nogil:
    return (value >= LEAST) & (value <= MOST)


@cython.final
cdef class ColumnReader(RowSource):
    """Rows of columns, batch after batch: call ``begin``, then ``column`` for each, then take the rows.

    ``name`` is the data's name in errors, empty if it has none; ``tz`` and ``day_first`` are those of
    ``read_ts``. Rows are numbered from 1 over all batches.
    """

    def __init__(self, str name="", *, expiry_of, bint skip_bad=False, bint ordered=True, str tz=None,
                 bint day_first=False):
        self.tz = tz
        self.rules = TimeRules(hours_of(tz), day_first)
        self.row_numbers = RowNumbers()
        self.names = {}
        self.name = printable(name)
        self.expiry_of = expiry_of
        self.skip_bad, self.ordered = skip_bad, ordered
        self.last_ns = -0x7FFFFFFFFFFFFFFFLL
        self.owners, self.cells = [], {}

    def called(self, dict names not None, pair, unused) -> None:
        """Sets the columns' names for errors, the pair of the column names, and an unused factor column."""
        self.names, self.pair, self.unused = names, pair, unused

    def begin(self, Py_ssize_t length) -> None:
        """Starts a batch of ``length`` rows and releases the columns of the previous batch."""
        self.before += self.length
        self.at, self.length = 0, length
        self.owners, self.cells = [], {}
        memset(self.columns, 0, sizeof(self.columns))
        self.has_expiry = self.has_factor = False
        self.plain = True

    def column(self, str name not None, values, *, int64_t unit_ns=0, bint wall=False, bytes faults=None,
               cells=None) -> None:
        """Adds a column from a contiguous buffer of numbers; times are integers of ``unit_ns`` each.

        With a unit of 0 the size of a number tells whether it is a date of eight digits, or seconds, milli-,
        micro- or nanoseconds, as in a file. ``wall`` times have no known zone. For each row ``faults`` is 0
        (a good number), 1 (missing) or 2 (not a number); ``cells`` are the texts to show in errors.
        """
        cdef _Buffer buffer = _Buffer(values)
        cdef Column column
        memset(&column, 0, sizeof(Column))
        format_text = (buffer.view.format or b"B").decode().lstrip("@=<" if is_little() else "@=>")
        column.kind = KIND_OF_FORMAT.get(format_text, ABSENT)
        # A format letter may mean a long of four bytes with one producer, and of eight with another.
        if buffer.view.ndim != 1 or BYTES_OF_KIND.get(column.kind) != buffer.view.itemsize:
            raise TypeError(f"a column is one row of numbers, not {buffer.view.ndim} of {format_text!r}")
        if buffer.view.shape[0] != self.length or (faults is not None and len(faults) != self.length):
            raise DataError(
                "too_few", "The columns are not of one length; complete them.", line=None, column=name)
        column.data = buffer.data
        column.unit_ns, column.wall = unit_ns, wall
        if faults is not None:
            column.faults = <const uint8_t*><const char*>faults
        if cells is not None:
            self.cells[name] = cells
        self.set_column(ROLES.index(name), column, (buffer, faults))

    cdef int set_column(self, int role, Column column, object owner) except -1:
        """Adds a column of any kind; ``owner`` keeps its memory alive."""
        self.owners.append(owner)
        self.columns[role] = column
        self.has_expiry |= role == EXPIRY
        self.has_factor |= role == FACTOR or role == INDEX
        if column.kind != (I64 if role == TS else F64) or column.valid != NULL or column.faults != NULL:
            self.plain = False
        # A time in nanoseconds is used unchanged, unless it has no zone and ``tz`` is not UTC.
        if role == TS and (column.unit_ns > 1 or (column.wall and self.rules.hours != 0)):
            self.plain = False
        if role > SPY_ASK:
            self.plain = False
        return 0

    cdef Py_ssize_t fill(self, QuoteRow* rows, Py_ssize_t capacity) except -1:
        cdef Py_ssize_t n = 0
        cdef int role
        for role in range(TS, SPY_ASK + 1):
            if self.columns[role].kind == ABSENT and self.length > 0:
                raise BrokenInvariant(f"The rows have no column {ROLES[role]}.")
        while n < capacity and self.at < self.length:
            if self.plain:
                with nogil:
                    n = self.plain_rows(rows, n, capacity)
                if n == capacity or self.at == self.length:
                    break
            n += self.any_row(&rows[n])
        return n

    # Indices stay below the columns' common length; the caller of ``set_column`` guarantees it. ``fill``
    # checks that all needed columns are there. If the length is 0, no row is read.
    @cython.boundscheck(False)
    @cython.wraparound(False)
    cdef Py_ssize_t plain_rows(self, QuoteRow* rows, Py_ssize_t n, Py_ssize_t capacity) noexcept nogil:
        """Reads rows of plain doubles and 64-bit times; stops before the first row that is not plain."""
        cdef const int64_t* ts = <const int64_t*>self.columns[TS].data + self.columns[TS].first
        cdef const double* es_bid = <const double*>self.columns[ES_BID].data + self.columns[ES_BID].first
        cdef const double* es_ask = <const double*>self.columns[2].data + self.columns[2].first
        cdef const double* spy_bid = <const double*>self.columns[3].data + self.columns[3].first
        cdef const double* spy_ask = <const double*>self.columns[SPY_ASK].data + self.columns[SPY_ASK].first
        cdef int64_t last_ns = self.last_ns
        # Without a unit, a number from ``EPOCH_LEAST`` on is nanoseconds; else only NaT is invalid.
        cdef int64_t least = EPOCH_LEAST if self.columns[TS].unit_ns == 0 else -0x7FFFFFFFFFFFFFFFLL
        cdef Py_ssize_t at = self.at, begun = self.at, length = self.length
        cdef double low = LEAST, high = PLAIN_MOST
        cdef bint ordered = self.ordered
        cdef QuoteRow* row
        while n < capacity and at < length:
            if ts[at] < least or (ts[at] < last_ns and ordered):
                break
            # Checks bid >= low, bid <= ask and ask <= high; the other bounds follow from these.
            if not (es_bid[at] >= low and es_bid[at] <= es_ask[at] and es_ask[at] <= high
                    and spy_bid[at] >= low and spy_bid[at] <= spy_ask[at] and spy_ask[at] <= high):
                break
            row = &rows[n]
            row.ts_ns = last_ns = ts[at]
            row.es_bid, row.es_ask = es_bid[at], es_ask[at]
            row.spy_bid, row.spy_ask = spy_bid[at], spy_ask[at]
            n += 1
            at += 1
        self.rows += at - begun
        self.zoned |= at > begun and not self.columns[TS].wall
        self.at = at
        self.last_ns = last_ns
        return n

    cdef int any_row(self, QuoteRow* row) except -1:
        """Reads and counts a row of any kind; returns VALID or SKIPPED."""
        cdef int missing
        self.rows += 1
        try:
            missing = self.read_cells(row)
        except DataError as error:
            if not self.skip_bad or error.kind == "row_number":
                raise
            self.malformed += 1
            self.at += 1
            return SKIPPED
        if row.ts_ns < self.last_ns and self.ordered:
            raise DataError(
                "order", f"{self.where(TS)}: time goes back; sort the data or pass sort=True (--sort).",
                line=self.before + self.at + 1, column=self.called_at(TS),
            )
        self.last_ns = row.ts_ns
        self.at += 1
        if missing:
            self.missing += 1
            return SKIPPED
        if row.es_bid > row.es_ask or row.spy_bid > row.spy_ask:
            self.crossed += 1
            return SKIPPED
        return VALID

    cdef int read_cells(self, QuoteRow* row) except -1:
        """Reads the cells of a row; returns whether a price is missing. Raises for an invalid cell."""
        cdef double[8] price
        cdef bint missing = False
        cdef int role, fault
        if self.time_at(TS, &row.ts_ns) != CELL_OK:
            raise self.fault("not_a_time", TS)
        for role in range(ES_BID, INDEX + 1):
            if role == EXPIRY or self.columns[role].kind == ABSENT:
                continue
            fault = self.number_at(role, &price[role])
            if role == INDEX and self.rows <= LOOKED_AT and fault != CELL_BAD:
                self.row_numbers.saw(
                    price[INDEX], price[ES_BID], where=self.where_row(), line=self.before + self.at + 1)
            if fault == CELL_BAD:
                raise self.fault("not_a_number", role)
            if fault == CELL_OK and not is_price(price[role]):
                raise self.fault("out_of_range", role)
            if fault == CELL_MISSING:
                missing = True
        if not missing:
            row.es_bid, row.es_ask = price[ES_BID], price[ES_BID + 1]
            row.spy_bid, row.spy_ask = price[SPY_ASK - 1], price[SPY_ASK]
            if self.columns[FACTOR].kind != ABSENT:
                row.factor = price[FACTOR]
            elif self.columns[INDEX].kind != ABSENT:
                if not row.es_bid / 2 < price[INDEX] < row.es_bid * 2:
                    raise self.fault("not_an_index", INDEX)
                row.factor = price[INDEX] / ((row.spy_bid + row.spy_ask) / 2)
        if self.has_expiry:
            self.read_expiry(row)
        return missing

    cdef int number_at(self, int role, double* value) except -1:
        """Reads the number in a cell of the current row; returns a CellFault."""
        cdef const Column* column = &self.columns[role]
        cdef Py_ssize_t length = 0
        cdef const unsigned char* text
        cdef int fault
        value[0] = 0.0
        if column.kind == NOTHING or not is_valid(column, self.at):
            return CELL_MISSING
        if column.faults != NULL and column.faults[self.at] != CELL_OK:
            return column.faults[self.at]
        if column.kind >= TEXT:
            text = <const unsigned char*>text_at(column, self.at, &length)
            fault = parse_price(text, length, value)
            return hard_price(text, length, value) if fault == CELL_HARD else fault
        value[0] = number_of(column, self.at)
        # NaN fails both comparisons.
        if 0.0 < value[0] and value[0] <= 1.7976931348623157e308 and not is_undefined(value[0]):
            return CELL_OK
        value[0] = 0.0
        return CELL_MISSING

    cdef int time_at(self, int role, int64_t* ts_ns) except -1:
        """Reads the time in a cell of the current row; returns CELL_OK or another CellFault."""
        cdef const Column* column = &self.columns[role]
        cdef Py_ssize_t length = 0
        cdef const unsigned char* text
        cdef bint zoned = False
        cdef int fault
        cdef int64_t value
        if column.kind == NOTHING or not is_valid(column, self.at):
            return CELL_MISSING
        if column.faults != NULL and column.faults[self.at] != CELL_OK:
            return CELL_BAD
        if role == TS and self.columns[DAY_CLOCK].kind != ABSENT:
            return self.joined_time(ts_ns)
        if column.kind >= TEXT:
            text = <const unsigned char*>text_at(column, self.at, &length)
            fault = parse_ts(text, length, &self.rules, ts_ns, &zoned)
        elif column.kind == F64 or column.kind == F32:
            found = number_text(number_of(column, self.at))
            text = <const unsigned char*>PyBytes_AS_STRING(found)
            fault = parse_ts(text, len(found), &self.rules, ts_ns, &zoned)
        elif column.kind == U64 and (<const uint64_t*>column.data)[column.first + self.at] >> 63:
            return CELL_BAD
        else:
            value = (<int64_t>(<const uint64_t*>column.data)[column.first + self.at] if column.kind == U64
                     else whole_of(column, self.at))
            if column.unit_ns == 0:
                fault = time_of_whole(value, &self.rules, ts_ns, &zoned)
            else:
                zoned = not column.wall
                fault = CELL_OK if scale_time(value, column.unit_ns, ts_ns) else CELL_BAD
                if fault == CELL_OK and column.wall and self.rules.hours != 0:
                    fault = utc_ns_of(ts_ns[0], self.rules.hours, ts_ns)
        if role == TS and fault == CELL_OK:
            self.zoned |= zoned
        return fault

    cdef int joined_time(self, int64_t* ts_ns) except -1:
        """Reads the instant from a date and a time of day in two columns."""
        cdef bint zoned = False
        cdef int fault
        found = (self.part_of(TS) + " " + self.part_of(DAY_CLOCK)).encode()
        fault = parse_ts(
            <const unsigned char*>PyBytes_AS_STRING(found), len(found), &self.rules, ts_ns, &zoned)
        if fault == CELL_OK:
            self.zoned |= zoned
        return fault

    cdef str part_of(self, int role):
        """The text of a date or of a time of day."""
        cdef const Column* column = &self.columns[role]
        cdef Py_ssize_t length = 0
        cdef const char* text
        cdef int64_t value = 0
        if column.kind == NOTHING or not is_valid(column, self.at):
            return ""
        if column.kind >= TEXT:
            text = text_at(column, self.at, &length)
            return PyBytes_FromStringAndSize(text, length).decode("latin-1")
        if column.kind == F64 or column.kind == F32:
            return number_text(number_of(column, self.at)).decode()
        if column.unit_ns == 0:
            return str(whole_of(column, self.at))
        if not scale_time(whole_of(column, self.at), column.unit_ns, &value):
            return ""
        written = iso_time(value)
        return written[:10] if role == TS else written[11:-1]

    cdef int read_expiry(self, QuoteRow* row) except -1:
        cdef const Column* column = &self.columns[EXPIRY]
        cdef Py_ssize_t length = 0
        cdef const char* text
        cdef int64_t value = 0
        if not is_valid(column, self.at) or column.kind == NOTHING:
            raise self.fault("not_a_time", EXPIRY)
        if column.faults != NULL and column.faults[self.at] != CELL_OK:
            raise self.fault("not_a_time", EXPIRY)
        if column.kind >= TEXT:
            text = text_at(column, self.at, &length)
            if self.expiry_text is not None and length == len(self.expiry_text) and memcmp(
                    text, PyBytes_AS_STRING(self.expiry_text), length) == 0:
                row.expiry_ns = self.expiry_ns
                return 0
            found = PyBytes_FromStringAndSize(text, length)
        elif column.kind == F64 or column.kind == F32:
            found = number_text(number_of(column, self.at))
        elif column.unit_ns == 0:
            found = str(number_or_whole(column, self.at)).encode()
        else:
            if not scale_time(whole_of(column, self.at), column.unit_ns, &value):
                raise self.fault("not_a_time", EXPIRY)
            if not column.wall:
                row.expiry_ns = value
                return 0
            found = iso_time(value)[:-1].encode()
        # The expiry of a contract is the same for thousands of rows, so it is cached.
        if found != self.expiry_text:
            try:
                self.expiry_ns = self.expiry_of(found.decode("latin-1"))
            except ArbcoreError as error:
                raise self.fault("not_a_time", EXPIRY) from error
            self.expiry_text = found
        row.expiry_ns = self.expiry_ns
        return 0

    def called_at(self, int role) -> str:
        """The name of a column in errors."""
        return self.names.get(ROLES[role], ROLES[role])

    def where_row(self) -> str:
        """The place of the current row, for an error."""
        row = f"row {self.before + self.at + 1}"
        return f"{self.name}, {row}" if self.name else row[0].upper() + row[1:]

    def where(self, int role) -> str:
        """The place of a cell of the current row, for an error."""
        return f"{self.where_row()}, column {self.called_at(role)}"

    def fault(self, str kind, int role) -> DataError:
        """The error about a cell of the current row."""
        shown, text = self.shown(role)
        if kind == "not_a_time":
            wanted = "is not a date or time" if role == EXPIRY else why_no_time(
                text, tz=self.tz, day_first=self.rules.day_first)
        elif kind == "not_a_number":
            wanted = why_no_number(text)
        elif kind == "not_an_index":
            wanted = f"is no index beside a future at {printable(self.shown(ES_BID)[1], 60)}"
        else:
            wanted = f"is not between {PRICE_MIN:g} and {PRICE_MAX:g}"
        return DataError(
            kind,
            f"{self.where(role)}: {shown} {wanted}; correct it or skip bad rows (--skip-bad).",
            line=self.before + self.at + 1, column=self.called_at(role),
        )

    def shown(self, int role) -> tuple[str, str]:
        """A cell as an error shows it, and its text."""
        cdef const Column* column = &self.columns[role]
        cdef Py_ssize_t length = 0
        cdef const char* text
        if role == TS and self.columns[DAY_CLOCK].kind != ABSENT:
            joined = self.part_of(TS) + " " + self.part_of(DAY_CLOCK)
            return repr(printable(joined, 60)), joined
        if ROLES[role] in self.cells:
            cell = self.cells[ROLES[role]][self.at]
            return printable(repr(cell), 60), str(cell)
        if column.kind == NOTHING or not is_valid(column, self.at):
            return "null", ""
        if column.kind >= TEXT:
            text = text_at(column, self.at, &length)
            found = PyBytes_FromStringAndSize(text, min(length, 400))
            return repr(printable(found, 60)), found.decode("latin-1")
        number = str(number_or_whole(column, self.at))
        return number, number


cdef number_or_whole(const Column* column, int64_t row):
    if column.kind == F64 or column.kind == F32:
        return number_of(column, row)
    if column.kind == U64:
        return (<const uint64_t*>column.data)[column.first + row]
    return whole_of(column, row)


cdef bytes number_text(double value):
    """A number as in a file: the shortest digits that read back as the number, without an exponent."""
    return (str(int(value)) if value == int(value) else repr(value)).encode() if fabs(value) < 1e19 else b""


cdef bint is_little() noexcept:
    cdef uint16_t one = 1
    return (<uint8_t*>&one)[0] == 1
