"""C API of a sweep's cells: what one is, and how it goes over a window of rows."""
from libc.stdint cimport int64_t

from arbcore.research._equity cimport Equity
from arbcore.carry._row_source cimport QuoteRow
from arbcore.carry._values cimport Value
from arbcore.research._money cimport Terms, Totals
from arbcore.research._sweep_bits cimport Bitmap

cdef enum:
    # Rows of a word of a bitmap, and of a window: a summary has 64 bits, and the quotes, deviations and
    # bitmaps of so many rows stay in the second-level cache.
    WORD = 64
    WINDOW_WORDS = 64
    WINDOW_ROWS = 4096


# Rows of one contract in a row.
cdef struct Segment:
    Py_ssize_t end           # behind its last row
    int64_t expiry_ns
    Py_ssize_t forced        # the row that ends a position whatever its prices; -1: there is none
    bint roll                # the position ends at the row before, so that this row may enter again


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
    Py_ssize_t wanted        # the number of its bitmap of each kind
    Py_ssize_t leave
    # The cell's state.
    Totals totals
    double open_net          # P&L of what is left open, as if closed at the last row
    Py_ssize_t held_rows
    Py_ssize_t at            # the next row to look at
    Py_ssize_t segment
    int64_t blocked_ns
    int side                 # 0 flat, as in the signal
    Py_ssize_t entry
    Py_ssize_t forced
    bint roll
    double entry_dev
    double es_entry
    double spy_entry
    double shares
    double factor            # the level at the entry
    double funding           # what a long pays, and what a short earns
    double short
    double cost              # of the round trip, or twice the entry's where the exit's is not known yet
    double fees
    # Equity over all rows, where that is asked for, else NULL.
    Equity* equity
    Py_ssize_t counted       # rows counted in it; the last one before ``at`` is not: a roll may close on it
    bint failed              # memory was out
    # Marked equity at the last row of each period, with interest and dividends, where that is asked for.
    double* marks
    Py_ssize_t marked


# Some rows of one group of cells, which agree on the deviation of every row. Bits and columns count from
# ``first``, everything else from the start of the data.
cdef struct Window:
    const QuoteRow* rows
    Py_ssize_t count         # of all rows
    const Segment* segments
    Py_ssize_t first
    Py_ssize_t end
    const double* dev_bps
    const double* cc_bps     # not a number where nothing may be entered; so is rev_bps
    const double* rev_bps
    const double* word_low   # of the deviations of each word
    const double* word_high
    const Value* values      # of the window's rows
    const int64_t* settled   # of every row: the day on which a trade is paid
    const Py_ssize_t* period_ends
    Py_ssize_t periods


cdef void cell_run(Cell* cell, const Window* window, const Bitmap* enter, const Bitmap* leave_cc,
                   const Bitmap* leave_rev) noexcept nogil
cdef void cell_end(Cell* cell, const Window* window) noexcept nogil
