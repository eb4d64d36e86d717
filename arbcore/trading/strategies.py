"""The built-in strategies by name, made from their settings. It must not know where settings come from."""

from arbcore.errors import ConfigError
from arbcore.trading._arbitrage import XlfArbitrage
from arbcore.trading._quoting import AverageQuoting, AverageVale, Bond, MarketMaking, Vale
from arbcore.trading._strategy import CompiledStrategy
from arbcore.trading.trading_settings import (
    STRATEGY_SETTINGS,
    BondSettings,
    MarketMakingSettings,
    Ranged,
    SessionSettings,
    ValeSettings,
    XlfArbitrageSettings,
)


def build(name: str, settings: Ranged, session: SessionSettings) -> CompiledStrategy:
    """The built-in strategy of that name; ``settings`` is the matching class of ``STRATEGY_SETTINGS``."""
    if isinstance(settings, XlfArbitrageSettings):
        return XlfArbitrage(settings)
    if isinstance(settings, BondSettings):
        return Bond(settings)
    if isinstance(settings, ValeSettings):
        return AverageVale(settings, session) if settings.averages else Vale(settings)
    if isinstance(settings, MarketMakingSettings):
        return (AverageQuoting if settings.averages else MarketMaking)(settings, session)
    raise ConfigError(f"there is no strategy {name!r}; use one of {', '.join(STRATEGY_SETTINGS)}")
