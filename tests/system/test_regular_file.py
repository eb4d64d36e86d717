"""Every place that opens a file that somebody named × everything that may stand there instead of a file."""

import contextlib
import os
import re
import signal
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stores import opened

from arbcore.broker.fred import read_cache
from arbcore.broker.store_file import clear_simulated, open_to_read
from arbcore.carry.pairs import DEFAULT_PAIR
from arbcore.errors import ArbcoreError
from arbcore.play.journal_file import JournalReader, JournalWriter
from arbcore.quotes.recorder import QuoteRecorder
from arbcore.system.configuration import read_dotenv
from arbcore.system.kill_switch import KillSwitch
from arbcore.system.output_file import OutputFile
from arbcore.system.regular_file import NotRegular, open_regular, read_regular
from arbcore.system.safe_log import LogFile

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kinds of files as Unix has them")


def write_output(path: Path, *, private: bool = False) -> None:
    with OutputFile(path, private=private) as stream:
        stream.write("x\n")


def write_journal(path: Path) -> Path:
    """The file that is written: another one where a journal is there already."""
    writer = JournalWriter(path, {})
    writer.close()
    return writer.path


def write_recording(path: Path) -> None:
    QuoteRecorder(path, DEFAULT_PAIR).close(0)


def write_log(path: Path) -> None:
    LogFile(path, said=lambda _: None).close()


def run_store(path: Path) -> None:
    opened(path).close()


def beside_store(ending: str) -> Callable[[Path], None]:
    """A whole store whose side file is the path."""

    def run(path: Path) -> None:
        store = path.with_name("store")
        moved = path.with_name("moved")
        path.rename(moved)
        run_store(store)
        side = store.with_name(store.name + ending)
        side.unlink(missing_ok=True)
        moved.rename(side)
        run_store(store)

    return run


#: What opens a file by a name that a person or a setting gave it. Each raises one of our sentences.
PLACES: dict[str, Callable[[Path], object]] = {
    ".env": read_dotenv,
    "store of a bot": run_store,
    "store that is read": open_to_read,
    "store of a simulation": clear_simulated,
    "lock of a store": beside_store(".lock"),
    "write-ahead log of a store": beside_store("-wal"),
    "index of a store": beside_store("-shm"),
    "journal": write_journal,
    "journal that is read": JournalReader,
    "recording": write_recording,
    "log": write_log,
}
KINDS = ("pipe", "device", "socket", "folder", "link to a pipe", "link to a device", "link to a folder")


def put(kind: str, path: Path) -> None:
    """Makes something of a kind at a path."""
    if kind.startswith("link to a "):
        put(kind.removeprefix("link to a "), path.with_name("leads-here"))
        path.symlink_to(path.with_name("leads-here"))
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        with socket.socket(socket.AF_UNIX) as made, contextlib.chdir(path.parent):
            made.bind(path.name)


@pytest.fixture(autouse=True)
def impatient() -> Iterator[None]:
    """Nothing here waits: an open that blocks is interrupted, which is a failure."""

    def too_long(*_: object) -> None:
        raise TimeoutError("it waits for ever")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, 10.0)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0.0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="contextlib.chdir")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_file_is_one_sentence_at_once(place: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "named"
    put(kind, path)
    mode = stat.S_IMODE(path.stat().st_mode)
    with pytest.raises(ArbcoreError) as caught:
        PLACES[place](path)
    assert re.search(r"\b(pipe|device|socket|folder|directory)\b", str(caught.value).lower())
    assert str(caught.value).count("\n") == 0
    if not place.endswith("of a store"):
        assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "link to a pipe"])
