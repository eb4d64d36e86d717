"""Cells of a quotes file: prices to the nearest double, times to nanoseconds since 1970 UTC.

Owns the accepted formats of a cell. It knows no columns, no rows and no files. ``reference.quotes`` is the
specification.
"""
cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.math cimport INFINITY
from libc.stdint cimport int64_t, uint64_t


from arbcore.core.civil import FIRST_NEW_YORK_YEAR, daylight_saving_days
from arbcore.core.zones import ZONE_HOURS

#: Numbers that some programs write for a missing price: the largest double, and the largest 64-bit integer
#: in billionths.
UNDEFINED_PRICES = (1.7976931348623157e308, 9223372036.854775807)
cdef double UNDEFINED_DOUBLE = UNDEFINED_PRICES[0]
cdef double UNDEFINED_FIXED = UNDEFINED_PRICES[1]

cdef double[23] POWERS_OF_TEN
for _power in range(23):
    POWERS_OF_TEN[_power] = float(10 ** _power)

cdef int[12] MONTH_DAYS
for _month, _days in enumerate((31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)):
    MONTH_DAYS[_month] = _days


cdef inline bint is_digit(unsigned char character) noexcept nogil:
    return <unsigned char>(character - 48) <= 9


# The comparisons before each access keep indices below `length` and below the table's end.
@cython.boundscheck(False)
@cython.wraparound(False)
@cython.cdivision(True)
cdef int parse_price(const unsigned char* text, Py_ssize_t length, double* price) noexcept nogil:
    # A mantissa below 2^53 divided by a power of ten up to 10^22 is one correctly rounded division. A text
    # with more digits or an exponent is CELL_HARD; ``hard_price`` parses it with Python's float.
    cdef Py_ssize_t at = 0, digits = 0, decimals = 0
    cdef uint64_t mantissa = 0
    cdef bint negative = False, exact = True
    price[0] = 0.0
    if length == 0:
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
    if digits == 0 or (at < length and not is_exponent(text + at, length - at)):
        return CELL_MISSING if is_no_number(text, length) else CELL_BAD
    if at < length:
        return CELL_HARD
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
    """Whether a text is a word for a missing number or for an infinity, in any case.

    The words for missing numbers are those of pandas.read_csv.
    """
    if length > 9:
        return False
    if (is_word(text, length, b"null", 4) or is_word(text, length, b"na", 2)
            or is_word(text, length, b"n/a", 3) or is_word(text, length, b"none", 4)
            or is_word(text, length, b"<na>", 4) or is_word(text, length, b"#n/a", 4)
            or is_word(text, length, b"#na", 3) or is_word(text, length, b"#n/a n/a", 8)):
        return True
    if text[0] == c"+" or text[0] == c"-":
        text += 1
        length -= 1
    return (is_word(text, length, b"nan", 3) or is_word(text, length, b"inf", 3)
            or is_word(text, length, b"infinity", 8) or is_word(text, length, b"1.#ind", 6)
            or is_word(text, length, b"1.#qnan", 7))


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


cdef bint is_undefined(double price) noexcept nogil:
    return price == UNDEFINED_DOUBLE or price == UNDEFINED_FIXED


cdef int hard_price(const unsigned char* text, Py_ssize_t length, double* price) except -1:
    """Parses a price that ``parse_price`` returned as CELL_HARD: an exponent, or more than 53 bits."""
    cdef double value = float(PyBytes_FromStringAndSize(<const char*>text, length))
    if not 0.0 < value < INFINITY or is_undefined(value):
        return CELL_MISSING
    price[0] = value
    return CELL_OK


cdef inline int two(const unsigned char* text) noexcept nogil:
    # Returns -1 if the two characters are not both digits.
    if not is_digit(text[0]) or not is_digit(text[1]):
        return -1
    return (text[0] - 48) * 10 + (text[1] - 48)


cdef int64_t NO_DAY = -0x7FFFFFFFFFFFFFFFLL
cdef int64_t EPOCH_FIRST_NS = 631_152_000LL * 1_000_000_000LL
cdef int FIRST_ZONE_YEAR = FIRST_NEW_YORK_YEAR
cdef int NEW_YORK_HOURS = ZONE_HOURS["America/New_York"]
cdef int CHICAGO_HOURS = ZONE_HOURS["America/Chicago"]


