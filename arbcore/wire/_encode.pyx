"""Writes both directions' messages as compact JSON lines, into a buffer that grows up to a bound.

The C functions do not check their values; the functions for Python check every argument.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from arbcore._fast cimport Level
from arbcore.errors import RunError, UsageError
from arbcore.wire._scan cimport utf8_length
from arbcore.wire._types cimport BUY, MAX_LEVELS, N_SYMBOLS, SELL
from arbcore.wire.instruments import (
    BOOK_LEVELS_MAX, ORDER_ID_MAX, POSITION_MAX, PRICE_MAX, SIZE_MAX, SYMBOL_ID, SYMBOLS, TEAM_LENGTH_MAX,
)

cdef enum:
    NUMBER_BYTES = 20        # the longest int64, sign included
    SYMBOL_BYTES = 8         # a name is copied as this many bytes; the next field overwrites the excess
    LINE_ROOM = 256          # more than the longest line without its texts and levels
    LEVEL_ROOM = 2 * NUMBER_BYTES + 4
    FIRST_CAPACITY = 4096

cdef char SYMBOL_NAME[8][SYMBOL_BYTES]
cdef int SYMBOL_LENGTH[8]
cdef int ALPHABETICAL[8]
cdef char DIGIT_PAIRS[200]
cdef const char* HEX_DIGITS = b"0123456789abcdef"


cdef int _fill_tables() except -1:
    cdef int i, j
    names = [*SYMBOLS, "USD"]
    for i in range(8):
        SYMBOL_LENGTH[i] = len(names[i])
        for j in range(SYMBOL_BYTES):
            SYMBOL_NAME[i][j] = ord(names[i][j]) if j < len(names[i]) else 0
    for i, name in enumerate(sorted(names)):
        ALPHABETICAL[i] = names.index(name)
    for i in range(100):
        DIGIT_PAIRS[2 * i] = 48 + i // 10
        DIGIT_PAIRS[2 * i + 1] = 48 + i % 10
    return 0

_fill_tables()


cdef class OutBuffer:
    """A buffer of bytes to send, at most ``max_bytes`` of them."""

    def __cinit__(self, Py_ssize_t max_bytes=16 * 1024 * 1024):
        if max_bytes < FIRST_CAPACITY:
            raise UsageError(f"max_bytes is {max_bytes}; an output buffer needs at least {FIRST_CAPACITY}")
        self.max_bytes = max_bytes
        self.data = NULL
        self.length = 0
        self._capacity = 0

    def __dealloc__(self):
        free(self.data)

    def __len__(self):
        return self.length

    cdef int reserve(self, Py_ssize_t more) except -1:
        cdef Py_ssize_t wanted = self.length + more
        cdef Py_ssize_t capacity = self._capacity
        cdef char* grown
        if wanted <= capacity:
            return 0
        if more < 0 or wanted > self.max_bytes:
            raise RunError(
                f"The output buffer holds {self.length} bytes and may not grow beyond {self.max_bytes}; "
                "send or drop what is in it first"
            )
        capacity = max(2 * capacity, wanted, <Py_ssize_t>FIRST_CAPACITY)
        capacity = min(capacity, self.max_bytes)
        grown = <char*>realloc(self.data, capacity)
        if grown == NULL:
            raise MemoryError()
        self.data = grown
        self._capacity = capacity
        return 0

    cdef void clear(self) noexcept nogil:
        self.length = 0

    cpdef bytes take(self):
        """Returns the bytes written so far and empties the buffer."""
        cdef bytes taken
        if self.length == 0:
            return b""
        taken = self.data[:self.length]
        self.length = 0
        return taken


# --- pieces: each writes at `at` and returns the position after it. The caller has reserved the room.

cdef inline char* _number(char* at, int64_t value) noexcept nogil:
    cdef char room[NUMBER_BYTES]
    cdef char* digit = room + NUMBER_BYTES
    cdef uint64_t rest = <uint64_t>value
    cdef uint64_t pair
    cdef Py_ssize_t n
    if value < 0:
        at[0] = c"-"
        at += 1
        rest = 0 - rest
    while rest >= 100:
        pair = rest % 100
        rest = rest // 100
        digit -= 2
        memcpy(digit, &DIGIT_PAIRS[2 * pair], 2)
    if rest >= 10:
        digit -= 2
        memcpy(digit, &DIGIT_PAIRS[2 * rest], 2)
    else:
        digit -= 1
        digit[0] = c"0" + <char>rest
    n = room + NUMBER_BYTES - digit
    memcpy(at, digit, n)
    return at + n


cdef inline char* _literal(char* at, const char* text, Py_ssize_t n) noexcept nogil:
    memcpy(at, text, n)
    return at + n


cdef inline char* _symbol(char* at, int symbol) noexcept nogil:
    memcpy(at, SYMBOL_NAME[symbol], SYMBOL_BYTES)
    return at + SYMBOL_LENGTH[symbol]


cdef inline char* _direction(char* at, int side) noexcept nogil:
    if side == BUY:
        return _literal(at, b'","dir":"BUY"', 13)
    return _literal(at, b'","dir":"SELL"', 14)


cdef inline char* _price_size(char* at, int32_t price, int32_t size) noexcept nogil:
    at = _number(_literal(at, b',"price":', 9), price)
    return _size(at, size)


cdef inline char* _size(char* at, int32_t size) noexcept nogil:
    at = _number(_literal(at, b',"size":', 8), size)
    return _literal(at, b"}\n", 2)


cdef char* _text(char* at, const char* text, Py_ssize_t n) noexcept nogil:
    # At most six bytes for each character.
    cdef const char* end = text + n
    cdef unsigned char byte
    cdef int length
    while text < end:
        byte = <unsigned char>text[0]
        length = 1
        if byte == c'"' or byte == c"\\":
            at[0] = c"\\"
            at[1] = text[0]
            at += 2
        elif byte < 0x20:
            at = _literal(at, b"\\u00", 4)
            at[0] = c"1" if byte >= 16 else c"0"
            at[1] = HEX_DIGITS[byte & 15]
            at += 2
        elif byte < 0x80:
            at[0] = text[0]
            at += 1
        else:
            length = utf8_length(text, end)
            if length == 0:
                length = 1
                at = _literal(at, b"\\ufffd", 6)
            else:
                at = _literal(at, text, length)
        text += length
    return at


cdef inline char* _levels(char* at, const Level* levels, int count) noexcept nogil:
    cdef int i
    at[0] = c"["
    at += 1
    for i in range(count):
        if i > 0:
            at[0] = c","
            at += 1
        at[0] = c"["
        at = _number(at + 1, levels[i].price)
        at[0] = c","
        at = _number(at + 1, levels[i].size)
        at[0] = c"]"
        at += 1
    at[0] = c"]"
    return at + 1


# --- client to exchange

cdef int put_hello(OutBuffer out, const char* team, Py_ssize_t n) except -1:
    cdef char* at
    out.reserve(LINE_ROOM + 6 * n)
    at = _literal(out.data + out.length, b'{"type":"hello","team":"', 24)
    at = _literal(_text(at, team, n), b'"}\n', 3)
    out.length = at - out.data
    return 0


cdef int put_add(OutBuffer out, int64_t order_id, int symbol, int side,
                 int32_t price, int32_t size) except -1:
    cdef char* at
    out.reserve(LINE_ROOM)
    at = _number(_literal(out.data + out.length, b'{"type":"add","order_id":', 25), order_id)
    at = _symbol(_literal(at, b',"symbol":"', 11), symbol)
    at = _price_size(_direction(at, side), price, size)
    out.length = at - out.data
    return 0


cdef int put_convert(OutBuffer out, int64_t order_id, int symbol, int side, int32_t size) except -1:
    cdef char* at
    out.reserve(LINE_ROOM)
    at = _number(_literal(out.data + out.length, b'{"type":"convert","order_id":', 29), order_id)
    at = _symbol(_literal(at, b',"symbol":"', 11), symbol)
    at = _size(_direction(at, side), size)
    out.length = at - out.data
    return 0


cdef int _put_id(OutBuffer out, const char* head, Py_ssize_t n, int64_t order_id) except -1:
    cdef char* at
    out.reserve(LINE_ROOM)
    at = _number(_literal(out.data + out.length, head, n), order_id)
    at = _literal(at, b"}\n", 2)
    out.length = at - out.data
    return 0


cdef int put_cancel(OutBuffer out, int64_t order_id) except -1:
    return _put_id(out, b'{"type":"cancel","order_id":', 28, order_id)


# --- exchange to client

cdef int put_hello_positions(OutBuffer out, const int64_t* positions, int64_t cash) except -1:
    cdef char* at
    cdef int i, which
    out.reserve(LINE_ROOM + (N_SYMBOLS + 1) * 64)
    at = _literal(out.data + out.length, b'{"type":"hello","symbols":[', 27)
    for i in range(N_SYMBOLS + 1):
        which = ALPHABETICAL[i]
        at = _symbol(_literal(at, b'{"symbol":"', 11), which)
        at = _literal(at, b'","position":', 13)
        at = _number(at, cash if which == N_SYMBOLS else positions[which])
        at = _literal(at, b"},", 2)
    at = _literal(at - 1, b"]}\n", 3)
    out.length = at - out.data
    return 0


cdef int _put_symbols(OutBuffer out, const char* head, Py_ssize_t n, uint32_t symbol_mask) except -1:
    cdef char* at
    cdef int i, which
    cdef char* opening
    out.reserve(LINE_ROOM)
    at = opening = _literal(out.data + out.length, head, n)
    for i in range(N_SYMBOLS + 1):
        which = ALPHABETICAL[i]
        if which == N_SYMBOLS or not symbol_mask >> which & 1:
            continue
        if at != opening:
            at = _literal(at, b",", 1)
        at = _literal(_symbol(_literal(at, b'"', 1), which), b'"', 1)
    at = _literal(at, b"]}\n", 3)
    out.length = at - out.data
    return 0


cdef int put_open(OutBuffer out, uint32_t symbol_mask) except -1:
    return _put_symbols(out, b'{"type":"open","symbols":[', 26, symbol_mask)


cdef int put_close(OutBuffer out, uint32_t symbol_mask) except -1:
    return _put_symbols(out, b'{"type":"close","symbols":[', 27, symbol_mask)


cdef int put_error(OutBuffer out, const char* text, Py_ssize_t n) except -1:
    cdef char* at
    out.reserve(LINE_ROOM + 6 * n)
    at = _literal(out.data + out.length, b'{"type":"error","error":"', 25)
    at = _literal(_text(at, text, n), b'"}\n', 3)
    out.length = at - out.data
    return 0


cdef int put_book(OutBuffer out, int symbol, const Level* bids,
                  int n_bids, const Level* asks, int n_asks) except -1:
    cdef char* at
    out.reserve(LINE_ROOM + (n_bids + n_asks) * LEVEL_ROOM)
    at = _symbol(_literal(out.data + out.length, b'{"type":"book","symbol":"', 25), symbol)
    at = _levels(_literal(at, b'","buy":', 8), bids, n_bids)
    at = _levels(_literal(at, b',"sell":', 8), asks, n_asks)
    at = _literal(at, b"}\n", 2)
    out.length = at - out.data
    return 0


cdef int put_trade(OutBuffer out, int symbol, int32_t price, int32_t size) except -1:
    cdef char* at
    out.reserve(LINE_ROOM)
    at = _symbol(_literal(out.data + out.length, b'{"type":"trade","symbol":"', 26), symbol)
    at = _price_size(_literal(at, b'"', 1), price, size)
    out.length = at - out.data
    return 0


cdef int put_ack(OutBuffer out, int64_t order_id) except -1:
    return _put_id(out, b'{"type":"ack","order_id":', 25, order_id)


cdef int put_reject(OutBuffer out, int64_t order_id, const char* text, Py_ssize_t n) except -1:
    cdef char* at
    out.reserve(LINE_ROOM + 6 * n)
    at = _number(_literal(out.data + out.length, b'{"type":"reject","order_id":', 28), order_id)
    at = _text(_literal(at, b',"error":"', 10), text, n)
    at = _literal(at, b'"}\n', 3)
    out.length = at - out.data
    return 0


cdef int put_fill(OutBuffer out, int64_t order_id, int symbol, int side,
                  int32_t price, int32_t size) except -1:
    cdef char* at
    out.reserve(LINE_ROOM)
    at = _number(_literal(out.data + out.length, b'{"type":"fill","order_id":', 26), order_id)
    at = _symbol(_literal(at, b',"symbol":"', 11), symbol)
    at = _price_size(_direction(at, side), price, size)
    out.length = at - out.data
    return 0


cdef int put_out(OutBuffer out, int64_t order_id) except -1:
    return _put_id(out, b'{"type":"out","order_id":', 25, order_id)


# --- the Python interface: one line each, every argument checked

cdef int64_t _checked(str name, object value, object low, object high) except? -1:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise UsageError(f"{name} is {value!r}; the protocol allows integers from {low} to {high}")
    return value


cdef int _symbol_id(object symbol) except -1:
    if symbol not in SYMBOL_ID:
        raise UsageError(f"symbol is {symbol!r}; the exchange knows {', '.join(SYMBOLS)}")
    return SYMBOL_ID[symbol]


cdef int _side(object direction) except 0:
    if direction == "BUY":
        return BUY
    if direction == "SELL":
        return SELL
    raise UsageError(f"direction is {direction!r}; it must be BUY or SELL")


cdef uint32_t _mask(object symbols) except? 0:
    cdef uint32_t mask = 0
    for symbol in symbols:
        mask |= <uint32_t>1 << _symbol_id(symbol)
    return mask


cdef int _fill_levels(Level* levels, str name, object pairs) except -1:
    cdef int i
    if len(pairs) > BOOK_LEVELS_MAX:
        raise UsageError(f"{name} has {len(pairs)} levels; a book message holds at most {BOOK_LEVELS_MAX}")
    for i, (price, size) in enumerate(pairs):
        levels[i].price = <int32_t>_checked("price", price, 1, PRICE_MAX)
        levels[i].size = <int32_t>_checked("size", size, 1, SIZE_MAX)
    return <int>len(pairs)


cdef bytes _utf8(str text):
    return text.encode("utf-8", "replace")


def hello(str team not None):
    """The client's first line."""
    cdef OutBuffer out = OutBuffer()
    if not 1 <= len(team) <= TEAM_LENGTH_MAX:
        raise UsageError(f"team is {team!r}; a team's name has 1 to {TEAM_LENGTH_MAX} characters")
    name = _utf8(team)
    put_hello(out, name, len(name))
    return out.take()


