"""The hidden fair value of every symbol: four random walks, and the values derived from them.

BOND is always exactly 1000, VALE equals VALBZ, and XLF is exactly a tenth of 3 BOND + 2 GS + 3 MS + 2 WFC.
Stocks move in hundredths of a tick, so XLF is exact in thousandths, the unit of every value returned.

A walk takes a step every 20 ms (times the mode's slowdown), from its own random streams: the values of a
round depend on (regime, seed, round) and on no trade. They are reflected at half of the lowest and twice
the highest starting price; only an exchange left running for days comes near those.

This module must not know the book, the participants or the teams.
"""

from libc.stdint cimport int64_t

from arbcore.venue._accounts cimport FAIR_SCALE
from arbcore.venue._random cimport rng_between, rng_next, rng_normal_q16, rng_seed, rng_wait_ns
from arbcore.wire._types cimport BOND, GS, MS, VALBZ, VALE, WFC, XLF

from math import isqrt

from arbcore.wire.instruments import BOND_FAIR_PRICE, SYMBOL_ID, SYMBOLS

STEP_MS = 20
SCALE = FAIR_SCALE

cdef int64_t NEVER_NS = 0x7FFFFFFFFFFFFFFF
cdef int64_t BOND_VALUE = BOND_FAIR_PRICE * FAIR_SCALE
# A hundredth of a tick in the unit of a walk.
cdef int64_t HUNDREDTH = 1 << 16
# Streams of one round's seed; the participants' streams have higher numbers.
cdef int COMMON_STREAM = 1
cdef int WALK_STREAM = 2

WALKING = ("VALBZ", "GS", "MS", "WFC")


cdef void take_step(Walk* walk, int64_t common, int64_t now_ns) noexcept nogil:
    cdef int64_t shock = (walk.own_q16 * rng_normal_q16(&walk.rng) + walk.common_q16 * common) >> 16
    cdef int64_t jump
    walk.value += (walk.step_deviation * shock + (1 << 15)) >> 16
    if walk.drift:
        if now_ns >= walk.drift_until_ns:
            walk.drift_until_ns = now_ns + rng_wait_ns(&walk.rng, walk.drift_hold_ns)
            if rng_next(&walk.rng) >> 63:
                walk.drift = -walk.drift
        walk.value += walk.drift
    while now_ns >= walk.jump_at_ns:
        jump = rng_between(&walk.rng, walk.jump_low, walk.jump_high) * HUNDREDTH
        walk.value += jump if rng_next(&walk.rng) >> 63 else -jump
        walk.jump_at_ns += rng_wait_ns(&walk.rng, walk.jump_interval_ns) + 1
    if walk.value < walk.low:
        walk.value = 2 * walk.low - walk.value
    elif walk.value > walk.high:
        walk.value = 2 * walk.high - walk.value


cdef class FairValues:
    """Hidden values of one round.

    ``processes`` maps VALBZ, GS, MS and WFC to their ``regimes.FairProcess``; ``seed`` is the round's;
    ``slowdown`` stretches time. Values are integers, ``SCALE`` to a tick.
    """

    def __init__(self, processes, *, seed: int, start_ns: int = 0, slowdown: int = 1):
        self.step_ns = STEP_MS * 1_000_000 * slowdown
        self.start_ns = start_ns
        self.steps = 0
        rng_seed(&self.common, seed & 0xFFFFFFFFFFFFFFFF, COMMON_STREAM)
        for place, symbol in enumerate(WALKING):
            rng_seed(&self.walks[place].rng, seed & 0xFFFFFFFFFFFFFFFF, WALK_STREAM + place)
            self.begin(place, SYMBOL_ID[symbol], processes[symbol], slowdown)
        self.record()

    cdef object begin(self, int place, int symbol, process, int slowdown):
        cdef Walk* walk = &self.walks[place]
        walk.symbol = symbol
        walk.value = HUNDREDTH * rng_between(
            &walk.rng, process.start_low_ticks * 100, process.start_high_ticks * 100
        )
        walk.low = process.start_low_ticks * 50 * HUNDREDTH
        walk.high = process.start_high_ticks * 200 * HUNDREDTH
        # Exact integer roots: a step's deviation is volatility * sqrt(step in s); also shares of variance.
        walk.step_deviation = isqrt(process.volatility_ct**2 * STEP_MS * 2**32 // 1000)
        walk.own_q16 = isqrt((1000 - process.common_per_mille) * 2**32 // 1000)
        walk.common_q16 = isqrt(process.common_per_mille * 2**32 // 1000)
        walk.drift = process.drift_ct * STEP_MS * HUNDREDTH // 1000
        walk.drift_hold_ns = process.drift_hold_ms * 1_000_000 * slowdown
        walk.drift_until_ns = 0
        walk.jump_interval_ns = process.jump_interval_ms * 1_000_000 * slowdown
        walk.jump_low = process.jump_low_ticks * 100
        walk.jump_high = process.jump_high_ticks * 100
        walk.jump_at_ns = NEVER_NS
        if walk.jump_interval_ns:
            walk.jump_at_ns = self.start_ns + rng_wait_ns(&walk.rng, walk.jump_interval_ns)

    cdef void record(self) noexcept nogil:
        cdef int64_t* row = self.history[self.steps & (FAIR_HISTORY - 1)]
        cdef int i
        for i in range(N_WALKS):
            row[self.walks[i].symbol] = ((self.walks[i].value + (HUNDREDTH >> 1)) >> 16) * 10
        row[<int>BOND] = BOND_VALUE
        row[<int>VALE] = row[<int>VALBZ]
        row[<int>XLF] = (3 * BOND_VALUE + 2 * row[<int>GS] + 3 * row[<int>MS] + 2 * row[<int>WFC]) // 10

    cdef void advance(self, int64_t now_ns) noexcept nogil:
        cdef int64_t step_end_ns = self.start_ns + (self.steps + 1) * self.step_ns
        cdef int64_t common
        cdef int i
        while step_end_ns <= now_ns:
            common = rng_normal_q16(&self.common)
            for i in range(N_WALKS):
                take_step(&self.walks[i], common, step_end_ns)
            self.steps += 1
            self.record()
            step_end_ns += self.step_ns

    cdef int64_t look(self, int symbol, int64_t steps_ago) noexcept nogil:
        cdef int64_t step = self.steps - min(steps_ago, FAIR_HISTORY - 1)
        return self.history[max(step, <int64_t>0) & (FAIR_HISTORY - 1)][symbol]

    def at(self, now_ns: int) -> dict:
        """Every symbol's value at ``now_ns`` (or at the latest time passed before, if that was later)."""
        self.advance(now_ns)
        return {symbol: self.look(place, 0) for place, symbol in enumerate(SYMBOLS)}
