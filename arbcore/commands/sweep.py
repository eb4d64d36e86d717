"""``arbcore sweep``: runs the backtest over ranges of its settings and reports where it is profitable."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from arbcore.commands._arguments import whole_number
from arbcore.commands._backtest_arguments import (
    LIVE_NOTE,
    add_settings,
    chosen_settings,
    name_of,
    shared_flags,
    spellings,
)
from arbcore.commands._output import Progress, refuse_overlap
from arbcore.core.text import printable
from arbcore.errors import UsageError
from arbcore.system.output_file import OutputFile

DESCRIPTION = """\
Runs the backtest for every combination of ranges of its settings and shows where it makes money: the best
cells, regions whose neighbours are good too, and a map. Every number takes a value, a range LO:HI:STEP
with both ends, or a list such as 1,2,5. Each cell is equal, bit by bit, to `arbcore backtest` with its
settings."""
EPILOG = """\
examples:
  arbcore sweep quotes.csv --entry-bps 1:6:0.25 --exit-bps 0:2:0.25
  arbcore sweep quotes.csv --entry-bps 1:6:0.5 --factor track:30m,track:2h --csv cells.csv --html cells.html
  arbcore sweep quotes.csv --entry-bps 1:6:0.5 --walk-forward 20:5
  arbcore sweep monday.csv tuesday.csv --entry-bps 1:6:0.5 --dask 127.0.0.1:8786

The first range that is named varies slowest and goes down the map, the second across; further ones are
those of the best cell there. A list goes along the grid in the order written. --slippage-ticks and
--latency-rows take a range for each leg (0:2:1,0).

Cells are ranked by total P&L: the net P&L of closed trades, and what is still open at the end as if closed
at the last quotes. A cell that did not trade is "idle" in the class column; where none did, none is best.

Robust: a cell's neighbourhood is the cell with every cell within one step on every range. Its worth is the
total P&L of its worst cell, and the neighbourhoods with the best worst cell are shown, none overlapping
another. On a range of three values or more the first and the last are never the middle of a neighbourhood,
since the cells beyond them were not run. Drawdown marked to market and Sharpe are given for the best cells,
with --full for all.

Evidence: the best of many cells makes money by chance too. The verdict says in how many of 100 cases the best
of as many cells without any edge makes as much, and what is left when every fill comes one row later.

Walk-forward: TRAIN:TEST are numbers of days that have rows, by UTC date (20:5), or of rows (2000r:500r). On
each training window the whole grid is run; its best and its robust cell then run on the test window that
follows, which had no part in the choice. The next training window begins one test window later, and the last
test window may be short. Each run starts flat and closes at its end what is open. One level runs through the
file; where --r, --d or --factor is a range, each run learns its own.

Several files are swept each by itself and summed: P&L, trades and wins add up, profit factor, exposure and
average hold are worked out from the sums, a drawdown is the worst of any file, and Sharpe is left out.

--dask needs `pip install '.[dask]'` in the checkout, and this same arbcore on every worker. A piece of work
that is lost with its worker is run again, three times at most.
"""
WORKERS_MAX = 1_024


class Ordered(argparse.Action):
    """Stores the settings in the order in which they were given."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[object] | None,
        *_: object,
    ) -> None:
        setattr(namespace, self.dest, values)
        namespace.named = [*getattr(namespace, "named", []), self.dest]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument(
        "data", nargs="+", metavar="DATA", help="one file of quotes or several; - for standard input"
    )
    add_settings(parser, read=str, action=Ordered)
    parser.add_argument(
        *spellings("walk-forward"), dest="walk_forward", metavar="TRAIN:TEST",
        help="choose on windows of TRAIN days (or rows: 2000r:500r) and try on the TEST that follows",
    )  # fmt: skip
    parser.add_argument(
        "--full", action="store_true", help="drawdown marked to market and Sharpe in every cell"
    )
    parser.add_argument(
        "--workers", type=whole_number(1, WORKERS_MAX), metavar="N",
        help="threads of this machine (default one per processor)",
    )  # fmt: skip
    parser.add_argument("--dask", metavar="ADDRESS", help="run on the Dask cluster of this scheduler")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write one row per cell")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with the map")
    parser.add_argument("--json", action="store_true", help="the result with every cell as one JSON document")


def run(args: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    from arbcore.quotes.sweep_run import sweep

    settings = _settings(args)
    refuse_overlap(
        inputs=[
            *((f"the quotes {printable(path)}", path) for path in args.data),
            ("--dividends", args.dividends),
            ("--rates", args.rates),
        ],
        outputs=[("--csv", args.csv), ("--html", args.html)],
    )
    reading, running = Progress(sys.stderr), Progress(sys.stderr)
    live = sys.stderr.isatty()

    def read(done: int, size: int | None, rows: int) -> None:
        reading.show(f"reading, {rows:,} rows", done, size)

    def ran(done: int, total: int) -> None:
        reading.clear()
        running.show(f"{done:,} of {total:,} cells", done, total)

    with OutputFile(args.csv) as table, OutputFile(args.html) as page:
        try:
            result = sweep(
                args.data,
                expiry=args.expiry,
                sort=args.sort,
                skip_bad=args.skip_bad,
                tz=args.tz,
                time_order=args.time_order,
                workers=args.workers,
                dask=args.dask,
                full=args.full,
                walk_forward=args.walk_forward,
                drop_outliers=args.drop_outliers,
                reading=read if live else None,
                progress=ran if live else None,
                **settings,
            )
        finally:
            reading.clear()
            running.clear()
        if args.like_live:
            result = replace(result, notes=(*result.notes, LIVE_NOTE))
            result.summary["notes"].append(LIVE_NOTE)
        if args.csv is not None:
            _write_table(table, list(result.table), result.table.rows())
        if args.html is not None:
            page.write(result.to_html())
    for note in result.notes:
        print(f"arbcore: {note}", file=sys.stderr)
    if args.json:
        print(
            json.dumps(result.summary | {"table": {name: list(result.table[name]) for name in result.table}})
        )
    else:
        from arbcore.commands import _sweep_text

        cells: Any = zip(result.table["class"], result.table["total_pnl"], strict=True)
        lines = _sweep_text.summary_lines(
            result.summary,
            result.grid,
            [None if kind == "idle" else total for kind, total in cells],
            width=_sweep_text.width_of(sys.stdout),
            colours=_sweep_text.takes_colours(sys.stdout, os.environ),
        )
        print("\n".join(lines))
    return 0


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    """Returns the given settings in the order of the command line; ranges are still text."""
    shared = {flag: [item.name for item in items] for flag, items in shared_flags().items()}
    for flag, settings in shared.items():
        given = getattr(args, name_of(flag))
        if given is not None and ":" in given and "," not in given:
            raise UsageError(
                f"--{flag} {printable(given)} is one range for two settings ({' and '.join(settings)}); "
                f"write one for each, such as --{flag} {printable(given)},0."
            )
    found = chosen_settings(args, read=str)
    by_dest = {name_of(flag): settings for flag, settings in shared.items()}
    order = [name for dest in getattr(args, "named", []) for name in by_dest.get(dest, [dest])]
    return {name: found[name] for name in order if name in found} | found


def _write_table(stream: TextIO, names: Sequence[str], rows: Any) -> None:
    stream.write(",".join(names) + "\n")
    stream.writelines(",".join("" if cell is None else str(cell) for cell in row) + "\n" for row in rows)
