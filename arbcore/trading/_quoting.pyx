"""The strategies that rest orders in the book: BOND around 1000, market making, VALE off VALBZ.

Owns their quotes and the hedging of VALE's fills; ``reference.quoting`` is the specification. It must not
know how orders reach the exchange, the gate's rules, or the time.
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
    EDGE_TICKS = 1          # least distance from fair value, and greatest improvement on the others' touch
    MEMORY = 16             # price changes, a second apart, that a sigma averages over
    SAMPLES_MIN = 3         # least number of changes before it quotes
    STOCKS = 4              # number of stocks whose changes make the toxicity
    TOXIC_SHARE = 2         # divides the size of a quote in a toxic market

cdef uint32_t QUOTED = (1u << GS) | (1u << MS) | (1u << WFC) | (1u << XLF)
cdef int64_t NEVER = NEVER_NS
cdef int64_t CONVERT_PAUSE = SECOND_NS  # pause after a rejected conversion before the next one is requested
cdef int64_t LOSS_LOOK = 10 * MILLISECOND_NS  # checking at every message took 8% of the total time
cdef int64_t BOND_FAIR = BOND_FAIR_PRICE
cdef int64_t SAMPLE_NS = SECOND_NS
cdef int64_t FLOW_NS = 800 * MILLISECOND_NS  # after this time providers have followed a trade
cdef int64_t RUN = 2 * MILLI  # flow this strong one way is a run and suggests news
# A price change counts as at most so many spreads, and at most a number whose square a double holds exactly.
cdef int64_t CHANGE_SPREADS_MAX = 16
cdef int64_t CHANGE_MAX = 1 << 26


@cython.cdivision(True)
cdef inline int64_t floor_div(int64_t a, int64_t b) noexcept nogil:
    """Returns a / b rounded down, for b > 0: C rounds towards zero, so a negative remainder subtracts one."""
    return a // b - (1 if a % b < 0 else 0)


cdef class Bond(CompiledStrategy):
    """Bids below 1000 and offers above; an order priced through the others' touch trades at their price.

    It leaves room in the limit for the hedging strategies to convert or unwind their positions.
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
    """Market making as first specified: 3 ticks either side of the rolling average for XLF, 1 for the others.

    It does not cross the others' touch, and uses neither the rest of the book nor its position.
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


# What market making measures for one symbol. Prices are in thousandths of a tick.
cdef struct Measure:
    int64_t books, trades       # how many of the symbol's books and trades it has read
    int64_t middle              # middle of the whole book; 0 while a side is empty
    int64_t sampled             # the middle at the last sample
    int64_t sample_ns
    int64_t samples
    int64_t square              # mean square of the change from sample to sample
    int64_t sigma               # square root of `square`
    int64_t spread              # mean spread of the others' touch
    int64_t flow                # recent trades, those of buyers less those of sellers, MILLI for each
    int64_t flow_ns
    int64_t pulled_bid_ns       # time until which a toxic side stays pulled
    int64_t pulled_ask_ns


cdef class MarketMaking(CompiledStrategy):
    """Quotes either side of fair value, at most one tick inside the others' touch, skewed by its position.

    Fair value is the middle of the whole book by depth, for XLF averaged with its basket's value, and shifted
    by recent trades, because a trade may carry news before the providers move their quotes. All distances are
    multiples of sigma, the symbol's price change in a second. A side is pulled while trades run against it.
    In a market that jumps, where sigmas are large against the spreads of VALBZ, GS, MS and WFC, every trade
    pulls a side. After it has lost its limit in a round, it only reduces its position.
    """

    cdef Measure measures[N_SYMBOLS]
    cdef int64_t size, inventory_cap, skew_percent, width_percent, flow_percent
    cdef int64_t toxic, toxic_pause_ns, loss_limit, look_ns
    cdef int64_t toxicity           # mean over the stocks of (change / half spread) squared, in thousandths
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
        # Resting quotes may be larger than the position, so all are pulled.
        for symbol in range(GS, N_SYMBOLS):
            self.pull_quotes(symbol)

    # P&L of this round: cash plus positions at the touch that would close them; 0 while one has no price.
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

    # --- fair value -----------------------------------------------------------------------------

    cdef inline void learn(self, int32_t symbol, int64_t now_ns) noexcept:
        cdef const SymbolState* state = &self.desk.market.symbols[symbol]
        cdef Measure* measure = &self.measures[symbol]
        if state.books < measure.books or state.trades < measure.trades:
            self.forget(symbol)  # A new connection, and perhaps a new round with new prices.
        if state.books != measure.books:
            measure.books = state.books
            self.read_book(symbol, measure, now_ns)
        if state.trades != measure.trades:
            measure.trades = state.trades
            self.read_trade(state, measure, now_ns)

    @cython.boundscheck(False)
    cdef void read_book(self, int32_t symbol, Measure* measure, int64_t now_ns) noexcept:
        """Updates the middle between the others' mean bid and mean offer, both weighted by size."""
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
        """The fair value in thousandths of a tick; 0 while it is not known."""
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
        # The others together know as much: quote at most one tick inside their touch, and never across.
        others_bid = self.desk.net_touch(symbol, SELL)
        others_ask = self.desk.net_touch(symbol, BUY)
        if others_bid:
            bid = min(bid, others_bid + EDGE_TICKS)
            ask = max(ask, others_bid + 1)
        if others_ask:
            bid = min(bid, others_ask - 1)
            ask = max(ask, others_ask - EDGE_TICKS)
        # A quote that reduces the position is always allowed.
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
    """The mean price weighted by size, in thousandths of a tick."""
    cdef int64_t worth = 0, size = 0
    cdef int32_t at
    for at in range(count):
        worth += <int64_t>levels[at].price * levels[at].size
        size += levels[at].size
    return worth * MILLI // size


