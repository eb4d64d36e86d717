"""What the broker says about single orders: statuses, errors, executions, commissions.

Owns which of these settle anything. Executions are the truth; a status counts only where it agrees with
them, and an error only where its code says that the order never traded. Everything else is doubt, and doubt
is a question to the broker.
"""

import math

from arbcore.carry.desk.commands import SaveExecution
from arbcore.carry.desk.core import Core
from arbcore.carry.desk.events import Commission, Execution, OrderError, OrderStatus
from arbcore.carry.desk.orders import (
    ACK,
    DOUBT,
    FINAL_STATES,
    LIVE_STATUSES,
    NOTICE_CODES,
    OUT_STATUSES,
    REJECT,
    REJECT_CODES,
    Order,
)
from arbcore.carry.desk.pair import Pairs
from arbcore.carry.desk.recovery import PAUSE_NS, Recovery
from arbcore.carry.desk.rows import LEGS


class OrderNews:
    """Takes news to orders, ledger and pairs."""

    def __init__(self, core: Core, pairs: Pairs, recovery: Recovery) -> None:
        self.core = core
        self.pairs = pairs
        self.recovery = recovery

    def status(self, event: OrderStatus) -> None:
        """The broker's own orderStatus."""
        core = self.core
        order = core.orders.find(event.ref, event.perm_id)
        if order is None:
            return
        core.orders.identify(order, event.perm_id)
        if event.status in LIVE_STATUSES:
            core.orders.news(order, ACK)
        elif event.status in OUT_STATUSES and order.live:
            # After an error, or a cancel of ours that may have failed, a library says so of itself. Where
            # only fills are still to come the order stays, and so does its time-out.
            if order.suspect or order.pulls:
                core.orders.news(order, DOUBT)
                self.recovery.want()
            else:
                core.orders.ended(order, event.filled)
        order.told_filled = max(order.told_filled, event.filled)

    def error(self, event: OrderError) -> None:
        """An error that names one of our orders."""
        core = self.core
        order = core.orders.find(event.ref, 0)
        if order is None or event.code in NOTICE_CODES:
            return
        if event.code in REJECT_CODES:
            if core.orders.news(order, REJECT, f"{event.code} {event.message}"[:200]):
                core.alarm(f"rejected {order.leg}", f"Order {order.ref} was rejected: {event.message[:200]}")
        elif order.live:
            # Libraries call such an order cancelled; brokers have filled it afterwards.
            order.suspect = True
            core.orders.news(order, DOUBT, f"{event.code} {event.message}"[:200])
            self.recovery.want()

    def execution(self, event: Execution, *, told: bool = False) -> None:
        """One execution; ``told`` as part of an answer."""
        core = self.core
        order = core.orders.find(event.ref, event.perm_id)
        if order is None:
            self._strange(event, told=told)
            return
        if not self._believable(event, order):
            core.brake(
                "mismatch",
                f"Execution {event.exec_id} does not fit order {order.ref}; compare both with the broker.",
            )
            self.recovery.want(PAUSE_NS)
            return
        change = core.ledger.take(
            event, trade_id=order.trade_id, ref=order.ref, multiplier=core.legs[event.leg].multiplier
        )
        if change is None:
            return
        row, before = change
        over = order.state in FINAL_STATES
        filled = order.filled
        core.orders.identify(order, event.perm_id)
        core.orders.fill(order, row.quantity - (0 if before is None else before.quantity))
        core.out.append(SaveExecution(row))
        self.pairs.count(row, before)
        if over and order.filled != filled:
            core.alarm("late_fill", f"Order {order.ref} was over and filled {order.filled - filled} more.")
        if order.filled > order.quantity:
            core.brake(
                "overfill",
                f"Order {order.ref} of {order.quantity} filled {order.filled}; check the account.",
            )

    def commission(self, event: Commission) -> None:
        """One commission report."""
        row = self.core.ledger.commission(event)
        if row is not None:
            self.core.out.append(SaveExecution(row))
            self.pairs.commission(row)

    def _strange(self, event: Execution, *, told: bool) -> None:
        core = self.core
        if event.ref.startswith(core.store_id + "-"):
            core.brake("unknown order", f"Order {event.ref} traded, and the store does not know it.")
        elif not told and event.leg in LEGS:
            core.alarm("foreign fill", f"Another program traded {event.leg} in this account.")
            self.recovery.want(PAUSE_NS)

    @staticmethod
    def _believable(event: Execution, order: Order) -> bool:
        priced = 0.0 < event.price < math.inf and event.quantity > 0
        return priced and event.leg == order.leg and event.side == order.side
