"""Builds the strategies of a session: built-in ones by name, a user's own wrapped. Settings are passed in."""

from collections.abc import Iterable

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


def adapted(strategies: Iterable[object]) -> list[CompiledStrategy]:
    """The strategies in the form that the session takes: a user's plain object is wrapped."""
    return [each if isinstance(each, CompiledStrategy) else _wrapped(each) for each in strategies]


def _wrapped(hooks: object) -> CompiledStrategy:
    from arbcore.trading._plugin import Plugin

    return Plugin(hooks)


def unique_names(names: Iterable[str]) -> list[str]:
    """The names, with a number added to each repeated one: ``Mine``, ``Mine#2``."""
    found: list[str] = []
    for name in names:
        count = sum(earlier.partition("#")[0] == name for earlier in found)
        found.append(f"{name}#{count + 1}" if count else name)
    return found
