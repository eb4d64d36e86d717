"""Random quotes of ES against SPY, as rows and as the text of a file, from a seed."""

import random
from collections.abc import Callable
from typing import Any

from arbcore.carry import calendar, civil
from arbcore.carry._backtest import Backtest as CompiledBacktest
from arbcore.carry.settings import BacktestSettings
from arbcore.reference import backtest as twin
from arbcore.reference.quotes import Row

START_NS = civil.read_time("2026-03-02T14:30:00Z")


def random_rows(seed: int, count: int, *, step_s: float = 3_600.0, wide: float = 12.0) -> list[Row]:
    """Valid rows around fair value, with a deviation that comes and goes."""
    rng = random.Random(seed)
    ts_ns, spy, bps = START_NS, 60_000, 0.0
    rows = []
    for line in range(2, count + 2):
        ts_ns += rng.choice((0, 1, int(rng.random() * step_s * 1e9)))
        spy += rng.randint(-40, 40)
        bps = 0.9 * bps + rng.gauss(0, wide)
        es = round(spy / 10 * (1.002 + bps * 1e-4) * 4) / 4
        rows.append(
            Row(line, ts_ns, es - 0.25 * rng.randint(0, 1), es, (spy - rng.randint(0, 2)) / 100, spy / 100)
        )
    return rows


def run_both(
    rows: list[Row],
    settings: BacktestSettings,
    *,
    expiry_ns: int | None = None,
    front: Callable[[int], int] = lambda now_ns: calendar.front_contract(now_ns).expiry_ns,
) -> tuple[twin.Backtest, CompiledBacktest]:
    """The twin and the compiled backtest after the same rows, both ended."""
    plain = twin.Backtest(settings, front, expiry_ns)
    compiled = CompiledBacktest(
        settings,
        expiries_ns=calendar.all_expiries_ns() if expiry_ns is None else (expiry_ns,),
        fixed=expiry_ns is not None,
        keep_trades=True,
        keep_equity=True,
    )
    for row in rows:
        plain.row(row)
        compiled.feed_row(
            row.ts_ns,
            row.es_bid,
            row.es_ask,
            row.spy_bid,
            row.spy_ask,
            factor=row.factor,
            expiry_ns=row.expiry_ns,
        )
    plain.end()
    compiled.end()
    return plain, compiled


def ledger_of(plain: twin.Backtest) -> list[tuple[Any, ...]]:
    """The twin's trades as the compiled one's tuples."""
    return [tuple(list(vars(trade).values())[1:-1]) for trade in plain.trades]
