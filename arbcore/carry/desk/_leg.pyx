"""One leg's market: prices with their age, kind of data, halts and hours, and whether they may be traded on.

Owns what makes a price good; ``arbcore.reference.desk`` is the specification. It must not know orders,
positions or the other leg.
"""
from libc.math cimport INFINITY
from libc.stdint cimport INT64_MIN, int64_t, uint64_t

import math

from arbcore.carry.desk.settings import seconds_ns

LIVE = 1


cdef class Leg:
    """The market of ``name``; times without ``utc`` in their name are monotonic."""

    def __init__(self, str name not None, settings):
        self.name = name
        self.con_id = 0
        self.tick = 0.25 if name == "ES" else 0.01
        self.multiplier = settings.multiplier if name == "ES" else 1.0
        self.expiry_ns = 0
        self.liquid_hours = self.trading_hours = ()
        self.forget_spans()
        self.stale_ns = seconds_ns(settings.stale_s)
        # Recorded rows may be locked; live, a locked market is about to move.
        self.strict = settings.decide_on == "quote"
        self.bid = self.ask = 0.0
        # Said at every quote of a leg that is not good.
        self.stale, self.not_live, self.missing = f"{name} stale", f"{name} not live", f"{name} missing"
        self.crossed, self.stopped, self.closed = f"{name} crossed", f"{name} halted", f"{name} closed"
        self.forget()

    cdef void forget_spans(self) noexcept:
        self.liquid_from_ns = self.liquid_until_ns = self.trading_from_ns = self.trading_until_ns = 0

    def forget(self) -> None:
        """No price is known any more; the last ones stay as marks."""
        self.take_kind(0)
        self.halted = False
        self.silence()

    def silence(self) -> None:
        """What was seen last no longer counts."""
        self.seen_ns = INT64_MIN

    def alive(self, int64_t now_ns) -> None:
        """A tick came that changed no price."""
        self.seen_ns = now_ns

    def take_kind(self, kind) -> None:
        """The kind of data that comes from here on."""
        self.kind = kind
        self.live = kind == LIVE

    def take_halt(self, bint halted) -> None:
        """Trading was halted, or goes on."""
        self.halted = halted

    def resolve(self, contract) -> None:
        """Takes the contract's facts."""
        if contract.con_id != self.con_id and self.con_id:
            self.bid = self.ask = 0.0
            self.silence()
        self.con_id = contract.con_id
        self.tick = contract.min_tick
        self.expiry_ns = contract.expiry_ns or 0
        self.liquid_hours, self.trading_hours = contract.liquid_hours, contract.trading_hours
        self.forget_spans()

    def quote(self, double bid, double ask, int64_t now_ns) -> None:
        """New prices; what is no price is kept as 0, which is none."""
        self.bid = bid if 0.0 < bid < INFINITY else 0.0
        self.ask = ask if 0.0 < ask < INFINITY else 0.0
        self.seen_ns = now_ns

    @property
    def mid(self) -> float:
        """0 where there is none."""
        return (self.bid + self.ask) / 2.0 if self.bid and self.ask else 0.0

    cpdef bint open_at(self, int64_t utc_ns) except? -1:
        """Whether the leg is in liquid hours."""
        if not self.liquid_from_ns <= utc_ns < self.liquid_until_ns:
            self.liquid_from_ns, self.liquid_until_ns = span_at(self.liquid_hours, utc_ns)
        return self.liquid_from_ns <= utc_ns < self.liquid_until_ns

    cpdef bint trades_at(self, int64_t utc_ns) except? -1:
        """Whether the leg trades at all."""
        if not self.trading_from_ns <= utc_ns < self.trading_until_ns:
            self.trading_from_ns, self.trading_until_ns = span_at(self.trading_hours, utc_ns)
        return self.trading_from_ns <= utc_ns < self.trading_until_ns

    cpdef str fault(self, int64_t now_ns, int64_t utc_ns):
        """Why the prices may not be traded on; empty where they may."""
        # The age of what was seen at the beginning of time does not fit into a signed number.
        if now_ns > self.seen_ns and <uint64_t>now_ns - <uint64_t>self.seen_ns > <uint64_t>self.stale_ns:
            return self.stale
        if not self.live:
            return self.not_live
        if self.bid == 0.0 or self.ask == 0.0:
            return self.missing
        if self.bid > self.ask or (self.strict and self.bid == self.ask):
            return self.crossed
        if self.halted:
            return self.stopped
        if not self.open_at(utc_ns):
            return self.closed
        return ""

    cpdef object crossing(self, int side, double offset_bps):
        """The limit that crosses the touch by so many bps of it, on the tick; without any, the touch."""
        if offset_bps == 0.0:
            return self.ask if side > 0 else self.bid
        if side > 0:
            return round(math.floor(self.ask * (1.0 + offset_bps * 1e-4) / self.tick + 1e-6) * self.tick, 9)
        return round(math.ceil(self.bid * (1.0 - offset_bps * 1e-4) / self.tick - 1e-6) * self.tick, 9)


cdef (int64_t, int64_t) span_at(tuple hours, int64_t utc_ns) except *:
    for start_ns, end_ns in hours:
        if start_ns <= utc_ns < end_ns:
            return start_ns, end_ns
    return 0, 0
