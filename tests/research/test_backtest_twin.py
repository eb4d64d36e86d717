"""The compiled backtest against its twin: every trade, every point of equity, every statistic, bit by bit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quotes import START_NS, assert_same, constant, random_rows, run_both
from reference.quotes import QuoteReader, Row

from arbcore.carry import calendar
from arbcore.errors import BrokenInvariant, InputError
from arbcore.research._backtest import Backtest
from arbcore.research.research_settings import DAY_NS

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
REAL = (
    "ES_Z13_SPY_1min_quotes_20131007-11_rth.csv",
    "ES_H14_SPY_1min_quotes_20131007-11_rth.csv",
    "ES_Z13_SPY_1min_quotes_20131007-11_exthours_raw.csv",
)
EAGER = constant(entry_bps=4, exit_bps=0, cost_bps=1)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"stop_bps": 6.0},
        {"max_hold_days": 0.3, "cooldown_s": 7_200.0},
        {"fill": "mid", "contracts": 3, "multiplier": 5.0},
        {"es_slippage_ticks": 0.5, "spy_slippage_ticks": 1.0, "close_at_end": True},
        {"funding_rate": 0.04, "borrow_rate": 0.01},
        {"es_fee": 2.25, "spy_fee": 0.005, "spy_fee_min": 3.0},
        {"es_latency_rows": 1, "spy_latency_rows": 1},
        {"es_latency_rows": 0, "spy_latency_rows": 3, "stop_bps": 6.0, "spy_fee": 0.01},
        {"es_latency_rows": 7, "spy_latency_rows": 2, "funding_rate": 0.04, "es_slippage_ticks": 1.0},
        {"factor": "auto:20"},
        {"factor": "track:5h"},
        {"factor": "track:60m", "funding_rate": None, "short_rate": 0.02, "es_latency_rows": 1},
        {"factor": "auto:7", "exit_bps": -30.0, "close_at_end": True},
    ],
    ids=lambda changes: "+".join(changes) or "plain",
)
def test_seeded_runs_are_equal_bit_by_bit(seed: int, changes: dict[str, Any]) -> None:
    # Up to five weeks from the second of March: the front contract changes under open positions.
    plain, compiled = run_both(random_rows(seed, 500), replace(EAGER, **changes))
    assert plain.trades, f"seed {seed} made no trade"
    assert_same(plain, compiled, f"seed {seed}")


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"exit_bps": 3.0, "stop_bps": 2.0},
        {"entry_bps": -2.0, "cost_bps": 0.0, "exit_bps": -1.0, "max_hold_days": 0.001},
        {"entry_bps": 20_000.0},
        {"entry_bps": -20_000.0, "exit_bps": 20_000.0},
        {"cooldown_s": 30.0, "stop_bps": 30_000.0},
    ],
    ids=str,
)
def test_runs_of_rows_that_cause_nothing_are_equal_bit_by_bit(seed: int, changes: dict[str, Any]) -> None:
    # Rows a few tenths of a second apart, most of which leave everything as it is; midnight is among them.
    rows = random_rows(seed, 1_500, step_s=0.4, wide=1.0)
    for row in rows:
        row.ts_ns += 9 * 3_600 * 10**9 + 1_750 * 10**9
    plain, compiled = run_both(rows, replace(EAGER, factor=10.02, **changes))
    assert_same(plain, compiled, f"seed {seed}")


@pytest.mark.parametrize("seed", range(6))
def test_rolls_are_equal(seed: int) -> None:
    rows = random_rows(seed, 300)
    for at, row in enumerate(rows):
        row.expiry_ns = START_NS + (60 + 90 * (at // 37)) * DAY_NS
        row.factor = 10.0 + (at % 5) * 0.001
    for latency in ({}, {"es_latency_rows": 2, "spy_latency_rows": seed}):
        plain, compiled = run_both(rows, replace(EAGER, exit_bps=-20.0, **latency))
        assert "roll" in {trade.exit_reason for trade in plain.trades}, f"seed {seed}"
        assert_same(plain, compiled, f"seed {seed}, {latency}")


def test_a_roll_closes_at_the_last_row_of_the_old_contract() -> None:
    first, second = START_NS + 10 * DAY_NS, START_NS + 100 * DAY_NS
    rows = [
        Row(2, START_NS, 6040.0, 6040.25, 600.0, 600.01, first),
        Row(3, START_NS + 1, 6041.0, 6041.25, 600.0, 600.01, first),
        Row(4, START_NS + 2, 6000.0, 6000.25, 600.0, 600.01, second),
    ]
    plain, compiled = run_both(rows, EAGER)
    trade = plain.trades[0]
    assert (trade.exit_reason, trade.exit_ts, trade.fut_exit) == ("roll", START_NS + 1, 6041.25)
    assert plain.equity[1] == (START_NS + 1, trade.net_pnl)
    assert_same(plain, compiled)


def test_a_position_is_closed_at_the_first_row_at_its_expiry() -> None:
    expiry_ns = START_NS + 5
    rows = [Row(2 + at, START_NS + at, 6040.0, 6040.25, 600.0, 600.01) for at in (0, 2, 5, 6)]
    plain, compiled = run_both(rows, EAGER, expiry_ns=expiry_ns)
    assert [(t.exit_reason, t.exit_ts) for t in plain.trades] == [("expiry", expiry_ns)]
    assert_same(plain, compiled)


def test_without_an_expiry_a_position_keeps_the_front_one_it_was_opened_under() -> None:
    front_ns = calendar.front_contract(START_NS).expiry_ns
    rows = [
        Row(2, front_ns - 10, 6040.0, 6040.25, 600.0, 600.01),
        Row(3, front_ns, 6040.0, 6040.25, 600.0, 600.01),
    ]
    plain, compiled = run_both(rows, EAGER)
    assert [t.exit_reason for t in plain.trades] == ["expiry"]
    assert_same(plain, compiled)


@pytest.mark.parametrize("close", [False, True])
def test_an_open_position_is_counted_only_where_it_is_closed(close: bool) -> None:
    rows = [Row(2 + at, START_NS + at, 6040.0 + at, 6040.25 + at, 600.0, 600.01) for at in range(3)]
    plain, compiled = run_both(rows, replace(EAGER, close_at_end=close))
    summary = compiled.summary()
    assert summary["trades"] == int(close)
    assert (compiled.open_position_document() is None) == close
    assert (summary["net_pnl"] == 0.0) != close
    assert_same(plain, compiled)


def test_money_by_hand() -> None:
    # Short 1 ES at 6040, long 503 SPY at 600.01 (50·6040/600.01 = 503.3); out at 6000.25 and 600.0.
    rows = [
        Row(2, START_NS, 6040.0, 6040.25, 600.0, 600.01),
        Row(3, START_NS + DAY_NS, 6000.0, 6000.25, 600.0, 600.01),
    ]
    plain, compiled = run_both(
        rows, replace(EAGER, r=0.0, d=0.0, exit_bps=1.0), expiry_ns=START_NS + 30 * DAY_NS
    )
    trade = plain.trades[0]
    assert (trade.side, trade.shares, trade.exit_reason) == ("cash_and_carry", 503, "converged")
    assert trade.gross_pnl == pytest.approx(50 * 39.75 - 503 * 0.01)
    assert trade.cost == pytest.approx(1e-4 * 50 * 6040)
    entry_equity = -50 * 0.125 - 503 * 0.005 - trade.cost / 2
    assert plain.equity == [
        (START_NS, pytest.approx(entry_equity)),
        (START_NS + DAY_NS, pytest.approx(trade.gross_pnl - trade.cost)),
    ]
    summary = compiled.summary()
    assert summary["max_drawdown"] == pytest.approx(-entry_equity)
    assert summary["exposure"] == 0.5
    assert_same(plain, compiled)


@pytest.mark.parametrize("cut", [1, 40, 111, 299])
def test_truncated_data_changes_nothing_before_the_cut(cut: int) -> None:
    rows = random_rows(3, 300)
    whole, _ = run_both(rows, EAGER)
    part, _ = run_both(rows[:cut], EAGER)
    assert part.equity == whole.equity[:cut]
    assert part.trades == whole.trades[: len(part.trades)]


quotes = st.tuples(
    st.integers(0, 3 * DAY_NS),
    st.floats(10, 1e5),
    st.floats(0, 20),
    st.floats(1, 1e4),
    st.floats(0, 2),
)


@settings(max_examples=150)
@given(
    rows=st.lists(quotes, max_size=40),
    entry=st.floats(-50, 50),
    exits=st.floats(-50, 50),
    cost=st.floats(0, 20),
    stop=st.sampled_from([0.0, 1.0, 50.0]),
    hold=st.sampled_from([0.0, 0.5, 3.0]),
    cooldown=st.sampled_from([0.0, 60.0, 1e6]),
    close=st.booleans(),
    latency=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    near_expiry=st.booleans(),
)
def test_any_rows_are_equal_bit_by_bit(
    rows: list[tuple[int, float, float, float, float]],
    entry: float,
    exits: float,
    cost: float,
    stop: float,
    hold: float,
    cooldown: float,
    close: bool,
    latency: tuple[int, int],
    near_expiry: bool,
) -> None:
    chosen = constant(
        entry_bps=entry, exit_bps=exits, cost_bps=cost, stop_bps=stop, max_hold_days=hold,
        cooldown_s=cooldown,
        close_at_end=close, es_latency_rows=latency[0], spy_latency_rows=latency[1],
    )  # fmt: skip
    ts_ns, made = START_NS, []
    for line, (gap_ns, es, es_spread, spy, spy_spread) in enumerate(rows, 2):
        ts_ns += gap_ns
        made.append(Row(line, ts_ns, es, es + es_spread, spy, spy + spy_spread))
    assert_same(*run_both(made, chosen, expiry_ns=START_NS + DAY_NS if near_expiry else None))


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("entry_bps", [0.5, 2.0])
def test_real_quotes_trade_by_trade(name: str, entry_bps: float) -> None:
    path = DATA / name
    if not path.is_file():
        pytest.skip("no real quotes beside the checkout")
    chosen = constant(r=0.0005, d=0.02, factor=10.01, entry_bps=entry_bps, exit_bps=0, cost_bps=0.3)
    rows = list(QuoteReader(path.read_bytes(), expiry_of=calendar.read_expiry))
    plain, compiled = run_both(rows, chosen)
    assert plain.trades or name != REAL[0]
    assert_same(plain, compiled, name)


def test_periods_need_marks_and_an_end() -> None:
    for keep_marks, ended in ((False, True), (True, False)):
        compiled = Backtest(constant(), expiries_ns=(2 * 10**18,), fixed=True, keep_marks=keep_marks)
        for row in random_rows(1, 60):
            compiled.feed_row(row.ts_ns, row.es_bid, row.es_ask, row.spy_bid, row.spy_ask)
        if ended:
            compiled.end()
        with pytest.raises(BrokenInvariant, match="has periods where it keeps marks"):
            compiled.periods()


@pytest.mark.parametrize("late", [True, False])
def test_rows_where_64_bits_of_time_end_are_equal_bit_by_bit(late: bool) -> None:
    rows = random_rows(3, 60, step_s=1_000.0)
    shift_ns = 2**63 - 2 - rows[-1].ts_ns if late else -(2**63) + 1 - rows[0].ts_ns
    rows = [replace(row, ts_ns=row.ts_ns + shift_ns) for row in rows]
    plain, compiled = run_both(rows, constant(entry_bps=2.0, exit_bps=1.0),
                               expiry_ns=min(rows[-1].ts_ns + 30 * DAY_NS, 2**63 - 1))  # fmt: skip
    assert_same(plain, compiled)
    assert compiled.summary()["trades"] > 0


def test_rows_that_name_more_expiries_than_there_are_contracts_are_refused() -> None:
    run = Backtest(constant(), expiries_ns=(1,), fixed=False)
    for at in range(10_000):
        run.feed_row(START_NS + at, 6000.0, 6000.25, 600.0, 600.01, expiry_ns=START_NS + DAY_NS + at)
    # One that was named before is no new one.
    run.feed_row(START_NS + 10_000, 6000.0, 6000.25, 600.0, 600.01, expiry_ns=START_NS + DAY_NS)
    with pytest.raises(InputError, match="more than 10,000 expiries; check the expiry column"):
        run.feed_row(START_NS + 10_001, 6000.0, 6000.25, 600.0, 600.01, expiry_ns=START_NS)
