"""One leg's market: prices with their age, kind of data, halts and hours, and whether they may be traded on.

Owns what makes a price good. It must not know orders, positions or the other leg.
"""

import math

from arbcore.carry.desk.events import Contract
from arbcore.carry.desk.hours import Intervals
from arbcore.carry.desk.settings import DeskSettings, seconds_ns

LIVE = 1
_NEVER = -(2**63)
_NOWHERE = (0, 0)  # no instant and no span


class Leg:
    """The market of ``name``; times without ``utc`` in their name are monotonic."""

    __slots__ = (
        "_fault", "_fault_at", "_liquid", "_stale_ns", "_strict", "_trading", "ask", "bid", "con_id",
        "expiry_ns", "halted", "kind", "liquid_hours", "multiplier", "name", "seen_ns", "tick",
        "trading_hours",
    )  # fmt: skip

    def __init__(self, name: str, settings: DeskSettings) -> None:
        self.name = name
        self.con_id = 0
        self.tick = 0.25 if name == "ES" else 0.01
        self.multiplier = settings.multiplier if name == "ES" else 1.0
        self.expiry_ns = 0
        self.liquid_hours: Intervals = ()
        self.trading_hours: Intervals = ()
        self._liquid = self._trading = _NOWHERE
        self._stale_ns = seconds_ns(settings.stale_s)
        # Recorded rows may be locked; live, a locked market is about to move.
        self._strict = settings.decide_on == "quote"
        self.forget()

    def forget(self) -> None:
        """No price is known any more; the last ones stay as marks."""
        if not hasattr(self, "bid"):
            self.bid = self.ask = 0.0
        self.kind = 0
        self.halted = False
        self.silence()

    def silence(self) -> None:
        """What was seen last no longer counts."""
        self.seen_ns = _NEVER
        self._fault_at = _NOWHERE

    def alive(self, now_ns: int) -> None:
        """A tick came that changed no price."""
        self.seen_ns = now_ns
        self._fault_at = _NOWHERE

    def take_kind(self, kind: int) -> None:
        """The kind of data that comes from here on."""
        self.kind = kind
        self._fault_at = _NOWHERE

    def take_halt(self, halted: bool) -> None:
        """Trading was halted, or goes on."""
        self.halted = halted
        self._fault_at = _NOWHERE

    def resolve(self, contract: Contract) -> None:
        """Takes the contract's facts."""
        if contract.con_id != self.con_id and self.con_id:
            self.bid = self.ask = 0.0
            self.silence()
        self._fault_at = _NOWHERE
        self.con_id = contract.con_id
        self.tick = contract.min_tick
        self.expiry_ns = contract.expiry_ns or 0
        self.liquid_hours, self.trading_hours = contract.liquid_hours, contract.trading_hours
        self._liquid = self._trading = _NOWHERE

    def quote(self, bid: float, ask: float, now_ns: int) -> None:
        """New prices; what is no price is kept as 0, which is none."""
        self.bid = bid if 0.0 < bid < math.inf else 0.0
        self.ask = ask if 0.0 < ask < math.inf else 0.0
        self.seen_ns = now_ns
        self._fault_at = _NOWHERE

    @property
    def mid(self) -> float:
        """0 where there is none."""
        return (self.bid + self.ask) / 2 if self.bid and self.ask else 0.0

    def open_at(self, utc_ns: int) -> bool:
        """Whether the leg is in liquid hours."""
        start, end = self._liquid
        if not start <= utc_ns < end:
            start, end = self._liquid = _span_at(self.liquid_hours, utc_ns)
        return start <= utc_ns < end

    def trades_at(self, utc_ns: int) -> bool:
        """Whether the leg trades at all."""
        start, end = self._trading
        if not start <= utc_ns < end:
            start, end = self._trading = _span_at(self.trading_hours, utc_ns)
        return start <= utc_ns < end

    def fault(self, now_ns: int, utc_ns: int) -> str:
        """Why the prices may not be traded on; empty where they may."""
        # Asked several times at one instant: by the decision, the loss limit, the gate of each order.
        at = (now_ns, utc_ns)
        if self._fault_at != at:
            self._fault = self._find_fault(now_ns, utc_ns)
            self._fault_at = at
        return self._fault

    def _find_fault(self, now_ns: int, utc_ns: int) -> str:
        if now_ns - self.seen_ns > self._stale_ns:
            return f"{self.name} stale"
        if self.kind != LIVE:
            return f"{self.name} not live"
        if not self.bid or not self.ask:
            return f"{self.name} missing"
        if self.bid > self.ask or (self._strict and self.bid == self.ask):
            return f"{self.name} crossed"
        if self.halted:
            return f"{self.name} halted"
        start, end = self._liquid
        if not (start <= utc_ns < end or self.open_at(utc_ns)):
            return f"{self.name} closed"
        return ""

    def crossing(self, side: int, offset_bps: float) -> float:
        """The limit that crosses the touch by so many bps of it, on the tick; without any, the touch."""
        if not offset_bps:
            return self.ask if side > 0 else self.bid
        if side > 0:
            return round(math.floor(self.ask * (1.0 + offset_bps * 1e-4) / self.tick + 1e-6) * self.tick, 9)
        return round(math.ceil(self.bid * (1.0 - offset_bps * 1e-4) / self.tick - 1e-6) * self.tick, 9)


def _span_at(hours: Intervals, utc_ns: int) -> tuple[int, int]:
    for span in hours:
        if span[0] <= utc_ns < span[1]:
            return span
    return _NOWHERE
