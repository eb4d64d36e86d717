"""The one tree of exceptions, with the exit code of the program for each branch.

    ArbcoreError
    ├── UsageError          2   an argument names something that does not exist or is out of range
    │   └── ConfigError     2   a setting (flag, environment, .env) is missing or wrong
    ├── InputError          3   a file or stream from outside is bad, missing or unreadable
    │   ├── JournalError    3   ... a session journal is
    │   └── DataError       3   ... a place in a file of quotes is
    ├── RunError            1   it failed while running
    │   ├── ConnectError    1   the other side could not be reached, or was not an exchange
    │   │   └── ReadOnlyError 1 ... the broker's API is set to Read-Only
    │   ├── WireError       1   the other side sent a line that is not a legal message
    │   └── ShardError      1   a piece of a sweep, or its result, is not of this arbcore or damaged
    └── BrokenInvariant     1   our own bug: state that must not be; never caught and carried on from

A risk refusal is not an exception: it is a value with a reason, because refusing is the gate's ordinary work.
This module must not import anything of arbcore.
"""

#: Exit code of a run that failed, and of one that was interrupted, after its orderly stop.
EXIT_FAILED, EXIT_INTERRUPTED = 1, 130


class ArbcoreError(Exception):
    """Base of every error raised on purpose. The message is one sentence: what, where, what to do."""

    exit_code = 1


class UsageError(ArbcoreError):
    """Wrong usage of the command line or of the library."""

    exit_code = 2


class ConfigError(UsageError):
    """A setting is missing, malformed or out of range."""


class InputError(ArbcoreError):
    """Data from outside is bad, missing or unreadable."""

    exit_code = 3


class JournalError(InputError):
    """A session journal is not one of arbcore, of a newer version, or cut short."""


class DataError(InputError):
    """A file of quotes is wrong at one place: ``line`` (from 1) and ``column`` (its name), if known.

    ``kind`` is the fault's short stable name: ``empty``, ``missing_column``, ``duplicate_column``,
    ``too_few``, ``too_long``, ``not_a_time``, ``not_a_number``, ``out_of_range``, ``not_an_index``,
    ``order``, ``row_number``.
    """

    def __init__(self, kind: str, message: str, *, line: int | None, column: str | None) -> None:
        super().__init__(message)
        self.kind = kind
        self.line = line
        self.column = column


class RunError(ArbcoreError):
    """A run failed although its usage and configuration were right."""


class ConnectError(RunError):
    """No connection, or the other side is not an exchange of this protocol."""


class ReadOnlyError(ConnectError):
    """The broker refuses requests because its API is set to Read-Only; trying again does not help."""


class WireError(RunError):
    """One line from the other side is not a legal message.

    ``kind`` is the fault's short stable name (``unknown_symbol``); faults are counted by it.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class ShardError(RunError):
    """A shard of a sweep, or its result, is not one of arbcore, of a newer version, or damaged."""


class BrokenInvariant(ArbcoreError):
    """An internal state is wrong: a bug of arbcore. Raised also under ``-O``."""
