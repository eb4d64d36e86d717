"""Trading days and expiries against calendars made elsewhere, and the cases that rules get wrong."""

import pytest
from market_data import rows_of

from arbcore.carry import calendar
from arbcore.core import civil
from arbcore.errors import InputError, UsageError

HOUR = civil.NS_PER_HOUR


def day(text: str) -> int:
    return civil.read_date(text)


def test_all_listed_expiries() -> None:
    rows = rows_of("es_quarterly_expiries_2000_2035.csv")
    assert len(rows) == 144
    for row in rows:
        contract = calendar.contract(int(row["year"]), int(row["month"]))
        assert (contract.code, civil.iso_date(contract.expiry_day)) == (row["contract"], row["expiry"])


def test_all_listed_closed_weekdays() -> None:
    listed = [row["date"] for row in rows_of("nyse_closed_weekdays_2000_2035.csv")]
    ours = [civil.iso_date(day) for year in range(2000, 2036) for day in sorted(calendar.holidays(year))]
    assert ours == listed


def test_all_listed_early_closes() -> None:
    listed = {row["date"]: row["close_utc"] for row in rows_of("nyse_early_closes_2000_2035.csv")}
    ours = {}
    for each in range(day("2000-01-01"), day("2036-01-01")):
        clock_ns = calendar.close_clock_ns(each)
        if clock_ns not in {None, calendar.CLOSE_CLOCK_NS}:
            ours[civil.iso_date(each)] = civil.iso_time(civil.new_york_to_utc(each, clock_ns))
    assert ours == listed


@pytest.mark.parametrize(
    ("code", "date"),
    [("ESH08", "2008-03-20"), ("ESM26", "2026-06-18"), ("ESM27", "2027-06-17"), ("ESM32", "2032-06-17"),
     ("ESZ13", "2013-12-20"), ("ESH14", "2014-03-21"), ("ESZ97", "1997-12-19")],
)  # fmt: skip
def test_expiry_moves_before_a_holiday(code: str, date: str) -> None:
    assert civil.iso_date(calendar.contract_of_code(code).expiry_day) == date


def test_contracts_expire_at_half_past_nine_in_new_york_summer_and_winter() -> None:
    assert civil.iso_time(calendar.contract_of_code("ESZ26").expiry_ns) == "2026-12-18T14:30:00Z"
    assert civil.iso_time(calendar.contract_of_code("ESM26").expiry_ns) == "2026-06-18T13:30:00Z"
    # In 2006 the third Friday of March was still winter time, a year later it was summer time.
    assert civil.iso_time(calendar.contract_of_code("ESH06").expiry_ns) == "2006-03-17T14:30:00Z"
    assert civil.iso_time(calendar.contract_of_code("ESH07").expiry_ns) == "2007-03-16T13:30:00Z"


def test_front_contract_changes_at_its_expiry() -> None:
    expiry_ns = calendar.contract_of_code("ESU26").expiry_ns
    assert calendar.front_contract(expiry_ns - 1).code == "ESU26"
    assert calendar.front_contract(expiry_ns).code == "ESZ26"
    assert calendar.front_contract(expiry_ns, offset=1).code == "ESH27"


@pytest.mark.parametrize("text", ["1990-01-01T00:00Z", "2261-12-30T00:00Z"])
def test_no_contract_is_made_up(text: str) -> None:
    with pytest.raises(UsageError, match="name the expiry"):
        calendar.front_contract(civil.read_time(text))


@pytest.mark.parametrize("code", ["", "ES", "ESF26", "ESZ6", "ESZ2026", "NQZ26", "ESZ２6"])
def test_a_code_that_is_none_is_an_input_error(code: str) -> None:
    with pytest.raises(InputError, match="not a quarterly ES contract"):
        calendar.contract_of_code(code)


def test_no_quarterly_contract_of_another_month() -> None:
    with pytest.raises(UsageError, match="take 3, 6, 9 or 12"):
        calendar.quarterly_expiry(2026, 1)
    with pytest.raises(UsageError, match="from 1997"):
        calendar.quarterly_expiry(1996, 12)


def test_an_expiry_may_be_a_date_a_time_or_a_code() -> None:
    opening = "2026-12-18T14:30:00Z"
    for text in ("2026-12-18", "ESZ26", " esz26 ", opening, "2026-12-18T09:30-05:00"):
        assert civil.iso_time(calendar.read_expiry(text)) == opening


def test_a_closed_day_has_no_close() -> None:
    assert calendar.close_clock_ns(day("2026-06-19")) is None
    assert calendar.close_clock_ns(day("2026-06-20")) is None
    assert calendar.close_clock_ns(day("2026-06-18")) == 16 * HOUR
    assert calendar.close_clock_ns(day("2026-11-27")) == 13 * HOUR


def test_the_date_in_new_york_is_not_the_date_in_utc() -> None:
    assert civil.iso_date(calendar.trading_date(civil.read_time("2026-01-05T04:59Z"))) == "2026-01-04"


@pytest.mark.parametrize(
    ("text", "before"),
    [("2026-12-25", "2026-12-24"), ("2026-06-19", "2026-06-18"), ("2026-12-20", "2026-12-18"),
     ("2026-04-03", "2026-04-02"), ("2012-10-30", "2012-10-26")],
)  # fmt: skip
def test_no_contract_expires_at_the_opening_of_a_day_without_one(text: str, before: str) -> None:
    with pytest.raises(UsageError, match=f"{text} is a .* the trading day before is {before}"):
        calendar.read_open_expiry(text)
    assert calendar.read_open_expiry(f"{text}T20:00Z") == calendar.read_expiry(f"{text}T20:00Z")
    assert calendar.read_open_expiry(before) == calendar.read_expiry(before)


@pytest.mark.parametrize("instant_ns", [-(2**63), -1, 0, 2**63 - 1])
def test_any_instant_may_be_asked_about(instant_ns: int) -> None:
    assert calendar.why_no_expiry(instant_ns) is None
