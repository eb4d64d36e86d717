"""Twin of ``trading._quoting``: strategies with resting orders: BOND, market making, VALE against VALBZ."""

from math import isqrt

from arbcore.trading.trading_settings import (
    MILLISECOND_NS,
    NEVER_NS,
    SECOND_NS,
    BondSettings,
    MarketMakingSettings,
    SessionSettings,
    ValeSettings,
)
from arbcore.wire.instruments import BOND_FAIR_PRICE, SYMBOL_ID
from reference.orders import CONVERT, Order
from reference.risk import HEDGE_VALUE
from reference.strategy import Strategy

BOND, VALBZ, VALE = SYMBOL_ID["BOND"], SYMBOL_ID["VALBZ"], SYMBOL_ID["VALE"]
GS, MS, WFC, XLF = (SYMBOL_ID[name] for name in ("GS", "MS", "WFC", "XLF"))
CONVERSION_VALUE = 50
SLACK_TICKS_MAX = 10
#: After a rejected conversion the next one waits this long.
CONVERT_PAUSE_NS = SECOND_NS
#: Market making checks its loss this often; a check at every message took 8% of all processing time.
LOSS_LOOK_NS = 10 * MILLISECOND_NS
#: Market making computes in thousandths of a tick.
MILLI = 1000
#: A quote's least distance from fair value, and the most by which it may improve on others' quotes.
EDGE_TICKS = 1
#: Sigma uses this many price changes, a second apart; toxicity uses as many of each of four stocks.
MEMORY, STOCKS = 16, 4
SAMPLE_NS = SECOND_NS
#: Least number of these changes before anything is quoted.
SAMPLES_MIN = 3
#: In a toxic market the size of a quote is divided by this.
TOXIC_SHARE = 2
#: The effect of a trade fades within this time, which liquidity providers need to adjust their quotes.
FLOW_NS = 800 * MILLISECOND_NS
#: This much flow in one direction counts as a run, probably of an informed trader.
RUN = 2 * MILLI
#: A change counts at most as this many spreads, and at most as a number whose square is exact in a double.
CHANGE_SPREADS_MAX, CHANGE_MAX = 16, 2**26


class Bond(Strategy):
    """Bids below 1000 and offers above; an order that crosses a better price takes it.

    It leaves room in the limit for the hedging strategies to close or convert their positions.
    """

    name = "bond"
    order_symbols = frozenset({BOND})

    def __init__(self, settings: BondSettings) -> None:
        super().__init__()
        self.settings = settings

    def evaluate(self, symbols: int, now_ns: int) -> None:
        loose = self.desk.loose_position(BOND)
        hedged = self.desk.orders.position[BOND] - loose
        for side in (+1, -1):
            resting = sum(order.remaining for order in self.resting(BOND, side))
            room = self.desk.gate.room(BOND, side) - max(0, -side * hedged)
            wanted = min(self.settings.max_position - side * loose - resting, room)
            if wanted >= self.settings.refill_size or (wanted > 0 and resting == 0):
                price = BOND_FAIR_PRICE - side * self.settings.edge_ticks
                self.ask(BOND, side=side, price=price, size=wanted, value=self.settings.edge_ticks * wanted)


