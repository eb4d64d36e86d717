"""Responses about history: bars, ticks, sessions, head time; and symbols, price rules, positions by id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from arbcore.core.civil import NS_PER_DAY, NS_PER_S, utc_to_new_york
from arbcore.gateway import history_requests as h
from arbcore.gateway import replies, streams
from arbcore.gateway.client import GatewayClient
from arbcore.gateway.contract_table import CLOCK_LEG, INDEX_LEG, Listing, compact_date, session_text
from arbcore.gateway.frames import Field, frame, frame_of
from arbcore.gateway.history import KINDS
from arbcore.gateway.history_pace import VIOLATION
from arbcore.gateway.history_replies import bar_fields, ticks_message
from arbcore.gateway.messages import ContractQuery
from arbcore.gateway.order_desk import NO_CONTRACT

if TYPE_CHECKING:
    from arbcore.gateway.gateway import Gateway

#: The broker's code for any error of history, and the beginning of its texts.
HISTORY_ERROR, _SERVICE = 162, "Historical Market Data Service error message:"
BARS_MAX = 30_000
#: The longest span of one request for bars of one second.
SECONDS_OF_SECOND_BARS_MAX = 2_000
_SYMBOLS_MAX = 16
#: Most sessions of one schedule, and most days in a row without one.
SESSIONS_MAX, _LONGEST_BREAK_DAYS = 366, 5
_DAYS_OF = {"D": 1, "W": 7, "M": 31, "Y": 366}


def refuse(client: GatewayClient, req_id: int, text: str) -> None:
    """Refuses a request for history with an error."""
    client.send(replies.error(req_id, HISTORY_ERROR, _SERVICE + text))


def contract_of(
    gateway: Gateway, client: GatewayClient, req_id: int, *, query: ContractQuery
) -> Listing | None:
    """The requested contract; None after an error was sent."""
    found = gateway.find(query, include_expired=True)
    if len(found) > 1 and query.sec_type == "FUT" and not query.last_trade:
        found = []
    if len(found) != 1 or found[0].leg == CLOCK_LEG:
        client.send(replies.error(req_id, 200, NO_CONTRACT))
        return None
    return found[0]


def _may_see(gateway: Gateway, client: GatewayClient, req_id: int, listing: Listing, what: str) -> bool:
    """Whether the account may see a contract's history of a kind; if not, sends the error."""
    if what not in KINDS:
        refuse(client, req_id, f"{what[:40]} is not served; TRADES, MIDPOINT, BID, ASK and BID_ASK are.")
        return False
    if gateway.market.rights == "none":
        refuse(client, req_id, f"No market data permissions for {listing.exchange} {listing.sec_type}")
        return False
    if listing.leg == INDEX_LEG:
        refuse(client, req_id, f"HMDS query returned no data: {listing.symbol}@{listing.exchange} {what}")
        return False
    return True


def _paced(
    gateway: Gateway, client: GatewayClient, asked: h.ReqBars | h.ReqPastTicks, listing: Listing
) -> bool:
    subject = (listing.con_id, asked.what, type(asked).__name__)
    if gateway.history_pace.admit(
        gateway.wall_ns, what=asked.what, subject=subject, whole=replace(asked, req_id=0)
    ):
        return True
    client.send(replies.error(asked.req_id, HISTORY_ERROR, VIOLATION))
    return False


# --- bars ---------------------------------------------------------------------------------------------