def add(order_id, symbol, direction, *, price, size):
    """An add: ``direction`` is BUY or SELL, ``price`` in ticks, ``size`` in shares."""
    cdef OutBuffer out = OutBuffer()
    put_add(out, _checked("order_id", order_id, 0, ORDER_ID_MAX), _symbol_id(symbol), _side(direction),
            <int32_t>_checked("price", price, 1, PRICE_MAX), <int32_t>_checked("size", size, 1, SIZE_MAX))
    return out.take()


def convert(order_id, symbol, direction, *, size):
    """A conversion: BUY receives the ETF or ADR, SELL gives it up."""
    cdef OutBuffer out = OutBuffer()
    put_convert(out, _checked("order_id", order_id, 0, ORDER_ID_MAX), _symbol_id(symbol), _side(direction),
                <int32_t>_checked("size", size, 1, SIZE_MAX))
    return out.take()


def cancel(order_id):
    """The cancel of an order."""
    cdef OutBuffer out = OutBuffer()
    put_cancel(out, _checked("order_id", order_id, 0, ORDER_ID_MAX))
    return out.take()


def hello_positions(positions, cash=0):
    """The exchange's response to a hello: ``positions`` {symbol: shares}, 0 for symbols left out."""
    cdef OutBuffer out = OutBuffer()
    cdef int64_t held[N_SYMBOLS]
    cdef int i
    for i in range(N_SYMBOLS):
        held[i] = 0
    for symbol, position in positions.items():
        held[_symbol_id(symbol)] = _checked("position", position, -POSITION_MAX, POSITION_MAX)
    put_hello_positions(out, held, _checked("cash", cash, -2**63, 2**63 - 1))
    return out.take()


