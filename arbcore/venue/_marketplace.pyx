"""The populated marketplace: the participants of a regime and its hidden values, run in order of time.

Owns the list of participants and the order in which they act. Each participant decides what it does;
``regimes`` has the parameters. Everything in a round follows from (regime, mode, seed) and from the teams'
orders; the hidden values follow from (regime, mode, seed) alone. It must not know the teams.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t

from arbcore.venue._fair_values cimport FairValues
from arbcore.venue._floor cimport NEVER_NS, Floor, Marketplace
from arbcore.venue._participant cimport Participant
from arbcore.wire._types cimport N_SYMBOLS

from arbcore.errors import BrokenInvariant, ConfigError
from arbcore.venue import regimes
from arbcore.venue._makers import Maker
from arbcore.venue._takers import (
    Arbitrageur, Follower, ImpatientTrader, InformedTaker, NoiseTaker, ProgrammeTrader,
)
from arbcore.wire.instruments import SYMBOL_ID, SYMBOLS

# Hidden values advance at least this often even without trades, for scores and the loss stop.
cdef int64_t REFRESH_NS = 100_000_000


cdef class PopulatedMarketplace(Marketplace):
    """The marketplace that a ``VenueConfig`` names by ``mode`` and ``regime``.

    In mode ``empty`` the hidden values move without participants. Raises ConfigError on an unknown regime.
    """

    def __init__(self, Floor floor, config):
        if config.regime not in regimes.REGIMES:
            raise ConfigError(f"regime is {config.regime!r}; choose one of {', '.join(regimes.REGIMES)}.")
        self.regime = regimes.REGIMES[config.regime]
        self.slowdown = regimes.SLOWDOWN[config.mode]
        self.participants = []
        if config.mode != "empty":
            self.populate()
        self.count = <int32_t>len(self.participants)

    cdef object populate(self):
        for symbol in SYMBOLS:
            flow = self.regime.flow[symbol]
            for group in flow.makers:
                for half_spread_ticks in group.half_spreads_ticks:
                    self.enrol(Maker, "maker", symbol, (group, half_spread_ticks))
            self.enrol(NoiseTaker, "noise", symbol, (flow.noise,))
            if flow.programme:
                self.enrol(ProgrammeTrader, "programme", symbol, (flow.programme, flow.noise.reach_ticks))
            if flow.informed:
                self.enrol(InformedTaker, "informed", symbol, (flow.informed,))
            if flow.followers:
                self.enrol(Follower, "follower", symbol, (flow.followers,))
            if flow.impatient:
                self.enrol(ImpatientTrader, "impatient", symbol, (flow.impatient,))
            if flow.arbitrageurs:
                for _ in range(flow.arbitrageurs.count):
                    arguments = (flow.arbitrageurs, flow.noise.reach_ticks)
                    self.enrol(Arbitrageur, "arbitrageur", symbol, arguments)

    cdef object enrol(self, object kind, str role, str symbol, object arguments):
        cdef int32_t place = <int32_t>len(self.participants)
        cdef Participant participant
        name = f"{role}-{symbol}-{place}"
        participant = kind(self.floor, name, role, SYMBOL_ID[symbol], self.slowdown, *arguments)
        if place == 0:
            self.first_account = participant.account
        if place >= PARTICIPANTS_MAX or participant.account != self.first_account + place:
            raise BrokenInvariant(f"participant {name} has account {participant.account}, out of its row.")
        self.participants.append(participant)

    cdef int begin_round(self, int64_t now_ns, uint64_t seed) except -1:
        cdef Participant participant
        cdef int32_t place
        self.fair = FairValues(self.regime.fair, seed=seed, start_ns=now_ns, slowdown=self.slowdown)
        self.publish()
        self.refresh_ns = now_ns + REFRESH_NS
        for place in range(self.count):
            participant = <Participant>self.participants[place]
            participant.begin(self.fair, seed, now_ns)
            participant.open_market()
            self.wakes_ns[place] = participant.wake_ns
            self.heap[place] = place
        for place in range(self.count // 2 - 1, -1, -1):
            self.sink(place)
        self.next_event_ns = self.refresh_ns
        if self.count:
            self.next_event_ns = min(self.next_event_ns, self.wakes_ns[self.heap[0]])
        return 0

    cdef int step(self, int64_t now_ns) except -1:
        cdef int64_t due_ns = self.next_event_ns
        cdef Participant participant
        cdef int32_t first
        if due_ns > now_ns or due_ns == NEVER_NS:
            return 0
        self.fair.advance(due_ns)
        self.publish()
        while self.count and self.wakes_ns[self.heap[0]] <= due_ns:
            first = self.heap[0]
            participant = <Participant>self.participants[first]
            participant.act(due_ns)
            if participant.wake_ns <= due_ns:
                raise BrokenInvariant(f"participant {participant.account} wants to wake in the past.")
            self.wakes_ns[first] = participant.wake_ns
            self.sink(0)
        while self.refresh_ns <= due_ns:
            self.refresh_ns += REFRESH_NS
        self.next_event_ns = self.refresh_ns
        if self.count:
            self.next_event_ns = min(self.next_event_ns, self.wakes_ns[self.heap[0]])
        return 0

    cdef int filled(self, int32_t account, int64_t order_id, int symbol, int side, int32_t price,
                    int32_t size, int32_t left) except -1:
        cdef int32_t place = account - self.first_account
        if 0 <= place < self.count:
            (<Participant>self.participants[place]).noted(order_id, symbol, side, size, left)
        return 0

    cdef bint sooner(self, int32_t one, int32_t other) noexcept nogil:
        # At the same nanosecond the participant that was added first acts first.
        if self.wakes_ns[one] != self.wakes_ns[other]:
            return self.wakes_ns[one] < self.wakes_ns[other]
        return one < other

    cdef void sink(self, int32_t place) noexcept nogil:
        cdef int32_t moving = self.heap[place]
        cdef int32_t child = 2 * place + 1
        while child < self.count:
            if child + 1 < self.count and self.sooner(self.heap[child + 1], self.heap[child]):
                child += 1
            if not self.sooner(self.heap[child], moving):
                break
            self.heap[place] = self.heap[child]
            place = child
            child = 2 * place + 1
        self.heap[place] = moving

    cdef void publish(self) noexcept nogil:
        cdef int symbol
        for symbol in range(N_SYMBOLS):
            self.floor.fair_milli[symbol] = self.fair.look(symbol, 0)
