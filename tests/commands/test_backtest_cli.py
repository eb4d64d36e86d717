"""``arbcore backtest`` as its users meet it: documents, files, sentences and exit codes."""

import contextlib
import csv
import gzip
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from quotes import ledger_of, run_both
from reference.quotes import QuoteReader

import arbcore
from arbcore.broker import fred
from arbcore.carry import calendar
from arbcore.carry.terms import RateHistory, read_rates
from arbcore.cli import main
from arbcore.core.civil import iso_time
from arbcore.core.ledger_columns import LEDGER_NAMES, LedgerRow
from arbcore.errors import ConfigError, DataError
from arbcore.research.lookahead import LookaheadCheck, Verdict
from arbcore.research.research_settings import BacktestSettings

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "es_spy_synthetic.csv"
FLAGS = ["--r", "0.043", "--d", "0.0125", "--factor", "10.03", "--entry-bps", "3", "--exit-bps", "0.5"]
SETTINGS: dict[str, Any] = {
    "r": 0.043,
    "d": 0.0125,
    "factor": 10.03,
    "entry_bps": 3,
    "exit_bps": 0.5,
    "cost_bps": 0.5,
}
HEADER = "ts,es_bid,es_ask,spy_bid,spy_ask\n"
GOOD = "2026-03-02T14:30:00Z,6000,6000.25,600,600.01\n"
Capture = pytest.CaptureFixture[str]


