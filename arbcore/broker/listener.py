"""What the broker says, as the desk's events: a listener between a library's decoder and its wrapper.

The libraries' own objects lie at times: an error with an order's id marks a live order cancelled, unchanged
ticks are dropped, a disconnect wipes what was known. The decoded messages do not. This listener passes each
message on to the library and tells the desk what it meant. It imports no library; all that it is given is
duck-typed, and both libraries decode into the same names.
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

#: What an order is called that works no more.
_OVER = {"Filled", "Cancelled", "ApiCancelled"}

_BIDS, _ASKS = {1, 66}, {2, 67}
_BID_SIZES, _ASK_SIZES = {0, 69}, {3, 70}
_LAST, _VOLUME, _HALTED, _SHORTABLE_SHARES = 4, 8, 49, 89
#: The contract by which our own gateway tells of its clock and of its rows.
CLOCK_SYMBOL, CLOCK_CON_ID = "CLOCK", 2_000_000_001

Sink = Callable[[events.Event], None]
#: Messages that must not be lost where they cannot be read, by the wrapper's callback.
NOT_TO_BE_LOST = {
    "orderStatus": "the status of an order", "openOrder": "an open order", "execDetails": "an execution",
    "commissionReport": "a commission", "position": "a position",
}  # fmt: skip


#: Messages that are translated, by the name of the wrapper's callback.
_TRANSLATED: dict[str, Callable[..., None]] = {}


def _heard(translate: Callable[..., None]) -> Callable[..., None]:
    """Marks the translation of a message: ``_openOrder`` is told whatever the wrapper's ``openOrder`` is."""
    _TRANSLATED[translate.__name__[1:]] = translate
    return translate


@dataclass(frozen=True, slots=True)
class RowEnd:
    """A replaying gateway ended a row: its number (0: there are no more) and time, the expiry of the future
    that it quotes, and whether the data goes on with another one.
    """

    number: int
    ts_ns: int
    expiry_ns: int
    contract_ends: bool


class _Touch:
    """The best prices of one leg as last told; 0 where there is none, on which the desk does not trade."""

    __slots__ = ("ask", "ask_size", "bid", "bid_size", "leg")

    def __init__(self, leg: str) -> None:
        self.leg = leg
        self.bid = self.ask = self.bid_size = self.ask_size = 0.0

    def quote(self) -> events.Quote:
        return events.Quote(self.leg, self.bid, self.ask, self.bid_size, self.ask_size)


