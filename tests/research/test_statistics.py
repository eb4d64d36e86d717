"""Every statistic once more, from the ledger, the equity and the quotes alone."""

import math
import statistics
from bisect import bisect_left
from itertools import accumulate, pairwise
from typing import Any

import pytest
from quotes import START_NS, random_rows
from reference.quotes import Row

import arbcore
from arbcore.carry.settlement import settlement_day_at
from arbcore.core.civil import iso_time, read_time
from arbcore.quotes.backtest_run import BacktestResult
from arbcore.research.research_settings import DAY_NS

EXPIRY_NS = START_NS + 40 * DAY_NS
EX_DAYS = (3, 9, 10, 15)
SETTINGS: dict[str, Any] = {
    "entry_bps": 4, "exit_bps": 0, "cost_bps": 1, "stop_bps": 12, "funding_rate": 0.045,
    "factor": 10.0, "short_rate": 0.02,
    "borrow_rate": 0.0025,
    "es_slippage_ticks": 0.5, "spy_slippage_ticks": 1, "es_fee": 2.25, "spy_fee": 0.005, "spy_fee_min": 3,
    "dividends": tuple((START_NS + day * DAY_NS, 0.2 * day) for day in EX_DAYS),
}  # fmt: skip
NOTIONAL = 50
SIDES = {"cash_and_carry": -1, "reverse": 1}
CLOSE = pytest.approx


def distinct_rows(seed: int, count: int) -> list[Row]:
    """Rows whose times tell them apart."""
    rows = random_rows(seed, count, step_s=20_000.0)
    for at, row in enumerate(rows):
        row.ts_ns += at
    return rows


def run(rows: list[Row], **changes: Any) -> BacktestResult:
    columns = {
        "ts": [row.ts_ns for row in rows],
        **{name: [getattr(row, name) for row in rows] for name in ("es_bid", "es_ask", "spy_bid", "spy_ask")},
    }
    return arbcore.backtest(columns, expiry=EXPIRY_NS, **(SETTINGS | changes))


def ledger(result: BacktestResult) -> list[dict[str, Any]]:
    assert result.trades is not None
    return [dict(zip(result.trades, row, strict=True)) for row in result.trades.rows()]


def equity_of(result: BacktestResult) -> list[tuple[int, float]]:
    assert result.equity is not None
    return list(zip(result.equity["ts"], result.equity["equity"], strict=True))


@pytest.mark.parametrize("seed", range(4))
def test_money_of_the_ledger(seed: int) -> None:
    result = run(distinct_rows(seed, 600))
    found, trades = result.summary, ledger(result)
    assert len(trades) == found["trades"] > 10, f"seed {seed}"
    for trade in trades:
        side = SIDES[trade["side"]]
        es, spy = (trade[f"{leg}_exit"] - trade[f"{leg}_entry"] for leg in ("fut", "etf"))
        shares = trade["shares"]
        assert shares == max(1, math.floor(NOTIONAL * trade["fut_entry"] / trade["etf_entry"] + 0.5))
        assert trade["gross_pnl"] == CLOSE(side * NOTIONAL * es - side * shares * spy)
        fees = 2 * (2.25 + max(3, shares * 0.005))
        assert trade["cost"] == CLOSE(1e-4 * NOTIONAL * trade["fut_entry"] + fees)
        # A long ETF pays the funding rate; a short one receives the short rate less the borrow fee.
        rate = -0.045 if side < 0 else 0.02 - 0.0025
        days = settlement_day_at(trade["exit_ts"]) - settlement_day_at(trade["entry_ts"])
        assert trade["financing"] == CLOSE(rate * shares * trade["etf_entry"] * days / 365)
        days = [day for day in EX_DAYS if trade["entry_ts"] < START_NS + day * DAY_NS <= trade["exit_ts"]]
        assert trade["dividends"] == CLOSE(-side * shares * sum(0.2 * day for day in days))
        parts = trade["gross_pnl"] - trade["cost"] + trade["financing"] + trade["dividends"]
        assert trade["net_pnl"] == CLOSE(parts)
    names = {"gross_pnl": "gross_pnl", "costs": "cost", "financing": "financing", "net_pnl": "net_pnl"}
    for name, column in {**names, "dividends": "dividends"}.items():
        assert found[name] == CLOSE(math.fsum(trade[column] for trade in trades)), name
    assert found["fees"] == CLOSE(sum(2 * (2.25 + max(3, trade["shares"] * 0.005)) for trade in trades))


def touch_of(row: Row, side: int) -> tuple[float, float]:
    """The touch of both legs; ``side`` +1 buys ES and sells SPY."""
    return (row.es_ask, row.spy_bid) if side > 0 else (row.es_bid, row.spy_ask)


