"""The strategies that rest in the book: BOND around 1000, market making on averages, VALE off VALBZ.

Owns when and where they quote and how VALE's fills are hedged; ``reference.quoting`` is the
specification. It must not know how orders reach the exchange, what the gate lets through, or the time.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint32_t

from arbcore.trading._market cimport SymbolState
from arbcore.trading._orders cimport CONVERT, Order, magnitude
from arbcore.trading._risk cimport HEDGE_VALUE
from arbcore.trading._strategy cimport CompiledStrategy, has_live, waits_for_slot
from arbcore.wire._types cimport BOND, BUY, GS, MS, N_SYMBOLS, SELL, VALBZ, VALE, WFC, XLF

from arbcore.trading.trading_settings import MILLISECOND_NS, NEVER_NS, SECOND_NS
from arbcore.wire.instruments import BOND_FAIR_PRICE

cdef enum:
    CONVERSION_VALUE = 50
    SLACK_TICKS_MAX = 10

cdef int64_t NEVER = NEVER_NS
cdef int64_t CONVERT_PAUSE = SECOND_NS  # a conversion that was rejected is not asked for again at once
cdef int64_t LOSS_LOOK = 10 * MILLISECOND_NS  # at every message it took 8% of everything's time
cdef int64_t BOND_FAIR = BOND_FAIR_PRICE


@cython.cdivision(True)
cdef inline int64_t floor_div(int64_t a, int64_t b) noexcept nogil:
    """a / b rounded down, for b > 0: C rounds towards zero, so a negative remainder takes one off."""
    return a // b - (1 if a % b < 0 else 0)


cdef class Bond(CompiledStrategy):
    """Bids below 1000 and offers above; an order that meets a better price takes it by itself.

    It leaves the hedging strategies the room to give back or to convert what they hold.
    """

    cdef int64_t edge_ticks, max_position, refill_size

    def __init__(self, settings):
        self.name = "bond"
        self.order_bits = 1u << BOND
        self.edge_ticks = settings.edge_ticks
        self.max_position = settings.max_position
        self.refill_size = settings.refill_size
        self.made = True

    cdef int evaluate(self, uint32_t symbols, int64_t now_ns) except -1:
        cdef int64_t loose = self.desk.loose_position(BOND)
        self.keep_filled(BUY, loose)
        self.keep_filled(SELL, loose)
        return 0

    cdef void keep_filled(self, int32_t side, int64_t loose) noexcept:
        cdef int64_t resting = self.resting_size(BOND, side)
        cdef int64_t hedged = self.desk.orders.position[BOND] - loose
        cdef int64_t room = self.desk.gate.room(BOND, side) - max(<int64_t>0, -side * hedged)
        cdef int64_t wanted = min(self.max_position - side * loose - resting, room)
        if wanted >= self.refill_size or (wanted > 0 and resting == 0):
            self.ask(BOND, side, BOND_FAIR - side * self.edge_ticks, wanted, self.edge_ticks * wanted)


cdef class MarketMaking(CompiledStrategy):
    """Quotes a width either side of the rolling average, skewed against the loose position.

    Once it has lost its limit in a round it quotes no more than it takes to get rid of what is held.
    """

    cdef int64_t widths[N_SYMBOLS]
    cdef int64_t size, inventory_cap, skew_ticks, improve_ticks, loss_limit, look_ns
    cdef int32_t min_prices
    cdef bint stopped

    def __init__(self, settings, session):
        cdef int32_t symbol
        self.name = "market_making"
        self.widths[GS] = settings.width_gs
        self.widths[MS] = settings.width_ms
        self.widths[WFC] = settings.width_wfc
        self.widths[XLF] = settings.width_xlf
        for symbol in range(N_SYMBOLS):
            if self.widths[symbol] > 0:
                self.trade_bits |= 1u << symbol
        self.book_bits = self.order_bits = self.trade_bits
        self.size = settings.size
        self.inventory_cap = settings.inventory_cap
        self.skew_ticks = settings.skew_ticks
        self.improve_ticks = settings.improve_ticks
        self.loss_limit = settings.loss_limit
        self.min_prices = session.min_prices
        self.reset()
        self.made = True

    cdef void reset(self) noexcept:
        self.stopped = False
        self.look_ns = 0

    cdef int evaluate(self, uint32_t symbols, int64_t now_ns) except -1:
        cdef int32_t symbol
        if now_ns >= self.look_ns:
            self.watch_loss(now_ns)
        for symbol in range(GS, N_SYMBOLS):
            if symbols & self.trade_bits & (1u << symbol) and not waits_for_slot(self, symbol):
                self.quote(symbol, self.widths[symbol])
        return 0

    cdef void watch_loss(self, int64_t now_ns) noexcept:
        cdef int32_t symbol
        self.look_ns = now_ns + LOSS_LOOK
        if self.stopped or self.pnl() >= -self.loss_limit:
            return
        self.stopped = True
        self.stops += 1
        # What stands in the books may be larger than what is held.
        for symbol in range(GS, N_SYMBOLS):
            if self.trade_bits & (1u << symbol):
                self.pull_quotes(symbol)

    # Of the round: cash, and what is held at the touch it would hit; 0 while that has no price.
    cdef int64_t pnl(self) noexcept:
        cdef int64_t pnl = self.holding.cash
        cdef int64_t held, price
        cdef int32_t symbol
        for symbol in range(GS, N_SYMBOLS):
            held = self.holding.position[symbol]
            if held and self.trade_bits & (1u << symbol):
                price = self.desk.market.mark(symbol, held, 0)
                if price == 0:
                    return 0
                pnl += held * price
        return pnl

    cdef void quote(self, int32_t symbol, int64_t width) noexcept:
        cdef const SymbolState* state = &self.desk.market.symbols[symbol]
        cdef int64_t most, buy_size, sell_size
        cdef int64_t count = state.prices.count
        cdef int64_t total = state.prices.total
        cdef int64_t cap = self.inventory_cap
        cdef int64_t loose, held, denominator, centre, bid, ask, others_bid, others_ask
        if count < self.min_prices:
            self.pull_quotes(symbol)
            return
        loose = self.desk.loose_position(symbol)
        held = max(-cap, min(cap, loose))
        # The centre is total/count - held*skew/cap, kept as one fraction so that nothing is rounded twice.
        denominator = count * cap
        centre = total * cap - held * self.skew_ticks * count
        bid = floor_div(centre - width * denominator, denominator)
        ask = -floor_div(-centre - width * denominator, denominator)
        # An average knows less than everybody else together: never far inside their touch, nor across it.
        others_bid = self.desk.net_touch(symbol, SELL)
        others_ask = self.desk.net_touch(symbol, BUY)
        if others_bid:
            bid = min(bid, others_bid + self.improve_ticks)
            ask = max(ask, others_bid + 1)
        if others_ask:
            bid = min(bid, others_ask - 1)
            ask = max(ask, others_ask - self.improve_ticks)
        most = 0 if self.stopped else cap
        buy_size = min(self.size, most - loose)
        sell_size = min(self.size, most + loose)
        self.keep_quote(symbol, BUY, bid, buy_size, width * buy_size + max(<int64_t>0, -loose))
        self.keep_quote(symbol, SELL, ask, sell_size, width * sell_size + max(<int64_t>0, loose))


cdef class ValeQuoting(CompiledStrategy):
    """Quotes VALE outside VALBZ's touch, so that a fill can be hedged in VALBZ at a gain, and hedges it.

    What is held in the two and belongs to nobody counts as its own: nobody else would work it off.
    """

    cdef int64_t edge_ticks, size, max_position, convert_size, hedge_timeout_ns
    cdef int64_t attempts, convert_after_ns

    def __init__(self, settings):
        self.name = "vale_quoting"
        self.hedged = True
        self.book_bits = self.order_bits = (1u << VALE) | (1u << VALBZ)
        self.edge_ticks = settings.edge_ticks
        self.size = settings.size
        self.max_position = settings.max_position
        self.convert_size = settings.convert_size
        self.hedge_timeout_ns = settings.hedge_timeout_ns
        self.reset()
        self.made = True

    cdef void reset(self) noexcept:
        self.attempts = 0
        self.convert_after_ns = 0
        self.wake_ns = NEVER

    cdef int evaluate(self, uint32_t symbols, int64_t now_ns) except -1:
        cdef int64_t vale = self.holding.position[VALE] + self.desk.unowned_position(VALE)
        cdef int64_t valbz = self.holding.position[VALBZ] + self.desk.unowned_position(VALBZ)
        self.wake_ns = NEVER
        if vale + valbz != 0:
            self.pull_quotes(VALE)
            self.hedge(-(vale + valbz), now_ns)
            return 0
        self.attempts = 0
        self.cancel_live(VALBZ)
        if self.converting():
            self.convert_after_ns = now_ns + CONVERT_PAUSE
            self.pull_quotes(VALE)
            return 0
        if magnitude(vale) >= self.convert_size and now_ns >= self.convert_after_ns:
            self.ask_conversion(VALE, SELL if vale > 0 else BUY, magnitude(vale), CONVERSION_VALUE)
        self.quote(vale)
        return 0

    cdef bint converting(self) noexcept:
        cdef int32_t at
        cdef Order* order
        for at in range(self.desk.orders.n_live[VALE]):
            order = self.desk.orders.live[VALE][at]
            if order.strategy == self.owner and order.kind == CONVERT:
                return True
        return False

    cdef void cancel_live(self, int32_t symbol) noexcept:
        cdef int32_t at
        cdef Order* order
        for at in range(self.desk.orders.n_live[symbol]):
            order = self.desk.orders.live[symbol][at]
            if order.strategy == self.owner:
                self.desk.cancel(order)

    @cython.boundscheck(False)
    cdef void quote(self, int64_t vale) noexcept:
        cdef const SymbolState* state = &self.desk.market.symbols[VALBZ]
        cdef int64_t buy_size, sell_size
        cdef int64_t value = max(<int64_t>1, self.edge_ticks)
        if state.n_bids == 0 or state.n_asks == 0:
            self.pull_quotes(VALE)
            return
        buy_size = min(self.size, self.max_position - vale)
        sell_size = min(self.size, self.max_position + vale)
        self.keep_quote(VALE, BUY, state.bids[0].price - self.edge_ticks, buy_size, value * buy_size)
        self.keep_quote(VALE, SELL, state.asks[0].price + self.edge_ticks, sell_size, value * sell_size)

    @cython.boundscheck(False)
    cdef void hedge(self, int64_t wanted, int64_t now_ns) noexcept:
        """Trade ``wanted`` shares of VALBZ at its touch, a tick further at each attempt; where the limit of
        VALBZ leaves no room, take the VALE position back instead."""
        cdef int32_t side = BUY if wanted > 0 else SELL
        cdef int32_t symbol = VALBZ
        cdef int64_t room
        cdef const SymbolState* state
        cdef int64_t touch
        if has_live(self, VALBZ):
            self.watch_all(VALBZ, side, now_ns)
            return
        room = self.desk.gate.room(VALBZ, side)
        if room == 0:
            symbol = VALE
            room = self.desk.gate.room(VALE, side)
            if has_live(self, VALE):
                self.watch_all(VALE, side, now_ns)
                return
        state = &self.desk.market.symbols[symbol]
        if (state.n_asks if side > 0 else state.n_bids) == 0 or room == 0:
            return
        touch = state.asks[0].price if side > 0 else state.bids[0].price
        self.ask(symbol, side, touch + side * min(self.attempts, <int64_t>SLACK_TICKS_MAX),
                 min(magnitude(wanted), room), HEDGE_VALUE)

    cdef void watch_all(self, int32_t symbol, int32_t side, int64_t now_ns) noexcept:
        """Give each hedge its time, then cancel it; the next one goes a tick further."""
        cdef int32_t at
        cdef Order* order
        cdef int64_t due_ns
        for at in range(self.desk.orders.n_live[symbol]):
            order = self.desk.orders.live[symbol][at]
            if order.strategy != self.owner:
                continue
            due_ns = order.sent_ns + self.hedge_timeout_ns
            if order.side == side and now_ns < due_ns:
                self.wake_ns = min(self.wake_ns, due_ns)
            elif order.cancels == 0 and not order.wants_cancel:
                self.attempts += 1
                self.desk.cancel(order)
