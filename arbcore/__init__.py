"""arbcore: one compiled core that makes arbitrage decisions, live, simulated and over recorded data.

It owns the public names and loads the module of each when it is first used, so that importing it costs next
to nothing. Nothing inside the package imports from here but the version.
"""

from arbcore._version import __version__ as __version__

# Read as true by type checkers; importing typing for it would be most of the cost of this module.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from arbcore import statistics
    from arbcore._fast import (
        Cooldown,
        MessageWindow,
        RollingMean,
        basket_cost,
        basket_proceeds,
        best_lots,
        conversion_edge,
        depth_value,
        exposure_allows,
        exposure_room,
    )
    from arbcore.carry.fair import fair_value
    from arbcore.errors import (
        ArbcoreError,
        BrokenInvariant,
        ConfigError,
        ConnectError,
        DataError,
        InputError,
        JournalError,
        RunError,
        ShardError,
        UsageError,
        WireError,
    )
    from arbcore.play.simulate import SimulationResult, simulate
    from arbcore.quotes.backtest_run import BacktestResult, backtest
    from arbcore.quotes.sweep_run import SweepResult, sweep
    from arbcore.research.research_settings import BacktestSettings
    from arbcore.trading._plugin import TraderDesk
    from arbcore.trading._session import Session
    from arbcore.trading.strategy import Strategy
    from arbcore.trading.trading_settings import SessionSettings
    from arbcore.venue._engine import Engine
    from arbcore.venue.venue_config import VenueConfig

__all__ = [
    "ArbcoreError",
    "BacktestResult",
    "BacktestSettings",
    "BrokenInvariant",
    "ConfigError",
    "ConnectError",
    "Cooldown",
    "DataError",
    "Engine",
    "InputError",
    "JournalError",
    "MessageWindow",
    "RollingMean",
    "RunError",
    "Session",
    "SessionSettings",
    "ShardError",
    "SimulationResult",
    "Strategy",
    "SweepResult",
    "TraderDesk",
    "UsageError",
    "VenueConfig",
    "WireError",
    "backtest",
    "basket_cost",
    "basket_proceeds",
    "best_lots",
    "conversion_edge",
    "depth_value",
    "exposure_allows",
    "exposure_room",
    "fair_value",
    "simulate",
    "statistics",
    "sweep",
]

_HOME = {
    "arbcore._fast": (
        "Cooldown", "MessageWindow", "RollingMean", "basket_cost", "basket_proceeds", "best_lots",
        "conversion_edge", "depth_value", "exposure_allows", "exposure_room",
    ),
    "arbcore.quotes.backtest_run": ("BacktestResult", "backtest"),
    "arbcore.carry.fair": ("fair_value",),
    "arbcore.research.research_settings": ("BacktestSettings",),
    "arbcore.quotes.sweep_run": ("SweepResult", "sweep"),
    "arbcore.errors": (
        "ArbcoreError", "BrokenInvariant", "ConfigError", "ConnectError", "DataError", "InputError",
        "JournalError", "RunError", "ShardError", "UsageError", "WireError",
    ),
    "arbcore.play.simulate": ("SimulationResult", "simulate"),
    "arbcore.trading._plugin": ("TraderDesk",),
    "arbcore.trading._session": ("Session",),
    "arbcore.trading.trading_settings": ("SessionSettings",),
    "arbcore.trading.strategy": ("Strategy",),
    "arbcore.venue._engine": ("Engine",),
    "arbcore.venue.venue_config": ("VenueConfig",),
}
# Public names that are modules.
_MODULES = ("statistics",)


def __getattr__(name: str) -> object:
    if name in _MODULES:
        from importlib import import_module

        return import_module(f"arbcore.{name}")
    for module, names in _HOME.items():
        if name in names:
            from importlib import import_module

            value: object = getattr(import_module(module), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'arbcore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
