"""The invariants of the carry desk, checked after every event against the true account and independent books.

The checker counts executions, orders and messages itself and shares no code with the desk. Each violation has
the number of its invariant, the time and a sentence. The numbers are those of the exchange bot's checker:

     1  the position plus everything that may still fill stays within the limit, per leg and side
     2  positions are the sum of executions, each counted once
     4  every order sent passed the gate, unchanged
     5  an order's ref is never used twice, restarts included
     6  an intent is stored before it is sent, and sent once
     7  an execution counts once; a correction replaces
     8  no order fills beyond its quantity, and a final state does not change
     9  everything that may still fill at the broker counts in the desk's own sums
    10  the desk is reconciled only after a complete round of responses
    11  a price lies within the collar of a good, live quote
    12  no more messages than the cap in any second
    13  no order matches a resting order of our own
    14  no order adds exposure while reducing, halted, stopped or unreconciled; with trading off the only
        orders are those that close positions after the kill switch or a flatten
    15  the kill switch holds, also over restarts
    16  a stopped desk has no live orders
    17  a naked leg is bounded in size, and raises an alarm if it lasts
    18  after every restart the desk's state is that of the store
    19  after faults stop, the desk is in order again within a bounded time
    20  a clock that jumps causes no entry and ends no hold
"""

import math
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

from arbcore.carry.pairs import ETF, FUT, LEGS
from arbcore.desk import events as ev
from arbcore.desk.commands import (
    EXECUTIONS,
    OPEN_ORDERS,
    POSITIONS,
    Alarm,
    Ask,
    Cancel,
    Command,
    SaveAdjustment,
    SaveDay,
    SaveExecution,
    SaveOrder,
    SaveTrade,
    StateShown,
)
from arbcore.desk.desk_settings import DeskSettings
from arbcore.desk.market_clock import day_of
from arbcore.desk.records import LIMIT, AdjustmentRow, ExecutionRow, OrderRow, TradeRow

SECOND_NS = 10**9
OVER = frozenset({"filled", "cancelled", "rejected", "gone"})
#: How late a naked leg's alarm may be: one tick.
SLACK_NS = SECOND_NS
SLIP_NS = 2 * SECOND_NS


@dataclass
class Violation:
    """One broken invariant."""

    invariant: int
    now_ns: int
    sentence: str

    def __str__(self) -> str:
        return f"invariant {self.invariant} at {self.now_ns / SECOND_NS:.6f} s: {self.sentence}"


@dataclass
class Price:
    """A leg's quote as the desk last received it."""

    bid: float = 0.0
    ask: float = 0.0
    seen_ns: int = -(2**62)
    kind: int = 0
    halted: bool = False

    @property
    def good(self) -> bool:
        prices = (self.bid, self.ask)
        return (
            self.kind == 1
            and not self.halted
            and all(0 < p < math.inf for p in prices)
            and self.bid < self.ask
        )


