"""Orders that take their time, and what they cost: by hand, and compiled against the twin."""

from dataclasses import replace
from typing import Any

import pytest
from quotes import START_NS, assert_same, constant, run_both
from reference.backtest import Backtest
from reference.quotes import Row

from arbcore.research.research_settings import DAY_NS

EXPIRY_NS = START_NS + 30 * DAY_NS
# Fair value is SPY times ten; a row is one second.
FLAT = constant(r=0.0, d=0.0, entry_bps=20, exit_bps=1, cost_bps=0)
RICH, FAIR = 6040.0, 6000.0


def rows_of(*es_bids: float, expiries: dict[int, int] | None = None) -> list[Row]:
    """One row a second; SPY rises by a dollar a row from 600, so that a fill tells its row."""
    made = []
    for at, es in enumerate(es_bids):
        spy = 600.0 + at
        es += 10 * at
        expiry_ns = None if expiries is None else expiries[at]
        made.append(Row(at + 2, START_NS + at * 10**9, es, es + 0.25, spy, spy + 0.01, expiry_ns))
    return made


def ran(rows: list[Row], es_rows: int, spy_rows: int, **changes: Any) -> Backtest:
    chosen = replace(FLAT, es_latency_rows=es_rows, spy_latency_rows=spy_rows, **changes)
    own = any(row.expiry_ns is not None for row in rows)
    plain, compiled = run_both(rows, chosen, expiry_ns=None if own else EXPIRY_NS)
    assert_same(plain, compiled)
    return plain


def at_row(row: int) -> int:
    return START_NS + row * 10**9


def test_each_leg_is_filled_its_own_latency_after_the_row_that_decided() -> None:
    found = ran(rows_of(RICH, RICH, RICH, FAIR, FAIR, FAIR, FAIR), 1, 2)
    trade = found.trades[0]
    # Decided on row 0: ES sold on row 1, SPY bought on row 2; out on rows 4 and 5.
    assert (trade.fut_entry, trade.etf_entry) == (6050.0, 602.01)
    assert (trade.fut_exit, trade.etf_exit) == (6040.25, 605.0)
    assert (trade.entry_ts, trade.exit_ts) == (at_row(2), at_row(5))
    assert trade.exit_reason == "converged"


def test_shares_are_those_of_the_row_that_decided() -> None:
    late, prompt = (ran(rows_of(RICH, RICH, FAIR, FAIR, FAIR), rows, rows).trades[0] for rows in (1, 0))
    assert late.shares == prompt.shares == 503
    assert late.etf_entry != prompt.etf_entry


def test_deviations_are_those_of_the_row_that_filled_the_last_leg() -> None:
    trade = ran(rows_of(RICH, RICH, RICH - 10, FAIR, FAIR + 3, FAIR), 0, 2).trades[0]
    assert trade.entry_dev_bps == pytest.approx(1e4 * (6050.125 - 6020.05) / 6020.05)
    assert trade.exit_ts == at_row(5)
    assert trade.exit_dev_bps == pytest.approx(1e4 * (6050.125 - 6050.05) / 6050.05)


def test_nothing_is_decided_while_a_leg_is_on_its_way() -> None:
    # Converged on rows 1 and 2, which are on the way in; gone again when the signal looks on row 3.
    assert ran(rows_of(RICH, FAIR, FAIR, RICH, RICH), 2, 0).trades == []


def test_a_leg_is_marked_from_the_row_that_fills_it() -> None:
    found = ran(rows_of(RICH, RICH, RICH, RICH), 0, 2, cost_bps=4)
    values = [value for _, value in found.equity]
    # Short 50 at 6040, marked at mids 0.125 above the bid and 10 a row; 503 shares join on row 2 at 602.01.
    half_cost = 4e-4 * 50 * RICH / 2
    assert values[:2] == [pytest.approx(-50 * 0.125), pytest.approx(-50 * 10.125)]
    assert values[2] == pytest.approx(-50 * 20.125 - 503 * 0.005 - half_cost)
    assert values[3] == pytest.approx(-50 * 30.125 + 503 * 0.995 - half_cost)
    assert found.held_rows == 4


