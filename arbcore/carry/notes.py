"""The notes of a result: one sentence for each sign that the result is not plausible.

Owns the bounds and the sentences, and the rule for outliers. It gets numbers and times, and reads no rows.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from arbcore.carry.evidence import PRINT_ROWS_MAX, usd
from arbcore.carry.fair import Payment, implied_repo
from arbcore.carry.level import LevelMode
from arbcore.carry.pairs import Pair
from arbcore.carry.terms import Quoting, RateHistory
from arbcore.core.civil import NS_PER_DAY, iso_date, iso_time
from arbcore.core.text import plural, whole_seconds
from arbcore.errors import UsageError

#: Beyond these bounds a setting is wrong, not the market.
DEVIATION_BPS_MAX, LEVEL_PART_MAX, FINANCING_MAX = 50.0, 0.02, 0.05
EXPIRY_DAYS_MAX = 400
OUTLIER_BPS = 10.0


@dataclass(frozen=True, slots=True)
class Quantiles:
    """The 5th, 50th and 95th percentile of the deviation of the decided rows, in bps."""

    p5: float
    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class LargestEdge:
    """The largest edge at the touch, in bps before costs, and its time."""

    before_costs_bps: float
    ts_ns: int


def deviation_note(mode: LevelMode, median_bps: float | None) -> str | None:
    """The note if the level is given and the median deviation from it is too large; else None."""
    if mode in (LevelMode.TRACK, LevelMode.AUTO) or median_bps is None:
        return None
    if abs(median_bps) <= DEVIATION_BPS_MAX:
        return None
    return (
        f"The median deviation is {median_bps:+.1f} bps: r, d, the factor, the expiry, the pair or the "
        "columns are wrong, not the market."
    )


def level_note(pair: Pair, level: float | None) -> str | None:
    """The note if a learnt level is too far from that of the pair; else None."""
    if level is None or abs(level / pair.points_per_usd - 1.0) <= LEVEL_PART_MAX:
        return None
    return (
        f"The level is {level:.6g}, and {pair.name} is about {pair.points_per_usd:g} points per USD: the "
        "expiry, the pair or the columns are wrong, not the market."
    )


def financing_note(implied: float | None, r: float) -> str | None:
    """The note if the level implies a rate too far from the given one; else None."""
    if implied is None or abs(implied - r) <= FINANCING_MAX:
        return None
    return (
        f"The level implies financing at {implied:.2%} a year, and r is {r:.2%}: r, d, the factor, the "
        "expiry, the pair or the columns are wrong, not the market."
    )


def expiry_note(expiry_ns: int, row_ns: int) -> str | None:
    """The note if a row's expiry is too far away for a front contract; else None."""
    days = (expiry_ns - row_ns) / NS_PER_DAY
    if days <= EXPIRY_DAYS_MAX:
        return None
    return (
        f"The expiry {iso_time(expiry_ns)} is {days:,.0f} days after the row of {iso_time(row_ns)}; check it."
    )


def schedule_note(last_ex_ns: int | None, expiry_ns: int | None) -> str | None:
    """The note if a dividend schedule ends before the last contract's expiry; None without a schedule."""
    if last_ex_ns is None or expiry_ns is None or last_ex_ns >= expiry_ns:
        return None
    return (
        f"The schedule of dividends ends on {iso_time(last_ex_ns)[:10]}, before the expiry "
        f"{iso_time(expiry_ns)}; what goes ex after it is neither in the fair value nor booked."
    )


def outlier_note(count: int, first_ns: int | None) -> str | None:
    """The note on how many rows stand alone, and the first of them; None if none does."""
    if not count or first_ns is None:
        return None
    stand = "stands" if count == 1 else "stand"
    return (
        f"{plural(count, 'row')} {stand} more than {OUTLIER_BPS:g} bps off the rows before and after, the "
        f"first at {whole_seconds(iso_time(first_ns))}: bad prints; --drop-outliers leaves them out."
    )


def time_zone_note(naive: bool) -> str | None:
    """The note if no time of the data has a zone; else None."""
    if not naive:
        return None
    return "No time in the data has a zone, so all were taken as UTC; --tz says what they are."


def sharpe_note(dates: int, wanted: int = 20) -> str | None:
    """The note that a Sharpe ratio needs more dates; None if there are enough dates."""
    if dates >= wanted:
        return None
    return f"No Sharpe, Sortino or Calmar is given for {plural(dates, 'date')}; they need at least {wanted}."


