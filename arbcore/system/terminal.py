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


#: What a tone is on a terminal (SGR): green, red, yellow.
_COLOURS = {"good": "32", "bad": "31", "doubt": "33"}


class Toned(str):
    """A line of which parts have a tone: ``good``, ``bad`` or ``doubt``. As text it is the plain line."""

    parts: tuple[tuple[str, str], ...]

    def __new__(cls, *parts: str | tuple[str, str]) -> "Toned":  # noqa: PYI034  Self came with Python 3.11.
        """Each part is a text, or (text, tone); a tone of "" is none."""
        told = tuple((part, "") if isinstance(part, str) else part for part in parts)
        made = super().__new__(cls, "".join(text for text, _ in told))
        made.parts = told
        return made


def tone_of(value: float | None) -> str:
    """The tone of a profit or a loss."""
    return "" if not value else "good" if value > 0 else "bad"


def _drawn(line: str, columns: int, *, colours: bool) -> tuple[str, int]:
    """A line made safe and cut to a width, with its colours, and the characters that are seen of it."""
    left, made = max(0, columns), []
    for text, tone in line.parts if isinstance(line, Toned) else ((line, ""),):
        shown = printable(text, LINE_MAX)[:left]
        left -= len(shown)
        code = _COLOURS.get(tone) if colours and shown else None
        made.append(f"\x1b[{code}m{shown}\x1b[0m" if code else shown)
    return "".join(made), max(0, columns) - left


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
        #: Characters of each line that is shown.
        self._shown: list[int] = []
        self._colours = self._live and not os.environ.get("NO_COLOR")
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
        """Redraws the block, or writes the line, if it is time to; before that it calls neither."""
        if self._quiet or now_ns < self._next_ns:
            return
        first = self._next_ns == 0
        self._next_ns = now_ns + (REDRAW_NS if self._live else PLAIN_NS)
        if self._live:
            size = shutil.get_terminal_size()
            shown = block()[: max(size.lines - 2, 1)]
            lines = [_drawn(text, size.columns - 1, colours=self._colours) for text in shown]
            frame = self._erase() + "".join(f"{text}\n" for text, _ in lines)
            if self._put(frame):
                self._shown = [width for _, width in lines]
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
        shown, self._shown = self._shown, []
        if not shown:
            return ""
        # A terminal that has become narrower since has broken lines in two.
        columns = max(1, shutil.get_terminal_size().columns)
        lines = sum(max(1, -(-width // columns)) for width in shown)
        return f"\x1b[{lines}F\x1b[J"

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
