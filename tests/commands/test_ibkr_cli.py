"""``arbcore ibkr`` as a person runs it, over the real library and a real connection to our own gateway."""

import argparse
import asyncio
import csv
import itertools
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from market_data import data_file
from pair_market import write_market

from arbcore.carry.pairs import pair_named
from arbcore.commands.ibkr import _Play
from arbcore.core.settings import Config

SAMPLE = Path(__file__).parents[2] / "examples" / "es_spy_synthetic.csv"
PATIENCE_S = 100.0
COLUMNS = "ts,es_bid,es_ask,spy_bid,spy_ask"
#: Sums of money, which the two add up in different orders; all else is the same to the last letter.
MONEY = ("gross_pnl", "cost", "financing", "dividends", "net_pnl")
#: What the gateway charges is the table of a backtest's --fees ibkr, and the bot books that table's rates.
FEES = ("--cost-bps", "0", "--fees", "ibkr")


def environment(**changes: str) -> dict[str, str]:
    """The caller's environment without its own settings of the bot."""
    ours = ("ARBCORE_", "IB_", "FRED_")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(ours)}
    return {**kept, "PYTHONPATH": os.pathsep.join(sys.path), **changes}


def run(*words: str, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "arbcore", *words],
        cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_S, env=environment(**(env or {})),
    )  # fmt: skip


