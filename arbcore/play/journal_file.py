"""Writes a session journal to a file, and reads one in pieces. ``trading/journal.py`` has the format.

A shell: it owns a file. Records are collected in memory and written once a second and at the end, so the hot
loop pays for an append only and not for a system call.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from arbcore._version import __version__
from arbcore.errors import JournalError, RunError, UsageError
from arbcore.system.regular_file import NotRegular, open_regular, read_regular
from arbcore.trading import journal

SECOND_NS = 1_000_000_000
BUFFER_BYTES = 1 << 20
PIECE_BYTES = 1 << 20
NAMES_MAX = 10_000
SIZE_MAX_DEFAULT = 1 << 29


class JournalWriter:
    """Appends records to a new file of mode 0600; at ``size_max`` bytes it stops and reports that once.

    ``path`` is the file that is written. An existing journal is kept, and ``run.2.journal`` (and so on) is
    written instead of ``run.journal``; two runs never write one file. Raises UsageError if another kind of
    file is there, RunError if no file can be created.
    """

    def __init__(
        self, path: Path, settings: Mapping[str, object], *, size_max: int = SIZE_MAX_DEFAULT
    ) -> None:
        self.path = path
        self.size_max = size_max
        self._chunks: list[bytes] = []
        self._waiting = 0
        self._flushed_ns = 0
        self._file = -1
        #: The reason why recording stopped early, as a sentence: the size bound or an error of the disk.
        self.trouble: str | None = None
        self._file = self._create()
        head = journal.header(f"arbcore/{__version__}", settings)
        self.size = len(head)
        self._chunks.append(head)
        self.flush()

    def _create(self) -> int:
        asked = self.path
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        for number in range(1, NAMES_MAX + 1):
            if number > 1:
                self.path = asked.with_name(f"{asked.stem}.{number}{asked.suffix}")
            try:
                return os.open(self.path, flags, 0o600)
            except FileExistsError:
                _refuse_strangers(self.path)
            except OSError as error:
                raise RunError(
                    f"The journal {self.path} cannot be written ({error.strerror}); name another file."
                ) from None
        raise UsageError(f"{asked} and {NAMES_MAX - 1:,} more journals of its name exist; name another file.")

    def write(self, kind: int, time_ns: int, payload: bytes | bytearray | memoryview = b"") -> None:
        """Adds one record; writes the collected ones after a second or a megabyte."""
        if self.trouble is not None:
            return
        entry = journal.record(kind, time_ns, payload)
        # Keeps room for the record that marks the journal as full.
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
        """Writes the collected records; an error ends the recording and is kept in ``trouble``."""
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
        """Writes the remaining records and the END record, and closes the file."""
        if self.trouble is None:
            self._chunks.append(journal.record(journal.END, time_ns))
        self.flush()
        self._close_file()

    def _close_file(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _refuse_strangers(path: Path) -> None:
    """Raises UsageError if the path is anything but a journal; an earlier run's journal is kept."""
    try:
        start = read_regular(path, len(journal.NAME))
    except (NotRegular, FileNotFoundError) as error:
        what = error.strerror if isinstance(error, NotRegular) else "it is a link to nothing"
        raise UsageError(
            f"{path} exists and is not a regular file ({what}); name another file with --journal."
        ) from None
    except OSError as error:
        raise UsageError(
            f"{path} exists and cannot be read ({error.strerror}); name another file with --journal."
        ) from None
    if start not in (b"", journal.NAME.encode()):
        raise UsageError(f"{path} exists and is not a journal; name another file with --journal.")


class JournalReader:
    """Reads a journal: its header, then its records' bytes in pieces, of which it holds one at a time.

    Raises JournalError if the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rest = b""
        #: The offset of the first record, once the header is read; and the size of the file.
        self.start = 0
        try:
            self._file = os.fdopen(open_regular(path, os.O_RDONLY), "rb")
            self.size = os.fstat(self._file.fileno()).st_size
        except OSError as error:
            raise self._failure(error) from None

    def __enter__(self) -> "JournalReader":  # noqa: PYI034
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def header(self) -> dict[str, object]:
        """The settings. Raises JournalError if this is not a journal of arbcore."""
        # A file that is not a journal may be endless, such as a device.
        head = self._read(journal.HEAD_BYTES_MAX)
        settings, self.start = journal.read_header(head)
        self._rest = head[self.start :]
        return settings

    def pieces(self) -> Iterator[bytes]:
        """The bytes after the header, in pieces."""
        if self._rest:
            yield self._rest
            self._rest = b""
        while piece := self._read(PIECE_BYTES):
            yield piece

    def _read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            raise self._failure(error) from None

    def _failure(self, error: OSError) -> JournalError:
        return JournalError(f"The journal {self._path} cannot be read ({error.strerror}); check its name.")
