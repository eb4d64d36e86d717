"""The documents of a session, key by key: its orders, a strategy's holding, and the summary of a run.

Money is ticks, sizes and positions are shares, times are nanoseconds of the injected clock.
"""

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from arbcore.trading._session import Session


class TicketDocument(TypedDict):
    """An order of a user's strategy that waits or is live, by its ticket."""

    ticket: int | None
    kind: str
    symbol: str
    side: str
    price: int
    size: int
    remaining: int
    state: str


class OrderDocument(TypedDict):
    """An order of a session with all its fields; ``strategy`` is its owner's name."""

    order_id: int
    kind: str
    symbol: str
    side: str
    price: int
    size: int
    remaining: int
    state: str
    strategy: str
    sent_ns: int
    cancel_ns: int
    cancels: int
    wants_cancel: bool


class FillDocument(TypedDict):
    """A fill of one of our orders; ``strategy`` is the order's owner's name."""

    order_id: int
    symbol: str
    side: str
    price: int
    size: int
    strategy: str


class RefusedDocument(TypedDict):
    """A long run of refusals by the gate: the strategy, the symbol, the side, and the reason."""

    strategy: str
    symbol: str
    side: str
    reason: str
    seconds: int


class HoldingDocument(TypedDict):
    """The holding of one strategy: cash, positions by symbol, and the P&L of earlier rounds."""

    cash: int
    carried_pnl: int
    positions: dict[str, int]


class StrategyDocument(TypedDict):
    """The results of one strategy in a run."""

    orders: int
    fills: int
    pnl: int


class SlowHook(TypedDict):
    """The slowest hook of a strategy, and how many calls were slow."""

    hook: str
    longest_s: float
    calls: int


class SessionSummary(TypedDict):
    """The results of a run, under the JSON keys of an exchange run."""

    messages_in: int
    orders_sent: int
    cancels_sent: int
    converts_sent: int
    fills: int
    rejects: dict[str, int]
    errors: dict[str, int]
    faults: dict[str, int]
    last_faults: list[str]
    anomalies: dict[str, int]
    refusals: dict[str, int]
    refused: list[RefusedDocument]
    open_inferred: list[str]
    positions: dict[str, int]
    cash: int
    pnl: int
    strategies: dict[str, StrategyDocument]
    strategy_errors: dict[str, str]
    strategy_stops: dict[str, int]
    slow_hooks: dict[str, SlowHook]
    limit_breaches: int
    mode: str
    halted_reason: str


def summary_of(session: "Session") -> SessionSummary:
    """The results of a session so far, as ``Session.summary`` returns them."""
    from arbcore.trading._plugin import Plugin

    faults = session.fault_log.as_dict()
    if session.oversized:
        faults["oversized"] = session.oversized
    owners = [*session.names, "unattributed"]
    named = list(zip(session.names, session.strategies, strict=True))
    return {
        "messages_in": session.messages_in,
        "orders_sent": session.orders_sent,
        "cancels_sent": session.cancels_sent,
        "converts_sent": session.converts_sent,
        "fills": session.orders.fills,
        "rejects": session.rejects.as_dict(),
        "errors": session.errors.as_dict(),
        "faults": faults,
        "last_faults": [line.decode("utf-8", "backslashreplace") for line in session.fault_log.last()],
        "anomalies": session.orders.anomalies,
        "refusals": session.gate.refusals,
        "refused": session.gate.refused(owners),
        "open_inferred": session.open_inferred,
        "positions": session.positions(),
        "cash": session.cash,
        "pnl": session.carried_pnl + session.pnl(),
        "strategies": {name: _strategy(session, owner) for owner, name in enumerate(owners)},
        "strategy_errors": {name: strategy.error for name, strategy in named if strategy.error},
        "strategy_stops": {name: strategy.stops for name, strategy in named if strategy.stops},
        "slow_hooks": {
            name: {
                "hook": strategy.slowest_hook,
                "longest_s": round(strategy.slowest_ns / 1e9, 3),
                "calls": strategy.slow_calls,
            }
            for name, strategy in named
            if isinstance(strategy, Plugin) and strategy.slow_calls
        },
        "limit_breaches": session.audit.breaches,
        "mode": session.mode,
        "halted_reason": session.halted_reason,
    }


def _strategy(session: "Session", owner: int) -> StrategyDocument:
    orders, fills = session.orders.owner_counts(owner)
    return {"orders": orders, "fills": fills, "pnl": session.owner_pnl(owner)}
