"""Shell: writes output files that appear whole or not at all.

Owns the writing and its errors; the caller owns the content.
"""

import errno
import os
import stat
import sys
from pathlib import Path
from typing import TextIO

from arbcore.core.text import printable
from arbcore.errors import RunError

#: The error numbers of a write to a disk that is full or broken.
OUTPUT_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def is_special(path: Path) -> bool:
    """Whether the path is a device, a pipe or a folder, which a file must not replace."""
    return path.exists() and not path.is_file()


def _token() -> str:
    """A random part of a name, so that nobody can plant a link under it beforehand."""
    return os.urandom(8).hex()


class OutputFile:
    """A file that appears whole at the end or not at all; a device or a pipe is written to directly.

    ``with`` yields the stream to write to, standard output if ``path`` is None. Only the owner may read a
    ``private`` file, one that names an account or its money; any other file keeps the mode of the file that
    it replaces.

    Raises:
        RunError: The file cannot be opened, or its disk is full.
    """

    def __init__(self, path: Path | None, *, private: bool = False) -> None:
        self._path = path
        self._private = private
        self._part: Path | None = None
        self._stream: TextIO | None = None

    def __enter__(self) -> TextIO:
        if self._path is None:
            return sys.stdout
        try:
            descriptor = _open_special(self._path) if is_special(self._path) else self._open_part(self._path)
            self._stream = open(descriptor, "w", encoding="utf-8", newline="")
        except OSError as error:
            raise self._refusal(error) from error
        return self._stream

    def _open_part(self, path: Path) -> int:
        """Creates the temporary file that takes all writes; its name is new, so it replaces no other file."""
        target = Path(os.path.realpath(path))
        while True:
            part = target.with_name(f".{target.name}.{_token()}.part")
            try:
                descriptor = os.open(part, _NEW, 0o600 if self._private else 0o666)
            except FileExistsError:
                continue
            self._part = part
            if os.name == "posix" and not self._private and target.exists():
                os.fchmod(descriptor, stat.S_IMODE(target.stat().st_mode))
            return descriptor

    def _refusal(self, error: OSError) -> RunError:
        return RunError(
            f"{printable(str(self._path))} cannot be written ({error.strerror}); name another file."
        )

    def __exit__(self, kind: object, error: object, *_: object) -> None:
        if self._stream is None:
            return
        try:
            self._stream.close()
            if kind is None and self._part is not None:
                self._part.replace(os.path.realpath(str(self._path)))
        except OSError as late:
            # An error inside the block came first, and is the one to report.
            if kind is None:
                raise self._refusal(late) from late
        finally:
            if self._part is not None:
                self._part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in OUTPUT_ERRNOS and error.filename is None:
            raise self._refusal(error) from error


def _open_special(path: Path) -> int:
    """Opens a pipe or device for writing; refuses a pipe without a reader, which would block for ever."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    try:
        descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
    except OSError as error:
        if error.errno == errno.ENXIO and path.is_fifo():
            raise OSError(errno.ENXIO, "it is a pipe that nobody reads") from None
        if path.is_socket():
            raise OSError(errno.ENXIO, "it is a socket, not a file") from None
        raise
    if os.name == "posix":
        os.set_blocking(descriptor, True)
    return descriptor
