"""What the carry bot did, out of its store: money from executions, unknown where it is not known."""

import csv
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bot_store import MINUTE_NS, ended, fill, fill_store
from stores import NOW_NS, opened, trade

from arbcore.broker.report import document, exchange_date, ledger, read_store, summary_lines, to_html
from arbcore.carry.pairs import FUT
from arbcore.core.civil import read_time
from arbcore.core.ledger_columns import LEDGER_NAMES
from arbcore.desk.records import AdjustmentRow
from arbcore.errors import InputError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "arb_bot.sqlite3"


def found(path: Path) -> dict[str, Any]:
    return document(read_store(path))


def test_money_is_that_of_the_executions(path: Path) -> None:
    store = opened(path)
    fill_store(store)
    store.close()
    report = found(path)
    assert (report["trades"], report["wins"]) == (1, 1)
    assert report["gross_pnl"] == pytest.approx(25.0 - 5.0)
    assert report["commissions"] == 9.0
    assert report["net_pnl"] == pytest.approx(11.0)
    assert report["legs"]["ES"]["gross_pnl"] == pytest.approx(25.0)
    assert report["legs"]["SPY"]["gross_pnl"] == pytest.approx(-5.0)
    # Bought back a tick above the price of the decision.
    assert report["slippage"] == pytest.approx(-12.5)
    assert report["positions"] == {"ES": 0, "SPY": 0}


def test_what_was_seen_and_said(path: Path) -> None:
    store = opened(path)
    fill_store(store)
    store.note_pulse(ended(state="ACTIVE", reasons="[]"))
    store.close()
    report = found(path)
    assert report["signals"] == {
        "acted_on": {"enter_cash_and_carry": 1}, "refused": {"REDUCING": 1}, "samples": 1,
    }  # fmt: skip
    assert report["alarms"] == {"stale ES": 1}
    assert report["state"] == "ACTIVE"


def test_a_run_that_ended_in_order_says_so_and_costs_of_nothing_have_no_sign(path: Path) -> None:
    store = opened(path)
    store.note_event(NOW_NS, level="info", kind="state", text="REDUCING: stopping")
    store.note_pulse(ended())
    store.close()
    report = found(path)
    assert report["state"] == "REDUCING: stopping"
    lines = summary_lines(report)
    assert any(line.startswith("  run             stopped in order at 20") for line in lines)
    assert "    commissions   +0.00 USD" in lines
    assert "; holds nothing" in to_html(report, read_store(path))


def test_what_was_not_decided_is_counted_by_reason(path: Path) -> None:
    store = opened(path)
    for day in range(3):
        store.note_skipped(NOW_NS + day * 86_400 * 10**9, reason="SPY closed", count=4)
        store.note_skipped(NOW_NS + day * 86_400 * 10**9, reason="ES stale", count=1)
    store.note_skipped(NOW_NS, reason="SPY closed", count=1_000)
    store.close()
    report = found(path)
    assert report["not_decided"] == {"ES stale": 3, "SPY closed": 1_012}
    assert "  not decided     3 ES stale, 1,012 SPY closed" in summary_lines(report)
    assert len(read_store(path).skipped) == 6


def test_an_unknown_commission_makes_the_net_unknown_never_zero(path: Path) -> None:
    store = opened(path)
    fill_store(store, commission=None)
    store.close()
    report = found(path)
    assert report["commissions_unknown"] == 1
    assert (report["commissions"], report["net_pnl"]) == (None, None)
    assert report["gross_pnl"] == pytest.approx(20.0)
    assert "net P&L         unknown" in "\n".join(summary_lines(report))
    row = dict(zip(LEDGER_NAMES, next(iter(ledger(read_store(path)))), strict=True))
    assert (row["cost"], row["net_pnl"]) == (None, None)