@pytest.mark.parametrize("es_rows", [0, 3])
def test_the_expiry_waits_for_no_order(es_rows: int) -> None:
    rows = rows_of(RICH, RICH, RICH)
    rows[2].ts_ns = EXPIRY_NS
    found = ran(rows, es_rows, 3)
    if es_rows:  # no leg was filled: there was no trade, and that is counted
        assert (found.trades, found.unfilled_entries) == ([], 1)
        return
    trade = found.trades[0]
    assert (trade.exit_reason, trade.entry_ts, trade.exit_ts) == ("expiry", EXPIRY_NS, EXPIRY_NS)
    assert (trade.etf_entry, trade.etf_exit) == (602.01, 602.0)


def test_an_exit_on_its_way_at_the_expiry_keeps_its_reason() -> None:
    rows = rows_of(RICH, RICH, FAIR, FAIR, FAIR)
    rows[3].ts_ns = rows[4].ts_ns = EXPIRY_NS
    trade = ran(rows, 1, 0).trades[0]
    assert (trade.exit_reason, trade.exit_ts) == ("converged", EXPIRY_NS)


def test_a_roll_fills_what_is_on_its_way_at_the_last_row_of_the_contract() -> None:
    expiries = {0: EXPIRY_NS, 1: EXPIRY_NS, 2: EXPIRY_NS + DAY_NS, 3: EXPIRY_NS + DAY_NS}
    found = ran(rows_of(RICH, RICH, FAIR, FAIR, expiries=expiries), 0, 5)
    trade = found.trades[0]
    assert (trade.exit_reason, trade.entry_ts, trade.exit_ts) == ("roll", at_row(1), at_row(1))
    assert found.equity[1] == (at_row(1), trade.net_pnl)


def test_an_entry_unfilled_at_the_end_was_never_made() -> None:
    found = ran(rows_of(FAIR, RICH), 1, 1)
    assert (found.trades, found.unfilled_entries, found.position) == ([], 1, None)
    assert found.equity[-1][1] == 0.0


def test_a_leg_on_its_way_at_the_end_has_no_price() -> None:
    rows = rows_of(FAIR, RICH)
    _, compiled = run_both(rows, replace(FLAT, spy_latency_rows=1), expiry_ns=EXPIRY_NS)
    held = compiled.open_position_document()
    assert held is not None
    assert (held["fut_entry"], held["etf_entry"], held["on_its_way"]) == (6050.0, None, "entry")
    closed = ran(rows, 0, 1, close_at_end=True).trades[0]
    assert (closed.exit_reason, closed.etf_entry) == ("end_of_data", 601.01)


def test_slippage_is_what_fills_lost_against_the_rows_that_decided() -> None:
    prompt = ran(rows_of(RICH, RICH, FAIR, FAIR, FAIR), 0, 0).trades[0]
    assert prompt.slippage == 0.0
    ticks = ran(rows_of(RICH, FAIR), 0, 0, es_slippage_ticks=1, spy_slippage_ticks=2).trades[0]
    assert ticks.slippage == pytest.approx(-2 * (50 * 0.25 + 503 * 0.02))
    # Sold ES 10 points and bought SPY a dollar higher than decided; out again 10 points and a dollar higher.
    late = ran(rows_of(RICH, RICH, FAIR, FAIR), 1, 1)
    assert late.trades[0].slippage == pytest.approx(0.0)
    uneven = ran(rows_of(RICH, RICH + 5, FAIR, FAIR), 1, 0).trades[0]
    assert uneven.slippage == pytest.approx(50 * 15 - 50 * 10)


def test_fees_are_a_side_and_part_of_the_cost() -> None:
    rows = rows_of(RICH, RICH, FAIR)
    fees = {"es_fee": 2.25, "spy_fee": 0.005, "cost_bps": 4.0, "contracts": 2}
    found = ran(rows, 0, 0, **fees)
    trade = found.trades[0]
    assert trade.fees == pytest.approx(2 * (2 * 2.25 + trade.shares * 0.005))
    assert trade.cost == pytest.approx(4e-4 * 100 * RICH + trade.fees)
    # Half at entry: one side's.
    marked = -100 * 0.125 - trade.shares * 0.005
    assert found.equity[0][1] == pytest.approx(marked - trade.cost / 2)
    at_least = ran(rows, 0, 0, spy_fee=0.005, spy_fee_min=7.0).trades[0]
    assert at_least.fees == 14.0
