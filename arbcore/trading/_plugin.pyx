# cython: nonecheck=True
"""A user's strategy: a plain Python class, on the same hooks and through the same gate as the built-in ones.

It may have any of these methods; ``desk`` is its view of the market and takes its orders (``TraderDesk``)::

    on_start(desk)                              once, before any other hook
    on_book(desk, symbol)                       a book changed
    on_trade(desk, symbol, price, size)         somebody traded
    on_fill(desk, symbol, side, price, size)    an order of this strategy filled, in part or in full
    on_refused(desk, ticket, reason)            the gate refused an order for good, and why
    on_tick(desk)                               ten times a second while the exchange is connected

Symbols are their names, sides "BUY" and "SELL". A class attribute ``symbols`` narrows the books and trades
that are told; ``name`` is what the summary calls it (the class's name otherwise).

What is asked for is sent at once if the gate lets it through and nobody asks for something more valuable in
the same symbol. Else it **waits**: for the 100 ms between two orders in a symbol, for the message cap, for
the more valuable order. It waits until it is sent, until ``desk.cancel`` takes it back, or until the strategy
asks again for the same symbol and side, which replaces it. Any other refusal (limit, collar, closed, own
order on the other side) is final: it is dropped and ``on_refused`` is told. A quote does not wait, it stands:
it is tried again until it is changed or pulled. All that waits or stands ends with the connection.

An exception in a hook switches the strategy off for the rest of the run: its orders are cancelled, what it
holds is left as it is, the error is in the summary's ``strategy_errors``, and the session goes on.
"""

import traceback

from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint32_t
from libc.string cimport memset

from arbcore.trading._market cimport SymbolState
from arbcore.trading._orders cimport ADD, CONVERT, OPEN, OUT, UNACKED, Order
from arbcore.trading._risk cimport ACTIVE, COOLDOWN, HEDGE_VALUE, MESSAGE_CAP, PASS, Proposal
from arbcore.trading._strategy cimport Strategy
from arbcore.wire._types cimport MSG_BOOK, MSG_FILL, MSG_TRADE, N_SYMBOLS, Message

from arbcore.errors import BrokenInvariant, UsageError
from arbcore.trading._risk import REFUSAL_NAMES
from arbcore.wire.instruments import SYMBOL_ID, SYMBOLS

HOOKS = ("on_start", "on_book", "on_trade", "on_fill", "on_refused", "on_tick")

cdef enum:
    ALL = (1 << N_SYMBOLS) - 1
    TICKETS_KEPT = 1024

cdef int64_t QUOTE_PAUSE_NS = 100_000_000   # a refused quote is not tried again before

# One order that waits to be sent; `ticket` is 0 where none does.
cdef struct Ask:
    int64_t ticket
    int64_t value
    int32_t price
    int32_t size

# One quote that stands; `size` is 0 where none does. `order_id` is the last order sent for it.
cdef struct Quote:
    int64_t order_id
    int64_t ticket
    int64_t value
    int64_t again_ns
    int32_t price
    int32_t size


cdef int32_t symbol_of(object name) except -1:
    if name not in SYMBOL_ID:
        raise UsageError(f"no symbol {name!r}; use one of {', '.join(SYMBOLS)}")
    return SYMBOL_ID[name]


cdef int32_t side_of(object side) except 0:
    if side == "BUY":
        return 1
    if side == "SELL":
        return -1
    raise UsageError(f"no side {side!r}; use BUY or SELL")


cdef int32_t whole(object number, str what) except? -1:
    if isinstance(number, bool) or not isinstance(number, int):
        raise UsageError(f"{what} is {number!r}; give a whole number")
    # What does not fit is no legal price or size either way: the gate refuses it.
    return <int32_t>max(-1, min(number, INT32_MAX))


cdef int64_t worth_of(object value, int32_t size) except? -1:
    # Nothing that a user's strategy asks for goes before a hedge or the closing of positions.
    return size if value is None else <int64_t>max(-HEDGE_VALUE, min(int(value), HEDGE_VALUE - 1))


