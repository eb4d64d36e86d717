"""Fair value of the future and its parts, and the rates and dividends that market prices imply.

F = S·e^((r − d)·t), or with a schedule of dividends F = (S − Σ PV(D))·e^(r·t). S is the index, r and d are
continuously compounded annual decimals, t is years of 365 days. Owns the parts of the fair value, the
no-trade band for unequal lending and borrowing rates, implied repo, implied dividends, the rate between two
expiries, and the exchange's printed formula. It knows no dates: dividends are payments with their times
(``terms.payments_between``).
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from arbcore.carry._carry import carry_factor, exponential
from arbcore.carry.rates import check_rate
from arbcore.errors import UsageError


@dataclass(frozen=True, slots=True)
class Payment:
    """A dividend before expiry: ``points`` of the index, ``t`` years from now to its ex instant."""

    ex_day: int
    points: float
    t: float

    def present_value(self, r: float) -> float:
        """Its value now: points · e^(−r·t)."""
        return self.points * exponential(-r * self.t)


@dataclass(frozen=True, slots=True)
class Carry:
    """The cost and income of holding the index to expiry: a rate, ``t`` years, a yield or payments."""

    r: float
    t: float
    d: float = 0.0
    payments: tuple[Payment, ...] = ()

    def __post_init__(self) -> None:
        check_rate(self.d, "dividend yield")
        check_rate(self.r, "rate")
        if not 0.0 <= self.t < math.inf:
            raise UsageError(f"Time to expiry is 0 years or more, not {self.t:g}.")
        if self.d and self.payments:
            raise UsageError("Dividends come as a yield or as a schedule, not both; leave one out.")

    def present_value(self, spread: float = 0.0) -> float:
        """Today's value of the payments, with ``spread`` added to the rate."""
        return math.fsum(each.present_value(self.r + spread) for each in self.payments)

    def future(self, spot: float, *, spread: float = 0.0) -> float:
        """The fair future for an index at ``spot``, with ``spread`` added to the rate."""
        paid = self.present_value(spread) if self.payments else 0.0
        if paid >= check_price(spot, "index"):
            raise UsageError(
                f"Dividends worth {paid:g} points are as much as the index ({spot:g}) or more; check the "
                "schedule."
            )
        return carry_factor(factor=spot - paid, r=self.r + spread, d=self.d, t=self.t)


@dataclass(frozen=True, slots=True)
class FairValue:
    """``fair = spot + financing - dividends`` in index points, and the inputs.

    ``financing`` is spot·(e^(r·t) − 1), ``dividends`` is their value at expiry. ``simple_rate`` is the rate
    on actual/360 days that gives the same financing, to check the sum by hand.
    """

    spot: float
    r: float
    d: float
    t: float
    financing: float
    dividends: float
    fair: float
    simple_rate: float

    @property
    def basis(self) -> float:
        """The fair future less the index, in points."""
        return self.fair - self.spot


