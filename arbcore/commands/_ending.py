"""How a server's command ends: by Ctrl-C, by SIGTERM, or with its standard input where it was asked to."""

import os
import signal
import threading
from collections.abc import Callable

from arbcore.errors import EXIT_INTERRUPTED


class Ending:
    """Whether the server is to end, and how. ``wake`` makes it look.

    To be made before anybody is told that the server runs: whoever reads that may end it.
    """

    def __init__(self, wake: Callable[[], None], *, with_stdin: bool) -> None:
        self.over = False
        self._signalled = False
        self._wake = wake
        signal.signal(signal.SIGINT, self._by_signal)
        signal.signal(signal.SIGTERM, self._by_signal)
        if with_stdin:
            threading.Thread(target=self._when_stdin_closes, daemon=True).start()

    @property
    def exit_code(self) -> int:
        """What the command returns."""
        return EXIT_INTERRUPTED if self._signalled else 0

    def _by_signal(self, *_: object) -> None:
        self._signalled = True
        self._end()

    def _when_stdin_closes(self) -> None:
        while os.read(0, 4096):
            pass
        self._end()

    def _end(self) -> None:
        self.over = True
        self._wake()