def opened(symbols):
    """The open message: these symbols trade from now on."""
    cdef OutBuffer out = OutBuffer()
    put_open(out, _mask(symbols))
    return out.take()


def closed(symbols):
    """The close message: these symbols no longer trade."""
    cdef OutBuffer out = OutBuffer()
    put_close(out, _mask(symbols))
    return out.take()


def error(str text not None):
    """An error message, for a fault that belongs to no order."""
    cdef OutBuffer out = OutBuffer()
    raw = _utf8(text)
    put_error(out, raw, len(raw))
    return out.take()


def book(symbol, buy, sell):
    """A book: ``buy`` and ``sell`` are [price, size] pairs, best first."""
    cdef OutBuffer out = OutBuffer()
    cdef Level bids[MAX_LEVELS]
    cdef Level asks[MAX_LEVELS]
    cdef int n_bids = _fill_levels(bids, "buy", buy)
    cdef int n_asks = _fill_levels(asks, "sell", sell)
    put_book(out, _symbol_id(symbol), bids, n_bids, asks, n_asks)
    return out.take()


def trade(symbol, price, size):
    """A public trade, between any two participants."""
    cdef OutBuffer out = OutBuffer()
    put_trade(out, _symbol_id(symbol), <int32_t>_checked("price", price, 1, PRICE_MAX),
              <int32_t>_checked("size", size, 1, SIZE_MAX))
    return out.take()


