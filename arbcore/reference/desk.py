"""Twins of the live desk's kernels: a leg's market (``_leg``), the table of orders, the gate.

Times are integers of nanoseconds and quantities whole numbers; those that the kernels keep in 64 bits are not
checked here.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

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
from arbcore.carry.desk.rows import (
    ES,
    LEGS,
    LIMIT,
    SPY,
    AdjustmentRow,
    ExecutionRow,
    OrderRow,
    TradeRow,
)
from arbcore.carry.desk.settings import SECOND_NS, DeskSettings, seconds_ns
from arbcore.errors import BrokenInvariant
from arbcore.reference.kernels import Cooldown, MessageWindow, exposure_allows

Spans = tuple[tuple[int, int], ...]
LIVE = 1
NEVER_NS = -(2**63)
OLD_NS = 2 * 86_400 * SECOND_NS


class MarketClock:
    """``now_ns`` never goes back; ``utc_ns`` neither goes back nor leaps by more than ``slip_ns``.

    In a replay the market's clock goes at any pace, so that nothing about it is suspicious.
    """

    def __init__(self, *, slip_ns: int, replay: bool) -> None:
        self.now_ns = -(2**62)
        self.utc_ns = 0
        self.slipped = False
        self._slip_ns = slip_ns
        self._replay = replay
        self._machine_ns = 0

    @property
    def pace_ns(self) -> int:
        """What messages are counted by; a replay squeezes a day into a minute, and its pace is the day's."""
        return self.utc_ns if self._replay else self.now_ns

    def advance(self, now_ns: int, utc_ns: int) -> None:
        """Takes both clocks' readings."""
        elapsed = now_ns - self.now_ns
        if elapsed < 0:
            elapsed = 0
        else:
            self.now_ns = now_ns
        self._machine_ns = utc_ns
        if self._replay or not self.utc_ns:
            self.utc_ns = max(self.utc_ns, utc_ns)
            return
        expected = self.utc_ns + elapsed
        self.slipped = abs(utc_ns - expected) > self._slip_ns
        self.utc_ns = expected if self.slipped else max(self.utc_ns, utc_ns)

    def compare(self, broker_ns: int) -> int:
        """How far the machine's clock is ahead of the broker's; one that is right is believed again."""
        ahead = self._machine_ns - broker_ns
        if self._replay:
            return 0
        if abs(ahead) <= self._slip_ns:
            self.utc_ns, self.slipped = self._machine_ns, False
        else:
            self.utc_ns, self.slipped = broker_ns, True
        return ahead


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

    def __init__(
        self, settings: DeskSettings, orders: Orders, *, store_id: str, legs: dict[str, Leg], brakes: Any
    ) -> None:
        self.settings = settings
        self.store_id = store_id
        self.orders = orders
        self.legs = legs
        self.brakes = brakes
        self.window = MessageWindow(settings.message_cap, SECOND_NS)
        self.pauses = Cooldown(1, settings.cooldown_ns), Cooldown(1, SECOND_NS)
        self.passes = self.number = 0
        self.closing = False
        self.set_factor(settings.factor)

    def set_factor(self, factor: float) -> None:
        chosen = self.settings
        shares = chosen.spy_headroom * chosen.contracts * chosen.multiplier * factor
        self.factor = factor
        self.limits = {ES: chosen.contracts, SPY: math.ceil(shares)}

    def check(self, draft: Draft, positions: Mapping[str, int], clock: Any) -> str:
        state, leg = self.brakes.state, draft.leg
        if not self.settings.trading_enabled and not (self.closing and draft.reduces):
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
        self, drafts: list[Draft], *, trade_id: int, es_con_id: int, clock: Any
    ) -> tuple[OrderRow, ...]:
        if not self.orders.live:
            self.orders.look_ns = clock.now_ns + seconds_ns(self.settings.order_timeout_s)
        rows = []
        for draft in drafts:
            self.number += 1
            rows.append(OrderRow(
                f"{self.store_id}-{self.number:07d}{draft.leg[0]}", trade_id, draft.leg, draft.side,
                draft.quantity, draft.kind, draft.limit, draft.tif, draft.role, self.passed(clock.pace_ns),
                es_con_id if draft.leg == ES else self.legs[draft.leg].con_id, clock.utc_ns,
            ))  # fmt: skip
            self.orders.add(rows[-1], clock.now_ns)
        return tuple(rows)


class Side(NamedTuple):
    """What was done in one direction of one leg."""

    quantity: int
    value: float


def average(side: Side) -> float | None:
    """The average price of a direction; None where nothing was done in it."""
    # Prices have two decimals; what a sum of floats adds far behind them is not the market's.
    return round(side.value / side.quantity, 9) if side.quantity else None


NOTHING = Side(0, 0.0)


