"""What a VenueConfig refuses, and what the modes mean."""

import pytest

from arbcore.errors import ConfigError
from arbcore.venue.venue_config import VenueConfig
from arbcore.wire.instruments import POSITION_LIMITS


def test_the_defaults_are_the_protocols():
    config = VenueConfig()
    assert config.position_limits == POSITION_LIMITS
    assert config.messages_per_second_max == 500
    assert config.loss_stop == -30_000
    assert config.round_length_ns == 300 * 10**9
    assert config.open_orders_max == 0
    assert config.id_reuse


@pytest.mark.parametrize("mode", ["slower", "empty"])
def test_slower_and_empty_have_no_restart_unless_asked(mode):
    assert VenueConfig(mode=mode).round_length_ns is None
    assert VenueConfig(mode=mode, round_ns=7).round_length_ns == 7


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mode", "fast"),
        ("fee_rule", "none"),
        ("login_policy", "both"),
        ("round_ns", 0),
        ("closed_ns", -1),
        ("restart_ns", -1),
        ("messages_per_second_max", -1),
        ("open_orders_max", -1),
        ("queue_bytes_max", 1),
        ("teams_max", 0),
        ("connections_max", 0),
        ("closed_ns", 2**63),
        ("position_limits", {"BOND": 1}),
        ("position_limits", {**POSITION_LIMITS, "BOND": -1}),
        ("position_limits", {**POSITION_LIMITS, "BOND": 10**9}),
    ],
)
def test_a_setting_out_of_range_is_an_error_that_names_it(name, value):
    with pytest.raises(ConfigError, match=name):
        VenueConfig(**{name: value})
