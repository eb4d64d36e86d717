"""Twin of ``trading._arbitrage``: XLF against its basket, in both directions.

One lot is ``unit`` shares of the ETF against its basket. ``target`` counts the hedged lots held: +1 is one
basket bought and one unit of the ETF sold, which a conversion closes; -1 the reverse. All legs of an entry
are sent together at the prices in the books. If some have not filled in time, lots are completed or undone,
whichever costs less. Only filled lots are converted.
"""

from arbcore.trading.trading_settings import NEVER_NS, SECOND_NS, XlfArbitrageSettings
from arbcore.wire.instruments import SYMBOL_ID
from reference.orders import ADD, CONVERSION_OF, CONVERT, Order
from reference.risk import HEDGE_VALUE
from reference.strategy import Strategy

IDLE, ENTERING, REPAIRING = range(3)
CONVERSION_VALUE = 50
SLACK_TICKS_MAX = 10
#: After a rejected conversion the next one waits this long.
CONVERT_PAUSE_NS = SECOND_NS


def depth_value(levels: list[tuple[int, int]], quantity: int) -> int | None:
    """Returns the value of ``quantity`` shares from the best level on; None if the levels hold fewer."""
    value = 0
    for price, size in levels:
        taken = min(size, quantity)
        value += taken * price
        quantity -= taken
        if quantity == 0:
            return value
    return None


def worst_price(levels: list[tuple[int, int]], quantity: int) -> int:
    """Returns the price of the last level that ``quantity`` shares reach."""
    for price, size in levels:
        quantity -= size
        if quantity <= 0:
            return price
    return levels[-1][0]


