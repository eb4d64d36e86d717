"""Every option of the commands that read quotes, with every reader and every size of input, in pairs.

The options are taken from the commands' own parsers, so that a new one is in here by itself; one whose kind
of value is not known yet fails here until ``VALUES`` has one. Whatever the reader, the result and the files
written are those of the plain file. ``ARBCORE_MATRIX=whole`` runs each option alone with every reader and
input as
well (``make
sanitize``).
"""

import argparse
import gzip
import io
import itertools
import json
import os
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from arbcore.cli import main
from arbcore.commands import backtest, sweep
from arbcore.core.civil import iso_time
from arbcore.quotes._csv import CHUNK_BYTES

COMMANDS = {"backtest": backtest, "sweep": sweep}
WHOLE = os.environ.get("ARBCORE_MATRIX") == "whole"
START_NS = 1_772_461_800 * 10**9
#: A value for each kind of value, by what the help calls it; FILE is a file to write.
VALUES = {
    "RATE": ["0.03"], "BPS": ["2"], "DAYS": ["0.01"], "S": ["30"], "USD": ["1.5"], "N": ["2"],
    "N[,M]": ["1", "0,2"],
    "USD[,MIN]": ["0.01,1"], "DATE": ["2026-03-20", "ESM26"], "X": ["10.03"], "ZONE": ["US/Eastern"],
    "FILE": ["{out}"], "TRAIN:TEST": ["300r:100r"], "NAME": ["es-spy"], "RATE|FILE": ["0.03", "{rates}"],
    "RATE[,CODE:RATE]": ["0.012", "0.012,ESM26:0.011"],
}  # fmt: skip
#: Options that need another value than their kind says, or that are no option of a single run here.
SPECIAL: dict[tuple[str, str], list[str]] = {
    ("backtest", "--factor"): ["10.03", "auto:5", "column"],
    ("sweep", "--factor"): ["10.03", "auto:5", "column"],
    ("backtest", "--dividends"): ["{dividends}"],
    ("sweep", "--dividends"): ["{dividends}"],
    ("backtest", "--rates"): ["{rates}"],
    ("sweep", "--rates"): ["{rates}"],
    ("sweep", "--entry-bps"): ["1:3:1"],
    ("sweep", "--exit-bps"): ["0,1"],
    # The other way to name the data; a cluster, and a server of rates, which have tests of their own.
    ("backtest", "--csv"): [],
    ("sweep", "--dask"): [],
    ("backtest", "--fred"): [],
    ("sweep", "--fred"): [],
    ("backtest", "--fred-key"): [],
    ("sweep", "--fred-key"): [],
}
#: Options of which one stands in place of the other: a run has one of them at most.
EXCLUSIVE = (("--r", "--rates"), ("--d", "--dividends"))
READERS = ("plain", "gzip", "zstd", "stdin", "drip", "parquet", "arrow", "arrow-stream")
INPUTS = ("empty", "header", "one", "chunk", "chunks", "contracts")


def options_of(command: str) -> dict[str, list[list[str]]]:
    """The words of each option of a command by its first name, for every value of it that is tried."""
    parser = argparse.ArgumentParser(add_help=False)
    COMMANDS[command].add_arguments(parser)
    found: dict[str, list[list[str]]] = {}
    for action in parser._actions:
        if not action.option_strings:
            continue
        name = action.option_strings[0]
        if action.nargs == 0:
            found[name] = [[name]]
            continue
        kind = str(action.metavar)
        values = SPECIAL.get((command, name), [str(each) for each in action.choices or VALUES.get(kind, [])])
        assert values or (command, name) in SPECIAL, f"give {name} {kind} of {command} a value in VALUES"
        found[name] = [[name, value] for value in values]
    return {name: words for name, words in found.items() if words}


