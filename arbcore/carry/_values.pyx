"""What each valid row is valued with, worked out once for everybody who looks at the row.

Owns the level (the factor between index and ETF: tracked, calibrated, a number or a column), the carry, the
dividends still to come, and what is said of all rows whatever was traded: the decided rows' levels, the
largest edge, the deviations, rows that stand alone. ``reference.level`` and ``reference.money`` are the
specification. It knows no position: the level is that of the contract that a row without one is valued with.
"""
from statistics import median

cimport cython
from libc.math cimport INFINITY, NAN
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

from arbcore.carry._carry cimport deviation_of, edge_cc_of, edge_rev_of, exp_of, years_between
from arbcore.carry._growing cimport one_more
from arbcore.carry._row_source cimport QuoteRow

from arbcore.carry.level import LevelMode
from arbcore.carry.rates import from_simple
from arbcore.carry.settlement import date_around, settlement_day

cdef enum:
    TRACK = 0
    AUTO = 1
    NUMBER = 2
    COLUMN = 3
    # Deviations are counted in bins of 0.01 bps, from -400 to 400 bps; farther ones in the outermost.
    BINS = 80_000

cdef double BIN_BPS = 0.01, YEAR_S = 31_536_000.0, LN2 = 0.6931471805599453
# How far a row may pull a level that is known, and how far off its neighbours a row stands alone.
cdef double REACH = 0.001, ALONE = 0.001

_MODES = {LevelMode.TRACK: TRACK, LevelMode.AUTO: AUTO, LevelMode.NUMBER: NUMBER, LevelMode.COLUMN: COLUMN}


