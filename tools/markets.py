"""Simulated months of a pair: markets that are exactly fair except for planted effects.

The future is financed at r plus a spread from the ETF's settlement day on, the ETF accrues dividends until
it goes ex, and both are quoted a tick wide. These effects may be planted: a spread that diffuses or jumps
overnight, ex-dates, a basis that is a random walk or reverts to the mean, bad prints. The same seed makes the
same month.
"""

import math
import random
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from arbcore.carry.calendar import (
    OPEN_CLOCK_NS,
    close_clock_ns,
    expiry_instant,
    front_contract,
    is_trading_day,
)
from arbcore.carry.pairs import DEFAULT_PAIR, Pair, usual_ex_dates
from arbcore.carry.settlement import settlement_day
from arbcore.core.civil import NS_PER_DAY, NS_PER_MINUTE, new_york_to_utc, read_date
from arbcore.quotes.reading import ReadOptions, read_into
from arbcore.research._sweep_rows import SweepRows

YEAR_NS = 365 * NS_PER_DAY
FIRST_DAY, LAST_DAY = read_date("2024-07-01"), read_date("2026-11-01")


@dataclass(frozen=True)
class Market:
    """The parameters of a month: times, otherwise bps; rates are per year."""

    pair: Pair = DEFAULT_PAIR
    days: int = 21
    every_minutes: int = 1
    kept: float = 1.0  # the share of rows that are kept, at random
    r: float = 0.0365
    d: float = 0.012
    factor: float = 1.003  # of the pair's points per USD
    spread_bps: float = 0.0
    spread_night_bps: float = 0.0  # standard deviation of the spread's change per night
    jump_bps: float = 0.0  # of the spread, on one night in the middle
    deviation_bps: float = 0.0  # standard deviation of the mean-reverting basis
    half_life_minutes: float = 1.0
    walk_bps: float = 0.0  # standard deviation per minute of the basis as a random walk
    bad_prints: int = 0
    print_bps: tuple[float, float] = (5.0, 60.0)  # least and greatest error of a bad print
    ex_dates: bool = False  # whether the ETF goes ex by the dividends it accrued
    first_day: int | None = None


@dataclass
class Month:
    """The quotes of one month in columns, with its dividends and the number of its jumps.

    ``schedule`` are the ETF's dividends: (ex instant in ns, USD a share, False).
    """

    market: Market
    ts: "array[int]" = field(default_factory=lambda: array("q"))
    fut_bid: "array[float]" = field(default_factory=lambda: array("d"))
    fut_ask: "array[float]" = field(default_factory=lambda: array("d"))
    etf_bid: "array[float]" = field(default_factory=lambda: array("d"))
    etf_ask: "array[float]" = field(default_factory=lambda: array("d"))
    schedule: tuple[tuple[int, float, bool], ...] = ()
    jumps: int = 0
    ex_dates: int = 0
    level: float = 0.0  # the true level at the start, including the spread

    @property
    def columns(self) -> "dict[str, array[int] | array[float]]":
        """Returns the columns for a backtest."""
        names = ("ts", "fut_bid", "fut_ask", "etf_bid", "etf_ask")
        return {name: getattr(self, name) for name in names}

    def rows(self) -> SweepRows:
        """Returns the rows for the compiled kernel."""
        rows = SweepRows()
        read_into(rows, self.columns, options=ReadOptions())
        return rows


@dataclass(frozen=True)
class _Day:
    """The minutes of a session: their times, and the years to the front contract's expiry."""

    times_ns: tuple[int, ...]
    left: tuple[float, ...]
    financed: float  # years from the settlement day to the expiry's


@lru_cache(maxsize=2_000)
def _day(day: int, every_minutes: int) -> _Day:
    times = tuple(_minutes(day, every_minutes))
    # Contracts expire at the opening, so a session has only one front contract.
    contract = front_contract(times[0])
    left = tuple((contract.expiry_ns - now_ns) / YEAR_NS for now_ns in times)
    return _Day(times, left, (contract.expiry_day - settlement_day(day)) / 365)