def csv_of(kind: str) -> bytes:
    """The quotes of an input as CSV, with a factor that is used only where that is asked for."""
    header = "ts,es_bid,es_ask,spy_bid,spy_ask,factor" + (",expiry" if kind == "contracts" else "") + "\n"
    if kind == "empty":
        return b""
    rng = random.Random(3)
    rows = {"header": 0, "one": 1, "contracts": 700}.get(kind, 4_000 if kind == "chunk" else 10_000)
    lines = [header]
    for at in range(rows):
        spy = 680.0 + rng.randrange(-20, 20) / 100
        es = round((spy * 10.03 * 1.0016 + rng.gauss(0, 4)) * 4) / 4
        cells = f"{iso_time(START_NS + at * 10**9)},{es},{es + 0.25},{spy:.2f},{spy + 0.01:.2f},10.03"
        lines.append(cells + (f",2026-0{3 + at // 400 * 3}-20" if kind == "contracts" else "") + "\n")
    data = "".join(lines).encode()
    if kind == "chunk":
        # Blank lines fill it up to the last byte.
        data += b"\n" * (CHUNK_BYTES - len(data))
        assert len(data) == CHUNK_BYTES
    if kind == "chunks":
        assert len(data) > 2 * CHUNK_BYTES
    return data


class Drip(io.RawIOBase):
    """Bytes that come in small pieces of all sizes."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at, self._rng = data, 0, random.Random(len(data))

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        size = min(len(room), self._rng.choice((1, 7, 997, 40_000)))
        piece = self._data[self._at : self._at + size]
        room[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


class Stdin:
    """Standard input with bytes of our own."""

    closed = False

    def __init__(self, stream: Any) -> None:
        self.buffer = stream

    def isatty(self) -> bool:
        return False


def write(reader: str, data: bytes, path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Puts the data where a reader finds it; what the command is given."""
    if reader in ("stdin", "drip"):
        stream = io.BytesIO(data) if reader == "stdin" else io.BufferedReader(Drip(data), 512)
        monkeypatch.setattr(sys, "stdin", Stdin(stream))
        return "-"
    if reader == "plain":
        path.write_bytes(data)
    elif reader == "gzip":
        path.write_bytes(gzip.compress(data, 1))
    elif reader == "zstd":
        path.write_bytes(pytest.importorskip("zstandard").ZstdCompressor().compress(data))
    else:
        write_table(reader, data, path)
    return str(path)


def write_table(reader: str, data: bytes, path: Path) -> None:
    pytest.importorskip("pyarrow")
    import pyarrow.csv
    import pyarrow.ipc
    import pyarrow.parquet

    table = pyarrow.csv.read_csv(io.BytesIO(data))
    if reader == "parquet":
        pyarrow.parquet.write_table(table, path, row_group_size=700)
        return
    make = pyarrow.ipc.new_file if reader == "arrow" else pyarrow.ipc.new_stream
    with make(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=512)


def pairwise_cases(factors: Sequence[Sequence[Any]], seed: int) -> Iterator[tuple[Any, ...]]:
    """Choices of one value a factor, until every two values of different factors have met."""
    rng = random.Random(seed)
    places = [range(len(values)) for values in factors]
    pairs = list(itertools.combinations(range(len(factors)), 2))
    left = {(a, x, b, y) for a, b in pairs for x in places[a] for y in places[b]}
    while left:
        a, x, b, y = min(left)
        chosen = {a: x, b: y}
        for factor in rng.sample(range(len(factors)), len(factors)):
            if factor not in chosen:
                met = [
                    sum(
                        ((other, at, factor, value) if other < factor else (factor, value, other, at)) in left
                        for other, at in chosen.items()
                    )
                    for value in places[factor]
                ]
                chosen[factor] = met.index(max(met))
        case = [chosen[factor] for factor in range(len(factors))]
        left -= {(a, case[a], b, case[b]) for a, b in pairs}
        yield tuple(factors[factor][value] for factor, value in enumerate(case))


def cases(command: str) -> list[tuple[Any, ...]]:
    """(reader, input, the words of every option) of each run."""
    options = options_of(command)
    second = {late: first for first, late in EXCLUSIVE}
    choices: dict[str, list[list[str]]] = {}
    for name, words in options.items():
        choices.setdefault(second.get(name, name), [[]]).extend(words)
    factors: list[list[Any]] = [list(READERS), list(INPUTS), *choices.values()]
    found = pairwise_cases(factors, 1)
    made = [(reader, kind, list(itertools.chain(*words))) for reader, kind, *words in found]
    if WHOLE:
        alone = [words for values in options.values() for words in values]
        made += list(itertools.product(READERS, INPUTS, [[], *alone]))
    if command == "sweep":
        made = [(reader, kind, needed(words)) for reader, kind, words in made]
    return made


