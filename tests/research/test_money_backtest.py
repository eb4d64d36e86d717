"""The reference backtest with money and level: sums by hand, fair carry, what is open, periods, markets."""

import math
import random
from dataclasses import replace
from typing import Any

import pytest
from fair_market import EXPIRY_NS, fair_rows
from quotes import random_rows, run_both
from reference.money import Backtest, Dividend, Row, Terms

import arbcore
from arbcore.carry import calendar
from arbcore.carry.money import FeePlan, broker_rates, future_fee, share_fee
from arbcore.carry.pairs import FeeClass
from arbcore.carry.settlement import settlement_day_at
from arbcore.core.civil import NS_PER_DAY, NS_PER_MINUTE, read_date, read_time
from arbcore.research.research_settings import BacktestSettings

MONDAY_NS = read_time("2026-02-02T15:00:00Z")
TERMS = Terms(
    front_expiry_ns=lambda now_ns: calendar.front_contract(now_ns).expiry_ns,
    settlement_day=settlement_day_at,
)


def number(factor: float, **changes: Any) -> Terms:
    r = changes.pop("r", 0.045)
    d = changes.pop("d", 0.014)
    terms = replace(
        TERMS, mode="number", level=factor, rate=lambda _now_ns, _t: r, yield_of=lambda _expiry: d
    )
    return replace(terms, **changes)


def run(rows: list[Row], terms: Terms) -> Backtest:
    done = Backtest(terms)
    for row in rows:
        done.row(row)
    done.end()
    return done


# --- against the twin that knows neither level nor money -------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"stop_bps": 6.0, "cooldown_s": 3_600.0},
        {"max_hold_days": 0.3, "fill": "mid", "contracts": 3, "multiplier": 5.0},
        {"es_slippage_ticks": 0.5, "spy_slippage_ticks": 1.0, "close_at_end": True},
        {"es_latency_rows": 1, "spy_latency_rows": 1},
        {"es_latency_rows": 7, "spy_latency_rows": 2, "close_at_end": True},
    ],
    ids=lambda changes: "+".join(changes) or "plain",
)
def test_with_a_number_and_no_money_it_is_the_other_twin(seed: int, changes: dict[str, Any]) -> None:
    rows = random_rows(seed, 400)
    settings = BacktestSettings(entry_bps=4, exit_bps=0, cost_bps=1, factor=10.0, funding_rate=0.0, **changes)
    plain, _ = run_both(rows, settings)
    terms = number(
        10.0, entry_bps=4, exit_bps=0, cost_bps=1, stop_bps=settings.stop_bps,
        max_hold_ns=settings.max_hold_ns, cooldown_ns=settings.cooldown_ns, contracts=settings.contracts,
        multiplier=settings.multiplier, fill=settings.fill, fut_slippage_ticks=settings.es_slippage_ticks,
        etf_slippage_ticks=settings.spy_slippage_ticks, fut_latency_rows=settings.es_latency_rows,
        etf_latency_rows=settings.spy_latency_rows, close_at_end=settings.close_at_end, funding_rate=0.0,
    )  # fmt: skip
    found = run(
        [Row(each.ts_ns, each.es_bid, each.es_ask, each.spy_bid, each.spy_ask) for each in rows], terms
    )
    assert plain.trades
    assert [list(vars(trade).values()) for trade in found.trades] == [
        list(vars(trade).values())[:18] for trade in plain.trades
    ]
    assert found.equity == plain.equity
    summary, expected = found.summary(), plain.summary()
    for name in ("rows_used", "trades", "wins", "gross_pnl", "costs", "net_pnl", "unrealised_pnl",
                 "max_drawdown", "exposure"):  # fmt: skip
        assert summary[name] == expected[name], name


# --- a trade by hand -------------------------------------------------------------------------------------


def two_rows(first_ns: int, then_ns: int, *, rich: bool) -> list[Row]:
    """A future 40 bps off, then back, at zero rates and a factor of 10."""
    off = 6_024.0 if rich else 5_976.0
    return [
        Row(first_ns, off, off + 0.25, 600.0, 600.01),
        Row(then_ns, 6_000.0, 6_000.25, 600.0, 600.01),
    ]


@pytest.mark.parametrize(
    ("days", "settled"),
    [(0, 0), (1, 1), (2, 2), (3, 3), (4, 6), (7, 7)],  # Friday is paid on Monday, Monday on Tuesday
)
@pytest.mark.parametrize("rich", [True, False])
def test_interest_between_settlement_days(days: int, settled: int, rich: bool) -> None:
    rows = two_rows(MONDAY_NS, MONDAY_NS + days * NS_PER_DAY + NS_PER_MINUTE, rich=rich)
    terms = number(10.0, r=0.0, d=0.0, funding_rate=0.05, short_rate=0.03, borrow_rate=0.01)
    trade = run(rows, terms).trades[0]
    value = trade.shares * trade.etf_entry
    expected = -0.05 * value * settled / 365 if rich else 0.02 * value * settled / 365
    assert trade.side == ("cash_and_carry" if rich else "reverse")
    assert trade.financing == pytest.approx(expected)
    assert trade.net_pnl == pytest.approx(trade.gross_pnl - trade.cost + expected)


