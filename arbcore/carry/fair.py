"""Fair value of the future, what it is made of, and what the market's own prices imply.

F = S·e^((r − d)·t), or with a schedule of dividends F = (S − Σ PV(D))·e^(r·t): S the index, r and d
continuously compounded annual decimals, t years of 365 days. Owns the decomposition, the no-trade band of
unequal lending and borrowing, implied repo, implied dividends, the rate between two expiries, and the
exchange's printed form. It knows no dates: dividends come in as payments with their times
(``dividends.Schedule.between``).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from arbcore._carry import carry_factor, exponential
from arbcore.carry.dividends import Payment
from arbcore.carry.rates import RATE_MAX, ConstantRate, Rate, check_rate
from arbcore.errors import UsageError

_NEWTON_STEPS_MAX = 200


@dataclass(frozen=True, slots=True)
class ShiftedRate:
    """Another rate plus a spread at every term."""

    rate: Rate
    spread: float

    def at(self, t: float) -> float:
        """The rate for a term of ``t`` years."""
        return self.rate.at(t) + self.spread


@dataclass(frozen=True, slots=True)
class Carry:
    """What holding the index to expiry costs and earns: a rate, ``t`` years, a yield or payments."""

    rate: Rate
    t: float
    d: float = 0.0
    payments: tuple[Payment, ...] = ()

    def __post_init__(self) -> None:
        check_rate(self.d, "dividend yield")
        check_rate(self.rate.at(self.t), "rate")
        if not 0.0 <= self.t < math.inf:
            raise UsageError(f"Time to expiry is 0 years or more, not {self.t:g}.")
        if self.d and self.payments:
            raise UsageError("Dividends come as a yield or as a schedule, not both; leave one out.")

    @property
    def r(self) -> float:
        """The rate to expiry."""
        return self.rate.at(self.t)

    def present_value(self, spread: float = 0.0) -> float:
        """Today's value of the payments, with ``spread`` on the rate."""
        rate = ShiftedRate(self.rate, spread)
        return math.fsum(each.present_value(rate) for each in self.payments)

    def future(self, spot: float, *, spread: float = 0.0) -> float:
        """The fair future for an index at ``spot``, with ``spread`` on the rate."""
        paid = self.present_value(spread) if self.payments else 0.0
        return carry_factor(factor=check_price(spot, "index") - paid, r=self.r + spread, d=self.d, t=self.t)


@dataclass(frozen=True, slots=True)
class FairValue:
    """``fair = spot + financing - dividends``, in index points, and the numbers they came from.

    ``financing`` is spot·(e^(r·t) − 1), ``dividends`` their worth at expiry, ``simple_rate`` the rate on
    actual/360 days that gives the same financing, so that the sum can be done by hand.
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
        """What the fair future is above the index, in points."""
        return self.fair - self.spot


@dataclass(frozen=True, slots=True)
class Costs:
    """What makes the band of prices in which neither direction pays.

    Annual decimals: ``funding_spread`` over the rate to buy shares on credit, ``lending_spread`` under the
    rate for cash from shares sold short, ``borrow_fee`` for the shares. In index points, once a round trip:
    ``fees`` and ``slippage`` (at the opening auction that settles the future).
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
    """The fair future S·e^((r − d)·t) for an index at ``spot`` (index points).

    ``r`` and ``d`` are continuously compounded annual rates as decimals (0.043), ``t`` years of 365 days to
    expiry. UsageError where an argument is out of range.

    >>> round(fair_value(spot=6810.0, r=0.043, d=0.0125, t=0.25), 2)
    6862.12
    """
    return Carry(ConstantRate(r), t, d).future(spot)


def fair_parts(spot: float, carry: Carry) -> FairValue:
    """Fair value with its parts."""
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
    """The prices between which neither direction pays, from executable index prices.

    Above: shares bought at the ask with money at the rate plus the funding spread. Below: shares sold at the
    bid, borrowed for a fee, the cash earning the rate less the lending spread.
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

    At the future's bid and the index's ask it is what cash-and-carry earns; at the future's ask and the
    index's bid it is what the reverse pays. UsageError at or after expiry, or where no rate solves it.
    """
    check_price(future, "future")
    check_price(spot, "index")
    _check_term(t)
    r = math.log(future / spot) / t + d
    if not payments:
        return r
    if d:
        raise UsageError("Dividends come as a yield or as a schedule, not both; leave one out.")
    # S − Σ D·e^(−r·t_ex) − F·e^(−r·t) rises with r and its slope falls; at the r without dividends it is
    # not above 0. Newton's steps from there go up to the root and never past it.
    for _ in range(_NEWTON_STEPS_MAX):
        worths = [(each.points * exponential(-r * each.t), each.t) for each in payments]
        worths.append((future * exponential(-r * t), t))
        missing = math.fsum([spot, *(-worth for worth, _ in worths)])
        slope = math.fsum(worth * term for worth, term in worths)
        step = -missing / slope if slope > 0.0 and math.isfinite(missing) else math.nan
        if not abs(r + step) <= RATE_MAX:
            break
        r += step
        if abs(step) <= 1e-15 * max(1.0, abs(r)):
            return r
    else:
        # The last digits of the sum may keep the steps from dying out altogether.
        if abs(step) <= 1e-12 * max(1.0, abs(r)):
            return r
    raise UsageError("No believable rate makes that future fair; check prices and dividends.")


def implied_dividend_yield(*, future: float, spot: float, r: float, t: float) -> float:
    """The dividend yield at which ``future`` is fair: r − ln(F/S)/t."""
    _check_term(t)
    return r - math.log(check_price(future, "future") / check_price(spot, "index")) / t


def implied_dividend_points(*, future: float, spot: float, r: float, t: float) -> float:
    """The dividends to expiry, in points worth at expiry, at which ``future`` is fair: S·e^(r·t) − F."""
    return carry_factor(factor=check_price(spot, "index"), r=r, d=0.0, t=t) - check_price(future, "future")


def calendar_spread_rate(
    *, near: float, far: float, years_between: float, d: float = 0.0, payments: Sequence[Payment] = ()
) -> float:
    """The rate from one expiry to a later one that two futures imply.

    A future is bought at the near expiry at its price and carried to the far one. ``payments`` are those that
    go ex after the near expiry, with times from it; ``d`` a yield in their place.
    """
    return implied_repo(future=far, spot=near, t=years_between, d=d, payments=payments)


def printed_fair_value(*, cash: float, simple_rate: float, days: float, dividend_points: float) -> float:
    """The exchange's printed form, simple and actual/360: cash·(1 + r·days/360) − dividend points.

    >>> round(printed_fair_value(cash=1146.00, simple_rate=0.057, days=78, dividend_points=3.47), 2)
    1156.68
    """
    return cash * (1.0 + simple_rate * days / 360) - dividend_points


def check_price(price: float, name: str) -> float:
    """The price itself; UsageError where it is not a positive number."""
    if not 0.0 < price < math.inf:
        raise UsageError(f"The {name} is a price above 0, not {price:g}.")
    return price


def _check_term(t: float) -> None:
    if not 0.0 < t < math.inf:
        raise UsageError(f"Time to expiry must be above 0 years for a rate to be implied, not {t:g}.")
