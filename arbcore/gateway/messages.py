"""A client's requests: the fields of each request as one typed record, for server versions 100 to 178.

Owns the layouts that the unmodified clients encode, and the checks that make a record safe to use: whole
numbers in range, finite numbers, bounded text. It neither responds nor decides.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from arbcore.core.text import printable
from arbcore.errors import WireError

#: The supported versions. ``ibapi`` 9.81.1 goes up to 157, ib_insync to 176, ib_async to 178.
OLDEST_VERSION, NEWEST_VERSION = 100, 178
#: Before this version an order began with the version of its message.
VERSION_WITHOUT_ORDER_NUMBER = 145
#: From this version on orders have a modelCode.
VERSION_WITH_MODELS = 103
VERSION_WITH_CONDITIONS = 102
#: orderMiscOptions, solicited, randomizeSize, randomizePrice.
_BEFORE_CONDITIONS = 4
#: From this version on orders have no faProfile.
VERSION_WITHOUT_FA_PROFILE = 177
VERSION_WITH_PENDING_PRICE_REVISION = 178

#: The longest text of a client is its list of account tags, of some 600 characters.
TEXT_MAX = 4096
INT_MAX = 2**53
_FLOAT_MAX = 1e15


def agreed_version(lowest: int, highest: int) -> int | None:
    """The newest version that both sides speak; None if there is none."""
    version = min(highest, NEWEST_VERSION)
    return version if version >= max(lowest, OLDEST_VERSION) else None


@dataclass(frozen=True, slots=True)
class ContractQuery:
    """A client's description of a contract; any field may be empty."""

    con_id: int
    symbol: str
    sec_type: str
    last_trade: str
    right: str
    multiplier: str
    exchange: str
    primary_exchange: str
    currency: str
    local_symbol: str
    trading_class: str


@dataclass(frozen=True, slots=True)
class StartApi:
    client_id: int


@dataclass(frozen=True, slots=True)
class SubscribeQuotes:
    req_id: int
    contract: ContractQuery
    generic_ticks: str
    snapshot: bool


@dataclass(frozen=True, slots=True)
class CancelQuotes:
    req_id: int


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """An order to place, to change, or with ``what_if`` to preview. None means a number not given."""

    order_id: int
    contract: ContractQuery
    action: str
    quantity: float | None
    order_type: str
    limit: float | None
    aux: float | None
    tif: str
    oca_group: str
    account: str
    order_ref: str
    transmit: bool
    parent_id: int
    outside_rth: bool
    what_if: bool
    good_till: str = ""
    oca_type: int = 0
    #: The requested features that the gateway does not serve; empty if none.
    unserved: str = ""


@dataclass(frozen=True, slots=True)
class CancelOrder:
    order_id: int


@dataclass(frozen=True, slots=True)
class GlobalCancel:
    pass


@dataclass(frozen=True, slots=True)
class ReqOpenOrders:
    pass


@dataclass(frozen=True, slots=True)
class ReqAllOpenOrders:
    pass


@dataclass(frozen=True, slots=True)
class ReqCompletedOrders:
    pass


@dataclass(frozen=True, slots=True)
class ReqAccountUpdates:
    subscribe: bool
    account: str


@dataclass(frozen=True, slots=True)
class ReqAccountMulti:
    req_id: int
    account: str


@dataclass(frozen=True, slots=True)
class ReqAccountSummary:
    req_id: int
    tags: str


@dataclass(frozen=True, slots=True)
class ReqPositions:
    pass


@dataclass(frozen=True, slots=True)
class CancelPositions:
    pass


@dataclass(frozen=True, slots=True)
class ReqExecutions:
    req_id: int
    client_id: int
    account: str
    since: str
    symbol: str
    sec_type: str
    exchange: str
    side: str


@dataclass(frozen=True, slots=True)
class ReqIds:
    pass


@dataclass(frozen=True, slots=True)
class ReqManagedAccounts:
    pass


@dataclass(frozen=True, slots=True)
class ReqContractDetails:
    req_id: int
    contract: ContractQuery
    include_expired: bool


@dataclass(frozen=True, slots=True)
class ReqCurrentTime:
    pass


@dataclass(frozen=True, slots=True)
class SetMarketDataType:
    data_type: int


@dataclass(frozen=True, slots=True)
class RowDone:
    """A client has finished with a row (see ``arbcore.gateway``)."""

    row: int


@dataclass(frozen=True, slots=True)
class Ignored:
    """A request that needs no response: log levels, cancels of unserved requests, automatic binding."""

    name: str


