"""Ctrl-C where it may come only between two steps.

A ``KeyboardInterrupt`` may be raised between any two instructions of the main thread. If that thread holds
the lock of a future then, the lock stays held, and the executor's own thread waits for it for ever.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def deferred_interrupts() -> Iterator[Callable[[], None]]:
    """Holds a Ctrl-C back until the function that it gives is called, or the block ends.

    A second one is raised at once: what is done between two calls may hang. Outside the main thread, and
    where Ctrl-C is ignored or not Python's, nothing changes.

    Raises:
        KeyboardInterrupt: by that function, or at the end.

    >>> with deferred_interrupts() as check:
    ...     check()
    """
    before = signal.getsignal(signal.SIGINT)
    told: list[int] = []

    def defer(number: int, _frame: FrameType | None) -> None:
        told.append(number)
        if len(told) > 1:
            check()

    def check() -> None:
        if told and callable(before):
            told.clear()
            before(signal.SIGINT, None)

    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield check
        return
    signal.signal(signal.SIGINT, defer)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)
    check()
