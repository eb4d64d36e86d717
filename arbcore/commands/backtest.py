"""``arbcore backtest``: runs the carry signal over recorded quotes and reports trades and P&L."""

import argparse
import json
import sys
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from arbcore.commands._backtest_arguments import LIVE_NOTE, add_settings, chosen_settings, spellings
from arbcore.commands._output import Progress, refuse_overlap
from arbcore.core.text import plural, time_span
from arbcore.system.output_file import OutputFile

if TYPE_CHECKING:
    from arbcore.core.result_documents import BacktestSummary, ImpliedFinancing, LevelDocument
    from arbcore.research._ledger import Ledger

DESCRIPTION = """\
Runs the carry signal (an index future against its ETF, such as ES against SPY) over a file of quotes: fills
at the touch, costs, interest, dividends, equity and statistics. The file is a CSV (plain, gzip or Zstandard),
Parquet or Arrow, with the columns ts,es_bid,es_ask,spy_bid,spy_ask or those of another pair; - reads CSV from
standard input."""
EPILOG = """\
examples:
  arbcore backtest quotes.csv --expiry 2026-03-20
  arbcore backtest quotes.csv --entry-bps 2 --fees ibkr --json
  arbcore backtest quotes.csv.gz --factor track:2h --trades trades.csv --equity equity.csv
  arbcore backtest quotes.csv --rates DTB3.csv --dividends SPY.csv --html report.html
  zcat quotes.csv.gz | arbcore backtest - --expiry 2026-03-20T14:30:00Z

Net P&L is basis + carry + slippage + financing + dividends - costs; fees are a part of the costs, and
slippage is what fills lost or won against the quotes of the row that decided. With a latency a leg is filled
at the quotes of a later row; at the expiry, a roll and the end of the data what is on its way is filled.

Without --expiry each row takes the front quarterly contract, and a position keeps its own. An expiry column
in the file wins; a factor or index column is used with --factor column only. Rates are annual decimals,
thresholds basis points of fair value.

By default deviations are measured from the market's own level, which is learnt from earlier rows (--factor
track:60m), so that nothing is traded in the first hour of a contract. A long ETF leg pays the run's rate
between the settlement days of entry and exit, a short one earns nothing.
"""
# Parts of the P&L that are shown only if they are not 0.
OPTIONAL_PARTS = ("slippage", "financing", "dividends")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("data", nargs="?", metavar="DATA", help="the quotes; - for standard input")
    parser.add_argument("--csv", metavar="FILE", help="the quotes; the same as DATA")
    add_settings(parser)
    parser.add_argument("--trades", type=Path, metavar="FILE", help="write the ledger as CSV")
    parser.add_argument("--equity", type=Path, metavar="FILE", help="write the equity of every row as CSV")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a report as one HTML page")
    parser.add_argument(
        *spellings("check-lookahead"),
        dest="check_lookahead",
        action="store_true",
        help="also cut the data at many places and check that no result before a cut changes; else exit 1",
    )
    parser.add_argument("--json", action="store_true", help="the result as one JSON document")