def bars(gateway: Gateway, client: GatewayClient, asked: h.ReqBars) -> None:
    asked = replace(asked, what=asked.what.upper())
    listing = contract_of(gateway, client, asked.req_id, query=asked.contract)
    if listing is None:
        return
    if asked.what == "SCHEDULE":
        _schedule(gateway, client, asked, listing)
        return
    if not _may_see(gateway, client, asked.req_id, listing, asked.what):
        return
    span = _span(gateway, client, asked, listing)
    if span is None or not _paced(gateway, client, asked, listing):
        return
    size_ns = h.bar_size_of(asked.bar_size) or NS_PER_S
    found = gateway.history.bars(listing, asked.what, span=span, size_ns=size_ns, regular=asked.rth)
    if not found and not asked.keep_up:
        text = f"HMDS query returned no data: {listing.local_symbol}@{listing.exchange} {asked.what}"
        refuse(client, asked.req_id, text)
        return
    if len(found) > BARS_MAX:
        refuse(client, asked.req_id, f"The request has {len(found)} bars; the most for one is {BARS_MAX}.")
        return
    fields: list[Field] = [
        17, asked.req_id, replies.stamp(span[0]), replies.stamp(span[1]), len(found),
    ]  # fmt: skip
    for bar in found:
        fields += bar_fields(bar, listing, size_ns=size_ns, epoch=asked.epoch)
    client.send(frame_of(fields))
    if asked.keep_up:
        client.streams[asked.req_id] = streams.BarsKeptUp(
            listing, asked.what, size_ns, asked.rth, asked.epoch
        )


