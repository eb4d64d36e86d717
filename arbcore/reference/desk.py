"""Twins of the live desk's kernels: a leg's market (``_leg``), the table of orders, the gate.

Times are integers of nanoseconds and quantities whole numbers; those that the kernels keep in 64 bits are not
checked here.
"""

import math
from collections.abc import Mapping
from typing import Any

from arbcore.carry.desk._records import Draft
from arbcore.carry.desk.orders import (
    ACK,
    FINAL_STATES,
    FULL,
    LIVE_STATES,
    NEXT,
    OUT,
)
from arbcore.carry.desk.risk import ACTIVE, HALTED
from arbcore.carry.desk.rows import ES, LEGS, LIMIT, SPY, OrderRow
from arbcore.carry.desk.settings import SECOND_NS, DeskSettings, seconds_ns
from arbcore.errors import BrokenInvariant
from arbcore.reference.kernels import Cooldown, MessageWindow, exposure_allows

Spans = tuple[tuple[int, int], ...]
LIVE = 1
NEVER_NS = -(2**63)
OLD_NS = 2 * 86_400 * SECOND_NS


class Leg:
    """One leg's market."""

    def __init__(self, name: str, settings: DeskSettings) -> None:
        self.name = name
        self.con_id = 0
        self.tick = 0.25 if name == ES else 0.01
        self.multiplier = settings.multiplier if name == ES else 1.0
        self.expiry_ns = 0
        self.liquid_hours: Spans = ()
        self.trading_hours: Spans = ()
        self.stale_ns = seconds_ns(settings.stale_s)
        self.may_lock = settings.decide_on == "row"
        self.bid = self.ask = 0.0
        self.forget()

    def forget(self) -> None:
        self.kind = 0
        self.halted = False
        self.silence()

    def silence(self) -> None:
        self.seen_ns = NEVER_NS

    def alive(self, now_ns: int) -> None:
        self.seen_ns = now_ns

    def take_kind(self, kind: int) -> None:
        self.kind = kind

    def take_halt(self, halted: bool) -> None:
        self.halted = halted

    def resolve(self, contract: Any) -> None:
        if self.con_id and contract.con_id != self.con_id:
            self.bid = self.ask = 0.0
            self.silence()
        self.con_id = contract.con_id
        self.tick = contract.min_tick
        self.expiry_ns = contract.expiry_ns or 0
        self.liquid_hours, self.trading_hours = contract.liquid_hours, contract.trading_hours

    def quote(self, bid: float, ask: float, now_ns: int) -> None:
        self.bid = bid if 0.0 < bid < math.inf else 0.0
        self.ask = ask if 0.0 < ask < math.inf else 0.0
        self.seen_ns = now_ns

    @property
    def mid(self) -> float:
        return (self.bid + self.ask) / 2 if self.bid and self.ask else 0.0

    def open_at(self, utc_ns: int) -> bool:
        return any(start_ns <= utc_ns < end_ns for start_ns, end_ns in self.liquid_hours)

    def trades_at(self, utc_ns: int) -> bool:
        return any(start_ns <= utc_ns < end_ns for start_ns, end_ns in self.trading_hours)

    def fault(self, now_ns: int, utc_ns: int) -> str:
        if now_ns - self.seen_ns > self.stale_ns:
            return f"{self.name} stale"
        if self.kind != LIVE:
            return f"{self.name} not live"
        if not self.bid or not self.ask:
            return f"{self.name} missing"
        if self.bid > self.ask or (self.bid == self.ask and not self.may_lock):
            return f"{self.name} crossed"
        if self.halted:
            return f"{self.name} halted"
        if not self.open_at(utc_ns):
            return f"{self.name} closed"
        return ""

    def crossing(self, side: int, offset_bps: float) -> float:
        if not offset_bps:
            return self.ask if side > 0 else self.bid
        if side > 0:
            ticks = math.floor(self.ask * (1.0 + offset_bps * 1e-4) / self.tick + 1e-6)
        else:
            ticks = math.ceil(self.bid * (1.0 - offset_bps * 1e-4) / self.tick - 1e-6)
        return round(ticks * self.tick, 9)


