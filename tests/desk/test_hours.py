"""The broker's text of trading hours becomes instants, and nothing else does."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbcore.core.civil import read_time
from arbcore.desk.hours import read_hours, within
from arbcore.errors import InputError


def at(text: str) -> int:
    return read_time(text)


def test_spans_are_read_in_the_contracts_own_zone() -> None:
    fut = read_hours("20261120:0830-20261120:1500;20261121:CLOSED", "US/Central")
    etf = read_hours("20261120:0930-20261120:1600", "US/Eastern")
    assert fut == etf == ((at("2026-11-20T14:30:00Z"), at("2026-11-20T21:00:00Z")),)


def test_the_clock_goes_forward_and_back() -> None:
    days = ("20260306", "20260309", "20261030", "20261102")
    text = ";".join(f"{day}:0930-{day}:1600" for day in days)
    starts = [start for start, _ in read_hours(text, "America/New_York")]
    assert starts == [
        at("2026-03-06T14:30:00Z"), at("2026-03-09T13:30:00Z"), at("2026-10-30T13:30:00Z"),
        at("2026-11-02T14:30:00Z"),
    ]  # fmt: skip


def test_a_session_over_midnight_and_touching_ones_are_one_span() -> None:
    hours = read_hours("20261119:1700-20261120:1600;20261120:1600-20261120:1700", "America/Chicago")
    assert hours == ((at("2026-11-19T23:00:00Z"), at("2026-11-20T23:00:00Z")),)


def test_older_gateways_write_spans_after_commas() -> None:
    hours = read_hours("20090507:0700-1830,1900-2330;20090508:CLOSED", "EST (Eastern Standard Time)")
    clocks = {"10:59": False, "11:00": True, "22:29": True, "22:30": False, "23:00": True}
    assert {clock: within(hours, at(f"2009-05-07T{clock}Z")) for clock in clocks} == clocks
    assert not within(hours, at("2009-05-08T12:00Z"))


def test_the_end_is_not_within() -> None:
    hours = read_hours("20261120:0930-20261120:1600", "US/Eastern")
    assert within(hours, at("2026-11-20T20:59:59.999999999Z"))
    assert not within(hours, at("2026-11-20T21:00:00Z"))
    assert not within((), at("2026-11-20T21:00:00Z"))


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("20261120:0930-20261120:1600", "Europe/Berlin"),
        ("20261131:0930-20261131:1600", "US/Eastern"),
        ("20261120:0930", "US/Eastern"),
        ("0930-1600", "US/Eastern"),
        ("20261120:1600-20261120:0930", "US/Eastern"),
        ("20261120:2500-20261121:0930", "US/Eastern"),
        ("20261120:0960-20261120:1600", "US/Eastern"),
        ("2026:CLOSED", "US/Eastern"),
        (";".join(["20261120:CLOSED"] * 500), "US/Eastern"),
    ],
)
def test_what_is_no_hours_is_refused_with_a_sentence(text: str, zone: str) -> None:
    with pytest.raises(InputError) as caught:
        read_hours(text, zone)
    assert str(caught.value).endswith(".")


@given(st.text(alphabet="0123456789:-;,CLOSED ", max_size=60) | st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        hours = read_hours(text, "US/Eastern")
    except InputError:
        return
    assert all(start < end for start, end in hours)
    assert all(first[1] < second[0] for first, second in pairwise(hours))
