"""Files of joined quotes, written completely or not at all: CSV, gzipped CSV, Parquet, Arrow.

Owns the endings, the columns' types, and the temporary file that replaces the target at the end.
"""

import gzip
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from arbcore.core.text import printable
from arbcore.errors import RunError, UsageError
from arbcore.system.extras import library
from arbcore.system.output_file import is_special

ENDINGS = (".csv", ".csv.gz", ".parquet", ".arrow")
#: Rows per row group.
_GROUP_ROWS = 131_072
_GZIP_LEVEL = 6


def ending_of(path: str | os.PathLike[str]) -> str:
    """The ending of an output's name. Raises UsageError if it is not one of ``ENDINGS``."""
    name = Path(path).name.lower()
    for ending in sorted(ENDINGS, key=len, reverse=True):
        if name.endswith(ending) and name != ending:
            return ending
    if is_special(Path(path)) and not Path(path).is_dir():
        return ".csv"
    raise UsageError(
        f"{printable(str(path))} ends in none of {', '.join(ENDINGS)}, which say what is written; rename it."
    )


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A stream whose bytes become the file at the end; after an error they are deleted.

    Raises RunError if the file cannot be written. A device or a pipe is written directly.
    """
    target = Path(os.path.realpath(path))
    special = is_special(target)
    part = target if special else target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
    flags = os.O_WRONLY if special else os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        try:
            stream = os.fdopen(os.open(part, flags | getattr(os, "O_BINARY", 0), 0o666), "wb")
        except OSError as error:
            raise RunError(
                f"{printable(str(path))} cannot be written ({error.strerror}); name another file."
            ) from error
        with stream:
            yield stream
        if not special:
            part.replace(target)
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise RunError(
                f"{printable(str(path))} could not be written ({error.strerror}); free some space or name "
                "another file."
            ) from error
        raise
    finally:
        if not special:
            part.unlink(missing_ok=True)


class TextOutput:
    """Lines of CSV; gzipped if the ending is that of gzip."""

    def __init__(self, stream: BinaryIO, header: Sequence[str], *, gzipped: bool) -> None:
        # The gzip header has no time, so the same rows always give the same bytes.
        self._zip = (
            gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=_GZIP_LEVEL, mtime=0) if gzipped else None
        )
        self._stream: Any = self._zip or stream
        self._stream.write((",".join(header) + "\n").encode())

    def write(self, text: bytes) -> None:
        """Writes whole lines."""
        self._stream.write(text)

    def close(self) -> None:
        """Ends the compressed data; the stream itself stays open."""
        if self._zip is not None:
            self._zip.close()


class TableOutput:
    """Columns as Parquet or Arrow. Raises RunError if pyarrow is not installed.

    Times are UTC in ns, prices doubles, ages 64-bit integers, an expiry is a date.
    """

    def __init__(
        self, stream: BinaryIO, header: Sequence[str], *, parquet: bool, texts: Sequence[str] = ()
    ) -> None:
        extra = "parquet" if parquet else "arrow"
        self._pa = pa = library("pyarrow", extra, f"A file that ends in .{extra}")
        kinds = [pa.string() if name in texts else _kind(pa, name) for name in header]
        self._schema = pa.schema(list(zip(header, kinds, strict=True)))
        if parquet:
            self._writer = library("pyarrow.parquet", extra, "Parquet").ParquetWriter(stream, self._schema)
        else:
            self._writer = pa.ipc.new_file(stream, self._schema)
        self._waiting: list[Any] = []
        self._rows = 0

    def write(self, columns: Sequence[Any]) -> None:
        """Writes arrays and lists of text, in the order of the header; columns beyond it are left out."""
        pa = self._pa
        length = len(columns[0])
        made = [
            pa.array(values, kind)
            if isinstance(values, list)
            else pa.Array.from_buffers(kind, length, [None, pa.py_buffer(values)])
            for kind, values in zip(self._schema.types, columns, strict=False)
        ]
        self._waiting.append(pa.record_batch(made, schema=self._schema))
        self._rows += length
        if self._rows >= _GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            table = self._pa.Table.from_batches(self._waiting, self._schema).combine_chunks()
            self._writer.write_table(table)
        self._waiting, self._rows = [], 0

    def close(self) -> None:
        """Writes the remaining rows and the footer."""
        self._flush()
        self._writer.close()


def _kind(pa: Any, name: str) -> Any:
    if name == "ts":
        return pa.timestamp("ns", tz="UTC")
    if name == "expiry":
        return pa.date32()
    return pa.int64() if name.endswith("_age_ms") else pa.float64()


def open_output(
    stream: BinaryIO, ending: str, header: Sequence[str], *, texts: Sequence[str] = ()
) -> TextOutput | TableOutput:
    """Opens the writer for an ending, which writes its header at once; ``texts`` are columns of text."""
    if ending in (".csv", ".csv.gz"):
        return TextOutput(stream, header, gzipped=ending == ".csv.gz")
    return TableOutput(stream, header, parquet=ending == ".parquet", texts=texts)
