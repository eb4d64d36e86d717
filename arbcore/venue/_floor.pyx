"""The trading floor: order entry, matching, cancels, conversions and the loss stop over seven books.

Owns the rules of trading and the order of events: an ack before every fill of its order, the out after the
last fill. It must not know connections, teams' names, the wire, rates or time; a Listener turns the events
into messages.
"""

cimport cython
from libc.stdint cimport int32_t, int64_t, uint64_t

from arbcore.venue._accounts cimport FAIR_SCALE, Account, AccountTable
from arbcore.venue._book cimport Book, Execution
from arbcore.venue._index cimport OrderIndex
from arbcore.wire._types cimport BUY, N_SYMBOLS, PRICE_END, SELL, VALBZ

from arbcore.errors import BrokenInvariant
from arbcore.wire.instruments import BOND_FAIR_PRICE, CONVERSIONS, SYMBOL_ID

#: Text of a reject, by Refusal. Five teams converted VALBZ and meant VALE, so that mistake has its own text.
REFUSALS = (
    "", "CLOSED", "STOPPED", "LIMIT:PRICE_BAND", "BAD_SIZE", "LIMIT:POSITION", "DUPLICATE_ORDER_ID",
    "LIMIT:OPEN_ORDERS", "NOT_CONVERTIBLE: only VALE and XLF are converted", "PROTOCOL_ERROR:MALFORMED",
    "NOT_CONVERTIBLE: VALBZ and VALE are converted with the symbol VALE",
)

#: The hidden values, in ticks, if nothing moves them; XLF is a tenth of its basket.
RESTING_FAIR_VALUES = {"BOND": BOND_FAIR_PRICE, "VALBZ": 4000, "VALE": 4000, "GS": 8000, "MS": 4000,
                       "WFC": 5000, "XLF": 4100}


cdef inline int32_t place_of(int32_t slot, int symbol) noexcept nogil:
    """Packs a slot and its symbol into one number for the index of open orders."""
    return (slot << 3) | symbol


cdef class Listener:
    """Receives the events of the floor. This base class ignores them."""

    cdef int on_ack(self, int32_t account, int64_t order_id) except -1:
        return 0

    cdef int on_fill(self, int32_t account, int64_t order_id, int symbol, int side, int32_t price,
                     int32_t size, int32_t left) except -1:
        return 0

    cdef int on_out(self, int32_t account, int64_t order_id) except -1:
        return 0

    cdef int on_trade(self, int symbol, int32_t price, int32_t size) except -1:
        return 0