def test_the_default_is_the_runs_rate_for_a_long_without_the_spread_and_nothing_for_a_short() -> None:
    later_ns = MONDAY_NS + 7 * NS_PER_DAY
    long = run(two_rows(MONDAY_NS, later_ns, rich=True), number(10.0, r=0.04, d=0.04, financing_spread_bps=1))
    trade = long.trades[0]
    assert trade.financing == pytest.approx(-0.04 * trade.shares * trade.etf_entry * 7 / 365)
    short = run(two_rows(MONDAY_NS, later_ns, rich=False), number(10.0, r=0.04, d=0.04))
    assert short.trades[0].financing == 0.0


def test_a_pair_keeps_the_rate_of_its_entry() -> None:
    later_ns = MONDAY_NS + 7 * NS_PER_DAY
    terms = replace(
        number(10.0, r=0.0, d=0.0), rate=lambda now_ns, _t: 0.001 if now_ns < later_ns else 0.002,
        yield_of=lambda _expiry: 0.001,
    )  # fmt: skip
    trade = run(two_rows(MONDAY_NS, later_ns, rich=True), terms).trades[0]
    assert trade.financing == pytest.approx(-0.001 * trade.shares * trade.etf_entry * 7 / 365)


@pytest.mark.parametrize("side", [-1, 1])
def test_a_fairly_priced_carry_nets_nothing_in_either_direction(side: int) -> None:
    # Held from a Monday to the Monday eleven weeks later; both rates at r, no dividends, no costs.
    r, start, weeks = 0.04, read_time("2026-01-05T15:00:00Z"), 9
    end = start + weeks * 7 * NS_PER_DAY
    rows = []
    for ts_ns, etf in ((start, 690.0), (end, 700.0)):
        fut = etf * 10 * math.exp(r * (EXPIRY_NS - ts_ns) / (365 * NS_PER_DAY))
        rows.append(Row(ts_ns, fut, fut, etf, etf))
    gate = {"entry_bps": -100.0, "cost_bps": 0.0, "exit_bps": 100.0}
    terms = number(10.0, r=r, d=0.0, funding_rate=r, short_rate=r, **gate)
    if side > 0:
        # A future a hair cheap is entered the other way.
        rows[0] = replace(rows[0], fut_ask=rows[0].fut_ask * (1 - 1e-9), fut_bid=rows[0].fut_bid * (1 - 0.02))
        rows[0] = replace(rows[0], fut_bid=rows[0].fut_ask * (1 - 0.02))
    trade = run(rows, terms).trades[0]
    assert trade.side == ("cash_and_carry" if side < 0 else "reverse")
    carried = r * trade.shares * trade.etf_entry * weeks * 7 / 365
    assert abs(trade.financing) == pytest.approx(carried)
    assert trade.net_pnl == pytest.approx(0.0, abs=0.02 * carried)


# --- dividends -------------------------------------------------------------------------------------------

EX_NS = calendar.expiry_instant(read_date("2026-02-04"))


@pytest.mark.parametrize("points", [False, True])
@pytest.mark.parametrize("rich", [True, False])
def test_a_scheduled_dividend_is_paid_and_in_the_fair_value(points: bool, rich: bool) -> None:
    amount = 18.0 if points else 1.8
    schedule = [Dividend(EX_NS, amount, points)]
    off = 24.0 if rich else -24.0
    rows = [
        # Before the ex-date the future is fair 18 points below the index; after it at the index.
        Row(MONDAY_NS, 5_982.0 + off, 5_982.25 + off, 600.0, 600.01),
        Row(MONDAY_NS + 7 * NS_PER_DAY, 5_982.0, 5_982.25, 598.2, 598.21),
    ]
    done = run(rows, number(10.0, r=0.0, schedule=schedule))
    trade = done.trades[0]
    assert trade.dividends == pytest.approx((1.8 if rich else -1.8) * trade.shares)
    assert trade.entry_dev_bps == pytest.approx(1e4 * (off + 0.075) / 5_982, abs=0.01)
    assert abs(trade.exit_dev_bps) < 0.2
    # What the ETF fell by is made good, so that the net is that of the convergence.
    assert trade.net_pnl == pytest.approx(50 * 24 - trade.cost, abs=30)


