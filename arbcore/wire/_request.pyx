"""Decodes the clients' requests to the exchange: takes one line, gives one Request or one Fault.

It accepts any legal JSON spelling, the compact one on a fast path. It knows the protocol's types and ranges,
not who may trade what.
"""

from libc.stdint cimport uint32_t
from libc.string cimport memcmp

from arbcore.wire._decode import FAULT_NAMES, fault_error
from arbcore.wire._decode cimport text_of
from arbcore.wire._compact cimport compact_request
from arbcore.wire._fields cimport read_amount, read_order_id, read_side, read_symbol, read_text
from arbcore.wire._scan cimport (
    FIELD_DIR, FIELD_ORDER_ID, FIELD_PRICE, FIELD_SIZE, FIELD_SYMBOL, FIELD_TEAM, FIELD_TYPE, N_FIELDS,
    SHORT_TEXT, VALUE_STRING, Value, escape_code, escape_end, scan_line, short_text,
)
from arbcore.wire._types cimport (
    BUY, FAULT_NO_TYPE, FAULT_NONE, FAULT_OUT_OF_RANGE, FAULT_UNKNOWN_TYPE, REQ_ADD, REQ_CANCEL, REQ_CONVERT,
    REQ_HELLO, Request,
)
from arbcore.wire.instruments import SYMBOLS, TEAM_LENGTH_MAX as _TEAM_LENGTH_MAX

KIND_NAMES = ("", "hello", "add", "convert", "cancel")

cdef Py_ssize_t TEAM_LENGTH_MAX = _TEAM_LENGTH_MAX


cdef inline void _clear(Request* out) noexcept nogil:
    out.kind = 0
    out.symbol = 0
    out.side = 0
    out.price = 0
    out.size = 0
    out.order_id = -1
    out.text = NULL
    out.text_length = 0


cdef int decode_request(const char* line, Py_ssize_t length, Request* out) noexcept nogil:
    cdef Value fields[N_FIELDS]
    cdef int fault
    _clear(out)
    if compact_request(line, length, out):
        return FAULT_NONE
    # Clear fields that the compact path wrote before it failed, because a field that is not 0 counts as read.
    _clear(out)
    fault = scan_line(line, length, fields)
    if fault != FAULT_NONE:
        return fault
    if fields[FIELD_TYPE].kind != VALUE_STRING:
        return FAULT_NO_TYPE
    out.kind = _kind_of(&fields[FIELD_TYPE])
    if out.kind == 0:
        return FAULT_UNKNOWN_TYPE
    if out.kind == REQ_HELLO:
        return _read_team(&fields[FIELD_TEAM], out)
    fault = read_order_id(&fields[FIELD_ORDER_ID], &out.order_id)
    if fault != FAULT_NONE or out.kind == REQ_CANCEL:
        return fault
    fault = read_symbol(&fields[FIELD_SYMBOL], &out.symbol)
    if fault != FAULT_NONE:
        return fault
    fault = read_side(&fields[FIELD_DIR], &out.side)
    if fault != FAULT_NONE:
        return fault
    if out.kind == REQ_ADD:
        fault = read_amount(&fields[FIELD_PRICE], &out.price)
        if fault != FAULT_NONE:
            return fault
    return read_amount(&fields[FIELD_SIZE], &out.size)


cdef int _kind_of(const Value* type_field) noexcept nogil:
    cdef char room[SHORT_TEXT]
    cdef Py_ssize_t n
    cdef const char* text = short_text(type_field, room, &n)
    if n == 3 and memcmp(text, b"add", 3) == 0:
        return REQ_ADD
    if n == 6 and memcmp(text, b"cancel", 6) == 0:
        return REQ_CANCEL
    if n == 7 and memcmp(text, b"convert", 7) == 0:
        return REQ_CONVERT
    if n == 5 and memcmp(text, b"hello", 5) == 0:
        return REQ_HELLO
    return 0


cdef int _read_team(const Value* team, Request* out) noexcept nogil:
    # 1 to 32 printable ASCII characters, which can be shown anywhere. The handout allows only letters, but
    # many clients number their teams.
    cdef const char* at
    cdef Py_ssize_t characters = 0
    cdef uint32_t code
    cdef int fault = read_text(team, &out.text, &out.text_length)
    if fault != FAULT_NONE:
        return fault
    at = team.start
    while at < team.end:
        if at[0] == c"\\":
            code = escape_code(at)
            at = escape_end(at, team.end)
        else:
            code = <unsigned char>at[0]
            at += 1
        if code < 0x20 or code > 0x7E:
            return FAULT_OUT_OF_RANGE
        characters += 1
    return FAULT_NONE if 1 <= characters <= TEAM_LENGTH_MAX else FAULT_OUT_OF_RANGE


cdef dict _as_dict(const Request* request):
    found = {"type": KIND_NAMES[request.kind]}
    if request.kind == REQ_HELLO:
        found["team"] = text_of(request.text, request.text_length)
        return found
    found["order_id"] = request.order_id
    if request.kind == REQ_CANCEL:
        return found
    found["symbol"] = SYMBOLS[request.symbol]
    found["dir"] = "BUY" if request.side == BUY else "SELL"
    if request.kind == REQ_ADD:
        found["price"] = request.price
    found["size"] = request.size
    return found


def decode(bytes line not None):
    """One line from a client as a dict with the protocol's keys. Raises WireError if it is not legal."""
    cdef Request request
    cdef int fault = decode_request(line, len(line), &request)
    if fault != FAULT_NONE:
        raise fault_error(FAULT_NAMES[fault], line, "a client")
    return _as_dict(&request)


def outcome(bytes line not None):
    """(fault's name, type or "", order id or -1): the parts known of a request even if it is faulty."""
    cdef Request request
    cdef int fault = decode_request(line, len(line), &request)
    return FAULT_NAMES[fault], KIND_NAMES[request.kind], request.order_id
