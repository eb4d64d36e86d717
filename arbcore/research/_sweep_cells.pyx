"""One cell of a sweep over a window of rows: it goes from event to event, not from row to row.

A position ends by expiry, stop, longest hold or convergence, in the order of ``_signal``. On the same row
each of them gives the same P&L, so only the earliest row matters. ``_money`` computes a trade's money, and
bitmaps give the rows that reach a threshold. Results equal those of ``_backtest`` to the last bit.
"""
from libc.stdint cimport int64_t, uint64_t

from arbcore.research._equity cimport Held, equity_take
from arbcore.carry._row_source cimport QuoteRow
from arbcore.research._money cimport (
    Totals, cost_of, dividends_of, fees_of, fills_of, financing_of, gross_of, rates_of, shares_of, totals_add,
    whole_cost,
)
from arbcore.carry._signal cimport Quote
from arbcore.carry._values cimport Value
from arbcore.research._sweep_bits cimport Bitmap, next_bit


cdef inline Quote quote_of(const QuoteRow* row) noexcept nogil:
    return Quote(row.es_bid, row.es_ask, row.spy_bid, row.spy_ask)


cdef void count_some(Cell* cell, const QuoteRow* rows, Py_ssize_t first, Py_ssize_t end) noexcept nogil:
    """Counts the equity of rows on which the cell did not change."""
    cdef Held held = Held(cell.totals.net, 0.0, 0.0, 0.0, 0.0, 0.0)
    if cell.side != 0:
        held = Held(cell.totals.net, cell.es_entry, cell.spy_entry, cell.side * cell.terms.notional,
                    cell.side * cell.shares, 0.5 * cell.cost)
    if not equity_take(cell.equity, rows, first, end, &held):
        cell.failed = True


cdef void mark_before(Cell* cell, const Window* window, Py_ssize_t end) noexcept nogil:
    """Stores the cell's marks for the periods that end before row ``end``, on which the cell changes."""
    cdef Py_ssize_t at
    cdef const QuoteRow* row
    cdef double mark
    while cell.marked < window.periods and window.period_ends[cell.marked] < end:
        at = window.period_ends[cell.marked]
        row = &window.rows[at]
        mark = cell.totals.net
        if cell.side != 0:
            mark += (
                cell.side * cell.terms.notional * ((row.es_bid + row.es_ask) / 2 - cell.es_entry)
                - cell.side * cell.shares * ((row.spy_bid + row.spy_ask) / 2 - cell.spy_entry)
                - 0.5 * cell.cost
            )
            mark += (financing_of(&cell.terms, cell.side, cell.shares * cell.spy_entry, cell.funding,
                                  cell.short,
                                  window.settled[at] - window.settled[cell.entry])
                     + dividends_of(&cell.terms, cell.side, cell.shares, cell.factor,
                                    window.rows[cell.entry].ts_ns, row.ts_ns))
        cell.marks[cell.marked] = mark
        cell.marked += 1


cdef inline void count_before(Cell* cell, const Window* window, Py_ssize_t end) noexcept nogil:
    """Counts the rows before row ``end``, on which the cell changes, if they are not counted yet."""
    if cell.marks != NULL:
        mark_before(cell, window, end)
    if cell.equity == NULL or cell.counted >= end:
        return
    count_some(cell, window.rows, cell.counted, end)
    cell.counted = end


cdef inline void enter(Cell* cell, const Window* window, Py_ssize_t at, int side) noexcept nogil:
    cdef Quote quote = quote_of(&window.rows[at])
    cdef const Segment* segment
    cdef const Value* value
    count_before(cell, window, at)
    fills_of(&cell.terms, side, &quote, &cell.es_entry, &cell.spy_entry)
    cell.shares = shares_of(&cell.terms, cell.es_entry, cell.spy_entry)
    cell.fees = fees_of(&cell.terms, cell.shares, cell.spy_entry, side, window.rows[at].ts_ns)
    cell.cost = cost_of(&cell.terms, cell.es_entry) + cell.fees
    value = &window.values[at - window.first]
    cell.factor = value.f
    rates_of(&cell.terms, cell.shares * cell.spy_entry, value.r, &cell.funding, &cell.short)
    cell.side = side
    cell.entry = at
    cell.entry_dev = window.dev_bps[at - window.first]
    while window.segments[cell.segment].end <= at:
        cell.segment += 1
    segment = &window.segments[cell.segment]
    cell.forced, cell.roll = segment.forced, segment.roll
    cell.at = at + 1


cdef inline double close(const Cell* cell, const Window* window, Py_ssize_t at,
                         Totals* totals) noexcept nogil:
    """Adds the trade of closing the position at the quotes of a row to the totals; returns its net P&L."""
    cdef Quote quote = quote_of(&window.rows[at])
    cdef int64_t entry_ns = window.rows[cell.entry].ts_ns, now_ns = window.rows[at].ts_ns
    cdef double es, spy, cost
    fills_of(&cell.terms, -cell.side, &quote, &es, &spy)
    cost = whole_cost(&cell.terms, cell.cost, cell.shares, spy, cell.side, now_ns)
    return totals_add(
        totals,
        gross_of(&cell.terms, cell.side, cell.shares, es - cell.es_entry, spy - cell.spy_entry),
        cost,
        cost if cell.terms.broker else cell.fees,
        financing_of(&cell.terms, cell.side, cell.shares * cell.spy_entry, cell.funding, cell.short,
                     window.settled[at] - window.settled[cell.entry]),
        dividends_of(&cell.terms, cell.side, cell.shares, cell.factor, entry_ns, now_ns),
        now_ns - entry_ns,
    )


