"""``arbcore replay``: runs a recorded session again and compares every byte that it sent."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from arbcore._version import __version__
from arbcore.commands._arguments import working_directory
from arbcore.commands._output import refuse_overlap
from arbcore.core.text import plural, printable
from arbcore.system.output_file import OutputFile

if TYPE_CHECKING:
    from arbcore.play.journal_replay import Replayed
    from arbcore.trading.round_history import RoundHistory

DESCRIPTION = """\
Runs a recorded session again, with the settings it was recorded with, and compares what it sends with what
was sent then, byte for byte. Exit code 1 where a byte differs, 3 where the journal is unreadable. --html and
--trades show what happened in the recorded session, whatever the replay does."""
EPILOG = """\
examples:
  arbcore exchange --test empty --duration 5 --journal run.journal
  arbcore replay run.journal
  arbcore replay run.journal --json
  arbcore replay run.journal --html round.html --trades fills.csv

A journal names the strategies by their classes and does not hold their code: run it from the same folder,
with the same version, to see the same decisions. Replaying imports and runs the modules that the journal
names; one that is not in the working directory is refused unless --allow-code is given. Give that only for a
journal that you trust.

--trades has the columns round, time_s (since the round opened), order_id, strategy, symbol, dir, price, size,
position (after the fill) and markout_1s, markout_5s, markout_30s: ticks a share that the price, the middle of
the touch, went our way since the fill's own price; empty where the round ended before.
"""
EXIT_DIFFERS = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument(
        "journal", type=Path, metavar="JOURNAL", help="file written by `arbcore exchange --journal`"
    )
    parser.add_argument(
        "--allow-code",
        action="store_true",
        help="run strategies that the journal names from outside the working directory",
    )
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write a page: P&L, prices, every order and fill"
    )
    parser.add_argument("--trades", type=Path, metavar="FILE", help="write every fill as a row of CSV")
    parser.add_argument("--json", action="store_true", help="the result as one JSON document")


def run(args: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    from arbcore.play.journal_replay import replay
    from arbcore.trading.round_history import TRADES_HEADER, RoundHistory

    refuse_overlap(
        inputs=[("the journal", args.journal)], outputs=[("--html", args.html), ("--trades", args.trades)]
    )
    history = RoundHistory() if args.html is not None or args.trades is not None else None
    with OutputFile(args.html) as page, OutputFile(args.trades) as table:
        result = replay(args.journal, working_directory(), allow_code=args.allow_code, history=history)
        if history is not None and args.trades is not None:
            table.write(TRADES_HEADER + "\n")
            table.writelines(row + "\n" for row in history.trade_rows())
        if history is not None and args.html is not None:
            page.write(_page(result, history))
    for note in result.notes:
        print(f"arbcore: {printable(note, 1_000)}", file=sys.stderr)
    print(json.dumps(document(result)) if args.json else "\n".join(lines(result)))
    return EXIT_DIFFERS if result.difference is not None else 0


def _page(result: "Replayed", history: "RoundHistory") -> str:
    from arbcore.pages.round_page import round_page

    notes = list(result.notes)
    if result.difference is not None:
        notes.append(
            f"The replay differs from record {result.difference.record:,} on; orders behind it are shown as "
            "recorded, without their strategies."
        )
    source = f"journal {result.path.name}"
    return round_page(
        history.document(), title=result.team, source=source, version=__version__, notes=notes
    )


class DifferenceDocument(TypedDict):
    """The first record whose output differs, and both outputs."""

    record: int
    time_ns: int
    recorded: str
    replayed: str


class ReplayDocument(TypedDict):
    """The document of ``arbcore replay --json``."""

    schema: str
    journal: str
    records: int
    messages_in: int
    bytes_out: int
    identical: bool
    difference: DifferenceDocument | None
    complete: bool
    positions: dict[str, int]
    pnl: int


def document(result: "Replayed") -> ReplayDocument:
    """Returns the JSON document."""
    difference = result.difference
    return {
        "schema": "arbcore.replay/1",
        "journal": str(result.path),
        "records": result.records,
        "messages_in": result.summary["messages_in"],
        "bytes_out": result.bytes_out,
        "identical": difference is None,
        "difference": None
        if difference is None
        else {
            "record": difference.record,
            "time_ns": difference.time_ns,
            "recorded": difference.recorded.decode("utf-8", "backslashreplace"),
            "replayed": difference.replayed.decode("utf-8", "backslashreplace"),
        },
        "complete": result.complete,
        "positions": result.summary["positions"],
        "pnl": result.summary["pnl"],
    }


def lines(result: "Replayed") -> list[str]:
    """Returns the result as text for the user."""
    difference = result.difference
    name = printable(str(result.path))
    if difference is None:
        played = f"{plural(result.records, 'record')}, {plural(result.summary['messages_in'], 'message')}"
        return [f"{name}: {played}; all {result.bytes_out:,} bytes sent are the same."]
    return [
        f"{name}: the output differs at record {difference.record:,}.",
        f"  recorded  {printable(difference.recorded, 500) or '(nothing)'}",
        f"  replayed  {printable(difference.replayed, 500) or '(nothing)'}",
    ]
