"""``arbcore doctor``: checks this machine, its settings, the store, and the connections that flags select."""

import argparse
import json
import logging
import os

from arbcore.commands._arguments import working_directory
from arbcore.errors import EXIT_FAILED

DESCRIPTION = """\
Checks interpreter, build, settings, clock, store and disk; with --ibkr also TWS (account, clock, contracts,
market data), with --fred also FRED; and says what to do about each. It changes nothing and trades nothing."""
EPILOG = """\
examples:
  arbcore doctor
  arbcore doctor --ibkr                 TWS or IB Gateway as the settings say, for --paper
  arbcore doctor --ibkr --live --json

The exit code is 1 where a check failed.
"""
_QUIET = ("ib_insync", "ib_async", "arbcore")
_SIGNS = {"ok": "ok  ", "warning": "warn", "failed": "FAIL"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--ibkr", action="store_true", help="connect to TWS or IB Gateway (IB_HOST, IB_PORT)")
    parser.add_argument("--live", action="store_true", help="with --ibkr: check for --live, not for --paper")
    parser.add_argument("--fred", action="store_true", help="ask FRED for the rate (FRED_API_KEY)")
    parser.add_argument("--json", action="store_true", help="the findings as one JSON document")


def run(args: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    from arbcore.broker.doctor import FAILED, MachineCheck
    from arbcore.play.exchange_settings import exchange_settings
    from arbcore.system.safe_log import loggers_restored

    examination = MachineCheck(
        working_directory(), os.environ, live=args.live, others=exchange_settings()
    )
    with loggers_restored(*_QUIET):
        # The findings already contain what the libraries log.
        for name in _QUIET:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        examination.here()
        if args.ibkr:
            examination.ibkr()
        if args.fred:
            examination.fred()
    failed = sum(finding.status == FAILED for finding in examination.found)
    if args.json:
        findings = [finding.document() for finding in examination.found]
        print(json.dumps({"schema": "arbcore.doctor/1", "failed": failed, "findings": findings}))
        return EXIT_FAILED if failed else 0
    width = max(len(finding.name) for finding in examination.found)
    for finding in examination.found:
        print(f"{_SIGNS[finding.status]}  {finding.name:<{width}}  {finding.seen}")
        if finding.advice:
            print(f"{'':<{width + 6}}  -> {finding.advice}")
    return EXIT_FAILED if failed else 0