def ledger(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def compare(data: Path, tmp_path: Path, *, env: Mapping[str, str], flags: tuple[str, ...]) -> int:
    """Runs the bot over ``data`` without the limits that a backtest has not, and the backtest on the same
    settings; the number of equal trades.
    """
    words = (
        "ibkr", "--paper", "--simulate", str(data), "--like-backtest", "--db", "p.sqlite3", "--quiet",
    )  # fmt: skip
    env, flags = {"ESTIMATED_COST_BPS": "0", "ARBCORE_DESK_BROKER_RATES": "1", **env}, (*FEES, *flags)
    if "--factor" not in flags:
        env, flags = env | {"SPY_TO_INDEX_FACTOR": "10"}, (*flags, "--factor", "10")
    played = run(*words, "--json", cwd=tmp_path, env=env)
    assert (played.returncode, played.stderr) == (0, "")
    document = json.loads(played.stdout)
    if not document["open_trades"]:
        # The account's own books, kept by the broker's side, are the report's to the cent.
        assert document["books"] == pytest.approx(
            {"pnl": document["net_pnl"], "financing": document["financing"],
             "dividends": document["dividends"]}, abs=0.0051,
        )  # fmt: skip
    assert run("report", "--db", "p.sqlite3", "--trades", "live.csv", cwd=tmp_path).returncode == 0
    assert run("backtest", str(data), *flags, "--trades", "bt.csv", cwd=tmp_path).returncode == 0
    live, expected = ledger(tmp_path / "live.csv"), ledger(tmp_path / "bt.csv")
    sums = [[float(row.pop(name)) for row in rows for name in MONEY] for rows in (live, expected)]
    assert live == expected
    assert sums[0] == pytest.approx(sums[1], abs=1e-9)
    return len(live)


def test_the_bot_does_what_the_backtest_did(tmp_path: Path) -> None:
    env = {
        "ENTRY_THRESHOLD_BPS": "1.8", "EXIT_THRESHOLD_BPS": "0",
        "STOP_LOSS_BPS": "3", "MAX_HOLD_DAYS": "0.02", "COOLDOWN_SECONDS": "120",
    }  # fmt: skip
    flags = (
        "--entry-bps", "1.8", "--exit-bps", "0", "--stop-bps", "3", "--max-hold-days", "0.02",
        "--cooldown-s", "120",
    )  # fmt: skip
    assert compare(SAMPLE, tmp_path, env=env, flags=flags) >= 5


@pytest.mark.parametrize("name", ["es-spy", "mnq-qqq", "ym-dia"])
def test_every_column_of_the_ledger_is_the_backtests_over_an_expiry(name: str, tmp_path: Path) -> None:
    pair = pair_named(name)
    data = write_market(tmp_path, pair)
    env = {
        "FUT_SYMBOL": pair.future, "SPY_SYMBOL": pair.etf, "RISK_FREE_RATE_ANNUAL": "rates.csv",
        "DIVIDENDS_FILE": "dividends.csv", "BORROW_RATE_ANNUAL": "-0.005",
        "FINANCING_SPREAD_BPS": "80", "MAX_HOLD_DAYS": "0", "COOLDOWN_SECONDS": "0",
        "SPY_TO_INDEX_FACTOR": "track:30m", "MAX_FUT_CONTRACTS": "2",
    }  # fmt: skip
    flags = (
        "--pair", name, "--r", "rates.csv", "--dividends", "dividends.csv", "--borrow-rate", "-0.005",
        "--financing-spread-bps", "80", "--factor", "track:30m", "--contracts", "2",
    )  # fmt: skip
    assert compare(data, tmp_path, env=env, flags=flags) >= 15
    # Beside its own backtest with the estimated cost that it wanted, nothing is left unexplained.
    done = run("report", "--db", "p.sqlite3", "--quotes", "quotes.csv", "--json", cwd=tmp_path)
    model = json.loads(done.stdout)["model"]
    assert model["matched"] == len(model["trades"]) >= 15
    assert model["only_model"] == []
    assert max(abs(each["unexplained"]) + abs(each["slippage"]) for each in model["trades"]) < 1e-6
    assert json.loads(done.stdout)["open_trades"] == []
    rows = ledger(tmp_path / "live.csv")
    assert {"expiry", "converged"} <= {row["exit_reason"] for row in rows}
    for column in ("financing", "dividends"):
        assert {float(row[column]) > 0 for row in rows if float(row[column])} == {True, False}, column


#: Sign of the deviation in every row around an expiry: entries, exits, and a pair held over the end.
_AROUND_EXPIRY = (0, 1, 1, 1, 1, 1, 1, 1, 0, -1, -1, 0, 1, 0)


def around_expiry(path: Path, *, first_min: float, roll_min: float | None = None, gap_days: int = 0) -> Path:
    """Rows of ten minutes from before the expiry of September 2026 to after it.

    With ``roll_min`` they name their contract, the next one from so many minutes before the expiry; the last
    five come ``gap_days`` later.
    """
    from arbcore.carry._carry import carry_factor, years_to_expiry
    from arbcore.carry.calendar import contract, front_contract
    from arbcore.core.civil import iso_time

    minute_ns, expiry_ns = 60 * 10**9, contract(2026, 9).expiry_ns
    lines = ["ts,es_bid,es_ask,spy_bid,spy_ask" + ("" if roll_min is None else ",expiry")]
    for number, sign in enumerate(_AROUND_EXPIRY):
        ts_ns = expiry_ns + round((10 * number - 60 + first_min) * minute_ns)
        ts_ns += (number >= len(_AROUND_EXPIRY) - 5) * gap_days * 1_440 * minute_ns
        own_ns = front_contract(ts_ns + round((roll_min or 0.0) * minute_ns)).expiry_ns
        spy = 680.0 + number / 10
        fair = spy * carry_factor(factor=10.0, r=0.045, d=0.014, t=years_to_expiry(ts_ns, own_ns))
        es = round(fair * (1.0 + sign * 40e-4) * 4.0) / 4.0
        prices = [es - 0.25, es + 0.25, round(spy - 0.01, 2), round(spy + 0.01, 2)]
        own = [] if roll_min is None else [iso_time(own_ns)]
        lines.append(",".join(map(str, [iso_time(ts_ns), *prices, *own])))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("first_min", "roll_min", "gap_days", "hold_days", "reasons"),
    [
        (0.0, None, 0, "0", {"expiry", "converged"}),
        (3.0, None, 9, "0.02", {"max_hold", "expiry", "converged"}),
        (0.0, 30.0, 0, "0", {"roll", "converged"}),
    ],
    ids=["a row at the expiry", "none at it, a held pair before, a week without rows", "a roll"],
)
def test_and_over_an_expiry(
    first_min: float, roll_min: float | None, gap_days: int, hold_days: str, reasons: set[str], tmp_path: Path
) -> None:
    data = around_expiry(tmp_path / "q.csv", first_min=first_min, roll_min=roll_min, gap_days=gap_days)
    env = {"STOP_LOSS_BPS": "0", "MAX_HOLD_DAYS": hold_days, "COOLDOWN_SECONDS": "0"}
    assert compare(data, tmp_path, env=env, flags=("--max-hold-days", hold_days)) >= 4
    assert {row["exit_reason"] for row in ledger(tmp_path / "live.csv")} == reasons


