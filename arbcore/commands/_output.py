"""How commands write: the check of output paths, the result on standard output, progress on stderr."""

import errno
import os
import stat
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TextIO

from arbcore.core.text import printable
from arbcore.errors import UsageError
from arbcore.system.output_file import is_special

PROGRESS_EVERY_S = 0.2

Named = Sequence[tuple[str, "str | Path | None"]]


def refuse_overlap(*, inputs: Named, outputs: Named) -> None:
    """Raises UsageError if an output would replace an input or another output, or is standard output.

    ``inputs`` and ``outputs`` are pairs of a file's role, for the error, and its path; the path is None if
    it was not given.
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
    """Whether a path is the file that standard output goes to; False for a sink such as /dev/null."""
    try:
        there, out = path.stat(), os.fstat(sys.stdout.fileno())
    except (OSError, ValueError):  # nothing there, or a standard output that is not a file
        return False
    return os.path.samestat(there, out) and (not stat.S_ISCHR(there.st_mode) or sys.stdout.isatty())


def show_result(text: str, output: IO[str], *, lenient: bool) -> None:
    """Prints a result. With ``lenient`` a closed terminal is not an error."""
    try:
        print(text, file=output, flush=True)
    except OSError as error:
        if not lenient or error.errno not in (errno.EIO, errno.EPIPE):
            raise
        silence(output)


def silence(stream: IO[str]) -> None:
    """Discards all further output, also at the interpreter's exit, because the reader has closed the pipe."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


class Progress:
    """Shows the progress of a long piece of work, and the time left, on one line of a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._began_s = self._shown_s = time.monotonic()
        self._shown = False

    def show(self, what: str, done: int, total: int | None) -> None:
        """Shows ``what`` was done so far: ``done`` of ``total``, which is None if unknown."""
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
        """Removes the line and restarts the estimate."""
        self._began_s = time.monotonic()
        if self._shown:
            self._shown = False
            self._stream.write("\r\x1b[K")
            self._stream.flush()
