"""Recording quotes: what was seen can be backtested."""

import os
import stat
from pathlib import Path

import pytest

import arbcore
from arbcore.carry.pairs import DEFAULT_PAIR, pair_named
from arbcore.errors import RunError, UsageError
from arbcore.quotes.recorder import QuoteRecorder, header_of

NOW_NS = 1_795_190_400_000_000_000
#: 2026-12-18 and 2027-03-19, 09:30 New York.
DECEMBER_NS, MARCH_NS = 1_797_604_200_000_000_000, 1_805_463_000_000_000_000


def record(path: Path, *prices: tuple[float, float]) -> None:
    recorder = QuoteRecorder(path, DEFAULT_PAIR)
    for step, (es, spy) in enumerate(prices):
        recorder.note(
            NOW_NS + step * 10**9, fut=(es, es + 0.25), etf=(spy, spy + 0.01), expiry_ns=DECEMBER_NS
        )
    recorder.close(NOW_NS)


def test_what_is_recorded_can_be_backtested(tmp_path: Path) -> None:
    path = tmp_path / "quotes.csv"
    record(path, (6800.0, 680.0), (6800.25, 680.0), (6800.5, 680.05))
    summary = arbcore.backtest(path, expiry="2026-12-18").summary
    assert (summary["rows"], summary["rows_used"]) == (3, 3)
    assert summary["first_ts"] == "2026-11-20T16:00:00Z"


def test_a_recording_says_whose_the_futures_quotes_are(tmp_path: Path) -> None:
    """Of the second contract out of the front, say: the file's own expiry wins over the calendar's."""
    path = tmp_path / "quotes.csv"
    recorder = QuoteRecorder(path, DEFAULT_PAIR)
    touches = {"fut": (6860.0, 6860.25), "etf": (680.0, 680.01)}
    recorder.note(NOW_NS, **touches, expiry_ns=DECEMBER_NS)
    # The same prices of another contract are another row.
    recorder.note(NOW_NS + 10**9, **touches, expiry_ns=MARCH_NS)
    recorder.note(NOW_NS + 2 * 10**9, **touches, expiry_ns=MARCH_NS)
    recorder.close(NOW_NS + 3 * 10**9)
    expiries = [line.rpartition(",")[2] for line in path.read_text().splitlines()[1:]]
    assert expiries == ["2026-12-18T14:30:00Z", "2027-03-19T13:30:00Z"]
    assert arbcore.backtest(path).summary["expiries"] == expiries


def test_a_second_run_appends(tmp_path: Path) -> None:
    path = tmp_path / "quotes.csv"
    record(path, (6800.0, 680.0))
    record(path, (6801.0, 680.1))
    lines = path.read_text().splitlines()
    assert lines[0] == header_of(DEFAULT_PAIR).strip() == "ts,es_bid,es_ask,spy_bid,spy_ask,expiry"
    assert [line.split(",")[1] for line in lines[1:]] == ["6800.0", "6801.0"]


def test_unchanged_and_incomplete_pairs_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "quotes.csv"
    recorder = QuoteRecorder(path, DEFAULT_PAIR)
    for es in ((0.0, 6800.25), (6800.0, 6800.25), (6800.0, 6800.25)):
        recorder.note(NOW_NS, fut=es, etf=(680.0, 680.01), expiry_ns=DECEMBER_NS)
    recorder.close(NOW_NS)
    assert len(path.read_text().splitlines()) == 2


def test_a_file_that_is_no_recording_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes\n")
    with pytest.raises(UsageError, match="is not a recording of es-spy; name another file with --record"):
        QuoteRecorder(path, DEFAULT_PAIR)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="is not a recording of es-spy; name another file with --record"):
        QuoteRecorder(path, DEFAULT_PAIR)
    assert path.read_bytes() == b"\xff\xfe\x00"


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"there is no folder .*nowhere\); name another file"):
        QuoteRecorder(tmp_path / "nowhere" / "quotes.csv", DEFAULT_PAIR)
    with pytest.raises(RunError, match="it is a folder"):
        QuoteRecorder(tmp_path, DEFAULT_PAIR)


@pytest.mark.skipif(os.name != "posix", reason="modes as Unix has them")
def test_a_recording_is_private(tmp_path: Path) -> None:
    path = tmp_path / "quotes.csv"
    record(path, (6800.0, 680.0))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


SPY_TOUCH = (680.0, 680.01)


def recorded(path: Path, *changes: tuple[int, float, float]) -> list[list[str]]:
    """Rows of (milliseconds, bid, ask) of ES, and what came of them."""
    recorder = QuoteRecorder(path, DEFAULT_PAIR)
    for after_ms, bid, ask in changes:
        recorder.note(NOW_NS + after_ms * 1_000_000, fut=(bid, ask), etf=SPY_TOUCH, expiry_ns=DECEMBER_NS)
    recorder.close(NOW_NS + 10**10)
    return [line.split(",")[1:3] for line in path.read_text().splitlines()[1:]]


def test_a_bid_that_comes_before_its_ask_is_no_row(tmp_path: Path) -> None:
    rows = recorded(tmp_path / "q.csv", (0, 6800.0, 6800.25), (100, 6800.75, 6800.25), (101, 6800.75, 6801.0))
    assert rows == [["6800.0", "6800.25"], ["6800.75", "6801.0"]]


def test_a_crossed_market_that_lasts_is_recorded_in_its_place(tmp_path: Path) -> None:
    rows = recorded(tmp_path / "q.csv", (0, 6800.75, 6800.25), (400, 6800.0, 6800.25), (500, 6801.0, 6800.0))
    assert rows == [["6800.75", "6800.25"], ["6800.0", "6800.25"], ["6801.0", "6800.0"]]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_one_sentence() -> None:
    recorder = QuoteRecorder.__new__(QuoteRecorder)
    recorder.path = Path("/dev/full")
    recorder._descriptor = os.open("/dev/full", os.O_WRONLY)
    recorder._waiting, recorder._last, recorder._crossed = [], (), None
    recorder.note(NOW_NS, fut=(6800.0, 6800.25), etf=(680.0, 680.01), expiry_ns=DECEMBER_NS)
    with pytest.raises(RunError, match="No space left on device"):
        recorder.close(NOW_NS)


def test_a_recording_says_its_pair_and_takes_no_other_pairs_quotes(tmp_path: Path) -> None:
    path, pair = tmp_path / "quotes.csv", pair_named("mnq-qqq")
    recorder = QuoteRecorder(path, pair)
    recorder.note(NOW_NS, fut=(25_000.0, 25_000.25), etf=(610.0, 610.01), expiry_ns=DECEMBER_NS)
    recorder.close(NOW_NS)
    assert path.read_text().splitlines()[0] == "ts,mnq_bid,mnq_ask,qqq_bid,qqq_ask,expiry"
    with pytest.raises(UsageError, match="is not a recording of nq-qqq"):
        QuoteRecorder(path, pair_named("nq-qqq"))
