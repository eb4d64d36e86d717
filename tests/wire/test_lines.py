import itertools
import random
import tracemalloc

import pytest

from arbcore.errors import UsageError
from arbcore.wire._lines import LineSplitter

STREAM = b'{"type":"ack","order_id":1}\n\n{"a":2}\r\nplain\r\r\n' + b"x" * 100 + b"\n\r\ntail without newline"
LINES = [b'{"type":"ack","order_id":1}', b"", b'{"a":2}', b"plain\r", b"x" * 100, b""]


def split_in(slices: list[bytes], splitter: LineSplitter) -> list[bytes]:
    return [line for data in slices for line in splitter.split(data)]


def cut_at(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def test_a_whole_stream_gives_its_lines_and_keeps_the_tail():
    splitter = LineSplitter()
    assert splitter.split(STREAM) == LINES
    assert splitter.partial_bytes == len(b"tail without newline")


@pytest.mark.parametrize("cut", range(len(STREAM) + 1))
def test_one_cut_anywhere_changes_nothing(cut):
    assert split_in([STREAM[:cut], STREAM[cut:]], LineSplitter()) == LINES


def test_byte_by_byte_changes_nothing():
    assert split_in([STREAM[i : i + 1] for i in range(len(STREAM))], LineSplitter()) == LINES


@pytest.mark.parametrize("seed", range(20))
def test_random_slices_change_nothing_with_long_lines_among_them(seed):
    rng = random.Random(seed)
    stream = b"".join(rng.choice((b"a", b"\r", b"\n", b"bc" * rng.randrange(8))) for _ in range(400)) + b"\n"
    whole = LineSplitter(max_bytes=12)
    expected = whole.split(stream)
    sliced = LineSplitter(max_bytes=12)
    places = [rng.randrange(len(stream)) for _ in range(rng.randrange(200))]
    assert split_in(cut_at(stream, places), sliced) == expected, f"seed {seed}"
    assert sliced.oversized == whole.oversized > 0, f"seed {seed}"
    naive = [line for line in stream.split(b"\n")[:-1] if len(line) <= 12]
    assert expected == [line.removesuffix(b"\r") for line in naive], f"seed {seed}"


def test_a_line_of_exactly_the_bound_passes_and_one_byte_more_does_not():
    splitter = LineSplitter(max_bytes=8)
    assert splitter.split(b"12345678\n123456789\nok\n") == [b"12345678", b"ok"]
    assert splitter.oversized == 1


@pytest.mark.parametrize("length", [8, 9])
def test_the_bound_is_the_same_for_a_line_in_pieces(length):
    splitter = LineSplitter(max_bytes=8)
    line = b"x" * length
    got = split_in([bytes([byte]) for byte in line + b"\n"], splitter)
    assert got == ([line] if length == 8 else [])
    assert splitter.oversized == length - 8


def test_an_oversized_line_is_counted_once_however_many_slices_it_spans():
    splitter = LineSplitter(max_bytes=16)
    assert split_in([b"y" * 10] * 50, splitter) == []
    assert splitter.oversized == 1
    assert splitter.split(b"end\nnext\n") == [b"next"]
    assert splitter.oversized == 1


def test_a_line_of_100_mb_takes_no_more_memory_than_the_bound():
    splitter = LineSplitter()
    piece = b"z" * 1_000_000
    tracemalloc.start()
    try:
        for _ in range(100):
            assert splitter.split(piece) == []
            assert splitter.partial_bytes <= splitter.max_bytes
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
    assert splitter.split(b'\n{"type":"out","order_id":3}\n') == [b'{"type":"out","order_id":3}']
    assert splitter.oversized == 1


def test_a_new_connection_starts_at_the_beginning_of_a_line():
    splitter = LineSplitter(max_bytes=8)
    splitter.split(b"half a")
    splitter.forget()
    assert splitter.split(b"line\n") == [b"line"]
    splitter.split(b"far too long to keep")
    splitter.forget()
    assert splitter.split(b"line\n") == [b"line"]


def test_any_bytes_like_is_taken():
    assert LineSplitter().split(bytearray(b"a\n")) == [b"a"]
    assert LineSplitter().split(memoryview(b"xa\nb\n")[1:]) == [b"a", b"b"]
    assert LineSplitter().split(b"") == []


def test_a_bound_below_one_byte_is_refused():
    with pytest.raises(UsageError, match="max_bytes is 0"):
        LineSplitter(max_bytes=0)
