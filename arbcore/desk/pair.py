"""One pair of legs from entry to exit: its phases, the hedging of a residual, and the unwinding.

A pair acts only when none of its orders may still fill, so that its position is certain. Only executions
change its position. It must not know connections, requests or where quotes come from.

    entering ──> held ──> exiting ──> closed
        │  residual ▲│ residual │ part of it
        ▼           │▼          ▼
        └────────> hedging ──> unwinding ──> closed
"""

import math
from collections.abc import Callable, Iterable

from arbcore.carry.pairs import ETF, FUT
from arbcore.core.text import plural
from arbcore.desk.commands import SaveTrade
from arbcore.desk.desk_core import DeskCore
from arbcore.desk.desk_settings import SECOND_NS, seconds_ns
from arbcore.desk.limits import ACTIVE, EXIT_PAUSE, HALTED
from arbcore.desk.order_table import Draft, Order
from arbcore.desk.records import DAY, ENTRY, IOC, LIMIT, MARKET, AdjustmentRow, ExecutionRow, TradeRow
from arbcore.desk.trade import Trade

ENTERING, HEDGING, HELD, EXITING, UNWINDING = "entering", "hedging", "held", "exiting", "unwinding"
CLOSED, VOID = "closed", "void"
OVER = frozenset({CLOSED, VOID})
#: Hedge orders to try before the filled leg is reversed: a marketable limit, then a market order.
HEDGE_STEPS = 2
EXIT_MISSES_MAX = 3
RETRY_NS = SECOND_NS
BACKOFF_MAX_NS = 30 * SECOND_NS
NEVER_NS = 2**62
OLD_NS = 2 * 86_400 * SECOND_NS


