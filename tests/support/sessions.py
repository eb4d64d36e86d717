"""Builds a session, compiled or its twin, from plain settings, so that one test body runs over both."""

from typing import Any

from reference import arbitrage, quoting
from reference.session import Session as ReferenceSession

from arbcore.trading.trading_settings import SessionSettings


def make_session(build: str, settings: SessionSettings, chosen: dict[str, Any]) -> Any:
    """``build`` is "c" for the compiled session or "py" for the twin; ``chosen`` maps names to settings."""
    if build == "py":
        strategies = [_reference_strategy(name, chosen[name], settings) for name in chosen]
        return ReferenceSession(settings, strategies)
    from arbcore.trading._session import Session
    from arbcore.trading.strategies import build as build_strategy

    return Session(settings, [build_strategy(name, chosen[name], settings) for name in chosen])


def _reference_strategy(name: str, options: Any, settings: SessionSettings) -> Any:
    return {
        "xlf_arbitrage": lambda: arbitrage.XlfArbitrage(options),
        "bond": lambda: quoting.Bond(options),
        "vale": lambda: (
            quoting.AverageVale(options, settings) if options.averages else quoting.Vale(options)
        ),
        "market_making": lambda: (quoting.AverageQuoting if options.averages else quoting.MarketMaking)(
            options, settings
        ),
    }[name]()