class Order:
    """One order: what its row says, and what is known besides."""

    def __init__(self, row: OrderRow, now_ns: int) -> None:
        self.ref, self.trade_id, self.leg, self.side = row.ref, row.trade_id, row.leg, row.side
        self.quantity, self.kind, self.limit, self.tif = row.quantity, row.kind, row.limit, row.tif
        self.role, self.approved, self.con_id = row.role, row.approved, row.con_id
        self.created_ns, self.state, self.filled = row.created_ns, row.state, row.filled
        self.perm_id, self.reason = row.perm_id, row.reason
        self.sent_ns = now_ns
        self.pulled_ns = 0
        self.pulls = 0
        self.acked = row.perm_id != 0
        self.suspect = False
        self.out_filled = -1
        self.told_filled = 0
        self.absent = 0
        self.dirty = False

    def row(self) -> OrderRow:
        return OrderRow(
            self.ref, self.trade_id, self.leg, self.side, self.quantity, self.kind, self.limit, self.tif,
            self.role, self.approved, self.con_id, self.created_ns, self.state, self.filled, self.perm_id,
            self.reason,
        )  # fmt: skip

    @property
    def live(self) -> bool:
        return self.state in LIVE_STATES

    @property
    def open_quantity(self) -> int:
        return max(0, self.quantity - self.filled) if self.live else 0


class Orders:
    """The table."""

    def __init__(self) -> None:
        self.all: dict[str, Order] = {}
        self.by_perm: dict[int, str] = {}
        self.dirty: list[Order] = []
        self.look_ns = 0

    @property
    def live(self) -> dict[str, Order]:
        return {ref: order for ref, order in self.all.items() if order.live}

    def add(self, row: OrderRow, now_ns: int) -> Order:
        if row.ref in self.all:
            raise BrokenInvariant(f"The order ref {row.ref} was used before.")
        self.all[row.ref] = order = Order(row, now_ns)
        if row.perm_id:
            self.by_perm[row.perm_id] = row.ref
        return order

    def find(self, ref: str, perm_id: int) -> Order | None:
        if ref in self.all:
            return self.all[ref]
        return self.all.get(self.by_perm.get(perm_id, "")) if perm_id else None

    def identify(self, order: Order, perm_id: int) -> None:
        if not perm_id:
            return
        if order.perm_id != perm_id:
            order.perm_id = perm_id
            self.by_perm[perm_id] = order.ref
            self.mark(order)
        order.acked = True

    def news(self, order: Order, news: str, reason: str = "") -> bool:
        if (order.state, news) not in NEXT:
            return False
        order.state = NEXT[order.state, news]
        order.acked = order.acked or news in (ACK, OUT, FULL)
        order.reason = reason or order.reason
        self.look_ns = 0
        self.mark(order)
        return True

    def fill(self, order: Order, change: int) -> None:
        order.filled += change
        self.mark(order)
        if order.filled >= order.quantity:
            self.news(order, FULL)
        elif order.told_filled <= order.out_filled == order.filled:
            self.news(order, OUT)

    def ended(self, order: Order, filled: int) -> bool:
        order.out_filled = filled
        return order.told_filled <= filled == order.filled and self.news(order, OUT)

    def working(self, leg: str, side: int) -> int:
        orders = [order for order in self.all.values() if (order.leg, order.side) == (leg, side)]
        return sum(order.open_quantity for order in orders)

    def meets(self, leg: str, side: int) -> bool:
        return any(order.leg == leg and order.side == -side for order in self.live.values())

    def exposure(self) -> dict[str, dict[int, int]]:
        return {leg: {side: self.working(leg, side) for side in (1, -1)} for leg in LEGS}

    def mark(self, order: Order) -> None:
        if not order.dirty:
            order.dirty = True
            self.dirty.append(order)

    def prune(self, utc_ns: int, keep: set[int]) -> None:
        for order in list(self.all.values()):
            old = order.created_ns < utc_ns - OLD_NS
            if old and order.state in FINAL_STATES and order.trade_id not in keep:
                del self.all[order.ref]
                self.by_perm.pop(order.perm_id, None)


