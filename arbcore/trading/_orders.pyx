"""Order lifecycle as a table, positions, cash and the holding of each strategy.

It does not know market prices, limits or time-outs; the session calls it for every event.
``reference.orders`` is its specification. No sum can overflow: a fill that takes a position beyond the
protocol's 2**32 - 1 or cash beyond 10**15 is not booked (``beyond_belief``), and one fill costs below 10**12.
"""

import cython
from libc.stdint cimport int8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memmove, memset

from arbcore.errors import BrokenInvariant, UsageError
from arbcore.wire.instruments import CONVERSIONS, ORDER_ID_MAX, SIZE_MAX, SYMBOL_ID, SYMBOLS
from arbcore.wire.instruments import POSITION_MAX as _POSITION_MAX

STATE_NAMES = ("unacknowledged", "open", "cancel_pending", "unknown", "out", "rejected")
KIND_NAMES = ("add", "convert")
ANOMALY_NAMES = (
    "unknown_ack", "unknown_reject", "ack_after_end", "reject_after_ack", "out_of_conversion", "foreign_fill",
    "fill_after_end", "overfill", "beyond_belief", "before_hello", "repeated_hello", "deep_book",
)
#: The next state by state and event, as in the specification; OrderEvent names the columns.
LIFECYCLE = (
    # ack       reject    partial     filled  out       cancel      timeout  lost     resync
    (OPEN,      REJECTED, OPEN,       OUT,    OUT,      CANCELLING, UNKNOWN, UNKNOWN, OUT),  # UNACKED
    (OPEN,      UNKNOWN,  OPEN,       OUT,    OUT,      CANCELLING, OPEN,    UNKNOWN, OUT),  # OPEN
    (CANCELLING, REJECTED, CANCELLING, OUT,   OUT,      CANCELLING, UNKNOWN, UNKNOWN, OUT),  # CANCELLING
    (UNKNOWN,   REJECTED, UNKNOWN,    OUT,    OUT,      UNKNOWN,    UNKNOWN, UNKNOWN, OUT),  # UNKNOWN
    (OUT,) * 9,
    (REJECTED,) * 9,
)

cdef enum:
    N_STATES = 6
    N_EVENTS = 9

cdef int64_t MONEY_MAX = 10**15
cdef int64_t POSITION_MAX = _POSITION_MAX
cdef int64_t LAST_ID = ORDER_ID_MAX
cdef int8_t next_state[N_STATES][N_EVENTS]
cdef ConversionRule rules[N_SYMBOLS]


cdef int fill_tables() except -1:
    cdef int32_t state, event, symbol, index
    for state in range(N_STATES):
        for event in range(N_EVENTS):
            next_state[state][event] = LIFECYCLE[state][event]
    memset(rules, 0, sizeof(rules))
    for name, conversion in CONVERSIONS.items():
        symbol = SYMBOL_ID[name]
        rules[symbol].unit = conversion.unit
        rules[symbol].fee = conversion.fee
        rules[symbol].n_legs = len(conversion.legs)
        if len(conversion.legs) >= CHANGES_MAX:
            raise BrokenInvariant(f"{name} converts into more than {CHANGES_MAX - 1} symbols")
        for index, (leg, quantity) in enumerate(conversion.legs):
            rules[symbol].legs[index] = SYMBOL_ID[leg]
            rules[symbol].quantities[index] = quantity
    return 0


fill_tables()


cdef const ConversionRule* conversion_of(int32_t symbol) noexcept nogil:
    return &rules[symbol]


# The rules are constants: the unit is at least 1 for every symbol whose conversion the gate allows.
@cython.cdivision(True)
cdef int32_t conversion_changes(int32_t symbol, int32_t side, int64_t size, Change* changes) noexcept nogil:
    cdef const ConversionRule* rule = &rules[symbol]
    cdef int64_t lots = size / rule.unit
    cdef int32_t index
    changes[0].symbol = symbol
    changes[0].shares = side * size
    for index in range(rule.n_legs):
        changes[index + 1].symbol = rule.legs[index]
        changes[index + 1].shares = -side * lots * rule.quantities[index]
    return rule.n_legs + 1


cdef int64_t bounded(int64_t money) noexcept nogil:
    return MONEY_MAX if money > MONEY_MAX else -MONEY_MAX if money < -MONEY_MAX else money


cdef int checked(object kind, object symbol, object side, object price, object size) except -1:
    if not (kind in (ADD, CONVERT) and symbol in range(N_SYMBOLS) and side in (1, -1)
            and 0 <= price <= SIZE_MAX and 0 < size <= SIZE_MAX):
        raise ValueError(f"no order: kind {kind!r}, symbol {symbol!r}, side {side!r}, {size!r} at {price!r}")
    return 0