def drifting(path: Path) -> Path:
    """A market that is entered at its first rows and then drifts away for good, 70 bps in 6 hours."""
    lines = [COLUMNS]
    for number in range(370):
        es = 6_027.25 + 0.25 * round(number / 2.2)
        time_ts = f"2026-03-02T{14 + (31 + number) // 60:02d}:{(31 + number) % 60:02d}:00Z"
        lines.append(f"{time_ts},{es:.2f},{es + 0.25:.2f},600.00,600.01")
    path.write_text("\n".join([*lines, ""]))
    return path


@pytest.mark.parametrize("like", [False, True])
def test_a_replay_has_all_limits_unless_it_is_to_be_like_a_backtest(like: bool, tmp_path: Path) -> None:
    words = ["ibkr", "--paper", "--simulate", str(drifting(tmp_path / "drift.csv")), "--json"]
    words += ["--set", "SPY_TO_INDEX_FACTOR=10.03", "--set", "MAX_HOLD_DAYS=0", "--set", "COOLDOWN_SECONDS=0"]
    words += ["--set", "RISK_FREE_RATE_ANNUAL=0", "--set", "DIVIDEND_YIELD_ANNUAL=0"]
    done = run(*words, *(["--like-backtest"] if like else []), cwd=tmp_path)
    document = json.loads(done.stdout)
    assert ("--like-backtest: no daily loss limit" in done.stderr) == like
    # The pair of the drift is closed at the day's limit, or held to the end at ten times that.
    assert bool(document["alarms"].get("daily loss")) != like
    if like:
        assert document["position"] == document["positions"] != {"ES": 0, "SPY": 0}
        assert document["unrealised_pnl"] < -1_000.0
        assert document["ending"].endswith(" is held and no bot watches it.")
    else:
        assert document["position"] == {"ES": 0, "SPY": 0}
        assert -450.0 < document["net_pnl"] < -250.0
    assert done.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ES_Z13_SPY_1min_quotes_20131007-11_rth.csv"])
def test_and_on_real_quotes(name: str, tmp_path: Path) -> None:
    env = {
        "ENTRY_THRESHOLD_BPS": "0.8", "EXIT_THRESHOLD_BPS": "0",
        "STOP_LOSS_BPS": "0", "MAX_HOLD_DAYS": "0", "COOLDOWN_SECONDS": "0",
        "RISK_FREE_RATE_ANNUAL": "0.0005", "DIVIDEND_YIELD_ANNUAL": "0.02", "SPY_TO_INDEX_FACTOR": "10.01",
    }  # fmt: skip
    flags = (
        "--entry-bps", "0.8", "--exit-bps", "0", "--r", "0.0005", "--d", "0.02", "--factor", "10.01",
    )  # fmt: skip
    assert compare(data_file(name), tmp_path, env=env, flags=flags) == 2


def test_a_simulated_run_trades_and_its_report_shows_it(tmp_path: Path) -> None:
    done = run(
        "ibkr", "--paper", "--simulate", "--seed", "7", "--duration", "8", "--json", "--flatten", "--quiet",
        "--set", "SPY_TO_INDEX_FACTOR=10", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["schema"], document["mode"]) == ("arbcore.ibkr/1", "simulated")
    assert document["orders_sent"] >= 4
    assert document["positions"] == {"ES": 0, "SPY": 0}
    report = json.loads(run("report", "--json", cwd=tmp_path).stdout)
    assert report["trades"] == document["trades"] >= 1
    assert (tmp_path / "logs" / "arb_bot.log").exists()