def test_what_others_closed_is_shown_and_stands_in_no_sum(path: Path) -> None:
    store = opened(path)
    fill_store(store)
    rows = [*fill(store, 11, FUT, -1, limit=6800.25, role="entry", trade_id=2)]
    by_hand = AdjustmentRow("2-ES-1", 2, FUT, 1, "by_hand", NOW_NS + MINUTE_NS)
    over = trade(trade_id=2, phase="closed", contracts=1, exit_reason="by_hand", exit_ns=NOW_NS + MINUTE_NS)
    store.save([*rows, by_hand, over])
    store.close()
    report = found(path)
    assert (report["trades"], report["adjusted_trades"], report["wins"]) == (2, 1, 1)
    assert report["net_pnl"] == pytest.approx(11.0)
    assert report["legs"]["ES"]["gross_pnl"] == pytest.approx(25.0)
    assert report["positions"] == {"ES": 0, "SPY": 0}
    assert [(day["trades"], day["gross_pnl"]) for day in report["days"]] == [(2, pytest.approx(20.0))]
    assert "pair 2: +1 ES, closed by hand" in "\n".join(summary_lines(report))
    row = dict(zip(LEDGER_NAMES, list(ledger(read_store(path)))[-1], strict=True))
    assert (row["gross_pnl"], row["net_pnl"], row["fut_exit"]) == (None, None, None)
    assert row["exit_reason"] == "by_hand"
    assert "1 trade of these was closed by hand or at expiry" in to_html(report, read_store(path))


def test_days_are_new_yorks(path: Path) -> None:
    # Half past seven in the evening in New York is the next date in UTC.
    assert exchange_date("2026-11-21T00:30:00Z") == "2026-11-20"
    store = opened(path)
    fill_store(store)
    store.close()
    day = found(path)["days"]
    assert [(row["trades"], row["executions"]) for row in day] == [(1, 4)]


def test_an_open_pair_is_shown_and_not_counted(path: Path) -> None:
    store = opened(path)
    store.save([*fill(store, 1, FUT, -1, limit=6800.25, role="entry"), trade(phase="hedging", contracts=1)])
    store.close()
    report = found(path)
    assert (report["trades"], report["positions"]["ES"]) == (0, -1)
    assert [row["phase"] for row in report["open_trades"]] == ["hedging"]
    assert "cash_and_carry hedging" in "\n".join(summary_lines(report))


def test_a_trade_has_its_prices_at_the_signals_and_its_repo(path: Path) -> None:
    store = opened(path)
    fill_store(store)
    store.close()
    (found_trade,) = found(path)["closed_trades"]
    names = ("fut_entry_signal", "fut_exit_signal", "etf_entry_signal", "etf_exit_signal")
    assert [found_trade[name] for name in names] == [6800.25, 6799.5, 680.0, 679.99]
    # That of the signal acted on, not of the refused one.
    assert found_trade["entry_implied_repo"] == 0.0431


def test_a_price_that_no_decision_named_is_unknown(path: Path) -> None:
    store = opened(path)
    store.save([*fill(store, 1, FUT, -1, limit=6800.25, role="entry"), trade(phase="hedging", contracts=1)])
    store.close()
    (found_trade,) = found(path)["open_trades"]
    assert found_trade["fut_entry_signal"] == 6800.25
    assert (found_trade["etf_entry_signal"], found_trade["entry_implied_repo"]) == (None, None)


def test_a_day_has_its_pnl_by_leg(path: Path) -> None:
    store = opened(path)
    fill_store(store)
    store.close()
    (day,) = found(path)["days"]
    assert day["legs"] == {"ES": pytest.approx(25.0), "SPY": pytest.approx(-5.0)}
    assert (day["commissions"], day["net_pnl"]) == (9.0, pytest.approx(11.0))


def test_orders_are_counted_by_role_and_state(path: Path) -> None:
    store = opened(path)
    fill_store(store)
    store.close()
    assert found(path)["orders_by_role"] == {"entry": {"filled": 2}, "exit": {"filled": 2}}


