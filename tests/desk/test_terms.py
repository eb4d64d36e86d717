"""What carry costs at an instant, in every way that rate and dividends may be given."""

import math

import pytest

from arbcore.carry._carry import carry_factor, years_to_expiry
from arbcore.carry.calendar import expiry_instant, front_contract
from arbcore.carry.money import PaidDividend
from arbcore.carry.terms import parse_yields, read_rates
from arbcore.core.civil import read_date, read_time
from arbcore.desk.desk_terms import CarryTerms
from arbcore.errors import InputError, UsageError

NOW_NS = read_time("2026-03-02T15:00:00Z")
CONTRACT = front_contract(NOW_NS)
EXPIRY_NS = CONTRACT.expiry_ns
T = years_to_expiry(NOW_NS, EXPIRY_NS)


def ex(date: str) -> int:
    return expiry_instant(read_date(date))


SCHEDULE = (
    PaidDividend(ex("2026-02-20"), 9.0), PaidDividend(ex("2026-03-10"), 0.5),
    PaidDividend(ex("2026-03-20"), 1.7), PaidDividend(ex("2026-03-23"), 9.0),
)  # fmt: skip


def test_constants_are_the_backtests_number_to_the_bit() -> None:
    terms = CarryTerms(0.045, 0.014)
    assert terms.carry(NOW_NS, EXPIRY_NS, factor=10.03) == carry_factor(factor=10.03, r=0.045, d=0.014, t=T)


def test_the_spread_is_in_the_rate_of_a_fair_value_and_not_in_the_base_rate() -> None:
    terms = CarryTerms(0.045, 0.014, spread=0.005)
    assert terms.carry(NOW_NS, EXPIRY_NS) == carry_factor(factor=1.0, r=0.045 + 0.005, d=0.014, t=T)
    assert terms.base_rate(NOW_NS, EXPIRY_NS) == 0.045


def test_rates_by_date_and_a_yield_per_expiry() -> None:
    rates = read_rates(["date,rate", "2026-02-27,0.04", "2026-03-02,0.05"], name="curve.csv")
    terms = CarryTerms(rates, parse_yields("0.01,ESH26:0.02"))
    assert terms.carry(NOW_NS, EXPIRY_NS) == carry_factor(factor=1.0, r=0.04, d=0.02, t=T)
    assert terms.rate(NOW_NS + 86_400 * 10**9, EXPIRY_NS) == 0.05


@pytest.mark.parametrize("points", [False, True])
def test_a_schedule_counts_what_goes_ex_after_now_and_up_to_the_expiry(points: bool) -> None:
    schedule = tuple(PaidDividend(each.ex_ns, each.amount, points) for each in SCHEDULE)
    terms = CarryTerms(0.04, schedule)
    worth = sum(
        each.amount * math.exp(-0.04 * years_to_expiry(NOW_NS, each.ex_ns)) for each in SCHEDULE[1:3]
    )
    assert terms.paid(NOW_NS, EXPIRY_NS) == pytest.approx((0.0, worth) if points else (worth, 0.0))
    assert terms.carry(NOW_NS, EXPIRY_NS) == carry_factor(factor=1.0, r=0.04, d=0.0, t=T)
    # At the ex instant the dividend is gone.
    assert terms.paid(SCHEDULE[1].ex_ns, EXPIRY_NS) < terms.paid(SCHEDULE[1].ex_ns - 1, EXPIRY_NS)


def test_what_is_told_replaces_only_what_it_names_and_no_schedule() -> None:
    terms = CarryTerms(0.045, 0.014)
    terms.tell(r=0.05, d=None)
    assert terms.carry(NOW_NS, EXPIRY_NS) == carry_factor(factor=1.0, r=0.05, d=0.014, t=T)
    terms.tell(r=None, d=0.0)
    assert terms.dividend_yield(EXPIRY_NS) == 0.0
    scheduled = CarryTerms(0.045, SCHEDULE)
    scheduled.tell(r=None, d=0.02)
    assert scheduled.dividend_yield(EXPIRY_NS) == 0.0


@pytest.mark.parametrize("given", [{"r": float("nan")}, {"d": float("inf")}])
def test_what_cannot_be_a_term_is_refused(given: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        CarryTerms(0.045, 0.014).tell(**{"r": None, "d": None, **given})


@pytest.mark.parametrize("dividends", [0.014, SCHEDULE])
def test_implied_repo_is_the_rate_that_would_make_the_prices_fair(
    dividends: float | tuple[PaidDividend, ...],
) -> None:
    terms, fair = CarryTerms(0.031, dividends), CarryTerms(0.031, dividends)
    paid = fair.paid(NOW_NS, EXPIRY_NS)
    price = fair.carry(NOW_NS, EXPIRY_NS, factor=10.03) * (600.0 - paid.usd)
    found = terms.implied_repo(NOW_NS, EXPIRY_NS, fut_price=price, etf_price=600.0, factor=10.03)
    assert found == pytest.approx(0.031, abs=1e-12)


@pytest.mark.parametrize("now_ns", [EXPIRY_NS, EXPIRY_NS - 10**9])
def test_no_believable_rate_is_no_rate(now_ns: int) -> None:
    terms = CarryTerms(0.045, 0.014)
    assert terms.implied_repo(now_ns, EXPIRY_NS, fut_price=6_100.0, etf_price=600.0, factor=10.0) is None


def test_the_financing_that_a_level_implies_makes_the_model_fit_it() -> None:
    terms = CarryTerms(0.045, 0.014)
    found = terms.implied_financing(NOW_NS, EXPIRY_NS, level=10.06, true_factor=10.03)
    assert found is not None
    assert carry_factor(factor=10.03, r=found, d=0.014, t=T) == pytest.approx(
        terms.carry(NOW_NS, EXPIRY_NS, factor=10.06), rel=1e-14
    )
    assert terms.implied_financing(EXPIRY_NS, EXPIRY_NS, level=10.06, true_factor=10.03) is None


def test_rates_by_date_go_on_with_the_last_one_since_a_pair_that_is_held_cannot_wait() -> None:
    terms = CarryTerms(read_rates(["date,rate", "2026-02-20,0.04"], name="curve.csv"), 0.0)
    with pytest.raises(InputError, match="begins on 2026-02-20"):
        terms.base_rate(read_time("2026-02-20T15:00:00Z"), EXPIRY_NS)
    assert terms.base_rate(read_time("2026-02-23T15:00:00Z"), EXPIRY_NS) == 0.04
    assert terms.base_rate(NOW_NS, EXPIRY_NS) == 0.04, "ten days later"
