"""Opens the carry bot's store: one SQLite file that belongs to one account, one mode and one bot at a time.

A shell: it owns the file, its lock and its version. It knows nothing of orders or trades; ``store`` writes
the rows. Every error of the disk becomes one sentence.
"""

import contextlib
import errno
import os
import secrets
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from arbcore._version import __version__
from arbcore.broker.store_schema import APPLICATION_ID, FORMAT, MIGRATIONS, VERSION
from arbcore.core.text import printable
from arbcore.errors import ConfigError, InputError, RunError
from arbcore.system.regular_file import NotRegular, open_regular, read_regular, refuse_special

SIMULATED = "simulated"
MODES = (SIMULATED, "paper", "live")
#: How long a reader waits for a writer.
BUSY_TIMEOUT_S = 5.0
#: How long a bot's write waits for a lock: its loop stops meanwhile, so the bot tries again later instead.
BOT_BUSY_TIMEOUT_S = 0.1
#: How often and how long to wait for a lock that another process may hold only to test it.
LOOKS_MAX, LOOK_S = 5, 0.02
#: The endings of the files that SQLite opens beside a store.
SIDE_FILES = ("-wal", "-shm", "-journal")
SQLITE_HEADER = b"SQLite format 3\x00"

#: Most bytes of the text in a lock's file that names its owner.
_LOCK_WORDS_MAX = 300

Connect = Callable[..., sqlite3.Connection]


class StoreLocked(RunError):
    """Another program has the store's database locked; nothing was written."""


class StoreLock:
    """A lock of the operating system on ``FILE.lock``, which ends with the process, however that ends.

    Raises InputError for a file that is not a store, and creates no lock beside it; RunError if the store is
    in use.
    """

    def __init__(self, path: Path) -> None:
        _look_first(path)
        self.path = path.with_name(path.name + ".lock")
        try:
            # Follow no link: nobody has a reason to put one at a name that we made up.
            self._descriptor = open_regular(
                self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            )
        except OSError as error:
            raise RunError(
                f"The store's lock {self.path} cannot be opened ({error.strerror}); check the folder."
            ) from None
        try:
            _lock_soon(self._descriptor)
        except OSError as error:
            os.close(self._descriptor)
            if error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                raise RunError(f"The store's lock {self.path} failed ({error.strerror}).") from None
            raise RunError(
                f"The store {path} is in use by another bot; stop that one, or name another store with --db."
            ) from None

    def release(self) -> None:
        """Releases the lock; the empty file stays, because removing it would race with the next owner."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class SymbolLocks:
    """Locks on the symbols that a bot trades in an account, beside its store, until its process ends.

    Two bots may run in one account if their symbols differ. If they share a symbol, neither can tell which
    bot a position belongs to. The locks cover bots whose stores are in one folder; other bots are noticed
    only by their trades.
    """

    def __init__(self, store: Path, *, claim: str, symbols: Sequence[str], pair: str) -> None:
        """``claim`` is the account, or another text that is unique to it."""
        self._descriptors: list[int] = []
        # The broker's name for an account must not become a path, only a part of a file's name.
        safe = "".join(each if each.isalnum() or each == "-" else "_" for each in claim)
        try:
            for symbol in symbols:
                self._lock(store.with_name(f".{safe}.{symbol}.lock"), symbol, f"{pair}, store {store.name}")
        except BaseException:
            self.release()
            raise

    def _lock(self, path: Path, symbol: str, words: str) -> None:
        try:
            descriptor = open_regular(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0))
        except OSError as error:
            raise RunError(
                f"The lock {path} cannot be opened ({error.strerror}); check the folder."
            ) from None
        self._descriptors.append(descriptor)
        try:
            _lock_soon(descriptor)
        except OSError:
            other = printable(os.read(descriptor, _LOCK_WORDS_MAX).decode(errors="replace")) or "a store"
            raise RunError(
                f"Another bot trades {symbol} in this account already ({other}), so the bots could not tell "
                "whose a position is; stop it, or trade a pair that shares no symbol with it."
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, words.encode()[:_LOCK_WORDS_MAX])

    def release(self) -> None:
        """Releases the locks; the files stay."""
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()


def is_owned(path: Path) -> bool:
    """Whether a live bot uses the store: the system releases a lock when its process ends."""
    try:
        descriptor = open_regular(
            path.with_name(path.name + ".lock"), os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)
        )
    except OSError as error:
        # Without permission the lock cannot be tested; the heartbeat's age shows a dead bot then.
        return isinstance(error, PermissionError)
    try:
        _lock(descriptor)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _lock_soon(descriptor: int) -> None:
    """Locks a file, and waits if another process holds the lock for a moment only to test it."""
    for _ in range(LOOKS_MAX):
        with contextlib.suppress(BlockingIOError):
            _lock(descriptor)
            return
        time.sleep(LOOK_S)
    _lock(descriptor)


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def said(path: Path, doing: str) -> Iterator[None]:
    """Turns SQLite's errors into one sentence each. ``doing`` completes "while ..."."""
    try:
        yield
    except sqlite3.Error as error:
        if _is_busy(error):
            raise StoreLocked(f"The store {path} is locked by another program while {doing}.") from error
        raise RunError(_sentence(path, doing, error)) from error