def test_a_kill_switch_of_any_kind_is_on_at_once(kind: str, tmp_path: Path) -> None:
    put(kind, tmp_path / "KILL_SWITCH")
    reason = KillSwitch(tmp_path, {}).reason()
    assert reason == f"the file {tmp_path / 'KILL_SWITCH'} exists"


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "link to a pipe"])
def test_settings_that_are_no_file_are_as_good_as_a_kill_switch(kind: str, tmp_path: Path) -> None:
    put(kind, tmp_path / ".env")
    reason = KillSwitch(tmp_path, {}).reason()
    assert reason is not None
    assert "cannot be read" in reason


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "link to a pipe"])
def test_a_cache_that_is_no_file_is_ignored(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(kind, tmp_path / "cache")
    assert read_cache(tmp_path / "cache", "DTB3") is None
    assert "is not readable and is ignored" in caplog.text


@pytest.mark.parametrize(
    ("kind", "why"), [("pipe", "it is a pipe that nobody reads"), ("folder", "Is a directory"),
                      ("socket", "it is a socket, not a file"),
                      ("link to a pipe", "it is a pipe that nobody reads")],
)  # fmt: skip
@pytest.mark.parametrize("private", [False, True])
def test_an_output_never_waits_for_a_reader(kind: str, why: str, private: bool, tmp_path: Path) -> None:
    put(kind, tmp_path / "out")
    with pytest.raises(ArbcoreError, match=re.escape(f"cannot be written ({why}); name another file.")):
        write_output(tmp_path / "out", private=private)


# --- what is planted, and who may read ----------------------------------------------------------------------


def test_a_link_planted_where_a_part_is_written_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    # The name of the first version, and whatever the part is called now.
    (tmp_path / f".out.{os.getpid()}.part").symlink_to(victim)
    with OutputFile(tmp_path / "out") as stream:
        (part,) = [each for each in tmp_path.glob(".out.*.part") if not each.is_symlink()]
        stream.write("new")
    assert (tmp_path / "out").read_text() == "new"
    assert not part.exists()
    assert victim.read_text() == "precious"


def test_a_part_is_made_new_whatever_is_planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    names = iter(["aa", "bb", "cc"])
    monkeypatch.setattr("arbcore.system.output_file._token", lambda: next(names))
    (tmp_path / ".out.aa.part").symlink_to(victim)
    (tmp_path / ".out.bb.part").symlink_to(tmp_path / "nowhere")
    write_output(tmp_path / "out")
    assert (tmp_path / "out").read_text() == "x\n"
    assert victim.read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("name", ["store.lock"])
def test_a_link_planted_as_a_lock_is_not_followed(name: str, tmp_path: Path) -> None:
    (tmp_path / name).symlink_to(tmp_path / "victim")
    with pytest.raises(ArbcoreError, match="cannot be opened"):
        run_store(tmp_path / "store")
    assert not (tmp_path / "victim").exists()


PRIVATE: dict[str, Callable[[Path], object]] = {
    "store": run_store, "journal": write_journal, "recording": write_recording, "log": write_log,
    "private output": lambda path: write_output(path, private=True),
}  # fmt: skip


@pytest.mark.parametrize("before", [None, 0o644, 0o666, 0o600])
@pytest.mark.parametrize("place", PRIVATE)
def test_what_names_an_account_is_its_owners_alone(place: str, before: int | None, tmp_path: Path) -> None:
    path = tmp_path / "named"
    if before is not None:
        path.touch()
        path.chmod(before)
    written = PRIVATE[place](path) or path
    assert isinstance(written, Path)
    assert stat.S_IMODE(written.stat().st_mode) == 0o600


@pytest.mark.parametrize("before", [0o644, 0o600, 0o640])
def test_an_output_that_is_replaced_keeps_its_mode(before: int, tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.touch()
    path.chmod(before)
    write_output(path)
    assert stat.S_IMODE(path.stat().st_mode) == before


def test_an_output_behind_a_link_stays_behind_it(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("old")
    (tmp_path / "out").symlink_to("there")
    write_output(tmp_path / "out")
    assert (tmp_path / "out").is_symlink()
    assert (tmp_path / "there").read_text() == "x\n"


# --- full -------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the device that is always full")
def test_an_output_on_a_full_disk_names_it() -> None:
    with pytest.raises(ArbcoreError, match=r"/dev/full cannot be written \(No space left on device\)"):
        write_output(Path("/dev/full"))


def limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no file takes another byte."""

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)


def test_a_kill_switch_on_a_full_disk_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    switch = KillSwitch(tmp_path, {})
    limited(monkeypatch)
    trouble = switch.trip("a loss")
    assert trouble is None
    assert (tmp_path / "KILL_SWITCH").exists()
    assert switch.reason() == "a loss"


# --- the opener itself ------------------------------------------------------------------------------------


def test_an_ordinary_file_is_opened_read_and_made(tmp_path: Path) -> None:
    path = tmp_path / "f"
    os.close(open_regular(path, os.O_WRONLY | os.O_CREAT))
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    path.write_bytes(b"abcdef")
    assert (read_regular(path, 4), read_regular(path, 6), read_regular(path, 7)) == (
        b"abcd", b"abcdef", b"abcdef",
    )  # fmt: skip
    (tmp_path / "link").symlink_to(path)
    assert read_regular(tmp_path / "link", 3) == b"abc"


def test_a_file_that_becomes_a_pipe_after_the_look_is_refused_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "f")
    monkeypatch.setattr("arbcore.system.regular_file.refuse_special", lambda _: None)
    with pytest.raises(NotRegular, match="pipe"):
        open_regular(tmp_path / "f", os.O_RDONLY)


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="a user whom the system refuses something")
@pytest.mark.parametrize("place", PLACES)
def test_what_may_not_be_read_is_one_sentence(place: str, tmp_path: Path) -> None:
    path = tmp_path / "named"
    path.touch(mode=0o000)
    with pytest.raises(ArbcoreError, match=r"Permission denied|may not|cannot"):
        PLACES[place](path)