def test_without_tws_one_sentence_says_what_to_start(tmp_path: Path) -> None:
    done = run("ibkr", "--paper", "--port", "1", "--quiet", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "Nothing listens at 127.0.0.1 port 1: start TWS or IB Gateway" in line
    assert "7497 paper TWS" in line
    assert "--simulate" in line


@pytest.mark.parametrize(
    ("words", "env", "sentence"),
    [
        (("--live",), {}, "--live trades real money and needs TRADING_ENABLED=1"),
        (("--live",), {"TRADING_ENABLED": "1"}, "--live needs ARBCORE_LIVE_ACCOUNT"),
        (("--live", "--simulate"), {}, "--live is for real money and --simulate for none"),
        (("--paper", "--port", "7496"), {}, "is the port of live trading"),
        (("--paper", "--simulate", "--port", "7400"), {}, "starts a gateway of its own"),
        (("--paper", "--seed", "1"), {}, "--seed is that of a simulated market"),
        (("--paper", "--simulate", "--accept-account"), {}, "starts with an empty store"),
        (("--paper", "--simulate", "-"), {}, "replays a file, not standard input"),
        (("--paper", "--like-backtest"), {}, "use it with --simulate FILE"),
        (("--paper", "--simulate", "--like-backtest"), {}, "use it with --simulate FILE"),
        (("--paper",), {"STOP_LOSS_BPS": "40"}, "the limit always acts first and the stop never"),
        (("--paper", "--simulate"), {"STOP_LOSS_BPS": "40"}, "the limit always acts first and the stop"),
        (("--paper",), {"ENTRY_THRESHOLD_BPS": "lots"}, "ENTRY_THRESHOLD_BPS (environment) must be a number"),
        (("--paper",), {"FUT_SYMBOL": "NQ"}, "they are not a pair: set SPY_SYMBOL=QQQ"),
        (("--paper",), {"FRED_API_KEY": "k", "FRED_SERIES_ID": "DGS10"}, "set FRED_SERIES_ID to one"),
        ((), {}, "One of the arguments --paper --live is required"),
    ],
)
def test_wrong_usage_is_one_sentence_and_leaves_nothing(
    words: tuple[str, ...], env: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    done = run("ibkr", *words, cwd=tmp_path, env=env)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "quotes.csv does not exist; check the path."),
        ("ts,es_bid\n1,2\n", "quotes.csv, line 1: there is no column es_ask"),
        ("", "quotes.csv is empty"),
        (f"{COLUMNS}\n2026-01-05T15:00:00Z,6800,x,680,680.01\n",
         "quotes.csv, line 2, column es_ask: 'x' is not a number; correct it."),
    ],
)  # fmt: skip
def test_bad_data_for_a_replay_is_the_sentence_of_a_backtest(
    content: str | None, sentence: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "quotes.csv").write_text(content)
    done = run("ibkr", "--paper", "--simulate", "quotes.csv", "--quiet", cwd=tmp_path)
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"arbcore: {sentence}")
    assert "--skip-bad" not in line
    assert not (tmp_path / "arb_bot.simulated.sqlite3").exists()


def test_a_bad_row_in_the_middle_of_a_replay_ends_it_with_its_place(tmp_path: Path) -> None:
    rows = [f"2026-01-05T15:{n:02d}:00Z,6800,6800.25,680,680.01" for n in range(30)]
    rows[20] = "2026-01-05T15:20:00Z,6800,6800.25,680"
    (tmp_path / "quotes.csv").write_text("\n".join([COLUMNS, *rows, ""]))
    done = run("ibkr", "--paper", "--simulate", "quotes.csv", "--quiet", cwd=tmp_path)
    assert done.returncode == 3
    assert "arbcore: quotes.csv, line 22" in done.stderr
    assert "--skip-bad" not in done.stderr


def test_a_recording_of_a_replay_is_the_data(tmp_path: Path) -> None:
    lines = SAMPLE.read_text().splitlines()[:80]
    (tmp_path / "quotes.csv").write_text("\n".join([*lines, ""]))
    words = ("ibkr", "--paper", "--simulate", "quotes.csv", "--quiet", "--record", "again.csv")
    done = run(*words, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")

    def rows(name: str) -> list[tuple[str, ...]]:
        found = csv.DictReader((tmp_path / name).read_text().splitlines())
        return [(row["ts"], *(f"{float(row[key]):.2f}" for key in COLUMNS.split(",")[1:])) for row in found]

    expected = [row for before, row in itertools.pairwise([(), *rows("quotes.csv")]) if row[1:] != before[1:]]
    assert rows("again.csv") == expected
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "again.csv").stat().st_mode) == 0o600


