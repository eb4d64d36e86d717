"""The settings of a backtest as arguments: what the commands that run one take alike."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from arbcore.core.text import printable
from arbcore.errors import UsageError

# Flag, metavar, help; the default is that of the settings.
NUMBERS = (
    ("entry-bps", "BPS", "edge wanted at the touch after costs (default 3)"),
    ("exit-bps", "BPS", "deviation at which a position is left (default a quarter of the entry)"),
    ("cost-bps", "BPS", "cost of a round trip in bps of the future (default by pair: es-spy 0.5)"),
    ("stop-bps", "BPS", "leave when the deviation has moved this far against the position (default off)"),
    ("max-hold-days", "DAYS", "leave after this many days (default off)"),
    ("cooldown-s", "S", "no entry for so long after an exit (default 0)"),
    ("multiplier", "USD", "USD a point of the contract (default by pair: es-spy 50)"),
    ("contracts", "N", "contracts a trade (default 1)"),
    ("financing-spread-bps", "BPS", "added to the rate in the fair value (default 0)"),
    ("true-factor", "X", "index points a USD of the ETF, which shows the financing that the level implies"),
    ("es-fee", "USD", "fee a contract and side, besides --cost-bps (default 0)"),
    ("funding-rate", "RATE", "paid on the ETF leg when long (default the run's rate at the entry)"),
    ("short-rate", "RATE", "received on the ETF leg when short (default 0)"),
    ("borrow-rate", "RATE", "paid for borrowing the ETF when short (default 0)"),
)
# Numbers that may also be a file, or several by contract.
MIXED = (
    ("r", "RATE|FILE", "interest rate, continuously compounded, or a CSV of rates by date (default 0.045)"),
    ("d", "RATE[,CODE:RATE]", "dividend yield, and contracts' own such as ESH26:0.011 (default 0.014)"),
)
#: Other names of a flag.
ALIASES = {"es-fee": "fut-fee", "spy-fee": "etf-fee"}
#: What the bot has where nobody sets anything.
LIVE = {"max_hold_days": 1.0, "cooldown_s": 60.0}
LIVE_NOTE = (
    "--like-live: a backtest has no daily loss limit, no trading hours, no margin and no hedge that fails; "
    "the bot has."
)
# The same for two settings in one argument: flag, the settings, metavar, help. One number is for both, or
# where the second is a smallest fee, for the first alone.
PAIRS = (
    (
        "slippage-ticks", ("es_slippage_ticks", "spy_slippage_ticks"), "N[,M]",
        "ticks lost a fill on each leg, or on future and ETF (default 0)",
    ),
    (
        "latency-rows", ("es_latency_rows", "spy_latency_rows"), "N[,M]",
        "usable rows from a decision to the fill of each leg, or of future and ETF (default 0)",
    ),
    (
        "spy-fee", ("spy_fee", "spy_fee_min"), "USD[,MIN]",
        "fee a share and side, and the least a side, besides --cost-bps (default 0)",
    ),
)  # fmt: skip


def name_of(flag: str) -> str:
    return flag.replace("-", "_")


def spellings(flag: str) -> list[str]:
    flags = [each for each in (flag, ALIASES.get(flag)) if each is not None]
    return list(dict.fromkeys(name for each in flags for name in (f"--{each}", f"--{name_of(each)}")))


def number(text: str) -> float:
    if not re.fullmatch(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", text):
        raise argparse.ArgumentTypeError(f"{printable(text)} is not a number")
    return float(text)


def add_settings(
    parser: argparse.ArgumentParser,
    *,
    read: Callable[[str], Any] = number,
    action: type[argparse.Action] | str = "store",
) -> None:
    """Declares every setting; ``read`` takes the text of the numeric ones, ``action`` keeps them."""
    parser.add_argument(
        "--expiry", metavar="DATE", help="date (09:30 New York), time, or contract code such as ESH26"
    )
    parser.add_argument(
        "--factor",
        action=action,
        metavar="X",
        help="the level: track[:HALF_LIFE] learns it (default track:60m), auto[:ROWS] calibrates it once, a "
        "number is index points a USD of the ETF, column is the file's factor or index column",
    )
    parser.add_argument("--pair", metavar="NAME", help="such as es-spy or nq-qqq (default by the columns)")
    for flag, metavar, text in MIXED:
        parser.add_argument(*spellings(flag), dest=name_of(flag), action=action, metavar=metavar, help=text)
    parser.add_argument(
        "--rates", type=Path, metavar="FILE", help="CSV of date and rate, DTB3, SOFR or EFFR, in place of --r"
    )
    for flag, metavar, text in NUMBERS:
        parser.add_argument(
            *spellings(flag), dest=name_of(flag), type=read, action=action, metavar=metavar, help=text
        )
    for flag, _, metavar, text in PAIRS:
        parser.add_argument(*spellings(flag), dest=name_of(flag), action=action, metavar=metavar, help=text)
    parser.add_argument("--fill", choices=("touch", "mid"), help="where orders are filled (default touch)")
    parser.add_argument(
        "--dividends", type=Path, metavar="FILE",
        help="CSV of ex_date,amount[,unit]: USD a share or index points, in place of --d",
    )
    parser.add_argument("--fees", choices=("ibkr",), help="charge the broker's fees and rates")
    parser.add_argument(
        *spellings("like-live"), dest="like_live", action="store_true",
        help="hold, cooldown and thresholds as the bot has them",
    )
    parser.add_argument(
        *spellings("drop-outliers"), dest="drop_outliers", action="store_true",
        help="leave out rows that stand alone (keeps them in memory)",
    )
    parser.add_argument(
        *spellings("close-at-end"),
        dest="close_at_end",
        action="store_true",
        help="close an open position at the end",
    )
    parser.add_argument(
        "--sort", action="store_true", help="sort the rows by time first (keeps them in memory)"
    )
    parser.add_argument(
        *spellings("skip-bad"), dest="skip_bad", action="store_true", help="count malformed rows and go on"
    )
    parser.add_argument(
        "--tz", metavar="ZONE", help="zone of a time that names none, such as America/New_York (default UTC)"
    )
    parser.add_argument(
        *spellings("time-order"), dest="time_order", choices=("mdy", "dmy"), default="mdy",
        help="order of day and month in 03/02/2026 (default mdy)",
    )  # fmt: skip


def chosen_settings(args: argparse.Namespace, *, read: Callable[[str], Any] = number) -> dict[str, Any]:
    """The settings that were named on the command line; ``read`` is that of ``add_settings``."""
    names = [*(name_of(flag) for flag, _, _ in NUMBERS), "fill", "pair", "rates", "dividends", "fees"]
    chosen: dict[str, Any] = dict(LIVE) if args.like_live else {}
    chosen |= {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    for flag, _, _ in MIXED:
        if getattr(args, flag) is not None:
            chosen[flag] = mixed(getattr(args, flag), read)
    if args.factor is not None:
        try:
            chosen["factor"] = args.factor if args.factor[:1].isalpha() else read(args.factor)
        except argparse.ArgumentTypeError as error:
            raise UsageError(
                f"--factor: {error}, track, track:HALF_LIFE, auto, auto:ROWS or column."
            ) from error
    for flag, settings, _, _ in PAIRS:
        given = getattr(args, name_of(flag))
        if given is not None:
            chosen.update(_pair(flag, settings, given, read))
    if args.close_at_end:
        chosen["close_at_end"] = True
    return chosen


def mixed(text: str, read: Callable[[str], Any] = number) -> Any:
    """A rate or a yield: a number where it is one, else the text. UsageError where it is neither."""
    if text.strip().lower().lstrip("+-") in ("nan", "inf", "infinity", ""):
        raise UsageError(f"A rate is '{printable(text)}'; write a decimal such as 0.043, or name a file.")
    try:
        return read(text)
    except argparse.ArgumentTypeError:
        return text


def _pair(flag: str, settings: tuple[str, str], text: str, read: Callable[[str], Any]) -> dict[str, Any]:
    try:
        values = [read(part) for part in text.split(",")]
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"--{flag}: {error}.") from error
    if len(values) > 2:
        raise UsageError(f"--{flag} takes one number or two, not {len(values)}.")
    if len(values) == 1 and flag != "spy-fee":
        values *= 2
    return dict(zip(settings, values, strict=False))
