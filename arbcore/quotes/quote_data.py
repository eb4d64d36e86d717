"""The types of quote data: a path, an open file, columns by name, a data frame, an Arrow stream."""

import os
import re
from collections.abc import Callable, Mapping
from inspect import Parameter, formatannotation, signature
from typing import Protocol, TypeAlias, get_type_hints

from arbcore.core.backtest_options import BACKTEST_OPTIONS, File, Range


class OpenFile(Protocol):
    """A file that is open for reading; it must be binary to be compressed."""

    def read(self, size: int = ..., /) -> bytes | str: ...


class Frame(Protocol):
    """A data frame, such as pandas' or Polars'."""

    @property
    def columns(self) -> object: ...


class ArrowStream(Protocol):
    """A table with Arrow's C stream interface."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...


QuoteData: TypeAlias = str | os.PathLike[str] | OpenFile | Mapping[str, object] | Frame | ArrowStream


class _Words:
    """An annotation for ``help``: a union that has a name is shown by that name."""

    def __init__(self, hint: object) -> None:
        self._text = formatannotation(hint)
        for name, union in (("QuoteData", QuoteData), ("Range", Range), ("File", File)):
            self._text = self._text.replace(formatannotation(union), name)
        self._text = re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Z])", "", self._text)

    def __repr__(self) -> str:
        return self._text


def spell_out(function: Callable[..., object], keywords: type) -> None:
    """Gives a function with ``**settings`` a signature that names each one, for ``help`` and notebooks."""
    given = signature(function)
    kept = [
        each.replace(annotation=_Words(each.annotation))
        for each in given.parameters.values()
        if each.kind is not Parameter.VAR_KEYWORD
    ]
    hints = {name: _Words(hint) for name, hint in get_type_hints(keywords).items()}
    named = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=BACKTEST_OPTIONS[name].default, annotation=hint)
        for name, hint in hints.items()
    ]
    function.__signature__ = given.replace(parameters=[*kept, *named])  # type: ignore[attr-defined]
