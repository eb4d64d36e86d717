"""What commands with a live page (--listen) share, and the program of the process that serves the page."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from arbcore._version import __version__
from arbcore.commands._arguments import working_directory
from arbcore.core.latency import LatencyHistogram
from arbcore.core.settings import LISTEN_TOKEN
from arbcore.core.text import printable
from arbcore.errors import ConfigError, UsageError
from arbcore.pages.live_carry import carry_view
from arbcore.pages.live_exchange import exchange_view
from arbcore.pages.live_page import LiveView
from arbcore.pages.live_serve import serve_view
from arbcore.system.configuration import load
from arbcore.system.live_feed import LiveFeed
from arbcore.system.live_server import is_loopback, serve_lines
from arbcore.system.processors import give_way
from arbcore.system.regular_file import read_regular

VIEWS: dict[str, Callable[[str], LiveView]] = {
    "carry": carry_view, "exchange": exchange_view, "serve": serve_view,
}  # fmt: skip
TOKEN_BYTES_MAX = 4_096
_QUANTILES = {"0.5": "p50", "0.99": "p99", "0.999": "p999", "1": "max"}


def latency_s(histogram: LatencyHistogram) -> dict[str, float | None]:
    """Returns seconds by quantile; each is None if nothing was measured."""
    found = histogram.summary_us()
    return {
        quantile: None if (value := found[name]) is None else value * 1e-6
        for quantile, name in _QUANTILES.items()
    }


def open_feed(args: argparse.Namespace, kind: str, told: Callable[[str], None]) -> LiveFeed | None:
    """Starts the live page of a run if --listen is given, and reports its address.

    Args:
        args: The command line, with ``listen`` and ``listen_token_file``.
        kind: One of ``VIEWS``.
        told: Receives each sentence to show to the user.

    Raises:
        ConfigError: The address can be reached from other machines and there is no token.
        RunError: The address cannot be listened on.
    """
    if args.listen is None:
        if args.listen_token_file is not None:
            raise UsageError("--listen-token-file is for a live page; name its address with --listen.")
        return None
    host, port = args.listen
    token = _token(args.listen_token_file)
    if not token and not is_loopback(host):
        raise ConfigError(
            f"--listen {printable(host)} can be reached from other machines and needs a token: set "
            f"{LISTEN_TOKEN.name}, or name a file that holds one with --listen-token-file."
        )
    feed = LiveFeed("arbcore.commands._live", kind, told=told)
    bound = feed.start(host="127.0.0.1" if host == "localhost" else host, port=port, token=token)
    shown = f"[{host}]" if ":" in host else host
    told(f"Live page: http://{shown}:{bound}/{' (with ?token=...)' if token else ''}")
    return feed


def _token(path: Path | None) -> str:
    """Reads the token from the file, else from the environment or .env; "" if there is none."""
    if path is None:
        config = load((LISTEN_TOKEN,), working_directory(), os.environ)
        token, where = str(config[LISTEN_TOKEN.name]), LISTEN_TOKEN.name
    else:
        where = f"--listen-token-file {printable(str(path))}"
        try:
            token = read_regular(path, TOKEN_BYTES_MAX).decode("ascii").strip()
        except OSError as error:
            raise ConfigError(f"{where} cannot be read ({error.strerror}); name another file.") from None
        except ValueError:
            raise ConfigError(f"{where} is not text; write a token of letters and digits into it.") from None
        if not token:
            raise ConfigError(f"{where} is empty; write a token into it.")
    if not all("!" <= character <= "~" for character in token):
        raise ConfigError(f"{where} must be letters, digits and signs without spaces; choose another token.")
    return token


def main() -> None:
    """Serves the kind of view that its only argument names, until standard input ends."""
    give_way()
    serve_lines(sys.stdin.buffer, sys.stdout.buffer, VIEWS[sys.argv[1]](__version__))
    sys.stdout.flush()
    # Threads that still serve a browser must not delay the end.
    os._exit(0)


if __name__ == "__main__":
    main()
