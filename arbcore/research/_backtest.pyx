"""The backtest: turns valid rows into ledger, equity and statistics, in one pass and constant memory.

Owns the roll and expiry of positions and every running statistic; ``reference.backtest`` is the
specification. ``_values`` values a row (level, rates, dividends to expiry), ``_signal`` decides when to enter
and exit, ``_money`` computes a trade's money. Trades and equity are stored only on request, until the caller
takes them.
"""
import array

cimport cython
from cpython cimport array
from libc.stdint cimport int64_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from arbcore.carry._contracts cimport (
    DONE, NO_CONTRACT, NO_MEMORY, TOO_MANY, Contracts, contracts_begin, contracts_free, contracts_take,
    contracts_used,
)
from arbcore.carry._growing cimport Growing, one_more
from arbcore.carry._row_source cimport QuoteRow, RowSource
from arbcore.carry._signal cimport (
    STAY, Quote, Rules, SignalState, signal_choose, signal_reset,
)
from arbcore.carry._values cimport Closing, RowValues, Value
from arbcore.research._envelope cimport Envelope
from arbcore.research._equity cimport (
    Equity, Held, equity_close, equity_closes, equity_date, equity_dates, equity_note, equity_take,
    held_equity, water_through,
)
from arbcore.research._ledger cimport Ledger
from arbcore.research._money cimport Dividend, Terms, Totals, deviation_at, terms_of, totals_add
from arbcore.research._position cimport (
    END_OF_DATA, ENTERING, FLAT, HOLDING, LEAVING, REASONS, ROLL, Position, Trade, position_accrued,
    position_act, position_held, position_settle, position_unrealised, position_wait,
)
from arbcore.research._sweep_rows cimport SweepRows

from arbcore.carry._contracts import no_contract, too_many_contracts
from arbcore.errors import BrokenInvariant
from arbcore.research._ledger import EXIT_REASONS, SIDE_NAMES
from arbcore.research.daily import daily_statistics
from arbcore.research.periods import BLOCKS, DATES_MIN

cdef enum:
    BATCH = 512
    # The most marks stored. When it is reached, every second mark is dropped, again and again.
    MARKS_MAX = 1 << 20


