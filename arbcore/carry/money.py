"""The costs and income of a pair besides its prices: interest, dividends, and a broker's fees.

Owns how each is booked, and the broker's fees by date with their sources; net is gross − cost + financing +
dividends. Amounts are USD, rates are annual decimals, days are numbers since 1970-01-01. A side is −1 for
cash and carry (short the future, long the ETF) and +1 for the reverse. It must not know when to trade.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from arbcore.carry.pairs import FeeClass
from arbcore.core.civil import day_of

#: The broker's rate for borrowed money, as a spread over the run's rate.
LONG_SPREAD = 0.015
#: Tiers of a short sale's proceeds: (upper bound, spread below the rate); None pays no interest.
SHORT_TIERS: tuple[tuple[float, float | None], ...] = (
    (100_000.0, None),
    (1_000_000.0, 0.0125),
    (3_000_000.0, 0.005),
    (float("inf"), 0.0025),
)


class FeePlan(Enum):
    """How the broker charges for shares."""

    FIXED = "fixed"
    TIERED = "tiered"


@dataclass(frozen=True, slots=True)
class Rates:
    """The rates of one pair's ETF leg, fixed at its entry: annual decimals.

    A long pays ``funding``; a short receives ``short`` less ``borrow``.
    """

    funding: float
    short: float = 0.0
    borrow: float = 0.0


@dataclass(frozen=True, slots=True)
class FeeRow:
    """Fees on sales of shares from ``since_day`` on; ``source`` names where they were published.

    ``sec_per_million`` is USD per million of proceeds; ``taf_per_share`` is USD, at most ``taf_max`` a trade.
    """

    since_day: int
    sec_per_million: float
    taf_per_share: float
    taf_max: float
    source: str


#: By date. Earlier trades use the first row: all fees here are those of the current plan.
SALE_FEES: tuple[FeeRow, ...] = (
    FeeRow(day_of(2024, 5, 22), 27.80, 0.000166, 8.30, "SEC fee rate advisory 2 for fiscal year 2024"),
    FeeRow(day_of(2025, 5, 14), 0.0, 0.000166, 8.30, "SEC fee rate advisory 2 for fiscal year 2025"),
    FeeRow(day_of(2026, 1, 1), 0.0, 0.000195, 9.79, "SR-FINRA-2024-019, trading activity fee of 2026"),
    # This rate is charged here from the first of the month on.
    FeeRow(day_of(2026, 4, 1), 20.60, 0.000195, 9.79, "SEC release 34-104909 of 2026-02-27"),
    FeeRow(day_of(2027, 1, 1), 20.60, 0.000232, 11.61, "SR-FINRA-2024-019, trading activity fee of 2027"),
)
#: USD per contract and side: the broker's 0.85 or 0.25, the exchange's 1.38 or 0.35, the regulator's 0.02.
FUTURE_FEES = {FeeClass.STANDARD: 2.25, FeeClass.MICRO: 0.62}
#: How a result names the source of its fees.
FEES_SOURCE = (
    "Interactive Brokers' commissions of 2026 for US shares and CME and CBOT futures; compare your own"
)


def future_fee(fee_class: FeeClass, contracts: int) -> float:
    """The fee of the broker and the exchange for one side of a future, in USD.

    >>> future_fee(FeeClass.MICRO, 2)
    1.24
    """
    return FUTURE_FEES[fee_class] * contracts


def share_fee(shares: float, price: float, *, day: int, sale: bool, plan: FeePlan = FeePlan.FIXED) -> float:
    """The broker's fee for one trade of shares, with the fees it passes on, in USD.

    Args:
        shares: the number of shares.
        price: USD a share.
        day: the New York date of the trade.
        sale: True if the shares are sold (short or not); two more fees are then due.
        plan: FIXED is 0.005 a share, at least 1.00. TIERED is 0.0035 a share, at least 0.35, plus the
            exchange's 0.0030 and the clearing house's 0.0002 a share. The plan's own part is at most 1% of
            the value.

    >>> round(share_fee(503, 680.0, day=day_of(2026, 3, 2), sale=False), 4)
    2.515
    """
    value = shares * price
    if plan is FeePlan.FIXED:
        fee = min(max(0.005 * shares, 1.0), 0.01 * value)
    else:
        fee = min(max(0.0035 * shares, 0.35), 0.01 * value) + (0.0030 + 0.0002) * shares
    if sale:
        row = sale_fees(day)
        fee += row.sec_per_million * 1e-6 * value + min(row.taf_per_share * shares, row.taf_max)
    return fee


def sale_fees(day: int) -> FeeRow:
    """The row of ``SALE_FEES`` that applies on a day."""
    return next((row for row in reversed(SALE_FEES) if day >= row.since_day), SALE_FEES[0])


def broker_rates(r: float, proceeds: float, *, borrow: float = 0.0, before: float = 0.0) -> Rates:
    """The rates that the broker applies to a pair (``--fees ibkr``).

    Args:
        r: the run's rate at the entry, without the financing spread.
        proceeds: shares × price of the ETF leg at the entry, in USD.
        borrow: the fee for borrowed shares.
        before: proceeds of earlier short sales, which fill the lower tiers.

    Returns:
        For a long, r + 1.5%; for a short, the tiers' interest over its whole proceeds, never below 0.

    >>> broker_rates(0.04, 200_000.0)
    Rates(funding=0.055, short=0.01375, borrow=0.0)
    """
    paid = _tiers_pay(r, before + proceeds) - _tiers_pay(r, before)
    return Rates(funding=r + LONG_SPREAD, short=paid / proceeds if proceeds > 0.0 else 0.0, borrow=borrow)


def _tiers_pay(r: float, proceeds: float) -> float:
    """The interest on a short's proceeds, in USD a year."""
    paid, below = 0.0, 0.0
    for upto, spread in SHORT_TIERS:
        part = min(proceeds, upto) - below
        if part <= 0.0:
            break
        if spread is not None:
            paid += part * max(0.0, r - spread)
        below = upto
    return paid


