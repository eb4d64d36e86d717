"""Decodes the exchange's messages: takes one line, gives one Message or one Fault.

Two paths have the same result: the compact one (``_compact``) takes the spelling that the exchange writes;
the scanner path in this module takes every legal spelling and names the fault of an illegal line.
``reference/wire.py`` specifies the meaning of each line. This module knows no market and no order.
"""

from libc.stdint cimport INT64_MAX, INT64_MIN, int32_t, int64_t, uint32_t
from libc.string cimport memcmp

from arbcore._fast cimport Level
from arbcore.errors import WireError
from arbcore.wire cimport _scan
from arbcore.wire._compact cimport compact_message
from arbcore.wire._fields cimport (
    CASH, read_amount, read_name, read_number, read_order_id, read_side, read_symbol, read_text,
)
from arbcore.wire._lines cimport LineSplitter, line_ahead, pass_line
from arbcore.wire._scan cimport (
    FIELD_BUY, FIELD_DIR, FIELD_ERROR, FIELD_ORDER_ID, FIELD_POSITION, FIELD_PRICE, FIELD_SELL, FIELD_SIZE,
    FIELD_SYMBOL, FIELD_SYMBOLS, FIELD_TYPE, N_FIELDS, SHORT_TEXT, VALUE_ARRAY, VALUE_NONE, VALUE_NUMBER,
    VALUE_OBJECT, VALUE_STRING, Scan, Value, scan_line, scan_object, scan_value, short_text, skip_blank,
)
from arbcore.wire._types cimport (
    BOND, BUY, FAULT_BAD_BOOK, FAULT_MISSING_FIELD, FAULT_NO_TYPE, FAULT_NONE, FAULT_OVERSIZED,
    FAULT_UNKNOWN_TYPE, FAULT_WRONG_TYPE, GS, LINE_BYTES_DEFAULT, MAX_LEVELS, MS, MSG_ACK, MSG_BOOK,
    MSG_CLOSE, MSG_ERROR, MSG_FILL, MSG_HELLO, MSG_OPEN, MSG_OUT, MSG_REJECT, MSG_TRADE, N_SYMBOLS, PRICE_END,
    SELL, VALBZ, VALE, WFC, XLF, Message,
)
from arbcore.wire.instruments import POSITION_MAX as _POSITION_MAX
from arbcore.wire.instruments import SYMBOLS

#: Short stable name of each fault; the index is the fault's number.
FAULT_NAMES = (
    "none", "not_json", "not_object", "too_deep", "no_type", "unknown_type", "missing_field", "wrong_type",
    "out_of_range", "unknown_symbol", "bad_direction", "bad_book", "oversized",
)

KIND_NAMES = ("", "hello", "open", "close", "error", "book", "trade", "ack", "reject", "fill", "out")

cdef int64_t POSITION_MAX = _POSITION_MAX


cdef int decode_message(const char* line, Py_ssize_t length, Message* out) noexcept nogil:
    if length > 0 and line[length - 1] == c"}" and compact_message(line, line + length, out) == line + length:
        return FAULT_NONE
    return _decode_any(line, length, out)


# Nearly every line is compact, and its decoder finds the end, so there is no search for the newline.
cdef int next_message(LineSplitter lines, Message* out, const char** line, Py_ssize_t* length) noexcept nogil:
    cdef const char* end
    cdef const char* after
    cdef const char* start = line_ahead(lines, &end)
    if start != NULL:
        after = compact_message(start, end, out)
        if after != NULL and after[0] == c"\n" and pass_line(lines, after):
            return FAULT_NONE
    while lines.next(line, length):
        if length[0] > 0:
            return decode_message(line[0], length[0], out)
    return NO_LINE


cdef const char* _next_element(Scan* scan, const char* at, Value* element) noexcept nogil:
    # Finds the next element of an array known to be legal. `at` is the array's bracket or this function's
    # last result; returns NULL at the array's end.
    at = skip_blank(at + 1, scan.end)
    if at[0] == c"]":
        return NULL
    at = scan_value(scan, at, 0, element)
    return skip_blank(at, scan.end)


