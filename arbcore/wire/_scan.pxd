# C API of the JSON scanner: finds the known fields of one object in the line, without copying it.
from libc.stdint cimport int32_t, int64_t, uint32_t

cdef enum:
    MAX_DEPTH = 32        # nested brackets, the outermost included
    SHORT_TEXT = 16       # one more than the length of the longest text that is compared with a known word

cdef enum:
    VALUE_NONE = 0        # the field is absent
    VALUE_STRING = 1
    VALUE_NUMBER = 2
    VALUE_ARRAY = 3
    VALUE_OBJECT = 4
    VALUE_WORD = 5        # true, false, null

# One JSON value in the line: [start, end); for a string its inside, without the quotes.
cdef struct Value:
    int32_t kind
    bint escaped
    const char* start
    const char* end

# Fields: every key of some message or request; any other key is skipped.
cdef enum:
    FIELD_TYPE = 0
    FIELD_SYMBOLS = 1
    FIELD_SYMBOL = 2
    FIELD_POSITION = 3
    FIELD_ERROR = 4
    FIELD_BUY = 5
    FIELD_SELL = 6
    FIELD_ORDER_ID = 7
    FIELD_DIR = 8
    FIELD_PRICE = 9
    FIELD_SIZE = 10
    FIELD_TEAM = 11
    N_FIELDS = 12

# The end of one scan, and the bracket at which the nesting became too deep.
cdef struct Scan:
    const char* end
    const char* too_deep_at

# Scans the whole line as one object; returns a Fault, and finds its known fields (of equal keys the last).
cdef int scan_line(const char* line, Py_ssize_t length, Value* fields) noexcept nogil
# Scans the value at `at` (not a blank); returns one past it, or NULL if it is not JSON or too deep.
cdef const char* scan_value(Scan* scan, const char* at, int depth, Value* value) noexcept nogil
# Scans the object at `at` and finds its known fields; returns one past it, or NULL.
cdef const char* scan_object(Scan* scan, const char* at, int depth, Value* fields) noexcept nogil
cdef const char* skip_blank(const char* at, const char* end) noexcept nogil
# The text of a short ASCII string without its escapes; length 0 for others. `room` has SHORT_TEXT bytes.
cdef const char* short_text(const Value* value, char* room, Py_ssize_t* length) noexcept nogil
# Whether a number's exact value is an integer of 64 bits; if so it is written to `result`.
cdef bint number_value(const Value* value, int64_t* result) noexcept nogil
# The inside of a JSON string as text, escapes resolved; lone surrogates stay, as in Python's json.
cdef str text_of(const char* text, Py_ssize_t length)
# Returns one past the escape whose backslash is at `at`, or NULL if it is not legal; and its code unit.
cdef const char* escape_end(const char* at, const char* end) noexcept nogil
cdef uint32_t escape_code(const char* at) noexcept nogil
# Length in bytes of the multi-byte character at `at`; 0 if it is not UTF-8 (overlong, surrogate, cut).
cdef int utf8_length(const char* at, const char* end) noexcept nogil
