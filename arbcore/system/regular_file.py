"""Shell: opens files that must be ordinary ones; a pipe or a device is refused and never waited for.

Opening a pipe without a writer blocks, and no signal handler can interrupt it. A device may be endless, and a
change of its mode holds for the whole machine. So the path of a store, log, journal or settings file is
checked first, opened without blocking, and checked again once it is open.
"""

import os
import stat
from pathlib import Path

_KINDS = (
    (stat.S_ISDIR, "it is a folder"),
    (stat.S_ISFIFO, "it is a pipe, not a file"),
    (stat.S_ISCHR, "it is a device, not a file"),
    (stat.S_ISBLK, "it is a device, not a file"),
    (stat.S_ISSOCK, "it is a socket, not a file"),
)
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)
_ALWAYS = _NONBLOCK | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)


class NotRegular(OSError):
    """The path exists and is not an ordinary file; ``strerror`` names its kind."""


def refuse_special(path: Path) -> None:
    """Raises NotRegular if the path exists and is not an ordinary file."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    _check(mode, path)


def open_regular(path: Path, flags: int, *, mode: int = 0o600, owner_only: bool = False) -> int:
    """Opens an ordinary file and returns its descriptor.

    Args:
        path: The file; a symbolic link that leads to an ordinary file is followed.
        flags: As for ``os.open``.
        mode: The mode of a file that is created.
        owner_only: Sets the mode of the file to 0600, also if it existed before.

    Raises:
        NotRegular: The path is a folder, a pipe, a device or a socket.
        OSError: The system cannot open the file.
    """
    refuse_special(path)
    descriptor = os.open(path, flags | _ALWAYS, mode)
    try:
        found = os.fstat(descriptor).st_mode
        _check(found, path)
        if owner_only and os.name == "posix" and stat.S_IMODE(found) != 0o600:
            os.fchmod(descriptor, 0o600)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_regular(path: Path, bytes_max: int) -> bytes:
    """Reads at most ``bytes_max`` bytes from the start of an ordinary file; raises as ``open_regular``."""
    with os.fdopen(open_regular(path, os.O_RDONLY), "rb") as file:
        return file.read(bytes_max)


def _check(mode: int, path: Path) -> None:
    for is_kind, text in _KINDS:
        if is_kind(mode):
            raise NotRegular(0, text, str(path))
