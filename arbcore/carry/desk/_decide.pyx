# cython: nonecheck=True
"""When to enter and leave, from two legs' quotes: the backtest's own signal kernel on live prices.

Owns the moment of decision, the size, the calibration of the factor, and what is refused and why;
``arbcore.reference.decide`` is the specification. How orders fare is the pairs' business, whether any may
leave the gate's.
"""
from libc.stdint cimport int64_t

from arbcore._carry cimport deviation_of, edge_cc_of, edge_rev_of
from arbcore.carry._signal cimport STAY, Quote, Signal, signal_decide
from arbcore.carry.desk._clock cimport MarketClock
from arbcore.carry.desk._leg cimport Leg
from arbcore.carry.desk._records cimport Draft, TradeRow
from arbcore.carry.desk._trade cimport Trade

import statistics

from arbcore.carry._signal import ACTION_NAMES
from arbcore.carry.desk.commands import MARGIN, AskContract, Note, SaveFactor, Seen
from arbcore.carry.desk.pair import ENTERING as _ENTERING
from arbcore.carry.desk.pair import HELD as _HELD
from arbcore.carry.desk.risk import ACTIVE as _ACTIVE
from arbcore.carry.desk.risk import ENTRY_PAUSE
from arbcore.carry.desk.rows import CASH_AND_CARRY, REVERSE, FactorRow
from arbcore.carry.desk.rows import ES as _ES
from arbcore.carry.desk.rows import IOC as _IOC
from arbcore.carry.desk.rows import LIMIT as _LIMIT
from arbcore.carry.desk.rows import SPY as _SPY
from arbcore.carry.desk.settings import SECOND_NS, seconds_ns, shares_for

# C knows these words without asking the module for them.
cdef str ENTERING = _ENTERING
cdef str HELD = _HELD
cdef str ACTIVE = _ACTIVE
cdef str ES = _ES
cdef str SPY = _SPY
cdef str IOC = _IOC
cdef str LIMIT = _LIMIT

#: By the signal's action of entering.
SIDES_OF = {"enter_cash_and_carry": CASH_AND_CARRY, "enter_reverse": REVERSE}
# Contracts are asked for at most this often, and when their known hours end within this.
cdef int64_t ASK_AGAIN_NS = 600 * SECOND_NS
cdef int64_t HOURS_LEFT_NS = 86_400 * SECOND_NS
#: Reasons for which a held pair goes without asking the signal, by the brake that holds.
FORCED = {"kill switch": "kill", "daily loss": "daily_loss"}