Request = (
    StartApi | SubscribeQuotes | CancelQuotes | PlaceOrder | CancelOrder | GlobalCancel | ReqOpenOrders
    | ReqAllOpenOrders | ReqCompletedOrders | ReqAccountUpdates | ReqAccountMulti | ReqAccountSummary
    | ReqPositions | CancelPositions | ReqExecutions | ReqIds | ReqManagedAccounts | ReqContractDetails
    | ReqCurrentTime | SetMarketDataType | RowDone | Ignored
)  # fmt: skip


class Fields:
    """A cursor over a request's fields; every reader raises WireError for a malformed field."""

    def __init__(self, fields: list[str], version: int, at: int = 0) -> None:
        self._fields = fields
        self._at = at
        self.version = version

    @property
    def left(self) -> int:
        """The number of fields not read yet."""
        return len(self._fields) - self._at

    def text(self) -> str:
        if self._at >= len(self._fields):
            raise WireError("too_few", f"The request ends after {self._at} fields.")
        value = self._fields[self._at]
        if len(value) > TEXT_MAX:
            raise WireError(
                "too_long", f"Field {self._at} has {len(value)} characters; {TEXT_MAX} are taken."
            )
        self._at += 1
        return value

    def skip(self, count: int) -> None:
        for _ in range(count):
            self.text()

    def whole(self, default: int = 0) -> int:
        value = self.text()
        if not value:
            return default
        digits = value[1:] if value[0] == "-" else value
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 16 and int(digits) <= INT_MAX):
            raise self._wrong(value, "a whole number")
        return int(value)

    def number(self) -> float | None:
        value = self.text()
        if not value:
            return None
        try:
            number = float(value)
        except ValueError:
            raise self._wrong(value, "a number") from None
        if not (value.isascii() and abs(number) <= _FLOAT_MAX and "_" not in value):
            raise self._wrong(value, "a number in range")
        return number if math.isfinite(number) else None

    def flag(self) -> bool:
        value = self.text()
        if value not in {"", "0", "1"}:
            raise self._wrong(value, "0 or 1")
        return value == "1"

    def contract(self) -> ContractQuery:
        con_id, symbol, sec_type, last_trade = self.whole(), self.text(), self.text(), self.text()
        self.number()  # the strike
        return ContractQuery(con_id, symbol, sec_type, last_trade, *(self.text() for _ in range(7)))

    def _wrong(self, value: str, wanted: str) -> WireError:
        return WireError("field", f"Field {self._at - 1} is '{printable(value, 40)}', not {wanted}.")


def decode(fields: list[str], version: int) -> Request:
    """The request of a frame's fields. Raises WireError if it is malformed or unknown."""
    cursor = Fields(fields, version)
    number = cursor.whole(-1)
    reader = _READERS.get(number)
    if reader is not None:
        return reader(cursor)
    ignored = _IGNORED.get(number)
    if ignored is not None:
        return Ignored(ignored)
    raise WireError("unknown", f"There is no request number {printable(fields[0], 20)}.")


def _start_api(f: Fields) -> StartApi:
    f.skip(1)
    return StartApi(f.whole())


def _subscribe(f: Fields) -> SubscribeQuotes:
    f.skip(1)
    req_id, contract = f.whole(), f.contract()
    if contract.sec_type == "BAG":
        f.skip(4 * _count(f))
    if f.flag():
        f.skip(3)
    return SubscribeQuotes(req_id, contract, f.text(), f.flag())


def _count(f: Fields) -> int:
    count = f.whole()
    if not 0 <= count <= 100:
        raise WireError("field", f"A list of {count} entries is more than an order may have.")
    return count


