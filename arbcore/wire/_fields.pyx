"""The rules of single fields, shared by both directions: presence, then type, then range.

It takes values that the scanner has found. It knows no message.
"""

from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcmp, memcpy

from arbcore.wire._compact cimport fast_symbol
from arbcore.wire._scan cimport (
    SHORT_TEXT, VALUE_NONE, VALUE_NUMBER, VALUE_STRING, Value, number_value, short_text,
)
from arbcore.wire._types cimport (
    BUY, FAULT_BAD_DIRECTION, FAULT_MISSING_FIELD, FAULT_NONE, FAULT_OUT_OF_RANGE, FAULT_UNKNOWN_SYMBOL,
    FAULT_WRONG_TYPE, PRICE_END, SELL,
)


cdef int _symbol_of(const char* name, Py_ssize_t n) noexcept nogil:
    # Returns the instrument's id, CASH for USD, -1 for any other name.
    cdef char word[8]
    cdef int32_t symbol = -1
    if n == 3 and memcmp(name, b"USD", 3) == 0:
        return CASH
    if n < 2 or n > 5:
        return -1
    # Padded as on the compact path, where a quote and a comma follow a name of two letters.
    memcpy(word, b',,,,,,,,', 8)
    memcpy(word, name, n)
    word[n] = c'"'
    # A name with a quote inside would end too early.
    if fast_symbol(word, word + 8, &symbol) != word + n + 1:
        return -1
    return symbol


cdef int read_name(const Value* value, int* symbol) noexcept nogil:
    cdef char room[SHORT_TEXT]
    cdef Py_ssize_t n
    cdef const char* text
    if value.kind == VALUE_NONE:
        return FAULT_MISSING_FIELD
    if value.kind != VALUE_STRING:
        return FAULT_WRONG_TYPE
    text = short_text(value, room, &n)
    symbol[0] = _symbol_of(text, n)
    return FAULT_NONE


cdef int read_symbol(const Value* value, int32_t* symbol) noexcept nogil:
    cdef int found = -1
    cdef int fault = read_name(value, &found)
    if fault != FAULT_NONE:
        return fault
    if found < 0 or found == CASH:
        return FAULT_UNKNOWN_SYMBOL
    symbol[0] = found
    return FAULT_NONE


cdef int read_side(const Value* value, int32_t* side) noexcept nogil:
    cdef char room[SHORT_TEXT]
    cdef Py_ssize_t n
    cdef const char* text
    if value.kind == VALUE_NONE:
        return FAULT_MISSING_FIELD
    if value.kind != VALUE_STRING:
        return FAULT_WRONG_TYPE
    text = short_text(value, room, &n)
    if n == 3 and memcmp(text, b"BUY", 3) == 0:
        side[0] = BUY
    elif n == 4 and memcmp(text, b"SELL", 4) == 0:
        side[0] = SELL
    else:
        return FAULT_BAD_DIRECTION
    return FAULT_NONE


cdef int read_number(const Value* value, int64_t low, int64_t high, int64_t* result) noexcept nogil:
    # Accepts integers of low <= result <= high.
    if value.kind == VALUE_NONE:
        return FAULT_MISSING_FIELD
    if value.kind != VALUE_NUMBER:
        return FAULT_WRONG_TYPE
    if not number_value(value, result) or result[0] < low or result[0] > high:
        return FAULT_OUT_OF_RANGE
    return FAULT_NONE


cdef int read_amount(const Value* value, int32_t* amount) noexcept nogil:
    cdef int64_t number = 0
    cdef int fault = read_number(value, 1, PRICE_END - 1, &number)
    if fault == FAULT_NONE:
        amount[0] = <int32_t>number
    return fault


cdef int read_order_id(const Value* value, int64_t* order_id) noexcept nogil:
    cdef int64_t number = 0
    cdef int fault = read_number(value, 0, 4294967295, &number)
    if fault == FAULT_NONE:
        order_id[0] = number
    return fault


cdef int read_text(const Value* value, const char** text, Py_ssize_t* length) noexcept nogil:
    if value.kind == VALUE_NONE:
        return FAULT_MISSING_FIELD
    if value.kind != VALUE_STRING:
        return FAULT_WRONG_TYPE
    text[0] = value.start
    length[0] = value.end - value.start
    return FAULT_NONE
