"""Rates and dividends as people give them: every form, and each mistake in one sentence with its line."""

import math

import pytest
from market_data import data_file

from arbcore.carry.calendar import expiry_instant
from arbcore.carry.terms import (
    Quoting,
    Yields,
    check_dividends,
    expiry_named,
    expiry_of_code,
    parse_yields,
    payments_between,
    read_dividends,
    read_rates,
)
from arbcore.core.civil import read_date, read_time
from arbcore.errors import ConfigError, DataError, InputError


def lines(*rows: str) -> list[str]:
    return [f"{row}\r\n" for row in rows]


# --- rates -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "rate"),
    [
        ("2026-03-03T14:30:00Z", 0.04),  # of the day before
        ("2026-03-03T04:59:59Z", None),  # New York's date is still the second
        ("2026-03-03T05:00:00Z", 0.04),
        ("2026-03-04T20:00:00Z", 0.05),
        ("2026-03-11T20:00:00Z", 0.06),
    ],
)
def test_a_row_takes_the_last_rate_dated_before_its_new_york_date(at: str, rate: float | None) -> None:
    history = read_rates(
        lines("date,rate", "2026-03-04,0.06", "2026-03-02,0.04", "", "2026-03-03,0.05"), name="curve.csv"
    )
    assert history.quoting is Quoting.CONTINUOUS
    if rate is None:
        with pytest.raises(InputError, match=r"^curve.csv begins on 2026-03-02, and the row .*\.$"):
            history.at(read_time(at), 0.1)
    else:
        assert history.at(read_time(at), 0.1) == rate


def test_rates_older_than_a_week_are_none() -> None:
    history = read_rates(lines("date,rate", "2026-03-02,0.04"), name="curve.csv")
    assert history.at(read_time("2026-03-09T15:00:00Z"), 0.1) == 0.04
    with pytest.raises(InputError, match="no rate within 7 days"):
        history.at(read_time("2026-03-10T15:00:00Z"), 0.1)


def test_bills_and_overnight_rates_are_turned_into_continuous_ones() -> None:
    bills = read_rates(lines("observation_date,DTB3", "2026-03-02,3.63", "2026-03-03,."), name="DTB3.csv")
    assert bills.at(read_time("2026-03-04T15:00:00Z"), 0.3) == pytest.approx(0.03697, abs=5e-6)
    overnight = read_rates(lines("observation_date,SOFR", "2026-03-02,3.60"), name="SOFR.csv")
    at = read_time("2026-03-03T15:00:00Z")
    assert overnight.at(at, 0.25) == pytest.approx(math.log(1 + 0.036 * 0.25 * 365 / 360) / 0.25)
    assert overnight.at(at, 0.0) == pytest.approx(0.036 * 365 / 360)


def test_feds_own_files_are_read() -> None:
    with data_file("DTB3_1954_2026.csv").open(encoding="utf-8") as file:
        bills = read_rates(file, name="DTB3.csv")
    assert 0.0 < bills.at(read_time("2013-10-09T15:00:00Z"), 0.2) < 0.002
    with data_file("SOFR_2018_2026.csv").open(encoding="utf-8") as file:
        assert len(read_rates(file, name="SOFR.csv").days) > 1_900


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "line 1: the header"),
        (["when,rate"], "line 1: the header"),
        (["date,rate,DTB3"], "line 1: the header"),
        (["date,rate"], "has no rate"),
        (["observation_date,DTB3", "2026-03-02,."], "has no rate"),
        (["date,rate", "2026-02-30,0.04"], "line 2: "),
        (["date,rate", "2026-03-02,high"], "line 2: no number: 'high'"),
        (["date,rate", "2026-03-02,nan"], "line 2: "),
        (["date,rate", "2026-03-02"], "line 2: the row has too few fields"),
        (["date,rate", "2026-03-02,0.04", "2026-03-02,0.05"], "line 3: 2026-03-02 comes twice"),
        (["observation_date,DTB3", "2026-03-02,400"], "line 2: "),
        (["date,rate", "2026-03-02,4.3"], "line 2: 4.3 is no decimal from -1 to 1"),  # percent
        (["date,SOFR", "2026-03-02,101"], "line 2: 1.01 is no decimal from -1 to 1"),
    ],
)
def test_rates_that_cannot_be_read(rows: list[str], words: str) -> None:
    with pytest.raises(DataError, match=f"^r.csv {words}") as error:
        read_rates(lines(*rows), name="r.csv")
    assert str(error.value).endswith(".")


# --- yields ----------------------------------------------------------------------------------------------


def test_a_yield_and_contracts_own() -> None:
    assert parse_yields(0.014) == Yields(0.014, {})
    found = parse_yields("0.013,ESH26:0.011, MESM26:0.012")
    assert found.of(expiry_instant(read_date("2026-03-20"))) == 0.011
    assert found.of(expiry_instant(read_date("2026-06-18"))) == 0.012
    assert found.of(expiry_instant(read_date("2026-09-18"))) == 0.013
    alone = parse_yields("ESH26:0.011,ESM26:0.012")
    assert alone.of(expiry_instant(read_date("2026-06-18"))) == 0.012
    assert alone.of(expiry_instant(read_date("2026-09-18"))) == 0.014