def test_states_end_where_the_next_begins_and_with_the_run(path: Path) -> None:
    store = opened(path)
    said = [
        (0, "connected", "Connected."), (0, "state", "HALTED: not connected"), (1, "state", "ACTIVE"),
        (5, "link_lost", "Lost."), (5, "state", "HALTED: not connected"), (6, "connected", "Connected."),
        (6, "state", "HALTED: comparing with the broker"), (7, "state", "ACTIVE"), (9, "stale", "x"),
        # A new run: the one before ended with what it said last.
        (60, "connected", "Connected."), (60, "state", "HALTED: not connected"), (61, "state", "ACTIVE"),
        (65, "stop", "Stopping."),
    ]  # fmt: skip
    for minutes, kind, text in said:
        store.note_event(NOW_NS + minutes * MINUTE_NS, level="info", kind=kind, text=text)
    store.close()
    spans = [
        (span["state"], span["reasons"], *((read_time(span[key]) - NOW_NS) // MINUTE_NS
         for key in ("from_ts", "to_ts")))
        for span in found(path)["states"]
    ]  # fmt: skip
    assert spans == [
        ("HALTED", "not connected", 0, 1), ("ACTIVE", "", 1, 5), ("HALTED", "not connected", 5, 6),
        ("HALTED", "comparing with the broker", 6, 7), ("ACTIVE", "", 7, 9),
        ("HALTED", "not connected", 60, 61), ("ACTIVE", "", 61, 65),
    ]  # fmt: skip


def test_an_empty_store_says_that_nothing_happened(path: Path) -> None:
    opened(path).close()
    assert "nothing happened yet" in summary_lines(found(path))[0]


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "arbcore", "report", *arguments],
        cwd=cwd, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip


def test_the_command_writes_the_ledger_in_the_backtests_columns(path: Path, tmp_path: Path) -> None:
    store = opened(path)
    fill_store(store)
    store.close()
    done = run("--trades", "ledger.csv", "--json", cwd=tmp_path)
    said = "arbcore: the ledger of 1 closed trade is in ledger.csv.\n"
    assert (done.returncode, done.stderr) == (0, said)
    assert json.loads(done.stdout)["schema"] == "arbcore.report/1"
    rows = list(csv.DictReader((tmp_path / "ledger.csv").read_text().splitlines()))
    assert tuple(rows[0]) == LEDGER_NAMES
    assert (rows[0]["side"], rows[0]["exit_reason"]) == ("cash_and_carry", "converged")
    assert rows[0]["fut_exit"] == "6799.75"


def test_the_command_writes_the_page(path: Path, tmp_path: Path) -> None:
    store = opened(path)
    fill_store(store)
    store.close()
    done = run("--html", "bot.html", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "arbcore: the report is in bot.html.\n")
    rows = read_store(path)
    assert (tmp_path / "bot.html").read_text(encoding="utf-8") == to_html(document(rows), rows)


@pytest.mark.skipif(os.name != "posix", reason="modes as Unix has them")
def test_files_that_name_the_account_are_its_owners_alone(path: Path, tmp_path: Path) -> None:
    opened(path).close()
    (tmp_path / "bot.html").write_text("an older page that everybody could read")
    assert run("--html", "bot.html", "--trades", "ledger.csv", cwd=tmp_path).returncode == 0
    for name in ("bot.html", "ledger.csv"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_the_command_never_writes_a_page_over_the_store(path: Path, tmp_path: Path) -> None:
    opened(path).close()
    before = path.read_bytes()
    done = run("--html", path.name, cwd=tmp_path)
    assert done.returncode == 2
    assert "would overwrite the store" in done.stderr
    assert path.read_bytes() == before


def test_the_command_finds_the_store_of_a_simulated_run(tmp_path: Path) -> None:
    opened(tmp_path / "arb_bot.simulated.sqlite3", account="DUSIM000001", mode="simulated").close()
    done = run(cwd=tmp_path)
    assert done.returncode == 0
    said = "there is no store arb_bot.sqlite3; this is arb_bot.simulated.sqlite3, of a simulated run."
    assert said in done.stderr
    assert "simulated account DUSIM000001" in done.stdout


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "There is no store"), (b"ts,es_bid\n", "is not a store of arbcore"), (b"", "is an empty store")],
)
def test_what_is_no_store_is_one_sentence(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    path = tmp_path / "x.sqlite3"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        read_store(path)
    done = run("--db", "x.sqlite3", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert sentence in done.stderr