class XlfArbitrage(Strategy):
    """Trades XLF against its basket whenever the books' depth gives a gain."""

    name = "xlf_arbitrage"
    hedged = True

    def __init__(self, settings: XlfArbitrageSettings) -> None:
        super().__init__()
        self.etf = SYMBOL_ID["XLF"]
        conversion = CONVERSION_OF[self.etf]
        self.unit, self.fee = conversion.unit, conversion.fee
        self.settings = settings
        #: Signed shares of each symbol in one lot, the ETF first.
        self.lot = {self.etf: -self.unit} | {SYMBOL_ID[leg]: quantity for leg, quantity in conversion.legs}
        self.book_symbols = self.order_symbols = frozenset(self.lot)
        self.reset()

    def reset(self) -> None:
        self.phase = IDLE
        self.target = 0
        self.target_before = 0
        self.held_before: dict[int, int] = {}
        self.prices: dict[int, int] = {}
        self.value = 0
        self.deadline_ns = 0
        self.attempts = 0
        self.convert_after_ns = 0
        self.wake_ns = NEVER_NS

    def evaluate(self, symbols: int, now_ns: int) -> None:
        self.wake_ns = NEVER_NS
        live = [order for symbol in self.lot for order in self.own_live(symbol)]
        if any(order.kind == CONVERT for order in live):
            self.convert_after_ns = now_ns + CONVERT_PAUSE_NS
            return
        if self.phase == ENTERING and not live and self._held() == self.held_before:
            # No order of the entry was sent or filled, and its prices may be gone.
            self.phase, self.target = IDLE, self.target_before
        if any(self._missing(symbol) for symbol in self.lot):
            self._work(live, now_ns)
            return
        if live:
            self._pull(live)
            return
        self.phase, self.attempts = IDLE, 0
        if abs(self.target) >= self.settings.convert_lots:
            if now_ns >= self.convert_after_ns:
                side = 1 if self.target > 0 else -1
                size = abs(self.target) * self.unit
                self.ask_conversion(self.etf, side=side, size=size, value=CONVERSION_VALUE)
                return
            self.wake_ns = self.convert_after_ns
        self._enter(now_ns)

    def converted(self) -> None:
        self.target = 0

    # --- entering -------------------------------------------------------------------------------

    def _enter(self, now_ns: int) -> None:
        create = self._best(+1) if self._touch_gain(+1) > 0 else (0, 0)
        redeem = self._best(-1) if self._touch_gain(-1) > 0 else (0, 0)
        direction = +1 if create[1] >= redeem[1] else -1
        lots, gain = create if direction > 0 else redeem
        if lots == 0:
            return
        self.phase = ENTERING
        self.target_before, self.held_before = self.target, self._held()
        self.target += direction * lots
        self.value = gain
        self.attempts = 0
        self.deadline_ns = self.wake_ns = now_ns + self.settings.leg_timeout_ns
        for symbol in self.lot:
            missing = self._missing(symbol)
            side = 1 if missing > 0 else -1
            self.prices[symbol] = worst_price(self.desk.net_levels(symbol, side), abs(missing))
        self._ask_missing([])

    def _touch_gain(self, direction: int) -> int:
        """Returns the gain of one lot at the touch, which depth can only reduce; 0 if a side is empty."""
        gain = 0
        for symbol, quantity in self.lot.items():
            state = self.desk.market.symbols[symbol]
            levels = state.asks if direction * quantity > 0 else state.bids
            if not levels:
                return 0
            gain -= direction * quantity * levels[0][0]
        return gain

    def _best(self, direction: int) -> tuple[int, int]:
        """Returns (lots, gain) of the entry with the largest gain in a direction after its share of the fee;
        (0, 0) without one. Every lot must gain the edge, plus its share of the fee; lots that only close lots
        held the other way need no conversion, and so no share of the fee."""
        takes_back = direction * self.target < 0
        lot_fee = 0 if takes_back else -(-self.fee // self.settings.convert_lots)
        room = abs(self.target) if takes_back else self.settings.max_lots - abs(self.target)
        levels = {}
        for symbol, quantity in self.lot.items():
            side = direction if quantity > 0 else -direction
            room = min(room, self.desk.gate.room(symbol, side) // abs(quantity))
            levels[symbol] = self.desk.net_levels(symbol, side)
        best_lots, best_surplus = 0, -1
        for lots in range(1, room + 1):
            surplus = -lots * (lot_fee + self.settings.edge_ticks)
            for symbol, quantity in self.lot.items():
                value = depth_value(levels[symbol], abs(quantity) * lots)
                if value is None:
                    break
                surplus += value if direction * quantity < 0 else -value
            else:
                if surplus > best_surplus:
                    best_lots, best_surplus = lots, surplus
        gain = best_surplus + best_lots * self.settings.edge_ticks
        return (best_lots, gain) if best_lots and gain > 0 else (0, 0)

    # --- working and repairing ------------------------------------------------------------------

    def _work(self, live: list[Order], now_ns: int) -> None:
        if self.phase == IDLE or now_ns >= self.deadline_ns:
            if live:
                self._pull(live)
                return
            if not self._repair(now_ns):
                return
        for order in live:
            if order.side * self._missing(order.symbol) <= 0:
                self.desk.cancel(order)
        self.wake_ns = self.deadline_ns
        self._ask_missing(live)

    def _ask_missing(self, live: list[Order]) -> None:
        busy = {order.symbol for order in live}
        for symbol in self.lot:
            missing = self._missing(symbol)
            if missing and symbol not in busy:
                side = 1 if missing > 0 else -1
                value = HEDGE_VALUE if self.phase == REPAIRING else self.value
                self.ask(symbol, side=side, price=self.prices[symbol], size=abs(missing), value=value)

    def _repair(self, now_ns: int) -> bool:
        """Chooses the number of lots that is cheapest to reach from the fills, at others' touch, and prices
        the missing quantities a tick further at each attempt. False if no number can be reached now."""
        best: tuple[int, int, int] | None = None
        for lots in self._reachable_lots():
            cash = self._cash_to_reach(lots)
            if cash is not None and (best is None or (cash, -abs(lots)) > best[:2]):
                best = (cash, -abs(lots), lots)
        if best is None:
            self.phase = REPAIRING
            self.deadline_ns = now_ns
            self.wake_ns = now_ns + self.settings.leg_timeout_ns
            return False
        self.target = best[2]
        self.phase = REPAIRING
        slack = min(self.attempts, SLACK_TICKS_MAX)
        self.attempts += 1
        self.deadline_ns = now_ns + self.settings.leg_timeout_ns
        for symbol in self.lot:
            missing = self._missing(symbol)
            if missing:
                side = 1 if missing > 0 else -1
                self.prices[symbol] = self.desk.net_touch(symbol, side) + side * slack
        return True

    def _reachable_lots(self) -> range:
        """Returns the range of lots that the holdings of the symbols correspond to, rounded outwards."""
        lows, highs = [self.target], [self.target]
        for symbol, quantity in self.lot.items():
            held = self.holding.position[symbol]
            lows.append(held // quantity)
            highs.append(-(-held // quantity))
        return range(min(lows), max(highs) + 1)

    def _cash_to_reach(self, lots: int) -> int | None:
        """Returns the cash from trading to ``lots`` at others' touch; None without a side or the room."""
        cash = 0
        for symbol, quantity in self.lot.items():
            missing = lots * quantity - self.holding.position[symbol]
            if missing == 0:
                continue
            side = 1 if missing > 0 else -1
            touch = self.desk.net_touch(symbol, side)
            if touch == 0 or self.desk.gate.room(symbol, side) < abs(missing):
                return None
            cash -= missing * touch
        return cash

    def _held(self) -> dict[int, int]:
        return {symbol: self.holding.position[symbol] for symbol in self.lot}

    def _missing(self, symbol: int) -> int:
        return self.target * self.lot[symbol] - self.holding.position[symbol]

    def _pull(self, live: list[Order]) -> None:
        for order in live:
            if order.kind == ADD:
                self.desk.cancel(order)
