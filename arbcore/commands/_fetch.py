"""``arbcore quotes fetch``: its arguments, its progress, and its result."""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from arbcore.commands._arguments import port_number, whole_number, working_directory
from arbcore.commands._output import refuse_overlap
from arbcore.core.text import printable
from arbcore.errors import EXIT_INTERRUPTED

if TYPE_CHECKING:
    from arbcore.core.settings import Config

FETCH_DESCRIPTION = """\
Gets BID_ASK history of both legs from TWS or IB Gateway, no faster than the broker allows, and joins it."""
FETCH_EPILOG = """\
The broker takes 30 BID_ASK requests in ten minutes. A session of one-second bars needs 26 of them, so that
five sessions take more than half an hour. What was fetched is kept in OUT.part: Ctrl-C, a lost connection or
a reboot lose one request, and the same command goes on from there. Bars of 30s and less, and ticks, reach
half a year back.

--host and --port say where TWS is, else IB_HOST and IB_PORT in the environment or in .env, as for the carry
bot. The bot has a client id of its own, so both can run at once.

A bar's bid and ask are averages over its time, at which nobody could trade. Ticks are quotes.

examples:
  arbcore quotes fetch -o both.csv                        five sessions of one-second bars from TWS paper
  arbcore quotes fetch -o year.parquet --bar 1m --days 250
  arbcore quotes fetch -o both.csv --port 7400 --days 1         from `arbcore gateway`
  arbcore quotes fetch -o both.csv --port 7400 --days 2 --bar 1m --end 2026-03-03T21:00:00Z
                                                          from a gateway that replays a file of those days
"""
SAY_EVERY_S = 10.0


def add_fetch(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument(
        "-o", "--output", dest="out", type=Path, required=True, metavar="OUT",
        help="file to write: .csv, .csv.gz, .parquet or .arrow",
    )  # fmt: skip
    parser.add_argument("--pair", default="es-spy", metavar="PAIR", help="which pair (default es-spy)")
    parser.add_argument(
        "--days", type=whole_number(1, 260), default=5, metavar="N", help="how many sessions (default 5)"
    )
    parser.add_argument(
        "--bar", default="1s", metavar="SIZE", help="1s, 5s, 30s, 1m or ticks (default 1s)"
    )
    parser.add_argument(
        "--end", metavar="TIME", help="get sessions before this time, ISO 8601 (default: the broker's clock)"
    )
    parser.add_argument("--host", help="where TWS is (default IB_HOST, or 127.0.0.1)")
    parser.add_argument(
        "--port", type=port_number(1),
        help="its port: 7497 TWS paper, 7496 live, 4002 IB Gateway paper, 7400 arbcore gateway (default "
        "IB_PORT, or 7497)",
    )  # fmt: skip
    parser.add_argument(
        "--client-id", type=whole_number(0, 2**31 - 1), default=18, metavar="N",
        help="a client id that no other program uses (default 18)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.set_defaults(run_quotes=run_fetch)


def run_fetch(args: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    from arbcore.broker.fetching import FetchSettings, fetch

    where = _where(args)
    part = args.out.with_name(args.out.name + ".part")
    refuse_overlap(inputs=[], outputs=[("-o", args.out)])
    settings = FetchSettings(
        out=args.out, pair=args.pair, days=args.days, bar=args.bar, end=args.end, host=where["IB_HOST"],
        port=where["IB_PORT"], client_id=args.client_id, library=where["ARBCORE_IB_LIBRARY"],
    )  # fmt: skip
    try:
        joined = fetch(settings, hook=None if args.quiet else _Sayer().say)
    except KeyboardInterrupt:
        if part.exists():
            print(
                f"arbcore: interrupted; {printable(str(part))} keeps what was fetched, and the same command "
                "goes on.",
                file=sys.stderr,
            )
        return EXIT_INTERRUPTED
    for note in joined.notes:
        print(f"arbcore: {note}", file=sys.stderr)
    if args.json:
        print(json.dumps(joined.summary))
    else:
        print(f"{joined.summary['rows']:,} rows in {printable(str(args.out))}.")
    return 0


def _where(args: argparse.Namespace) -> "Config":
    """Reads three settings of the carry bot: the host and port of TWS, and the library."""
    from arbcore.broker.carry_settings import carry_settings
    from arbcore.commands.config import warn
    from arbcore.play.exchange_settings import exchange_settings
    from arbcore.system.configuration import load

    settings = {setting.name: setting for setting in carry_settings()}
    given = {"IB_HOST": (args.host, "--host"), "IB_PORT": (args.port, "--port")}
    flags = {name: (str(value), flag) for name, (value, flag) in given.items() if value is not None}
    mine = [settings.pop(name) for name in (*given, "ARBCORE_IB_LIBRARY")]
    others = [setting.name for setting in exchange_settings()]
    resolved = load(mine, working_directory(), os.environ, flags=flags, elsewhere=[*settings, *others])
    warn(resolved)
    return resolved


class _Sayer:
    """Prints the download's progress at most every ten seconds, but each wait and each refusal at once."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._said_s = self._began_s
        self._first: int | None = None

    def say(self, text: str, done: int, total: int) -> None:
        """Prints one event of the download, if it is due."""
        now_s = time.monotonic()
        if self._first is None:
            self._first = done
        if text.startswith("fetching") and now_s - self._said_s < SAY_EVERY_S:
            return
        self._said_s = now_s
        left = ""
        if done > self._first:
            each_s = (now_s - self._began_s) / (done - self._first)
            left = f", about {each_s * (total - done):,.0f} s left"
        print(f"arbcore: {done} of {total} requests{left}; {printable(text)}", file=sys.stderr, flush=True)