cdef int64_t parse_day(const unsigned char* text) noexcept nogil:
    """Days since 1970 of ``YYYY-MM-DD``; NO_DAY, which is below every day, if there is no such date."""
    cdef int century = two(text), rest = two(text + 2)
    if century < 0 or rest < 0 or text[4] != c"-" or text[7] != c"-":
        return NO_DAY
    return day_number(century * 100 + rest, two(text + 5), two(text + 8))


cdef int64_t eight_digits(const unsigned char* text) noexcept nogil:
    """Days since 1970 of ``YYYYMMDD``, for a year that lies fully within 64-bit nanoseconds."""
    cdef int year = two(text) * 100 + two(text + 2)
    return day_number(year, two(text + 4), two(text + 6)) if 1678 <= year <= 2261 else NO_DAY


# Every divisor is a constant other than 0.
@cython.cdivision(True)
cdef int64_t day_number(int year, int month, int day) noexcept nogil:
    """Days since 1970 of a date; NO_DAY if the date does not exist or a part is below 0."""
    cdef int64_t last = year - 1
    cdef int at
    cdef bint leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if year < 1 or month < 1 or month > 12 or day < 1:
        return NO_DAY
    if day > MONTH_DAYS[month - 1] + (1 if month == 2 and leap else 0):
        return NO_DAY
    last = last * 365 + last // 4 - last // 100 + last // 400 + day - 1 + (1 if month > 2 and leap else 0)
    for at in range(month - 1):
        last += MONTH_DAYS[at]
    return last - 719_162


# By year: the days on which New York's clock goes forward and back.
cdef enum:
    ZONE_YEARS = 2261 - 1967 + 1
cdef int64_t[ZONE_YEARS] FORWARD_DAY
cdef int64_t[ZONE_YEARS] BACK_DAY
for _year in range(ZONE_YEARS):
    FORWARD_DAY[_year], BACK_DAY[_year] = daylight_saving_days(FIRST_NEW_YORK_YEAR + _year)


cdef int utc_of(int64_t wall_s, int hours, int64_t* seconds) noexcept nogil:
    """UTC seconds since 1970 of a local time; the local clock is ``hours`` behind UTC in winter.

    In the hour that the clock shows twice it takes the first. A time in the skipped hour is CELL_NO_HOUR.
    """
    cdef int64_t year, forward_s, back_s
    if hours == 0:
        seconds[0] = wall_s
        return CELL_OK
    # The mean length of a Gregorian year gives the year, except on its first and last days. No clock changes
    # on those days, so the previous or the next year gives the same result there.
    year = (wall_s - wall_s % 86_400) // 31_556_952 + 1970 - FIRST_ZONE_YEAR
    if year < 0 or year >= ZONE_YEARS:
        return CELL_BAD
    forward_s = FORWARD_DAY[year] * 86_400 + 2 * 3_600
    back_s = BACK_DAY[year] * 86_400 + 2 * 3_600
    if forward_s <= wall_s < forward_s + 3_600:
        return CELL_NO_HOUR
    if forward_s < wall_s < back_s:
        hours -= 1
    seconds[0] = wall_s + hours * 3_600
    return CELL_OK


cdef int utc_ns_of(int64_t wall_ns, int hours, int64_t* ts_ns) noexcept nogil:
    """``utc_of`` in nanoseconds."""
    cdef int64_t seconds = wall_ns // 1_000_000_000LL, utc = 0
    cdef int fault = utc_of(seconds, hours, &utc)
    return fault if fault != CELL_OK else from_seconds(utc, wall_ns - seconds * 1_000_000_000LL, ts_ns)


cdef inline Py_ssize_t number_at(const unsigned char* text, Py_ssize_t at, Py_ssize_t length,
                                 int* value) noexcept nogil:
    """Reads one or two digits at ``at`` and returns the index after them; ``at`` if there are none."""
    if at >= length or not is_digit(text[at]):
        return at
    value[0] = text[at] - 48
    at += 1
    if at < length and is_digit(text[at]):
        value[0] = value[0] * 10 + text[at] - 48
        at += 1
    return at


cdef inline bint pairs_at(const unsigned char* text, Py_ssize_t at, Py_ssize_t length,
                          Py_ssize_t count) noexcept nogil:
    """Whether there are exactly ``count`` digits at ``at``."""
    cdef Py_ssize_t end = at + count
    if end > length or (end < length and is_digit(text[end])):
        return False
    while at < end:
        if not is_digit(text[at]):
            return False
        at += 1
    return True


