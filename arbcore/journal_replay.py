"""Runs a recorded session again and finds the first byte that differs. A shell: it reads a file."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import arbcore
from arbcore.bot import make_session
from arbcore.errors import ConfigError, JournalError
from arbcore.journal_file import read_journal
from arbcore.text import plural
from arbcore.trading import journal

#: Builds a session from (settings document of the journal, working directory).
SessionMaker = Callable[[dict[str, Any], Path], Any]


@dataclass(frozen=True)
class Difference:
    """The first difference: the record that holds or should hold the output, and the two lines."""

    record: int
    time_ns: int
    recorded: bytes
    replayed: bytes


@dataclass
class Replayed:
    """What a replay found. ``complete`` is False where the journal's end is torn or its bound was reached."""

    path: Path
    records: int = 0
    bytes_out: int = 0
    complete: bool = True
    difference: Difference | None = None
    summary: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def session_of(settings: dict[str, Any], directory: Path) -> Any:
    """The session that a journal's settings describe; JournalError where they do not describe one."""
    try:
        return make_session(
            settings["values"],
            settings["strategies"],
            team=settings["team"],
            builtin=settings["builtin"],
            directory=directory,
        )
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        raise JournalError(
            f"its settings do not describe a session ({type(error).__name__}: {error}); it was made by "
            "another version or is damaged."
        ) from None


def replay(path: Path, directory: Path, *, make: SessionMaker = session_of) -> Replayed:
    """Feeds every recorded event to a new session and compares what comes out, up to the first difference."""
    result = Replayed(path)
    data = read_journal(path)
    try:
        settings, offset = journal.read_header(data)
        session = make(settings, directory)
        _compare(session, data, offset, result)
    except JournalError as error:
        raise JournalError(f"{path}: {error}") from None
    made_by = settings.get("version")
    if isinstance(made_by, str) and made_by != arbcore.__version__:
        result.notes.append(
            f"{path} was recorded by version {made_by}, this is {arbcore.__version__}; decisions may "
            "have changed between them."
        )
    result.summary = session.summary()
    return result


def _compare(session: Any, data: bytes, offset: int, result: Replayed) -> None:
    """Walks the records. What an event sent is the OUT record after it, or nothing if there is none."""
    event: journal.Record | None = None
    expected, replayed = b"", b""
    result.complete = False
    for record in journal.read_records(data, offset):
        result.records = record.number
        offset += journal.RECORD_OVERHEAD + len(record.payload)
        if record.kind == journal.OUT:
            expected += record.payload
            continue
        # The bound may have been reached between an event and what it sent.
        unheard = record.kind == journal.FULL and not expected
        if event is not None and not unheard and not _same(event, expected, replayed, result):
            return
        if record.kind == journal.FULL:
            result.notes.append(f"{result.path} reached its size bound; the rest of the run is not in it.")
            return
        if record.kind == journal.END:
            result.complete = True
            if offset < len(data):
                after = plural(len(data) - offset, "byte")
                result.notes.append(f"{result.path} goes on after its end; {after} there were not replayed.")
            return
        event, expected, replayed = record, b"", _feed(session, record)
    result.notes.append(
        f"{result.path} is cut short after record {result.records:,}, as a crash or a full disk leaves it; "
        "everything before was replayed."
    )
    # What the last event sent may be in the part that was lost; so its absence says nothing.
    if event is not None and expected:
        _same(event, expected, replayed, result)


def _feed(session: Any, record: journal.Record) -> bytes:
    out = b""
    if record.kind == journal.IN:
        out = session.receive(record.payload, record.time_ns)
    elif record.kind == journal.TICK:
        out = session.tick(record.time_ns)
    elif record.kind == journal.CONNECT:
        out = session.connected(record.time_ns)
    elif record.kind == journal.DISCONNECT:
        session.disconnected(record.time_ns)
    elif record.kind in (journal.STOP, journal.KILL):
        reason = record.payload.decode("utf-8", "replace")
        end = session.stop if record.kind == journal.STOP else session.kill
        out = end(record.time_ns, reason)
    return bytes(out)


def _same(event: journal.Record, expected: bytes, replayed: bytes, result: Replayed) -> bool:
    result.bytes_out += len(expected)
    if expected == replayed:
        return True
    old, new = expected.split(b"\n"), replayed.split(b"\n")
    at = next(
        (index for index, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]),
        min(len(old), len(new)),
    )
    result.difference = Difference(
        event.number + 1, event.time_ns, b"".join(old[at : at + 1]), b"".join(new[at : at + 1])
    )
    return False
