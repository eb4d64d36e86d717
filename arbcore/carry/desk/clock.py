"""Two clocks made one: a monotonic one for ages and time-outs, and the market's, which must not jump.

Owns the suspicion of a wall clock that leaps. While the two disagree the market's time goes on at the pace
of the monotonic clock, and ``slipped`` says so; the broker's own clock settles it. It knows no market.
"""

from arbcore.carry.calendar import trading_date
from arbcore.carry.civil import new_york_to_utc


class MarketClock:
    """``now_ns`` never goes back; ``utc_ns`` neither goes back nor leaps by more than ``slip_ns``.

    In a replay the market's clock goes at any pace, so that nothing about it is suspicious.
    """

    def __init__(self, *, slip_ns: int, replay: bool) -> None:
        self.now_ns = -(2**62)
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
        elapsed = now_ns - self.now_ns
        if elapsed < 0:
            elapsed = 0
        else:
            self.now_ns = now_ns
        self._machine_ns = utc_ns
        if self._replay or not self.utc_ns:
            self.utc_ns = max(self.utc_ns, utc_ns)
            return
        expected = self.utc_ns + elapsed
        self.slipped = abs(utc_ns - expected) > self._slip_ns
        self.utc_ns = expected if self.slipped else max(self.utc_ns, utc_ns)

    def compare(self, broker_ns: int) -> int:
        """How far the machine's clock is ahead of the broker's; one that is right is believed again."""
        ahead = self._machine_ns - broker_ns
        if self._replay:
            return 0
        if abs(ahead) <= self._slip_ns:
            self.utc_ns, self.slipped = self._machine_ns, False
        else:
            self.utc_ns, self.slipped = broker_ns, True
        return ahead


def day_of(utc_ns: int) -> tuple[int, int, int]:
    """New York's date at an instant, and the instants at which it begins and ends."""
    day = trading_date(utc_ns)
    return day, new_york_to_utc(day, 0), new_york_to_utc(day + 1, 0)
