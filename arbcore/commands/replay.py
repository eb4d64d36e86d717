"""``arbcore replay``: runs a recorded session again and compares every byte that it sent."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from arbcore.commands._arguments import working_directory
from arbcore.core.text import plural, printable

DESCRIPTION = """\
Runs a recorded session again, with the settings it was recorded with, and compares what it sends with what
was sent then, byte for byte. Exit code 1 where a byte differs, 3 where the journal is unreadable."""
EPILOG = """\
examples:
  arbcore exchange --test empty --duration 5 --journal run.journal
  arbcore replay run.journal
  arbcore replay run.journal --json

A journal names the strategies by their classes and does not hold their code: run it from the same folder,
with the same version, to see the same decisions. Replaying imports and runs the modules that the journal
names; one that is not in the working directory is refused unless --allow-code is given. Give that only for a
journal that you trust.
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
    parser.add_argument("--json", action="store_true", help="the result as one JSON document")


def run(args: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    from arbcore.play.journal_replay import replay

    result = replay(args.journal, working_directory(), allow_code=args.allow_code)
    for note in result.notes:
        print(f"arbcore: {printable(note, 1_000)}", file=sys.stderr)
    print(json.dumps(document(result)) if args.json else "\n".join(lines(result)))
    return EXIT_DIFFERS if result.difference is not None else 0


def document(result: Any) -> dict[str, Any]:
    """The JSON document."""
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


def lines(result: Any) -> list[str]:
    """The result for a person."""
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
