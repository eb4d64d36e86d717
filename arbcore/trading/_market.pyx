"""The last book, the last trades and the open or closed state of every symbol.

Only the session writes it; the gate and the strategies read it. It must not know orders or limits.
``reference.market`` is its specification. Times are nanoseconds of the injected clock, 0 to 2**62.
"""

from libc.string cimport memcpy

from arbcore._fast cimport Level, ring_clear, ring_free, ring_init, ring_push
from arbcore.wire._types cimport BOND, MAX_LEVELS, N_SYMBOLS, Message

from arbcore.wire.instruments import BOND_FAIR_PRICE, SYMBOL_ID

cdef int64_t BOND_FAIR = BOND_FAIR_PRICE


cdef class Market:
    """The state of the seven symbols since this connection began. ``settings`` are a session's."""

    def __cinit__(self, settings):
        self.stale_ns = settings.stale_ns
        self.min_prices = settings.min_prices
        for symbol in range(N_SYMBOLS):
            ring_init(&self.symbols[symbol].prices, settings.window)

    def __dealloc__(self):
        cdef int32_t symbol
        for symbol in range(N_SYMBOLS):
            ring_free(&self.symbols[symbol].prices)

    cdef void clear(self) noexcept:
        cdef int32_t symbol
        cdef SymbolState* state
        for symbol in range(N_SYMBOLS):
            state = &self.symbols[symbol]
            state.n_bids = 0
            state.n_asks = 0
            state.last_price = 0
            state.open = False
            state.updated_ns = 0
            state.books = 0
            state.trades = 0
            ring_clear(&state.prices)
        self.open_bits = 0

    cdef void set_open(self, int32_t symbol, bint is_open) noexcept:
        self.symbols[symbol].open = is_open
        if is_open:
            self.open_bits |= 1u << symbol
        else:
            self.open_bits &= ~(1u << symbol)

    cdef void on_book(self, const Message* message, int64_t now_ns) noexcept:
        cdef SymbolState* state = &self.symbols[message.symbol]
        state.n_bids = message.n_bids
        state.n_asks = message.n_asks
        memcpy(state.bids, message.bids, <size_t>message.n_bids * sizeof(Level))
        memcpy(state.asks, message.asks, <size_t>message.n_asks * sizeof(Level))
        state.updated_ns = now_ns
        state.books += 1

    cdef void on_trade(self, int32_t symbol, int32_t price, int64_t now_ns) noexcept:
        cdef SymbolState* state = &self.symbols[symbol]
        ring_push(&state.prices, price)
        state.last_price = price
        state.updated_ns = now_ns
        state.trades += 1

    cdef int64_t doubled_reference(self, int32_t symbol, int64_t now_ns) noexcept:
        cdef SymbolState* state = &self.symbols[symbol]
        if symbol == BOND:
            return 2 * BOND_FAIR
        if now_ns - state.updated_ns > self.stale_ns:
            return 0
        if state.n_bids and state.n_asks:
            return <int64_t>state.bids[0].price + state.asks[0].price
        return 2 * <int64_t>state.last_price

    cdef int64_t mark(self, int32_t symbol, int64_t position, int64_t average_price) noexcept:
        cdef SymbolState* state = &self.symbols[symbol]
        if position > 0 and state.n_bids:
            return state.bids[0].price
        if position < 0 and state.n_asks:
            return state.asks[0].price
        return state.last_price if state.last_price else average_price

    cdef int64_t middle(self, int32_t symbol) noexcept:
        cdef SymbolState* state = &self.symbols[symbol]
        if state.n_bids and state.n_asks:
            return (<int64_t>state.bids[0].price + state.asks[0].price) // 2
        if state.last_price:
            return state.last_price
        return state.bids[0].price if state.n_bids else state.asks[0].price if state.n_asks else 0

    def view(self, str name):
        """One symbol as a dict: ``buy`` and ``sell`` as lists of (price, size) best first, ``prices`` of the
        last trades oldest first, ``last_price`` (0 before the first trade), ``open``, ``updated_ns``."""
        cdef int32_t symbol = SYMBOL_ID[name]
        cdef SymbolState* state = &self.symbols[symbol]
        cdef int32_t index
        cdef int32_t first = state.prices.head - state.prices.count
        prices = []
        for index in range(state.prices.count):
            prices.append(state.prices.values[(first + index + state.prices.window) % state.prices.window])
        return {
            "buy": [(state.bids[index].price, state.bids[index].size) for index in range(state.n_bids)],
            "sell": [(state.asks[index].price, state.asks[index].size) for index in range(state.n_asks)],
            "prices": prices,
            "last_price": state.last_price,
            "open": bool(state.open),
            "updated_ns": state.updated_ns,
        }

    # The rest of the Python interface is for tests and tools; the session calls the C functions above.

    def show_book(self, str name, bids, asks, int64_t now_ns):
        """Takes a book: at most 15 (price, size) a side, best first."""
        cdef Message message
        cdef int32_t index
        if len(bids) > MAX_LEVELS or len(asks) > MAX_LEVELS:
            raise ValueError(f"{len(bids)} and {len(asks)} levels; a book has at most {MAX_LEVELS} a side")
        message.symbol = SYMBOL_ID[name]
        message.n_bids = len(bids)
        message.n_asks = len(asks)
        for index in range(message.n_bids):
            message.bids[index].price, message.bids[index].size = bids[index]
        for index in range(message.n_asks):
            message.asks[index].price, message.asks[index].size = asks[index]
        self.on_book(&message, now_ns)

    def show_trade(self, str name, int32_t price, int64_t now_ns):
        """Takes a trade."""
        self.on_trade(SYMBOL_ID[name], price, now_ns)

    def show_open(self, str name, bint is_open):
        """Opens or closes a symbol."""
        self.set_open(SYMBOL_ID[name], is_open)

    def forget(self):
        """Clears all state, as on a new connection."""
        self.clear()

    def reference_doubled(self, str name, int64_t now_ns):
        """Twice the price that the collar compares an order with; 0 if there is none or it is too old."""
        return self.doubled_reference(SYMBOL_ID[name], now_ns)

    def marked(self, str name, int64_t position, int64_t average_price):
        """The price that values a position."""
        return self.mark(SYMBOL_ID[name], position, average_price)