def month_of(market: Market, seed: int) -> Month:
    """Makes one month; draws its first day if none is given, so an expiry may be anywhere in it."""
    rng = random.Random(seed)
    first = rng.randrange(FIRST_DAY, LAST_DAY) if market.first_day is None else market.first_day
    state = _State(index=rng.uniform(4_000, 7_500) * market.pair.points_per_usd / 10)
    spread, month = market.spread_bps, Month(market)
    jump_at = rng.randrange(3, max(4, market.days - 2))
    last_ex_ns = _last_ex_ns(market, first)
    for at, day in enumerate(_trading_days(first, market.days)):
        if at:
            spread += rng.gauss(0, market.spread_night_bps) if market.spread_night_bps else 0.0
            if market.jump_bps and at == jump_at:
                spread += market.jump_bps * rng.choice((-1, 1))
                month.jumps += 1
        minutes = _day(day, market.every_minutes)
        # A share goes ex at the opening, before the first minute.
        for ex_day in usual_ex_dates(market.pair, last_ex_ns, minutes.times_ns[0]):
            last_ex_ns = expiry_instant(ex_day)
            if market.ex_dates and month.ts:
                month.ex_dates += 1
        since_ns = last_ex_ns if market.ex_dates else new_york_to_utc(FIRST_DAY, 0)
        _add_day(month, minutes, state, rng, spread=spread, since_ns=since_ns)
    if market.ex_dates:
        month.schedule = _schedule(month)
    _spoil(month, rng)
    return month


@dataclass
class _State:
    """The state from day to day: the index, and the planted effects on the basis in bps."""

    index: float
    deviation: float = 0.0
    walk: float = 0.0


def _add_day(
    month: Month, minutes: _Day, state: _State, rng: random.Random, *, spread: float, since_ns: int
) -> None:
    """Adds the quotes of one day, both legs a tick wide; the ETF accrues dividends since ``since_ns``."""
    market, gauss, exp, floor = month.market, rng.gauss, math.exp, math.floor
    pair, d = market.pair, market.d
    tick, factor = pair.tick, pair.points_per_usd * market.factor
    keep = 2 ** (-market.every_minutes / market.half_life_minutes)
    shock = math.sqrt(1 - keep * keep) * market.deviation_bps
    financing = (market.r + spread * 1e-4) * minutes.financed
    index, deviation, walk = state.index, state.deviation, state.walk
    for now_ns, left in zip(minutes.times_ns, minutes.left, strict=True):
        index *= exp(gauss(0, 0.0004))
        if shock:
            deviation = keep * deviation + gauss(0, shock)
        if market.walk_bps:
            walk += gauss(0, market.walk_bps)
        share = index / factor * (1 + d * (now_ns - since_ns) / YEAR_NS)
        future = index * exp(financing - d * left + (deviation + walk) * 1e-4)
        if not month.ts:
            month.level = future / (share * exp((market.r - d) * left))
        if market.kept < 1.0 and rng.random() >= market.kept:
            continue
        fut, etf = floor(future / tick) * tick, floor(share * 100) / 100
        month.ts.append(now_ns)
        month.fut_bid.append(fut)
        month.fut_ask.append(fut + tick)
        month.etf_bid.append(etf)
        month.etf_ask.append(round(etf + pair.etf_tick, 2))
    state.index, state.deviation, state.walk = index, deviation, walk


def _trading_days(day: int, count: int) -> Iterator[int]:
    while count:
        if is_trading_day(day):
            yield day
            count -= 1
        day += 1


def _minutes(day: int, every: int) -> Iterator[int]:
    """Yields the ends of the bars of a session."""
    clock_ns = OPEN_CLOCK_NS + every * NS_PER_MINUTE
    while clock_ns <= (close_clock_ns(day) or 0):
        yield new_york_to_utc(day, clock_ns)
        clock_ns += every * NS_PER_MINUTE


def _last_ex_ns(market: Market, day: int) -> int:
    """Returns the ETF's last ex instant before a day."""
    at_ns = new_york_to_utc(day, 0)
    return expiry_instant(usual_ex_dates(market.pair, at_ns - 120 * NS_PER_DAY, at_ns)[-1])


def _schedule(month: Month) -> tuple[tuple[int, float, bool], ...]:
    """Returns the ETF's dividends, as it accrued them, from the first row until well after the last."""
    market, ts, found = month.market, month.ts, []
    before = expiry_instant(usual_ex_dates(market.pair, ts[0] - 120 * NS_PER_DAY, ts[0])[-1])
    for ex_day in usual_ex_dates(market.pair, ts[0], ts[-1] + 200 * NS_PER_DAY):
        ex_ns = expiry_instant(ex_day)
        near = month.etf_bid[max(0, bisect_left(ts, ex_ns) - 1)]
        found.append((ex_ns, near * market.d * (ex_ns - before) / YEAR_NS, False))
        before = ex_ns
    return tuple(found)


def _spoil(month: Month, rng: random.Random) -> None:
    """Shifts 1 to 3 rows of one leg by some bps, as often as the market's parameters require."""
    for _ in range(month.market.bad_prints):
        at, length = rng.randrange(1, len(month.ts) - 4), rng.randint(1, 3)
        off = 1 + rng.choice((-1, 1)) * rng.uniform(*month.market.print_bps) * 1e-4
        for prices in rng.choice(((month.fut_bid, month.fut_ask), (month.etf_bid, month.etf_ask))):
            for place in range(at, at + length):
                prices[place] *= off
