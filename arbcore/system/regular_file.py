"""Shell: opens files that must be ordinary ones, and never waits for anything else.

A pipe without a writer blocks whoever opens it, in a call that no signal handler gets through; a device may
be endless, and whoever changes its mode changes it for the whole machine. So what is named as a store, a log,
a journal or a settings file is looked at first, opened without blocking, and looked at again once it is open.
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
    """The path exists and is not an ordinary file; ``strerror`` says what it is."""


def refuse_special(path: Path) -> None:
    """Raises NotRegular where the path exists and is not an ordinary file."""
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
        mode: The mode of a file that is made.
        owner_only: Sets the mode of the open file, which may be an older one's, to 0600.

    Raises:
        NotRegular: It is a folder, a pipe, a device or a socket.
        OSError: The system refuses.
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
    """At most so many bytes from the beginning of an ordinary file; raises as ``open_regular``."""
    with os.fdopen(open_regular(path, os.O_RDONLY), "rb") as file:
        return file.read(bytes_max)


def _check(mode: int, path: Path) -> None:
    for is_kind, text in _KINDS:
        if is_kind(mode):
            raise NotRegular(0, text, str(path))
