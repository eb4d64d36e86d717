"""The strategies that rest in the book: BOND around 1000, market making, VALE off VALBZ.

Owns when and where they quote and how VALE's fills are hedged; ``reference.quoting`` is the
specification. It must not know how orders reach the exchange, what the gate lets through, or the time.
"""
cimport cython
from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.string cimport memset

from arbcore._fast cimport Level
from arbcore.trading._market cimport SymbolState
from arbcore.trading._orders cimport CONVERT, Order, magnitude
from arbcore.trading._risk cimport HEDGE_VALUE
from arbcore.trading._strategy cimport CompiledStrategy, has_live, waits_for_slot
from arbcore.wire._types cimport BOND, BUY, GS, MAX_LEVELS, MS, N_SYMBOLS, SELL, VALBZ, VALE, WFC, XLF

from arbcore.trading.trading_settings import MILLISECOND_NS, NEVER_NS, SECOND_NS
from arbcore.wire.instruments import BOND_FAIR_PRICE

cdef enum:
    CONVERSION_VALUE = 50
    SLACK_TICKS_MAX = 10
    MILLI = 1000            # market making counts in thousandths of a tick
    EDGE_TICKS = 1          # a quote's least distance from fair value, and how far it may better the others
    MEMORY = 16             # changes of price, a second apart, that a sigma remembers
    SAMPLES_MIN = 3         # of them before anything is quoted
    STOCKS = 4              # whose changes make the toxicity
    TOXIC_SHARE = 2         # a quote in a toxic market is so many times smaller

cdef uint32_t QUOTED = (1u << GS) | (1u << MS) | (1u << WFC) | (1u << XLF)
cdef int64_t NEVER = NEVER_NS
cdef int64_t CONVERT_PAUSE = SECOND_NS  # a conversion that was rejected is not asked for again at once
cdef int64_t LOSS_LOOK = 10 * MILLISECOND_NS  # at every message it took 8% of everything's time
cdef int64_t BOND_FAIR = BOND_FAIR_PRICE
cdef int64_t SAMPLE_NS = SECOND_NS
cdef int64_t FLOW_NS = 800 * MILLISECOND_NS  # in so long a trade's push has faded: providers have followed
cdef int64_t RUN = 2 * MILLI  # so much flow one way is a run: whoever trades so often knows something
# A greater change of price counts as so many spreads, and as a number whose square a double holds exactly.
cdef int64_t CHANGE_SPREADS_MAX = 16
cdef int64_t CHANGE_MAX = 1 << 26


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


cdef class AverageQuoting(CompiledStrategy):
    """Market making as first described: 3 ticks either side of the rolling average for XLF, 1 for the others.

    It does not cross the others' touch, and knows nothing else of the book or of what it holds.
    """

    cdef int64_t size, inventory_cap
    cdef int32_t min_prices

    def __init__(self, settings, session):
        self.name = "market_making"
        self.book_bits = self.trade_bits = self.order_bits = QUOTED
        self.size = settings.size
        self.inventory_cap = settings.inventory_cap
        self.min_prices = session.min_prices
        self.made = True

    cdef int evaluate(self, uint32_t symbols, int64_t now_ns) except -1:
        cdef int32_t symbol
        for symbol in range(GS, N_SYMBOLS):
            if symbols & (1u << symbol) and not waits_for_slot(self, symbol):
                self.quote(symbol, 3 if symbol == XLF else 1)
        return 0

    cdef void quote(self, int32_t symbol, int64_t width) noexcept:
        cdef const SymbolState* state = &self.desk.market.symbols[symbol]
        cdef int64_t count = state.prices.count
        cdef int64_t total = state.prices.total
        cdef int64_t loose, buy_size, sell_size, bid, ask, others_bid, others_ask
        if count < self.min_prices:
            self.pull_quotes(symbol)
            return
        loose = self.desk.loose_position(symbol)
        bid = floor_div(total - width * count, count)
        ask = -floor_div(-total - width * count, count)
        others_bid = self.desk.net_touch(symbol, SELL)
        others_ask = self.desk.net_touch(symbol, BUY)
        if others_bid:
            ask = max(ask, others_bid + 1)
        if others_ask:
            bid = min(bid, others_ask - 1)
        buy_size = min(self.size, self.inventory_cap - loose)
        sell_size = min(self.size, self.inventory_cap + loose)
        self.keep_quote(symbol, BUY, bid, buy_size, width * buy_size + max(<int64_t>0, -loose))
        self.keep_quote(symbol, SELL, ask, sell_size, width * sell_size + max(<int64_t>0, loose))


