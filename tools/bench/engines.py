"""Creates the compiled session for the benchmark; only this module imports its parts."""

from collections.abc import Iterable
from typing import Any

from arbcore.trading.trading_settings import STRATEGY_SETTINGS, SessionSettings


def missing_reason() -> str:
    """The reason why there is no compiled session to measure; empty if there is one."""
    try:
        import arbcore.trading._session
    except ImportError as error:
        return f"not built ({error})"
    return "" if arbcore.trading._session else "not built"


def ours(settings: SessionSettings, names: Iterable[str] = STRATEGY_SETTINGS) -> Any:
    """Returns a compiled session with the named built-in strategies, by default all, at their defaults."""
    from arbcore.trading._session import Session
    from arbcore.trading.strategies import build

    return Session(settings, [build(name, STRATEGY_SETTINGS[name](), settings) for name in names])
