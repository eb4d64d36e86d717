"""The pages of the reference, made from the parsers, the settings tables, the errors and the JSON schemas.

Every page is Markdown. No command, option or setting is named here: the pages contain all that the code has.
One without a help text is an error.
"""

import argparse
import contextlib
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from live_snapshots import SNAPSHOTS

from arbcore import errors
from arbcore.broker.carry_settings import carry_settings
from arbcore.broker.store_schema import MIGRATIONS
from arbcore.carry.pairs import PAIRS
from arbcore.cli import COMMANDS, DISCLAIMER, build_parser
from arbcore.core.ledger_columns import LEDGER_COLUMNS
from arbcore.core.settings import Setting
from arbcore.gateway.faults import FAULTS
from arbcore.pages.live_carry import carry_view
from arbcore.pages.live_exchange import exchange_view
from arbcore.pages.live_page import LiveView
from arbcore.pages.live_serve import serve_view
from arbcore.play.exchange_settings import exchange_settings
from arbcore.play.results_file import COLUMNS as RESULT_COLUMNS
from arbcore.venue.regimes import REGIMES

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schemas"

#: Most characters of a line on a page.
USAGE_WIDTH = 78
#: For each kind of setting, the form of its values.
KINDS = {
    "text": "text",
    "team": "letters",
    "limits": "symbols and shares, such as `VALE=10,XLF=100`",
    "address": "an address (http or https)",
    "addresses": "addresses, separated by commas",
    "integer": "a whole number",
    "number": "a number",
    "switch": "`1` or `0`",
    "factor": "a number or one of the words that the description names",
    "words": "words, separated by commas",
    "choice": "one word",
}

KINDS_OF_CELLS = {int: "whole number", float: "number", str: "text"}


def pages() -> dict[str, str]:
    """Returns every page by its file name."""
    return {
        "commands.md": commands_page(),
        "settings.md": settings_page(),
        "exit-codes.md": exit_codes_page(),
        "json.md": schemas_page(),
        "faults.md": faults_page(),
        "pairs.md": pairs_page(),
        "metrics.md": metrics_page(),
        "part-ledger.md": ledger_table(),
        "part-results.md": columns(RESULT_COLUMNS),
        "part-store.md": store_tables(),
    }


def cell(text: object) -> str:
    """Escapes text for a cell of a Markdown table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def prose(text: str) -> str:
    """Converts plain text to Markdown: options become code, and Markdown's special characters are escaped."""
    parts = re.split(r"(`[^`]*`|(?<![\w-])--[a-z][a-z-]*)", text)
    for at, part in enumerate(parts):
        if part.startswith("--"):
            parts[at] = f"`{part}`"
        elif not part.startswith("`"):
            parts[at] = re.sub(r"([_*<\[\]])", r"\\\1", part)
    return "".join(parts)


