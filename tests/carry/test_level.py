"""The level: how it is asked for, the tracked one step by step, markets that are fair, and its twin."""

import math
import random

import pytest
from fair_market import Market, fair_rows
from hypothesis import given
from hypothesis import strategies as st
from reference import level as twin

from arbcore.carry.level import (
    Level,
    LevelMode,
    LevelRow,
    LevelRule,
    TrackState,
    factor_of,
    parse_level,
)
from arbcore.carry.settlement import settlement_day_at
from arbcore.core.civil import read_time
from arbcore.errors import BrokenInvariant, ConfigError

START_NS = read_time("2026-01-05T14:31:00Z")
EXPIRY_NS = read_time("2026-03-20T13:30:00Z")
S = 10**9


def row(at_s: float, x: float, *, expiry_ns: int = EXPIRY_NS, r: float = 0.0, d: float = 0.0) -> LevelRow:
    ts_ns = START_NS + round(at_s * S)
    return LevelRow(ts_ns, expiry_ns, settlement_day_at(ts_ns), x, r, d)


# --- how it is asked for ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("track", LevelRule()),
        (" TRACK ", LevelRule(LevelMode.TRACK, half_life_s=3_600)),
        ("track:30m", LevelRule(half_life_s=1_800)),
        ("track:2h", LevelRule(half_life_s=7_200)),
        ("track:5400s", LevelRule(half_life_s=5_400)),
        ("track:90", LevelRule(half_life_s=5_400)),
        ("track:0.5h", LevelRule(half_life_s=1_800)),
        ("Track:30M", LevelRule(half_life_s=1_800)),
        ("auto", LevelRule(LevelMode.AUTO, rows=390)),
        ("auto:20", LevelRule(LevelMode.AUTO, rows=20)),
        ("column", LevelRule(LevelMode.COLUMN)),
    ],
)
def test_forms(text: str, rule: LevelRule) -> None:
    found = parse_level(text)
    assert (found.mode, found.half_life_s, found.rows) == (rule.mode, rule.half_life_s, rule.rows)


@pytest.mark.parametrize("number", [10.03, "10.03", "1e1", 41])
def test_a_number_is_a_number(number: float | str) -> None:
    found = parse_level(number)
    assert (found.mode, found.factor) == (LevelMode.NUMBER, float(number))


@pytest.mark.parametrize(
    "text",
    [
        "", "track:", "track:0", "track:0m", "track:-5", "track:nan", "track:1d", "track:30 m m", "track:1e3",
        "track:9999999h", "auto:", "auto:0", "auto:-1", "auto:1.5", "auto:999999999", "auto:x", "column:1",
        "0", "-10", "nan", "inf", "1e9", "guess", "\x1b[31m",
    ],
)  # fmt: skip
def test_what_is_none_of_them_is_one_sentence(text: str) -> None:
    with pytest.raises(ConfigError, match=r"SPY_TO_INDEX_FACTOR is .*\.$") as error:
        parse_level(text, name="SPY_TO_INDEX_FACTOR")
    assert "\x1b" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["track:90s", "track:3600s", "auto:7", "10.03", "column"])
def test_a_rule_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_level(text)) == text


# --- the tracked level by hand ---------------------------------------------------------------------------


def test_the_first_rows_are_a_plain_mean_by_time() -> None:
    level = Level(parse_level("track:60m"))
    xs = [10.0, 10.6, 10.0, 10.3]
    for minute, x in enumerate(xs):
        assert level.decide(row(60 * minute, x)) is None
    # f = x first; then every row weighs its minute: the first one has none.
    assert level.state is not None
    assert level.state.factor == pytest.approx((10.6 + 10.0 + 10.3) / 3)
    assert level.state.known_s == 180.0
    assert level.warming_up == 4
    assert (level.first, level.last) == (None, None)
    assert level.warm_in_s(EXPIRY_NS) == 3_420.0
    assert level.warm_in_s(EXPIRY_NS + 1) == 3_600.0