@cython.final
cdef class RowValues:
    """Values of rows in order of time, batch by batch; ``keep_outliers`` notes which rows stand alone."""

    def __cinit__(self):
        self.bins = <int64_t*>calloc(BINS, sizeof(int64_t))
        if self.bins == NULL:
            raise MemoryError

    def __init__(self, terms, *, bint keep_outliers=False):
        cdef Payout* payout
        self.terms, self.seen, self.keep_outliers = terms, [], keep_outliers
        self.mode = _MODES[terms.level.mode]
        self.half_life_s, self.auto_rows = terms.level.half_life_s, terms.level.rows
        self.number, self.calibrated = terms.level.factor, NAN
        self.spread = terms.financing_spread_bps * 1e-4
        self.simple = terms.simple_rates
        self.scheduled = terms.schedule is not None
        self.largest_bps = -INFINITY
        self.gain_dt, self.step_gap_s = -1.0, -1.0
        # Nothing is before the first date: any row begins one.
        self.day_begin_ns, self.day_end_ns = 1, 0
        for each in terms.schedule or ():
            payout = <Payout*>one_more(&self.payouts, sizeof(Payout))
            if payout == NULL:
                raise MemoryError
            payout[0] = Payout(each.ex_ns, each.amount, each.points)

    def __dealloc__(self):
        free(self.bins)
        free(self.payouts.data)
        free(self.closings.data)
        free(self.alone.data)

    cdef int fill(self, const QuoteRow* rows, const int64_t* expiries_ns, Py_ssize_t count, Value* values,
                  double* dev, double* cc, double* rev) except -1 nogil:
        """Values some rows; ``dev``, ``cc`` and ``rev`` get the deviation and both edges in bps.

        An edge at or after the expiry is not a number, for nothing is entered there.
        """
        cdef Py_ssize_t at
        self.closings.count = 0
        for at in range(count):
            self.one(&rows[at], expiries_ns[at], at, &values[at], &dev[at], &cc[at], &rev[at])
        return 0

    @cython.cdivision(True)
    cdef int one(self, const QuoteRow* row, int64_t expiry_ns, Py_ssize_t at, Value* value,
                 double* dev, double* cc, double* rev) except -1 nogil:
        """The divisors are prices and levels above 0."""
        cdef double t = years_between(row.ts_ns, expiry_ns), r, growth, usd = 0.0, points = 0.0, worth, x, f
        cdef double fut_mid = (row.es_bid + row.es_ask) / 2, etf_mid = (row.spy_bid + row.spy_ask) / 2
        cdef double edge
        cdef Py_ssize_t number
        cdef const Payout* payout
        if not self.day_begin_ns <= row.ts_ns < self.day_end_ns:
            with gil:
                self.new_date(row.ts_ns)
        if not self.started or expiry_ns != self.expiry_ns:
            with gil:
                self.new_contract(row, expiry_ns, at)
        if self.simple:
            with gil:
                self.rate = self.rate_of(t)
        r = self.rate + self.spread
        growth = exp_of((r - self.d) * t)
        for number in range(self.payouts.count):
            payout = <const Payout*>self.payouts.data + number
            if row.ts_ns < payout.ex_ns <= expiry_ns:
                worth = payout.amount * exp_of(-r * years_between(row.ts_ns, payout.ex_ns))
                if payout.points:
                    points += worth
                else:
                    usd += worth
        x = (fut_mid + points * growth) / ((etf_mid - usd) * growth)
        self.note_x(row.ts_ns, x)
        if self.mode == TRACK:
            f = self.track(row.ts_ns, x, r)
        elif self.mode == NUMBER:
            f = self.number
        elif self.mode == COLUMN:
            f = row.factor
        else:
            f = self.calibrated
            if f != f:
                with gil:
                    f = self.calibrate(x)
        self.started = True
        self.last_ns, self.last_settled = row.ts_ns, self.settled
        self.rows += 1
        value.f, value.c, value.r, value.settled = f, f * growth, r, self.settled
        value.paid = usd + points / f if self.scheduled else 0.0
        dev[0] = cc[0] = rev[0] = NAN
        if f != f:
            self.warming_up += 1
            return 0
        dev[0] = deviation_of(
            row.es_bid, row.es_ask, row.spy_bid - value.paid, row.spy_ask - value.paid, value.c)
        number = <Py_ssize_t>(max(0.0, min(BINS - 1.0, dev[0] / BIN_BPS + BINS / 2)))
        self.bins[number] += 1
        self.deviations += 1
        if not self.first.there:
            self.first = Decided(True, row.ts_ns, expiry_ns, f, etf_mid, t, r, self.d, value.paid)
        self.last = Decided(True, row.ts_ns, expiry_ns, f, etf_mid, t, r, self.d, value.paid)
        if t > 0.0:
            cc[0] = edge_cc_of(row.es_bid, row.spy_ask - value.paid, value.c)
            rev[0] = edge_rev_of(row.es_ask, row.spy_bid - value.paid, value.c)
            edge = cc[0] if cc[0] > rev[0] else rev[0]
            if edge > self.largest_bps:
                self.largest_bps, self.largest_ns = edge, row.ts_ns
        return 0

    cdef int new_date(self, int64_t ts_ns) except -1:
        """The New York date of a row: until when it lasts, when its trades are paid, and its rate."""
        day, self.day_begin_ns, self.day_end_ns = date_around(ts_ns)
        self.settled = settlement_day(day)
        if self.simple:
            self.date_value = self.terms.quoted_rate(ts_ns)
        else:
            self.rate = self.terms.rate_at(ts_ns)
        return 0

    cdef int new_contract(self, const QuoteRow* row, int64_t expiry_ns, Py_ssize_t at) except -1:
        """Begins a contract's level, and values the row under the contract before it, for who still holds
        it."""
        cdef Closing* closing
        cdef double r, f
        if self.started:
            r = (self.rate_of(0.0) if self.simple else self.rate) + self.spread
            if self.mode == TRACK:
                f = self.moved(row.ts_ns, r) if self.w >= self.half_life_s else NAN
            else:
                f = (
                    self.number if self.mode == NUMBER
                    else row.factor if self.mode == COLUMN else self.calibrated
                )
            closing = <Closing*>one_more(&self.closings, sizeof(Closing))
            if closing == NULL:
                raise MemoryError
            closing[0] = Closing(at, Value(f, f, 0.0, r, self.settled))
        self.d = self.terms.yield_of(expiry_ns)
        self.expiry_ns = expiry_ns
        if row.ts_ns + self.terms.far_ns < expiry_ns and self.far_expiry_ns == 0:
            self.far_ns, self.far_expiry_ns = row.ts_ns, expiry_ns
        self.started = False
        return 0

    cdef double rate_of(self, double t) except? -12345.0:
        """A simple rate over the time to expiry."""
        return from_simple(self.date_value, t=t)

    @cython.cdivision(True)
    cdef double moved(self, int64_t ts_ns, double r) noexcept nogil:
        """Step 1: the level at a row. Financing runs between settlement days, dividends gather by the
        clock."""
        cdef double gap_s = <double>(ts_ns - self.last_ns) / 1e9
        cdef double gap_years = gap_s / YEAR_S
        cdef double settled_years = <double>(self.settled - self.last_settled) / 365.0
        # Most rows follow like the one before, and an exponential is half of their time.
        if self.settled == self.last_settled and gap_s == self.step_gap_s and r == self.step_r and (
                self.d == self.step_d):
            return self.f * self.step
        self.step_gap_s = gap_s if self.settled == self.last_settled else -1.0
        self.step_r, self.step_d = r, self.d
        self.step = exp_of(-self.d * gap_years - r * (settled_years - gap_years))
        return self.f * self.step

    @cython.cdivision(True)
    cdef double track(self, int64_t ts_ns, double x, double r) noexcept nogil:
        """Moves the level to the row, learns from it, and answers what it is decided with."""
        cdef double dt = 0.0, gap_s = 0.0, decided, y = x, total, gain
        cdef bint warm
        if not self.started:
            self.f, self.w = x, 0.0
        else:
            gap_s = <double>(ts_ns - self.last_ns) / 1e9
            self.f = self.moved(ts_ns, r)
            dt = min(gap_s, max(60.0, self.gap_s))
        warm = self.w >= self.half_life_s
        decided = self.f if warm else NAN
        total = self.w + dt
        if total > 0.0:
            if warm:
                y = min(max(x, self.f * (1.0 - REACH)), self.f * (1.0 + REACH))
            if dt != self.gain_dt:
                self.gain_dt = dt
                self.gain = 1.0 - exp_of(-LN2 * (dt / self.half_life_s))
            gain = max(self.gain, dt / total)
            self.f += gain * (y - self.f)
        self.w, self.gap_s = total, gap_s
        return decided

    cdef double calibrate(self, double x) except? -12345.0:
        """One of the first rows, which are not decided; the last of them tells the level of all after."""
        self.seen.append(x)
        if len(self.seen) == self.auto_rows:
            self.calibrated = median(self.seen)
            self.seen = None
        return NAN

    cdef void note_x(self, int64_t ts_ns, double x) noexcept nogil:
        """A row that is near the one before it stands with it; else the next ones tell."""
        if self.rows == 0:
            self.kept_x = x
            return
        if self.pending == 0 and self.kept_x * (1.0 - ALONE) < x < self.kept_x * (1.0 + ALONE):
            self.kept_x = x
            return
        if self.pending == 0:
            self.pending_first = self.rows
        self.pending_x[self.pending] = x
        self.pending_ns[self.pending] = ts_ns
        self.pending += 1
        if self.pending == PENDING_ROWS:
            self.resolve(False)

    cdef void resolve(self, bint ended) noexcept nogil:
        """Says of the rows that wait whether they stand alone, as far as the rows after them are known."""
        cdef Py_ssize_t count, at, found
        cdef double high, low, part = ALONE
        cdef bint above, below
        cdef int64_t* place
        while self.pending > 0 and (ended or self.pending == PENDING_ROWS):
            found = 0
            for count in range(1, self.pending):
                high = max(self.kept_x, self.pending_x[count])
                low = min(self.kept_x, self.pending_x[count])
                above = below = True
                for at in range(count):
                    above = above and self.pending_x[at] > high * (1.0 + part)
                    below = below and self.pending_x[at] < low * (1.0 - part)
                if above or below:
                    found = count
                    break
            if found:
                if self.outliers == 0:
                    self.outlier_ns = self.pending_ns[0]
                self.outliers += found
                for at in range(found):
                    if self.keep_outliers:
                        place = <int64_t*>one_more(&self.alone, sizeof(int64_t))
                        if place != NULL:
                            place[0] = self.pending_first + at
            else:
                self.kept_x = self.pending_x[0]
                found = 1
            for at in range(found, self.pending):
                self.pending_x[at - found] = self.pending_x[at]
                self.pending_ns[at - found] = self.pending_ns[at]
            self.pending -= found
            self.pending_first += found
            # What is near again waits for nothing.
            while not ended and self.pending > 0 and (
                    self.kept_x * (1.0 - ALONE) < self.pending_x[0] < self.kept_x * (1.0 + ALONE)):
                self.kept_x = self.pending_x[0]
                for at in range(1, self.pending):
                    self.pending_x[at - 1] = self.pending_x[at]
                    self.pending_ns[at - 1] = self.pending_ns[at]
                self.pending -= 1
                self.pending_first += 1

    cdef const Closing* closing_of(self, Py_ssize_t at) noexcept nogil:
        """The value of a row of the last batch under the contract before; NULL where it has not changed."""
        cdef Py_ssize_t number
        for number in range(self.closings.count):
            if (<const Closing*>self.closings.data)[number].at == at:
                return <const Closing*>self.closings.data + number
        return NULL

    def finish(self) -> None:
        """There are no more rows: the last ones are said to stand alone or not."""
        self.resolve(True)

    def level_ends(self) -> tuple:
        """The levels of the first and the last decided row, None where none was."""
        return self.first.f if self.first.there else None, self.last.f if self.last.there else None

    def decided_ends(self) -> tuple:
        """What is known of the first and the last decided row, None where none was."""
        return tuple(
            {"ts_ns": each.ts_ns, "expiry_ns": each.expiry_ns, "f": each.f, "etf_mid": each.etf_mid,
             "t": each.t, "r": each.r, "d": each.d, "paid": each.paid} if each.there else None
            for each in (self.first, self.last)
        )

    def largest_edge(self) -> tuple | None:
        """The largest edge of a decided row before costs in bps, and its time; None where there was none."""
        return (self.largest_bps, self.largest_ns) if self.largest_bps > -INFINITY else None

    def first_outlier_ns(self) -> int | None:
        """The time of the first row that stands alone."""
        return self.outlier_ns if self.outliers else None

    def outlier_rows(self) -> list:
        """The numbers of the rows that stand alone, with ``keep_outliers``."""
        cdef Py_ssize_t at
        return [(<const int64_t*>self.alone.data)[at] for at in range(self.alone.count)]

    def far_expiry(self) -> tuple | None:
        """The first expiry that is too far from its row, and the row's time."""
        return (self.far_expiry_ns, self.far_ns) if self.far_expiry_ns else None

    def quantiles(self, parts) -> list | None:
        """Percentiles of the decided rows' deviations in bps, to 0.01; None where there are none.

        Args:
            parts: such as 0.5, rising.
        """
        cdef int64_t counted = 0
        cdef Py_ssize_t at = 0
        if self.deviations == 0:
            return None
        found = []
        for part in parts:
            wanted = part * (self.deviations - 1)
            while counted + self.bins[at] <= wanted:
                counted += self.bins[at]
                at += 1
            found.append((at - BINS // 2 + 0.5) * BIN_BPS)
        return found
