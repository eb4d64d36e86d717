"""Rates: the sheets' golden numbers, round trips, and what is refused."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from market_data import rows_of

from arbcore.carry.rates import from_bank_discount, from_simple
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


@given(YIELDS, TERMS)
def test_a_simple_rate_and_its_continuous_one_pay_the_same(simple: float, t: float) -> None:
    r = from_simple(simple, t=t)
    assert math.exp(r * t) == pytest.approx(1 + simple * t * 365 / 360, rel=1e-13)


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


@pytest.mark.parametrize(
    "make",
    [
        lambda: from_bank_discount(math.nan), lambda: from_bank_discount(450.0),
        lambda: from_bank_discount(4.5),
        lambda: from_bank_discount(0.04, days=0), lambda: from_simple(math.inf, t=0.1),
        lambda: from_simple(-0.9, t=2.0), lambda: from_simple(0.04, t=-1.0),
    ],
)  # fmt: skip
def test_a_rate_that_is_none_is_refused(make: object) -> None:
    with pytest.raises(UsageError, match=r"\.$"):
        make()  # type: ignore[operator]
