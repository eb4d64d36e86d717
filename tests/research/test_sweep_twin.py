"""The compiled sweep against its twin: every number of every cell, bit by bit."""

import math
import pickle
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quotes import START_NS, constant, random_rows
from reference.quotes import Row
from reference.sweep import COLUMNS, sweep

from arbcore.carry import calendar
from arbcore.errors import BrokenInvariant, InputError
from arbcore.research._backtest import Backtest
from arbcore.research._sweep import SweepBlock, SweepRun, run_block
from arbcore.research._sweep_rows import SweepRows
from arbcore.research.research_settings import DAY_NS, BacktestSettings

EAGER = constant(entry_bps=4, exit_bps=0, cost_bps=1)


def memory_of(rows: Sequence[Row]) -> SweepRows:
    kept = SweepRows()
    for row in rows:
        kept.feed_row(
            row.ts_ns, row.es_bid, row.es_ask, row.spy_bid, row.spy_ask, factor=row.factor,
            expiry_ns=row.expiry_ns,
        )  # fmt: skip
    return kept


def cells_of(block: SweepBlock) -> list[dict[str, object]]:
    """The cells as the twin has them."""
    return [
        {
            name: None if isinstance(column[at], float) and math.isnan(column[at]) else column[at]
            for name, column in block.columns.items()
        }
        for at in range(len(block))
    ]


def compiled(
    rows: Sequence[Row],
    cells: Sequence[BacktestSettings],
    expiry_ns: int | None = None,
    *,
    full: bool = False,
) -> list[dict[str, object]]:
    expiries_ns = calendar.all_expiries_ns() if expiry_ns is None else (expiry_ns,)
    fixed = expiry_ns is not None
    return cells_of(run_block(memory_of(rows), cells, expiries_ns=expiries_ns, fixed=fixed, full=full))


def singly(
    rows: Sequence[Row], cells: Sequence[BacktestSettings], expiry_ns: int
) -> list[dict[str, object]]:
    """The cells as backtests of their own, every number of them."""
    kept, block = memory_of(rows), SweepBlock.empty(len(cells), full=True)
    for at, each in enumerate(cells):
        run = Backtest(each, expiries_ns=(expiry_ns,), fixed=True)
        run.feed_memory(kept)
        run.end()
        block.set_cell(at, run.summary())
    return cells_of(block)


def assert_same(
    rows: Sequence[Row], cells: Sequence[BacktestSettings], expiry_ns: int | None = None, why: object = None
) -> list[dict[str, object]]:
    """Blocks of every kind equal the twin's; returns the twin's cells."""
    expected = sweep(
        rows,
        cells,
        front_expiry_ns=lambda now_ns: calendar.front_contract(now_ns).expiry_ns,
        fixed_expiry_ns=expiry_ns,
    )
    assert exact(compiled(rows, cells, expiry_ns, full=True)) == exact(expected), why
    short = exact([{name: cell[name] for name in COLUMNS} for cell in expected])
    assert exact(compiled(rows, cells, expiry_ns)) == short, why
    return expected


