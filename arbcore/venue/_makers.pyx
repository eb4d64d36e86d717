"""A liquidity provider: several levels around a late and slightly wrong view of the hidden value.

``regimes.Makers`` describes its behaviour. A quote that is still at the right price is left alone and keeps
its place in the queue, even if it was partly filled; only a level that is gone is quoted again. It cancels
before it adds, so it never trades with itself.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t

from arbcore.venue._accounts cimport FAIR_SCALE
from arbcore.venue._fair_values cimport FairValues
from arbcore.venue._floor cimport ACCEPTED
from arbcore.venue._participant cimport Participant
from arbcore.venue._random cimport rng_below, rng_between, rng_normal_q16
from arbcore.wire._types cimport BUY, PRICE_END, SELL

from arbcore.errors import BrokenInvariant

# A hundredth of a tick, in thousandths of a tick.
cdef int64_t HUNDREDTH = FAIR_SCALE // 100
# An error keeps 7/8 of itself from visit to visit; sqrt(1 - 49/64), in 2**-16, keeps its variance constant.
cdef int64_t ERROR_FRESH_Q16 = 31727
# ln 2 in parts per million turns a half-life into a rate.
cdef int64_t LN2_PPM = 693_147
# Up to this many shares a provider shades its prices by its inventory; a larger inventory shades no more.
cdef int64_t INVENTORY_END_Q16 = 10_000 << 16


cdef class Maker(Participant):
    """One provider. ``group`` is a ``regimes.Makers``; ``half_spread_ticks`` is its half-spread."""

    def __init__(self, floor, name, role, symbol, slowdown, group, half_spread_ticks):
        if group.levels > MAKER_LEVELS:
            raise BrokenInvariant(f"{name} quotes {group.levels} levels a side; {MAKER_LEVELS} is the most.")
        self.half_milli = half_spread_ticks * FAIR_SCALE
        self.tolerance_milli = group.tolerance_ticks * FAIR_SCALE
        self.error_milli = group.error_ct * HUNDREDTH
        self.skew_milli = group.skew_ct * HUNDREDTH
        self.gap = group.gap_ticks
        self.levels = group.levels
        self.size_low = group.size_low
        self.size_high = group.size_high
        self.limit = group.limit
        self.lag_steps = self.steps_of(group.lag_ms)
        self.requote_ms = group.requote_ms
        self.half_life_ns = group.half_life_ms * 1_000_000 * slowdown
        self.withdraw_per_mille = group.withdraw_per_mille
        self.withdraw_ms = group.withdraw_ms

    cdef int begin(self, FairValues fair, uint64_t seed, int64_t now_ns) except -1:
        cdef int i
        Participant.begin(self, fair, seed, now_ns)
        for i in range(MAKER_SLOTS):
            self.quotes[i].order_id = -1
            self.quotes[i].left = 0
        self.inventory_q16 = 0
        self.error = (rng_normal_q16(&self.rng) * self.error_milli) >> 16
        # No view is this close to such a centre, so the first visit quotes.
        self.centre = -2 * PRICE_END * FAIR_SCALE
        self.seen_ns = now_ns
        # All providers quote at the open; their visits start spread over the first quarter of a second.
        self.wake_ns = now_ns + 1 + rng_between(&self.rng, 0, 250_000_000)
        return 0

    cdef int open_market(self) except -1:
        return self.quote()

    cdef int act(self, int64_t now_ns) except -1:
        self.lay_off(now_ns)
        if self.withdraw_per_mille and <int32_t>rng_below(&self.rng, 1000) < self.withdraw_per_mille:
            self.clear_side(BUY, 0)
            self.clear_side(SELL, 0)
            self.sleep(now_ns, self.withdraw_ms)
            return 0
        self.quote()
        self.sleep(now_ns, self.requote_ms)
        return 0

    cdef int quote(self) except -1:
        """Moves the quotes to its present view of the value, and quotes filled levels again."""
        cdef int64_t view = self.view()
        cdef int32_t bid, ask
        if abs(view - self.centre) >= self.tolerance_milli:
            self.centre = view
        bid = self.wanted(BUY)
        ask = self.wanted(SELL)
        self.clear_side(BUY, bid)
        self.clear_side(SELL, ask)
        self.fill_side(BUY, bid)
        self.fill_side(SELL, ask)
        return 0

    cdef int noted(self, int64_t order_id, int symbol, int side, int32_t size, int32_t left) except -1:
        cdef int i
        self.inventory_q16 += <int64_t>size * side * 65536
        for i in range(MAKER_SLOTS):
            if self.quotes[i].order_id == order_id:
                self.quotes[i].left = left
                return 0
        raise BrokenInvariant(f"provider {self.account} was filled on order {order_id}, unknown to it.")

    cdef void lay_off(self, int64_t now_ns) noexcept nogil:
        cdef int64_t gone_us, half_life_us, cap
        if self.half_life_ns:
            half_life_us = self.half_life_ns // 1000
            gone_us = min((now_ns - self.seen_ns) // 1000, half_life_us) * LN2_PPM // 1_000_000
            cap = INVENTORY_END_Q16
            self.inventory_q16 = min(max(self.inventory_q16, -cap), cap)
            self.inventory_q16 -= self.inventory_q16 * gone_us // half_life_us
        self.seen_ns = now_ns

    cdef int64_t view(self) noexcept nogil:
        if self.error_milli:
            self.error = self.error * 7 // 8 + (
                ((rng_normal_q16(&self.rng) * self.error_milli) >> 16) * ERROR_FRESH_Q16 >> 16
            )
        return (
            self.fair.look(self.symbol, self.lag_steps) + self.error
            - (self.inventory_q16 * self.skew_milli >> 16)
        )

    cdef int32_t wanted(self, int side) noexcept nogil:
        # Rounds a bid down and, by the double negation, an ask up: a quote is never inside the half-spread.
        cdef int64_t price
        if side == BUY:
            price = (self.centre - self.half_milli) // FAIR_SCALE
        else:
            price = -((-self.centre - self.half_milli) // FAIR_SCALE)
        return <int32_t>min(max(price, <int64_t>1), <int64_t>(PRICE_END - 1))

    cdef int32_t rung(self, int side, int32_t best, int32_t price) noexcept nogil:
        # Index of the level at this price in a ladder that begins at `best`; -1 if there is none.
        cdef int32_t away = (best - price) * side
        if best == 0 or away < 0 or away >= self.levels * self.gap or away % self.gap != 0:
            return -1
        return away // self.gap

    cdef int clear_side(self, int side, int32_t best) except -1:
        cdef int first = 0 if side == BUY else MAKER_LEVELS
        cdef Quote* quote
        cdef int i
        for i in range(first, first + MAKER_LEVELS):
            quote = &self.quotes[i]
            if quote.left and self.rung(side, best, quote.price) < 0:
                self.floor.cancel(self.account, quote.order_id)
                quote.left = 0
        return 0

    cdef int32_t room(self, int side) noexcept nogil:
        # Shares that it can still quote on this side and stay within the limit if all quotes fill.
        cdef int first = 0 if side == BUY else MAKER_LEVELS
        cdef int64_t room = self.limit - (self.inventory_q16 >> 16) * side
        cdef int i
        for i in range(first, first + MAKER_LEVELS):
            room -= self.quotes[i].left
        return <int32_t>max(room, <int64_t>0)

    cdef int fill_side(self, int side, int32_t best) except -1:
        cdef int first = 0 if side == BUY else MAKER_LEVELS
        cdef bint standing[MAKER_LEVELS]
        cdef int64_t price
        cdef int32_t size, level
        cdef int refusal, i, free
        cdef Quote* quote
        for i in range(MAKER_LEVELS):
            standing[i] = False
        for i in range(first, first + MAKER_LEVELS):
            if self.quotes[i].left:
                standing[self.rung(side, best, self.quotes[i].price)] = True
        free = first
        for level in range(self.levels):
            price = <int64_t>best - side * level * self.gap
            if standing[level] or price < 1 or price >= PRICE_END:
                continue
            size = <int32_t>rng_between(&self.rng, self.size_low, self.size_high)
            if self.limit:
                size = min(size, self.room(side))
                if size == 0:
                    break
            while self.quotes[free].left:
                free += 1
            quote = &self.quotes[free]
            # Recorded before it is entered: the order may trade during add(), and noted() must find it.
            quote.order_id = self.fresh_id()
            quote.price = <int32_t>price
            quote.left = size
            refusal = self.floor.add(self.account, quote.order_id, self.symbol, side, <int32_t>price, size)
            if refusal != ACCEPTED:
                raise BrokenInvariant(f"the floor refused provider {self.account} for reason {refusal}.")
            free += 1
        return 0
