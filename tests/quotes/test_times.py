"""Every spelling of a time that a file of quotes may have: the instant, the twin, and pandas."""

import random
import re
from datetime import datetime, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.quotes import parse_ts

from arbcore.carry import calendar
from arbcore.core._cells import read_ts, time_and_zone
from arbcore.core.civil import daylight_saving_days, iso_time
from arbcore.core.zones import ZONE_HOURS, check_order, check_zone
from arbcore.errors import ConfigError
from arbcore.quotes.spellings import why_no_time

EASTERN = "America/New_York"
MARCH_2 = "2026-03-02T14:31:05Z"

# (spelling, instant, whether the text says its zone)
SPELLINGS = [
    ("2026-03-02", "2026-03-02T00:00:00Z", False),
    ("2026-03-02T14:31", "2026-03-02T14:31:00Z", False),
    ("2026-03-02T14:31:05", MARCH_2, False),
    ("2026-03-02 14:31:05", MARCH_2, False),
    ("2026-03-02  14:31:05", MARCH_2, False),
    ("2026-03-02T14:31:05Z", MARCH_2, True),
    ("2026-03-02t14:31:05z", MARCH_2, True),
    ("2026-03-02 14:31:05 UTC", MARCH_2, True),
    ("2026-03-02 14:31:05UTC", MARCH_2, True),
    ("2026-03-02 14:31:05 gmt", MARCH_2, True),
    ("2026-03-02 14:31:05+00:00", MARCH_2, True),
    ("2026-03-02 09:31:05-0500", MARCH_2, True),
    ("2026-03-02 09:31:05 -05", MARCH_2, True),
    ("2026-03-02T14:31:05.5", "2026-03-02T14:31:05.5Z", False),
    ("2026-03-02T14:31:05,000000001Z", "2026-03-02T14:31:05.000000001Z", True),
    ("20260302", "2026-03-02T00:00:00Z", False),
    ("20260302T143105Z", MARCH_2, True),
    ("20260302T1431", "2026-03-02T14:31:00Z", False),
    ("20260302 143105", MARCH_2, False),
    ("20260302T143105.25+0100", "2026-03-02T13:31:05.25Z", True),
    ("20260302 14:31:05", MARCH_2, False),
    ("20260302  14:31:05", MARCH_2, False),
    ("20260302 09:31:05 US/Eastern", MARCH_2, True),
    ("20260302 08:31:05 US/Central", MARCH_2, True),
    ("20260302-14:31:05", MARCH_2, True),
    ("20260302-14:31:05.125", "2026-03-02T14:31:05.125Z", True),
    ("2026/03/02", "2026-03-02T00:00:00Z", False),
    ("2026/03/02 14:31:05", MARCH_2, False),
    ("2026/3/2 2:31 PM", "2026-03-02T14:31:00Z", False),
    ("03/02/2026", "2026-03-02T00:00:00Z", False),
    ("03/02/2026 14:31:05", MARCH_2, False),
    ("03/02/2026 02:31:05 PM", MARCH_2, False),
    ("3/2/2026 2:31:05PM", MARCH_2, False),
    ("3/2/2026 12:31:05 am", "2026-03-02T00:31:05Z", False),
    ("03/02/2026 12:31:05 pm", "2026-03-02T12:31:05Z", False),
    ("03/02/2026 09:31:05 AM US/Eastern", MARCH_2, True),
    ("2026-03-02 09:31:05 America/New_York", MARCH_2, True),
    ("2026-03-02 09:31:05 america/new_york", MARCH_2, True),
    ("2026-03-02 08:31:05 America/Chicago", MARCH_2, True),
    ("2026-07-01 09:30:00 US/Eastern", "2026-07-01T13:30:00Z", True),
    ("2026-07-01 08:30:00 US/Central", "2026-07-01T13:30:00Z", True),
    ("1772461865", MARCH_2, True),
    ("1772461865.25", "2026-03-02T14:31:05.25Z", True),
    ("1772461865000", MARCH_2, True),
    ("1772461865000.000001", "2026-03-02T14:31:05.000000001Z", True),
    ("1772461865000000", MARCH_2, True),
    ("1772461865000000.001", "2026-03-02T14:31:05.000000001Z", True),
    ("1772461865000000000", MARCH_2, True),
    ("1772461865000000000.0", MARCH_2, True),
    ("631152000", "1990-01-01T00:00:00Z", True),
    ("631152000000", "1990-01-01T00:00:00Z", True),
    ("99991231", None, False),
]  # fmt: skip
NO_TIMES = [
    "",
    " ",
    "0",
    "1",
    "52265",
    "12345",
    "631151999",
    "100000000000",
    "20261302",
    "20260230",
    "19991301",
    "-1",
    "+1772461865",
    "1772461865.",
    ".5",
    "1772461865.1234567891",
    "1772461865000000000.5",
    "20260302143105",
    "202603021431",
    "2026-03-02T",
    "2026-03-02 ",
    "2026-03-02T14",
    "2026-3-2",
    "2026-03-02T143105",
    "2026-03-02Z",
    "2026-03-02T2:31 PM",
    "2026-03-02 13:31 PM",
    "2026-03-02 00:31 AM",
    "2026-03-02 14:31:60",
    "13/02/2026",
    "02-03-2026",
    "02.03.2026",
    "2 Mar 2026",
    "2026-03-02 14:31:05 EST",
    "2026-03-02 14:31:05 Europe/London",
    "2026-03-02 14:31:05US/Eastern",
    "20260302-143105",
    "20260302-14:31:05 UTC",
    "20260302-14:31:05Z",
    "1e9",
    "nan",
    "1960-07-01 09:30:00 US/Eastern",
    "9223372036854775808",
    "2026-03-02 14:31:05 +24:00",
    "26-03-02",
]


