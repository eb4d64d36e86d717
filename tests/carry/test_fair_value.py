"""Fair value: golden numbers, parts that add up, and rates found back from the prices that they made."""

import math
from decimal import Context, Decimal, localcontext

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import arbcore
from arbcore.carry import fair
from arbcore.carry.fair import Payment
from arbcore.errors import UsageError

SPOTS = st.floats(100.0, 10_000.0)
RATES = st.floats(-0.1, 0.5)
YIELDS = st.floats(-0.02, 0.1)
TERMS = st.floats(1e-4, 2.0)


@st.composite
def payments_before(draw: st.DrawFn, t: float, spot: float) -> tuple[Payment, ...]:
    shares = draw(st.lists(st.floats(0.0, 0.05), max_size=6))
    parts = sorted(draw(st.lists(st.floats(1e-6, 1.0), min_size=len(shares), max_size=len(shares))))
    return tuple(Payment(0, share * spot, part * t) for share, part in zip(shares, parts, strict=True))


def test_the_exchanges_worked_example() -> None:
    printed = fair.printed_fair_value(cash=1146.00, simple_rate=0.057, days=78, dividend_points=3.47)
    assert f"{printed:.2f}" == "1156.68"


def test_the_public_function_is_the_formula() -> None:
    value = arbcore.fair_value(spot=6810.0, r=0.043, d=0.0125, t=0.25)
    assert value == pytest.approx(6810.0 * math.exp((0.043 - 0.0125) * 0.25), rel=1e-15)


@given(SPOTS, RATES, YIELDS, TERMS)
def test_parts_add_up_and_the_sum_can_be_done_by_hand(spot: float, r: float, d: float, t: float) -> None:
    parts = fair.fair_parts(spot, fair.Carry(r, t, d))
    assert parts.fair == fair.fair_value(spot=spot, r=r, d=d, t=t)
    assert parts.spot + parts.financing - parts.dividends == pytest.approx(parts.fair, rel=1e-13)
    by_hand = fair.printed_fair_value(
        cash=spot, simple_rate=parts.simple_rate, days=t * 365, dividend_points=parts.dividends
    )
    assert by_hand == pytest.approx(parts.fair, rel=1e-12)
    assert parts.basis == parts.fair - spot


def test_at_expiry_the_fair_future_is_the_index() -> None:
    parts = fair.fair_parts(6810.0, fair.Carry(0.045, 0.0, 0.014))
    assert (parts.fair, parts.financing, parts.dividends) == (6810.0, 0.0, 0.0)


def test_a_schedule_takes_its_present_value_off_the_index() -> None:
    payments = (Payment(0, 10.0, 0.1), Payment(0, 20.0, 0.25))
    carry = fair.Carry(0.04, 0.25, payments=payments)
    worth = 10 * math.exp(-0.004) + 20 * math.exp(-0.01)
    assert carry.future(6800.0) == pytest.approx((6800.0 - worth) * math.exp(0.01), rel=1e-14)
    # What is paid at expiry is worth its points there, what came earlier has earned interest since.
    parts = fair.fair_parts(6800.0, carry)
    assert parts.dividends == pytest.approx(10 * math.exp(0.006) + 20, rel=1e-10)


@given(SPOTS, RATES, YIELDS, st.floats(1e-3, 2.0))
def test_implied_repo_finds_the_rate_back(spot: float, r: float, d: float, t: float) -> None:
    future = fair.fair_value(spot=spot, r=r, d=d, t=t)
    assert fair.implied_repo(future=future, spot=spot, t=t, d=d) == pytest.approx(r, abs=1e-11)
    assert fair.implied_dividend_yield(future=future, spot=spot, r=r, t=t) == pytest.approx(d, abs=1e-11)


@given(st.data(), SPOTS, RATES, st.floats(1e-2, 2.0))
def test_implied_repo_finds_the_rate_back_under_a_schedule(
    data: st.DataObject, spot: float, r: float, t: float
) -> None:
    payments = data.draw(payments_before(t, spot))
    future = fair.Carry(r, t, payments=payments).future(spot)
    assume(future > 0)
    found = fair.implied_repo(future=future, spot=spot, t=t, payments=payments)
    assert found == pytest.approx(r, abs=1e-10)


def exact_rate(future: float, spot: float, t: float, payments: tuple[Payment, ...], near: float) -> Decimal:
    """The root in 40 digits, by Newton's steps from a number that is near it already."""
    with localcontext(Context(prec=40)):
        flows = [(Decimal(each.points), Decimal(each.t)) for each in payments]
        flows.append((Decimal(future), Decimal(t)))
        r = Decimal(near)
        for _ in range(2):
            worths = [(points * (-r * term).exp(), term) for points, term in flows]
            missing = Decimal(spot) - sum(worth for worth, _ in worths)
            r -= missing / sum(worth * term for worth, term in worths)
        return r


SECONDS_TO_YEARS = st.floats(math.log(1 / 31_536_000), math.log(3.0)).map(math.exp)