cdef int _read_level(const Value* pair, Level* level) noexcept nogil:
    cdef Scan scan
    cdef Value price, size
    cdef const char* at
    cdef int fault
    if pair.kind != VALUE_ARRAY:
        return FAULT_WRONG_TYPE
    scan.end = pair.end
    scan.too_deep_at = NULL
    at = _next_element(&scan, pair.start, &price)
    if at == NULL or at[0] == c"]":
        return FAULT_WRONG_TYPE
    at = _next_element(&scan, at, &size)
    if at[0] != c"]":
        return FAULT_WRONG_TYPE
    fault = read_amount(&price, &level.price)
    if fault == FAULT_NONE:
        fault = read_amount(&size, &level.size)
    return fault


cdef inline const char* _past_blank(const char* at) noexcept nogil:
    # Skips blanks inside a value that the scanner has accepted, where another character always follows.
    while at[0] == c" " or at[0] == c"\n" or at[0] == c"\r" or at[0] == c"\t":
        at += 1
    return at


cdef inline const char* _plain_amount(const char* at, int32_t* amount) noexcept nogil:
    # Reads up to 6 digits, the first not 0, and the blanks after them; returns NULL for any other spelling.
    cdef int32_t total = 0
    cdef const char* limit = at + 6
    if not c"1" <= at[0] <= c"9":
        return NULL
    while c"0" <= at[0] <= c"9":
        if at == limit:
            return NULL
        total = total * 10 + (at[0] - c"0")
        at += 1
    amount[0] = total
    return _past_blank(at)


cdef inline const char* _plain_level(const char* at, Level* level) noexcept nogil:
    # Reads a pair spelled with plain digits, as nearly all are; returns one past it, or NULL.
    if at[0] != c"[":
        return NULL
    at = _plain_amount(_past_blank(at + 1), &level.price)
    if at == NULL or at[0] != c",":
        return NULL
    at = _plain_amount(_past_blank(at + 1), &level.size)
    if at == NULL or at[0] != c"]":
        return NULL
    return at + 1


# Levels beyond MAX_LEVELS are checked like the others but dropped; `deep` is set if there were any.
cdef int _read_levels(const Value* side, Level* levels, int32_t* count, int best, bint* deep) noexcept nogil:
    cdef Scan scan
    cdef Value pair
    cdef Level level
    cdef const char* at
    cdef const char* after
    cdef int fault, n = 0
    cdef int32_t last = 0
    if side.kind == VALUE_NONE:
        return FAULT_MISSING_FIELD
    if side.kind != VALUE_ARRAY:
        return FAULT_WRONG_TYPE
    scan.end = side.end
    scan.too_deep_at = NULL
    at = _past_blank(side.start + 1)
    while at[0] != c"]":
        after = _plain_level(at, &level)
        if after == NULL:
            after = scan_value(&scan, at, 0, &pair)
            fault = _read_level(&pair, &level)
            if fault != FAULT_NONE:
                return fault
        if last > 0 and (level.price - last) * best > 0:
            return FAULT_BAD_BOOK
        last = level.price
        if n < MAX_LEVELS:
            levels[n] = level
            n += 1
        else:
            deep[0] = True
        at = _past_blank(after)
        if at[0] == c",":
            at = _past_blank(at + 1)
    count[0] = n
    return FAULT_NONE


cdef int _read_symbol_list(const Value* symbols, uint32_t* mask) noexcept nogil:
    cdef Scan scan
    cdef Value element
    cdef const char* at
    cdef int fault, symbol = -1
    mask[0] = 0
    if symbols.kind == VALUE_NONE:
        return FAULT_MISSING_FIELD
    if symbols.kind != VALUE_ARRAY:
        return FAULT_WRONG_TYPE
    scan.end = symbols.end
    scan.too_deep_at = NULL
    at = symbols.start
    while True:
        at = _next_element(&scan, at, &element)
        if at == NULL:
            return FAULT_NONE
        fault = read_name(&element, &symbol)
        if fault != FAULT_NONE:
            return fault
        if 0 <= symbol < N_SYMBOLS:
            mask[0] |= <uint32_t>1 << symbol
        if at[0] == c"]":
            return FAULT_NONE