cdef inline void leave(Cell* cell, const Window* window, Py_ssize_t at) noexcept nogil:
    """Closes the position at the quotes of a row."""
    cdef int64_t now_ns = window.rows[at].ts_ns, latest = 0x7FFFFFFFFFFFFFFFLL
    close(cell, window, at, &cell.totals)
    cell.held_rows += at - cell.entry
    cell.side = 0
    cell.blocked_ns = latest if now_ns > latest - cell.cooldown_ns else now_ns + cell.cooldown_ns


cdef Py_ssize_t first_at(const QuoteRow* rows, Py_ssize_t at, Py_ssize_t limit, int64_t ts_ns) noexcept nogil:
    """The first row from ``at`` on whose time is at or after ``ts_ns``; ``limit`` if none is before it."""
    cdef Py_ssize_t step = 1, low = at, high = at, middle
    # The steps double: the row is mostly near.
    while high < limit and rows[high].ts_ns < ts_ns:
        low = high + 1
        high += step
        step *= 2
    high = min(high, limit)
    while low < high:
        middle = low + (high - low) // 2
        if rows[middle].ts_ns < ts_ns:
            low = middle + 1
        else:
            high = middle
    return low


cdef Py_ssize_t first_stop(const Cell* cell, const Window* window, Py_ssize_t limit) noexcept nogil:
    """The first row from the next one on that reaches the stop; ``limit`` if there is none."""
    cdef Py_ssize_t at = cell.at - window.first, end = limit - window.first, word
    cdef double entry = cell.entry_dev, stop = cell.stop_bps
    cdef const double* dev = window.dev_bps
    # x is the deviation, negated for a reverse: -a - -b equals b - a to the last bit. Rounding keeps the
    # order of differences: if the extreme of a word does not reach the stop, no row of the word does.
    while at < end:
        word = at // WORD
        if (window.word_high[word] - entry if cell.side < 0 else entry - window.word_low[word]) >= stop:
            for at in range(at, min(end, (word + 1) * WORD)):
                if (dev[at] - entry if cell.side < 0 else entry - dev[at]) >= stop:
                    return at + window.first
        at = (word + 1) * WORD
    return limit


cdef inline Py_ssize_t first_exit(const Cell* cell, const Window* window, const Bitmap* leave_map,
                                  Py_ssize_t limit) noexcept nogil:
    """The first row from the next one on that ends the position by any rule; ``limit`` if there is none."""
    cdef Py_ssize_t found = window.first + next_bit(
        leave_map, cell.at - window.first, limit - window.first)
    cdef const QuoteRow* rows = window.rows
    cdef uint64_t entry_ns
    if cell.stop_bps > 0.0:
        found = first_stop(cell, window, found)
    if cell.max_hold_ns > 0 and found > cell.at:
        entry_ns = <uint64_t>rows[cell.entry].ts_ns
        if <uint64_t>rows[found - 1].ts_ns - entry_ns >= <uint64_t>cell.max_hold_ns:
            found = first_at(rows, cell.at, found, <int64_t>(entry_ns + <uint64_t>cell.max_hold_ns))
    return found


cdef void cell_run(Cell* cell, const Window* window, const Bitmap* enter_map, const Bitmap* leave_cc,
                   const Bitmap* leave_rev) noexcept nogil:
    """Runs a cell from its next row to the end of the window."""
    cdef Py_ssize_t limit, at
    cdef const QuoteRow* rows = window.rows
    while cell.at < window.end:
        if cell.side == 0:
            at = window.first + next_bit(
                enter_map, cell.at - window.first, window.end - window.first)
            if at < window.end and rows[at].ts_ns < cell.blocked_ns:
                cell.at = first_at(rows, at, window.end, cell.blocked_ns)
                continue
            if at == window.end:
                cell.at = at
                break
            enter(cell, window, at, -1 if window.cc_bps[at - window.first] >= cell.wanted_bps else 1)
            continue
        limit = window.end
        if 0 <= cell.forced < limit:
            limit = cell.forced
        at = first_exit(cell, window, leave_cc if cell.side < 0 else leave_rev, limit)
        if at < limit:
            count_before(cell, window, at)
            leave(cell, window, at)
            cell.at = at + 1
        elif limit == window.end and not 0 <= cell.forced < window.end:
            cell.at = limit
        elif cell.roll:
            # The position closed on the last row of its contract; this row may enter another one.
            count_before(cell, window, limit - 1)
            leave(cell, window, limit - 1)
            cell.at = limit
        else:
            count_before(cell, window, limit)
            leave(cell, window, limit)
            cell.at = limit + 1
    count_before(cell, window, window.end - 1)


cdef void cell_end(Cell* cell, const Window* window) noexcept nogil:
    """Ends the data: an open position is closed at the last row, or stays open and counts as held."""
    cdef Totals aside
    cdef Py_ssize_t last = window.count - 1
    if cell.side != 0 and cell.close_at_end:
        leave(cell, window, last)
    if cell.equity != NULL and window.count > 0:
        count_some(cell, window.rows, last, window.count)
        cell.counted = window.count
    if cell.side != 0:
        aside = cell.totals
        cell.open_net = close(cell, window, last, &aside)
        cell.held_rows += window.count - cell.entry
        cell.side = 0
    # The last period includes the open position as if it were closed.
    if cell.marks != NULL and window.periods > 0:
        cell.marks[window.periods - 1] = cell.totals.net + cell.open_net
        cell.marked = window.periods
