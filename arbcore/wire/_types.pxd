# The wire's constants for compiled modules: ids, kinds, faults and the decoded message structs.
from libc.stdint cimport int32_t, int64_t, uint32_t

from arbcore._fast cimport Level

cdef enum:
    N_SYMBOLS = 7
    MAX_LEVELS = 15
    PRICE_END = 1000000
    LINE_BYTES_DEFAULT = 65536

# Symbol ids, in the order of instruments.SYMBOLS. An unnamed enum, because C arrays are indexed by them.
cdef enum:
    BOND = 0
    VALBZ = 1
    VALE = 2
    GS = 3
    MS = 4
    WFC = 5
    XLF = 6

cdef enum Side:
    SELL = -1
    BUY = 1

cdef enum MessageKind:
    MSG_HELLO = 1
    MSG_OPEN = 2
    MSG_CLOSE = 3
    MSG_ERROR = 4
    MSG_BOOK = 5
    MSG_TRADE = 6
    MSG_ACK = 7
    MSG_REJECT = 8
    MSG_FILL = 9
    MSG_OUT = 10

# The faults of a line. FAULT_NAMES in _decode.pyx gives each its stable short name.
cdef enum Fault:
    FAULT_NONE = 0
    FAULT_NOT_JSON = 1        # not one JSON value, or not UTF-8
    FAULT_NOT_OBJECT = 2      # JSON, but not an object
    FAULT_TOO_DEEP = 3        # nested beyond the scanner's bound
    FAULT_NO_TYPE = 4         # no "type", or not a string
    FAULT_UNKNOWN_TYPE = 5
    FAULT_MISSING_FIELD = 6
    FAULT_WRONG_TYPE = 7      # a field of the wrong JSON type
    FAULT_OUT_OF_RANGE = 8    # a number outside the protocol's range
    FAULT_UNKNOWN_SYMBOL = 9  # a symbol that is not one of the seven
    FAULT_BAD_DIRECTION = 10  # neither BUY nor SELL
    FAULT_BAD_BOOK = 11       # not best price first
    FAULT_OVERSIZED = 12      # a line beyond the length bound, skipped to its newline

cdef struct Message:
    int32_t kind
    int32_t symbol
    int32_t side
    int32_t price
    int32_t size
    int32_t n_bids
    int32_t n_asks
    int64_t order_id
    Level bids[MAX_LEVELS]
    Level asks[MAX_LEVELS]
    bint deep               # of a book: it had more levels than fit; the best ones are kept
    # hello uses symbol_mask, positions of its symbols, and cash; open and close use symbol_mask alone.
    uint32_t symbol_mask
    int64_t positions[N_SYMBOLS]
    int64_t cash
    # error and reject: the undecoded inside of the JSON string, a pointer into the line.
    const char* text
    Py_ssize_t text_length

cdef enum RequestKind:
    REQ_HELLO = 1
    REQ_ADD = 2
    REQ_CONVERT = 3
    REQ_CANCEL = 4

# A client's request to the exchange. `text` is the team of a hello, undecoded, a pointer into the line.
cdef struct Request:
    int32_t kind
    int32_t symbol
    int32_t side
    int32_t price
    int32_t size
    int64_t order_id
    const char* text
    Py_ssize_t text_length