cdef int _read_position(const Value* entry, Message* out) noexcept nogil:
    cdef Scan scan
    cdef Value fields[N_FIELDS]
    cdef int fault, symbol = -1
    cdef int64_t position = 0
    if entry.kind != VALUE_OBJECT:
        return FAULT_WRONG_TYPE
    scan.end = entry.end
    scan.too_deep_at = NULL
    scan_object(&scan, entry.start, 0, fields)
    fault = read_name(&fields[FIELD_SYMBOL], &symbol)
    if fault != FAULT_NONE:
        return fault
    if symbol == CASH:
        return read_number(&fields[FIELD_POSITION], INT64_MIN, INT64_MAX, &out.cash)
    if symbol < 0:
        # A symbol that is not one of the seven may have any position, but its entry also needs both keys.
        if fields[FIELD_POSITION].kind == VALUE_NONE:
            return FAULT_MISSING_FIELD
        return FAULT_NONE if fields[FIELD_POSITION].kind == VALUE_NUMBER else FAULT_WRONG_TYPE
    fault = read_number(&fields[FIELD_POSITION], -POSITION_MAX, POSITION_MAX, &position)
    if fault == FAULT_NONE:
        out.positions[symbol] = position
        out.symbol_mask |= <uint32_t>1 << symbol
    return fault


cdef int _read_positions(const Value* symbols, Message* out) noexcept nogil:
    cdef Scan scan
    cdef Value entry
    cdef const char* at
    cdef int fault, i
    out.symbol_mask = 0
    out.cash = 0
    for i in range(N_SYMBOLS):
        out.positions[i] = 0
    if symbols.kind == VALUE_NONE:
        return FAULT_MISSING_FIELD
    if symbols.kind != VALUE_ARRAY:
        return FAULT_WRONG_TYPE
    scan.end = symbols.end
    scan.too_deep_at = NULL
    at = symbols.start
    while True:
        at = _next_element(&scan, at, &entry)
        if at == NULL:
            return FAULT_NONE
        fault = _read_position(&entry, out)
        if fault != FAULT_NONE:
            return fault
        if at[0] == c"]":
            return FAULT_NONE


cdef int _kind_of(const Value* type_field) noexcept nogil:
    cdef char room[SHORT_TEXT]
    cdef Py_ssize_t n
    cdef const char* text = short_text(type_field, room, &n)
    if n == 3:
        if memcmp(text, b"ack", 3) == 0:
            return MSG_ACK
        if memcmp(text, b"out", 3) == 0:
            return MSG_OUT
    elif n == 4:
        if memcmp(text, b"book", 4) == 0:
            return MSG_BOOK
        if memcmp(text, b"fill", 4) == 0:
            return MSG_FILL
        if memcmp(text, b"open", 4) == 0:
            return MSG_OPEN
    elif n == 5:
        if memcmp(text, b"trade", 5) == 0:
            return MSG_TRADE
        if memcmp(text, b"hello", 5) == 0:
            return MSG_HELLO
        if memcmp(text, b"close", 5) == 0:
            return MSG_CLOSE
        if memcmp(text, b"error", 5) == 0:
            return MSG_ERROR
    elif n == 6 and memcmp(text, b"reject", 6) == 0:
        return MSG_REJECT
    return 0


cdef int _read_market(const Value* fields, Message* out) noexcept nogil:
    # book and trade
    cdef int fault = read_symbol(&fields[FIELD_SYMBOL], &out.symbol)
    if fault != FAULT_NONE:
        return fault
    if out.kind == MSG_TRADE:
        return _read_price_size(fields, out)
    out.deep = False
    fault = _read_levels(&fields[FIELD_BUY], out.bids, &out.n_bids, 1, &out.deep)
    if fault != FAULT_NONE:
        return fault
    return _read_levels(&fields[FIELD_SELL], out.asks, &out.n_asks, -1, &out.deep)