cdef int64_t slashed_day(const unsigned char* text, Py_ssize_t length, bint day_first,
                         Py_ssize_t* at) noexcept nogil:
    """The day of ``YYYY/MM/DD``, ``MM/DD/YYYY`` or ``DD/MM/YYYY``; ``at`` becomes the index after it."""
    cdef int[3] parts
    cdef int part
    cdef Py_ssize_t end
    cdef bint year_first = pairs_at(text, 0, length, 4)
    at[0] = 0
    for part in range(3):
        if part > 0:
            if at[0] >= length or text[at[0]] != c"/":
                return NO_DAY
            at[0] += 1
        if (part == 0) == year_first and part != 1:
            if not pairs_at(text, at[0], length, 4):
                return NO_DAY
            parts[part] = two(text + at[0]) * 100 + two(text + at[0] + 2)
            end = at[0] + 4
        else:
            end = number_at(text, at[0], length, &parts[part])
            if end == at[0]:
                return NO_DAY
        at[0] = end
    if year_first:
        return day_number(parts[0], parts[1], parts[2])
    if day_first:
        return day_number(parts[2], parts[1], parts[0])
    return day_number(parts[2], parts[0], parts[1])


# The comparisons before each access keep indices below `length`.
cdef int parse_ts(const unsigned char* text, Py_ssize_t length, const TimeRules* rules, int64_t* ts_ns,
                  bint* zoned) noexcept nogil:
    """The instant of a time in any accepted format; ``zoned`` is set if the text has a zone."""
    cdef int64_t day, seconds = 0, fraction = 0
    cdef Py_ssize_t at = 10
    cdef bint basic = False, compact, after_t = False
    cdef int zone = rules.hours, fault
    cdef int64_t offset_s = 0
    zoned[0] = False
    if length < 8:
        return parse_number(text, length, rules, ts_ns, zoned)
    if length >= 10 and text[4] == c"-" and text[7] == c"-":
        day = parse_day(text)
    elif text[4] == c"/" or text[1] == c"/" or text[2] == c"/":
        day = slashed_day(text, length, rules.day_first, &at)
    elif pairs_at(text, 0, length, 8) and (length == 8 or text[8] != c"."):
        basic = True
        at = 8
        day = eight_digits(text)
        if day == NO_DAY and length == 8:
            return parse_number(text, length, rules, ts_ns, zoned)
    else:
        return parse_number(text, length, rules, ts_ns, zoned)
    if day == NO_DAY:
        return CELL_BAD
    if at == length:
        return at_midnight(day, rules.hours, ts_ns)
    if basic and text[at] == c"-":
        # The format of FIX and Interactive Brokers; always UTC.
        zone = 0
        zoned[0] = True
    elif text[at] == c"T" or text[at] == c"t":
        after_t = True
    elif text[at] != c" ":
        return CELL_BAD
    at += 1
    while not after_t and at < length and text[at] == c" ":
        at += 1
    compact = basic and not zoned[0] and (pairs_at(text, at, length, 4) or pairs_at(text, at, length, 6))
    fault = parse_clock(text, length, compact, basic or text[4] == c"-", &at, &seconds, &fraction)
    if fault != CELL_OK:
        return fault
    if zoned[0]:
        if at != length:
            return CELL_BAD
    else:
        fault = parse_half(text, length, after_t, &at, &seconds)
        if fault != CELL_OK:
            return fault
        fault = parse_zone(text, length, &at, &zone, &offset_s, zoned)
        if fault != CELL_OK:
            return fault
    seconds += day * 86_400 - offset_s
    fault = utc_of(seconds, zone, &seconds)
    return fault if fault != CELL_OK else from_seconds(seconds, fraction, ts_ns)


cdef int at_midnight(int64_t day, int hours, int64_t* ts_ns) noexcept nogil:
    cdef int64_t seconds = 0
    cdef int fault = utc_of(day * 86_400, hours, &seconds)
    return fault if fault != CELL_OK else from_seconds(seconds, 0, ts_ns)


