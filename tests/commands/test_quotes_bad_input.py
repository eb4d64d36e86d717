"""Bad input of ``arbcore quotes``: exit 3, one sentence that names the file and the fault, no output."""

import gzip
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from leg_files import SECOND, TEN, iso, write_leg

import arbcore
from arbcore.cli import main
from arbcore.errors import InputError

ROWS = 3_000
FUT = [(TEN + at * SECOND, 6_000.0 + at % 9, 6_000.25 + at % 9) for at in range(ROWS)]
ETF = [(TEN + at * SECOND, 598.0 + at % 5 / 100, 598.01 + at % 5 / 100) for at in range(ROWS)]
BOTH = [(*fut, *etf[1:]) for fut, etf in zip(FUT, ETF, strict=True)]
LEGS = "ts,es_bid,es_ask,spy_bid,spy_ask"


def text(name: str, header: str, lines: list[str]) -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        (folder / name).write_text("\n".join([header, *lines, ""]), encoding="utf-8")
        return name

    return write


def leg(name: str, rows: list[tuple], header: str = "ts,bid,ask") -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        write_leg(folder / name, rows, header=header)
        return name

    return write


def cut(name: str, compress: Callable[[bytes], bytes], part: float = 0.7) -> Callable[[Path], str]:
    """A download that stopped before its end."""

    def write(folder: Path) -> str:
        write_leg(folder / "whole.csv", BOTH if name.startswith("both") else FUT, header=(
            LEGS if name.startswith("both") else "ts,bid,ask"
        ))  # fmt: skip
        data = compress((folder / "whole.csv").read_bytes())
        (folder / "whole.csv").unlink()
        (folder / name).write_bytes(data[: round(len(data) * part)])
        return name

    return write


def raw(name: str, data: bytes) -> Callable[[Path], str]:
    def write(folder: Path) -> str:
        (folder / name).write_bytes(data)
        return name

    return write


def empty_folder(folder: Path) -> str:
    (folder / "fut").mkdir()
    return "fut"


def parquet(data: bytes) -> bytes:
    pa = pytest.importorskip("pyarrow")
    csv, pq = pytest.importorskip("pyarrow.csv"), pytest.importorskip("pyarrow.parquet")
    sink = pa.BufferOutputStream()
    pq.write_table(csv.read_csv(pa.BufferReader(data)), sink)
    return sink.getvalue().to_pybytes()


def zstd(data: bytes) -> bytes:
    return pytest.importorskip("zstandard").compress(data)


