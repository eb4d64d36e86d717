"""The server's messages: each as one frame, in the layouts of server versions 176 and 178.

``versions`` makes older layouts of them.

Owns the order and the format of the fields. It decides nothing: all values are arguments.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from arbcore.core.civil import NS_PER_DAY, NS_PER_S, utc_to_new_york
from arbcore.gateway.contract_table import Listing, compact_date
from arbcore.gateway.frames import LENGTH_BYTES, UNSET_DOUBLE, Field, fields_of, frame, frame_of
from arbcore.gateway.messages import VERSION_WITH_PENDING_PRICE_REVISION, VERSION_WITHOUT_FA_PROFILE

NO_ID = -1
ORDER_TYPES = (
    "ACTIVETIM,ADJUST,ALERT,ALLOC,DAY,FOK,GTC,GTD,IOC,LMT,MKT,MOC,NONALGO,OCA,OUTSIDERTH,STP,STPLMT,WHATIF"
)
NEW_YORK = "new_york"


@dataclass(frozen=True, slots=True)
class TimeForm:
    """The form of a time: its zone's name, the text between date and clock, and how far the clock is ahead of
    UTC. ``log_in`` is a zone's name that only the greeting has.
    """

    zone: str
    gap: str = " "
    ahead_ns: int = 0
    log_in: str = ""


#: Tokyo's clock, as an example of zones that a machine may not know.
_AHEAD_NS = 9 * 3_600 * NS_PER_S
FORMS = {
    NEW_YORK: TimeForm(" US/Eastern"), "utc": TimeForm(" UTC"), "utc_dash": TimeForm("", "-"),
    "no_zone": TimeForm("", "  ", _AHEAD_NS, " JST"),
    "unknown_zone": TimeForm(" Nowhere/Near", " ", _AHEAD_NS),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order's values in messages."""

    listing: Listing
    order_id: int
    client_id: int
    perm_id: int
    account: str
    action: str
    quantity: float
    order_type: str
    limit: float | None
    aux: float | None
    tif: str
    oca_group: str
    order_ref: str
    parent_id: int
    outside_rth: bool
    status: str
    filled: float
    remaining: float
    average: float
    last_price: float
    why_held: str
    good_till: str = ""
    oca_type: int = 0


@dataclass(frozen=True, slots=True)
class MarginView:
    """The effect of a previewed order on the account: before, change and after of each number."""

    initial: tuple[float, float, float]
    maintenance: tuple[float, float, float]
    equity: tuple[float, float, float]
    commission: float
    warning: str = ""


@dataclass(frozen=True, slots=True)
class ExecutionView:
    """One execution's values in messages."""

    listing: Listing
    order_id: int
    client_id: int
    perm_id: int
    exec_id: str
    account: str
    side: str
    shares: float
    price: float
    cumulative: float
    average: float
    order_ref: str
    time_ns: int
    time_form: str = NEW_YORK


def _money(value: float) -> str:
    return f"{value:.2f}"


def _contract_fields(listing: Listing) -> list[Field]:
    """The contract's fields in most messages, from the id to the trading class, with the exchange."""
    return [
        listing.con_id, listing.symbol, listing.sec_type, listing.expiry_text, "0.0",
        "?" if listing.sec_type == "STK" else "", listing.multiplier_text, listing.exchange, "USD",
        listing.local_symbol, listing.trading_class,
    ]  # fmt: skip


def stamp(instant_ns: int, form: str = NEW_YORK) -> str:
    """A time in the protocol's form: ``20261120 09:30:01 US/Eastern``, or in another of the forms."""
    if form == NEW_YORK:
        day, clock_ns = utc_to_new_york(instant_ns)
    else:
        day, clock_ns = divmod(instant_ns + FORMS[form].ahead_ns, NS_PER_DAY)
    seconds = clock_ns % NS_PER_DAY // NS_PER_S
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{compact_date(day)}{FORMS[form].gap}{clock}{FORMS[form].zone}"


# --- session ------------------------------------------------------------------------------------------


def greeting(version: int, now_ns: int, form: str = NEW_YORK) -> bytes:
    """The greeting; its clock always has a zone, if necessary one that only the greeting has."""
    return frame(version, stamp(now_ns, form) + FORMS[form].log_in)


def garbled(message: bytes) -> bytes:
    """A message without most of its fields."""
    return frame_of(fields_of(message[LENGTH_BYTES:])[:4])