def financing_of(side: int, value: float, *, days: int, rates: Rates) -> float:
    """Interest on the ETF leg: simple, actual/365, on its value at the entry.

    Args:
        side: −1 pays (long the ETF), +1 receives.
        value: shares × price at the entry, in USD.
        days: from the settlement day of the entry to that of the exit; 0 within a day.
        rates: the rates fixed at the entry.

    Returns:
        USD, negative if the pair pays.

    >>> round(financing_of(-1, 365_000.0, days=3, rates=Rates(0.04)), 2)
    -120.0
    """
    rate = -rates.funding if side < 0 else rates.short - rates.borrow
    # Adding 0.0 turns -0.0 into 0.0.
    return rate * value * (float(days) / 365.0) + 0.0


@dataclass(frozen=True, slots=True)
class PaidDividend:
    """One dividend of a schedule: a buyer from ``ex_ns`` on does not receive it.

    ``amount`` is USD a share of the ETF, or index points if ``points``; ``line`` is its line in the file, 0
    if it is not from a file.
    """

    ex_ns: int
    amount: float
    points: bool = False
    line: int = field(default=0, compare=False)


def dividends_of(
    side: int, shares: float, schedule: Iterable[PaidDividend], *, entry_ns: int, exit_ns: int, factor: float
) -> float:
    """Dividends with entry < ex <= exit: received when long the ETF, paid when short.

    Args:
        side: −1 is long the ETF, +1 is short the ETF.
        shares: the number of ETF shares.
        schedule: the dividends, in any order.
        entry_ns: when the ETF leg was filled, UTC nanoseconds.
        exit_ns: when it was closed, or the time of the last quote.
        factor: the level at the entry, which converts index points to USD a share.

    Returns:
        USD, negative if the position pays them.
    """
    total = 0.0
    for each in schedule:
        if entry_ns < each.ex_ns <= exit_ns:
            total += -side * shares * (each.amount / factor if each.points else each.amount)
    return total


def missing_dividend(value: float, *, d: float, per_year: int) -> float:
    """The approximate value of one dividend on a position, in USD, if only a yield is known.

    Args:
        value: shares × price of the ETF leg at its entry.
        d: the dividend yield.
        per_year: the number of dividends that the ETF pays a year.
    """
    return value * d / per_year