def _schedule(gateway: Gateway, client: GatewayClient, asked: h.ReqBars, listing: Listing) -> None:
    """Sends the last sessions before an instant, one for each day of the duration, in the contract's zone."""
    duration, end_ns = h.duration_of(asked.duration), _end(gateway, client, asked)
    if end_ns is None:
        return
    if duration is None:
        refuse(client, asked.req_id, _no_duration(asked))
        return
    count = min(duration[0] * _DAYS_OF.get(duration[1], 0), SESSIONS_MAX) or 1
    fields: list[Field] = []
    last = utc_to_new_york(end_ns)[0]
    for day in range(last, last - 2 * count - _LONGEST_BREAK_DAYS, -1):
        session = session_text(listing, day, liquid=asked.rth)
        if session is not None and len(fields) < 3 * count:
            fields[:0] = [*session, compact_date(day)]
    if not fields:
        refuse(client, asked.req_id, f"HMDS query returned no data: {listing.local_symbol} SCHEDULE")
        return
    client.send(
        frame(106, asked.req_id, fields[0], fields[-2], listing.time_zone, len(fields) // 3, *fields)
    )


def _end(gateway: Gateway, client: GatewayClient, asked: h.ReqBars) -> int | None:
    """The end of the requested span; None after an error was sent."""
    end_ns = gateway.history_end_ns if not asked.end else h.instant_of(asked.end)
    if end_ns is None:
        refuse(client, asked.req_id, h.not_an_instant(asked.end))
    return end_ns


def _no_duration(asked: h.ReqBars) -> str:
    return f"'{asked.duration[:20]}' is not a duration; write 1800 S or 5 D."


def _span(
    gateway: Gateway, client: GatewayClient, asked: h.ReqBars, listing: Listing
) -> tuple[int, int] | None:
    """The begin and end of the requested span; None after an error was sent."""
    size_ns, duration = h.bar_size_of(asked.bar_size), h.duration_of(asked.duration)
    if size_ns is None:
        refuse(client, asked.req_id, f"Bars of '{asked.bar_size[:20]}' are not served; 1 secs to 1 day are.")
        return None
    if duration is None:
        refuse(client, asked.req_id, _no_duration(asked))
        return None
    end_ns = _end(gateway, client, asked)
    if end_ns is None:
        return None
    count, unit = duration
    if unit == "S":
        if size_ns == NS_PER_S and count > SECONDS_OF_SECOND_BARS_MAX:
            text = f"Time length exceeds max: {SECONDS_OF_SECOND_BARS_MAX} S for bars of 1 secs."
            refuse(client, asked.req_id, text)
            return None
        return max(0, end_ns - count * NS_PER_S), end_ns
    if unit == "D":
        return gateway.history.days(listing, end_ns, count, regular=asked.rth), end_ns
    return max(0, end_ns - count * _DAYS_OF[unit] * NS_PER_DAY), end_ns


# --- ticks --------------------------------------------------------------------------------------------


def past_ticks(gateway: Gateway, client: GatewayClient, asked: h.ReqPastTicks) -> None:
    asked = replace(asked, what=asked.what.upper())
    listing = contract_of(gateway, client, asked.req_id, query=asked.contract)
    if listing is None or not _may_see(gateway, client, asked.req_id, listing, asked.what):
        return
    if asked.what in {"BID", "ASK"}:
        refuse(client, asked.req_id, "Historical ticks are of TRADES, MIDPOINT or BID_ASK.")
        return
    if not 1 <= asked.count <= streams.TICKS_MAX:
        refuse(client, asked.req_id, f"The count is {asked.count}; it may be 1 to {streams.TICKS_MAX} ticks.")
        return
    if bool(asked.start) == bool(asked.end):
        refuse(client, asked.req_id, "Historical ticks need either a start or an end.")
        return
    text = asked.start or asked.end
    at_ns = h.instant_of(text)
    if at_ns is None:
        refuse(client, asked.req_id, h.not_an_instant(text))
        return
    if not _paced(gateway, client, asked, listing):
        return
    span = (at_ns, gateway.history_end_ns) if asked.start else (0, at_ns)
    found = gateway.history.ticks(
        listing, span=span, count=asked.count, forward=bool(asked.start), regular=asked.rth,
        prices_only=asked.prices_only,
    )  # fmt: skip
    client.send(ticks_message(asked.req_id, found, what=asked.what, listing=listing))


def head(gateway: Gateway, client: GatewayClient, asked: h.ReqHead) -> None:
    listing = contract_of(gateway, client, asked.req_id, query=asked.contract)
    if listing is None or not _may_see(gateway, client, asked.req_id, listing, asked.what.upper()):
        return
    first_ns = gateway.history.head(listing, regular=asked.rth)
    if first_ns is None:
        refuse(client, asked.req_id, "No head time stamp")
        return
    text = str(first_ns // NS_PER_S) if asked.epoch else replies.stamp(first_ns, "utc_dash")
    client.send(frame(88, asked.req_id, text))


# --- contracts, rules, positions ----------------------------------------------------------------------


def price_rule(gateway: Gateway, client: GatewayClient, asked: h.ReqPriceRule) -> None:
    tick = next((each.tick for each in gateway.listings() if replies.rule_of(each) == asked.rule), None)
    client.send(frame(93, asked.rule, *([0] if tick is None else [1, 0, tick])))


def symbols(gateway: Gateway, client: GatewayClient, asked: h.ReqSymbols) -> None:
    pattern = asked.pattern.upper()
    names: dict[str, Listing] = {}
    for each in gateway.listings():
        if each.leg != CLOCK_LEG and pattern and (
            each.symbol.startswith(pattern) or pattern in each.long_name.upper()
        ):
            names.setdefault(each.symbol, each)
    fields: list[Field] = []
    for each in list(names.values())[:_SYMBOLS_MAX]:
        fields += [each.con_id, each.symbol, each.sec_type, each.primary_exchange or each.exchange, "USD", 0]
        if client.version >= 176:
            fields += [each.long_name, ""]
    client.send(frame(79, asked.req_id, len(fields) // (8 if client.version >= 176 else 6), *fields))


def positions_of(gateway: Gateway, client: GatewayClient, asked: h.ReqPositionsOf) -> None:
    account = gateway.account
    for each in account.positions.values() if asked.account in {"", account.name} else ():
        if each.quantity:
            client.send(
                replies.position_multi(
                    asked.req_id, account.name, each.listing, quantity=each.quantity,
                    average_cost=each.average_cost,
                )
            )  # fmt: skip
    client.send(frame(72, 1, asked.req_id))


ANSWERS: dict[type, Callable[[Gateway, GatewayClient, Any], None]] = {
    h.ReqBars: bars,
    h.ReqPastTicks: past_ticks,
    h.ReqHead: head,
    h.ReqPriceRule: price_rule,
    h.ReqSymbols: symbols,
    h.ReqPositionsOf: positions_of,
    h.ReqTickByTick: streams.tick_by_tick,
    h.ReqLiveBars: streams.live_bars,
    h.ReqProfit: streams.profit,
    h.EndStream: streams.end,
}
