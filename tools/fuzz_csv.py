"""Mutates files of quotes and compares the compiled reader with its twin, which uses the csv module.

For all bytes, and all ways to cut them into pieces, both must return the same rows and counts, and then raise
the same type of error or none. Nothing else may happen.

    python -m tools.fuzz_csv --seconds 60
    python -m tools.fuzz_csv --cases 20000 --seed 7

Prints counts of what it ran. At the first difference it prints a minimal sequence of bytes that still differs
and the command that repeats the case, and exits with 1.
"""

import random
import sys
from collections.abc import Callable
from typing import Any

from reference.quotes import QuoteReader

from arbcore.carry import calendar
from arbcore.errors import DataError
from arbcore.quotes._csv import RECORD_BYTES_MAX, CsvReader
from tools.fuzzer import Fuzzer

HEADER = b"ts,es_bid,es_ask,spy_bid,spy_ask\n"
GOOD = b"2026-03-02T14:30:00Z,6000,6000.25,600,600.01\n"
LATER = b"2026-03-02T14:30:01.25Z,6001.25,6001.50,600.11,600.12\n"

CORPUS = [
    HEADER + GOOD + LATER * 9,
    HEADER + b"".join(b"2026-03-02T14:30:%02dZ,6000.25,6000.50,600.01,600.02\n" % at for at in range(40)),
    (HEADER + GOOD + LATER).replace(b"\n", b"\r\n"),
    (HEADER + GOOD + LATER).replace(b"\n", b"\r"),
    b"\xef\xbb\xbf" + HEADER + GOOD[:-1],
    b"\n \n" + HEADER + b"\t\n" + GOOD + b"\n\r\n" + LATER,
    b"SPY_ASK, Es_Bid ,volume,ts,spy_bid,ES_ASK\n600.01,6000,7,1772461800,600,6000.25,more\n",
    b'"ts","es_bid","es_ask","spy_bid","spy_ask"\n"2026-03-02","6000"," 6000.25 ",600,"600.01"\n',
    HEADER[:-1] + b",note\n" + GOOD[:-1] + b',"a\nb ""c"", d\r\ne"\n' + LATER[:-1] + b",\n",
    HEADER[:-1] + b",expiry\n" + GOOD[:-1] + b",2026-06-18\n" + LATER[:-1] + b",2026-09-18T13:30:00Z\n",
    HEADER[:-1] + b",expiry,index\n" + GOOD[:-1] + b",ESM26,6002.5\n" + LATER[:-1] + b",ESU26,\n",
    HEADER[:-1] + b",factor\n" + GOOD[:-1] + b",10.02\n" + LATER[:-1] + b",nan\n",
    HEADER[:-1] + b",index,factor\n" + GOOD[:-1] + b",,10\n" + LATER[:-1] + b",6000,1e1\n",
    HEADER + b"1772461800,6000,6000.25,600,600.01\n1772461801000,6000,6000.25,600,600.01\n"
    b"1772461802000000,6000,6000.25,600,600.01\n1772461803000000000,6000,6000.25,600,600.01\n",
    HEADER + b"1772461801,nan,1,1,1\n1772461802,NULL,N/A,na,\n1772461803,inf,-Infinity,+nan,0\n"
    b"1772461804,1e3,1E+3,.5,1.\n1772461805,2,1,1,1\n1772461806,<NA>,#N/A N/A,-1.#IND,none\n",
    HEADER + b"1772461801,1.7976931348623157e308,9223372036.854775807,1,1\n52265,1,1,1,1\n",
    (HEADER + GOOD + LATER).replace(b",", b";"),
    (HEADER + GOOD + LATER).replace(b",", b"\t"),
    HEADER.replace(b",", b";") + b"02.03.2026;6000,25;6000,5;600;601\n",
    (b"date,time,ES Bid,ESAsk,spy-bid,SPY_ASK\n03/02/2026,02:30:00 PM,6000,6000.25,600,600.01\n"
    b"20260302,143001,6000,6000.25,600,600.01\n"),
    (b"note,timestamp,fut_bid,fut_ask,etf_bid,etf_ask\nx,20260302-14:30:00,6000,6000.25,600,600.01\n"
    b"y,20260302 09:30:01 US/Eastern,6000,6000.25,600,600.01\n"),
    HEADER + b"2026-03-08 02:30:00,1,1,1,1\n2026-11-01 01:30:00,1,1,1,1\n",
    b"index," + HEADER + b"0," + GOOD + b"1," + LATER,
    b"index," + HEADER + b"7," + GOOD + b"8," + LATER + b"9," + LATER,
    HEADER + b"0001-01-01,1,2,1,2\n9999-12-31T23:59:59.999999999Z,1,2,1,2\n",
    HEADER + b"1677-09-21T00:12:43.145224193Z,1,2,1,2\n2262-04-11T23:47:16.854775807Z,1,2,1,2\n",
    HEADER + b"1,123456789012345678901234567890,1e-12,0.1000000000000000055511151231257827,9e11\n",
    b"ts,es_bid,es_ask,spy_bid,spy_ask,TS\n" + GOOD,
    b",".join(b"c%d" % at for at in range(61)) + b"," + HEADER + b"," * 60 + b"," + GOOD,
    b"",
]  # fmt: skip