@given(st.data(), SPOTS, st.floats(-0.05, 0.5), SECONDS_TO_YEARS)
def test_implied_repo_is_there_to_the_last_second(
    data: st.DataObject, spot: float, r: float, t: float
) -> None:
    count = data.draw(st.integers(0, 40))
    shares = st.tuples(st.floats(0.0, 0.02), st.floats(1e-6, 1.0))
    drawn = data.draw(st.lists(shares, min_size=count, max_size=count))
    payments = tuple(Payment(0, spot * share, t * part) for share, part in drawn)
    paid = sum(each.points * math.exp(r * (t - each.t)) for each in payments)
    future = spot * math.exp(r * t) - paid
    found = fair.implied_repo(future=future, spot=spot, t=t, payments=payments)
    assert found == pytest.approx(float(exact_rate(future, spot, t, payments, found)), rel=1e-12, abs=1e-25)


@given(st.data(), SPOTS, st.floats(0.2, 5.0), SECONDS_TO_YEARS)
def test_implied_repo_solves_its_equation_for_prices_far_apart(
    data: st.DataObject, spot: float, ratio: float, t: float
) -> None:
    payments = data.draw(payments_before(t, spot))
    future = spot * ratio
    r = fair.implied_repo(future=future, spot=spot, t=t, payments=payments)
    assert r == pytest.approx(float(exact_rate(future, spot, t, payments, r)), rel=1e-12, abs=1e-25)


def test_a_future_that_is_worth_the_index_less_its_dividends_implies_no_interest() -> None:
    payments = (Payment(0, 10.0, 0.1), Payment(0, 20.0, 0.2))
    assert fair.implied_repo(future=6770.0, spot=6800.0, t=0.25, payments=payments) == 0.0
    assert fair.implied_repo(future=6800.0, spot=6800.0, t=0.25) == 0.0


def test_implied_dividend_points_are_what_the_future_leaves_out() -> None:
    points = fair.implied_dividend_points(future=6850.0, spot=6800.0, r=0.04, t=0.25)
    assert points == pytest.approx(6800.0 * math.exp(0.01) - 6850.0)


def test_the_band_is_not_symmetric() -> None:
    carry = fair.Carry(0.04, 0.25, 0.014)
    costs = fair.Costs(funding_spread=0.004, lending_spread=0.002, borrow_fee=0.005, fees=0.3, slippage=0.2)
    band = fair.no_trade_band(spot_bid=6799.0, spot_ask=6801.0, carry=carry, costs=costs)
    assert band.upper == pytest.approx(6801.0 * math.exp((0.044 - 0.014) * 0.25) + 0.5, rel=1e-14)
    assert band.lower == pytest.approx(6799.0 * math.exp((0.033 - 0.014) * 0.25) - 0.5, rel=1e-14)


@given(SPOTS, RATES, st.floats(0, 0.05), st.floats(0, 0.05), st.floats(1e-3, 2.0))
def test_at_the_bands_edges_implied_repo_is_what_money_costs(
    spot: float, r: float, funding: float, lending: float, t: float
) -> None:
    payments = (Payment(0, spot * 0.01, t / 2),)
    carry = fair.Carry(r, t, payments=payments)
    costs = fair.Costs(funding_spread=funding, lending_spread=lending)
    band = fair.no_trade_band(spot_bid=spot, spot_ask=spot, carry=carry, costs=costs)
    assert band.lower <= band.upper
    for future, cost in ((band.upper, r + funding), (band.lower, r - lending)):
        implied = fair.implied_repo(future=future, spot=spot, t=t, payments=payments)
        assert implied == pytest.approx(cost, abs=1e-9)


def test_calendar_spread_rate_is_the_forward_rate() -> None:
    near = fair.fair_value(spot=6800.0, r=0.04, d=0.014, t=0.1)
    far = fair.fair_value(spot=near, r=0.05, d=0.014, t=0.25)
    rate = fair.calendar_spread_rate(near=near, far=far, years_between=0.25, d=0.014)
    assert rate == pytest.approx(0.05, abs=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda: fair.fair_value(spot=math.nan, r=0.04, d=0.0, t=0.1),
        lambda: fair.fair_value(spot=0.0, r=0.04, d=0.0, t=0.1),
        lambda: fair.fair_value(spot=6800.0, r=math.inf, d=0.0, t=0.1),
        lambda: fair.fair_value(spot=6800.0, r=0.04, d=4e9, t=0.1),
        lambda: fair.fair_value(spot=6800.0, r=0.04, d=0.0, t=-0.1),
        lambda: fair.Carry(0.04, 0.1, 0.01, (Payment(0, 1.0, 0.05),)),
        lambda: fair.Costs(fees=-1.0),
        lambda: fair.implied_repo(future=6800.0, spot=6800.0, t=0.0),
        lambda: fair.implied_repo(future=-1.0, spot=6800.0, t=0.1),
        lambda: fair.implied_repo(future=6800.0, spot=math.inf, t=0.1),
        lambda: fair.implied_repo(future=6800.0, spot=1.0, t=1e-9, payments=(Payment(0, 1e6, 1e-10),)),
        lambda: fair.implied_dividend_yield(future=6800.0, spot=6800.0, r=0.04, t=0.0),
        lambda: fair.Carry(0.04, 0.1, payments=(Payment(0, 900.0, 0.05),)).future(800.0),
        lambda: fair.implied_repo(future=6.0, spot=800.0, t=0.1, payments=(Payment(0, 800.0, 0.05),)),
    ],
)
def test_nonsense_is_refused_with_a_sentence(call: object) -> None:
    with pytest.raises(UsageError, match=r"\.$"):
        call()  # type: ignore[operator]
