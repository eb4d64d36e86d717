"""Cells of a quotes file: prices to the nearest double, times to nanoseconds since 1970 UTC.

Owns the spellings that are accepted. It knows no columns, no rows and no files. The specification is
``arbcore.reference.quotes``.
"""
cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.math cimport INFINITY
from libc.stdint cimport int64_t, uint64_t


cdef double[23] POWERS_OF_TEN
for _power in range(23):
    POWERS_OF_TEN[_power] = float(10 ** _power)

cdef int[12] MONTH_DAYS
for _month, _days in enumerate((31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)):
    MONTH_DAYS[_month] = _days


cdef inline bint is_digit(unsigned char character) noexcept nogil:
    return <unsigned char>(character - 48) <= 9


# Indices stay below `length` and below the table's end by the comparisons beside them.
@cython.boundscheck(False)
@cython.wraparound(False)
@cython.cdivision(True)
cdef int parse_price(const unsigned char* text, Py_ssize_t length, double* price) noexcept nogil:
    # A mantissa below 2^53 over a power of ten up to 10^22 is one correctly rounded division; whatever
    # is longer or has an exponent is left to the interpreter's own parser.
    cdef Py_ssize_t at = 0, digits = 0, decimals = 0
    cdef uint64_t mantissa = 0
    cdef bint negative = False, exact = True
    price[0] = 0.0
    if is_no_number(text, length):
        return CELL_MISSING
    if text[0] == c"+" or text[0] == c"-":
        negative = text[0] == c"-"
        at = 1
    while at < length and is_digit(text[at]):
        if mantissa < 900_000_000_000_000LL:
            mantissa = mantissa * 10 + (text[at] - 48)
        else:
            exact = False
        digits += 1
        at += 1
    if at < length and text[at] == c".":
        at += 1
        while at < length and is_digit(text[at]):
            if mantissa < 900_000_000_000_000LL and decimals < 22:
                mantissa = mantissa * 10 + (text[at] - 48)
            else:
                exact = False
            decimals += 1
            digits += 1
            at += 1
    if digits == 0:
        return CELL_BAD
    if at < length:
        return CELL_HARD if is_exponent(text + at, length - at) else CELL_BAD
    if not exact:
        return CELL_HARD
    if negative or mantissa == 0:
        return CELL_MISSING
    price[0] = <double>mantissa / POWERS_OF_TEN[decimals]
    return CELL_OK


cdef bint is_exponent(const unsigned char* text, Py_ssize_t length) noexcept nogil:
    cdef Py_ssize_t at = 1
    if text[0] != c"e" and text[0] != c"E":
        return False
    if at < length and (text[at] == c"+" or text[at] == c"-"):
        at += 1
    if at == length:
        return False
    while at < length:
        if not is_digit(text[at]):
            return False
        at += 1
    return True


cdef bint is_no_number(const unsigned char* text, Py_ssize_t length) noexcept nogil:
    cdef bint signed
    if length == 0:
        return True
    if is_digit(text[0]) or length > 9:
        return False
    if is_word(text, length, b"null", 4) or is_word(text, length, b"na", 2):
        return True
    if is_word(text, length, b"n/a", 3):
        return True
    signed = text[0] == c"+" or text[0] == c"-"
    text += signed
    length -= signed
    return (is_word(text, length, b"nan", 3) or is_word(text, length, b"inf", 3)
            or is_word(text, length, b"infinity", 8))


