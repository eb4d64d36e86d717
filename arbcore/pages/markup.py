"""HTML as values: everything that is not ``Markup`` is escaped when it is put into a page.

Owns escaping and the spelling of numbers. It must not know what is shown.
"""

import html
import math
from collections.abc import Iterable

from arbcore.core.text import printable

_VOID = ("br", "col", "link", "meta")
_MINUS, _NOTHING = "\N{MINUS SIGN}", "\N{EN DASH}"


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def escape(item: object) -> Markup:
    """Returns anything as HTML: markup unchanged; in other text escapes special and invisible characters."""
    if isinstance(item, Markup):
        return item
    text = str(item)
    return Markup(html.escape(printable(text, len(text)), quote=True))


def join(items: Iterable[object], between: str = "") -> Markup:
    """Joins the items; each one that is not markup is escaped."""
    return Markup(between.join(escape(item) for item in items))


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """Returns an element. ``class_`` becomes ``class``, other underscores become hyphens.

    An attribute that is None is left out; one that is True has no value.
    """
    written = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-")
        written.append(f" {key}" if value is True else f' {key}="{escape(value)}"')
    start = f"<{name}{''.join(written)}>"
    return Markup(start if name in _VOID else f"{start}{join(children)}</{name}>")


def number(value: float | None, digits: int = 2, *, signed: bool = False) -> str:
    """Formats a number as ``1,234.50`` with a typographic minus sign; an en dash for None."""
    if value is None or not math.isfinite(value):
        return _NOTHING
    text = f"{value:{'+' if signed else ''},.{digits}f}"
    # A number that rounds to zero has no sign.
    if not text.strip("+-0.,"):
        text = text.lstrip("+-")
    return text.replace("-", _MINUS)


def percent(share: float | None, digits: int = 1) -> str:
    """Formats the share 0.123 as ``12.3%``."""
    return _NOTHING if share is None else f"{number(100 * share, digits)}%"


def datum(value: float | None, text: str, *, key: str | None = None) -> Markup:
    """Returns a formatted number, with the exact number beside it for programs that read the page."""
    return tag("data", text, value=repr(value) if value is not None else "", data_key=key)
