"""The desk's settings: the documented defaults, and a sentence for each value that makes no sense."""

import math
from dataclasses import fields

import pytest

from arbcore.desk.desk_settings import DeskSettings, shares_for
from arbcore.errors import ConfigError


def test_the_defaults_are_the_documented_ones() -> None:
    s = DeskSettings()
    assert (s.entry_bps, s.exit_bps, s.cost_bps, s.cooldown_s) == (3, 0.75, 0.5, 60)
    assert (s.max_hold_days, s.contracts, s.daily_loss_usd, s.stop_bps) == (1, 1, 250, 0)
    assert s.hedge_timeout_s == 5
    assert not s.trading_enabled


@pytest.mark.parametrize("name", [item.name for item in fields(DeskSettings) if "low" in item.metadata])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "7", None, True])
def test_what_is_no_number_in_range_is_refused(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=name):
        DeskSettings(**{name: value})


@pytest.mark.parametrize("name", [item.name for item in fields(DeskSettings) if "low" in item.metadata])
def test_both_bounds_are_allowed_and_nothing_beyond(name: str) -> None:
    rule = DeskSettings.__dataclass_fields__[name].metadata
    others = {"cancel_reserve": 0} if name == "message_cap" else {"message_cap": 1_000}
    for value in (rule["low"], rule["high"]):
        assert getattr(DeskSettings(**{**others, name: value}), name) == value
    for value in (rule["low"] - 1, rule["high"] * 2 + 1):
        with pytest.raises(ConfigError, match=name):
            DeskSettings(**{**others, name: value})


@pytest.mark.parametrize("name", ["contracts", "message_cap"])
def test_whole_numbers_are_whole(name: str) -> None:
    with pytest.raises(ConfigError, match="whole"):
        DeskSettings(**{name: 20.5})


@pytest.mark.parametrize("given", [{"entry_order": "none"}, {"decide_on": "tick"}, {"trading_enabled": 1}])
def test_words_and_switches_are_checked(given: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(given))):
        DeskSettings(**given)


def test_some_messages_are_left_for_orders() -> None:
    with pytest.raises(ConfigError, match="cancel_reserve"):
        DeskSettings(message_cap=10, cancel_reserve=10)


@pytest.mark.parametrize(
    ("contracts", "multiplier", "fut", "etf", "shares"),
    [
        (1, 50.0, 6027.0, 599.97, 502),
        (1, 5.0, 6027.0, 599.97, 50),
        (2, 50.0, 5000.0, 500.0, 1000),
        (1, 5.0, 1.0, 500.0, 1),
    ],
)
def test_shares_match_the_notional(
    contracts: int, multiplier: float, fut: float, etf: float, shares: int
) -> None:
    assert shares_for(contracts, multiplier=multiplier, fut_price=fut, etf_price=etf) == shares
