"""The desk on recorded rows trades what the backtest trades: rows, prices, shares, reasons and financing."""

from pathlib import Path

import pytest
from desk_replay import Replay
from market_data import data_file
from quotes import random_rows
from reference.level import Seen, auto, tracked

from arbcore.carry._carry import carry_factor, years_to_expiry
from arbcore.carry.calendar import front_contract, read_expiry
from arbcore.carry.level import parse_level
from arbcore.carry.pairs import pair_named
from arbcore.carry.settlement import settlement_day_at
from arbcore.desk.desk_settings import DeskSettings
from arbcore.quotes._csv import CsvReader
from arbcore.research._backtest import Backtest
from arbcore.research._ledger import SIDE_NAMES
from arbcore.research.research_settings import BacktestSettings

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "es_spy_synthetic.csv"
SHARED = (
    "r", "d", "factor", "entry_bps", "exit_bps", "cost_bps", "stop_bps", "max_hold_days", "cooldown_s",
    "contracts", "short_rate", "borrow_rate",
)  # fmt: skip


def rows_of(path: Path) -> list[tuple[int, float, float, float, float]]:
    reader = CsvReader(path.name, expiry_of=read_expiry)
    data, found = path.read_bytes(), []
    while data:
        room = reader.room()
        count = min(len(room), len(data))
        room[:count] = data[:count]
        data = data[count:]
        reader.filled(count)
        found += [row[:5] for row in reader.take(2**62)]
    reader.finish()
    return found + [row[:5] for row in reader.take(2**62)]


def backtested(rows, settings: BacktestSettings, expiry_ns: int):
    run = Backtest(settings, expiries_ns=[expiry_ns], fixed=True, keep_trades=True)
    for row in rows:
        run.feed_row(*row)
    run.end()
    return run, [
        (
            trade.side, trade.entry_ts, trade.exit_ts, trade.contracts, trade.shares, trade.fut_entry,
            trade.fut_exit, trade.etf_entry, trade.etf_exit, trade.entry_dev_bps, trade.exit_dev_bps,
            trade.gross_pnl, trade.exit_reason, trade.financing, trade.dividends,
        )
        for trade in run.take_trades()
    ]  # fmt: skip


def replayed(rows, settings: DeskSettings, expiry_ns: int):
    replay = Replay(settings).start(rows[0][0], expiry_ns)
    for ts_ns, *prices in rows:
        replay.row(ts_ns, prices)
    return replay, [
        (
            SIDE_NAMES[row.side], row.entry_ns, row.exit_ns, row.contracts, row.shares, row.fut_entry,
            row.fut_exit, row.etf_entry, row.etf_exit, row.entry_dev_bps, row.exit_dev_bps, row.gross,
            row.exit_reason, row.financing, row.dividends,
        )
        for row in replay.trades()
    ]  # fmt: skip


def compare(rows, expiry_ns: int, **values) -> int:
    backtest = BacktestSettings(**values)
    shared = {name: getattr(backtest, name) for name in SHARED}
    shared["exit_bps"] = backtest.exit_wanted_bps
    desk = DeskSettings(
        trading_enabled=True, decide_on="row", daily_loss_usd=1e12, roll_before_s=0.0, collar_bps=10_000.0,
        deviation_max_bps=1e6, etf_headroom=2.0,
        pair=pair_named("es-spy" if backtest.multiplier == 50.0 else "mes-spy"), **shared,
    )  # fmt: skip
    run, wanted = backtested(rows, backtest, expiry_ns)
    replay, got = replayed(rows, desk, expiry_ns)
    # An average fill and a sum of money go through a division and other sums than the backtest's.
    exact = [(*each[:5], *each[9:11], *each[12:]) for each in wanted]
    assert [(*each[:5], *each[9:11], *each[12:]) for each in got] == exact
    for mine, theirs in zip(got, wanted, strict=True):
        assert mine[5:9] == pytest.approx(theirs[5:9], rel=1e-15)
        assert mine[11] == pytest.approx(theirs[11], abs=1e-6)
    held = run.open_position_document()
    assert any(replay.session.positions().values()) == (held is not None)
    if str(backtest.factor).startswith("auto"):
        assert replay.session.status()["factor"] == run.values.level_ends()[1]
    return len(wanted)