cdef inline int64_t faded(const Measure* measure, int64_t now_ns) noexcept nogil:
    """The remaining flow: it falls linearly from the last trade to zero after FLOW_NS."""
    cdef int64_t left_ns = measure.flow_ns + FLOW_NS - now_ns
    if measure.flow == 0 or left_ns <= 0:
        return 0
    return floor_div(measure.flow * left_ns, FLOW_NS)


cdef class Vale(CompiledStrategy):
    """Quotes VALE, hedges every fill in VALBZ, and converts the position when it is large enough.

    The fair value of VALE is VALBZ's. Its bid in VALE is far enough below VALBZ's bid that selling VALBZ
    there makes a gain, and at most one tick above the others' bid in VALE; if VALE is offered at that price
    or less, it takes the offer. Offers mirror this. It treats positions in the two symbols that belong to no
    strategy as its own, because no other strategy would reduce them.
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
        """Trades ``wanted`` shares of VALBZ at its touch, one tick worse at each attempt; if the limit of
        VALBZ leaves no room, reduces the VALE position instead."""
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
        """Cancels each hedge that did not fill in time; the next one is priced one tick worse."""
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
    """VALE as first specified: while the averages of VALE and VALBZ differ by more than the signal, it buys
    the cheap one and sells the dear one at the touch, and converts."""

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
        """Returns BUY if VALE is the cheap one, SELL if it is the dear one, 0 if neither."""
        cdef const SymbolState* vale = &self.desk.market.symbols[VALE]
        cdef const SymbolState* valbz = &self.desk.market.symbols[VALBZ]
        cdef int64_t difference, threshold
        if vale.prices.count < self.min_prices or valbz.prices.count < self.min_prices:
            return 0
        difference = vale.prices.total * valbz.prices.count - valbz.prices.total * vale.prices.count
        threshold = self.signal_ticks * vale.prices.count * valbz.prices.count
        return SELL if difference > threshold else BUY if difference < -threshold else 0
