"""One connection to TWS or IB Gateway, over ``ib_insync`` or ``ib_async``: the only file that imports either.

A shell. Owns the connection, the contracts of both legs, subscriptions, and the translation of the desk's
commands into the library's calls; ``listener`` translates the broker's messages. It decides nothing. It never
relies on a status that a library inferred: each request goes to the broker, and its response is used.
"""

import asyncio
import contextlib
import importlib
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from arbcore.broker.broker_times import REMEDY, Zones
from arbcore.broker.carry_settings import LIBRARIES, IbkrSettings
from arbcore.broker.ib_library import IbContract, IbContractDetails, IbLibrary, IbOrder
from arbcore.broker.listener import (
    CLOCK_CON_ID,
    CLOCK_SYMBOL,
    NOT_TO_BE_LOST,
    DecoderListener,
    RowEnd,
    Sink,
)
from arbcore.carry.pairs import ETF, FUT
from arbcore.core.civil import NS_PER_HOUR, NS_PER_MINUTE, day_of, is_date, iso_time, new_york_to_utc
from arbcore.core.text import printable
from arbcore.desk import codes, commands, events
from arbcore.desk.hours import read_hours
from arbcore.desk.records import LIMIT, OrderRow
from arbcore.errors import ConfigError, ConnectError, InputError, ReadOnlyError, RunError

_log = logging.getLogger(__name__)

SHORTABLE_TICKS = "236"
#: The API's value for a number that is not set.
UNSET = 1.7e308
LIVE_DATA = 1
CANCEL_AGAIN_S = 0.05
ABSENT = "{} is not installed"
#: The broker's own limit is 20 orders on each side of a contract; the desk has far fewer.
ACTIVE_ORDERS_MAX = 20
READ_ONLY = (
    "TWS refuses orders because its API is set to Read-Only: untick Read-Only API under Global "
    "Configuration, API, Settings, then start again."
)
#: Messages that must be noticed even if the library cannot read them: numbers and the wrapper's callbacks.
_GUARDED = {3: "orderStatus", 5: "openOrder", 11: "execDetails", 59: "commissionReport", 61: "position"}
_EXECUTION, _TIME_FIELD = 11, 15


def load_library(wanted: str) -> IbLibrary:
    """Loads the chosen library, or an installed one, ``ib_insync`` first. Raises ConfigError without one."""
    failures = []
    for name in (wanted,) if wanted else LIBRARIES:
        library, failure = _import(name)
        if library is not None:
            return library
        failures.append(failure)
    why = " and ".join(failures)
    if failures == [ABSENT.format(name) for name in LIBRARIES]:
        why = f"neither {' nor '.join(LIBRARIES)} is installed"
    raise ConfigError(
        f"The carry bot needs a library for Interactive Brokers, and {why}; install it with "
        "`pip install '.[ibkr]'` in the checkout (or '.[ibkr-async]')."
    )


def _import(name: str) -> tuple[IbLibrary | None, str]:
    """The library and an empty text, or None and why it cannot be imported."""
    try:
        library: IbLibrary = importlib.import_module(name)
        return library, ""
    except ModuleNotFoundError as error:
        return None, ABSENT.format(name) if error.name == name else f"{name} lacks {error.name}"
    except Exception as error:  # noqa: BLE001  ib_insync's import itself fails on Python 3.14.
        return None, f"{name} does not work here ({printable(str(error))})"


@dataclass(frozen=True, slots=True)
class ContractLeg:
    """A resolved contract: the library's object, and the desk's event in ``told``."""

    contract: IbContract
    told: events.ContractFound


