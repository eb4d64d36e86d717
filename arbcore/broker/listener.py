"""Turns the broker's messages into the desk's events, between a library's decoder and its wrapper.

The libraries' own objects are wrong at times: an error with an order's id marks a live order cancelled,
unchanged ticks are dropped, a disconnect deletes known orders. The decoded messages are right. This listener
passes each message on to the library, and sends its meaning to the desk as an event. It imports no library:
all its arguments are duck-typed, and both libraries decode into the same names.
"""

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone

from arbcore.broker.ib_library import (
    IbCommissionReport,
    IbContract,
    IbExecution,
    IbOrder,
    IbOrderState,
    IbWrapper,
)
from arbcore.carry.pairs import ETF, FUT, LEGS, Pair
from arbcore.core.text import printable
from arbcore.desk import codes, events

_log = logging.getLogger(__name__)

#: Statuses of an order that no longer works.
_OVER = {"Filled", "Cancelled", "ApiCancelled"}

_BIDS, _ASKS = {1, 66}, {2, 67}
_BID_SIZES, _ASK_SIZES = {0, 69}, {3, 70}
_LAST, _VOLUME, _HALTED, _SHORTABLE_SHARES = 4, 8, 49, 89
#: The contract on which our own gateway sends its clock and the ends of its rows.
CLOCK_SYMBOL, CLOCK_CON_ID = "CLOCK", 2_000_000_001

Sink = Callable[[events.Event], None]
#: Messages that must be noticed even if they cannot be read, by the wrapper's callback.
NOT_TO_BE_LOST = {
    "orderStatus": "the status of an order", "openOrder": "an open order", "execDetails": "an execution",
    "commissionReport": "a commission", "position": "a position",
}  # fmt: skip


#: The translated messages, by the name of the wrapper's callback.
_TRANSLATED: dict[str, Callable[..., None]] = {}


def _heard(translate: Callable[..., None]) -> Callable[..., None]:
    """Marks the translation of a message: ``_openOrder`` gets the same arguments as ``openOrder``."""
    _TRANSLATED[translate.__name__[1:]] = translate
    return translate


@dataclass(frozen=True, slots=True)
class RowEnd:
    """A replaying gateway ended a row: its number (0: there are no more) and time, the expiry of the quoted
    future, and whether the next row quotes another future.
    """

    number: int
    ts_ns: int
    expiry_ns: int
    contract_ends: bool


class _Touch:
    """The last best prices of one leg; 0 for a missing one, on which the desk does not trade."""

    __slots__ = ("ask", "ask_size", "bid", "bid_size", "leg")

    def __init__(self, leg: str) -> None:
        self.leg = leg
        self.bid = self.ask = self.bid_size = self.ask_size = 0.0

    def quote(self) -> events.Quote:
        return events.Quote(self.leg, self.bid, self.ask, self.bid_size, self.ask_size)