cdef bint is_word(const unsigned char* text, Py_ssize_t length, const char* word,
                  Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t at
    cdef unsigned char character
    if length != size:
        return False
    for at in range(size):
        character = text[at]
        if c"A" <= character <= c"Z":
            character += 32
        if character != <unsigned char>word[at]:
            return False
    return True


cdef int hard_price(const unsigned char* text, Py_ssize_t length, double* price) except -1:
    """For what ``parse_price`` called hard: an exponent, or more digits than 53 bits hold."""
    cdef double value = float(PyBytes_FromStringAndSize(<const char*>text, length))
    if not 0.0 < value < INFINITY:
        return CELL_MISSING
    price[0] = value
    return CELL_OK


cdef inline int two(const unsigned char* text) noexcept nogil:
    # -1 where they are not two digits.
    if not is_digit(text[0]) or not is_digit(text[1]):
        return -1
    return (text[0] - 48) * 10 + (text[1] - 48)


# Every divisor is a constant.
@cython.cdivision(True)
cdef int64_t parse_day(const unsigned char* text) noexcept nogil:
    """Days since 1970 of ``YYYY-MM-DD``; one below any day where there is no such date."""
    cdef int century = two(text), rest = two(text + 2), month = two(text + 5), day = two(text + 8)
    cdef int64_t year, last
    cdef int at, length
    cdef bint leap
    if century < 0 or rest < 0 or text[4] != c"-" or text[7] != c"-" or month < 1 or month > 12 or day < 1:
        return -0x7FFFFFFFFFFFFFFFLL
    year = century * 100 + rest
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    length = MONTH_DAYS[month - 1] + (1 if month == 2 and leap else 0)
    if year < 1 or day > length:
        return -0x7FFFFFFFFFFFFFFFLL
    last = year - 1
    last = last * 365 + last // 4 - last // 100 + last // 400 + day - 1 + (1 if month > 2 and leap else 0)
    for at in range(month - 1):
        last += MONTH_DAYS[at]
    return last - 719_162


# Indices stay below `length` by the comparisons beside them; every divisor is a constant.
@cython.cdivision(True)
cdef int parse_ts(const unsigned char* text, Py_ssize_t length, int64_t* ts_ns) noexcept nogil:
    cdef int64_t day, seconds, fraction = 0, unit = 100_000_000, offset = 0
    cdef int hour, minute, second = 0, hours, minutes = 0
    cdef Py_ssize_t at = 10
    cdef int sign = 0
    if length < 10 or text[4] != c"-" or text[7] != c"-":
        return parse_epoch(text, length, ts_ns)
    day = parse_day(text)
    if day == -0x7FFFFFFFFFFFFFFFLL:
        return CELL_BAD
    if length == 10:
        return from_seconds(day * 86_400, 0, ts_ns)
    if length < 16 or (text[10] != c"T" and text[10] != c" " and text[10] != c"t") or text[13] != c":":
        return CELL_BAD
    hour = two(text + 11)
    minute = two(text + 14)
    at = 16
    if at < length and text[at] == c":":
        if length < 19:
            return CELL_BAD
        second = two(text + 17)
        at = 19
        if at < length and (text[at] == c"." or text[at] == c","):
            at += 1
            if at == length or not is_digit(text[at]):
                return CELL_BAD
            while at < length and is_digit(text[at]):
                if unit == 0:
                    return CELL_BAD
                fraction += (text[at] - 48) * unit
                unit //= 10
                at += 1
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return CELL_BAD
    if at < length and text[at] == c" ":
        at += 1
        if at == length:
            return CELL_BAD
    if at < length:
        if text[at] == c"Z" or text[at] == c"z":
            at += 1
        elif text[at] == c"+" or text[at] == c"-":
            sign = 1 if text[at] == c"+" else -1
            if length - at < 3:
                return CELL_BAD
            hours = two(text + at + 1)
            at += 3
            if at < length:
                if text[at] == c":":
                    at += 1
                if length - at != 2:
                    return CELL_BAD
                minutes = two(text + at)
                at += 2
            if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
                return CELL_BAD
            offset = sign * (hours * 60 + minutes) * 60
    if at != length:
        return CELL_BAD
    seconds = ((day * 24 + hour) * 60 + minute) * 60 + second - offset
    return from_seconds(seconds, fraction, ts_ns)


cdef int from_seconds(int64_t seconds, int64_t fraction, int64_t* ts_ns) noexcept nogil:
    # 64 bits of nanoseconds reach from 1677 to 2262; the smallest number is kept free as a mark.
    if seconds < 0:
        seconds += 1
        fraction -= 1_000_000_000LL
    if seconds > 9_223_372_036LL or seconds < -9_223_372_036LL:
        return CELL_BAD
    if seconds == 9_223_372_036LL and fraction > 854_775_807:
        return CELL_BAD
    if seconds == -9_223_372_036LL and fraction < -854_775_807:
        return CELL_BAD
    ts_ns[0] = seconds * 1_000_000_000LL + fraction
    return CELL_OK


# Every divisor is one of four constants.
@cython.cdivision(True)
cdef int parse_epoch(const unsigned char* text, Py_ssize_t length, int64_t* ts_ns) noexcept nogil:
    cdef Py_ssize_t at = 0
    cdef int64_t value = 0, unit, largest = 0x7FFFFFFFFFFFFFFFLL
    cdef bint negative = False
    if length > 0 and (text[0] == c"+" or text[0] == c"-"):
        negative = text[0] == c"-"
        at = 1
    if at == length:
        return CELL_BAD
    while at < length:
        if not is_digit(text[at]) or value > (largest - (text[at] - 48)) // 10:
            return CELL_BAD
        value = value * 10 + (text[at] - 48)
        at += 1
    unit = (1_000_000_000LL if value < 100_000_000_000LL else 1_000_000 if value < 100_000_000_000_000LL
            else 1_000 if value < 100_000_000_000_000_000LL else 1)
    if value > largest // unit:
        return CELL_BAD
    ts_ns[0] = -value * unit if negative else value * unit
    return CELL_OK


def read_price(bytes text not None) -> float | None:
    """The price a cell spells; NaN where it is missing; None where it is no number."""
    cdef double price = 0.0
    cdef int fault = parse_price(text, len(text), &price)
    if fault == CELL_HARD:
        fault = hard_price(text, len(text), &price)
    if fault == CELL_BAD:
        return None
    return float("nan") if fault == CELL_MISSING else price


def read_ts(bytes text not None) -> int | None:
    """Nanoseconds since 1970 UTC; None where a cell spells no time or one out of 64 bits' reach."""
    cdef int64_t ts_ns = 0
    return ts_ns if parse_ts(text, len(text), &ts_ns) == CELL_OK else None
