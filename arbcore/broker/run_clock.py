"""The carry bot's clock: the machine's clocks, or the times of our own gateway's rows.

A shell: it reads the machine's clocks. ``now_ns`` never goes back and measures ages; ``utc_ns`` is the
market's time.
"""

import time


class MachineClock:
    """The machine's own clocks; the broker's clock does not change them."""

    def told(self, utc_ns: int) -> None:
        """Ignores the broker's clock, which the desk compares by itself."""

    def hold(self) -> None:
        """Does nothing."""

    def now_ns(self) -> int:
        """Monotonic nanoseconds."""
        return time.monotonic_ns()

    def utc_ns(self) -> int:
        """UTC nanoseconds since 1970."""
        return time.time_ns()


class RowClock:
    """The clock of a replay: it jumps to each row's time, runs on at the machine's pace, and stops when the
    row is done. If it ran on, time-outs would become due that the next row overtakes.

    ``now_ns`` and ``utc_ns`` are the same, so a minute between two rows is a minute for all time-outs.
    """

    def __init__(self) -> None:
        self._base_ns = 0
        self._since_ns = time.monotonic_ns()
        self._last_ns = 0
        self._held = False

    def told(self, utc_ns: int) -> None:
        """Jumps to the gateway's time."""
        self._base_ns = utc_ns
        self._since_ns = time.monotonic_ns()
        self._held = False

    def hold(self) -> None:
        """Stops the clock until the next ``told``."""
        self._held = True

    def now_ns(self) -> int:
        """Nanoseconds that never go back."""
        if not self._held:
            self._last_ns = max(self._last_ns, self._base_ns + time.monotonic_ns() - self._since_ns)
        return self._last_ns

    def utc_ns(self) -> int:
        """The gateway's time, equal to ``now_ns``."""
        return self.now_ns()
