"""Dates and New York's clock against the standard library, which has a calendar and maybe a zone database."""

import datetime as dt
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbcore.core import civil
from arbcore.errors import InputError, UsageError

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
HOUR = civil.NS_PER_HOUR


@pytest.fixture(scope="module")
def new_york() -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo("America/New_York")
    except zoneinfo.ZoneInfoNotFoundError:
        pytest.skip("this machine has no time-zone database")


@given(st.dates(dt.date(1678, 1, 1), dt.date(2261, 12, 31)))
def test_days_are_those_of_the_calendar(date: dt.date) -> None:
    day = civil.day_of(date.year, date.month, date.day)
    assert day == (date - dt.date(1970, 1, 1)).days
    assert civil.date_of(day) == (date.year, date.month, date.day)
    assert civil.weekday(day) == date.weekday()
    assert civil.iso_date(day) == date.isoformat()
    assert civil.read_date(date.isoformat()) == day


def test_every_day_of_four_centuries_has_its_own_number() -> None:
    first = civil.day_of(1800, 3, 1)
    dates = [civil.date_of(first + number) for number in range(146_097)]
    assert dates == sorted(set(dates))
    assert [civil.day_of(*date) for date in dates] == list(range(first, first + 146_097))


@pytest.mark.parametrize("year", range(1967, 2101))
def test_new_york_is_right_every_hour_around_both_switches(year: int, new_york: zoneinfo.ZoneInfo) -> None:
    for day in civil.daylight_saving_days(year):
        for half_hours in range(-60, 120):
            instant_ns = day * civil.NS_PER_DAY + half_hours * HOUR // 2
            there = (EPOCH + dt.timedelta(seconds=instant_ns // 10**9)).astimezone(new_york)
            offset = there.utcoffset()
            assert offset is not None
            assert civil.new_york_offset_ns(instant_ns) == offset.total_seconds() * 10**9, there
            shown = civil.utc_to_new_york(instant_ns)
            since_midnight_s = there.hour * 3_600 + there.minute * 60
            assert shown == (civil.day_of(there.year, there.month, there.day), since_midnight_s * 10**9)
            assert civil.new_york_to_utc(*shown, fold=there.fold) == instant_ns


@pytest.mark.parametrize("year", range(1967, 2101))
@pytest.mark.parametrize("fold", [0, 1])
def test_the_clock_is_read_as_the_standard_library_reads_it(
    year: int, fold: int, new_york: zoneinfo.ZoneInfo
) -> None:
    for day in civil.daylight_saving_days(year):
        for quarter in range(24 * 4):
            clock = dt.time(quarter // 4, quarter % 4 * 15, tzinfo=new_york, fold=fold)
            wall = dt.datetime.combine(dt.date(*civil.date_of(day)), clock)
            expected_ns = (wall - EPOCH) // dt.timedelta(microseconds=1) * 1_000
            assert civil.new_york_to_utc(day, quarter * HOUR // 4, fold=fold) == expected_ns, wall


@pytest.mark.parametrize("year", range(1967, 2101))
def test_nothing_switches_between_the_switches(year: int, new_york: zoneinfo.ZoneInfo) -> None:
    for day in range(civil.day_of(year, 1, 1), civil.day_of(year + 1, 1, 1), 3):
        there = dt.datetime(*civil.date_of(day), 12, tzinfo=new_york)
        noon_ns = (there - EPOCH) // dt.timedelta(seconds=1) * 10**9
        assert civil.new_york_to_utc(day, 12 * HOUR) == noon_ns, there


def test_clocks_changed_earlier_in_spring_and_later_in_autumn_from_2007() -> None:
    assert [civil.iso_date(day) for day in civil.daylight_saving_days(2006)] == ["2006-04-02", "2006-10-29"]
    assert [civil.iso_date(day) for day in civil.daylight_saving_days(2007)] == ["2007-03-11", "2007-11-04"]


def test_new_yorks_clock_is_not_guessed_before_its_rule() -> None:
    with pytest.raises(UsageError, match="known from 1967 on, not in 1966"):
        civil.new_york_to_utc(civil.day_of(1966, 6, 1), 0)


@given(st.datetimes(dt.datetime(1678, 1, 1), dt.datetime(2261, 12, 31)))
def test_times_are_read_and_written_alike(time: dt.datetime) -> None:
    instant_ns = (time - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1) * 1_000
    assert civil.read_time(civil.iso_time(instant_ns)) == instant_ns
    assert civil.read_time(f"{time.isoformat()}Z") == instant_ns


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-03-20T09:30-04:00", "2026-03-20T13:30:00Z"),
        ("2026-03-20 09:30:00.5 +0530", "2026-03-20T04:00:00.5Z"),
        ("2026-03-20t23:59:59,000000001-01", "2026-03-21T00:59:59.000000001Z"),
        ("2026-03-20T13:30:00", "2026-03-20T13:30:00Z"),
    ],
)
def test_spellings_of_a_time(text: str, utc: str) -> None:
    assert civil.iso_time(civil.read_time(text)) == utc


@pytest.mark.parametrize(
    "text",
    ["", "2026", "2026-13-01", "2026-02-29", "2026-2-3", "0001-01-01", "9999-12-31", "soon",
     "２０２６-01-01"],
)
def test_a_date_that_is_none_is_an_input_error(text: str) -> None:
    with pytest.raises(InputError, match=r"\.$"):
        civil.read_date(text)


@pytest.mark.parametrize(
    "text",
    ["2026-03-20", "2026-03-20T24:00", "2026-03-20T09:60", "2026-03-20T09:30:60", "2026-03-20T09:30+24:00",
     "2026-03-20T09:30:00.1234567891", "2026-03-20T09:30 EST", "1677-12-31T00:00"],
)  # fmt: skip
def test_a_time_that_is_none_is_an_input_error(text: str) -> None:
    with pytest.raises(InputError, match=r"\.$"):
        civil.read_time(text)
