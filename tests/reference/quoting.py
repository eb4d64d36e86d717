"""Twin of ``trading._quoting``: the strategies that rest in the book: BOND, market making, VALE off VALBZ."""

from arbcore.trading.trading_settings import (
    MILLISECOND_NS,
    NEVER_NS,
    SECOND_NS,
    BondSettings,
    MarketMakingSettings,
    SessionSettings,
    ValeQuotingSettings,
)
from arbcore.wire.instruments import BOND_FAIR_PRICE, SYMBOL_ID
from reference.orders import CONVERT, Order
from reference.risk import HEDGE_VALUE
from reference.strategy import Strategy

BOND, VALBZ, VALE = SYMBOL_ID["BOND"], SYMBOL_ID["VALBZ"], SYMBOL_ID["VALE"]
CONVERSION_VALUE = 50
SLACK_TICKS_MAX = 10
#: A conversion that was rejected is not asked for again at once.
CONVERT_PAUSE_NS = SECOND_NS
#: Market making looks at its loss this often; at every message that took 8% of everything's time.
LOSS_LOOK_NS = 10 * MILLISECOND_NS


class Bond(Strategy):
    """Bids below 1000 and offers above; an order that meets a better price takes it by itself.

    It leaves the hedging strategies the room to give back or to convert what they hold.
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


class MarketMaking(Strategy):
    """Quotes a width either side of the rolling average, skewed against the loose position.

    Once it has lost ``loss_limit`` in a round it quotes no more than it takes to get rid of what is held.
    """

    name = "market_making"

    def __init__(self, settings: MarketMakingSettings, session: SessionSettings) -> None:
        super().__init__()
        self.settings = settings
        self.min_prices = session.min_prices
        self.reset()
        widths = {
            "GS": settings.width_gs, "MS": settings.width_ms,
            "WFC": settings.width_wfc, "XLF": settings.width_xlf,
        }
        self.widths = {SYMBOL_ID[name]: width for name, width in widths.items() if width > 0}
        self.book_symbols = self.trade_symbols = self.order_symbols = frozenset(self.widths)

    def reset(self) -> None:
        self.stopped = False
        self.look_ns = 0

    def evaluate(self, symbols: int, now_ns: int) -> None:
        if now_ns >= self.look_ns:
            self._watch_loss(now_ns)
        for symbol in sorted(self.widths):
            if symbols >> symbol & 1 and not self.waits_for_slot(symbol, now_ns):
                self._quote(symbol, self.widths[symbol])

    def _watch_loss(self, now_ns: int) -> None:
        self.look_ns = now_ns + LOSS_LOOK_NS
        if not self.stopped and self._pnl() < -self.settings.loss_limit:
            self.stopped = True
            self.stops += 1
            # What stands in the books may be larger than what is held.
            for symbol in sorted(self.widths):
                self.pull_quotes(symbol)

    def _pnl(self) -> int:
        """Of the round: cash, and what is held at the touch it would hit; 0 while that has no price."""
        pnl = self.holding.cash
        for symbol in sorted(self.widths):
            if held := self.holding.position[symbol]:
                price = self.desk.market.mark(symbol, held, 0)
                if price == 0:
                    return 0
                pnl += held * price
        return pnl

    def _quote(self, symbol: int, width: int) -> None:
        state = self.desk.market.symbols[symbol]
        count, total = len(state.prices), sum(state.prices)
        if count < self.min_prices:
            self.pull_quotes(symbol)
            return
        loose, cap = self.desk.loose_position(symbol), self.settings.inventory_cap
        held = max(-cap, min(cap, loose))
        # The centre is total/count - held*skew/cap, kept as one fraction so that nothing is rounded twice.
        denominator = count * cap
        centre = total * cap - held * self.settings.skew_ticks * count
        bid = (centre - width * denominator) // denominator
        ask = -((-centre - width * denominator) // denominator)
        # An average knows less than everybody else together: never far inside their touch, nor across it.
        others_bid, others_ask = self.desk.net_touch(symbol, -1), self.desk.net_touch(symbol, +1)
        if others_bid:
            bid = min(bid, others_bid + self.settings.improve_ticks)
            ask = max(ask, others_bid + 1)
        if others_ask:
            bid = min(bid, others_ask - 1)
            ask = max(ask, others_ask - self.settings.improve_ticks)
        most = 0 if self.stopped else cap
        for side, price in ((+1, bid), (-1, ask)):
            size = min(self.settings.size, most - side * loose)
            value = width * size + max(0, -side * loose)
            self.keep_quote(symbol, side=side, price=price, size=size, value=value)


class ValeQuoting(Strategy):
    """Quotes VALE outside VALBZ's touch, so that a fill can be hedged in VALBZ at a gain, and hedges it.

    What is held in the two and belongs to nobody counts as its own: nobody else would work it off.
    """

    name = "vale_quoting"
    hedged = True
    book_symbols = frozenset({VALBZ, VALE})
    order_symbols = frozenset({VALBZ, VALE})

    def __init__(self, settings: ValeQuotingSettings) -> None:
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
        if abs(vale) >= self.settings.convert_size and now_ns >= self.convert_after_ns:
            side = -1 if vale > 0 else 1
            self.ask_conversion(VALE, side=side, size=abs(vale), value=CONVERSION_VALUE)
        self._quote(vale)

    def _quote(self, vale: int) -> None:
        state = self.desk.market.symbols[VALBZ]
        if not (state.bids and state.asks):
            self.pull_quotes(VALE)
            return
        edge = self.settings.edge_ticks
        for side, price in ((+1, state.bids[0][0] - edge), (-1, state.asks[0][0] + edge)):
            size = min(self.settings.size, self.settings.max_position - side * vale)
            self.keep_quote(VALE, side=side, price=price, size=size, value=max(1, edge) * size)

    def _hedge(self, wanted: int, now_ns: int) -> None:
        """Trade ``wanted`` shares of VALBZ at its touch, a tick further at each attempt; where the limit of
        VALBZ leaves no room, take the VALE position back instead."""
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
        """Give a hedge its time, then cancel it; the next one goes a tick further."""
        due_ns = order.sent_ns + self.settings.hedge_timeout_ns
        if order.side == side and now_ns < due_ns:
            self.wake_ns = min(self.wake_ns, due_ns)
        elif order.cancels == 0 and not order.wants_cancel:
            self.attempts += 1
            self.desk.cancel(order)
