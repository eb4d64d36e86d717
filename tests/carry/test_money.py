"""Interest, dividends and the broker's fees, against sums done by hand."""

import pytest

from arbcore.carry.money import (
    SALE_FEES,
    FeePlan,
    PaidDividend,
    Rates,
    broker_rates,
    dividends_of,
    financing_of,
    future_fee,
    missing_dividend,
    sale_fees,
    share_fee,
)
from arbcore.carry.pairs import FeeClass, pair_named
from arbcore.carry.settlement import settlement_day
from arbcore.core.civil import NS_PER_DAY, read_date, read_time


@pytest.mark.parametrize(
    ("rates", "long", "short"),
    [
        (Rates(0.045), -45.0, 0.0),
        (Rates(0.045, 0.045), -45.0, 45.0),
        (Rates(0.045, 0.03, 0.01), -45.0, 20.0),
        (Rates(0.045, 0.0, 0.01), -45.0, -10.0),
        (Rates(-0.01), 10.0, 0.0),
    ],
)
def test_financing_of_a_year_of_a_thousand(rates: Rates, long: float, short: float) -> None:
    assert financing_of(-1, 1_000.0, days=365, rates=rates) == pytest.approx(long)
    assert financing_of(+1, 1_000.0, days=365, rates=rates) == pytest.approx(short)
    for side in (-1, 1):
        within = financing_of(side, 1_000.0, days=0, rates=rates)
        assert (within, str(within)) == (0.0, "0.0")


def test_days_are_those_between_settlements() -> None:
    thursday, friday, monday = map(read_date, ("2026-03-05", "2026-03-06", "2026-03-09"))
    assert settlement_day(friday) - settlement_day(thursday) == 3
    assert settlement_day(monday) - settlement_day(friday) == 1


EX = read_time("2026-03-20T13:30:00Z")


@pytest.mark.parametrize(
    ("entry_ns", "exit_ns", "counted"),
    [
        (EX - 1, EX, True),
        (EX, EX + 1, False),
        (EX - 2, EX - 1, False),
        (EX - NS_PER_DAY, EX + NS_PER_DAY, True),
    ],
)
def test_a_dividend_is_due_where_entry_before_ex_and_exit_not_before_it(
    entry_ns: int, exit_ns: int, counted: bool
) -> None:
    schedule = [PaidDividend(EX, 1.8)]
    between = {"entry_ns": entry_ns, "exit_ns": exit_ns, "factor": 10.0}
    assert dividends_of(-1, 500, schedule, **between) == (900.0 if counted else 0.0)
    assert dividends_of(+1, 500, schedule, **between) == (-900.0 if counted else 0.0)


def test_points_are_paid_by_the_factor_at_the_entry() -> None:
    schedule = [PaidDividend(EX, 18.0, points=True), PaidDividend(EX + NS_PER_DAY, 2.0)]
    found = dividends_of(-1, 100, schedule, entry_ns=0, exit_ns=EX + NS_PER_DAY, factor=9.0)
    assert found == pytest.approx(100 * (18 / 9 + 2.0))


@pytest.mark.parametrize(
    ("shares", "price", "plan", "fee"),
    [
        (503, 680.0, FeePlan.FIXED, 2.515),
        (50, 680.0, FeePlan.FIXED, 1.0),  # at least a dollar
        (1, 20.0, FeePlan.FIXED, 0.2),  # at most one percent
        (503, 680.0, FeePlan.TIERED, 503 * (0.0035 + 0.0032)),
        (50, 680.0, FeePlan.TIERED, 0.35 + 50 * 0.0032),
        (1, 20.0, FeePlan.TIERED, 0.2 + 0.0032),
    ],
)
def test_fees_of_shares_bought(shares: float, price: float, plan: FeePlan, fee: float) -> None:
    for day in (read_date("2013-10-07"), read_date("2026-05-01")):
        assert share_fee(shares, price, day=day, sale=False, plan=plan) == pytest.approx(fee)


