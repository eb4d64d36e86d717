"""Settlement days: known dates, an obvious count over the exchange's calendar, the changes of the lag."""

from datetime import date, timedelta

import pytest
from market_data import rows_of

from arbcore.carry.settlement import date_around, is_settlement_day, settlement_day, settlement_day_at
from arbcore.core.civil import day_of, new_york_to_utc, read_date

EPOCH = date(1970, 1, 1)


def day(text: str) -> int:
    return read_date(text)


@pytest.mark.parametrize(
    ("traded", "paid"),
    [
        ("2026-03-05", "2026-03-06"),  # Thursday
        ("2026-03-06", "2026-03-09"),  # Friday
        ("2026-03-07", "2026-03-10"),  # a Saturday counts as the Monday after it
        ("2026-03-08", "2026-03-10"),
        ("2026-04-02", "2026-04-06"),  # before Good Friday
        ("2026-04-03", "2026-04-07"),  # on it
        ("2026-10-09", "2026-10-13"),  # before Columbus Day, on which the exchange is open
        ("2026-10-12", "2026-10-13"),
        ("2026-11-10", "2026-11-12"),  # before Veterans Day, a Wednesday
        ("2026-11-11", "2026-11-12"),
        ("2028-11-10", "2028-11-13"),  # Veterans Day on a Saturday moves nothing
        ("2029-11-09", "2029-11-13"),  # on a Sunday it is the Monday
        ("2026-12-24", "2026-12-28"),
        ("2025-01-08", "2025-01-10"),  # before a day of mourning
        # Two days until May 2024, three until September 2017.
        ("2024-05-24", "2024-05-29"),
        ("2024-05-26", "2024-05-29"),  # the Tuesday after it has the new lag
        ("2024-05-28", "2024-05-29"),
        ("2017-09-01", "2017-09-07"),
        ("2017-09-04", "2017-09-07"),
        ("2017-09-05", "2017-09-07"),
        ("2013-10-10", "2013-10-16"),  # three days, Columbus Day between
        ("2001-09-10", "2001-09-19"),  # the exchange was closed for the rest of that week
    ],
)
def test_known_dates(traded: str, paid: str) -> None:
    assert settlement_day(day(traded)) == day(paid)


def test_every_date_is_that_of_an_obvious_count() -> None:
    closed = {date.fromisoformat(row["date"]) for row in rows_of("nyse_closed_weekdays_2000_2035.csv")}

    def opens(what: date) -> bool:
        return what.weekday() < 5 and what not in closed

    def settles(what: date) -> bool:
        columbus = what.month == 10 and what.weekday() == 0 and 8 <= what.day <= 14
        veterans = what.month == 11 and (what.day == 11 or (what.day == 12 and what.weekday() == 0))
        return opens(what) and not columbus and not veterans

    today, last = date(2000, 1, 1), date(2035, 12, 1)
    while today < last:
        paid = today
        while not opens(paid):
            paid += timedelta(days=1)
        lag = 1 if paid >= date(2024, 5, 28) else 2 if paid >= date(2017, 9, 5) else 3
        while lag:
            paid += timedelta(days=1)
            lag -= settles(paid)
        assert settlement_day((today - EPOCH).days) == (paid - EPOCH).days, today
        assert is_settlement_day((today - EPOCH).days) == settles(today), today
        today += timedelta(days=1)


@pytest.mark.parametrize(
    ("month", "clock_h", "paid"),
    [(3, 0, "2026-03-06"), (3, 16, "2026-03-06"), (7, 0, "2026-07-06"), (7, 23, "2026-07-06")],
)
def test_the_date_is_new_yorks(month: int, clock_h: int, paid: str) -> None:
    # In winter and in summer, just after midnight and just before it.
    date_number = day_of(2026, month, 5 if month == 3 else 2)
    hour = 3_600 * 10**9
    at = new_york_to_utc(date_number, clock_h * hour)
    assert settlement_day_at(at) == day(paid)
    assert settlement_day_at(new_york_to_utc(date_number, 0) - 1) == settlement_day(date_number - 1)


@pytest.mark.parametrize("instant_ns", [2**63 - 1, 2**63 - 10**15, -(2**63) + 1, -(2**63) + 10**15])
def test_the_first_and_the_last_date_end_with_64_bits(instant_ns: int) -> None:
    _, begun_ns, ended_ns = date_around(instant_ns)
    assert -(2**63) < begun_ns <= instant_ns <= ended_ns < 2**63
