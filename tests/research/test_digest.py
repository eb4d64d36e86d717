"""The trades of a run in few numbers: nothing is lost from sums and counts, however many there are."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbcore.core.civil import read_time
from arbcore.core.ledger_columns import LEDGER_COLUMNS, LedgerRow
from arbcore.pages.ledger_digest import Distribution, LedgerDigest


def trade(number: int, exit_ts: str, net: float) -> LedgerRow:
    exit_ns = read_time(exit_ts)
    empty = LedgerRow(*(column.kind() for column in LEDGER_COLUMNS))
    return empty._replace(trade_id=number, exit_ts=exit_ns, gross_pnl=net + 1, cost=1.0, net_pnl=net)


def test_the_first_and_the_last_are_kept() -> None:
    digest = LedgerDigest(kept=3)
    for number in range(1, 11):
        digest.take([trade(number, "2026-01-05T15:00:00Z", float(number))])
    assert [row.trade_id for row in digest.first] == [1, 2, 3]
    assert [row.trade_id for row in digest.last] == [8, 9, 10]
    assert (digest.count, digest.left_out, digest.best, digest.worst) == (10, 4, 10.0, 1.0)


@pytest.mark.parametrize("count", range(8))
def test_few_trades_are_shown_once(count: int) -> None:
    digest = LedgerDigest(kept=3)
    digest.take(trade(number, "2026-01-05T15:00:00Z", 1.0) for number in range(count))
    shown = [row.trade_id for row in [*digest.first, *digest.last]]
    assert shown == [number for number in range(count) if number < 3 or number >= count - 3]
    assert digest.left_out == max(0, count - 6)


def test_months_are_those_of_the_exits() -> None:
    digest = LedgerDigest()
    digest.take([trade(1, "2026-01-31T23:59:59Z", 5.0), trade(2, "2026-02-01T00:00:00Z", -2.0)])
    digest.take([trade(3, "2026-02-27T15:00:00Z", 4.0)])
    january, february = digest.months[2026, 1], digest.months[2026, 2]
    assert (january.trades, january.wins, january.net_pnl) == (1, 1, 5.0)
    assert (february.trades, february.wins, february.net_pnl, february.cost) == (2, 1, 2.0, 2.0)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=200))
def test_every_value_is_in_a_bin_that_contains_it(values: list[float]) -> None:
    distribution = Distribution()
    for value in values:
        distribution.add(value)
    bins = distribution.bins()
    assert 1 <= len(bins) <= 36
    assert sum(count for *_, count in bins) == len(values)
    width = bins[0][1] - bins[0][0]
    slack = 1e-6 * max(1.0, width)
    assert bins[0][0] - slack <= min(values)
    assert max(values) <= bins[-1][1] + slack
    assert bins[0][2] > 0 < bins[-1][2]
    # 0 is an edge: no bin has gains and losses.
    assert sum(count for low, _, count in bins if low < 0) == sum(value < 0 for value in values)


def test_more_values_than_bins_are_counted_all_the_same() -> None:
    rng = random.Random(5)
    values = [rng.gauss(10, 500) for _ in range(30_000)]
    distribution = Distribution()
    for value in values:
        distribution.add(value)
    for low, high, count in distribution.bins():
        assert count == sum(low <= value < high for value in values), (low, high)


def test_no_trade_has_no_distribution() -> None:
    assert Distribution().bins() == []
