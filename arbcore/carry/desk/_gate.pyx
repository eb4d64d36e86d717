# cython: nonecheck=True
"""The gate that every order of the desk passes: what may leave, in which pace, and its number.

Owns the limits, the collar and the pace; ``arbcore.reference.desk`` is the specification. Exposure,
pauses and pace are the kernels of ``_fast``, the same that the exchange bot uses. A refusal is a value with a
reason. It must not know why somebody wants an order.
"""
from libc.stdint cimport int64_t

from arbcore._fast cimport exposure_allows
from arbcore.carry.desk._clock cimport MarketClock
from arbcore.carry.desk._leg cimport Leg
from arbcore.carry.desk._orders cimport Orders
from arbcore.carry.desk._records cimport Draft, OrderRow

import math

from arbcore._fast import Cooldown, MessageWindow
from arbcore.carry.desk.orders import SENT as _SENT
from arbcore.carry.desk.risk import ACTIVE as _ACTIVE
from arbcore.carry.desk.risk import HALTED as _HALTED
from arbcore.carry.desk.rows import ES as _ES
from arbcore.carry.desk.rows import LIMIT as _LIMIT
from arbcore.carry.desk.rows import SPY as _SPY
from arbcore.carry.desk.settings import SECOND_NS, seconds_ns

# C knows these words without asking the module for them.
cdef str ACTIVE = _ACTIVE
cdef str HALTED = _HALTED
cdef str ES = _ES
cdef str SPY = _SPY
cdef str LIMIT = _LIMIT
cdef str SENT = _SENT


cdef class Gate:
    """Nothing leaves that was not checked here; each pass has a number, and so has each order's ref.

    Quantities are 64-bit numbers; OverflowError for what is not.
    """

    cdef readonly object settings
    cdef readonly Orders orders
    cdef readonly dict legs
    cdef readonly dict limits
    cdef readonly object brakes
    cdef readonly tuple pauses
    cdef readonly double factor
    cdef public object window
    cdef public object passes
    cdef public bint closing
    cdef public object number
    cdef readonly str store_id
    cdef int64_t order_timeout_ns
    cdef bint enabled
    cdef double collar
    cdef int64_t cancel_reserve

    def __init__(self, settings, Orders orders not None, *, str store_id not None, dict legs not None,
                 brakes):
        self.store_id = store_id
        self.settings = settings
        self.orders = orders
        self.legs = legs
        self.brakes = brakes
        self.window = MessageWindow(settings.message_cap, SECOND_NS)
        self.pauses = Cooldown(1, settings.cooldown_ns), Cooldown(1, SECOND_NS)
        self.limits = {ES: settings.contracts, SPY: 0}
        self.set_factor(settings.factor)
        self.enabled = settings.trading_enabled
        self.collar = settings.collar_bps * 1e-4
        self.cancel_reserve = settings.cancel_reserve
        self.order_timeout_ns = seconds_ns(settings.order_timeout_s)
        self.passes = self.number = 0
        #: Open pairs are to be closed (kill switch, flatten), where trading is off too.
        self.closing = False

    def set_factor(self, double factor) -> None:
        """The largest position either way: contracts, or the shares that match them and some headroom."""
        settings = self.settings
        self.factor = factor
        shares = settings.spy_headroom * settings.contracts * settings.multiplier * factor
        self.limits[SPY] = math.ceil(shares)

    cpdef str check(self, Draft draft, dict positions, MarketClock clock):
        """Why the order must not leave; empty where it may."""
        cdef Leg market
        cdef str fault, state = self.brakes.state
        cdef int64_t working = 0
        cdef double mid, limit
        if not self.enabled and not (self.closing and draft.reduces):
            return "trading is off"
        if state != ACTIVE and (state == HALTED or not draft.reduces):
            return f"{state}: {next(iter(self.brakes.sentences))}"
        market = self.legs.get(draft.leg)
        if draft.quantity < 1 or market is None:
            return "no quantity"
        if self.orders.live:
            working = self.orders.working(draft.leg, draft.side)
            if self.orders.meets(draft.leg, draft.side):
                return "meets our own order"
        # What makes a position smaller keeps within a limit of nothing on the other side of what is held.
        if draft.reduces and not exposure_allows(draft.held, working, draft.side, draft.quantity, 0):
            return "more than is held"
        if not exposure_allows(
            positions[draft.leg], working, draft.side, draft.quantity, self.limits[draft.leg]
        ):
            return f"{draft.leg} position limit"
        fault = market.fault(clock.now_ns, clock.utc_ns)
        if fault and not self.excused(fault, draft, market, clock.utc_ns):
            return fault
        if draft.limit is None:
            return "" if draft.kind != LIMIT else f"{draft.leg} price collar"
        limit = draft.limit
        mid = (market.bid + market.ask) / 2.0
        return "" if abs(limit - mid) <= self.collar * mid else f"{draft.leg} price collar"

    cdef bint excused(self, str fault, Draft draft, Leg market, int64_t utc_ns) except -1:
        """Whether an order that makes a position smaller may leave all the same."""
        if not draft.reduces:
            return False
        # ES trades nearly round the clock; a residual need not wait for the liquid hours.
        if fault == "ES closed" and market.trades_at(utc_ns):
            return True
        return draft.blind and draft.limit is None and market.open_at(utc_ns) and not market.halted

    def refusal(self, list drafts not None, dict positions not None, MarketClock clock not None) -> str:
        """Why these orders must not leave together; empty where all of them may."""
        for draft in drafts:
            reason = self.check(draft, positions, clock)
            if reason:
                return reason
        return "" if self.paced(len(drafts), clock.pace()) else "message rate"

    def paced(self, int64_t orders, pace_ns) -> bool:
        """Whether so many orders may leave now and what is kept for cancels and questions still stays."""
        return self.window.room(pace_ns) >= orders + self.cancel_reserve

    cpdef object passed(self, pace_ns):
        """Counts a message and numbers the pass of an order that was checked just before."""
        self.window.take(pace_ns)
        self.passes = self.passes + 1
        return self.passes

    def ready(self, int slot, now_ns) -> bool:
        """Whether a pause is over."""
        return self.pauses[slot].ready(0, now_ns)

    def pause(self, int slot, now_ns) -> None:
        """A pause begins."""
        self.pauses[slot].mark(0, now_ns)

    def let_out(self, list drafts not None, *, trade_id, es_con_id, MarketClock clock not None) -> tuple:
        """The orders of drafts that were just found free of refusals, numbered on and in the table."""
        cdef Draft draft
        cdef OrderRow row
        cdef int64_t number
        utc_ns, pace_ns = clock.utc_ns, clock.pace()
        if not self.orders.live:
            self.orders.look_ns = clock.now_ns + self.order_timeout_ns
        rows = []
        for draft in drafts:
            self.number = number = self.number + 1
            row = OrderRow.__new__(OrderRow)
            row.ref = f"{self.store_id}-{number:07d}{draft.leg[0]}"
            row.trade_id, row.leg, row.side = trade_id, draft.leg, draft.side
            row.quantity, row.kind, row.limit, row.tif = draft.quantity, draft.kind, draft.limit, draft.tif
            row.role, row.approved = draft.role, self.passed(pace_ns)
            row.con_id = es_con_id if draft.leg == ES else (<Leg?>self.legs[draft.leg]).con_id
            row.created_ns, row.state, row.filled = utc_ns, SENT, 0
            row.perm_id, row.reason = 0, ""
            self.orders.add(row, clock.now_ns)
            rows.append(row)
        return tuple(rows)