cdef class Orders:
    """Every order of the run that may still matter, the positions and the cash.

    ``strategies`` is the number of owners (at most 32, UsageError beyond). One more owner after them holds
    what belongs to no strategy: positions found at login and fills under an id that is not ours.
    """

    def __cinit__(self, int32_t strategies):
        if not 0 <= strategies < OWNERS_MAX:
            raise UsageError(f"{strategies} strategies in one session; give at most {OWNERS_MAX - 1}")
        self.table = <Order*>calloc(TABLE_SIZE, sizeof(Order))
        if self.table == NULL:
            raise MemoryError("no memory for the order table")
        self.n_owners = strategies + 1
        self.next_id = 1

    def __dealloc__(self):
        free(self.table)

    # --- what we send ---------------------------------------------------------------------------

    cdef Order* enter(self, int32_t kind, int32_t symbol, int32_t side, int32_t price, int32_t size,
                      int32_t strategy, int64_t now_ns) except NULL:
        cdef Order* order = &self.table[self.next_id & (TABLE_SIZE - 1)]
        while order.id and order.state < OUT:
            self.next_id += 1
            order = &self.table[self.next_id & (TABLE_SIZE - 1)]
        if self.next_id > LAST_ID:
            raise BrokenInvariant("order ids are used up: 2**32 orders in one run")
        if self.n_live[symbol] >= LIVE_MAX:
            raise BrokenInvariant(
                f"{LIVE_MAX} live orders in {SYMBOLS[symbol]} and one more: the gate let it pass")
        order.id = self.next_id
        order.kind = kind
        order.symbol = symbol
        order.side = side
        order.price = price
        order.size = size
        order.remaining = size
        order.strategy = strategy
        order.state = UNACKED
        order.cancels = 0
        order.wants_cancel = False
        order.sent_ns = now_ns
        order.cancel_ns = 0
        self.next_id += 1
        self.live[symbol][self.n_live[symbol]] = order
        self.n_live[symbol] += 1
        self.n_owned[symbol][strategy] += 1
        self.live_bits |= 1u << symbol
        self._work(order, size)
        self.holdings[strategy].orders += 1
        return order

    cdef void mark_cancel(self, Order* order, int64_t now_ns) noexcept:
        order.cancel_ns = now_ns
        order.cancels += 1
        order.wants_cancel = False
        self._move(order, ON_CANCEL)

    # --- what the exchange reports --------------------------------------------------------------

    cdef Order* take_ack(self, int64_t order_id) noexcept:
        cdef Order* order = self.find(order_id)
        if order == NULL:
            self.anomaly_counts[UNKNOWN_ACK] += 1
            return NULL
        if order.state >= OUT:
            self.anomaly_counts[ACK_AFTER_END] += 1
            return NULL
        if order.kind == CONVERT:
            self._convert(order)
        else:
            self._move(order, ON_ACK)
        return order

    cdef Order* take_reject(self, int64_t order_id) noexcept:
        cdef Order* order = self.find(order_id)
        if order == NULL:
            self.anomaly_counts[UNKNOWN_REJECT] += 1
            return NULL
        if order.state >= OUT or order.state == OPEN:
            self.anomaly_counts[REJECT_AFTER_ACK] += 1
        self._move(order, ON_REJECT)
        return order

    cdef Order* take_out(self, int64_t order_id) noexcept:
        cdef Order* order = self.find(order_id)
        if order == NULL or order.state >= OUT:
            return NULL
        if order.kind == CONVERT:
            self.anomaly_counts[OUT_OF_CONVERSION] += 1
            return NULL
        self._move(order, ON_OUT)
        return order

    cdef Order* take_fill(self, int64_t order_id, int32_t symbol, int32_t side, int32_t price,
                          int32_t size) noexcept:
        cdef Order* order = self.find(order_id)
        cdef int64_t change = <int64_t>side * size
        if order == NULL or order.kind == CONVERT or order.symbol != symbol or order.side != side:
            self._doubt(FOREIGN_FILL)
            if self._believable(self.n_owners - 1, symbol, change, change * price):
                self._book(self.n_owners - 1, symbol, change, change * price)
            return NULL
        if order.state >= OUT:
            self._doubt(FILL_AFTER_END)
        if size > order.remaining:
            self._doubt(OVERFILL)
            size = order.remaining
            if size == 0:
                return order
            change = <int64_t>side * size
        if not self._believable(order.strategy, symbol, change, change * price):
            return order
        self._book(order.strategy, symbol, change, change * price)
        self.holdings[order.strategy].fills += 1
        self.last_fills[self.fills & (FILLS_KEPT - 1)] = Fill(
            order_id, symbol, side, price, size, order.strategy)
        self.fills += 1
        if order.state < OUT:
            self._work(order, -size)
        order.remaining -= size
        self._move(order, ON_FILLED if order.remaining == 0 else ON_PARTIAL)
        return order

    cdef void lose_all(self) noexcept:
        cdef int32_t symbol, index
        for symbol in range(N_SYMBOLS):
            for index in range(self.n_live[symbol]):
                self._move(self.live[symbol][index], ON_LOST)

    cdef bint take_positions(self, const int64_t* told, int64_t cash, const int64_t* worth) noexcept:
        cdef int32_t symbol, owner
        cdef int32_t last = self.n_owners - 1
        cdef bint same = cash == self.cash
        cdef bint new_round = cash == 0
        cdef int64_t carried = self.frozen_pnl
        cdef Holding* holding
        for symbol in range(N_SYMBOLS):
            while self.n_live[symbol]:
                self._move(self.live[symbol][0], ON_RESYNC)
            same = same and told[symbol] == self.position[symbol]
            new_round = new_round and told[symbol] == 0
        if same:
            return False
        for owner in range(self.n_owners):
            holding = &self.holdings[owner]
            if new_round or owner < last:
                holding.carried_pnl = bounded(holding.carried_pnl + worth[owner])
            if owner < last:
                carried += worth[owner]
            memset(holding.position, 0, sizeof(holding.position))
            holding.cash = 0
        self.frozen_pnl = 0 if new_round else bounded(carried)
        self.holdings[last].cash = bounded(cash - self.frozen_pnl)
        for symbol in range(N_SYMBOLS):
            self.holdings[last].position[symbol] = told[symbol]
            self.position[symbol] = told[symbol]
            self.average_cost[symbol] = 0
        self.cash = cash
        return True

    cdef void time_out(self, Order* order) noexcept:
        self._move(order, ON_TIMEOUT)

    cdef Order* find(self, int64_t order_id) noexcept:
        cdef Order* order = &self.table[order_id & (TABLE_SIZE - 1)]
        # No id of ours is 0, so a slot that was never used matches no id.
        return order if order.id == order_id and order_id != 0 else NULL

    # Average cost of a share of the present position, rounded down; 0 when flat or unknown. The cost is never
    # negative and the divisor never 0.
    @cython.cdivision(True)
    cdef int64_t average_price(self, int32_t symbol) noexcept:
        cdef int64_t held = magnitude(self.position[symbol])
        return self.average_cost[symbol] / held if held else 0

    # --- inside ---------------------------------------------------------------------------------

    cdef void _move(self, Order* order, int32_t event) noexcept:
        cdef bint was_live = order.state < OUT
        cdef int32_t symbol = order.symbol
        cdef int32_t index = 0
        order.state = next_state[order.state][event]
        if not was_live or order.state < OUT:
            return
        while self.live[symbol][index] != order:
            index += 1
        self.n_live[symbol] -= 1
        self.n_owned[symbol][order.strategy] -= 1
        memmove(&self.live[symbol][index], &self.live[symbol][index + 1],
                <size_t>(self.n_live[symbol] - index) * sizeof(Order*))
        if self.n_live[symbol] == 0:
            self.live_bits &= ~(1u << symbol)
        self._work(order, -<int64_t>order.remaining)

    # Adds to the size that may still fill. A conversion may change all of its symbols at any time.
    cdef void _work(self, const Order* order, int64_t size) noexcept:
        cdef Change changes[CHANGES_MAX]
        cdef int32_t index
        cdef int32_t count
        cdef int64_t shares
        if order.kind == ADD:
            if order.side > 0:
                self.working_buy[order.symbol] += size
            else:
                self.working_sell[order.symbol] += size
            return
        count = conversion_changes(order.symbol, order.side, magnitude(size), changes)
        for index in range(count):
            shares = magnitude(changes[index].shares)
            if size < 0:
                shares = -shares
            if changes[index].shares > 0:
                self.working_buy[changes[index].symbol] += shares
            else:
                self.working_sell[changes[index].symbol] += shares

    cdef void _convert(self, Order* order) noexcept:
        cdef Change changes[CHANGES_MAX]
        cdef int32_t index
        cdef int32_t count = conversion_changes(order.symbol, order.side, order.size, changes)
        cdef int64_t fee = rules[order.symbol].fee
        self._move(order, ON_FILLED)
        for index in range(count):
            if not self._believable(order.strategy, changes[index].symbol, changes[index].shares, fee):
                return
        for index in range(count):
            self._book(order.strategy, changes[index].symbol, changes[index].shares, 0)
        self.cash -= fee
        self.holdings[order.strategy].cash -= fee
        order.remaining = 0

    # Counts a message that proves a disagreement with the exchange; only a new login resolves it.
    cdef void _doubt(self, int32_t anomaly) noexcept:
        self.anomaly_counts[anomaly] += 1
        self.doubts += 1
        self.last_doubt = anomaly

    # Whether positions and cash stay within plausible bounds; if not, the caller books nothing.
    cdef bint _believable(self, int32_t owner, int32_t symbol, int64_t change, int64_t cost) noexcept:
        cdef Holding* holding = &self.holdings[owner]
        if (
            magnitude(self.position[symbol] + change) > POSITION_MAX
            or magnitude(holding.position[symbol] + change) > POSITION_MAX
            or magnitude(self.cash - cost) > MONEY_MAX
            or magnitude(holding.cash - cost) > MONEY_MAX
        ):
            self._doubt(BEYOND_BELIEF)
            return False
        return True

    # The cost of a position never exceeds 10**6 a share. The cost of the traded part is taken off in two
    # terms, quotient and remainder, because cost times shares could exceed 64 bits. No divisor is <= 0.
    @cython.cdivision(True)
    cdef void _book(self, int32_t owner, int32_t symbol, int64_t change, int64_t cost) noexcept:
        cdef int64_t held = magnitude(self.position[symbol])
        cdef int64_t traded = magnitude(change)
        cdef int64_t average = self.average_cost[symbol]
        if self.position[symbol] == 0 or change == 0 or (self.position[symbol] > 0) == (change > 0):
            average += magnitude(cost)
        elif traded <= held:
            average -= average / held * traded + average % held * traded / held
        else:
            average = magnitude(cost) * (traded - held) / traded
        self.average_cost[symbol] = average
        self.position[symbol] += change
        self.cash -= cost
        self.holdings[owner].position[symbol] += change
        self.holdings[owner].cash -= cost

    # --- the Python interface, for tests and tools: an order is named by its id ------------------------

    cdef Order* _known(self, int64_t order_id) except NULL:
        cdef Order* order = self.find(order_id)
        if order == NULL:
            raise KeyError(order_id)
        return order

    def new(self, kind, symbol, *, side, price, size, strategy, now_ns) -> int:
        """Enters an order (kind 0 an add, 1 a conversion; a symbol's id; side +1 or -1); returns its id."""
        if strategy not in range(self.n_owners):
            raise ValueError(f"owner {strategy} of {self.n_owners}")
        checked(kind, symbol, side, price, size)
        if kind == CONVERT and not rules[symbol].unit:
            raise ValueError(f"{SYMBOLS[symbol]} does not convert")
        return self.enter(kind, symbol, side, price, size, strategy, now_ns).id

    def cancel_sent(self, order_id, now_ns) -> None:
        """Records that a cancel of this order was sent."""
        self.mark_cancel(self._known(order_id), now_ns)

    def timed_out(self, order_id) -> None:
        """Records that the exchange did not respond to this order in time."""
        self.time_out(self._known(order_id))

    def on_ack(self, order_id) -> bool:
        """Takes an ack; returns whether it was of a live order."""
        return self.take_ack(order_id) != NULL

    def on_reject(self, order_id) -> bool:
        """Takes a reject; returns whether it was of an order of ours."""
        return self.take_reject(order_id) != NULL

    def on_out(self, order_id) -> bool:
        """Takes an out; returns whether it ended an order."""
        return self.take_out(order_id) != NULL

    def on_fill(self, order_id, symbol, *, side, price, size) -> bool:
        """Takes a fill; returns whether it was of an order of ours."""
        checked(ADD, symbol, side, price, size)
        return self.take_fill(order_id, symbol, side, price, size) != NULL

    def lost(self) -> None:
        """Records that the connection is lost."""
        self.lose_all()

    def resync(self, told, cash, *, worth) -> bool:
        """Takes a login's positions (one a symbol) and cash; returns whether they differ from ours."""
        cdef int64_t positions[N_SYMBOLS]
        cdef int64_t worths[OWNERS_MAX]
        if len(told) != N_SYMBOLS or len(worth) != self.n_owners:
            raise ValueError(f"{len(told)} positions and {len(worth)} worths; "
                             f"give {N_SYMBOLS} and {self.n_owners}")
        for place in range(N_SYMBOLS):
            positions[place] = told[place]
        for place in range(self.n_owners):
            worths[place] = worth[place]
        return bool(self.take_positions(positions, cash, worths))

    # --- views ----------------------------------------------------------------------------------

    cdef dict show(self, const Order* order):
        return {
            "order_id": order.id,
            "kind": KIND_NAMES[order.kind],
            "symbol": SYMBOLS[order.symbol],
            "side": "BUY" if order.side > 0 else "SELL",
            "price": order.price,
            "size": order.size,
            "remaining": order.remaining,
            "state": STATE_NAMES[order.state],
            "strategy": order.strategy,
            "sent_ns": order.sent_ns,
            "cancel_ns": order.cancel_ns,
            "cancels": order.cancels,
            "wants_cancel": bool(order.wants_cancel),
        }

    def live_orders(self):
        """Every live order as a dict of all its fields, symbol by symbol, oldest first."""
        cdef int32_t symbol, index
        shown = []
        for symbol in range(N_SYMBOLS):
            for index in range(self.n_live[symbol]):
                shown.append(self.show(self.live[symbol][index]))
        return shown

    def recent(self, count: int) -> list:
        """The last ``count`` orders of the run, newest first; at most as many as the table still holds."""
        cdef int64_t order_id = self.next_id - 1
        cdef Order* order
        shown = []
        while order_id > 0 and len(shown) < count and self.next_id - order_id <= TABLE_SIZE:
            order = self.find(order_id)
            if order != NULL:
                shown.append(self.show(order))
            order_id -= 1
        return shown

    def recent_fills(self) -> list:
        """The last fills of the run, newest first; at most FILLS_KEPT."""
        cdef int64_t number
        cdef const Fill* fill
        shown = []
        for number in range(self.fills - 1, max(-1, self.fills - 1 - FILLS_KEPT), -1):
            fill = &self.last_fills[number & (FILLS_KEPT - 1)]
            shown.append({
                "order_id": fill.order_id,
                "symbol": SYMBOLS[fill.symbol],
                "side": "BUY" if fill.side > 0 else "SELL",
                "price": fill.price,
                "size": fill.size,
                "strategy": fill.strategy,
            })
        return shown

    @property
    def anomalies(self):
        """How often each anomaly occurred, by name; only those that occurred."""
        cdef int32_t index
        counted = {}
        for index in range(N_ANOMALIES):
            if self.anomaly_counts[index]:
                counted[ANOMALY_NAMES[index]] = self.anomaly_counts[index]
        return counted

    def holding(self, int32_t owner) -> dict:
        """Cash and positions of one owner in this round, and the P&L of earlier rounds."""
        self._check_owner(owner)
        return {
            "cash": self.holdings[owner].cash,
            "carried_pnl": self.holdings[owner].carried_pnl,
            "positions": {name: self.holdings[owner].position[at] for at, name in enumerate(SYMBOLS)},
        }

    cdef int _check_owner(self, int32_t owner) except -1:
        if not 0 <= owner < self.n_owners:
            raise IndexError(f"owner {owner} of {self.n_owners}")
        return 0

    def owner_counts(self, int32_t owner) -> tuple:
        """(orders, fills) of one strategy over all rounds."""
        self._check_owner(owner)
        return self.holdings[owner].orders, self.holdings[owner].fills

    def state(self):
        """Everything except the orders: positions, working shares, costs, cash, holdings by owner, counts."""
        cdef int32_t owner, symbol
        return {
            "next_id": self.next_id,
            "position": [self.position[symbol] for symbol in range(N_SYMBOLS)],
            "working_buy": [self.working_buy[symbol] for symbol in range(N_SYMBOLS)],
            "working_sell": [self.working_sell[symbol] for symbol in range(N_SYMBOLS)],
            "average_cost": [self.average_cost[symbol] for symbol in range(N_SYMBOLS)],
            "cash": self.cash,
            "fills": self.fills,
            "doubts": self.doubts,
            "frozen_pnl": self.frozen_pnl,
            "anomalies": self.anomalies,
            "holdings": [
                {
                    "position": [self.holdings[owner].position[symbol] for symbol in range(N_SYMBOLS)],
                    "cash": self.holdings[owner].cash,
                    "carried_pnl": self.holdings[owner].carried_pnl,
                    "orders": self.holdings[owner].orders,
                    "fills": self.holdings[owner].fills,
                }
                for owner in range(self.n_owners)
            ],
        }
