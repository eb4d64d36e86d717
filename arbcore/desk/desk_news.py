"""The broker's messages about single orders: statuses, errors, executions, commissions.

Owns which of these messages settle an order's state, and how often entries were refused. Executions are the
truth. A status counts only if it agrees with them, and an error only if it refuses an order that the broker
has not acknowledged (``codes``). Any other message puts the order in doubt, and the desk asks the broker.
"""

from collections.abc import Iterable

from arbcore.carry.pairs import LEGS
from arbcore.desk.codes import CANCEL_NOTICES, CHANGE_DOUBTED, OrderSays, order_says
from arbcore.desk.commands import Cancel, SaveExecution
from arbcore.desk.desk_core import DeskCore
from arbcore.desk.events import Commission, Execution, NotSent, OrderError, OrderStatus
from arbcore.desk.leg_quotes import PRICE_MAX, PRICE_MIN
from arbcore.desk.order_table import (
    ACK,
    DOUBT,
    FINAL_STATES,
    LIVE_STATUSES,
    OUT_STATUSES,
    REJECT,
    REJECTED,
    Order,
)
from arbcore.desk.pair import PairTrader
from arbcore.desk.records import ENTRY
from arbcore.desk.recovery import PAUSE_NS, Recovery

#: After this many refused entries in a row on one leg, the desk stops entering.
REFUSALS_MAX = 3
REASON_LENGTH_MAX = 200
NOT_SENT = "not sent"


class OrderNews:
    """Applies messages to the orders, the ledger and the pairs."""

    def __init__(self, core: DeskCore, pairs: PairTrader, recovery: Recovery) -> None:
        self.core = core
        self.pairs = pairs
        self.recovery = recovery
        #: Entries refused in a row, by leg.
        self.refusals: dict[str, int] = {}

    def status(self, event: OrderStatus) -> None:
        """Applies the broker's own orderStatus."""
        core = self.core
        order = core.orders.find(event.ref, event.perm_id)
        if order is None:
            return
        core.orders.identify(order, event.perm_id)
        if event.status in LIVE_STATUSES and order.state == REJECTED:
            text = f"Order {order.ref} was refused but is working at the broker; it is being cancelled."
            core.alarm("works all the same", text)
            core.out.append(Cancel(order.ref, order.perm_id))
        elif event.status in LIVE_STATUSES:
            core.orders.news(order, ACK)
        elif event.status in OUT_STATUSES and order.live:
            # After an error, or after our cancel, which may have failed, the library may have invented this
            # status. If only fills are still missing, the order stays live and keeps its time-out.
            if order.suspect or order.pulls:
                core.orders.news(order, DOUBT)
                self.recovery.want()
            else:
                core.orders.ended(order, event.filled)
        order.told_filled = max(order.told_filled, event.filled)

    def error(self, event: OrderError) -> None:
        """Applies an error message that names one of our orders."""
        core = self.core
        order = core.orders.find(event.ref, 0)
        if order is None or not order.live:
            return
        says = order_says(event.code, acknowledged=order.acked)
        if says is OrderSays.NOTICE:
            # The library may report the order as cancelled although it is not.
            order.suspect = order.suspect or event.code not in CANCEL_NOTICES
            return
        words = f"{event.code} {event.message}"[:REASON_LENGTH_MAX]
        if event.code not in CHANGE_DOUBTED:
            order.refused = words
        if says is OrderSays.REFUSED:
            core.orders.news(order, REJECT, words)
        else:
            # Libraries report such an order as cancelled; brokers have filled it afterwards.
            order.suspect = True
            core.orders.news(order, DOUBT, words)
            self.recovery.want()

    def not_sent(self, event: NotSent) -> None:
        """Ends an order that was stored and could not be sent."""
        order = self.core.orders.find(event.ref, 0)
        if order is not None and self.core.orders.news(order, REJECT, f"{NOT_SENT}: {event.why}"):
            self.core.alarm("not sent", f"Order {order.ref} was not sent: {event.why}.")

    def ended(self, orders: Iterable[Order]) -> None:
        """Handles orders that changed: raises an alarm for refused ones, counts them, informs their pair."""
        for order in orders:
            if order.live:
                continue
            if order.refused and not order.filled:
                self._refused(order)
                order.refused = ""
            elif order.role == ENTRY and not order.reason.startswith(NOT_SENT):
                self.refusals.pop(order.leg, None)

    def _refused(self, order: Order) -> None:
        core = self.core
        verb, symbol = "buy" if order.side > 0 else "sell", core.pair.symbol(order.leg)
        core.alarm(
            f"rejected {symbol}",
            f"The broker refused order {order.ref} to {verb} {order.quantity} {symbol}: {order.refused}",
            always=True,
        )
        self.pairs.refused(order)
        if order.role != ENTRY:
            return
        self.refusals[order.leg] = self.refusals.get(order.leg, 0) + 1
        if self.refusals[order.leg] >= REFUSALS_MAX:
            core.restrict(
                "entries refused",
                f"{REFUSALS_MAX} entries in a row were refused on {symbol}, the last with "
                f"'{order.refused}'; none is tried until a restart, or until the file KILL_SWITCH was made "
                "and deleted.",
            )

    def execution(self, event: Execution, *, in_response: bool = False) -> None:
        """Applies one execution; ``in_response``: it is part of the response to a request, not live."""
        core = self.core
        order = core.orders.find(event.ref, event.perm_id)
        if order is None:
            self._strange(event, in_response=in_response)
            return
        if not self._believable(event, order):
            core.restrict(
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
            core.alarm(
                "late_fill", f"Order {order.ref} filled {order.filled - filled} more after it had ended."
            )
        if order.filled > order.quantity:
            core.restrict(
                "overfill",
                f"Order {order.ref} of {order.quantity} filled {order.filled}; check the account.",
            )

    def commission(self, event: Commission) -> None:
        """Applies one commission report."""
        row = self.core.ledger.commission(event)
        if row is not None:
            self.core.out.append(SaveExecution(row))
            self.pairs.commission(row)

    def _strange(self, event: Execution, *, in_response: bool) -> None:
        core = self.core
        if event.ref.startswith(core.store_id + "-"):
            core.restrict(
                "unknown order",
                f"Order {event.ref} traded but is not in the store; compare the account with the broker.",
            )
        elif not in_response and event.leg in LEGS:
            symbol = core.pair.symbol(event.leg)
            core.alarm("foreign fill", f"Another program traded {symbol} in this account.")
            self.recovery.want(PAUSE_NS)

    @staticmethod
    def _believable(event: Execution, order: Order) -> bool:
        priced = PRICE_MIN <= event.price <= PRICE_MAX and event.quantity > 0
        return priced and event.leg == order.leg and event.side == order.side
