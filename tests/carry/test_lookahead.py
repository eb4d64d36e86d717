"""The lookahead check: silent about honest runs, and not about one that peeks in any of several ways."""

import math
import statistics
from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from quotes import START_NS, random_rows

from arbcore.carry import lookahead
from arbcore.carry._sweep_rows import SweepRows
from arbcore.carry.calendar import all_expiries_ns
from arbcore.carry.lookahead import History, check, cuts_of
from arbcore.carry.settings import DAY_NS, BacktestSettings
from arbcore.reference.quotes import Row

EAGER = BacktestSettings(entry_bps=4, exit_bps=0, cost_bps=1)


def memory_of(rows: Sequence[Row]) -> SweepRows:
    kept = SweepRows()
    for row in rows:
        kept.feed_row(
            row.ts_ns, row.es_bid, row.es_ask, row.spy_bid, row.spy_ask, factor=row.factor,
            expiry_ns=row.expiry_ns,
        )  # fmt: skip
    return kept


def honest(rows: SweepRows, settings: BacktestSettings = EAGER) -> History:
    return lookahead.history_of(rows, settings, expiries_ns=all_expiries_ns(), fixed=False)


@pytest.mark.parametrize("count", [0, 1, 2, 150, 700])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"close_at_end": True},
        {"calibration_rows": 50, "stop_bps": 6.0},
        {"es_latency_rows": 3, "spy_latency_rows": 1, "cooldown_s": 3_000.0},
    ],
    ids=lambda changes: "+".join(changes) or "plain",
)
def test_an_honest_run_passes(count: int, changes: dict[str, Any]) -> None:
    settings = replace(EAGER, **changes)
    verdict = check(memory_of(random_rows(count, count)), lambda rows: honest(rows, settings))
    assert verdict.difference is None
    assert verdict.cuts >= (100 if count > 100 else max(0, count - 1))
    assert verdict.document == {"cuts": verdict.cuts, "ok": True, "difference": None}


@pytest.mark.parametrize("seed", range(3))
def test_a_roll_is_no_lookahead(seed: int) -> None:
    rows = random_rows(seed, 180)
    for at, row in enumerate(rows):
        row.expiry_ns = START_NS + (60 + 90 * (at // 17)) * DAY_NS
    settings = replace(EAGER, exit_bps=-20.0)
    kept = memory_of(rows)
    assert any(trade[-1] == "roll" for trade in honest(kept, settings).trades), f"seed {seed}"
    assert check(kept, lambda part: honest(part, settings)).difference is None


def knows_the_median_factor(rows: SweepRows) -> History:
    """The factor out of all rows that there are, today's and tomorrow's."""
    factors = [row[1] / row[3] for row in tuples_of(rows)]
    return honest(rows, replace(EAGER, factor=statistics.median(factors) / 1.0031))


def trades_at_the_next_price(rows: SweepRows) -> History:
    """Each row at the prices of the row after it."""
    made = SweepRows()
    found = tuples_of(rows)
    for row, later in zip(found, [*found[1:], found[-1]], strict=True):
        made.feed_row(row[0], *later[1:])
    return honest(made)


def leaves_out_the_losers(rows: SweepRows) -> History:
    """A trade is made only where it is known to win in time."""
    history = honest(rows)
    return replace(history, trades=[trade for trade in history.trades if trade[2] != worst_entry(history)])


def worst_entry(history: History) -> int:
    return int(min(history.trades, key=lambda trade: trade[16], default=(0, 0, 0))[2])


def marks_one_row_by_the_last_bit(rows: SweepRows) -> History:
    """An equity that differs by its last bit, in one early row of long data alone."""
    history = honest(rows)
    equity = array("d", history.equity)
    if rows.count > 690:
        equity[17] = math.nextafter(equity[17], math.inf)
    return replace(history, equity=equity)


def calibrates_anew(rows: SweepRows) -> History:
    return replace(honest(rows), factor=10.0 + 1e-12 * rows.count)


def tuples_of(rows: SweepRows) -> list[tuple[Any, ...]]:
    """Times and prices again, by the seed's rows."""
    return [(r.ts_ns, r.es_bid, r.es_ask, r.spy_bid, r.spy_ask) for r in random_rows(5, 700)[: rows.count]]


@pytest.mark.parametrize(
    ("peeks", "part"),
    [
        (knows_the_median_factor, "the equity of usable row"),
        (trades_at_the_next_price, "usable row"),
        (leaves_out_the_losers, "trade"),
        (marks_one_row_by_the_last_bit, "the equity of usable row 18 "),
        (calibrates_anew, "the calibrated factor is 10.0"),
    ],
)
def test_a_run_that_peeks_is_caught(peeks: Any, part: str) -> None:
    verdict = check(memory_of(random_rows(5, 700)), peeks)
    assert verdict.difference is not None
    assert part in verdict.difference
    assert verdict.sentence.startswith("Lookahead: with the data cut after usable row ")
    assert verdict.document["ok"] is False


def test_cuts_are_around_every_kind_of_place_and_the_same_for_a_seed() -> None:
    whole = honest(memory_of(random_rows(5, 700)))
    cuts = cuts_of(whole, 1)
    assert cuts == sorted(set(cuts)) == cuts_of(whole, 1) != cuts_of(whole, 2)
    assert 0 < cuts[0] <= cuts[-1] < 700
    first_ns = whole.trades[0][2]
    at = max(at for at, ts_ns in enumerate(whole.times_ns) if ts_ns == first_ns)
    assert {at, at + 1} <= set(cuts)
