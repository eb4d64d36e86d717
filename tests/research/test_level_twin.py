"""Level, money and dividends of the compiled runs against ``reference.money``, cells of a sweep too."""

import random
from dataclasses import fields
from typing import Any

import pytest
from quotes import random_rows
from reference.money import Backtest as Reference
from reference.money import Dividend, Row, Terms, Trade
from reference.quotes import Row as Quotes

from arbcore.carry import calendar
from arbcore.carry.settlement import settlement_day_at
from arbcore.core.civil import NS_PER_DAY
from arbcore.research._backtest import Backtest
from arbcore.research._sweep import period_name, run_block
from arbcore.research._sweep_rows import SweepRows
from arbcore.research.research_settings import BacktestSettings

SAME = (
    "rows_used", "warming_up", "trades", "wins", "gross_pnl", "costs", "financing", "dividends", "net_pnl",
    "open_pnl", "total_pnl", "unrealised_pnl", "max_drawdown", "exposure", "sharpe", "sharpe_dates",
)  # fmt: skip
CELL = ("trades", "gross_pnl", "costs", "financing", "dividends", "net_pnl", "open_pnl", "total_pnl")
LEVELS = {"track": 3_600.0, "auto": 5, "number": 10.0}


def kept(rows: list[Quotes]) -> SweepRows:
    found = SweepRows()
    for row in rows:
        found.feed_row(row.ts_ns, row.es_bid, row.es_ask, row.spy_bid, row.spy_ask)
    return found


def schedule_of(rng: random.Random, rows: list[Quotes]) -> list[tuple[int, float, bool]]:
    if not rows or rng.random() < 0.4:
        return []
    return [
        (rows[0].ts_ns + day * NS_PER_DAY, rng.random(), rng.random() < 0.5) for day in range(1, 60)
    ]


@pytest.mark.parametrize("count", [0, 1, 2, 511, 512, 513, 1_100])
@pytest.mark.parametrize("mode", list(LEVELS))
@pytest.mark.parametrize("late", [(0, 0), (3, 1)])
def test_the_run_is_its_reference(count: int, mode: str, late: tuple[int, int]) -> None:
    rng = random.Random(f"{count} {mode} {late}")
    rows = random_rows(rng.randrange(1_000), count, step_s=rng.choice((600, 3_600)), wide=6.0)
    schedule, level = schedule_of(rng, rows), LEVELS[mode]
    shared: dict[str, Any] = {
        "entry_bps": 3.0, "exit_bps": 1.0, "cost_bps": 1.0, "stop_bps": rng.choice((0.0, 8.0)),
        "short_rate": 0.01, "borrow_rate": 0.002, "financing_spread_bps": rng.choice((0.0, 30.0)),
        "close_at_end": rng.random() < 0.5,
    }  # fmt: skip
    fixed = rng.random() < 0.5
    expiry_ns = calendar.front_contract(rows[0].ts_ns).expiry_ns if rows else 10**18
    factor = {"track": "track:3600s", "auto": "auto:5", "number": 10.0}[mode]
    settings = BacktestSettings(
        factor=factor, r=0.03, d=0.01, dividends=tuple(schedule), es_latency_rows=late[0],
        spy_latency_rows=late[1], **shared,
    )  # fmt: skip
    terms = Terms(
        front_expiry_ns=lambda now_ns: calendar.front_contract(now_ns).expiry_ns,
        settlement_day=settlement_day_at, fixed_expiry_ns=expiry_ns if fixed else None, mode=mode,
        level=level,        rate=lambda _now_ns, _t: 0.03, yield_of=lambda _expiry_ns: 0.01,
        schedule=[Dividend(*each) for each in schedule] or None, fut_latency_rows=late[0],
        etf_latency_rows=late[1], **shared,
    )  # fmt: skip
    reference = Reference(terms)
    for row in rows:
        reference.row(Row(row.ts_ns, row.es_bid, row.es_ask, row.spy_bid, row.spy_ask))
    reference.end()
    expiries_ns = (expiry_ns,) if fixed else calendar.all_expiries_ns()
    compiled = Backtest(settings, expiries_ns=expiries_ns, fixed=fixed, keep_trades=True, keep_marks=True)
    cut = rng.randint(0, count)
    compiled.feed_memory(kept(rows[:cut]))
    compiled.feed_memory(kept(rows[cut:]))
    compiled.end()
    found, expected = compiled.summary(), reference.summary()
    columns = [column.name for column in fields(Trade)]
    assert [{name: getattr(row, name) for name in columns} for row in compiled.take_trades()] == [
        vars(trade) for trade in reference.trades
    ]
    assert {name: found[name] for name in SAME} == {name: expected[name] for name in SAME}
    assert compiled.periods() == reference.periods()
    levels: Any = expected["factor"]
    assert compiled.values.level_ends() == (levels["first"], levels["last"])
    # The same as a cell of a sweep, its periods included.
    block = run_block(
        kept(rows), [settings, settings], expiries_ns=expiries_ns, fixed=fixed, evidence=True
    )
    assert {name: block.columns[name][1] for name in CELL} == {name: expected[name] for name in CELL}
    periods = compiled.periods()
    assert [block.columns[period_name(at)][1] for at in range(len(periods))] == periods