@pytest.mark.parametrize(("text", "expected", "zoned"), SPELLINGS)
def test_each_spelling_is_its_instant(text: str, expected: str | None, zoned: bool) -> None:
    ts_ns = read_ts(text.encode())
    assert (None if ts_ns is None else iso_time(ts_ns)) == expected
    assert parse_ts(text) == ts_ns
    if expected is not None:
        assert time_and_zone(text.encode()) == (ts_ns, zoned)


@pytest.mark.parametrize("text", NO_TIMES)
def test_anything_else_is_no_time(text: str) -> None:
    assert read_ts(text.encode()) is None
    assert parse_ts(text) is None
    assert why_no_time(text, tz=None, day_first=False)


@pytest.mark.parametrize(("text", "expected", "zoned"), [each for each in SPELLINGS if each[1] is not None])
def test_pandas_reads_the_same(text: str, expected: str, zoned: bool) -> None:
    pandas = pytest.importorskip("pandas")
    if text.replace(".", "").isdigit() and len(text) != 8:
        whole = text.partition(".")[0]
        unit = "s" if len(whole) < 12 else "ms" if len(whole) < 15 else "us" if len(whole) < 18 else "ns"
        if "." in text and unit != "s":
            pytest.skip("pandas reads a number with a fraction by way of a double")
        read = pandas.to_datetime(float(text) if "." in text else int(text), unit=unit, utc=True)
    else:
        try:
            zone = next((name for name in ("US/Eastern", "US/Central", EASTERN, "America/Chicago")
                         if text.lower().endswith(" " + name.lower())), None)  # fmt: skip
            plain = text if zone is None else text[: -len(zone) - 1]
            if text[8:9] == "-" and text[:8].isdigit():
                plain = text.replace("-", " ")
            # pandas reads a fraction after a comma, as ISO 8601 writes it, too, only down to microseconds.
            read = pandas.to_datetime(re.sub(r"(?<=\d),(?=\d)", ".", plain))
        except (ValueError, TypeError):
            pytest.skip("pandas has no such spelling")
        if zone is not None:
            read = read.tz_localize(zone)
    read = read.tz_localize("UTC") if read.tzinfo is None else read.tz_convert("UTC")
    assert read.as_unit("ns").value == read_ts(text.encode())


def test_the_day_may_come_first() -> None:
    assert read_ts(b"03/02/2026 14:31:05", day_first=True) == read_ts(b"2026-02-03T14:31:05Z")
    assert read_ts(b"25/02/2026", day_first=True) == read_ts(b"2026-02-25")
    assert read_ts(b"2026/02/25", day_first=True) == read_ts(b"2026-02-25")
    assert read_ts(b"02/25/2026", day_first=True) is None


@pytest.mark.parametrize("zone", [name for name, hours in ZONE_HOURS.items() if hours])
def test_a_zone_has_the_clock_of_the_tz_database(zone: str) -> None:
    zoneinfo = pytest.importorskip("zoneinfo")
    try:
        clock = zoneinfo.ZoneInfo(zone)
    except zoneinfo.ZoneInfoNotFoundError:
        pytest.skip("this machine has no such zone")
    rng = random.Random(5)
    wall = [datetime(rng.randrange(1967, 2100), rng.randrange(1, 13), rng.randrange(1, 29), rng.randrange(24),
                     rng.randrange(60)) for _ in range(2_000)]  # fmt: skip
    for year in (1974, 1975, 1986, 1987, 2006, 2007, 2026):
        for day in daylight_saving_days(year):
            date = datetime.fromtimestamp(day * 86_400, timezone.utc).replace(tzinfo=None)
            wall += [date.replace(hour=hour, minute=minute) for hour in range(5) for minute in (0, 59)]
    for each in wall:
        instant = each.replace(tzinfo=clock).astimezone(timezone.utc)
        exists = instant.astimezone(clock).replace(tzinfo=None) == each
        expected = round(instant.timestamp()) * 10**9 if exists else None
        text = each.isoformat()
        assert read_ts(text.encode(), tz=zone) == expected, text
        assert parse_ts(text, tz=zone) == expected, text
        assert read_ts(f"{each:%Y-%m-%d %H:%M} {zone}".encode()) == expected, text