# Final, so the steps of the loop are direct calls that the compiler may inline.
@cython.final
cdef class Backtest:
    """One run. Feed rows in order of time with ``feed``, call ``end`` once, then read ``summary``.

    ``expiries_ns`` are the contracts' expiries in order. Each row takes the first one after it; with
    ``fixed`` all rows take the only one. A row's own expiry is used instead of both. ``envelope`` collects
    the data of a chart of the run. ``beside`` is a second run with other fills or thresholds that gets the
    same valued rows. ``keep_marks`` stores the marks that ``periods`` needs.
    """

    cdef object settings
    cdef Rules rules
    cdef SignalState signal
    cdef Terms terms
    cdef Totals totals
    cdef bint close_at_end, keep_trades, keep_equity, keep_marks, named, ended, entry_noted
    cdef readonly RowValues values
    cdef Backtest beside
    cdef Contracts contracts
    cdef Equity equity
    cdef Growing dividends, marks, day_marks
    # The rows' equity; the arrays have more room than ``points``.
    cdef array.array point_times, point_values
    cdef Py_ssize_t points
    cdef int64_t mark_every
    cdef Ledger trades
    cdef Position position
    # The last row. Its equity becomes final with the next row.
    cdef bint last_there, last_held
    cdef int64_t last_ns
    cdef Quote last_quote
    cdef Value last_value
    cdef double last_equity, last_accrued
    cdef int64_t rows, committed, first_ns, held_rows, unfilled_entries
    cdef double carry, slippage
    cdef int64_t[6] reasons
    cdef Envelope envelope

    def __init__(self, settings, *, expiries_ns, bint fixed, bint keep_trades=False, bint keep_equity=False,
                 bint keep_marks=False, Envelope envelope=None, Backtest beside=None):
        cdef Dividend* dividend
        self.settings = settings
        self.rules.wanted_bps = settings.entry_bps + settings.cost_bps
        self.rules.exit_bps = settings.exit_wanted_bps
        self.rules.stop_bps = settings.stop_bps
        self.rules.max_hold_ns = settings.max_hold_ns
        self.rules.cooldown_ns = settings.cooldown_ns
        signal_reset(&self.signal)
        self.values = RowValues(settings.row_terms)
        self.close_at_end = settings.close_at_end
        self.keep_trades, self.keep_equity, self.keep_marks = keep_trades, keep_equity, keep_marks
        self.mark_every = 1
        self.point_times, self.point_values = array.array("q"), array.array("d")
        self.trades = Ledger(settings.contracts)
        self.envelope, self.beside = envelope, beside
        contracts_begin(&self.contracts, expiries_ns, fixed)
        for ex_ns, amount, points in settings.dividends:
            dividend = <Dividend*>one_more(&self.dividends, sizeof(Dividend))
            if dividend == NULL:
                raise MemoryError
            dividend[0] = Dividend(ex_ns, amount, points)
        terms_of(&self.terms, settings)
        self.terms.dividends = <const Dividend*>self.dividends.data
        self.terms.dividend_count = self.dividends.count

    def __dealloc__(self):
        contracts_free(&self.contracts)
        free(self.dividends.data)
        free(self.equity.closes.data)
        free(self.marks.data)
        free(self.day_marks.data)

    def feed(self, RowSource source not None) -> None:
        """Runs over all rows of the source."""
        cdef QuoteRow[BATCH] rows
        cdef Py_ssize_t count = BATCH
        while count == BATCH:
            count = source.fill(rows, BATCH)
            self.contracts.named = source.has_expiry
            self.feed_rows(rows, count)

    def feed_memory(self, SweepRows rows not None) -> None:
        """Runs over rows in memory."""
        self.contracts.named = rows.has_expiry
        self.feed_rows(rows.rows, rows.count)

    def feed_row(self, int64_t ts_ns, double es_bid, double es_ask, double spy_bid, double spy_ask, *,
                 factor=None, expiry_ns=None) -> None:
        """Runs over one valid row."""
        cdef QuoteRow row = QuoteRow(
            ts_ns, es_bid, es_ask, spy_bid, spy_ask, 0.0 if factor is None else factor,
            0 if expiry_ns is None else expiry_ns,
        )
        self.contracts.named = expiry_ns is not None
        self.feed_rows(&row, 1)

    cdef int feed_rows(self, const QuoteRow* rows, Py_ssize_t count) except -1:
        """Values rows in batches and runs over them."""
        cdef int64_t[BATCH] expiries_ns
        cdef Value[BATCH] values
        cdef double[BATCH] dev
        cdef double[BATCH] cc
        cdef double[BATCH] rev
        cdef Py_ssize_t first = 0, some
        cdef int failed = DONE
        while first < count:
            some = min(<Py_ssize_t>BATCH, count - first)
            # If a row has no contract, the rows before it are still processed.
            failed = contracts_take(&self.contracts, &rows[first], some, expiries_ns, &some)
            with nogil:
                self.values.fill(&rows[first], expiries_ns, some, values, dev, cc, rev)
            self.take(self.values, self.contracts.named, &rows[first], expiries_ns, values, dev, cc, rev,
                      some)
            if failed != DONE:
                return self.raise_failure(failed, rows[first + some].ts_ns)
            first += some
        return 0

    cdef int take(self, RowValues values, bint named, const QuoteRow* rows, const int64_t* expiries_ns,
                  const Value* value, const double* dev, const double* cc, const double* rev,
                  Py_ssize_t count) except -1:
        """Runs over valued rows; it goes from each row on which something happens to the next one."""
        cdef Py_ssize_t at = 0, first
        cdef int failed = DONE
        self.named = named
        self.make_room(count)
        with nogil:
            while at < count and failed == DONE:
                if self.position.phase == FLAT and self.envelope is None and (
                        self.equity.water.peak_ns >= 0):
                    first = at
                    # A comparison with NaN is False, so a NaN edge enters nothing.
                    while at < count and not (
                            cc[at] >= self.rules.wanted_bps or rev[at] >= self.rules.wanted_bps):
                        at += 1
                    if at > first:
                        failed = self.take_flat(rows, value, first, at)
                    if at == count:
                        break
                elif self.position.phase == HOLDING and self.envelope is None:
                    first = at
                    while at < count and expiries_ns[at] == self.position.expiry_ns and STAY == signal_choose(
                            &self.rules, &self.signal, rows[at].ts_ns, expiries_ns[at], dev[at], cc[at],
                            rev[at]):
                        at += 1
                    if at > first:
                        failed = self.take_held(rows, value, first, at)
                    if at == count:
                        break
                failed |= self.step(values, &rows[at], expiries_ns[at], &value[at], dev[at], cc[at],
                                    rev[at], at)
                at += 1
        if failed != DONE:
            self.raise_failure(failed, 0)
        if self.beside is not None:
            self.beside.take(values, named, rows, expiries_ns, value, dev, cc, rev, count)
        return 0

    cdef int raise_failure(self, int failed, int64_t ts_ns) except -1:
        if failed == NO_MEMORY:
            raise MemoryError
        if failed == NO_CONTRACT:
            raise no_contract(ts_ns)
        if failed == TOO_MANY:
            raise too_many_contracts(ts_ns)
        return 0

    cdef void remember(self, const QuoteRow* row, const Value* value) noexcept nogil:
        if self.rows == 0:
            self.first_ns = row.ts_ns
            self.equity.water.peak_ns = row.ts_ns
        self.rows += 1
        self.last_there = True
        self.last_ns = row.ts_ns
        self.last_quote = Quote(row.es_bid, row.es_ask, row.spy_bid, row.spy_ask)
        self.last_value = value[0]
        self.last_held = position_held(&self.position)
        self.last_equity = self.totals.net + position_unrealised(
            &self.terms, &self.position, &self.last_quote)
        if self.keep_marks:
            self.last_accrued = position_accrued(&self.terms, &self.position, row.ts_ns, value.settled)

    cdef int step(self, RowValues values, const QuoteRow* row, int64_t expiry_ns, const Value* value,
                  double dev, double cc, double rev, Py_ssize_t at) noexcept nogil:
        """Processes one valid row, from start to end."""
        cdef int action, failed = DONE
        cdef Quote quote
        cdef Position* position = &self.position
        cdef Trade trade
        cdef const Closing* closing
        if position.phase != FLAT and expiry_ns != position.expiry_ns:
            if self.named:
                failed = self.close_at_last(ROLL)
            else:
                # The contract of the position has expired; it is valued with its own contract.
                closing = values.closing_of(at)
                expiry_ns = position.expiry_ns
                if closing != NULL:
                    value = &closing.value
        failed |= self.commit()
        quote = Quote(row.es_bid, row.es_ask, row.spy_bid, row.spy_ask)
        if position.phase != FLAT and row.ts_ns >= position.expiry_ns:
            dev = deviation_at(&quote, value)
        if self.envelope is not None:
            self.note_basis(row.ts_ns, dev, cc, rev)
        if position.phase == ENTERING or position.phase == LEAVING:
            if position_wait(&self.terms, &self.rules, position, &self.signal, row.ts_ns, &quote, value,
                             &trade):
                failed |= self.count_trade(&trade)
            elif position.phase == FLAT:
                self.unfilled_entries += 1
        else:
            action = signal_choose(&self.rules, &self.signal, row.ts_ns, expiry_ns, dev, cc, rev)
            if action != STAY and position_act(&self.terms, &self.rules, position, &self.signal, action,
                                               row.ts_ns, expiry_ns, &quote, value, &trade):
                failed |= self.count_trade(&trade)
        if self.envelope is not None and position.phase == HOLDING and not self.entry_noted:
            self.entry_noted = True
            self.envelope.add_entry(row.ts_ns, position.side, position.dev_bps)
        self.remember(row, value)
        return failed

    cdef void note_basis(self, int64_t now_ns, double dev, double cc, double rev) noexcept nogil:
        """Adds the mid's deviation to the chart, and the deviations at which each entry would trade."""
        if dev == dev and cc == cc:
            self.envelope.add_basis(
                now_ns, dev, dev + (self.rules.wanted_bps - cc), dev - (self.rules.wanted_bps - rev))

    cdef int take_flat(self, const QuoteRow* rows, const Value* values, Py_ssize_t first,
                       Py_ssize_t end) noexcept nogil:
        """Processes rows without a position or an action; the last row's equity is not final yet."""
        cdef Py_ssize_t last = end - 1, at
        cdef int failed = self.commit()
        cdef Held held = Held(self.totals.net, 0.0, 0.0, 0.0, 0.0, 0.0)
        if self.rows == 0:
            # The longest time under water may begin at the first row's time.
            self.remember(&rows[first], &values[first])
            if first == last:
                return failed
            first += 1
            failed |= self.commit()
        if first < last:
            self.rows += last - first
            if self.day_marks.count > 0 and rows[first].ts_ns < self.equity.day_end_ns:
                (<double*>self.day_marks.data)[self.day_marks.count - 1] = self.totals.net
            if not equity_take(&self.equity, rows, first, last, &held):
                failed = NO_MEMORY
            if self.keep_marks:
                failed |= self.mark(last - first, self.totals.net)
            if self.keep_equity:
                for at in range(first, last):
                    self.note_point(rows[at].ts_ns, self.totals.net)
        self.remember(&rows[last], &values[last])
        return failed

    cdef int take_held(self, const QuoteRow* rows, const Value* values, Py_ssize_t first,
                       Py_ssize_t end) noexcept nogil:
        """Processes one or more rows with both legs held; the last row's equity is not final yet."""
        cdef double[BATCH] equity
        cdef Py_ssize_t last = end - 1, count, at
        cdef int failed = self.commit()
        cdef const Position* p = &self.position
        cdef Held held = Held(
            self.totals.net, p.entry.es, p.entry.spy, p.side * self.terms.notional, p.side * p.shares,
            0.5 * p.cost)
        self.rows += last - first
        self.held_rows += last - first
        while first < last:
            # A part of the rows, all on one UTC date.
            if not equity_date(&self.equity, rows[first].ts_ns):
                return NO_MEMORY
            count = 1
            while first + count < last and rows[first + count].ts_ns < self.equity.day_end_ns:
                count += 1
            for at in range(count):
                equity[at] = held_equity(&held, &rows[first + at])
            water_through(&self.equity.water, &rows[first], equity, count)
            equity_close(&self.equity, equity[count - 1])
            if self.keep_equity:
                self.note_points(&rows[first], equity, count)
            if self.keep_marks:
                failed |= self.mark_held(&rows[first], &values[first], equity, count)
            first += count
        self.remember(&rows[last], &values[last])
        return failed

    cdef inline int64_t rows_to_mark(self) noexcept nogil:
        """The rows until the next mark is due; a mark is stored every ``mark_every`` rows, a power of two."""
        return self.mark_every - (self.committed & (self.mark_every - 1))

    cdef inline int mark_rows(self, int64_t count, double value) noexcept nogil:
        """Counts rows and stores a mark if it is due on the last one: equity plus interest and dividends."""
        cdef double* kept
        self.committed += count
        if self.committed & (self.mark_every - 1) != 0:
            return DONE
        kept = <double*>one_more(&self.marks, sizeof(double))
        if kept == NULL:
            return NO_MEMORY
        kept[0] = value
        if self.marks.count == MARKS_MAX:
            self.thin()
        return DONE

    cdef int mark_date(self, double value) noexcept nogil:
        """Updates the mark of the last row's date; the date's last row sets its final value."""
        cdef double* kept
        while self.day_marks.count < self.equity.closes.count:
            # A date that has ended since keeps the current equity.
            kept = <double*>one_more(&self.day_marks, sizeof(double))
            if kept == NULL:
                return NO_MEMORY
            kept[0] = value
        (<double*>self.day_marks.data)[self.day_marks.count - 1] = value
        return DONE

    cdef int mark(self, int64_t count, double value) noexcept nogil:
        """Marks rows of the same equity, which includes interest and dividends of the position."""
        cdef int failed = self.mark_date(value)
        cdef int64_t some
        while count > 0:
            some = min(self.rows_to_mark(), count)
            count -= some
            failed |= self.mark_rows(some, value)
        return failed

    cdef int mark_held(self, const QuoteRow* rows, const Value* values, const double* equity,
                       int64_t count) noexcept nogil:
        """Marks one or more rows of one date with both legs held."""
        cdef int failed = DONE
        cdef double accrued = 0.0
        cdef int64_t settled = values[0].settled - 1, at = -1, some
        while at < count - 1:
            some = min(self.rows_to_mark(), count - 1 - at)
            at += some
            if values[at].settled != settled or self.terms.dividend_count > 0:
                settled = values[at].settled
                accrued = position_accrued(&self.terms, &self.position, rows[at].ts_ns, settled)
            failed |= self.mark_rows(some, equity[at] + accrued)
        return failed | self.mark_date(equity[count - 1] + accrued)

    cdef void thin(self) noexcept nogil:
        """Drops every second mark."""
        cdef double* marks = <double*>self.marks.data
        cdef Py_ssize_t at
        for at in range(self.marks.count // 2):
            marks[at] = marks[2 * at + 1]
        self.marks.count //= 2
        self.mark_every *= 2

    cdef int commit(self) noexcept nogil:
        """Makes the last row's equity final."""
        if not self.last_there:
            return DONE
        self.last_there = False
        self.held_rows += self.last_held
        if not equity_note(&self.equity, self.last_ns, self.last_equity):
            return NO_MEMORY
        if self.keep_marks and self.mark(1, self.last_equity + self.last_accrued) != DONE:
            return NO_MEMORY
        if self.envelope is not None:
            self.envelope.add_equity(
                self.last_ns, self.last_equity, self.equity.water.peak - self.last_equity)
        if self.keep_equity:
            self.note_point(self.last_ns, self.last_equity)
        return DONE

    cdef int make_room(self, Py_ssize_t count) except -1:
        """Makes room in the equity arrays for ``count`` rows and for one whose equity is not final yet."""
        cdef Py_ssize_t wanted = self.points + count + 1
        if self.keep_equity and wanted > len(self.point_times):
            wanted = max(wanted, 2 * self.points)
            array.resize(self.point_times, wanted)
            array.resize(self.point_values, wanted)
        return 0

    cdef inline void note_point(self, int64_t ts_ns, double equity) noexcept nogil:
        """Stores a row's equity; ``make_room`` has made the room."""
        self.point_times.data.as_longlongs[self.points] = ts_ns
        self.point_values.data.as_doubles[self.points] = equity
        self.points += 1

    cdef void note_points(self, const QuoteRow* rows, const double* equity, Py_ssize_t count) noexcept nogil:
        """Stores the equity of rows; ``make_room`` has made the room."""
        cdef long long* times = self.point_times.data.as_longlongs + self.points
        cdef Py_ssize_t at
        memcpy(self.point_values.data.as_doubles + self.points, equity, count * sizeof(double))
        for at in range(count):
            times[at] = rows[at].ts_ns
        self.points += count

    cdef int count_trade(self, const Trade* trade) noexcept nogil:
        cdef double net = totals_add(
            &self.totals, trade.gross, trade.cost, trade.fees, trade.financing, trade.dividends,
            trade.exit_ns - trade.entry_ns)
        self.carry += trade.carry
        self.slippage += trade.slippage
        self.reasons[trade.reason] += 1
        if self.envelope is not None:
            if not self.entry_noted:
                self.envelope.add_entry(trade.entry_ns, trade.side, trade.entry_dev_bps)
            self.entry_noted = False
            self.envelope.add_exit(trade.exit_ns, trade.exit_dev_bps)
        return NO_MEMORY if self.keep_trades and not self.trades.keep(trade, net) else DONE

    cdef int close_at_last(self, int reason) noexcept nogil:
        """Closes at the touch of the last row; its equity becomes the equity after the close."""
        cdef int failed = DONE
        cdef Trade trade
        if position_settle(&self.terms, &self.rules, &self.position, &self.signal, self.last_ns,
                           &self.last_quote, &self.last_value, reason, &trade):
            failed = self.count_trade(&trade)
        else:
            self.unfilled_entries += 1
        self.last_equity, self.last_accrued = self.totals.net, 0.0
        self.last_held = False
        return failed

    def end(self) -> None:
        """Ends the data: makes the last equity final, and closes an open position with ``close_at_end``."""
        cdef Position* position = &self.position
        cdef int failed = DONE
        if self.ended:
            raise BrokenInvariant("A backtest ends once.")
        self.ended = True
        self.values.finish()
        if self.beside is not None:
            self.beside.end()
        self.make_room(0)
        if position.phase != FLAT and (self.close_at_end or not position_held(position)):
            failed = self.close_at_last(END_OF_DATA)
        failed |= self.commit()
        if failed != DONE:
            raise MemoryError

    def take_trades(self) -> Ledger:
        """Returns the trades closed since the last call."""
        cdef Ledger taken = self.trades
        self.trades = Ledger(taken.contracts, self.totals.trades + 1)
        return taken

    def take_equity(self) -> tuple:
        """Returns the rows' times in ns and equity since the last call, as two arrays."""
        cdef array.array times = self.point_times, values = self.point_values
        array.resize(times, self.points)
        array.resize(values, self.points)
        self.point_times, self.point_values, self.points = array.array("q"), array.array("d"), 0
        return times, values

    @property
    def expiries_ns(self) -> list[int]:
        """The expiries of the rows so far, in the order of their first use."""
        return contracts_used(&self.contracts)

    cdef double open_pnl(self) noexcept nogil:
        """The open position's net P&L as if closed at the last row's touch; open orders fill there too."""
        cdef Position position = self.position
        cdef SignalState signal = self.signal
        cdef Trade trade
        if position.phase == FLAT or not position_settle(
                &self.terms, &self.rules, &position, &signal, self.last_ns, &self.last_quote,
                &self.last_value, END_OF_DATA, &trade):
            return 0.0
        return trade.gross - trade.cost + trade.financing + trade.dividends

    def open_position_document(self) -> dict | None:
        """The open position, or None; times in ns. A leg whose order is not filled has no price."""
        cdef const Position* p = &self.position
        cdef const Quote* quote = &self.last_quote
        if not position_held(p):
            return None
        return {
            "side": SIDE_NAMES[p.side],
            "entry_ns": p.entry_ns,
            "expiry_ns": p.expiry_ns,
            "contracts": self.settings.contracts,
            "shares": int(p.shares),
            "fut_entry": p.entry.es if p.entry.es_filled else None,
            "etf_entry": p.entry.spy if p.entry.spy_filled else None,
            "entry_dev_bps": p.dev_bps,
            "dev_bps": deviation_at(quote, &self.last_value),
            "cost_charged": 0.5 * p.cost,
            "unrealised_pnl": position_unrealised(&self.terms, p, quote),
            "on_its_way": "entry" if p.phase == ENTERING else "exit" if p.phase == LEAVING else None,
        }

    def summary(self) -> dict:
        """Every statistic by its name in the result; times in ns, None for an undefined number."""
        cdef int reason
        cdef const Totals* totals = &self.totals
        cdef double open_pnl = self.open_pnl()
        count = totals.trades
        names = {
            EXIT_REASONS[reason]: self.reasons[reason]
            for reason in range(<int>REASONS) if self.reasons[reason]
        }
        return {
            "rows_used": self.rows,
            "first_ns": self.first_ns if self.rows else None,
            "last_ns": self.last_ns if self.rows else None,
            "trades": count,
            "wins": totals.wins,
            "gross_pnl": totals.gross,
            "costs": totals.costs,
            "fees": totals.fees,
            "financing": totals.financing,
            "dividends": totals.dividends,
            "net_pnl": totals.net,
            "open_pnl": open_pnl,
            "total_pnl": totals.net + open_pnl,
            "carry_pnl": self.carry,
            "slippage_pnl": self.slippage,
            "basis_pnl": totals.gross - self.carry - self.slippage,
            "unfilled_entries": self.unfilled_entries,
            "warming_up": self.values.warming_up,
            "sharpe_dates": self.equity.closes.count,
            "max_drawdown": self.equity.water.drawdown,
            "max_drawdown_ns": self.equity.water.under_water_ns,
            "max_drawdown_closed": totals.drawdown,
            "exposure": self.held_rows / self.rows if self.rows else None,
            "winning_pnl": totals.won,
            "losing_pnl": totals.lost,
            "profit_factor": totals.won / -totals.lost if totals.lost < 0 else None,
            "expectancy": totals.net / count if count else None,
            "average_hold_ns": float(totals.hold_ns) / count if count else None,
            "exit_reasons": names,
            "unrealised_pnl": position_unrealised(&self.terms, &self.position, &self.last_quote),
            "final_equity": self.last_equity,
            **self.daily(),
        }

    def daily(self) -> dict[str, float | None]:
        """The statistics of the last equity of each UTC date, by name."""
        return daily_statistics(equity_closes(&self.equity), self.equity.water.drawdown)

    def daily_equity(self) -> list[tuple[int, float]]:
        """The end of each UTC date with rows in nanoseconds, and the date's last equity in USD."""
        return list(zip(equity_dates(&self.equity), equity_closes(&self.equity), strict=True))

    def periods(self) -> list[float]:
        """P&L by UTC date from 40 dates on, else by 48 blocks of rows. Needs ``keep_marks``; call after
        ``end``.

        The P&L of a period is the change of marked equity with interest and dividends. The last period marks
        an open pair as ``open_pnl`` does, so the periods add up to the total. Empty below 48 rows. Above a
        million rows the end of a block may be off by as many rows as a mark stands for.
        """
        cdef const double* days = <const double*>self.day_marks.data
        cdef const double* marks = <const double*>self.marks.data
        cdef Py_ssize_t at
        # Marks are stored only with ``keep_marks``, and are complete only after ``end``.
        if not (self.keep_marks and self.ended):
            raise BrokenInvariant("A backtest has periods where it keeps marks, once it has ended.")
        if self.equity.closes.count >= DATES_MIN:
            ends = [days[at] for at in range(self.day_marks.count)]
        elif self.rows >= BLOCKS:
            ends = [
                marks[max(0, (block + 1) * self.rows // BLOCKS // self.mark_every - 1)]
                for block in range(BLOCKS)
            ]
        else:
            return []
        ends[-1] = self.totals.net + self.open_pnl()
        return [after - before for before, after in zip([0.0, *ends], ends)]
