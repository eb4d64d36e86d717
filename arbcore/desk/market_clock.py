"""The desk's two clocks, and New York's date at an instant, which is the desk's day.

The monotonic clock is for ages and time-outs. The market's clock must not jump: while the machine's wall
clock and the monotonic one disagree, the market's time goes on at the pace of the monotonic one and
``slipped`` says so; the broker's own clock settles it.
"""

from arbcore.carry.calendar import trading_date
from arbcore.core.civil import new_york_to_utc

#: Times lie within this many nanoseconds of 0, two centuries: the numbers of store and kernels have 64 bits.
TIME_END_NS = 2**62


class MarketClock:
    """``now_ns`` never goes back; ``utc_ns`` neither goes back nor leaps by more than ``slip_ns``.

    In a replay the market's clock goes at any pace, so that nothing about it is suspicious. OverflowError for
    a time two centuries or more from 0.
    """

    def __init__(self, *, slip_ns: int, replay: bool) -> None:
        self.now_ns = -TIME_END_NS
        self.utc_ns = 0
        self.slipped = False
        self._slip_ns = slip_ns
        self._replay = replay
        self._machine_ns = 0

    @property
    def pace_ns(self) -> int:
        """What messages are counted by; a replay squeezes a day into a minute, and its pace is the day's."""
        return self.utc_ns if self._replay else self.now_ns

    def advance(self, now_ns: int, utc_ns: int) -> None:
        """Takes both clocks' readings."""
        _check_time(now_ns)
        _check_time(utc_ns)
        elapsed_ns = now_ns - self.now_ns
        if elapsed_ns < 0:
            elapsed_ns = 0
        else:
            self.now_ns = now_ns
        self._machine_ns = utc_ns
        if self._replay or not self.utc_ns:
            self.utc_ns = max(self.utc_ns, utc_ns)
            return
        expected_ns = self.utc_ns + elapsed_ns
        _check_time(expected_ns)
        self.slipped = abs(utc_ns - expected_ns) > self._slip_ns
        self.utc_ns = expected_ns if self.slipped else max(self.utc_ns, utc_ns)

    def compare(self, broker_ns: int) -> int:
        """How far the machine's clock is ahead of the broker's; one that is right is believed again."""
        if self._replay:
            return 0
        _check_time(broker_ns)
        ahead_ns = self._machine_ns - broker_ns
        if abs(ahead_ns) <= self._slip_ns:
            self.utc_ns, self.slipped = self._machine_ns, False
        else:
            self.utc_ns, self.slipped = broker_ns, True
        return ahead_ns


def day_of(utc_ns: int) -> tuple[int, int, int]:
    """New York's date at an instant, and the instants at which it begins and ends."""
    day = trading_date(utc_ns)
    return day, new_york_to_utc(day, 0), new_york_to_utc(day + 1, 0)


def _check_time(time_ns: int) -> None:
    if not -TIME_END_NS < time_ns < TIME_END_NS:
        raise OverflowError(f"the time {time_ns} ns is two centuries or more from 0")
