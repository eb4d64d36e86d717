"""The documents of an exchange about its teams and rounds. Money is whole ticks, positions are shares."""

from typing import TypedDict


class AccountDocument(TypedDict):
    """An account: cash, positions and working shares by symbol, and its counters."""

    cash: int
    positions: dict[str, int]
    working_buy: dict[str, int]
    working_sell: dict[str, int]
    fees: int
    fills: int
    volume: int
    conversions: int
    rejects: int
    open_orders: int
    stopped: bool


class ScoreDocument(AccountDocument):
    """A team's account in a round; ``fair_pnl`` is cash plus positions at hidden fair value."""

    fair_pnl: int


class StandingDocument(ScoreDocument):
    """A team's present score, with the number of its connections."""

    connections: int


class StandingsDocument(TypedDict):
    """The present round; ``left_s`` is None if it has no end."""

    round: int
    phase: str
    left_s: float | None
    teams: dict[str, StandingDocument]


class RoundDocument(TypedDict):
    """A round that has ended."""

    round: int
    fair_values: dict[str, float]
    scores: dict[str, ScoreDocument]


class RoundEvent(RoundDocument):
    """A round as the exchange's program reports it; ``complete`` is True if it was played to its end."""

    event: str
    complete: bool


SecondLoginEvent = TypedDict(
    "SecondLoginEvent",
    {"event": str, "team": str, "from": str, "other": str, "refused": bool, "two_bots": bool},
)
"""A second login as the exchange's program reports it, with the addresses of both connections."""


class TradeDocument(TypedDict):
    """A published trade, and its age."""

    symbol: str
    price: int
    size: int
    ago_s: float


class SecondLogin(TypedDict):
    """A second login of a team: the new connection, the one logged in before, and the result."""

    team: str
    conn: int
    other: int
    refused: bool
    two_bots: bool
