"""The areas by name; an area's module is imported only when the area is chosen."""

from collections.abc import Callable
from importlib import import_module

from tools.bench.harness import Options, Table

AREAS = {
    "session": "bytes in to order bytes out, without a socket",
    "backtest": "quotes to trades and statistics, from a file and in memory",
    "instructions": "instructions a message, where valgrind is installed",
    "parts": "what each compiled part of the carry side buys",
    "sweep": "many pairs of thresholds over quotes in memory",
    "venue": "the embedded exchange in process, and rounds in virtual time",
    "desk": "quote in to orders out of the live carry desk, without a library",
    "loopback": "tick to order and lines a second over loopback",
    "live": "what ten clients of a live page cost a decision",
}


def runner(area: str) -> Callable[[Options], list[Table]]:
    """Imports an area's module and returns its ``run``."""
    run: Callable[[Options], list[Table]] = import_module(f"tools.bench.area_{area}").run
    return run