class PairTrader:
    """Works every pair that is not over. That is nearly always one; a late fill may reopen an older one."""

    def __init__(self, core: DeskCore) -> None:
        self.core = core
        self.open: dict[int, Trade] = {}
        self.over: dict[int, Trade] = {}
        self.ended: list[Trade] = []
        #: Whether every open pair was held and whole at the last check, with no execution since then.
        self.calm = False
        self._settles = core.settings.decide_on == "quote"
        #: When the first future of an open pair expires; never in a replay, where ``ContractEnds`` closes it.
        self.expiry_ns = NEVER_NS
        self._hedge_ns = seconds_ns(core.settings.hedge_timeout_s)
        self._phases: dict[str, Callable[[Trade], None]] = {
            ENTERING: self._entering, HEDGING: self._hedging, HELD: self._held, EXITING: self._exiting,
            UNWINDING: self._unwinding,
        }  # fmt: skip

    # --- called by other parts of the desk ------------------------------------------------------

    def enter(self, row: TradeRow, drafts: list[Draft], second: str) -> None:
        """Sends the entry of a new pair; the gate has allowed its drafts."""
        self.calm = False
        trade = Trade(row, self.core.terms.schedule or ())
        self.open[trade.trade_id] = trade
        self._watch_expiries()
        trade.second = second
        self.core.out.append(SaveTrade(row))
        self._place(trade, drafts)

    def leave(self, trade: Trade, reason: str, *, ts_ns: int, dev_bps: float | None, forced: bool) -> str:
        """Tries to close a held pair; returns why not, or an empty text. ``forced`` crosses the touch."""
        core = self.core
        if not forced and not core.gate.ready(EXIT_PAUSE, core.clock.now_ns):
            return "pause after a missed exit"
        offset = core.settings.hedge_offset_bps if forced else 0.0
        drafts = [
            self._closing(trade, leg, "exit", kind=LIMIT, offset_bps=offset)
            for leg in (FUT, ETF)
            if trade.position[leg]
        ]
        refusal = core.refusal(drafts)
        if refusal:
            trade.wake_ns = core.clock.now_ns + RETRY_NS
            return refusal
        self.calm = False
        trade.exit_ns, trade.exit_dev_bps, trade.exit_reason = ts_ns, dev_bps, reason
        trade.exit_from, trade.forced = trade.held, forced
        self._go(trade, EXITING)
        self._place(trade, drafts)
        return ""

    def refused(self, order: Order) -> None:
        """Takes the broker's refusal of an order: cancels the other orders of a pair not yet whole."""
        trade = self.open.get(order.trade_id)
        if trade is None:
            return
        self.calm = False
        trade.refused_legs.add(order.leg)
        if trade.phase in (ENTERING, HEDGING):
            trade.second = ""
            for other in list(self.core.orders.live.values()):
                if other.trade_id == trade.trade_id and not other.pulled_ns:
                    self.core.pull(other)

    def expire(self, utc_ns: int) -> None:
        """Handles expired futures: begins to close the shares that are left of their pairs."""
        for trade in self.open.values():
            if not trade.expired and trade.expiry_ns <= utc_ns:
                trade.expired = True
                self.core.alarm(
                    "expiry",
                    f"The future of pair {trade.trade_id} has expired with the pair held; the exchange "
                    f"settles {trade.position[FUT]} {self.core.pair.future} in cash, and the bot closes "
                    f"{trade.position[ETF]} {self.core.pair.etf}.",
                )
                if trade.phase == HELD:
                    self._begin_unwind(trade, "expiry")
        self.calm = False
        self._watch_expiries()

    def _watch_expiries(self) -> None:
        if self._settles:
            times = (trade.expiry_ns for trade in self.open.values() if not trade.expired)
            self.expiry_ns = min(times, default=NEVER_NS)

    def adjusted(self, trade: Trade, reason: str) -> None:
        """Closes the rest of a pair that was changed by others."""
        self.calm = False
        self._begin_unwind(trade, reason)

    def step(self) -> None:
        """Moves every pair on that has no order in doubt."""
        for trade in list(self.open.values()):
            self._watch(trade)
            before = ""
            while trade.phase != before and trade.trade_id in self.open and not self._live(trade):
                before = trade.phase
                if trade.expired and before != UNWINDING:
                    self._begin_unwind(trade, "expiry")
                else:
                    self._phases[before](trade)
        self.calm = all(trade.phase == HELD and trade.naked_since_ns is None for trade in self.open.values())

    def deadline_ns(self) -> int:
        """When the next pair is due for a check if no event comes before."""
        now_ns = self.core.clock.now_ns
        times = [
            time_ns
            for trade in self.open.values()
            for time_ns in (trade.wake_ns, (trade.naked_since_ns or -self._hedge_ns) + self._hedge_ns)
            if time_ns > now_ns
        ]
        return min(times, default=NEVER_NS)

    # --- phases ---------------------------------------------------------------------------------

    def _entering(self, trade: Trade) -> None:
        if trade.second and (self.core.gate.doubts or self._second_leg(trade)):
            return
        trade.second = ""
        contracts, _ = trade.held
        if trade.residual == 0:
            # Without contracts it has no shares either.
            self._go(trade, HELD if contracts else VOID)
        else:
            self._begin_hedge(trade)

    def _second_leg(self, trade: Trade) -> bool:
        """Sends the second leg to match the fill of the first; returns whether it sent an order."""
        leg, core = trade.second, self.core
        contracts, shares = trade.held
        trade.second = ""
        if leg == ETF:
            side, quantity = -trade.side, trade.shares_of(contracts)
        else:
            per_contract = trade.wanted_shares / trade.wanted_contracts
            side, quantity = trade.side, math.floor(shares / per_contract + 0.5)
        if quantity < 1:
            return False
        price = core.legs[leg].crossing(side, 0.0)
        draft = Draft(leg, side, quantity, LIMIT, price, IOC, ENTRY, trade.position[leg], False)
        if core.refusal([draft]):
            return False
        self._place(trade, [draft])
        return True

    def _begin_hedge(self, trade: Trade) -> None:
        trade.deadline_ns = self.core.clock.now_ns + self._hedge_ns
        trade.next_try_ns = 0
        trade.tries = 0
        contracts, shares = trade.held
        self.core.alarm(
            "residual",
            f"Pair {trade.trade_id} holds {plural(contracts, 'contract')} and {plural(shares, 'share')}; "
            "it is being hedged.",
        )
        self._go(trade, HEDGING)

    def _hedging(self, trade: Trade) -> None:
        core = self.core
        contracts, shares = trade.held
        if trade.residual == 0:
            self._go(trade, HELD if contracts else self._empty_phase(trade))
            return
        if not trade.deadline_ns:
            trade.deadline_ns = core.clock.now_ns + self._hedge_ns
        if core.risk_state.state == HALTED or core.gate.doubts:
            return
        late = core.clock.now_ns >= trade.deadline_ns
        given_up = late or trade.tries >= HEDGE_STEPS or contracts < 0 or shares < 0
        if given_up or core.risk_state.state != ACTIVE:
            self._begin_unwind(trade, "unhedged")
            return
        draft = self._mending(trade)
        if draft.leg in trade.refused_legs:
            self._begin_unwind(trade, "unhedged")
            return
        refusal = core.refusal([draft])
        if refusal:
            # The market may come back before the deadline; a position limit does not change.
            if "limit" in refusal:
                self._begin_unwind(trade, "unhedged")
            trade.wake_ns = trade.deadline_ns
            return
        trade.tries += 1
        self._place(trade, [draft])

    def _mending(self, trade: Trade) -> Draft:
        """The order that makes the pair whole: first contracts to match the shares held, then shares."""
        contracts, shares = trade.held
        kind = LIMIT if trade.tries == 0 else MARKET
        nearest = math.floor(shares * trade.wanted_contracts / trade.wanted_shares + 0.5)
        missing = min(nearest, trade.wanted_contracts) - contracts
        if missing > 0:
            return self._draft(trade, FUT, trade.side, missing, kind=kind)
        residual = trade.residual
        # Too few shares: trade more of the entry's side. Too many: trade back.
        side = -trade.side if residual < 0 else trade.side
        return self._draft(trade, ETF, side, abs(residual), kind=kind)

    def _held(self, trade: Trade) -> None:
        contracts, _ = trade.held
        if trade.residual:
            self._begin_hedge(trade)
        elif not contracts:
            self._go(trade, self._empty_phase(trade))

    def _exiting(self, trade: Trade) -> None:
        if not any(trade.position.values()):
            self._go(trade, CLOSED)
        elif self._missed(trade):
            trade.misses += 1
            trade.exit_ns = trade.exit_dev_bps = None
            trade.exit_reason = ""
            self.core.gate.pause(EXIT_PAUSE, self.core.clock.now_ns)
            self._go(trade, HELD)
        else:
            self._begin_unwind(trade, trade.exit_reason)

    @staticmethod
    def _missed(trade: Trade) -> bool:
        """Whether an exit filled nothing, so that the pair may wait for the next signal."""
        if trade.exit_from is None:
            # Restored from a store in the middle of an exit: the position before it is not known.
            return trade.residual == 0
        return trade.held == trade.exit_from and not trade.forced and trade.misses < EXIT_MISSES_MAX

    def _begin_unwind(self, trade: Trade, reason: str) -> None:
        if trade.exit_ns is None:
            trade.exit_ns, trade.exit_reason = self.core.clock.utc_ns, reason
        trade.tries = 0
        trade.next_try_ns = 0
        self._go(trade, UNWINDING)

    def _unwinding(self, trade: Trade) -> None:
        core = self.core
        now_ns = core.clock.now_ns
        if not any(trade.position.values()):
            self._go(trade, CLOSED if trade.sums[FUT, 1].quantity or trade.sums[ETF, 1].quantity else VOID)
            return
        legs = [leg for leg in (FUT, ETF) if trade.position[leg] and not (leg == FUT and trade.expired)]
        if not legs or core.risk_state.state == HALTED or core.gate.doubts or now_ns < trade.next_try_ns:
            return
        if trade.tries >= core.settings.unwind_tries_max:
            core.restrict(
                "unwind failed",
                f"Pair {trade.trade_id} could not be closed in {trade.tries} rounds of orders and holds "
                f"{core.held_words(trade.position)}; close it by hand, then start again "
                "with --accept-account.",
            )
            return
        kind = LIMIT if trade.tries % 2 == 0 else MARKET
        blind = trade.naked_since_ns is not None and now_ns - trade.naked_since_ns >= self._hedge_ns
        sent: list[Draft] = []
        refusals = []
        for leg in legs:
            offset = core.settings.hedge_offset_bps
            draft = self._closing(
                trade, leg, "flatten", kind=MARKET if blind else kind, offset_bps=offset, blind=blind
            )
            refusal = core.refusal([draft])
            if refusal:
                refusals.append(refusal)
            else:
                sent.append(draft)
        if len(sent) > 1 and core.refusal(sent):
            refusals.append("message rate")
            sent.clear()
        if sent and refusals and not self._helps(trade, sent[0].leg):
            sent.clear()
        if sent:
            trade.tries += 1
            trade.next_try_ns = trade.wake_ns = now_ns + self._backoff_ns(trade.tries)
            self._place(trade, sent)
        else:
            trade.wake_ns = now_ns + RETRY_NS
            core.alarm("cannot close", f"Pair {trade.trade_id} cannot be closed: {refusals[0]}.")

    @staticmethod
    def _helps(trade: Trade, leg: str) -> bool:
        """Whether closing this leg alone makes the residual smaller; never true for a whole pair."""
        contracts, shares = trade.held
        left = shares if leg == FUT else trade.shares_of(contracts)
        return abs(left) < abs(trade.residual)

    @staticmethod
    def _backoff_ns(tries: int) -> int:
        """The pause before the next round: none for the first rounds, then longer each time."""
        return 0 if tries < 3 else min(SECOND_NS * 2 ** (tries - 3), BACKOFF_MAX_NS)

    # --- parts ----------------------------------------------------------------------------------

    def _live(self, trade: Trade) -> bool:
        return any(order.trade_id == trade.trade_id for order in self.core.orders.live.values())

    def _empty_phase(self, trade: Trade) -> str:
        bought = trade.sums[FUT, 1].quantity or trade.sums[ETF, 1].quantity
        if bought and trade.exit_ns is None:
            trade.exit_ns, trade.exit_reason = self.core.clock.utc_ns, "unhedged"
        return CLOSED if bought else VOID

    def _closing(
        self, trade: Trade, leg: str, role: str, *, kind: str, offset_bps: float, blind: bool = False
    ) -> Draft:
        held = trade.position[leg]
        side = -1 if held > 0 else 1
        if kind != LIMIT:
            return Draft(leg, side, abs(held), kind, None, DAY, role, held, True, blind)
        limit = self.core.legs[leg].crossing(side, offset_bps)
        return Draft(leg, side, abs(held), kind, limit, IOC, role, held, True, blind)

    def _draft(self, trade: Trade, leg: str, side: int, quantity: int, *, kind: str) -> Draft:
        held = trade.position[leg]
        reduces = side * held < 0 and quantity <= abs(held)
        limit = (
            self.core.legs[leg].crossing(side, self.core.settings.hedge_offset_bps) if kind == LIMIT else None
        )
        role = "reverse" if reduces else "hedge"
        return Draft(leg, side, quantity, kind, limit, IOC if kind == LIMIT else DAY, role, held, reduces)

    def _place(self, trade: Trade, drafts: list[Draft]) -> None:
        self.core.place(trade.trade_id, trade.con_id, drafts)

    def _go(self, trade: Trade, phase: str) -> None:
        trade.phase = phase
        self.core.out.append(SaveTrade(trade.row()))
        if phase in OVER:
            del self.open[trade.trade_id]
            self.over[trade.trade_id] = trade
            self.ended.append(trade)
            self._watch_expiries()

    def _watch(self, trade: Trade) -> None:
        """Raises the alarm about a leg that has been naked for too long."""
        core = self.core
        if trade.residual == 0:
            trade.naked_since_ns = None
            return
        if trade.naked_since_ns is None:
            trade.naked_since_ns = core.clock.now_ns
        if core.clock.now_ns - trade.naked_since_ns >= self._hedge_ns:
            contracts, shares = trade.held
            core.alarm(
                "naked_leg",
                f"Pair {trade.trade_id} has been unhedged for {core.settings.hedge_timeout_s:g} s or more: "
                f"{contracts} contracts, {shares} shares, {trade.phase}.",
            )

    # --- executions -----------------------------------------------------------------------------

    def count(self, row: ExecutionRow, before: ExecutionRow | None) -> None:
        """Counts an execution of one of our orders, or the correction of one."""
        trade = self.open.get(row.trade_id) or self.over.get(row.trade_id)
        if trade is None:
            self.core.restrict(
                "mismatch",
                f"Execution {row.exec_id} belongs to pair {row.trade_id}, which ended long ago; compare the "
                "account's positions with the report.",
            )
            return
        self.calm = False
        held = dict(trade.position)
        if before is not None:
            trade.count(before, -1)
        trade.count(row, 1)
        for leg, quantity in trade.position.items():
            self.core.positions[leg] += quantity - held[leg]
        if trade.trade_id in self.over:
            self._wake(trade)

    def _wake(self, trade: Trade) -> None:
        """Reopens a pair that was over and holds a position again, and closes it at once."""
        if not any(trade.position.values()):
            self._save_over(trade)
            return
        del self.over[trade.trade_id]
        self.open[trade.trade_id] = trade
        self._watch_expiries()
        self.core.alarm(
            "late_fill", f"Pair {trade.trade_id} got another fill after it had ended; it is being closed."
        )
        self._begin_unwind(trade, "late_fill")

    def commission(self, row: ExecutionRow) -> None:
        """Takes a commission that became known."""
        trade = self.open.get(row.trade_id) or self.over.get(row.trade_id)
        if trade is not None:
            trade.know_commission(row)
            if trade.phase in OVER:
                self._save_over(trade)

    def _save_over(self, trade: Trade) -> None:
        if trade.complete:
            self.core.out.append(SaveTrade(trade.row()))

    def restore(
        self, trade: Trade, rows: Iterable[ExecutionRow], adjustments: Iterable[AdjustmentRow]
    ) -> None:
        """Restores a stored pair from its executions and its adjustments."""
        trade.gross = 0.0
        for row in rows:
            trade.count(row, 1)
        for adjustment in adjustments:
            trade.adjust(adjustment)
        if trade.phase not in OVER:
            self.open[trade.trade_id] = trade
            self._watch_expiries()
            for leg, quantity in trade.position.items():
                self.core.positions[leg] += quantity
            return
        self.over[trade.trade_id] = trade
        trade.complete = not any(trade.position.values())
        # The pair ended flat, even if the store no longer has all of its executions.
        trade.position = dict.fromkeys(trade.position, 0)

    def prune(self, utc_ns: int) -> None:
        """Drops pairs that ended more than two days ago."""
        old_ns = utc_ns - OLD_NS
        for trade_id in [
            each for each, trade in self.over.items() if (trade.exit_ns or trade.entry_ns) < old_ns
        ]:
            del self.over[trade_id]
