"""What a session says of itself, key by key: its orders, a strategy's holding, and the summary of a run.

Money is ticks, sizes and positions are shares, times are nanoseconds of the injected clock.
"""

from typing import TypedDict


class TicketDocument(TypedDict):
    """An order of a user's strategy that waits or lives, by its ticket."""

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


class RefusedDocument(TypedDict):
    """What the gate kept refusing: whose, in which symbol and on which side, and why."""

    strategy: str
    symbol: str
    side: str
    reason: str
    seconds: int


class HoldingDocument(TypedDict):
    """What one strategy holds: cash, positions by symbol, and P&L carried from earlier rounds."""

    cash: int
    carried_pnl: int
    positions: dict[str, int]


class StrategyDocument(TypedDict):
    """What one strategy did in a run."""

    orders: int
    fills: int
    pnl: int


class SlowHook(TypedDict):
    """The slowest hook of a strategy, and how many calls were slow."""

    hook: str
    longest_s: float
    calls: int


class SessionSummary(TypedDict):
    """What a run did, under the JSON keys of an exchange run."""

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
