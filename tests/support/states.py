"""The whole state of a session, an order table or a gate, in the same form for compiled code and twin."""

from typing import Any

from reference.orders import Orders as ReferenceOrders
from reference.session import Session as ReferenceSession

from arbcore.wire.instruments import SYMBOLS


def orders_state(orders: Any) -> dict[str, Any]:
    if not isinstance(orders, ReferenceOrders):
        return orders.state()  # type: ignore[no-any-return]
    return {
        "next_id": orders.next_id,
        "position": orders.position,
        "working_buy": orders.working[+1],
        "working_sell": orders.working[-1],
        "average_cost": orders.average_cost,
        "cash": orders.cash,
        "fills": orders.fills,
        "doubts": orders.doubts,
        "frozen_pnl": orders.frozen_pnl,
        "anomalies": {name: count for name, count in orders.anomalies.items() if count},
        "holdings": [
            {
                "position": holding.position,
                "cash": holding.cash,
                "carried_pnl": holding.carried_pnl,
                "orders": holding.orders,
                "fills": holding.fills,
            }
            for holding in orders.holdings
        ],
    }


def audit_positions(audit: Any) -> dict[str, int]:
    positions = audit.positions() if hasattr(audit, "positions") else audit.position
    return positions if isinstance(positions, dict) else dict(zip(SYMBOLS, positions, strict=True))


def difference(compiled: Any, twin: ReferenceSession) -> str:
    """Describes how the two sessions differ; empty if they do not."""
    views = {
        "summary": lambda session: session.summary(),
        "live orders": lambda session: session.orders_snapshot(),
        "recent orders": lambda session: session.recent_orders(5),
        "recent fills": lambda session: session.recent_fills(),
        "exposure": lambda session: session.exposure(),
        "order table": lambda session: orders_state(session.orders),
        "deadline": lambda session: session.next_deadline_ns,
        "audit": lambda session: audit_positions(session.audit),
        "wakes": lambda session: [strategy.wake_ns for strategy in session.strategies],
        "flags": lambda session: (
            session.needs_resync, session.stopped, session.round_closed, session.hello_seen,
            session.halted_reason, session.mode, session.killed,
        ),
    }
    for name, view in views.items():
        ours, theirs = view(compiled), view(twin)
        if ours != theirs:
            return f"{name}: compiled {ours!r}, twin {theirs!r}"
    return ""
