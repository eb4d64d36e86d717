"""How a run is shown while it lasts: a block that is redrawn on a terminal, plain lines when piped.

Writing happens on a thread of its own: a terminal that is paused (Ctrl-S) or a pipe that nobody reads must
not hold up trading. What cannot be shown in time is dropped.
"""

import logging
import os
import queue
import shutil
import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

from arbcore.core.text import printable

SECOND_NS = 1_000_000_000
REDRAW_NS = SECOND_NS // 4
PLAIN_NS = 5 * SECOND_NS
BACKLOG_MAX = 200
#: Characters of one line that are shown.
LINE_MAX = 2_000


def is_live(stream: TextIO) -> bool:
    """Whether ``stream`` is a terminal that understands cursor movement."""
    if not stream.isatty() or os.environ.get("TERM", "") == "dumb":
        return False
    return os.name == "posix" or "WT_SESSION" in os.environ


class Console:
    """Writes a run's events and status to ``stream``. Nothing is hidden or switched on the terminal."""

    def __init__(self, *, quiet: bool, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._live = not quiet and is_live(self._stream)
        self._quiet = quiet
        self._queue: queue.Queue[str | None] = queue.Queue(BACKLOG_MAX)
        self._shown_lines = 0
        self._next_ns = 0
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def event(self, text: str) -> None:
        """One line for a person."""
        if self._quiet:
            return
        line = f"{time.strftime('%H:%M:%S')} {printable(text, LINE_MAX)}\n"
        self._put(self._erase() + line)

    def show(self, now_ns: int, *, block: Callable[[], list[str]], line: Callable[[], str]) -> None:
        """Redraws the block, or writes the line, if it is time to; asks for neither before."""
        if self._quiet or now_ns < self._next_ns:
            return
        first = self._next_ns == 0
        self._next_ns = now_ns + (REDRAW_NS if self._live else PLAIN_NS)
        if self._live:
            size = shutil.get_terminal_size()
            shown = block()[: max(size.lines - 2, 1)]
            lines = [printable(text, LINE_MAX)[: size.columns - 1] for text in shown]
            frame = self._erase() + "".join(f"{text}\n" for text in lines)
            if self._put(frame):
                self._shown_lines = len(lines)
        elif not first:
            self._put(f"{time.strftime('%H:%M:%S')} {printable(line(), LINE_MAX)}\n")

    def close(self) -> None:
        """Takes the block away and waits, not for long, until everything is written."""
        self._put(self._erase())
        try:
            self._queue.put(None, timeout=0.5)
        except queue.Full:
            return
        self._thread.join(timeout=1.0)

    def _erase(self) -> str:
        """What moves the cursor to the block's first line and clears from there on."""
        lines, self._shown_lines = self._shown_lines, 0
        return f"\x1b[{lines}F\x1b[J" if lines else ""

    def _put(self, text: str) -> bool:
        try:
            self._queue.put_nowait(text)
        except queue.Full:
            return False
        return True

    def _write(self) -> None:
        try:
            while (text := self._queue.get()) is not None:
                self._stream.write(text)
                self._stream.flush()
        except (OSError, ValueError):
            # Nobody reads any more. The run goes on; its result goes to standard output.
            self._quiet = True


class ConsoleHandler(logging.Handler):
    """Log records as lines of the console, so that they do not tear the status block."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        self._console.event(self.format(record))
