"""A pair's own state: what its executions make of it, and what hedges what."""

import pytest

from arbcore.carry.money import PaidDividend
from arbcore.carry.pairs import ETF, FUT
from arbcore.core.civil import read_time
from arbcore.desk.records import AdjustmentRow, ExecutionRow, TradeRow
from arbcore.desk.trade import Trade

NS = 10**9


def a_trade(*, side: int = -1, contracts: int = 1, shares: int = 502) -> Trade:
    return Trade(TradeRow(7, side, "entering", 11, 99, 50.0, contracts, shares, 5, 12.5))


def execution(
    leg: str, side: int, quantity: int, price: float, *, key: str = "e.1", commission: float | None = None
) -> ExecutionRow:
    multiplier = 50.0 if leg == FUT else 1.0
    return ExecutionRow(
        key, f"{key}.01", 1, "t-1E", 9, 7, leg, side, quantity, price, multiplier, NS, commission
    )


def test_a_pair_begins_with_its_row_and_nothing_done() -> None:
    trade = a_trade()
    assert trade.row() == TradeRow(7, -1, "entering", 11, 99, 50.0, 1, 502, 5, 12.5, commission=0.0)
    assert (trade.position, trade.held, trade.residual) == ({FUT: 0, ETF: 0}, (0, 0), 0)
    assert (trade.deadline_ns, trade.next_try_ns, trade.wake_ns, trade.misses) == (0, 0, 0, 0)
    assert trade.second == ""
    assert (trade.naked_since_ns, trade.exit_from, trade.forced, trade.complete) == (None, None, False, True)
    assert (trade.expired, trade.awaits_settlement, trade.adjustments) == (False, False, [])
    assert trade.refused_legs == set()
    row = TradeRow(
        8, 1, "exiting", 12, 98, 5.0, 3, 150, 6, -1.5, 3, 150, exit_ns=77, exit_dev_bps=2.5,
        exit_reason="roll", tries=4, gross=-9.0,
    )  # fmt: skip
    again = Trade(row)
    assert (again.contracts, again.shares, again.exit_ns, again.exit_dev_bps) == (3, 150, 77, 2.5)
    assert (again.exit_reason, again.tries, again.gross) == ("roll", 4, -9.0)


@pytest.mark.parametrize("side", [1, -1])
def test_a_round_trip_is_counted_in_and_out(side: int) -> None:
    trade = a_trade(side=side)
    trade.count(execution(FUT, side, 1, 6_000.0, key="a", commission=2.0), 1)
    trade.count(execution(ETF, -side, 500, 600.0, key="b", commission=1.0), 1)
    trade.count(execution(ETF, -side, 2, 601.0, key="c", commission=0.5), 1)
    assert trade.position == {FUT: side, ETF: -502 * side}
    assert trade.held == (1, 502)
    assert trade.averages == (6_000.0, None, round((500 * 600.0 + 2 * 601.0) / 502, 9), None)
    assert trade.gross == side * (-6_000.0 * 50 + 500 * 600.0 + 2 * 601.0)
    assert (trade.commission, trade.contracts, trade.shares) == (3.5, 1, 502)
    trade.count(execution(FUT, -side, 1, 6_001.0, key="d"), 1)
    trade.count(execution(ETF, side, 502, 600.5, key="e", commission=1.0), 1)
    assert trade.position == {FUT: 0, ETF: 0}
    assert trade.averages[1::2] == (6_001.0, 600.5)
    assert (trade.commission, trade.contracts, trade.shares) == (None, 1, 502)
    trade.know_commission(execution(FUT, -side, 1, 6_001.0, key="d", commission=2.0))
    assert trade.commission == 6.5
    row = trade.row()
    assert (row.fut_entry, row.fut_exit, row.etf_exit) == (6_000.0, 6_001.0, 600.5)
    assert (row.etf_entry, row.gross, row.commission) == (trade.averages[2], trade.gross, 6.5)


