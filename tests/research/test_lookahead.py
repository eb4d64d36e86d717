"""The lookahead check: silent about honest runs, and not about one that peeks in any of several ways."""

import math
import statistics
from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from quotes import START_NS, constant, random_rows
from reference.quotes import Row

from arbcore.carry.calendar import all_expiries_ns
from arbcore.research import lookahead
from arbcore.research._backtest import Backtest
from arbcore.research._ledger import Ledger
from arbcore.research._sweep_rows import SweepRows
from arbcore.research.lookahead import LookaheadCheck, Verdict
from arbcore.research.research_settings import DAY_NS, BacktestSettings

EAGER = constant(entry_bps=4, exit_bps=0, cost_bps=1)


def honest(settings: BacktestSettings = EAGER) -> Backtest:
    return Backtest(settings, expiries_ns=all_expiries_ns(), fixed=False, keep_trades=True, keep_equity=True)


def check(rows: Sequence[Row], make: Callable[[], Any]) -> tuple[Verdict, LookaheadCheck]:
    """The check of two runs over the rows."""
    checked = LookaheadCheck(make(), make(), contracts=1)
    for row in rows:
        checked.feed_row(
            row.ts_ns, row.es_bid, row.es_ask, row.spy_bid, row.spy_ask, factor=row.factor,
            expiry_ns=row.expiry_ns,
        )  # fmt: skip
    checked.flush()
    return checked.verdict(), checked


@pytest.fixture(params=[7, 300, lookahead.BATCH_ROWS])
def _batches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookahead, "BATCH_ROWS", request.param)


@pytest.mark.usefixtures("_batches")
@pytest.mark.parametrize("count", [0, 1, 2, 150, 700])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"close_at_end": True},
        {"factor": "auto:50", "stop_bps": 6.0},
        {"es_latency_rows": 3, "spy_latency_rows": 1, "cooldown_s": 3_000.0},
    ],
    ids=lambda changes: "+".join(changes) or "plain",
)
def test_an_honest_run_passes_and_its_results_come_through(count: int, changes: dict[str, Any]) -> None:
    settings = replace(EAGER, **changes)
    rows = random_rows(count, count)
    verdict, checked = check(rows, lambda: honest(settings))
    assert verdict.difference is None
    assert verdict.document == {"cuts": verdict.cuts, "ok": True, "difference": None}
    alone = honest(settings)
    for row in rows:
        alone.feed_row(row.ts_ns, row.es_bid, row.es_ask, row.spy_bid, row.spy_ask)
    assert list(checked.take_trades()) == list(alone.take_trades())
    assert checked.take_equity() == alone.take_equity()
    assert (len(checked.take_trades()), checked.take_equity()) == (0, (array("q"), array("d")))


def test_every_row_of_short_data_is_a_cut() -> None:
    verdict, _ = check(random_rows(5, 150), honest)
    assert verdict.cuts == 149
    verdict, _ = check(random_rows(5, 3_000), honest)
    assert verdict.cuts > 199


@pytest.mark.usefixtures("_batches")
@pytest.mark.parametrize("seed", range(3))
def test_a_roll_is_no_lookahead(seed: int) -> None:
    rows = random_rows(seed, 180)
    for at, row in enumerate(rows):
        row.expiry_ns = START_NS + (60 + 90 * (at // 17)) * DAY_NS
    verdict, checked = check(rows, lambda: honest(replace(EAGER, exit_bps=-20.0)))
    assert any(trade.exit_reason == "roll" for trade in checked.take_trades()), f"seed {seed}"
    assert verdict.difference is None


class Peeking:
    """A run that looks at what it was fed before it takes its rows."""

    def __init__(self) -> None:
        self.run = honest()
        self.seen = 0

    @property
    def values(self) -> Any:
        return self.run.values

    def feed_memory(self, rows: SweepRows) -> None:
        found = random_rows(5, 700)[self.seen : self.seen + rows.count]
        self.seen += rows.count
        for row, prices, factor in self.altered(found):
            self.run.feed_row(
                row.ts_ns, prices.es_bid, prices.es_ask, prices.spy_bid, prices.spy_ask, factor=factor
            )

    def altered(self, rows: list[Row]) -> list[tuple[Row, Row, float | None]]:
        """Each row with the row whose prices it is traded at, and its factor."""
        return [(row, row, None) for row in rows]

    def take_trades(self) -> Ledger:
        return self.run.take_trades()

    def take_equity(self) -> "tuple[array[int], array[float]]":
        times, values = self.run.take_equity()
        return times, values


class MedianFactor(Peeking):
    """Takes the factor out of all rows that there are, today's and tomorrow's."""

    def altered(self, rows: list[Row]) -> list[tuple[Row, Row, float | None]]:
        factor = statistics.median(row.es_bid / row.spy_bid for row in rows) / 1.0031 / 10
        return [
            (row, replace(row, spy_bid=row.spy_bid * factor, spy_ask=row.spy_ask * factor), None)
            for row in rows
        ]


class NextPrice(Peeking):
    """Trades each row at the prices of the row after it."""

    def altered(self, rows: list[Row]) -> list[tuple[Row, Row, float | None]]:
        return [(row, later, None) for row, later in zip(rows, [*rows[1:], rows[-1]], strict=True)]


class LastBit(Peeking):
    """Marks one early row by the last bit of its equity, in long data alone."""

    def take_equity(self) -> "tuple[array[int], array[float]]":
        times, values = super().take_equity()
        if len(times) >= 600:
            values[17] = math.nextafter(values[17], math.inf)
        return times, values


class CalibratesAnew(Peeking):
    """Has a factor that depends on how many rows it has seen."""

    @property
    def values(self) -> Any:
        return SimpleNamespace(level_ends=lambda: (10.0 + 1e-12 * self.seen, None))


@pytest.mark.parametrize(
    ("peeks", "part"),
    [
        (MedianFactor, "the equity of an earlier row"),
        (NextPrice, "the equity of an earlier row"),
        (LastBit, "the equity of an earlier row"),
        (CalibratesAnew, "the first level is 10.0"),
    ],
)
def test_a_run_that_peeks_is_caught(peeks: type[Peeking], part: str) -> None:
    assert check(random_rows(5, 700), Peeking)[0].difference is None
    verdict, _ = check(random_rows(5, 700), peeks)
    assert verdict.difference is not None
    assert part in verdict.difference or "trade" in verdict.difference
    assert verdict.sentence.startswith("Lookahead: with the data cut after usable row ")
    assert verdict.document["ok"] is False
