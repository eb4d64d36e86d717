"""The CSV reader against its twin, which is the csv module: equal rows, counts and errors for any bytes."""

import math
import random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from quotes import random_rows
from reference.quotes import parse_price, parse_ts

from arbcore.carry import calendar
from arbcore.core._cells import read_price, read_ts
from arbcore.core.civil import iso_time
from arbcore.errors import DataError
from arbcore.quotes._csv import RECORD_BYTES_MAX, CsvReader
from tools import fuzz_csv
from tools.fuzz_csv import GOOD, HEADER, Outcome, read_compiled, read_twin


def fault_of(data: bytes, **options: Any) -> tuple[Any, ...] | None:
    outcome = read_compiled(data, **options)
    assert outcome == read_twin(data, **options)
    return outcome[3]


@pytest.mark.parametrize(
    "text",
    [
        "1", "1.", ".5", "0012.50", "+6000.25", "1.6e3", "1E+3", "1e-7", "123456789.123456789",
        "9007199254740993",
        "0.1000000000000000055511151231257827", "1e999", "1e-999", "0", "-0", "-5", "0.0", "", "nan",
        "NaN", "+nan",
        "null", "NULL", "na", "N/A", "n/a", "inf", "-Infinity", "+INF", "infinit", "1_000", "0x10", "1e",
        "1e+",
        ".", "+", "e5", "1.2.3", "1 2", "--1", "１", "nul", "None", "1d", "9" * 30,
        "0." + "0" * 30 + "1", "9" * 400,
    ],
)  # fmt: skip
def test_prices_are_those_of_the_twin(text: str) -> None:
    mine, expected = read_price(text.encode()), parse_price(text)
    assert repr(mine) == repr(expected)


@given(st.floats(1e-9, 1e12), st.sampled_from(["{!r}", "{:.2f}", "{:.6f}", "{:e}", "{:.17g}"]))
def test_prices_are_the_nearest_double(value: float, spelling: str) -> None:
    text = spelling.format(value)
    expected = float(text)
    assert read_price(text.encode()) == expected or (expected == 0 and math.isnan(read_price(b"0") or 0.0))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01", 0),
        ("1970-01-01T00:00", 0),
        ("1969-12-31T23:59:59.999999999Z", -1),
        ("2026-03-02 14:30:00.5", 1_772_461_800_500_000_000),
        ("2026-03-02T14:30:00,25+01:30", 1_772_456_400_250_000_000),
        ("2026-03-02t09:30:00-0500", 1_772_461_800_000_000_000),
        ("2026-03-02 14:30:00 z", 1_772_461_800_000_000_000),
        ("2024-02-29T00:00:00+00", 1_709_164_800_000_000_000),
        ("99999999999", None),
        ("9223372036", 9_223_372_036_000_000_000),
        ("100000000000", None),
        ("1772461800000", 1_772_461_800_000_000_000),
        ("1772461800000000", 1_772_461_800_000_000_000),
        ("1772461800000000000", 1_772_461_800_000_000_000),
        ("-1", None),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("2262-04-11T23:47:16.854775807Z", 2**63 - 1),
        ("2262-04-11T23:47:16.854775808Z", None),
        ("1677-09-21T00:12:43.145224193Z", -(2**63) + 1),
        ("1677-09-21T00:12:43.145224192Z", None),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("0000-01-01", None),
        ("2025-02-29", None),
        ("2026-13-01", None),
        ("2026-03-02T24:00:00", None),
        ("2026-03-02T23:59:60", None),
        ("2026-03-02T14:30:00.", None),
        ("2026-03-02T14:30:00.1234567891", None),
        ("2026-03-02T14:30:00+24:00", None),
        ("2026-03-02T14", None),
        ("2026-3-2", None),
        ("1772461800.5", 1_772_461_800_500_000_000),
        ("", None),
        ("+", None),
        ("yesterday", None),
    ],
)
def test_times(text: str, expected: int | None) -> None:
    assert read_ts(text.encode()) == expected
    assert parse_ts(text) == expected