def _place(f: Fields) -> PlaceOrder:
    if f.version < VERSION_WITHOUT_ORDER_NUMBER:
        f.skip(1)
    order_id, contract = f.whole(), f.contract()
    if contract.sec_type == "BAG":
        raise WireError("combination", "Combinations of legs are not served; order each leg by itself.")
    f.skip(2)  # secIdType, secId
    action, quantity, order_type, limit, aux = f.text(), f.number(), f.text(), f.number(), f.number()
    tif, oca_group, account = f.text(), f.text(), f.text()
    f.skip(2)  # openClose, origin
    order_ref, transmit, parent_id = f.text(), f.flag(), f.whole()
    f.skip(4)  # blockOrder, sweepToFill, displaySize, triggerMethod
    outside_rth = f.flag()
    f.skip(2)  # hidden, an empty field
    asks = {"discretionaryAmt": (f.number() or 0.0) > 0.0, "goodAfterTime": bool(f.text())}
    good_till = f.text()
    # faGroup, faMethod, faPercentage, [faProfile], [modelCode], shortSaleSlot to exemptCode
    f.skip(3 + (f.version < VERSION_WITHOUT_FA_PROFILE) + (f.version >= VERSION_WITH_MODELS) + 3)
    oca_type = f.whole()
    f.skip(2)  # rule80A, settlingFirm
    asks |= {"allOrNone": f.flag(), "minQty": (f.number() or 0.0) > 0.0}
    f.skip(13)  # percentOffset to volatilityType
    asks["deltaNeutralOrderType"] = _skip_delta_neutral(f)
    if asks["deltaNeutralOrderType"]:
        f.skip(8)
    f.skip(6)  # continuousUpdate to scaleSubsLevelSize
    increment = f.number()
    asks["scalePriceIncrement"] = increment is not None and increment > 0.0
    if asks["scalePriceIncrement"]:
        f.skip(7)
    f.skip(3)  # scaleTable, activeStartTime, activeStopTime
    asks["hedgeType"] = bool(f.text())
    if asks["hedgeType"]:
        f.skip(1)
    f.skip(4)  # optOutSmartRouting to notHeld
    asks["deltaNeutralContract"] = f.flag()
    if asks["deltaNeutralContract"]:
        f.skip(3)
    asks["algoStrategy"] = bool(f.text())
    if asks["algoStrategy"]:
        f.skip(2 * _count(f))
    f.skip(1)  # algoId
    what_if = f.flag()
    if f.version >= VERSION_WITH_CONDITIONS and f.left > _BEFORE_CONDITIONS and order_type != "PEG BENCH":
        f.skip(_BEFORE_CONDITIONS)
        asks["conditions"] = f.whole() > 0
    return PlaceOrder(
        order_id, contract, action, quantity, order_type, limit, aux, tif, oca_group, account, order_ref,
        transmit, parent_id, outside_rth, what_if, good_till, oca_type,
        ", ".join(name for name, asked in asks.items() if asked),
    )  # fmt: skip


def _skip_delta_neutral(f: Fields) -> bool:
    order_type = f.text()
    f.skip(1)  # deltaNeutralAuxPrice
    return bool(order_type)


def _contract_details(f: Fields) -> ReqContractDetails:
    f.skip(1)
    return ReqContractDetails(f.whole(), f.contract(), f.flag())


def _executions(f: Fields) -> ReqExecutions:
    f.skip(1)
    return ReqExecutions(
        f.whole(), f.whole(), f.text(), f.text(), f.text(), f.text(), f.text(), f.text()
    )


def _account_updates(f: Fields) -> ReqAccountUpdates:
    f.skip(1)
    return ReqAccountUpdates(f.flag(), f.text())


def _account_multi(f: Fields) -> ReqAccountMulti:
    f.skip(1)
    return ReqAccountMulti(f.whole(), f.text())


def _account_summary(f: Fields) -> ReqAccountSummary:
    f.skip(1)
    req_id = f.whole()
    f.skip(1)  # group
    return ReqAccountSummary(req_id, f.text())


def _row_done(f: Fields) -> RowDone:
    f.skip(2)
    text = f.text()  # Other uses of this request name a contract here, such as 265598@SMART.
    return RowDone(row=int(text) if text.isdecimal() and len(text) < 16 else -1)


def _after_version(make: Callable[[int], Request]) -> Callable[[Fields], Request]:
    def read(f: Fields) -> Request:
        f.skip(1)
        return make(f.whole())

    return read


def _bare(make: Callable[[], Request]) -> Callable[[Fields], Request]:
    def read(f: Fields) -> Request:  # noqa: ARG001  Such a request has no fields that matter.
        return make()

    return read


_READERS: dict[int, Callable[[Fields], Request]] = {
    1: _subscribe,
    2: _after_version(CancelQuotes),
    3: _place,
    4: _after_version(CancelOrder),
    5: _bare(ReqOpenOrders),
    6: _account_updates,
    7: _executions,
    8: _bare(ReqIds),
    9: _contract_details,
    16: _bare(ReqAllOpenOrders),
    17: _bare(ReqManagedAccounts),
    49: _bare(ReqCurrentTime),
    58: _bare(GlobalCancel),
    59: _after_version(SetMarketDataType),
    61: _bare(ReqPositions),
    62: _account_summary,
    64: _bare(CancelPositions),
    69: _row_done,
    71: _start_api,
    76: _account_multi,
    99: _bare(ReqCompletedOrders),
}
_IGNORED = {
    11: "cancelMktDepth", 12: "reqNewsBulletins", 13: "cancelNewsBulletins", 14: "setServerLogLevel",
    15: "reqAutoOpenOrders", 23: "cancelScannerSubscription", 53: "cancelFundamentalData",
    56: "cancelCalculateImpliedVolatility", 57: "cancelCalculateOptionPrice", 63: "cancelAccountSummary",
    70: "unsubscribeFromGroupEvents", 75: "cancelPositionsMulti", 77: "cancelAccountUpdatesMulti",
    89: "cancelHistogramData", 90: "cancelHeadTimeStamp", 101: "cancelWshMetaData",
    103: "cancelWshEventData",
}  # fmt: skip
