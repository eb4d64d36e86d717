"""The desk's two clocks: neither goes back, and a wall clock that leaps is not believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbcore.core.civil import read_date, read_time
from arbcore.desk.market_clock import MarketClock, day_of

SECOND = 10**9
START = read_time("2026-03-02T15:00:00Z")


def make_clock(*, replay: bool = False) -> MarketClock:
    clock = MarketClock(slip_ns=5 * SECOND, replay=replay)
    clock.advance(0, START)
    return clock


@given(st.lists(st.tuples(st.integers(-10, 60 * SECOND), st.integers(-7_200, 7_200)), max_size=20))
def test_time_never_goes_back_and_never_leaps(steps: list[tuple[int, int]]) -> None:
    clock = make_clock()
    now_ns = 0
    for elapsed_ns, skew_s in steps:
        now_ns += elapsed_ns
        before_now, before_utc = clock.now_ns, clock.utc_ns
        clock.advance(now_ns, START + now_ns + skew_s * SECOND)
        assert clock.now_ns >= before_now
        assert 0 <= clock.utc_ns - before_utc <= max(elapsed_ns, 0) + 5 * SECOND
        assert clock.slipped == (
            abs(START + now_ns + skew_s * SECOND - before_utc - max(elapsed_ns, 0)) > 5 * SECOND
        )


def test_the_brokers_clock_settles_which_of_the_two_is_right() -> None:
    clock = make_clock()
    clock.advance(SECOND, START + 3_600 * SECOND)
    assert clock.slipped
    clock.compare(START + 3_600 * SECOND)
    assert not clock.slipped
    assert clock.utc_ns == START + 3_600 * SECOND
    clock.compare(START)
    assert clock.slipped
    assert clock.utc_ns == START


def test_a_replay_goes_at_any_pace() -> None:
    clock = make_clock(replay=True)
    clock.advance(1, START + 86_400 * SECOND)
    assert not clock.slipped
    assert clock.pace_ns == clock.utc_ns == START + 86_400 * SECOND


@pytest.mark.parametrize("time_ns", [2**62, -(2**62), 2**63, -(2**63) - 1])
def test_a_time_two_centuries_away_is_refused(time_ns: int) -> None:
    clock = MarketClock(slip_ns=1, replay=False)
    for now_ns, utc_ns in ((time_ns, 0), (0, time_ns)):
        with pytest.raises(OverflowError):
            clock.advance(now_ns, utc_ns)
    with pytest.raises(OverflowError):
        clock.compare(time_ns)
    edge_ns = 2**62 - 1
    clock.advance(-edge_ns, edge_ns)
    with pytest.raises(OverflowError):
        clock.advance(edge_ns, edge_ns)


def test_a_day_is_new_yorks() -> None:
    day, begins, ends = day_of(read_time("2026-03-08T04:59:59Z"))
    assert (day, begins, ends) == (
        read_date("2026-03-07"), read_time("2026-03-07T05:00:00Z"), read_time("2026-03-08T05:00:00Z")
    )  # fmt: skip
    # The day on which the clocks go forward has 23 hours.
    _, begins, ends = day_of(ends)
    assert ends - begins == 23 * 3_600 * SECOND