class IbLink:
    """One connection. After a loss the run makes a new object; nothing of the old one is reused."""

    def __init__(
        self,
        library: IbLibrary,
        settings: IbkrSettings,
        *,
        sink: Sink,
        on_link: Callable[[int, str], None],
        on_lost: Callable[[str], None],
        on_row: Callable[[RowEnd], None],
        on_trouble: Callable[[Exception], None],
    ) -> None:
        self.settings = settings
        self._library = library
        self._ib = library.IB()
        # Make the library raise errors instead of returning empty lists.
        self._ib.RaiseRequestErrors = True
        self.listener = DecoderListener(
            self._ib.wrapper, settings.pair, sink=sink,
            on_link=on_link, on_row=on_row, on_trouble=on_trouble, on_read_only=self._read_only,
        )  # fmt: skip
        self._ib.client.decoder.wrapper = self.listener
        self.zones = Zones()
        self._greeting = ""
        self._ib.client.conn.hasData += self._greeted
        for number, callback in _GUARDED.items():
            self._guard(number, NOT_TO_BE_LOST[callback])
        self._on_lost = on_lost
        self._on_trouble = on_trouble
        #: Ends a log-in early; None while there is none.
        self._hang_up: Callable[[], None] | None = None
        # The libraries support one open request of each kind.
        self._asking_time = asyncio.Lock()
        self._ib.client.apiEnd += self._lost
        self.account = ""
        self.legs: dict[str, ContractLeg] = {}
        # By the broker's contract id, because an order may be in an earlier contract than its leg's present
        # one.
        self._contracts: dict[int, IbContract] = {}
        self._subscribed: dict[str, IbContract] = {}

    def _lost(self) -> None:
        self._on_lost("the connection to TWS was closed")

    def _read_only(self) -> None:
        if self._hang_up is not None:
            self._hang_up()
        elif not self.listener.muted:
            self._on_trouble(ReadOnlyError(READ_ONLY))

    def choose(self, account: str) -> None:
        """Sets the account that is ours; messages about other accounts are ignored."""
        self.account = self.listener.account = account

    # --- messages that the library must not lose --------------------------------------------------------

    def _greeted(self, data: bytes) -> None:
        """Reads TWS's own clock from the greeting, which the library ignores."""
        self._ib.client.conn.hasData -= self._greeted
        fields = data[4:].decode(errors="backslashreplace").split("\0")
        if len(fields) == 3:
            self._greeting = fields[1]
            # Exact enough for zones, which differ by quarters of an hour.
            self.zones.learn(self._greeting, time.time_ns())

    def _guard(self, number: int, what: str) -> None:
        """Notices messages that cannot be read: both libraries only log a line and go on."""
        handlers = self._ib.client.decoder.handlers
        read = handlers[number]

        def guarded(fields: list[str]) -> None:
            before = self.listener.heard
            try:
                read(self._dated(fields) if number == _EXECUTION else fields)
            except Exception as error:  # noqa: BLE001  Any error means that the message is lost.
                _log.warning("The library cannot read %s (%s).", what, printable(str(error)))
            if self.listener.heard == before:
                self.listener.undecoded(what)

        handlers[number] = guarded

    def _dated(self, fields: list[str]) -> list[str]:
        """Rewrites an execution's time as seconds since 1970, which both libraries read on any machine."""
        if len(fields) <= _TIME_FIELD:
            return fields
        try:
            seconds = self.zones.instant_ns(fields[_TIME_FIELD]) // 10**9
        except InputError as error:
            # Only its time is unknown: the execution is of now, or of earlier today.
            _log.error("%s The execution is counted with the time at which it arrived.", error)
            seconds = int(time.time())
        return [*fields[:_TIME_FIELD], str(seconds), *fields[_TIME_FIELD + 1 :]]

    def zone_fault(self) -> str:
        """One sentence if times of this log-in may be read wrong; else empty."""
        if not self.zones.login or self.zones.known(self.zones.login):
            return ""
        return (
            f"TWS is logged in with the zone '{printable(self.zones.login, 40)}', which this machine does "
            f"not know, so the bot reads its times by the difference of the two clocks; {REMEDY}."
        )

    # --- connecting -------------------------------------------------------------------------------------

    async def connect(self) -> tuple[str, ...]:
        """Connects and returns the accounts. Raises ConnectError, with one sentence, if that fails."""
        chosen = self.settings
        where = f"{printable(chosen.host)} port {chosen.port}"
        try:
            await self._joined()
        except ConnectionRefusedError:
            raise ConnectError(
                f"Nothing listens at {where}: start TWS or IB Gateway, allow API connections in its settings "
                "and check IB_PORT (7497 paper TWS, 7496 live TWS, 4002 paper Gateway, 4001 live Gateway); "
                "`arbcore ibkr --paper --simulate` needs no TWS."
            ) from None
        except (TimeoutError, asyncio.TimeoutError):
            raise ConnectError(self._timed_out(where)) from None
        except ReadOnlyError:
            raise
        except (OSError, ConnectionError) as error:
            if self._client_id_taken:
                raise ConnectError(self._timed_out(where)) from None
            raise ConnectError(
                f"The connection to {where} failed ({printable(str(error))}){self._hint()}; check IB_HOST, "
                "IB_PORT and that TWS allows API connections from this machine."
            ) from None
        except Exception as error:  # noqa: BLE001  RequestError of either library, in one of its questions.
            if self.listener.read_only:
                raise ReadOnlyError(READ_ONLY) from None
            raise ConnectError(f"The log-in at {where} failed ({printable(str(error))}).") from None
        return tuple(self._ib.client.getAccounts())

    async def _joined(self) -> None:
        """Logs in, and ends early if TWS closes the connection; both libraries would wait for a time-out."""
        chosen = self.settings
        hung_up: asyncio.Future[object] = asyncio.get_running_loop().create_future()

        def gone(_: str = "") -> None:
            if not hung_up.done():
                hung_up.set_result(None)

        self._hang_up = gone
        ended = self._ib.client.conn.disconnected
        ended += gone
        joined: asyncio.Future[object] = asyncio.ensure_future(
            self._ib.connectAsync(
                chosen.host, chosen.port, clientId=chosen.client_id, timeout=chosen.connect_timeout_s
            )
        )
        try:
            await asyncio.wait({joined, hung_up}, return_when=asyncio.FIRST_COMPLETED)
            if self.listener.read_only:
                raise ReadOnlyError(READ_ONLY)
            if not joined.done():
                raise ConnectionError("TWS closed the connection during the log-in")
            joined.result()
        finally:
            ended -= gone
            self._hang_up = None
            # A cancel may be lost: before Python 3.12 wait_for drops one that comes as its awaitable ends.
            while not joined.done():
                joined.cancel()
                await asyncio.wait({joined}, timeout=CANCEL_AGAIN_S)
            if not joined.cancelled():
                joined.exception()

    @property
    def _client_id_taken(self) -> bool:
        return any(self.listener.last_error.startswith(f"{code}:") for code in codes.CLIENT_ID_IN_USE)

    def _timed_out(self, where: str) -> str:
        if self._client_id_taken:
            return (
                f"The client id {self.settings.client_id} is already in use at {where}; stop the other "
                "program or set IB_CLIENT_ID."
            )
        return (
            f"{where} did not answer as TWS within {self.settings.connect_timeout_s:g} s{self._hint()}; "
            "check that it is TWS or IB Gateway, logged in, with API connections allowed."
        )

    def _hint(self) -> str:
        return f", after the error {self.listener.last_error}" if self.listener.last_error else ""

    @property
    def connected(self) -> bool:
        return bool(self._ib.client.isReady())

    def disconnect(self) -> None:
        """Ends the connection; no more events come from it."""
        # Ignore what is left in the buffer: it is out of date, and the library may have invented it.
        self.listener.muted = True
        self._ib.client.apiEnd -= self._lost
        self._ib.client.disconnect()

    def unthrottled(self) -> None:
        """Lifts the library's limit of 45 messages a second, which a replay exceeds."""
        self._ib.client.MaxRequests = 0

    async def clock_ns(self, timeout_s: float) -> int:
        """The broker's clock, whole seconds as UTC nanoseconds. Raises ConnectError without a response.

        Each call sends a new request, so everything that the broker sent before its response has been read.
        """
        async with self._asking_time:
            try:
                answer = await asyncio.wait_for(self._ib.reqCurrentTimeAsync(), timeout_s)
            except (TimeoutError, asyncio.TimeoutError):
                raise ConnectError(f"TWS did not send its time within {timeout_s:g} s.") from None
            except ConnectionError as error:
                raise ConnectError(
                    f"The connection was lost again at once ({printable(str(error))})."
                ) from None
        utc_ns = int(answer.timestamp()) * 10**9
        if self._greeting:
            self.zones.learn(self._greeting, utc_ns)
            self._greeting = ""
        return utc_ns

    # --- contracts and data -----------------------------------------------------------------------------

    async def resolve(
        self, *, expires_after_ns: int, con_id: int = 0, expiry_ns: int | None = None, timeout_s: float
    ) -> tuple[ContractLeg, ContractLeg]:
        """Both legs' contracts, the future first: the one with ``con_id``, of an expiry, or the front one.

        Raises RunError if a contract does not exist or contradicts the settings.
        """
        chosen = self.settings
        future = self._library.Contract(
            secType="FUT", symbol=chosen.pair.future, exchange=chosen.future_exchange,
            currency=chosen.future_currency, includeExpired=bool(con_id or expiry_ns),
        )  # fmt: skip
        fund = self._library.Contract(
            secType="STK", symbol=chosen.pair.etf, exchange=chosen.fund_exchange,
            currency=chosen.fund_currency,
        )  # fmt: skip
        futures = await self._details(future, f"the future {chosen.pair.future}", timeout_s)
        funds = await self._details(fund, f"the fund {chosen.pair.etf}", timeout_s)
        fut = self._future_leg(
            futures, expires_after_ns=expires_after_ns, con_id=con_id,
            expiry_ns=chosen.expiry_ns if expiry_ns is None else expiry_ns,
        )  # fmt: skip
        if len(funds) != 1:
            raise RunError(
                f"{chosen.pair.etf} at {chosen.fund_exchange} matches {len(funds)} contracts; set "
                "SPY_EXCHANGE."
            )
        etf = _leg(ETF, funds[0], expiry_ns=None, multiplier=1.0)
        self.listener.fund_con_id = etf.told.con_id
        self.legs = {FUT: fut, ETF: etf}
        self._contracts.update((leg.told.con_id, leg.contract) for leg in (fut, etf))
        return fut, etf

    async def _details(self, contract: IbContract, what: str, timeout_s: float) -> list[IbContractDetails]:
        try:
            found = await asyncio.wait_for(self._ib.reqContractDetailsAsync(contract), timeout_s)
        except (TimeoutError, asyncio.TimeoutError):
            raise RunError(f"The broker did not send the details of {what} in {timeout_s:g} s.") from None
        except Exception as error:  # noqa: BLE001  RequestError of either library, or a lost connection.
            raise RunError(f"The broker does not know {what} ({printable(str(error))}).") from None
        if not found:
            raise RunError(f"The broker knows no contract for {what}; check its symbol and exchange.")
        return list(found)

    def _future_leg(
        self, found: Sequence[IbContractDetails], *, expires_after_ns: int, con_id: int, expiry_ns: int | None
    ) -> ContractLeg:
        chosen = self.settings
        pair = chosen.pair
        by_expiry = sorted(((_expiry_ns(details), details) for details in found), key=lambda each: each[0])
        if con_id:
            fits = [each for each in by_expiry if each[1].contract.conId == con_id]
            wanted = f"the contract {con_id} of the open position"
        elif expiry_ns is not None:
            fits = [each for each in by_expiry if each[0] == expiry_ns]
            wanted = f"a contract that expires at {iso_time(expiry_ns)}"
        else:
            fits = [each for each in by_expiry if each[0] > expires_after_ns][chosen.front_offset :]
            wanted = "a contract far enough out for FUT_FRONT_MONTH_OFFSET"
        if not fits:
            raise RunError(
                f"The broker lists {len(found)} contracts of {pair.future}, none of them {wanted}."
            )
        own_expiry_ns, details = fits[0]
        if not math.isclose(float(details.contract.multiplier or 0), pair.multiplier):
            raise RunError(
                f"{details.contract.localSymbol} has the multiplier {details.contract.multiplier} and "
                f"{pair.future} has {pair.multiplier:g}, so it is the wrong contract; check FUT_SYMBOL and "
                "FUT_EXCHANGE."
            )
        return _leg(FUT, details, expiry_ns=own_expiry_ns, multiplier=pair.multiplier)

    def subscribe(self) -> None:
        """Subscribes to both legs' market data, live only."""
        self._ib.reqMarketDataType(LIVE_DATA)
        for leg in self.legs:
            self._subscribe(leg)

    def _subscribe(self, leg: str) -> None:
        self.listener.forget_quotes(leg)
        self._subscribed[leg] = contract = self.legs[leg].contract
        self._ib.reqMktData(contract, SHORTABLE_TICKS if leg == ETF else "")

    def resubscribe(self, leg: str) -> None:
        """Cancels a leg's market data and subscribes again."""
        self._ib.cancelMktData(self._subscribed[leg])
        self._subscribe(leg)

    def subscribe_clock(self) -> None:
        """Subscribes to our own gateway's clock; after ``subscribe``, so that each row's end comes last."""
        clock = self._library.Contract(
            secType="IND", conId=CLOCK_CON_ID, symbol=CLOCK_SYMBOL, exchange="ARBCORE", currency="USD"
        )
        self._ib.reqMktData(clock, "")

    def row_done(self, row: int) -> None:
        """Tells our own gateway that the desk has finished with a row."""
        self._ib.client.updateDisplayGroup(0, str(row))

    # --- orders -----------------------------------------------------------------------------------------

    def place(self, row: OrderRow) -> None:
        """Sends one order, once. Raises ConnectionError if the connection is gone."""
        order_id = self._ib.client.getReqId()
        # Register the order before it is sent: its first message may be an error.
        self.listener.ref_of_order_id[order_id] = row.ref
        order = self._order(row.side, row.quantity, kind=row.kind, tif=row.tif)
        order.orderId = order_id
        order.orderRef = row.ref
        if row.kind == LIMIT:
            order.lmtPrice = row.limit
        self._ib.placeOrder(self._contracts[row.con_id], order)

    def _order(self, side: int, quantity: int, *, kind: str, tif: str) -> IbOrder:
        return self._library.Order(
            action="BUY" if side > 0 else "SELL", totalQuantity=quantity, orderType=kind, tif=tif,
            account=self.account, transmit=True, outsideRth=False,
        )  # fmt: skip

    def cancel(self, ref: str, perm_id: int) -> bool:
        """Sends a cancel for an order; False if its id is not known on this connection."""
        for trade in list(self._ib.wrapper.trades.values()):
            order = trade.order
            if order.orderRef == ref or (perm_id and order.permId == perm_id):
                self._ib.client.cancelOrder(order.orderId, "")
                return True
        return False

    def cancel_everything(self) -> None:
        """Sends cancels for this connection's latest orders; the broker ignores those that are over.

        Sends at most the number of orders that may work at a time: more would wait in the library for ever.
        """
        for order_id in list(self.listener.ref_of_order_id)[: -ACTIVE_ORDERS_MAX - 1 : -1]:
            self._ib.client.cancelOrder(order_id, "")

    # --- requests ---------------------------------------------------------------------------------------

    async def answer(self, asked: commands.Ask, *, timeout_s: float) -> events.Event:
        """The broker's response to one of the desk's requests, or ``QueryFailed``; never raises."""
        ask = {
            commands.OPEN_ORDERS: self._open_orders, commands.EXECUTIONS: self._executions,
            commands.POSITIONS: self._positions, commands.MARGIN: self._margin,
        }[asked.kind]  # fmt: skip
        unread = self.listener.unread
        try:
            answer = await ask(asked, timeout_s)
            if self.listener.unread != unread:
                return events.QueryFailed(asked.query, f"{asked.kind}: a part of the response is unreadable")
            return answer
        except (TimeoutError, asyncio.TimeoutError):
            return events.QueryFailed(asked.query, f"{asked.kind}: no response within {timeout_s:g} s")
        except Exception as error:  # noqa: BLE001  Any error of the library means that there is no response.
            what = printable(str(error)) or type(error).__name__
            return events.QueryFailed(asked.query, f"{asked.kind}: {what}")

    async def _open_orders(self, asked: commands.Ask, timeout_s: float) -> events.Event:
        self.listener.open_orders.clear()
        await asyncio.wait_for(self._ib.reqAllOpenOrdersAsync(), timeout_s)
        return events.OpenOrders(asked.query, tuple(self.listener.open_orders.values()))

    async def _executions(self, asked: commands.Ask, timeout_s: float) -> events.Event:
        chosen = self._library.ExecutionFilter(acctCode=self.account)
        fills = await asyncio.wait_for(self._ib.reqExecutionsAsync(chosen), timeout_s)
        found = [self.listener.execution(fill.contract, fill.execution) for fill in fills]
        reports = tuple(
            events.Commission(report.execId, report.commission, report.currency)
            for report in (fill.commissionReport for fill in fills)
            if report.execId
        )
        return events.Executions(asked.query, tuple(one for one in found if one is not None), reports)

    async def _positions(self, asked: commands.Ask, timeout_s: float) -> events.Event:
        found = await asyncio.wait_for(self._ib.reqPositionsAsync(), timeout_s)
        # A position that changes during the request comes once more, and the last one counts.
        lines: dict[int, events.PositionLine] = {}
        for position in found:
            leg, con_id = self.listener.leg_of(position.contract), position.contract.conId
            if position.account == self.account and leg is not None:
                lines[con_id] = events.PositionLine(leg, con_id, round(position.position))
        return events.Positions(asked.query, tuple(line for line in lines.values() if line.quantity))

    async def _margin(self, asked: commands.Ask, timeout_s: float) -> events.Event:
        """Sends a whatIf for each leg alone; the sum of both is at least the pair's margin."""
        changes, equity, before = 0.0, math.inf, 0.0
        for leg, side, quantity in ((FUT, asked.side, asked.contracts), (ETF, -asked.side, asked.shares)):
            order = self._order(side, quantity, kind="MKT", tif="DAY")
            state = await asyncio.wait_for(
                self._ib.whatIfOrderAsync(self.legs[leg].contract, order), timeout_s
            )
            change, after = _number(state.initMarginChange), _number(state.equityWithLoanAfter)
            held = _number(state.initMarginBefore)
            # Before ``max``, which drops a NaN that comes second.
            if math.isnan(change + after + held):
                symbol = self.settings.pair.symbol(leg)
                return events.QueryFailed(asked.query, f"the whatIf of the {symbol} order has no figures")
            before = max(before, held)
            changes += max(0.0, change)
            equity = min(equity, after)
        needed = before + changes
        unit = f" {currency}" if (currency := self._base_currency()) else ""
        sentence = f"the pair needs {needed:,.0f}{unit} of margin and the account has {equity:,.0f}{unit}"
        return events.Margin(asked.query, needed <= equity, sentence)


    def _base_currency(self) -> str:
        """The currency of margin and account values; empty if the broker did not send it."""
        for value in self._ib.accountValues(self.account):
            if value.tag == "NetLiquidation" and value.currency not in ("", "BASE"):
                return printable(value.currency, 8)
        return ""