cdef int parse_clock(const unsigned char* text, Py_ssize_t length, bint compact, bint padded,
                     Py_ssize_t* place, int64_t* seconds, int64_t* fraction) noexcept nogil:
    """Reads ``HH:MM[:SS[.fraction]]``, or ``HHMM[SS[.fraction]]`` if ``compact``; moves ``place``."""
    cdef Py_ssize_t at = place[0]
    cdef int hour = -1, minute = -1, second = 0
    cdef int64_t unit = 100_000_000
    cdef bint has_seconds = False
    if compact:
        hour, minute = two(text + at), two(text + at + 2)
        at += 4
        has_seconds = at < length and is_digit(text[at])
        if has_seconds:
            second = two(text + at)
            at += 2
    else:
        if padded and not pairs_at(text, at, length, 2):
            return CELL_BAD
        at = number_at(text, at, length, &hour)
        if hour < 0 or at >= length or text[at] != c":" or not pairs_at(text, at + 1, length, 2):
            return CELL_BAD
        minute = two(text + at + 1)
        at += 3
        has_seconds = at < length and text[at] == c":"
        if has_seconds:
            if not pairs_at(text, at + 1, length, 2):
                return CELL_BAD
            second = two(text + at + 1)
            at += 3
    if has_seconds and at < length and (text[at] == c"." or text[at] == c","):
        at += 1
        if at == length or not is_digit(text[at]):
            return CELL_BAD
        while at < length and is_digit(text[at]):
            if unit == 0:
                return CELL_BAD
            fraction[0] += (text[at] - 48) * unit
            unit //= 10
            at += 1
    if hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return CELL_BAD
    seconds[0] = (hour * 60 + minute) * 60 + second
    place[0] = at
    return CELL_OK


cdef int parse_half(const unsigned char* text, Py_ssize_t length, bint after_t, Py_ssize_t* place,
                    int64_t* seconds) noexcept nogil:
    """Reads AM or PM after a clock that shows an hour from 1 to 12; it may be missing."""
    cdef Py_ssize_t at = place[0]
    cdef int64_t hour = seconds[0] // 3_600
    cdef bint evening
    if at < length and text[at] == c" ":
        at += 1
    if at + 2 > length or (text[at + 1] != c"M" and text[at + 1] != c"m"):
        return CELL_OK
    # AM must be a whole word: the zone America/New_York begins with it.
    if at + 2 < length and text[at + 2] != c" ":
        return CELL_OK
    evening = text[at] == c"P" or text[at] == c"p"
    if not evening and text[at] != c"A" and text[at] != c"a":
        return CELL_OK
    if after_t or hour < 1 or hour > 12:
        return CELL_BAD
    seconds[0] += ((hour % 12) + (12 if evening else 0) - hour) * 3_600
    place[0] = at + 2
    return CELL_OK


cdef int parse_zone(const unsigned char* text, Py_ssize_t length, Py_ssize_t* place, int* zone,
                    int64_t* offset_s, bint* zoned) noexcept nogil:
    """Reads Z, an offset or a zone's name up to the text's end; without one, ``zone`` keeps its value."""
    cdef Py_ssize_t at = place[0], left
    cdef int hours, minutes = 0, sign
    cdef bint blank = at < length and text[at] == c" "
    if at == length:
        return CELL_OK
    at += blank
    left = length - at
    zoned[0] = True
    zone[0] = 0
    if is_word(text + at, left, b"z", 1) or is_word(text + at, left, b"utc", 3) or (
            is_word(text + at, left, b"gmt", 3)):
        return CELL_OK
    if blank:
        if is_word(text + at, left, b"us/eastern", 10) or is_word(text + at, left, b"america/new_york", 16):
            zone[0] = NEW_YORK_HOURS
            return CELL_OK
        if is_word(text + at, left, b"us/central", 10) or is_word(text + at, left, b"america/chicago", 15):
            zone[0] = CHICAGO_HOURS
            return CELL_OK
    if left < 3 or (text[at] != c"+" and text[at] != c"-"):
        return CELL_BAD
    sign = 1 if text[at] == c"+" else -1
    hours = two(text + at + 1)
    at += 3
    if at < length:
        at += text[at] == c":"
        if length - at != 2:
            return CELL_BAD
        minutes = two(text + at)
    if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
        return CELL_BAD
    offset_s[0] = sign * (hours * 60 + minutes) * 60
    return CELL_OK


cdef int from_seconds(int64_t seconds, int64_t fraction, int64_t* ts_ns) noexcept nogil:
    # 64-bit nanoseconds reach from 1677 to 2262; the smallest integer is not a time, so it can be a marker.
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


cdef inline int64_t epoch_unit(int64_t value) noexcept nogil:
    """The nanoseconds of the unit of an epoch (s, ms, µs or ns), chosen by the size of the number."""
    return (1_000_000_000LL if value < 100_000_000_000LL else 1_000_000 if value < 100_000_000_000_000LL
            else 1_000 if value < 100_000_000_000_000_000LL else 1)


