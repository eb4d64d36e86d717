"""The settings of a backtest as arguments, shared by the commands that run one."""

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from arbcore.core.backtest_options import BACKTEST_OPTIONS, BacktestOption
from arbcore.core.text import printable
from arbcore.errors import UsageError

#: The bot's defaults that differ from those of a backtest.
LIVE = {"max_hold_days": 1.0, "cooldown_s": 60.0}
LIVE_NOTE = (
    "--like-live: unlike the bot, a backtest has no daily loss limit, no trading hours, no margin and no "
    "hedge that fails."
)


def name_of(flag: str) -> str:
    return flag.replace("-", "_")


def spellings(*flags: str) -> list[str]:
    """Returns both spellings of each flag: with dashes and with underscores."""
    return list(dict.fromkeys(name for flag in flags if flag for name in (f"--{flag}", f"--{name_of(flag)}")))


def number(text: str) -> float:
    if not re.fullmatch(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", text):
        raise argparse.ArgumentTypeError(f"{printable(text)} is not a number")
    return float(text)


def shared_flags() -> dict[str, list[BacktestOption]]:
    """Returns the flags that several settings share, each with its settings."""
    found: dict[str, list[BacktestOption]] = {}
    for item in BACKTEST_OPTIONS.values():
        found.setdefault(item.flag, []).append(item)
    return {flag: items for flag, items in found.items() if len(items) > 1}


def add_settings(
    parser: argparse.ArgumentParser,
    *,
    read: Callable[[str], object] = number,
    action: type[argparse.Action] | str = "store",
) -> None:
    """Declares every setting; ``read`` parses the text of numeric ones, ``action`` stores the value."""
    parser.add_argument(
        "--expiry", metavar="DATE", help="date (09:30 New York), time, or contract code such as ESH26"
    )
    shared = shared_flags()
    for item in BACKTEST_OPTIONS.values():
        # A shared flag is declared with its first setting; a setting without help has no flag.
        if not item.help:
            continue
        known: dict[str, Any] = {"dest": name_of(item.flag), "help": item.help_text}
        if item.reads == "switch":
            known["action"] = "store_true"
        elif item.reads == "word":
            known["choices"] = item.choices
        else:
            known["metavar"] = item.metavar
        if item.reads == "file":
            known["type"] = Path
        elif item.reads == "number" and item.flag not in shared:
            known["type"] = read
        if item.varies:
            known["action"] = action
        parser.add_argument(*spellings(item.flag, item.alias), **known)
    parser.add_argument(
        "--fred", metavar="SERIES",
        help="ask FRED for a series by date (DTB3, SOFR, EFFR, DFF), in place of --rates",
    )  # fmt: skip
    parser.add_argument(
        *spellings("fred-key"), dest="fred_key", metavar="FILE", help="a file that holds your key of FRED"
    )
    parser.add_argument(
        *spellings("like-live"), dest="like_live", action="store_true",
        help="take the bot's defaults for thresholds, longest hold and cooldown",
    )
    parser.add_argument(
        *spellings("drop-outliers"), dest="drop_outliers", action="store_true",
        help="leave out rows far from their neighbours (keeps the rows in memory)",
    )
    parser.add_argument(
        "--sort", action="store_true", help="sort the rows by time first (keeps the rows in memory)"
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


def chosen_settings(
    args: argparse.Namespace, *, read: Callable[[str], object] = number
) -> dict[str, object]:
    """Returns the settings given on the command line; ``read`` as for ``add_settings``."""
    chosen: dict[str, object] = dict(LIVE) if args.like_live else {}
    shared = shared_flags()
    for item in BACKTEST_OPTIONS.values():
        given = getattr(args, name_of(item.flag), None)
        if not item.help or given is None or given is False:
            continue
        if item.flag in shared:
            chosen |= _several(shared[item.flag], given, read)
        elif item.reads == "terms":
            chosen[item.name] = mixed(given, read)
        elif item.reads == "level":
            chosen[item.name] = _level(given, read)
        else:
            chosen[item.name] = given
    if args.fred_key is not None and args.fred is None:
        raise UsageError("--fred-key belongs to --fred; name a series such as --fred DTB3.")
    if args.fred is not None:
        if "r" in chosen or "rates" in chosen:
            raise UsageError("--fred stands for --r and --rates; give one of them.")
        chosen["rates"] = _rates_of_fred(args.fred, args.fred_key)
    return chosen


def key_of_fred(path: str | None) -> str:
    """Reads the key from a file. Raises UsageError without a path, InputError if it cannot be read."""
    from arbcore.quotes.terms_files import text_of

    if path is None:
        raise UsageError(
            "--fred needs --fred-key FILE, which holds your key; without a key, download the series as CSV "
            "and name it with --rates."
        )
    return text_of(path, "--fred-key").strip()


def _rates_of_fred(series: str, key_file: str | None) -> object:
    """Downloads a series of FRED as the setting ``rates``. Raises RunError if FRED does not respond."""
    from arbcore.broker import fred

    history = fred.fetch_history(fred.FredSettings(series=series, key=key_of_fred(key_file)))
    return history.name, history.quoting.value, history.days, history.values


def _level(text: str, read: Callable[[str], object]) -> object:
    try:
        return text if text[:1].isalpha() else read(text)
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"--factor: {error}, track, track:HALF_LIFE, auto, auto:ROWS or column.") from error


def mixed(text: str, read: Callable[[str], object] = number) -> object:
    """Reads a rate or a yield: a number, else the text itself. Raises UsageError for nan, infinity or ""."""
    if text.strip().lower().lstrip("+-") in ("nan", "inf", "infinity", ""):
        raise UsageError(
            f"'{printable(text)}' is not a rate; write a decimal such as 0.043, or name a file of rates."
        )
    try:
        return read(text)
    except argparse.ArgumentTypeError:
        return text


def _several(
    items: Sequence[BacktestOption], text: str, read: Callable[[str], object]
) -> dict[str, object]:
    """Reads the settings of a shared flag; a single number sets all of them, or only the first."""
    flag = items[0].flag
    try:
        values = [read(part) for part in text.split(",")]
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"--{flag}: {error}.") from error
    if len(values) > len(items):
        raise UsageError(f"--{flag} takes one number or two, not {len(values)}.")
    if len(values) == 1 and items[0].for_all:
        values *= len(items)
    return dict(zip([item.name for item in items], values, strict=False))