class Trade:
    """A pair's own state; positions are signed, ``side`` +1 is long ES."""

    def __init__(self, row: TradeRow) -> None:
        self.trade_id, self.side, self.phase = row.trade_id, row.side, row.phase
        self.con_id, self.expiry_ns, self.multiplier = row.con_id, row.expiry_ns, row.multiplier
        self.wanted_contracts, self.wanted_shares = row.wanted_contracts, row.wanted_shares
        self.entry_ns, self.entry_dev_bps = row.entry_ns, row.entry_dev_bps
        self.exit_ns, self.exit_dev_bps, self.exit_reason = row.exit_ns, row.exit_dev_bps, row.exit_reason
        self.contracts, self.shares, self.tries = row.contracts, row.shares, row.tries
        self.gross = row.gross
        self.commissions: dict[str, float | None] = {}
        self.position = {ES: 0, SPY: 0}
        self.sums = {(ES, 1): NOTHING, (ES, -1): NOTHING, (SPY, 1): NOTHING, (SPY, -1): NOTHING}
        self.second: str = ""  # the leg whose entry waits for the other one
        #: When a hedge must be done, when a next round of orders may go, when to be looked at without news.
        self.deadline_ns = self.next_try_ns = self.wake_ns = 0
        self.naked_since_ns: int | None = None
        self.exit_from: tuple[int, int] | None = None
        self.misses = 0
        self.forced = False
        #: Average prices of ES in and out and of SPY in and out, and what all of it cost; None if unknown.
        self.averages: tuple[float | None, ...] = (None, None, None, None)
        self.commission: float | None = 0.0
        #: Whether all executions are known; of an old pair only some may have been stored.
        self.complete = True
        #: What changed of it without an execution of ours.
        self.adjustments: list[AdjustmentRow] = []
        #: Its future trades no more: the exchange settles it, and only the shares can be given back.
        self.expired = False

    def adjust(self, row: AdjustmentRow) -> None:
        """A part of it changed without an execution of ours."""
        self.adjustments.append(row)
        self.position[row.leg] += row.quantity

    def count(self, row: ExecutionRow, sign: int) -> None:
        """An execution comes in (+1) or is replaced (-1)."""
        self.position[row.leg] += sign * row.side * row.quantity
        before = self.sums[row.leg, row.side]
        self.sums[row.leg, row.side] = Side(
            before.quantity + sign * row.quantity, before.value + sign * row.quantity * row.price
        )
        self.gross += sign * -row.side * row.quantity * row.price * row.multiplier
        self.averages = (
            average(self.sums[ES, self.side]), average(self.sums[ES, -self.side]),
            average(self.sums[SPY, -self.side]), average(self.sums[SPY, self.side]),
        )  # fmt: skip
        self.know_commission(row)
        self.contracts = max(self.contracts, abs(self.position[ES]))
        self.shares = max(self.shares, abs(self.position[SPY]))

    def know_commission(self, row: ExecutionRow) -> None:
        """The commission of one execution, or that it is not known."""
        self.commissions[row.key] = row.commission
        amounts = self.commissions.values()
        self.commission = None if None in amounts else math.fsum(amounts)  # type: ignore[arg-type]

    @property
    def held(self) -> tuple[int, int]:
        """Contracts and shares held in the pair's own direction; negative where it is the wrong one.

        A contract that has expired moves with nothing any more, and counts as none.
        """
        contracts = 0 if self.expired else self.side * self.position[ES]
        return contracts, -self.side * self.position[SPY]

    @property
    def awaits_settlement(self) -> bool:
        """Nothing is left of it to trade: the exchange settles its future."""
        return self.expired and not self.position[SPY]

    def shares_of(self, contracts: int) -> int:
        """Shares that hedge so many contracts, in the proportion fixed at entry."""
        if contracts == self.wanted_contracts:
            return self.wanted_shares
        return math.floor(contracts * self.wanted_shares / self.wanted_contracts + 0.5)

    @property
    def residual(self) -> int:
        """Shares held beyond those that hedge the contracts held; 0 where the pair is whole.

        For a part of the contracts the number is rounded, and one share either way is whole.
        """
        contracts, shares = self.held
        residual = shares - self.shares_of(contracts)
        if abs(residual) <= 1 and 0 < contracts < self.wanted_contracts:
            return 0
        return residual

    def row(self) -> TradeRow:
        """As it is stored."""
        es_entry, es_exit, spy_entry, spy_exit = self.averages
        return TradeRow(
            self.trade_id, self.side, self.phase, self.con_id, self.expiry_ns, self.multiplier,
            self.wanted_contracts, self.wanted_shares, self.entry_ns, self.entry_dev_bps, self.contracts,
            self.shares, es_entry, es_exit, spy_entry, spy_exit, self.exit_ns, self.exit_dev_bps,
            self.exit_reason, self.tries, self.gross, self.commission,
        )  # fmt: skip
