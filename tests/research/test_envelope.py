"""What the picture of a run is drawn from: the compiled envelope against its twin, and no extreme lost."""

import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quotes import constant, random_rows
from reference import backtest as twin_backtest
from reference import envelope as twin
from twins import int64s

from arbcore.carry import calendar
from arbcore.errors import UsageError
from arbcore.research import _envelope
from arbcore.research._backtest import Backtest
from arbcore.research._envelope import COLUMNS, Envelope

VALUES = st.one_of(st.floats(-5, 5), st.sampled_from((math.nan, math.inf, -math.inf, 0.0, -0.0, 1e308)))
KINDS = ("equity", "basis", "cc", "reverse", "exit")
NOTES = st.lists(st.tuples(st.sampled_from(KINDS), int64s(0, 40), VALUES, VALUES, VALUES), max_size=60)


def note(envelope: Any, kind: str, ts_ns: int, *values: float) -> None:
    if kind == "equity":
        envelope.equity(ts_ns, values[0], drawdown=values[1])
    elif kind == "basis":
        envelope.basis(ts_ns, values[0], upper=values[1], lower=values[2])
    elif kind == "exit":
        envelope.exit(ts_ns, dev=values[0])
    else:
        envelope.entry(ts_ns, -1 if kind == "cc" else 1, dev=values[0])


def assert_same(compiled: Envelope, plain: twin.Envelope) -> None:
    # As text, for NaN is not equal to itself. Zeros of either sign are one least value.
    assert repr(compiled.columns()).replace("-0.0", "0.0") == repr(plain.columns()).replace("-0.0", "0.0")


@given(NOTES, st.integers(2, 9))
def test_any_notes_make_the_twins_buckets(notes: list[Any], capacity: int) -> None:
    compiled, plain = Envelope(capacity), twin.Envelope(capacity)
    for kind, ts_ns, *values in notes:
        note(compiled, kind, ts_ns, *values)
        note(plain, kind, ts_ns, *values)
        assert compiled.count <= capacity
    assert_same(compiled, plain)


@pytest.mark.parametrize("seed", range(8))
def test_no_extreme_is_lost(seed: int) -> None:
    rng = random.Random(seed)
    envelope = Envelope(16)
    ts_ns, equity, dev = 0, [], []
    for _ in range(3_000):
        # Sessions of seconds with days between them.
        ts_ns += rng.choice((10**9, 10**9, 10**9, rng.randrange(10**14)))
        equity.append(rng.gauss(0, 100))
        dev.append(rng.gauss(0, 3))
        envelope.equity(ts_ns, equity[-1], drawdown=abs(equity[-1]))
        envelope.basis(ts_ns, dev[-1], upper=dev[-1], lower=dev[-1])
    columns = envelope.columns()
    assert 8 <= envelope.count <= 16, f"seed {seed}"
    assert (min(columns["equity_min"]), max(columns["equity_max"])) == (min(equity), max(equity))
    assert columns["equity_last"][-1] == equity[-1]
    assert max(columns["drawdown_max"]) == max(map(abs, equity))
    assert (min(columns["dev_min"]), max(columns["dev_max"])) == (min(dev), max(dev))
    assert (columns["first_ns"][0] > 0, columns["last_ns"][-1]) == (True, ts_ns)


def test_as_many_rows_as_there_is_room_for_keep_a_bucket_each() -> None:
    envelope = Envelope(500)
    for at in range(500):
        envelope.equity(at * 7, float(at), drawdown=0.0)
    assert envelope.columns()["equity_last"] == [float(at) for at in range(500)]
    envelope.equity(3_500, 500.0, drawdown=0.0)
    assert 1 < envelope.count < 500


def test_columns_are_those_that_are_promised() -> None:
    assert _envelope.COLUMNS == twin.COLUMNS == tuple(Envelope().columns())
    assert Envelope().capacity == _envelope.CAPACITY == twin.Envelope().capacity
    assert COLUMNS[0] == "first_ns"


@pytest.mark.parametrize("capacity", [-1, 0, 1, 1_000_001])
def test_a_capacity_that_holds_nothing_is_refused(capacity: int) -> None:
    with pytest.raises(UsageError, match="from 2 to 1,000,000 buckets"):
        Envelope(capacity)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"factor": "auto:20"},
        {"close_at_end": True, "exit_bps": -30.0},
        {"es_latency_rows": 1, "spy_latency_rows": 2},
    ],
)
def test_a_backtest_notes_what_its_twin_notes(seed: int, changes: dict[str, Any]) -> None:
    settings = constant(**{"entry_bps": 4, "exit_bps": 0, "cost_bps": 1, **changes})
    compiled, plain = Envelope(64), twin.Envelope(64)
    fast = Backtest(settings, expiries_ns=calendar.all_expiries_ns(), fixed=False, envelope=compiled)
    slow = twin_backtest.Backtest(
        settings, lambda now_ns: calendar.front_contract(now_ns).expiry_ns, envelope=plain
    )
    for at, row in enumerate(random_rows(seed, 400)):
        if seed % 2:
            row.expiry_ns = row.ts_ns + (60 + 90 * (at // 37)) * 10**15
        slow.row(row)
        fast.feed_row(
            row.ts_ns, row.es_bid, row.es_ask, row.spy_bid, row.spy_ask, expiry_ns=row.expiry_ns
        )  # fmt: skip
    slow.end()
    fast.end()
    assert_same(compiled, plain)
    columns, summary = compiled.columns(), fast.summary()
    entries = sum(columns["cc_entries"]) + sum(columns["reverse_entries"])
    held = fast.open_position_document()
    assert entries == summary["trades"] + (held is not None and held["on_its_way"] != "entry") > 0, (
        f"seed {seed}"
    )
    assert sum(columns["exits"]) == summary["trades"]
    assert max(columns["drawdown_max"]) == summary["max_drawdown"]
    assert columns["equity_last"][-1] == summary["final_equity"]


@pytest.mark.parametrize("seed", range(4))
def test_where_a_position_is_opened_the_deviation_is_outside_the_band(seed: int) -> None:
    settings = constant(entry_bps=4, exit_bps=0, cost_bps=1)
    envelope = Envelope(1_000)
    run = Backtest(settings, expiries_ns=calendar.all_expiries_ns(), fixed=False, envelope=envelope)
    for at, row in enumerate(random_rows(seed, 900, step_s=60)):
        # A bucket a row.
        run.feed_row(row.ts_ns + at, row.es_bid, row.es_ask, row.spy_bid, row.spy_ask)
    run.end()
    columns = envelope.columns()
    assert envelope.count == 900
    entered = 0
    for at in range(envelope.count):
        if columns["cc_entries"][at]:
            assert columns["dev_last"][at] >= columns["upper_min"][at] - 1e-9
        if columns["reverse_entries"][at]:
            assert columns["dev_last"][at] <= columns["lower_max"][at] + 1e-9
        entered += columns["cc_entries"][at] + columns["reverse_entries"][at]
    assert entered > 5, f"seed {seed}"
