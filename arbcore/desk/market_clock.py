"""The desk's two clocks, and the New York date of an instant, which is the desk's day.

The monotonic clock is for ages and time-outs. The market's clock must not jump: while the machine's wall
clock and the monotonic one disagree, ``slipped`` is True and the market's clock follows the monotonic one,
until the broker's clock shows which is right.
"""

from arbcore.carry.calendar import trading_date
from arbcore.core.civil import new_york_to_utc

#: Times must be within 2**62 ns of 0, nearly 150 years, because store and kernels use 64-bit numbers.
TIME_END_NS = 2**62


class MarketClock:
    """``now_ns`` never goes back; ``utc_ns`` neither goes back nor leaps by more than ``slip_ns``.

    In a replay the market's clock may run at any pace, so ``slipped`` stays False. Raises OverflowError for a
    time that is 2**62 ns or more from 0.
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
        """The clock of the message rate: a replay runs a day in a minute, so it counts by market time."""
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
        """How far the machine's clock is ahead of the broker's; ends ``slipped`` if the two agree."""
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
        raise OverflowError(f"the time {time_ns} ns is 2**62 ns or more from 0")
