"""Input that cannot be right, in every command that it reaches: one sentence, and exit code 2 or 3.

What is wrong is the same everywhere, so it is written once; beside it stands what would be right, which runs.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from arbcore import cli

PRICES = ("6838.25", "6838.50", "680.10", "680.12")
HEADER = "ts,es_bid,es_ask,spy_bid,spy_ask"
#: Every row's time is a minute of this afternoon in UTC.
DAY = "2026-03-02"
NOW = ("--now", f"{DAY}T15:00:00Z", "--expiry", "2026-03-20")


def quotes(header: str = HEADER, more: Callable[[int], str] = lambda at: "") -> str:
    """A hundred minutes of one market."""
    rows = (
        f"{DAY}T{14 + (30 + at) // 60:02d}:{(30 + at) % 60:02d}:00Z,{','.join(PRICES)}{more(at)}"
        for at in range(100)
    )
    return "\n".join((header, *rows)) + "\n"


FILES = {
    "ok.csv": quotes(),
    "two_pairs.csv": quotes("ts,es_bid,es_ask,qqq_bid,qqq_ask"),
    "two_futures.csv": quotes(f"{HEADER},nq_bid,nq_ask", lambda at: ",25000,25001"),
    "both.csv": quotes(f"{HEADER},fut_bid,fut_ask", lambda at: ",6838.25,6838.50"),
    "fut.csv": quotes("ts,fut_bid,fut_ask,etf_bid,etf_ask"),
    "numbered.csv": quotes(f"{HEADER},index", lambda at: f",{at}"),
    "zone.csv": quotes().replace("Z,", " Mars/Olympus,"),
    "zoned.csv": quotes().replace("Z,", " US/Eastern,"),
    "index.csv": quotes(f"{HEADER},index", lambda at: f",{6821.4 + at / 8}"),
    "ended.csv": "ex_date,amount\n2025-12-19,1.9\n",
    "dividends.csv": "ex_date,amount\n2026-03-20,1.9\n",
    "twice.csv": "ex_date,amount\n2026-03-20,1.9\n2026-03-20,1.9\n",
    "absurd.csv": "ex_date,amount\n2026-03-20,1.9\n2026-06-18,69\n",
    "owed.csv": "ex_date,amount\n2026-03-20,-1.9\n",
    "old.csv": "date,rate\n2026-02-20,0.04\n",
    "later.csv": "date,rate\n2026-03-02,0.04\n",
    "rates.csv": "date,rate\n2026-02-27,0.04\n",
}

#: Commands that read quotes, with what each needs besides.
RUNS = {"backtest": (), "sweep": ("--entry-bps", "2:3:1")}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with contextlib.chdir(tmp_path) if hasattr(contextlib, "chdir") else _chdir(tmp_path):
        yield tmp_path


@contextlib.contextmanager
def _chdir(path: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(path)
    try:
        yield
    finally:
        os.chdir(before)


# (what is wrong, the exit code, words of the sentence, what would be right) of a file of quotes.
OF_QUOTES = [
    (("ok.csv", "--pair", "es-qqq"), 2, "There is no pair 'es-qqq'", ("ok.csv", "--pair", "mes-spy")),
    (("ok.csv", "--pair", "nq-qqq"), 2, "the indexes differ", ("ok.csv", "--pair", "es-spy")),
    (("fut.csv",), 2, "name it with --pair", ("fut.csv", "--pair", "nq-qqq")),
    (("two_pairs.csv",), 3, "two_pairs.csv, line 1: ES and QQQ are no pair", ("ok.csv",)),
    (("two_futures.csv",), 3, "two_futures.csv, line 1: the columns es_bid", ("ok.csv",)),
    (("both.csv",), 3, "both.csv, line 1: the columns es_bid, es_ask, fut_bid", ("ok.csv",)),
    (("numbered.csv", "--factor", "column"), 3, "line 2, column index: it counts the rows",
     ("index.csv", "--factor", "column")),
    (("ok.csv", "--dividends", "ended.csv"), 3, "ended.csv ends on 2025-12-19, before the data",
     ("ok.csv", "--dividends", "dividends.csv")),
    (("ok.csv", "--dividends", "twice.csv"), 3, "twice.csv line 3: 2026-03-20 comes twice",
     ("ok.csv", "--dividends", "dividends.csv")),
    (("ok.csv", "--dividends", "absurd.csv"), 3, "absurd.csv line 3: the dividend of 2026-06-18 is 69 USD",
     ("ok.csv", "--dividends", "dividends.csv")),
    (("ok.csv", "--dividends", "owed.csv"), 3, "owed.csv line 2: -1.9 is no amount",
     ("ok.csv", "--dividends", "dividends.csv")),
    (("ok.csv", "--dividends", "dividends.csv", "--d", "0.01"), 2, "replaces the yield d",
     ("ok.csv", "--d", "0.01")),
    (("ok.csv", "--rates", "old.csv"), 3, "old.csv has no rate within 7 days",
     ("ok.csv", "--rates", "rates.csv")),
    (("ok.csv", "--r", "old.csv"), 3, "old.csv has no rate within 7 days", ("ok.csv", "--r", "rates.csv")),
    (("ok.csv", "--rates", "later.csv"), 3, "later.csv begins on 2026-03-02",
     ("ok.csv", "--rates", "rates.csv")),
    (("ok.csv", "--rates", "rates.csv", "--r", "0.04"), 2, "exclude each other", ("ok.csv", "--r", "0.04")),
    (("ok.csv", "--tz", "Europe/Berlin"), 2, "tz is Europe/Berlin; it may be UTC",
     ("ok.csv", "--tz", "US/Eastern")),
    (("zone.csv",), 3, "zone.csv, line 2, column ts: ", ("zoned.csv",)),
    (("ok.csv", "--factor", "track:0"), 2, "a half-life is above 0", ("ok.csv", "--factor", "track:20")),
    (("ok.csv", "--factor", "track:0s"), 2, "a half-life is above 0", ("ok.csv", "--factor", "track:90s")),
    (("ok.csv", "--factor", "auto:0"), 2, "auto:ROWS takes 1 to", ("ok.csv", "--factor", "auto:20")),
    (("ok.csv", "--factor", "0"), 2, "factor may be from 1e-06", ("ok.csv", "--factor", "10.03")),
    (("ok.csv", "--d", "0.013,CLH26:0.01"), 2, "'CLH26', which is no contract",
     ("ok.csv", "--d", "0.013,ESH26:0.01")),
]  # fmt: skip

@pytest.mark.parametrize("command", RUNS)
def test_a_schedule_that_ends_within_the_data_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    Path("short.csv").write_text("ex_date,amount\n2026-03-10,0.4\n", encoding="utf-8")
    words = (command, "ok.csv", "--factor", "10.03", *RUNS[command], "--json", "--dividends")
    said = []
    for name in ("short.csv", "dividends.csv"):
        assert cli.main([*words, name]) == 0
        notes = json.loads(capsys.readouterr().out)["notes"]
        said.append([note for note in notes if note.startswith("The schedule of dividends ends")])
    assert [len(each) for each in said] == [1, 0]
    assert "ends on 2026-03-10, before the expiry 2026-03-20T13:30:00Z" in said[0][0]


SPOT, ETF = ("--spot", "6820"), ("--etf", "680.11", "--factor", "10.03")
OF_FAIR = [
    ((*SPOT, "--pair", "es-qqq"), 2, "There is no pair 'es-qqq'", (*SPOT, "--pair", "nq-qqq")),
    ((*ETF, "--dividends", "ended.csv"), 3, "ended.csv ends on 2025-12-19, before the data",
     (*ETF, "--dividends", "dividends.csv")),
    ((*ETF, "--dividends", "twice.csv"), 3, "twice.csv line 3", (*ETF, "--dividends", "dividends.csv")),
    ((*ETF, "--dividends", "absurd.csv"), 3, "absurd.csv line 3", (*ETF, "--dividends", "dividends.csv")),
    ((*ETF, "--dividends", "owed.csv"), 3, "owed.csv line 2", (*ETF, "--dividends", "dividends.csv")),
    ((*ETF, "--dividends", "dividends.csv", "--d", "0.01"), 2, "not allowed with", (*ETF, "--d", "0.01")),
    ((*SPOT, "--rates", "old.csv"), 3, "old.csv has no rate within 7 days", (*SPOT, "--rates", "rates.csv")),
    ((*SPOT, "--r", "old.csv"), 3, "old.csv has no rate within 7 days", (*SPOT, "--r", "rates.csv")),
    ((*SPOT, "--rates", "later.csv"), 3, "later.csv begins on", (*SPOT, "--rates", "rates.csv")),
    ((*SPOT, "--rates", "rates.csv", "--r", "0.04"), 2, "not allowed with", (*SPOT, "--r", "0.04")),
    (("--etf", "680", "--factor", "track:0"), 2, "a half-life is above 0", ETF),
    (("--etf", "680", "--factor", "track"), 2, "needs quotes over a time", ETF),
    (("--etf", "680", "--factor", "0"), 2, "a factor may be from 1e-06", ETF),
    (("--etf", "680"), 2, "One price does not give the factor", ("--etf", "680", "--index", "6820")),
    ((*SPOT, "--d", "CLH26:0.01"), 2, "'CLH26', which is no contract", (*SPOT, "--d", "ESH26:0.01")),
]  # fmt: skip

# Settings of the bot, (what is wrong, the exit code, words of the sentence).
OF_THE_BOT = [
    (("FUT_SYMBOL=CL",), 2, "FUT_SYMBOL (--set) must be one of ES"),
    (("SPY_SYMBOL=QQQ",), 2, "is QQQ; they are not a pair"),
    (("SPY_TO_INDEX_FACTOR=track:0",), 2, "SPY_TO_INDEX_FACTOR (--set) must be track"),
    (("SPY_TO_INDEX_FACTOR=column",), 2, "SPY_TO_INDEX_FACTOR (--set) must be track"),
    (("SPY_TO_INDEX_FACTOR=0",), 2, "SPY_TO_INDEX_FACTOR (--set) must be track"),
    (("DIVIDENDS_FILE=none.csv",), 2, "DIVIDENDS_FILE (--set) none.csv cannot be read"),
    (("DIVIDENDS_FILE=ended.csv",), 3, "DIVIDENDS_FILE (--set) ended.csv ends on 2025-12-19, before"),
    (("DIVIDENDS_FILE=twice.csv",), 3, "twice.csv line 3: 2026-03-20 comes twice"),
    (("DIVIDENDS_FILE=dividends.csv", "DIVIDEND_YIELD_ANNUAL=0.01"), 2, "are both set; keep the schedule"),
    (("DIVIDEND_YIELD_ANNUAL=0.013,CLH26:0.01",), 2, "DIVIDEND_YIELD_ANNUAL (--set) must be a yield"),
    (("RISK_FREE_RATE_ANNUAL=none.csv",), 2, "RISK_FREE_RATE_ANNUAL (--set) none.csv cannot be read"),
    (("RISK_FREE_RATE_ANNUAL=old.csv",), 3, "old.csv has no rate within 7 days"),
    (("FUNDING_RATE_ANNUAL=nan",), 2, "FUNDING_RATE_ANNUAL (--set) must be a decimal"),
]


def refused(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, part: str) -> None:
    """Nothing on standard output, one sentence on standard error, the exit code."""
    assert cli.main(list(words)) == code
    out, err = capsys.readouterr()
    assert out == ""
    (sentence,) = (line for line in err.splitlines() if line.startswith("arbcore: "))
    assert part in sentence
    assert sentence.endswith(".")
    assert "Traceback" not in err


@pytest.mark.parametrize("command", RUNS)
@pytest.mark.parametrize(("wrong", "code", "part", "right"), OF_QUOTES, ids=lambda each: str(each)[:60])
def test_of_quotes(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str, wrong: tuple[str, ...], code: int,
    part: str, right: tuple[str, ...],
) -> None:  # fmt: skip
    refused(capsys, (command, *wrong, *RUNS[command]), code, part)
    assert cli.main([command, *right, *RUNS[command], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows_used"] == 100


@pytest.mark.parametrize(("wrong", "code", "part", "right"), OF_FAIR, ids=lambda each: str(each)[:60])
def test_of_a_fair_value(
    folder: Path, capsys: pytest.CaptureFixture[str], wrong: tuple[str, ...], code: int, part: str,
    right: tuple[str, ...],
) -> None:  # fmt: skip
    refused(capsys, ("fair", *wrong, *NOW), code, part)
    assert cli.main(["fair", *right, *NOW, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fair"] > 6000


@pytest.mark.parametrize(("wrong", "code", "part"), OF_THE_BOT, ids=lambda each: str(each)[:60])
@pytest.mark.parametrize("data", [(), ("--simulate", "ok.csv")])
def test_of_the_bots_settings(
    folder: Path, capsys: pytest.CaptureFixture[str], wrong: tuple[str, ...], code: int, part: str,
    data: tuple[str, ...],
) -> None:  # fmt: skip
    pytest.importorskip("ib_insync")
    changes = [word for each in wrong for word in ("--set", each)]
    refused(capsys, ("ibkr", "--paper", "--duration", "1", *data, *changes), code, part)


@pytest.mark.parametrize("data", ["two_pairs.csv", "two_futures.csv", "both.csv"])
def test_of_what_the_bot_replays(folder: Path, capsys: pytest.CaptureFixture[str], data: str) -> None:
    pytest.importorskip("ib_insync")
    refused(capsys, ("ibkr", "--paper", "--simulate", data, "--duration", "1"), 3, f"{data}, line 1: ")
