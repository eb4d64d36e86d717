"""``arbcore simulate``: a thousand rounds in virtual time, and whether one bot is better than another."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from arbcore.commands._arguments import whole_number, working_directory
from arbcore.commands._output import Progress, refuse_overlap
from arbcore.commands.config import add_profile_argument, add_set_argument, load_config, set_flags, warn
from arbcore.core.text import plural, printable
from arbcore.errors import InputError, UsageError
from arbcore.system.output_file import OutputFile
from arbcore.venue.regimes import REGIMES

DESCRIPTION = """\
Plays rounds of the exchange bot against the simulated marketplace, in virtual time and from seeds: a round of
five minutes takes a fraction of a second. Shows the P&L of a round at the hidden fair value, with its
interval, by regime, strategy and symbol, and compares two bots on the same seeds."""
EPILOG = """\
examples:
  arbcore simulate                                        200 rounds of the built-in strategies
  arbcore simulate --strategy mine:Quoter --no-builtin --regime all --html rounds.html
  arbcore simulate --strategy mine:Quoter --param width=2 --against mine:Quoter --param width=3
  arbcore simulate --strategy mine:Quoter --no-builtin --against builtin --rounds auto
  arbcore simulate --against wider.env                    the same bot with the settings of that file
  arbcore simulate --set ARBCORE_BOND_ENABLED=0 --rounds 1000 --csv rounds.csv
  arbcore simulate --rounds 1 --seed 17 --html round.html --round-of 17     one round, order by order

--against names the other bot: a class in the place of the --strategy ones, the word builtin for the built-in
strategies alone, or a file of lines NAME=VALUE, as in .env, for the same bot with those settings. --param
belongs to the --strategy or --against before it. --no-builtin leaves the built-in strategies out of both
bots, except out of --against builtin.

Round i of a regime has the seed N + i, a fresh object of each strategy, and Python's own random generator
seeded with it: two bots see the same market, and a run can be repeated. --rounds auto plays until an
interval that is valid at every look (an asymptotic confidence sequence, not a 95% interval looked at often)
excludes 0, or 2,000 rounds per regime. The numbers do not depend on the number of workers.

Settings come from .env, the environment and --set, as for `arbcore exchange`; those that differ from their
defaults are shown. A simulated market says which of two bots trades it better, and nothing certain about a
real one.
"""
WORKERS_MAX = 1024
NAMED_COLUMN = 22


class _Named(argparse.Action):
    """Handles --strategy and --against; each --param after one belongs to it."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, value: Any, *_: object
    ) -> None:
        entry: tuple[str, dict[str, str]] = (value, {})
        if self.dest == "against":
            namespace.against = entry
        else:
            namespace.strategy = [*(namespace.strategy or []), entry]
        namespace.last_named = entry


class _Param(argparse.Action):
    """Handles --param NAME=VALUE for the class that was named last."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, value: Any, *_: object
    ) -> None:
        name, equals, text = str(value).partition("=")
        last = getattr(namespace, "last_named", None)
        if last is None:
            raise argparse.ArgumentError(self, "stands before any --strategy; write it after its own")
        if not equals or not name.isidentifier():
            raise argparse.ArgumentError(self, f"{printable(str(value))} is not NAME=VALUE")
        last[1][name] = text


def rounds_or_auto(text: str) -> int | str:
    """Reads a number of rounds, or the word auto."""
    return text if text == "auto" else whole_number(1, 1_000_000)(text)


def round_seconds(text: str) -> float:
    """Reads the length of a round."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.1 <= value <= 86_400:
        raise argparse.ArgumentTypeError(f"{printable(text)} is not a number of seconds from 0.1 to 86400")
    return value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument(
        "--strategy", action=_Named, metavar="SPEC", default=[],
        help="a strategy of your own, package.module:Class; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--param", action=_Param, metavar="NAME=VALUE", help="a parameter of the class named before it"
    )
    parser.add_argument("--no-builtin", action="store_true", help="leave the built-in strategies out")
    add_profile_argument(parser)
    add_set_argument(parser)
    parser.add_argument(
        "--against", action=_Named, metavar="SPEC|FILE.env",
        help="compare with another bot on the same seeds: a class, builtin, or a file of settings",
    )  # fmt: skip
    parser.add_argument(
        "--rounds", type=rounds_or_auto, default=200, metavar="N|auto",
        help="rounds per regime, or until the answer is clear (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--round-s", type=round_seconds, default=300.0, metavar="S", help="length of a round (default 300)"
    )
    parser.add_argument(
        "--regime", choices=[*REGIMES, "all"], default="normal", metavar="NAME",
        help=f"the market's character: all, {', '.join(REGIMES)} (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=whole_number(0, 2**62), default=1, metavar="N",
        help="seed of the first round (default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--workers", type=whole_number(1, WORKERS_MAX), metavar="N",
        help="processes of this machine (default one per processor)",
    )  # fmt: skip
    parser.add_argument("--dask", metavar="ADDRESS", help="play on the Dask cluster of this scheduler")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write one row per round")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with the distributions")
    parser.add_argument(
        "--round-of", type=whole_number(0, 2**62), metavar="SEED",
        help="--html shows the round of this seed instead: P&L, prices, every order and fill",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="the result as one JSON document")


