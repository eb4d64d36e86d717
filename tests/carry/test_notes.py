"""Plausibility: each sentence at its bound and beyond it, outliers, and what a level implies."""

import math

import pytest

from arbcore.carry import notes
from arbcore.carry.fair import Payment
from arbcore.carry.level import LevelMode
from arbcore.carry.pairs import PAIRS, pair_named
from arbcore.core.civil import NS_PER_DAY, read_time

NOW_NS = read_time("2026-03-02T15:00:00Z")


@pytest.mark.parametrize(
    ("mode", "median", "said"),
    [
        (LevelMode.NUMBER, 50.0, False),
        (LevelMode.NUMBER, 50.1, True),
        (LevelMode.COLUMN, -51.0, True),
        (LevelMode.NUMBER, None, False),
        (LevelMode.TRACK, 500.0, False),
        (LevelMode.AUTO, 500.0, False),
    ],
)
def test_a_deviation_throughout(mode: LevelMode, median: float | None, said: bool) -> None:
    assert (notes.deviation_note(mode, median) is not None) == said


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_a_level_that_is_another_pairs(pair: notes.Pair) -> None:
    points = pair.points_per_usd
    assert notes.level_note(pair, None) is None
    assert notes.level_note(pair, points * 1.0199) is None
    assert pair.name in (notes.level_note(pair, points * 1.0201) or "")
    assert notes.level_note(pair, points * 0.9799) is not None


def test_financing_that_is_no_markets() -> None:
    assert notes.financing_note(None, 0.04) is None
    assert notes.financing_note(0.089, 0.04) is None
    assert "9.10%" in (notes.financing_note(0.091, 0.04) or "")


def test_an_expiry_too_far_away() -> None:
    assert notes.expiry_note(NOW_NS + 400 * NS_PER_DAY, NOW_NS) is None
    assert "401 days" in (notes.expiry_note(NOW_NS + 401 * NS_PER_DAY, NOW_NS) or "")


def test_a_schedule_that_does_not_reach_the_expiry() -> None:
    assert notes.schedule_note(None, NOW_NS) is None
    assert notes.schedule_note(NOW_NS, None) is None
    assert notes.schedule_note(NOW_NS, NOW_NS) is None
    assert notes.schedule_note(NOW_NS - 1, NOW_NS) == (
        "The schedule of dividends ends on 2026-03-02, before the expiry 2026-03-02T15:00:00Z; what goes ex "
        "after it is neither in the fair value nor booked."
    )


def test_sentences_about_counts() -> None:
    assert notes.outlier_note(0, None) is None
    assert notes.outlier_note(1, NOW_NS) == (
        "1 row stands more than 10 bps off the rows before and after, the first at 2026-03-02T15:00:00Z: bad "
        "prints; --drop-outliers leaves them out."
    )
    assert (notes.outlier_note(4, NOW_NS) or "").startswith("4 rows stand more")
    assert notes.sharpe_note(20) is None
    assert "19 dates; they need at least 20" in (notes.sharpe_note(19) or "")
    assert notes.time_zone_note(False) is None
    assert "--tz" in (notes.time_zone_note(True) or "")


def test_why_nothing_was_traded() -> None:
    edge, deviation = notes.LargestEdge(1.164, NOW_NS), notes.Quantiles(-0.6, 0.01, 0.7)
    assert notes.no_trade_note(edge, entry_bps=3.0, cost_bps=0.5, deviation=deviation) == (
        "Nothing was traded: the largest edge after costs was 0.66 bps at 2026-03-02T15:00:00Z, and 3 were "
        "wanted; the deviation was -0.60 to +0.70 bps on nine of ten rows, +0.01 in the middle; on ordinary "
        "days there is nothing to take."
    )
    assert "no row" in notes.no_trade_note(None, entry_bps=3.0, cost_bps=0.5, deviation=None)


def test_dividends_that_are_missing() -> None:
    assert notes.missing_dividend_note(PAIRS[0], 0, 0.0) is None
    said = notes.missing_dividend_note(pair_named("nq-qqq"), 2, -1_020.0) or ""
    assert "2 ex-dates of QQQ" in said
    assert "about 1,020 USD in all" in said


# --- outliers --------------------------------------------------------------------------------------------

UP, DOWN = 10.0 * (1 + 11e-4), 10.0 * (1 - 11e-4)


@pytest.mark.parametrize(
    ("xs", "found"),
    [
        ([], []),
        ([10.0], []),
        ([10.0, UP], []),
        ([10.0, UP, 10.0], [1]),
        ([10.0, DOWN, 10.0], [1]),
        ([10.0, UP, UP, 10.0], [1, 2]),
        ([10.0, UP, UP, UP, 10.0], [1, 2, 3]),
        ([10.0, UP, UP, UP, UP, 10.0], []),  # four are a market that moved
        ([10.0, UP, DOWN, 10.0], [1, 2]),  # each stands alone
        ([UP, 10.0, 10.0], []),  # the first and the last never
        ([10.0, 10.0, UP], []),
        ([UP, 10.0, UP], [1]),
        ([10.0, UP, 10.0, UP, 10.0], [1, 3]),
        ([10.0, 10.0 * (1 + 9e-4), 10.0], []),
        ([10.0, UP, UP, UP * 1.002, UP, UP], [3]),  # a jump that stays, and a print above it
        ([10.0, UP, 10.0, 10.0, DOWN, DOWN, 10.0], [1, 4, 5]),
    ],
)
def test_outliers(xs: list[float], found: list[int]) -> None:
    assert notes.outliers(xs) == found


# --- what a level implies --------------------------------------------------------------------------------


@pytest.mark.parametrize("spread", [-0.01, 0.0, 0.012])
def test_the_financing_that_a_level_implies_is_what_made_it(spread: float) -> None:
    t, r, d, factor = 0.2, 0.04, 0.012, 10.03
    level = factor * math.exp(spread * t)
    found = notes.implied_financing(level, etf_mid=690.0, t=t, r=r, d=d, true_factor=factor)
    assert found == pytest.approx(r + spread, abs=1e-12)
    assert notes.implied_financing(level, etf_mid=690.0, t=0.0, r=r, d=d, true_factor=factor) is None


def test_the_financing_that_a_level_implies_under_a_schedule() -> None:
    t, r, true_r, factor, etf = 0.2, 0.04, 0.05, 10.03, 690.0
    payment = Payment(20_000, 18.0, 0.1)  # points of the true index
    future = (factor * etf - 18.0 * math.exp(-true_r * 0.1)) * math.exp(true_r * t)
    paid = 18.0 / factor * math.exp(-r * 0.1)
    level = future / ((etf - paid) * math.exp(r * t))
    found = notes.implied_financing(
        level, etf_mid=etf, t=t, r=r, d=0.0, true_factor=factor, paid=paid, payments=[payment]
    )
    assert found == pytest.approx(true_r, abs=1e-10)