@pytest.mark.parametrize("latency", [0, 1, 3])
@pytest.mark.parametrize("seed", range(2))
def test_the_split_from_the_quotes(seed: int, latency: int) -> None:
    rows = distinct_rows(seed, 500)
    result = run(rows, es_latency_rows=latency, spy_latency_rows=latency, dividends=())
    found, times = result.summary, [row.ts_ns for row in rows]
    carry, slippage = 0.0, 0.0
    for trade in ledger(result):
        side = SIDES[trade["side"]]
        first, last = (bisect_left(times, trade[name]) for name in ("entry_ts", "exit_ts"))
        c_entry, c_exit = (
            10 * math.exp((0.045 - 0.014) * (EXPIRY_NS - times[at]) / (365 * DAY_NS)) for at in (first, last)
        )
        carry += side * NOTIONAL * (rows[last].spy_bid + rows[last].spy_ask) / 2 * (c_exit - c_entry)
        es_in, spy_in = touch_of(rows[first - latency], side)
        waited = 0 if trade["exit_reason"] == "expiry" else latency
        es_out, spy_out = touch_of(rows[last - waited], -side)
        at_decisions = side * NOTIONAL * (es_out - es_in) - side * trade["shares"] * (spy_out - spy_in)
        slippage += trade["gross_pnl"] - at_decisions
    assert found["trades"] > 10, f"seed {seed}"
    assert found["carry_pnl"] == CLOSE(carry)
    assert found["slippage_pnl"] == CLOSE(slippage)
    assert slippage < 0 or latency
    parts = ("basis_pnl", "carry_pnl", "slippage_pnl", "financing", "dividends")
    assert math.fsum(found[name] for name in parts) - found["costs"] == CLOSE(found["net_pnl"], rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_ratios_of_daily_changes(seed: int) -> None:
    result = run(distinct_rows(seed, 600))
    found = result.summary
    closes: dict[str, float] = {}
    for ts_ns, value in equity_of(result):
        closes[iso_time(ts_ns)[:10]] = value
    changes = [after - before for before, after in pairwise([0.0, *closes.values()])]
    assert len(changes) > 10
    mean = statistics.mean(changes)
    assert found["sharpe"] == CLOSE(mean / statistics.stdev(changes) * math.sqrt(252))
    falls = [change**2 for change in changes if change < 0]
    assert found["sortino"] == CLOSE(mean / math.sqrt(statistics.mean(falls)) * math.sqrt(252))
    assert found["calmar"] == CLOSE(mean * 252 / found["max_drawdown"])


@pytest.mark.parametrize("seed", range(4))
def test_drawdown_and_its_length(seed: int) -> None:
    result = run(distinct_rows(seed, 600))
    found, points = result.summary, equity_of(result)
    peaks = list(accumulate([value for _, value in points], max, initial=0.0))[1:]
    falls = [peak - value for peak, (_, value) in zip(peaks, points, strict=True)]
    assert found["max_drawdown"] == max(falls) > 0
    longest_ns = 0
    for at, (ts_ns, value) in enumerate(points):
        if value < peaks[at]:
            at_peak = [then_ns for then_ns, then in points[:at] if then == peaks[at]]
            longest_ns = max(longest_ns, ts_ns - max(at_peak, default=points[0][0]))
    assert found["max_drawdown_s"] == longest_ns / 1e9
    nets = list(accumulate([trade["net_pnl"] for trade in ledger(result)], initial=0.0))
    assert found["max_drawdown_closed"] == CLOSE(
        max(max(nets[: at + 1]) - value for at, value in enumerate(nets))
    )


@pytest.mark.parametrize("seed", range(4))
def test_numbers_of_trades(seed: int) -> None:
    rows = distinct_rows(seed, 600)
    result = run(rows)
    found, trades = result.summary, ledger(result)
    nets = [trade["net_pnl"] for trade in trades]
    assert found["wins"] == sum(net > 0 for net in nets)
    lost = sum(net for net in nets if net < 0)
    assert found["profit_factor"] == CLOSE(sum(net for net in nets if net > 0) / -lost)
    assert found["expectancy"] == CLOSE(statistics.mean(nets))
    assert found["average_hold_s"] == CLOSE(
        statistics.mean((trade["exit_ts"] - trade["entry_ts"]) / 1e9 for trade in trades)
    )
    held = found["open_position"]
    until = [(trade["entry_ts"], trade["exit_ts"]) for trade in trades]
    until += [(read_time(held["entry_ts"]), EXPIRY_NS)] if held else []
    inside = sum(any(first <= row.ts_ns < last for first, last in until) for row in rows)
    assert found["exposure"] == inside / len(rows)
    assert sum(found["exit_reasons"].values()) == len(trades)


def test_what_is_not_defined_is_none() -> None:
    undefined = {"sharpe", "sortino", "calmar", "profit_factor", "expectancy", "average_hold_s"}
    found = run([Row(2, START_NS, math.nan, 6000.25, 600.0, 600.01)], entry_bps=4).summary
    assert {name for name, value in found.items() if value is None} >= {*undefined, "exposure", "first_ts"}
    rows = distinct_rows(1, 300)
    idle = run(rows, entry_bps=5_000).summary  # many dates, no change
    assert {name for name in undefined if idle[name] is None} == undefined
    assert (idle["exposure"], idle["max_drawdown"]) == (0.0, 0.0)
    one_date = [row for row in rows if row.ts_ns < START_NS + DAY_NS // 4]
    assert run(one_date).summary["sharpe"] is None


def test_without_a_loss_there_is_no_profit_factor_and_no_sortino() -> None:
    rows = [
        Row(2, START_NS, 6000.0, 6000.25, 600.0, 600.01),
        Row(3, START_NS + DAY_NS, 6040.0, 6040.0, 600.0, 600.0),
        Row(4, START_NS + 2 * DAY_NS, 6000.0, 6000.0, 600.0, 600.0),
    ]
    found = run(
        rows, r=0.0, d=0.0, cost_bps=0, es_slippage_ticks=0, spy_slippage_ticks=0, es_fee=0, spy_fee=0,
        spy_fee_min=0, dividends=(),
    ).summary  # fmt: skip
    assert found["trades"] == found["wins"] == 1
    # Three dates are too few for any of the ratios.
    assert [found[name] for name in ("profit_factor", "sortino", "calmar", "sharpe")] == [None] * 4
    assert found["sharpe_dates"] == 3
