"""Rows of columns that are passed over by bounds: the run of the twin, bit by bit."""

import math
import random
from array import array
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from quotes import START_NS, constant, ledger_of, random_rows
from reference import backtest as twin
from reference.columns import ColumnQuotes
from reference.quotes import PRICES, Row

from arbcore.carry import calendar
from arbcore.core.civil import iso_time
from arbcore.errors import DataError
from arbcore.quotes._columns import ColumnReader
from arbcore.quotes.column_shapes import batches_into
from arbcore.research._backtest import Backtest
from arbcore.research.research_settings import DAY_NS, BacktestSettings

EXPIRY_NS = START_NS + 30 * DAY_NS
CALM = constant(entry_bps=6, exit_bps=0, cost_bps=1, factor=9.994)
Columns = dict[str, list[Any]]


def columns_of(rows: list[Row]) -> Columns:
    return {
        "ts": [row.ts_ns for row in rows],
        **{name: [getattr(row, name) for row in rows] for name in PRICES},
    }


def both(
    columns: Columns, settings: BacktestSettings, expiry_ns: int = EXPIRY_NS, **options: Any
) -> tuple[twin.Backtest, Backtest, tuple[Any, ...], tuple[Any, ...]]:
    """The twin's run over lists and ours over buffers, both ended unless refused; then the counts."""
    plain = twin.Backtest(settings, lambda now_ns: expiry_ns, expiry_ns)
    compiled = Backtest(settings, expiries_ns=(expiry_ns,), fixed=True, keep_trades=True)
    quotes = ColumnQuotes(columns, expiry_of=calendar.read_expiry, **options)
    reader = ColumnReader(expiry_of=calendar.read_expiry, **options)
    buffers = {
        name: cells if isinstance(cells[0], str) else array("q" if name == "ts" else "d", cells)
        for name, cells in columns.items()
    }
    refused = [
        refusal_of(lambda: list(map(plain.row, quotes))),
        refusal_of(lambda: feed_all(compiled, buffers, reader)),
    ]
    if refused == [None, None]:
        plain.end()
        compiled.end()
    return (
        plain,
        compiled,
        (refused[0], quotes.rows, quotes.skipped),
        (refused[-1], reader.rows, reader.skipped),
    )


def refusal_of(feed: Callable[[], Any]) -> Any:
    try:
        feed()
    except DataError as error:
        return error.kind, error.line, error.column
    return None


def feed_all(compiled: Backtest, buffers: Any, reader: ColumnReader) -> None:
    for _ in batches_into(buffers, reader):
        compiled.feed(reader)


def assert_equal(plain: twin.Backtest, compiled: Backtest, seed: int) -> None:
    found, expected = compiled.summary(), plain.summary()
    assert {name: found[name] for name in expected} == expected, f"seed {seed}"
    assert list(compiled.take_trades()) == ledger_of(plain), f"seed {seed}"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"stop_bps": 4.0, "cooldown_s": 30.0},
        {"max_hold_days": 0.0005},
        {"exit_bps": -60.0, "entry_bps": 3.0},
        {"entry_bps": 200.0},
        {"factor": "auto:700"},
    ],
    ids=str,
)
@pytest.mark.parametrize("seed", range(3))
def test_long_stretches_are_equal_bit_by_bit(seed: int, changes: dict[str, Any]) -> None:
    rows = random_rows(seed, 3_000, step_s=0.4, wide=2.0)
    for row in rows:  # midnight is among them
        row.ts_ns += 9 * 3_600 * 10**9 + 1_500 * 10**9
    plain, compiled, expected, counts = both(columns_of(rows), replace(CALM, **changes))
    assert counts == expected
    assert plain.trades or "entry_bps" in changes, f"seed {seed}"
    assert_equal(plain, compiled, seed)


@pytest.mark.parametrize("seed", range(3))
def test_times_before_1970_are_equal_bit_by_bit(seed: int) -> None:
    rows = random_rows(seed, 1_500, step_s=0.4, wide=2.0)
    for row in rows:
        row.ts_ns -= 2 * START_NS
    columns = columns_of(rows)
    columns["ts"] = [iso_time(ts_ns) for ts_ns in columns["ts"]]
    plain, compiled, _, _ = both(columns, CALM, EXPIRY_NS - 2 * START_NS)
    assert plain.trades, f"seed {seed}"
    assert_equal(plain, compiled, seed)


@pytest.mark.parametrize("skip_bad", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_a_row_that_needs_judging_is_judged_wherever_it_is(seed: int, skip_bad: bool) -> None:
    rng = random.Random(seed)
    columns = columns_of(random_rows(seed, 2_000, step_s=0.4, wide=2.0))
    at = rng.choice((0, 1, 511, 512, 513, rng.randrange(2_000)))
    name = rng.choice(list(columns))
    if name == "ts":
        columns["ts"][at] -= rng.choice((1, 10**9, 2**62))
    else:
        columns[name][at] = rng.choice((math.nan, math.inf, 0.0, -1.0, 1e-12, 1e13, 1.0, 1e5))
    plain, compiled, expected, counts = both(columns, CALM, skip_bad=skip_bad)
    assert counts == expected, f"seed {seed}"
    if counts[0] is None:
        assert_equal(plain, compiled, seed)