# The divisor is one of four constants other than 0.
@cython.cdivision(True)
cdef int epoch_of(int64_t value, int64_t* ts_ns) noexcept nogil:
    """The instant of an epoch in s, ms, µs or ns from 1990 on; CELL_SMALL for a smaller number."""
    cdef int64_t unit, largest = 0x7FFFFFFFFFFFFFFFLL
    if value < 0:
        return CELL_SMALL
    unit = epoch_unit(value)
    if value > largest // unit:
        return CELL_BAD
    if value * unit < EPOCH_FIRST_NS:
        return CELL_SMALL
    ts_ns[0] = value * unit
    return CELL_OK


cdef int time_of_whole(int64_t value, const TimeRules* rules, int64_t* ts_ns, bint* zoned) noexcept nogil:
    """The instant of a whole number: a date of eight digits, or an epoch."""
    cdef unsigned char[8] digits
    cdef int at
    cdef int64_t day, rest = value
    zoned[0] = False
    if 10_000_000 <= value <= 99_999_999:
        for at in range(8):
            digits[7 - at] = 48 + rest % 10
            rest //= 10
        day = eight_digits(digits)
        if day != NO_DAY:
            return at_midnight(day, rules.hours, ts_ns)
    zoned[0] = True
    return epoch_of(value, ts_ns)


@cython.cdivision(True)
cdef int parse_number(const unsigned char* text, Py_ssize_t length, const TimeRules* rules, int64_t* ts_ns,
                      bint* zoned) noexcept nogil:
    """Reads a whole number like ``time_of_whole``, or an epoch with a fraction down to nanoseconds."""
    cdef Py_ssize_t at = 0
    cdef int64_t value = 0, unit, largest = 0x7FFFFFFFFFFFFFFFLL, fraction = 0
    cdef int fault
    while at < length and is_digit(text[at]):
        if value > (largest - (text[at] - 48)) // 10:
            return CELL_BAD
        value = value * 10 + (text[at] - 48)
        at += 1
    if at == 0:
        return CELL_BAD
    if at == length:
        # A date has no leading zeros.
        if length == 8:
            return time_of_whole(value, rules, ts_ns, zoned)
        zoned[0] = True
        return epoch_of(value, ts_ns)
    if text[at] != c"." or at + 1 == length:
        return CELL_BAD
    at += 1
    unit = epoch_unit(value)
    while at < length:
        if not is_digit(text[at]):
            return CELL_BAD
        unit //= 10
        if unit == 0 and text[at] != c"0":
            return CELL_BAD
        fraction += (text[at] - 48) * unit
        at += 1
    zoned[0] = True
    fault = epoch_of(value, ts_ns)
    if fault == CELL_OK and ts_ns[0] > largest - fraction:
        return CELL_BAD
    if fault == CELL_OK:
        ts_ns[0] += fraction
    return fault


def read_price(bytes text not None) -> float | None:
    """The price in a cell; NaN if it is missing; None if the text is not a number."""
    cdef double price = 0.0
    cdef int fault = parse_price(text, len(text), &price)
    if fault == CELL_HARD:
        fault = hard_price(text, len(text), &price)
    if fault == CELL_BAD:
        return None
    return float("nan") if fault == CELL_MISSING else price


def read_ts(bytes text not None, *, str tz=None, bint day_first=False) -> int | None:
    """Nanoseconds since 1970 UTC; None if a cell is not a time, or is a time beyond 64 bits.

    ``tz`` (a name of ``ZONE_HOURS``) is the zone of a time without one; it is UTC if not given.
    ``day_first`` reads 03/02/2026 as the third of February.
    """
    found = time_and_zone(text, tz=tz, day_first=day_first)
    return found[0] if isinstance(found, tuple) else None


def time_and_zone(bytes text not None, *, str tz=None, bint day_first=False) -> tuple[int, bool] | str:
    """(nanoseconds since 1970 UTC, whether the text has a zone), or the reason why it is not a time.

    The reason is ``bad``, ``small`` (a number before 1990) or ``no_hour`` (in the hour the clock skipped).
    """
    cdef int64_t ts_ns = 0
    cdef bint zoned = False
    cdef TimeRules rules = TimeRules(hours_of(tz), day_first)
    cdef int fault = parse_ts(text, len(text), &rules, &ts_ns, &zoned)
    if fault == CELL_OK:
        return ts_ns, bool(zoned)
    return "small" if fault == CELL_SMALL else "no_hour" if fault == CELL_NO_HOUR else "bad"


cdef int hours_of(str tz) except -1:
    """A zone's hours behind UTC in winter, by its name; 0 (UTC) for None."""
    return 0 if tz is None else ZONE_HOURS[tz]