def document(capsys: Capture, *words: str) -> dict[str, Any]:
    assert main(["backtest", *words, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def twin_ledger() -> list[LedgerRow]:
    rows = list(QuoteReader(SAMPLE.read_bytes(), expiry_of=calendar.read_expiry))
    plain, _ = run_both(rows, BacktestSettings(**SETTINGS))
    return ledger_of(plain)


def test_the_document_has_every_promised_field(capsys: Capture) -> None:
    found = document(capsys, str(SAMPLE), *FLAGS, "--cost-bps", "0.5")
    promised = (
        "schema rows rows_used rows_skipped first_ts last_ts params trades wins gross_pnl costs financing "
        "dividends net_pnl max_drawdown sharpe open_position unrealised_pnl"
    )
    assert set(promised.split()) <= set(found)
    assert found["schema"] == "arbcore.backtest/2"
    assert found["rows"] == found["rows_used"] == 780
    assert found["rows_skipped"] == {}
    assert found["expiries"] == ["2026-03-20T13:30:00Z"]
    assert found["trades"] == len(twin_ledger()) > 0
    assert found["basis_pnl"] + found["carry_pnl"] == pytest.approx(found["gross_pnl"])
    assert found["net_pnl"] == pytest.approx(found["gross_pnl"] - found["costs"])


def test_the_ledger_file_is_the_twin_trade_by_trade(tmp_path: Path, capsys: Capture) -> None:
    ledger, equity = tmp_path / "trades.csv", tmp_path / "equity.csv"
    words = [*FLAGS, "--cost_bps", "0.5", "--trades", str(ledger), "--equity", str(equity)]
    found = document(capsys, "--csv", str(SAMPLE), *words)
    assert ",-0.0," not in ledger.read_text(encoding="utf-8")
    header, *rows = csv.reader(io.StringIO(ledger.read_text(encoding="utf-8")))
    assert tuple(header) == LEDGER_NAMES
    expected = twin_ledger()
    assert [row[0] for row in rows] == [str(number) for number in range(1, len(expected) + 1)]
    times = {"entry_ts": iso_time, "exit_ts": iso_time}
    assert rows == [
        [times.get(name, str)(cell) for name, cell in trade._asdict().items()] for trade in expected
    ]
    lines = equity.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "ts,equity"
    assert len(lines) == 781
    assert float(lines[-1].split(",")[1]) == found["final_equity"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["equity.csv", "trades.csv"]


RATES = "observation_date,DTB3\n2026-02-27,3.60\n2026-03-02,3.63\n2026-03-03,3.65\n2026-03-04,3.66\n"


def test_rates_of_fred_are_those_of_its_file(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In backtest and sweep; the result names the rates that it used, and nothing shows the key."""
    (tmp_path / "DTB3.csv").write_text(RATES)
    (tmp_path / "key").write_text("abcdef\n")
    keys: list[str] = []

    def fetched(settings: fred.FredSettings) -> RateHistory:
        keys.append(settings.key)
        return read_rates(RATES.splitlines(), name=f"FRED's {settings.series}")

    monkeypatch.setattr(fred, "fetch_history", fetched)
    of_fred, of_file = ["--fred", "DTB3", "--fred-key", str(tmp_path / "key")], str(tmp_path / "DTB3.csv")
    for command, more in (("backtest", []), ("sweep", ["--entry-bps", "2,3"])):
        found = []
        for words in (of_fred, ["--rates", of_file]):
            assert main([command, str(SAMPLE), *words, *more, "--json"]) == 0
            found.append(json.loads(capsys.readouterr().out))
        asked, read = (dict(each) for each in found)
        assert (asked["params"].pop("rates"), read["params"].pop("rates")) == ("FRED's DTB3", of_file)
        told = "{}: 3.6% of 2026-02-27 on the first decided row, 3.63% of 2026-03-02 on the last."
        assert f"Rates are those of {told.format(of_file)}" in read["notes"]
        assert asked.pop("notes") == [each.replace(of_file, "FRED's DTB3") for each in read.pop("notes")]
        assert asked == read
        assert "abcdef" not in json.dumps(asked)
    assert keys == ["abcdef", "abcdef"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--fred", "DTB3"), "--fred needs --fred-key FILE"),
        (("--fred-key", "key"), "--fred-key belongs to --fred"),
        (("--fred", "DTB3", "--fred-key", "key", "--r", "0.04"), "--fred stands for --r and --rates"),
        (("--fred", "DGS10", "--fred-key", "key"), "--fred is DGS10; it may be one of DTB3, SOFR"),
    ],
)
def test_wrong_words_about_fred_are_one_sentence(
    words: tuple[str, ...], sentence: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key").write_text("abcdef\n")
    for command in ("backtest", "sweep"):
        assert main([command, str(SAMPLE), *words]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert sentence in line


def test_what_the_brokers_table_takes_the_place_of_is_said(capsys: Capture) -> None:
    words = [str(SAMPLE), *FLAGS, "--fees", "ibkr"]
    plain, more = document(capsys, *words), document(capsys, *words, "--short-rate", "0.02", "--es-fee", "9")
    assert more["net_pnl"] == plain["net_pnl"]
    told = "The broker's fees and tiers are charged, so that es_fee and short_rate are not used."
    assert (told in more["notes"], told in plain["notes"]) == (True, False)


def test_orders_take_their_time_and_cost_fees(capsys: Capture) -> None:
    words = ["--latency-rows", "0,2", "--es-fee", "2.25", "--spy_fee", "0.005,1", "--slippage-ticks", "0.5"]
    found = document(capsys, str(SAMPLE), *FLAGS, *words)
    asked = {"es_latency_rows": 0, "spy_latency_rows": 2, "spy_fee": 0.005, "spy_fee_min": 1.0}
    assert {**asked, "es_fee": 2.25}.items() <= found["params"].items()
    plain = document(capsys, str(SAMPLE), *FLAGS)
    assert found["slippage_pnl"] < plain["slippage_pnl"] == 0.0
    assert found["costs"] > found["fees"] > plain["fees"] == 0.0
    parts = found["basis_pnl"] + found["carry_pnl"] + found["slippage_pnl"] + found["financing"]
    assert parts + found["dividends"] - found["costs"] == pytest.approx(found["net_pnl"])
    assert main(["backtest", str(SAMPLE), *FLAGS, *words]) == 0
    assert f"(fees {-found['fees']:+,.2f} USD of it)" in capsys.readouterr().out


def test_a_leg_on_its_way_at_the_end_is_said(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "quotes.csv"
    path.write_text(HEADER + "2026-03-02T14:30:00Z,6060,6060.25,600,600.01\n", encoding="utf-8")
    costly = ["--factor", "10", "--entry-bps", "20", "--cost-bps", "4"]
    assert main(["backtest", str(path), *costly, "--latency-rows", "0,1"]) == 0
    assert "bps, a leg of the entry on its way, unrealised -6.25 USD" in capsys.readouterr().out
    assert main(["backtest", str(path), "--factor", "10", "--latency-rows", "1"]) == 0
    assert "1 time an entry had no leg filled" in capsys.readouterr().err


def test_text_says_what_came_of_it(capsys: Capture) -> None:
    assert main(["backtest", str(SAMPLE), *FLAGS, "--cost-bps", "0.5", "--factor", "auto:60"]) == 0
    out, err = capsys.readouterr()
    assert "780 rows used of 780, 2026-03-02T14:31:00Z to" in out
    assert "net P&L" in out
    assert "2026-03-20T13:30:00Z" in err


def test_gzip_and_standard_input_give_the_same(tmp_path: Path, capsys: Capture) -> None:
    packed = tmp_path / "quotes.bin"
    packed.write_bytes(gzip.compress(SAMPLE.read_bytes()))
    plain = document(capsys, str(SAMPLE), *FLAGS)
    assert document(capsys, str(packed), *FLAGS) == plain
    words = [sys.executable, "-m", "arbcore", "backtest", "-", *FLAGS, "--json"]
    for data in (SAMPLE.read_bytes(), packed.read_bytes()):
        done = subprocess.run(words, input=data, capture_output=True, timeout=60)
        assert json.loads(done.stdout) == plain


def test_sorting_gives_what_sorted_data_gives(tmp_path: Path, capsys: Capture) -> None:
    header, *lines = SAMPLE.read_text(encoding="utf-8").splitlines(keepends=True)
    shuffled = tmp_path / "shuffled.csv"
    shuffled.write_text(header + "".join(lines[::-1]), encoding="utf-8")
    assert document(capsys, str(shuffled), "--sort", *FLAGS) == document(capsys, str(SAMPLE), *FLAGS)
    assert main(["backtest", str(shuffled), *FLAGS]) == 3
    assert "line 3, column ts: time goes back" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "there is no column ts"),
        (HEADER.encode() + b"soon,1,2,1,2\n", "line 2, column ts: 'soon'"),
        (HEADER.encode() + b"2026-03-02,1,2,x,2\n", "line 2, column spy_bid: 'x' is not a number"),
        (HEADER.encode() + b"2026-03-02,1,2\n", "line 2, column spy_bid: the row has 3 of the 4 fields"),
        (gzip.compress(HEADER.encode() + GOOD.encode() * 999, mtime=0)[:-30], "cut short"),
        (b"\x1f\x8bnot really gzip", "damaged"),
        (HEADER.encode() + b'"' + b"x" * 2_000_000, "line 2: the row is longer than"),
        (b"x" * 2_000_000, "line 1: the row is longer than"),
        (gzip.compress(bytes(3_000_000), mtime=0), "line 1: the row is longer than"),
        (gzip.compress(HEADER.encode(), mtime=0)[:5], "cut short"),
        ((HEADER + GOOD).encode("utf-16"), "UTF-16 text; save it as UTF-8"),
        (b"\0\x7f" + HEADER.encode(), r"no column ts in the header (\x00\x7fts, es_bid,"),
        (HEADER[:-1].encode() + b",ES_BID\n", "line 1: column ES_BID is there twice; remove or rename one"),
        (HEADER.encode() + b"0001-01-01T00:00:00Z,1,2,1,2\n", "is not a time of the years 1678 to 2261"),
        (HEADER.encode() + b"9999-12-31T00:00:00Z,1,2,1,2\n", "is not a time of the years 1678 to 2261"),
        (HEADER.encode() + b"1970-01-01,1,2,1,2\n", "No front ES contract is known at 1970-01-01T00:00:00Z"),
        (HEADER.encode() + b"2026-03-02,1,2,1,2\n2026-03-01,1,2,1,2\n", "line 3, column ts: time goes back"),
    ],
)
def test_bad_data_ends_with_one_sentence_and_exit_3(
    data: bytes, sentence: str, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "quotes.csv"
    path.write_bytes(data)
    assert main(["backtest", str(path), "--trades", str(tmp_path / "trades.csv")]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err
    assert err.count("\n") == 1
    # Nothing is written half.
    assert [left.name for left in tmp_path.iterdir()] == ["quotes.csv"]


def test_a_line_of_a_gigabyte_is_refused_at_its_first_megabytes() -> None:
    words = [sys.executable, "-m", "arbcore", "backtest", "-"]
    written = 0
    with subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdin is not None
        assert run.stderr is not None
        with contextlib.suppress(BrokenPipeError):
            run.stdin.write(HEADER.encode())
            while written < 1_000_000_000:
                written += run.stdin.write(b"x" * 1_000_000)
        assert b"standard input, line 2: the row is longer than 1,048,576 bytes" in run.stderr.read()
        assert run.wait(60) == 3
        # What is left in the pipe cannot be written any more.
        with contextlib.suppress(BrokenPipeError):
            run.stdin.close()
    assert written < 20_000_000


@pytest.mark.parametrize(("name", "sentence"), [(".", "is a directory"), ("none.csv", "does not exist")])
def test_what_is_no_file_is_exit_3(name: str, sentence: str, tmp_path: Path, capsys: Capture) -> None:
    assert main(["backtest", str(tmp_path / name)]) == 3
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["a.csv", "--csv", "b.csv"],
        ["a.csv", "--cost-bps", "-1"],
        ["a.csv", "--contracts", "1.5"],
        ["a.csv", "--r", "nan"],
        ["a.csv", "--factor", "auto:0"],
        ["a.csv", "--expiry", "friday"],
        ["a.csv", "--slippage-ticks", "1,2,3"],
        ["a.csv", "--latency-rows", "-1"],
        ["a.csv", "--latency-rows", "0.5"],
        ["a.csv", "--spy-fee", "0.005,"],
    ],
)
def test_wrong_usage_is_exit_2(words: list[str], capsys: Capture) -> None:
    assert main(["backtest", *words]) == 2
    assert capsys.readouterr().err.startswith("arbcore: ")


def test_without_a_usable_row_nothing_is_defined(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "quotes.csv"
    path.write_text(HEADER + GOOD.replace("6000,", ","), encoding="utf-8")
    found = document(capsys, str(path))
    assert (found["rows"], found["first_ts"], found["sharpe"], found["exposure"]) == (1, None, None, None)


def test_skipped_rows_are_counted_by_reason(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "quotes.csv"
    times = [f"2026-03-02T14:30:0{second}Z" for second in range(1, 6)]
    bad = f"{times[0]},nan,1,1,1\n{times[1]},2,1,1,1\nx,1,1,1,1\n"
    bad += f"{times[2]},1,2,-inf,2\n{times[3]},1,1E999,1,1\n"
    path.write_text(HEADER + GOOD + bad, encoding="utf-8")
    found = document(capsys, str(path), "--skip-bad")
    assert found["rows_skipped"] == {"missing": 3, "crossed": 1, "malformed": 1}
    assert (found["rows"], found["rows_used"]) == (6, 1)


def test_the_lookahead_check_says_what_it_found(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = document(capsys, str(SAMPLE), *FLAGS)
    found = document(capsys, str(SAMPLE), *FLAGS, "--check_lookahead")
    checked = found.pop("lookahead")
    assert (found, checked["ok"], checked["difference"]) == (plain, True, None)
    assert checked["cuts"] > 100
    words = ["backtest", str(SAMPLE), *FLAGS, "--check-lookahead"]
    assert main(words) == 0
    sentence = f"Lookahead check: cutting the data at {checked['cuts']} places changed nothing before them."
    assert sentence in capsys.readouterr().err
    honest = LookaheadCheck.verdict

    def peeking(self: LookaheadCheck) -> Verdict:
        return replace(honest(self), difference="with the data cut after usable row 7, all is different")

    monkeypatch.setattr(LookaheadCheck, "verdict", peeking)
    assert main(words) == 1
    out, err = capsys.readouterr()
    assert "net P&L" in out
    assert "arbcore: Lookahead: with the data cut after usable row " in err


def test_an_entry_below_the_exit_is_said(capsys: Capture) -> None:
    assert main(["backtest", str(SAMPLE), "--entry-bps", "1", "--exit-bps", "5"]) == 0
    assert "entry_bps is below exit_bps" in capsys.readouterr().err


def test_an_expiry_before_the_data_is_said(capsys: Capture) -> None:
    assert main(["backtest", str(SAMPLE), *FLAGS, "--expiry", "2026-02-27"]) == 0
    assert "is before the data" in capsys.readouterr().err


def test_dividends_are_read_from_a_file(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "dividends.csv"
    path.write_text("ex_date,amount\n2026-03-03,1.75\n", encoding="utf-8")
    found = document(
        capsys, str(SAMPLE), "--factor", "10.03", "--entry-bps", "-1", "--exit-bps", "-99", "--dividends",
        str(path),
    )
    assert found["params"]["dividends"] == 1
    assert main(["backtest", str(SAMPLE), "--d", "0.01", "--dividends", str(path)]) == 2
    assert "replaces the yield" in capsys.readouterr().err
    path.write_text("ex_date,amount\nsoon,1.75\n", encoding="utf-8")
    assert main(["backtest", str(SAMPLE), "--dividends", str(path)]) == 3
    assert "line 2" in capsys.readouterr().err


def test_the_library_gives_the_same_from_a_path_a_file_and_columns() -> None:
    from_path = arbcore.backtest(SAMPLE, **SETTINGS)
    assert from_path.trades is not None
    assert from_path.equity is not None
    assert next(from_path.trades.rows()) == twin_ledger()[0]
    assert from_path.equity.height == 780
    with SAMPLE.open("rb") as stream:
        assert arbcore.backtest(stream, **SETTINGS).summary == from_path.summary
    rows = list(csv.DictReader(io.StringIO(SAMPLE.read_text(encoding="utf-8"))))
    columns: dict[str, list[Any]] = {name: [float(row[name]) for row in rows] for name in list(rows[0])[1:]}
    columns["ts"] = [row["ts"] for row in rows]
    from_columns = arbcore.backtest(columns, **SETTINGS)
    assert from_columns.summary == from_path.summary
    assert dict(from_columns.trades or {}) == dict(from_path.trades)


def test_the_library_raises_what_it_says() -> None:
    with pytest.raises(ConfigError, match="no backtest setting 'entry'"):
        arbcore.backtest(SAMPLE, entry=3)
    with pytest.raises(DataError) as caught:
        arbcore.backtest(
            {
                "ts": [1772461801, 1772461800],
                **{name: [1, 1] for name in ("es_bid", "es_ask", "spy_bid", "spy_ask")},
            }
        )
    assert (caught.value.kind, caught.value.line) == ("order", 2)


@pytest.mark.parametrize(
    ("flags", "part"),
    [
        (["--trades", "quotes.csv"], "would overwrite the quotes"),
        (["--equity", "link.csv"], "would overwrite the quotes"),
        (["--trades", "same.csv", "--equity", "./same.csv"], "would overwrite --trades"),
        (["--dividends", "paid.csv", "--trades", "paid.csv"], "would overwrite --dividends"),
    ],
)
def test_a_result_replaces_nothing_that_is_not_one(
    flags: list[str], part: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quotes.csv").write_text(HEADER + GOOD)
    (tmp_path / "paid.csv").write_text("ex_date,amount\n2026-03-10,1.5\n")
    (tmp_path / "link.csv").symlink_to("quotes.csv")
    before = sorted(path.name for path in tmp_path.iterdir())
    assert main(["backtest", "quotes.csv", *flags]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert part in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert (tmp_path / "quotes.csv").read_text() == HEADER + GOOD


@pytest.mark.parametrize(
    ("name", "why"), [("folder", "Is a directory"), ("none/trades.csv", "No such file or directory")]
)
def test_what_cannot_be_written_ends_the_run_before_it_begins(
    name: str, why: str, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "folder").mkdir()
    path = tmp_path / name
    words = ["backtest", str(SAMPLE), "--equity", str(tmp_path / "equity.csv"), "--trades", str(path)]
    assert main(words) == 1
    assert capsys.readouterr() == ("", f"arbcore: {path} cannot be written ({why}); name another file.\n")
    assert [left.name for left in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("name", ["/dev/stdout", "out.txt"])
def test_a_ledger_is_not_mixed_into_the_result(name: str, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "arbcore", "backtest", str(SAMPLE), "--trades", name]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with (tmp_path / "out.txt").open("w") as out:
        done = subprocess.run(
            words, stdout=out, stderr=subprocess.PIPE, timeout=60, cwd=tmp_path, env=environment
        )
    sentence = f"arbcore: --trades {name} is standard output, where the result goes; name another file."
    assert (done.returncode, done.stderr.decode().strip()) == (2, sentence)
    assert (tmp_path / "out.txt").read_text() == ""


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path, capsys: Capture) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert main(["backtest", str(SAMPLE), *FLAGS, "--trades", str(pipe)]) == 0
        assert os.read(reader, 1 << 16).decode().startswith("trade_id,")
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    capsys.readouterr()


def test_missing_dividends_are_said_as_a_missing_file(tmp_path: Path, capsys: Capture) -> None:
    missing = tmp_path / "paid.csv"
    assert main(["backtest", str(SAMPLE), "--dividends", str(missing)]) == 3
    sentence = f"arbcore: {missing} cannot be read (No such file or directory); check --dividends.\n"
    assert capsys.readouterr().err == sentence


def test_the_report_is_one_page_written_whole(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "report.html"
    outputs = ["--html", str(path), "--trades", str(tmp_path / "trades.csv")]
    found = document(capsys, str(SAMPLE), *FLAGS, *outputs)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert f'<data value="{found["net_pnl"]!r}" data-key="net_pnl">' in text
    assert sorted(each.name for each in tmp_path.iterdir()) == ["report.html", "trades.csv"]
    assert found == document(capsys, str(SAMPLE), *FLAGS)


def test_a_report_replaces_neither_the_quotes_nor_another_result(tmp_path: Path, capsys: Capture) -> None:
    path = str(tmp_path / "x")
    for words in (["--html", str(SAMPLE)], ["--trades", path, "--html", path]):
        assert main(["backtest", str(SAMPLE), *words]) == 2
        assert "--html" in capsys.readouterr().err


def test_a_run_that_fails_leaves_no_report(tmp_path: Path, capsys: Capture) -> None:
    quotes = tmp_path / "quotes.csv"
    quotes.write_text(HEADER + GOOD + "soon,1,2,1,2\n", encoding="utf-8")
    assert main(["backtest", str(quotes), "--html", str(tmp_path / "report.html")]) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["quotes.csv"]
    assert "line 3" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["backtest"], ["sweep", "--entry-bps", "2,3"]])
def test_what_a_run_like_live_leaves_out_is_in_all_that_it_writes(
    command: list[str], tmp_path: Path, capsys: Capture
) -> None:
    page, sentence = tmp_path / "page.html", "unlike the bot, a backtest has no daily loss limit"
    words = [command[0], str(SAMPLE), *command[1:], "--like-live", "--json", "--html", str(page)]
    assert main(words) == 0
    told = capsys.readouterr()
    assert told.err.count(sentence) == 1
    assert sum(sentence in note for note in json.loads(told.out)["notes"]) == 1
    assert sentence in page.read_text(encoding="utf-8")
