"""``arbcore serve``: runs the embedded exchange for any number of teams until Ctrl-C."""

import argparse
import ipaddress
import json
import secrets
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from arbcore.commands._arguments import (
    add_listen_arguments,
    port_number,
    positive_seconds,
    whole_number,
)
from arbcore.commands._ending import ServerEnding
from arbcore.core.text import plural, printable
from arbcore.errors import EXIT_FAILED
from arbcore.system.terminal import Console, is_live
from arbcore.venue.regimes import REGIMES
from arbcore.venue.venue_config import FEE_RULES, LOGIN_POLICIES, MODES

if TYPE_CHECKING:
    from arbcore.venue.venue_documents import RoundEvent, SecondLoginEvent

DESCRIPTION = """\
An exchange of our own over TCP, by the rules and the protocol of the real one: matching by price and time,
position limits, conversions, rounds, and a marketplace of simulated participants, for one team or a contest
of many: a live score board, results in a file, plain text beside JSON. It ends with Ctrl-C."""
EPILOG = """\
modes: prod-like has a busy marketplace and rounds of five minutes; slower a quiet one without end; empty
none at all.

examples:
  arbcore serve --mode prod-like
  arbcore serve --mode prod-like --host 0.0.0.0 --teams teams.txt --results evening.csv --text-port 20000
  arbcore serve --mode empty --port 0 --round 60 --json
  arbcore exchange --address 127.0.0.1:25000 --team ALPHA     (in another terminal)

Anybody who can reach the address can trade on it, unless --teams says who may. It listens on this machine
only, unless --host says otherwise.

teams: the file of --teams has one team a line, NAME or NAME,PASSWORD. The password is one more field of the
hello, {"type":"hello","team":"NAME","password":"..."}, or one more word, HELLO NAME PASSWORD. It is sent in
the clear: it keeps the teams of a contest apart and is no protection on a hostile network.

plain text: `nc 127.0.0.1 20000`, then HELLO NAME, ADD 1 BOND BUY 999 10, CANCEL 1, CONVERT 2 VALE SELL 5.
"""
NS_PER_S = 1_000_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--mode", choices=MODES, required=True, help="which marketplace")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument(
        "--port",
        type=port_number(0),
        default=25_000,
        help="port to listen on, 0 for any free one (default 25000)",
    )
    parser.add_argument(
        "--text-port",
        type=port_number(0),
        metavar="N",
        help="a second port, for clients that speak plain text; 0 for any free one (default: none)",
    )
    parser.add_argument(
        "--teams", type=Path, metavar="FILE", help="the teams that may log in, with a password or without"
    )
    parser.add_argument(
        "--results", type=Path, metavar="FILE", help="write one CSV row per team and round to this new file"
    )
    parser.add_argument(
        "--round",
        type=positive_seconds,
        metavar="S",
        dest="round_s",
        help="length of a round in seconds (default 300 for prod-like, else no end)",
    )
    parser.add_argument(
        "--restart",
        type=positive_seconds,
        metavar="S",
        dest="restart_s",
        help="pause between two rounds in seconds (default 1)",
    )
    parser.add_argument(
        "--seed",
        type=whole_number(0, 2**63 - 1),
        metavar="N",
        help="seed of the marketplace: the same seed gives the same market (default: a random one)",
    )
    parser.add_argument(
        "--regime",
        choices=list(REGIMES),
        default="normal",
        help="character of the marketplace (default %(default)s)",
    )
    parser.add_argument(
        "--fee-rule", choices=FEE_RULES, default=FEE_RULES[0], help="how conversion fees are charged"
    )
    parser.add_argument(
        "--second-login",
        choices=LOGIN_POLICIES,
        default=LOGIN_POLICIES[0],
        help="what a second login of a team does (default %(default)s)",
    )
    parser.add_argument(
        "--open-orders",
        type=whole_number(0, 10**6),
        metavar="N",
        default=0,
        help="most open orders of a team, 0 for no cap (default 0)",
    )
    add_listen_arguments(parser)
    parser.add_argument(
        "--json", action="store_true", help="one JSON object per line: listening, then every round"
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors and results")
    parser.add_argument("--until-stdin-closes", action="store_true", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    from arbcore.play.exchange_server import ExchangeServer
    from arbcore.venue._engine import Engine
    from arbcore.venue.venue_config import VenueConfig

    times = {
        name: round(seconds * NS_PER_S)
        for name, seconds in (("round_ns", args.round_s), ("restart_ns", args.restart_s))
        if seconds is not None
    }
    teams = _teams(args.teams)
    config = VenueConfig(
        mode=args.mode,
        regime=args.regime,
        fee_rule=args.fee_rule,
        login_policy=args.second_login,
        open_orders_max=args.open_orders,
        teams=teams,
        **times,
    )
    seed = secrets.randbits(32) if args.seed is None else args.seed
    results = _results(args, seed)
    show = _Show(args, results, exposure(args.host, teams))
    try:
        engine = Engine(config, seed)
        server = ExchangeServer(
            engine, host=args.host, port=args.port, text_port=args.text_port,
            report=show.report, watch=show.refresh,
        )  # fmt: skip
        show.begin(server, engine, seed)
        ending = ServerEnding(server.wake, with_stdin=args.until_stdin_closes)
        show.listening(seed)
        server.serve(lambda: ending.over)
    finally:
        show.close()
        if results is not None:
            results.close()
    return EXIT_FAILED if show.rows_lost and ending.exit_code == 0 else ending.exit_code


def _teams(path: Path | None) -> dict[str, str] | None:
    if path is None:
        return None
    from arbcore.play.teams_file import others_may_read, read_teams

    teams = read_teams(path)
    if any(teams.values()) and others_may_read(path):
        _warn(f"Other users of this machine may read the passwords in {printable(str(path))}; chmod 600 it.")
    return teams


def _results(args: argparse.Namespace, seed: int) -> Any:
    if args.results is None:
        return None
    from arbcore.play.results_file import ResultsFile

    return ResultsFile(args.results, {"seed": seed, "mode": args.mode, "regime": args.regime})


def _warn(text: str) -> None:
    print(f"arbcore: {text}", file=sys.stderr, flush=True)


def open_to_network(host: str) -> bool:
    """Whether an address to listen on can be reached from other machines."""
    if host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True


def exposure(host: str, teams: dict[str, str] | None) -> str:
    """Returns a warning if other machines can reach the address; otherwise an empty text."""
    if not open_to_network(host):
        return ""
    if teams is None:
        return "Open to the network: anybody who reaches it can trade as any team."
    if all(teams.values()):
        return "Open to the network: passwords are sent in the clear."
    return "Open to the network: anybody can trade as a team without a password."


class _Show:
    """The command's output: results on standard output, the score board and events on standard error."""

    def __init__(self, args: argparse.Namespace, results: Any, notice: str) -> None:
        self._args = args
        self._results = results
        self._notice = notice
        self._console = Console(quiet=args.quiet)
        self._board: Any = None
        self._server: Any = None
        self._engine: Any = None
        self._feed: Any = None
        self._about: dict[str, str] = {}
        self._began_s = time.monotonic()
        self.rows_lost = False
        # If one terminal shows both, results are printed above the board, or they would break it up.
        self._together = not args.quiet and is_live(sys.stderr) and sys.stdout.isatty()

    def begin(self, server: Any, engine: Any, seed: int) -> None:
        from arbcore.commands._live import open_feed
        from arbcore.venue.score_board import ScoreBoard

        self._server, self._engine = server, engine
        self._feed = open_feed(self._args, "serve", self._say)
        where = f"{printable(self._args.host)}:{server.port}"
        words = "" if server.text_port is None else f", plain text on {server.text_port}"
        title = f"{where}{words}   {self._args.mode}, {self._args.regime}, seed {seed}"
        self._board = ScoreBoard(title, notice=self._notice)
        self._about = {
            "mode": self._args.mode, "regime": self._args.regime, "address": where,
            "text_address": words.removeprefix(", "),
        }  # fmt: skip

    def _say(self, text: str) -> None:
        if not self._args.quiet:
            self._console.event(text) if self._together else _warn(text)

    def listening(self, seed: int) -> None:
        server, args = self._server, self._args
        notice = self._notice
        if args.json:
            self._print(
                json.dumps(
                    {
                        "schema": "arbcore.serve/1",
                        "event": "listening",
                        "host": args.host,
                        "port": server.port,
                        "text_port": server.text_port,
                        "open_to_network": bool(notice),
                        "mode": args.mode,
                        "regime": args.regime,
                        "seed": seed,
                    }
                )
            )
        else:
            words = "" if server.text_port is None else f", in plain text on port {server.text_port}"
            self._print(
                f"Exchange ({args.mode}, regime {args.regime}, seed {seed}) listening on "
                f"{printable(args.host)}:{server.port}{words}."
            )
        if notice:
            _warn(notice)
        if not args.quiet:
            _warn("Ctrl-C ends the exchange.")

    def report(self, event: dict[str, Any]) -> None:
        if event["event"] == "second-login":
            self._second_login(event)
            return
        if event["event"] == "round":
            self._board.end_round(event["scores"])
            if self._results is not None:
                problem = self._results.add(event)
                self.rows_lost = problem is not None
                if problem is not None:
                    self._console.event(problem) if self._together else _warn(problem)
        if self._args.json:
            self._print(json.dumps(event))
        else:
            for line in round_lines(cast("RoundEvent", event)):
                self._print(line)

    def _second_login(self, event: dict[str, Any]) -> None:
        if event["two_bots"]:
            self._board.mark(event["team"], time.monotonic())
        if self._args.json:
            self._print(json.dumps(event))
        self._console.event(second_login_text(cast("SecondLoginEvent", event)))

    def refresh(self) -> None:
        """Redraws the board or writes its line, if one is due."""
        if self._board is None:
            return

        def block() -> list[str]:
            height = max(shutil.get_terminal_size().lines - 2, 4)
            lines: list[str] = self._board.lines(
                self._server.standings(), now_s=time.monotonic(), height=height
            )
            return lines

        def line() -> str:
            text: str = self._board.line(self._server.standings())
            return text

        self._console.show(time.monotonic_ns(), block=block, line=line)
        if self._feed is not None:
            self._feed.publish(time.monotonic_ns(), self._snapshot)

    def _snapshot(self) -> dict[str, Any]:
        from arbcore.commands._live_exchange import serve_snapshot

        return serve_snapshot(
            self._server, self._engine, self._board, about=self._about, began_s=self._began_s
        )

    def close(self) -> None:
        if self._feed is not None:
            self._feed.close()
        self._console.close()

    def _print(self, text: str) -> None:
        if self._together:
            self._console.event(text)
        else:
            print(text, flush=True)


def second_login_text(event: "SecondLoginEvent") -> str:
    """Returns the message about a second login of a team."""
    what = "was refused" if event["refused"] else f"replaced the one from {event['other'] or 'elsewhere'}"
    looks = "two bots of one team?" if event["two_bots"] else "a reconnect"
    return f"{printable(event['team'])} logged in again from {event['from']}; it {what} ({looks})."


def round_lines(event: "RoundEvent") -> list[str]:
    """Returns a round's result as text, best team first."""
    unfinished = "" if event["complete"] else ", unfinished"
    scores = event["scores"]
    lines = [f"Round {event['round']}{unfinished}: {plural(len(scores), 'team')}."]
    for team, score in sorted(scores.items(), key=lambda item: -item[1]["fair_pnl"]):
        stopped = "  stopped by the loss limit" if score.get("stopped") else ""
        lines.append(
            f"  {printable(team):<12} {score['fair_pnl']:>+12,} at fair value  "
            f"{plural(score['fills'], 'fill')}{stopped}"
        )
    return lines
