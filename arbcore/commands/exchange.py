"""``arbcore exchange``: plays on an exchange and reports the result."""

import argparse
import contextlib
import json
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, TextIO, cast

from arbcore._version import __version__
from arbcore.commands._arguments import (
    add_listen_arguments,
    port_number,
    positive_seconds,
    seconds,
    whole_number,
    working_directory,
)
from arbcore.commands._ending import stop_signals
from arbcore.commands._output import refuse_overlap, show_result
from arbcore.commands.config import add_profile_argument, add_set_argument, load_config, warn
from arbcore.core.text import plural, printable
from arbcore.errors import EXIT_FAILED, EXIT_INTERRUPTED

DESCRIPTION = """\
Plays on an exchange: connects, trades every round with the built-in strategies (and your own), and reports.
With --test and neither team nor host it starts the embedded exchange and plays against that."""
EPILOG = """\
examples:
  arbcore exchange --test prod-like --duration 20       twenty seconds against the embedded exchange
  arbcore exchange --test slower --team ALPHA           the real test exchange test-exch-alpha
  arbcore exchange --production --team ALPHA --rounds 3
  arbcore exchange --address 127.0.0.1:25000 --team ALPHA --journal run.journal
  arbcore exchange --test prod-like --strategy my_strategy:Quoter --no-builtin
  arbcore exchange --test prod-like --html round.html   a page of what happened, order by order
  arbcore exchange --test prod-like --profile classic   the strategies as first described

A run against the embedded exchange lasts one round of five minutes unless --duration or --rounds says
otherwise; any other run lasts until --duration, --rounds or Ctrl-C ends it. Ctrl-C, SIGTERM and SIGHUP stop
in order: all orders are cancelled, then the summary is printed; a second Ctrl-C ends at once. A file named
KILL_SWITCH in the working directory stops trading and closes positions until a person deletes it. Where a
strategy's hook does not return when the run is to stop, the connection is closed, which cancels all orders;
the exit code is then 1.
"""
MODES = ("prod-like", "slower", "empty")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--test", choices=MODES, help="a test exchange: the embedded one, or with --team or --host a real one"
    )
    where.add_argument("--production", action="store_true", help="the real exchange; needs a team")
    where.add_argument("--address", metavar="HOST:PORT", help="any exchange that speaks this protocol")
    parser.add_argument("--team", metavar="NAME", help="team name, letters only (ARBCORE_TEAM)")
    parser.add_argument("--host", metavar="HOST", help="host of the exchange (ARBCORE_HOST)")
    parser.add_argument(
        "--port", type=port_number(), metavar="N", help="port of the exchange (ARBCORE_PORT; default by mode)"
    )
    parser.add_argument(
        "--duration", type=positive_seconds, metavar="S", help="stop in order after S seconds"
    )
    parser.add_argument("--rounds", type=whole_number(1, 10**6), metavar="N", help="stop after N rounds")
    parser.add_argument(
        "--wait",
        type=seconds,
        metavar="S",
        default=0.0,
        help="how long to try for the first connection (default 0: one attempt)",
    )
    parser.add_argument(
        "--strategy",
        action="append",
        default=[],
        metavar="SPEC",
        help="a strategy of your own, package.module:Class; may be repeated",
    )
    parser.add_argument(
        "--param",
        action=_AddParam,
        default=[],
        metavar="K=V",
        help="a keyword of the __init__ of the --strategy before it; may be repeated",
    )
    parser.add_argument(
        "--new-strategy",
        type=Path,
        metavar="FILE",
        help="write a commented strategy to start from, and end; plays nothing",
    )
    parser.add_argument("--no-builtin", action="store_true", help="leave the built-in strategies out")
    add_profile_argument(parser)
    add_set_argument(parser)
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write a page of the run: P&L, prices, every order and fill"
    )
    parser.add_argument(
        "--journal",
        type=Path,
        metavar="FILE",
        help="record the session for `arbcore replay`; an existing file is kept and the next free name used",
    )
    parser.add_argument(
        "--busy-poll", action="store_true", help="spin on the socket: lower latency, one core busy"
    )
    parser.add_argument(
        "--seed",
        type=whole_number(0, 2**63 - 1),
        metavar="N",
        help="seed of the embedded exchange (default: a random one, shown)",
    )
    add_listen_arguments(parser)
    parser.add_argument("--json", action="store_true", help="the result as one JSON document")
    parser.add_argument("--quiet", action="store_true", help="no status while it runs")


class _AddParam(argparse.Action):
    """Collects ``K=V`` as (number of the strategy it belongs to, K, V)."""

    def __call__(self, _: Any, namespace: argparse.Namespace, values: Any, *__: Any) -> None:
        from arbcore.errors import UsageError

        name, equals, text = str(values).partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"--param must be NAME=VALUE, but is {printable(str(values))}.")
        if not namespace.strategy:
            raise UsageError(f"--param {name} comes before any --strategy; name the strategy first.")
        namespace.param = [*namespace.param, (len(namespace.strategy) - 1, name, text)]