def test_a_known_level_is_decided_with_before_it_learns() -> None:
    level = Level(parse_level("track:2m"))
    for minute in range(3):
        assert level.decide(row(60 * minute, 10.0)) is None
    assert level.decide(row(180, 10.005)) == 10.0
    gain = max(1 - 2 ** (-60 / 120), 60 / 180)
    assert level.state is not None
    assert level.state.factor == pytest.approx(10.0 + gain * 0.005, rel=1e-14)
    # A row far off pulls no further than a thousandth.
    before = level.state.factor
    assert level.decide(row(240, 20.0)) == before
    assert level.state.factor == pytest.approx(before * (1 + (1 - 2**-0.5) * 0.001), rel=1e-12)
    assert (level.warming_up, level.first, level.last) == (3, 10.0, before)


def test_before_it_is_known_nothing_holds_a_row_off() -> None:
    level = Level(parse_level("track:60m"))
    level.decide(row(0, 10.0))
    level.decide(row(60, 12.0))
    assert level.state is not None
    assert level.state.factor == 12.0


def test_a_gap_weighs_a_minute_or_what_the_gap_before_was() -> None:
    level = Level(parse_level("track:60m"))
    for at_s, known_s in (
        (0, 0),
        (10, 10),
        (400, 70),
        (800, 460),
        (80_000, 860),
        (80_060, 920),
        (80_060, 920),
    ):
        level.decide(row(at_s, 10.0))
        assert level.state is not None
        assert level.state.known_s == known_s


def test_rows_of_one_moment_teach_nothing_new() -> None:
    level = Level(parse_level("track:1m"))
    for x in (10.0, 11.0, 12.0):
        assert level.decide(row(0, x)) is None
    assert level.state is not None
    assert (level.state.factor, level.state.known_s) == (10.0, 0.0)


def test_another_contract_starts_anew() -> None:
    level = Level(parse_level("track:1m"))
    later_ns = EXPIRY_NS + 91 * 86_400 * S
    for minute in range(3):
        level.decide(row(60 * minute, 10.0))
    assert level.decide(row(180, 10.1, expiry_ns=later_ns)) is None
    assert level.state is not None
    assert (level.state.factor, level.state.known_s) == (10.1, 0.0)
    assert level.decide(row(240, 10.1, expiry_ns=later_ns)) is None
    assert level.decide(row(300, 10.1, expiry_ns=later_ns)) == 10.1


@pytest.mark.parametrize(
    ("first", "then", "days"),
    [
        ("2026-01-05T20:59:00Z", "2026-01-06T14:31:00Z", 1),
        ("2026-01-08T20:59:00Z", "2026-01-09T14:31:00Z", 3),  # from Thursday to Friday
        ("2026-01-09T20:59:00Z", "2026-01-12T14:31:00Z", 1),  # from Friday to Monday
        ("2026-01-16T20:59:00Z", "2026-01-20T14:31:00Z", 1),  # over a Monday that is a holiday
        ("2026-01-15T20:59:00Z", "2026-01-16T14:31:00Z", 4),
        ("2026-01-05T14:31:00Z", "2026-01-05T20:59:00Z", 0),
    ],
)
def test_financing_runs_between_settlement_days_and_dividends_by_the_clock(
    first: str, then: str, days: int
) -> None:
    level = Level(parse_level("track:1s"))
    times = (read_time(first) - S, read_time(first), read_time(then))
    rows = [LevelRow(at, EXPIRY_NS, settlement_day_at(at), 10.0, 0.04, 0.012) for at in times]
    level.decide(rows[0])
    level.decide(rows[1])
    # The second row taught the level all that it knows; the gap moved it to the third.
    years = (times[2] - times[1]) / S / 31_536_000
    moved = math.exp(-0.012 * years - 0.04 * (days / 365 - years))
    assert level.decide(rows[2]) == pytest.approx(10.0 * moved, rel=1e-13)


def test_time_does_not_go_back_and_x_is_a_price() -> None:
    level = Level(parse_level("track"))
    level.decide(row(10, 10.0))
    with pytest.raises(BrokenInvariant):
        level.decide(row(9, 10.0))
    for x in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(BrokenInvariant):
            level.decide(row(20, x))


def test_a_stored_level_is_gone_on_with() -> None:
    whole, first = Level(parse_level("track:2m")), Level(parse_level("track:2m"))
    rows = [row(60 * minute, 10.0 + 0.001 * (minute % 3), r=0.04, d=0.01) for minute in range(20)]
    expected = [whole.decide(each) for each in rows]
    found = [first.decide(each) for each in rows[:9]]
    assert first.state is not None
    second = Level(parse_level("track:2m"))
    stored = TrackState(*[getattr(first.state, name) for name in TrackState.__slots__])
    assert second.resume(stored, now_ns=rows[9].ts_ns)
    found += [second.decide(each) for each in rows[9:]]
    assert found == expected
    assert second.warm_in_s(EXPIRY_NS) == 0.0


