"""Shell: files that appear whole or not at all.

Owns the writing and its errors. What is written is the caller's.
"""

import os
import sys
from pathlib import Path
from typing import TextIO

from arbcore.errors import RunError
from arbcore.text import printable


def is_special(path: Path) -> bool:
    """A device, a pipe or a folder: there, and not to be replaced by a file."""
    return path.exists() and not path.is_file()


def _owners(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class OutputFile:
    """A file that appears whole at the end or not at all; a device or a pipe is written as it comes.

    Entered it gives the stream to write to, which is standard output where no path was named. A ``private``
    file, one that names an account or its money, may be read by its owner only.
    """

    def __init__(self, path: Path | None, *, private: bool = False) -> None:
        self._path = path
        self._private = private
        self._part: Path | None = None
        if path is not None and not is_special(path):
            target = Path(os.path.realpath(path))
            self._part = target.with_name(f".{target.name}.{os.getpid()}.part")
        self._stream: TextIO | None = None

    def __enter__(self) -> TextIO:
        if self._path is None:
            return sys.stdout
        try:
            self._stream = open(
                self._part or self._path, "w", encoding="utf-8", newline="",
                opener=_owners if self._private else None,
            )  # fmt: skip
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