def write_template(path: Path) -> int:
    """Writes the template of a strategy to a new file. Raises UsageError if the file exists."""
    from arbcore.commands._template import template
    from arbcore.errors import RunError, UsageError

    if path.suffix != ".py" or not path.stem.isidentifier():
        raise UsageError(f"--new-strategy {path} must be a Python file such as my_strategy.py.")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(template(path.stem))
    except FileExistsError:
        raise UsageError(f"{path} exists already; name another file.") from None
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror}); name another file.") from None
    print(
        f"{path} is written. Play it: arbcore exchange --test prod-like --duration 20 "
        f"--strategy {path.stem}:Maker --no-builtin"
    )
    return 0


class _Aside:
    """Replaces standard output for strategies: their output goes to standard error, and never raises."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def results_kept_apart() -> Iterator[IO[str]]:
    """Yields the real standard output; everything else that is printed meanwhile goes to standard error.

    A user's strategy runs in this process, and standard output is reserved for the result.
    """
    real = sys.stdout
    real.flush()
    try:
        kept = os.dup(real.fileno())
        os.dup2(sys.stderr.fileno(), real.fileno())
    except (OSError, ValueError, AttributeError):
        kept = -1  # Standard output is not a file, as in a test: there is no descriptor to redirect.
    sys.stdout = cast(TextIO, _Aside(sys.stderr))
    output: IO[str] = real
    if kept >= 0:
        output = open(kept, "w", encoding=real.encoding, errors=real.errors, closefd=False)  # noqa: SIM115
    try:
        yield output
        output.flush()
    finally:
        if kept >= 0:
            with contextlib.suppress(OSError):
                real.flush()
            os.dup2(kept, real.fileno())
            os.close(kept)
        sys.stdout = real


def run(args: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    if args.new_strategy is not None:
        return write_template(args.new_strategy)
    if args.test is None and not args.production and args.address is None:
        from arbcore.errors import UsageError

        raise UsageError("One of the arguments --test --production --address is required; see --help.")
    with results_kept_apart() as output:
        return _run(args, output)


def round_seconds(args: argparse.Namespace) -> float:
    """Returns the length of a round of the embedded exchange: the duration, if one round fills it."""
    from arbcore.exchange import DEFAULT_ROUND_S

    if args.rounds is None and args.duration is not None and args.duration <= DEFAULT_ROUND_S:
        return float(args.duration)
    return DEFAULT_ROUND_S


def _run(args: argparse.Namespace, output: IO[str]) -> int:
    from dataclasses import replace

    from arbcore.errors import RunError
    from arbcore.exchange import choose_target
    from arbcore.play.bot import make_session
    from arbcore.play.exchange_link import check_busy_poll
    from arbcore.system.kill_switch import KillSwitch

    config = load_config(args)
    warn(config)
    if args.address is not None and (args.host is not None or args.port is not None):
        from arbcore.errors import UsageError

        raise UsageError("--address names host and port already; leave --host and --port out.")
    target = choose_target(
        test=args.test,
        production=args.production,
        address=args.address,
        team=config["TEAM"],
        host=config["HOST"],
        port=config["PORT"],
    )
    target = replace(target, password=config["PASSWORD"])
    if args.busy_poll:
        check_busy_poll()
    values = config.values()
    if target.embedded:
        values["ARBCORE_ROUND_MS"] = int(1000 * round_seconds(args))
    params = [
        {name: text for number, name, text in args.param if number == place}
        for place in range(len(args.strategy))
    ]
    session = make_session(
        values,
        args.strategy,
        team=target.team,
        builtin=not args.no_builtin,
        directory=working_directory(),
        params=params,
    )
    switch = KillSwitch(working_directory(), os.environ)
    reason = switch.reason()
    if reason is not None and target.embedded:
        raise RunError(f"The kill switch is on: {reason}; delete {switch.path} to trade again.")
    setup = {
        "values": values,
        "strategies": args.strategy,
        "params": params,
        "builtin": not args.no_builtin,
        "team": target.team,
        "mode": target.label,
        "address": target.address,
        "version": __version__,
        "recorded": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    return _Play(args, target, session, switch, setup).run(output)


class _Play:
    """One run from the command line, with its embedded exchange, its journal, and the report at the end."""

    def __init__(
        self, args: argparse.Namespace, target: Any, session: Any, switch: Any, setup: dict[str, Any]
    ) -> None:
        self._args = args
        self._target = target
        self._session = session
        self._switch = switch
        self._setup = setup
        self._embedded: Any = None
        self._seed: int | None = None

    def run(self, output: IO[str]) -> int:
        from arbcore.system.output_file import OutputFile
        from arbcore.system.safe_log import loggers_restored

        args = self._args
        refuse_overlap(inputs=[("--journal", args.journal)], outputs=[("--html", args.html)])
        with loggers_restored(""), OutputFile(args.html) as page:
            return self._run(output, page)

    def _run(self, output: IO[str], page: TextIO) -> int:
        from arbcore.commands._live import open_feed
        from arbcore.commands._status import ExchangeConsole
        from arbcore.exchange import result_document
        from arbcore.play._watchdog import Watchdog, can_watch
        from arbcore.play.journal_file import JournalWriter
        from arbcore.play.round_record import RoundRecord
        from arbcore.system.terminal import ConsoleHandler

        args = self._args
        console = ExchangeConsole(quiet=args.quiet)
        console.feed = open_feed(args, "exchange", console.event)
        journal = None if args.journal is None else JournalWriter(args.journal, self._setup)
        record = RoundRecord(self._session, self._setup, writer=journal) if args.html is not None else None
        if journal is not None and journal.path != args.journal:
            print(
                f"arbcore: {args.journal} is kept; this run is recorded in {journal.path}.", file=sys.stderr
            )
        logging.getLogger().handlers = [ConsoleHandler(console)]
        watchdog: Any = None
        try:
            try:
                options = self._options(console)
                started_ns = time.monotonic_ns()
                if can_watch():
                    watchdog = Watchdog(
                        self._session,
                        kill_path=self._switch.path,
                        dotenv_path=self._switch.dotenv_path,
                        duration_s=options.duration_s,
                        start_ns=started_ns,
                    )
                self._session.watch_hooks(time.monotonic_ns, signals_apart=watchdog is not None)
                play = self._make_run(options, console, record or journal, watchdog)
                if watchdog is None:
                    for number in stop_signals():
                        signal.signal(
                            number,
                            lambda told, _: play.interrupt() if told == signal.SIGINT else play.stop(),
                        )
                ending = play.play()
            finally:
                if watchdog is not None:
                    watchdog.over()
                scores = self._end(record or journal)
                console.close()
            document = result_document(play, scores=scores, seed=self._seed, ending=ending)
            document["journal"] = None if journal is None else str(journal.path)
            text = json.dumps(document) if args.json else "\n".join(summary_lines(document))
            show_result(text, output, lenient=watchdog is not None and watchdog.hang_ups > 0)
            if record is not None:
                page.write(self._page(record, document))
        finally:
            if watchdog is not None:
                watchdog.stop()
            if record is not None:
                record.clear()
        if ending.kill_reason is not None:
            print(
                f"arbcore: The kill switch is on: {ending.kill_reason}; delete {self._switch.path} "
                "to trade again.",
                file=sys.stderr,
            )
            return EXIT_FAILED
        return EXIT_INTERRUPTED if ending.interrupted else 0

    def _page(self, record: Any, document: dict[str, Any]) -> str:
        """The HTML page of the run."""
        from arbcore.pages.round_page import round_page

        where = f"{document['mode']} on {document['address']}"
        seed = "" if document["seed"] is None else f", seed {document['seed']}"
        notes = [] if record.trouble is None else [record.trouble]
        notes += [
            f"{printable(name)} was switched off: {printable(error)}."
            for name, error in document["strategy_errors"].items()
        ]
        return round_page(
            record.history().document(), title=document["team"], source=f"{where}{seed}",
            version=__version__, fair_pnl=document["fair_pnl"], latency_us=document["latency_us"],
            notes=notes,
        )  # fmt: skip

    def _options(self, console: Any) -> Any:
        """Returns the options of the run, such as its end; starts the embedded exchange if it is used."""
        from dataclasses import replace

        from arbcore.exchange import DEFAULT_ROUND_S, RunOptions
        from arbcore.play.embedded import EmbeddedExchange

        args = self._args
        options = RunOptions(
            duration_s=args.duration, rounds=args.rounds, wait_s=args.wait, busy_poll=args.busy_poll
        )
        if not self._target.embedded:
            if args.seed is not None:
                console.event("--seed has no effect: it is for the embedded exchange.")
            return options
        round_s = None
        if args.rounds is None and (args.duration is None or args.duration <= DEFAULT_ROUND_S):
            # The round lasts exactly that long, so it ends with a close and a score. The few seconds more are
            # the closed time before the round, and slack.
            round_s = round_seconds(args)
            options = replace(options, rounds=1, duration_s=round_s + 10.0)
        elif args.rounds is not None:
            round_s = DEFAULT_ROUND_S
        self._seed = secrets.randbits(32) if args.seed is None else args.seed
        self._embedded = EmbeddedExchange(args.test, seed=self._seed, round_s=round_s, port=self._target.port)
        self._target = replace(self._target, port=self._embedded.start())
        span = f", {plural(options.rounds, 'round')} of {round_s:g} s" if round_s and options.rounds else ""
        console.event(f"Embedded exchange started ({args.test}, seed {self._seed}{span}).")
        return options

    def _make_run(self, options: Any, console: Any, journal: Any, watchdog: Any) -> Any:
        from arbcore.exchange import ExchangeRun

        return ExchangeRun(
            self._session,
            self._target,
            options,
            observer=console,
            kill_reason=self._switch.reason,
            journal=journal,
            still_there=self._exchange_gone,
            watch=watchdog,
        )

    def _exchange_gone(self) -> str | None:
        if self._embedded is None or self._embedded.alive():
            return None
        return f"The embedded exchange ended unexpectedly: {self._embedded.complaint()}"

    def _end(self, journal: Any) -> list[dict[str, Any]]:
        """Closes the journal and the embedded exchange; returns our team's score of every round."""
        if journal is not None:
            journal.close()
        if self._embedded is None:
            return []
        rounds = self._embedded.stop()
        return [
            scores[self._target.team]
            for scores in (event.get("scores", {}) for event in rounds)
            if self._target.team in scores
        ]


