"""``arbcore config show``: every setting, its meaning, its value and the source of the value."""

import argparse
import json
import os
import re
import sys
import textwrap
from collections.abc import Sequence
from typing import Any, TypedDict

from arbcore.broker.carry_settings import carry_settings
from arbcore.commands._arguments import working_directory
from arbcore.core.settings import LISTEN_TOKEN, PREFIX, Config, Resolved, Setting
from arbcore.core.text import plural, printable
from arbcore.play.exchange_settings import exchange_settings
from arbcore.system.configuration import KILL_SWITCH_NAME, load
from arbcore.system.kill_switch import KillSwitch
from arbcore.trading.profiles import PROFILES

DESCRIPTION = """\
Shows every setting, its value and where it came from: defaults < .env < environment < flags. With a bot
named, that bot's settings with their meanings and ranges. Settings that are rarely changed are shown with
--advanced, or where they are set."""
EPILOG = """\
examples:
  arbcore config show
  arbcore config show ibkr
  arbcore config show exchange --advanced
  arbcore config show ibkr --env > .env                    a file to edit, in which nothing is set yet
  ARBCORE_TEAM=ALPHA arbcore config show --json
  arbcore config show --set ARBCORE_BOND_ENABLED=0
"""


#: Settings that are rarely changed: technical bounds, and names that follow from the instrument.
_ADVANCED = re.compile(
    r"(?!ARBCORE_DESK_ROLL_BEFORE_S)ARBCORE_DESK_.*|(FUT|SPY)_(EXCHANGE|CURRENCY)|FUT_FRONT_MONTH_OFFSET"
    r"|ARBCORE_(IB_LIBRARY|CONNECT_TIMEOUT_S|LOG_PATH|CANCEL_RESERVE|COLLAR_BPS|STALE_MS|ROUND_MS|WINDOW"
    r"|MIN_PRICES|ACK_TIMEOUT_MS|RESYNC_AFTER|REJECT_PAUSE_MS|LIVE_ORDERS_MAX|LINE_BYTES_MAX)"
    r"|ARBCORE_\w+_(CONVERT_LOTS|CONVERT_SIZE|LEG_TIMEOUT_MS|HEDGE_TIMEOUT_MS|REFILL_SIZE"
    r"|FLOW_PERCENT|TOXIC_PERCENT|TOXIC_PAUSE_MS|AVERAGES|SIGNAL_TICKS)"
)
BOTS = ("exchange", "ibkr")
_TITLES = {"exchange": "the exchange bot (arbcore exchange)", "ibkr": "the carry bot (arbcore ibkr)"}
_TEXT_WIDTH = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("action", choices=["show"], help="what to do")
    parser.add_argument(
        "bot", choices=BOTS, nargs="?", help="whose settings, with what they mean (default: both bots')"
    )
    add_set_argument(parser)
    parser.add_argument("--advanced", action="store_true", help="also those that are rarely changed")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    form.add_argument("--env", action="store_true", help="a .env file to edit; every line is a comment")


