"""Notices that the process was paused: SIGSTOP, a laptop's sleep, a paused machine, a disk that hangs.

A shell: it reads the machine's clocks. Messages that waited in the socket during a pause are old, but look
fresh to code that takes the time when it reads them. The monotonic clock stops while some machines sleep, so
the wall clock is read too.
"""

import asyncio
import time
from collections.abc import Callable

#: How often a turn of the event loop is due, and by how much a turn must be late to count as a pause.
PERIOD_S = 0.1
LATE_S = 1.0


class PauseWatch:
    """Call ``begin`` inside the running loop; ``late_s`` is then the delay of its next turn.

    A late turn calls ``on_late``, unless ``turned`` was called first.
    """

    def __init__(self, on_late: Callable[[], None]) -> None:
        self._on_late = on_late
        self._timer: asyncio.TimerHandle | None = None
        self.turned()

    def begin(self) -> None:
        """Starts to watch the loop's turns."""
        self.turned()
        self._mark_next()

    def end(self) -> None:
        """Stops watching."""
        if self._timer is not None:
            self._timer.cancel()

    def turned(self) -> None:
        """Notes that the loop turns now and the delay has been handled."""
        self._monotonic_ns, self._wall_ns = time.monotonic_ns(), time.time_ns()

    @property
    def late_s(self) -> float:
        """Seconds by which the next turn is late, by the clock that shows more; 0 if it is in time."""
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