@pytest.mark.parametrize(
    ("code", "day"),
    [("ESH26", "2026-03-20"), ("m2km26", "2026-06-18"), ("MYMZ25", "2025-12-19"), ("NQU30", "2030-09-20")],
)
def test_codes_of_any_future(code: str, day: str) -> None:
    assert expiry_of_code(code) == expiry_named(code) == expiry_instant(read_date(day))


def test_what_is_no_code_may_be_another_expiry() -> None:
    assert expiry_of_code("CLH26") is None
    assert expiry_named("2026-03-20") == expiry_instant(read_date("2026-03-20"))
    with pytest.raises(InputError):
        expiry_named("CLH26")


@pytest.mark.parametrize(
    "text",
    ["", "x", "0.01,", "0.01,0.02", "0.01,ESH26:x", "0.01,ESH26:0.01,MESH26:0.02",
     "0.01,CLH26:0.01", "0.01,ESF26:0.01", "0.01,ESH2026:0.01", "nan", "500", "1.4",
     "0.01,ESH26:1.1"],
)  # fmt: skip
def test_yields_that_cannot_be_read(text: str) -> None:
    with pytest.raises(ConfigError, match=r"\.$"):
        parse_yields(text)


# --- a schedule ------------------------------------------------------------------------------------------


def test_a_schedule_in_dollars_and_points() -> None:
    found = read_dividends(
        lines(
            "\ufeffUnit,EX_DATE,amount,note",
            "points,2026-06-18,18.5,x",
            ",2026-03-20,1.8,",
            "USD,2026-09-18,0,",
        ),
        name="d.csv",
    )
    assert [(each.amount, each.points) for each in found] == [(1.8, False), (18.5, True), (0.0, False)]
    assert found[0].ex_ns == read_time("2026-03-20T13:30:00Z")
    plain = read_dividends(lines("ex_date,amount", "2026-03-20,1.8"), name="d.csv")
    assert plain == found[:1]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "line 1: the header"),
        (["date,amount"], "line 1: the header"),
        (["ex_date,amount"], "has no dividend"),
        (["ex_date,amount", "2026-03-20,-1"], "line 2: -1 is no amount"),
        (["ex_date,amount", "2026-03-20,inf"], "line 2: inf is no amount"),
        (["ex_date,amount", "2026-03-20,"], "line 2: no number"),
        (["ex_date,amount", "20 March,1"], "line 2: "),
        (["ex_date,amount", "2026-03-20"], "line 2: the row has too few fields"),
        (["ex_date,amount,unit", "2026-03-20,1,eur"], "line 2: 'eur' is not a unit"),
        (
            ["ex_date,amount", "2026-03-20,1", "2026-06-18,1", "2026-03-20,1"],
            "line 4: 2026-03-20 comes twice",
        ),
    ],
)
def test_schedules_that_cannot_be_read(rows: list[str], words: str) -> None:
    with pytest.raises(DataError, match=f"^d.csv {words}") as error:
        read_dividends(lines(*rows), name="d.csv")
    assert str(error.value).endswith(".")


def test_a_schedule_against_the_data() -> None:
    found = read_dividends(
        lines("ex_date,amount,unit", "2026-03-20,68,usd", "2026-06-18,680,points"), name="d.csv"
    )
    given = {"name": "d.csv", "etf_price": 680.0, "index": 6_800.0}
    check_dividends(found, first_ns=read_time("2026-01-05T15:00:00Z"), **given)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"d.csv line 2: .* 2026-03-20 is 68 USD at a price of 679\.00; "):
        check_dividends(found, first_ns=0, name="d.csv", etf_price=679.0, index=6_800.0)
    with pytest.raises(InputError, match="2026-06-18 is 680 points"):
        check_dividends(found, first_ns=0, name="d.csv", etf_price=680.0, index=6_790.0)
    with pytest.raises(InputError, match="ends on 2026-06-18, before the data"):
        check_dividends(found, first_ns=read_time("2026-06-19T15:00:00Z"), **given)  # type: ignore[arg-type]


EXPIRY_NS = expiry_instant(read_date("2026-12-18"))


def test_a_dividend_on_the_expiry_date_counts_and_one_after_does_not() -> None:
    found = read_dividends(
        lines("ex_date,amount,unit", "2026-12-18,19,points", "2026-12-21,1,points"), name="d.csv"
    )
    (payment,) = payments_between(found, EXPIRY_NS - 73 * 86_400 * 10**9, EXPIRY_NS, factor=10.0)
    assert (payment.points, payment.t, payment.ex_day) == (19.0, 0.2, read_date("2026-12-18"))
    assert payment.present_value(0.05) == pytest.approx(19 * math.exp(-0.01), rel=1e-14)


def test_a_dividend_is_gone_at_its_ex_instant_and_dollars_are_points_by_the_factor() -> None:
    found = read_dividends(lines("ex_date,amount", "2026-11-20,2"), name="d.csv")
    ex_ns = read_time("2026-11-20T09:30-05:00")
    assert [each.points for each in payments_between(found, ex_ns - 1, EXPIRY_NS, factor=10.05)] == [20.1]
    assert payments_between(found, ex_ns, EXPIRY_NS, factor=10.05) == ()


def test_the_etfs_own_dividends_are_read() -> None:
    with data_file("SPY_dividends_1993_2026.csv").open(encoding="utf-8") as file:
        real = read_dividends(file, name="SPY.csv")
    assert (len(real), real[0].ex_ns) == (136, expiry_instant(read_date("1993-03-19")))