TOKENS = [
    b",", b",,", b"\n", b"\r\n", b"\r", b"\n\n", b'"', b'""', b'"a,b"', b'"\n"', b" ", b"\t", b"\x00",
    b"\x01", b"\x0b", b"\x1a", b"\x7f", b"\x80", b"\xff", b"\xef\xbb\xbf", b"\xc2\xa0", b"\xff\xfe", b"'",
    b";", b"-", b"+", b".", b"e", b"E5", b"e+400", b"e-400", b"0", b"-0", b"0.0", b"00", b"1", b"6000.25",
    b"600.01", b"1e999", b"1e-999", b"1_000", b"0x10", b"9" * 16, b"9" * 30, b"9" * 400, b"." + b"0" * 30,
    b"nan", b"NaN", b"-nan", b"NULL", b"null", b"NA", b"n/a", b"inf", b"-Infinity", b"None", b"1e-9",
    b"9.99e-10", b"1e12", b"1.000001e12", b"T", b"t", b"Z", b"z", b":", b"+01:30", b"-0500", b"+24:00",
    b"2026-03-02", b"2024-02-29", b"2023-02-29", b"0001-01-01T00:00:00Z", b"9999-12-31", b"24:00:00",
    b"23:59:60", b"1772461800", b"99999999999", b"100000000000", b"99999999999999", b"99999999999999999",
    b"9223372036854775807", b"9223372036854775808", b"-9223372036854775808", b"ts", b"es_bid", b"SPY_ASK",
    b"expiry", b"factor", b"index", b"2026-06-18", b"ESM26", b"friday", HEADER, GOOD, LATER, GOOD * 20,
]  # fmt: skip

CHUNKS = (1, 2, 3, 5, 17, 64, 1_000, 100_000)
#: Around the longest field of the csv module and the longest record of ours.
LENGTHS = (131_071, 131_072, 131_073, RECORD_BYTES_MAX - 60, RECORD_BYTES_MAX, RECORD_BYTES_MAX + 1)

Outcome = tuple[list[tuple[Any, ...]], int, dict[str, int], tuple[Any, ...] | None]


def read_compiled(data: bytes, *, chunk: int = 100_000, **options: Any) -> Outcome:
    """Runs the compiled reader: (rows, data rows, skipped by reason, the error's kind, line and column)."""
    reader = CsvReader("quotes.csv", expiry_of=calendar.read_expiry, **options)
    rows: list[tuple[Any, ...]] = []
    fault = None
    try:
        for start in [*range(0, len(data), chunk), len(data)]:
            piece = data[start : start + chunk]
            reader.room()[: len(piece)] = piece
            reader.filled(len(piece))
            while taken := reader.take(1):
                rows += taken
        reader.finish()
    except DataError as error:
        fault = (error.kind, error.line, error.column)
    return rows, reader.rows, reader.skipped, fault


def read_twin(data: bytes, **options: Any) -> Outcome:
    """Runs the twin; returns the same as ``read_compiled``."""
    reader = QuoteReader(data, expiry_of=calendar.read_expiry, **options)
    rows = []
    fault = None
    try:
        for row in reader:
            rows.append(  # noqa: PERF401  An error must keep the rows before it.
                (row.ts_ns, row.es_bid, row.es_ask, row.spy_bid, row.spy_ask, row.factor, row.expiry_ns)
            )
    except DataError as error:
        fault = (error.kind, error.line, error.column)
    return rows, reader.rows, reader.skipped, fault


