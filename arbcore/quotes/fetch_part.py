"""The partial download: one line per request, so a stop loses at most one request.

Owns the file ``OUT.part``. Its first line identifies the download; each further line is a request that was
sent, or a request and its rows. When the download continues, an incomplete last line is cut off.
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
    """``OUT.part``: after opening it has the header and the finished requests of earlier runs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: dict[str, object] | None = None
        #: For every line: (request, where it continues, or -1 if it is finished).
        self.done: list[tuple[int, int]] = []
        #: (time, contract, request) of each request of earlier runs, which the broker's pacing rules count.
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
        """Begins a download, or continues one."""
        try:
            self._file = self.path.open("ab")
            if self.header is None:
                self.header = {"schema": SCHEMA, **header}
                self._line(self.header)
        except OSError as error:
            raise RunError(f"{printable(str(self.path))} cannot be written: {error}") from error

    def sends(self, wall_ns: int, contract: str, asks: str) -> None:
        """Records that a request is sent at a wall-clock time."""
        self._write({"sent": wall_ns, "contract": contract, "asks": asks})

    def add(self, request: int, next_ns: int, rows: list[PartRow]) -> None:
        """Adds the rows of a request; ``next_ns`` is where it continues, -1 if it is finished."""
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
        """Closes the file and keeps it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def remove(self) -> None:
        """Removes the file: the download is finished, or has no rows."""
        self.close()
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()

    def lines(self) -> Iterator[PartLine]:
        """(request, where it continues, rows) of every line, read from the file."""
        with self.path.open("rb") as lines:
            next(lines, None)
            for line in lines:
                values = json.loads(line)
                if "sent" not in values:
                    yield values["request"], values["next"], values["rows"]
