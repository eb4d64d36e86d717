"""Accounts: positions, cash, working size, and the room within limits.

Owns the money and the shares. The house is account 0 and the other side of every conversion, fee and
close-out, so cash and every symbol's positions always sum to exactly zero over all accounts.
It must not know books, orders, the wire or time.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset

from arbcore.wire._types cimport BUY, N_SYMBOLS

from arbcore.errors import BrokenInvariant
from arbcore.wire.instruments import SYMBOLS


cdef class AccountTable:
    """All accounts of one exchange, numbered in the order in which they were opened."""

    def __cinit__(self, position_limits):
        self.names = []
        self.by_name = {}
        for symbol, name in enumerate(SYMBOLS):
            self.limits[symbol] = position_limits[name]
        self.open("", False)

    def __dealloc__(self):
        free(self.rows)

    cdef int32_t open(self, str name, bint limited) except -1:
        cdef int32_t capacity
        cdef Account* rows
        if name in self.by_name:
            return self.by_name[name]
        if self.count == self.capacity:
            capacity = self.capacity * 2 if self.capacity else 16
            rows = <Account*>realloc(self.rows, <size_t>capacity * sizeof(Account))
            if rows == NULL:
                raise MemoryError()
            self.rows = rows
            self.capacity = capacity
        memset(&self.rows[self.count], 0, sizeof(Account))
        self.rows[self.count].limited = limited
        self.names.append(name)
        self.by_name[name] = self.count
        self.count += 1
        self.teams += limited
        return self.count - 1

    cdef void reset(self) noexcept nogil:
        cdef int32_t at
        cdef bint limited
        for at in range(self.count):
            limited = self.rows[at].limited
            memset(&self.rows[at], 0, sizeof(Account))
            self.rows[at].limited = limited

    cdef void clear_working(self) noexcept nogil:
        cdef int32_t at
        for at in range(self.count):
            memset(self.rows[at].working_buy, 0, sizeof(self.rows[at].working_buy))
            memset(self.rows[at].working_sell, 0, sizeof(self.rows[at].working_sell))
            self.rows[at].open_orders = 0

    cdef int forget_teams(self) except -1:
        cdef int32_t kept = 0
        while kept < self.count and not self.rows[kept].limited:
            kept += 1
        for name in self.names[kept:]:
            del self.by_name[name]
        del self.names[kept:]
        self.count = kept
        self.teams = 0
        return 0

    cdef bint allows(self, int32_t account, int symbol, int side, int64_t size) noexcept nogil:
        cdef const Account* row = &self.rows[account]
        if not row.limited:
            return True
        if side == BUY:
            return row.positions[symbol] + row.working_buy[symbol] + size <= self.limits[symbol]
        return row.working_sell[symbol] - row.positions[symbol] + size <= self.limits[symbol]

    cdef void work(self, int32_t account, int symbol, int side, int64_t size) noexcept nogil:
        if side == BUY:
            self.rows[account].working_buy[symbol] += size
        else:
            self.rows[account].working_sell[symbol] += size

    cdef void trade(self, int32_t account, int symbol, int side, int64_t price,
                    int64_t size) noexcept nogil:
        cdef Account* row = &self.rows[account]
        row.positions[symbol] += side * size
        row.cash -= side * price * size
        row.flow[symbol] -= <double>(side * price * size)
        row.fills += 1
        row.volume += size

    cdef int64_t worth(self, int32_t account, const int64_t* fair_milli) noexcept nogil:
        cdef const Account* row = &self.rows[account]
        cdef int64_t value_milli = 0
        cdef int symbol
        for symbol in range(N_SYMBOLS):
            value_milli += row.positions[symbol] * fair_milli[symbol]
        return row.cash + value_milli // FAIR_SCALE

    cdef void close_out(self, int32_t account, const int64_t* fair_milli) noexcept nogil:
        cdef Account* row = &self.rows[account]
        cdef Account* house = &self.rows[HOUSE]
        cdef int64_t worth = self.worth(account, fair_milli)
        cdef int symbol
        house.cash += row.cash - worth
        row.cash = worth
        for symbol in range(N_SYMBOLS):
            row.flow[symbol] += <double>(row.positions[symbol] * fair_milli[symbol]) / FAIR_SCALE
            house.positions[symbol] += row.positions[symbol]
            row.positions[symbol] = 0

    cdef void convert(self, int32_t account, const int64_t* changes, int symbol, int64_t fee,
                      const int64_t* fair_milli) noexcept nogil:
        cdef Account* row = &self.rows[account]
        cdef Account* house = &self.rows[HOUSE]
        cdef int leg
        for leg in range(N_SYMBOLS):
            row.positions[leg] += changes[leg]
            row.flow[leg] -= <double>(changes[leg] * fair_milli[leg]) / FAIR_SCALE
            house.positions[leg] -= changes[leg]
        row.flow[symbol] -= <double>fee
        row.cash -= fee
        row.fees += fee
        row.conversions += 1
        house.cash += fee

    def pnl_by_symbol(self, int32_t account, fair_values):
        """An account's P&L by symbol in ticks, with positions valued at ``fair_values`` (a dict, in ticks).

        A conversion moves shares between symbols at their fair values of that moment; its fee counts for the
        converted symbol. The sum is the account's worth, except that worth is rounded down to whole ticks.
        """
        if not 0 <= account < self.count:
            raise IndexError(account)
        cdef const Account* row = &self.rows[account]
        return {
            name: row.flow[at] + row.positions[at] * fair_values[name]
            for at, name in enumerate(SYMBOLS)
        }

    def __len__(self):
        return self.count

    def name(self, int32_t account):
        """The name an account was opened under; the house has none."""
        return self.names[account]

    def find(self, str name):
        """The number of the account with this name, or -1."""
        return self.by_name.get(name, -1)

    def view(self, int32_t account):
        """One account as a dict: cash, positions and working sums by symbol, and its counters."""
        if not 0 <= account < self.count:
            raise IndexError(account)
        cdef const Account* row = &self.rows[account]
        return {
            "cash": row.cash,
            "positions": {name: row.positions[at] for at, name in enumerate(SYMBOLS)},
            "working_buy": {name: row.working_buy[at] for at, name in enumerate(SYMBOLS)},
            "working_sell": {name: row.working_sell[at] for at, name in enumerate(SYMBOLS)},
            "fees": row.fees,
            "fills": row.fills,
            "volume": row.volume,
            "conversions": row.conversions,
            "rejects": row.rejects,
            "open_orders": row.open_orders,
            "stopped": bool(row.stopped),
        }

    def check(self):
        """Raises BrokenInvariant unless everything sums to zero and no account can exceed a limit."""
        cdef int32_t at
        cdef int symbol
        cdef int64_t cash = 0
        for at in range(self.count):
            cash += self.rows[at].cash
        if cash:
            raise BrokenInvariant(f"Cash over all accounts sums to {cash}, not to zero.")
        for symbol in range(N_SYMBOLS):
            total = sum(self.rows[at].positions[symbol] for at in range(self.count))
            if total:
                raise BrokenInvariant(f"Positions in {SYMBOLS[symbol]} sum to {total}, not to zero.")
            for at in range(self.count):
                if not (self.allows(at, symbol, 1, 0) and self.allows(at, symbol, -1, 0)):
                    raise BrokenInvariant(
                        f"{self.names[at]} may pass its limit in {SYMBOLS[symbol]}: {self.view(at)}.")