# What market making knows of one symbol. Prices are in thousandths of a tick.
cdef struct Measure:
    int64_t books, trades       # how many of the symbol's have been looked at
    int64_t middle              # of the whole book; 0 while a side is empty
    int64_t sampled             # the middle at the last sample
    int64_t sample_ns
    int64_t samples
    int64_t square              # mean square of the change from sample to sample
    int64_t sigma               # its root
    int64_t spread              # mean distance of the others' best prices
    int64_t flow                # trades of late, those of buyers less those of sellers, MILLI to a trade
    int64_t flow_ns
    int64_t pulled_bid_ns       # until when a toxic side is pulled
    int64_t pulled_ask_ns


cdef class MarketMaking(CompiledStrategy):
    """Quotes either side of fair value, at most a tick better than everybody else, against what it holds.

    Fair value is the middle of the whole book by depth, for XLF halfway to its basket's, moved by the trades
    of the last moments: whoever traded may have known something that the providers will learn a moment later.
    All distances are in sigmas, the change of the symbol's price in a second. A side is pulled while trades
    run against it, and at every trade where sigmas are large against the spreads of VALBZ, GS, MS and WFC, as
    in a market that jumps. Once it has lost its limit in a round it only gets rid of what it holds.
    """

    cdef Measure measures[N_SYMBOLS]
    cdef int64_t size, inventory_cap, skew_percent, width_percent, flow_percent
    cdef int64_t toxic, toxic_pause_ns, loss_limit, look_ns
    cdef int64_t toxicity           # mean of (change / half spread) squared over the stocks, in thousandths
    cdef int64_t toxicity_samples
    cdef int32_t min_prices
    cdef bint stopped

    def __init__(self, settings, session):
        self.name = "market_making"
        self.trade_bits = self.order_bits = QUOTED
        self.book_bits = self.trade_bits | (1u << VALBZ)
        self.size = settings.size
        self.inventory_cap = settings.inventory_cap
        self.skew_percent = settings.skew_percent
        self.width_percent = settings.width_percent
        self.flow_percent = settings.flow_percent
        self.toxic = settings.toxic_percent * settings.toxic_percent // 10
        self.toxic_pause_ns = settings.toxic_pause_ns
        self.loss_limit = settings.loss_limit
        self.min_prices = session.min_prices
        self.reset()
        self.made = True

    cdef void reset(self) noexcept:
        cdef int32_t symbol
        self.stopped = False
        self.look_ns = 0
        self.toxicity = self.toxicity_samples = 0
        for symbol in range(N_SYMBOLS):
            self.forget(symbol)

    cdef void forget(self, int32_t symbol) noexcept:
        memset(&self.measures[symbol], 0, sizeof(Measure))

    cdef int evaluate(self, uint32_t symbols, int64_t now_ns) except -1:
        cdef int32_t symbol
        if now_ns >= self.look_ns:
            self.watch_loss(now_ns)
        if symbols & (1u << VALBZ):
            self.learn(VALBZ, now_ns)
        for symbol in range(GS, N_SYMBOLS):
            if symbols & (1u << symbol):
                self.learn(symbol, now_ns)
                if not waits_for_slot(self, symbol):
                    self.quote(symbol, now_ns)
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
            self.pull_quotes(symbol)

    # Of the round: cash, and what is held at the touch it would hit; 0 while that has no price.
    cdef int64_t pnl(self) noexcept:
        cdef int64_t pnl = self.holding.cash
        cdef int64_t held, price
        cdef int32_t symbol
        for symbol in range(GS, N_SYMBOLS):
            held = self.holding.position[symbol]
            if held:
                price = self.desk.market.mark(symbol, held, 0)
                if price == 0:
                    return 0
                pnl += held * price
        return pnl

    # --- what a share is worth ------------------------------------------------------------------

    cdef inline void learn(self, int32_t symbol, int64_t now_ns) noexcept:
        cdef const SymbolState* state = &self.desk.market.symbols[symbol]
        cdef Measure* measure = &self.measures[symbol]
        if state.books < measure.books or state.trades < measure.trades:
            self.forget(symbol)  # A new connection, and perhaps a new round with prices of its own.
        if state.books != measure.books:
            measure.books = state.books
            self.read_book(symbol, measure, now_ns)
        if state.trades != measure.trades:
            measure.trades = state.trades
            self.read_trade(state, measure, now_ns)

    @cython.boundscheck(False)
    cdef void read_book(self, int32_t symbol, Measure* measure, int64_t now_ns) noexcept:
        """The middle between the mean bid and the mean offer of everybody else, each by its size."""
        cdef Level bids[MAX_LEVELS]
        cdef Level asks[MAX_LEVELS]
        cdef int32_t n_bids = self.desk.net_levels(symbol, SELL, bids)
        cdef int32_t n_asks = self.desk.net_levels(symbol, BUY, asks)
        if n_bids == 0 or n_asks == 0:
            measure.middle = 0
            return
        measure.middle = (mean_price(bids, n_bids) + mean_price(asks, n_asks)) // 2
        if now_ns >= measure.sample_ns + SAMPLE_NS:
            self.sample(symbol, measure, max(1, asks[0].price - bids[0].price) * MILLI, now_ns)

    cdef void sample(self, int32_t symbol, Measure* measure, int64_t spread, int64_t now_ns) noexcept:
        cdef int64_t change, change_max, weight, half_spreads
        if measure.spread == 0:
            measure.spread = spread
        else:
            change_max = min(CHANGE_SPREADS_MAX * measure.spread, CHANGE_MAX)
            change = min(magnitude(measure.middle - measure.sampled), change_max)
            measure.samples += 1
            weight = min(measure.samples, <int64_t>MEMORY)
            measure.square += floor_div(change * change - measure.square, weight)
            measure.sigma = <int64_t>sqrt(<double>measure.square)
            if symbol != XLF:
                half_spreads = 2 * MILLI * change // measure.spread
                self.toxicity_samples += 1
                weight = min(self.toxicity_samples, <int64_t>(STOCKS * MEMORY))
                self.toxicity += floor_div(half_spreads * half_spreads // MILLI - self.toxicity, weight)
            measure.spread += floor_div(spread - measure.spread, MEMORY)
        measure.sampled = measure.middle
        measure.sample_ns = now_ns

    cdef void read_trade(self, const SymbolState* state, Measure* measure, int64_t now_ns) noexcept:
        cdef int64_t price = state.last_price * <int64_t>MILLI
        cdef bint bought = price > measure.middle
        if measure.middle == 0 or price == measure.middle:
            return
        measure.flow = faded(measure, now_ns) + (MILLI if bought else -MILLI)
        measure.flow_ns = now_ns
        if self.toxicity > self.toxic:
            if bought:
                measure.pulled_ask_ns = now_ns + self.toxic_pause_ns
            else:
                measure.pulled_bid_ns = now_ns + self.toxic_pause_ns

    cdef inline int64_t fair(self, int32_t symbol) noexcept:
        """0 while it is not known."""
        cdef int64_t gs = self.measures[<int>GS].middle
        cdef int64_t ms = self.measures[<int>MS].middle
        cdef int64_t wfc = self.measures[<int>WFC].middle
        cdef int64_t middle = self.measures[symbol].middle
        if symbol != XLF or middle == 0:
            return middle
        if gs == 0 or ms == 0 or wfc == 0:
            return 0
        return (middle + (3 * BOND_FAIR * MILLI + 2 * gs + 3 * ms + 2 * wfc) // 10) // 2

    # --- quoting --------------------------------------------------------------------------------

    cdef void quote(self, int32_t symbol, int64_t now_ns) noexcept:
        cdef const Measure* measure = &self.measures[symbol]
        cdef int64_t fair = self.fair(symbol)
        cdef int64_t cap = self.inventory_cap
        cdef int64_t flow, loose, width, bid, ask, others_bid, others_ask, buy_size, sell_size, size
        if (fair == 0 or measure.samples < SAMPLES_MIN
                or self.desk.market.symbols[symbol].prices.count < self.min_prices):
            self.pull_quotes(symbol)
            return
        loose = self.desk.loose_position(symbol)
        width = EDGE_TICKS * MILLI + measure.sigma * self.width_percent // 100
        flow = faded(measure, now_ns)
        fair += floor_div(flow * measure.sigma * self.flow_percent, 100 * MILLI)
        fair -= floor_div(max(-cap, min(cap, loose)) * measure.sigma * self.skew_percent, 100)
        bid = floor_div(fair - width, MILLI)
        ask = -floor_div(-fair - width, MILLI)
        # Nobody knows better than everybody else together: never far inside their touch, nor across it.
        others_bid = self.desk.net_touch(symbol, SELL)
        others_ask = self.desk.net_touch(symbol, BUY)
        if others_bid:
            bid = min(bid, others_bid + EDGE_TICKS)
            ask = max(ask, others_bid + 1)
        if others_ask:
            bid = min(bid, others_ask - 1)
            ask = max(ask, others_ask - EDGE_TICKS)
        # What works off a position may always stand.
        size = max(self.size // TOXIC_SHARE, 1) if self.toxicity > self.toxic else self.size
        buy_size = cap - loose
        sell_size = cap + loose
        if self.stopped or now_ns < measure.pulled_bid_ns or flow <= -RUN:
            buy_size = max(-loose, <int64_t>0)
        if self.stopped or now_ns < measure.pulled_ask_ns or flow >= RUN:
            sell_size = max(loose, <int64_t>0)
        buy_size = min(size, buy_size)
        sell_size = min(size, sell_size)
        self.keep_quote(symbol, BUY, bid, buy_size, buy_size + max(<int64_t>0, -loose))
        self.keep_quote(symbol, SELL, ask, sell_size, sell_size + max(<int64_t>0, loose))


@cython.cdivision(True)
@cython.boundscheck(False)
cdef inline int64_t mean_price(const Level* levels, int32_t count) noexcept nogil:
    """By size, in thousandths of a tick."""
    cdef int64_t worth = 0, size = 0
    cdef int32_t at
    for at in range(count):
        worth += <int64_t>levels[at].price * levels[at].size
        size += levels[at].size
    return worth * MILLI // size


cdef inline int64_t faded(const Measure* measure, int64_t now_ns) noexcept nogil:
    """What is left of the flow: nothing after FLOW_NS, half of it after half of that."""
    cdef int64_t left_ns = measure.flow_ns + FLOW_NS - now_ns
    if measure.flow == 0 or left_ns <= 0:
        return 0
    return floor_div(measure.flow * left_ns, FLOW_NS)


cdef class Vale(CompiledStrategy):
    """Quotes VALE, hedges every fill in VALBZ, and converts what has grown enough.

    VALE is worth what VALBZ is. A bid stands so far below VALBZ's that selling VALBZ there is a gain, and no
    more than a tick above everybody else's bid in VALE; where VALE is offered as low as that it takes the
    offer. Offers mirror this. What is held in the two and belongs to nobody counts as its own: nobody else
    would work it off.
    """

    cdef int64_t edge_ticks, size, max_position, convert_size, hedge_timeout_ns
    cdef int64_t attempts, convert_after_ns

    def __init__(self, settings):
        self.name = "vale"
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
        if magnitude(vale) >= self.convert_size:
            if now_ns >= self.convert_after_ns:
                self.ask_conversion(VALE, SELL if vale > 0 else BUY, magnitude(vale), CONVERSION_VALUE)
            else:
                self.wake_ns = self.convert_after_ns
        self.trade(vale)
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
    cdef void trade(self, int64_t vale) noexcept:
        cdef const SymbolState* valbz = &self.desk.market.symbols[VALBZ]
        cdef int64_t value = max(<int64_t>1, self.edge_ticks)
        cdef int64_t bid, ask, others_bid, others_ask, buy_size, sell_size
        if valbz.n_bids == 0 or valbz.n_asks == 0:
            self.pull_quotes(VALE)
            return
        bid = valbz.bids[0].price - self.edge_ticks
        ask = valbz.asks[0].price + self.edge_ticks
        others_bid = self.desk.net_touch(VALE, SELL)
        others_ask = self.desk.net_touch(VALE, BUY)
        if others_bid and not 0 < others_ask <= bid:
            bid = min(bid, others_bid + EDGE_TICKS)
        if others_ask and others_bid < ask:
            ask = max(ask, others_ask - EDGE_TICKS)
        buy_size = min(self.size, self.max_position - vale)
        sell_size = min(self.size, self.max_position + vale)
        self.keep_quote(VALE, BUY, bid, buy_size, value * buy_size)
        self.keep_quote(VALE, SELL, ask, sell_size, value * sell_size)

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


cdef class AverageVale(Vale):
    """VALE as first described: while the averages of VALE and VALBZ are further apart than the signal, it
    buys the cheap one and sells the dear one at the touch, and converts."""

    cdef int64_t signal_ticks
    cdef int32_t min_prices

    def __init__(self, settings, session):
        super().__init__(settings)
        self.trade_bits = self.book_bits
        self.signal_ticks = settings.signal_ticks
        self.min_prices = session.min_prices

    cdef void trade(self, int64_t vale) noexcept:
        cdef int32_t side = self.signal()
        if side == 0:
            self.pull_quotes(VALE)
            return
        self.keep_quote(VALE, -side, 0, 0, 0)
        self.keep_quote(VALE, side, self.desk.net_touch(VALE, side),
                        min(self.size, self.max_position - side * vale), self.signal_ticks)

    cdef int32_t signal(self) noexcept:
        """BUY where VALE is the cheap one, SELL where it is the dear one, 0 for neither."""
        cdef const SymbolState* vale = &self.desk.market.symbols[VALE]
        cdef const SymbolState* valbz = &self.desk.market.symbols[VALBZ]
        cdef int64_t difference, threshold
        if vale.prices.count < self.min_prices or valbz.prices.count < self.min_prices:
            return 0
        difference = vale.prices.total * valbz.prices.count - valbz.prices.total * vale.prices.count
        threshold = self.signal_ticks * vale.prices.count * valbz.prices.count
        return SELL if difference > threshold else BUY if difference < -threshold else 0
