"""The brakes and the gate: which state the desk is in and why, and what may leave.

Owns the reasons for REDUCING and HALTED, the limits, the collar and the pace. Exposure, pauses and pace are
the compiled kernels of ``_fast``, the same that the exchange bot uses. A refusal is a value with a reason.
It must not know why somebody wants an order.
"""

import math
from dataclasses import dataclass

from arbcore._fast import Cooldown, MessageWindow, exposure_allows
from arbcore.carry.desk.clock import MarketClock
from arbcore.carry.desk.orders import Orders
from arbcore.carry.desk.quotes import Leg
from arbcore.carry.desk.rows import ES, LIMIT, SPY
from arbcore.carry.desk.settings import SECOND_NS, DeskSettings

ACTIVE, REDUCING, HALTED = "ACTIVE", "REDUCING", "HALTED"
_LEVEL = {ACTIVE: 0, REDUCING: 1, HALTED: 2}

#: What each reason makes of the state. REDUCING sends only what makes a position smaller, HALTED nothing
#: but cancels: where positions are not known for certain, any order may be the wrong one.
BRAKES = {
    "not connected": HALTED, "reconciling": HALTED, "unanswered": HALTED, "mismatch": HALTED,
    "account": HALTED, "overfill": HALTED, "unwind failed": HALTED, "contract": HALTED,
    "unknown order": HALTED,
    "kill switch": REDUCING, "daily loss": REDUCING, "stopping": REDUCING, "clock": REDUCING,
}  # fmt: skip

#: Reasons that every run meets: the state says them, nobody is alarmed.
ORDINARY = frozenset({"not connected", "reconciling", "stopping"})

#: Slots of the pauses: after a missed entry, after a missed exit.
ENTRY_PAUSE, EXIT_PAUSE = 0, 1


class Brakes:
    """The reasons that hold; the state is that of the worst one."""

    def __init__(self) -> None:
        self.sentences: dict[str, str] = {}
        self.state = ACTIVE
        self.changed = False

    def put(self, reason: str, sentence: str) -> bool:
        """A reason begins to hold; False where it did already."""
        known = reason in self.sentences
        self.sentences[reason] = sentence
        if not known:
            self._judge()
        return not known

    def lift(self, *reasons: str) -> None:
        """Reasons no longer hold."""
        before = len(self.sentences)
        for reason in reasons:
            self.sentences.pop(reason, None)
        if len(self.sentences) != before:
            self._judge()

    def __contains__(self, reason: str) -> bool:
        return reason in self.sentences

    def _judge(self) -> None:
        self.changed = True
        worst = max((_LEVEL[BRAKES[reason]] for reason in self.sentences), default=0)
        self.state = (ACTIVE, REDUCING, HALTED)[worst]


@dataclass(slots=True)
class Draft:
    """An order that somebody wants. ``held`` is what its pair holds of the leg, signed.

    ``reduces`` says that it makes that smaller; ``blind``, that a market order may go without a fresh price,
    because a naked leg in an open market is worse.
    """

    leg: str
    side: int
    quantity: int
    kind: str
    limit: float | None
    tif: str
    role: str
    held: int
    reduces: bool
    blind: bool = False


class Gate:
    """Nothing leaves that was not checked here; each pass has a number."""

    def __init__(
        self, settings: DeskSettings, orders: Orders, *, legs: dict[str, Leg], brakes: Brakes
    ) -> None:
        self.settings = settings
        self.orders = orders
        self.legs = legs
        self.brakes = brakes
        self.window = MessageWindow(settings.message_cap, SECOND_NS)
        pauses_ns = settings.cooldown_ns, SECOND_NS
        self.pauses = tuple(Cooldown(1, pause_ns) for pause_ns in pauses_ns)
        self.passes = 0
        self.factor = 0.0
        self.limits = {ES: settings.contracts, SPY: 0}
        self.set_factor(settings.factor)
        self._enabled = settings.trading_enabled
        self._collar = settings.collar_bps * 1e-4

    def set_factor(self, factor: float) -> None:
        """The largest position either way: contracts, or the shares that match them and some headroom."""
        settings = self.settings
        self.factor = factor
        shares = settings.spy_headroom * settings.contracts * settings.multiplier * factor
        self.limits[SPY] = math.ceil(shares)

    def check(self, draft: Draft, positions: dict[str, int], clock: MarketClock) -> str:
        """Why the order must not leave; empty where it may."""
        state = self.brakes.state
        if not self._enabled:
            return "trading is off"
        if state != ACTIVE and (state == HALTED or not draft.reduces):
            return f"{state}: {next(iter(self.brakes.sentences))}"
        leg, side, quantity = draft.leg, draft.side, draft.quantity
        market = self.legs.get(leg)
        if quantity < 1 or market is None:
            return "no quantity"
        working = 0
        if self.orders.live:
            working = self.orders.working(leg, side)
            if any(order.leg == leg and order.side != side for order in self.orders.live.values()):
                return "meets our own order"
        if draft.reduces and quantity + working > -side * draft.held:
            return "more than is held"
        if not exposure_allows(positions[leg], working, side, size=quantity, limit=self.limits[leg]):
            return f"{leg} position limit"
        fault = market.fault(clock.now_ns, clock.utc_ns)
        if fault and not self._excused(fault, draft, clock):
            return fault
        limit = draft.limit
        if limit is None:
            return "" if draft.kind != LIMIT else f"{leg} price collar"
        mid = (market.bid + market.ask) / 2
        return "" if abs(limit - mid) <= self._collar * mid else f"{leg} price collar"

    def _excused(self, fault: str, draft: Draft, clock: MarketClock) -> bool:
        """Whether an order that makes a position smaller may leave all the same."""
        market, utc_ns = self.legs[draft.leg], clock.utc_ns
        if not draft.reduces:
            return False
        # ES trades nearly round the clock; a residual need not wait for the liquid hours.
        if fault == "ES closed" and market.trades_at(utc_ns):
            return True
        return draft.blind and draft.limit is None and market.open_at(utc_ns) and not market.halted

    def paced(self, orders: int, pace_ns: int) -> bool:
        """Whether so many orders may leave now and what is kept for cancels and questions still stays."""
        return self.window.room(pace_ns) >= orders + self.settings.cancel_reserve

    def _price_fault(self, draft: Draft, now_ns: int, utc_ns: int) -> str:
        leg = self.legs[draft.leg]
        fault = leg.fault(now_ns, utc_ns)
        if fault:
            open_market = leg.open_at(utc_ns) and not leg.halted
            # ES trades nearly round the clock; a residual need not wait for the liquid hours.
            if draft.reduces and fault == "ES closed" and leg.trades_at(utc_ns):
                open_market, fault = True, ""
            if fault and not (draft.blind and draft.reduces and draft.limit is None and open_market):
                return fault
        if draft.kind == LIMIT:
            mid, limit = leg.mid, draft.limit
            if limit is None or not 0.0 < limit < math.inf or abs(limit - mid) > self._collar * mid:
                return f"{leg.name} price collar"
        return ""

    def passed(self, pace_ns: int) -> int:
        """Counts a message and numbers the pass of an order that was checked just before."""
        self.window.take(pace_ns)
        self.passes += 1
        return self.passes

    def ready(self, slot: int, now_ns: int) -> bool:
        """Whether a pause is over."""
        return self.pauses[slot].ready(0, now_ns)

    def pause(self, slot: int, now_ns: int) -> None:
        """A pause begins."""
        self.pauses[slot].mark(0, now_ns)
