"""The compiled carry arithmetic against its twin, bit by bit, and the exponential against decimals."""

import decimal
import math
import struct
from pathlib import Path

import pytest
import twins
from hypothesis import given
from hypothesis import strategies as st
from reference import carry as reference

from arbcore.carry import _carry

TINY = 5e-324
EDGES = (
    0.0, -0.0, TINY, -TINY, 2.2250738585072014e-308, 1e-300, 1.0, -1.0, math.log(2) / 2, -math.log(2) / 2,
    math.log(2), 1.7976931348623157e308, -1.7976931348623157e308, math.inf, -math.inf, math.nan,
    709.782712893384, math.nextafter(709.782712893384, 1e3), -708.4, -745.1332191019411,
    math.nextafter(-745.1332191019411, -1e3), 709.1, -744.9,
    700.0, -700.0, math.nextafter(700.0, 1e3), math.nextafter(-700.0, -1e3),
    2**-26, -(2**-26), math.nextafter(2**-26, 1), math.nextafter(-(2**-26), -1),
)  # fmt: skip
NUMBERS = st.one_of(
    st.sampled_from(EDGES), st.floats(), st.floats(-750, 720), st.floats(-1, 1), st.floats(1, 10_000),
    # What a level moves by between two rows.
    st.floats(-2e-8, 2e-8),
)
INT64S = twins.int64s(-10, 10**15)


def bits(number: float) -> bytes:
    # Any NaN is as good as another: which one a sum gives is the processor's affair.
    return b"nan" if math.isnan(number) else struct.pack("<d", number)


def test_faces_are_the_same() -> None:
    twin = twins.written_face(Path(reference.__file__))
    assert twins.compiled_face(_carry) == twin


@given(NUMBERS)
def test_exponential_has_the_bits_of_its_twin(x: float) -> None:
    assert bits(_carry.exponential(x)) == bits(reference.exponential(x))


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_carry_factor_has_the_bits_of_its_twin(factor: float, r: float, d: float, t: float) -> None:
    ours = _carry.carry_factor(factor=factor, r=r, d=d, t=t)
    assert bits(ours) == bits(reference.carry_factor(factor=factor, r=r, d=d, t=t))


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_basis_points_have_the_bits_of_their_twins(
    es_bid: float, es_ask: float, spy_bid: float, spy_ask: float, c: float
) -> None:
    calls = {
        "deviation_bps": {"es_bid": es_bid, "es_ask": es_ask, "spy_bid": spy_bid, "spy_ask": spy_ask},
        "edge_cash_and_carry_bps": {"es_bid": es_bid, "spy_ask": spy_ask},
        "edge_reverse_bps": {"es_ask": es_ask, "spy_bid": spy_bid},
    }
    for name, prices in calls.items():
        ours = getattr(_carry, name)(c=c, **prices)
        assert bits(ours) == bits(getattr(reference, name)(c=c, **prices)), name


@given(INT64S, INT64S)
def test_years_to_expiry_has_the_bits_of_its_twin(now_ns: int, expiry_ns: int) -> None:
    ours = _carry.years_to_expiry(now_ns, expiry_ns)
    assert bits(ours) == bits(reference.years_to_expiry(now_ns, expiry_ns))


@given(st.floats(-745, 709.7))
def test_exponential_is_right(x: float) -> None:
    with decimal.localcontext(decimal.Context(prec=40)):
        exact = decimal.Decimal(x).exp()
        error = abs(decimal.Decimal(_carry.exponential(x)) - exact)
        # Half a step of the smallest numbers is all that a result below the normal range can be right to.
        assert error <= exact * decimal.Decimal("3e-16") + decimal.Decimal(TINY) * decimal.Decimal("0.51")


@pytest.mark.parametrize(
    ("x", "expected"),
    [(0.0, 1.0), (-0.0, 1.0), (TINY, 1.0), (math.inf, math.inf), (-math.inf, 0.0), (710, math.inf)],
)
def test_exponential_at_its_edges(x: float, expected: float) -> None:
    assert _carry.exponential(x) == expected


def test_a_year_is_365_days() -> None:
    assert _carry.years_to_expiry(5, 5 + 365 * 86_400 * 10**9) == 1.0
    assert _carry.years_to_expiry(7, 7) == _carry.years_to_expiry(8, 7) == 0.0


def test_edges_are_the_sheets() -> None:
    # SPY 100.00 - 100.10 at c = 10: the fair future is 1000 to sell against and 1001 to buy against.
    assert _carry.edge_cash_and_carry_bps(es_bid=1002.001, spy_ask=100.1, c=10) == pytest.approx(10.0)
    assert _carry.edge_reverse_bps(es_ask=999.0, spy_bid=100.0, c=10) == pytest.approx(10.0)
    deviation = _carry.deviation_bps(es_bid=1001.0, es_ask=1002.001, spy_bid=100.0, spy_ask=100.1, c=10)
    assert deviation == pytest.approx(1e4 * 1.0005 / 1000.5)