STAMPS = [iso(TEN + at * 60 * SECOND) for at in range(40)]
#: What the future's input is; the ETF's is good, but where a case names it. And what is said of it.
JOIN = {
    "trades only, in bars": (
        text("fut.csv", "ts,open,high,low,close,volume", [f"{at},6000,6002,5999,6001,120" for at in STAMPS]),
        ["trades", "quotes"],
    ),
    "IB's bars of trades": (
        text("fut.csv", "date,open,high,low,close,volume,average,barCount",
             [f"{at},6001,6002,5999,6000,120,6000.5,7" for at in STAMPS]),
        ["trades"],
    ),
    "two products": (
        text("fut.csv", "ts,bid,ask,symbol",
             [f"{at},6000,6001,{'ESH6' if number % 2 else 'NQH6'}" for number, at in enumerate(STAMPS)]),
        ["ES", "NQ"],
    ),
    "a vendor's missing column": (
        text("fut.csv", "ts_recv,ts_event,bid_px_00,bid_sz_00,symbol",
             [f"{at},{at},1,1,ESH6" for at in STAMPS]),
        ["Databento", "ask_px_00"],
    ),
    "IB's ticks without an ask": (
        text("fut.csv", "time,priceBid,sizeBid,sizeAsk", [f"{at},1,1,1" for at in STAMPS]),
        ["Interactive Brokers", "priceAsk"],
    ),
    "other days": (leg("fut.csv", [(at + 10**15, *prices) for at, *prices in FUT]), ["overlap", "etf.csv"]),
    "out of order": (leg("fut.csv", [*FUT, FUT[0]]), [f"line {ROWS + 2}", "--sort"]),
    "half a gzip": (cut("fut.csv.gz", gzip.compress), ["cut short"]),
    "half a zstd": (cut("fut.csv.zst", zstd), []),
    "half a parquet": (cut("fut.parquet", parquet), []),
    "half a row": (raw("fut.csv", f"ts,bid,ask\n{STAMPS[0]},1,2\n2026-03-0".encode()), ["line 3"]),
    "no number": (leg("fut.csv", [*FUT, (TEN + 10**14, "x", 1.0)]), [f"line {ROWS + 2}", "column bid"]),
    "no time": (text("fut.csv", "ts,bid,ask", ["soon,1,2"]), ["line 2", "column ts"]),
    "a time of another age": (text("fut.csv", "ts,bid,ask", ["1066-10-14T09:00:00Z,1,2"]), ["line 2"]),
    "a price beyond all": (text("fut.csv", "ts,bid,ask", [f"{STAMPS[0]},1e15,2e15"]), ["line 2"]),
    "no rows": (text("fut.csv", "ts,bid,ask", []), ["no rows"]),
    "nothing": (raw("fut.csv", b""), ["empty"]),
    "no text": (raw("fut.csv", bytes(range(256)) * 40), []),
    "no quotes": (text("fut.csv", "name,age", ["Ann,40"]), []),
    "an empty folder": (empty_folder, ["folder"]),
    "not there": (lambda folder: "fut.csv", ["does not exist"]),
}  # fmt: skip
#: What is said of a file of both legs, by ``check`` and by ``convert``.
PAIRED = {
    "one leg": (leg("both.csv", FUT), ["one instrument", "arbcore quotes join"]),
    "trades only, in bars": (
        text("both.csv", "ts,open,high,low,close,volume", [f"{at},6000,6002,5999,6001,120" for at in STAMPS]),
        ["trades"],
    ),
    "a leg without an ask": (
        text("both.csv", "ts,es_bid,es_ask,spy_bid", [f"{at},1,2,3" for at in STAMPS]), ["spy_ask"],
    ),
    "two pairs": (
        text("both.csv", "ts,es_bid,es_ask,qqq_bid,qqq_ask", [f"{at},1,2,3,4" for at in STAMPS]), [],
    ),
    "half a gzip": (cut("both.csv.gz", gzip.compress), ["cut short"]),
    "half a zstd": (cut("both.csv.zst", zstd), []),
    "half a parquet": (cut("both.parquet", parquet), []),
    "half a row": (raw("both.csv", f"{LEGS}\n{STAMPS[0]},1,2,3,4\n{STAMPS[1]},1,2".encode()), ["line 3"]),
    "no number": (leg("both.csv", [*BOTH, (TEN + 10**14, 1, 2, "x", 4)], LEGS), [f"line {ROWS + 2}"]),
    "no time": (text("both.csv", LEGS, ["soon,1,2,3,4"]), ["line 2", "column ts"]),
    "an open quote": (text("both.csv", LEGS, [f'{STAMPS[0]},1,2,3,"4', *["x" * 100] * 3_000]), ["line 2"]),
    "no rows": (text("both.csv", LEGS, []), ["no rows"]),
    "nothing": (raw("both.csv", b""), ["empty"]),
    "no text": (raw("both.csv", bytes(range(256)) * 40), []),
    "not there": (lambda folder: "both.csv", ["does not exist"]),
}  # fmt: skip


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence of a command that ends with exit 3 and prints no result."""
    assert main(["quotes", *words]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("arbcore: ")
    assert line.endswith(".")
    return line


@pytest.mark.parametrize("out", ["out.csv", "out.csv.gz", "out.parquet"])
@pytest.mark.parametrize("case", JOIN)
def test_join(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], case: str, out: str
) -> None:
    if out.endswith("parquet"):
        pytest.importorskip("pyarrow")
    monkeypatch.chdir(tmp_path)
    make, said = JOIN[case]
    name = make(tmp_path)
    write_leg(tmp_path / "etf.csv", ETF)
    before = sorted(os.listdir(tmp_path))
    line = refused(["join", name, "etf.csv", "-o", out, "--json"], capsys)
    assert [words for words in (name, *said) if words not in line] == []
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("command", ["check", "convert"])
@pytest.mark.parametrize("case", PAIRED)
def test_check_and_convert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], case: str,
    command: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    make, said = PAIRED[case]
    name = make(tmp_path)
    before = sorted(os.listdir(tmp_path))
    output = ["-o", "out.csv"] if command == "convert" else ["--html", "out.html"]
    line = refused([command, name, *output], capsys)
    assert [words for words in (name, *said) if words not in line] == []
    assert sorted(os.listdir(tmp_path)) == before


def test_times_that_go_back_are_refused_by_convert_and_counted_by_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_leg(tmp_path / "both.csv", [*BOTH, BOTH[0]], header=LEGS)
    line = refused(["convert", "both.csv", "-o", "out.csv"], capsys)
    assert f"both.csv, row {ROWS + 1}: time goes back; sort the file or pass --sort." in line
    assert os.listdir(tmp_path) == ["both.csv"]
    assert main(["quotes", "check", "both.csv", "--json"]) == 0
    assert '"out_of_order": 1' in capsys.readouterr().out


def link_to_itself(folder: Path) -> str:
    (folder / "loop.csv").symlink_to("loop.csv")
    return "loop.csv"


def a_socket(folder: Path) -> str:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket.csv")
    return "socket.csv"


def below_a_file(folder: Path) -> str:
    write_leg(folder / "file.csv", BOTH, header=LEGS)
    return "file.csv/quotes.csv"


def memory(folder: Path) -> str:
    if not Path("/proc/self/mem").exists():
        pytest.skip("reads what answers with an input/output error, as a failing disk does")
    return "/proc/self/mem"


UNREADABLE = {
    "a link to itself": link_to_itself, "a socket": a_socket, "below a file": below_a_file,
    "a name too long": lambda _: "x" * 300, "a failing disk": memory,
}  # fmt: skip
READING = {
    "backtest": ("backtest", "{}"), "sweep": ("sweep", "{}", "--entry-bps", "1:2:1"),
    "check": ("quotes", "check", "{}"), "convert": ("quotes", "convert", "{}", "-o", "out.csv"),
    "join": ("quotes", "join", "{}", "{}", "-o", "out.csv"),
    "ibkr": ("ibkr", "--paper", "--simulate", "{}"),
}  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="kinds of files of POSIX")
@pytest.mark.parametrize("command", READING)
@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_opened_or_read_is_one_sentence_in_every_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: str,
    command: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    name = UNREADABLE[kind](tmp_path)
    assert main([word.replace("{}", name) for word in READING[command]]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert name[:60] in line
    assert " read" in line
    assert not (tmp_path / "out.csv").exists()


def test_a_name_that_no_file_can_have_is_an_error_of_the_input() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        arbcore.backtest("quotes\0.csv")
