"""Which dividends count, what they are worth, and how a schedule's file may look."""

import math

import pytest
from market_data import data_file

from arbcore.carry.calendar import contract_of_code
from arbcore.carry.dividends import Dividend, Schedule, YieldPerExpiry, read_schedule
from arbcore.carry.rates import ConstantRate
from arbcore.core import civil
from arbcore.errors import InputError, UsageError

EXPIRY = contract_of_code("ESZ26")


def schedule(*points: tuple[str, float]) -> Schedule:
    return Schedule(tuple(Dividend(civil.read_date(date), worth) for date, worth in points))


def test_a_dividend_on_the_expiry_date_counts_and_one_after_does_not() -> None:
    both = schedule(("2026-12-18", 19.0), ("2026-12-21", 1.0))
    payments = both.between(EXPIRY.expiry_ns - 86_400 * 10**9, EXPIRY.expiry_ns)
    assert [each.points for each in payments] == [19.0]


def test_a_dividend_is_gone_at_its_ex_instant() -> None:
    one = schedule(("2026-11-20", 2.0))
    ex_ns = civil.read_time("2026-11-20T09:30-05:00")
    assert one.dividends[0].ex_ns == ex_ns
    assert len(one.between(ex_ns - 1, EXPIRY.expiry_ns)) == 1
    assert one.between(ex_ns, EXPIRY.expiry_ns) == ()


def test_present_value_is_discounted_to_the_ex_instant() -> None:
    ex_ns = civil.read_time("2026-12-18T14:30Z")
    (payment,) = schedule(("2026-12-18", 20.0)).between(ex_ns - 73 * 86_400 * 10**9, ex_ns)
    assert payment.t == 0.2
    assert payment.present_value(ConstantRate(0.05)) == pytest.approx(20 * math.exp(-0.01), rel=1e-14)


def test_a_yield_for_each_expiry() -> None:
    yields = YieldPerExpiry({EXPIRY.expiry_day: 0.012}, default=0.014)
    assert (yields.of(EXPIRY.expiry_day), yields.of(EXPIRY.expiry_day + 91)) == (0.012, 0.014)


def test_points_are_points_and_dollars_a_share_are_multiplied() -> None:
    points = read_schedule(["ex_date,points\n", "2026-12-18,20\n"], name="f", factor=10.0)
    lines = ['\ufeff"Amount", EX_DATE ,x\r\n', "2,2026-12-18,\r\n", "\r\n"]
    dollars = read_schedule(lines, name="f", factor=10.0)
    assert points == dollars == schedule(("2026-12-18", 20.0))


def test_rows_may_come_in_any_order() -> None:
    read = read_schedule(["ex_date,points", "2026-12-18,2", "2026-03-20,1"], name="f", factor=1.0)
    assert read == schedule(("2026-03-20", 1.0), ("2026-12-18", 2.0))


def test_the_real_dividends_are_read() -> None:
    with data_file("SPY_dividends_1993_2026.csv").open(encoding="utf-8") as lines:
        real = read_schedule(lines, name="f", factor=10.0)
    assert len(real.dividends) == 136
    assert real.dividends[0] == Dividend(civil.read_date("1993-03-19"), pytest.approx(2.13))


@pytest.mark.parametrize(
    ("lines", "part"),
    [
        ([], "f is empty"),
        (["ex_date,size"], "f line 1: the header needs"),
        (["ex_date,points,amount"], "f line 1: the header needs"),
        (["ex_date,ex_date,points"], "f line 1: the header needs"),
        (["ex_date,points", "2026-12-18"], "f line 2: the row has too few fields"),
        (["ex_date,points", "18.12.2026,1"], "f line 2, column ex_date: '18.12.2026' is not a date"),
        (["ex_date,points", "", "2026-12-18,x\x1b"], r"f line 3: 'x\x1b' is not a dividend"),
        (["ex_date,points", "2026-12-18,-1"], "'-1' is not a dividend"),
        (["ex_date,points", "2026-12-18,inf"], "'inf' is not a dividend"),
        (["ex_date,points", "2026-12-18,nan"], "'nan' is not a dividend"),
        (["ex_date,points", "2026-12-18,1", "2026-09-18,1", "2026-12-18,2"], "f line 4: 2026-12-18 was in"),
        (["ex_date,points", "2026-12-18,1", "2026-12-18,1"], "give one dividend a date"),
        (["ex_date,points", "2026-12-18,680.1"], "f line 2: a dividend of 680.1 is more than a tenth"),
        (["ex_date,amount", "2026-12-18,170.1"], "USD a SPY share in a column amount"),
        (["ex_date,points\n", f'2026-12-18,"{"1" * 200_000}"'], "f line 2: field larger"),
    ],
)
def test_a_bad_file_is_an_input_error_that_says_where(lines: list[str], part: str) -> None:
    with pytest.raises(InputError) as caught:
        read_schedule(lines, name="f", factor=4.0, index=6_800.0)
    assert part in str(caught.value)


def test_a_schedule_is_in_order_and_never_negative() -> None:
    with pytest.raises(UsageError, match="sort it"):
        schedule(("2026-12-18", 1.0), ("2026-03-20", 1.0))
    with pytest.raises(UsageError, match="two dividends on 2026-12-18"):
        schedule(("2026-12-18", 1.0), ("2026-12-18", 1.0))
    with pytest.raises(UsageError, match="0 points or more"):
        schedule(("2026-12-18", -1.0))