def no_trade_note(
    edge: LargestEdge | None, *, entry_bps: float, cost_bps: float, deviation: Quantiles | None
) -> str:
    """The note that explains why nothing was traded: the largest edge, and the threshold it did not reach."""
    if edge is None or deviation is None:
        return "Nothing was traded: no row could be decided."
    after = edge.before_costs_bps - cost_bps
    return (
        f"Nothing was traded: the largest edge after costs was {after:.2f} bps at {iso_time(edge.ts_ns)}, "
        f"and {entry_bps:g} were wanted; the deviation was {deviation.p5:+.2f} to {deviation.p95:+.2f} bps "
        f"on nine of ten rows, {deviation.p50:+.2f} in the middle; on ordinary days there is nothing to take."
    )


def missing_dividend_note(pair: Pair, ex_dates: int, amount: float) -> str | None:
    """The note if pairs were held over ex-dates known only from a yield; ``amount`` is the total in USD."""
    if not ex_dates:
        return None
    return (
        f"Positions were held over {plural(ex_dates, 'ex-date')} of {pair.etf} ({pair.ex_dates.value}), "
        f"whose dividends, about {usd(abs(amount))[1:]} in all, are not booked; give a schedule with "
        "--dividends."
    )


def margin_interest_note() -> str:
    """The note on the interest that the broker's fees leave out."""
    return (
        "Interest on the future's margin and variation is not booked; it is about 0.07 bps a day of the "
        "contract's value."
    )


def rates_note(history: RateHistory, first_ns: int, last_ns: int) -> str:
    """The note that names the dated rates of the first and the last decided row."""

    def shown(ts_ns: int) -> str:
        day, value = history.known_at(ts_ns)
        part = f"{value:g}" if history.quoting is Quoting.CONTINUOUS else f"{value * 100:g}%"
        return f"{part} of {iso_date(day)}"

    first, last = shown(first_ns), shown(last_ns)
    return f"Rates are those of {history.name}: {first} on the first decided row, {last} on the last."


def replaced_note(names: Sequence[str]) -> str | None:
    """The note that names the settings that the broker's fees and rates replace; None if there are none."""
    if not names:
        return None
    verb = "is" if len(names) == 1 else "are"
    return f"The broker's fees and tiers are charged, so that {' and '.join(names)} {verb} not used."


def outliers(xs: Sequence[float]) -> list[int]:
    """The rows that stand alone: up to three in a row, more than 10 bps from the rows before and after.

    Args:
        xs: fut_mid over the fair value with factor 1, for each valid row in order.

    Returns:
        The indexes of these rows, in rising order. The first and the last row are never among them. A row is
        compared with the last row before it that is not an outlier.

    >>> outliers([10.0, 10.0, 10.04, 10.0, 10.0])
    [2]
    """
    found: list[int] = []
    kept, at, end = 0, 1, len(xs)
    while at < end - 1:
        length = next(
            (
                count
                for count in range(1, PRINT_ROWS_MAX + 1)
                if at + count < end and _stand_alone(xs[at : at + count], xs[kept], xs[at + count])
            ),
            0,
        )
        if length:
            found += range(at, at + length)
            at += length
        else:
            kept = at
            at += 1
    return found


def _stand_alone(run: Sequence[float], before: float, after: float) -> bool:
    """Whether all values of a run are above both neighbours, or all below both."""
    high, low = max(before, after), min(before, after)
    part = OUTLIER_BPS * 1e-4
    return all(x > high * (1.0 + part) for x in run) or all(x < low * (1.0 - part) for x in run)


def implied_financing(
    level: float, *, etf_mid: float, t: float, r: float, d: float, true_factor: float, paid: float = 0.0,
    payments: Iterable[Payment] = (),
) -> float | None:  # fmt: skip
    """The rate that makes the model fit a level, given the true factor between index and ETF.

    Args:
        level: the factor that decided a row.
        etf_mid: the ETF's mid of the row, USD.
        t: years to expiry.
        r: the rate of its fair value, with the spread.
        d: its dividend yield, 0 with a schedule.
        true_factor: index over ETF.
        paid: today's value of the scheduled dividends, in USD a share, at ``r``.
        payments: those dividends in index points of the true index, with their times.

    Returns:
        A continuously compounded annual rate; None at expiry or if no rate within bounds fits.

    >>> round(implied_financing(10.03, etf_mid=690.0, t=0.25, r=0.04, d=0.012, true_factor=10.0), 6)
    0.051982
    """
    if t <= 0.0:
        return None
    future = level * (etf_mid - paid) * math.exp((r - d) * t)
    try:
        return implied_repo(future=future, spot=true_factor * etf_mid, t=t, d=d, payments=tuple(payments))
    except UsageError:
        return None
