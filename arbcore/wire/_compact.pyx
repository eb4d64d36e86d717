"""Decodes the compact spelling that the exchange writes: documented key order, no blanks, no escapes.

It compares bytes literally, in one pass. A line that it does not accept may still be legal: the scanner path
decides that, and names what is wrong with an illegal line.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from arbcore._fast cimport Level
from arbcore.wire._types cimport (
    BUY, MAX_LEVELS, MSG_ACK, MSG_BOOK, MSG_ERROR, MSG_FILL, MSG_OUT, MSG_REJECT, MSG_TRADE, PRICE_END,
    REQ_ADD, REQ_CANCEL, REQ_CONVERT, SELL, Message, Request,
)
from arbcore.wire.instruments import SYMBOLS

cdef enum:
    SYMBOL_SLOTS = 16

cdef uint64_t ORDER_ID_END = <uint64_t>1 << 32


# --- symbols by hash: each name fits in eight bytes with its closing quote, and two bytes identify it.

cdef struct SymbolSlot:
    uint64_t word
    uint64_t mask
    int32_t symbol
    int32_t length

cdef SymbolSlot SYMBOL_SLOT[SYMBOL_SLOTS]


cdef int _fill_symbol_slots() except -1:
    cdef char text[8]
    cdef char mask[8]
    cdef int i, slot, symbol
    for slot in range(SYMBOL_SLOTS):
        SYMBOL_SLOT[slot].word = 1        # no masked word equals 1
        SYMBOL_SLOT[slot].mask = 0
        SYMBOL_SLOT[slot].length = 0
    for symbol, name in enumerate(SYMBOLS):
        spelled = name.encode() + b'"'
        for i in range(8):
            text[i] = spelled[i] if i < len(spelled) else 0
            mask[i] = -1 if i < len(spelled) else 0
        follower = (spelled + b',"')[3]
        slot = (2 * spelled[0] + follower) % SYMBOL_SLOTS
        if SYMBOL_SLOT[slot].length:
            raise ImportError(f"the symbols {SYMBOLS} do not hash apart")
        memcpy(&SYMBOL_SLOT[slot].word, text, 8)
        memcpy(&SYMBOL_SLOT[slot].mask, mask, 8)
        SYMBOL_SLOT[slot].symbol = symbol
        SYMBOL_SLOT[slot].length = len(spelled)
    return 0

_fill_symbol_slots()


# --- the fast path. The byte before `end` is not a digit, so a run of digits never reaches `end`.

cdef inline const char* _fast_symbol(const char* at, const char* end, int32_t* symbol) noexcept nogil:
    cdef uint64_t word
    cdef const SymbolSlot* slot
    if end - at < 8:
        return NULL
    memcpy(&word, at, 8)
    slot = &SYMBOL_SLOT[(2 * <uint8_t>at[0] + <uint8_t>at[3]) % <uint32_t>SYMBOL_SLOTS]
    if (word & slot.mask) != slot.word:
        return NULL
    symbol[0] = slot.symbol
    return at + slot.length


cdef const char* fast_symbol(const char* at, const char* end, int32_t* symbol) noexcept nogil:
    return _fast_symbol(at, end, symbol)


cdef inline const char* _fast_amount(const char* at, int32_t* amount) noexcept nogil:
    # A price or size: 1 to 6 digits, the first not 0, which is exactly the legal range.
    cdef uint32_t digit = <uint8_t>at[0] - <uint32_t>c"0"
    cdef uint32_t total
    cdef const char* limit = at + 6
    if digit - 1 > 8:
        return NULL
    total = digit
    at += 1
    while True:
        digit = <uint8_t>at[0] - <uint32_t>c"0"
        if digit > 9:
            amount[0] = <int32_t>total
            return at
        if at == limit:
            return NULL
        total = total * 10 + digit
        at += 1


cdef inline const char* _fast_price(const char* at, int32_t* price) noexcept nogil:
    # Nearly every price has four digits. They are read as one number, built byte by byte to be the same on
    # every machine. For the test a byte above 9 has its top bit set, or the sum sets it. at[4] is readable.
    cdef uint32_t digits = (
        <uint32_t><uint8_t>at[0] | <uint32_t><uint8_t>at[1] << 8
        | <uint32_t><uint8_t>at[2] << 16 | <uint32_t><uint8_t>at[3] << 24
    ) ^ <uint32_t>0x30303030
    if ((digits + <uint32_t>0x76767676) | digits) & <uint32_t>0x80808080 or at[4] != c",":
        return _fast_amount(at, price)
    if digits & 0xFF == 0:
        return NULL
    digits = digits * 10 + (digits >> 8)
    price[0] = <int32_t>((digits & 0xFF) * 100 + (digits >> 16 & 0xFF))
    return at + 4


cdef inline const char* _fast_size(const char* at, int32_t* size) noexcept nogil:
    # Whether a size has one digit or two is unpredictable, so arithmetic replaces a branch.
    cdef uint32_t first = <uint8_t>(at[0] - c"0")
    cdef uint32_t second = <uint8_t>(at[1] - c"0")
    cdef uint32_t two = (second - 10) >> 31
    if first - 1 > 8:
        return NULL
    if <uint8_t>(at[1 + two] - c"0") <= 9:
        return _fast_amount(at, size)
    size[0] = <int32_t>(first + two * (9 * first + second))
    return at + 1 + two


cdef inline const char* _fast_order_id(const char* at, int64_t* order_id) noexcept nogil:
    cdef uint32_t digit = <uint8_t>at[0] - <uint32_t>c"0"
    cdef uint64_t total
    cdef const char* limit = at + 10
    if digit > 9:
        return NULL
    total = digit
    at += 1
    if total == 0:
        # A number that begins with 0 has one digit; "05" is not a JSON number.
        if <uint8_t>at[0] - <uint32_t>c"0" <= 9:
            return NULL
        order_id[0] = 0
        return at
    while True:
        digit = <uint8_t>at[0] - <uint32_t>c"0"
        if digit > 9:
            break
        if at == limit:
            return NULL
        total = total * 10 + digit
        at += 1
    if total >= ORDER_ID_END:
        return NULL
    order_id[0] = <int64_t>total
    return at


cdef inline const char* _fast_levels(const char* at, const char* end, Level* levels, int32_t* count,
                                     int best) noexcept nogil:
    # `best` is +1 if the highest price comes first, -1 if the lowest does.
    cdef int32_t n = 0
    cdef int32_t price = 0, size = 0
    cdef int32_t last = PRICE_END if best > 0 else 0
    if at[0] != c"[":
        return NULL
    at += 1
    if at[0] == c"]":
        count[0] = 0
        return at + 1
    while True:
        # The shortest possible rest of a line from here is [1,1]]}
        if at[0] != c"[" or n == MAX_LEVELS or end - at < 7:
            return NULL
        at = _fast_price(at + 1, &price)
        if at == NULL or at[0] != c",":
            return NULL
        at = _fast_size(at + 1, &size)
        if at == NULL or at[0] != c"]":
            return NULL
        if (price - last) * best > 0:
            return NULL
        last = price
        levels[n].price = price
        levels[n].size = size
        n += 1
        at += 1
        if at[0] == c",":
            at += 1
        elif at[0] == c"]":
            count[0] = n
            return at + 1
        else:
            return NULL


cdef inline const char* _fast_symbol_side(const char* at, const char* end, int32_t* symbol,
                                          int32_t* side) noexcept nogil:
    # The middle of a fill, an add and a convert: ,"symbol":"BOND","dir":"SELL"
    if end - at < 20 or memcmp(at, b',"symbol":"', 11) != 0:
        return NULL
    at = _fast_symbol(at + 11, end, symbol)
    if at == NULL or end - at < 20 or memcmp(at, b',"dir":"', 8) != 0:
        return NULL
    if memcmp(at + 8, b'BUY"', 4) == 0:
        side[0] = BUY
        return at + 12
    if memcmp(at + 8, b'SELL"', 5) == 0:
        side[0] = SELL
        return at + 13
    return NULL


cdef inline const char* _fast_last_size(const char* at, const char* end, int32_t* size) noexcept nogil:
    if end - at < 10 or memcmp(at, b',"size":', 8) != 0:
        return NULL
    return _fast_size(at + 8, size)


cdef inline const char* _fast_price_size(const char* at, const char* end, int32_t* price,
                                         int32_t* size) noexcept nogil:
    # The end of a trade, a fill and an add: ,"price":4106,"size":1}
    if end - at < 20 or memcmp(at, b',"price":', 9) != 0:
        return NULL
    at = _fast_price(at + 9, price)
    if at == NULL:
        return NULL
    return _fast_last_size(at, end, size)


cdef inline const char* _fast_text(const char* at, const char* end, Message* out) noexcept nogil:
    # Reads printable ASCII without escapes up to its closing quote.
    out.text = at
    # The cast is needed because plain char is signed on some machines only.
    while at < end and 0x20 <= <uint8_t>at[0] < 0x80 and at[0] != c'"' and at[0] != c"\\":
        at += 1
    if at >= end or at[0] != c'"':
        return NULL
    out.text_length = at - out.text
    return at + 1


cdef inline const char* _fast_body(const char* line, const char* end, Message* out) noexcept nogil:
    # The line starts with {"type":" and has at least 26 bytes. Returns one past the last field, or NULL.
    cdef const char* at
    if line[9] == c"b":
        if memcmp(line + 9, b'book","symbol":"', 16) != 0:
            return NULL
        at = _fast_symbol(line + 25, end, &out.symbol)
        if at == NULL or end - at < 20 or memcmp(at, b',"buy":', 7) != 0:
            return NULL
        at = _fast_levels(at + 7, end, out.bids, &out.n_bids, 1)
        if at == NULL or end - at < 11 or memcmp(at, b',"sell":', 8) != 0:
            return NULL
        out.kind = MSG_BOOK
        out.deep = False    # the scanner path reads deeper books
        return _fast_levels(at + 8, end, out.asks, &out.n_asks, -1)
    if line[9] == c"t":
        if memcmp(line + 9, b'trade","symbol":"', 17) != 0:
            return NULL
        at = _fast_symbol(line + 26, end, &out.symbol)
        if at == NULL:
            return NULL
        out.kind = MSG_TRADE
        return _fast_price_size(at, end, &out.price, &out.size)
    if line[9] == c"a":
        if memcmp(line + 9, b'ack","order_id":', 16) != 0:
            return NULL
        out.kind = MSG_ACK
        return _fast_order_id(line + 25, &out.order_id)
    if line[9] == c"o":
        if memcmp(line + 9, b'out","order_id":', 16) != 0:
            return NULL
        out.kind = MSG_OUT
        return _fast_order_id(line + 25, &out.order_id)
    return NULL


cdef const char* _fast_rarer(const char* line, const char* end, Message* out) noexcept nogil:
    cdef const char* at
    if line[9] == c"f":
        if end - line < 30 or memcmp(line + 9, b'fill","order_id":', 17) != 0:
            return NULL
        at = _fast_order_id(line + 26, &out.order_id)
        if at == NULL:
            return NULL
        at = _fast_symbol_side(at, end, &out.symbol, &out.side)
        if at == NULL:
            return NULL
        out.kind = MSG_FILL
        return _fast_price_size(at, end, &out.price, &out.size)
    if line[9] == c"r":
        if end - line < 32 or memcmp(line + 9, b'reject","order_id":', 19) != 0:
            return NULL
        at = _fast_order_id(line + 28, &out.order_id)
        if at == NULL or end - at < 12 or memcmp(at, b',"error":"', 10) != 0:
            return NULL
        out.kind = MSG_REJECT
        return _fast_text(at + 10, end, out)
    if line[9] == c"e":
        if memcmp(line + 9, b'error","error":"', 16) != 0:
            return NULL
        out.kind = MSG_ERROR
        return _fast_text(line + 25, end, out)
    return NULL


cdef const char* compact_message(const char* line, const char* end, Message* out) noexcept nogil:
    cdef const char* at
    if end - line < 26 or memcmp(line, b'{"type":"', 9) != 0:
        return NULL
    at = _fast_body(line, end, out)
    if at == NULL:
        at = _fast_rarer(line, end, out)
    if at == NULL or at == end or at[0] != c"}":
        return NULL
    return at + 1


cdef bint compact_request(const char* line, Py_ssize_t length, Request* out) noexcept nogil:
    cdef const char* at
    cdef const char* last = line + length - 1
    if length < 30 or last[0] != c"}" or memcmp(line, b'{"type":"', 9) != 0:
        return False
    if memcmp(line + 9, b'cancel","order_id":', 19) == 0:
        out.kind = REQ_CANCEL
        return _fast_order_id(line + 28, &out.order_id) == last
    if memcmp(line + 9, b'add","order_id":', 16) == 0:
        out.kind = REQ_ADD
        at = line + 25
    elif memcmp(line + 9, b'convert","order_id":', 20) == 0:
        out.kind = REQ_CONVERT
        at = line + 29
    else:
        return False
    at = _fast_order_id(at, &out.order_id)
    if at == NULL:
        return False
    at = _fast_symbol_side(at, last + 1, &out.symbol, &out.side)
    if at == NULL:
        return False
    if out.kind == REQ_ADD:
        return _fast_price_size(at, last + 1, &out.price, &out.size) == last
    return _fast_last_size(at, last + 1, &out.size) == last
