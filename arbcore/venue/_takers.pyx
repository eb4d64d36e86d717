"""Takers of liquidity: noise, programmes, informed and impatient traders, followers, arbitrageurs.

The parameter classes in ``regimes`` describe each one. All but the impatient trader only take orders in the
book and rest none, so the book holds orders of providers and teams only.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t

from arbcore.venue._accounts cimport FAIR_SCALE
from arbcore.venue._book cimport Book
from arbcore.venue._fair_values cimport FairValues
from arbcore.venue._floor cimport ACCEPTED
from arbcore.venue._participant cimport Participant
from arbcore.venue._random cimport rng_between, rng_exponential_q20, rng_next, rng_normal_q16
from arbcore.wire._types cimport BUY, SELL

from arbcore.errors import BrokenInvariant
from arbcore.wire.instruments import CONVERSIONS, SYMBOL_ID, SYMBOLS

cdef int64_t HUNDREDTH = FAIR_SCALE // 100


cdef class NoiseTaker(Participant):
    """A noise trader. ``noise`` is a ``regimes.Noise``."""

    def __init__(self, floor, name, role, symbol, slowdown, noise):
        self.interval_ms = noise.interval_ms
        # One share plus an exponential of this mean, cut to whole shares, has nearly the configured mean.
        self.size_mean_milli = noise.size_mean * 1000 - 500
        self.size_high = noise.size_high
        self.reach = noise.reach_ticks

    cdef int begin(self, FairValues fair, uint64_t seed, int64_t now_ns) except -1:
        Participant.begin(self, fair, seed, now_ns)
        self.sleep(now_ns, self.interval_ms)
        return 0

    cdef int act(self, int64_t now_ns) except -1:
        cdef int side = BUY if rng_next(&self.rng) >> 63 else SELL
        cdef int64_t more = (rng_exponential_q20(&self.rng) * self.size_mean_milli // 1000) >> 20
        cdef int64_t price = self.fair.look(self.symbol, 0) // FAIR_SCALE + side * self.reach
        self.take(self.symbol, side, price, <int32_t>min(1 + more, <int64_t>self.size_high))
        self.sleep(now_ns, self.interval_ms)
        return 0


cdef class ProgrammeTrader(Participant):
    """A programme trader. ``programme`` is a ``regimes.Programme``; ``reach_ticks`` bounds its prices."""

    def __init__(self, floor, name, role, symbol, slowdown, programme, reach_ticks):
        self.interval_ms = programme.interval_ms
        self.spacing_ms = programme.spacing_ms
        self.shares_low = programme.shares_low
        self.shares_high = programme.shares_high
        self.slice_low = programme.slice_low
        self.slice_high = programme.slice_high
        self.reach = reach_ticks

    cdef int begin(self, FairValues fair, uint64_t seed, int64_t now_ns) except -1:
        Participant.begin(self, fair, seed, now_ns)
        self.left = 0
        self.sleep(now_ns, self.interval_ms)
        return 0

    cdef int act(self, int64_t now_ns) except -1:
        cdef int32_t size
        cdef int64_t price
        if self.left == 0:
            self.side = BUY if rng_next(&self.rng) >> 63 else SELL
            self.left = <int32_t>rng_between(&self.rng, self.shares_low, self.shares_high)
        size = min(<int32_t>rng_between(&self.rng, self.slice_low, self.slice_high), self.left)
        price = self.fair.look(self.symbol, 0) // FAIR_SCALE + self.side * self.reach
        # A slice counts as done even if the book could not fill it, so every programme ends.
        self.left -= size
        self.take(self.symbol, self.side, price, size)
        self.sleep(now_ns, self.spacing_ms if self.left else self.interval_ms)
        return 0


cdef class InformedTaker(Participant):
    """An informed trader. ``informed`` is a ``regimes.Informed``."""

    def __init__(self, floor, name, role, symbol, slowdown, informed):
        self.interval_ms = informed.interval_ms
        self.lag_steps = self.steps_of(informed.lag_ms)
        self.error_milli = informed.error_ct * HUNDREDTH
        self.edge_milli = informed.edge_ticks * FAIR_SCALE
        self.size_high = informed.size_high

    cdef int begin(self, FairValues fair, uint64_t seed, int64_t now_ns) except -1:
        Participant.begin(self, fair, seed, now_ns)
        self.sleep(now_ns, self.interval_ms)
        return 0

    cdef int act(self, int64_t now_ns) except -1:
        cdef int64_t view = self.fair.look(self.symbol, self.lag_steps)
        cdef int64_t ask = self.book.best_ask()
        cdef int64_t bid = self.book.best_bid()
        cdef int32_t size = <int32_t>rng_between(&self.rng, 1, self.size_high)
        view += rng_normal_q16(&self.rng) * self.error_milli >> 16
        if ask and ask * FAIR_SCALE + self.edge_milli <= view:
            self.take(self.symbol, BUY, (view - self.edge_milli) // FAIR_SCALE, size)
        elif bid and bid * FAIR_SCALE - self.edge_milli >= view:
            self.take(self.symbol, SELL, -((-view - self.edge_milli) // FAIR_SCALE), size)
        self.sleep(now_ns, self.interval_ms)
        return 0


cdef class Follower(Participant):
    """A follower. ``followers`` is a ``regimes.Followers``."""

    def __init__(self, floor, name, role, symbol, slowdown, followers):
        self.interval_ms = followers.interval_ms
        self.lag_steps = self.steps_of(followers.lag_ms)
        self.window_steps = self.steps_of(followers.window_ms)
        self.move_milli = followers.move_ticks * FAIR_SCALE
        self.edge_milli = followers.edge_ticks * FAIR_SCALE
        self.memory_visits = followers.memory_visits
        self.size_high = followers.size_high

    cdef int begin(self, FairValues fair, uint64_t seed, int64_t now_ns) except -1:
        Participant.begin(self, fair, seed, now_ns)
        self.usual_milli = 0
        self.sleep(now_ns, self.interval_ms)
        return 0

    cdef int act(self, int64_t now_ns) except -1:
        cdef int64_t value = self.fair.look(self.symbol, self.lag_steps)
        cdef int64_t moved = value - self.fair.look(self.symbol, self.lag_steps + self.window_steps)
        cdef int64_t ask = self.book.best_ask()
        cdef int64_t bid = self.book.best_bid()
        cdef int32_t size = <int32_t>rng_between(&self.rng, 1, self.size_high)
        cdef int64_t view = value + self.usual_milli
        cdef int64_t gap_milli
        if ask and moved >= self.move_milli and ask * FAIR_SCALE + self.edge_milli <= view:
            self.take(self.symbol, BUY, (view - self.edge_milli) // FAIR_SCALE, size)
        elif bid and -moved >= self.move_milli and bid * FAIR_SCALE - self.edge_milli >= view:
            self.take(self.symbol, SELL, -((-view - self.edge_milli) // FAIR_SCALE), size)
        if ask and bid:
            gap_milli = (ask + bid) * FAIR_SCALE // 2 - value
            self.usual_milli += (gap_milli - self.usual_milli) // self.memory_visits
        self.sleep(now_ns, self.interval_ms)
        return 0


cdef class ImpatientTrader(Participant):
    """An impatient trader. ``impatient`` is a ``regimes.Impatient``."""

    def __init__(self, floor, name, role, symbol, slowdown, impatient):
        self.interval_ms = impatient.interval_ms
        self.stay_ms = impatient.stay_ms
        self.beyond_high = impatient.beyond_high_ticks
        self.size_low = impatient.size_low
        self.size_high = impatient.size_high

    cdef int begin(self, FairValues fair, uint64_t seed, int64_t now_ns) except -1:
        Participant.begin(self, fair, seed, now_ns)
        self.standing = -1
        self.sleep(now_ns, self.interval_ms)
        return 0

    cdef int act(self, int64_t now_ns) except -1:
        cdef int64_t price
        cdef int32_t size
        cdef int side, refusal
        if self.standing >= 0:
            self.floor.cancel(self.account, self.standing)
            self.standing = -1
            self.sleep(now_ns, self.interval_ms)
            return 0
        side = BUY if rng_next(&self.rng) >> 63 else SELL
        price = self.fair.look(self.symbol, 0) // FAIR_SCALE
        price += side * rng_between(&self.rng, 1, self.beyond_high)
        size = <int32_t>rng_between(&self.rng, self.size_low, self.size_high)
        self.standing = self.fresh_id()
        refusal = self.floor.add(self.account, self.standing, self.symbol, side, <int32_t>price, size)
        if refusal != ACCEPTED:
            raise BrokenInvariant(f"the floor refused an order of its own {self.role}: reason {refusal}.")
        self.sleep(now_ns, self.stay_ms)
        return 0


cdef class Arbitrageur(Participant):
    """An arbitrageur. ``rivals`` is a ``regimes.Arbitrageurs``; it converts by the exchange's rules."""

    def __init__(self, floor, name, role, symbol, slowdown, rivals, reach_ticks):
        conversion = CONVERSIONS[SYMBOLS[symbol]]
        self.interval_ms = rivals.interval_ms
        self.edge = rivals.edge
        self.fee = conversion.fee
        self.units_high = rivals.units_high
        self.unit = conversion.unit
        self.reach = reach_ticks
        self.n_legs = len(conversion.legs)
        for place, (leg, shares) in enumerate(conversion.legs):
            self.leg_symbols[place] = SYMBOL_ID[leg]
            self.leg_shares[place] = shares

    cdef int begin(self, FairValues fair, uint64_t seed, int64_t now_ns) except -1:
        Participant.begin(self, fair, seed, now_ns)
        self.held = 0
        self.sleep(now_ns, self.interval_ms)
        return 0

    cdef int act(self, int64_t now_ns) except -1:
        cdef int64_t units = rng_between(&self.rng, 1, self.units_high)
        cdef int64_t ask = self.book.best_ask()
        cdef int64_t bid = self.book.best_bid()
        cdef int64_t fetched = self.basket(SELL)
        cdef int64_t paid = self.basket(BUY)
        cdef int64_t toll = self.fee + self.edge * units
        if ask and fetched and (fetched - ask * self.unit) * units >= toll:
            self.take(self.symbol, BUY, ask, <int32_t>(units * self.unit))
            self.unwind()
        elif bid and paid and (bid * self.unit - paid) * units >= toll:
            self.take(self.symbol, SELL, bid, <int32_t>(units * self.unit))
            self.unwind()
        self.sleep(now_ns, self.interval_ms)
        return 0

    cdef int noted(self, int64_t order_id, int symbol, int side, int32_t size, int32_t left) except -1:
        if symbol == self.symbol:
            self.held += side * size
        return 0

    cdef int64_t basket(self, int side) noexcept:
        # The price of one unit's legs (BUY) or their proceeds (SELL) at the touch; 0 if a leg has no touch.
        cdef int64_t value = 0
        cdef int32_t touch
        cdef Book book
        cdef int i
        for i in range(self.n_legs):
            book = <Book>self.floor.books[self.leg_symbols[i]]
            touch = book.best_ask() if side == BUY else book.best_bid()
            if touch == 0:
                return 0
            value += <int64_t>touch * self.leg_shares[i]
        return value

    cdef int unwind(self) except -1:
        # Converts whole units of its position and trades the legs; less than a unit waits.
        cdef int side = BUY if self.held < 0 else SELL
        cdef int64_t units = abs(self.held) // self.unit
        cdef int64_t price
        cdef int i, symbol, refusal
        if units == 0:
            return 0
        refusal = self.floor.convert(
            self.account, self.fresh_id(), self.symbol, side, <int32_t>(units * self.unit)
        )
        if refusal != ACCEPTED:
            raise BrokenInvariant(f"the floor refused a conversion of its {self.role}: reason {refusal}.")
        self.held += side * units * self.unit
        for i in range(self.n_legs):
            symbol = self.leg_symbols[i]
            price = self.fair.look(symbol, 0) // FAIR_SCALE + side * self.reach
            self.take(symbol, side, price, <int32_t>(units * self.leg_shares[i]))
        return 0
