"""Makes foreign text safe to show: text sent by another machine must not control a terminal.

It imports nothing of arbcore.
"""

import re
import unicodedata

#: The most characters shown of a foreign text; the rest is cut, and the cut is marked.
SHOWN_MAX = 200


#: Replacements for characters that a terminal or a file cannot encode.
_PLAIN = {
    "\N{MICRO SIGN}": "u", "\N{MULTIPLICATION SIGN}": "x", "\N{MIDDLE DOT}": ".",
    "\N{HORIZONTAL ELLIPSIS}": "...", "\N{MINUS SIGN}": "-", "\N{EN DASH}": "-", "\N{EM DASH}": "-",
}  # fmt: skip


def plain_spelling(error: UnicodeError) -> tuple[str, int]:
    """Handles an encoding error, for ``codecs``: ``us`` for ``µs`` and the like, else an escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    spelled = [_PLAIN.get(each) or each.encode("ascii", "backslashreplace").decode() for each in characters]
    return "".join(spelled), error.end


def printable(text: str | bytes, limit: int = SHOWN_MAX) -> str:
    """``text`` on one line with every control, format and undecodable character written as an escape.

    This covers escape sequences, carriage returns and right-to-left overrides. At most ``limit`` characters
    of the input are shown; an ellipsis follows if it was longer.
    """
    if isinstance(text, bytes):
        text = text[: 4 * limit].decode("utf-8", "backslashreplace")
    shown = "".join(_shown(character) for character in text[:limit])
    return shown + "…" if len(text) > limit else shown


def _shown(character: str) -> str:
    if character == " ":
        return character
    # C* are control, format, surrogate, private and unassigned characters; Z* break lines or are invisible.
    if unicodedata.category(character)[0] in "CZ":
        return character.encode("unicode_escape").decode("ascii")
    return character


def time_span(seconds: float) -> str:
    """A duration such as ``4.0 s``, ``12.5 min``, ``3.2 h``, ``2.1 d``."""
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:,.1f} {name}"
    return f"{seconds:.1f} s"


def plural(count: int, noun: str) -> str:
    """A count with its noun: ``1 round``, ``2 rounds``, ``1,200 orders``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def whole_seconds(text: str) -> str:
    """``text`` with every ISO time in it cut to whole seconds, for people to read.

    >>> whole_seconds("since 2026-12-01T07:57:19.77615361Z: ACTIVE")
    'since 2026-12-01T07:57:19Z: ACTIVE'
    """
    return re.sub(r"(T\d\d:\d\d:\d\d)\.\d+Z", r"\1Z", text)
