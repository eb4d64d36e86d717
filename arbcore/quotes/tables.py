"""Shell: files of columns, Parquet and Arrow, as streams of batches.

Owns their opening and its errors; the library is imported only for such a file. The column reader knows the
meaning of the columns.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from arbcore.core.text import printable
from arbcore.errors import InputError
from arbcore.quotes.column_names import may_count
from arbcore.quotes.source import is_file
from arbcore.system.extras import library

#: Rows per batch in memory, besides the pages of a row group.
BATCH_ROWS = 65_536
_PARQUET = b"PAR1"
_ARROW_FILE = b"ARROW1"
_ARROW_STREAM = b"\xff\xff\xff\xff"


@contextmanager
def open_table(source: Any) -> Iterator[tuple[Any, str]]:
    """(a stream of batches, name) of a file of columns named by its path; (None, "") for any other source.

    Raises InputError if the file is damaged.
    """
    if not is_file(source):
        yield None, ""
        return
    name = printable(str(source))
    with ExitStack() as files:
        try:
            stream: BinaryIO = files.enter_context(Path(source).open("rb"))
            head = stream.read(8)
            stream.seek(0)
        except OSError:
            # The error comes from opening it as a file of text, which is tried next.
            yield None, ""
            return
        yield _opened(stream, head, name), name


def _opened(stream: BinaryIO, head: bytes, name: str) -> Any:
    if head.startswith(_PARQUET):
        kind = "Parquet file"
        library("pyarrow.parquet", "parquet", f"{name} is a Parquet file, which")
    elif head.startswith((_ARROW_FILE, _ARROW_STREAM)):
        kind = "Arrow file"
        library("pyarrow.ipc", "arrow", f"{name} is an Arrow file, which")
    else:
        return None
    pa = library("pyarrow", "arrow", kind)
    try:
        if kind == "Parquet file":
            return _parquet(pa, stream)
        return pa.ipc.open_stream(stream) if head.startswith(_ARROW_STREAM) else _arrow(pa, stream)
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise InputError(f"{name} is no whole {kind} ({_reason(error)}); get it again.") from error


def _reason(error: BaseException) -> str:
    return printable(str(error).strip().partition("\n")[0].rstrip("."), 120) or type(error).__name__


def _parquet(pa: Any, stream: BinaryIO) -> Any:
    file = pa.parquet.ParquetFile(stream)
    schema = file.schema_arrow
    wanted = [name for name in schema.names if may_count(name)]
    # All fields are kept, also those with similar names; the reader refuses duplicates.
    batches = file.iter_batches(batch_size=BATCH_ROWS, columns=wanted)
    chosen = pa.schema([schema.field(at) for at, name in enumerate(schema.names) if name in wanted])
    return pa.RecordBatchReader.from_batches(chosen, batches)


def _arrow(pa: Any, stream: BinaryIO) -> Any:
    file = pa.ipc.open_file(stream)
    batches = (file.get_batch(at) for at in range(file.num_record_batches))
    return pa.RecordBatchReader.from_batches(file.schema, batches)
