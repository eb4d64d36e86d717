"""The command line: arguments in, exit code out. Only this module and ``commands/`` print.

Owns the table of commands, the mapping of errors to one sentence and an exit code, and the set-up of
logging. The work of a command is in its module under ``commands/``. Modules that load slowly (logging,
typing, pathlib, platform, traceback) are imported where they are used: ``arbcore --version`` needs none.
"""

from __future__ import annotations

import argparse
import codecs
import contextlib
import importlib
import io
import os
import re
import sys

from arbcore._version import __version__
from arbcore.core.text import plain_spelling, printable
from arbcore.errors import EXIT_FAILED, EXIT_INTERRUPTED, ArbcoreError, RunError, UsageError

# Type checkers take this as True.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, NoReturn, TextIO

#: Name and one line of help of every command. Its module is ``arbcore.commands.<name>``; it is imported only
#: when that command runs, because no command should wait for another one's imports.
COMMANDS: tuple[tuple[str, str], ...] = (
    ("exchange", "play on an exchange: the embedded one, a test exchange, or the real one"),
    ("serve", "run an exchange of our own for any number of teams"),
    ("simulate", "play many rounds in virtual time, and compare two bots on the same ones"),
    ("replay", "run a recorded session again and compare every byte it sends"),
    ("backtest", "run the carry signal over recorded quotes of a future and an ETF"),
    ("sweep", "run the backtest over ranges of its settings, and show where it pays"),
    ("quotes", "join, check, fetch and convert files of quotes"),
    ("fair", "fair value of an index future, its parts, and the band in which no trade pays"),
    ("gateway", "a look-alike of Trader Workstation to test IB programs on"),
    ("ibkr", "trade an index future against its ETF at Interactive Brokers, on paper, live, or simulated"),
    ("report", "show what the carry bot saw and did"),
    ("status", "show whether a running carry bot is well, from another shell"),
    ("doctor", "check this machine, its settings, the store and the links"),
    ("config", "show every setting, its value and where it came from"),
    ("completion", "write the completion of commands and flags for a shell"),
)

#: Commands that do more than show a result: they go on when their output is no longer read.
RUNS = ("exchange", "serve", "gateway", "ibkr")
#: Most characters of an error that are shown.
SENTENCE_MAX = 4_000

DISCLAIMER = """\
arbcore is software, not financial advice. Its models are simplifications and its results on a simulated
market say nothing about a real one. Play against the embedded or a test exchange first; you alone answer
for what a bot does under your name, for borrow and market-data entitlements, and for any loss."""

EXAMPLES = """\
examples:
  arbcore exchange --test prod-like             a round against the embedded exchange; nothing to configure
  arbcore exchange --test prod-like --duration 20 --json
  arbcore serve --mode prod-like                an exchange for any number of teams on port 25000
  arbcore exchange --address 127.0.0.1:25000 --team ALPHA
  arbcore simulate --strategy mine:Quoter --against builtin --rounds auto
  arbcore exchange --production --team ALPHA    the real one
  arbcore exchange --test empty --journal run.journal && arbcore replay run.journal
  arbcore backtest quotes.csv --expiry 2026-12-18 --html report.html
  arbcore ibkr --paper --simulate --duration 30 the carry bot on our own gateway
  arbcore config show

exit codes: 0 done; 1 failed while running; 2 wrong usage or configuration; 3 bad input data; 130 interrupted
"""


class Parser(argparse.ArgumentParser):
    """Reports wrong usage like any other error: one sentence, exit code 2."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A word that begins with a minus and a digit is a value: -1e-3 and -2:2:1 as well as -1.
        self._negative_number_matcher = re.compile(r"-[0-9.]")

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parses as argparse does, but an unknown argument of a command is that command's error."""
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(self._unknown(unknown))
        return known, unknown

    def _unknown(self, words: Sequence[str]) -> str:
        from difflib import get_close_matches

        named = (word.partition("=")[0] for word in words)
        flag = next((name for name in named if re.match(r"-[^\d.]", name)), None)
        if flag is None:
            return f"unrecognized arguments: {' '.join(words)}"
        flags = list(self._option_string_actions)
        nearest = [each for each in flags if each.startswith(flag)] or get_close_matches(flag, flags, 1, 0.75)
        return f"there is no {flag}" + (f" (the nearest is {nearest[0]})" if nearest else "")

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}; see `{self.prog} --help`.")