@pytest.mark.parametrize(
    ("date", "sec", "taf"),
    [
        ("2013-10-07", 27.80, 0.000166),  # before the table: its first row
        ("2025-05-13", 27.80, 0.000166),
        ("2025-05-14", 0.0, 0.000166),
        ("2025-12-31", 0.0, 0.000166),
        ("2026-01-01", 0.0, 0.000195),
        ("2026-03-31", 0.0, 0.000195),
        ("2026-04-01", 20.60, 0.000195),
        ("2027-01-01", 20.60, 0.000232),
    ],
)
def test_fees_on_sales_go_by_their_date(date: str, sec: float, taf: float) -> None:
    day = read_date(date)
    row = sale_fees(day)
    assert (row.sec_per_million, row.taf_per_share) == (sec, taf)
    bought, sold = (share_fee(503, 680.0, day=day, sale=sale) for sale in (False, True))
    assert sold - bought == pytest.approx(503 * 680 * sec / 1e6 + 503 * taf)


def test_the_fee_for_activity_has_a_largest() -> None:
    day = read_date("2026-01-02")
    extra = share_fee(1_000_000, 680.0, day=day, sale=True) - share_fee(1_000_000, 680.0, day=day, sale=False)
    assert extra == pytest.approx(9.79)


def test_the_table_is_in_order_and_names_its_sources() -> None:
    days = [row.since_day for row in SALE_FEES]
    assert days == sorted(set(days))
    assert all(row.source for row in SALE_FEES)


def test_fees_of_futures() -> None:
    assert future_fee(FeeClass.STANDARD, 3) == 6.75
    assert future_fee(FeeClass.MICRO, 1) == 0.62


@pytest.mark.parametrize(
    ("name", "points"),
    [("es-spy", 6_870), ("mes-spy", 6_870), ("nq-qqq", 25_000), ("mnq-qqq", 25_000), ("rty-iwm", 2_500),
     ("m2k-iwm", 2_500), ("ym-dia", 48_000), ("mym-dia", 48_000)],
)  # fmt: skip
def test_a_pairs_default_cost_is_about_what_the_fixed_plan_charges(name: str, points: float) -> None:
    pair = pair_named(name)
    price = points / pair.points_per_usd
    notional = pair.multiplier * points
    shares, day = max(1, round(notional / price)), read_date("2026-05-04")
    fees = 2 * future_fee(pair.fee_class, 1)
    fees += sum(share_fee(shares, price, day=day, sale=sale) for sale in (False, True))
    assert 1e4 * fees / notional == pytest.approx(pair.cost_bps, rel=0.25)


@pytest.mark.parametrize(
    ("r", "proceeds", "short"),
    [
        (0.04, 50_000, 0.0),
        (0.04, 100_000, 0.0),
        (0.04, 200_000, 0.5 * 0.0275),
        (0.04, 1_000_000, 0.9 * 0.0275),
        (0.04, 2_000_000, (900_000 * 0.0275 + 1_000_000 * 0.035) / 2e6),
        (0.04, 5_000_000, (900_000 * 0.0275 + 2_000_000 * 0.035 + 2_000_000 * 0.0375) / 5e6),
        (0.01, 2_000_000, 1_000_000 * 0.005 / 2e6),  # never below 0
        (0.001, 5_000_000, 0.0),
        (0.04, 0.0, 0.0),
    ],
)
def test_the_brokers_rates(r: float, proceeds: float, short: float) -> None:
    found = broker_rates(r, proceeds, borrow=0.003)
    assert (found.funding, found.borrow) == (r + 0.015, 0.003)
    assert found.short == pytest.approx(short)


def test_what_a_missing_dividend_is_about() -> None:
    assert missing_dividend(340_000.0, d=0.012, per_year=4) == pytest.approx(1_020.0)
