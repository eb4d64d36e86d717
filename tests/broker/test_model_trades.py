"""A run beside the backtest of what it recorded: numbers worked out by hand."""

import json
from pathlib import Path

import pytest
from carry_bots import plan_of

from arbcore.broker.model_trades import against_model, facts_of, model_lines, quotes_of
from arbcore.carry.money import PaidDividend
from arbcore.carry.pairs import DEFAULT_PAIR, pair_named
from arbcore.carry.terms import Quoting, RateHistory, Yields
from arbcore.errors import InputError, UsageError
from arbcore.research.research_settings import BacktestSettings

#: A market at 6,000 and 600 whose future is 6 points rich for a while, twice.
SETTINGS = {"factor": 10.0, "r": 0.0, "d": 0.0, "entry_bps": 3.0, "exit_bps": 0.5, "cost_bps": 0.5}
RICH, FAIR = "6006.00,6006.25", "6000.00,6000.25"


def quotes(folder: Path) -> Path:
    path = folder / "seen.csv"
    futures = [FAIR, RICH, RICH, FAIR, FAIR, RICH, FAIR]
    rows = [f"2026-03-02T15:{at:02d}:00Z,{prices},600.00,600.01" for at, prices in enumerate(futures)]
    path.write_text("\n".join(["ts,es_bid,es_ask,spy_bid,spy_ask", *rows, ""]))
    return path


def trade(**changes: object) -> dict[str, object]:
    """The first of the two as the bot did it: decided at the touch, and a tick of the future worse filled."""
    return {
        "trade_id": 1, "side": "cash_and_carry", "entry_ts": "2026-03-02T15:01:00Z",
        "exit_ts": "2026-03-02T15:03:00Z", "contracts": 1, "shares": 500, "fut_entry_signal": 6006.0,
        "fut_exit_signal": 6000.25, "etf_entry_signal": 600.01, "etf_exit_signal": 600.0, "gross_pnl": 270.0,
        "commission": 9.5, "net_pnl": 260.5, "slippage": -12.5, **changes,
    }  # fmt: skip


def compared(folder: Path, *trades: dict[str, object], **settings: object) -> dict:
    meta = {"settings": json.dumps({**SETTINGS, **settings})}
    return against_model(trades, meta, quotes=quotes(folder), pair=DEFAULT_PAIR)


def test_a_trade_is_set_against_its_own_in_the_backtest(tmp_path: Path) -> None:
    found = compared(tmp_path, trade())
    (one,) = found["trades"]
    # 50 x (6006 - 6000.25) less 500 x 0.01; the model's cost is 0.5 bps of 300,300.
    assert one["decided"] == pytest.approx(287.5 - 5.0)
    assert one["filled"] == 270.0
    assert one["model_cost"] == pytest.approx(15.015)
    assert one["model_net"] == pytest.approx(287.5 - 5.0 - 15.015)
    # All of the difference is slippage and cost.
    assert one["unexplained"] == pytest.approx(0.0, abs=1e-9)
    assert (one["model_entry_ts"], one["model_exit_ts"]) == (one["entry_ts"], one["exit_ts"])
    assert (found["matched"], found["rows"], found["warming_up"]) == (1, 7, 0)
    (other,) = found["only_model"]
    assert (other["entry_ts"], other["exit_ts"]) == ("2026-03-02T15:05:00Z", "2026-03-02T15:06:00Z")
    lines = model_lines(found)
    assert "the same      1 of 1 trade: slippage -12.50, cost +9.50 (the model's +15.02)" in lines[1]
    assert lines[2].strip().startswith("only the model's  1 trade, net +267.4")


def test_what_neither_slippage_nor_cost_explains_is_said(tmp_path: Path) -> None:
    # It decided a row later, a point lower.
    late = trade(
        entry_ts="2026-03-02T15:02:00Z", fut_entry_signal=6005.0, gross_pnl=232.5, slippage=0.0, net_pnl=223.0
    )
    (one,) = compared(tmp_path, late)["trades"]
    assert one["decided"] == pytest.approx(232.5)
    assert one["unexplained"] == pytest.approx(232.5 - 282.5)