cdef class Floor:
    """Seven books and the accounts that trade on them, under the rules of a VenueConfig."""

    def __cinit__(self, config):
        cdef int symbol
        self.books = [Book() for _ in range(N_SYMBOLS)]
        self.accounts = AccountTable(config.position_limits)
        self.index = OrderIndex()
        self.listener = Listener()
        self.used_ids = set()
        self.open_orders_max = config.open_orders_max
        self.id_reuse = config.id_reuse
        self.fee_per_share = config.fee_rule == "per-share"
        for name, value in RESTING_FAIR_VALUES.items():
            self.fair_milli[SYMBOL_ID[name]] = value * FAIR_SCALE
        for name, rule in CONVERSIONS.items():
            symbol = SYMBOL_ID[name]
            self.units[symbol] = rule.unit
            self.fees[symbol] = rule.fee
            self.deltas[symbol][symbol] = rule.unit
            for leg, shares in rule.legs:
                self.deltas[symbol][<int>SYMBOL_ID[leg]] = -shares

    cdef int32_t open_account(self, str name, bint limited) except -1:
        # A team's name is printable, so no participant's name can equal a team's.
        return self.accounts.open(name if limited else "\t" + name, limited)

    cdef int refusal(self, int32_t account, int64_t order_id, int32_t size) except -1:
        """Checks what an add and a convert have in common; returns the refusal or ACCEPTED."""
        cdef const Account* row = &self.accounts.rows[account]
        if self.matching:
            raise BrokenInvariant("A listener entered an order or a cancel while a match was being reported.")
        if row.stopped:
            return REFUSED_STOPPED
        if not self.open:
            return REFUSED_CLOSED
        if size <= 0 or size >= PRICE_END:
            return REFUSED_SIZE
        if self.index.find(account, order_id) >= 0:
            return REFUSED_DUPLICATE_ID
        if not self.id_reuse and row.limited and (account, order_id) in self.used_ids:
            return REFUSED_DUPLICATE_ID
        return ACCEPTED

    @cython.boundscheck(False)  # symbol comes from a decoder or a participant's loop over the seven
    @cython.wraparound(False)
    cdef int add(self, int32_t account, int64_t order_id, int symbol, int side, int32_t price,
                 int32_t size) except -1:
        cdef AccountTable accounts = self.accounts
        cdef Book book = <Book>self.books[symbol]
        cdef int32_t left, slot
        cdef int reason = self.refusal(account, order_id, size)
        if reason == ACCEPTED:
            if price <= 0 or price >= PRICE_END:
                reason = REFUSED_PRICE
            elif not accounts.allows(account, symbol, side, size):
                reason = REFUSED_POSITION
            elif (self.open_orders_max and accounts.rows[account].limited
                  and accounts.rows[account].open_orders >= self.open_orders_max):
                reason = REFUSED_OPEN_ORDERS
        if reason != ACCEPTED:
            accounts.rows[account].rejects += 1
            return reason
        book.reserve()
        self.index.reserve()
        self.listener.on_ack(account, order_id)
        if not self.id_reuse:
            self.used_ids.add((account, order_id))
        left = book.match(side, price, size)
        if left > 0:
            slot = book.rest(account, order_id, side, price, left)
            self.index.put(account, order_id, place_of(slot, symbol))
            accounts.work(account, symbol, side, left)
            accounts.rows[account].open_orders += 1
        if book.n_executions:
            self.settle(book, account, symbol, side)
            self.tell(book, account, order_id, symbol, side, size)
        return ACCEPTED

    cdef void settle(self, Book book, int32_t account, int symbol, int side) noexcept:
        """Moves shares and cash for every execution of one match; calls no listener yet."""
        cdef AccountTable accounts = self.accounts
        cdef const Execution* execution
        cdef int32_t at
        for at in range(book.n_executions):
            execution = &book.executions[at]
            accounts.trade(account, symbol, side, execution.price, execution.size)
            accounts.trade(execution.account, symbol, -side, execution.price, execution.size)
            accounts.work(execution.account, symbol, -side, -execution.size)
            if execution.left == 0:
                self.index.take(execution.account, execution.order_id)
                accounts.rows[execution.account].open_orders -= 1

    cdef int tell(self, Book book, int32_t account, int64_t order_id, int symbol, int side,
                  int32_t size) except -1:
        cdef Listener listener = self.listener
        cdef const Execution* execution
        cdef int32_t at
        self.matching = True
        try:
            for at in range(book.n_executions):
                execution = &book.executions[at]
                size -= execution.size
                listener.on_trade(symbol, execution.price, execution.size)
                listener.on_fill(execution.account, execution.order_id, symbol, -side, execution.price,
                                 execution.size, execution.left)
                if execution.left == 0:
                    listener.on_out(execution.account, execution.order_id)
                listener.on_fill(account, order_id, symbol, side, execution.price, execution.size, size)
            if size == 0:
                listener.on_out(account, order_id)
        finally:
            self.matching = False
        return 0

    @cython.boundscheck(False)  # the symbol was packed by add()
    @cython.wraparound(False)
    cdef int32_t cancel(self, int32_t account, int64_t order_id) except -1:
        cdef int32_t place, left
        cdef Book book
        if self.matching:
            raise BrokenInvariant("A listener entered an order or a cancel while a match was being reported.")
        place = self.index.take(account, order_id)
        if place < 0:
            return 0
        book = <Book>self.books[place & 7]
        left = book.pool[place >> 3].left
        self.accounts.work(account, place & 7, book.pool[place >> 3].side, -left)
        self.accounts.rows[account].open_orders -= 1
        book.remove(place >> 3)
        return left

    cdef int convert(self, int32_t account, int64_t order_id, int symbol, int side, int32_t size) except -1:
        cdef int64_t changes[N_SYMBOLS]
        cdef int reason = self.refusal(account, order_id, size)
        cdef int64_t fee
        cdef int leg
        if reason == ACCEPTED:
            reason = self.conversion_refusal(account, symbol, side, size)
        if reason != ACCEPTED:
            self.accounts.rows[account].rejects += 1
            return reason
        for leg in range(N_SYMBOLS):
            changes[leg] = side * self.deltas[symbol][leg] * (size // self.units[symbol])
        fee = self.fees[symbol] * (size if self.fee_per_share else 1)
        self.accounts.convert(account, changes, symbol, fee, self.fair_milli)
        if not self.id_reuse:
            self.used_ids.add((account, order_id))
        self.listener.on_ack(account, order_id)
        return ACCEPTED

    cdef int conversion_refusal(self, int32_t account, int symbol, int side, int32_t size) noexcept:
        cdef int64_t change
        cdef int leg
        if self.units[symbol] == 0:
            return REFUSED_CONVERT_WITH_VALE if symbol == VALBZ else REFUSED_NOT_CONVERTIBLE
        if size % self.units[symbol]:
            return REFUSED_SIZE
        for leg in range(N_SYMBOLS):
            change = side * self.deltas[symbol][leg] * (size // self.units[symbol])
            if change > 0 and not self.accounts.allows(account, leg, BUY, change):
                return REFUSED_POSITION
            if change < 0 and not self.accounts.allows(account, leg, SELL, -change):
                return REFUSED_POSITION
        return ACCEPTED

    cdef int32_t working(self, int32_t account, int64_t order_id) noexcept:
        cdef int32_t place = self.index.find(account, order_id)
        if place < 0:
            return 0
        return (<Book>self.books[place & 7]).pool[place >> 3].left

    cdef int cancel_all(self, int32_t account) except -1:
        cdef Book book
        cdef int32_t slot
        cdef int64_t order_id
        if self.accounts.rows[account].open_orders == 0:
            return 0
        for book in self.books:
            for slot in range(book.pool_used):
                if book.pool[slot].left > 0 and book.pool[slot].account == account:
                    order_id = book.pool[slot].order_id
                    self.cancel(account, order_id)
                    self.listener.on_out(account, order_id)
        return 0

    cdef int64_t worth(self, int32_t account) noexcept:
        return self.accounts.worth(account, self.fair_milli)

    cdef int stop_out(self, int32_t account) except -1:
        self.cancel_all(account)
        self.accounts.close_out(account, self.fair_milli)
        self.accounts.rows[account].stopped = True
        return 0

    cdef int close(self) except -1:
        cdef Book book
        self.open = False
        for book in self.books:
            book.clear()
        self.index.clear()
        self.accounts.clear_working()
        return 0

    cdef int new_round(self) except -1:
        self.close()
        self.used_ids.clear()
        self.accounts.reset()
        return 0

    def check(self):
        """Raises BrokenInvariant unless books, index and accounts agree with each other."""
        cdef Book book
        cdef int symbol
        cdef int32_t slot
        working = {}
        orders = 0
        for symbol, book in enumerate(self.books):
            book.check()
            orders += book.orders
            for slot in range(book.pool_used):
                if book.pool[slot].left > 0:
                    owner = book.pool[slot].account
                    if self.index.find(owner, book.pool[slot].order_id) != place_of(slot, symbol):
                        raise BrokenInvariant(f"Order {book.pool[slot].order_id} is not in the index.")
                    key = (owner, symbol, book.pool[slot].side)
                    working[key] = working.get(key, 0) + book.pool[slot].left
        if orders != self.index.count:
            raise BrokenInvariant(f"{orders} orders rest, the index holds {self.index.count}.")
        for account in range(len(self.accounts)):
            for symbol in range(N_SYMBOLS):
                for side, sums in ((BUY, self.accounts.rows[account].working_buy[symbol]),
                                   (SELL, self.accounts.rows[account].working_sell[symbol])):
                    if sums != working.get((account, symbol, side), 0):
                        raise BrokenInvariant(f"Account {account} works {sums}, its orders say otherwise.")
        self.accounts.check()


cdef class Marketplace:
    """A marketplace without participants: hidden values are constant and nothing trades."""

    def __cinit__(self, Floor floor, *args, **kwargs):
        self.floor = floor
        self.next_event_ns = NEVER_NS

    cdef int begin_round(self, int64_t now_ns, uint64_t seed) except -1:
        return 0

    cdef int step(self, int64_t now_ns) except -1:
        return 0

    cdef int filled(self, int32_t account, int64_t order_id, int symbol, int side, int32_t price,
                    int32_t size, int32_t left) except -1:
        return 0
