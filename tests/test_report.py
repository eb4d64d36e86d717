"""What the carry bot did, out of its store: money from executions, unknown where it is not known."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from stores import NOW_NS, execution, opened, order, trade

from arbcore.carry.backtest import TRADE_COLUMNS
from arbcore.errors import InputError
from arbcore.report import document, exchange_date, ledger, read_store, summary_lines
from arbcore.store import Signal, Store

MINUTE_NS = 60 * 10**9


def fill(store: Store, number: int, leg: str, side: int, **changes: Any) -> list[Any]:
    """An order at its limit and its execution in full; ``price`` may be better or worse."""
    letter = "E" if leg == "ES" else "S"
    ref = f"{store.store_id}-{number:07d}{letter}"
    quantity = 1 if leg == "ES" else 500
    limit = changes.pop("limit")
    role = changes.pop("role")
    row = order(
        store, number, ref=ref, leg=leg, side=side, quantity=quantity, limit=limit, role=role,
        state="filled", filled=quantity, created_ns=NOW_NS + number,
    )  # fmt: skip
    done = execution(
        store, key=f"{number:04d}.01", exec_id=f"{number:04d}.01.01", ref=ref, leg=leg, side=side,
        quantity=quantity, multiplier=50.0 if leg == "ES" else 1.0, ts_ns=NOW_NS + number * MINUTE_NS,
        **{"commission": 2.25, "price": limit, **changes},
    )  # fmt: skip
    return [row, done]


def fill_store(store: Store, **last: Any) -> None:
    """One cash and carry, won 25 on ES and lost 5 on SPY before commissions, 12.50 of slippage on the way."""
    store.save(
        [
            *fill(store, 1, "ES", -1, limit=6800.25, role="entry"),
            *fill(store, 2, "SPY", 1, limit=680.00, role="entry"),
            *fill(store, 3, "ES", 1, limit=6799.50, price=6799.75, role="exit"),
            *fill(store, 4, "SPY", -1, limit=679.99, role="exit", **last),
            trade(
                phase="closed", contracts=1, shares=500, es_entry=6800.25, es_exit=6799.75, spy_entry=680.0,
                spy_exit=679.99, exit_ns=NOW_NS + 4 * MINUTE_NS, exit_dev_bps=4.5, exit_reason="converged",
            ),
        ]
    )  # fmt: skip
    store.note_event(NOW_NS, level="info", kind="state", text="ACTIVE")
    store.note_event(NOW_NS, level="alarm", kind="stale ES", text="No tick.")
    store.note_signal(Signal(NOW_NS, "enter_cash_and_carry", dev_bps=24.5))
    store.note_signal(Signal(NOW_NS, "enter_cash_and_carry", refusal="REDUCING", dev_bps=24.5))
    store.note_signal(Signal(NOW_NS, "sample"))


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
    store.close()
    report = found(path)
    assert report["signals"] == {
        "acted_on": {"enter_cash_and_carry": 1}, "refused": {"REDUCING": 1}, "samples": 1,
    }  # fmt: skip
    assert report["alarms"] == {"stale ES": 1}
    assert report["state"] == "ACTIVE"


def test_an_unknown_commission_makes_the_net_unknown_never_zero(path: Path) -> None:
    store = opened(path)
    fill_store(store, commission=None)
    store.close()
    report = found(path)
    assert report["commissions_unknown"] == 1
    assert (report["commissions"], report["net_pnl"]) == (None, None)
    assert report["gross_pnl"] == pytest.approx(20.0)
    assert "net P&L         unknown" in "\n".join(summary_lines(report))
    row = dict(zip(TRADE_COLUMNS, next(iter(ledger(read_store(path)))), strict=True))
    assert (row["cost"], row["net_pnl"]) == ("", "")


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
    store.save([*fill(store, 1, "ES", -1, limit=6800.25, role="entry"), trade(phase="hedging", contracts=1)])
    store.close()
    report = found(path)
    assert (report["trades"], report["positions"]["ES"]) == (0, -1)
    assert [row["phase"] for row in report["open_trades"]] == ["hedging"]
    assert "cash_and_carry hedging" in "\n".join(summary_lines(report))


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
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["schema"] == "arbcore.report/1"
    rows = list(csv.DictReader((tmp_path / "ledger.csv").read_text().splitlines()))
    assert tuple(rows[0]) == TRADE_COLUMNS
    assert (rows[0]["side"], rows[0]["exit_reason"]) == ("cash_and_carry", "converged")
    assert rows[0]["es_exit"] == "6799.75"


def test_the_command_finds_the_store_of_a_simulated_run(tmp_path: Path) -> None:
    opened(tmp_path / "arb_bot.simulated.sqlite3", account="DUSIM000001", mode="simulated").close()
    done = run(cwd=tmp_path)
    assert done.returncode == 0
    assert "there is no store arb_bot.sqlite3; this is arb_bot.simulated.sqlite3" in done.stderr
    assert "simulated account DUSIM000001" in done.stdout


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "There is no store"), (b"ts,es_bid\n", "is no store of arbcore"), (b"", "is an empty store")],
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
