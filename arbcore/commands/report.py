"""``arbcore report``: quotes, signals, orders, fills and P&L of the carry bot, from its store."""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arbcore.commands._arguments import working_directory
from arbcore.commands._output import refuse_overlap
from arbcore.core.text import plural, printable, whole_seconds

if TYPE_CHECKING:
    from arbcore.broker.report import StoreRows

DESCRIPTION = """\
Shows what the carry bot saw and did, from its store: signals, orders, fills, P&L by leg and by day, states
and alarms."""
EPILOG = """\
examples:
  arbcore report
  arbcore report --db arb_bot.simulated.sqlite3 --trades trades.csv --html bot.html
  arbcore report --json | python -m json.tool
  arbcore report --backup /backups/arb_bot.sqlite3      a copy that `report --db` reads; the bot goes on

  arbcore report --quotes quotes.csv                    ... beside what the model makes of these quotes

What the bot recorded (`arbcore ibkr --record`) is set against its backtest with the bot's own settings, trade
by trade: what was decided and filled, slippage and cost, and what neither of them explains.

Without --db the store is DB_PATH's (default arb_bot.sqlite3); where that is not there, the one of the last
simulated run. It may be read while a bot is writing. P&L comes from executions and commissions; what is
not known yet (a commission report that did not come) is shown as unknown, never as 0.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--db", type=Path, metavar="FILE", help="the store (DB_PATH)")
    parser.add_argument(
        "--trades", type=Path, metavar="FILE", help="write the ledger, in the backtest's columns"
    )
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write the report as one page that loads nothing"
    )
    parser.add_argument(
        "--quotes", type=Path, metavar="FILE",
        help="set the run against the backtest of these quotes (default: what the bot recorded)",
    )  # fmt: skip
    parser.add_argument(
        "--backup", type=Path, metavar="FILE", help="write a copy of the store, also while a bot writes to it"
    )
    parser.add_argument("--json", action="store_true", help="the report as one JSON document")


def run(args: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    from arbcore.broker.model_trades import model_lines
    from arbcore.broker.report import document, ledger, read_store, summary_lines, to_html
    from arbcore.broker.store_file import back_up
    from arbcore.core.civil import iso_time
    from arbcore.core.ledger_columns import ledger_header, ledger_line
    from arbcore.system.output_file import OutputFile

    path = args.db or default_store()
    refuse_overlap(
        inputs=[("the store", path), ("--quotes", args.quotes)],
        outputs=[("--trades", args.trades), ("--html", args.html), ("--backup", args.backup)],
    )
    rows = read_store(path)
    found = document(rows)
    found["model"] = _model(rows, found["closed_trades"], args.quotes)
    if args.trades is not None:
        with OutputFile(args.trades, private=True) as stream:
            stream.write(ledger_header())
            stream.writelines(map(ledger_line, ledger(rows)))
    if args.html is not None:
        with OutputFile(args.html, private=True) as stream:
            stream.write(to_html(found, rows))
    if args.backup is not None:
        back_up(path, args.backup, now_text=iso_time(time.time_ns()))
    written = [("ledger", args.trades), ("report", args.html), ("copy of the store", args.backup)]
    _say_written(written, closed=found["trades"])
    lines = summary_lines(found) if found["model"] is None else [
        *summary_lines(found), *model_lines(found["model"])
    ]  # fmt: skip
    print(json.dumps(found) if args.json else whole_seconds("\n".join(lines)))
    return 0


def _model(rows: "StoreRows", trades: list[dict[str, Any]], given: Path | None) -> dict[str, Any] | None:
    """Compares the trades with a backtest of the recorded quotes; None without quotes that can be used."""
    from arbcore.broker.model_trades import against_model, quotes_of
    from arbcore.errors import ArbcoreError

    quotes = quotes_of(rows.meta, given)
    if quotes is None:
        return None
    try:
        return against_model(trades, rows.meta, quotes=quotes, pair=rows.pair)
    except ArbcoreError as error:
        if given is not None:
            raise
        # No flag requests this comparison, so the report goes on without it.
        print(f"arbcore: the recorded quotes cannot be compared with: {error}", file=sys.stderr)
        return None


def _say_written(named: list[tuple[str, Path | None]], *, closed: int) -> None:
    for what, path in named:
        if path is not None:
            held = f" of {plural(closed, 'closed trade')}" if what == "ledger" else ""
            print(f"arbcore: the {what}{held} is in {printable(str(path))}.", file=sys.stderr)


def default_store() -> Path:
    """Returns the store of DB_PATH. If it does not exist, returns the last simulated run's and prints so."""
    from arbcore.broker.carry_settings import carry_settings, simulated_store
    from arbcore.system.configuration import load

    path = Path(load(carry_settings(), working_directory(), os.environ)["DB_PATH"])
    simulated = simulated_store(path)
    if not path.exists() and simulated.exists():
        print(f"arbcore: there is no store {path}; this is {simulated}, of a simulated run.", file=sys.stderr)
        return simulated
    return path
