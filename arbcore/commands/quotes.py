"""``arbcore quotes``: makes, examines and converts the quotes that a backtest, a sweep and a replay read."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from arbcore.commands._backtest_arguments import number
from arbcore.commands._fetch import FETCH_DESCRIPTION, FETCH_EPILOG, add_fetch
from arbcore.commands._output import Progress, refuse_overlap
from arbcore.core.text import plural, printable, time_span
from arbcore.system.output_file import OutputFile

DESCRIPTION = """\
Makes the quotes that `backtest`, `sweep` and `gateway --replay` read, out of what people have: two files of
one instrument each, from Databento, Interactive Brokers or any vendor of quotes."""
EPILOG = """\
examples:
  arbcore quotes join es.csv spy.csv -o both.csv --pair es-spy
  arbcore quotes join glbx.dbn.zst xnas.dbn.zst -o both.parquet --every 1s
  arbcore quotes join futures/ spy.csv -o both.csv.gz --roll 8d
  arbcore quotes fetch -o both.csv --days 5 --bar 1s
  arbcore quotes check both.csv --html quotes.html
  arbcore quotes convert both.csv -o minutes.parquet --session rth --every 1m

`arbcore quotes COMMAND --help` says what each takes.
"""

JOIN_DESCRIPTION = """\
Joins the quotes of a future and of an ETF: a row at every change of either side, or with --every at each
tick of the clock, with the other side's newest quote at or before it, never after."""
JOIN_EPILOG = """\
An input is a CSV (plain, .gz, .zst), a Parquet or Arrow file, a DBN file of Databento's, a folder of files
whose names carry a contract's code (ESH26.csv) or of DBN files, or - for standard input. Its columns are ts,
bid and ask, or a vendor's: Databento's bbo-1s, bbo-1m, mbp-1 and tbbo, also as CSV (ts_recv, bid_px_00,
ask_px_00); Interactive Brokers' BID_ASK bars (open is the average bid, close the average ask; dated by their
start, which is moved to their end) and BID_ASK ticks (priceBid, priceAsk); what `arbcore ibkr --record`
wrote.

The output has ts,fut_bid,fut_ask,etf_bid,etf_ask,fut_age_ms,etf_age_ms, with the symbols' own names in the
place of fut and etf where the inputs or --pair name them, and an expiry where the input says its contracts.
Nothing is written where something is wrong.

A moment makes no row where it is out of the session (closed), where a side has no usable quote (unpaired),
or where one is older than --max-age (stale). A row without a price (missing) or with its bid above its ask
(crossed) takes its side's quote away until the next usable one.

Several contracts are rolled: each date takes the one with most volume on the date before, or where there
are no volumes, the first that expires more than 8 days later. Prices are never adjusted for it.
"""


CHECK_DESCRIPTION = """\
Examines a file of both legs, to be read before a backtest of it is believed: rows by reason, sessions and
gaps, spreads, outliers, the level and the financing it implies, the deviation from it, and how often there
was an edge of which size."""
CHECK_EPILOG = """\
The level is the one that a backtest learns by default (half-life an hour), the deviation is from it, and an
edge is what is left at the touch after both spreads, before costs, in the better direction. With
--true-factor, or an index column, the rate at which the market finances is shown too.
"""

CONVERT_DESCRIPTION = """\
Writes rows of both legs in another format, unchanged in meaning: every row stays, those that a backtest
skips too."""
CONVERT_EPILOG = """\
--pair names the columns fut_… and etf_…. --session rth keeps the rows of regular hours only. --every writes
the last row at or before each tick of the clock, where that is no older than --max-age.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the commands and their arguments."""
    commands = parser.add_subparsers(dest="quotes_command", metavar="COMMAND", required=True)

    def add(name: str, text: str, description: str, epilog: str) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name, help=text, description=description, epilog=epilog, allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        command.add_argument(
            "--debug",
            action="store_true",
            default=argparse.SUPPRESS,
            help="show tracebacks and debug logging",
        )
        return command

    _add_join(add("join", "join two files of one instrument each", JOIN_DESCRIPTION, JOIN_EPILOG))
    _add_check(add("check", "examine a file of both legs", CHECK_DESCRIPTION, CHECK_EPILOG))
    _add_convert(
        add("convert", "write rows of both legs in another format", CONVERT_DESCRIPTION, CONVERT_EPILOG)
    )
    add_fetch(add("fetch", "get both legs from TWS, and join them", FETCH_DESCRIPTION, FETCH_EPILOG))


