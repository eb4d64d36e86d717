"""arbcore: one compiled core that makes arbitrage decisions, live, simulated and over recorded data.

Research, with results that a notebook displays, as tables and as pages:
    backtest, BacktestResult, BacktestSettings   the carry signal over quotes of an index future and its ETF
    sweep, SweepResult                           ranges of its settings over the same quotes
    fair_value                                   the fair value of the future
    simulate, SimulationResult                   rounds of the exchange bot in virtual time
    arbcore.quotes                               join, check and convert quotes
    arbcore.statistics                           how far to trust a result

The exchange bot, its strategies and the exchange, without IO:
    Session, SessionSettings                     bytes and times in, bytes out
    Strategy, TraderDesk                         a strategy of your own, and its view of the market
    Engine, VenueConfig                          the embedded exchange

Kernels of both bots:
    RollingMean, MessageWindow, Cooldown, exposure_room, exposure_allows, depth_value, basket_cost,
    basket_proceeds, conversion_edge, best_lots

Errors, each one sentence (what, where, what to do) with an exit code:
    ArbcoreError; UsageError, ConfigError; InputError, JournalError, DataError; RunError, ConnectError,
    WireError, ShardError; BrokenInvariant

Every name is loaded when it is first used, which makes importing this package nearly free.
"""

from arbcore._version import __version__ as __version__

# Type checkers take this as True; importing typing for it would be most of the cost of this module.
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