def _is_busy(error: sqlite3.Error) -> bool:
    return "BUSY" in getattr(error, "sqlite_errorname", "") or "database is locked" in str(error)


def _sentence(path: Path, doing: str, error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorname", "") or str(error)
    text = str(error)
    where = f"The store {path}"
    if "FULL" in code or "full" in text:
        return f"{where} could not be written while {doing}: the disk is full; free some space."
    if _is_busy(error) or "locked" in text:
        return f"{where} was kept locked by another program for {BUSY_TIMEOUT_S:.0f} s while {doing}."
    if "IOERR" in code or "I/O" in text:
        return f"{where} failed while {doing} (disk I/O error); check the disk, its space and its quota."
    if "READONLY" in code or "readonly" in text:
        return f"{where} may not be written (while {doing}); check its permissions and its folder's."
    if "CORRUPT" in code or "NOTADB" in code or "malformed" in text or "not a database" in text:
        return f"{where} is damaged ({printable(text)}); keep a copy, then restore it or name another file."
    if "CANTOPEN" in code or "unable to open" in text:
        return f"{where} cannot be opened; check that its folder exists and may be written."
    return f"{where} failed while {doing} ({printable(text)})."


def open_for_bot(
    path: Path, *, pair: str, account: str, mode: str, now_text: str, connect: Connect = sqlite3.connect
) -> sqlite3.Connection:
    """The connection of the only bot that writes; the caller holds the ``StoreLock``.

    Creates the file with mode 0600, brings an older one to this version, and refuses a foreign or newer one
    (InputError), one of another pair, account or mode (ConfigError), and what the disk refuses (RunError).
    """
    if mode not in MODES:
        raise ConfigError(f"A store's mode is {', '.join(MODES)}, not {printable(mode)}.")
    _refuse_strangers(path)
    _create_private(path)
    with said(path, "opening it"):
        connection = connect(path, timeout=BOT_BUSY_TIMEOUT_S, isolation_level=None)
    try:
        with said(path, "opening it"):
            connection.execute("PRAGMA journal_mode = WAL")
            # The intent of an order must survive a loss of power before the order is sent.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            _migrate(connection, path, now_text)
            _own(connection, path, {"account": account, "mode": mode, "pair": pair})
    except BaseException:
        connection.close()
        raise
    return connection


def open_to_read(path: Path, *, connect: Connect = sqlite3.connect) -> sqlite3.Connection:
    """A read-only connection for reports, also while a bot writes. Raises InputError if it is not a store."""
    if not path.exists():
        raise InputError(f"There is no store {path}; name one with --db, or run the bot first.")
    _refuse_strangers(path)
    with said_reading(path):
        connection = connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S)
        try:
            version = _version_of(connection, path)
            if version == 0:
                raise InputError(f"{path} is an empty store; run the bot on it first.")
            if version < VERSION:
                raise InputError(
                    f"{path} is a store of version {version} and this arbcore reads {VERSION}; run the bot "
                    "on it once, which updates it."
                )
            _refuse_cut_short(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def _refuse_cut_short(connection: sqlite3.Connection, path: Path) -> None:
    """Refuses a file that was cut short, unless a file beside it may hold the rest."""
    (pages,), (page_size,) = (
        connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size")
    )
    short = path.stat().st_size < pages * page_size
    beside = [path.with_name(path.name + end) for end in ("-wal", "-journal")]
    if short and not any(each.exists() and each.stat().st_size for each in beside):
        raise sqlite3.DatabaseError("database disk image is malformed: it was cut short")


def back_up(path: Path, copy: Path, *, now_text: str) -> None:
    """Copies a store as of one moment with SQLite's backup, also while a bot writes to it.

    The copy has mode 0600 and gets its name when it is whole. It replaces an earlier copy; a file that is not
    a store is refused.

    Raises:
        InputError: ``path`` is not a store, or ``copy`` is a file of another kind.
        RunError: The copy cannot be written.
    """
    _look_first(copy)
    target = Path(os.path.realpath(copy))
    part = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    shown = printable(str(copy))
    try:
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600))
    except OSError as error:
        raise RunError(f"The copy {shown} cannot be written ({error.strerror}); name another file.") from None
    try:
        with contextlib.closing(open_to_read(path)) as source:
            try:
                with contextlib.closing(sqlite3.connect(part)) as there:
                    source.backup(there)
                    with there:
                        put_meta(there, {"copy_ts": now_text})
                    # A copy must be one file, without the files that SQLite opens beside a store.
                    there.execute("PRAGMA journal_mode = DELETE")
            except sqlite3.Error as error:
                raise RunError(_sentence(copy, f"copying {path}", error)) from error
        part.replace(target)
    except OSError as error:
        raise RunError(f"The copy {shown} cannot be written ({error.strerror}); name another file.") from None
    finally:
        for ending in ("", *SIDE_FILES):
            part.with_name(part.name + ending).unlink(missing_ok=True)