class AverageQuoting(Strategy):
    """Market making as first described: 3 ticks either side of the rolling average for XLF, 1 for the others.

    It does not cross the others' touch, and uses nothing else of the book or of its position.
    """

    name = "market_making"
    book_symbols = trade_symbols = order_symbols = frozenset({GS, MS, WFC, XLF})

    def __init__(self, settings: MarketMakingSettings, session: SessionSettings) -> None:
        super().__init__()
        self.settings = settings
        self.min_prices = session.min_prices

    def evaluate(self, symbols: int, now_ns: int) -> None:
        for symbol in (GS, MS, WFC, XLF):
            if symbols >> symbol & 1 and not self.waits_for_slot(symbol, now_ns):
                self._quote(symbol, 3 if symbol == XLF else 1)

    def _quote(self, symbol: int, width: int) -> None:
        prices = self.desk.market.symbols[symbol].prices
        count, total = len(prices), sum(prices)
        if count < self.min_prices:
            self.pull_quotes(symbol)
            return
        loose = self.desk.loose_position(symbol)
        bid = (total - width * count) // count
        ask = -((-total - width * count) // count)
        if others_bid := self.desk.net_touch(symbol, -1):
            ask = max(ask, others_bid + 1)
        if others_ask := self.desk.net_touch(symbol, +1):
            bid = min(bid, others_ask - 1)
        for side, price in ((+1, bid), (-1, ask)):
            size = min(self.settings.size, self.settings.inventory_cap - side * loose)
            value = width * size + max(0, -side * loose)
            self.keep_quote(symbol, side=side, price=price, size=size, value=value)


class Measure:
    """The data of market making about one symbol. Prices are in thousandths of a tick."""

    def __init__(self) -> None:
        self.books = self.trades = 0  # Numbers of the symbol's books and trades so far.
        self.middle = 0  # Middle of the whole book; 0 while a side is empty.
        self.sampled = 0  # The middle at the last sample.
        self.sample_ns = 0
        self.samples = 0
        self.square = 0  # Mean square of the change from sample to sample.
        self.spread = 0  # Mean distance of the others' best prices.
        self.flow = 0  # Recent trades, buyers' minus sellers', MILLI for each trade.
        self.flow_ns = 0
        self.pulled_ns = {+1: 0, -1: 0}  # The time until which a toxic side has no quote.

    @property
    def sigma(self) -> int:
        return isqrt(self.square)

    def faded_flow(self, now_ns: int) -> int:
        """Returns the remaining flow, which falls linearly to 0 within FLOW_NS."""
        left_ns = self.flow_ns + FLOW_NS - now_ns
        return self.flow * left_ns // FLOW_NS if left_ns > 0 else 0


class MarketMaking(Strategy):
    """Quotes on both sides of fair value, at most a tick better than others, shifted against its position.

    Fair value is the middle of the whole book by depth, for XLF halfway to its basket's. The trades of the
    last moments shift it, because a trader may know something that liquidity providers learn only later. All
    distances are in sigmas; sigma is the change of the symbol's price in a second. A side is withdrawn while
    a run of trades goes against it. If sigmas are large compared with the spreads of VALBZ, GS, MS and WFC,
    as in a market that jumps, every trade withdraws a side. Once it has lost its limit in a round, it only
    reduces its positions.
    """

    name = "market_making"
    book_symbols = frozenset({VALBZ, GS, MS, WFC, XLF})
    trade_symbols = order_symbols = frozenset({GS, MS, WFC, XLF})

    def __init__(self, settings: MarketMakingSettings, session: SessionSettings) -> None:
        super().__init__()
        self.settings = settings
        self.min_prices = session.min_prices
        self.reset()

    def reset(self) -> None:
        self.stopped = False
        self.look_ns = 0
        self.toxicity = self.toxicity_samples = 0
        self.measures = {symbol: Measure() for symbol in (VALBZ, GS, MS, WFC, XLF)}

    def evaluate(self, symbols: int, now_ns: int) -> None:
        if now_ns >= self.look_ns:
            self._watch_loss(now_ns)
        for symbol in (VALBZ, GS, MS, WFC, XLF):
            if symbols >> symbol & 1:
                self._learn(symbol, now_ns)
                if symbol != VALBZ and not self.waits_for_slot(symbol, now_ns):
                    self._quote(symbol, now_ns)

    def _watch_loss(self, now_ns: int) -> None:
        self.look_ns = now_ns + LOSS_LOOK_NS
        if not self.stopped and self._pnl() < -self.settings.loss_limit:
            self.stopped = True
            self.stops += 1
            # The sizes of quotes may be larger than the positions to reduce.
            for symbol in (GS, MS, WFC, XLF):
                self.pull_quotes(symbol)

    def _pnl(self) -> int:
        """Returns the round's P&L: cash, and positions at their closing touch; 0 while one has no price."""
        pnl = self.holding.cash
        for symbol in (GS, MS, WFC, XLF):
            if held := self.holding.position[symbol]:
                price = self.desk.market.mark(symbol, held, 0)
                if price == 0:
                    return 0
                pnl += held * price
        return pnl

    # --- fair value -----------------------------------------------------------------------------

    @property
    def toxic(self) -> bool:
        """Whether changes are so large compared with the spreads that traders are likely better informed."""
        return self.toxicity > self.settings.toxic_percent**2 // 10

    def _learn(self, symbol: int, now_ns: int) -> None:
        state, measure = self.desk.market.symbols[symbol], self.measures[symbol]
        if state.books < measure.books or state.trades < measure.trades:
            # A new connection may be a new round with other prices.
            measure = self.measures[symbol] = Measure()
        if state.books != measure.books:
            measure.books = state.books
            self._read_book(symbol, measure, now_ns)
        if state.trades != measure.trades:
            measure.trades = state.trades
            self._read_trade(state.last_price, measure, now_ns)

    def _read_book(self, symbol: int, measure: Measure, now_ns: int) -> None:
        """Computes the middle between the mean bid and the mean offer of all others, weighted by size."""
        bids, asks = self.desk.net_levels(symbol, -1), self.desk.net_levels(symbol, +1)
        if not bids or not asks:
            measure.middle = 0
            return
        measure.middle = sum(
            sum(price * size for price, size in levels) * MILLI // sum(size for _, size in levels)
            for levels in (bids, asks)
        ) // 2
        if now_ns >= measure.sample_ns + SAMPLE_NS:
            self._sample(symbol, measure, max(1, asks[0][0] - bids[0][0]) * MILLI)
            measure.sampled, measure.sample_ns = measure.middle, now_ns

    def _sample(self, symbol: int, measure: Measure, spread: int) -> None:
        if measure.spread == 0:
            measure.spread = spread
            return
        change = abs(measure.middle - measure.sampled)
        change = min(change, CHANGE_SPREADS_MAX * measure.spread, CHANGE_MAX)
        measure.samples += 1
        measure.square += (change**2 - measure.square) // min(measure.samples, MEMORY)
        if symbol != XLF:
            half_spreads = 2 * MILLI * change // measure.spread
            self.toxicity_samples += 1
            weight = min(self.toxicity_samples, STOCKS * MEMORY)
            self.toxicity += (half_spreads**2 // MILLI - self.toxicity) // weight
        measure.spread += (spread - measure.spread) // MEMORY

    def _read_trade(self, price: int, measure: Measure, now_ns: int) -> None:
        if measure.middle in (0, price * MILLI):
            return
        taken = -1 if price * MILLI > measure.middle else +1
        measure.flow = measure.faded_flow(now_ns) - taken * MILLI
        measure.flow_ns = now_ns
        if self.toxic:
            measure.pulled_ns[taken] = now_ns + self.settings.toxic_pause_ns

    def _fair(self, symbol: int) -> int:
        """Returns the fair value; 0 while it is not known."""
        middle = self.measures[symbol].middle
        if symbol != XLF or middle == 0:
            return middle
        gs, ms, wfc = (self.measures[leg].middle for leg in (GS, MS, WFC))
        if not (gs and ms and wfc):
            return 0
        basket = (3 * BOND_FAIR_PRICE * MILLI + 2 * gs + 3 * ms + 2 * wfc) // 10
        return (middle + basket) // 2

    # --- quoting --------------------------------------------------------------------------------

    def _quote(self, symbol: int, now_ns: int) -> None:
        measure, fair, settings = self.measures[symbol], self._fair(symbol), self.settings
        prices = self.desk.market.symbols[symbol].prices
        if fair == 0 or measure.samples < SAMPLES_MIN or len(prices) < self.min_prices:
            self.pull_quotes(symbol)
            return
        sigma, cap, loose = measure.sigma, settings.inventory_cap, self.desk.loose_position(symbol)
        width = EDGE_TICKS * MILLI + sigma * settings.width_percent // 100
        flow = measure.faded_flow(now_ns)
        fair += flow * sigma * settings.flow_percent // (100 * MILLI)
        fair -= max(-cap, min(cap, loose)) * sigma * settings.skew_percent // 100
        bid = (fair - width) // MILLI
        ask = -((-fair - width) // MILLI)
        # All others together are better informed, so quotes are never far inside their touch, nor across it.
        if others_bid := self.desk.net_touch(symbol, -1):
            bid = min(bid, others_bid + EDGE_TICKS)
            ask = max(ask, others_bid + 1)
        if others_ask := self.desk.net_touch(symbol, +1):
            bid = min(bid, others_ask - 1)
            ask = max(ask, others_ask - EDGE_TICKS)
        most = max(settings.size // TOXIC_SHARE, 1) if self.toxic else settings.size
        for side, price in ((+1, bid), (-1, ask)):
            # A quote that reduces the position is never withdrawn.
            pulled = self.stopped or now_ns < measure.pulled_ns[side] or -side * flow >= RUN
            size = min(most, max(-side * loose, 0) if pulled else cap - side * loose)
            self.keep_quote(symbol, side=side, price=price, size=size, value=size + max(0, -side * loose))


class Vale(Strategy):
    """Quotes VALE, hedges every fill in VALBZ, and converts positions that are large enough.

    VALE has the same value as VALBZ. A bid in VALE is so far below VALBZ's bid that selling VALBZ there
    gains, and at most a tick above all others' bids in VALE. If VALE is offered at or below that price, it
    takes the offer. Offers mirror this. Positions in both symbols without an owner count as its own, because
    no other strategy would reduce them.
    """

    name = "vale"
    hedged = True
    book_symbols = frozenset({VALBZ, VALE})
    order_symbols = frozenset({VALBZ, VALE})

    def __init__(self, settings: ValeSettings) -> None:
        super().__init__()
        self.settings = settings
        self.reset()

    def reset(self) -> None:
        self.attempts = 0
        self.convert_after_ns = 0
        self.wake_ns = NEVER_NS

    def evaluate(self, symbols: int, now_ns: int) -> None:
        vale = self.holding.position[VALE] + self.desk.unowned_position(VALE)
        valbz = self.holding.position[VALBZ] + self.desk.unowned_position(VALBZ)
        self.wake_ns = NEVER_NS
        if vale + valbz != 0:
            self.pull_quotes(VALE)
            self._hedge(-(vale + valbz), now_ns)
            return
        self.attempts = 0
        for order in self.own_live(VALBZ):
            self.desk.cancel(order)
        if any(order.kind == CONVERT for order in self.own_live(VALE)):
            self.convert_after_ns = now_ns + CONVERT_PAUSE_NS
            self.pull_quotes(VALE)
            return
        if abs(vale) >= self.settings.convert_size:
            if now_ns >= self.convert_after_ns:
                side = -1 if vale > 0 else 1
                self.ask_conversion(VALE, side=side, size=abs(vale), value=CONVERSION_VALUE)
            else:
                self.wake_ns = self.convert_after_ns
        self._trade(vale)

    def _trade(self, vale: int) -> None:
        state, settings = self.desk.market.symbols[VALBZ], self.settings
        if not (state.bids and state.asks):
            self.pull_quotes(VALE)
            return
        bid = state.bids[0][0] - settings.edge_ticks
        ask = state.asks[0][0] + settings.edge_ticks
        others_bid, others_ask = self.desk.net_touch(VALE, -1), self.desk.net_touch(VALE, +1)
        if others_bid and not 0 < others_ask <= bid:
            bid = min(bid, others_bid + EDGE_TICKS)
        if others_ask and others_bid < ask:
            ask = max(ask, others_ask - EDGE_TICKS)
        for side, price in ((+1, bid), (-1, ask)):
            size = min(settings.size, settings.max_position - side * vale)
            self.keep_quote(VALE, side=side, price=price, size=size, value=max(1, settings.edge_ticks) * size)

    def _hedge(self, wanted: int, now_ns: int) -> None:
        """Trades ``wanted`` shares of VALBZ at its touch, a tick further at each attempt. If VALBZ's limit
        leaves no room, closes the VALE position instead."""
        side = 1 if wanted > 0 else -1
        hedges = self.own_live(VALBZ)
        if hedges:
            for order in hedges:
                self._watch(order, side, now_ns)
            return
        symbol, room = VALBZ, self.desk.gate.room(VALBZ, side)
        if room == 0:
            symbol, room = VALE, self.desk.gate.room(VALE, side)
            if self.own_live(VALE):
                for order in self.own_live(VALE):
                    self._watch(order, side, now_ns)
                return
        state = self.desk.market.symbols[symbol]
        levels = state.asks if side > 0 else state.bids
        if not levels or room == 0:
            return
        price = levels[0][0] + side * min(self.attempts, SLACK_TICKS_MAX)
        self.ask(symbol, side=side, price=price, size=min(abs(wanted), room), value=HEDGE_VALUE)

    def _watch(self, order: Order, side: int, now_ns: int) -> None:
        """Cancels a hedge when its time is over; the next one goes a tick further."""
        due_ns = order.sent_ns + self.settings.hedge_timeout_ns
        if order.side == side and now_ns < due_ns:
            self.wake_ns = min(self.wake_ns, due_ns)
        elif order.cancels == 0 and not order.wants_cancel:
            self.attempts += 1
            self.desk.cancel(order)


class AverageVale(Vale):
    """VALE as first described: while the averages of VALE and VALBZ differ by more than the signal, it
    buys the cheaper one and sells the dearer one at the touch, and converts."""

    trade_symbols = frozenset({VALBZ, VALE})

    def __init__(self, settings: ValeSettings, session: SessionSettings) -> None:
        super().__init__(settings)
        self.min_prices = session.min_prices

    def _trade(self, vale: int) -> None:
        side = self._signal()
        if side == 0:
            self.pull_quotes(VALE)
            return
        settings = self.settings
        self.keep_quote(VALE, side=-side, price=0, size=0, value=0)
        size = min(settings.size, settings.max_position - side * vale)
        price = self.desk.net_touch(VALE, side)
        self.keep_quote(VALE, side=side, price=price, size=size, value=settings.signal_ticks)

    def _signal(self) -> int:
        """Returns +1 if VALE is cheaper, -1 if it is dearer, 0 for neither."""
        vale, valbz = (self.desk.market.symbols[symbol].prices for symbol in (VALE, VALBZ))
        if min(len(vale), len(valbz)) < self.min_prices:
            return 0
        difference = sum(vale) * len(valbz) - sum(valbz) * len(vale)
        threshold = self.settings.signal_ticks * len(vale) * len(valbz)
        return -1 if difference > threshold else +1 if difference < -threshold else 0
