"""The ledger as a sequence of rows, whenever and however often these are looked at."""

import pickle

import pytest
from quotes import START_NS, constant, ledger_of, random_rows, run_both

from arbcore.quotes.table import Table
from arbcore.research._backtest import Backtest
from arbcore.research._ledger import Ledger
from arbcore.research.research_settings import DAY_NS

EXPIRY_NS = START_NS + 30 * DAY_NS
SETTINGS = constant(entry_bps=6, exit_bps=0, cost_bps=1, factor=9.994, contracts=3)


@pytest.fixture(scope="module")
def rows() -> list[tuple[object, ...]]:
    """The trades as the twin has them."""
    plain, _ = run_both(random_rows(5, 2_000, step_s=0.4, wide=2.0), SETTINGS, expiry_ns=EXPIRY_NS)
    assert len(plain.trades) > 20
    return ledger_of(plain)


@pytest.fixture
def ledger(rows: list[tuple[object, ...]]) -> Ledger:
    """The same trades as they were taken: in two parts, of which the second was put to the first."""
    run = Backtest(SETTINGS, expiries_ns=(EXPIRY_NS,), fixed=True, keep_trades=True)
    parts = []
    for at, row in enumerate(random_rows(5, 2_000, step_s=0.4, wide=2.0)):
        run.feed_row(row.ts_ns, row.es_bid, row.es_ask, row.spy_bid, row.spy_ask)
        if at == 900:
            parts.append(run.take_trades())
    run.end()
    parts.append(run.take_trades())
    assert all(len(part) > 5 for part in parts)
    assert len(run.take_trades()) == 0
    assert list(parts[0]) + list(parts[1]) == rows
    parts[0].extend(parts[1])
    return parts[0]


def test_it_is_a_sequence_of_the_trades(ledger: Ledger, rows: list[tuple[object, ...]]) -> None:
    assert len(ledger) == len(rows)
    assert list(ledger) == list(ledger) == rows
    assert [ledger[at] for at in range(-len(rows), len(rows))] == rows * 2


@pytest.mark.parametrize("way", [-1, 1])
def test_there_is_no_trade_beyond_its_ends(ledger: Ledger, way: int) -> None:
    at = len(ledger) if way > 0 else -len(ledger) - 1
    with pytest.raises(IndexError, match=f"There are {len(ledger)} trades and no number {at}"):
        ledger[at]


def test_it_can_be_extended_by_itself(rows: list[tuple[object, ...]]) -> None:
    ledger = Ledger(SETTINGS.contracts)
    ledger.extend(ledger)
    assert list(ledger) == []


def test_it_goes_to_another_process_whole(ledger: Ledger, rows: list[tuple[object, ...]]) -> None:
    assert list(pickle.loads(pickle.dumps(ledger))) == rows  # noqa: S301


def test_a_table_of_it_is_read_when_somebody_looks(ledger: Ledger, rows: list[tuple[object, ...]]) -> None:
    names = [f"c{at}" for at in range(len(rows[0]))]
    late = Ledger(SETTINGS.contracts)
    table = Table.of_rows(names, late)
    late.extend(ledger)
    copied = pickle.loads(pickle.dumps(table))  # noqa: S301
    assert list(table.rows()) == list(copied.rows()) == rows
    assert table.height == len(rows)