def test_a_trade_that_the_model_has_not_stands_alone(tmp_path: Path) -> None:
    reverse, unknown = trade(side="reverse"), trade(commission=None, net_pnl=None)
    found = compared(tmp_path, reverse, unknown)
    alone, known = found["trades"]
    assert (alone["model_net"], alone["unexplained"], alone["net"]) == (None, None, 260.5)
    # A commission that is not known yet leaves the rest unknown too.
    assert (known["model_net"] is None, known["unexplained"], found["cost"]) == (False, None, None)
    assert "unexplained unknown" in "\n".join(model_lines(found))


def test_each_trade_of_the_model_is_taken_once_the_nearest_first(tmp_path: Path) -> None:
    again = trade(trade_id=2, exit_ts="2026-03-02T15:07:00Z")
    found = compared(tmp_path, trade(), again)
    assert [each["model_entry_ts"] for each in found["trades"]] == [
        "2026-03-02T15:01:00Z", "2026-03-02T15:05:00Z",
    ]  # fmt: skip
    assert found["only_model"] == []


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, {"r": 0.0, "d": 0.0}),
        (
            {"rates": RateHistory("c.csv", Quoting.CONTINUOUS, (1, 2), (0.03, 0.04))},
            {"rates": ("c.csv", "rate", (1, 2), (0.03, 0.04))},
        ),
        ({"dividends": Yields(0.01, {20_000: 0.02})}, {"d": 0.01, "yields": ((20_000, 0.02),)}),
        ({"dividends": (PaidDividend(5, 1.5),)}, {"dividends": ((5, 1.5, False),)}),
    ],
)
def test_what_the_store_keeps_of_a_run_makes_its_backtest(
    tmp_path: Path, changes: dict[str, object], wanted: dict[str, object]
) -> None:
    pair = pair_named("nq-qqq")
    plan = plan_of(
        1, tmp_path, library="", pair=pair, factor="track:30m", record=tmp_path / "r.csv", **changes
    )
    facts = facts_of(plan, None)
    assert facts["recording"] == str(tmp_path / "r.csv")
    from arbcore.broker.model_trades import _settings

    settings = BacktestSettings(pair=pair.name, **_settings(facts["settings"]))
    assert {name: getattr(settings, name) for name in wanted} == wanted
    assert (settings.factor, settings.entry_bps, settings.cost_bps) == ("track:30m", 20.0, 4.0)


def test_a_run_with_the_brokers_rates_is_set_against_a_backtest_with_its_fees(tmp_path: Path) -> None:
    plan = plan_of(1, tmp_path, library="", broker_rates=True)
    assert json.loads(facts_of(plan, None)["settings"])["fees"] == "ibkr"
    assert "fees" not in json.loads(facts_of(plan_of(1, tmp_path, library=""), None)["settings"])


def test_freds_rate_is_the_runs(tmp_path: Path) -> None:
    facts = facts_of(plan_of(1, tmp_path, library=""), 0.0377)
    assert json.loads(facts["settings"])["r"] == 0.0377
    assert "recording" not in facts


def test_the_recording_is_used_while_it_is_there(tmp_path: Path) -> None:
    meta = {"recording": str(tmp_path / "r.csv")}
    assert quotes_of(meta, None) is None
    (tmp_path / "r.csv").touch()
    assert quotes_of(meta, None) == tmp_path / "r.csv"
    assert quotes_of({}, None) is None
    assert quotes_of(meta, Path("other.csv")) == Path("other.csv")


def test_what_cannot_be_compared_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no settings of its bot"):
        against_model([], {}, quotes=quotes(tmp_path), pair=DEFAULT_PAIR)
    with pytest.raises(InputError, match="settings cannot be read"):
        against_model([], {"settings": "[1"}, quotes=quotes(tmp_path), pair=DEFAULT_PAIR)
    with pytest.raises(UsageError, match="the indexes differ"):
        against_model(
            [], {"settings": json.dumps(SETTINGS)}, quotes=quotes(tmp_path), pair=pair_named("nq-qqq")
        )
