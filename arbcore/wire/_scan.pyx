"""Scans any legal JSON spelling of one object: checks that all of it is JSON and finds its known fields.

It is strict (RFC 8259, and UTF-8), bounded in depth, allocates nothing, and never reads beyond the line's
end. It knows the protocol's keys, but not which message has which, nor which values are legal.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp

from arbcore.wire._types cimport FAULT_NONE, FAULT_NOT_JSON, FAULT_NOT_OBJECT, FAULT_TOO_DEEP

cdef enum:
    PLAIN = 0
    QUOTE = 1
    BACKSLASH = 2
    CONTROL = 3
    WIDE = 4

cdef uint8_t BYTE_CLASS[256]

cdef void _fill_byte_classes() noexcept:
    cdef int byte
    for byte in range(256):
        BYTE_CLASS[byte] = CONTROL if byte < 0x20 else WIDE if byte >= 0x80 else PLAIN
    BYTE_CLASS[<int>c'"'] = QUOTE
    BYTE_CLASS[<int>c"\\"] = BACKSLASH

_fill_byte_classes()


cdef inline bint _is_digit(char c) noexcept nogil:
    return <uint8_t>(c - c"0") <= 9


cdef inline int _hex_digit(char c) noexcept nogil:
    if c"0" <= c <= c"9":
        return c - c"0"
    if c"a" <= c <= c"f":
        return c - c"a" + 10
    if c"A" <= c <= c"F":
        return c - c"A" + 10
    return -1


cdef inline const char* _skip_blank(const char* at, const char* end) noexcept nogil:
    while at < end and (at[0] == c" " or at[0] == c"\n" or at[0] == c"\r" or at[0] == c"\t"):
        at += 1
    return at


cdef const char* skip_blank(const char* at, const char* end) noexcept nogil:
    return _skip_blank(at, end)


cdef int utf8_length(const char* at, const char* end) noexcept nogil:
    cdef const uint8_t* b = <const uint8_t*>at
    cdef Py_ssize_t room = end - at
    if b[0] < 0xC2 or b[0] > 0xF4 or room < 2 or (b[1] & 0xC0) != 0x80:
        return 0
    if b[0] < 0xE0:
        return 2
    if room < 3 or (b[2] & 0xC0) != 0x80:
        return 0
    if b[0] < 0xF0:
        if (b[0] == 0xE0 and b[1] < 0xA0) or (b[0] == 0xED and b[1] > 0x9F):
            return 0
        return 3
    if room < 4 or (b[3] & 0xC0) != 0x80:
        return 0
    if (b[0] == 0xF0 and b[1] < 0x90) or (b[0] == 0xF4 and b[1] > 0x8F):
        return 0
    return 4


cdef bint _is_utf8(const char* at, const char* end) noexcept nogil:
    cdef int length
    while at < end:
        if <uint8_t>at[0] < 0x80:
            at += 1
            continue
        length = utf8_length(at, end)
        if length == 0:
            return False
        at += length
    return True


cdef const char* escape_end(const char* at, const char* end) noexcept nogil:
    # `at` is the backslash; returns one past the escape, or NULL.
    cdef int i
    if end - at < 2:
        return NULL
    if at[1] == c"u":
        if end - at < 6:
            return NULL
        for i in range(2, 6):
            if _hex_digit(at[i]) < 0:
                return NULL
        return at + 6
    if (at[1] == c'"' or at[1] == c"\\" or at[1] == c"/" or at[1] == c"b" or at[1] == c"f"
            or at[1] == c"n" or at[1] == c"r" or at[1] == c"t"):
        return at + 2
    return NULL


cdef inline const char* _scan_string(const char* at, const char* end, Value* value) noexcept nogil:
    # `at` is the first byte after the opening quote.
    cdef int kind, length
    value.kind = VALUE_STRING
    value.escaped = False
    value.start = at
    while at < end:
        kind = BYTE_CLASS[<uint8_t>at[0]]
        if kind == PLAIN:
            at += 1
        elif kind == QUOTE:
            value.end = at
            return at + 1
        elif kind == BACKSLASH:
            value.escaped = True
            at = escape_end(at, end)
            if at == NULL:
                return NULL
        elif kind == WIDE:
            length = utf8_length(at, end)
            if length == 0:
                return NULL
            at += length
        else:
            return NULL
    return NULL


cdef inline const char* _skip_digits(const char* at, const char* end) noexcept nogil:
    while at < end and _is_digit(at[0]):
        at += 1
    return at


cdef inline const char* _scan_number(const char* at, const char* end, Value* value) noexcept nogil:
    cdef const char* digits
    value.kind = VALUE_NUMBER
    value.start = at
    if at[0] == c"-":
        at += 1
    digits = at
    at = _skip_digits(at, end)
    if at == digits or (digits[0] == c"0" and at - digits > 1):
        return NULL
    if at < end and at[0] == c".":
        digits = at + 1
        at = _skip_digits(digits, end)
        if at == digits:
            return NULL
    if at < end and (at[0] == c"e" or at[0] == c"E"):
        at += 1
        if at < end and (at[0] == c"+" or at[0] == c"-"):
            at += 1
        digits = at
        at = _skip_digits(at, end)
        if at == digits:
            return NULL
    value.end = at
    return at


cdef const char* _scan_word(const char* at, const char* end, Value* value) noexcept nogil:
    value.kind = VALUE_WORD
    value.start = at
    if end - at >= 4 and (memcmp(at, b"true", 4) == 0 or memcmp(at, b"null", 4) == 0):
        at += 4
    elif end - at >= 5 and memcmp(at, b"false", 5) == 0:
        at += 5
    else:
        return NULL
    value.end = at
    return at


cdef const char* _scan_array(Scan* scan, const char* at, int depth) noexcept nogil:
    # `at` is the bracket.
    cdef Value element
    cdef const char* end = scan.end
    at = _skip_blank(at + 1, end)
    if at < end and at[0] == c"]":
        return at + 1
    while True:
        at = scan_value(scan, at, depth, &element)
        if at == NULL:
            return NULL
        at = _skip_blank(at, end)
        if at >= end:
            return NULL
        if at[0] == c"]":
            return at + 1
        if at[0] != c",":
            return NULL
        at = _skip_blank(at + 1, end)


cdef const char* scan_value(Scan* scan, const char* at, int depth, Value* value) noexcept nogil:
    cdef const char* start = at
    if at >= scan.end:
        return NULL
    value.escaped = False
    if at[0] == c'"':
        return _scan_string(at + 1, scan.end, value)
    if at[0] == c"-" or _is_digit(at[0]):
        return _scan_number(at, scan.end, value)
    if at[0] != c"[" and at[0] != c"{":
        return _scan_word(at, scan.end, value)
    if depth >= MAX_DEPTH:
        scan.too_deep_at = at
        return NULL
    if at[0] == c"[":
        value.kind = VALUE_ARRAY
        at = _scan_array(scan, at, depth + 1)
    else:
        value.kind = VALUE_OBJECT
        at = scan_object(scan, at, depth + 1, NULL)
    value.start = start
    value.end = at
    return at


cdef int _field_of(const Value* key) noexcept nogil:
    cdef char room[SHORT_TEXT]
    cdef Py_ssize_t n
    cdef const char* text = short_text(key, room, &n)
    if n == 3:
        if memcmp(text, b"buy", 3) == 0:
            return FIELD_BUY
        if memcmp(text, b"dir", 3) == 0:
            return FIELD_DIR
    elif n == 4:
        if memcmp(text, b"type", 4) == 0:
            return FIELD_TYPE
        if memcmp(text, b"size", 4) == 0:
            return FIELD_SIZE
        if memcmp(text, b"sell", 4) == 0:
            return FIELD_SELL
        if memcmp(text, b"team", 4) == 0:
            return FIELD_TEAM
    elif n == 5:
        if memcmp(text, b"price", 5) == 0:
            return FIELD_PRICE
        if memcmp(text, b"error", 5) == 0:
            return FIELD_ERROR
    elif n == 6:
        if memcmp(text, b"symbol", 6) == 0:
            return FIELD_SYMBOL
    elif n == 7:
        if memcmp(text, b"symbols", 7) == 0:
            return FIELD_SYMBOLS
    elif n == 8:
        if memcmp(text, b"order_id", 8) == 0:
            return FIELD_ORDER_ID
        if memcmp(text, b"position", 8) == 0:
            return FIELD_POSITION
    return -1


cdef const char* scan_object(Scan* scan, const char* at, int depth, Value* fields) noexcept nogil:
    # `at` is the brace. `fields` is NULL if only the syntax matters.
    cdef Value key, value
    cdef int field, i
    cdef const char* end = scan.end
    if fields != NULL:
        for i in range(N_FIELDS):
            fields[i].kind = VALUE_NONE
    at = _skip_blank(at + 1, end)
    if at < end and at[0] == c"}":
        return at + 1
    while True:
        if at >= end or at[0] != c'"':
            return NULL
        at = _scan_string(at + 1, end, &key)
        if at == NULL:
            return NULL
        at = _skip_blank(at, end)
        if at >= end or at[0] != c":":
            return NULL
        at = scan_value(scan, _skip_blank(at + 1, end), depth, &value)
        if at == NULL:
            return NULL
        if fields != NULL:
            field = _field_of(&key)
            if field >= 0:
                fields[field] = value
        at = _skip_blank(at, end)
        if at >= end:
            return NULL
        if at[0] == c"}":
            return at + 1
        if at[0] != c",":
            return NULL
        at = _skip_blank(at + 1, end)


cdef int scan_line(const char* line, Py_ssize_t length, Value* fields) noexcept nogil:
    cdef Scan scan
    cdef Value value
    cdef bint is_object
    cdef const char* at
    scan.end = line + length
    scan.too_deep_at = NULL
    at = _skip_blank(line, scan.end)
    is_object = at < scan.end and at[0] == c"{"
    if is_object:
        at = scan_object(&scan, at, 1, fields)
    else:
        at = scan_value(&scan, at, 0, &value)
    if at == NULL:
        # The text after the bracket that is too deep was not scanned; a line that is not UTF-8 is not JSON.
        if scan.too_deep_at != NULL and _is_utf8(scan.too_deep_at, scan.end):
            return FAULT_TOO_DEEP
        return FAULT_NOT_JSON
    if _skip_blank(at, scan.end) != scan.end:
        return FAULT_NOT_JSON
    return FAULT_NONE if is_object else FAULT_NOT_OBJECT


cdef uint32_t escape_code(const char* at) noexcept nogil:
    # Returns the code unit of the escape (scanned already) whose backslash is at `at`.
    cdef char c = at[1]
    if c == c"u":
        return ((_hex_digit(at[2]) << 12) | (_hex_digit(at[3]) << 8)
                | (_hex_digit(at[4]) << 4) | _hex_digit(at[5]))
    if c == c"b":
        return 8
    if c == c"f":
        return 12
    if c == c"n":
        return 10
    if c == c"r":
        return 13
    if c == c"t":
        return 9
    return <uint8_t>c


cdef const char* short_text(const Value* value, char* room, Py_ssize_t* length) noexcept nogil:
    cdef const char* at = value.start
    cdef Py_ssize_t n = 0
    cdef uint32_t code
    if not value.escaped:
        length[0] = value.end - value.start
        return value.start
    length[0] = 0
    while at < value.end:
        if n == SHORT_TEXT:
            return room
        if at[0] == c"\\":
            code = escape_code(at)
            at += 6 if at[1] == c"u" else 2
        else:
            code = <uint8_t>at[0]
            at += 1
        if code >= 0x80:
            return room
        room[n] = <char>code
        n += 1
    length[0] = n
    return room


cdef bint number_value(const Value* value, int64_t* result) noexcept nogil:
    cdef const char* at = value.start
    cdef const char* end = value.end
    cdef const char* digits
    cdef bint negative = False
    cdef int64_t point, exponent = 0, index = 0
    cdef uint64_t total = 0, bound
    cdef bint exponent_negative
    if at[0] == c"-":
        negative = True
        at += 1
    digits = at
    at = _skip_digits(at, end)
    point = at - digits
    if at == end and point <= 18:
        for index in range(point):
            total = total * 10 + <uint64_t>(digits[index] - c"0")
        result[0] = -<int64_t>total if negative else <int64_t>total
        return True
    if at < end and at[0] == c".":
        at = _skip_digits(at + 1, end)
    # `at` is now the end of the digits. The exponent moves the decimal point; a huge exponent is capped.
    end = at
    if at < value.end:
        at += 1
        exponent_negative = at[0] == c"-"
        if at[0] == c"-" or at[0] == c"+":
            at += 1
        while at < value.end:
            if exponent < INT64_MAX // 100:
                exponent = exponent * 10 + (at[0] - c"0")
            at += 1
        point += -exponent if exponent_negative else exponent
    bound = <uint64_t>INT64_MAX + (1 if negative else 0)
    at = digits
    while at < end:
        if at[0] != c".":
            if index >= point:
                if at[0] != c"0":
                    return False
            else:
                if total > (bound - <uint64_t>(at[0] - c"0")) // 10:
                    return False
                total = total * 10 + <uint64_t>(at[0] - c"0")
            index += 1
        at += 1
    while total > 0 and index < point:
        if total > bound // 10:
            return False
        total *= 10
        index += 1
    if negative and total > 0:
        result[0] = -<int64_t>(total - 1) - 1
    else:
        result[0] = <int64_t>total
    return True


cdef str text_of(const char* text, Py_ssize_t length):
    cdef const char* at = text
    cdef const char* end = text + length
    cdef const char* plain
    cdef uint32_t code, low
    cdef list parts = []
    while at < end:
        plain = at
        while at < end and at[0] != c"\\":
            at += 1
        if at > plain:
            parts.append(plain[:at - plain].decode("utf-8", "replace"))
        if at >= end or escape_end(at, end) == NULL:
            break
        code = escape_code(at)
        at = escape_end(at, end)
        if 0xD800 <= code < 0xDC00 and end - at >= 6 and at[0] == c"\\" and at[1] == c"u":
            low = escape_code(at)
            if 0xDC00 <= low < 0xE000:
                code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
                at += 6
        parts.append(chr(code))
    return "".join(parts)


def unescape(bytes body not None):
    """Decodes the inside of a JSON string (without its quotes) to text."""
    return text_of(body, len(body))