@dataclass(frozen=True, slots=True)
class Costs:
    """The costs that set the band of prices in which neither direction pays.

    Annual decimals: ``funding_spread`` is above the rate, for shares bought on credit; ``lending_spread`` is
    below the rate, for cash from shares sold short; ``borrow_fee`` is for borrowed shares. In index points
    per round trip: ``fees``, and ``slippage`` (at the opening auction that settles the future).
    """

    funding_spread: float = 0.0
    lending_spread: float = 0.0
    borrow_fee: float = 0.0
    fees: float = 0.0
    slippage: float = 0.0

    def __post_init__(self) -> None:
        for name in ("funding_spread", "lending_spread", "borrow_fee", "fees", "slippage"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise UsageError(f"The {name.replace('_', ' ')} is 0 or more, not {getattr(self, name):g}.")


@dataclass(frozen=True, slots=True)
class Band:
    """Sell the future at a bid above ``upper``, buy it at an ask below ``lower``; in between neither pays."""

    lower: float
    upper: float


def fair_value(*, spot: float, r: float, d: float, t: float) -> float:
    """The fair future S·e^((r − d)·t).

    Args:
        spot: S, the index in points, above 0.
        r: interest rate, a year, continuously compounded, as a decimal such as 0.043.
        d: dividend yield, likewise.
        t: years of 365 days to expiry, 0 or more.

    Returns:
        The future's price in index points.

    Raises:
        UsageError: an argument is out of range.

    >>> round(fair_value(spot=6810.0, r=0.043, d=0.0125, t=0.25), 2)
    6862.12
    """
    return Carry(r, t, d).future(spot)


def fair_parts(spot: float, carry: Carry) -> FairValue:
    """The fair value and its parts."""
    fair = carry.future(spot)
    r = carry.r
    growth = math.expm1(r * carry.t)
    financing = spot * growth
    simple_rate = growth / carry.t * 360 / 365 if carry.t > 0.0 else r * 360 / 365
    return FairValue(
        spot=spot,
        r=r,
        d=carry.d,
        t=carry.t,
        financing=financing,
        dividends=spot + financing - fair,
        fair=fair,
        simple_rate=simple_rate,
    )


def no_trade_band(*, spot_bid: float, spot_ask: float, carry: Carry, costs: Costs) -> Band:
    """The band of future prices in which neither direction pays, from the index's bid and ask.

    Upper bound: shares are bought at the ask, with money at the rate plus the funding spread. Lower bound:
    shares are borrowed for a fee and sold at the bid; the cash earns the rate less the lending spread.
    """
    once = costs.fees + costs.slippage
    return Band(
        lower=carry.future(spot_bid, spread=-costs.lending_spread - costs.borrow_fee) - once,
        upper=carry.future(spot_ask, spread=costs.funding_spread) + once,
    )


def implied_repo(
    *, future: float, spot: float, t: float, d: float = 0.0, payments: Sequence[Payment] = ()
) -> float:
    """The rate at which ``future`` is fair for ``spot``: the r of F = S·e^(r·t) − Σ D·e^(r·(t − t_ex)).

    At the future's bid and the index's ask it is the rate that cash-and-carry earns; at the future's ask and
    the index's bid it is the rate that the reverse pays. It has nearly every digit of the prices, even for a
    very small ``t``. UsageError at or after expiry, or if the dividends are as much as the index or more.
    """
    check_price(future, "future")
    check_price(spot, "index")
    _check_term(t)
    if not payments:
        return _growth_rate(future, spot, t) + d
    if d:
        raise UsageError("Dividends come as a yield or as a schedule, not both; leave one out.")
    paid = math.fsum(each.points for each in payments)
    if paid >= spot:
        raise UsageError(
            f"Dividends of {paid:g} points are as much as the index ({spot:g}) or more; check the schedule."
        )
    # missing(r) = S − Σ D·e^(−r·t_ex) − F·e^(−r·t) rises with r, and its slope falls. ``low`` is the root
    # without dividends. ``high`` is the root with all dividends paid now, or 0 if that root is negative. Both
    # ends are moved outwards by the possible rounding of the differences.
    rounded = 4 * sys.float_info.epsilon / t
    low = _growth_rate(future, spot, t) - rounded
    high = max(_growth_rate(future, spot - paid, t), 0.0) + rounded
    flows = [(each.points, each.t) for each in payments] + [(future, t)]
    return _root(spot, flows, low, high)


def _growth_rate(future: float, spot: float, t: float) -> float:
    """ln(F/S)/t. Close prices have an exact difference, which is used; their quotient would lose digits."""
    close = abs(future - spot) <= 0.5 * spot
    return (math.log1p((future - spot) / spot) if close else math.log(future / spot)) / t


def _root(spot: float, flows: Sequence[tuple[float, float]], low: float, high: float) -> float:
    """The r between ``low`` and ``high`` at which flows (points, years) are worth ``spot`` today.

    Takes Newton's steps. It halves the bracket instead if a step leaves it or is more than half of the last
    step. It stops when the sum is within its own rounding of 0, or when a step does not change r.
    """
    # The sum at r = 0 is exact except for one rounding, and the other terms go to 0 with r.
    at_zero = math.fsum([spot, *(-points for points, _ in flows)])
    r, last = low, high - low
    while True:
        parts = [at_zero, *(-points * math.expm1(-r * term) for points, term in flows)]
        missing = math.fsum(parts)
        if abs(missing) <= sys.float_info.epsilon * math.fsum(map(abs, parts)):
            return r
        if missing < 0.0:
            low = r
        else:
            high = r
        slope = math.fsum(points * term * math.exp(-r * term) for points, term in flows)
        step = -missing / slope if slope > 0.0 else math.inf
        if not (low <= r + step <= high and abs(step) <= 0.5 * last):
            step = low + 0.5 * (high - low) - r
        if r + step == r:
            return r
        r, last = r + step, abs(step)


def implied_dividend_yield(*, future: float, spot: float, r: float, t: float) -> float:
    """The dividend yield at which ``future`` is fair: r − ln(F/S)/t."""
    _check_term(t)
    return r - _growth_rate(check_price(future, "future"), check_price(spot, "index"), t)


def implied_dividend_points(*, future: float, spot: float, r: float, t: float) -> float:
    """The dividends to expiry, in points worth at expiry, at which ``future`` is fair: S·e^(r·t) − F."""
    return carry_factor(factor=check_price(spot, "index"), r=r, d=0.0, t=t) - check_price(future, "future")


def calendar_spread_rate(
    *, near: float, far: float, years_between: float, d: float = 0.0, payments: Sequence[Payment] = ()
) -> float:
    """The rate between two expiries that the prices of two futures imply.

    The near future is bought and its index carried to the far expiry. ``payments`` are the dividends that go
    ex after the near expiry, with times from it; ``d`` is a yield used instead of them.
    """
    return implied_repo(future=far, spot=near, t=years_between, d=d, payments=payments)


def printed_fair_value(*, cash: float, simple_rate: float, days: float, dividend_points: float) -> float:
    """The exchange's printed formula, simple and actual/360: cash·(1 + r·days/360) − dividend points.

    >>> round(printed_fair_value(cash=1146.00, simple_rate=0.057, days=78, dividend_points=3.47), 2)
    1156.68
    """
    return cash * (1.0 + simple_rate * days / 360) - dividend_points


def check_price(price: float, name: str) -> float:
    """Returns the price; UsageError if it is not a positive finite number."""
    if not 0.0 < price < math.inf:
        raise UsageError(f"The {name} is a price above 0, not {price:g}.")
    return price


def _check_term(t: float) -> None:
    if not 0.0 < t < math.inf:
        raise UsageError(f"Time to expiry must be above 0 years for a rate to be implied, not {t:g}.")