def run(args: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    chosen: Callable[[argparse.Namespace], int] = args.run_quotes
    return chosen(args)


def _add_reading(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sort", action="store_true", help="sort by time first (keeps the rows in memory)")
    parser.add_argument("--skip-bad", action="store_true", help="count malformed rows and go on")
    parser.add_argument(
        "--tz",
        metavar="ZONE",
        help="what a time without a zone means, such as America/New_York (default UTC)",
    )
    parser.add_argument(
        "--time-order", choices=("mdy", "dmy"), default="mdy", help="order of day and month in 03/02/2026"
    )
    parser.add_argument("--json", action="store_true", help="print the result as one JSON document")


def _add_choice(parser: argparse.ArgumentParser, *, session: str) -> None:
    parser.add_argument("--pair", metavar="PAIR", help="such as es-spy or nq-qqq")
    parser.add_argument("--every", metavar="SPAN", help="one row at each tick of the clock, such as 1s or 1m")
    parser.add_argument(
        "--session", choices=("rth", "all"), default=session,
        help=f"New York's regular hours, or all (default {session})",
    )  # fmt: skip


def _add_join(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("fut", metavar="FUT", help="the future's quotes: a file, a folder, or -")
    parser.add_argument("etf", metavar="ETF", help="the ETF's quotes: a file or -")
    parser.add_argument(
        "-o", "--output", dest="out", type=Path, required=True, metavar="OUT",
        help="file to write: .csv, .csv.gz, .parquet or .arrow",
    )  # fmt: skip
    _add_choice(parser, session="rth")
    parser.add_argument(
        "--max-age", default="5s", metavar="SPAN", help="an older quote of one side makes no row (default 5s)"
    )
    parser.add_argument(
        "--roll", metavar="DAYS", help="roll this long before the expiry, such as 8d, instead of by volume"
    )
    parser.add_argument("--bar", metavar="SPAN", help="length of bars, if their times do not show it")
    _add_reading(parser)
    parser.set_defaults(run_quotes=_run_join)


def _run_join(args: argparse.Namespace) -> int:
    from arbcore.quotes.joining import join

    refuse_overlap(
        inputs=[("the future's quotes", args.fut), ("the ETF's quotes", args.etf)], outputs=[("-o", args.out)]
    )
    with _shown_progress("joining") as progress:
        joined = join(
            args.fut, args.etf, args.out, pair=args.pair, every=args.every, max_age=args.max_age,
            session=args.session, roll=args.roll, bar=args.bar, sort=args.sort, skip_bad=args.skip_bad,
            tz=args.tz, time_order=args.time_order,
            progress=progress,
        )  # fmt: skip
    _say_notes(joined.notes)
    summary = joined.summary
    if args.json:
        print(json.dumps(summary))
        return 0
    rows_in = summary["rows_in"]
    print(
        f"{summary['rows']:,} rows in {printable(str(args.out))}, of {rows_in['fut']:,} of the future and "
        f"{rows_in['etf']:,} of the ETF."
    )
    skipped = [f"{count:,} {reason}" for reason, count in summary["rows_skipped"].items() if count]
    if skipped:
        print(f"Without a row: {', '.join(skipped)}.")
    return 0


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="FILE", help="quotes of both legs, or - for standard input")
    parser.add_argument("--pair", metavar="PAIR", help="pair of the columns fut_… and etf_…, such as es-spy")
    parser.add_argument(
        "--r", type=number, default=0.045, metavar="RATE", help="interest rate (default 0.045)"
    )
    parser.add_argument(
        "--d", type=number, default=0.014, metavar="RATE", help="dividend yield (default 0.014)"
    )
    parser.add_argument(
        "--true-factor",
        type=number,
        metavar="X",
        help="index over ETF: gives the financing rate that is implied",
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with pictures")
    _add_reading(parser)
    parser.set_defaults(run_quotes=_run_check)


def _run_check(args: argparse.Namespace) -> int:
    from arbcore.quotes.checking import check

    refuse_overlap(inputs=[("the quotes", args.data)], outputs=[("--html", args.html)])
    with _shown_progress("examining") as progress:
        checked = check(
            args.data, pair=args.pair, r=args.r, d=args.d, true_factor=args.true_factor, sort=args.sort,
            skip_bad=args.skip_bad,
            tz=args.tz, time_order=args.time_order, progress=progress,
        )  # fmt: skip
    if args.html is not None:
        with OutputFile(args.html) as page:
            page.write(checked.to_html())
    _say_notes(checked.notes)
    print(json.dumps(checked.summary) if args.json else "\n".join(check_lines(checked.summary)))
    return 0


def _add_convert(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="FILE", help="quotes of both legs, or - for standard input")
    parser.add_argument(
        "-o", "--output", dest="out", type=Path, required=True, metavar="OUT",
        help="file to write: .csv, .csv.gz, .parquet or .arrow",
    )  # fmt: skip
    _add_choice(parser, session="all")
    parser.add_argument(
        "--max-age", default="5s", metavar="SPAN", help="with --every: an older row makes none (default 5s)"
    )
    _add_reading(parser)
    parser.set_defaults(run_quotes=_run_convert)


def _run_convert(args: argparse.Namespace) -> int:
    from arbcore.quotes.converting import convert

    refuse_overlap(inputs=[("the quotes", args.data)], outputs=[("-o", args.out)])
    with _shown_progress("converting") as progress:
        converted = convert(
            args.data, args.out, pair=args.pair, session=args.session, every=args.every, max_age=args.max_age,
            sort=args.sort, skip_bad=args.skip_bad,
            tz=args.tz, time_order=args.time_order, progress=progress,
        )  # fmt: skip
    _say_notes(converted.notes)
    summary = converted.summary
    if args.json:
        print(json.dumps(summary))
    else:
        print(f"{summary['rows']:,} rows in {printable(str(args.out))}, of {summary['rows_in']:,}.")
    return 0


def _say_notes(notes: list[str]) -> None:
    for note in notes:
        print(f"arbcore: {note}", file=sys.stderr)


class _shown_progress:  # noqa: N801  Used as a statement.
    """Shows the progress of a long piece of work, on a terminal only."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._line = Progress(sys.stderr)

    def __enter__(self) -> Callable[[int, int | None, int], None] | None:
        return self._show if sys.stderr.isatty() else None

    def __exit__(self, *_: object) -> None:
        self._line.clear()

    def _show(self, done: int, total: int | None, rows: int) -> None:
        self._line.show(f"{self._what}, {rows:,} rows", done, total)


# --- the text output of `arbcore quotes check`

_LISTED_MAX = 5


def check_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """Yields the lines of the document, the verdict last."""
    yield f"{printable(summary['name'])}, {summary['pair'] or 'pair not named'}"
    skipped = _skipped(summary["rows_skipped"])
    yield f"  rows        {summary['rows']:,}, {summary['rows_used']:,} used{skipped}"
    dates = summary["sessions"]
    yield f"  from, to    {summary['first_ts']} to {summary['last_ts']}"
    step = "" if summary["step_s"] is None else f", most rows {_span(summary['step_s'])} apart"
    regular = f"{dates['regular_rows']:,} rows in regular hours"
    yield f"  sessions    {plural(dates['dates'], 'date')}, {regular}{step}"
    for leg, name in (("fut", "future"), ("etf", "ETF")):
        spread, still = summary["spread_bps"][leg], summary["still_s"][leg]
        yield (
            f"  {name:<11} spread {_bps(spread['p50'])} (95%: {_bps(spread['p95'])}), unchanged for "
            f"{_span(still['p50'])} (95%: {_span(still['p95'])}, longest {_span(still['max'])})"
        )
    level = summary["level"]
    if level["first"] is None:
        yield f"  level       not known: {summary['warming_up']:,} rows warming up"
    else:
        yield (
            f"  level       {level['first']:.5f} first, {level['last']:.5f} last, {level['median']:.5f} in "
            f"the middle; {summary['warming_up']:,} rows warming up"
        )
    financing = summary["implied_financing"]
    if financing is not None:
        implied = f"{financing['first']:.2%} first, {financing['last']:.2%} last"
        yield f"  financing   {implied}, r {summary['params']['r']:g}"
    yield from _deviation_lines(summary)
    yield from _fault_lines(summary)
    yield summary["verdict"]


def _deviation_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    deviation, edge = summary["deviation_bps"], summary["edge_bps"]
    if deviation["p50"] is None:
        return
    shares = ", ".join(f"{name[1:]}%: {deviation[name]:+.2f}" for name in ("p1", "p5", "p50", "p95", "p99"))
    yield f"  deviation   {shares}, largest {deviation['max']:+.2f} bps"
    half_life = summary["half_life_s"]
    yield f"  half-life   {'not given' if half_life is None else _span(half_life)}"
    shares = ", ".join(f"{name[1:]}%: {edge[name]:.2f}" for name in ("p50", "p95", "p99"))
    yield f"  edge        {shares}, largest {edge['max']:.2f} bps"
    there = [f"{step} bps {share:.2%}" for step, share in summary["edge_share"].items() if share]
    yield f"  edge above  {', '.join(there) if there else '0.5 bps on no row'}"
    for hour in summary["by_hour"]:
        own = hour["deviation_bps"]
        yield (
            f"  {hour['hour']:02d}:00 NY    {hour['rows']:,} rows, deviation {own['p5']:+.2f} to "
            f"{own['p95']:+.2f}, largest edge {hour['edge_bps']['max']:.2f} bps"
        )


def _fault_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    outliers, gaps = summary["outliers"], summary["gaps"]
    yield f"  outliers    {summary['outlier_rows']:,}"
    for each in outliers[:_LISTED_MAX]:
        yield f"              {each['ts']} {each['bps']:+.1f} bps"
    yield f"  gaps        {len(gaps):,} in regular hours"
    for each in sorted(gaps, key=lambda gap: -gap["s"])[:_LISTED_MAX]:
        yield f"              {each['from']} to {each['to']}, {_span(each['s'])}"


def _skipped(skipped: Mapping[str, int]) -> str:
    return "".join(f", {count:,} {reason.replace('_', ' ')}" for reason, count in skipped.items())


def _bps(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f} bps"


def _span(seconds: float | None) -> str:
    return "none" if seconds is None else time_span(seconds)
