"""A market of any pair over ten days around an expiry, as a file for a backtest and for a replay.

The future leaves its fair value at times, also overnight and over the weekend of the expiry, so pairs are
open over ex-dates, settlement days and changes of the rate.
"""

from datetime import date, timedelta
from pathlib import Path
from random import Random

from arbcore.carry.calendar import front_contract, is_trading_day
from arbcore.carry.pairs import Pair
from arbcore.carry.terms import read_dividends, read_rates
from arbcore.core.civil import NS_PER_MINUTE, day_of, iso_time, new_york_to_utc
from arbcore.desk.desk_terms import CarryTerms

FIRST, DAYS = date(2026, 3, 13), 11
EXPIRY = date(2026, 3, 20)
#: The market's level relative to the pair's points per USD, which a bot has to learn.
LEVEL = 1.003
RATES = "date,rate\n" + "".join(
    f"{date(2026, 3, 9) + timedelta(number)},{0.03 if number < 10 else 0.05}\n"
    for number in range(0, 20, 2)
)
DIVIDENDS = "ex_date,amount\n2026-03-18,0.9\n2026-03-20,1.7\n2026-03-23,0.6\n2026-06-22,1.1\n"


def deviation_bps(minute: int, row: int, day: int) -> float:
    """Returns the deviation: 0 except in five of forty rows, and from an evening to the next morning."""
    if day == DAYS - 1 and minute >= 900:
        return 0.0
    if minute >= 930:
        return (9.0 + 4 * (day % 2)) * (1 if day % 2 else -1)
    if minute < 581:
        return (9.0 + 4 * (day % 2)) * (1 if (day - 1) % 2 else -1)
    return 8.0 * (1 if (row // 40) % 2 else -1) if row % 40 < 5 else 0.0


def write_market(folder: Path, pair: Pair, *, step_min: int = 5, spread: float = 0.008) -> Path:
    """Writes ``quotes.csv``, ``rates.csv`` and ``dividends.csv`` to a folder; returns the first's path."""
    (folder / "rates.csv").write_text(RATES)
    (folder / "dividends.csv").write_text(DIVIDENDS)
    terms = CarryTerms(
        read_rates(RATES.splitlines(), name="rates"), read_dividends(DIVIDENDS.splitlines(), name="d"),
        spread=spread,
    )  # fmt: skip
    rng, etf, row = Random(7), pair.index.etf_usd, 0
    fut_name, etf_name = pair.future.lower(), pair.etf.lower()
    lines = [f"ts,{fut_name}_bid,{fut_name}_ask,{etf_name}_bid,{etf_name}_ask"]
    for number in range(DAYS):
        day = FIRST + timedelta(number)
        since_1970 = day_of(day.year, day.month, day.day)
        for minute in range(571, 960, step_min) if is_trading_day(since_1970) else ():
            # One row is exactly at the opening at which the contract expires.
            at = 570 if minute == 571 and day == EXPIRY else minute
            ts_ns = new_york_to_utc(since_1970, at * NS_PER_MINUTE)
            etf *= 1.0 + rng.gauss(0.0, 0.0004)
            row += 1
            bid = round(etf, 2)
            expiry_ns = front_contract(ts_ns).expiry_ns
            mid = bid + pair.etf_tick / 2.0 - terms.paid(ts_ns, expiry_ns).usd
            dev_bps = deviation_bps(minute, row, number) + rng.gauss(0.0, 0.2)
            carry = terms.carry(ts_ns, expiry_ns, factor=pair.points_per_usd * LEVEL)
            fut = round(round(mid * carry * (1.0 + dev_bps * 1e-4) / pair.tick - 0.5) * pair.tick, 2)
            prices = (fut, round(fut + pair.tick, 2), bid, round(bid + pair.etf_tick, 2))
            lines.append(",".join(map(str, (iso_time(ts_ns), *prices))))
    path = folder / "quotes.csv"
    path.write_text("\n".join([*lines, ""]))
    return path