def ack(order_id):
    """An acknowledgement: the order is in the book, or the conversion is done."""
    cdef OutBuffer out = OutBuffer()
    put_ack(out, _checked("order_id", order_id, 0, ORDER_ID_MAX))
    return out.take()


def reject(order_id, str text not None):
    """A reject: the order was refused, with the reason."""
    cdef OutBuffer out = OutBuffer()
    raw = _utf8(text)
    put_reject(out, _checked("order_id", order_id, 0, ORDER_ID_MAX), raw, len(raw))
    return out.take()


def fill(order_id, symbol, direction, *, price, size):
    """A fill of an own order."""
    cdef OutBuffer out = OutBuffer()
    put_fill(out, _checked("order_id", order_id, 0, ORDER_ID_MAX), _symbol_id(symbol), _side(direction),
             <int32_t>_checked("price", price, 1, PRICE_MAX), <int32_t>_checked("size", size, 1, SIZE_MAX))
    return out.take()


def out(order_id):
    """An out: the order is no longer in the book."""
    cdef OutBuffer buffer = OutBuffer()
    put_out(buffer, _checked("order_id", order_id, 0, ORDER_ID_MAX))
    return buffer.take()


def append_cancel(OutBuffer buffer not None, order_id):
    """Appends a cancel to ``buffer``. Raises RunError if the buffer may not grow."""
    put_cancel(buffer, _checked("order_id", order_id, 0, ORDER_ID_MAX))


def append_reject(OutBuffer buffer not None, order_id, str text not None):
    """Appends a reject to ``buffer``. Raises RunError if the buffer may not grow."""
    raw = _utf8(text)
    put_reject(buffer, _checked("order_id", order_id, 0, ORDER_ID_MAX), raw, len(raw))


def escaped(bytes text not None):
    """Returns ``text`` (UTF-8) escaped as the inside of a JSON string."""
    cdef OutBuffer out = OutBuffer()
    cdef const char* raw = text
    out.reserve(6 * len(text))
    return out.data[:_text(out.data, raw, len(text)) - out.data] if len(text) else b""
