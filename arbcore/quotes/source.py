"""Shell: opens quotes for reading, plain or compressed, from a path, standard input or an open file.

Owns the opening and its errors. The reader interprets the bytes.
"""

import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeGuard, cast

from arbcore.core.text import printable
from arbcore.errors import InputError
from arbcore.quotes._csv import CsvReader
from arbcore.quotes.quote_data import QuoteData
from arbcore.quotes.unzstd import DamagedError, Unzstd

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_OTHERS = {
    b"PAR1": "a Parquet file, which is read by its path only; name the file",
    b"ARRO": "an Arrow file, which is read by its path only; name the file",
    b"\xff\xfe": "UTF-16 text; save it as UTF-8, such as with `iconv -f UTF-16 -t UTF-8`",
    b"\xfe\xff": "UTF-16 text; save it as UTF-8, such as with `iconv -f UTF-16 -t UTF-8`",
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"BZh": "bzip2 data; decompress it first, such as with `bzip2 -dc FILE | arbcore backtest -`",
    b"\xfd7zXZ": "xz data; decompress it first, such as with `xz -dc FILE | arbcore backtest -`",
}


class ReadsInto(Protocol):
    """A stream that reads into a buffer."""

    def readinto(self, room: memoryview, /) -> int: ...


@contextmanager
def open_quotes(source: QuoteData) -> Iterator[tuple[ReadsInto, str, int | None]]:
    """(stream, name, total bytes if known) of a path, ``-`` or an open binary file.

    Raises InputError if it cannot be opened or has another format. An open file is not closed.
    """
    if hasattr(source, "read"):
        name = str(getattr(source, "name", "the data"))
        if isinstance(source, io.TextIOBase):
            source = getattr(source, "buffer", None) or io.BytesIO(source.read().encode())
        yield _plain(_peekable(source), name), name, None
        return
    if source == "-":
        if sys.stdin is None or sys.stdin.closed:
            raise InputError("Standard input is closed; send quotes to it, or name a file.")
        yield _plain(_peekable(sys.stdin.buffer), "standard input"), "standard input", None
        return
    path = Path(cast("str", source))
    name = printable(str(path))
    with _opened(path, name) as stream:
        size = os.fstat(stream.fileno()).st_size
        opened = _plain(stream, name)
        yield opened, name, size if opened is stream and size > 0 else None


def _opened(path: Path, name: str) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise InputError(f"{name} does not exist; check the path.") from error
    except IsADirectoryError as error:
        raise InputError(f"{name} is a directory; name one file of quotes.") from error
    except PermissionError as error:
        raise InputError(f"{name} cannot be read; check its permissions.") from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"{name} cannot be read ({why}); check the path.") from error


def is_file(source: object) -> TypeGuard[str | os.PathLike[str]]:
    """Whether a source names a file, not a pipe, a device or an open object."""
    return source != "-" and isinstance(source, str | os.PathLike) and os.path.isfile(source)


def is_read_again(source: object) -> bool:
    """Whether a source can be read a second time: a path or columns, not a stream."""
    return not hasattr(source, "read") and (not isinstance(source, str | os.PathLike) or str(source) != "-")


def _peekable(stream: Any) -> Any:
    return stream if hasattr(stream, "peek") else io.BufferedReader(_Raw(stream))


class _Raw(io.RawIOBase):
    """Any object with ``read``, as a raw stream."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        data = self._stream.read(len(room))
        if isinstance(data, str):
            raise InputError("The file is open as text; open it in binary mode.")
        if not isinstance(data, bytes | bytearray | memoryview):
            raise InputError("The file gives no bytes where it is read; open it in binary and blocking mode.")
        room[: len(data)] = data
        return len(data)


def _plain(stream: Any, name: str) -> Any:
    """The decompressed stream."""
    try:
        head = stream.peek(8)[:8]
    except OSError as error:
        raise InputError(f"{name} could not be read: {error.strerror or error}.") from error
    if head[:2] == _GZIP:
        return gzip.GzipFile(fileobj=stream)
    if head[:4] == _ZSTD:
        return Unzstd(stream, name)
    for magic, what in _OTHERS.items():
        if head.startswith(magic):
            raise InputError(f"{name} is {what}.")
    return stream


def read_some(stream: ReadsInto, room: memoryview, name: str) -> int:
    """Reads into ``room`` and returns the number of bytes; 0 at the end.

    Raises InputError if reading fails or compressed data is damaged or cut short.
    """
    try:
        return int(stream.readinto(room))
    except EOFError as error:
        raise InputError(f"{name} is cut short: its compressed data ends early; get it again.") from error
    except (gzip.BadGzipFile, zlib.error, DamagedError) as error:
        raise InputError(f"{name} is damaged: its compressed data cannot be read ({error}).") from error
    except OSError as error:
        raise InputError(f"{name} could not be read: {error.strerror or error}.") from error


def chunks_into(stream: ReadsInto, reader: CsvReader) -> Iterator[int]:
    """Reads the stream to its end in chunks; yields the bytes so far, so the caller can take the rows.

    Raises InputError as ``read_some``.
    """
    total, count = 0, -1
    while count != 0:
        count = read_some(stream, reader.room(), reader.name)
        reader.filled(count)
        total += count
        yield total
    reader.finish()
