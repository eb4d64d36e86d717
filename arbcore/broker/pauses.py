"""Notices that the process stood still: SIGSTOP, a laptop's sleep, a paused machine, a disk that hangs.

A shell: it reads the machine's clocks. What waited in the socket meanwhile is old, and looks fresh to whoever
stamps it when it is read. A monotonic clock stops while some machines sleep, so the wall clock is asked too.
"""

import asyncio
import time
from collections.abc import Callable

#: The event loop's turns are marked this often, and one that is later than this is a pause.
PERIOD_S = 0.1
LATE_S = 1.0


class PauseWatch:
    """``begin`` inside the running loop; ``late_s`` then says by how much its turn is late.

    ``on_late`` is called by a late turn that met nothing else before.
    """

    def __init__(self, on_late: Callable[[], None]) -> None:
        self._on_late = on_late
        self._timer: asyncio.TimerHandle | None = None
        self.turned()

    def begin(self) -> None:
        """Marks the loop's turns from here on."""
        self.turned()
        self._mark_next()

    def end(self) -> None:
        """Marks none any more."""
        if self._timer is not None:
            self._timer.cancel()

    def turned(self) -> None:
        """The loop turns now: what was late is known."""
        self._monotonic_ns, self._wall_ns = time.monotonic_ns(), time.time_ns()

    @property
    def late_s(self) -> float:
        """Seconds by which the next turn is late, by the clock that shows more; 0 where it is in time."""
        passed_ns = max(time.monotonic_ns() - self._monotonic_ns, time.time_ns() - self._wall_ns)
        late_s = passed_ns / 1e9 - PERIOD_S
        return late_s if late_s > LATE_S else 0.0

    def _mark_next(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(PERIOD_S, self._mark)

    def _mark(self) -> None:
        if self.late_s:
            self._on_late()
        self.turned()
        self._mark_next()