def version_line() -> str:
    """Version and build, such as ``arbcore 0.1.0 (release build, gcc 12.2.0, Cython 3.1.2, ...)``."""
    from arbcore.core._build import build_info

    info = build_info()
    # Compiled modules run on CPython only.
    python = f"CPython {sys.version.split()[0]}"
    return (
        f"arbcore {__version__} ({info['flavour']} build, {info['compiler']}, "
        f"Cython {info['cython']}, {python}, {_machine()})"
    )


def _machine() -> str:
    """System and processor, such as ``Linux x86_64``."""
    if hasattr(os, "uname"):
        return f"{os.uname().sysname} {os.uname().machine}"
    import platform

    return f"{platform.system()} {platform.machine()}"


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """Builds the parser of the command line.

    Args:
        only: The one command whose arguments are needed; no other command's module is imported. With None all
            commands have their arguments, with an empty text none has.

    Returns:
        A parser that knows every command by name.
    """
    parser = Parser(
        prog="arbcore",
        description="One compiled core that makes arbitrage decisions: a bot for an exchange, one for an\n"
        "index future against its ETF at Interactive Brokers, simulated markets for both, and a backtest.",
        epilog=f"{EXAMPLES}\n{DISCLAIMER}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="print version and build, and exit")
    _add_debug(parser, default=False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    for name, text in COMMANDS:
        command = commands.add_parser(
            name, help=text, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
        )
        _add_debug(command, default=argparse.SUPPRESS)
        if only is None or only == name:
            module = importlib.import_module(f"arbcore.commands.{name}")
            command.description = module.DESCRIPTION
            command.epilog = f"{module.EPILOG}\n{DISCLAIMER}"
            module.add_arguments(command)
            command.set_defaults(run=module.run)
            if name == "completion":
                command.set_defaults(all_parsers=build_parser)
    return parser


def _add_debug(parser: argparse.ArgumentParser, *, default: object) -> None:
    parser.add_argument(
        "--debug", action="store_true", default=default, help="show tracebacks and debug logging"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit code; prints every error as one sentence on stderr."""
    with _streams() as had_output:
        return _run(argv, had_output=had_output)


def _run(argv: Sequence[str] | None, *, had_output: bool) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    # Wrong usage can be found before --debug is parsed, so --debug is searched for here.
    debug = "--debug" in words
    try:
        code = _dispatch(words, debug=debug, had_output=had_output)
        if argv is None:
            _leave_threads_behind(code)
        return code
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 0
    except KeyboardInterrupt:
        return _say("Interrupted.", EXIT_INTERRUPTED, debug)
    except ArbcoreError as error:
        return _say(str(error), error.exit_code, debug)
    except BrokenPipeError:
        _silence(sys.stdout)
        return EXIT_FAILED
    except OSError as error:
        from arbcore.system.output_file import OUTPUT_ERRNOS

        if error.errno not in OUTPUT_ERRNOS or error.filename is not None:
            return _say_internal(error, debug)
        _silence(sys.stdout)
        return _say(
            f"The output cannot be written ({error.strerror}); free some space or send it elsewhere.",
            EXIT_FAILED,
            debug,
        )
    except ImportError as error:
        if "arbcore" not in (error.name or "") and "arbcore" not in str(error):
            return _say_internal(error, debug)
        return _say(
            f"A compiled module of arbcore is missing or does not fit this Python ({error}); build it with "
            "`make run` in the checkout or `pip install .`.",
            EXIT_FAILED,
            debug,
        )
    except Exception as error:  # noqa: BLE001  The last handler of the program; --debug shows the traceback.
        return _say_internal(error, debug)


def _silence(stream: TextIO) -> None:
    from arbcore.commands._output import silence

    silence(stream)


class Diagnostics:
    """Standard error while a command runs: text that cannot be written there is dropped.

    A full disk or a closed reader must not cost the result, which goes to standard output.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes the text, or drops it if it cannot be written."""
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            self._drop()
            return len(text)

    def flush(self) -> None:
        """Flushes the stream, or drops its content if that fails."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self._drop()

    def _drop(self) -> None:
        # The content still in the stream must not fail at the interpreter's exit either.
        with contextlib.suppress(OSError, ValueError):
            _silence(self._stream)


def _keep_open(number: int) -> None:
    """Opens a closed descriptor on the null device. All lower ones must be open, so it gets its number."""
    try:
        os.fstat(number)
    except OSError:
        os.open(os.devnull, os.O_RDWR)


@contextlib.contextmanager
def _streams() -> Iterator[bool]:
    """Provides standard streams that exist and take every text; yields whether there was a standard output.

    If the program was started without one (`>&-`), it is opened on the null device, because a file or socket
    must not take its number. Characters that the encoding does not have are spelled in another way.
    """
    had_output = sys.stdout is not None
    for number in range(3):
        _keep_open(number)
    codecs.register_error("arbcore", plain_spelling)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or stream.closed:
            # Stays open until the end of the program.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="arbcore")
    kept = sys.stderr
    sys.stderr = Diagnostics(kept)
    try:
        yield had_output
    finally:
        sys.stderr = kept


def _set_up_logging(*, debug: bool) -> None:
    import logging

    from arbcore.system.safe_log import SafeFormatter

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(SafeFormatter("%(levelname)s %(name)s: %(message)s"))
    # A log line that cannot be written is dropped without a traceback.
    logging.raiseExceptions = debug
    logging.basicConfig(handlers=[handler], level=logging.DEBUG if debug else logging.WARNING)


def _dispatch(words: list[str], *, debug: bool, had_output: bool) -> int:
    # Only --debug and --version may come before the command, and neither takes a value.
    command = next((word for word in words if not word.startswith("-")), "")
    if "--version" in words[: words.index(command)] if command else "--version" in words:
        print(version_line(), flush=True)  # needs no parser
        return 0
    parser = build_parser(only=command)
    args = parser.parse_args(words)
    if args.command is None:
        parser.print_help(sys.stderr)
        return UsageError.exit_code
    if not had_output and args.command not in RUNS:
        raise RunError("Standard output is closed, and the result goes there; send it to a file or a pipe.")
    _set_up_logging(debug=debug)
    code: int = args.run(args) if args.command in RUNS else _until_stopped(args)
    sys.stdout.flush()
    return code


def _until_stopped(args: argparse.Namespace) -> int:
    from arbcore.commands._ending import until_stopped

    return until_stopped(lambda: int(args.run(args)))


def _leave_threads_behind(code: int) -> None:
    """Ends the program if a user's strategy left a thread running, because Python would wait for it."""
    import threading

    this = threading.current_thread()
    if any(thread is not this and not thread.daemon for thread in threading.enumerate()):
        sys.stderr.flush()
        os._exit(code)


def _say(sentence: str, code: int, debug: bool) -> int:
    # The sentence may contain text from outside; a closed or full standard error changes no exit code.
    with contextlib.suppress(OSError, ValueError):
        if debug:
            import traceback

            traceback.print_exc(file=sys.stderr)
        print(f"arbcore: {printable(sentence, SENTENCE_MAX)}", file=sys.stderr, flush=True)
    return code


def _say_internal(error: Exception, debug: bool) -> int:
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return _say(
        f"Unexpected failure inside arbcore ({what}); run again with --debug and report it.",
        EXIT_FAILED,
        debug,
    )
