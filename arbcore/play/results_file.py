"""The file of an exchange's results: one row per team and round, on disk before the next round begins.

A shell: owns the file. It never overwrites an existing file, because that may hold an evening's results. A
row that cannot be written (a full disk) is kept and written with the next one.
"""

import contextlib
import csv
import io
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from arbcore.core.text import printable
from arbcore.errors import RunError, UsageError
from arbcore.system.output_file import is_special
from arbcore.venue.venue_documents import RoundEvent
from arbcore.wire.instruments import SYMBOLS

COLUMNS = (
    "round", "team", "complete", "fair_pnl", "cash", *SYMBOLS, "fees", "fills", "volume", "conversions",
    "rejects", "stopped", "seed", "mode", "regime", "ended",
)  # fmt: skip


class ResultsFile:
    """A CSV file with the header ``COLUMNS``; ``ended`` is UTC, P&L and cash are ticks, the rest shares.

    ``constants`` are ``seed``, ``mode`` and ``regime``, the same in every row.

    Raises:
        UsageError: the file already exists.
        RunError: it cannot be written.
    """

    def __init__(
        self, path: Path, constants: Mapping[str, object], *, clock: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._constants = constants
        self._clock = clock
        self._pending = b""
        self._whole = 0
        special = is_special(path)
        flags = os.O_WRONLY | getattr(os, "O_BINARY", 0) | (0 if special else os.O_CREAT | os.O_EXCL)
        try:
            self._descriptor = os.open(path, flags, 0o644)
        except FileExistsError:
            raise UsageError(
                f"{printable(str(path))} exists and results are never overwritten; name another --results."
            ) from None
        except OSError as error:
            raise RunError(
                f"{printable(str(path))} cannot be written ({error.strerror}); name another --results."
            ) from None
        problem = self._write(_rows([COLUMNS]))
        if problem:
            self.close()
            raise RunError(f"{printable(str(path))} cannot be written ({problem}); name another --results.")

    def add(self, event: RoundEvent) -> str | None:
        """Writes a round's rows and waits until they are on disk; returns the failure's sentence, or None."""
        ended = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._clock()))
        rows = []
        for team, score in event["scores"].items():
            known: dict[str, object] = {
                **score, **score["positions"], **self._constants, "round": event["round"], "team": team,
                "complete": int(event["complete"]), "stopped": int(score["stopped"]), "ended": ended,
            }  # fmt: skip
            rows.append([known[name] for name in COLUMNS])
        problem = self._write(_rows(rows))
        if problem is None:
            return None
        return (
            f"{printable(str(self._path))} cannot be written ({problem}); its rows are kept and tried again "
            "after the next round."
        )

    def close(self) -> None:
        os.close(self._descriptor)

    def _write(self, data: bytes) -> str | None:
        """Writes the pending bytes and ``data``; returns the error, or None."""
        self._pending += data
        left = memoryview(self._pending)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
            # A pipe or a terminal cannot be synchronised and does not need it.
            with contextlib.suppress(OSError) if is_special(self._path) else contextlib.nullcontext():
                os.fsync(self._descriptor)
        except OSError as error:
            # Removes a partial row: the next attempt begins where the last complete write ended.
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._whole)
                os.lseek(self._descriptor, self._whole, os.SEEK_SET)
            return error.strerror or str(error)
        self._whole += len(self._pending)
        self._pending = b""
        return None


def _rows(rows: list[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