def test_a_stored_level_of_last_week_or_of_another_contract_is_not() -> None:
    state = TrackState(EXPIRY_NS, 10.0, 9_999.0, START_NS, 60.0, settlement_day_at(START_NS))
    week_ns = 7 * 86_400 * S
    level = Level(parse_level("track"))
    assert not level.resume(state, now_ns=START_NS + week_ns + 1)
    assert not level.resume(state, now_ns=START_NS - 1)
    assert not Level(parse_level("10.03")).resume(state, now_ns=START_NS)
    assert level.resume(state, now_ns=START_NS + week_ns)
    assert level.warm_in_s(EXPIRY_NS) == 0.0
    assert level.decide(row(60, 10.2, expiry_ns=EXPIRY_NS + 1)) is None


# --- the other ways --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "factor"), [(1, 10.0), (2, 10.5), (3, 10.2), (4, 10.6)])
def test_auto_is_the_median_of_the_first_rows_for_the_rows_after(rows: int, factor: float) -> None:
    level = Level(parse_level(f"auto:{rows}"))
    xs = [10.0, 11.0, 10.2, 12.0, 50.0, 60.0]
    found = [level.decide(row(minute, x, expiry_ns=EXPIRY_NS + minute)) for minute, x in enumerate(xs)]
    assert found == [None] * rows + [pytest.approx(factor)] * (6 - rows)
    assert level.warming_up == rows
    assert level.state is None
    assert level.document() == {"mode": "auto", "half_life_s": None, "first": found[rows], "last": found[-1]}


def test_auto_with_too_few_rows_decides_nothing() -> None:
    level = Level(parse_level("auto:5"))
    assert [level.decide(row(minute, 10.0)) for minute in range(5)] == [None] * 5
    assert level.document() == {"mode": "auto", "half_life_s": None, "first": None, "last": None}


def test_a_number_is_constant_and_a_column_is_the_rows() -> None:
    number, column = Level(parse_level("10.03")), Level(parse_level("column"))
    for at, factor in enumerate((10.01, 10.02)):
        seen = LevelRow(at, EXPIRY_NS, 1, 9.0, 0.04, 0.01, factor)
        assert number.decide(seen) == 10.03
        assert column.decide(seen) == factor
    assert column.document() == {"mode": "column", "half_life_s": None, "first": 10.01, "last": 10.02}
    assert (number.warming_up, column.warming_up) == (0, 0)


def test_the_factor_at_which_a_row_is_fair() -> None:
    # F = (f·(P − usd) − points)·growth
    fair = (10.0 * (600.0 - 2.0) - 7.0) * 1.01
    found = factor_of(fut_mid=fair, etf_mid=600.0, growth=1.01, paid_usd=2.0, paid_points=7.0)
    assert found == pytest.approx(10.0, rel=1e-15)


# --- markets ---------------------------------------------------------------------------------------------


def levels_of(market: Market, rule: str) -> tuple[Level, list[float | None]]:
    level = Level(parse_level(rule))
    return level, [level.decide(each.level_row(market)) for each in market.rows]


def test_the_worked_market() -> None:
    market = fair_rows(spread_bps=120, seed=1)
    level, found = levels_of(market, "track")
    assert level.warming_up == 61
    assert level.first == pytest.approx(10.0531604736, abs=1e-10)
    assert level.last == pytest.approx(10.0348341522, abs=1e-10)
    edges = [each.edge_bps(market, factor) for each, factor in zip(market.rows, found, strict=True) if factor]
    assert max(edges) == pytest.approx(1.164, abs=5e-4)


@pytest.mark.parametrize("every", [2, 3, 5, 10, 15, 20])
@pytest.mark.parametrize("spread_bps", [0, 120, 220])
def test_a_fair_market_in_sparse_rows_offers_nothing(every: int, spread_bps: float) -> None:
    market = fair_rows(spread_bps=spread_bps, seed=2)
    market.rows[:] = market.rows[::every]
    _, found = levels_of(market, "track")
    edges = [each.edge_bps(market, factor) for each, factor in zip(market.rows, found, strict=True) if factor]
    assert len(edges) > 300
    assert max(edges) < 2.5