class DecoderListener:
    """Stands in for the wrapper of one connection. ``pair`` is what is traded.

    ``sink`` takes events; ``on_link`` is called with a code and its text when the broker's own link is lost
    or back; ``on_row`` when a replaying gateway ends a row; ``on_trouble`` with an exception that a message
    led to; ``on_read_only`` when the broker refuses a request since its API is set to Read-Only.
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
        #: The fund's contract, once resolved: other exchanges list shares of the same symbol.
        self.fund_con_id = 0
        # Whose order an id is: ids of this connection, and the broker's own, which never change.
        self.ref_of_order_id: dict[int, str] = {}
        self.ref_of_perm_id: dict[int, str] = {}
        #: openOrder messages since the last question, by permId: the answer.
        self.open_orders: dict[int, events.OpenOrder] = {}
        self.last_error = ""
        #: The one account that is traded, empty before it is chosen: what is of others is not ours.
        self.account = ""
        #: Messages that were translated, and messages about orders that could not be read.
        self.heard = self.unread = 0
        #: Nothing that still arrives on this connection counts.
        self.muted = False
        #: The broker refused a request since its API is set to Read-Only.
        self.read_only = False
        self._touches = {leg: _Touch(leg) for leg in LEGS}
        for name, translate in _TRANSLATED.items():
            setattr(self, name, functools.partial(self._hear, getattr(wrapper, name), translate))

    def _hear(
        self, passed_on: Callable[..., None], translate: Callable[..., None], *arguments: object
    ) -> None:
        """The library hears a message first; then it is translated. What goes wrong there is never swallowed.

        (The decoder logs an exception and goes on, which would lose an execution.)
        """
        self.heard += 1
        try:
            passed_on(*arguments)
        except Exception:  # noqa: BLE001  What the library makes of it is not ours to lose a message for.
            _log.exception("The library fails over a message; it is translated all the same.")
        if self.muted:
            return
        try:
            translate(self, *arguments)
        except Exception as error:  # noqa: BLE001  A message that cannot be understood must be known of.
            what = NOT_TO_BE_LOST.get(translate.__name__[1:])
            if what is None:
                self._on_trouble(error)
            else:
                _log.warning("The broker sent %s that cannot be read (%s).", what, printable(str(error)))
                self.undecoded(what)

    def undecoded(self, what: str) -> None:
        """A message came that the library could not read."""
        self.unread += 1
        if not self.muted:
            self._sink(events.Undecoded(what))

    def ours(self, account: str) -> bool:
        """Whether something is of the account that is traded; what names none is."""
        return not (account and self.account) or account == self.account

    def touch(self, leg: str) -> events.Quote:
        """The best prices of a leg as they were told last; 0 where there is none."""
        return self._touches[leg].quote()

    def __getattr__(self, name: str) -> object:
        """Whatever else the library asks of its wrapper."""
        return getattr(self._wrapper, name)

    # --- market data ------------------------------------------------------------------------------------

    def forget_quotes(self, leg: str) -> None:
        """A new subscription begins: what was told before is over."""
        self._touches[leg] = _Touch(leg)

    def _leg_of_request(self, request: int) -> str | None:
        ticker = self._wrapper.reqId2Ticker.get(request)
        return None if ticker is None else self.leg_of(ticker.contract)

    def leg_of(self, contract: IbContract) -> str | None:
        """The leg that a contract is, whatever its expiry; None where it is neither."""
        if contract.secType == "FUT" and contract.symbol == self._pair.future:
            return FUT
        return ETF if contract.secType == "STK" and contract.conId == self.fund_con_id else None

    def _is_clock(self, request: int) -> bool:
        """Whether a request is that for the clock of a replaying gateway."""
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
        # The broker writes -1 where there is no price on that side.
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
        """Halts among others."""
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
        """An order that works, of whoever placed it; also the answer to a whatIf."""
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
        """One execution as it happens; those of an answer come with the answer."""
        told = self.execution(contract, execution) if reqId < 0 else None
        if told is not None:
            self._sink(told)

    def execution(self, contract: IbContract, execution: IbExecution) -> events.Execution | None:
        """A library's execution as an event; None where it is in neither leg's instrument."""
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
        """A position, in an answer or since somebody changed it."""
        leg = self.leg_of(contract)
        if leg is not None and self.ours(account):
            self._sink(events.PositionChanged(events.PositionLine(leg, contract.conId, round(posSize))))

    @_heard
    def _commissionReport(self, commissionReport: IbCommissionReport) -> None:  # noqa: N802, N803
        """What an execution cost; the library keeps only those it knows the execution of."""
        self._sink(
            events.Commission(
                commissionReport.execId, commissionReport.commission, commissionReport.currency
            )
        )

    # --- errors and time --------------------------------------------------------------------------------

    @_heard
    def _error(self, reqId: int, errorCode: int, errorString: str, advanced: str = "") -> None:  # noqa: N803
        """Everything the broker calls an error: links, farms, data rights, orders, and plain information."""
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
    """A library's aware datetime as UTC nanoseconds, without the detour over a float."""
    moment = time.astimezone(timezone.utc)
    day = int(moment.toordinal()) - 719_163
    seconds = (day * 24 + moment.hour) * 3_600 + moment.minute * 60 + moment.second
    return int(seconds) * 10**9 + int(moment.microsecond) * 1_000
