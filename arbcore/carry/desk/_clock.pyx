"""Two clocks made one: a monotonic one for ages and time-outs, and the market's, which must not jump.

Owns the suspicion of a wall clock that leaps; ``arbcore.reference.desk`` is the specification. While the two
disagree the market's time goes on at the pace of the monotonic clock, and ``slipped`` says so; the broker's
own clock settles it. It knows no market.
"""
from libc.stdint cimport int64_t

# Times lie within this many nanoseconds of 0, two centuries, so that no sum or difference of two overflows.
cdef int64_t TIME_END_NS = 2**62


cdef class MarketClock:
    """``now_ns`` never goes back; ``utc_ns`` neither goes back nor leaps by more than ``slip_ns``.

    In a replay the market's clock goes at any pace, so that nothing about it is suspicious. OverflowError for
    a time two centuries or more from 0.
    """

    def __init__(self, *, slip_ns, bint replay):
        self.now_ns = -TIME_END_NS
        self.utc_ns = self.machine_ns = 0
        self.slip_ns = min(slip_ns, TIME_END_NS)
        self.replay = replay
        self.slipped = False

    @property
    def pace_ns(self) -> int:
        """What messages are counted by; a replay squeezes a day into a minute, and its pace is the day's."""
        return self.pace()

    cdef int64_t pace(self) noexcept:
        return self.utc_ns if self.replay else self.now_ns

    cpdef advance(self, int64_t now_ns, int64_t utc_ns):
        """Takes both clocks' readings."""
        cdef int64_t elapsed_ns, expected_ns
        check_time(now_ns)
        check_time(utc_ns)
        elapsed_ns = now_ns - self.now_ns
        if elapsed_ns < 0:
            elapsed_ns = 0
        else:
            self.now_ns = now_ns
        self.machine_ns = utc_ns
        if self.replay or self.utc_ns == 0:
            self.utc_ns = max(self.utc_ns, utc_ns)
            return
        expected_ns = check_time(self.utc_ns + min(elapsed_ns, TIME_END_NS))
        self.slipped = abs(utc_ns - expected_ns) > self.slip_ns
        self.utc_ns = expected_ns if self.slipped else max(self.utc_ns, utc_ns)

    def compare(self, int64_t broker_ns) -> int:
        """How far the machine's clock is ahead of the broker's; one that is right is believed again."""
        cdef int64_t ahead_ns
        if self.replay:
            return 0
        ahead_ns = self.machine_ns - check_time(broker_ns)
        if abs(ahead_ns) <= self.slip_ns:
            self.utc_ns, self.slipped = self.machine_ns, False
        else:
            self.utc_ns, self.slipped = broker_ns, True
        return ahead_ns


cdef inline int64_t check_time(int64_t time_ns) except? -1:
    if not -TIME_END_NS < time_ns < TIME_END_NS:
        raise OverflowError(f"the time {time_ns} ns is two centuries or more from 0")
    return time_ns
