"""Two threads that share a file: the rows, the results and the errors of one, and nothing left running."""

import gzip
import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from quotes import csv_of, random_rows

import arbcore
from arbcore.carry import ahead, calendar
from arbcore.carry._csv import CsvReader
from arbcore.carry._sweep_rows import SweepRows
from arbcore.errors import ConfigError, DataError, InputError

EAGER: dict[str, Any] = {"entry_bps": 4, "exit_bps": 0, "cost_bps": 1, "factor": 10.02}


class Taker:
    """Takes pieces of rows, and notes the thread that each came in."""

    def __init__(self, *, fails_after: int = 10**9) -> None:
        self.times: list[int] = []
        self.threads: set[str] = set()
        self.fails_after = fails_after

    def take(self, rows: SweepRows) -> None:
        if len(self.times) >= self.fails_after:
            raise ArithmeticError
        self.times += map(rows.ts_ns, range(rows.count))
        self.threads.add(threading.current_thread().name)


def both_read(data: bytes, taker: Taker, taken: Callable[[int], None] = lambda done: None) -> CsvReader:
    """A stream from its beginning to its end in two threads."""
    reader = CsvReader("quotes.csv", expiry_of=calendar.read_expiry)
    ahead.TwoReaders(io.BytesIO(data), reader, taker.take).run(0, taken)
    return reader


@pytest.fixture(autouse=True)
def nothing_is_left_running() -> Iterator[None]:
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name == "arbcore-reader"] == []


@pytest.fixture(autouse=True)
def short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "TURN_BYTES", 5_000)


def test_rows_arrive_whole_in_order_and_from_both_threads() -> None:
    rows = random_rows(3, 20_000, step_s=1.0)
    taker = Taker()
    reader = both_read(csv_of(rows), taker)
    assert taker.times == [row.ts_ns for row in rows]
    assert reader.rows == 20_000
    assert taker.threads == {"MainThread", "arbcore-reader"}


@pytest.mark.parametrize("turn_bytes", [1, 2, 57, 58, 59, 1000])
def test_turns_may_end_anywhere_in_a_row(turn_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "TURN_BYTES", turn_bytes)
    rows = random_rows(8, 40, step_s=1.0)
    taker = Taker()
    both_read(b"\xef\xbb\xbf" + csv_of(rows), taker)
    assert taker.times == [row.ts_ns for row in rows]


def test_whoever_asked_hears_of_the_bytes_in_its_own_thread() -> None:
    data = csv_of(random_rows(9, 5_000, step_s=1.0))
    heard: list[tuple[str, int]] = []
    both_read(data, Taker(), lambda done: heard.append((threading.current_thread().name, done)))
    assert {name for name, _ in heard} == {"MainThread"}
    assert heard[-1][1] == len(data)
    assert [done for _, done in heard] == sorted(done for _, done in heard)


def test_an_error_comes_after_the_rows_before_it() -> None:
    data = csv_of(random_rows(4, 20_000, step_s=1.0)) + b"soon,1,2,1,2\n"
    taker = Taker()
    with pytest.raises(DataError, match="line 20002, column ts"):
        both_read(data + data, taker)
    assert 19_000 < len(taker.times) <= 20_000


def test_a_failure_of_taking_comes_before_an_error_further_on() -> None:
    data = csv_of(random_rows(4, 2_000, step_s=1.0)) + b"soon,1,2,1,2\n"
    for fails_after in range(0, 1_800, 87):
        taker = Taker(fails_after=fails_after)
        with pytest.raises(ArithmeticError):
            both_read(data, taker)


def test_whoever_stops_early_stops_both() -> None:
    def stop(done: int) -> None:
        raise KeyboardInterrupt

    taker = Taker()
    with pytest.raises(KeyboardInterrupt):
        both_read(csv_of(random_rows(5, 20_000, step_s=1.0)), taker, stop)
    assert len(taker.times) < 1_000


def test_a_stream_without_a_header_is_refused() -> None:
    with pytest.raises(DataError, match="is empty"):
        both_read(b"", Taker())


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
