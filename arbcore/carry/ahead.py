"""Shell: reads and parses in a thread of its own while whoever takes the rows is busy with those before.

Owns the thread and the few pieces of memory that go round between the two. The rows, their order and their
errors are those of one thread.
"""

import os
import threading
from collections.abc import Iterator
from queue import SimpleQueue

from arbcore.carry._csv import CsvReader
from arbcore.carry._sweep_rows import SweepRows
from arbcore.errors import ConfigError

#: Rows that are handed over at a time, and how many such pieces go round.
PIECE_ROWS = 8_192
PIECES = 4
#: A file is read by one thread up to here; whatever is shorter is done before a second would pay.
AHEAD_AFTER_BYTES = 4 * 1024 * 1024

_Piece = tuple[SweepRows, int]


def threads_of(wanted: int | None) -> int:
    """1 or 2 as wanted; without a wish 2 where this process may use two cores. Raises ConfigError."""
    if wanted is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return min(2, cores)
    if isinstance(wanted, bool) or wanted not in (1, 2):
        raise ConfigError(f"threads is {wanted!r}; it may be 1 or 2.")
    return wanted


def rows_ahead(chunks: Iterator[int], reader: CsvReader) -> Iterator[_Piece]:
    """Pieces of rows with the bytes read so far, while ``chunks`` fills the reader in a thread.

    A piece is valid until the next is asked for. Raises what reading raises, after the rows before it.
    """
    free: SimpleQueue[SweepRows | None] = SimpleQueue()
    ready: SimpleQueue[_Piece | BaseException | None] = SimpleQueue()
    for _ in range(PIECES):
        free.put(SweepRows())
    worker = threading.Thread(target=_read, args=(chunks, reader, free, ready), name="arbcore-reader")
    worker.start()
    try:
        while (found := ready.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found
            found[0].clear()
            free.put(found[0])
    finally:
        # Whatever the worker waits for or takes next tells it to stop.
        free.put(None)
        worker.join()


def _read(
    chunks: Iterator[int],
    reader: CsvReader,
    free: "SimpleQueue[SweepRows | None]",
    ready: "SimpleQueue[_Piece | BaseException | None]",
) -> None:
    rows, done = free.get(), 0
    try:
        for done in chunks:
            if rows is None:
                return
            rows.feed(reader)
            if rows.count >= PIECE_ROWS:
                ready.put((rows, done))
                rows = free.get()
        if rows is not None:
            ready.put((rows, done))
    except BaseException as error:  # noqa: BLE001 -- handed over whole, and raised again by the other thread
        ready.put(error)
    else:
        ready.put(None)
