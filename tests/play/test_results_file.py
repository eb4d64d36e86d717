"""The results of rounds as a CSV file: a row a team and round, never over an existing file."""

import csv
import errno
import os
from pathlib import Path

import pytest

from arbcore.errors import RunError, UsageError
from arbcore.play.results_file import COLUMNS, ResultsFile
from arbcore.wire.instruments import SYMBOLS

CONSTANTS = {"seed": 7, "mode": "empty", "regime": "normal"}


def event(number, **teams):
    scores = {
        name.replace("_", ","): {
            "fair_pnl": pnl, "cash": pnl - 1, "positions": dict.fromkeys(SYMBOLS, 2), "fees": 1, "fills": 3,
            "volume": 4, "conversions": 5, "rejects": 6, "stopped": False,
        }
        for name, pnl in teams.items()
    }  # fmt: skip
    return {"round": number, "complete": True, "scores": scores}


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_a_team_and_round(tmp_path):
    path = tmp_path / "evening.csv"
    results = ResultsFile(path, CONSTANTS, clock=lambda: 1_773_100_800.9)
    assert rows(path) == []
    assert results.add(event(1, A_B=10, C=-3)) is None
    assert results.add(event(2)) is None
    assert results.add({**event(3, C=4), "complete": False}) is None
    found = rows(path)
    results.close()
    assert tuple(found[0]) == COLUMNS
    assert [(row["round"], row["team"], row["fair_pnl"], row["complete"]) for row in found] == [
        ("1", "A,B", "10", "1"), ("1", "C", "-3", "1"), ("3", "C", "4", "0"),
    ]  # fmt: skip
    assert {(row["seed"], row["regime"], row["VALE"], row["ended"]) for row in found} == {
        ("7", "normal", "2", "2026-03-10T00:00:00Z")
    }


def test_an_existing_file_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "evening.csv"
    path.write_text("precious\n")
    with pytest.raises(UsageError, match="exists and results are never overwritten"):
        ResultsFile(path, CONSTANTS)
    assert path.read_text() == "precious\n"


def test_a_link_to_nowhere_is_not_followed(tmp_path):
    link = tmp_path / "evening.csv"
    link.symlink_to(tmp_path / "target.csv")
    with pytest.raises(UsageError):
        ResultsFile(link, CONSTANTS)
    assert not (tmp_path / "target.csv").exists()


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(RunError, match="cannot be written"):
        ResultsFile(tmp_path / "none" / "evening.csv", CONSTANTS)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_at_the_start_is_one_sentence():
    with pytest.raises(RunError, match="No space left on device"):
        ResultsFile(Path("/dev/full"), CONSTANTS)


@pytest.mark.parametrize("written", [0, 5])
def test_rows_that_a_full_disk_refused_come_with_the_next_round(tmp_path, monkeypatch, written):
    path = tmp_path / "evening.csv"
    results = ResultsFile(path, CONSTANTS)
    write = os.write
    calls = []

    def full(descriptor, data):
        calls.append(1)
        if written and len(calls) == 1:
            return write(descriptor, bytes(data[:written]))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    problem = results.add(event(1, A=1))
    assert problem is not None
    assert "tried again after the next round" in problem
    monkeypatch.setattr(os, "write", write)
    assert rows(path) == []
    assert results.add(event(2, A=2)) is None
    results.close()
    assert [(row["round"], row["fair_pnl"]) for row in rows(path)] == [("1", "1"), ("2", "2")]


def test_every_round_is_synchronised_to_the_disk(tmp_path, monkeypatch):
    synced = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(fsync(descriptor)))
    results = ResultsFile(tmp_path / "evening.csv", CONSTANTS)
    for number in range(1, 4):
        results.add(event(number, A=1))
    results.close()
    assert len(synced) == 4
