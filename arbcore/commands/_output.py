"""What a command writes besides its result: files that appear whole or not at all, and progress on stderr."""

import os
import stat
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from arbcore.errors import RunError, UsageError
from arbcore.text import printable

PROGRESS_EVERY_S = 0.2

Named = Sequence[tuple[str, "str | Path | None"]]


def refuse_overlap(*, inputs: Named, outputs: Named) -> None:
    """No file is named twice: a result would replace what is read, or the other result.

    Both are pairs of what a sentence calls the file, and its path, None where it was not named. No output is
    standard output, which has the result.
    """
    named = list(inputs)
    for role, path in outputs:
        if path is not None and _is_standard_output(Path(path)):
            raise UsageError(
                f"{role} {printable(str(path))} is standard output, where the result goes; name another file."
            )
        for other_role, other in named:
            if path is None or other is None or str(other) == "-" or is_special(Path(path)):
                continue
            if os.path.realpath(path) == os.path.realpath(other):
                raise UsageError(
                    f"{role} {printable(str(path))} would overwrite {other_role}; name another file."
                )
        named.append((role, path))


def _is_standard_output(path: Path) -> bool:
    """Whether a path is what standard output goes to; a sink such as /dev/null mixes nothing."""
    try:
        there, out = path.stat(), os.fstat(sys.stdout.fileno())
    except (OSError, ValueError):  # nothing there, or a standard output that is no file
        return False
    return os.path.samestat(there, out) and (not stat.S_ISCHR(there.st_mode) or sys.stdout.isatty())


def is_special(path: Path) -> bool:
    """A device, a pipe or a folder: there, and not to be replaced by a file."""
    return path.exists() and not path.is_file()


class OutputFile:
    """A file that appears whole at the end or not at all; a device or a pipe is written as it comes.

    Entered it gives the stream to write to, which is standard output where no path was named.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._part: Path | None = None
        if path is not None and not is_special(path):
            target = Path(os.path.realpath(path))
            self._part = target.with_name(f".{target.name}.{os.getpid()}.part")
        self._stream: TextIO | None = None

    def __enter__(self) -> TextIO:
        if self._path is None:
            return sys.stdout
        try:
            self._stream = (self._part or self._path).open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise RunError(
                f"{printable(str(self._path))} cannot be written ({error.strerror}); name another file."
            ) from error
        return self._stream

    def __exit__(self, kind: object, *_: object) -> None:
        if self._stream is None:
            return
        try:
            self._stream.close()
            if kind is None and self._part is not None:
                self._part.replace(os.path.realpath(str(self._path)))
        finally:
            if self._part is not None:
                self._part.unlink(missing_ok=True)


class Progress:
    """How far a long piece of work is, and how long it will still take, on one line of a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._began_s = self._shown_s = time.monotonic()
        self._shown = False

    def show(self, what: str, done: int, total: int | None) -> None:
        """``what`` has been done so far, ``done`` of ``total`` of it where that is known."""
        now_s = time.monotonic()
        if now_s - self._shown_s < PROGRESS_EVERY_S:
            return
        self._shown_s = now_s
        self._shown = True
        left = ""
        if total and done:
            share = min(1.0, done / total)
            remaining_s = (now_s - self._began_s) * (1 - share) / share
            left = f", {share:.0%}, {remaining_s:,.0f} s left"
        self._stream.write(f"\r\x1b[K{what}{left}")
        self._stream.flush()

    def clear(self) -> None:
        """Takes the line away, and begins the estimate anew."""
        self._began_s = time.monotonic()
        if self._shown:
            self._shown = False
            self._stream.write("\r\x1b[K")
            self._stream.flush()
