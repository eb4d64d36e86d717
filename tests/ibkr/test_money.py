"""Ninety simulated days: what the report says a bot made is what the gateway's account has more in it."""

import math
from dataclasses import replace
from datetime import date, timedelta

import pytest
from carry_bots import STORE, quote_row, stored

from arbcore.broker.report import document, read_store
from arbcore.carry.calendar import expiry_instant, is_trading_day
from arbcore.carry.money import PaidDividend
from arbcore.carry.pairs import pair_named
from arbcore.carry.terms import Quoting, RateHistory
from arbcore.core.civil import NS_PER_HOUR, day_of, new_york_to_utc
from arbcore.desk.desk_terms import CarryTerms
from arbcore.gateway.carrying import CarryingTerms

FIRST, DAYS = date(2026, 2, 17), 90
ROLL = date(2026, 3, 13)
MARCH, JUNE = expiry_instant(day_of(2026, 3, 20)), expiry_instant(day_of(2026, 6, 18))
#: The rate rises between the second pair's entry and the third's.
RATE_DAYS = tuple(range(day_of(2026, 2, 16), day_of(2026, 5, 25), 7))
RATES = RateHistory(
    "rates.csv", Quoting.CONTINUOUS, RATE_DAYS,
    tuple(0.04 if day < day_of(2026, 3, 30) else 0.05 for day in RATE_DAYS),
)  # fmt: skip
EX_DATES = ((2026, 3, 20), (2026, 4, 15))
#: A deviation from a date on, in bps: out on one side, half of the way back over weeks, and home.
PATH = (
    (date(2026, 2, 17), 0.0), (date(2026, 2, 19), 30.0), (date(2026, 2, 20), 15.0),  # Closed by the roll.
    (date(2026, 3, 16), 0.0), (date(2026, 3, 17), -30.0), (date(2026, 3, 18), -15.0), (date(2026, 4, 1), 0.0),
    (date(2026, 4, 6), 30.0), (date(2026, 4, 7), 15.0), (date(2026, 4, 27), 0.0),
    (date(2026, 4, 28), -30.0), (date(2026, 4, 29), -15.0), (date(2026, 5, 15), 0.0),
)  # fmt: skip


def market(pair, schedule):
    """Four rows a day, each with the deviation of its date from the desk's own fair value."""
    terms = CarryTerms(RATES, schedule)
    factor = pair.points_per_usd
    for number in range(DAYS):
        day = FIRST + timedelta(number)
        since_1970 = day_of(day.year, day.month, day.day)
        if not is_trading_day(since_1970):
            continue
        dev_bps = [bps for since, bps in PATH if since <= day][-1]
        expiry_ns = MARCH if day <= ROLL else JUNE
        for hour in (10, 12, 14, 15):
            ts_ns = new_york_to_utc(since_1970, hour * NS_PER_HOUR)
            row = quote_row(ts_ns, 0.0, expiry_ns=expiry_ns, cents=(number * 7 + hour) % 50 - 25, pair=pair)
            mid = (row.etf_bid + row.etf_ask) / 2.0 - terms.paid(ts_ns, expiry_ns).usd
            fair = mid * terms.carry(ts_ns, expiry_ns, factor=factor) * (1.0 + dev_bps * 1e-4)
            bid = round(round(fair / pair.tick - 0.5) * pair.tick, 2)
            yield replace_row(row, bid, round(bid + pair.tick, 2))


def replace_row(row, bid, ask):
    return row._replace(fut_bid=bid, fut_ask=ask, names_expiry=True)


@pytest.mark.parametrize("name", ["es-spy", "mnq-qqq"])
def test_the_report_equals_the_account_over_ninety_days(play, tmp_path, name):
    pair = pair_named(name)
    schedule = tuple(PaidDividend(expiry_instant(day_of(*ex)), 1.8371) for ex in EX_DATES)
    account = CarryingTerms(RATES, 0.011, 0.003, {pair.etf: schedule})

    async def script(run):
        await run.task

    run = play(
        script, market=list(market(pair, schedule)), rows=True, pair=pair, factor=pair.points_per_usd,
        gateway={"speed": math.inf, "waits": True, "carrying": account},
        rates=RATES, dividends=schedule, funding_rate=None, short_rate=0.011, borrow_rate=0.003,
        compare=False,
    )  # fmt: skip
    books = run.served.gateway.account
    report = document(read_store(tmp_path / STORE))
    trades = report["closed_trades"]
    assert [(trade["side"], trade["exit_reason"]) for trade in trades] == [
        ("cash_and_carry", "roll"), ("reverse", "converged"), ("cash_and_carry", "converged"),
        ("reverse", "converged"),
    ]  # fmt: skip
    assert report["open_trades"] == []
    # To the cent, in all and of each kind.
    gained = books.net_liquidation(lambda _: 0.0) - books.start_cash
    assert report["net_pnl"] == pytest.approx(gained, abs=0.005)
    assert report["financing"] == pytest.approx(books.carrying.total.financing, abs=0.005)
    assert report["dividends"] == pytest.approx(books.carrying.total.dividends, abs=0.005)
    # Worked out by hand: the entry's value x rate x days between settlement days / 365.
    first, second, third, fourth = trades
    assert first["financing"] == pytest.approx(-first["shares"] * first["etf_entry"] * 0.04 * 24 / 365)
    assert second["financing"] == pytest.approx(second["shares"] * second["etf_entry"] * 0.008 * 15 / 365)
    assert second["dividends"] == pytest.approx(-second["shares"] * 1.8371)
    # Its rate is that of its entry, after the rise.
    assert third["financing"] == pytest.approx(-third["shares"] * third["etf_entry"] * 0.05 * 21 / 365)
    assert third["dividends"] == pytest.approx(third["shares"] * 1.8371)
    assert fourth["dividends"] == first["dividends"] == 0.0
    # What was booked by date is what the pairs had in the end.
    sums = stored(tmp_path, "SELECT trade_id, sum(financing), sum(dividends) FROM carried GROUP BY trade_id")
    assert sums == [
        (trade["trade_id"], pytest.approx(trade["financing"]), pytest.approx(trade["dividends"]))
        for trade in trades
    ]
    dates = {day for (day,) in stored(tmp_path, "SELECT DISTINCT date FROM carried")}
    assert "2026-03-20" in dates
    assert not any(date.fromisoformat(day).weekday() == 6 and day > "2026-05-15" for day in dates)


def test_a_pair_keeps_the_rate_of_its_entry(play, tmp_path):
    """A rise in the middle of a pair changes nothing of it, at the broker and in the books."""
    pair = pair_named("es-spy")
    rates = replace(RATES, values=tuple(0.04 if day < day_of(2026, 2, 22) else 0.20 for day in RATE_DAYS))
    rows = [row for row in market(pair, ()) if row.expiry_ns == MARCH]

    async def script(run):
        await run.task

    run = play(
        script, market=rows, rows=True, pair=pair, max_hold_days=10.0,
        gateway={"speed": math.inf, "waits": True, "carrying": CarryingTerms(rates)}, rates=rates,
        dividends=(), funding_rate=None, r=0.04, compare=False,
    )  # fmt: skip
    report = document(read_store(tmp_path / STORE))
    assert report["closed_trades"][0]["funding"] == 0.04
    booked = run.served.gateway.account.carrying.total
    assert report["financing"] == pytest.approx(booked.financing, abs=0.005)