@given(st.text("0123456789-+:.,TtZz e", max_size=36))
@example("2026-03-02T14:30:00+")
def test_any_text_is_the_same_time_for_both(text: str) -> None:
    assert read_ts(text.encode()) == parse_ts(text)


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_times_are_read_as_they_are_written(ts_ns: int) -> None:
    assert read_ts(iso_time(ts_ns).encode()) == ts_ns


@pytest.mark.parametrize(
    "data",
    [
        HEADER + GOOD * 3,
        HEADER + GOOD[:-1],
        b"\xef\xbb\xbf" + HEADER + GOOD,
        (HEADER + GOOD * 2).replace(b"\n", b"\r\n"),
        (HEADER + GOOD * 2).replace(b"\n", b"\r"),
        b"\n \n" + HEADER + b"\n\t\n" + GOOD + b"\n\n",
        b"SPY_ASK, Es_Bid ,volume,ts,spy_bid,ES_ASK\n600.01,6000,7,1772461800,600,6000.25,more\n",
        b'"ts","es_bid","es_ask","spy_bid","spy_ask"\n"2026-03-02","6000"," 6000.25 ",600,"600.01"\n',
        HEADER + b'"2026-03-02T14:30:00Z",6000,6000.25,600,600.01\n' + GOOD,
        HEADER[:-1] + b",note\n" + GOOD[:-1] + b',"a\nb ""c"", d\r\ne"\n' + GOOD[:-1] + b",\n",
        HEADER[:-1]
        + b",expiry\n"
        + (GOOD[:-1] + b",2026-06-18\n") * 2
        + GOOD[:-1]
        + b",2026-09-18T13:30:00Z\n",
        HEADER[:-1] + b",factor\n" + GOOD[:-1] + b",10.02\n" + GOOD[:-1] + b",\n" + GOOD[:-1] + b",nan\n",
        HEADER[:-1] + b",index\n" + GOOD[:-1] + b",6002.5\n" + GOOD[:-1] + b",-1\n",
        HEADER[:-1] + b",index,factor\n" + GOOD[:-1] + b",,10\n",
        b"Date;Time;ES Bid;ESAsk;spy-bid;SPY_ASK\n" + b"03/02/2026;02:30:00 PM;6000;6000.25;600;600.01\n" * 2,
        b"time\tdate\tfut_bid\tfut_ask\tetf_bid\tetf_ask\n14:30\t20260302\t6000\t6000.25\t600\t600.01\n",
        HEADER + b"1772461800,,6000.25,600,600.01\n1772461800,6001,6000.25,600,600.01\n" + GOOD,
        HEADER + b"1772461800,6000.25,6000.25,600,600\n1772461800,inf,1,1,1\n1772461800,1,0,1,1\n",
    ],
)
@pytest.mark.parametrize("chunk", [1, 7, 100_000])
def test_every_legal_spelling_is_read_alike_however_it_is_cut(data: bytes, chunk: int) -> None:
    rows, count, skipped, fault = read_compiled(data, chunk=chunk)
    assert fault is None
    assert (rows, count, skipped, fault) == read_twin(data)
    assert count == len(rows) + sum(skipped.values()) > 0


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", ("empty", None, None)),
        (b"\n\n", ("empty", None, None)),
        (b"\x00\x01\x02\xff", ("missing_column", 1, "ts")),
        (b"ts,es_bid,es_ask,spy_bid\n", ("missing_column", 1, "spy_ask")),
        (b"\nts,es_bid,es_ask,spy_bid,spy_ask,TS\n", ("duplicate_column", 2, "ts")),
        (HEADER + b"2026-03-02,1,2\n", ("too_few", 2, "spy_bid")),
        (HEADER + b"soon,1,2,1,2\n", ("not_a_time", 2, "ts")),
        (HEADER + GOOD + b"1772461801,1,2,1,x\n", ("not_a_number", 3, "spy_ask")),
        (HEADER + GOOD + b"1772461801,1,2,1,2\t1\n", ("not_a_number", 3, "spy_ask")),
        (b"note," + HEADER + b"a," + GOOD + b"a,1772461801,1,2,1,2\t1\n", ("not_a_number", 3, "spy_ask")),
        (HEADER + GOOD + b"1772461801,1,2,1e-12,2\n", ("out_of_range", 3, "spy_bid")),
        (HEADER + GOOD + b"1772461799,1,2,1,2\n", ("order", 3, "ts")),
        (HEADER + GOOD + b"2026-03-02T14:29:59Z,1,2,1,2\n", ("order", 3, "ts")),
        (HEADER[:-1] + b",expiry\n" + GOOD[:-1] + b",friday\n", ("not_a_time", 2, "expiry")),
        (HEADER[:-1] + b',note\n"' + GOOD[:28] + b"\n" + GOOD, ("too_few", 2, "es_bid")),
    ],
)
def test_faults_name_line_and_column(data: bytes, fault: tuple[Any, ...]) -> None:
    assert fault_of(data) == fault


