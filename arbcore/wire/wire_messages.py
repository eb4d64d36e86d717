"""The fields of a decoded line, by message; prices are ticks, sizes are shares."""

from typing import TypedDict


class ExchangeMessage(TypedDict, total=False):
    """A line of the exchange. ``type`` is always present; the other keys depend on the type.

    ``buy`` and ``sell`` are [price, size] best first; ``deep`` is True if the book had more levels.
    """

    type: str
    positions: dict[str, int]
    cash: int
    symbols: list[str]
    order_id: int
    symbol: str
    buy: list[list[int]]
    sell: list[list[int]]
    deep: bool
    dir: str
    price: int
    size: int
    error: str


class ClientRequest(TypedDict, total=False):
    """A line of a client. ``type`` is always present; the other keys depend on the type."""

    type: str
    team: str
    order_id: int
    symbol: str
    dir: str
    price: int
    size: int
