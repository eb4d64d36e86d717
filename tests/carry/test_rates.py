"""Rates: the sheets' golden numbers, round trips, and what is refused."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from market_data import rows_of

from arbcore.carry.rates import BillRate, ConstantRate, Curve, SimpleRate, from_bank_discount, from_simple
from arbcore.errors import UsageError

YIELDS = st.floats(-0.05, 0.3)
TERMS = st.floats(1e-3, 5.0)


def test_bank_discount_of_the_sheet() -> None:
    assert round(from_bank_discount(0.0363), 5) == 0.03697


@given(YIELDS)
def test_a_bill_held_at_its_continuous_rate_pays_par(discount_yield: float) -> None:
    price = 1 - discount_yield * 91 / 360
    r = from_bank_discount(discount_yield)
    assert price * math.exp(r * 91 / 365) == pytest.approx(1.0, rel=1e-14)
    assert BillRate(discount_yield).at(0.7) == r


@given(YIELDS, TERMS)
def test_a_simple_rate_and_its_continuous_one_pay_the_same(simple: float, t: float) -> None:
    r = from_simple(simple, t=t)
    assert math.exp(r * t) == pytest.approx(1 + simple * t * 365 / 360, rel=1e-13)
    assert SimpleRate(simple).at(t) == r


def test_a_simple_rate_at_expiry_is_its_limit() -> None:
    assert from_simple(0.05, t=0.0) == 0.05 * 365 / 360
    assert from_simple(0.05, t=1e-9) == pytest.approx(0.05 * 365 / 360, rel=1e-9)


def test_every_published_rate_converts() -> None:
    for row in rows_of("DTB3_1954_2026.csv"):
        if row["DTB3"] not in {"", "."}:
            simple = float(row["DTB3"]) / 100
            # A discount on 360 days understates what 365 days earn, whatever its sign.
            assert abs(from_bank_discount(simple)) >= abs(simple)
    for row in rows_of("SOFR_2018_2026.csv"):
        if row["SOFR"] not in {"", "."}:
            simple = float(row["SOFR"]) / 100
            assert from_simple(simple, t=0.25) == pytest.approx(simple, rel=0.02)


def test_a_curve_keeps_its_points_and_is_flat_outside() -> None:
    curve = Curve([(0.5, 0.03), (0.25, 0.02)])
    assert [curve.at(t) for t in (0.0, 0.1, 0.25, 0.5, 9.0)] == [0.02, 0.02, 0.02, 0.03, 0.03]


@given(st.floats(0.25, 0.5))
def test_between_its_points_a_curve_has_one_forward_rate(t: float) -> None:
    forward = (0.03 * 0.5 - 0.02 * 0.25) / 0.25
    curve = Curve([(0.25, 0.02), (0.5, 0.03)])
    assert curve.at(t) * t == pytest.approx(0.02 * 0.25 + forward * (t - 0.25), rel=1e-12)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ConstantRate(math.nan), lambda: ConstantRate(450.0), lambda: BillRate(4.5),
        lambda: BillRate(0.04, days=0), lambda: SimpleRate(math.inf), lambda: from_simple(-0.9, t=2.0),
        lambda: from_simple(0.04, t=-1.0), lambda: Curve([]), lambda: Curve([(0.0, 0.04)]),
        lambda: Curve([(0.1, 0.04), (0.1, 0.05)]), lambda: Curve([(0.1, math.nan)]),
    ],
)  # fmt: skip
def test_a_rate_that_is_none_is_refused(make: object) -> None:
    with pytest.raises(UsageError, match=r"\.$"):
        make()  # type: ignore[operator]