def test_sentences_say_what_where_and_what_to_do() -> None:
    reader = CsvReader("quotes.csv", expiry_of=calendar.read_expiry)
    data = HEADER + b"2026-03-02,1,2,x\x1by,2\n"
    reader.room()[: len(data)] = data
    reader.filled(len(data))
    with pytest.raises(DataError) as caught:
        reader.take()
    assert str(caught.value) == (
        r"quotes.csv, line 2, column spy_bid: 'x\\x1by' is not a number; correct it or pass --skip-bad."
    )


def test_bad_rows_are_counted_where_that_is_asked_for() -> None:
    data = HEADER + GOOD + b"x,1,2,1,2\n1,2\n" + GOOD
    assert fault_of(data, skip_bad=True) is None
    assert read_compiled(data, skip_bad=True)[1:3] == (4, {"missing": 0, "crossed": 0, "malformed": 2})


def test_a_record_without_an_end_is_refused_in_bounded_memory() -> None:
    reader = CsvReader("quotes.csv", expiry_of=calendar.read_expiry)
    data = HEADER + b'"'
    reader.room()[: len(data)] = data
    reader.filled(len(data))
    assert reader.take() == []
    fed = 0

    def feed_without_end() -> None:
        nonlocal fed
        while fed < 4 * RECORD_BYTES_MAX:
            room = reader.room()
            room[:] = b"x" * len(room)
            reader.filled(len(room))
            fed += len(room)
            reader.take()

    with pytest.raises(DataError, match="longer than") as caught:
        feed_without_end()
    assert (caught.value.kind, caught.value.line) == ("too_long", 2)


PIECES = [
    b",", b",", b",", b",", b"\n", b"\n", b"\r\n", b"\r", b'"', b'""', b" ", b"\t", b"2026-03-02T14:30:00Z",
    b"2026-03-02 14:30:00.5", b"1772461800", b"6000", b"6000.25", b"600", b"600.01", b"1e3", b"nan",
    b"", b"-1",
    b"x", b"\x00", b"\xff", HEADER, GOOD, GOOD, b"expiry", b"factor", b"2026-06-18",
]  # fmt: skip


@settings(max_examples=400)
@given(
    st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join),
    st.sampled_from(
        [b"", HEADER, HEADER[:-1] + b",note\n", HEADER[:-1] + b",expiry\n", HEADER[:-1] + b",index\n"]
    ),
    st.sampled_from([1, 3, 17, 1000]),
    st.booleans(),
    st.booleans(),
)
def test_any_bytes_give_the_same_rows_or_the_same_error(
    body: bytes, header: bytes, chunk: int, skip_bad: bool, ordered: bool
) -> None:
    data = header + body
    expected = read_twin(data, skip_bad=skip_bad, ordered=ordered)
    assert read_compiled(data, chunk=chunk, skip_bad=skip_bad, ordered=ordered) == expected


@pytest.mark.parametrize("seed", range(40))
def test_damaged_files_give_the_same_rows_or_the_same_error(seed: int) -> None:
    rng = random.Random(seed)
    lines = [
        f"{iso_time(row.ts_ns)},{row.es_bid},{row.es_ask},{row.spy_bid},{row.spy_ask}\n"
        for row in random_rows(seed, 60)
    ]
    data = bytearray(HEADER + "".join(lines).encode())
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(HEADER), len(data))
        data[at : at + rng.randint(0, 3)] = bytes(
            rng.choice(b'0123456789,.-"\r\n TZe\x00\xff') for _ in range(2)
        )
    skip_bad = seed % 2 == 0
    expected = read_twin(bytes(data), skip_bad=skip_bad)
    assert read_compiled(bytes(data), chunk=rng.choice((1, 13, 977)), skip_bad=skip_bad) == expected, (
        f"seed {seed}"
    )


