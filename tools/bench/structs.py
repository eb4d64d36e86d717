"""The messages as msgspec structs. Importing this needs msgspec."""

from typing import Annotated, Any, Literal

import msgspec

from arbcore.wire.instruments import BOOK_LEVELS_MAX, ORDER_ID_MAX, PRICE_MAX

Name = Literal["BOND", "VALBZ", "VALE", "GS", "MS", "WFC", "XLF"]
Amount = Annotated[int, msgspec.Meta(ge=1, le=PRICE_MAX)]
OrderId = Annotated[int, msgspec.Meta(ge=0, le=ORDER_ID_MAX)]
Side = Annotated[list[tuple[Amount, Amount]], msgspec.Meta(max_length=BOOK_LEVELS_MAX)]


class Entry(msgspec.Struct, gc=False):
    """One position of a hello."""

    symbol: str
    position: int


class Hello(msgspec.Struct, tag_field="type", tag="hello"):
    """Positions at login."""

    symbols: list[Entry]


class Open(msgspec.Struct, tag_field="type", tag="open"):
    """Symbols that trade from now on."""

    symbols: list[str]


class Close(msgspec.Struct, tag_field="type", tag="close"):
    """Symbols that no longer trade."""

    symbols: list[str]


class Error(msgspec.Struct, tag_field="type", tag="error", gc=False):
    """An error that belongs to no order."""

    error: str


class Book(msgspec.Struct, tag_field="type", tag="book", gc=False):
    """A book without range checks; ``CheckedBook`` also checks its symbol and numbers."""

    symbol: str
    buy: list[tuple[int, int]]
    sell: list[tuple[int, int]]


class Trade(msgspec.Struct, tag_field="type", tag="trade", gc=False):
    """A trade without range checks."""

    symbol: str
    price: int
    size: int


class Fill(msgspec.Struct, tag_field="type", tag="fill", gc=False):
    """A fill without range checks."""

    order_id: int
    symbol: str
    dir: str
    price: int
    size: int


class CheckedBook(msgspec.Struct, tag_field="type", tag="book", gc=False):
    """A book of a known symbol with depth in range; the order of its levels is not checked."""

    symbol: Name
    buy: Side
    sell: Side


class CheckedTrade(msgspec.Struct, tag_field="type", tag="trade", gc=False):
    """A trade of a known symbol, numbers in range."""

    symbol: Name
    price: Amount
    size: Amount


class Ack(msgspec.Struct, tag_field="type", tag="ack", gc=False):
    """An order or conversion was accepted."""

    order_id: OrderId


class Reject(msgspec.Struct, tag_field="type", tag="reject", gc=False):
    """An order or conversion was refused."""

    order_id: OrderId
    error: str


class CheckedFill(msgspec.Struct, tag_field="type", tag="fill", gc=False):
    """A fill of a known symbol and direction, numbers in range."""

    order_id: OrderId
    symbol: Name
    dir: Literal["BUY", "SELL"]
    price: Amount
    size: Amount


class Out(msgspec.Struct, tag_field="type", tag="out", gc=False):
    """An order has ended."""

    order_id: OrderId


def message_decoder(*, checked: bool) -> Any:
    """Returns one decoder for all messages; with ``checked`` it checks names and ranges of the protocol."""
    if checked:
        kinds = CheckedBook | CheckedTrade | Ack | Reject | CheckedFill | Out | Hello | Open | Close | Error
        return msgspec.json.Decoder(kinds)
    return msgspec.json.Decoder(Book | Trade | Ack | Reject | Fill | Out | Hello | Open | Close | Error)