def exact(cells: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Spelled so that the sign of a zero counts."""
    return [
        {name: value.hex() if isinstance(value, float) else value for name, value in cell.items()}
        for cell in cells
    ]


def grid_of(
    base: BacktestSettings, entries: Sequence[float], exits: Sequence[float]
) -> list[BacktestSettings]:
    return [replace(base, entry_bps=entry, exit_bps=leave) for entry in entries for leave in exits]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"stop_bps": 6.0},
        {"max_hold_days": 0.3, "cooldown_s": 7_200.0},
        {"max_hold_days": 0.001},
        {"stop_bps": 9.0, "max_hold_days": 1.5, "cooldown_s": 1e-9},
        {"fill": "mid", "contracts": 3, "multiplier": 5.0},
        {"es_slippage_ticks": 0.5, "spy_slippage_ticks": 1.0, "close_at_end": True},
        {"funding_rate": 0.04, "borrow_rate": 0.01, "cooldown_s": 36_600.0 * 86_400.0},
        {"es_fee": 2.25, "spy_fee": 0.005, "spy_fee_min": 3.0},
        {"es_latency_rows": 1, "spy_latency_rows": 4, "cooldown_s": 600.0, "stop_bps": 6.0, "es_fee": 1.0},
        {"es_fee": 2.25, "spy_fee": 0.005, "spy_fee_min": 1.0, "cost_bps": 0.0},
        {"es_latency_rows": 2, "spy_latency_rows": 1},
        {"factor": "auto:20"},
        {"factor": "track:5h"},
        {"factor": "track:60m", "funding_rate": None, "short_rate": 0.02},
        {"factor": "auto:600"},
        {"factor": "auto:7", "exit_bps": -30.0, "close_at_end": True},
    ],
    ids=lambda changes: "+".join(changes) or "plain",
)
def test_seeded_sweeps_equal_the_single_runs(seed: int, changes: dict[str, Any]) -> None:
    # Five weeks from the second of March: the front contract changes under open positions.
    rows = random_rows(seed, 500)
    cells = grid_of(replace(EAGER, **changes), (-2.0, 4.0, 9.0), (-30.0, -3.0, 0.0, 5.0))
    found = assert_same(rows, cells, why=f"seed {seed}")
    if changes.get("factor") != "auto:600":
        assert any(cell["trades"] for cell in found), f"seed {seed} made no trade"


@pytest.mark.parametrize("seed", range(4))
def test_any_setting_may_vary_within_a_sweep(seed: int) -> None:
    rng = random.Random(seed)
    print(f"seed {seed}")
    cells = [
        constant(
            r=rng.choice((0.0, 0.045)), d=rng.choice((0.0, 0.014)),
            factor=rng.choice((10.0, 10.02, "auto:5", "track:2h")),
            entry_bps=rng.uniform(-5, 15), exit_bps=rng.uniform(-10, 10), cost_bps=rng.choice((0.0, 1.0)),
            stop_bps=rng.choice((0.0, 0.0, 5.0, 20.0)), max_hold_days=rng.choice((0.0, 0.0, 0.2)),
            cooldown_s=rng.choice((0.0, 0.0, 600.0)), contracts=rng.randint(1, 3),
            close_at_end=rng.random() < 0.3,
            es_latency_rows=rng.choice((0, 0, 2)), spy_latency_rows=rng.choice((0, 0, 1)),
        )
        for _ in range(40)
    ]  # fmt: skip
    assert_same(random_rows(seed, 300), cells, why=f"seed {seed}")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("every", [1, 2, 37])
def test_rolls_are_equal(seed: int, every: int) -> None:
    rows = random_rows(seed, 300)
    for at, row in enumerate(rows):
        # One contract expires between the rows; the others are left for the next one.
        days = (60, 150, 1) if every > 1 else (60, 61)
        row.expiry_ns = START_NS + days[at // every % len(days)] * DAY_NS
        row.factor = 10.0 + (at % 5) * 0.001
    for close in (False, True):
        base = replace(EAGER, close_at_end=close, cooldown_s=1_800.0 * close, factor="column")
        assert_same(rows, grid_of(base, (0.0, 6.0), (-20.0, 0.0)), why=f"seed {seed}")


@pytest.mark.parametrize("at", [0, 1, 63, 64, 65, 200, 299])
def test_a_fixed_expiry_anywhere_is_equal(at: int) -> None:
    rows = random_rows(5, 300)
    for offset_ns in (-1, 0, 1):
        assert_same(rows, grid_of(EAGER, (0.0, 6.0), (-20.0, 0.0)), rows[at].ts_ns + offset_ns)


@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 127, 128, 129])
def test_any_number_of_rows_is_equal(count: int) -> None:
    rows = random_rows(2, count)
    for close in (False, True):
        assert_same(rows, grid_of(replace(EAGER, close_at_end=close), (-9.0, 3.0), (-20.0, 0.0)))


def test_no_settings_make_an_empty_block() -> None:
    assert compiled(random_rows(1, 10), []) == []


quotes = st.tuples(
    st.integers(0, 3 * DAY_NS),
    st.floats(10, 1e5),
    st.floats(0, 20),
    st.floats(1, 1e4),
    st.floats(0, 2),
)


@settings(max_examples=120)
@given(
    rows=st.lists(quotes, max_size=80),
    entries=st.lists(st.floats(-50, 50), min_size=1, max_size=4),
    exits=st.lists(st.floats(-50, 50), min_size=1, max_size=4),
    stop=st.sampled_from([0.0, 1.0, 50.0]),
    hold=st.sampled_from([0.0, 0.5, 3.0]),
    cooldown=st.sampled_from([0.0, 60.0, 1e6]),
    close=st.booleans(),
)
def test_any_rows_are_equal(
    rows: list[tuple[int, float, float, float, float]],
    entries: list[float],
    exits: list[float],
    stop: float,
    hold: float,
    cooldown: float,
    close: bool,
) -> None:
    base = constant(stop_bps=stop, max_hold_days=hold, cooldown_s=cooldown, close_at_end=close)
    ts_ns, made = START_NS, []
    for line, (gap_ns, es, es_spread, spy, spy_spread) in enumerate(rows, 2):
        ts_ns += gap_ns
        made.append(Row(line, ts_ns, es, es + es_spread, spy, spy + spy_spread))
    assert_same(made, grid_of(base, entries, exits))


@pytest.mark.parametrize(("r", "d", "years"), [(1.0, -1.0, 250), (-1.0, 1.0, 250), (1.0, -1.0, 180)])
def test_fair_values_without_bound_are_equal(r: float, d: float, years: int) -> None:
    # The carry over centuries is infinite, or nothing: deviations are infinite or not numbers.
    rows = random_rows(4, 200)
    cells = grid_of(replace(EAGER, r=r, d=d, stop_bps=3.0), (-1e9, 0.0, 1e9), (-1e9, 0.0, 1e9))
    assert_same(rows, cells, -(2**63) + 10 + 2**62 + years * 365 * DAY_NS)


def test_windows_follow_each_other_without_a_seam() -> None:
    # Positions, cooldowns and segments last across them.
    rows = random_rows(8, 25_000, step_s=60.0)
    many = [-3.0 + 0.003 * at for at in range(1_000)]
    cells = [replace(EAGER, entry_bps=10.0 + wide, exit_bps=wide, stop_bps=15.0) for wide in many]
    cells += grid_of(replace(EAGER, cooldown_s=90_000.0, max_hold_days=2.0), (9.0, 25.0), (-60.0, 0.0))
    expiry_ns = rows[20_480].ts_ns
    run = SweepRun(memory_of(rows), cells, expiries_ns=(expiry_ns,), fixed=True)
    windows = 0
    while run.advance():
        windows += 1
    assert windows == 7
    found = cells_of(run.block())
    checked = [*range(0, 1_000, 250), *range(1_000, len(cells))]
    single = singly(rows, [cells[at] for at in checked], expiry_ns)
    assert exact(compiled(rows, [cells[at] for at in checked], expiry_ns, full=True)) == exact(single)
    expected = [{name: cell[name] for name in COLUMNS} for cell in single]
    assert exact([found[at] for at in checked]) == exact(expected)
    assert all(cell["trades"] for cell in expected)


def test_a_row_without_a_front_contract_is_refused() -> None:
    rows = [Row(2, -(2**62), 6040.0, 6040.25, 600.0, 600.01)]
    with pytest.raises(InputError, match="No front ES contract is known"):
        compiled(rows, [EAGER])


def test_rows_must_be_in_order_of_time() -> None:
    rows = random_rows(1, 2)
    rows[1].ts_ns = rows[0].ts_ns - 1
    with pytest.raises(BrokenInvariant):
        memory_of(rows)


def test_blocks_pickle_and_join_in_order() -> None:
    rows, cells = random_rows(3, 200), grid_of(EAGER, (0.0, 6.0), (-20.0, 0.0))
    kept = pickle.loads(pickle.dumps(memory_of(rows)))  # noqa: S301 -- our own
    whole = run_block(memory_of(rows), cells, expiries_ns=calendar.all_expiries_ns(), fixed=False)
    parts = [
        run_block(kept, part, expiries_ns=calendar.all_expiries_ns(), fixed=False)
        for part in (cells[:1], cells[1:3], cells[3:])
    ]
    assert SweepBlock.joined(pickle.loads(pickle.dumps(parts))) == whole  # noqa: S301 -- our own
    assert SweepBlock.joined(reversed(parts)) != whole
