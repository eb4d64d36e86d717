"""Level, money and dividends of the compiled runs against ``reference.money``, cells of a sweep too."""

import random
from dataclasses import fields, replace
from typing import Any

import pytest
from quotes import START_NS, random_rows
from reference.money import Backtest as Reference
from reference.money import Dividend, Row, Terms, Trade
from reference.quotes import Row as Quotes

from arbcore.carry import calendar
from arbcore.carry._values import RowValues
from arbcore.carry.settlement import settlement_day_at
from arbcore.carry.terms import Quoting, RateHistory
from arbcore.core.civil import NS_PER_DAY
from arbcore.research._backtest import Backtest
from arbcore.research._sweep import period_name, row_values, run_block
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


def rates_of(rng: random.Random) -> RateHistory | None:
    """A rate a day, simple or continuous, or the settings' one number."""
    quoting = rng.choice((None, Quoting.SIMPLE, Quoting.CONTINUOUS))
    if quoting is None:
        return None
    first = START_NS // NS_PER_DAY - 5
    values = tuple(rng.choice((0.0, rng.uniform(-0.02, 0.09))) for _ in range(400))
    return RateHistory("rates.csv", quoting, tuple(range(first, first + 400)), values)


# Rows are valued by stretches of a date and a contract, of 128 at most, and taken by 512.
@pytest.mark.parametrize("count", [0, 1, 2, 127, 128, 129, 511, 512, 513, 1_100])
@pytest.mark.parametrize("mode", list(LEVELS))
@pytest.mark.parametrize("late", [(0, 0), (3, 1)])
def test_the_run_is_its_reference(count: int, mode: str, late: tuple[int, int]) -> None:
    rng = random.Random(f"{count} {mode} {late}")
    rows = random_rows(rng.randrange(1_000), count, step_s=rng.choice((0.1, 20.0, 60.0, 3_600.0)), wide=6.0)
    rates = rates_of(rng)
    given = None if rates is None else (rates.name, rates.quoting.value, rates.days, rates.values)
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
        factor=factor, r=0.03, rates=given, d=0.01, dividends=tuple(schedule), es_latency_rows=late[0],
        spy_latency_rows=late[1], **shared,
    )  # fmt: skip
    terms = Terms(
        front_expiry_ns=lambda now_ns: calendar.front_contract(now_ns).expiry_ns,
        settlement_day=settlement_day_at, fixed_expiry_ns=expiry_ns if fixed else None, mode=mode,
        level=level, rate=lambda now_ns, t: 0.03 if rates is None else rates.at(now_ns, t),
        yield_of=lambda _expiry_ns: 0.01,
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


@pytest.mark.parametrize("seed", range(6))
def test_what_is_said_of_all_rows_is_the_same_however_they_come(seed: int) -> None:
    rng = random.Random(seed)
    rows = random_rows(seed, 700, step_s=rng.choice((60, 600)), wide=2.0)
    # Prints off their neighbours, alone and by twos and more, where stretches and batches end too.
    for first in (0, 1, 126, 127, 128, 255, 511, 512, rng.randrange(520, 690), 697):
        for at in range(first, min(first + rng.choice((1, 2, 3, 5)), len(rows))):
            rows[at] = replace(rows[at], es_bid=rows[at].es_bid * 1.004, es_ask=rows[at].es_ask * 1.004)
    settings = BacktestSettings(factor="track:1800s", r=0.03, d=0.01)
    expiries_ns = calendar.all_expiries_ns()

    def said_of(values: RowValues) -> list[object]:
        return [
            values.rows, values.warming_up, values.outliers, values.first_outlier_ns(), values.level_ends(),
            values.decided_ends(), values.largest_edge(), values.quantiles((0.0, 0.05, 0.5, 0.95, 1.0)),
        ]  # fmt: skip

    whole = row_values(kept(rows), settings, expiries_ns=expiries_ns, fixed=False)
    singly = Backtest(settings, expiries_ns=expiries_ns, fixed=False)
    for row in rows:
        singly.feed_row(row.ts_ns, row.es_bid, row.es_ask, row.spy_bid, row.spy_ask)
    singly.end()
    cut = Backtest(settings, expiries_ns=expiries_ns, fixed=False)
    ends = sorted(rng.sample(range(1, len(rows)), 9))
    for begun, end in zip([0, *ends], [*ends, len(rows)], strict=True):
        cut.feed_memory(kept(rows[begun:end]))
    cut.end()
    assert whole.outliers > 0
    assert len(whole.outlier_rows()) == whole.outliers
    assert said_of(whole) == said_of(singly.values) == said_of(cut.values)
