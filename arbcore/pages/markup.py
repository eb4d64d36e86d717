"""HTML as values: what is not ``Markup`` yet is escaped whenever it is put into a page.

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
    """Anything as HTML: markup as it is, other text with every special or unseen character made harmless."""
    if isinstance(item, Markup):
        return item
    text = str(item)
    return Markup(html.escape(printable(text, len(text)), quote=True))


def join(items: Iterable[object], between: str = "") -> Markup:
    """The items one after the other, each escaped where it is no markup."""
    return Markup(between.join(escape(item) for item in items))


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """An element. ``class_`` is ``class``, other underscores are hyphens; None is left out, True is bare."""
    written = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-")
        written.append(f" {key}" if value is True else f' {key}="{escape(value)}"')
    start = f"<{name}{''.join(written)}>"
    return Markup(start if name in _VOID else f"{start}{join(children)}</{name}>")


def number(value: float | None, digits: int = 2, *, signed: bool = False) -> str:
    """``1,234.50``, with a real minus sign; an en dash where there is no number."""
    if value is None or not math.isfinite(value):
        return _NOTHING
    text = f"{value:{'+' if signed else ''},.{digits}f}"
    # What rounds to nothing has no sign.
    if not text.strip("+-0.,"):
        text = text.lstrip("+-")
    return text.replace("-", _MINUS)


def percent(share: float | None, digits: int = 1) -> str:
    """``12.3%`` of a share of 0.123."""
    return _NOTHING if share is None else f"{number(100 * share, digits)}%"


def datum(value: float | None, text: str, *, key: str | None = None) -> Markup:
    """A number as shown, with the number itself beside it for programs that read the page."""
    return tag("data", text, value=repr(value) if value is not None else "", data_key=key)
