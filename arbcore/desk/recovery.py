"""Compares the desk with the broker: at start, after each reconnect, when in doubt, and from time to time.

Each comparison is a round of three requests in this order: open orders, executions, positions. So whatever an
earlier response missed is in a later one. A response that fails or does not come means HALTED, never flat.
Owns the requests and the effects of their responses. It must not know when to trade.
"""

from arbcore.carry.pairs import LEGS
from arbcore.desk.commands import EXECUTIONS, OPEN_ORDERS, POSITIONS, Cancel, Reconnect
from arbcore.desk.desk_core import DeskCore
from arbcore.desk.desk_settings import SECOND_NS, seconds_ns
from arbcore.desk.events import OpenOrders, Positions, QueryFailed
from arbcore.desk.holdings import Holdings
from arbcore.desk.limits import COMPARING, HALTED
from arbcore.desk.order_table import ABSENT, ACK, OUT, OUT_STATUSES, UNKNOWN
from arbcore.desk.writeoff import AGAIN, DONE, WriteOff

PAUSE_NS = SECOND_NS
PAUSE_MAX_NS = 60 * SECOND_NS
#: An order that the broker never acknowledged is gone after it is missing in this many rounds; before that it
#: may still be on its way.
ABSENT_ROUNDS = 2
NEVER_NS = 2**62
OVER_STATUSES = OUT_STATUSES | {"Filled"}


