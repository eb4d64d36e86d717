"""A model of the broker for the carry desk: account, orders, executions, answers, and seeded faults.

It has the true account and market, and reports them to the desk late, twice, wrongly or not at all, as real
brokers have done. It shares no state with the desk: it receives the desk's commands and sends events.
``desk_world`` owns time and delivery.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from random import Random

from arbcore.carry.pairs import ETF, FUT, LEGS
from arbcore.desk import events as ev
from arbcore.desk.commands import EXECUTIONS, MARGIN, OPEN_ORDERS, Ask
from arbcore.desk.records import DAY, MARKET, OrderRow

MILLISECOND_NS = 1_000_000
SPY_ID = 756733
SECOND_NS = 10**9


@dataclass(frozen=True)
class DeskFaults:
    """Probabilities per order, execution, request or quote; those named ``_a_second`` are per second."""

    partial: float = 0.0
    miss: float = 0.0
    reject: float = 0.0
    silent_status: float = 0.0
    false_cancel: float = 0.0
    cancel_fails: float = 0.0
    deaf_cancel: float = 0.0
    slow_fill: float = 0.0
    lost_execution: float = 0.0
    late_execution: float = 0.0
    double_execution: float = 0.0
    correction: float = 0.0
    slow_commission: float = 0.0
    status_first: float = 0.0
    silent_query: float = 0.0
    failed_query: float = 0.0
    lagging_positions: float = 0.0
    bad_quote: float = 0.0
    lost_order_on_cut: float = 0.5
    cut_a_second: float = 0.0
    crash_a_second: float = 0.0
    crash_in_batch: float = 0.0
    halt_a_second: float = 0.0
    delayed_a_second: float = 0.0
    silence_a_second: float = 0.0
    jump_a_second: float = 0.0
    foreign_a_second: float = 0.0
    hands_a_second: float = 0.0
    rolled_back_ids: float = 0.0


STORMS: dict[str, DeskFaults] = {
    "none": DeskFaults(),
    "thin": DeskFaults(partial=0.4, miss=0.3),
    "rejects": DeskFaults(reject=0.25, partial=0.2),
    "traps": DeskFaults(false_cancel=0.3, cancel_fails=0.5, silent_status=0.3, status_first=0.3, partial=0.3),
    "executions": DeskFaults(
        lost_execution=0.15, late_execution=0.2, double_execution=0.3, correction=0.3, slow_commission=0.5,
        partial=0.4, silent_status=0.2,
    ),
    "questions": DeskFaults(
        silent_query=0.2, failed_query=0.2, lagging_positions=0.3, silent_status=0.4, cut_a_second=0.1
    ),
    "cuts": DeskFaults(cut_a_second=0.25, partial=0.3, lost_execution=0.1, slow_fill=0.3),
    "crashes": DeskFaults(crash_a_second=0.1, crash_in_batch=0.15, partial=0.3, slow_fill=0.2),
    "market": DeskFaults(
        halt_a_second=0.08, delayed_a_second=0.08, silence_a_second=0.08, bad_quote=0.1, partial=0.3, miss=0.2
    ),
    "clock": DeskFaults(jump_a_second=0.15, partial=0.2, miss=0.1),
    "hands": DeskFaults(hands_a_second=0.12, partial=0.2, slow_fill=0.2),
    "ids": DeskFaults(
        rolled_back_ids=0.8, cut_a_second=0.25, slow_fill=0.4, lost_execution=0.1, silent_query=0.1
    ),
    "strangers": DeskFaults(foreign_a_second=0.05, cut_a_second=0.05),
    "deaf": DeskFaults(slow_fill=0.5, deaf_cancel=0.5, cancel_fails=0.2, silent_status=0.3),
}  # fmt: skip
STORMS["all"] = DeskFaults(
    **{
        item.name: max(getattr(storm, item.name) for storm in STORMS.values()) * 0.35
        for item in fields(DeskFaults)
    }
)


@dataclass
class BrokerOrder:
    """An order at the broker; while ``open`` it may still trade."""

    row: OrderRow
    perm_id: int
    open: bool = True
    filled: int = 0
    silent: bool = False
    slow: bool = False


@dataclass
class Market:
    """The true best prices of a leg, and whether it is trading."""

    bid: float = 0.0
    ask: float = 0.0
    halted: bool = False


@dataclass
class Truth:
    """The true state of the account, whether or not the desk knows it."""

    orders: dict[str, BrokerOrder] = field(default_factory=dict)
    executions: dict[str, ev.Execution] = field(default_factory=dict)
    commissions: dict[str, ev.Commission] = field(default_factory=dict)
    ours: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LEGS, 0))
    foreign: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LEGS, 0))
    #: By contract: quantities of our pairs that a person traded elsewhere or the exchange settled.
    outside: Counter[int] = field(default_factory=Counter)

    def by_contract(self) -> Counter[int]:
        """Returns the position in each contract."""
        held = Counter(self.outside)
        for execution in self.executions.values():
            held[self.orders[execution.ref].row.con_id] += execution.side * execution.quantity
        return held

    def held(self) -> dict[str, int]:
        """Returns our position by leg."""
        others = {ETF: self.outside[SPY_ID], FUT: sum(self.outside.values()) - self.outside[SPY_ID]}
        return {leg: self.ours[leg] + others[leg] for leg in LEGS}


LAGS_MAX = 2
#: ``say(event, delay_ns)`` sends an event to the desk; ``later(delay_ns, action)`` calls an action later.
Say = Callable[[ev.Event, int], None]
Later = Callable[[int, Callable[[], None]], None]


class Broker:
    """Handles orders, cancels and requests as they arrive."""

    def __init__(
        self, random: Random, faults: DeskFaults, *, say: Say, later: Later, utc: Callable[[], int]
    ) -> None:
        self.random = random
        self.faults = faults
        self.say = say
        self.later = later
        self._lags = 0
        self.utc = utc
        self.truth = Truth()
        self.market = {leg: Market() for leg in LEGS}
        self.con_ids = {FUT: 0, ETF: SPY_ID}
        #: Contracts that no longer accept orders.
        self.expired: set[int] = set()
        self.trading = True
        self._number = 0

    def _happens(self, probability: float) -> bool:
        # Draws a random number only if the fault is possible, so a storm changes only the faults it names.
        return probability > 0.0 and self.random.random() < probability

    def _delay(self) -> int:
        return self.random.randrange(1, 20) * MILLISECOND_NS

    # --- orders ---------------------------------------------------------------------------------

    def place(self, row: OrderRow) -> None:
        """Handles an order that arrives."""
        faults = self.faults
        if row.con_id in self.expired:
            self.say(ev.OrderError(row.ref, 201, "Order rejected - reason: The contract has expired."), 0)
            self.say(ev.OrderStatus(row.ref, 0, "Inactive", 0, row.quantity), 0)
            return
        if self._happens(faults.reject):
            code = self.random.choice((201, 203, 110))
            self.say(ev.OrderError(row.ref, code, "Order rejected - reason: model"), self._delay())
            self.say(ev.OrderStatus(row.ref, 0, "Inactive", 0, row.quantity), self._delay())
            return
        self._number += 1
        order = BrokerOrder(row, 7_000_000 + self._number, silent=self._happens(faults.silent_status))
        self.truth.orders[row.ref] = order
        if self._happens(faults.false_cancel):
            # The library reports the order as cancelled, but the broker only changed its time in force.
            self.say(ev.OrderError(row.ref, 10349, "Order TIF was set to DAY based on order preset."), 0)
            self.say(ev.OrderStatus(row.ref, 0, "Cancelled", 0, row.quantity), 0)
        self._status(order, "Submitted")
        if self._happens(faults.slow_fill):
            order.slow = True
            self.later(self.random.randrange(100, 4_000) * MILLISECOND_NS, lambda: self._match(order))
        else:
            self._match(order)

    def cancel(self, ref: str) -> None:
        """Handles a cancel that arrives."""
        order = self.truth.orders.get(ref)
        if order is None or not order.open:
            self.say(ev.OrderError(ref, 10147, "OrderId that needs to be cancelled is not found."), 0)
            self.say(ev.OrderStatus(ref, 0, "Cancelled", 0, 0), 0)
            return
        if self._happens(self.faults.cancel_fails):
            self.say(ev.OrderError(ref, 10148, "OrderId that needs to be cancelled can not be cancelled."), 0)
            self.say(ev.OrderStatus(ref, 0, "Cancelled", 0, 0), 0)
            return
        if not self._happens(self.faults.deaf_cancel):
            self._end(order)

    def end_all(self, con_id: int = 0) -> None:
        """Ends all working orders: a person cancels them, or their contract has expired."""
        for order in self.truth.orders.values():
            if order.open and con_id in (0, order.row.con_id):
                self._end(order)

    def wake(self, leg: str) -> None:
        """Tries to fill the resting orders of a leg that trades again."""
        for order in list(self.truth.orders.values()):
            if order.open and not order.slow and order.row.leg == leg:
                self._match(order)

    def _match(self, order: BrokerOrder) -> None:
        row, market = order.row, self.market[order.row.leg]
        order.slow = False
        if not order.open:
            return
        price = market.ask if row.side > 0 else market.bid
        marketable = row.limit is None or row.side * (row.limit - price) >= 0
        rests = row.tif == DAY
        if (
            market.halted
            or not self.trading
            or not marketable
            or (row.kind != MARKET and self._happens(self.faults.miss))
        ):
            if not rests:
                self._end(order)
            return
        left = row.quantity - order.filled
        quantity = left
        if row.kind != MARKET and self._happens(self.faults.partial):
            quantity = self.random.randrange(0, left + 1)
        pieces = [quantity]
        if quantity > 1 and self.random.random() < 0.3:
            cut = self.random.randrange(1, quantity)
            pieces = [cut, quantity - cut]
        status_first = self._happens(self.faults.status_first)
        executions = [self._trade(order, piece, price) for piece in pieces if piece]
        if not status_first:
            self._tell(executions)
        if order.filled == row.quantity:
            order.open = False
            self._status(order, "Filled")
        elif not rests:
            self._end(order)
        if status_first:
            self._tell(executions)

    def _trade(self, order: BrokerOrder, quantity: int, price: float) -> ev.Execution:
        row = order.row
        self._number += 1
        order.filled += quantity
        self.truth.ours[row.leg] += row.side * quantity
        execution = ev.Execution(
            f"0000e0d5.{self._number:08x}.01.01", row.ref, order.perm_id, row.leg, row.side, quantity, price,
            self.utc(),
        )  # fmt: skip
        self.truth.executions[execution.exec_id.rpartition(".")[0]] = execution
        return execution

    def _end(self, order: BrokerOrder) -> None:
        order.open = False
        self.say(ev.OrderError(order.row.ref, 202, "Order Canceled - reason:"), 0)
        self._status(order, "Cancelled")

    def _status(self, order: BrokerOrder, status: str) -> None:
        if not order.silent:
            left = order.row.quantity - order.filled
            self.say(ev.OrderStatus(order.row.ref, order.perm_id, status, order.filled, left), 0)

    # --- executions -----------------------------------------------------------------------------

    def _tell(self, executions: list[ev.Execution]) -> None:
        faults = self.faults
        for execution in executions:
            key = execution.exec_id.rpartition(".")[0]
            delay_ns = 0
            if self._happens(faults.late_execution):
                delay_ns = self.random.randrange(200, 3_000) * MILLISECOND_NS
            if not self._happens(faults.lost_execution):
                self.say(execution, delay_ns)
                if self._happens(faults.double_execution):
                    self.say(execution, delay_ns + self._delay())
            commission = ev.Commission(execution.exec_id, 0.005 * execution.quantity + 1.0)
            wait_ns = self._delay()
            if self._happens(faults.slow_commission):
                wait_ns = self.random.randrange(500, 9_000) * MILLISECOND_NS
            self.later(wait_ns, lambda c=commission, k=key: self._commission(k, c))  # type: ignore[misc]
            if self._happens(faults.correction):
                self.later(
                    self.random.randrange(50, 2_000) * MILLISECOND_NS,
                    lambda k=key: self._correct(k),  # type: ignore[misc]
                )
        for con_id, leg in {self.truth.orders[each.ref].row.con_id: each.leg for each in executions}.items():
            self.push(leg, con_id)

    def push(self, leg: str, con_id: int) -> None:
        """Reports the position in a contract, as the broker does after every change of it by anyone."""
        quantity = self._held()[con_id]
        self.say(ev.PositionChanged(ev.PositionLine(leg, con_id, quantity)), 0)

    def _held(self) -> Counter[int]:
        held = self.truth.by_contract()
        for leg in LEGS:
            held[self.con_ids[leg]] += self.truth.foreign[leg]
        return held

    def _commission(self, key: str, commission: ev.Commission) -> None:
        self.truth.commissions[key] = commission
        self.say(commission, 0)

    def _correct(self, key: str) -> None:
        before = self.truth.executions[key]
        after = ev.Execution(
            f"{key}.02", before.ref, before.perm_id, before.leg, before.side, before.quantity,
            before.price + 0.01 * before.side, before.ts_ns,
        )  # fmt: skip
        self.truth.executions[key] = after
        self.say(after, 0)
        if self.random.random() < 0.3:
            self.say(before, self._delay())  # and the old position again, out of order

    # --- requests -------------------------------------------------------------------------------

    def ask(self, question: Ask, *, fail: bool = True) -> None:
        """Handles a request that arrives."""
        if fail and self._happens(self.faults.silent_query):
            return
        if fail and self._happens(self.faults.failed_query):
            self.say(ev.QueryFailed(question.query, "request failed"), self._delay())
            return
        self.say(self._answer(question), self._delay())

    def _answer(self, question: Ask) -> ev.Event:
        truth = self.truth
        if question.kind == OPEN_ORDERS:
            return ev.OpenOrders(
                question.query,
                tuple(
                    ev.OpenOrder(order.row.ref, order.perm_id, order.row.leg, "Submitted")
                    for order in truth.orders.values()
                    if order.open
                ),
            )
        if question.kind == EXECUTIONS:
            return ev.Executions(
                question.query, tuple(truth.executions.values()), tuple(truth.commissions.values())
            )
        if question.kind == MARGIN:
            return ev.Margin(question.query, True, "initial margin after 21,000 of 100,000 USD")
        held = self._held()
        lines = tuple(
            ev.PositionLine(ETF if con_id == self.con_ids[ETF] else FUT, con_id, quantity)
            for con_id, quantity in sorted(held.items())
            if quantity
        )
        # The account's positions lag behind the executions, for at most LAGS_MAX responses in a row.
        lags = bool(lines) and self._lags < LAGS_MAX and self._happens(self.faults.lagging_positions)
        self._lags = self._lags + 1 if lags else 0
        if lags:
            lines = lines[1:]
        return ev.Positions(question.query, lines)