def test_a_correction_replaces() -> None:
    trade = a_trade()
    first = execution(FUT, -1, 1, 6_000.0, commission=2.0)
    trade.count(first, 1)
    trade.count(first, -1)
    trade.count(execution(FUT, -1, 1, 6_000.25, commission=2.0), 1)
    assert (trade.position[FUT], trade.averages[0], trade.gross) == (-1, 6_000.25, 6_000.25 * 50)


def test_what_others_changed_counts_in_the_position_alone() -> None:
    trade = a_trade()
    trade.count(execution(ETF, 1, 502, 600.0), 1)
    row = AdjustmentRow("k", 7, ETF, -502, "by_hand", NS)
    trade.adjust(row)
    assert (trade.position, trade.adjustments) == ({FUT: 0, ETF: 0}, [row])
    assert trade.sums[ETF, 1].quantity == 502


@pytest.mark.parametrize(
    ("wanted", "contracts", "shares"),
    [
        ((1, 502), 1, 502), ((1, 502), 0, 0), ((3, 1_507), 1, 502), ((3, 1_507), 2, 1_005),
        ((3, 1_507), 3, 1_507), ((2, 5), 1, 3), ((1, 502), -1, -502),
    ],
)  # fmt: skip
def test_shares_hedge_contracts_in_the_proportion_of_the_entry(
    wanted: tuple[int, int], contracts: int, shares: int
) -> None:
    assert a_trade(contracts=wanted[0], shares=wanted[1]).shares_of(contracts) == shares


@pytest.mark.parametrize(
    ("wanted", "held", "residual"),
    [
        ((1, 502), (1, 502), 0), ((1, 502), (1, 501), -1), ((1, 502), (1, 503), 1), ((1, 502), (0, 0), 0),
        ((1, 502), (0, 1), 1), ((1, 502), (0, -1), -1), ((3, 1_507), (1, 501), 0), ((3, 1_507), (1, 503), 0),
        ((3, 1_507), (1, 500), -2), ((3, 1_507), (1, 504), 2), ((3, 1_507), (3, 1_506), -1),
        ((3, 1_507), (2, 1_006), 0), ((3, 1_507), (-1, -502), 0), ((3, 1_507), (-1, -501), 1),
        ((3, 1_507), (0, 1), 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("side", [1, -1])
def test_a_share_either_way_is_whole_only_in_a_part_of_the_contracts(
    side: int, wanted: tuple[int, int], held: tuple[int, int], residual: int
) -> None:
    trade = a_trade(side=side, contracts=wanted[0], shares=wanted[1])
    trade.position = {FUT: side * held[0], ETF: -side * held[1]}
    assert (trade.held, trade.residual) == (held, residual)


def test_an_expired_future_counts_as_none() -> None:
    trade = a_trade()
    trade.position = {FUT: -1, ETF: 502}
    trade.expired = True
    assert (trade.held, trade.residual, trade.awaits_settlement) == ((0, 502), 502, False)
    trade.position[ETF] = 0
    assert (trade.residual, trade.awaits_settlement) == (0, True)


@pytest.mark.parametrize(
    ("at", "carried"),
    [
        ("2026-03-02T14:59:59Z", (0.0, 0.0)),
        ("2026-03-02T20:00:00Z", (0.0, 0.0)),
        ("2026-03-03T20:00:00Z", (-5.0, 0.0)),
        ("2026-03-04T20:00:00Z", (-10.0, 50.0)),  # 4 points at 8 points a dollar, on 100 shares
        ("2026-03-06T20:00:00Z", (-10.0, 50.0)),  # it was left two days before
    ],
)
def test_a_pair_carries_its_nights_and_dividends_up_to_an_instant_or_its_exit(
    at: str, carried: tuple[float, float]
) -> None:
    row = TradeRow(
        7, -1, "closed", 11, 99, 50.0, 1, 100, read_time("2026-03-02T15:00:00Z"), 12.5, factor=8.0,
        funding=0.05, exit_ns=read_time("2026-03-04T20:00:00Z"),
    )  # fmt: skip
    trade = Trade(row, [PaidDividend(read_time("2026-03-04T14:30:00Z"), 4.0, True)])
    trade.count(execution(ETF, 1, 100, 365.0), 1)
    assert trade.carried(read_time(at)) == pytest.approx(carried)