def run(args: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    from arbcore.play.simulate import run as play_rounds

    if args.round_of is not None and (args.html is None or args.regime == "all"):
        missing = "--html FILE" if args.html is None else "--regime NAME, one regime and not all"
        raise UsageError(f"--round-of {args.round_of} needs {missing}.")
    entrants = _entrants(args)
    refuse_overlap(inputs=[], outputs=[("--csv", args.csv), ("--html", args.html)])
    progress = Progress(sys.stderr)
    live = sys.stderr.isatty()

    def told(done: int, total: int) -> None:
        most = " at most" if args.rounds == "auto" else ""
        progress.show(f"{done:,} of {total:,} rounds{most}", done, None if most else total)

    with OutputFile(args.csv) as table, OutputFile(args.html) as page:
        try:
            result = play_rounds(
                entrants, rounds=args.rounds, regime=args.regime, seed=args.seed, round_s=args.round_s,
                workers=args.workers, dask=args.dask, progress=told if live else None,
            )  # fmt: skip
        finally:
            progress.clear()
        if args.csv is not None:
            result.write_csv(table)
        if args.html is not None:
            page.write(result.to_html() if args.round_of is None else _round_html(args, entrants[0]))
    for note in result.notes:
        print(f"arbcore: {note}", file=sys.stderr)
    print(json.dumps(result.summary) if args.json else "\n".join(summary_lines(result.summary)))
    return 0


def _round_html(args: argparse.Namespace, entrant: Any) -> str:
    """Plays one round once more and returns its page."""
    from arbcore._version import __version__
    from arbcore.pages.round_page import round_page
    from arbcore.play.simulate import seen_round

    history, report = seen_round(entrant, seed=args.round_of, regime=args.regime, round_s=args.round_s)
    errors = report.summary["strategy_errors"]
    notes = [f"{printable(name)} was switched off: {printable(error)}." for name, error in errors.items()]
    return round_page(
        history.document(), title=entrant.name, source=f"seed {args.round_of}, regime {args.regime}",
        version=__version__, fair_pnl=report.fair_pnl, notes=notes,
    )  # fmt: skip


def _entrants(args: argparse.Namespace) -> list[Any]:
    """Returns the bot, and with --against the other one."""
    from arbcore.play.simulate import Entrant, named

    config = load_config(args)
    warn(config)
    builtin = not args.no_builtin
    own = tuple(_loaded(spec, texts, "--strategy") for spec, texts in args.strategy)
    entrants = [Entrant(named(own, builtin), config.values(), own, builtin)]
    if args.against is None:
        return entrants
    what, texts = args.against
    values, other, suffix = config.values(), own, ""
    if what == "builtin":
        if texts:
            raise UsageError("--against builtin takes no --param; put --param after its --strategy.")
        # This holds with --no-builtin too: a strategy that plays alone is compared with the built-in ones.
        other, builtin = (), True
    elif what.endswith(".env") or (":" not in what and os.path.exists(what)):
        if texts:
            raise UsageError("--against names a file and takes no --param; put --param after its --strategy.")
        values, suffix = _with_file(args, Path(what)), f" with {Path(what).name}"
    else:
        other = (_loaded(what, texts, "--against"),)
    name = named(other, builtin) + suffix
    return [*entrants, Entrant(name, values, other, builtin)]


def _loaded(spec: str, texts: dict[str, str], flag: str) -> tuple[type, dict[str, Any]]:
    from arbcore.play.bot import load_class
    from arbcore.play.strategy_parameters import parameters_of

    try:
        kind = load_class(spec, working_directory())
    except UsageError as error:
        raise UsageError(str(error).replace("--strategy", flag, 1)) from error.__cause__
    return kind, parameters_of(kind, texts, where=f"{flag} {printable(spec)}")


def _with_file(args: argparse.Namespace, path: Path) -> dict[str, Any]:
    """Returns the settings, overridden by those of a file. Raises InputError for a wrong line in it."""
    from arbcore.play.exchange_settings import exchange_settings
    from arbcore.system.configuration import load, read_dotenv

    if not path.is_file():
        raise InputError(f"{printable(str(path))} is not a file; check --against.")
    entries, problems = read_dotenv(path)
    if problems:
        raise InputError(
            f"{printable(str(path))} has lines that are not NAME=VALUE ({len(problems)}); mend them."
        )
    flags = set_flags(args)
    flags |= {name: (text, f"{path.name} line {line}") for name, text, line in entries}
    found = load(exchange_settings(), working_directory(), os.environ, flags=flags)
    return found.values()


def summary_lines(summary: dict[str, Any]) -> list[str]:
    """Returns the result as text for the user."""
    rounds = "round" if summary["rounds"] == 1 else "rounds"
    regimes = len(summary["regimes"])
    each = f" in each of {regimes} regimes" if regimes > 1 else f", regime {next(iter(summary['regimes']))}"
    played = f"{summary['rounds']:,} {rounds} of {summary['round_s']:g} s{each}, seeds from {summary['seed']}"
    head = f"{'':<{NAMED_COLUMN}} {'mean':>9}  {'95% of the mean':<18} {'sd':>7} {'p05':>8} {'p95':>8}"
    lines = [
        f"{printable(summary['bot'])}: {played}, in {summary['elapsed_s']:,.1f} s.",
        f"{head} {'worst':>8} {'losing':>7}",
        _row("P&L of a round", summary["all"]),
    ]
    if "against" in summary:
        lines.append(_row(f"against {summary['against']['bot']}", summary["against"]["all"]))
    if regimes > 1:
        lines += ["by regime", *(_row(f"  {name}", row) for name, row in summary["regimes"].items())]
    for part, title in (("strategies", "by strategy"), ("symbols", "by symbol")):
        lines.append(title)
        lines += [_row(f"  {name}", row["pnl"]) for name, row in summary[part].items()]
    lines += [f"{name}={_text(value)}" for name, value in summary["settings"].items()]
    if summary["limit_breaches"]:
        lines.append(f"limit breaches: {summary['limit_breaches']}")
    if "paired" in summary:
        paired = summary["paired"]
        lines.append(f"On the same seeds, the first less the second: {paired['mean']:+,.0f} ticks a round.")
        lines.append(paired["verdict"])
    if summary["rounds"] * regimes > 1:
        seed, regime = summary["worst_round"]["seed"], summary["worst_round"]["regime"]
        flags = f"--round-of {seed}" + (f" --regime {regime}" if regimes > 1 else "")
        lines.append(f"The worst round has the seed {seed}; --html FILE {flags} writes a page of it.")
    if summary["auto"]:
        stopped = plural(summary["rounds"], "round")
        lines.append(f"Stopped after {stopped} per regime; the intervals hold at every look.")
    return lines


def _row(name: str, row: dict[str, Any]) -> str:
    shown = printable(name)
    if len(shown) > NAMED_COLUMN:
        shown = shown[: NAMED_COLUMN - 1] + "…"
    interval = "" if row["low"] is None else f"[{row['low']:,.0f}, {row['high']:,.0f}]"
    sd = "" if row["sd"] is None else f"{row['sd']:,.0f}"
    return (
        f"{shown:<{NAMED_COLUMN}} {row['mean']:>+9,.0f}  {interval:<18} {sd:>7} {row['p05']:>+8,.0f} "
        f"{row['p95']:>+8,.0f} {row['worst']:>+8,.0f} {row['losing']:>7,}"
    )


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ",".join(f"{name}={size}" for name, size in value.items())
    return str(int(value)) if isinstance(value, bool) else str(value)