def clear_simulated(path: Path) -> None:
    """Removes the store of an earlier simulated run: every simulated market begins anew.

    Refuses any other file of that name: raises InputError for one that is not a store, ConfigError for a real
    account's store, RunError if a bot uses it.
    """
    path = path.resolve()
    _refuse_strangers(path)
    if not path.exists() or path.stat().st_size == 0:
        return
    lock = StoreLock(path)
    try:
        _refuse_strangers(path)
        with said_reading(path), contextlib.closing(sqlite3.connect(path)) as connection:
            found = None
            if _version_of(connection, path):
                found = connection.execute("SELECT value FROM meta WHERE key = 'mode'").fetchone()
        if found is not None and found[0] != SIMULATED:
            raise ConfigError(
                f"The store {path} belongs to a {found[0]} account; name another with --db for a simulated "
                "run."
            )
        for ending in ("", "-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
    except OSError as error:
        raise RunError(f"The store {path} cannot be removed ({error.strerror}); name another file.") from None
    finally:
        lock.release()


@contextlib.contextmanager
def said_reading(path: Path) -> Iterator[None]:
    """Turns SQLite's errors into one sentence each, for read-only connections."""
    try:
        yield
    except sqlite3.Error as error:
        raise InputError(_sentence(path, "reading it", error)) from error


def _refuse_strangers(path: Path) -> None:
    """Refuses an existing file that is not an SQLite database, which was named by mistake."""
    try:
        for ending in SIDE_FILES:
            refuse_special(path.with_name(path.name + ending))
        head = read_regular(path, len(SQLITE_HEADER))
    except FileNotFoundError:
        return
    except NotRegular as error:
        named = printable(str(error.filename))
        raise InputError(
            f"{named} cannot be a store: {error.strerror}; name the store's file with --db or DB_PATH."
        ) from None
    except OSError as error:
        raise InputError(f"The store {path} cannot be read ({error.strerror}); check it.") from None
    if head not in (b"", SQLITE_HEADER):
        raise InputError(f"{path} is not a store of arbcore; name another file with --db or DB_PATH.")


def _look_first(path: Path) -> None:
    """Refuses a file that is not a store, without changing it; whether a store is whole is checked later."""
    _refuse_strangers(path)
    if path.exists() and path.stat().st_size:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S)) as connection,
        ):
            _version_of(connection, path)


def _create_private(path: Path) -> None:
    try:
        os.close(open_regular(path, os.O_RDWR | os.O_CREAT, owner_only=True))
    except OSError as error:
        raise RunError(
            f"The store {path} cannot be written ({error.strerror}); name another file with --db or DB_PATH."
        ) from None


def _version_of(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version; 0 for a new file. Refuses databases of other programs and newer stores."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application == 0 and version == 0 and tables == 0:
        return 0
    if application != APPLICATION_ID:
        raise InputError(f"{path} is a database of another program; name another file with --db or DB_PATH.")
    if version > VERSION:
        maker = connection.execute("SELECT value FROM meta WHERE key = 'made_by'").fetchone()
        by = printable(maker[0]) if maker else "unknown maker"
        raise InputError(
            f"{path} is a store of version {version} ({by}) and this arbcore supports {VERSION}; upgrade "
            "arbcore or name another file."
        )
    return version


def _migrate(connection: sqlite3.Connection, path: Path, now_text: str) -> None:
    """Updates the store to this version, all steps or none."""
    version = _version_of(connection, path)
    if version == VERSION:
        return
    with transaction(connection):
        for step in MIGRATIONS[version:]:
            for statement in step:
                connection.execute(statement)
        if version == 0:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            put_meta(connection, {"format": FORMAT, "created_ts": now_text})
        put_meta(connection, {"made_by": f"arbcore {__version__}"})
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _own(connection: sqlite3.Connection, path: Path, ours: dict[str, str]) -> None:
    """Stores the first bot's account, mode and pair, and refuses a bot with others."""
    known = dict(
        connection.execute("SELECT key, value FROM meta WHERE key IN ('account', 'mode', 'pair')").fetchall()
    )
    # A copy on which a bot starts becomes a store of its own.
    connection.execute("DELETE FROM meta WHERE key = 'copy_ts'")
    theirs = {**ours, **known}
    if (theirs["account"], theirs["mode"]) != (ours["account"], ours["mode"]):
        raise ConfigError(
            f"The store {path} belongs to the {theirs['mode']} account {theirs['account']} and this is "
            f"the {ours['mode']} account {printable(ours['account'])}; name another store with --db or "
            "DB_PATH."
        )
    if theirs["pair"] != ours["pair"]:
        raise ConfigError(
            f"The store {path} belongs to the pair {printable(theirs['pair'])} and this bot trades "
            f"{ours['pair']}; name another store with --db or DB_PATH, one for each pair."
        )
    if known != ours:
        with transaction(connection):
            put_meta(connection, ours)


def put_meta(connection: sqlite3.Connection, values: dict[str, str]) -> None:
    """Writes facts about the file, within the caller's transaction."""
    connection.executemany(
        "INSERT INTO meta (key, value) VALUES (?, ?) "
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        list(values.items()),
    )


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction: all of it or nothing, durable at the end of the block."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A failed COMMIT may or may not have left the transaction open.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
