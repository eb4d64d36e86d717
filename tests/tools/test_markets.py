"""A slice of the simulated markets and of the evidence's bars, the months against plain Python."""

from dataclasses import replace

import pytest
from reference.money import Backtest, Dividend, Row, Terms

import arbcore
from arbcore.carry.calendar import front_contract
from arbcore.carry.settlement import settlement_day_at
from arbcore.research._ledger import Ledger
from tools import evidence_bars, simulate_markets
from tools.markets import Market, Month, month_of


def kind_named(name: str) -> simulate_markets.Kind:
    kind = next(kind for kind in simulate_markets.KINDS if kind.name == name)
    # A few days of it; a jump is on the fourth.
    return replace(kind, market=lambda seed: replace(kind.market(seed), days=6))


@pytest.mark.parametrize("name", [kind.name for kind in simulate_markets.KINDS if not kind.planted])
@pytest.mark.parametrize("seed", range(5, 13))
def test_fair_markets_offer_nothing(name: str, seed: int) -> None:
    kind = kind_named(name)
    outcome = simulate_markets.outcome_of(kind, seed)
    assert not outcome.broken, outcome
    # A week of a spread that diffuses has fewer than a month may have on average.
    assert kind.mean is None or max(outcome.trades) <= 3


@pytest.mark.parametrize("name", ["planted 2", "planted 10"])
def test_what_is_planted_is_earned(name: str) -> None:
    outcome = simulate_markets.outcome_of(kind_named(name), 3)
    assert min(outcome.pnl) > 0
    # In a week a constant that knew the first level may still be close; at two minutes it is far behind.
    assert name != "planted 2" or outcome.pnl > outcome.constant
    assert outcome.trades[0] > outcome.trades[1] > 20


def test_a_month_over_its_bound_is_told() -> None:
    kind = replace(kind_named("planted 2"), planted=False, bound=lambda month: 0)
    assert simulate_markets.outcome_of(kind, 3).broken


def test_a_seed_makes_the_same_month() -> None:
    market = Market(days=2, deviation_bps=2, kept=0.5, bad_prints=3)
    assert month_of(market, 4).columns == month_of(market, 4).columns != month_of(market, 5).columns


def test_a_month_is_a_tick_wide_and_its_bad_prints_are_one_to_three_rows_off() -> None:
    market = Market(days=2, first_day=evidence_bars.FIRST_DAY)
    plain, spoilt = month_of(market, 4), month_of(replace(market, bad_prints=1), 4)
    assert len(plain.ts) == 780
    assert {ask - bid for bid, ask in zip(plain.fut_bid, plain.fut_ask, strict=True)} == {0.25}
    off = [at for at in range(780) if any(
        getattr(plain, name)[at] != getattr(spoilt, name)[at] for name in ("fut_bid", "etf_bid")
    )]  # fmt: skip
    assert 1 <= len(off) <= 3
    assert off == list(range(off[0], off[0] + len(off)))
    by = max(abs(spoilt.fut_bid[at] / plain.fut_bid[at] - 1) + abs(spoilt.etf_bid[at] / plain.etf_bid[at] - 1)
             for at in off)  # fmt: skip
    assert 4.99e-4 < by < 60.01e-4


def reference_of(month: Month, entry_bps: float, *, scheduled: bool) -> Backtest:
    """The month in plain Python."""
    market = month.market
    done = Backtest(
        Terms(
            front_expiry_ns=lambda now_ns: front_contract(now_ns).expiry_ns,
            settlement_day=settlement_day_at,
            rate=lambda _now_ns, _t: market.r,
            yield_of=lambda _expiry_ns: market.d,
            schedule=[Dividend(*each) for each in month.schedule] if scheduled else None,
            entry_bps=entry_bps,
            exit_bps=entry_bps / 4,
            cost_bps=market.pair.cost_bps,
            multiplier=market.pair.multiplier,
            fut_tick=market.pair.tick,
            etf_tick=market.pair.etf_tick,
        )
    )
    for row in zip(*month.columns.values(), strict=True):
        done.row(Row(*row))
    done.end()
    return done


def shape_of(trades: Ledger) -> list[tuple[object, ...]]:
    return [(trade.side, trade.entry_ts, trade.exit_ts, trade.net_pnl) for trade in trades]


@pytest.mark.parametrize("name", ["planted 2", "planted 10", "planted 60", "jump", "dividends", "sparse"])
@pytest.mark.parametrize("entry_bps", simulate_markets.ENTRIES_BPS)
def test_a_month_trades_what_the_definition_trades(name: str, entry_bps: float) -> None:
    kind = kind_named(name)
    month = month_of(kind.market(2), 2)
    ours = simulate_markets.run(month.rows(), simulate_markets.settings_of(kind, month, entry_bps))
    theirs = reference_of(month, entry_bps, scheduled=kind.scheduled)
    found = shape_of(ours.take_trades())
    assert found == [(each.side, each.entry_ts, each.exit_ts, each.net_pnl) for each in theirs.trades]
    assert len(found) > 5 or not kind.planted
    assert ours.summary()["total_pnl"] == theirs.closed_net + theirs.open_pnl


@pytest.mark.parametrize(
    ("name", "significant"),
    [
        ("walk", False), ("fair", False), ("bad print", False), ("2 to 20 prints", False),
        ("40 prints", False), ("small prints", False), ("planted 10", True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("seed", range(1, 6))
def test_the_evidence_tells_an_edge_from_none(name: str, significant: bool, seed: int) -> None:
    kind = next(kind for kind in evidence_bars.KINDS if kind.name == name)
    assert evidence_bars.verdict_of(kind, seed).significant is significant


def test_a_file_full_of_bad_prints_says_so() -> None:
    kind = next(kind for kind in evidence_bars.KINDS if kind.name == "40 prints")
    evidence = evidence_bars.swept(kind.market(1), 1)["evidence"]
    # One row later most of the profit is still there.
    assert evidence["best"]["p_value"] <= 0.05
    assert evidence["delayed"]["total_pnl"] > 0.0
    assert "filled 3 rows later, when a bad print is over, " in evidence["verdict"]
    assert "rows stand alone, so look at it with --drop-outliers too." in evidence["verdict"]


def test_bad_prints_are_no_edge_of_a_single_run_either() -> None:
    kind = next(kind for kind in evidence_bars.KINDS if kind.name == "40 prints")
    market = kind.market(1)
    evidence = arbcore.backtest(
        month_of(market, 1).columns, pair="es-spy", r=market.r, d=market.d, short_rate=market.r
    ).summary["evidence"]
    assert evidence["trades"]["low"] > 0.0
    assert evidence["delayed"]["total_pnl"] > 0.0
    assert evidence["significant"] is False
    assert "filled 3 rows later" in evidence["verdict"]
