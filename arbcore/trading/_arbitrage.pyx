"""XLF against its basket, in both directions.

Owns the hedged lots: their entry at prices in the books, the repair of legs that did not fill, and the
conversion of the legs that did; ``reference.arbitrage`` is the specification and defines lot and target. It
must not know how orders reach the exchange, the gate's rules, or the time.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint32_t

from arbcore._fast cimport LEGS_MAX, ConversionBooks, best_create, best_redeem
from arbcore._fast cimport Level
from arbcore.trading._market cimport SymbolState
from arbcore.trading._orders cimport ADD, CONVERT, Order, magnitude
from arbcore.trading._risk cimport HEDGE_VALUE
from arbcore.trading._strategy cimport CompiledStrategy, has_live
from arbcore.wire._types cimport BUY, MAX_LEVELS, SELL

from arbcore.errors import BrokenInvariant
from arbcore.trading.trading_settings import NEVER_NS, SECOND_NS
from arbcore.wire.instruments import CONVERSIONS, SYMBOL_ID

cdef enum Phase:
    IDLE = 0
    ENTERING = 1
    REPAIRING = 2

cdef enum:
    PARTS_MAX = LEGS_MAX + 1
    CONVERSION_VALUE = 50
    SLACK_TICKS_MAX = 10

cdef int64_t NEVER = NEVER_NS
cdef int64_t CONVERT_PAUSE = SECOND_NS  # pause after a rejected conversion before the next one is requested


@cython.cdivision(True)
cdef inline int64_t floor_div(int64_t a, int64_t b) noexcept nogil:
    """Returns a / b rounded down, for any sign of a and b."""
    cdef int64_t quotient = a // b
    return quotient - 1 if a % b != 0 and (a < 0) != (b < 0) else quotient


@cython.boundscheck(False)
cdef int32_t worst_price(const Level* levels, int32_t count, int64_t quantity) noexcept nogil:
    """Price of the deepest level that ``quantity`` shares reach; the levels must hold that many shares."""
    cdef int32_t at = 0
    while at < count - 1:
        quantity -= levels[at].size
        if quantity <= 0:
            break
        at += 1
    return levels[at].price


# One symbol of a lot: its signed shares in one lot, and the price limit of an entry or a repair.
cdef struct Part:
    int32_t symbol
    int64_t quantity
    int64_t held_before
    int64_t price


# Every part index is below n_parts <= PARTS_MAX by construction, so the class reads its C arrays
# without bounds checks.
@cython.boundscheck(False)
@cython.wraparound(False)
cdef class XlfArbitrage(CompiledStrategy):
    """Trades XLF against its basket if the depth of the books shows a gain."""

    cdef Part parts[PARTS_MAX]  # the ETF first
    cdef int32_t n_parts
    cdef int64_t fee, lot_fee, edge_ticks, max_lots, convert_lots, leg_timeout_ns
    cdef int64_t target, target_before, value, deadline_ns, attempts, convert_after_ns
    cdef int32_t phase
    # The entry under consideration: the book levels that each part would trade with, without our own orders.
    cdef Level levels[PARTS_MAX][MAX_LEVELS]
    cdef int32_t n_levels[PARTS_MAX]

    def __init__(self, settings):
        conversion = CONVERSIONS["XLF"]
        if len(conversion.legs) > LEGS_MAX:
            raise BrokenInvariant(f"XLF converts into {len(conversion.legs)} legs; {LEGS_MAX} fit")
        self.name = "xlf_arbitrage"
        self.hedged = True
        self.fee = conversion.fee
        self.lot_fee = -(-conversion.fee // settings.convert_lots)
        self.edge_ticks = settings.edge_ticks
        self.max_lots = settings.max_lots
        self.convert_lots = settings.convert_lots
        self.leg_timeout_ns = settings.leg_timeout_ns
        self.n_parts = 0
        for name, quantity in (("XLF", -conversion.unit), *conversion.legs):
            self.parts[self.n_parts].symbol = SYMBOL_ID[name]
            self.parts[self.n_parts].quantity = quantity
            self.n_parts += 1
            self.book_bits |= 1u << <uint32_t>SYMBOL_ID[name]
        self.order_bits = self.book_bits
        self.reset()
        self.made = True

    cdef void reset(self) noexcept:
        self.phase = IDLE
        self.target = 0
        self.target_before = 0
        self.value = 0
        self.deadline_ns = 0
        self.attempts = 0
        self.convert_after_ns = 0
        self.wake_ns = NEVER

    cdef void converted(self) noexcept:
        self.target = 0

    cdef int evaluate(self, uint32_t symbols, int64_t now_ns) except -1:
        cdef int32_t live = 0
        cdef int64_t lacking = 0
        cdef int32_t part
        for part in range(self.n_parts):
            live += self.desk.orders.n_owned[self.parts[part].symbol][self.owner]
            lacking |= self.missing(part)
        self.wake_ns = NEVER
        if live and self.converting():
            self.convert_after_ns = now_ns + CONVERT_PAUSE
            return 0
        if self.phase == ENTERING and live == 0 and self.nothing_filled():
            # No order of the entry is live and nothing filled: the prices that justified it may be gone.
            self.phase = IDLE
            self.target = self.target_before
            lacking = self.anything_missing()
        if lacking:
            self.work(live > 0, now_ns)
            return 0
        if live:
            self.pull()
            return 0
        self.phase = IDLE
        self.attempts = 0
        if magnitude(self.target) >= self.convert_lots:
            if now_ns >= self.convert_after_ns:
                self.ask_conversion(self.parts[0].symbol, BUY if self.target > 0 else SELL,
                                    magnitude(self.target) * -self.parts[0].quantity, CONVERSION_VALUE)
                return 0
            self.wake_ns = self.convert_after_ns
        self.enter(now_ns)
        return 0

    cdef bint converting(self) noexcept:
        cdef int32_t etf = self.parts[0].symbol
        cdef int32_t at
        cdef const Order* order
        for at in range(self.desk.orders.n_live[etf]):
            order = self.desk.orders.live[etf][at]
            if order.strategy == self.owner and order.kind == CONVERT:
                return True
        return False

    # --- entering -------------------------------------------------------------------------------

    cdef void enter(self, int64_t now_ns) noexcept:
        cdef int64_t create_lots = 0, create_gain = 0, redeem_lots = 0, redeem_gain = 0
        cdef int64_t create_touch, redeem_touch
        cdef int32_t direction, part
        cdef int64_t lots, missing
        # Reading the touch is cheap and rarely shows enough gain; depth can only reduce the gain of a lot.
        self.touch_gains(&create_touch, &redeem_touch)
        if create_touch >= self.lot_cost(1):
            self.best(1, &create_lots, &create_gain)
        if redeem_touch >= self.lot_cost(-1):
            self.best(-1, &redeem_lots, &redeem_gain)
        direction = 1 if create_gain >= redeem_gain else -1
        lots = create_lots if direction > 0 else redeem_lots
        if lots == 0:
            return
        self.phase = ENTERING
        self.target_before = self.target
        self.target += direction * lots
        self.value = create_gain if direction > 0 else redeem_gain
        self.attempts = 0
        self.deadline_ns = self.wake_ns = now_ns + self.leg_timeout_ns
        self.read_levels(direction)
        for part in range(self.n_parts):
            missing = self.missing(part)
            self.parts[part].held_before = self.holding.position[self.parts[part].symbol]
            self.parts[part].price = worst_price(self.levels[part], self.n_levels[part], magnitude(missing))
        self.ask_missing()

    cdef inline int64_t lot_cost(self, int32_t direction) noexcept:
        """The gain a lot needs to be worth entering, at least 1: the edge plus a share of the fee. Lots that
        only reduce lots held the other way need no conversion, so they bear no share of the fee."""
        cdef int64_t cost = self.edge_ticks
        if direction * self.target >= 0:
            cost += self.lot_fee
        return max(1, cost)

    cdef inline void touch_gains(self, int64_t* create, int64_t* redeem) noexcept:
        """Gain of one lot at the touch alone, which depth can only reduce. 0 if a side is empty."""
        cdef bint creates = True, redeems = True
        cdef int32_t part
        cdef int64_t quantity
        cdef const SymbolState* state
        create[0] = redeem[0] = 0
        for part in range(self.n_parts):
            state = &self.desk.market.symbols[self.parts[part].symbol]
            quantity = self.parts[part].quantity
            # An empty side still holds old values; the results computed from them are set to 0 below.
            if quantity > 0:
                creates &= state.n_asks > 0
                redeems &= state.n_bids > 0
                create[0] -= quantity * state.asks[0].price
                redeem[0] += quantity * state.bids[0].price
            else:
                creates &= state.n_bids > 0
                redeems &= state.n_asks > 0
                create[0] -= quantity * state.bids[0].price
                redeem[0] += quantity * state.asks[0].price
        if not creates:
            create[0] = 0
        if not redeems:
            redeem[0] = 0

    cdef void read_levels(self, int32_t direction) noexcept:
        cdef int32_t part, side
        for part in range(self.n_parts):
            side = direction if self.parts[part].quantity > 0 else -direction
            self.n_levels[part] = self.desk.net_levels(self.parts[part].symbol, side, self.levels[part])

    cdef void best(self, int32_t direction, int64_t* lots, int64_t* gain) noexcept:
        """Finds the entry with the largest gain in a direction, after its share of the fee; leaves both
        results 0 if no entry is worth it. Every lot must gain at least the edge plus a share of the fee. Lots
        that only reduce lots held the other way need no conversion, so they bear no share of the fee."""
        cdef ConversionBooks books
        cdef bint takes_back = direction * self.target < 0
        cdef int64_t room = magnitude(self.target) if takes_back else self.max_lots - magnitude(self.target)
        cdef int64_t surplus = 0
        cdef int32_t part, side
        cdef int32_t best_lots = 0
        for part in range(self.n_parts):
            side = direction if self.parts[part].quantity > 0 else -direction
            room = min(room, floor_div(self.desk.gate.room(self.parts[part].symbol, side),
                                       magnitude(self.parts[part].quantity)))
        if room <= 0:
            return
        self.read_levels(direction)
        books.fee = 0
        books.lot_fee = self.edge_ticks + (0 if takes_back else -floor_div(-self.fee, self.convert_lots))
        books.unit = <int32_t>-self.parts[0].quantity
        books.legs = self.n_parts - 1
        books.etf_bids = books.etf_asks = self.levels[0]
        books.n_etf_bids = books.n_etf_asks = self.n_levels[0]
        for part in range(1, self.n_parts):
            books.leg_bids[part - 1] = books.leg_asks[part - 1] = self.levels[part]
            books.n_leg_bids[part - 1] = books.n_leg_asks[part - 1] = self.n_levels[part]
            books.leg_quantity[part - 1] = <int32_t>self.parts[part].quantity
        if direction > 0:
            best_create(&books, <int32_t>room, &best_lots, &surplus)
        else:
            best_redeem(&books, <int32_t>room, &best_lots, &surplus)
        if best_lots > 0 and surplus >= 0 and surplus + best_lots * self.edge_ticks > 0:
            lots[0] = best_lots
            gain[0] = surplus + best_lots * self.edge_ticks

    # --- working and repairing ------------------------------------------------------------------

    cdef void work(self, bint live, int64_t now_ns) noexcept:
        cdef int32_t part, at
        cdef Order* order
        if self.phase == IDLE or now_ns >= self.deadline_ns:
            if live:
                self.pull()
                return
            if not self.repair(now_ns):
                return
        for part in range(self.n_parts):
            for at in range(self.desk.orders.n_live[self.parts[part].symbol]):
                order = self.desk.orders.live[self.parts[part].symbol][at]
                if order.strategy == self.owner and order.side * self.missing(part) <= 0:
                    self.desk.cancel(order)
        self.wake_ns = self.deadline_ns
        self.ask_missing()

    cdef void ask_missing(self) noexcept:
        cdef int32_t part
        cdef int64_t missing
        for part in range(self.n_parts):
            missing = self.missing(part)
            if missing != 0 and not has_live(self, self.parts[part].symbol):
                self.ask(self.parts[part].symbol, BUY if missing > 0 else SELL, self.parts[part].price,
                         magnitude(missing), HEDGE_VALUE if self.phase == REPAIRING else self.value)

    cdef bint repair(self, int64_t now_ns) noexcept:
        """Chooses the number of lots that is cheapest to reach from the present holding at the others' touch,
        and prices the missing shares one tick worse at each attempt. False if none can be reached."""
        cdef int64_t lots, cash, best_cash = 0, best_lots = 0, low = 0, high = 0, missing, slack
        cdef bint found = False
        cdef int32_t part, symbol, side
        self.reachable_lots(&low, &high)
        for lots in range(low, high + 1):
            if self.cash_to_reach(lots, &cash) and (
                not found or cash > best_cash
                or (cash == best_cash and magnitude(lots) < magnitude(best_lots))
            ):
                found = True
                best_cash = cash
                best_lots = lots
        self.phase = REPAIRING
        if not found:
            self.deadline_ns = now_ns
            self.wake_ns = now_ns + self.leg_timeout_ns
            return False
        self.target = best_lots
        slack = min(self.attempts, <int64_t>SLACK_TICKS_MAX)
        self.attempts += 1
        self.deadline_ns = now_ns + self.leg_timeout_ns
        for part in range(self.n_parts):
            missing = self.missing(part)
            if missing != 0:
                symbol = self.parts[part].symbol
                side = BUY if missing > 0 else SELL
                self.parts[part].price = self.desk.net_touch(symbol, side) + side * slack
        return True

    cdef void reachable_lots(self, int64_t* low, int64_t* high) noexcept:
        """Sets the range of lots that the holdings of single symbols correspond to, rounded outwards."""
        cdef int32_t part
        cdef int64_t held
        low[0] = high[0] = self.target
        for part in range(self.n_parts):
            held = self.holding.position[self.parts[part].symbol]
            low[0] = min(low[0], floor_div(held, self.parts[part].quantity))
            high[0] = max(high[0], -floor_div(-held, self.parts[part].quantity))

    cdef bint cash_to_reach(self, int64_t lots, int64_t* cash) noexcept:
        """Sets the cash from trading to ``lots`` at the others' touch. Returns False if a touch is missing or
        a limit forbids the trade."""
        cdef int32_t part, symbol, side
        cdef int64_t missing, touch
        cash[0] = 0
        for part in range(self.n_parts):
            symbol = self.parts[part].symbol
            missing = lots * self.parts[part].quantity - self.holding.position[symbol]
            if missing == 0:
                continue
            side = BUY if missing > 0 else SELL
            touch = self.desk.net_touch(symbol, side)
            if touch == 0 or self.desk.gate.room(symbol, side) < magnitude(missing):
                return False
            cash[0] -= missing * touch
        return True

    cdef inline int64_t missing(self, int32_t part) noexcept:
        return self.target * self.parts[part].quantity - self.holding.position[self.parts[part].symbol]

    cdef bint anything_missing(self) noexcept:
        cdef int32_t part
        for part in range(self.n_parts):
            if self.missing(part) != 0:
                return True
        return False

    cdef bint nothing_filled(self) noexcept:
        cdef int32_t part
        for part in range(self.n_parts):
            if self.holding.position[self.parts[part].symbol] != self.parts[part].held_before:
                return False
        return True

    cdef void pull(self) noexcept:
        cdef int32_t part, at
        cdef Order* order
        for part in range(self.n_parts):
            for at in range(self.desk.orders.n_live[self.parts[part].symbol]):
                order = self.desk.orders.live[self.parts[part].symbol][at]
                if order.strategy == self.owner and order.kind == ADD:
                    self.desk.cancel(order)