cdef int _read_price_size(const Value* fields, Message* out) noexcept nogil:
    cdef int fault = read_amount(&fields[FIELD_PRICE], &out.price)
    if fault != FAULT_NONE:
        return fault
    return read_amount(&fields[FIELD_SIZE], &out.size)


cdef int _read_order(const Value* fields, Message* out) noexcept nogil:
    # ack, out, reject and fill
    cdef int fault = read_order_id(&fields[FIELD_ORDER_ID], &out.order_id)
    if fault != FAULT_NONE or out.kind == MSG_ACK or out.kind == MSG_OUT:
        return fault
    if out.kind == MSG_REJECT:
        return read_text(&fields[FIELD_ERROR], &out.text, &out.text_length)
    fault = read_symbol(&fields[FIELD_SYMBOL], &out.symbol)
    if fault != FAULT_NONE:
        return fault
    fault = read_side(&fields[FIELD_DIR], &out.side)
    if fault != FAULT_NONE:
        return fault
    return _read_price_size(fields, out)


cdef int _decode_any(const char* line, Py_ssize_t length, Message* out) noexcept nogil:
    cdef Value fields[N_FIELDS]
    cdef int fault = scan_line(line, length, fields)
    if fault != FAULT_NONE:
        return fault
    if fields[FIELD_TYPE].kind != VALUE_STRING:
        return FAULT_NO_TYPE
    out.kind = _kind_of(&fields[FIELD_TYPE])
    if out.kind == 0:
        return FAULT_UNKNOWN_TYPE
    if out.kind == MSG_BOOK or out.kind == MSG_TRADE:
        return _read_market(fields, out)
    if out.kind == MSG_HELLO:
        return _read_positions(&fields[FIELD_SYMBOLS], out)
    if out.kind == MSG_CLOSE and fields[FIELD_SYMBOLS].kind == VALUE_NONE:
        # A close that names no symbol closes all of them.
        out.symbol_mask = (1u << N_SYMBOLS) - 1
        return FAULT_NONE
    if out.kind == MSG_OPEN or out.kind == MSG_CLOSE:
        return _read_symbol_list(&fields[FIELD_SYMBOLS], &out.symbol_mask)
    if out.kind == MSG_ERROR:
        return read_text(&fields[FIELD_ERROR], &out.text, &out.text_length)
    return _read_order(fields, out)


# --- the Python interface

cpdef str text_of(const char* text, Py_ssize_t length):
    return _scan.text_of(text, length)


FAULT_SENTENCES = {
    "not_json": "is not one JSON value in UTF-8",
    "not_object": "is JSON but not an object",
    "too_deep": "is nested more than 32 deep",
    "no_type": 'has no "type" that is a string',
    "unknown_type": 'has a "type" that the protocol does not know',
    "missing_field": "lacks a field that its type must have",
    "wrong_type": "has a field of the wrong JSON type",
    "out_of_range": "has a number outside the protocol's range",
    "unknown_symbol": "names a symbol that is not one of the seven",
    "bad_direction": 'has a "dir" that is neither BUY nor SELL',
    "bad_book": "has a book that is not best price first",
    "oversized": "is longer than the bound on a line",
}


def fault_error(str kind, bytes line, str source="the other side"):
    """The WireError for a fault: it names the sender and the fault, and shows the beginning of the line."""
    shown = repr(line[:80].decode("ascii", "backslashreplace"))
    more = "..." if len(line) > 80 else ""
    return WireError(kind, f"A line from {source} {FAULT_SENTENCES[kind]} and was ignored: {shown}{more}")