def test_one_row_far_off_hardly_moves_the_level() -> None:
    market, same = fair_rows(spread_bps=120, seed=1), fair_rows(spread_bps=120, seed=1)
    market.rows[500] = market.rows[500].off_by(40)
    _, moved = levels_of(market, "track")
    _, still = levels_of(same, "track")
    assert moved[:501] == still[:501]
    after = [
        1e4 * abs(a / b - 1)
        for a, b in zip(moved[501:], still[501:], strict=True)
        if a is not None and b is not None
    ]
    # Ten of its forty bps count, times the gain of one minute.
    assert 0.09 < max(after) < 0.13


# --- the twin --------------------------------------------------------------------------------------------


@given(
    seed=st.integers(0, 10**6),
    count=st.integers(0, 60),
    half_life_s=st.sampled_from([0.001, 1.0, 60.0, 3_600.0, 1e7]),
    step_s=st.sampled_from([0.0, 1.0, 60.0, 900.0, 90_000.0]),
)
def test_any_rows_lead_to_the_twins_levels(seed: int, count: int, half_life_s: float, step_s: float) -> None:
    rng = random.Random(seed)
    level, plain = Level(LevelRule(half_life_s=half_life_s)), twin.tracked(half_life_s)
    auto, plain_auto = Level(LevelRule(LevelMode.AUTO, rows=7)), twin.auto(7)
    at_s, expiry_ns = 0.0, EXPIRY_NS
    for _ in range(count):
        at_s += rng.choice((0.0, step_s, step_s * rng.random()))
        expiry_ns += rng.choice((0,) * 9 + (S,))
        seen = row(
            at_s, 10 * math.exp(rng.gauss(0, 0.002)), expiry_ns=expiry_ns, r=rng.gauss(0.04, 0.01), d=0.01
        )
        plain_row = twin.Seen(seen.ts_ns, seen.expiry_ns, seen.settlement_day, seen.x, seen.r, seen.d)
        assert level.decide(seen) == plain(plain_row)
        assert auto.decide(seen) == plain_auto(plain_row)


@given(
    seed=st.integers(0, 10**6), cuts=st.lists(st.integers(1, 60), min_size=1, max_size=12),
    rule=st.sampled_from(["track:5m", "track:1h", "auto:20", "10.0"]),
)  # fmt: skip
def test_many_rows_at_once_are_the_rows_one_by_one(seed: int, cuts: list[int], rule: str) -> None:
    rng = random.Random(seed)
    one, many = Level(parse_level(rule)), Level(parse_level(rule))
    now_ns = START_NS
    for number, count in enumerate(cuts):
        # Each batch is of one contract and settlement day; some begin another one.
        expiry_ns = EXPIRY_NS + rng.choice([0, 0, 0, 10**15])
        day = settlement_day_at(now_ns) + number // 3
        times, xs = [], []
        for _ in range(count):
            now_ns += rng.choice([0, 10**9, 10**9, 60 * 10**9, 3_600 * 10**9])
            times.append(now_ns)
            xs.append(10.0 * (1.0 + rng.gauss(0.0, 0.002)))
        rows = [LevelRow(at, expiry_ns, day, x, 0.04, 0.01) for at, x in zip(times, xs, strict=True)]
        wanted = list(map(one.decide, rows))
        found = many.decide_all(times, xs, expiry_ns=expiry_ns, settlement_day=day, r=0.04, d=0.01)
        assert [None if factor != factor else factor for factor in found] == wanted
        assert (many.state, many.warming_up, many.first, many.last) == (
            one.state, one.warming_up, one.first, one.last,
        )  # fmt: skip


def test_of_many_rows_at_once_none_is_older_or_without_a_price() -> None:
    terms = {"expiry_ns": EXPIRY_NS, "settlement_day": 1, "r": 0.04, "d": 0.01}
    for times, xs in (([2, 1], [10.0, 10.0]), ([1, 2], [10.0, -1.0]), ([1, 2], [10.0, math.inf])):
        with pytest.raises(BrokenInvariant):
            Level(LevelRule()).decide_all(times, xs, **terms)
    assert Level(LevelRule()).decide_all([], [], **terms) == []