class DecoderListener:
    """Replaces the wrapper of one connection. ``pair`` is the traded pair.

    ``sink`` takes events. ``on_link`` is called with a code and its text when the broker's own link is lost
    or back, ``on_row`` when a replaying gateway ends a row, ``on_trouble`` with an exception that a message
    caused, ``on_read_only`` when the broker refuses a request because its API is set to Read-Only.
    """

    def __init__(
        self,
        wrapper: IbWrapper,
        pair: Pair,
        *,
        sink: Sink,
        on_link: Callable[[int, str], None],
        on_row: Callable[[RowEnd], None],
        on_trouble: Callable[[Exception], None],
        on_read_only: Callable[[], None],
    ) -> None:
        self._wrapper = wrapper
        self._pair = pair
        self._sink = sink
        self._on_link = on_link
        self._on_row = on_row
        self._on_trouble = on_trouble
        self._on_read_only = on_read_only
        self._clock_ns = self._row_expiry_ns = 0
        self._contract_ends = False
        #: The ETF's contract id, once resolved: other exchanges list shares with the same symbol.
        self.fund_con_id = 0
        # The refs of orders by order id, which is valid on this connection, and by permId, which never
        # changes.
        self.ref_of_order_id: dict[int, str] = {}
        self.ref_of_perm_id: dict[int, str] = {}
        #: openOrder messages since the last request, by permId: together they are the response.
        self.open_orders: dict[int, events.OpenOrder] = {}
        self.last_error = ""
        #: The traded account, empty before it is chosen; messages about other accounts are ignored.
        self.account = ""
        #: Counts of translated messages, and of messages about orders that could not be read.
        self.heard = self.unread = 0
        #: Whether to ignore all further messages of this connection.
        self.muted = False
        #: Whether the broker refused a request because its API is set to Read-Only.
        self.read_only = False
        self._touches = {leg: _Touch(leg) for leg in LEGS}
        for name, translate in _TRANSLATED.items():
            setattr(self, name, functools.partial(self._hear, getattr(wrapper, name), translate))

    def _hear(
        self, passed_on: Callable[..., None], translate: Callable[..., None], *arguments: object
    ) -> None:
        """Passes a message to the library, then translates it; reports any error in the translation.

        (The decoder would only log an exception and go on, which would lose an execution.)
        """
        self.heard += 1
        try:
            passed_on(*arguments)
        except Exception:  # noqa: BLE001  The library's error must not lose the message.
            _log.exception("The library failed on a message; the bot still handles it.")
        if self.muted:
            return
        try:
            translate(self, *arguments)
        except Exception as error:  # noqa: BLE001  A message that cannot be read must be reported.
            what = NOT_TO_BE_LOST.get(translate.__name__[1:])
            if what is None:
                self._on_trouble(error)
            else:
                _log.warning("The broker sent %s that cannot be read (%s).", what, printable(str(error)))
                self.undecoded(what)

    def undecoded(self, what: str) -> None:
        """Reports a message that the library could not read."""
        self.unread += 1
        if not self.muted:
            self._sink(events.Undecoded(what))

    def ours(self, account: str) -> bool:
        """Whether an account is the traded one; an empty name counts as it."""
        return not (account and self.account) or account == self.account

    def touch(self, leg: str) -> events.Quote:
        """The last best prices of a leg; 0 for a missing one."""
        return self._touches[leg].quote()

    def __getattr__(self, name: str) -> object:
        """Any other attribute of the library's wrapper."""
        return getattr(self._wrapper, name)

    # --- market data ------------------------------------------------------------------------------------

    def forget_quotes(self, leg: str) -> None:
        """Drops a leg's prices before a new subscription."""
        self._touches[leg] = _Touch(leg)

    def _leg_of_request(self, request: int) -> str | None:
        ticker = self._wrapper.reqId2Ticker.get(request)
        return None if ticker is None else self.leg_of(ticker.contract)

    def leg_of(self, contract: IbContract) -> str | None:
        """The leg of a contract of any expiry; None if it is in neither leg."""
        if contract.secType == "FUT" and contract.symbol == self._pair.future:
            return FUT
        return ETF if contract.secType == "STK" and contract.conId == self.fund_con_id else None

    def _is_clock(self, request: int) -> bool:
        """Whether a request is the subscription to a replaying gateway's clock."""
        ticker = self._wrapper.reqId2Ticker.get(request)
        return ticker is not None and ticker.contract.symbol == CLOCK_SYMBOL

    @_heard
    def _priceSizeTick(self, reqId: int, tickType: int, price: float, size: float) -> None:  # noqa: N802, N803
        """One price with its size, changed or not."""
        leg = self._leg_of_request(reqId)
        if leg is None:
            if self._is_clock(reqId):
                self._clock_tick(tickType, int(price) * 10**9 + int(size))
            return
        touch = self._touches[leg]
        # The broker sends -1 if that side has no price.
        known = max(0.0, price)
        if tickType in _BIDS:
            touch.bid, touch.bid_size = known, size
        elif tickType in _ASKS:
            touch.ask, touch.ask_size = known, size
        else:
            self._sink(events.Alive(leg))
            return
        self._sink(touch.quote())

    def _clock_tick(self, tick_type: int, instant_ns: int) -> None:
        if tick_type == _LAST:
            self._clock_ns = instant_ns
        elif tick_type in _BIDS:
            self._row_expiry_ns = instant_ns
        elif tick_type in _ASKS:
            self._contract_ends = True

    @_heard
    def _tickSize(self, reqId: int, tickType: int, size: float) -> None:  # noqa: N802, N803
        """One size alone."""
        leg = self._leg_of_request(reqId)
        if leg is None:
            if tickType == _VOLUME and self._is_clock(reqId):
                self._end_row(int(size))
            return
        touch = self._touches[leg]
        if tickType == _SHORTABLE_SHARES:
            self._sink(events.Shortable(int(size)))
        elif tickType in _BID_SIZES:
            touch.bid_size = size
            self._sink(touch.quote())
        elif tickType in _ASK_SIZES:
            touch.ask_size = size
            self._sink(touch.quote())
        else:
            self._sink(events.Alive(leg))

    def _end_row(self, number: int) -> None:
        end = RowEnd(number, self._clock_ns, self._row_expiry_ns, self._contract_ends)
        self._contract_ends = False
        self._on_row(end)

    @_heard
    def _tickGeneric(self, reqId: int, tickType: int, value: float) -> None:  # noqa: N802, N803
        """A generic tick, such as a halt or the number of shortable shares."""
        leg = self._leg_of_request(reqId)
        if leg is None and tickType == _HALTED and self._is_clock(reqId):
            self._end_row(0)
        elif leg is not None and tickType == _HALTED:
            self._sink(events.Halted(leg, value > 0.0))
        elif leg is not None and tickType == _SHORTABLE_SHARES:
            self._sink(events.Shortable(int(value)))

    @_heard
    def _marketDataType(self, reqId: int, marketDataId: int) -> None:  # noqa: N802, N803
        """Whether a subscription is live (1), frozen (2), delayed (3) or both (4)."""
        leg = self._leg_of_request(reqId)
        if leg is not None:
            self._sink(events.DataType(leg, marketDataId))

    # --- orders -----------------------------------------------------------------------------------------

    @_heard
    def _openOrder(  # noqa: N802
        self, orderId: int, contract: IbContract, order: IbOrder, orderState: IbOrderState  # noqa: N803
    ) -> None:
        """A working order of any program; also the response to a whatIf."""
        if order.whatIf or not self.ours(order.account):
            return
        ref = order.orderRef or ""
        if ref and order.permId:
            self.ref_of_perm_id[order.permId] = ref
        if orderState.status in _OVER:
            return
        leg = self.leg_of(contract) or contract.symbol
        self.open_orders[order.permId or -orderId] = events.OpenOrder(
            ref=ref, perm_id=order.permId, leg=leg, status=orderState.status
        )

    @_heard
    def _orderStatus(  # noqa: N802
        self, orderId: int, status: str, filled: float, remaining: float, avgFillPrice: float,  # noqa: N803
        permId: int, parentId: int, lastFillPrice: float, clientId: int, *rest: object,  # noqa: N803
    ) -> None:
        """The broker's own status of an order."""
        perm_id, client_id = permId, clientId
        ref = self.ref_of_perm_id.get(perm_id)
        if ref is None and client_id == self._wrapper.clientId:
            ref = self.ref_of_order_id.get(orderId)
            if ref is not None and perm_id:
                self.ref_of_perm_id[perm_id] = ref
        if ref:
            self._sink(events.OrderStatus(ref, perm_id, status, round(filled), round(remaining)))

    @_heard
    def _execDetails(self, reqId: int, contract: IbContract, execution: IbExecution) -> None:  # noqa: N802, N803
        """One live execution; ``Executions`` carries those of a response."""
        event = self.execution(contract, execution) if reqId < 0 else None
        if event is not None:
            self._sink(event)

    def execution(self, contract: IbContract, execution: IbExecution) -> events.Execution | None:
        """A library's execution as an event; None if it is in neither leg's instrument."""
        leg = self.leg_of(contract)
        if leg is None or not self.ours(execution.acctNumber):
            return None
        if execution.orderRef and execution.permId:
            self.ref_of_perm_id[execution.permId] = execution.orderRef
        return events.Execution(
            exec_id=execution.execId,
            ref=execution.orderRef or "",
            perm_id=execution.permId,
            leg=leg,
            side=1 if execution.side == "BOT" else -1,
            quantity=round(execution.shares),
            price=execution.price,
            ts_ns=_instant_ns(execution.time),
        )

    @_heard
    def _position(self, account: str, contract: IbContract, posSize: float, avgCost: float) -> None:  # noqa: N803
        """A position, in a response or after a change."""
        leg = self.leg_of(contract)
        if leg is not None and self.ours(account):
            self._sink(events.PositionChanged(events.PositionLine(leg, contract.conId, round(posSize))))

    @_heard
    def _commissionReport(self, commissionReport: IbCommissionReport) -> None:  # noqa: N802, N803
        """A commission; the library keeps only those whose execution it knows."""
        self._sink(
            events.Commission(
                commissionReport.execId, commissionReport.commission, commissionReport.currency
            )
        )

    # --- errors and time --------------------------------------------------------------------------------

    @_heard
    def _error(self, reqId: int, errorCode: int, errorString: str, advanced: str = "") -> None:  # noqa: N803
        """The broker's error messages: links, farms, data permissions, orders, and plain information."""
        text = f"{errorCode}: {printable(errorString)}"
        if errorCode in codes.CONNECTION_DROPPED | codes.SERVER_LOST | codes.SERVER_BACK:
            self._on_link(errorCode, text)
        elif errorCode in codes.FARM_BROKEN | codes.FARM_FINE:
            self._sink(events.Farm(errorCode in codes.FARM_FINE, errorCode, text))
        elif codes.is_read_only(errorCode, errorString):
            self.read_only = True
            self.last_error = text
            self._on_read_only()
        elif (leg := self._leg_of_request(reqId)) is not None:
            if errorCode in codes.NO_DATA | codes.DELAYED_DATA:
                self._sink(events.DataType(leg, 3 if errorCode in codes.DELAYED_DATA else 0, text))
            _log.warning("Market data of %s: %s", self._pair.symbol(leg), text)
        elif reqId in self.ref_of_order_id:
            self._sink(events.OrderError(self.ref_of_order_id[reqId], errorCode, printable(errorString)))
        elif errorCode not in codes.ORDER_NOTICES | codes.FARM_IDLE:
            self.last_error = text
            _log.warning("The broker says %s", text)


def _instant_ns(time: datetime) -> int:
    """A library's aware datetime as UTC nanoseconds, without rounding through a float."""
    moment = time.astimezone(timezone.utc)
    day = int(moment.toordinal()) - 719_163
    seconds = (day * 24 + moment.hour) * 3_600 + moment.minute * 60 + moment.second
    return int(seconds) * 10**9 + int(moment.microsecond) * 1_000
