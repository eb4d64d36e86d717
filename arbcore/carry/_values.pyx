"""The values of each valid row, computed once for all modules that use the row.

Owns the level (the factor between index and ETF: tracked, calibrated, a number or a column), the carry, the
dividends to expiry, and the numbers over all rows that do not depend on trades: levels of the first and the
last decided row, largest edge, deviations, rows that stand alone. ``reference.level`` and ``reference.money``
are the specification. It knows no position: the level is that of the contract that a row takes when flat.
"""
from statistics import median

cimport cython
from libc.math cimport INFINITY, NAN, fabs, log1p
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free

from arbcore.carry._carry cimport (
    deviation_of, edge_cc_of, edge_rev_of, exp_middle, exp_of, years_between,
)
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
    # Deviations are counted in bins of 0.01 bps from -400 to 400 bps; the outermost bins take all beyond.
    BINS = 80_000
    # The most rows valued in one call of ``stretch``: their arrays fit in the first-level cache.
    STRETCH = 128

cdef double BIN_BPS = 0.01, YEAR_S = 31_536_000.0, LN2 = 0.6931471805599453
# A year of 365 days, which a double holds exactly.
cdef double YEAR_NS = 31_536_000_000_000_000.0
# How far a row may move a known level, and how far from its neighbours a row stands alone; as fractions.
cdef double REACH = 0.001, ALONE = 0.001

_MODES = {LevelMode.TRACK: TRACK, LevelMode.AUTO: AUTO, LevelMode.NUMBER: NUMBER, LevelMode.COLUMN: COLUMN}


cdef inline double ns_between(int64_t earlier_ns, int64_t later_ns) noexcept nogil:
    """The nanoseconds between two times; the difference may exceed a signed 64-bit integer."""
    cdef int64_t gap_ns = <int64_t>(<uint64_t>later_ns - <uint64_t>earlier_ns)
    return <double>gap_ns if gap_ns >= 0 else <double><uint64_t>gap_ns


cdef void exponentials(double* values, Py_ssize_t count) noexcept nogil:
    """Replaces each value x by e^x."""
    cdef double farthest = 0.0
    cdef Py_ssize_t at
    for at in range(count):
        farthest = max(farthest, fabs(values[at]))
    if farthest <= 700.0:
        for at in range(count):
            values[at] = exp_middle(values[at])
    else:
        for at in range(count):
            values[at] = exp_of(values[at])


