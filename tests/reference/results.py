"""The results of a session: the summary of a run, its orders, its exposure."""

from typing import TYPE_CHECKING, Any

from arbcore.wire.instruments import SYMBOLS
from reference.orders import ADD, FILLS_KEPT, STATE_NAMES, TABLE_SIZE, Order

if TYPE_CHECKING:
    from reference.session import Session


def owner_names(session: "Session") -> list[str]:
    """Returns a name for each owner; a number distinguishes strategies of the same name."""
    names: list[str] = []
    for strategy in session.strategies:
        count = sum(name.partition("#")[0] == strategy.name for name in names)
        names.append(f"{strategy.name}#{count + 1}" if count else strategy.name)
    return [*names, "unattributed"]


def summary(session: "Session") -> dict[str, Any]:
    """Returns the results under the JSON keys of an exchange run. Money in ticks, P&L over all rounds."""
    orders = session.orders
    return {
        "messages_in": session.counts["messages_in"],
        "orders_sent": session.counts["orders_sent"],
        "cancels_sent": session.counts["cancels_sent"],
        "converts_sent": session.counts["converts_sent"],
        "fills": orders.fills,
        "rejects": dict(session.rejects),
        "errors": dict(session.errors),
        "faults": dict(session.faults),
        "last_faults": [line.decode("utf-8", "backslashreplace") for line in session.last_faults],
        "anomalies": {name: count for name, count in orders.anomalies.items() if count},
        "refusals": dict(session.gate.refusals),
        "refused": [
            {
                "strategy": owner_names(session)[owner],
                "symbol": SYMBOLS[symbol],
                "side": "BUY" if side > 0 else "SELL",
                "reason": reason,
                "seconds": lasted_ns // 1_000_000_000,
            }
            for (owner, symbol, side), (lasted_ns, reason) in sorted(session.refused.items())
        ],
        "open_inferred": [name for symbol, name in enumerate(SYMBOLS) if symbol in session.inferred],
        "positions": session.positions(),
        "cash": orders.cash,
        "pnl": session.carried_pnl + session.pnl(),
        "strategies": {
            name: {
                "orders": orders.holdings[owner].orders,
                "fills": orders.holdings[owner].fills,
                "pnl": session.owner_pnl(owner),
            }
            for owner, name in enumerate(owner_names(session))
        },
        "strategy_errors": {},
        "strategy_stops": {
            name: strategy.stops
            for name, strategy in zip(owner_names(session), session.strategies, strict=False)
            if strategy.stops
        },
        "slow_hooks": {},
        "limit_breaches": session.audit.breaches,
        "mode": session.mode,
        "halted_reason": session.halted_reason,
    }


def live_orders(session: "Session") -> list[dict[str, Any]]:
    """Returns all live orders with all fields, symbol by symbol, oldest first."""
    return [show(session, order) for orders in session.orders.live for order in orders]


def recent_orders(session: "Session", count: int) -> list[dict[str, Any]]:
    """Returns the last orders of the run that are still in the table, newest first."""
    last = session.orders.next_id - 1
    found = (session.orders.get(order_id) for order_id in range(last, max(0, last - TABLE_SIZE), -1))
    return [show(session, order) for order in found if order is not None][:count]


def recent_fills(session: "Session") -> list[dict[str, Any]]:
    """Returns the last fills of the run that are kept, newest first."""
    return [
        {
            "order_id": order.id,
            "symbol": SYMBOLS[order.symbol],
            "side": "BUY" if order.side > 0 else "SELL",
            "price": price,
            "size": size,
            "strategy": owner_names(session)[order.strategy],
        }
        for order, price, size in session.orders.filled[: -FILLS_KEPT - 1 : -1]
    ]


def show(session: "Session", order: Order) -> dict[str, Any]:
    """Returns one order with all its fields."""
    return {
        "order_id": order.id,
        "kind": "add" if order.kind == ADD else "convert",
        "symbol": SYMBOLS[order.symbol],
        "side": "BUY" if order.side > 0 else "SELL",
        "price": order.price,
        "size": order.size,
        "remaining": order.remaining,
        "state": STATE_NAMES[order.state],
        "strategy": owner_names(session)[order.strategy],
        "sent_ns": order.sent_ns,
        "cancel_ns": order.cancel_ns,
        "cancels": order.cancels,
        "wants_cancel": order.wants_cancel,
    }


def exposure(session: "Session") -> dict[str, dict[str, int]]:
    """Returns per symbol: position, quantities that live orders may still buy and sell, and limit."""
    return {
        name: {
            "position": session.orders.position[symbol],
            "working_buy": session.orders.working[+1][symbol],
            "working_sell": session.orders.working[-1][symbol],
            "limit": session.gate.limits[symbol],
        }
        for symbol, name in enumerate(SYMBOLS)
    }
