"""Texts of ``--param NAME=VALUE`` as the keyword arguments of a strategy's class.

Decides by the class's own ``__init__``: its names, and the types of its annotations and defaults.
"""

import ast
import difflib
import inspect
from collections.abc import Mapping
from typing import Any

from arbcore.errors import UsageError
from arbcore.text import printable

_WORDS = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(("false", "no", "off", "0"), False)


def parameters_of(kind: type, texts: Mapping[str, str]) -> dict[str, Any]:
    """Keyword arguments for ``kind``, each as the type that its annotation or its default has.

    Without either, what reads as a Python literal is one, and anything else is text.

    Raises:
        UsageError: a name that ``__init__`` does not take, or a value that is not of its type.
    """
    if not texts:
        return {}
    known = {
        name: parameter
        for name, parameter in inspect.signature(kind).parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    takes_any = any(
        parameter.kind is parameter.VAR_KEYWORD for parameter in inspect.signature(kind).parameters.values()
    )
    found = {}
    for name, text in texts.items():
        if name not in known and not takes_any:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(known) or 'none'}."
            raise UsageError(f"--param {printable(name)}: {kind.__name__} has no such parameter; {hint}")
        found[name] = _value(kind, name, text, known.get(name))
    return found


def _value(kind: type, name: str, text: str, parameter: inspect.Parameter | None) -> Any:
    wanted = _type_of(parameter)
    try:
        if wanted is bool:
            return _WORDS[text.strip().lower()]
        if wanted in (int, float, str):
            return wanted(text)
    except (KeyError, ValueError):
        what = {bool: "true or false", int: "a whole number", float: "a number"}[wanted]
        raise UsageError(
            f"--param {printable(name)}={printable(text)}: {kind.__name__} wants {what} there."
        ) from None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _type_of(parameter: inspect.Parameter | None) -> Any:
    if parameter is None:
        return None
    if parameter.annotation is not parameter.empty:
        named = {"int": int, "float": float, "str": str, "bool": bool}
        annotation = parameter.annotation
        return named.get(annotation) if isinstance(annotation, str) else annotation
    return None if parameter.default in (parameter.empty, None) else type(parameter.default)
