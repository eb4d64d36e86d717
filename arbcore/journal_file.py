"""Writes a session journal to a file, and reads one. The format itself is ``trading/journal.py``.

A shell: it owns a file. Records are gathered in memory and written once a second and at the end, so that
the hot loop pays for an append and not for a system call.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import arbcore
from arbcore.errors import JournalError, RunError, UsageError
from arbcore.regular_file import open_regular, read_regular
from arbcore.trading import journal

SECOND_NS = 1_000_000_000
BUFFER_BYTES = 1 << 20
SIZE_MAX_DEFAULT = 1 << 29


class JournalWriter:
    """Appends records to a new file of mode 0600; stops, and says so once, at ``size_max`` bytes."""

    def __init__(self, path: Path, settings: Mapping[str, Any], *, size_max: int = SIZE_MAX_DEFAULT) -> None:
        self.path = path
        self.size_max = size_max
        self._chunks: list[bytes] = []
        self._waiting = 0
        self._flushed_ns = 0
        self._file = -1
        #: A sentence once recording has stopped early: the bound was reached or the disk refused.
        self.trouble: str | None = None
        _refuse_strangers(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        try:
            self._file = open_regular(path, flags, owner_only=True)
        except OSError as error:
            raise RunError(
                f"The journal {path} cannot be written ({error.strerror}); name another file."
            ) from None
        head = journal.header(f"arbcore/{arbcore.__version__}", settings)
        self.size = len(head)
        self._chunks.append(head)
        self.flush()

    def write(self, kind: int, time_ns: int, payload: bytes | bytearray | memoryview = b"") -> None:
        """Adds one record, and writes what has gathered if a second or a megabyte has."""
        if self.trouble is not None:
            return
        entry = journal.record(kind, time_ns, payload)
        # Room is kept for the record that says the journal is full.
        if self.size + len(entry) > self.size_max - journal.RECORD_OVERHEAD:
            entry = journal.record(journal.FULL, time_ns)
            self.trouble = (
                f"The journal {self.path} reached its bound of {self.size_max:,} bytes; the rest of the run "
                "is not recorded."
            )
        self.size += len(entry)
        self._chunks.append(entry)
        self._waiting += len(entry)
        if self._waiting >= BUFFER_BYTES or time_ns - self._flushed_ns >= SECOND_NS or self.trouble:
            self._flushed_ns = time_ns
            self.flush()

    def flush(self) -> None:
        """Hands what has gathered to the operating system; a refusal ends the recording: ``trouble``."""
        data = memoryview(b"".join(self._chunks))
        self._chunks.clear()
        self._waiting = 0
        try:
            while data and self._file >= 0:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            self.trouble = (
                f"The journal {self.path} cannot be written any more ({error.strerror}); the run goes on."
            )
            self._close_file()

    def close(self, time_ns: int = 0) -> None:
        """Writes the rest and the mark of an orderly end, and closes the file."""
        if self.trouble is None:
            self._chunks.append(journal.record(journal.END, time_ns))
        self.flush()
        self._close_file()

    def _close_file(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _refuse_strangers(path: Path) -> None:
    """A journal of an earlier run is replaced; any other file that is there was named by mistake."""
    try:
        start = read_regular(path, len(journal.NAME))
    except OSError:
        return
    if start not in (b"", journal.NAME.encode()):
        raise UsageError(f"{path} exists and is no journal; name another file with --journal.")


def read_journal(path: Path) -> bytes:
    """The whole file, or the start of one that is no journal; JournalError where it cannot be read."""
    try:
        with os.fdopen(open_regular(path, os.O_RDONLY), "rb") as file:
            start = file.read(len(journal.NAME))
            return start + file.read() if start == journal.NAME.encode() else start
    except OSError as error:
        raise JournalError(f"The journal {path} cannot be read ({error.strerror}); check its name.") from None
