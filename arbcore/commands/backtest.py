"""``arbcore backtest``: runs the carry signal over recorded quotes and reports trades and P&L."""

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from arbcore.text import plural, printable

DESCRIPTION = """\
Runs the carry signal (ES against SPY) over a file of quotes: fills at the touch, costs, equity and
statistics. The file is a CSV, plain or gzip, with the columns ts,es_bid,es_ask,spy_bid,spy_ask; - reads
standard input."""
EPILOG = """\
examples:
  arbcore backtest quotes.csv --expiry 2026-03-20
  arbcore backtest quotes.csv --entry-bps 15 --exit-bps 3 --cost-bps 4 --json
  arbcore backtest quotes.csv.gz --factor auto --trades trades.csv --equity equity.csv
  zcat quotes.csv.gz | arbcore backtest - --expiry 2026-03-20T14:30:00Z

Without --expiry each row takes the front quarterly ES contract, and a position keeps its own. An expiry,
factor or index column in the file wins. Rates are annual decimals, thresholds basis points of fair value.
"""
# Flag, metavar, help; the default is that of the settings.
NUMBERS = (
    ("r", "RATE", "interest rate, continuously compounded (default 0.045)"),
    ("d", "RATE", "dividend yield, continuously compounded (default 0.014)"),
    ("entry-bps", "BPS", "edge wanted at the touch after costs (default 20)"),
    ("exit-bps", "BPS", "deviation at which a position is left (default 5)"),
    ("cost-bps", "BPS", "cost of a round trip in bps of the ES leg (default 4)"),
    ("stop-bps", "BPS", "leave when the deviation has moved this far against the position (default off)"),
    ("max-hold-days", "DAYS", "leave after this many days (default off)"),
    ("cooldown-s", "S", "no entry for so long after an exit (default 0)"),
    ("multiplier", "USD", "USD a point of the contract (default 50)"),
    ("contracts", "N", "contracts a trade (default 1)"),
    ("funding-rate", "RATE", "paid on the SPY leg when long, received when short (default 0)"),
    ("borrow-rate", "RATE", "paid for borrowing SPY when short (default 0)"),
)
PROGRESS_EVERY_S = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("data", nargs="?", metavar="DATA", help="the quotes; - for standard input")
    parser.add_argument("--csv", metavar="FILE", help="the quotes, the other way to name them")
    parser.add_argument(
        "--expiry", metavar="DATE", help="date (09:30 New York), time, or contract code such as ESH26"
    )
    parser.add_argument(
        "--factor", metavar="X", help="index points a USD of SPY (default 10), or auto[:ROWS] to calibrate it"
    )
    for flag, metavar, text in NUMBERS:
        parser.add_argument(*_spellings(flag), dest=_name(flag), type=_number, metavar=metavar, help=text)
    parser.add_argument(
        *_spellings("slippage-ticks"), dest="slippage_ticks", metavar="N[,M]",
        help="ticks lost a fill on each leg, or on ES and on SPY (default 0)",
    )  # fmt: skip
    parser.add_argument("--fill", choices=("touch", "mid"), help="where orders are filled (default touch)")
    parser.add_argument(
        "--dividends", type=Path, metavar="FILE", help="CSV of ex_date,amount: USD a SPY share"
    )
    parser.add_argument(
        *_spellings("close-at-end"),
        dest="close_at_end",
        action="store_true",
        help="close an open position at the end",
    )
    parser.add_argument(
        "--sort", action="store_true", help="sort the rows by time first (keeps them in memory)"
    )
    parser.add_argument(
        *_spellings("skip-bad"), dest="skip_bad", action="store_true", help="count malformed rows and go on"
    )
    parser.add_argument("--trades", type=Path, metavar="FILE", help="write the ledger as CSV")
    parser.add_argument("--equity", type=Path, metavar="FILE", help="write the equity of every row as CSV")
    parser.add_argument("--json", action="store_true", help="the result as one JSON document")


def _name(flag: str) -> str:
    return flag.replace("-", "_")


def _spellings(flag: str) -> list[str]:
    return list(dict.fromkeys([f"--{flag}", f"--{_name(flag)}"]))


