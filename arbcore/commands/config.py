"""``arbcore config show``: every setting, its value and where it came from."""

import argparse
import json
import os
import sys
from typing import Any

from arbcore.broker.carry_settings import carry_settings
from arbcore.commands._arguments import working_directory
from arbcore.core.settings import PREFIX, Config
from arbcore.core.text import printable
from arbcore.play.exchange_settings import exchange_settings
from arbcore.system.configuration import KILL_SWITCH_NAME, load
from arbcore.system.kill_switch import KillSwitch
from arbcore.trading.profiles import PROFILES

DESCRIPTION = "Shows every setting, its value and where it came from: defaults < .env < environment < flags."
EPILOG = """\
examples:
  arbcore config show
  ARBCORE_TEAM=ALPHA arbcore config show --json
  arbcore config show --set ARBCORE_BOND_ENABLED=0
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("action", choices=["show"], help="what to do")
    add_set_argument(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")


def add_set_argument(parser: argparse.ArgumentParser) -> None:
    """Declares --set, which commands that read settings share."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="settings",
        help="a setting for this run, by its name in `arbcore config show`; may be repeated",
    )


def add_profile_argument(parser: argparse.ArgumentParser) -> None:
    """Declares --profile, for commands that run the exchange bot."""
    parser.add_argument(
        "--profile",
        choices=list(PROFILES),
        default="default",
        help="a named set of settings: classic plays the strategies as first described, and nothing else",
    )


def run(args: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    resolved = load_all(args)
    if args.json:
        print(json.dumps(document(resolved)))
        return 0
    warn(resolved)
    rows = [(name, _text(entry.shown()), entry.source) for name, entry in resolved.settings.items()]
    switch = KillSwitch(working_directory(), os.environ).peek()
    rows.append((KILL_SWITCH_NAME, "on" if switch else "off", switch or "default"))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, value, source in rows:
        print(printable(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {source}", 2_000).rstrip())
    return 0


def load_config(args: argparse.Namespace) -> Config:
    """The exchange bot's settings, with the flags of ``args`` for them (--team, --host, --port, --set)."""
    flags = set_flags(args)
    for flag in ("team", "host", "port"):
        if getattr(args, flag, None) is not None:
            flags[f"{PREFIX}{flag.upper()}"] = (str(getattr(args, flag)), f"--{flag}")
    others = [setting.name for setting in carry_settings()]
    return load(
        exchange_settings(), working_directory(), os.environ, flags=flags, elsewhere=others
    )


def load_all(args: argparse.Namespace) -> Config:
    """The settings of both bots, with --set."""
    both = (*exchange_settings(), *carry_settings())
    return load(both, working_directory(), os.environ, flags=set_flags(args))


def set_flags(args: argparse.Namespace) -> dict[str, tuple[str, str]]:
    """What --profile and then --set gave: full name -> (text, the flag)."""
    profile = getattr(args, "profile", None) or "default"
    flags = {name: (text, f"--profile {profile}") for name, text in PROFILES[profile].items()}
    for item in args.settings:
        name, _, value = item.partition("=")
        flags[name.strip()] = (value, "--set")
    return flags


def warn(resolved: Config) -> None:
    """Says on standard error what looks wrong about the settings."""
    for warning in resolved.warnings:
        print(f"arbcore: warning: {warning}", file=sys.stderr)


def document(resolved: Config) -> dict[str, Any]:
    """The JSON document."""
    switch = KillSwitch(working_directory(), os.environ).peek()
    return {
        "schema": "arbcore.config/1",
        "settings": [
            {"name": name, "value": entry.shown(), "source": entry.source, "help": entry.setting.help}
            for name, entry in resolved.settings.items()
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
