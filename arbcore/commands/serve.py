"""``arbcore serve``: the embedded exchange for any number of teams, until Ctrl-C."""

import argparse
import json
import secrets
import sys
from typing import Any

from arbcore.commands._arguments import port_number, positive_seconds, whole_number
from arbcore.commands._ending import Ending
from arbcore.text import plural, printable
from arbcore.venue.config import FEE_RULES, LOGIN_POLICIES, MODES
from arbcore.venue.regimes import REGIMES

DESCRIPTION = """\
An exchange of our own over TCP, by the rules and the protocol of the real one: matching by price and time,
position limits, conversions, rounds, and a marketplace of simulated participants. It ends with Ctrl-C."""
EPILOG = """\
modes: prod-like has a busy marketplace and rounds of five minutes; slower a quiet one without end; empty
none at all.

examples:
  arbcore serve --mode prod-like
  arbcore serve --mode empty --port 0 --round 60 --json
  arbcore exchange --address 127.0.0.1:25000 --team ALPHA     (in another terminal)

Anybody who can reach the address can trade on it: there are no passwords. It listens on this machine only,
unless --host says otherwise.
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
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a line: listening, then every round"
    )
    parser.add_argument("--quiet", action="store_true", help="say nothing but errors and results")
    parser.add_argument("--until-stdin-closes", action="store_true", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    from arbcore.venue._engine import Engine
    from arbcore.venue.config import VenueConfig
    from arbcore.venue.server import ExchangeServer

    times = {
        name: round(seconds * NS_PER_S)
        for name, seconds in (("round_ns", args.round_s), ("restart_ns", args.restart_s))
        if seconds is not None
    }
    config = VenueConfig(
        mode=args.mode,
        regime=args.regime,
        fee_rule=args.fee_rule,
        login_policy=args.second_login,
        open_orders_max=args.open_orders,
        **times,
    )
    seed = secrets.randbits(32) if args.seed is None else args.seed
    report = _report_json if args.json else _report_text
    server = ExchangeServer(Engine(config, seed), host=args.host, port=args.port, report=report)
    ending = Ending(server.wake, with_stdin=args.until_stdin_closes)
    report(
        {
            "schema": "arbcore.serve/1",
            "event": "listening",
            "host": args.host,
            "port": server.port,
            "mode": args.mode,
            "seed": seed,
        }
    )
    if not args.quiet:
        print("arbcore: Ctrl-C ends the exchange.", file=sys.stderr)
    server.serve(lambda: ending.over)
    return ending.exit_code


def _report_json(event: dict[str, Any]) -> None:
    print(json.dumps(event), flush=True)


def _report_text(event: dict[str, Any]) -> None:
    if event["event"] == "listening":
        print(
            f"Exchange ({event['mode']}, seed {event['seed']}) listening on {event['host']}:{event['port']}.",
            flush=True,
        )
        return
    unfinished = "" if event["complete"] else ", unfinished"
    scores = event["scores"]
    print(f"Round {event['round']}{unfinished}: {plural(len(scores), 'team')}.", flush=True)
    for team, score in sorted(scores.items(), key=lambda item: -item[1]["fair_pnl"]):
        stopped = "  stopped by the loss limit" if score.get("stopped") else ""
        print(
            f"  {printable(team):<12} {score['fair_pnl']:>+12,} at fair value  "
            f"{plural(score['fills'], 'fill')}{stopped}",
            flush=True,
        )
