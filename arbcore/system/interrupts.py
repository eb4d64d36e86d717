"""Holds Ctrl-C back until a point at which it is safe.

Python may raise ``KeyboardInterrupt`` between any two instructions of the main thread. If that thread then
holds the lock of a future, the lock stays held, and the executor's own thread waits for it for ever.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def deferred_interrupts() -> Iterator[Callable[[], None]]:
    """Holds Ctrl-C back until the yielded function is called, or the block ends.

    A second Ctrl-C takes effect at once, because the code between two calls may hang. Nothing changes outside
    the main thread, or if Ctrl-C is ignored or handled by code other than Python's.

    Raises:
        KeyboardInterrupt: by the yielded function, or at the end of the block.

    >>> with deferred_interrupts() as check:
    ...     check()
    """
    before = signal.getsignal(signal.SIGINT)
    received: list[int] = []

    def defer(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if len(received) > 1:
            check()

    def check() -> None:
        if received and callable(before):
            received.clear()
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
