"""The log: a rotating file that only its owner reads, whose records received text cannot forge.

Text from other machines gets into log records, both ours and the broker library's. So the formatter makes
all text safe: each record is one line, and each line of a traceback is indented.
"""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from arbcore.core.text import printable
from arbcore.errors import RunError
from arbcore.system.regular_file import open_regular

LOG_BYTES_MAX, LOG_FILES = 5_000_000, 5
#: Most characters of one record, and of each line of its traceback.
RECORD_MAX = 4_000
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT


@contextlib.contextmanager
def loggers_restored(*names: str) -> Iterator[None]:
    """Restores loggers after the block, because a command may run inside another program.

    Args:
        names: The loggers' names; an empty name is the root logger.
    """
    kept = [
        (logger, logger.level, logger.propagate, list(logger.handlers))
        for logger in map(logging.getLogger, names)
    ]
    try:
        yield
    finally:
        for logger, level, propagate, handlers in kept:
            logger.setLevel(level)
            logger.propagate, logger.handlers = propagate, handlers


class SafeFormatter(logging.Formatter):
    """Formats any record as one printable line, followed by the indented lines of its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record; shows the unformatted message if the arguments do not fit it."""
        try:
            record.message = record.getMessage()
        except Exception as error:  # noqa: BLE001  A library's mistake must not lose the log line.
            record.message = f"{record.msg!r} cannot be formatted ({type(error).__name__})"
        if self.usesTime():
            record.asctime = self.formatTime(record, self.datefmt)
        lines = [printable(self.formatMessage(record), RECORD_MAX)]
        if record.exc_info and record.exc_info[0] is not None:
            lines += _indented(self.formatException(record.exc_info))
        elif record.exc_text:
            lines += _indented(record.exc_text)
        if record.stack_info:
            lines += _indented(self.formatStack(record.stack_info))
        return "\n".join(lines)


def _indented(text: str) -> list[str]:
    return [f"    {printable(line, RECORD_MAX)}" for line in text.split("\n")]


class LogFile(logging.Handler):
    """Appends records to a file and renames it to ``.1`` and so on when it has grown to ``bytes_max``.

    Every file has mode 0600. If a write fails, ``said`` is called with one sentence, and not again until a
    record has been written; records that fail to be written are lost, and the run goes on.

    Raises:
        RunError: The file cannot be opened, or is not an ordinary file.
    """

    def __init__(
        self, path: Path, *, said: Callable[[str], None], bytes_max: int = LOG_BYTES_MAX,
        files: int = LOG_FILES,
    ) -> None:  # fmt: skip
        super().__init__()
        self.path = path
        self._said = said
        self._bytes_max = bytes_max
        self._files = files
        self._failing = False
        self._descriptor = -1
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = open_regular(path, _FLAGS, owner_only=True)
        except OSError as error:
            raise RunError(
                f"The log {printable(str(path))} cannot be written ({error.strerror}); set ARBCORE_LOG_PATH."
            ) from None

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one record; never raises."""
        data = memoryview(f"{self.format(record)}\n".encode("utf-8", "backslashreplace"))
        failing = ""
        try:
            size = os.fstat(self._descriptor).st_size
            if size and size + len(data) > self._bytes_max:
                self._rotate()
        except OSError as error:
            # The present file grows beyond its limit, because losing records would be worse.
            failing = f"cannot be rotated ({error.strerror}); it grows until it can be."
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            failing = f"cannot be written ({error.strerror}); the run goes on without it until it can be."
        if failing and not self._failing:
            self._said(f"The log {printable(str(self.path))} {failing}")
        self._failing = bool(failing)

    def _rotate(self) -> None:
        """Renames every file to the next number and starts a new file at the path."""
        for number in range(self._files - 1, 0, -1):
            with contextlib.suppress(FileNotFoundError):
                os.replace(self._older(number), self._older(number + 1))
        os.replace(self.path, self._older(1))
        fresh = open_regular(self.path, _FLAGS, owner_only=True)
        os.close(self._descriptor)
        self._descriptor = fresh

    def _older(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
        super().close()
