"""The user's own quotes: joins two files of one instrument each, examines and converts rows of both.

Each part is imported on its first use, so importing this package costs nothing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arbcore.quotes.checking import Checked as Checked
    from arbcore.quotes.checking import check as check
    from arbcore.quotes.converting import Converted as Converted
    from arbcore.quotes.converting import convert as convert
    from arbcore.quotes.joining import Joined as Joined
    from arbcore.quotes.joining import join as join

_HOMES = {
    "Checked": "arbcore.quotes.checking",
    "Converted": "arbcore.quotes.converting",
    "Joined": "arbcore.quotes.joining",
    "check": "arbcore.quotes.checking",
    "convert": "arbcore.quotes.converting",
    "join": "arbcore.quotes.joining",
}

__all__ = ["Checked", "Converted", "Joined", "check", "convert", "join"]


def __getattr__(name: str) -> object:
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