def _number(text: str) -> float:
    if not re.fullmatch(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", text):
        raise argparse.ArgumentTypeError(f"{printable(text)} is not a number")
    return float(text)


def run(args: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    from arbcore.carry.backtest import Sinks, expiry_instant_of, make_settings
    from arbcore.carry.backtest import run as run_backtest
    from arbcore.errors import UsageError

    if (args.data is None) == (args.csv is None):
        raise UsageError("Name one file of quotes (or - for standard input); see `arbcore backtest --help`.")
    settings = make_settings(_chosen(args))
    expiry_ns = expiry_instant_of(args.expiry)
    _refuse_overlap(args)
    progress = _Progress(sys.stderr)
    with _Output(args.trades) as trades, _Output(args.equity) as equity:
        sinks = Sinks(
            trades=None if args.trades is None else _trade_writer(trades),
            equity=None if args.equity is None else _equity_writer(equity),
            progress=progress.show if sys.stderr.isatty() else None,
        )
        try:
            summary, notes = run_backtest(
                args.data if args.csv is None else args.csv,
                settings,
                expiry_ns=expiry_ns,
                sort=args.sort,
                skip_bad=args.skip_bad,
                sinks=sinks,
            )
        finally:
            progress.clear()
    for note in notes:
        print(f"arbcore: {note}", file=sys.stderr)
    print(json.dumps(summary) if args.json else "\n".join(summary_lines(summary)))
    return 0


def _chosen(args: argparse.Namespace) -> dict[str, Any]:
    """The settings that were named on the command line."""
    from arbcore.carry.dividends_file import read_dividends
    from arbcore.errors import UsageError

    names = [*(_name(flag) for flag, _, _ in NUMBERS), "fill"]
    chosen: dict[str, Any] = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    if args.factor is not None:
        try:
            chosen["factor"] = args.factor if args.factor.startswith("auto") else _number(args.factor)
        except argparse.ArgumentTypeError as error:
            raise UsageError(f"--factor: {error}, auto or auto:ROWS.") from error
    if args.slippage_ticks is not None:
        parts = args.slippage_ticks.split(",")
        try:
            ticks = [_number(part) for part in parts]
        except argparse.ArgumentTypeError as error:
            raise UsageError(f"--slippage-ticks: {error}.") from error
        if len(ticks) > 2:
            raise UsageError("--slippage-ticks takes one number, or one for ES and one for SPY.")
        chosen["es_slippage_ticks"], chosen["spy_slippage_ticks"] = ticks[0], ticks[-1]
    if args.dividends is not None:
        chosen["dividends"] = read_dividends(args.dividends)
    if args.close_at_end:
        chosen["close_at_end"] = True
    return chosen


def _refuse_overlap(args: argparse.Namespace) -> None:
    """No file is named twice: a result would replace the quotes, or the other result."""
    from arbcore.errors import UsageError

    quotes = args.data if args.csv is None else args.csv
    named = [("the quotes", quotes), ("--dividends", args.dividends)]
    for flag, path in (("--trades", args.trades), ("--equity", args.equity)):
        for role, other in named:
            if path is None or other is None or str(other) == "-" or _is_special(path):
                continue
            if os.path.realpath(path) == os.path.realpath(other):
                raise UsageError(f"{flag} {printable(str(path))} would overwrite {role}; name another file.")
        named.append((flag, path))


def _is_special(path: Path) -> bool:
    """A device, a pipe or a folder: there, and not to be replaced by a file."""
    return path.exists() and not path.is_file()


class _Output:
    """A file that appears whole at the end or not at all; a device or a pipe is written as it comes."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._part: Path | None = None
        if path is not None and not _is_special(path):
            target = Path(os.path.realpath(path))
            self._part = target.with_name(f".{target.name}.{os.getpid()}.part")
        self._stream: TextIO | None = None

    def __enter__(self) -> TextIO:
        from arbcore.errors import UsageError

        if self._path is None:
            return sys.stdout
        try:
            self._stream = (self._part or self._path).open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise UsageError(
                f"{printable(str(self._path))} cannot be written ({error.strerror}); name another file."
            ) from error
        return self._stream

    def __exit__(self, kind: object, *_: object) -> None:
        if self._stream is None:
            return
        try:
            self._stream.close()
            if kind is None and self._part is not None:
                self._part.replace(os.path.realpath(str(self._path)))
        finally:
            if self._part is not None:
                self._part.unlink(missing_ok=True)


def _trade_writer(stream: TextIO) -> Any:
    from arbcore.carry.backtest import TRADE_COLUMNS
    from arbcore.carry.civil import iso_time

    stream.write(",".join(TRADE_COLUMNS) + "\n")

    def write(rows: Any) -> None:
        for trade_id, side, entry_ns, exit_ns, *rest in rows:
            cells = (trade_id, side, iso_time(entry_ns), iso_time(exit_ns), *rest)
            stream.write(",".join(map(str, cells)) + "\n")

    return write


def _equity_writer(stream: TextIO) -> Any:
    from arbcore.carry.civil import iso_time

    stream.write("ts,equity\n")

    def write(times: Sequence[int], values: Sequence[float]) -> None:
        stream.writelines(f"{iso_time(ts_ns)},{value}\n" for ts_ns, value in zip(times, values, strict=True))

    return write


class _Progress:
    """How far a long read is, and how long it will still take, on one line of a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._began_s = self._shown_s = time.monotonic()
        self._shown = False

    def show(self, done: int, size: int | None, rows: int) -> None:
        now_s = time.monotonic()
        if now_s - self._shown_s < PROGRESS_EVERY_S:
            return
        self._shown_s = now_s
        self._shown = True
        left = f"{rows:,} rows"
        if size:
            share = min(1.0, done / size)
            remaining_s = (now_s - self._began_s) * (1 - share) / share
            left += f", {share:.0%}, {remaining_s:,.0f} s left"
        self._stream.write(f"\r\x1b[K{left}")
        self._stream.flush()

    def clear(self) -> None:
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def summary_lines(summary: dict[str, Any]) -> list[str]:
    """The result for a person."""
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
        f"    costs         {_usd(-summary['costs'])}",
    ]
    extras = [name for name in ("financing", "dividends") if summary[name]]
    lines += [f"    {name:<12}  {_usd(summary[name])}" for name in extras]
    ratios = {name: _ratio(summary[name]) for name in ("sharpe", "sortino", "calmar", "profit_factor")}
    lines += [
        f"  max drawdown    {_usd(summary['max_drawdown'])}   (longest {_span(summary['max_drawdown_s'])})",
        "  Sharpe          {sharpe}   Sortino {sortino}   Calmar {calmar}".format(**ratios),
    ]
    if trades:
        lines.append(
            f"  a trade         {_usd(summary['expectancy'])}   (profit factor {ratios['profit_factor']}, "
            f"held {_span(summary['average_hold_s'])} on average)"
        )
    if summary["exposure"] is not None:
        lines.append(f"  exposure        {summary['exposure']:.1%} of rows")
    if position is not None:
        held = f"{position['side']} since {position['entry_ts']} at {position['entry_dev_bps']:+.2f} bps"
        lines.append(f"  open            {held}, unrealised {_usd(summary['unrealised_pnl'])}")
    return lines


def _usd(value: float) -> str:
    return f"{value:+,.2f} USD"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _span(seconds: float) -> str:
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds:.1f} s"
