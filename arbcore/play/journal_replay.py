"""Runs a recorded session again and finds the first byte that differs. A shell: it reads a file."""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arbcore._version import __version__
from arbcore.core.text import plural, printable
from arbcore.errors import ConfigError, JournalError, UsageError
from arbcore.play.bot import make_session
from arbcore.play.journal_file import JournalReader
from arbcore.play.round_record import limits_of
from arbcore.trading import journal
from arbcore.trading.round_history import RoundHistory

if TYPE_CHECKING:
    from arbcore.trading._session import Session

#: Builds a session from (settings document of the journal, working directory).
SessionMaker = Callable[[dict[str, object], Path], Any]


@dataclass(frozen=True)
class Difference:
    """The first difference: the record that has or should have the output, and the two lines."""

    record: int
    time_ns: int
    recorded: bytes
    replayed: bytes


@dataclass
class Replayed:
    """The result of a replay. ``complete`` is False if the journal's end is torn or its bound was reached."""

    path: Path
    records: int = 0
    bytes_out: int = 0
    complete: bool = True
    team: str = ""
    difference: Difference | None = None
    summary: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


#: The types of a journal's settings.
SETTING_TYPES = {"values": dict, "strategies": list, "team": str, "builtin": bool}


def session_of(
    described: Mapping[str, object], directory: Path, *, allow_code: bool = False
) -> "Session":
    """Makes the session that a journal's settings describe. Raises JournalError if they describe none.

    A journal names the strategies' classes, and a replay imports and runs them. Raises UsageError for a
    module that is not in ``directory``, unless ``allow_code`` is set.
    """
    settings: dict[str, Any] = dict(described)
    for name, kind in SETTING_TYPES.items():
        if not isinstance(settings.get(name), kind):
            found = "missing" if name not in settings else f"of the type {type(settings[name]).__name__}"
            raise JournalError(
                f"its settings do not describe a session ({name} is {found}); it was made by another version "
                "or is damaged."
            )
    specs = settings["strategies"]
    for spec in specs:
        if not isinstance(spec, str) or ":" not in spec:
            raise JournalError("its settings do not describe a session (a strategy is not module:Class).")
        if not allow_code:
            _refuse_code_from_elsewhere(spec, directory)
    try:
        return make_session(
            settings["values"],
            specs,
            team=settings["team"],
            builtin=settings["builtin"],
            directory=directory,
            params=_params_of(settings, len(specs)),
        )
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, ConfigError) as error:
        raise JournalError(
            f"its settings do not describe a session ({type(error).__name__}: {printable(str(error))}); it "
            "was made by another version or is damaged."
        ) from None


def _params_of(settings: dict[str, Any], count: int) -> list[dict[str, str]]:
    """Each strategy's parameters; none in a journal from before they were recorded."""
    params = settings.get("params", [{}] * count)
    if (
        not isinstance(params, list)
        or len(params) != count
        or not all(isinstance(one, dict) for one in params)
        or not all(isinstance(text, str) for one in params for text in one.values())
    ):
        raise JournalError("its settings do not describe a session (params are not texts by name).")
    return params


def _refuse_code_from_elsewhere(spec: str, directory: Path) -> None:
    """Raises UsageError for a strategy outside ``directory``; searches the folder and imports nothing."""
    package = spec.partition(":")[0].partition(".")[0]
    if package in sys.builtin_module_names or PathFinder.find_spec(package, [str(directory)]) is None:
        raise UsageError(
            f"The journal names the strategy {printable(spec)}, which is not in {directory}; replaying "
            "imports and runs it: replay from the folder that holds it, or give --allow-code if you trust it."
        )


def replay(
    path: Path,
    directory: Path,
    *,
    make: SessionMaker | None = None,
    allow_code: bool = False,
    history: RoundHistory | None = None,
) -> Replayed:
    """Feeds every recorded event to a new session and compares its output, up to the first difference.

    ``history`` takes every record of the file. Its orders after a difference have no strategy, because the
    new session is then no longer the one that sent them.
    """
    result = Replayed(path)
    with JournalReader(path) as file:
        try:
            settings = file.header()
            if make is not None:
                session = make(settings, directory)
            else:
                session = session_of(settings, directory, allow_code=allow_code)
            records = journal.read_records(file.pieces(), file.start)
            if history is not None:
                history.limits |= limits_of(session)
                result.team = str(settings["team"])
                records = _noted(records, session, history, result)
            _compare(session, file, records, result)
            if history is not None:
                for _ in records:
                    pass
                history.finish()
        except JournalError as error:
            raise JournalError(f"{path}: {error}") from None
    made_by = settings.get("version")
    if isinstance(made_by, str) and made_by != __version__:
        result.notes.append(
            f"{path} was recorded by version {printable(made_by, 40)}, this is {__version__}; "
            "decisions may have changed between them."
        )
    result.summary = session.summary()
    return result


def _noted(
    records: Iterator[journal.Record], session: Any, history: RoundHistory, result: Replayed
) -> Iterator[journal.Record]:
    """Yields the records; the history takes each of them too."""
    for record in records:
        if record.kind == journal.OUT and result.difference is None:
            history.own_sent(session, record.payload)
        history.take(record.kind, record.time_ns, record.payload)
        yield record
        if record.kind == journal.END:
            return


def _compare(
    session: Any, file: JournalReader, records: Iterator[journal.Record], result: Replayed
) -> None:
    """Compares record by record. An event's output is the OUT record after it, or empty without one."""
    event: journal.Record | None = None
    expected, replayed = b"", b""
    result.complete = False
    for record in records:
        result.records = record.number
        if record.kind == journal.OUT:
            expected += record.payload
            continue
        # The bound may have been reached between an event and its output.
        unheard = record.kind == journal.FULL and not expected
        if event is not None and not unheard and not _same(event, expected, replayed, result):
            return
        if record.kind == journal.FULL:
            result.notes.append(f"{result.path} reached its size bound; the rest of the run is not in it.")
            return
        if record.kind == journal.END:
            result.complete = True
            if record.end < file.size:
                after = plural(file.size - record.end, "byte")
                result.notes.append(f"{result.path} goes on after its end; {after} there were not replayed.")
            return
        event, expected, replayed = record, b"", _feed(session, record)
    result.notes.append(
        f"{result.path} is cut short after record {result.records:,}, as a crash or a full disk leaves it; "
        "everything before was replayed."
    )
    # The output of the last event may be in the lost part, so a missing output is not a difference.
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
    elif record.kind == journal.HOLD:
        out = session.hold(record.time_ns)
    elif record.kind == journal.RESUME:
        out = session.resume(record.time_ns)
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