def summary_lines(document: dict[str, Any]) -> list[str]:
    """Returns the result as text for the user."""
    from arbcore.exchange import refusal_text

    seed = f", seed {document['seed']}" if document["seed"] is not None else ""
    fair = f"   ({document['fair_pnl']:+,} at fair value)" if document["fair_pnl"] is not None else ""
    held = (
        ", ".join(f"{symbol} {size:+,}" for symbol, size in document["positions"].items() if size) or "flat"
    )
    latency = document["latency_us"]
    measured = (
        "   ".join(f"{name} {value:,.1f}" for name, value in latency.items())
        if latency["p50"] is not None
        else "no orders were sent in answer to a message"
    )
    sent = ", ".join(
        plural(document[key], noun)
        for key, noun in (
            ("orders_sent", "order"),
            ("cancels_sent", "cancel"),
            ("converts_sent", "conversion"),
        )
    )
    received = ", ".join(
        (
            plural(document["messages_in"], "message"),
            plural(document["fills"], "fill"),
            _counts(document["rejects"], "reject"),
        )
    )
    played = f"{document['team']} played {plural(document['rounds'], 'full round')} on {document['address']}"
    lines = [
        f"{played} ({document['mode']}{seed}) in {document['duration_s']:,.1f} s.",
        f"  P&L             {document['pnl']:+,} at the touch{fair}",
        f"  positions       {held}",
        f"  sent            {sent}",
        f"  received        {received}",
        f"  latency, µs     {measured}",
        f"  limit breaches  {document['limit_breaches']}",
    ]
    if document["halted_reason"]:
        lines.append(f"  halted          {printable(document['halted_reason'])}")
    lines += [
        f"  round {row['round']:<9,} {row['pnl_touch']:+,} at the touch, {row['pnl_middle']:+,} at the middle"
        for row in document["round_results"]
    ]
    lines += [f"  refused         {refusal_text(row)}" for row in document["refused"]]
    for title, key, noun in (
        ("refusals", "refusals", "refusal"),
        ("anomalies", "anomalies", "message"),
        ("new logins", "relogins", "login"),
    ):
        if document[key]:
            lines.append(f"  {title:<15} {_counts(document[key], noun)}")
    if document["open_inferred"]:
        lines.append(f"  no open message {', '.join(document['open_inferred'])}: taken as open")
    if document["faults"]:
        lines.append(f"  bad lines       {_counts(document['faults'], 'line')}")
    if document.get("errors"):
        lines.append(f"  errors          {_counts(document['errors'], 'error')}")
    lines += [
        f"  switched off    {printable(name)}: {printable(error)}"
        for name, error in document["strategy_errors"].items()
    ]
    lines += [
        f"  slow hook       {printable(name)}: {row['hook']} took up to {row['longest_s']:.2f} s "
        f"({plural(row['calls'], 'slow call')})"
        for name, row in document["slow_hooks"].items()
    ]
    lines += [
        f"  loss limit      {printable(name)} stopped at its own {_times(stops)}"
        for name, stops in document["strategy_stops"].items()
    ]
    if document["strategies"]:
        lines.append("  strategy                 orders     fills         P&L")
        lines += [
            f"    {printable(name):<20} {row['orders']:>8,}  {row['fills']:>8,}  {row['pnl']:>+10,}"
            for name, row in document["strategies"].items()
        ]
    return lines


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _counts(counts: dict[str, int], noun: str) -> str:
    total = plural(sum(counts.values()), noun)
    detail = ", ".join(f"{printable(name, 60)} {count:,}" for name, count in counts.items())
    return f"{total} ({detail})" if detail else total
