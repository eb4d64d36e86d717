"""C API of a sweep's cells: the state of a cell, and its run over a window of rows."""
from libc.stdint cimport int64_t

from arbcore.research._equity cimport Equity
from arbcore.carry._row_source cimport QuoteRow
from arbcore.carry._values cimport Value
from arbcore.research._money cimport Terms, Totals
from arbcore.research._sweep_bits cimport Bitmap

cdef enum:
    # The rows of a bitmap's word and of a window. A summary has 64 bits, and the quotes, deviations and
    # bitmaps of one window fit in the second-level cache.
    WORD = 64
    WINDOW_WORDS = 64
    WINDOW_ROWS = 4096


# Consecutive rows of one contract.
cdef struct Segment:
    Py_ssize_t end           # the index after its last row
    int64_t expiry_ns
    Py_ssize_t forced        # the row that closes a position at any price; -1: no such row
    bint roll                # the position closes on the row before, so this row may enter again


cdef struct Cell:
    # The cell's settings.
    Terms terms
    double wanted_bps
    double exit_bps
    double stop_bps          # 0: off
    int64_t max_hold_ns      # 0: off
    int64_t cooldown_ns
    bint close_at_end
    int group
    Py_ssize_t wanted        # the number of its bitmap among those of each kind
    Py_ssize_t leave
    # The cell's state.
    Totals totals
    double open_net          # P&L of the open position, as if closed at the last row
    Py_ssize_t held_rows
    Py_ssize_t at            # the next row to look at
    Py_ssize_t segment
    int64_t blocked_ns
    int side                 # 0 is flat, as in the signal
    Py_ssize_t entry
    Py_ssize_t forced
    bint roll
    double entry_dev
    double es_entry
    double spy_entry
    double shares
    double factor            # the level at the entry
    double funding           # the rate that a long pays; below, the rate that a short earns
    double short
    double cost              # of the round trip; a broker's: twice the entry's until the exit's is known
    double fees
    # Equity over all rows; NULL if it is not requested.
    Equity* equity
    Py_ssize_t counted       # rows counted in it, without the one before ``at``: a roll may close there
    bint failed              # memory ran out
    # Marked equity with interest and dividends at the last row of each period; NULL if it is not requested.
    double* marks
    Py_ssize_t marked


# The rows of one window for a group of cells with the same deviation on every row. Bits and columns count
# from ``first``, everything else from the start of the data.
cdef struct Window:
    const QuoteRow* rows
    Py_ssize_t count         # of all rows
    const Segment* segments
    Py_ssize_t first
    Py_ssize_t end
    const double* dev_bps
    const double* cc_bps     # NaN where no entry is allowed; rev_bps too
    const double* rev_bps
    const double* word_low   # the lowest deviation of each word
    const double* word_high
    const Value* values      # the values of the window's rows
    const int64_t* settled   # for every row: the settlement day of a trade on it
    const Py_ssize_t* period_ends
    Py_ssize_t periods


cdef void cell_run(Cell* cell, const Window* window, const Bitmap* enter, const Bitmap* leave_cc,
                   const Bitmap* leave_rev) noexcept nogil
cdef void cell_end(Cell* cell, const Window* window) noexcept nogil