def test_a_recording_carries_the_contract_that_was_traded(tmp_path: Path) -> None:
    """The later contract, which no calendar guesses: its own backtest, its check and its replay know it."""
    named = around_expiry(tmp_path / "named.csv", first_min=0.0, roll_min=4_320.0).read_text().splitlines()
    (tmp_path / "bare.csv").write_text("".join(line.rpartition(",")[0] + "\n" for line in named))
    env = {
        "FUT_USE_FRONT_MONTH": "0", "ARBCORE_FUT_EXPIRY": "2026-12-18", "SPY_TO_INDEX_FACTOR": "10",
        "MAX_HOLD_DAYS": "0", "COOLDOWN_SECONDS": "0",
    }  # fmt: skip
    words = ("ibkr", "--paper", "--like-backtest", "--quiet", "--json", "--simulate")
    done = run(*words, "bare.csv", "--db", "p.sqlite3", "--record", "seen.csv", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    seen = ledger(tmp_path / "seen.csv")
    assert {row["expiry"] for row in seen} == {"2026-12-18T14:30:00Z"}
    model = json.loads(run("report", "--db", "p.sqlite3", "--json", cwd=tmp_path).stdout)["model"]
    assert model["matched"] == len(model["trades"]) >= 3
    assert model["only_model"] == []
    assert max(abs(each["unexplained"]) for each in model["trades"]) < 1e-6
    assert run("quotes", "check", "seen.csv", cwd=tmp_path).returncode == 0
    # Replayed, it needs no word about its contract.
    del env["FUT_USE_FRONT_MONTH"], env["ARBCORE_FUT_EXPIRY"]
    again = run(*words, "seen.csv", "--db", "again.sqlite3", cwd=tmp_path, env=env)
    first, second = json.loads(done.stdout), json.loads(again.stdout)
    assert (second["trades"], second["net_pnl"]) == (first["trades"], first["net_pnl"])


def test_no_half_of_an_update_is_recorded(tmp_path: Path) -> None:
    words = ("ibkr", "--paper", "--simulate", "--seed", "3", "--duration", "4", "--quiet")
    assert run(*words, "--record", "q.csv", cwd=tmp_path).returncode == 0
    summary = json.loads(run("backtest", "q.csv", "--json", cwd=tmp_path).stdout)
    assert summary["rows"] == summary["rows_used"] > 10


@pytest.mark.parametrize("content", [b"my notes\n", b"\xff\xfe\x00"])
def test_a_wrong_recording_is_said_before_anything_is_replaced(content: bytes, tmp_path: Path) -> None:
    words = ("ibkr", "--paper", "--simulate", "--seed", "3", "--duration", "1", "--quiet")
    assert run(*words, cwd=tmp_path).returncode == 0
    before = (tmp_path / "arb_bot.simulated.sqlite3").read_bytes()
    (tmp_path / "notes.txt").write_bytes(content)
    done = run(*words, "--record", "notes.txt", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    sentence = "notes.txt exists and is not a recording of es-spy; name another file with --record."
    assert sentence in done.stderr
    assert (tmp_path / "arb_bot.simulated.sqlite3").read_bytes() == before
    assert (tmp_path / "notes.txt").read_bytes() == content


def test_a_replay_is_not_recorded_into_itself(tmp_path: Path) -> None:
    (tmp_path / "quotes.csv").write_text(f"{COLUMNS}\n")
    words = ("ibkr", "--paper", "--simulate", "quotes.csv", "--record", "./quotes.csv")
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert "--record quotes.csv would overwrite the data; name another file." in done.stderr


def test_a_real_store_is_never_replaced_by_a_simulation(tmp_path: Path) -> None:
    from stores import opened

    opened(tmp_path / "arb_bot.sqlite3").close()
    done = run("ibkr", "--paper", "--simulate", "--db", "arb_bot.sqlite3", cwd=tmp_path)
    assert done.returncode == 2
    assert "belongs to a paper account; name another with --db" in done.stderr
    opened(tmp_path / "arb_bot.sqlite3").close()


class Ending:
    """A bot whose run is over when it is told to stop, and is interrupted once more in its last step."""

    def __init__(self, play: Any) -> None:
        self._play = play
        self._over = asyncio.Event()

    def stop(self, _: str) -> None:
        self._over.set()

    async def run(self) -> None:
        self._play._signalled(signal.SIGINT, None)
        await self._over.wait()
        self._play._signalled(signal.SIGINT, None)

    async def show(self) -> None:
        await asyncio.Event().wait()


def test_an_interrupt_of_a_run_that_is_just_over_is_no_failure() -> None:
    play: Any = _Play(argparse.Namespace(), Config({}, ()))

    async def main() -> None:
        bot = Ending(play)
        await play._main(bot, bot)

    asyncio.run(main())
    assert play._stopping


@pytest.mark.skipif(os.name != "posix", reason="signals as Unix has them")
@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 0), (signal.SIGHUP, 0)]
)
def test_each_signal_stops_in_order(number: int, expected: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "arbcore", "ibkr", "--paper", "--simulate", "--seed", "3", "--json"]
    process: Any = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )
    try:
        for line in process.stderr:
            if "ACTIVE" in line:
                break
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == expected, err
    assert json.loads(out)["reasons"] == ["stopping"]
    assert json.loads(out)["ending"].endswith(("Nothing is held.", "is held and no bot watches it."))