def add_set_argument(parser: argparse.ArgumentParser) -> None:
    """Declares --set, which commands that read settings share."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="settings",
        help="change a setting for this run, by its name in `arbcore config show`; may be repeated",
    )


def add_profile_argument(parser: argparse.ArgumentParser) -> None:
    """Declares --profile, for commands that run the exchange bot."""
    parser.add_argument(
        "--profile",
        choices=list(PROFILES),
        default="default",
        help="a named set of settings; classic: the three original strategies and nothing else",
    )


def run(args: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    if args.env:
        print(env_file(BOTS if args.bot is None else (args.bot,)), end="")
        return 0
    resolved = load_all(args)
    names = [setting.name for setting in settings_of(args.bot)] if args.bot else list(resolved.settings)
    if args.json:
        print(json.dumps(document(resolved, names)))
        return 0
    warn(resolved)
    kept = [
        name for name in names
        if args.advanced or not _ADVANCED.fullmatch(name) or _is_set(resolved, name)
    ]  # fmt: skip
    if args.bot:
        for name in kept:
            print("\n".join(_explained(resolved.settings[name])))
    else:
        _table(resolved, kept)
    if hidden := len(names) - len(kept):
        more = plural(hidden, "more setting")
        print(f"arbcore: {more}, rarely changed: --advanced shows them.", file=sys.stderr)
    return 0


def _is_set(resolved: Config, name: str) -> bool:
    return not resolved.source(name).startswith("default")


def _table(resolved: Config, names: Sequence[str]) -> None:
    found = resolved.settings
    rows = [(name, _text(found[name].shown()), found[name].source) for name in names]
    switch = KillSwitch(working_directory(), os.environ).peek()
    rows.append((KILL_SWITCH_NAME, "on" if switch else "off", switch or "default"))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, value, source in rows:
        print(printable(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {source}", 2_000).rstrip())


def settings_of(bot: str) -> tuple[Setting, ...]:
    """Returns every setting of one bot."""
    return exchange_settings() if bot == "exchange" else (*carry_settings(), LISTEN_TOKEN)


def _explained(entry: Resolved) -> list[str]:
    setting = entry.setting
    head = f"{setting.name} = {_text(entry.shown())}   ({entry.source})"
    told = f"{setting.help}; {takes(setting)}"
    return [printable(head, 2_000), *_indented(told, "    ")]


def _indented(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, _TEXT_WIDTH, initial_indent=indent, subsequent_indent=indent)


def takes(setting: Setting) -> str:
    """Describes the values that a setting accepts, and its default."""
    low, high = setting.minimum, setting.maximum
    if setting.kind == "words":
        what = f"words of {', '.join(setting.options)}, separated by commas"
    elif setting.options:
        what = "one of " + ", ".join(option or "nothing" for option in setting.options)
    elif setting.kind == "switch":
        what = "1 or 0"
    elif low is not None and high is not None:
        what = f"{low:,.12g} to {high:,.12g}"
    else:
        what = {"integer": "a whole number", "number": "a number", "factor": "a number or auto[:ROWS]"}.get(
            setting.kind, setting.kind
        )
    return f"{what}; default {'none' if setting.secret else _text(setting.default)}"


def env_file(bots: Sequence[str]) -> str:
    """Returns a .env with the commonly changed settings as comments with their defaults; it sets nothing."""
    lines = [
        "# Settings of arbcore: take the # away from what you change, and keep the file to yourself (chmod",
        "# 600). The environment and flags win over it. Made by `arbcore config show --env`; what is rarely",
        "# changed is shown by `arbcore config show BOT --advanced`.",
    ]
    seen: set[str] = set()
    for bot in bots:
        lines += ["", f"# --- {_TITLES[bot]} ---"]
        for setting in settings_of(bot):
            if setting.name in seen or _ADVANCED.fullmatch(setting.name):
                continue
            seen.add(setting.name)
            default = "" if setting.default in (None, "", ()) else _text(setting.default)
            told = f"{setting.help}; {takes(setting)}"
            lines += ["", *_indented(told, "# ")]
            lines.append(f"#{setting.name}={default}")
    return "\n".join([*lines, ""])


def load_config(args: argparse.Namespace) -> Config:
    """Loads the exchange bot's settings, with the flags of ``args`` (--team, --host, --port, --set)."""
    flags = set_flags(args)
    for flag in ("team", "host", "port"):
        if getattr(args, flag, None) is not None:
            flags[f"{PREFIX}{flag.upper()}"] = (str(getattr(args, flag)), f"--{flag}")
    others = [setting.name for setting in carry_settings()]
    return load(
        exchange_settings(), working_directory(), os.environ, flags=flags, elsewhere=others
    )


def load_all(args: argparse.Namespace) -> Config:
    """Loads the settings of both bots, with --set."""
    both = (*exchange_settings(), *carry_settings())
    return load(both, working_directory(), os.environ, flags=set_flags(args))


def set_flags(args: argparse.Namespace) -> dict[str, tuple[str, str]]:
    """Returns the settings of --profile and then --set: full name -> (text, the flag)."""
    profile = getattr(args, "profile", None) or "default"
    flags = {name: (text, f"--profile {profile}") for name, text in PROFILES[profile].items()}
    for item in args.settings:
        name, _, value = item.partition("=")
        flags[name.strip()] = (value, "--set")
    return flags


def warn(resolved: Config) -> None:
    """Prints to standard error what looks wrong in the settings."""
    for warning in resolved.warnings:
        print(f"arbcore: warning: {warning}", file=sys.stderr)


class SettingDocument(TypedDict):
    """A setting with its value, the source of the value, and the values that it accepts."""

    name: str
    value: object
    source: str
    help: str
    takes: str
    minimum: float | None
    maximum: float | None
    options: list[str]
    advanced: bool


class SwitchDocument(TypedDict):
    """The state of the kill switch; ``reason`` is None while it is off."""

    on: bool
    reason: str | None


class ConfigDocument(TypedDict):
    """The document of ``arbcore config show --json``."""

    schema: str
    settings: list[SettingDocument]
    kill_switch: SwitchDocument
    warnings: list[str]


def document(resolved: Config, names: Sequence[str]) -> ConfigDocument:
    """Returns the JSON document of the named settings."""
    switch = KillSwitch(working_directory(), os.environ).peek()
    return {
        "schema": "arbcore.config/1",
        "settings": [
            {
                "name": name, "value": (entry := resolved.settings[name]).shown(), "source": entry.source,
                "help": entry.setting.help, "takes": takes(entry.setting), "minimum": entry.setting.minimum,
                "maximum": entry.setting.maximum, "options": list(entry.setting.options),
                "advanced": _ADVANCED.fullmatch(name) is not None,
            }
            for name in names
        ],
        "kill_switch": {"on": switch is not None, "reason": switch},
        "warnings": list(resolved.warnings),
    }


def _text(value: Any) -> str:
    if value is None or value in ("", ()):
        return "(not set)"
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, dict):
        return ",".join(f"{name}={size}" for name, size in value.items())
    return str(value)
