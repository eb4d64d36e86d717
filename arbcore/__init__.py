"""arbcore: one compiled core that makes arbitrage decisions, live, simulated and over recorded data."""

__version__ = "0.1.0"
