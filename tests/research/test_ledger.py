"""The ledger as a sequence of rows, whenever and however often these are looked at."""

import pickle
from pathlib import Path

import pytest
from quotes import START_NS, constant, csv_of, ledger_of, random_rows, run_both

import arbcore
from arbcore import cli
from arbcore.core.ledger_columns import LEDGER_COLUMNS, LEDGER_NAMES, LedgerRow
from arbcore.quotes.table import Table
from arbcore.research import _ledger
from arbcore.research._backtest import Backtest
from arbcore.research._ledger import Ledger
from arbcore.research.research_settings import DAY_NS

EXPIRY_NS = START_NS + 30 * DAY_NS
SETTINGS = constant(entry_bps=6, exit_bps=0, cost_bps=1, factor=9.994, contracts=3)


@pytest.fixture(scope="module")
def rows() -> list[LedgerRow]:
    """The trades as the twin has them."""
    plain, _ = run_both(random_rows(5, 2_000, step_s=0.4, wide=2.0), SETTINGS, expiry_ns=EXPIRY_NS)
    assert len(plain.trades) > 20
    return ledger_of(plain)


@pytest.fixture
def ledger(rows: list[LedgerRow]) -> Ledger:
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


def test_it_is_a_sequence_of_the_trades(ledger: Ledger, rows: list[LedgerRow]) -> None:
    assert len(ledger) == len(rows)
    assert list(ledger) == list(ledger) == rows
    assert [ledger[at] for at in range(-len(rows), len(rows))] == rows * 2


@pytest.mark.parametrize("way", [-1, 1])
def test_there_is_no_trade_beyond_its_ends(ledger: Ledger, way: int) -> None:
    at = len(ledger) if way > 0 else -len(ledger) - 1
    with pytest.raises(IndexError, match=f"There are {len(ledger)} trades and no number {at}"):
        ledger[at]


def test_it_can_be_extended_by_itself(rows: list[LedgerRow]) -> None:
    ledger = Ledger(SETTINGS.contracts)
    ledger.extend(ledger)
    assert list(ledger) == []


def test_it_goes_to_another_process_whole(ledger: Ledger, rows: list[LedgerRow]) -> None:
    assert list(pickle.loads(pickle.dumps(ledger))) == rows  # noqa: S301


def test_a_table_of_it_is_read_when_somebody_looks(ledger: Ledger, rows: list[LedgerRow]) -> None:
    late = Ledger(SETTINGS.contracts)
    table = Table.of_rows(LEDGER_COLUMNS, late)
    late.extend(ledger)
    copied = pickle.loads(pickle.dumps(table))  # noqa: S301
    assert tuple(table) == LEDGER_NAMES
    assert list(table.rows()) == list(copied.rows()) == rows
    assert table.height == len(rows)


def test_every_column_says_what_it_is_and_holds_that(ledger: Ledger) -> None:
    for column in LEDGER_COLUMNS:
        assert column.meaning, column.name
        assert {type(getattr(row, column.name)) for row in ledger} == {column.kind}, column.name
        assert (column.unit == "time") == column.name.endswith("_ts")
        for ending, unit in (("_bps", "bps of fair value"), ("_pnl", "USD")):
            assert not column.name.endswith(ending) or column.unit == unit, column.name


REVERSED = ("new_column", *reversed(LEDGER_NAMES))


class Reversed:
    """A row whose cells are in the reverse order, behind a column that nobody knows."""

    made = 0

    def __init__(self, cells: tuple[object, ...]) -> None:
        Reversed.made += 1
        self.cells = ("unknown", *reversed(cells))

    def __getattr__(self, name: str) -> object:
        return self.cells[REVERSED.index(name)]

    def __getitem__(self, at: int) -> object:
        return self.cells[at]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reversed) and self.cells == other.cells

    __hash__ = None  # type: ignore[assignment]


def written(tmp_path: Path, name: str) -> tuple[object, ...]:
    """All that is made of the rows: summary, page, table, sweep and the command's file."""
    data = tmp_path / "quotes.csv"
    data.write_bytes(csv_of(random_rows(5, 1_500, step_s=0.4, wide=2.0)))
    asked = {"expiry": EXPIRY_NS, "entry_bps": 6, "exit_bps": 0, "cost_bps": 1, "factor": 9.994}
    found = arbcore.backtest(data, report=True, check_lookahead=True, **asked)
    swept = arbcore.sweep(data, **(asked | {"entry_bps": "5:7:1"}))
    cli.main(["backtest", str(data), "--factor", "9.994", "--cost-bps", "1", "--expiry", "2026-03-20",
              "--trades", str(tmp_path / name), "--json"])  # fmt: skip
    trades = dict(found.trades) if found.trades is not None else {}
    return found.summary, found.to_html(), trades, swept.summary, (tmp_path / name).read_text("utf-8")


def test_nothing_reads_a_row_by_the_places_of_its_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = written(tmp_path, "a.csv")
    assert len(expected[2]["trade_id"]) > 20  # type: ignore[index]
    monkeypatch.setattr(_ledger, "make_row", Reversed)
    assert written(tmp_path, "b.csv") == expected
    assert Reversed.made > 40


def test_nets_and_what_was_held_are_those_of_the_rows(ledger: Ledger, rows: list[LedgerRow]) -> None:
    assert list(ledger.nets()) == [row.net_pnl for row in rows]
    assert list(ledger.held()) == [(row.entry_ts, row.exit_ts, row.shares * row.etf_entry) for row in rows]
    assert list(Ledger(1).nets()) == list(Ledger(1).held()) == []
