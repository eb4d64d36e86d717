"""Random quotes of ES against SPY, as rows and as the text of a file, from a seed."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from reference import backtest as twin
from reference.quotes import Row

from arbcore.carry import calendar
from arbcore.core import civil
from arbcore.core.ledger_columns import LedgerRow, ledger_cells
from arbcore.quotes._csv import CsvReader
from arbcore.research._backtest import Backtest as CompiledBacktest
from arbcore.research.research_settings import BacktestSettings

OPTIONAL = {"factor": "factor", "expiry": "expiry_ns"}
#: Settings for the random rows: a constant level, and thresholds that the rows reach.
CONSTANT: dict[str, Any] = {
    "factor": 10.0, "entry_bps": 20.0, "exit_bps": 5.0, "cost_bps": 4.0, "funding_rate": 0.0
}  # fmt: skip
START_NS = civil.read_time("2026-03-02T14:30:00Z")


def constant(**changes: Any) -> BacktestSettings:
    """Returns settings with a constant level, and with the given changes."""
    return BacktestSettings(**{**CONSTANT, **changes})


def random_rows(seed: int, count: int, *, step_s: float = 3_600.0, wide: float = 12.0) -> list[Row]:
    """Returns valid rows around fair value, with a deviation that comes and goes."""
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
    """Returns the twin and the compiled backtest after the same rows, both ended.

    The compiled backtest gets the rows one by one. It must give the same results if it reads them at once
    from a file, with and without storing the equity.
    """
    if rows and rows[0].factor is not None:
        settings = replace(settings, factor="column")
    plain = twin.Backtest(settings, front, expiry_ns)

    def fresh(keep_equity: bool) -> CompiledBacktest:
        return CompiledBacktest(
            settings,
            expiries_ns=calendar.all_expiries_ns() if expiry_ns is None else (expiry_ns,),
            fixed=expiry_ns is not None,
            keep_trades=True,
            keep_equity=keep_equity,
        )

    compiled = fresh(True)
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
    for keep_equity in (True, False):
        whole = fresh(keep_equity)
        use_factor = rows != [] and rows[0].factor is not None
        reader = CsvReader("rows.csv", expiry_of=calendar.read_expiry, use_factor=use_factor)
        data = csv_of(rows)
        for start in [*range(0, len(data), 200_000), len(data)]:
            piece = data[start : start + 200_000]
            reader.room()[: len(piece)] = piece
            reader.filled(len(piece))
            whole.feed(reader)
        whole.end()
        assert whole.summary() == compiled.summary()
        assert whole.open_position_document() == compiled.open_position_document()
        assert whole.expiries_ns == compiled.expiries_ns
    return plain, compiled


def csv_of(rows: list[Row]) -> bytes:
    """Returns the text of a file of rows; reading it gives the same bits."""
    names = ["ts", "es_bid", "es_ask", "spy_bid", "spy_ask"]
    names += [name for name in ("factor", "expiry") if rows and getattr(rows[0], OPTIONAL[name]) is not None]
    lines = [",".join(names)]
    for row in rows:
        cells = [civil.iso_time(row.ts_ns)]
        cells += [repr(getattr(row, name)) for name in names[1:] if name != "expiry"]
        cells += [civil.iso_time(row.expiry_ns)] if row.expiry_ns is not None else []
        lines.append(",".join(cells))
    return "\n".join([*lines, ""]).encode()


def ledger_of(plain: twin.Backtest) -> list[LedgerRow]:
    """Returns the twin's trades as rows of the ledger."""
    return [LedgerRow(*ledger_cells(trade)) for trade in plain.trades]


def assert_same(plain: twin.Backtest, compiled: CompiledBacktest, why: object = None) -> None:
    assert list(compiled.take_trades()) == ledger_of(plain), why
    assert list(zip(*compiled.take_equity(), strict=True)) == plain.equity, why
    found, expected = compiled.summary(), plain.summary()
    assert {name: found[name] for name in expected} == expected, why
    assert compiled.expiries_ns == plain.expiries, why
    assert compiled.values.warming_up == plain.warming_up, why
