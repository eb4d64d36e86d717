"""A sweep: runs many settings over the same rows; each cell's numbers equal its single run bit by bit.

Owns the numbers of a cell, their storage, and the choice between going from event to event and a single run.
Rows come from ``_sweep_rows``. It must not know threads, files and ranges.
"""
import struct
from array import array

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING
from libc.math cimport NAN
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

from arbcore.carry._values cimport RowValues
from arbcore.research._equity cimport Equity, equity_closes
from arbcore.research._money cimport Dividend, terms_of
from arbcore.research._sweep_bits cimport Bitmap
from arbcore.research._sweep_cells cimport WINDOW_ROWS, Cell, cell_end, cell_run
from arbcore.research._sweep_rows cimport SweepRows
from arbcore.research._sweep_window cimport SegmentTable, SweepGroup, SweepWindow

from arbcore.research._backtest import Backtest
from arbcore.core.backtest_options import BACKTEST_OPTIONS
from arbcore.research.daily import daily_statistics
from arbcore.research.periods import period_ends

#: Columns of integers, of other numbers, and of numbers that need every row (only with ``full``).
COUNTS = ("trades", "wins")
NUMBERS = (
    "gross_pnl", "costs", "financing", "dividends", "net_pnl", "open_pnl", "total_pnl",
    "winning_pnl", "losing_pnl", "profit_factor", "exposure", "average_hold_s", "max_drawdown_closed",
)
FULL_NUMBERS = ("max_drawdown", "sharpe")

#: The settings that a run from event to event does not support, with the values that switch them off.
_NEUTRAL = tuple([(item.name, item.default) for item in BACKTEST_OPTIONS.values() if not item.jumps])
#: The settings that rows are valued with: cells with the same ones share the values of the rows.
_VALUED_BY = tuple([item.name for item in BACKTEST_OPTIONS.values() if item.values_rows])


def period_name(number) -> str:
    """The name of the column with a period's P&L."""
    return f"period_{number}"


@cython.final
cdef class SweepBlock:
    """The numbers of cells by column: ``array("q")`` for counts, else ``array("d")``; NaN is undefined.

    With ``evidence`` there is a column for each period, ``period_0`` and so on, with each cell's P&L. Blocks
    can be pickled; ``joined`` concatenates them in the given order.
    """

    cdef readonly dict columns

    def __init__(self, dict columns not None):
        self.columns = columns

    def __reduce__(self):
        return SweepBlock, (self.columns,)

    def __len__(self) -> int:
        return len(self.columns["trades"])

    def __eq__(self, other) -> bool:
        # Compares bytes: an undefined number equals another, and 0.0 is not -0.0.
        if not isinstance(other, SweepBlock):
            return NotImplemented
        return (
            list(self.columns) == list(other.columns)
            and all(self.columns[name].tobytes() == other.columns[name].tobytes() for name in self.columns)
        )

    @staticmethod
    def empty(count, *, full, periods=0):
        """A block of ``count`` cells with zeros."""
        names = {name: "q" for name in COUNTS} | {name: "d" for name in NUMBERS}
        names |= {name: "d" for name in FULL_NUMBERS} if full else {}
        names |= {period_name(number): "d" for number in range(periods)}
        return SweepBlock({name: array(code, bytes(8 * count)) for name, code in names.items()})

    @staticmethod
    def joined(blocks):
        """All cells of several blocks, in order."""
        columns = {}
        for block in blocks:
            for name, column in block.columns.items():
                columns.setdefault(name, array(column.typecode)).extend(column)
        return SweepBlock(columns)

    def set_cell(self, at, summary) -> None:
        """Stores the numbers of one cell from the summary of its single run."""
        average_ns = summary["average_hold_ns"]
        found = summary | {"average_hold_s": None if average_ns is None else average_ns / 1e9}
        for name, column in self.columns.items():
            if name not in found:
                continue
            value = found[name]
            column[at] = float("nan") if value is None else value


