"""The built-in strategies by name, made from their settings. It must not know where settings come from."""

from typing import Any

from arbcore.errors import ConfigError
from arbcore.trading._arbitrage import Pairs, XlfArbitrage
from arbcore.trading._quoting import AverageQuoting, Bond, MarketMaking, ValeQuoting
from arbcore.trading._strategy import CompiledStrategy
from arbcore.trading.trading_settings import STRATEGY_SETTINGS, SessionSettings


def build(name: str, settings: Any, session: SessionSettings) -> CompiledStrategy:
    """The built-in strategy of that name; ``settings`` is the matching class of ``STRATEGY_SETTINGS``."""
    if name == "xlf_arbitrage":
        return XlfArbitrage(settings)
    if name == "pairs":
        return Pairs(settings, session)
    if name == "bond":
        return Bond(settings)
    if name == "vale_quoting":
        return ValeQuoting(settings)
    if name == "market_making":
        return (AverageQuoting if settings.averages else MarketMaking)(settings, session)
    raise ConfigError(f"there is no strategy {name!r}; use one of {', '.join(STRATEGY_SETTINGS)}")