def needed(words: list[str]) -> list[str]:
    """A sweep's words with a range among them."""
    return words if "--entry-bps" in words else [*words, "--entry-bps", "1:3:1"]


def outcome(
    command: str, reader: str, data: bytes, words: Sequence[str], folder: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> tuple[int, Any, dict[str, str]]:  # fmt: skip
    """The exit code, the document or the sentence, and the files that were written."""
    folder.mkdir()
    # The result names these files: the same for all runs.
    paid, rates = folder.parent / "paid.csv", folder.parent / "rates.csv"
    paid.write_text("ex_date,amount\n2026-03-03,1.5\n", encoding="utf-8")
    rates.write_text("date,SOFR\n2026-02-27,4.3\n2026-03-02,4.31\n", encoding="utf-8")
    given = write(reader, data, folder / "quotes", monkeypatch)
    names = {"{dividends}": str(paid), "{rates}": str(rates)}
    filled = [
        names.get(word, word.replace("{out}", str(folder / f"out{at}"))) for at, word in enumerate(words)
    ]
    code = main([command, given, *filled, *([] if "--json" in filled else ["--json"])])
    out, err = capsys.readouterr()
    written = {each.name: each.read_text(encoding="utf-8") for each in sorted(folder.glob("out*"))}
    if code == 0 or (code == 1 and "--check-lookahead" in words):
        document = json.loads(out)
        for each in document.get("files", []):
            each.pop("name")
        written = {name: "" if "<html" in text else text for name, text in written.items()}
        return code, document, written
    assert (out, written) == ("", {})
    assert err.startswith("arbcore: ")
    return code, err.count("\n"), written


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_in_the_matrix(command: str) -> None:
    words = {word for case in cases(command) for word in case[2]}
    missing = set(options_of(command)) - words
    assert not missing


@pytest.mark.parametrize("command", COMMANDS)
def test_every_reader_gives_the_result_of_the_plain_file(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = {kind: csv_of(kind) for kind in INPUTS}
    for number, (reader, kind, words) in enumerate(cases(command)):
        if kind == "empty" and reader in ("parquet", "arrow", "arrow-stream"):
            continue
        plain = outcome(command, "plain", data[kind], words, tmp_path / f"plain{number}", monkeypatch, capsys)
        found = outcome(command, reader, data[kind], words, tmp_path / f"other{number}", monkeypatch, capsys)
        assert found == plain, (reader, kind, words)
        if kind in ("empty", "header"):
            assert plain[0] == 3, (reader, kind, words)
        elif kind in ("one", "chunk", "chunks"):
            assert plain[0] == 0 or "300r:100r" in words or kind == "one", (reader, kind, words, plain)


@pytest.mark.parametrize("reader", ["gzip", "zstd"])
def test_compressed_data_may_end_anywhere(
    reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = tmp_path / "whole"
    write(reader, csv_of("contracts"), whole, monkeypatch)
    packed = whole.read_bytes()
    rng = random.Random(4)
    for size in [*range(30), *(rng.randrange(30, len(packed)) for _ in range(30)), len(packed) - 1]:
        cut = tmp_path / "cut"
        cut.write_bytes(packed[:size])
        assert main(["backtest", str(cut), "--json"]) == 3, size
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1, err


@pytest.mark.parametrize("reader", ["gzip", "zstd"])
@pytest.mark.parametrize("filling", [b"\0", b"x", b"\n", b'"'])
def test_data_that_unpacks_a_thousandfold_ends_in_a_sentence(
    reader: str,
    filling: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "bomb"
    write(
        reader, csv_of("one") + filling * (2_000_000 if filling == b"\n" else 100_000_000), path, monkeypatch
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    code = main(["backtest", str(path), "--json"])
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 60_000 * (1 if sys.platform != "darwin" else 1024)
    err = capsys.readouterr().err
    # Blank lines are no data.
    assert code == (0 if filling == b"\n" else 3), err
    assert "Unexpected" not in err