def can_jump(settings) -> bool:
    """Whether a cell with these settings can go from event to event."""
    return all([getattr(settings, name) == neutral for name, neutral in _NEUTRAL])


@cython.final
cdef class SweepRun:
    """Runs cells over the rows: call ``advance`` until it returns False, then ``block``.

    Cells go over the rows one window at a time, from event to event. With ``full`` they also count the equity
    of the rows between events, with ``evidence`` the P&L by period. A cell with a setting that this does not
    support runs as its own ``Backtest``. ``expiries_ns`` and ``fixed`` are those of ``Backtest``.
    """

    cdef readonly int64_t done, total
    cdef SweepRows rows
    cdef SweepBlock result
    cdef SegmentTable table
    cdef SweepWindow window
    cdef object settings, expiries_ns
    cdef bint fixed
    cdef Cell* cells
    cdef Equity* equities
    cdef double* marks
    cdef int64_t[::1] ends
    cdef Py_ssize_t periods
    cdef Py_ssize_t cell_count, next_row, next_single
    cdef list places, singles, groups, schedules

    def __init__(self, SweepRows rows not None, settings, *, expiries_ns, bint fixed, bint full=False,
                 bint evidence=False):
        cdef Py_ssize_t maps = 1
        cdef SweepGroup group
        self.rows, self.settings = rows, list(settings)
        self.expiries_ns, self.fixed = tuple(expiries_ns), fixed
        ends = period_ends(rows.count, rows.ts_ns) if evidence else []
        self.ends = array("q", ends)
        self.periods = len(ends)
        self.result = SweepBlock.empty(len(self.settings), full=full, periods=self.periods)
        self.total = len(self.settings) * max(1, rows.count)
        jumps = [can_jump(each) for each in self.settings]
        self.singles = [place for place, jump in enumerate(jumps) if not jump]
        self.table = SegmentTable(rows, expiries_ns=self.expiries_ns, fixed=fixed)
        self.collect([place for place, jump in enumerate(jumps) if jump], full)
        for group in self.groups:
            maps = max(maps, group.wanted.shape[0] + 2 * group.leave.shape[0])
        self.window = SweepWindow(rows, self.table, maps=maps)
        if self.periods:
            self.window.window.period_ends = <const Py_ssize_t*>&self.ends[0]
            self.window.window.periods = self.periods

    def __dealloc__(self):
        cdef Py_ssize_t at
        if self.equities != NULL:
            for at in range(self.cell_count):
                free(self.equities[at].closes.data)
        free(self.equities)
        free(self.marks)
        free(self.cells)

    cdef int collect(self, list places, bint full) except -1:
        """Makes the cells for the settings with these numbers; cells of one group are next to each other."""
        cdef SweepGroup group
        cdef Py_ssize_t at = 0
        by_group = {}
        for place in places:
            each = self.settings[place]
            key = tuple([getattr(each, name) for name in _VALUED_BY])
            by_group.setdefault(key, []).append(place)
        self.cells = <Cell*>calloc(max(1, len(places)), sizeof(Cell))
        self.groups, self.places, self.schedules = [], [], []
        if self.cells == NULL:
            raise MemoryError
        if full:
            self.equities = <Equity*>calloc(max(1, len(places)), sizeof(Equity))
            if self.equities == NULL:
                raise MemoryError
            self.cell_count = len(places)
        if self.periods:
            self.marks = <double*>calloc(max(1, len(places) * self.periods), sizeof(double))
            if self.marks == NULL:
                raise MemoryError
        schedules = {}
        for members in by_group.values():
            group = SweepGroup(self.settings[members[0]].row_terms)
            group.first_cell, group.end_cell = at, at + len(members)
            for place in members:
                self.make(&self.cells[at], self.settings[place], group, schedules)
                if self.periods:
                    self.cells[at].marks = self.marks + at * self.periods
                if full:
                    self.cells[at].equity = &self.equities[at]
                    if self.rows.count > 0:
                        self.equities[at].water.peak_ns = self.rows.rows[0].ts_ns
                at += 1
            group.seal()
            self.groups.append(group)
            self.places += members
        return 0

    cdef int make(self, Cell* cell, settings, SweepGroup group, dict schedules) except -1:
        """Initialises a cell before its first row."""
        terms_of(&cell.terms, settings)
        if settings.dividends:
            schedule = schedules.get(settings.dividends)
            if schedule is None:
                schedule = b"".join(struct.pack("qdi4x", *each) for each in settings.dividends)
                schedules[settings.dividends] = schedule
                self.schedules.append(schedule)
            cell.terms.dividends = <const Dividend*>PyBytes_AS_STRING(schedule)
            cell.terms.dividend_count = len(settings.dividends)
        cell.wanted_bps = settings.entry_bps + settings.cost_bps
        cell.exit_bps, cell.stop_bps = settings.exit_wanted_bps, settings.stop_bps
        cell.max_hold_ns, cell.cooldown_ns = settings.max_hold_ns, settings.cooldown_ns
        cell.close_at_end = settings.close_at_end
        cell.wanted = group.wanted_places.setdefault(cell.wanted_bps, len(group.wanted_places))
        cell.leave = group.leave_places.setdefault(cell.exit_bps, len(group.leave_places))
        group.stops |= cell.stop_bps > 0.0
        cell.blocked_ns = (<int64_t>-0x7FFFFFFFFFFFFFFFLL) - 1
        return 0

    def advance(self) -> bool:
        """Runs all cells over one window, or one single cell; returns False if nothing is left."""
        if self.next_row < self.rows.count and self.groups:
            self.advance_window()
        elif self.next_single < len(self.singles):
            self.advance_single()
        else:
            return False
        return True

    cdef int advance_window(self) except -1:
        cdef Py_ssize_t end = min(self.next_row + WINDOW_ROWS, self.rows.count), at
        cdef SweepGroup group
        cdef Bitmap enter, leave_cc, leave_rev
        cdef Cell* cell
        with nogil:
            self.window.move(self.next_row, end)
        for group in self.groups:
            self.window.derive(group)
            with nogil:
                for at in range(group.first_cell, group.end_cell):
                    cell = &self.cells[at]
                    self.window.bitmap(cell.wanted, &enter)
                    self.window.bitmap(group.wanted.shape[0] + cell.leave, &leave_cc)
                    self.window.bitmap(
                        group.wanted.shape[0] + group.leave.shape[0] + cell.leave, &leave_rev)
                    cell_run(cell, &self.window.window, &enter, &leave_cc, &leave_rev)
        self.done += (end - self.next_row) * len(self.places)
        self.next_row = end
        return 0

    cdef int advance_single(self) except -1:
        place = self.singles[self.next_single]
        kernel = Backtest(
            self.settings[place], expiries_ns=self.expiries_ns, fixed=self.fixed, keep_marks=self.periods > 0)
        kernel.feed_memory(self.rows)
        kernel.end()
        if self.periods:
            for number, pnl in enumerate(kernel.periods()):
                self.result.columns[period_name(number)][place] = pnl
        self.result.set_cell(place, kernel.summary())
        self.next_single += 1
        self.done += self.rows.count
        return 0

    def block(self) -> SweepBlock:
        """Returns the numbers of all cells; the run is then over."""
        cdef Py_ssize_t at
        while self.advance():
            pass
        for at in range(len(self.places)):
            cell_end(&self.cells[at], &self.window.window)
            if self.cells[at].failed:
                raise MemoryError
            self.write(&self.cells[at], self.places[at])
        self.write_periods()
        self.done = self.total
        return self.result

    cdef int write(self, const Cell* cell, Py_ssize_t place) except -1:
        """Writes a cell's numbers into the block, with the operations of the single run's summary."""
        columns = self.result.columns
        trades = cell.totals.trades
        columns["trades"][place] = trades
        columns["wins"][place] = cell.totals.wins
        columns["gross_pnl"][place] = cell.totals.gross
        columns["costs"][place] = cell.totals.costs
        columns["financing"][place] = cell.totals.financing
        columns["dividends"][place] = cell.totals.dividends
        columns["net_pnl"][place] = cell.totals.net
        columns["open_pnl"][place] = cell.open_net
        columns["total_pnl"][place] = cell.totals.net + cell.open_net
        columns["winning_pnl"][place] = cell.totals.won
        columns["losing_pnl"][place] = cell.totals.lost
        columns["profit_factor"][place] = (
            cell.totals.won / -cell.totals.lost if cell.totals.lost < 0 else NAN)
        columns["exposure"][place] = cell.held_rows / self.rows.count if self.rows.count else NAN
        columns["average_hold_s"][place] = (
            float(cell.totals.hold_ns) / trades / 1e9 if trades else NAN)
        columns["max_drawdown_closed"][place] = cell.totals.drawdown
        if cell.equity != NULL:
            drawdown = cell.equity.water.drawdown
            sharpe = daily_statistics(equity_closes(cell.equity), drawdown)["sharpe"]
            columns["max_drawdown"][place] = drawdown
            columns["sharpe"][place] = NAN if sharpe is None else sharpe
        return 0

    cdef int write_periods(self) except -1:
        """Writes the P&L by period of the cells that went from event to event, one column at a time."""
        cdef const int64_t[::1] places = array("q", self.places)
        cdef double[::1] column
        cdef const double* marks
        cdef Py_ssize_t number, at
        for number in range(self.periods):
            column = self.result.columns[period_name(number)]
            for at in range(places.shape[0]):
                marks = self.cells[at].marks
                column[places[at]] = marks[number] - (marks[number - 1] if number else 0.0)
        return 0


