"""A slice of the simulated markets and of the evidence's bars, and the bars' cells against the backtest."""

from dataclasses import replace

import pytest
from reference.money import Backtest, Terms

from arbcore.carry.settlement import settlement_day_at
from tools import evidence_bars, simulate_markets
from tools.markets import Market, Month, front_expiry_ns, month_of


def kind_named(name: str) -> simulate_markets.Kind:
    kind = next(kind for kind in simulate_markets.KINDS if kind.name == name)
    # A few days of it; a jump is on the fourth.
    return replace(kind, market=lambda seed: replace(kind.market(seed), days=6))


@pytest.mark.parametrize("name", [kind.name for kind in simulate_markets.KINDS if not kind.planted])
def test_fair_markets_offer_nothing(name: str) -> None:
    outcome = simulate_markets.outcome_of(kind_named(name), 5)
    assert not outcome.broken, outcome


@pytest.mark.parametrize("name", ["planted 2", "planted 10"])
def test_what_is_planted_is_earned(name: str) -> None:
    outcome = simulate_markets.outcome_of(kind_named(name), 3)
    assert min(outcome.pnl) > 0
    # In a week a constant that knew the first level may still be close; at two minutes it is far behind.
    assert name != "planted 2" or outcome.pnl > outcome.constant
    assert outcome.trades[0] > outcome.trades[1] > 20


def test_a_seed_makes_the_same_month() -> None:
    market = Market(days=2, deviation_bps=2, kept=0.5, bad_prints=3)
    assert month_of(market, 4).rows == month_of(market, 4).rows != month_of(market, 5).rows


def reference_total(month: Month, entry_bps: float, exit_bps: float, *, delay: int) -> tuple[float, Backtest]:
    terms = Terms(
        front_expiry_ns=front_expiry_ns,
        settlement_day=settlement_day_at,
        rate=lambda _now_ns, _t: month.market.r,
        yield_of=lambda _expiry_ns: month.market.d,
        entry_bps=entry_bps,
        exit_bps=exit_bps,
        cost_bps=evidence_bars.COST_BPS,
        fut_latency_rows=delay,
        etf_latency_rows=delay,
        funding_rate=0.0,
    )
    done = simulate_markets.run(month, terms)
    return done.closed_net + done.open_pnl, done


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("entry_bps", "exit_bps"), [(0.25, 0.0), (1.0, -0.5), (2.0, 0.5)])
@pytest.mark.parametrize("delay", [0, 1])
def test_the_bars_cells_are_those_of_the_backtest(
    seed: int, entry_bps: float, exit_bps: float, delay: int
) -> None:
    month = month_of(
        Market(days=3, first_day=evidence_bars.FIRST_DAY, deviation_bps=2, half_life_minutes=9), seed
    )
    cell = evidence_bars.Desk(evidence_bars.quotes_of(month)).cell(entry_bps, exit_bps, delay=delay)
    total, done = reference_total(month, entry_bps, exit_bps, delay=delay)
    assert len(cell.nets) == len(done.trades) > 3
    assert cell.nets == pytest.approx([trade.net_pnl for trade in done.trades])
    assert cell.total_pnl == pytest.approx(total)
    assert cell.blocks == pytest.approx(done.periods())


@pytest.mark.parametrize(
    ("name", "significant"), [("walk", False), ("fair", False), ("bad prints", False), ("planted 10", True)]
)
def test_the_evidence_tells_an_edge_from_none(name: str, significant: bool) -> None:
    kind = next(kind for kind in evidence_bars.KINDS if kind.name == name)
    assert evidence_bars.verdict_of(kind, 1).significant is significant
