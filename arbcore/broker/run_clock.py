"""Which time it is for the carry bot: the machine's, or that of our own gateway's rows.

A shell: it reads the machine's clocks. ``now_ns`` never goes back and measures ages; ``utc_ns`` is the
market's time.
"""

import time


class MachineClock:
    """The machine's own clocks; what the broker says of the time changes nothing here."""

    def told(self, utc_ns: int) -> None:
        """The broker's clock; the desk compares it, nobody corrects by it."""

    def hold(self) -> None:
        """Nothing holds it."""

    def now_ns(self) -> int:
        """Monotonic nanoseconds."""
        return time.monotonic_ns()

    def utc_ns(self) -> int:
        """UTC nanoseconds since 1970."""
        return time.time_ns()


class RowClock:
    """The clock of a replay: it jumps to each row's time and runs on from there at the machine's pace, until
    the row is done. What became due after that would be overtaken by the next row before it was answered.

    Both of its times are the same, so a minute between two rows is a minute for everything that measures.
    """

    def __init__(self) -> None:
        self._base_ns = 0
        self._since_ns = time.monotonic_ns()
        self._last_ns = 0
        self._held = False

    def told(self, utc_ns: int) -> None:
        """The gateway's clock as of now."""
        self._base_ns = utc_ns
        self._since_ns = time.monotonic_ns()
        self._held = False

    def hold(self) -> None:
        """Stands still until it is told a time."""
        self._held = True

    def now_ns(self) -> int:
        """Nanoseconds that never go back."""
        if not self._held:
            self._last_ns = max(self._last_ns, self._base_ns + time.monotonic_ns() - self._since_ns)
        return self._last_ns

    def utc_ns(self) -> int:
        """The gateway's time; the same."""
        return self.now_ns()
