"""Simulated months of a pair: markets that are exactly fair but for what is planted in them.

The future is financed at r plus a spread from the day on which the ETF's shares are paid, the ETF gathers its
dividends until it goes ex, and both are quoted a tick wide. What may be planted: a spread that diffuses or
jumps overnight, ex-dates, a basis that walks or comes back, bad prints. The same seed makes the same month.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from reference.money import Dividend, Row

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

YEAR_NS = 365 * NS_PER_DAY
FIRST_DAY, LAST_DAY = read_date("2024-07-01"), read_date("2026-11-01")


@dataclass(frozen=True)
class Market:
    """What a month is made of; bps but for the times, the rates a year."""

    pair: Pair = DEFAULT_PAIR
    days: int = 21
    every_minutes: int = 1
    kept: float = 1.0  # the part of the rows that is there, at random
    r: float = 0.0365
    d: float = 0.012
    factor: float = 1.003  # of the pair's points a USD
    spread_bps: float = 0.0
    spread_night_bps: float = 0.0  # standard deviation of its change a night
    jump_bps: float = 0.0  # of the spread, on one night in the middle
    deviation_bps: float = 0.0  # standard deviation of what comes back
    half_life_minutes: float = 1.0
    walk_bps: float = 0.0  # standard deviation of a minute's step of a basis that does not come back
    bad_prints: int = 0
    ex_dates: bool = False  # whether the ETF falls by what it gathered
    first_day: int | None = None


@dataclass
class Month:
    """The rows of one month, and what is known of it: the ETF's dividends and how often it jumped."""

    market: Market
    rows: list[Row]
    schedule: list[Dividend] = field(default_factory=list)
    jumps: int = 0
    ex_dates: int = 0
    level: float = 0.0  # the true one at the start, with its spread


def month_of(market: Market, seed: int) -> Month:
    """One month; its first day is drawn where it is not given, so that an expiry may fall anywhere in it."""
    rng = random.Random(seed)
    first = rng.randrange(FIRST_DAY, LAST_DAY) if market.first_day is None else market.first_day
    index = rng.uniform(4_000, 7_500) * market.pair.points_per_usd / 10
    factor = market.pair.points_per_usd * market.factor
    spread, walk, deviation = market.spread_bps, 0.0, 0.0
    keep = 2 ** (-market.every_minutes / market.half_life_minutes)
    month = Month(market, [])
    jump_at = rng.randrange(3, max(4, market.days - 2))
    last_ex_ns = _last_ex_ns(market, first)
    for at, day in enumerate(_trading_days(first, market.days)):
        if at:
            spread += rng.gauss(0, market.spread_night_bps) if market.spread_night_bps else 0.0
            if market.jump_bps and at == jump_at:
                spread += market.jump_bps * rng.choice((-1, 1))
                month.jumps += 1
        for now_ns in _minutes(day, market.every_minutes):
            index *= math.exp(rng.gauss(0, 0.0004))
            deviation = keep * deviation + math.sqrt(1 - keep * keep) * rng.gauss(0, market.deviation_bps)
            walk += rng.gauss(0, market.walk_bps)
            contract = front_contract(now_ns)
            financed = (contract.expiry_day - settlement_day(day)) / 365
            left = (contract.expiry_ns - now_ns) / YEAR_NS
            carried = (market.r + spread * 1e-4) * financed - market.d * left
            for ex_day in usual_ex_dates(market.pair, last_ex_ns, now_ns):
                last_ex_ns = expiry_instant(ex_day)
                if market.ex_dates and month.rows:
                    month.ex_dates += 1
            gathered = market.d * (now_ns - last_ex_ns) / YEAR_NS if market.ex_dates else 0.0
            if not market.ex_dates:
                gathered = market.d * (now_ns - new_york_to_utc(FIRST_DAY, 0)) / YEAR_NS
            share = index / factor * (1 + gathered)
            future = index * math.exp(carried + (deviation + walk) * 1e-4)
            if not month.rows:
                month.level = future / (share * math.exp((market.r - market.d) * left))
            if market.kept < 1.0 and rng.random() >= market.kept:
                continue
            month.rows.append(_quoted(market.pair, now_ns, future, share))
    if market.ex_dates:
        month.schedule = _schedule(market, month.rows, index / factor)
    _spoil(month.rows, market.bad_prints, rng)
    return month


def _quoted(pair: Pair, now_ns: int, future: float, share: float) -> Row:
    """Both legs a tick wide."""
    fut = math.floor(future / pair.tick) * pair.tick
    etf = math.floor(share * 100) / 100
    return Row(now_ns, fut, fut + pair.tick, etf, round(etf + pair.etf_tick, 2))


def _trading_days(day: int, count: int) -> Iterator[int]:
    while count:
        if is_trading_day(day):
            yield day
            count -= 1
        day += 1


def _minutes(day: int, every: int) -> Iterator[int]:
    """The ends of the bars of a session."""
    clock_ns = OPEN_CLOCK_NS + every * NS_PER_MINUTE
    while clock_ns <= (close_clock_ns(day) or 0):
        yield new_york_to_utc(day, clock_ns)
        clock_ns += every * NS_PER_MINUTE


def _last_ex_ns(market: Market, day: int) -> int:
    """When the ETF last went ex before a day."""
    at_ns = new_york_to_utc(day, 0)
    return expiry_instant(usual_ex_dates(market.pair, at_ns - 120 * NS_PER_DAY, at_ns)[-1])


def _schedule(market: Market, rows: list[Row], price: float) -> list[Dividend]:
    """What the ETF pays on each ex-date from the first row until well after the last: what it gathered."""
    first_ns = rows[0].ts_ns
    before = expiry_instant(usual_ex_dates(market.pair, first_ns - 120 * NS_PER_DAY, first_ns)[-1])
    found = []
    for ex_day in usual_ex_dates(market.pair, first_ns, rows[-1].ts_ns + 200 * NS_PER_DAY):
        ex_ns = expiry_instant(ex_day)
        near = next((row.etf_bid for row in reversed(rows) if row.ts_ns < ex_ns), price)
        found.append(Dividend(ex_ns, near * market.d * (ex_ns - before) / YEAR_NS))
        before = ex_ns
    return found


def _spoil(rows: list[Row], count: int, rng: random.Random) -> None:
    """Puts 1 to 3 rows of one leg 5 to 60 bps off, ``count`` times."""
    for _ in range(count):
        at, length = rng.randrange(1, len(rows) - 4), rng.randint(1, 3)
        off = 1 + rng.choice((-1, 1)) * rng.uniform(5, 60) * 1e-4
        leg = rng.choice(("fut", "etf"))
        for place in range(at, at + length):
            row = rows[place]
            if leg == "fut":
                rows[place] = replace(row, fut_bid=row.fut_bid * off, fut_ask=row.fut_ask * off)
            else:
                rows[place] = replace(row, etf_bid=row.etf_bid * off, etf_ask=row.etf_ask * off)


def front_expiry_ns(now_ns: int) -> int:
    """The expiry of the front contract."""
    return front_contract(now_ns).expiry_ns
