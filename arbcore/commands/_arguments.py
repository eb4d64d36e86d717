"""What more than one command takes from its caller: types of arguments, and the working directory.

What is bad about them is one clear sentence.
"""

import argparse
import math
import re
from collections.abc import Callable
from pathlib import Path

from arbcore.core.text import printable
from arbcore.errors import RunError


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """A parser of whole numbers from ``low`` to ``high``."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,20}", text) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{printable(text)} is not a whole number from {low} to {high}")
        return int(text)

    return parse


def port_number(low: int = 1) -> Callable[[str], int]:
    return whole_number(low, 65_535)


def positive_seconds(text: str) -> float:
    """A finite number of seconds above 0, up to a year."""
    return _seconds(text, smallest=0.001)


def seconds(text: str) -> float:
    """A finite number of seconds, 0 included."""
    return _seconds(text, smallest=0.0)


def _seconds(text: str, *, smallest: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not smallest <= value <= 366 * 86_400:
        raise argparse.ArgumentTypeError(
            f"{printable(text)} is not a number of seconds from {smallest:g} to a year"
        )
    return value


def working_directory() -> Path:
    """Where the program was started; RunError where that was deleted since."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise RunError("The working directory does not exist any more; change to one that does.") from None
