"""What carry costs at an instant, in every way that rate, dividends and factor may be given."""

import pytest

from arbcore.carry._carry import carry_factor, years_to_expiry
from arbcore.carry.calendar import front_contract
from arbcore.carry.dividends import Dividend, Schedule, YieldPerExpiry
from arbcore.carry.factor import FactorSeries
from arbcore.carry.fair import Carry
from arbcore.carry.rates import BillRate, ConstantRate
from arbcore.core.civil import read_date, read_time
from arbcore.desk.desk_terms import CarryTerms
from arbcore.errors import UsageError

NOW_NS = read_time("2026-03-02T15:00:00Z")
CONTRACT = front_contract(NOW_NS)
T = years_to_expiry(NOW_NS, CONTRACT.expiry_ns)


def c_of(terms: CarryTerms, now_ns: int = NOW_NS) -> float:
    return terms.carry(now_ns, CONTRACT.expiry_ns, spy_mid=600.0)


def test_constants_are_the_backtests_number_to_the_bit() -> None:
    assert c_of(CarryTerms(ConstantRate(0.045), 0.014, 10.03)) == carry_factor(
        factor=10.03, r=0.045, d=0.014, t=T
    )


def test_any_rate_and_a_yield_per_expiry() -> None:
    rate = BillRate(0.0363)
    terms = CarryTerms(rate, YieldPerExpiry({CONTRACT.expiry_day: 0.02}), 10.0)
    assert c_of(terms) == carry_factor(factor=10.0, r=rate.at(T), d=0.02, t=T)


def test_a_schedule_gives_the_future_that_its_dividends_do() -> None:
    schedule = Schedule((Dividend(read_date("2026-03-10"), 4.0), Dividend(read_date("2026-03-20"), 12.0)))
    rate = ConstantRate(0.04)
    fair = Carry(rate, T, payments=schedule.between(NOW_NS, CONTRACT.expiry_ns)).future(6_000.0)
    assert c_of(CarryTerms(rate, schedule, 10.0)) * 600.0 == pytest.approx(fair, rel=1e-12)


def test_a_schedule_is_looked_at_again_in_time() -> None:
    ex_ns = read_time("2026-03-10T13:30:00Z")
    terms = CarryTerms(ConstantRate(0.04), Schedule((Dividend(read_date("2026-03-10"), 4.0),)), 10.0)
    before, after = c_of(terms, ex_ns - 1), c_of(terms, ex_ns + 61 * 10**9)
    assert (after - before) * 600.0 == pytest.approx(4.0, abs=0.02)


def test_a_series_of_factors_knows_only_the_past() -> None:
    terms = CarryTerms(ConstantRate(0.0), 0.0, FactorSeries([(NOW_NS - 1, 10.0), (NOW_NS + 1, 10.1)]))
    assert c_of(terms) == 10.0
    assert c_of(terms, NOW_NS + 1) == 10.1


def test_what_is_told_replaces_only_what_it_names() -> None:
    terms = CarryTerms(ConstantRate(0.045), 0.014, 10.0)
    terms.tell(r=0.05, d=None, factor=None)
    assert c_of(terms) == carry_factor(factor=10.0, r=0.05, d=0.014, t=T)
    terms.tell(r=None, d=0.0, factor=10.1)
    assert c_of(terms) == carry_factor(factor=10.1, r=0.05, d=0.0, t=T)


@pytest.mark.parametrize("given", [{"r": float("nan")}, {"d": float("inf")}, {"factor": 0.0}])
def test_what_cannot_be_a_term_is_refused(given: dict[str, float]) -> None:
    terms = CarryTerms(ConstantRate(0.045), 0.014, 10.0)
    with pytest.raises(UsageError):
        terms.tell(**{"r": None, "d": None, "factor": None, **given})


def test_implied_repo_is_the_rate_that_would_make_the_prices_fair() -> None:
    terms = CarryTerms(ConstantRate(0.045), 0.014, 10.03)
    fair = c_of(CarryTerms(ConstantRate(0.031), 0.014, 10.03)) * 600.0
    found = terms.implied_repo(NOW_NS, CONTRACT.expiry_ns, es_price=fair, spy_price=600.0)
    assert found == pytest.approx(0.031, abs=1e-12)


def test_implied_repo_takes_a_schedule_as_the_yield_that_is_worth_the_same() -> None:
    schedule = Schedule((Dividend(read_date("2026-03-10"), 4.0),))
    terms = CarryTerms(ConstantRate(0.04), schedule, 10.0)
    fair = c_of(terms) * 600.0
    found = terms.implied_repo(NOW_NS, CONTRACT.expiry_ns, es_price=fair, spy_price=600.0)
    assert found == pytest.approx(0.04, abs=1e-12)


@pytest.mark.parametrize("now_ns", [CONTRACT.expiry_ns, CONTRACT.expiry_ns - 10**9])
def test_no_believable_rate_is_no_rate(now_ns: int) -> None:
    terms = CarryTerms(ConstantRate(0.045), 0.014, 10.0)
    assert terms.implied_repo(now_ns, CONTRACT.expiry_ns, es_price=6_100.0, spy_price=600.0) is None