def test_on_the_sample() -> None:
    rows = rows_of(SAMPLE)
    expiry_ns = front_contract(rows[0][0]).expiry_ns
    for values in (
        {"factor": 10.03},
        {"factor": "auto:390"},
        {"factor": 10.03, "entry_bps": 8.0, "exit_bps": 1.0, "cost_bps": 1.0, "cooldown_s": 600.0},
        {
            "factor": 10.03,
            "entry_bps": 6.0,
            "cost_bps": 0.0,
            "stop_bps": 4.0,
            "max_hold_days": 0.02,
            "multiplier": 5.0,
        },
    ):
        compare(rows, expiry_ns, **values)
    assert compare(rows, expiry_ns, factor=10.03, entry_bps=6.0, exit_bps=0.0, cost_bps=0.0) > 0


@pytest.mark.parametrize("seed", range(6))
def test_on_random_rows(seed: int) -> None:
    rows = [(r.ts_ns, r.es_bid, r.es_ask, r.spy_bid, r.spy_ask) for r in random_rows(seed, 400, step_s=600.0)]
    trades = compare(
        rows, rows[-40][0], factor=10.02, d=0.04, entry_bps=10.0 + seed % 6, exit_bps=2.0,
        cost_bps=1.0, stop_bps=(0.0, 15.0)[seed % 2], max_hold_days=(0.0, 0.3, 0.05)[seed % 3],
        cooldown_s=(0.0, 900.0)[seed % 2],
        contracts=1 + seed % 3, multiplier=(50.0, 5.0)[seed % 2], short_rate=0.02, borrow_rate=0.005,
    )  # fmt: skip
    assert trades > 5


def test_on_real_quotes() -> None:
    rows = rows_of(data_file("ES_Z13_SPY_1min_quotes_20131007-11_rth.csv"))
    expiry_ns = front_contract(rows[0][0]).expiry_ns
    trades = compare(
        rows, expiry_ns, r=0.0005, d=0.02, factor=10.0, entry_bps=2.0, exit_bps=0.5, cost_bps=0.5
    )
    assert (
        compare(
            rows, expiry_ns, r=0.0005, d=0.02, factor="auto:390", entry_bps=1.0, exit_bps=0.0, cost_bps=0.0
        )
        + trades
        > 0
    )


@pytest.mark.parametrize(
    ("rule", "seed"), [("track:30m", 1), ("track:3h", 2), ("track:1h", 3), ("auto:50", 4)]
)
def test_every_row_is_decided_with_the_twins_level(rule: str, seed: int) -> None:
    rows = [(r.ts_ns, r.es_bid, r.es_ask, r.spy_bid, r.spy_ask) for r in random_rows(seed, 400, step_s=600.0)]
    expiry_ns = rows[-1][0] + 10**9
    settings = DeskSettings(
        trading_enabled=True, decide_on="row", daily_loss_usd=1e12, roll_before_s=0.0, collar_bps=10_000.0,
        factor=rule, r=0.05, d=0.02, entry_bps=6.0, exit_bps=1.0, max_hold_days=0.0, cooldown_s=0.0,
    )  # fmt: skip
    parsed = parse_level(rule)
    twin = auto(parsed.rows) if rule.startswith("auto") else tracked(parsed.half_life_s)
    replay, trades = Replay(settings).start(rows[0][0], expiry_ns), 0
    for ts_ns, *prices in rows:
        replay.row(ts_ns, prices)
        es_bid, es_ask, spy_bid, spy_ask = prices
        if es_bid > es_ask or spy_bid > spy_ask or min(prices) <= 0.0:
            continue
        growth = carry_factor(factor=1.0, r=0.05, d=0.02, t=years_to_expiry(ts_ns, expiry_ns))
        x = ((es_bid + es_ask) / 2.0) / ((spy_bid + spy_ask) / 2.0 * growth)
        wanted = twin(Seen(ts_ns, expiry_ns, settlement_day_at(ts_ns), x, 0.05, 0.02))
        assert replay.session.status()["factor"] == wanted
        trades = len(replay.trades())
    assert trades > 3
