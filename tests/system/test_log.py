"""The log: it rotates, is private, has one line a record, and says one sentence where the disk refuses."""

import errno
import logging
import os
import stat
from pathlib import Path

import pytest

from arbcore.system.safe_log import LogFile, SafeFormatter, loggers_restored

FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"
#: What a broker may say to steer a terminal or to forge a line.
FOREIGN = "x\x1b[31m\r\n2026-01-01 ERROR arbcore: forged\u202e\u2028\x00\x9b\udc80"


def log(path: Path, said: list[str] | None = None, **changes: int) -> LogFile:
    handler = LogFile(path, said=(said if said is not None else []).append, **changes)
    handler.setFormatter(SafeFormatter(FORM))
    return handler


def record(message: object, *values: object, **changes: object) -> logging.LogRecord:
    made = logging.LogRecord("ib_insync.wrapper", logging.ERROR, "f.py", 1, message, values, None)
    made.__dict__.update(changes)
    return made


class Unspeakable:
    def __str__(self) -> str:
        raise KeyError("no text")

    __repr__ = object.__repr__


@pytest.mark.parametrize(
    "made",
    [
        record(FOREIGN), record("error %s", FOREIGN), record("%r", FOREIGN), record(FOREIGN, name=FOREIGN),
        record("%d and %d", 1), record(Unspeakable()), record("%s", Unspeakable()), record({FOREIGN: 1}),
        record(FOREIGN * 10_000),
    ],
)  # fmt: skip
def test_any_record_is_one_printable_line(made: logging.LogRecord, tmp_path: Path) -> None:
    handler = log(tmp_path / "log")
    handler.handle(made)
    handler.close()
    text = (tmp_path / "log").read_text(encoding="utf-8")
    assert text.endswith("\n")
    assert text.count("\n") == 1
    assert text[:-1].isprintable()
    assert "ERROR ib_insync.wrapper" in text or made.name == FOREIGN


def test_a_traceback_is_indented_so_that_nothing_in_it_is_a_record(tmp_path: Path) -> None:
    try:
        raise ValueError(FOREIGN)
    except ValueError as error:
        made = record("the library failed", exc_info=(type(error), error, error.__traceback__))
    handler = log(tmp_path / "log")
    handler.handle(made)
    handler.handle(record("next", exc_text=FOREIGN, stack_info=FOREIGN))
    handler.close()
    lines = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("    ")] == [
        line for line in lines if "ib_insync.wrapper" in line
    ]
    assert len([line for line in lines if not line.startswith("    ")]) == 2
    assert any("Traceback" in line for line in lines)
    assert all(line.isprintable() for line in lines)


@pytest.mark.skipif(os.name != "posix", reason="modes as Unix has them")
def test_it_rotates_and_each_file_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "log"
    handler = log(path, bytes_max=2_000, files=3)
    for number in range(200):
        handler.handle(record("number %d of many", number))
    handler.close()
    files = sorted(path.parent.iterdir())
    assert [each.name for each in files] == ["log", "log.1", "log.2", "log.3"]
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}
    assert all(each.stat().st_size <= 2_000 for each in files)
    texts = [each.read_text() for each in reversed(files)]
    numbers = [int(line.split("number ")[1].split()[0]) for line in "".join(texts).splitlines()]
    assert numbers == list(range(numbers[0], 200))


def test_a_log_that_another_program_cut_goes_on(tmp_path: Path) -> None:
    handler = log(tmp_path / "log", bytes_max=300)
    handler.handle(record("a" * 150))
    os.truncate(tmp_path / "log", 0)
    handler.handle(record("b" * 150))
    handler.close()
    assert not (tmp_path / "log.1").exists()
    assert "b" * 150 in (tmp_path / "log").read_text()


def test_a_full_disk_is_one_sentence_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    handler = log(tmp_path / "log", said)
    with monkeypatch.context() as full:

        def refuse(*_: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        full.setattr(os, "write", refuse)
        for _ in range(5):
            handler.handle(record("lost"))
    assert len(said) == 1
    assert "cannot be written (No space left on device); the run goes on without it" in said[0]
    handler.handle(record("kept"))
    handler.close()
    assert "kept" in (tmp_path / "log").read_text()
    assert len(said) == 1


@pytest.mark.parametrize("planted", ["log.1", "log.3"])
def test_what_stands_where_an_older_file_goes_is_no_traceback(planted: str, tmp_path: Path) -> None:
    (tmp_path / planted).mkdir()
    (tmp_path / planted / "full").touch()
    said: list[str] = []
    handler = log(tmp_path / "log", said, bytes_max=300, files=3)
    for number in range(9):
        handler.handle(record("number %d", number))
    handler.close()
    assert len(said) <= 1
    assert all("cannot be rotated" in text for text in said)
    assert "number 8" in (tmp_path / "log").read_text()


def test_loggers_are_given_back_as_they_were_also_after_an_error() -> None:
    names = ("", "arbcore.some", "another")
    loggers = [logging.getLogger(name) for name in names]
    before = [(each.level, each.propagate, list(each.handlers)) for each in loggers]

    def change_and_fail() -> None:
        with loggers_restored(*names):
            for each in loggers:
                each.setLevel(logging.CRITICAL)
                each.propagate = False
                each.addHandler(logging.NullHandler())
            raise KeyError

    with pytest.raises(KeyError):
        change_and_fail()
    assert [(each.level, each.propagate, list(each.handlers)) for each in loggers] == before
