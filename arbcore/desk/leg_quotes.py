"""One leg's market: prices and their age, kind of data, halts and hours, and whether it may be traded on.

Owns the rules that make a price good. It must not know orders, positions or the other leg.
"""

import math
from typing import Final

from arbcore.carry.pairs import FUT
from arbcore.desk.desk_settings import DeskSettings, seconds_ns
from arbcore.desk.events import ContractFound
from arbcore.desk.hours import Intervals

#: The broker's market data type of live prices.
LIVE = 1
#: The same bounds as for files of quotes: beyond them sums and deviations could overflow.
PRICE_MIN: Final = 1e-9
PRICE_MAX: Final = 1e12
#: Earlier than any time.
NEVER_NS = -(2**63)


class LegQuotes:
    """The market of a leg; times without ``utc`` in their name are monotonic."""

    def __init__(self, leg: str, settings: DeskSettings) -> None:
        pair = settings.pair
        self.leg, self.symbol = leg, pair.symbol(leg)
        self.con_id = 0
        self.tick = pair.tick if leg == FUT else pair.etf_tick
        self.multiplier = pair.multiplier if leg == FUT else 1.0
        self.expiry_ns = 0
        self.liquid_hours: Intervals = ()
        self.trading_hours: Intervals = ()
        self.bid = self.ask = 0.0
        self.kind = 0
        self.halted = False
        self.seen_ns = NEVER_NS
        self._stale_ns = seconds_ns(settings.stale_s)
        # Recorded rows may be locked (bid = ask); live, a locked market is about to move.
        self._may_lock = settings.decide_on == "row"
        # The span of liquid hours found by the last look-up.
        self._open_span = (0, 0)

    def forget(self) -> None:
        """Makes the prices unusable for trading; the last ones still value positions."""
        self.kind = 0
        self.halted = False
        self.silence()

    def silence(self) -> None:
        """Makes the quote stale until the next tick."""
        self.seen_ns = NEVER_NS

    def confirm(self, now_ns: int) -> None:
        """Restarts the quote's age at now, if a tick came since ``silence``."""
        if self.seen_ns != NEVER_NS:
            self.seen_ns = now_ns

    def alive(self, now_ns: int) -> None:
        """Notes a tick that changed no price."""
        self.seen_ns = now_ns

    def take_kind(self, kind: int) -> None:
        """Sets the kind of data that comes from now on."""
        self.kind = kind

    def take_halt(self, halted: bool) -> None:
        """Notes that trading was halted or resumed."""
        self.halted = halted

    def resolve(self, contract: ContractFound) -> None:
        """Takes a contract's details; a new contract clears the prices."""
        if self.con_id and contract.con_id != self.con_id:
            self.bid = self.ask = 0.0
            self.silence()
        self.con_id = contract.con_id
        self.tick = contract.min_tick
        self.expiry_ns = contract.expiry_ns or 0
        self.liquid_hours, self.trading_hours = contract.liquid_hours, contract.trading_hours
        self._open_span = (0, 0)

    def quote(self, bid: float, ask: float, now_ns: int) -> None:
        """Updates bid and ask; a price outside PRICE_MIN to PRICE_MAX counts as missing, which is 0."""
        self.bid = bid if PRICE_MIN <= bid <= PRICE_MAX else 0.0
        self.ask = ask if PRICE_MIN <= ask <= PRICE_MAX else 0.0
        self.seen_ns = now_ns

    @property
    def mid(self) -> float:
        """The mid price; 0 if bid or ask is missing."""
        return (self.bid + self.ask) / 2.0 if self.bid and self.ask else 0.0

    def open_at(self, utc_ns: int) -> bool:
        """Whether the leg is in liquid hours."""
        start_ns, end_ns = self._open_span
        if not start_ns <= utc_ns < end_ns:
            self._open_span = start_ns, end_ns = _span_at(self.liquid_hours, utc_ns)
        return start_ns <= utc_ns < end_ns

    def trades_at(self, utc_ns: int) -> bool:
        """Whether the leg trades at all."""
        start_ns, end_ns = _span_at(self.trading_hours, utc_ns)
        return start_ns <= utc_ns < end_ns

    def fault(self, now_ns: int, utc_ns: int, *, may_lock: bool = False) -> str:
        """Why the prices may not be traded on; empty if they may. ``may_lock``: allows bid = ask."""
        if now_ns - self.seen_ns > self._stale_ns:
            return f"{self.symbol} stale"
        if self.kind != LIVE:
            return f"{self.symbol} not live"
        if not self.bid or not self.ask:
            return f"{self.symbol} missing"
        if self.bid > self.ask or (self.bid == self.ask and not (may_lock or self._may_lock)):
            return f"{self.symbol} crossed"
        if self.halted:
            return f"{self.symbol} halted"
        if not self.open_at(utc_ns):
            return self.closed
        return ""

    @property
    def closed(self) -> str:
        """The fault of a leg outside its liquid hours."""
        return f"{self.symbol} closed"

    def crossing(self, side: int, offset_bps: float) -> float:
        """A limit price that crosses the touch by ``offset_bps``, rounded to the tick; 0 gives the touch."""
        if not offset_bps:
            return self.ask if side > 0 else self.bid
        if side > 0:
            ticks = math.floor(self.ask * (1.0 + offset_bps * 1e-4) / self.tick + 1e-6)
        else:
            ticks = math.ceil(self.bid * (1.0 - offset_bps * 1e-4) / self.tick - 1e-6)
        return round(ticks * self.tick, 9)


def _span_at(hours: Intervals, utc_ns: int) -> tuple[int, int]:
    return next((span for span in hours if span[0] <= utc_ns < span[1]), (0, 0))