class DeskChecker:
    """Checks one desk over its restarts. ``truth`` is the true account at the broker."""

    def __init__(self, settings: DeskSettings, truth: Any, *, start_ns: int) -> None:
        self.settings = settings
        self.truth = truth
        self.start_ns = start_ns
        self.adjustments: dict[str, AdjustmentRow] = {}
        #: The future of each pair.
        self.futures: dict[int, int] = {}
        self.told_positions = dict.fromkeys(LEGS, 0)
        self.accepted = False
        self.expiries: dict[int, int] = {}
        self.margin_day = -1
        self.last_trade_id = 0
        self.slipped_ever = False
        self.violations: list[Violation] = []
        self.now_ns = 0
        self.sent_rows: dict[str, OrderRow] = {}
        self.flying: dict[str, OrderRow] = {}
        self.final: dict[str, str] = {}
        self.known: dict[str, ExecutionRow] = {}
        self.saved: dict[str, int] = {}
        self.prices = {leg: Price() for leg in LEGS}
        self.stamps: deque[int] = deque()
        self.answers: set[str] = set()
        self.asked: dict[int, tuple[str, int]] = {}
        self.changes = 0
        self.approved = 0
        self.linked = self.killed = self.stopped = self.tripped = False
        self.off = self.flattened = False
        self.session: Any = None
        self.naked_since_ns: int | None = None
        self.alarmed_ns = -(2**62)
        self.slip_ns = 0
        self.calm_ns: int | None = None
        self.began: dict[int, int] = {}

    def _expect(self, invariant: int, holds: bool, sentence: str) -> None:
        if not holds and len(self.violations) < 20:
            self.violations.append(Violation(invariant, self.now_ns, sentence))

    # --- from the world -------------------------------------------------------------------------

    def restarted(self, session: Any, store: Any) -> None:
        """Notes that a desk starts from the store."""
        self.session = session
        self.known = dict(store.executions)
        self.accepted = False
        self.adjustments = dict(store.adjustments)
        self.stamps.clear()
        self.linked = False
        self.answers.clear()
        self.asked.clear()
        for price in self.prices.values():
            price.seen_ns, price.kind = -(2**62), 0
        self.final = {ref: row.state for ref, row in store.orders.items() if row.state in OVER}
        self._expect(
            18, session.positions() == self._position(), "a restart believes other positions than stored"
        )
        held = session.exposure()
        filled: Counter[str] = Counter()
        for execution in store.executions.values():
            filled[execution.ref] += execution.quantity
        for leg in LEGS:
            for side in (1, -1):
                may = sum(
                    row.quantity - filled[row.ref] for row in store.orders.values()
                    if row.state not in OVER and (row.leg, row.side) == (leg, side)
                )  # fmt: skip
                self._expect(9, held[leg][side] >= may, f"a restart forgets {may} {leg} that may still fill")

    def crashed(self) -> None:
        """Notes that the desk crashed."""
        self.linked = False
        self.naked_since_ns = None

    def calm(self, now_ns: int) -> None:
        """Notes that there are no more faults from now on."""
        self.calm_ns = now_ns

    def ending(self, ending: str) -> None:
        """Notes the command that ends the desk."""
        self.killed = self.killed or ending == "kill"
        self.stopped = self.stopped or ending in ("stop", "flatten")
        self.flattened = self.flattened or ending == "flatten"

    def arrived(self, ref: str) -> None:
        """Notes that an order has arrived at the broker."""
        self.flying.pop(ref, None)

    def told(self, event: ev.Event, now_ns: int, *, utc_slip_ns: int) -> None:
        """Takes an event before the desk acts on it."""
        self.now_ns = now_ns
        self.slip_ns = utc_slip_ns
        self.slipped_ever = self.slipped_ever or utc_slip_ns != 0
        if isinstance(event, ev.Quote):
            price = self.prices[event.leg]
            price.bid, price.ask, price.seen_ns = event.bid, event.ask, now_ns
        elif isinstance(event, ev.DataType):
            self.prices[event.leg].kind = event.kind
        elif isinstance(event, ev.Halted):
            self.prices[event.leg].halted = event.halted
        elif isinstance(event, ev.Execution):
            self._learn(event)
        elif isinstance(event, ev.Executions):
            for execution in event.executions:
                self._learn(execution)
            self._answered(event.query, EXECUTIONS)
        elif isinstance(event, ev.OpenOrders):
            self._answered(event.query, OPEN_ORDERS)
        elif isinstance(event, ev.Positions):
            self._positions_told(event)
        elif isinstance(event, ev.AcceptAccount):
            self.accepted = True
        elif isinstance(event, ev.ContractFound) and event.expiry_ns is not None:
            self.expiries[event.con_id] = event.expiry_ns
        elif isinstance(event, ev.Margin):
            self.margin_day = self._date()
        elif isinstance(event, ev.Hello | ev.LinkLost):
            self.linked = isinstance(event, ev.Hello)
            self.answers.clear()
            self.asked.clear()
            for price in self.prices.values():
                price.seen_ns, price.kind, price.halted = -(2**62), 0, False

    def _answered(self, query: int, kind: str) -> None:
        if self.asked.get(query, ("", 0))[0] == kind:
            self.answers.add(kind)

    def _positions_told(self, event: ev.Positions) -> None:
        """Counts positions as a good response only if they equal the sum of executions.

        Ignores the response if something traded after the request: positions may then differ either way.
        """
        kind, changes = self.asked.get(event.query, ("", 0))
        if kind != POSITIONS or changes != self.changes:
            return
        told = dict.fromkeys(LEGS, 0)
        for line in event.lines:
            told[line.leg] += line.quantity
        self.told_positions = told
        if told == self._position():
            self.answers.add(POSITIONS)
        else:
            self.answers.discard(POSITIONS)

    def _learn(self, event: ev.Execution) -> None:
        if event.ref not in self.sent_rows:
            return
        key, _, revision = event.exec_id.rpartition(".")
        before = self.known.get(key)
        if before is None or int(revision) > before.revision:
            self.changes += 1
            self.known[key] = ExecutionRow(
                key, event.exec_id, int(revision), event.ref, event.perm_id, 0, event.leg, event.side,
                event.quantity, event.price, 1.0, event.ts_ns,
            )  # fmt: skip

    def _position(self) -> dict[str, int]:
        held = dict.fromkeys(LEGS, 0)
        for adjustment in self.adjustments.values():
            held[adjustment.leg] += adjustment.quantity
        for row in self.known.values():
            held[row.leg] += row.side * row.quantity
        return held

    @property
    def utc_ns(self) -> int:
        """The true time."""
        return self.start_ns + self.now_ns

    def _date(self) -> int:
        return day_of(self.utc_ns)[0]

    def _written_off(self, row: AdjustmentRow) -> None:
        """Checks an adjustment: it needs --accept-account or a settlement, and the last reported position."""
        whole = self.answers >= {OPEN_ORDERS, EXECUTIONS}
        self._expect(10, whole and self.linked, f"{row.key} written off after {sorted(self.answers)}")
        if row.reason == "settled":
            over = row.leg == FUT and any(end_ns <= self.utc_ns for end_ns in self.expiries.values())
            self._expect(2, over, f"{row.key} was settled before anything expired")
        else:
            self._expect(2, self.accepted, f"{row.key} was written off and nobody said so")
        held = self._position()[row.leg]
        self._expect(2, abs(held + row.quantity) < abs(held), f"{row.key} makes {held} {row.leg} larger")
        self.adjustments[row.key] = row
        if self._position() == self.told_positions:
            self.answers.add(POSITIONS)

    # --- from the desk --------------------------------------------------------------------------

    def said(self, command: Command, now_ns: int) -> None:
        """Takes a command, after its row was stored."""
        self.now_ns = now_ns
        if isinstance(command, Ask):
            self.asked[command.query] = (command.kind, self.changes)
        if isinstance(command, Ask | Cancel):
            self._stamp(now_ns)
        elif isinstance(command, SaveOrder):
            self._order_saved(command.row)
        elif isinstance(command, SaveExecution):
            row = command.row
            self._expect(7, row.revision >= self.saved.get(row.key, 0), f"execution {row.key} goes back")
            self.saved[row.key] = row.revision
        elif isinstance(command, SaveAdjustment):
            self._written_off(command.row)
        elif isinstance(command, SaveDay):
            self.tripped = command.row.tripped
        elif isinstance(command, SaveTrade):
            self._trade_saved(command.row, now_ns)
        elif isinstance(command, Alarm) and command.kind == "naked_leg":
            self.alarmed_ns = now_ns
        elif isinstance(command, StateShown) and command.state == "ACTIVE":
            whole = self.answers >= {OPEN_ORDERS, EXECUTIONS, POSITIONS}
            self._expect(10, whole and self.linked, f"ACTIVE after the answers {sorted(self.answers)}")

    def _trade_saved(self, row: TradeRow, now_ns: int) -> None:
        self.futures[row.trade_id] = row.con_id
        since_ns = self.began.setdefault(row.trade_id, now_ns)
        if row.phase == "exiting" and row.exit_reason in ("max_hold", "roll", "expiry"):
            held_ns = now_ns - since_ns + SLIP_NS
            early = held_ns < self.settings.max_hold_ns
            if row.exit_reason == "roll":
                roll_ns = row.expiry_ns - round(self.settings.roll_before_s * SECOND_NS)
                early = not self.settings.roll_before_s or self.utc_ns + SLIP_NS < roll_ns
            elif row.exit_reason == "expiry":
                early = self.utc_ns + SLIP_NS < row.expiry_ns
            self._expect(
                20, not early, f"pair {row.trade_id} goes for {row.exit_reason} after a jump of the clock"
            )

    def _stamp(self, now_ns: int) -> None:
        self.stamps.append(now_ns)
        while now_ns - self.stamps[0] >= SECOND_NS:
            self.stamps.popleft()
        self._expect(
            12, len(self.stamps) <= self.settings.message_cap, f"{len(self.stamps)} messages within a second"
        )

    def _order_saved(self, row: OrderRow) -> None:
        before = self.final.get(row.ref)
        self._expect(8, before in (None, row.state), f"order {row.ref} was {before} and is {row.state}")
        self._expect(8, row.filled <= row.quantity, f"order {row.ref} filled {row.filled} of {row.quantity}")
        if row.state in OVER:
            self.final[row.ref] = row.state

    def sent(self, row: OrderRow, now_ns: int, *, stored: OrderRow | None) -> None:
        """Checks an order that is sent."""
        self._stamp(now_ns)
        self._expect(5, row.ref not in self.sent_rows, f"the ref {row.ref} is used again")
        self._expect(6, stored == row, f"order {row.ref} leaves before it is stored")
        self._expect(4, row.approved > self.approved, f"order {row.ref} passed no gate of its own")
        self.approved = max(row.approved, self.approved)
        self._expect(14, self.linked, f"order {row.ref} leaves without a connection")
        dead = self.utc_ns >= self.expiries.get(row.con_id, 2**63) + SLIP_NS and not self.slip_ns
        self._expect(14, not dead, f"order {row.ref} leaves in a contract that has expired")
        first = row.role == "entry" and row.trade_id > self.last_trade_id
        self.last_trade_id = max(self.last_trade_id, row.trade_id)
        if first and self.settings.margin_check and not self.slipped_ever:
            roll_ns = round(self.settings.roll_before_s * SECOND_NS)
            gone = roll_ns and self.utc_ns >= self.expiries[row.con_id] - roll_ns if row.leg == FUT else False
            self._expect(14, not gone, f"order {row.ref} enters a contract that pairs must leave")
            asked = self.margin_day == self._date()
            self._expect(14, asked, f"order {row.ref} enters on a date whose margin nobody told")
        whole = self.answers >= {OPEN_ORDERS, EXECUTIONS, POSITIONS}
        self._expect(10, whole, f"order {row.ref} leaves after the answers {sorted(self.answers)}")
        adds = not self._reduces(row)
        self._expect(15, not (adds and self.killed), f"order {row.ref} adds exposure after the kill switch")
        self._expect(14, not (adds and self.stopped), f"order {row.ref} adds exposure after the stop")
        self._expect(
            14, not self._left_alone and not (adds and self.off), f"order {row.ref} leaves with trading off"
        )
        self._expect(14, not (adds and self.tripped), f"order {row.ref} adds exposure after the day's loss")
        jumped = abs(self.slip_ns) > SLIP_NS and row.role == "entry"
        self._expect(20, not jumped, f"order {row.ref} enters while the clock is wrong")
        self._check_price(row, reduces=not adds)
        for other in self._at_large():
            crosses = other.leg == row.leg and other.side == -row.side
            self._expect(13, not crosses, f"order {row.ref} meets our own order {other.ref}")
        self.sent_rows[row.ref] = self.flying[row.ref] = row
        self.changes += 1

    @property
    def _left_alone(self) -> bool:
        """Whether trading is off, and neither the kill switch nor a flatten closes what is open."""
        return self.off and not (self.killed or self.flattened)

    def _reduces(self, row: OrderRow) -> bool:
        """Whether the order makes the leg's position smaller, even if everything on its side fills."""
        held = self._position()[row.leg]
        may = sum(o.quantity for o in self._at_large() if (o.leg, o.side) == (row.leg, row.side))
        return row.quantity + may <= -row.side * held

    def _at_large(self) -> list[OrderRow]:
        """Our orders that may still trade: in transit, or open at the broker."""
        live = [order.row for order in self.truth.orders.values() if order.open]
        return live + list(self.flying.values())

    def _check_price(self, row: OrderRow, *, reduces: bool) -> None:
        price = self.prices[row.leg]
        fresh = self.now_ns - price.seen_ns <= self.settings.stale_s * SECOND_NS and price.good
        if row.kind != LIMIT:
            self._expect(11, fresh or reduces, f"market order {row.ref} adds without a good price")
            return
        self._expect(11, fresh, f"order {row.ref} leaves on a price that is not good: {price}")
        mid = (price.bid + price.ask) / 2
        near = row.limit is not None and abs(row.limit - mid) <= self.settings.collar_bps * 1e-4 * mid
        self._expect(11, near, f"order {row.ref} at {row.limit} against a mid of {mid}")

    # --- after every event ----------------------------------------------------------------------

    def hold(self, session: Any, now_ns: int) -> None:
        """Compares the desk's state with the checker's own books."""
        held = self._position()
        believed = session.positions()
        self._expect(2, believed == held, f"it believes {believed}; executions told come to {held}")
        exposure = session.exposure()
        settings = self.settings
        limits = {
            FUT: settings.contracts,
            ETF: math.ceil(1.05 * settings.contracts * settings.multiplier * 10),
        }
        large, real = self._at_large(), self.truth.held()
        for leg in LEGS:
            for side in (1, -1):
                may = self._may_fill(large, leg, side)
                self._expect(
                    9, exposure[leg][side] >= may,
                    f"{may} {leg} of side {side:+d} may still fill, it counts {exposure[leg][side]}",
                )  # fmt: skip
                worst = side * real[leg] + may
                self._expect(
                    1, worst <= max(limits[leg], side * real[leg]),
                    f"{worst} {leg} of side {side:+d} may come to be held",
                )  # fmt: skip
        if session.stopped:
            self._expect(16, not large, f"stopped with {len(large)} live orders")
        alive = {**held, FUT: held[FUT] - self._dead_contracts()}
        # While its clock is wrong, which raised an alarm, the desk cannot know which contract has expired.
        self._check_naked(held if self.slip_ns and not self._naked(held) else alive)

    def _dead_contracts(self) -> int:
        """The quantity of expired futures that are still in the books; the exchange settles them."""
        dead = {con_id for con_id, expiry_ns in self.expiries.items() if expiry_ns <= self.utc_ns}
        traded = (row for row in self.known.values() if self.sent_rows[row.ref].con_id in dead)
        written = (row for row in self.adjustments.values() if self.futures[row.trade_id] in dead)
        return sum(row.side * row.quantity for row in traded) + sum(
            row.quantity for row in written if row.leg == FUT
        )

    def _may_fill(self, large: list[OrderRow], leg: str, side: int) -> int:
        total = 0
        for row in large:
            if (row.leg, row.side) == (leg, side):
                order = self.truth.orders.get(row.ref)
                total += row.quantity - (0 if order is None else order.filled)
        return total

    def _naked(self, held: dict[str, int]) -> bool:
        factor = self.settings.multiplier * 10
        return abs(held[FUT] * factor + held[ETF]) > 0.2 * factor

    def _check_naked(self, held: dict[str, int]) -> None:
        """Checks that ES and SPY offset by the known executions, except for the time that hedging takes."""
        factor = self.settings.multiplier * 10
        if not self._naked(held):
            self.naked_since_ns = None
            return
        if self.naked_since_ns is None:
            self.naked_since_ns = self.now_ns
        size = abs(held[FUT] * factor + held[ETF])
        self._expect(17, size <= 1.1 * factor * self.settings.contracts, f"naked by {size:.0f} shares")
        since_ns = self.now_ns - self.naked_since_ns
        limit_ns = int(self.settings.hedge_timeout_s * SECOND_NS) + SLACK_NS
        repeat_ns = int(self.settings.alarm_repeat_s * SECOND_NS) + limit_ns
        if since_ns > limit_ns:
            quiet = self.now_ns - self.alarmed_ns > repeat_ns
            self._expect(17, not quiet, f"naked for {since_ns / SECOND_NS:.1f} s and no alarm")

    def finish(self, session: Any, now_ns: int) -> None:
        """Checks the desk at the end of a run, some time after its faults stopped."""
        self.now_ns = now_ns
        if session is None:
            self._expect(19, False, "the desk is not running")
            return
        told = self.truth.held()
        self._expect(19, session.positions() == told, f"it believes {session.positions()}, the broker {told}")
        # After three refused entries in a row the desk waits for a person.
        rejected = sum(row.role == "entry" and self.final.get(row.ref) == "rejected"
                       for row in self.sent_rows.values())
        refused = "entries refused" in session.reasons and rejected >= 3
        wanted = "REDUCING" if self.killed or self.stopped or self.tripped or refused else "ACTIVE"
        self._expect(
            19, session.state == wanted, f"{session.state} ({session.reasons}) at the end, not {wanted}"
        )
        unknown = [ref for ref, row in self.sent_rows.items() if ref not in self.final]
        live = {order.row.ref for order in self.truth.orders.values() if order.open}
        stuck = [
            ref for ref in unknown if ref not in live and ref not in self.flying and not self._recent(ref)
        ]
        self._expect(19, not stuck, f"orders {stuck[:3]} were never resolved")
        if self.settings.roll_before_s and any(told.values()):
            ends_ns = min(self.expiries.values())
            held = self.truth.by_contract()
            old = [con_id for con_id, expiry_ns in self.expiries.items() if expiry_ns == ends_ns]
            self._expect(19, not any(held[con_id] for con_id in old), "a pair was not rolled")
        naked_ns = 0 if self.naked_since_ns is None else now_ns - self.naked_since_ns
        mended = naked_ns < 2 * SECOND_NS or self._left_alone
        self._expect(17, mended, "a leg is naked at the end")
        if self.tripped and not self._left_alone:
            self._expect(14, not any(told.values()), f"the day's loss is reached and {told} is held")
        if self.killed:
            self._expect(15, not any(told.values()), f"killed, and {told} is still held")
        if self.stopped:
            self._expect(16, session.stopped, "told to stop, and not stopped at the end")

    def _recent(self, ref: str) -> bool:
        return self.now_ns - (self.sent_rows[ref].created_ns - self._base_ns()) < 2 * SECOND_NS

    def _base_ns(self) -> int:
        first = min(self.sent_rows.values(), key=lambda row: row.ref)
        return first.created_ns
