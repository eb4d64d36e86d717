"""Shell: two threads take turns at a file: at reading its bytes, at parsing them, at working on the rows.

Owns the threads and the order of the turns. While one thread works on its rows the other reads or parses the
next ones. Rows stay with the thread that parsed them, for leaving one core's cache for the other's costs
them about as much as being parsed. The rows, their order and their errors are those of one thread.
"""

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from arbcore.carry._csv import LEAD_BYTES, CsvReader, buffer_for
from arbcore.carry._sweep_rows import SweepRows
from arbcore.carry.source import read_some
from arbcore.errors import ConfigError

#: Bytes of a turn: they and their rows stay in the second-level cache, and turns are few.
TURN_BYTES = 640 * 1024
#: A file is read by one thread up to here; whatever is shorter is done before a second would pay.
AHEAD_AFTER_BYTES = 4 * 1024 * 1024


def threads_of(wanted: int | None) -> int:
    """1 or 2 as wanted; without a wish 2 where this process may use two cores. Raises ConfigError."""
    if wanted is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return min(2, cores)
    if isinstance(wanted, bool) or wanted not in (1, 2):
        raise ConfigError(f"threads is {wanted!r}; it may be 1 or 2.")
    return wanted


class _Turns:
    """A thread's permissions, each given by the other thread: True to go on, False to stop."""

    def __init__(self) -> None:
        self.read: SimpleQueue[bool] = SimpleQueue()
        self.parse: SimpleQueue[bool] = SimpleQueue()
        self.take: SimpleQueue[bool] = SimpleQueue()

    def give(self, turn: bool) -> None:
        """All three at once."""
        for queue in (self.read, self.parse, self.take):
            queue.put(turn)


class TwoReaders:
    """What is left of a stream through the reader into ``take``, in order."""

    def __init__(self, stream: Any, reader: CsvReader, take: Callable[[SweepRows], None]) -> None:
        self._stream = stream
        self._reader = reader
        self._take = take
        self._error: BaseException | None = None

    def run(self, done: int, taken: Callable[[int], None]) -> None:
        """Both threads to the end, ``done`` bytes being read before.

        ``taken`` is called with the bytes read so far, in this thread only and while nothing is being taken.
        Raises what reading, parsing or taking raises, after the rows before it.
        """
        self._done = done
        mine, others = _Turns(), _Turns()
        worker = threading.Thread(target=self._work, args=(others, mine), name="arbcore-reader")
        mine.give(True)
        worker.start()
        try:
            self._go(mine, others, taken)
        finally:
            # Whatever the worker waits for next has told it to stop.
            worker.join()
        if self._error is not None:
            raise self._error
        taken(self._done)

    def _work(self, mine: _Turns, others: _Turns) -> None:
        try:
            self._go(mine, others, lambda _: None)
        except BaseException as error:  # noqa: BLE001 -- handed over whole, and raised again by the other thread
            self._error = error

    def _go(self, mine: _Turns, others: _Turns, taken: Callable[[int], None]) -> None:
        rows, buffer = SweepRows(), buffer_for(TURN_BYTES)
        try:
            while mine.read.get():
                count, error = self._read(buffer)
                more = count > 0 and error is None
                others.read.put(more)
                # Where the other thread failed in what comes before, this does not count.
                if not mine.parse.get():
                    return
                rows.clear()
                error = error or self._parse(buffer, count, rows)
                others.parse.put(more and error is None)
                if not mine.take.get():
                    return
                self._take(rows)
                if error is not None:
                    raise error
                taken(self._done)
                others.take.put(True)
        finally:
            others.give(False)

    def _read(self, buffer: bytearray) -> tuple[int, BaseException | None]:
        """Bytes that were read, and what reading raised."""
        try:
            count = read_some(self._stream, memoryview(buffer)[LEAD_BYTES:][:TURN_BYTES], self._reader.name)
        except BaseException as error:  # noqa: BLE001 -- raised again once the rows before it are taken
            return 0, error
        self._done += count
        return count, None

    def _parse(self, buffer: bytearray, count: int, rows: SweepRows) -> BaseException | None:
        """What parsing raised, with the rows before it in ``rows``."""
        try:
            self._reader.go_on_in(buffer, count)
            rows.feed(self._reader)
            self._reader.let_go()
            if count == 0:
                self._reader.finish()
        except BaseException as error:  # noqa: BLE001 -- raised again once the rows before it are taken
            return error
        return None
