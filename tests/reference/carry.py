"""The carry arithmetic in plain Python: the specification of ``arbcore.carry._carry``.

Every sum, product and quotient is one IEEE double operation in the written order, so results must be equal to
the bit. Nothing in the package imports this module.
"""

import math
from math import factorial

NS_PER_YEAR = 365 * 86_400 * 10**9
LARGEST = 709.782712893384  # the largest double whose exponential is finite
SMALLEST = -745.1332191019411  # the smallest one whose exponential is not zero
# ln 2 in two parts; the first has its last 32 bits clear, so that a small whole number times it is exact.
LN2_HIGH = float.fromhex("0x1.62e42fee00000p-1")
LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
ONE_OVER_LN2 = float.fromhex("0x1.71547652b82fep+0")


def exponential(x: float) -> float:
    """e^x: 2^k times the Taylor series of e^r to the 13th power, with r = x − k·ln 2."""
    x = float(x)
    if math.isnan(x):
        return x
    if x > LARGEST:
        return math.inf
    if x < SMALLEST:
        return 0.0
    k = round(x * ONE_OVER_LN2)
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    square = r * r
    even = _series([2, 4, 6, 8, 10, 12], square)
    odd = _series([3, 5, 7, 9, 11, 13], square)
    mantissa = 1.0 + (r + square * (even + r * odd))
    half = int(k / 2)
    return mantissa * 2.0**half * 2.0 ** (k - half)


def _series(powers: list[int], square: float) -> float:
    """1/p₀! + square·(1/p₁! + square·(…))."""
    total = 1.0 / factorial(powers[-1])
    for power in reversed(powers[:-1]):
        total = 1.0 / factorial(power) + square * total
    return total


def years_to_expiry(now_ns: int, expiry_ns: int) -> float:
    """Years of 365 days, from the difference rounded to a double."""
    return float(max(0, expiry_ns - now_ns)) / float(NS_PER_YEAR)


def carry_factor(*, factor: float, r: float, d: float, t: float) -> float:
    """The factor from a SPY price to the future's fair value."""
    return factor * exponential((r - d) * t)


def deviation_bps(*, es_bid: float, es_ask: float, spy_bid: float, spy_ask: float, c: float) -> float:
    """The future's mid minus its fair value, in bps of fair value."""
    fair = (spy_bid + spy_ask) / 2 * c
    es_mid = (es_bid + es_ask) / 2
    return _quotient(1e4 * (es_mid - fair), fair)


def edge_cash_and_carry_bps(*, es_bid: float, spy_ask: float, c: float) -> float:
    """The edge if the future is sold at its bid and SPY bought at its ask."""
    fair = spy_ask * c
    return _quotient(1e4 * (es_bid - fair), fair)


def edge_reverse_bps(*, es_ask: float, spy_bid: float, c: float) -> float:
    """The edge if the future is bought at its ask and SPY sold at its bid."""
    fair = spy_bid * c
    return _quotient(1e4 * (fair - es_ask), fair)


def _quotient(dividend: float, divisor: float) -> float:
    """IEEE division; Python's own raises for a divisor of zero."""
    if divisor != 0.0:
        return dividend / divisor
    if dividend == 0.0 or math.isnan(dividend):
        return math.nan
    return math.copysign(math.inf, dividend) * math.copysign(1.0, divisor)
