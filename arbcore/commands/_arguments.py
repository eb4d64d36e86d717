"""What several commands share: the types of arguments, --listen, and the working directory.

Each type reports in one sentence what is wrong with an argument.
"""

import argparse
import math
import re
from collections.abc import Callable
from pathlib import Path

from arbcore.core.text import printable
from arbcore.errors import RunError


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Returns a parser of whole numbers from ``low`` to ``high``."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,20}", text) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{printable(text)} is not a whole number from {low} to {high}")
        return int(text)

    return parse


def port_number(low: int = 1) -> Callable[[str], int]:
    return whole_number(low, 65_535)


def positive_seconds(text: str) -> float:
    """Reads a finite number of seconds above 0, up to a year."""
    return _seconds(text, smallest=0.001)


def seconds(text: str) -> float:
    """Reads a finite number of seconds, 0 included."""
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
    """Returns the directory the program was started in. Raises RunError if it was deleted since."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise RunError("The working directory does not exist any more; change to one that does.") from None


def add_listen_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares --listen, which commands with a live page share."""
    parser.add_argument(
        "--listen", type=listen_address, metavar="HOST:PORT",
        help="a live page, /metrics, /health and /status.json while it runs, such as 127.0.0.1:9464",
    )  # fmt: skip
    parser.add_argument(
        "--listen-token-file", type=Path, metavar="FILE",
        help="the token that the live page asks for; needed beyond loopback (or ARBCORE_LISTEN_TOKEN)",
    )  # fmt: skip


def listen_address(text: str) -> tuple[str, int]:
    """Splits ``HOST:PORT`` or ``[IPV6]:PORT`` into host and port; port 0 means any free port."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        host = ""
    if not colon or not host or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65_535:
        raise argparse.ArgumentTypeError(
            f"{printable(text)} is not HOST:PORT with a port from 0 to 65535, such as 127.0.0.1:9464"
        )
    return host, int(port)