def run(args: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    from arbcore.carry.level import LevelMode
    from arbcore.errors import UsageError
    from arbcore.quotes.backtest_run import Picture, Sinks, expiry_instant_of, make_settings
    from arbcore.quotes.backtest_run import run as run_backtest
    from arbcore.quotes.reading import ReadOptions
    from arbcore.quotes.terms_files import read_terms

    if (args.data is None) == (args.csv is None):
        raise UsageError("Name one file of quotes (or - for standard input); see `arbcore backtest --help`.")
    values = read_terms(chosen_settings(args))
    settings = make_settings(values)
    expiry_ns = expiry_instant_of(args.expiry)
    data = args.data if args.csv is None else args.csv
    refuse_overlap(
        inputs=[("the quotes", data), ("--dividends", args.dividends), ("--rates", args.rates)],
        outputs=[("--trades", args.trades), ("--equity", args.equity), ("--html", args.html)],
    )
    progress = Progress(sys.stderr)

    def show(done: int, size: int | None, rows: int) -> None:
        progress.show(f"{rows:,} rows", done, size)

    with OutputFile(args.trades) as trades, OutputFile(args.equity) as equity, OutputFile(args.html) as html:
        sinks = Sinks(
            trades=None if args.trades is None else _trade_writer(trades),
            equity=None if args.equity is None else _equity_writer(equity),
            progress=show if sys.stderr.isatty() else None,
            picture=None if args.html is None else Picture(data),
        )
        try:
            summary, notes = run_backtest(
                data,
                values,
                expiry_ns=expiry_ns,
                options=ReadOptions(
                    sort=args.sort, skip_bad=args.skip_bad, tz=args.tz, time_order=args.time_order,
                    use_factor=settings.level.mode is LevelMode.COLUMN,
                ),
                check_lookahead=args.check_lookahead,
                drop_outliers=args.drop_outliers,
                sinks=sinks,
            )
        finally:
            progress.clear()
        if args.like_live:
            notes = (*notes, LIVE_NOTE)
            summary["notes"].append(LIVE_NOTE)
        if sinks.picture is not None:
            html.write(sinks.picture.page(summary, notes))
    for note in notes:
        print(f"arbcore: {note}", file=sys.stderr)
    print(json.dumps(summary) if args.json else "\n".join(summary_lines(summary)))
    return 0 if summary.get("lookahead", {"ok": True})["ok"] else 1


def _trade_writer(stream: TextIO) -> "Callable[[Ledger], None]":
    from arbcore.core.ledger_columns import ledger_cells, ledger_header, ledger_line

    stream.write(ledger_header())

    def write(rows: "Ledger") -> None:
        stream.writelines(ledger_line(ledger_cells(row)) for row in rows)

    return write


def _equity_writer(stream: TextIO) -> "Callable[[array[int], array[float]], None]":
    from arbcore.research._equity_csv import equity_lines

    stream.write("ts,equity\n")

    def write(times: "array[int]", values: "array[float]") -> None:
        stream.write(equity_lines(times.tobytes(), values.tobytes()).decode("ascii"))

    return write


def summary_lines(result: "BacktestSummary") -> list[str]:
    """Returns the result as text for the user."""
    summary: dict[str, Any] = dict(result)
    skipped = ", ".join(f"{count:,} {reason}" for reason, count in summary["rows_skipped"].items() if count)
    trades, position = summary["trades"], summary["open_position"]
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in summary["exit_reasons"].items())
    lines = [
        f"{plural(summary['rows_used'], 'row')} used of {summary['rows']:,}"
        + (f" ({skipped} skipped)" if skipped else "")
        + (f", {summary['first_ts']} to {summary['last_ts']}" if summary["first_ts"] else "")
        + ".",
        f"  trades          {trades:,}"
        + (f"   ({summary['wins']:,} won; left: {reasons})" if trades else ""),
        f"  net P&L         {_usd(summary['net_pnl'])}",
        f"    basis         {_usd(summary['basis_pnl'])}",
        f"    carry         {_usd(summary['carry_pnl'])}",
        f"    costs         {_usd(-summary['costs'])}"
        + (f"   (fees {_usd(-summary['fees'])} of it)" if summary["fees"] else ""),
    ]
    shown = {name: summary[f"{name}_pnl" if name == "slippage" else name] for name in OPTIONAL_PARTS}
    if trades or position is not None:
        shown["financing"] = summary["financing"]
    lines += [f"    {name:<12}  {_usd(value)}" for name, value in shown.items() if value]
    ratios = {name: _ratio(summary[name]) for name in ("sharpe", "sortino", "calmar", "profit_factor")}
    longest = time_span(summary["max_drawdown_s"])
    lines += [
        f"  max drawdown    {_usd(summary['max_drawdown'])}   (longest {longest})",
        "  Sharpe          {sharpe}   Sortino {sortino}   Calmar {calmar}".format(**ratios),
    ]
    if trades:
        lines.append(
            f"  per trade       {_usd(summary['expectancy'])}   (profit factor {ratios['profit_factor']}, "
            f"held {time_span(summary['average_hold_s'])} on average)"
        )
    if summary["exposure"] is not None:
        lines.append(f"  exposure        {summary['exposure']:.1%} of rows")
    lines.append(level_line(summary["factor"], summary["implied_financing"], summary["warming_up"]))
    if position is not None:
        held = f"{position['side']} since {position['entry_ts']} at {position['entry_dev_bps']:+.2f} bps"
        if position["on_its_way"] is not None:
            held += f", a leg of the {position['on_its_way']} on its way"
        lines.append(f"  open            {held}, unrealised {_usd(summary['unrealised_pnl'])}")
        lines.append(
            f"  total P&L       {_usd(summary['total_pnl'])}   (net, and {_usd(summary['open_pnl'])} open, "
            "as if closed at the last quotes)"
        )
    if summary["evidence"] is not None:
        lines.append(f"  evidence        {summary['evidence']['verdict']}")
    return lines


def level_line(factor: "LevelDocument", implied: "ImpliedFinancing", warming_up: int) -> str:
    """Returns a line with the level that was used, to six digits, and the financing that it implies."""
    mode = factor["mode"]
    if factor["half_life_s"] is not None:
        mode += f", half-life {time_span(factor['half_life_s'])}"
    if factor["first"] is None:
        return f"  level           not known   ({mode}; {plural(warming_up, 'row')} warming up)"
    line = f"  level           {factor['first']:.6f} to {factor['last']:.6f}   ({mode}"
    line += f"; {plural(warming_up, 'row')} warming up)" if warming_up else ")"
    known = [f"{each:.3%}" for each in (implied["first"], implied["last"]) if each is not None]
    return f"{line}, financing {' to '.join(known)}" if known else line


def _usd(value: float) -> str:
    # Adding 0.0 turns -0.0 into 0.0.
    return f"{round(value, 2) + 0.0:+,.2f} USD"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
