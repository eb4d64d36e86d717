"""Responses to a client's requests: contracts, orders, executions, positions, account values, the time.

One function for each request, over the gateway's state; ``order_desk`` handles orders.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from arbcore.core.civil import NS_PER_S
from arbcore.gateway import account_tags, replies
from arbcore.gateway import messages as m
from arbcore.gateway.client import GatewayClient
from arbcore.gateway.contract_table import EXCHANGE_ALIASES, Listing, liquid_hours, trading_hours
from arbcore.gateway.history_requests import instant_of, not_an_instant
from arbcore.gateway.market_data import LIVE
from arbcore.gateway.order_desk import NO_CONTRACT

if TYPE_CHECKING:
    from arbcore.gateway.gateway import Gateway

#: The broker's code for a time that cannot be read.
INVALID_TIME = 10314


def contract_details(gateway: Gateway, client: GatewayClient, asked: m.ReqContractDetails) -> None:
    found = gateway.find(asked.contract, include_expired=asked.include_expired)
    if not found or gateway.armed.take("unknown_contract"):
        client.send(replies.error(asked.req_id, 200, NO_CONTRACT))
        return
    rule = gateway.config.hours
    for listing in found:
        client.send(
            replies.contract_details(
                asked.req_id, listing,
                trading=trading_hours(listing, gateway.clock_ns, rule=rule),
                liquid=liquid_hours(listing, gateway.clock_ns, rule=rule),
            )
        )  # fmt: skip
    client.send(replies.contract_details_end(asked.req_id))


def place(gateway: Gateway, client: GatewayClient, asked: m.PlaceOrder) -> None:
    gateway.desk.place(client.client_id, asked)


def cancel(gateway: Gateway, client: GatewayClient, asked: m.CancelOrder) -> None:
    gateway.desk.cancel(client.client_id, asked.order_id)


def global_cancel(gateway: Gateway, client: GatewayClient, asked: m.GlobalCancel) -> None:
    gateway.desk.cancel_all("")


def open_orders(gateway: Gateway, client: GatewayClient, asked: m.ReqOpenOrders | m.ReqAllOpenOrders) -> None:
    for order in gateway.desk.book.working():
        if isinstance(asked, m.ReqAllOpenOrders) or order.client_id == client.client_id:
            view = order.view()
            client.send(replies.open_order(view, client.version))
            client.send(replies.order_status(view))
    client.send(replies.open_orders_end())


def completed_orders(gateway: Gateway, client: GatewayClient, asked: m.ReqCompletedOrders) -> None:
    for order in gateway.desk.book.completed(gateway.desk.day_began_ns()):
        client.send(
            replies.completed_order(
                order.view(), client.version, completed_ns=order.ended_ns, reason=order.ending
            )
        )
    client.send(replies.completed_orders_end())


def executions(gateway: Gateway, client: GatewayClient, asked: m.ReqExecutions) -> None:
    since_ns = 0
    if asked.since:
        found_ns = instant_of(asked.since)
        if found_ns is None:
            client.send(replies.error(asked.req_id, INVALID_TIME, not_an_instant(asked.since)))
            return
        since_ns = found_ns
    for done in gateway.account.executions_of_day(gateway.clock_ns):
        if _is_asked_for(done.view, asked, since_ns):
            client.send(replies.execution(asked.req_id, done.view, client.version))
            client.send(replies.commission_report(done.view.exec_id, done.commission, done.realized))
    client.send(replies.executions_end(asked.req_id))


def _is_asked_for(view: replies.ExecutionView, asked: m.ReqExecutions, since_ns: int) -> bool:
    """Whether an execution passes a filter; an empty field of the filter matches anything."""
    side = asked.side.upper()
    exchange = EXCHANGE_ALIASES.get(asked.exchange, asked.exchange)
    return (
        asked.client_id in {0, view.client_id}
        and asked.account in {"", view.account}
        # Compare whole seconds, because a client takes the filter's time from a message.
        and view.time_ns // NS_PER_S * NS_PER_S >= since_ns
        and asked.symbol in {"", view.listing.symbol}
        and asked.sec_type in {"", view.listing.sec_type}
        and exchange in {"", view.listing.trade_exchange, view.listing.exchange}
        and {"BUY": "BOT", "SELL": "SLD"}.get(side, side) in {"", view.side}
    )


def positions(gateway: Gateway, client: GatewayClient, asked: m.ReqPositions) -> None:
    client.wants_positions = True
    held = [each for each in gateway.account.positions.values() if each.quantity]
    if held and gateway.armed.take("positions_partial"):
        held = held[1:]
    doubled = 2.0 if gateway.armed.take("wrong_positions") else 1.0
    for each in held:
        client.send(
            replies.position(
                gateway.account.name, each.listing, quantity=each.quantity * doubled,
                average_cost=each.average_cost,
            )
        )  # fmt: skip
    client.send(replies.positions_end())


def cancel_positions(gateway: Gateway, client: GatewayClient, asked: m.CancelPositions) -> None:
    client.wants_positions = False


def tell_position(gateway: Gateway, client: GatewayClient, listing: Listing) -> None:
    each = gateway.account.positions[listing.con_id]
    message = replies.position(
        gateway.account.name, listing, quantity=each.quantity, average_cost=each.average_cost
    )
    unreadable = gateway.armed.take("unreadable", "position") is not None
    client.send(replies.garbled(message) if unreadable else message)


def tell_portfolio(gateway: Gateway, client: GatewayClient, listing: Listing) -> None:
    each = gateway.account.positions[listing.con_id]
    price = gateway.market.mark(listing)
    client.send(
        replies.portfolio(
            gateway.account.name, listing, quantity=each.quantity, price=price,
            average_cost=each.average_cost, unrealized=each.unrealized(price), realized=each.realized,
        )
    )  # fmt: skip


def account_updates(gateway: Gateway, client: GatewayClient, asked: m.ReqAccountUpdates) -> None:
    client.wants_account = asked.subscribe
    if not asked.subscribe:
        return
    account = asked.account or gateway.account.name
    if account == gateway.account.name:
        for tag, value, currency in account_tags.values(gateway.account, gateway.market.mark):
            client.send(replies.account_value(account, tag, value=value, currency=currency))
        for each in gateway.account.positions.values():
            if each.quantity:
                tell_portfolio(gateway, client, each.listing)
    client.send(replies.account_time(gateway.clock_ns))
    client.send(replies.account_download_end(account))


def account_multi(gateway: Gateway, client: GatewayClient, asked: m.ReqAccountMulti) -> None:
    account = asked.account or gateway.account.name
    if account == gateway.account.name:
        for tag, value, currency in account_tags.values(gateway.account, gateway.market.mark):
            client.send(replies.account_multi(asked.req_id, account, tag=tag, value=value, currency=currency))
    client.send(replies.account_multi_end(asked.req_id))


def account_summary(gateway: Gateway, client: GatewayClient, asked: m.ReqAccountSummary) -> None:
    for tag, value, currency in account_tags.summary(gateway.account, gateway.market.mark, asked.tags):
        client.send(
            replies.account_summary(
                asked.req_id, gateway.account.name, tag=tag, value=value, currency=currency
            )
        )
    client.send(replies.account_summary_end(asked.req_id))


def ids(gateway: Gateway, client: GatewayClient, asked: m.ReqIds) -> None:
    client.send(replies.next_valid_id(gateway.desk.book.next_order_id(client.client_id)))


def managed(gateway: Gateway, client: GatewayClient, asked: m.ReqManagedAccounts) -> None:
    client.send(replies.managed_accounts(gateway.account.ids))


def current_time(gateway: Gateway, client: GatewayClient, asked: m.ReqCurrentTime) -> None:
    client.send(replies.current_time(gateway.clock_ns + gateway.clock_skew_ns))


def data_type(gateway: Gateway, client: GatewayClient, asked: m.SetMarketDataType) -> None:
    client.data_type = asked.data_type if asked.data_type in {1, 2, 3, 4} else LIVE


def ignored(gateway: Gateway, client: GatewayClient, asked: m.Ignored) -> None:
    pass


#: The function for each request; ``Gateway`` handles subscriptions itself.
ANSWERS: dict[type, Callable[[Gateway, GatewayClient, Any], None]] = {
    m.PlaceOrder: place,
    m.CancelOrder: cancel,
    m.GlobalCancel: global_cancel,
    m.ReqOpenOrders: open_orders,
    m.ReqAllOpenOrders: open_orders,
    m.ReqCompletedOrders: completed_orders,
    m.ReqExecutions: executions,
    m.ReqPositions: positions,
    m.CancelPositions: cancel_positions,
    m.ReqAccountUpdates: account_updates,
    m.ReqAccountMulti: account_multi,
    m.ReqAccountSummary: account_summary,
    m.ReqIds: ids,
    m.ReqManagedAccounts: managed,
    m.ReqContractDetails: contract_details,
    m.ReqCurrentTime: current_time,
    m.SetMarketDataType: data_type,
    m.Ignored: ignored,
}