def difference(data: bytes, chunk: int, options: dict[str, Any]) -> str | None:
    """Describes how the compiled reader and the twin disagree; None if they agree."""
    expected = _outcome(lambda: read_twin(data, **options))
    got = _outcome(lambda: read_compiled(data, chunk=chunk, **options))
    return None if got == expected else f"compiled gives {_short(got)}, twin gives {_short(expected)}"


def _outcome(read: Callable[[], Outcome]) -> Outcome | str:
    try:
        return read()
    except Exception as error:  # noqa: BLE001  Anything that is raised besides DataError is a finding.
        return f"{type(error).__name__}: {error}"


def _short(outcome: Outcome | str) -> str:
    if isinstance(outcome, str):
        return outcome
    rows, count, skipped, fault = outcome
    return f"{len(rows)} rows of {count}, last {rows[-1:]}, skipped {skipped}, fault {fault}"


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Returns ``data`` after a few random edits of its bytes; sometimes with one very long cell."""
    made = bytearray(data)
    for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 5, 8))):
        at = rng.randrange(len(made) + 1)
        upto = min(len(made), at + rng.choice((0, 1, 1, 1, 2, 4, 8, 20)))
        edit = rng.randrange(6)
        if edit == 0 and at < len(made):
            made[at] ^= 1 << rng.randrange(8)
        elif edit == 1:
            del made[at:upto]
        elif edit == 2:
            made[at:upto] = rng.choice(TOKENS)
        elif edit == 3:
            made[at:at] = rng.choice(TOKENS)
        elif edit == 4:
            made[at:at] = made[rng.randrange(len(made) + 1) :][: rng.randrange(60)]
        else:
            other = rng.choice(CORPUS)
            made[at:] = other[rng.randrange(len(other) + 1) :]
    if rng.random() < 0.003:
        at = rng.randrange(len(made) + 1)
        made[at:at] = rng.choice((b"9", b"x", b" ", b"0", b",", b'"')) * (
            rng.choice(LENGTHS) + rng.randrange(-2, 3)
        )
    return bytes(made)


def case(seed: int, index: int) -> tuple[bytes, int, dict[str, Any]]:
    """Returns bytes, size of pieces and options of one case; they depend only on seed and index."""
    rng = random.Random(seed * 1_000_003 + index)
    data = mutate(rng.choice(CORPUS), rng)
    chunk = rng.choice(CHUNKS if len(data) < 10_000 else CHUNKS[-2:])
    options: dict[str, Any] = {"skip_bad": rng.random() < 0.5, "ordered": rng.random() < 0.7}
    options["tz"] = rng.choice((None, None, "America/New_York"))
    options["day_first"] = rng.random() < 0.3
    options["use_factor"] = rng.random() < 0.5
    return data, chunk, options


def shrink(data: bytes, differs: Callable[[bytes], bool]) -> bytes:
    """Removes pieces of the bytes as long as the rest still differs; returns the rest."""
    size = max(1, len(data) // 2)
    while size >= 1:
        at = 0
        while at < len(data):
            shorter = data[:at] + data[at + size :]
            if differs(shorter):
                data = shorter
            else:
                at += size
        size //= 2
    return data


def examine(seed: int, index: int) -> tuple[str, str | None]:
    """Returns how the twin ended, and a minimal sequence of bytes that differs, if any does."""
    data, chunk, options = case(seed, index)
    if difference(data, chunk, options) is None:
        fault = read_twin(data, **options)[3]
        return "read to the end" if fault is None else fault[0], None
    least = shrink(data, lambda part: difference(part, chunk, options) is not None)
    shown = repr(least) if len(least) < 4_000 else f"{least[:2_000]!r}… ({len(least)} bytes)"
    found = difference(least, chunk, options)
    return "different", f"{shown}\npieces of {chunk} bytes, {options}\n{found}"


FUZZER = Fuzzer("fuzz_csv", "the reader of quotes", "files", 5_000, examine)

if __name__ == "__main__":
    sys.exit(FUZZER.main())