@pytest.mark.skipif(os.name != "posix", reason="signals as Unix has them")
def test_a_run_that_is_to_outlive_its_terminal_does(tmp_path: Path) -> None:
    """As under ``nohup``, which ignores the signal of a terminal that was closed."""
    command = [sys.executable, "-m", "arbcore", "ibkr", "--paper", "--simulate", "--seed", "3", "--json"]
    process: Any = subprocess.Popen(
        ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *command, "--duration", "4"], cwd=tmp_path,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    try:
        for line in process.stderr:
            if "ACTIVE" in line:
                break
        process.send_signal(signal.SIGHUP)
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.wait()
    assert "Stopping: the duration is over." in err
    assert json.loads(out)["duration_s"] > 4.0


def test_a_gateway_that_is_late_is_waited_for(tmp_path: Path) -> None:
    """The first connection fails until something listens; without --wait that ends the run."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["ibkr", "--paper", "--port", str(port), "--duration", "1", "--json"]
    process: Any = subprocess.Popen(
        [sys.executable, "-m", "arbcore", *words, "--wait", "31536000"], cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    gateway: Any = None
    try:
        for line in process.stderr:
            if "Waiting up to 31,536,000 s for it." in line:
                break
        gateway = subprocess.Popen(
            [sys.executable, "-m", "arbcore", "gateway", "--port", str(port), "--seed", "1", "--quiet"],
            cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(),
        )
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        for each in filter(None, (process, gateway)):
            each.kill()
            each.wait()
    assert process.returncode == 0, err
    assert json.loads(out)["connections"] == 1


def test_waiting_ends_with_what_was_waited_for(tmp_path: Path) -> None:
    done = run("ibkr", "--paper", "--port", "1", "--wait", "1.5", "--quiet", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Nothing listens at 127.0.0.1 port 1" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals as Unix has them")
@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 0), (signal.SIGHUP, 0)]
)
@pytest.mark.parametrize("times", [1, 2])
def test_a_stop_while_nothing_answers_ends_it(
    number: int, expected: int, times: int, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        command = [sys.executable, "-m", "arbcore", "ibkr", "--paper", "--json", "--set"]
        process: Any = subprocess.Popen(
            [*command, "ARBCORE_CONNECT_TIMEOUT_S=600", "--port", str(silent.getsockname()[1])],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
        )  # fmt: skip
        try:
            # It connects, and hears nothing ever.
            connection, _ = silent.accept()
            with connection:
                for _ in range(times):
                    process.send_signal(number)
                out, err = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
            process.wait()
    if times == 2:
        # The second may find the run over, or cut it off.
        assert process.returncode in (expected, 130 if number == signal.SIGINT else 1), err
    else:
        assert process.returncode == expected, err
        document = json.loads(out)
        assert (document["state"], document["orders_sent"], document["connections"]) == (None, 0, 0)
        assert "Stopped before there was a connection" in err


def test_the_kill_switch_closes_everything_and_stays(tmp_path: Path) -> None:
    """A pair is held, which no signal would ever close; then comes the file, and a stop right behind it."""
    words = ["ibkr", "--paper", "--simulate", "--seed", "7", "--json", "--set", "EXIT_THRESHOLD_BPS=-1000"]
    process: Any = subprocess.Popen(
        [sys.executable, "-m", "arbcore", *words, "--set", "DAILY_LOSS_LIMIT_USD=1e6", "--duration", "90"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    try:
        heard = []
        for line in process.stderr:
            heard.append(line)
            if re.search(r" ES=[+-]1 ", line):
                (tmp_path / "KILL_SWITCH").write_text("a person says so\n")
            if "kill switch is on" in line:
                break
        deadline_s = time.monotonic() + PATIENCE_S
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=deadline_s - time.monotonic())
    finally:
        process.kill()
        process.wait()
    document = json.loads(out)
    assert process.returncode == 1, heard
    assert document["positions"] == {"ES": 0, "SPY": 0}
    assert run("report", "--trades", "ledger.csv", cwd=tmp_path).returncode == 0
    assert [row["exit_reason"] for row in ledger(tmp_path / "ledger.csv")] == ["kill"]
    again = run(*words, "--duration", "4", "--quiet", cwd=tmp_path)
    assert (again.returncode, json.loads(again.stdout)["orders_sent"]) == (1, 0)
    assert (tmp_path / "KILL_SWITCH").read_text() == "a person says so\n"
