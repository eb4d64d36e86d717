"""The marketplace's parameters: frozen, and what their documentation promises."""

import pytest

from arbcore.venue import regimes
from arbcore.venue import venue_config as config
from arbcore.wire.instruments import SYMBOLS

#: Changing the marketplace must be a decision. If it is, say why in the commit and in CHANGELOG.md, run
#: tools/simulate.py anew, and write the new digest here. Never change it to make a strategy look better.
DIGEST = "d03fb98f0e4bf480c7fb4974c2d65ad996928a949d4285498bcbf2e6973926ff"


def test_the_marketplace_is_the_one_that_was_decided_on():
    assert regimes.parameters_digest() == DIGEST


def test_modes_are_those_of_the_exchange():
    assert regimes.MODES == config.MODES == tuple(regimes.SLOWDOWN)


@pytest.mark.parametrize("regime", regimes.REGIMES.values(), ids=regimes.REGIMES)
def test_every_regime_has_everybody_in_every_symbol(regime):
    assert tuple(regime.flow) == SYMBOLS
    for symbol, flow in regime.flow.items():
        assert flow.makers, symbol
        assert flow.noise.interval_ms > 0, symbol
        # Adverse selection is real everywhere: nobody quotes against noise alone.
        assert flow.informed or flow.followers, symbol


@pytest.mark.parametrize("regime", regimes.REGIMES.values(), ids=regimes.REGIMES)
def test_a_bot_is_never_the_only_one_to_see_a_gap(regime):
    for symbol in ("XLF", "VALE"):
        assert regime.flow[symbol].arbitrageurs is not None
    teams = regime.flow["BOND"].makers[0]
    assert set(teams.half_spreads_ticks) == {1}
    assert len(teams.half_spreads_ticks) >= 2


UNFRIENDLY = ("trend", "jumps", "thin", "informed", "volatile", "crowded", "shocks", "tight")


@pytest.mark.parametrize("name", UNFRIENDLY)
def test_unfriendly_regimes_differ_from_normal_in_what_they_say_and_no_more(name):
    normal, other = regimes.REGIMES["normal"], regimes.REGIMES[name]
    assert (other.fair != normal.fair) == (name in ("trend", "jumps", "volatile", "shocks"))
    assert (other.flow != normal.flow) == (name in ("thin", "informed", "volatile", "crowded", "tight"))
    for symbol, flow in other.flow.items():
        assert (flow.noise == normal.flow[symbol].noise) == (name != "thin")
        assert (flow.programme == normal.flow[symbol].programme) == (name != "thin" or symbol == "BOND")


def test_every_number_is_a_whole_number():
    def leaves(value):
        if isinstance(value, dict):
            for inner in value.values():
                yield from leaves(inner)
        elif hasattr(value, "__dataclass_fields__"):
            for name in value.__dataclass_fields__:
                yield from leaves(getattr(value, name))
        elif isinstance(value, tuple):
            for inner in value:
                yield from leaves(inner)
        elif value is not None and not isinstance(value, str):
            yield value

    assert all(type(leaf) is int for leaf in leaves(regimes.REGIMES))