cdef class Plugin(Strategy):
    """Puts a user's object on the hooks. UsageError where it has none of them, or ``symbols`` is wrong."""

    cdef object hooks
    cdef object on_start_hook, on_book_hook, on_trade_hook, on_fill_hook, on_refused_hook, on_tick_hook
    cdef TraderDesk face
    cdef uint32_t told_bits             # bit set of the symbols whose books and trades are told
    cdef int64_t now_ns
    cdef int64_t last_ticket
    cdef Ask asks[N_SYMBOLS][2][2]      # by kind and whether it buys
    cdef Quote quotes[N_SYMBOLS][2]     # by whether it buys
    cdef dict sent                      # ticket -> order id, of those that may still be live

    def __init__(self, hooks):
        if isinstance(hooks, type):
            raise UsageError(f"{hooks.__name__} is a class; give an object of it as the strategy")
        found = {name: getattr(hooks, name, None) for name in HOOKS}
        if not any(callable(hook) for hook in found.values()):
            raise UsageError(f"{type(hooks).__name__} is no strategy; it needs one of {', '.join(HOOKS)}")
        self.hooks = hooks
        self.on_start_hook = found["on_start"]
        self.on_book_hook = found["on_book"]
        self.on_trade_hook = found["on_trade"]
        self.on_fill_hook = found["on_fill"]
        self.on_refused_hook = found["on_refused"]
        self.on_tick_hook = found["on_tick"]
        self.name = str(getattr(hooks, "name", type(hooks).__name__))
        self.listens = True
        self.order_bits = ALL
        for symbol in getattr(hooks, "symbols", SYMBOLS):
            self.told_bits |= 1u << symbol_of(symbol)
        self.book_bits = self.told_bits
        self.trade_bits = self.told_bits
        self.face = TraderDesk(self)
        self.sent = {}

    # --- the session's calls --------------------------------------------------------------------

    cdef void reset(self) noexcept:
        memset(self.asks, 0, sizeof(self.asks))
        memset(self.quotes, 0, sizeof(self.quotes))

    cdef int evaluate(self, uint32_t symbols, int64_t now_ns) except -1:
        self.now_ns = now_ns
        self._propose()
        return 0

    cdef int on_message(self, const Message* message, int64_t now_ns) except -1:
        self.now_ns = now_ns
        if message.kind == MSG_FILL:
            side = "BUY" if message.side > 0 else "SELL"
            self._call("on_fill", self.on_fill_hook,
                       (SYMBOLS[message.symbol], side, message.price, message.size))
        elif not self.told_bits >> message.symbol & 1:
            return 0
        elif message.kind == MSG_BOOK:
            self._call("on_book", self.on_book_hook, (SYMBOLS[message.symbol],))
        elif message.kind == MSG_TRADE:
            self._call("on_trade", self.on_trade_hook, (SYMBOLS[message.symbol], message.price, message.size))
        return 0

    cdef int on_tick(self, int64_t now_ns) except -1:
        self.now_ns = now_ns
        self._call("on_tick", self.on_tick_hook, ())
        if self._trading():
            self._propose()
        return 0

    cdef int on_answer(self, const Proposal* proposal, int32_t refusal, Order* order) except -1:
        cdef bint buys = proposal.side > 0
        cdef Quote* quote = &self.quotes[proposal.symbol][buys]
        cdef Ask* waiting = &self.asks[proposal.symbol][proposal.kind][buys]
        cdef int64_t ticket = proposal.tag
        cdef bint wanted = waiting.ticket == ticket
        if self.error or refusal == COOLDOWN or refusal == MESSAGE_CAP:
            return 0
        if order != NULL:
            self._remember(ticket, order.id)
        if proposal.kind == ADD and quote.ticket == ticket:
            if order != NULL:
                quote.order_id = order.id
            else:
                quote.again_ns = self.now_ns + QUOTE_PAUSE_NS
            return 0
        if wanted:
            waiting.ticket = 0
        if refusal != PASS:
            self._call("on_refused", self.on_refused_hook, (ticket, REFUSAL_NAMES[refusal]))
        elif not wanted:
            # A hook took it back after it was proposed and before it left.
            self.desk.cancel(order)
        return 0

    # --- inside ---------------------------------------------------------------------------------

    cdef int _call(self, str what, object hook, tuple arguments) except -1:
        if self.error:
            return 0
        try:
            if self.on_start_hook is not None:
                starting, self.on_start_hook = self.on_start_hook, None
                starting(self.face)
            if hook is not None:
                hook(self.face, *arguments)
        except BrokenInvariant:
            raise
        except Exception as error:
            self._switch_off(what, error)
        return 0

    cdef int _switch_off(self, str what, object error) except -1:
        cdef int32_t symbol, index
        cdef Order* order
        cdef Proposal* proposal
        frames = traceback.extract_tb(error.__traceback__)
        place = f", {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
        self.error = f"{type(error).__name__} in {what}: {error}{place}"
        self.reset()
        for symbol in range(N_SYMBOLS):
            for index in range(self.desk.orders.n_live[symbol]):
                order = self.desk.orders.live[symbol][index]
                if order.strategy == self.owner:
                    self.desk.cancel(order)
            # What it proposed already must not leave any more: no order has a size of 0.
            for index in range(self.desk.gate.n_proposals[symbol]):
                proposal = &self.desk.gate.proposals[symbol][index]
                if proposal.strategy == self.owner:
                    proposal.size = 0
        return 0

    cdef bint _trading(self) except -1:
        return self.desk.gate.ready and self.desk.gate.mode == ACTIVE and not self.error

    cdef void _propose(self) noexcept:
        cdef int32_t symbol, kind, buys
        cdef Ask* waiting
        if self.error:
            return
        for symbol in range(N_SYMBOLS):
            for buys in range(2):
                for kind in range(2):
                    waiting = &self.asks[symbol][kind][buys]
                    if waiting.ticket:
                        self._put(kind, symbol, buys, waiting.price, waiting.size, waiting.value,
                                  waiting.ticket)
                if self.quotes[symbol][buys].size or self.quotes[symbol][buys].order_id:
                    self._keep(symbol, buys)

    # The order of a quote stands as it was sent; else it is cancelled, and after its out comes the next.
    cdef void _keep(self, int32_t symbol, bint buys) noexcept:
        cdef Quote* quote = &self.quotes[symbol][buys]
        cdef Order* order = self.desk.orders.find(quote.order_id) if quote.order_id else NULL
        if order != NULL and order.state < OUT:
            if ((order.state == UNACKED or order.state == OPEN)
                    and (order.price != quote.price or order.size != quote.size)):
                self.desk.cancel(order)
            return
        quote.order_id = 0
        if quote.size and self.now_ns >= quote.again_ns:
            self._put(ADD, symbol, buys, quote.price, quote.size, quote.value, quote.ticket)

    cdef void _put(self, int32_t kind, int32_t symbol, bint buys, int32_t price, int32_t size, int64_t value,
                   int64_t ticket) noexcept:
        cdef Proposal proposal
        proposal.kind = kind
        proposal.symbol = symbol
        proposal.side = 1 if buys else -1
        proposal.price = price
        proposal.size = size
        proposal.strategy = self.owner
        proposal.value = value
        proposal.tag = ticket
        self.desk.gate.propose(&proposal)

    cdef int _remember(self, int64_t ticket, int64_t order_id) except -1:
        cdef Order* order
        if len(self.sent) >= TICKETS_KEPT:
            # A strategy has fewer live orders than that: keep theirs.
            for kept, known_id in list(self.sent.items()):
                order = self.desk.orders.find(known_id)
                if order == NULL or order.state >= OUT:
                    del self.sent[kept]
        self.sent[ticket] = order_id
        return 0

    cdef int64_t _ask_for(self, int32_t kind, int32_t symbol, int32_t side, int32_t price, int32_t size,
                          object value) except -1:
        cdef Ask* waiting = &self.asks[symbol][kind][side > 0]
        cdef int64_t worth = worth_of(value, size)
        if not self._trading():
            return 0
        self.last_ticket += 1
        waiting.ticket = self.last_ticket
        waiting.price = price
        waiting.size = size
        waiting.value = worth
        return waiting.ticket


