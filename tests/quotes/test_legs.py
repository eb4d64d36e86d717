"""The rows of one instrument and their join at the ends of what they may be: times, records, streams."""

from array import array
from collections.abc import Callable
from pathlib import Path

import pytest
from leg_files import SECOND, TEN, iso

import arbcore.quotes
from arbcore.errors import BrokenInvariant, DataError
from arbcore.quotes._csv_leg import RECORD_BYTES_MAX, CsvLeg
from arbcore.quotes._join import Joiner
from arbcore.quotes._legs import ColumnsLeg, LegSource

LATEST_NS = 2**63 - 1
EARLIEST_NS = -LATEST_NS
PLACES = {"time": 0, "bid": 1, "ask": 2}


def pieces(data: bytes, size: int) -> Callable[[memoryview], int]:
    """A stream that gives at most so many bytes at a time."""
    places = iter(range(0, len(data), size))

    def read(room: memoryview) -> int:
        at = next(places, len(data))
        piece = data[at : at + size]
        room[: len(piece)] = piece
        return len(piece)

    return read


def leg_of(data: bytes, *, size: int = 100_000, places: dict[str, int] = PLACES, shift_ns: int = 0) -> CsvLeg:
    return CsvLeg(
        pieces(data, size), "leg.csv", head=b"", places=places, delimiter=",", line=1, shift_ns=shift_ns
    )


def columns_of(*times: int) -> LegSource:
    count = len(times)
    return ColumnsLeg(
        [(array("q", times), array("d", [1.0] * count), array("d", [2.0] * count), None, None)], "columns"
    )


@pytest.mark.parametrize("rows", [1, 10])
def test_bytes_that_are_no_date_are_not_the_date_that_reading_begins_with(rows: int) -> None:
    with pytest.raises(DataError) as caught:
        leg_of((b"\0" * 10 + b"T10:00:00Z,1.5,2\n") * rows).take()
    assert (caught.value.kind, caught.value.line) == ("not_a_time", 1)


@pytest.mark.parametrize("size", [64 * 1024, 262_143, 262_144])
@pytest.mark.parametrize("more", [-1, 0, 1])
@pytest.mark.parametrize("mark", [b"", b'"'])
def test_the_longest_record_is_the_same_however_the_stream_is_cut(size: int, more: int, mark: bytes) -> None:
    begun = iso(TEN).encode() + b",1,2," + mark
    record = begun + b"x" * (RECORD_BYTES_MAX + more - len(begun) - len(mark) - 1) + mark + b"\n"
    plain = iso(TEN).encode() + b",1,2\n"
    leg = leg_of(plain + record + plain, size=size)
    if more > 0:
        assert len(leg.take(1)) == 1
        with pytest.raises(DataError) as caught:
            leg.take()
        assert (caught.value.kind, caught.value.line) == ("too_long", 2)
    else:
        assert [row[:3] for row in leg.take()] == [(TEN, 1.0, 2.0)] * 3


@pytest.mark.parametrize("header", ["ts,bid,ask", "date,time,bid,ask"])
def test_a_bar_that_ends_after_all_times_is_an_error(header: str) -> None:
    time = iso_of_latest()
    joined = "," in time or header.startswith("date")
    text = f"{time.replace('T', ',') if joined else time},1,2\n".encode()
    places = {"time": 0, "clock": 1, "bid": 2, "ask": 3} if joined else PLACES
    assert leg_of(text, places=places).take()[0][0] == LATEST_NS
    with pytest.raises(DataError) as caught:
        leg_of(text, places=places, shift_ns=1).take()
    assert (caught.value.kind, caught.value.line) == ("not_a_time", 1)


def iso_of_latest() -> str:
    return "2262-04-11T23:47:16.854775807Z"


def test_columns_of_bars_that_end_after_all_times_are_an_error() -> None:
    prices = {"open": [1.0, 1.0], "high": [2.0, 2.0], "low": [1.0, 1.0], "close": [2.0, 2.0]}
    bars = {"date": [LATEST_NS - 60 * SECOND, LATEST_NS - 1], **prices}
    with pytest.raises(DataError, match="ends after all times that are read"):
        arbcore.quotes.join(bars, bars, every="1m")


def test_steps_between_times_far_apart_are_counted() -> None:
    steps: dict[int, int] = {}
    leg_of(b"1678-01-01T00:00:00Z,1,2\n2261-12-31T00:00:00Z,1,2\n").survey({}, steps)
    assert steps == {(2_261 - 1_678) * 365 * 86_400 * SECOND + 505 * 86_400 * SECOND: 1}


def test_a_leg_has_a_time_a_bid_and_an_ask() -> None:
    for missing in PLACES:
        places = {role: at for role, at in PLACES.items() if role != missing}
        with pytest.raises(BrokenInvariant, match="a time, a bid and an ask"):
            leg_of(b"", places=places)


@pytest.mark.parametrize("count", [-1, 300_000])
def test_a_stream_that_counts_wrongly_is_refused(count: int) -> None:
    leg = CsvLeg(lambda room: count, "leg.csv", head=b"", places=PLACES, delimiter=",", line=1)
    with pytest.raises(BrokenInvariant, match="bytes into"):
        leg.take()


@pytest.mark.parametrize("data", [b"", b"\n", b"\r\n\r\n", b'"', b'"\n', b",", b"\0", b" "])
@pytest.mark.parametrize("size", [1, 100])
def test_next_to_nothing_is_no_row(data: bytes, size: int) -> None:
    leg = CsvLeg(pieces(data, size), "leg.csv", head=b"", places=PLACES, delimiter=",", line=1, skip_bad=True)
    assert leg.take() == []


def test_ticks_end_where_time_does() -> None:
    # The last tick of a second is 854,775,807 ns before the end; one more would be beyond it.
    times = (LATEST_NS - 5 * SECOND, LATEST_NS - 4)
    joiner = Joiner(columns_of(*times), columns_of(*times), max_age_ns=10 * SECOND, every_ns=SECOND)
    ticks = list(joiner.columns()[0])
    last = LATEST_NS - 854_775_807
    assert ticks == [last - 4 * SECOND, last - 3 * SECOND, last - 2 * SECOND, last - SECOND, last]
    assert list(joiner.columns()[0]) == []


def test_a_quote_from_the_other_end_of_time_is_stale() -> None:
    first_ns = EARLIEST_NS + 5
    joiner = Joiner(columns_of(first_ns, LATEST_NS - 4), columns_of(first_ns), max_age_ns=SECOND)
    assert list(joiner.columns()[0]) == [first_ns]
    assert list(joiner.columns()[0]) == []
    assert joiner.skipped["stale"] == 1


def test_files_of_several_blocks_and_none_join(tmp_path: Path) -> None:
    # A block of the join has 8,192 rows, one of a leg 4,096, and the last of them may be exactly full.
    for count in (1, 4_095, 4_096, 4_097, 8_192, 8_193):
        times = [TEN + at * SECOND for at in range(count)]
        joiner = Joiner(columns_of(*times), columns_of(*times), max_age_ns=SECOND)
        found = []
        while part := list(joiner.columns()[0]):
            found += part
        assert found == times
    assert list(Joiner(columns_of(), columns_of(TEN), max_age_ns=1).columns()[0]) == []
    assert Joiner(columns_of(), columns_of(), max_age_ns=1, every_ns=1).text() == b""