class Gate:
    """The gate; ``brakes`` and ``clock`` are the desk's own."""

    def __init__(self, settings: DeskSettings, orders: Orders, *, legs: dict[str, Leg], brakes: Any) -> None:
        self.settings = settings
        self.orders = orders
        self.legs = legs
        self.brakes = brakes
        self.window = MessageWindow(settings.message_cap, SECOND_NS)
        self.pauses = Cooldown(1, settings.cooldown_ns), Cooldown(1, SECOND_NS)
        self.passes = 0
        self.set_factor(settings.factor)

    def set_factor(self, factor: float) -> None:
        chosen = self.settings
        shares = chosen.spy_headroom * chosen.contracts * chosen.multiplier * factor
        self.factor = factor
        self.limits = {ES: chosen.contracts, SPY: math.ceil(shares)}

    def check(self, draft: Draft, positions: Mapping[str, int], clock: Any) -> str:
        state, leg = self.brakes.state, draft.leg
        if not self.settings.trading_enabled:
            return "trading is off"
        if state == HALTED or (state != ACTIVE and not draft.reduces):
            return f"{state}: {next(iter(self.brakes.sentences))}"
        if draft.quantity < 1 or leg not in self.legs:
            return "no quantity"
        if self.orders.meets(leg, draft.side):
            return "meets our own order"
        working = self.orders.working(leg, draft.side)
        if draft.reduces and draft.quantity + working > -draft.side * draft.held:
            return "more than is held"
        if not exposure_allows(
            positions[leg], working, draft.side, size=draft.quantity, limit=self.limits[leg]
        ):
            return f"{leg} position limit"
        market = self.legs[leg]
        fault = market.fault(clock.now_ns, clock.utc_ns)
        if fault and not self.excused(fault, draft, clock.utc_ns):
            return fault
        if draft.limit is None:
            near = draft.kind != LIMIT
        else:
            mid = (market.bid + market.ask) / 2
            near = abs(draft.limit - mid) <= self.settings.collar_bps * 1e-4 * mid
        return "" if near else f"{leg} price collar"

    def excused(self, fault: str, draft: Draft, utc_ns: int) -> bool:
        market = self.legs[draft.leg]
        if not draft.reduces:
            return False
        if fault == "ES closed" and market.trades_at(utc_ns):
            return True
        return draft.blind and draft.limit is None and market.open_at(utc_ns) and not market.halted

    def refusal(self, drafts: list[Draft], positions: Mapping[str, int], clock: Any) -> str:
        for draft in drafts:
            reason = self.check(draft, positions, clock)
            if reason:
                return reason
        return "" if self.paced(len(drafts), clock.pace_ns) else "message rate"

    def paced(self, orders: int, pace_ns: int) -> bool:
        return self.window.room(pace_ns) >= orders + self.settings.cancel_reserve

    def passed(self, pace_ns: int) -> int:
        self.window.take(pace_ns)
        self.passes += 1
        return self.passes

    def ready(self, slot: int, now_ns: int) -> bool:
        return self.pauses[slot].ready(0, now_ns)

    def pause(self, slot: int, now_ns: int) -> None:
        self.pauses[slot].mark(0, now_ns)

    def let_out(
        self,
        drafts: list[Draft],
        *,
        trade_id: int,
        store_id: str,
        number: int,
        con_ids: dict[str, int],
        clock: Any,
    ) -> tuple[OrderRow, ...]:
        rows = tuple(
            OrderRow(
                f"{store_id}-{number + index:07d}{draft.leg[0]}", trade_id, draft.leg, draft.side,
                draft.quantity, draft.kind, draft.limit, draft.tif, draft.role, self.passed(clock.pace_ns),
                con_ids[draft.leg], clock.utc_ns,
            )
            for index, draft in enumerate(drafts, 1)
        )  # fmt: skip
        for row in rows:
            self.orders.add(row, clock.now_ns)
        return rows
