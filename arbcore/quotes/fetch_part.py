"""The partial download: what was fetched so far, one line a request, so that a stop loses one at most.

Owns the file ``OUT.part``: its first line says which download it is, each further one that a request left, or
a request and its rows. A last line that was not written whole is cut off when the download goes on.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from arbcore.core.text import printable
from arbcore.errors import RunError, UsageError

SCHEMA = "arbcore.quotes.fetch.part/1"
PartRow = list[float]
PartLine = tuple[int, int, list[PartRow]]


class PartFile:
    """``OUT.part``: opened, it holds the header that it began with and what was done."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: dict[str, object] | None = None
        #: (request, where it goes on or -1 when it is over) of every line.
        self.done: list[tuple[int, int]] = []
        #: (time, contract, request) of every request that an earlier run sent: the broker's pace counts them.
        self.sent_before: list[tuple[int, str, str]] = []
        self._file: IO[bytes] | None = None
        self._read()

    def _read(self) -> None:
        if not self.path.exists():
            return
        whole = 0
        try:
            with self.path.open("rb") as lines:
                for number, line in enumerate(lines):
                    if not line.endswith(b"\n"):
                        break
                    values = json.loads(line)
                    if number == 0:
                        self.header = values
                    elif "sent" in values:
                        self.sent_before.append((values["sent"], values["contract"], values["asks"]))
                    else:
                        self.done.append((values["request"], values["next"]))
                    whole += len(line)
            if self.header is not None and self.header.get("schema") != SCHEMA:
                raise ValueError("another schema")
            os.truncate(self.path, whole)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(
                f"{printable(str(self.path))} is not a partial download of arbcore; move it away or choose "
                "another -o."
            ) from error
        except OSError as error:
            raise RunError(f"{printable(str(self.path))} cannot be read: {error}") from error

    def begin(self, header: dict[str, object]) -> None:
        """Begins a download, or goes on with one."""
        try:
            self._file = self.path.open("ab")
            if self.header is None:
                self.header = {"schema": SCHEMA, **header}
                self._line(self.header)
        except OSError as error:
            raise RunError(f"{printable(str(self.path))} cannot be written: {error}") from error

    def sends(self, wall_ns: int, contract: str, asks: str) -> None:
        """A request leaves at a time of the wall."""
        self._write({"sent": wall_ns, "contract": contract, "asks": asks})

    def add(self, request: int, next_ns: int, rows: list[PartRow]) -> None:
        """What one request brought; ``next_ns`` is where it goes on, -1 when it is over."""
        self._write({"request": request, "next": next_ns, "rows": rows})
        self.done.append((request, next_ns))

    def _write(self, values: dict[str, object]) -> None:
        try:
            self._line(values)
        except OSError as error:
            raise RunError(f"{printable(str(self.path))} cannot be written: {error}") from error

    def _line(self, values: dict[str, object]) -> None:
        if self._file is None:
            raise RunError("The partial download was not begun.")
        self._file.write(json.dumps(values, separators=(",", ":")).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Closes the file; what is in it stays."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def remove(self) -> None:
        """The download is over, or nothing came."""
        self.close()
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()

    def lines(self) -> Iterator[PartLine]:
        """(request, where it goes on, rows) of every line, read again."""
        with self.path.open("rb") as lines:
            next(lines, None)
            for line in lines:
                values = json.loads(line)
                if "sent" not in values:
                    yield values["request"], values["next"], values["rows"]