ROWS_OF_ONE_SHAPE = [
    b"2026-03-02T14:30:00.123456Z,6000.25,6000.50,600.01,600.02\n",
    b"2026-03-02 14:30:01,6000,6000.5,600.1,600.12\r\n",
    b"2026-03-02T14:30:02.000000001Z,1.,2.,1.0000000,99999999\n",
]


@pytest.mark.parametrize("row", ROWS_OF_ONE_SHAPE)
def test_any_byte_at_any_place_of_a_row_is_read_as_the_twin_reads_it(row: bytes) -> None:
    for at in range(len(row)):
        for start in range(0, 256, 64):
            others = [row[:at] + bytes([byte]) + row[at + 1 :] for byte in range(start, start + 64)]
            data = HEADER + row + row.join(others) + row
            expected = read_twin(data, skip_bad=True, ordered=False)
            assert read_compiled(data, skip_bad=True, ordered=False) == expected, (at, start)


@pytest.mark.parametrize("seed", range(20))
def test_rows_of_many_shapes_and_dates_are_read_as_the_twin_reads_them(seed: int) -> None:
    rng = random.Random(seed)
    day_ns = 86_400 * 10**9
    ts_ns = rng.randrange(-10, 20_000) * day_ns
    rows = []
    for _ in range(300):
        ts_ns += rng.choice((0, 1, 10**3, 10**6, 10**9 + 10**7, 3_600 * 10**9, day_ns // 3))
        whole, decimals = rng.choice(((4, 2), (3, 1), (1, 7), (7, 1), (8, 0), (9, 2), (2, 0)))
        prices = [f"{rng.random() * 10**whole:.{decimals}f}" for _ in range(4)]
        end = rng.choice(("\n", "\n", "\r\n"))
        zone = rng.choice(("Z", "Z", "", "+00:00"))
        rows.append(f"{iso_time(ts_ns)[:-1]}{zone},{','.join(prices)}{end}")
    data = HEADER + "".join(rows).encode()
    chunk = rng.choice((64, 4_096, 100_000))
    assert read_compiled(data, chunk=chunk) == read_twin(data), f"seed {seed}"


def test_a_row_that_goes_back_in_time_is_refused_in_any_shape() -> None:
    rows = [f"2026-03-02T14:30:{second:02d}.5Z,6000.25,6000.50,600.01,600.02\n" for second in (1, 2, 3, 2)]
    assert fault_of(HEADER + "".join(rows).encode()) == ("order", 5, "ts")


ONE_DAY = b"2026-03-02T14:30:01.5Z,6000.25,6000.50,600.01,600.02\n"
ANOTHER = b"2026-03-05T14:30:00.5Z,6000.25,6000.50,600.01,600.02\n"


@pytest.mark.parametrize(
    "rows",
    [
        (ONE_DAY, b"2026-03-05\n", ONE_DAY),
        (ONE_DAY, ANOTHER.replace(b"600.01", b"nan"), ONE_DAY),
        (ONE_DAY, ANOTHER.replace(b"6000.25", b"1." + b"0" * 40), ONE_DAY),
        (ONE_DAY, ANOTHER.replace(b"6000.25", b"." + b"0" * 9 + b"1"), ONE_DAY, ANOTHER, ONE_DAY),
    ],
)
@pytest.mark.parametrize("ordered", [True, False])
def test_a_row_of_another_date_moves_no_later_row(rows: tuple[bytes, ...], ordered: bool) -> None:
    fault_of(HEADER + b"".join(rows), skip_bad=True, ordered=ordered)


@pytest.mark.parametrize(
    "header",
    [
        b'"ts",es_bid,es_ask,spy_bid,"spy_ask"',
        b'"t"s,es_bid,es_ask,spy_bid,"spy_"ask ',
        b'ts,es_bid,es_ask,spy_bid,spy_ask,"a ""note"" of\r\ntwo lines"',
        b't"s,"ts",es_bid,es_ask,spy_bid,spy_ask,',
        b"ts,es_bid,es_ask,spy_bid,spy_ask,\x00\xff",
        b"ts,es_bid,es_ask,spy_bid,spy_ask," + b"x" * 140_000,
        b"x," * 59 + b"ts,es_bid,es_ask,spy_bid,spy_ask",
        b"x," * 60 + b"ts,es_bid,es_ask,spy_bid,spy_ask",
        b'ts,es_bid,es_ask,spy_bid,spy_ask,"open',
    ],
)
@pytest.mark.parametrize("chunk", [1, 100_000])
def test_headers_of_any_spelling_are_read_alike(header: bytes, chunk: int) -> None:
    chunk = chunk if len(header) < 1_000 else 100_000
    places = header.count(b"x,")
    data = header + b"\n" + b"," * places + GOOD
    assert read_compiled(data, chunk=chunk) == read_twin(data)


@pytest.mark.parametrize("size", [RECORD_BYTES_MAX - 1, RECORD_BYTES_MAX, RECORD_BYTES_MAX + 1])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_the_longest_record_is_the_same_for_both(size: int, end: bytes) -> None:
    note = b"x" * (size - len(GOOD) - 1 + (end == b""))
    fault = fault_of(HEADER + GOOD + GOOD[:-1] + b"," + note + end)
    assert fault == (("too_long", 3, None) if size > RECORD_BYTES_MAX else None)


@pytest.mark.parametrize("seed", range(4))
def test_a_slice_of_the_fuzzer_finds_nothing(seed: int) -> None:
    done, outcomes, report = fuzz_csv.FUZZER.run(seed, 250)
    assert report is None, report
    assert done == 250
    assert outcomes["read to the end"] > 25
    assert len(outcomes) > 4


def test_the_fuzzer_finds_a_planted_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = fuzz_csv.read_compiled

    def planted(data: bytes, **options: Any) -> Outcome:
        return honest(data, **options | {"ordered": False})

    monkeypatch.setattr(fuzz_csv, "read_compiled", planted)
    *_, report = fuzz_csv.FUZZER.run(1, 1_000)
    assert report is not None
    assert "repeat with: python -m tools.fuzz_csv --seed 1 --first" in report


@pytest.mark.parametrize(
    "row",
    [
        b"\0" * 10 + b"T10:00:00Z",  # no date, although nothing is what the reader began with
        b"2026-03-02T14:30:00." + b"9" * 9 + b"Z",
        b"2026-03-02T14:30:00." + b"9" * 10 + b"Z",
        b"2026-03-02T14:30:00." + b"9" * 40 + b"Z",  # more than 64 bits hold
        b"2026-03-02T14:30:00." + b"0" * 100_000 + b"Z",
        b"2262-04-11T23:47:16.854775807Z",
        b"2262-04-11T23:47:16.854775808Z",
    ],
)
def test_a_time_at_the_end_of_what_is_possible_is_read_as_the_twin_reads_it(row: bytes) -> None:
    for data in (HEADER + row + b",6000,6000.25,590,590.01\n", HEADER + row):
        assert read_compiled(data) == read_twin(data)
    assert (fault_of(HEADER + row + b",6000,6000.25,590,590.01\n") is None) == (
        row.endswith((b"." + b"9" * 9 + b"Z", b"807Z"))
    )


@pytest.mark.parametrize("length", [8, 100, 117, 118, 119, 130, 100_000])
def test_a_time_of_day_of_any_length_is_read_whole(length: int) -> None:
    # A date of ten characters, a blank and a clock of 117 are 128 characters.
    header = b"date,time,es_bid,es_ask,spy_bid,spy_ask\n"
    prices = b",6000,6000.25,590,590.01\n"
    good, bad = b"10:00:00", b"x" * length
    assert fault_of(header + b"2026-03-02," + good + prices) is None
    assert fault_of(header + b"2026-03-02," + bad + prices) == ("not_a_time", 2, "date")
    long_date = b"2026-03-02" + b"0" * length
    assert fault_of(header + long_date + b"," + good + prices) == ("not_a_time", 2, "date")
