"""Twin of ``trading._market``: the last book, the last trades and the session state of every symbol."""

from collections import deque

from arbcore.trading.trading_settings import SessionSettings
from arbcore.wire.instruments import BOND_FAIR_PRICE, SYMBOLS

BOND = SYMBOLS.index("BOND")


class SymbolState:
    """The last book, trade and state of one symbol. Levels are (price, size), best first."""

    __slots__ = ("asks", "bids", "books", "last_price", "open", "prices", "trades", "updated_ns")

    def __init__(self, window: int) -> None:
        self.bids: list[tuple[int, int]] = []
        self.asks: list[tuple[int, int]] = []
        self.prices: deque[int] = deque(maxlen=window)
        self.last_price = 0
        self.updated_ns = 0
        self.books = 0  # Number of books since the connection began.
        self.trades = 0
        self.open = False


class Market:
    """The data on the seven symbols since this connection began."""

    def __init__(self, settings: SessionSettings) -> None:
        self.settings = settings
        self.symbols: list[SymbolState] = []
        self.clear()

    def clear(self) -> None:
        """Forgets everything: a new connection may be a new round, in which old prices do not hold."""
        self.symbols = [SymbolState(self.settings.window) for _ in SYMBOLS]

    def on_book(
        self, symbol: int, bids: list[tuple[int, int]], asks: list[tuple[int, int]], now_ns: int
    ) -> None:
        state = self.symbols[symbol]
        state.bids, state.asks, state.updated_ns = bids, asks, now_ns
        state.books += 1

    def on_trade(self, symbol: int, price: int, now_ns: int) -> None:
        state = self.symbols[symbol]
        state.prices.append(price)
        state.last_price, state.updated_ns = price, now_ns
        state.trades += 1

    def doubled_reference(self, symbol: int, now_ns: int) -> int:
        """Returns twice the reference price of the collar; 0 if there is none or it is too old.

        BOND's reference is its fair value. Other symbols use the book's middle, else the last trade. The
        price is doubled because the middle may lie between two ticks.
        """
        if symbol == BOND:
            return 2 * BOND_FAIR_PRICE
        state = self.symbols[symbol]
        if now_ns - state.updated_ns > self.settings.stale_ns:
            return 0
        if state.bids and state.asks:
            return state.bids[0][0] + state.asks[0][0]
        return 2 * state.last_price

    def middle(self, symbol: int) -> int:
        """Returns the middle of the touch, rounded down; else the last trade, else the only side, else 0."""
        state = self.symbols[symbol]
        if state.bids and state.asks:
            return (state.bids[0][0] + state.asks[0][0]) // 2
        return state.last_price or next((levels[0][0] for levels in (state.bids, state.asks) if levels), 0)

    def mark(self, symbol: int, position: int, average_price: int) -> int:
        """Returns the price that values a position: its closing touch, else last trade, else its average."""
        state = self.symbols[symbol]
        if position > 0 and state.bids:
            return state.bids[0][0]
        if position < 0 and state.asks:
            return state.asks[0][0]
        return state.last_price or average_price