def error(req_id: int, code: int, text: str) -> bytes:
    return frame(4, 2, req_id, code, text, "")


def next_valid_id(order_id: int) -> bytes:
    return frame(9, 1, order_id)


def managed_accounts(accounts: Sequence[str]) -> bytes:
    return frame(15, 1, ",".join(accounts))


def current_time(now_ns: int) -> bytes:
    return frame(49, 1, now_ns // NS_PER_S)


# --- contracts ----------------------------------------------------------------------------------------


def rule_of(listing: Listing) -> int:
    """The id of its price rule; contracts with the same tick share a rule."""
    return {0.01: 26, 0.25: 67}.get(listing.tick, 100_000 + round(listing.tick * 10_000_000) % 900_000)


def contract_details(req_id: int, listing: Listing, *, trading: str, liquid: str) -> bytes:
    last_trade = listing.expiry_text
    if last_trade:
        last_trade += " 08:30:00 US/Central"
    index = listing.index if listing.sec_type == "FUT" else None
    return frame(
        10, req_id, listing.symbol, listing.sec_type, last_trade, "0.0", "", listing.exchange, "USD",
        listing.local_symbol, "NMS" if listing.sec_type == "STK" else listing.trading_class,
        listing.trading_class, listing.con_id, listing.tick, listing.multiplier_text, ORDER_TYPES,
        f"SMART,{listing.primary_exchange}" if listing.sec_type == "STK" else listing.exchange, 1,
        listing.underlying_id,
        listing.long_name, listing.primary_exchange, listing.contract_month, "", "", "", listing.time_zone,
        trading, liquid, "", "0", 0, 1, "" if index is None else index.symbol, "" if index is None else "IND",
        rule_of(listing), listing.expiry_text, "ETF" if listing.sec_type == "STK" else "", "1", "1",
        "100" if listing.sec_type == "STK" else "1",
    )  # fmt: skip


def contract_details_end(req_id: int) -> bytes:
    return frame(52, 1, req_id)


# --- quotes -------------------------------------------------------------------------------------------


def tick_price(req_id: int, tick_type: int, *, price: float, size: float) -> bytes:
    return frame(1, 6, req_id, tick_type, price, size, 0)


def tick_size(req_id: int, tick_type: int, size: float) -> bytes:
    return frame(2, 6, req_id, tick_type, size)


def tick_generic(req_id: int, tick_type: int, value: float) -> bytes:
    return frame(45, 6, req_id, tick_type, value)


def tick_string(req_id: int, tick_type: int, text: str) -> bytes:
    return frame(46, 6, req_id, tick_type, text)


def tick_req_params(req_id: int, tick: float, exchange: str) -> bytes:
    return frame(81, req_id, tick, exchange, 3)


def market_data_type(req_id: int, data_type: int) -> bytes:
    return frame(58, 1, req_id, data_type)


def snapshot_end(req_id: int) -> bytes:
    return frame(57, 1, req_id)


# --- orders -------------------------------------------------------------------------------------------


def order_status(order: OrderView) -> bytes:
    return frame(
        3, order.order_id, order.status, order.filled, order.remaining, order.average, order.perm_id,
        order.parent_id, order.last_price, order.client_id, order.why_held, "0.0",
    )  # fmt: skip


def _head(order: OrderView) -> list[Field]:
    """The fields that open and completed orders share, from the contract to the order reference."""
    return [
        *_contract_fields(order.listing), order.action, order.quantity, order.order_type,
        0.0 if order.limit is None else order.limit, 0.0 if order.aux is None else order.aux, order.tif,
        order.oca_group, order.account, "", 0, order.order_ref,
    ]  # fmt: skip


def open_order(order: OrderView, version: int, *, margin: MarginView | None = None) -> bytes:
    """An order's state; with ``margin``, the response to a preview."""
    old = version < VERSION_WITHOUT_FA_PROFILE
    return frame_of([
        5, order.order_id, *_head(order), order.client_id, order.perm_id, order.outside_rth, False, "0.0",
        "", "", "", "", "", *([""] if old else []), "", order.good_till, "", "", "", 0, "", -1, 0, "", "", "",
        "", "", "", False, False, False, "", order.oca_type or 3, False, False, "", order.parent_id,
        0, "", 0, "None", "", 0, "", "", "",
        "?", False, 0, "", 0, 0, "", "", "", "", "", 0, 0, 0, "", "", "", "", "", "", "IB", False, 0, "",
        False, *_state(order, margin), False, False, 0, "None", "", "", "", "", "", "", "", "", "", "", "0.0",
        False, False, "", False, "", False, False, "", "", "", "", "",
    ])  # fmt: skip


def _state(order: OrderView, margin: MarginView | None) -> list[Field]:
    """The fields from whatIf to the warning text."""
    if margin is None:
        unset: list[Field] = [UNSET_DOUBLE] * 9
        return [False, order.status, *unset, "", "", "", "", ""]
    rows = (margin.initial, margin.maintenance, margin.equity)
    numbers: list[Field] = [_money(row[column]) for column in (0, 1, 2) for row in rows]
    return [True, order.status, *numbers, margin.commission, "", "", "USD", margin.warning]


def completed_order(order: OrderView, version: int, *, completed_ns: int, reason: str) -> bytes:
    old = version < VERSION_WITHOUT_FA_PROFILE
    return frame_of([
        101, *_head(order), order.perm_id, order.outside_rth, False, "0.0", "", "", "", "",
        *([""] if old else []), "", "", "", "", "", 0, "", -1, "", "", "", "", "", "", False, False, "", 3, 0,
        "", 0, "None", "", 0, False, 0, "", False, 0, "", "", "", 0, 0, 0, "", "", "", "", "", "IB", False, 0,
        "", False, order.status, False, False, 0, "", "", "0.0", False, False, "", order.filled, 0, False, "",
        False, False, 0, stamp(completed_ns), reason, "", "", "", "", "",
    ])  # fmt: skip


def open_orders_end() -> bytes:
    return frame(53, 1)


def completed_orders_end() -> bytes:
    return frame(102)


# --- executions ---------------------------------------------------------------------------------------


def execution(req_id: int, done: ExecutionView, version: int) -> bytes:
    fields: list[Field] = [
        11, req_id, done.order_id, *_contract_fields(done.listing), done.exec_id,
        stamp(done.time_ns, done.time_form),
        done.account, done.listing.trade_exchange, done.side, done.shares, done.price, done.perm_id,
        done.client_id, 0, done.cumulative, done.average, done.order_ref, "", "", "", 2,
    ]  # fmt: skip
    if version >= VERSION_WITH_PENDING_PRICE_REVISION:
        fields.append(False)
    return frame_of(fields)


def executions_end(req_id: int) -> bytes:
    return frame(55, 1, req_id)


def commission_report(exec_id: str, commission: float, realized: float | None) -> bytes:
    return frame(
        59, 1, exec_id, commission, "USD", UNSET_DOUBLE if realized is None else realized, UNSET_DOUBLE, ""
    )


# --- account ------------------------------------------------------------------------------------------


def position_multi(
    req_id: int, account: str, listing: Listing, *, quantity: float, average_cost: float
) -> bytes:
    return frame(71, 1, req_id, account, *_contract_fields(listing), quantity, average_cost, "")


def position(account: str, listing: Listing, *, quantity: float, average_cost: float) -> bytes:
    return frame(61, 3, account, *_contract_fields(listing), quantity, average_cost)


def positions_end() -> bytes:
    return frame(62, 1)


def account_value(account: str, tag: str, *, value: str, currency: str) -> bytes:
    return frame(6, 2, tag, value, currency, account)


def portfolio(
    account: str,
    listing: Listing,
    *,
    quantity: float,
    price: float,
    average_cost: float,
    unrealized: float,
    realized: float,
) -> bytes:
    block = _contract_fields(listing)
    block[7] = listing.primary_exchange or listing.exchange
    return frame(
        7, 8, *block, quantity, price, quantity * price * listing.multiplier, average_cost, unrealized,
        realized, account,
    )  # fmt: skip


def account_time(now_ns: int) -> bytes:
    return frame(8, 1, stamp(now_ns).split()[1][:5])


def account_download_end(account: str) -> bytes:
    return frame(54, 1, account)


def account_multi(req_id: int, account: str, *, tag: str, value: str, currency: str) -> bytes:
    return frame(73, 1, req_id, account, "", tag, value, currency)


def account_multi_end(req_id: int) -> bytes:
    return frame(74, 1, req_id)


def account_summary(req_id: int, account: str, *, tag: str, value: str, currency: str) -> bytes:
    return frame(63, 1, req_id, account, tag, value, currency)


def account_summary_end(req_id: int) -> bytes:
    return frame(64, 1, req_id)
