"""The rolling numbers of a backtest's page, against sums and ratios written out."""

import math
import statistics

import pytest

import arbcore
from arbcore.pages.rolling import DATES, rolling_numbers, rolling_section

DAY_NS = 86_400 * 10**9
FIRST_NS = 1_772_409_600 * 10**9  # 2026-03-02 00:00 UTC


def closes_of(changes: list[float]) -> list[float]:
    return [math.fsum(changes[: at + 1]) for at in range(len(changes))]


def on_dates(closes: list[float]) -> list[tuple[int, float]]:
    return [(FIRST_NS + (at + 1) * DAY_NS, close) for at, close in enumerate(closes)]


def test_each_window_is_the_change_and_the_ratio_of_its_own_dates() -> None:
    changes = [3.0 * math.sin(at) + (10.0 if at < 40 else 0.0) for at in range(150)]
    found = rolling_numbers(closes_of(changes))
    assert len(found) == 150 - DATES + 1
    for at, (pnl, sharpe) in enumerate(found):
        window = changes[at : at + DATES]
        assert pnl == pytest.approx(sum(window))
        assert sharpe == pytest.approx(statistics.mean(window) / statistics.stdev(window) * math.sqrt(252))


@pytest.mark.parametrize(("dates", "points"), [(0, 0), (1, 0), (59, 0), (60, 1), (61, 2), (2_000, 1_941)])
def test_they_begin_with_the_60th_date(dates: int, points: int) -> None:
    closes = closes_of([float(at % 7) for at in range(dates)])
    assert len(rolling_numbers(closes)) == points
    assert len(rolling_section(on_dates(closes))) == (points > 0)


def test_a_stretch_without_a_trade_has_no_ratio_and_breaks_the_curve() -> None:
    changes = [5.0, -3.0] * 30 + [0.0] * 60 + [2.0, -1.0] * 30
    found = rolling_numbers(closes_of(changes))
    assert found[60] == (0.0, None)
    [markup] = rolling_section(on_dates(closes_of(changes)))
    assert "2026-06-29  none" in str(markup)
    flat = rolling_section(on_dates([0.0] * 60))
    assert "There is no ratio, since equity never changed." in str(flat[0])


def test_of_many_dates_the_last_one_is_always_drawn() -> None:
    closes = closes_of([1.0 + at % 3 for at in range(1_777)])
    [markup] = rolling_section(on_dates(closes))
    last = rolling_numbers(closes)[-1][0]
    assert f"Last {last:,.2f}" in str(markup)


def test_a_page_has_them_from_60_dates_on() -> None:
    def page(dates: int) -> str:
        times = [FIRST_NS + at * DAY_NS + 15 * 3_600 * 10**9 for at in range(dates)]
        future = [6_000.0 if at % 2 else 6_030.0 for at in range(dates)]
        quotes = {
            "ts": times, "es_bid": future, "es_ask": [each + 0.25 for each in future],
            "spy_bid": [600.0] * dates, "spy_ask": [600.01] * dates,
        }  # fmt: skip
        settings = {"factor": 10.0, "r": 0.0, "d": 0.0, "entry_bps": 3}
        return arbcore.backtest(quotes, expiry="2026-12-18", report=True, **settings).to_html()

    assert "The last 60 dates, date by date" not in page(59)
    assert "The last 60 dates, date by date" in page(60)
