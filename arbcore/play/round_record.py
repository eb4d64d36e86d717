"""Shell: keeps the records of a run for its round page, in the requested journal or a temporary one.

During a run it only notes which strategy each order belongs to; it reads the records once the run is over.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from arbcore.play.journal_file import JournalReader, JournalWriter
from arbcore.trading import journal
from arbcore.trading.round_history import RoundHistory

if TYPE_CHECKING:
    from arbcore.trading._session import Session


def limits_of(session: "Session") -> dict[str, int]:
    """The position limits of a session."""
    return {symbol: row["limit"] for symbol, row in session.exposure().items()}


class RoundRecord:
    """A recorder for ``ExchangeRun`` that also makes a ``RoundHistory``.

    Args:
        session: the session that plays.
        settings: the header of a journal.
        writer: the journal that is written anyway; without one it writes a temporary file, until ``close``.
    """

    def __init__(
        self, session: "Session", settings: Mapping[str, object], *, writer: JournalWriter | None = None
    ) -> None:
        self._session = session
        self._history = RoundHistory(limits_of(session))
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        if writer is None:
            self._folder = tempfile.TemporaryDirectory(prefix="arbcore-")
            writer = JournalWriter(Path(self._folder.name) / "run.journal", settings)
        self._writer = writer

    @property
    def trouble(self) -> str | None:
        """The reason why recording stopped early, as a sentence."""
        return self._writer.trouble

    def write(self, kind: int, time_ns: int, payload: bytes | bytearray | memoryview = b"") -> None:
        """Writes one record."""
        self._writer.write(kind, time_ns, payload)
        if kind == journal.OUT:
            self._history.own_sent(self._session, bytes(payload))

    def history(self) -> RoundHistory:
        """The history of the run, once the writer is closed."""
        with JournalReader(self._writer.path) as file:
            file.header()
            for record in journal.read_records(file.pieces(), file.start):
                self._history.take(record.kind, record.time_ns, record.payload)
        self._history.finish()
        return self._history

    def close(self) -> None:
        """Closes the journal. ``history`` can be read until ``clear``."""
        self._writer.close()

    def clear(self) -> None:
        """Deletes the temporary file."""
        if self._folder is not None:
            self._folder.cleanup()
