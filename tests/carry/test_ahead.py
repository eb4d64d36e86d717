"""Reading ahead in a thread: the rows, the results and the errors of one thread, and nothing left running."""

import gzip
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from quotes import csv_of, random_rows

import arbcore
from arbcore.carry import ahead, calendar
from arbcore.carry._csv import CsvReader
from arbcore.errors import ConfigError, DataError, InputError

EAGER: dict[str, Any] = {"entry_bps": 4, "exit_bps": 0, "cost_bps": 1, "factor": 10.02}


def pieces_of(data: bytes) -> tuple[Iterator[int], CsvReader]:
    """A source that gives 50,000 bytes at a time."""
    reader = CsvReader("quotes.csv", expiry_of=calendar.read_expiry)

    def chunks() -> Iterator[int]:
        for start in [*range(0, len(data), 50_000), len(data)]:
            piece = data[start : start + 50_000]
            reader.room()[: len(piece)] = piece
            reader.filled(len(piece))
            yield start

    return chunks(), reader


@pytest.fixture(autouse=True)
def nothing_is_left_running() -> Iterator[None]:
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name == "arbcore-reader"] == []


def test_rows_arrive_whole_and_in_order() -> None:
    rows = random_rows(3, 60_000, step_s=1.0)
    pieces = ahead.rows_ahead(*pieces_of(csv_of(rows)))
    found = [piece.ts_ns(at) for piece, _ in pieces for at in range(piece.count)]
    assert found == [row.ts_ns for row in rows]


def test_an_error_comes_after_the_rows_before_it() -> None:
    data = csv_of(random_rows(4, 40_000, step_s=1.0)) + b"soon,1,2,1,2\n"
    seen = 0

    def read() -> None:
        nonlocal seen
        for piece, _ in ahead.rows_ahead(*pieces_of(data)):
            seen += piece.count

    with pytest.raises(DataError, match="line 40002, column ts"):
        read()
    assert seen > 30_000


def test_whoever_stops_early_stops_the_reader() -> None:
    pieces = ahead.rows_ahead(*pieces_of(csv_of(random_rows(5, 60_000, step_s=1.0))))
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_two_threads_give_what_one_gives(
    packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = csv_of(random_rows(6, 30_000, step_s=1.0))
    path = tmp_path / "quotes.csv"
    path.write_bytes(gzip.compress(data, 1) if packed else data)
    monkeypatch.setattr("arbcore.carry.reading.AHEAD_AFTER_BYTES", 300_000)
    one = arbcore.backtest(path, threads=1, **EAGER)
    two = arbcore.backtest(path, threads=2, **EAGER)
    assert one.summary == two.summary
    assert dict(one.trades or {}) == dict(two.trades or {})
    assert dict(one.equity or {}) == dict(two.equity or {})
    assert one.summary["trades"] > 3


def test_a_cut_file_is_said_by_two_threads_as_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "quotes.csv.gz"
    path.write_bytes(gzip.compress(csv_of(random_rows(7, 30_000)), 1)[:-200])
    monkeypatch.setattr("arbcore.carry.reading.AHEAD_AFTER_BYTES", 300_000)
    for threads in (1, 2):
        with pytest.raises(InputError, match="cut short"):
            arbcore.backtest(path, threads=threads, **EAGER)


def test_other_numbers_of_threads_are_refused() -> None:
    for wanted in (0, 3, True):
        with pytest.raises(ConfigError, match="it may be 1 or 2"):
            arbcore.backtest("none.csv", threads=wanted)