cdef dict _as_dict(const Message* message):
    kind = KIND_NAMES[message.kind]
    found = {"type": kind}
    if message.kind == MSG_HELLO:
        found["positions"] = {
            SYMBOLS[i]: message.positions[i] for i in range(N_SYMBOLS) if message.symbol_mask >> i & 1
        }
        found["cash"] = message.cash
        return found
    if message.kind == MSG_OPEN or message.kind == MSG_CLOSE:
        found["symbols"] = [SYMBOLS[i] for i in range(N_SYMBOLS) if message.symbol_mask >> i & 1]
        return found
    if message.kind in (MSG_ACK, MSG_REJECT, MSG_FILL, MSG_OUT):
        found["order_id"] = message.order_id
    if message.kind in (MSG_BOOK, MSG_TRADE, MSG_FILL):
        found["symbol"] = SYMBOLS[message.symbol]
    if message.kind == MSG_BOOK:
        found["buy"] = [[message.bids[i].price, message.bids[i].size] for i in range(message.n_bids)]
        found["sell"] = [[message.asks[i].price, message.asks[i].size] for i in range(message.n_asks)]
        if message.deep:
            found["deep"] = True
    if message.kind == MSG_FILL:
        found["dir"] = "BUY" if message.side == BUY else "SELL"
    if message.kind in (MSG_TRADE, MSG_FILL):
        found["price"] = message.price
        found["size"] = message.size
    if message.kind in (MSG_ERROR, MSG_REJECT):
        found["error"] = text_of(message.text, message.text_length)
    return found


def decode(bytes line not None):
    """One line from the exchange as a dict in canonical form. Raises WireError if it is not a legal message.

    A hello is ``{"type": "hello", "positions": {symbol: n}, "cash": n}``. Every other message has the
    protocol's own keys. A book of more than 15 levels a side has the best 15 and ``"deep": True``. Symbols
    come in the order of ``instruments.SYMBOLS``.
    """
    cdef Message message
    cdef int fault = decode_message(line, len(line), &message)
    if fault != FAULT_NONE:
        raise fault_error(FAULT_NAMES[fault], line, "the exchange")
    return _as_dict(&message)


def count_messages(const unsigned char[::1] data not None, *, LineSplitter splitter=None):
    """Counts the messages of each type and the faults of each kind in ``data``, without an object for each.

    With a ``splitter``, lines may span calls. Empty lines are not counted.
    """
    cdef const char* line
    cdef Py_ssize_t length
    cdef Message message
    cdef int fault, i
    cdef int64_t kinds[MSG_OUT + 1]
    cdef int64_t faults[FAULT_OVERSIZED + 1]
    cdef int64_t oversized_before
    if splitter is None:
        splitter = LineSplitter()
    oversized_before = splitter.oversized
    for i in range(MSG_OUT + 1):
        kinds[i] = 0
    for i in range(FAULT_OVERSIZED + 1):
        faults[i] = 0
    if data.shape[0] > 0:
        splitter.feed(<const char*>&data[0], data.shape[0])
        with nogil:
            while True:
                fault = next_message(splitter, &message, &line, &length)
                if fault == NO_LINE:
                    break
                if fault == FAULT_NONE:
                    kinds[message.kind] += 1
                else:
                    faults[fault] += 1
    faults[<int>FAULT_OVERSIZED] = splitter.oversized - oversized_before
    found = {KIND_NAMES[i]: kinds[i] for i in range(1, MSG_OUT + 1) if kinds[i]}
    found.update((FAULT_NAMES[i], faults[i]) for i in range(1, FAULT_OVERSIZED + 1) if faults[i])
    return found


def type_constants():
    """The constants of ``_types.pxd`` by name; a test compares them with ``instruments``."""
    return {
        "BOND": BOND, "VALBZ": VALBZ, "VALE": VALE, "GS": GS, "MS": MS, "WFC": WFC, "XLF": XLF,
        "SELL": SELL, "BUY": BUY, "N_SYMBOLS": N_SYMBOLS, "MAX_LEVELS": MAX_LEVELS, "PRICE_END": PRICE_END,
        "LINE_BYTES_DEFAULT": LINE_BYTES_DEFAULT,
    }