cdef class Decider:
    """Decides once a quote, or once a row."""

    cdef readonly object core
    cdef readonly object pairs
    cdef readonly Signal signal
    cdef public object last_trade_id
    cdef public object measured
    cdef readonly object decisions
    cdef readonly dict skipped
    cdef public bint flatten
    cdef public object shortable
    cdef public bint margin_checked
    cdef readonly object margin_query
    cdef readonly object margin_due_ns
    cdef object pending_ns
    cdef MarketClock clock
    cdef Leg es
    cdef Leg spy
    cdef object brakes
    cdef object settings
    cdef list ratios
    cdef object calibration_left
    cdef int64_t roll_ns
    cdef tuple seen
    cdef int64_t ask_again_ns

    def __init__(self, core, pairs):
        settings = core.settings
        self.core, self.pairs, self.settings = core, pairs, settings
        self.clock, self.es, self.spy, self.brakes = core.clock, core.es, core.spy, core.brakes
        self.signal = Signal(
            entry_bps=settings.entry_bps, exit_bps=settings.exit_bps, cost_bps=settings.cost_bps,
            stop_bps=settings.stop_bps, max_hold_ns=settings.max_hold_ns, cooldown_ns=settings.cooldown_ns,
        )
        self.last_trade_id = self.decisions = 0
        self.skipped = {}
        self.measured = None
        self.flatten = False
        self.shortable = None
        self.margin_checked = not settings.margin_check
        self.margin_query = self.margin_due_ns = self.pending_ns = 0
        self.ratios = []
        self.calibration_left = settings.calibration_rows
        self.roll_ns = seconds_ns(settings.roll_before_s)
        self.seen = ("", "")
        self.ask_again_ns = -ASK_AGAIN_NS

    # --- restoring ------------------------------------------------------------------------------

    def holds(self, Trade trade not None) -> None:
        """A pair is whole: the signal waits for its exit."""
        self.signal.entered(trade.side, trade.entry_ns, trade.expiry_ns, dev_bps=trade.entry_dev_bps)

    def left(self, exit_ns) -> None:
        """A pair is over: the cooldown begins."""
        self.signal.left(exit_ns)

    def calibrated(self, double factor) -> None:
        """The factor is known."""
        self.calibration_left = 0
        self.ratios = []
        self.core.terms.tell(r=None, d=None, factor=factor)
        self.core.gate.set_factor(factor)

    def measure(self) -> None:
        """The factor is measured anew; until it is known nothing is traded."""
        self.calibration_left = self.settings.calibration_rows
        self.ratios = []

    # --- deciding -------------------------------------------------------------------------------

    @property
    def calibrating(self) -> bool:
        """Whether the factor is still being measured: until then there is no deviation to speak of."""
        return self.calibration_left > 0

    @property
    def to_measure(self) -> int:
        """Decisions that the measurement of the factor still lacks."""
        return self.calibration_left

    cpdef decide(self, int64_t ts_ns):
        """One decision on the quotes as they stand, at a time of the market's clock."""
        cdef Leg es = self.es, spy = self.spy
        cdef Trade trade = None
        cdef dict open_trades = self.pairs.open
        cdef Quote quote
        cdef int64_t expiry_ns
        cdef int action
        cdef double c, dev_bps
        if open_trades:
            trade = next(iter(open_trades.values()))
            if len(open_trades) > 1 or trade.phase != HELD:
                return
        fault = es.fault(self.clock.now_ns, self.clock.utc_ns)
        if not fault:
            fault = spy.fault(self.clock.now_ns, self.clock.utc_ns)
        if fault:
            self.skipped[fault] = self.skipped.get(fault, 0) + 1
            return
        self.decisions = self.decisions + 1
        if trade is not None and self.must_go(trade, ts_ns):
            return
        expiry_ns = es.expiry_ns if trade is None else trade.expiry_ns
        if self.calibration_left:
            self.calibrate(ts_ns, expiry_ns)
            return
        c = self.core.terms.carry(ts_ns, expiry_ns, spy_mid=spy.mid)
        quote = Quote(es.bid, es.ask, spy.bid, spy.ask)
        action = signal_decide(&self.signal.rules, &self.signal.state, ts_ns, expiry_ns, &quote, c)
        if action == STAY:
            return
        name = ACTION_NAMES[action]
        dev_bps = deviation_of(es.bid, es.ask, spy.bid, spy.ask, c)
        if abs(dev_bps) > <double>self.settings.deviation_max_bps:
            self.core.alarm(
                "not believed",
                f"The legs are {dev_bps:.0f} bps from fair value; check contract, rate and factor.",
            )
            refusal = "not believed"
        elif trade is None:
            refusal = self.enter(SIDES_OF[name], ts_ns, expiry_ns, dev_bps)
        else:
            refusal = self.pairs.leave(trade, name, ts_ns=ts_ns, dev_bps=dev_bps, forced=False)
        self.note(name, refusal, ts_ns, dev_bps, c)

    def renew_contracts(self) -> None:
        """Asks for the next future in time, and for both contracts before the hours known of them end."""
        cdef Leg es = self.es
        cdef int64_t now_ns = self.clock.now_ns, utc_ns = self.clock.utc_ns
        if not es.con_id or self.clock.slipped or now_ns < self.ask_again_ns:
            return
        ends_ns = min(leg.liquid_hours[-1][1] if leg.liquid_hours else 0 for leg in (es, self.spy))
        if not self.pairs.open and utc_ns >= es.expiry_ns - self.roll_ns:
            self.core.out.append(AskContract(max(es.expiry_ns, utc_ns)))
        elif ends_ns - utc_ns < HOURS_LEFT_NS:
            self.core.out.append(AskContract(utc_ns, es.con_id))
        else:
            return
        self.ask_again_ns = now_ns + ASK_AGAIN_NS

    def roll(self, Trade trade not None, int64_t ts_ns) -> None:
        """Closes a held pair in the last quotes of its contract."""
        cdef Leg es = self.es, spy = self.spy
        cdef double c = self.core.terms.carry(ts_ns, trade.expiry_ns, spy_mid=spy.mid)
        cdef double dev_bps = deviation_of(es.bid, es.ask, spy.bid, spy.ask, c)
        refusal = self.pairs.leave(trade, "roll", ts_ns=ts_ns, dev_bps=dev_bps, forced=False)
        self.note("roll", refusal, ts_ns, dev_bps, c)

    def press(self) -> None:
        """Lets a held pair go that must, without waiting for a quote."""
        cdef Trade trade
        for trade in list(self.pairs.open.values()):
            if trade.phase == HELD:
                self.must_go(trade, self.clock.utc_ns)

    cdef bint must_go(self, Trade trade, int64_t ts_ns) except -1:
        """Whether a held pair has to go for a reason that is not the signal's, and is going."""
        cdef dict reasons = self.brakes.sentences
        forced = "flatten" if self.flatten else ""
        if reasons:
            forced = next((FORCED[reason] for reason in reasons if reason in FORCED), forced)
        if not forced and self.roll_ns and ts_ns >= <int64_t>trade.expiry_ns - self.roll_ns:
            return not self.pairs.leave(trade, "roll", ts_ns=ts_ns, dev_bps=None, forced=False)
        if not forced:
            return False
        refusal = self.pairs.leave(trade, forced, ts_ns=ts_ns, dev_bps=None, forced=True)
        if refusal:
            self.core.alarm(
                "cannot close", f"Pair {trade.trade_id} must go ({forced}) and cannot: {refusal}."
            )
        return True

    cdef str enter(self, int side, int64_t ts_ns, int64_t expiry_ns, double dev_bps):
        """Tries to enter a pair; why it could not, or nothing."""
        cdef str state = self.brakes.state, order
        settings, core = self.settings, self.core
        if not settings.trading_enabled:
            return "trading is off"
        if state != ACTIVE:
            return state
        if self.roll_ns and ts_ns >= expiry_ns - self.roll_ns:
            self.renew_contracts()
            return "too near to expiry"
        if not core.gate.ready(ENTRY_PAUSE, self.clock.now_ns):
            return "pause after a missed entry"
        es_price, spy_price = (self.es.ask, self.spy.bid) if side > 0 else (self.es.bid, self.spy.ask)
        contracts = settings.contracts
        shares = shares_for(
            contracts, multiplier=settings.multiplier, es_price=es_price, spy_price=spy_price
        )
        if side > 0 and self.shortable is not None and self.shortable < shares:
            return "no shares to borrow"
        drafts = [
            Draft(ES, side, contracts, LIMIT, es_price, IOC, "entry", 0, False),
            Draft(SPY, -side, shares, LIMIT, spy_price, IOC, "entry", 0, False),
        ]
        refusal = core.refusal(drafts)
        if refusal:
            return refusal
        if not self.margin_checked:
            self.ask_margin(side, contracts, shares, ts_ns)
            return "margin is being asked"
        self.last_trade_id = self.last_trade_id + 1
        row = TradeRow(
            self.last_trade_id, side, ENTERING, self.es.con_id, expiry_ns, settings.multiplier, contracts,
            shares, ts_ns, dev_bps,
        )
        order = settings.entry_order
        if order == "es_first":
            self.pairs.enter(row, drafts[:1], SPY)
        elif order == "spy_first":
            self.pairs.enter(row, drafts[1:], ES)
        else:
            self.pairs.enter(row, drafts, "")
        return ""

    cdef int note(self, str action, str refusal, int64_t ts_ns, double dev_bps, double c) except -1:
        """A signal is written down when it is acted upon, and when why it is not changes."""
        cdef Leg es = self.es, spy = self.spy
        if refusal and self.seen == (action, refusal):
            return 0
        self.seen = (action, refusal)
        self.core.out.append(
            Seen(
                ts_ns, action, refusal, dev_bps, edge_cc_of(es.bid, spy.ask, c),
                edge_rev_of(es.ask, spy.bid, c),
            )
        )
        return 0

    cdef int calibrate(self, int64_t ts_ns, int64_t expiry_ns) except -1:
        """A decision of the calibration window: it is not traded."""
        cdef Leg es = self.es, spy = self.spy
        growth = self.core.terms.carry(ts_ns, expiry_ns, spy_mid=spy.mid, factor=1.0)
        self.ratios.append(es.mid / (spy.mid * growth))
        self.calibration_left = self.calibration_left - 1
        if not self.calibration_left:
            factor = statistics.median(self.ratios)
            self.calibrated(factor)
            self.measured = FactorRow(es.con_id, factor, ts_ns, self.settings.calibration_rows)
            self.core.out.append(SaveFactor(self.measured))
            decisions = self.measured.decisions
            self.core.out.append(
                Note("factor", f"The factor is {factor:.6g}, measured over {decisions:,} decisions.")
            )
        return 0

    # --- margin ---------------------------------------------------------------------------------

    cdef int ask_margin(self, int side, contracts, shares, int64_t ts_ns) except -1:
        """Before the first entry of a day; the decision waits for the answer."""
        if self.margin_query and self.clock.now_ns < self.margin_due_ns:
            return 0
        self.margin_query = self.core.ask(MARGIN, side=side, contracts=contracts, shares=shares)
        self.margin_due_ns = self.clock.now_ns + seconds_ns(self.settings.query_timeout_s)
        self.pending_ns = ts_ns
        return 0

    def margin(self, event) -> None:
        """The answer; where it suffices, the decision that waited is made again."""
        if not self.margin_query or event.query != self.margin_query:
            return
        self.margin_query = 0
        pending_ns, self.pending_ns = self.pending_ns, 0
        if event.sufficient:
            self.margin_checked = True
            self.decide(pending_ns if self.settings.decide_on == "row" else self.clock.utc_ns)
        else:
            self.core.alarm("margin", f"The account does not carry an entry: {event.sentence}")
            self.core.gate.pause(ENTRY_PAUSE, self.clock.now_ns)

    def margin_failed(self, query) -> None:
        """The question was refused, or (0) the connection is gone: it will be asked again."""
        if self.margin_query and query in (0, self.margin_query):
            self.margin_query = 0
            self.pending_ns = 0