@cython.final
cdef class RowValues:
    """Values rows in order of time, batch by batch; with ``keep_outliers`` it lists rows that stand alone."""

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
        # An empty interval: the first row always begins a date.
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
        """Values rows, and writes the deviation and both edges in bps to ``dev``, ``cc`` and ``rev``.

        An edge at or after the expiry is NaN, because nothing is entered then. With no rows, nothing changes.
        """
        cdef Py_ssize_t first = 0, end
        self.closings.count = 0
        while first < count:
            if not self.day_begin_ns <= rows[first].ts_ns < self.day_end_ns:
                with gil:
                    self.new_date(rows[first].ts_ns)
            if not self.started or expiries_ns[first] != self.expiry_ns:
                with gil:
                    self.new_contract(&rows[first], expiries_ns[first], first)
            # Rows of one date and one contract are valued together.
            end = first + 1
            while end < count and end - first < STRETCH and expiries_ns[end] == self.expiry_ns and (
                    self.day_begin_ns <= rows[end].ts_ns < self.day_end_ns):
                end += 1
            self.stretch(&rows[first], end - first, &values[first], &dev[first], &cc[first], &rev[first])
            first = end
        return 0

    @cython.cdivision(True)
    cdef int stretch(self, const QuoteRow* rows, Py_ssize_t count, Value* values, double* dev, double* cc,
                     double* rev) except -1 nogil:
        """Values from 1 to STRETCH rows of one date and one contract, one quantity for all rows at a time.

        Each row goes through the operations of the Python twins in the same order. Only operations that do
        not need the previous row's result run for several rows at once. Every divisor is above 0.
        """
        cdef double[STRETCH] es_bid, es_ask, spy_bid, spy_ask, t, r, growth, usd, points, x, f
        cdef double d = self.d, rate = self.rate + self.spread
        cdef Py_ssize_t at
        # Each loop below computes one quantity of all rows, so the compiler can vectorise it.
        for at in range(count):
            es_bid[at], es_ask[at] = rows[at].es_bid, rows[at].es_ask
            spy_bid[at], spy_ask[at] = rows[at].spy_bid, rows[at].spy_ask
        for at in range(count):
            t[at] = ns_between(rows[at].ts_ns, self.expiry_ns) if rows[at].ts_ns < self.expiry_ns else 0.0
        for at in range(count):
            t[at] = t[at] / YEAR_NS
            r[at] = rate
        if self.simple:
            with gil:
                self.simple_rates(t, count, r)
        for at in range(count):
            growth[at] = (r[at] - d) * t[at]
        exponentials(growth, count)
        if self.scheduled:
            self.payouts_of(rows, count, r, usd, points)
            for at in range(count):
                x[at] = ((es_bid[at] + es_ask[at]) / 2 + points[at] * growth[at]) / (
                    ((spy_bid[at] + spy_ask[at]) / 2 - usd[at]) * growth[at])
        else:
            for at in range(count):
                x[at] = (es_bid[at] + es_ask[at]) / 2 / ((spy_bid[at] + spy_ask[at]) / 2 * growth[at])
        self.note_all(rows, count, x)
        if self.mode == TRACK:
            self.track(rows, count, x, r, f)
        elif self.mode == NUMBER:
            for at in range(count):
                f[at] = self.number
        elif self.mode == COLUMN:
            for at in range(count):
                f[at] = rows[at].factor
        else:
            for at in range(count):
                f[at] = self.calibrated
                if f[at] != f[at]:
                    with gil:
                        f[at] = self.calibrate(x[at])
        self.started = True
        self.last_ns, self.last_settled = rows[count - 1].ts_ns, self.settled
        # From here on growth holds c.
        for at in range(count):
            growth[at] = f[at] * growth[at]
        for at in range(count):
            values[at].f, values[at].c, values[at].r = f[at], growth[at], r[at]
            values[at].paid, values[at].settled = 0.0, self.settled
        if self.scheduled:
            for at in range(count):
                usd[at] = usd[at] + points[at] / f[at]
                values[at].paid = usd[at]
                spy_bid[at] = spy_bid[at] - usd[at]
                spy_ask[at] = spy_ask[at] - usd[at]
        for at in range(count):
            dev[at] = deviation_of(es_bid[at], es_ask[at], spy_bid[at], spy_ask[at], growth[at])
        for at in range(count):
            cc[at] = edge_cc_of(es_bid[at], spy_ask[at], growth[at])
        for at in range(count):
            rev[at] = edge_rev_of(es_ask[at], spy_bid[at], growth[at])
        if rows[count - 1].ts_ns >= self.expiry_ns:
            for at in range(count):
                if t[at] == 0.0:
                    cc[at] = rev[at] = NAN
        self.say(rows, count, values, t, dev, cc, rev)
        return 0

    @cython.cdivision(True)
    cdef void payouts_of(self, const QuoteRow* rows, Py_ssize_t count, const double* r, double* usd,
                         double* points) noexcept nogil:
        """Today's value, at each row, of the dividends from it to the expiry, in USD and in points."""
        cdef Py_ssize_t at, number
        cdef const Payout* payout
        cdef double worth
        for at in range(count):
            usd[at] = points[at] = 0.0
        for number in range(self.payouts.count):
            payout = <const Payout*>self.payouts.data + number
            if payout.ex_ns <= rows[0].ts_ns or payout.ex_ns > self.expiry_ns:
                continue
            for at in range(count):
                if rows[at].ts_ns < payout.ex_ns:
                    worth = payout.amount * exp_of(-r[at] * years_between(rows[at].ts_ns, payout.ex_ns))
                    if payout.points:
                        points[at] += worth
                    else:
                        usd[at] += worth

    @cython.cdivision(True)
    cdef void say(self, const QuoteRow* rows, Py_ssize_t count, const Value* values, const double* t,
                  const double* dev, const double* cc, const double* rev) noexcept nogil:
        """Adds rows to the counts and extremes of all rows."""
        cdef Py_ssize_t at, first = count, last = -1, number
        cdef double edge, largest = self.largest_bps
        cdef int64_t* bins = self.bins
        self.rows += count
        for at in range(count):
            if values[at].f != values[at].f:
                self.warming_up += 1
                continue
            if first == count:
                first = at
            last = at
            number = <Py_ssize_t>(max(0.0, min(BINS - 1.0, dev[at] / BIN_BPS + BINS / 2)))
            bins[number] += 1
            self.deviations += 1
            edge = cc[at] if cc[at] > rev[at] else rev[at]
            # A comparison with NaN is False.
            if edge > largest:
                largest = edge
                self.largest_bps, self.largest_ns = edge, rows[at].ts_ns
        if last < 0:
            return
        if not self.first.there:
            self.decided(&self.first, &rows[first], &values[first], t[first])
        self.decided(&self.last, &rows[last], &values[last], t[last])

    cdef void decided(self, Decided* found, const QuoteRow* row, const Value* value, double t) noexcept nogil:
        found[0] = Decided(True, row.ts_ns, self.expiry_ns, value.f, (row.spy_bid + row.spy_ask) / 2, t,
                           value.r, self.d, value.paid)

    cdef int new_date(self, int64_t ts_ns) except -1:
        """Sets the New York date of a row: its begin and end, its trades' settlement day, and its rate."""
        day, self.day_begin_ns, self.day_end_ns = date_around(ts_ns)
        self.settled = settlement_day(day)
        if self.simple:
            self.date_value = self.terms.quoted_rate(ts_ns)
        else:
            self.rate = self.terms.rate_at(ts_ns)
        return 0

    cdef int new_contract(self, const QuoteRow* row, int64_t expiry_ns, Py_ssize_t at) except -1:
        """Starts the level of a new contract. Also values the row under the previous contract, for a position
        in it."""
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
        """The continuously compounded rate over ``t`` years from the date's simple rate."""
        return from_simple(self.date_value, t=t)

    @cython.cdivision(True)
    cdef int simple_rates(self, const double* t, Py_ssize_t count, double* r) except -1:
        """Computes each row's rate from the date's simple rate, as ``from_simple`` does with its checks."""
        cdef Py_ssize_t at
        cdef double earned
        for at in range(count):
            earned = self.date_value * t[at] * 365 / 360
            if at > 0 and t[at] > 1e-12 and earned > -1.0:
                r[at] = log1p(earned) / t[at] + self.spread
            else:
                r[at] = self.rate_of(t[at]) + self.spread
        return 0

    @cython.cdivision(True)
    cdef double moved(self, int64_t ts_ns, double r) noexcept nogil:
        """Step 1: moves the level to a row. Financing accrues between settlement days, dividends with clock
        time."""
        cdef double gap_years = ns_between(self.last_ns, ts_ns) / 1e9 / YEAR_S
        cdef double settled_years = <double>(self.settled - self.last_settled) / 365.0
        return self.f * exp_of(-self.d * gap_years - r * (settled_years - gap_years))

    @cython.cdivision(True)
    cdef void track(self, const QuoteRow* rows, Py_ssize_t count, const double* x, const double* r,
                    double* decided) noexcept nogil:
        """Moves the level from row to row, updates it from each, and writes the level that decides each."""
        cdef double[STRETCH] gap_s, dt, step, gain, total
        cdef double f = self.f, w = self.w, d = self.d, half_life_s = self.half_life_s, years, low, high, y
        cdef bint begins = not self.started
        cdef Py_ssize_t at
        # Only the first row of a date has another settlement day than the previous row.
        cdef double settled_years = <double>(self.settled - self.last_settled) / 365.0
        if begins:
            f, w, settled_years = x[0], 0.0, 0.0
        gap_s[0] = 0.0 if begins else ns_between(self.last_ns, rows[0].ts_ns)
        for at in range(1, count):
            gap_s[at] = ns_between(rows[at - 1].ts_ns, rows[at].ts_ns)
        for at in range(count):
            gap_s[at] = gap_s[at] / 1e9
        dt[0] = min(gap_s[0], max(60.0, self.gap_s))
        for at in range(1, count):
            dt[at] = min(gap_s[at], max(60.0, gap_s[at - 1]))
        for at in range(count):
            years = gap_s[at] / YEAR_S
            step[at] = -d * years - r[at] * (0.0 - years)
        years = gap_s[0] / YEAR_S
        step[0] = -d * years - r[0] * (settled_years - years)
        exponentials(step, count)
        for at in range(count):
            gain[at] = -LN2 * (dt[at] / half_life_s)
        exponentials(gain, count)
        for at in range(count):
            w += dt[at]
            total[at] = w
        for at in range(count):
            # Rows at the time of the first row do not change the level: no time has passed.
            gain[at] = max(1.0 - gain[at], dt[at] / total[at]) if total[at] > 0.0 else 0.0
        w = 0.0 if begins else self.w
        for at in range(count):
            if at > 0 or not begins:
                f *= step[at]
            y = x[at]
            if w >= half_life_s:
                decided[at] = f
                low, high = f * (1.0 - REACH), f * (1.0 + REACH)
                if y < low:
                    y = low
                elif y > high:
                    y = high
            else:
                decided[at] = NAN
            f += gain[at] * (y - f)
            w = total[at]
        self.f, self.w, self.gap_s = f, w, gap_s[count - 1]

    cdef double calibrate(self, double x) except? -12345.0:
        """Collects one of the first rows, which are not decided; after the last one the level is known."""
        self.seen.append(x)
        if len(self.seen) == self.auto_rows:
            self.calibrated = median(self.seen)
            self.seen = None
        return NAN

    cdef void note_all(self, const QuoteRow* rows, Py_ssize_t count, const double* x) noexcept nogil:
        """Checks new rows: a row near the previous row is not an outlier, others wait for the next rows."""
        cdef Py_ssize_t at = 0
        cdef double kept = self.kept_x
        if self.rows == 0:
            kept = x[0]
            at = 1
        while at < count:
            if self.pending == 0:
                while at < count and kept * (1.0 - ALONE) < x[at] < kept * (1.0 + ALONE):
                    kept = x[at]
                    at += 1
                if at == count:
                    break
                self.pending_first = self.rows + at
            self.kept_x = kept
            self.pending_x[self.pending] = x[at]
            self.pending_ns[self.pending] = rows[at].ts_ns
            self.pending += 1
            at += 1
            # The array of waiting rows has a free place before each row and after this step.
            if self.pending == PENDING_ROWS:
                self.resolve(False)
            kept = self.kept_x
        self.kept_x = kept

    cdef void resolve(self, bint ended) noexcept nogil:
        """Decides which of the waiting rows stand alone, as far as the following rows are known."""
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
            # A waiting row that is near the last kept row need not wait any longer.
            while not ended and self.pending > 0 and (
                    self.kept_x * (1.0 - ALONE) < self.pending_x[0] < self.kept_x * (1.0 + ALONE)):
                self.kept_x = self.pending_x[0]
                for at in range(1, self.pending):
                    self.pending_x[at - 1] = self.pending_x[at]
                    self.pending_ns[at - 1] = self.pending_ns[at]
                self.pending -= 1
                self.pending_first += 1

    cdef const Closing* closing_of(self, Py_ssize_t at) noexcept nogil:
        """A row's value under the previous contract (last batch); NULL if the contract did not change."""
        cdef Py_ssize_t number
        for number in range(self.closings.count):
            if (<const Closing*>self.closings.data)[number].at == at:
                return <const Closing*>self.closings.data + number
        return NULL

    def finish(self) -> None:
        """Ends the rows: decides which of the last rows stand alone."""
        self.resolve(True)

    def level_ends(self) -> tuple:
        """The levels of the first and the last decided row; None if no row was decided."""
        return self.first.f if self.first.there else None, self.last.f if self.last.there else None

    def decided_ends(self) -> tuple:
        """The values of the first and the last decided row; None if no row was decided."""
        return tuple(
            {"ts_ns": each.ts_ns, "expiry_ns": each.expiry_ns, "f": each.f, "etf_mid": each.etf_mid,
             "t": each.t, "r": each.r, "d": each.d, "paid": each.paid} if each.there else None
            for each in (self.first, self.last)
        )

    def largest_edge(self) -> tuple | None:
        """The largest edge of a decided row, in bps before costs, and its time; None without such a row."""
        return (self.largest_bps, self.largest_ns) if self.largest_bps > -INFINITY else None

    def first_outlier_ns(self) -> int | None:
        """The time of the first row that stands alone; None if there is none."""
        return self.outlier_ns if self.outliers else None

    def outlier_rows(self) -> list:
        """The row numbers of the rows that stand alone; empty without ``keep_outliers``."""
        cdef Py_ssize_t at
        return [(<const int64_t*>self.alone.data)[at] for at in range(self.alone.count)]

    def far_expiry(self) -> tuple | None:
        """The first expiry too far after its row, and the row's time; None if there is none."""
        return (self.far_expiry_ns, self.far_ns) if self.far_expiry_ns else None

    def quantiles(self, parts) -> list | None:
        """Percentiles of the decided rows' deviations in bps, to 0.01; None if no row was decided.

        Args:
            parts: fractions such as 0.5, in rising order.
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
