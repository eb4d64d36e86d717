"""Builds the exchange bot's session from settings and strategy names, for a run and for its replay.

A shell: loading a user's strategy reads files. Its input is plain JSON, so a journal can store it.
"""

import difflib
import importlib
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from arbcore.core.settings import PREFIX, fill
from arbcore.core.text import printable
from arbcore.errors import UsageError
from arbcore.play.strategy_parameters import parameters_of
from arbcore.trading.trading_settings import STRATEGY_SETTINGS, SessionSettings

if TYPE_CHECKING:
    from arbcore.trading._session import Session


def make_session(
    values: Mapping[str, object],
    specs: Sequence[str],
    *,
    team: str,
    builtin: bool,
    directory: Path,
    params: Sequence[Mapping[str, str]] = (),
) -> "Session":
    """Makes a session with the enabled built-in strategies and then the user's.

    ``values`` are settings by full name. ``specs`` name classes as ``package.module:Class``, which are also
    searched for in ``directory``. ``params`` has the parameters of each one as texts by name, in the order of
    ``specs``. Raises UsageError if one cannot be loaded.
    """
    given = [*params, *({} for _ in specs[len(params) :])]
    strategies = [
        load_strategy(spec, directory, texts) for spec, texts in zip(specs, given, strict=True)
    ]
    try:
        return session_with(values, strategies, team=team, builtin=builtin)
    except UsageError as error:
        if not specs:
            raise
        said = str(error).rstrip(".")
        end = "" if said.endswith("?") else "."
        raise UsageError(f"--strategy {', '.join(specs)}: {said}{end}") from error


def session_with(
    values: Mapping[str, object], own: Sequence[object], *, team: str, builtin: bool
) -> "Session":
    """Makes a session with the enabled built-in strategies and then ``own``, objects of the user's classes.

    Raises UsageError if one of them is not a strategy.
    """
    from arbcore.trading._session import Session
    from arbcore.trading.strategies import build

    settings = SessionSettings(
        team=team,
        position_limits=dict(cast("Mapping[str, int]", values[f"{PREFIX}POSITION_LIMITS"])),
        **fill(SessionSettings, values, PREFIX),
    )
    strategies: list[object] = []
    for name, group in STRATEGY_SETTINGS.items():
        prefix = f"{PREFIX}{name.upper()}_"
        if builtin and values[f"{prefix}ENABLED"]:
            strategies.append(build(name, group(**fill(group, values, prefix)), settings))
    return Session(settings, [*strategies, *own])


def load_strategy(spec: str, directory: Path, params: Mapping[str, str] | None = None) -> object:
    """Makes an object of the user's class ``package.module:Class``. Raises UsageError if it is wrong.

    ``params`` are texts for keyword parameters of its ``__init__``, parsed by their annotations or defaults.
    """
    kind, where = load_class(spec, directory), f"--strategy {printable(spec)}"
    return made(kind, parameters_of(kind, params or {}, where=where), where)


def made(kind: type, parameters: Mapping[str, object], what: str) -> object:
    """Makes an object of a user's class. Raises UsageError if its ``__init__`` fails."""
    try:
        return kind(**parameters)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise UsageError(f"{what}: {kind.__name__}() failed with {_failure(error)}.") from error


def load_class(spec: str, directory: Path) -> type:
    """Loads the user's class ``package.module:Class``. Raises UsageError if it is wrong."""
    module_name, colon, class_name = spec.partition(":")
    named = [*module_name.split("."), class_name]
    if not colon or not all(part.isidentifier() for part in named):
        raise UsageError(
            f"--strategy {printable(spec)} must be package.module:Class, such as my_strategy:Quoter."
        )
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise UsageError(
                f"--strategy {spec}: there is no module {error.name} in {directory} or on Python's path; "
                "run from the folder that holds it."
            ) from None
        raise UsageError(f"--strategy {spec}: {_failure(error)}.") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise UsageError(
            f"--strategy {spec}: importing {module_name} failed with {_failure(error)}."
        ) from error
    found = getattr(module, class_name, None)
    if not isinstance(found, type):
        classes = [name for name, value in vars(module).items() if isinstance(value, type)]
        near = difflib.get_close_matches(class_name, classes, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else "."
        raise UsageError(f"--strategy {spec}: {module_name} has no class {class_name}{hint}")
    return found


def _failure(error: BaseException) -> str:
    """Describes the error in words, with the last line of the user's code that led to it."""
    from arbcore.trading._plugin import words_of

    what = printable(words_of(error))
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {printable(error.msg)} ({error.filename}, line {error.lineno})"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<frozen")
        and frame.filename != __file__
        and "importlib" not in frame.filename
    ]
    return f"{what} ({frames[-1].filename}, line {frames[-1].lineno})" if frames else what
