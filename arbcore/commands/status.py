"""``arbcore status``: the state of a carry bot, read from its store in another shell."""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from arbcore.commands.report import default_store
from arbcore.core.text import plural, printable, whole_seconds
from arbcore.system.terminal import erased, is_live, rows_of

if TYPE_CHECKING:
    from arbcore.broker.report import RunDocument, StatusDocument

DESCRIPTION = """\
Shows whether a carry bot is well: whether it runs and since when, its state, what it holds, today's P&L, its
last quote, order and alarm. It only reads the store, so the bot is not disturbed."""
EPILOG = """\
examples:
  arbcore status
  arbcore status --watch
  arbcore status --json --db /srv/arbcore/arb_bot.sqlite3

Exit code 0 where the bot runs and is well, or has ended in order and flat; 1 where it runs and is not well
(HALTED, the kill switch, entries refused), is dead, or has ended with a position; 3 where there is no store.
A bot is dead where its run has no recorded end and its process is gone or its heartbeat is older than 15
seconds.
"""
SCHEMA = "arbcore.status/1"
EXIT_UNWELL = 1
#: Reasons of REDUCING that make the command report a problem.
NOT_WELL = frozenset({"kill switch", "entries refused"})
WATCH_S = 1.0
LINE_MAX = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--db", type=Path, metavar="FILE", help="the store (DB_PATH)")
    parser.add_argument("--watch", action="store_true", help="go on showing it until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="one JSON document, with --watch one per line")


def run(args: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    path = args.db or default_store()
    if not args.watch:
        return _show(path, args.json)
    shown: list[int] = []
    live = is_live(sys.stdout) and not args.json
    while True:
        found = status_document(path)
        lines = [json.dumps(found)] if args.json else status_lines(found)
        if live:
            size = os.get_terminal_size()
            print(erased(shown, size.columns), end="")
            lines = [str(row) for row in rows_of(lines, size.columns - 1, size.lines - 1)]
            shown = [len(line) for line in lines]
        print("\n".join(lines), flush=True)
        time.sleep(WATCH_S)


def _show(path: Path, as_json: bool) -> int:
    found = status_document(path)
    print(json.dumps(found) if as_json else "\n".join(status_lines(found)))
    if found["running"]:
        return 0 if found["well"] else EXIT_UNWELL
    return 0 if found["well"] and found["ended"] else EXIT_UNWELL


def status_document(path: Path) -> "StatusDocument":
    """Returns the JSON document."""
    from arbcore.broker.report import last_alarm, read_store, run_document, today

    rows = read_store(path, brief=True)
    one = run_document(rows)
    order = rows.orders[-1] if rows.orders else None
    return {
        "schema": SCHEMA,
        "store": str(path),
        "copied": one["copied"],
        "running": one["running"],
        "well": _well(one),
        "since": one["since"],
        "ended": one["ended"],
        "in_order": one["in_order"],
        "dead_since": one["dead_since"],
        "state": one["state"],
        "reasons": one["reasons"],
        "waiting": one["waiting"],
        "account": rows.meta.get("account"),
        "mode": rows.meta.get("mode"),
        "held": one["held"],
        "executed": one["executed"],
        "today": today(rows, one),
        "last_quote": one["quote"],
        "last_order": None if order is None else {
            "created_ts": order["created_ts"], "order_ref": order["order_ref"], "symbol": order["symbol"],
            "side": order["side"], "quantity": order["quantity"], "limit_price": order["limit_price"],
            "role": order["role"], "state": order["state"], "filled": order["filled"],
            "reason": order["reason"],
        },
        "last_alarm": last_alarm(rows),
        "ending": one["ending"],
        "heartbeat": one["heartbeat"],
    }  # fmt: skip


def _well(one: "RunDocument") -> bool:
    """Whether the run needs no attention: it works, or it has ended in order and flat."""
    if one["dead_since"]:
        return False
    if one["ended"]:
        flat = one["held"] is not None and not any(one["held"].values())
        # A run that ended before it knew the account has sent no order, so the sum of executions decides.
        known_flat = flat or (one["held"] is None and not any(one["executed"].values()))
        return bool(one["in_order"] and known_flat)
    works = one["running"] and one["state"] not in (None, "", "HALTED")
    return bool(works and not NOT_WELL & set(one["reasons"]))


def status_lines(found: "StatusDocument") -> list[str]:
    """Returns the status as text for the user."""
    from arbcore.broker.news import held_words
    from arbcore.broker.report import run_words, usd

    account = f"{found['mode']} account {found['account']}"
    held = held_words(found["held"])
    if found["held"] != found["executed"]:
        held += f"; our executions come to {held_words(found['executed'])}"
    day = found["today"]
    done = f"{plural(day['trades'], 'closed trade')}, {plural(day['executions'], 'execution')}"
    lines = [
        f"{account}, store {found['store']}: {run_words(found)}.",
        f"  holds           {held}",
        f"  today           {usd(day['net_pnl'])}   ({done})",
    ]
    if found["waiting"]:
        lines.append(f"  waiting         {found['waiting']}")
    quote = found["last_quote"]
    if quote is not None:
        sides = "   ".join(
            f"{leg} {side['bid']:,.2f} {side['ask']:,.2f}"
            for leg, side in quote.items()
            if isinstance(side, Mapping)
        )
        lines.append(f"  last quote      {quote['ts']}   {sides}")
    order = found["last_order"]
    if order is not None:
        why = f": {order['reason']}" if order["reason"] else ""
        lines.append(
            f"  last order      {order['created_ts']}   {order['role']} {order['side']} "
            f"{order['quantity']:,} {order['symbol']}, {order['state']}{why}"
        )
    alarm = found["last_alarm"]
    if alarm is not None:
        lines.append(f"  last alarm      {alarm['ts']}   {alarm['kind']}: {alarm['text']}")
    if found["ending"]:
        lines.append(f"  ended           {found['ending']}")
    lines.append(f"  heartbeat       {found['heartbeat'] or 'none'}")
    return [printable(whole_seconds(line), LINE_MAX) for line in lines]
