"""The types of ``ib_insync`` and ``ib_async`` that the carry bot uses: both libraries have these names.

This module runs nothing and imports neither library; ``ib_link`` does. Names are those of the libraries.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing_extensions import Self


class IbContract(Protocol):
    """A contract of the library."""

    secType: str
    symbol: str
    conId: int
    localSymbol: str
    multiplier: str
    lastTradeDateOrContractMonth: str


class IbContractDetails(Protocol):
    """The broker's details of a contract."""

    contract: IbContract
    minTick: float
    liquidHours: str
    tradingHours: str
    timeZoneId: str
    realExpirationDate: str


class IbOrder(Protocol):
    """An order, ours or another program's."""

    orderId: int
    permId: int
    orderRef: str
    account: str
    whatIf: bool
    lmtPrice: float | None


class IbOrderState(Protocol):
    """The status of an order, and its margin figures, which the API writes as text."""

    status: str
    initMarginBefore: str
    initMarginChange: str
    equityWithLoanAfter: str


class IbExecution(Protocol):
    """One execution."""

    execId: str
    orderRef: str
    permId: int
    acctNumber: str
    side: str
    shares: float
    price: float
    time: datetime


class IbCommissionReport(Protocol):
    """The commission of an execution."""

    execId: str
    commission: float
    currency: str


class IbFill(Protocol):
    """An execution with its contract and commission."""

    contract: IbContract
    execution: IbExecution
    commissionReport: IbCommissionReport


class IbPosition(Protocol):
    """A position of an account."""

    account: str
    contract: IbContract
    position: float


class IbTicker(Protocol):
    """A subscription to a contract's market data."""

    contract: IbContract


class IbTrade(Protocol):
    """An order that the library knows."""

    order: IbOrder


class IbAccountValue(Protocol):
    """One figure of an account."""

    tag: str
    currency: str


class IbEvent(Protocol):
    """An event of the library, to which callbacks are added."""

    def __iadd__(self, callback: Callable[..., object], /) -> Self:
        """Adds a callback."""

    def __isub__(self, callback: Callable[..., object], /) -> Self:
        """Removes a callback."""


class IbConnection(Protocol):
    """The library's socket."""

    hasData: IbEvent
    disconnected: IbEvent


class IbDecoder(Protocol):
    """Calls the wrapper for each message; ``handlers`` are by the message's number."""

    wrapper: object
    handlers: dict[int, Callable[[list[str]], None]]


class IbWrapper(Protocol):
    """Takes the decoded messages; the decoder looks callbacks up by name."""

    clientId: int
    reqId2Ticker: Mapping[int, IbTicker]
    trades: Mapping[object, IbTrade]


class IbClient(Protocol):
    """The part of the library that writes requests."""

    conn: IbConnection
    decoder: IbDecoder
    apiEnd: IbEvent
    MaxRequests: int

    def getReqId(self) -> int:
        """The next request's id."""

    def getAccounts(self) -> Sequence[str]:
        """The accounts of the login."""

    def isReady(self) -> bool:
        """Whether the login is complete."""

    def disconnect(self) -> None:
        """Closes the connection."""

    def cancelOrder(self, order_id: int, time: str, /) -> None:
        """Cancels an order."""

    def updateDisplayGroup(self, request: int, contract: str, /) -> None:
        """Sends a text; a replaying gateway takes it as the number of a row."""


class IbApi(Protocol):
    """One connection: an ``IB`` of the library."""

    client: IbClient
    wrapper: IbWrapper
    RaiseRequestErrors: bool

    def connectAsync(
        self, host: str, port: int, clientId: int, *, timeout: float
    ) -> Awaitable[object]:
        """Connects and logs in."""

    def reqCurrentTimeAsync(self) -> Awaitable[datetime]:
        """The broker's clock, whole seconds."""

    def reqContractDetailsAsync(self, contract: IbContract, /) -> Awaitable[Sequence[IbContractDetails]]:
        """Every contract that matches."""

    def reqAllOpenOrdersAsync(self) -> Awaitable[object]:
        """Requests the open orders of every client."""

    def reqExecutionsAsync(self, chosen: object, /) -> Awaitable[Sequence[IbFill]]:
        """The day's executions that match a filter."""

    def reqPositionsAsync(self) -> Awaitable[Sequence[IbPosition]]:
        """Every position of the login's accounts."""

    def whatIfOrderAsync(self, contract: IbContract, order: IbOrder, /) -> Awaitable[IbOrderState]:
        """The margin that an order would need; sends no order to the market."""

    def accountValues(self, account: str) -> Sequence[IbAccountValue]:
        """The account's figures as the library knows them."""

    def reqMarketDataType(self, kind: int, /) -> None:
        """Chooses live (1), frozen (2), delayed (3) or delayed and frozen (4) quotes."""

    def reqMktData(self, contract: IbContract, ticks: str, /) -> object:
        """Begins a subscription."""

    def cancelMktData(self, contract: IbContract, /) -> object:
        """Ends a subscription."""

    def placeOrder(self, contract: IbContract, order: IbOrder, /) -> object:
        """Sends an order."""


class IbLibrary(Protocol):
    """``ib_insync`` or ``ib_async``. Contracts, orders and filters take their fields by keyword."""

    __name__: str
    __version__: str
    IB: Callable[[], IbApi]
    Contract: Callable[..., IbContract]
    Order: Callable[..., IbOrder]
    ExecutionFilter: Callable[..., object]
