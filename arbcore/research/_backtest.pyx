"""The backtest: valid rows to ledger, equity and statistics, in one pass and constant memory.

Owns the roll and expiry of positions, the calibration of the factor and every running statistic;
``reference.backtest`` is the specification. When to enter and leave is the signal's, what a trade
comes to is the money's, how rows are read the reader's. Trades and equity are kept only where they are asked
for, and until they are taken.
"""
import statistics

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t
from libc.stdlib cimport free

from arbcore.carry._carry cimport carry_of, deviation_of, edge_cc_of, edge_rev_of, years_between
from arbcore.carry._contracts cimport (
    DONE, NO_CONTRACT, NO_MEMORY, Contracts, contracts_begin, contracts_find, contracts_free, contracts_used,
)
from arbcore.research._envelope cimport Envelope
from arbcore.research._equity cimport Equity, Held, equity_closes, equity_note, equity_take
from arbcore.carry._growing cimport Growing, one_more
from arbcore.research._ledger cimport Ledger
from arbcore.research._money cimport Dividend, Terms, Totals, terms_of, totals_add
from arbcore.research._position cimport (
    END_OF_DATA, ENTERING, FLAT, HOLDING, LEAVING, REASONS, ROLL, Position, Trade, position_act,
    position_held, position_settle, position_unrealised, position_wait,
)
from arbcore.carry._row_source cimport QuoteRow, RowSource
from arbcore.carry._signal cimport (
    STAY, Quote, Rules, Screen, SignalState, screen_passes, signal_decide, signal_reset, signal_screen,
)
from arbcore.research._sweep_rows cimport SweepRows

from arbcore.carry._contracts import no_contract
from arbcore.research._ledger import EXIT_REASONS, SIDE_NAMES
from arbcore.research.daily import daily_statistics
from arbcore.errors import BrokenInvariant

cdef enum:
    BATCH = 512
    # Rows that are screened together: few enough for a cooldown or a longest hold to stop few others.
    SCREENED = 128

cdef struct Span:
    # The least and the largest carry of rows that follow one another, by the contract; 0: of none yet.
    int64_t expiry_ns
    double c_low
    double c_high


cdef struct Point:
    int64_t ts_ns
    double equity


