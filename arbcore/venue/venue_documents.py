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
    """A team as it stands, with the number of its connections."""

    connections: int


class StandingsDocument(TypedDict):
    """The round as it stands; ``left_s`` is None without an end."""

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
    """A round as the exchange's program tells of it; ``complete`` where it was played to its end."""

    event: str
    complete: bool


SecondLoginEvent = TypedDict(
    "SecondLoginEvent",
    {"event": str, "team": str, "from": str, "other": str, "refused": bool, "two_bots": bool},
)
"""A second login as the exchange's program tells of it, with the addresses of both connections."""


class TradeDocument(TypedDict):
    """A trade as everybody was told of it, and how long ago."""

    symbol: str
    price: int
    size: int
    ago_s: float


class SecondLogin(TypedDict):
    """A second login of a team: the connection, the one that was logged in, and what became of it."""

    team: str
    conn: int
    other: int
    refused: bool
    two_bots: bool