def test_an_hour_that_is_left_out_is_an_error_and_of_one_shown_twice_the_first_counts() -> None:
    assert time_and_zone(b"2026-03-08 02:30", tz=EASTERN) == "no_hour"
    assert why_no_time("2026-03-08 02:30", tz=EASTERN, day_first=False) == (
        "does not exist: the clock of America/New_York went forward over it"
    )
    assert read_ts(b"2026-11-01 01:30", tz=EASTERN) == read_ts(b"2026-11-01T05:30Z")


DATES = [
    "2026-03-02",
    "20260302",
    "2026/3/2",
    "3/2/2026",
    "13/2/2026",
    "1960-07-01",
    "2026-03-08",
    "20261101",
    "2300-01-01",
]
SEPARATORS = ["T", " ", "  ", "-", ""]
CLOCKS = ["14:31", "02:30:05", "1:30", "143105", "0130", "12:00:00.5", "01:30:00,000000001", "24:00", ""]
TAILS = [
    "",
    "Z",
    " UTC",
    "GMT",
    "+05:30",
    " -04",
    " PM",
    "am",
    " US/Eastern",
    " america/chicago",
    " AM US/Eastern",
    "x",
    " ",
]


@settings(max_examples=600)
@given(
    st.sampled_from(DATES), st.sampled_from(SEPARATORS), st.sampled_from(CLOCKS), st.sampled_from(TAILS),
    st.sampled_from([None, "UTC", EASTERN, "US/Central"]), st.booleans(),
)  # fmt: skip
def test_any_parts_together_are_the_same_time_for_both(
    date: str, separator: str, clock: str, tail: str, tz: str | None, day_first: bool
) -> None:
    text = date + separator + clock + tail
    assert read_ts(text.encode(), tz=tz, day_first=day_first) == parse_ts(text, tz=tz, day_first=day_first)


@given(st.text("0123456789/-:.,TtZz +PMUSEasterncl", max_size=40), st.booleans())
def test_any_text_with_marks_is_the_same_time_for_both(text: str, day_first: bool) -> None:
    assert read_ts(text.encode(), tz=EASTERN, day_first=day_first) == parse_ts(
        text, tz=EASTERN, day_first=day_first
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("52265", "is a number before the epochs of 1990 (it may be seconds of a day)"),
        (
            "86400",
            "is a number before the epochs of 1990 (it may be a row number, or a time without its date)",
        ),
        ("20260302143105", "is not an epoch up to 2261; a date and a time in digits have a T between them"),
        ("25/02/2026", "is not a date; if the day comes first pass --time-order dmy"),
        ("soon", "is not a time such as 2026-03-02T14:30:00Z and no epoch from 1990 on"),
    ],
)
def test_a_sentence_says_what_it_may_be(text: str, sentence: str) -> None:
    assert why_no_time(text, tz=None, day_first=False) == sentence


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20260320", "2026-03-20T13:30:00Z"),
        ("2026-03-20", "2026-03-20T13:30:00Z"),
        ("2026-03-20T00:00:00", "2026-03-20T13:30:00Z"),
        ("2026-03-20T00:00:00Z", "2026-03-20T00:00:00Z"),
        ("03/20/2026", "2026-03-20T13:30:00Z"),
        ("20260320 09:30:00 US/Eastern", "2026-03-20T13:30:00Z"),
        ("ESH26", "2026-03-20T13:30:00Z"),
        ("1774013400", "2026-03-20T13:30:00Z"),
    ],
)
def test_an_expiry_is_spelled_as_a_time_and_a_date_is_the_opening(text: str, expected: str) -> None:
    assert iso_time(calendar.read_expiry(text)) == expected


def test_zones_and_orders_are_checked() -> None:
    assert check_zone(None) is None
    assert check_zone("us/eastern") == "US/Eastern"
    assert check_order("dmy") == "dmy"
    for wrong in ("Europe/London", "", 5, ["UTC"]):
        with pytest.raises(ConfigError, match="tz is"):
            check_zone(wrong)
    for wrong in ("ymd", None, 1):
        with pytest.raises(ConfigError, match="time_order is"):
            check_order(wrong)