# Final, so that the loop's steps are direct calls that the compiler may inline.
@cython.final
cdef class Backtest:
    """One run. Feed rows in order of time with ``feed``, call ``end`` once, then read ``summary``.

    ``expiries_ns`` are the contracts' expiries in order, of which each row takes the first after it, or one
    alone with ``fixed``; rows with an expiry of their own win over both. ``envelope`` collects what a picture
    of the run needs.
    """

    cdef object settings
    cdef Rules rules
    cdef SignalState signal
    cdef Terms terms
    cdef Totals totals
    cdef bint close_at_end, keep_trades, keep_equity, row_factor, ended, entry_noted
    cdef double r, d, factor
    cdef Contracts contracts
    cdef Equity equity
    cdef Growing dividends, points
    cdef Ledger trades
    cdef Py_ssize_t calibration_left
    cdef list ratios
    cdef readonly object calibrated_factor
    cdef Position position
    # The last row, whose equity becomes final when the next one is seen.
    cdef bint last_there, last_held
    cdef int64_t last_ns, last_contract_ns
    cdef Quote last_quote
    cdef double last_factor, last_equity
    cdef int64_t rows, first_ns, held_rows, unfilled_entries
    cdef double carry, slippage
    cdef int64_t[6] reasons
    cdef Envelope envelope

    def __init__(self, settings, *, expiries_ns, bint fixed, bint keep_trades=False, bint keep_equity=False,
                 Envelope envelope=None):
        cdef Dividend* dividend
        self.settings = settings
        self.rules.wanted_bps = settings.entry_bps + settings.cost_bps
        self.rules.exit_bps = settings.exit_bps
        self.rules.stop_bps = settings.stop_bps
        self.rules.max_hold_ns = settings.max_hold_ns
        self.rules.cooldown_ns = settings.cooldown_ns
        signal_reset(&self.signal)
        self.r, self.d, self.factor = settings.r, settings.d, settings.factor
        self.close_at_end = settings.close_at_end
        self.calibration_left = settings.calibration_rows
        self.ratios = []
        self.keep_trades, self.keep_equity = keep_trades, keep_equity
        self.trades = Ledger(settings.contracts)
        self.envelope = envelope
        contracts_begin(&self.contracts, expiries_ns, fixed)
        for ex_ns, amount in settings.dividends:
            dividend = <Dividend*>one_more(&self.dividends, sizeof(Dividend))
            if dividend == NULL:
                raise MemoryError
            dividend[0] = Dividend(ex_ns, amount)
        terms_of(&self.terms, settings)
        self.terms.dividends = <const Dividend*>self.dividends.data
        self.terms.dividend_count = self.dividends.count

    def __dealloc__(self):
        contracts_free(&self.contracts)
        free(self.dividends.data)
        free(self.equity.closes.data)
        free(self.points.data)

    def feed(self, RowSource source not None) -> None:
        """Takes every row that the source has."""
        cdef QuoteRow[BATCH] rows
        cdef Py_ssize_t count = BATCH
        while count == BATCH:
            count = source.fill(rows, BATCH)
            self.contracts.named, self.row_factor = source.has_expiry, source.has_factor
            self.feed_rows(rows, count)

    def feed_memory(self, SweepRows rows not None) -> None:
        """Takes rows that are kept in memory."""
        self.contracts.named, self.row_factor = rows.has_expiry, rows.has_factor
        self.feed_rows(rows.rows, rows.count)

    def feed_row(self, int64_t ts_ns, double es_bid, double es_ask, double spy_bid, double spy_ask, *,
                 factor=None, expiry_ns=None) -> None:
        """Takes one valid row."""
        cdef QuoteRow row = QuoteRow(
            ts_ns, es_bid, es_ask, spy_bid, spy_ask, 0.0 if factor is None else factor,
            0 if expiry_ns is None else expiry_ns,
        )
        self.contracts.named, self.row_factor = expiry_ns is not None, factor is not None
        self.feed_rows(&row, 1)

    cdef int feed_rows(self, const QuoteRow* rows, Py_ssize_t count) except -1:
        """Takes rows; most of those without a contract or factor of their own can be passed over."""
        cdef Py_ssize_t at = 0
        cdef int failed = DONE
        cdef Span span = Span(0, 0.0, 0.0)
        cdef bint singly = self.contracts.named or self.row_factor or self.envelope is not None
        while at < count and self.calibration_left > 0 and not self.row_factor:
            self.raise_failure(self.calibrate(&rows[at]), rows[at].ts_ns)
            at += 1
        with nogil:
            while at < count:
                if not singly:
                    failed = self.pass_over(rows, &at, count, &span)
                    if failed != DONE or at == count:
                        break
                failed = self.step(&rows[at])
                if failed != DONE:
                    break
                at += 1
        # Without a row nothing failed, and none is looked at.
        return self.raise_failure(failed, rows[min(at, count - 1)].ts_ns) if failed != DONE else 0

    cdef int raise_failure(self, int failed, int64_t ts_ns) except -1:
        if failed == NO_MEMORY:
            raise MemoryError
        if failed == NO_CONTRACT:
            raise no_contract(ts_ns)
        return 0

    cdef int calibrate(self, const QuoteRow* row) except -1:
        """A row of the calibration window: it is not traded."""
        cdef int64_t expiry_ns = 0
        cdef int failed = contracts_find(&self.contracts, row, &expiry_ns)
        if failed != DONE:
            return failed
        failed = self.commit()
        growth = self.carry_at(row.ts_ns, 1.0, expiry_ns)
        self.ratios.append((row.es_bid + row.es_ask) / 2 / ((row.spy_bid + row.spy_ask) / 2 * growth))
        self.calibration_left -= 1
        if self.calibration_left == 0:
            self.calibrated_factor = statistics.median(self.ratios)
            self.factor = self.calibrated_factor
            self.ratios = []
        self.remember(row, 1.0, expiry_ns)
        return failed

    cdef double carry_at(self, int64_t ts_ns, double factor, int64_t expiry_ns) noexcept nogil:
        return carry_of(factor, self.r, self.d, years_between(ts_ns, expiry_ns))

    cdef double last_c(self) noexcept nogil:
        return self.carry_at(self.last_ns, self.last_factor, self.last_contract_ns)

    cdef void remember(self, const QuoteRow* row, double factor, int64_t expiry_ns) noexcept nogil:
        if self.rows == 0:
            self.first_ns = row.ts_ns
            self.equity.water.peak_ns = row.ts_ns
        self.rows += 1
        self.last_there = True
        self.last_ns = row.ts_ns
        self.last_quote = Quote(row.es_bid, row.es_ask, row.spy_bid, row.spy_ask)
        # Its carry is an exponential, which hardly anybody asks for.
        self.last_factor, self.last_contract_ns = factor, expiry_ns
        self.last_held = position_held(&self.position)
        self.last_equity = self.totals.net + position_unrealised(
            &self.terms, &self.position, &self.last_quote)

    cdef int step(self, const QuoteRow* row) noexcept nogil:
        """One valid row, start to end."""
        cdef int64_t expiry_ns = 0
        cdef double factor = row.factor if self.row_factor else self.factor, c
        cdef int action, failed
        cdef Quote quote
        cdef Position* position = &self.position
        cdef Trade trade
        failed = contracts_find(&self.contracts, row, &expiry_ns)
        if failed != DONE:
            return failed
        if position.phase != FLAT:
            if self.contracts.named and expiry_ns != position.expiry_ns:
                failed = self.close_at_last(ROLL)
            else:
                expiry_ns = position.expiry_ns
        failed |= self.commit()
        quote = Quote(row.es_bid, row.es_ask, row.spy_bid, row.spy_ask)
        c = self.carry_at(row.ts_ns, factor, expiry_ns)
        if self.envelope is not None:
            self.note_basis(row.ts_ns, &quote, c)
        if position.phase == ENTERING or position.phase == LEAVING:
            if position_wait(&self.terms, &self.rules, position, &self.signal, row.ts_ns, &quote, c, &trade):
                failed |= self.count_trade(&trade)
            elif position.phase == FLAT:
                self.unfilled_entries += 1
        else:
            action = signal_decide(&self.rules, &self.signal, row.ts_ns, expiry_ns, &quote, c)
            if action != STAY and position_act(&self.terms, &self.rules, position, &self.signal, action,
                                               row.ts_ns, expiry_ns, &quote, c, &trade):
                failed |= self.count_trade(&trade)
        if self.envelope is not None and position.phase == HOLDING and not self.entry_noted:
            self.entry_noted = True
            self.envelope.add_entry(row.ts_ns, position.side, position.dev_bps)
        self.remember(row, factor, expiry_ns)
        return failed

    cdef void note_basis(self, int64_t now_ns, const Quote* quote, double c) noexcept nogil:
        """For the picture: where the mid is, and where it would have to be for each entry."""
        cdef double dev = deviation_of(quote.es_bid, quote.es_ask, quote.spy_bid, quote.spy_ask, c)
        self.envelope.add_basis(
            now_ns, dev, dev + (self.rules.wanted_bps - edge_cc_of(quote.es_bid, quote.spy_ask, c)),
            dev - (self.rules.wanted_bps - edge_rev_of(quote.es_ask, quote.spy_bid, c)))

    cdef int pass_over(self, const QuoteRow* rows, Py_ssize_t* at, Py_ssize_t count,
                       Span* span) noexcept nogil:
        """Takes rows up to the first that may cause something; each leaves the state that ``step`` would."""
        cdef Screen screen = Screen(True, 0.0, 0.0, 0.0, 0.0)
        cdef Py_ssize_t first = at[0], end
        cdef int64_t expiry_ns
        while at[0] < count:
            end = min(at[0] + SCREENED, count)
            expiry_ns = self.quiet_expiry(rows[at[0]].ts_ns, rows[end - 1].ts_ns)
            if expiry_ns == 0:
                break
            if expiry_ns != span.expiry_ns:
                self.begin_span(span, rows[0].ts_ns, rows[count - 1].ts_ns, expiry_ns)
            # Nothing changes on the way, so that one screen is for all.
            if at[0] == first and not signal_screen(&self.rules, &self.signal, span.c_low, span.c_high,
                                                    &screen):
                break
            while at[0] < end and screen_passes(&screen, rows[at[0]].es_bid, rows[at[0]].es_ask,
                                                rows[at[0]].spy_bid, rows[at[0]].spy_ask):
                at[0] += 1
            if at[0] < end:
                break
        return self.take_quiet(rows, first, at[0], span.expiry_ns) if at[0] > first else DONE

    cdef void begin_span(self, Span* span, int64_t first_ns, int64_t last_ns,
                         int64_t expiry_ns) noexcept nogil:
        cdef double first = self.carry_at(first_ns, self.factor, expiry_ns)
        cdef double last = self.carry_at(last_ns, self.factor, expiry_ns)
        span.expiry_ns = expiry_ns
        span.c_low, span.c_high = min(first, last), max(first, last)

    cdef int take_quiet(self, const QuoteRow* rows, Py_ssize_t first, Py_ssize_t end,
                        int64_t expiry_ns) noexcept nogil:
        """Takes rows on which nothing is decided, at least one; the last one's equity is not yet final."""
        cdef const Position* p = &self.position
        cdef Py_ssize_t last = end - 1
        cdef int failed = self.commit()
        cdef Held held = Held(self.totals.net, 0.0, 0.0, 0.0, 0.0, 0.0)
        # Times that are both above 0 have a difference that fits.
        if self.keep_equity or self.equity.water.peak_ns < 0:
            while first < last and failed == DONE:
                self.remember(&rows[first], self.factor, expiry_ns)
                failed = self.commit()
                first += 1
        elif first < last:
            self.rows += last - first
            if p.phase != FLAT:
                self.held_rows += last - first
                held = Held(self.totals.net, p.entry.es, p.entry.spy, p.side * self.terms.notional,
                            p.side * p.shares, 0.5 * p.cost)
            if not equity_take(&self.equity, rows, first, last, &held):
                failed = NO_MEMORY
        self.remember(&rows[last], self.factor, expiry_ns)
        return failed

    cdef int64_t quiet_expiry(self, int64_t first_ns, int64_t end_ns) noexcept nogil:
        """The expiry of rows, by their first and last time, in which only prices can do anything; else 0."""
        cdef int64_t expiry_ns
        if self.contracts.used.count == 0:
            return 0
        if self.position.phase == ENTERING or self.position.phase == LEAVING:
            return 0
        if self.signal.side != 0:
            expiry_ns = self.signal.expiry_ns
            if self.rules.max_hold_ns > 0 and end_ns - self.signal.entry_ns >= self.rules.max_hold_ns:
                return 0
        else:
            expiry_ns = self.contracts.last_ns
            if first_ns < self.signal.blocked_until_ns:
                return 0
        # The front contract is noted with each row, whatever a position's own is.
        if end_ns >= expiry_ns or (end_ns >= self.contracts.last_ns and not self.contracts.fixed):
            return 0
        return expiry_ns

    cdef int commit(self) noexcept nogil:
        """Makes the last row's equity final."""
        cdef Point* point
        if not self.last_there:
            return DONE
        self.last_there = False
        self.held_rows += self.last_held
        if not equity_note(&self.equity, self.last_ns, self.last_equity):
            return NO_MEMORY
        if self.envelope is not None:
            self.envelope.add_equity(
                self.last_ns, self.last_equity, self.equity.water.peak - self.last_equity)
        if self.keep_equity:
            point = <Point*>one_more(&self.points, sizeof(Point))
            if point == NULL:
                return NO_MEMORY
            point[0] = Point(self.last_ns, self.last_equity)
        return DONE

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
        """Closes at the touch of the last row, whose equity is then that after the close."""
        cdef int failed = DONE
        cdef Trade trade
        if position_settle(&self.terms, &self.rules, &self.position, &self.signal, self.last_ns,
                           &self.last_quote, self.last_c(), reason, &trade):
            failed = self.count_trade(&trade)
        else:
            self.unfilled_entries += 1
        self.last_equity = self.totals.net
        self.last_held = False
        return failed

    def end(self) -> None:
        """The data is over: the last equity is final, and with ``close_at_end`` an open position closed."""
        cdef Position* position = &self.position
        cdef int failed = DONE
        if self.ended:
            raise BrokenInvariant("A backtest ends once.")
        self.ended = True
        if position.phase != FLAT and (self.close_at_end or not position_held(position)):
            failed = self.close_at_last(END_OF_DATA)
        failed |= self.commit()
        if failed != DONE:
            raise MemoryError

    def take_trades(self) -> Ledger:
        """The trades closed since the last call."""
        cdef Ledger taken = self.trades
        self.trades = Ledger(taken.contracts, self.totals.trades + 1)
        return taken

    def take_equity(self) -> tuple:
        """(times, values) of the rows since the last call: native int64 and double, as bytes."""
        cdef const Point* points = <const Point*>self.points.data
        cdef Py_ssize_t at, count = self.points.count
        cdef bytes times = PyBytes_FromStringAndSize(NULL, count * sizeof(int64_t))
        cdef bytes values = PyBytes_FromStringAndSize(NULL, count * sizeof(double))
        cdef int64_t* time = <int64_t*><char*>times
        cdef double* value = <double*><char*>values
        for at in range(count):
            time[at] = points[at].ts_ns
            value[at] = points[at].equity
        self.points.count = 0
        return times, values

    @property
    def expiries_ns(self) -> list[int]:
        """The expiries of the rows so far, in the order of their first use."""
        return contracts_used(&self.contracts)

    cdef double open_pnl(self) noexcept nogil:
        """The open position's net as if closed at the touch of the last row; what is on its way fills."""
        cdef Position position = self.position
        cdef SignalState signal = self.signal
        cdef Trade trade
        if position.phase == FLAT or not position_settle(
                &self.terms, &self.rules, &position, &signal, self.last_ns, &self.last_quote, self.last_c(),
                END_OF_DATA, &trade):
            return 0.0
        return trade.gross - trade.cost + trade.financing + trade.dividends

    def open_position_document(self) -> dict | None:
        """What is held, or None; times in ns. A leg that is still on its way has no price yet."""
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
            "es_entry": p.entry.es if p.entry.es_filled else None,
            "spy_entry": p.entry.spy if p.entry.spy_filled else None,
            "entry_dev_bps": p.dev_bps,
            "dev_bps": deviation_of(quote.es_bid, quote.es_ask, quote.spy_bid, quote.spy_ask, self.last_c()),
            "cost_charged": 0.5 * p.cost,
            "unrealised_pnl": position_unrealised(&self.terms, p, quote),
            "on_its_way": "entry" if p.phase == ENTERING else "exit" if p.phase == LEAVING else None,
        }

    def summary(self) -> dict:
        """Every statistic by its name in the result; times in ns, None where it is not defined."""
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
        """What follows from the last equity of each UTC date, by name."""
        return daily_statistics(equity_closes(&self.equity), self.equity.water.drawdown)