cdef class TraderDesk:
    """What a user's strategy sees and may ask for. Prices are in ticks, sizes and positions in shares."""

    cdef Plugin plugin

    def __cinit__(self, Plugin plugin not None):
        self.plugin = plugin

    cdef const SymbolState* _state(self, object symbol) except NULL:
        return &self.plugin.desk.market.symbols[symbol_of(symbol)]

    # --- the market -----------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        """The session's time, in nanoseconds of its clock."""
        return self.plugin.now_ns

    @property
    def trading(self) -> bool:
        """Whether orders are taken at all: logged in, not stopping, not closing down."""
        return bool(self.plugin._trading())

    def is_open(self, symbol) -> bool:
        """Whether the exchange has opened the symbol."""
        return bool(self._state(symbol).open)

    def bid(self, symbol):
        """The best bid as (price, size); None where there is none."""
        cdef const SymbolState* state = self._state(symbol)
        return (state.bids[0].price, state.bids[0].size) if state.n_bids else None

    def ask(self, symbol):
        """The best offer as (price, size); None where there is none."""
        cdef const SymbolState* state = self._state(symbol)
        return (state.asks[0].price, state.asks[0].size) if state.n_asks else None

    def book(self, symbol) -> tuple:
        """(bids, offers): each a list of (price, size), best first, at most 15."""
        cdef const SymbolState* state = self._state(symbol)
        cdef int32_t level
        return (
            [(state.bids[level].price, state.bids[level].size) for level in range(state.n_bids)],
            [(state.asks[level].price, state.asks[level].size) for level in range(state.n_asks)],
        )

    def last_price(self, symbol):
        """The price of the last trade; None before the first."""
        cdef int32_t price = self._state(symbol).last_price
        return price if price else None

    def average(self, symbol):
        """The average price of the last five trades (the setting ``window``); None before three of them
        (``min_prices``)."""
        cdef const SymbolState* state = self._state(symbol)
        if state.prices.count < self.plugin.desk.market.min_prices:
            return None
        return <object>state.prices.total / <object>state.prices.count

    # --- what is held and asked for -------------------------------------------------------------

    def position(self, symbol) -> int:
        """Shares held by the whole session, what all strategies did."""
        return self.plugin.desk.orders.position[symbol_of(symbol)]

    def own_position(self, symbol) -> int:
        """Shares that this strategy bought less those it sold."""
        return self.plugin.desk.orders.holdings[self.plugin.owner].position[symbol_of(symbol)]

    def room(self, symbol, side) -> int:
        """Shares of a side that may still be asked for within the limit, live orders counted."""
        return self.plugin.desk.gate.room(symbol_of(symbol), side_of(side))

    def orders(self) -> list:
        """This strategy's orders that wait or live, as dicts: ``ticket``, ``kind``, ``symbol``, ``side``,
        ``price``, ``size``, ``remaining``, ``state`` ("waiting", "unacknowledged", "open", ...)."""
        cdef int32_t symbol, kind, buys, index
        cdef Ask* waiting
        cdef Plugin plugin = self.plugin
        tickets = {order_id: ticket for ticket, order_id in plugin.sent.items()}
        listed = []
        for symbol in range(N_SYMBOLS):
            for index in range(plugin.desk.orders.n_live[symbol]):
                if plugin.desk.orders.live[symbol][index].strategy == plugin.owner:
                    shown = plugin.desk.orders.show(plugin.desk.orders.live[symbol][index])
                    listed.append({"ticket": tickets.get(shown["order_id"]),
                                   **{key: shown[key] for key in
                                      ("kind", "symbol", "side", "price", "size", "remaining", "state")}})
            for kind in range(2):
                for buys in range(2):
                    waiting = &plugin.asks[symbol][kind][buys]
                    if waiting.ticket:
                        listed.append({
                            "ticket": waiting.ticket, "kind": "convert" if kind == CONVERT else "add",
                            "symbol": SYMBOLS[symbol], "side": "BUY" if buys else "SELL",
                            "price": waiting.price, "size": waiting.size, "remaining": waiting.size,
                            "state": "waiting",
                        })
        return listed

    # --- asking ---------------------------------------------------------------------------------

    def buy(self, symbol, *, price, size, value=None):
        """Ask to buy ``size`` shares at ``price`` or better; returns a ticket, None while nothing is traded.

        ``value`` is the expected gain in ticks times shares, by which strategies that want the same slot are
        ranked; a tick a share unless given. A second ask for the same symbol and side replaces one that
        still waits.
        """
        return self._add(symbol, 1, price, size, value)

    def sell(self, symbol, *, price, size, value=None):
        """Ask to sell ``size`` shares at ``price`` or better; see ``buy``."""
        return self._add(symbol, -1, price, size, value)

    def convert(self, symbol, side, *, size, value=None):
        """Ask to convert: "BUY" receives ``size`` shares of XLF or VALE for their constituents, "SELL" gives
        them. XLF in multiples of ten. Returns a ticket, None while nothing is traded."""
        cdef int64_t ticket = self.plugin._ask_for(
            CONVERT, symbol_of(symbol), side_of(side), 0, whole(size, "size"), value)
        return ticket if ticket else None

    def _add(self, symbol, side, price, size, value):
        cdef int64_t ticket = self.plugin._ask_for(
            ADD, symbol_of(symbol), side, whole(price, "price"), whole(size, "size"), value)
        return ticket if ticket else None

    def cancel(self, ticket) -> bool:
        """Take back an order by its ticket, whether it waits or rests; False where it does neither."""
        cdef int32_t symbol, kind, buys
        cdef Plugin plugin = self.plugin
        cdef Order* order
        cdef int64_t number
        if ticket is None:
            return False
        number = ticket
        for symbol in range(N_SYMBOLS):
            for kind in range(2):
                for buys in range(2):
                    if number and plugin.asks[symbol][kind][buys].ticket == number:
                        plugin.asks[symbol][kind][buys].ticket = 0
                        return True
        order = plugin.desk.orders.find(plugin.sent.get(number, 0))
        if order == NULL or order.state >= OUT or order.kind != ADD:
            return False
        plugin.desk.cancel(order)
        return True

    def quote(self, symbol, side, price, size, value=None):
        """Keep one order of this price and size resting on a side, and no other of this quote's.

        It is sent again when it has filled, moved when price or size are changed, and pulled for good with a
        size of 0. Orders of ``buy`` and ``sell`` are left alone. Nothing stands while nothing is traded.
        """
        cdef Plugin plugin = self.plugin
        cdef Quote* quote = &plugin.quotes[symbol_of(symbol)][side_of(side) > 0]
        cdef int32_t new_price = whole(price, "price")
        cdef int32_t new_size = whole(size, "size")
        cdef int64_t worth = worth_of(value, new_size)
        if not plugin._trading():
            return
        quote.value = worth
        if new_size < 1:
            quote.size = 0
        elif quote.price != new_price or quote.size != new_size:
            if quote.ticket == 0:
                plugin.last_ticket += 1
                quote.ticket = plugin.last_ticket
            quote.price = new_price
            quote.size = new_size
            quote.again_ns = 0