def table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    lines += [f"| {' | '.join(cell(value) for value in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


# --- commands -----------------------------------------------------------------------------------


def commands_page() -> str:
    parts = [
        ("# Commands\n\nThis page is made from the parsers. `arbcore COMMAND --help` says "
         "the same.\n\nBefore the command, or after it, `--debug` shows tracebacks and debug logging; "
         "`arbcore --version` shows the version and the build.\n")
    ]
    for name, parser in parsers():
        depth = "##" if name.count(" ") == 1 else "###"
        parts.append(f"{depth} `{name}`\n\n{prose(parser.description or '').strip()}\n")
        parts.append(f"```text\n{usage(parser)}\n```\n")
        parts.append(option_table(parser))
        epilog = (parser.epilog or "").replace(DISCLAIMER, "").strip()
        if epilog:
            parts.append(f"```text\n{epilog}\n```\n")
    return "\n".join(parts)


def parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yields every command and subcommand with its parser, in the order of the command line."""
    top = build_parser()
    found = dict(subparsers(top))
    for name, _ in COMMANDS:
        yield f"arbcore {name}", found[name]
        for word, parser in subparsers(found[name]):
            yield f"arbcore {name} {word}", parser


def subparsers(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Returns the arguments of a command, without those that every command has."""
    return [
        action for action in parser._actions
        if action.help is not argparse.SUPPRESS
        and not isinstance(action, argparse._HelpAction | argparse._SubParsersAction)
        and action.dest != "debug"
    ]  # fmt: skip


def option_table(parser: argparse.ArgumentParser) -> str:
    rows: list[tuple[object, ...]] = []
    formatter = parser._get_formatter()
    for action in options(parser):
        if not action.help:
            raise ValueError(f"{parser.prog}: {action.dest} has no help.")
        # Only one spelling of an option is shown, not its variant with underscores.
        spelled = [word for word in action.option_strings if "_" not in word] or [action.dest]
        value = value_of(action)
        shown = ", ".join(f"`{word}{' ' + value if value else ''}`" for word in spelled)
        rows.append((shown, prose(formatter._expand_help(action))))
    return table(("argument", "meaning"), rows) if rows else ""


def usage(parser: argparse.ArgumentParser) -> str:
    formatter = parser.formatter_class(prog=parser.prog, width=USAGE_WIDTH)
    formatter.add_usage(parser.usage, parser._actions, parser._mutually_exclusive_groups)
    return formatter.format_help().strip()


def value_of(action: argparse.Action) -> str:
    if action.nargs == 0 or not action.option_strings:
        return ""
    if isinstance(action.metavar, tuple):
        return " ".join(action.metavar)
    if action.metavar:
        return str(action.metavar)
    if action.choices:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper()


# --- settings -----------------------------------------------------------------------------------


def settings_page() -> str:
    intro = (
        "# Settings\n\nThis page is made from the tables of settings. A setting comes from its default, then "
        "from `.env` in the working directory, then from the environment, then from flags (`--set "
        "NAME=VALUE`); the later one wins. `arbcore config show` prints every setting, its value and where "
        "it came from. An unknown name gets a warning, a value out of range ends with exit code 2.\n"
    )
    return "\n".join([
        intro,
        "## The exchange bot\n", setting_table(exchange_settings()),
        "## The carry bot\n", setting_table(carry_settings()),
    ])  # fmt: skip


def setting_table(settings: tuple[Setting, ...]) -> str:
    rows: list[tuple[object, ...]] = []
    for setting in settings:
        if not setting.help:
            raise ValueError(f"The setting {setting.name} has no help.")
        secret = " Secret: never shown." if setting.secret else ""
        meaning = f"{prose(setting.help[:1].upper() + setting.help[1:])}.{secret}"
        rows.append((f"`{setting.name}`", meaning, range_of(setting), default_of(setting.default)))
    return table(("name", "meaning", "value", "default"), rows)


def range_of(setting: Setting) -> str:
    # A setting with its own parser also has its own word for its kind.
    kind = KINDS.get(setting.kind, setting.kind)
    low, high = setting.minimum, setting.maximum
    if setting.options:
        return f"{kind} of {', '.join(f'`{option}`' for option in setting.options)}"
    if low is not None and high is not None:
        return f"{kind} from {low:,.15g} to {high:,.15g}"
    return kind


def default_of(value: Any) -> str:
    if value is None or value in ("", ()):
        return "not set"
    if isinstance(value, bool):
        return f"`{int(value)}`"
    if isinstance(value, dict):
        return f"`{','.join(f'{name}={size}' for name, size in value.items())}`"
    if isinstance(value, tuple):
        return f"`{','.join(value)}`"
    return f"`{value}`"


# --- columns -------------------------------------------------------------------------------------


def columns(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) + "\n"


def ledger_table() -> str:
    """Returns every column of the ledger with its unit and its meaning."""
    rows: list[tuple[object, ...]] = [
        (f"`{each.name}`", KINDS_OF_CELLS[each.kind], each.unit, each.meaning) for each in LEDGER_COLUMNS
    ]
    return table(("column", "type", "unit", "meaning"), rows)


def store_tables() -> str:
    """Returns the tables of a store after all migrations."""
    with contextlib.closing(sqlite3.connect(":memory:")) as store:
        for statements in MIGRATIONS:
            for statement in statements:
                store.execute(statement)
        names = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows: list[tuple[object, ...]] = [
            (f"`{name}`", columns(tuple(row[1] for row in store.execute(f"PRAGMA table_info({name})"))))
            for name in names
        ]
    return table(("table", "columns"), rows)


# --- metrics -------------------------------------------------------------------------------------

#: The commands with live pages, by the name of their snapshot in the tests.
LIVE_VIEWS = {
    "carry": ("arbcore ibkr", carry_view), "exchange": ("arbcore exchange", exchange_view),
    "serve": ("arbcore serve", serve_view),
}  # fmt: skip


def scrape(view: LiveView, snapshot: dict[str, Any]) -> str:
    """Returns the response of ``/metrics`` for a snapshot."""
    view.take(snapshot)
    return view.metrics()


def metrics_of(text: str) -> list[tuple[str, str, str, str]]:
    """Returns name, type, labels and meaning of every metric of a scrape, in its order."""
    found = []
    for name, meaning in re.findall(r"^# HELP (\S+) (.*)$", text, re.MULTILINE):
        kind = re.search(rf"^# TYPE {name} (\w+)$", text, re.MULTILINE)
        labels = re.search(rf"^{name}\{{(.*?)=", text, re.MULTILINE)
        if kind is None:
            raise ValueError(f"{name} has no type.")
        found.append((name, kind[1], labels[1] if labels else "", meaning))
    return found


def metrics_page() -> str:
    parts = [
        ("# Metrics\n\nWith `--listen HOST:PORT` a run answers `/metrics` in Prometheus' text format. This "
         "page is made from what each command answers. Units are in the names: seconds, USD, ticks, and "
         "ratios (0.0003 is 3 basis points). A number that is not known has no line. The values of labels "
         "are names: symbols, strategies, teams, reasons. `/health` answers 200 where the run is well and "
         "503 where a person must look, `/status.json` has everything else.\n")
    ]  # fmt: skip
    for name, (command, make_view) in LIVE_VIEWS.items():
        rows: list[tuple[object, ...]] = [
            (f"`{metric}`", kind, f"`{label}`" if label else "", prose(meaning))
            for metric, kind, label, meaning in metrics_of(scrape(make_view(""), SNAPSHOTS[name]))
        ]
        parts += [f"## `{command}`\n", table(("metric", "type", "label", "meaning"), rows)]
    return "\n".join(parts)


# --- errors, schemas, faults, pairs ---------------------------------------------------------------


def exit_codes_page() -> str:
    rows: list[tuple[object, ...]] = [(0, "done", "")]
    meanings = {
        1: "failed while running, or ended in a state that a person must look at",
        2: "wrong usage or configuration",
        3: "bad input data",
    }
    for code, meaning in meanings.items():
        names = ", ".join(f"`{kind.__name__}`" for kind in error_classes() if kind.exit_code == code)
        rows.append((code, meaning, names))
    rows.append((errors.EXIT_INTERRUPTED, "interrupted by Ctrl-C, after an orderly stop", ""))
    return (
        "# Exit codes and errors\n\nEvery error is one sentence on standard error: what is wrong, where, and "
        "what to do. `--debug` adds the traceback.\n\n"
        + table(("exit code", "meaning", "errors of the library"), rows)
        + "\n## The errors\n\n"
        + table(
            ("error", "is a", "meaning"),
            [
                (f"`{kind.__name__}`", f"`{kind.__bases__[0].__name__}`", first_paragraph(kind))
                for kind in error_classes()
            ],
        )
    )


def error_classes() -> list[type[errors.ArbcoreError]]:
    """Returns all classes of errors, each before its subclasses."""
    found: list[type[errors.ArbcoreError]] = [errors.ArbcoreError]
    for kind in found:
        found += kind.__subclasses__()
    return found


def first_paragraph(kind: type) -> str:
    """Returns the first paragraph of a class's docstring as Markdown."""
    return prose((kind.__doc__ or "").strip().split("\n\n")[0].replace("``", "`"))


def schemas() -> dict[str, dict[str, Any]]:
    """Returns the JSON Schemas by file name."""
    return {
        path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(SCHEMAS.glob("*.json"))
    }


def schemas_page() -> str:
    parts = [
        ("# JSON documents\n\nEach command with `--json` prints one document, or one a line. Its `schema` "
        "names the kind and the version of its meaning; within a version keys may be added, so a program "
        "should pass over keys that it does not know. There is no NaN and no Infinity in them. The tests "
        "hold the output of every command against these JSON Schemas.\n")
    ]
    for name, schema in schemas().items():
        link = f"[{name}](../schemas/{name})"
        parts.append(f"## {schema['title']}\n\n{schema['description']} Schema: {link}.\n")
        rows: list[tuple[object, ...]] = [
            (f"`{key}`", type_of(rule), "always" if key in schema["required"] else "not always")
            for key, rule in schema["properties"].items()
        ]
        parts.append(table(("key", "type", "there"), rows))
    return "\n".join(parts)


def type_of(rule: dict[str, Any]) -> str:
    if "const" in rule:
        return f"`{json.dumps(rule['const'])}`"
    kinds = rule.get("type", "anything")
    text = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    if "items" in rule and rule["items"].get("type"):
        text += f" of {type_of(rule['items'])}"
    return text


def faults_page() -> str:
    rows: list[tuple[object, ...]] = [
        (f"`{fault.name}`", fault.kind, "" if fault.arg is None else f"`{fault.arg}`", prose(fault.text))
        for fault in FAULTS.values()
    ]
    return (
        "# Faults of the gateway\n\nA fault is written `NAME[=ARG]@SECONDS[xCOUNT]`, such as "
        "`held_short=3@10` or `reject=201@0x5`. The seconds are those of the gateway's clock since its "
        "first quotes. An *event* happens then, COUNT times a second apart; an *armed* fault waits from "
        "then on for the next COUNT occasions.\n\n" + table(("fault", "kind", "ARG", "what it does"), rows)
    )


def pairs_page() -> str:
    rows: list[tuple[object, ...]] = [
        (
            f"`{pair.name}`", pair.future, pair.exchange, f"{pair.multiplier:g}", f"{pair.tick:g}", pair.etf,
            f"{pair.points_per_usd:g}", f"{pair.cost_bps:g}", pair.ex_dates.value,
        )
        for pair in PAIRS
    ]  # fmt: skip
    head = (
        "pair", "future", "exchange", "USD a point", "tick", "ETF", "points per USD, about",
        "cost of a round trip, bps", "ETF goes ex",
    )  # fmt: skip
    regimes = table(("regime of `serve` and `simulate`",), [(f"`{name}`",) for name in REGIMES])
    return (
        "# Pairs and regimes\n\nA pair is an index future and an ETF of the same index. One table in "
        "`arbcore/carry/pairs.py` owns them.\n\n" + table(head, rows) + "\n" + regimes
    )