def test_a_level_that_knows_the_dividends_does_not_see_the_ex_date() -> None:
    rows = []
    for day, etf in ((0, 600.0), (1, 600.0), (2, 598.2), (3, 598.2)):
        for minute in range(100):
            ts_ns = MONDAY_NS + day * NS_PER_DAY + minute * NS_PER_MINUTE
            rows.append(Row(ts_ns, 5_982.0, 5_982.25, etf, etf + 0.01))
    for amount, points in ((1.8, False), (18.0, True)):
        terms = replace(TERMS, rate=lambda _now_ns, _t: 0.0, schedule=[Dividend(EX_NS, amount, points)])
        levels = [f for _, f, *_ in run(rows, terms).decided]
        assert max(levels) - min(levels) < 0.01
    blind = run(rows, replace(TERMS, rate=lambda _now_ns, _t: 0.0, yield_of=lambda _expiry: 0.0))
    assert max(abs(deviation) for _, _, deviation, *_ in blind.decided) > 25


# --- fees ------------------------------------------------------------------------------------------------


def test_the_brokers_fees_are_charged_side_by_side() -> None:
    def fees_of(fut_side: int, shares: float, price: float, now_ns: int) -> float:
        day = calendar.trading_date(now_ns)
        return future_fee(FeeClass.STANDARD, 1) + share_fee(
            shares, price, day=day, sale=fut_side > 0, plan=FeePlan.FIXED
        )

    def rates_of(r: float, proceeds: float) -> tuple[float, float]:
        rates = broker_rates(r, proceeds)
        return rates.funding, rates.short

    later_ns = MONDAY_NS + 7 * NS_PER_DAY
    terms = number(10.0, r=0.04, d=0.04, fees_of=fees_of, rates_of=rates_of)
    rich = run(two_rows(MONDAY_NS, later_ns, rich=True), terms).trades[0]
    day = calendar.trading_date(later_ns)
    bought = 2.25 + share_fee(rich.shares, rich.etf_entry, day=day, sale=False)
    sold = 2.25 + share_fee(rich.shares, rich.etf_exit, day=day, sale=True)
    assert rich.cost == pytest.approx(bought + sold)
    assert rich.financing == pytest.approx(-0.055 * rich.shares * rich.etf_entry * 7 / 365)
    cheap = run(two_rows(MONDAY_NS, later_ns, rich=False), terms).trades[0]
    value = cheap.shares * cheap.etf_entry
    assert cheap.financing == pytest.approx((value - 100_000) * 0.0275 * 7 / 365)


# --- what is open ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("latency", [(0, 0), (1, 1), (0, 5), (6, 2)])
def test_what_is_open_is_what_closing_it_would_make(seed: int, latency: tuple[int, int]) -> None:
    rng = random.Random(seed)
    rows = [
        Row(each.ts_ns, each.es_bid, each.es_ask, each.spy_bid, each.spy_ask)
        for each in random_rows(seed, rng.randint(60, 200))
    ]
    schedule = [Dividend(rows[0].ts_ns + k * NS_PER_DAY, 0.3) for k in range(1, 9)]
    terms = number(
        10.0, r=0.03, schedule=schedule, entry_bps=4, exit_bps=-2, short_rate=0.01, etf_slippage_ticks=1.0,
        fut_latency_rows=latency[0], etf_latency_rows=latency[1],
    )  # fmt: skip
    stays, closes = run(rows, terms), run(rows, replace(terms, close_at_end=True))
    assert closes.open_pnl == 0.0
    total = stays.summary()["total_pnl"]
    assert total == pytest.approx(closes.closed_net, abs=1e-9)
    assert sum(stays.periods()) == pytest.approx(total, abs=1e-6)
    assert len(stays.periods()) == 48
    assert stays.trades == closes.trades[: len(stays.trades)]


@pytest.mark.parametrize(("days", "periods"), [(1, 48), (39, 48), (40, 40), (55, 55)])
def test_periods_are_dates_from_forty_on_and_else_blocks(days: int, periods: int) -> None:
    rows = [
        Row(MONDAY_NS + day * NS_PER_DAY + minute * NS_PER_MINUTE, 6_000.0, 6_000.25, 600.0, 600.01)
        for day in range(days)
        for minute in range(60)
    ]
    terms = number(10.0, r=0.0, d=0.0)
    assert run(rows, terms).periods() == [0.0] * periods
    assert run(rows[:47], terms).periods() == []
    assert run([], terms).periods() == []


# --- the level -------------------------------------------------------------------------------------------


def rows_of(market: Any) -> list[Row]:
    return [Row(*vars(each).values()) for each in market.rows]


def known(market: Any, **changes: Any) -> Terms:
    return replace(TERMS, rate=lambda _now_ns, _t: market.r, yield_of=lambda _expiry: market.d, **changes)


