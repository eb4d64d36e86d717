"""Converts texts of ``--param NAME=VALUE`` to keyword arguments of a strategy's class.

The class's own ``__init__`` determines the names, and its annotations and defaults the types.
"""

import difflib
import inspect
import math
import typing
from collections.abc import Mapping
from typing import Any

from arbcore.core.text import printable
from arbcore.errors import UsageError


def parameters_of(kind: type, texts: Mapping[str, str], *, where: str) -> dict[str, object]:
    """Keyword arguments for ``kind``: an int, float, bool or str by annotation, else by the default's type.

    Args:
        kind: The strategy's class.
        texts: The values as texts, by name; a value of another type stays text.
        where: The beginning of an error's sentence, such as ``--strategy fader:Fader``.

    Raises:
        UsageError: A name that ``__init__`` does not take, or a value that is not of its type.
    """
    if not texts:
        return {}
    try:
        known = {
            name: parameter
            for name, parameter in inspect.signature(kind).parameters.items()
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        }
        hints = typing.get_type_hints(kind.__init__)  # type: ignore[misc]
    except (TypeError, ValueError, NameError) as error:
        raise UsageError(f"{where}: its parameters cannot be read ({printable(str(error))}).") from None
    values = {}
    for name, text in texts.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            names = ", ".join(known) or "none"
            hint = f"did you mean {near[0]}?" if near else f"it has {names}."
            raise UsageError(f"{where}: {kind.__name__} has no parameter {printable(name)}; {hint}")
        default = known[name].default
        declared = hints.get(name, str if default in (None, inspect.Parameter.empty) else type(default))
        values[name] = _value_of(f"{where} --param {printable(name)}", declared, text)
    return values


def _value_of(where: str, declared: Any, text: str) -> object:
    choices = [kind for kind in typing.get_args(declared) if kind is not type(None)] or [declared]
    if len(choices) < len(typing.get_args(declared)) and text == "None":
        return None
    if bool in choices:
        if text.lower() in ("1", "true", "yes", "on", "0", "false", "no", "off"):
            return text.lower() in ("1", "true", "yes", "on")
        raise UsageError(f"{where} is {printable(text)}; give true or false.")
    for kind, wanted in ((int, "a whole number"), (float, "a number")):
        if kind in choices:
            try:
                value = kind(text)
            except ValueError:
                if kind is int and float in choices:
                    continue
                raise UsageError(f"{where} is {printable(text)}; give {wanted}.") from None
            if not math.isfinite(value):
                raise UsageError(f"{where} is {printable(text)}; give a finite number.")
            return value
    return text
