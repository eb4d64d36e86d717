"""Shows a run while it lasts: a block that is redrawn on a terminal, plain lines when piped.

A thread of its own does the writing: a terminal that is paused (Ctrl-S) or a pipe that nobody reads must not
hold up trading. Text that cannot be shown in time is dropped.
"""

import logging
import os
import queue
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TextIO

from arbcore.core.text import printable

SECOND_NS = 1_000_000_000
REDRAW_NS = SECOND_NS // 4
PLAIN_NS = 5 * SECOND_NS
BACKLOG_MAX = 200
#: Characters of one line that are shown.
LINE_MAX = 2_000
#: Rows that a line may take, what the later ones begin with, and what marks that something is missing.
_ROWS_MAX, _INDENT, _CUT = 3, "  ", "..."


#: The colour of each tone on a terminal (SGR code): green, red, yellow.
_COLOURS = {"good": "32", "bad": "31", "doubt": "33"}


class Toned(str):
    """A line some parts of which have a tone: ``good``, ``bad`` or ``doubt``. As a str it is plain text."""

    parts: tuple[tuple[str, str], ...]

    def __new__(cls, *parts: str | tuple[str, str]) -> "Toned":  # noqa: PYI034  Self came with Python 3.11.
        """Each part is a text, or (text, tone); an empty tone leaves the part uncoloured."""
        toned = tuple((part, "") if isinstance(part, str) else part for part in parts)
        made = super().__new__(cls, "".join(text for text, _ in toned))
        made.parts = toned
        return made


def tone_of(value: float | None) -> str:
    """The tone of a profit or a loss."""
    return "" if not value else "good" if value > 0 else "bad"


def rows_of(lines: Iterable[str], columns: int, rows: int) -> list[Toned]:
    """Lines made safe and broken at spaces into rows of a width; what is left out is marked by three dots."""
    found = [row for line in lines for row in _broken(line, max(columns, len(_INDENT) + len(_CUT) + 1))]
    return found if len(found) <= rows else [*found[: rows - 1], Toned(_CUT)]


def erased(widths: Sequence[int], columns: int) -> str:
    """What takes rows of such widths away again, of which a terminal that is narrower now has broken some."""
    lines = sum(max(1, -(-width // max(1, columns))) for width in widths)
    return f"\x1b[{lines}F\x1b[J" if lines else ""


def _broken(line: str, columns: int) -> Iterator[Toned]:
    parts = line.parts if isinstance(line, Toned) else ((line, ""),)
    parts = tuple((printable(text, LINE_MAX), tone) for text, tone in parts)
    text = "".join(part for part, _ in parts)
    begin = 0
    for at in range(_ROWS_MAX):
        indent = _INDENT if at else ""
        end = begin + columns - len(indent)
        if end >= len(text):
            yield Toned(indent, *_between(parts, begin, len(text)))
            return
        if at == _ROWS_MAX - 1:
            yield Toned(indent, *_between(parts, begin, end - len(_CUT)), _CUT)
            return
        # Between two items rather than within one.
        middle = (begin + end) // 2
        end = max(text.rfind("  ", middle, end + 2), 0) or max(text.rfind(" ", middle, end + 1), 0) or end
        yield Toned(indent, *_between(parts, begin, end))
        begin = end + len(text[end:]) - len(text[end:].lstrip(" "))


def _between(parts: Sequence[tuple[str, str]], begin: int, end: int) -> Iterator[tuple[str, str]]:
    """The parts of a line from one of its characters to another."""
    at = 0
    for text, tone in parts:
        if shown := text[max(0, begin - at) : max(0, end - at)]:
            yield shown, tone
        at += len(text)


def _coloured(row: Toned) -> str:
    codes = ((text, _COLOURS.get(tone)) for text, tone in row.parts)
    return "".join(f"\x1b[{code}m{text}\x1b[0m" if code else text for text, code in codes)


def is_live(stream: TextIO) -> bool:
    """Whether ``stream`` is a terminal that understands cursor movement."""
    if not stream.isatty() or os.environ.get("TERM", "") == "dumb":
        return False
    return os.name == "posix" or "WT_SESSION" in os.environ


class Console:
    """Writes a run's events and status to ``stream``; changes no mode of the terminal."""

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
        """Writes one line with the time of day."""
        if self._quiet:
            return
        line = f"{time.strftime('%H:%M:%S')} {printable(text, LINE_MAX)}\n"
        self._put(self._erase() + line)

    def show(self, now_ns: int, *, block: Callable[[], list[str]], line: Callable[[], str]) -> None:
        """Redraws the block, or writes the line, when the next one is due; calls neither before then."""
        if self._quiet or now_ns < self._next_ns:
            return
        first = self._next_ns == 0
        self._next_ns = now_ns + (REDRAW_NS if self._live else PLAIN_NS)
        if self._live:
            size = shutil.get_terminal_size()
            rows = rows_of(block(), size.columns - 1, max(size.lines - 2, 1))
            frame = self._erase() + "".join(f"{_coloured(row) if self._colours else row}\n" for row in rows)
            if self._put(frame):
                self._shown = [len(row) for row in rows]
        elif not first:
            self._put(f"{time.strftime('%H:%M:%S')} {printable(line(), LINE_MAX)}\n")

    def close(self) -> None:
        """Erases the block and waits up to 1.5 s until everything is written."""
        self._put(self._erase())
        try:
            self._queue.put(None, timeout=0.5)
        except queue.Full:
            return
        self._thread.join(timeout=1.0)

    def _erase(self) -> str:
        """The codes that move the cursor to the block's first line and clear from there on."""
        shown, self._shown = self._shown, []
        return erased(shown, shutil.get_terminal_size().columns)

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
            # The reader has gone. The run goes on; its result goes to standard output.
            self._quiet = True


class ConsoleHandler(logging.Handler):
    """Writes log records as lines of the console, so that they do not break the status block."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        self._console.event(self.format(record))