def test_the_worked_market() -> None:
    market = fair_rows(spread_bps=120, seed=1)
    done = run(rows_of(market), known(market, entry_bps=3.0))
    summary = done.summary()
    assert summary["warming_up"] == 61
    assert summary["trades"] == 0
    factor, edge = summary["factor"], summary["largest_edge_bps"]
    assert isinstance(factor, dict)
    assert isinstance(edge, dict)
    assert factor["first"] == pytest.approx(10.0531604736, abs=1e-10)
    assert factor["last"] == pytest.approx(10.0348341522, abs=1e-10)
    assert edge["before_costs"] == pytest.approx(1.164, abs=5e-4)
    assert summary["rows_used"] == 7_800


def test_a_constant_level_is_stuck_in_the_same_market() -> None:
    market = fair_rows(spread_bps=120, seed=1)
    done = run(rows_of(market), known(market, mode="auto", level=390, exit_bps=0.5))
    assert done.warming_up == 390
    exposure = done.summary()["exposure"]
    assert isinstance(exposure, float)
    assert exposure > 0.5


def test_the_row_that_closes_at_expiry_is_valued_with_the_positions_own_level() -> None:
    # Into the expiry with a position, without a column of it: the front contract changes under it.
    expiry_ns = calendar.expiry_instant(read_date("2026-03-20"))
    rows = []
    for minute in range(-200, 200):
        ts_ns = expiry_ns + minute * NS_PER_MINUTE
        fut = 6_010.0 if minute == -50 else 6_000.0 if minute < -50 else 6_010.0
        fut = fut if minute < 0 else 6_040.0  # the next contract's price
        rows.append(Row(ts_ns, fut, fut + 0.25, 600.0, 600.01))
    done = run(rows, replace(TERMS, rate=lambda _now_ns, _t: 0.0, yield_of=lambda _e: 0.0, exit_bps=-50.0))
    assert [trade.exit_reason for trade in done.trades] == ["expiry"]
    trade = done.trades[0]
    assert trade.exit_ts == expiry_ns
    # Against the old contract's level, 10, and not against the new one's.
    assert trade.exit_dev_bps > 40
    # The row after it starts the next contract's level, which warms up for an hour.
    assert done.warming_up == 61 + 61


def test_a_roll_closes_at_the_last_row_of_the_contract_and_starts_a_level_anew() -> None:
    near, far = EXPIRY_NS, EXPIRY_NS + 91 * NS_PER_DAY
    rows = []
    for minute in range(300):
        fut = 6_012.0 if minute >= 100 else 6_000.0
        first = minute < 150
        fut += 0.0 if first else 50.0
        ts_ns = MONDAY_NS + minute * NS_PER_MINUTE
        rows.append(Row(ts_ns, fut, fut + 0.25, 600.0, 600.01, near if first else far))
    done = run(rows, replace(TERMS, exit_bps=-50.0))
    trade = done.trades[0]
    assert (trade.exit_reason, trade.exit_ts) == ("roll", rows[149].ts_ns)
    assert done.warming_up == 61 + 61


def test_a_sweeps_best_cell_is_judged_with_the_dividends_that_it_misses() -> None:
    # QQQ goes ex on Monday 23 March; the future is dear on Friday afternoon and fair from Tuesday on.
    friday, tuesday = read_time("2026-03-20T18:00:00Z"), read_time("2026-03-24T14:00:00Z")
    minute = 60 * 10**9
    times = [friday + at * minute for at in range(60)] + [tuesday + at * minute for at in range(60)]
    future = [25_100.0] * 60 + [25_000.0] * 60
    columns = {
        "ts": times, "nq_bid": future, "nq_ask": [each + 0.25 for each in future],
        "qqq_bid": [609.75] * 120, "qqq_ask": [609.76] * 120,
    }  # fmt: skip
    settings = {"factor": 41.0, "r": 0.0, "entry_bps": "5:15:5", "exit_bps": 0.0}
    found = arbcore.sweep(columns, d=0.006, **settings)
    (note,) = (note for note in found.notes if "ex-date" in note)
    assert note.startswith("Best cell: Positions were held over 1 ex-date of QQQ")
    best: Any = found.summary["evidence"]["best"]
    assert best["significant"] is not True
    # A contract's own yield says about how much is missing: 823 shares x 609.76 x 2% / 4.
    own = arbcore.backtest(columns, d="0.006,NQM26:0.02", factor=41.0, r=0.0, entry_bps=5, exit_bps=0.0)
    (note,) = (note for note in own.notes if "ex-date" in note)
    assert "about 2,509 USD" in note
    paid = [(read_time("2026-03-23T13:30:00Z"), 0.9, False)]
    booked = arbcore.sweep(columns, dividends=paid, **settings)
    assert not [note for note in booked.notes if "ex-date" in note]