class Recovery:
    """Rounds of requests. ``step`` is the kind of response that is awaited, empty between rounds."""

    def __init__(self, core: DeskCore, write_off: WriteOff, holdings: Holdings) -> None:
        self.core = core
        self.holdings = holdings
        self.write_off = write_off
        self.step = ""
        self.query = 0
        self.due_ns = NEVER_NS
        self.next_ns = NEVER_NS
        self.audit_ns = NEVER_NS
        self.failures = 0
        self.mismatches = 0
        self._refs: frozenset[str] = frozenset()
        self._shown: frozenset[str] = frozenset()
        self._foreign_orders = False
        self._positions: dict[str, int] = {}
        self._placed = 0
        self._timeout_ns = seconds_ns(core.settings.query_timeout_s)
        self._audit_ns = seconds_ns(core.settings.audit_s)

    # --- beginning and ending -------------------------------------------------------------------

    def begin(self) -> None:
        """Begins after a connection: nothing is certain until a whole round has succeeded."""
        self.failures = self.mismatches = 0
        self.core.restrict(COMPARING, "Connected; orders, executions and positions are being compared.")
        self._round()

    def lost(self) -> None:
        """Drops open requests after the connection was lost."""
        self.step = ""
        self.query = 0
        self.due_ns = self.next_ns = self.audit_ns = NEVER_NS

    def want(self, pause_ns: int = 0) -> None:
        """Begins a round at the next ``tick`` because of a doubt, after a pause and the present round."""
        if self.core.linked:
            self.next_ns = min(self.next_ns, self.core.clock.now_ns + pause_ns)

    def tick(self) -> None:
        """Checks time-outs, and begins a round that is due."""
        now_ns = self.core.clock.now_ns
        if self.holdings.doubted:
            self._explain()
        if self.step:
            if now_ns >= self.due_ns:
                self._unanswered("it was not answered in time")
        elif self.core.linked and now_ns >= min(self.next_ns, self.audit_ns):
            self._round()

    def deadline_ns(self) -> int:
        """When ``tick`` is due."""
        next_ns = self.due_ns if self.step else min(self.next_ns, self.audit_ns)
        return min(next_ns, self.holdings.deadline_ns())

    def _explain(self) -> None:
        """Requests a round for a change that no execution explains; a mismatch once its time is up."""
        self.holdings.compare()
        if self.holdings.should_ask():
            self.want()
        elif self.holdings.overdue and self.core.risk_state.state != HALTED:
            self._mismatch(self.holdings.by_leg or self.core.positions, strange=self.holdings.strange)

    def _round(self) -> None:
        self.next_ns = self.audit_ns = NEVER_NS
        self._refs = frozenset(self.core.orders.live)
        self._ask(OPEN_ORDERS)

    def _ask(self, kind: str) -> None:
        self.step = kind
        self.query = self.core.ask(kind)
        self.due_ns = self.core.clock.now_ns + self._timeout_ns

    def _again(self, pause_ns: int) -> None:
        self.step = ""
        self.next_ns = min(self.next_ns, self.core.clock.now_ns + pause_ns)

    def undecoded(self, what: str) -> None:
        """Requests everything again after a message about orders, executions or positions was unreadable."""
        self.core.alarm("undecoded", f"The broker sent {what} that could not be read; the bot asks again.")
        if self.step:
            self._unanswered(f"{what} could not be read")
        else:
            self.want()

    def _unanswered(self, why: str) -> None:
        core = self.core
        self.failures += 1
        self.write_off.refuse(f"the broker was asked for its {self.step} and {why}; check the connection.")
        core.restrict(
            "unanswered",
            f"The broker was asked for its {self.step} and {why}; what the account holds is unknown.",
        )
        if self.failures % core.settings.queries_max == 0:
            core.out.append(Reconnect(f"{self.failures} questions went unanswered."))
        # A failed response is not an empty one: the whole round begins again.
        self._again(PAUSE_NS)

    # --- responses ------------------------------------------------------------------------------

    def failed(self, event: QueryFailed) -> None:
        """Takes the refusal of a request."""
        if self.step and event.query == self.query:
            self._unanswered(f"refused: {event.reason}")

    def open_orders(self, event: OpenOrders) -> None:
        """Takes the first response: the orders that still work."""
        core = self.core
        if self.step != OPEN_ORDERS or event.query != self.query:
            return
        shown = set()
        self._foreign_orders = False
        for line in event.orders:
            order = core.orders.find(line.ref, line.perm_id)
            if line.status in OVER_STATUSES:
                # Reported although it is over: counts as missing, but shows that the order arrived.
                if order is not None:
                    core.orders.identify(order, line.perm_id)
            elif order is not None:
                shown.add(order.ref)
                # Our orders should never rest, so cancel an order that was in doubt and still works.
                if order.state == UNKNOWN:
                    core.pull(order)
                core.orders.identify(order, line.perm_id)
                order.suspect = False
                core.orders.news(order, ACK)
            elif line.ref.startswith(core.store_id + "-"):
                core.restrict(
                    "unknown order", f"The broker holds order {line.ref}, which the store does not know."
                )
                core.out.append(Cancel(line.ref, line.perm_id))
            elif line.leg in LEGS:
                self._foreign_orders = True
                symbol = core.pair.symbol(line.leg)
                core.alarm("foreign order", f"Another program has an open order in {symbol}.")
        self._shown = frozenset(shown)
        self._ask(EXECUTIONS)

    def executions_told(self, query: int) -> None:
        """Takes the second response, after its executions were counted: missing orders are over."""
        core = self.core
        if self.step != EXECUTIONS or query != self.query:
            return
        for ref in sorted(self._refs - self._shown):
            order = core.orders.live.get(ref)
            if order is None:
                continue
            order.absent += 1
            if order.acked or order.filled:
                core.orders.news(order, OUT, order.refused or "no longer at the broker")
            elif order.absent >= ABSENT_ROUNDS:
                core.orders.news(order, ABSENT, order.refused or "never arrived at the broker")
        if core.orders.live:
            self._again(PAUSE_NS)
            return
        self._placed = core.number
        self._positions = dict(core.positions)
        self._ask(POSITIONS)

    def positions(self, event: Positions) -> None:
        """Takes the third response: the positions must equal the sum of our executions."""
        core = self.core
        if self.step != POSITIONS or event.query != self.query:
            return
        if self._positions != core.positions or self._placed != core.number:
            # An order filled or was sent in between: the response may or may not include it.
            self._again(PAUSE_NS // 10)
            return
        self.holdings.replace(event.lines)
        reported, strange = self.holdings.by_leg or core.positions, self.holdings.strange
        if self.holdings.agree:
            self.write_off.agreed()
        else:
            outcome = self.write_off.explains(reported, strange=strange, foreign_orders=self._foreign_orders)
            if outcome == AGAIN:
                # Another round may confirm the explanation; until then the positions are not certain.
                core.restrict(COMPARING, "The broker's positions differ from the bot's; the bot asks again.")
                self._again(PAUSE_NS)
            elif outcome != DONE and self.holdings.patient:
                # The executions that explain the difference may still be on their way.
                self._again(PAUSE_NS)
            elif outcome != DONE:
                self._mismatch(reported, strange=strange)
            if outcome != DONE:
                return
        self.step = ""
        self.failures = self.mismatches = 0
        core.risk_state.remove(COMPARING, "unanswered", "mismatch")
        if self._audit_ns:
            self.audit_ns = core.clock.now_ns + self._audit_ns

    def _mismatch(self, reported: dict[str, int], *, strange: bool) -> None:
        core = self.core
        fut, etf = core.pair.future, core.pair.etf
        contract = f", some of it in another {fut} contract" if strange else ""
        core.restrict(
            "mismatch",
            f"The broker reports {core.held_words(reported)}{contract}; our executions come to "
            f"{core.held_words(core.positions)}. The bot sends no orders until they agree: close any "
            f"{fut} or {etf} position that is not the bot's; if somebody closed the pair by hand, start "
            "again with --accept-account.",
        )
        pause_ns = min(PAUSE_NS << min(self.mismatches, 6), PAUSE_MAX_NS)
        self.mismatches += 1
        self._again(pause_ns)