def _leg(leg: str, details: IbContractDetails, *, expiry_ns: int | None, multiplier: float) -> ContractLeg:
    told = events.ContractFound(
        leg=leg,
        con_id=details.contract.conId,
        min_tick=details.minTick,
        liquid_hours=read_hours(details.liquidHours, details.timeZoneId),
        trading_hours=read_hours(details.tradingHours, details.timeZoneId),
        expiry_ns=expiry_ns,
        multiplier=multiplier,
    )
    return ContractLeg(details.contract, told)


def _expiry_ns(details: IbContractDetails) -> int:
    """09:30 New York of the contract's own last day, which overrides the calendar's rule."""
    text = (details.realExpirationDate or details.contract.lastTradeDateOrContractMonth or "")[:8]
    if len(text) == 8 and text.isascii() and text.isdigit():
        date = int(text[:4]), int(text[4:6]), int(text[6:])
        if is_date(*date):
            return new_york_to_utc(day_of(*date), 9 * NS_PER_HOUR + 30 * NS_PER_MINUTE)
    raise RunError(
        f"The broker gives {printable(details.contract.localSymbol)} the expiry '{printable(text)}', which "
        "is not a date."
    )


def _number(text: str) -> float:
    """A margin figure, which the API writes as text; NaN if it is not set."""
    with contextlib.suppress(TypeError, ValueError):
        value = float(text)
        if abs(value) < UNSET:
            return value
    return math.nan