def run_block(SweepRows rows not None, settings, *, expiries_ns, bint fixed, bint full=False,
              bint evidence=False) -> SweepBlock:
    """Runs each of the settings over the rows and returns their numbers. It releases the interpreter's lock.

    The arguments are those of ``SweepRun``.
    """
    return SweepRun(
        rows, settings, expiries_ns=expiries_ns, fixed=fixed, full=full, evidence=evidence).block()


cdef RowValues go_over(SweepRows rows, settings, expiries_ns, bint fixed, SweepRows leveled):
    """Values all rows once; writes each row's level as its factor into ``leveled`` if that is not None."""
    cdef SegmentTable table = SegmentTable(rows, expiries_ns=tuple(expiries_ns), fixed=fixed)
    cdef RowValues values = RowValues(settings.row_terms, keep_outliers=True)
    cdef SweepWindow window = SweepWindow(rows, table, maps=1)
    cdef Py_ssize_t first = 0, end, at
    while first < rows.count:
        end = min(first + WINDOW_ROWS, rows.count)
        with nogil:
            window.move(first, end)
            values.fill(rows.rows + first, window.expiries_ns, end - first, window.values, window.columns,
                        window.columns + WINDOW_ROWS, window.columns + 2 * WINDOW_ROWS)
            if leveled is not None:
                for at in range(first, end):
                    leveled.rows[at].factor = window.values[at - first].f
        first = end
    values.finish()
    return values


def leveled(SweepRows rows not None, settings, *, expiries_ns, bint fixed) -> SweepRows:
    """A copy of the rows with the level of each row as its factor; NaN while the level warms up."""
    cdef SweepRows copy = rows.window(0, rows.count)
    go_over(rows, settings, expiries_ns, fixed, copy)
    copy.has_factor = True
    return copy


def row_values(SweepRows rows not None, settings, *, expiries_ns, bint fixed) -> RowValues:
    """The values and counts of all rows, which do not depend on any trades."""
    return go_over(rows, settings, expiries_ns, fixed, None)
